/* A run from the inside: what the steps of localizer.h share. Each step has its file; localizer.c
 * puts them together. */
#ifndef FUS_RUN_H
#define FUS_RUN_H

#include "analysis/localizer/localizer.h"
#include "analysis/localizer/model.h"
#include "analysis/localizer/note.h"
#include "stimuli/set/blocks.h"

/* One network of the run: how it is opened, and what the log says of it. Its results are
 * summary.models[i]. */
struct fus_run_model {
    char name[128]; /* given or derived; in file names '/' and ':' become '_' */
    char *path;
    struct fus_preprocess preprocess;
    int n_layers;
    struct fus_tap *taps;            /* [n_layers] that were asked for */
    struct fus_model *open;          /* between check and use; NULL: to be opened again */
    long long file_bytes, file_time; /* as its digest was taken */
    char *notes;                     /* for its user; NULL: none */
    char reference[48];              /* the layer of the report's single pictures (fus_compare_last_block) */
    bool keeps_reference;            /* its responses are not too many to keep */
    int batch;                       /* pictures at a time */
    bool low_memory;
    size_t net_bytes, scratch_bytes, least_bytes; /* least: with which this model and its layers can be done */
    char isa[16];
    int n_passes;
    double load_seconds, forward_seconds, decode_seconds, statistics_seconds, decide_seconds, seconds;
};

struct fus_run_pictures {
    struct fus_set set;
    struct fus_blocks blocks;
    int first, end;                         /* those to be shown: all, or the shard's */
    struct fus_cache *cache;                /* of decoded ones */
    char (*sha256)[65];                     /* [set.n_pictures]; empty: another shard's */
    struct fus_pixelstats *stats;           /* the same */
    struct fus_pixelstats_category *pixels; /* [set.n_categories] */
    struct fus_sheet *sheet;                /* of thumbnails */
    char sheet_file[4096];                  /* where it is copied from instead; empty: it is drawn */
};

struct fus_run_state {
    bool replace, finished,
        done;        /* in the folder: a run to be removed first; with resume, a finished run, and it is this one */
    char digest[65]; /* of the provenance: whose checkpoints they are */
    int lock;        /* held while the run is at work; -1 */
};

struct fus_localizer {
    struct fus_run_options options;
    char rule[1200]; /* which units are selective, for the report, where it is not the default's */
    int n_models;
    struct fus_run_model *models; /* [n_models], room for FUS_RUN_MAX_MODELS */
    struct fus_run_pictures pictures;
    struct fus_run_state state;
    struct fus_run_summary summary;
    bool measured; /* the summary is whole */
    fus_localizer_listener *listener;
    void *listener_context;
    struct fus_note_sink notes; /* of this run: to the listener */
    char *kept;                 /* what options restored from a shard point to; NULL */
    double started, models_seconds, check_seconds, folder_seconds; /* for the log */
};

/* ---- what a run says meanwhile (run.c) ---- */

void fus_run_say(void *run, const char *line);                      /* as struct fus_note_sink wants it */
void fus_run_say_model(const struct fus_localizer *run, int model); /* its notes */
void fus_run_progress(const struct fus_localizer *run, const char *what, const char *things, int done, int of,
                      double started);
bool fus_run_stopping(const struct fus_localizer *run);
double fus_run_now(void); /* seconds since the machine started */

/* Whether any option needs single responses; whether those of a tap are to be kept. */
bool fus_run_keeps_responses(const struct fus_localizer *run);
bool fus_run_keeps_tap(const struct fus_localizer *run, int model, const struct fus_tap *tap);

/* What is said for the model called `name`: the last NAME=VALUE of its own, else the last VALUE for
 * all; NULL: nothing. */
const char *fus_run_for_model(const struct fus_run_per_model *o, const struct fus_localizer *run, const char *name);

/* ---- before (models.c, set.c, sheet.c, memory.c) ---- */

/* Every model can be opened and has the layers asked for: its digest, its layers and what is said
 * about it. The first stays open. */
int fus_models_check(struct fus_localizer *run, struct fus_error *err);
int fus_models_open(struct fus_model **m, struct fus_localizer *run, int model, struct fus_error *err);
void fus_models_close(struct fus_model **m);
/* FUS_EINVAL where the model's weights are no longer those that the run began
 * with, by their digest. */
int fus_models_check_unchanged(const struct fus_localizer *run, int model, struct fus_error *err);
/* The reference layer among a model's; its taps are listed. */
int fus_models_choose_reference(struct fus_localizer *run, int model, struct fus_error *err);

/* Every picture to be shown is read: its digest, its statistics, its thumbnail. */
int fus_run_set_open(struct fus_localizer *run, struct fus_error *err);
/* What the set says goes into the summary, which has no pixels yet; those. */
int fus_run_set_describe(struct fus_localizer *run, struct fus_error *err);
int fus_run_set_summarise(struct fus_localizer *run, struct fus_error *err);

/* The sheet of thumbnails (analysis/report/thumbs.h). draw: of picture i, whatever its size, by any
 * thread; context: the run. write draws first what has not been. */
struct fus_sheet;
int fus_sheet_create(struct fus_localizer *run, struct fus_error *err);
int fus_sheet_draw(void *run, int i, const struct fus_image *picture, struct fus_error *err);
int fus_sheet_write(const char *path, struct fus_localizer *run, struct fus_error *err);
void fus_sheet_free(struct fus_localizer *run);

/* max_memory: the batch, and whether weights are held a layer at a time, for a network that is
 * being opened and whose layers are known; m->net is a resting one thereafter. Bytes that remember
 * pictures. Bytes for moments and responses while pictures are shown, and while layers are decided
 * on. A note where the limit is too small. */
int fus_memory_choose(struct fus_run_model *r, const struct fus_localizer *run, struct fus_model *m,
                      struct fus_net_options *options, struct fus_error *err);
size_t fus_memory_cache_bytes(const struct fus_localizer *run);
void fus_memory_plan(size_t *showing, size_t *deciding, const struct fus_localizer *run, const struct fus_run_model *r);
void fus_memory_warn(struct fus_localizer *run);

/* ---- measuring and deciding (measure.c, decide.c, single_units.c) ---- */

struct fus_accumulator;
int fus_measure_model(struct fus_localizer *run, int model, struct fus_error *err);
/* Layer `layer` of the model from what was counted of it, which is finished thereby: into
 * the summary, and its labels into units/MODEL/LAYER.npz, or where the run has no folder
 * into the summary too. */
int fus_decide_layer(struct fus_localizer *run, int model, int layer, struct fus_accumulator *a, struct fus_error *err);
/* The labels as units/MODEL/LAYER.npz of the folder. m: moments for the tables of
 * full_units, or NULL. */
int fus_decide_write_units(const char *folder, const struct fus_localizer *run, int model,
                           const struct fus_layer_summary *layer, const struct fus_moments *m, struct fus_error *err);
/* What the report shows of single pictures and units, from a layer that is decided on: its
 * profile and top units. */
int fus_single_units_find(struct fus_layer_summary *layer, const struct fus_localizer *run, int model,
                          const struct fus_moments *m, const struct fus_responses *r, struct fus_error *err);

/* ---- files (localizer.c, write.c) ---- */

/* The folders of the units and figures; of a shard the folder alone. */
int fus_localizer_make_folders(const struct fus_localizer *run, const char *folder, struct fus_error *err);

int fus_write_run(struct fus_localizer *run, const char *folder,
                  struct fus_error *err); /* all files of a run directory */

#endif
