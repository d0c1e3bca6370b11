/* SPDX-License-Identifier: MIT */
/* The directory of an open weight file: its tensors, their storage, metadata and digest. */
#include "weights/store.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "nn/base/sha256.h"
#include "weights/derived.h"
#include "weights/dtype.h"

/* elements of a tensor larger than its storage (stride 0) */
#define MAX_EXPANDED ((size_t)1 << 24)
#define MAX_UNPACKED ((uint64_t)64 << 20) /* a deflated member larger than this ... */
/* ... may grow by this factor; trained weights shrink by < 2 */
#define MAX_RATIO 8

static void free_names(struct fus_store *s)
{
    for (size_t i = 0; s->plain && i < s->n_tensors; i++)
        fus_base_free(s->plain[i]);
    for (size_t r = 0; r < s->n_roots; r++)
        fus_base_free(s->roots[r].prefix);
    fus_base_free(s->plain);
    fus_base_free(s->by_plain);
    fus_base_free(s->roots);
    fus_base_free(s->by_canonical);
}

void fus_store_close(struct fus_store *s)
{
    if (!s)
        return;
    free_names(s);
    for (size_t i = 0; i < s->n_tensors; i++) {
        fus_base_free((char *)s->tensors[i].name);
        fus_base_free((char *)s->tensors[i].canonical);
    }
    for (size_t i = 0; i < s->n_members; i++) {
        fus_base_free(s->members[i].name);
        fus_base_free(s->members[i].memory);
    }
    for (size_t i = 0; i < s->n_shards; i++)
        fus_store_close(s->shards[i]);
    for (size_t i = 0; i < s->n_notes; i++)
        fus_base_free(s->notes[i]);
    fus_base_free(s->shards);
    fus_base_free(s->notes);
    for (size_t i = 0; i < s->n_metadata; i++) {
        fus_base_free(s->metadata[i].key);
        fus_base_free(s->metadata[i].value);
    }
    fus_base_free(s->tensors);
    fus_base_free(s->members);
    fus_base_free(s->metadata);
    fus_base_free(s->unpacked);
    fus_base_free(s->given_preprocess);
    fus_base_free(s->path);
    if (s->file)
        fclose(s->file);
    fus_base_free(s);
}

/* ---- contents ---- */

const char *fus_store_path(const struct fus_store *s)
{
    return s->path;
}

const char *fus_store_format(const struct fus_store *s)
{
    return s->format;
}

size_t fus_store_count(const struct fus_store *s)
{
    return s->n_tensors;
}

const struct fus_tensor *fus_store_tensor(const struct fus_store *s, size_t i)
{
    return i < s->n_tensors ? &s->tensors[i] : NULL;
}

const struct fus_tensor *fus_store_find(const struct fus_store *s, const char *canonical)
{
    size_t low = 0, high = s->n_canonical;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(canonical, s->by_canonical[middle].name);
        if (order == 0)
            return &s->tensors[s->by_canonical[middle].tensor];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

const char *fus_store_metadata(const struct fus_store *s, const char *key)
{
    for (size_t i = 0; i < s->n_metadata; i++)
        if (strcmp(s->metadata[i].key, key) == 0)
            return s->metadata[i].value;
    return s->n_shards ? fus_store_metadata(s->shards[0], key) : NULL;
}

size_t fus_store_n_notes(const struct fus_store *s)
{
    return s->n_notes;
}

const char *fus_store_note(const struct fus_store *s, size_t i)
{
    return i < s->n_notes ? s->notes[i] : NULL;
}

void fus_store_add_note(struct fus_store *s, const char *fmt, ...)
{
    struct fus_error text; /* its message is one line, with the file's names escaped */
    char line[FUS_MESSAGE_BYTES];
    if (s->n_notes > FUS_MAX_NOTES)
        return;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(line, sizeof line, s->n_notes < FUS_MAX_NOTES ? fmt : "and more like this", ap);
    va_end(ap);
    fus_base_fail(&text, FUS_OK, "%s", line);
    char **bigger = fus_base_resize(s->notes, s->n_notes + 1, sizeof *bigger), *copy = fus_base_strdup(text.msg);
    if (bigger)
        s->notes = bigger;
    if (bigger && copy)
        s->notes[s->n_notes++] = copy;
    else
        fus_base_free(copy);
}

/* Of a model in several files: of their names' and their own digests, a line each. */
static int sha256_of_shards(const struct fus_store *s, char hex[FUS_SHA256_HEX], struct fus_error *err)
{
    struct fus_sha256 sha;
    int code = FUS_OK;
    if (s->n_shards == 1)
        return fus_store_sha256(s->shards[0], hex, err);
    fus_sha256_start(&sha);
    for (size_t i = 0; !code && i < s->n_shards; i++) {
        const char *path = s->shards[i]->path, *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
        code = fus_store_sha256(s->shards[i], hex, err);
        fus_sha256_add(&sha, name, strlen(name));
        fus_sha256_add(&sha, " ", 1);
        fus_sha256_add(&sha, hex, FUS_SHA256_HEX - 1);
        fus_sha256_add(&sha, "\n", 1);
    }
    fus_sha256_hex(&sha, hex);
    return code;
}

int fus_store_sha256(const struct fus_store *s, char hex[FUS_SHA256_HEX], struct fus_error *err)
{
    if (s->n_shards)
        return sha256_of_shards(s, hex, err);
    if (s->file)
        return fus_sha256_file(hex, s->path, err);
    struct fus_sha256 sha;
    fus_sha256_start(&sha);
    if (s->linked)
        fus_sha256_add(&sha, s->linked, (size_t)s->file_bytes);
    else
        fus_sha256_add(&sha, s->path, strlen(s->path));
    fus_sha256_hex(&sha, hex);
    return FUS_OK;
}

/* ---- filling the directory ---- */

static int check_member(const struct fus_store *s, const struct fus_member *m, struct fus_error *err)
{
    const char *name = m->name ? m->name : "the file";
    if (s->n_members >= FUS_MAX_TENSORS)
        return fus_base_fail(err, FUS_ELIMIT, "more than %d members", FUS_MAX_TENSORS);
    if (m->memory)
        return FUS_OK;
    if (m->offset > s->file_bytes || m->n_stored > s->file_bytes - m->offset)
        return fus_base_fail_at(err, FUS_EFORMAT, (long long)(m->offset & INT64_MAX),
                                "member %s: %" PRIu64 " bytes expected, the file has %" PRIu64 ": truncated copy?",
                                name, m->n_stored, s->file_bytes);
    if (!m->deflated && m->n_stored != m->n_bytes)
        return fus_base_fail_at(err, FUS_EFORMAT, (long long)m->offset,
                                "member %s: is not compressed, yet has two sizes, %" PRIu64 " and %" PRIu64, name,
                                m->n_stored, m->n_bytes);
    if (m->deflated && m->n_bytes > MAX_UNPACKED && m->n_bytes / MAX_RATIO > m->n_stored)
        return fus_base_fail_at(err, FUS_ELIMIT, (long long)m->offset,
                                "member %s: would unpack from %" PRIu64 " to %" PRIu64
                                " bytes; above %d MB a factor of %d is allowed",
                                name, m->n_stored, m->n_bytes, (int)(MAX_UNPACKED >> 20), MAX_RATIO);
    return FUS_OK;
}

int fus_store_add_member(struct fus_store *s, const struct fus_member *m, struct fus_error *err)
{
    int code = check_member(s, m, err);
    struct fus_member *members = code ? NULL : fus_base_grow(s->members, &s->cap_members, s->n_members, sizeof *m);
    if (!members) {
        fus_base_free(m->name);
        fus_base_free(m->memory);
        return code ? code : fus_base_fail(err, FUS_ENOMEM, "no memory for its directory");
    }
    s->members = members;
    s->members[s->n_members++] = *m;
    return FUS_OK;
}

static int check_place(const struct fus_store *s, const struct fus_tensor *t, struct fus_error *err)
{
    size_t span, bytes;
    if (t->member >= s->n_members)
        return fus_base_fail(err, FUS_EFORMAT, "tensor %s: lies in member %u of %zu", t->name, (unsigned)t->member,
                             s->n_members);
    const struct fus_member *m = &s->members[t->member];
    uint64_t start = m->deflated || m->memory ? 0 : m->offset, at = (uint64_t)t->offset - start;
    if (!fus_store_read_span(&span, t) || !fus_base_mul(&bytes, span, fus_dtype_bytes(t->dtype)) || t->offset < start ||
        at > m->n_bytes || bytes > m->n_bytes - at)
        return fus_base_fail_at(err, FUS_EFORMAT, (long long)(t->offset & INT64_MAX),
                                "tensor %s: ends behind its storage of %" PRIu64 " bytes%s", t->name, m->n_bytes,
                                m->name ? "" : ": truncated copy?");
    if (t->n_elements > span && t->n_elements > MAX_EXPANDED)
        return fus_base_fail(err, FUS_ELIMIT,
                             "tensor %s: has %zu elements in a storage of %zu; at most %zu are expanded", t->name,
                             t->n_elements, span, MAX_EXPANDED);
    return FUS_OK;
}

int fus_store_add(struct fus_store *s, const struct fus_tensor *t, struct fus_error *err)
{
    struct fus_tensor copy = *t;
    if (s->n_tensors >= FUS_MAX_TENSORS)
        return fus_base_fail(err, FUS_ELIMIT, "more than %d tensors", FUS_MAX_TENSORS);
    if (t->n_dims < 0 || t->n_dims > FUS_MAX_DIMS)
        return fus_base_fail(err, FUS_ELIMIT, "tensor %s: has %d dimensions, at most %d are read", t->name, t->n_dims,
                             FUS_MAX_DIMS);
    copy.n_elements = 1;
    bool empty = false;
    for (int d = 0; d < t->n_dims; d++) {
        if (t->shape[d] < 0 || t->stride[d] < 0)
            return fus_base_fail(err, FUS_EFORMAT, "tensor %s: negative size or stride in dimension %d", t->name, d);
        if ((uint64_t)t->shape[d] > SIZE_MAX ||
            !fus_base_mul(&copy.n_elements, copy.n_elements, t->shape[d] ? (size_t)t->shape[d] : 1))
            return fus_base_fail(err, FUS_EFORMAT, "tensor %s: its shape has more elements than memory can", t->name);
        empty = empty || t->shape[d] == 0;
    }
    if (empty)
        copy.n_elements = 0;
    int code = (s->file || s->linked) && !empty && !t->unread[0] ? check_place(s, &copy, err) : FUS_OK;
    if (code)
        return code;
    struct fus_tensor *tensors = fus_base_grow(s->tensors, &s->cap_tensors, s->n_tensors, sizeof *t);
    if (tensors)
        s->tensors = tensors;
    copy.canonical = NULL;
    copy.name = tensors ? fus_base_strdup(t->name) : NULL;
    if (!copy.name)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for its directory");
    s->tensors[s->n_tensors++] = copy;
    return FUS_OK;
}

int fus_store_add_parameter(void *context, const char *name, const int *shape, int n_dims)
{
    const struct fus_store_adder *a = context;
    struct fus_tensor t = {.name = name, .dtype = FUS_F32, .n_dims = n_dims};
    int64_t stride = 1;
    for (int d = n_dims - 1; d >= 0; d--) {
        t.shape[d] = shape[d];
        t.stride[d] = stride;
        stride *= shape[d];
    }
    return fus_store_add(a->store, &t, a->err);
}

/* ---- look-up for networks ---- */

/* Networks that diverged have NaN in them, sums in f16 infinity: what such a network answers is
 * no result. */
static int check_values(const struct fus_store *s, const float *values, const struct fus_tensor *t, size_t n,
                        struct fus_error *err)
{
    const char *dot = strrchr(t->canonical, '.');
    size_t i = fus_dtype_find_not_finite(values, n);
    if (i < n)
        return fus_base_fail(err, FUS_EFORMAT,
                             "%s: tensor %s: element %zu of %zu is %s%s; numbers expected: training that diverged?",
                             s->path, t->name, i, t->n_elements, isnan(values[i]) ? "NaN" : "infinity",
                             t->dtype == FUS_F64 && isinf(values[i]) ? " in f32" : "");
    if (!dot || strcmp(dot, ".running_var") != 0)
        return FUS_OK;
    for (i = 0; i < t->n_elements; i++)
        if (values[i] < 0)
            return fus_base_fail(err, FUS_EFORMAT, "%s: tensor %s: element %zu is %g; a variance is not negative",
                                 s->path, t->name, i, (double)values[i]);
    return FUS_OK;
}

int fus_store_lookup(void *store, float *out, size_t n, const char *canonical, struct fus_error *err)
{
    struct fus_store *s = store;
    struct fus_derived d = fus_derived_find(s, canonical);
    size_t found = 0;
    if (!d.n_parts)
        return fus_base_fail(err, FUS_ENOTFOUND, "%s: has no tensor %s", s->path, canonical);
    for (int i = 0; i < d.n_parts; i++)
        found += d.parts[i]->n_elements;
    if (found != n)
        return fus_base_fail(err, FUS_EFORMAT, "%s: tensor %s: %zu elements expected, %zu found", s->path,
                             d.parts[0]->name, n, found);
    int code = fus_derived_read(s, out, &d, err);
    for (int i = 0; i < d.n_parts && !code; i++, out += found)
        code = check_values(s, out, d.parts[i], found = d.parts[i]->n_elements, err);
    return code;
}

int fus_store_set_preprocess(struct fus_store *s, const char *preprocess, struct fus_error *err)
{
    fus_base_free(s->given_preprocess);
    s->given_preprocess = fus_base_strdup(preprocess);
    return s->given_preprocess ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "no memory for its preprocessing");
}

int fus_store_preprocess(struct fus_store *s, const struct fus_net_spec *spec, int *input_side, const char **preprocess,
                         struct fus_error *err)
{
    (void)err;
    *input_side = spec->input_side;
    *preprocess = s->given_preprocess ? s->given_preprocess : fus_store_metadata(s, "fusiform.preprocess");
    if (*preprocess)
        return FUS_OK;
    bool vit = spec->kind == FUS_NET_VIT, clip = vit ? spec->vit.clip : spec->stem == FUS_STEM_CLIP;
    if (spec->kind != FUS_NET_RESNET && !clip && spec->input_side != 224) { /* torchvision's proportion of 256 to 224 */
        snprintf(s->preprocess, sizeof s->preprocess,
                 "resize=%d,interp=bilinear,crop=%d,mean=.485/.456/.406,std=.229/.224/.225", spec->input_side * 8 / 7,
                 spec->input_side);
        *preprocess = s->preprocess;
    } else if (clip && spec->input_side != 224) { /* RN50x4: 288 */
        snprintf(s->preprocess, sizeof s->preprocess,
                 "resize=%d,interp=bicubic,crop=%d,mean=.48145466/.4578275/.40821073,std=.26862954/.26130258/.27577711",
                 spec->input_side, spec->input_side);
        *preprocess = s->preprocess;
    } else {
        *preprocess = clip ? "clip" : !vit && spec->stem == FUS_STEM_3X3 ? "cifar" : "torchvision";
    }
    return FUS_OK;
}
