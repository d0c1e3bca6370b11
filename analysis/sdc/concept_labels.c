/* SPDX-License-Identifier: MIT */
/* Names for clusters from labels of images: how well the similarity with the centroid tells images
 * with a label from others (area under the ROC curve), and whether the label is frequent among the
 * nearest and the farthest hundredth (hypergeometric tails; Benjamini & Hochberg over all clusters
 * and labels).
 *
 * A column of IMAGES.tsv whose values are 0 and 1 is one label; every word of another column is
 * one, COLUMN:WORD. Columns with more than MAX_WORDS words (captions, numbers) are left out. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/analysis.h"
#include "analysis/sdc/explain.h"
#include "nn/base/fmath.h"

enum { MAX_WORDS = 200, MAX_LABELS = 1000 };

/* ---- which labels there are ---- */

static const char *value_of(const struct fus_sdc_explained *x, int column, size_t i)
{
    const struct fus_sdc_images *im = &x->pool->images;
    return im->value[(size_t)column * im->n + (size_t)x->pool->row[i]];
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The different words of a column in order; 0 if there are too many. */
static size_t list_words(const char **words, const struct fus_sdc_explained *x, int column)
{
    size_t n = 0, kept = 0;
    for (size_t i = 0; i < x->pool->n; i++) {
        const char *v = value_of(x, column, i);
        if (*v && strcmp(v, "-") != 0)
            words[n++] = v;
    }
    if (n > 1)
        qsort(words, n, sizeof *words, compare_texts);
    for (size_t i = 0; i < n; i++)
        if (kept == 0 || strcmp(words[kept - 1], words[i]) != 0)
            words[kept++] = words[i];
    return kept > MAX_WORDS ? 0 : kept;
}

static bool is_binary(const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(words[i], "0") != 0 && strcmp(words[i], "1") != 0)
            return false;
    return n > 0;
}

struct labels {
    int n;
    uint8_t *has; /* [MAX_LABELS, pool->n] */
    size_t n_pool;
};

static bool add_label(struct fus_sdc_explained *x, struct labels *l, int column, const char *word, bool binary)
{
    char name[300];
    const char *head = x->pool->images.label[column];
    if (l->n == MAX_LABELS)
        return true;
    if (binary)
        snprintf(name, sizeof name, "%.200s", head);
    else
        snprintf(name, sizeof name, "%.90s:%.200s", head, word);
    x->label_name[l->n] = fus_base_strdup(name);
    for (size_t i = 0; i < l->n_pool; i++)
        l->has[(size_t)l->n * l->n_pool + i] = strcmp(value_of(x, column, i), word) == 0;
    l->n++;
    return x->label_name[l->n - 1] != NULL;
}

static bool list_labels(struct fus_sdc_explained *x, struct labels *l, const char **words)
{
    bool good = true;
    for (int column = 0; column < x->pool->images.n_labels && good; column++) {
        size_t n = list_words(words, x, column);
        bool binary = is_binary(words, n);
        if (binary)
            good = add_label(x, l, column, "1", true);
        for (size_t i = 0; i < n && good && !binary; i++)
            good = add_label(x, l, column, words[i], false);
    }
    x->n_labels = l->n;
    return good;
}

/* ---- one cluster and one label ---- */

/* Mann & Whitney's statistic from the order by falling similarity; equally similar images share
 * their ranks. */
static double find_auc(const struct fus_sdc_explained *x, int cluster, const uint8_t *has)
{
    size_t n = x->pool->n, n1 = 0;
    const uint32_t *order = x->order + (size_t)cluster * n;
    const double *value = x->similarity + (size_t)cluster * n;
    double sum = 0; /* of ranks from the least similar, 1, on */
    for (size_t i = 0, end; i < n; i = end) {
        size_t with = 0;
        for (end = i; end < n && value[order[end]] == value[order[i]]; end++)
            with += has[order[end]];
        sum += (double)with * ((double)(n - i) + (double)(n - end + 1)) / 2;
        n1 += with;
    }
    double a = (double)n1, b = (double)(n - n1);
    return n1 && n1 < n ? (sum - a * (a + 1) / 2) / (a * b) : NAN;
}

static double log_choose(double n, double k)
{
    return fus_special_lgamma(n + 1) - fus_special_lgamma(k + 1) - fus_special_lgamma(n - k + 1);
}

/* P(X >= k) for X of n1 of n images in a draw of m. */
static double tail(size_t k, size_t m, size_t n1, size_t n)
{
    double p = 0, all = log_choose((double)n, (double)m);
    size_t most = m < n1 ? m : n1;
    for (size_t i = k; i <= most; i++)
        if (m - i <= n - n1)
            p += fus_fmath_exp(log_choose((double)n1, (double)i) + log_choose((double)(n - n1), (double)(m - i)) - all);
    return p < 1 ? p : 1;
}

static void fill_row(struct fus_sdc_label_row *row, const struct fus_sdc_explained *x, const uint8_t *has)
{
    size_t n = x->pool->n, m = (n + 99) / 100;
    const uint32_t *order = x->order + (size_t)row->cluster * n;
    for (size_t i = 0; i < n; i++)
        row->n += has[i];
    for (size_t i = 0; i < m; i++) {
        row->n_top += has[order[i]];
        row->n_bottom += has[order[n - 1 - i]];
    }
    row->auc = find_auc(x, row->cluster, has);
    row->p_top = tail(row->n_top, m, row->n, n);
    row->p_bottom = tail(row->n_bottom, m, row->n, n);
}

static int correct(struct fus_sdc_explained *x, struct fus_error *err)
{
    size_t n = (size_t)x->k * (size_t)x->n_labels;
    double *p = fus_base_alloc(2 * n + 1, sizeof *p);
    int code = p ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "no memory for %zu labels", n);
    for (size_t i = 0; i < n && !code; i++) {
        p[2 * i] = x->labels[i].p_top;
        p[2 * i + 1] = x->labels[i].p_bottom;
    }
    if (!code)
        code = fus_multiple_adjust(p, p, 2 * n, FUS_BH, err);
    for (size_t i = 0; i < n && !code; i++) {
        x->labels[i].q_top = p[2 * i];
        x->labels[i].q_bottom = p[2 * i + 1];
    }
    fus_base_free(p);
    return code;
}

/* A cluster's label: the largest area. */
static void name_clusters(struct fus_sdc_explained *x)
{
    for (int c = 0; c < x->k; c++)
        for (int l = 0; l < x->n_labels; l++) {
            double auc = x->labels[c * x->n_labels + l].auc;
            if (auc > x->fact[c].label_auc || (isfinite(auc) && x->fact[c].label < 0)) {
                x->fact[c].label = l;
                x->fact[c].label_auc = auc;
            }
        }
}

int fus_sdc_explain_labels(struct fus_sdc_explained *x, struct fus_error *err)
{
    struct labels l = {0, NULL, x->pool->n};
    const char **words = NULL;
    if (!x->pool->has_images || !x->pool->images.n_labels || !x->k)
        return FUS_OK;
    words = fus_base_alloc(x->pool->n + 1, sizeof *words);
    l.has = fus_base_alloc(x->pool->n, MAX_LABELS);
    x->label_name = fus_base_alloc(MAX_LABELS, sizeof *x->label_name);
    bool good = words && l.has && x->label_name && list_labels(x, &l, words);
    if (good)
        good = (x->labels = fus_base_alloc((size_t)x->k * (size_t)x->n_labels + 1, sizeof *x->labels)) != NULL;
    int code = good ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "no memory for labels of %zu images", x->pool->n);
    for (int i = 0; i < x->k * x->n_labels && !code; i++) {
        x->labels[i].cluster = i / x->n_labels;
        x->labels[i].label = i % x->n_labels;
        fill_row(&x->labels[i], x, l.has + (size_t)(i % x->n_labels) * l.n_pool);
    }
    if (!code && x->n_labels)
        code = correct(x, err);
    if (!code)
        name_clusters(x);
    fus_base_free(words);
    fus_base_free(l.has);
    return code;
}
