/* SPDX-License-Identifier: MIT */
/* CRC-32 (ISO 3309, polynomial 0xEDB88320) and Adler-32 (RFC 1950): see inflate.h. */
#include "nn/base/inflate.h"

/* Eight table look-ups for eight bytes; table[k][b] is the effect of byte b followed by k zero
 * bytes. */
static uint32_t crc_long(uint32_t crc, const uint8_t *p, size_t n)
{
    uint32_t table[8][256];
    for (uint32_t b = 0; b < 256; b++) {
        uint32_t c = b;
        for (int i = 0; i < 8; i++)
            c = c >> 1 ^ (c & 1 ? 0xedb88320u : 0);
        table[0][b] = c;
    }
    for (int k = 1; k < 8; k++)
        for (int b = 0; b < 256; b++)
            table[k][b] = table[k - 1][b] >> 8 ^ table[0][table[k - 1][b] & 255];
    for (; n >= 8; n -= 8, p += 8) {
        crc ^= (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
        crc = table[7][crc & 255] ^ table[6][crc >> 8 & 255] ^ table[5][crc >> 16 & 255] ^ table[4][crc >> 24] ^
              table[3][p[4]] ^ table[2][p[5]] ^ table[1][p[6]] ^ table[0][p[7]];
    }
    for (; n; n--)
        crc = crc >> 8 ^ table[0][(crc ^ *p++) & 255];
    return crc;
}

uint32_t fus_inflate_crc32(uint32_t crc, const void *bytes, size_t n)
{
    static const uint32_t nibble[16] = {0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
                                        0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
                                        0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c}; /* polynomial after 4 steps */
    const uint8_t *p = bytes;
    crc = ~crc;
    if (n >= 4096)
        return ~crc_long(crc, p, n);
    for (; n; n--) {
        crc ^= *p++;
        crc = crc >> 4 ^ nibble[crc & 15];
        crc = crc >> 4 ^ nibble[crc & 15];
    }
    return ~crc;
}

uint32_t fus_inflate_adler32(uint32_t adler, const void *bytes, size_t n)
{
    const uint8_t *p = bytes;
    uint32_t a = adler & 0xffff, b = adler >> 16;
    while (n) {
        size_t block = n < 5552 ? n : 5552; /* the most bytes before b can pass 32 bits */
        n -= block;
        for (; block; block--) {
            a += *p++;
            b += a;
        }
        a %= 65521;
        b %= 65521;
    }
    return b << 16 | a;
}
