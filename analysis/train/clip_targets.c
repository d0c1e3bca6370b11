/* SPDX-License-Identifier: MIT */
/* Targets by the text tower of a CLIP file: each caption as it is, each name of a class as
 * "a photo of a NAME.". */
#include <stdio.h>
#include <string.h>

#include "analysis/train/vectors.h"
#include "weights/text_model.h"

static const char *const class_template = "a photo of a {}.";

/* Embeds the texts of one side. */
static int embed_side(struct fus_targets *t, int side, struct fus_text_model *m, const struct fus_targets_request *r,
                      struct fus_error *err)
{
    struct fus_targets_side *s = &t->side[side];
    struct fus_text_line *lines = fus_base_alloc(s->n_texts + 1, sizeof *lines);
    bool captions = s->mode == FUS_TARGETS_CAPTIONS;
    struct fus_text_job job = {.texts = lines,
                               .n = s->n_texts,
                               .templates = &class_template,
                               .n_templates = captions ? 0 : 1,
                               .normalize = true,
                               .truncate = r->truncate};
    if (!lines)
        return fus_targets_no_memory(err);
    for (size_t i = 0; i < s->n_texts; i++)
        lines[i] = (struct fus_text_line){s->texts[i], strlen(s->texts[i]), (int)i + 1};
    t->misread = t->misread || fus_text_model_looks_misread(&job);
    int code = fus_vectors_room(s, fus_text_model_dim(m), err);
    if (!code)
        code = fus_text_model_embed(s->rows, m, &job, err);
    if (code && err)
        fus_base_blame(err, "%s: ", captions ? "captions" : "names of classes");
    fus_base_free(lines);
    return code;
}

static int describe(struct fus_targets *t, struct fus_text_model *m, struct fus_error *err)
{
    const char *path = fus_store_path(fus_text_model_store(m)), *slash = strrchr(path, '/');
    bool captions = t->side[0].mode == FUS_TARGETS_CAPTIONS;
    snprintf(t->vocab_sha256, sizeof t->vocab_sha256, "%s", fus_vocab_sha256(fus_text_model_vocab(m)));
    snprintf(t->description, sizeof t->description, "CLIP's text tower (%.100s, %s) of %zu %s, %d dimensions",
             slash ? slash + 1 : path, fus_text_model_activation(m), t->side[0].n_texts,
             captions ? "captions" : "names of classes as 'a photo of a {}.'", t->dim);
    return fus_store_sha256(fus_text_model_store(m), t->model_sha256, err);
}

int fus_clip_targets_make(struct fus_targets *t, const struct fus_targets_request *r, struct fus_error *err)
{
    const struct fus_text_model_choice choice = {.vocab = r->vocab, .activation = r->activation};
    struct fus_text_model *m;
    int code = fus_text_model_open(&m, t->spec.path, &choice, err);
    if (code)
        return code;
    t->dim = fus_text_model_dim(m);
    for (int side = 0; side < 2 && !code; side++)
        if (t->side[side].feed)
            code = embed_side(t, side, m, r, err);
    if (!code)
        code = describe(t, m, err);
    fus_text_model_close(m);
    return code;
}
