/* SPDX-License-Identifier: MIT */
/* A finished run as `fusiform run` left it: run.json and layers.csv read back. The report reads the
 * rest: run_summary.h. */
#ifndef FUS_RUN_READ_H
#define FUS_RUN_READ_H

#include "analysis/analysis.h"
#include "analysis/run/run_options.h"
#include "stimuli/stimuli.h"

struct fus_run_read_picture {
    char *name, *category, *sha256, *subcategory; /* subcategory NULL: not stated */
};

struct fus_run_read_row { /* of layers.csv: a category of a layer of a model */
    char *model, *category;
    struct fus_layer_summary layer; /* its name and shape */
    struct fus_category_summary numbers;
};

struct fus_run_read_option { /* a member of run.json that is not a list */
    char *name, *value;      /* value as JSON: "\"iut\"", "0.05", "null" */
};

struct fus_run_read_model {
    char *name, *sha256, *source, *architecture, *preprocess, *prefix; /* prefix NULL: none was given */
};

struct fus_run_read {
    const char *folder;
    int n_options, n_pictures, n_categories, n_rows, n_models;
    struct fus_run_read_option *options;
    char *lang_head, *activation; /* of these options, decoded; NULL: not given */
    struct fus_run_read_picture *pictures;
    char **categories;
    struct fus_run_read_model *models;
    struct fus_run_read_row *rows;
};

/* Messages start with the file's path. */
int fus_run_read_open(struct fus_run_read *p, const char *folder, bool with_layers, struct fus_error *err);
void fus_run_read_close(struct fus_run_read *p);

/* An option's JSON text; NULL: there is none. The other function decodes it as a string, *to from
 * fus_base_alloc; NULL if it is null or missing. */
const char *fus_run_read_option(const struct fus_run_read *p, const char *name);
int fus_run_read_text(char **to, const struct fus_run_read *p, const char *name, struct fus_error *err);

/* The options of the run with which its models are opened and its units selected: criterion, test,
 * correction, alpha, halves, seed, permutations, conv, precision, units, lang-head, activation; the
 * others as by default. Texts are owned by p. FUS_EFORMAT names a value that no run has. */
int fus_run_read_rule(struct fus_run_options *o, const struct fus_run_read *p, struct fus_error *err);

/* units/MODEL/LAYER.npz of the run: its labels, label [n_units]; FUS_EFORMAT if they are not
 * [channels, height, width]. */
int fus_run_read_labels(float *label, const struct fus_run_read *p, const char *model, const char *layer, int channels,
                        int height, int width, struct fus_error *err);

/* FUS_EINVAL that names the first picture, or option, that differs. */
int fus_run_read_same_pictures(const struct fus_run_read *a, const struct fus_run_read *b, struct fus_error *err);
int fus_run_read_same_options(const struct fus_run_read *a, const struct fus_run_read *b, struct fus_error *err);

/* The same against the pictures of an open set. */
int fus_run_read_shows(const struct fus_run_read *p, const struct fus_set *set, const char (*sha256)[65],
                       struct fus_error *err);

#endif
