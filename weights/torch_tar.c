/* SPDX-License-Identifier: MIT */
/* PyTorch's first format, up to version 0.1.9: a tar of four files (torch/serialization.py:
 * legacy_load). torchvision's networks of 2017, such as resnet50-19c8e357.pth, are in it.
 *
 *   sys_info   a pickle about the writer: not needed
 *   storages   pickle of their number; for each a pickle (key, device, torch.FloatStorage), an i64
 *              count and the elements; then a pickle of views: [(key, key of the whole, first
 *              element, count), ...]
 *   tensors    pickle of their number; for each a pickle (key, storage's key,
 *              torch.FloatTensor), then binary: i32 dimensions, i32 unused, i64 size of each,
 *              i64 stride of each, i64 first element
 *   pickle     the object; its persistent ids are keys of tensors
 *
 * Keys were addresses. Numbers are little-endian. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "nn/base/bytes.h"
#include "weights/formats.h"
#include "weights/torch_part.h"
#include "weights/torch_tensors.h"

#define BLOCK 512
/* PyTorch writes 4, each with a header of its own for a time more exact than tar's */
#define MAX_FILES 64
/* read at first of those that stand before a storage: they have 90 bytes */
#define SMALL_PICKLE 256
#define LARGE_PICKLE ((size_t)64 << 10)

/* A file inside the tar; `end` may be past the end of a truncated copy. */
struct file {
    uint64_t at, end;
};

/* A storage or a view of one. */
struct cell {
    int64_t key;
    enum fus_dtype dtype;
    uint64_t offset, n; /* of the first byte in the file; elements */
    uint32_t member;
};

struct tar {
    struct fus_store *s;
    struct fus_error *err;
    struct file storages, tensors, pickle;
    struct cell *cells; /* [n_cells] sorted by key when all are there */
    size_t n_cells, cap_cells;
    struct fus_torch_ready *ready; /* [n_ready] likewise */
    size_t n_ready;
};

/* ---- the archive ---- */

/* Octal digits, or with the top bit set a big-endian number: GNU's way to more than 8 GB. */
static uint64_t read_size(const uint8_t *field, size_t n)
{
    uint64_t v = field[0] & 0x80 ? field[0] & 0x3f : 0;
    for (size_t i = 0; i < n; i++) {
        if (field[0] & 0x80)
            v = i ? v << 8 | field[i] : v;
        else if (field[i] >= '0' && field[i] <= '7')
            v = v << 3 | (uint64_t)(field[i] - '0');
        else if (field[i] != ' ')
            break;
    }
    return v;
}

static bool checksum_holds(const uint8_t *block)
{
    uint64_t sum = 8 * ' '; /* the checksum itself counts as spaces */
    for (int i = 0; i < BLOCK; i++)
        if (i < 148 || i >= 156)
            sum += block[i];
    return sum == read_size(block + 148, 8);
}

static int find_files(struct tar *tar)
{
    const struct {
        const char *name;
        struct file *file;
    } wanted[] = {{"storages", &tar->storages}, {"tensors", &tar->tensors}, {"pickle", &tar->pickle}};
    uint64_t at = 0, file_bytes = tar->s->file_bytes;
    for (int i = 0; i < MAX_FILES && at < file_bytes && file_bytes - at >= BLOCK; i++) {
        uint8_t block[BLOCK];
        int code = fus_store_read_at(tar->s, block, at, BLOCK, tar->err);
        if (code)
            return code;
        if (block[0] == 0)
            break; /* the empty blocks at the end */
        if (!checksum_holds(block))
            return fus_base_fail_at(tar->err, FUS_EFORMAT, (long long)at,
                                    "tar header with a wrong checksum: damaged copy?");
        uint64_t n = read_size(block + 124, 12);
        bool regular = block[156] == '0' || block[156] == 0;
        at += BLOCK;
        if (n > INT64_MAX / 2)
            return fus_base_fail_at(tar->err, FUS_EFORMAT, (long long)at,
                                    "tar header of a file of %" PRIu64 " bytes: damaged copy?", n);
        for (size_t k = 0; regular && k < sizeof wanted / sizeof *wanted; k++)
            if (strncmp((const char *)block, wanted[k].name, 100) == 0)
                *wanted[k].file = (struct file){at, at + n};
        at += (n + BLOCK - 1) / BLOCK * BLOCK;
    }
    for (size_t k = 0; k < sizeof wanted / sizeof *wanted; k++)
        if (wanted[k].file->at == 0)
            return fus_base_fail(tar->err, FUS_EUNSUPPORTED,
                                 "is a tar archive without the file `%s` of PyTorch's first format%s", wanted[k].name,
                                 at > file_bytes ? ": truncated copy?" : ": unpack it");
    return FUS_OK;
}

/* The pickle at *at, which must be a tuple of three or a count. A file that is cut off is told
 * as such. */
static int read_pickle(struct fus_torch_part *part, struct tar *tar, uint64_t *at, uint64_t end, size_t window)
{
    uint64_t last = end < tar->s->file_bytes ? end : tar->s->file_bytes;
    if (*at >= last)
        return fus_base_fail_at(tar->err, FUS_EFORMAT, (long long)*at, "a pickle expected, %s ends: truncated copy?",
                                *at >= tar->s->file_bytes ? "file" : "this part of the tar");
    return fus_torch_part_read(part, tar->s, at, last, window, tar->err);
}

static int read_count(size_t *n, struct tar *tar, uint64_t *at, uint64_t end)
{
    struct fus_torch_part part = {0};
    uint64_t start = *at;
    int code = read_pickle(&part, tar, at, end, SMALL_PICKLE);
    if (code)
        return code;
    const struct fus_pickle_value *v = part.pickle.root;
    bool ok = v->kind == FUS_PICKLE_INT && v->u.integer >= 0 && v->u.integer <= FUS_MAX_TENSORS;
    *n = ok ? (size_t)v->u.integer : 0;
    fus_torch_part_free(&part);
    return ok ? FUS_OK
              : fus_base_fail_at(tar->err, FUS_EFORMAT, (long long)start,
                                 "a count from 0 to %d expected: damaged copy?", FUS_MAX_TENSORS);
}

/* ---- storages ---- */

static int compare_cells(const void *a, const void *b)
{
    const struct cell *x = a, *y = b;
    return (x->key > y->key) - (x->key < y->key);
}

static int sort_cells(struct tar *tar)
{
    if (tar->n_cells)
        qsort(tar->cells, tar->n_cells, sizeof *tar->cells, compare_cells);
    for (size_t i = 1; i < tar->n_cells; i++)
        if (tar->cells[i].key == tar->cells[i - 1].key)
            return fus_base_fail(tar->err, FUS_EFORMAT, "two storages are called %" PRId64 ": damaged copy?",
                                 tar->cells[i].key);
    return FUS_OK;
}

static const struct cell *find_cell(const struct tar *tar, int64_t key, size_t n)
{
    struct cell wanted = {.key = key};
    return n ? bsearch(&wanted, tar->cells, n, sizeof wanted, compare_cells) : NULL;
}

static int add_cell(struct tar *tar, const struct cell *cell)
{
    struct cell *cells = fus_base_grow(tar->cells, &tar->cap_cells, tar->n_cells, sizeof *cells);
    if (!cells)
        return fus_base_fail(tar->err, FUS_ENOMEM, "no memory for a list of %zu storages", tar->n_cells + 1);
    tar->cells = cells;
    tar->cells[tar->n_cells++] = *cell;
    return FUS_OK;
}

/* The (key, device, type) before a storage. */
static int read_storage_head(struct cell *cell, struct tar *tar, uint64_t *at)
{
    struct fus_torch_part part = {0};
    uint64_t start = *at;
    int code = read_pickle(&part, tar, at, tar->storages.end, SMALL_PICKLE);
    if (code)
        return code;
    const struct fus_pickle_value *v = part.pickle.root;
    bool ok = v->kind == FUS_PICKLE_TUPLE && v->n == 3 && v->u.tuple[0]->kind == FUS_PICKLE_INT &&
              fus_torch_storage_dtype(&cell->dtype, v->u.tuple[2], FUS_PICKLE_STORAGE);
    cell->key = ok ? v->u.tuple[0]->u.integer : 0;
    fus_torch_part_free(&part);
    return ok ? FUS_OK
              : fus_base_fail_at(tar->err, FUS_EFORMAT, (long long)start,
                                 "a storage's key, device and type expected: damaged copy?");
}

static int read_storage(struct tar *tar, uint64_t *at)
{
    struct cell cell = {.member = (uint32_t)tar->s->n_members};
    uint8_t count[8];
    int code = read_storage_head(&cell, tar, at);
    if (!code && (tar->s->file_bytes < *at || tar->s->file_bytes - *at < sizeof count))
        code = fus_base_fail_at(tar->err, FUS_EFORMAT, (long long)*at,
                                "storage %" PRId64 " expected, file ends: truncated copy?", cell.key);
    if (!code)
        code = fus_store_read_at(tar->s, count, *at, sizeof count, tar->err);
    if (code)
        return code;
    struct fus_bytes b = fus_bytes_of(count, sizeof count);
    cell.n = fus_bytes_u64le(&b);
    cell.offset = *at += sizeof count;
    uint64_t size = fus_dtype_bytes(cell.dtype), n_bytes = cell.n * size;
    if (cell.n > UINT64_MAX / size || *at > tar->storages.end || n_bytes > tar->storages.end - *at)
        return fus_base_fail_at(tar->err, FUS_EFORMAT, (long long)*at,
                                "storage %" PRId64 " of %" PRIu64 " elements ends behind `storages`: damaged copy?",
                                cell.key, cell.n);
    if (*at > tar->s->file_bytes || n_bytes > tar->s->file_bytes - *at)
        return fus_base_fail_at(tar->err, FUS_EFORMAT, (long long)*at,
                                "storage %" PRId64 " needs %" PRIu64 " bytes, file ends at %" PRIu64
                                ": truncated copy?",
                                cell.key, n_bytes, tar->s->file_bytes);
    struct fus_member m = {.offset = *at, .n_stored = n_bytes, .n_bytes = n_bytes, .name = fus_base_alloc(40, 1)};
    if (!m.name)
        return fus_base_fail(tar->err, FUS_ENOMEM, "no memory for a name");
    snprintf(m.name, 40, "storage %" PRId64, cell.key);
    *at += n_bytes;
    code = fus_store_add_member(tar->s, &m, tar->err);
    return code ? code : add_cell(tar, &cell);
}

/* Each view becomes a cell of its own. */
static int add_views(struct tar *tar, const struct fus_pickle_value *views)
{
    size_t n_roots = tar->n_cells;
    int code = sort_cells(tar);
    if (!code && views->kind != FUS_PICKLE_LIST)
        code = fus_base_fail(tar->err, FUS_EFORMAT, "no list of views behind the storages: damaged copy?");
    for (const struct fus_pickle_item *i = code ? NULL : views->u.container.items.first; !code && i; i = i->next) {
        struct fus_pickle_value *v = i->value, **item = v->u.tuple;
        bool ok = v->kind == FUS_PICKLE_TUPLE && v->n == 4;
        for (uint32_t k = 0; ok && k < 4; k++)
            ok = item[k]->kind == FUS_PICKLE_INT;
        const struct cell *root = ok ? find_cell(tar, item[1]->u.integer, n_roots) : NULL;
        if (!root || item[2]->u.integer < 0 || item[3]->u.integer < 0 || (uint64_t)item[2]->u.integer > root->n ||
            (uint64_t)item[3]->u.integer > root->n - (uint64_t)item[2]->u.integer)
            return fus_base_fail(tar->err, FUS_EFORMAT,
                                 "a view of a storage that is not there or too small: damaged copy?");
        struct cell view = *root;
        view.key = item[0]->u.integer;
        view.offset += (uint64_t)item[2]->u.integer * fus_dtype_bytes(root->dtype);
        view.n = (uint64_t)item[3]->u.integer;
        code = add_cell(tar, &view);
    }
    return code ? code : sort_cells(tar);
}

static int read_storages(struct tar *tar)
{
    uint64_t at = tar->storages.at;
    size_t n;
    int code = read_count(&n, tar, &at, tar->storages.end);
    for (size_t i = 0; !code && i < n; i++)
        code = read_storage(tar, &at);
    if (code)
        return code;
    struct fus_torch_part part = {0};
    code = read_pickle(&part, tar, &at, tar->storages.end, SMALL_PICKLE);
    if (!code)
        code = add_views(tar, part.pickle.root);
    fus_torch_part_free(&part);
    return code;
}

/* ---- tensors ---- */

/* The binary part after the pickle of a tensor. */
static int read_layout(struct fus_tensor *t, uint64_t *first, struct tar *tar, uint64_t *at)
{
    uint8_t bytes[8 + 16 * FUS_MAX_DIMS + 8];
    uint64_t left = tar->tensors.end - *at;
    size_t n = left < sizeof bytes ? (size_t)left : sizeof bytes;
    int code = fus_store_read_at(tar->s, bytes, *at, n, tar->err);
    if (code)
        return code;
    struct fus_bytes b = fus_bytes_of(bytes, n);
    uint32_t n_dims = fus_bytes_u32le(&b);
    fus_bytes_u32le(&b);
    if (n_dims > FUS_MAX_DIMS)
        return fus_base_fail_at(tar->err, FUS_ELIMIT, (long long)*at,
                                "tensor of %" PRIu32 " dimensions, at most %d are read", n_dims, FUS_MAX_DIMS);
    bool ok = true;
    t->n_dims = (int)n_dims;
    for (uint32_t d = 0; d < n_dims; d++)
        ok = (t->shape[d] = (int64_t)fus_bytes_u64le(&b)) >= 0 && ok;
    for (uint32_t d = 0; d < n_dims; d++)
        ok = (t->stride[d] = (int64_t)fus_bytes_u64le(&b)) >= 0 && ok;
    *first = fus_bytes_u64le(&b);
    if (b.overrun || !ok)
        return fus_base_fail_at(tar->err, FUS_EFORMAT, (long long)*at,
                                "a tensor's sizes and strides, all >= 0, expected: damaged copy?");
    *at += b.pos;
    if (n_dims == 0) /* that was an empty tensor in PyTorch 0.1 */
        t->n_dims = 1, t->stride[0] = 1;
    return FUS_OK;
}

static int read_tensor(struct fus_torch_ready *ready, struct tar *tar, uint64_t *at)
{
    struct fus_torch_part part = {0};
    uint64_t start = *at, first = 0;
    int code = read_pickle(&part, tar, at, tar->tensors.end, SMALL_PICKLE);
    if (code)
        return code;
    const struct fus_pickle_value *v = part.pickle.root;
    bool ok = v->kind == FUS_PICKLE_TUPLE && v->n == 3 && v->u.tuple[0]->kind == FUS_PICKLE_INT &&
              v->u.tuple[1]->kind == FUS_PICKLE_INT;
    const struct cell *cell = ok ? find_cell(tar, v->u.tuple[1]->u.integer, tar->n_cells) : NULL;
    ready->key = ok ? v->u.tuple[0]->u.integer : 0;
    fus_torch_part_free(&part);
    if (!cell)
        return fus_base_fail_at(tar->err, FUS_EFORMAT, (long long)start,
                                "a tensor's key, storage and type expected, or its storage is missing: damaged copy?");
    struct fus_tensor *t = &ready->tensor;
    *t = (struct fus_tensor){.dtype = cell->dtype, .member = cell->member};
    code = read_layout(t, &first, tar, at);
    if (code)
        return code;
    if (first > cell->n || !fus_torch_storage_inside(t, first, cell->n))
        return fus_base_fail_at(tar->err, FUS_EFORMAT, (long long)start,
                                "tensor %" PRId64 " reaches outside the %" PRIu64
                                " elements of its storage: damaged copy?",
                                ready->key, cell->n);
    t->offset = cell->offset + first * fus_dtype_bytes(cell->dtype);
    return FUS_OK;
}

static int compare_ready(const void *a, const void *b)
{
    const struct fus_torch_ready *x = a, *y = b;
    return (x->key > y->key) - (x->key < y->key);
}

static int read_tensors(struct tar *tar)
{
    uint64_t at = tar->tensors.at;
    size_t n;
    if (tar->tensors.end > tar->s->file_bytes)
        return fus_base_fail_at(tar->err, FUS_EFORMAT, (long long)at,
                                "`tensors` ends behind the file: truncated copy?");
    int code = read_count(&n, tar, &at, tar->tensors.end);
    if (code)
        return code;
    if (n > (tar->tensors.end - at) / 16) /* a count must not choose how much memory there is */
        return fus_base_fail_at(tar->err, FUS_EFORMAT, (long long)at,
                                "%zu tensors cannot be in %" PRIu64 " bytes: damaged copy?", n, tar->tensors.end - at);
    tar->ready = fus_base_alloc(n, sizeof *tar->ready);
    if (!tar->ready)
        return fus_base_fail(tar->err, FUS_ENOMEM, "no memory for a list of %zu tensors", n);
    for (; !code && tar->n_ready < n; tar->n_ready += !code)
        code = read_tensor(&tar->ready[tar->n_ready], tar, &at);
    if (!code)
        qsort(tar->ready, n, sizeof *tar->ready, compare_ready);
    return code;
}

static int walk_pickle(struct tar *tar)
{
    struct fus_torch w = {.s = tar->s, .err = tar->err, .ready = tar->ready, .n_ready = tar->n_ready};
    struct fus_torch_part part = {0};
    uint64_t at = tar->pickle.at;
    int code = read_pickle(&part, tar, &at, tar->pickle.end, LARGE_PICKLE);
    if (!code)
        code = fus_torch_tensors_walk(&w, &part.pickle);
    fus_torch_part_free(&part);
    return code;
}

int fus_torch_tar_open(struct fus_store *s, struct fus_error *err)
{
    struct tar tar = {.s = s, .err = err};
    s->format = "pytorch tar";
    int code = find_files(&tar);
    if (!code)
        code = read_storages(&tar);
    if (!code)
        code = read_tensors(&tar);
    if (!code)
        code = walk_pickle(&tar);
    fus_base_free(tar.cells);
    fus_base_free(tar.ready);
    return code;
}
