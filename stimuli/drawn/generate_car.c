/* SPDX-License-Identifier: MIT */
/* Cars: a profile drawn out to the car's width, seen from the side to three quarters and from a
 * little above.
 *
 * X goes to the front of the car, y down from its belt line, Z towards us; parallel projection,
 * so that each plane of the car is a frame in which wheels are circles and doors are boxes. */
#include <math.h>

#include "nn/base/fmath.h"
#include "stimuli/drawn/generate.h"

enum kind { SALOON, HATCHBACK, ESTATE, COUPE, PICKUP, VAN, JEEP, BEETLE, N_CARS };
static const char *const kind_words[N_CARS] = {"saloon",  "hatchback", "estate car", "sports car",
                                               "pick-up", "van",       "jeep",       "rounded small car"};

/* Profiles from the front bumper over bonnet, windscreen, roof and boot to the rear bumper. The
 * cabin's glass lies between points glass[0]..glass[1] (windscreen) and glass[2]..glass[3] (rear
 * window). */
#define MAX_POINTS 14
static const struct profile {
    int n, glass[4];
    double wheel, front_x, rear_x;
    struct fus_point p[MAX_POINTS];
} profiles[N_CARS] = {
    {12,
     {3, 4, 7, 8},
     0.165,
     0.60,
     -0.60,
     {{0.97, 0.26},
      {1.0, 0.12},
      {0.95, 0.00},
      {0.45, -0.07},
      {0.16, -0.32},
      {0.0, -0.35},
      {-0.25, -0.35},
      {-0.40, -0.32},
      {-0.66, -0.09},
      {-0.95, -0.06},
      {-1.0, 0.08},
      {-0.97, 0.26}}},
    {12,
     {3, 4, 7, 8},
     0.165,
     0.56,
     -0.58,
     {{0.87, 0.26},
      {0.90, 0.12},
      {0.85, -0.01},
      {0.46, -0.09},
      {0.18, -0.36},
      {0.0, -0.39},
      {-0.40, -0.39},
      {-0.60, -0.36},
      {-0.80, -0.08},
      {-0.84, -0.02},
      {-0.88, 0.10},
      {-0.86, 0.26}}},
    {12,
     {3, 4, 7, 8},
     0.165,
     0.60,
     -0.62,
     {{0.97, 0.26},
      {1.0, 0.12},
      {0.95, 0.00},
      {0.46, -0.08},
      {0.17, -0.33},
      {0.0, -0.36},
      {-0.60, -0.36},
      {-0.80, -0.33},
      {-0.93, -0.08},
      {-0.97, -0.02},
      {-1.0, 0.10},
      {-0.97, 0.26}}},
    {12,
     {3, 4, 7, 8},
     0.175,
     0.62,
     -0.62,
     {{0.98, 0.24},
      {1.02, 0.14},
      {0.92, 0.04},
      {0.30, -0.05},
      {-0.02, -0.25},
      {-0.15, -0.27},
      {-0.28, -0.27},
      {-0.40, -0.24},
      {-0.70, -0.06},
      {-0.96, -0.04},
      {-1.0, 0.08},
      {-0.97, 0.24}}},
    {14,
     {3, 4, 7, 8},
     0.20,
     0.62,
     -0.60,
     {{0.97, 0.27},
      {1.0, 0.12},
      {0.97, -0.04},
      {0.46, -0.10},
      {0.28, -0.37},
      {0.15, -0.40},
      {-0.02, -0.40},
      {-0.12, -0.38},
      {-0.17, -0.09},
      {-0.20, -0.05},
      {-0.95, -0.05},
      {-1.0, 0.0},
      {-1.0, 0.12},
      {-0.98, 0.27}}},
    {12,
     {3, 4, 7, 8},
     0.17,
     0.62,
     -0.60,
     {{0.95, 0.28},
      {0.98, 0.12},
      {0.93, -0.04},
      {0.74, -0.12},
      {0.52, -0.48},
      {0.35, -0.52},
      {-0.75, -0.52},
      {-0.92, -0.49},
      {-0.97, -0.16},
      {-0.98, 0.0},
      {-0.99, 0.14},
      {-0.97, 0.28}}},
    {12,
     {3, 4, 7, 8},
     0.215,
     0.56,
     -0.56,
     {{0.88, 0.24},
      {0.90, 0.10},
      {0.88, -0.09},
      {0.34, -0.13},
      {0.24, -0.43},
      {0.14, -0.45},
      {-0.70, -0.45},
      {-0.80, -0.43},
      {-0.86, -0.12},
      {-0.88, 0.0},
      {-0.89, 0.12},
      {-0.87, 0.24}}},
    {12,
     {4, 5, 7, 9},
     0.165,
     0.56,
     -0.56,
     {{0.84, 0.26},
      {0.90, 0.14},
      {0.82, -0.02},
      {0.62, -0.12},
      {0.36, -0.15},
      {0.16, -0.37},
      {-0.02, -0.43},
      {-0.25, -0.40},
      {-0.50, -0.26},
      {-0.70, -0.06},
      {-0.84, 0.12},
      {-0.84, 0.26}}},
};

struct car {
    enum kind kind;
    double yaw_sin, yaw_cos, lift, half; /* lift: how far from above; half: width */
    double body, rim, glass, stripe;
    int spokes;
    bool two_tone, dark_trim, rack;
    struct fus_scene_place place;
};

static struct fus_point project(const struct car *c, double x, double y, double z)
{
    return (struct fus_point){x * c->yaw_cos + z * c->yaw_sin, y + c->lift * (z * c->yaw_cos - x * c->yaw_sin)};
}

/* The frame of the plane Z = z, in which x is X. */
static void side_plane(struct fus_draw *d, const struct car *c, double z)
{
    struct fus_point o = project(c, 0, 0, z);
    fus_draw_shift(d, o.x, o.y);
    fus_draw_map(d, c->yaw_cos, 0, -c->lift * c->yaw_sin, 1);
}

/* The frame of the plane X = x, in which x is Z. */
static void end_plane(struct fus_draw *d, const struct car *c, double x)
{
    struct fus_point o = project(c, x, 0, 0);
    fus_draw_shift(d, o.x, o.y);
    fus_draw_map(d, c->yaw_sin, 0, c->lift * c->yaw_cos, 1);
}

static void wheel(struct fus_draw *d, const struct car *c, double x, double z, bool near)
{
    const struct profile *f = profiles + c->kind;
    struct fus_frame keep = d->frame;
    double r = f->wheel, y = 0.27;
    side_plane(d, c, z - (near ? 0.14 : -0.14));
    fus_draw_ellipse(d, x, y, r, r, 0);
    d->frame = keep;
    side_plane(d, c, z);
    fus_draw_ellipse(d, x, y, r, r, 0);
    fus_paint_grey(d, 0.07);
    if (near) {
        fus_draw_ellipse(d, x, y, r * 0.88, r * 0.88, 0);
        fus_paint_grey(d, 0.15);
        fus_draw_ellipse(d, x, y, r * 0.66, r * 0.66, 0);
        fus_paint_fill(
            d, &(struct fus_paint){.grey = c->rim, .grey_to = c->rim * 0.6, .from = {x, y - r}, .to = {x, y + r}});
        for (int i = 0; i < c->spokes; i++) {
            double s, co;
            fus_fmath_sincospi(&s, &co, 2.0 * i / c->spokes + 0.1);
            fus_draw_ellipse(d, x + 0.42 * r * co, y + 0.42 * r * s, r * 0.17, r * (c->spokes > 6 ? 0.06 : 0.11),
                             2.0 * i / c->spokes + 0.1);
        }
        fus_paint_grey(d, 0.15);
        fus_draw_ellipse(d, x, y, r * 0.13, r * 0.13, 0);
        fus_paint_grey(d, c->rim);
    }
    d->frame = keep;
}

/* The strips between the near and the far profile that face us, those at the hidden end first. */
static void draw_top(struct fus_draw *d, const struct car *c)
{
    const struct profile *f = profiles + c->kind;
    bool front = c->yaw_sin < 0;
    for (int k = 0; k + 1 < f->n; k++) {
        int i = front ? f->n - 2 - k : k;
        struct fus_point a = f->p[i], b = f->p[i + 1];
        double nx = -(b.y - a.y), ny = b.x - a.x,
               length = sqrt(nx * nx + ny * ny); /* outwards: the profile runs to the rear */
        nx /= length;
        ny /= length;
        if (-nx * c->yaw_sin - ny * c->lift * 2 < 0)
            continue;
        bool glass = (i >= f->glass[0] && i < f->glass[1]) || (i >= f->glass[2] && i < f->glass[3]);
        struct fus_point q[4] = {project(c, a.x, a.y, c->half), project(c, b.x, b.y, c->half),
                                 project(c, b.x, b.y, -c->half), project(c, a.x, a.y, -c->half)};
        double up = ny < 0 ? -ny : 0;
        fus_draw_polygon(d, q, 4);
        fus_paint_grey(d, c->body * (0.68 + 0.42 * up));
        fus_draw_stroke(d, q, 2, 0.012, 0.012, false);
        fus_paint_grey(d, c->body * (0.68 + 0.42 * up));
        if (glass) {
            struct fus_point p[4];
            for (int j = 0; j < 4; j++) {
                double t = j == 0 || j == 3 ? 0.06 : 0.94, z = (j < 2 ? 1 : -1) * c->half * 0.9;
                p[j] = project(c, a.x + (b.x - a.x) * t, a.y + (b.y - a.y) * t, z);
            }
            fus_draw_polygon(d, p, 4);
            fus_paint_fill(d,
                           &(struct fus_paint){.grey = c->glass + 0.35, .grey_to = c->glass, .from = p[0], .to = p[2]});
        }
    }
}

static void draw_end(struct fus_draw *d, const struct car *c)
{
    const struct profile *f = profiles + c->kind;
    struct fus_frame keep = d->frame;
    bool front = c->yaw_sin < 0;
    double h = c->half;
    if (fabs(c->yaw_sin) < 0.1)
        return;
    end_plane(d, c, front ? f->p[1].x : f->p[f->n - 2].x);
    for (int side = -1; side <= 1; side += 2) {
        if (front)
            fus_draw_ellipse(d, side * h * 0.68, 0.06, h * 0.22, 0.055, 0);
        else
            fus_draw_box(d, side * h * 0.75 - h * 0.17, 0.0, side * h * 0.75 + h * 0.17, 0.09, 0.02);
        fus_paint_fill(d, &(struct fus_paint){.grey = front ? 1.0 : 0.30, .round = 0.03});
    }
    fus_draw_box(d, -h * 0.36, 0.02, h * 0.36, 0.11, 0.02);
    fus_paint_grey(d, front ? 0.10 : c->body * 0.6);
    fus_draw_box(d, -h * 0.98, 0.17, h * 0.98, 0.25, 0.03);
    fus_paint_grey(d, c->dark_trim ? 0.14 : 0.80);
    fus_draw_box(d, -h * 0.26, 0.18, h * 0.26, 0.24, 0.005);
    fus_paint_grey(d, 0.95);
    d->frame = keep;
}

static double on_line(struct fus_point a, struct fus_point b, double y)
{
    return a.x + (b.x - a.x) * (y - a.y) / (b.y - a.y);
}

/* One pane between the slanted lines of the windscreen and the rear window, cut by pillars. */
static void pane(struct fus_draw *d, const struct car *c, double rear, double front)
{
    const struct profile *f = profiles + c->kind;
    struct fus_point w0 = f->p[f->glass[0]], w1 = f->p[f->glass[1]], r1 = f->p[f->glass[2]], r0 = f->p[f->glass[3]];
    double low = (w0.y > r0.y ? r0.y : w0.y) - 0.02,
           top = (w1.y < r1.y ? w1.y : r1.y) + (c->kind == BEETLE ? 0.05 : 0.035);
    double fl = on_line(w0, w1, low) - 0.05, ft = on_line(w0, w1, top) - 0.04, rl = on_line(r0, r1, low) + 0.05,
           rt = on_line(r0, r1, top) + 0.04;
    struct fus_point p[4] = {{rl > rear ? rl : rear, low},
                             {rt > rear ? rt : rear, top},
                             {ft < front ? ft : front, top},
                             {fl < front ? fl : front, low}};
    if (p[0].x > p[3].x - 0.03 || p[1].x > p[2].x)
        return;
    fus_draw_polygon(d, p, 4);
    fus_paint_fill(d,
                   &(struct fus_paint){.grey = c->glass + 0.30, .grey_to = c->glass, .from = {0, top}, .to = {0, low}});
    struct fus_point streak[4] = {{p[1].x + 0.35 * (p[2].x - p[1].x), top},
                                  {p[1].x + 0.55 * (p[2].x - p[1].x), top},
                                  {p[0].x + 0.35 * (p[3].x - p[0].x), low},
                                  {p[0].x + 0.15 * (p[3].x - p[0].x), low}};
    fus_draw_polygon(d, streak, 4);
    fus_paint_fill(d, &(struct fus_paint){.grey = 1, .clear = 0.75});
}

static void draw_doors(struct fus_draw *d, const struct car *c, const double *pillar, int n)
{
    for (int i = 0; i < n; i++) {
        struct fus_point p[3] = {{pillar[i], -0.08}, {pillar[i] + 0.01, 0.12}, {pillar[i] - 0.02, 0.22}};
        fus_draw_stroke(d, p, 3, 0.009, 0.009, true);
    }
    fus_paint_fill(d, &(struct fus_paint){.grey = 0.5, .multiply = true});
    for (int i = 0; i < n - 1; i++) {
        fus_draw_box(d, pillar[i] + 0.04, -0.015, pillar[i] + 0.13, 0.01, 0.01);
        fus_paint_grey(d, c->dark_trim ? 0.12 : 0.9);
    }
}

static void draw_side(struct fus_draw *d, const struct car *c)
{
    const struct profile *f = profiles + c->kind;
    struct fus_frame keep = d->frame;
    double pillar[4] = {-0.62, -0.14, 0.34, 0};
    int n = 3;
    if (c->kind == COUPE || c->kind == BEETLE || c->kind == PICKUP) {
        pillar[0] = c->kind == COUPE ? -0.30 : c->kind == PICKUP ? -0.14 : -0.20;
        pillar[1] = c->kind == COUPE ? 0.26 : 0.34;
        n = 2;
    }
    side_plane(d, c, c->half);
    fus_draw_polygon(d, f->p, f->n);
    fus_paint_fill(d,
                   &(struct fus_paint){.grey = c->body, .grey_to = c->body * 0.62, .from = {0, -0.1}, .to = {0, 0.26}});
    fus_draw_polygon(d, f->p, f->n);
    fus_draw_clip(d);
    if (c->two_tone) {
        fus_draw_box(d, -1.1, 0.10, 1.1, 0.4, 0);
        fus_paint_grey(d, c->stripe);
    }
    fus_draw_box(d, -1.1, -0.05, 1.1, -0.03, 0.005);
    fus_paint_fill(d, &(struct fus_paint){.grey = 1.3, .multiply = true, .blur = 0.01});
    fus_draw_box(d, -1.1, 0.20, 1.1, 0.4, 0);
    fus_paint_shadow(d, 0.45, 0.02);
    for (int i = 0; i < 2; i++) { /* wheel arches */
        fus_draw_ellipse(d, i ? f->front_x : f->rear_x, 0.26, f->wheel * 1.2, f->wheel * 1.2, 0);
        fus_paint_grey(d, 0.05);
    }
    fus_draw_unclip(d);
    for (int i = 0; i <= n; i++)
        if (c->kind != VAN || i >= 2)
            pane(d, c, i ? pillar[i - 1] + 0.025 : -2, i < n ? pillar[i] - 0.025 : 2);
    draw_doors(d, c, pillar, n);
    fus_draw_ellipse(d, f->p[1].x - 0.07, 0.06, 0.06, 0.04, 0.02);
    fus_paint_fill(d, &(struct fus_paint){.grey = 0.97, .round = 0.02});
    fus_draw_box(d, f->p[f->n - 2].x + 0.01, -0.01, f->p[f->n - 2].x + 0.07, 0.08, 0.015);
    fus_paint_grey(d, 0.25);
    fus_draw_ellipse(d, f->p[f->glass[0]].x - 0.06, f->p[f->glass[0]].y - 0.005, 0.035, 0.028, 0);
    fus_paint_grey(d, c->body * 0.5);
    d->frame = keep;
    wheel(d, c, f->front_x, c->half + 0.01, true);
    wheel(d, c, f->rear_x, c->half + 0.01, true);
}

static void draw_car(struct fus_draw *d, const struct car *c)
{
    const struct profile *f = profiles + c->kind;
    fus_scene_put(d, &c->place);
    double ground = 0.27 + f->wheel;
    struct fus_point q[4] = {project(c, 1.0, ground, c->half), project(c, -1.0, ground, c->half),
                             project(c, -1.0, ground, -c->half), project(c, 1.0, ground, -c->half)};
    fus_draw_polygon(d, q, 4);
    fus_paint_shadow(d, 0.25, 0.06);
    wheel(d, c, f->front_x, -c->half, false);
    wheel(d, c, f->rear_x, -c->half, false);
    draw_top(d, c);
    draw_end(d, c);
    draw_side(d, c);
    if (c->rack)
        for (int i = 0; i < 2; i++) {
            struct fus_point p[2] = {project(c, f->p[5].x - 0.05, f->p[5].y - 0.03, c->half * (i ? 0.8 : -0.8)),
                                     project(c, f->p[6].x, f->p[6].y - 0.03, c->half * (i ? 0.8 : -0.8))};
            fus_draw_stroke(d, p, 2, 0.022, 0.022, false);
            fus_paint_grey(d, 0.12);
        }
}

void fus_generate_car_car(struct fus_draw *d, struct fus_scene_caption *caption, struct fus_rng *rng)
{
    struct car c = {.kind = (enum kind)fus_scene_pick(rng, N_CARS)};
    fus_fmath_sincospi(&c.yaw_sin, &c.yaw_cos,
                       fus_scene_between(rng, 0.0, 0.21) * (fus_scene_chance(rng, 0.65) ? -1 : 1));
    c.lift = fus_scene_between(rng, 0.10, 0.30);
    c.half = fus_scene_between(rng, 0.36, 0.44);
    c.body = fus_scene_chance(rng, 0.35) ? fus_scene_between(rng, 0.13, 0.25) : fus_scene_between(rng, 0.55, 0.95);
    c.rim = fus_scene_between(rng, 0.65, 0.95);
    c.glass = fus_scene_between(rng, 0.08, 0.22);
    c.stripe = c.body > 0.5 ? 0.25 : 0.85;
    c.spokes = 5 + fus_scene_pick(rng, 6);
    c.two_tone = fus_scene_chance(rng, 0.2);
    c.dark_trim = fus_scene_chance(rng, 0.5);
    c.rack = (c.kind == ESTATE || c.kind == JEEP || c.kind == VAN) && fus_scene_chance(rng, 0.5);
    c.place = (struct fus_scene_place){fus_scene_between(rng, 0.46, 0.54), fus_scene_between(rng, 0.46, 0.56),
                                       fus_scene_between(rng, 0.34, 0.42), fus_scene_between(rng, -0.02, 0.02),
                                       fus_scene_chance(rng, 0.5)};
    fus_scene_say(caption, "a %s%s %s seen from the %s%s",
                  c.body < 0.4   ? "black"
                  : c.body > 0.8 ? "white"
                                 : "grey",
                  c.two_tone ? " two-tone" : "", kind_words[c.kind],
                  fabs(c.yaw_sin) < 0.2 ? "side"
                  : c.yaw_sin < 0       ? "front"
                                        : "rear",
                  c.rack ? ", with a roof rack" : "");
    if (d)
        draw_car(d, &c);
}
