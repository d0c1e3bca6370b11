/* SPDX-License-Identifier: MIT */
/* Selection with as many pictures of each category: see inference.h. With more pictures a
 * category has more units that pass, so that numbers of units of categories of different size
 * cannot be compared; these can (METHOD.md, "Categories of different size").
 *
 * Responses are read once: a strip of units of all pictures stays in cache while the moments of
 * every draw are computed from it; those of a category that has no more pictures than are drawn
 * are the same in all draws. A median of 20 p that is <= alpha needs 10 draws with p <= alpha
 * for each pair, so with t above the normal quantile, since Student's tail is heavier: counted
 * for all units of a strip together, first roughly in single precision, with bounds of its
 * rounding errors, then for the units that may pass. Few units are left. Their p is bounded by
 * the 10th and the 11th largest t and the most and fewest degrees of freedom; the correction is
 * made on the bounds, and p itself is computed for the units that these leave open (as in
 * search.c). */
#include <math.h>
#include <string.h>

#include "analysis/inference.h"
#include "nn/base/threads.h"
#include "nn/kernel/kernels.h"

/* STRIP: units measured together; ROUGH: likewise, in single precision; ROUND: reads between two
 * reports of progress; GAP: so that the rows of what was read do not meet in one set of a cache.
 * Units that are read together from the scratch file: as many as make MOST_FLOATS, within
 * limits. */
enum {
    DRAWS = FUS_EQUALN_DRAWS,
    STRIP = 256,
    ROUGH = 64,
    LEAST_WIDE = 4 * STRIP,
    MOST_WIDE = 16 * STRIP,
    MOST_FLOATS = 1 << 20,
    ROUND = 16,
    GAP = 16
};

struct draws {
    const struct fus_responses *r;
    const struct fus_moments *m;
    const struct fus_select_options *options;
    const struct fus_kernel *kernel;
    int size;              /* pictures of each category */
    size_t *rows;          /* [DRAWS, n_categories, size] */
    double *weights;       /* [size] 1, 1/2, 1/3, ... */
    int wide;              /* units read together */
    float *strips;         /* [threads, n_images, wide + GAP] */
    float *open_strips;    /* [threads, n_images, STRIP + GAP] units that may pass */
    float *rough;          /* [threads, (2 DRAWS + 1) n_categories + 3, ROUGH] (rule_out) */
    const float **pointer; /* [threads, size] */
    double *moments;       /* [threads, DRAWS, n_categories, 2, STRIP] means, sums of squared deviations */
    double bound, least;   /* no p above bound matters; d^2 >= least (m2 + m2) is necessary for one below */
    bool bounded;          /* p are bounds until they are needed: no unit can pass for two categories */
    int64_t *worst;        /* [threads, n_categories + 2, STRIP] draws that may pass, fewest over the rivals */
    double *p, *most;      /* [n_units] of the unit's category: p, or a lower and an upper bound of it */
    int8_t *label;         /* [n_units] its category; -1: p above the bound for all */
    size_t *open;          /* [n_units] units that the bounds leave open; the first n_open of them */
    size_t n_open;
    size_t first; /* the first read of this round */
};

int fus_equaln_size(bool *equal, const int *category, size_t n_images, int n_categories)
{
    int n[FUS_SELECT_CATEGORIES] = {0}, least;
    for (size_t i = 0; i < n_images; i++)
        n[category[i]]++;
    least = n[0];
    *equal = true;
    for (int c = 1; c < n_categories; c++) {
        *equal = *equal && n[c] == n[0];
        least = n[c] < least ? n[c] : least;
    }
    return least;
}

/* Whether all its pictures are in every draw, whose moments are then those of draw 0. */
static bool is_whole(const struct draws *a, int category)
{
    return a->m->n[category] == a->size;
}

/* Means of a category in one draw; its sums of squared deviations follow STRIP later. */
static double *group_of(const struct draws *a, int thread, int draw, int category)
{
    size_t groups = (size_t)a->r->n_categories;
    draw = is_whole(a, category) ? 0 : draw;
    return a->moments + (((size_t)thread * DRAWS + (size_t)draw) * groups + (size_t)category) * 2 * STRIP;
}

/* What a thread read: a row for each picture. */
static float *strips_of(const struct draws *a, int thread)
{
    return a->strips + (size_t)thread * a->r->n_images * (size_t)(a->wide + GAP);
}

/* The moments of n units in x, a row for each picture, `step` floats apart. */
static void measure_strip(const struct draws *a, int thread, const float *x, size_t step, size_t n)
{
    const float **pointer = a->pointer + (size_t)thread * (size_t)a->size;
    const size_t *rows = a->rows;
    for (int d = 0; d < DRAWS; d++)
        for (int c = 0; c < a->r->n_categories; c++, rows += a->size) {
            double *mean = group_of(a, thread, d, c);
            if (d > 0 && is_whole(a, c))
                continue;
            for (int i = 0; i < a->size; i++)
                pointer[i] = x + rows[i] * step;
            memset(mean, 0, 2 * STRIP * sizeof *mean);
            a->kernel->moments_add(mean, mean + STRIP, pointer, a->weights, a->size, 0, n);
        }
}

/* Whether the median p of category c against k may be within the bound. */
static bool may_pass(const struct draws *a, int thread, size_t unit, int c, int k)
{
    int failed = 0;
    for (int d = 0; d < DRAWS && failed <= DRAWS / 2; d++) {
        const double *one = group_of(a, thread, d, c) + unit, *other = group_of(a, thread, d, k) + unit;
        double difference = one[0] - other[0];
        failed += !(difference > 0 && difference * difference >= a->least * (one[STRIP] + other[STRIP]));
    }
    return failed <= DRAWS / 2;
}

static double median_p(const struct draws *a, int thread, size_t unit, int c, int k)
{
    double p[DRAWS], df, n = a->size;
    for (int d = 0; d < DRAWS; d++) {
        const double *one = group_of(a, thread, d, c) + unit, *other = group_of(a, thread, d, k) + unit;
        double var_one = one[STRIP] / (n - 1), var_other = other[STRIP] / (n - 1), t;
        t = a->options->test == FUS_TEST_STUDENT ? fus_ttest_student(&df, one[0], var_one, n, other[0], var_other, n)
                                                 : fus_ttest_welch(&df, one[0], var_one, n, other[0], var_other, n);
        p[d] = var_one == 0 && var_other == 0 ? 1 : fus_special_t_sf(t, df);
    }
    fus_order_sort(p, DRAWS);
    return fus_order_quantile(p, DRAWS, 0.5);
}

/* The largest over pairs; 1 if above the bound. */
static double category_p(const struct draws *a, int thread, size_t unit, int c)
{
    double worst = 0;
    for (int k = 0; k < a->r->n_categories; k++)
        if (k != c && a->least > 0 && !may_pass(a, thread, unit, c, k))
            return 1;
    for (int k = 0; k < a->r->n_categories && worst <= a->bound; k++) {
        double p = k == c ? 0 : median_p(a, thread, unit, c, k);
        worst = p > worst ? p : worst;
    }
    return worst <= a->bound ? worst : 1;
}

/* The p of every category, one after another. */
static void test_plainly(struct draws *a, int thread, size_t at, size_t n)
{
    for (size_t u = 0; u < n; u++) {
        double least = 1;
        a->label[at + u] = -1;
        for (int c = 0; c < a->r->n_categories && fus_select_defined(a->m, at + u); c++) {
            double p = category_p(a, thread, u, c);
            if (p < least)
                least = p, a->label[at + u] = (int8_t)c;
        }
        a->p[at + u] = least;
    }
}

/* Two units together. */
typedef double lanes __attribute__((vector_size(2 * sizeof(double)), may_alias));
typedef int64_t counts __attribute__((vector_size(2 * sizeof(int64_t)), may_alias));

/* Counts the units of a strip whose t of c against k in one draw may pass in above, those of k
 * against c in below. one, other: of c and k. */
static void count_draw(int64_t *above, int64_t *below, const double *one, const double *other, double least)
{
    const lanes zero = {0, 0}, factor = {least, least};
    for (int u = 0; u < STRIP; u += 2) {
        lanes d = *(const lanes *)(one + u) - *(const lanes *)(other + u);
        lanes spread = *(const lanes *)(one + STRIP + u) + *(const lanes *)(other + STRIP + u);
        counts may = (counts)(d * d >= factor * spread); /* -1 where it holds */
        *(counts *)(above + u) -= may & (counts)(d > zero);
        *(counts *)(below + u) -= may & (counts)(d < zero);
    }
}

static void count_draws(const struct draws *a, int thread)
{
    size_t groups = (size_t)a->r->n_categories;
    int64_t *worst = a->worst + (size_t)thread * (groups + 2) * STRIP, *above = worst + groups * STRIP,
            *below = above + STRIP;
    for (size_t i = 0; i < groups * STRIP; i++)
        worst[i] = DRAWS;
    for (int c = 0; c < a->r->n_categories; c++)
        for (int k = c + 1; k < a->r->n_categories; k++) {
            int draws = is_whole(a, c) && is_whole(a, k) ? 1 : DRAWS, times = DRAWS / draws;
            memset(above, 0, 2 * STRIP * sizeof *above);
            for (int d = 0; d < draws; d++)
                count_draw(above, below, group_of(a, thread, d, c), group_of(a, thread, d, k), a->least);
            int64_t *of_c = worst + (size_t)c * STRIP, *of_k = worst + (size_t)k * STRIP;
            for (int u = 0; u < STRIP; u++) {
                of_c[u] = times * above[u] < of_c[u] ? times * above[u] : of_c[u];
                of_k[u] = times * below[u] < of_k[u] ? times * below[u] : of_k[u];
            }
        }
}

/* The t of c against k in every draw, ascending. */
static void list_t(double *t, const struct draws *a, int thread, size_t unit, int c, int k)
{
    double n = a->size;
    for (int d = 0; d < DRAWS; d++) {
        const double *one = group_of(a, thread, d, c) + unit, *other = group_of(a, thread, d, k) + unit;
        double error = (one[STRIP] + other[STRIP]) / (n * (n - 1));
        t[d] = error > 0 ? (one[0] - other[0]) / sqrt(error) : -INFINITY;
    }
    fus_order_sort(t, DRAWS);
}

/* Bounds of the p of category c: a median is between the 10th and the 11th value, p falls with t
 * and with the degrees of freedom, and its largest over the rivals is that of the least t. */
static void bound_p(struct draws *a, int thread, size_t number, size_t unit, int c)
{
    double t[DRAWS], tenth = INFINITY, next = INFINITY, most_df = 2.0 * (a->size - 1);
    double least_df = a->options->test == FUS_TEST_STUDENT ? most_df : a->size - 1;
    for (int k = 0; k < a->r->n_categories; k++) {
        if (k == c)
            continue;
        list_t(t, a, thread, unit, c, k);
        tenth = t[DRAWS / 2] < tenth ? t[DRAWS / 2] : tenth;
        next = t[DRAWS / 2 - 1] < next ? t[DRAWS / 2 - 1] : next;
    }
    double p = fus_special_t_sf(tenth, most_df) * (1 - 1e-9);
    if (p > a->bound)
        return;
    a->p[number] = p;
    a->most[number] = isinf(next) ? 1 : fus_special_t_sf(next, least_df) * (1 + 1e-9);
    a->label[number] = (int8_t)c;
}

/* The n units of the strip, numbers unit [n] of the layer. */
static void test_strip(struct draws *a, int thread, const size_t *unit, size_t n)
{
    const int64_t *worst = a->worst + (size_t)thread * ((size_t)a->r->n_categories + 2) * STRIP;
    count_draws(a, thread);
    for (int c = 0; c < a->r->n_categories; c++, worst += STRIP)
        for (size_t u = 0; u < n; u++)
            if (worst[u] >= DRAWS / 2 && fus_select_defined(a->m, unit[u]))
                bound_p(a, thread, unit[u], u, c);
}

/* ---- in single precision ----
 *
 * With u = 2^-24, n pictures of a draw and Q their sum of squares, a mean is off by at most (n +
 * 3) u sqrt(Q / n), and m2 = Q - sum mean by 4 (n + 3) u Q (Higham 2002, section 4.2). The
 * bounds used are twice these. Squares that underflow are covered by TINY; a sum that overflows
 * rules out nothing. */
#define ROUNDING 5.9604644775390625e-8 /* 2^-24 */
#define TINY 1e-36f

/* Of any draw's difference of two means; for n units from `at` on. The sum of squares of all of a
 * category's pictures is at least that of a draw. */
static void bound_errors(float *error, const struct draws *a, size_t at, size_t n)
{
    const struct fus_moments *m = a->m;
    for (size_t u = 0; u < n; u++) {
        double most = 0;
        for (size_t c = 0; c < (size_t)m->n_groups; c++) {
            double mean = m->mean[c * m->n_units + at + u];
            double q = m->m2[c * m->n_units + at + u] + (double)m->n[c] * mean * mean;
            most = q > most ? q : most;
        }
        error[u] = (float)(4 * (a->size + 4) * ROUNDING * sqrt(most / a->size)) + TINY;
    }
}

/* Of n <= ROUGH units in x, from unit `at` of the layer on, those that may pass: their places in x
 * into place; returns how many. */
static size_t rule_out(size_t *place, const struct draws *a, int thread, const float *x, size_t at, size_t n)
{
    size_t groups = (size_t)a->r->n_categories, size = (size_t)a->size, step = (size_t)(a->wide + GAP), found = 0;
    float *rough = a->rough + (size_t)thread * ((2 * DRAWS + 1) * groups + 3) * ROUGH, *error = rough,
          *above = rough + ROUGH, *below = above + ROUGH, *worst = below + ROUGH, *means = worst + groups * ROUGH,
          *lows = means + DRAWS * groups * ROUGH;
    const struct fus_draw_bounds bounds = {(float)(1.0 / a->size), (float)a->least,
                                           (float)(8 * (a->size + 4) * ROUNDING * a->least), TINY};
    bound_errors(error, a, at, n);
    for (size_t d = 0; d < DRAWS; d++)
        for (size_t c = 0; c < groups; c++)
            if (d == 0 || !is_whole(a, (int)c))
                a->kernel->draw_sums(means + (d * groups + c) * ROUGH, lows + (d * groups + c) * ROUGH, x, step,
                                     a->rows + (d * groups + c) * size, a->size, &bounds, ROUGH);
    for (size_t i = 0; i < groups * ROUGH; i++)
        worst[i] = DRAWS;
    for (size_t c = 0; c < groups; c++)
        for (size_t k = c + 1; k < groups; k++) {
            bool whole_c = is_whole(a, (int)c), whole_k = is_whole(a, (int)k);
            size_t draws = whole_c && whole_k ? 1 : DRAWS;
            memset(above, 0, 2 * ROUGH * sizeof *above);
            for (size_t d = 0; d < draws; d++) {
                size_t one = ((whole_c ? 0 : d) * groups + c) * ROUGH, other = ((whole_k ? 0 : d) * groups + k) * ROUGH;
                a->kernel->draw_counts(above, below, means + one, lows + one, means + other, lows + other, error,
                                       ROUGH);
            }
            float times = (float)(DRAWS / draws), *of_c = worst + c * ROUGH, *of_k = worst + k * ROUGH;
            for (size_t u = 0; u < ROUGH; u++) {
                of_c[u] = times * above[u] < of_c[u] ? times * above[u] : of_c[u];
                of_k[u] = times * below[u] < of_k[u] ? times * below[u] : of_k[u];
            }
        }
    for (size_t u = 0; u < n; u++) {
        bool may = false;
        for (size_t c = 0; c < groups; c++)
            may = may || worst[c * ROUGH + u] >= DRAWS / 2;
        place[found] = u;
        found += may;
    }
    return found;
}

/* ---- all units ---- */

/* Units of what was read that may pass, side by side, so that they are measured together. */
struct gathered {
    size_t n, unit[STRIP];
};

static void test_gathered(struct draws *a, int thread, struct gathered *g)
{
    const float *x = a->open_strips + (size_t)thread * a->r->n_images * (STRIP + GAP);
    if (g->n) {
        measure_strip(a, thread, x, STRIP + GAP, g->n);
        test_strip(a, thread, g->unit, g->n);
    }
    g->n = 0;
}

static void gather(struct draws *a, int thread, struct gathered *g, const float *from, const size_t *place, size_t n,
                   size_t at)
{
    float *to = a->open_strips + (size_t)thread * a->r->n_images * (STRIP + GAP) + g->n;
    for (size_t i = 0; i < a->r->n_images; i++, to += STRIP + GAP, from += a->wide + GAP)
        for (size_t k = 0; k < n; k++)
            to[k] = from[place[k]];
    for (size_t k = 0; k < n; k++)
        g->unit[g->n++] = at + place[k];
}

static void test_read(void *context, int read, int thread)
{
    struct draws *a = context;
    size_t wide = (size_t)a->wide, at = (a->first + (size_t)read) * wide, rest = a->r->n_units - at;
    size_t n = rest < wide ? rest : wide, place[ROUGH];
    struct gathered g = {0};
    float *x = strips_of(a, thread);
    fus_responses_strip(x, wide + GAP, a->r, at, n);
    memset(a->label + at, -1, n);
    for (size_t skip = 0; skip < n && a->bounded; skip += ROUGH) {
        size_t found = rule_out(place, a, thread, x + skip, at + skip, n - skip < ROUGH ? n - skip : ROUGH);
        if (g.n + found > STRIP)
            test_gathered(a, thread, &g);
        gather(a, thread, &g, x + skip, place, found, at + skip);
    }
    test_gathered(a, thread, &g);
    for (size_t skip = 0; skip < n && !a->bounded; skip += STRIP) {
        size_t here = n - skip < STRIP ? n - skip : STRIP;
        measure_strip(a, thread, x + skip, wide + GAP, here);
        test_plainly(a, thread, at + skip, here);
    }
}

static int test_units(struct draws *a, const struct fus_progress *progress, struct fus_error *err)
{
    size_t wide = (size_t)a->wide, n = (a->r->n_units + wide - 1) / wide;
    for (a->first = 0; a->first < n; a->first += ROUND) {
        size_t now = n - a->first < ROUND ? n - a->first : ROUND;
        if (fus_base_stopping())
            return fus_base_fail(err, FUS_ESTOPPED, "stopped at unit %zu of %zu", a->first * wide, a->r->n_units);
        fus_threads_for((int)now, test_read, a);
        if (progress)
            progress->tell(progress->context, a->first + now, n);
    }
    return FUS_OK;
}

/* The p of an open unit, from its responses again. */
static void test_open(void *context, int i, int thread)
{
    struct draws *a = context;
    size_t unit = a->open[i];
    fus_responses_strip(strips_of(a, thread), (size_t)(a->wide + GAP), a->r, unit, 1);
    measure_strip(a, thread, strips_of(a, thread), (size_t)(a->wide + GAP), 1);
    a->p[unit] = category_p(a, thread, 0, a->label[unit]);
}

/* Labels of a category that the correction on the lower bounds does not leave become -1; lists the
 * others, unless the correction on the upper bounds leaves them too. Returns the number of these;
 * p [2, n_units] is scratch. */
static size_t list_open(struct draws *a, int c, double *p)
{
    size_t units = a->r->n_units, n = 0, certain = 0;
    const struct fus_select_options *o = a->options;
    for (size_t u = 0; u < units; u++)
        if (a->label[u] == c)
            p[n++] = a->p[u];
    double possible = fus_multiple_threshold(p, p + units, n, 0, units, o->alpha, o->correction);
    n = 0;
    for (size_t u = 0; u < units; u++)
        if (a->label[u] == c)
            p[n++] = a->most[u];
    double sure = fus_multiple_threshold(p, p + units, n, 0, units, o->alpha, o->correction);
    a->n_open = 0;
    for (size_t u = 0; u < units; u++) {
        if (a->label[u] != c)
            continue;
        if (a->most[u] <= sure)
            certain++;
        else if (a->p[u] <= possible)
            a->open[a->n_open++] = u;
        else
            a->label[u] = -1;
    }
    return certain;
}

static int correct_bounds(struct draws *a, struct fus_error *err)
{
    size_t units = a->r->n_units;
    const struct fus_select_options *o = a->options;
    double *p = fus_base_alloc(units, 2 * sizeof *p);
    a->open = fus_base_alloc(units, sizeof *a->open);
    int code = p && a->open ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "no memory to sort %zu p values", units);
    for (int c = 0; c < a->r->n_categories && !code; c++) {
        size_t certain = list_open(a, c, p);
        fus_threads_for((int)a->n_open, test_open, a);
        for (size_t i = 0; i < a->n_open; i++)
            p[i] = a->p[a->open[i]];
        double most = fus_multiple_threshold(p, p + units, a->n_open, certain, units, o->alpha, o->correction);
        for (size_t i = 0; i < a->n_open; i++)
            if (a->p[a->open[i]] > most)
                a->label[a->open[i]] = -1;
        if (fus_base_stopping())
            code = fus_base_fail(err, FUS_ESTOPPED, "stopped at category %d of %d", c + 1, a->r->n_categories);
    }
    fus_base_free(p);
    return code;
}

static int choose_rows(struct draws *a, uint64_t seed, struct fus_error *err)
{
    size_t n = a->r->n_images, groups = (size_t)a->r->n_categories, size = (size_t)a->size;
    struct fus_subsample s;
    size_t *order = fus_base_alloc(n, sizeof *order);
    int *category = fus_base_alloc(n, sizeof *category);
    int code = fus_subsample_create(&s, a->r, seed, err);
    if (!code && (!order || !category))
        code = fus_base_fail(err, FUS_ENOMEM, "no memory to draw from %zu pictures", n);
    for (size_t d = 0; d < DRAWS && !code; d++) {
        size_t drawn = fus_subsample_draw(order, category, &s, d + 1, a->size), filled[FUS_SELECT_CATEGORIES] = {0};
        for (size_t i = 0; i < drawn; i++)
            a->rows[(d * groups + (size_t)category[i]) * size + filled[category[i]]++] = order[i];
    }
    fus_subsample_destroy(&s);
    fus_base_free(order);
    fus_base_free(category);
    return code;
}

static int create_memory(struct draws *a, struct fus_error *err)
{
    size_t groups = (size_t)a->r->n_categories, threads = (size_t)fus_base_threads(), size = (size_t)a->size;
    a->rows = fus_base_alloc(size, DRAWS * groups * sizeof *a->rows);
    a->weights = fus_base_alloc(size, sizeof *a->weights);
    size_t wide = MOST_FLOATS / a->r->n_images / STRIP * STRIP;
    a->wide = a->r->x ? STRIP : wide < LEAST_WIDE ? LEAST_WIDE : wide > MOST_WIDE ? MOST_WIDE : (int)wide;
    a->open_strips = fus_base_aligned(a->r->n_images, threads * (STRIP + GAP) * sizeof *a->open_strips);
    a->rough = fus_base_aligned(threads * ROUGH, ((2 * DRAWS + 1) * groups + 3) * sizeof *a->rough);
    a->strips = fus_base_aligned(a->r->n_images, threads * (size_t)(a->wide + GAP) * sizeof *a->strips);
    a->pointer = fus_base_alloc(size, threads * sizeof *a->pointer);
    a->moments = fus_base_aligned(threads * DRAWS * groups, 2 * STRIP * sizeof *a->moments);
    a->p = fus_base_alloc(a->r->n_units, 2 * sizeof *a->p);
    a->most = a->p ? a->p + a->r->n_units : NULL;
    a->worst = fus_base_aligned(threads * STRIP, (groups + 2) * sizeof *a->worst);
    if (!a->rows || !a->worst || !a->weights || !a->strips || !a->open_strips || !a->rough || !a->pointer ||
        !a->moments || !a->p)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for %d draws of %zu pictures", DRAWS, a->r->n_images);
    for (size_t i = 0; i < size; i++)
        a->weights[i] = 1.0 / (double)(i + 1);
    return FUS_OK;
}

static void destroy_memory(struct draws *a)
{
    fus_base_free(a->rows);
    fus_base_free(a->weights);
    fus_base_free(a->strips);
    fus_base_free(a->open_strips);
    fus_base_free(a->rough);
    fus_base_free(a->pointer);
    fus_base_free(a->moments);
    fus_base_free(a->p);
    fus_base_free(a->worst);
    fus_base_free(a->open);
}

/* The labels of the draws into label [n_units]. */
static int label_units(int8_t *label, struct draws *a, uint64_t seed, const struct fus_progress *progress,
                       struct fus_error *err)
{
    a->label = label;
    a->bound = a->options->alpha * (1 + 1e-9); /* no q is below its p */
    double z = a->bound < 0.49 ? -fus_special_normal_quantile(a->bound) - 1e-6 : 0;
    a->least = z > 0 ? z * z / ((double)a->size * (a->size - 1)) * (1 - 1e-9) : 0;
    /* two categories of which each is above the other in half of the draws: medians of 0.25 */
    a->bounded = a->bound < 0.25;
    a->kernel = fus_kernels_pick(NULL, err);
    int code = a->kernel ? create_memory(a, err) : FUS_EUNSUPPORTED;
    if (!code)
        code = choose_rows(a, seed, err);
    if (!code)
        code = test_units(a, progress, err);
    if (!code && a->bounded)
        code = correct_bounds(a, err);
    else if (!code)
        code = fus_select_correct(label, a->p, a->r->n_units, a->r->n_categories, a->options, err);
    destroy_memory(a);
    return code;
}

static void take_results(struct fus_equaln_category *out, const struct fus_layer_summary *from,
                         const struct fus_layer_summary *all)
{
    for (int c = 0; c < from->n_categories; c++) {
        const struct fus_category_summary *s = &from->categories[c];
        out[c] =
            (struct fus_equaln_category){s->n_selective, 0, s->proportion, s->csi_mean, s->variation_cv, s->morisita};
    }
    for (size_t u = 0; u < from->n_units; u++)
        if (from->label[u] >= 0 && from->label[u] == all->label[u])
            out[from->label[u]].n_both++;
}

int fus_equaln_layer(struct fus_equaln_category *out, const struct fus_responses *r,
                     const struct fus_layer_summary *layer, const struct fus_moments *m, uint64_t seed,
                     const struct fus_select_options *options, const struct fus_progress *progress,
                     struct fus_error *err)
{
    bool equal;
    struct draws a = {.r = r, .m = m, .options = options};
    struct fus_layer_summary drawn = {0};
    a.size = fus_equaln_size(&equal, r->category, r->n_images, r->n_categories);
    if (equal) {
        take_results(out, layer, layer);
        return FUS_OK;
    }
    int code = fus_responses_check(r, err);
    if (!code)
        code = fus_select_create(&drawn, m, layer->name, r->channels, r->height, r->width, err);
    if (!code)
        code = label_units(drawn.label, &a, seed, progress, err);
    if (!code)
        code = fus_select_summarise(&drawn, m, err);
    if (!code)
        take_results(out, &drawn, layer);
    fus_select_free(&drawn);
    return code;
}
