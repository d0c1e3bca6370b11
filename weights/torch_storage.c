/* SPDX-License-Identifier: MIT */
/* Storages: the contents of the persistent ids of a PyTorch pickle (torch/serialization.py).
 *
 * An id is ("storage", torch.FloatStorage, KEY, device, count[, view]). */
#include "weights/torch_storage.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define MAX_ELEMENTS ((uint64_t)1 << 59) /* their bytes fit 64 bits */

/* ---- persistent ids ---- */

bool fus_torch_storage_dtype(enum fus_dtype *dtype, const struct fus_pickle_value *global, enum fus_pickle_role role)
{
    if (global->kind != FUS_PICKLE_GLOBAL || global->u.global->role != role)
        return false;
    for (int t = 0; t < FUS_N_DTYPES; t++)
        if (strcmp(global->u.global->detail, fus_dtype_name((enum fus_dtype)t)) == 0) {
            *dtype = (enum fus_dtype)t;
            return true;
        }
    return false;
}

bool fus_torch_storage_type(struct fus_torch_storage *storage, const struct fus_pickle_value *v)
{
    static const struct {
        const char *name, *label;
        size_t size;
    } others[] = {{"ComplexFloatStorage", "complex64", 8}, {"ComplexDoubleStorage", "complex128", 16},
                  {"QInt8Storage", "quantized", 1},        {"QUInt8Storage", "quantized", 1},
                  {"QInt32Storage", "quantized", 4},       {"QUInt4x2Storage", "quantized", 1},
                  {"QUInt2x4Storage", "quantized", 1}};
    if (fus_torch_storage_dtype(&storage->dtype, v, FUS_PICKLE_STORAGE)) {
        storage->size = fus_dtype_bytes(storage->dtype);
        return true;
    }
    const char *name = v->kind == FUS_PICKLE_GLOBAL ? v->u.global->name : "";
    size_t n = strlen(name), ending = strlen("Storage");
    if (n < ending || strcmp(name + n - ending, "Storage") != 0)
        return false;
    snprintf(storage->label, sizeof storage->label, "%.23s", name);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (strcmp(name, others[i].name) == 0) {
            snprintf(storage->label, sizeof storage->label, "%s", others[i].label);
            storage->size = others[i].size;
        }
    return true;
}

bool fus_torch_storage_is_count(const struct fus_pickle_value *v)
{
    return v->kind == FUS_PICKLE_INT && v->u.integer >= 0;
}

/* The view of PyTorch < 0.4: (key, first element, count) of a part of the storage. */
static bool read_view(struct fus_torch_range *p, const struct fus_pickle_value *view)
{
    if (view->kind == FUS_PICKLE_NONE)
        return true;
    if (view->kind != FUS_PICKLE_TUPLE || view->n != 3 || !fus_torch_storage_is_count(view->u.tuple[1]) ||
        !fus_torch_storage_is_count(view->u.tuple[2]))
        return false;
    p->first = (uint64_t)view->u.tuple[1]->u.integer;
    p->n = (uint64_t)view->u.tuple[2]->u.integer;
    return p->first <= p->storage.n && p->n <= p->storage.n - p->first;
}

int fus_torch_storage_read_id(struct fus_torch_range *p, const struct fus_pickle_value *id, struct fus_error *err)
{
    struct fus_pickle_value *const *item = id->u.tuple;
    *p = (struct fus_torch_range){0};
    if (id->kind != FUS_PICKLE_TUPLE || id->n < 5 || !fus_pickle_is_text(item[0], "storage"))
        return fus_base_fail(err, FUS_EUNSUPPORTED, "refers to something that is not a storage");
    if (!fus_torch_storage_type(&p->storage, item[1]) || item[2]->kind != FUS_PICKLE_TEXT ||
        !fus_torch_storage_is_count(item[4]))
        return fus_base_fail(err, FUS_EFORMAT, "storage reference without its type, key or count: damaged copy?");
    p->storage.key = item[2]->u.text.bytes;
    p->storage.key_n = item[2]->u.text.n;
    p->storage.n = p->n = (uint64_t)item[4]->u.integer;
    if (p->storage.key_n > FUS_TORCH_MAX_NAME || memchr(p->storage.key, 0, p->storage.key_n))
        return fus_base_fail(err, FUS_EFORMAT, "storage reference with a key of %zu bytes or a zero byte in it",
                             p->storage.key_n);
    if (p->storage.n > MAX_ELEMENTS)
        return fus_base_fail(err, FUS_EFORMAT, "storage %.*s is said to have %" PRIu64 " elements: damaged copy?",
                             (int)p->storage.key_n, (const char *)p->storage.key, p->storage.n);
    if (id->n > 5 && !read_view(p, item[5]))
        return fus_base_fail(err, FUS_EFORMAT, "storage %.*s: a view outside its %" PRIu64 " elements: damaged copy?",
                             (int)p->storage.key_n, (const char *)p->storage.key, p->storage.n);
    return FUS_OK;
}

/* ---- the table of storages ---- */

static int compare_keys(const void *a, const void *b)
{
    const struct fus_torch_storage *x = a, *y = b;
    int order = memcmp(x->key, y->key, x->key_n < y->key_n ? x->key_n : y->key_n);
    return order ? order : (x->key_n > y->key_n) - (x->key_n < y->key_n);
}

struct fus_torch_storage *fus_torch_storage_find(const struct fus_torch *w, const uint8_t *key, size_t key_n)
{
    struct fus_torch_storage wanted = {.key = key, .key_n = key_n};
    return w->n_storages ? bsearch(&wanted, w->storages, w->n_storages, sizeof wanted, compare_keys) : NULL;
}

int fus_torch_storage_list(struct fus_torch *w, const struct fus_pickle *pickle)
{
    size_t n = 0, kept = 0;
    for (const struct fus_pickle_value *v = pickle->first_persistent; v; v = v->u.persistent.next)
        n++;
    w->storages = fus_base_alloc(n, sizeof *w->storages);
    if (!w->storages)
        return fus_base_fail(w->err, FUS_ENOMEM, "no memory for a list of %zu storages", n);
    n = 0;
    for (const struct fus_pickle_value *v = pickle->first_persistent; v; v = v->u.persistent.next) {
        struct fus_torch_range p;
        if (fus_torch_storage_read_id(&p, v->u.persistent.id, NULL) == FUS_OK)
            w->storages[n++] = p.storage;
    }
    if (n)
        qsort(w->storages, n, sizeof *w->storages, compare_keys);
    for (size_t i = 0; i < n; i++) {
        struct fus_torch_storage *a = kept ? &w->storages[kept - 1] : NULL, *b = &w->storages[i];
        if (!a || compare_keys(a, b) != 0)
            w->storages[kept++] = *b;
        else if (a->dtype != b->dtype || a->size != b->size || a->n != b->n)
            return fus_base_fail(
                w->err, FUS_EFORMAT, "storage %.*s has %" PRIu64 " elements of %s and %" PRIu64 " of %s: damaged copy?",
                (int)a->key_n, (const char *)a->key, a->n, fus_dtype_name(a->dtype), b->n, fus_dtype_name(b->dtype));
    }
    w->n_storages = kept;
    return FUS_OK;
}

bool fus_torch_storage_inside(const struct fus_tensor *t, uint64_t first, uint64_t n)
{
    uint64_t last = first;
    for (int d = 0; d < t->n_dims; d++)
        if (t->shape[d] == 0)
            return true;
    for (int d = 0; d < t->n_dims; d++) {
        uint64_t steps = (uint64_t)t->shape[d] - 1, stride = (uint64_t)t->stride[d];
        if (last >= n || (stride && steps > (n - last) / stride))
            return false;
        last += steps * stride;
    }
    return last < n;
}
