/* SPDX-License-Identifier: MIT */
/* Private to weights/: an open volume, and its formats. */
#ifndef FUS_VOLUME_PARTS_H
#define FUS_VOLUME_PARTS_H

#include "nn/base/outfile.h"
#include "weights/gunzip.h"
#include "weights/volume.h"
#include "weights/weights.h"

#define FUS_VOLUME_HEAD 4 /* first bytes, by which the format is known */

struct fus_volume {
    char *path; /* NULL: bytes */
    struct fus_volume_info info;
    size_t next; /* frame */
    enum fus_dtype dtype;
    bool big_endian, scaled;
    double slope, inter;
    struct fus_gunzip *stream;      /* NIfTI, MGH */
    struct fus_store *store;        /* arrays */
    const struct fus_tensor *array; /* in the store */
    uint8_t *raw;                   /* elements before conversion */
};

/* Read the header from the stream, whose first bytes are taken already: info, dtype, big_endian,
 * slope; the stream is then at the first element. */
int fus_nifti_open(struct fus_volume *v, const uint8_t head[FUS_VOLUME_HEAD], struct fus_error *err);
int fus_mgh_open(struct fus_volume *v, const uint8_t head[FUS_VOLUME_HEAD], struct fus_error *err);

/* The sizes of a grid and its frames, checked against what the file can hold after `start` bytes.
 */
int fus_volume_set_size(struct fus_volume *v, const int64_t sizes[4], uint64_t start, struct fus_error *err);
/* The next n bytes; fewer are an error that says at which byte. */
int fus_volume_take(struct fus_volume *v, void *bytes, size_t n, struct fus_error *err);

int fus_nifti_write(struct fus_outfile *f, const struct fus_volume_space *space, size_t n_frames, const int32_t *values,
                    enum fus_volume_intent intent, struct fus_error *err);
int fus_mgh_write(struct fus_outfile *f, const struct fus_volume_space *space, size_t n_frames, const int32_t *values,
                  struct fus_error *err);

#endif
