/* Pictures: file -> 8-bit RGB (Pillow's pixels to the bit) -> input tensor (torchvision's to the bit); and sets of
 * pictures in categories: a folder tree, or drawn by the program itself.
 *
 * Reading order: image.c (recognise), raster.c, jpeg.c, png.c, pnm.c, bmp.c, exif.c, resize.c, preprocess.c, manifest.c, set.c,
 * set_check.c, cache.c, fft.c, scramble.c, shine.c, pixelstats.c, draw.c, generate.c. */
#ifndef FUS_STIMULI_H
#define FUS_STIMULI_H

#include <stddef.h>
#include <stdint.h>

#include "nn/base/base.h"

/* ---- pictures ---- */

struct fus_image {
    int width, height;
    uint8_t *pixels; /* [height, width, 3] RGB; from fus_base_alloc */
    int dim;         /* the largest sample of a file of 16 bits, if it has no more than 12; else 0 */
};

#define FUS_IMAGE_MAX_PIXELS ((size_t)100 * 1000 * 1000)   /* a decompression bomb gets one line instead of memory */
#if SIZE_MAX > 0xffffffff
#define FUS_IMAGE_MOST_PIXELS ((size_t)2000 * 1000 * 1000) /* what that limit may be raised to: sizes stay an int */
#else
#define FUS_IMAGE_MOST_PIXELS ((size_t)128 * 1000 * 1000) /* 32 bits a pixel, in bits, stay a size_t */
#endif
#define FUS_IMAGE_MAX_BYTES ((size_t)1 << 30)              /* of a picture file */

/* Decode: what Pillow's Image.open(path).convert("RGB") gives, to the bit. image is untouched on failure. */
int fus_image_decode(struct fus_image *image, const uint8_t *bytes, size_t n, struct fus_error *err);
int fus_image_read(struct fus_image *image, const char *path, struct fus_error *err); /* messages start with the path */
void fus_image_free(struct fus_image *image);
int fus_image_create(struct fus_image *image, int width, int height, struct fus_error *err); /* black; checks the limit */

/* Files that say more pixels than n (1 .. FUS_IMAGE_MOST_PIXELS) are not read; for the whole process, set before pictures are
 * read. Pictures that the program makes itself may always have FUS_IMAGE_MAX_PIXELS: fits says whether one may be made.
 * check: FUS_ELIMIT where a file says too many at byte `offset`. */
void fus_image_set_max_pixels(size_t n);
bool fus_image_fits(double width, double height);
int fus_image_check(size_t width, size_t height, long long offset, struct fus_error *err);

/* Files of 16 bits whose samples have 12 at most are nearly black. note: one was read, `dim` of it as above (0: nothing to note);
 * any thread may call it. noted: how many different ones, and the first by name, with its largest sample. */
void fus_image_note_dim(const char *path, int dim);
int fus_image_noted_dim(const char **first, int *dim);

/* One decoder each; fus_image_decode recognises the format by its first bytes. */
int fus_jpeg_decode(struct fus_image *image, const uint8_t *bytes, size_t n, struct fus_error *err);
int fus_png_decode(struct fus_image *image, const uint8_t *bytes, size_t n, struct fus_error *err);
int fus_pnm_decode(struct fus_image *image, const uint8_t *bytes, size_t n, struct fus_error *err);
int fus_bmp_decode(struct fus_image *image, const uint8_t *bytes, size_t n, struct fus_error *err);
int fus_pnm_write(const char *path, const struct fus_image *image, struct fus_error *err); /* P6, maxval 255 */
int fus_png_write(const char *path, const struct fus_image *image, struct fus_error *err);

/* What the Exif part of a JPEG file says about how the camera was held: 1 (upright, or nothing said) .. 8. fus_image_decode
 * does not apply it, as the networks' usual loaders do not. turn: make the picture upright, as Pillow's exif_transpose. */
int fus_exif_orientation(const uint8_t *bytes, size_t n);
int fus_exif_turn(struct fus_image *image, int orientation, struct fus_error *err);

enum fus_filter { FUS_BILINEAR, FUS_BICUBIC };

/* Pillow's Image.resize((width, height), filter): two passes, each rounded to 8 bits. out is created. */
int fus_resize_image(struct fus_image *out, const struct fus_image *in, int width, int height, enum fus_filter filter,
                     struct fus_error *err);

/* ---- controls ---- */

#define FUS_SCRAMBLE_MAX_GRID 4096

/* Boxes of a grid x grid grid change places with others of their size: an exact permutation of the pixels. All choices
 * follow from the seed and the pixels. FUS_EINVAL where the picture has fewer pixels than boxes. out is created. */
int fus_scramble_box(struct fus_image *out, const struct fus_image *in, int grid, uint64_t seed, struct fus_error *err);

/* Random phases, the same for all channels; power at every frequency and mean kept but for rounding and clipping to
 * 0..255. *n_clipped (NULL allowed): how many of the 3 * width * height values were clipped. */
int fus_scramble_phase(struct fus_image *out, size_t *n_clipped, const struct fus_image *in, uint64_t seed, struct fus_error *err);
int fus_scramble_phase_values(double *values, const struct fus_image *in, uint64_t seed,
                              struct fus_error *err); /* [3, height, width], neither rounded nor clipped */

/* Light of one picture, in grey levels 0..255 of its luminance; and of a set: means over its pictures. */
struct fus_shine_light {
    double mean, sd;
    size_t n_pixels;
    uint32_t histogram[256];
};
struct fus_shine_target {
    double mean, sd;
    double below[256]; /* share of pixels at or below each level */
};
void fus_shine_measure(struct fus_shine_light *out, const struct fus_image *image);
void fus_shine_average(struct fus_shine_target *out, const struct fus_shine_light *pictures, int n);

/* A picture with the set's mean luminance and contrast, or with its histogram (grey pictures of one size then have the very
 * same). out is created; *n_clipped as above. */
int fus_shine_luminance(struct fus_image *out, size_t *n_clipped, const struct fus_image *in, const struct fus_shine_target *to,
                        struct fus_error *err);
int fus_shine_histogram(struct fus_image *out, size_t *n_clipped, const struct fus_image *in, const struct fus_shine_target *to,
                        struct fus_error *err);

/* ---- preprocessing ---- */

struct fus_preprocess {
    int resize;             /* shorter side */
    enum fus_filter filter;
    int crop;               /* side of the centre crop = of the input */
    float mean[3], std[3];
};

/* spec: torchvision (256/224), torchvision-v2 (232/224), clip (bicubic 224), cifar (32), or explicit
 * `resize=256,interp=bilinear,crop=224,mean=.485/.456/.406,std=.229/.224/.225`. */
int fus_preprocess_parse(struct fus_preprocess *p, const char *spec, struct fus_error *err);

/* apply: torchvision's Resize and CenterCrop (black added where the picture is smaller), then ToTensor and Normalize, to the bit;
 * normalise: the latter two alone.
 * pixels  [crop, crop, channels]  RGB, or of a grey picture one channel
 * out     [3, crop, crop]  f32    ((v / 255) - mean) / std, each operation rounded to float as torch does */
void fus_preprocess_normalise(float *out, const struct fus_preprocess *p, const uint8_t *pixels, int channels);
int fus_preprocess_apply(float *out, const struct fus_preprocess *p, const struct fus_image *image, struct fus_error *err);

/* ---- sets ---- */

struct fus_picture {
    const char *path;  /* file, or a name such as "builtin/face/adult-001" for drawn ones */
    int category;      /* index into categories */
    int subcategory;   /* index into subcategories */
    int index;         /* within the subcategory, from 0 */
    int half;          /* 0 or 1, for cross-validation: the manifest's, else alternating within the category */
    int source;        /* the picture that this one is a scrambled copy of; -1 = none */
    int line;          /* of the manifest `list`, for messages; 0 = none */
};

struct fus_set {
    int n_pictures, n_categories, n_subcategories;
    struct fus_picture *pictures; /* by category, then subcategory in the category's order, then natural file order */
    char **categories;            /* "face", "body", ... in the order of the tables and figures */
    char **subcategories;         /* "adult", "child", ... = folder names */
    char *description;            /* one line for the report: "fLoc folders, 192 pictures: face = adult + child; ..." */
    char *left_out;               /* what lies beside its pictures: "2 left out: 1 WebP (face/9.webp), ..."; NULL: nothing */
    char **skipped;               /* [n_skipped] pictures that cannot be read, "face/1.jpg": fus_set_leave_out */
    int n_skipped;
    char *list;                   /* the manifest's path; NULL: none */
    bool own_halves;              /* the manifest says which */
    bool drawn;                   /* built-in set: fus_set_picture draws instead of reading */
    int side;                     /* of drawn pictures */
    uint64_t seed;
    uint64_t scramble_seed;
};

/* spec: a folder with one folder per subcategory, a manifest NAME.tsv, or `builtin`, or builtin with options,
 * `builtin?per_category=24&seed=1&side=256&categories=MAP` (side: fus_generate_reduced; MAP: as categories below).
 * Folder names of fLoc (adult child body limb house corridor word number car instrument scrambled) are recognised: face = adult +
 * child, body = body + limb, place = house + corridor, word = word, scrambled; number, car, instrument left out. Any other tree: folder = category.
 * A manifest has lines path<TAB>category[<TAB>subcategory[<TAB>half]] (manifest.h); its order is the set's.
 * categories: NULL, or "face=adult,child;body=body,limb" to say otherwise, or `all`: every folder a category of its own. Fails on a set without two categories of at least two
 * pictures, naming the category; what is no picture (folder.h) is left out, and said in set->left_out. */
int fus_set_open(struct fus_set *set, const char *spec, const char *categories, struct fus_error *err);

/* The same, every folder a category of its own unless a builtin's categories= says otherwise, up to FUS_SET_MAX_CLASSES: what a network learns to tell apart. */
#define FUS_SET_MAX_CLASSES 30000 /* ImageNet-21k has 21,841 */
int fus_set_open_classes(struct fus_set *set, const char *spec, struct fus_error *err);

/* Whether `categories` can be read at all, and names two: FUS_EINVAL. */
int fus_set_parse_categories(const char *categories, struct fus_error *err);

/* All pictures of several operands one behind the other: files, folders and manifests as fus_set_open takes them, in its order,
 * but of any number; a folder without folders of pictures stands for the pictures in it. Pictures of files have the
 * category "". FUS_EINVAL where a built-in set is one of several. */
int fus_set_gather(struct fus_set *set, const char *const *specs, int n, struct fus_error *err);
void fus_set_close(struct fus_set *set);

/* A category "scrambled" of the set's own pictures in 16 x 16 shuffled boxes, as many as the others have on average; nothing where
 * there is one. On failure the set can only be closed. */
int fus_set_add_scrambled(struct fus_set *set, uint64_t seed, struct fus_error *err);

/* Halves by fLoc's options instead: adult, body, house, word, car in half 0; child, limb, corridor, number, instrument in half 1; scrambled as
 * before. FUS_EINVAL names a subcategory that is in neither, or a category that has one option alone (set_halves.c). */
int fus_set_split_by_option(struct fus_set *set, struct fus_error *err);

/* Picture i, decoded, drawn or scrambled. Thread-safe. */
int fus_set_picture(struct fus_image *image, const struct fus_set *set, int i, struct fus_error *err);

int fus_set_scramble(struct fus_image *image, const struct fus_set *set, int i, struct fus_error *err); /* where source >= 0 */

/* visit(arg, i, err) for pictures from .. end-1, in parallel. Once one fails none behind it is begun; of several failures
 * the first in set order is reported, whatever the threads do. */
int fus_set_each(int from, int end, int (*visit)(void *arg, int i, struct fus_error *err), void *arg,
                 struct fus_error *err);

#define FUS_PIXELSTATS_SIDE 256

/* What a picture is before any network: luminance and contrast in 0..1, slope of its spectrum (pixelstats.c); and the
 * means and SDs (n - 1) over the pictures of each category, NaN where undefined. out [n_categories] */
struct fus_pixelstats {
    double luminance, contrast, slope;
};
struct fus_pixelstats_category {
    int n;
    double luminance_mean, luminance_sd, contrast_mean, contrast_sd, slope_mean, slope_sd;
};
int fus_pixelstats_measure(struct fus_pixelstats *out, const struct fus_image *image, struct fus_error *err);
void fus_pixelstats_summarise(struct fus_pixelstats_category *out, const struct fus_set *set, const struct fus_pixelstats *stats);

/* Pictures remembered as networks take them, resized and cropped but still 8 bits a value, in at most max_bytes: what finds room is
 * decoded once in a run. want: a network with that preprocessing will look; before any picture is read. */
struct fus_cache;
int fus_cache_create(struct fus_cache **cache, int n_pictures, size_t max_bytes, struct fus_error *err);
int fus_cache_want(struct fus_cache *cache, const struct fus_preprocess *p, struct fus_error *err);
void fus_cache_free(struct fus_cache *cache);
size_t fus_cache_bytes(const struct fus_cache *cache); /* in use */

/* Picture i as input of a network, [3, crop, crop]: remembered, or decoded, and then remembered. cache: NULL allowed. hex [n_pictures]: the digests
 * that files must still have, FUS_EINVAL else; NULL: any. Thread-safe for different pictures. Messages start with the path. */
int fus_cache_input(float *input, struct fus_cache *cache, const struct fus_set *set, int i, const struct fus_preprocess *p,
                    const char (*hex)[65], struct fus_error *err);

/* Pictures that cannot be read, in set order, with the message for each (which starts with its path). */
struct fus_set_bad {
    int n;
    struct fus_set_bad_picture {
        int picture;
        char *why;
    } *items;
};
void fus_set_bad_free(struct fus_set_bad *bad);

/* fus_set_each, but what fails is added to `bad`, and the others are visited all the same; fails itself only for want of memory or on
 * a stop. */
int fus_set_each_bad(struct fus_set_bad *bad, int from, int end, int (*visit)(void *arg, int i, struct fus_error *err), void *arg,
                     struct fus_error *err);

/* The set without the bad pictures, as it would be without their files, but for `skipped` and the description. Before
 * fus_set_add_scrambled. spec as in fus_set_open, where too few are left; NULL: any number will do, but 0. */
int fus_set_leave_out(struct fus_set *set, const struct fus_set_bad *bad, const char *spec, struct fus_error *err);

/* Read every picture once, in parallel: the first (in set order) that cannot be read fails, by name.
 * hex    [n_pictures]  SHA-256 of its file (of its pixels where the program made it); NULL allowed
 * stats  [n_pictures]  NULL allowed
 * cache  remembers what is wanted of it; NULL allowed */
int fus_set_check(const struct fus_set *set, char (*hex)[65], struct fus_pixelstats *stats, struct fus_cache *cache,
                  struct fus_error *err);

/* Pictures from .. end-1, and who else wants to see them: the shorter side reduced to FUS_PIXELSTATS_SIDE, many at a time from many threads. */
struct fus_set_wanted {
    char (*hex)[65];
    struct fus_pixelstats *stats;
    struct fus_cache *cache;
    int (*see)(void *context, int i, const struct fus_image *reduced, struct fus_error *err); /* NULL: nobody */
    void *context;
    struct fus_set_bad *bad; /* pictures that fail are added to it, and the others go on; NULL: the first one ends it */
};
int fus_set_check_some(const struct fus_set *set, int from, int end, const struct fus_set_wanted *wanted, struct fus_error *err);

/* One drawn picture, deterministic to the byte: category and subcategory by name, index >= 0, any side 32..4096. */
int fus_generate_picture(struct fus_image *image, const char *subcategory, int index, uint64_t seed, int side,
                         struct fus_error *err);

/* The picture at `side` as it looks where it is drawn at FUS_GENERATE_SIDE, as fus_set_picture does, and then reduced: drawn at
 * twice the side, at most FUS_GENERATE_SIDE, and resized; from FUS_GENERATE_SIDE on as it is drawn. side 16..4096. */
#define FUS_GENERATE_SIDE 256
int fus_generate_reduced(struct fus_image *image, const char *subcategory, int index, uint64_t seed, int side,
                         struct fus_error *err);

/* One sentence about that picture from the parameters it is drawn from, such as "a smiling woman with long dark hair,
 * looking to the left"; the same at any side. Cut to text_bytes; 240 are always enough. */
int fus_generate_caption(char *text, size_t text_bytes, const char *subcategory, int index, uint64_t seed);

/* A contact sheet: thumbnails of thumb_side pixels, at most max_per_row in a row, categories one below the other with
 * a gap between them. sheet is created. */
int fus_set_sheet(struct fus_image *sheet, const struct fus_set *set, int thumb_side, int max_per_row, struct fus_error *err);

#endif
