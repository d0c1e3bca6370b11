/* SPDX-License-Identifier: MIT */
/* The labels of fus_select_layer without most of its work, in one pass over the moments
 * (METHOD.md, "Without computing every p"). Against the plain computation (adjust every p of
 * every category), for alpha < 0.49:
 *  1. q >= p (up to two roundings), so only p <= alpha (1 + 1e-9) can matter; for Bonferroni
 *     alpha / n, for BY alpha / (1 + ... + 1/n).
 *  2. p < 1/2 needs every t > 0, so only the category with the strictly largest mean can
 *     matter: one p a unit.
 *  3. Student's tail is heavier than the normal one: a least t below the normal quantile at the
 *     bound (less 1e-6, more than any rounding) has a p above it. This test uses squares and needs
 *     no square root. The remaining units are candidates.
 *  4. p is the largest of the pairs' tails, which fall with t and with df: it lies between the
 *     least t's tails at the most and at the fewest df that a pair can have. So candidates are
 *     counted in cells of their least t, and a whole cell has two bounds. A correction rejects more
 *     where p are smaller, so by the lower bounds it rejects all that it can, by the upper ones
 *     what is selective for certain.
 *  5. A rejected hypothesis stays rejected with a smaller p, without effect on the others; one that
 *     is not rejected may be given p = 1. So p is computed only in the cells between the two
 *     bounds, and the units that are certain count as n_before.
 *  6. Of two pairs, one with t larger by 1e-9 and df no smaller has the smaller p, by more than
 *     t_sf's error, and need not be evaluated to find the largest.
 * For the balanced test with unequal n, t is Student's and the bounds are those of balanced.c; 6
 * does not apply.
 * tests/test_select.c compares both ways. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "analysis/analysis.h"
#include "nn/base/threads.h"

#define CHUNK FUS_SELECT_CHUNK /* units a thread takes at a time */
/* far above the error of t_sf, far below any p difference that matters */
#define MARGIN 1e-9
#define CELLS 256 /* of t; the last one has no end */
#define T_STEP 0.0625

struct candidate {
    double p;      /* of those that settle_chunk leaves undecided */
    uint16_t unit; /* of its chunk */
    uint8_t cell;
    int8_t category;
};

/* The candidates that one thread has found; no other thread adds to them. */
struct finds {
    struct candidate *list;
    size_t n, room;
    size_t *count; /* [n_categories, CELLS] */
    bool full;     /* there was no memory for more */
};

/* Where the candidates of a chunk are. */
struct place {
    int thread, n;
    size_t first;
};

/* For one category: candidates in cells from `possible` on may be selective, in cells from
 * `certain` on they are. A p above `bound` is never selective. */
struct limits {
    int possible, certain;
    size_t n_possible, n_certain;
    double bound, high[CELLS]; /* high: no p of a pair whose t is in this cell lies above */
};

struct fus_search {
    int8_t *label; /* [n_units] */
    const struct fus_moments *m;
    const struct fus_select_options *options;
    bool student;     /* which t is meant */
    bool balanced;    /* the balanced test of unequal n */
    double scale;     /* fus_multiple_scale */
    double z_squared; /* t^2 below it means p above the bound; above 0, as t must be */
    double *weight;   /* of Student's squares, for the balanced test, else NULL */
    double *squares;  /* [n_threads, n_categories + 2, CHUNK] the same */
    int n_threads;
    struct finds *finds;   /* [n_threads] */
    struct place *places;  /* [n_chunks] */
    struct limits *limits; /* [n_categories] */
};

bool fus_search_suits(const struct fus_select_options *options)
{
    return options->alpha < 0.49;
}

bool fus_search_is_balanced(const struct fus_search *s)
{
    return s && s->balanced;
}

static int n_chunks(const struct fus_search *s)
{
    return (int)((s->m->n_units + CHUNK - 1) / CHUNK);
}

/* The largest p that the correction rejects when it has that rank. */
static double bound_of(const struct fus_search *s, size_t rank)
{
    enum fus_correction kind = s->options->correction;
    return s->options->alpha / s->scale * (kind == FUS_BH || kind == FUS_BY ? (double)rank : 1) * (1 + MARGIN);
}

/* The candidates of a chunk; NULL if its thread has found none at all. */
static struct candidate *list_of(const struct fus_search *s, int chunk)
{
    struct candidate *list = s->finds[s->places[chunk].thread].list;
    return list ? list + s->places[chunk].first : NULL;
}

void fus_search_destroy(struct fus_search *s)
{
    if (!s)
        return;
    for (int t = 0; s->finds && t < s->n_threads; t++) {
        fus_base_free(s->finds[t].list);
        fus_base_free(s->finds[t].count);
    }
    fus_base_free(s->finds);
    fus_base_free(s->places);
    fus_base_free(s->limits);
    fus_base_free(s->weight);
    fus_base_free(s->squares);
    fus_base_free(s);
}

/* Makes room for one more candidate; false if memory runs out. */
static bool make_room(struct finds *f)
{
    if (f->n < f->room)
        return true;
    size_t room = 2 * f->room + CHUNK;
    struct candidate *list = fus_base_resize(f->list, room, sizeof *list);
    if (list)
        f->list = list, f->room = room;
    f->full = f->full || !list;
    return list != NULL;
}

/* The least t whose p may be within the bound, over all pairs of categories; sizes that were there
 * before are skipped. */
static double least_balanced_t(const struct fus_search *s, double bound)
{
    const struct fus_moments *m = s->m;
    double least = -fus_special_normal_quantile(bound);
    for (int a = 0; a < m->n_groups; a++)
        for (int b = a + 1; b < m->n_groups; b++) {
            double n_a = (double)m->n[a], n_b = (double)m->n[b], low = 0, high = least;
            if (a > 0 && b > a + 1 && n_a == (double)m->n[a - 1] && n_b == (double)m->n[b - 1])
                continue;
            if (fus_balanced_low(high, n_a, n_b) > bound)
                continue;
            for (int i = 0; i < 24; i++) {
                double middle = 0.5 * (low + high);
                *(fus_balanced_low(middle, n_a, n_b) > bound ? &low : &high) = middle;
            }
            least = low;
        }
    return least;
}

int fus_search_create(struct fus_search **out, int8_t *label, const struct fus_moments *m,
                      const struct fus_select_options *options, struct fus_error *err)
{
    *out = NULL;
    int code = fus_select_check_third(m, options, err);
    if (code)
        return code;
    struct fus_search *s = *out = fus_base_alloc(1, sizeof *s);
    size_t n = (size_t)m->n_groups;
    bool all = s != NULL;
    if (s) {
        s->label = label, s->m = m, s->options = options, s->n_threads = fus_base_threads();
        s->balanced = fus_select_needs_third(options, m->n, m->n_groups);
        s->student = s->balanced || options->test == FUS_TEST_STUDENT;
        s->finds = fus_base_alloc((size_t)s->n_threads, sizeof *s->finds);
        s->places = fus_base_alloc((size_t)n_chunks(s), sizeof *s->places);
        s->limits = fus_base_alloc(n, sizeof *s->limits);
        all = s->finds && s->places && s->limits;
    }
    if (all && s->balanced) {
        s->weight = fus_base_alloc(n, n * sizeof *s->weight);
        s->squares = fus_base_aligned((size_t)s->n_threads * CHUNK, (n + 2) * sizeof *s->squares);
        all = s->weight && s->squares;
    }
    for (int t = 0; all && t < s->n_threads; t++)
        all = (s->finds[t].count = fus_base_alloc(n, CELLS * sizeof *s->finds->count)) != NULL;
    if (!all) {
        fus_search_destroy(s);
        *out = NULL;
        return fus_base_fail(err, FUS_ENOMEM, "no memory for the candidates of %zu units", m->n_units);
    }
    s->scale = fus_multiple_scale(m->n_units, options->correction);
    double bound = bound_of(s, m->n_units),
           z = (s->balanced ? least_balanced_t(s, bound) : -fus_special_normal_quantile(bound)) - 1e-6;
    s->z_squared = z > 0 ? z * z * (1 - MARGIN) : DBL_MIN;
    if (s->balanced)
        fus_select_weights(s->weight, m, true);
    return FUS_OK;
}

/* Places of x [n] that are at least `bound`: place [n]; returns how many. */
static int list_above(uint16_t *place, const double *x, size_t n, double bound)
{
    int found = 0;
    for (size_t i = 0; i < n; i++) {
        place[found] = (uint16_t)i;
        found += x[i] >= bound;
    }
    return found;
}

/* The category whose least t is positive; there is one. */
static int positive_row(const double *squares, size_t unit)
{
    int c = 0;
    while (!(squares[(size_t)c * CHUNK + unit] > 0))
        c++;
    return c;
}

static int cell_of(double t)
{
    double cell = t / T_STEP;
    return cell < CELLS - 1 ? (int)cell : CELLS - 1;
}

void fus_search_chunk(struct fus_search *s, int chunk, int thread, const double *squares)
{
    uint16_t place[CHUNK];
    size_t from = (size_t)chunk * CHUNK, rest = s->m->n_units - from, n = rest < CHUNK ? rest : CHUNK,
           groups = (size_t)s->m->n_groups;
    if (s->balanced && !squares) {
        double *of_student = s->squares + (size_t)thread * (groups + 2) * CHUNK;
        fus_select_squares(of_student, s->m, s->weight, from, n);
        squares = of_student;
    }
    const double *most = squares + groups * CHUNK, *spread = most + CHUNK;
    struct finds *f = &s->finds[thread];
    int above = list_above(place, most, n, s->z_squared);
    s->places[chunk] = (struct place){thread, 0, f->n};
    memset(s->label + from, -1, n);
    for (int i = 0; i < above && make_room(f); i++) {
        size_t unit = place[i];
        if (isnan(spread[unit]))
            continue;
        struct candidate c = {0, place[i], (uint8_t)cell_of(sqrt(most[unit])), (int8_t)positive_row(squares, unit)};
        f->count[(size_t)c.category * CELLS + c.cell]++;
        f->list[f->n++] = c;
    }
    s->places[chunk].n = (int)(f->n - s->places[chunk].first);
}

/* The fewest and the most df of a pair of this category: Welch's lie between one group's n - 1
 * and both groups' n - 2, which is Student's. */
static void range_of_df(double *fewest, double *most, const struct fus_search *s, int category)
{
    double n = (double)s->m->n[category], least = INFINITY, largest = 0;
    for (int k = 0; k < s->m->n_groups; k++)
        if (k != category) {
            least = fmin(least, (double)s->m->n[k]);
            largest = fmax(largest, (double)s->m->n[k]);
        }
    *fewest = s->student ? n + least - 2 : fmin(n, least) - 1;
    *most = n + largest - 2;
}

/* The bounds of the p of a category whose least t lies in cell i: *low at the cell's end (0 for the
 * last), *high at its beginning. */
static void bound_cell(double *low, double *high, const struct fus_search *s, int category, int i)
{
    const long *n = s->m->n;
    double fewest, most, begin = i * T_STEP, end = (i + 1) * T_STEP;
    if (!s->balanced) {
        range_of_df(&fewest, &most, s, category);
        *low = i < CELLS - 1 ? fus_special_t_sf(end, most) * (1 - MARGIN) : 0;
        *high = fus_special_t_sf(begin, fewest) * (1 + MARGIN);
        return;
    }
    *low = 1, *high = 0;
    for (int k = 0; k < s->m->n_groups; k++) {
        if (k == category || (k > 0 && k - 1 != category && n[k] == n[k - 1]))
            continue;
        double low_k = i < CELLS - 1 ? fus_balanced_low(end, (double)n[category], (double)n[k]) : 0,
               high_k = fus_balanced_high(begin, (double)n[category], (double)n[k]);
        *low = low_k < *low ? low_k : *low;
        *high = high_k > *high ? high_k : *high;
    }
}

/* Point 4. Candidates of a cell and all above it, which have smaller bounds: the rank that the
 * correction gives to each of the cell. */
static void limit_category(void *context, int c, int thread)
{
    struct fus_search *s = context;
    struct limits *l = &s->limits[c];
    size_t count[CELLS] = {0}, rank = 0;
    (void)thread;
    for (int t = 0; t < s->n_threads; t++)
        for (int i = 0; i < CELLS; i++)
            count[i] += s->finds[t].count[(size_t)c * CELLS + (size_t)i];
    for (int i = 0; i < CELLS; i++)
        rank += count[i];
    *l = (struct limits){.possible = CELLS, .certain = CELLS};
    for (int i = 0; i < CELLS; rank -= count[i++]) {
        l->high[i] = i > 0 ? l->high[i - 1] : 1;
        if (count[i] == 0 || l->certain < CELLS)
            continue;
        double low, high, bound = bound_of(s, rank);
        bound_cell(&low, &high, s, c, i);
        if (l->possible == CELLS && low <= bound)
            l->possible = i, l->n_possible = rank, l->bound = bound;
        if (l->possible == CELLS)
            continue;
        l->high[i] = high < l->high[i] ? high : l->high[i];
        if (l->high[i] <= bound * (1 - 2 * MARGIN))
            l->certain = i, l->n_certain = rank;
    }
}

/* A unit's largest p over the pairs, starting with the pair of least t; 2 if it is above the
 * bound. */
static double candidate_p(const struct fus_search *s, size_t unit, int category)
{
    const struct limits *l = &s->limits[category];
    const struct fus_moments *m = s->m;
    double t[FUS_SELECT_CATEGORIES], df[FUS_SELECT_CATEGORIES], worst = 0;
    int other[FUS_SELECT_CATEGORIES], n = 0;
    for (int k = 0; k < m->n_groups; k++) {
        if (k == category)
            continue;
        double new_df, new_t = fus_select_pair_t(&new_df, m, unit, category, k, s->student);
        if (!(new_t > 0))
            return 2;
        int i = n++;
        for (; i > 0 && t[i - 1] > new_t; i--)
            t[i] = t[i - 1], df[i] = df[i - 1], other[i] = other[i - 1];
        t[i] = new_t, df[i] = new_df, other[i] = k;
    }
    for (int i = 0; i < n; i++) {
        bool settled = l->high[cell_of(t[i])] <= worst;
        for (int j = 0; j < i && !settled && !s->balanced; j++)
            settled = t[i] >= t[j] * (1 + MARGIN) && df[i] >= df[j];
        double p = settled       ? 0
                   : s->balanced ? fus_select_pair_p(m, unit, category, other[i], FUS_TEST_BALANCED)
                                 : fus_special_t_sf(t[i], df[i]);
        if (p > l->bound)
            return 2;
        worst = p > worst ? p : worst;
    }
    return worst;
}

/* Labels the candidates of the cells from `certain` on, computes p for the undecided ones and
 * keeps these alone in the list. */
static void settle_chunk(void *context, int chunk, int thread)
{
    struct fus_search *s = context;
    size_t from = (size_t)chunk * CHUNK;
    struct candidate *all = list_of(s, chunk);
    int n_open = 0;
    (void)thread;
    for (int i = 0; i < s->places[chunk].n; i++) {
        struct candidate c = all[i];
        const struct limits *l = &s->limits[c.category];
        if (c.cell >= l->certain)
            s->label[from + c.unit] = c.category;
        else if (c.cell >= l->possible && (c.p = candidate_p(s, from + c.unit, c.category)) <= l->bound)
            all[n_open++] = c;
    }
    s->places[chunk].n = n_open;
}

/* The p of a category's undecided candidates. */
struct open {
    double *p, *scratch; /* [n], room for as many as are possible without being certain */
    size_t n;
};

struct correction {
    const struct fus_search *s;
    struct open open[FUS_SELECT_CATEGORIES];
    double threshold[FUS_SELECT_CATEGORIES];
};

static void gather_open(struct correction *a, double *room)
{
    const struct fus_search *s = a->s;
    for (int c = 0; c < s->m->n_groups; c++) {
        size_t most = s->limits[c].n_possible - s->limits[c].n_certain;
        a->open[c] = (struct open){room, room + most, 0};
        room += 2 * most;
    }
    for (int chunk = 0; chunk < n_chunks(s); chunk++)
        for (int i = 0; i < s->places[chunk].n; i++) {
            const struct candidate *c = &list_of(s, chunk)[i];
            a->open[c->category].p[a->open[c->category].n++] = c->p;
        }
}

static void correct_category(void *context, int c, int thread)
{
    struct correction *a = context;
    const struct fus_search *s = a->s;
    const struct open *o = &a->open[c];
    (void)thread;
    a->threshold[c] = fus_multiple_threshold(o->p, o->scratch, o->n, s->limits[c].n_certain, s->m->n_units,
                                             s->options->alpha, s->options->correction);
}

static void label_open(const struct correction *a)
{
    const struct fus_search *s = a->s;
    for (int chunk = 0; chunk < n_chunks(s); chunk++)
        for (int i = 0; i < s->places[chunk].n; i++) {
            const struct candidate *c = &list_of(s, chunk)[i];
            if (c->p <= a->threshold[c->category])
                s->label[(size_t)chunk * CHUNK + c->unit] = c->category;
        }
}

int fus_search_finish(struct fus_search *s, struct fus_error *err)
{
    struct correction a = {.s = s};
    size_t n_open = 0;
    for (int t = 0; t < s->n_threads; t++)
        if (s->finds[t].full)
            return fus_base_fail(err, FUS_ENOMEM, "no memory for the candidates of %zu units", s->m->n_units);
    fus_threads_for(s->m->n_groups, limit_category, s);
    for (int c = 0; c < s->m->n_groups; c++)
        n_open += s->limits[c].n_possible - s->limits[c].n_certain;
    double *room = fus_base_aligned(n_open + 1, 2 * sizeof *room);
    if (!room)
        return fus_base_fail(err, FUS_ENOMEM, "no memory to sort %zu p values", n_open);
    fus_threads_for(n_chunks(s), settle_chunk, s);
    gather_open(&a, room);
    fus_threads_for(s->m->n_groups, correct_category, &a);
    label_open(&a);
    fus_base_free(room);
    return FUS_OK;
}
