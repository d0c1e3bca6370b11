/* SPDX-License-Identifier: MIT */
/* Private to the JPEG decoder: arithmetic coding. See jpeg_arith.c. */
#ifndef FUS_JPEG_ARITH_H
#define FUS_JPEG_ARITH_H

#include "stimuli/image/jpeg.h"

struct fus_jpeg_arith {
    const uint8_t *p, *end; /* next byte; p stays before a marker */
    uint32_t code, range;   /* C and A of annex D */
    /* bits of `code` below those that are compared with `range` */
    int shift;
    bool dry, bad;      /* the data ended; an invalid decision was decoded */
    int16_t last_dc[4]; /* by component of the scan */
    /* context of its next DC decision, from the last difference */
    uint8_t context[4];
    uint8_t dc[16][64], ac[16][256], even; /* statistics */
};

/* Resets all statistics: at the start of a scan or restart interval. */
void fus_jpeg_arith_start(struct fus_jpeg_arith *d, const uint8_t *p, const uint8_t *end);

/* The next DC value of a component of the scan. */
int fus_jpeg_arith_dc(struct fus_jpeg_arith *d, int component, int table, const struct fus_jpeg_conditioning *c);

/* Coefficients first..last (at least 1) of a block, times 2^shift; returns the last one that is
 * not zero, or 0. */
int fus_jpeg_arith_ac(struct fus_jpeg_arith *d, int16_t block[64], int table, const struct fus_jpeg_conditioning *c,
                      int first, int last, int shift);

/* A bit with equal probabilities. */
int fus_jpeg_arith_bit(struct fus_jpeg_arith *d);

/* Refinement of a band: bit `shift` of its coefficients. */
void fus_jpeg_arith_refine(struct fus_jpeg_arith *d, int16_t block[64], int table, int first, int last, int shift);

#endif
