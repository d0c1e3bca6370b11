/* SPDX-License-Identifier: MIT */
/* For the fuzz targets of volumes: everything that a file in memory says, up to a megabyte. */
#ifndef FUS_VOLUME_FUZZ_H
#define FUS_VOLUME_FUZZ_H

#include <stdlib.h>
#include <string.h>

#include "weights/volume.h"

static void fuzz_volume(const uint8_t *bytes, size_t n)
{
    struct fus_volume *v;
    struct fus_error err;
    if (fus_volume_open_bytes(&v, bytes, n, &err))
        return;
    const struct fus_volume_info *info = fus_volume_info(v);
    if (info->n_places > (uint64_t)n * 1032)
        abort();
    if (info->n_places < 1 << 20) {
        float *x = malloc(info->n_places * sizeof *x);
        for (size_t t = 0; t < info->n_frames && t < 100; t++)
            if (fus_volume_read(v, x, 1, &err))
                break;
        free(x);
    }
    fus_volume_close(v);
}

#endif
