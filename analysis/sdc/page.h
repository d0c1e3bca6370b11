/* SPDX-License-Identifier: MIT */
/* report.html of shared decodable concepts, drawn from the tables alone.
 *
 * Reading order: page_read.c (tables), page_matrix.c (panels), page_scores.c (retrieval),
 * page_figures.c (sweep, matrices), page_clusters.c (what the clusters are), page_judge.c (who is
 * in them, stability, other ways), page_regions.c (regions of interest), page_shared.c (networks),
 * page_groups.c (groups of participants), page_methods.c (how it was done), page.c. */
#ifndef FUS_SDC_PAGE_H
#define FUS_SDC_PAGE_H

#include "analysis/report/axis.h"
#include "analysis/report/panels.h"

/* DIR/report.html from what exists of DIR/scores.csv, DIR/clusters/ and DIR/clusters-pattern/. */
int fus_sdc_page_write(const char *dir, struct fus_error *err);
/* Whether there is anything of this kind in DIR. */
bool fus_sdc_page_suits(const char *dir);

/* ---- private ---- */

struct fus_sdc_page_eps {
    char name[32];
    double eps, n_core, n_border, n_clusters, n_count, null_core, q, largest;
    bool chosen;
};

struct fus_sdc_page_cluster {
    double n_voxels, n_participants, cohesion, separation, jaccard, jaccard_halves, replicated_in, opposite,
        opposite_cosine, label_auc;
    double *voxels; /* [n_names] */
    char *label;
};

struct fus_sdc_page_decoded {
    double n_voxels, r, q, r_all, r_left_out, q_left_out, raw[2], sem[2];
};

struct fus_sdc_page_image {
    char *name;
    double similarity;
    int place; /* on the sheet; -1: no thumbnail */
};

struct fus_sdc_page_contrast {
    int a, b, shared, of;
    char *first, *last; /* what is nearest to a and to b */
    int first_place, last_place;
};

/* A line of stability.csv, of comparison.csv. */
struct fus_sdc_page_agreement {
    char with[60];
    double n, rand, rand_core;
};
struct fus_sdc_page_way {
    char way[60];
    double n_clusters, n_count, rand, n_replicated, share, r;
};

enum { FUS_SDC_PAGE_IMAGES = 8, FUS_SDC_PAGE_CELLS = 60, FUS_SDC_PAGE_LINES = 8 };
#define FUS_SDC_PAGE_WIDTH FUS_PANELS_WIDTH

/* A cluster and the localizer's categories, over all its networks. category: of those with q < .05
 * the one with most of the cluster's units; NULL: none. */
struct fus_sdc_page_met {
    bool known;
    char *category;
    double n_both, n_units;
};

/* A group of participants. */
struct fus_sdc_page_group {
    char *name;
    double size, *present, *units; /* [n_clusters] participants that are in a cluster, their voxels */
};

/* Regions of interest. */
struct fus_sdc_page_region {
    char *name; /* "faces: FFA-1" */
    int set;
    long number;
};
struct fus_sdc_page_regions {
    int n, n_sets;
    struct fus_sdc_page_region *region; /* [n] */
    char **set;                         /* [n_sets] */
    uint8_t *has;                       /* [n_sets, n_names] whether the participant has the set */
    double *share, *dice;               /* [n, n_clusters]; NaN: nobody with the set has the cluster */
};

/* What participants and their vectors are called. */
struct fus_sdc_page_words {
    const char *one, *many, *Many, *who;
};

/* One kind of vectors at one eps. */
struct fus_sdc_page_kind {
    const char *which; /* "weights", "patterns" */
    const char *folder;
    int n_eps, shown; /* shown: the eps that is described; -1: none has tables */
    struct fus_sdc_page_eps *eps;
    int n_names, n_clusters;
    char **names;
    struct fus_sdc_page_cluster *clusters;
    struct fus_sdc_page_decoded *decoded; /* [n_clusters, n_names]; NULL: no responses */
    struct fus_sdc_page_image *images;    /* [n_clusters, 2, FUS_SDC_PAGE_IMAGES]; NULL: none */
    double *cosine;                       /* [n_clusters, n_clusters] of centroids; NULL: none */
    int n_contrasts;
    struct fus_sdc_page_contrast *contrasts;
    int n_thumbs;
    char **thumbs;  /* [n_thumbs] names of the images on the sheet, by place */
    uint8_t *sheet; /* [sheet_n] thumbs.png; NULL: none */
    size_t sheet_n;
    char *record, *fit_record; /* cluster.json; sdc.json or fit.json; NULL: none */
    double n_voxels;           /* of all participants; 0: unknown */
    bool *network;             /* [n_names]; NULL: unknown */
    int n_agreements, n_ways;
    struct fus_sdc_page_agreement agreement[FUS_SDC_PAGE_LINES];
    struct fus_sdc_page_way way[FUS_SDC_PAGE_LINES];
    int n_pairs; /* of participants in one space */
    char **pair_name;
    double *dice;                         /* [n_pairs, n_clusters]; NaN: not both have it */
    int n_overlaps;                       /* models times categories */
    char **overlap_name;                  /* [n_overlaps] face, r50 */
    double *overlap;                      /* [n_overlaps, n_clusters] Dice */
    struct fus_sdc_page_met *met;         /* [n_clusters]; NULL: not compared */
    struct fus_sdc_page_regions *regions; /* NULL: not compared */
    int n_groups;                         /* of participants */
    struct fus_sdc_page_group *groups;
};

int fus_sdc_page_read(struct fus_sdc_page_kind *k, const char *dir, const char *folder, const char *which,
                      struct fus_error *err);
void fus_sdc_page_free(struct fus_sdc_page_kind *k);

/* A member of cluster.json, of the fit's sdc.json: a string, number or word; "": none. */
void fus_sdc_page_member(char text[128], const struct fus_sdc_page_kind *k, const char *key);
void fus_sdc_page_fit_member(char text[128], const struct fus_sdc_page_kind *k, const char *key);

/* Tables and figures of page_judge.c. */
int fus_sdc_page_judge_read(struct fus_sdc_page_kind *k, const char *folder, struct fus_error *err);
void fus_sdc_page_judge_free(struct fus_sdc_page_kind *k);
int fus_sdc_page_regions_read(struct fus_sdc_page_kind *k, const char *folder, struct fus_error *err);
void fus_sdc_page_regions_free(struct fus_sdc_page_kind *k);
int fus_sdc_page_overlap_read(struct fus_sdc_page_kind *k, const char *folder, struct fus_error *err);
void fus_sdc_page_overlap_free(struct fus_sdc_page_kind *k);
struct fus_sdc_page_words fus_sdc_page_words(const struct fus_sdc_page_kind *k);
/* Near copies and an own embedding, from sdc.json. */
void fus_sdc_page_relations(struct fus_text_buffer *out, const struct fus_sdc_page_kind *k);
void fus_sdc_page_sharers(struct fus_text_buffer *out, const struct fus_sdc_page_kind *k);
/* Whether a category is the cluster: half of its units or more. */
bool fus_sdc_page_is_category(const struct fus_sdc_page_met *m);
/* page_groups.c */
int fus_sdc_page_groups_read(struct fus_sdc_page_kind *k, const char *folder, struct fus_error *err);
void fus_sdc_page_groups_free(struct fus_sdc_page_kind *k);
void fus_sdc_page_groups(struct fus_text_buffer *out, const struct fus_sdc_page_kind *k, int number);
void fus_sdc_page_judge(struct fus_text_buffer *out, const struct fus_sdc_page_kind *k);
void fus_sdc_page_presence(struct fus_text_buffer *out, const struct fus_sdc_page_kind *k);

/* Opens folder/name; *there: false, and no error, if there is no such file. */
struct fus_csv_read;
int fus_sdc_page_table(struct fus_csv_read *t, bool *there, const char *folder, const char *name,
                       struct fus_error *err);

/* Cells shaded from low to high; a cell that is not finite stays open. */
struct fus_sdc_page_matrix {
    int rows, columns;
    const double *values; /* [rows, columns] */
    double low, high;
    const char *title;
    char *const *row_names; /* NULL: numbers from 1 */
    int decimals;
};
void fus_sdc_page_matrix(struct fus_text_buffer *out, const struct fus_sdc_page_matrix *m);

/* scores.csv: read (without the file there are no points), the finding as <li>, the figure;
 * sdc.json as a table. */
struct fus_sdc_page_scores;
int fus_sdc_page_scores_read(struct fus_sdc_page_scores **scores, const char *dir, struct fus_error *err);
void fus_sdc_page_scores_free(struct fus_sdc_page_scores *scores);
bool fus_sdc_page_scores_any(const struct fus_sdc_page_scores *scores);
void fus_sdc_page_scores_lead(struct fus_text_buffer *out, const struct fus_sdc_page_scores *scores);
void fus_sdc_page_scores_put(struct fus_text_buffer *out, const struct fus_sdc_page_scores *scores);
int fus_sdc_page_scores_record(struct fus_text_buffer *out, const char *dir, struct fus_error *err);

/* Panels of FUS_PANELS_WIDTH x FUS_SDC_PAGE_HEIGHT: begins one, its title at x; draws its axes. */
#define FUS_SDC_PAGE_HEIGHT 210.0
void fus_sdc_page_panel(struct fus_text_buffer *out, double width, double height, const char *title, double x);
void fus_sdc_page_axes(struct fus_text_buffer *out, struct fus_axis *x, struct fus_axis *y, const char *below,
                       const char *left);
void fus_sdc_page_sweep(struct fus_text_buffer *out, const struct fus_sdc_page_kind *k);
void fus_sdc_page_matrices(struct fus_text_buffer *out, const struct fus_sdc_page_kind *k);
void fus_sdc_page_regions(struct fus_text_buffer *out, const struct fus_sdc_page_kind *k);
void fus_sdc_page_overlap(struct fus_text_buffer *out, const struct fus_sdc_page_kind *k);
void fus_sdc_page_clusters(struct fus_text_buffer *out, const struct fus_sdc_page_kind *k, int number);
void fus_sdc_page_contrasts(struct fus_text_buffer *out, const struct fus_sdc_page_kind *k, int number);
void fus_sdc_page_methods(struct fus_text_buffer *out, const struct fus_sdc_page_kind *kinds, int n);
/* A thumbnail, or the name. */
void fus_sdc_page_thumb(struct fus_text_buffer *out, int number, const char *name, int place);
/* A cluster's name: "3, kind:face". */
void fus_sdc_page_name(struct fus_text_buffer *out, const struct fus_sdc_page_kind *k, int cluster);

#endif
