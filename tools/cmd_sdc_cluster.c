/* SPDX-License-Identifier: MIT */
/* fusiform sdc cluster: shared clusters of voxels from decoders. */
#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "analysis/sdc/clustering.h"
#include "analysis/sdc/groups.h"
#include "nn/base/number.h"
#include "tools/args.h"
#include "tools/commands.h"
#include "tools/interrupt.h"

static const char help[] =
    "usage: fusiform sdc cluster DIR [options]\n"
    "       fusiform sdc cluster --vectors NAME=W.npy --vectors NAME=W.npy ... --out DIR [options]\n\n"
    "Finds clusters of voxels of different participants whose vectors in the embedding space are close: shared\n"
    "decodable concepts. DIR is a folder that `fusiform sdc fit` wrote. NAME=W.npy are vectors from anywhere, "
    "[voxels,\n"
    "dimensions], one file a participant. Distance is 1 - cosine. Writes clusters/eps.csv and, for each eps,\n"
    "clusters/EPS/ with NAME_labels.npy (-1 none) and NAME_expanded.npy.\n\n"
    "  --out DIR            where the results go (default: DIR)\n"
    "  --force              replace clusters of other options or inputs that are there\n"
    "  --transposed         the .npy files are [dimensions, voxels]\n"
    "  --of weights|pattern|both   which vectors of a fit: decoder weights (default), or the covariance of voxel and\n"
    "                       decoded embedding, in clusters-pattern/\n"
    "  --eps auto|LIST      largest distance of neighbours: one or more numbers with commas, or chosen from a grid\n"
    "                       against chance (default)\n"
    "  --min-others 3       a core voxel has neighbours in at least so many other participants\n"
    "  --require people:N,networks:N   and at least so many of each kind take part, its own counted, where networks "
    "are\n"
    "                       participants of a fit (--min-others is then one less than their sum)\n"
    "  --border nearest|last   a border voxel joins its nearest core voxel (default), or the last cluster that reaches "
    "it\n"
    "  --null rotate|pairing|none   what chance gives: each participant's vectors turned at random (default), or "
    "decoders\n"
    "                       of relabelled images, which `fit --permutations` made\n"
    "  --null-replicates 20 random turns\n"
    "  --expand auto|none|E expanded clusters within each participant, up to distance E (default: eps + 0.05, at most "
    "0.65)\n"
    "  --embedding E.npy, --images IMAGES.tsv   of the images that explain clusters (default: those of the fit)\n"
    "  --rois [STUDY.tsv]   label images of regions, as the column rois of the fit's study (or another) names them: "
    "SET=FILE;SET=FILE:NAMES, "
    "with\n"
    "                       names in a .tsv (index, name) or FreeSurfer's .ctab, which may lie beside FILE; rois.csv\n"
    "  --run DIR --layer L  of networks as participants: the selective units that `fusiform run` found in DIR, by the "
    "names of\n"
    "                       its models; overlap.csv of each network, categories.csv of all together\n"
    "  --group NAME=P,P,... a group of participants, may be repeated: which groups share a cluster; groups.csv\n"
    "  --top 16             images most and least associated with each cluster, in images.csv\n"
    "  --centroid voxels|participants   mean of a cluster's voxels (default), or of its participants' means\n"
    "  --stability 20       resamples of the reruns of a fit, and the decoders of `fit --halves`, clustered again;\n"
    "                       stability.csv; 0: none\n"
    "  --compare all|none   beside the clusters, for a fit with responses: DBSCAN within each participant, k-means;\n"
    "                       comparison.csv (default all)\n"
    "  --seed 1             of everything random\n"
    "  --preset efird       the choices of Efird et al. 2025: weights, eps 0.45 to 0.70, border last; options "
    "override\n\n"
    "example: fusiform sdc cluster out/sdc --eps 0.35,0.4\n";

enum { NOT_GIVEN = -1, MAX_VECTORS = FUS_SDC_MAX_PARTICIPANTS };

struct choices {
    struct fus_choice of, border, null, preset;
    const char *eps, *expand, *require;
};

static int compare_numbers(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* "0.45,0.5": ascending, each once; false: not such a list. */
static bool take_list(struct fus_sdc_cluster_options *o, const char *text)
{
    o->n_eps = 0;
    for (;; text++) {
        double x;
        if (o->n_eps == FUS_SDC_MAX_EPS || !fus_number_real(&x, text, &text) || !(x > 0 && x <= 2))
            return false;
        o->eps[o->n_eps++] = x;
        if (*text != ',')
            break;
    }
    qsort(o->eps, (size_t)o->n_eps, sizeof *o->eps, compare_numbers);
    int n = 0;
    for (int i = 0; i < o->n_eps; i++)
        if (n == 0 || (float)o->eps[n - 1] < (float)o->eps[i])
            o->eps[n++] = o->eps[i];
    o->n_eps = n;
    return *text == '\0';
}

/* "people:3,networks:1", either alone too; false: something else. */
static bool take_require(struct fus_sdc_cluster_options *o, const char *text)
{
    static const char *const names[] = {"people:", "networks:"};
    for (;; text++) {
        uint64_t n;
        int k = 0;
        while (k < FUS_SDC_KINDS && strncmp(text, names[k], strlen(names[k])) != 0)
            k++;
        if (k == FUS_SDC_KINDS || o->require[k] || !fus_number_whole(&n, text + strlen(names[k]), &text) || n < 1 ||
            n > FUS_SDC_MAX_PARTICIPANTS)
            return false;
        o->require[k] = (int)n;
        if (*text != ',')
            return *text == '\0';
    }
}

static void take_preset(struct fus_sdc_cluster_options *o)
{
    o->preset = true;
    o->of = FUS_SDC_WEIGHTS;
    o->border = FUS_SDC_LAST;
    o->min_others = o->min_others ? o->min_others : 3;
    take_list(o, "0.45,0.5,0.55,0.6,0.65,0.7");
}

/* 0, or 2 after a message. */
static int take_choices(struct fus_sdc_cluster_options *o, const struct choices *c)
{
    if (c->preset.value != NOT_GIVEN)
        take_preset(o);
    if (c->of.value != NOT_GIVEN)
        o->of = (enum fus_sdc_of)c->of.value;
    if (c->border.value != NOT_GIVEN)
        o->border = (enum fus_sdc_border)c->border.value;
    if (c->null.value != NOT_GIVEN)
        o->null = (enum fus_sdc_null)c->null.value;
    if (c->eps && strcmp(c->eps, "auto") == 0)
        o->n_eps = 0;
    else if (c->eps && !take_list(o, c->eps))
        return fus_args_usage("sdc cluster",
                              "--eps: '%s' found, auto or up to %d numbers above 0, at most 2, with commas expected",
                              c->eps, FUS_SDC_MAX_EPS);
    if (c->require && !take_require(o, c->require))
        return fus_args_usage("sdc cluster",
                              "--require: '%s' found, people:N, networks:N or both with a comma expected, N at least 1",
                              c->require);
    if (c->expand && strcmp(c->expand, "none") == 0)
        o->expand = -1;
    else if (c->expand && strcmp(c->expand, "auto") != 0 &&
             !(fus_number_real(&o->expand, c->expand, NULL) && o->expand > 0 && o->expand <= 2))
        return fus_args_usage("sdc cluster", "--expand: '%s' found, auto, none or a number above 0, at most 2 expected",
                              c->expand);
    return 0;
}

static int check(const struct fus_sdc_cluster_options *o, const struct fus_texts *operands)
{
    if (operands->n > 1)
        return fus_args_usage("sdc cluster", "one folder of a fit expected, %d found", operands->n);
    if ((operands->n == 1) == (o->n_vectors > 0))
        return fus_args_usage("sdc cluster", o->n_vectors ? "a folder or --vectors expected, both found"
                                                          : "a folder of a fit, or --vectors NAME=W.npy, expected");
    if (o->n_vectors && !o->out)
        return fus_args_usage("sdc cluster", "--vectors needs --out DIR");
    if (o->n_vectors && o->of != FUS_SDC_WEIGHTS)
        return fus_args_usage("sdc cluster", "--of asks for a folder of a fit, --vectors found");
    if (!o->n_eps && o->null == FUS_SDC_NULL_NONE)
        return fus_args_usage("sdc cluster",
                              "--eps auto is chosen against chance: --null rotate or pairing, or a LIST, expected");
    if (o->n_vectors && o->null == FUS_SDC_NULL_PAIRING)
        return fus_args_usage("sdc cluster", "--null pairing asks for a folder of a fit, --vectors found");
    if (o->of != FUS_SDC_WEIGHTS && o->null == FUS_SDC_NULL_PAIRING)
        return fus_args_usage("sdc cluster", "--null pairing has weights alone; --of weights expected");
    if (o->n_vectors && (o->require[FUS_SDC_PEOPLE] || o->require[FUS_SDC_NETWORKS]))
        return fus_args_usage("sdc cluster", "--require asks for a folder of a fit, --vectors found");
    if (!o->run != !o->layer)
        return fus_args_usage("sdc cluster", "--run DIR and --layer LAYER go together");
    if (o->transposed && !o->n_vectors)
        return fus_args_usage("sdc cluster", "--transposed goes with --vectors");
    return 0;
}

static void print_result(const struct fus_sdc_cluster_result *r)
{
    for (int i = 0; i < r->n; i++) {
        printf("%s: %zu voxels of %d participants\n", r->of[i].which, r->of[i].n_voxels, r->of[i].n_participants);
        for (int e = 0; e < r->of[i].n_eps; e++) {
            const struct fus_sdc_eps *at = &r->of[i].eps[e];
            char name[32];
            fus_sdc_clustering_name(name, at->eps);
            if (at->written)
                printf("eps %s%s: %d clusters of %zu core and %zu border voxels\n", name, at->chosen ? ", chosen" : "",
                       at->n_clusters, at->n_core, at->n_border);
        }
        if (r->of[i].chosen < 0 && r->of[i].judged)
            printf("no eps passes the null: its clusters are no more than chance gives\n");
    }
}

static void tell(const char *line)
{
    fus_args_tell("fusiform: %s", line);
}

/* Takes --rois out of argv where no study follows it: the end, an option, or a folder. */
static bool take_bare_rois(int *argc, char **argv)
{
    struct stat st;
    bool found = false;
    int n = 0;
    for (int i = 0; i < *argc; i++) {
        const char *next = i + 1 < *argc ? argv[i + 1] : "-";
        if (strcmp(argv[i], "--rois") == 0 && (*next == '-' || (stat(next, &st) == 0 && S_ISDIR(st.st_mode))))
            found = true;
        else
            argv[n++] = argv[i];
    }
    *argc = n;
    return found;
}

/* The study of the fit in a folder, from its sdc.log. */
static int find_study(char study[4096], const char *folder, struct fus_error *err)
{
    char path[4096];
    uint8_t *log = NULL;
    size_t n = 0;
    if (snprintf(path, sizeof path, "%s/sdc.log", folder) >= (int)sizeof path)
        return fus_base_fail(err, FUS_EINVAL, "%s: too long a path", folder);
    if (fus_base_read_file(&log, &n, path, (size_t)1 << 24, err))
        return fus_base_blame(err, "%s: ", path);
    const char *at = (const char *)log, *end = at + n;
    while (at < end && (end - at < 6 || memcmp(at, "study\t", 6) != 0)) {
        const char *next = memchr(at, '\n', (size_t)(end - at));
        at = next ? next + 1 : end;
    }
    at += at < end ? 6 : 0;
    const char *stop = at < end ? memchr(at, '\n', (size_t)(end - at)) : NULL;
    int code = stop && stop - at < 4096
                   ? FUS_OK
                   : fus_base_fail(err, FUS_ENOTFOUND, "%s: names no study; --rois STUDY.tsv expected", path);
    if (!code)
        snprintf(study, 4096, "%.*s", (int)(stop - at), at);
    fus_base_free(log);
    return code;
}

static const struct fus_word kinds[] = {
    {"weights", FUS_SDC_WEIGHTS}, {"pattern", FUS_SDC_PATTERN}, {"both", FUS_SDC_BOTH}, {0}};
static const struct fus_word borders[] = {{"nearest", FUS_SDC_NEAREST}, {"last", FUS_SDC_LAST}, {0}};
static const struct fus_word nulls[] = {
    {"rotate", FUS_SDC_NULL_ROTATE}, {"pairing", FUS_SDC_NULL_PAIRING}, {"none", FUS_SDC_NULL_NONE}, {0}};
static const struct fus_word presets[] = {{"efird", 1}, {0}};
static const struct fus_word means[] = {{"voxels", 0}, {"participants", 1}, {0}};
static const struct fus_word ways[] = {{"all", 1}, {"none", 0}, {0}};

/* --rois without a value: the study of the fit in o->folder, its path in study [4096]. 0, or the
 * status after a message. */
static int take_fit_rois(struct fus_sdc_cluster_options *o, char *study)
{
    struct fus_error err = {0};
    if (!o->folder)
        return fus_args_usage("sdc cluster", "--rois asks for a folder of a fit, or --rois STUDY.tsv");
    if (find_study(study, o->folder, &err))
        return fus_args_failed(&err);
    o->rois = study;
    return 0;
}

int fus_cmd_sdc_cluster(int argc, char **argv)
{
    struct choices c = {
        {kinds, NOT_GIVEN}, {borders, NOT_GIVEN}, {nulls, NOT_GIVEN}, {presets, NOT_GIVEN}, NULL, NULL, NULL};
    struct fus_choice centroid = {means, 0}, compare = {ways, 1};
    static const char *vectors[MAX_VECTORS];
    static const char *groups[FUS_SDC_MAX_GROUPS];
    struct fus_texts operands, list = {vectors, 0, MAX_VECTORS}, group_list = {groups, 0, FUS_SDC_MAX_GROUPS};
    struct fus_sdc_cluster_options o;
    struct fus_sdc_cluster_result result;
    uint64_t stability;
    bool force = false;
    struct fus_error err = {0};
    fus_sdc_cluster_defaults(&o);
    stability = (uint64_t)o.stability;
    const struct fus_arg args[] = {{"--vectors", FUS_ARG_LIST, &list},
                                   {"--out", FUS_ARG_TEXT, &o.out},
                                   {"--force", FUS_ARG_FLAG, &force},
                                   {"--transposed", FUS_ARG_FLAG, &o.transposed},
                                   {"--of", FUS_ARG_CHOICE, &c.of},
                                   {"--eps", FUS_ARG_TEXT, &c.eps},
                                   {"--min-others", FUS_ARG_COUNT, &o.min_others},
                                   {"--require", FUS_ARG_TEXT, &c.require},
                                   {"--border", FUS_ARG_CHOICE, &c.border},
                                   {"--expand", FUS_ARG_TEXT, &c.expand},
                                   {"--null", FUS_ARG_CHOICE, &c.null},
                                   {"--null-replicates", FUS_ARG_COUNT, &o.replicates},
                                   {"--stability", FUS_ARG_SEED, &stability},
                                   {"--embedding", FUS_ARG_TEXT, &o.embedding},
                                   {"--images", FUS_ARG_TEXT, &o.images},
                                   {"--rois", FUS_ARG_TEXT, &o.rois},
                                   {"--group", FUS_ARG_LIST, &group_list},
                                   {"--run", FUS_ARG_TEXT, &o.run},
                                   {"--layer", FUS_ARG_TEXT, &o.layer},
                                   {"--top", FUS_ARG_COUNT, &o.top},
                                   {"--centroid", FUS_ARG_CHOICE, &centroid},
                                   {"--compare", FUS_ARG_CHOICE, &compare},
                                   {"--seed", FUS_ARG_SEED, &o.seed},
                                   {"--preset", FUS_ARG_CHOICE, &c.preset},
                                   {0}};
    bool fit_rois = take_bare_rois(&argc, argv);
    char study[4096];
    int status = fus_args_parse("sdc cluster", help, args, &operands, argc, argv);
    if (status)
        return status < 0 ? 0 : status;
    if (stability > 1000)
        return fus_args_usage("sdc cluster", "--stability: at most 1000 resamples expected");
    o.stability = (int)stability;
    o.vectors = vectors, o.n_vectors = list.n;
    o.groups = groups, o.n_groups = group_list.n;
    o.folder = operands.n ? operands.items[0] : NULL;
    o.note = tell;
    o.keep = !force;
    o.compare = compare.value;
    o.by_participant = centroid.value;
    status = take_choices(&o, &c);
    if (!status)
        status = check(&o, &operands);
    if (!status && fit_rois)
        status = take_fit_rois(&o, study);
    if (status)
        return status;
    fus_interrupt_catch();
    if (fus_sdc_cluster_folder(&o, &result, &err))
        return fus_args_failed(&err);
    print_result(&result);
    printf("report: %s/report.html\n", o.out ? o.out : o.folder);
    return 0;
}
