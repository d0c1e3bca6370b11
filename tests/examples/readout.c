/* SPDX-License-Identifier: MIT */
/* readout WEIGHTS PICTURES LAYER: how well the categories can be told apart by the layer's
 * responses. A read-out is fitted to one half of the pictures (the nearest class mean) and asked
 * about the other half. */
#include <stdio.h>

#include "analysis/inference.h"
#include "analysis/localizer/model.h"

struct responses {
    const struct fus_tap *tap;
    float *row; /* [n_units] of the picture that is being shown */
};

static int keep(void *context, int tap, int picture, const float *blocked)
{
    struct responses *r = context;
    (void)tap;
    (void)picture;
    fus_tensor_unblock(r->row, blocked, r->tap->channels, (size_t)r->tap->height * (size_t)r->tap->width);
    return FUS_OK;
}

/* x [n_pictures, n_units]. */
static int show(float *x, struct fus_model *m, const struct fus_set *set, int tap, size_t n_units,
                struct fus_error *err)
{
    bool *wanted = fus_base_alloc((size_t)fus_net_n_taps(m->net), sizeof *wanted);
    float *input = fus_base_alloc(m->input_floats, sizeof *input);
    struct responses r = {fus_net_tap(m->net, tap), x};
    int code = wanted && input ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "no memory");
    for (int i = 0; i < set->n_pictures && !code; i++, r.row += n_units) {
        struct fus_image image = {0};
        wanted[tap] = true;
        code = fus_set_picture(&image, set, i, err);
        if (!code)
            code = fus_preprocess_apply(input, &m->preprocess, &image, err);
        if (!code)
            code = fus_net_forward(m->net, input, 1, wanted, keep, &r, err);
        fus_image_free(&image);
    }
    fus_base_free(wanted);
    fus_base_free(input);
    return code;
}

static int read_out(const float *x, const struct fus_set *set, size_t n_units, struct fus_error *err)
{
    int *category = fus_base_alloc((size_t)set->n_pictures, sizeof *category), right = 0, asked = 0;
    size_t *rows = fus_base_alloc((size_t)set->n_pictures, sizeof *rows);
    struct fus_readout_data d = {
        .x = x, .category = category, .rows = rows, .n_features = n_units, .n_categories = set->n_categories};
    struct fus_readout fit = {0};
    int code = category && rows ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "no memory");
    for (int i = 0; i < set->n_pictures && !code; i++) {
        category[i] = set->pictures[i].category;
        if (set->pictures[i].half == 0)
            rows[d.n++] = (size_t)i;
    }
    if (!code)
        code = fus_readout_mean(&fit, &d, err);
    for (int i = 0; i < set->n_pictures && !code; i++)
        if (set->pictures[i].half == 1) {
            right += fus_readout_predict(&fit, x + (size_t)i * n_units) == category[i];
            asked++;
        }
    if (!code)
        printf("%d of %d right, %d by chance\n", right, asked, asked / set->n_categories);
    fus_readout_destroy(&fit);
    fus_base_free(category);
    fus_base_free(rows);
    return code;
}

int main(int argc, char **argv)
{
    struct fus_model model = {0};
    struct fus_set set = {0};
    struct fus_error err = {0};
    float *x = NULL;
    int tap = 0;
    size_t n_units = 0;
    if (argc != 4)
        return 2;
    int code = fus_model_open(&model, argv[1], NULL, NULL, &err);
    if (!code)
        code = fus_set_open(&set, argv[2], NULL, &err);
    if (!code && (tap = fus_net_find_tap(model.net, argv[3], &err)) < 0)
        code = FUS_ENOTFOUND;
    if (!code) {
        const struct fus_tap *t = fus_net_tap(model.net, tap);
        n_units = (size_t)t->channels * (size_t)t->height * (size_t)t->width;
        x = fus_base_alloc((size_t)set.n_pictures, n_units * sizeof *x);
        code = x ? show(x, &model, &set, tap, n_units, &err) : fus_base_fail(&err, FUS_ENOMEM, "no memory");
    }
    if (!code)
        code = read_out(x, &set, n_units, &err);
    if (code)
        fprintf(stderr, "%s\n", err.msg);
    fus_base_free(x);
    fus_set_close(&set);
    fus_model_close(&model);
    return code != 0;
}
