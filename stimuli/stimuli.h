/* SPDX-License-Identifier: MIT */
/* Pictures: file -> 8-bit RGB (bit-identical to Pillow) -> input tensor (bit-identical to
 * torchvision); and sets of pictures in categories: folders, lists, or drawn by the program.
 *
 * Reading order: image/ decode.c, image.c, raster.c, jpeg.c, png.c, pnm.c, bmp.c, exif.c, resize.c,
 * preprocess.c; set/ manifest.c, set.c, set_fill.c, set_picture.c, set_check.c, cache.c;
 * control/ fft.c, scramble.c, shine.c, pixelstats.c; drawn/ draw.c, scene.c, generate.c. */
#ifndef FUS_STIMULI_H
#define FUS_STIMULI_H

#include <stddef.h>
#include <stdint.h>

#include "nn/base/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- pictures ---- */

struct fus_image {
    int width, height;
    uint8_t *pixels; /* [height, width, 3] RGB; from fus_base_alloc */
    /* the largest sample of a 16-bit file that uses at most 12 bits; otherwise 0 */
    int dim;
};

/* Larger images are rejected before anything is allocated. */
#define FUS_IMAGE_MAX_PIXELS ((size_t)100 * 1000 * 1000)
/* Upper bound of fus_image_set_max_pixels: sizes must fit an int, and on 32-bit machines 32 bits a
 * pixel must fit a size_t. */
#if SIZE_MAX > 0xffffffff
#define FUS_IMAGE_PIXELS_LIMIT ((size_t)2000 * 1000 * 1000)
#else
#define FUS_IMAGE_PIXELS_LIMIT ((size_t)128 * 1000 * 1000)
#endif
#define FUS_IMAGE_MAX_BYTES ((size_t)1 << 30) /* of a picture file */

/* Decodes a picture: bit-identical to Pillow's Image.open(path).convert("RGB"). The first bytes say
 * the format. image is unchanged on failure. Messages of fus_decode_file start with the path. */
int fus_decode_picture(struct fus_image *image, const uint8_t *bytes, size_t n, struct fus_error *err);
int fus_decode_file(struct fus_image *image, const char *path, struct fus_error *err);

/* A black picture. FUS_ELIMIT if it is too large. */
int fus_image_create(struct fus_image *image, int width, int height, struct fus_error *err);
void fus_image_free(struct fus_image *image);

/* The largest picture file that is decoded, in pixels (1 .. FUS_IMAGE_PIXELS_LIMIT). It holds
 * for the whole process and must be set before pictures are read. */
void fus_image_set_max_pixels(size_t n);
/* Whether the program may make a picture of this size. FUS_IMAGE_MAX_PIXELS are always allowed. */
bool fus_image_fits(double width, double height);
/* FUS_ELIMIT if a file declares too many pixels, at byte `offset`. */
int fus_image_check(size_t width, size_t height, long long offset, struct fus_error *err);

/* 16-bit files whose samples use at most 12 bits look nearly black. note_dim records such a file
 * (dim 0: nothing to record); any thread may call it. noted_dim returns the number of different
 * files and the first by name, with its largest sample. */
void fus_image_note_dim(const char *path, int dim);
int fus_image_noted_dim(const char **first, int *dim);

/* The decoders and writers of single formats. */
int fus_jpeg_decode(struct fus_image *image, const uint8_t *bytes, size_t n, struct fus_error *err);
int fus_png_decode(struct fus_image *image, const uint8_t *bytes, size_t n, struct fus_error *err);
int fus_pnm_decode(struct fus_image *image, const uint8_t *bytes, size_t n, struct fus_error *err);
int fus_bmp_decode(struct fus_image *image, const uint8_t *bytes, size_t n, struct fus_error *err);
int fus_pnm_write(const char *path, const struct fus_image *image, struct fus_error *err); /* P6 */
int fus_png_write(const char *path, const struct fus_image *image, struct fus_error *err);

/* The orientation in the Exif data of a JPEG file: 1 (upright, or not stated) .. 8. Decoding
 * does not apply it, and neither do the usual data loaders. fus_exif_turn makes the picture
 * upright, as Pillow's exif_transpose does. */
int fus_exif_orientation(const uint8_t *bytes, size_t n);
int fus_exif_turn(struct fus_image *image, int orientation, struct fus_error *err);

enum fus_filter { FUS_BILINEAR, FUS_BICUBIC };

/* Pillow's Image.resize((width, height), filter): two passes, each rounded to 8
 * bits. Creates out. */
int fus_resize_image(struct fus_image *out, const struct fus_image *in, int width, int height, enum fus_filter filter,
                     struct fus_error *err);

/* ---- controls ---- */

#define FUS_SCRAMBLE_MAX_GRID 4096

/* Shuffles the boxes of a grid x grid grid; only boxes of the same size change places, so the
 * result is an exact permutation of the pixels. It depends on the seed and the pixels alone.
 * FUS_EINVAL if the picture has fewer pixels than boxes. Creates out. */
int fus_scramble_box(struct fus_image *out, const struct fus_image *in, int grid, uint64_t seed, struct fus_error *err);

/* Random phases, the same for all channels. The power at every frequency and the mean are kept,
 * up to rounding and clipping to 0..255. *n_clipped (NULL allowed): how many of the 3 * width *
 * height values were clipped. Creates out. */
int fus_scramble_phase(struct fus_image *out, size_t *n_clipped, const struct fus_image *in, uint64_t seed,
                       struct fus_error *err);
/* The same, neither rounded nor clipped: values [3, height, width]. */
int fus_scramble_phase_values(double *values, const struct fus_image *in, uint64_t seed, struct fus_error *err);

/* Luminance of one picture, in grey levels 0..255. */
struct fus_shine_light {
    double mean, sd;
    size_t n_pixels;
    uint32_t histogram[256];
};
/* The same of a set: means over its pictures. */
struct fus_shine_target {
    double mean, sd;
    double below[256]; /* share of pixels at or below each level */
};
void fus_shine_measure(struct fus_shine_light *out, const struct fus_image *image);
void fus_shine_average(struct fus_shine_target *out, const struct fus_shine_light *pictures, int n);

/* A picture with the mean luminance and contrast of the set, or with its histogram. Grey
 * pictures of one size then have identical histograms. Creates out; *n_clipped as above. */
int fus_shine_luminance(struct fus_image *out, size_t *n_clipped, const struct fus_image *in,
                        const struct fus_shine_target *to, struct fus_error *err);
int fus_shine_histogram(struct fus_image *out, size_t *n_clipped, const struct fus_image *in,
                        const struct fus_shine_target *to, struct fus_error *err);

/* ---- preprocessing ---- */

struct fus_preprocess {
    int resize; /* shorter side */
    enum fus_filter filter;
    int crop; /* side of the centre crop and of the input */
    float mean[3], std[3];
};

/* spec: torchvision (256/224), torchvision-v2 (232/224), clip (bicubic 224), cifar (32), or
 * explicit `resize=256,interp=bilinear,crop=224,mean=.485/.456/.406,std=.229/.224/.225`. */
int fus_preprocess_parse(struct fus_preprocess *p, const char *spec, struct fus_error *err);

/* torchvision's Resize, CenterCrop (padded with black if the picture is smaller), ToTensor and
 * Normalize, bit-identical.
 *
 * out     [3, crop, crop]  f32  ((v / 255) - mean) / std, rounded to float after each operation */
int fus_preprocess_apply(float *out, const struct fus_preprocess *p, const struct fus_image *image,
                         struct fus_error *err);
/* ToTensor and Normalize alone. pixels [crop, crop, channels]: RGB, or one channel if grey. */
void fus_preprocess_normalise(float *out, const struct fus_preprocess *p, const uint8_t *pixels, int channels);

/* ---- sets ---- */

struct fus_picture {
    const char *path; /* file, or a name such as "builtin/face/adult-001" if it is drawn */
    int category;     /* index into categories */
    int subcategory;  /* index into subcategories */
    int index;        /* within the subcategory, from 0 */
    int half;         /* 0 or 1, for cross-validation; alternates unless the list says otherwise */
    int source;       /* the picture that this one is a scrambled copy of; -1: none */
    int line;         /* line of the list, for messages; 0: none */
};

struct fus_set {
    int n_pictures, n_categories, n_subcategories;
    struct fus_picture *pictures; /* by category, subcategory and natural order of file names */
    char **categories;            /* "face", "body", ... in the order of tables and figures */
    char **subcategories;         /* "adult", "child", ...: the folder names */
    char *description;            /* "fLoc folders, 192 pictures: face = adult + child; ..." for the report */
    char *left_out;               /* other files found: "2 left out: 1 WebP (face/9.webp), ..."; NULL: none */
    char **skipped;               /* [n_skipped] unreadable pictures, "face/1.jpg": fus_set_bad_leave_out */
    int n_skipped;
    char *list;      /* path of the list of pictures; NULL: none */
    bool own_halves; /* the list assigns the halves */
    bool drawn;      /* built-in set: pictures are drawn, not read */
    int side;        /* of drawn pictures */
    uint64_t seed;
    uint64_t scramble_seed;
};

/* spec: a folder with one folder for each subcategory, a list NAME.tsv, or `builtin`, also with
 * options: `builtin?per_category=24&seed=1&side=256&categories=MAP` (side: fus_generate_reduced;
 * MAP: as `categories` below).
 *
 * The folder names of fLoc are recognised: face = adult + child, body = body + limb, place = house
 * + corridor, word, object = car + instrument, scrambled; number is left out. Of a built-in set
 * objects are left out, too. In any other tree each folder is a category. A list has lines
 * path<TAB>category[<TAB>subcategory[<TAB>half]] (manifest.h), and its order is the order of the
 * set. categories: NULL, "face=adult,child;body=body,limb"; `all`: each folder is a category;
 * `floc` and `no-objects`: fLoc's with and without objects.
 *
 * FUS_EINVAL unless there are two categories with two pictures each. Files that are no pictures
 * (folder.h) are left out and listed in set->left_out. */
int fus_set_open(struct fus_set *set, const char *spec, const char *categories, struct fus_error *err);

/* The same for training: each folder is a category, up to FUS_SET_MAX_CLASSES, unless the option
 * `categories` of a built-in set says otherwise. */
#define FUS_SET_MAX_CLASSES 30000 /* ImageNet-21k has 21,841 */
int fus_set_open_classes(struct fus_set *set, const char *spec, struct fus_error *err);

/* FUS_EINVAL if `categories` cannot be parsed or has fewer than two categories. */
int fus_set_parse_categories(const char *categories, struct fus_error *err);

/* All pictures of several operands, one after the other: files, folders and lists as in
 * fus_set_open and in its order, but in any number. A folder without folders of pictures stands
 * for the pictures in it; @FILE for those that it lists, a path a line, or for the column `path` of
 * a table with tabs. Pictures given as files or by @FILE have the category "". FUS_EINVAL if a built-in
 * set is one of several. */
int fus_set_gather(struct fus_set *set, const char *const *specs, int n, struct fus_error *err);
void fus_set_close(struct fus_set *set);

/* Adds a category "scrambled": pictures of the set in 16 x 16 shuffled boxes, as many as the other
 * categories have on average. Does nothing if there is one. After a failure the set can only be
 * closed. */
int fus_set_scrambled_add(struct fus_set *set, uint64_t seed, struct fus_error *err);

/* Assigns the halves by fLoc's options: adult, body, house, word, car in half 0; child, limb,
 * corridor, number, instrument in half 1. Scrambled pictures and categories with one option alone,
 * such as words without numbers, keep the halves that they have. FUS_EINVAL names a subcategory
 * that is in neither list, or says that no category has both. */
int fus_set_halves_by_option(struct fus_set *set, struct fus_error *err);
bool fus_set_halves_has_both(const struct fus_set *set, int category); /* options */

/* Picture i, decoded, drawn or scrambled. Thread-safe. */
int fus_set_picture(struct fus_image *image, const struct fus_set *set, int i, struct fus_error *err);

/* Calls visit(arg, i, err) for pictures from .. end-1, in parallel. After a failure no later
 * picture is started. The failure reported is the first in the order of the set, independent of the
 * threads. */
int fus_set_each(int from, int end, int (*visit)(void *arg, int i, struct fus_error *err), void *arg,
                 struct fus_error *err);

#define FUS_PIXELSTATS_SIDE 256

/* Low-level properties of a picture: luminance and contrast in 0..1, slope of its spectrum. */
struct fus_pixelstats {
    double luminance, contrast, slope;
};
/* Means and SDs (n - 1) over the pictures of a category; NaN if undefined. */
struct fus_pixelstats_category {
    int n;
    double luminance_mean, luminance_sd, contrast_mean, contrast_sd, slope_mean, slope_sd;
};
int fus_pixelstats_measure(struct fus_pixelstats *out, const struct fus_image *image, struct fus_error *err);
/* out [n_categories] */
void fus_pixelstats_summarise(struct fus_pixelstats_category *out, const struct fus_set *set,
                              const struct fus_pixelstats *stats);

/* A cache of preprocessed pictures: resized and cropped, still 8 bits a value, at most max_bytes in
 * all. fus_cache_want registers a preprocessing; call it before any picture is read. */
struct fus_cache;
int fus_cache_create(struct fus_cache **cache, int n_pictures, size_t max_bytes, struct fus_error *err);
int fus_cache_want(struct fus_cache *cache, const struct fus_preprocess *p, struct fus_error *err);
void fus_cache_free(struct fus_cache *cache);
size_t fus_cache_bytes(const struct fus_cache *cache); /* in use */

/* Picture i as the input of a network, [3, crop, crop]: from the cache, or decoded and then
 * cached. cache: NULL allowed. hex [n_pictures]: SHA-256 that the files must still have,
 * otherwise FUS_EINVAL; NULL: not checked. Thread-safe for different pictures. Messages
 * start with the path. */
int fus_cache_input(float *input, struct fus_cache *cache, const struct fus_set *set, int i,
                    const struct fus_preprocess *p, const char (*hex)[65], struct fus_error *err);

/* Unreadable pictures, in the order of the set, with the message of each (which starts with its
 * path). */
struct fus_set_bad {
    int n;
    struct fus_set_bad_picture {
        int picture;
        char *why;
    } * items;
};
void fus_set_bad_free(struct fus_set_bad *bad);

/* As fus_set_each, but a picture that fails is added to `bad` and the others are visited all the
 * same. Fails only if memory runs out or the user stops it. */
int fus_set_bad_each(struct fus_set_bad *bad, int from, int end, int (*visit)(void *arg, int i, struct fus_error *err),
                     void *arg, struct fus_error *err);

/* Removes the bad pictures. The set is then as if their files did not exist, except for
 * `skipped` and the description. Call it before fus_set_scrambled_add. spec as in fus_set_open,
 * which then checks that enough pictures are left; NULL: one picture is enough. */
int fus_set_bad_leave_out(struct fus_set *set, const struct fus_set_bad *bad, const char *spec, struct fus_error *err);

/* Decodes every picture once, in parallel. Fails at the first (in the order of the set) that cannot
 * be read.
 * hex    [n_pictures]  SHA-256 of the file (of the pixels if the program made it); NULL allowed
 * stats  [n_pictures]  NULL allowed
 * cache  is filled; NULL allowed */
int fus_set_check(const struct fus_set *set, char (*hex)[65], struct fus_pixelstats *stats, struct fus_cache *cache,
                  struct fus_error *err);

/* Optional consumers of each decoded picture. */
struct fus_set_consumers {
    char (*hex)[65];
    struct fus_pixelstats *stats;
    struct fus_cache *cache;
    /* Gets the picture with its shorter side reduced to FUS_PIXELSTATS_SIDE. Called by many threads
     * at a time. NULL: none. */
    int (*consume)(void *context, int i, const struct fus_image *reduced, struct fus_error *err);
    void *context;
    struct fus_set_bad *bad; /* collects unreadable pictures; NULL: the first one is the failure */
};
/* fus_set_check for pictures from .. end-1. */
int fus_set_check_range(const struct fus_set *set, int from, int end, const struct fus_set_consumers *consumers,
                        struct fus_error *err);

/* One drawn picture, with the same bytes everywhere. index >= 0; side 32..4096. */
int fus_generate_picture(struct fus_image *image, const char *subcategory, int index, uint64_t seed, int side,
                         struct fus_error *err);

/* The picture at `side`, looking as it does at FUS_GENERATE_SIDE: drawn at twice the side, at most
 * FUS_GENERATE_SIDE, and resized; from FUS_GENERATE_SIDE on drawn directly. side 16..4096. */
#define FUS_GENERATE_SIDE 256
int fus_generate_reduced(struct fus_image *image, const char *subcategory, int index, uint64_t seed, int side,
                         struct fus_error *err);

/* One sentence about that picture, such as "a smiling woman with long dark hair, looking to the
 * left". It does not depend on the side. Cut to text_bytes; 240 are always enough. */
int fus_generate_caption(char *text, size_t text_bytes, const char *subcategory, int index, uint64_t seed);

/* A contact sheet: thumbnails of thumb_side pixels, at most max_per_row in a row. Categories follow
 * one another from top to bottom with a gap between them. Creates sheet. */
int fus_set_sheet(struct fus_image *sheet, const struct fus_set *set, int thumb_side, int max_per_row,
                  struct fus_error *err);

#ifdef __cplusplus
}
#endif

#endif
