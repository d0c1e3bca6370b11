/* SPDX-License-Identifier: MIT */
/* Progressive pictures whose low AC coefficients are not wholly there (ITU-T T.81, annex K.8):
 * estimates from the mean values of the 5 x 5 blocks around, with the weights of libjpeg-turbo
 * from 2.1 on, so that the pixels are Pillow's.
 *
 * Where a component has means alone, its first nine AC coefficients and the mean itself are
 * estimated; where it has some bits of the AC coefficients, the first five, if they are still
 * zero. A known bit is never contradicted. */
#include <string.h>

#include "stimuli/image/jpeg.h"

enum { N_LOW = 10, SIDE = 5, N_BLOCKS = SIDE * SIDE };

typedef int16_t weights[N_BLOCKS];

/* By zigzag index, in 256ths of a mean's step over the coefficient's step. */
static const weights from_means[N_LOW] = {
    {-2, -6, -8, -6, -2, -6, 6, 42, 6, -6, -8, 42, 152, 42, -8, -6, 6, 42, 6, -6, -2, -6, -8, -6, -2},
    {-1, -1, 0, 1, 1, -3, 13, 0, -13, 3, -3, 38, 0, -38, 3, -3, 13, 0, -13, 3, -1, -1, 0, 1, 1},
    {-1, -3, -3, -3, -1, -1, 13, 38, 13, -1, 0, 0, 0, 0, 0, 1, -13, -38, -13, 1, 1, 3, 3, 3, 1},
    {0, 0, 1, 0, 0, 0, 2, 7, 2, 0, 0, -5, -14, -5, 0, 0, 2, 7, 2, 0, 0, 0, 1, 0, 0},
    {-1, 0, 0, 0, 1, 0, 9, 0, -9, 0, 0, 0, 0, 0, 0, 0, -9, 0, 9, 0, 1, 0, 0, 0, -1},
    {0, 0, 0, 0, 0, 0, 2, -5, 2, 0, 1, 7, -14, 7, 1, 0, 2, -5, 2, 0, 0, 0, 0, 0, 0},
    {0, 0, 0, 0, 0, 0, 1, 0, -1, 0, 0, 2, 0, -2, 0, 0, 1, 0, -1, 0, 0, 0, 0, 0, 0},
    {0, 0, 0, 0, 0, 0, 1, -3, 1, 0, 0, 0, 0, 0, 0, 0, -1, 3, -1, 0, 0, 0, 0, 0, 0},
    {0, 0, 0, 0, 0, 0, 1, 0, -1, 0, 0, -3, 0, 3, 0, 0, 1, 0, -1, 0, 0, 0, 0, 0, 0},
    {0, 0, 0, 0, 0, 0, 1, 2, 1, 0, 0, 0, 0, 0, 0, 0, -1, -2, -1, 0, 0, 0, 0, 0, 0},
};
static const weights beside_bits[6] = {
    {0},
    {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, -7, 50, 0, -50, 7},
    {0, 0, -7, 0, 0, 0, 0, 50, 0, 0, 0, 0, 0, 0, 0, 0, 0, -50, 0, 0, 0, 0, 7, 0, 0},
    {0, 0, -1, 0, 0, 0, 0, 13, 0, 0, 0, 0, -24, 0, 0, 0, 0, 13, 0, 0, 0, 0, -1, 0, 0},
    {0, -1, 0, 1, 0, -1, 10, 0, -10, 1, 0, 0, 0, 0, 0, 1, -10, 0, 10, -1, 0, 1, 0, -1, 0},
    {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, -1, 13, -24, 13, -1},
};

bool fus_jpeg_smooth_wanted(const struct fus_jpeg *j)
{
    bool wanted = false;
    for (int i = 0; i < j->n_components; i++) {
        const struct fus_jpeg_component *c = &j->components[i];
        if (!c->seen || c->precision[0] < 0)
            return false;
        for (int k = 0; k < N_LOW; k++) {
            if (!c->quant[k])
                return false;
            wanted |= k && c->precision[k] != 0;
        }
    }
    return wanted;
}

/* Rows of blocks from two above to two below; at the picture's border and in some rows near it
 * the next one inside, as libjpeg has it. */
static void rows_around(int rows[SIDE], const struct fus_jpeg *j, const struct fus_jpeg_component *c, int y)
{
    int mcu = y / c->v, at = y % c->v, last = j->mcus_y - 1;
    int n = mcu == last && c->blocks_y % c->v ? c->blocks_y % c->v : c->v;
    rows[2] = y;
    rows[1] = at > 0 || mcu > 0 ? y - 1 : y;
    rows[0] = at > 1 || mcu > 1 ? y - 2 : rows[1];
    rows[3] = at < n - 1 || mcu < last ? y + 1 : y;
    rows[4] = at < n - 2 || mcu + 1 < last ? y + 2 : rows[3];
}

/* A column of blocks, or the nearest one; right of two alone the first, as libjpeg-turbo 2.1.5
 * has it. */
static int column(int x, int n)
{
    return x < 0 ? 0 : x < n ? x : n == 2 ? 0 : n - 1;
}

static void means_around(int means[N_BLOCKS], const struct fus_jpeg *j, const struct fus_jpeg_component *c, int x,
                         int y)
{
    int rows[SIDE];
    rows_around(rows, j, c, y);
    for (int v = 0; v < SIDE; v++)
        for (int h = 0; h < SIDE; h++)
            means[v * SIDE + h] =
                c->coefs[64 * ((size_t)rows[v] * (size_t)c->padded_x + (size_t)column(x + h - 2, c->blocks_x))];
}

/* known: bits below this one are missing; -1: all are. */
static int16_t estimate(const int means[N_BLOCKS], const weights w, int64_t mean_step, int64_t step, int known)
{
    int sum = 0;
    for (int i = 0; i < N_BLOCKS; i++)
        sum += w[i] * means[i];
    int64_t size = (step * 128 + mean_step * (sum < 0 ? -sum : sum)) / (step * 256);
    if (known > 0 && size >= 1 << known)
        size = (1 << known) - 1;
    return (int16_t)(sum < 0 ? -size : size);
}

void fus_jpeg_smooth(int16_t block[64], const struct fus_jpeg *j, const struct fus_jpeg_component *c, int x, int y)
{
    int means[N_BLOCKS];
    bool means_alone = true;
    for (int k = 1; k < N_LOW; k++)
        means_alone &= c->precision[k] < 0;
    means_around(means, j, c, x, y);
    int64_t mean_step = (uint16_t)c->quant[0];
    for (int k = 1; k < (means_alone ? N_LOW : 6); k++) {
        int16_t *coef = &block[fus_jpeg_zigzag[k]];
        if (c->precision[k] != 0 && !*coef)
            *coef = estimate(means, means_alone ? from_means[k] : beside_bits[k], mean_step, (uint16_t)c->quant[k],
                             c->precision[k]);
    }
    if (means_alone)
        block[0] = estimate(means, from_means[0], mean_step, mean_step, 0);
}
