/* SPDX-License-Identifier: MIT */
/* What the clusters of one eps are: their centroids, the images near to them and far from them, in
 * whom they can be decoded. */
#ifndef FUS_SDC_EXPLAIN_H
#define FUS_SDC_EXPLAIN_H

#include "analysis/sdc/clustering.h"
#include "analysis/sdc/images.h"

/* ---- images and their embeddings ---- */

struct fus_sdc_pool {
    size_t n, d;  /* images; dimensions. n = 0: no embedding is known */
    int32_t *row; /* [n] of the embedding, rising */
    float *unit;  /* [n, d] */
    bool has_images;
    struct fus_sdc_images images; /* one for each row of the embedding, if has_images */
    char *embedding, *table;      /* files; NULL: none */
    char sha256[65];
};
/* From the options, else as the fit's sdc.json names them. The pool is all images of test trials;
 * all of the embedding if there is no fit. */
int fus_sdc_pool_open(struct fus_sdc_pool *pool, const struct fus_sdc_clustering *c, struct fus_error *err);
void fus_sdc_pool_close(struct fus_sdc_pool *pool);
/* The image's name: as in IMAGES.tsv, else its row. */
const char *fus_sdc_pool_name(char text[32], const struct fus_sdc_pool *pool, size_t i);

/* Test trials of one participant, as a fit left them. */
struct fus_sdc_tested {
    size_t n_trials, n_voxels, n_sessions, n_images;
    float *z;         /* [n_trials, n_voxels] */
    float *mean, *sd; /* [n_sessions, n_voxels] raw = z sd + mean; NULL: not there */
    int32_t *session; /* [n_trials] */
    int32_t *at;      /* [n_trials] its image's place among this participant's images */
    int32_t *image;   /* [n_images] place in the pool, rising */
    size_t *repeats;  /* [n_images] */
    float *weight;    /* [n_voxels, d] of the decoder */
};
/* *found: false if there are no responses. */
int fus_sdc_tested_read(struct fus_sdc_tested *t, bool *found, const struct fus_sdc_clustering *c,
                        const struct fus_sdc_pool *pool, int participant, struct fus_error *err);
void fus_sdc_tested_free(struct fus_sdc_tested *t);

/* ---- clusters of one eps ---- */

struct fus_sdc_fact {
    size_t n_voxels, n_core;
    int n_participants;
    double cohesion;   /* mean cosine of members with the centroid */
    double separation; /* largest cosine with another centroid; NaN: the only cluster */
    double silhouette; /* Rousseeuw 1987, distances to centroids */
    int opposite;      /* the cluster with the most opposed centroid; -1: the only one */
    double opposite_cosine;
    double jaccard;        /* mean of the best over resampled reruns; NaN: not computed */
    double jaccard_halves; /* over odd and even sessions */
    size_t n_channels;     /* of all networks */
    int replicated_in;     /* left-out participants; -1: not computed */
    int label;             /* of the images, see labels; -1: none */
    double label_auc;
};

/* These labels and those of other decoders of the same participants: stability.c. */
enum { FUS_SDC_MOST_AGREEMENTS = 4 };
struct fus_sdc_agreement {
    const char *with;       /* "reruns", "odd sessions", "even sessions", "odd with even sessions" */
    int n;                  /* of clusterings compared */
    double eps;             /* at which they were made; NaN: two eps */
    double rand, rand_core; /* mean adjusted Rand index of all voxels, of core voxels */
};

/* A cluster in one participant. */
struct fus_sdc_decoded {
    size_t n_voxels, n_against; /* members; voxels nearer than eps to the opposite of the centroid */
    double r, p, q;             /* of own voxels; NaN: none, or no responses */
    double r_all;               /* of all voxels */
    double r_left_out, p_left_out, q_left_out;
    double raw[3], sem[3]; /* mean response to the top tenth of images, the bottom tenth, all */
};

/* Clusters found in other ways: beside.c. */
enum fus_sdc_way { FUS_SDC_SHARED, FUS_SDC_WITHIN_PEOPLE, FUS_SDC_K_MEANS, FUS_SDC_WAYS };
struct fus_sdc_beside_cluster {
    enum fus_sdc_way way;
    int participant, cluster; /* participant: -1, or the one that it was found in */
    size_t n_voxels;
    int n_participants, n_tested, replicated_in, needed; /* needed: of participants, to be replicated */
    double r;                                            /* mean over the participants tested; NaN: none */
};
struct fus_sdc_beside {
    struct fus_sdc_beside_cluster *cluster; /* [n], by way; of ten voxels or more */
    size_t n, room;
    int n_clusters[FUS_SDC_WAYS];
    size_t n_clustered[FUS_SDC_WAYS]; /* voxels */
    double rand[FUS_SDC_WAYS];        /* with the shared clusters; of WITHIN_PEOPLE the mean over participants */
};

struct fus_sdc_label_row {
    int cluster, label;
    double auc, p_top, q_top, p_bottom, q_bottom;
    size_t n, n_top, n_bottom; /* images with the label; in the top and bottom hundredth */
};

struct fus_sdc_explained {
    const struct fus_sdc_clustering *c;
    const struct fus_sdc_pool *pool;
    int e, k, p; /* the eps; clusters; participants */
    const int32_t *label;
    double *distance;                /* [n] of a voxel to its cluster's centroid; NaN: noise */
    double *centroid;                /* [k, d] of length 1 */
    struct fus_sdc_fact *fact;       /* [k] */
    struct fus_sdc_decoded *decoded; /* [k, p] */
    double *similarity;              /* [k, pool->n] */
    uint32_t *order;                 /* [k, pool->n] places in the pool by falling similarity */
    int n_agreements;
    struct fus_sdc_agreement agreement[FUS_SDC_MOST_AGREEMENTS];
    bool has_responses, has_left_out;
    struct fus_sdc_beside beside; /* n = 0: not computed */
    int n_labels;
    char **label_name;                /* [n_labels] */
    struct fus_sdc_label_row *labels; /* [k, n_labels] */
};

int fus_sdc_explain(struct fus_sdc_explained *x, const struct fus_sdc_clustering *c, int e,
                    const struct fus_sdc_pool *pool, struct fus_error *err);
void fus_sdc_explain_free(struct fus_sdc_explained *x);

/* centroid [k, d] of labels [v->n]: the mean of members' vectors, or of participants' means, of
 * length 1. n_voxels, by participant [k, P], may be NULL. */
int fus_sdc_centroids(double *centroid, size_t *n_voxels, const struct fus_sdc_vectors *v, const int32_t *label, int k,
                      bool by_participant, struct fus_error *err);

/* For each of own [k, d] the nearest of the others: its centroid, found if nearer than eps. */
void fus_sdc_explain_match(double *centroid, uint8_t *found, const double *own, int k, const double *others,
                           int k_others, size_t d, double eps);

/* Centroids [k, d] in which a participant had no part, on its test trials: r and p of its voxels
 * nearer than eps to each that is wanted; NaN: it has none. *there: false if there are no
 * responses. kind: which random numbers, from 2 on. */
struct fus_sdc_outside {
    double r, p;
};
int fus_sdc_explain_outside(struct fus_sdc_outside *out, bool *there, const struct fus_sdc_explained *x,
                            int participant, const double *centroid, const uint8_t *wanted, int k, int kind,
                            struct fus_error *err);

/* The parts, in this order. */
int fus_sdc_explain_images(struct fus_sdc_explained *x, struct fus_error *err); /* concept_images.c */
int fus_sdc_explain_labels(struct fus_sdc_explained *x, struct fus_error *err); /* concept_labels.c */
int fus_sdc_explain_left_out(double *centroid, uint8_t *found, const struct fus_sdc_explained *x, int participant,
                             struct fus_error *err);                               /* left_out.c: [k, d], [k] */
int fus_sdc_explain_responses(struct fus_sdc_explained *x, struct fus_error *err); /* decodability.c */
int fus_sdc_explain_beside(struct fus_sdc_explained *x, struct fus_error *err);    /* beside.c */
int fus_sdc_explain_stability(struct fus_sdc_explained *x, struct fus_error *err); /* stability.c */

#endif
