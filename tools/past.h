/* A finished run as `fusiform run` left it: run.json and layers.csv read back. */
#ifndef FUS_PAST_H
#define FUS_PAST_H

#include "nn/base.h"
#include "stimuli/stimuli.h"

struct fus_past_picture {
    char *name, *category, *sha256;
};

struct fus_past_row { /* of layers.csv */
    char *model, *layer, *category;
    double n_selective, proportion, csi_mean, csi_sem, csi_undefined, variation_cv; /* NaN: empty */
};

enum { FUS_PAST_CRITERION, FUS_PAST_TEST, FUS_PAST_CORRECTION, FUS_PAST_ALPHA, FUS_PAST_OPTIONS };

struct fus_past {
    const char *folder;
    char *options[FUS_PAST_OPTIONS]; /* as JSON: "\"iut\"", "0.05", "null" */
    int n_pictures, n_rows, n_models;
    struct fus_past_picture *pictures;
    struct fus_past_row *rows;
    struct {
        char *name, *sha256;
    } models[64];
};

/* Messages start with the file's path. */
int fus_past_open(struct fus_past *p, const char *folder, bool with_layers, struct fus_error *err);
void fus_past_close(struct fus_past *p);

/* FUS_EINVAL that names the first picture, or option, that differs. */
int fus_past_same_pictures(const struct fus_past *a, const struct fus_past *b, struct fus_error *err);
int fus_past_same_options(const struct fus_past *a, const struct fus_past *b, struct fus_error *err);

/* The same against the pictures of an open set. */
int fus_past_shows(const struct fus_past *p, const struct fus_set *set, const char (*sha256)[65], struct fus_error *err);

#endif
