/* The localizer as a library: pictures and weight files in, the category-selective units of every layer out.
 *
 *     struct fus_localizer_options options = fus_localizer_defaults;
 *     options.stimuli = "floc";                                        // a folder for each category
 *     code = fus_localizer_create(&run, &options, &err);
 *     if (!code) code = fus_localizer_add_model(run, NULL, "resnet50.pth", &err);
 *     if (!code) code = fus_localizer_measure(run, NULL, NULL, &err);
 *     if (!code) ... fus_localizer_summary(run)->models[0].layers[i].categories[c].proportion ...
 *     if (!code) code = fus_localizer_write(run, "out/mine", &err);    // what `fusiform run` writes
 *     fus_localizer_destroy(run);
 *
 * `fusiform run` is these calls (tools/cmd_run.c). Results are the same bytes on every machine. Nothing here prints. */
#ifndef FUS_LOCALIZER_H
#define FUS_LOCALIZER_H

#include "analysis/inference.h"
#include "analysis/report/report.h"

enum { FUS_LOCALIZER_MAX_MODELS = 64 };

/* Halves of cross-validated numbers: none; a category's pictures in turn, or as the manifest says; fLoc's two sets of subcategories. */
enum fus_localizer_halves { FUS_HALVES_NONE, FUS_HALVES_ALTERNATE, FUS_HALVES_OPTION };

/* What may differ between models: "NAME=VALUE" for one of them, "VALUE" for the others. The last one that applies counts. */
struct fus_localizer_per_model {
    const char *items[2 * FUS_LOCALIZER_MAX_MODELS];
    int n;
};

/* All texts are the caller's and stay there until the run is destroyed. NULL or 0: not asked for. */
struct fus_localizer_options {
    /* the pictures */
    const char *stimuli;    /* a folder, FILE.tsv or "builtin?...": fus_set_open */
    const char *categories; /* "face=adult,child;place=house" */
    bool scrambled;         /* a scrambled category is made where the set has none */
    bool skip_bad;          /* pictures that cannot be read are left out; else the run fails */
    /* the networks */
    const char *layers;     /* "all" or "a,b" */
    const char *lang_head;  /* prefix of the language head's tensors */
    struct fus_localizer_per_model prefixes, preprocesses;
    bool direct;            /* convolutions without Winograd's algorithm */
    /* which units are selective, and what is computed beside */
    struct fus_select_options select;
    const char *preset;     /* "lu-wang" ...: select.criterion must be its criterion */
    enum fus_localizer_halves halves;
    int bootstrap, permutations; /* resamples, relabellings */
    enum fus_interval_method interval;
    bool sweep, consistency;
    uint64_t seed;
    bool full_units;        /* units/MODEL/LAYER.npz with mean, var, t, p, q and csi; needs `folder` */
    /* how it is done; none of this changes a result */
    size_t max_memory;      /* bytes, of everything */
    int batch;              /* pictures at a time, at most 256; 0: as max_memory allows */
    bool low_memory;        /* one layer's weights at a time */
    const char *folder;     /* where fus_localizer_write will write. The run saves its state there, and can be resumed;
                             * NULL: no state is saved, and labels stay in memory */
    bool resume, force;     /* go on with the run in `folder`; replace it */
    uint64_t checkpoint;    /* seconds of work that may be lost; 0: none, state is saved after every batch */
    int shard, n_shards;    /* show the shard-th of n_shards shares of the pictures alone; 0 of 0: all */
    bool (*stopping)(void); /* asked between batches and layers: true ends the run with FUS_ESTOPPED. NULL: fus_base_stopping */
};

/* The whole of builtin, all layers, iut with BH at .05, halves in turn, seed 1, 512 MiB. */
extern const struct fus_localizer_options fus_localizer_defaults;

/* What is told meanwhile: a line for the user (without its end), or how far something is. */
struct fus_localizer_event {
    const char *note;          /* NULL: progress */
    const char *what, *things; /* "resnet50, pass 1, 17 layers", "pictures" */
    int done, of;
    double seconds;            /* since it began */
};
typedef void fus_localizer_listener(void *context, const struct fus_localizer_event *event);

struct fus_localizer;

/* FUS_EINVAL where options contradict one another. */
int fus_localizer_create(struct fus_localizer **run, const struct fus_localizer_options *options, struct fus_error *err);

/* A weight file, or an untrained network such as "random:resnet50?seed=1". name NULL: the file's stem, or the spec. */
int fus_localizer_add_model(struct fus_localizer *run, const char *name, const char *file, struct fus_error *err);

/* The method: models and pictures are checked, each network sees every picture, its units' responses are summed up, and tests
 * find the selective ones. listener NULL: nobody listens; called by the calling thread alone. */
int fus_localizer_measure(struct fus_localizer *run, fus_localizer_listener *listener, void *context, struct fus_error *err);

/* After measure; the run's. */
const struct fus_run_summary *fus_localizer_summary(const struct fus_localizer *run);

/* Tables, arrays, figures and the report. folder: options.folder; where that is NULL any one, which is made. */
int fus_localizer_write(struct fus_localizer *run, const char *folder, struct fus_error *err);

void fus_localizer_destroy(struct fus_localizer *run); /* NULL allowed */

/* ---- for a run with a folder ---- */

/* Whether `resume` found this very run finished, so that measure had nothing to do and there is no summary. */
bool fus_localizer_finished_before(const struct fus_localizer *run);

/* Pictures *first .. *end-1 of *n were shown: all, or the shard's. */
void fus_localizer_shown(int *first, int *end, int *n, const struct fus_localizer *run);

/* In place of add_model and measure: what the shards of a run counted, put together. folders [n]: the shards', in any order.
 * Of the run's options only folder, force, max_memory and stopping count; the others are the shards'. */
int fus_localizer_merge(struct fus_localizer *run, const char *const *folders, int n, fus_localizer_listener *listener,
                        void *context, struct fus_error *err);

#endif
