/* SPDX-License-Identifier: MIT */
/* NumPy arrays in a pickle (numpy/core/src/multiarray/methods.c: array_reduce, array_setstate).
 *
 *     _reconstruct(ndarray, (0,), b"b") and BUILD ((version,) shape, dtype, is_fortran, bytes)
 *     _frombuffer(bytes, dtype, shape, order)             protocol 5
 *     dtype: numpy.dtype("f4", ...) and BUILD (version, "<", ...)
 *
 * The bytes lie in the pickle as they are, except where Python 3 wrote protocols 0 to 2: there
 * they are a text whose characters are the bytes (_codecs.encode(text, "latin1")), and Python
 * 2's protocol 0 has escapes. Those are unpacked into memory.
 *
 * pickle.dump writes each storage of a tensor as the bytes of a legacy file of its own:
 * torch.storage._load_from_bytes(bytes). That is read here too.
 *
 * A pickle of arrays is a weight file (Detectron2's). Beside PyTorch's tensors an array is some
 * statistic, and left out. */
#include "weights/arrays.h"

#include <inttypes.h>
#include <string.h>

#include "nn/base/bytes.h"
#include "weights/formats.h"

/* What describes an array, from either way to make one. */
struct array {
    const struct fus_pickle_value *shape, *dtype, *data;
    bool fortran;
};

static bool read_array(struct array *a, const struct fus_pickle_value *v)
{
    const struct fus_pickle_value *t =
        v->u.object.global->role == FUS_PICKLE_BUFFER ? v->u.object.arguments : v->u.object.state;
    if (!t || t->kind != FUS_PICKLE_TUPLE || t->n < 4)
        return false;
    struct fus_pickle_value *const *item = t->u.tuple;
    if (v->u.object.global->role == FUS_PICKLE_BUFFER) {
        *a = (struct array){item[2], item[1], item[0], fus_pickle_is_text(item[3], "F")};
        return true;
    }
    item += t->n > 4; /* the oldest NumPy wrote no version */
    bool flag = item[2]->kind == FUS_PICKLE_BOOL || item[2]->kind == FUS_PICKLE_INT;
    *a = (struct array){item[0], item[1], item[3], flag && item[2]->u.integer};
    return flag;
}

/* "<f4" of a dtype object; false if it is not one. */
static bool read_descr(char descr[16], const struct fus_pickle_value *dtype)
{
    if (dtype->kind != FUS_PICKLE_OBJECT || dtype->u.object.global->role != FUS_PICKLE_ARRAY_DTYPE ||
        !dtype->u.object.arguments->n)
        return false;
    const struct fus_pickle_value *name = dtype->u.object.arguments->u.tuple[0], *state = dtype->u.object.state;
    const struct fus_pickle_value *order =
        state && state->kind == FUS_PICKLE_TUPLE && state->n > 1 ? state->u.tuple[1] : NULL;
    if ((name->kind != FUS_PICKLE_TEXT && name->kind != FUS_PICKLE_BYTES) || name->u.text.n > 14)
        return false;
    descr[0] = order && fus_pickle_is_text(order, ">") ? '>' : order && fus_pickle_is_text(order, "|") ? '|' : '<';
    memcpy(descr + 1, name->u.text.bytes, name->u.text.n);
    descr[1 + name->u.text.n] = 0;
    return true;
}

/* The bytes of UTF-8 text whose characters are below 256; false if one is not. */
static bool narrow(uint8_t *out, size_t *out_n, const uint8_t *text, size_t n)
{
    *out_n = 0;
    for (size_t i = 0; i < n; i++) {
        uint8_t c = text[i];
        if (c >= 0x80) {
            if ((c & 0xfc) != 0xc0 || i + 1 >= n || (text[i + 1] & 0xc0) != 0x80)
                return false;
            c = (uint8_t)(c << 6 | (text[++i] & 0x3f));
        }
        out[(*out_n)++] = c;
    }
    return true;
}

/* The member that holds the data, and where in it; *here: its n bytes. Data that is in the file
 * needs no memory. */
static int place_data(struct fus_torch *w, struct fus_tensor *t, const uint8_t **stored, size_t *n,
                      const struct fus_pickle_value *data)
{
    static const struct fus_pickle_value no_bytes = {.kind = FUS_PICKLE_BYTES, .u.text = {(const uint8_t *)"", 0}};
    if (data->kind == FUS_PICKLE_OBJECT && strcmp(data->u.object.global->name, "bytes") == 0 &&
        !data->u.object.arguments->n)
        data = &no_bytes; /* protocols 0 to 2 write b"" as bytes() */
    bool text = data->kind == FUS_PICKLE_TEXT || data->kind == FUS_PICKLE_BYTES, encoded = false;
    if (data->kind == FUS_PICKLE_OBJECT && data->u.object.global->role == FUS_PICKLE_ENCODE &&
        data->u.object.arguments->n) {
        data = data->u.object.arguments->u.tuple[0];
        text = encoded = data->kind == FUS_PICKLE_TEXT;
    }
    if (!text)
        return fus_base_fail(w->err, FUS_EFORMAT, "array %s: has no bytes: damaged copy?", t->name);
    const uint8_t *bytes = *stored = data->u.text.bytes;
    *n = data->u.text.n;
    uintptr_t at = (uintptr_t)bytes - (uintptr_t)w->bytes;
    if (!encoded && (uintptr_t)bytes >= (uintptr_t)w->bytes && at <= w->n_bytes) {
        t->offset = at;
        return FUS_OK; /* in member 0, the whole file */
    }
    struct fus_member m = {.memory = fus_base_alloc(*n, 1), .name = fus_base_strdup(t->name)};
    int code = m.memory && m.name ? FUS_OK : fus_base_fail(w->err, FUS_ENOMEM, "no memory for array %s", t->name);
    if (!code && !encoded)
        memcpy(m.memory, bytes, *n);
    else if (!code && !narrow(m.memory, n, bytes, *n))
        code = fus_base_fail(w->err, FUS_EFORMAT, "array %s: its bytes are no latin1 text: damaged copy?", t->name);
    if (code) {
        fus_base_free(m.memory);
        fus_base_free(m.name);
        return code;
    }
    m.n_bytes = *n;
    *stored = m.memory;
    t->member = (uint32_t)w->s->n_members;
    return fus_store_add_member(w->s, &m, w->err);
}

static bool read_shape(struct fus_tensor *t, const struct fus_pickle_value *shape)
{
    if (shape->kind != FUS_PICKLE_TUPLE || shape->n > FUS_MAX_DIMS)
        return false;
    t->n_dims = (int)shape->n;
    for (uint32_t d = 0; d < shape->n; d++) {
        const struct fus_pickle_value *v = shape->u.tuple[d];
        if (v->kind != FUS_PICKLE_INT || v->u.integer < 0)
            return false;
        t->shape[d] = v->u.integer;
    }
    return true;
}

/* Strides of C or Fortran order; false if the array does not have n_bytes. */
static bool set_strides(struct fus_tensor *t, bool fortran, size_t n_bytes)
{
    size_t stride = 1;
    for (int i = 0; i < t->n_dims; i++) {
        int d = fortran ? i : t->n_dims - 1 - i;
        t->stride[d] = (int64_t)stride;
        if ((uint64_t)t->shape[d] > SIZE_MAX || !fus_base_mul(&stride, stride, (size_t)t->shape[d]) ||
            stride > PTRDIFF_MAX)
            return false;
    }
    return fus_base_mul(&stride, stride, fus_dtype_bytes(t->dtype)) && stride == n_bytes;
}

int fus_arrays_add(struct fus_torch *w, const struct fus_pickle_value *v)
{
    struct fus_tensor t = {.name = w->path_n ? w->path : "array"};
    struct array a;
    char descr[16] = "";
    size_t n = 0;
    if (!w->arrays) {
        if (!w->n_arrays++)
            snprintf(w->array, sizeof w->array, "%s", t.name);
        return FUS_OK;
    }
    if (!read_array(&a, v) || !read_shape(&t, a.shape) || !read_descr(descr, a.dtype))
        return fus_base_fail(w->err, FUS_EFORMAT, "array %s: its shape, type or bytes are missing: damaged copy?",
                             t.name);
    if (!fus_npy_dtype(&t.dtype, &t.big_endian, descr)) {
        fus_store_add_note(w->s, "left out: %s, NumPy type `%s`", t.name, descr);
        return FUS_OK;
    }
    const uint8_t *stored;
    int code = place_data(w, &t, &stored, &n, a.data);
    if (!code && !set_strides(&t, a.fortran, n))
        code =
            fus_base_fail(w->err, FUS_EFORMAT,
                          "array %s: has %zu bytes, its shape and type take another number: damaged copy?", t.name, n);
    return code ? code : fus_store_add(w->s, &t, w->err);
}

/* A legacy file that holds one storage: three pickles of facts, the storage's id, a list of its
 * key, its count and its elements. *at moves to the first element. */
static bool read_dumped(struct fus_torch_storage *storage, size_t *at, const uint8_t *bytes, size_t n)
{
    struct fus_pickle pickle = {0};
    bool ok = true;
    for (int i = 0; ok && i < 5; i++) {
        ok = fus_pickle_load(&pickle, bytes + *at, n - *at, 0, false, NULL) == FUS_OK;
        const struct fus_pickle_value *root = ok ? pickle.root : NULL, *id = NULL;
        if (i == 3 && root && root->kind == FUS_PICKLE_PERSISTENT)
            id = root->u.persistent.id;
        if (i == 3)
            ok = id && id->kind == FUS_PICKLE_TUPLE && id->n >= 5 && fus_torch_storage_type(storage, id->u.tuple[1]);
        *at += ok ? pickle.n_used : 0;
        fus_pickle_free(&pickle);
    }
    struct fus_bytes b = fus_bytes_of(bytes, n);
    fus_bytes_seek(&b, *at);
    storage->n = fus_bytes_u64le(&b);
    *at = b.pos;
    return ok && !b.overrun && (storage->label[0] || storage->n <= (n - *at) / storage->size);
}

int fus_arrays_add_dumped(struct fus_torch *w, struct fus_tensor *t, const struct fus_pickle_value *storage,
                          uint64_t first)
{
    struct fus_torch_storage found = {0};
    const struct fus_pickle_value *arguments = storage->u.object.arguments;
    const uint8_t *stored;
    size_t n, at = 0;
    if (!w->arrays || arguments->n != 1) {
        snprintf(t->unread, sizeof t->unread, "%s", storage->u.object.global->detail);
        return fus_store_add(w->s, t, w->err);
    }
    int code = place_data(w, t, &stored, &n, arguments->u.tuple[0]);
    if (code)
        return code;
    if (!read_dumped(&found, &at, stored, n))
        return fus_base_fail(w->err, FUS_EFORMAT,
                             "tensor %s: its bytes are no storage that PyTorch wrote: damaged copy?", t->name);
    snprintf(t->unread, sizeof t->unread, "%s", found.label);
    t->dtype = found.dtype;
    if (t->unread[0])
        return fus_store_add(w->s, t, w->err);
    if (first > found.n || !fus_torch_storage_inside(t, first, found.n))
        return fus_base_fail(w->err, FUS_EFORMAT,
                             "tensor %s: reaches outside the %" PRIu64 " elements of its storage: damaged copy?",
                             t->name, found.n);
    t->offset += at + first * found.size;
    return fus_store_add(w->s, t, w->err);
}
