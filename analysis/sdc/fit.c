/* SPDX-License-Identifier: MIT */
/* The steps of a fit: see fit.h.
 *
 *   x~_i = x_i + sigma e_i
 *   z_i = W' x~_i + b,  p_i = z_i / |z_i|,  s_ij = p_i . y_j / tau
 *   G_ij = (R_ij + C_ij - 2 [i = j]) / (2 B tau),  R and C softmax of s over j and over i
 *   dp_i = sum_j G_ij y_j,  dz_i = (dp_i - (dp_i . p_i) p_i) / |z_i|
 *   dW = sum_i x~_i dz_i',  db = sum_i dz_i
 *
 * All four products run on the networks' micro-kernels (nn/matmul.h), so every matrix is blocked:
 * [columns/16, rows, 16]. A tile of dW is used up by Adam while it is in the first-level cache:
 * the gradient as a whole is never written. */
#include "analysis/sdc/fit.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "analysis/sdc/fit_state.h"
#include "analysis/sdc/noise.h"
#include "nn/base/clock.h"
#include "nn/base/fmath.h"
#include "nn/base/rng.h"
#include "nn/base/threads.h"

uint64_t fus_sdc_fit_key(uint64_t seed, const char *participant, int rerun)
{
    const uint64_t parts[] = {seed, fus_sdc_noise_name(participant), (uint64_t)rerun};
    return fus_rng_key(parts, 3);
}

/* ---- the batch ---- */

static void shuffle(int32_t *order, size_t n, uint64_t key, uint64_t epoch)
{
    const uint64_t parts[] = {key, FUS_SDC_ORDER, epoch};
    struct fus_rng r;
    fus_rng_seed_counter(&r, parts, 3);
    for (size_t i = 0; i < n; i++)
        order[i] = (int32_t)i;
    for (size_t i = n; i-- > 1;) {
        size_t j = (size_t)fus_rng_below(&r, i + 1);
        int32_t kept = order[i];
        order[i] = order[j];
        order[j] = kept;
    }
}

/* The trials of step t: an epoch's batches in turn; what is left over at its end is dropped. */
static void choose(struct fus_sdc_fit *f)
{
    size_t per_epoch = f->source.n / f->batch;
    long epoch = (long)((size_t)f->step / per_epoch);
    const int32_t *rows = f->order + (size_t)f->step % per_epoch * f->batch;
    if (epoch != f->epoch)
        shuffle(f->order, f->source.n, f->key, (uint64_t)epoch);
    f->epoch = epoch;
    for (size_t i = 0; i < f->batch; i++) {
        f->trials[i] = f->source.trials[rows[i]];
        f->image[i] = f->source.image[rows[i]];
    }
}

/* Noise on a row of x, and its image's embedding as a row of y and as a column of y'. */
static void prepare_row(void *context, int task, int thread)
{
    struct fus_sdc_fit *f = context;
    size_t i = (size_t)task;
    const float *unit = f->source.embedding->unit + (size_t)f->image[i] * f->d;
    float *across = f->y_across + (i / 16 * f->d_pad) * 16 + i % 16;
    (void)thread;
    if (f->o.noise > 0)
        fus_sdc_noise_add(f->raw + i * f->n_voxels, f->n_voxels, f->table, f->key, (uint64_t)f->step, i);
    for (size_t j = 0; j < f->d; j++) {
        f->y[(j / 16 * f->batch_pad + i) * 16 + j % 16] = unit[j];
        across[j * 16] = unit[j];
    }
}

#define PACKED 8 /* blocks of 16 voxels in a task */

static void pack_voxels(void *context, int task, int thread)
{
    struct fus_sdc_fit *f = context;
    size_t from = (size_t)task * PACKED * 16, end = from + PACKED * 16;
    (void)thread;
    end = end < f->n_voxels ? end : f->n_voxels;
    for (; from < end; from += 16) {
        size_t n = end - from < 16 ? end - from : 16;
        float *to = f->x + from * f->batch;
        for (size_t i = 0; i < f->batch; i++, to += 16)
            memcpy(to, f->raw + i * f->n_voxels + from, n * sizeof *to);
    }
}

/* ---- loss and gradient ---- */

#define LEFT_OUT (-1e30f) /* a score whose share is nothing */

/* p_i and |z_i|. */
static void normalise_row(void *context, int task, int thread)
{
    struct fus_sdc_fit *f = context;
    size_t i = (size_t)task, step = f->batch * 16;
    const float *z = f->z + i * 16;
    float *p = f->p + i * 16;
    double squares = 0;
    (void)thread;
    for (size_t j = 0; j < f->d; j++)
        squares += (double)z[j / 16 * step + j % 16] * z[j / 16 * step + j % 16];
    f->length[i] = sqrt(squares);
    for (size_t j = 0; j < f->d; j++)
        p[j / 16 * step + j % 16] = f->length[i] > 0 ? (float)(z[j / 16 * step + j % 16] / f->length[i]) : 0;
}

/* Row i of s / tau and, in `across`, column i: rows of scores for the softmax. */
static void scale_row(void *context, int task, int thread)
{
    struct fus_sdc_fit *f = context;
    size_t n = f->batch, i = (size_t)task;
    float sharpness = (float)(1 / f->o.temperature);
    (void)thread;
    for (size_t j = 0; j < n; j++) {
        bool left_out = f->o.mask_same_image && i != j && f->image[i] == f->image[j];
        float *row = &f->shares[(j / 16 * n + i) * 16 + j % 16], *column = &f->across[(j / 16 * n + i) * 16 + j % 16];
        *row = left_out ? LEFT_OUT : f->s[(j / 16 * n + i) * 16 + j % 16] * sharpness;
        *column = left_out ? LEFT_OUT : f->s[(i / 16 * n + j) * 16 + i % 16] * sharpness;
    }
}

/* Softmax of row i, or of column i - B, and its term of the loss. */
static void share_out(void *context, int task, int thread)
{
    struct fus_sdc_fit *f = context;
    size_t n = f->batch, i = (size_t)task % n;
    float *share = ((size_t)task < n ? f->shares : f->across) + i * 16, own;
    (void)thread;
    f->kernel->softmax(share, n * 16, (int)(f->batch_pad / 16), (int)n);
    own = share[i / 16 * n * 16 + i % 16];
    f->terms[task] = -fus_fmath_log(own > FLT_MIN ? own : FLT_MIN);
}

/* Row i of G, in the place of s. */
static void weigh_row(void *context, int task, int thread)
{
    struct fus_sdc_fit *f = context;
    size_t n = f->batch, i = (size_t)task;
    double scale = 1 / (2 * (double)n * f->o.temperature);
    (void)thread;
    for (size_t j = 0; j < n; j++) {
        double both = (double)f->shares[(j / 16 * n + i) * 16 + j % 16] + f->across[(i / 16 * n + j) * 16 + i % 16];
        f->s[(j / 16 * n + i) * 16 + j % 16] = (float)((both - 2 * (i == j)) * scale);
    }
}

/* dz_i, in the place of dp_i. */
static void project_row(void *context, int task, int thread)
{
    struct fus_sdc_fit *f = context;
    size_t i = (size_t)task, step = f->batch * 16;
    const float *p = f->p + i * 16;
    float *dz = f->z + i * 16;
    double along = 0;
    (void)thread;
    for (size_t j = 0; j < f->d; j++)
        along += (double)dz[j / 16 * step + j % 16] * p[j / 16 * step + j % 16];
    for (size_t j = 0; j < f->d; j++) {
        float *x = &dz[j / 16 * step + j % 16];
        *x = f->length[i] > 0 ? (float)((*x - along * p[j / 16 * step + j % 16]) / f->length[i]) : 0;
    }
}

static void run_decode(struct fus_sdc_fit *f)
{
    const struct fus_matmul decode = {f->batch, f->v_pad, f->d_pad, f->x, f->w.value, f->b.value, f->z, false, 0, 0};
    fus_matmul_run(&decode, f->kernel);
}

static double run_loss(struct fus_sdc_fit *f)
{
    const struct fus_matmul compare = {f->batch, f->d_pad, f->batch_pad, f->p, f->y_across, NULL, f->s, false, 0, 0};
    const struct fus_matmul back = {f->batch, f->batch_pad, f->d_pad, f->s, f->y, NULL, f->z, false, 0, 0};
    int n = (int)f->batch;
    double loss = 0;
    fus_threads_for(n, normalise_row, f);
    fus_matmul_run(&compare, f->kernel);
    fus_threads_for(n, scale_row, f);
    fus_threads_for(2 * n, share_out, f);
    fus_threads_for(n, weigh_row, f);
    fus_matmul_run(&back, f->kernel);
    fus_threads_for(n, project_row, f);
    for (int i = 0; i < 2 * n; i++)
        loss += f->terms[i];
    return loss / (2 * n);
}

/* ---- the update ---- */

static void update(struct fus_sdc_fit *f, const struct fus_sdc_fit_moments *a, size_t at, const float *g, size_t n)
{
    f->kernel->grad.adamw(a->value + at, a->mean + at, a->square + at, g, &f->rule, n);
    if (a->sum && f->step >= f->first_averaged)
        for (size_t i = at; i < at + n; i++)
            a->sum[i] += a->value[i];
}

static void use_tile(void *context, const float *tile, size_t block, size_t v0)
{
    struct fus_sdc_fit *f = context;
    update(f, &f->w, (block * f->v_pad + v0) * 16, tile, 256);
}

static void update_bias(struct fus_sdc_fit *f)
{
    float *g = f->bias_gradient;
    for (size_t j = 0; j < f->d_pad; j++)
        g[j] = 0;
    for (size_t block = 0; block < f->d_pad / 16; block++)
        for (size_t i = 0; i < f->batch; i++)
            for (size_t j = 0; j < 16; j++)
                g[block * 16 + j] += f->z[(block * f->batch + i) * 16 + j];
    update(f, &f->b, 0, g, f->d_pad);
}

static void run_update(struct fus_sdc_fit *f)
{
    const struct fus_matmul_over_rows gradient = {
        .rows = f->batch, .k = f->v_pad, .columns = f->d_pad, .a = f->x, .b = f->z, .use = use_tile, .context = f};
    f->power1 *= FUS_SDC_FIT_BETA1;
    f->power2 *= FUS_SDC_FIT_BETA2;
    f->rule = (struct fus_update){.decay = 1,
                                  .keep1 = (float)(1 - FUS_SDC_FIT_BETA1),
                                  .keep2 = (float)(1 - FUS_SDC_FIT_BETA2),
                                  .step = (float)(f->o.rate / (1 - f->power1)),
                                  .root = (float)(1 - f->power2),
                                  .epsilon = (float)FUS_SDC_FIT_EPSILON};
    fus_matmul_run_over_rows(&gradient, f->kernel);
    update_bias(f);
}

struct stepping {
    struct fus_sdc_fit *f;
    double loss;
};

/* Adds the time since *start to *part and starts anew. */
static void stop_clock(double *part, double *start)
{
    double now = fus_clock_now();
    *part += now - *start;
    *start = now;
}

static void run_step(void *context)
{
    struct stepping *s = context;
    struct fus_sdc_fit *f = s->f;
    double start = fus_clock_now();
    fus_threads_for((int)f->batch, prepare_row, f);
    fus_threads_for((int)((f->n_voxels + PACKED * 16 - 1) / (PACKED * 16)), pack_voxels, f);
    stop_clock(&f->times.batch, &start);
    run_decode(f);
    stop_clock(&f->times.decode, &start);
    s->loss = run_loss(f);
    stop_clock(&f->times.loss, &start);
    run_update(f);
    stop_clock(&f->times.update, &start);
}

int fus_sdc_fit_step(struct fus_sdc_fit *f, double *loss, struct fus_error *err)
{
    struct stepping s = {f, 0};
    double start = fus_clock_now();
    choose(f);
    int code = fus_sdc_data_gather(f->raw, f->source.data, f->trials, f->batch, err);
    stop_clock(&f->times.batch, &start);
    if (code)
        return code;
    fus_threads_run(run_step, &s);
    f->step++;
    *loss = s.loss;
    return FUS_OK;
}

int fus_sdc_fit_steps(const struct fus_sdc_fit *f)
{
    return (int)f->step;
}

struct fus_sdc_fit_times fus_sdc_fit_times(const struct fus_sdc_fit *f)
{
    return f->times;
}

/* ---- the decoder ---- */

static float final(const struct fus_sdc_fit *f, const struct fus_sdc_fit_moments *a, size_t i)
{
    long n = f->step - f->first_averaged;
    return a->sum && n > 0 ? (float)(a->sum[i] / (double)n) : a->value[i];
}

void fus_sdc_fit_result(float *w, float *b, const struct fus_sdc_fit *f)
{
    for (size_t v = 0; v < f->n_voxels; v++)
        for (size_t j = 0; j < f->d; j++)
            w[v * f->d + j] = final(f, &f->w, (j / 16 * f->v_pad + v) * 16 + j % 16);
    for (size_t j = 0; j < f->d; j++)
        b[j] = final(f, &f->b, j);
}
