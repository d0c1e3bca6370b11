/* SPDX-License-Identifier: MIT */
/* Networks whose own embedding this is: see own.h. */
#include "analysis/sdc/own.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "analysis/localizer/model.h"
#include "analysis/sdc/decoder.h"
#include "analysis/sdc/units.h"
#include "nn/base/json.h"

enum { LEAST_IMAGES = 4 }; /* two or three could agree by chance where dimensions are few */

/* One network, some images. */
struct look {
    const struct fus_sdc_participant *p;
    const struct fus_sdc_embedding *e;
    const struct fus_sdc_images *images;
    struct fus_model model;
    int n_taps;
    bool *wanted; /* [n_taps] with as many channels as the embedding has dimensions */
    size_t n;
    int32_t image[FUS_SDC_OWN_IMAGES]; /* [n] rows of the embedding */
    size_t at;                         /* the image that is seen */
    float **answer;                    /* [n_taps] [FUS_SDC_OWN_IMAGES, d]; NULL: not wanted */
    float *values;                     /* [C, H, W] of the largest wanted tap */
    float *rows;                       /* [FUS_SDC_OWN_IMAGES, d] of the embedding */
};

/* The first images of its trials that have a picture and a row. */
static void choose_images(struct look *l)
{
    for (size_t t = 0; t < l->p->n_trials && l->n < FUS_SDC_OWN_IMAGES; t++) {
        int32_t row = l->p->image[t];
        bool known = !l->images->path[row] || !l->e->usable[row];
        for (size_t i = 0; i < l->n; i++)
            known = known || l->image[i] == row;
        if (!known)
            l->image[l->n++] = row;
    }
}

/* Whether any layer could be the embedding; *code: no memory. */
static bool choose_taps(struct look *l, int *code, struct fus_error *err)
{
    size_t places = 0;
    l->n_taps = fus_net_n_taps(l->model.net);
    l->wanted = fus_base_alloc((size_t)l->n_taps + 1, sizeof *l->wanted);
    l->answer = fus_base_alloc((size_t)l->n_taps + 1, sizeof *l->answer);
    l->rows = fus_base_alloc(FUS_SDC_OWN_IMAGES, l->e->d * sizeof *l->rows);
    bool done = l->wanted && l->answer && l->rows;
    for (int i = 0; i < l->n_taps && done; i++) {
        const struct fus_tap *t = fus_net_tap(l->model.net, i);
        size_t here = (size_t)t->height * (size_t)t->width;
        l->wanted[i] = (size_t)t->channels == l->e->d;
        places = l->wanted[i] && here > places ? here : places;
        l->answer[i] = l->wanted[i] ? fus_base_alloc(FUS_SDC_OWN_IMAGES, l->e->d * sizeof **l->answer) : NULL;
        done = !l->wanted[i] || l->answer[i];
    }
    l->values = done ? fus_base_alloc(places + 1, l->e->d * sizeof *l->values) : NULL;
    done = done && l->values;
    *code = done ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "no memory for its answers");
    return done && places;
}

/* The mean over places of each channel. */
static int on_tap(void *context, int tap, int picture, const float *blocked)
{
    struct look *l = context;
    const struct fus_tap *t = fus_net_tap(l->model.net, tap);
    size_t places = (size_t)t->height * (size_t)t->width;
    float *to = l->answer[tap] + l->at * l->e->d;
    (void)picture;
    fus_tensor_unblock(l->values, blocked, t->channels, places);
    for (size_t c = 0; c < l->e->d; c++) {
        double sum = 0;
        for (size_t k = 0; k < places; k++)
            sum += l->values[c * places + k];
        to[c] = (float)(sum / (double)places);
    }
    return FUS_OK;
}

static int see(struct look *l, struct fus_error *err)
{
    float *input = fus_base_alloc(l->model.input_floats, sizeof *input);
    int code = input ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "no memory for a picture");
    for (l->at = 0; l->at < l->n && !code; l->at++) {
        struct fus_image image = {0};
        code = fus_decode_file(&image, l->images->path[l->image[l->at]], err);
        if (!code)
            code = fus_preprocess_apply(input, &l->model.preprocess, &image, err);
        fus_image_free(&image);
        if (!code)
            code = fus_net_forward(l->model.net, input, 1, l->wanted, on_tap, l, err);
        memcpy(l->rows + l->at * l->e->d, l->e->unit + (size_t)l->image[l->at] * l->e->d, l->e->d * sizeof *l->rows);
    }
    fus_base_free(input);
    return code;
}

/* x [n, d]: rows to length 1, then columns to mean 0. */
static void standardise(float *x, size_t n, size_t d)
{
    for (size_t i = 0; i < n; i++) {
        double sum = 0;
        for (size_t j = 0; j < d; j++)
            sum += (double)x[i * d + j] * x[i * d + j];
        for (size_t j = 0; j < d && sum > 0; j++)
            x[i * d + j] = (float)(x[i * d + j] / sqrt(sum));
    }
    fus_sdc_decoder_centre(x, x, n, d);
}

static double correlate(const float *a, const float *b, size_t n)
{
    double ab = 0, aa = 0, bb = 0;
    for (size_t i = 0; i < n; i++) {
        ab += (double)a[i] * b[i];
        aa += (double)a[i] * a[i];
        bb += (double)b[i] * b[i];
    }
    return aa > 0 && bb > 0 ? ab / sqrt(aa * bb) : 0;
}

/* Adds the network if one of its layers is near; the nearest is named. */
static void compare(struct fus_sdc_own *own, struct look *l, int participant)
{
    struct fus_sdc_own_network *to = &own->network[own->n];
    double most = FUS_SDC_OWN_NEAR;
    standardise(l->rows, l->n, l->e->d);
    for (int i = 0; i < l->n_taps; i++) {
        if (!l->wanted[i])
            continue;
        standardise(l->answer[i], l->n, l->e->d);
        double r = correlate(l->answer[i], l->rows, l->n * l->e->d);
        if (!(r >= most))
            continue;
        most = to->r = r;
        to->participant = participant;
        snprintf(to->layer, sizeof to->layer, "%s", fus_net_tap(l->model.net, i)->name);
    }
    own->n += to->layer[0] != '\0';
}

static void close_look(struct look *l)
{
    for (int i = 0; l->answer && i < l->n_taps; i++)
        fus_base_free(l->answer[i]);
    fus_base_free(l->answer);
    fus_base_free(l->wanted);
    fus_base_free(l->values);
    fus_base_free(l->rows);
}

static int look_at(struct fus_sdc_own *own, struct look *l, const char *file, int participant, struct fus_error *err)
{
    const struct fus_net_options options = {.resting = true}; /* weights are read where a layer may be it */
    int code = fus_model_open(&l->model, file, NULL, &options, err);
    if (code)
        return code;
    choose_images(l);
    if (l->n >= LEAST_IMAGES && choose_taps(l, &code, err)) {
        code = see(l, err);
        if (!code)
            compare(own, l, participant);
    }
    close_look(l);
    fus_model_close(&l->model);
    return code;
}

/* The participant before p that is the same network; -1: none. */
static int find_same(const struct fus_sdc_study *study, int p, const char *file)
{
    size_t n = strlen(file);
    for (int i = 0; i < p; i++) {
        const char *model = study->participants[i].model;
        if (model && strncmp(model, file, n) == 0 && strrchr(model, '@') == model + n)
            return i;
    }
    return -1;
}

/* A network at a second layer is found as at the first. */
static int find_one(struct fus_sdc_own *own, const struct fus_sdc_study *study, int p, struct look *l,
                    struct fus_error *err)
{
    char *file = fus_sdc_units_file(l->p->model);
    int code = file ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "no memory for a name"),
        same = code ? -1 : find_same(study, p, file), known = own->n;
    for (int i = 0; i < known && same >= 0; i++)
        if (own->network[i].participant == same) {
            own->network[own->n] = own->network[i];
            own->network[own->n++].participant = p;
        }
    if (!code && same < 0)
        code = look_at(own, l, file, p, err);
    fus_base_free(file);
    return code ? fus_base_blame(err, "%s: ", l->p->name) : FUS_OK;
}

int fus_sdc_own_find(struct fus_sdc_own *own, const struct fus_sdc_study *study, const struct fus_sdc_embedding *e,
                     const struct fus_sdc_images *images, struct fus_error *err)
{
    int code = FUS_OK;
    *own = (struct fus_sdc_own){0};
    own->network = fus_base_alloc((size_t)study->n + 1, sizeof *own->network);
    if (!own->network)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for %d networks", study->n);
    for (int p = 0; p < study->n && images && !code; p++) {
        struct look l = {.p = &study->participants[p], .e = e, .images = images};
        if (l.p->model)
            code = find_one(own, study, p, &l, err);
    }
    return code;
}

void fus_sdc_own_free(struct fus_sdc_own *own)
{
    fus_base_free(own->network);
    *own = (struct fus_sdc_own){0};
}

int fus_sdc_own_refuse(const struct fus_sdc_own *own, const struct fus_sdc_study *study, const char *embedding,
                       struct fus_error *err)
{
    if (own->n == 0)
        return FUS_OK;
    return fus_base_fail(err, FUS_EINVAL,
                         "%s: %s is this network's own embedding: its layer %s answers alike (r = %.3f); the embedding "
                         "of a network that takes no part expected, or --own-embedding",
                         study->participants[own->network[0].participant].name, embedding, own->network[0].layer,
                         own->network[0].r);
}

void fus_sdc_own_record(struct fus_text_buffer *t, const struct fus_sdc_own *own, const struct fus_sdc_study *study)
{
    fus_text_printf(t, "  \"own_embedding\": [");
    for (int i = 0; i < own->n; i++) {
        fus_text_printf(t, "%s", i ? ", " : "");
        fus_json_quote(t, study->participants[own->network[i].participant].name);
    }
    fus_text_printf(t, "],\n");
}
