/* SPDX-License-Identifier: MIT */
/* The built-in pictures: for each subcategory of the localizer an object, drawn from a few dozen
 * random parameters, on a textured background. Grey, as fLoc's pictures are (Stigliani, Weiner &
 * Grill-Spector 2015), so that no colour gives a category away. Everything follows from
 * (subcategory, index, seed, side) and is the same to the byte everywhere. */
#include "stimuli/drawn/generate.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "stimuli/stimuli.h"

#define MIN_SIDE 32
#define MAX_SIDE 4096
#define GRID 16 /* boxes along a side of a scrambled picture */

/* fLoc's order; scrambled comes last and is made of the others. */
static const struct {
    const char *name;
    fus_generate_kind *make;
} kinds[] = {
    {"adult", fus_generate_face_adult},
    {"child", fus_generate_face_child},
    {"body", fus_generate_body_body},
    {"limb", fus_generate_limb_limb},
    {"house", fus_generate_house_house},
    {"corridor", fus_generate_corridor_corridor},
    {"word", fus_generate_word_word},
    {"number", fus_generate_word_number},
    {"car", fus_generate_car_car},
    {"instrument", fus_generate_instrument_instrument},
    {"scrambled", NULL},
};
#define N_KINDS ((int)(sizeof kinds / sizeof *kinds))

/* ---- one picture ---- */

static int find_kind(const char *name)
{
    for (int i = 0; i < N_KINDS; i++)
        if (strcmp(kinds[i].name, name) == 0)
            return i;
    return -1;
}

static void start_stream(struct fus_rng *rng, uint64_t seed, int kind, int index, int purpose)
{
    fus_rng_seed_counter(rng, (const uint64_t[]){seed, (uint64_t)kind, (uint64_t)index, (uint64_t)purpose}, 4);
}

enum purpose { BACKGROUND, OBJECT, BOXES };

/* Scrambled picture i is made of picture i / 10 of kind i % 10: neighbours differ, and none is
 * used twice. */
static int source_of(int *index)
{
    int kind = *index % (N_KINDS - 1);
    *index /= N_KINDS - 1;
    return kind;
}

static void draw_object(struct fus_draw *d, int kind, int index, uint64_t seed)
{
    struct fus_rng rng;
    start_stream(&rng, seed, kind, index, BACKGROUND);
    fus_paint_background(d, &rng);
    start_stream(&rng, seed, kind, index, OBJECT);
    kinds[kind].make(d, NULL, &rng);
}

/* Boxes of a GRID x GRID grid change places (Fisher & Yates); a box that is a pixel larger than
 * its new place loses its last row or column. */
static void scramble(struct fus_draw *d, struct fus_rng *rng)
{
    int order[GRID * GRID], side = d->side;
    for (int i = 0; i < GRID * GRID; i++)
        order[i] = i;
    for (int i = GRID * GRID - 1; i > 0; i--) {
        int k = fus_scene_pick(rng, i + 1), swap = order[i];
        order[i] = order[k];
        order[k] = swap;
    }
    for (int y = 0; y < side; y++)
        for (int x = 0; x < side; x++) {
            int row = (int)((long long)y * GRID / side), column = (int)((long long)x * GRID / side);
            int from = order[row * GRID + column], from_row = from / GRID, from_column = from % GRID;
            int sy = y - (row * side + GRID - 1) / GRID + (from_row * side + GRID - 1) / GRID;
            int sx = x - (column * side + GRID - 1) / GRID + (from_column * side + GRID - 1) / GRID;
            sy = sy < side ? sy : side - 1;
            sx = sx < side ? sx : side - 1;
            d->work[(size_t)y * (size_t)side + (size_t)x] = d->pixels[(size_t)sy * (size_t)side + (size_t)sx];
        }
    memcpy(d->pixels, d->work, (size_t)side * (size_t)side * sizeof *d->pixels);
}

static int check_arguments(int *kind, const char *subcategory, int index, struct fus_error *err)
{
    *kind = find_kind(subcategory);
    if (*kind < 0)
        return fus_base_fail(err, FUS_ENOTFOUND,
                             "%s cannot be drawn; there are adult, child, body, limb, house, corridor, word, "
                             "number, car, instrument and scrambled",
                             subcategory);
    if (index < 0)
        return fus_base_fail(err, FUS_EINVAL, "%s: picture %d; the first is 0", subcategory, index);
    return FUS_OK;
}

int fus_generate_picture(struct fus_image *image, const char *subcategory, int index, uint64_t seed, int side,
                         struct fus_error *err)
{
    struct fus_draw d;
    struct fus_image out = {0};
    int kind, code = check_arguments(&kind, subcategory, index, err);
    if (code)
        return code;
    if (side < MIN_SIDE || side > MAX_SIDE)
        return fus_base_fail(err, FUS_EINVAL, "a side of %d pixels; pictures are drawn from %d to %d", side, MIN_SIDE,
                             MAX_SIDE);
    code = fus_draw_begin(&d, side, err);
    if (code)
        return code;
    if (kinds[kind].make)
        draw_object(&d, kind, index, seed);
    else {
        struct fus_rng rng;
        int from = index, source = source_of(&from);
        /* not the very pictures of the other categories */
        draw_object(&d, source, from, seed ^ 0x5c3a);
        start_stream(&rng, seed, kind, index, BOXES);
        scramble(&d, &rng);
    }
    code = d.code ? fus_base_fail(err, d.code, "%s %d: too many edges in a drawing", subcategory, index)
                  : fus_image_create(&out, side, side, err);
    for (size_t i = 0; !code && i < (size_t)side * (size_t)side; i++) {
        double v = floor(d.pixels[i] * 255.0 + 0.5);
        memset(out.pixels + 3 * i, v < 0 ? 0 : v > 255 ? 255 : (int)v, 3);
    }
    fus_draw_end(&d);
    if (!code)
        *image = out;
    return code;
}

int fus_generate_reduced(struct fus_image *image, const char *subcategory, int index, uint64_t seed, int side,
                         struct fus_error *err)
{
    struct fus_image large = {0};
    int drawn = 2 * side < FUS_GENERATE_SIDE ? 2 * side : FUS_GENERATE_SIDE;
    if (side >= FUS_GENERATE_SIDE || 2 * side < MIN_SIDE)
        return fus_generate_picture(image, subcategory, index, seed, side, err);
    int code = fus_generate_picture(&large, subcategory, index, seed, drawn, err);
    if (!code)
        code = fus_resize_image(image, &large, side, side, FUS_BILINEAR, err);
    fus_image_free(&large);
    return code;
}

int fus_generate_caption(char *text, size_t text_bytes, const char *subcategory, int index, uint64_t seed)
{
    struct fus_scene_caption c = {.n = 0};
    struct fus_rng rng;
    int kind, code = check_arguments(&kind, subcategory, index, NULL);
    if (code || text_bytes == 0)
        return code ? code : FUS_EINVAL;
    if (kinds[kind].make) {
        start_stream(&rng, seed, kind, index, OBJECT);
        kinds[kind].make(NULL, &c, &rng);
    } else {
        int from = index, source = source_of(&from);
        start_stream(&rng, seed ^ 0x5c3a, source, from, OBJECT);
        fus_scene_say(&c, "small squares, shuffled, of a picture of ");
        kinds[source].make(NULL, &c, &rng);
    }
    snprintf(text, text_bytes, "%s", c.s);
    return FUS_OK;
}
