/* SPDX-License-Identifier: MIT */
/* From a pickle of PyTorch to tensors (torch/_utils.py, torch/serialization.py).
 *
 * A tensor is _rebuild_tensor_v2(storage, offset, size, stride, ...) with offset, size and
 * stride in elements, and a storage the persistent id ("storage", torch.FloatStorage, KEY,
 * device, count[, view]). Dictionaries, lists and TorchScript's modules are walked; the keys on
 * the way, joined by '.', are a tensor's name. An object of any other class is opaque: it may be
 * a module (its state has _parameters, _buffers and _modules) or a kind of dictionary or list;
 * else it is searched for tensors only to say that it is left out.
 *
 * The walk is bounded in depth and in the number of visits, for values may hold each other and
 * themselves. */
#include "weights/torch_tensors.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "weights/arrays.h"

#define MAX_DEPTH 100  /* nested keys; the deepest model has about 20 */
#define MAX_SEARCH 200 /* nested objects that are searched for tensors */

/* ---- tensors ---- */

/* The arguments that rebuild a tensor, without wrappers; NULL: v is not a tensor. */
static const struct fus_pickle_value *tensor_arguments(const struct fus_pickle_global **global,
                                                       const struct fus_pickle_value *v)
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
        if (!fus_torch_storage_is_count(v->u.tuple[i]))
            return false;
        out[i] = v->u.tuple[i]->u.integer;
    }
    return true;
}

static int place_tensor(struct fus_torch *w, struct fus_tensor *t, const struct fus_torch_range *p, uint64_t offset)
{
    const struct fus_torch_storage *found = fus_torch_storage_find(w, p->storage.key, p->storage.key_n);
    if (!found || !found->placed)
        return fus_base_fail(w->err, FUS_EFORMAT, "tensor %s: its storage %.*s is not in the file", t->name,
                             (int)p->storage.key_n, (const char *)p->storage.key);
    if (t->unread[0])
        return fus_store_add(w->s, t, w->err);
    uint64_t size = fus_dtype_bytes(t->dtype), n = p->n * p->storage.size / size;
    if (offset > n || !fus_torch_storage_inside(t, offset, n))
        return fus_base_fail(w->err, FUS_EFORMAT,
                             "tensor %s: reaches outside the %" PRIu64 " elements of its storage %.*s: damaged copy?",
                             t->name, n, (int)p->storage.key_n, (const char *)p->storage.key);
    const struct fus_member *m = &w->s->members[found->member];
    t->member = found->member;
    t->offset = (m->deflated ? 0 : m->offset) + p->first * p->storage.size + offset * size;
    return fus_store_add(w->s, t, w->err);
}

static int add_tensor(struct fus_torch *w, const struct fus_pickle_global *global,
                      const struct fus_pickle_value *arguments)
{
    struct fus_tensor t = {.name = w->path_n ? w->path : "tensor", .big_endian = w->big_endian};
    struct fus_pickle_value *const *item = arguments->u.tuple;
    struct fus_torch_range p;
    int n_strides = 0;
    bool typed = global->role == FUS_PICKLE_TENSOR_DTYPE;
    bool in_bytes =
        arguments->n && item[0]->kind == FUS_PICKLE_OBJECT && item[0]->u.object.global->role == FUS_PICKLE_UNREAD;
    if (arguments->n < (typed ? 7u : 4u) || (item[0]->kind != FUS_PICKLE_PERSISTENT && !in_bytes) ||
        !fus_torch_storage_is_count(item[1]))
        return fus_base_fail(w->err, FUS_EFORMAT, "tensor %s: has no storage or no offset: damaged copy?", t.name);
    if (item[2]->kind == FUS_PICKLE_TUPLE && item[2]->n > FUS_MAX_DIMS)
        return fus_base_fail(w->err, FUS_ELIMIT, "tensor %s: has %d dimensions, at most %d are read", t.name,
                             (int)item[2]->n, FUS_MAX_DIMS);
    if (!read_numbers(t.shape, &t.n_dims, item[2]) || !read_numbers(t.stride, &n_strides, item[3]) ||
        n_strides != t.n_dims)
        return fus_base_fail(w->err, FUS_EFORMAT,
                             "tensor %s: its sizes and strides are not two tuples of as many numbers >= 0", t.name);
    int code = in_bytes ? FUS_OK : fus_torch_storage_read_id(&p, item[0]->u.persistent.id, w->err);
    if (in_bytes)
        return fus_arrays_add_dumped(w, &t, item[0], (uint64_t)item[1]->u.integer);
    if (code) {
        fus_base_blame(w->err, "tensor %s: ", t.name);
        return code;
    }
    t.dtype = p.storage.dtype;
    snprintf(t.unread, sizeof t.unread, "%s", p.storage.label);
    if (typed && !fus_torch_storage_dtype(&t.dtype, item[6], FUS_PICKLE_DTYPE) && item[6]->kind == FUS_PICKLE_GLOBAL)
        snprintf(t.unread, sizeof t.unread, "%s", item[6]->u.global->name); /* float8_e4m3fn and future types */
    else if (typed && item[6]->kind != FUS_PICKLE_GLOBAL)
        return fus_base_fail(w->err, FUS_EFORMAT, "tensor %s: has no dtype: damaged copy?", t.name);
    return place_tensor(w, &t, &p, (uint64_t)item[1]->u.integer);
}

/* A tensor that was read before and is known by its number, in text or not. */
static int add_ready(struct fus_torch *w, const struct fus_pickle_value *id)
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

static int walk(struct fus_torch *w, struct fus_pickle_value *v, int depth);

static bool is_leaf(const struct fus_torch *w, const struct fus_pickle_value *v)
{
    if (v->kind == FUS_PICKLE_PERSISTENT)
        return w->n_ready == 0;
    return v->kind != FUS_PICKLE_DICT && v->kind != FUS_PICKLE_LIST && v->kind != FUS_PICKLE_TUPLE &&
           v->kind != FUS_PICKLE_OBJECT;
}

/* Visit a value that is reached by a key; keys that are neither text nor a number are named by
 * their place. */
static int walk_child(struct fus_torch *w, const struct fus_pickle_value *key, size_t place, struct fus_pickle_value *v,
                      int depth)
{
    size_t old = w->path_n, room = FUS_TORCH_MAX_NAME - old;
    if (is_leaf(w, v))
        return FUS_OK;
    char *end = w->path + old;
    int n;
    const char *dot = old ? "." : "";
    if (key && key->kind == FUS_PICKLE_TEXT) {
        if (memchr(key->u.text.bytes, 0, key->u.text.n))
            return fus_base_fail(w->err, FUS_EFORMAT, "a key in %s has a zero byte: damaged copy?",
                                 old ? w->path : "its dictionary");
        n = key->u.text.n > FUS_TORCH_MAX_NAME
                ? FUS_TORCH_MAX_NAME + 1
                : snprintf(end, room + 1, "%s%.*s", dot, (int)key->u.text.n, (const char *)key->u.text.bytes);
    } else if (key && key->kind == FUS_PICKLE_INT) {
        n = snprintf(end, room + 1, "%s%" PRId64, dot, key->u.integer);
    } else {
        n = snprintf(end, room + 1, "%s%zu", dot, place);
    }
    if (n < 0 || (size_t)n > room) {
        *end = 0;
        return fus_base_fail(w->err, FUS_ELIMIT, "a name in %.60s has more than %d bytes", w->path, FUS_TORCH_MAX_NAME);
    }
    w->path_n += (size_t)n;
    int code = walk(w, v, depth + 1);
    w->path_n = old;
    *end = 0;
    return code;
}

static int walk_container(struct fus_torch *w, struct fus_pickle_value *v, int depth)
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

/* ---- objects ---- */

/* What is found inside an opaque object. */
struct search {
    const struct fus_torch *w;
    size_t n_tensors, n_arrays;
    const struct fus_pickle_value *first; /* tensor */
};

static void search(struct search *s, struct fus_pickle_value *v, int depth);

static void search_items(struct search *s, const struct fus_pickle_items *items, int depth)
{
    for (const struct fus_pickle_item *i = items->first; i; i = i->next)
        search(s, i->value, depth);
}

static void search_object(struct search *s, struct fus_pickle_value *v, int depth)
{
    const struct fus_pickle_global *global = NULL;
    bool tensor = tensor_arguments(&global, v) != NULL || v->u.object.global->role == FUS_PICKLE_UNREAD;
    if (tensor) {
        s->first = s->n_tensors++ ? s->first : v;
        return;
    }
    s->n_arrays += v->u.object.global->role == FUS_PICKLE_ARRAY;
    search(s, v->u.object.arguments, depth + 1);
    if (v->u.object.state)
        search(s, v->u.object.state, depth + 1);
    for (int k = 0; v->u.object.items && k < 2; k++)
        search_items(s, &v->u.object.items[k], depth + 1);
}

/* Each value is searched once, so this takes no longer than the pickle is long. */
static void search(struct search *s, struct fus_pickle_value *v, int depth)
{
    if (v->seen || depth > MAX_SEARCH)
        return;
    v->seen = true;
    switch ((enum fus_pickle_kind)v->kind) {
    case FUS_PICKLE_OBJECT:
        search_object(s, v, depth);
        break;
    case FUS_PICKLE_TUPLE:
        for (uint32_t i = 0; i < v->n; i++)
            search(s, v->u.tuple[i], depth + 1);
        break;
    case FUS_PICKLE_LIST:
    case FUS_PICKLE_DICT:
    case FUS_PICKLE_SET:
        search_items(s, &v->u.container.items, depth + 1);
        if (v->u.container.state)
            search(s, v->u.container.state, depth + 1);
        break;
    case FUS_PICKLE_PERSISTENT: /* in a tar a tensor */
        s->first = s->w->n_ready && !s->n_tensors++ ? v : s->first;
        break;
    default:
        break;
    }
}

/* The class of an object as its file names it; protocols 0 and 1 hide it behind
 * copyreg._reconstructor. */
static const struct fus_pickle_global *class_of(const struct fus_pickle_value *v)
{
    const struct fus_pickle_value *arguments = v->u.object.arguments;
    const struct fus_pickle_value *first = arguments->n ? arguments->u.tuple[0] : NULL;
    if (!first || v->u.object.global->role != FUS_PICKLE_RECONSTRUCT)
        return v->u.object.global;
    if (first->kind == FUS_PICKLE_PERSISTENT && first->u.persistent.id->kind == FUS_PICKLE_TUPLE &&
        first->u.persistent.id->n > 1)
        first = first->u.persistent.id->u.tuple[1]; /* ("module", class, ...) */
    return first->kind == FUS_PICKLE_GLOBAL ? first->u.global : v->u.object.global;
}

static struct fus_pickle_value *value_of(const struct fus_pickle_value *dict, const char *key)
{
    for (const struct fus_pickle_item *i = dict->u.container.items.first; i; i = i->next->next)
        if (fus_pickle_is_text(i->value, key))
            return i->next->value;
    return NULL;
}

static const struct fus_pickle_value *as_module(const struct fus_pickle_value *v)
{
    bool is = v && v->kind == FUS_PICKLE_DICT && value_of(v, "_parameters") && value_of(v, "_modules");
    return is ? v : NULL;
}

/* The attributes of a torch.nn.Module: its state, the first of (state, slots), or the first
 * argument (torch.fx). NULL: it is none. */
static const struct fus_pickle_value *module_state(const struct fus_pickle_value *v)
{
    const struct fus_pickle_value *state = v->u.object.state, *arguments = v->u.object.arguments;
    const struct fus_pickle_value *found = as_module(state);
    if (!found && state && state->kind == FUS_PICKLE_TUPLE && state->n)
        found = as_module(state->u.tuple[0]);
    if (!found && arguments->n)
        found = as_module(arguments->u.tuple[0]);
    return found;
}

/* Parameters, then buffers, then the modules inside, as state_dict() lists them. */
static int walk_module(struct fus_torch *w, const struct fus_pickle_value *state, int depth)
{
    static const char *const parts[] = {"_parameters", "_buffers", "_modules"};
    int code = FUS_OK;
    for (int i = 0; !code && i < 3; i++) {
        struct fus_pickle_value *part = value_of(state, parts[i]);
        code = part ? walk(w, part, depth + 1) : FUS_OK;
    }
    return code;
}

static int walk_pairs(struct fus_torch *w, const struct fus_pickle_items *pairs, int depth)
{
    int code = FUS_OK;
    size_t place = 0;
    for (const struct fus_pickle_item *i = pairs->first; !code && i; i = i->next->next, place++)
        code = walk_child(w, i->value, place, i->next->value, depth);
    return code;
}

/* A tensor whose elements are not read: its shape is the first tuple of numbers among the
 * arguments or in a tuple there. */
static int add_unread(struct fus_torch *w, const struct fus_pickle_value *v, const char *label)
{
    struct fus_tensor t = {.name = w->path_n ? w->path : "tensor"};
    const struct fus_pickle_value *arguments = v->u.object.arguments;
    snprintf(t.unread, sizeof t.unread, "%s", label);
    for (uint32_t i = 0; i < arguments->n && !t.n_dims; i++) {
        const struct fus_pickle_value *a = arguments->u.tuple[i];
        if (!read_numbers(t.shape, &t.n_dims, a))
            t.n_dims = 0;
        for (uint32_t k = 0; a->kind == FUS_PICKLE_TUPLE && k < a->n && !t.n_dims; k++)
            if (!read_numbers(t.shape, &t.n_dims, a->u.tuple[k]))
                t.n_dims = 0;
    }
    return fus_store_add(w->s, &t, w->err);
}

/* One tensor behind an object's back: it is listed under the object's name, so that a network
 * that needs it says why it fails. */
static int add_hidden(struct fus_torch *w, const struct fus_pickle_value *v, const struct fus_pickle_global *class)
{
    struct fus_tensor t = {.name = w->path};
    const struct fus_pickle_global *global = NULL;
    const struct fus_pickle_value *arguments = tensor_arguments(&global, v);
    if (arguments && arguments->n > 2 && !read_numbers(t.shape, &t.n_dims, arguments->u.tuple[2]))
        t.n_dims = 0;
    snprintf(t.unread, sizeof t.unread, "object:%.20s.%.19s", class->module, class->name);
    w->n_hidden++;
    return fus_store_add(w->s, &t, w->err);
}

static int walk_opaque(struct fus_torch *w, struct fus_pickle_value *v)
{
    struct search found = {.w = w};
    const struct fus_pickle_global *class = class_of(v);
    search(&found, v, 0);
    if (found.n_arrays)
        fus_store_add_note(w->s, "left out: %zu NumPy array%s in %s, an object of %s.%s", found.n_arrays,
                           found.n_arrays > 1 ? "s" : "", w->path_n ? w->path : "its root", class->module, class->name);
    if (!found.n_tensors)
        return FUS_OK;
    if (!w->n_objects++) {
        snprintf(w->object, sizeof w->object, "%.79s.%.79s", class->module, class->name);
        snprintf(w->object_at, sizeof w->object_at, "%s", w->path);
    }
    fus_store_add_note(w->s, "left out: %zu tensor%s in %s, an object of %s.%s", found.n_tensors,
                       found.n_tensors > 1 ? "s" : "", w->path_n ? w->path : "its root", class->module, class->name);
    return found.n_tensors == 1 && w->path_n && found.first->kind == FUS_PICKLE_OBJECT
               ? add_hidden(w, found.first, class)
               : FUS_OK;
}

static int walk_object(struct fus_torch *w, struct fus_pickle_value *v, int depth)
{
    const struct fus_pickle_global *global = NULL;
    struct fus_pickle_value *arguments = v->u.object.arguments, *state = v->u.object.state;
    const struct fus_pickle_value *tensor = tensor_arguments(&global, v), *module;
    if (tensor)
        return add_tensor(w, global, tensor);
    global = v->u.object.global;
    switch (global->role) {
    case FUS_PICKLE_WRAPPER: /* PyTorch 0.1: Parameter() and then BUILD (data, grad, ...) */
        if (arguments->n)
            return walk(w, arguments->u.tuple[0], depth + 1);
        return state && state->kind == FUS_PICKLE_TUPLE && state->n ? walk(w, state->u.tuple[0], depth + 1) : FUS_OK;
    case FUS_PICKLE_CLASS:
        return state ? walk(w, state, depth + 1) : FUS_OK;
    case FUS_PICKLE_UNREAD:
        return add_unread(w, v, global->detail);
    case FUS_PICKLE_ARRAY:
    case FUS_PICKLE_BUFFER:
        return fus_arrays_add(w, v);
    default:
        break;
    }
    module = module_state(v);
    if (module)
        return walk_module(w, module, depth);
    if (v->u.object.items && v->u.object.items[1].n)
        return walk_pairs(w, &v->u.object.items[1], depth);
    if (global->role == FUS_PICKLE_RECONSTRUCT && arguments->n == 3 && arguments->u.tuple[2]->kind == FUS_PICKLE_DICT)
        return walk(w, arguments->u.tuple[2], depth + 1); /* a dictionary's subclass in protocols 0 and 1 */
    return walk_opaque(w, v);
}

static size_t n_inside(const struct fus_pickle_value *v)
{
    return v->kind == FUS_PICKLE_OBJECT || v->kind == FUS_PICKLE_PERSISTENT ? 1
           : v->kind == FUS_PICKLE_TUPLE                                    ? v->n
                                                                            : v->u.container.items.n;
}

static int walk(struct fus_torch *w, struct fus_pickle_value *v, int depth)
{
    if (is_leaf(w, v) || v->on_path)
        return FUS_OK;
    if (depth > MAX_DEPTH)
        return fus_base_fail(w->err, FUS_ELIMIT, "%.60s...: keys are nested more than %d deep", w->path, MAX_DEPTH);
    size_t cost = 1 + n_inside(v);
    if (cost > w->budget)
        return fus_base_fail(w->err, FUS_ELIMIT,
                             "its containers hold each other too often to be walked: no checkpoint");
    w->budget -= cost;
    v->on_path = true;
    int code = v->kind == FUS_PICKLE_PERSISTENT ? add_ready(w, v->u.persistent.id)
               : v->kind == FUS_PICKLE_OBJECT   ? walk_object(w, v, depth)
                                                : walk_container(w, v, depth);
    v->on_path = false;
    return code;
}

/* Why no tensor was found. */
static int nothing_found(const struct fus_torch *w, const struct fus_pickle_value *root)
{
    const char *at = w->object_at;
    if (w->n_objects)
        return fus_base_fail(w->err, FUS_EUNSUPPORTED,
                             "its tensors lie in an object of %s%s%s, which only that class's code can open, and "
                             "nothing in a file is run. "
                             "Export them in Python where the class is installed: m = torch.load('%s', "
                             "map_location='cpu', weights_only=False)%s%s%s"
                             "; torch.save(m.state_dict(), 'weights.pth')",
                             w->object, *at ? " at " : "", at, w->s->path, *at ? "['" : "", at, *at ? "']" : "");
    const struct fus_pickle_global *class = root->kind == FUS_PICKLE_OBJECT   ? class_of(root)
                                            : root->kind == FUS_PICKLE_GLOBAL ? root->u.global
                                                                              : NULL;
    if (class)
        return fus_base_fail(w->err, FUS_EUNSUPPORTED,
                             "holds no tensor, only %s %.120s.%.120s; nothing in a file is run",
                             root->kind == FUS_PICKLE_OBJECT ? "an object of" : "the name", class->module, class->name);
    return fus_base_fail(w->err, FUS_EUNSUPPORTED, "holds no tensor: a damaged copy, or no weights?");
}

int fus_torch_tensors_walk(struct fus_torch *w, const struct fus_pickle *pickle)
{
    /* values reached twice, such as tied weights, are fewer than all values */
    w->budget = 1000 + 2 * pickle->n_values;
    int code = walk(w, pickle->root, 0);
    if (!code && w->s->n_tensors == w->n_hidden)
        code = nothing_found(w, pickle->root);
    if (!code && w->n_arrays)
        fus_store_add_note(w->s, "left out: %zu NumPy array%s beside the tensors (%s%s)", w->n_arrays,
                           w->n_arrays > 1 ? "s" : "", w->array, w->n_arrays > 1 ? ", ..." : "");
    if (!code && pickle->text_ids)
        fus_store_add_note(w->s,
                           "was written with pickle_protocol=0, which torch.load itself does not read; fusiform does");
    return code;
}
