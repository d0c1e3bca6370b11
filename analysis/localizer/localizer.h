/* SPDX-License-Identifier: MIT */
/* The localizer as a library: pictures and weight files in, the category-selective
 * units of every layer out.
 *
 *     struct fus_run_options options = fus_run_options_defaults;
 *     options.stimuli = "floc"; // a folder for each category
 *     code = fus_localizer_create(&run, &options, &err);
 *     if (!code) code = fus_localizer_add_model(run, NULL, "resnet50.pth", &err);
 *     if (!code) code = fus_localizer_measure(run, NULL, NULL, &err);
 *     if (!code) ... fus_localizer_summary(run)->models[0].layers[i].categories[c].proportion ...
 *     if (!code) code = fus_localizer_write(run, "out/mine", &err); // what `fusiform run` writes
 *     fus_localizer_destroy(run);
 *
 * `fusiform run` is these calls (tools/cmd_run.c). Results are the same bytes on every machine. The
 * library prints nothing. */
#ifndef FUS_LOCALIZER_H
#define FUS_LOCALIZER_H

#include "analysis/inference.h"
#include "analysis/run/run_options.h"
#include "analysis/run/summary.h"

#ifdef __cplusplus
extern "C" {
#endif

/* An event during the work: a note for the user, or progress. */
struct fus_localizer_event {
    const char *note;          /* NULL: progress */
    bool of_model;             /* the note is about a model; its lines begin with the model's file */
    const char *what, *things; /* "resnet50, pass 1, 17 layers", "pictures" */
    int done, of;
    double seconds; /* since it began */
};
typedef void fus_localizer_listener(void *context, const struct fus_localizer_event *event);

struct fus_localizer;

/* FUS_EINVAL if options contradict one another. */
int fus_localizer_create(struct fus_localizer **run, const struct fus_run_options *options, struct fus_error *err);

/* A weight file, an untrained network such as "random:resnet50?seed=1", "demo:vision", or a
 * baseline: "pixels:32", "gabor". name NULL: the file's stem, the spec, or the text after
 * "demo:". */
int fus_localizer_add_model(struct fus_localizer *run, const char *name, const char *file, struct fus_error *err);

/* Runs the method: checks models and pictures, shows every picture to each network, accumulates the
 * moments of its units' responses, and tests which units are selective. listener: NULL allowed;
 * called only by the calling thread. */
int fus_localizer_measure(struct fus_localizer *run, fus_localizer_listener *listener, void *context,
                          struct fus_error *err);

/* Valid after measure; owned by the run. */
const struct fus_run_summary *fus_localizer_summary(const struct fus_localizer *run);

/* Tables, arrays, figures and the report. folder: options.folder. If that is NULL: any folder,
 * which is created. */
int fus_localizer_write(struct fus_localizer *run, const char *folder, struct fus_error *err);

void fus_localizer_destroy(struct fus_localizer *run); /* NULL allowed */

/* ---- for a run with a folder ---- */

/* Whether `resume` found this run already finished. Then measure did nothing and there is no
 * summary. */
bool fus_localizer_finished_before(const struct fus_localizer *run);

/* Pictures *first .. *end-1 of *n were shown: all, or the shard's. */
void fus_localizer_shown(int *first, int *end, int *n, const struct fus_localizer *run);

/* Replaces add_model and measure: merges the results of a run's shards. folders [n]: those of the
 * shards, in any order. Only the options folder, force, max_memory and stopping of this run are
 * used; the others come from the shards. */
int fus_localizer_merge(struct fus_localizer *run, const char *const *folders, int n, fus_localizer_listener *listener,
                        void *context, struct fus_error *err);

#ifdef __cplusplus
}
#endif

#endif
