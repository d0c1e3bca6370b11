/* A run directory: every path in it, and what lies there before a run begins: nothing, a run that
 * was interrupted, a finished one, or something else, which is never touched.
 *
 *   layers.csv run.json report.html ...     units/MODEL/LAYER.npz     figures/NAME.svg
 *   parts/                                  the state of a run at work, or what a shard
 *                                           counted (work_dir.h):
 *   parts/run.tsv parts/lock parts/pictures.png     parts/MODEL/...   MODEL: its number */
#ifndef FUS_RUN_DIR_H
#define FUS_RUN_DIR_H

#include "nn/base/base.h"

enum { FUS_RUN_DIR_PATH = 4096 }; /* bytes of every path; of a folder at most 3000 */

/* FUS_EINVAL where the folder's path is too long. */
int fus_run_dir_check_length(const char *folder, struct fus_error *err);

void fus_run_dir_path(char path[FUS_RUN_DIR_PATH], const char *folder,
                      const char *name); /* FOLDER/NAME; NULL: FOLDER */
/* FOLDER/units/MODEL/LAYER.npz, the model's name made fit for a file; layer NULL: the
 * folder of the model's. */
void fus_run_dir_units(char path[FUS_RUN_DIR_PATH], const char *folder, const char *model, const char *layer);
void fus_run_dir_state(char path[FUS_RUN_DIR_PATH], const char *folder,
                       const char *name); /* FOLDER/parts/NAME; NULL: FOLDER/parts */
void fus_run_dir_model_state(char path[FUS_RUN_DIR_PATH], const char *folder, int model); /* FOLDER/parts/MODEL */

enum fus_run_dir_found { FUS_RUN_DIR_EMPTY, FUS_RUN_DIR_INTERRUPTED, FUS_RUN_DIR_FINISHED };

struct fus_run_dir {
    enum fus_run_dir_found state;
    int n_decided, n_pictures; /* of an interrupted run: layers decided on; pictures shown, added up over its models */
    char stranger[256];        /* the first entry that no run writes; empty: none. Hidden files are none */
};

/* Fails where `out` is there and no folder that can be read. */
int fus_run_dir_look(struct fus_run_dir *d, const char *out, struct fus_error *err);

/* Whether a run may begin in `out`: FUS_EINVAL says what is there and what to do. *replace: what is
 * there is to be removed first. */
int fus_run_dir_claim(bool *replace, const struct fus_run_dir *d, const char *out, bool resume, bool force,
                      struct fus_error *err);

/* Removes all that a run writes, but for parts/lock: FUS_EINVAL, and nothing is removed, where
 * there is a stranger. */
int fus_run_dir_clear(const char *out, struct fus_error *err);

/* FUS_EINVAL where `out` is the folder of pictures, or would lie in it or in one of its folders,
 * through symbolic links too. */
int fus_run_dir_outside(const char *out, const char *stimuli, struct fus_error *err);

/* FUS_EINVAL where both are one folder. */
int fus_run_dir_apart(const char *out, const char *folder, struct fus_error *err);

#endif
