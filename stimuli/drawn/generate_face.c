/* SPDX-License-Identifier: MIT */
/* Faces of adults and children: shape of the head, skin, hair, eyes, brows, nose, mouth,
 * expression, beard, glasses, seen from the front to three quarters.
 *
 * A face has its own coordinates: u to its left and right, v down, the chin at v = 1, the crown
 * at v = -1, cheeks at u = +-width. Features lie on an ellipsoid that is turned (yaw, pitch) and
 * projected in parallel; the outline of the head is drawn from points, and moved with the turn.
 * Hair is in generate_hair.c. */
#include <math.h>

#include "nn/base/fmath.h"
#include "stimuli/drawn/generate_face.h"

static const char *const expressions[] = {"", "smiling ", "laughing ", "sad ", "surprised ", "stern "};
enum expression { NEUTRAL, SMILE, LAUGH, SAD, SURPRISED, STERN };

static const char *const hair_words[] = {"no hair",        "cropped hair", "short hair",  "a parting",
                                         "curly hair",     "an afro",      "bobbed hair", "long straight hair",
                                         "long wavy hair", "a fringe",     "a bun",       "pigtails"};

/* Points (u, v) around (u0, v0), the first mirrored for the eye on the other
 * side, put on the face. */
static void lift(const struct fus_face *f, struct fus_point *out, const struct fus_point *in, int n, double u0,
                 double v0, double sign, double depth)
{
    for (int i = 0; i < n; i++)
        out[i] = fus_generate_head_on(f, sign * (u0 + in[i].x), v0 + in[i].y, depth);
}

static void ears(struct fus_draw *d, const struct fus_face *f)
{
    for (int side = -1; side <= 1; side += 2) {
        if (side * f->yaw_sin > 0.12)
            continue;
        double x = side * f->width * (1.02 * f->yaw_cos) - f->yaw_sin * 0.12, y = f->eye_v + 0.16;
        double w = 0.11 + 0.10 * (side * f->yaw_sin < 0 ? fabs(f->yaw_sin) : 0);
        fus_draw_ellipse(d, x, y, w, 0.20, side * 0.05);
        fus_paint_fill(d, &(struct fus_paint){.grey = f->skin * 0.92, .round = 0.06});
        fus_draw_ellipse(d, x + side * 0.01, y, w * 0.55, 0.12, side * 0.05);
        fus_paint_shadow(d, 0.7, 0.04);
    }
}

/* Large soft lights and shadows that give the skull under the skin. */
static void modelling(struct fus_draw *d, const struct fus_face *f)
{
    double dark = d->light.x > 0 ? -1 : 1;
    struct fus_point p;
    for (int side = -1; side <= 1; side += 2) {
        p = fus_generate_head_on(f, side * f->eye_u, f->eye_v - 0.03, 0);
        fus_draw_ellipse(d, p.x, p.y, 0.20, 0.12, 0);
        fus_paint_shadow(d, f->child ? 0.90 : 0.83, 0.12);
        p = fus_generate_head_on(f, side * f->width * 0.52, f->nose_v + 0.04, 0);
        fus_draw_ellipse(d, p.x, p.y, 0.15, 0.12, 0);
        fus_paint_fill(d, &(struct fus_paint){.grey = side == dark ? 1.0 : 1.10, .multiply = true, .blur = 0.14});
        p = fus_generate_head_on(f, side * f->width * 0.78, f->mouth_v - 0.05, 0);
        fus_draw_ellipse(d, p.x, p.y, 0.14, 0.28, 0);
        fus_paint_shadow(d, side == dark ? 0.86 : 0.97, 0.16);
    }
    p = fus_generate_head_on(f, -dark * 0.12, -0.52, 0);
    fus_draw_ellipse(d, p.x, p.y, 0.34, 0.18, 0);
    fus_paint_fill(d, &(struct fus_paint){.grey = 1.10, .multiply = true, .blur = 0.2});
    p = fus_generate_head_on(f, dark * f->width * 0.8, 0.1, 0);
    fus_draw_ellipse(d, p.x, p.y, 0.20, 0.9, 0);
    fus_paint_shadow(d, 0.86, 0.28);
}

static void nose(struct fus_draw *d, const struct fus_face *f)
{
    double w = f->nose_width, v = f->nose_v, dark = d->light.x > 0 ? -1 : 1;
    struct fus_point tip = fus_generate_head_on(f, 0, v - 0.04, 0.17), p[5];
    double length = v - f->eye_v;
    p[0] = fus_generate_head_on(f, dark * 0.05, f->eye_v - 0.05, 0.03);
    p[1] = fus_generate_head_on(f, dark * 0.055, f->eye_v + 0.5 * length, 0.07);
    p[2] = fus_generate_head_on(f, dark * w * 0.95, v - 0.04, 0.06);
    fus_draw_stroke(d, p, 3, 0.05, 0.11, true);
    fus_paint_shadow(d, f->child ? 0.84 : 0.74, 0.05);
    p[0] = fus_generate_head_on(f, -dark * 0.01, f->eye_v, 0.06);
    p[1] = fus_generate_head_on(f, 0, v - 0.10, 0.16);
    fus_draw_stroke(d, p, 2, 0.03, 0.07, false);
    fus_paint_fill(d, &(struct fus_paint){.grey = 1.16, .multiply = true, .blur = 0.04});
    struct fus_point under = fus_generate_head_on(f, 0, v + 0.05, 0.06);
    fus_draw_ellipse(d, under.x, under.y, w * 1.0, 0.04, 0);
    fus_paint_shadow(d, 0.66, 0.05);
    for (int side = -1; side <= 1; side += 2) { /* wings and nostrils */
        struct fus_point wing = fus_generate_head_on(f, side * w * 0.95, v - 0.01, 0.06);
        fus_draw_arc(d, wing.x - side * 0.02, wing.y, w * 0.36, 0.065, side > 0 ? -0.35 : 0.65, side > 0 ? 0.35 : 1.35,
                     0.018);
        fus_paint_fill(d, &(struct fus_paint){.grey = 0.62, .multiply = true, .blur = 0.008});
        struct fus_point hole = fus_generate_head_on(f, side * w * 0.48, v + 0.025, 0.10);
        fus_draw_ellipse(d, hole.x, hole.y, w * 0.26, 0.022, side * -0.06);
        fus_paint_fill(d, &(struct fus_paint){.grey = 0.32, .multiply = true, .blur = 0.006});
    }
    fus_draw_ellipse(d, tip.x - dark * 0.015, tip.y - 0.01, 0.035, 0.03, 0);
    fus_paint_fill(d, &(struct fus_paint){.grey = 1.25, .multiply = true, .blur = 0.03});
}

static void eye(struct fus_draw *d, const struct fus_face *f, double sign)
{
    double w = f->eye_w, h = f->eye_h;
    const struct fus_point lids[8] = {{-w, 0.15 * h},        {-0.55 * w, -0.72 * h},       {0.05 * w, -h},
                                      {0.62 * w, -0.72 * h}, {w, -0.1 * h + f->eye_slant}, {0.55 * w, 0.58 * h},
                                      {0, 0.75 * h},         {-0.6 * w, 0.6 * h}};
    struct fus_point p[8], c = fus_generate_head_on(f, sign * (f->eye_u + f->gaze * sign), f->eye_v - 0.05 * h, 0);
    lift(f, p, lids, 8, f->eye_u, f->eye_v, sign, 0);
    fus_draw_smooth(d, p, 8);
    fus_draw_clip(d);
    fus_draw_ellipse(d, c.x, c.y, 2 * w, 2 * w, 0);
    fus_paint_grey(d, 0.93);
    double r = f->iris;
    fus_draw_ellipse(d, c.x, c.y, r * (0.6 + 0.4 * f->yaw_cos), r, 0);
    fus_paint_grey(d, f->iris_grey * 0.5);
    fus_draw_ellipse(d, c.x, c.y, r * 0.82 * (0.6 + 0.4 * f->yaw_cos), r * 0.82, 0);
    fus_paint_fill(d, &(struct fus_paint){.grey = f->iris_grey * 0.7,
                                          .grey_to = f->iris_grey * 1.5,
                                          .from = {c.x, c.y - r},
                                          .to = {c.x, c.y + r}});
    fus_draw_ellipse(d, c.x, c.y, r * 0.45, r * 0.45, 0);
    fus_paint_grey(d, 0.03);
    fus_draw_stroke(d, p, 5, 0.05, 0.05, true); /* the lid's shadow on the eyeball */
    fus_paint_shadow(d, 0.6, 0.03);
    fus_draw_unclip(d);
    fus_draw_ellipse(d, c.x + (d->light.x > 0 ? 0.4 : -0.4) * r, c.y - 0.4 * r, 0.22 * r, 0.22 * r, 0);
    fus_paint_grey(d, 1.0);
    fus_draw_stroke(d, p, 5, 0.022 + f->lashes * 0.5, 0.03 + f->lashes, true);
    fus_paint_grey(d, 0.06);
    struct fus_point low[4] = {p[4], p[5], p[6], p[7]};
    fus_draw_stroke(d, low, 4, 0.016, 0.008, true);
    fus_paint_fill(d, &(struct fus_paint){.grey = 0.55, .multiply = true});
    for (int i = 0; i < 5; i++)
        low[i < 4 ? i : 3] =
            fus_generate_head_on(f, sign * (f->eye_u + 1.05 * lids[i].x), f->eye_v + 1.35 * lids[i].y - 0.045, 0);
    fus_draw_stroke(d, low, 4, 0.012, 0.018, true); /* the fold above the lid */
    fus_paint_fill(d, &(struct fus_paint){.grey = 0.62, .multiply = true, .blur = 0.006});
}

static void brow(struct fus_draw *d, const struct fus_face *f, double sign)
{
    double w = f->eye_w * 1.25, up = f->eye_v - f->eye_h - 0.13 - f->brow_lift;
    const struct fus_point line[4] = {{-w, f->brow_tilt},
                                      {-0.2 * w, -0.045 + 0.3 * f->brow_tilt},
                                      {0.5 * w, -0.055 - 0.3 * f->brow_tilt},
                                      {1.15 * w, 0.035 - 0.4 * f->brow_tilt}};
    struct fus_point p[4];
    lift(f, p, line, 4, f->eye_u, up, sign, 0.02);
    fus_draw_stroke(d, p, 4, f->brow_width, 0.35 * f->brow_width, true);
    double grey = f->hair_grey < f->skin * 0.8 ? f->hair_grey : f->skin * 0.62;
    fus_paint_fill(d, &(struct fus_paint){.grey = grey * 0.8,
                                          .clear = 0.12,
                                          .grain = 0.12,
                                          .grain_x = 0.05,
                                          .grain_y = 0.012,
                                          .grain_turn = 0.3 * sign});
}

/* An open mouth between an upper and a lower curve, with teeth. */
static void open_mouth(struct fus_draw *d, const struct fus_face *f, const struct fus_point upper[5],
                       const struct fus_point lower[3])
{
    struct fus_point p[8] = {upper[0], upper[1], upper[2], upper[3], upper[4], lower[2], lower[1], lower[0]};
    double middle = (upper[2].y + lower[1].y) / 2, open = lower[1].y - upper[2].y;
    fus_draw_smooth(d, p, 8);
    fus_draw_clip(d);
    fus_draw_box(d, upper[0].x - 0.3, middle - 1, upper[4].x + 0.3, middle + 1, 0);
    fus_paint_grey(d, 0.09);
    fus_draw_ellipse(d, lower[1].x, lower[1].y, 0.16, 0.45 * open, 0);
    fus_paint_grey(d, 0.30);
    fus_draw_ellipse(d, upper[2].x, upper[2].y - 0.10 + 0.30 * open, f->mouth_w * 0.95, 0.10 + 0.12 * open, 0);
    fus_paint_fill(d, &(struct fus_paint){.grey = 0.95, .round = 0.05});
    for (int i = -3; i <= 3; i++) {
        struct fus_point t[2] = {{upper[2].x + i * 0.065, upper[2].y - 0.1},
                                 {upper[2].x + i * 0.063, upper[2].y + 0.40 * open}};
        fus_draw_stroke(d, t, 2, 0.008, 0.008, false);
    }
    fus_paint_fill(d, &(struct fus_paint){.grey = 0.75, .multiply = true});
    fus_draw_unclip(d);
}

static void mouth(struct fus_draw *d, const struct fus_face *f)
{
    double w = f->mouth_w, v = f->mouth_v, up = f->smile, open = f->open, lip = f->lip;
    struct fus_point upper[5], lower[3], edge[5], p[10];
    static const double at[5] = {-1, -0.5, 0, 0.5, 1}, bend[5] = {1, 0.35, 0, 0.35, 1};
    for (int i = 0; i < 5; i++) {
        double rise = -up * bend[i];
        upper[i] = fus_generate_head_on(f, at[i] * w, v + rise - 0.25 * open * (1 - bend[i]), 0.04 * (1 - bend[i]));
        edge[i] = fus_generate_head_on(f, at[i] * w * 0.98,
                                       v + rise - 0.25 * open * (1 - bend[i]) -
                                           (i == 0 || i == 4 ? 0
                                            : i == 2         ? 0.70 * lip
                                                             : lip),
                                       0.05);
    }
    for (int i = 0; i < 3; i++)
        lower[i] =
            fus_generate_head_on(f, at[i + 1] * w, v - up * bend[i + 1] * 0.6 + open * (i == 1 ? 1.0 : 0.86), 0.04);
    struct fus_point chin = fus_generate_head_on(f, 0, v + open + 2.2 * lip + 0.06, 0.02);
    fus_draw_ellipse(d, chin.x, chin.y, 0.55 * w, 0.035, 0);
    fus_paint_shadow(d, 0.74, 0.06);
    double tone = f->lip_tone;
    for (int i = 0; i < 5; i++) {
        p[i] = edge[i];
        p[9 - i] = upper[i];
    }
    fus_draw_smooth(d, p, 10);
    fus_paint_fill(d, &(struct fus_paint){.grey = tone * 0.86, .multiply = true, .blur = 0.012});
    p[0] = upper[0], p[1] = lower[0], p[2] = lower[1], p[3] = lower[2], p[4] = upper[4];
    for (int i = 0; i < 3; i++) {
        p[7 - i] = lower[i];
        p[7 - i].y += i == 1 ? 1.5 * lip : 1.05 * lip;
    }
    fus_draw_smooth(d, p, 8);
    fus_paint_fill(d, &(struct fus_paint){.grey = tone, .multiply = true, .blur = 0.012});
    fus_draw_ellipse(d, lower[1].x + 0.2 * w * d->light.x, lower[1].y + 0.65 * lip, 0.28 * w, 0.25 * lip, 0);
    fus_paint_fill(d, &(struct fus_paint){.grey = 1.22, .multiply = true, .blur = 0.02});
    if (open > 0.03)
        open_mouth(d, f, upper, lower);
    fus_draw_stroke(d, upper, 5, 0.022, 0.022, true);
    fus_paint_fill(d, &(struct fus_paint){.grey = 0.30, .multiply = true, .blur = 0.006});
    for (int side = -1; side <= 1 && up > 0.03; side += 2) { /* folds from nose to mouth */
        struct fus_point fold[3] = {fus_generate_head_on(f, side * (f->nose_width + 0.07), f->nose_v, 0),
                                    fus_generate_head_on(f, side * (w + 0.07), (v + f->nose_v) / 2, 0),
                                    fus_generate_head_on(f, side * (w + 0.10), v - up, 0)};
        fus_draw_stroke(d, fold, 3, 0.015, 0.03, true);
        fus_paint_shadow(d, f->child ? 0.86 : 0.72, 0.02);
    }
}

static void beard(struct fus_draw *d, const struct fus_face *f)
{
    double grey = f->hair_grey * 0.8 + 0.02;
    struct fus_paint hairy = {.grey = grey,
                              .clear = f->beard == 3 ? 0.62 : 0.08,
                              .blur = 0.03,
                              .grain = 0.16,
                              .grain_x = 0.02,
                              .grain_y = 0.07};
    if (f->beard == 0)
        return;
    fus_generate_head(d, f, 1.0);
    fus_draw_clip(d);
    if (f->beard != 2) { /* full beard, or stubble */
        static const double side_u[6] = {1.05, 0.98, 0.62, 0.34, 0.20, 0},
                            side_v[6] = {0.10, 0.36, 0.44, 0.58, 0.66, 0.70};
        struct fus_point p[16];
        int n = 0;
        for (int i = 0; i < 6; i++)
            p[n++] = fus_generate_head_on(f, side_u[i] * f->width, side_v[i], 0);
        for (int i = 4; i >= 0; i--)
            p[n++] = fus_generate_head_on(f, -side_u[i] * f->width, side_v[i], 0);
        p[n++] = (struct fus_point){-1.3, 1.2};
        p[n++] = (struct fus_point){1.3, 1.2};
        fus_draw_polygon(d, p, n);
        fus_paint_fill(d, &hairy);
    }
    struct fus_point m[3] = {fus_generate_head_on(f, -f->mouth_w * 1.08, f->mouth_v + 0.02, 0.02),
                             fus_generate_head_on(f, 0, f->nose_v + 0.10, 0.06),
                             fus_generate_head_on(f, f->mouth_w * 1.08, f->mouth_v + 0.02, 0.02)};
    fus_draw_stroke(d, m, 3, 0.10, 0.10, true);
    hairy.blur = 0.015;
    fus_paint_fill(d, &hairy);
    fus_draw_unclip(d);
}

/* The bars from the glasses to the ears: hair hides them. */
static void bows(struct fus_draw *d, const struct fus_face *f)
{
    for (int side = -1; side <= 1 && f->glasses; side += 2) {
        struct fus_point lens = fus_generate_head_on(f, side * 1.04 * f->eye_u, f->eye_v - 0.01, 0.10);
        struct fus_point p[2] = {{lens.x + side * 0.235 * (0.55 + 0.45 * f->yaw_cos), lens.y},
                                 {side * f->width * f->yaw_cos - 0.1 * f->yaw_sin, f->eye_v + 0.02}};
        if (side * f->yaw_sin < 0.3)
            fus_draw_stroke(d, p, 2, 0.03, 0.02, false);
    }
    fus_paint_grey(d, f->glasses_grey);
}

static void glasses(struct fus_draw *d, const struct fus_face *f)
{
    struct fus_point c[2];
    double rx = 0.235 * (0.55 + 0.45 * f->yaw_cos), ry = f->glasses == 1 ? 0.215 : 0.16;
    if (!f->glasses)
        return;
    for (int i = 0; i < 2; i++) {
        c[i] = fus_generate_head_on(f, (i ? 1.04 : -1.04) * f->eye_u, f->eye_v + 0.02, 0.10);
        if (f->glasses == 1)
            fus_draw_ellipse(d, c[i].x, c[i].y, rx, ry, 0);
        else
            fus_draw_box(d, c[i].x - rx, c[i].y - ry, c[i].x + rx, c[i].y + ry, 0.07);
        fus_paint_fill(d, &(struct fus_paint){.grey = 1, .clear = 0.90});
    }
    for (int i = 0; i < 2; i++) {
        struct fus_point rim[33];
        for (int k = 0; k < 33; k++) {
            double s, co, e;
            fus_fmath_sincospi(&s, &co, 2.0 * k / 32);
            /* a squarish rim */
            e = f->glasses == 1 ? 1 : 1 / sqrt(sqrt(s * s * s * s + co * co * co * co));
            rim[k] = (struct fus_point){c[i].x + rx * co * e, c[i].y + ry * s * e};
        }
        fus_draw_stroke(d, rim, 33, 0.03, 0.03, false);
    }
    struct fus_point bridge[3] = {
        {c[0].x + rx, c[0].y - 0.02}, {(c[0].x + c[1].x) / 2, c[0].y - 0.07}, {c[1].x - rx, c[1].y - 0.02}};
    fus_draw_stroke(d, bridge, 3, 0.028, 0.028, true);
    fus_paint_grey(d, f->glasses_grey);
}

/* Freckles, or the lines of age. */
static void skin_marks(struct fus_draw *d, const struct fus_face *f)
{
    for (int i = 0; i < f->freckles; i++) {
        double a = 1.7 * i, u = fus_paint_noise(d, a + 0.31, 3.3, 3) * f->width * 0.75,
               v = f->nose_v - 0.08 + 0.2 * fus_paint_noise(d, a, 9.7, 4);
        struct fus_point p = fus_generate_head_on(f, u, v, 0);
        fus_draw_ellipse(d, p.x, p.y, 0.014, 0.014, 0);
    }
    fus_paint_fill(d, &(struct fus_paint){.grey = 0.72, .multiply = true});
    if (!f->old)
        return;
    for (int i = 0; i < 3; i++) {
        struct fus_point p[3] = {fus_generate_head_on(f, -0.34, -0.50 - 0.10 * i, 0),
                                 fus_generate_head_on(f, 0.02, -0.53 - 0.10 * i, 0),
                                 fus_generate_head_on(f, 0.34, -0.49 - 0.10 * i, 0)};
        fus_draw_stroke(d, p, 3, 0.015, 0.015, true);
    }
    for (int side = -1; side <= 1; side += 2)
        for (int i = -1; i <= 1; i++) {
            struct fus_point p[2] = {
                fus_generate_head_on(f, side * (f->eye_u + f->eye_w + 0.05), f->eye_v + 0.02 + 0.02 * i, 0),
                fus_generate_head_on(f, side * (f->eye_u + f->eye_w + 0.16), f->eye_v + 0.03 + 0.06 * i, 0)};
            fus_draw_stroke(d, p, 2, 0.012, 0.012, false);
        }
    fus_paint_shadow(d, 0.72, 0.012);
}

static void draw_face(struct fus_draw *d, const struct fus_face *f)
{
    fus_scene_put(d, &f->place);
    d->light = (struct fus_point){f->light, -0.55};
    fus_generate_hair_back(d, f);
    ears(d, f);
    fus_generate_head(d, f, 1.0);
    fus_paint_fill(d,
                   &(struct fus_paint){
                       .grey = f->skin, .round = 0.30, .gloss = 0.06, .grain = 0.02, .grain_x = 0.03, .grain_y = 0.03});
    fus_generate_head(d, f, 1.0);
    fus_draw_clip(d);
    modelling(d, f);
    skin_marks(d, f);
    fus_draw_unclip(d);
    beard(d, f);
    nose(d, f);
    mouth(d, f);
    for (int side = -1; side <= 1; side += 2) {
        eye(d, f, side);
        brow(d, f, side);
    }
    bows(d, f);
    fus_generate_hair_front(d, f);
    glasses(d, f);
}

/* ---- parameters ---- */

static void pick_expression(struct fus_face *f, struct fus_rng *rng)
{
    static const enum expression often[] = {NEUTRAL, NEUTRAL, SMILE, SMILE, SMILE, LAUGH, LAUGH, SAD, SURPRISED, STERN};
    f->expression = often[fus_scene_pick(rng, 10)];
    double much = fus_scene_between(rng, 0.7, 1.2);
    f->smile = f->expression == SMILE   ? 0.075 * much
               : f->expression == LAUGH ? 0.085 * much
               : f->expression == SAD   ? -0.06 * much
                                        : fus_scene_between(rng, -0.012, 0.02);
    f->open = f->expression == LAUGH ? 0.15 * much : f->expression == SURPRISED ? 0.17 * much : 0;
    f->brow_lift = f->expression == SURPRISED ? 0.08
                   : f->expression == STERN   ? -0.035
                                              : fus_scene_between(rng, -0.01, 0.02);
    f->brow_tilt = f->expression == SAD ? -0.06 : f->expression == STERN ? 0.06 : fus_scene_between(rng, -0.015, 0.02);
    if (f->expression == SURPRISED) {
        f->mouth_w *= 0.62;
        f->eye_h *= 1.25;
    }
    if (f->expression == LAUGH)
        f->eye_h *= 0.78;
}

static void pick_features(struct fus_face *f, struct fus_rng *rng)
{
    bool child = f->child;
    f->width = fus_scene_between(rng, child ? 0.80 : 0.68, child ? 0.88 : 0.80);
    f->jaw = fus_scene_between(rng, f->female || child ? 0.84 : 0.92, f->female || child ? 0.97 : 1.08);
    f->chin = fus_scene_between(rng, 0.8, f->female ? 1.0 : 1.2);
    f->skin = fus_scene_between(rng, 0.46, 0.91);
    f->eye_v = child ? fus_scene_between(rng, 0.10, 0.18) : fus_scene_between(rng, -0.08, 0.0);
    f->eye_u = f->width * fus_scene_between(rng, 0.42, 0.48);
    f->eye_w = fus_scene_between(rng, child ? 0.165 : 0.14, child ? 0.195 : 0.17);
    f->eye_h = f->eye_w * fus_scene_between(rng, child ? 0.50 : 0.36, child ? 0.68 : 0.54);
    f->eye_slant = fus_scene_between(rng, -0.035, 0.015);
    f->iris = f->eye_w * fus_scene_between(rng, 0.50, 0.58);
    f->iris_grey = fus_scene_between(rng, 0.12, 0.55);
    f->gaze = fus_scene_chance(rng, 0.3) ? fus_scene_between(rng, -0.05, 0.05) : 0;
    f->lashes = f->female ? fus_scene_between(rng, 0.008, 0.022) : 0;
    f->brow_width = fus_scene_between(rng, f->female || child ? 0.035 : 0.055, f->female || child ? 0.06 : 0.095);
    f->nose_v = f->eye_v + fus_scene_between(rng, child ? 0.26 : 0.36, child ? 0.32 : 0.44);
    f->nose_width = fus_scene_between(rng, child ? 0.10 : 0.115, child ? 0.13 : 0.17);
    f->mouth_v = f->nose_v + fus_scene_between(rng, child ? 0.20 : 0.225, 0.26);
    f->mouth_w = fus_scene_between(rng, child ? 0.20 : 0.24, child ? 0.25 : 0.32);
    f->lip = fus_scene_between(rng, f->female ? 0.045 : 0.03, f->female ? 0.075 : 0.055);
    f->lip_tone = fus_scene_between(rng, f->female && !child ? 0.50 : 0.66, f->female && !child ? 0.74 : 0.82);
}

static void pick_face(struct fus_face *f, bool child, struct fus_rng *rng)
{
    static const enum fus_hair man[] = {HAIR_NONE,   HAIR_CROPPED, HAIR_SHORT, HAIR_SHORT,
                                        HAIR_PARTED, HAIR_CURLY,   HAIR_AFRO,  HAIR_PARTED};
    static const enum fus_hair woman[] = {HAIR_BOB, HAIR_LONG,  HAIR_WAVY, HAIR_FRINGE,
                                          HAIR_BUN, HAIR_CURLY, HAIR_AFRO, HAIR_PARTED};
    static const enum fus_hair boy[] = {HAIR_CROPPED, HAIR_SHORT, HAIR_SHORT, HAIR_PARTED, HAIR_CURLY, HAIR_AFRO};
    static const enum fus_hair girl[] = {HAIR_BOB, HAIR_LONG, HAIR_WAVY, HAIR_FRINGE, HAIR_BUN, HAIR_PIGTAILS};
    f->child = child;
    f->female = fus_scene_chance(rng, 0.5);
    pick_features(f, rng);
    f->old = !child && fus_scene_chance(rng, 0.22);
    if (child)
        f->hair = f->female ? girl[fus_scene_pick(rng, 6)] : boy[fus_scene_pick(rng, 6)];
    else
        f->hair = f->female ? woman[fus_scene_pick(rng, 8)] : man[fus_scene_pick(rng, 8)];
    /* fair hair goes with fair skin */
    double darkest = 0.07, lightest = f->skin < 0.66 ? 0.22 : 0.68;
    f->hair_grey = f->old ? fus_scene_between(rng, 0.66, 0.88) : fus_scene_between(rng, darkest, lightest);
    f->hair_thick = fus_scene_between(rng, 0.8, 1.25);
    f->parting = fus_scene_between(rng, 0.2, 0.55) * (fus_scene_chance(rng, 0.5) ? 1 : -1);
    f->beard = !f->female && !child && fus_scene_chance(rng, 0.5) ? 1 + fus_scene_pick(rng, 3) : 0;
    f->glasses = fus_scene_chance(rng, child ? 0.12 : 0.25) ? 1 + fus_scene_pick(rng, 2) : 0;
    f->glasses_grey = fus_scene_chance(rng, 0.75) ? 0.07 : 0.75;
    f->freckles = f->skin > 0.75 && fus_scene_chance(rng, 0.2) ? 24 : 0;
    pick_expression(f, rng);
    double yaw = fus_scene_chance(rng, 0.3) ? fus_scene_between(rng, -0.03, 0.03) : fus_scene_between(rng, -0.16, 0.16);
    fus_fmath_sincospi(&f->yaw_sin, &f->yaw_cos, yaw);
    fus_fmath_sincospi(&f->pitch_sin, &f->pitch_cos, fus_scene_between(rng, -0.06, 0.07));
    f->light = fus_scene_between(rng, 0.25, 0.8) * (fus_scene_chance(rng, 0.5) ? 1 : -1);
    f->place = (struct fus_scene_place){fus_scene_between(rng, 0.42, 0.58), fus_scene_between(rng, 0.45, 0.53),
                                        fus_scene_between(rng, 0.29, 0.37), fus_scene_between(rng, -0.07, 0.07), false};
}

static void tell_face(struct fus_scene_caption *c, const struct fus_face *f)
{
    static const char *const beards[] = {"", "a full beard", "a moustache", "stubble"};
    const char *who = f->child ? (f->female ? "girl" : "boy") : (f->female ? "woman" : "man");
    const char *first = f->expression == NEUTRAL ? (f->old     ? "old "
                                                    : f->child ? "young "
                                                               : "")
                                                 : expressions[f->expression];
    bool vowel = first[0] == 'o';
    fus_scene_say(c, "%s %s%s%s with ", vowel ? "an" : "a", first, f->old && f->expression != NEUTRAL ? "old " : "",
                  who);
    const char *hair = hair_words[f->hair];
    if (f->hair != HAIR_NONE)
        fus_scene_say(c, "%s %s",
                      f->old                ? "white"
                      : f->hair_grey < 0.2  ? "dark"
                      : f->hair_grey < 0.45 ? "brown"
                                            : "fair",
                      f->hair == HAIR_PARTED || f->hair >= HAIR_FRINGE || f->hair == HAIR_AFRO ? "hair in " : "");
    fus_scene_say(c, "%s%s%s", hair, f->beard ? " and " : "", beards[f->beard]);
    if (f->glasses)
        fus_scene_say(c, ", wearing %s glasses", f->glasses == 1 ? "round" : "square");
    if (fabs(f->yaw_sin) > 0.12)
        fus_scene_say(c, ", turned to the %s", f->yaw_sin > 0 ? "right" : "left");
}

static void make_face(struct fus_draw *d, struct fus_scene_caption *c, bool child, struct fus_rng *rng)
{
    struct fus_face f = {.child = child};
    pick_face(&f, child, rng);
    tell_face(c, &f);
    if (d)
        draw_face(d, &f);
}

void fus_generate_face_adult(struct fus_draw *d, struct fus_scene_caption *c, struct fus_rng *rng)
{
    make_face(d, c, false, rng);
}

void fus_generate_face_child(struct fus_draw *d, struct fus_scene_caption *c, struct fus_rng *rng)
{
    make_face(d, c, true, rng);
}
