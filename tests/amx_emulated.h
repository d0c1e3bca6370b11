/* SPDX-License-Identifier: MIT */
/* nn/kernel/amx_tiles.h in plain C, after the operation of each instruction in Intel's Software
 * Developer's Manual, volume 2. A wrong configuration, an operand that does not fit it (#GP, #UD of
 * the exception classes AMX-E1 to AMX-E6), and a row of a tile outside of the memory that the test
 * allows are counted as faults; a wrong instruction then does nothing. */
#ifndef FUS_AMX_EMULATED_H
#define FUS_AMX_EMULATED_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "nn/base/bits.h"
#include "nn/kernel/bf16.h"
#include "tests/test.h"

#define AMX_HERE 1
#define AMX_TARGET
#define AMX_CONFIGURE(config) amx_configure(config)
#define AMX_RELEASE() amx_release()
#define AMX_ZERO(tile) amx_zero(tile)
#define AMX_LOAD(tile, from, stride) amx_load(tile, from, stride)
#define AMX_STORE(tile, to, stride) amx_store(tile, to, stride)
#define AMX_MULTIPLY(sums, a, b) amx_multiply(sums, a, b)

enum { AMX_TILES_OF_PALETTE = 8, AMX_ROWS = 16, AMX_ROW_BYTES = 64, AMX_MAX_ALLOWED = 8 };

/* Of a thread. */
static _Thread_local struct {
    bool configured;
    int rows[AMX_TILES_OF_PALETTE], row_bytes[AMX_TILES_OF_PALETTE];
    unsigned char data[AMX_TILES_OF_PALETTE][AMX_ROWS][AMX_ROW_BYTES];
} amx;

static struct {
    bool detected;   /* what amx_detect says */
    bool sequential; /* multiplies in another order */
    bool anywhere;   /* all memory is allowed */
    int n_allowed;
    struct {
        const char *from, *end;
    } allowed[AMX_MAX_ALLOWED];
} amx_setting = {.detected = true};

/* Threads may write both at a time: a fault is a fault. */
static volatile int amx_faults;
static const char *volatile amx_fault_text = "";
static _Atomic int amx_configured; /* threads with configured tiles */

static bool amx_detect(void)
{
    return amx_setting.detected;
}

static bool amx_needs(bool ok, const char *text)
{
    if (!ok) {
        amx_faults = amx_faults + 1;
        amx_fault_text = text;
    }
    return ok;
}

/* ---- memory ---- */

static void amx_allow(const void *from, size_t bytes)
{
    if (amx_setting.n_allowed < AMX_MAX_ALLOWED) {
        amx_setting.allowed[amx_setting.n_allowed].from = from;
        amx_setting.allowed[amx_setting.n_allowed++].end = (const char *)from + bytes;
    }
}

/* The stack's last bytes count: the kernel keeps incomplete tiles there. Sanitizers watch all by
 * themselves, and may have a stack of their own. */
static bool amx_may_access(const void *p, size_t bytes)
{
    enum { OF_STACK = 1 << 14 };
    const char *from = p;
#ifdef TEST_SANITIZED
    return from != NULL && bytes > 0;
#else
    for (int i = 0; i < amx_setting.n_allowed && !amx_setting.anywhere; i++)
        if (from >= amx_setting.allowed[i].from && from + bytes <= amx_setting.allowed[i].end)
            return true;
    return amx_setting.anywhere || (uintptr_t)from - (uintptr_t)__builtin_frame_address(0) < OF_STACK;
#endif
}

/* ---- instructions ---- */

static void amx_release(void)
{
    amx_configured -= amx.configured;
    memset(&amx, 0, sizeof amx);
}

static void amx_configure(const void *operand)
{
    unsigned char c[64], reserved = 0;
    memcpy(c, operand, sizeof c);
    for (int i = 2; i < 64; i++)
        reserved |= i < 16 || (i >= 32 && i < 48) || i >= 56 ? c[i] : 0;
    if (c[0] == 0) {
        amx_release();
        return;
    }
    if (!amx_needs(c[0] == 1, "#GP: no such palette") || !amx_needs(!reserved && c[1] == 0, "#GP: a reserved byte"))
        return;
    for (int i = 0; i < AMX_TILES_OF_PALETTE; i++) {
        uint16_t row_bytes;
        memcpy(&row_bytes, c + 16 + 2 * i, sizeof row_bytes);
        if (!amx_needs(row_bytes <= AMX_ROW_BYTES && c[48 + i] <= AMX_ROWS, "#GP: a tile is too large"))
            return;
        amx.row_bytes[i] = row_bytes;
        amx.rows[i] = c[48 + i];
    }
    memset(amx.data, 0, sizeof amx.data);
    amx_configured += !amx.configured;
    amx.configured = true;
}

static bool amx_is_valid(int tile)
{
    return amx_needs(amx.configured, "#UD: tiles are not configured") &&
           amx_needs(amx.rows[tile] > 0 && amx.row_bytes[tile] > 0, "#UD: this tile is not configured");
}

static void amx_zero(int tile)
{
    if (amx_is_valid(tile))
        memset(amx.data[tile], 0, sizeof amx.data[tile]);
}

static void amx_load(int tile, const void *from, size_t stride)
{
    if (!amx_is_valid(tile))
        return;
    memset(amx.data[tile], 0, sizeof amx.data[tile]);
    for (int row = 0; row < amx.rows[tile]; row++) {
        const char *p = (const char *)from + (size_t)row * stride;
        if (!amx_needs(amx_may_access(p, (size_t)amx.row_bytes[tile]), "a row is loaded from elsewhere"))
            return;
        memcpy(amx.data[tile][row], p, (size_t)amx.row_bytes[tile]);
    }
}

static void amx_store(int tile, void *to, size_t stride)
{
    if (!amx_is_valid(tile))
        return;
    for (int row = 0; row < amx.rows[tile]; row++) {
        char *p = (char *)to + (size_t)row * stride;
        if (!amx_needs(amx_may_access(p, (size_t)amx.row_bytes[tile]), "a row is stored elsewhere"))
            return;
        memcpy(p, amx.data[tile][row], (size_t)amx.row_bytes[tile]);
    }
}

/* bits of a float, where a subnormal counts as 0 */
static float amx_operand(uint32_t bits)
{
    return fus_bits_to_float(bits & 0x7f800000 ? bits : bits & 0x80000000);
}

static void amx_widen(float to[AMX_ROWS][AMX_ROW_BYTES / 2], int tile)
{
    uint16_t halves[AMX_ROWS][AMX_ROW_BYTES / 2];
    memcpy(halves, amx.data[tile], sizeof halves);
    for (int row = 0; row < AMX_ROWS; row++)
        for (int i = 0; i < AMX_ROW_BYTES / 2; i++)
            to[row][i] = amx_operand((uint32_t)halves[row][i] << 16);
}

/* fus_bf16_fma, which the CPU takes long for where the result is subnormal: far below 2^-126 the
 * sum's sign is enough, and a double has it. */
static float amx_fma(float a, float b, float c)
{
    double sum = (double)a * b + c;
    return fabs(sum) < 0x1.ffp-127 ? (signbit(sum) ? -0.0f : 0.0f)
           : fabs(sum) > 0x1p-125  ? fmaf(a, b, c)
                                   : fus_bf16_fma(a, b, c);
}

/* TDPBF16PS */
static void amx_multiply(int c, int a, int b)
{
    bool valid = amx_is_valid(c) && amx_is_valid(a) && amx_is_valid(b);
    if (!valid || !amx_needs(c != a && a != b && b != c, "#UD: two operands are one tile") ||
        !amx_needs(amx.row_bytes[c] % 4 == 0 && amx.row_bytes[a] % 4 == 0, "#UD: not whole floats") ||
        !amx_needs(amx.rows[c] == amx.rows[a], "#UD: rows of c and a differ") ||
        !amx_needs(amx.row_bytes[a] / 4 == amx.rows[b], "#UD: columns of a are not rows of b") ||
        !amx_needs(amx.row_bytes[c] == amx.row_bytes[b], "#UD: columns of c and b differ"))
        return;
    static _Thread_local float x[AMX_ROWS][AMX_ROW_BYTES / 2], w[AMX_ROWS][AMX_ROW_BYTES / 2];
    amx_widen(x, a);
    amx_widen(w, b);
    for (int row = 0; row < amx.rows[c]; row++)
        for (int column = 0; column < amx.row_bytes[c] / 4; column++) {
            float sums[2] = {0, 0}, total;
            uint32_t bits;
            for (int k = 0; k < amx.row_bytes[a] / 4; k++)
                for (int i = 0; i < 2; i++) {
                    float *sum = &sums[amx_setting.sequential ? 0 : i];
                    *sum = amx_fma(x[row][2 * k + i], w[k][2 * column + i], *sum);
                }
            memcpy(&bits, amx.data[c][row] + 4 * column, sizeof bits);
            total = fus_bf16_add(amx_operand(bits), fus_bf16_add(sums[0], sums[1]));
            memcpy(amx.data[c][row] + 4 * column, &total, sizeof total);
        }
}

#endif
