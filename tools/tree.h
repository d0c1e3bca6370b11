/* The pictures of a folder and of the folders in it, and the names that what is
 * made of them gets. */
#ifndef FUS_TREE_H
#define FUS_TREE_H

#include "nn/base/base.h"

struct fus_tree_file {
    char *in, *out;
};

struct fus_tree {
    int n;
    struct fus_tree_file *files; /* a folder's pictures in natural order, then its folders */
    char *left_out;              /* what lies beside them and is no picture; NULL: nothing */
};

/* in: a folder, and out becomes a tree of the same names ending in .png; or a picture, and out is a
 * file NAME.png. Fails where two pictures would get the same name, or one would be written over a
 * picture that is read. t is untouched then. */
int fus_tree_list(struct fus_tree *t, const char *in, const char *out, struct fus_error *err);
void fus_tree_free(struct fus_tree *t);
void fus_tree_free_file(struct fus_tree_file *file); /* what it holds */

/* The folders that the files go to. */
int fus_tree_make_folders(const struct fus_tree *t, struct fus_error *err);

#endif
