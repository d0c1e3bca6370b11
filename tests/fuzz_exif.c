/* SPDX-License-Identifier: MIT */
/* Fuzz target: any bytes as a JPEG file, and as the Exif part of one, have an orientation; a
 * picture turned by it keeps its pixels. */
#include <stdlib.h>
#include <string.h>

#include "stimuli/stimuli.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void turn(int orientation)
{
    struct fus_image image = {0};
    unsigned sum = 0;
    if (orientation < 1 || orientation > 8 || fus_image_create(&image, 5, 3, NULL))
        abort();
    for (int i = 0; i < 45; i++)
        image.pixels[i] = (uint8_t)(i + 1);
    if (fus_exif_turn(&image, orientation, NULL) || image.width * image.height != 15)
        abort();
    for (int i = 0; i < 45; i++)
        sum += image.pixels[i];
    if (sum != 45 * 46 / 2)
        abort();
    fus_image_free(&image);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    turn(fus_exif_orientation(data, n));
    if (n > 65000)
        return 0;
    uint8_t *file = malloc(n + 12);
    memcpy(file, "\xff\xd8\xff\xe1", 4);
    file[4] = (uint8_t)((n + 8) >> 8);
    file[5] = (uint8_t)(n + 8);
    memcpy(file + 6, "Exif\0\0", 6);
    memcpy(file + 12, data, n);
    turn(fus_exif_orientation(file, n + 12));
    free(file);
    return 0;
}
