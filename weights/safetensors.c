/* SPDX-License-Identifier: MIT */
/* Safetensors (github.com/huggingface/safetensors, "Format"): a file is
 *
 *     u64, little-endian   n, the size of the header
 *     n bytes              JSON: {"name": {"dtype": "F32", "shape": [2, 3],
 *                          "data_offsets": [begin, end]}, ..., "__metadata__": {"key":
 *                          "text", ...}}, maybe spaces behind it
 *     the rest             the tensors, C order, little-endian, offsets counted from here
 *
 * Refused is what the reference implementation refuses: offsets with holes or overlaps, a size that
 * is not shape x dtype, bytes after the last tensor; and duplicate names, which the format forbids
 * and few readers notice. Types of other names (8-bit floats) are listed, not read. */
#include "weights/formats.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "nn/base/json.h"

/* bytes that its pairs take in memory; real files have a handful of pairs */
#define MAX_METADATA ((size_t)64 << 20)
#define PAIR_BYTES 64 /* of a pair beside its texts */

static const struct {
    const char *name;
    enum fus_dtype dtype;
} dtypes[] = {
    {"F64", FUS_F64}, {"F32", FUS_F32}, {"F16", FUS_F16},   {"BF16", FUS_BF16}, {"I64", FUS_I64},
    {"I32", FUS_I32}, {"I16", FUS_I16}, {"I8", FUS_I8},     {"U8", FUS_U8},     {"U16", FUS_U16},
    {"U32", FUS_U32}, {"U64", FUS_U64}, {"BOOL", FUS_BOOL},
};
#define MAX_DTYPE_NAME 20 /* the longest known has 15 */
#define N_DTYPES (sizeof dtypes / sizeof *dtypes)

/* The position of a tensor's data, counted from the end of the header, and its index in the
 * store. */
struct byte_range {
    uint64_t begin, end;
    size_t tensor;
};

struct reader {
    struct fus_store *s;
    struct fus_json j;
    uint64_t data_start;
    struct byte_range *ranges; /* [s->n_tensors] */
    size_t cap;
    bool has_metadata;
    size_t cap_metadata, metadata_bytes;
};

static int by_key(const void *a, const void *b)
{
    return strcmp(((const struct fus_pair *)a)->key, ((const struct fus_pair *)b)->key);
}

/* Takes key and value over. */
static void add_pair(struct reader *r, char *key, char *value)
{
    struct fus_store *s = r->s;
    struct fus_json *j = &r->j;
    struct fus_pair *pairs =
        j->code ? NULL : fus_base_grow(s->metadata, &r->cap_metadata, s->n_metadata, sizeof *pairs);
    if (pairs)
        s->metadata = pairs;
    if (!j->code && (!key || !value || !pairs))
        j->code = fus_base_fail(j->err, FUS_ENOMEM, "no memory for its metadata");
    if (!j->code && (r->metadata_bytes += strlen(key) + strlen(value) + PAIR_BYTES) > MAX_METADATA)
        fus_json_fail(j, "__metadata__ takes more than %zu bytes", MAX_METADATA);
    if (j->code) {
        fus_base_free(key);
        fus_base_free(value);
        return;
    }
    s->metadata[s->n_metadata].key = key;
    s->metadata[s->n_metadata++].value = value;
}

static void read_metadata(struct reader *r)
{
    struct fus_store *s = r->s;
    struct fus_json *j = &r->j;
    if (r->has_metadata)
        fus_json_fail(j, "__metadata__ stands there twice");
    r->has_metadata = true;
    for (fus_json_enter(j, '{'); fus_json_next(j);) {
        char *key = fus_base_strdup(fus_json_key(j)), *value = fus_base_strdup(fus_json_string(j));
        add_pair(r, key, value);
    }
    if (s->n_metadata)
        qsort(s->metadata, s->n_metadata, sizeof *s->metadata, by_key);
    for (size_t i = 1; !j->code && i < s->n_metadata; i++)
        if (strcmp(s->metadata[i - 1].key, s->metadata[i].key) == 0)
            fus_json_fail(j, "__metadata__ has '%s' twice", s->metadata[i].key);
}

/* A dtype that is not read is kept by its name, in lower case as inspect prints the others. */
static void read_dtype(struct fus_json *j, struct fus_tensor *t)
{
    const char *name = fus_json_string(j);
    for (size_t i = 0; i < N_DTYPES; i++)
        if (strcmp(name, dtypes[i].name) == 0) {
            t->dtype = dtypes[i].dtype;
            return;
        }
    size_t n = strlen(name);
    if (n == 0 || n > MAX_DTYPE_NAME)
        fus_json_fail(j, "tensor %s: dtype '%.40s' is not known", t->name, name);
    for (size_t i = 0; i <= n && n <= MAX_DTYPE_NAME; i++)
        t->unread[i] = (char)(name[i] >= 'A' && name[i] <= 'Z' ? name[i] - 'A' + 'a' : name[i]);
}

/* Bits of an element; 0: not known. */
static size_t dtype_bits(const struct fus_tensor *t)
{
    static const struct {
        const char *start;
        size_t bits;
    } others[] = {{"f8_", 8}, {"f6_", 6}, {"f4", 4}, {"c64", 64}, {"c128", 128}};
    if (!t->unread[0])
        return 8 * fus_dtype_bytes(t->dtype);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (strncmp(t->unread, others[i].start, strlen(others[i].start)) == 0)
            return others[i].bits;
    return 0;
}

static void read_shape(struct fus_json *j, struct fus_tensor *t)
{
    t->n_dims = 0;
    for (fus_json_enter(j, '['); fus_json_next(j);) {
        uint64_t n = fus_json_u64(j);
        if (t->n_dims == FUS_MAX_DIMS)
            fus_json_fail(j, "tensor %s: more than %d dimensions", t->name, FUS_MAX_DIMS);
        else if (n > INT64_MAX)
            fus_json_fail(j, "tensor %s: impossible size %" PRIu64, t->name, n);
        else
            t->shape[t->n_dims++] = (int64_t)n;
    }
    int64_t stride = 1;
    for (int d = t->n_dims - 1; d >= 0; d--) {
        t->stride[d] = stride;
        if (t->shape[d] != 0 && stride > INT64_MAX / t->shape[d])
            fus_json_fail(j, "tensor %s: its shape has more elements than memory can", t->name);
        else
            stride *= t->shape[d] ? t->shape[d] : 1;
    }
}

static void read_offsets(struct fus_json *j, const struct fus_tensor *t, struct byte_range *at)
{
    uint64_t v[2] = {0, 0};
    int n = 0;
    for (fus_json_enter(j, '['); fus_json_next(j); n++) {
        uint64_t x = fus_json_u64(j);
        if (n < 2)
            v[n] = x;
    }
    if (n != 2)
        fus_json_fail(j, "tensor %s: data_offsets are two numbers, %d found", t->name, n);
    if (v[1] < v[0])
        fus_json_fail(j, "tensor %s: data_offsets end before they begin", t->name);
    at->begin = v[0];
    at->end = v[1];
}

/* The value of one name: {"dtype": ..., "shape": ..., "data_offsets": ...} in any order, all
 * three, each once. */
static void read_fields(struct fus_json *j, struct fus_tensor *t, struct byte_range *at)
{
    static const char *const fields[] = {"dtype", "shape", "data_offsets"};
    bool seen[3] = {false, false, false};
    for (fus_json_enter(j, '{'); fus_json_next(j);) {
        const char *key = fus_json_key(j);
        int f = 0;
        while (f < 3 && strcmp(key, fields[f]) != 0)
            f++;
        if (f < 3 && seen[f])
            fus_json_fail(j, "tensor %s: has '%s' twice", t->name, fields[f]);
        if (f < 3)
            seen[f] = true;
        if (f == 0)
            read_dtype(j, t);
        else if (f == 1)
            read_shape(j, t);
        else if (f == 2)
            read_offsets(j, t, at);
        else
            fus_json_skip(j);
    }
    for (int f = 0; f < 3; f++)
        if (!seen[f])
            fus_json_fail(j, "tensor %s: has no '%s'", t->name, fields[f]);
}

static int read_tensor(struct reader *r, const char *name)
{
    struct fus_store *s = r->s;
    struct fus_json *j = &r->j;
    struct fus_tensor t = {.name = name};
    struct byte_range at = {0, 0, s->n_tensors};
    read_fields(j, &t, &at);
    if (j->code)
        return j->code;
    size_t bits = dtype_bits(&t), bytes = bits;
    for (int d = 0; d < t.n_dims; d++)
        if ((uint64_t)t.shape[d] > SIZE_MAX || !fus_base_mul(&bytes, bytes, (size_t)t.shape[d]))
            return fus_json_fail(j, "tensor %s: its shape has more elements than memory can", name);
    bytes = bytes / 8 + (bytes % 8 != 0);
    if (bits && at.end - at.begin != bytes)
        return fus_json_fail(j, "tensor %s: its data_offsets span %" PRIu64 " bytes, its shape and dtype take %zu",
                             name, at.end - at.begin, bytes);
    if (at.end > s->file_bytes - r->data_start)
        return fus_json_fail(
            j, "tensor %s: ends at byte %" PRIu64 " of the data, the file has %" PRIu64 ": truncated copy?", name,
            at.end, s->file_bytes - r->data_start);
    t.offset = r->data_start + at.begin;
    struct byte_range *ranges = fus_base_grow(r->ranges, &r->cap, s->n_tensors, sizeof *ranges);
    if (!ranges)
        return j->code = fus_base_fail(j->err, FUS_ENOMEM, "no memory for its directory");
    r->ranges = ranges;
    r->ranges[s->n_tensors] = at;
    return j->code = fus_store_add(s, &t, j->err);
}

static int read_header(struct reader *r)
{
    struct fus_json *j = &r->j;
    for (fus_json_enter(j, '{'); fus_json_next(j);) {
        const char *key = fus_json_key(j);
        if (strcmp(key, "__metadata__") == 0) {
            read_metadata(r);
            continue;
        }
        char *name = fus_base_strdup(key); /* the next string overwrites key */
        if (!name)
            j->code = fus_base_fail(j->err, FUS_ENOMEM, "no memory for its directory");
        else
            read_tensor(r, name);
        fus_base_free(name);
    }
    return fus_json_end(j);
}

static int by_place(const void *a, const void *b)
{
    const struct byte_range *x = a, *y = b;
    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    if (x->end != y->end)
        return x->end < y->end ? -1 : 1;
    return x->tensor < y->tensor ? -1 : 1;
}

/* Checks that every byte after the header belongs to exactly one tensor. */
static int check_places(struct reader *r, struct fus_error *err)
{
    struct fus_store *s = r->s;
    uint64_t at = 0;
    if (s->n_tensors)
        qsort(r->ranges, s->n_tensors, sizeof *r->ranges, by_place);
    for (size_t i = 0; i < s->n_tensors; i++) {
        const struct byte_range *p = &r->ranges[i];
        if (p->begin != at)
            return fus_base_fail_at(err, FUS_EFORMAT, (long long)(r->data_start + at),
                                    "tensor %s: begins at byte %" PRIu64 " of the data, %" PRIu64 " expected: a %s",
                                    s->tensors[p->tensor].name, p->begin, at,
                                    p->begin > at ? "hole" : "tensor that overlaps another");
        at = p->end;
    }
    if (at != s->file_bytes - r->data_start)
        return fus_base_fail_at(err, FUS_EFORMAT, (long long)(r->data_start + at),
                                "%" PRIu64 " bytes behind the last tensor belong to none",
                                s->file_bytes - r->data_start - at);
    return FUS_OK;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int check_names(const struct fus_store *s, struct fus_error *err)
{
    int code = FUS_OK;
    const char **names = fus_base_alloc(s->n_tensors, sizeof *names);
    if (!names)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for its directory");
    for (size_t i = 0; i < s->n_tensors; i++)
        names[i] = s->tensors[i].name;
    if (s->n_tensors)
        qsort(names, s->n_tensors, sizeof *names, by_name);
    for (size_t i = 1; i < s->n_tensors && !code; i++)
        if (strcmp(names[i - 1], names[i]) == 0)
            code = fus_base_fail(err, FUS_EFORMAT, "tensor %s stands there twice", names[i]);
    fus_base_free(names);
    return code;
}

int fus_safetensors_open(struct fus_store *s, struct fus_error *err)
{
    uint8_t raw[8];
    s->format = "safetensors";
    int code = fus_store_read_at(s, raw, 0, sizeof raw, err);
    if (code)
        return code;
    struct fus_bytes b = fus_bytes_of(raw, sizeof raw);
    uint64_t n = fus_bytes_u64le(&b);
    if (n > s->file_bytes - 8)
        return fus_base_fail_at(err, FUS_EFORMAT, 0,
                                "header says %" PRIu64 " bytes, file has %" PRIu64 ": truncated copy?", n,
                                s->file_bytes);
    if (n > FUS_MAX_HEADER)
        return fus_base_fail_at(err, FUS_ELIMIT, 0, "header of %" PRIu64 " bytes, at most %zu are read", n,
                                FUS_MAX_HEADER);
    struct fus_member whole = {.n_stored = s->file_bytes, .n_bytes = s->file_bytes};
    code = fus_store_add_member(s, &whole, err);
    if (code)
        return code;
    char *text = fus_base_alloc((size_t)n, 1);
    if (!text)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for a header of %" PRIu64 " bytes", n);
    struct reader r = {.s = s, .data_start = 8 + n};
    code = fus_store_read_at(s, text, 8, (size_t)n, err);
    if (!code && (n == 0 || text[0] != '{'))
        code = fus_base_fail_at(err, FUS_EFORMAT, 8, "the header does not begin with '{'");
    if (!code) {
        fus_json_start(&r.j, text, (size_t)n, 8, err);
        code = read_header(&r);
    }
    if (!code)
        code = check_names(s, err);
    if (!code)
        code = check_places(&r, err);
    fus_base_free(r.ranges);
    fus_base_free(text);
    return code;
}
