/* SPDX-License-Identifier: MIT */
/* SHA-256 (FIPS 180-4): see sha256.h. In plain C, and with x86's SHA instructions where the CPU
 * has them: weight files are hundreds of megabytes. */
#define _POSIX_C_SOURCE 200809L
#include "nn/base/sha256.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "nn/base/bits.h"
#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#include <stdatomic.h>
#endif

/* First 32 bits of the fractional parts of the cube roots of the first 64 primes (FIPS 180-4,
 * 4.2.2). */
static const uint32_t K[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t rotr(uint32_t x, int k)
{
    return x >> k | x << (32 - k);
}

/* One round (6.2.2, step 3); instead of all eight words only d and h are written, and the next
 * call names them in turn. */
static inline void step(uint32_t a, uint32_t b, uint32_t c, uint32_t *d, uint32_t e, uint32_t f, uint32_t g,
                        uint32_t *h, uint32_t kw)
{
    uint32_t t1 = *h + (rotr(e, 6) ^ rotr(e, 11) ^ rotr(e, 25)) + ((e & f) ^ (~e & g)) + kw;
    *d += t1;
    *h = t1 + (rotr(a, 2) ^ rotr(a, 13) ^ rotr(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
}

static void compress_plain(uint32_t state[8], const uint8_t *p)
{
    uint32_t w[64];
    for (int t = 0; t < 16; t++)
        w[t] = (uint32_t)p[4 * t] << 24 | (uint32_t)p[4 * t + 1] << 16 | (uint32_t)p[4 * t + 2] << 8 | p[4 * t + 3];
    for (int t = 16; t < 64; t++) {
        uint32_t x = w[t - 15], y = w[t - 2];
        w[t] = w[t - 16] + (rotr(x, 7) ^ rotr(x, 18) ^ x >> 3) + w[t - 7] + (rotr(y, 17) ^ rotr(y, 19) ^ y >> 10);
    }
    for (int t = 0; t < 64; t++)
        w[t] += K[t];
    uint32_t a = state[0], b = state[1], c = state[2], d = state[3], e = state[4], f = state[5], g = state[6],
             h = state[7];
    for (int t = 0; t < 64; t += 8) {
        step(a, b, c, &d, e, f, g, &h, w[t]);
        step(h, a, b, &c, d, e, f, &g, w[t + 1]);
        step(g, h, a, &b, c, d, e, &f, w[t + 2]);
        step(f, g, h, &a, b, c, d, &e, w[t + 3]);
        step(e, f, g, &h, a, b, c, &d, w[t + 4]);
        step(d, e, f, &g, h, a, b, &c, w[t + 5]);
        step(c, d, e, &f, g, h, a, &b, w[t + 6]);
        step(b, c, d, &e, f, g, h, &a, w[t + 7]);
    }
    const uint32_t end[8] = {a, b, c, d, e, f, g, h};
    for (int i = 0; i < 8; i++)
        state[i] += end[i];
}

#if defined(__x86_64__)
/* The same rounds four at a time. The instructions want the state as the words ABEF and CDGH,
 * highest first. */
__attribute__((target("sha,sse4.1"))) static void compress_sha(uint32_t state[8], const uint8_t *p)
{
    const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
    __m128i w[16];
    __m128i badc = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)state), 0xb1);
    __m128i hgfe = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)(state + 4)), 0x1b);
    __m128i abef = _mm_alignr_epi8(badc, hgfe, 8), cdgh = _mm_blend_epi16(hgfe, badc, 0xf0);
    const __m128i abef0 = abef, cdgh0 = cdgh;
    for (int t = 0; t < 16; t++) {
        if (t < 4)
            w[t] = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(p + 16 * t)), big_endian);
        else
            w[t] = _mm_sha256msg2_epu32(
                _mm_add_epi32(_mm_sha256msg1_epu32(w[t - 4], w[t - 3]), _mm_alignr_epi8(w[t - 1], w[t - 2], 4)),
                w[t - 1]);
        __m128i kw = _mm_add_epi32(w[t], _mm_loadu_si128((const __m128i *)(K + 4 * t)));
        cdgh = _mm_sha256rnds2_epu32(cdgh, abef, kw);
        abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(kw, 0x0e));
    }
    abef = _mm_shuffle_epi32(_mm_add_epi32(abef, abef0), 0x1b);
    cdgh = _mm_shuffle_epi32(_mm_add_epi32(cdgh, cdgh0), 0xb1);
    _mm_storeu_si128((__m128i *)state, _mm_blend_epi16(abef, cdgh, 0xf0));
    _mm_storeu_si128((__m128i *)(state + 4), _mm_alignr_epi8(cdgh, abef, 8));
}

/* Asked once: cpuid takes long in a virtual machine. */
static bool has_sha(void)
{
    static atomic_int answer; /* 0: not asked yet, 1: no, 2: yes */
    unsigned a, b, c, d;
    if (!atomic_load(&answer))
        atomic_store(&answer,
                     __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b >> 29 & 1) && __builtin_cpu_supports("sse4.1") ? 2
                                                                                                                  : 1);
    return atomic_load(&answer) == 2;
}
#endif

static void compress(uint32_t state[8], const uint8_t *p, size_t n_blocks)
{
#if defined(__x86_64__)
    if (has_sha()) {
        for (; n_blocks; n_blocks--, p += 64)
            compress_sha(state, p);
        return;
    }
#endif
    for (; n_blocks; n_blocks--, p += 64)
        compress_plain(state, p);
}

void fus_sha256_start(struct fus_sha256 *s)
{
    static const uint32_t h0[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                   0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    memcpy(s->h, h0, sizeof h0);
    s->n_bytes = 0;
}

void fus_sha256_add(struct fus_sha256 *s, const void *bytes, size_t n)
{
    const uint8_t *p = bytes;
    size_t held = s->n_bytes % 64;
    s->n_bytes += n;
    if (held) {
        size_t take = n < 64 - held ? n : 64 - held;
        memcpy(s->block + held, p, take);
        p += take;
        n -= take;
        if (held + take < 64)
            return;
        compress(s->h, s->block, 1);
    }
    compress(s->h, p, n / 64);
    p += n / 64 * 64;
    n %= 64;
    if (n)
        memcpy(s->block, p, n);
}

void fus_sha256_add_floats(struct fus_sha256 *s, const float *x, size_t n)
{
    if (fus_bits_little_endian()) {
        fus_sha256_add(s, x, n * sizeof *x);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        uint32_t u = fus_bits_of_float(x[i]);
        const uint8_t bytes[] = {(uint8_t)u, (uint8_t)(u >> 8), (uint8_t)(u >> 16), (uint8_t)(u >> 24)};
        fus_sha256_add(s, bytes, sizeof bytes);
    }
}

void fus_sha256_hex(struct fus_sha256 *s, char hex[FUS_SHA256_HEX])
{
    static const uint8_t pad[64] = {0x80};
    uint8_t length[8];
    uint64_t bits = s->n_bytes * 8;
    for (int i = 0; i < 8; i++)
        length[i] = (uint8_t)(bits >> (56 - 8 * i));
    size_t held = s->n_bytes % 64;
    fus_sha256_add(s, pad, held < 56 ? 56 - held : 120 - held);
    fus_sha256_add(s, length, 8);
    for (int i = 0; i < 8; i++)
        snprintf(hex + 8 * i, 9, "%08x", s->h[i]);
}

int fus_sha256_file(char hex[FUS_SHA256_HEX], const char *path, struct fus_error *err)
{
    static const size_t part = 1 << 16, slow = (size_t)64 << 20; /* bytes between two words about the progress */
    struct stat st;
    FILE *f = fus_base_open(path, err);
    if (!f) {
        fus_base_blame(err, "%s: ", path);
        return FUS_EIO;
    }
    uint64_t size = fstat(fileno(f), &st) == 0 ? (uint64_t)st.st_size : 0, done = 0;
    uint8_t *buf = fus_base_alloc(part, 1);
    struct fus_sha256 s;
    fus_sha256_start(&s);
    for (size_t n; buf && !fus_base_stopping() && (n = fread(buf, 1, part, f)) > 0; done += n) {
        fus_sha256_add(&s, buf, n);
        if (size > slow && done % slow == 0)
            fus_base_progress("hashing", path, done, size);
    }
    int code = fus_base_stopping() ? fus_base_fail(err, FUS_ESTOPPED, "%s: stopped", path)
               : !buf              ? fus_base_fail(err, FUS_ENOMEM, "%s: no memory to read it", path)
               : ferror(f)         ? fus_base_fail(err, FUS_EIO, "%s: cannot be read: %s", path, strerror(errno))
                                   : FUS_OK;
    fclose(f);
    fus_base_free(buf);
    if (code == FUS_OK)
        fus_sha256_hex(&s, hex);
    return code;
}
