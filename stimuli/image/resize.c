/* SPDX-License-Identifier: MIT */
/* Resizing as Pillow's Image.resize: separable, anti-aliased, 8 bits in and out.
 *
 * Output x is the weighted mean of the inputs around centre (x + 0.5) * scale; where the picture
 * shrinks, the filter is widened by the scale. Weights are rounded to 22 fractional bits; the
 * horizontal pass rounds to 8 bits before the vertical one. A pass is left out where its size
 * stays. Weights take only + - * / floor of doubles: the same on every machine. */
#include <math.h>
#include <string.h>

#include "nn/base/cpu.h"
#include "stimuli/image/raster.h"

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

/* ---- eight sums at a time ---- */

enum { ROWS = 8, COLUMNS = 16 };

#define TARGET
#define NAME(f) f##_plain
#define SUMS sums8
#define ADD add_plain
#define GIVE give_plain
typedef int32_t sums8 __attribute__((vector_size(ROWS * sizeof(int32_t))));
typedef uint16_t halves8 __attribute__((vector_size(ROWS * sizeof(uint16_t))));
typedef uint8_t bytes8 __attribute__((vector_size(ROWS)));

static inline void add_plain(sums8 *s, const uint8_t *p, int weight)
{
    bytes8 b;
    memcpy(&b, p, sizeof b);
    *s += __builtin_convertvector(__builtin_convertvector(b, halves8), sums8) * weight;
}

static inline void give_plain(uint8_t *p, const sums8 *all)
{
    sums8 s = (*all + (1 << (PRECISION_BITS - 1))) >> PRECISION_BITS;
    s &= ~(s >> 31);
    s |= s > 255;
    bytes8 b = __builtin_convertvector(__builtin_convertvector(s, halves8), bytes8);
    memcpy(p, &b, sizeof b);
}
#include "stimuli/image/resize_tile.h"

#if defined(__x86_64__)
#include <immintrin.h>
#define TARGET __attribute__((target("avx2")))
#define NAME(f) f##_avx2
#define SUMS __m256i
#define ADD add_avx2
#define GIVE give_avx2

TARGET static inline void add_avx2(__m256i *s, const uint8_t *p, int weight)
{
    __m256i bytes = _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)p));
    *s = _mm256_add_epi32(*s, _mm256_mullo_epi32(bytes, _mm256_set1_epi32(weight)));
}

TARGET static inline void give_avx2(uint8_t *p, const __m256i *all)
{
    __m256i s = _mm256_srai_epi32(_mm256_add_epi32(*all, _mm256_set1_epi32(1 << (PRECISION_BITS - 1))), PRECISION_BITS);
    __m128i halves = _mm_packs_epi32(_mm256_castsi256_si128(s), _mm256_extracti128_si256(s, 1));
    _mm_storel_epi64((__m128i *)(void *)p, _mm_packus_epi16(halves, halves));
}
#include "stimuli/image/resize_tile.h"
#endif

#if FUS_CPU_NEON
#include <arm_neon.h>
#define TARGET
#define NAME(f) f##_neon
#define SUMS int32x4x2_t
#define ADD add_neon
#define GIVE give_neon

static inline void add_neon(int32x4x2_t *s, const uint8_t *p, int weight)
{
    int16x8_t bytes = vreinterpretq_s16_u16(vmovl_u8(vld1_u8(p)));
    s->val[0] = vmlaq_n_s32(s->val[0], vmovl_s16(vget_low_s16(bytes)), weight);
    s->val[1] = vmlaq_n_s32(s->val[1], vmovl_high_s16(bytes), weight);
}

static inline void give_neon(uint8_t *p, const int32x4x2_t *s)
{
    uint16x8_t halves =
        vqmovun_high_s32(vqmovun_s32(vrshrq_n_s32(s->val[0], PRECISION_BITS)), vrshrq_n_s32(s->val[1], PRECISION_BITS));
    vst1_u8(p, vqmovn_u16(halves));
}
#include "stimuli/image/resize_tile.h"
#endif

struct sums {
    void (*horizontal)(uint8_t *out, const uint8_t *tile, int channels, const struct weights *w, int n_out);
    void (*vertical)(uint8_t *out, const uint8_t *in, size_t stride, size_t n, const int *k, int n_taps);
};

/* By the row of the table of instruction sets that is in use. */
static struct sums pick_sums(void)
{
#if defined(__x86_64__)
    if (fus_cpu_has_avx2())
        return (struct sums){horizontal_avx2, vertical_avx2};
#endif
#if FUS_CPU_NEON
    if (fus_cpu_has_neon())
        return (struct sums){horizontal_neon, vertical_neon};
#endif
    return (struct sums){horizontal_plain, vertical_plain};
}

/* ---- rows side by side ---- */

typedef uint8_t bytes16 __attribute__((vector_size(COLUMNS)));
#if defined(__clang__)
#define SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define SHUFFLE(a, b, ...) __builtin_shuffle(a, b, (bytes16){__VA_ARGS__})
#endif

#define LOW(a, b) SHUFFLE(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
#define HIGH(a, b) SHUFFLE(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)

/* Each byte of 128 moves from place i to place 2 i modulo 127. */
static inline void riffle(bytes16 v[ROWS])
{
    const bytes16 w[ROWS] = {v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7]};
    v[0] = LOW(w[0], w[4]), v[1] = HIGH(w[0], w[4]);
    v[2] = LOW(w[1], w[5]), v[3] = HIGH(w[1], w[5]);
    v[4] = LOW(w[2], w[6]), v[5] = HIGH(w[2], w[6]);
    v[6] = LOW(w[3], w[7]), v[7] = HIGH(w[3], w[7]);
}

static inline bytes16 bytes_at(const uint8_t *p)
{
    bytes16 v;
    memcpy(&v, p, sizeof v);
    return v;
}

/* tile [n, ROWS] from n bytes of each row; rows from n_rows on repeat the last one. */
static void interleave(uint8_t *restrict tile, const uint8_t *restrict rows, size_t stride, int n_rows, size_t n)
{
    const uint8_t *at[ROWS];
    size_t x = 0;
    for (int r = 0; r < ROWS; r++)
        at[r] = rows + (size_t)(r < n_rows ? r : n_rows - 1) * stride;
    for (; x + COLUMNS <= n; x += COLUMNS) {
        bytes16 v[ROWS] = {bytes_at(at[0] + x), bytes_at(at[1] + x), bytes_at(at[2] + x), bytes_at(at[3] + x),
                           bytes_at(at[4] + x), bytes_at(at[5] + x), bytes_at(at[6] + x), bytes_at(at[7] + x)};
        riffle(v), riffle(v), riffle(v); /* place 16 r + x -> 8 x + r */
        memcpy(tile + x * ROWS, v, sizeof v);
    }
    for (; x < n; x++)
        for (int r = 0; r < ROWS; r++)
            tile[x * ROWS + (size_t)r] = at[r][x];
}

/* The way back, n_rows of them. */
static void part(uint8_t *restrict rows, size_t stride, int n_rows, const uint8_t *restrict tile, size_t n)
{
    size_t x = 0;
    for (; x + COLUMNS <= n; x += COLUMNS) {
        bytes16 v[ROWS];
        memcpy(v, tile + x * ROWS, sizeof v);
        riffle(v), riffle(v), riffle(v), riffle(v);
        for (int r = 0; r < n_rows; r++)
            memcpy(rows + (size_t)r * stride + x, &v[r], COLUMNS);
    }
    for (; x < n; x++)
        for (int r = 0; r < n_rows; r++)
            rows[(size_t)r * stride + x] = tile[x * ROWS + (size_t)r];
}

/* ---- one direction after the other ---- */

static int resize_width(struct fus_raster *out, const struct fus_raster *in, int width, enum fus_filter filter,
                        struct fus_error *err)
{
    struct weights w = {0};
    size_t in_bytes = (size_t)in->width * (size_t)in->channels, out_bytes = (size_t)width * (size_t)in->channels;
    struct sums sums = pick_sums();
    uint8_t *tile = fus_base_aligned(in_bytes, ROWS), *made = fus_base_aligned(out_bytes, ROWS);
    int code = tile && made ? fus_raster_create(out, width, in->height, in->channels, err)
                            : fus_base_fail(err, FUS_ENOMEM, "no memory for resizing rows of %d pixels", in->width);
    if (!code)
        code = make_weights(&w, in->width, width, filter, err);
    for (int y = 0; !code && y < in->height; y += ROWS) {
        int n_rows = in->height - y < ROWS ? in->height - y : ROWS;
        interleave(tile, in->pixels + (size_t)y * in->stride, in->stride, n_rows, in_bytes);
        sums.horizontal(made, tile, in->channels, &w, width);
        part(out->pixels + (size_t)y * out->stride, out->stride, n_rows, made, out_bytes);
    }
    fus_base_free(tile);
    fus_base_free(made);
    free_weights(&w);
    return code;
}

static int resize_height(struct fus_raster *out, const struct fus_raster *in, int height, enum fus_filter filter,
                         struct fus_error *err)
{
    struct weights w = {0};
    size_t n = (size_t)in->width * (size_t)in->channels;
    struct sums sums = pick_sums();
    int code = fus_raster_create(out, in->width, height, in->channels, err);
    if (!code)
        code = make_weights(&w, in->height, height, filter, err);
    for (int y = 0; !code && y < height; y++)
        sums.vertical(out->pixels + (size_t)y * n, in->pixels + (size_t)w.first[y] * in->stride, in->stride, n,
                      w.weight + (size_t)y * (size_t)w.taps, w.n[y]);
    free_weights(&w);
    return code;
}

static int copy(struct fus_raster *out, const struct fus_raster *in, struct fus_error *err)
{
    int code = fus_raster_create(out, in->width, in->height, in->channels, err);
    for (int y = 0; y < in->height && !code; y++)
        memcpy(out->pixels + (size_t)y * out->stride, in->pixels + (size_t)y * in->stride, out->stride);
    return code;
}

int fus_resize_raster(struct fus_raster *out, const struct fus_raster *in, int width, int height,
                      enum fus_filter filter, struct fus_error *err)
{
    struct fus_raster grey = {0}, wide = {0}, tall = {0};
    if (width < 1 || height < 1)
        return fus_base_fail(err, FUS_EINVAL, "cannot resize to %d x %d pixels: expected at least 1 x 1", width,
                             height);
    int code = fus_raster_grey(&grey, in, err);
    const struct fus_raster *at = grey.pixels ? &grey : in;
    if (!code && width != in->width) {
        code = resize_width(&wide, at, width, filter, err);
        at = &wide;
    }
    if (!code && height != in->height)
        code = resize_height(&tall, at, height, filter, err);
    else if (!code && width == in->width)
        code = copy(&tall, at, err);
    struct fus_raster *made = tall.pixels ? &tall : &wide;
    if (!code) {
        *out = *made;
        *made = (struct fus_raster){0};
    }
    fus_raster_free(&grey);
    fus_raster_free(&wide);
    fus_raster_free(&tall);
    return code;
}

int fus_resize_image(struct fus_image *out, const struct fus_image *in, int width, int height, enum fus_filter filter,
                     struct fus_error *err)
{
    struct fus_raster whole = fus_raster_of(in), made = {0};
    int code = fus_resize_raster(&made, &whole, width, height, filter, err);
    return code ? code : fus_raster_image(out, &made, err);
}
