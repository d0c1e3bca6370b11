/* SPDX-License-Identifier: MIT */
/* One unit of a finished run, with every number that its label comes from, for `fusiform explain`.
 *
 * `--units full` leaves mean, variance, t, p, q and CSI of every unit in units/MODEL/LAYER.npz:
 * then these files suffice for all but the responses to single pictures and the halves. Otherwise
 * the network is run again over the run's own pictures, and every number is that of the run, since
 * results are the same bytes on every machine. Either way the numbers are compared with what the
 * run's files say. */
#ifndef FUS_EXPLAIN_H
#define FUS_EXPLAIN_H

#include "analysis/decision.h"
#include "analysis/localizer/localizer.h"
#include "analysis/run/run_read.h"

struct fus_explain_request {
    const char *model, *layer; /* as in layers.csv */
    int channel, y, x;
    int category;        /* whose tests are shown; -1: the one that the unit can be selective for */
    const char *file;    /* where the weights are now; NULL: as run.json says */
    const char *stimuli; /* where the pictures are now; NULL: as run.json says */
    bool responses;      /* runs the network even if the files suffice */
    size_t max_memory;   /* 0: the default of a run */
    bool (*stopping)(void);
    fus_localizer_listener *listener; /* NULL allowed */
};

/* A number beside the same in a file of the run. */
struct fus_explain_check {
    char what[96];
    const char *file; /* "units", "top_units.csv", "layers.csv" */
    double here, there;
    bool same;
};

/* The unit in one half of the pictures: the label that this half gives it, and what is measured in
 * it of decision.category. */
struct fus_explain_half {
    struct fus_moments moments;   /* of the one unit */
    struct fus_decision decision; /* tests alone, not corrected over the layer */
    int label;                    /* by the run's rule in this half alone */
    double csi, dprime, auc;      /* auc: against all other pictures of the half */
};

struct fus_explain {
    const struct fus_run_read *run;
    const struct fus_run_read_model *model;
    struct fus_run_options options; /* of the run: those that decide on a unit */
    char layer[48];
    int channels, height, width, channel, y, x;
    size_t n_units, unit;
    bool full;       /* the run has --units full */
    bool relabelled; /* and permutations.csv */
    bool measured;   /* the network was run; else the numbers are those of the files, of 7 digits */
    float *labels;   /* [n_units] the file's */

    int n_pictures, n_categories;
    int *category, *half; /* [n_pictures]; half: measured alone */
    float *response;      /* [n_pictures] measured alone */

    struct fus_moments moments; /* of the one unit: groups are the categories */
    struct fus_decision decision;
    int label;          /* the file's */
    double csi, dprime; /* of decision.category */
    size_t n_here;      /* channels selective for decision.category at the unit's place */
    size_t n_selective; /* in the layer */
    size_t n_same;      /* measured: units of the layer whose label is the file's; 0 of ranksum, which is not counted */

    const char *no_halves; /* why there are none; NULL: there are */
    struct fus_explain_half halves[2];

    long n_permutations; /* of permutations.csv; 0: none */
    double t_critical;   /* the largest of the pairs' family-wise thresholds */

    struct fus_explain_check *checks; /* [n_checks] */
    size_t n_checks, room, n_differ;
};

/* The shape of a layer of the run; false if the model has no such layer. */
bool fus_explain_shape(int *channels, int *height, int *width, const struct fus_run_read *run, const char *model,
                       const char *layer);

/* Whether run.json says where the network and the pictures are: they are not files. */
bool fus_explain_finds_model(const struct fus_run_read *run, const char *model);
bool fus_explain_finds_pictures(const struct fus_run_read *run);

/* run must stay open until free. FUS_EINVAL if the weights or pictures are not the run's. */
int fus_explain_unit(struct fus_explain *x, const struct fus_run_read *run, const struct fus_explain_request *request,
                     struct fus_error *err);
void fus_explain_free(struct fus_explain *x);

/* ---- the steps ---- */

/* explain_files.c: the label, and with --units full the tables. units: values of the unit, six
 * tables [n_categories] in the order mean, var, t, p, q, csi; NAN where absent. p: of every unit
 * for x->decision.category, [n_units]. */
enum fus_explain_table {
    FUS_EXPLAIN_MEAN,
    FUS_EXPLAIN_VAR,
    FUS_EXPLAIN_T,
    FUS_EXPLAIN_P,
    FUS_EXPLAIN_Q,
    FUS_EXPLAIN_CSI
};
int fus_explain_read_labels(struct fus_explain *x, struct fus_error *err);
int fus_explain_read_table(double *of_unit, float *all, const struct fus_explain *x, enum fus_explain_table table,
                           struct fus_error *err);
int fus_explain_decide_from_files(struct fus_explain *x, int category, struct fus_error *err);
int fus_explain_check_files(struct fus_explain *x, struct fus_error *err);

/* explain_pass.c: runs the network. */
int fus_explain_measure(struct fus_explain *x, const struct fus_explain_request *request, struct fus_error *err);

/* explain_set.c: the options that open the run's set of pictures; stimuli NULL: as run.json says.
 * The texts of `o` are in *spec and *map, which the caller frees. */
int fus_explain_find_set(struct fus_run_options *o, char **spec, char **map, const struct fus_run_read *run,
                         const char *stimuli, struct fus_error *err);

#endif
