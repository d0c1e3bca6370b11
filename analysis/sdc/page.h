/* report.html of shared decodable concepts, drawn from the tables alone.
 *
 * Reading order: page_read.c (tables), page_scores.c (retrieval), page_figures.c (sweep, matrices),
 * page_clusters.c (what the clusters are), page_methods.c (how it was done), page.c. */
#ifndef FUS_SDC_PAGE_H
#define FUS_SDC_PAGE_H

#include "analysis/report/axis.h"

/* DIR/report.html from what exists of DIR/scores.csv, DIR/clusters/ and DIR/clusters-pattern/. */
int fus_sdc_page_write(const char *dir, struct fus_error *err);
/* Whether there is anything of this kind in DIR. */
bool fus_sdc_page_suits(const char *dir);

/* ---- private ---- */

struct fus_sdc_page_eps {
    char name[32];
    double eps, n_core, n_clusters, n_count, null_core, q;
    bool chosen;
};

struct fus_sdc_page_cluster {
    double n_voxels, n_participants, cohesion, separation, jaccard, replicated_in, opposite, opposite_cosine, label_auc;
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

enum { FUS_SDC_PAGE_IMAGES = 8 };

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
    char *record;        /* cluster.json */
    int n_overlaps;      /* models times categories */
    char **overlap_name; /* [n_overlaps] face, r50 */
    double *overlap;     /* [n_overlaps, n_clusters] Dice */
};

int fus_sdc_page_read(struct fus_sdc_page_kind *k, const char *dir, const char *folder, const char *which,
                      struct fus_error *err);
void fus_sdc_page_free(struct fus_sdc_page_kind *k);

/* The text of a member of cluster.json, a string or number; "": none. */
void fus_sdc_page_member(char text[128], const struct fus_sdc_page_kind *k, const char *key);

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
void fus_sdc_page_overlap(struct fus_text_buffer *out, const struct fus_sdc_page_kind *k);
void fus_sdc_page_clusters(struct fus_text_buffer *out, const struct fus_sdc_page_kind *k, int number);
void fus_sdc_page_contrasts(struct fus_text_buffer *out, const struct fus_sdc_page_kind *k, int number);
void fus_sdc_page_methods(struct fus_text_buffer *out, const struct fus_sdc_page_kind *kinds, int n);
/* A thumbnail, or the name. */
void fus_sdc_page_thumb(struct fus_text_buffer *out, int number, const char *name, int place);
/* A cluster's name: "3, kind:face". */
void fus_sdc_page_name(struct fus_text_buffer *out, const struct fus_sdc_page_kind *k, int cluster);

#endif
