/* PyTorch's files: the pickle inside -> tensors with the path of keys that leads to each as its name.
 *
 * Three containers share one kind of pickle (torch/serialization.py; for TorchScript torch/csrc/jit/serialization/pickler.cpp):
 *
 *   zip          PREFIX/data.pkl; storage KEY in the member PREFIX/data/KEY
 *   TorchScript  the same with code beside it; modules are objects whose attributes lead on: visual.layer1.0.conv1.weight
 *   legacy       pickles of a magic number, 1001, facts about the writer, the object, the list of storage keys;
 *                then for each key an i64 count of elements and the elements
 *
 * A tensor is _rebuild_tensor_v2(storage, offset, size, stride, ...) with offset, size and stride in elements, and a storage the
 * persistent id ("storage", torch.FloatStorage, KEY, device, count[, view]). Legacy files are little-endian whatever machine wrote
 * them (torch/csrc/serialization.cpp converts), zip files say it in a member `byteorder`.
 *
 * Left out: constants.pkl of TorchScript (constants of its code), quantized, sparse, complex and float8 tensors, the tar
 * format of PyTorch before 0.1.10. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "nn/bytes.h"
#include "pickle.h"
#include "store.h"
#include "zip.h"

#define MAX_DEPTH 100        /* nested keys; the deepest model has about 20 */
#define MAX_NAME 400         /* bytes of a tensor's name; the longest in Hugging Face's ResNets is 70 */
#define FIRST_WINDOW ((size_t)64 << 10)    /* a legacy pickle has no length: so much is read at first; a ResNet-50's is 30 kB */
#define DEFLATED_PICKLE ((size_t)16 << 20) /* a packed one may grow by this; real ones grow to < 1 MB */

/* A storage that some tensor of the pickle refers to. */
struct storage {
    const uint8_t *key; /* points into the pickle */
    size_t key_n;
    enum fus_dtype dtype;
    uint64_t n; /* elements */
    uint32_t member;
    bool placed;
};

/* What the walk carries. */
struct walk {
    struct fus_store *s;
    struct fus_error *err;
    struct storage *storages; /* sorted by key */
    size_t n_storages;
    bool big_endian;
    size_t budget; /* values that may still be visited: some contain each other */
    char path[MAX_NAME + 1];
    size_t path_n;
};

/* ---- persistent ids ---- */

/* What one persistent id says: a stretch of a storage, in elements. */
struct piece {
    struct storage storage;
    uint64_t first, n;
};

static bool dtype_of(enum fus_dtype *dtype, const char *name)
{
    for (int t = 0; t < FUS_N_DTYPES; t++)
        if (strcmp(name, fus_dtype_name((enum fus_dtype)t)) == 0) {
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
    if (item[1]->kind != FUS_PICKLE_GLOBAL || item[1]->u.global->role != FUS_PICKLE_STORAGE || item[2]->kind != FUS_PICKLE_TEXT ||
        !is_count(item[4]) || !dtype_of(&p->storage.dtype, item[1]->u.global->detail))
        return fus_base_fail(err, FUS_EFORMAT, "storage reference without its type, key or count: damaged copy?");
    p->storage.key = item[2]->u.text.bytes;
    p->storage.key_n = item[2]->u.text.n;
    p->storage.n = p->n = (uint64_t)item[4]->u.integer;
    if (p->storage.key_n > MAX_NAME || memchr(p->storage.key, 0, p->storage.key_n))
        return fus_base_fail(err, FUS_EFORMAT, "storage reference with a key of %zu bytes or a zero byte in it", p->storage.key_n);
    if (p->storage.n > UINT64_MAX / 16 || (id->n > 5 && !read_view(p, item[5])))
        return fus_base_fail(err, FUS_EFORMAT, "storage %.*s: a view outside its %" PRIu64 " elements: damaged copy?",
                             (int)p->storage.key_n, (const char *)p->storage.key, p->storage.n);
    return FUS_OK;
}

/* ---- the table of storages ---- */

static int compare_keys(const void *a, const void *b)
{
    const struct storage *x = a, *y = b;
    int order = memcmp(x->key, y->key, x->key_n < y->key_n ? x->key_n : y->key_n);
    return order ? order : (x->key_n > y->key_n) - (x->key_n < y->key_n);
}

static struct storage *find_storage(const struct walk *w, const uint8_t *key, size_t key_n)
{
    struct storage wanted = {.key = key, .key_n = key_n};
    return w->n_storages ? bsearch(&wanted, w->storages, w->n_storages, sizeof wanted, compare_keys) : NULL;
}

/* Every storage that the pickle refers to, once. Two references must agree in type and count. */
static int list_storages(struct walk *w, const struct fus_pickle *pickle)
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
        struct storage *a = kept ? &w->storages[kept - 1] : NULL, *b = &w->storages[i];
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

/* Whether every element, from number `first` on, is one of the n of its storage. */
static bool stays_inside(const struct fus_tensor *t, uint64_t first, uint64_t n)
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

static int place_tensor(struct walk *w, struct fus_tensor *t, const struct piece *p, uint64_t offset)
{
    const struct storage *found = find_storage(w, p->storage.key, p->storage.key_n);
    if (!found || !found->placed)
        return fus_base_fail(w->err, FUS_EFORMAT, "tensor %s: its storage %.*s is not in the file", t->name, (int)p->storage.key_n,
                             (const char *)p->storage.key);
    uint64_t size = fus_dtype_bytes(t->dtype), n = p->n * fus_dtype_bytes(p->storage.dtype) / size;
    if (offset > n || !stays_inside(t, offset, n))
        return fus_base_fail(w->err, FUS_EFORMAT, "tensor %s: reaches outside the %" PRIu64 " elements of its storage %.*s: damaged copy?",
                             t->name, n, (int)p->storage.key_n, (const char *)p->storage.key);
    const struct fus_member *m = &w->s->members[found->member];
    t->member = found->member;
    t->offset = (m->deflated ? 0 : m->offset) + p->first * fus_dtype_bytes(p->storage.dtype) + offset * size;
    return fus_store_add(w->s, t, w->err);
}

static int add_tensor(struct walk *w, const struct fus_pickle_global *global, const struct fus_pickle_value *arguments)
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
    if (typed && (item[6]->kind != FUS_PICKLE_GLOBAL || item[6]->u.global->role != FUS_PICKLE_DTYPE ||
                  !dtype_of(&t.dtype, item[6]->u.global->detail)))
        return fus_base_fail(w->err, FUS_EFORMAT, "tensor %s: has no dtype: damaged copy?", t.name);
    return place_tensor(w, &t, &p, (uint64_t)item[1]->u.integer);
}

/* ---- the walk ---- */

static int walk(struct walk *w, struct fus_pickle_value *v, int depth);

static bool is_leaf(const struct fus_pickle_value *v)
{
    return v->kind != FUS_PICKLE_DICT && v->kind != FUS_PICKLE_LIST && v->kind != FUS_PICKLE_TUPLE && v->kind != FUS_PICKLE_OBJECT;
}

/* Visit a value that is reached by a key; keys that are neither text nor a number are named by their place. */
static int walk_child(struct walk *w, const struct fus_pickle_value *key, size_t place, struct fus_pickle_value *v, int depth)
{
    size_t old = w->path_n, room = MAX_NAME - old;
    if (is_leaf(v))
        return FUS_OK;
    char *end = w->path + old;
    int n;
    const char *dot = old ? "." : "";
    if (key && key->kind == FUS_PICKLE_TEXT) {
        if (memchr(key->u.text.bytes, 0, key->u.text.n))
            return fus_base_fail(w->err, FUS_EFORMAT, "a key in %s has a zero byte: damaged copy?", old ? w->path : "its dictionary");
        n = key->u.text.n > MAX_NAME ? MAX_NAME + 1
                                     : snprintf(end, room + 1, "%s%.*s", dot, (int)key->u.text.n, (const char *)key->u.text.bytes);
    } else if (key && key->kind == FUS_PICKLE_INT) {
        n = snprintf(end, room + 1, "%s%" PRId64, dot, key->u.integer);
    } else {
        n = snprintf(end, room + 1, "%s%zu", dot, place);
    }
    if (n < 0 || (size_t)n > room) {
        *end = 0;
        return fus_base_fail(w->err, FUS_ELIMIT, "a name in %.60s has more than %d bytes", w->path, MAX_NAME);
    }
    w->path_n += (size_t)n;
    int code = walk(w, v, depth + 1);
    w->path_n = old;
    *end = 0;
    return code;
}

static int walk_container(struct walk *w, struct fus_pickle_value *v, int depth)
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

static int walk_object(struct walk *w, struct fus_pickle_value *v, int depth)
{
    const struct fus_pickle_global *global;
    const struct fus_pickle_value *arguments = tensor_arguments(&global, v);
    if (arguments)
        return add_tensor(w, global, arguments);
    if (global->role == FUS_PICKLE_WRAPPER && v->u.object.arguments->n)
        return walk(w, v->u.object.arguments->u.tuple[0], depth + 1);
    if (global->role == FUS_PICKLE_CLASS && v->u.object.state)
        return walk(w, v->u.object.state, depth + 1);
    return FUS_OK;
}

static size_t n_inside(const struct fus_pickle_value *v)
{
    return v->kind == FUS_PICKLE_OBJECT ? 1 : v->kind == FUS_PICKLE_TUPLE ? v->n : v->u.container.items.n;
}

static int walk(struct walk *w, struct fus_pickle_value *v, int depth)
{
    if (is_leaf(v) || v->on_path)
        return FUS_OK;
    if (depth > MAX_DEPTH)
        return fus_base_fail(w->err, FUS_ELIMIT, "%.60s...: keys are nested more than %d deep", w->path, MAX_DEPTH);
    size_t cost = 1 + n_inside(v);
    if (cost > w->budget)
        return fus_base_fail(w->err, FUS_ELIMIT, "its containers hold each other too often to be walked: no checkpoint");
    w->budget -= cost;
    v->on_path = true;
    int code = v->kind == FUS_PICKLE_OBJECT ? walk_object(w, v, depth) : walk_container(w, v, depth);
    v->on_path = false;
    return code;
}

static int walk_pickle(struct walk *w, const struct fus_pickle *pickle)
{
    w->budget = 1000 + 2 * pickle->n_values; /* what is reached twice, such as tied weights, is less than everything */
    return walk(w, pickle->root, 0);
}

/* ---- zip and TorchScript ---- */

/* PREFIX/data.pkl, the one nearest the archive's root; NULL: none. */
static const struct fus_zip_entry *find_pickle(const struct fus_zip *zip)
{
    const struct fus_zip_entry *found = NULL;
    for (size_t i = 0; i < zip->n; i++) {
        const struct fus_zip_entry *e = &zip->entries[i];
        size_t n = e->name_n;
        if (n >= 8 && strcmp(e->name + n - 8, "data.pkl") == 0 && (n == 8 || e->name[n - 9] == '/') && (!found || n < found->name_n))
            found = e;
    }
    return found;
}

static bool has_member_in(const struct fus_zip *zip, const char *folder)
{
    for (size_t i = 0; i < zip->n; i++)
        if (strncmp(zip->entries[i].name, folder, strlen(folder)) == 0)
            return true;
    return false;
}

static bool has_arrays(const struct fus_zip *zip)
{
    for (size_t i = 0; i < zip->n; i++)
        if (zip->entries[i].name_n > 4 && strcmp(zip->entries[i].name + zip->entries[i].name_n - 4, ".npy") == 0)
            return true;
    return false;
}

/* The name of `last` beside data.pkl. */
static const char *join(char *name, size_t name_bytes, const struct fus_zip_entry *pickle, const char *last)
{
    snprintf(name, name_bytes, "%.*s%s", (int)(pickle->name_n - 8), pickle->name, last);
    return name;
}

static int read_byteorder(struct walk *w, const struct fus_zip *zip, const char *name)
{
    const struct fus_zip_entry *e = fus_zip_find(zip, name);
    uint8_t *text;
    size_t n;
    if (!e)
        return FUS_OK; /* PyTorch < 2.1, which had no big-endian files of its own */
    int code = fus_zip_read(&text, &n, w->s, e, 64, w->err);
    if (code)
        return code;
    w->big_endian = n >= 3 && memcmp(text, "big", 3) == 0;
    bool known = w->big_endian || (n >= 6 && memcmp(text, "little", 6) == 0);
    fus_base_free(text);
    return known ? FUS_OK : fus_base_fail(w->err, FUS_EFORMAT, "member %s says neither little nor big", name);
}

/* Every storage becomes a member of the store. */
static int place_members(struct walk *w, const struct fus_zip *zip, const struct fus_zip_entry *pickle)
{
    size_t name_bytes = pickle->name_n + MAX_NAME + 8;
    char *name = fus_base_alloc(name_bytes, 1);
    int code = name ? FUS_OK : fus_base_fail(w->err, FUS_ENOMEM, "no memory for a name");
    for (size_t i = 0; !code && i < w->n_storages; i++) {
        struct storage *storage = &w->storages[i];
        struct fus_member m;
        int prefix_n = (int)(pickle->name_n - 8);
        snprintf(name, name_bytes, "%.*sdata/%.*s", prefix_n, pickle->name, (int)storage->key_n, (const char *)storage->key);
        const struct fus_zip_entry *e = fus_zip_find(zip, name);
        if (!e)
            code = fus_base_fail(w->err, FUS_EFORMAT, "member %s, a storage of its tensors, is missing", name);
        if (!code)
            code = fus_zip_member(&m, w->s, e, w->err);
        if (!code && m.n_bytes / fus_dtype_bytes(storage->dtype) < storage->n)
            code = fus_base_fail_at(w->err, FUS_EFORMAT, (long long)m.offset,
                                    "member %s has %" PRIu64 " bytes, %" PRIu64 " elements of %s expected: damaged copy?", name, m.n_bytes,
                                    storage->n, fus_dtype_name(storage->dtype));
        if (!code && (m.name = fus_base_strdup(name)) == NULL)
            code = fus_base_fail(w->err, FUS_ENOMEM, "no memory for a name");
        storage->member = (uint32_t)w->s->n_members;
        if (!code)
            code = fus_store_add_member(w->s, &m, w->err);
        storage->placed = !code;
    }
    fus_base_free(name);
    return code;
}

static int read_zip_pickle(struct walk *w, const struct fus_zip *zip, const struct fus_zip_entry *entry, bool torchscript)
{
    struct fus_pickle pickle = {0};
    uint8_t *bytes;
    size_t n;
    size_t max = entry->n_stored < FUS_MAX_HEADER - DEFLATED_PICKLE ? (size_t)entry->n_stored + DEFLATED_PICKLE : FUS_MAX_HEADER;
    int code = fus_zip_read(&bytes, &n, w->s, entry, max, w->err);
    if (code)
        return code;
    code = fus_pickle_load(&pickle, bytes, n, 0, torchscript, w->err);
    if (!code)
        code = list_storages(w, &pickle);
    if (code)
        fus_base_blame(w->err, "%s: ", entry->name);
    if (!code)
        code = place_members(w, zip, entry);
    if (!code)
        code = walk_pickle(w, &pickle);
    fus_base_free(w->storages);
    fus_pickle_free(&pickle);
    fus_base_free(bytes);
    return code;
}

static int open_pickle_zip(struct fus_store *s, const struct fus_zip *zip, const struct fus_zip_entry *entry, struct fus_error *err)
{
    struct walk w = {.s = s, .err = err};
    size_t name_bytes = entry->name_n + 32;
    char *name = fus_base_alloc(name_bytes, 1);
    if (!name)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for a name");
    bool torchscript = fus_zip_find(zip, join(name, name_bytes, entry, "constants.pkl")) != NULL &&
                       has_member_in(zip, join(name, name_bytes, entry, "code/"));
    s->format = torchscript ? "torchscript" : "pytorch zip";
    int code = read_byteorder(&w, zip, join(name, name_bytes, entry, "byteorder"));
    if (!code)
        code = read_zip_pickle(&w, zip, entry, torchscript);
    fus_base_free(name);
    return code;
}

int fus_torch_open_zip(struct fus_store *s, struct fus_error *err)
{
    struct fus_zip zip;
    int code = fus_zip_open(&zip, s, err);
    if (code)
        return code;
    const struct fus_zip_entry *entry = find_pickle(&zip);
    bool arrays = !entry && has_arrays(&zip);
    if (entry)
        code = open_pickle_zip(s, &zip, entry, err);
    else if (!arrays && zip.n == 0)
        code = fus_base_fail(err, FUS_EUNSUPPORTED, "is an empty zip archive");
    else if (!arrays)
        code = fus_base_fail(err, FUS_EUNSUPPORTED, "is a zip archive of %zu member%s (%.100s%s) with neither data.pkl of PyTorch nor .npy of NumPy",
                             zip.n, zip.n > 1 ? "s" : "", zip.entries[0].name, zip.n > 1 ? ", ..." : "");
    fus_zip_close(&zip);
    return arrays ? fus_npy_open_npz(s, err) : code;
}

/* ---- legacy ---- */

/* One of the pickles that stand one behind the other, with the bytes it points into. */
struct part {
    struct fus_pickle pickle;
    uint8_t *bytes;
};

static void free_part(struct part *part)
{
    fus_pickle_free(&part->pickle);
    fus_base_free(part->bytes);
    part->bytes = NULL;
}

/* Read the pickle at *at and move behind it. Nothing says how long it is: the stretch read grows until the pickle stops. */
static int read_part(struct part *part, const struct fus_store *s, uint64_t *at, struct fus_error *err)
{
    uint64_t left = s->file_bytes - *at, most = left < FUS_MAX_HEADER ? left : FUS_MAX_HEADER;
    int code = FUS_OK;
    for (uint64_t window = FIRST_WINDOW;; window *= 4) {
        size_t n = (size_t)(window < most ? window : most);
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
        bool again = part->pickle.ends_early && n < most;
        free_part(part);
        part->pickle.ends_early = false;
        if (!again)
            return code;
    }
}

/* The three small pickles at the start. */
static int check_legacy_head(const struct fus_store *s, uint64_t *at, struct fus_error *err)
{
    static const uint8_t magic[] = {0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19}; /* 0x1950a86a20f9469cfc6c */
    for (int i = 0; i < 3; i++) {
        struct part part = {0};
        uint64_t start = *at;
        int code = read_part(&part, s, at, err);
        if (code)
            return code;
        const struct fus_pickle_value *v = part.pickle.root;
        bool ok = i == 0   ? v->kind == FUS_PICKLE_LONG && v->u.text.n == sizeof magic && memcmp(v->u.text.bytes, magic, sizeof magic) == 0
                  : i == 1 ? v->kind == FUS_PICKLE_INT && v->u.integer == 1001
                           : v->kind == FUS_PICKLE_DICT;
        free_part(&part);
        if (!ok)
            return fus_base_fail_at(err, i == 1 ? FUS_EUNSUPPORTED : FUS_EFORMAT, (long long)start, "%s expected, found something else",
                                    i == 0 ? "PyTorch's magic number" : i == 1 ? "PyTorch's protocol 1001" : "the writer's sys_info");
    }
    return FUS_OK;
}

/* Storage `key` stands at *at: its count, then its elements. */
static int place_storage(struct walk *w, const struct fus_pickle_value *key, uint64_t *at)
{
    uint8_t count[8];
    struct storage *storage = key->kind == FUS_PICKLE_TEXT ? find_storage(w, key->u.text.bytes, key->u.text.n) : NULL;
    if (!storage || storage->placed)
        return fus_base_fail_at(w->err, FUS_EFORMAT, (long long)*at,
                                "the list of storages names one %s: damaged copy?", storage ? "twice" : "that no tensor has");
    int key_n = (int)storage->key_n;
    const char *name = (const char *)storage->key;
    if (w->s->file_bytes - *at < sizeof count)
        return fus_base_fail_at(w->err, FUS_EFORMAT, (long long)*at, "storage %.*s expected, file ends: truncated copy?", key_n, name);
    int code = fus_store_read_at(w->s, count, *at, sizeof count, w->err);
    if (code)
        return code;
    struct fus_bytes b = fus_bytes_of(count, sizeof count);
    uint64_t n = fus_bytes_u64le(&b), n_bytes = storage->n * fus_dtype_bytes(storage->dtype);
    if (n != storage->n)
        return fus_base_fail_at(w->err, FUS_EFORMAT, (long long)*at, "storage %.*s has %" PRIu64 " elements, its tensors say %" PRIu64
                                ": damaged copy?", key_n, name, n, storage->n);
    *at += sizeof count;
    if (n_bytes > w->s->file_bytes - *at)
        return fus_base_fail_at(w->err, FUS_EFORMAT, (long long)*at, "storage %.*s needs %" PRIu64 " bytes, file ends at %" PRIu64
                                ": truncated copy?", key_n, name, n_bytes, w->s->file_bytes);
    struct fus_member m = {.offset = *at, .n_stored = n_bytes, .n_bytes = n_bytes, .name = fus_base_alloc(storage->key_n + 9, 1)};
    if (!m.name)
        return fus_base_fail(w->err, FUS_ENOMEM, "no memory for a name");
    snprintf(m.name, storage->key_n + 9, "storage %.*s", key_n, name);
    *at += n_bytes;
    storage->member = (uint32_t)w->s->n_members;
    storage->placed = true;
    return fus_store_add_member(w->s, &m, w->err);
}

int fus_torch_open_legacy(struct fus_store *s, struct fus_error *err)
{
    struct part object = {0}, keys = {0};
    uint64_t at = 0;
    struct walk w = {.s = s, .err = err};
    s->format = "pytorch legacy";
    int code = check_legacy_head(s, &at, err);
    if (!code)
        code = read_part(&object, s, &at, err);
    if (!code)
        code = list_storages(&w, &object.pickle);
    if (!code)
        code = read_part(&keys, s, &at, err);
    if (!code && keys.pickle.root->kind != FUS_PICKLE_LIST)
        code = fus_base_fail_at(err, FUS_EFORMAT, (long long)at, "the list of storages expected before this: damaged copy?");
    if (!code)
        for (const struct fus_pickle_item *i = keys.pickle.root->u.container.items.first; !code && i; i = i->next)
            code = place_storage(&w, i->value, &at);
    if (!code)
        code = walk_pickle(&w, &object.pickle);
    free_part(&keys);
    free_part(&object);
    fus_base_free(w.storages);
    return code;
}
