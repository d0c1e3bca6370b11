/* SPDX-License-Identifier: MIT */
/* Comparisons of models that differ in their numbers of selective units or of trainings:
 * count-matched comparison (units/matched.c), groups of trainings (units/groups.c). */
#ifndef FUS_CONTRAST_H
#define FUS_CONTRAST_H

#include "analysis/inference.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- count-matched comparison (matched.c) ----
 *
 * A network with less noise has more units that pass a test, and weaker ones among them. So two
 * models are compared by as many units of each: the k units whose least t (Welch's) over the other
 * categories is largest. They are chosen in one half of the pictures; their mean CSI is measured in
 * the other, Morisita's index from their places. Both ways, averaged. */
#define FUS_MATCHED_STEP 25 /* models are compared at k = 25, 50, 100, ... and at the smaller count */
#define FUS_MATCHED_LEAST 3 /* fewer units are not compared */

enum fus_matched_statistic { FUS_MATCHED_CSI, FUS_MATCHED_MORISITA, FUS_MATCHED_STATISTICS };

/* One layer. The points of category c are first[c] .. first[c+1]-1: k = 3, 6, 12, 25, 50, ...
 * below the count of its selective units, and that count; none if it is below FUS_MATCHED_LEAST.
 * Column 2 * point + statistic of bootstrap, which has estimates alone if there are no resamples.
 * NaN: undefined. */
struct fus_matched {
    int n_categories;
    size_t *first; /* [n_categories + 1] */
    size_t *k;     /* [first[n_categories]] */
    struct fus_bootstrap bootstrap;
};

/* n_selective [n_categories]: the counts of selective units, over all pictures. half [n_images] of
 * the pictures of r; resamples draw within half and subcategory. Intervals of BCa are percentiles
 * here. FUS_EINVAL if a half has fewer than two pictures of a category. */
int fus_matched_create(struct fus_matched *m, const struct fus_responses *r, const int *half, const size_t *n_selective,
                       size_t n_resamples, enum fus_interval_method method, uint64_t seed,
                       const struct fus_progress *progress, struct fus_error *err);
void fus_matched_destroy(struct fus_matched *m);

/* The units chosen in one half: category after category, first the largest t; as many as its own
 * count, n [n_categories] of them (0 if fewer than FUS_MATCHED_LEAST). units: room for the sum of
 * the counts. half: fus_halves_view. */
int fus_matched_choose(size_t *units, size_t *n, const struct fus_matched *m, const struct fus_moments *half,
                       int channels, struct fus_error *err);

/* k [returned number, at most FUS_MATCHED_MOST] at which two layers are compared in a category: the
 * multiples of FUS_MATCHED_STEP below the smaller count, and that. */
enum { FUS_MATCHED_MOST = 40 };
int fus_matched_list(size_t k[FUS_MATCHED_MOST], const struct fus_matched *a, const struct fus_matched *b,
                     int category);

/* A statistic at k units, at most the category's count; between two points it is interpolated over
 * log k, resample by resample. values: room for fus_matched_room numbers, which the column points
 * to. */
size_t fus_matched_room(const struct fus_matched *m);
struct fus_bootstrap_column fus_matched_column(double *values, const struct fus_matched *m, int category, size_t k,
                                               enum fus_matched_statistic statistic);

/* ---- agreement of response profiles (agreement.c) ----
 *
 * Do two models' units for a category respond to the same pictures? A profile is the mean response
 * of the units chosen in one half of the pictures to each picture of the other half. */
enum fus_agreement_units { FUS_AGREEMENT_ALL, FUS_AGREEMENT_EVEN, FUS_AGREEMENT_ODD, FUS_AGREEMENT_UNITS };

/* out [n_categories, FUS_AGREEMENT_UNITS, n_images]: of all chosen units, and of every second of
 * them by rank; NaN if there are none. */
int fus_agreement_profiles(double *out, const struct fus_matched *m, const struct fus_responses *r, const int *half,
                           struct fus_error *err);

/* Two models in one category: Pearson's r of their profiles, mean of both halves, and the ceiling
 * that the units leave: sqrt(c_a c_b), c the correlation of a model's even and odd units with
 * Spearman's and Brown's correction for half as many, 2 r / (1 + r). within: after the mean of each
 * category of pictures is taken away, since it alone makes any two profiles of one category
 * alike. NaN: undefined. */
struct fus_agreement {
    double r, ceiling, r_within, ceiling_within;
};
/* a, b [FUS_AGREEMENT_UNITS, n_images] of one category; category, half [n_images]. */
int fus_agreement_compare(struct fus_agreement *out, const double *a, const double *b, const int *category,
                          const int *half, size_t n_images, int n_categories, struct fus_error *err);

/* ---- groups of trainings (groups.c) ----
 *
 * One network of a kind says nothing of others that differ by their seed alone. Several of each
 * kind are samples: under exchange of trainings between two groups every relabelling of them is
 * equally likely. */
enum { FUS_GROUPS_MAX = 16, FUS_GROUPS_MODELS = 64, FUS_GROUPS_EXACT = 20000, FUS_GROUPS_DRAWN = 9999 };

struct fus_group {
    char name[64];
    int n, model[FUS_GROUPS_MODELS];
};
struct fus_groups {
    int n;
    struct fus_group group[FUS_GROUPS_MAX];
};

/* "lang=l1,l2;control=c1,c2": models by name, each in one group at most; FUS_EINVAL names what is
 * wrong. text NULL: no groups. names NULL: the form alone is checked, models are not looked up. */
int fus_groups_parse(struct fus_groups *out, const char *text, const char *const *names, int n_names,
                     struct fus_error *err);

/* Two groups in one statistic: value [n_layers, n_a + n_b], the models of the first group before
 * those of the second. p of each layer, two-sided: the share of relabellings whose difference of
 * means is at least as large; p_family: whose largest difference over all layers, each divided by
 * the sd over all models, reaches the layer's. All relabellings up to FUS_GROUPS_EXACT, else
 * (b + 1) / (m + 1) of m = FUS_GROUPS_DRAWN drawn ones. A layer with a NaN has none and is in no
 * maximum. Returns the number of relabellings, negative if drawn; 0: no memory. */
long fus_groups_permute(double *p, double *p_family, const double *value, int n_layers, int n_a, int n_b,
                        uint64_t seed);

/* Interval of the difference of means by resampling models and pictures: column [n_a + n_b] of the
 * models' statistic; those without resamples contribute their estimate. A draw takes n - 1 of a
 * group's n models with replacement, so that the variance of the mean is not underestimated (Rao &
 * Wu 1988), one if n = 1, and their values in one resample of the pictures, the same for all. The
 * quantiles are centred on the estimate. scratch [n_draws]. */
void fus_groups_interval(struct fus_interval *out, const struct fus_bootstrap_column *column, int n_a, int n_b,
                         size_t n_draws, uint64_t seed, double alpha, double *scratch);

/* ---- a second set of pictures (heldout.c) ----
 *
 * Units chosen with one set are measured with another, whose pictures had no part in the choice.
 * Over the chosen units of a category: the share whose largest mean in the second set is the
 * category's (larger than every other), mean CSI, d' and AUC against all other pictures. */
enum fus_heldout_statistic {
    FUS_HELDOUT_SHARE,
    FUS_HELDOUT_CSI,
    FUS_HELDOUT_DPRIME,
    FUS_HELDOUT_AUC,
    FUS_HELDOUT_STATISTICS
};

struct fus_heldout_plan {
    const int8_t *chosen; /* [n_units] labels by the first set */
    const int8_t *again;  /* [n_units] labels by the second set, in its categories */
    int n_categories;     /* of the first set */
    const int *category;  /* [n_categories] the same in the second set; -1: it has none */
    size_t n_resamples;   /* of the second set's pictures (redraw.c); 0: no intervals */
    enum fus_interval_method method;
    uint64_t seed;
    double alpha;
    size_t max_bytes; /* the chosen units' responses are copied up to this size, else read again and again */
};

struct fus_heldout_category {
    size_t n;                                          /* units chosen with the first set */
    struct fus_interval value[FUS_HELDOUT_STATISTICS]; /* NaN: undefined */
    double dice; /* 2 |A and B| / (|A| + |B|) of the choices by the two sets; NaN: both are empty */
};
/* out [plan->n_categories]; r: of the second set. progress may be NULL. */
int fus_heldout_layer(struct fus_heldout_category *out, const struct fus_responses *r,
                      const struct fus_heldout_plan *plan, const struct fus_progress *progress, struct fus_error *err);

#ifdef __cplusplus
}
#endif

#endif
