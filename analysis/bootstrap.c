/* How much would the numbers move with other pictures of the same kind? Pictures, not units, are drawn: units of one network are
 * no independent samples. Each resample repeats the whole selection, so its choice of units varies as well.
 *
 * What is estimated is the expected value of a statistic over sets of as many pictures, which the run's own value estimates without bias. A
 * resample adds its noise to the pictures' own, so all of its statistics lie a little off (more units pass by chance, the passing ones
 * look stronger). That shift is no error of the estimate: the default interval takes the resamples' spread and leaves it out. */
#include <math.h>
#include <string.h>

#include "inference.h"
#include "nn/rng.h"

#define N_STATISTICS FUS_BOOTSTRAP_STATISTICS

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
    fus_base_free(b->left_out);
    memset(b, 0, sizeof *b);
}

/* Pictures in order of their subcategory: members [n_images], those of subcategory s at first[s] .. first[s+1]-1; first
 * [n_images + 1] holds 0 at the start. */
static void sort_strata(size_t *members, size_t *first, const struct fus_responses *r)
{
    const int *stratum = r->stratum ? r->stratum : r->category;
    for (size_t i = 0; i < r->n_images; i++)
        first[stratum[i] + 1]++;
    for (size_t s = 0; s < r->n_images; s++)
        first[s + 1] += first[s];
    for (size_t s = 0, at = 0; s < r->n_images; s++)
        for (size_t i = 0; i < r->n_images && at < first[s + 1]; i++)
            if ((size_t)stratum[i] == s)
                members[at++] = i;
}

/* Draw 0 is the run as it is, 1 .. n_resamples are drawn, the rest leave picture 0, 1, ... out. */
struct work {
    struct fus_bootstrap *b;
    const struct fus_responses *r;
    const struct fus_select_options *options;
    uint64_t seed;
    size_t *members, *first; /* sort_strata */
};

static size_t choose(void *context, size_t draw, size_t *order, int *category)
{
    const struct work *w = context;
    const struct fus_responses *r = w->r;
    const int *stratum = r->stratum ? r->stratum : r->category;
    size_t n_resamples = w->b->n_resamples, left_out = draw > n_resamples ? draw - n_resamples - 1 : r->n_images, n = 0;
    struct fus_rng rng;
    fus_rng_seed(&rng, w->seed + (uint64_t)draw * 0xd1342543de82ef95u);
    for (size_t i = 0; i < r->n_images; i++) {
        size_t from = w->first[stratum[i]], among = w->first[stratum[i] + 1] - from;
        if (i == left_out)
            continue;
        order[n] = draw == 0 || draw > n_resamples ? i : w->members[from + (size_t)fus_rng_below(&rng, among)];
        category[n] = r->category[order[n]];
        n++;
    }
    return n;
}

/* The statistics of a draw, into every stride-th place. */
static int measure(void *context, size_t draw, const struct fus_moments *m, struct fus_error *err)
{
    const struct work *w = context;
    const struct fus_responses *r = w->r;
    struct fus_bootstrap *b = w->b;
    struct fus_layer_summary layer;
    int code = fus_criteria_layer(&layer, m, "resample", r->channels, r->height, r->width, w->options->criterion, w->options, err);
    if (code)
        return code;
    bool drawn = draw > 0 && draw <= b->n_resamples;
    size_t stride = draw == 0 ? 1 : drawn ? b->n_resamples : b->n_images;
    double *to = draw == 0 ? b->estimate : drawn ? b->resampled + draw - 1 : b->left_out + draw - 1 - b->n_resamples;
    for (int c = 0; c < r->n_categories; c++, to += N_STATISTICS * stride) {
        to[FUS_BOOTSTRAP_PROPORTION * stride] = layer.categories[c].proportion;
        to[FUS_BOOTSTRAP_CSI * stride] = layer.categories[c].csi_mean;
        to[FUS_BOOTSTRAP_VARIATION * stride] = layer.categories[c].variation_cv;
    }
    fus_select_free(&layer);
    return FUS_OK;
}

static int check_left_out(const struct fus_responses *r, struct fus_error *err)
{
    size_t count[127] = {0};
    for (size_t i = 0; i < r->n_images; i++)
        count[r->category[i]]++;
    for (int c = 0; c < r->n_categories; c++)
        if (count[c] < 3)
            return fus_base_fail(err, FUS_EINVAL, "category %d has %zu pictures: leaving one out needs at least 3", c, count[c]);
    return FUS_OK;
}

static int create_memory(struct fus_bootstrap *b, const struct fus_responses *r, size_t n_resamples, enum fus_interval_method method,
                         struct fus_error *err)
{
    size_t columns = (size_t)r->n_categories * N_STATISTICS;
    bool jackknife = method == FUS_INTERVAL_BCA;
    memset(b, 0, sizeof *b);
    b->method = method;
    b->n_categories = r->n_categories, b->n_resamples = n_resamples, b->n_images = r->n_images;
    b->estimate = fus_base_alloc(columns, sizeof *b->estimate);
    b->resampled = fus_base_alloc(n_resamples, columns * sizeof *b->resampled);
    b->left_out = jackknife ? fus_base_alloc(r->n_images, columns * sizeof *b->left_out) : NULL;
    if (b->estimate && b->resampled && (b->left_out || !jackknife))
        return FUS_OK;
    return fus_base_fail(err, FUS_ENOMEM, "no memory for %zu resamples", n_resamples);
}

int fus_bootstrap_create(struct fus_bootstrap *b, const struct fus_responses *r, size_t n_resamples, enum fus_interval_method method, uint64_t seed,
                         const struct fus_select_options *options, const struct fus_progress *progress, struct fus_error *err)
{
    struct work w = {.b = b, .r = r, .options = options, .seed = seed};
    memset(b, 0, sizeof *b);
    int code = fus_responses_check(r, err);
    if (!code && n_resamples < 1)
        code = fus_base_fail(err, FUS_EINVAL, "0 resamples");
    if (!code && method == FUS_INTERVAL_BCA)
        code = check_left_out(r, err);
    if (!code)
        code = create_memory(b, r, n_resamples, method, err);
    if (!code && !(w.members = fus_base_alloc(2 * r->n_images + 1, sizeof *w.members)))
        code = fus_base_fail(err, FUS_ENOMEM, "no memory for %zu pictures' places", r->n_images);
    if (!code) {
        size_t n_draws = 1 + n_resamples + (b->left_out ? r->n_images : 0);
        w.first = w.members + r->n_images;
        sort_strata(w.members, w.first, r);
        code = fus_resample_run(&(struct fus_resampling){n_draws, choose, measure, &w, progress}, r, err);
    }
    fus_base_free(w.members);
    if (code)
        fus_bootstrap_destroy(b);
    return code;
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

static void set_interval(struct fus_interval *out, double estimate, const double *sorted, size_t n, double low, double high)
{
    bool defined = n > 1 && !isnan(estimate);
    out->estimate = estimate;
    out->low = defined ? fus_order_quantile(sorted, n, low) : NAN;
    out->high = defined ? fus_order_quantile(sorted, n, high) : NAN;
    out->p = NAN;
}

static double mean_of_defined(const double *values, size_t n)
{
    double sum = 0, kept = 0;
    for (size_t i = 0; i < n; i++)
        if (!isnan(values[i]))
            sum += values[i], kept++;
    return sum / kept;
}

void fus_bootstrap_centred(struct fus_interval *out, double estimate, const double *values, size_t n, double alpha, double *scratch)
{
    double shift = estimate - mean_of_defined(values, n);
    set_interval(out, estimate, scratch, sort_defined(scratch, values, n), alpha / 2, 1 - alpha / 2);
    out->low += shift;
    out->high += shift;
}

void fus_bootstrap_percentile(struct fus_interval *out, double estimate, const double *values, size_t n, double alpha, double *scratch)
{
    set_interval(out, estimate, scratch, sort_defined(scratch, values, n), alpha / 2, 1 - alpha / 2);
}

/* a = sum d^3 / (6 (sum d^2)^(3/2)), d = mean of the left-out values less each; 0 where all are equal, so that the mean's
 * rounding does not pass for skew. */
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

void fus_bootstrap_bca(struct fus_interval *out, double estimate, const double *values, size_t n, const double *left_out, size_t n_left,
                       double alpha, double *scratch)
{
    size_t kept = sort_defined(scratch, values, n);
    double below = 0;
    for (size_t i = 0; i < kept; i++)
        below += scratch[i] < estimate ? 1 : scratch[i] == estimate ? 0.5 : 0;
    double z0 = fus_special_normal_quantile(kept ? below / (double)kept : NAN), a = acceleration(left_out, n_left);
    double z = fus_special_normal_quantile(alpha / 2);
    if (!isfinite(z0)) { /* every value on one side of the estimate: nothing to correct by */
        set_interval(out, estimate, scratch, kept, alpha / 2, 1 - alpha / 2);
        return;
    }
    set_interval(out, estimate, scratch, kept, bca_share(z0, a, z), bca_share(z0, a, -z));
}

/* left_out [n_left] matters to BCa alone. */
static void interval_by(struct fus_interval *out, enum fus_interval_method method, double estimate, const double *values, size_t n,
                        const double *left_out, size_t n_left, double alpha, double *scratch)
{
    if (method == FUS_INTERVAL_BCA)
        fus_bootstrap_bca(out, estimate, values, n, left_out, n_left, alpha, scratch);
    else
        (method == FUS_INTERVAL_CENTRED ? fus_bootstrap_centred : fus_bootstrap_percentile)(out, estimate, values, n, alpha, scratch);
}

static double within(double x, double least, double most)
{
    return x < least ? least : x > most ? most : x;
}

int fus_bootstrap_fill(struct fus_layer_summary *layer, const struct fus_bootstrap *b, double alpha, struct fus_error *err)
{
    static const double least[N_STATISTICS] = {0, -INFINITY, 0}, most[N_STATISTICS] = {1, INFINITY, INFINITY};
    if (layer->n_categories != b->n_categories)
        return fus_base_fail(err, FUS_EINVAL, "bootstrap: %d categories for a layer of %d", b->n_categories, layer->n_categories);
    double *scratch = fus_base_alloc(b->n_resamples, sizeof *scratch);
    if (!scratch)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for %zu resamples", b->n_resamples);
    for (size_t column = 0; column < (size_t)b->n_categories * N_STATISTICS; column++) {
        size_t which = column % N_STATISTICS;
        struct fus_category_summary *s = &layer->categories[column / N_STATISTICS];
        double *const low[N_STATISTICS] = {&s->ci_low, &s->csi_low, &s->variation_low};
        double *const high[N_STATISTICS] = {&s->ci_high, &s->csi_high, &s->variation_high};
        struct fus_interval i;
        interval_by(&i, b->method, b->estimate[column], b->resampled + column * b->n_resamples, b->n_resamples,
                    b->left_out ? b->left_out + column * b->n_images : NULL, b->n_images, alpha, scratch);
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

/* 2 (fewer on one side of 0 + 1) / (n + 1), NaN left out, every value moved by shift. */
static double two_sided(const double *d, size_t n, double shift)
{
    double not_above = 0, not_below = 0, kept = 0;
    for (size_t i = 0; i < n; i++) {
        kept += !isnan(d[i]);
        not_above += d[i] + shift <= 0;
        not_below += d[i] + shift >= 0;
    }
    double p = 2 * ((not_above < not_below ? not_above : not_below) + 1) / (kept + 1);
    return p < 1 ? p : 1;
}

int fus_bootstrap_difference(struct fus_interval *out, const struct fus_bootstrap *a, const struct fus_bootstrap *b, double alpha,
                             struct fus_error *err)
{
    size_t n = a->n_resamples, n_left = a->left_out ? a->n_images : 0;
    if (a->n_categories != b->n_categories || n != b->n_resamples || a->n_images != b->n_images || a->method != b->method)
        return fus_base_fail(err, FUS_EINVAL, "bootstrap: the two models were not resampled alike");
    double *d = fus_base_alloc(2 * n + n_left, sizeof *d);
    if (!d)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for %zu resamples", n);
    double *left_out = d + n, *scratch = left_out + n_left;
    for (size_t column = 0; column < (size_t)a->n_categories * N_STATISTICS; column++) {
        double estimate = a->estimate[column] - b->estimate[column];
        subtract(d, a->resampled + column * n, b->resampled + column * n, n);
        if (n_left)
            subtract(left_out, a->left_out + column * n_left, b->left_out + column * n_left, n_left);
        interval_by(&out[column], a->method, estimate, d, n, left_out, n_left, alpha, scratch);
        if (!isnan(out[column].low))
            out[column].p = two_sided(d, n, a->method == FUS_INTERVAL_CENTRED ? estimate - mean_of_defined(d, n) : 0);
    }
    fus_base_free(d);
    return FUS_OK;
}
