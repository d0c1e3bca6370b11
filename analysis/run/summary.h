/* SPDX-License-Identifier: MIT */
/* A run in memory: its models, their layers (fus_layer_summary) and in each the categories
 * (fus_category_summary). The tables are written from it and read back into it; the report is drawn
 * from it. */
#ifndef FUS_SUMMARY_H
#define FUS_SUMMARY_H

#include "analysis/contrast.h"
#include "analysis/inference.h"

#ifdef __cplusplus
extern "C" {
#endif

struct fus_model_summary {
    char *name, *source, *architecture, *preprocess; /* "r20", path or spec, "ResNet-20 (CIFAR) ...", "torchvision" */
    char sha256[65];
    int n_layers;
    struct fus_layer_summary *layers; /* [n_layers], of analysis.h; of it the categories */
};

/* For the paper's Fig 2A: how the units selective for each category respond to every single
 * picture, in one layer of one model, chosen by fus_compare_last_block. n_pictures 0 = this model
 * has none. */
struct fus_response_profile {
    char layer[48];
    int n_pictures;
    const int *category; /* [n_pictures] of the picture */
    const double
        /* [n_categories, n_pictures] mean over the units selective for the category; NaN if there
         * are none */
        *response;
};

/* A unit of the reference layer that responds most reliably to a category, with the pictures
 * (indices in the run's list) of largest and smallest response, the extreme ones first. */
#define FUS_TOP_UNITS 5    /* a category */
#define FUS_TOP_PICTURES 4 /* of each kind; fewer if the run has fewer */
struct fus_top_unit {
    int model, layer, category;
    int channel, y, x;
    double t, csi, dprime; /* least t against the other categories */
    int n_pictures, most[FUS_TOP_PICTURES], least[FUS_TOP_PICTURES];
    double most_response[FUS_TOP_PICTURES], least_response[FUS_TOP_PICTURES];
};

/* The difference of two models, by the bootstrap over pictures, as in compare.csv. NaN: not
 * computed. */
struct fus_model_difference {
    int model_a, model_b, layer_a, layer_b, category;
    double ratio, ratio_low, ratio_high; /* of the proportions */
    double proportion_low, proportion_high, csi_low, csi_high, variation_low, variation_high, morisita_low,
        morisita_high;
    double equivalence_low, equivalence_high; /* of the ratio, coverage 1 - 2 alpha; with a sesoi */
};

/* Two models by k units of each in a category, as in matched.csv; by fus_matched_statistic. NaN:
 * undefined, or without a bootstrap. */
struct fus_matched_row {
    int model_a, model_b, layer_a, layer_b, category;
    size_t k;
    struct fus_interval a[FUS_MATCHED_STATISTICS], b[FUS_MATCHED_STATISTICS], difference[FUS_MATCHED_STATISTICS];
};

/* Two groups of trainings in one layer (of the first group's first model), category and statistic,
 * as in groups.csv. */
struct fus_group_row {
    int a, b, layer, category, statistic; /* groups; fus_group_statistics */
    double mean_a, mean_b, sd_a, sd_b, difference, low, high, p, p_family;
    long relabellings; /* negative: drawn, else all */
};

/* The settings of the run, for the methods section; texts as in run.json, NULL: not stated. halves:
 * none, alternate, manifest, option; interval: centred, percentile, bca. */
struct fus_run_method {
    const char *layers, *conv, *precision, *halves, *interval, *seed;
    const char *subsample; /* pictures per category, "8,12,16"; NULL: none */
    const char *validate;  /* the second set's one-line description; NULL: none */
    const char *over;      /* what `bootstrap` draws: pictures, subcategories, both; NULL: pictures */
    bool equal_n;          /* equal_n.csv is there */
    long bootstrap, permutations;
    long near_duplicates; /* pairs; -1: not looked for */
};

struct fus_pixelstats_category; /* stimuli/stimuli.h */

struct fus_run_summary {
    const char *version;
    char *stimuli; /* the set's one-line description */
    int n_categories;
    char **categories;    /* "face", ... */
    int *n_pictures;      /* [n_categories] */
    int *n_subcategories; /* [n_categories]; NULL: not known */
    struct fus_select_options options;
    double sesoi; /* --sesoi; 0: none */
    int n_models;
    struct fus_model_summary *models;
    const char *criterion; /* the criterion of selectivity in a sentence; NULL: fus_select_layer */
    /* From here on NULL or 0 means: the run has none. */
    const struct fus_run_method *method;
    const struct fus_response_profile *profiles; /* [n_models]: Fig 2A */
    const struct fus_top_unit *top;              /* [n_top], by model, category and rank */
    size_t n_top;
    char **pictures;          /* [sum of n_pictures] their names, in order of categories */
    const uint8_t *sheet_png; /* [sheet_bytes] thumbnails, laid out by thumbs.h: Fig 1B */
    size_t sheet_bytes;
    const struct fus_pixelstats_category *pixels;   /* [n_categories] the pictures before any network */
    const struct fus_model_difference *differences; /* [n_differences] */
    size_t n_differences;
    const struct fus_matched_row *matched; /* [n_matched] */
    size_t n_matched;
    struct fus_groups groups;               /* of models: --group */
    const struct fus_group_row *group_rows; /* [n_group_rows] */
    size_t n_group_rows;
    const double *consistency
        [2]; /* [n, n] Spearman's r of category and of picture dissimilarities; n layers of all models in turn */
};

/* The last layer with more than one place: layer4.2.relu of a ResNet-50. NULL: no layer. */
const struct fus_layer_summary *fus_summary_last_place_layer(const struct fus_model_summary *m);

/* The groups of --group among the run's models; text NULL: none. */
int fus_summary_groups(struct fus_groups *groups, const struct fus_run_summary *run, const char *text,
                       struct fus_error *err);

/* What the interval of a ratio says of a smallest log ratio of interest: "equivalent" if it lies
 * within, "different" if it lies beyond on one side, else "undecided"; "" without either. With
 * coverage 1 - 2 alpha the first is two one-sided tests at alpha (Schuirmann 1987). */
const char *fus_summary_equivalence(double low, double high, double sesoi);

/* Frees what a layer owns and clears it; the same for a model. */
void fus_summary_free_layer(struct fus_layer_summary *layer);
void fus_summary_free_model(struct fus_model_summary *model);

/* The layer that the report calls the last block layer (the paper's layer4.2.relu): by name, else
 * the last with places. Only names and sizes of the layers are read, so it can be called before the
 * run. */
int fus_compare_last_block(const struct fus_model_summary *model);

/* ---- comparing models (analysis/units/compare.c) ---- */

/* One row of the comparison of two models (compare.c): the paper's own one-sided
 * Welch test of CSI over the selective units ("first greater"), per pair of layers. */
struct fus_csi_comparison {
    int model_a, model_b, layer_a, layer_b, category;
    double proportion_difference, csi_difference, t, df, p; /* NaN if either side has fewer than 2 units */
};
/* The layer of b that a's is compared with, or -1. Layers are paired by name. If the block names of
 * two networks differ, since they differ in depth, each block layer is paired with the one nearest
 * in relative depth, the last with the last. The pairs are the same for (b, a). */
int fus_compare_layer(const struct fus_model_summary *a, int layer, const struct fus_model_summary *b);
int fus_compare_csi(struct fus_csi_comparison **rows, size_t *n_rows, const struct fus_run_summary *run,
                    struct fus_error *err);

#ifdef __cplusplus
}
#endif

#endif
