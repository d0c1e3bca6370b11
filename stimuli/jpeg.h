/* Private to the JPEG decoder: jpeg.c (markers), jpeg_scan.c (entropy coding), jpeg_idct.c, jpeg_color.c. */
#ifndef FUS_JPEG_H
#define FUS_JPEG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nn/base.h"
#include "stimuli/stimuli.h"

enum {
    FUS_JPEG_LOOK = 10,      /* bits decoded by one look-up */
    FUS_JPEG_LIMIT = 1 << 14 /* values of a sum after its shift by 18 */
};

struct fus_jpeg_code {
    uint16_t look[1 << FUS_JPEG_LOOK]; /* by the next bits: length << 8 | symbol, 0 where the code is longer */
    struct {
        int16_t value;
        uint8_t run, bits; /* bits: of code and value together; 0 where they do not fit into the look-up */
    } whole[1 << FUS_JPEG_LOOK]; /* AC coefficients decoded by one look-up */
    int32_t max_code[17];              /* largest code of each length, -1 for none */
    int32_t offset[17];                /* index in symbols - first code, for each length */
    uint8_t symbols[256];
    bool defined;
};

struct fus_jpeg_component {
    int id, h, v, table;            /* sampling factors, quantisation table */
    int width, height;              /* its samples */
    int blocks_x, blocks_y;         /* blocks that hold samples: what a scan of this component alone codes */
    int padded_x, padded_y;         /* whole MCUs */
    int16_t quant[64];              /* as it stood at the component's first scan; natural order */
    bool seen;                      /* a scan has coded it */
    int8_t precision[64];           /* progressive: bits still missing of each coefficient, -1 = never coded */
    int16_t *coefs;                 /* progressive: [padded_y, padded_x, 64] */
    uint8_t *plane;                 /* [padded_y * 8, padded_x * 8] samples */
};

struct fus_jpeg {
    const uint8_t *bytes;
    size_t n, pos;
    int width, height, n_components, max_h, max_v, mcus_x, mcus_y;
    bool progressive, has_frame, saw_jfif, saw_adobe;
    int adobe_transform, restart_interval;
    uint16_t quant[4][64]; /* zigzag order */
    bool has_quant[4];
    struct fus_jpeg_code dc[4], ac[4];
    struct fus_jpeg_component components[4];
    uint8_t limit[FUS_JPEG_LIMIT];
    struct fus_error *err;
};

extern const uint8_t fus_jpeg_zigzag[64 + 16]; /* natural index of the k-th coefficient; 63 past the end */

/* A Huffman table from counts[1..16] and the symbols; false where they are no prefix code. */
bool fus_jpeg_code_build(struct fus_jpeg_code *c, const uint8_t counts[17], const uint8_t *symbols, bool dc);

/* j->pos at the SOS segment's length -> behind the scan's data. */
int fus_jpeg_scan(struct fus_jpeg *j);

/* Inverse DCT of dequantised coefficients (natural order) to 8x8 samples. last: zigzag index behind which all are zero.
 * limit: the table that fus_jpeg_idct_limit fills, clamping v + 128 to 0..255 for every v that 32-bit sums can give. */
void fus_jpeg_idct_limit(uint8_t limit[FUS_JPEG_LIMIT]);
void fus_jpeg_idct(uint8_t *out, size_t stride, const int16_t block[64], int last, const uint8_t limit[FUS_JPEG_LIMIT]);

/* Coefficients of a progressive picture -> planes. */
int fus_jpeg_render(struct fus_jpeg *j);

/* Planes -> RGB. */
int fus_jpeg_color(struct fus_image *image, const struct fus_jpeg *j);

#endif
