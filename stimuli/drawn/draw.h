/* SPDX-License-Identifier: MIT */
/* Private to stimuli/: a small anti-aliased rasteriser for the built-in pictures. Paths become
 * coverage, and coverage becomes grey paint on a square canvas.
 *
 *     fus_draw_ellipse(d, 0, 0, 1, 2, 0);    a path, in the units of d->frame
 *     fus_paint_fill(d, &(struct fus_paint){.grey = .8, .round = .3});  fills and clears it
 *
 * The same bytes on every machine: +, -, *, /, sqrt, floor and an in-tree sine, in a fixed order,
 * without threads. A failure (memory) is kept in d->code; drawing then continues without effect. */
#ifndef FUS_DRAW_H
#define FUS_DRAW_H

#include <stdbool.h>

#include "nn/base/base.h"
#include "nn/base/rng.h"

struct fus_point {
    double x, y;
};

/* From the units of a drawing to pixels: x' = xx*x + xy*y + x0, y' = yx*x + yy*y + y0. */
struct fus_frame {
    double xx, xy, x0, yx, yy, y0;
};

struct fus_draw_edge {
    double x0, y0, y1, slope; /* pixels; y0 < y1 */
    int winding, next;
};

struct fus_draw_crossing {
    double x;
    int edge;
};

struct fus_draw {
    int side, code;
    float *pixels; /* [side, side] grey, 0 black .. 1 white; y down */
    float *mask;   /* [side, side] coverage of the last path, valid in the box below */
    float *clip;   /* [side, side] where `clipped`: paint goes only there */
    float *work;   /* [2, side, side] for blurs and relief */
    bool clipped;
    int left, top, right, bottom; /* the box: pixels left <= x < right */
    struct fus_frame frame;       /* units to pixels; at the start the canvas is 0..1 both ways */
    /* direction of the light in the picture plane: (-.6, -.6) is upper left */
    struct fus_point light;
    /* the path */
    struct fus_draw_edge *edges;
    struct fus_draw_crossing *active;
    int *lines;   /* [side * scan lines in a row] first edge that begins on a scan line */
    double *sums; /* [side + 2] coverage of a row, as differences */
    int n_edges;
    struct fus_point at, start; /* pen, in pixels */
    float *grain;               /* [64, 64] random values in -1..1, for textures */
};

#define FUS_DRAW_MAX_EDGES 65536
#define FUS_DRAW_GRAIN 64

/* A canvas of middle grey. FUS_ENOMEM. */
int fus_draw_begin(struct fus_draw *d, int side, struct fus_error *err);
void fus_draw_end(struct fus_draw *d);

/* Change the frame for later drawing; copy d->frame to restore it. Angles are half turns,
 * clockwise on the picture. */
void fus_draw_shift(struct fus_draw *d, double x, double y);
void fus_draw_scale(struct fus_draw *d, double x, double y);
void fus_draw_turn(struct fus_draw *d, double half_turns);
void fus_draw_slant(struct fus_draw *d, double x_per_y);
void fus_draw_map(struct fus_draw *d, double xx, double xy, double yx, double yy);
double fus_draw_unit(const struct fus_draw *d); /* pixels in a unit */

/* Paths. Each figure is closed automatically. Overlapping figures unite (non-zero winding); a
 * figure in the opposite direction cuts a hole. */
void fus_draw_move(struct fus_draw *d, double x, double y);
void fus_draw_line(struct fus_draw *d, double x, double y);
void fus_draw_polygon(struct fus_draw *d, const struct fus_point *p, int n);
/* closed curve through the points */
void fus_draw_smooth(struct fus_draw *d, const struct fus_point *p, int n);
void fus_draw_box(struct fus_draw *d, double x0, double y0, double x1, double y1, double corner_radius);
void fus_draw_ellipse(struct fus_draw *d, double x, double y, double rx, double ry, double half_turns);

/* A line with round ends through the points, its width changing from w0 to w1; `smooth` rounds the
 * corners. */
void fus_draw_stroke(struct fus_draw *d, const struct fus_point *p, int n, double w0, double w1, bool smooth);
void fus_draw_arc(struct fus_draw *d, double x, double y, double rx, double ry, double from, double to, double width);

/* Writes the path's coverage, times the clip, to d->mask and sets its box. Clears the path. */
void fus_draw_cover(struct fus_draw *d);

/* Limits later paint to the inside of the path and of the current clip, until unclip. */
void fus_draw_clip(struct fus_draw *d);
void fus_draw_unclip(struct fus_draw *d);

/* ---- paint.c ---- */

struct fus_paint {
    double grey;    /* 0 black .. 1 white; with multiply: factor */
    double clear;   /* 0 opaque .. 1 invisible */
    bool multiply;  /* multiplies the pixels: shadows (grey < 1) and lights (grey > 1) */
    double blur;    /* soft edge this wide */
    double round;   /* shaded as a cushion that bends down this far from its edge; 0 = flat */
    double gloss;   /* highlight on the cushion, 0..1 */
    double grey_to; /* with from != to: a gradient between the two points */
    struct fus_point from, to;
    /* texture: amplitude, and the size of its grains along and across the direction */
    double grain;
    double grain_x, grain_y, grain_turn;
};

void fus_paint_fill(struct fus_draw *d, const struct fus_paint *p);
void fus_paint_grey(struct fus_draw *d, double grey);                  /* opaque and flat */
void fus_paint_shadow(struct fus_draw *d, double factor, double blur); /* multiply, soft */

/* The whole canvas: 1/f noise, woven like fLoc's phase-scrambled backgrounds. */
void fus_paint_background(struct fus_draw *d, struct fus_rng *rng);

/* Smooth noise in -1..1 from the canvas' table, one lattice cell per unit; layer shifts it. */
double fus_paint_noise(const struct fus_draw *d, double x, double y, int layer);

#endif
