/* Which units are selective, from the moments of their categories (METHOD.md, section 5).
 *
 * For category c the p of a unit is the largest of the one-sided p (Welch's or Student's) of c against each other category ("greater than
 * ALL others": an intersection-union test, Berger 1982), corrected over the units of the layer. Selective: q <= alpha
 * and c's mean above every other. A unit with zero variance in both of two categories has p = 1 for that pair; one
 * with a NaN or infinite response has p = 1 throughout.
 *
 * fus_select_layer decides the same units as the plain computation (adjust every p of every category) without most of
 * its work. For alpha < 0.49:
 *  1. q >= p (up to two roundings), so only p <= alpha (1 + 1e-9) can matter, and all other p have higher ranks: ranks and
 *     q of those that matter need no others. For Bonferroni the bound is alpha / n, for BY alpha / (1 + ... + 1/n).
 *  2. p < 1/2 needs every t > 0, so only the category with the strictly largest mean can matter: one p a unit.
 *  3. Student's tail is heavier than the normal one: t below the normal quantile at the bound (less 1e-6, more than any
 *     rounding) has p above it. This is tried on squares, without a root.
 *  4. Of two pairs, one with t larger by 1e-9 and df no smaller has the smaller p, by more than t_sf's error, and need
 *     not be evaluated to find the largest.
 *  5. p falls with t and with df, so the corners of a cell of a table of tails bound it from both sides. A correction rejects more where p
 *     are smaller, so what it rejects by the upper bounds is selective for certain, and what it does not by the lower bounds is not;
 *     only the units between need a p of their own, and those for certain may enter the correction as p = 0.
 * tests/test_select.c compares both ways. For larger alpha the plain way is taken. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "analysis.h"
#include "nn/kernels.h"
#include "nn/team.h"

#define MAX_CATEGORIES 127  /* labels are int8 */
#define MARGIN 1e-9         /* far above the error of t_sf, far below any p difference that matters */
#define PLAIN_FROM 0.49
#define CHUNK FUS_SELECT_CHUNK /* units a thread takes at a time */
#define TABLE_FROM 8192  /* units that are worth a table of tails */
#define T_CELLS 64
#define T_STEP 0.125
#define DF_CELLS 8

static int n_chunks(size_t n_units)
{
    return (int)((n_units + CHUNK - 1) / CHUNK);
}

/* t and df of one unit's category a against b. */
static double pair_t(double *df, const struct fus_moments *m, size_t unit, int a, int b, bool student)
{
    double n_a = (double)m->n[a], n_b = (double)m->n[b];
    size_t i = (size_t)a * m->n_units + unit, j = (size_t)b * m->n_units + unit;
    double var_a = m->m2[i] / (n_a - 1), var_b = m->m2[j] / (n_b - 1);
    return student ? fus_ttest_student(df, m->mean[i], var_a, n_a, m->mean[j], var_b, n_b)
                   : fus_ttest_welch(df, m->mean[i], var_a, n_a, m->mean[j], var_b, n_b);
}

/* The p of one unit and category: the largest over pairs; *least_t the least t. */
static double unit_p(double *least_t, const struct fus_moments *m, size_t unit, int category, bool student)
{
    double worst = 0, least = INFINITY;
    for (int k = 0; k < m->n_groups; k++) {
        if (k == category)
            continue;
        double df, t = pair_t(&df, m, unit, category, k, student);
        bool constant = m->m2[(size_t)category * m->n_units + unit] == 0 && m->m2[(size_t)k * m->n_units + unit] == 0;
        double p = constant ? 1 : fus_special_t_sf(t, df);
        worst = p > worst ? p : worst;
        least = t < least ? t : least;
    }
    *least_t = least;
    return worst;
}

bool fus_select_defined(const struct fus_moments *m, size_t unit)
{
    for (int g = 0; g < m->n_groups; g++)
        if (!isfinite(m->mean[(size_t)g * m->n_units + unit]) || !isfinite(m->m2[(size_t)g * m->n_units + unit]))
            return false;
    return true;
}

double fus_select_least_t(const struct fus_moments *m, size_t unit, int category, bool student)
{
    if (!fus_select_defined(m, unit))
        return NAN;
    double least = INFINITY;
    for (int k = 0; k < m->n_groups; k++) {
        double df, t = k == category ? INFINITY : pair_t(&df, m, unit, category, k, student);
        least = t < least ? t : least;
    }
    return least;
}

void fus_select_spread(double *spread, double *scratch, const struct fus_moments *m, size_t from, size_t n)
{
    const struct fus_kernel *kernel = fus_kernels_here();
    memset(spread, 0, n * sizeof *spread);
    memset(scratch, 0, n * sizeof *scratch);
    for (int g = 0; g < m->n_groups; g++)
        kernel->moments_spread(spread, scratch, m->mean + (size_t)g * m->n_units + from, m->m2 + (size_t)g * m->n_units + from, n);
    for (size_t u = 0; u < n; u++)
        spread[u] = scratch[u] == 0 ? spread[u] : NAN;
}

void fus_select_least_squares(double *least, const struct fus_moments *m, size_t from, size_t n, bool student)
{
    const struct fus_kernel *kernel = fus_kernels_here();
    for (int g = 0; g < m->n_groups; g++)
        for (size_t u = 0; u < n; u++)
            least[(size_t)g * CHUNK + u] = INFINITY;
    for (int a = 0; a < m->n_groups; a++)
        for (int b = a + 1; b < m->n_groups; b++) {
            size_t i = (size_t)a * m->n_units + from, j = (size_t)b * m->n_units + from;
            double n_a = (double)m->n[a], n_b = (double)m->n[b], pool = (1 / n_a + 1 / n_b) / (n_a + n_b - 2);
            double w_a = student ? pool : 1 / (n_a * (n_a - 1)), w_b = student ? pool : 1 / (n_b * (n_b - 1));
            kernel->least_t(least + (size_t)a * CHUNK, least + (size_t)b * CHUNK, m->mean + i, m->m2 + i, w_a, m->mean + j, m->m2 + j, w_b, n);
        }
}

/* What every unit's decision needs and does not depend on the unit. */
struct bound {
    double p;         /* larger p never matter */
    double z_squared; /* t^2 below this means p above the bound; above 0, as t must be */
    bool student, tabulated;
    double least_inverse, inverse_steps;      /* rows of the table: 1/df = least_inverse + row / inverse_steps */
    double tail[DF_CELLS + 1][T_CELLS + 1]; /* p at t = column * T_STEP */
};

/* The table for all df that these counts can give: least n - 1 .. sum of the two largest n - 2. */
static void set_table(struct bound *b, const struct fus_moments *m)
{
    double least = INFINITY, most = 0, second = 0;
    for (int g = 0; g < m->n_groups; g++) {
        double n = (double)m->n[g];
        least = n < least ? n : least;
        second = n > most ? most : n > second ? n : second;
        most = n > most ? n : most;
    }
    double first = 1 / (most + second - 2), last = 1 / (least - 1);
    b->tabulated = last > first;
    b->least_inverse = first;
    b->inverse_steps = DF_CELLS / (last - first);
    for (int i = 0; i <= DF_CELLS && b->tabulated; i++)
        for (int j = 0; j <= T_CELLS; j++)
            b->tail[i][j] = fus_special_t_sf(j * T_STEP, 1 / (first + i / b->inverse_steps));
}

/* p of t > 0 and df from below and above, by the corners of their cell. */
static void bound_tail(double *low, double *high, const struct bound *b, double t, double df)
{
    double row = (1 / df - b->least_inverse) * b->inverse_steps, column = t / T_STEP;
    int i = row > 0 ? row < DF_CELLS ? (int)row : DF_CELLS - 1 : 0, j = column < T_CELLS ? (int)column : T_CELLS;
    *low = j < T_CELLS ? b->tail[i][j + 1] * (1 - MARGIN) : 0;
    *high = b->tail[i + 1][j] * (1 + MARGIN);
}

static void set_bound(struct bound *b, const struct fus_moments *m, const struct fus_select_options *options)
{
    double p = options->alpha, n = (double)m->n_units;
    if (options->correction == FUS_BONFERRONI)
        p /= n;
    if (options->correction == FUS_BY) {
        double harmonic = 0;
        for (size_t i = 1; i <= m->n_units; i++)
            harmonic += 1.0 / (double)i;
        p /= harmonic;
    }
    b->p = p * (1 + MARGIN);
    double z = -fus_special_normal_quantile(b->p) - 1e-6;
    b->z_squared = z > 0 ? z * z * (1 - MARGIN) : DBL_MIN;
    b->student = options->student;
    b->tabulated = false;
    if (m->n_units >= TABLE_FROM)
        set_table(b, m);
}

/* unit_p for a candidate, or 2 where it is above the bound: pairs in order of t, those that point 4 settles left out. */
static double candidate_p(const struct fus_moments *m, const struct bound *b, size_t unit, int category)
{
    double t[MAX_CATEGORIES], df[MAX_CATEGORIES], worst = 0;
    int n = 0;
    for (int k = 0; k < m->n_groups; k++) {
        if (k == category)
            continue;
        double new_df, new_t = pair_t(&new_df, m, unit, category, k, b->student);
        if (!(new_t > 0))
            return 2;
        int i = n++;
        for (; i > 0 && t[i - 1] > new_t; i--)
            t[i] = t[i - 1], df[i] = df[i - 1];
        t[i] = new_t, df[i] = new_df;
    }
    for (int i = 0; i < n; i++) {
        bool settled = false;
        for (int j = 0; j < i && !settled; j++)
            settled = t[i] >= t[j] * (1 + MARGIN) && df[i] >= df[j];
        double p = settled ? 0 : fus_special_t_sf(t[i], df[i]);
        if (p > b->p)
            return 2;
        worst = p > worst ? p : worst;
    }
    return worst;
}

/* Bounds of unit_p for a candidate; without a table both are the p itself. */
static void bound_candidate(double *low, double *high, const struct fus_moments *m, const struct bound *b, size_t unit, int category)
{
    *low = *high = b->tabulated ? 0 : candidate_p(m, b, unit, category);
    for (int k = 0; k < m->n_groups && b->tabulated; k++) {
        if (k == category)
            continue;
        double df, t = pair_t(&df, m, unit, category, k, b->student), least, most;
        bound_tail(&least, &most, b, t > 0 ? t : 0, df);
        *low = least > *low ? least : *low;
        *high = most > *high ? most : *high;
    }
}

/* Dead and undefined units of a chunk, and where the p of its candidates begin among their category's. */
struct found {
    size_t dead, undefined, candidates[MAX_CATEGORIES];
};

static void count_units(struct found *f, const double *spread, size_t n)
{
    for (size_t u = 0; u < n; u++) {
        f->dead += spread[u] == 0;
        f->undefined += isnan(spread[u]);
    }
}

struct finding {
    struct fus_layer_summary *out;
    const struct fus_moments *m;
    const struct bound *b;
    const struct fus_select_options *options;
    struct found *found; /* [n_chunks] */
    double *low, *high;  /* [n_units] bounds of p, of the candidates alone; in the end the p themselves in low */
    double *scratch;     /* [threads, n_categories + 2, CHUNK] */
    double certain[MAX_CATEGORIES], possible[MAX_CATEGORIES]; /* the thresholds of the bounds */
};

static size_t chunk_of(size_t *from, int chunk, size_t n_units)
{
    *from = (size_t)chunk * CHUNK;
    return n_units - *from < CHUNK ? n_units - *from : CHUNK;
}

/* Label and bounds of the candidates: categories whose least t reaches the bound (points 2 and 3). At most one can in a unit: its t are
 * positive. */
static void find_chunk(void *context, int chunk, int thread)
{
    const struct finding *f = context;
    size_t from, n = chunk_of(&from, chunk, f->m->n_units), n_groups = (size_t)f->m->n_groups;
    double *spread = f->scratch + (size_t)thread * (n_groups + 2) * CHUNK, *least = spread + 2 * CHUNK;
    fus_select_spread(spread, least, f->m, from, n);
    fus_select_least_squares(least, f->m, from, n, f->b->student);
    count_units(&f->found[chunk], spread, n);
    memset(f->out->label + from, -1, n);
    for (size_t c = 0; c < n_groups; c++)
        for (size_t u = 0; u < n; u++) {
            if (!(least[c * CHUNK + u] >= f->b->z_squared) || isnan(spread[u]))
                continue;
            bound_candidate(&f->low[from + u], &f->high[from + u], f->m, f->b, from + u, (int)c);
            if (f->low[from + u] <= f->b->p)
                f->out->label[from + u] = (int8_t)c;
        }
}

/* Point 5: what the bounds leave open is computed. */
static void settle_chunk(void *context, int chunk, int thread)
{
    const struct finding *f = context;
    size_t from, n = chunk_of(&from, chunk, f->m->n_units);
    (void)thread;
    for (size_t u = from; u < from + n; u++) {
        int c = f->out->label[u];
        if (c < 0)
            continue;
        if (f->low[u] > f->possible[c])
            f->out->label[u] = -1;
        else if (f->high[u] <= f->certain[c])
            f->low[u] = 0;
        else if ((f->low[u] = candidate_p(f->m, f->b, u, c)) > f->b->p)
            f->out->label[u] = -1;
    }
}

struct correcting {
    const struct finding *f;
    const double *p;                  /* [n_units] */
    double *sorted;                   /* [2, number of candidates] category after category */
    double *threshold;                /* [n_categories] */
    size_t first[MAX_CATEGORIES + 1]; /* where each begins */
};

static void number_chunk(void *context, int chunk, int thread)
{
    const struct finding *f = context;
    size_t from, n = chunk_of(&from, chunk, f->m->n_units), *candidates = f->found[chunk].candidates;
    (void)thread;
    memset(candidates, 0, (size_t)f->m->n_groups * sizeof *candidates);
    for (size_t u = from; u < from + n; u++)
        if (f->out->label[u] >= 0)
            candidates[f->out->label[u]]++;
}

/* Numbers to beginnings; first [n_categories + 1] of the categories. */
static void add_up(struct found *found, size_t *first, int n, int n_categories)
{
    first[0] = 0;
    for (int c = 0; c < n_categories; c++) {
        first[c + 1] = first[c];
        for (int i = 0; i < n; i++) {
            size_t here = found[i].candidates[c];
            found[i].candidates[c] = first[c + 1];
            first[c + 1] += here;
        }
    }
}

static void gather_chunk(void *context, int chunk, int thread)
{
    const struct correcting *a = context;
    const struct finding *f = a->f;
    size_t from, n = chunk_of(&from, chunk, f->m->n_units);
    (void)thread;
    for (size_t u = from; u < from + n; u++)
        if (f->out->label[u] >= 0)
            a->sorted[f->found[chunk].candidates[f->out->label[u]]++] = a->p[u];
}

static void correct_category(void *context, int c, int thread)
{
    const struct correcting *a = context;
    size_t first = a->first[c], all = a->first[a->f->m->n_groups];
    (void)thread;
    a->threshold[c] = fus_multiple_threshold(a->sorted + first, a->sorted + all + first, a->first[c + 1] - first, a->f->m->n_units,
                                             a->f->options->alpha, a->f->options->correction);
}

/* threshold [n_categories] of the candidates' p [n_units], each category corrected alone. */
static int correct(double *threshold, struct finding *f, const double *p, struct fus_error *err)
{
    struct correcting a = {.f = f, .p = p, .threshold = threshold};
    int n = n_chunks(f->m->n_units);
    fus_team_for(n, number_chunk, f);
    add_up(f->found, a.first, n, f->m->n_groups);
    size_t all = a.first[f->m->n_groups];
    a.sorted = fus_base_aligned(all + 1, 2 * sizeof *a.sorted);
    if (!a.sorted)
        return fus_base_fail(err, FUS_ENOMEM, "no memory to sort %zu p values", all);
    fus_team_for(n, gather_chunk, &a);
    fus_team_for(f->m->n_groups, correct_category, &a);
    fus_base_free(a.sorted);
    return FUS_OK;
}

static void drop_chunk(void *context, int chunk, int thread)
{
    const struct finding *f = context;
    size_t from, n = chunk_of(&from, chunk, f->m->n_units);
    (void)thread;
    for (size_t u = from; u < from + n; u++)
        if (f->out->label[u] >= 0 && f->low[u] > f->certain[f->out->label[u]])
            f->out->label[u] = -1;
}

/* Of the candidates only those keep their label that the correction rejects. */
static int correct_candidates(struct finding *f, struct fus_error *err)
{
    int n = n_chunks(f->m->n_units), code = FUS_OK;
    if (f->b->tabulated) {
        code = correct(f->possible, f, f->low, err);
        if (!code)
            code = correct(f->certain, f, f->high, err);
        if (!code)
            fus_team_for(n, settle_chunk, f);
    }
    if (!code)
        code = correct(f->certain, f, f->low, err);
    if (!code)
        fus_team_for(n, drop_chunk, f);
    return code;
}

static void set_counts(struct fus_layer_summary *out, const struct found *found, int n)
{
    out->n_undefined = out->n_dead = 0;
    for (int i = 0; i < n; i++) {
        out->n_dead += found[i].dead;
        out->n_undefined += found[i].undefined;
    }
}

static int label_candidates(struct fus_layer_summary *out, const struct fus_moments *m, const struct fus_select_options *options,
                            struct fus_error *err)
{
    struct bound b;
    int n = n_chunks(m->n_units);
    size_t threads = (size_t)fus_base_threads();
    set_bound(&b, m, options);
    struct finding f = {.out = out, .m = m, .b = &b, .options = options, .found = fus_base_alloc((size_t)n, sizeof *f.found),
                        .low = fus_base_aligned(m->n_units, 2 * sizeof *f.low),
                        .scratch = fus_base_aligned(threads * CHUNK, ((size_t)m->n_groups + 2) * sizeof *f.scratch)};
    int code = f.found && f.low && f.scratch ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "no memory for the p values of %zu units", m->n_units);
    if (!code) {
        f.high = f.low + m->n_units;
        fus_team_for(n, find_chunk, &f);
        set_counts(out, f.found, n);
        code = correct_candidates(&f, err);
    }
    fus_base_free(f.found);
    fus_base_free(f.low);
    fus_base_free(f.scratch);
    return code;
}

struct testing {
    double *p, *t;
    const struct fus_moments *m;
    int category;
    bool student;
};

static void test_chunk(void *context, int chunk, int thread)
{
    const struct testing *a = context;
    size_t from = (size_t)chunk * CHUNK, end = a->m->n_units - from < CHUNK ? a->m->n_units : from + CHUNK;
    (void)thread;
    for (size_t u = from; u < end; u++) {
        bool defined = fus_select_defined(a->m, u);
        a->t[u] = NAN;
        a->p[u] = defined ? unit_p(&a->t[u], a->m, u, a->category, a->student) : 1;
    }
}

/* p, q and least t [n_units] of every unit for one category: the plain computation. */
static int category_q(double *q, double *p, double *t, const struct fus_moments *m, int category,
                      const struct fus_select_options *options, struct fus_error *err)
{
    struct testing a = {p, t, m, category, options->student};
    fus_team_for(n_chunks(m->n_units), test_chunk, &a);
    return fus_multiple_adjust(q, p, m->n_units, options->correction, err);
}

struct counting {
    struct fus_layer_summary *out;
    const struct fus_moments *m;
    struct found *found; /* [n_chunks] */
};

static void count_chunk(void *context, int chunk, int thread)
{
    const struct counting *a = context;
    double spread[CHUNK], scratch[CHUNK];
    size_t from, n = chunk_of(&from, chunk, a->m->n_units);
    (void)thread;
    fus_select_spread(spread, scratch, a->m, from, n);
    count_units(&a->found[chunk], spread, n);
    memset(a->out->label + from, -1, n);
}

int fus_select_count(struct fus_layer_summary *out, const struct fus_moments *m, struct fus_error *err)
{
    int n = n_chunks(m->n_units);
    struct counting a = {out, m, fus_base_alloc((size_t)n, sizeof *a.found)};
    if (!a.found)
        return fus_base_fail(err, FUS_ENOMEM, "no memory to count %zu units", m->n_units);
    fus_team_for(n, count_chunk, &a);
    set_counts(out, a.found, n);
    fus_base_free(a.found);
    return FUS_OK;
}

/* For a large alpha: every p of every category. */
static int label_plainly(struct fus_layer_summary *out, const struct fus_moments *m, const struct fus_select_options *options,
                         struct fus_error *err)
{
    double *work = fus_base_alloc(m->n_units, 3 * sizeof *work), *q = work, *p = work + m->n_units, *t = work + 2 * m->n_units;
    if (!work)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for the p values of %zu units", m->n_units);
    int code = fus_select_count(out, m, err);
    for (int c = 0; c < m->n_groups && !code; c++) {
        code = category_q(q, p, t, m, c, options, err);
        for (size_t u = 0; u < m->n_units && !code; u++)
            if (q[u] <= options->alpha && t[u] > 0)
                out->label[u] = (int8_t)c;
    }
    fus_base_free(work);
    return code;
}

int fus_select_check(const struct fus_moments *m, const struct fus_select_options *options, struct fus_error *err)
{
    if (m->n_groups < 2 || m->n_groups > MAX_CATEGORIES)
        return fus_base_fail(err, FUS_EINVAL, "%d categories: selectivity needs 2 to %d", m->n_groups, MAX_CATEGORIES);
    for (int g = 0; g < m->n_groups; g++)
        if (m->n[g] < 2)
            return fus_base_fail(err, FUS_EINVAL, "category %d has %ld pictures: a variance needs at least 2", g, m->n[g]);
    if (!(options->alpha > 0 && options->alpha < 1))
        return fus_base_fail(err, FUS_EINVAL, "alpha is %g, expected a number between 0 and 1", options->alpha);
    return FUS_OK;
}

int fus_select_create(struct fus_layer_summary *out, const struct fus_moments *m, const char *name, int channels,
                        int height, int width, struct fus_error *err)
{
    size_t places, units;
    memset(out, 0, sizeof *out);
    if (channels < 1 || height < 1 || width < 1 || !fus_base_mul(&places, (size_t)height, (size_t)width) ||
        !fus_base_mul(&units, places, (size_t)channels) || units != m->n_units)
        return fus_base_fail(err, FUS_EINVAL, "layer %s: %d x %d x %d is not %zu units", name, channels, height, width,
                             m->n_units);
    if (strlen(name) >= sizeof out->name)
        return fus_base_fail(err, FUS_ELIMIT, "layer name %s is longer than %zu bytes", name, sizeof out->name - 1);
    snprintf(out->name, sizeof out->name, "%s", name);
    out->channels = channels, out->height = height, out->width = width;
    out->n_units = units;
    out->categories = fus_base_alloc((size_t)m->n_groups, sizeof *out->categories);
    out->label = fus_base_alloc(units, sizeof *out->label);
    bool all = out->categories && out->label;
    out->n_categories = out->categories ? m->n_groups : 0;
    for (int c = 0; c < m->n_groups && all; c++) {
        struct fus_category_summary *category = &out->categories[c];
        category->ci_low = category->ci_high = category->csi_cv = category->dprime_cv = category->auc_cv = category->survival = NAN;
        category->split_half_r = category->dice = category->csi_low = category->csi_high = NAN;
        category->variation_low = category->variation_high = NAN;
        category->map = fus_base_alloc(places, sizeof *category->map);
        all = category->map != NULL;
    }
    return all ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "layer %s: no memory for %zu labels", name, units);
}

struct summarising {
    struct fus_layer_summary *out;
    const struct fus_moments *m;
    int *code;               /* [n_categories] */
    struct fus_error *error; /* [n_categories] */
};

static void summarise_category(void *context, int c, int thread)
{
    const struct summarising *a = context;
    struct fus_layer_summary *out = a->out;
    size_t n_places = (size_t)out->height * (size_t)out->width;
    (void)thread;
    a->code[c] = fus_csi_summarise(&out->categories[c], a->m, out->label, c, &a->error[c]);
    if (!a->code[c])
        a->code[c] = fus_spatial_summarise(&out->categories[c], out->label, out->channels, n_places, c, &a->error[c]);
}

int fus_select_summarise(struct fus_layer_summary *out, const struct fus_moments *m, struct fus_error *err)
{
    size_t n = (size_t)m->n_groups;
    struct summarising a = {out, m, fus_base_alloc(n, sizeof *a.code), fus_base_alloc(n, sizeof *a.error)};
    int code = a.code && a.error ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "no memory to summarise %zu categories", n);
    if (!code)
        fus_team_for(m->n_groups, summarise_category, &a);
    for (size_t c = 0; c < n && !code; c++)
        if (a.code[c])
            code = fus_base_fail(err, a.code[c], "%s", a.error[c].msg);
    fus_base_free(a.code);
    fus_base_free(a.error);
    return code;
}

int fus_select_label(struct fus_layer_summary *out, const struct fus_moments *m, const char *name, int channels, int height,
                     int width, const struct fus_select_options *options, struct fus_error *err)
{
    int code = fus_select_create(out, m, name, channels, height, width, err);
    if (!code)
        code = fus_select_check(m, options, err);
    if (!code)
        code = options->alpha < PLAIN_FROM ? label_candidates(out, m, options, err) : label_plainly(out, m, options, err);
    if (code)
        fus_select_free(out);
    return code;
}

int fus_select_layer(struct fus_layer_summary *out, const struct fus_moments *m, const char *name, int channels, int height,
                     int width, const struct fus_select_options *options, struct fus_error *err)
{
    int code = fus_select_label(out, m, name, channels, height, width, options, err);
    if (!code)
        code = fus_select_summarise(out, m, err);
    if (code)
        fus_select_free(out);
    return code;
}

void fus_select_free(struct fus_layer_summary *layer)
{
    for (int c = 0; c < layer->n_categories; c++)
        fus_base_free(layer->categories[c].map);
    fus_base_free(layer->categories);
    fus_base_free(layer->label);
    memset(layer, 0, sizeof *layer);
}

static void fill_simple_tables(struct fus_unit_tables *out, const struct fus_moments *m, int category)
{
    size_t first = (size_t)category * m->n_units;
    for (size_t u = 0; u < m->n_units; u++) {
        if (out->mean)
            out->mean[first + u] = (float)m->mean[first + u];
        if (out->var)
            out->var[first + u] = (float)(m->m2[first + u] / (double)(m->n[category] - 1));
        if (out->csi)
            out->csi[first + u] = fus_select_defined(m, u) ? (float)fus_csi_unit(m, u, category) : NAN;
    }
}

static void round_to(float *out, size_t first, const double *x, size_t n)
{
    for (size_t i = 0; out && i < n; i++)
        out[first + i] = (float)x[i];
}

int fus_select_units(struct fus_unit_tables *out, const struct fus_moments *m, const struct fus_select_options *options,
                     struct fus_error *err)
{
    int code = fus_select_check(m, options, err);
    if (code)
        return code;
    double *work = fus_base_alloc(m->n_units, 3 * sizeof *work);
    if (!work)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for the tables of %zu units", m->n_units);
    double *q = work, *p = work + m->n_units, *t = work + 2 * m->n_units;
    for (int c = 0; c < m->n_groups && !code; c++) {
        fill_simple_tables(out, m, c);
        if (!out->t && !out->p && !out->q)
            continue;
        code = category_q(q, p, t, m, c, options, err);
        if (!code) {
            round_to(out->t, (size_t)c * m->n_units, t, m->n_units);
            round_to(out->p, (size_t)c * m->n_units, p, m->n_units);
            round_to(out->q, (size_t)c * m->n_units, q, m->n_units);
        }
    }
    fus_base_free(work);
    return code;
}
