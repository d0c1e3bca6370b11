/* SPDX-License-Identifier: MIT */
/* Ridge regression: see ridge.h. Square matrices are blocked as in nn/matmul.h, [n/16, n, 16], and
 * hold their lower triangle: element (i, j) at (j / 16 n + i) 16 + j % 16. */
#include "analysis/sdc/ridge.h"

#include <math.h>
#include <string.h>

#include "nn/base/threads.h"
#include "nn/kernel/kernels.h"
#include "nn/matmul.h"

#define BLOCK 64    /* columns of the factorisation at a time */
#define TRIALS 128  /* gathered at a time */
#define COLUMNS 256 /* of a trailing update */

struct fus_sdc_ridge {
    struct fus_sdc_fit_source source;
    const struct fus_kernel *kernel;
    bool dual;
    size_t n, n_voxels, d, v_pad, d_pad; /* n: trials */
    size_t side;                         /* of the square matrix, a multiple of 16 */
    double *mean_x, *mean_y;             /* [V], [d] */
    float *square, *factor;              /* [side/16, side, 16] X'X or XX'; its Cholesky factor with a */
    float *right, *solved;               /* [d_pad/16, side, 16] X'Y or Y; the solution */
    float *x;                            /* dual: [v_pad/16, n padded, 16], of all trials */
    double *panel;                       /* [side, BLOCK] */
    float *negative;                     /* [d_pad/16 or COLUMNS/16, BLOCK, 16] */
};

/* ---- the matrices ---- */

struct gathering {
    float *raw, *y, *x_packed, *y_packed;
};

static void close_gathering(struct gathering *g)
{
    fus_base_free(g->raw);
    fus_base_free(g->y);
    fus_base_free(g->x_packed);
    fus_base_free(g->y_packed);
}

static int open_gathering(struct gathering *g, const struct fus_sdc_ridge *r, struct fus_error *err)
{
    g->raw = fus_base_alloc(TRIALS * r->n_voxels + 1, sizeof *g->raw);
    g->y = fus_base_alloc(TRIALS * r->d, sizeof *g->y);
    g->x_packed = fus_base_alloc(TRIALS * r->v_pad, sizeof *g->x_packed);
    g->y_packed = fus_base_alloc(TRIALS * r->d_pad, sizeof *g->y_packed);
    return g->raw && g->y && g->x_packed && g->y_packed
               ? FUS_OK
               : fus_base_fail(err, FUS_ENOMEM, "no memory for %d trials", TRIALS);
}

/* Rows first .. of x and y, centred where the means are known. */
static int gather(struct gathering *g, const struct fus_sdc_ridge *r, size_t first, size_t rows, struct fus_error *err)
{
    int code = fus_sdc_data_gather(g->raw, r->source.data, r->source.trials + first, rows, err);
    for (size_t i = 0; i < rows && !code; i++) {
        const float *unit = r->source.embedding->unit + (size_t)r->source.image[first + i] * r->d;
        for (size_t v = 0; v < r->n_voxels; v++)
            g->raw[i * r->n_voxels + v] = (float)(g->raw[i * r->n_voxels + v] - r->mean_x[v]);
        for (size_t j = 0; j < r->d; j++)
            g->y[i * r->d + j] = (float)(unit[j] - r->mean_y[j]);
    }
    return code;
}

static int find_means(struct fus_sdc_ridge *r, struct gathering *g, struct fus_error *err)
{
    int code = FUS_OK;
    for (size_t i = 0; i < r->n && !code; i += TRIALS) {
        size_t rows = r->n - i < TRIALS ? r->n - i : TRIALS;
        code = fus_sdc_data_gather(g->raw, r->source.data, r->source.trials + i, rows, err);
        for (size_t k = 0; k < rows && !code; k++) {
            const float *unit = r->source.embedding->unit + (size_t)r->source.image[i + k] * r->d;
            for (size_t v = 0; v < r->n_voxels; v++)
                r->mean_x[v] += g->raw[k * r->n_voxels + v];
            for (size_t j = 0; j < r->d; j++)
                r->mean_y[j] += unit[j];
        }
    }
    for (size_t v = 0; v < r->n_voxels; v++)
        r->mean_x[v] /= (double)r->n;
    for (size_t j = 0; j < r->d; j++)
        r->mean_y[j] /= (double)r->n;
    return code;
}

/* X'X and X'Y, from blocks of trials. */
static int sum_primal(struct fus_sdc_ridge *r, struct gathering *g, struct fus_error *err)
{
    int code = FUS_OK;
    for (size_t i = 0; i < r->n && !code; i += TRIALS) {
        size_t rows = r->n - i < TRIALS ? r->n - i : TRIALS;
        code = gather(g, r, i, rows, err);
        if (code)
            break;
        fus_matmul_pack(g->x_packed, g->raw, rows, r->n_voxels);
        fus_matmul_pack(g->y_packed, g->y, rows, r->d);
        const struct fus_matmul_over_rows xx = {.rows = rows,
                                                .k = r->v_pad,
                                                .columns = r->v_pad,
                                                .a = g->x_packed,
                                                .b = g->x_packed,
                                                .out = r->square,
                                                .onto = true,
                                                .lower = true};
        const struct fus_matmul_over_rows xy = {.rows = rows,
                                                .k = r->v_pad,
                                                .columns = r->d_pad,
                                                .a = g->x_packed,
                                                .b = g->y_packed,
                                                .out = r->right,
                                                .onto = true};
        fus_matmul_run_over_rows(&xx, r->kernel);
        fus_matmul_run_over_rows(&xy, r->kernel);
    }
    return code;
}

/* XX' and Y, from all trials at once. */
static int sum_dual(struct fus_sdc_ridge *r, struct gathering *g, struct fus_error *err)
{
    float *across = fus_base_alloc(r->v_pad * TRIALS, sizeof *across);
    int code = across ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "no memory for %d trials", TRIALS);
    for (size_t i = 0; i < r->n && !code; i += TRIALS) {
        size_t rows = r->n - i < TRIALS ? r->n - i : TRIALS;
        code = gather(g, r, i, rows, err);
        for (size_t k = 0; k < rows && !code; k++) {
            for (size_t v = 0; v < r->n_voxels; v++)
                r->x[(v / 16 * r->side + i + k) * 16 + v % 16] = g->raw[k * r->n_voxels + v];
            for (size_t j = 0; j < r->d; j++)
                r->right[(j / 16 * r->side + i + k) * 16 + j % 16] = g->y[k * r->d + j];
        }
    }
    for (size_t j = 0; j < r->side && !code; j += TRIALS) {
        size_t columns = r->side - j < TRIALS ? r->side - j : TRIALS;
        for (size_t v = 0; v < r->v_pad; v++)
            for (size_t c = 0; c < columns; c++)
                across[(c / 16 * r->v_pad + v) * 16 + c % 16] = r->x[(v / 16 * r->side + j + c) * 16 + v % 16];
        const struct fus_matmul product = {
            .rows = r->side, .k = r->v_pad, .columns = columns, .a = r->x, .b = across, .out = r->square + j * r->side};
        fus_matmul_run(&product, r->kernel);
    }
    fus_base_free(across);
    return code;
}

size_t fus_sdc_ridge_bytes(const struct fus_sdc_fit_source *source)
{
    double v = (double)source->data->n_voxels + 16, n = (double)source->n + 16, side = v < n ? v : n;
    double bytes =
        sizeof(float) * (2 * side * side + (v > n ? n * v : 0) + 2 * side * (double)(source->embedding->d + 16));
    return bytes < (double)SIZE_MAX / 2 ? (size_t)bytes : SIZE_MAX;
}

static bool take_all(struct fus_sdc_ridge *r)
{
    size_t blocks = r->d_pad > COLUMNS ? r->d_pad : COLUMNS;
    r->mean_x = fus_base_alloc(r->n_voxels + r->d, sizeof *r->mean_x);
    r->square = fus_base_alloc(r->side * r->side, sizeof *r->square);
    r->factor = fus_base_alloc(r->side * r->side, sizeof *r->factor);
    r->right = fus_base_alloc(r->d_pad * r->side, sizeof *r->right);
    r->solved = fus_base_alloc(r->d_pad * r->side, sizeof *r->solved);
    r->x = r->dual ? fus_base_alloc(r->v_pad * r->side, sizeof *r->x) : NULL;
    r->panel = fus_base_alloc(r->side * BLOCK, sizeof *r->panel);
    r->negative = fus_base_alloc(blocks * BLOCK, sizeof *r->negative);
    r->mean_y = r->mean_x ? r->mean_x + r->n_voxels : NULL;
    return r->mean_x && r->square && r->factor && r->right && r->solved && (r->x || !r->dual) && r->panel &&
           r->negative;
}

int fus_sdc_ridge_open(struct fus_sdc_ridge **out, const struct fus_sdc_fit_source *source, struct fus_error *err)
{
    struct fus_sdc_ridge *r = *out = fus_base_alloc(1, sizeof *r);
    struct gathering g = {0};
    if (!r)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for ridge regression");
    r->source = *source;
    r->kernel = fus_kernels_here();
    r->n = source->n, r->n_voxels = source->data->n_voxels, r->d = source->embedding->d;
    r->v_pad = fus_matmul_pad(r->n_voxels), r->d_pad = fus_matmul_pad(r->d);
    r->dual = r->n_voxels > r->n;
    r->side = r->dual ? fus_matmul_pad(r->n) : r->v_pad;
    int code = take_all(r)
                   ? FUS_OK
                   : fus_base_fail(err, FUS_ENOMEM, "%s: no memory for ridge regression (%zu MB); --ridge none?",
                                   source->data->name, fus_sdc_ridge_bytes(source) >> 20);
    if (!code)
        code = open_gathering(&g, r, err);
    if (!code)
        code = find_means(r, &g, err);
    if (!code)
        code = r->dual ? sum_dual(r, &g, err) : sum_primal(r, &g, err);
    close_gathering(&g);
    if (code) {
        fus_sdc_ridge_close(r);
        *out = NULL;
    }
    return code;
}

void fus_sdc_ridge_close(struct fus_sdc_ridge *r)
{
    if (!r)
        return;
    void *const all[] = {r->mean_x, r->square, r->factor, r->right, r->solved, r->x, r->panel, r->negative};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        fus_base_free(all[i]);
    fus_base_free(r);
}

/* ---- Cholesky's factorisation ---- */

static float *element(float *square, size_t side, size_t i, size_t j)
{
    return square + (j / 16 * side + i) * 16 + j % 16;
}

/* Columns j .. j+n-1 at work. */
struct columns {
    struct fus_sdc_ridge *r;
    size_t j, n;
};

/* Row i of the panel against the rows of the diagonal block above it. */
static void finish_row(const struct columns *c, size_t i)
{
    double *row = c->r->panel + i * BLOCK;
    for (size_t k = 0; k < c->n && k <= i; k++) {
        const double *above = c->r->panel + k * BLOCK;
        double sum = row[k];
        for (size_t t = 0; t < k; t++)
            sum -= row[t] * above[t];
        row[k] = k == i ? (sum > 0 ? sqrt(sum) : 0) : above[k] > 0 ? sum / above[k] : 0;
    }
}

#define ROWS 64 /* of the panel in a task */

static void finish_rows(void *context, int task, int thread)
{
    const struct columns *c = context;
    size_t rows = c->r->side - c->j, from = c->n + (size_t)task * ROWS, end = from + ROWS < rows ? from + ROWS : rows;
    (void)thread;
    for (size_t i = from; i < end; i++)
        finish_row(c, i);
}

/* The panel in double, rounded when it is done. False: a pivot is not above 0. */
static bool factor_panel(const struct columns *c)
{
    struct fus_sdc_ridge *r = c->r;
    size_t rows = r->side - c->j;
    bool positive = true;
    for (size_t i = 0; i < rows; i++)
        for (size_t k = 0; k < c->n; k++)
            r->panel[i * BLOCK + k] = *element(r->factor, r->side, c->j + i, c->j + k);
    for (size_t i = 0; i < c->n; i++) {
        finish_row(c, i);
        positive = positive && r->panel[i * BLOCK + i] > 0;
    }
    if (rows > c->n)
        fus_threads_for((int)((rows - c->n + ROWS - 1) / ROWS), finish_rows, (void *)(uintptr_t)c);
    for (size_t i = 0; i < rows; i++)
        for (size_t k = 0; k < c->n && k <= i; k++)
            *element(r->factor, r->side, c->j + i, c->j + k) = (float)r->panel[i * BLOCK + k];
    return positive;
}

/* The columns to the right less L L' of the panel. */
static void update_trailing(const struct columns *c)
{
    struct fus_sdc_ridge *r = c->r;
    for (size_t first = c->j + c->n; first < r->side; first += COLUMNS) {
        size_t columns = r->side - first < COLUMNS ? r->side - first : COLUMNS;
        for (size_t i = 0; i < columns; i++)
            for (size_t k = 0; k < c->n; k++)
                r->negative[(i / 16 * c->n + k) * 16 + i % 16] = -*element(r->factor, r->side, first + i, c->j + k);
        const struct fus_matmul less = {.rows = r->side - first,
                                        .k = c->n,
                                        .columns = columns,
                                        .b = r->negative,
                                        .a = element(r->factor, r->side, first, c->j),
                                        .out = element(r->factor, r->side, first, first),
                                        .onto = true,
                                        .a_step = r->side * 16,
                                        .out_step = r->side * 16};
        fus_matmul_run(&less, r->kernel);
    }
}

static bool factor(struct fus_sdc_ridge *r, double alpha)
{
    bool positive = true;
    memcpy(r->factor, r->square, r->side * r->side * sizeof *r->factor);
    for (size_t i = 0; i < r->side; i++)
        *element(r->factor, r->side, i, i) = (float)(*element(r->factor, r->side, i, i) + alpha);
    for (size_t j = 0; j < r->side && positive; j += BLOCK) {
        const struct columns c = {r, j, r->side - j < BLOCK ? r->side - j : BLOCK};
        positive = factor_panel(&c);
        update_trailing(&c);
    }
    return positive;
}

/* ---- L L' solved = right ---- */

/* One row of the block of L on the diagonal, or of its transpose. */
static double diagonal(const struct columns *c, size_t i, size_t k)
{
    return *element(c->r->factor, c->r->side, c->j + i, c->j + k);
}

static void solve_below(void *context, int block, int thread)
{
    const struct columns *c = context;
    float *x = c->r->solved + ((size_t)block * c->r->side + c->j) * 16;
    (void)thread;
    for (size_t lane = 0; lane < 16; lane++) {
        double y[BLOCK];
        for (size_t i = 0; i < c->n; i++) {
            y[i] = x[i * 16 + lane];
            for (size_t k = 0; k < i; k++)
                y[i] -= diagonal(c, i, k) * y[k];
            y[i] /= diagonal(c, i, i);
            x[i * 16 + lane] = (float)y[i];
        }
    }
}

static void solve_above(void *context, int block, int thread)
{
    const struct columns *c = context;
    float *x = c->r->solved + ((size_t)block * c->r->side + c->j) * 16;
    (void)thread;
    for (size_t lane = 0; lane < 16; lane++) {
        double y[BLOCK];
        for (size_t i = c->n; i-- > 0;) {
            y[i] = x[i * 16 + lane];
            for (size_t k = i + 1; k < c->n; k++)
                y[i] -= diagonal(c, k, i) * y[k];
            y[i] /= diagonal(c, i, i);
            x[i * 16 + lane] = (float)y[i];
        }
    }
}

/* The rows of the solution that are known now, negated: [d_pad/16, n, 16]. */
static void negate(const struct columns *c)
{
    struct fus_sdc_ridge *r = c->r;
    for (size_t block = 0; block < r->d_pad / 16; block++)
        for (size_t i = 0; i < c->n * 16; i++)
            r->negative[block * c->n * 16 + i] = -r->solved[(block * r->side + c->j) * 16 + i];
}

static void solve(struct fus_sdc_ridge *r)
{
    size_t last = (r->side - 1) / BLOCK * BLOCK;
    memcpy(r->solved, r->right, r->d_pad * r->side * sizeof *r->solved);
    for (size_t j = 0; j < r->side; j += BLOCK) {
        struct columns c = {r, j, r->side - j < BLOCK ? r->side - j : BLOCK};
        size_t next = j + c.n;
        fus_threads_for((int)(r->d_pad / 16), solve_below, &c);
        negate(&c);
        const struct fus_matmul less = {.rows = r->side - next,
                                        .k = c.n,
                                        .columns = r->d_pad,
                                        .b = r->negative,
                                        .a = r->factor + (j / 16 * r->side + next) * 16,
                                        .out = r->solved + next * 16,
                                        .onto = true,
                                        .a_step = r->side * 16,
                                        .out_step = r->side * 16};
        if (next < r->side)
            fus_matmul_run(&less, r->kernel);
    }
    for (size_t j = last;; j -= BLOCK) {
        struct columns c = {r, j, r->side - j < BLOCK ? r->side - j : BLOCK};
        fus_threads_for((int)(r->d_pad / 16), solve_above, &c);
        negate(&c);
        const struct fus_matmul_over_rows less = {.rows = c.n,
                                                  .k = j,
                                                  .columns = r->d_pad,
                                                  .b = r->negative,
                                                  .a = r->factor + j * 16,
                                                  .out = r->solved,
                                                  .onto = true,
                                                  .a_step = r->side * 16,
                                                  .out_step = r->side * 16};
        if (j == 0)
            break;
        fus_matmul_run_over_rows(&less, r->kernel);
    }
}

int fus_sdc_ridge_solve(float *w, float *b, struct fus_sdc_ridge *r, double alpha, struct fus_error *err)
{
    float *blocked = r->solved;
    if (!factor(r, alpha))
        return fus_base_fail(err, FUS_EINVAL, "%s: ridge regression with the penalty %g is not solvable in float",
                             r->source.data->name, alpha);
    solve(r);
    if (r->dual) {
        blocked = fus_base_alloc(r->v_pad * r->d_pad, sizeof *blocked);
        const struct fus_matmul_over_rows back = {
            .rows = r->side, .k = r->v_pad, .columns = r->d_pad, .a = r->x, .b = r->solved, .out = blocked};
        if (!blocked)
            return fus_base_fail(err, FUS_ENOMEM, "%s: no memory for ridge regression", r->source.data->name);
        fus_matmul_run_over_rows(&back, r->kernel);
    }
    for (size_t v = 0; v < r->n_voxels; v++)
        for (size_t j = 0; j < r->d; j++)
            w[v * r->d + j] = blocked[(j / 16 * r->v_pad + v) * 16 + j % 16];
    for (size_t j = 0; j < r->d; j++) {
        double sum = r->mean_y[j];
        for (size_t v = 0; v < r->n_voxels; v++)
            sum -= w[v * r->d + j] * r->mean_x[v];
        b[j] = (float)sum;
    }
    if (r->dual)
        fus_base_free(blocked);
    return FUS_OK;
}
