/* SPDX-License-Identifier: MIT */
/* The pictures of a folder and of its sub-folders, and the names of the output files. */
#ifndef FUS_TREE_H
#define FUS_TREE_H

#include "nn/base/base.h"

struct fus_tree_file {
    char *in, *out;
};

struct fus_tree {
    int n;
    struct fus_tree_file *files; /* a folder's pictures in natural order, then its folders */
    char *left_out;              /* other files beside them; NULL: none */
};

/* in: a folder, and out becomes a tree of the same names ending in .png; or a picture, and out is a
 * file NAME.png. Fails if two pictures would get the same output name, or an output would overwrite
 * an input. t is then unchanged. */
int fus_tree_list(struct fus_tree *t, const char *in, const char *out, struct fus_error *err);
void fus_tree_free(struct fus_tree *t);
void fus_tree_free_file(struct fus_tree_file *file); /* its members */

/* Creates the folders of the output files. */
int fus_tree_make_folders(const struct fus_tree *t, struct fus_error *err);

#endif
