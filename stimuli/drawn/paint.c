/* SPDX-License-Identifier: MIT */
/* Paint on a covered path: flat, gradients, soft shadows, cushions in the light, textures; and
 * the background.
 *
 * A cushion takes the blurred coverage as its height h; the surface's normal (-dh/dx, -dh/dy, 1)
 * against the light gives Lambert's cosine, so any outline looks like a body. Blurs are three
 * box means, close to a Gaussian. */
#include <math.h>
#include <string.h>

#include "nn/base/fmath.h"
#include "stimuli/drawn/draw.h"

/* Value noise: random values on a lattice (the table repeats after 64), smoothstep between them. */
static inline double noise(const struct fus_draw *d, double x, double y, int layer)
{
    int fx = (int)x - (x < (int)x), fy = (int)y - (y < (int)y); /* floor, without a call */
    double u = x - fx, v = y - fy;
    unsigned ix = (unsigned)fx + 17u * (unsigned)layer, iy = (unsigned)fy + 29u * (unsigned)layer;
    const float *r0 = d->grain + (iy & 63) * FUS_DRAW_GRAIN, *r1 = d->grain + ((iy + 1) & 63) * FUS_DRAW_GRAIN;
    unsigned c0 = ix & 63, c1 = (ix + 1) & 63;
    u = u * u * (3 - 2 * u);
    v = v * v * (3 - 2 * v);
    double a = r0[c0] + (r0[c1] - r0[c0]) * u, b = r1[c0] + (r1[c1] - r1[c0]) * u;
    return a + (b - a) * v;
}

double fus_paint_noise(const struct fus_draw *d, double x, double y, int layer)
{
    return noise(d, x, y, layer);
}

/* A mean over 2k+1 pixels along each row, from in to out; beyond the box's ends the border pixel
 * repeats. */
static void mean_rows(const struct fus_draw *d, float *out, const float *in, int k)
{
    int n = d->right - d->left;
    float scale = 1.0f / (float)(2 * k + 1);
    for (int y = d->top; y < d->bottom; y++) {
        const float *p = in + (size_t)y * (size_t)d->side + (size_t)d->left;
        float *q = out + (size_t)y * (size_t)d->side + (size_t)d->left, sum = p[0] * (float)(k + 1);
        for (int i = 0; i < k; i++)
            sum += p[i < n ? i : n - 1];
        for (int x = 0; x < n; x++) {
            sum += p[x + k < n ? x + k : n - 1];
            q[x] = sum * scale;
            sum -= p[x - k > 0 ? x - k : 0];
        }
    }
}

/* The same down the columns, all of them at once. sums: [side] */
static void mean_columns(const struct fus_draw *d, float *out, const float *in, int k, double *sums)
{
    size_t side = (size_t)d->side;
    int n = d->bottom - d->top;
    double scale = 1.0 / (2 * k + 1);
    const float *first = in + (size_t)d->top * side;
    for (int x = d->left; x < d->right; x++)
        sums[x] = (double)first[x] * (k + 1);
    for (int i = 0; i < k; i++)
        for (int x = d->left; x < d->right; x++)
            sums[x] += first[(size_t)(i < n ? i : n - 1) * side + (size_t)x];
    for (int y = 0; y < n; y++) {
        const float *add = first + (size_t)(y + k < n ? y + k : n - 1) * side;
        const float *drop = first + (size_t)(y - k > 0 ? y - k : 0) * side;
        float *q = out + (size_t)(d->top + y) * side;
        for (int x = d->left; x < d->right; x++) {
            sums[x] += add[x];
            q[x] = (float)(sums[x] * scale);
            sums[x] -= drop[x];
        }
    }
}

/* The box grows by n pixels; the mask there is cleared. */
static void grow_box(struct fus_draw *d, int n)
{
    int left = d->left > n ? d->left - n : 0, top = d->top > n ? d->top - n : 0;
    int right = d->right < d->side - n ? d->right + n : d->side,
        bottom = d->bottom < d->side - n ? d->bottom + n : d->side;
    for (int y = top; y < bottom; y++) {
        float *row = d->mask + (size_t)y * (size_t)d->side;
        if (y < d->top || y >= d->bottom)
            memset(row + left, 0, (size_t)(right - left) * sizeof *row);
        else {
            memset(row + left, 0, (size_t)(d->left - left) * sizeof *row);
            memset(row + d->right, 0, (size_t)(right - d->right) * sizeof *row);
        }
    }
    d->left = left;
    d->top = top;
    d->right = right;
    d->bottom = bottom;
}

/* Coverage, blurred by about `reach` pixels, into out. */
static void blur(struct fus_draw *d, float *out, int reach)
{
    float *other = d->work + (size_t)d->side * (size_t)d->side;
    int k = (reach + 1) / 2;
    const float *in = d->mask;
    if (k < 1)
        k = 1;
    for (int pass = 0; pass < 3; pass++) {
        mean_rows(d, other, in, k);
        mean_columns(d, out, other, k, d->sums);
        in = out;
    }
}

/* Lambert's cosine over the cushion's slope, 1 where the surface faces us; and a highlight. */
static double relief(const struct fus_draw *d, const float *height, int x, int y, double steep, double gloss,
                     double *shine)
{
    size_t side = (size_t)d->side;
    int xl = x > d->left ? x - 1 : x, xr = x + 1 < d->right ? x + 1 : x;
    int yt = y > d->top ? y - 1 : y, yb = y + 1 < d->bottom ? y + 1 : y;
    double gx = ((double)height[(size_t)y * side + (size_t)xr] - height[(size_t)y * side + (size_t)xl]) * steep;
    double gy = ((double)height[(size_t)yb * side + (size_t)x] - height[(size_t)yt * side + (size_t)x]) * steep;
    double lx = d->light.x, ly = d->light.y, lz = 1;
    double cosine = (lz - gx * lx - gy * ly) / sqrt((1 + gx * gx + gy * gy) * (lx * lx + ly * ly + lz * lz));
    double facing = 1 / sqrt((lx * lx + ly * ly + lz * lz));
    *shine = 0;
    if (gloss > 0 && cosine > 0.9) {
        double s = (cosine - 0.9) * 10;
        *shine = gloss * s * s * s;
    }
    return cosine > 0 ? 0.30 + 0.70 * cosine / facing : 0.30;
}

/* What the paint is at a pixel, before relief. at: in the units of the frame */
static double colour(const struct fus_draw *d, const struct fus_paint *p, struct fus_point at, double sine,
                     double cosine)
{
    double grey = p->grey, dx = p->to.x - p->from.x, dy = p->to.y - p->from.y, dd = dx * dx + dy * dy;
    if (dd > 0) {
        double t = ((at.x - p->from.x) * dx + (at.y - p->from.y) * dy) / dd;
        grey += (p->grey_to - p->grey) * (t < 0 ? 0 : t > 1 ? 1 : t);
    }
    if (p->grain > 0) {
        double u = (at.x * cosine + at.y * sine) / p->grain_x, v = (at.y * cosine - at.x * sine) / p->grain_y;
        grey += p->grain * (0.65 * noise(d, u, v, 1) + 0.35 * noise(d, 2 * u, 2 * v, 2));
    }
    return grey;
}

/* The covered box painted; coverage and height are [side, side]. */
static void blend(struct fus_draw *d, const struct fus_paint *p, const float *coverage, const float *height,
                  double steep)
{
    const struct fus_frame *f = &d->frame;
    double det = f->xx * f->yy - f->xy * f->yx, sine, cosine;
    bool plain = !(p->grain > 0) && p->to.x == p->from.x && p->to.y == p->from.y;
    fus_fmath_sincospi(&sine, &cosine, p->grain_turn);
    for (int y = d->top; y < d->bottom; y++)
        for (int x = d->left; x < d->right; x++) {
            size_t i = (size_t)y * (size_t)d->side + (size_t)x;
            double c = coverage[i], grey = p->grey, shine;
            if (c <= 0)
                continue;
            if (!plain) {
                double px = x + 0.5 - f->x0, py = y + 0.5 - f->y0;
                struct fus_point at = {(px * f->yy - py * f->xy) / det, (py * f->xx - px * f->yx) / det};
                grey = colour(d, p, at, sine, cosine);
            }
            if (height) {
                double light = relief(d, height, x, y, steep, p->gloss, &shine);
                grey = grey * light + shine;
            }
            if (p->multiply)
                grey *= d->pixels[i];
            grey = grey < 0 ? 0 : grey > 1 ? 1 : grey;
            c *= 1 - p->clear;
            d->pixels[i] = (float)(d->pixels[i] + (grey - d->pixels[i]) * c);
        }
}

void fus_paint_fill(struct fus_draw *d, const struct fus_paint *p)
{
    double unit = fus_draw_unit(d);
    bool clipped = d->clipped, soft = p->blur > 0;
    const float *coverage = d->mask, *height = NULL;
    double steep = 0;
    if (soft)
        d->clipped = false; /* the clip must cut the blurred edge, not be blurred into it */
    fus_draw_cover(d);
    d->clipped = clipped;
    if (d->left >= d->right || !(unit > 0))
        return;
    if (soft) {
        int reach = (int)(p->blur * unit + 0.5);
        grow_box(d, 2 * reach + 3);
        blur(d, d->work, reach);
        coverage = d->work;
        if (clipped)
            for (int y = d->top; y < d->bottom; y++)
                for (int x = d->left; x < d->right; x++)
                    d->work[(size_t)y * (size_t)d->side + (size_t)x] *=
                        d->clip[(size_t)y * (size_t)d->side + (size_t)x];
    } else if (p->round > 0) {
        int reach = (int)(p->round * unit + 0.5);
        grow_box(d, 2 * reach + 3);
        blur(d, d->work, reach);
        height = d->work;
        steep = 1.6 * (reach < 1 ? 1 : reach);
    }
    blend(d, p, coverage, height, steep);
}

void fus_paint_grey(struct fus_draw *d, double grey)
{
    fus_paint_fill(d, &(struct fus_paint){.grey = grey});
}

void fus_paint_shadow(struct fus_draw *d, double factor, double blur_reach)
{
    fus_paint_fill(d, &(struct fus_paint){.grey = factor, .multiply = true, .blur = blur_reach});
}

void fus_paint_background(struct fus_draw *d, struct fus_rng *rng)
{
    enum { MOST = 7 };
    double sine[MOST], cosine[MOST], fx[MOST], fy[MOST], weight[MOST], sum = 0, frequency = 3.5;
    int n = 0, side = d->side;
    for (int i = 0; i < FUS_DRAW_GRAIN * FUS_DRAW_GRAIN; i++)
        d->grain[i] = (float)(2 * fus_rng_uniform(rng) - 1);
    double tilt = fus_rng_uniform(rng), stretch = 1 + 1.6 * fus_rng_uniform(rng),
           falloff = 0.62 + 0.2 * fus_rng_uniform(rng);
    double contrast = 0.115 + 0.04 * fus_rng_uniform(rng), amplitude = 1;
    for (int i = 0; i < MOST; i++, frequency *= 1.9, amplitude *= falloff) {
        /* warp and weft */
        double turn = tilt + (i & 1 ? 0.5 : 0) + 0.1 * (fus_rng_uniform(rng) - 0.5);
        fus_fmath_sincospi(&sine[i], &cosine[i], turn);
        fx[i] = frequency / stretch;
        fy[i] = frequency * stretch;
        weight[i] = amplitude;
        if (fy[i] * 1.5 < side || i == 0) /* details finer than pixels would alias */
            n = i + 1;
        sum += amplitude * amplitude * 0.16; /* about the variance of value noise */
    }
    double scale = contrast / sqrt(sum);
    for (int y = 0; y < side; y++)
        for (int x = 0; x < side; x++) {
            double u = (x + 0.5) / side, v = (y + 0.5) / side, s = 0;
            for (int i = 0; i < n; i++)
                s += weight[i] *
                     noise(d, (u * cosine[i] + v * sine[i]) * fx[i] + 8, (v * cosine[i] - u * sine[i]) * fy[i] + 8, i);
            s = 0.5 + scale * s;
            d->pixels[(size_t)y * (size_t)side + (size_t)x] = (float)(s < 0.02 ? 0.02 : s > 0.98 ? 0.98 : s);
        }
}
