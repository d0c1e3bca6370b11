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

/* The embedding of trial i's image as a row of y and as a column of y'. */
static void place_embedding(struct fus_sdc_fit *f, size_t i)
{
    const float *unit = f->source.embedding->unit + (size_t)f->image[i] * f->d;
    float *row = f->y + i * 16, *column = f->y_across + (i / 16 * f->d_pad) * 16 + i % 16;
    for (size_t j = 0; j < f->d; j += 16, row += f->batch_pad * 16)
        memcpy(row, unit + j, (f->d - j < 16 ? f->d - j : 16) * sizeof *row);
    for (size_t j = 0; j < f->d; j++)
        column[j * 16] = unit[j];
}

/* Rows i .. i+n-1 of x~ from raw [n, V]. */
static void pack_rows(struct fus_sdc_fit *f, const float *raw, size_t i, size_t n)
{
    size_t whole = f->n_voxels / 16 * 16, rest = f->n_voxels - whole;
    float *to = f->x + i * 16;
    for (size_t v = 0; v < whole; v += 16, to += f->batch * 16)
        for (size_t r = 0; r < n; r++)
            memcpy(to + r * 16, raw + r * f->n_voxels + v, 16 * sizeof *to);
    for (size_t r = 0; r < n && rest; r++)
        memcpy(to + r * 16, raw + r * f->n_voxels + whole, rest * sizeof *to);
}

/* A group of trials: their responses, which stay in the second-level cache until they are part of
 * x~; noise; their embeddings. */
static void prepare_group(void *context, int task, int thread)
{
    struct fus_sdc_fit *f = context;
    size_t first = (size_t)task * FUS_SDC_FIT_GROUP, n = f->batch - first;
    size_t slot = (size_t)(f->n_slots < f->n_groups ? thread : task); /* of the scratch memory */
    float *raw = f->raw + slot * FUS_SDC_FIT_GROUP * f->n_voxels;
    n = n < FUS_SDC_FIT_GROUP ? n : FUS_SDC_FIT_GROUP;
    f->errors[task].code = FUS_OK;
    if (fus_sdc_data_gather(raw, f->source.data, f->trials + first, n, &f->errors[task]))
        return;
    for (size_t r = 0; r < n; r++) {
        if (f->o.noise > 0)
            fus_sdc_noise_add(raw + r * f->n_voxels, f->n_voxels, f->table, f->key, (uint64_t)f->step, first + r);
        place_embedding(f, first + r);
    }
    pack_rows(f, raw, first, n);
}

static int prepare(struct fus_sdc_fit *f, struct fus_error *err)
{
    if (f->n_slots == f->n_groups || fus_threads_here() <= f->n_slots)
        fus_threads_for(f->n_groups, prepare_group, f);
    else /* more threads than when the fit was made */
        for (int i = 0; i < f->n_groups; i++)
            prepare_group(f, i, 0);
    for (int i = 0; i < f->n_groups; i++)
        if (f->errors[i].code) {
            if (err)
                *err = f->errors[i];
            return f->errors[i].code;
        }
    return FUS_OK;
}

/* ---- loss and gradient ---- */

#define LEFT_OUT (-1e30f) /* a score whose share is nothing */

#define ROWS 4 /* of a task: their sums run side by side */

/* sums[r] = the chain over j of a_rj b_rj, for n <= ROWS rows from a and b. */
static void sum_products(double sums[ROWS], const struct fus_sdc_fit *f, const float *a, const float *b, size_t n)
{
    size_t step = f->batch * 16;
    double s[ROWS] = {0};
    for (size_t j = 0; j < f->d && n == ROWS; j += 16, a += step, b += step)
        for (size_t k = 0; k < 16; k++) { /* 0 past the last */
            s[0] += (double)a[k] * b[k];
            s[1] += (double)a[16 + k] * b[16 + k];
            s[2] += (double)a[32 + k] * b[32 + k];
            s[3] += (double)a[48 + k] * b[48 + k];
        }
    for (size_t r = 0; r < n && n < ROWS; r++)
        for (size_t j = 0; j < f->d; j++)
            s[r] += (double)a[j / 16 * step + r * 16 + j % 16] * b[j / 16 * step + r * 16 + j % 16];
    memcpy(sums, s, sizeof s);
}

static size_t rows_from(const struct fus_sdc_fit *f, size_t first)
{
    return f->batch - first < ROWS ? f->batch - first : ROWS;
}

/* p_i and |z_i|. */
static void normalise_rows(void *context, int task, int thread)
{
    struct fus_sdc_fit *f = context;
    size_t first = (size_t)task * ROWS, n = rows_from(f, first), step = f->batch * 16;
    const float *z = f->z + first * 16;
    float *p = f->p + first * 16;
    double *length = f->length + first, squares[ROWS];
    (void)thread;
    sum_products(squares, f, z, z, n);
    for (size_t r = 0; r < n; r++)
        length[r] = sqrt(squares[r]);
    for (size_t j = 0; j < f->d; j += 16, z += step, p += step)
        for (size_t r = 0; r < n; r++)
            for (size_t k = 0; k < 16; k++)
                p[r * 16 + k] = length[r] > 0 ? (float)(z[r * 16 + k] / length[r]) : 0;
}

/* A square of 16 x 16 scores, times sharpness, and the same turned; rows and columns of it are in
 * use. A square lies in one piece of memory, [16, 16]. */
static void scale_square(float *to, float *turned, const float *s, float sharpness, size_t rows, size_t columns)
{
    for (size_t r = 0; r < rows; r++, s += 16)
        for (size_t k = 0; k < columns; k++)
            turned[k * 16 + r] = to[r * 16 + k] = s[k] * sharpness;
}

/* Of 16 trials i: row i of s / tau, and in `across` the columns j at row i. They are rows of scores
 * for the softmax. */
static void scale_rows(void *context, int task, int thread)
{
    struct fus_sdc_fit *f = context;
    size_t n = f->batch, i = (size_t)task * 16, rows = n - i < 16 ? n - i : 16;
    float sharpness = (float)(1 / f->o.temperature);
    (void)thread;
    for (size_t j = 0; j < n; j += 16) {
        float *to = f->shares + (j / 16 * n + i) * 16, *turned = f->across + (i / 16 * n + j) * 16;
        scale_square(to, turned, f->s + (j / 16 * n + i) * 16, sharpness, rows, n - j < 16 ? n - j : 16);
        for (size_t r = 0; r < rows && f->o.mask_same_image; r++)
            for (size_t k = 0; k < 16 && j + k < n; k++)
                if (i + r != j + k && f->image[i + r] == f->image[j + k])
                    to[r * 16 + k] = turned[k * 16 + r] = LEFT_OUT;
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

/* Rows of G of 16 trials, in the place of s. */
static void weigh_rows(void *context, int task, int thread)
{
    struct fus_sdc_fit *f = context;
    size_t n = f->batch, i = (size_t)task * 16, rows = n - i < 16 ? n - i : 16;
    double scale = 1 / (2 * (double)n * f->o.temperature);
    (void)thread;
    for (size_t j = 0; j < n; j += 16) {
        const float *share = f->shares + (j / 16 * n + i) * 16, *turned = f->across + (i / 16 * n + j) * 16;
        float *g = f->s + (j / 16 * n + i) * 16;
        for (size_t r = 0; r < rows; r++)
            for (size_t k = 0; k < 16 && j + k < n; k++) {
                double both = (double)share[r * 16 + k] + turned[k * 16 + r];
                g[r * 16 + k] = (float)((both - 2 * (i + r == j + k)) * scale);
            }
    }
}

/* dz_i, in the place of dp_i. */
static void project_rows(void *context, int task, int thread)
{
    struct fus_sdc_fit *f = context;
    size_t first = (size_t)task * ROWS, n = rows_from(f, first), step = f->batch * 16;
    const float *p = f->p + first * 16;
    float *dz = f->z + first * 16;
    double along[ROWS];
    (void)thread;
    sum_products(along, f, dz, p, n);
    for (size_t j = 0; j < f->d; j += 16, dz += step, p += step)
        for (size_t r = 0; r < n; r++) {
            double length = f->length[first + r];
            for (size_t k = 0; k < 16; k++)
                dz[r * 16 + k] = length > 0 ? (float)((dz[r * 16 + k] - along[r] * p[r * 16 + k]) / length) : 0;
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
    fus_threads_for((n + ROWS - 1) / ROWS, normalise_rows, f);
    fus_matmul_run(&compare, f->kernel);
    fus_threads_for((n + 15) / 16, scale_rows, f);
    fus_threads_for(2 * n, share_out, f);
    fus_threads_for((n + 15) / 16, weigh_rows, f);
    fus_matmul_run(&back, f->kernel);
    fus_threads_for((n + ROWS - 1) / ROWS, project_rows, f);
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
    int code;
    struct fus_error *err;
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
    choose(f);
    s->code = prepare(f, s->err);
    if (s->code)
        return;
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
    struct stepping s = {f, 0, FUS_OK, err};
    fus_threads_run(run_step, &s);
    if (s.code)
        return s.code;
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
