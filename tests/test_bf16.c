/* SPDX-License-Identifier: MIT */
/* Products of bf16 numbers: the rule against exact fractions (golden/bf16.py), every instruction
 * set's tiles against the rule, layers and networks against the naive loops, all to the bit. */
#include <float.h>

#include "bf16_layers.h"
#include "golden_npz.h"

static const char *const rows[] = {"scalar", "avx2", "avx512", "neon", "amx"};
enum { N_ROWS = sizeof rows / sizeof *rows };

/* ---- the rule ---- */

static void test_rounding(void)
{
    static const uint32_t pairs[][2] = {{0x3f808000, 0x3f800000}, {0x3f818000, 0x3f820000}, {0x3f808001, 0x3f810000},
                                        {0xbf817fff, 0xbf810000}, {0x7f7fffff, 0x7f800000}, {0xff800000, 0xff800000},
                                        {0x7f800001, 0x7fc00000}, {0x80000001, 0x80000000}, {0x007fffff, 0x00000000},
                                        {0x00800000, 0x00800000}, {0x0080ffff, 0x00810000}, {0, 0}};
    enum { N = sizeof pairs / sizeof *pairs };
    float in[2 * FUS_LANES] = {0}, out[2 * FUS_LANES];
    for (int i = 0; i < N; i++) {
        in[i] = in[i + FUS_LANES] = fus_bits_to_float(pairs[i][0]);
        CHECK_MSG(fus_bits_of_float(fus_bf16_round(in[i])) == pairs[i][1], "%08x", pairs[i][0]);
    }
    for (int r = 0; r < N_ROWS; r++) {
        const struct fus_kernel_bf16 *row = fus_kernels_pick_bf16(rows[r], NULL);
        if (!row || row->packed)
            continue;
        row->round(out, in, 2);
        for (int i = 0; i < 2 * FUS_LANES; i++)
            CHECK(fus_bits_of_float(out[i]) == fus_bits_of_float(fus_bf16_round(in[i])));
    }
}

static void test_rule(void)
{
    enum { N = 210, K = 64 };
    struct golden g;
    if (!CHECK(golden_open(&g, "tests/golden/bf16.npz")))
        return;
    const float *a = golden_array(&g, "a", N * K), *b = golden_array(&g, "b", N * K), *c = golden_array(&g, "c", 2 * N);
    const struct fus_bf16_step steps[] = {{0, 32}, {32, 32}};
    for (int i = 0; i < N; i++) {
        float x[K], w[K * FUS_LANES] = {0}, y[FUS_LANES];
        for (int k = 0; k < K; k++) {
            x[k] = fus_bf16_round(fus_bits_to_float((uint32_t)a[i * K + k] << 16));
            w[k * FUS_LANES] = fus_bf16_round(fus_bits_to_float((uint32_t)b[i * K + k] << 16));
        }
        const struct fus_bf16_tile t = {
            .a = x, .b = w, .c = y, .steps = steps, .a_half = 16, .n_steps = 2, .rows = 1, .blocks = 1, .first = true};
        fus_bf16_tile_exact(&t);
        uint32_t want = (uint32_t)c[2 * i] << 16 | (uint32_t)c[2 * i + 1];
        CHECK_MSG(fus_bits_of_float(y[0]) == want, "sum %d: %08x, %08x expected", i, fus_bits_of_float(y[0]), want);
    }
    golden_close(&g);
}

/* ---- tiles ---- */

/* A tile of a kind, of steps of several depths, in two calls. */
static void check_tile(const struct fus_kernel_bf16 *row, int kind, int n_rows, int blocks, enum regime regime,
                       struct fus_rng *r)
{
    enum { STEPS = 3, PIXELS = 14 * 32 + 64, WEIGHTS = STEPS * 32 * 16 };
    bool picture = kind >= FUS_TILE_PICTURE;
    static float a[2 * PIXELS * STEPS], b[2 * WEIGHTS], c[2][2 * 14 * FUS_LANES];
    struct fus_bf16_step steps[STEPS];
    for (int i = 0; i < STEPS; i++)
        steps[i] = (struct fus_bf16_step){i * 17, picture ? 3 * (int)(1 + fus_rng_below(r, 7)) : i % 2 ? 16 : 32};
    for (size_t i = 0; i < sizeof a / sizeof *a; i++)
        a[i] = number(r, regime);
    for (size_t i = 0; i < sizeof b / sizeof *b; i++)
        b[i] = number(r, regime);
    for (int i = 0; i < 2; i++) {
        struct fus_bf16_tile t = {.a = a,
                                  .b = b,
                                  .c = c[i],
                                  .steps = steps,
                                  .a_pixel = picture ? (kind == FUS_TILE_PICTURE ? 3 : 6)
                                                     : (kind == FUS_TILE_BLOCKED ? FUS_LANES : 2 * FUS_LANES),
                                  .a_half = picture ? FUS_LANES : PIXELS,
                                  .b_step = WEIGHTS,
                                  .c_step = 14 * FUS_LANES,
                                  .n_steps = 2,
                                  .rows = n_rows,
                                  .blocks = blocks,
                                  .first = true};
        memset(c[i], 0, sizeof c[i]);
        unsigned state = i && row->enter ? row->enter() : 0;
        (i ? row->tile[kind] : fus_bf16_tile_exact)(&t);
        t.b = b + (steps[0].depth + steps[1].depth) * FUS_LANES;
        t.steps = steps + 2, t.n_steps = 1, t.first = false;
        (i ? row->tile[kind] : fus_bf16_tile_exact)(&t);
        if (i && row->leave)
            row->leave(state);
    }
    CHECK_MSG(same(c[0], c[1], sizeof c[0] / sizeof *c[0]), "%s, kind %d, %d x %d, regime %d", row->name, kind, n_rows,
              blocks, (int)regime);
}

static void test_tiles(void)
{
    struct fus_rng r;
    fus_rng_seed(&r, 7);
    for (int i = 0; i < N_ROWS; i++) {
        const struct fus_kernel_bf16 *row = fus_kernels_pick_bf16(rows[i], NULL);
        if (!row) {
            SKIP(rows[i]);
            continue;
        }
        volatile float tiny = FLT_MIN;
        for (int kind = 0; kind < FUS_TILE_KINDS && !row->packed; kind++)
            for (int n = 1; n <= row->rows; n++)
                for (int blocks = 1; blocks <= row->blocks; blocks++)
                    for (int regime = 0; regime < (row->flushes ? REGIMES : LEAST); regime++)
                        check_tile(row, kind, n, blocks, (enum regime)regime, &r);
        CHECK(tiny / 2 > 0); /* the CPU's state is as before */
    }
}

/* ---- layers ---- */

static void test_layers(void)
{
    static const int shapes[][7] = {/* in_channels, channels, in_height, kernel, stride, whole, groups */
                                    {3, 20, 9, 7, 2, 1, 0},   {3, 40, 8, 3, 1, 0, 0},   {3, 16, 5, 5, 1, 0, 0},
                                    {16, 16, 1, 3, 1, 0, 0},  {20, 33, 3, 3, 2, 1, 0},  {16, 40, 7, 3, 1, 1, 0},
                                    {48, 20, 5, 5, 2, 0, 0},  {32, 64, 9, 3, 1, 1, 0},  {17, 48, 10, 3, 2, 0, 0},
                                    {144, 33, 3, 3, 1, 1, 0}, {300, 20, 4, 1, 1, 0, 0}, {64, 200, 1, 1, 1, 1, 0},
                                    {80, 40, 9, 1, 2, 1, 0},  {48, 48, 5, 3, 1, 0, 3},  {32, 32, 5, 3, 2, 1, 32}};
    struct fus_rng r;
    fus_rng_seed(&r, 4);
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (int regime = ORDINARY; regime < REGIMES; regime += BOUNDARY) {
            struct setting s;
            if (regime && i % 5 != 1)
                continue;
            make(&s, shapes[i], (enum regime)regime, &r);
            for (int row = 0; row < N_ROWS; row++)
                for (int threads = 1; threads <= 3 && fus_kernels_pick_bf16(rows[row], NULL); threads += 2)
                    check_layer(&s, fus_kernels_pick(rows[row], NULL), fus_kernels_pick_bf16(rows[row], NULL), threads);
            free_setting(&s);
        }
}

int main(void)
{
    test_rounding();
    test_rule();
    test_tiles();
    test_layers();
    check_networks(rows, N_ROWS);
    return test_end();
}
