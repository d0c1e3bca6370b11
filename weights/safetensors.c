/* Safetensors (github.com/huggingface/safetensors, "Format"): a file is
 *
 *     u64, little-endian   n, the size of the header
 *     n bytes              JSON: {"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [begin, end]}, ...,
 *                          "__metadata__": {"key": "text", ...}}, maybe spaces behind it
 *     the rest             the tensors, C order, little-endian, offsets counted from here
 *
 * Refused is what the reference implementation refuses: offsets with holes or overlaps, a size that is not shape x dtype,
 * bytes behind the last tensor; and duplicate names, which the format forbids and few readers notice.
 * The writer puts names in order, f32 before 16-bit tensors so that everything is aligned. Types of other names (8-bit floats) are
 * listed, not read. */
#include "weights/store.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nn/base/json.h"
#include "nn/base/outfile.h"
#include "nn/base/sha256.h"

#define MAX_METADATA ((size_t)64 << 20) /* bytes that its pairs take in memory; real files have a handful of pairs */
#define PAIR_BYTES 64 /* of a pair beside its texts */

static const struct {
    const char *name;
    enum fus_dtype dtype;
} dtypes[] = {
    {"F64", FUS_F64}, {"F32", FUS_F32}, {"F16", FUS_F16}, {"BF16", FUS_BF16}, {"I64", FUS_I64}, {"I32", FUS_I32}, {"I16", FUS_I16},
    {"I8", FUS_I8},   {"U8", FUS_U8},   {"U16", FUS_U16}, {"U32", FUS_U32},   {"U64", FUS_U64}, {"BOOL", FUS_BOOL},
};
#define MAX_DTYPE_NAME 20 /* the longest known has 15 */
#define N_DTYPES (sizeof dtypes / sizeof *dtypes)

/* ---- reading ---- */

/* Where a tensor's data lies, counted from the end of the header, and its number in the store. */
struct stretch {
    uint64_t begin, end;
    size_t tensor;
};

struct reader {
    struct fus_store *s;
    struct fus_json j;
    uint64_t data_start;
    struct stretch *stretches; /* [s->n_tensors] */
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
    if (!j->code && s->n_metadata == r->cap_metadata) {
        size_t cap = r->cap_metadata ? 2 * r->cap_metadata : 16;
        struct fus_pair *bigger = fus_base_resize(s->metadata, cap, sizeof *bigger);
        s->metadata = bigger ? bigger : s->metadata;
        r->cap_metadata = bigger ? cap : r->cap_metadata;
    }
    if (!j->code && (!key || !value || s->n_metadata == r->cap_metadata))
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

static void read_offsets(struct fus_json *j, const struct fus_tensor *t, struct stretch *at)
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

/* The value of one name: {"dtype": ..., "shape": ..., "data_offsets": ...} in any order, all three, each once. */
static void read_fields(struct fus_json *j, struct fus_tensor *t, struct stretch *at)
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
    struct stretch at = {0, 0, s->n_tensors};
    read_fields(j, &t, &at);
    if (j->code)
        return j->code;
    size_t bits = dtype_bits(&t), bytes = bits;
    for (int d = 0; d < t.n_dims; d++)
        if ((uint64_t)t.shape[d] > SIZE_MAX || !fus_base_mul(&bytes, bytes, (size_t)t.shape[d]))
            return fus_json_fail(j, "tensor %s: its shape has more elements than memory can", name);
    bytes = bytes / 8 + (bytes % 8 != 0);
    if (bits && at.end - at.begin != bytes)
        return fus_json_fail(j, "tensor %s: its data_offsets span %" PRIu64 " bytes, its shape and dtype take %zu", name,
                             at.end - at.begin, bytes);
    if (at.end > s->file_bytes - r->data_start)
        return fus_json_fail(j, "tensor %s: ends at byte %" PRIu64 " of the data, the file has %" PRIu64 ": truncated copy?",
                             name, at.end, s->file_bytes - r->data_start);
    t.offset = r->data_start + at.begin;
    if (r->cap == s->n_tensors) {
        size_t cap = r->cap ? 2 * r->cap : 64;
        struct stretch *bigger = fus_base_resize(r->stretches, cap, sizeof *bigger);
        if (!bigger)
            return j->code = fus_base_fail(j->err, FUS_ENOMEM, "no memory for its directory");
        r->stretches = bigger;
        r->cap = cap;
    }
    r->stretches[s->n_tensors] = at;
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
    const struct stretch *x = a, *y = b;
    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    if (x->end != y->end)
        return x->end < y->end ? -1 : 1;
    return x->tensor < y->tensor ? -1 : 1;
}

/* Every byte behind the header belongs to exactly one tensor. */
static int check_places(struct reader *r, struct fus_error *err)
{
    struct fus_store *s = r->s;
    uint64_t at = 0;
    if (s->n_tensors)
        qsort(r->stretches, s->n_tensors, sizeof *r->stretches, by_place);
    for (size_t i = 0; i < s->n_tensors; i++) {
        const struct stretch *p = &r->stretches[i];
        if (p->begin != at)
            return fus_base_fail_at(err, FUS_EFORMAT, (long long)(r->data_start + at), "tensor %s: begins at byte %" PRIu64
                                    " of the data, %" PRIu64 " expected: a %s", s->tensors[p->tensor].name, p->begin, at,
                                    p->begin > at ? "hole" : "tensor that overlaps another");
        at = p->end;
    }
    if (at != s->file_bytes - r->data_start)
        return fus_base_fail_at(err, FUS_EFORMAT, (long long)(r->data_start + at),
                                "%" PRIu64 " bytes behind the last tensor belong to none", s->file_bytes - r->data_start - at);
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
        return fus_base_fail_at(err, FUS_EFORMAT, 0, "header says %" PRIu64 " bytes, file has %" PRIu64 ": truncated copy?", n,
                                s->file_bytes);
    if (n > FUS_MAX_HEADER)
        return fus_base_fail_at(err, FUS_ELIMIT, 0, "header of %" PRIu64 " bytes, at most %zu are read", n, FUS_MAX_HEADER);
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
    fus_base_free(r.stretches);
    fus_base_free(text);
    return code;
}

/* ---- writing ---- */

struct output {
    char name[128];
    int n_dims;
    int64_t shape[4];
    size_t n_elements;
    enum fus_dtype dtype;
    uint64_t begin;
};

struct writer {
    const struct fus_store *s;
    enum fus_dtype dtype;
    struct output *tensors;
    size_t n, cap;
    size_t largest; /* elements */
    bool no_memory;
};

static int collect(void *context, const char *name, const int *shape, int n_dims)
{
    struct writer *w = context;
    if (w->n == w->cap) {
        size_t cap = w->cap ? 2 * w->cap : 256;
        struct output *bigger = fus_base_resize(w->tensors, cap, sizeof *bigger);
        if (!bigger) {
            w->no_memory = true;
            return FUS_ENOMEM;
        }
        w->tensors = bigger;
        w->cap = cap;
    }
    struct output *o = &w->tensors[w->n++];
    memset(o, 0, sizeof *o);
    snprintf(o->name, sizeof o->name, "%s", name);
    o->n_dims = n_dims;
    o->n_elements = 1;
    o->dtype = n_dims > 1 ? w->dtype : FUS_F32;
    for (int d = 0; d < n_dims; d++) {
        o->shape[d] = shape[d];
        o->n_elements *= (size_t)shape[d]; /* recognised in a file or checked by the table of layers: fits */
    }
    if (o->n_elements > w->largest)
        w->largest = o->n_elements;
    return FUS_OK;
}

static int by_output_name(const void *a, const void *b)
{
    return strcmp(((const struct output *)a)->name, ((const struct output *)b)->name);
}

/* Offsets: all 4-byte tensors, then all 2-byte ones, so that each begins at a multiple of its element. */
static void place(struct writer *w)
{
    uint64_t at = 0;
    for (size_t bytes = 4; bytes >= 2; bytes /= 2)
        for (size_t i = 0; i < w->n; i++)
            if (fus_dtype_bytes(w->tensors[i].dtype) == bytes) {
                w->tensors[i].begin = at;
                at += w->tensors[i].n_elements * bytes;
            }
}

/* A growing text: the header is put together in memory, its size goes before it. */
struct text {
    char *s;
    size_t n, cap;
    bool failed;
};

static void text_add(struct text *t, const char *piece)
{
    size_t n = strlen(piece);
    if (!t->failed && t->cap - t->n < n + 1) {
        size_t cap = 2 * (t->cap + n + 1);
        char *bigger = fus_base_resize(t->s, cap, 1);
        t->failed = !bigger;
        if (bigger) {
            t->s = bigger;
            t->cap = cap;
        }
    }
    if (t->failed)
        return;
    memcpy(t->s + t->n, piece, n + 1);
    t->n += n;
}

static void text_quote(struct text *t, const char *s)
{
    char piece[8];
    text_add(t, "\"");
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;
        if (c == '"' || c == '\\')
            snprintf(piece, sizeof piece, "\\%c", c);
        else if (c < 0x20)
            snprintf(piece, sizeof piece, "\\u%04x", c);
        else
            snprintf(piece, sizeof piece, "%c", c);
        text_add(t, piece);
    }
    text_add(t, "\"");
}

static const char *dtype_label(enum fus_dtype t)
{
    for (size_t i = 0; i < N_DTYPES; i++)
        if (dtypes[i].dtype == t)
            return dtypes[i].name;
    return "?";
}

static void add_tensor(struct text *h, const struct output *o)
{
    char piece[96];
    text_add(h, ",");
    text_quote(h, o->name);
    snprintf(piece, sizeof piece, ":{\"dtype\":\"%s\",\"shape\":[", dtype_label(o->dtype));
    text_add(h, piece);
    for (int d = 0; d < o->n_dims; d++) {
        snprintf(piece, sizeof piece, "%s%" PRId64, d ? "," : "", o->shape[d]);
        text_add(h, piece);
    }
    snprintf(piece, sizeof piece, "],\"data_offsets\":[%" PRIu64 ",%" PRIu64 "]}", o->begin,
             o->begin + o->n_elements * fus_dtype_bytes(o->dtype));
    text_add(h, piece);
}

static int make_header(struct text *h, const struct writer *w, const struct fus_net_spec *spec, struct fus_error *err)
{
    static const char *const keys[] = {"fusiform.arch", "fusiform.input", "fusiform.preprocess", "fusiform.source_sha256",
                                       "fusiform.version"};
    char sha[FUS_SHA256_HEX], input[16];
    const char *values[5] = {fus_networks_family(spec), input, NULL, sha, FUS_VERSION};
    int side, code = fus_store_preprocess(w->s, spec, &side, &values[2], err);
    if (!code)
        code = fus_store_sha256(w->s, sha, err);
    if (code)
        return code;
    snprintf(input, sizeof input, "%d", side);
    text_add(h, "{\"__metadata__\":{");
    for (int i = 0; i < 5; i++) {
        text_add(h, i ? "," : "");
        text_quote(h, keys[i]);
        text_add(h, ":");
        text_quote(h, values[i]);
    }
    text_add(h, "}");
    for (size_t i = 0; i < w->n; i++)
        add_tensor(h, &w->tensors[i]);
    text_add(h, "}");
    while (!h->failed && h->n % 8 != 0)
        text_add(h, " ");
    return h->failed ? fus_base_fail(err, FUS_ENOMEM, "%s: no memory for its header", fus_store_path(w->s)) : FUS_OK;
}

/* f16 ends at 65504, bf16 little below f32's end. */
static int check_range(const struct writer *w, const float *values, const struct output *o, struct fus_error *err)
{
    float largest = o->dtype == FUS_F16 ? 65520.0f : o->dtype == FUS_BF16 ? 3.3961775e38f : INFINITY; /* from here on they round to infinity */
    for (size_t i = 0; i < o->n_elements; i++)
        if (fabsf(values[i]) >= largest)
            return fus_base_fail(err, FUS_EFORMAT, "%s: tensor %s: element %zu, %g, is infinity in %s; take --dtype f32%s", fus_store_path(w->s), o->name, i,
                                 (double)values[i], fus_dtype_name(o->dtype), o->dtype == FUS_F16 ? " or bf16" : "");
    return FUS_OK;
}

static int write_tensors(struct fus_outfile *f, const struct writer *w, struct fus_error *err)
{
    int code = FUS_OK;
    float *values = fus_base_alloc(w->largest, sizeof *values);
    if (!values)
        return fus_base_fail(err, FUS_ENOMEM, "%s: no memory for a tensor of %zu elements", fus_store_path(w->s), w->largest);
    for (size_t bytes = 4; bytes >= 2; bytes /= 2)
        for (size_t i = 0; i < w->n && !code; i++) {
            const struct output *o = &w->tensors[i];
            if (fus_dtype_bytes(o->dtype) != bytes)
                continue;
            code = fus_store_lookup((void *)w->s, values, o->n_elements, o->name, err);
            if (!code)
                code = check_range(w, values, o, err);
            if (!code)
                fus_outfile_write(f, values, fus_dtype_pack(values, o->n_elements, o->dtype));
        }
    fus_base_free(values);
    return code;
}

int fus_safetensors_convert(const char *out_path, const struct fus_store *s, const struct fus_net_spec *spec,
                            enum fus_dtype dtype, struct fus_error *err)
{
    struct writer w = {.s = s, .dtype = dtype};
    struct text header = {NULL, 0, 0, false};
    struct fus_outfile f;
    if (dtype != FUS_F32 && dtype != FUS_F16 && dtype != FUS_BF16)
        return fus_base_fail(err, FUS_EINVAL, "%s: blobs are f32, f16 or bf16, not %s", out_path, fus_dtype_name(dtype));
    int code = fus_arch_parameters(spec, collect, &w, err);
    if (w.no_memory)
        code = fus_base_fail(err, FUS_ENOMEM, "%s: no memory for its directory", out_path);
    if (!code) {
        qsort(w.tensors, w.n, sizeof *w.tensors, by_output_name);
        place(&w);
        code = make_header(&header, &w, spec, err);
    }
    if (!code)
        code = fus_outfile_open(&f, out_path, err);
    if (!code) {
        uint8_t size[8];
        for (int i = 0; i < 8; i++)
            size[i] = (uint8_t)((uint64_t)header.n >> 8 * i);
        fus_outfile_write(&f, size, sizeof size);
        fus_outfile_write(&f, header.s, header.n);
        code = write_tensors(&f, &w, err);
        if (code)
            fus_outfile_discard(&f);
        else
            code = fus_outfile_commit(&f, err);
    }
    fus_base_free(header.s);
    fus_base_free(w.tensors);
    return code;
}
