/* SPDX-License-Identifier: MIT */
/* Silencing units and measuring a read-out of the network: the steps of `fusiform lesion`. */
#ifndef FUS_LESION_H
#define FUS_LESION_H

#include "analysis/inference.h"
#include "analysis/localizer/model.h"
#include "nn/base/outfile.h"
#include "nn/base/rng.h"

/* Which units are chosen: by the run's rule, or, top > 0, the `top` units of the largest least t
 * over the other categories (of equal ones the first). */
struct fus_lesion_rule {
    struct fus_select_options select; /* with its criterion */
    size_t top;
};

/* label [n_units]: category for a chosen unit, else -1 or another category. m [n_categories,
 * n_units]: of the half in which units are chosen; r: its responses, used by ranksum alone. */
int fus_lesion_label(int8_t *label, const struct fus_moments *m, const struct fus_responses *r,
                     const struct fus_tap *tap, int category, const struct fus_lesion_rule *rule,
                     struct fus_error *err);

/* mean [n_units]: the unweighted mean of the categories' means. */
void fus_lesion_unit_means(double *mean, const struct fus_moments *m);

/* Which units of a layer [n_units, C order] are silenced: selective ones first, then controls
 * of the same number. */
struct fus_lesion_sets {
    size_t n_sets, n_chosen; /* every set has n_chosen units */
    size_t *units;           /* [n_sets, n_chosen] */
};

/* Set 0: the units whose label is category. Then n_controls random sets of other units, then
 * n_controls sets of other units matched in mean activation: each chosen unit is matched with one
 * of the MATCH nearest other units, or the nearest one still unused. mean [n_units]. */
int fus_lesion_choose(struct fus_lesion_sets *sets, const int8_t *label, const double *mean, size_t n_units,
                      int category, size_t n_controls, uint64_t seed, struct fus_error *err);
void fus_lesion_free(struct fus_lesion_sets *sets);

/* features [n_sets + 1, n_pictures, n_features]: of the intact network, then of
 * each set silenced. */
struct fus_lesion_readout {
    const float *features;
    const struct fus_set *set;
    size_t n_features;
};

/* A read-out of each half of the pictures, by the intact network: ridge regression or nearest class
 * mean (inference.h); both weigh the categories equally. Freed by the caller, after a failure
 * too. */
int fus_lesion_fit(struct fus_readout fits[2], const struct fus_lesion_readout *r, bool ridge, struct fus_error *err);

/* Classifies each half of the pictures by the read-out fitted to the other half: accuracy
 * [n_categories] in the k-th condition. */
void fus_lesion_read(double *accuracy, const struct fus_readout fits[2], const struct fus_lesion_readout *r,
                     size_t condition);

/* feature_mean [n_categories] of the k-th condition, over pictures and features. */
void fus_lesion_means(double *feature_mean, const struct fus_lesion_readout *r, size_t condition);

/* ---- the table (lesion_table.c) ---- */

struct fus_lesion_control { /* of one kind of control sets */
    double mean, low, high; /* accuracy: mean, quantiles 0.025 and 0.975 */
    double p;               /* (sets with no more than the lesion's + 1) / (sets + 1) */
    double interaction;     /* mean over sets */
    double p_interaction;   /* (sets with at least the lesion's + 1) / (sets + 1) */
};

/* Of one category. interaction: how much the lesion lowers its accuracy, minus the mean of how much
 * it lowers the other categories'. */
struct fus_lesion_row {
    double intact, lesion, interaction;
    struct fus_lesion_control random, matched;
    double feature_intact, feature_lesion, feature_random, feature_matched;
};

/* accuracy and feature_mean: [2 + 2 n_controls, n_categories], of the intact network, the lesion,
 * random and matched sets. */
int fus_lesion_compare(struct fus_lesion_row *rows, const double *accuracy, const double *feature_mean,
                       size_t n_categories, size_t n_controls, struct fus_error *err);

struct fus_lesion_table {
    const char *layer, *silenced, *mode, *readout; /* mode: zero or mean; readout: mean or ridge */
    size_t n_silenced[2];                          /* chosen in half 0, and in half 1 */
    size_t n_units, n_controls, top;               /* top: of struct fus_lesion_rule */
    const struct fus_set *set;
    const struct fus_lesion_row *rows; /* [set->n_categories] */
};

void fus_lesion_write_header(struct fus_outfile *f); /* as CSV */
void fus_lesion_write(struct fus_outfile *f, const struct fus_lesion_table *t);
void fus_lesion_print(FILE *f, const struct fus_lesion_table *t); /* for people: a sentence and a table */

#endif
