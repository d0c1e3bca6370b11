/* Resizing as Pillow's Image.resize: separable, anti-aliased, 8 bits in and out.
 *
 * Output x is the weighted mean of the inputs around centre (x + 0.5) * scale; where the picture shrinks, the filter is
 * widened by the scale. Weights are rounded to 22 fractional bits; the horizontal pass rounds to 8 bits before the vertical one.
 * A pass is left out where its size stays. Weights take only + - * / floor of doubles: the same on every machine. */
#include <math.h>
#include <string.h>

#include "nn/kernels.h"
#include "stimuli/stimuli.h"

enum { PRECISION_BITS = 32 - 8 - 2 };

struct weights {
    int taps;    /* room for each output */
    int *first;  /* [n_out] first input */
    int *n;      /* [n_out] inputs used, <= taps */
    int *weight; /* [n_out, taps] */
};

static double triangle(double x)
{
    x = x < 0 ? -x : x;
    return x < 1 ? 1 - x : 0;
}

/* Keys' cubic convolution with a = -0.5. */
static double cubic(double x)
{
    const double a = -0.5;
    x = x < 0 ? -x : x;
    if (x < 1)
        return ((a + 2) * x - (a + 3)) * x * x + 1;
    if (x < 2)
        return (((x - 5) * x + 8) * x - 4) * a;
    return 0;
}

static void free_weights(struct weights *w)
{
    fus_base_free(w->first);
    fus_base_free(w->n);
    fus_base_free(w->weight);
}

static int fixed_point(double w)
{
    return (int)(w * (1 << PRECISION_BITS) + (w < 0 ? -0.5 : 0.5));
}

static void fill_weights(struct weights *w, double *row, int n_in, int n_out, enum fus_filter filter)
{
    double scale = (double)n_in / n_out, stretch = scale < 1 ? 1 : scale;
    double support = (filter == FUS_BICUBIC ? 2.0 : 1.0) * stretch, shrink = 1 / stretch;
    for (int x = 0; x < n_out; x++) {
        double centre = (x + 0.5) * scale, sum = 0;
        int first = (int)(centre - support + 0.5), end = (int)(centre + support + 0.5);
        first = first < 0 ? 0 : first;
        end = end > n_in ? n_in : end;
        for (int i = first; i < end; i++) {
            double at = (i - centre + 0.5) * shrink;
            row[i - first] = filter == FUS_BICUBIC ? cubic(at) : triangle(at);
            sum += row[i - first];
        }
        w->first[x] = first;
        w->n[x] = end - first;
        for (int i = 0; i < end - first; i++)
            w->weight[(size_t)x * (size_t)w->taps + (size_t)i] = fixed_point(sum != 0 ? row[i] / sum : row[i]);
    }
}

static int make_weights(struct weights *w, int n_in, int n_out, enum fus_filter filter, struct fus_error *err)
{
    double scale = (double)n_in / n_out, stretch = scale < 1 ? 1 : scale;
    w->taps = (int)ceil((filter == FUS_BICUBIC ? 2.0 : 1.0) * stretch) * 2 + 1;
    double *row = fus_base_alloc((size_t)w->taps, sizeof *row);
    w->first = fus_base_alloc((size_t)n_out, sizeof *w->first);
    w->n = fus_base_alloc((size_t)n_out, sizeof *w->n);
    size_t n_weights;
    if (fus_base_mul(&n_weights, (size_t)n_out, (size_t)w->taps))
        w->weight = fus_base_alloc(n_weights, sizeof *w->weight);
    int code = FUS_OK;
    if (row && w->first && w->n && w->weight)
        fill_weights(w, row, n_in, n_out, filter);
    else
        code = fus_base_fail(err, FUS_ENOMEM, "no memory for resizing %d pixels to %d", n_in, n_out);
    fus_base_free(row);
    return code;
}

/* Eight sums at a time. They are whole numbers, so the vector's width changes no bit; written once, compiled twice for x86. */
enum { ROWS = 8 };
typedef int32_t sums8 __attribute__((vector_size(ROWS * sizeof(int32_t))));
typedef uint16_t halves8 __attribute__((vector_size(ROWS * sizeof(uint16_t))));
typedef uint8_t bytes8 __attribute__((vector_size(ROWS)));
#define INLINE static inline __attribute__((always_inline))

INLINE void add_bytes(sums8 *sums, const uint8_t *p, int weight)
{
    bytes8 b;
    memcpy(&b, p, sizeof b);
    *sums += __builtin_convertvector(__builtin_convertvector(b, halves8), sums8) * weight;
}

INLINE void round_and_clip(uint8_t *out, const sums8 *all)
{
    sums8 sums = (*all + (1 << (PRECISION_BITS - 1))) >> PRECISION_BITS;
    sums &= ~(sums >> 31);
    sums |= sums > 255;
    bytes8 b = __builtin_convertvector(__builtin_convertvector(sums, halves8), bytes8);
    memcpy(out, &b, sizeof b);
}

/* tile [row_bytes, ROWS] from rows [n_rows, row_bytes]. */
static void interleave(uint8_t *restrict tile, const uint8_t *restrict rows, size_t row_bytes, int n_rows)
{
    for (int r = 0; r < n_rows; r++, rows += row_bytes)
        for (size_t i = 0; i < row_bytes; i++)
            tile[i * ROWS + (size_t)r] = rows[i];
}

/* tile [n_in, channels, ROWS]: rows side by side, so that one weight meets neighbouring bytes
 * out  rows of row_bytes bytes, [n_out, channels] each; n_rows of them are written */
INLINE void horizontal(uint8_t *out, size_t row_bytes, int n_rows, const uint8_t *tile, int channels, const struct weights *w, int n_out)
{
    size_t pixel = (size_t)channels * ROWS;
    for (int x = 0; x < n_out; x++) {
        const int *k = w->weight + (size_t)x * (size_t)w->taps;
        for (int c = 0; c < channels; c++, out++) {
            const uint8_t *p = tile + (size_t)w->first[x] * pixel + (size_t)c * ROWS;
            uint8_t column[ROWS];
            sums8 sums = {0};
            for (int i = 0; i < w->n[x]; i++, p += pixel)
                add_bytes(&sums, p, k[i]);
            round_and_clip(column, &sums);
            for (int r = 0; r < n_rows; r++)
                out[(size_t)r * row_bytes] = column[r];
        }
    }
}

/* out [n] = row y of a picture of rows [n] from the rows around it. Up to ROWS - 1 bytes behind it are written too, and as many behind
 * `in` are read. */
INLINE void vertical(uint8_t *out, const uint8_t *in, size_t n, const struct weights *w, int y)
{
    const int *k = w->weight + (size_t)y * (size_t)w->taps;
    in += (size_t)w->first[y] * n;
    for (size_t x = 0; x < n; x += ROWS) {
        sums8 sums = {0};
        for (int i = 0; i < w->n[y]; i++)
            add_bytes(&sums, in + (size_t)i * n + x, k[i]);
        round_and_clip(out + x, &sums);
    }
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) static void horizontal_avx2(uint8_t *out, size_t row_bytes, int n_rows, const uint8_t *tile, int channels,
                                                            const struct weights *w, int n_out)
{
    horizontal(out, row_bytes, n_rows, tile, channels, w, n_out);
}

__attribute__((target("avx2"))) static void vertical_avx2(uint8_t *out, const uint8_t *in, size_t n, const struct weights *w, int y)
{
    vertical(out, in, n, w, y);
}
#endif

/* Whether the row of the table of instruction sets that is in use has these. */
static bool has_avx2(void)
{
    const struct fus_kernel *k = fus_kernels_pick(NULL, NULL);
    return k && k->width >= 8;
}

static void horizontal_rows(bool avx2, uint8_t *out, size_t row_bytes, int n_rows, const uint8_t *tile, int channels,
                            const struct weights *w, int n_out)
{
#if defined(__x86_64__)
    if (avx2) {
        horizontal_avx2(out, row_bytes, n_rows, tile, channels, w, n_out);
        return;
    }
#endif
    (void)avx2;
    horizontal(out, row_bytes, n_rows, tile, channels, w, n_out);
}

static void vertical_row(bool avx2, uint8_t *out, const uint8_t *in, size_t n, const struct weights *w, int y)
{
#if defined(__x86_64__)
    if (avx2) {
        vertical_avx2(out, in, n, w, y);
        return;
    }
#endif
    (void)avx2;
    vertical(out, in, n, w, y);
}

/* A picture on its way: 3 channels, or 1 where it is grey, which costs a third. */
struct raster {
    uint8_t *pixels; /* [height, width, channels] and ROWS bytes more */
    int width, height, channels;
};

static int raster_create(struct raster *out, int width, int height, int channels, struct fus_error *err)
{
    size_t n = (size_t)width * (size_t)height * (size_t)channels;
    if (!fus_image_fits(width, height))
        return fus_base_fail(err, FUS_ELIMIT, "a picture of %d x %d pixels is too large to be made (--max-pixels)", width, height);
    *out = (struct raster){fus_base_aligned(n + ROWS, 1), width, height, channels};
    if (!out->pixels)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for a picture of %d x %d pixels", width, height);
    memset(out->pixels + n, 0, ROWS);
    return FUS_OK;
}

static int resize_width(struct raster *out, const struct raster *in, int width, enum fus_filter filter, struct fus_error *err)
{
    struct weights w = {0};
    size_t in_bytes = (size_t)in->width * (size_t)in->channels, out_bytes = (size_t)width * (size_t)in->channels;
    bool avx2 = has_avx2();
    uint8_t *tile = fus_base_alloc(in_bytes, ROWS);
    int code = tile ? raster_create(out, width, in->height, in->channels, err)
                    : fus_base_fail(err, FUS_ENOMEM, "no memory for resizing rows of %d pixels", in->width);
    if (!code)
        code = make_weights(&w, in->width, width, filter, err);
    for (int y = 0; !code && y < in->height; y += ROWS) {
        int n_rows = in->height - y < ROWS ? in->height - y : ROWS;
        interleave(tile, in->pixels + (size_t)y * in_bytes, in_bytes, n_rows);
        horizontal_rows(avx2, out->pixels + (size_t)y * out_bytes, out_bytes, n_rows, tile, in->channels, &w, width);
    }
    fus_base_free(tile);
    free_weights(&w);
    return code;
}

static int resize_height(struct raster *out, const struct raster *in, int height, enum fus_filter filter, struct fus_error *err)
{
    struct weights w = {0};
    size_t n = (size_t)in->width * (size_t)in->channels;
    bool avx2 = has_avx2();
    int code = raster_create(out, in->width, height, in->channels, err);
    if (!code)
        code = make_weights(&w, in->height, height, filter, err);
    for (int y = 0; !code && y < height; y++)
        vertical_row(avx2, out->pixels + (size_t)y * n, in->pixels, n, &w, y);
    free_weights(&w);
    return code;
}

/* grey [n] = the first channel of pixels [n, 3]; false, and no use, where the others differ. */
static bool take_grey(uint8_t *restrict grey, const uint8_t *restrict pixels, size_t n)
{
    unsigned difference = 0;
    for (size_t i = 0; i < n && !difference;) {
        size_t end = n - i < 1024 ? n : i + 1024;
        for (; i < end; i++, pixels += 3) {
            grey[i] = pixels[0];
            difference |= (unsigned)(pixels[0] ^ pixels[1]) | (unsigned)(pixels[0] ^ pixels[2]);
        }
    }
    return difference == 0;
}

static int take_picture(struct raster *out, const struct fus_image *in, struct fus_error *err)
{
    size_t n = (size_t)in->width * (size_t)in->height;
    int code = raster_create(out, in->width, in->height, 1, err);
    if (code || take_grey(out->pixels, in->pixels, n))
        return code;
    fus_base_free(out->pixels);
    code = raster_create(out, in->width, in->height, 3, err);
    if (!code)
        memcpy(out->pixels, in->pixels, 3 * n);
    return code;
}

static int give_picture(struct fus_image *out, const struct raster *r, struct fus_error *err)
{
    size_t n = (size_t)r->width * (size_t)r->height;
    int code = fus_image_create(out, r->width, r->height, err);
    if (!code && r->channels == 3)
        memcpy(out->pixels, r->pixels, 3 * n);
    for (size_t i = 0; !code && r->channels == 1 && i < n; i++)
        memset(out->pixels + 3 * i, r->pixels[i], 3);
    return code;
}

int fus_resize_image(struct fus_image *out, const struct fus_image *in, int width, int height, enum fus_filter filter,
                     struct fus_error *err)
{
    struct raster whole = {0}, wide = {0}, tall = {0}, *at = &whole;
    if (width < 1 || height < 1)
        return fus_base_fail(err, FUS_EINVAL, "cannot resize to %d x %d pixels: expected at least 1 x 1", width, height);
    int code = take_picture(&whole, in, err);
    if (!code && width != in->width) {
        code = resize_width(&wide, at, width, filter, err);
        at = &wide;
    }
    if (!code && height != in->height) {
        code = resize_height(&tall, at, height, filter, err);
        at = &tall;
    }
    if (!code)
        code = give_picture(out, at, err);
    fus_base_free(whole.pixels);
    fus_base_free(wide.pixels);
    fus_base_free(tall.pixels);
    return code;
}
