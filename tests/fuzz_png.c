/* SPDX-License-Identifier: MIT */
/* Fuzz target: any bytes as a PNG file end in a picture or in a message; as they are, with every
 * CRC corrected, and as the unfiltered rows of a well-formed file. */
#include <stdlib.h>
#include <string.h>

#include "nn/base/inflate.h"
#include "stimuli/stimuli.h"

enum { MAX_PIXELS = 1 << 20 }; /* larger pictures take seconds under a sanitizer and find nothing else */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void decode(const uint8_t *data, size_t n)
{
    struct fus_image image = {0};
    struct fus_error err = {0, -1, ""};
    int code = fus_png_decode(&image, data, n, &err);
    if ((code == 0) != (image.pixels != NULL) || (code != 0) != (err.msg[0] != 0))
        abort();
    fus_image_free(&image);
}

static void put32(uint8_t *p, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(v >> (24 - 8 * i));
}

static size_t put_chunk(uint8_t *out, const char *type, const uint8_t *body, size_t n)
{
    put32(out, (uint32_t)n);
    memcpy(out + 4, type, 4);
    memcpy(out + 8, body, n);
    put32(out + 8 + n, fus_inflate_crc32(0, out + 4, n + 4));
    return n + 12;
}

static void correct_crcs(uint8_t *data, size_t n)
{
    for (size_t at = 8; n >= 12 && at <= n - 12;) {
        size_t length = (size_t)data[at] << 24 | (size_t)data[at + 1] << 16 | (size_t)data[at + 2] << 8 | data[at + 3];
        if (length > n - 12 - at)
            break;
        put32(data + at + 8 + length, fus_inflate_crc32(0, data + at + 4, length + 4));
        at += length + 12;
    }
}

/* The first four bytes choose size, type and interlacing; the others are rows in
 * one stored block. */
static size_t wrap(uint8_t *out, const uint8_t *data, size_t n)
{
    static const uint8_t kinds[15][2] = {{1, 0}, {2, 0}, {4, 0}, {8, 0}, {16, 0}, {8, 2}, {16, 2}, {1, 3},
                                         {2, 3}, {4, 3}, {8, 3}, {8, 4}, {16, 4}, {8, 6}, {16, 6}};
    const uint8_t *kind = kinds[data[2] % 15];
    uint8_t header[13] = {
        0, 0, 0,          (uint8_t)(1 + data[0] % 40), 0, 0, 0, (uint8_t)(1 + data[1] % 40), kind[0], kind[1],
        0, 0, data[3] & 1};
    size_t rows = n - 4, at = 8;
    uint8_t *z = malloc(rows + 11);
    memcpy(z, "\x78\x01\x01", 3);
    z[3] = (uint8_t)rows, z[4] = (uint8_t)(rows >> 8);
    z[5] = (uint8_t)~z[3], z[6] = (uint8_t)~z[4];
    memcpy(z + 7, data + 4, rows);
    put32(z + 7 + rows, fus_inflate_adler32(1, data + 4, rows));
    memcpy(out, "\x89PNG\r\n\x1a\n", 8);
    at += put_chunk(out + at, "IHDR", header, 13);
    at += put_chunk(out + at, "PLTE", data, n / 3 * 3 < 768 ? n / 3 * 3 : 768);
    at += put_chunk(out + at, "IDAT", z, rows + 11);
    at += put_chunk(out + at, "IEND", data, 0);
    free(z);
    return at;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    fus_image_set_max_pixels(MAX_PIXELS);
    decode(data, n);
    if (n < 5 || n > 60000)
        return 0;
    uint8_t *copy = malloc(n + 1000);
    memcpy(copy, data, n);
    correct_crcs(copy, n);
    decode(copy, n);
    decode(copy, wrap(copy, data, n));
    free(copy);
    return 0;
}
