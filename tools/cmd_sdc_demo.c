/* SPDX-License-Identifier: MIT */
/* fusiform sdc demo: simulated participants with planted concepts, from files to clusters, scored
 * against what was planted (analysis/sdc/demo.h). */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "analysis/sdc/demo.h"
#include "nn/base/threads.h"
#include "tools/args.h"
#include "tools/commands.h"
#include "tools/interrupt.h"
#include "tools/progress.h"
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
    "  --networks          in place of people: the demonstration networks and an untrained one look at the drawn\n"
    "                      pictures. control and lang were trained on from vision: what these three share alone is\n"
    "                      what copies share; weights/demo/concepts.sh has networks of different seeds\n"
    "  --model [NAME=]FILE@LAYER[?units=all|random:N]   other networks in place of people; may be repeated\n"
    "  --small             five people, a third of the pictures, 200 steps, no ridge regression: for a first look\n"
    "  --force             the folder may hold another demonstration, which is replaced\n"
    "  --resume            an interrupted demonstration goes on\n"
    "  --out DIR           DIR/data: the simulated study; the rest as `sdc fit` and `sdc cluster` write it, and\n"
    "                      found.csv, demo.csv: planted concepts and clusters\n"
    "  --threads N         default: one for each core\n\n"
    "example: fusiform sdc demo --out out/sdc\n"
    "         fusiform sdc demo --networks --out out/networks\n"
    "         fusiform sdc demo --model r50=resnet50.pth@layer4.2.relu --model RN50.pt@layer4.2.relu --out out/two\n";

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

/* Networks have no planted concepts: what is printed is who shares the clusters. */
static void print_shared(const struct fus_sdc_cluster_result *r)
{
    for (int i = 0; i < r->n; i++)
        if (r->of[i].chosen < 0)
            printf("%s: no eps passes the null, nothing is called shared\n", r->of[i].which);
        else
            printf("%s, eps %.3g: %d clusters of ten units or more\n", r->of[i].which,
                   r->of[i].eps[r->of[i].chosen].eps, r->of[i].eps[r->of[i].chosen].n_count);
    printf("networks trained on from one another share as copies do: see who is in each cluster (clusters.csv)\n");
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

static int localize(struct fus_sdc_demo *d, struct fus_error *err)
{
    bool done;
    int code = fus_sdc_demo_localize(d, &done, fus_progress_listen, err);
    if (!code && !done)
        tell("the models are read at different layers: their clusters are not compared with a localizer");
    return code;
}

static int run(struct fus_sdc_demo *d, struct fus_error *err)
{
    struct fus_sdc_found found[2];
    struct fus_sdc_cluster_result result;
    int code = check_folder(d, err);
    fus_interrupt_catch();
    if (!code) {
        if (d->n_models)
            fus_args_tell("fusiform: drawing %zu pictures", d->simulate.n_shared);
        else
            fus_args_tell("fusiform: simulating %d participants", d->simulate.n_participants);
        code = fus_sdc_demo_simulate(d, true, err);
    }
    if (code)
        return fus_args_failed(err);
    if (fus_sdc_show_fit(&d->fit, err)) /* prints the error itself */
        return 1;
    fus_interrupt_catch(); /* no more steps */
    if (d->n_models)
        code = localize(d, err);
    if (!code)
        code = fus_sdc_cluster_folder(&d->cluster, &result, err);
    if (!code && !d->n_models)
        code = fus_sdc_demo_score(found, &result, d, err);
    if (code)
        return fus_args_failed(err);
    if (d->n_models)
        print_shared(&result);
    else
        print_found(found, result.n);
    printf("report: %s/report.html\n", d->out);
    return 0;
}

struct running {
    struct fus_sdc_demo *d;
    int status;
};

static void run_all(void *context)
{
    struct running *r = context;
    struct fus_error err = {0};
    r->status = run(r->d, &err);
}

/* ---- options ---- */

static bool is_given(const char *option, int argc, char **argv)
{
    for (int i = 0; i < argc; i++)
        if (strncmp(argv[i], option, strlen(option)) == 0 &&
            (argv[i][strlen(option)] == '\0' || argv[i][strlen(option)] == '='))
            return true;
    return false;
}

/* What of people and networks does not go together; 0, or 2 after a message. */
static int check(struct fus_sdc_demo *d, const struct fus_texts *models, bool networks, bool people)
{
    struct fus_error err = {0};
    if (!networks && !models->n && (d->simulate.n_participants < 2 || d->simulate.n_participants > 99))
        return fus_args_usage(NAME, "--participants: 2 to 99 expected");
    if ((networks || models->n) && people)
        return fus_args_usage(NAME, "--participants and --alone are of simulated people, who are absent with networks");
    if (networks && fus_sdc_demo_add_networks(d, &err))
        return fus_args_usage(NAME, "--networks: %s", err.msg);
    for (int i = 0; i < models->n; i++)
        if (fus_sdc_demo_add_model(d, models->items[i], &err))
            return fus_args_usage(NAME, "--model: %s", err.msg);
    if (d->n_models == 1)
        return fus_args_usage(NAME, "--model: two or more expected");
    return 0;
}

int fus_cmd_sdc_demo(int argc, char **argv)
{
    static struct fus_sdc_demo d; /* 100 kB */
    static const char *items[FUS_SDC_DEMO_MOST_MODELS + 1];
    struct fus_texts operands, models = {items, 0, FUS_SDC_DEMO_MOST_MODELS + 1};
    bool small = is_given("--small", argc, argv), networks = is_given("--networks", argc, argv);
    fus_sdc_demo_defaults(&d, small);
    if (networks || is_given("--model", argc, argv))
        fus_sdc_demo_use_networks(&d, small);
    int people = d.simulate.n_participants;
    d.cluster.note = tell;
    uint64_t stability = (uint64_t)d.cluster.stability;
    const struct fus_arg args[] = {{"--seed", FUS_ARG_SEED, &d.simulate.seed},
                                   {"--out", FUS_ARG_TEXT, &d.out},
                                   {"--participants", FUS_ARG_COUNT, &d.simulate.n_participants},
                                   {"--alone", FUS_ARG_FLAG, &d.simulate.alone},
                                   {"--reruns", FUS_ARG_COUNT, &d.fit.reruns},
                                   {"--iterations", FUS_ARG_COUNT, &d.fit.fit.iterations},
                                   {"--stability", FUS_ARG_SEED, &stability},
                                   {"--networks", FUS_ARG_FLAG, &networks},
                                   {"--model", FUS_ARG_LIST, &models},
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
    status = check(&d, &models, networks, d.simulate.n_participants != people || d.simulate.alone);
    if (status)
        return status;
    if (d.fit.reruns > 1000 || stability > 1000)
        return fus_args_usage(NAME, "--reruns, --stability: at most 1000 expected");
    d.cluster.stability = (int)stability;
    fus_sdc_demo_prepare(&d);
    struct running r = {&d, 0};
    fus_threads_run(run_all, &r); /* one start of the threads for all loops */
    return r.status;
}
