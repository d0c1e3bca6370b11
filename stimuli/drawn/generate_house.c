/* SPDX-License-Identifier: MIT */
/* Houses: a box with a roof, in perspective, with windows, a door, chimney, texture of bricks or
 * boards, and a garden.
 *
 * X goes right along the front, Y up, Z towards us; the front lies at Z = depth / 2. A wall is a
 * plane with its own (u, v), on which bricks and windows are drawn flat before they are
 * projected. */
#include <math.h>

#include "nn/base/fmath.h"
#include "stimuli/drawn/generate.h"

enum roof { GABLE_SIDE, GABLE_FRONT, HIP, FLAT, N_ROOFS };
enum texture { PLASTER, BRICK, BOARDS, STONE, N_TEXTURES };
static const char *const roof_words[N_ROOFS] = {"a gabled roof", "a gable to the front", "a hipped roof",
                                                "a flat roof"};
static const char *const texture_words[N_TEXTURES] = {"plastered", "brick", "wooden", "stone"};

struct house {
    double yaw_sin, yaw_cos, width, depth, height, rise, overhang, eye;
    enum roof roof;
    enum texture texture;
    int storeys, columns, side_columns, door_column, trees, bushes;
    bool chimney, shutters, porch, arched, lit, fence;
    double wall_grey, roof_grey, trim_grey, door_grey, light;
    double tree_x[2], tree_size[2];
    struct fus_scene_place place;
};

struct wall {
    double x, y, z, ux, uz, shade; /* origin at the lower left, direction of u; v is straight up */
    double width, height;
};

static struct fus_point project(const struct house *h, double x, double y, double z)
{
    const double far = 5.0;
    double rx = x * h->yaw_cos + z * h->yaw_sin, rz = z * h->yaw_cos - x * h->yaw_sin, s = far / (far - rz);
    return (struct fus_point){rx * s, (h->eye - y) * s - h->eye + h->height * 0.5 + h->rise * 0.4};
}

static struct fus_point on_wall(const struct house *h, const struct wall *w, double u, double v)
{
    return project(h, w->x + w->ux * u, w->y + v, w->z + w->uz * u);
}

static void wall_box(struct fus_draw *d, const struct house *h, const struct wall *w, double u0, double v0, double u1,
                     double v1)
{
    struct fus_point p[4] = {on_wall(h, w, u0, v0), on_wall(h, w, u1, v0), on_wall(h, w, u1, v1),
                             on_wall(h, w, u0, v1)};
    fus_draw_polygon(d, p, 4);
}

static void wall_line(struct fus_draw *d, const struct house *h, const struct wall *w, double u0, double v0, double u1,
                      double v1, double thick)
{
    struct fus_point p[2] = {on_wall(h, w, u0, v0), on_wall(h, w, u1, v1)};
    fus_draw_stroke(d, p, 2, thick, thick, false);
}

/* Courses of bricks, boards or stones, as darker joints. */
static void wall_texture(struct fus_draw *d, const struct house *h, const struct wall *w)
{
    double course = h->texture == BRICK    ? 0.055
                    : h->texture == BOARDS ? 0.075
                                           : 0.13,
           brick = h->texture == BRICK ? 0.14 : 0.24;
    if (h->texture == PLASTER)
        return;
    int row = 0;
    for (double v = course; v < w->height; v += course, row++) {
        wall_line(d, h, w, 0, v, w->width, v, 0.008);
        if (h->texture == BOARDS)
            continue;
        for (double u = brick * (row & 1 ? 0.5 : 1); u < w->width;
             u += brick * (h->texture == STONE ? 0.8 + 0.3 * ((row * 7) % 3) : 1))
            wall_line(d, h, w, u, v - course, u, v, 0.008);
    }
    fus_paint_fill(d, &(struct fus_paint){.grey = 0.72, .multiply = true});
}

static void window_at(struct fus_draw *d, const struct house *h, const struct wall *w, double u, double v, double wide,
                      double tall)
{
    double t = 0.025;
    if (h->shutters)
        for (int side = 0; side < 2; side++) {
            double from = side ? u + wide / 2 + t : u - wide * 0.95 - t;
            wall_box(d, h, w, from, v, from + wide * 0.45, v + tall);
            fus_paint_grey(d, h->door_grey * w->shade);
        }
    wall_box(d, h, w, u - wide / 2 - t, v - t, u + wide / 2 + t, v + tall + t);
    fus_paint_grey(d, h->trim_grey * w->shade);
    wall_box(d, h, w, u - wide / 2, v, u + wide / 2, v + tall);
    struct fus_point low = on_wall(h, w, u - wide / 2, v), high = on_wall(h, w, u + wide / 2, v + tall);
    fus_paint_fill(
        d, &(struct fus_paint){.grey = h->lit ? 0.92 : 0.10, .grey_to = h->lit ? 0.98 : 0.34, .from = low, .to = high});
    wall_line(d, h, w, u, v, u, v + tall, 0.014);
    wall_line(d, h, w, u - wide / 2, v + tall * 0.52, u + wide / 2, v + tall * 0.52, 0.014);
    fus_paint_grey(d, h->trim_grey * w->shade);
    wall_box(d, h, w, u - wide / 2 - 0.04, v - t - 0.03, u + wide / 2 + 0.04, v - t);
    fus_paint_grey(d, h->trim_grey * w->shade * 0.85);
}

static void door_at(struct fus_draw *d, const struct house *h, const struct wall *w, double u)
{
    double wide = 0.22, tall = h->height / h->storeys * 0.68, t = 0.03;
    wall_box(d, h, w, u - wide / 2 - t, 0, u + wide / 2 + t, tall + t);
    fus_paint_grey(d, h->trim_grey * w->shade);
    wall_box(d, h, w, u - wide / 2, 0, u + wide / 2, tall);
    fus_paint_grey(d, h->door_grey * w->shade);
    for (int i = 0; i < 4; i++) {
        double x = u + (i & 1 ? 0.05 : -0.05), y = tall * (i < 2 ? 0.28 : 0.72);
        wall_box(d, h, w, x - 0.03, y - tall * 0.14, x + 0.03, y + tall * 0.14);
    }
    fus_paint_shadow(d, 0.68, 0.004);
    struct fus_point knob = on_wall(h, w, u + wide * 0.36, tall * 0.45);
    fus_draw_ellipse(d, knob.x, knob.y, 0.014, 0.014, 0);
    fus_paint_grey(d, 0.9);
    wall_box(d, h, w, u - wide * 0.9, -0.035, u + wide * 0.9, 0.005);
    fus_paint_grey(d, 0.72 * w->shade);
}

static void draw_wall(struct fus_draw *d, const struct house *h, const struct wall *w, int columns, int door_column)
{
    double storey = h->height / h->storeys, pitch = w->width / columns;
    wall_box(d, h, w, 0, 0, w->width, w->height);
    struct fus_point foot = on_wall(h, w, 0, 0), top = on_wall(h, w, 0, w->height);
    fus_paint_fill(d, &(struct fus_paint){.grey = h->wall_grey * w->shade * 0.86,
                                          .grey_to = h->wall_grey * w->shade,
                                          .from = foot,
                                          .to = top,
                                          .grain = 0.025,
                                          .grain_x = 0.05,
                                          .grain_y = 0.05});
    wall_texture(d, h, w);
    wall_box(d, h, w, 0, w->height - 0.10, w->width, w->height); /* the eaves' shadow */
    fus_paint_shadow(d, 0.62, 0.03);
    for (int s = 0; s < h->storeys; s++)
        for (int c = 0; c < columns; c++) {
            double u = (c + 0.5) * pitch, wide = pitch * 0.42 < 0.24 ? pitch * 0.42 : 0.24;
            if (s == 0 && c == door_column)
                door_at(d, h, w, u);
            else
                window_at(d, h, w, u, s * storey + storey * 0.32, wide, storey * 0.42);
        }
}

static void quad(struct fus_draw *d, struct fus_point a, struct fus_point b, struct fus_point c, struct fus_point e)
{
    struct fus_point p[4] = {a, b, c, e};
    fus_draw_polygon(d, p, 4);
}

static struct fus_point between(struct fus_point a, struct fus_point b, double t)
{
    return (struct fus_point){a.x + (b.x - a.x) * t, a.y + (b.y - a.y) * t};
}

/* A slope between its eave (a to b) and its ridge (c to e, above b and a), with rows of tiles. */
static void slope(struct fus_draw *d, const struct house *h, struct fus_point a, struct fus_point b, struct fus_point c,
                  struct fus_point e, double shade)
{
    quad(d, a, b, c, e);
    fus_paint_fill(d,
                   &(struct fus_paint){.grey = h->roof_grey * shade, .grain = 0.05, .grain_x = 0.05, .grain_y = 0.02});
    for (int i = 1; i < 9; i++) {
        struct fus_point p[2] = {between(a, e, i / 9.0), between(b, c, i / 9.0)};
        fus_draw_stroke(d, p, 2, 0.009, 0.009, false);
    }
    fus_paint_fill(d, &(struct fus_paint){.grey = 0.70, .multiply = true});
    struct fus_point edge[2] = {a, b};
    fus_draw_stroke(d, edge, 2, 0.03, 0.03, false);
    fus_paint_grey(d, h->trim_grey * shade * 0.9);
}

static void triangle_wall(struct fus_draw *d, const struct house *h, struct fus_point a, struct fus_point b,
                          struct fus_point top, double shade)
{
    struct fus_point p[3] = {a, b, top}, rim[3] = {a, top, b}, middle = between(between(a, b, 0.5), top, 0.35);
    fus_draw_polygon(d, p, 3);
    fus_paint_fill(d,
                   &(struct fus_paint){.grey = h->wall_grey * shade, .grain = 0.03, .grain_x = 0.06, .grain_y = 0.03});
    fus_draw_ellipse(d, middle.x, middle.y, 0.07, 0.085, 0);
    fus_paint_grey(d, h->trim_grey * shade);
    fus_draw_ellipse(d, middle.x, middle.y, 0.05, 0.065, 0);
    fus_paint_grey(d, 0.15);
    fus_draw_stroke(d, rim, 3, 0.05, 0.05, false);
    fus_paint_grey(d, h->trim_grey * shade * 0.9);
}

static void chimney(struct fus_draw *d, const struct house *h)
{
    double x = h->width * 0.22, top = h->height + h->rise * 1.12, w = 0.08;
    struct fus_point a = project(h, x - w, h->height + 0.3 * h->rise, 0), b = project(h, x + w, top, 0);
    fus_draw_box(d, a.x, b.y, b.x, a.y, 0);
    fus_paint_fill(d, &(struct fus_paint){.grey = 0.42, .grain = 0.10, .grain_x = 0.05, .grain_y = 0.025});
    fus_draw_box(d, a.x - 0.025, b.y - 0.03, b.x + 0.025, b.y + 0.02, 0);
    fus_paint_grey(d, 0.30);
}

/* The roof; far: the side of the house that is seen, +1 right or -1 left. */
static void roof(struct fus_draw *d, const struct house *h, double seen, double side_shade)
{
    double o = h->overhang, x = h->width / 2, z = h->depth / 2, y = h->height, top = y + h->rise;
    struct fus_point fl = project(h, -x - o, y, z + o), fr = project(h, x + o, y, z + o), sf = seen > 0 ? fr : fl;
    struct fus_point sb = project(h, seen * (x + o), y, -z - o);
    if (h->roof == FLAT) {
        quad(d, fl, fr, project(h, x + o, y + 0.10, z + o), project(h, -x - o, y + 0.10, z + o));
        fus_paint_grey(d, h->trim_grey);
        quad(d, sf, sb, project(h, seen * (x + o), y + 0.10, -z - o), project(h, seen * (x + o), y + 0.10, z + o));
        fus_paint_grey(d, h->trim_grey * side_shade);
    } else if (h->roof == GABLE_SIDE) {
        struct fus_point ridge[2] = {project(h, -x - o, top, 0), project(h, x + o, top, 0)};
        triangle_wall(d, h, project(h, seen * x, y, z), project(h, seen * x, y, -z),
                      project(h, seen * x, top - 0.06, 0), side_shade);
        slope(d, h, fl, fr, ridge[1], ridge[0], 1.0);
    } else if (h->roof == GABLE_FRONT) {
        struct fus_point front = project(h, 0, top, z + o), back = project(h, 0, top, -z - o);
        slope(d, h, sf, sb, back, front, side_shade);
        triangle_wall(d, h, project(h, -x - o, y, z + o), project(h, x + o, y, z + o), front, 1.0);
    } else {
        double inner = x > z ? x - z * 0.8 : x * 0.25;
        struct fus_point left = project(h, -inner, top, 0), right = project(h, inner, top, 0);
        slope(d, h, sf, sb, seen > 0 ? right : left, seen > 0 ? right : left, side_shade);
        slope(d, h, fl, fr, right, left, 1.0);
    }
}

static void tree(struct fus_draw *d, double x, double y, double size)
{
    struct fus_point trunk[2] = {{x, y}, {x, y - size * 0.6}};
    fus_draw_stroke(d, trunk, 2, size * 0.12, size * 0.07, false);
    fus_paint_grey(d, 0.22);
    for (int i = 0; i < 14; i++) {
        double s, c, r = size * (0.16 + 0.05 * fus_paint_noise(d, 1.9 * i, 4.4, 3));
        fus_fmath_sincospi(&s, &c, 2.0 * i / 14);
        fus_draw_ellipse(d, x + 0.30 * size * c, y - size * 0.82 + 0.34 * size * s, r, r, 0);
    }
    fus_draw_ellipse(d, x, y - size * 0.82, 0.32 * size, 0.36 * size, 0);
    fus_paint_fill(
        d, &(struct fus_paint){.grey = 0.36, .round = 0.14 * size, .grain = 0.16, .grain_x = 0.03, .grain_y = 0.03});
}

static void garden(struct fus_draw *d, const struct house *h, double ground)
{
    for (int i = 0; i < h->bushes; i++) {
        double x = h->width * (-0.5 + (i + 0.5) / h->bushes) * h->yaw_cos,
               y = project(h, 0, 0, h->depth / 2 + 0.15).y + 0.02;
        if (fabs(x - h->width * (-0.5 + (h->door_column + 0.5) / h->columns) * h->yaw_cos) < 0.2)
            continue;
        fus_draw_ellipse(d, x, y - 0.05, 0.12, 0.09, 0);
        fus_draw_ellipse(d, x + 0.08, y - 0.03, 0.09, 0.07, 0);
        fus_draw_ellipse(d, x - 0.08, y - 0.03, 0.09, 0.07, 0);
        fus_paint_fill(
            d, &(struct fus_paint){.grey = 0.33, .round = 0.06, .grain = 0.15, .grain_x = 0.025, .grain_y = 0.025});
    }
    for (int i = 0; i < h->trees; i++)
        tree(d, h->tree_x[i], ground + 0.03 + 0.04 * i, h->tree_size[i]);
}

static void porch(struct fus_draw *d, const struct house *h)
{
    double u = h->width * (-0.5 + (h->door_column + 0.5) / h->columns), z = h->depth / 2, out = 0.28, w = 0.26,
           top = h->height / h->storeys * 0.92;
    for (int side = -1; side <= 1; side += 2) {
        struct fus_point p[2] = {project(h, u + side * w * 0.9, 0, z + out),
                                 project(h, u + side * w * 0.9, top, z + out)};
        fus_draw_stroke(d, p, 2, 0.05, 0.045, false);
    }
    fus_paint_fill(d, &(struct fus_paint){.grey = h->trim_grey, .round = 0.02});
    quad(d, project(h, u - w, top - 0.02, z + out), project(h, u + w, top - 0.02, z + out),
         project(h, u + w, top + 0.08, z + out), project(h, u - w, top + 0.08, z + out));
    fus_paint_grey(d, h->trim_grey * 0.92);
    struct fus_point p[3] = {project(h, u - w * 1.15, top + 0.08, z + out),
                             project(h, u + w * 1.15, top + 0.08, z + out), project(h, u, top + 0.24, z + out)};
    fus_draw_polygon(d, p, 3);
    fus_paint_grey(d, h->roof_grey);
}

static void draw_house(struct fus_draw *d, const struct house *h)
{
    double seen = h->yaw_sin > 0 ? -1 : 1, x = h->width / 2, z = h->depth / 2,
           side_shade = h->light * seen > 0 ? 0.92 : 0.58;
    fus_scene_put(d, &h->place);
    double ground = project(h, 0, 0, z).y;
    struct fus_point corner = project(h, seen * x, 0, -z);
    fus_draw_ellipse(d, corner.x * 0.2, ground + 0.02, h->width * 0.72, 0.12, 0);
    fus_paint_shadow(d, 0.42, 0.10);
    if (h->chimney && h->roof != FLAT)
        chimney(d, h);
    struct wall side = {seen * x, 0, seen > 0 ? z : -z, 0, seen > 0 ? -1 : 1, side_shade, h->depth, h->height};
    struct wall front = {-x, 0, z, 1, 0, 1.0, h->width, h->height};
    draw_wall(d, h, &side, h->side_columns, -1);
    draw_wall(d, h, &front, h->columns, h->door_column);
    roof(d, h, seen, side_shade);
    if (h->porch)
        porch(d, h);
    garden(d, h, ground);
}

static void pick_house(struct house *h, struct fus_rng *rng)
{
    h->roof = (enum roof)fus_scene_pick(rng, N_ROOFS);
    h->texture = (enum texture)fus_scene_pick(rng, N_TEXTURES);
    h->storeys = 1 + fus_scene_pick(rng, h->roof == FLAT ? 4 : 3);
    h->columns = 2 + fus_scene_pick(rng, 4);
    h->side_columns = 1 + fus_scene_pick(rng, 3);
    h->width = 0.44 * h->columns * fus_scene_between(rng, 0.85, 1.0) + 0.15;
    h->depth = fus_scene_between(rng, 0.7, 1.2);
    h->height = h->storeys * fus_scene_between(rng, 0.46, 0.56);
    h->rise = h->roof == FLAT ? 0.10 : fus_scene_between(rng, 0.35, 0.65);
    h->overhang = fus_scene_between(rng, 0.05, 0.11);
    h->door_column = fus_scene_pick(rng, h->columns);
    h->eye = fus_scene_between(rng, 0.25, 0.7);
    fus_fmath_sincospi(&h->yaw_sin, &h->yaw_cos,
                       fus_scene_between(rng, 0.06, 0.21) * (fus_scene_chance(rng, 0.5) ? 1 : -1));
    h->chimney = fus_scene_chance(rng, 0.5);
    h->shutters = fus_scene_chance(rng, 0.3);
    h->porch = h->storeys < 3 && fus_scene_chance(rng, 0.35);
    h->lit = fus_scene_chance(rng, 0.12);
    h->trees = fus_scene_pick(rng, 3);
    h->bushes = fus_scene_chance(rng, 0.5) ? 2 + fus_scene_pick(rng, 3) : 0;
    h->wall_grey = h->texture == BRICK ? fus_scene_between(rng, 0.38, 0.58) : fus_scene_between(rng, 0.50, 0.92);
    h->roof_grey = fus_scene_between(rng, 0.16, 0.44);
    h->trim_grey = h->wall_grey > 0.75 && fus_scene_chance(rng, 0.4) ? 0.30 : 0.95;
    h->door_grey = fus_scene_between(rng, 0.14, 0.50);
    h->light = fus_scene_chance(rng, 0.5) ? 1 : -1;
    for (int i = 0; i < 2; i++) {
        h->tree_x[i] = (i ? 1 : -1) * h->light * (h->width / 2 + fus_scene_between(rng, 0.15, 0.35));
        h->tree_size[i] = fus_scene_between(rng, 0.5, 0.95) * (h->storeys == 1 ? 0.75 : 1);
    }
    double reach = h->width * 0.62 + 0.3, tall = (h->height + h->rise) * 0.62;
    double fit = fus_scene_between(rng, 0.36, 0.45) / (reach > tall ? reach : tall);
    h->place = (struct fus_scene_place){fus_scene_between(rng, 0.46, 0.54), fus_scene_between(rng, 0.47, 0.55), fit,
                                        fus_scene_between(rng, -0.008, 0.008), false};
}

void fus_generate_house_house(struct fus_draw *d, struct fus_scene_caption *c, struct fus_rng *rng)
{
    static const char *const storeys[] = {"", "one storey", "two storeys", "three storeys", "four storeys"};
    struct house h = {.storeys = 1};
    pick_house(&h, rng);
    fus_scene_say(c, "a %s house of %s with %s%s", texture_words[h.texture], storeys[h.storeys], roof_words[h.roof],
                  h.chimney && h.roof != FLAT ? " and a chimney" : "");
    if (h.porch)
        fus_scene_say(c, ", a porch before the door");
    if (h.trees)
        fus_scene_say(c, ", %s beside it", h.trees == 1 ? "a tree" : "trees");
    if (d)
        draw_house(d, &h);
}
