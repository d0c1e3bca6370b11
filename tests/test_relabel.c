/* SPDX-License-Identifier: MIT */
/* analysis/units/relabel.c: the permutation test against NumPy with the same relabellings, its
 * labels against its tables, responses that are read, bad input. */
#include "golden_layer.h"
#include "nn/base/rng.h"
#include "test.h"

enum { RELABELLINGS = 199 };
static const int expected[UNITS][CATEGORIES] = {
#include "golden/stat_relabel.inc"
};

static void take_moments(struct fus_moments *m, const struct fus_responses *r)
{
    CHECK(fus_moments_create(m, r->n_categories, r->n_units, NULL) == FUS_OK);
    fus_responses_moments(m, r, NULL, r->n_images, NULL);
}

static struct fus_select_options with(enum fus_correction correction, double alpha, long relabellings)
{
    return (struct fus_select_options){.correction = correction,
                                       .alpha = alpha,
                                       .test = FUS_TEST_PERMUTATION,
                                       .relabellings = relabellings,
                                       .seed = 7};
}

static void test_golden(void)
{
    static float p[CATEGORIES * UNITS], q[CATEGORIES * UNITS];
    int category[PICTURES], wrong = 0;
    struct fus_responses r = golden_layer(category);
    struct fus_moments m;
    const struct fus_select_options options = with(FUS_UNCORRECTED, 0.05, RELABELLINGS);
    struct fus_unit_tables out = {.p = p, .q = q};
    take_moments(&m, &r);
    CHECK(fus_relabel_units(&out, &m, &r, &options, NULL) == FUS_OK);
    for (int c = 0; c < CATEGORIES; c++)
        for (int u = 0; u < UNITS; u++)
            wrong += expected[u][c] != (int)(p[c * UNITS + u] * (RELABELLINGS + 1) + 0.5);
    CHECK_MSG(wrong == 0, "%d of %d p", wrong, CATEGORIES * UNITS);
    fus_moments_destroy(&m);
}

static void take_row(void *context, float *to, size_t image, size_t first, size_t n)
{
    const struct fus_responses *r = context;
    memcpy(to, r->x + image * r->n_units + first, n * sizeof *to);
}

/* A unit is selective for c where q of the table is within alpha and c's mean is the largest. */
static int count_differences(const struct fus_layer_summary *layer, const struct fus_moments *m, const float *q,
                             double alpha)
{
    int n = 0;
    for (size_t u = 0; u < m->n_units; u++) {
        int label = -1;
        for (int c = 0; c < m->n_groups; c++) {
            bool above = true;
            for (int k = 0; k < m->n_groups; k++)
                above = above && (k == c || m->mean[(size_t)c * m->n_units + u] > m->mean[(size_t)k * m->n_units + u]);
            if (above && q[(size_t)c * m->n_units + u] <= (float)alpha)
                label = c;
        }
        n += layer->label[u] != label;
    }
    return n;
}

static void test_labels(void)
{
    static const struct {
        enum fus_correction correction;
        double alpha;
    } cases[] = {{FUS_UNCORRECTED, 0.05}, {FUS_BH, 0.1}, {FUS_BY, 0.4}, {FUS_BONFERRONI, 0.7}};
    static float q[CATEGORIES * UNITS];
    int category[PICTURES];
    struct fus_responses r = golden_layer(category), elsewhere = r;
    struct fus_moments m;
    size_t chosen = 0;
    elsewhere.x = NULL, elsewhere.read = take_row, elsewhere.context = &r;
    take_moments(&m, &r);
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        const struct fus_select_options options = with(cases[k].correction, cases[k].alpha, RELABELLINGS);
        struct fus_unit_tables out = {.q = q};
        struct fus_layer_summary layer, again;
        CHECK(fus_relabel_units(&out, &m, &r, &options, NULL) == FUS_OK);
        CHECK(fus_relabel_label(&layer, &m, &r, "x", &options, NULL, NULL) == FUS_OK);
        int wrong = count_differences(&layer, &m, q, options.alpha);
        CHECK_MSG(wrong == 0, "case %zu: %d labels", k, wrong);
        fus_base_set_threads(3);
        CHECK(fus_criteria_responses(&again, &m, &elsewhere, "x", &options, NULL, NULL) == FUS_OK);
        fus_base_set_threads(0);
        CHECK(memcmp(layer.label, again.label, UNITS) == 0);
        chosen += again.categories[1].n_selective;
        fus_select_free(&layer);
        fus_select_free(&again);
    }
    CHECK(chosen > 0);
    fus_moments_destroy(&m);
}

/* Both halves, from the responses of their pictures alone: the labels of each are those of a layer
 * with these pictures. */
static void test_halves(void)
{
    enum { IMAGES = 64, N = 40 };
    static float x[IMAGES * N];
    int category[IMAGES], half[IMAGES];
    struct fus_rng rng;
    struct fus_moments m;
    struct fus_halves_category out[2];
    const struct fus_select_options options = with(FUS_UNCORRECTED, 0.05, 299);
    fus_rng_seed(&rng, 3);
    for (int i = 0; i < IMAGES; i++) {
        category[i] = i / 2 % 2, half[i] = i % 2;
        for (int u = 0; u < N; u++)
            x[i * N + u] = (float)(fus_rng_normal(&rng) + (u < 10 && category[i] == 0 ? 4 : 0));
    }
    struct fus_responses r = {.x = x,
                              .category = category,
                              .n_images = IMAGES,
                              .n_units = N,
                              .n_categories = 2,
                              .channels = N,
                              .height = 1,
                              .width = 1};
    CHECK(fus_moments_create(&m, 4, N, NULL) == FUS_OK);
    for (int i = 0; i < IMAGES; i++)
        fus_moments_add(&m, half[i] * 2 + category[i], x + i * N);
    CHECK(fus_halves_layer(out, &m, &r, half, FUS_CRITERION_IUT, &options, NULL) == FUS_OK);
    CHECK_MSG(out[0].n_selected[0] >= 10 && out[0].n_selected[0] <= 16 && out[0].survival > 0.6, "%zu %g",
              out[0].n_selected[0], out[0].survival);
    CHECK(fus_halves_layer(out, &m, NULL, half, FUS_CRITERION_IUT, &options, NULL) == FUS_EINVAL);
    fus_moments_destroy(&m);
}

static void test_errors(void)
{
    int category[PICTURES];
    struct fus_responses r = golden_layer(category), none = r;
    struct fus_moments m;
    struct fus_layer_summary layer;
    struct fus_error err;
    struct fus_unit_tables out = {NULL};
    struct fus_select_options options = with(FUS_BH, 0.05, 0);
    take_moments(&m, &r);
    CHECK(fus_relabel_label(&layer, &m, &r, "x", &options, NULL, &err) == FUS_EINVAL);
    options.relabellings = 100000000;
    CHECK(fus_relabel_label(&layer, &m, &r, "x", &options, NULL, &err) == FUS_ELIMIT && strstr(err.msg, "MB"));
    options.relabellings = 9;
    none.x = NULL;
    CHECK(fus_relabel_label(&layer, &m, &none, "x", &options, NULL, &err) == FUS_EINVAL &&
          strstr(err.msg, "responses"));
    CHECK(fus_select_label(&layer, &m, "x", 6, 4, 5, &options, &err) == FUS_EINVAL && strstr(err.msg, "responses"));
    CHECK(fus_select_units(&out, &m, &options, &err) == FUS_EINVAL);
    /* p is at least 0.1: nothing passes */
    CHECK(fus_relabel_label(&layer, &m, &r, "x", &options, NULL, NULL) == FUS_OK);
    for (int u = 0; u < UNITS; u++)
        CHECK(layer.label[u] == -1);
    fus_select_free(&layer);
    fus_base_set_threads(1); /* the n-th allocation is the same one */
    int code = FUS_ENOMEM;
    for (long n = 1; code == FUS_ENOMEM && n < 200; n++) {
        fus_base_fail_allocation(n);
        code = fus_relabel_label(&layer, &m, &r, "x", &options, NULL, &err);
        fus_base_fail_allocation(0);
    }
    CHECK(code == FUS_OK);
    fus_select_free(&layer);
    fus_base_set_threads(0);
    fus_moments_destroy(&m);
}

int main(void)
{
    test_golden();
    test_labels();
    test_halves();
    test_errors();
    return test_end();
}
