/* SPDX-License-Identifier: MIT */
/* DEFLATE, zlib and checksums: known values, streams of zlib's (in the golden PNGs too), damage. */
#include "nn/base/inflate.h"
#include "tests/images.h"

/* zlib streams of what `text` says, made by Python's zlib.compress(b"...", level). */
static const struct {
    const char *hex;
    size_t n;
    const char *sha256;
} streams[] = {
#include "tests/golden/img_zlib.inc"
};

static size_t from_hex(uint8_t *out, const char *hex)
{
    size_t n = strlen(hex) / 2;
    for (size_t i = 0; i < n; i++) {
        unsigned v = 0;
        sscanf(hex + 2 * i, "%2x", &v);
        out[i] = (uint8_t)v;
    }
    return n;
}

static int inflate_exact(uint8_t *out, size_t out_n, size_t *produced, const uint8_t *in, size_t n, size_t *consumed,
                         struct fus_error *err)
{
    uint8_t *copy = malloc(n ? n : 1), *room = malloc(out_n ? out_n : 1); /* so that a sanitizer sees the ends */
    memcpy(copy, in, n);
    int code = fus_inflate_zlib(room, out_n, produced, copy, n, consumed, err);
    CHECK(*produced <= out_n && *consumed <= n);
    memcpy(out, room, *produced);
    free(copy);
    free(room);
    return code;
}

static void test_streams(void)
{
    static uint8_t in[8192], out[400000];
    for (size_t i = 0; i < sizeof streams / sizeof *streams; i++) {
        size_t n = from_hex(in, streams[i].hex), produced, consumed;
        char hex[FUS_SHA256_HEX];
        struct fus_error err = {0, -1, ""};
        in[n] = 0xff; /* a byte that belongs to whatever follows */
        CHECK_MSG(inflate_exact(out, streams[i].n, &produced, in, n + 1, &consumed, &err) == 0, "stream %zu: %s", i,
                  err.msg);
        test_sha256(hex, out, produced);
        CHECK_MSG(produced == streams[i].n && consumed == n && strcmp(hex, streams[i].sha256) == 0, "stream %zu", i);
        if (streams[i].n)
            CHECK(inflate_exact(out, streams[i].n - 1, &produced, in, n, &consumed, &err) == FUS_EFORMAT &&
                  strstr(err.msg, "more data"));
        CHECK(inflate_exact(out, sizeof out, &produced, in, n, &consumed, &err) == 0 && produced == streams[i].n);
        if (streams[i].n > 70000)
            continue;
        for (size_t k = 0; k < n; k++)
            CHECK(inflate_exact(out, streams[i].n, &produced, in, k, &consumed, &err) == FUS_EFORMAT &&
                  err.offset <= (long long)k);
        uint32_t r = 1;
        for (int k = 0; k < 2000; k++) {
            r = r * 1664525u + 1013904223u;
            size_t at = (size_t)(r >> 8) % n;
            uint8_t old = in[at];
            in[at] ^= (uint8_t)(1 + k % 255);
            inflate_exact(out, streams[i].n, &produced, in, n, &consumed, &err);
            in[at] = old;
        }
    }
}

/* Input that comes in pieces of `piece` bytes. */
struct source {
    const uint8_t *bytes;
    size_t n, at, piece;
};

static int give(void *context, uint8_t *bytes, size_t room, size_t *n, struct fus_error *err)
{
    struct source *s = context;
    size_t part = s->n - s->at < s->piece ? s->n - s->at : s->piece;
    (void)err;
    *n = part < room ? part : room;
    memcpy(bytes, s->bytes + s->at, *n);
    s->at += *n;
    return 0;
}

/* A stream in pieces of input and of output, then one byte that follows it. */
static int stream_all(uint8_t *out, size_t *n, const uint8_t *in, size_t in_n, size_t piece, size_t step, int *after,
                      struct fus_error *err)
{
    struct source s = {in, in_n, 0, piece};
    struct fus_inflate_stream *t;
    size_t got = step;
    uint8_t byte;
    int code = fus_inflate_stream_open(&t, give, &s, err);
    fus_inflate_stream_begin(t);
    for (*n = 0; !code && got == step; *n += got)
        code = fus_inflate_stream_read(t, out + *n, step, &got, err);
    if (!code)
        code = fus_inflate_stream_raw(t, &byte, 1, &got, err);
    *after = got ? byte : -1;
    fus_inflate_stream_close(t);
    return code;
}

static void test_pieces(void)
{
    static uint8_t in[8192], out[500000];
    static const size_t pieces[] = {1, 5, 100000}, steps[] = {1, 1000, 100000};
    for (size_t i = 0; i < sizeof streams / sizeof *streams; i++) {
        size_t n = from_hex(in, streams[i].hex), got;
        int after;
        char hex[FUS_SHA256_HEX];
        struct fus_error err = {0, -1, ""};
        for (int k = 0; k < 9; k++) { /* without the header of zlib's, up to its checksum */
            CHECK_MSG(stream_all(out, &got, in + 2, n - 2, pieces[k % 3], steps[k / 3], &after, &err) == 0, "%s",
                      err.msg);
            test_sha256(hex, out, got);
            CHECK_MSG(got == streams[i].n && strcmp(hex, streams[i].sha256) == 0 && after == in[n - 4], "stream %zu",
                      i);
        }
        for (size_t k = 0; k + 6 < n; k += 1 + n / 500)
            CHECK(stream_all(out, &got, in + 2, k, 7, 4096, &after, &err) == FUS_EFORMAT &&
                  err.offset <= (long long)k && strstr(err.msg, "the end of the compressed data"));
        uint32_t r = 1;
        for (int k = 0; k < 100; k++) { /* damage: the same verdict as of the whole in memory */
            size_t produced, consumed;
            r = r * 1664525u + 1013904223u;
            size_t at = 2 + (size_t)(r >> 8) % (n - 6);
            struct fus_error same = {0, -1, ""};
            in[at] ^= (uint8_t)(1 + k);
            int code = fus_inflate_raw(out, 400000, &produced, in + 2, n - 2, &consumed, &same);
            if (produced + 600 < 400000)
                CHECK(stream_all(out, &got, in + 2, n - 2, 11, 300, &after, &err) == code &&
                      (!code || strcmp(err.msg, same.msg) == 0));
            in[at] ^= (uint8_t)(1 + k);
        }
    }
}

static void check_raw(const char *hex, int want, const char *text)
{
    uint8_t in[256], out[1000];
    size_t produced, consumed, n = from_hex(in, hex);
    struct fus_error err = {0, -1, ""};
    int code = fus_inflate_raw(out, sizeof out, &produced, in, n, &consumed, &err);
    CHECK_MSG(code == want && strstr(err.msg, text), "%s: code %d, `%s`", hex, code, err.msg);
}

static void test_raw(void)
{
    check_raw("0300", 0, "");                            /* an empty block of the fixed code */
    check_raw("010000ffff", 0, "");                      /* an empty stored block */
    check_raw("01000000ff", FUS_EFORMAT, "disagree");    /* whose lengths are wrong */
    check_raw("010500faff0102", FUS_EFORMAT, "the end"); /* that is too short */
    check_raw("07", FUS_EFORMAT, "block type 3");
    check_raw("", FUS_EFORMAT, "the end");
    check_raw("4b04e10f00", FUS_EFORMAT, "");                   /* a distance to before the beginning */
    check_raw("fdff", FUS_EFORMAT, "");                         /* 288 length codes */
    check_raw("05e0810000000000000000000000", FUS_EFORMAT, ""); /* no end code */
}

static void test_checksums(void)
{
    static uint8_t bytes[100000];
    uint32_t crc = 0, adler = 1;
    CHECK(fus_inflate_crc32(0, "123456789", 9) == 0xcbf43926u); /* the check value of CRC-32 */
    CHECK(fus_inflate_adler32(1, "Wikipedia", 9) == 0x11e60398u);
    CHECK(fus_inflate_crc32(0, "", 0) == 0 && fus_inflate_adler32(1, "", 0) == 1);
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * i >> 3);
    /* short and long pieces */
    for (size_t at = 0, step = 1; at < sizeof bytes; at += step, step = step * 2 % 8191 + 1) {
        size_t n = sizeof bytes - at < step ? sizeof bytes - at : step;
        crc = fus_inflate_crc32(crc, bytes + at, n);
        adler = fus_inflate_adler32(adler, bytes + at, n);
    }
    CHECK(crc == fus_inflate_crc32(0, bytes, sizeof bytes) && adler == fus_inflate_adler32(1, bytes, sizeof bytes));
    memset(bytes, 0xff, sizeof bytes);
    CHECK(fus_inflate_adler32(1, bytes, sizeof bytes) == 0x149a302cu &&
          fus_inflate_crc32(0, bytes, sizeof bytes) == 0x68c6cec4u);
}

int main(void)
{
    test_streams();
    test_pieces();
    test_raw();
    test_checksums();
    return test_end();
}
