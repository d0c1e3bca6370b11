/* SPDX-License-Identifier: MIT */
/* Do the labels mean what they say? Of simulated responses without any difference no more than
 * alpha pass where a criterion promises that: independent units, units that share noise, skewed
 * responses, unequal numbers of pictures. A few sets with wide limits here; `make study` runs 2,000
 * and prints the figures that METHOD.md quotes. */
#include "analysis/inference.h"
#include "nn/base/rng.h"
#include "nn/base/threads.h"
#include "simulated.h"

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

/* The chance of a unit, or of any unit in a layer; for the first category, or for any. */
struct rule {
    const char *name;
    struct fus_select_options options;
    int n_categories;
    double below, promised;
    bool per_layer, any, at_most;
};

static struct fus_responses null_responses(const float *x, const int *category, int n_categories)
{
    return (struct fus_responses){.x = x,
                                  .category = category,
                                  .n_images = (size_t)(n_categories * NULL_PICTURES),
                                  .n_units = NULL_UNITS,
                                  .n_categories = n_categories,
                                  .channels = NULL_UNITS,
                                  .height = 1,
                                  .width = 1};
}

static int label(struct fus_layer_summary *out, const float *x, const int *category, const struct rule *rule)
{
    struct fus_responses r = null_responses(x, category, rule->n_categories);
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

static struct fus_select_options by_test(enum fus_test test, enum fus_correction correction)
{
    return (struct fus_select_options){
        .correction = correction, .alpha = 0.05, .test = test, .criterion = FUS_CRITERION_IUT};
}

static struct fus_select_options by_criterion(enum fus_criterion criterion)
{
    return (struct fus_select_options){
        .correction = FUS_BH, .alpha = 0.05, .test = FUS_TEST_WELCH, .criterion = criterion};
}

/* With two categories a unit's p is uniform under Student's test, so that what is promised
 * holds to the digit. */
static void test_chance(void)
{
    double harmonic = 0;
    for (int i = 1; i <= NULL_UNITS; i++)
        harmonic += 1.0 / i;
    const struct fus_select_options uncorrected = by_test(FUS_TEST_STUDENT, FUS_UNCORRECTED);
    const struct rule rules[] = {
        {"iut, student, none: a unit", uncorrected, 2, .promised = 0.05},
        {"iut, welch, none: a unit", by_test(FUS_TEST_WELCH, FUS_UNCORRECTED), 2, .promised = 0.05, .at_most = true},
        {"iut, student, none, a third category far below: a unit", uncorrected, 3, .below = 9, .promised = 0.05},
        {"iut, student, none, three alike: a unit", uncorrected, 3, .promised = 0.05, .at_most = true},
        {"iut, student, bh: any unit of a layer", by_test(FUS_TEST_STUDENT, FUS_BH), 2, .promised = 0.05,
         .per_layer = true},
        {"iut, student, by: any unit of a layer", by_test(FUS_TEST_STUDENT, FUS_BY), 2, .promised = 0.05 / harmonic,
         .per_layer = true},
        {"iut, student, bonferroni: any unit of a layer", by_test(FUS_TEST_STUDENT, FUS_BONFERRONI), 2,
         .promised = 1 - pow(1 - 0.05 / NULL_UNITS, NULL_UNITS), .per_layer = true},
        {"prince, by for every pair: any unit of a layer", by_criterion(FUS_CRITERION_PRINCE), 2,
         .promised = 0.05 / harmonic, .per_layer = true, .any = true},
        {"ranksum: a unit", by_criterion(FUS_CRITERION_RANKSUM), 2, .promised = 0.001, .at_most = true},
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
    const struct fus_select_options options = by_test(FUS_TEST_WELCH, FUS_UNCORRECTED);
    for (int s = 0; s < n_sets; s++) {
        struct fus_responses r = null_responses(x, category, 2);
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
    const struct fus_select_options options = by_test(FUS_TEST_WELCH, FUS_UNCORRECTED);
    for (int s = 0; s < n_sets; s++) {
        struct fus_responses r = null_responses(x, category, 3);
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
        const struct fus_select_options balanced = by_test(FUS_TEST_BALANCED, FUS_BH),
                                        welch = by_test(FUS_TEST_WELCH, FUS_BH);
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

int main(int argc, char **argv)
{
    begin_study(argc, argv);
    fus_base_set_threads(1);
    test_chance();
    test_permutations();
    test_conjunction();
    test_level();
    test_permutation_test();
    return test_end();
}
