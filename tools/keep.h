/* OUT/parts: what a run keeps while it is at work, so that one that was killed can be taken up again, and what a shard leaves behind.
 *
 *   run.tsv      what the run's result depends on (provenance.h)      lock    held by the process that is at work
 *   pictures.png the thumbnails of the whole set, in shard 1
 *   0/, 1/, ...  of each model: pieces of its layers (pieces.h), and decided-LAYER for each layer that is done (decided.h) */
#ifndef FUS_KEEP_H
#define FUS_KEEP_H

#include "tools/run.h"

/* Make the folder, or with --resume find it: then FUS_EINVAL where the run that is to go on was another one. run->digest is its.
 * run->done: the very run was finished before. begin: the first part of it, with the text of the provenance. */
int fus_keep_begin(struct fus_run *run, const char *text, struct fus_error *err);
int fus_keep_open(struct fus_run *run, const struct fus_run_summary *summary, struct fus_error *err);

void fus_keep_folder(char *path, size_t path_bytes, const struct fus_run *run, int model); /* OUT/parts/MODEL */

/* The thumbnails of the whole set, in the first shard: the merge has no pictures. */
void fus_keep_sheet_path(char *path, size_t path_bytes, const char *out);
int fus_keep_sheet(struct fus_run *run, struct fus_error *err);

/* run.tsv of an OUT as text, which is the caller's, and its digest. */
int fus_keep_read(char **text, char digest[65], const char *out, struct fus_error *err);

/* What was counted of a model is not to be used. */
void fus_keep_forget(const struct fus_run *run, int model);

/* The run is done: nothing of it is left. close: it is not. */
void fus_keep_remove(struct fus_run *run);
void fus_keep_close(struct fus_run *run);

#endif
