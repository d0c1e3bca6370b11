/* SPDX-License-Identifier: MIT */
/* Private to analysis/sdc: the steps of a simulation. */
#ifndef FUS_SDC_SIMULATE_PARTS_H
#define FUS_SDC_SIMULATE_PARTS_H

#include "analysis/sdc/simulate.h"
#include "nn/base/rng.h"

/* Axes of the embedding: one for each concept of a picture, then one that all pictures share. */
enum fus_sdc_axis {
    FUS_SDC_AXIS_FACE,
    FUS_SDC_AXIS_BODY,
    FUS_SDC_AXIS_PLACE,
    FUS_SDC_AXIS_WORD,
    FUS_SDC_AXIS_NUMBER,
    FUS_SDC_AXIS_CAR,
    FUS_SDC_AXIS_INSTRUMENT,
    FUS_SDC_AXIS_PAINT,
    FUS_SDC_AXIS_VIEW,
    FUS_SDC_AXIS_SIDE,
    FUS_SDC_AXIS_GLASSES,
    FUS_SDC_AXIS_COMMON,
    FUS_SDC_N_AXES,
    FUS_SDC_N_CATEGORIES = FUS_SDC_AXIS_PAINT
};

/* One drawn picture, by what is said of it. */
struct fus_sdc_picture {
    const char *subcategory;
    int index; /* within the subcategory */
    enum fus_sdc_axis category;
    int side, paint, view; /* -1, 0, 1 */
    bool glasses;
};

/* The numbers of streams, beside those of METHOD.md. */
enum {
    FUS_SDC_STREAM_PICTURES = 101,
    FUS_SDC_STREAM_AXES,
    FUS_SDC_STREAM_IMAGES,
    FUS_SDC_STREAM_VOXELS,
    FUS_SDC_STREAM_TRIALS,
    FUS_SDC_STREAM_NOISE
};

void fus_sdc_simulate_stream(struct fus_rng *rng, uint64_t seed, uint64_t purpose, uint64_t a, uint64_t b);

/* n pictures, kinds at random. */
int fus_sdc_simulate_pictures(struct fus_sdc_picture *p, size_t n, uint64_t seed);

/* q [d, d]: orthonormal rows, random (Gram-Schmidt, twice, in double). who 0: the study's; else a
 * participant's own. */
int fus_sdc_simulate_axes(double *q, size_t d, uint64_t seed, uint64_t who, struct fus_error *err);

/* Everything of one participant, p from 0: its files below the folder, its lines of truth.csv. y
 * [n, d]: embeddings less their mean. */
struct fus_outfile;
int fus_sdc_simulate_person(const char *folder, int p, const double *y, const double *q,
                            const struct fus_sdc_simulate_options *o, struct fus_outfile *truth, struct fus_error *err);

#endif
