/* SPDX-License-Identifier: MIT */
/* Latent semantic analysis: see lsa.h. */
#include "analysis/lsa.h"

#include <math.h>
#include <string.h>

#include "nn/base/fmath.h"

enum { MAX_SWEEPS = 60 }; /* convergence is quadratic: about 10 are needed */

/* ---- eigenvectors ---- */

/* Returns t = s / c of the rotation that turns [[p, r], [r, q]] into a diagonal matrix, the smaller
 * of the two angles (Rutishauser 1966). */
static double find_rotation(double *c, double *s, double p, double q, double r)
{
    double theta = (q - p) / (2 * r), t;
    if (fabs(theta) > 1e150)
        t = 1 / (2 * theta);
    else
        t = (theta < 0 ? -1 : 1) / (fabs(theta) + sqrt(fma(theta, theta, 1)));
    *c = 1 / sqrt(fma(t, t, 1));
    *s = t * *c;
    return t;
}

/* Rows x and y [n] become c x - s y and s x + c y. */
static void rotate(double *restrict x, double *restrict y, int n, double c, double s)
{
    for (int i = 0; i < n; i++) {
        double p = x[i], q = y[i];
        x[i] = c * p - s * q;
        y[i] = s * p + c * q;
    }
}

/* One rotation in the plane of p < q. Rows alone are rotated; the columns p and q are copied from
 * them, as a is symmetric. */
static void rotate_both(double *a, double *v, int n, int p, int q)
{
    double *ap = a + (size_t)p * (size_t)n, *aq = a + (size_t)q * (size_t)n, c, s;
    double pp = ap[p], qq = aq[q], pq = ap[q];
    double shift = find_rotation(&c, &s, pp, qq, pq) * pq;
    rotate(ap, aq, n, c, s);
    ap[p] = pp - shift;
    aq[q] = qq + shift;
    ap[q] = aq[p] = 0;
    for (int i = 0; i < n; i++) {
        a[(size_t)i * (size_t)n + (size_t)p] = ap[i];
        a[(size_t)i * (size_t)n + (size_t)q] = aq[i];
    }
    rotate(v + (size_t)p * (size_t)n, v + (size_t)q * (size_t)n, n, c, s);
}

/* One pass over all planes; false if there was nothing left to rotate. tiny: entries of at most
 * this size count as 0. */
static bool sweep(double *a, double *v, int n, double tiny)
{
    bool any = false;
    for (int p = 0; p < n; p++)
        for (int q = p + 1; q < n; q++)
            if (fabs(a[(size_t)p * (size_t)n + (size_t)q]) > tiny) {
                rotate_both(a, v, n, p, q);
                any = true;
            }
    return any;
}

static void swap_rows(double *v, int n, int i, int k)
{
    for (int j = 0; j < n; j++) {
        double keep = v[(size_t)i * (size_t)n + (size_t)j];
        v[(size_t)i * (size_t)n + (size_t)j] = v[(size_t)k * (size_t)n + (size_t)j];
        v[(size_t)k * (size_t)n + (size_t)j] = keep;
    }
}

/* Eigenvalues in descending order, and their vectors' rows with them; of equal ones the
 * first stays first. */
static void sort_down(double *values, double *v, int n)
{
    for (int i = 0; i < n; i++) {
        int best = i;
        for (int k = i + 1; k < n; k++)
            best = values[k] > values[best] ? k : best;
        double keep = values[best];
        values[best] = values[i];
        values[i] = keep;
        if (best != i)
            swap_rows(v, n, i, best);
    }
}

static void fix_sign(double *row, int n)
{
    int largest = 0;
    for (int i = 1; i < n; i++)
        largest = fabs(row[i]) > fabs(row[largest]) ? i : largest;
    double sign = row[largest] < 0 ? -1 : 1;
    for (int i = 0; i < n; i++)
        row[i] *= sign;
}

void fus_lsa_eigen(double *values, double *v, double *a, int n)
{
    double trace = 0;
    memset(v, 0, (size_t)n * (size_t)n * sizeof *v);
    for (int i = 0; i < n; i++) {
        v[(size_t)i * (size_t)n + (size_t)i] = 1;
        trace += fabs(a[(size_t)i * (size_t)n + (size_t)i]);
    }
    double tiny = trace / n * 0x1p-60;
    for (int i = 0; i < MAX_SWEEPS && sweep(a, v, n, tiny); i++)
        ;
    for (int i = 0; i < n; i++)
        values[i] = a[(size_t)i * (size_t)n + (size_t)i];
    sort_down(values, v, n);
    for (int i = 0; i < n; i++)
        fix_sign(v + (size_t)i * (size_t)n, n);
}

/* ---- texts ---- */

/* row [n_words]: tf-idf of a text, of unit length; false, and zeros, if its length is 0. */
static bool weigh(double *row, const double *idf, int n_words, const int *words, size_t n)
{
    double squares = 0;
    memset(row, 0, (size_t)n_words * sizeof *row);
    for (size_t k = 0; k < n; k++)
        row[words[k]] += idf[words[k]];
    for (int i = 0; i < n_words; i++)
        squares = fma(row[i], row[i], squares);
    double length = sqrt(squares);
    for (int i = 0; i < n_words && length > 0; i++)
        row[i] /= length;
    return length > 0;
}

/* The words of a text that its row holds, each once, ascending, with their entries; row stays.
 * Returns how many. */
static int list_entries(int *which, const double *row, int n_words)
{
    int n = 0;
    for (int i = 0; i < n_words; i++)
        if (row[i] != 0)
            which[n++] = i;
    return n;
}

struct sums {
    const size_t *start;
    const int *words;
    size_t n_texts;
    int n_words;
    double *row, *covariance; /* [n_words], [n_words, n_words] */
    int *which;               /* [n_words] */
};

static void count_texts(double *idf, const struct sums *s)
{
    int *last = s->which; /* 1 + the text that was counted last */
    for (int t = 0; t < (int)s->n_texts; t++)
        for (size_t k = s->start[t]; k < s->start[t + 1]; k++) {
            int w = s->words[k];
            idf[w] += last[w] != t + 1;
            last[w] = t + 1;
        }
    for (int w = 0; w < s->n_words; w++)
        idf[w] = idf[w] > 0 ? fus_fmath_log((double)s->n_texts / idf[w]) : 0;
}

/* mean, then sum over texts of m m', less n mean mean'. */
static void sum_covariance(struct fus_lsa *l, const struct sums *s)
{
    size_t n = (size_t)s->n_words;
    memset(s->covariance, 0, n * n * sizeof *s->covariance);
    for (size_t t = 0; t < s->n_texts; t++) {
        weigh(s->row, l->idf, s->n_words, s->words + s->start[t], s->start[t + 1] - s->start[t]);
        int entries = list_entries(s->which, s->row, s->n_words);
        for (int i = 0; i < entries; i++) {
            double x = s->row[s->which[i]], *to = s->covariance + (size_t)s->which[i] * n;
            l->mean[s->which[i]] += x;
            for (int k = i; k < entries; k++)
                to[s->which[k]] = fma(x, s->row[s->which[k]], to[s->which[k]]);
        }
    }
    for (size_t i = 0; i < n; i++)
        l->mean[i] /= (double)s->n_texts;
    for (size_t i = 0; i < n; i++)
        for (size_t k = i; k < n; k++) {
            double less = (double)s->n_texts * l->mean[i] * l->mean[k];
            s->covariance[i * n + k] -= less;
            s->covariance[k * n + i] = s->covariance[i * n + k];
        }
}

/* The leading axes of the covariance, which is destroyed. */
static void find_axes(struct fus_lsa *l, double *covariance, double *values, double *vectors)
{
    size_t n = (size_t)l->n_words;
    double trace = 0, kept = 0;
    for (size_t i = 0; i < n; i++)
        trace += covariance[i * n + i];
    fus_lsa_eigen(values, vectors, covariance, l->n_words);
    for (int i = 0; i < l->dim; i++)
        kept += values[i];
    memcpy(l->values, values, (size_t)l->dim * sizeof *values);
    memcpy(l->axes, vectors, (size_t)l->dim * n * sizeof *vectors);
    l->share = trace > 0 ? kept / trace : 0;
}

static int check(size_t n_texts, int n_words, int dim, struct fus_error *err)
{
    if (n_words > FUS_LSA_MAX_WORDS)
        return fus_base_fail(err, FUS_ELIMIT, "latent semantic analysis of %d words; at most %d are possible", n_words,
                             FUS_LSA_MAX_WORDS);
    if (n_texts >= INT32_MAX)
        return fus_base_fail(err, FUS_ELIMIT, "latent semantic analysis of %zu captions; less than 2^31 are possible",
                             n_texts);
    if (n_texts < 2)
        return fus_base_fail(err, FUS_EINVAL, "latent semantic analysis of %zu captions; at least 2 are needed",
                             n_texts);
    if (dim < 1 || dim > n_words)
        return fus_base_fail(
            err, FUS_EINVAL,
            "latent semantic analysis in %d dimensions: the captions have %d words that count, expected 1 to %d", dim,
            n_words, n_words);
    return FUS_OK;
}

int fus_lsa_fit(struct fus_lsa *l, const size_t *start, const int *words, size_t n_texts, int n_words, int dim,
                struct fus_error *err)
{
    int code = check(n_texts, n_words, dim, err);
    if (code)
        return code;
    size_t n = (size_t)n_words, d = (size_t)dim;
    struct fus_lsa made = {.n_words = n_words,
                           .dim = dim,
                           .idf = fus_base_alloc(n, sizeof(double)),
                           .mean = fus_base_alloc(n, sizeof(double)),
                           .axes = fus_base_alloc(d * n, sizeof(double)),
                           .values = fus_base_alloc(d, sizeof(double))};
    struct sums s = {start,
                     words,
                     n_texts,
                     n_words,
                     fus_base_alloc(n, sizeof(double)),
                     fus_base_alloc(n * n, sizeof(double)),
                     fus_base_alloc(n, sizeof(int))};
    double *values = fus_base_alloc(n, sizeof *values), *vectors = fus_base_alloc(n * n, sizeof *vectors);
    if (!made.idf || !made.mean || !made.axes || !made.values || !s.row || !s.covariance || !s.which || !values ||
        !vectors)
        code = fus_base_fail(err, FUS_ENOMEM, "no memory for the latent semantic analysis of %d words", n_words);
    if (!code) {
        count_texts(made.idf, &s);
        sum_covariance(&made, &s);
        find_axes(&made, s.covariance, values, vectors);
    }
    fus_base_free(s.row);
    fus_base_free(s.covariance);
    fus_base_free(s.which);
    fus_base_free(values);
    fus_base_free(vectors);
    if (code)
        fus_lsa_free(&made);
    else
        *l = made;
    return code;
}

void fus_lsa_free(struct fus_lsa *l)
{
    fus_base_free(l->idf);
    fus_base_free(l->mean);
    fus_base_free(l->axes);
    fus_base_free(l->values);
    memset(l, 0, sizeof *l);
}

/* The embedding before it gets unit length. */
static double project(const struct fus_lsa *l, const double *row, int axis)
{
    const double *v = l->axes + (size_t)axis * (size_t)l->n_words;
    double sum = 0;
    for (int i = 0; i < l->n_words; i++)
        sum = fma(row[i] - l->mean[i], v[i], sum);
    return sum;
}

bool fus_lsa_embed(float *out, const struct fus_lsa *l, const int *words, size_t n, double *row)
{
    double squares = 0;
    bool known = weigh(row, l->idf, l->n_words, words, n);
    memset(out, 0, (size_t)l->dim * sizeof *out);
    for (int i = 0; i < l->dim && known; i++) {
        double x = project(l, row, i);
        squares = fma(x, x, squares);
    }
    for (int i = 0; i < l->dim && squares > 0; i++)
        out[i] = (float)(project(l, row, i) / sqrt(squares));
    return squares > 0;
}
