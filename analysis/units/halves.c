/* SPDX-License-Identifier: MIT */
/* Split-half reliability and cross-validated indices. An index measured on the pictures by which
 * the unit was selected is biased upwards (Kriegeskorte, Simmons, Bellgowan & Baker 2009, Nature
 * Neuroscience 12, 535). Measured on the other half it is not. */
#include <math.h>
#include <string.h>

#include "analysis/inference.h"
#include "nn/base/threads.h"
#include "nn/kernel/kernels.h"

#define CHUNK FUS_SELECT_CHUNK /* units a thread takes at a time */
#define STRIP 128              /* units whose responses are read together from the scratch file ... */
#define LINE 16                /* ... and in memory */
#define RANKED 64              /* ... where their pictures are ranked */

struct fus_moments fus_halves_view(const struct fus_moments *m, int half)
{
    int n = m->n_groups / 2;
    size_t skip = (size_t)(half * n) * m->n_units;
    return (struct fus_moments){
        n, m->n_units, m->n + half * n, m->mean + skip, m->m2 + skip, m->m3 ? m->m3 + skip : NULL, m->is_signed, false};
}

int fus_halves_merge(struct fus_moments *out, const struct fus_moments *m, struct fus_error *err)
{
    if (m->n_groups != 2 * out->n_groups || m->n_units != out->n_units)
        return fus_base_fail(err, FUS_EINVAL, "halves: %d groups of %zu units do not merge into %d of %zu", m->n_groups,
                             m->n_units, out->n_groups, out->n_units);
    for (int g = 0; g < out->n_groups; g++) {
        if (out->mean != m->mean)
            out->n[g] = 0, fus_moments_merge_group(out, g, m, g);
        fus_moments_merge_group(out, g, m, out->n_groups + g);
    }
    return FUS_OK;
}

/* The mean of two values of which one may be missing. */
static double mean_of_two(double a, double b)
{
    return isnan(a) ? b : isnan(b) ? a : 0.5 * (a + b);
}

/* Sums of x and y and of products of their deviations from the means, over n units. */
struct sums {
    double n, x, y, xx, yy, xy;
};

/* Units of a chunk go to 16 sums in turn, which are then added in their order. */
static double add_lanes(const double lanes[FUS_LANES])
{
    double sum = 0;
    for (int i = 0; i < FUS_LANES; i++)
        sum += lanes[i];
    return sum;
}

static double sum_of(const struct fus_kernel *kernel, const double *x, size_t n)
{
    double lanes[FUS_LANES] = {0};
    kernel->lane_sums(lanes, x, n);
    return add_lanes(lanes);
}

static double products_of(const struct fus_kernel *kernel, const double *x, double mean_x, const double *y,
                          double mean_y, size_t n)
{
    double lanes[FUS_LANES] = {0};
    kernel->lane_products(lanes, x, mean_x, y, mean_y, n);
    return add_lanes(lanes);
}

/* In two passes over the chunk. */
static struct sums sum_chunk(const double *x, const double *y, size_t n)
{
    const struct fus_kernel *kernel = fus_kernels_here();
    struct sums s = {.n = (double)n, .x = sum_of(kernel, x, n), .y = sum_of(kernel, y, n)};
    double mean_x = s.x / s.n, mean_y = s.y / s.n;
    s.xx = products_of(kernel, x, mean_x, x, mean_x, n);
    s.yy = products_of(kernel, y, mean_y, y, mean_y, n);
    s.xy = products_of(kernel, x, mean_x, y, mean_y, n);
    return s;
}

/* Both halves together, a chunk of units at a time while their moments are in cache. */
struct compare_context {
    const struct fus_moments *halves;
    struct fus_search *search[2]; /* NULL: the half's units have their labels */
    double *weight;               /* [2, n_categories, n_categories] */
    double *squares;              /* [threads, 2, n_categories + 2, CHUNK] of t, then t itself */
    struct sums *sums;            /* [chunks, n_categories] */
};

/* Removes units that are not defined in both halves from t [2, n_rows, CHUNK], whose last rows are
 * the spreads; returns the number of units left. */
static size_t drop_undefined(double *t, size_t n_rows, size_t n)
{
    size_t kept = 0;
    const double *spread[2] = {t + (n_rows - 1) * CHUNK, t + (2 * n_rows - 1) * CHUNK};
    const struct fus_kernel *kernel = fus_kernels_here();
    if (!isnan(sum_of(kernel, spread[0], n) + sum_of(kernel, spread[1], n)))
        return n;
    for (size_t u = 0; u < n; u++) {
        if (isnan(spread[0][u]) || isnan(spread[1][u]))
            continue;
        for (size_t row = 0; row < 2 * n_rows && kept < u; row++)
            t[row * CHUNK + kept] = t[row * CHUNK + u];
        kept++;
    }
    return kept;
}

static void compare_chunk(void *context, int chunk, int thread)
{
    const struct compare_context *a = context;
    const struct fus_kernel *kernel = fus_kernels_here();
    size_t n = (size_t)a->halves[0].n_groups, from = (size_t)chunk * CHUNK, rest = a->halves[0].n_units - from;
    size_t count = rest < CHUNK ? rest : CHUNK, size = (n + 2) * CHUNK;
    double *t = a->squares + (size_t)thread * 2 * size;
    for (size_t h = 0; h < 2; h++) {
        fus_select_squares(t + h * size, &a->halves[h], a->weight + h * n * n, from, count);
        if (a->search[h])
            fus_search_chunk(a->search[h], chunk, thread, fus_search_is_balanced(a->search[h]) ? NULL : t + h * size);
        for (size_t c = 0; c < n; c++)
            kernel->roots(t + h * size + c * CHUNK, count);
    }
    count = drop_undefined(t, n + 2, count);
    for (size_t c = 0; c < n && count > 0; c++)
        a->sums[(size_t)chunk * n + c] = sum_chunk(t + c * CHUNK, t + size + c * CHUNK, count);
}

/* Chunks in their order, merged as halves are. */
static double correlation(const struct sums *sums, size_t n_chunks, size_t stride)
{
    struct sums s = {0};
    for (size_t i = 0; i < n_chunks; i++) {
        const struct sums *k = &sums[i * stride];
        if (k->n == 0)
            continue;
        double dx = s.n > 0 ? k->x / k->n - s.x / s.n : 0, dy = s.n > 0 ? k->y / k->n - s.y / s.n : 0;
        double weight = s.n * k->n / (s.n + k->n);
        s.xx += k->xx + dx * dx * weight;
        s.yy += k->yy + dy * dy * weight;
        s.xy += k->xy + dx * dy * weight;
        s.n += k->n, s.x += k->x, s.y += k->y;
    }
    return s.xx > 0 && s.yy > 0 ? s.xy / (sqrt(s.xx) * sqrt(s.yy)) : NAN;
}

/* The labels found by the searches, and Pearson's r of the least t over the units defined in both
 * halves; NaN if either is constant. */
static int compare(struct fus_halves_category *out, const struct fus_moments halves[2],
                   struct fus_search *const search[2], bool student, struct fus_error *err)
{
    size_t n = (size_t)halves[0].n_groups, n_chunks = (halves[0].n_units + CHUNK - 1) / CHUNK;
    struct compare_context a = {
        halves, {search[0], search[1]}, fus_base_alloc(2 * n, n * sizeof *a.weight), NULL, NULL};
    a.squares = fus_base_aligned((size_t)fus_base_threads() * 2 * (n + 2), CHUNK * sizeof *a.squares);
    a.sums = fus_base_alloc(n_chunks, n * sizeof *a.sums);
    int code = a.weight && a.squares && a.sums
                   ? FUS_OK
                   : fus_base_fail(err, FUS_ENOMEM, "no memory for the t values of two halves");
    if (!code) {
        for (size_t h = 0; h < 2; h++)
            fus_select_weights(a.weight + h * n * n, &halves[h], student);
        fus_threads_for((int)n_chunks, compare_chunk, &a);
        for (size_t c = 0; c < n; c++)
            out[c].t_correlation = correlation(a.sums + c, n_chunks, n);
    }
    for (int h = 0; h < 2 && !code; h++)
        if (search[h])
            code = fus_search_finish(search[h], err);
    fus_base_free(a.weight);
    fus_base_free(a.squares);
    fus_base_free(a.sums);
    return code;
}

/* Mean of an index over units, NaN left out. */
struct mean {
    double sum, n;
};

static void include(struct mean *m, double value)
{
    if (!isnan(value))
        m->sum += value, m->n++;
}

/* Of the units selected in one half: how many are also selected in the other, and their mean CSI
 * and d' in the selecting half [0] and in the other [1]. */
struct measured {
    size_t n, n_both;
    double csi[2], dprime[2];
};

static struct measured measure(const struct fus_moments halves[2], int8_t *const label[2], int selected, int category)
{
    struct measured out = {.n = 0};
    struct mean csi[2] = {{0, 0}, {0, 0}}, dprime[2] = {{0, 0}, {0, 0}};
    const int8_t *selected_label = label[selected], *end = selected_label + halves[0].n_units;
    for (const int8_t *at = selected_label; (at = memchr(at, category, (size_t)(end - at))) != NULL; at++) {
        size_t u = (size_t)(at - selected_label);
        out.n++;
        out.n_both += label[1 - selected][u] == category;
        for (int other = 0; other < 2; other++) {
            const struct fus_moments *m = &halves[other ? 1 - selected : selected];
            if (!fus_select_defined(m, u))
                continue;
            include(&csi[other], fus_csi_unit(m, u, category));
            include(&dprime[other], fus_csi_dprime(m, u, category));
        }
    }
    for (int other = 0; other < 2; other++) {
        out.csi[other] = csi[other].sum / csi[other].n; /* NaN for none */
        out.dprime[other] = dprime[other].sum / dprime[other].n;
    }
    return out;
}

struct summary_context {
    struct fus_halves_category *out;
    const struct fus_moments *halves;
    int8_t *const *label;
};

static void summarise(void *context, int category, int thread)
{
    const struct summary_context *a = context;
    struct fus_halves_category *out = &a->out[category];
    struct measured m[2] = {measure(a->halves, a->label, 0, category), measure(a->halves, a->label, 1, category)};
    double both = (double)m[0].n_both, n[2] = {(double)m[0].n, (double)m[1].n};
    (void)thread;
    out->auc_cross = NAN;
    out->n_selected[0] = m[0].n, out->n_selected[1] = m[1].n;
    out->csi_same = mean_of_two(m[0].csi[0], m[1].csi[0]);
    out->csi_cross = mean_of_two(m[0].csi[1], m[1].csi[1]);
    out->dprime_same = mean_of_two(m[0].dprime[0], m[1].dprime[0]);
    out->dprime_cross = mean_of_two(m[0].dprime[1], m[1].dprime[1]);
    out->survival = mean_of_two(both / n[0], both / n[1]);
    out->dice = 2 * both / (n[0] + n[1]);
}

/* ---- AUC, from single responses ---- */

struct rank_context {
    const struct fus_responses *r;
    const int *half;
    int measured, category;
    const size_t *unit; /* [n] */
    double *auc;        /* [n] */
    size_t n;
    float *scratch; /* [threads, 3 + STRIP, n_images] */
};

/* The category's pictures of the half that is measured against all others of it; strip
 * [n_images, STRIP]. */
static double unit_auc(const struct rank_context *a, const float *strip, float *scratch)
{
    const struct fus_responses *r = a->r;
    float *preferred = scratch, *others = scratch + r->n_images;
    size_t n_preferred = 0, n_others = 0;
    for (size_t i = 0; i < r->n_images; i++) {
        if (a->half[i] != a->measured)
            continue;
        if (r->category[i] == a->category)
            preferred[n_preferred++] = strip[i * STRIP];
        else
            others[n_others++] = strip[i * STRIP];
    }
    return fus_ranksum_auc(preferred, n_preferred, others, n_others, others + r->n_images);
}

static void rank_units(void *context, int task, int thread)
{
    const struct rank_context *a = context;
    size_t from = (size_t)task * RANKED, end = a->n - from < RANKED ? a->n : from + RANKED;
    float *scratch = a->scratch + (size_t)thread * (3 + STRIP) * a->r->n_images, *strip = scratch + 3 * a->r->n_images;
    size_t first = 0, n = 0, wide = a->r->x ? LINE : STRIP; /* units in the strip, and at most */
    for (size_t i = from; i < end; i++) {
        if (a->unit[i] >= first + n) {
            first = a->unit[i];
            n = a->r->n_units - first < wide ? a->r->n_units - first : wide;
            fus_responses_strip(strip, STRIP, a->r, first, n);
        }
        a->auc[i] = unit_auc(a, strip + (a->unit[i] - first), scratch);
    }
}

/* Units that label [n_units] gives to the category and that are defined in m; unit may be NULL. */
static size_t list_units(size_t *unit, const struct fus_moments *m, const int8_t *label, int category)
{
    size_t n = 0;
    for (const int8_t *at = label, *end = label + m->n_units; (at = memchr(at, category, (size_t)(end - at))) != NULL;
         at++)
        if (fus_select_defined(m, (size_t)(at - label))) {
            if (unit)
                unit[n] = (size_t)(at - label);
            n++;
        }
    return n;
}

/* Mean over the units that the other half selected. */
static int measure_auc(double *mean, struct rank_context *a, const struct fus_moments *m, const int8_t *label,
                       struct fus_error *err)
{
    a->n = list_units(NULL, m, label, a->category);
    size_t *unit = fus_base_alloc(a->n + 1, sizeof *unit);
    a->auc = fus_base_alloc(a->n + 1, sizeof *a->auc);
    int code = unit && a->auc ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "no memory for the AUC of %zu units", a->n);
    if (!code) {
        struct mean sum = {0, 0};
        list_units(unit, m, label, a->category);
        a->unit = unit;
        fus_threads_for((int)((a->n + RANKED - 1) / RANKED), rank_units, a);
        for (size_t i = 0; i < a->n; i++)
            include(&sum, a->auc[i]);
        *mean = sum.sum / sum.n;
    }
    fus_base_free(unit);
    fus_base_free(a->auc);
    return code;
}

static int cross_auc(struct fus_halves_category *out, const struct fus_moments halves[2], int8_t *const label[2],
                     const struct fus_responses *r, const int *half, struct fus_error *err)
{
    struct rank_context a = {
        .r = r,
        .half = half,
        .scratch = fus_base_aligned((size_t)fus_base_threads() * r->n_images, (3 + STRIP) * sizeof *a.scratch)};
    int code = a.scratch ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "no memory to rank %zu pictures", r->n_images);
    for (a.category = 0; a.category < r->n_categories && !code; a.category++) {
        double mean[2];
        for (a.measured = 0; a.measured < 2 && !code; a.measured++)
            code = measure_auc(&mean[a.measured], &a, &halves[a.measured], label[1 - a.measured], err);
        if (!code)
            out[a.category].auc_cross = mean_of_two(mean[0], mean[1]);
    }
    fus_base_free(a.scratch);
    return code;
}

/* The pictures of one half as a layer's responses. */
struct half_rows {
    const struct fus_responses *r;
    size_t *picture; /* [n] */
    int *category;   /* [n] */
    size_t n;
};

static void read_row(void *context, float *to, size_t image, size_t first, size_t n)
{
    const struct half_rows *h = context;
    fus_responses_row(to, h->r, h->picture[image], first, n);
}

int fus_halves_relabel(struct fus_layer_summary *layer, const struct fus_moments *m, const struct fus_responses *r,
                       const int *half, int which, const struct fus_select_options *options, struct fus_error *err)
{
    size_t n = r->n_images;
    struct half_rows h = {r, fus_base_alloc(n, sizeof *h.picture), fus_base_alloc(n, sizeof *h.category), 0};
    int code = h.picture && h.category ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "no memory for %zu pictures", n);
    for (size_t i = 0; i < n && !code; i++)
        if (half[i] == which) {
            h.category[h.n] = r->category[i];
            h.picture[h.n++] = i;
        }
    struct fus_responses rows = *r;
    rows.x = NULL, rows.stratum = NULL, rows.read = read_row, rows.context = &h;
    rows.category = h.category, rows.n_images = h.n;
    if (!code)
        code = fus_relabel_label(layer, m, &rows, "half", options, NULL, err);
    fus_base_free(h.picture);
    fus_base_free(h.category);
    return code;
}

/* The labels of one half, or the search that will find them. */
static int label_half(struct fus_layer_summary *layer, struct fus_search **search, const struct fus_moments *half,
                      enum fus_criterion criterion, const struct fus_select_options *options, struct fus_error *err)
{
    const char *name = "half";
    if (criterion != FUS_CRITERION_IUT || !fus_search_suits(options))
        return fus_criteria_label(layer, half, name, (int)half->n_units, 1, 1, criterion, options, err);
    int code = fus_select_create(layer, half, name, (int)half->n_units, 1, 1, err);
    if (!code)
        code = fus_select_check(half, options, err);
    return code ? code : fus_search_create(search, layer->label, half, options, err);
}

int fus_halves_layer(struct fus_halves_category *out, const struct fus_moments *m, const struct fus_responses *r,
                     const int *half, enum fus_criterion criterion, const struct fus_select_options *options,
                     struct fus_error *err)
{
    if (m->n_groups % 2 || m->n_groups < 4 || m->n_units > INT32_MAX)
        return fus_base_fail(err, FUS_EINVAL, "halves: %d groups of %zu units, expected two per category", m->n_groups,
                             m->n_units);
    struct fus_moments halves[2] = {fus_halves_view(m, 0), fus_halves_view(m, 1)};
    struct fus_layer_summary layer[2] = {{.channels = 0}, {.channels = 0}};
    struct fus_search *search[2] = {NULL, NULL};
    int code = FUS_OK;
    bool relabelled = criterion == FUS_CRITERION_IUT && options->test == FUS_TEST_PERMUTATION;
    if (relabelled && !r)
        code = fus_base_fail(err, FUS_EINVAL, "halves: the permutation test needs single responses");
    for (int h = 0; h < 2 && !code && relabelled; h++)
        code = fus_halves_relabel(&layer[h], &halves[h], r, half, h, options, err);
    for (int h = 0; h < 2 && !code && !relabelled; h++)
        code = label_half(&layer[h], &search[h], &halves[h], criterion, options, err);
    if (!code)
        code = compare(out, halves, search, options->test == FUS_TEST_STUDENT, err);
    if (!code) {
        int8_t *const label[2] = {layer[0].label, layer[1].label};
        fus_threads_for(halves[0].n_groups, summarise, &(struct summary_context){out, halves, label});
        if (r)
            code = cross_auc(out, halves, label, r, half, err);
    }
    for (int h = 0; h < 2; h++) {
        fus_search_destroy(search[h]);
        fus_select_free(&layer[h]);
    }
    return code;
}
