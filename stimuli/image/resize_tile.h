/* SPDX-License-Identifier: MIT */
/* The sums of resize.c for one instruction set, which defines
 *
 *   TARGET             attribute of the functions
 *   NAME(f)            f's name
 *   SUMS               eight sums of 32 bits
 *   ADD(s, p, weight)  *s += weight * the eight bytes at p
 *   GIVE(p, s)         the eight bytes at p = *s rounded and clipped
 *
 * The sums are integers, so all instruction sets give the same result. */

/* out [n_out, channels, ROWS] from tile [n_in, channels, ROWS]: rows are adjacent, so that one
 * weight multiplies a vector of bytes */
TARGET static void NAME(horizontal)(uint8_t *out, const uint8_t *tile, int channels, const struct weights *w, int n_out)
{
    size_t pixel = (size_t)channels * ROWS;
    for (int x = 0; x < n_out; x++) {
        const int *k = w->weight + (size_t)x * (size_t)w->taps;
        const uint8_t *first = tile + (size_t)w->first[x] * pixel;
        int n = w->n[x];
        for (const uint8_t *end = first + pixel; first < end; first += ROWS, out += ROWS) {
            SUMS s = {0};
            for (int i = 0; i < n; i++)
                ADD(&s, first + (size_t)i * pixel, k[i]);
            GIVE(out, &s);
        }
    }
}

/* out [n]: an output row, the weighted sum of the n_taps input rows in [n_taps, stride]. */
TARGET static void NAME(vertical)(uint8_t *out, const uint8_t *in, size_t stride, size_t n, const int *k, int n_taps)
{
    size_t x = 0;
    for (; x + ROWS <= n; x += ROWS) {
        SUMS s = {0};
        for (int i = 0; i < n_taps; i++)
            ADD(&s, in + (size_t)i * stride + x, k[i]);
        GIVE(out + x, &s);
    }
    for (; x < n; x++) {
        int32_t sum = 1 << (PRECISION_BITS - 1);
        for (int i = 0; i < n_taps; i++)
            sum += in[(size_t)i * stride + x] * k[i];
        sum >>= PRECISION_BITS;
        out[x] = (uint8_t)(sum < 0 ? 0 : sum > 255 ? 255 : sum);
    }
}

#undef TARGET
#undef NAME
#undef SUMS
#undef ADD
#undef GIVE
