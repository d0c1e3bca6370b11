/* SPDX-License-Identifier: MIT */
/* Opening a model, for all commands: file -> tensors -> network, with the preprocessing it was
 * trained with. */
#ifndef FUS_MODEL_H
#define FUS_MODEL_H

#include "nn/nn.h"
#include "stimuli/stimuli.h"
#include "weights/weights.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The options for a model's file; NULL: not given. */
struct fus_model_choice {
    const char *lang_head;  /* --lang-head */
    const char *prefix;     /* --prefix: which of the file's networks */
    const char *preprocess; /* --preprocess (stimuli.h); it overrides the file's metadata */
    const char *activation; /* --activation: quickgelu or gelu, of CLIP's transformers (weights.h) */
};

struct fus_model {
    struct fus_store *store;
    struct fus_net_spec spec;
    struct fus_net *net;
    const char *preprocess_text;
    struct fus_preprocess preprocess;
    size_t input_floats; /* 3 * side * side */
    char description[256];
    char notes[1600]; /* lines for the user: assumptions made, other contents of the file; may be empty */
};

/* Messages start with the path. choice NULL: no options given. options: nn.h; NULL: one picture at
 * a time. */
int fus_model_open(struct fus_model *m, const char *path, const struct fus_model_choice *choice,
                   const struct fus_net_options *options, struct fus_error *err);
/* The same without building the network: its architecture and its input. */
int fus_model_recognise(struct fus_model *m, const char *path, const struct fus_model_choice *choice,
                        struct fus_error *err);
void fus_model_close(struct fus_model *m);

/* The taps named by the text of --layers ("all" or "a,b"): wanted [fus_net_n_taps]. */
int fus_model_want(bool *wanted, const struct fus_model *m, const char *layers, struct fus_error *err);

/* FUS_EFORMAT if one of a tap's values [C, H, W] is NaN or infinite; the message starts with the
 * path and names layer and unit. */
int fus_model_check_tap(const struct fus_model *m, int tap, const float *values, const char *picture,
                        struct fus_error *err);

/* Shows one picture's input again, with all taps: FUS_EFORMAT names the first layer with a NaN or
 * infinite value. The net's watching function is removed. */
int fus_model_find_bad_layer(struct fus_model *m, const float *input, const char *picture, struct fus_error *err);

#ifdef __cplusplus
}
#endif

#endif
