/* SPDX-License-Identifier: MIT */
/* A fit's memory, its initial weights, and its state as a file:
 *
 *   "FUSSDCFT", u32 order mark, u32 version, u64 key, step, n, V, d, batch, averaged (0 or 1),
 *   first_averaged; weights, then bias: value, mean, square f32, sum f64; u32 CRC-32 of all before
 *
 * in the machine's byte order: another machine begins the fit anew and ends in the same bytes. */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "analysis/sdc/fit_state.h"
#include "nn/base/inflate.h"
#include "nn/base/outfile.h"
#include "nn/base/rng.h"
#include "nn/base/threads.h"

/* ---- memory ---- */

static void *take(size_t n, size_t size, bool *failed)
{
    void *p = fus_base_aligned(n ? n : 1, size);
    *failed |= !p;
    if (p)
        memset(p, 0, (n ? n : 1) * size);
    return p;
}

static void take_moments(struct fus_sdc_fit_moments *a, size_t n, bool averaged, bool *failed)
{
    a->value = take(n, sizeof *a->value, failed);
    a->mean = take(n, sizeof *a->mean, failed);
    a->square = take(n, sizeof *a->square, failed);
    a->sum = averaged ? take(n, sizeof *a->sum, failed) : NULL;
}

static void free_moments(struct fus_sdc_fit_moments *a)
{
    fus_base_free(a->value);
    fus_base_free(a->mean);
    fus_base_free(a->square);
    fus_base_free(a->sum);
}

static bool take_all(struct fus_sdc_fit *f)
{
    size_t n = f->batch, pad = f->batch_pad;
    bool failed = false, averaged = f->first_averaged < f->o.iterations - 1;
    take_moments(&f->w, f->d_pad * f->v_pad, averaged, &failed);
    take_moments(&f->b, f->d_pad, averaged, &failed);
    f->order = take(f->source.n, sizeof *f->order, &failed);
    f->trials = take(n, sizeof *f->trials, &failed);
    f->image = take(n, sizeof *f->image, &failed);
    f->raw = take((size_t)f->n_slots * FUS_SDC_FIT_GROUP * f->n_voxels, sizeof *f->raw, &failed);
    f->errors = take((size_t)f->n_groups, sizeof *f->errors, &failed);
    f->x = take(n * f->v_pad, sizeof *f->x, &failed);
    f->z = take(n * f->d_pad, sizeof *f->z, &failed);
    f->p = take(n * f->d_pad, sizeof *f->p, &failed);
    f->y = take(pad * f->d_pad, sizeof *f->y, &failed);
    f->y_across = take(pad * f->d_pad, sizeof *f->y_across, &failed);
    f->s = take(n * pad, sizeof *f->s, &failed);
    f->bias_gradient = take(f->d_pad, sizeof *f->bias_gradient, &failed);
    f->shares = take(n * pad, sizeof *f->shares, &failed);
    f->across = take(n * pad, sizeof *f->across, &failed);
    f->terms = take(2 * n, sizeof *f->terms, &failed);
    f->length = take(n, sizeof *f->length, &failed);
    return !failed;
}

void fus_sdc_fit_destroy(struct fus_sdc_fit *f)
{
    if (!f)
        return;
    free_moments(&f->w);
    free_moments(&f->b);
    void *const all[] = {f->order, f->trials,   f->image, f->errors,        f->raw,    f->x,      f->z,     f->p,
                         f->y,     f->y_across, f->s,     f->bias_gradient, f->shares, f->across, f->terms, f->length};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        fus_base_free(all[i]);
    fus_base_free(f);
}

size_t fus_sdc_fit_bytes(const struct fus_sdc_fit_source *source, const struct fus_sdc_fit_options *o)
{
    size_t v = fus_matmul_pad(source->data->n_voxels), d = fus_matmul_pad(source->embedding->d);
    return v * d * (o->tail > 0 ? 20 : 12) + 2 * (size_t)o->batch * v * sizeof(float);
}

/* Stream (key, INIT, j) gives w[0..V-1, j], then b_j. */
static void start_weights(struct fus_sdc_fit *f)
{
    double bound = sqrt((double)f->n_voxels);
    for (size_t j = 0; j < f->d; j++) {
        const uint64_t parts[] = {f->key, FUS_SDC_INIT, j};
        float *w = f->w.value + j / 16 * f->v_pad * 16 + j % 16;
        struct fus_rng r;
        fus_rng_seed_counter(&r, parts, 3);
        for (size_t v = 0; v < f->n_voxels; v++)
            w[v * 16] = (float)((2 * fus_rng_uniform(&r) - 1) * (1 / bound));
        f->b.value[j] = (float)((2 * fus_rng_uniform(&r) - 1) * (1 / bound));
    }
}

static int check(const struct fus_sdc_fit_source *s, const struct fus_sdc_fit_options *o, struct fus_error *err)
{
    size_t product;
    if (s->n < 2 || s->data->n_voxels < 1 || s->embedding->d < 1)
        return fus_base_fail(err, FUS_EINVAL, "%s: %zu training trials of %zu voxels, at least 2 and 1 expected",
                             s->data->name, s->n, s->data->n_voxels);
    if (o->iterations < 1 || o->batch < 2 || o->batch > 65536 || s->n > INT32_MAX ||
        !fus_base_mul(&product, s->data->n_voxels + 16, s->embedding->d + 16) ||
        !fus_base_mul(&product, product, 3 * sizeof(double)))
        return fus_base_fail(err, FUS_ELIMIT, "%s: a decoder of %zu voxels x %zu dimensions, batch %d, is too large",
                             s->data->name, s->data->n_voxels, s->embedding->d, o->batch);
    return FUS_OK;
}

int fus_sdc_fit_create(struct fus_sdc_fit **out, const struct fus_sdc_fit_source *source,
                       const struct fus_sdc_fit_options *o, uint64_t key, struct fus_error *err)
{
    struct fus_sdc_fit *f;
    int code = check(source, o, err);
    *out = NULL;
    if (code)
        return code;
    f = fus_base_alloc(1, sizeof *f);
    if (!f)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for a fit");
    f->source = *source, f->o = *o, f->key = key;
    f->kernel = fus_kernels_here();
    f->n_voxels = source->data->n_voxels, f->d = source->embedding->d;
    f->batch = source->n < (size_t)o->batch ? source->n : (size_t)o->batch;
    f->v_pad = fus_matmul_pad(f->n_voxels), f->d_pad = fus_matmul_pad(f->d), f->batch_pad = fus_matmul_pad(f->batch);
    f->n_groups = (int)((f->batch + FUS_SDC_FIT_GROUP - 1) / FUS_SDC_FIT_GROUP);
    f->n_slots = f->n_groups < fus_threads_here() ? f->n_groups : fus_threads_here();
    f->power1 = f->power2 = 1;
    f->epoch = -1;
    long averaged = (long)(o->iterations * o->tail);
    f->first_averaged = o->iterations - (averaged > 1 ? averaged : 1);
    if (!take_all(f)) {
        fus_sdc_fit_destroy(f);
        return fus_base_fail(err, FUS_ENOMEM, "%s: no memory for a decoder of %zu voxels x %zu dimensions (%zu MB)",
                             source->data->name, source->data->n_voxels, source->embedding->d,
                             fus_sdc_fit_bytes(source, o) >> 20);
    }
    fus_sdc_noise_table(f->table, o->noise);
    start_weights(f);
    *out = f;
    return FUS_OK;
}

/* ---- the state ---- */

enum { MARK = 0x01020304, VERSION = 1, N_HEAD = 8 };

static void describe(uint64_t head[N_HEAD], const struct fus_sdc_fit *f)
{
    const uint64_t values[N_HEAD] = {f->key, (uint64_t)f->step, f->source.n,      f->n_voxels,
                                     f->d,   f->batch,          f->w.sum != NULL, (uint64_t)f->first_averaged};
    memcpy(head, values, sizeof values);
}

struct piece {
    void *data;
    size_t n_bytes;
};

static int list_pieces(struct piece pieces[8], const struct fus_sdc_fit *f)
{
    const struct fus_sdc_fit_moments *both[] = {&f->w, &f->b};
    const size_t n[] = {f->d_pad * f->v_pad, f->d_pad};
    int used = 0;
    for (int i = 0; i < 2; i++) {
        pieces[used++] = (struct piece){both[i]->value, n[i] * sizeof(float)};
        pieces[used++] = (struct piece){both[i]->mean, n[i] * sizeof(float)};
        pieces[used++] = (struct piece){both[i]->square, n[i] * sizeof(float)};
        if (both[i]->sum)
            pieces[used++] = (struct piece){both[i]->sum, n[i] * sizeof(double)};
    }
    return used;
}

static void write_piece(struct fus_outfile *out, uint32_t *crc, const void *data, size_t n)
{
    *crc = fus_inflate_crc32(*crc, data, n);
    fus_outfile_write(out, data, n);
}

int fus_sdc_fit_save(const struct fus_sdc_fit *f, const char *path, struct fus_error *err)
{
    const uint32_t marks[] = {MARK, VERSION};
    struct piece pieces[8];
    struct fus_outfile out;
    uint64_t head[N_HEAD];
    uint32_t crc = 0;
    int n = list_pieces(pieces, f), code = fus_outfile_open(&out, path, err);
    if (code)
        return code;
    describe(head, f);
    write_piece(&out, &crc, "FUSSDCFT", 8);
    write_piece(&out, &crc, marks, sizeof marks);
    write_piece(&out, &crc, head, sizeof head);
    for (int i = 0; i < n; i++)
        write_piece(&out, &crc, pieces[i].data, pieces[i].n_bytes);
    fus_outfile_write(&out, &crc, sizeof crc);
    return fus_outfile_commit(&out, err);
}

static bool read_piece(FILE *file, uint32_t *crc, void *data, size_t n)
{
    if (fread(data, 1, n, file) != n)
        return false;
    *crc = fus_inflate_crc32(*crc, data, n);
    return true;
}

/* A fit's state changes here before the checksum is known. */
static bool read_state(struct fus_sdc_fit *f, FILE *file)
{
    struct piece pieces[8];
    uint64_t head[N_HEAD], expected[N_HEAD];
    uint32_t marks[2], crc = 0, stored;
    char magic[8];
    int n = list_pieces(pieces, f);
    if (!read_piece(file, &crc, magic, 8) || memcmp(magic, "FUSSDCFT", 8) != 0 ||
        !read_piece(file, &crc, marks, sizeof marks) || marks[0] != MARK || marks[1] != VERSION ||
        !read_piece(file, &crc, head, sizeof head))
        return false;
    describe(expected, f);
    expected[1] = head[1]; /* the step */
    if (memcmp(head, expected, sizeof head) != 0 || head[1] > (uint64_t)f->o.iterations)
        return false;
    for (int i = 0; i < n; i++)
        if (!read_piece(file, &crc, pieces[i].data, pieces[i].n_bytes))
            return false;
    f->step = (long)head[1];
    return fread(&stored, 1, sizeof stored, file) == sizeof stored && stored == crc && fgetc(file) == EOF;
}

static void start_again(struct fus_sdc_fit *f)
{
    struct piece pieces[8];
    int n = list_pieces(pieces, f);
    for (int i = 0; i < n; i++)
        memset(pieces[i].data, 0, pieces[i].n_bytes);
    f->step = 0;
    start_weights(f);
}

int fus_sdc_fit_load(struct fus_sdc_fit *f, bool *found, const char *path, struct fus_error *err)
{
    FILE *file = fopen(path, "rb");
    *found = false;
    if (!file)
        return errno == ENOENT ? FUS_OK : fus_base_fail(err, FUS_EIO, "%s: %s", path, strerror(errno));
    *found = read_state(f, file);
    fclose(file);
    if (!*found)
        start_again(f);
    f->power1 = f->power2 = 1;
    for (long t = 0; t < f->step; t++) {
        f->power1 *= FUS_SDC_FIT_BETA1;
        f->power2 *= FUS_SDC_FIT_BETA2;
    }
    return FUS_OK;
}
