/* SPDX-License-Identifier: MIT */
/* From activations to selective units. Works on arrays of units and knows neither networks nor
 * pictures; report.h makes tables and figures.
 *
 * Reading order: moments.c, special.c, ttest.c, multiple.c, select.c, search.c, csi.c, spatial.c.
 *
 * Every statistic is double. Loops over units may run in parallel; a sum never does. */
#ifndef FUS_ANALYSIS_H
#define FUS_ANALYSIS_H

#include <stddef.h>
#include <stdint.h>

#include "nn/base/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- moments: streamed mean, sum of squared and, if requested, of cubed deviations per unit and
 * group (Welford 1962; Pebay 2008) ---- */

struct fus_moments {
    int n_groups;
    size_t n_units;
    long *n;        /* [n_groups] pictures seen */
    double *mean;   /* [n_groups, n_units], undefined for a group without pictures */
    double *m2;     /* [n_groups, n_units] sum of (x - mean)^2 */
    double *m3;     /* [n_groups, n_units] sum of (x - mean)^3; NULL: not kept */
    bool is_signed; /* responses below 0 are ordinary: no CSI (fus_csi_unit) */
    bool is_lent;   /* mean, m2 and m3 are in memory that destroy does not free */
};

size_t fus_moments_bytes(int n_groups, size_t n_units, bool third); /* SIZE_MAX if it does not fit */
int fus_moments_create(struct fus_moments *m, int n_groups, size_t n_units, struct fus_error *err);
/* Keeps m3 from now on; called before the first picture. */
int fus_moments_keep_third(struct fus_moments *m, struct fus_error *err);
void fus_moments_destroy(struct fus_moments *m);

/* Adds one picture's responses x [n_units] f32 to `group`. Units may be in any fixed order;
 * pictures are added in list order. */
void fus_moments_add(struct fus_moments *m, int group, const float *x);

/* Bit-identical to n calls of add, but faster: row r = order[i] (NULL: r = i) of x [rows,
 * n_units] is added to group[r], for i = 0 .. n-1. */
void fus_moments_add_rows(struct fus_moments *m, const float *x, const int *group, const size_t *order, size_t n);

/* The weight c of a group's n-th picture in m3: (n - 1) (n - 2) / n^2. */
double fus_moments_weight(long n);

/* Merges group from_group of `from` into group `group` of `into`, over the same units (Chan,
 * Golub & LeVeque 1983).
 *
 *   share = n_b / (n_a + n_b)   d = mean_b - mean_a   mean_a += d * share   m2_a = (m2_a + m2_b) +
 *                                                     d * d * (n_a * share)   n_a += n_b
 *
 * A copy if n_a = 0; unchanged if n_b = 0. m3 is merged where both keep it:
 *
 *   m3_a = ((m3_a + m3_b) + d * d * d * (n_a * share * (1 - 2 share))) + 3 * d * ((1 - share) *
 *          m2_b - share * m2_a) */
void fus_moments_merge_group(struct fus_moments *into, int group, const struct fus_moments *from, int from_group);

/* Bit-identical to adding n_rows >= 1 rows, `stride` floats apart, to an empty group and merging
 * that: the moments of the block stay in cache. Returns whether all its means are finite, that is,
 * no response in it is NaN or infinite. */
bool fus_moments_add_block(struct fus_moments *m, int group, const float *x, size_t stride, size_t n_rows);

/* Units from blocks of 16 channels (nn.h: [ceil(C/16), n_places, 16], n_units = that size) to
 * [C, n_places], in place. */
int fus_moments_unblock(struct fus_moments *m, int channels, size_t n_places, struct fus_error *err);
/* one block: [P, 16] to [n_channels, P] */
void fus_moments_unblock_channels(double *out, const double *blocked, int n_channels, size_t n_places);

/* ---- distribution functions (special.c): relative error <= 1e-12 against SciPy, tails to
 * 1e-300 ---- */

double fus_special_lgamma(double x);                      /* x > 0 */
double fus_special_incbeta(double a, double b, double x); /* regularised I_x(a, b) */
double fus_special_t_sf(double t, double df);             /* P(T > t), Student */
double fus_special_normal_sf(double z);
double fus_special_normal_quantile(double p);
double fus_special_gamma_sf(double a, double x); /* regularised Q(a, x): P(X > x), gamma of shape a */

/* ---- tests (ttest.c) and correction (multiple.c) ---- */

/* Welch's t (1947) from the counts, means and variances (n-1) of two groups; *df by
 * Welch-Satterthwaite. t = 0 and df = 1 if both variances are 0. Student's form pools the
 * variances, df = n_a + n_b - 2. */
double fus_ttest_welch(double *df, double mean_a, double var_a, double n_a, double mean_b, double var_b, double n_b);
double fus_ttest_student(double *df, double mean_a, double var_a, double n_a, double mean_b, double var_b, double n_b);

/* One-sided p of "a greater than b" by Welch; 1 if both variances are 0. */
double fus_ttest_p(double mean_a, double var_a, double n_a, double mean_b, double var_b, double n_b);

/* The counts and moments of one group: mean, and sums of squared and of cubed deviations. */
struct fus_ttest_group {
    double n, mean, m2, m3;
};

/* One-sided p of "a greater than b" that holds its level for skewed responses and unequal n
 * (balanced.c): the largest of the p of the permutation distribution and the smaller one of
 * Welch's and Hall's (1992). With equal n exactly Welch's, and m3 is not read. At least 1/2 if
 * the difference is not positive; 1 if both variances are 0. */
double fus_balanced_p(const struct fus_ttest_group *a, const struct fus_ttest_group *b);

/* What fus_balanced_p takes its p from. NaN: not part of it, since n is equal, or all since both
 * variances are 0. */
struct fus_balanced_terms {
    double welch;       /* p */
    double h, hall;     /* Hall's statistic and its p */
    double student_t;   /* the statistic of the relabellings */
    double permutation; /* their p */
};
void fus_balanced_terms(struct fus_balanced_terms *out, const struct fus_ttest_group *a,
                        const struct fus_ttest_group *b);

/* Bounds of fus_balanced_p for groups of n_a and n_b, whatever their moments, given Student's
 * t >= 0. high falls with t, low falls with t. */
double fus_balanced_low(double t, double n_a, double n_b);
double fus_balanced_high(double t, double n_a, double n_b);

enum fus_correction { FUS_BH, FUS_BY, FUS_BONFERRONI, FUS_UNCORRECTED };
const char *fus_multiple_name(enum fus_correction correction); /* "bh", "by", "bonferroni", "none" */

/* q [n] = adjusted p [n], p in [0, 1] or FUS_EINVAL; ties by index; q may be p.
 *   BH          q_(i) = min over j >= i of p_(j) n / j        (Benjamini & Hochberg 1995)
 *   BY          the same with n (1 + 1/2 + ... + 1/n)         (Benjamini & Yekutieli 2001)
 *   Bonferroni  min(1, p n) */
int fus_multiple_adjust(double *q, const double *p, size_t n, enum fus_correction correction, struct fus_error *err);

/* The factor of p before the division by its rank (BH, BY): n_tests, n_tests (1 + 1/2 + ... +
 * 1/n_tests), n_tests or 1. */
double fus_multiple_scale(size_t n_tests, enum fus_correction correction);

/* The largest of p [n] whose q is <= alpha, -1 if there is none; exactly the p up to it are
 * rejected. n_tests is the number of all tests. n_before p-values are known to be rejected and
 * are not in the array; the remaining ones are known not to be rejected. Sorts p in place;
 * scratch [n]. */
double fus_multiple_threshold(double *p, double *scratch, size_t n, size_t n_before, size_t n_tests, double alpha,
                              enum fus_correction correction);

/* ---- selectivity of one layer (select.c, csi.c, spatial.c) ----
 * METHOD.md, "Which units are selective" and the two chapters that follow it. */

enum fus_criterion {                    /* sources: inference.h and criteria.c */
                     FUS_CRITERION_IUT, /* intersection-union of one-sided t tests: fus_select_layer */
                     /* Student two-sided against each other category, BY over the units per pair,
                      * all q <= alpha, all t > 0 */
                     FUS_CRITERION_PRINCE,
                     FUS_CRITERION_TDANN,  /* t against the pool of all others, variances with n, t > 10 */
                     FUS_CRITERION_DPRIME, /* d' > 1 (fus_csi_dprime) */
                     FUS_CRITERION_RATIO,  /* CSI > 1/3 */
                     /* preferred category against each other, largest p < 0.001;
                      * needs single responses */
                     FUS_CRITERION_RANKSUM
};

enum fus_test { /* of a pair of categories */
                FUS_TEST_BALANCED,
                FUS_TEST_WELCH,
                FUS_TEST_STUDENT,
                FUS_TEST_PERMUTATION /* needs single responses: fus_relabel_layer in inference.h */
};
const char *fus_select_test_name(enum fus_test test); /* "balanced", "welch", "student", "permutation" */

struct fus_select_options {
    enum fus_correction correction; /* used by iut alone */
    double alpha;                   /* used by iut and prince */
    enum fus_test test;             /* used by iut alone */
    /* fus_select_layer ignores this and uses iut; the resampling of inference.h uses it */
    enum fus_criterion criterion;
    long relabellings; /* of the permutation test, and the seed of their random numbers */
    uint64_t seed;
};

struct fus_category_summary {
    size_t n_selective;
    double proportion;             /* n_selective / n_units */
    double ci_low, ci_high;        /* of the proportion; NaN if no interval was computed */
    size_t n_csi, n_csi_undefined; /* selective units with and without a CSI (denominator <= 0) */
    /* over n_csi units; NaN if there are too few (at least 1 for the mean, 2 for the others) */
    double csi_mean, csi_sd, csi_sem;
    /* (mu_c - mu_p) / sqrt((s_c^2 + s_p^2) / 2) over the selective units; NaN if none */
    double dprime_mean;
    /* of the map over places; NaN if the map is 0 everywhere */
    double variation_cv, variation_sd, gini, entropy;
    /* of the map against units placed at random (placement.c): the CV of those, the chance of a map
     * as uneven, and Morisita's index; NaN if undefined */
    double variation_null, placement_p, morisita;
    /* [height, width] share of the channels selective at this place */
    float *map;
    /* units selected in one half of the pictures, measured in the same (csi_same) and in the other
     * (halves.c); NaN: not computed, */
    double csi_same, csi_cv, dprime_cv, auc_cv;
    double survival, split_half_r, dice; /* as the following */
    /* intervals of csi_mean, variation_cv and morisita (bootstrap.c) */
    double csi_low, csi_high, variation_low, variation_high, morisita_low, morisita_high;
};

struct fus_layer_summary {
    char name[48];
    int channels, height, width;
    int order;              /* 0, 1, ...: its place among all layers of the network */
    double depth;           /* 0 (first) to 1 (last block and later layers) */
    size_t n_units, n_dead; /* dead: zero variance in every category */
    /* units with a NaN or infinite response: p = 1, never selective */
    size_t n_undefined;
    /* participation ratio of the units' responses (dimensions.c); NaN: not computed */
    double dimensions;
    double reliability; /* of the pictures' dissimilarities (similarity.c); NaN: not computed */
    int n_categories;
    struct fus_category_summary *categories; /* [n_categories] */
    int8_t *label;                           /* [C, H, W]: -1 none, else the category; NULL: moved to another owner */
    /* Optional results (inference.h, analysis/run/summary.h); NULL: not requested. Owned by the
     * summary. */
    struct fus_bootstrap *bootstrap;
    double *agreement;                     /* [n_categories, FUS_AGREEMENT_UNITS, n_pictures] profiles: contrast.h */
    struct fus_matched *matched;           /* contrast.h */
    struct fus_permute_category *permuted; /* [n_categories] results of the permutation test */
    size_t *sweep;                         /* [n_categories, fus_sweep_count()] selective units */
    struct fus_power_point *power;         /* [n_categories, fus_power_count()] */
    struct fus_heldout_category *heldout;  /* [n_categories] the units in a second set of pictures: contrast.h */
    struct fus_equaln_category *equal_n;   /* [n_categories] */
    double *rdm, *picture_rdm;             /* dissimilarities of the categories, of the pictures: consistency.c */
    /* of the reference layer: [n_categories, n_pictures] mean response of the units
     * selective for a category */
    double *profile;
    struct fus_top_unit *top; /* [n_top] the units that respond most reliably to a category */
    int n_top;
};

/* Everything of the default report for one layer from the moments of its categories (groups =
 * categories, units [C, H, W]). Intersection-union of one-sided t tests, corrected over the
 * units of the layer. */
int fus_select_layer(struct fus_layer_summary *out, const struct fus_moments *m, const char *name, int channels,
                     int height, int width, const struct fus_select_options *options, struct fus_error *err);
void fus_select_free(struct fus_layer_summary *layer);

/* Only the labels: categories, proportions and maps stay empty. */
int fus_select_label(struct fus_layer_summary *out, const struct fus_moments *m, const char *name, int channels,
                     int height, int width, const struct fus_select_options *options, struct fus_error *err);

/* The steps of it, for the other criteria (criteria.c). create: memory and name. check: FUS_EINVAL
 * unless the numbers of pictures and alpha are valid. count: labels -1, dead and undefined units
 * counted. summarise: the indices from the labels. defined: all moments of a unit are finite. */
int fus_select_create(struct fus_layer_summary *out, const struct fus_moments *m, const char *name, int channels,
                      int height, int width, struct fus_error *err);
int fus_select_check(const struct fus_moments *m, const struct fus_select_options *options, struct fus_error *err);
int fus_select_count(struct fus_layer_summary *out, const struct fus_moments *m, struct fus_error *err);
int fus_select_summarise(struct fus_layer_summary *out, const struct fus_moments *m, struct fus_error *err);
bool fus_select_defined(const struct fus_moments *m, size_t unit);

/* From label [n_units], the category of a unit or -1, and its p [n_units]: labels that the
 * correction over the units does not leave become -1. */
int fus_select_correct(int8_t *label, const double *p, size_t n_units, int n_categories,
                       const struct fus_select_options *options, struct fus_error *err);

#define FUS_SELECT_CATEGORIES 127 /* at most: labels are int8 */

/* Whether iut needs m3 for categories of these sizes n [n_groups]: with the balanced test, if any
 * two differ. */
bool fus_select_needs_third(const struct fus_select_options *options, const long *n, int n_groups);
/* FUS_EINVAL if m lacks it then. */
int fus_select_check_third(const struct fus_moments *m, const struct fus_select_options *options,
                           struct fus_error *err);

/* t and df of one unit's category a against b, Welch's or Student's. */
double fus_select_pair_t(double *df, const struct fus_moments *m, size_t unit, int a, int b, bool student);

/* The counts and moments of a unit's responses to one category; m3 is 0 where it is not kept. */
struct fus_ttest_group fus_select_group(const struct fus_moments *m, size_t unit, int category);

/* One-sided p of a above b; 1 if both variances are 0. */
double fus_select_pair_p(const struct fus_moments *m, size_t unit, int a, int b, enum fus_test test);

/* t |t| for units from .. from+n-1, n at most FUS_SELECT_CHUNK. Rows of squares [n_groups + 2,
 * FUS_SELECT_CHUNK] (nn/kernel/kernels.h): for each category its least t |t| against the others,
 * 0 if both variances are 0, arbitrary for an undefined unit; then the largest of these; then
 * the spread, 0 for a dead unit, NaN for an undefined one. weight [n_groups, n_groups]: from the
 * counts of m, Welch's or Student's. */
#define FUS_SELECT_CHUNK 1024
void fus_select_weights(double *weight, const struct fus_moments *m, bool student);
void fus_select_squares(double *squares, const struct fus_moments *m, const double *weight, size_t from, size_t n);

/* The least t of a category against the others, Welch's or Student's; NaN for an undefined unit. */
double fus_select_least_t(const struct fus_moments *m, size_t unit, int category, bool student);

/* ---- the same labels, faster (search.c) ----
 *
 * For a caller that has the squares of every chunk: create, then chunk for each of them (any
 * thread, any order), then finish. options and m (already checked by fus_select_check) must stay
 * valid until then; label [n_units] belongs to the caller. squares: those of the test's t; of
 * Student's if is_balanced (the balanced test of unequal numbers), where NULL has them computed. */
struct fus_search;
bool fus_search_suits(const struct fus_select_options *options); /* alpha < 0.49 */
int fus_search_create(struct fus_search **out, int8_t *label, const struct fus_moments *m,
                      const struct fus_select_options *options, struct fus_error *err);
bool fus_search_is_balanced(const struct fus_search *s);
void fus_search_chunk(struct fus_search *s, int chunk, int thread, const double *squares);
int fus_search_finish(struct fus_search *s, struct fus_error *err);
void fus_search_destroy(struct fus_search *s); /* NULL: nothing */

/* p, q and least t [n_units] of every unit for one category, by the plain computation. */
int fus_select_category(double *q, double *p, double *t, const struct fus_moments *m, int category,
                        const struct fus_select_options *options, struct fus_error *err);

/* The statistics behind the labels of fus_select_layer, for every unit (`--units full`): each
 * [n_categories, n_units]; NULL: not computed. */
struct fus_unit_tables {
    float *mean, *var, *t, *p, *q, *csi;
};
int fus_select_units(struct fus_unit_tables *out, const struct fus_moments *m, const struct fus_select_options *options,
                     struct fus_error *err);

/* The indices of one unit (csi.c).
 *
 *   csi = (mu_c - mu_o) / (mu_c + mu_o)   mu_o: unweighted mean of the other categories' means; NaN
 *                                         if the denominator is not positive
 *   dprime = (mu_c - mu_p) / sqrt((s_c^2 + s_p^2) / 2)   mu_p, s_p^2: mean and variance of all
 *                                         pictures of the other categories; variances divided by
 *                                         n; NaN if both are 0 */
double fus_csi_unit(const struct fus_moments *m, size_t unit, int category);
double fus_csi_dprime(const struct fus_moments *m, size_t unit, int category);
/* n_csi, csi_mean, csi_sd, csi_sem and the rest from the units whose label [n_units] is
 * category, in that order. */
int fus_csi_summarise(struct fus_category_summary *out, const struct fus_moments *m, const int8_t *label, int category,
                      struct fus_error *err);

/* The map and its indices (spatial.c), from label [C, places]: P = share of the C channels at
 * each place; variation_sd: population SD of P over places; variation_cv = SD / mean; Gini
 * coefficient; entropy of P / sum(P), divided by log(places), 1 for a single place. map [places]
 * is the caller's. */
int fus_spatial_summarise(struct fus_category_summary *out, const int8_t *label, int channels, size_t n_places,
                          int category, struct fus_error *err);

/* Maps against chance (placement.c): n units placed at random among channels x n_places positions.
 * squares: sum over places of the squared number of units there.
 *
 *   variation  sqrt((1 - p) / (p C)), p = n / (C n_places): the CV of such maps; NaN for n = 0
 *   p          chance of at least as large a sum of squares; NaN for n = 0
 *   squares    the sum that the share of such maps stays below
 *   morisita   n_places (squares - n) / (n (n - 1)) (Morisita 1959): how much likelier two of the
 *              units share a place than by chance, whatever n; NaN for n < 2
 *   cv         of the map with that sum; NaN for n = 0 */
double fus_placement_variation(size_t n, int channels, size_t n_places);
double fus_placement_p(double squares, size_t n, int channels, size_t n_places);
double fus_placement_squares(double share, size_t n, int channels, size_t n_places);
double fus_placement_morisita(double squares, size_t n, size_t n_places);
double fus_placement_cv(double squares, size_t n, size_t n_places);

#ifdef __cplusplus
}
#endif

#endif
