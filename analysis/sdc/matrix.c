/* SPDX-License-Identifier: MIT */
/* Responses in memory or in a file: see matrix.h. */
#define _POSIX_C_SOURCE 200809L
#include "analysis/sdc/matrix.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "analysis/localizer/scratch_file.h"

#define WRITE_ROWS 64 /* rows of a stripe that are converted before they are written */

static size_t item_bytes(bool integer)
{
    return integer ? sizeof(int16_t) : sizeof(float);
}

bool fus_sdc_matrix_bytes(uint64_t *bytes, size_t n_rows, size_t n_columns, bool integer)
{
    uint64_t columns = n_columns, most = (uint64_t)INT64_MAX / item_bytes(integer);
    if (columns > most || (columns && n_rows > most / columns))
        return false;
    *bytes = columns * n_rows * item_bytes(integer);
    return true;
}

static int open_file(struct fus_sdc_matrix *m, struct fus_error *err)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/responses.tmp-%ld", m->folder, (long)getpid());
    m->fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (m->fd < 0)
        return fus_base_fail(err, FUS_EIO, "%s: cannot be created: %s", path, strerror(errno));
    unlink(path);
    return FUS_OK;
}

int fus_sdc_matrix_create(struct fus_sdc_matrix *m, bool in_memory, struct fus_error *err)
{
    uint64_t bytes;
    m->memory = NULL;
    m->fd = -1;
    if (!fus_sdc_matrix_bytes(&bytes, m->n_rows, m->n_columns, m->integer))
        return fus_base_fail(err, FUS_ELIMIT, "%zu trials of %zu voxels are too many", m->n_rows, m->n_columns);
    if (!in_memory)
        return open_file(m, err);
    if (bytes < SIZE_MAX)
        m->memory = fus_base_aligned((size_t)bytes + 1, 1);
    return m->memory
               ? FUS_OK
               : fus_base_fail(err, FUS_ENOMEM, "no memory for %zu trials of %zu voxels", m->n_rows, m->n_columns);
}

void fus_sdc_matrix_close(struct fus_sdc_matrix *m)
{
    fus_base_free(m->memory);
    if (m->fd >= 0)
        close(m->fd);
    m->memory = NULL;
    m->fd = -1;
}

size_t fus_sdc_matrix_stripes(const struct fus_sdc_matrix *m)
{
    return (m->n_columns + m->stripe - 1) / m->stripe;
}

size_t fus_sdc_matrix_width(const struct fus_sdc_matrix *m, size_t stripe)
{
    size_t left = m->n_columns - stripe * m->stripe;
    return left < m->stripe ? left : m->stripe;
}

/* Offset of a row of a stripe. */
static uint64_t place(const struct fus_sdc_matrix *m, size_t stripe, size_t row)
{
    uint64_t before = (uint64_t)m->n_rows * (stripe * m->stripe);
    return (before + (uint64_t)row * fus_sdc_matrix_width(m, stripe)) * item_bytes(m->integer);
}

/* Columns of a stripe from n rows of x. */
static void convert(void *out, const struct fus_sdc_matrix *m, const float *x, size_t stripe, size_t n)
{
    size_t width = fus_sdc_matrix_width(m, stripe);
    for (size_t r = 0; r < n; r++) {
        const float *from = x + r * m->n_columns + stripe * m->stripe;
        int16_t *whole = (int16_t *)out + r * width;
        if (!m->integer)
            memcpy((float *)out + r * width, from, width * sizeof *from);
        for (size_t v = 0; m->integer && v < width; v++)
            whole[v] = (int16_t)from[v];
    }
}

static int move(const struct fus_sdc_matrix *m, bool write, void *bytes, size_t n, uint64_t at, struct fus_error *err)
{
    int failed = 0;
    fus_scratch_file_move(&failed, m->fd, write, bytes, n, at);
    if (failed)
        return fus_base_fail(err, FUS_EIO, "%s: the file of responses here cannot be %s: %s", m->folder,
                             write ? "written" : "read", strerror(failed));
    return FUS_OK;
}

int fus_sdc_matrix_write(struct fus_sdc_matrix *m, const float *x, size_t first, size_t n, struct fus_error *err)
{
    size_t most = m->stripe < m->n_columns ? m->stripe : m->n_columns, item = item_bytes(m->integer);
    uint8_t *buffer = m->memory ? NULL : fus_base_alloc(WRITE_ROWS * most + 1, item);
    int code = FUS_OK;
    if (!m->memory && !buffer)
        return fus_base_fail(err, FUS_ENOMEM, "no memory to write responses");
    for (size_t s = 0; !code && s < fus_sdc_matrix_stripes(m); s++)
        for (size_t r = 0; !code && r < n; r += WRITE_ROWS) {
            size_t rows = n - r < WRITE_ROWS ? n - r : WRITE_ROWS;
            uint64_t at = place(m, s, first + r);
            convert(m->memory ? m->memory + at : buffer, m, x + r * m->n_columns, s, rows);
            if (!m->memory)
                code = move(m, true, buffer, rows * fus_sdc_matrix_width(m, s) * item, at, err);
        }
    fus_base_free(buffer);
    return code;
}

int fus_sdc_matrix_read(const void **raw, const struct fus_sdc_matrix *m, size_t stripe, size_t first, size_t n,
                        void *buffer, struct fus_error *err)
{
    uint64_t at = place(m, stripe, first);
    if (m->memory) {
        *raw = m->memory + at;
        return FUS_OK;
    }
    *raw = buffer;
    return move(m, false, buffer, n * fus_sdc_matrix_width(m, stripe) * item_bytes(m->integer), at, err);
}
