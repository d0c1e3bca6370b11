/* SPDX-License-Identifier: MIT */
/* Options of the commands that take texts, and the texts and templates that they name. */
#ifndef FUS_TEXT_ARGS_H
#define FUS_TEXT_ARGS_H

#include "tools/args.h"
#include "weights/text_model.h"

enum { FUS_TEXT_ARGS_MAX = 1000 };

struct fus_text_args {
    struct fus_texts texts; /* --text, repeated */
    const char *file;       /* --texts or --text-labels */
    struct fus_texts templates;
    const char *template_file; /* --templates */
    const char *vocab;
    enum fus_precision precision;
    bool truncate, normalize;
    const char *text_items[FUS_TEXT_ARGS_MAX], *template_items[FUS_TEXT_ARGS_MAX];
};

void fus_text_args_start(struct fus_text_args *a);
bool fus_text_args_any_option(const struct fus_text_args *a); /* one that goes with texts alone */

/* 0, or 2 after a message, for --template without {} in it. */
int fus_text_args_check(const char *command, const struct fus_text_args *a);

struct fus_text_model_choice fus_text_args_choice(const struct fus_text_args *a, const char *prefix,
                                                  const char *activation);

/* The texts and templates as a job. `standard`: the template where none is given; NULL: none. */
struct fus_text_input {
    struct fus_text_job job;
    struct fus_text_lines file, template_file;
    struct fus_text_line *given; /* of --text */
    const char **templates;
};
int fus_text_args_read(struct fus_text_input *in, const struct fus_text_args *a, enum fus_text_lines_kind kind,
                       const char *standard, struct fus_error *err);
void fus_text_args_free(struct fus_text_input *in);

/* Text embeddings with progress on stderr; *out [n, dim] is the caller's. Tells of texts that look
 * misread. */
int fus_text_args_embed(float **out, struct fus_text_model *m, struct fus_text_input *in, struct fus_error *err);

/* Lines of --help. */
#define FUS_TEXT_ARGS_HELP                                                                                          \
    "  --template T       a text that holds {} once, where each text goes: \"a photo of a {}.\"; may be repeated\n" \
    "  --templates FILE   one template a line. Of several the mean of the embeddings, each of length 1, is taken\n" \
    "  --truncate         cut texts of more tokens than the model takes (77); else they are an error\n"             \
    "  --vocab FILE       CLIP's vocabulary, where it does not lie beside the weights:\n"                           \
    "                     bpe_simple_vocab_16e6.txt.gz, or Hugging Face's merges.txt or tokenizer.json\n"

#endif
