/* SPDX-License-Identifier: MIT */
/* Simulated images: pictures that could be drawn, their embedding, the study. See simulate.h. */
#include "analysis/sdc/simulate.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "analysis/run/tables.h"
#include "analysis/sdc/simulate_parts.h"
#include "nn/base/outfile.h"
#include "nn/base/threads.h"
#include "stimuli/stimuli.h"

#define PICTURE_SIDE 64

void fus_sdc_simulate_defaults(struct fus_sdc_simulate_options *o)
{
    *o = (struct fus_sdc_simulate_options){.seed = 1,
                                           .n_participants = 8,
                                           .n_shared = 150,
                                           .n_own = 900,
                                           .repeats = 3,
                                           .n_sessions = 6,
                                           .d = 64,
                                           .scatter = 1,
                                           .group = 24,
                                           .n_mixed = 40,
                                           .n_idle = 160};
}

const char *fus_sdc_simulate_name(enum fus_sdc_concept c)
{
    static const char *const names[] = {"face",       "body",         "place",       "word",
                                        "instrument", "car by paint", "car by view", "left or right",
                                        "number",     "glasses",      "mixed",       "idle"};
    return names[c];
}

void fus_sdc_simulate_stream(struct fus_rng *rng, uint64_t seed, uint64_t purpose, uint64_t a, uint64_t b)
{
    const uint64_t key[4] = {seed, purpose, a, b};
    fus_rng_seed_counter(rng, key, 4);
}

/* ---- pictures ---- */

static bool says(const char *caption, const char *words)
{
    return strstr(caption, words) != NULL;
}

int fus_sdc_simulate_pictures(struct fus_sdc_picture *p, size_t n, uint64_t seed)
{
    static const struct {
        const char *name;
        enum fus_sdc_axis category;
    } kinds[] = {{"adult", FUS_SDC_AXIS_FACE},
                 {"child", FUS_SDC_AXIS_FACE},
                 {"body", FUS_SDC_AXIS_BODY},
                 {"limb", FUS_SDC_AXIS_BODY},
                 {"house", FUS_SDC_AXIS_PLACE},
                 {"corridor", FUS_SDC_AXIS_PLACE},
                 {"word", FUS_SDC_AXIS_WORD},
                 {"word", FUS_SDC_AXIS_WORD},
                 {"number", FUS_SDC_AXIS_NUMBER},
                 {"number", FUS_SDC_AXIS_NUMBER},
                 {"car", FUS_SDC_AXIS_CAR},
                 {"car", FUS_SDC_AXIS_CAR},
                 {"instrument", FUS_SDC_AXIS_INSTRUMENT},
                 {"instrument", FUS_SDC_AXIS_INSTRUMENT}};
    enum { N_KINDS = sizeof kinds / sizeof *kinds };
    int used[N_KINDS] = {0};
    struct fus_rng rng;
    fus_sdc_simulate_stream(&rng, seed, FUS_SDC_STREAM_PICTURES, 0, 0);
    for (size_t i = 0; i < n; i++) {
        char caption[240];
        int k = (int)fus_rng_below(&rng, N_KINDS), first = k;
        while (first > 0 && strcmp(kinds[first - 1].name, kinds[k].name) == 0)
            first--; /* kinds of one name share their counter */
        p[i] = (struct fus_sdc_picture){kinds[k].name, used[first]++, kinds[k].category, 0, 0, 0, false};
        int code = fus_generate_caption(caption, sizeof caption, p[i].subcategory, p[i].index, seed);
        if (code)
            return code;
        bool car = p[i].category == FUS_SDC_AXIS_CAR;
        p[i].side = says(caption, "to the right") - says(caption, "to the left");
        p[i].glasses = says(caption, "glasses");
        p[i].paint = car ? says(caption, "white") - says(caption, "black") : 0;
        p[i].view = car ? says(caption, "the rear") - says(caption, "the front") : 0;
    }
    return FUS_OK;
}

/* ---- embedding ---- */

static double dot(const double *a, const double *b, size_t d)
{
    double sum = 0;
    for (size_t j = 0; j < d; j++)
        sum += a[j] * b[j];
    return sum;
}

static void add(double *to, double factor, const double *a, size_t d)
{
    for (size_t j = 0; j < d; j++)
        to[j] += factor * a[j];
}

static double scale_to_unit(double *a, size_t d)
{
    double length = sqrt(dot(a, a, d));
    for (size_t j = 0; j < d && length > 0; j++)
        a[j] /= length;
    return length;
}

int fus_sdc_simulate_axes(double *q, size_t d, uint64_t seed, uint64_t who, struct fus_error *err)
{
    struct fus_rng rng;
    fus_sdc_simulate_stream(&rng, seed, FUS_SDC_STREAM_AXES, who, 0);
    for (size_t i = 0; i < d; i++) {
        double *row = q + i * d;
        for (size_t j = 0; j < d; j++)
            row[j] = fus_rng_normal(&rng);
        for (int twice = 0; twice < 2; twice++)
            for (size_t k = 0; k < i; k++)
                add(row, -dot(row, q + k * d, d), q + k * d, d);
        if (!(scale_to_unit(row, d) > 0))
            return fus_base_fail(err, FUS_EINVAL, "random axes are not independent");
    }
    return FUS_OK;
}

/* The embedding of one picture, of length 1. */
static void embed(double *y, const struct fus_sdc_picture *p, const double *q, const struct fus_sdc_simulate_options *o,
                  struct fus_rng *rng)
{
    size_t d = o->d;
    const double level = 1.2 * sqrt(1.5), other = 0.2; /* three levels of variance 1, times 1.2 */
    bool car = p->category == FUS_SDC_AXIS_CAR;
    double paint = car ? level * p->paint : other * o->scatter * fus_rng_normal(rng);
    double view = car ? level * p->view : other * o->scatter * fus_rng_normal(rng);
    memset(y, 0, d * sizeof *y);
    add(y, 1 + 0.3 * o->scatter * fus_rng_normal(rng), q + p->category * d, d);
    add(y, paint, q + FUS_SDC_AXIS_PAINT * d, d);
    add(y, view, q + FUS_SDC_AXIS_VIEW * d, d);
    add(y, 1.2 * p->side, q + FUS_SDC_AXIS_SIDE * d, d);
    add(y, 1.2 * p->glasses, q + FUS_SDC_AXIS_GLASSES * d, d);
    add(y, 1, q + FUS_SDC_AXIS_COMMON * d, d);
    for (size_t k = FUS_SDC_N_AXES; k < d; k++)
        add(y, 0.25 * o->scatter * fus_rng_normal(rng), q + k * d, d);
    scale_to_unit(y, d);
}

static size_t count_images(const struct fus_sdc_simulate_options *o)
{
    return o->n_shared + o->n_own * (size_t)o->n_participants;
}

/* y [n, d] of all pictures, rounded to f32 as the file is, then less their mean. */
static int embed_all(double *y, const char *folder, const struct fus_sdc_picture *pictures, const double *q,
                     const struct fus_sdc_simulate_options *o, struct fus_error *err)
{
    size_t n = count_images(o), d = o->d;
    char path[4096];
    float *single = fus_base_alloc(n * d, sizeof *single);
    double *mean = fus_base_alloc(d, sizeof *mean);
    int code = single && mean ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "no memory for %zu images", n);
    for (size_t i = 0; !code && i < n; i++) {
        struct fus_rng rng;
        fus_sdc_simulate_stream(&rng, o->seed, FUS_SDC_STREAM_IMAGES, i, 0);
        embed(y + i * d, &pictures[i], q, o, &rng);
        for (size_t j = 0; j < d; j++) {
            single[i * d + j] = (float)y[i * d + j];
            mean[j] += y[i * d + j] / (double)n;
        }
    }
    for (size_t i = 0; !code && i < n; i++)
        add(y + i * d, -1, mean, d);
    const struct fus_npy_array array = {"embedding", "<f4", 2, {n, d}, single};
    snprintf(path, sizeof path, "%s/embedding.npy", folder);
    if (!code)
        code = fus_npyout_npy(path, &array, err);
    fus_base_free(single);
    fus_base_free(mean);
    return code;
}

/* ---- files ---- */

static int write_study(const char *folder, const struct fus_sdc_simulate_options *o, struct fus_error *err)
{
    char path[4096];
    struct fus_outfile f;
    snprintf(path, sizeof path, "%s/study.tsv", folder);
    int code = fus_outfile_open(&f, path, err);
    if (code)
        return code;
    fus_outfile_printf(&f, "participant\tresponses\ttrials\tmask\n");
    for (int p = 1; p <= o->n_participants; p++)
        fus_outfile_printf(&f, "subj%02d\tsubj%02d/session*.nii\tsubj%02d/trials.tsv\tsubj%02d/mask.nii\n", p, p, p, p);
    return fus_outfile_commit(&f, err);
}

static int check_options(const struct fus_sdc_simulate_options *o, struct fus_error *err)
{
    if (o->n_participants < 0 || o->n_participants > 99 || o->d < FUS_SDC_N_AXES + 1 || o->d > 4096 || o->repeats < 1 ||
        o->repeats > 100 || o->n_sessions < 1 || o->n_shared > 100000 || o->n_own > 100000 || o->group > 1000 ||
        o->n_mixed > 10000 || o->n_idle > 10000 || o->n_shared + o->n_own < 10 || o->group < 3 ||
        (o->n_shared + o->n_own) * (size_t)o->repeats < 2 * (size_t)o->n_sessions)
        return fus_base_fail(err, FUS_EINVAL, "a simulation of %d participants in %zu dimensions is out of range",
                             o->n_participants, o->d);
    return FUS_OK;
}

static int write_people(const char *folder, const double *y, double *q, const struct fus_sdc_simulate_options *o,
                        struct fus_error *err)
{
    char path[4096];
    struct fus_outfile truth;
    snprintf(path, sizeof path, "%s/truth.csv", folder);
    int code = fus_outfile_open(&truth, path, err);
    if (code)
        return code;
    fus_outfile_printf(&truth, "participant,voxel,i,j,k,concept,nc\n");
    for (int p = 0; !code && p < o->n_participants; p++) {
        if (fus_base_stopping())
            code = fus_base_fail(err, FUS_ESTOPPED, "stopped");
        if (!code && o->alone)
            code = fus_sdc_simulate_axes(q, o->d, o->seed, (uint64_t)p + 1, err);
        if (!code)
            code = fus_sdc_simulate_person(folder, p, y, q, o, &truth, err);
    }
    if (code)
        fus_outfile_discard(&truth);
    return code ? code : fus_outfile_commit(&truth, err);
}

int fus_sdc_simulate(const char *folder, const struct fus_sdc_simulate_options *o, struct fus_error *err)
{
    int code = check_options(o, err);
    if (code)
        return code;
    size_t n = count_images(o);
    struct fus_sdc_picture *pictures = fus_base_alloc(n, sizeof *pictures);
    double *q = fus_base_alloc(o->d * o->d, sizeof *q), *y = fus_base_alloc(n * o->d, sizeof *y);
    if (!pictures || !q || !y)
        code = fus_base_fail(err, FUS_ENOMEM, "no memory for %zu images", n);
    if (!code)
        code = fus_outfile_mkdirs(folder, err);
    if (!code && fus_sdc_simulate_pictures(pictures, n, o->seed))
        code = fus_base_fail(err, FUS_EINVAL, "no such pictures are drawn");
    if (!code)
        code = fus_sdc_simulate_axes(q, o->d, o->seed, 0, err);
    if (!code)
        code = embed_all(y, folder, pictures, q, o, err);
    if (!code)
        code = write_people(folder, y, q, o, err);
    if (!code)
        code = write_study(folder, o, err);
    fus_base_free(pictures);
    fus_base_free(q);
    fus_base_free(y);
    return code;
}

/* ---- images.tsv ---- */

static int draw(const char *folder, const struct fus_sdc_picture *p, uint64_t seed, struct fus_error *err)
{
    char path[4096];
    struct fus_image image = {0};
    snprintf(path, sizeof path, "%s/pictures/%s-%04d.png", folder, p->subcategory, p->index);
    int code = fus_generate_reduced(&image, p->subcategory, p->index, seed, PICTURE_SIDE, err);
    if (!code)
        code = fus_png_write(path, &image, err);
    fus_image_free(&image);
    return code;
}

enum { AT_ONCE = 1024 }; /* pictures */

struct drawing {
    const char *folder;
    const struct fus_sdc_picture *pictures;
    const size_t *which; /* the pictures to draw */
    uint64_t seed;
    struct fus_error *errors; /* one for each */
};

static void draw_one(void *context, int task, int thread)
{
    const struct drawing *d = context;
    struct fus_error *err = &d->errors[task];
    (void)thread;
    if (fus_base_stopping())
        fus_base_fail(err, FUS_ESTOPPED, "stopped");
    else
        draw(d->folder, &d->pictures[d->which[task]], d->seed, err);
}

/* The pictures of n whose mark in `drawn` is set. */
static int draw_all(const char *folder, const struct fus_sdc_picture *pictures, size_t n, const uint8_t *drawn,
                    uint64_t seed, struct fus_error *err)
{
    size_t *which = fus_base_alloc(n + 1, sizeof *which), m = 0;
    struct fus_error *errors = NULL;
    for (size_t i = 0; which && i < n; i++)
        if (drawn[i])
            which[m++] = i;
    errors = which ? fus_base_alloc(AT_ONCE, sizeof *errors) : NULL;
    int code = errors ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "no memory for %zu images", n);
    for (size_t first = 0; first < m && !code; first += AT_ONCE) {
        size_t some = m - first < AT_ONCE ? m - first : AT_ONCE;
        struct drawing d = {folder, pictures, which + first, seed, errors};
        fus_threads_for((int)some, draw_one, &d);
        for (size_t i = 0; !code && i < some; i++)
            if ((code = errors[i].code) != FUS_OK && err)
                *err = errors[i];
    }
    fus_base_free(which);
    fus_base_free(errors);
    return code;
}

static void write_image(struct fus_outfile *f, size_t i, const struct fus_sdc_picture *p, bool drawn)
{
    fus_outfile_printf(f, "%zu\t", i);
    if (drawn)
        fus_outfile_printf(f, "pictures/%s-%04d.png", p->subcategory, p->index);
    else
        fus_outfile_printf(f, "-");
    for (int c = 0; c < FUS_SDC_N_CATEGORIES; c++)
        fus_outfile_printf(f, "\t%d", p->category == (enum fus_sdc_axis)c);
    bool car = p->category == FUS_SDC_AXIS_CAR;
    fus_outfile_printf(f, "\t%d\t%d\t%d\t%d\t%d\t%d\t%d\n", car && p->paint < 0, car && p->paint > 0,
                       car && p->view < 0, car && p->view > 0, p->side<0, p->side> 0, p->glasses);
}

int fus_sdc_simulate_images(const char *folder, const struct fus_sdc_simulate_options *o, const uint8_t *drawn,
                            struct fus_error *err)
{
    size_t n = count_images(o);
    char path[4096];
    struct fus_outfile f;
    struct fus_sdc_picture *pictures = fus_base_alloc(n, sizeof *pictures);
    if (!pictures || fus_sdc_simulate_pictures(pictures, n, o->seed)) {
        fus_base_free(pictures);
        return fus_base_fail(err, FUS_ENOMEM, "no memory for %zu images", n);
    }
    snprintf(path, sizeof path, "%s/pictures", folder);
    int code = fus_outfile_mkdirs(path, err);
    if (!code)
        code = draw_all(folder, pictures, n, drawn, o->seed, err);
    snprintf(path, sizeof path, "%s/images.tsv", folder);
    if (!code)
        code = fus_outfile_open(&f, path, err);
    if (!code) {
        fus_outfile_printf(&f, "image\tpath\tface\tbody\tplace\tword\tnumber\tcar\tinstrument\tblack car\twhite car\t"
                               "car from the front\tcar from the rear\tto the left\tto the right\tglasses\n");
        for (size_t i = 0; i < n; i++)
            write_image(&f, i, &pictures[i], drawn[i]);
        code = fus_outfile_commit(&f, err);
    }
    fus_base_free(pictures);
    return code;
}
