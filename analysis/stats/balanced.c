/* SPDX-License-Identifier: MIT */
/* Is category a's mean above b's? A p that holds its level when responses are skewed and the
 * categories have unequal numbers of pictures (METHOD.md,
 * "Skewed responses and unequal numbers").
 *
 * Units after a ReLU are 0 for most pictures. Then Welch's t is itself skewed if n_a and n_b
 * differ: its p is too small in one direction and too large in the other. From the third moments:
 *
 *   p = max(p_perm, min(p_welch, p_hall))
 *
 *   p_hall   Hall's (1992) transformation of Welch's t, with the third moment pooled over both
 *            groups (Zhou & Dinh 2005) and Welch's df
 *   p_perm   the distribution of the difference over all relabellings of the n_a + n_b pictures,
 *            from its skewness, which is that of sampling without replacement: g <= 0, the first
 *            Cornish-Fisher term from Student's p; g > 0, Pearson's type III (a gamma distribution)
 *
 * p_perm alone is Student's test for unequal variances, min(p_welch, p_hall) alone Welch's test for
 * skewed responses: the maximum holds the level wherever one of them does. With n_a = n_b both
 * corrections are 0 and p is Welch's. */
#include <math.h>

#include "analysis/analysis.h"

#define LEAST_SKEW 0.002 /* below it the gamma distribution is the normal one */
#define LEAST_P 1e-300   /* whose normal quantile is 37 */
#define MARGIN 1e-9      /* far above the rounding of a p */

/* Welch's t, df and Student's t of two groups. */
struct pair {
    double n, t, df, pooled_t, pooled_se, difference;
};

static struct pair pair_of(const struct fus_ttest_group *a, const struct fus_ttest_group *b)
{
    struct pair p = {.n = a->n + b->n, .difference = a->mean - b->mean};
    double df, var_a = a->m2 / (a->n - 1), var_b = b->m2 / (b->n - 1);
    p.t = fus_ttest_welch(&p.df, a->mean, var_a, a->n, b->mean, var_b, b->n);
    p.pooled_t = fus_ttest_student(&df, a->mean, var_a, a->n, b->mean, var_b, b->n);
    p.pooled_se = sqrt((a->m2 + b->m2) / (p.n - 2) * (1 / a->n + 1 / b->n));
    return p;
}

/* Hall's h = t + s/6 + s t^2/3 + s^2 t^3/27 with s the skewness of the difference. */
static double hall_statistic(const struct pair *p, const struct fus_ttest_group *a, const struct fus_ttest_group *b)
{
    double weight = (a->n - 1) * (a->n - 2) / a->n + (b->n - 1) * (b->n - 2) / b->n;
    double third = (a->m3 + b->m3) / weight, se = p->pooled_se;
    double s = third * (1 / (a->n * a->n) - 1 / (b->n * b->n)) / (se * se * se), t = p->t;
    return t + s / 6 + s * t * t / 3 + s * s * t * t * t / 27;
}

/* min(p_welch, p_hall) */
static double hall_p(const struct pair *p, const struct fus_ttest_group *a, const struct fus_ttest_group *b)
{
    double h = hall_statistic(p, a, b);
    return fus_special_t_sf(h > p->t ? h : p->t, p->df);
}

/* The skewness of the difference over relabellings, from the pooled second and third moments. */
static double relabelling_skew(double n, const struct fus_ttest_group *a, const struct fus_ttest_group *b)
{
    double mean = (a->n * a->mean + b->n * b->mean) / n, d = a->mean - mean, e = b->mean - mean;
    double m2 = (a->m2 + a->n * d * d + b->m2 + b->n * e * e) / n;
    double m3 = (a->m3 + 3 * d * a->m2 + a->n * d * d * d + b->m3 + 3 * e * b->m2 + b->n * e * e * e) / n;
    return m3 / (m2 * sqrt(m2)) * ((b->n - a->n) * sqrt(n - 1)) / ((n - 2) * sqrt(a->n * b->n));
}

/* The normal deviate with Student's p. */
static double deviate(double t, double df)
{
    double p = fus_special_t_sf(t, df);
    return -fus_special_normal_quantile(p > LEAST_P ? p : LEAST_P);
}

/* Pearson's type III: P(Z > z) for mean 0, variance 1 and skewness g >= 0. */
static double skewed_sf(double z, double g)
{
    double shape = 4 / (g * g);
    return g < LEAST_SKEW ? fus_special_normal_sf(z) : fus_special_gamma_sf(shape, shape + z * sqrt(shape));
}

/* Student's t in units of its spread over relabellings. */
static double standardised(double t, double n)
{
    return sqrt(n - 1) * t / sqrt(n - 2 + t * t);
}

static double relabelling_p(const struct pair *p, const struct fus_ttest_group *a, const struct fus_ttest_group *b)
{
    double g = relabelling_skew(p->n, a, b);
    if (g > 0)
        return skewed_sf(standardised(p->pooled_t, p->n), g);
    double z = deviate(p->pooled_t, p->n - 2);
    return fus_special_normal_sf(z - g * (z * z - 1) / 6);
}

double fus_balanced_p(const struct fus_ttest_group *a, const struct fus_ttest_group *b)
{
    if (a->m2 == 0 && b->m2 == 0)
        return 1;
    struct pair p = pair_of(a, b);
    if (a->n == b->n)
        return fus_special_t_sf(p.t, p.df);
    double hall = hall_p(&p, a, b), perm = relabelling_p(&p, a, b), most = perm > hall ? perm : hall;
    if (!isfinite(most))
        return 1;
    return p.difference > 0 || most > 0.5 ? most : 0.5;
}

void fus_balanced_terms(struct fus_balanced_terms *out, const struct fus_ttest_group *a,
                        const struct fus_ttest_group *b)
{
    *out = (struct fus_balanced_terms){NAN, NAN, NAN, NAN, NAN};
    if (a->m2 == 0 && b->m2 == 0)
        return;
    struct pair p = pair_of(a, b);
    out->welch = fus_special_t_sf(p.t, p.df);
    if (a->n == b->n)
        return;
    out->student_t = p.pooled_t;
    out->h = hall_statistic(&p, a, b);
    out->hall = fus_special_t_sf(out->h, p.df);
    out->permutation = relabelling_p(&p, a, b);
}

/* ---- bounds ----
 *
 * The skewness of N numbers is at most (N - 2) / sqrt(N - 1), so that |g| <= |n_a - n_b| /
 * sqrt(n_a n_b). As a function of g > 0, skewed_sf rises up to one maximum and then falls. */

static double largest_skew(double n_a, double n_b)
{
    return fabs(n_a - n_b) / sqrt(n_a * n_b);
}

/* For g <= 0 the deviate of Student's p is at most t. */
double fus_balanced_low(double t, double n_a, double n_b)
{
    double n = n_a + n_b, skew = largest_skew(n_a, n_b), z = standardised(t, n);
    if (n_a == n_b)
        return fus_special_t_sf(t, n - 2) * (1 - MARGIN);
    double most = t > 1 ? t + skew * (t * t - 1) / 6 : t;
    double low = fus_special_normal_sf(z > most ? z : most), skewed = skewed_sf(z, skew);
    return (skewed < low ? skewed : low) * (1 - MARGIN);
}

/* Welch's squared error is at most `ratio` times Student's. */
double fus_balanced_high(double t, double n_a, double n_b)
{
    double n = n_a + n_b, few = n_a < n_b ? n_a : n_b;
    double ratio = (n - 2) * n_a * n_b / n / ((few - 1) * few);
    double welch = fus_special_t_sf(t / sqrt(ratio > 1 ? ratio : 1), few - 1), skew = largest_skew(n_a, n_b);
    if (n_a == n_b)
        return welch * (1 + MARGIN);
    double z = standardised(t, n), most = skewed_sf(z, skew), normal = fus_special_normal_sf(z);
    if (t < 1.5 || most < skewed_sf(z, 0.99 * skew)) /* the maximum may be at a smaller skewness */
        return 1;
    double student = fus_special_t_sf(t, n - 2), high = welch > student ? welch : student;
    high = most > high ? most : high;
    return (normal > high ? normal : high) * (1 + MARGIN);
}
