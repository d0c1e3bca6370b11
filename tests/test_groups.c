/* SPDX-License-Identifier: MIT */
/* groups.c: p over relabelled models against numbers counted by hand, its level for simulated
 * trainings, intervals, and the list of groups. With a folder of a run as argument: its models in
 * random halves (make study). */
#include "analysis/contrast.h"
#include "analysis/run/run_summary.h"
#include "nn/base/rng.h"
#include "test.h"

static void test_parse(void)
{
    static const char *const names[] = {"l1", "l2", "c1", "random:x?seed=1"};
    struct fus_groups g;
    struct fus_error err = {0};
    CHECK(fus_groups_parse(&g, "lang=l1,l2;control=c1,random:x?seed=1", names, 4, NULL) == 0 && g.n == 2);
    CHECK(strcmp(g.group[1].name, "control") == 0 && g.group[1].n == 2 && g.group[1].model[1] == 3);
    CHECK(fus_groups_parse(&g, NULL, names, 4, NULL) == 0 && g.n == 0);
    static const char *const bad[][2] = {{"lang=l1,l2", "at least two"},
                                         {"a=l1;b=l3", "no model is called 'l3'"},
                                         {"a=l1;b=l1", "already in a group"},
                                         {"a=l1;a=l2", "two groups are called 'a'"},
                                         {"a=l1;l2", "'l2' found"},
                                         {"=l1;b=l2", "NAME=MODEL"},
                                         {"a=l1,;b=l2", "no model is called ''"},
                                         {"", "'' found"},
                                         {"a=l1;", "'' found"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK_MSG(fus_groups_parse(&g, bad[i][0], names, 4, &err) == FUS_EINVAL && strstr(err.msg, bad[i][1]), "%s: %s",
                  bad[i][0], err.msg);
}

/* Three against three: 20 relabellings. In the first layer only the given labels and their mirror
 * image separate the values; in the second 14 of 20 differ by at least as much (counted with
 * itertools.combinations). */
static void test_exact(void)
{
    const double value[4][6] = {{5, 6, 7, 1, 2, 3}, {1, 5, 6, 2, 3, 4}, {1, NAN, 1, 2, 2, 2}, {3, 3, 3, 3, 3, 3}};
    double p[4], family[4];
    CHECK(fus_groups_permute(p, family, &value[0][0], 4, 3, 3, 1) == 20);
    CHECK_MSG(p[0] == 0.1 && family[0] == 0.1, "%g %g", p[0], family[0]);
    CHECK_MSG(fabs(p[1] - 0.7) < 1e-12 && family[1] >= p[1], "%g %g", p[1], family[1]);
    CHECK(isnan(p[2]) && isnan(family[2]) && isnan(p[3]) && isnan(family[3]));
    const double one[3] = {9, 1, 2};
    CHECK(fus_groups_permute(p, family, one, 1, 1, 2, 1) == 3 && test_close(p[0], 1.0 / 3, 1e-12));
}

/* Trainings that differ by chance alone, their layers correlated: p <= .05 in at most 5 %. */
static void test_level(void)
{
    enum { SETS = 400, LAYERS = 6 };
    int single = 0, family = 0, any = 0;
    struct fus_rng rng;
    fus_rng_seed(&rng, 3);
    for (int s = 0; s < SETS; s++) {
        double value[LAYERS][8], p[LAYERS], p_family[LAYERS];
        bool one = false;
        for (int i = 0; i < 8; i++)
            for (int l = 0; l < LAYERS; l++)
                value[l][i] = (l ? value[l - 1][i] : 0) + fus_rng_normal(&rng) * (1 + l);
        CHECK(fus_groups_permute(p, p_family, &value[0][0], LAYERS, 4, 4, 1) == 70);
        single += p[LAYERS - 1] <= 0.05;
        for (int l = 0; l < LAYERS; l++)
            any += p[l] <= 0.05, one |= p_family[l] <= 0.05;
        family += one;
    }
    printf("p <= .05: one layer %.3f, all layers %.3f, family-wise %.3f\n", single / (double)SETS,
           any / (double)(SETS * LAYERS), family / (double)SETS);
    CHECK(single <= 0.08 * SETS && family <= 0.08 * SETS && family > 0.01 * SETS);
}

static void test_drawn(void)
{
    double value[24], p, family;
    for (int i = 0; i < 24; i++)
        value[i] = i;
    CHECK(fus_groups_permute(&p, &family, value, 1, 12, 12, 1) == -10000);
    CHECK(p <= 0.0003 && family == p);
    for (int i = 0; i < 24; i++)
        value[i] = i % 2;
    fus_groups_permute(&p, &family, value, 1, 12, 12, 1);
    CHECK(p == 1);
}

/* The variance of a mean of n models is sd^2 / n: the interval is 2 * 1.96 * sqrt(2) sd / sqrt(n)
 * wide, in the mean of many sets. */
static void test_interval(void)
{
    enum { SETS = 200, MODELS = 5, DRAWS = 400 };
    static double scratch[DRAWS];
    double width = 0;
    int covered = 0;
    struct fus_rng rng;
    fus_rng_seed(&rng, 8);
    for (int s = 0; s < SETS; s++) {
        struct fus_bootstrap_column c[2 * MODELS] = {{.n = 0}};
        struct fus_interval out;
        for (int i = 0; i < 2 * MODELS; i++)
            c[i].estimate = fus_rng_normal(&rng);
        fus_groups_interval(&out, c, MODELS, MODELS, DRAWS, (uint64_t)s, 0.05, scratch);
        width += (out.high - out.low) / SETS;
        covered += out.low <= 0 && out.high >= 0;
    }
    double want = 2 * 1.96 * sqrt(2.0 / MODELS);
    CHECK_MSG(width > 0.85 * want && width < 1.1 * want && covered > 0.85 * SETS, "%g not %g; %d", width, want,
              covered);
    double resampled[3] = {1, 2, 3};
    struct fus_bootstrap_column c[2] = {{.estimate = 2, .n = 3, .resampled = resampled}, {.estimate = 0}};
    struct fus_interval out;
    fus_groups_interval(&out, c, 1, 1, 300, 1, 0.05, scratch);
    CHECK(out.estimate == 2 && test_close(out.low, 1, 1e-9) && test_close(out.high, 3, 1e-9));
    c[1].estimate = NAN;
    fus_groups_interval(&out, c, 1, 1, 300, 1, 0.05, scratch);
    CHECK(isnan(out.estimate) && isnan(out.low));
}

/* The proportions of a finished run's models, of one architecture, in `n_splits` random halves. */
static void test_run(const char *folder, int n_splits)
{
    struct fus_run_summary_file *file;
    struct fus_error err;
    if (fus_run_summary_open(&file, folder, &err)) {
        CHECK_MSG(false, "%s", err.msg);
        return;
    }
    const struct fus_run_summary *run = fus_run_summary_get(file);
    int n = run->n_models, n_layers = run->models[0].n_layers, tested = 0, small = 0, family = 0, families = 0;
    double *value = malloc((size_t)(n * n_layers) * sizeof *value), *p = malloc((size_t)(2 * n_layers) * sizeof *p);
    struct fus_rng rng;
    fus_rng_seed(&rng, 1);
    for (int split = 0; split < n_splits; split++) {
        int order[FUS_GROUPS_MODELS];
        for (int i = 0; i < n; i++) {
            int at = (int)fus_rng_below(&rng, (uint64_t)i + 1);
            order[i] = order[at], order[at] = i;
        }
        for (int c = 0; c < run->n_categories; c++) {
            bool any = false, some = false;
            for (int l = 0; l < n_layers; l++)
                for (int i = 0; i < n; i++)
                    value[l * n + i] = run->models[order[i]].layers[l].categories[c].proportion;
            CHECK(fus_groups_permute(p, p + n_layers, value, n_layers, n / 2, n - n / 2, 1) != 0);
            for (int l = 0; l < n_layers; l++) {
                tested += !isnan(p[l]), some |= !isnan(p[l]);
                small += p[l] <= 0.05, any |= p[n_layers + l] <= 0.05;
            }
            families += some, family += any;
        }
    }
    printf("%d models in %d random halves: p <= .05 in %.2f %% of %d layers and categories; family-wise in %.2f %% of "
           "%d categories\n",
           n, n_splits, 100.0 * small / tested, tested, 100.0 * family / families, families);
    CHECK(small < 0.07 * tested && family < 0.08 * families);
    free(value);
    free(p);
    fus_run_summary_close(file);
}

int main(int argc, char **argv)
{
    test_parse();
    test_exact();
    test_level();
    test_drawn();
    test_interval();
    if (argc > 1)
        test_run(argv[1], 200);
    return test_end();
}
