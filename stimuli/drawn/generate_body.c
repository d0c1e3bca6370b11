/* SPDX-License-Identifier: MIT */
/* Bodies without heads, as in fLoc: a skeleton in one of several poses, dressed, from the front
 * or the side.
 *
 * Units: the hips are at the origin, y down; a body is about 1.9 from neck to soles. Angles of
 * joints count half turns from hanging straight down, outwards positive. */
#include <math.h>

#include "nn/base/fmath.h"
#include "stimuli/drawn/generate.h"

enum pose { STANDING, HANDS_ON_HIPS, WAVING, ARMS_UP, ARMS_WIDE, WALKING, RUNNING, JUMPING, DANCING, N_POSES };
static const char *const pose_words[N_POSES] = {"standing",
                                                "standing with hands on the hips",
                                                "waving",
                                                "with both arms up",
                                                "with arms spread wide",
                                                "walking",
                                                "running",
                                                "jumping",
                                                "dancing"};
enum top { T_SHIRT, JUMPER, SHIRT, JACKET, VEST, N_TOPS };
static const char *const top_words[N_TOPS] = {"a T-shirt", "a jumper", "a shirt", "a jacket", "a vest"};
enum bottom { TROUSERS, SHORTS, SKIRT, LONG_SKIRT, N_BOTTOMS };
static const char *const bottom_words[N_BOTTOMS] = {"trousers", "shorts", "a skirt", "a long skirt"};
enum pattern { PLAIN, STRIPES, CHECKS, DOTS };

/* shoulder, elbow, hip, knee for our left and right (index 0, 1). facing: seen from the side. */
struct joints {
    double shoulder[2], elbow[2], hip[2], knee[2], lean;
    bool facing, in_front[2];
};
static const struct joints poses[N_POSES] = {
    {{0.06, 0.06}, {0.02, 0.02}, {0.02, 0.02}, {0, 0}, 0, false, {false, false}},
    {{0.24, 0.24}, {-0.45, -0.45}, {0.035, 0.035}, {0, 0}, 0, false, {false, false}},
    {{0.07, 0.66}, {0.02, 0.22}, {0.02, 0.03}, {0, 0}, 0.01, false, {false, false}},
    {{0.80, 0.80}, {0.08, 0.08}, {0.03, 0.03}, {0, 0}, 0, false, {false, false}},
    {{0.50, 0.50}, {0.02, 0.02}, {0.05, 0.05}, {0, 0}, 0, false, {false, false}},
    {{-0.14, -0.12}, {-0.10, 0.10}, {-0.10, -0.11}, {0.10, 0.02}, 0.01, true, {false, true}},
    {{-0.26, -0.24}, {-0.42, 0.42}, {-0.30, -0.14}, {0.42, -0.34}, 0.05, true, {false, true}},
    {{0.72, 0.72}, {0.12, 0.12}, {0.14, 0.14}, {-0.24, -0.24}, 0, false, {false, false}},
    {{0.62, 0.24}, {0.24, -0.50}, {0.03, 0.16}, {0, -0.22}, 0.03, false, {false, false}},
};

struct body {
    enum pose pose;
    enum top top;
    enum bottom bottom;
    enum pattern pattern;
    struct joints j;
    bool female, dress, mirrored, boots, belt;
    double shoulder, waist, hip, bulk, skin, top_grey, bottom_grey, pattern_grey, shoe, light;
    struct fus_scene_place place;
};

struct limb {
    struct fus_point p[3]; /* shoulder, elbow, wrist; or hip, knee, ankle */
};

static struct fus_point along(struct fus_point p, double length, double half_turns)
{
    double s, c;
    fus_fmath_sincospi(&s, &c, half_turns);
    return (struct fus_point){p.x + length * s, p.y + length * c};
}

/* The torso leans around the hips. */
static struct fus_point leaned(const struct body *b, double x, double y)
{
    double s, c;
    fus_fmath_sincospi(&s, &c, b->j.lean);
    return (struct fus_point){x * c - y * s, y * c + x * s};
}

static double outward(const struct body *b, int side)
{
    return b->j.facing ? (side ? -1 : 1) : (side ? 1 : -1);
}

static struct limb arm(const struct body *b, int side)
{
    double sign = outward(b, side);
    struct limb l;
    l.p[0] = leaned(b, (b->j.facing ? 0.10 * (side ? 1 : -1) : side ? 1 : -1) * b->shoulder * 0.90, -0.685);
    l.p[1] = along(l.p[0], 0.34, sign * b->j.shoulder[side]);
    l.p[2] = along(l.p[1], 0.31, sign * (b->j.shoulder[side] + b->j.elbow[side]));
    return l;
}

static struct limb leg(const struct body *b, int side)
{
    double sign = outward(b, side);
    struct limb l;
    l.p[0] = (struct fus_point){(side ? 1 : -1) * b->hip * (b->j.facing ? 0.2 : 0.52), 0.02};
    l.p[1] = along(l.p[0], 0.46, sign * b->j.hip[side]);
    l.p[2] = along(l.p[1], 0.44, sign * (b->j.hip[side] + b->j.knee[side]));
    return l;
}

static struct fus_paint cloth(const struct body *b, double grey)
{
    (void)b;
    return (struct fus_paint){.grey = grey, .round = 0.055, .grain = 0.025, .grain_x = 0.02, .grain_y = 0.02};
}

static void hand(struct fus_draw *d, const struct body *b, const struct limb *l)
{
    double dx = l->p[2].x - l->p[1].x, dy = l->p[2].y - l->p[1].y, length = sqrt(dx * dx + dy * dy), ux = dx / length,
           uy = dy / length;
    struct fus_point w = l->p[2];
    for (int i = 0; i < 4; i++) {
        double across = (i - 1.5) * 0.022;
        struct fus_point f[3] = {{w.x + ux * 0.05 - uy * across, w.y + uy * 0.05 + ux * across},
                                 {w.x + ux * 0.10 - uy * across * 1.2, w.y + uy * 0.10 + ux * across * 1.2},
                                 {w.x + ux * (0.145 - 0.01 * (i == 0 || i == 3)) - uy * across,
                                  w.y + uy * (0.145 - 0.01 * (i == 0 || i == 3)) + ux * across}};
        fus_draw_stroke(d, f, 3, 0.032, 0.022, true);
    }
    struct fus_point thumb[2] = {{w.x + ux * 0.02 + uy * 0.03, w.y + uy * 0.02 - ux * 0.03},
                                 {w.x + ux * 0.085 + uy * 0.062, w.y + uy * 0.085 - ux * 0.062}};
    fus_draw_stroke(d, thumb, 2, 0.034, 0.024, false);
    fus_draw_ellipse(d, w.x + ux * 0.045, w.y + uy * 0.045, 0.046, 0.052, 0);
    fus_paint_fill(d, &(struct fus_paint){.grey = b->skin, .round = 0.025});
}

static void arm_shape(struct fus_draw *d, const struct body *b, const struct limb *l, double part, double extra)
{
    double w = 0.115 * b->bulk + extra;
    struct fus_point end = l->p[1];
    if (part <= 1) {
        struct fus_point q[2] = {l->p[0],
                                 {l->p[0].x + (end.x - l->p[0].x) * part, l->p[0].y + (end.y - l->p[0].y) * part}};
        fus_draw_stroke(d, q, 2, w * 1.12, w * (1.12 - 0.22 * part), false);
        return;
    }
    struct fus_point q[2] = {l->p[1],
                             {end.x + (l->p[2].x - end.x) * (part - 1), end.y + (l->p[2].y - end.y) * (part - 1)}};
    fus_draw_stroke(d, l->p, 2, w * 1.12, w * 0.90, false);
    fus_draw_stroke(d, q, 2, w * 0.90, w * 0.90 + (0.60 * w - 0.90 * w) * (part - 1) + extra * 0.4, false);
}

static void fold(struct fus_draw *d, struct fus_point a, struct fus_point b, double width)
{
    struct fus_point p[2] = {a, b};
    fus_draw_stroke(d, p, 2, width, 0.3 * width, false);
}

static void draw_arm(struct fus_draw *d, const struct body *b, int side)
{
    struct limb l = arm(b, side);
    double sleeve = b->top == VEST      ? 0
                    : b->top == T_SHIRT ? 0.62
                                        : 1.92,
           dim = b->j.facing && !b->j.in_front[side] ? 0.72 : 1;
    struct body shaded = *b;
    shaded.skin *= dim;
    hand(d, &shaded, &l);
    arm_shape(d, b, &l, 2, 0);
    fus_paint_fill(d, &(struct fus_paint){.grey = shaded.skin, .round = 0.05});
    if (sleeve > 0) {
        struct fus_paint paint = cloth(b, b->top_grey * dim);
        arm_shape(d, b, &l, sleeve, 0.028);
        fus_paint_fill(d, &paint);
        if (sleeve > 1) {
            struct fus_point e = l.p[1];
            fold(d, (struct fus_point){e.x - 0.035, e.y - 0.02}, (struct fus_point){e.x + 0.03, e.y}, 0.02);
            fold(d, (struct fus_point){e.x - 0.03, e.y + 0.03}, (struct fus_point){e.x + 0.035, e.y + 0.05}, 0.02);
            fus_paint_shadow(d, 0.62, 0.01);
        }
    }
}

static void shoe(struct fus_draw *d, const struct body *b, int side, struct fus_point ankle, double dim)
{
    double toe = b->j.facing ? 1 : (side ? 1 : -1), length = b->j.facing ? 0.21 : 0.12;
    struct fus_point p[7] = {{ankle.x - 0.055 * toe, ankle.y - 0.03},
                             {ankle.x + 0.055 * toe, ankle.y - 0.03},
                             {ankle.x + 0.5 * length * toe, ankle.y + 0.03},
                             {ankle.x + length * toe, ankle.y + 0.075},
                             {ankle.x + length * 0.95 * toe, ankle.y + 0.105},
                             {ankle.x - 0.07 * toe, ankle.y + 0.105},
                             {ankle.x - 0.08 * toe, ankle.y + 0.04}};
    if (b->boots)
        p[0].y = p[1].y = ankle.y - 0.16;
    fus_draw_smooth(d, p, 7);
    fus_paint_fill(d, &(struct fus_paint){.grey = b->shoe * dim, .round = 0.03, .gloss = 0.1});
    struct fus_point sole[2] = {p[5], p[4]};
    fus_draw_stroke(d, sole, 2, 0.018, 0.018, false);
    fus_paint_grey(d, b->shoe > 0.5 ? 0.25 : 0.06);
}

static void draw_leg(struct fus_draw *d, const struct body *b, int side)
{
    struct limb l = leg(b, side);
    double w = 0.175 * b->bulk, dim = b->j.facing && !side ? 0.72 : 1;
    struct fus_point calf = {(l.p[1].x + l.p[2].x) / 2, (l.p[1].y * 0.65 + l.p[2].y * 0.35)};
    fus_draw_stroke(d, l.p, 2, w, w * 0.66, false);
    struct fus_point low[3] = {l.p[1], calf, l.p[2]};
    fus_draw_stroke(d, low, 2, w * 0.66, w * 0.66, false);
    fus_draw_stroke(d, low + 1, 2, w * 0.66, w * 0.38, false);
    fus_paint_fill(d, &(struct fus_paint){.grey = b->skin * dim, .round = 0.06});
    shoe(d, b, side, l.p[2], dim);
    if (b->dress || b->bottom == SKIRT || b->bottom == LONG_SKIRT)
        return;
    struct fus_paint paint = cloth(b, b->bottom_grey * dim);
    if (b->bottom == SHORTS) {
        struct fus_point q[2] = {l.p[0], {l.p[0].x * 0.25 + l.p[1].x * 0.75, l.p[0].y * 0.25 + l.p[1].y * 0.75}};
        fus_draw_stroke(d, q, 2, w * 1.16, w * 1.02, false);
    } else {
        struct fus_point q[3] = {
            l.p[0], l.p[1], {l.p[1].x * 0.06 + l.p[2].x * 0.94, l.p[1].y * 0.06 + l.p[2].y * 0.94}};
        fus_draw_stroke(d, q, 2, w * 1.10, w * 0.84, false);
        fus_draw_stroke(d, q + 1, 2, w * 0.84, w * 0.70, false);
    }
    fus_paint_fill(d, &paint);
    if (b->bottom == TROUSERS) {
        struct fus_point k = l.p[1];
        fold(d, (struct fus_point){k.x - 0.05, k.y - 0.03}, (struct fus_point){k.x + 0.04, k.y}, 0.022);
        fold(d, (struct fus_point){k.x - 0.04, k.y + 0.03}, (struct fus_point){k.x + 0.05, k.y + 0.045}, 0.02);
        fus_paint_shadow(d, 0.65, 0.012);
    }
}

static void skirt(struct fus_draw *d, const struct body *b)
{
    double hem = b->bottom == LONG_SKIRT ? 0.74 : 0.38, wide = b->hip * 1.05 + (b->bottom == LONG_SKIRT ? 0.12 : 0.10);
    struct limb left = leg(b, 0), right = leg(b, 1);
    double x0 = (left.p[1].x < right.p[1].x ? left.p[1].x : right.p[1].x) - 0.13,
           x1 = (left.p[1].x > right.p[1].x ? left.p[1].x : right.p[1].x) + 0.13;
    x0 = x0 < -wide ? x0 : -wide;
    x1 = x1 > wide ? x1 : wide;
    struct fus_point p[8] = {{-b->waist, -0.24}, {b->waist, -0.24},      {b->hip * 1.04, 0.0},
                             {x1, hem},          {0.5 * x1, hem + 0.03}, {0.5 * x0, hem + 0.03},
                             {x0, hem},          {-b->hip * 1.04, 0.0}};
    struct fus_paint paint = cloth(b, b->dress ? b->top_grey : b->bottom_grey);
    fus_draw_polygon(d, p, 8);
    fus_paint_fill(d, &paint);
    fus_draw_polygon(d, p, 8);
    fus_draw_clip(d);
    for (int i = -3; i <= 3; i++)
        fold(d, (struct fus_point){(i < 0 ? x0 : x1) * (i < 0 ? -i : i) / 3.6, hem + 0.05},
             (struct fus_point){i * 0.03, -0.1}, 0.035);
    fus_paint_shadow(d, 0.70, 0.02);
    fus_draw_unclip(d);
}

static void torso_shape(struct fus_draw *d, const struct body *b, double grow)
{
    double narrow = b->j.facing ? 0.62 : 1, s = b->shoulder * narrow + grow,
           w = b->waist * (b->j.facing ? 0.85 : 1) + grow, h = b->hip * (b->j.facing ? 0.9 : 1) + grow;
    const struct fus_point half[8] = {{0.055, -0.83},    {0.5 * s, -0.785}, {0.90 * s, -0.745}, {s, -0.68},
                                      {0.90 * s, -0.50}, {w, -0.24},        {h, 0.0},           {h * 0.9, 0.10}};
    struct fus_point p[17];
    int n = 0;
    for (int i = 0; i < 8; i++)
        p[n++] = leaned(b, half[i].x, half[i].y);
    p[n++] = leaned(b, 0, b->dress || b->bottom >= SKIRT ? 0.10 : 0.15);
    for (int i = 7; i >= 0; i--)
        p[n++] = leaned(b, -half[i].x, half[i].y);
    fus_draw_smooth(d, p, n);
}

static void pattern(struct fus_draw *d, const struct body *b)
{
    if (b->pattern == PLAIN)
        return;
    for (int i = 0; i < 14; i++) {
        double y = -0.84 + 0.075 * i;
        if (b->pattern == DOTS)
            for (int k = -5; k <= 5; k++) {
                struct fus_point c = leaned(b, 0.075 * (k + 0.5 * (i & 1)), y);
                fus_draw_ellipse(d, c.x, c.y, 0.018, 0.018, 0);
            }
        else {
            struct fus_point across[2] = {leaned(b, -0.5, y), leaned(b, 0.5, y)};
            fus_draw_stroke(d, across, 2, 0.028, 0.028, false);
        }
    }
    for (int k = -5; k <= 5 && b->pattern == CHECKS; k++) {
        struct fus_point down[2] = {leaned(b, 0.075 * k, -0.9), leaned(b, 0.075 * k, 0.2)};
        fus_draw_stroke(d, down, 2, 0.02, 0.02, false);
    }
    fus_paint_fill(d, &(struct fus_paint){.grey = b->pattern_grey, .multiply = true});
}

static void neck(struct fus_draw *d, const struct body *b)
{
    struct fus_point p[2] = {leaned(b, 0, -0.76), leaned(b, 0, -0.90)};
    fus_draw_stroke(d, p, 2, 0.15, 0.115, false);
    fus_paint_fill(d, &(struct fus_paint){.grey = b->skin * 0.92, .round = 0.05});
    fus_draw_ellipse(d, p[1].x, p[1].y - 0.035, 0.052, 0.022, 0);
    fus_paint_fill(d, &(struct fus_paint){.grey = b->skin * 0.62});
}

/* What shows that a torso is a shirt, a jacket, ...: opening at the neck, buttons, lapels. */
static void front_details(struct fus_draw *d, const struct body *b)
{
    double low = b->top == JACKET || b->top == VEST ? -0.60 : b->top == SHIRT ? -0.68 : -0.74;
    struct fus_point v[3] = {leaned(b, -0.075, -0.84), leaned(b, 0, low), leaned(b, 0.075, -0.84)};
    if (b->j.facing)
        return;
    if (b->top == JACKET) {
        struct fus_point in[4] = {leaned(b, -0.08, -0.84), leaned(b, 0.08, -0.84), leaned(b, 0.035, 0.0),
                                  leaned(b, -0.035, 0.0)};
        fus_draw_polygon(d, in, 4);
        fus_paint_grey(d, b->top_grey > 0.5 ? 0.25 : 0.88);
        for (int side = -1; side <= 1; side += 2) {
            struct fus_point lapel[4] = {leaned(b, side * 0.07, -0.83), leaned(b, side * 0.16, -0.68),
                                         leaned(b, side * 0.13, -0.62), leaned(b, side * 0.02, -0.36)};
            fus_draw_polygon(d, lapel, 4);
            fus_paint_fill(d, &(struct fus_paint){.grey = b->top_grey * 0.82, .round = 0.02});
        }
        struct fus_point tie[2] = {leaned(b, 0, -0.80), leaned(b, 0, -0.40)};
        fus_draw_stroke(d, tie, 2, 0.035, 0.06, false);
        fus_paint_grey(d, b->top_grey > 0.5 ? 0.7 : 0.3);
        return;
    }
    fus_draw_smooth(d, v, 3);
    fus_paint_fill(d, &(struct fus_paint){.grey = b->skin * 0.9, .round = 0.03});
    fus_draw_stroke(d, v, 3, 0.022, 0.022, true);
    fus_paint_fill(d, &(struct fus_paint){.grey = 0.62, .multiply = true});
    if (b->top == SHIRT) {
        struct fus_point line[2] = {leaned(b, 0.012, -0.68), leaned(b, 0.012, 0.08)};
        fus_draw_stroke(d, line, 2, 0.008, 0.008, false);
        for (int i = 0; i < 6; i++) {
            struct fus_point c = leaned(b, -0.01, -0.62 + 0.12 * i);
            fus_draw_ellipse(d, c.x, c.y, 0.011, 0.011, 0);
        }
        fus_paint_fill(d, &(struct fus_paint){.grey = b->top_grey > 0.5 ? 0.45 : 1.9, .multiply = true});
    }
}

static bool over_torso(const struct body *b, int side)
{
    return b->j.facing ? side == 1 : b->pose == HANDS_ON_HIPS || (b->pose == DANCING && side == 1);
}

static void draw_torso(struct fus_draw *d, const struct body *b)
{
    struct fus_paint paint = cloth(b, b->top_grey);
    paint.round = 0.13;
    neck(d, b);
    if (!b->dress && b->bottom < SKIRT) { /* trousers' upper part under the top */
        struct fus_paint seat = cloth(b, b->bottom_grey);
        fus_draw_box(d, -b->hip * (b->j.facing ? 0.85 : 1), -0.14, b->hip * (b->j.facing ? 0.85 : 1), 0.13, 0.05);
        fus_paint_fill(d, &seat);
    }
    torso_shape(d, b, 0);
    fus_paint_fill(d, &paint);
    torso_shape(d, b, 0);
    fus_draw_clip(d);
    pattern(d, b);
    if (b->female && !b->j.facing)
        for (int side = -1; side <= 1; side += 2) {
            struct fus_point c = leaned(b, side * 0.105, -0.50);
            fus_draw_arc(d, c.x, c.y, 0.085, 0.075, 0.1, 0.9, 0.035);
            fus_paint_shadow(d, 0.76, 0.04);
        }
    for (int i = 0; i < 3; i++)
        fold(d, leaned(b, (i - 1) * 0.16 + 0.06, -0.30 + 0.05 * i), leaned(b, (i - 1) * 0.10, -0.20 + 0.04 * i), 0.03);
    fus_paint_shadow(d, 0.78, 0.025);
    front_details(d, b);
    if (!b->dress) { /* the hem, or a belt */
        struct fus_point hem[2] = {leaned(b, -0.5, b->belt ? -0.10 : 0.13), leaned(b, 0.5, b->belt ? -0.10 : 0.13)},
                         below[4];
        below[0] = hem[0], below[1] = hem[1], below[2] = leaned(b, 0.5, 0.4), below[3] = leaned(b, -0.5, 0.4);
        if (b->belt) {
            fus_draw_polygon(d, below, 4);
            fus_paint_fill(
                d, &(struct fus_paint){.grey = b->bottom_grey, .grain = 0.025, .grain_x = 0.02, .grain_y = 0.02});
        }
        fus_draw_stroke(d, hem, 2, b->belt ? 0.05 : 0.02, b->belt ? 0.05 : 0.02, false);
        fus_paint_grey(d, b->belt ? 0.10 : b->top_grey * 0.6);
    }
    for (int side = 0; side < 2; side++) { /* shadows of arms before the torso */
        if (!over_torso(b, side))
            continue;
        struct limb l = arm(b, side);
        fus_draw_stroke(d, l.p, 3, 0.17, 0.12, false);
    }
    fus_paint_shadow(d, 0.66, 0.05);
    fus_draw_unclip(d);
}

static void draw_body(struct fus_draw *d, const struct body *b)
{
    fus_scene_put(d, &b->place);
    d->light.x = b->light;
    for (int side = 0; side < 2; side++)
        if (!over_torso(b, side))
            draw_arm(d, b, side);
    draw_leg(d, b, 0);
    draw_leg(d, b, 1);
    if (b->dress || b->bottom >= SKIRT)
        skirt(d, b);
    draw_torso(d, b);
    for (int side = 0; side < 2; side++)
        if (over_torso(b, side))
            draw_arm(d, b, side);
}

static void pick_clothes(struct body *b, struct fus_rng *rng)
{
    b->top = (enum top)fus_scene_pick(rng, N_TOPS);
    b->bottom = b->female                     ? (enum bottom)fus_scene_pick(rng, N_BOTTOMS)
                : fus_scene_chance(rng, 0.72) ? TROUSERS
                                              : SHORTS;
    b->dress = b->bottom >= SKIRT && b->top != JACKET && fus_scene_chance(rng, 0.5);
    b->pattern = b->top == JACKET || fus_scene_chance(rng, 0.55) ? PLAIN : (enum pattern)(1 + fus_scene_pick(rng, 3));
    b->belt = !b->dress && b->top != JACKET && fus_scene_chance(rng, 0.45);
    b->boots = fus_scene_chance(rng, 0.2);
    b->skin = fus_scene_between(rng, 0.42, 0.90);
    b->top_grey = fus_scene_chance(rng, 0.5) ? fus_scene_between(rng, 0.12, 0.34) : fus_scene_between(rng, 0.62, 0.97);
    b->bottom_grey =
        fus_scene_chance(rng, 0.6) ? fus_scene_between(rng, 0.10, 0.32) : fus_scene_between(rng, 0.55, 0.9);
    if (fabs(b->bottom_grey - b->top_grey) < 0.12)
        b->bottom_grey = b->top_grey > 0.5 ? 0.22 : 0.66;
    b->pattern_grey = b->top_grey > 0.5 ? 0.6 : 2.2;
    b->shoe = fus_scene_chance(rng, 0.65) ? fus_scene_between(rng, 0.06, 0.2) : 0.9;
}

static void pick_body(struct body *b, struct fus_rng *rng)
{
    b->pose = (enum pose)fus_scene_pick(rng, N_POSES);
    b->female = fus_scene_chance(rng, 0.5);
    b->j = poses[b->pose];
    for (int i = 0; i < 2; i++) {
        b->j.shoulder[i] += fus_scene_between(rng, -0.03, 0.04);
        b->j.elbow[i] += fus_scene_between(rng, -0.03, 0.03);
        b->j.hip[i] += fus_scene_between(rng, -0.012, 0.02);
    }
    b->j.lean += fus_scene_between(rng, -0.015, 0.015);
    b->bulk = fus_scene_between(rng, 0.85, 1.2);
    b->shoulder = (b->female ? 0.235 : 0.285) * (0.6 + 0.4 * b->bulk);
    b->waist = (b->female ? 0.165 : 0.215) * (0.35 + 0.65 * b->bulk);
    b->hip = (b->female ? 0.225 : 0.21) * (0.5 + 0.5 * b->bulk);
    pick_clothes(b, rng);
    b->light = fus_scene_between(rng, 0.3, 0.7) * (fus_scene_chance(rng, 0.5) ? 1 : -1);
    b->mirrored = fus_scene_chance(rng, 0.5);
    if (b->mirrored)
        b->light = -b->light;
    double size = fus_scene_between(rng, 0.36, 0.43);
    bool raised = b->pose == ARMS_UP || b->pose == JUMPING || b->pose == WAVING || b->pose == DANCING;
    if (raised)
        size *= 0.82;
    b->place = (struct fus_scene_place){fus_scene_between(rng, 0.44, 0.56),
                                        fus_scene_between(rng, 0.47, 0.51) + (raised ? 0.09 : 0), size,
                                        fus_scene_between(rng, -0.02, 0.02), b->mirrored};
}

void fus_generate_body_body(struct fus_draw *d, struct fus_scene_caption *caption, struct fus_rng *rng)
{
    struct body b = {.female = false};
    pick_body(&b, rng);
    fus_scene_say(caption, "the body of a %s without a head in ", b.female ? "woman" : "man");
    if (b.dress)
        fus_scene_say(caption, "a %s%s", b.bottom == LONG_SKIRT ? "long " : "", "dress");
    else
        fus_scene_say(caption, "%s and %s", top_words[b.top], bottom_words[b.bottom]);
    fus_scene_say(caption, ", %s", pose_words[b.pose]);
    if (d)
        draw_body(d, &b);
}
