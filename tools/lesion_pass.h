/* SPDX-License-Identifier: MIT */
/* Private to fusiform lesion: its state, and its passes over the pictures. */
#ifndef FUS_LESION_PASS_H
#define FUS_LESION_PASS_H

#include "analysis/localizer/lesion.h"
#include "analysis/run/run_read.h"
#include "tools/args.h"
#include "tools/model_args.h"

/* The value of silenced units. */
enum { FUS_LESION_PASS_ZERO, FUS_LESION_PASS_MEAN };

enum { FUS_LESION_PASS_DOSES = 32 };

struct fus_lesion_pass {
    const char *model_path, *folder, *category, *layer, *stimuli, *categories, *out;
    struct fus_model_choice choice;
    struct fus_choice mode, readout;
    int controls, batch, wanted_category;
    bool skip_bad;
    uint64_t seed;
    struct fus_run_read past;
    struct fus_run_options of_run; /* those of past that fus_run_read_rule reads */
    struct fus_set set;
    char (*sha256)[65];
    struct fus_cache *cache;
    struct fus_model model;
    int tap, feature_tap;
    size_t n_places, n_units, blocked_units, n_features;
    size_t doses[FUS_LESION_PASS_DOSES]; /* [n_doses] of --top */
    int n_doses;
    struct fus_lesion_rule rule;
    struct fus_moments moments;     /* [2 n_categories, n_units] group half * n_categories + category */
    float *responses;               /* [n_pictures, n_units], for ranksum alone */
    double *mean[2];                /* [n_units] of a half, categories weighed equally */
    struct fus_lesion_sets sets[2]; /* chosen in half 0, 1; their n_sets are equal */
    float *input, *kept, *cut;      /* [batch, ...]: pictures; the layer's output, intact and with silenced units */
    float *features;                /* [n_sets + 1, n_pictures, n_features] */
    bool *wanted;                   /* [n_taps] */
    int first;                      /* picture number of the batch's first one */
    size_t condition;               /* being shown */
};

/* look: the moments of the layer's units in each half of the pictures. measure: the sets of units
 * to silence by l->rule, and the features of every picture in every condition: the intact network
 * first, then each set silenced. A picture of one half is shown with the units silenced that were
 * chosen in the other half, from which its read-out comes, too. Before the calls the network must
 * be open with its memory allocated (cmd_lesion.c: plan), and the pictures read. */
int fus_lesion_pass_look(struct fus_lesion_pass *l, struct fus_error *err);
int fus_lesion_pass_measure(struct fus_lesion_pass *l, struct fus_error *err);

#endif
