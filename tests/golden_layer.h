/* SPDX-License-Identifier: MIT */
/* The golden layer of tests/golden/statistics.py: 120 units, 6 channels of 4 x 5, and their
 * responses to 29 pictures of five categories, among them one of two pictures. */
#ifndef FUS_TESTS_GOLDEN_LAYER_H
#define FUS_TESTS_GOLDEN_LAYER_H

#include "analysis/inference.h"

enum { UNITS = 120, CATEGORIES = 5, PICTURES = 29 };
static const int pictures[CATEGORIES] = {6, 7, 6, 8, 2}; /* of each category, in this order */
static const float responses[PICTURES * UNITS] = {
#include "golden/stat_responses.inc"
};

/* category: [PICTURES], filled here */
static inline struct fus_responses golden_layer(int *category)
{
    for (int c = 0, i = 0; c < CATEGORIES; c++)
        for (int k = 0; k < pictures[c]; k++)
            category[i++] = c;
    return (struct fus_responses){.x = responses,
                                  .category = category,
                                  .n_images = PICTURES,
                                  .n_units = UNITS,
                                  .n_categories = CATEGORIES,
                                  .channels = 6,
                                  .height = 4,
                                  .width = 5};
}

#endif
