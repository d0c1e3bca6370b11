/* The localizer as a library: pictures and weight files in, the category-selective
 * units of every layer out.
 *
 *     struct fus_run_options options = fus_run_options_defaults;
 *     options.stimuli = "floc"; // a folder for each category code =
 *     fus_localizer_create(&run, &options, &err);
 *     if (!code) code = fus_localizer_add_model(run, NULL, "resnet50.pth", &err);
 *     if (!code) code = fus_localizer_measure(run, NULL, NULL, &err);
 *     if (!code) ... fus_localizer_summary(run)->models[0].layers[i].categories[c].proportion ...
 *     if (!code) code = fus_localizer_write(run, "out/mine", &err); // what `fusiform run` writes
 *     fus_localizer_destroy(run);
 *
 * `fusiform run` is these calls (tools/cmd_run.c). Results are the same bytes on every machine.
 * Nothing here prints. */
#ifndef FUS_LOCALIZER_H
#define FUS_LOCALIZER_H

#include "analysis/inference.h"
#include "analysis/run/run_options.h"
#include "analysis/run/summary.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What is told meanwhile: a line for the user, or how far something is. */
struct fus_localizer_event {
    const char *note;          /* NULL: progress */
    bool of_model;             /* the note is a model's: lines that begin with its file */
    const char *what, *things; /* "resnet50, pass 1, 17 layers", "pictures" */
    int done, of;
    double seconds; /* since it began */
};
typedef void fus_localizer_listener(void *context, const struct fus_localizer_event *event);

struct fus_localizer;

/* FUS_EINVAL where options contradict one another. */
int fus_localizer_create(struct fus_localizer **run, const struct fus_run_options *options, struct fus_error *err);

/* A weight file, an untrained network such as "random:resnet50?seed=1", or "demo:vision". name
 * NULL: the file's stem, the spec, or what follows "demo:". */
int fus_localizer_add_model(struct fus_localizer *run, const char *name, const char *file, struct fus_error *err);

/* The method: models and pictures are checked, each network sees every picture, its units'
 * responses are summed up, and tests find the selective ones. listener NULL: nobody listens; called
 * by the calling thread alone. */
int fus_localizer_measure(struct fus_localizer *run, fus_localizer_listener *listener, void *context,
                          struct fus_error *err);

/* After measure; the run's. */
const struct fus_run_summary *fus_localizer_summary(const struct fus_localizer *run);

/* Tables, arrays, figures and the report. folder: options.folder; where that is NULL any
 * one, which is made. */
int fus_localizer_write(struct fus_localizer *run, const char *folder, struct fus_error *err);

void fus_localizer_destroy(struct fus_localizer *run); /* NULL allowed */

/* ---- for a run with a folder ---- */

/* Whether `resume` found this very run finished, so that measure had nothing to do and
 * there is no summary. */
bool fus_localizer_finished_before(const struct fus_localizer *run);

/* Pictures *first .. *end-1 of *n were shown: all, or the shard's. */
void fus_localizer_shown(int *first, int *end, int *n, const struct fus_localizer *run);

/* In place of add_model and measure: what the shards of a run counted, put together. folders [n]:
 * the shards', in any order. Of the run's options only folder, force, max_memory and stopping
 * count; the others are the shards'. */
int fus_localizer_merge(struct fus_localizer *run, const char *const *folders, int n, fus_localizer_listener *listener,
                        void *context, struct fus_error *err);

#ifdef __cplusplus
}
#endif

#endif
