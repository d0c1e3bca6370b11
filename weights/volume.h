/* SPDX-License-Identifier: MIT */
/* Volumes, surfaces and plain arrays of many frames: NIfTI-1 (.nii, .nii.gz), FreeSurfer's MGH
 * (.mgh, .mgz) and NumPy's .npy and .npz, read frame by frame; label volumes written.
 *
 *     code = fus_volume_open(&v, path, err);
 *     code = fus_volume_read(v, x, 10, err);     the first ten frames, x [10, n_places]
 *     fus_volume_close(v);
 *
 * A frame of responses is one trial. Places are in the file's order: the first index (x) fastest in
 * volumes and surfaces, the columns of an array [frames, places]. */
#ifndef FUS_VOLUME_H
#define FUS_VOLUME_H

#include <stddef.h>
#include <stdint.h>

#include "nn/base/base.h"

enum fus_volume_format { FUS_VOLUME_ARRAY, FUS_VOLUME_NIFTI, FUS_VOLUME_MGH };

/* The grid and its place in the scanner, copied from a file to what is written for it: numbers
 * f32 are kept as their bits. */
struct fus_volume_space {
    enum fus_volume_format format;
    size_t grid[3]; /* all 0: an array */
    /* NIfTI: handedness and voxel sizes, codes, quaternion and offset, affine, units */
    uint32_t pixdim[4], quatern[6], srow[12];
    uint16_t qform_code, sform_code;
    uint8_t units;
    /* MGH: whether the geometry counts, voxel sizes, directions, centre */
    uint16_t ras_good;
    uint32_t ras[15];
};

struct fus_volume_info {
    struct fus_volume_space space;
    size_t n_places, n_frames; /* both at least 1, at most INT32_MAX */
    bool whole;                /* every value is a whole number of 16 bits */
};

struct fus_volume;

/* An array is [frames, places], or [places] as one frame; of an .npz the array `betas`, or the only
 * one of two dimensions, or the only one. Messages start with the path. */
int fus_volume_open(struct fus_volume **v, const char *path, struct fus_error *err);
/* NIfTI or MGH in memory, packed or not; the bytes must stay. */
int fus_volume_open_bytes(struct fus_volume **v, const uint8_t *bytes, size_t n, struct fus_error *err);
void fus_volume_close(struct fus_volume *v); /* NULL allowed */
const struct fus_volume_info *fus_volume_info(const struct fus_volume *v);

/* The next n frames, out [n, n_places]: slope * raw + inter in double where the file has a slope,
 * rounded to f32. The last frame of a packed file is given only if checksums are right to the
 * file's end. */
int fus_volume_read(struct fus_volume *v, float *out, size_t n, struct fus_error *err);

/* Whole numbers [n_frames, grid] in a NIfTI space as int16, with the intent `label` or none;
 * n_frames 0: one, without a fourth dimension. In an MGH space as int32. FUS_EINVAL for an array.
 */
enum fus_volume_intent { FUS_VOLUME_LABELS, FUS_VOLUME_RESPONSES };
int fus_volume_write(const char *path, const struct fus_volume_space *space, size_t n_frames, const int32_t *values,
                     enum fus_volume_intent intent, struct fus_error *err);

#endif
