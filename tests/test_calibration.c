/* SPDX-License-Identifier: MIT */
/* Do the numbers mean what they say? Simulated sets of responses whose truth is known: planted
 * units are found, no more than alpha of chance passes where a criterion promises that, bootstrap
 * intervals cover what they should. A few sets with wide limits here; `make study` runs 2,000 and
 * prints the figures that METHOD.md quotes. */
#include "analysis/inference.h"
#include "nn/base/rng.h"
#include "nn/base/threads.h"
#include "test.h"

static int n_sets = 40, n_resamples = 60;
static bool study;

/* One line of the study; a rate is off where it is `by` standard errors from what is promised. */
static void report(const char *what, double rate, double promised, double n, bool at_most)
{
    double error = sqrt(promised * (1 - promised) / n), by = (rate - promised) / error;
    if (study)
        printf("%-64s %8.5f  promised %s%.5f  standard error %.5f\n", what, rate, at_most ? "<= " : "", promised,
               error);
    CHECK_MSG(at_most ? by < 4 : fabs(by) < 4, "%s: %g, promised %g, standard error %g", what, rate, promised, error);
}

/* ---- chance: all pictures alike ---- */

enum { NULL_CATEGORIES = 3, NULL_PICTURES = 12, NULL_UNITS = 200 };

/* Independent normal units; the last category lies `below` the others, so that it is no rival. */
static void draw_null(float *x, int *category, int n_categories, double below, uint64_t seed)
{
    struct fus_rng rng;
    fus_rng_seed(&rng, seed);
    for (int i = 0; i < n_categories * NULL_PICTURES; i++) {
        category[i] = i / NULL_PICTURES;
        for (int u = 0; u < NULL_UNITS; u++)
            x[i * NULL_UNITS + u] = (float)(20 + fus_rng_normal(&rng) - (category[i] == n_categories - 1 ? below : 0));
    }
}

struct rule {
    const char *name;
    struct fus_select_options options;
    int n_categories;
    double below;
    /* the chance of any unit in a layer, else of a unit; both for the first category, or
     * for any where `any` */
    bool per_layer;
    bool any;
    double promised;
    bool at_most;
};

static int label(struct fus_layer_summary *out, const float *x, const int *category, const struct rule *rule)
{
    struct fus_responses r = {x,
                              category,
                              (size_t)(rule->n_categories * NULL_PICTURES),
                              NULL_UNITS,
                              rule->n_categories,
                              NULL_UNITS,
                              1,
                              1,
                              NULL,
                              NULL,
                              NULL,
                              FUS_REDRAW_PICTURES,
                              false};
    struct fus_moments m;
    if (rule->options.criterion == FUS_CRITERION_RANKSUM)
        return fus_criteria_ranksum(out, &r, "null", NULL);
    int code = fus_moments_create(&m, r.n_categories, r.n_units, NULL);
    if (code)
        return code;
    fus_responses_moments(&m, &r, NULL, r.n_images, NULL);
    code = fus_criteria_label(out, &m, "null", NULL_UNITS, 1, 1, rule->options.criterion, &rule->options, NULL);
    fus_moments_destroy(&m);
    return code;
}

static void test_rule(const struct rule *rule)
{
    static float x[NULL_CATEGORIES * NULL_PICTURES * NULL_UNITS];
    int category[NULL_CATEGORIES * NULL_PICTURES];
    double chosen = 0, layers = 0;
    for (int s = 0; s < n_sets; s++) {
        struct fus_layer_summary layer;
        size_t n = 0;
        draw_null(x, category, rule->n_categories, rule->below, (uint64_t)s + 1);
        CHECK(label(&layer, x, category, rule) == 0);
        for (int u = 0; u < NULL_UNITS; u++)
            n += rule->any ? layer.label[u] >= 0 : layer.label[u] == 0;
        chosen += (double)n;
        layers += n > 0;
        fus_select_free(&layer);
    }
    report(rule->name, rule->per_layer ? layers / n_sets : chosen / n_sets / NULL_UNITS, rule->promised,
           rule->per_layer ? n_sets : (double)n_sets * NULL_UNITS, rule->at_most);
}

/* With two categories a unit's p is uniform under Student's test, so that what is promised
 * holds to the digit. */
static void test_chance(void)
{
    double harmonic = 0;
    for (int i = 1; i <= NULL_UNITS; i++)
        harmonic += 1.0 / i;
    const struct rule rules[] = {
        {"iut, student, none: a unit",
         {.correction = FUS_UNCORRECTED, .alpha = 0.05, .test = FUS_TEST_STUDENT, .criterion = FUS_CRITERION_IUT},
         2,
         0,
         false,
         false,
         0.05,
         false},
        {"iut, welch, none: a unit",
         {.correction = FUS_UNCORRECTED, .alpha = 0.05, .test = FUS_TEST_WELCH, .criterion = FUS_CRITERION_IUT},
         2,
         0,
         false,
         false,
         0.05,
         true},
        {"iut, student, none, a third category far below: a unit",
         {.correction = FUS_UNCORRECTED, .alpha = 0.05, .test = FUS_TEST_STUDENT, .criterion = FUS_CRITERION_IUT},
         3,
         9,
         false,
         false,
         0.05,
         false},
        {"iut, student, none, three alike: a unit",
         {.correction = FUS_UNCORRECTED, .alpha = 0.05, .test = FUS_TEST_STUDENT, .criterion = FUS_CRITERION_IUT},
         3,
         0,
         false,
         false,
         0.05,
         true},
        {"iut, student, bh: any unit of a layer",
         {.correction = FUS_BH, .alpha = 0.05, .test = FUS_TEST_STUDENT, .criterion = FUS_CRITERION_IUT},
         2,
         0,
         true,
         false,
         0.05,
         false},
        {"iut, student, by: any unit of a layer",
         {.correction = FUS_BY, .alpha = 0.05, .test = FUS_TEST_STUDENT, .criterion = FUS_CRITERION_IUT},
         2,
         0,
         true,
         false,
         0.05 / harmonic,
         false},
        {"iut, student, bonferroni: any unit of a layer",
         {.correction = FUS_BONFERRONI, .alpha = 0.05, .test = FUS_TEST_STUDENT, .criterion = FUS_CRITERION_IUT},
         2,
         0,
         true,
         false,
         1 - pow(1 - 0.05 / NULL_UNITS, NULL_UNITS),
         false},
        {"prince, by for every pair: any unit of a layer",
         {.correction = FUS_BH, .alpha = 0.05, .test = FUS_TEST_WELCH, .criterion = FUS_CRITERION_PRINCE},
         2,
         0,
         true,
         true,
         0.05 / harmonic,
         false},
        {"ranksum: a unit",
         {.correction = FUS_BH, .alpha = 0.05, .test = FUS_TEST_WELCH, .criterion = FUS_CRITERION_RANKSUM},
         2,
         0,
         false,
         false,
         0.001,
         true},
    };
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        test_rule(&rules[i]);
}

/* Permutations promise for units that share noise too: every picture moves all units alike. */
static void test_permutations(void)
{
    enum { M = 99 };
    static float x[2 * NULL_PICTURES * NULL_UNITS];
    int category[2 * NULL_PICTURES];
    double layers = 0, proportions = 0;
    const struct fus_select_options options = {
        .correction = FUS_UNCORRECTED, .alpha = 0.05, .test = FUS_TEST_WELCH, .criterion = FUS_CRITERION_IUT};
    for (int s = 0; s < n_sets; s++) {
        struct fus_responses r = {x,    category, 2 * NULL_PICTURES,   NULL_UNITS, 2, NULL_UNITS, 1, 1, NULL,
                                  NULL, NULL,     FUS_REDRAW_PICTURES, false};
        struct fus_permute_category out[2];
        struct fus_rng rng;
        draw_null(x, category, 2, 0, (uint64_t)s + 1);
        fus_rng_seed(&rng, (uint64_t)s + 1000000);
        for (int i = 0; i < 2 * NULL_PICTURES; i++) {
            float shared = (float)fus_rng_normal(&rng);
            for (int u = 0; u < NULL_UNITS; u++)
                x[i * NULL_UNITS + u] += shared;
        }
        CHECK(fus_permute_layer(out, &r, M, (uint64_t)s, &options, NULL, NULL) == 0);
        layers += out[0].n_familywise > 0;
        proportions += out[0].p_proportion <= 0.05;
    }
    report("permutations, family-wise: any unit of a layer", layers / n_sets, 0.05, n_sets, false);
    report("permutations, p of the proportion <= 0.05", proportions / n_sets, 0.05, n_sets, true);
}

/* Two categories alike, a third 3 sd lower: the null of "greater than every other one" that
 * relabelling all categories together cannot show. Units share noise. */
static void test_conjunction(void)
{
    enum { M = 119 };
    static float x[3 * NULL_PICTURES * NULL_UNITS];
    int category[3 * NULL_PICTURES];
    double layers = 0;
    const struct fus_select_options options = {
        .correction = FUS_UNCORRECTED, .alpha = 0.05, .test = FUS_TEST_WELCH, .criterion = FUS_CRITERION_IUT};
    for (int s = 0; s < n_sets; s++) {
        struct fus_responses r = {x, category, 3 * NULL_PICTURES, NULL_UNITS, 3, NULL_UNITS, 1, 1, NULL, NULL, NULL};
        struct fus_permute_category out[3];
        struct fus_rng rng;
        draw_null(x, category, 3, 3, (uint64_t)s + 1);
        fus_rng_seed(&rng, (uint64_t)s + 3000000);
        for (int i = 0; i < 3 * NULL_PICTURES; i++) {
            float shared = (float)fus_rng_normal(&rng);
            for (int u = 0; u < NULL_UNITS; u++)
                x[i * NULL_UNITS + u] += 0.5f * shared;
        }
        CHECK(fus_permute_layer(out, &r, M, (uint64_t)s, &options, NULL, NULL) == 0);
        layers += out[0].n_familywise + out[1].n_familywise + out[2].n_familywise > 0;
    }
    report("permutations, family-wise, two of three alike: any unit", layers / n_sets, 0.05, n_sets, true);
}

/* ---- skewed responses, unequal numbers of pictures ---- */

enum { SKEWED_UNITS = 200 };

enum shape { RELU_70, RELU_90, LOGNORMAL, MIRRORED, NORMAL };

static double respond(struct fus_rng *rng, enum shape shape)
{
    double z = fus_rng_normal(rng);
    switch (shape) {
    case RELU_70:
        return fmax(0, z - 0.524);
    case RELU_90:
        return fmax(0, z - 1.2816);
    case NORMAL:
        return z;
    case MIRRORED:
        return -fmax(0, z - 0.524);
    default:
        return exp(z);
    }
}

/* The shares of units with p <= 0.05 and <= 0.001 for category 0 of two alike, and of layers with
 * any unit by Benjamini-Hochberg. */
static void measure_level(double rates[3], const struct fus_select_options *options, enum shape shape, int n_a, int n_b)
{
    const double level[2] = {0.05, 0.001};
    rates[0] = rates[1] = rates[2] = 0;
    for (int s = 0; s < n_sets; s++) {
        struct fus_moments m;
        struct fus_layer_summary layer;
        struct fus_rng rng;
        size_t any = 0;
        float x[SKEWED_UNITS];
        CHECK(fus_moments_create(&m, 2, SKEWED_UNITS, NULL) == 0 && fus_moments_keep_third(&m, NULL) == 0);
        fus_rng_seed(&rng, (uint64_t)s * 4 + (uint64_t)shape);
        for (int i = 0; i < n_a + n_b; i++) {
            for (int u = 0; u < SKEWED_UNITS; u++)
                x[u] = (float)respond(&rng, shape);
            fus_moments_add(&m, i >= n_a, x);
        }
        for (size_t u = 0; u < SKEWED_UNITS; u++)
            for (int k = 0; k < 2; k++)
                rates[k] += fus_select_pair_p(&m, u, 0, 1, options->test) <= level[k];
        CHECK(fus_select_label(&layer, &m, "null", SKEWED_UNITS, 1, 1, options, NULL) == 0);
        for (int u = 0; u < SKEWED_UNITS; u++)
            any += layer.label[u] == 0;
        rates[2] += any > 0;
        fus_select_free(&layer);
        fus_moments_destroy(&m);
    }
    rates[0] /= (double)n_sets * SKEWED_UNITS, rates[1] /= (double)n_sets * SKEWED_UNITS, rates[2] /= n_sets;
}

/* The cells where Welch's test is worst, and those where the balanced one comes closest to its
 * level. */
static void test_level(void)
{
    static const struct {
        const char *name;
        enum shape shape;
        int n_a, n_b;
    } cells[] = {{"70 % zeros, 48/24", RELU_70, 48, 24},     {"70 % zeros, 288/24", RELU_70, 288, 24},
                 {"70 % zeros, 288/144", RELU_70, 288, 144}, {"90 % zeros, 24/48", RELU_90, 24, 48},
                 {"90 % zeros, 288/24", RELU_90, 288, 24},   {"lognormal, 48/24", LOGNORMAL, 48, 24},
                 {"mirrored 70 %, 24/48", MIRRORED, 24, 48}};
    static const char *const what[] = {"p <= .05", "p <= .001", "any unit by bh"};
    const double promised[] = {0.05, 0.001, 0.05};
    for (size_t i = 0; i < sizeof cells / sizeof *cells; i++) {
        const struct fus_select_options
            balanced = {.correction = FUS_BH, .alpha = 0.05, .test = FUS_TEST_BALANCED, .criterion = FUS_CRITERION_IUT},
            welch = {.correction = FUS_BH, .alpha = 0.05, .test = FUS_TEST_WELCH, .criterion = FUS_CRITERION_IUT};
        double rates[3], of_welch[3];
        if (!study && cells[i].n_a + cells[i].n_b > 100)
            continue;
        measure_level(rates, &balanced, cells[i].shape, cells[i].n_a, cells[i].n_b);
        for (int k = 0; k < 3; k++) {
            char name[80];
            snprintf(name, sizeof name, "balanced, %s: %s", cells[i].name, what[k]);
            report(name, rates[k], promised[k], k < 2 ? (double)n_sets * SKEWED_UNITS : n_sets, true);
        }
        if (study)
            measure_level(of_welch, &welch, cells[i].shape, cells[i].n_a, cells[i].n_b);
        if (study)
            printf("  (welch: %.5f, %.5f, %.3f)\n", of_welch[0], of_welch[1], of_welch[2]);
    }
}

/* ---- the permutation test ---- */

/* The share of units with p <= alpha for category 0 of two with equal means; the second one's
 * deviations are `wider` times as large. */
static double relabelled_rate(enum shape shape, double wider, const int n[2], double alpha, long relabellings)
{
    size_t images = (size_t)(n[0] + n[1]);
    float *x = malloc(images * SKEWED_UNITS * sizeof *x);
    int *category = malloc(images * sizeof *category);
    double passed = 0;
    for (int s = 0; s < n_sets; s++) {
        struct fus_responses r = {.x = x,
                                  .category = category,
                                  .n_images = images,
                                  .n_units = SKEWED_UNITS,
                                  .n_categories = 2,
                                  .channels = SKEWED_UNITS,
                                  .height = 1,
                                  .width = 1};
        const struct fus_select_options options = {.correction = FUS_UNCORRECTED,
                                                   .alpha = alpha,
                                                   .test = FUS_TEST_PERMUTATION,
                                                   .relabellings = relabellings,
                                                   .seed = (uint64_t)s};
        struct fus_moments m;
        struct fus_layer_summary layer;
        struct fus_rng rng;
        fus_rng_seed(&rng, (uint64_t)s * 8 + (uint64_t)shape + 5000000);
        for (size_t i = 0; i < images; i++) {
            category[i] = i >= (size_t)n[0];
            for (int u = 0; u < SKEWED_UNITS; u++)
                x[i * SKEWED_UNITS + (size_t)u] = (float)(respond(&rng, shape) * (category[i] ? wider : 1));
        }
        CHECK(fus_moments_create(&m, 2, SKEWED_UNITS, NULL) == 0);
        fus_responses_moments(&m, &r, NULL, images, NULL);
        CHECK(fus_relabel_label(&layer, &m, &r, "null", &options, NULL, NULL) == 0);
        for (int u = 0; u < SKEWED_UNITS; u++)
            passed += layer.label[u] == 0;
        fus_select_free(&layer);
        fus_moments_destroy(&m);
    }
    free(x);
    free(category);
    return passed / n_sets / SKEWED_UNITS;
}

/* Exact where both categories have one distribution, however skewed. For equal means and unequal
 * variances the level is kept in the limit alone: with 24 pictures of the wider category up to 1.3
 * times as many units, and 5 times at .001. */
static void test_permutation_test(void)
{
    static const struct {
        const char *name;
        enum shape shape;
        double wider;
        int n[2];
    } cells[] = {{"70 % zeros, 48/24", RELU_70, 1, {48, 24}},    {"70 % zeros, 288/24", RELU_70, 1, {288, 24}},
                 {"lognormal, 48/24", LOGNORMAL, 1, {48, 24}},   {"normal, SD 1:3, 48/24", NORMAL, 3, {48, 24}},
                 {"normal, SD 1:3, 24/48", NORMAL, 3, {24, 48}}, {"normal, SD 1:3, 288/24", NORMAL, 3, {288, 24}}};
    for (size_t i = 0; i < sizeof cells / sizeof *cells; i++) {
        char name[80];
        if (!study && i != 0 && i != 3)
            continue;
        bool alike = cells[i].wider == 1;
        snprintf(name, sizeof name, "permutation test, %s: p <= .05", cells[i].name);
        report(name, relabelled_rate(cells[i].shape, cells[i].wider, cells[i].n, 0.05, study ? 1999 : 199),
               alike ? 0.05 : 0.065, (double)n_sets * SKEWED_UNITS, true);
        snprintf(name, sizeof name, "permutation test, %s: p <= .001", cells[i].name);
        if (study)
            report(name, relabelled_rate(cells[i].shape, cells[i].wider, cells[i].n, 0.001, 1999),
                   alike ? 0.001 : 0.005, (double)n_sets * SKEWED_UNITS, true);
    }
}

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

/* Of the units that prefer nothing, or another category, at most alpha of the chosen; of the
 * preferring ones many. */
static void test_planted(const struct population *p)
{
    static float x[2 * IMAGES * UNITS];
    static int category[IMAGES], stratum[IMAGES];
    const struct fus_select_options options = {
        .correction = FUS_BH, .alpha = 0.05, .test = FUS_TEST_WELCH, .criterion = FUS_CRITERION_IUT};
    double false_share = 0, found = 0, strong = 0;
    for (int s = 0; s < n_sets; s++) {
        struct fus_layer_summary layer;
        struct fus_moments m;
        size_t chosen = 0, wrong = 0;
        draw_set(x, category, stratum, p, (uint64_t)s + 1);
        struct fus_responses r = {x,    category, IMAGES, UNITS, CATEGORIES,          CHANNELS, SIDE,
                                  SIDE, NULL,     NULL,   NULL,  FUS_REDRAW_PICTURES, false};
        CHECK(fus_moments_create(&m, CATEGORIES, UNITS, NULL) == 0);
        fus_responses_moments(&m, &r, NULL, IMAGES, NULL);
        CHECK(fus_select_label(&layer, &m, "planted", CHANNELS, SIDE, SIDE, &options, NULL) == 0);
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
    const struct fus_select_options options = {
        .correction = FUS_BH, .alpha = 0.05, .test = FUS_TEST_WELCH, .criterion = FUS_CRITERION_IUT};
    struct fus_bootstrap jackknifed;
    int code =
        fus_bootstrap_create(b, r, (size_t)n_resamples, FUS_INTERVAL_CENTRED, (uint64_t)set, &options, NULL, NULL);
    if (code || set >= JACKKNIFED)
        return code;
    code = fus_bootstrap_create(&jackknifed, r, 1, FUS_INTERVAL_BCA, (uint64_t)set, &options, NULL, NULL);
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
        struct fus_responses r = {
            x + model * IMAGES * UNITS, category, IMAGES, UNITS, CATEGORIES, CHANNELS, SIDE, SIDE, stratum, NULL, NULL};
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
    study = argc > 1;
    n_sets = study ? atoi(argv[1]) : n_sets;
    fus_base_set_threads(1);
    draw_population(&p, 0.5, 2, 5);
    test_chance();
    test_permutations();
    test_conjunction();
    test_level();
    test_permutation_test();
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
