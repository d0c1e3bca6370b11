/* SPDX-License-Identifier: MIT */
/* The initial network of a training: a weight file or `random:...`, with the heads that the tasks
 * need. */
#ifndef FUS_START_H
#define FUS_START_H

#include "analysis/train/targets.h"
#include "analysis/train/training.h"

struct fus_start {
    struct fus_store *store;
    struct fus_net_spec spec; /* of the network to train */
    struct fus_preprocess preprocess;
    const char *preprocess_text;
    char sha256[65];                          /* of the file, or of the text of `random:` */
    uint64_t seed;                            /* of new heads */
    bool new_classes, new_language, new_text; /* heads that are missing in the file or have another size there */
    int n_words;
    char *words;        /* contrastive: all words, a space between; NULL */
    const char *freeze; /* --freeze */
    bool heads_only;    /* --head-epochs: only new heads are trained at present */
};

/* Opens the file and recognises the network. Messages start with the path. */
int fus_start_open(struct fus_start *s, const struct fus_training_options *o, struct fus_error *err);

/* Adds the heads for n_classes classes (0: none) and the targets (NULL: none). note: called with a
 * line for each head replaced or left out. */
int fus_start_fit(struct fus_start *s, const struct fus_training_options *o, int n_classes, const struct fus_targets *t,
                  const struct fus_training_hooks *hooks, struct fus_error *err);
void fus_start_close(struct fus_start *s);

/* fus_weight_fn and fus_train_options.trained of a start. */
int fus_start_get(void *start, float *out, size_t n, const char *name, struct fus_error *err);
bool fus_start_trained(void *start, const char *name);

/* fus_train_options.head: parameters of new heads. In a random start everything is new: those of
 * all heads. */
bool fus_start_head(void *start, const char *name);

/* Whether every name of --freeze is a part of the network. */
int fus_start_check_freeze(const struct fus_start *s, struct fus_error *err);

/* Side of the last stage's map: if it is 1, batch norm needs two pictures. */
int fus_start_last_side(const struct fus_start *s);

#endif
