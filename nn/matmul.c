/* SPDX-License-Identifier: MIT */
/* Plain matrix products: see matmul.h. */
#include "nn/matmul.h"

#include <string.h>

#include "nn/base/threads.h"
#include "nn/kernel/kernels.h"

#define MAX_K 256       /* depth of a slice: 256 x 32 elements of b are 32 KB, for the first-level cache */
#define MAX_ROWS 256    /* of a task: with a slice of 256 a quarter of a megabyte, for the second-level cache */
#define GROUPS 16       /* of 16 v's in a task of the product over rows */
#define AHEAD_TILES 4   /* that ask for all lines of a panel between them */
#define LARGEST_BLOCK 2 /* of 16 columns in a tile, over all kernels */

size_t fus_matmul_pad(size_t n)
{
    return (n + FUS_LANES - 1) / FUS_LANES * FUS_LANES;
}

/* ---- layouts ---- */

void fus_matmul_pack(float *to, const float *x, size_t rows, size_t columns)
{
    for (size_t c = 0; c < columns; c += FUS_LANES) {
        size_t n = columns - c < FUS_LANES ? columns - c : FUS_LANES;
        for (size_t r = 0; r < rows; r++, to += FUS_LANES) {
            memcpy(to, x + r * columns + c, n * sizeof *to);
            memset(to + n, 0, (FUS_LANES - n) * sizeof *to);
        }
    }
}

void fus_matmul_pack_transposed(float *to, const float *x, size_t rows, size_t columns)
{
    for (size_t r = 0; r < rows; r += FUS_LANES) {
        size_t n = rows - r < FUS_LANES ? rows - r : FUS_LANES;
        for (size_t c = 0; c < columns; c++, to += FUS_LANES)
            for (size_t i = 0; i < FUS_LANES; i++)
                to[i] = i < n ? x[(r + i) * columns + c] : 0;
    }
}

void fus_matmul_unpack(float *x, const float *from, size_t rows, size_t columns)
{
    for (size_t c = 0; c < columns; c += FUS_LANES) {
        size_t n = columns - c < FUS_LANES ? columns - c : FUS_LANES;
        for (size_t r = 0; r < rows; r++, from += FUS_LANES)
            memcpy(x + r * columns + c, from, n * sizeof *x);
    }
}

/* ---- a b ---- */

struct product {
    const struct fus_matmul *m;
    const struct fus_kernel *kernel;
    size_t n_panels;               /* of kernel->blocks blocks of columns */
    size_t row_parts, panel_parts; /* tasks */
    size_t a_step, out_step;
};

/* First item of part i of n_parts nearly equal ones. */
static size_t part(size_t whole, size_t n_parts, size_t i)
{
    return (size_t)((uint64_t)whole * i / n_parts);
}

/* The tiles of rows from .. end-1. While they run, the panel of b that follows is brought into the
 * second-level cache, at next, a part by each tile. */
static void run_tiles(const struct product *p, struct fus_tile *t, size_t k, const float *next, size_t from, size_t end)
{
    const struct fus_matmul *m = p->m;
    size_t n_tiles = (end - from + (size_t)p->kernel->rows - 1) / (size_t)p->kernel->rows;
    const float *a = m->a + k / FUS_LANES * t->a_step;
    float *c = t->c;
    for (size_t i = 0; i < n_tiles; i++) {
        size_t row = from + part(end - from, n_tiles, i);
        t->rows = (int)(from + part(end - from, n_tiles, i + 1) - row);
        t->a = a + row * FUS_LANES;
        t->c = c + row * FUS_LANES;
        t->ahead_lines = i < AHEAD_TILES && next; /* a tile asks for a line of 16 floats every 4 k */
        t->ahead = t->ahead_lines ? next + i * (size_t)(t->k / 4) * FUS_LANES : NULL;
        p->kernel->tile[FUS_TILE_BLOCKED](t);
    }
}

static void run_task(void *context, int task, int thread)
{
    const struct product *p = context;
    const struct fus_matmul *m = p->m;
    size_t rows = (size_t)task % p->row_parts, panels = (size_t)task / p->row_parts, n_blocks = m->columns / FUS_LANES;
    size_t from = part(m->rows, p->row_parts, rows), end = part(m->rows, p->row_parts, rows + 1);
    size_t per_panel = (size_t)p->kernel->blocks, panel_end = part(p->n_panels, p->panel_parts, panels + 1);
    (void)thread;
    for (size_t k = 0; k < m->k; k += MAX_K)
        for (size_t i = part(p->n_panels, p->panel_parts, panels); i < panel_end; i++) {
            size_t block = i * per_panel;
            struct fus_tile t = {
                .a_step = p->a_step, .b_step = m->k * FUS_LANES, .c_step = p->out_step, .slice = FUS_LANES};
            t.k = (int)(m->k - k < MAX_K ? m->k - k : MAX_K);
            t.b = m->b + (block * m->k + k) * FUS_LANES;
            t.c = m->out + block * p->out_step;
            t.bias = m->bias ? m->bias + block * FUS_LANES : NULL;
            t.blocks = (int)(n_blocks - block < per_panel ? n_blocks - block : per_panel);
            t.first = k == 0 && !m->onto;
            t.last = m->bias && k + MAX_K >= m->k;
            run_tiles(p, &t, k, i + 1 < panel_end ? t.b + per_panel * m->k * FUS_LANES : NULL, from, end);
        }
}

void fus_matmul_run(const struct fus_matmul *m, const struct fus_kernel *kernel)
{
    struct product p = {m, kernel, 0, 1, 1, m->a_step, m->out_step};
    size_t per_panel = (size_t)kernel->blocks * FUS_LANES, threads = (size_t)fus_base_threads();
    p.a_step = p.a_step ? p.a_step : m->rows * FUS_LANES;
    p.out_step = p.out_step ? p.out_step : m->rows * FUS_LANES;
    p.n_panels = (m->columns + per_panel - 1) / per_panel;
    p.row_parts = (m->rows + MAX_ROWS - 1) / MAX_ROWS;
    if (threads > 1) {
        p.panel_parts = p.n_panels < 2 * threads ? p.n_panels : 2 * threads;
        while (p.panel_parts * p.row_parts < 2 * threads && m->rows > 32 * p.row_parts)
            p.row_parts++;
    }
    fus_threads_for((int)(p.row_parts * p.panel_parts), run_task, &p);
}

/* ---- the product over rows ---- */

struct over_rows {
    const struct fus_matmul_over_rows *m;
    const struct fus_kernel *kernel;
    size_t a_step, out_step;
};

/* c [blocks, step / 16, 16]: 16 v's from v0, of which a tile takes some. */
static void sum_rows(const struct over_rows *o, float *c, size_t step, size_t v0, size_t block, int blocks)
{
    const struct fus_matmul_over_rows *m = o->m;
    int most = o->kernel->grad.rows, parts = (FUS_LANES + most - 1) / most;
    struct fus_grad_tile t = {.a_place = FUS_LANES,
                              .b_step = m->rows * FUS_LANES,
                              .c_step = step,
                              .n_places = (int)m->rows,
                              .n_rows = 1,
                              .n_pictures = 1,
                              .blocks = blocks};
    t.b = m->b + block * m->rows * FUS_LANES;
    for (int i = 0; i < parts; i++) {
        int from = FUS_LANES * i / parts;
        t.rows = FUS_LANES * (i + 1) / parts - from;
        t.a = m->a + v0 / FUS_LANES * o->a_step + from;
        t.c = c + from * FUS_LANES;
        o->kernel->grad.tile(&t);
    }
}

static void run_group(const struct over_rows *o, size_t v0, size_t block, int blocks)
{
    const struct fus_matmul_over_rows *m = o->m;
    float tile[LARGEST_BLOCK * FUS_LANES * FUS_LANES];
    float *c = m->use ? tile : m->out + block * o->out_step + v0 * FUS_LANES;
    size_t step = m->use ? FUS_LANES * FUS_LANES : o->out_step;
    for (int b = 0; b < blocks && (m->use || !m->onto); b++)
        memset(c + (size_t)b * step, 0, FUS_LANES * FUS_LANES * sizeof *c);
    sum_rows(o, c, step, v0, block, blocks);
    for (int b = 0; b < blocks && m->use; b++)
        m->use(m->context, tile + b * FUS_LANES * FUS_LANES, block + (size_t)b, v0);
}

static void over_rows_task(void *context, int task, int thread)
{
    const struct over_rows *o = context;
    const struct fus_matmul_over_rows *m = o->m;
    size_t from = (size_t)task * GROUPS * FUS_LANES, end = from + GROUPS * FUS_LANES, n_blocks = m->columns / FUS_LANES;
    size_t per_panel = (size_t)o->kernel->grad.blocks;
    (void)thread;
    end = end < m->k ? end : m->k;
    for (size_t block = 0; block < n_blocks; block += per_panel) {
        int blocks = (int)(n_blocks - block < per_panel ? n_blocks - block : per_panel);
        for (size_t v0 = from; v0 < end; v0 += FUS_LANES)
            if (!m->lower || v0 + FUS_LANES > block * FUS_LANES)
                run_group(o, v0, block, blocks);
    }
}

void fus_matmul_run_over_rows(const struct fus_matmul_over_rows *m, const struct fus_kernel *kernel)
{
    struct over_rows o = {m, kernel, m->a_step ? m->a_step : m->rows * FUS_LANES,
                          m->out_step ? m->out_step : m->k * FUS_LANES};
    fus_threads_for((int)((m->k + GROUPS * FUS_LANES - 1) / (GROUPS * FUS_LANES)), over_rows_task, &o);
}
