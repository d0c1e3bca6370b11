/* fusiform sdc demo: simulated participants with planted concepts, from files to clusters, scored
 * against what was planted (analysis/sdc/demo.h). */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "analysis/sdc/demo.h"
#include "tools/args.h"
#include "tools/commands.h"
#include "tools/sdc_show.h"

#define NAME "sdc demo"

static const char help[] =
    "usage: fusiform sdc demo [--seed 1] --out DIR [options]\n\n"
    "Simulated participants see the built-in pictures. In their voxels eight concepts are planted that several people\n"
    "share, one of them split in two (cars by their paint, cars by the side they are seen from), and two that too few\n"
    "people have to count. The responses go into NIfTI files, and everything after that is what `sdc fit` and\n"
    "`sdc cluster` do with a lab's own. At the end stands what was found of what was planted.\n\n"
    "  --seed N            another set of pictures, people and noise (default 1)\n"
    "  --participants P    people (default 8)\n"
    "  --alone             every person's concepts are their own: nothing should be found\n"
    "  --reruns R          decoders of a person that are averaged (default 10)\n"
    "  --iterations N      steps of a fit (default 1000)\n"
    "  --stability N       draws of reruns that judge the clusters (default 20)\n"
    "  --small             five people, a third of the pictures, 200 steps, no ridge regression: for a first look\n"
    "  --force             the folder may hold another demonstration, which is replaced\n"
    "  --resume            an interrupted demonstration goes on\n"
    "  --out DIR           DIR/data: the simulated study; the rest as `sdc fit` and `sdc cluster` write it, and\n"
    "                      found.csv, demo.csv: planted concepts and clusters\n"
    "  --threads N         default: one for each core\n\n"
    "example: fusiform sdc demo --out out/sdc\n";

static void tell(const char *line)
{
    fus_args_tell("fusiform: %s", line);
}

static void print_concepts(const struct fus_sdc_found *found, int n)
{
    printf("\nplanted");
    for (int i = 0; i < n; i++)
        printf("\t%s: cluster\tshare in common", found[i].vectors);
    printf("\n");
    for (int c = 0; c < FUS_SDC_N_CONCEPTS; c++) {
        printf("%s%s", fus_sdc_simulate_name((enum fus_sdc_concept)c),
               c >= FUS_SDC_N_SHARED ? " (too few people)" : "");
        for (int i = 0; i < n; i++) {
            const struct fus_sdc_found_concept *k = &found[i].concept[c];
            if (k->jaccard >= 0.5)
                printf("\t%d\t%.2f", k->cluster + 1, k->jaccard);
            else
                printf("\t-\t%.2f", k->jaccard);
        }
        printf("\n");
    }
}

static void print_found(const struct fus_sdc_found *found, int n)
{
    print_concepts(found, n);
    printf("\n");
    for (int i = 0; i < n; i++) {
        const struct fus_sdc_found *f = &found[i];
        if (isnan(f->eps)) {
            printf("%s: no eps passes the null, nothing is called shared\n", f->vectors);
            continue;
        }
        printf("%s, eps %.3g: %d of %d shared concepts found, the split one %s, %d of 2 unwanted ones; adjusted Rand "
               "index %.2f (all voxels: %.2f)\n",
               f->vectors, f->eps, f->n_found, f->n_planted, f->apart ? "apart" : "not apart", f->n_unwanted,
               f->rand_planted, f->rand_all);
    }
}

/* A folder that holds a demonstration is not written over by another without --force. */
static int check_folder(const struct fus_sdc_demo *d, struct fus_error *err)
{
    FILE *there = d->fit.force || d->fit.resume ? NULL : fopen(d->study, "rb");
    if (!there)
        return FUS_OK;
    fclose(there);
    return fus_base_fail(err, FUS_EINVAL, "%s: holds a demonstration already; --resume goes on, --force replaces it",
                         d->out);
}

static int run(struct fus_sdc_demo *d, struct fus_error *err)
{
    struct fus_sdc_found found[2];
    struct fus_sdc_cluster_result result;
    int code = check_folder(d, err);
    if (!code) {
        fus_args_tell("fusiform: simulating %d participants", d->simulate.n_participants);
        code = fus_sdc_demo_simulate(d, true, err);
    }
    if (code)
        return fus_args_failed(err);
    if (fus_sdc_show_fit(&d->fit, err)) /* prints the error itself */
        return 1;
    code = fus_sdc_cluster_folder(&d->cluster, &result, err);
    if (!code)
        code = fus_sdc_demo_score(found, &result, d, err);
    if (code)
        return fus_args_failed(err);
    print_found(found, result.n);
    printf("report: %s/report.html\n", d->out);
    return 0;
}

/* ---- options ---- */

static bool is_given(const char *option, int argc, char **argv)
{
    for (int i = 0; i < argc; i++)
        if (strcmp(argv[i], option) == 0)
            return true;
    return false;
}

int fus_cmd_sdc_demo(int argc, char **argv)
{
    static struct fus_sdc_demo d; /* 30 kB */
    struct fus_texts operands;
    struct fus_error err = {0};
    bool small = is_given("--small", argc, argv);
    fus_sdc_demo_defaults(&d, small);
    d.cluster.note = tell;
    uint64_t stability = (uint64_t)d.cluster.stability;
    const struct fus_arg args[] = {{"--seed", FUS_ARG_SEED, &d.simulate.seed},
                                   {"--out", FUS_ARG_TEXT, &d.out},
                                   {"--participants", FUS_ARG_COUNT, &d.simulate.n_participants},
                                   {"--alone", FUS_ARG_FLAG, &d.simulate.alone},
                                   {"--reruns", FUS_ARG_COUNT, &d.fit.reruns},
                                   {"--iterations", FUS_ARG_COUNT, &d.fit.fit.iterations},
                                   {"--stability", FUS_ARG_SEED, &stability},
                                   {"--small", FUS_ARG_FLAG, &small},
                                   {"--force", FUS_ARG_FLAG, &d.fit.force},
                                   {"--resume", FUS_ARG_FLAG, &d.fit.resume},
                                   {0}};
    int status = fus_args_parse(NAME, help, args, &operands, argc, argv);
    if (status)
        return status < 0 ? 0 : status;
    if (operands.n)
        return fus_args_usage(NAME, "'%s' found, expected options alone", operands.items[0]);
    if (!d.out)
        return fus_args_usage(NAME, "--out DIR is missing");
    if (strlen(d.out) > FUS_SDC_DEMO_MOST_OUT)
        return fus_args_usage(NAME, "--out: a path of at most 2000 bytes expected");
    if (d.simulate.n_participants < 2 || d.simulate.n_participants > 99)
        return fus_args_usage(NAME, "--participants: 2 to 99 expected");
    if (d.fit.reruns > 1000 || stability > 1000)
        return fus_args_usage(NAME, "--reruns, --stability: at most 1000 expected");
    d.cluster.stability = (int)stability;
    fus_sdc_demo_prepare(&d);
    return run(&d, &err);
}
