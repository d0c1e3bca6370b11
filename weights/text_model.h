/* SPDX-License-Identifier: MIT */
/* CLIP's text side of a weight file: vocabulary and text tower. Texts in, embeddings out. */
#ifndef FUS_TEXT_MODEL_H
#define FUS_TEXT_MODEL_H

#include "weights/text_lines.h"
#include "weights/vocab.h"
#include "weights/weights.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What the user says about the file; NULL: not given. */
struct fus_text_model_choice {
    const char *prefix;     /* --prefix: which of the file's networks */
    const char *vocab;      /* --vocab; NULL: the one beside the weights */
    const char *activation; /* --activation: quickgelu or gelu */
    enum fus_precision precision;
    const char *advice; /* what to do about a file without a text tower: "give --text-model ..." */
};

struct fus_text_model;

/* path: a CLIP file with its text tower; an image tower need not be in it. Messages start with the
 * path of the file that is wrong. */
int fus_text_model_open(struct fus_text_model **m, const char *path, const struct fus_text_model_choice *choice,
                        struct fus_error *err);
void fus_text_model_close(struct fus_text_model *m); /* NULL allowed */

int fus_text_model_dim(const struct fus_text_model *m);
const char *fus_text_model_activation(const struct fus_text_model *m); /* "quickgelu", "gelu" */
enum fus_precision fus_text_model_precision(const struct fus_text_model *m);
const struct fus_vocab *fus_text_model_vocab(const struct fus_text_model *m);
struct fus_store *fus_text_model_store(const struct fus_text_model *m);

/* exp of the checkpoint's `logit_scale`; 100, what OpenAI's models were clipped to, where there is
 * none. */
int fus_text_model_scale(double *scale, struct fus_store *store, struct fus_error *err);

struct fus_text_job {
    const struct fus_text_line *texts; /* [n] */
    size_t n;
    const char *path;             /* of the texts' file, for messages: "PATH: line 3: "; NULL: "text 3: " */
    const char *const *templates; /* [n_templates] each with one {}, where the text goes */
    int n_templates;              /* 0: texts as they are */
    bool normalize, truncate;
    void (*progress)(void *context, size_t done, size_t of); /* in prompts; NULL: none */
    void *context;
};

/* out [n, dim]: one row a text. One template or none: the tower's embedding, of length 1 if
 * normalize. Several: each embedding is brought to length 1, the mean over templates is taken in
 * their order, in double, and brought to length 1 (the prompt ensemble of Radford et al. 2021). All
 * texts are encoded before the first is embedded. */
int fus_text_model_embed(float *out, struct fus_text_model *m, const struct fus_text_job *job, struct fus_error *err);

/* Whether a text is a template: "{}" stands in it once. */
bool fus_text_model_is_template(const char *text, size_t n);

/* Whether one of the job's texts looks misread (clean.h). */
bool fus_text_model_looks_misread(const struct fus_text_job *job);

/* Brings v [n] to length 1, sums in double; zeros stay. */
void fus_text_model_unit(float *v, int n);

#ifdef __cplusplus
}
#endif

#endif
