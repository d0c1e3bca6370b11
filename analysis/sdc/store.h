/* SPDX-License-Identifier: MIT */
/* Private to analysis/sdc: the memory behind a struct fus_sdc_data, and how arrays are added. */
#ifndef FUS_SDC_STORE_H
#define FUS_SDC_STORE_H

#include "analysis/sdc/data.h"
#include "analysis/sdc/matrix.h"
#include "weights/volume.h"

#define FUS_SDC_MOST_OWNED 32

struct fus_sdc_store {
    struct fus_sdc_matrix kept;           /* [n_trials, n_voxels] as in the files, one stripe */
    const double *centre, *factor;        /* [n_sessions, n_voxels] x = (raw - centre) factor */
    const struct fus_volume_space *space; /* [n_parts] */
    int n_owned;
    void *owned[FUS_SDC_MOST_OWNED]; /* every array of the data */
};

int fus_sdc_store_create(struct fus_sdc_data **d, const char *name, struct fus_error *err);
/* n items, zeroed, freed with the data; NULL if memory is out. */
void *fus_sdc_store_own(struct fus_sdc_data *d, size_t n, size_t size);
/* The same with a copy of items [n]. */
void *fus_sdc_store_copy(struct fus_sdc_data *d, const void *items, size_t n, size_t size);

#endif
