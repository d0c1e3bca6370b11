/* A run as the figures look at it: which layer stands for "the last block", where a layer lies on the x axis, one
 * number per (quantity, model, layer, category) with its error, and the comparison of CSI behind the asterisks. */
#ifndef FUS_VIEW_H
#define FUS_VIEW_H

#include "analysis/report/report.h"
#include "analysis/report/theme.h"
#include "analysis/report/thumbs.h"

enum fus_view_quantity { FUS_VIEW_CSI, FUS_VIEW_PROPORTION, FUS_VIEW_VARIATION, FUS_VIEW_CROSSED /* CSI in the other half */ };

struct fus_view {
    const struct fus_run_summary *run;
    struct fus_theme theme;
    int *last;        /* [n_models] index of the last block output (the paper's layer4.2.relu) */
    int *profile_layer; /* [n_models] index of the layer of its response profile */
    bool same_layers; /* all models have the same layer names: the x axis shows them; else relative depth */
    bool intervals;   /* proportions have intervals */
    bool variation_intervals;
    bool crossed;     /* some unit was selected in one half of the pictures and measured in the other */
    bool permuted;    /* some layer has what relabelled pictures give */
    struct fus_thumbs thumbs; /* of the contact sheet, where there is one */
    int most_layers;
    struct fus_csi_comparison *rows; /* [n_rows] first model against every other */
    size_t n_rows;
};

/* FUS_EINVAL where the run is not one: no model, no layer, or layers with other numbers of categories. */
int fus_view_create(struct fus_view *view, const struct fus_run_summary *run, struct fus_error *err);
void fus_view_free(struct fus_view *view);

/* The number to draw and its error bar's ends (NaN: none). NaN value: undefined, a gap. */
struct fus_view_point {
    double value, low, high;
};
struct fus_view_point fus_view_at(const struct fus_view *view, enum fus_view_quantity quantity, int model, int layer, int category);

/* The share of selective units that relabelled pictures reach in alpha of all relabellings; NaN: not computed. */
double fus_view_chance(const struct fus_view *view, int model, int layer, int category);

/* Where a layer lies between the ends 0 and 1 of the x axis. */
double fus_view_x(const struct fus_view *view, int model, int layer);

const struct fus_layer_summary *fus_view_last(const struct fus_view *view, int model);
const struct fus_category_summary *fus_view_category(const struct fus_view *view, int model, int layer, int category);

/* The row that compares the first model's layer with `model_b`'s, or NULL. */
const struct fus_csi_comparison *fus_view_comparison(const struct fus_view *view, int model_b, int layer_a, int category);

/* What compare.csv says of the first model's last block layer against model_b's, or NULL where the two are not compared. */
const struct fus_model_difference *fus_view_difference(const struct fus_view *view, int model_b, int category);

/* Its two layers lie at the same place of the x axis: then an asterisk above them says what it seems to say. */
bool fus_view_comparable(const struct fus_view *view, const struct fus_csi_comparison *row);

/* The model has random weights, by its source ("random:..."). */
bool fus_view_untrained(const struct fus_view *view, int model);

#endif
