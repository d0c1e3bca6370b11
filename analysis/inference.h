/* SPDX-License-Identifier: MIT */
/* Beyond the default report: other criteria of selectivity, cross-validation, resampling,
 * representational similarity. Reading order: ranksum.c, criteria.c, sweep.c, halves.c, order.c,
 * resample.c, permute.c, bootstrap.c, consistency.c, readout.c, signflip.c. As in analysis.h,
 * statistics are double, sums have a fixed order, and nothing depends on the number of threads. */
#ifndef FUS_INFERENCE_H
#define FUS_INFERENCE_H

#include "analysis/analysis.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- ranks (ranksum.c), from single responses ----
 *
 * Mann-Whitney U of a [n_a] over b [n_b]: the number of pairs with a > b; ties count one half.
 * AUC = U / (n_a n_b), the probability that a picture of a gives the larger response. p:
 * one-sided, "a greater"; exact without ties if n_a or n_b is at most 8 (both at most 200),
 * otherwise the normal approximation with tie and continuity correction; 1 if all values are
 * equal. scratch [n_a + n_b]. No value may be NaN. */
double fus_ranksum_u(const float *a, size_t n_a, const float *b, size_t n_b, float *scratch);
double fus_ranksum_auc(const float *a, size_t n_a, const float *b, size_t n_b, float *scratch);
double fus_ranksum_p(const float *a, size_t n_a, const float *b, size_t n_b, float *scratch);
/* Twice the smaller tail, as Matlab's ranksum. */
double fus_ranksum_two_sided(const float *a, size_t n_a, const float *b, size_t n_b, float *scratch);

/* ---- other criteria (criteria.c) ---- */

/* "iut", "prince", "tdann", "dprime", "ratio", "ranksum"; FUS_EINVAL names them. */
int fus_criteria_parse(enum fus_criterion *out, const char *name, struct fus_error *err);
const char *fus_criteria_name(enum fus_criterion criterion);

/* What tdann (t), dprime (d') or ratio (CSI) compare with their cut; what the statistic must
 * exceed, for ranksum what p must stay below, NaN for iut and prince. */
double fus_criteria_statistic(const struct fus_moments *m, size_t unit, int category, enum fus_criterion criterion);
double fus_criteria_cut(enum fus_criterion criterion);

/* prince: Student's t and df of category a against b, and their two-sided p; the same p of every
 * unit, p [n_units]. */
double fus_criteria_pair_p(double *t, double *df, const struct fus_moments *m, size_t unit, int a, int b);
void fus_criteria_pair(double *p, const struct fus_moments *m, int a, int b);

/* fus_select_layer by any criterion that needs only moments. If a unit passes for several
 * categories, it gets the one with the largest statistic (of equal ones the lowest index).
 * options->correction applies to iut alone, alpha to iut and prince. */
int fus_criteria_layer(struct fus_layer_summary *out, const struct fus_moments *m, const char *name, int channels,
                       int height, int width, enum fus_criterion criterion, const struct fus_select_options *options,
                       struct fus_error *err);

/* Only the labels, as fus_select_label. */
int fus_criteria_label(struct fus_layer_summary *out, const struct fus_moments *m, const char *name, int channels,
                       int height, int width, enum fus_criterion criterion, const struct fus_select_options *options,
                       struct fus_error *err);

/* Units assigned by their largest statistic over categories (tdann, dprime or ratio): count
 * [n_categories, n_cuts] of those above each threshold. */
int fus_criteria_count(size_t *count, const struct fus_moments *m, enum fus_criterion criterion, const double *cuts,
                       size_t n_cuts, struct fus_error *err);

/* What a resample draws with replacement: pictures within their subcategory, whole subcategories
 * within their category, or first a subcategory, then pictures of it. */
enum fus_redraw_over { FUS_REDRAW_PICTURES, FUS_REDRAW_SUBCATEGORIES, FUS_REDRAW_BOTH };

/* Single responses of one layer: x [n_images, n_units], units [C, H, W]; category [n_images] in
 * 0 .. n_categories-1. If they are not in memory, x is NULL and `read` copies units first ..
 * first+n-1 of one image; any thread may call it. It gives zeros on a read error, which the
 * caller checks later. */
struct fus_responses {
    const float *x;
    const int *category;
    size_t n_images, n_units;
    int n_categories, channels, height, width;
    /* [n_images] subcategory, at most n_images - 1; NULL: the category. The bootstrap draws
     * within it. */
    const int *stratum;
    void (*read)(void *context, float *to, size_t image, size_t first, size_t n);
    void *context;
    enum fus_redraw_over over; /* what the bootstrap draws (redraw.c) */
    bool is_signed;            /* as in struct fus_moments */
};

/* row: units first .. first+n-1 of one image. strip: the same of all images, [n_images, n], each
 * at to + image * stride. */
void fus_responses_row(float *to, const struct fus_responses *r, size_t image, size_t first, size_t n);
void fus_responses_strip(float *to, size_t stride, const struct fus_responses *r, size_t first, size_t n);

/* FUS_CRITERION_RANKSUM (Baek et al. 2021): the category with the largest mean
 * against the others. */
int fus_criteria_ranksum(struct fus_layer_summary *out, const struct fus_responses *r, const char *name,
                         struct fus_error *err);

/* Whether the units are chosen from single responses: by ranksum, or by iut with the permutation
 * test. Then fus_criteria_responses chooses them; m: the moments of r. progress may be NULL. */
bool fus_criteria_needs_responses(const struct fus_select_options *options);
struct fus_progress;
int fus_criteria_responses(struct fus_layer_summary *out, const struct fus_moments *m, const struct fus_responses *r,
                           const char *name, const struct fus_select_options *options,
                           const struct fus_progress *progress, struct fus_error *err);

/* check: FUS_EINVAL unless categories, counts (two pictures each) and shape are valid. moments:
 * the moments of r's images into m, created before with n_categories groups. order [n]: the
 * images in the order of summation, NULL: all; relabel [n_images]: their categories, NULL: r's. */
int fus_responses_check(const struct fus_responses *r, struct fus_error *err);
void fus_responses_moments(struct fus_moments *m, const struct fus_responses *r, const size_t *order, size_t n,
                           const int *relabel);

/* ---- the same layer under many thresholds (sweep.c) ---- */

struct fus_sweep_threshold {
    enum fus_criterion criterion;
    enum fus_correction correction; /* iut's; prince's is FUS_BY, the others' FUS_UNCORRECTED */
    /* alpha of iut and prince, else the cut: t, d' or CSI above it */
    double threshold;
};
size_t fus_sweep_count(void);
struct fus_sweep_threshold fus_sweep_threshold(size_t i);
/* selective [n_categories, fus_sweep_count()]; options: only test matters. */
int fus_sweep_layer(size_t *selective, const struct fus_moments *m, const struct fus_select_options *options,
                    struct fus_error *err);

/* ---- split halves (halves.c), against double dipping (Kriegeskorte et al. 2009) ----
 *
 * Moments of 2 * n_categories groups: group half * n_categories + category. By default the
 * pictures of a category go to half 0, 1, 0, 1, ... in list order. */

/* The groups of one half as moments that share m's memory; must not be destroyed. */
struct fus_moments fus_halves_view(const struct fus_moments *m, int half);

/* Merges both halves (Chan, Golub & LeVeque 1983) into out [n_categories, n_units], created by the
 * caller. out may be fus_halves_view(m, 0), which is then overwritten. Half 0 is summed first. */
int fus_halves_merge(struct fus_moments *out, const struct fus_moments *m, struct fus_error *err);

/* The labels by the permutation test in half number `which`. m: fus_halves_view; r: the responses
 * of both halves, half [n_images]. */
int fus_halves_relabel(struct fus_layer_summary *layer, const struct fus_moments *m, const struct fus_responses *r,
                       const int *half, int which, const struct fus_select_options *options, struct fus_error *err);

/* One category in one layer. Units are selected by fus_criteria_layer in one half alone.
 * Cross-validated values are measured in the other half and averaged over the two directions;
 * NaN if nothing was selected. */
struct fus_halves_category {
    size_t n_selected[2];
    /* mean CSI of the selected units in the same and in the other half */
    double csi_same, csi_cross;
    double dprime_same, dprime_cross;
    /* mean AUC of the category against all other pictures, in the other half; NaN without
     * responses */
    double auc_cross;
    /* share of the selected units that are selected in the other half too */
    double survival;
    double dice; /* 2 |A and B| / (|A| + |B|) of the two masks */
    /* Pearson's r over units of the least t over the other categories (Student's with
     * options->test, else Welch's); units defined in both */
    double t_correlation;
};
/* out [n_categories]; r: the single responses of m, with half [n_images] of each picture; NULL: no
 * auc_cross. */
int fus_halves_layer(struct fus_halves_category *out, const struct fus_moments *m, const struct fus_responses *r,
                     const int *half, enum fus_criterion criterion, const struct fus_select_options *options,
                     struct fus_error *err);

/* ---- order (order.c) ---- */

void fus_order_sort(double *x, size_t n); /* ascending; no NaN */
/* interpolated, as numpy.quantile; NaN for n = 0 */
double fus_order_quantile(const double *sorted, size_t n, double share);
/* 1 .. n, equal values share their mean rank */
int fus_order_ranks(double *ranks, const double *x, size_t n, struct fus_error *err);

/* ---- resampling of pictures (resample.c), shared by permute.c and bootstrap.c ---- */

/* Called from time to time, by one thread, with the number of draws done. */
struct fus_progress {
    void (*tell)(void *context, size_t done, size_t of);
    void *context;
};

struct fus_resampling {
    size_t n_draws;
    /* Fills order and category [n_images]: the rows of a draw and their categories; returns the
     * number. */
    size_t (*choose)(void *context, size_t draw, size_t *order, int *category);
    /* Gets the draw's moments, bit-identical to fus_responses_moments. Several threads call it
     * at once. */
    int (*measure)(void *context, size_t draw, const struct fus_moments *m, struct fus_error *err);
    void *context;
    const struct fus_progress *progress; /* NULL: none */
    bool third;                          /* moments with m3 */
};
/* Whether the selection from r needs m3. */
bool fus_resample_needs_third(const struct fus_responses *r, const struct fus_select_options *options);
int fus_resample_run(const struct fus_resampling *plan, const struct fus_responses *r, struct fus_error *err);

/* ---- permutation (permute.c): pictures relabelled at random, with one relabelling for all
 * units ----
 *
 * Relabelling b = 0 .. m-1 shuffles the list of category labels (Fisher-Yates from the end) with
 * fus_rng seeded by seed + (b + 1) * 0xd1342543de82ef95; those of the i-th pair of categories
 * (0,1), (0,2), ..., (1,2), ... the labels of its pictures, b = m (i + 1) .. m (i + 2) - 1. p =
 * (number of relabellings that reach the observed value + 1) / (m + 1) (Phipson & Smyth 2010). */
struct fus_permute_category {
    /* observed: share of selective units, their mean CSI (NaN for none) */
    double proportion, csi;
    /* of the proportion: mean and quantile 1 - alpha over relabellings */
    double null_mean, null_high;
    double p_proportion; /* of the global null: no category differs from any other */
    /* family-wise p <= alpha over the layer against each other category, by relabelling that pair
     * alone at alpha / (n_categories - 1): the largest of the pairs' thresholds of t (infinite: m
     * is too small), and the units that pass each of them */
    double t_critical;
    size_t n_familywise;
};
/* Shuffles x [n] by relabelling b. */
void fus_permute_shuffle(int *x, size_t n, uint64_t seed, long b);
int fus_permute_layer(struct fus_permute_category *out, const struct fus_responses *r, long n_permutations,
                      uint64_t seed, const struct fus_select_options *options, const struct fus_progress *progress,
                      struct fus_error *err); /* out [n_categories]; progress may be NULL */

/* ---- the permutation test (relabel.c), iut's test FUS_TEST_PERMUTATION ----
 *
 * p of a pair of categories: (b + 1) / (m + 1), where b of the m = options->relabellings reach its
 * Welch's t, those of the pair above. That of a category is the largest over its pairs. label: only
 * the labels. units: t is Welch's least t; p and q of every category, so that no relabelling can be
 * left out. check: FUS_ELIMIT if so many relabellings of n [n_categories] pictures do not fit the
 * memory meant for them. */
int fus_relabel_check(const long *n, int n_categories, long relabellings, struct fus_error *err);
int fus_relabel_label(struct fus_layer_summary *out, const struct fus_moments *m, const struct fus_responses *r,
                      const char *name, const struct fus_select_options *options, const struct fus_progress *progress,
                      struct fus_error *err);
/* p [n_units] of one category, 1 where it is above options->alpha: there relabelling ends. pairs:
 * p [n_categories] of one unit's category against each other one, all relabellings counted. */
int fus_relabel_category(double *p, const struct fus_moments *m, const struct fus_responses *r, int category,
                         const struct fus_select_options *options, struct fus_error *err);
int fus_relabel_pairs(double *p, const struct fus_moments *m, const struct fus_responses *r, size_t unit, int category,
                      const struct fus_select_options *options, struct fus_error *err);
int fus_relabel_units(struct fus_unit_tables *out, const struct fus_moments *m, const struct fus_responses *r,
                      const struct fus_select_options *options, struct fus_error *err);

/* ---- drawing (redraw.c): the pictures of a resample ---- */

const char *fus_redraw_name(enum fus_redraw_over over); /* "pictures", "subcategories", "both" */

struct fus_redraw {
    const struct fus_responses *r;
    uint64_t seed;
    size_t *members, *first, *drawn, *turn; /* private */
};
int fus_redraw_create(struct fus_redraw *d, const struct fus_responses *r, uint64_t seed, struct fus_error *err);
void fus_redraw_destroy(struct fus_redraw *d);

/* place [n_images]: the picture that stands in each place of the list in draw 1, 2, ... For one
 * thread at a time. */
void fus_redraw_places(size_t *place, const struct fus_redraw *d, size_t draw);

/* ---- bootstrap (bootstrap.c): pictures resampled with replacement (Efron & Tibshirani 1993), by
 * redraw.c ----
 *
 * Four statistics of every category, in this order: */
enum fus_bootstrap_statistic {
    FUS_BOOTSTRAP_PROPORTION,
    FUS_BOOTSTRAP_CSI,
    FUS_BOOTSTRAP_VARIATION,
    FUS_BOOTSTRAP_MORISITA,
    FUS_BOOTSTRAP_STATISTICS
};

enum fus_interval_method {
    /* estimate + scale (quantile - mean of the resamples), by rank k / (n + 1); scale: see
     * struct fus_bootstrap_column */
    FUS_INTERVAL_CENTRED,
    FUS_INTERVAL_PERCENTILE, /* quantiles of the resamples */
    FUS_INTERVAL_BCA         /* the same, corrected for bias and skew (Efron 1987) */
};
/* "centred", "percentile", "bca"; FUS_EINVAL names them. */
int fus_bootstrap_parse(enum fus_interval_method *out, const char *name, struct fus_error *err);
const char *fus_bootstrap_name(enum fus_interval_method method);

struct fus_bootstrap {
    int n_categories;
    enum fus_interval_method method;
    size_t n_resamples, n_images;
    /* [n_categories, 4] of the pictures as they are; NaN where a statistic is undefined, here
     * and below */
    double *estimate;
    double *resampled; /* [n_categories, 4, n_resamples] */
    /* [n_categories, 4, fus_bootstrap_n_nested] two resamples of resample 0, two of 1, ...;
     * centred alone, else NULL */
    double *nested;
    /* [n_categories, 4, n_images] without picture i (jackknife); BCa alone, else NULL */
    double *left_out;
};
/* two from each of the first quarter, rounded up: 50 % more work */
size_t fus_bootstrap_n_nested(size_t n_resamples);

/* Resample b is draw b + 1 of redraw.c. BCa leaves single pictures out, so it needs r->over
 * pictures. Two models with the same list get the same draws, so their differences are paired. */
int fus_bootstrap_create(struct fus_bootstrap *b, const struct fus_responses *r, size_t n_resamples,
                         enum fus_interval_method method, uint64_t seed, const struct fus_select_options *options,
                         const struct fus_progress *progress, struct fus_error *err);
void fus_bootstrap_destroy(struct fus_bootstrap *b);

/* The same draws for other statistics. measure puts column k of a draw at to[k * stride]; several
 * threads call it at once. b's arrays are then [n_columns, ...]; n_resamples may be 0. */
struct fus_bootstrap_statistics {
    size_t n_columns;
    int (*measure)(void *context, double *to, size_t stride, const struct fus_moments *m, struct fus_error *err);
    void *context;
    bool third; /* measure needs moments with m3 */
};
int fus_bootstrap_run(struct fus_bootstrap *b, const struct fus_responses *r,
                      const struct fus_bootstrap_statistics *statistics, size_t n_resamples,
                      enum fus_interval_method method, uint64_t seed, const struct fus_progress *progress,
                      struct fus_error *err);

/* One statistic of one category. NaN values are excluded. */
struct fus_bootstrap_column {
    double estimate;
    size_t n, n_nested, n_left;
    const double *resampled; /* [n] */
    /* [n_nested] pairs of resamples of one resample, for centred intervals; NULL: scale 1. Else
     * scale^2 = variance of the resamples / variance within pairs, at least 1/2 and at most 2 (the
     * iterated bootstrap: Beran 1987; Hall & Martin 1988) */
    const double *nested;
    const double *left_out; /* [n_left] jackknife, for BCa */
};
struct fus_bootstrap_column fus_bootstrap_column(const struct fus_bootstrap *b, size_t column);

struct fus_interval {
    /* of coverage 1 - alpha; NaN if the estimate is NaN or there are fewer than 2 values */
    double estimate, low, high;
    /* differences: two-sided, of no difference: 2 (fewer on one side of 0 + 1) / (n + 1), at
     * most 1 */
    double p;
};
/* scratch [c->n]. Coverage of the methods: METHOD.md, "Intervals from resampled pictures". */
void fus_bootstrap_interval(struct fus_interval *out, const struct fus_bootstrap_column *c,
                            enum fus_interval_method method, double alpha, double *scratch);

/* Sets ci_low and ci_high, csi_low ... morisita_high of a layer, by b's method, limited to the
 * possible values of a proportion, variation or index. */
int fus_bootstrap_fill(struct fus_layer_summary *layer, const struct fus_bootstrap *b, double alpha,
                       struct fus_error *err);

/* a - b of two columns that were resampled alike, paired by resample: interval by the method, and
 * p. scratch: fus_bootstrap_scratch. */
size_t fus_bootstrap_scratch(const struct fus_bootstrap *b);
void fus_bootstrap_subtract(struct fus_interval *out, const struct fus_bootstrap_column *a,
                            const struct fus_bootstrap_column *b, enum fus_interval_method method, double alpha,
                            double *scratch);

/* a - b of every category and statistic, paired by resample: interval by their method, and p,
 * out [n_categories, 4]. p comes from the resampled differences, which are shifted and scaled
 * for centred intervals. */
int fus_bootstrap_difference(struct fus_interval *out, const struct fus_bootstrap *a, const struct fus_bootstrap *b,
                             double alpha, struct fus_error *err);

/* ---- dimensions (dimensions.c): the participation ratio of a layer's responses; NaN if they do
 * not vary, or of more than FUS_DIMENSIONS_IMAGES pictures ---- */

#define FUS_DIMENSIONS_IMAGES 2048
int fus_dimensions_layer(double *out, const struct fus_responses *r, struct fus_error *err);

/* ---- fewer pictures (subsample.c): `size` of each category without replacement, as evenly from
 * its subcategories as possible ---- */

struct fus_subsample {
    const struct fus_responses *r;
    uint64_t seed;
    size_t *shuffled; /* private from here */
    int *rank, *seen;
    bool *taken;
};
int fus_subsample_create(struct fus_subsample *s, const struct fus_responses *r, uint64_t seed, struct fus_error *err);
void fus_subsample_destroy(struct fus_subsample *s);

/* The pictures of draw 1, 2, ... in order of the list, and their categories, each [n_images];
 * returns the number. No category may have fewer than `size`. For one thread at a time. */
size_t fus_subsample_draw(size_t *order, int *category, const struct fus_subsample *s, size_t draw, int size);

/* ---- as many pictures of each category (equaln.c) ----
 *
 * FUS_EQUALN_DRAWS subsamples of the smallest category's size, draw 1, 2, ... of subsample.c. The p
 * of a pair of categories is the median of Welch's (Student's with options->test) over the draws,
 * that of a category the largest over its pairs, corrected over the units of the layer as in
 * select.c. A unit counts for the category of its least p. With categories of one size, and
 * balanced or Welch's test, the labels are select.c's. */
enum { FUS_EQUALN_DRAWS = 20 };
struct fus_equaln_category {
    size_t n_selective, n_both; /* both: selective with all pictures too */
    /* of these units; CSI and map from all pictures */
    double proportion, csi_mean, variation_cv, morisita;
};
/* out [n_categories]; r: the responses; layer: with the labels of all pictures; m: the moments of
 * all. r may lack responses if all sizes are equal: then layer's own results are given. */
int fus_equaln_layer(struct fus_equaln_category *out, const struct fus_responses *r,
                     const struct fus_layer_summary *layer, const struct fus_moments *m, uint64_t seed,
                     const struct fus_select_options *options, const struct fus_progress *progress,
                     struct fus_error *err);
/* Pictures of the smallest category; *equal: whether all are of that size. */
int fus_equaln_size(bool *equal, const int *category, size_t n_images, int n_categories);

/* ---- power (power.c): the statistics against pictures per category, and against alpha ---- */

enum { FUS_POWER_SIZES = 16, FUS_POWER_ALPHAS = 5, FUS_POWER_DRAWS = 20 };
struct fus_power_plan {
    int n_sizes, sizes[FUS_POWER_SIZES]; /* pictures per category, ascending */
};
int fus_power_parse(struct fus_power_plan *plan, const char *text, struct fus_error *err); /* "8,12,16" */

/* Points: each size; the whole set; the whole set at other levels (alpha: NaN before these). */
int fus_power_count(const struct fus_power_plan *plan);
double fus_power_alpha(const struct fus_power_plan *plan, int point);

/* In the order of the bootstrap's statistics: mean and SD over FUS_POWER_DRAWS draws; of the whole
 * set its value, SD NaN. NaN where a statistic is undefined, or a criterion has no alpha. */
struct fus_power_point {
    double mean[FUS_BOOTSTRAP_STATISTICS], sd[FUS_BOOTSTRAP_STATISTICS];
};
/* out [n_categories, fus_power_count]. FUS_EINVAL if a category has fewer pictures than the largest
 * size. */
int fus_power_layer(struct fus_power_point *out, const struct fus_responses *r, const struct fus_power_plan *plan,
                    uint64_t seed, const struct fus_select_options *options, const struct fus_progress *progress,
                    struct fus_error *err);

/* ---- representational consistency (consistency.c; Kriegeskorte, Mur & Bandettini 2008) ----
 *
 * Dissimilarity of two response patterns: 1 - Pearson's r over units; NaN if a pattern is
 * constant or not finite. rdm [n (n-1) / 2]: pairs (0,1), (0,2), ..., (1,2), ... of x [n,
 * n_units], or of the categories' means in m. */
int fus_consistency_rdm(double *rdm, const float *x, size_t n, size_t n_units, struct fus_error *err);
int fus_consistency_rdm_images(double *rdm, const struct fus_responses *r, struct fus_error *err);
int fus_consistency_rdm_means(double *rdm, const struct fus_moments *m, struct fus_error *err);

/* Spearman's r of a [n] and b [n]; ties get their mean rank; pairs with a NaN are excluded; NaN
 * if one side is constant. */
int fus_consistency_spearman(double *r, const double *a, const double *b, size_t n, struct fus_error *err);

/* ---- how sure is it? (similarity.c) ---- */

struct fus_similarity_plan {
    const struct fus_responses *pictures; /* n_images, category, stratum and over alone */
    size_t n_resamples, n_permutations;   /* 0: none */
    uint64_t seed;
    double alpha;
};
struct fus_similarity {
    double r, low, high; /* Spearman's; interval by resamples of pictures */
    double p;            /* Mantel's, one-sided; NaN where not computed, as the interval */
};
/* Of the pictures' dissimilarities a and b [n (n-1) / 2]. */
int fus_similarity_test(struct fus_similarity *out, const double *a, const double *b,
                        const struct fus_similarity_plan *plan, struct fus_error *err);

/* Of a layer's dissimilarities, from random halves of its units; NaN if undefined. */
int fus_similarity_reliability(double *out, const struct fus_responses *r, uint64_t seed, struct fus_error *err);

/* ---- read-outs (readout.c): classifying pictures from features ----
 *
 * The prediction is the category with the largest score bias[c] + weight[c] . x. mean: nearest
 * class mean (Euclidean). ridge: regression on the categories' indicators, lambda by generalised
 * cross-validation; FUS_EINVAL unless there are at least 3 pictures, all finite. A category
 * without pictures is never predicted. */
struct fus_readout {
    int n_categories;
    size_t n_features;
    double *weight; /* [n_categories, n_features] */
    double *bias;   /* [n_categories] */
    double lambda;  /* ridge's */
};

/* Rows rows[0 .. n-1] of x [.., n_features], whose categories are category [..]. */
struct fus_readout_data {
    const float *x;
    const int *category;
    const size_t *rows;
    size_t n, n_features;
    int n_categories;
};
int fus_readout_mean(struct fus_readout *out, const struct fus_readout_data *d, struct fus_error *err);
int fus_readout_ridge(struct fus_readout *out, const struct fus_readout_data *d, struct fus_error *err);
/* the lowest index of equal scores; -1: scores are NaN */
int fus_readout_predict(const struct fus_readout *r, const float *x);
void fus_readout_destroy(struct fus_readout *r);

/* ---- sign flips (signflip.c): differences d [n], say of two models in each layer, with mean 0
 * under exchange of the models ----
 *
 * p of the mean, one-sided ("above 0") or two-sided: from all 2^n sign patterns for n <= 24,
 * otherwise (b + 1) / (m + 1) of m = 99999 random patterns from seed. NaN differences are
 * excluded; 1 if none remains. */
double fus_signflip_p(const double *d, size_t n, bool two_sided, uint64_t seed);

#ifdef __cplusplus
}
#endif

#endif
