/* OUT/parts: what a run keeps while it is at work, so that one that was killed can be taken up
 * again, and what a shard leaves behind.
 *
 *   run.tsv      what the run's result depends on (provenance.h)      lock    held by the
 *                process that is at work
 *   pictures.png the thumbnails of the whole set, in shard 1
 *   0/, 1/, ...  of each model: files of its layers (state_file.h), and decided-LAYER for each
 *                layer that is done (layer_result.h) */
#ifndef FUS_WORK_DIR_H
#define FUS_WORK_DIR_H

#include "analysis/localizer/run.h"

/* Make the folder, or with --resume find it: then FUS_EINVAL where the run that is to go on was
 * another one. run->state.digest is its. run->state.done: the very run was finished before. begin:
 * the first part of it, with the text of the provenance. */
int fus_work_dir_begin(struct fus_localizer *run, const char *text, struct fus_error *err);
int fus_work_dir_open(struct fus_localizer *run, struct fus_error *err);

/* The thumbnails of the whole set, in the first shard: the merge has no pictures. */
int fus_work_dir_sheet(struct fus_localizer *run, struct fus_error *err);

/* run.tsv of an OUT as text, which is the caller's, and its digest. */
int fus_work_dir_read(char **text, char digest[65], const char *out, struct fus_error *err);

/* What was counted of a model is not to be used. */
void fus_work_dir_forget(const struct fus_localizer *run, int model);

/* The run is done: nothing of it is left. close: it is not. */
void fus_work_dir_remove(struct fus_localizer *run);
void fus_work_dir_close(struct fus_localizer *run);

#endif
