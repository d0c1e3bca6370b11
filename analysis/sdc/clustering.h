/* SPDX-License-Identifier: MIT */
/* `fusiform sdc cluster` as a library call: vectors in, clusters, maps, tables and a report out.
 *
 *     struct fus_sdc_cluster_options o;
 *     fus_sdc_cluster_defaults(&o);
 *     o.folder = "out/sdc";                                 a folder that a fit wrote
 *     code = fus_sdc_cluster_folder(&o, &result, err);
 *
 * Files, below OUT: clusters/ (vectors are weights) or clusters-pattern/ (patterns), in it eps.csv,
 * cluster.json, cluster.log, voxels/NAME.csv and a folder for each eps: clusters.csv, labels,
 * expanded clusters, centroids, and what explains them. */
#ifndef FUS_SDC_CLUSTERING_H
#define FUS_SDC_CLUSTERING_H

#include "analysis/sdc/cluster.h"
#include "analysis/sdc/decoders.h"
#include "analysis/sdc/phases.h"

/* Voxels of a cluster that counts. */
enum { FUS_SDC_LEAST_VOXELS = 10 };

enum fus_sdc_of { FUS_SDC_WEIGHTS = 1, FUS_SDC_PATTERN = 2, FUS_SDC_BOTH = 3 };
enum fus_sdc_null { FUS_SDC_NULL_ROTATE, FUS_SDC_NULL_PAIRING, FUS_SDC_NULL_NONE };

struct fus_sdc_cluster_options {
    const char *folder;         /* of a fit; NULL: vectors */
    const char *const *vectors; /* [n_vectors] NAME=FILE */
    int n_vectors;
    bool transposed; /* the files are [dimensions, voxels] */
    const char *out; /* NULL: folder */
    enum fus_sdc_of of;
    double eps[FUS_SDC_MAX_EPS];
    int n_eps;                  /* 0: the grid, one of which is chosen */
    int min_others;             /* 0: as required, else 3, or the number of other participants if that is smaller */
    int require[FUS_SDC_KINDS]; /* participants of each kind; 0: any number */
    enum fus_sdc_border border;
    double expand; /* 0: min(eps + 0.05, 0.65); below 0: none */
    enum fus_sdc_null null;
    int replicates;                 /* of the null */
    int stability;                  /* resamples of reruns; 0: none */
    bool compare;                   /* with other ways of clustering, where there are responses */
    bool by_participant;            /* centroids are means of participants' means */
    const char *images, *embedding; /* NULL: those of the fit */
    const char *rois;               /* a study's table, whose label images are compared (rois.h); NULL: none */
    const char *const *groups;      /* [n_groups] NAME=PARTICIPANT,... (groups.h) */
    int n_groups;
    const char *run, *layer; /* of networks: selective units of `fusiform run` (overlap.h); NULL: none */
    int top;                 /* images most and least associated */
    uint64_t seed;
    bool keep;                      /* clusters of other options or inputs are an error, else replaced */
    bool preset;                    /* efird; for the record */
    void (*note)(const char *line); /* a line for the user while it works; NULL: none */
};
void fus_sdc_cluster_defaults(struct fus_sdc_cluster_options *o);

/* What was found at one eps. */
struct fus_sdc_eps {
    double eps;
    size_t n_core, n_border, largest;
    int n_clusters, n_count; /* n_count: at least 10 voxels, of participants as the rule asks */
    double null_core, q;     /* mean core voxels by chance, their share of n_core; NaN: no null */
    double rand_next;        /* adjusted Rand index with the labels of the next eps; NaN: the last */
    uint64_t near;           /* pairs within 1e-6 of eps */
    bool chosen, written;
};

/* One kind of vectors, clustered. */
struct fus_sdc_clustering {
    const struct fus_sdc_cluster_options *o;
    char *out; /* its folder */
    const char *which;
    struct fus_sdc_phases *phases;
    struct fus_sdc_decoders decoders;
    struct fus_sdc_pairs *pairs;
    struct fus_sdc_rule rule;
    uint8_t *kind; /* [participants], of the rule */
    float *kappa;  /* [n] */
    int n_eps;
    struct fus_sdc_eps eps[FUS_SDC_MAX_EPS];
    int32_t *label; /* [n_eps, n] */
    int chosen;     /* of eps; -1: none */
};

struct fus_sdc_cluster_result {
    struct {
        const char *which; /* "weight", "pattern" */
        int n_eps, chosen, n_participants, min_others;
        bool judged; /* against chance */
        size_t n_voxels;
        struct fus_sdc_eps eps[FUS_SDC_MAX_EPS];
    } of[2];
    int n;
};

int fus_sdc_cluster_folder(const struct fus_sdc_cluster_options *o, struct fus_sdc_cluster_result *result,
                           struct fus_error *err);

/* "0.35", "0.05", "0.125": an eps as its folder is called. */
void fus_sdc_clustering_name(char name[32], double eps);

/* What eps holds besides n_clusters, from kappa and label. */
int fus_sdc_clustering_count(struct fus_sdc_clustering *c, struct fus_error *err);

/* The adjusted Rand index of two partitions a, b [n] (Hubert & Arabie 1985); noise, -1, is a part
 * like another. 1 where both are a single part or n < 2. NaN if memory is out. */
double fus_sdc_rand(const int32_t *a, const int32_t *b, size_t n);

#endif
