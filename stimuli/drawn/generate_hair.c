/* SPDX-License-Identifier: MIT */
/* Hair: a shape behind the head for the longer styles, and a cap on the skull, cut off at the
 * hairline, both with strands. */
#include <math.h>

#include "nn/base/fmath.h"
#include "stimuli/drawn/generate_face.h"

static bool is_long(const struct fus_face *f)
{
    return f->hair == HAIR_BOB || f->hair == HAIR_LONG || f->hair == HAIR_WAVY || f->hair == HAIR_FRINGE;
}

/* How far down the hair hangs. */
static double hanging(const struct fus_face *f)
{
    return f->hair == HAIR_BOB ? 0.72 : f->hair == HAIR_FRINGE ? 0.95 : 1.30;
}

/* A closed wobbling curve around an ellipse: curls. */
static void curls(struct fus_draw *d, double x, double y, double rx, double ry, int n, double depth)
{
    for (int i = 0; i < n; i++) {
        double s, c, wobble = 1 + 0.10 * fus_paint_noise(d, 0.37 + 1.3 * i, 5.2, 1);
        fus_fmath_sincospi(&s, &c, 2.0 * i / n);
        fus_draw_ellipse(d, x + rx * c * wobble, y + ry * s * wobble, depth, depth, 0);
    }
    fus_draw_ellipse(d, x, y, rx, ry, 0);
}

/* The outline of all hair that hangs: from the crown down both sides. */
static void hanging_shape(struct fus_draw *d, const struct fus_face *f)
{
    double w = f->width * (1.08 + 0.10 * f->hair_thick), bottom = hanging(f), x = -0.22 * f->yaw_sin;
    double flare = f->hair == HAIR_LONG ? 0.98 : f->hair == HAIR_BOB ? 1.10 : 1.06;
    struct fus_point p[20];
    int n = 0;
    static const double top_u[5] = {0, 0.45, 0.80, 1.0, 1.06}, top_v[5] = {-1.16, -1.09, -0.86, -0.45, 0.0};
    for (int i = 0; i < 5; i++)
        p[n++] = (struct fus_point){x + top_u[i] * w, top_v[i]};
    for (int i = 1; i <= 3; i++) {
        double t = i / 3.0, wave = f->hair == HAIR_WAVY ? (i & 1 ? 0.10 : -0.05) : 0;
        p[n++] = (struct fus_point){x + w * (1.06 + (flare - 1.06) * t + wave), bottom * t};
    }
    p[n++] = (struct fus_point){x + w * 0.7, bottom + 0.07};
    p[n++] = (struct fus_point){x, bottom + (f->hair == HAIR_BOB ? 0.0 : 0.12)};
    int half = n;
    for (int i = half - 2; i >= 1; i--)
        p[n++] = (struct fus_point){2 * x - p[i].x, p[i].y};
    fus_draw_smooth(d, p, n);
}

static struct fus_paint hair_paint(const struct fus_face *f, double factor)
{
    bool tight = f->hair == HAIR_CURLY || f->hair == HAIR_AFRO || f->hair == HAIR_CROPPED;
    return (struct fus_paint){.grey = f->hair_grey * factor,
                              .round = 0.16,
                              .gloss = tight ? 0 : 0.10,
                              .grain = tight ? 0.08 : 0.05,
                              .grain_x = tight ? 0.05 : 0.03,
                              .grain_y = tight ? 0.05 : 0.4};
}

void fus_generate_hair_back(struct fus_draw *d, const struct fus_face *f)
{
    struct fus_paint paint = hair_paint(f, 0.72);
    double back = -0.25 * f->yaw_sin;
    if (is_long(f))
        hanging_shape(d, f);
    else if (f->hair == HAIR_AFRO)
        curls(d, back, -0.38, f->width * 1.25, 0.88, 22, 0.16);
    else if (f->hair == HAIR_BUN)
        fus_draw_ellipse(d, 1.2 * back, -1.20, 0.36, 0.30, 0);
    else if (f->hair == HAIR_PIGTAILS)
        for (int side = -1; side <= 1; side += 2) {
            struct fus_point p[4] = {{back + side * f->width * 1.0, -0.25},
                                     {back + side * f->width * 1.32, -0.15},
                                     {back + side * f->width * 1.45, 0.35},
                                     {back + side * f->width * 1.30, 0.85}};
            fus_draw_stroke(d, p, 4, 0.30, 0.14, true);
        }
    fus_paint_fill(d, &paint);
}

/* Points of the hairline as (u / width, v) from our left ear to our right one; the same number
 * for every style. */
#define N_LINE 9
static void hairline(const struct fus_face *f, struct fus_point p[N_LINE])
{
    static const double u[N_LINE] = {-0.99, -0.90, -0.76, -0.45, 0, 0.45, 0.76, 0.90, 0.99};
    static const double v[N_LINE] = {0.06, -0.26, -0.50, -0.62, -0.66, -0.62, -0.50, -0.26, 0.06};
    double low = f->child ? 0.06 : 0;
    for (int i = 0; i < N_LINE; i++) {
        double y = v[i] + low, x = u[i];
        if (f->hair == HAIR_FRINGE && i >= 2 && i <= 6)
            y = f->eye_v - f->eye_h - 0.20 + (i & 1 ? 0.03 : 0);
        if ((f->hair == HAIR_PARTED || f->hair == HAIR_BOB || f->hair == HAIR_LONG || f->hair == HAIR_WAVY) && i >= 2 &&
            i <= 6) {
            double away = fabs(x - f->parting);
            y = -0.80 + low + 0.42 * away * (away < 1 ? away : 1) + (f->hair == HAIR_PARTED ? 0.04 : 0);
        }
        if (f->hair == HAIR_SHORT && i >= 2 && i <= 6)
            y += i & 1 ? 0.07 : -0.02;
        if (f->old && !f->female && i >= 3 && i <= 5)
            y -= 0.10;
        p[i] = (struct fus_point){x * f->width, y};
    }
}

/* The part of the picture above the hairline, and for hanging hair the strips beside the face. */
static void above_hairline(struct fus_draw *d, const struct fus_face *f)
{
    struct fus_point line[N_LINE], p[N_LINE + 8];
    int n = 0;
    bool hangs = is_long(f);
    double bottom = hangs ? 2.0 : 0.02, strip = f->width * 0.86;
    hairline(f, line);
    p[n++] = (struct fus_point){-3, bottom};
    struct fus_point left = fus_generate_head_on(f, -strip, 0.2, 0), right = fus_generate_head_on(f, strip, 0.2, 0);
    if (hangs) {
        p[n++] = (struct fus_point){left.x - 0.10, bottom};
        p[n++] = (struct fus_point){left.x, 0.35};
    } else
        p[n++] = (struct fus_point){fus_generate_head_on(f, line[0].x, bottom, 0).x - 0.02, bottom};
    for (int i = hangs ? 1 : 0; i < (hangs ? N_LINE - 1 : N_LINE); i++)
        p[n++] = fus_generate_head_on(f, line[i].x, line[i].y, 0);
    if (hangs) {
        p[n++] = (struct fus_point){right.x, 0.35};
        p[n++] = (struct fus_point){right.x + 0.10, bottom};
    } else
        p[n++] = (struct fus_point){fus_generate_head_on(f, line[N_LINE - 1].x, bottom, 0).x + 0.02, bottom};
    p[n++] = (struct fus_point){3, bottom};
    p[n++] = (struct fus_point){3, -3};
    p[n++] = (struct fus_point){-3, -3};
    fus_draw_polygon(d, p, n);
}

static void outer_shape(struct fus_draw *d, const struct fus_face *f)
{
    double back = -0.18 * f->yaw_sin;
    if (is_long(f))
        hanging_shape(d, f);
    else if (f->hair == HAIR_AFRO)
        curls(d, -0.25 * f->yaw_sin, -0.38, f->width * 1.25, 0.88, 22, 0.16);
    else if (f->hair == HAIR_CURLY)
        curls(d, back, -0.34, f->width * 1.04, 0.80, 19, 0.15);
    else {
        fus_generate_head(d, f, 1.0 + 0.09 * f->hair_thick * (f->hair == HAIR_CROPPED ? 0.3 : 1));
        for (int i = 0; i < 15 && f->hair == HAIR_SHORT; i++) { /* tufts */
            double s, c, turn = 1.08 + 0.06 * i + 0.02 * fus_paint_noise(d, 3.7 * i, 2.2, 1);
            fus_fmath_sincospi(&s, &c, turn);
            double out = 1.14 + 0.10 * f->hair_thick * (1 + fus_paint_noise(d, 2.9 * i, 6.2, 2));
            struct fus_point p[2] = {{0.9 * c * f->width, 0.9 * s},
                                     {out * (c + 0.15 * (f->parting > 0 ? -1 : 1)) * f->width, out * s}};
            fus_draw_stroke(d, p, 2, 0.26, 0.02, false);
        }
    }
}

/* Strands from the parting down over the skull, lighter and darker ones. */
static void strands(struct fus_draw *d, const struct fus_face *f)
{
    double part = f->hair == HAIR_FRINGE || f->hair == HAIR_BUN ? 0 : f->parting * f->width * 0.6;
    for (int tone = 0; tone < 2; tone++) {
        for (int i = tone; i < 44; i += 2) {
            double s = -1.15 + 2.3 * i / 43 + 0.05 * fus_paint_noise(d, 1.7 * i, 3.1, 2),
                   bottom = is_long(f) ? hanging(f) : 0.1;
            if (f->hair == HAIR_BUN)
                bottom = -0.1;
            struct fus_point p[4] = {{part + 0.15 * s, -1.12},
                                     {part + 0.62 * s, -0.92},
                                     {f->width * 1.02 * s, -0.35},
                                     {f->width * 1.06 * s, bottom}};
            if (f->hair == HAIR_WAVY)
                p[3].x += 0.08 * (i % 3 - 1);
            fus_draw_stroke(d, p, 4, 0.012, 0.022, true);
        }
        fus_paint_fill(d, &(struct fus_paint){.grey = tone ? 1.38 : 0.66, .multiply = true, .clear = 0.45});
    }
}

void fus_generate_hair_front(struct fus_draw *d, const struct fus_face *f)
{
    struct fus_paint paint = hair_paint(f, 1.0);
    if (f->hair == HAIR_NONE)
        return;
    fus_generate_head(d, f, 1.0);
    fus_draw_clip(d);
    struct fus_point line[N_LINE], at[N_LINE];
    hairline(f, line);
    for (int i = 0; i < N_LINE; i++)
        at[i] = fus_generate_head_on(f, line[i].x, line[i].y + 0.05, 0);
    /* the hair's shadow on the forehead */
    fus_draw_stroke(d, at + 1, N_LINE - 2, 0.08, 0.08, true);
    fus_paint_shadow(d, 0.80, 0.06);
    fus_draw_unclip(d);
    outer_shape(d, f);
    fus_draw_clip(d);
    above_hairline(d, f);
    fus_draw_clip(d);
    outer_shape(d, f);
    if (f->hair == HAIR_CROPPED)
        paint.clear = 0.25;
    fus_paint_fill(d, &paint);
    if (f->hair != HAIR_AFRO && f->hair != HAIR_CURLY && f->hair != HAIR_CROPPED)
        strands(d, f);
    if (f->hair == HAIR_CURLY || f->hair == HAIR_AFRO) {
        for (int i = 0; i < 60; i++) {
            double x = 1.2 * fus_paint_noise(d, 2.3 * i, 1.5, 1) * 1.3,
                   y = -0.5 + 1.1 * fus_paint_noise(d, 2.3 * i, 7.5, 2);
            fus_draw_arc(d, x, y, 0.06, 0.05, 0.1 * i, 0.1 * i + 1.2, 0.02);
        }
        fus_paint_fill(d, &(struct fus_paint){.grey = 1.5, .multiply = true, .clear = 0.35});
    }
    fus_draw_unclip(d);
    if (f->hair == HAIR_PIGTAILS)
        for (int side = -1; side <= 1; side += 2) {
            fus_draw_ellipse(d, -0.25 * f->yaw_sin + side * f->width * 1.12, -0.24, 0.07, 0.09, side * 0.1);
            fus_paint_fill(d, &(struct fus_paint){.grey = 0.85, .round = 0.04});
        }
}
