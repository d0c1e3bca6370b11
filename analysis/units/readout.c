/* SPDX-License-Identifier: MIT */
/* Linear read-outs: classifying pictures by features. The score of category c is bias_c + w_c . x;
 * the prediction is the category with the largest score.
 *
 *   nearest class mean  w_c = m_c, bias_c = -|m_c|^2 / 2: the largest score is the least
 *                       Euclidean distance |x - m_c|
 *   ridge regression    (Hoerl & Kennard 1970) on the categories' indicators y_c (1 or 0),
 *                       categories weighed equally: picture i of category k has the weight s_i^2 =
 *                       n / (C n_k), C categories with pictures. Features and indicators are
 *                       centred by their weighted means, rows multiplied by s_i. In dual form, as
 *                       there are fewer pictures than features: K = X X', (K + lambda I) a_c = y_c,
 *                       w_c = X' a_c, bias_c = mean y_c - w_c . mean x
 *
 * lambda is the one of 1e-4 .. 1e2 (factors of ten) times trace(K) / n with the least
 * generalised cross-validation (Golub, Heath & Wahba 1979), over all categories together. With T
 * = trace((K + lambda I)^-1), residuals are lambda a_c and trace(I - H) is lambda T - 1, the 1
 * for the mean, so
 *
 *   GCV = n sum_c |lambda a_c|^2 / (lambda T - 1)^2
 *
 * Every sum is one chain in the order of features or of pictures. */
#include <math.h>
#include <string.h>

#include "analysis/inference.h"
#include "nn/base/threads.h"

static int create_readout(struct fus_readout *out, const struct fus_readout_data *d, struct fus_error *err)
{
    memset(out, 0, sizeof *out);
    if (d->n < 1 || d->n > INT32_MAX || d->n_features < 1 || d->n_categories < 1)
        return fus_base_fail(err, FUS_EINVAL, "a read-out of %d categories from %zu pictures of %zu features",
                             d->n_categories, d->n, d->n_features);
    out->n_categories = d->n_categories;
    out->n_features = d->n_features;
    out->weight = fus_base_alloc((size_t)d->n_categories, d->n_features * sizeof *out->weight);
    out->bias = fus_base_alloc((size_t)d->n_categories, sizeof *out->bias);
    if (out->weight && out->bias)
        return FUS_OK;
    fus_readout_destroy(out);
    return fus_base_fail(err, FUS_ENOMEM, "no memory for a read-out of %zu features", d->n_features);
}

void fus_readout_destroy(struct fus_readout *r)
{
    fus_base_free(r->weight);
    fus_base_free(r->bias);
    memset(r, 0, sizeof *r);
}

static const float *row_of(const struct fus_readout_data *d, size_t i)
{
    return d->x + d->rows[i] * d->n_features;
}

static int category_of(const struct fus_readout_data *d, size_t i)
{
    return d->category[d->rows[i]];
}

static double count_of(const struct fus_readout_data *d, int category)
{
    double n = 0;
    for (size_t i = 0; i < d->n; i++)
        n += category_of(d, i) == category;
    return n;
}

int fus_readout_mean(struct fus_readout *out, const struct fus_readout_data *d, struct fus_error *err)
{
    int code = create_readout(out, d, err);
    for (int c = 0; c < d->n_categories && !code; c++) {
        double *mean = out->weight + (size_t)c * d->n_features, n = count_of(d, c), square = 0;
        for (size_t i = 0; i < d->n; i++)
            for (size_t f = 0; f < d->n_features && category_of(d, i) == c; f++)
                mean[f] += row_of(d, i)[f];
        for (size_t f = 0; f < d->n_features; f++) {
            mean[f] = n > 0 ? mean[f] / n : 0;
            square += mean[f] * mean[f];
        }
        out->bias[c] = n > 0 ? -0.5 * square : -INFINITY;
    }
    return code;
}

/* ---- ridge regression ---- */

struct ridge {
    const struct fus_readout_data *d;
    double present;   /* categories that have pictures */
    double *scale;    /* [n] s_i */
    double *mean;     /* [n_features] the unweighted mean of the categories' means */
    double *x;        /* [n, n_features] centred, times s_i */
    double *gram;     /* [n, n] K, of which the lower triangle */
    double *factor;   /* [n, n] L with L L' = K + lambda I, lower triangle */
    double *y;        /* [n_categories, n] centred indicators, times s_i */
    double *a, *best; /* [n_categories, n] solutions of a lambda, of the best one */
};

static double dot(const double *a, const double *b, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

static int create_ridge(struct ridge *r, const struct fus_readout_data *d, struct fus_error *err)
{
    size_t n = d->n, targets = (size_t)d->n_categories;
    *r = (struct ridge){.d = d};
    r->scale = fus_base_alloc(n, sizeof *r->scale);
    r->mean = fus_base_alloc(d->n_features, sizeof *r->mean);
    r->x = fus_base_alloc(n, d->n_features * sizeof *r->x);
    r->gram = fus_base_alloc(n, n * sizeof *r->gram);
    r->factor = fus_base_alloc(n, n * sizeof *r->factor);
    r->y = fus_base_alloc(n, targets * sizeof *r->y);
    r->a = fus_base_alloc(n, targets * sizeof *r->a);
    r->best = fus_base_alloc(n, targets * sizeof *r->best);
    return r->scale && r->mean && r->x && r->gram && r->factor && r->y && r->a && r->best
               ? FUS_OK
               : fus_base_fail(err, FUS_ENOMEM, "no memory for a regression on %zu pictures of %zu features", n,
                               d->n_features);
}

static void destroy_ridge(struct ridge *r)
{
    fus_base_free(r->scale);
    fus_base_free(r->mean);
    fus_base_free(r->x);
    fus_base_free(r->gram);
    fus_base_free(r->factor);
    fus_base_free(r->y);
    fus_base_free(r->a);
    fus_base_free(r->best);
}

/* The weights; their sum is n. */
static void weigh(struct ridge *r)
{
    const struct fus_readout_data *d = r->d;
    for (int c = 0; c < d->n_categories; c++)
        r->present += count_of(d, c) > 0;
    for (size_t i = 0; i < d->n; i++)
        r->scale[i] = sqrt((double)d->n / (r->present * count_of(d, category_of(d, i))));
}

static void centre(struct ridge *r)
{
    const struct fus_readout_data *d = r->d;
    for (size_t i = 0; i < d->n; i++)
        for (size_t f = 0; f < d->n_features; f++)
            r->mean[f] += r->scale[i] * r->scale[i] * row_of(d, i)[f];
    for (size_t f = 0; f < d->n_features; f++)
        r->mean[f] /= (double)d->n;
    for (size_t i = 0; i < d->n; i++)
        for (size_t f = 0; f < d->n_features; f++)
            r->x[i * d->n_features + f] = r->scale[i] * (row_of(d, i)[f] - r->mean[f]);
    for (int c = 0; c < d->n_categories; c++)
        for (size_t i = 0; i < d->n && count_of(d, c) > 0; i++)
            r->y[(size_t)c * d->n + i] = r->scale[i] * ((category_of(d, i) == c) - 1 / r->present);
}

static void gram_row(void *context, int i, int thread)
{
    const struct ridge *r = context;
    size_t n = r->d->n, wide = r->d->n_features;
    (void)thread;
    for (size_t j = 0; j <= (size_t)i; j++)
        r->gram[(size_t)i * n + j] = dot(r->x + (size_t)i * wide, r->x + j * wide, wide);
}

/* L L' = K + lambda I (Cholesky); false if a pivot is not positive, which means that a value is not
 * finite. */
static bool factorise(struct ridge *r, double lambda)
{
    size_t n = r->d->n;
    for (size_t i = 0; i < n; i++) {
        double *row = r->factor + i * n;
        for (size_t j = 0; j < i; j++)
            row[j] = (r->gram[i * n + j] - dot(row, r->factor + j * n, j)) / r->factor[j * n + j];
        double pivot = r->gram[i * n + i] + lambda - dot(row, row, i);
        if (!(pivot > 0) || isinf(pivot))
            return false;
        row[i] = sqrt(pivot);
    }
    return true;
}

/* L z = b from the from-th value on, those before being 0; in place. */
static void solve_lower(double *b, const struct ridge *r, size_t from)
{
    size_t n = r->d->n;
    for (size_t i = from; i < n; i++)
        b[i] = (b[i] - dot(r->factor + i * n + from, b + from, i - from)) / r->factor[i * n + i];
}

/* L' z = b, in place. */
static void solve_upper(double *b, const struct ridge *r)
{
    size_t n = r->d->n;
    for (size_t i = n; i-- > 0;) {
        b[i] /= r->factor[i * n + i];
        for (size_t j = 0; j < i; j++)
            b[j] -= r->factor[i * n + j] * b[i];
    }
}

/* trace((L L')^-1) = sum over i of |L^-1 e_i|^2; column [n] is scratch. */
static double trace_of_inverse(const struct ridge *r, double *column)
{
    size_t n = r->d->n;
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        memset(column, 0, n * sizeof *column);
        column[i] = 1;
        solve_lower(column, r, i);
        sum += dot(column + i, column + i, n - i);
    }
    return sum;
}

/* GCV of one lambda, with its solutions in r->a; infinite if there is none. */
static double try_lambda(struct ridge *r, double lambda)
{
    size_t n = r->d->n, values = n * (size_t)r->d->n_categories;
    if (!factorise(r, lambda))
        return INFINITY;
    double free = lambda * trace_of_inverse(r, r->a) - 1;
    memcpy(r->a, r->y, values * sizeof *r->a);
    for (size_t at = 0; at < values; at += n) {
        solve_lower(r->a + at, r, 0);
        solve_upper(r->a + at, r);
    }
    return (double)n * (lambda * lambda) * dot(r->a, r->a, values) / (free * free);
}

/* Stores the best of the grid in r->best and returns its lambda, of equal ones the smallest; 0 if
 * there is none. */
static double choose_lambda(struct ridge *r)
{
    static const double grid[] = {1e-4, 1e-3, 1e-2, 1e-1, 1, 1e1, 1e2};
    size_t n = r->d->n;
    double trace = 0, least = INFINITY, chosen = 0;
    for (size_t i = 0; i < n; i++)
        trace += r->gram[i * n + i];
    for (size_t k = 0; k < sizeof grid / sizeof *grid; k++) {
        double lambda = grid[k] * (trace > 0 ? trace / (double)n : 1), score = try_lambda(r, lambda);
        if (score < least) {
            double *swap = r->best;
            least = score;
            chosen = lambda;
            r->best = r->a;
            r->a = swap;
        }
    }
    return chosen;
}

static void set_weights(struct fus_readout *out, const struct ridge *r)
{
    const struct fus_readout_data *d = r->d;
    for (int c = 0; c < d->n_categories; c++) {
        double *w = out->weight + (size_t)c * d->n_features, n = count_of(d, c);
        for (size_t i = 0; i < d->n; i++)
            for (size_t f = 0; f < d->n_features; f++)
                w[f] += r->best[(size_t)c * d->n + i] * r->x[i * d->n_features + f];
        out->bias[c] = n > 0 ? 1 / r->present - dot(w, r->mean, d->n_features) : -INFINITY;
    }
}

int fus_readout_ridge(struct fus_readout *out, const struct fus_readout_data *d, struct fus_error *err)
{
    struct ridge r = {0};
    int code = create_readout(out, d, err);
    if (!code && d->n < 3)
        code = fus_base_fail(err, FUS_EINVAL, "a ridge regression on %zu pictures: at least 3 expected", d->n);
    if (!code)
        code = create_ridge(&r, d, err);
    if (!code) {
        weigh(&r);
        centre(&r);
        fus_threads_for((int)d->n, gram_row, &r);
        out->lambda = choose_lambda(&r);
        if (!(out->lambda > 0))
            code = fus_base_fail(err, FUS_EINVAL, "features that are not finite cannot be regressed on");
    }
    if (!code)
        set_weights(out, &r);
    destroy_ridge(&r);
    if (code)
        fus_readout_destroy(out);
    return code;
}

/* ---- reading ---- */

int fus_readout_predict(const struct fus_readout *r, const float *x)
{
    double most = -INFINITY;
    int best = -1;
    for (int c = 0; c < r->n_categories; c++) {
        double score = r->bias[c];
        for (size_t f = 0; f < r->n_features; f++)
            score += r->weight[(size_t)c * r->n_features + f] * x[f];
        if (score > most) {
            most = score;
            best = c;
        }
    }
    return best;
}
