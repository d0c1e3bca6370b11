/* SPDX-License-Identifier: MIT */
/* Private to stimuli/: the names in a folder, in an order that depends on the names alone. */
#ifndef FUS_FOLDER_H
#define FUS_FOLDER_H

#include <stdbool.h>

#include "nn/base/base.h"
#include "stimuli/image/kind.h"

/* pictures in a folder and in a set: far more than any localizer has, far below INT_MAX */
#define FUS_FOLDER_MAX_NAMES 10000000
#define FUS_FOLDER_MAX_PATH 4096 /* bytes of a path: Linux's own limit */

/* Kinds of files that are left out, besides format names such as "WebP". */
#define FUS_LEFT_SYSTEM "hidden or system file"
#define FUS_LEFT_FOLDER "sub-folder"
#define FUS_LEFT_LOOSE "picture outside the folders"
#define FUS_LEFT_RENAMED "picture with another ending"
#define FUS_LEFT_DEVICE "device or pipe"
#define FUS_LEFT_OTHER "other file"
#define FUS_LEFT_UNUSED "folder of no category"

struct fus_folder {
    int n, n_left;
    char **names; /* in natural order */
    struct fus_folder_left {
        char *name;
        const char *kind;
    } * left;       /* [n_left] in natural order; if folders are listed, without files that are no pictures */
    int n_pictures; /* pictures found, listed or not */
};

enum fus_folder_what { FUS_FOLDER_PICTURES, FUS_FOLDER_FOLDERS };

/* The pictures or the folders in the folder `path`; symbolic links are followed, hidden and system
 * names (kind.h) left out. A picture is a file with one of FUS_KIND_ENDINGS, in any case; a file
 * without an ending, or with the ending of an unsupported picture format, counts if its first bytes
 * are those of a supported format. Messages start with the path. f is untouched on failure. */
int fus_folder_list(struct fus_folder *f, const char *path, enum fus_folder_what what, struct fus_error *err);
void fus_folder_free(struct fus_folder *f);

/* dir/name in new memory; "/" is not doubled. FUS_ELIMIT past FUS_FOLDER_MAX_PATH. */
int fus_folder_join(char **path, const char *dir, const char *name, struct fus_error *err);

/* Natural order: runs of digits compare as numbers, the rest byte by byte (as code points in
 * UTF-8), as Python's key=lambda s: [int(t) if t.isdigit() else t for t in re.split(r"(\d+)", s)].
 * Names equal under that key (a1, a01) are ordered by their bytes, so that the order never depends
 * on the file system. */
int fus_folder_compare(const char *a, const char *b);

#endif
