/* SPDX-License-Identifier: MIT */
/* How much do the results depend on the number of pictures, and on alpha? More pictures make more
 * units pass, weaker ones among them, in more places: proportion rises, CSI and CV fall, in one and
 * the same network. What differs between two networks in the same way may be a gain in signal to
 * noise, no more (Button et al. 2013). The draws are those of subsample.c. */
#include <math.h>
#include <string.h>

#include "analysis/inference.h"
#include "nn/base/number.h"

static const double alphas[FUS_POWER_ALPHAS] = {0.1, 0.05, 0.01, 0.001, 0.0001};

int fus_power_parse(struct fus_power_plan *plan, const char *text, struct fus_error *err)
{
    plan->n_sizes = 0;
    for (const char *at = text; at;) {
        const char *comma = strchr(at, ',');
        size_t length = comma ? (size_t)(comma - at) : strlen(at);
        char one[24] = "";
        uint64_t n = 0, least = plan->n_sizes ? (uint64_t)plan->sizes[plan->n_sizes - 1] + 1 : 2;
        memcpy(one, at, length < sizeof one ? length : sizeof one - 1);
        if (plan->n_sizes == FUS_POWER_SIZES || !fus_number_whole(&n, one, NULL) || n < least || n > 1000000)
            return fus_base_fail(err, FUS_EINVAL,
                                 "--subsample: '%s' found, up to %d ascending numbers of pictures from 2 on expected, "
                                 "as in 8,12,16",
                                 text, FUS_POWER_SIZES);
        plan->sizes[plan->n_sizes++] = (int)n;
        at = comma ? comma + 1 : NULL;
    }
    return FUS_OK;
}

int fus_power_count(const struct fus_power_plan *plan)
{
    return plan->n_sizes + 1 + FUS_POWER_ALPHAS;
}

double fus_power_alpha(const struct fus_power_plan *plan, int point)
{
    return point > plan->n_sizes ? alphas[point - plan->n_sizes - 1] : NAN;
}

struct work {
    struct fus_power_point *out;
    const struct fus_responses *r;
    const struct fus_power_plan *plan;
    const struct fus_select_options *options;
    struct fus_subsample drawn;
    double *values; /* [n_draws, n_categories, FUS_BOOTSTRAP_STATISTICS] */
};

/* Draw 0 is the whole set; then FUS_POWER_DRAWS of each size. */
static size_t choose(void *context, size_t draw, size_t *order, int *category)
{
    const struct work *w = context;
    if (draw > 0)
        return fus_subsample_draw(order, category, &w->drawn, draw, w->plan->sizes[(draw - 1) / FUS_POWER_DRAWS]);
    for (size_t i = 0; i < w->r->n_images; i++) {
        order[i] = i;
        category[i] = w->r->category[i];
    }
    return w->r->n_images;
}

static int measure_at(double *values, const struct work *w, const struct fus_moments *m, double alpha,
                      struct fus_error *err)
{
    const struct fus_responses *r = w->r;
    struct fus_select_options options = *w->options;
    struct fus_layer_summary layer;
    options.alpha = alpha;
    int code =
        fus_criteria_layer(&layer, m, "power", r->channels, r->height, r->width, options.criterion, &options, err);
    if (code)
        return code;
    for (int c = 0; c < r->n_categories; c++, values += FUS_BOOTSTRAP_STATISTICS) {
        values[FUS_BOOTSTRAP_PROPORTION] = layer.categories[c].proportion;
        values[FUS_BOOTSTRAP_CSI] = layer.categories[c].csi_mean;
        values[FUS_BOOTSTRAP_VARIATION] = layer.categories[c].variation_cv;
        values[FUS_BOOTSTRAP_MORISITA] = layer.categories[c].morisita;
    }
    fus_select_free(&layer);
    return FUS_OK;
}

/* The whole set at other levels, where the criterion has one. */
static int measure_alphas(const struct work *w, const struct fus_moments *m, struct fus_error *err)
{
    double values[127 * FUS_BOOTSTRAP_STATISTICS];
    size_t count = (size_t)fus_power_count(w->plan), first = (size_t)w->plan->n_sizes + 1;
    int code = FUS_OK;
    for (size_t i = 0; i < FUS_POWER_ALPHAS && !code; i++) {
        bool applies = w->options->criterion <= FUS_CRITERION_PRINCE;
        code = applies ? measure_at(values, w, m, alphas[i], err) : FUS_OK;
        for (int c = 0; c < w->r->n_categories && !code; c++)
            for (int k = 0; k < FUS_BOOTSTRAP_STATISTICS; k++) {
                struct fus_power_point *p = &w->out[(size_t)c * count + first + i];
                p->mean[k] = applies ? values[c * FUS_BOOTSTRAP_STATISTICS + k] : NAN;
                p->sd[k] = NAN;
            }
    }
    return code;
}

static int measure(void *context, size_t draw, const struct fus_moments *m, struct fus_error *err)
{
    const struct work *w = context;
    size_t row = (size_t)w->r->n_categories * FUS_BOOTSTRAP_STATISTICS;
    int code = measure_at(w->values + draw * row, w, m, w->options->alpha, err);
    return code || draw ? code : measure_alphas(w, m, err);
}

/* Mean and SD of n values, stride apart, that are not NaN. */
static void summarise(double *mean, double *sd, const double *values, size_t stride, size_t n)
{
    double sum = 0, squares = 0, kept = 0;
    for (size_t i = 0; i < n; i++)
        if (!isnan(values[i * stride]))
            sum += values[i * stride], kept++;
    *mean = sum / kept;
    for (size_t i = 0; i < n; i++)
        if (!isnan(values[i * stride]))
            squares += (values[i * stride] - *mean) * (values[i * stride] - *mean);
    *sd = kept > 1 ? sqrt(squares / (kept - 1)) : NAN;
}

static void summarise_all(const struct work *w)
{
    size_t count = (size_t)fus_power_count(w->plan), row = (size_t)w->r->n_categories * FUS_BOOTSTRAP_STATISTICS;
    for (int point = 0; point <= w->plan->n_sizes; point++) {
        bool whole = point == w->plan->n_sizes;
        size_t first = whole ? 0 : 1 + (size_t)point * FUS_POWER_DRAWS;
        for (int c = 0; c < w->r->n_categories; c++)
            for (int k = 0; k < FUS_BOOTSTRAP_STATISTICS; k++) {
                struct fus_power_point *p = &w->out[(size_t)c * count + (size_t)point];
                summarise(&p->mean[k], &p->sd[k], w->values + first * row + (size_t)(c * FUS_BOOTSTRAP_STATISTICS + k),
                          row, whole ? 1 : FUS_POWER_DRAWS);
            }
    }
}

static int create_memory(struct work *w, uint64_t seed, size_t n_draws, struct fus_error *err)
{
    size_t row = (size_t)w->r->n_categories * FUS_BOOTSTRAP_STATISTICS;
    w->values = fus_base_alloc(n_draws, row * sizeof *w->values);
    return w->values ? fus_subsample_create(&w->drawn, w->r, seed, err)
                     : fus_base_fail(err, FUS_ENOMEM, "no memory for %zu draws of pictures", n_draws);
}

int fus_power_layer(struct fus_power_point *out, const struct fus_responses *r, const struct fus_power_plan *plan,
                    uint64_t seed, const struct fus_select_options *options, const struct fus_progress *progress,
                    struct fus_error *err)
{
    struct work w = {.out = out, .r = r, .plan = plan, .options = options};
    size_t n_draws = 1 + (size_t)plan->n_sizes * FUS_POWER_DRAWS;
    int code = fus_responses_check(r, err);
    for (int c = 0; c < r->n_categories && !code; c++) {
        int n = 0;
        for (size_t i = 0; i < r->n_images; i++)
            n += r->category[i] == c;
        if (plan->n_sizes && plan->sizes[plan->n_sizes - 1] > n)
            code = fus_base_fail(err, FUS_EINVAL, "--subsample: %d pictures of a category found, one has %d",
                                 plan->sizes[plan->n_sizes - 1], n);
    }
    if (!code)
        code = create_memory(&w, seed, n_draws, err);
    if (!code)
        code = fus_resample_run(
            &(struct fus_resampling){n_draws, choose, measure, &w, progress, fus_resample_needs_third(r, options)}, r,
            err);
    if (!code)
        summarise_all(&w);
    fus_subsample_destroy(&w.drawn);
    fus_base_free(w.values);
    return code;
}
