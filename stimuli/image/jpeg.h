/* SPDX-License-Identifier: MIT */
/* Private to the JPEG decoder: jpeg.c (markers), jpeg_code.c, jpeg_scan.c and jpeg_arith.c (entropy
 * coding), jpeg_smooth.c, jpeg_idct.c, jpeg_color.c. */
#ifndef FUS_JPEG_H
#define FUS_JPEG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nn/base/base.h"
#include "stimuli/image/raster.h"

enum {
    FUS_JPEG_LOOK = 10, /* bits of a symbol found by one look-up */
    FUS_JPEG_PAIR = 11, /* and of two AC coefficients, with their values */
    FUS_JPEG_PAIRS = 1 << FUS_JPEG_PAIR
};

struct fus_jpeg_code {
    /* by the next bits: length << 8 | symbol, 0 if the code is longer */
    uint16_t look[1 << FUS_JPEG_LOOK];
    int32_t max_code[17]; /* largest code of each length, -1 for none */
    int32_t offset[17];   /* index in symbols - first code, for each length */
    uint8_t symbols[256];
    bool defined;
};

/* The meaning of the next FUS_JPEG_PAIR bits of a sequential block: two AC coefficients, or the
 * same one twice, and perhaps the end of the block. */
struct fus_jpeg_pair {
    int16_t value[2];
    /* from the previous coefficient to each of the two, in zigzag order; 64: none fits */
    uint8_t step[2];
    uint8_t bits; /* of all together */
    uint8_t end;  /* 1: the block ends after them */
};

/* The inverse DCT of one block: see fus_jpeg_idct_pick. */
typedef void fus_jpeg_idct(uint8_t *out, size_t stride, const int16_t block[64], int last);

struct fus_jpeg_component {
    int id, h, v, table; /* sampling factors, quantisation table */
    int width, height;   /* its samples */
    /* blocks that contain samples: those in a scan of this component alone */
    int blocks_x, blocks_y;
    int padded_x, padded_y; /* whole MCUs */
    int16_t quant[64];      /* as defined at the component's first scan; zigzag order */
    bool seen;              /* a scan has coded it */
    /* progressive: bits still missing of each coefficient, -1 = never coded */
    int8_t precision[64];
    int16_t *coefs; /* progressive: [padded_y, padded_x, 64] */
    uint8_t *plane; /* [padded_y * 8, padded_x * 8] samples */
};

/* Arithmetic coding: which differences of DC values count as small (low) and large (high), log2,
 * and the last AC coefficient of the low part (annex F.1.4.4). One each for DC and AC tables of
 * one number. */
struct fus_jpeg_conditioning {
    uint8_t low, high, split;
};

struct fus_jpeg {
    const uint8_t *bytes;
    size_t n, pos;
    int width, height, n_components, max_h, max_v, mcus_x, mcus_y;
    bool progressive, arithmetic, has_frame, saw_jfif, saw_adobe;
    bool whole, ended;     /* one sequential scan has coded all; the file's end was met */
    int n_scans, n_behind; /* n_behind: bytes that were read beyond the last scan */
    int adobe_transform, restart_interval;
    uint16_t quant[4][64]; /* zigzag order */
    bool has_quant[4];
    struct fus_jpeg_code dc[4], ac[4];
    struct fus_jpeg_conditioning conditioning[16];
    struct fus_jpeg_component components[4];
    struct fus_jpeg_pair pairs[4][FUS_JPEG_PAIRS]; /* of ac, for the sequential scan at hand */
    fus_jpeg_idct *idct;
    struct fus_error *err;
};

/* natural index of the k-th coefficient; 63 past the end */
extern const uint8_t fus_jpeg_zigzag[64 + 16];

/* A Huffman table from counts[1..16] and the symbols; false if they are not a prefix code. */
bool fus_jpeg_code_build(struct fus_jpeg_code *c, const uint8_t counts[17], const uint8_t *symbols, bool dc);
/* Fills the table of all values of FUS_JPEG_PAIR bits from an AC code. */
void fus_jpeg_code_pair(struct fus_jpeg_pair pairs[FUS_JPEG_PAIRS], const struct fus_jpeg_code *c);

/* Moves j->pos from the SOS segment's length to the end of the scan's data. */
int fus_jpeg_scan(struct fus_jpeg *j);

/* Inverse DCT of dequantised coefficients (natural order) to 8x8 samples, by the instruction set in
 * use. last: zigzag index of the last coefficient that may be non-zero. */
fus_jpeg_idct *fus_jpeg_idct_pick(void);

/* wanted: whether low AC coefficients of a progressive picture must be estimated. smooth: estimates
 * those of block (x, y), which is given as decoded. */
bool fus_jpeg_smooth_wanted(const struct fus_jpeg *j);
void fus_jpeg_smooth(int16_t block[64], const struct fus_jpeg *j, const struct fus_jpeg_component *c, int x, int y);

/* Coefficients of a progressive picture -> planes. */
int fus_jpeg_idct_planes(struct fus_jpeg *j);

/* Planes of three or four components -> RGB. */
int fus_jpeg_color(struct fus_raster *rgb, const struct fus_jpeg *j);

#endif
