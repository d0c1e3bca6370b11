/* SPDX-License-Identifier: MIT */
/* Private to stimuli/: the kind of a file, by its first bytes and by its name. */
#ifndef FUS_KIND_H
#define FUS_KIND_H

#include "nn/base/base.h"

/* Of the formats that are read. */
#define FUS_KIND_ENDINGS ".jpg .jpeg .jpe .jfif .png .ppm .pgm .pbm .pnm .bmp"

struct fus_kind {
    const char *name; /* "JPEG", "WebP"; NULL: unknown */
    bool readable;    /* there is a decoder for it */
};

enum { FUS_KIND_BYTES = 32 }; /* bytes of a file that are examined */

struct fus_kind fus_kind_of_file(const char *path); /* name NULL if it cannot be read */

/* The kind by the name's ending; upper and lower case are equal. FUS_KIND_NONE: no ending, or not
 * that of a file type, as in "1.2" or "cat. a dog". */
enum fus_kind_ending { FUS_KIND_NONE, FUS_KIND_READ, FUS_KIND_PICTURE, FUS_KIND_OTHER };
/* *kind: of FUS_KIND_PICTURE */
enum fus_kind_ending fus_kind_of_ending(const char *name, const char **kind);

/* Hidden and system files: .DS_Store, Thumbs.db, @eaDir, __MACOSX. */
bool fus_kind_is_system(const char *name);

#endif
