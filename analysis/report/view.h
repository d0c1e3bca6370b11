/* SPDX-License-Identifier: MIT */
/* A run as the figures need it: the last block layer of each model, the x coordinate of each
 * layer, one value for each (quantity, model, layer, category) with its error, and the
 * comparison of CSI for the asterisks. */
#ifndef FUS_VIEW_H
#define FUS_VIEW_H

#include "analysis/report/report.h"
#include "analysis/report/theme.h"
#include "analysis/report/thumbs.h"

enum fus_view_quantity {
    FUS_VIEW_CSI,
    FUS_VIEW_PROPORTION,
    FUS_VIEW_VARIATION,
    FUS_VIEW_CROSSED, /* CSI in the other half */
    FUS_VIEW_MORISITA
};

struct fus_view_band;

struct fus_view {
    const struct fus_run_summary *run;
    struct fus_theme theme;
    int *last;          /* [n_models] index of the last block output (the paper's layer4.2.relu) */
    int *profile_layer; /* [n_models] index of the layer of its response profile */
    /* all models have the same layer names: the x axis shows them; else relative depth */
    bool same_layers;
    bool intervals; /* proportions have intervals */
    bool variation_intervals;
    /* some layer's responses have a sign, so that its selective units have no CSI: figures and
     * tables show d' in its place, for every model */
    bool dprime;
    /* some unit was selected in one half of the pictures and measured in the other half */
    bool crossed;
    bool matched;             /* some models are compared by as many units of each */
    bool permuted;            /* some layer has results of the permutation test */
    struct fus_thumbs thumbs; /* of the contact sheet, if there is one */
    int most_layers;
    /* [layers of all models, n_categories] sums of squares of units placed at random:
     * fus_view_chance */
    struct fus_view_band *squares;
    struct fus_csi_comparison *rows; /* [n_rows] every pair of models */
    size_t n_rows;
};

/* FUS_EINVAL for an invalid run: no model, no layer, or layers with different numbers of
 * categories. */
int fus_view_create(struct fus_view *view, const struct fus_run_summary *run, struct fus_error *err);
void fus_view_free(struct fus_view *view);

/* The value to draw and the ends of its error bar (NaN: none). A NaN value is a gap. */
struct fus_view_point {
    double value, low, high;
};
struct fus_view_point fus_view_at(const struct fus_view *view, enum fus_view_quantity quantity, int model, int layer,
                                  int category);

/* Whether a layer has so few units for a category that their spread over places is mostly chance:
 * fewer than 20, or, for the CV, less than one for 16 places. Its value does not set a scale. */
#define FUS_VIEW_FEW_UNITS 20
#define FUS_VIEW_FEW_PLACES 16
bool fus_view_few(const struct fus_view *view, enum fus_view_quantity quantity, int model, int layer, int category);

/* The upper end of a scale for values up to `most`, whose error bars reach `high`: those of the
 * spread over places may be long and count up to 1.5 times the largest value. */
double fus_view_limit(enum fus_view_quantity quantity, double high, double most);

/* What chance gives, NaN: not computed. Of the proportion the quantile 1 - alpha over relabellings
 * (high alone); of variation and Morisita's index what 1 - alpha of maps with as many units placed
 * at random lie within (placement.c). */
struct fus_view_band {
    double low, high;
};
struct fus_view_band fus_view_chance(const struct fus_view *view, enum fus_view_quantity quantity, int model, int layer,
                                     int category);

/* The x coordinate of a layer, 0..1. */
double fus_view_x(const struct fus_view *view, int model, int layer);

const struct fus_layer_summary *fus_view_last(const struct fus_view *view, int model);
const struct fus_category_summary *fus_view_category(const struct fus_view *view, int model, int layer, int category);

/* The comparison of a layer of the first model with model_b's, or NULL. */
const struct fus_csi_comparison *fus_view_comparison(const struct fus_view *view, int model_b, int layer_a,
                                                     int category);

/* The bootstrap comparison of the first model's last block layer with model_b's, or NULL. */
const struct fus_model_difference *fus_view_difference(const struct fus_view *view, int model_b, int category);

/* Whether its two layers have the same x coordinate, so that an asterisk above
 * them is unambiguous. */
bool fus_view_comparable(const struct fus_view *view, const struct fus_csi_comparison *row);

/* The model has random weights, by its source ("random:..."). */
bool fus_view_untrained(const struct fus_view *view, int model);

const char *fus_view_name(const struct fus_view *view, int model);

/* The group of trainings that the model belongs to, or NULL. untrained: all its models are. at:
 * mean, least and largest value of its models that have one, in a layer of its first model. */
const struct fus_group *fus_view_group(const struct fus_view *view, int model);
bool fus_view_group_untrained(const struct fus_view *view, const struct fus_group *group);
struct fus_view_point fus_view_group_at(const struct fus_view *view, enum fus_view_quantity quantity,
                                        const struct fus_group *group, int layer, int category);

/* The number of a model's colour, dash and marker: its own, or its group's. */
int fus_view_look(const struct fus_view *view, int model);

/* Of a model's last block layer: the share of its units that are selective for the category, how
 * many are selective for any, and the one category that has selective units (-1: none
 * or several). */
double fus_view_share(const struct fus_view *view, int model, int category);
size_t fus_view_n_selective(const struct fus_view *view, int model);
int fus_view_only_category(const struct fus_view *view, int model);

/* The largest share in the map of a layer; 0 without a map. */
double fus_view_map_most(const struct fus_view *view, int model, int layer, int category);

/* The category is the scrambled control, by its name: no finding is about it. */
bool fus_view_scrambled(const struct fus_view *view, int category);

#endif
