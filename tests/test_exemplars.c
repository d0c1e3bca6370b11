/* SPDX-License-Identifier: MIT */
/* What --bootstrap-over promises: sets whose subcategories are themselves drawn, each with an
 * effect of tau = .5 sd, and how often 95 % intervals cover what other subcategories would give.
 *
 * What theory promises was derived before the first run, for a mean over units (`contrast` below).
 * Of a category with S subcategories of m pictures, t = tau^2 / S is the variance of its mean that
 * comes from the subcategories, w = s^2 / (S m) that from the pictures (s^2 = 2). Resamples have
 *
 *   pictures        (1 - 1/m) w                           corrected by centred intervals to w
 *   subcategories   (1 - 1/S)(t + w)                      to t + w
 *   both            V* = (1 - 1/S)(t + w) + (1 - 1/m) w   to V*^2 / V**, V** the same of V*
 *
 * The part between subcategories has S - 1 degrees of freedom in each category, with four rivals of
 * weight 1/4 1.54 (S - 1) by Satterthwaite. Coverage is then that of t with so many degrees, at
 * 1.96 times the root of the corrected over the true variance. With two subcategories,
 * `subcategories` has resamples of three values a category: between 2/pi atan(sqrt 2) and that of t
 * with 2. Limits: 4 binomial errors, and .02 for what is approximate here. */
#include "analysis/inference.h"
#include "nn/base/rng.h"
#include "nn/base/threads.h"
#include "test.h"

enum { CATEGORIES = 5, CHANNELS = 10, PLACES = 16, UNITS = CHANNELS * PLACES, EACH = 24, FACTORS = 12 };
enum { IMAGES = CATEGORIES * EACH, COLUMNS = CATEGORIES * (FUS_BOOTSTRAP_STATISTICS + 1), KINDS = 3 };

static int n_sets = 12, n_resamples = 60;
static bool study;
static double hears[FACTORS][UNITS], gain[UNITS];

static int prefers(int unit)
{
    return unit / CHANNELS % (CATEGORIES + 3);
}

static void draw_population(void)
{
    struct fus_rng rng;
    fus_rng_seed(&rng, 5);
    for (int u = 0; u < UNITS; u++) {
        gain[u] = 0.5 + 2 * fus_rng_uniform(&rng);
        for (int f = 0; f < FACTORS; f++)
            hears[f][u] = fus_rng_normal(&rng) / sqrt(FACTORS);
    }
}

/* A subcategory and a picture each are a point among the factors; units hear both, and noise. */
static void draw_set(float *x, int *category, int *stratum, int n_strata, uint64_t seed)
{
    struct fus_rng rng;
    double exemplar[FACTORS], common[FACTORS];
    fus_rng_seed(&rng, seed);
    for (int i = 0; i < IMAGES; i++) {
        category[i] = i / EACH;
        stratum[i] = i * n_strata / EACH;
        for (int f = 0; f < FACTORS; f++) {
            exemplar[f] = i % (EACH / n_strata) == 0 ? 0.5 * fus_rng_normal(&rng) : exemplar[f];
            common[f] = fus_rng_normal(&rng);
        }
        for (int u = 0; u < UNITS; u++) {
            double y = 5 + (prefers(u) == category[i] ? gain[u] : 0) + fus_rng_normal(&rng);
            for (int f = 0; f < FACTORS; f++)
                y += (exemplar[f] + common[f]) * hears[f][u];
            x[i * UNITS + u] = (float)y;
        }
    }
}

static const struct fus_select_options options = {
    .correction = FUS_BH, .alpha = 0.05, .test = FUS_TEST_WELCH, .criterion = FUS_CRITERION_IUT};

/* For each category: the contrast, the mean over the units that prefer it of its mean response
 * minus that of all others; the proportion, CSI, variation and Morisita's index of the selected. */
static int measure(void *context, double *to, size_t stride, const struct fus_moments *m, struct fus_error *err)
{
    struct fus_layer_summary layer;
    (void)context;
    int code = fus_select_layer(&layer, m, "x", CHANNELS, 4, 4, &options, err);
    for (int c = 0; c < CATEGORIES && !code; c++) {
        double sum = 0, n = 0;
        for (int u = 0; u < UNITS; u++)
            for (int k = 0; k < CATEGORIES && prefers(u) == c; k++) {
                sum += m->mean[k * UNITS + u] * (k == c ? 1 : -1.0 / (CATEGORIES - 1));
                n += k == c;
            }
        const struct fus_category_summary *s = &layer.categories[c];
        const double values[] = {sum / n, s->proportion, s->csi_mean, s->variation_cv, s->morisita};
        for (int k = 0; k < 5; k++)
            to[(size_t)(c * 5 + k) * stride] = values[k];
    }
    fus_select_free(&layer);
    return code;
}

struct covering {
    int n_strata;
    double *estimate;              /* [n_sets, COLUMNS] */
    struct fus_interval *interval; /* [n_sets, KINDS, COLUMNS] */
    int *failed;                   /* [n_sets] */
};

static void cover_set(void *context, int set, int thread)
{
    const struct covering *c = context;
    int category[IMAGES], stratum[IMAGES];
    float *x = malloc(IMAGES * UNITS * sizeof *x);
    double *scratch = malloc((size_t)n_resamples * sizeof *scratch);
    (void)thread;
    draw_set(x, category, stratum, c->n_strata, (uint64_t)set + 1);
    for (int kind = 0; kind < KINDS; kind++) {
        struct fus_responses r = {x,    category, IMAGES,  UNITS, CATEGORIES, CHANNELS,
                                  4,    4,        stratum, NULL,  NULL,       (enum fus_redraw_over)kind,
                                  false};
        const struct fus_bootstrap_statistics statistics = {COLUMNS, measure, NULL, false};
        struct fus_bootstrap b;
        c->failed[set] |= fus_bootstrap_run(&b, &r, &statistics, (size_t)n_resamples, FUS_INTERVAL_CENTRED,
                                            (uint64_t)set + 1, NULL, NULL);
        for (size_t k = 0; k < COLUMNS && !c->failed[set]; k++) {
            struct fus_bootstrap_column column = fus_bootstrap_column(&b, k);
            c->estimate[set * COLUMNS + (int)k] = column.estimate;
            fus_bootstrap_interval(&c->interval[(set * KINDS + kind) * COLUMNS + (int)k], &column, b.method, 0.05,
                                   scratch);
        }
        fus_bootstrap_destroy(&b);
    }
    free(x);
    free(scratch);
}

/* Of all categories together; what is estimated: the mean of the sets. */
static double coverage(const struct covering *c, int kind, int statistic)
{
    double covered = 0, there = 0;
    for (int column = statistic; column < COLUMNS; column += COLUMNS / CATEGORIES) {
        double sum = 0, n = 0;
        for (int s = 0; s < n_sets; s++) {
            double e = c->estimate[s * COLUMNS + column];
            sum += isnan(e) ? 0 : e, n += !isnan(e);
        }
        for (int s = 0; s < n_sets; s++) {
            const struct fus_interval *i = &c->interval[(s * KINDS + kind) * COLUMNS + column];
            covered += i->low <= sum / n && sum / n <= i->high;
            there += !isnan(i->low);
        }
    }
    return covered / there;
}

static void test_subcategories(int n_strata, const double least[KINDS], const double most[KINDS])
{
    static const char *const names[] = {"contrast", "proportion", "CSI", "variation", "Morisita"};
    struct covering c = {n_strata, malloc((size_t)n_sets * COLUMNS * sizeof *c.estimate),
                         malloc((size_t)n_sets * KINDS * COLUMNS * sizeof *c.interval),
                         calloc((size_t)n_sets, sizeof *c.failed)};
    fus_threads_for(n_sets, cover_set, &c);
    for (int s = 0; s < n_sets; s++)
        CHECK(!c.failed[s]);
    if (study)
        printf("%d subcategories a category, tau .5 sd, %d sets: coverage of 95 %% intervals\n", n_strata, n_sets);
    for (int kind = 0; kind < KINDS; kind++) {
        double found = coverage(&c, kind, 0), by = 0.02 + 4 * sqrt(0.09 / n_sets);
        if (study)
            printf("  over %-14s promised %.3f to %.3f +- %.3f:", fus_redraw_name((enum fus_redraw_over)kind),
                   least[kind], most[kind], by);
        for (int k = 0; k < 5 && study; k++)
            printf("  %s %.3f", names[k], coverage(&c, kind, k));
        if (study)
            printf("\n");
        CHECK_MSG(found >= least[kind] - by && found <= most[kind] + by, "%d subcategories, over %s: %g", n_strata,
                  fus_redraw_name((enum fus_redraw_over)kind), found);
    }
    CHECK_MSG(coverage(&c, FUS_REDRAW_BOTH, 0) > coverage(&c, FUS_REDRAW_PICTURES, 0), "%d", n_strata);
    free(c.estimate);
    free(c.interval);
    free(c.failed);
}

int main(int argc, char **argv)
{
    study = argc > 1;
    if (study)
        n_sets = atoi(argv[1]), n_resamples = 300;
    fus_base_set_threads(0);
    draw_population();
    test_subcategories(6, (const double[]){0.890, 0.913, 0.955}, (const double[]){0.890, 0.913, 0.955});
    test_subcategories(2, (const double[]){0.785, 0.608, 0.886}, (const double[]){0.785, 0.811, 0.886});
    return test_end();
}
