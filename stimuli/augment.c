/* SPDX-License-Identifier: MIT */
/* Random changes of training pictures: see augment.h. */
#include "stimuli/augment.h"

#include <math.h>
#include <string.h>

#include "nn/base/fmath.h"
#include "nn/base/number.h"
#include "nn/base/rng.h"

enum { MAX_SHIFT = 1024, TRIES = 10 };
#define PURPOSE 2 /* of the counter: see feed.c */

/* ---- options ---- */

static int fail_text(struct fus_error *err, const char *text)
{
    return fus_base_fail(err, FUS_EINVAL,
                         "augmentation `%s`: expected `none` or some of `crop=.08,1` (shares of the area, 0 to 1), "
                         "`shift=3` (pixels), `flip`, `jitter=.4` (0 to 1), with commas between them",
                         text);
}

static bool parse_share(double *out, const char **at)
{
    return fus_number_real(out, *at, at) && *out > 0 && *out <= 1;
}

/* Parses the text after `crop`: nothing, =LOW, or =LOW,HIGH; a comma without a number after it
 * separates the next change. */
static bool parse_crop(struct fus_augment *a, const char **at)
{
    a->crop = true;
    a->crop_low = 0.08;
    a->crop_high = 1;
    if (**at != '=')
        return true;
    ++*at;
    if (!parse_share(&a->crop_low, at))
        return false;
    bool more = **at == ',' && ((*at)[1] == '.' || ((*at)[1] >= '0' && (*at)[1] <= '9'));
    if (!more)
        return true;
    ++*at;
    return parse_share(&a->crop_high, at) && a->crop_low <= a->crop_high;
}

static bool take(const char **at, const char *word)
{
    size_t n = strlen(word);
    if (strncmp(*at, word, n) != 0)
        return false;
    *at += n;
    return true;
}

/* Parses one change; false if it is unknown or repeated. */
static bool parse_change(struct fus_augment *a, const char **at)
{
    uint64_t n;
    if (take(at, "crop"))
        return !a->crop && parse_crop(a, at);
    if (take(at, "flip"))
        return !a->flip && (a->flip = true);
    if (take(at, "shift=")) {
        bool first = a->shift == 0, number = fus_number_whole(&n, *at, at) && n >= 1 && n <= MAX_SHIFT;
        a->shift = number ? (int)n : 0;
        return first && number;
    }
    return take(at, "jitter=") && a->jitter == 0 && parse_share(&a->jitter, at);
}

int fus_augment_parse(struct fus_augment *a, const char *text, struct fus_error *err)
{
    struct fus_augment made = {.crop_low = 0.08, .crop_high = 1};
    const char *at = text;
    if (strcmp(text, "none") != 0)
        for (;;) {
            if (!parse_change(&made, &at) || (*at && *at != ','))
                return fail_text(err, text);
            if (!*at++)
                break;
        }
    *a = made;
    return FUS_OK;
}

/* ---- choices ---- */

static double between(struct fus_rng *rng, double low, double high)
{
    return low + (high - low) * fus_rng_uniform(rng);
}

static int whole(double x)
{
    return (int)floor(x + 0.5);
}

/* torchvision's RandomResizedCrop: ten tries of area and ratio, each uniform (the ratio in its
 * logarithm), then the largest box in the middle whose ratio is allowed. */
static void choose_box(struct fus_augment_choice *c, const struct fus_augment *a, int width, int height,
                       struct fus_rng *rng)
{
    double log_ratio = fus_fmath_log(4.0 / 3), area = (double)width * height;
    for (int i = 0; i < TRIES; i++) {
        double target = area * between(rng, a->crop_low, a->crop_high);
        double ratio = fus_fmath_exp(between(rng, -log_ratio, log_ratio));
        c->width = whole(sqrt(target * ratio));
        c->height = whole(sqrt(target / ratio));
        if (c->width > 0 && c->width <= width && c->height > 0 && c->height <= height) {
            c->top = (int)fus_rng_below(rng, (uint64_t)(height - c->height) + 1);
            c->left = (int)fus_rng_below(rng, (uint64_t)(width - c->width) + 1);
            return;
        }
    }
    c->width = width;
    c->height = height;
    if (width * 4.0 < height * 3.0)
        c->height = whole(width * 4.0 / 3);
    else if (width * 3.0 > height * 4.0)
        c->width = whole(height * 4.0 / 3);
    c->top = (height - c->height) / 2;
    c->left = (width - c->width) / 2;
}

void fus_augment_choose(struct fus_augment_choice *c, const struct fus_augment *a, int width, int height, uint64_t seed,
                        uint64_t epoch, uint64_t item)
{
    struct fus_rng rng;
    fus_rng_seed_counter(&rng, (const uint64_t[]){seed, epoch, item, PURPOSE}, 4);
    bool mirrored = fus_rng_below(&rng, 2) == 1;
    double right = fus_rng_uniform(&rng), down = fus_rng_uniform(&rng);
    double contrast = between(&rng, -1, 1), brightness = between(&rng, -1, 1);
    *c = (struct fus_augment_choice){.width = width, .height = height};
    c->flip = a->flip && mirrored;
    c->dx = (int)floor(right * (2 * a->shift + 1)) - a->shift;
    c->dy = (int)floor(down * (2 * a->shift + 1)) - a->shift;
    c->contrast = 1 + a->jitter * contrast;
    c->brightness = a->jitter / 2 * brightness;
    if (a->crop)
        choose_box(c, a, width, height, &rng);
}

/* ---- pixels ---- */

int fus_augment_crop(struct fus_raster *out, const struct fus_raster *in, const struct fus_augment_choice *c, int side,
                     enum fus_filter filter, struct fus_error *err)
{
    struct fus_raster box = *in;
    box.pixels += (size_t)c->top * in->stride + (size_t)c->left * (size_t)in->channels;
    box.width = c->width;
    box.height = c->height;
    return fus_resize_raster(out, &box, side, side, filter, err);
}

/* The mean of all values, 0..1; its sum is an integer and therefore exact. */
static double mean_of(const struct fus_raster *r)
{
    uint64_t sum = 0;
    size_t n = (size_t)r->width * (size_t)r->channels;
    for (int y = 0; y < r->height; y++)
        for (size_t i = 0; i < n; i++)
            sum += r->pixels[(size_t)y * r->stride + i];
    return (double)sum / ((double)n * r->height * 255);
}

/* table [256]: the result for each value in channel k. */
static void fill_table(float table[256], const struct fus_augment_choice *c, const struct fus_preprocess *p,
                       double mean, int k)
{
    bool changed = c->contrast != 1 || c->brightness != 0;
    for (int v = 0; v < 256; v++) {
        float unit = (float)v / 255.0f;
        if (changed) {
            double x = fma(v / 255.0 - mean, c->contrast, mean) + c->brightness;
            unit = (float)(x < 0 ? 0 : x > 1 ? 1 : x);
        }
        float centred = unit - p->mean[k];
        table[v] = centred / p->std[k];
    }
}

static int clamped(int x, int side)
{
    return x < 0 ? 0 : x >= side ? side - 1 : x;
}

void fus_augment_apply(float *out, const struct fus_augment_choice *c, const struct fus_preprocess *p,
                       const struct fus_raster *r)
{
    int side = p->crop;
    bool jitter = c->contrast != 1 || c->brightness != 0;
    double mean = jitter ? mean_of(r) : 0;
    for (int k = 0; k < 3; k++) {
        float table[256];
        fill_table(table, c, p, mean, k);
        for (int y = 0; y < side; y++) {
            const uint8_t *row = r->pixels + (size_t)clamped(y - c->dy, side) * r->stride + (r->channels == 3 ? k : 0);
            float *to = out + ((size_t)k * (size_t)side + (size_t)y) * (size_t)side;
            for (int x = 0; x < side; x++) {
                int from = clamped((c->flip ? side - 1 - x : x) - c->dx, side);
                to[x] = table[row[(size_t)from * (size_t)r->channels]];
            }
        }
    }
}
