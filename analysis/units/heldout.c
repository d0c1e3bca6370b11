/* SPDX-License-Identifier: MIT */
/* Units chosen with one set of pictures, measured with another: see contrast.h.
 *
 * The chosen units' responses to the second set are copied together, category after category; the
 * bootstrap over its pictures then measures them alone. The mean AUC over units is
 * sum a_ij / (2 n n_a n_b), a_ij the number of units whose response to picture i of the category is
 * above that to another picture j, counted twice, plus the number of those where both are equal. So
 * the counts a_ij [n_a, n_b] are made once, and a resample weighs them: all sums are of whole
 * numbers. */
#include <math.h>
#include <string.h>

#include "analysis/contrast.h"
#include "nn/base/threads.h"

enum { MOMENTS = FUS_HELDOUT_AUC }; /* statistics from moments; the AUC follows */

/* The chosen units, category after category, and their responses to the second set. */
struct chosen {
    const struct fus_heldout_plan *plan;
    const struct fus_responses *all;
    size_t *unit, *start; /* those of category c: unit[start[c]] .. unit[start[c + 1] - 1] */
    float *x;             /* [n_images, n]; NULL: they are read each time */
    struct fus_responses r;
};

/* ---- their responses ---- */

/* For struct fus_responses; units that are neighbours are read together. */
static void read_chosen(void *context, float *to, size_t image, size_t first, size_t n)
{
    const struct chosen *c = context;
    const size_t *unit = c->unit + first;
    for (size_t i = 0, run; i < n; i += run) {
        for (run = 1; i + run < n && unit[i + run] == unit[i] + run;)
            run++;
        fus_responses_row(to + i, c->all, image, unit[i], run);
    }
}

static void copy_image(void *context, int image, int thread)
{
    struct chosen *c = context;
    (void)thread;
    read_chosen(c, c->x + (size_t)image * c->r.n_units, (size_t)image, 0, c->r.n_units);
}

/* The units of categories that the second set has. */
static void list_units(struct chosen *c)
{
    size_t n = 0;
    for (int k = 0; k < c->plan->n_categories; k++) {
        c->start[k] = n;
        for (size_t u = 0; u < c->all->n_units && c->plan->category[k] >= 0; u++)
            if (c->plan->chosen[u] == k)
                c->unit[n++] = u;
    }
    c->start[c->plan->n_categories] = n;
}

static int gather(struct chosen *c, struct fus_error *err)
{
    size_t n_units = c->all->n_units, bytes;
    c->unit = fus_base_alloc(n_units, sizeof *c->unit);
    c->start = fus_base_alloc((size_t)c->plan->n_categories + 1, sizeof *c->start);
    if (!c->unit || !c->start)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for %zu units", n_units);
    list_units(c);
    size_t n = c->start[c->plan->n_categories];
    c->r = *c->all;
    c->r.n_units = n, c->r.channels = (int)n, c->r.height = c->r.width = 1;
    c->r.x = NULL, c->r.read = read_chosen, c->r.context = c;
    if (n == 0 || !fus_base_mul(&bytes, n * sizeof *c->x, c->all->n_images) || bytes > c->plan->max_bytes)
        return FUS_OK;
    c->x = fus_base_aligned(n * c->all->n_images, sizeof *c->x);
    if (!c->x)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for %zu responses of %zu units", c->all->n_images, n);
    fus_threads_for((int)c->all->n_images, copy_image, c);
    c->r.x = c->x;
    return FUS_OK;
}

/* ---- from moments: share, CSI, d' ---- */

/* Whether the category has the largest mean, larger than every other. */
static bool prefers(const struct fus_moments *m, size_t unit, int category)
{
    for (int o = 0; o < m->n_groups; o++)
        if (o != category && !(m->mean[(size_t)category * m->n_units + unit] > m->mean[(size_t)o * m->n_units + unit]))
            return false;
    return true;
}

static void measure_category(double value[MOMENTS], const struct chosen *c, const struct fus_moments *m, int k)
{
    double sum[MOMENTS] = {0}, n[MOMENTS] = {0};
    int category = c->plan->category[k];
    for (size_t u = c->start[k]; u < c->start[k + 1]; u++) {
        const double one[MOMENTS] = {prefers(m, u, category) ? 1 : 0, fus_csi_unit(m, u, category),
                                     fus_csi_dprime(m, u, category)};
        for (int s = 0; s < MOMENTS; s++)
            if (!isnan(one[s]))
                sum[s] += one[s], n[s]++;
    }
    for (int s = 0; s < MOMENTS; s++)
        value[s] = n[s] > 0 ? sum[s] / n[s] : NAN;
}

/* For struct fus_bootstrap_statistics. */
static int measure(void *context, double *to, size_t stride, const struct fus_moments *m, struct fus_error *err)
{
    const struct chosen *c = context;
    (void)err;
    for (int k = 0; k < c->plan->n_categories; k++) {
        double value[MOMENTS];
        measure_category(value, c, m, k);
        for (int s = 0; s < MOMENTS; s++)
            to[(size_t)(k * MOMENTS + s) * stride] = value[s];
    }
    return FUS_OK;
}

/* ---- from pairs of pictures: AUC ---- */

struct pairs {
    const struct chosen *c;
    size_t first, n;               /* the category's units */
    size_t *own, *other;           /* [n_own], [n_other] pictures */
    size_t n_own, n_other, *place; /* place [2 n_images]: pictures of a resample */
    uint32_t *count;               /* [n_own, n_other] a_ij */
    float *rows;                   /* [threads, 2, n]; used where responses are read */
    uint32_t *weight;              /* [n_images] */
};

static const float *row_of(const struct pairs *p, float *to, size_t image)
{
    if (p->c->r.x)
        return p->c->r.x + image * p->c->r.n_units + p->first;
    fus_responses_row(to, &p->c->r, image, p->first, p->n);
    return to;
}

static void count_picture(void *context, int i, int thread)
{
    const struct pairs *p = context;
    float *scratch = p->rows ? p->rows + (size_t)thread * 2 * p->n : NULL;
    const float *a = row_of(p, scratch, p->own[i]);
    for (size_t j = 0; j < p->n_other; j++) {
        const float *b = row_of(p, scratch ? scratch + p->n : NULL, p->other[j]);
        uint32_t count = 0;
        for (size_t u = 0; u < p->n; u++)
            count += (uint32_t)(a[u] > b[u]) + (uint32_t)(a[u] >= b[u]);
        p->count[(size_t)i * p->n_other + j] = count;
    }
}

/* weight [n_images]: how often each picture counts. */
static double auc_of(const struct pairs *p)
{
    uint64_t sum = 0, n_own = 0, n_other = 0;
    for (size_t j = 0; j < p->n_other; j++)
        n_other += p->weight[p->other[j]];
    for (size_t i = 0; i < p->n_own; i++) {
        uint64_t row = 0, times = p->weight[p->own[i]];
        for (size_t j = 0; j < p->n_other && times; j++)
            row += (uint64_t)p->weight[p->other[j]] * p->count[i * p->n_other + j];
        sum += times * row;
        n_own += times;
    }
    return (double)sum / (2 * (double)p->n * (double)n_own * (double)n_other);
}

/* The AUC of resample `draw`, or, inner > 0, of resample `inner` of that resample. */
static double auc_of_draw(const struct pairs *p, const struct fus_redraw *redraw, size_t draw, size_t inner)
{
    size_t n = p->c->r.n_images, *outer = p->place + n;
    fus_redraw_places(p->place, redraw, inner ? inner : draw);
    if (inner)
        fus_redraw_places(outer, redraw, draw);
    memset(p->weight, 0, n * sizeof *p->weight);
    for (size_t i = 0; i < n; i++)
        p->weight[inner ? outer[p->place[i]] : p->place[i]]++;
    return auc_of(p);
}

/* The column of the AUC: as bootstrap.c draws, values [n + nested + n_images]. */
static struct fus_bootstrap_column auc_column(double *values, const struct pairs *p, const struct fus_redraw *redraw)
{
    const struct fus_heldout_plan *plan = p->c->plan;
    size_t n_images = p->c->r.n_images, n = plan->n_resamples;
    bool centred = plan->method == FUS_INTERVAL_CENTRED, bca = n && plan->method == FUS_INTERVAL_BCA;
    struct fus_bootstrap_column c = {.n = n, .resampled = values};
    for (size_t i = 0; i < n_images; i++)
        p->weight[i] = 1;
    c.estimate = auc_of(p);
    for (size_t i = 0; i < n_images && bca; i++) {
        p->weight[i] = 0;
        values[n + i] = auc_of(p);
        p->weight[i] = 1;
    }
    for (size_t b = 0; b < n; b++)
        values[b] = auc_of_draw(p, redraw, b + 1, 0);
    c.n_left = bca ? n_images : 0;
    c.left_out = bca ? values + n : NULL;
    c.n_nested = centred && n ? fus_bootstrap_n_nested(n) : 0;
    c.nested = c.n_nested ? values + n : NULL;
    for (size_t b = 0; b < c.n_nested; b++)
        values[n + b] = auc_of_draw(p, redraw, 1 + b / 2, n + 1 + b);
    return c;
}

static int list_pictures(struct pairs *p, int category, struct fus_error *err)
{
    const struct fus_responses *r = &p->c->r;
    size_t n = r->n_images, cells;
    p->own = fus_base_alloc(n, 4 * sizeof *p->own);
    p->weight = fus_base_alloc(n, sizeof *p->weight);
    if (!p->own || !p->weight)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for %zu pictures", n);
    p->other = p->own + n, p->place = p->own + 2 * n;
    for (size_t i = 0; i < n; i++)
        if (r->category[i] == category)
            p->own[p->n_own++] = i;
        else
            p->other[p->n_other++] = i;
    p->count = fus_base_mul(&cells, p->n_own, p->n_other) ? fus_base_alloc(cells, sizeof *p->count) : NULL;
    p->rows = r->x ? NULL : fus_base_aligned((size_t)fus_base_threads() * 2 * p->n, sizeof *p->rows);
    if (!p->count || (!r->x && !p->rows))
        return fus_base_fail(err, FUS_ENOMEM, "no memory for %zu times %zu pictures", p->n_own, p->n_other);
    return FUS_OK;
}

static void set_interval(struct fus_interval *out, const struct chosen *c, const struct fus_bootstrap_column *column,
                         double *scratch)
{
    const struct fus_heldout_plan *plan = c->plan;
    *out = (struct fus_interval){column->estimate, NAN, NAN, NAN};
    if (plan->n_resamples)
        fus_bootstrap_interval(out, column, plan->method, plan->alpha, scratch);
}

static int measure_auc(struct fus_interval *out, const struct chosen *c, int k, struct fus_error *err)
{
    const struct fus_heldout_plan *plan = c->plan;
    struct pairs p = {.c = c, .first = c->start[k], .n = c->start[k + 1] - c->start[k]};
    struct fus_redraw redraw = {0};
    size_t n = plan->n_resamples, room = 2 * n + fus_bootstrap_n_nested(n) + c->r.n_images;
    double *values = fus_base_alloc(room + 1, sizeof *values);
    int code = values ? list_pictures(&p, plan->category[k], err)
                      : fus_base_fail(err, FUS_ENOMEM, "no memory for %zu resamples", n);
    if (!code)
        code = fus_redraw_create(&redraw, &c->r, plan->seed, err);
    if (!code) {
        fus_threads_for((int)p.n_own, count_picture, &p);
        struct fus_bootstrap_column column = auc_column(values + n, &p, &redraw);
        set_interval(out, c, &column, values);
    }
    fus_redraw_destroy(&redraw);
    fus_base_free(values);
    fus_base_free(p.own);
    fus_base_free(p.weight);
    fus_base_free(p.count);
    fus_base_free(p.rows);
    return code;
}

/* ---- a layer ---- */

static double limited(double x, double least, double most)
{
    return x < least ? least : x > most ? most : x;
}

static int measure_all(struct fus_heldout_category *out, struct chosen *c, const struct fus_progress *progress,
                       struct fus_error *err)
{
    const struct fus_heldout_plan *plan = c->plan;
    size_t n = plan->n_resamples;
    struct fus_bootstrap b;
    struct fus_bootstrap_statistics statistics = {(size_t)plan->n_categories * MOMENTS, measure, c, false};
    double *scratch = fus_base_alloc(n + 1, sizeof *scratch);
    if (!scratch)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for %zu resamples", n);
    int code = fus_bootstrap_run(&b, &c->r, &statistics, n, n ? plan->method : FUS_INTERVAL_PERCENTILE, plan->seed,
                                 progress, err);
    for (int k = 0; k < plan->n_categories && !code; k++) {
        if (!out[k].n || plan->category[k] < 0)
            continue;
        for (int s = 0; s < MOMENTS; s++) {
            struct fus_bootstrap_column column = fus_bootstrap_column(&b, (size_t)(k * MOMENTS + s));
            set_interval(&out[k].value[s], c, &column, scratch);
        }
        code = measure_auc(&out[k].value[FUS_HELDOUT_AUC], c, k, err);
        struct fus_interval *share = &out[k].value[FUS_HELDOUT_SHARE], *auc = &out[k].value[FUS_HELDOUT_AUC];
        share->low = limited(share->low, 0, 1), share->high = limited(share->high, 0, 1);
        auc->low = limited(auc->low, 0, 1), auc->high = limited(auc->high, 0, 1);
    }
    if (b.estimate)
        fus_bootstrap_destroy(&b);
    fus_base_free(scratch);
    return code;
}

/* 2 |A and B| / (|A| + |B|); NaN: both are empty. */
static double dice_of(const struct fus_heldout_plan *plan, size_t n_units, int k)
{
    double one = 0, other = 0, both = 0;
    for (size_t u = 0; u < n_units; u++) {
        bool a = plan->chosen[u] == k, b = plan->again[u] == plan->category[k];
        one += a, other += b, both += a && b;
    }
    return one + other > 0 ? 2 * both / (one + other) : NAN;
}

int fus_heldout_layer(struct fus_heldout_category *out, const struct fus_responses *r,
                      const struct fus_heldout_plan *plan, const struct fus_progress *progress, struct fus_error *err)
{
    struct chosen c = {.plan = plan, .all = r};
    int code = fus_responses_check(r, err);
    for (int k = 0; k < plan->n_categories && !code; k++) {
        out[k] = (struct fus_heldout_category){.dice = plan->category[k] < 0 ? NAN : dice_of(plan, r->n_units, k)};
        for (int s = 0; s < FUS_HELDOUT_STATISTICS; s++)
            out[k].value[s] = (struct fus_interval){NAN, NAN, NAN, NAN};
        for (size_t u = 0; u < r->n_units; u++)
            out[k].n += plan->chosen[u] == k;
    }
    if (!code)
        code = gather(&c, err);
    if (!code && c.r.n_units)
        code = measure_all(out, &c, progress, err);
    fus_base_free(c.unit);
    fus_base_free(c.start);
    fus_base_free(c.x);
    return code;
}
