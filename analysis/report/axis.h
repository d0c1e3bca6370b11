/* SPDX-License-Identifier: MIT */
/* Scales and axes: round ticks, gridlines, labels that never overlap. */
#ifndef FUS_AXIS_H
#define FUS_AXIS_H

#include "analysis/report/view.h"

/* A scale from values lo..hi to pixels from..to (from > to for a y axis that grows upwards). */
struct fus_axis {
    double lo, hi, step;
    double from, to;
    int decimals;
    bool percent; /* values are shares, written as percentages */
};

/* Sets round limits and about `ticks` steps that cover lo..hi; all members but from, to and
 * percent. */
void fus_axis_fit(struct fus_axis *axis, double lo, double hi, int ticks);

double fus_axis_at(const struct fus_axis *axis, double v); /* pixel of v, clamped to the scale */
/* the i-th tick's value; past hi if there is none */
double fus_axis_tick(const struct fus_axis *axis, int i);
bool fus_axis_has(const struct fus_axis *axis, int i);

/* The vertical axis with ticks, gridlines from x0 to x1 and its title along the left edge of the
 * panel. */
void fus_axis_left(struct fus_text_buffer *out, const struct fus_axis *axis, double x0, double x1, const char *title);

/* The horizontal axis below a bar panel, gridlines from y0 down to y1, title below. */
void fus_axis_bottom(struct fus_text_buffer *out, const struct fus_axis *axis, double y0, double y1, const char *title);

/* The layers along the bottom (names, or relative depth), from x0 to x1, below y1; stages as
 * bands from y0 to y1. fus_axis_layers_height: its height below y1 in pixels. */
double fus_axis_layers_height(const struct fus_view *view, double width);
void fus_axis_layers(struct fus_text_buffer *out, const struct fus_view *view, double x0, double x1, double y0,
                     double y1);

#endif
