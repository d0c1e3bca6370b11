/* SPDX-License-Identifier: MIT */
/* Why a unit has its label: every number of the decision on one unit, for `fusiform explain`
 * (analysis/units/decision.c). The numbers are those of select.c and criteria.c. */
#ifndef FUS_DECISION_H
#define FUS_DECISION_H

#include "analysis/inference.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A p among those of all units of the layer, and how its q comes about. */
struct fus_decision_rank {
    size_t n;           /* units */
    size_t first, last; /* p is the first-th to last-th smallest: equal values share these */
    size_t at;          /* bh, by: q is the at-th smallest p, p_at, times scale / at; 0: p times scale, at most 1 */
    double p_at, scale, q;
};

/* The unit's category against another one. NaN: not part of the criterion. */
struct fus_decision_pair {
    int rival;
    double t, df;                       /* of the run's test; Student's for prince */
    double p;                           /* that counts */
    struct fus_balanced_terms balanced; /* of the balanced test; hall, permutation: of unequal n alone */
    struct fus_decision_rank rank;      /* prince: over the layer for this pair */
    double u, auc;                      /* ranksum */
};

struct fus_decision {
    int category; /* the one that is tested; -1: the unit has a NaN or infinite response */
    int n_pairs;
    struct fus_decision_pair pairs[FUS_SELECT_CATEGORIES];
    int worst;                               /* the pair with the largest p; for prince the largest q */
    double p;                                /* iut, ranksum: the largest p */
    double least_t;                          /* over the pairs; NaN for ranksum */
    struct fus_decision_rank rank;           /* iut: of p over the layer */
    double statistic[FUS_SELECT_CATEGORIES]; /* tdann, dprime, ratio: of each category */
    double cut;                              /* fus_criteria_cut */
    int label;                               /* -1: not selective */
};

/* The one category that the unit can be selective for: of the largest mean, or of the largest
 * statistic for tdann, dprime and ratio. The first of equal ones; -1: NaN or infinite responses. */
int fus_decision_category(const struct fus_moments *m, size_t unit, const struct fus_select_options *options);

/* The single responses of the unit, for ranksum: value, category [n_images]. */
struct fus_decision_responses {
    const float *value;
    const int *category;
    size_t n_images;
};

/* The tests of `category` by options->criterion; out->rank and label are not set. r NULL: the pairs
 * of ranksum stay empty. Without third moments that the test needs, p is NaN; so it is with the
 * permutation test. */
int fus_decision_pairs(struct fus_decision *out, const struct fus_moments *m, size_t unit, int category,
                       const struct fus_select_options *options, const struct fus_decision_responses *r,
                       struct fus_error *err);

/* Corrects over the units of the layer, as the labels are, and sets the label. m: the moments of
 * the whole layer, of which pairs was called for `unit`; r: its responses, for the permutation
 * test, whose p are set here; else NULL. There the p of other units count as 1 where they are above
 * alpha, so that q is exact up to alpha. */
int fus_decision_correct(struct fus_decision *out, const struct fus_moments *m, const struct fus_responses *r,
                         size_t unit, const struct fus_select_options *options, struct fus_error *err);

/* The same from the p of all units, p [n], which is sorted in place. */
void fus_decision_rank(struct fus_decision_rank *out, double value, double *p, size_t n,
                       enum fus_correction correction);
/* The label from what is set already. */
void fus_decision_decide(struct fus_decision *out, const struct fus_select_options *options);

#ifdef __cplusplus
}
#endif

#endif
