/* SPDX-License-Identifier: MIT */
/* Products of bf16 numbers by Intel's AMX: TDPBF16PS of the Software Developer's Manual, volume 2.
 * Two tiles of 16 pixels times two of 16 channels; the sums stay in tile registers over all k. All
 * else is the avx512 row's.
 *
 * Linux gives a process the registers' memory on demand (arch_prctl, ARCH_REQ_XCOMP_PERM). The
 * row is used only if its results equal those of fus_bf16_tile_exact in a test at first use. */
#if defined(__linux__)
#define _GNU_SOURCE /* syscall */
#endif
#include "nn/kernel/kernel_amx.h"

#if defined(__x86_64__) && defined(__linux__) && \
    ((defined(__clang__) && __clang_major__ >= 12) || (!defined(__clang__) && __GNUC__ >= 11))
#include <cpuid.h>
#include <immintrin.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "nn/base/rng.h"

#define TARGET __attribute__((target("amx-tile,amx-bf16,avx512f")))
#define INLINE static inline __attribute__((always_inline)) TARGET
#define BF16_LANES FUS_LANES
#include "nn/kernel/bf16_lanes.h"

enum { ROWS = 16, TILES = 8, REQUEST_PERMISSION = 0x1023, TILE_DATA = 18 };

/* The operand of LDTILECFG. */
struct config {
    uint8_t palette, start_row, reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
};
_Static_assert(sizeof(struct config) == 64, "the operand of LDTILECFG has 64 bytes");

/* The compiler does not know which memory the instructions read and write. */
#define FENCE() __asm__ volatile("" ::: "memory")

TARGET static unsigned enter(void)
{
    struct config c = {.palette = 1};
    for (int i = 0; i < TILES; i++) {
        c.row_bytes[i] = 64;
        c.rows[i] = ROWS;
    }
    FENCE();
    _tile_loadconfig(&c);
    return 0;
}

TARGET static void leave(unsigned state)
{
    (void)state;
    _tile_release();
}

static int part_rows(const struct fus_bf16_tile *t, int part)
{
    int rest = t->rows - part * ROWS;
    return rest < ROWS ? rest : ROWS;
}

/* Tile registers: 0 .. 3 the sums of pixels x channels, 4 and 5 pixels, 6 and 7 channels. Rows that
 * are not there hold other pixels, whose sums are not kept. */
#define START(tmm, part, block)                                                           \
    do {                                                                                  \
        const float *from = t->c + (size_t)(block)*t->c_step + (part)*ROWS * FUS_LANES;   \
        if (t->first) {                                                                   \
            _tile_zero(tmm);                                                              \
        } else {                                                                          \
            memcpy(sums, from, (size_t)(part_rows(t, part) * FUS_LANES) * sizeof(float)); \
            FENCE();                                                                      \
            _tile_loadd(tmm, sums, 64);                                                   \
            FENCE();                                                                      \
        }                                                                                 \
    } while (0)
#define END(tmm, part, block)                                                       \
    do {                                                                            \
        float *to = t->c + (size_t)(block)*t->c_step + (part)*ROWS * FUS_LANES;     \
        _tile_stored(tmm, sums, 64);                                                \
        FENCE();                                                                    \
        memcpy(to, sums, (size_t)(part_rows(t, part) * FUS_LANES) * sizeof(float)); \
        FENCE();                                                                    \
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
    FENCE();
    for (int i = 0; i < t->n_steps; i++, b += FUS_BF16_DEPTH * FUS_LANES) {
        const uint16_t *a = (const uint16_t *)t->a + t->steps[i].in;
        _tile_loadd(4, a, row_bytes);
        _tile_loadd(6, b, 64);
        _tile_dpbf16ps(0, 4, 6);
        if (blocks) {
            _tile_loadd(7, b + t->b_step, 64);
            _tile_dpbf16ps(1, 4, 7);
        }
        if (parts) {
            _tile_loadd(5, a + ROWS * t->a_pixel, row_bytes);
            _tile_dpbf16ps(2, 5, 6);
        }
        if (parts && blocks)
            _tile_dpbf16ps(3, 5, 7);
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

/* CPUID.7.0:EDX, XCR0: that the CPU has the instructions, and that the system saves the
 * registers. */
static bool detect(void)
{
    unsigned a, b, c, d, low, high;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_OSXSAVE) || !__get_cpuid_count(7, 0, &a, &b, &c, &d))
        return false;
    if ((d >> 22 & 1) == 0 || (d >> 24 & 1) == 0 || !__builtin_cpu_supports("avx512f"))
        return false;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (low >> 17 & 3) == 3 && syscall(SYS_arch_prctl, REQUEST_PERMISSION, TILE_DATA) == 0;
}

/* 0: not known yet. If several threads find it out at a time, all write the same. */
static volatile int known;

bool fus_kernel_amx_available(void)
{
    if (!known)
        known = detect() ? 1 : -1;
    return known > 0;
}

/* ---- the self-test ---- */

enum { TESTS = 10000, REGIMES = 5 };

/* A bf16 number: ordinary, cancelling, around 2^-63, of the whole range, and at the limit of what
 * is flushed. */
static float number(struct fus_rng *r, int regime)
{
    static const uint32_t first[] = {118, 127, 50, 1, 50}, n[] = {12, 1, 17, 254, 15};
    uint64_t u = fus_rng_u64(r);
    uint32_t sign = (uint32_t)(u & 1) << 31, exponent = first[regime] + (uint32_t)(u >> 32) % n[regime],
             digits = (uint32_t)(u >> 8) & (regime == 1   ? 3
                                            : regime == 4 ? 0
                                                          : 127),
             bits;
    bits = regime == 4 && (u >> 20 & 1) ? sign : sign | exponent << 23 | digits << 16;
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

static void draw(struct test *t, struct fus_rng *r, int regime)
{
    for (int i = 0; i < ROWS * FUS_BF16_DEPTH; i++) {
        t->a[i] = number(r, regime);
        t->a16[i] = half_of(t->a[i]);
    }
    for (int i = 0; i < FUS_BF16_DEPTH * FUS_LANES; i++) {
        int k = i / FUS_LANES, lane = i % FUS_LANES;
        t->b[i] = number(r, regime);
        t->b16[(k / 2 * FUS_LANES + lane) * 2 + k % 2] = half_of(t->b[i]);
    }
    for (int i = 0; i < ROWS * FUS_LANES; i++)
        t->c[i] = number(r, regime);
}

/* One tile, of which one row is compared. */
static bool passes(struct test *t, struct fus_rng *r, int number_of)
{
    static const struct fus_bf16_step step = {0, FUS_BF16_DEPTH};
    struct fus_bf16_tile x = {.b = t->b, .c = t->want, .steps = &step, .a_half = FUS_LANES, .n_steps = 1};
    draw(t, r, number_of % REGIMES);
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
