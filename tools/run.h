/* The steps of `fusiform run`, in order; cmd_run.c puts them together. */
#ifndef FUS_RUN_H
#define FUS_RUN_H

#include "analysis/analysis.h"
#include "model.h"

struct fus_run_model {
    char name[128];       /* NAME= or derived; in file names '/' and ':' become '_' */
    const char *path;
    char isa[16];         /* for the log */
    double load_seconds, forward_seconds, decode_seconds, statistics_seconds, seconds;
    int n_passes;
    size_t net_bytes;
};

struct fus_run {
    const char *stimuli, *categories, *out, *layers, *lang_head;
    struct fus_select_options select;
    size_t max_memory;
    int batch;
    bool full_units, direct, low_memory, scrambled;
    uint64_t seed;
    int n_models;
    struct fus_run_model *models;
    struct fus_set set;
    char (*picture_sha256)[65];
    struct fus_pixelstats_category *pixels; /* [set.n_categories] */
    double started, check_seconds;
};

int fus_run_open_stimuli(struct fus_run *run, struct fus_run_summary *summary, struct fus_error *err);
int fus_run_check_models(struct fus_run *run, struct fus_error *err);
int fus_run_make_folders(struct fus_run *run, struct fus_error *err);
int fus_run_measure_model(struct fus_run *run, int model, struct fus_run_summary *summary, struct fus_error *err);
int fus_run_write_tables(const struct fus_run *run, const struct fus_run_summary *summary, struct fus_error *err);
int fus_run_write_log(const struct fus_run *run, const struct fus_run_summary *summary, struct fus_error *err);
void fus_run_free(struct fus_run *run, struct fus_run_summary *summary);

/* Seconds since the machine started. */
double fus_run_now(void);

/* OUT/units/NAME with the name made fit for a file. */
void fus_run_units_folder(char *path, size_t path_bytes, const struct fus_run *run, int model);

/* The last layer with more than one place: layer4.2.relu of a ResNet-50. NULL: none. */
const struct fus_layer_summary *fus_run_last_place_layer(const struct fus_model_summary *m);

/* A line on a terminal that is written over, plain lines now and then elsewhere. */
void fus_run_progress(const struct fus_run *run, const char *what, int done, int of, double started);

#endif
