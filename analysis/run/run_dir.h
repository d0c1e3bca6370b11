/* SPDX-License-Identifier: MIT */
/* A run directory: every path in it, and its contents before a run begins: nothing, an interrupted
 * run, a finished run, or other files, which are never touched.
 *
 *   layers.csv run.json report.html ...     units/MODEL/LAYER.npz     figures/NAME.svg
 *   draws/MODEL/LAYER.npz                   with --draws
 *   parts/                                  the state of a run at work, or what a shard
 *                                           counted (work_dir.h):
 *   parts/run.tsv parts/lock parts/pictures.png     parts/MODEL/...   MODEL: its number
 *   parts/second/parts/...                          in a shard, the same of the --validate set */
#ifndef FUS_RUN_DIR_H
#define FUS_RUN_DIR_H

#include "nn/base/base.h"

enum { FUS_RUN_DIR_PATH = 4096 }; /* bytes of every path; of a folder at most 3000 */

/* FUS_EINVAL if the folder's path is too long. */
int fus_run_dir_check_length(const char *folder, struct fus_error *err);

void fus_run_dir_path(char path[FUS_RUN_DIR_PATH], const char *folder,
                      const char *name); /* FOLDER/NAME; NULL: FOLDER */
/* FOLDER/units/MODEL/LAYER.npz, the model's name with characters that file names cannot have
 * replaced; layer NULL: the model's folder. */
void fus_run_dir_units(char path[FUS_RUN_DIR_PATH], const char *folder, const char *model, const char *layer);
/* FOLDER/draws/MODEL/LAYER.npz, the same (draws.h). */
void fus_run_dir_draws(char path[FUS_RUN_DIR_PATH], const char *folder, const char *model, const char *layer);
void fus_run_dir_state(char path[FUS_RUN_DIR_PATH], const char *folder,
                       const char *name); /* FOLDER/parts/NAME; NULL: FOLDER/parts */
void fus_run_dir_model_state(char path[FUS_RUN_DIR_PATH], const char *folder, int model); /* FOLDER/parts/MODEL */

enum fus_run_dir_found { FUS_RUN_DIR_EMPTY, FUS_RUN_DIR_INTERRUPTED, FUS_RUN_DIR_FINISHED };

struct fus_run_dir {
    enum fus_run_dir_found state;
    int n_decided, n_pictures; /* of an interrupted run: finished layers; pictures shown, summed over its models */
    char stranger[256];        /* the first entry that no run writes; empty: none. Hidden files are ignored */
};

/* Fails if `out` exists and is not a readable folder. */
int fus_run_dir_look(struct fus_run_dir *d, const char *out, struct fus_error *err);

/* Whether a run may begin in `out`: FUS_EINVAL names its contents and the options. *replace: the
 * contents must be removed first. */
int fus_run_dir_claim(bool *replace, const struct fus_run_dir *d, const char *out, bool resume, bool force,
                      struct fus_error *err);

/* Removes everything that a run writes, except parts/lock. If there is a foreign file: FUS_EINVAL,
 * and nothing is removed. */
int fus_run_dir_clear(const char *out, struct fus_error *err);

/* FUS_EINVAL if `out` is the folder of pictures or inside it, also through symbolic links. */
int fus_run_dir_outside(const char *out, const char *stimuli, struct fus_error *err);

/* FUS_EINVAL if both are the same folder. */
int fus_run_dir_apart(const char *out, const char *folder, struct fus_error *err);

#endif
