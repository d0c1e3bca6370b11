/* SPDX-License-Identifier: MIT */
/* The studentised permutation test (Janssen 1997; Chung & Romano 2013): Welch's t of two categories
 * against its values after the labels of their pictures were exchanged at random.
 *
 *   p = (b + 1) / (m + 1)   b of the m relabellings reach the observed t (Phipson & Smyth 2010)
 *
 * Exact if both categories have one distribution, whatever its shape and their numbers of pictures;
 * for equal means and unequal variances right in the limit of many pictures, which the difference
 * of means alone is not. The relabellings of the pairs of categories are those of permute.c. A unit
 * is tested for the category of its largest mean alone, the closest rival first, and relabelling
 * ends once p is above alpha: such a unit is not selective whatever its p. */
#include <math.h>
#include <string.h>

#include "analysis/inference.h"
#include "nn/base/threads.h"

enum { STRIP = 64, ROUND = 64 };         /* units read together; strips between two reports of progress */
#define PLACES_BYTES ((size_t)256 << 20) /* of the relabellings of all pairs, which are in memory at once */
#define TIE 1e-9                         /* relative: t as large as the observed one but for rounding reaches it */
#define ROUNDING 1e-12                   /* of the largest possible squared error: below it, the error is 0 */

/* Two categories a < b. */
struct pair {
    int few, many;   /* the one with fewer pictures (a if equal), and the other */
    int n_few, n;    /* pictures of few; of both */
    int *rows;       /* [n] the pictures of both, in order of the list */
    uint16_t *place; /* [1 + n_relabellings, n_few] which of rows are few's; first as they are */
};

/* A response minus the mean of the pair's, and its square; or sums of these. */
struct terms {
    double sum, square;
};

struct work {
    const struct fus_responses *r;
    const struct fus_moments *m;
    const struct fus_select_options *options;
    struct pair *pairs; /* (0,1), (0,2), ..., (1,2), ... */
    int n_pairs;
    float *strips;       /* [threads, n_images, STRIP] */
    struct terms *terms; /* [threads, n_images] */
    long allowed;        /* relabellings that may reach t while p <= alpha */
    int category;        /* of the units tested; -1: each for that of its largest mean */
    double *p;           /* [n_units] */
    int8_t *label;       /* [n_units] the category, -1: p is above alpha; NULL: p of every unit is wanted */
    size_t first;        /* the first strip of this round */
};

/* ---- relabellings ---- */

static struct pair *pair_of(const struct work *w, int a, int b)
{
    int low = a < b ? a : b, high = a < b ? b : a, n = w->r->n_categories;
    return &w->pairs[low * (2 * n - low - 1) / 2 + high - low - 1];
}

static void list_places(uint16_t *place, const int *label, int n, int few)
{
    for (int i = 0; i < n; i++)
        if (label[i] == few)
            *place++ = (uint16_t)i;
}

/* label [n] is scratch. */
static void relabel(struct pair *p, const struct work *w, int *label, int number, bool few_second)
{
    const long m = w->options->relabellings;
    for (long b = 0; b <= m; b++) {
        for (int i = 0; i < p->n; i++)
            label[i] = w->r->category[p->rows[i]] == (few_second ? p->few : p->many);
        if (b > 0)
            fus_permute_shuffle(label, (size_t)p->n, w->options->seed, (number + 1) * m + b - 1);
        list_places(p->place + (size_t)b * (size_t)p->n_few, label, p->n, few_second);
    }
}

static int create_pair(struct work *w, int number, int a, int b, struct fus_error *err)
{
    struct pair *p = &w->pairs[number];
    bool few_second = w->m->n[b] < w->m->n[a];
    p->few = few_second ? b : a, p->many = few_second ? a : b;
    p->n_few = (int)w->m->n[p->few], p->n = p->n_few + (int)w->m->n[p->many];
    p->rows = fus_base_alloc((size_t)p->n, sizeof *p->rows);
    p->place = fus_base_alloc((size_t)p->n_few, (1 + (size_t)w->options->relabellings) * sizeof *p->place);
    int *label = fus_base_alloc((size_t)p->n, sizeof *label), n = 0;
    if (!p->rows || !p->place || !label) {
        fus_base_free(label);
        return fus_base_fail(err, FUS_ENOMEM, "no memory for %ld relabellings", w->options->relabellings);
    }
    for (size_t i = 0; i < w->r->n_images; i++)
        if (w->r->category[i] == a || w->r->category[i] == b)
            p->rows[n++] = (int)i;
    relabel(p, w, label, number, few_second);
    fus_base_free(label);
    return FUS_OK;
}

int fus_relabel_check(const long *n, int n_categories, long relabellings, struct fus_error *err)
{
    double bytes = 0;
    if (relabellings < 1)
        return fus_base_fail(err, FUS_EINVAL, "the permutation test needs at least 1 relabelling");
    for (int a = 0; a < n_categories; a++)
        for (int b = a + 1; b < n_categories; b++) {
            if (n[a] + n[b] > UINT16_MAX)
                return fus_base_fail(err, FUS_ELIMIT,
                                     "the permutation test takes at most %d pictures of two categories", UINT16_MAX);
            bytes += 2.0 * (double)(n[a] < n[b] ? n[a] : n[b]) * ((double)relabellings + 1);
        }
    if (bytes > (double)PLACES_BYTES)
        return fus_base_fail(err, FUS_ELIMIT,
                             "%ld relabellings of every two of %d categories need %.0f MB, at most %d MB expected: "
                             "fewer relabellings?",
                             relabellings, n_categories, bytes / 1048576, (int)(PLACES_BYTES >> 20));
    return FUS_OK;
}

static int create_work(struct work *w, struct fus_error *err)
{
    int n = w->r->n_categories, number = 0;
    size_t threads = (size_t)fus_base_threads();
    w->n_pairs = n * (n - 1) / 2;
    int code = fus_relabel_check(w->m->n, n, w->options->relabellings, err);
    if (code)
        return code;
    w->pairs = fus_base_alloc((size_t)w->n_pairs, sizeof *w->pairs);
    w->strips = fus_base_aligned(w->r->n_images, threads * STRIP * sizeof *w->strips);
    w->terms = fus_base_aligned(w->r->n_images, threads * 2 * sizeof(double));
    w->p = fus_base_alloc(w->r->n_units, sizeof *w->p);
    if (!w->pairs || !w->strips || !w->terms || !w->p)
        return fus_base_fail(err, FUS_ENOMEM, "no memory to relabel %zu pictures", w->r->n_images);
    for (int a = 0; a < n; a++)
        for (int b = a + 1; b < n && !code; b++)
            code = create_pair(w, number++, a, b, err);
    /* p <= alpha: b + 1 <= alpha (m + 1) */
    w->allowed = (long)floor(w->options->alpha * ((double)w->options->relabellings + 1) * (1 + 1e-12)) - 1;
    return code;
}

static void destroy_work(struct work *w)
{
    for (int i = 0; i < w->n_pairs && w->pairs; i++) {
        fus_base_free(w->pairs[i].rows);
        fus_base_free(w->pairs[i].place);
    }
    fus_base_free(w->pairs);
    fus_base_free(w->strips);
    fus_base_free(w->terms);
    fus_base_free(w->p);
}

/* ---- one unit and pair ---- */

/* The difference of means, many's subtracted from few's, and its squared standard error. */
struct difference {
    double of_means, error;
};

static struct terms sum_places(const struct terms *x, const uint16_t *place, int n)
{
    struct terms s = {0, 0};
    for (int i = 0; i < n; i++) {
        s.sum += x[place[i]].sum;
        s.square += x[place[i]].square;
    }
    return s;
}

/* From the sums of few's pictures and of all. */
static struct difference difference_of(const struct terms *few, const struct terms *all, double n_few, double n_many)
{
    double sum = all->sum - few->sum;
    double of_few = few->square - few->sum * few->sum / n_few;
    double of_many = all->square - few->square - sum * sum / n_many;
    struct difference d = {few->sum / n_few - sum / n_many,
                           of_few / (n_few * (n_few - 1)) + of_many / (n_many * (n_many - 1))};
    d.error = d.error > 0 ? d.error : 0;
    return d;
}

/* The terms of one unit of a strip x [n_images, STRIP]; returns their sums. */
static struct terms list_terms(struct terms *terms, const struct pair *p, const float *x)
{
    double mean = 0;
    struct terms all = {0, 0};
    for (int i = 0; i < p->n; i++)
        mean += x[(size_t)p->rows[i] * STRIP];
    mean /= p->n;
    for (int i = 0; i < p->n; i++) {
        double d = x[(size_t)p->rows[i] * STRIP] - mean;
        terms[i] = (struct terms){d, d * d};
        all.sum += d, all.square += d * d;
    }
    return all;
}

/* How many relabellings reach the t of `category` against the other; those after the allowed + 1st
 * are not counted. t = D / sqrt(E) is not below t0 = D0 / sqrt(E0) where D |D| E0 >= D0 |D0| E. */
static long count_reached(const struct work *w, const struct pair *p, struct terms *terms, const float *x, int category)
{
    double n_few = p->n_few, n_many = p->n - p->n_few, sign = category == p->few ? 1 : -1;
    struct terms all = list_terms(terms, p, x), few = sum_places(terms, p->place, p->n_few);
    struct difference d = difference_of(&few, &all, n_few, n_many);
    double rounding = ROUNDING * all.square / (n_few * (n_few - 1));
    double error = fmax(0, d.error + (sign * d.of_means > 0 ? rounding : -rounding));
    double least = (sign * d.of_means - TIE * fabs(d.of_means)) * fabs(d.of_means);
    long reached = 0;
    for (long b = 1; b <= w->options->relabellings && reached <= w->allowed; b++) {
        few = sum_places(terms, p->place + (size_t)b * (size_t)p->n_few, p->n_few);
        d = difference_of(&few, &all, n_few, n_many);
        reached += sign * d.of_means * fabs(d.of_means) * error >= least * d.error;
    }
    return reached;
}

/* ---- units ---- */

/* The rivals of a category, that of the least t first. */
static int list_rivals(int *rival, const struct work *w, size_t unit, int category)
{
    double t[FUS_SELECT_CATEGORIES], df;
    int n = 0;
    for (int k = 0; k < w->r->n_categories; k++) {
        if (k == category)
            continue;
        double value = fus_select_pair_t(&df, w->m, unit, category, k, false);
        int at = n++;
        for (; at > 0 && t[at - 1] > value; at--)
            t[at] = t[at - 1], rival[at] = rival[at - 1];
        t[at] = value, rival[at] = k;
    }
    return n;
}

/* The largest p over rivals; 1 once it is above alpha, unless every p is wanted. */
static double category_p(const struct work *w, int thread, size_t unit, const float *x, int category)
{
    struct terms *terms = w->terms + (size_t)thread * w->r->n_images;
    int rival[FUS_SELECT_CATEGORIES], n = list_rivals(rival, w, unit, category);
    double worst = 0;
    for (int i = 0; i < n; i++) {
        size_t a = (size_t)category * w->m->n_units + unit, b = (size_t)rival[i] * w->m->n_units + unit;
        if (w->m->m2[a] == 0 && w->m->m2[b] == 0)
            return 1;
        long reached = count_reached(w, pair_of(w, category, rival[i]), terms, x, category);
        if (reached > w->allowed)
            return 1;
        double p = ((double)reached + 1) / ((double)w->options->relabellings + 1);
        worst = p > worst ? p : worst;
    }
    return worst;
}

/* The category whose mean is above every other; -1: there is none. */
static int largest_mean(const struct work *w, size_t unit)
{
    const double *mean = w->m->mean + unit;
    size_t n = w->m->n_units;
    int most = 0, equal = 0;
    for (int c = 1; c < w->m->n_groups; c++) {
        equal =
            mean[(size_t)c * n] > mean[(size_t)most * n] ? 0 : equal + (mean[(size_t)c * n] == mean[(size_t)most * n]);
        most = mean[(size_t)c * n] > mean[(size_t)most * n] ? c : most;
    }
    return equal ? -1 : most;
}

static void test_strip(void *context, int strip, int thread)
{
    const struct work *w = context;
    size_t at = (w->first + (size_t)strip) * STRIP, rest = w->r->n_units - at, n = rest < STRIP ? rest : STRIP;
    float *x = w->strips + (size_t)thread * w->r->n_images * STRIP;
    fus_responses_strip(x, STRIP, w->r, at, n);
    for (size_t u = 0; u < n; u++) {
        bool defined = fus_select_defined(w->m, at + u);
        int category = !defined ? -1 : w->category >= 0 ? w->category : largest_mean(w, at + u);
        w->p[at + u] = category >= 0 ? category_p(w, thread, at + u, x + u, category) : 1;
        if (w->label)
            w->label[at + u] = (int8_t)(w->p[at + u] <= w->options->alpha ? category : -1);
    }
}

static int test_units(struct work *w, const struct fus_progress *progress, struct fus_error *err)
{
    size_t n = (w->r->n_units + STRIP - 1) / STRIP;
    for (w->first = 0; w->first < n; w->first += ROUND) {
        size_t now = n - w->first < ROUND ? n - w->first : ROUND;
        if (fus_base_stopping())
            return fus_base_fail(err, FUS_ESTOPPED, "stopped at unit %zu of %zu", w->first * STRIP, w->r->n_units);
        fus_threads_for((int)now, test_strip, w);
        if (progress)
            progress->tell(progress->context, w->first + now, n);
    }
    return FUS_OK;
}

/* ---- a layer ---- */

static int check(const struct fus_moments *m, const struct fus_responses *r, const struct fus_select_options *options,
                 struct fus_error *err)
{
    int code = fus_responses_check(r, err);
    if (!code)
        code = fus_select_check(m, options, err);
    if (!code && !r->x && !r->read)
        code = fus_base_fail(err, FUS_EINVAL, "the permutation test needs the layer's single responses: keep them");
    if (!code && (m->n_units != r->n_units || m->n_groups != r->n_categories))
        code = fus_base_fail(err, FUS_EINVAL, "moments of %zu units, responses of %zu", m->n_units, r->n_units);
    return code;
}

int fus_relabel_label(struct fus_layer_summary *out, const struct fus_moments *m, const struct fus_responses *r,
                      const char *name, const struct fus_select_options *options, const struct fus_progress *progress,
                      struct fus_error *err)
{
    struct work w = {.r = r, .m = m, .options = options, .category = -1};
    memset(out, 0, sizeof *out);
    int code = check(m, r, options, err);
    if (!code)
        code = fus_select_create(out, m, name, r->channels, r->height, r->width, err);
    if (!code)
        code = fus_select_count(out, m, err);
    w.label = out->label;
    if (!code)
        code = create_work(&w, err);
    if (!code)
        code = test_units(&w, progress, err);
    if (!code)
        code = fus_select_correct(out->label, w.p, m->n_units, m->n_groups, options, err);
    destroy_work(&w);
    if (code)
        fus_select_free(out);
    return code;
}

int fus_relabel_category(double *p, const struct fus_moments *m, const struct fus_responses *r, int category,
                         const struct fus_select_options *options, struct fus_error *err)
{
    struct work w = {.r = r, .m = m, .options = options, .category = category};
    int code = check(m, r, options, err);
    if (!code)
        code = create_work(&w, err);
    if (!code)
        code = test_units(&w, NULL, err);
    if (!code)
        memcpy(p, w.p, m->n_units * sizeof *p);
    destroy_work(&w);
    return code;
}

int fus_relabel_pairs(double *p, const struct fus_moments *m, const struct fus_responses *r, size_t unit, int category,
                      const struct fus_select_options *options, struct fus_error *err)
{
    struct work w = {.r = r, .m = m, .options = options};
    int code = check(m, r, options, err);
    if (!code)
        code = create_work(&w, err);
    w.allowed = options->relabellings;
    if (!code)
        fus_responses_strip(w.strips, STRIP, r, unit, 1);
    for (int k = 0; k < m->n_groups && !code; k++) {
        size_t a = (size_t)category * m->n_units + unit, b = (size_t)k * m->n_units + unit;
        bool constant = k == category || (m->m2[a] == 0 && m->m2[b] == 0);
        long reached = constant ? 0 : count_reached(&w, pair_of(&w, category, k), w.terms, w.strips, category);
        p[k] = constant ? 1 : ((double)reached + 1) / ((double)options->relabellings + 1);
    }
    destroy_work(&w);
    return code;
}

static int fill_table(struct fus_unit_tables *out, struct work *w, double *q, int category, struct fus_error *err)
{
    size_t n = w->m->n_units, first = (size_t)category * n;
    w->category = category;
    int code = test_units(w, NULL, err);
    if (!code)
        code = fus_multiple_adjust(q, w->p, n, w->options->correction, err);
    for (size_t u = 0; u < n && !code; u++) {
        if (out->p)
            out->p[first + u] = (float)w->p[u];
        if (out->q)
            out->q[first + u] = (float)q[u];
    }
    return code;
}

int fus_relabel_units(struct fus_unit_tables *out, const struct fus_moments *m, const struct fus_responses *r,
                      const struct fus_select_options *options, struct fus_error *err)
{
    struct work w = {.r = r, .m = m, .options = options};
    struct fus_unit_tables simple = {.mean = out->mean, .var = out->var, .t = out->t, .csi = out->csi};
    struct fus_select_options welch = *options;
    welch.test = FUS_TEST_WELCH;
    int code = check(m, r, options, err);
    if (!code)
        code = fus_select_units(&simple, m, &welch, err);
    if (!code)
        code = create_work(&w, err);
    w.allowed = options->relabellings;
    double *q = code ? NULL : fus_base_alloc(m->n_units, sizeof *q);
    if (!code && !q)
        code = fus_base_fail(err, FUS_ENOMEM, "no memory for the tables of %zu units", m->n_units);
    for (int c = 0; c < m->n_groups && !code; c++)
        code = fill_table(out, &w, q, c, err);
    destroy_work(&w);
    fus_base_free(q);
    return code;
}
