/* SPDX-License-Identifier: MIT */
/* IMAGES.tsv: the images of an embedding, in the order of its rows. A table with tabs and a header:
 * `image` (its name in the trials), `path` (of the picture; optional, from the table's folder), and
 * any further columns, which are labels: 0 or 1, a number, or a word. */
#ifndef FUS_SDC_IMAGES_H
#define FUS_SDC_IMAGES_H

#include <stddef.h>
#include <stdint.h>

#include "nn/base/base.h"

struct fus_sdc_images {
    size_t n;
    char **id;   /* [n] */
    char **path; /* [n] with the table's folder; NULL entries: none */
    int n_labels;
    char **label; /* [n_labels] names of the further columns */
    char **value; /* [n_labels, n] their texts; "" or "-": none */
    size_t *by_id;
};

int fus_sdc_images_open(struct fus_sdc_images *images, const char *path, struct fus_error *err);
void fus_sdc_images_close(struct fus_sdc_images *images);
/* The row with this name; false: there is none. */
bool fus_sdc_images_find(size_t *row, const struct fus_sdc_images *images, const char *id);

#endif
