/* SPDX-License-Identifier: MIT */
/* Baselines, without a file: `pixels:32` (a side; 32 if it is left out) and `gabor` (`gabor:128`).
 * Their layers are in nn/baseline.c, their weights computed here.
 *
 *   pixels     the identity: a unit is a colour value in 0..1 of the reduced picture
 *   luminance  .299 R + .587 G + .114 B (ITU-R BT.601)
 *   gabor      cos(2 pi (x cos a + y sin a) / 4 + p) exp(-(x^2 + y^2) / (2 s^2)), a = 0, 1/8, ..
 *              7/8 of pi, p = 0, 1/2, 1, 3/2 of pi, s = 1.8: a bandwidth of 1.3 octaves, as in
 *              primary visual cortex (Daugman 1985). A multiple
 *              of the envelope is subtracted, so that the sum is 0; then divided by the sum of
 *              absolute values.
 *   sum        1 for the phases of an orientation
 *
 * Pictures of `gabor` are centred on middle grey (mean .5), so that the padding is grey, too. */
#include <math.h>
#include <string.h>

#include "nn/base/fmath.h"
#include "nn/base/number.h"
#include "weights/formats.h"

/* out [FUS_GABOR_SIDE, FUS_GABOR_SIDE] */
static void fill_gabor(float *out, int orientation, int phase)
{
    double value[FUS_GABOR_SIDE * FUS_GABOR_SIDE], envelope[FUS_GABOR_SIDE * FUS_GABOR_SIDE], across, along;
    double sum = 0, all = 0, size = 0;
    enum { N = FUS_GABOR_SIDE * FUS_GABOR_SIDE };
    fus_fmath_sincospi(&along, &across, (double)orientation / FUS_GABOR_ORIENTATIONS);
    for (int i = 0; i < N; i++) {
        double x = i % FUS_GABOR_SIDE - FUS_GABOR_SIDE / 2, y = i / FUS_GABOR_SIDE - FUS_GABOR_SIDE / 2, sine, cosine;
        fus_fmath_sincospi(&sine, &cosine,
                           2 * (x * across + y * along) / FUS_GABOR_WAVELENGTH + 2.0 * phase / FUS_GABOR_PHASES);
        envelope[i] = fus_fmath_exp(-(x * x + y * y) / (2 * 1.8 * 1.8));
        value[i] = cosine * envelope[i];
        sum += value[i];
        all += envelope[i];
    }
    for (int i = 0; i < N; i++) {
        value[i] -= envelope[i] * (sum / all);
        size += fabs(value[i]);
    }
    for (int i = 0; i < N; i++)
        out[i] = (float)(value[i] / size);
}

static int generate(const struct fus_store *s, float *out, const struct fus_tensor *t, struct fus_error *err)
{
    static const float luminance[] = {0.299f, 0.587f, 0.114f};
    (void)s, (void)err;
    for (size_t i = 0; i < t->n_elements; i++) {
        size_t row = t->n_dims > 1 ? i / (size_t)t->shape[1] : 0, column = t->n_dims > 1 ? i % (size_t)t->shape[1] : 0;
        if (strcmp(t->name, "luminance.weight") == 0)
            out[i] = luminance[i];
        else if (strcmp(t->name, "pixels.weight") == 0)
            out[i] = row == column;
        else if (fus_base_ends_with(t->name, ".sum.weight"))
            out[i] = column / FUS_GABOR_PHASES == row;
        else
            out[i] = fus_base_ends_with(t->name, ".norm.weight") || fus_base_ends_with(t->name, ".running_var");
    }
    if (fus_base_ends_with(t->name, ".gabor.weight"))
        for (int k = 0; k < FUS_GABOR_ORIENTATIONS * FUS_GABOR_PHASES; k++)
            fill_gabor(out + k * FUS_GABOR_SIDE * FUS_GABOR_SIDE, k / FUS_GABOR_PHASES, k % FUS_GABOR_PHASES);
    return FUS_OK;
}

bool fus_baseline_is(const char *path)
{
    return strcmp(path, "pixels") == 0 || strncmp(path, "pixels:", 7) == 0 || strcmp(path, "gabor") == 0 ||
           strncmp(path, "gabor:", 6) == 0;
}

int fus_baseline_open(struct fus_store *s, const char *path, struct fus_error *err)
{
    bool pixels = path[0] == 'p';
    const char *colon = strchr(path, ':');
    uint64_t side = pixels ? 32 : 128;
    char preprocess[120];
    if (colon && (!fus_number_whole(&side, colon + 1, NULL) || side < 1 || side > 4096))
        return fus_base_fail(err, FUS_EINVAL, "'%s' found, a side of 1 to 4096 pixels expected, as in %s", colon + 1,
                             pixels ? "pixels:32" : "gabor:128");
    s->format = "baseline";
    s->generate = generate;
    s->random_spec = (struct fus_net_spec){.stem = pixels ? FUS_STEM_PIXELS : FUS_STEM_GABOR, .input_side = (int)side};
    snprintf(preprocess, sizeof preprocess, "resize=%d,interp=bilinear,crop=%d,mean=%s,std=%s", (int)side, (int)side,
             pixels ? "0/0/0" : ".5/.5/.5", pixels ? "1/1/1" : ".5/.5/.5");
    int code = fus_store_set_preprocess(s, preprocess, err);
    struct fus_store_adder a = {s, err};
    return code ? code : fus_arch_parameters(&s->random_spec, fus_store_add_parameter, &a, err);
}
