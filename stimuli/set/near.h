/* SPDX-License-Identifier: MIT */
/* Near-duplicates: pictures that differ in little but their file, such as two views of one person.
 *
 * Each picture is reduced to 32 x 32 grey levels (bilinear, without regard to its proportions); two
 * are near-duplicates if Pearson's r of these 1,024 values is above a limit. The sums are whole
 * numbers, so r is the same on every machine. */
#ifndef FUS_NEAR_H
#define FUS_NEAR_H

#include "stimuli/stimuli.h"

enum { FUS_NEAR_SIDE = 32, FUS_NEAR_BYTES = FUS_NEAR_SIDE * FUS_NEAR_SIDE };

/* More pictures are not compared: the pairs grow with the square, and so would the time. */
#define FUS_NEAR_PICTURES 4096

#define FUS_NEAR_R 0.98 /* the limit that a run applies */

/* grey [FUS_NEAR_BYTES]: Pillow's resize((32, 32), BILINEAR).convert("L"). */
int fus_near_reduce(uint8_t *grey, const struct fus_image *picture, struct fus_error *err);

struct fus_near_pair {
    int a, b; /* a < b */
    double r;
};

/* All pairs of grey [n, FUS_NEAR_BYTES] with r above `above`, by a, then b; a picture of one level
 * is in none. *pairs is the caller's. */
int fus_near_find(struct fus_near_pair **pairs, int *n_pairs, const uint8_t *grey, int n, double above,
                  struct fus_error *err);

#endif
