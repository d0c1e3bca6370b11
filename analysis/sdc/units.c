/* SPDX-License-Identifier: MIT */
/* A network as a participant: see units.h. Pictures go through the network one after another, in
 * the order of the trials. */
#include "analysis/sdc/units.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "analysis/localizer/model.h"
#include "analysis/sdc/noise.h"
#include "analysis/sdc/store.h"
#include "nn/base/number.h"
#include "nn/base/rng.h"

enum choice { CHANNELS, ALL, RANDOM };

struct units {
    const struct fus_sdc_participant *p;
    const struct fus_sdc_images *images;
    char *file, *layer; /* one block, from `file` */
    enum choice choice;
    uint64_t n_random;
    struct fus_model model;
    int tap;
    size_t n_places, n_all, n; /* places of a channel; units of the layer; responses of a trial */
    int32_t *number;           /* [n] unit of each response */
    float *values, *x;         /* [C, H, W] of one picture; [n_trials, n] */
    size_t trial;
    struct fus_error *err;
};

/* ---- what is asked for ---- */

char *fus_sdc_units_file(const char *model)
{
    char *file = fus_base_strdup(model), *at = file ? strrchr(file, '@') : NULL;
    if (at)
        *at = '\0';
    return file;
}

/* "FILE@LAYER?units=..." */
static int parse(struct units *u, struct fus_error *err)
{
    char *at, *query;
    u->file = fus_base_strdup(u->p->model);
    if (!u->file)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for a name");
    at = strrchr(u->file, '@');
    if (!at || !at[1])
        return fus_base_fail(err, FUS_EINVAL, "model:%s found, model:FILE@LAYER expected", u->p->model);
    *at = '\0';
    u->layer = at + 1;
    query = strchr(u->layer, '?');
    if (!query)
        return FUS_OK;
    *query++ = '\0';
    if (strcmp(query, "units=all") == 0)
        u->choice = ALL;
    else if (strncmp(query, "units=random:", 13) == 0 && fus_number_whole(&u->n_random, query + 13, NULL) &&
             u->n_random)
        u->choice = RANDOM;
    else if (strcmp(query, "units=channels") != 0)
        return fus_base_fail(err, FUS_EINVAL, "'%s' found, units=channels, units=all or units=random:N expected",
                             query);
    return FUS_OK;
}

/* The first n of a shuffle of all units, rising: numbers are marked, then listed. */
static bool draw(struct units *u, uint64_t seed)
{
    const uint64_t parts[] = {seed, fus_sdc_noise_name(u->p->name), FUS_SDC_SPLIT};
    int32_t *order = fus_base_alloc(u->n_all, sizeof *order);
    uint8_t *drawn = fus_base_alloc(u->n_all, 1);
    struct fus_rng r;
    size_t used = 0;
    bool done = order && drawn;
    fus_rng_seed_counter(&r, parts, 3);
    for (size_t i = 0; i < u->n_all && done; i++)
        order[i] = (int32_t)i;
    for (size_t i = 0; i < u->n && done; i++) {
        size_t j = i + (size_t)fus_rng_below(&r, u->n_all - i);
        int32_t kept = order[i];
        order[i] = order[j], order[j] = kept;
        drawn[order[i]] = 1;
    }
    for (size_t i = 0; i < u->n_all && done; i++)
        if (drawn[i])
            u->number[used++] = (int32_t)i;
    fus_base_free(order);
    fus_base_free(drawn);
    return done;
}

static int choose(struct units *u, uint64_t seed, size_t max_memory, struct fus_error *err)
{
    const struct fus_tap *t = fus_net_tap(u->model.net, u->tap);
    u->n_places = (size_t)t->height * (size_t)t->width;
    u->n_all = (size_t)t->channels * u->n_places;
    u->n = u->choice == CHANNELS                           ? (size_t)t->channels
           : u->choice == RANDOM && u->n_random < u->n_all ? (size_t)u->n_random
                                                           : u->n_all;
    if ((double)u->n * (double)u->p->n_trials * 2 * sizeof(float) > (double)max_memory)
        return fus_base_fail(err, FUS_ELIMIT,
                             "%zu units x %zu images need %.0f MB, more than --max-memory; units=random:N?", u->n,
                             u->p->n_trials, (double)u->n * (double)u->p->n_trials * 2 * sizeof(float) / (1 << 20));
    u->number = fus_base_alloc(u->n, sizeof *u->number);
    u->values = fus_base_alloc(u->n_all, sizeof *u->values);
    u->x = fus_base_alloc(u->n * u->p->n_trials, sizeof *u->x);
    bool done = u->number && u->values && u->x;
    for (size_t i = 0; i < u->n && done; i++)
        u->number[i] = (int32_t)i;
    if (done && u->choice == RANDOM)
        done = draw(u, seed);
    return done ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "no memory for %zu units x %zu images", u->n, u->p->n_trials);
}

/* ---- responses ---- */

static int on_tap(void *context, int tap, int picture, const float *blocked)
{
    struct units *u = context;
    const char *path = u->images->path[u->p->image[u->trial]];
    float *x = u->x + u->trial * u->n;
    (void)picture;
    fus_tensor_unblock(u->values, blocked, fus_net_tap(u->model.net, tap)->channels, u->n_places);
    int code = fus_model_check_tap(&u->model, tap, u->values, path, u->err);
    for (size_t i = 0; i < u->n && !code; i++) {
        const float *from = u->values + (u->choice == CHANNELS ? i * u->n_places : (size_t)u->number[i]);
        double sum = 0;
        for (size_t k = 0; k < u->n_places && u->choice == CHANNELS; k++)
            sum += from[k];
        x[i] = u->choice == CHANNELS ? (float)(sum / (double)u->n_places) : *from;
    }
    return code;
}

static int show_picture(struct units *u, float *input, const bool *wanted, struct fus_error *err)
{
    struct fus_image image = {0};
    const char *path = u->images->path[u->p->image[u->trial]];
    if (!path)
        return fus_base_fail(err, FUS_EINVAL, "image %s has no path in the table of --images, which a network needs",
                             u->images->id[u->p->image[u->trial]]);
    int code = fus_decode_file(&image, path, err);
    if (!code)
        code = fus_preprocess_apply(input, &u->model.preprocess, &image, err);
    fus_image_free(&image);
    return code ? code : fus_net_forward(u->model.net, input, 1, wanted, on_tap, u, err);
}

static int measure(struct units *u, struct fus_error *err)
{
    float *input = fus_base_alloc(u->model.input_floats, sizeof *input);
    bool *wanted = fus_base_alloc((size_t)fus_net_n_taps(u->model.net), sizeof *wanted);
    int code = input && wanted ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "no memory for a picture");
    if (!code)
        wanted[u->tap] = true;
    u->err = err;
    for (u->trial = 0; u->trial < u->p->n_trials && !code; u->trial++)
        code = fus_base_stopping() ? fus_base_fail(err, FUS_ESTOPPED, "stopped") : show_picture(u, input, wanted, err);
    fus_base_free(input);
    fus_base_free(wanted);
    return code;
}

/* ---- z-scores ---- */

/* x is z-scored in place, and units that do not vary are closed up. mean, sd [n], of those kept. */
static size_t standardise(struct units *u, double *mean, double *sd)
{
    size_t kept = 0, trials = u->p->n_trials;
    for (size_t i = 0; i < u->n; i++) {
        double m = 0, m2 = 0;
        for (size_t t = 0; t < trials; t++) {
            double x = u->x[t * u->n + i], step = x - m;
            m += step / (double)(t + 1);
            m2 += step * (x - m);
        }
        if (!(m2 > 0))
            continue;
        mean[kept] = m;
        sd[kept] = sqrt(m2 / (double)trials);
        for (size_t t = 0; t < trials; t++)
            u->x[t * u->n + kept] = (float)((u->x[t * u->n + i] - m) / sd[kept]);
        u->number[kept++] = u->number[i];
    }
    for (size_t t = 0; t < trials && kept < u->n; t++)
        memmove(u->x + t * kept, u->x + t * u->n, kept * sizeof *u->x);
    return kept;
}

static int make_data(struct fus_sdc_data **d, struct units *u, size_t n_images, struct fus_error *err)
{
    double *mean = fus_base_alloc(2 * u->n, sizeof *mean), *sd = mean ? mean + u->n : NULL;
    size_t kept;
    int code = mean ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "no memory for %zu units", u->n);
    if (code)
        return code;
    kept = standardise(u, mean, sd);
    if (kept == 0)
        code = fus_base_fail(err, FUS_EINVAL, "no unit of %s varies over the images", u->layer);
    if (!code)
        code =
            fus_sdc_data_of_array(d, u->p->name, u->x, u->p->n_trials, kept, n_images, u->p->image, u->p->split, err);
    if (!code) {
        (*d)->voxel = (*d)->masked = fus_sdc_store_copy(*d, u->number, kept, sizeof *u->number);
        (*d)->mean = fus_sdc_store_copy(*d, mean, kept, sizeof *mean);
        (*d)->sd = fus_sdc_store_copy(*d, sd, kept, sizeof *sd);
        (*d)->n_constant = u->n - kept;
        const struct fus_tap *t = fus_net_tap(u->model.net, u->tap);
        const size_t layer[] = {(size_t)t->channels, u->choice == CHANNELS ? 1 : (size_t)t->height,
                                u->choice == CHANNELS ? 1 : (size_t)t->width};
        memcpy((*d)->layer, layer, sizeof layer);
        if (!(*d)->voxel || !(*d)->mean || !(*d)->sd) {
            fus_sdc_data_close(*d);
            *d = NULL;
            code = fus_base_fail(err, FUS_ENOMEM, "no memory for %zu units", kept);
        }
    }
    fus_base_free(mean);
    return code;
}

int fus_sdc_units_open(struct fus_sdc_data **d, const struct fus_sdc_study *study, int p,
                       const struct fus_sdc_images *images, uint64_t seed, size_t max_memory, struct fus_error *err)
{
    struct units u = {.p = &study->participants[p], .images = images};
    int code = images ? parse(&u, err)
                      : fus_base_fail(err, FUS_EINVAL, "a network needs the pictures: --images IMAGES.tsv expected");
    if (!code)
        code = fus_model_open(&u.model, u.file, NULL, NULL, err);
    bool open = !code && images;
    if (open && (u.tap = fus_net_find_tap(u.model.net, u.layer, err)) < 0)
        code = FUS_ENOTFOUND;
    if (!code)
        code = choose(&u, seed, max_memory, err);
    if (!code)
        code = measure(&u, err);
    if (!code)
        code = make_data(d, &u, study->n_images, err);
    if (open)
        fus_model_close(&u.model);
    fus_base_free(u.file);
    fus_base_free(u.number);
    fus_base_free(u.values);
    fus_base_free(u.x);
    return code ? fus_base_blame(err, "%s: ", u.p->name) : FUS_OK;
}
