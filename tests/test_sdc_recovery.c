/* SPDX-License-Identifier: MIT */
/* demo.c: planted concepts come back, and where every participant has concepts of its own no eps is
 * chosen. A small set of each here; with a number N, N sets without sharing, and five whole
 * demonstrations: the figures of METHOD.md. */
#define _POSIX_C_SOURCE 200809L
#include "analysis/run/csv_read.h"
#include "analysis/sdc/demo.h"

#include <sys/stat.h>
#include <unistd.h>

#include "test.h"

static char folder[256];

static void make_cheap(struct fus_sdc_demo *d)
{
    d->simulate.n_own = 200;
    d->fit.fit.iterations = 150;
    d->fit.split.n_test = 60;
    d->fit.split.n_val = 20;
    d->simulate.n_shared = 60;
    d->cluster.top = 1;
}

/* The mean of top-k in single test trials over the participants, from scores.csv. */
static double read_top(int k)
{
    static const char *const names[] = {"decoder", "fold", "trials", "metric"}, *const want[] = {"contrastive", "test",
                                                                                                 "single", "top"};
    char path[300];
    struct fus_csv_read t;
    struct fus_error err = {0, -1, ""};
    double sum = 0;
    int n = 0, at[4];
    snprintf(path, sizeof path, "%s/scores.csv", folder);
    CHECK(fus_csv_read_open(&t, path, &err) == FUS_OK);
    for (int i = 0; i < 4; i++)
        at[i] = fus_csv_read_column(&t, names[i]);
    int value = fus_csv_read_column(&t, "value"), which = fus_csv_read_column(&t, "k");
    while (fus_csv_read_next(&t)) {
        bool wanted = atoi(fus_csv_read_text(&t, which)) == k;
        for (int i = 0; i < 4; i++)
            wanted = wanted && strcmp(fus_csv_read_text(&t, at[i]), want[i]) == 0;
        sum += wanted ? fus_csv_read_number(&t, value) : 0;
        n += wanted;
    }
    CHECK(fus_csv_read_close(&t, &err) == FUS_OK && n > 0);
    return sum / n;
}

static double top[2]; /* top-1 and top-10 of the last run */

/* found [2]: of weights and of patterns. */
static bool run(struct fus_sdc_found found[2], struct fus_sdc_demo *d)
{
    static const struct fus_sdc_decode_hooks silent = {0};
    struct fus_sdc_cluster_result result;
    struct fus_error err = {0, -1, ""};
    char command[400];
    d->out = folder;
    fus_sdc_demo_prepare(d);
    int code = fus_sdc_demo_simulate(d, false, &err);
    if (!code)
        code = fus_sdc_decode_run(&d->fit, &silent, &err);
    if (!code)
        code = fus_sdc_cluster_folder(&d->cluster, &result, &err);
    if (!code)
        code = fus_sdc_demo_score(found, &result, d, &err);
    CHECK_MSG(code == FUS_OK && result.n == 2, "%s", err.msg);
    top[0] = read_top(1), top[1] = read_top(10);
    snprintf(command, sizeof command, "rm -r '%s'", folder);
    CHECK(system(command) == 0);
    return !code;
}

static void test_planted(void)
{
    struct fus_sdc_demo d;
    struct fus_sdc_found found[2];
    fus_sdc_demo_defaults(&d, true);
    make_cheap(&d);
    if (!run(found, &d))
        return;
    CHECK_MSG(found[1].n_found >= 5 && found[1].n_unwanted == 0 && found[1].rand_planted > 0.5,
              "patterns: %d of 8 found, %d unwanted, adjusted Rand index %.2f", found[1].n_found, found[1].n_unwanted,
              found[1].rand_planted);
}

static void test_alone(int n)
{
    int chosen[2] = {0};
    for (int i = 0; i < n; i++) {
        struct fus_sdc_demo d;
        struct fus_sdc_found found[2];
        fus_sdc_demo_defaults(&d, true);
        make_cheap(&d);
        d.simulate.alone = true;
        d.simulate.seed = 101 + (uint64_t)i;
        if (!run(found, &d))
            return;
        for (int k = 0; k < 2; k++)
            chosen[k] += !isnan(found[k].eps);
    }
    printf("%d sets without sharing: an eps is chosen in %d for weights, in %d for patterns\n", n, chosen[0],
           chosen[1]);
    CHECK_MSG(20 * chosen[0] <= n && 20 * chosen[1] <= n, "an eps chosen in %d and %d of %d", chosen[0], chosen[1], n);
}

/* The means over five seeds; what a single seed gives varies. */
static void test_demonstrations(void)
{
    double n_found[2] = {0}, rand_planted[2] = {0}, top_mean[2] = {0};
    int apart = 0, unwanted = 0;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        struct fus_sdc_demo d;
        struct fus_sdc_found found[2];
        fus_sdc_demo_defaults(&d, false);
        d.simulate.seed = seed;
        if (!run(found, &d))
            return;
        printf("seed %d: top-1 of 150 %.3f, top-10 %.3f\n", (int)seed, top[0], top[1]);
        for (int k = 0; k < 2; k++) {
            top_mean[k] += top[k] / 5;
            const struct fus_sdc_found *f = &found[k];
            printf("seed %d, %s: eps %g, %d of %d found, %s, %d unwanted, adjusted Rand index %.2f\n", (int)seed,
                   f->vectors, f->eps, f->n_found, f->n_planted, f->apart ? "apart" : "not apart", f->n_unwanted,
                   f->rand_planted);
            n_found[k] += f->n_found / 5.0;
            rand_planted[k] += isnan(f->rand_planted) ? 0 : f->rand_planted / 5;
        }
        apart += found[1].apart;
        unwanted += found[0].n_unwanted + found[1].n_unwanted;
    }
    printf("mean: weights %.1f found, %.2f; patterns %.1f found, %.2f, apart in %d, %d unwanted\n", n_found[0],
           rand_planted[0], n_found[1], rand_planted[1], apart, unwanted);
    printf("mean: top-1 of 150 %.3f, top-10 %.3f\n", top_mean[0], top_mean[1]);
    CHECK(top_mean[0] >= 0.55 && top_mean[1] >= 0.95);
    CHECK(n_found[0] >= 6 && rand_planted[0] >= 0.4);
    CHECK(n_found[1] >= 7.5 && rand_planted[1] >= 0.9);
}

int main(int argc, char **argv)
{
    const char *temporary = getenv("TMPDIR");
    int n_sets = argc > 1 ? atoi(argv[1]) : 1;
    snprintf(folder, sizeof folder, "%s/fusiform-sdc-recovery-%ld", temporary ? temporary : "/tmp", (long)getpid());
    fus_base_set_threads(1); /* the loops of so small a set are shorter than their barriers */
    test_planted();
    test_alone(n_sets);
    fus_base_set_threads(0);
    if (argc > 1)
        test_demonstrations();
    return test_end();
}
