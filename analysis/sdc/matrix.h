/* SPDX-License-Identifier: MIT */
/* Private to analysis/sdc: responses [rows, columns] as int16 or f32, in memory or in a file
 * without a name that the system removes when the program ends. Columns lie in stripes, [rows,
 * stripe] each, so that all trials of some voxels are read in one piece. */
#ifndef FUS_SDC_MATRIX_H
#define FUS_SDC_MATRIX_H

#include "nn/base/base.h"

struct fus_sdc_matrix {
    size_t n_rows, n_columns, stripe; /* the last stripe may be narrower */
    bool integer;                     /* int16, else f32 */
    uint8_t *memory;                  /* NULL: in the file */
    int fd;                           /* -1: none */
    const char *folder;               /* where the file was made, for messages */
};

/* Bytes of all elements; false if they do not fit 64 bits. */
bool fus_sdc_matrix_bytes(uint64_t *bytes, size_t n_rows, size_t n_columns, bool integer);

/* m: n_rows, n_columns, stripe, integer and folder are set. */
int fus_sdc_matrix_create(struct fus_sdc_matrix *m, bool in_memory, struct fus_error *err);
void fus_sdc_matrix_close(struct fus_sdc_matrix *m);

size_t fus_sdc_matrix_stripes(const struct fus_sdc_matrix *m);
size_t fus_sdc_matrix_width(const struct fus_sdc_matrix *m, size_t stripe);

/* Rows first .. first+n-1 from x [n, n_columns], rounded by nothing: an integer matrix takes
 * whole numbers of 16 bits alone. */
int fus_sdc_matrix_write(struct fus_sdc_matrix *m, const float *x, size_t first, size_t n, struct fus_error *err);

/* *raw: rows first .. first+n-1 of a stripe, [n, width] int16 or f32; in memory in place, else in
 * buffer, which has room for them. Any thread may read. */
int fus_sdc_matrix_read(const void **raw, const struct fus_sdc_matrix *m, size_t stripe, size_t first, size_t n,
                        void *buffer, struct fus_error *err);

#endif
