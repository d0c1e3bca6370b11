/* SPDX-License-Identifier: MIT */
/* The numbers of METHOD.md, "A unit worked through", come out of the library. */
#include "analysis/analysis.h"
#include "test.h"

enum { FACE, BODY, PLACE, CATEGORIES, PICTURES = 4 };

static const float responses[CATEGORIES][PICTURES] = {{4, 6, 5, 7}, {1, 2, 3, 2}, {3, 3, 5, 4}};

/* To the four or five digits that a reader sees. */
static void shown(const char *what, double got, double want)
{
    CHECK_MSG(fabs(got - want) < 0.0006 * fabs(want), "%s is %.6g, METHOD.md says %g", what, got, want);
}

static double variance(const struct fus_moments *m, int category)
{
    return m->m2[category] / (double)(m->n[category] - 1);
}

static double pair(double *df, double *p, const struct fus_moments *m, int a, int b)
{
    double n_a = (double)m->n[a], n_b = (double)m->n[b];
    *p = fus_ttest_p(m->mean[a], variance(m, a), n_a, m->mean[b], variance(m, b), n_b);
    return fus_ttest_welch(df, m->mean[a], variance(m, a), n_a, m->mean[b], variance(m, b), n_b);
}

static void test_example(void)
{
    const struct fus_select_options options = {.correction = FUS_BH, .alpha = 0.05};
    struct fus_moments m;
    struct fus_layer_summary layer;
    double df, p;
    CHECK(fus_moments_create(&m, CATEGORIES, 1, NULL) == 0);
    for (int c = 0; c < CATEGORIES; c++)
        for (int i = 0; i < PICTURES; i++)
            fus_moments_add(&m, c, &responses[c][i]);
    CHECK(m.mean[FACE] == 5.5 && m.mean[BODY] == 2 && m.mean[PLACE] == 3.75);
    shown("s^2 of face", variance(&m, FACE), 1.6667);
    shown("s^2 of body", variance(&m, BODY), 0.6667);
    shown("s^2 of place", variance(&m, PLACE), 0.9167);
    shown("t of face against body", pair(&df, &p, &m, FACE, BODY), 4.583);
    shown("its df", df, 5.069);
    shown("its p", p, 0.002868);
    shown("t of face against place", pair(&df, &p, &m, FACE, PLACE), 2.178);
    shown("its df", df, 5.534);
    shown("its p", p, 0.03806);
    shown("CSI", fus_csi_unit(&m, 0, FACE), 0.3134);
    shown("d'", fus_csi_dprime(&m, 0, FACE), 2.298);
    CHECK(fus_select_layer(&layer, &m, "unit", 1, 1, 1, &options, NULL) == 0 && layer.label[0] == FACE);
    fus_select_free(&layer);
    fus_moments_destroy(&m);
}

int main(void)
{
    test_example();
    return test_end();
}
