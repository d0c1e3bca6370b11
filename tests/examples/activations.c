/* SPDX-License-Identifier: MIT */
/* activations WEIGHTS PICTURE LAYER: the layer's responses to a picture, the mean of each
 * channel on a line. */
#include <stdio.h>

#include "analysis/localizer/model.h"

static int print_means(void *context, int tap, int picture, const float *blocked)
{
    const struct fus_tap *t = fus_net_tap(((struct fus_model *)context)->net, tap);
    size_t places = (size_t)t->height * (size_t)t->width;
    float *x = fus_base_alloc((size_t)t->channels * places, sizeof *x); /* [C, H, W] */
    if (!x)
        return FUS_ENOMEM;
    (void)picture;
    fus_tensor_unblock(x, blocked, t->channels, places);
    for (size_t c = 0; c < (size_t)t->channels; c++) {
        double sum = 0;
        for (size_t i = 0; i < places; i++)
            sum += (double)x[c * places + i];
        printf("%zu\t%.9g\n", c, sum / (double)places);
    }
    fus_base_free(x);
    return FUS_OK;
}

int main(int argc, char **argv)
{
    struct fus_model model = {0};
    struct fus_image image = {0};
    struct fus_error err = {0};
    float *input = NULL; /* [1, 3, side, side] */
    bool *wanted = NULL; /* [n_taps] */
    if (argc != 4)
        return 2;
    int code = fus_model_open(&model, argv[1], NULL, NULL, &err);
    if (!code)
        code = fus_decode_file(&image, argv[2], &err);
    if (!code && (!(input = fus_base_alloc(model.input_floats, sizeof *input)) ||
                  !(wanted = fus_base_alloc((size_t)fus_net_n_taps(model.net), sizeof *wanted))))
        code = fus_base_fail(&err, FUS_ENOMEM, "no memory");
    if (!code)
        code = fus_preprocess_apply(input, &model.preprocess, &image, &err);
    if (!code)
        code = fus_model_want(wanted, &model, argv[3], &err);
    if (!code)
        code = fus_net_forward(model.net, input, 1, wanted, print_means, &model, &err);
    if (code)
        fprintf(stderr, "%s\n", err.msg);
    fus_base_free(wanted);
    fus_base_free(input);
    fus_image_free(&image);
    fus_model_close(&model);
    return code != 0;
}
