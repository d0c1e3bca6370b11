/* SPDX-License-Identifier: MIT */
/* A network as a participant: its units' responses to the study's images in place of voxels'.
 *
 *     model:FILE@LAYER[?units=channels|all|random:N]
 *
 * channels (default): the mean over places of each channel; all: every unit [C, H, W]; random:N: N
 * of them, drawn by (seed, name of the participant). Responses are z-scored over all images; units
 * that do not vary are left out, as there are no repeats for a noise ceiling. */
#ifndef FUS_SDC_UNITS_H
#define FUS_SDC_UNITS_H

#include "analysis/sdc/data.h"
#include "analysis/sdc/images.h"
#include "analysis/sdc/study.h"

/* FILE of "FILE@LAYER?units=...", in new memory; NULL: no memory. */
char *fus_sdc_units_file(const char *model);

/* Participant p of the study is a model. images: with the pictures' paths. FUS_ELIMIT if responses
 * would need more than max_memory. */
int fus_sdc_units_open(struct fus_sdc_data **d, const struct fus_sdc_study *study, int p,
                       const struct fus_sdc_images *images, uint64_t seed, size_t max_memory, struct fus_error *err);

#endif
