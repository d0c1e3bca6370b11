/* SPDX-License-Identifier: MIT */
/* Musical instruments: guitars, violins, banjos, drums, trumpets, keyboards, accordions, harps.
 * Units: an instrument lies within -1..1; stringed ones stand upright with the neck up. */
#include <math.h>

#include "nn/base/fmath.h"
#include "stimuli/drawn/generate.h"

enum kind { GUITAR, ELECTRIC, VIOLIN, BANJO, DRUM, TRUMPET, PIANO, HARP, N_KINDS };
static const char *const kind_words[N_KINDS] = {"guitar", "electric guitar", "violin",      "banjo",
                                                "drum",   "trumpet",         "grand piano", "harp"};

struct instrument {
    enum kind kind;
    double wood, dark, metal, fat, light;
    int frets;
    bool sticks, bow, guard;
    struct fus_scene_place place;
};

static void line(struct fus_draw *d, double x0, double y0, double x1, double y1, double w0, double w1)
{
    struct fus_point p[2] = {{x0, y0}, {x1, y1}};
    fus_draw_stroke(d, p, 2, w0, w1, false);
}

static struct fus_paint wood(double grey, double round)
{
    return (struct fus_paint){
        .grey = grey, .round = round, .gloss = 0.12, .grain = 0.05, .grain_x = 0.03, .grain_y = 0.35};
}

/* A closed curve symmetric about x = 0 from its right half. */
static void mirrored(struct fus_draw *d, const struct fus_point *half, int n, double wide)
{
    struct fus_point p[24];
    for (int i = 0; i < n; i++) {
        p[i] = (struct fus_point){half[i].x * wide, half[i].y};
        p[2 * n - 1 - i] = (struct fus_point){-half[i].x * wide, half[i].y};
    }
    fus_draw_smooth(d, p, 2 * n);
}

static void neck(struct fus_draw *d, const struct instrument *t, double from, double to, double width, double body_end,
                 int pegs)
{
    struct fus_point board[4] = {
        {-width / 2, to}, {width / 2, to}, {width * 0.62, body_end}, {-width * 0.62, body_end}};
    struct fus_point head[4] = {{-width * 0.7, to}, {-width, from}, {width, from}, {width * 0.7, to}};
    for (int i = 0; i < pegs; i++) {
        double y = from + (to - from) * (0.15 + 0.7 * (i / 2) / ((pegs - 1) / 2)), side = i & 1 ? 1 : -1;
        line(d, side * width * 0.8, y, side * (width * 0.8 + 0.07), y, 0.025, 0.025);
        fus_draw_ellipse(d, side * (width * 0.8 + 0.085), y, 0.03, 0.025, 0);
    }
    fus_paint_fill(d, &(struct fus_paint){.grey = t->metal, .round = 0.02});
    fus_draw_polygon(d, head, 4);
    fus_paint_fill(d, &(struct fus_paint){.grey = t->dark, .round = 0.03});
    fus_draw_polygon(d, board, 4);
    fus_paint_fill(d, &(struct fus_paint){.grey = t->dark * 0.8, .round = 0.03});
    for (int i = 1; i <= t->frets; i++) {
        double y = to + (body_end - to) * (1 - 1 / (1 + 0.11 * i)) * 1.55;
        if (y < body_end - 0.02)
            line(d, -width * 0.5, y, width * 0.5, y, 0.010, 0.010);
    }
    fus_paint_grey(d, t->metal);
}

static void strings(struct fus_draw *d, int n, double top, double bottom, double width, double spread)
{
    for (int i = 0; i < n; i++) {
        double x = (i - (n - 1) / 2.0) / n;
        line(d, x * width, top, x * spread, bottom, 0.006, 0.007);
    }
    fus_paint_fill(d, &(struct fus_paint){.grey = 0.92, .clear = 0.15});
}

static void guitar(struct fus_draw *d, const struct instrument *t)
{
    static const struct fus_point half[8] = {{0.07, -0.06}, {0.26, -0.05}, {0.32, 0.10}, {0.25, 0.27},
                                             {0.33, 0.42},  {0.41, 0.62},  {0.33, 0.85}, {0.10, 0.94}};
    struct fus_paint paint = wood(t->wood, 0.05);
    mirrored(d, half, 8, t->fat * 1.06);
    fus_paint_grey(d, t->dark * 0.6);
    mirrored(d, half, 8, t->fat);
    fus_paint_fill(d, &paint);
    fus_draw_ellipse(d, 0, 0.29, 0.145, 0.145, 0);
    fus_paint_grey(d, t->dark * 0.7);
    fus_draw_ellipse(d, 0, 0.29, 0.115, 0.115, 0);
    fus_paint_grey(d, 0.04);
    if (t->guard) {
        struct fus_point g[5] = {{0.10, 0.38}, {0.16, 0.24}, {0.22, 0.36}, {0.20, 0.52}, {0.10, 0.50}};
        fus_draw_smooth(d, g, 5);
        fus_paint_grey(d, 0.15);
    }
    neck(d, t, -1.0, -0.80, 0.095, 0.18, 6);
    fus_draw_box(d, -0.15, 0.68, 0.15, 0.73, 0.02);
    fus_paint_grey(d, t->dark * 0.7);
    strings(d, 6, -0.80, 0.705, 0.085, 0.11);
}

static void electric(struct fus_draw *d, const struct instrument *t)
{
    static const struct fus_point body[13] = {
        {-0.06, 0.02}, {-0.24, -0.16}, {-0.34, -0.04}, {-0.25, 0.24}, {-0.38, 0.58}, {-0.26, 0.88}, {0.10, 0.93},
        {0.38, 0.78},  {0.38, 0.52},   {0.22, 0.26},   {0.30, 0.08},  {0.25, -0.08}, {0.07, 0.04}};
    fus_draw_smooth(d, body, 13);
    fus_paint_fill(d, &(struct fus_paint){.grey = t->wood, .round = 0.06, .gloss = 0.5});
    struct fus_point guard[6] = {{-0.10, 0.10}, {-0.20, 0.02}, {-0.16, 0.36},
                                 {-0.10, 0.60}, {0.22, 0.66},  {0.12, 0.16}};
    fus_draw_smooth(d, guard, 6);
    fus_paint_grey(d, t->wood > 0.5 ? 0.12 : 0.92);
    neck(d, t, -1.0, -0.78, 0.085, 0.20, 6);
    for (int i = 0; i < 3; i++)
        fus_draw_box(d, -0.09, 0.26 + 0.13 * i, 0.09, 0.31 + 0.13 * i, 0.02);
    fus_paint_grey(d, t->wood > 0.5 ? 0.8 : 0.2);
    fus_draw_box(d, -0.10, 0.68, 0.10, 0.76, 0.01);
    for (int i = 0; i < 3; i++)
        fus_draw_ellipse(d, 0.21 + 0.03 * i, 0.56 + 0.09 * i, 0.03, 0.03, 0);
    fus_paint_fill(d, &(struct fus_paint){.grey = t->metal, .round = 0.02});
    strings(d, 6, -0.78, 0.70, 0.07, 0.10);
}

static void violin(struct fus_draw *d, const struct instrument *t)
{
    static const struct fus_point half[9] = {{0.05, -0.10}, {0.20, -0.06}, {0.25, 0.10}, {0.22, 0.24}, {0.145, 0.36},
                                             {0.20, 0.50},  {0.31, 0.62},  {0.29, 0.82}, {0.10, 0.93}};
    struct fus_paint paint = wood(t->wood * 0.75, 0.10);
    mirrored(d, half, 9, t->fat * 1.04);
    fus_paint_grey(d, t->dark * 0.5);
    mirrored(d, half, 9, t->fat);
    fus_paint_fill(d, &paint);
    for (int side = -1; side <= 1; side += 2) { /* the f-holes */
        struct fus_point f[5] = {
            {side * 0.09, 0.36}, {side * 0.125, 0.34}, {side * 0.12, 0.46}, {side * 0.12, 0.58}, {side * 0.165, 0.56}};
        fus_draw_stroke(d, f, 5, 0.022, 0.022, true);
    }
    fus_paint_grey(d, 0.04);
    struct fus_point tail[4] = {{-0.03, 0.62}, {0.03, 0.62}, {0.06, 0.86}, {-0.06, 0.86}};
    fus_draw_polygon(d, tail, 4);
    fus_draw_ellipse(d, -0.15, 0.84, 0.10, 0.06, -0.1);
    fus_paint_fill(d, &(struct fus_paint){.grey = 0.10, .round = 0.02});
    struct instrument plain = *t;
    plain.frets = 0;
    plain.dark = 0.12;
    neck(d, &plain, -0.94, -0.72, 0.07, 0.26, 4);
    fus_draw_arc(d, 0.02, -0.95, 0.05, 0.05, 0.2, 2.0, 0.03);
    fus_paint_grey(d, t->dark);
    fus_draw_box(d, -0.08, 0.45, 0.08, 0.475, 0.005);
    fus_paint_grey(d, 0.8);
    strings(d, 4, -0.72, 0.62, 0.055, 0.075);
    if (t->bow) {
        line(d, 0.52, -0.9, 0.44, 0.85, 0.025, 0.03);
        fus_paint_grey(d, 0.18);
        line(d, 0.475, -0.86, 0.40, 0.82, 0.018, 0.018);
        fus_paint_grey(d, 0.93);
        fus_draw_box(d, 0.40, 0.74, 0.47, 0.86, 0.01);
        fus_paint_grey(d, 0.08);
    }
}

static void banjo(struct fus_draw *d, const struct instrument *t)
{
    neck(d, t, -1.0, -0.80, 0.085, 0.25, 4);
    fus_draw_ellipse(d, 0, 0.55, 0.40 * t->fat, 0.40, 0);
    fus_paint_fill(d, &(struct fus_paint){.grey = t->metal, .round = 0.04, .gloss = 0.3});
    for (int i = 0; i < 20; i++) {
        double s, c;
        fus_fmath_sincospi(&s, &c, i / 10.0);
        fus_draw_ellipse(d, 0.39 * t->fat * c, 0.55 + 0.39 * s, 0.02, 0.02, 0);
    }
    fus_paint_grey(d, 0.2);
    fus_draw_ellipse(d, 0, 0.55, 0.345 * t->fat, 0.345, 0);
    fus_paint_fill(d, &(struct fus_paint){.grey = 0.93, .grey_to = 0.78, .from = {-0.3, 0.2}, .to = {0.3, 0.9}});
    struct fus_point board[4] = {{-0.045, -0.1}, {0.045, -0.1}, {0.05, 0.30}, {-0.05, 0.30}};
    fus_draw_polygon(d, board, 4);
    fus_paint_grey(d, t->dark * 0.8);
    fus_draw_box(d, -0.09, 0.68, 0.09, 0.71, 0.01);
    fus_paint_grey(d, 0.2);
    strings(d, 5, -0.80, 0.88, 0.075, 0.09);
}

static void drum(struct fus_draw *d, const struct instrument *t)
{
    double w = 0.72 * t->fat, h = 0.42, top = -0.25;
    fus_draw_ellipse(d, 0, top + 2 * h, w, 0.22, 0);
    fus_draw_box(d, -w, top, w, top + 2 * h, 0);
    fus_paint_fill(
        d, &(struct fus_paint){.grey = t->wood * 0.5, .grey_to = t->wood, .from = {w * 0.8, 0}, .to = {-w * 0.5, 0}});
    for (int i = 0; i < 8; i++) { /* cords in a zigzag */
        double a, b, c;
        fus_fmath_sincospi(&c, &a, 1 - i / 8.0);
        fus_fmath_sincospi(&c, &b, 1 - (i + 1) / 8.0);
        double xa = w * a, xb = w * b, ya = top + 0.22 * sqrt(1 - a * a < 0 ? 0 : 1 - a * a),
               yb = top + 2 * h + 0.22 * sqrt(1 - b * b < 0 ? 0 : 1 - b * b);
        line(d, xa, i & 1 ? ya + 2 * h : ya, xb, i & 1 ? yb - 2 * h : yb, 0.03, 0.03);
    }
    fus_paint_grey(d, t->wood > 0.5 ? 0.15 : 0.92);
    for (int i = 0; i < 2; i++) {
        fus_draw_arc(d, 0, top + i * 2 * h, w, 0.22, 0.0, 1.0, 0.11);
        fus_paint_fill(d, &(struct fus_paint){.grey = t->dark, .round = 0.04, .gloss = 0.2});
    }
    fus_draw_ellipse(d, 0, top, w * 1.05, 0.25, 0);
    fus_paint_fill(d, &(struct fus_paint){.grey = t->dark, .round = 0.04});
    fus_draw_ellipse(d, 0, top, w * 0.97, 0.21, 0);
    fus_paint_fill(d, &(struct fus_paint){.grey = 0.95, .grey_to = 0.74, .from = {-w, 0}, .to = {w, 0}});
    for (int side = -1; side <= 1 && t->sticks; side += 2) {
        line(d, side * 0.75, -0.95, side * 0.10 + 0.05, -0.30, 0.05, 0.035);
        fus_draw_ellipse(d, side * 0.10 + 0.05, -0.29, 0.045, 0.04, 0);
        fus_paint_fill(d, &(struct fus_paint){.grey = 0.80, .round = 0.02});
    }
}

static void trumpet(struct fus_draw *d, const struct instrument *t)
{
    struct fus_paint brass = {.grey = t->metal * 0.92, .round = 0.045, .gloss = 0.5};
    const struct fus_point bell[8] = {{0.30, -0.11}, {0.55, -0.14}, {0.78, -0.22}, {0.95, -0.38},
                                      {0.95, 0.28},  {0.78, 0.12},  {0.55, 0.04},  {0.30, 0.01}};
    struct fus_point loop[6] = {{0.35, -0.05}, {-0.62, -0.05}, {-0.78, 0.10},
                                {-0.62, 0.26}, {0.42, 0.26},   {0.42, 0.26}};
    struct fus_point back[4] = {{0.40, 0.26}, {0.55, 0.18}, {0.50, 0.06}, {0.30, 0.03}},
                     lead[2] = {{-0.95, 0.03}, {0.25, 0.03}};
    fus_draw_stroke(d, loop, 6, 0.085, 0.075, true);
    fus_paint_fill(d, &brass);
    fus_draw_stroke(d, back, 4, 0.075, 0.075, true);
    fus_paint_fill(d, &brass);
    fus_draw_stroke(d, lead, 2, 0.06, 0.075, false);
    fus_paint_fill(d, &brass);
    line(d, -1.0, 0.03, -0.92, 0.03, 0.15, 0.06);
    fus_paint_fill(d, &brass);
    brass.round = 0.08;
    fus_draw_smooth(d, bell, 8);
    fus_paint_fill(d, &brass);
    fus_draw_ellipse(d, 0.95, -0.05, 0.065, 0.36, 0);
    fus_paint_fill(d, &(struct fus_paint){
                          .grey = t->metal * 0.5, .grey_to = t->metal * 0.25, .from = {0.9, -0.4}, .to = {0.9, 0.3}});
    brass.round = 0.04;
    for (int i = 0; i < 3; i++) { /* valves */
        double x = -0.18 + 0.17 * i;
        line(d, x, -0.34, x, -0.18, 0.03, 0.03);
        fus_paint_grey(d, t->metal * 0.8);
        fus_draw_box(d, x - 0.06, -0.20, x + 0.06, 0.40, 0.03);
        fus_paint_fill(d, &brass);
        fus_draw_ellipse(d, x, -0.36, 0.055, 0.025, 0);
        fus_paint_fill(d, &(struct fus_paint){.grey = 0.95, .round = 0.02});
    }
    fus_draw_box(d, -0.27, -0.21, 0.25, -0.17, 0.01);
    fus_draw_box(d, -0.27, 0.36, 0.25, 0.41, 0.01);
    fus_paint_grey(d, t->metal * 0.6);
}

static void piano(struct fus_draw *d, const struct instrument *t)
{
    double black = t->dark < 0.3 ? t->dark : 0.12;
    const struct fus_point lid[6] = {{-0.80, -0.10}, {-0.66, -0.92}, {-0.10, -0.86},
                                     {0.25, -0.52},  {0.60, -0.46},  {0.86, -0.12}};
    const struct fus_point legs[3] = {{-0.68, 0.30}, {0.62, 0.30}, {0.10, 0.20}};
    for (int i = 0; i < 3; i++)
        line(d, legs[i].x, legs[i].y, legs[i].x, 0.86 - (i == 2 ? 0.16 : 0), 0.11, 0.06);
    line(d, -0.05, 0.3, -0.05, 0.82, 0.05, 0.05);
    fus_paint_fill(d, &(struct fus_paint){.grey = black, .round = 0.03});
    fus_draw_smooth(d, lid, 6);
    fus_paint_fill(
        d, &(struct fus_paint){.grey = black + 0.06, .grey_to = black + 0.22, .from = {-0.6, -0.9}, .to = {0.5, -0.1}});
    line(d, 0.42, -0.12, 0.22, -0.50, 0.025, 0.025);
    fus_paint_grey(d, black * 0.5);
    struct fus_point inside[4] = {{-0.80, -0.10}, {0.86, -0.12}, {0.90, 0.02}, {-0.84, 0.02}};
    fus_draw_polygon(d, inside, 4);
    fus_paint_grey(d, t->wood * 0.8);
    for (int i = 0; i < 16; i++)
        line(d, -0.72 + 0.095 * i, -0.09, -0.76 + 0.10 * i, 0.0, 0.010, 0.010);
    fus_paint_grey(d, 0.15);
    fus_draw_box(d, -0.88, 0.0, 0.92, 0.32, 0.03);
    fus_paint_fill(d, &(struct fus_paint){.grey = black, .round = 0.05, .gloss = 0.3});
    fus_draw_box(d, -0.76, 0.08, 0.80, 0.25, 0);
    fus_paint_grey(d, 0.96);
    for (int i = 1; i < 21; i++)
        line(d, -0.76 + 1.56 * i / 21, 0.085, -0.76 + 1.56 * i / 21, 0.245, 0.008, 0.008);
    fus_paint_grey(d, 0.45);
    for (int i = 1; i < 21; i++)
        if (i % 7 != 3 && i % 7 != 0)
            fus_draw_box(d, -0.76 + 1.56 * i / 21 - 0.022, 0.08, -0.76 + 1.56 * i / 21 + 0.022, 0.185, 0);
    fus_paint_grey(d, 0.05);
}

static void harp(struct fus_draw *d, const struct instrument *t)
{
    struct fus_paint paint = wood(t->wood, 0.05);
    struct fus_point arm[6] = {{-0.52, -0.86}, {-0.36, -0.95}, {-0.12, -0.80},
                               {0.10, -0.66},  {0.32, -0.66},  {0.48, -0.50}};
    for (int i = 0; i < 17; i++) {
        double u = i / 16.0, x = -0.42 + 0.86 * u, y = -0.83 + 0.28 * u + 0.10 * (u > 0.2 && u < 0.8 ? 0.5 : 0);
        line(d, x, y, -0.44 + 0.92 * u, 0.82 - 1.24 * u, 0.010, 0.010);
    }
    fus_paint_fill(d, &(struct fus_paint){.grey = 0.95, .clear = 0.05});
    line(d, -0.55, -0.86, -0.55, 0.84, 0.11, 0.13);
    fus_paint_fill(d, &paint);
    struct fus_point box[4] = {{0.40, -0.50}, {0.58, -0.48}, {-0.32, 0.92}, {-0.60, 0.88}};
    fus_draw_polygon(d, box, 4);
    fus_paint_fill(d, &paint);
    fus_draw_stroke(d, arm, 6, 0.13, 0.12, true);
    fus_paint_fill(d, &paint);
    fus_draw_box(d, -0.72, 0.82, -0.20, 0.95, 0.04);
    fus_draw_ellipse(d, -0.55, -0.90, 0.10, 0.07, 0);
    fus_paint_fill(d, &(struct fus_paint){.grey = t->dark, .round = 0.03});
    for (int i = 0; i < 12; i++)
        fus_draw_ellipse(d, -0.40 + 0.07 * i, -0.86 + 0.026 * i, 0.014, 0.014, 0);
    fus_paint_grey(d, t->metal);
}

void fus_generate_instrument_instrument(struct fus_draw *d, struct fus_scene_caption *caption, struct fus_rng *rng)
{
    static void (*const draw[N_KINDS])(struct fus_draw *, const struct instrument *) = {guitar, electric, violin, banjo,
                                                                                        drum,   trumpet,  piano,  harp};
    struct instrument t = {.kind = (enum kind)fus_scene_pick(rng, N_KINDS)};
    t.wood = fus_scene_chance(rng, 0.3) ? fus_scene_between(rng, 0.16, 0.3) : fus_scene_between(rng, 0.5, 0.92);
    t.dark = fus_scene_between(rng, 0.12, 0.38);
    t.metal = fus_scene_between(rng, 0.72, 0.95);
    t.fat = fus_scene_between(rng, 0.9, 1.1);
    t.frets = 10 + fus_scene_pick(rng, 8);
    t.sticks = fus_scene_chance(rng, 0.6);
    t.bow = fus_scene_chance(rng, 0.6);
    t.guard = fus_scene_chance(rng, 0.5);
    t.light = fus_scene_between(rng, 0.3, 0.7) * (fus_scene_chance(rng, 0.5) ? 1 : -1);
    bool stringed = t.kind <= BANJO;
    double turn = stringed            ? fus_scene_between(rng, -0.35, 0.35)
                  : t.kind == TRUMPET ? fus_scene_between(rng, -0.15, 0.12)
                                      : fus_scene_between(rng, -0.04, 0.04);
    t.place = (struct fus_scene_place){fus_scene_between(rng, 0.46, 0.54), fus_scene_between(rng, 0.46, 0.54),
                                       fus_scene_between(rng, 0.36, 0.44), turn, fus_scene_chance(rng, 0.5)};
    bool vowel = t.kind == ELECTRIC;
    fus_scene_say(caption, "%s %s%s",
                  t.kind == GUITAR || t.kind == VIOLIN || t.kind == BANJO || t.kind == HARP
                      ? (t.wood < 0.4 ? "a dark" : "a light")
                  : vowel ? "an"
                          : "a",
                  kind_words[t.kind],
                  t.kind == DRUM && t.sticks  ? " with two sticks"
                  : t.kind == VIOLIN && t.bow ? " with its bow"
                                              : "");
    if (stringed && fabs(turn) > 0.15)
        fus_scene_say(caption, ", leaning to the %s", (turn > 0) != t.place.mirrored ? "right" : "left");
    if (d) {
        fus_scene_put(d, &t.place);
        d->light.x = t.light;
        draw[t.kind](d, &t);
    }
}
