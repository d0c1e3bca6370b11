/* The steps of `fusiform run`, in order; cmd_run.c puts them together. */
#ifndef FUS_RUN_H
#define FUS_RUN_H

#include "analysis/inference.h"
#include "analysis/report/report.h"
#include "tools/args.h"
#include "tools/model.h"
#include "tools/parts.h"

#define FUS_RUN_MOST_MODELS 64

/* Of one layer, what goes beyond its summary; NULL and 0 where it was not asked for. */
struct fus_run_layer {
    struct fus_bootstrap bootstrap;
    struct fus_permute_category *permuted; /* [n_categories] */
    size_t *sweep;                         /* [n_categories, fus_sweep_thresholds()] selective units */
    double *rdm, *picture_rdm;             /* of the categories, of the pictures: consistency.c */
    double *profile;                       /* of the reference layer: [n_categories, n_pictures] mean response of the units selective for a category */
    struct fus_top_unit *top;              /* [n_top], where single responses were there */
    int n_top;
};

struct fus_run_model {
    char name[128];       /* NAME= or derived; in file names '/' and ':' become '_' */
    const char *path;
    struct fus_preprocess preprocess;
    struct fus_tap *taps; /* [n_layers] that were asked for */
    struct fus_model *open; /* between check and use; NULL: to be opened again */
    long long file_bytes, file_time; /* as its digest was taken */
    char *notes;          /* for its user; NULL: none */
    char isa[16];         /* for the log */
    double load_seconds, forward_seconds, decode_seconds, statistics_seconds, decide_seconds, seconds;
    int n_passes;
    size_t net_bytes, scratch_bytes, least_bytes; /* least: with which this model and its layers can be done */
    int batch;                    /* pictures at a time */
    bool low_memory;
    char reference[48];           /* the layer of the report's single pictures (fus_compare_last_block) */
    bool keeps_reference;         /* its responses are not too many to keep */
    int n_layers;
    struct fus_run_layer *layers; /* [n_layers] as taps, and as the model's summary */
};

/* An option that may be given for one model, NAME=VALUE, or for all: VALUE. */
struct fus_run_per_model {
    const char *items[2 * FUS_RUN_MOST_MODELS];
    int n;
};

enum fus_run_halves { FUS_HALVES_NONE, FUS_HALVES_ALTERNATE, FUS_HALVES_OPTION }; /* alternate: or as the manifest says */

struct fus_run {
    const char *stimuli, *categories, *out, *layers, *lang_head;
    struct fus_run_per_model prefixes, preprocesses; /* --prefix, --preprocess */
    struct fus_select_options select;
    size_t max_memory;
    int batch;                     /* --batch; 0: each model's own */
    bool full_units, direct, low_memory, sweep, consistency, scrambled, skip_bad;
    enum fus_run_halves halves;
    int bootstrap, permutations;   /* 0: none */
    enum fus_interval_method interval;
    const char *preset;            /* NULL: none */
    char criterion_text[1200];     /* for the report, where it is not the default's */
    uint64_t seed;
    int n_options;
    char **options;                /* [n_options] "--alpha=0.05": those that the result depends on */
    int shard, n_shards;           /* --shard; 0 of 0: the whole set */
    bool resume, force;
    bool replace, finished, done;  /* in --out: a run to be removed first; with --resume, a finished run, and it is this one */
    uint64_t checkpoint;           /* seconds of work that may be lost */
    char digest[65];               /* of the provenance: whose checkpoints they are */
    const char *sheet;             /* where pictures.png is copied from; NULL: it is drawn */
    struct fus_run_sheet *drawing; /* ... meanwhile */
    int lock;                      /* parts/lock, held while the run is at work; -1 */
    int n_models;
    struct fus_run_model *models;
    struct fus_set set;
    struct fus_cache *cache;       /* of the set's pictures */
    struct fus_parts parts;
    int first, end;                /* the pictures to be shown: all, or the shard's */
    char (*picture_sha256)[65];    /* [set.n_pictures]; empty: another shard's */
    struct fus_pixelstats *pixel_stats; /* the same */
    struct fus_pixelstats_category *pixels; /* [set.n_categories] */
    double started, models_seconds, check_seconds, folder_seconds; /* for the log */
};

/* The command line: 0, 2 after a message, -1 after --help. What --model, --out and --stimuli say is for the caller to look at. */
struct fus_texts;
int fus_run_parse(struct fus_run *run, struct fus_texts *models, int argc, char **argv);
extern const struct fus_run fus_run_defaults;

int fus_run_open_stimuli(struct fus_run *run, struct fus_run_summary *summary, struct fus_error *err);
/* What the set says goes into the summary, which has no pixels yet; those. */
int fus_run_describe_set(struct fus_run *run, struct fus_run_summary *summary, struct fus_error *err);
int fus_run_summarise_pixels(struct fus_run *run, struct fus_run_summary *summary, struct fus_error *err);
/* What the options say about which units are selective, as given. */
struct fus_run_choices {
    struct fus_choice preset, criterion, test, correction, halves, interval; /* -1 (halves: alternate): not given */
    double alpha;                                                            /* 0: not given */
    struct fus_word presets[8], criteria[8], intervals[4];                   /* the words of these */
};
void fus_run_choices_start(struct fus_run_choices *c);

/* Into run->select, halves, interval, preset and criterion_text. 0, or 2 after a message. */
int fus_run_choose(struct fus_run *run, const struct fus_run_choices *c);

/* What is said for the model called `name`: the last NAME=VALUE of its own, else the last VALUE for all; NULL: nothing. */
const char *fus_run_for_model(const struct fus_run_per_model *o, const struct fus_run *run, const char *name);
int fus_run_check_per_model(const struct fus_run *run); /* 0, or 2 after a message where a --preprocess cannot be understood */

/* --max-memory (run_memory.c): the batch, and whether weights are held a layer at a time, for a network that is being opened
 * and whose layers are known; m->net is a resting one thereafter. Bytes that remember pictures. Bytes for moments and
 * responses while pictures are shown, and while layers are decided on. A line on stderr where the limit is too small. */
int fus_run_choose_memory(struct fus_run_model *r, const struct fus_run *run, struct fus_model *m, struct fus_net_options *options, struct fus_error *err);
size_t fus_run_cache_bytes(const struct fus_run *run);
size_t fus_run_deciding_bytes(const struct fus_run *run, size_t n_units);
void fus_run_plan_memory(size_t *showing, size_t *deciding, const struct fus_run *run, const struct fus_run_model *r);
void fus_run_warn_memory(struct fus_run *run);

/* Every model can be opened and has the layers asked for: its digest, its layers and what is said about it. The first stays open. */
int fus_run_check_models(struct fus_run *run, struct fus_run_summary *summary, struct fus_error *err);
int fus_run_open_model(struct fus_model **m, struct fus_run *run, int model, const struct fus_run_summary *summary, struct fus_error *err);
/* FUS_EINVAL where the model's weights are no longer those that the run began with, by their digest. */
int fus_run_check_unchanged(const struct fus_run *run, int model, const struct fus_run_summary *summary, struct fus_error *err);
int fus_run_check_folders(const struct fus_run *run, struct fus_error *err); /* before anything is written */
int fus_run_make_folders(struct fus_run *run, struct fus_error *err);
int fus_run_measure_model(struct fus_run *run, int model, struct fus_run_summary *summary, struct fus_error *err);
/* One layer: its moments [n_categories without halves, else 2 * n_categories, n_units], destroyed, and its responses, where the
 * tally keeps them, into the summary, `extra` and the file of labels. */
struct fus_tally;
int fus_run_decide(struct fus_layer_summary *layer, struct fus_run_layer *extra, const struct fus_run *run, int model,
                   const struct fus_tap *tap, struct fus_moments *moments, struct fus_tally *tally, struct fus_error *err);
/* The same from what was counted of the layer, which is finished thereby: into the summary and run->models[model].layers[layer]. */
int fus_run_decide_layer(struct fus_run *run, struct fus_run_summary *summary, int model, int layer, struct fus_tally *tally, struct fus_error *err);
/* Whether any option needs single responses. */
bool fus_run_keeps_responses(const struct fus_run *run);
/* layers.csv, compare.csv, the other tables, run.json, figures and report.html, run.log. */
int fus_run_write_all(struct fus_run *run, const struct fus_run_summary *summary, struct fus_error *err);
void fus_run_print(const struct fus_run *run, const struct fus_run_summary *summary);

/* The reference layer among a model's, into m; whether a tap's single responses are to be kept. What the report shows of
 * them, from a layer that is decided on: its profile and top units, into `extra`. */
int fus_run_choose_reference(struct fus_run_model *m, const struct fus_run *run, struct fus_error *err);
bool fus_run_keeps_tap(const struct fus_run *run, int model, const struct fus_tap *tap);
int fus_run_profile(struct fus_run_layer *extra, const struct fus_layer_summary *layer, const struct fus_run *run, int model,
                    const struct fus_moments *m, const struct fus_responses *r, struct fus_error *err);
int fus_run_write_profiles(const struct fus_run *run, const struct fus_run_summary *summary, struct fus_error *err); /* profiles.csv, top_units.csv */

/* pictures.png: thumbnails (analysis/report/thumbs.h) of the set. draw: of picture i, whatever its size, by any thread; context: the run. write draws
 * first what has not been; path: where it is to be. */
int fus_run_sheet_create(struct fus_run *run, struct fus_error *err);
int fus_run_sheet_draw(void *run, int i, const struct fus_image *picture, struct fus_error *err);
int fus_run_sheet_write(const char *path, struct fus_run *run, struct fus_error *err);
void fus_run_sheet_free(struct fus_run *run);

/* A picture's name that does not depend on where the set lies: "adult/adult-1.jpg". */
void fus_run_picture_name(char name[1024], const struct fus_set *set, int picture);
struct fus_outfile; /* nn/base/outfile.h */

/* OUT/NAME with its first line; header without the end of line. */
int fus_run_open_table(struct fus_outfile *f, const struct fus_run *run, const char *name, const char *header, struct fus_error *err);
/* permutations.csv, sweep.csv, consistency.csv, signflip.csv: those that were asked for or make sense. */
int fus_run_write_more(const struct fus_run *run, const struct fus_run_summary *summary, struct fus_error *err);
void fus_run_free(struct fus_run *run, struct fus_run_summary *summary);

/* Seconds since the machine started. */
double fus_run_now(void);

/* OUT/units/NAME with the name made fit for a file. */
void fus_run_units_folder(char *path, size_t path_bytes, const struct fus_run *run, int model);

/* The last layer with more than one place: layer4.2.relu of a ResNet-50. NULL: none. */
const struct fus_layer_summary *fus_run_last_place_layer(const struct fus_model_summary *m);

/* "WHAT: 12 of 192 THINGS, 3.4 a second, 53 s left": a line on a terminal that is written over, plain lines now and then elsewhere. */
void fus_run_progress(const char *what, const char *things, int done, int of, double started);

/* Ctrl-C and SIGTERM: fus_run_stopping at once; fus_base_stopping 0.4 s later, so that a batch can still be ended; after 0.8 s, or at a
 * second one, the program ends there and then. */
void fus_run_catch_interrupt(void);
bool fus_run_stopping(void);

#endif
