/* From a pickle of PyTorch to tensors (torch/_utils.py, torch/serialization.py).
 *
 * A tensor is _rebuild_tensor_v2(storage, offset, size, stride, ...) with offset, size and stride in elements, and a storage the
 * persistent id ("storage", torch.FloatStorage, KEY, device, count[, view]). Dictionaries, lists and TorchScript's modules are
 * walked; the keys on the way, joined by '.', are a tensor's name. Everything else a checkpoint holds is passed over.
 *
 * The walk is bounded in depth and in the number of visits, for values may hold each other and themselves. */
#include "checkpoint.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define MAX_DEPTH 100                     /* nested keys; the deepest model has about 20 */
#define MAX_ELEMENTS ((uint64_t)1 << 60) /* their bytes fit 64 bits */

/* ---- persistent ids ---- */

/* What one persistent id says: a stretch of a storage, in elements. */
struct piece {
    struct fus_checkpoint_storage storage;
    uint64_t first, n;
};

bool fus_checkpoint_dtype(enum fus_dtype *dtype, const struct fus_pickle_value *global, enum fus_pickle_role role)
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

static bool is_count(const struct fus_pickle_value *v)
{
    return v->kind == FUS_PICKLE_INT && v->u.integer >= 0;
}

/* The view of PyTorch < 0.4: (key, first element, count) of a part of the storage. */
static bool read_view(struct piece *p, const struct fus_pickle_value *view)
{
    if (view->kind == FUS_PICKLE_NONE)
        return true;
    if (view->kind != FUS_PICKLE_TUPLE || view->n != 3 || !is_count(view->u.tuple[1]) || !is_count(view->u.tuple[2]))
        return false;
    p->first = (uint64_t)view->u.tuple[1]->u.integer;
    p->n = (uint64_t)view->u.tuple[2]->u.integer;
    return p->first <= p->storage.n && p->n <= p->storage.n - p->first;
}

static int read_id(struct piece *p, const struct fus_pickle_value *id, struct fus_error *err)
{
    struct fus_pickle_value *const *item = id->u.tuple;
    *p = (struct piece){0};
    if (id->kind != FUS_PICKLE_TUPLE || id->n < 5 || !fus_pickle_is_text(item[0], "storage"))
        return fus_base_fail(err, FUS_EUNSUPPORTED, "refers to something that is not a storage: a whole pickled model? save its state_dict()");
    if (!fus_checkpoint_dtype(&p->storage.dtype, item[1], FUS_PICKLE_STORAGE) || item[2]->kind != FUS_PICKLE_TEXT || !is_count(item[4]))
        return fus_base_fail(err, FUS_EFORMAT, "storage reference without its type, key or count: damaged copy?");
    p->storage.key = item[2]->u.text.bytes;
    p->storage.key_n = item[2]->u.text.n;
    p->storage.n = p->n = (uint64_t)item[4]->u.integer;
    if (p->storage.key_n > FUS_CHECKPOINT_MAX_NAME || memchr(p->storage.key, 0, p->storage.key_n))
        return fus_base_fail(err, FUS_EFORMAT, "storage reference with a key of %zu bytes or a zero byte in it", p->storage.key_n);
    if (p->storage.n > MAX_ELEMENTS)
        return fus_base_fail(err, FUS_EFORMAT, "storage %.*s is said to have %" PRIu64 " elements: damaged copy?", (int)p->storage.key_n,
                             (const char *)p->storage.key, p->storage.n);
    if (id->n > 5 && !read_view(p, item[5]))
        return fus_base_fail(err, FUS_EFORMAT, "storage %.*s: a view outside its %" PRIu64 " elements: damaged copy?",
                             (int)p->storage.key_n, (const char *)p->storage.key, p->storage.n);
    return FUS_OK;
}

/* ---- the table of storages ---- */

static int compare_keys(const void *a, const void *b)
{
    const struct fus_checkpoint_storage *x = a, *y = b;
    int order = memcmp(x->key, y->key, x->key_n < y->key_n ? x->key_n : y->key_n);
    return order ? order : (x->key_n > y->key_n) - (x->key_n < y->key_n);
}

struct fus_checkpoint_storage *fus_checkpoint_find(const struct fus_checkpoint *w, const uint8_t *key, size_t key_n)
{
    struct fus_checkpoint_storage wanted = {.key = key, .key_n = key_n};
    return w->n_storages ? bsearch(&wanted, w->storages, w->n_storages, sizeof wanted, compare_keys) : NULL;
}

int fus_checkpoint_list(struct fus_checkpoint *w, const struct fus_pickle *pickle)
{
    size_t n = 0, kept = 0;
    for (const struct fus_pickle_value *v = pickle->first_persistent; v; v = v->u.persistent.next)
        n++;
    w->storages = fus_base_alloc(n, sizeof *w->storages);
    if (!w->storages)
        return fus_base_fail(w->err, FUS_ENOMEM, "no memory for a list of %zu storages", n);
    n = 0;
    for (const struct fus_pickle_value *v = pickle->first_persistent; v; v = v->u.persistent.next) {
        struct piece p;
        int code = read_id(&p, v->u.persistent.id, w->err);
        if (code)
            return code;
        w->storages[n++] = p.storage;
    }
    qsort(w->storages, n, sizeof *w->storages, compare_keys);
    for (size_t i = 0; i < n; i++) {
        struct fus_checkpoint_storage *a = kept ? &w->storages[kept - 1] : NULL, *b = &w->storages[i];
        if (!a || compare_keys(a, b) != 0)
            w->storages[kept++] = *b;
        else if (a->dtype != b->dtype || a->n != b->n)
            return fus_base_fail(w->err, FUS_EFORMAT, "storage %.*s has %" PRIu64 " elements of %s and %" PRIu64 " of %s: damaged copy?",
                                 (int)a->key_n, (const char *)a->key, a->n, fus_dtype_name(a->dtype), b->n, fus_dtype_name(b->dtype));
    }
    w->n_storages = kept;
    return FUS_OK;
}

/* ---- tensors ---- */

/* The arguments that rebuild a tensor, whatever is wrapped around them; NULL: v is no tensor. */
static const struct fus_pickle_value *tensor_arguments(const struct fus_pickle_global **global, const struct fus_pickle_value *v)
{
    if (v->kind != FUS_PICKLE_OBJECT)
        return NULL;
    const struct fus_pickle_value *arguments = v->u.object.arguments;
    *global = v->u.object.global;
    if ((*global)->role == FUS_PICKLE_TYPED && arguments->n >= 3 && arguments->u.tuple[0]->kind == FUS_PICKLE_GLOBAL &&
        arguments->u.tuple[2]->kind == FUS_PICKLE_TUPLE) {
        *global = arguments->u.tuple[0]->u.global;
        arguments = arguments->u.tuple[2];
    }
    return (*global)->role == FUS_PICKLE_TENSOR || (*global)->role == FUS_PICKLE_TENSOR_DTYPE ? arguments : NULL;
}

static bool read_numbers(int64_t *out, int *n, const struct fus_pickle_value *v)
{
    if (v->kind == FUS_PICKLE_OBJECT && v->u.object.global->role == FUS_PICKLE_SIZE && v->u.object.arguments->n == 1)
        v = v->u.object.arguments->u.tuple[0];
    if (v->kind != FUS_PICKLE_TUPLE || v->n > FUS_MAX_DIMS)
        return false;
    *n = (int)v->n;
    for (uint32_t i = 0; i < v->n; i++) {
        if (!is_count(v->u.tuple[i]))
            return false;
        out[i] = v->u.tuple[i]->u.integer;
    }
    return true;
}

bool fus_checkpoint_inside(const struct fus_tensor *t, uint64_t first, uint64_t n)
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

static int place_tensor(struct fus_checkpoint *w, struct fus_tensor *t, const struct piece *p, uint64_t offset)
{
    const struct fus_checkpoint_storage *found = fus_checkpoint_find(w, p->storage.key, p->storage.key_n);
    if (!found || !found->placed)
        return fus_base_fail(w->err, FUS_EFORMAT, "tensor %s: its storage %.*s is not in the file", t->name, (int)p->storage.key_n,
                             (const char *)p->storage.key);
    uint64_t size = fus_dtype_bytes(t->dtype), n = p->n * fus_dtype_bytes(p->storage.dtype) / size;
    if (offset > n || !fus_checkpoint_inside(t, offset, n))
        return fus_base_fail(w->err, FUS_EFORMAT, "tensor %s: reaches outside the %" PRIu64 " elements of its storage %.*s: damaged copy?",
                             t->name, n, (int)p->storage.key_n, (const char *)p->storage.key);
    const struct fus_member *m = &w->s->members[found->member];
    t->member = found->member;
    t->offset = (m->deflated ? 0 : m->offset) + p->first * fus_dtype_bytes(p->storage.dtype) + offset * size;
    return fus_store_add(w->s, t, w->err);
}

static int add_tensor(struct fus_checkpoint *w, const struct fus_pickle_global *global, const struct fus_pickle_value *arguments)
{
    struct fus_tensor t = {.name = w->path_n ? w->path : "tensor", .big_endian = w->big_endian};
    struct fus_pickle_value *const *item = arguments->u.tuple;
    struct piece p;
    int n_strides = 0;
    bool typed = global->role == FUS_PICKLE_TENSOR_DTYPE;
    if (arguments->n < (typed ? 7u : 4u) || item[0]->kind != FUS_PICKLE_PERSISTENT || !is_count(item[1]))
        return fus_base_fail(w->err, FUS_EFORMAT, "tensor %s: has no storage or no offset: damaged copy?", t.name);
    if (item[2]->kind == FUS_PICKLE_TUPLE && item[2]->n > FUS_MAX_DIMS)
        return fus_base_fail(w->err, FUS_ELIMIT, "tensor %s: has %d dimensions, at most %d are read", t.name, (int)item[2]->n, FUS_MAX_DIMS);
    if (!read_numbers(t.shape, &t.n_dims, item[2]) || !read_numbers(t.stride, &n_strides, item[3]) || n_strides != t.n_dims)
        return fus_base_fail(w->err, FUS_EFORMAT, "tensor %s: its sizes and strides are not two tuples of as many numbers >= 0", t.name);
    int code = read_id(&p, item[0]->u.persistent.id, w->err);
    if (code) {
        fus_base_blame(w->err, "tensor %s: ", t.name);
        return code;
    }
    t.dtype = p.storage.dtype;
    if (typed && !fus_checkpoint_dtype(&t.dtype, item[6], FUS_PICKLE_DTYPE))
        return fus_base_fail(w->err, FUS_EFORMAT, "tensor %s: has no dtype: damaged copy?", t.name);
    return place_tensor(w, &t, &p, (uint64_t)item[1]->u.integer);
}

/* A tensor that was read before and is known by its number, in text or not. */
static int add_ready(struct fus_checkpoint *w, const struct fus_pickle_value *id)
{
    char digits[24] = "", *end = digits;
    if (id->kind == FUS_PICKLE_TEXT && id->u.text.n < sizeof digits)
        memcpy(digits, id->u.text.bytes, id->u.text.n);
    int64_t key = id->kind == FUS_PICKLE_INT ? id->u.integer : strtoll(digits, &end, 10);
    if (id->kind != FUS_PICKLE_INT && (end == digits || *end))
        return fus_base_fail(w->err, FUS_EFORMAT, "tensor %s: its reference is no number: damaged copy?", w->path);
    size_t low = 0, high = w->n_ready;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (w->ready[middle].key < key)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == w->n_ready || w->ready[low].key != key)
        return fus_base_fail(w->err, FUS_EFORMAT, "tensor %s: its number %" PRId64 " is not in the file", w->path, key);
    struct fus_tensor t = w->ready[low].tensor;
    t.name = w->path_n ? w->path : "tensor";
    return fus_store_add(w->s, &t, w->err);
}

/* ---- the walk ---- */

static int walk(struct fus_checkpoint *w, struct fus_pickle_value *v, int depth);

static bool is_leaf(const struct fus_checkpoint *w, const struct fus_pickle_value *v)
{
    if (v->kind == FUS_PICKLE_PERSISTENT)
        return w->n_ready == 0;
    return v->kind != FUS_PICKLE_DICT && v->kind != FUS_PICKLE_LIST && v->kind != FUS_PICKLE_TUPLE && v->kind != FUS_PICKLE_OBJECT;
}

/* Visit a value that is reached by a key; keys that are neither text nor a number are named by their place. */
static int walk_child(struct fus_checkpoint *w, const struct fus_pickle_value *key, size_t place, struct fus_pickle_value *v, int depth)
{
    size_t old = w->path_n, room = FUS_CHECKPOINT_MAX_NAME - old;
    if (is_leaf(w, v))
        return FUS_OK;
    char *end = w->path + old;
    int n;
    const char *dot = old ? "." : "";
    if (key && key->kind == FUS_PICKLE_TEXT) {
        if (memchr(key->u.text.bytes, 0, key->u.text.n))
            return fus_base_fail(w->err, FUS_EFORMAT, "a key in %s has a zero byte: damaged copy?", old ? w->path : "its dictionary");
        n = key->u.text.n > FUS_CHECKPOINT_MAX_NAME ? FUS_CHECKPOINT_MAX_NAME + 1
                                     : snprintf(end, room + 1, "%s%.*s", dot, (int)key->u.text.n, (const char *)key->u.text.bytes);
    } else if (key && key->kind == FUS_PICKLE_INT) {
        n = snprintf(end, room + 1, "%s%" PRId64, dot, key->u.integer);
    } else {
        n = snprintf(end, room + 1, "%s%zu", dot, place);
    }
    if (n < 0 || (size_t)n > room) {
        *end = 0;
        return fus_base_fail(w->err, FUS_ELIMIT, "a name in %.60s has more than %d bytes", w->path, FUS_CHECKPOINT_MAX_NAME);
    }
    w->path_n += (size_t)n;
    int code = walk(w, v, depth + 1);
    w->path_n = old;
    *end = 0;
    return code;
}

static int walk_container(struct fus_checkpoint *w, struct fus_pickle_value *v, int depth)
{
    int code = FUS_OK;
    size_t place = 0;
    if (v->kind == FUS_PICKLE_TUPLE) {
        for (uint32_t i = 0; !code && i < v->n; i++)
            code = walk_child(w, NULL, i, v->u.tuple[i], depth);
        return code;
    }
    for (const struct fus_pickle_item *i = v->u.container.items.first; !code && i; i = i->next, place++) {
        const struct fus_pickle_value *key = NULL;
        if (v->kind == FUS_PICKLE_DICT) {
            key = i->value;
            i = i->next; /* the machine puts keys and values in together */
        }
        code = walk_child(w, key, place, i->value, depth);
    }
    return code;
}

static int walk_object(struct fus_checkpoint *w, struct fus_pickle_value *v, int depth)
{
    const struct fus_pickle_global *global = NULL;
    const struct fus_pickle_value *arguments = tensor_arguments(&global, v);
    if (arguments)
        return add_tensor(w, global, arguments);
    global = v->u.object.global;
    const struct fus_pickle_value *state = v->u.object.state;
    if (global->role == FUS_PICKLE_WRAPPER && v->u.object.arguments->n)
        return walk(w, v->u.object.arguments->u.tuple[0], depth + 1);
    if (global->role == FUS_PICKLE_WRAPPER && state && state->kind == FUS_PICKLE_TUPLE && state->n)
        return walk(w, state->u.tuple[0], depth + 1); /* PyTorch 0.1: Parameter() and then (data, grad, ...) */
    if (global->role == FUS_PICKLE_CLASS && v->u.object.state)
        return walk(w, v->u.object.state, depth + 1);
    return FUS_OK;
}

static size_t n_inside(const struct fus_pickle_value *v)
{
    return v->kind == FUS_PICKLE_OBJECT || v->kind == FUS_PICKLE_PERSISTENT ? 1 : v->kind == FUS_PICKLE_TUPLE ? v->n : v->u.container.items.n;
}

static int walk(struct fus_checkpoint *w, struct fus_pickle_value *v, int depth)
{
    if (is_leaf(w, v) || v->on_path)
        return FUS_OK;
    if (depth > MAX_DEPTH)
        return fus_base_fail(w->err, FUS_ELIMIT, "%.60s...: keys are nested more than %d deep", w->path, MAX_DEPTH);
    size_t cost = 1 + n_inside(v);
    if (cost > w->budget)
        return fus_base_fail(w->err, FUS_ELIMIT, "its containers hold each other too often to be walked: no checkpoint");
    w->budget -= cost;
    v->on_path = true;
    int code = v->kind == FUS_PICKLE_PERSISTENT ? add_ready(w, v->u.persistent.id)
               : v->kind == FUS_PICKLE_OBJECT   ? walk_object(w, v, depth)
                                                : walk_container(w, v, depth);
    v->on_path = false;
    return code;
}

int fus_checkpoint_walk(struct fus_checkpoint *w, const struct fus_pickle *pickle)
{
    w->budget = 1000 + 2 * pickle->n_values; /* what is reached twice, such as tied weights, is less than everything */
    return walk(w, pickle->root, 0);
}

/* ---- pickles one behind the other ---- */

void fus_checkpoint_free_part(struct fus_checkpoint_part *part)
{
    fus_pickle_free(&part->pickle);
    fus_base_free(part->bytes);
    part->bytes = NULL;
}

int fus_checkpoint_read_part(struct fus_checkpoint_part *part, const struct fus_store *s, uint64_t *at, uint64_t end, size_t window,
                             struct fus_error *err)
{
    uint64_t left = end - *at, most = left < FUS_PICKLE_MAX_BYTES ? left : FUS_PICKLE_MAX_BYTES;
    int code = FUS_OK;
    for (;; window *= 4) {
        size_t n = window < most ? window : (size_t)most;
        part->bytes = fus_base_alloc(n, 1);
        if (!part->bytes)
            return fus_base_fail(err, FUS_ENOMEM, "no memory for a pickle of %zu bytes", n);
        code = fus_store_read_at(s, part->bytes, *at, n, err);
        if (!code)
            code = fus_pickle_load(&part->pickle, part->bytes, n, (long long)*at, false, err);
        if (!code) {
            *at += part->pickle.n_used;
            return FUS_OK;
        }
        bool early = part->pickle.ends_early;
        fus_checkpoint_free_part(part);
        part->pickle.ends_early = false;
        if (early && n == most && most < left)
            return fus_base_fail_at(err, FUS_ELIMIT, (long long)*at, "a pickle of more than %zu bytes", FUS_PICKLE_MAX_BYTES);
        if (!early || n == most)
            return code;
    }
}
