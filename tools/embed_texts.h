/* SPDX-License-Identifier: MIT */
/* `fusiform embed` of texts. */
#ifndef FUS_EMBED_TEXTS_H
#define FUS_EMBED_TEXTS_H

#include "analysis/localizer/model.h"
#include "tools/text_args.h"

/* Writes [n, D] to out, and OUT.json with the digests of model and vocabulary; the exit status. */
int fus_embed_texts_run(const char *out, const char *path, const struct fus_model_choice *model,
                        const struct fus_text_args *args);

/* "lsa", "lsa:D" in place of a model: the texts' vectors from their own words (analysis/lsa.h).
 * Writes as above; OUT.json has the number of words. */
bool fus_embed_texts_is_lsa(const char *model);
int fus_embed_texts_lsa(const char *out, const char *model, const struct fus_text_args *args);

#endif
