/* SPDX-License-Identifier: MIT */
/* The private state of a run, shared by the steps of localizer.h. Each step has its file;
 * localizer.c puts them together. */
#ifndef FUS_RUN_H
#define FUS_RUN_H

#include "analysis/localizer/localizer.h"
#include "analysis/localizer/model.h"
#include "analysis/localizer/note.h"
#include "stimuli/set/blocks.h"
#include "stimuli/set/near.h"

/* One network of the run: how it is opened, and values for the log. Its results are
 * summary.models[i]. */
struct fus_run_model {
    char name[128]; /* given or derived; in file names '/' and ':' become '_' */
    char *path;
    struct fus_preprocess preprocess;
    int n_layers;
    struct fus_tap *taps;            /* [n_layers] the requested ones */
    struct fus_model *open;          /* open between check and use; NULL: must be opened again */
    long long file_bytes, file_time; /* when its digest was taken */
    char *notes;                     /* for the user; NULL: none */
    char reference[48];              /* the layer of the report's single pictures (fus_compare_last_block) */
    bool keeps_reference;            /* the responses of the reference layer are few enough to keep */
    int batch;                       /* pictures at a time */
    int n_shown;                     /* of these a layer keeps the responses of; 0 unless threads share out pictures */
    bool low_memory;
    size_t whole_bytes; /* of a pass over all layers at once; 0: it needs more than max_memory */
    size_t net_bytes, scratch_bytes, least_bytes; /* least_bytes: the minimum for this model and its layers */
    char isa[16];
    int n_passes;
    double load_seconds, forward_seconds, decode_seconds, statistics_seconds, decide_seconds, seconds;
};

struct fus_run_pictures {
    struct fus_set set;
    struct fus_blocks blocks;
    int first, end;               /* the pictures to show: all, or the shard's */
    bool of_shards;               /* in the order in which shards show them, whose results are merged */
    struct fus_cache *cache;      /* of decoded pictures */
    char (*sha256)[65];           /* [set.n_pictures]; empty: in another shard */
    struct fus_pixelstats *stats; /* the same */
    uint8_t *grey;                /* [set.n_pictures, FUS_NEAR_BYTES] (near.h); NULL: too many pictures */
    struct fus_near_pair *near;   /* [n_near] pairs that are near-duplicates */
    int n_near;
    struct fus_pixelstats_category *pixels; /* [set.n_categories] */
    struct fus_sheet *sheet;                /* of thumbnails */
    char sheet_file[4096];                  /* the file it is copied from; empty: it is drawn */
};

struct fus_run_state {
    bool replace, finished,
        done;        /* in the folder: a run to be removed first; with resume, a finished run, and it is this one */
    char digest[65]; /* of the provenance: identifies the run of a checkpoint */
    int lock;        /* file descriptor, locked while the run is at work; -1: none */
};

struct fus_localizer {
    struct fus_run_options options;
    char rule[1200]; /* the criterion of selectivity, for the report, if it is not the default */
    int n_models;
    struct fus_run_model *models; /* [n_models], room for FUS_RUN_MAX_MODELS */
    struct fus_run_pictures pictures;
    struct fus_run_state state;
    struct fus_run_summary summary;
    bool measured; /* the summary is whole */
    fus_localizer_listener *listener;
    void *listener_context;
    struct fus_note_sink notes;       /* of this run: to the listener */
    struct fus_localizer *second;     /* the run over the set of --validate; NULL: none. Owned */
    char *second_folder;              /* of its state, in a shard; NULL: none */
    struct fus_localizer *first;      /* in that run: whose units are measured */
    struct fus_explain_pass *explain; /* in a run for one unit of a finished run (explain_pass.h); NULL: none */
    char *kept;                       /* memory of the options restored from a shard; NULL: none */
    double started, models_seconds, check_seconds, folder_seconds, second_seconds; /* for the log */
};

/* ---- notes and progress (run.c) ---- */

void fus_run_say(void *run, const char *line);                      /* for struct fus_note_sink */
void fus_run_say_model(const struct fus_localizer *run, int model); /* its notes */
void fus_run_progress(const struct fus_localizer *run, const char *what, const char *things, int done, int of,
                      double started);
bool fus_run_stopping(const struct fus_localizer *run);
double fus_run_now(void); /* seconds since the machine started */

/* Whether any option needs single responses; whether those of a tap must be kept. */
bool fus_run_keeps_responses(const struct fus_localizer *run);
/* Whether the test can be made with these numbers of pictures; a note if it cannot select a unit,
 * or does not hold its level. */
int fus_run_check_sizes(struct fus_localizer *run, struct fus_error *err);
bool fus_run_resamples(const struct fus_localizer *run);   /* whether resampling follows the tests */
bool fus_run_keeps_third(const struct fus_localizer *run); /* whether the test needs third moments */
bool fus_run_uses_tap(const struct fus_localizer *run, int model,
                      const struct fus_tap *tap); /* for more than --equal-n */
bool fus_run_keeps_tap(const struct fus_localizer *run, int model, const struct fus_tap *tap);

/* The value for the model called `name`: its last NAME=VALUE, else the last VALUE for all models;
 * NULL: none given. */
const char *fus_run_for_model(const struct fus_run_per_model *o, const struct fus_localizer *run, const char *name);

/* ---- before (models.c, set.c, sheet.c, memory.c) ---- */

/* Opens every model and checks that it has the requested layers: sets its digest, layers and notes.
 * The first stays open. */
int fus_models_check(struct fus_localizer *run, struct fus_error *err);
int fus_models_open(struct fus_model **m, struct fus_localizer *run, int model, struct fus_error *err);
void fus_models_close(struct fus_model **m);
/* FUS_EINVAL if the digest of the model's weights has changed since the run began. */
int fus_models_check_unchanged(const struct fus_localizer *run, int model, struct fus_error *err);
/* Chooses a model's reference layer; its taps must be listed. */
int fus_models_choose_reference(struct fus_localizer *run, int model, struct fus_error *err);

/* list: which pictures there are, of which categories; the batch of the models depends on it. read:
 * every picture to show: digest, statistics, thumbnail. */
int fus_run_set_list(struct fus_localizer *run, struct fus_error *err);
int fus_run_set_read(struct fus_localizer *run, struct fus_error *err);
/* describe: copies the description of the set to the summary, without pixel statistics. The other
 * function adds these. */
int fus_run_set_describe(struct fus_localizer *run, struct fus_error *err);
int fus_run_set_summarise(struct fus_localizer *run, struct fus_error *err);
/* Room for the grey versions of the pictures, unless there are too many. */
int fus_run_set_make_grey(struct fus_run_pictures *p, struct fus_error *err);

/* The sheet of thumbnails (analysis/report/thumbs.h). draw: the thumbnail of picture i, of any
 * size; any thread may call it; context: the run. write first draws the thumbnails that are
 * missing. */
struct fus_sheet;
int fus_sheet_create(struct fus_localizer *run, struct fus_error *err);
int fus_sheet_draw(void *run, int i, const struct fus_image *picture, struct fus_error *err);
int fus_sheet_write(const char *path, struct fus_localizer *run, struct fus_error *err);
void fus_sheet_free(struct fus_localizer *run);

/* max_memory: chooses the batch, and whether weights are held a layer at a time, for a network
 * whose layers are known; m->net is then a resting network. Further: the bytes of the picture
 * cache; the bytes for moments and responses during the pass, and during the tests. A note if the
 * limit is too small. */
int fus_memory_choose(struct fus_run_model *r, const struct fus_localizer *run, struct fus_model *m,
                      struct fus_net_options *options, struct fus_error *err);
size_t fus_memory_cache_bytes(const struct fus_localizer *run);
/* Whether batches of so many pictures consist of whole blocks (accumulator.h). */
bool fus_memory_by_blocks(const struct fus_localizer *run, int batch);
void fus_memory_plan(size_t *showing, size_t *deciding, const struct fus_localizer *run, const struct fus_run_model *r);
void fus_memory_warn(struct fus_localizer *run);

/* ---- measuring and deciding (measure.c, decide.c, single_units.c) ---- */

struct fus_accumulator;
int fus_measure_model(struct fus_localizer *run, int model, struct fus_error *err);
/* Tests the units of layer `layer` from its accumulator, which is finished by this. The result goes
 * to the summary, the labels to units/MODEL/LAYER.npz, or to the summary if the run has no
 * folder. */
int fus_decide_layer(struct fus_localizer *run, int model, int layer, struct fus_accumulator *a, struct fus_error *err);
/* The labels as units/MODEL/LAYER.npz of the folder. m, r: moments and responses for the tables of
 * full_units, or NULL. */
int fus_decide_write_units(const char *folder, const struct fus_localizer *run, int model,
                           const struct fus_layer_summary *layer, const struct fus_moments *m,
                           const struct fus_responses *r, struct fus_error *err);
/* The response profile and top units for the report, from a layer whose labels are known. */
int fus_single_units_find(struct fus_layer_summary *layer, const struct fus_localizer *run, int model,
                          const struct fus_moments *m, const struct fus_responses *r, struct fus_error *err);

/* ---- files (localizer.c, write.c) ---- */

/* Creates the folders of units and figures; for a shard only the folder itself. */
int fus_localizer_make_folders(const struct fus_localizer *run, const char *folder, struct fus_error *err);

int fus_write_run(struct fus_localizer *run, const char *folder,
                  struct fus_error *err); /* all files of a run directory */

#endif
