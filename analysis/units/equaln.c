/* Selection with as many pictures of each category: see inference.h. With more pictures a category
 * has more units that pass, so that numbers of units of categories of different size cannot be
 * compared; these can (METHOD.md, "Categories of different size").
 *
 * Responses are read once: a strip of units of all pictures stays in cache while the moments of
 * every draw are computed from it. A p <= alpha needs t above the normal quantile, since Student's
 * tail is heavier; a median of 20 p that is <= alpha needs 10 such draws for each pair. Most units
 * fail that for every category, and p is computed for the others alone. */
#include <math.h>
#include <string.h>

#include "analysis/inference.h"
#include "nn/base/threads.h"
#include "nn/kernel/kernels.h"

enum { DRAWS = FUS_EQUALN_DRAWS, STRIP = 256, ROUND = 64 }; /* ROUND: strips between two reports of progress */

struct draws {
    const struct fus_responses *r;
    const struct fus_moments *m;
    const struct fus_select_options *options;
    const struct fus_kernel *kernel;
    int size;              /* pictures of each category */
    size_t *rows;          /* [DRAWS, n_categories, size] */
    double *weights;       /* [size] 1, 1/2, 1/3, ... */
    float *strips;         /* [threads, n_images, STRIP] */
    const float **pointer; /* [threads, size] */
    double *moments;       /* [threads, DRAWS, n_categories, 2, STRIP] means, sums of squared deviations */
    double bound, least;   /* no p above bound matters; d^2 >= least (m2 + m2) is necessary for one below */
    double *p;             /* [n_units] of the unit's category */
    int8_t *label;         /* [n_units] its category; -1: p above the bound for all */
    size_t first;          /* the first strip of this round */
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

/* Means of a category in one draw; its sums of squared deviations follow STRIP later. */
static double *group_of(const struct draws *a, int thread, int draw, int category)
{
    size_t groups = (size_t)a->r->n_categories;
    return a->moments + (((size_t)thread * DRAWS + (size_t)draw) * groups + (size_t)category) * 2 * STRIP;
}

static void measure_strip(const struct draws *a, int thread, size_t at, size_t n)
{
    float *x = a->strips + (size_t)thread * a->r->n_images * STRIP;
    const float **pointer = a->pointer + (size_t)thread * (size_t)a->size;
    const size_t *rows = a->rows;
    fus_responses_strip(x, STRIP, a->r, at, n);
    for (int d = 0; d < DRAWS; d++)
        for (int c = 0; c < a->r->n_categories; c++, rows += a->size) {
            double *mean = group_of(a, thread, d, c);
            for (int i = 0; i < a->size; i++)
                pointer[i] = x + rows[i] * STRIP;
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

static void test_strip(void *context, int strip, int thread)
{
    const struct draws *a = context;
    size_t at = (a->first + (size_t)strip) * STRIP, rest = a->r->n_units - at, n = rest < STRIP ? rest : STRIP;
    measure_strip(a, thread, at, n);
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

static int test_units(struct draws *a, const struct fus_progress *progress, struct fus_error *err)
{
    size_t n = (a->r->n_units + STRIP - 1) / STRIP;
    for (a->first = 0; a->first < n; a->first += ROUND) {
        size_t now = n - a->first < ROUND ? n - a->first : ROUND;
        if (fus_base_stopping())
            return fus_base_fail(err, FUS_ESTOPPED, "stopped at unit %zu of %zu", a->first * STRIP, a->r->n_units);
        fus_threads_for((int)now, test_strip, a);
        if (progress)
            progress->tell(progress->context, a->first + now, n);
    }
    return FUS_OK;
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
    a->strips = fus_base_aligned(a->r->n_images, threads * STRIP * sizeof *a->strips);
    a->pointer = fus_base_alloc(size, threads * sizeof *a->pointer);
    a->moments = fus_base_aligned(threads * DRAWS * groups, 2 * STRIP * sizeof *a->moments);
    a->p = fus_base_alloc(a->r->n_units, sizeof *a->p);
    if (!a->rows || !a->weights || !a->strips || !a->pointer || !a->moments || !a->p)
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
    fus_base_free(a->pointer);
    fus_base_free(a->moments);
    fus_base_free(a->p);
}

/* The labels of the draws into label [n_units]. */
static int label_units(int8_t *label, struct draws *a, uint64_t seed, const struct fus_progress *progress,
                       struct fus_error *err)
{
    a->label = label;
    a->bound = a->options->alpha * (1 + 1e-9); /* no q is below its p */
    double z = a->bound < 0.49 ? -fus_special_normal_quantile(a->bound) - 1e-6 : 0;
    a->least = z > 0 ? z * z / ((double)a->size * (a->size - 1)) * (1 - 1e-9) : 0;
    a->kernel = fus_kernels_pick(NULL, err);
    int code = a->kernel ? create_memory(a, err) : FUS_EUNSUPPORTED;
    if (!code)
        code = choose_rows(a, seed, err);
    if (!code)
        code = test_units(a, progress, err);
    if (!code)
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
