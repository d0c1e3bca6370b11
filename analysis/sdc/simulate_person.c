/* SPDX-License-Identifier: MIT */
/* One simulated participant: voxels, trials, responses. See simulate.h. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "analysis/sdc/simulate_parts.h"
#include "nn/base/fmath.h"
#include "nn/base/outfile.h"
#include "weights/volume.h"

enum { N_FACTORS = 5, SCALE = 300 };

struct person {
    const struct fus_sdc_simulate_options *o;
    const char *folder;
    char name[16];
    uint64_t who; /* from 0 */
    size_t n_voxels, n_images, n_trials;
    enum fus_sdc_concept *concept; /* [n_voxels] in the order of the file */
    double *direction;             /* [n_voxels, d] */
    double *nc;                    /* [n_voxels] share of variance */
    size_t *place;                 /* [n_voxels] number in the grid, rising */
    size_t grid[3];
    double *signal; /* [n_images, n_voxels] of variance 1 */
    size_t *own;    /* [n_images] rows of the embedding */
    size_t *trial;  /* [n_trials] number in own */
};

/* ---- voxels ---- */

static bool is_present(enum fus_sdc_concept c, uint64_t who, const struct fus_sdc_simulate_options *o)
{
    uint64_t half = (uint64_t)o->n_participants / 2;
    switch (c) {
    case FUS_SDC_INSTRUMENT:
        return who < (half < 4 ? 4 : half);
    case FUS_SDC_NUMBER:
        return who < 3;
    case FUS_SDC_GLASSES:
        return who < 1;
    default:
        return true;
    }
}

/* to += factor * the axis of a concept, of length 1. */
static void add_axis(double *to, enum fus_sdc_concept c, const double *q, size_t d)
{
    static const enum fus_sdc_axis axes[FUS_SDC_N_CONCEPTS][2] = {
        {FUS_SDC_AXIS_FACE, FUS_SDC_N_AXES},       {FUS_SDC_AXIS_BODY, FUS_SDC_N_AXES},
        {FUS_SDC_AXIS_PLACE, FUS_SDC_N_AXES},      {FUS_SDC_AXIS_WORD, FUS_SDC_N_AXES},
        {FUS_SDC_AXIS_INSTRUMENT, FUS_SDC_N_AXES}, {FUS_SDC_AXIS_CAR, FUS_SDC_AXIS_PAINT},
        {FUS_SDC_AXIS_CAR, FUS_SDC_AXIS_VIEW},     {FUS_SDC_AXIS_SIDE, FUS_SDC_N_AXES},
        {FUS_SDC_AXIS_NUMBER, FUS_SDC_N_AXES},     {FUS_SDC_AXIS_GLASSES, FUS_SDC_N_AXES}};
    bool two = axes[c][1] != FUS_SDC_N_AXES;
    for (int k = 0; k < (two ? 2 : 1); k++)
        for (size_t j = 0; j < d; j++)
            to[j] += q[axes[c][k] * d + j] * (two ? sqrt(0.5) : 1);
}

/* to += factor * a random direction of length 1. */
static void add_random(double *to, double factor, size_t d, struct fus_rng *rng, double *scratch)
{
    double sum = 0;
    for (size_t j = 0; j < d; j++) {
        scratch[j] = fus_rng_normal(rng);
        sum += scratch[j] * scratch[j];
    }
    for (size_t j = 0; j < d; j++)
        to[j] += factor * scratch[j] / sqrt(sum);
}

/* Gamma(a, 1), a >= 1 (Marsaglia & Tsang 2000). */
static double draw_gamma(double a, struct fus_rng *rng)
{
    double b = a - 1.0 / 3, c = 1 / sqrt(9 * b);
    for (;;) {
        double x = fus_rng_normal(rng), v = 1 + c * x, u = 1 - fus_rng_uniform(rng);
        v = v * v * v;
        if (v > 0 && fus_fmath_log(u) < 0.5 * x * x + b - b * v + b * fus_fmath_log(v))
            return b * v;
    }
}

static double draw_ceiling(struct fus_rng *rng)
{
    double a = draw_gamma(1.2, rng), b = draw_gamma(3, rng);
    return 0.08 + 0.52 * a / (a + b);
}

/* How many voxels follow each concept, FUS_SDC_MIXED and FUS_SDC_IDLE last. */
static size_t draw_sizes(size_t size[FUS_SDC_IDLE + 1], const struct person *p, struct fus_rng *rng)
{
    size_t n = p->o->n_mixed + p->o->n_idle, third = p->o->group / 3;
    for (int c = 0; c < FUS_SDC_N_CONCEPTS; c++) {
        size_t drawn = p->o->group - third + (size_t)fus_rng_below(rng, 2 * third + 1);
        size[c] = is_present((enum fus_sdc_concept)c, p->who, p->o) ? drawn : 0;
        n += size[c];
    }
    size[FUS_SDC_MIXED] = p->o->n_mixed;
    size[FUS_SDC_IDLE] = p->o->n_idle;
    return n;
}

static void shuffle(size_t *items, size_t n, struct fus_rng *rng)
{
    for (size_t i = n; i > 1; i--) {
        size_t j = (size_t)fus_rng_below(rng, i), swap = items[i - 1];
        items[i - 1] = items[j];
        items[j] = swap;
    }
}

/* Two different concepts that this participant has, never both halves of the split one: that would
 * be the whole of it. */
static void draw_pair(enum fus_sdc_concept pair[2], const struct person *p, struct fus_rng *rng)
{
    bool split;
    do {
        for (int k = 0; k < 2; k++)
            do
                pair[k] = (enum fus_sdc_concept)fus_rng_below(rng, FUS_SDC_N_CONCEPTS);
            while (!is_present(pair[k], p->who, p->o));
        split = pair[0] + pair[1] == FUS_SDC_CAR_PAINT + FUS_SDC_CAR_VIEW &&
                (pair[0] == FUS_SDC_CAR_PAINT || pair[0] == FUS_SDC_CAR_VIEW);
    } while (pair[0] == pair[1] || split);
}

/* Voxel v: its direction and ceiling. */
static void make_voxel(struct person *p, size_t v, const double *q, struct fus_rng *rng, double *scratch)
{
    size_t d = p->o->d;
    double *to = p->direction + v * d;
    if (p->concept[v] == FUS_SDC_IDLE)
        add_random(to, 1, d, rng, scratch);
    else if (p->concept[v] == FUS_SDC_MIXED) {
        enum fus_sdc_concept pair[2];
        draw_pair(pair, p, rng);
        add_axis(to, pair[0], q, d);
        add_axis(to, pair[1], q, d);
        add_random(to, 0.4, d, rng, scratch);
    } else {
        add_axis(to, p->concept[v], q, d);
        add_random(to, 0.4, d, rng, scratch);
    }
    p->nc[v] = draw_ceiling(rng);
    if (p->concept[v] == FUS_SDC_IDLE && fus_rng_below(rng, 2))
        p->nc[v] = 0;
}

/* The smallest cube-like grid of 8 x 8 x n with room for half as many more. */
static void choose_grid(struct person *p)
{
    p->grid[0] = p->grid[1] = 8;
    p->grid[2] = (p->n_voxels + p->n_voxels / 2 + 63) / 64;
}

static int make_voxels(struct person *p, const double *q, struct fus_error *err)
{
    struct fus_rng rng;
    size_t size[FUS_SDC_IDLE + 1], d = p->o->d, n_places;
    fus_sdc_simulate_stream(&rng, p->o->seed, FUS_SDC_STREAM_VOXELS, p->who, 0);
    p->n_voxels = draw_sizes(size, p, &rng);
    choose_grid(p);
    n_places = p->grid[0] * p->grid[1] * p->grid[2];
    size_t *places = fus_base_alloc(n_places, sizeof *places), *order = fus_base_alloc(p->n_voxels, sizeof *order);
    double *scratch = fus_base_alloc(d, sizeof *scratch);
    uint8_t *taken = fus_base_alloc(n_places, 1);
    p->concept = fus_base_alloc(p->n_voxels, sizeof *p->concept);
    p->direction = fus_base_alloc(p->n_voxels * d, sizeof *p->direction);
    p->nc = fus_base_alloc(p->n_voxels, sizeof *p->nc);
    p->place = fus_base_alloc(p->n_voxels, sizeof *p->place);
    int code = FUS_OK;
    if (!places || !order || !scratch || !taken || !p->concept || !p->direction || !p->nc || !p->place)
        code = fus_base_fail(err, FUS_ENOMEM, "no memory for %zu voxels", p->n_voxels);
    for (size_t i = 0; !code && i < n_places; i++)
        places[i] = i;
    for (size_t i = 0; !code && i < p->n_voxels; i++)
        order[i] = i;
    if (!code) {
        shuffle(places, n_places, &rng);
        shuffle(order, p->n_voxels, &rng);
        for (size_t i = 0; i < p->n_voxels; i++)
            taken[places[i]] = 1;
        for (size_t i = 0, v = 0; i < n_places; i++)
            if (taken[i])
                p->place[v++] = i;
        for (size_t c = 0, k = 0; c <= FUS_SDC_IDLE; c++)
            for (size_t i = 0; i < size[c]; i++)
        p->concept[order[k++]] = (enum fus_sdc_concept)c;
        for (size_t v = 0; v < p->n_voxels; v++)
            make_voxel(p, v, q, &rng, scratch);
    }
    fus_base_free(places);
    fus_base_free(order);
    fus_base_free(scratch);
    fus_base_free(taken);
    return code;
}

/* ---- trials and signal ---- */

static int make_trials(struct person *p, struct fus_error *err)
{
    struct fus_rng rng;
    const struct fus_sdc_simulate_options *o = p->o;
    p->n_images = o->n_shared + o->n_own;
    p->n_trials = p->n_images * (size_t)o->repeats;
    p->own = fus_base_alloc(p->n_images, sizeof *p->own);
    p->trial = fus_base_alloc(p->n_trials, sizeof *p->trial);
    if (!p->own || !p->trial)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for %zu trials", p->n_trials);
    for (size_t i = 0; i < p->n_images; i++)
        p->own[i] = i < o->n_shared ? i : i + (size_t)p->who * o->n_own;
    for (size_t t = 0; t < p->n_trials; t++)
        p->trial[t] = t % p->n_images;
    fus_sdc_simulate_stream(&rng, o->seed, FUS_SDC_STREAM_TRIALS, p->who, 0);
    shuffle(p->trial, p->n_trials, &rng);
    return FUS_OK;
}

static int make_signal(struct person *p, const double *y, struct fus_error *err)
{
    size_t n = p->n_images, d = p->o->d;
    p->signal = fus_base_alloc(n * p->n_voxels, sizeof *p->signal);
    if (!p->signal)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for %zu images of %zu voxels", n, p->n_voxels);
    for (size_t v = 0; v < p->n_voxels; v++) {
        const double *direction = p->direction + v * d;
        double mean = 0, m2 = 0;
        for (size_t i = 0; i < n; i++) {
            double sum = 0;
            for (size_t j = 0; j < d; j++)
                sum += direction[j] * y[p->own[i] * d + j];
            p->signal[i * p->n_voxels + v] = sum;
            mean += sum / (double)n;
        }
        for (size_t i = 0; i < n; i++) {
            double x = p->signal[i * p->n_voxels + v] - mean;
            m2 += x * x / (double)n;
        }
        for (size_t i = 0; i < n; i++)
            p->signal[i * p->n_voxels + v] = (p->signal[i * p->n_voxels + v] - mean) / sqrt(m2);
    }
    return FUS_OK;
}

/* ---- responses ---- */

/* What changes with the session: gain, offset and loads of the factors. */
struct session {
    double *gain, *offset, *load; /* [n_voxels], [n_voxels], [n_voxels, N_FACTORS] */
    struct fus_rng rng;
};

static void draw_session(struct session *s, const struct person *p)
{
    for (size_t v = 0; v < p->n_voxels; v++) {
        s->gain[v] = 0.5 + 1.5 * fus_rng_uniform(&s->rng);
        s->offset[v] = fus_rng_normal(&s->rng);
        for (int f = 0; f < N_FACTORS; f++)
            s->load[v * N_FACTORS + (size_t)f] = fus_rng_normal(&s->rng) / sqrt(N_FACTORS);
    }
}

/* One trial's responses into a volume [grid] of whole numbers. */
static void draw_trial(int32_t *volume, const struct person *p, struct session *s, size_t image)
{
    double factor[N_FACTORS];
    for (int f = 0; f < N_FACTORS; f++)
        factor[f] = fus_rng_normal(&s->rng);
    for (size_t v = 0; v < p->n_voxels; v++) {
        double noise = 0;
        for (int f = 0; f < N_FACTORS; f++)
            noise += factor[f] * s->load[v * N_FACTORS + (size_t)f];
        noise = sqrt(0.8) * fus_rng_normal(&s->rng) + sqrt(0.2) * noise;
        double x = sqrt(p->nc[v]) * p->signal[image * p->n_voxels + v] + sqrt(1 - p->nc[v]) * noise;
        double whole = floor(SCALE * (x * s->gain[v] + s->offset[v]) + 0.5);
        volume[p->place[v]] = whole < -32768 ? -32768 : whole > 32767 ? 32767 : (int32_t)whole;
    }
}

/* 1.8 mm, centred, as bits of f32. */
static void make_space(struct fus_volume_space *space, const struct person *p)
{
    const float mm = 1.8f, one = 1;
    *space = (struct fus_volume_space){.format = FUS_VOLUME_NIFTI, .sform_code = 1, .units = 2};
    memcpy(&space->pixdim[0], &one, 4);
    for (int i = 0; i < 3; i++) {
        float start = -0.5f * mm * (float)(p->grid[i] - 1);
        space->grid[i] = p->grid[i];
        memcpy(&space->pixdim[i + 1], &mm, 4);
        memcpy(&space->srow[4 * i + i], &mm, 4);
        memcpy(&space->srow[4 * i + 3], &start, 4);
    }
}

static int write_session(const struct person *p, int number, size_t from, size_t end, struct session *s,
                         struct fus_error *err)
{
    char path[4096];
    struct fus_volume_space space;
    size_t n_places = p->grid[0] * p->grid[1] * p->grid[2];
    int32_t *volumes = fus_base_alloc((end - from) * n_places, sizeof *volumes);
    if (!volumes)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for %zu trials", end - from);
    fus_sdc_simulate_stream(&s->rng, p->o->seed, FUS_SDC_STREAM_NOISE, p->who, (uint64_t)number);
    draw_session(s, p);
    for (size_t t = from; t < end; t++)
        draw_trial(volumes + (t - from) * n_places, p, s, p->trial[t]);
    make_space(&space, p);
    snprintf(path, sizeof path, "%s/%s/session%d.nii", p->folder, p->name, number);
    int code = fus_volume_write(path, &space, end - from, volumes, FUS_VOLUME_RESPONSES, err);
    fus_base_free(volumes);
    return code;
}

/* The first trial of a session, from 0. */
static size_t session_start(const struct person *p, int session)
{
    return p->n_trials * (size_t)session / (size_t)p->o->n_sessions;
}

static int write_sessions(const struct person *p, struct fus_error *err)
{
    struct session s = {.gain = fus_base_alloc(p->n_voxels, sizeof(double)),
                        .offset = fus_base_alloc(p->n_voxels, sizeof(double)),
                        .load = fus_base_alloc(p->n_voxels * N_FACTORS, sizeof(double))};
    int code = s.gain && s.offset && s.load ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "no memory for a session");
    for (int k = 0; !code && k < p->o->n_sessions; k++)
        code = write_session(p, k + 1, session_start(p, k), session_start(p, k + 1), &s, err);
    fus_base_free(s.gain);
    fus_base_free(s.offset);
    fus_base_free(s.load);
    return code;
}

static int write_mask(const struct person *p, struct fus_error *err)
{
    char path[4096];
    struct fus_volume_space space;
    int32_t *mask = fus_base_alloc(p->grid[0] * p->grid[1] * p->grid[2], sizeof *mask);
    if (!mask)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for a mask");
    for (size_t v = 0; v < p->n_voxels; v++)
        mask[p->place[v]] = 1;
    make_space(&space, p);
    snprintf(path, sizeof path, "%s/%s/mask.nii", p->folder, p->name);
    int code = fus_volume_write(path, &space, 0, mask, FUS_VOLUME_LABELS, err);
    fus_base_free(mask);
    return code;
}

static int write_trials(const struct person *p, struct fus_error *err)
{
    char path[4096];
    struct fus_outfile f;
    snprintf(path, sizeof path, "%s/%s/trials.tsv", p->folder, p->name);
    int code = fus_outfile_open(&f, path, err), session = 0;
    if (code)
        return code;
    fus_outfile_printf(&f, "image\tsession\n");
    for (size_t t = 0; t < p->n_trials; t++) {
        while (t >= session_start(p, session + 1))
            session++;
        fus_outfile_printf(&f, "%zu\t%d\n", p->own[p->trial[t]], session + 1);
    }
    return fus_outfile_commit(&f, err);
}

static void write_truth(struct fus_outfile *f, const struct person *p)
{
    for (size_t v = 0; v < p->n_voxels; v++)
        fus_outfile_printf(f, "%s,%zu,%zu,%zu,%zu,%s,%.3f\n", p->name, p->place[v], p->place[v] % 8,
                           p->place[v] / 8 % 8, p->place[v] / 64, fus_sdc_simulate_name(p->concept[v]), 100 * p->nc[v]);
}

int fus_sdc_simulate_person(const char *folder, int number, const double *y, const double *q,
                            const struct fus_sdc_simulate_options *o, struct fus_outfile *truth, struct fus_error *err)
{
    struct person p = {.o = o, .folder = folder, .who = (uint64_t)number};
    char path[4096];
    snprintf(p.name, sizeof p.name, "subj%02d", number + 1);
    snprintf(path, sizeof path, "%s/%s", folder, p.name);
    int code = fus_outfile_mkdirs(path, err);
    if (!code)
        code = make_voxels(&p, q, err);
    if (!code)
        code = make_trials(&p, err);
    if (!code)
        code = make_signal(&p, y, err);
    if (!code)
        code = write_sessions(&p, err);
    if (!code)
        code = write_mask(&p, err);
    if (!code)
        code = write_trials(&p, err);
    if (!code)
        write_truth(truth, &p);
    fus_base_free(p.concept);
    fus_base_free(p.direction);
    fus_base_free(p.nc);
    fus_base_free(p.place);
    fus_base_free(p.signal);
    fus_base_free(p.own);
    fus_base_free(p.trial);
    return code;
}
