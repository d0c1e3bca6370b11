/* SPDX-License-Identifier: MIT */
/* Private to analysis/sdc: names of the regions of a label image.
 *
 *   FILE.tsv   a table with tabs, in it the columns `index` and `name` (BIDS: *_dseg.tsv)
 *   any other  FreeSurfer's colour table: lines of NUMBER NAME [RED GREEN BLUE [ALPHA]], with
 *              blanks between; lines that begin with # are comments
 *
 * A number may occur once. 0 is no region. */
#ifndef FUS_SDC_ROI_NAMES_H
#define FUS_SDC_ROI_NAMES_H

#include "nn/base/base.h"

struct fus_sdc_roi_names {
    size_t n;
    struct fus_sdc_roi_name {
        int32_t number;
        long line;
        char *name;
    } * item; /* [n] by rising number */
};

/* The table beside a label image, in new memory: IMAGE.ctab or IMAGE.tsv, with IMAGE's whole name
 * or without its ending (.nii.gz, .mgz, ...). *path NULL: there is none. */
int fus_sdc_roi_names_beside(char **path, const char *image, struct fus_error *err);
/* FUS_EFORMAT names file and line. names is freed on failure. */
int fus_sdc_roi_names_read(struct fus_sdc_roi_names *names, const char *path, struct fus_error *err);
/* "" if a region has no name. */
const char *fus_sdc_roi_names_of(const struct fus_sdc_roi_names *names, int32_t number);
void fus_sdc_roi_names_free(struct fus_sdc_roi_names *names);

#endif
