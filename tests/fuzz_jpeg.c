/* SPDX-License-Identifier: MIT */
/* Fuzz target: any bytes as a JPEG file end in a picture or in a message. */
#include <stdlib.h>

#include "stimuli/stimuli.h"

enum { MAX_PIXELS = 1 << 20 }; /* larger pictures take seconds under a sanitizer and find nothing else */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    fus_image_set_max_pixels(MAX_PIXELS);
    struct fus_image image = {0};
    struct fus_error err = {0, -1, ""};
    int code = fus_jpeg_decode(&image, data, n, &err);
    if ((code == 0) != (image.pixels != NULL) || (code != 0) != (err.msg[0] != 0))
        abort();
    fus_image_free(&image);
    return 0;
}
