/* What goes beyond the default report: other criteria of selectivity, cross-validation, resampling,
 * representational similarity. Reading order: ranksum.c, criteria.c, sweep.c, halves.c, order.c, resample.c,
 * permute.c, bootstrap.c, consistency.c, readout.c, signflip.c. Same rules as analysis.h: doubles, fixed order of sums, nothing depends on threads. */
#ifndef FUS_INFERENCE_H
#define FUS_INFERENCE_H

#include "analysis/analysis.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- ranks (ranksum.c), from single responses ----
 *
 * The Mann-Whitney U of a [n_a] over b [n_b]: pairs with a > b, ties counting one half. AUC = U / (n_a n_b), the chance that a picture
 * of a gives the larger response. p: one-sided, "a greater": exact without ties and where n_a or n_b is at most 8 (both at
 * most 200), else the normal approximation with tie and continuity correction; 1 where all values are equal. scratch
 * [n_a + n_b]. No value may be NaN. */
double fus_ranksum_u(const float *a, size_t n_a, const float *b, size_t n_b, float *scratch);
double fus_ranksum_auc(const float *a, size_t n_a, const float *b, size_t n_b, float *scratch);
double fus_ranksum_p(const float *a, size_t n_a, const float *b, size_t n_b, float *scratch);

/* ---- other criteria (criteria.c) ---- */

/* "iut", "prince", "tdann", "dprime", "ratio", "ranksum"; FUS_EINVAL names them. */
int fus_criteria_parse(enum fus_criterion *out, const char *name, struct fus_error *err);
const char *fus_criteria_name(enum fus_criterion criterion);

/* fus_select_layer by any criterion that moments suffice for. A unit that several categories pass gets the one with the
 * largest statistic (the lower index among equal ones). options->correction matters to iut alone, alpha to iut and prince. */
int fus_criteria_layer(struct fus_layer_summary *out, const struct fus_moments *m, const char *name, int channels, int height,
                       int width, enum fus_criterion criterion, const struct fus_select_options *options,
                       struct fus_error *err);

/* The labels alone, as fus_select_label. */
int fus_criteria_label(struct fus_layer_summary *out, const struct fus_moments *m, const char *name, int channels, int height,
                       int width, enum fus_criterion criterion, const struct fus_select_options *options,
                       struct fus_error *err);

/* Units by the largest statistic over categories (tdann, dprime or ratio): count [n_categories, n_cuts] of those above each cut. */
int fus_criteria_count(size_t *count, const struct fus_moments *m, enum fus_criterion criterion, const double *cuts, size_t n_cuts,
                       struct fus_error *err);

/* Single responses of one layer: x [n_images, n_units], units [C, H, W]; category [n_images] in 0 .. n_categories-1. Those
 * that are not in memory have x NULL and `read`, which any thread may call: units first .. first+n-1 of one image, zeros
 * where they cannot be read, which the caller finds out afterwards. */
struct fus_responses {
    const float *x;
    const int *category;
    size_t n_images, n_units;
    int n_categories, channels, height, width;
    const int *stratum; /* [n_images] subcategory, at most n_images - 1; NULL: the category. The bootstrap draws within it. */
    void (*read)(void *context, float *to, size_t image, size_t first, size_t n);
    void *context;
};

/* Units first .. first+n-1 of an image; the same of all images, [n_images, n], at to + image * stride. */
void fus_responses_row(float *to, const struct fus_responses *r, size_t image, size_t first, size_t n);
void fus_responses_strip(float *to, size_t stride, const struct fus_responses *r, size_t first, size_t n);

/* FUS_CRITERION_RANKSUM (Baek et al. 2021): the category with the largest mean, against each other one. */
int fus_criteria_ranksum(struct fus_layer_summary *out, const struct fus_responses *r, const char *name, struct fus_error *err);

/* Whether categories, counts (two pictures each) and shape make sense; the moments of r's images: order [n] NULL or which image enters at each
 * step, relabel [n_images] NULL or the category that it enters under. m is created before, with n_categories groups. */
int fus_responses_check(const struct fus_responses *r, struct fus_error *err);
void fus_responses_moments(struct fus_moments *m, const struct fus_responses *r, const size_t *order, size_t n,
                           const int *relabel);

/* ---- the same layer under many thresholds (sweep.c) ---- */

struct fus_sweep_threshold {
    enum fus_criterion criterion;
    enum fus_correction correction; /* iut's; prince's is FUS_BY, the others' FUS_UNCORRECTED */
    double threshold;               /* alpha of iut and prince, else the cut: t, d' or CSI above it */
};
size_t fus_sweep_count(void);
struct fus_sweep_threshold fus_sweep_threshold(size_t i);
/* selective [n_categories, fus_sweep_count()]; options: only student matters. */
int fus_sweep_layer(size_t *selective, const struct fus_moments *m, const struct fus_select_options *options, struct fus_error *err);

/* ---- split halves (halves.c), against double dipping (Kriegeskorte et al. 2009) ----
 *
 * Moments of 2 * n_categories groups: group half * n_categories + category. Conventionally the pictures of a category go to
 * half 0, 1, 0, 1, ... in list order. */

/* The groups of one half, as moments that share m's memory: never destroy it. */
struct fus_moments fus_halves_view(const struct fus_moments *m, int half);

/* Both halves as one (Chan, Golub & LeVeque 1983), into out [n_categories, n_units], created by the caller; it may
 * be fus_halves_view(m, 0), which the merged moments then replace. */
int fus_halves_merge(struct fus_moments *out, const struct fus_moments *m, struct fus_error *err);

/* Of one category in one layer. "Selected" by fus_criteria_layer with the given criterion in one half alone; cross-validated values are measured
 * in the other half and averaged over the two directions; NaN where nothing was selected. */
struct fus_halves_category {
    size_t n_selected[2];
    double csi_same, csi_cross;       /* mean CSI of the selected units in their own and in the other half */
    double dprime_same, dprime_cross;
    double auc_cross;                 /* mean AUC of the category against all other pictures, in the other half; NaN without responses */
    double survival;                  /* share of the selected units that are selected in the other half too */
    double dice;                      /* 2 |A and B| / (|A| + |B|) of the two masks */
    double t_correlation;             /* Pearson's r over units of the least t over the other categories (options->student or Welch's); units defined in both */
};
/* out [n_categories]; r: the single responses behind m, and half [n_images] of each picture; NULL: no auc_cross. */
int fus_halves_layer(struct fus_halves_category *out, const struct fus_moments *m, const struct fus_responses *r, const int *half,
                     enum fus_criterion criterion, const struct fus_select_options *options, struct fus_error *err);

/* ---- order (order.c) ---- */

void fus_order_sort(double *x, size_t n);                                /* ascending; no NaN */
double fus_order_quantile(const double *sorted, size_t n, double share); /* between neighbours, as numpy.quantile; NaN for n = 0 */
int fus_order_ranks(double *ranks, const double *x, size_t n, struct fus_error *err); /* 1 .. n, equal values share their mean rank */

/* ---- the same pictures drawn again and again (resample.c), what permute.c and bootstrap.c share ---- */

/* Told now and then, by one thread: how many of the draws are done. */
struct fus_progress {
    void (*tell)(void *context, size_t done, size_t of);
    void *context;
};

struct fus_resampling {
    size_t n_draws;
    /* order, category [n_images]: which row enters at each step, and under which category; returns how many. */
    size_t (*choose)(void *context, size_t draw, size_t *order, int *category);
    /* The draw's moments, the same bits as fus_responses_moments gives. Any thread may call it, for any draw, at the same time. */
    int (*measure)(void *context, size_t draw, const struct fus_moments *m, struct fus_error *err);
    void *context;
    const struct fus_progress *progress; /* NULL: nobody listens */
};
int fus_resample_run(const struct fus_resampling *plan, const struct fus_responses *r, struct fus_error *err);

/* ---- permutation (permute.c): the pictures relabelled at random within the run, one relabelling for all units ----
 *
 * Relabelling b = 0 .. m-1 shuffles the list of category labels (Fisher-Yates from the end) with fus_rng seeded by seed + (b + 1) *
 * 0xd1342543de82ef95. p = (number of relabellings that reach the observed value + 1) / (m + 1) (Phipson & Smyth 2010). */
struct fus_permute_category {
    double proportion, csi;                 /* observed: share of selective units, their mean CSI (NaN for none) */
    double null_mean, null_high;            /* of the proportion: mean and quantile 1 - alpha over relabellings */
    double p_proportion, p_csi;             /* p_csi over the relabellings that have a CSI; NaN where there is none observed */
    double t_critical;                      /* a least t above it has family-wise p <= alpha over the layer; infinite: m is too small */
    size_t n_familywise;                    /* units above it */
};
int fus_permute_layer(struct fus_permute_category *out, const struct fus_responses *r, long n_permutations, uint64_t seed,
                      const struct fus_select_options *options, const struct fus_progress *progress,
                      struct fus_error *err); /* out [n_categories]; progress may be NULL */

/* ---- bootstrap (bootstrap.c): pictures drawn with replacement within their subcategory (Efron & Tibshirani 1993) ----
 *
 * Three statistics of every category, in this order: */
enum fus_bootstrap_statistic { FUS_BOOTSTRAP_PROPORTION, FUS_BOOTSTRAP_CSI, FUS_BOOTSTRAP_VARIATION, FUS_BOOTSTRAP_STATISTICS };

enum fus_interval_method {
    FUS_INTERVAL_CENTRED,    /* estimate + scale (quantile - mean of the resamples), by rank k / (n + 1); scale: see struct fus_bootstrap_column */
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
    double *estimate;  /* [n_categories, 3] of the pictures as they are; NaN where a statistic is undefined, here and below */
    double *resampled; /* [n_categories, 3, n_resamples] */
    double *nested;    /* [n_categories, 3, fus_bootstrap_n_nested] two resamples of resample 0, two of 1, ...; centred alone, else NULL */
    double *left_out;  /* [n_categories, 3, n_images] without picture i (jackknife); BCa alone, else NULL */
};
size_t fus_bootstrap_n_nested(size_t n_resamples); /* two from each of the first quarter, rounded up: half as much work again */

/* Resample b draws, in list order, for each place of the list another picture of its subcategory, by fus_rng seeded as in permute.c: two
 * models that saw the same list get the same draws, which makes their differences paired. */
int fus_bootstrap_create(struct fus_bootstrap *b, const struct fus_responses *r, size_t n_resamples, enum fus_interval_method method, uint64_t seed,
                         const struct fus_select_options *options, const struct fus_progress *progress, struct fus_error *err);
void fus_bootstrap_destroy(struct fus_bootstrap *b);

/* One statistic of one category. Of intervals, NaN values are left out. */
struct fus_bootstrap_column {
    double estimate;
    size_t n, n_nested, n_left;
    const double *resampled; /* [n] */
    const double *nested;    /* [n_nested] pairs of resamples of one resample, for centred intervals; NULL: scale 1. Else scale^2 = variance of the
                                resamples / variance within pairs, at least 1/2 and at most 2 (the iterated bootstrap: Beran 1987; Hall & Martin 1988) */
    const double *left_out;  /* [n_left] jackknife, for BCa */
};
struct fus_bootstrap_column fus_bootstrap_column(const struct fus_bootstrap *b, size_t column);

struct fus_interval {
    double estimate, low, high; /* of coverage 1 - alpha; NaN where the estimate is or fewer than 2 values are there */
    double p;                   /* differences: two-sided, of no difference: 2 (fewer on one side of 0 + 1) / (n + 1), at most 1 */
};
/* scratch [c->n]. METHOD.md, section 8, says which covers what. */
void fus_bootstrap_interval(struct fus_interval *out, const struct fus_bootstrap_column *c, enum fus_interval_method method, double alpha, double *scratch);

/* The intervals into a layer's ci_low and ci_high, csi_low ... variation_high, by b's method; none leaves the values a proportion or variation can
 * have. */
int fus_bootstrap_fill(struct fus_layer_summary *layer, const struct fus_bootstrap *b, double alpha, struct fus_error *err);

/* a - b of every category and statistic, paired by resample, interval by their method, and p: out [n_categories, 3]. p from the resampled
 * differences, with centred intervals moved and scaled as these are. */
int fus_bootstrap_difference(struct fus_interval *out, const struct fus_bootstrap *a, const struct fus_bootstrap *b, double alpha,
                             struct fus_error *err);

/* ---- representational consistency (consistency.c; Kriegeskorte, Mur & Bandettini 2008) ----
 *
 * Dissimilarity of two response patterns: 1 - Pearson's r over units; NaN where a pattern does not vary or is not finite. rdm
 * [n (n-1) / 2]: pairs (0,1), (0,2), ..., (1,2), ... of x [n, n_units], or of the categories' means in m. */
int fus_consistency_rdm(double *rdm, const float *x, size_t n, size_t n_units, struct fus_error *err);
int fus_consistency_rdm_images(double *rdm, const struct fus_responses *r, struct fus_error *err);
int fus_consistency_rdm_means(double *rdm, const struct fus_moments *m, struct fus_error *err);

/* Spearman's r of a [n] and b [n], equal values sharing their mean rank; pairs with a NaN left out; NaN where one side does not vary. */
int fus_consistency_spearman(double *r, const double *a, const double *b, size_t n, struct fus_error *err);

/* ---- read-outs (readout.c): which category do a picture's features tell? ----
 *
 * The category with the largest score bias[c] + weight[c] . x. mean: nearest class mean (Euclid). ridge: regression on the categories'
 * indicators, lambda by generalised cross-validation; at least 3 pictures, all finite, else FUS_EINVAL. A category without pictures never wins. */
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
int fus_readout_predict(const struct fus_readout *r, const float *x); /* -1: the scores are not numbers; the lower of equal ones */
void fus_readout_destroy(struct fus_readout *r);

/* ---- sign flips (signflip.c): differences d [n], say of two models in each layer, with mean 0 under exchange of the models ----
 *
 * p of the mean, one-sided "above 0" or two-sided: all 2^n sign patterns for n <= 24, else (b + 1) / (m + 1) of m = 99999 random ones from
 * seed. NaN differences are left out; 1 where none is left. */
double fus_signflip_p(const double *d, size_t n, bool two_sided, uint64_t seed);

#ifdef __cplusplus
}
#endif

#endif
