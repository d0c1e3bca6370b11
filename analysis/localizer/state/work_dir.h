/* SPDX-License-Identifier: MIT */
/* OUT/parts: the state of a run at work, from which an interrupted run is resumed, and the result
 * of a shard.
 *
 *   run.tsv       what the run's result depends on (provenance.h)
 *   lock          held by the process at work
 *   pictures.png  the thumbnails of the whole set, in shard 1
 *   second/parts  in a shard, the same for the set of --validate (second_set.h)
 *   0/, 1/, ...   for each model: files of its layers (state_file.h), and decided-LAYER for each
 *                 finished layer (layer_result.h) */
#ifndef FUS_WORK_DIR_H
#define FUS_WORK_DIR_H

#include "analysis/localizer/run.h"

/* open: creates the folder, or with --resume opens it; FUS_EINVAL if it holds another run. Sets
 * run->state.digest, and run->state.done if this run was already finished. begin: the first step of
 * it, given the text of the provenance. */
int fus_work_dir_begin(struct fus_localizer *run, const char *text, struct fus_error *err);
int fus_work_dir_open(struct fus_localizer *run, struct fus_error *err);

/* The thumbnails of the whole set, in the first shard: the merge has no pictures. */
int fus_work_dir_sheet(struct fus_localizer *run, struct fus_error *err);

/* Reads run.tsv of an OUT: its text, owned by the caller, and its digest. */
int fus_work_dir_read(char **text, char digest[65], const char *out, struct fus_error *err);

/* Discards the saved state of a model. */
void fus_work_dir_forget(const struct fus_localizer *run, int model);

/* remove: deletes the folder of a finished run. close: unlocks the folder of an unfinished one. */
void fus_work_dir_remove(struct fus_localizer *run);
void fus_work_dir_close(struct fus_localizer *run);

#endif
