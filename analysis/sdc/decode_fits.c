/* SPDX-License-Identifier: MIT */
/* The fits of a participant: reruns, whose mean is the decoder, and decoders of relabelled images.
 *
 * Each is one file when it is finished (decoders/NAME/run-000.npz), a state before
 * (parts/NAME-run-000.state). What is there is not done again. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/run/tables.h"
#include "analysis/sdc/decode_work.h"
#include "analysis/sdc/noise.h"
#include "nn/base/rng.h"
#include "nn/base/threads.h"
#include "weights/weights.h"

/* Fit i of a participant: a rerun, after them a permutation, then reruns of each half. */
struct one {
    enum fus_sdc_fit_kind kind;
    int number;
};

static const char *const kinds[] = {"run", "permuted", "odd", "even"};

static int count_fits(const struct fus_sdc_work *w)
{
    return w->o->reruns * (w->o->halves ? 3 : 1) + w->o->permutations;
}

static struct one one_of(const struct fus_sdc_work *w, int i)
{
    int n[] = {w->o->reruns, w->o->permutations, w->o->reruns}, kind = 0;
    while (kind < 3 && i >= n[kind])
        i -= n[kind++];
    return (struct one){(enum fus_sdc_fit_kind)kind, i};
}

/* Fits of halves are needed until their mean is written. */
static void name_file(char path[FUS_SDC_PATH_BYTES], const struct fus_sdc_work *w, int p, struct one one)
{
    fus_sdc_work_path(path, w, one.kind < FUS_SDC_ODD ? "decoders/%s/%s-%03d.npz" : "parts/%s-%s-%03d.npz",
                      w->study->participants[p].name, kinds[one.kind], one.number);
}

static bool is_done(const struct fus_sdc_work *w, int p, struct one one)
{
    char path[FUS_SDC_PATH_BYTES];
    name_file(path, w, p, one);
    return fus_base_opens(path);
}

/* Whether fit i belongs to this shard. */
static bool in_shard(const struct fus_sdc_work *w, int p, int i)
{
    long index = (long)p * count_fits(w) + i;
    return !w->o->n_shards || index % w->o->n_shards == w->o->shard - 1;
}

int fus_sdc_fits_left(struct fus_sdc_work *w, int p)
{
    int left = 0;
    for (int i = 0; i < count_fits(w); i++)
        left += in_shard(w, p, i) && !is_done(w, p, one_of(w, i));
    return left;
}

/* ---- relabelling ---- */

static int by_number(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return x < y ? -1 : x > y;
}

/* out [n]: the training images exchanged among themselves; all trials of an image move together. */
static int relabel(int32_t *out, const struct fus_sdc_work *w, uint64_t key, struct fus_error *err)
{
    const uint64_t parts[] = {key, FUS_SDC_PAIRING};
    size_t n = w->n[FUS_SDC_TRAIN], m = 0;
    const int32_t *image = w->image[FUS_SDC_TRAIN];
    int32_t *from = fus_base_alloc(2 * n + 1, sizeof *from), *to = from ? from + n : NULL;
    struct fus_rng r;
    if (!from)
        return fus_base_fail(err, FUS_ENOMEM, "%s: no memory for %zu images", w->name, n);
    memcpy(from, image, n * sizeof *from);
    qsort(from, n, sizeof *from, by_number);
    for (size_t i = 0; i < n; i++)
        if (m == 0 || from[i] != from[m - 1])
            from[m++] = from[i];
    memcpy(to, from, m * sizeof *to);
    fus_rng_seed_counter(&r, parts, 2);
    for (size_t i = m; i-- > 1;) {
        size_t j = (size_t)fus_rng_below(&r, i + 1);
        int32_t kept = to[i];
        to[i] = to[j], to[j] = kept;
    }
    for (size_t i = 0; i < n; i++)
        out[i] = to[(const int32_t *)bsearch(&image[i], from, m, sizeof *from, by_number) - from];
    fus_base_free(from);
    return FUS_OK;
}

static uint64_t key_of(const struct fus_sdc_work *w, struct one one)
{
    bool half = one.kind >= FUS_SDC_ODD;
    const uint64_t parts[] = {w->o->seed, fus_sdc_noise_name(w->name), half ? FUS_SDC_HALF : FUS_SDC_PAIRING,
                              (uint64_t)one.number, (uint64_t)one.kind};
    return one.kind == FUS_SDC_RERUN ? fus_sdc_fit_key(w->o->seed, w->name, one.number)
                                     : fus_rng_key(parts, half ? 5 : 4);
}

/* ---- a fit ---- */

/* thread: fits side by side speak with one voice. */
static void show(struct fus_sdc_work *w, const struct fus_sdc_fit *f, struct one one, double loss, int thread)
{
    char what[64];
    const struct fus_sdc_decode_hooks *h = w->hooks;
    double elapsed = fus_sdc_phases_now() - w->started;
    static const char *const names[] = {"rerun", "permutation", "odd sessions, rerun", "even sessions, rerun"};
    snprintf(what, sizeof what, "%s %d of %d", names[one.kind], one.number + 1,
             one.kind == FUS_SDC_PERMUTED ? w->o->permutations : w->o->reruns);
    const struct fus_sdc_decode_progress p = {w->name,
                                              what,
                                              fus_sdc_fit_steps(f),
                                              w->o->fit.iterations,
                                              loss,
                                              elapsed * (double)w->steps_left / (double)w->steps_done};
    if (h->progress && thread == 0)
        h->progress(h->context, &p);
}

/* Steps to the end, with a state every two minutes and where the user stops. */
static int take_steps(struct fus_sdc_work *w, struct fus_sdc_fit *f, struct one one, const char *state, int thread,
                      struct fus_error *err)
{
    const struct fus_sdc_decode_hooks *h = w->hooks;
    double saved = fus_sdc_phases_now(), loss = 0;
    int code = FUS_OK;
    w->steps_left -= fus_sdc_fit_steps(f);
    while (fus_sdc_fit_steps(f) < w->o->fit.iterations && !code) {
        code = fus_sdc_fit_step(f, &loss, err);
        if (code)
            break;
        w->steps_done++;
        w->steps_left--;
        if (!(loss - loss == 0))
            return fus_base_fail(err, FUS_EINVAL,
                                 "%s: step %d: the loss is no finite number: responses or --lr too large?", w->name,
                                 fus_sdc_fit_steps(f));
        show(w, f, one, loss, thread);
        bool stop = h->stopping && h->stopping(h->context);
        if (!stop && fus_sdc_phases_now() - saved < (double)w->o->checkpoint)
            continue;
        code = fus_sdc_fit_save(f, state, err);
        saved = fus_sdc_phases_now();
        if (stop && !code)
            code = fus_base_fail(err, FUS_ESTOPPED, "stopped in %s, step %d of %d", w->name, fus_sdc_fit_steps(f),
                                 w->o->fit.iterations);
    }
    return code;
}

static int write_result(const struct fus_sdc_work *w, const struct fus_sdc_fit *f, struct one one,
                        struct fus_error *err)
{
    size_t n = w->data->n_voxels, d = w->embedding.d;
    bool rerun = one.kind == FUS_SDC_RERUN;
    float *weight = fus_base_alloc(n * d + d, sizeof *weight), *bias = weight ? weight + n * d : NULL,
          *pattern = fus_base_alloc(rerun ? n * d : 1, sizeof *pattern);
    char path[FUS_SDC_PATH_BYTES];
    int code = weight && pattern ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "%s: no memory for a decoder", w->name);
    if (!code)
        fus_sdc_fit_result(weight, bias, f);
    if (!code && rerun)
        code = fus_sdc_fits_pattern(pattern, weight, bias, w, w->trials[FUS_SDC_TRAIN], w->n[FUS_SDC_TRAIN], err);
    const struct fus_npy_array arrays[] = {
        {"weight", "<f4", 2, {n, d}, weight}, {"bias", "<f4", 1, {d}, bias}, {"pattern", "<f4", 2, {n, d}, pattern}};
    name_file(path, w, w->p, one);
    if (!code)
        code = fus_npyout_npz(path, arrays, rerun ? 3 : 2, err);
    fus_base_free(weight);
    fus_base_free(pattern);
    return code;
}

static int fit_one(struct fus_sdc_work *w, struct one one, int thread, struct fus_error *err)
{
    const struct fus_sdc_half all = {w->trials[FUS_SDC_TRAIN], w->image[FUS_SDC_TRAIN], w->n[FUS_SDC_TRAIN]},
                              *on = one.kind >= FUS_SDC_ODD ? &w->half[one.kind - FUS_SDC_ODD] : &all;
    struct fus_sdc_fit_source source = {w->data, &w->embedding, on->trials, on->image, on->n};
    int32_t *image = NULL;
    char state[FUS_SDC_PATH_BYTES];
    struct fus_sdc_fit *f = NULL;
    uint64_t key = key_of(w, one);
    bool found;
    int code = FUS_OK;
    if (one.kind == FUS_SDC_PERMUTED) {
        source.image = image = fus_base_alloc(source.n + 1, sizeof *image);
        code = image ? relabel(image, w, key, err) : fus_base_fail(err, FUS_ENOMEM, "%s: no memory", w->name);
    }
    fus_sdc_work_path(state, w, "parts/%s-%s-%03d.state", w->name, kinds[one.kind], one.number);
    if (!code)
        code = fus_sdc_fit_create(&f, &source, &w->o->fit, key, err);
    if (!code)
        code = fus_sdc_fit_load(f, &found, state, err);
    if (!code)
        code = take_steps(w, f, one, state, thread, err);
    if (!code)
        code = write_result(w, f, one, err);
    if (!code)
        remove(state);
    fus_sdc_fit_destroy(f);
    fus_base_free(image);
    return code;
}

/* Small fits run side by side, each on one thread: a step of theirs is too short to be shared. */
#define SMALL_WEIGHTS ((size_t)1 << 20)

struct side_by_side {
    struct fus_sdc_work *w;
    int n, *fits, *codes;
    struct fus_error *errors;
};

static void run_beside(void *context, int task, int thread)
{
    struct side_by_side *s = context;
    if (task < s->n)
        s->codes[task] = fit_one(s->w, one_of(s->w, s->fits[task]), thread, &s->errors[task]);
}

/* A loop of one task would run its steps on all threads, so there are always two. */
static int run_side_by_side(struct side_by_side *s, struct fus_error *err)
{
    int code = FUS_OK;
    s->codes = fus_base_alloc((size_t)s->n + 1, sizeof *s->codes);
    s->errors = fus_base_alloc((size_t)s->n + 1, sizeof *s->errors);
    if (s->codes && s->errors)
        fus_threads_for(s->n > 1 ? s->n : 2, run_beside, s);
    else
        code = fus_base_fail(err, FUS_ENOMEM, "%s: no memory for %d fits", s->w->name, s->n);
    for (int i = 0; i < s->n && !code; i++)
        if ((code = s->codes[i]) != FUS_OK && err)
            *err = s->errors[i];
    fus_base_free(s->codes);
    fus_base_free(s->errors);
    return code;
}

int fus_sdc_fits_run(struct fus_sdc_work *w, struct fus_error *err)
{
    int all = count_fits(w), code = FUS_OK;
    struct side_by_side s = {.w = w, .fits = fus_base_alloc((size_t)all, sizeof *s.fits)};
    if (!s.fits)
        return fus_base_fail(err, FUS_ENOMEM, "%s: no memory for %d fits", w->name, all);
    for (int i = 0; i < all; i++)
        if (in_shard(w, w->p, i) && !is_done(w, w->p, one_of(w, i)))
            s.fits[s.n++] = i;
    if (s.n && w->data->n_voxels * w->embedding.d <= SMALL_WEIGHTS)
        code = run_side_by_side(&s, err);
    else
        for (int i = 0; i < s.n && !code; i++)
            code = fit_one(w, one_of(w, s.fits[i]), 0, err);
    fus_base_free(s.fits);
    return code;
}

/* ---- what was fitted ---- */

static int read_array(float *to, size_t n, struct fus_store *s, const char *name, struct fus_error *err)
{
    for (size_t i = 0; i < fus_store_count(s); i++) {
        const struct fus_tensor *t = fus_store_tensor(s, i);
        if (strcmp(t->name, name) == 0 && t->n_elements == n)
            return fus_store_read_f32(s, to, t, err);
    }
    return fus_base_fail(err, FUS_EFORMAT, "%s: no array %s of %zu numbers: of another fit? --force begins anew",
                         fus_store_path(s), name, n);
}

int fus_sdc_fits_read(float *weight, float *bias, const struct fus_sdc_work *w, enum fus_sdc_fit_kind kind, int number,
                      struct fus_error *err)
{
    char path[FUS_SDC_PATH_BYTES];
    struct fus_store *s;
    name_file(path, w, w->p, (struct one){kind, number});
    int code = fus_open_weights(&s, path, err);
    if (code)
        return code;
    code = read_array(weight, w->data->n_voxels * w->embedding.d, s, "weight", err);
    if (!code)
        code = read_array(bias, w->embedding.d, s, "bias", err);
    fus_store_close(s);
    return code;
}

int fus_sdc_fits_average(float *weight, float *bias, const struct fus_sdc_work *w, enum fus_sdc_fit_kind kind,
                         struct fus_error *err)
{
    size_t d = w->embedding.d, n = w->data->n_voxels * d;
    double *sum = fus_base_alloc(n + d, sizeof *sum);
    float *one = fus_base_alloc(n + d, sizeof *one);
    int code = sum && one ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "%s: no memory for the mean of reruns", w->name);
    for (int r = 0; r < w->o->reruns && !code; r++) {
        code = fus_sdc_fits_read(one, one + n, w, kind, r, err);
        for (size_t i = 0; i < n + d && !code; i++)
            sum[i] += one[i];
    }
    for (size_t i = 0; i < n + d && !code; i++)
        *(i < n ? &weight[i] : &bias[i - n]) = (float)(sum[i] / w->o->reruns);
    fus_base_free(sum);
    fus_base_free(one);
    return code;
}

int fus_sdc_fits_pattern(float *pattern, const float *weight, const float *bias, const struct fus_sdc_work *w,
                         const int32_t *trials, size_t n, struct fus_error *err)
{
    const struct fus_sdc_decoder decoder = {w->data->n_voxels, w->embedding.d, weight, bias};
    float *z = fus_base_alloc(n * w->embedding.d + 1, sizeof *z);
    int code = z ? fus_sdc_decoder_apply(z, &decoder, w->data, trials, n, err)
                 : fus_base_fail(err, FUS_ENOMEM, "%s: no memory for a decoder", w->name);
    if (!code)
        code = fus_sdc_decoder_pattern(pattern, z, w->embedding.d, w->data, trials, n, err);
    fus_base_free(z);
    return code;
}
