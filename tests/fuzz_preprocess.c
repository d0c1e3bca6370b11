/* SPDX-License-Identifier: MIT */
/* Fuzz target: any text as preprocessing, as it stands in a weight file's metadata, is refused with
 * a message or makes finite numbers within bounds; those of a small picture are made. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "stimuli/stimuli.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void apply(const struct fus_preprocess *p)
{
    static const int sizes[][2] = {{9, 7}, {4, 30}, {64, 64}};
    float *out = malloc(3 * (size_t)p->crop * (size_t)p->crop * sizeof *out);
    for (int s = 0; s < 3; s++) {
        struct fus_image image = {0};
        struct fus_error err = {0, -1, ""};
        if (fus_image_create(&image, sizes[s][0], sizes[s][1], &err) || fus_preprocess_apply(out, p, &image, &err))
            abort();
        for (int i = 0; i < 3; i++)
            if (out[(size_t)i * (size_t)p->crop * (size_t)p->crop] != (0.0f / 255.0f - p->mean[i]) / p->std[i])
                abort();
        fus_image_free(&image);
    }
    free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct fus_preprocess p = {0};
    struct fus_error err = {0, -1, ""};
    char *text = malloc(n + 1);
    memcpy(text, data, n);
    text[n] = 0;
    if (fus_preprocess_parse(&p, text, &err)) {
        if (!err.msg[0] || p.crop)
            abort();
    } else {
        if (p.resize < 1 || p.resize > 16384 || p.crop < 1 || p.crop > 16384)
            abort();
        for (int i = 0; i < 3; i++)
            if (!isfinite(p.mean[i]) || !(p.std[i] > 0) || !isfinite(p.std[i]))
                abort();
        if (p.resize <= 100 && p.crop <= 100)
            apply(&p);
    }
    free(text);
    return 0;
}
