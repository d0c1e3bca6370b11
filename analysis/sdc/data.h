/* SPDX-License-Identifier: MIT */
/* Responses of one participant, ready for a decoder: z-scored, voxels chosen by their noise
 * ceiling.
 *
 *     code = fus_sdc_study_read(study, "study.tsv", err);           study.h
 *     code = fus_sdc_data_open(&d, study, p, &options, err);        one participant at a time
 *     code = fus_sdc_data_gather(x, d, trials, 128, err);           a batch
 *     fus_sdc_data_close(d);
 *
 * The numbers of a trial, x [n_voxels], are float((raw - mean) * (1 / sd)) in double, with the mean
 * and the population sd of its session over all trials of the session. */
#ifndef FUS_SDC_DATA_H
#define FUS_SDC_DATA_H

#include <stddef.h>
#include <stdint.h>

#include "nn/base/base.h"

struct fus_sdc_study;

enum fus_sdc_split { FUS_SDC_TRAIN, FUS_SDC_VAL, FUS_SDC_TEST, FUS_SDC_NONE, FUS_SDC_N_SPLITS };

struct fus_sdc_data_options {
    double min_nc;      /* voxels above it are kept, in percent; NaN: all that vary */
    int repeats;        /* trials of an image that the noise ceiling uses; 3 */
    double scale;       /* responses are divided by it; 1 */
    bool zscore;        /* false: responses are used as they are, divided by scale */
    size_t max_memory;  /* bytes for the responses; past it they lie in an unnamed file */
    const char *folder; /* in which that file is made */
};

/* Read only for the user. */
struct fus_sdc_data {
    const char *name;       /* of the participant */
    size_t n_trials;        /* of all its files, in order */
    size_t n_images;        /* rows of the embedding */
    const int32_t *image;   /* [n_trials] row of the embedding */
    int n_sessions;         /* with at least one trial */
    const int32_t *session; /* [n_trials] 0 .. n_sessions-1 */
    const uint8_t *split;   /* [n_trials] enum fus_sdc_split, by image */

    size_t n_voxels;      /* kept */
    const int32_t *voxel; /* [n_voxels] number in the file, rising */
    const float *nc;      /* [n_voxels] noise ceiling in percent; NaN: unknown */
    const double *mean;   /* [n_sessions, n_voxels] in units of the input / scale */
    const double *sd;     /* [n_sessions, n_voxels]; raw = x sd + mean */

    /* What was not kept too, for voxels/NAME.csv: the voxels of the mask. */
    size_t n_places;       /* voxels of a file; of all hemispheres together */
    size_t n_masked;       /* in the mask */
    const int32_t *masked; /* [n_masked] number in the file, rising */
    const float *masked_nc;
    const uint8_t *fate; /* [n_masked] enum fus_sdc_fate */
    size_t n_constant;   /* voxels with sd 0 in a session */
    size_t n_undefined;  /* voxels with a response that is no finite number */

    size_t grid[3];  /* of the volume, x fastest; all 0: the file is a plain array */
    size_t layer[3]; /* of a network: channels, height, width, in which a voxel is a unit's number; 1 x 1
                        where units are whole channels; all 0: no network */
    /* Hemispheres or parts that were joined: first voxel of each, n_parts + 1 numbers. */
    int n_parts;
    const size_t *part_first;
    const char *const *part_name; /* [n_parts] "lh", "rh"; "" if there is one */

    struct fus_sdc_store *store; /* private */
};

enum fus_sdc_fate { FUS_SDC_KEPT, FUS_SDC_BELOW, FUS_SDC_CONSTANT, FUS_SDC_UNDEFINED };

void fus_sdc_data_defaults(struct fus_sdc_data_options *o); /* 8, 3, 1, true, 4 GiB, NULL */

/* Participant p of a study whose trials are loaded. Messages name the participant, the file, the
 * trial (from 1) and the voxel. */
int fus_sdc_data_open(struct fus_sdc_data **d, const struct fus_sdc_study *study, int p,
                      const struct fus_sdc_data_options *o, struct fus_error *err);

/* The same of an array in memory, which is copied: x [n_trials, n_voxels], used as it is (mean 0,
 * sd 1, one session, all voxels kept). For tests and for units of networks. */
int fus_sdc_data_of_array(struct fus_sdc_data **d, const char *name, const float *x, size_t n_trials, size_t n_voxels,
                          size_t n_images, const int32_t *image, const uint8_t *split, struct fus_error *err);
void fus_sdc_data_close(struct fus_sdc_data *d); /* NULL allowed */

/* x [n, n_voxels], row by row: the responses of trials [n], numbers below n_trials in any order,
 * also repeated. Uses all threads; call it from one. */
int fus_sdc_data_gather(float *x, const struct fus_sdc_data *d, const int32_t *trials, size_t n, struct fus_error *err);

/* The trials of one split in order: numbers in trials [n_trials]; returns how many. */
size_t fus_sdc_data_trials(int32_t *trials, const struct fus_sdc_data *d, enum fus_sdc_split split);

/* i, j, k of a voxel in the file's grid, or its number, 0, 0 where the grid is all 0; in a surface
 * i is the vertex within its hemisphere. */
void fus_sdc_data_place(size_t ijk[3], const struct fus_sdc_data *d, int32_t voxel);

/* ---- embedding ---- */

struct fus_sdc_embedding {
    size_t n, d;     /* images, dimensions */
    float *unit;     /* [n, d] rows of length 1, made so in double */
    uint8_t *usable; /* [n] 0: the row is 0 or has a value that is no finite number; unit is 0 there */
    char sha256[65]; /* of the file */
};

/* An .npy or .npz (its array `embedding`, or the only one with two dimensions) of numbers. */
int fus_sdc_embedding_open(struct fus_sdc_embedding *e, const char *path, struct fus_error *err);
void fus_sdc_embedding_close(struct fus_sdc_embedding *e);

#endif
