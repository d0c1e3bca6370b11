/* SPDX-License-Identifier: MIT */
/* Training as a library call: an initial network and pictures in, a folder of files out.
 *
 * Reading order: training.h, start.c (the initial network), targets.c (targets of the language
 * head), prepare.c (everything before the first step), training.c (the loop), validate.c (held-out
 * pictures), state.c (stopping and resuming), record.c (train.json), tables.c, outputs.c
 * (model.safetensors, the report).
 *
 * All files but train.log are the same bytes for any instruction set, number of threads,
 * micro-batch and memory limit, and however often the training was stopped and resumed. */
#ifndef FUS_TRAINING_H
#define FUS_TRAINING_H

#include "nn/train/train.h"
#include "weights/weights.h"

enum fus_training_missing { FUS_TRAINING_MISSING_ERROR, FUS_TRAINING_MISSING_SKIP };

struct fus_training_options {
    const char *model, *lang_head, *prefix, *preprocess; /* the start */
    const char *stimuli, *validate;                      /* pictures; "10%" or another set */
    const char *out;                                     /* the folder */
    const char *captions, *language; /* captions.tsv; source of the targets (targets.h); NULL: none */
    const char *vocab, *activation;  /* of --language clip:FILE; NULL: beside the file, what it says */
    const char *augment, *freeze;
    const char *schedule; /* cosine, constant, step:30,60 */
    bool truncate;        /* captions that are too long for clip:FILE */
    bool fresh, contrastive, idf, frozen_norms, winograd, resume, force;
    enum fus_training_missing missing;
    enum fus_train_language loss;
    double classify, weight, smooth; /* weights of the two losses; label smoothing */
    int lang_hidden, embed, epochs, batch, head_epochs, micro_batch, keep;
    uint64_t seed;
    double rate, rate_heads, warm_up; /* 0: the default; warm-up in epochs */
    struct fus_optimise optimise;
    size_t max_memory;
    double state_seconds; /* longest time between saved states; 0: after each step */
    enum fus_dtype dtype; /* of model.safetensors */
    int n_named;
    /* [n_named] what the result depends on, by option's name, for train.json */
    const struct fus_safetensors_pair *named;
};

struct fus_training_progress {
    int epoch, n_epochs;
    long step, n_steps; /* done */
    double loss;        /* of the last step */
    double rate;        /* pictures a second since this process began its first step */
    double seconds_left;
};

/* The scores of one pass over pictures. NaN: not computed. */
struct fus_training_score {
    double loss, classify, language, accuracy, cosine;
    double recall[2]; /* contrastive: own text first, own picture first */
};

struct fus_training_result {
    int n_held, n_train, n_classes, best_epoch; /* epochs from 1 */
    struct fus_training_score held, best;
    char layer[48]; /* the last block's, for `fusiform run` */
};

/* Callbacks. Each may be NULL. */
struct fus_training_hooks {
    void *context;
    void (*note)(void *context, const char *line);
    void (*progress)(void *context, const struct fus_training_progress *p);
    void (*begins)(void *context); /* before the first step; from now on `stopping` is called */
    bool (*stopping)(void *context);
};

/* Trains. FUS_ESTOPPED: stopping returned true, and a state was written. FUS_EINVAL: invalid
 * options, pictures or captions, or a folder with another training. A loss that is not finite:
 * FUS_EFORMAT with step, parameter and rate. */
int fus_training_run(struct fus_training_result *result, const struct fus_training_options *options,
                     const struct fus_training_hooks *hooks, struct fus_error *err);

#endif
