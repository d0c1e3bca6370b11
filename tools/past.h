/* A finished run as `fusiform run` left it: run.json and layers.csv read back. The report reads the rest: redraw.h. */
#ifndef FUS_PAST_H
#define FUS_PAST_H

#include "nn/base/base.h"
#include "stimuli/stimuli.h"

struct fus_past_picture {
    char *name, *category, *sha256;
};

struct fus_past_row { /* of layers.csv */
    char *model, *layer, *category;
    double n_selective, proportion, csi_mean, csi_sem, csi_undefined, variation_cv, depth; /* NaN: empty */
};

struct fus_past_option { /* a member of run.json that is no list */
    char *name, *value;  /* value as JSON: "\"iut\"", "0.05", "null" */
};

struct fus_past_model {
    char *name, *sha256, *source, *architecture, *preprocess, *prefix; /* prefix NULL: none was given */
};

struct fus_past {
    const char *folder;
    int n_options, n_pictures, n_categories, n_rows, n_models;
    struct fus_past_option *options;
    struct fus_past_picture *pictures;
    char **categories;
    struct fus_past_model *models;
    struct fus_past_row *rows;
};

/* Messages start with the file's path. */
int fus_past_open(struct fus_past *p, const char *folder, bool with_layers, struct fus_error *err);
void fus_past_close(struct fus_past *p);

/* An option's JSON text, NULL: there is none; and the same as a text, *to from fus_base_alloc, NULL where it is null or missing. */
const char *fus_past_option(const struct fus_past *p, const char *name);
int fus_past_text(char **to, const struct fus_past *p, const char *name, struct fus_error *err);

/* units/MODEL/LAYER.npz of the run: its labels, label [n_units]; FUS_EFORMAT where they are not [channels, height, width]. */
int fus_past_labels(float *label, const struct fus_past *p, const char *model, const char *layer, int channels, int height, int width,
                    struct fus_error *err);

/* FUS_EINVAL that names the first picture, or option, that differs. */
int fus_past_same_pictures(const struct fus_past *a, const struct fus_past *b, struct fus_error *err);
int fus_past_same_options(const struct fus_past *a, const struct fus_past *b, struct fus_error *err);

/* The same against the pictures of an open set. */
int fus_past_shows(const struct fus_past *p, const struct fus_set *set, const char (*sha256)[65], struct fus_error *err);

#endif
