/* SPDX-License-Identifier: MIT */
/* Corridors in one-point perspective, seen through a round or square opening: floor, ceiling
 * with lamps, doors, windows or pictures on the walls, something at the end. X goes right, Y up
 * from the floor, Z away from us. */
#include <math.h>

#include "nn/base/fmath.h"
#include "stimuli/drawn/generate.h"

enum opening { DISC, SQUARE, ARCH, N_OPENINGS };
enum floor_kind { TILES, CHECKER, PLANKS, CARPET, N_FLOORS };
enum side_kind { DOORS, WINDOWS, PICTURES, COLUMNS, LOCKERS, N_SIDES };
enum end_kind { END_DOOR, END_WINDOW, END_WALL, END_ARCH, N_ENDS };
static const char *const floor_words[N_FLOORS] = {"tiled", "chequered", "planked", "carpeted"};
static const char *const side_words[N_SIDES] = {"doors", "windows", "pictures", "columns", "lockers"};
static const char *const end_words[N_ENDS] = {"a door", "a bright window", "a wall", "an arch"};

struct corridor {
    enum opening opening;
    enum floor_kind floor;
    enum side_kind side[2];
    enum end_kind end;
    double half, height, length, eye, stand, focus, tilt; /* half: width; stand: our X */
    double wall, ceiling, ground, trim, far_light, panel, pitch;
    bool lamps, vaulted, rail;
    struct fus_scene_place place;
};

static struct fus_point project(const struct corridor *c, double x, double y, double z)
{
    return (struct fus_point){(x - c->stand) * c->focus / z + c->tilt, (c->eye - y) * c->focus / z};
}

/* Light falls off with distance, or grows towards a bright end. */
static double lit(const struct corridor *c, double z)
{
    double t = (z - 1) / (c->length - 1);
    return 1 + (c->far_light - 1) * (t < 0 ? 0 : t > 1 ? 1 : t);
}

static void quad(struct fus_draw *d, struct fus_point a, struct fus_point b, struct fus_point e, struct fus_point f)
{
    struct fus_point p[4] = {a, b, e, f};
    fus_draw_polygon(d, p, 4);
}

/* A rectangle on the wall at X, from y0 to y1 and z0 to z1. */
static void on_side(struct fus_draw *d, const struct corridor *c, double x, double y0, double y1, double z0, double z1)
{
    quad(d, project(c, x, y0, z0), project(c, x, y1, z0), project(c, x, y1, z1), project(c, x, y0, z1));
}

/* A rectangle on the floor (y = 0) or ceiling. */
static void on_level(struct fus_draw *d, const struct corridor *c, double y, double x0, double x1, double z0, double z1)
{
    quad(d, project(c, x0, y, z0), project(c, x1, y, z0), project(c, x1, y, z1), project(c, x0, y, z1));
}

static void draw_floor(struct fus_draw *d, const struct corridor *c)
{
    double near = 0.5, step = c->floor == PLANKS ? 0.16 : 0.34;
    int n = (int)(2 * c->half / step + 0.5);
    /* each strip to the end, so that no seam shows */
    for (double z = near; z < c->length; z += 0.34) {
        on_level(d, c, 0, -c->half, c->half, z, c->length);
        fus_paint_grey(d, c->ground * lit(c, z));
    }
    if (c->floor == CHECKER) {
        int row = 0;
        for (double z = near; z < c->length; z += 0.34, row++) {
            double to = z + 0.34 < c->length ? z + 0.34 : c->length;
            for (int i = row & 1; i < n; i += 2)
                on_level(d, c, 0, -c->half + 2 * c->half * i / n, -c->half + 2 * c->half * (i + 1) / n, z, to);
        }
        fus_paint_fill(d, &(struct fus_paint){.grey = 0.35, .multiply = true});
    } else if (c->floor == CARPET) {
        on_level(d, c, 0, -0.7 * c->half, 0.7 * c->half, near, c->length);
        fus_paint_fill(d, &(struct fus_paint){.grey = 0.55, .multiply = true});
        on_level(d, c, 0, -0.7 * c->half, -0.64 * c->half, near, c->length);
        on_level(d, c, 0, 0.64 * c->half, 0.7 * c->half, near, c->length);
        fus_paint_fill(d, &(struct fus_paint){.grey = 1.8, .multiply = true});
    } else {
        for (int i = 1; i < n; i++) {
            double x = -c->half + 2 * c->half * i / n;
            on_level(d, c, 0, x - 0.008, x + 0.008, near, c->length);
        }
        for (double z = near; z < c->length; z += c->floor == PLANKS ? 1.3 : 0.34)
            on_level(d, c, 0, -c->half, c->half, z, z + 0.02);
        fus_paint_fill(d, &(struct fus_paint){.grey = 0.62, .multiply = true});
    }
    for (double z = 1.5; c->lamps && z < c->length; z += 1.5) { /* the lamps shine on the floor */
        struct fus_point p = project(c, 0, 0, z + 0.3);
        fus_draw_ellipse(d, p.x, p.y, 0.35 * c->half * c->focus / z, 0.08 * c->focus / z, 0);
    }
    fus_paint_fill(d, &(struct fus_paint){.grey = 1.35, .multiply = true, .blur = 0.05});
}

static void draw_ceiling(struct fus_draw *d, const struct corridor *c)
{
    for (double z = 0.5; z < c->length; z += 0.34) {
        on_level(d, c, c->height, -c->half, c->half, z, c->length);
        fus_paint_grey(d, c->ceiling * lit(c, z));
    }
    for (double z = 0.5; z < c->length; z += 0.75)
        on_level(d, c, c->height, -c->half, c->half, z, z + (c->vaulted ? 0.16 : 0.015));
    for (int i = -1; i <= 1 && !c->vaulted; i++)
        on_level(d, c, c->height, i * c->half * 0.5 - 0.006, i * c->half * 0.5 + 0.006, 0.5, c->length);
    fus_paint_fill(d, &(struct fus_paint){.grey = c->vaulted ? 0.6 : 0.78, .multiply = true});
    if (!c->lamps)
        return;
    for (double z = 0.9; z < c->length - 0.3; z += 1.5) {
        on_level(d, c, c->height - 0.005, -0.32 * c->half, 0.32 * c->half, z, z + 0.5);
        fus_paint_grey(d, 0.55);
        on_level(d, c, c->height - 0.006, -0.28 * c->half, 0.28 * c->half, z + 0.03, z + 0.47);
        fus_paint_grey(d, 1.0);
    }
}

static void draw_door(struct fus_draw *d, const struct corridor *c, double x, double z, double tone)
{
    double top = c->height * 0.76, wide = 0.62;
    on_side(d, c, x, 0, top + 0.05, z - 0.05, z + wide + 0.05);
    fus_paint_grey(d, c->trim * tone);
    on_side(d, c, x, 0, top, z, z + wide);
    fus_paint_grey(d, c->panel * tone);
    on_side(d, c, x, top * 0.54, top * 0.90, z + 0.12, z + wide - 0.12);
    on_side(d, c, x, top * 0.10, top * 0.44, z + 0.12, z + wide - 0.12);
    fus_paint_fill(d, &(struct fus_paint){.grey = 0.72, .multiply = true});
    struct fus_point knob = project(c, x, top * 0.48, z + 0.07);
    fus_draw_ellipse(d, knob.x, knob.y, 0.02 * c->focus / z, 0.02 * c->focus / z, 0);
    fus_paint_grey(d, 0.95);
}

static void draw_window(struct fus_draw *d, const struct corridor *c, double x, double z, double tone)
{
    double low = c->height * 0.34, top = c->height * 0.82, wide = 0.75;
    on_side(d, c, x, low - 0.05, top + 0.05, z - 0.04, z + wide + 0.04);
    fus_paint_grey(d, c->trim * tone);
    on_side(d, c, x, low, top, z, z + wide);
    struct fus_point a = project(c, x, low, z), b = project(c, x, top, z);
    fus_paint_fill(d, &(struct fus_paint){.grey = 0.80, .grey_to = 1.0, .from = a, .to = b});
    on_side(d, c, x, low, top, z + wide / 2 - 0.02, z + wide / 2 + 0.02);
    on_side(d, c, x, (low + top) / 2 - 0.02, (low + top) / 2 + 0.02, z, z + wide);
    fus_paint_grey(d, c->trim * tone * 0.7);
    on_level(d, c, 0.001, x > 0 ? 0.15 * x : 0.95 * x, x > 0 ? 0.95 * x : 0.15 * x, z + 0.1,
             z + wide); /* its light on the floor */
    fus_paint_fill(d, &(struct fus_paint){.grey = 1.35, .multiply = true});
}

static void draw_object(struct fus_draw *d, const struct corridor *c, int side, double x, double z)
{
    double tone = lit(c, z), in = x > 0 ? -0.14 : 0.14;
    switch (c->side[side]) {
    case DOORS:
        draw_door(d, c, x, z, tone);
        break;
    case WINDOWS:
        draw_window(d, c, x, z, tone);
        break;
    case PICTURES:
        on_side(d, c, x, c->height * 0.42, c->height * 0.72, z, z + 0.5);
        fus_paint_grey(d, 0.18 * tone);
        on_side(d, c, x, c->height * 0.45, c->height * 0.69, z + 0.05, z + 0.45);
        fus_paint_fill(d, &(struct fus_paint){.grey = 0.6 * tone, .grain = 0.35, .grain_x = 0.06, .grain_y = 0.06});
        break;
    case COLUMNS:
        on_side(d, c, x + in, 0, c->height, z, z + 0.24);
        fus_paint_grey(d, c->trim * tone * 0.8);
        quad(d, project(c, x, 0, z), project(c, x + in, 0, z), project(c, x + in, c->height, z),
             project(c, x, c->height, z));
        fus_paint_grey(d, c->trim * tone);
        break;
    default: /* lockers */
        for (int i = 0; i < 4; i++) {
            on_side(d, c, x, 0.08, c->height * 0.66, z + 0.22 * i, z + 0.22 * i + 0.20);
            fus_paint_grey(d, c->panel * tone);
            for (int k = 0; k < 3; k++)
                on_side(d, c, x, c->height * (0.54 + 0.03 * k), c->height * (0.55 + 0.03 * k), z + 0.22 * i + 0.05,
                        z + 0.22 * i + 0.15);
            fus_paint_grey(d, c->panel * tone * 0.5);
        }
    }
}

static void draw_side(struct fus_draw *d, const struct corridor *c, int side)
{
    double x = side ? c->half : -c->half, shade = side ? 0.86 : 1.0;
    for (double z = 0.5; z < c->length; z += 0.25) {
        on_side(d, c, x, 0, c->height, z, c->length);
        fus_paint_grey(d, c->wall * shade * lit(c, z));
    }
    if (c->rail) {
        on_side(d, c, x, 0, c->height * 0.33, 0.5, c->length);
        fus_paint_fill(d, &(struct fus_paint){.grey = 0.7, .multiply = true});
    }
    on_side(d, c, x, 0, 0.10, 0.5, c->length);
    fus_paint_fill(d, &(struct fus_paint){.grey = 0.55, .multiply = true});
    on_side(d, c, x, c->height - 0.14, c->height, 0.5, c->length);
    fus_paint_fill(d, &(struct fus_paint){.grey = 0.84, .multiply = true});
    int n = (int)((c->length - 1.2) / c->pitch);
    for (int i = n; i >= 0; i--) /* the far ones first */
        draw_object(d, c, side, x, 0.75 + i * c->pitch + (side ? 0.25 : 0));
}

/* A rectangle on the end wall. */
static void on_end(struct fus_draw *d, const struct corridor *c, double x0, double x1, double y0, double y1)
{
    quad(d, project(c, x0, y0, c->length), project(c, x1, y0, c->length), project(c, x1, y1, c->length),
         project(c, x0, y1, c->length));
}

static void draw_end(struct fus_draw *d, const struct corridor *c)
{
    double h = c->height, w = c->half;
    on_end(d, c, -w, w, 0, h);
    fus_paint_grey(d, c->wall * lit(c, c->length) * 0.92);
    if (c->end == END_DOOR) {
        on_end(d, c, -0.50 * w, 0.50 * w, 0, h * 0.80);
        fus_paint_grey(d, c->trim);
        on_end(d, c, -0.45 * w, -0.01 * w, 0, h * 0.77);
        on_end(d, c, 0.01 * w, 0.45 * w, 0, h * 0.77);
        fus_paint_grey(d, c->panel);
        on_end(d, c, -0.36 * w, -0.10 * w, h * 0.42, h * 0.68);
        on_end(d, c, 0.10 * w, 0.36 * w, h * 0.42, h * 0.68);
        fus_paint_grey(d, 0.85);
    } else if (c->end == END_WINDOW) {
        on_end(d, c, -0.66 * w, 0.66 * w, h * 0.25, h * 0.85);
        fus_paint_grey(d, 1.0);
        on_end(d, c, -0.02 * w, 0.02 * w, h * 0.25, h * 0.85);
        on_end(d, c, -0.66 * w, 0.66 * w, h * 0.53, h * 0.56);
        fus_paint_grey(d, 0.45);
    } else if (c->end == END_ARCH) {
        struct fus_point p = project(c, 0, h * 0.56, c->length);
        fus_draw_ellipse(d, p.x, p.y, 0.55 * w * c->focus / c->length, h * 0.26 * c->focus / c->length, 0);
        on_end(d, c, -0.55 * w, 0.55 * w, 0, h * 0.56);
        fus_paint_fill(d, &(struct fus_paint){.grey = c->far_light > 1 ? 0.97 : 0.06});
    }
}

static void add_opening(struct fus_draw *d, const struct corridor *c, double grow)
{
    if (c->opening == DISC)
        fus_draw_ellipse(d, 0, 0, 1 + grow, 1 + grow, 0);
    else if (c->opening == SQUARE)
        fus_draw_box(d, -0.92 - grow, -0.92 - grow, 0.92 + grow, 0.92 + grow, 0.05);
    else {
        fus_draw_ellipse(d, 0, -0.25, 0.85 + grow, 0.72 + grow, 0);
        fus_draw_box(d, -0.85 - grow, -0.25, 0.85 + grow, 0.95 + grow, 0);
    }
}

static void draw_corridor(struct fus_draw *d, const struct corridor *c)
{
    fus_scene_put(d, &c->place);
    add_opening(d, c, 0.03);
    fus_paint_shadow(d, 0.5, 0.06);
    add_opening(d, c, 0);
    fus_draw_clip(d);
    draw_end(d, c);
    draw_floor(d, c);
    draw_ceiling(d, c);
    draw_side(d, c, 0);
    draw_side(d, c, 1);
    fus_draw_unclip(d);
}

static void pick_corridor(struct corridor *c, struct fus_rng *rng)
{
    static const enum opening often[] = {DISC, DISC, DISC, SQUARE, ARCH};
    c->opening = often[fus_scene_pick(rng, 5)];
    c->floor = (enum floor_kind)fus_scene_pick(rng, N_FLOORS);
    c->side[0] = (enum side_kind)fus_scene_pick(rng, N_SIDES);
    c->side[1] = fus_scene_chance(rng, 0.5) ? c->side[0] : (enum side_kind)fus_scene_pick(rng, N_SIDES);
    c->end = (enum end_kind)fus_scene_pick(rng, N_ENDS);
    c->half = fus_scene_between(rng, 0.75, 1.25);
    c->height = fus_scene_between(rng, 1.9, 2.6);
    c->length = fus_scene_between(rng, 5, 12);
    c->eye = c->height * fus_scene_between(rng, 0.45, 0.62);
    c->stand = c->half * fus_scene_between(rng, -0.35, 0.35);
    c->focus = fus_scene_between(rng, 1.15, 1.5);
    c->tilt = fus_scene_between(rng, -0.25, 0.25);
    c->wall = fus_scene_between(rng, 0.48, 0.82);
    c->ceiling = fus_scene_between(rng, 0.55, 0.9);
    c->ground = fus_scene_between(rng, 0.30, 0.65);
    c->trim = fus_scene_chance(rng, 0.5) ? 0.92 : 0.25;
    c->panel = fus_scene_between(rng, 0.20, 0.50);
    c->far_light = c->end == END_WINDOW ? 1.2 : fus_scene_chance(rng, 0.3) ? 1.15 : fus_scene_between(rng, 0.35, 0.7);
    c->pitch = fus_scene_between(rng, 1.15, 1.7);
    c->lamps = fus_scene_chance(rng, 0.65);
    c->vaulted = !c->lamps && fus_scene_chance(rng, 0.6);
    c->rail = fus_scene_chance(rng, 0.4);
    c->place =
        (struct fus_scene_place){fus_scene_between(rng, 0.45, 0.55), fus_scene_between(rng, 0.45, 0.55),
                                 fus_scene_between(rng, 0.31, 0.42), fus_scene_between(rng, -0.012, 0.012), false};
}

void fus_generate_corridor_corridor(struct fus_draw *d, struct fus_scene_caption *caption, struct fus_rng *rng)
{
    struct corridor c = {.lamps = false};
    pick_corridor(&c, rng);
    fus_scene_say(caption, "a %s %s corridor with %s", c.length > 8.5 ? "long" : "short", floor_words[c.floor],
                  side_words[c.side[0]]);
    if (c.side[1] != c.side[0])
        fus_scene_say(caption, " on the left and %s on the right", side_words[c.side[1]]);
    fus_scene_say(caption, " and %s at its end%s", end_words[c.end], c.lamps ? ", lit by lamps in the ceiling" : "");
    if (d)
        draw_corridor(d, &c);
}
