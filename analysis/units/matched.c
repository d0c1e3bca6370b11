/* SPDX-License-Identifier: MIT */
/* Count-matched comparison: see contrast.h. Of equal t the unit with the lower index is chosen;
 * dead and undefined units never are. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/contrast.h"
#include "nn/base/fmath.h"

#define CHUNK FUS_SELECT_CHUNK
#define STATISTICS FUS_MATCHED_STATISTICS

/* ---- the k units of largest t ---- */

struct candidate {
    double t; /* t |t| */
    uint32_t unit;
};

/* The `most` best candidates seen are among items [n]; there is room for twice as many, or for
 * all units. */
struct best {
    struct candidate *items;
    size_t n, most, room;
    double least; /* a t below it cannot be among them */
};

static bool before(const struct candidate *a, const struct candidate *b)
{
    return a->t > b->t || (a->t == b->t && a->unit < b->unit);
}

static int by_order(const void *a, const void *b)
{
    return before(a, b) ? -1 : before(b, a);
}

/* Moves the `most` first candidates to the front (Hoare's selection). All differ, so the result
 * does not depend on the pivots. */
static void keep_best(struct best *b)
{
    size_t low = 0, high = b->n;
    while (high - low > 1) {
        struct candidate pivot = b->items[low + (high - low) / 2], swap;
        size_t i = low, j = high - 1;
        for (;;) {
            while (before(&b->items[i], &pivot))
                i++;
            while (before(&pivot, &b->items[j]))
                j--;
            if (i >= j)
                break;
            swap = b->items[i];
            b->items[i++] = b->items[j];
            b->items[j--] = swap;
        }
        if (i < b->most)
            low = i == low ? low + 1 : i;
        else
            high = i;
    }
    b->n = b->n < b->most ? b->n : b->most;
}

static void offer(struct best *b, double t, size_t unit)
{
    if (b->n == b->room) {
        keep_best(b);
        b->least = b->items[0].t;
        for (size_t i = 1; i < b->n; i++)
            b->least = b->items[i].t < b->least ? b->items[i].t : b->least;
    }
    if (t >= b->least)
        b->items[b->n++] = (struct candidate){t, (uint32_t)unit};
}

/* ---- one draw ---- */

struct work {
    const struct fus_matched *matched;
    const struct fus_responses *r; /* category half * n_categories + category */
    size_t n_places, n_items;      /* room for candidates of all categories */
};

/* Memory of one draw. */
struct scratch {
    double *weight, *squares;
    struct candidate *items;
    uint32_t *count; /* [n_places] */
    struct best *best;
};

static size_t own_count(const struct fus_matched *m, int category)
{
    return m->first[category + 1] > m->first[category] ? m->k[m->first[category + 1] - 1] : 0;
}

/* Twice the count, so that the selection is rarely repeated; at most all units. */
static size_t room_of(const struct fus_matched *m, int category, size_t n_units)
{
    size_t k = own_count(m, category);
    return k == 0 ? 0 : 2 * k + 64 < n_units ? 2 * k + 64 : n_units;
}

static void choose_units(struct scratch *s, const struct work *w, const struct fus_moments *half)
{
    size_t n = (size_t)half->n_groups, at = 0;
    for (int c = 0; c < half->n_groups; c++) {
        size_t room = room_of(w->matched, c, half->n_units);
        s->best[c] = (struct best){s->items + at, 0, own_count(w->matched, c), room, -INFINITY};
        at += room;
    }
    fus_select_weights(s->weight, half, false);
    for (size_t from = 0; from < half->n_units; from += CHUNK) {
        size_t count = half->n_units - from < CHUNK ? half->n_units - from : CHUNK;
        const double *spread = s->squares + (n + 1) * CHUNK;
        fus_select_squares(s->squares, half, s->weight, from, count);
        for (size_t c = 0; c < n; c++)
            for (size_t u = 0; u < count && s->best[c].most; u++)
                if (s->squares[c * CHUNK + u] >= s->best[c].least && spread[u] > 0)
                    offer(&s->best[c], s->squares[c * CHUNK + u], from + u);
    }
    for (size_t c = 0; c < n; c++)
        if (s->best[c].most) {
            keep_best(&s->best[c]);
            qsort(s->best[c].items, s->best[c].n, sizeof *s->items, by_order);
        }
}

/* The statistics at every point of a category, of units chosen in one half and measured in the
 * other: to[point * 2 + statistic]. */
static void measure_units(double *to, struct scratch *s, const struct work *w, const struct fus_moments *other,
                          int category)
{
    const struct fus_matched *m = w->matched;
    const struct best *b = &s->best[category];
    double sum = 0, n = 0, squares = 0;
    size_t point = m->first[category];
    memset(s->count, 0, w->n_places * sizeof *s->count);
    for (size_t i = 0; i < b->n; i++) {
        size_t unit = b->items[i].unit;
        double csi = fus_select_defined(other, unit) ? fus_csi_unit(other, unit, category) : NAN;
        if (!isnan(csi))
            sum += csi, n++;
        squares += 2.0 * s->count[unit % w->n_places]++ + 1;
        if (i + 1 == m->k[point]) {
            double *values = to + (point++ - m->first[category]) * STATISTICS;
            values[FUS_MATCHED_CSI] = n > 0 ? sum / n : NAN;
            values[FUS_MATCHED_MORISITA] = fus_placement_morisita(squares, i + 1, w->n_places);
        }
    }
    for (; point < m->first[category + 1]; point++)
        for (int k = 0; k < STATISTICS; k++)
            to[(point - m->first[category]) * STATISTICS + (size_t)k] = NAN;
}

static double mean_of_two(double a, double b)
{
    return isnan(a) ? b : isnan(b) ? a : 0.5 * (a + b);
}

static int create_scratch(struct scratch *s, const struct work *w, struct fus_error *err)
{
    size_t n = (size_t)w->matched->n_categories;
    *s = (struct scratch){fus_base_alloc(n, n * sizeof *s->weight),
                          fus_base_aligned((n + 2) * CHUNK, sizeof *s->squares),
                          fus_base_alloc(w->n_items, sizeof *s->items), fus_base_alloc(w->n_places, sizeof *s->count),
                          fus_base_alloc(n, sizeof *s->best)};
    return s->weight && s->squares && s->items && s->count && s->best
               ? FUS_OK
               : fus_base_fail(err, FUS_ENOMEM, "no memory to choose %zu units", w->n_items);
}

static void destroy_scratch(struct scratch *s)
{
    fus_base_free(s->weight);
    fus_base_free(s->squares);
    fus_base_free(s->items);
    fus_base_free(s->count);
    fus_base_free(s->best);
}

static int measure(void *context, double *to, size_t stride, const struct fus_moments *m, struct fus_error *err)
{
    const struct work *w = context;
    const struct fus_moments halves[2] = {fus_halves_view(m, 0), fus_halves_view(m, 1)};
    size_t n_columns = w->matched->first[w->matched->n_categories] * STATISTICS;
    struct scratch s;
    int code = create_scratch(&s, w, err);
    double *values = fus_base_alloc(n_columns + 1, 2 * sizeof *values);
    if (!code && !values)
        code = fus_base_fail(err, FUS_ENOMEM, "no memory for %zu statistics", n_columns);
    for (int h = 0; h < 2 && !code; h++) {
        choose_units(&s, w, &halves[h]);
        for (int c = 0; c < w->matched->n_categories; c++)
            measure_units(values + (size_t)h * n_columns + w->matched->first[c] * STATISTICS, &s, w, &halves[1 - h], c);
    }
    for (size_t k = 0; k < n_columns && !code; k++)
        to[k * stride] = mean_of_two(values[k], values[n_columns + k]);
    destroy_scratch(&s);
    fus_base_free(values);
    return code;
}

int fus_matched_choose(size_t *units, size_t *n, const struct fus_matched *m, const struct fus_moments *half,
                       int channels, struct fus_error *err)
{
    struct work w = {.matched = m, .n_places = half->n_units / (size_t)channels};
    struct scratch s;
    for (int c = 0; c < m->n_categories; c++)
        w.n_items += room_of(m, c, half->n_units);
    int code = create_scratch(&s, &w, err);
    if (!code)
        choose_units(&s, &w, half);
    for (int c = 0; c < m->n_categories && !code; c++) {
        n[c] = s.best[c].n;
        for (size_t i = 0; i < n[c]; i++)
            *units++ = s.best[c].items[i].unit;
    }
    destroy_scratch(&s);
    return code;
}

/* ---- all draws ---- */

/* 3, 6, 12, 25, 50, ... */
static size_t next_step(size_t k)
{
    return k < FUS_MATCHED_STEP && 2 * k + 1 >= FUS_MATCHED_STEP ? FUS_MATCHED_STEP : 2 * k;
}

/* The steps from `from` to below n, and n; returns how many, into k if it is not NULL. */
static size_t list_points(size_t *k, size_t from, size_t n)
{
    size_t n_points = 0;
    if (n < FUS_MATCHED_LEAST)
        return 0;
    for (size_t step = from; step < n; step = next_step(step), n_points++)
        if (k)
            k[n_points] = step;
    if (k)
        k[n_points] = n;
    return n_points + 1;
}

static int create_points(struct fus_matched *m, int n_categories, const size_t *n_selective, struct fus_error *err)
{
    memset(m, 0, sizeof *m);
    m->n_categories = n_categories;
    m->first = fus_base_alloc((size_t)n_categories + 1, sizeof *m->first);
    for (int c = 0; m->first && c < n_categories; c++)
        m->first[c + 1] = m->first[c] + list_points(NULL, FUS_MATCHED_LEAST, n_selective[c]);
    m->k = m->first ? fus_base_alloc(m->first[n_categories], sizeof *m->k) : NULL;
    for (int c = 0; m->k && c < n_categories; c++)
        list_points(m->k + m->first[c], FUS_MATCHED_LEAST, n_selective[c]);
    return m->k ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "no memory for %d categories", n_categories);
}

/* Numbers the pairs of subcategory and half in the order of their first picture. stratum
 * [n_images]; seen [2 * n_images] is scratch. */
static void number_strata(int *stratum, int *seen, const struct fus_responses *r, const int *half)
{
    int n = 0;
    for (size_t i = 0; i < 2 * r->n_images; i++)
        seen[i] = -1;
    for (size_t i = 0; i < r->n_images; i++) {
        size_t of = 2 * (size_t)(r->stratum ? r->stratum : r->category)[i] + (size_t)half[i];
        if (seen[of] < 0)
            seen[of] = n++;
        stratum[i] = seen[of];
    }
}

int fus_matched_create(struct fus_matched *m, const struct fus_responses *r, const int *half, const size_t *n_selective,
                       size_t n_resamples, enum fus_interval_method method, uint64_t seed,
                       const struct fus_progress *progress, struct fus_error *err)
{
    int code = create_points(m, r->n_categories, n_selective, err);
    int *numbers = fus_base_alloc(r->n_images, 4 * sizeof *numbers);
    if (!code && !numbers)
        code = fus_base_fail(err, FUS_ENOMEM, "no memory for %zu pictures", r->n_images);
    if (!code) {
        struct fus_responses halves = *r;
        struct work w = {m, &halves, (size_t)r->height * (size_t)r->width, 1};
        struct fus_bootstrap_statistics statistics = {m->first[m->n_categories] * STATISTICS, measure, &w, false};
        number_strata(numbers, numbers + 2 * r->n_images, r, half);
        for (size_t i = 0; i < r->n_images; i++)
            numbers[r->n_images + i] = half[i] * r->n_categories + r->category[i];
        halves.stratum = numbers;
        halves.category = numbers + r->n_images;
        halves.n_categories = 2 * r->n_categories;
        for (int c = 0; c < m->n_categories; c++)
            w.n_items += room_of(m, c, r->n_units);
        code = fus_bootstrap_run(&m->bootstrap, &halves, &statistics, n_resamples,
                                 method == FUS_INTERVAL_BCA ? FUS_INTERVAL_PERCENTILE : method, seed, progress, err);
    }
    fus_base_free(numbers);
    if (code)
        fus_matched_destroy(m);
    return code;
}

void fus_matched_destroy(struct fus_matched *m)
{
    fus_base_free(m->first);
    fus_base_free(m->k);
    fus_bootstrap_destroy(&m->bootstrap);
    memset(m, 0, sizeof *m);
}

/* ---- two models ---- */

int fus_matched_list(size_t k[FUS_MATCHED_MOST], const struct fus_matched *a, const struct fus_matched *b, int category)
{
    size_t n_a = own_count(a, category), n_b = own_count(b, category);
    return (int)list_points(k, FUS_MATCHED_STEP, n_a < n_b ? n_a : n_b);
}

size_t fus_matched_room(const struct fus_matched *m)
{
    return m->bootstrap.n_resamples + fus_bootstrap_n_nested(m->bootstrap.n_resamples) + 1;
}

/* The numbers of a column, a + share (b - a). */
static void interpolate(double *to, const double *a, const double *b, double share, size_t n)
{
    for (size_t i = 0; i < n; i++)
        to[i] = a[i] + share * (b[i] - a[i]);
}

struct fus_bootstrap_column fus_matched_column(double *values, const struct fus_matched *m, int category, size_t k,
                                               enum fus_matched_statistic statistic)
{
    size_t point = m->first[category];
    while (m->k[point] < k)
        point++;
    struct fus_bootstrap_column above = fus_bootstrap_column(&m->bootstrap, point * STATISTICS + (size_t)statistic);
    if (m->k[point] == k)
        return above;
    struct fus_bootstrap_column out = above, below = fus_bootstrap_column(&m->bootstrap,
                                                                          (point - 1) * STATISTICS + (size_t)statistic);
    double share = fus_fmath_log((double)k / (double)m->k[point - 1]) /
                   fus_fmath_log((double)m->k[point] / (double)m->k[point - 1]);
    interpolate(&out.estimate, &below.estimate, &above.estimate, share, 1);
    interpolate(values, below.resampled, above.resampled, share, above.n);
    out.resampled = values;
    if (above.nested) {
        interpolate(values + above.n, below.nested, above.nested, share, above.n_nested);
        out.nested = values + above.n;
    }
    return out;
}
