/* SPDX-License-Identifier: MIT */
/* Private to stimuli/: filling a set with categories and pictures. */
#ifndef FUS_SET_FILL_H
#define FUS_SET_FILL_H

#include "stimuli/set/categories.h"
#include "stimuli/set/left_out.h"
#include "stimuli/stimuli.h"

#define FUS_SET_MAX_CATEGORIES 127 /* a unit's label is an int8, -1 for none */

/* A folder of pictures, and what was left out of it. */
struct fus_set_source {
    const char *dir;
    bool any; /* any number of pictures and categories is accepted */
    struct fus_left_out left;
};

int fus_set_fill_no_memory(struct fus_error *err);

/* Copies the plan's categories and subcategories into a set without pictures. */
int fus_set_fill_categories(struct fus_set *set, const struct fus_categories *p, struct fus_error *err);

/* Room for n more pictures. */
int fus_set_fill_reserve(struct fus_set *set, int n, struct fus_error *err);

/* Appends a picture and takes ownership of `path`. Halves alternate through the whole category. So
 * they alternate within each subcategory too, and a category of two single pictures has one in each
 * half. */
void fus_set_fill_add(struct fus_set *set, char *path, int category, int subcategory);

/* The pictures of the folder `name` in f->dir; NULL: of f->dir itself. */
int fus_set_fill_folder(struct fus_set *set, struct fus_set_source *f, const char *name, int category, int subcategory,
                        struct fus_error *err);

/* All of the plan. per_category 0: pictures of the folders in f->dir; otherwise that many drawn
 * pictures, split evenly over the subcategories of a category. */
int fus_set_fill(struct fus_set *set, const struct fus_categories *p, struct fus_set_source *f, int per_category,
                 struct fus_error *err);

/* Composes the description: "fLoc folders, 192 pictures: face = adult + child; body = ...". names
 * [n]: all subcategories, of which those outside the plan are listed as left out. */
int fus_set_fill_describe(struct fus_set *set, const struct fus_categories *p, const char *from, char *const *names,
                          int n, struct fus_error *err);

#endif
