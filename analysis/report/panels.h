/* SPDX-License-Identifier: MIT */
/* The panels of figures, drawn from (0, 0): lines across layers, dots, bars, maps, matrices.
 * Each is appended to a text and returns its height. */
#ifndef FUS_PANELS_H
#define FUS_PANELS_H

#include "analysis/report/axis.h"

#define FUS_PANELS_WIDTH 340.0 /* a phone's width, so that a panel is never scaled down */
#define FUS_PANELS_MAP_WIDTH 148.0
#define FUS_PANELS_NAME_CHARS 28 /* longer names are shortened in figures, never in tables */

/* One category across the layers, one line for each of the models which [n_which]. `scale`: its
 * limits; from and to are set by the function. CSI panels have asterisks where the first model's
 * CSI is greater. Returns the height. */
double fus_panel_lines(struct fus_text_buffer *out, const struct fus_view *view, enum fus_view_quantity quantity,
                       int category, const struct fus_axis *scale, const unsigned char *which, int n_which);

/* The responses of the units selective for a category (at least one) to every picture
 * (view->run->profiles): a column of dots for each category of pictures, with a line at its
 * mean. Of large categories only every n-th picture is drawn; *every becomes at least that n. */
struct fus_axis fus_panel_dots_scale(const struct fus_view *view, int model);
double fus_panel_dots(struct fus_text_buffer *out, const struct fus_view *view, int model, int category,
                      const struct fus_axis *scale, int *every);

/* The last block layer: one bar for each category and model; at least min_height high. *beyond
 * becomes true if values of few units lie beyond the scale. Returns the height. */
double fus_panel_bars(struct fus_text_buffer *out, const struct fus_view *view, enum fus_view_quantity quantity,
                      double min_height, bool *beyond);

/* Share of the channels selective for a category at each place of the last block layer's map, 0
 * to `top`. */
double fus_panel_map(struct fus_text_buffer *out, const struct fus_view *view, int model, int category, double top);

/* The first model and another in their last block layers by as many units of each (matched.csv):
 * mean CSI against k. rows: sets *rows to those of the category and returns their number; the
 * panel needs one at least. */
int fus_panel_matched_rows(const struct fus_matched_row **rows, const struct fus_view *view, int model_b, int category);
double fus_panel_matched(struct fus_text_buffer *out, const struct fus_view *view, int model_b, int category);

/* The same as a small picture without words, averaged to 16 x 16 places; the layer has maps. */
void fus_panel_map_small(struct fus_text_buffer *out, const struct fus_layer_summary *layer, int category, double top);

/* The colour scale of maps and matrices. */
double fus_panel_map_scale(struct fus_text_buffer *out, const struct fus_axis *scale, const char *title, double width);

/* One category's statistic (of struct fus_power_point) against the number of pictures, one line for
 * each model; an x above numbers where two models' order is not that of all pictures. range: NaN
 * where nothing is defined. */
void fus_panel_power_range(double *lo, double *hi, const struct fus_view *view, const struct fus_power_plan *plan,
                           int category, int statistic);
double fus_panel_power(struct fus_text_buffer *out, const struct fus_view *view, const struct fus_power_plan *plan,
                       int category, int statistic, const struct fus_axis *scale);

/* Rank correlation of every layer of model a (rows) with every layer of b (columns). values [n,
 * n]: all layers of all models; colours from `low` to 1. Returns the height. */
double fus_panel_matrix(struct fus_text_buffer *out, const struct fus_view *view, const double *values, int a, int b,
                        double low, const char *title);

/* A category's swatch and name, as a panel's title in `room` pixels. */
void fus_panel_lines_title(struct fus_text_buffer *out, const struct fus_view *view, int category, double x, double y,
                           double room);

/* The name of a quantity on its axis and in sentences. */
const char *fus_panel_lines_axis_title(const struct fus_view *view, enum fus_view_quantity quantity);

#endif
