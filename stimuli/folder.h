/* Names in a folder, in an order that depends on nothing but the names. Private to stimuli/. */
#ifndef FUS_FOLDER_H
#define FUS_FOLDER_H

#include <stdbool.h>

#include "nn/base.h"

#define FUS_FOLDER_MAX_NAMES                                                                                           \
    10000000                     /* pictures in a folder and in a set: far past any localizer, far below int's end */
#define FUS_FOLDER_MAX_PATH 4096 /* bytes of a path: Linux's own limit */
#define FUS_FOLDER_ENDINGS ".jpg .jpeg .jpe .jfif .png .ppm .pgm .pbm .pnm .bmp"

struct fus_folder {
    int n;
    char **names;   /* in natural order */
    int n_pictures; /* names with a picture's ending, whether or not they were asked for */
    int n_others;   /* neither asked for nor pictures; hidden names do not count */
};

enum fus_folder_what { FUS_FOLDER_PICTURES, FUS_FOLDER_FOLDERS };

/* The pictures (by their endings, in any case) or the folders in the folder `path`; symbolic links are followed, hidden
 * names passed over. Messages start with the path. f is untouched on failure. */
int fus_folder_list(struct fus_folder *f, const char *path, enum fus_folder_what what, struct fus_error *err);
void fus_folder_free(struct fus_folder *f);

/* dir/name in new memory; "/" is not doubled. FUS_ELIMIT past FUS_FOLDER_MAX_PATH. */
int fus_folder_join(char **path, const char *dir, const char *name, struct fus_error *err);

/* Natural order: runs of digits compare as numbers, the rest byte by byte (as code points in UTF-8), as Python's
 * key=lambda s: [int(t) if t.isdigit() else t for t in re.split(r"(\d+)", s)]. Names equal under that key (a1, a01) are
 * ordered by their bytes, so that no order of the folder shows through. */
int fus_folder_compare(const char *a, const char *b);

#endif
