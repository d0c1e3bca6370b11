/* Resizing as Pillow's Image.resize: separable, anti-aliased, 8 bits in and out.
 *
 * Output x is the weighted mean of the inputs around centre (x + 0.5) * scale; where the picture shrinks, the filter is
 * widened by the scale. Weights are rounded to 22 fractional bits; the horizontal pass rounds to 8 bits before the vertical one.
 * A pass is left out where its size stays. Weights take only + - * / floor of doubles: the same on every machine. */
#include <math.h>
#include <string.h>

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

static inline uint8_t clip8(int sum)
{
    int v = sum >> PRECISION_BITS;
    return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
}

/* line [n] = the first channel of row [n, 3]; true where the others equal it: a grey row costs a third. */
static bool grey_line(uint8_t *restrict line, const uint8_t *restrict row, int n)
{
    unsigned difference = 0;
    for (int x = 0; x < n; x++, row += 3) {
        line[x] = row[0];
        difference |= (unsigned)(row[0] ^ row[1]) | (unsigned)(row[0] ^ row[2]);
    }
    return difference == 0;
}

static void horizontal_grey(uint8_t *out, const uint8_t *line, const struct weights *w, int n_out)
{
    for (int x = 0; x < n_out; x++, out += 3) {
        const int *k = w->weight + (size_t)x * (size_t)w->taps;
        const uint8_t *p = line + w->first[x];
        int sum = 1 << (PRECISION_BITS - 1);
        for (int i = 0; i < w->n[x]; i++)
            sum += p[i] * k[i];
        out[0] = out[1] = out[2] = clip8(sum);
    }
}

/* One row [n_in, 3] -> [n_out, 3]. */
static void horizontal_row(uint8_t *out, const uint8_t *in, const struct weights *w, int n_out)
{
    for (int x = 0; x < n_out; x++, out += 3) {
        const int *k = w->weight + (size_t)x * (size_t)w->taps;
        const uint8_t *p = in + 3 * (size_t)w->first[x];
        int n = w->n[x], r = 1 << (PRECISION_BITS - 1), g = r, b = r;
        for (int i = 0; i < n; i++, p += 3) {
            r += p[0] * k[i];
            g += p[1] * k[i];
            b += p[2] * k[i];
        }
        out[0] = clip8(r);
        out[1] = clip8(g);
        out[2] = clip8(b);
    }
}

/* Output row y of [height, n] from the rows around it; sums [n] is scratch. */
static void vertical_row(uint8_t *restrict out, int *restrict sums, const uint8_t *restrict in, size_t n, const struct weights *w, int y)
{
    const int *k = w->weight + (size_t)y * (size_t)w->taps;
    for (size_t x = 0; x < n; x++)
        sums[x] = 1 << (PRECISION_BITS - 1);
    for (int i = 0; i < w->n[y]; i++) {
        const uint8_t *row = in + (size_t)(w->first[y] + i) * n;
        for (size_t x = 0; x < n; x++)
            sums[x] += row[x] * k[i];
    }
    for (size_t x = 0; x < n; x++)
        out[x] = clip8(sums[x]);
}

static int resize_width(struct fus_image *out, const struct fus_image *in, int width, enum fus_filter filter,
                        struct fus_error *err)
{
    struct weights w = {0};
    uint8_t *line = NULL;
    int code = fus_image_create(out, width, in->height, err);
    if (!code)
        code = make_weights(&w, in->width, width, filter, err);
    if (!code && !(line = fus_base_alloc((size_t)in->width, 1)))
        code = fus_base_fail(err, FUS_ENOMEM, "no memory for resizing a row of %d pixels", in->width);
    for (int y = 0; !code && y < in->height; y++) {
        const uint8_t *row = in->pixels + 3 * (size_t)y * (size_t)in->width;
        uint8_t *to = out->pixels + 3 * (size_t)y * (size_t)width;
        if (grey_line(line, row, in->width))
            horizontal_grey(to, line, &w, width);
        else
            horizontal_row(to, row, &w, width);
    }
    fus_base_free(line);
    free_weights(&w);
    return code;
}

static int resize_height(struct fus_image *out, const struct fus_image *in, int height, enum fus_filter filter,
                         struct fus_error *err)
{
    struct weights w = {0};
    size_t n = 3 * (size_t)in->width;
    int *sums = NULL;
    int code = fus_image_create(out, in->width, height, err);
    if (!code)
        code = make_weights(&w, in->height, height, filter, err);
    if (!code && !(sums = fus_base_alloc(n, sizeof *sums)))
        code = fus_base_fail(err, FUS_ENOMEM, "no memory for resizing a row of %d pixels", in->width);
    for (int y = 0; !code && y < height; y++)
        vertical_row(out->pixels + (size_t)y * n, sums, in->pixels, n, &w, y);
    fus_base_free(sums);
    free_weights(&w);
    return code;
}

int fus_resize_image(struct fus_image *out, const struct fus_image *in, int width, int height, enum fus_filter filter,
                     struct fus_error *err)
{
    struct fus_image wide = {0}, made = {0};
    int code = FUS_OK;
    if (width < 1 || height < 1)
        return fus_base_fail(err, FUS_EINVAL, "cannot resize to %d x %d pixels: expected at least 1 x 1", width, height);
    if (width != in->width)
        code = resize_width(&wide, in, width, filter, err);
    if (!code && (height != in->height || width == in->width)) {
        const struct fus_image *from = wide.pixels ? &wide : in;
        if (height != in->height) {
            code = resize_height(&made, from, height, filter, err);
        } else {
            code = fus_image_create(&made, width, height, err);
            if (!code)
                memcpy(made.pixels, in->pixels, 3 * (size_t)width * (size_t)height);
        }
    } else if (!code) {
        made = wide;
        memset(&wide, 0, sizeof wide);
    }
    fus_image_free(&wide);
    if (code)
        fus_image_free(&made);
    else
        *out = made;
    return code;
}
