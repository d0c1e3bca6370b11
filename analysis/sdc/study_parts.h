/* SPDX-License-Identifier: MIT */
/* Private to analysis/sdc: the steps of loading a study. */
#ifndef FUS_SDC_STUDY_PARTS_H
#define FUS_SDC_STUDY_PARTS_H

#include "analysis/sdc/study.h"

#define FUS_SDC_MAX_FILES 100000
#define FUS_SDC_MAX_SESSIONS 1000 /* of a participant; NSD has 40 */
#define FUS_SDC_MAX_PARTICIPANTS 10000

/* Which sessions to use, from "1-37,40"; n 0: all. */
struct fus_sdc_range {
    int n;
    struct {
        uint64_t first, last;
    } item[64];
};
int fus_sdc_range_parse(struct fus_sdc_range *r, const char *text, struct fus_error *err);
bool fus_sdc_range_holds(const struct fus_sdc_range *r, uint64_t number);

/* Finds the files of a source, opens each once, and counts places and frames (files.c). Messages
 * do not name the participant. */
int fus_sdc_files_find(struct fus_sdc_source *s, const char *study_path, struct fus_error *err);
/* The grids of two files of one format differ, though they may hold as many voxels. */
bool fus_sdc_files_grids_differ(const struct fus_volume_space *a, const struct fus_volume_space *b);

/* The trials of a participant's sources: image, session, split (FUS_SDC_N_SPLITS where the table
 * has no such column), and which of the frames are used (trials.c). */
int fus_sdc_trials_read(struct fus_sdc_participant *p, const struct fus_sdc_study *study,
                        const struct fus_sdc_images *images, const struct fus_sdc_embedding *e,
                        const struct fus_sdc_range *range, struct fus_error *err);

/* Fills the splits of all participants (split.c). */
int fus_sdc_split_images(struct fus_sdc_study *study, const struct fus_sdc_study_options *o, struct fus_error *err);

#endif
