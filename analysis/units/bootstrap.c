/* SPDX-License-Identifier: MIT */
/* How much would the numbers move with other pictures of the same kind? Pictures, not units, are
 * drawn: units of one network are not independent samples. Each resample repeats the whole
 * selection, so its choice of units varies as well.
 *
 * The estimand is the expected value of a statistic over sets of as many pictures, which the run's
 * value estimates without bias. Resampling adds noise to that of the pictures, so the statistics of
 * resamples are slightly biased (more units pass by chance, and those that pass have larger
 * indices). The estimate itself has no such bias: the default interval uses the spread of the
 * resamples but not their shift. Their spread also differs from that of runs. Resamples of
 * resamples estimate the ratio of the two (Beran 1987; Hall & Martin 1988). */
#include <math.h>
#include <string.h>

#include "analysis/inference.h"

#define N_STATISTICS FUS_BOOTSTRAP_STATISTICS
/* of a variance, at least 1/2: resamples from strata of two pictures have half a run's variance,
 * the smallest possible share */
#define MAX_CORRECTION 2

static const char *const method_names[] = {"centred", "percentile", "bca"};

int fus_bootstrap_parse(enum fus_interval_method *out, const char *name, struct fus_error *err)
{
    for (int i = 0; i < 3; i++)
        if (strcmp(name, method_names[i]) == 0) {
            *out = (enum fus_interval_method)i;
            return FUS_OK;
        }
    return fus_base_fail(err, FUS_EINVAL, "'%s' found; there are centred, percentile, bca", name);
}

const char *fus_bootstrap_name(enum fus_interval_method method)
{
    return method_names[method];
}

void fus_bootstrap_destroy(struct fus_bootstrap *b)
{
    fus_base_free(b->estimate);
    fus_base_free(b->resampled);
    fus_base_free(b->nested);
    fus_base_free(b->left_out);
    memset(b, 0, sizeof *b);
}

size_t fus_bootstrap_n_nested(size_t n_resamples)
{
    return 2 * ((n_resamples + 3) / 4);
}

/* Draw 0 is the original run, 1 .. n_resamples are resamples. The rest are nested resamples, two
 * from each of the first ones (centred intervals), or leave picture 0, 1, ... out (BCa). */
struct work {
    struct fus_bootstrap *b;
    const struct fus_responses *r;
    const struct fus_bootstrap_statistics *statistics;
    struct fus_redraw redraw;
    size_t *outer; /* [n_images] the resample that a nested one draws from */
};

static size_t leave_out(size_t *order, const struct work *w, size_t draw)
{
    size_t n = 0, left_out = draw == 0 ? w->r->n_images : draw - 1 - w->b->n_resamples;
    for (size_t i = 0; i < w->r->n_images; i++)
        if (i != left_out)
            order[n++] = i;
    return n;
}

static size_t choose(void *context, size_t draw, size_t *order, int *category)
{
    const struct work *w = context;
    size_t n = w->r->n_images, n_resamples = w->b->n_resamples;
    if (draw == 0 || (draw > n_resamples && !w->b->nested))
        n = leave_out(order, w, draw);
    else
        fus_redraw_places(order, &w->redraw, draw);
    if (draw > n_resamples && w->b->nested) {
        fus_redraw_places(w->outer, &w->redraw, 1 + (draw - 1 - n_resamples) / 2);
        for (size_t i = 0; i < n; i++)
            order[i] = w->outer[order[i]];
    }
    for (size_t i = 0; i < n; i++)
        category[i] = w->r->category[order[i]];
    return n;
}

/* Address of a draw's first statistic, and the stride to the next ones. */
static double *place_of(size_t *stride, const struct fus_bootstrap *b, size_t draw)
{
    *stride = draw == 0                ? 1
              : draw <= b->n_resamples ? b->n_resamples
              : b->nested              ? fus_bootstrap_n_nested(b->n_resamples)
                                       : b->n_images;
    if (draw == 0)
        return b->estimate;
    return draw <= b->n_resamples ? b->resampled + draw - 1
                                  : (b->nested ? b->nested : b->left_out) + draw - 1 - b->n_resamples;
}

static int measure(void *context, size_t draw, const struct fus_moments *m, struct fus_error *err)
{
    const struct work *w = context;
    size_t stride;
    double *to = place_of(&stride, w->b, draw);
    return w->statistics->measure(w->statistics->context, to, stride, m, err);
}

static int check_left_out(const struct fus_responses *r, struct fus_error *err)
{
    size_t count[2 * FUS_SELECT_CATEGORIES] = {0};
    for (size_t i = 0; i < r->n_images; i++)
        count[r->category[i]]++;
    for (int c = 0; c < r->n_categories; c++)
        if (count[c] < 3)
            return fus_base_fail(err, FUS_EINVAL, "category %d has %zu pictures: leaving one out needs at least 3", c,
                                 count[c]);
    return FUS_OK;
}

static int create_memory(struct fus_bootstrap *b, const struct fus_responses *r, size_t columns, size_t n_resamples,
                         enum fus_interval_method method, struct fus_error *err)
{
    bool nested = method == FUS_INTERVAL_CENTRED, jackknife = method == FUS_INTERVAL_BCA;
    memset(b, 0, sizeof *b);
    b->method = method;
    b->n_categories = r->n_categories, b->n_resamples = n_resamples, b->n_images = r->n_images;
    b->estimate = fus_base_alloc(columns, sizeof *b->estimate);
    b->resampled = fus_base_alloc(n_resamples, columns * sizeof *b->resampled);
    b->nested = nested ? fus_base_alloc(fus_bootstrap_n_nested(n_resamples), columns * sizeof *b->nested) : NULL;
    b->left_out = jackknife ? fus_base_alloc(r->n_images, columns * sizeof *b->left_out) : NULL;
    if (b->estimate && b->resampled && (b->nested || !nested) && (b->left_out || !jackknife))
        return FUS_OK;
    return fus_base_fail(err, FUS_ENOMEM, "no memory for %zu resamples", n_resamples);
}

int fus_bootstrap_run(struct fus_bootstrap *b, const struct fus_responses *r,
                      const struct fus_bootstrap_statistics *statistics, size_t n_resamples,
                      enum fus_interval_method method, uint64_t seed, const struct fus_progress *progress,
                      struct fus_error *err)
{
    struct work w = {.b = b, .r = r, .statistics = statistics};
    memset(b, 0, sizeof *b);
    int code = fus_responses_check(r, err);
    if (!code && method == FUS_INTERVAL_BCA && r->over != FUS_REDRAW_PICTURES)
        code = fus_base_fail(err, FUS_EINVAL, "bca leaves single pictures out: it needs resamples of pictures");
    if (!code && method == FUS_INTERVAL_BCA)
        code = check_left_out(r, err);
    if (!code)
        code = create_memory(b, r, statistics->n_columns, n_resamples, method, err);
    if (!code)
        code = fus_redraw_create(&w.redraw, r, seed, err);
    if (!code && !(w.outer = fus_base_alloc(r->n_images, sizeof *w.outer)))
        code = fus_base_fail(err, FUS_ENOMEM, "no memory for %zu pictures' places", r->n_images);
    if (!code) {
        size_t n_draws = 1 + n_resamples +
                         (b->nested     ? fus_bootstrap_n_nested(n_resamples)
                          : b->left_out ? r->n_images
                                        : 0);
        code = fus_resample_run(&(struct fus_resampling){n_draws, choose, measure, &w, progress, statistics->third}, r,
                                err);
    }
    fus_redraw_destroy(&w.redraw);
    fus_base_free(w.outer);
    if (code)
        fus_bootstrap_destroy(b);
    return code;
}

/* ---- the statistics of a layer ---- */

struct layer_context {
    const struct fus_responses *r;
    const struct fus_select_options *options;
};

static int measure_layer(void *context, double *to, size_t stride, const struct fus_moments *m, struct fus_error *err)
{
    const struct layer_context *l = context;
    const struct fus_responses *r = l->r;
    struct fus_layer_summary layer;
    int code = fus_criteria_layer(&layer, m, "resample", r->channels, r->height, r->width, l->options->criterion,
                                  l->options, err);
    if (code)
        return code;
    for (int c = 0; c < r->n_categories; c++, to += N_STATISTICS * stride) {
        to[FUS_BOOTSTRAP_PROPORTION * stride] = layer.categories[c].proportion;
        to[FUS_BOOTSTRAP_CSI * stride] = layer.categories[c].csi_mean;
        to[FUS_BOOTSTRAP_VARIATION * stride] = layer.categories[c].variation_cv;
        to[FUS_BOOTSTRAP_MORISITA * stride] = layer.categories[c].morisita;
    }
    fus_select_free(&layer);
    return FUS_OK;
}

int fus_bootstrap_create(struct fus_bootstrap *b, const struct fus_responses *r, size_t n_resamples,
                         enum fus_interval_method method, uint64_t seed, const struct fus_select_options *options,
                         const struct fus_progress *progress, struct fus_error *err)
{
    struct layer_context context = {r, options};
    /* without a picture, or with other subcategories, sizes differ where they were equal */
    bool changing = method == FUS_INTERVAL_BCA || r->over != FUS_REDRAW_PICTURES,
         balanced = options->test == FUS_TEST_BALANCED && options->criterion == FUS_CRITERION_IUT;
    struct fus_bootstrap_statistics statistics = {(size_t)r->n_categories * N_STATISTICS, measure_layer, &context,
                                                  balanced && (changing || fus_resample_needs_third(r, options))};
    memset(b, 0, sizeof *b);
    if (n_resamples < 1)
        return fus_base_fail(err, FUS_EINVAL, "0 resamples");
    return fus_bootstrap_run(b, r, &statistics, n_resamples, method, seed, progress, err);
}

/* ---- intervals ---- */

static size_t sort_defined(double *sorted, const double *values, size_t n)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        if (!isnan(values[i]))
            sorted[kept++] = values[i];
    fus_order_sort(sorted, kept);
    return kept;
}

static void set_interval(struct fus_interval *out, const double *sorted, size_t n, double low, double high)
{
    bool defined = n > 1 && !isnan(out->estimate);
    out->low = defined ? fus_order_quantile(sorted, n, low) : NAN;
    out->high = defined ? fus_order_quantile(sorted, n, high) : NAN;
}

static double mean_of_defined(const double *values, size_t n)
{
    double sum = 0, kept = 0;
    for (size_t i = 0; i < n; i++)
        if (!isnan(values[i]))
            sum += values[i], kept++;
    return sum / kept;
}

static double variance_of_defined(const double *values, size_t n)
{
    double mean = mean_of_defined(values, n), squares = 0, kept = 0;
    for (size_t i = 0; i < n; i++)
        if (!isnan(values[i]))
            squares += (values[i] - mean) * (values[i] - mean), kept++;
    return squares / (kept - 1);
}

/* Within pairs: half the mean square of their difference. */
static double variance_of_pairs(const double *values, size_t n)
{
    double squares = 0, kept = 0;
    for (size_t i = 0; i + 1 < n; i += 2) {
        double d = values[i] - values[i + 1];
        if (!isnan(d))
            squares += d * d, kept++;
    }
    return squares / (2 * kept);
}

static double within(double x, double least, double most)
{
    return x < least ? least : x > most ? most : x;
}

/* The ratio of a run's variance to that of its resamples, estimated by the ratio of theirs to that
 * of nested resamples. 1 if those are undefined or constant. */
static double correction(const struct fus_bootstrap_column *c)
{
    double below = c->nested ? variance_of_pairs(c->nested, c->n_nested) : 0;
    return below > 0
               ? sqrt(within(variance_of_defined(c->resampled, c->n) / below, 1.0 / MAX_CORRECTION, MAX_CORRECTION))
               : 1;
}

/* The resampled values shifted to the estimate, with corrected spread. */
struct centre_context {
    double estimate, mean, scale;
};

static struct centre_context centring_of(const struct fus_bootstrap_column *c)
{
    return (struct centre_context){c->estimate, mean_of_defined(c->resampled, c->n), correction(c)};
}

static double centred(const struct centre_context *c, double value)
{
    return c->estimate + c->scale * (value - c->mean);
}

/* The k-th of n sorted values is expected to exceed the share k / (n + 1) of all others, among
 * them the run's own error; fus_order_quantile puts it at (k - 1) / (n - 1). */
static double expected_share(double share, size_t n)
{
    return within((share * (double)(n + 1) - 1) / (double)(n - 1), 0, 1);
}

static void set_centred(struct fus_interval *out, const struct fus_bootstrap_column *c, double alpha,
                        const double *sorted, size_t n)
{
    struct centre_context centre_context = centring_of(c);
    set_interval(out, sorted, n, expected_share(alpha / 2, n), expected_share(1 - alpha / 2, n));
    out->low = centred(&centre_context, out->low);
    out->high = centred(&centre_context, out->high);
}

/* a = sum d^3 / (6 (sum d^2)^(3/2)), d = mean of the left-out values less each; 0 if all are equal,
 * so that rounding of the mean does not count as skew. */
static double acceleration(const double *left_out, size_t n)
{
    double sum = 0, squares = 0, cubes = 0, kept = 0, least = INFINITY, most = -INFINITY;
    for (size_t i = 0; i < n; i++)
        if (!isnan(left_out[i])) {
            sum += left_out[i], kept++;
            least = left_out[i] < least ? left_out[i] : least;
            most = left_out[i] > most ? left_out[i] : most;
        }
    for (size_t i = 0; i < n; i++)
        if (!isnan(left_out[i])) {
            double d = sum / kept - left_out[i];
            squares += d * d;
            cubes += d * d * d;
        }
    return most > least ? cubes / (6 * squares * sqrt(squares)) : 0;
}

/* The share Phi(z0 + (z0 + z) / (1 - a (z0 + z))). */
static double bca_share(double z0, double a, double z)
{
    double w = z0 + z;
    return fus_special_normal_sf(-(z0 + w / (1 - a * w)));
}

static void set_bca(struct fus_interval *out, const struct fus_bootstrap_column *c, double alpha, const double *sorted,
                    size_t n)
{
    double below = 0;
    for (size_t i = 0; i < n; i++)
        below += sorted[i] < c->estimate ? 1 : sorted[i] == c->estimate ? 0.5 : 0;
    double z0 = fus_special_normal_quantile(n ? below / (double)n : NAN), a = acceleration(c->left_out, c->n_left);
    double z = fus_special_normal_quantile(alpha / 2);
    if (isfinite(z0))
        set_interval(out, sorted, n, bca_share(z0, a, z), bca_share(z0, a, -z));
    else /* every value is on one side of the estimate: no correction is possible */
        set_interval(out, sorted, n, alpha / 2, 1 - alpha / 2);
}

void fus_bootstrap_interval(struct fus_interval *out, const struct fus_bootstrap_column *c,
                            enum fus_interval_method method, double alpha, double *scratch)
{
    size_t n = sort_defined(scratch, c->resampled, c->n);
    *out = (struct fus_interval){.estimate = c->estimate, .p = NAN};
    if (method == FUS_INTERVAL_CENTRED)
        set_centred(out, c, alpha, scratch, n);
    else if (method == FUS_INTERVAL_BCA)
        set_bca(out, c, alpha, scratch, n);
    else
        set_interval(out, scratch, n, alpha / 2, 1 - alpha / 2);
}

struct fus_bootstrap_column fus_bootstrap_column(const struct fus_bootstrap *b, size_t column)
{
    size_t n = b->n_resamples, n_nested = b->nested ? fus_bootstrap_n_nested(n) : 0,
           n_left = b->left_out ? b->n_images : 0;
    return (struct fus_bootstrap_column){b->estimate[column],
                                         n,
                                         n_nested,
                                         n_left,
                                         b->resampled + column * n,
                                         n_nested ? b->nested + column * n_nested : NULL,
                                         n_left ? b->left_out + column * n_left : NULL};
}

int fus_bootstrap_fill(struct fus_layer_summary *layer, const struct fus_bootstrap *b, double alpha,
                       struct fus_error *err)
{
    static const double least[N_STATISTICS] = {0, -INFINITY, 0, 0},
                        most[N_STATISTICS] = {1, INFINITY, INFINITY, INFINITY};
    if (layer->n_categories != b->n_categories)
        return fus_base_fail(err, FUS_EINVAL, "bootstrap: %d categories for a layer of %d", b->n_categories,
                             layer->n_categories);
    double *scratch = fus_base_alloc(b->n_resamples, sizeof *scratch);
    if (!scratch)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for %zu resamples", b->n_resamples);
    for (size_t column = 0; column < (size_t)b->n_categories * N_STATISTICS; column++) {
        size_t which = column % N_STATISTICS;
        struct fus_category_summary *s = &layer->categories[column / N_STATISTICS];
        double *const low[N_STATISTICS] = {&s->ci_low, &s->csi_low, &s->variation_low, &s->morisita_low};
        double *const high[N_STATISTICS] = {&s->ci_high, &s->csi_high, &s->variation_high, &s->morisita_high};
        struct fus_bootstrap_column values = fus_bootstrap_column(b, column);
        struct fus_interval i;
        fus_bootstrap_interval(&i, &values, b->method, alpha, scratch);
        *low[which] = within(i.low, least[which], most[which]);
        *high[which] = within(i.high, least[which], most[which]);
    }
    fus_base_free(scratch);
    return FUS_OK;
}

static void subtract(double *d, const double *a, const double *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        d[i] = a[i] - b[i];
}

/* 2 (number on the rarer side of 0 + 1) / (n + 1), without NaN. */
static double two_sided(const double *d, size_t n, const struct centre_context *centre_context)
{
    double not_above = 0, not_below = 0, kept = 0;
    for (size_t i = 0; i < n; i++) {
        double x = centre_context ? centred(centre_context, d[i]) : d[i];
        kept += !isnan(x);
        not_above += x <= 0;
        not_below += x >= 0;
    }
    double p = 2 * ((not_above < not_below ? not_above : not_below) + 1) / (kept + 1);
    return p < 1 ? p : 1;
}

/* a - b of one column, into d [n + n_nested + n_left]. */
static struct fus_bootstrap_column difference_of(double *d, const struct fus_bootstrap_column *a,
                                                 const struct fus_bootstrap_column *b)
{
    struct fus_bootstrap_column c = *a;
    c.estimate = a->estimate - b->estimate;
    c.resampled = d;
    c.nested = a->nested ? d + a->n : NULL;
    c.left_out = a->left_out ? d + a->n + a->n_nested : NULL;
    subtract(d, a->resampled, b->resampled, a->n);
    subtract(d + a->n, a->nested, b->nested, a->n_nested);
    subtract(d + a->n + a->n_nested, a->left_out, b->left_out, a->n_left);
    return c;
}

size_t fus_bootstrap_scratch(const struct fus_bootstrap *b)
{
    return 2 * b->n_resamples + (b->nested ? fus_bootstrap_n_nested(b->n_resamples) : 0) +
           (b->left_out ? b->n_images : 0);
}

void fus_bootstrap_subtract(struct fus_interval *out, const struct fus_bootstrap_column *a,
                            const struct fus_bootstrap_column *b, enum fus_interval_method method, double alpha,
                            double *scratch)
{
    struct fus_bootstrap_column d = difference_of(scratch + a->n, a, b);
    struct centre_context centre_context = centring_of(&d);
    fus_bootstrap_interval(out, &d, method, alpha, scratch);
    if (!isnan(out->low))
        out->p = two_sided(d.resampled, d.n, method == FUS_INTERVAL_CENTRED ? &centre_context : NULL);
}

int fus_bootstrap_difference(struct fus_interval *out, const struct fus_bootstrap *a, const struct fus_bootstrap *b,
                             double alpha, struct fus_error *err)
{
    size_t n = a->n_resamples;
    if (a->n_categories != b->n_categories || n != b->n_resamples || a->n_images != b->n_images ||
        a->method != b->method || !a->nested != !b->nested || !a->left_out != !b->left_out)
        return fus_base_fail(err, FUS_EINVAL, "bootstrap: the two models were not resampled alike");
    double *scratch = fus_base_alloc(fus_bootstrap_scratch(a), sizeof *scratch);
    if (!scratch)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for %zu resamples", n);
    for (size_t column = 0; column < (size_t)a->n_categories * N_STATISTICS; column++) {
        struct fus_bootstrap_column first = fus_bootstrap_column(a, column), second = fus_bootstrap_column(b, column);
        fus_bootstrap_subtract(&out[column], &first, &second, a->method, alpha, scratch);
    }
    fus_base_free(scratch);
    return FUS_OK;
}
