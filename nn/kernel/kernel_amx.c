/* SPDX-License-Identifier: MIT */
/* Products of bf16 numbers by Intel's AMX: TDPBF16PS of the Software Developer's Manual, volume 2.
 * Two tiles of 16 pixels times two of 16 channels; the sums stay in tile registers over all k. All
 * else is the avx512 row's.
 *
 * The row is used only if its results equal those of fus_bf16_tile_exact in a test at first use. */
#if defined(__linux__)
#define _GNU_SOURCE /* syscall */
#endif
#include "nn/kernel/kernel_amx.h"

/* clang-format off */
#ifndef AMX_TILES
#define AMX_TILES "nn/kernel/amx_tiles.h" /* tests/test_amx.c has its own, and fewer AMX_TESTS */
#endif
#include AMX_TILES
/* clang-format on */

#if AMX_HERE
#include <limits.h>
#include <math.h>
#include <stdio.h>

#include "nn/base/rng.h"

#define TARGET AMX_TARGET
#define INLINE static inline __attribute__((always_inline)) TARGET
#define BF16_LANES FUS_LANES
#include "nn/kernel/bf16_lanes.h"

enum { ROWS = 16, TILES = 8, ROW_BYTES = 64 };

/* The operand of LDTILECFG. */
struct config {
    uint8_t palette, start_row, reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
};
_Static_assert(sizeof(struct config) == 64, "the operand of LDTILECFG has 64 bytes");

TARGET static unsigned enter(void)
{
    struct config c = {.palette = 1};
    for (int i = 0; i < TILES; i++) {
        c.row_bytes[i] = ROW_BYTES;
        c.rows[i] = ROWS;
    }
    AMX_CONFIGURE(&c);
    return 0;
}

TARGET static void leave(unsigned state)
{
    (void)state;
    AMX_RELEASE();
}

static int part_rows(const struct fus_bf16_tile *t, int part)
{
    int rest = t->rows - part * ROWS;
    return rest < ROWS ? rest : ROWS;
}

/* Tile registers: 0 .. 3 the sums of pixels x channels, 4 and 5 pixels, 6 and 7 channels. Rows that
 * are not there hold other pixels, whose sums are not kept. */
#define START(tmm, part, block)                                                          \
    do {                                                                                 \
        const float *from = t->c + (size_t)(block)*t->c_step + (part)*ROWS * FUS_LANES;  \
        if (t->first) {                                                                  \
            AMX_ZERO(tmm);                                                               \
        } else if (part_rows(t, part) == ROWS) {                                         \
            AMX_LOAD(tmm, from, ROW_BYTES);                                              \
        } else {                                                                         \
            memcpy(sums, from, (size_t)(part_rows(t, part) * FUS_LANES) * sizeof *sums); \
            AMX_LOAD(tmm, sums, ROW_BYTES);                                              \
        }                                                                                \
    } while (0)
#define END(tmm, part, block)                                                          \
    do {                                                                               \
        float *to = t->c + (size_t)(block)*t->c_step + (part)*ROWS * FUS_LANES;        \
        if (part_rows(t, part) == ROWS) {                                              \
            AMX_STORE(tmm, to, ROW_BYTES);                                             \
        } else {                                                                       \
            AMX_STORE(tmm, sums, ROW_BYTES);                                           \
            memcpy(to, sums, (size_t)(part_rows(t, part) * FUS_LANES) * sizeof *sums); \
        }                                                                              \
    } while (0)

TARGET static void tile(const struct fus_bf16_tile *t)
{
    float sums[ROWS * FUS_LANES] = {0};
    const bool parts = t->rows > ROWS, blocks = t->blocks > 1;
    const size_t row_bytes = t->a_pixel * sizeof(uint16_t);
    const uint16_t *b = t->b;
    START(0, 0, 0);
    if (blocks)
        START(1, 0, 1);
    if (parts)
        START(2, 1, 0);
    if (parts && blocks)
        START(3, 1, 1);
    for (int i = 0; i < t->n_steps; i++, b += FUS_BF16_DEPTH * FUS_LANES) {
        const uint16_t *a = (const uint16_t *)t->a + t->steps[i].in;
        AMX_LOAD(4, a, row_bytes);
        AMX_LOAD(6, b, ROW_BYTES);
        AMX_MULTIPLY(0, 4, 6);
        if (blocks) {
            AMX_LOAD(7, b + t->b_step, ROW_BYTES);
            AMX_MULTIPLY(1, 4, 7);
        }
        if (parts) {
            AMX_LOAD(5, a + ROWS * t->a_pixel, row_bytes);
            AMX_MULTIPLY(2, 5, 6);
        }
        if (parts && blocks)
            AMX_MULTIPLY(3, 5, 7);
    }
    END(0, 0, 0);
    if (blocks)
        END(1, 0, 1);
    if (parts)
        END(2, 1, 0);
    if (parts && blocks)
        END(3, 1, 1);
}

TARGET static void round_pixels(void *to, const float *from, size_t n)
{
    typedef uint16_t halves __attribute__((vector_size(2 * FUS_LANES)));
    uint16_t *out = to;
    for (size_t i = 0; i < n; i++) {
        bf16_lanes y;
        bf16_round_lanes(&y, from + i * FUS_LANES);
        halves h = __builtin_convertvector(y >> 16, halves);
        memcpy(out + i * FUS_BF16_DEPTH, &h, sizeof h);
    }
}

const struct fus_kernel_bf16 fus_kernel_amx = {
    .name = "amx",
    .rows = 2 * ROWS,
    .blocks = 2,
    .slice = INT_MAX,
    .packed = true,
    .flushes = true,
    .tile = {tile, tile, tile, tile},
    .round = round_pixels,
    .enter = enter,
    .leave = leave,
};

/* ---- may it be used? ---- */

/* 0: not known yet. If several threads find it out at a time, all write the same. */
static volatile int known;

bool fus_kernel_amx_available(void)
{
    if (!known)
        known = amx_detect() ? 1 : -1;
    return known > 0;
}

/* ---- the self-test ---- */

#ifndef AMX_TESTS
#define AMX_TESTS 10000
#endif
enum { TESTS = AMX_TESTS, KINDS = 5 };

/* A bf16 number: ordinary, cancelling, around 2^-63, of the whole range, and at the limit of what
 * is flushed. */
static float draw_number(struct fus_rng *r, int kind)
{
    static const uint32_t first[] = {118, 127, 50, 1, 50}, n[] = {12, 1, 17, 254, 15};
    uint64_t u = fus_rng_u64(r);
    uint32_t sign = (uint32_t)(u & 1) << 31, exponent = first[kind] + (uint32_t)(u >> 32) % n[kind],
             digits = (uint32_t)(u >> 8) & (kind == 1   ? 3
                                            : kind == 4 ? 0
                                                        : 127),
             bits;
    bits = kind == 4 && (u >> 20 & 1) ? sign : sign | exponent << 23 | digits << 16;
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static uint16_t half_of(float x)
{
    uint32_t u;
    memcpy(&u, &x, sizeof u);
    return (uint16_t)(u >> 16);
}

struct test {
    float a[ROWS * FUS_BF16_DEPTH], b[FUS_BF16_DEPTH * FUS_LANES], c[ROWS * FUS_LANES], want[FUS_LANES];
    uint16_t a16[ROWS * FUS_BF16_DEPTH], b16[FUS_BF16_DEPTH * FUS_LANES];
};

static void draw(struct test *t, struct fus_rng *r, int kind)
{
    for (int i = 0; i < ROWS * FUS_BF16_DEPTH; i++) {
        t->a[i] = draw_number(r, kind);
        t->a16[i] = half_of(t->a[i]);
    }
    for (int i = 0; i < FUS_BF16_DEPTH * FUS_LANES; i++) {
        int k = i / FUS_LANES, lane = i % FUS_LANES;
        t->b[i] = draw_number(r, kind);
        t->b16[(k / 2 * FUS_LANES + lane) * 2 + k % 2] = half_of(t->b[i]);
    }
    for (int i = 0; i < ROWS * FUS_LANES; i++)
        t->c[i] = draw_number(r, kind);
}

/* One tile, of which one row is compared. */
static bool passes(struct test *t, struct fus_rng *r, int index)
{
    static const struct fus_bf16_step step = {0, FUS_BF16_DEPTH};
    struct fus_bf16_tile x = {.b = t->b, .c = t->want, .steps = &step, .a_half = FUS_LANES, .n_steps = 1};
    draw(t, r, index % KINDS);
    int row = (int)fus_rng_below(r, ROWS);
    memcpy(t->want, t->c + row * FUS_LANES, sizeof t->want);
    x.a = t->a + row * FUS_BF16_DEPTH;
    x.rows = x.blocks = 1;
    fus_bf16_tile_exact(&x);
    x.a = t->a16, x.b = t->b16, x.c = t->c;
    x.a_pixel = FUS_BF16_DEPTH;
    x.rows = ROWS;
    tile(&x);
    for (int i = 0; i < FUS_LANES; i++) {
        const float *got = t->c + row * FUS_LANES + i, *want = t->want + i;
        if (memcmp(got, want, sizeof *got) != 0 && !(isnan(*got) && isnan(*want)))
            return false;
    }
    return true;
}

/* 0: not tested; the first tile that fails counted from 1, negative: none does. */
static volatile int tested;

bool fus_kernel_amx_test(struct fus_error *err)
{
    struct fus_rng r;
    int result = tested;
    fus_rng_seed(&r, 19);
    if (!result) {
        struct test t;
        unsigned state = enter();
        for (int i = 0; i < TESTS && !result; i++)
            result = passes(&t, &r, i) ? 0 : i + 1;
        leave(state);
        tested = result = result ? result : -1;
    }
    if (result > 0)
        fus_base_fail(err, FUS_EUNSUPPORTED,
                      "FUS_ISA: 'amx' is refused: in its self-test tile %d of %d differs from the scalar row", result,
                      TESTS);
    return result < 0;
}

#else

const struct fus_kernel_bf16 fus_kernel_amx = {.name = "amx"};

bool fus_kernel_amx_available(void)
{
    return false;
}

bool fus_kernel_amx_test(struct fus_error *err)
{
    fus_base_fail(err, FUS_EUNSUPPORTED, "FUS_ISA: 'amx' is not in this build");
    return false;
}
#endif
