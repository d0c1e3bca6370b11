/* SPDX-License-Identifier: MIT */
/* The options of a run, for `fusiform run` and for fus_localizer_create. One table (run_options.c)
 * writes and reads those that the result depends on, in run.json and in the state of an interrupted
 * run or a shard. */
#ifndef FUS_RUN_OPTIONS_H
#define FUS_RUN_OPTIONS_H

#include "analysis/inference.h"
#include "nn/nn.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { FUS_RUN_MAX_MODELS = 64 };

/* Halves of cross-validated numbers: none; a category's pictures in turn, or as the manifest says;
 * fLoc's two sets of subcategories. */
enum fus_run_halves { FUS_HALVES_NONE, FUS_HALVES_ALTERNATE, FUS_HALVES_OPTION };

/* An option that may differ between models: "NAME=VALUE" for one of them, "VALUE" for the others.
 * The last one that applies counts. */
struct fus_run_per_model {
    const char *items[2 * FUS_RUN_MAX_MODELS];
    int n;
};

/* All texts are owned by the caller and must stay valid until the run is destroyed. NULL or 0: not
 * requested. */
struct fus_run_options {
    /* the pictures */
    const char *stimuli;    /* a folder, FILE.tsv or "builtin?...": fus_set_open */
    const char *categories; /* "face=adult,child;place=house" */
    bool scrambled;         /* a scrambled category is added if the set has none */
    bool skip_bad;          /* pictures that cannot be read are left out; else the run fails */
    /* the networks */
    const char *layers;     /* "all" or "a,b" */
    const char *lang_head;  /* prefix of the language head's tensors */
    const char *activation; /* "quickgelu" or "gelu", of CLIP's transformers whose files do not say */
    struct fus_run_per_model prefixes, preprocesses;
    bool direct; /* convolutions without Winograd's algorithm */
    enum fus_precision precision;
    /* which units are selective, and what else is computed */
    struct fus_select_options select;
    const char *preset; /* "lu-wang" ...: select.criterion must be its criterion (rules.h) */
    enum fus_run_halves halves;
    int bootstrap, permutations; /* resamples; relabellings, with the permutation test those of the test */
    enum fus_interval_method interval;
    enum fus_redraw_over over; /* what `bootstrap` draws */
    bool sweep, consistency;
    bool matched;          /* models are compared by as many units of each (contrast.h) */
    bool draws;            /* the statistics of every resample are written: draws/MODEL/LAYER.npz (draws.h) */
    const char *groups;    /* "lang=l1,l2;control=c1,c2": trainings of one kind, models by name */
    double sesoi;          /* the smallest log ratio of proportions of interest; 0: none is stated */
    const char *subsample; /* pictures per category, "8,12,16": power.csv */
    const char *validate;  /* a second set, as stimuli: its pictures measure the chosen units; validate.csv */
    bool equal_n;          /* also with as many pictures of each category: equal_n.csv */
    uint64_t seed;
    bool full_units; /* units/MODEL/LAYER.npz with mean, var, t, p, q and csi; needs `folder` */
    /* execution; none of this changes a result */
    size_t max_memory;   /* bytes in total */
    int batch;           /* pictures at a time, at most 256; 0: as max_memory allows */
    bool low_memory;     /* one layer's weights at a time */
    const char *folder;  /* the folder of the results. The run saves its state there and can be resumed;
                             * NULL: no state is saved, and labels stay in memory */
    bool resume, force;  /* go on with the run in `folder`; replace it */
    uint64_t checkpoint; /* seconds of work that may be lost; 0: state is saved after every batch */
    int shard, n_shards; /* show the shard-th of n_shards shares of the pictures alone; 0 of 0: all */
    bool (*stopping)(
        void); /* asked between batches and layers: true ends the run with FUS_ESTOPPED. NULL: fus_base_stopping */
};

/* The whole of builtin, all layers, iut with BH at .05, halves in turn, seed 1, 512 MiB. */
extern const struct fus_run_options fus_run_options_defaults;

/* An option that the result depends on, as text. */
struct fus_run_option_text {
    const char *name; /* "alpha" */
    const char *text; /* "0.05"; of the options, or `number` */
    /* in run.json: text, or the value prescribed by the criterion; null if it has none */
    const char *shown;
    bool quoted;  /* shown is a string in JSON */
    bool in_json; /* it is among the options in run.json; else it is elsewhere in the file */
    char number[32];
};
enum { FUS_RUN_OPTIONS_TEXTS = 25 + 2 * FUS_RUN_MAX_MODELS };

/* list [FUS_RUN_OPTIONS_TEXTS]: in the order of run.json. Returns how many. */
int fus_run_options_list(struct fus_run_option_text *list, const struct fus_run_options *o);

/* Sets the option from its text, which the caller owns; false if there is no such option or the
 * text is not one of its values. */
bool fus_run_options_set(struct fus_run_options *o, const char *name, const char *text);

/* select's number of relabellings and seed, from the run's: after the last option was set. */
void fus_run_options_settle(struct fus_run_options *o);

/* Whether `permutations` asks for permutations.csv; else it is the permutation test's number. */
bool fus_run_options_relabels(const struct fus_run_options *o);

/* FUS_EINVAL if options contradict one another. */
int fus_run_options_check(const struct fus_run_options *o, struct fus_error *err);

#ifdef __cplusplus
}
#endif

#endif
