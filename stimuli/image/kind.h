/* What a file is by its first bytes, and what its name says that it is. Private to stimuli/. */
#ifndef FUS_KIND_H
#define FUS_KIND_H

#include "nn/base/base.h"

/* Of the formats that are read. */
#define FUS_KIND_ENDINGS ".jpg .jpeg .jpe .jfif .png .ppm .pgm .pbm .pnm .bmp"

struct fus_kind {
    const char *name; /* "JPEG", "WebP"; NULL: nothing that is known here */
    bool readable;    /* there is a decoder for it */
};

enum { FUS_KIND_BYTES = 32 }; /* as many of a file are enough */

struct fus_kind fus_kind_of_bytes(const uint8_t *bytes, size_t n);
struct fus_kind fus_kind_of_file(const char *path); /* name NULL also where it cannot be read */

/* What a name's ending says, in any case. FUS_KIND_NONE: it has no ending, or one as in "1.2" or "cat. a dog". */
enum fus_kind_ending { FUS_KIND_NONE, FUS_KIND_READ, FUS_KIND_PICTURE, FUS_KIND_OTHER };
enum fus_kind_ending fus_kind_of_ending(const char *name, const char **kind); /* *kind: of FUS_KIND_PICTURE */

/* What systems and archives put beside pictures: hidden names, Thumbs.db, @eaDir, __MACOSX. */
bool fus_kind_is_system(const char *name);

#endif
