/* SPDX-License-Identifier: MIT */
/* Products of all pairs of vectors with the micro-kernel, and core distances: see pairs.h.
 *
 * A panel is 16 vectors of one participant, dimensions outside: the kernel's B. A block is up to
 * MAX_ROWS vectors of one participant, packed as the kernel's A by the thread that works on it. A
 * task is one block against all panels that come after its beginning, so each pair is computed
 * once. The strip of products of a panel (16 KB) is still in the first-level cache when it is
 * read. */
#include "analysis/sdc/pairs.h"

#include <math.h>
#include <string.h>

#include "nn/base/threads.h"
#include "nn/kernel/kernels.h"

enum { MAX_ROWS = 256, MAX_K = 256, LANES = FUS_LANES };

struct panel {
    uint32_t first; /* its first vector */
    int n;          /* at most LANES */
    int participant;
};

struct block {
    uint32_t first, panel; /* its first vector and panel */
    int rows, participant;
};

struct fus_sdc_pairs {
    const struct fus_kernel *kernel;
    size_t n, depth; /* vectors; d rounded up to 16 */
    int *participant;
    float *floats; /* [n_panels + 1, depth, 16]; the last is room for a kernel that takes two */
    struct panel *panels;
    struct block *blocks;
    size_t n_panels, n_blocks;
    int n_participants;
};

bool fus_sdc_unit(float *unit, const float *w, size_t d)
{
    double squares = 0;
    for (size_t j = 0; j < d; j++)
        squares = fma((double)w[j], (double)w[j], squares);
    double length = sqrt(squares);
    for (size_t j = 0; j < d; j++)
        unit[j] = length > 0 ? (float)(w[j] / length) : 0;
    return isfinite(squares);
}

/* ---- packing ---- */

static int common_divisor(int a, int b)
{
    return b ? common_divisor(b, a % b) : a;
}

/* Rows of a block: whole panels and whole tiles of the kernel. */
static int block_rows(const struct fus_kernel *kernel)
{
    int step = LANES / common_divisor(LANES, kernel->rows) * kernel->rows;
    return step > MAX_ROWS ? LANES : MAX_ROWS / step * step;
}

static void list_vectors(struct fus_sdc_pairs *p, const struct fus_sdc_vectors *v)
{
    for (int s = 0; s < v->n_participants; s++)
        for (size_t i = v->first[s]; i < v->first[s + 1]; i++)
            p->participant[p->n++] = s;
}

static void list_panels(struct fus_sdc_pairs *p)
{
    int most = block_rows(p->kernel), s;
    for (size_t i = 0, end; i < p->n; i = end) {
        for (end = i, s = p->participant[i]; end < p->n && p->participant[end] == s; end++)
            ;
        for (size_t at = i; at < end; at += (size_t)most)
            p->blocks[p->n_blocks++] = (struct block){(uint32_t)at, (uint32_t)(p->n_panels + (at - i) / LANES),
                                                      end - at < (size_t)most ? (int)(end - at) : most, s};
        for (size_t at = i; at < end; at += LANES)
            p->panels[p->n_panels++] = (struct panel){(uint32_t)at, end - at < LANES ? (int)(end - at) : LANES, s};
    }
}

static void fill_panels(struct fus_sdc_pairs *p, const struct fus_sdc_vectors *v)
{
    for (size_t i = 0; i < p->n_panels; i++)
        for (int lane = 0; lane < p->panels[i].n; lane++) {
            const float *u = v->unit + ((size_t)p->panels[i].first + (size_t)lane) * v->d;
            float *to = p->floats + i * p->depth * LANES + lane;
            for (size_t j = 0; j < v->d; j++)
                to[j * LANES] = u[j];
        }
}

static int check(const struct fus_sdc_vectors *v, struct fus_error *err)
{
    if (v->n_participants < 1 || v->n_participants > FUS_SDC_MAX_PARTICIPANTS)
        return fus_base_fail(err, FUS_ELIMIT, "%d participants found, 1 to %d expected", v->n_participants,
                             FUS_SDC_MAX_PARTICIPANTS);
    if (v->d < 1 || v->d > FUS_SDC_MAX_DIMENSIONS)
        return fus_base_fail(err, FUS_ELIMIT, "vectors of %zu dimensions found, 1 to %d expected", v->d,
                             FUS_SDC_MAX_DIMENSIONS);
    if (v->n > INT32_MAX)
        return fus_base_fail(err, FUS_ELIMIT, "%zu voxels found, at most %d expected", v->n, INT32_MAX);
    return FUS_OK;
}

int fus_sdc_pairs_create(struct fus_sdc_pairs **out, const struct fus_sdc_vectors *v, struct fus_error *err)
{
    struct fus_sdc_pairs *p = NULL;
    size_t most, floats = 0;
    int code = check(v, err);
    if (code)
        return code;
    most = v->n / LANES + (size_t)v->n_participants + 1; /* panels */
    p = fus_base_alloc(1, sizeof *p);
    if (p && fus_base_mul(&floats, most, LANES * ((v->d + LANES - 1) / LANES * LANES))) {
        p->kernel = fus_kernels_here();
        p->depth = (v->d + LANES - 1) / LANES * LANES;
        p->n_participants = v->n_participants;
        p->participant = fus_base_alloc(v->n + 1, sizeof *p->participant);
        p->panels = fus_base_alloc(most, sizeof *p->panels);
        p->blocks = fus_base_alloc(most, sizeof *p->blocks);
        p->floats = fus_base_aligned(floats, sizeof *p->floats);
    }
    if (!p || !p->participant || !p->panels || !p->blocks || !p->floats) {
        fus_sdc_pairs_destroy(p);
        return fus_base_fail(err, FUS_ENOMEM, "no memory for %zu vectors of %zu dimensions", v->n, v->d);
    }
    memset(p->floats, 0, floats * sizeof *p->floats);
    list_vectors(p, v);
    list_panels(p);
    fill_panels(p, v);
    *out = p;
    return FUS_OK;
}

void fus_sdc_pairs_destroy(struct fus_sdc_pairs *p)
{
    if (!p)
        return;
    fus_base_free(p->participant);
    fus_base_free(p->panels);
    fus_base_free(p->blocks);
    fus_base_free(p->floats);
    fus_base_free(p);
}

size_t fus_sdc_pairs_count(const struct fus_sdc_pairs *p)
{
    return p->n;
}

/* ---- the product of a block and panels ---- */

#define AHEAD_TILES 4 /* that ask for all lines of a panel between them */

/* c [blocks][rows, 16] = a [depth/16][rows, 16] times b [blocks][depth, 16], in slices of MAX_K.
 * next: the panel that follows, which is brought into the second-level cache; NULL: none. */
static void multiply(const struct fus_kernel *kernel, float *c, const float *a, int rows, const float *b,
                     const float *next, int blocks, size_t depth)
{
    for (size_t k = 0; k < depth; k += MAX_K) {
        struct fus_tile t = {.b = b + k * LANES,
                             .a_step = (size_t)rows * LANES,
                             .b_step = depth * LANES,
                             .c_step = (size_t)rows * LANES,
                             .k = (int)(depth - k < MAX_K ? depth - k : MAX_K),
                             .slice = LANES,
                             .blocks = blocks,
                             .first = k == 0};
        const float *ahead = k + MAX_K < depth ? t.b + MAX_K * LANES : next;
        int tile = 0;
        for (int r = 0; r < rows; r += kernel->rows) {
            t.a = a + k * (size_t)rows + (size_t)r * LANES;
            t.c = c + (size_t)r * LANES;
            t.rows = rows - r < kernel->rows ? rows - r : kernel->rows;
            t.ahead_lines = tile < AHEAD_TILES && ahead; /* a tile asks for a line of 16 floats every 4 k */
            t.ahead = t.ahead_lines ? ahead + tile++ * (t.k / 4) * LANES : NULL;
            kernel->tile[FUS_TILE_BLOCKED](&t);
        }
    }
}

struct walk {
    const struct fus_sdc_pairs *p;
    enum fus_sdc_which which;
    fus_sdc_strip_fn visit;
    void *context;
    float **scratch; /* [threads] a and c of a thread */
};

/* a [depth/16][rows, 16] from the panels of the block. */
static void pack_block(float *a, const struct fus_sdc_pairs *p, const struct block *b)
{
    for (int r = 0; r < b->rows; r++) {
        const float *from = p->floats + (b->panel + (size_t)(r / LANES)) * p->depth * LANES + r % LANES;
        for (size_t j = 0; j < p->depth; j++)
            a[j / LANES * (size_t)b->rows * LANES + (size_t)r * LANES + j % LANES] = from[j * LANES];
    }
}

static bool wanted(const struct walk *w, const struct block *b, const struct panel *panel)
{
    return w->which & (panel->participant == b->participant ? FUS_SDC_WITHIN : FUS_SDC_ACROSS);
}

static void walk_block(void *context, int task, int thread)
{
    const struct walk *w = context;
    const struct fus_sdc_pairs *p = w->p;
    const struct block *b = &p->blocks[task];
    float *a = w->scratch[thread], *c = a + MAX_ROWS * p->depth;
    int step = p->kernel->blocks;
    pack_block(a, p, b);
    for (size_t i = b->panel; i < p->n_panels; i += (size_t)step) {
        int n = p->n_panels - i < (size_t)step ? (int)(p->n_panels - i) : step;
        if (!wanted(w, b, &p->panels[i]) && !wanted(w, b, &p->panels[i + (size_t)n - 1])) {
            if (w->which == FUS_SDC_WITHIN)
                break;
            continue;
        }
        const float *panel_floats = p->floats + i * p->depth * LANES;
        multiply(p->kernel, c, a, b->rows, panel_floats,
                 i + (size_t)step < p->n_panels ? panel_floats + (size_t)step * p->depth * LANES : NULL, n, p->depth);
        for (int j = 0; j < n; j++) {
            const struct panel *panel = &p->panels[i + (size_t)j];
            struct fus_sdc_strip strip = {c + (size_t)(j * b->rows) * LANES,
                                          b->first,
                                          panel->first,
                                          b->rows,
                                          panel->n,
                                          b->participant,
                                          panel->participant};
            if (wanted(w, b, panel))
                w->visit(w->context, &strip, thread);
        }
    }
}

static void free_scratch(float **scratch, int n)
{
    for (int i = 0; scratch && i < n; i++)
        fus_base_free(scratch[i]);
    fus_base_free(scratch);
}

static float **make_scratch(int n, size_t floats)
{
    float **scratch = fus_base_alloc((size_t)n, sizeof *scratch);
    for (int i = 0; scratch && i < n; i++)
        if (!(scratch[i] = fus_base_aligned(floats, sizeof **scratch))) {
            free_scratch(scratch, n);
            return NULL;
        }
    return scratch;
}

int fus_sdc_pairs_each(const struct fus_sdc_pairs *p, enum fus_sdc_which which, fus_sdc_strip_fn visit, void *context,
                       struct fus_error *err)
{
    int threads = fus_base_threads();
    struct walk w = {p, which, visit, context, NULL};
    w.scratch = make_scratch(threads, MAX_ROWS * p->depth + (size_t)(MAX_ROWS * LANES * p->kernel->blocks));
    if (!w.scratch)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for blocks of %d vectors", MAX_ROWS);
    fus_threads_for((int)p->n_blocks, walk_block, &w);
    free_scratch(w.scratch, threads);
    return FUS_OK;
}

/* ---- core distances ---- */

struct nearest {
    size_t n_participants;
    float **largest; /* [threads][n, n_participants] cosines */
};

/* The largest of 16. */
static float largest_lane(const float *x)
{
    float y[LANES / 2];
    for (int i = 0; i < 8; i++)
        y[i] = x[i] > x[i + 8] ? x[i] : x[i + 8];
    for (int i = 0; i < 4; i++)
        y[i] = y[i] > y[i + 4] ? y[i] : y[i + 4];
    for (int i = 0; i < 2; i++)
        y[i] = y[i] > y[i + 2] ? y[i] : y[i + 2];
    return y[0] > y[1] ? y[0] : y[1];
}

static void note_nearest(void *context, const struct fus_sdc_strip *s, int thread)
{
    const struct nearest *near = context;
    size_t n = near->n_participants;
    float column[LANES], copy[LANES], *to = near->largest[thread] + s->row * n + (size_t)s->column_participant;
    for (int i = 0; i < LANES; i++)
        column[i] = copy[i] = -2; /* below any cosine */
    for (int r = 0; r < s->rows; r++) {
        const float *x = s->cosine + r * LANES;
        if (s->columns < LANES)
            x = memcpy(copy, x, (size_t)s->columns * sizeof *copy);
        for (int i = 0; i < LANES; i++)
            column[i] = x[i] > column[i] ? x[i] : column[i];
        float most = largest_lane(x);
        to[(size_t)r * n] = most > to[(size_t)r * n] ? most : to[(size_t)r * n];
    }
    to = near->largest[thread] + s->column * n + (size_t)s->row_participant;
    for (int i = 0; i < s->columns; i++)
        to[(size_t)i * n] = column[i] > to[(size_t)i * n] ? column[i] : to[(size_t)i * n];
}

/* The k-th smallest distance of the cosines [n]; infinity for those below -1. */
static float kth_distance(float *cosine, size_t n, int k)
{
    if (k < 1)
        return -INFINITY;
    if ((size_t)k > n)
        return INFINITY;
    for (int i = 0; i < k; i++) /* a selection sort of the first k */
        for (size_t j = (size_t)i + 1; j < n; j++)
            if (cosine[j] > cosine[i]) {
                float keep = cosine[i];
                cosine[i] = cosine[j];
                cosine[j] = keep;
            }
    return cosine[k - 1] < -1.5f ? INFINITY : 1.0f - cosine[k - 1];
}

/* The least distance within which the rule holds for a voxel of participant `own`. cosine [n]: the
 * nearest of each participant; room [n]. */
static float rule_distance(float *cosine, float *room, size_t n, const struct fus_sdc_rule *rule, int own)
{
    float most = -INFINITY;
    for (int k = 0; k < FUS_SDC_KINDS; k++) {
        size_t m = 0;
        for (size_t s = 0; s < n && rule->require[k]; s++)
            if ((rule->kind ? rule->kind[s] : FUS_SDC_PEOPLE) == k)
                room[m++] = cosine[s];
        bool is_own = (rule->kind ? rule->kind[own] : FUS_SDC_PEOPLE) == k;
        float distance = kth_distance(room, m, rule->require[k] - (rule->require[k] && is_own));
        most = distance > most ? distance : most;
    }
    float distance = kth_distance(cosine, n, rule->min_others);
    return distance > most ? distance : most;
}

int fus_sdc_core_distances(float *kappa, const struct fus_sdc_pairs *p, size_t n_vectors,
                           const struct fus_sdc_rule *rule, struct fus_error *err)
{
    int threads = fus_base_threads();
    size_t cells, n = (size_t)p->n_participants;
    struct nearest near = {n, NULL};
    float *room = fus_base_alloc(n + 1, sizeof *room);
    for (size_t i = 0; i < n_vectors; i++)
        kappa[i] = INFINITY;
    if (rule->min_others >= p->n_participants || p->n == 0) {
        fus_base_free(room);
        return FUS_OK;
    }
    if (room && fus_base_mul(&cells, p->n, n))
        near.largest = make_scratch(threads, cells);
    if (!near.largest) {
        fus_base_free(room);
        return fus_base_fail(err, FUS_ENOMEM, "no memory for the nearest of %zu voxels in %zu participants", p->n, n);
    }
    for (int t = 0; t < threads; t++)
        for (size_t i = 0; i < cells; i++)
            near.largest[t][i] = -2;
    int code = fus_sdc_pairs_each(p, FUS_SDC_ACROSS, note_nearest, &near, err);
    for (size_t i = 0; i < p->n && !code; i++) {
        float *row = near.largest[0] + i * n;
        for (int t = 1; t < threads; t++)
            for (size_t s = 0; s < n; s++)
                row[s] = near.largest[t][i * n + s] > row[s] ? near.largest[t][i * n + s] : row[s];
        kappa[i] = rule_distance(row, room, n, rule, p->participant[i]);
    }
    fus_base_free(room);
    free_scratch(near.largest, threads);
    return code;
}

/* ---- the product with a matrix ---- */

struct turn {
    const struct fus_kernel *kernel;
    float *out, **scratch;
    const float *in, *panels;
    size_t n, d, depth;
};

static void turn_rows(void *context, int task, int thread)
{
    const struct turn *t = context;
    size_t first = (size_t)task * MAX_ROWS, rows = t->n - first < MAX_ROWS ? t->n - first : MAX_ROWS;
    float *a = t->scratch[thread], *c = a + MAX_ROWS * t->depth;
    memset(a, 0, rows * t->depth * sizeof *a);
    for (size_t r = 0; r < rows; r++)
        for (size_t j = 0; j < t->d; j++)
            a[j / LANES * rows * LANES + r * LANES + j % LANES] = t->in[(first + r) * t->d + j];
    for (size_t block = 0; block < t->depth / LANES; block++) {
        size_t columns = t->d - block * LANES < LANES ? t->d - block * LANES : LANES;
        multiply(t->kernel, c, a, (int)rows, t->panels + block * t->depth * LANES, NULL, 1, t->depth);
        for (size_t r = 0; r < rows; r++)
            memcpy(t->out + (first + r) * t->d + block * LANES, c + r * LANES, columns * sizeof *c);
    }
}

int fus_sdc_multiply(float *out, const float *in, size_t n, const float *matrix, size_t d, struct fus_error *err)
{
    int threads = fus_base_threads();
    size_t depth = (d + LANES - 1) / LANES * LANES;
    float *panels = fus_base_alloc(depth, depth * sizeof *panels);
    struct turn t = {
        fus_kernels_here(), out, make_scratch(threads, MAX_ROWS * (depth + LANES)), in, panels, n, d, depth};
    int code = panels && t.scratch ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "no memory for a product of vectors");
    for (size_t k = 0; k < d && !code; k++)
        for (size_t j = 0; j < d; j++)
            panels[j / LANES * depth * LANES + k * LANES + j % LANES] = matrix[k * d + j];
    if (!code)
        fus_threads_for((int)((n + MAX_ROWS - 1) / MAX_ROWS), turn_rows, &t);
    free_scratch(t.scratch, threads);
    fus_base_free(panels);
    return code;
}
