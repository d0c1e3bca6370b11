/* fusiform sdc demo: simulated participants with planted concepts, from files to clusters, scored
 * against what was planted (analysis/sdc/simulate.h, decode.h, clustering.h, found.h). */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "analysis/sdc/clustering.h"
#include "analysis/sdc/found.h"
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
    "  --reruns R          decoders of a person that are averaged (default 3)\n"
    "  --iterations N      steps of a fit (default 1000)\n"
    "  --stability N       draws of reruns that judge the clusters (default 20)\n"
    "  --small             five people, a third of the pictures, 200 steps, no ridge regression: for a first look\n"
    "  --force             the folder may hold another demonstration, which is replaced\n"
    "  --resume            an interrupted demonstration goes on\n"
    "  --out DIR           DIR/data: the simulated study; the rest as `sdc fit` and `sdc cluster` write it, and\n"
    "                      found.csv, demo.csv: planted concepts and clusters\n"
    "  --threads N         default: one for each core\n\n"
    "example: fusiform sdc demo --out out/sdc\n";

enum { N_TEST = 150, N_VAL = 100, PATH_BYTES = 4096 };

struct demo {
    const char *out;
    char data[PATH_BYTES - 64], study[PATH_BYTES], embedding[PATH_BYTES], images[PATH_BYTES];
    struct fus_sdc_simulate_options simulate;
    struct fus_sdc_decode_options fit;
    struct fus_sdc_cluster_options cluster;
};

static void tell(const char *line)
{
    fus_args_tell("fusiform: %s", line);
}

/* Which pictures are drawn: those that test or validate for anyone, whose copies stand in the
 * report. */
static int find_drawn(uint8_t **drawn, const struct demo *d, struct fus_error *err)
{
    struct fus_sdc_embedding e;
    struct fus_sdc_study *study = NULL;
    int code = fus_sdc_embedding_open(&e, d->embedding, err);
    if (code)
        return code;
    code = fus_sdc_study_create(&study, err);
    if (!code)
        code = fus_sdc_study_read(study, d->study, err);
    if (!code)
        code = fus_sdc_study_load(study, NULL, &e, &d->fit.split, err);
    *drawn = code ? NULL : fus_base_alloc(e.n, 1);
    if (!code && !*drawn)
        code = fus_base_fail(err, FUS_ENOMEM, "no memory for %zu images", e.n);
    for (int p = 0; !code && p < study->n; p++)
        for (size_t t = 0; t < study->participants[p].n_trials; t++)
            if (study->participants[p].split[t] != FUS_SDC_TRAIN)
                (*drawn)[study->participants[p].image[t]] = 1;
    fus_sdc_study_close(study);
    fus_sdc_embedding_close(&e);
    return code;
}

static int simulate(struct demo *d, struct fus_error *err)
{
    uint8_t *drawn = NULL;
    fus_args_tell("fusiform: simulating %d participants", d->simulate.n_participants);
    int code = fus_sdc_simulate(d->data, &d->simulate, err);
    if (!code)
        code = find_drawn(&drawn, d, err);
    if (!code)
        code = fus_sdc_simulate_images(d->data, &d->simulate, drawn, err);
    fus_base_free(drawn);
    return code;
}

/* ---- the end ---- */

static int score(struct fus_sdc_found *found, const struct fus_sdc_cluster_result *r, const struct demo *d,
                 struct fus_error *err)
{
    char truth[PATH_BYTES], labels[PATH_BYTES], eps[32];
    int code = FUS_OK;
    snprintf(truth, sizeof truth, "%s/truth.csv", d->data);
    for (int i = 0; !code && i < r->n; i++) {
        int chosen = r->of[i].chosen;
        found[i] = (struct fus_sdc_found){
            .vectors = r->of[i].which, .eps = NAN, .q = NAN, .rand_planted = NAN, .rand_all = NAN};
        if (chosen < 0)
            continue;
        found[i].eps = r->of[i].eps[chosen].eps;
        found[i].q = r->of[i].eps[chosen].q;
        fus_sdc_clustering_name(eps, found[i].eps);
        snprintf(labels, sizeof labels, "%s/clusters%s/%s", d->out,
                 strcmp(r->of[i].which, "pattern") == 0 ? "-pattern" : "", eps);
        code = fus_sdc_found_score(&found[i], truth, d->out, labels, err);
    }
    return code ? code : fus_sdc_found_write(d->out, found, r->n, err);
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
static int check_folder(const struct demo *d, struct fus_error *err)
{
    FILE *there = d->fit.force || d->fit.resume ? NULL : fopen(d->study, "rb");
    if (!there)
        return FUS_OK;
    fclose(there);
    return fus_base_fail(err, FUS_EINVAL, "%s: holds a demonstration already; --resume goes on, --force replaces it",
                         d->out);
}

static int run(struct demo *d, struct fus_error *err)
{
    struct fus_sdc_found found[2];
    struct fus_sdc_cluster_result result;
    int code = check_folder(d, err);
    if (!code)
        code = simulate(d, err);
    if (code)
        return fus_args_failed(err);
    if (fus_sdc_show_fit(&d->fit, err)) /* prints the error itself */
        return 1;
    code = fus_sdc_cluster_folder(&d->cluster, &result, err);
    if (!code)
        code = score(found, &result, d, err);
    if (code)
        return fus_args_failed(err);
    print_found(found, result.n);
    printf("report: %s/report.html\n", d->out);
    return 0;
}

/* ---- options ---- */

static void set_defaults(struct demo *d)
{
    fus_sdc_simulate_defaults(&d->simulate);
    fus_sdc_decode_defaults(&d->fit, false);
    fus_sdc_cluster_defaults(&d->cluster);
    d->fit.split.n_test = N_TEST;
    d->fit.split.n_val = N_VAL;
    d->fit.data.scale = 300;
    d->fit.fit.iterations = 1000;
    d->fit.fit.rate = 1e-3;
    d->fit.fit.noise = 2; /* 300 voxels want more of it than 15,000 */
    d->fit.fit.tail = 0.5;
    d->fit.reruns = 3;
    d->cluster.of = FUS_SDC_BOTH;
    d->cluster.note = tell;
}

/* What the command line leaves at its default becomes smaller. */
static void make_small(struct demo *d)
{
    d->simulate.n_own = 300;
    d->fit.split.n_val = 33;
    d->fit.fit.iterations = 200;
    d->fit.reruns = 1;
    d->fit.n_alphas = 0;
    d->cluster.stability = 0;
    d->simulate.n_participants = 5;
}

static bool is_given(const char *option, int argc, char **argv)
{
    for (int i = 0; i < argc; i++)
        if (strcmp(argv[i], option) == 0)
            return true;
    return false;
}

static void set_paths(struct demo *d)
{
    snprintf(d->data, sizeof d->data, "%s/data", d->out);
    snprintf(d->study, sizeof d->study, "%s/study.tsv", d->data);
    snprintf(d->embedding, sizeof d->embedding, "%s/embedding.npy", d->data);
    snprintf(d->images, sizeof d->images, "%s/images.tsv", d->data);
    d->fit.study = d->study;
    d->fit.embedding = d->embedding;
    d->fit.images = d->images;
    d->fit.out = d->cluster.folder = d->out;
    d->fit.seed = d->fit.split.seed = d->cluster.seed = d->simulate.seed;
}

int fus_cmd_sdc_demo(int argc, char **argv)
{
    static struct demo d; /* 30 kB */
    struct fus_texts operands;
    struct fus_error err = {0};
    bool small = is_given("--small", argc, argv);
    set_defaults(&d);
    if (small)
        make_small(&d);
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
    if (strlen(d.out) > 2000)
        return fus_args_usage(NAME, "--out: a path of at most 2000 bytes expected");
    if (d.simulate.n_participants < 2 || d.simulate.n_participants > 99)
        return fus_args_usage(NAME, "--participants: 2 to 99 expected");
    if (d.fit.reruns > 1000 || stability > 1000)
        return fus_args_usage(NAME, "--reruns, --stability: at most 1000 expected");
    d.cluster.stability = (int)stability;
    set_paths(&d);
    return run(&d, &err);
}
