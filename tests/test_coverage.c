/* SPDX-License-Identifier: MIT */
/* Simulated layers with selective units: these are found and few others, and bootstrap intervals
 * hold the true value as often as they say. Few sets here; `make study` runs 2,000 and prints the
 * figures that METHOD.md quotes. */
#include "analysis/inference.h"
#include "nn/base/rng.h"
#include "nn/base/threads.h"
#include "simulated.h"

static int n_resamples = 60;

/* ---- sets with selective units ---- */

enum {
    CATEGORIES = 5,
    CHANNELS = 16,
    SIDE = 4,
    UNITS = CHANNELS * SIDE * SIDE,
    PICTURES = 24,
    FACTORS = 12,
    IMAGES = CATEGORIES * PICTURES,
    STATISTICS = CATEGORIES * FUS_BOOTSTRAP_STATISTICS
};

static const struct fus_select_options bh = {
    .correction = FUS_BH, .alpha = 0.05, .test = FUS_TEST_WELCH, .criterion = FUS_CRITERION_IUT};

/* A population: what each of two models' units prefers, and how they hear what
 * pictures have in common. */
struct population {
    double gain[2][CATEGORIES][UNITS], hears[2][FACTORS][UNITS];
    int prefers[UNITS]; /* a category, or CATEGORIES and above: none */
};

/* Responses to the preferred category lie least .. least + span times the noise's sd
 * above the others'. */
static void draw_population(struct population *p, double least, double span, uint64_t seed)
{
    struct fus_rng rng;
    memset(p, 0, sizeof *p);
    fus_rng_seed(&rng, seed);
    for (int u = 0; u < UNITS; u++) {
        double strength = least + span * fus_rng_uniform(&rng);
        p->prefers[u] = (int)fus_rng_below(&rng, CATEGORIES + 3);
        for (int model = 0; model < 2; model++) {
            if (p->prefers[u] < CATEGORIES)
                p->gain[model][p->prefers[u]][u] = strength * (model ? 0.8 : 1);
            for (int f = 0; f < FACTORS; f++)
                p->hears[model][f][u] = fus_rng_normal(&rng) / sqrt(FACTORS);
        }
    }
}

/* Pictures of one set through both models: x [2, IMAGES, UNITS], rectified; two subcategories alike
 * in each category. */
static void draw_set(float *x, int *category, int *stratum, const struct population *p, uint64_t seed)
{
    struct fus_rng rng;
    fus_rng_seed(&rng, seed);
    for (int i = 0; i < IMAGES; i++) {
        double common[FACTORS];
        category[i] = i / PICTURES;
        stratum[i] = 2 * i / PICTURES;
        for (int f = 0; f < FACTORS; f++)
            common[f] = fus_rng_normal(&rng);
        for (int model = 0; model < 2; model++)
            for (int u = 0; u < UNITS; u++) {
                double y = 1 + p->gain[model][category[i]][u] + fus_rng_normal(&rng);
                for (int f = 0; f < FACTORS; f++)
                    y += common[f] * p->hears[model][f][u];
                x[(model * IMAGES + i) * UNITS + u] = y > 0 ? (float)y : 0;
            }
    }
}

static struct fus_responses set_responses(const float *x, const int *category, const int *stratum)
{
    return (struct fus_responses){.x = x,
                                  .category = category,
                                  .n_images = IMAGES,
                                  .n_units = UNITS,
                                  .n_categories = CATEGORIES,
                                  .channels = CHANNELS,
                                  .height = SIDE,
                                  .width = SIDE,
                                  .stratum = stratum};
}

/* Of the units that prefer nothing, or another category, at most alpha of the chosen; of the
 * preferring ones many. */
static void test_planted(const struct population *p)
{
    static float x[2 * IMAGES * UNITS];
    static int category[IMAGES], stratum[IMAGES];
    double false_share = 0, found = 0, strong = 0;
    for (int s = 0; s < n_sets; s++) {
        struct fus_layer_summary layer;
        struct fus_moments m;
        size_t chosen = 0, wrong = 0;
        draw_set(x, category, stratum, p, (uint64_t)s + 1);
        struct fus_responses r = set_responses(x, category, NULL);
        CHECK(fus_moments_create(&m, CATEGORIES, UNITS, NULL) == 0);
        fus_responses_moments(&m, &r, NULL, IMAGES, NULL);
        CHECK(fus_select_label(&layer, &m, "planted", CHANNELS, SIDE, SIDE, &bh, NULL) == 0);
        for (int u = 0; u < UNITS; u++) {
            chosen += layer.label[u] >= 0;
            wrong += layer.label[u] >= 0 && layer.label[u] != p->prefers[u];
            if (p->prefers[u] < CATEGORIES && p->gain[0][p->prefers[u]][u] > 2) {
                strong++;
                found += layer.label[u] == p->prefers[u];
            }
        }
        false_share += chosen ? (double)wrong / (double)chosen : 0;
        fus_select_free(&layer);
        fus_moments_destroy(&m);
    }
    report("planted units, bh: share of false ones among the chosen", false_share / n_sets, 0.05, n_sets, true);
    if (study)
        printf("%-64s %8.5f\n", "planted units of strength above 2: share found", found / strong);
    CHECK_MSG(found / strong > 0.95, "%g", found / strong);
}

/* ---- coverage ---- */

/* columns: the first model's statistics, then the models' differences */
enum {
    RESAMPLES = 300 /* at most */,
    JACKKNIFED = 400 /* sets: BCa costs a jackknife */,
    METHODS = 3,
    COLUMNS = 2 * STATISTICS
};

struct covering {
    const struct population *p;
    double *estimate;              /* [n_sets, COLUMNS] */
    struct fus_interval *interval; /* [n_sets, COLUMNS, METHODS] */
    int *failed;                   /* [n_sets] */
};

static void intervals_of(struct fus_interval *out, double *estimate, const struct fus_bootstrap *a,
                         const struct fus_bootstrap *b)
{
    double scratch[RESAMPLES];
    for (size_t k = 0; k < STATISTICS; k++, out += METHODS) {
        struct fus_bootstrap_column column = fus_bootstrap_column(a, k);
        estimate[k] = column.estimate;
        for (int method = 0; method < METHODS; method++)
            fus_bootstrap_interval(&out[method], &column, (enum fus_interval_method)method, 0.05, scratch);
        if (!a->left_out)
            out[FUS_INTERVAL_BCA].low = NAN;
    }
    for (int method = 0; method < METHODS; method++) {
        struct fus_interval difference[STATISTICS];
        struct fus_bootstrap first = *a, second = *b;
        first.method = second.method = (enum fus_interval_method)method;
        fus_bootstrap_difference(difference, &first, &second, 0.05, NULL);
        for (int k = 0; k < STATISTICS; k++) {
            estimate[STATISTICS + k] = difference[k].estimate;
            out[k * METHODS + method] = difference[k];
            if (method == FUS_INTERVAL_BCA && !a->left_out)
                out[k * METHODS + method].low = NAN;
        }
    }
}

/* All that any method needs. */
static int bootstrap_of(struct fus_bootstrap *b, const struct fus_responses *r, int set)
{
    struct fus_bootstrap jackknifed;
    int code = fus_bootstrap_create(b, r, (size_t)n_resamples, FUS_INTERVAL_CENTRED, (uint64_t)set, &bh, NULL, NULL);
    if (code || set >= JACKKNIFED)
        return code;
    code = fus_bootstrap_create(&jackknifed, r, 1, FUS_INTERVAL_BCA, (uint64_t)set, &bh, NULL, NULL);
    b->left_out = jackknifed.left_out, jackknifed.left_out = NULL;
    fus_bootstrap_destroy(&jackknifed);
    return code;
}

static void cover_set(void *context, int set, int thread)
{
    const struct covering *c = context;
    int category[IMAGES], stratum[IMAGES];
    struct fus_bootstrap b[2];
    float *x = malloc(2 * IMAGES * UNITS * sizeof *x);
    (void)thread;
    memset(b, 0, sizeof b);
    draw_set(x, category, stratum, c->p, (uint64_t)set + 1);
    for (int model = 0; model < 2; model++) {
        struct fus_responses r = set_responses(x + model * IMAGES * UNITS, category, stratum);
        c->failed[set] |= bootstrap_of(&b[model], &r, set);
    }
    if (!c->failed[set])
        intervals_of(c->interval + (size_t)set * COLUMNS * METHODS, c->estimate + (size_t)set * COLUMNS, &b[0], &b[1]);
    fus_bootstrap_destroy(&b[0]);
    fus_bootstrap_destroy(&b[1]);
    free(x);
}

/* How many of one column's intervals, of those there are, hold the mean of its estimates: what is
 * estimated, but for 1/sqrt(n_sets) of its sd. */
static void count_covered(double covered[METHODS], double there[METHODS], const struct covering *c, int column)
{
    double sum = 0, n = 0;
    for (int s = 0; s < n_sets; s++) {
        double e = c->estimate[s * COLUMNS + column];
        if (!isnan(e))
            sum += e, n++;
    }
    for (int s = 0; s < n_sets; s++)
        for (int m = 0; m < METHODS; m++) {
            const struct fus_interval *i = &c->interval[(s * COLUMNS + column) * METHODS + m];
            covered[m] += i->low <= sum / n && sum / n <= i->high;
            there[m] += !isnan(i->low);
        }
}

/* The few sets of the quick version say little more than that it is not far off. */
static void test_coverage(const struct population *p, const char *which_units, bool promised)
{
    double all = 0, total = 0;
    static const char *const names[6] = {
        "proportion", "CSI", "variation", "difference of proportions", "difference of CSI", "difference of variations"};
    struct covering c = {p, malloc((size_t)n_sets * COLUMNS * sizeof *c.estimate),
                         malloc((size_t)n_sets * COLUMNS * METHODS * sizeof *c.interval),
                         calloc((size_t)n_sets, sizeof *c.failed)};
    fus_base_set_threads(0);
    fus_threads_for(n_sets, cover_set, &c);
    if (study)
        printf("coverage in %d sets, %s units:\n", n_sets, which_units);
    for (int s = 0; s < n_sets; s++)
        CHECK(!c.failed[s]);
    for (int which = 0; which < 6; which++) {
        double covered[METHODS] = {0}, there[METHODS] = {0};
        for (int k = 0; k < CATEGORIES; k++)
            count_covered(covered, there, &c, which / 3 * STATISTICS + k * FUS_BOOTSTRAP_STATISTICS + which % 3);
        if (study)
            printf("95 %% intervals of %-26s  centred %.2f %%  percentile %.2f %%  bca %.2f %%\n", names[which],
                   100 * covered[0] / there[0], 100 * covered[1] / there[1], 100 * covered[2] / there[2]);
        double coverage = covered[FUS_INTERVAL_CENTRED] / there[FUS_INTERVAL_CENTRED];
        CHECK_MSG(!study || !promised || fabs(coverage - 0.95) <= 0.015, "%s: %g", names[which], coverage);
        all += covered[FUS_INTERVAL_CENTRED];
        total += there[FUS_INTERVAL_CENTRED];
    }
    CHECK_MSG(all / total > 0.9, "%g", all / total);
    free(c.estimate);
    free(c.interval);
    free(c.failed);
}

int main(int argc, char **argv)
{
    static struct population p;
    begin_study(argc, argv);
    fus_base_set_threads(1);
    draw_population(&p, 0.5, 2, 5);
    test_planted(&p);
    n_resamples = study ? RESAMPLES : n_resamples;
    n_sets = study ? n_sets : 10;
    test_coverage(&p, "planted", true);
    if (study) {
        n_sets /= 5;
        draw_population(&p, 0.2, 1, 11);
        test_coverage(&p, "weak", false);
        draw_population(&p, 1.5, 2, 12);
        test_coverage(&p, "strong", false);
    }
    return test_end();
}
