/* SPDX-License-Identifier: MIT */
/* Writing safetensors (the format: safetensors.c): names in order, all 4-byte tensors
 * before all 2-byte ones, so that each begins at a multiple of its element. The same
 * tensors give the same bytes. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nn/base/json.h"
#include "nn/base/outfile.h"
#include "nn/base/sha256.h"
#include "nn/base/text.h"
#include "weights/dtype.h"
#include "weights/weights.h"

struct writer {
    const char *path; /* that is written */
    struct fus_safetensors_tensor *tensors;
    size_t n, largest; /* elements of the largest */
    fus_weight_fn get;
    void *context;
};

static size_t n_elements(const struct fus_safetensors_tensor *t)
{
    size_t n = 1;
    for (int d = 0; d < t->n_dims; d++)
        n *= (size_t)
                 t->shape[d]; /* of a network that was recognised in a file or checked by the table of layers: fits */
    return n;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct fus_safetensors_tensor *)a)->name, ((const struct fus_safetensors_tensor *)b)->name);
}

static void place(struct writer *w)
{
    uint64_t at = 0;
    for (size_t bytes = 4; bytes >= 2; bytes /= 2)
        for (size_t i = 0; i < w->n; i++)
            if (fus_dtype_bytes(w->tensors[i].dtype) == bytes) {
                w->tensors[i].begin = at;
                at += n_elements(&w->tensors[i]) * bytes;
            }
}

static void add_tensor(struct fus_text_buffer *h, const struct fus_safetensors_tensor *t)
{
    char piece[96];
    fus_text_printf(h, ",");
    fus_json_quote(h, t->name);
    snprintf(piece, sizeof piece, ":{\"dtype\":\"%s\",\"shape\":[",
             t->dtype == FUS_F32   ? "F32"
             : t->dtype == FUS_F16 ? "F16"
                                   : "BF16");
    fus_text_append(h, piece, strlen(piece));
    for (int d = 0; d < t->n_dims; d++) {
        snprintf(piece, sizeof piece, "%s%" PRId64, d ? "," : "", t->shape[d]);
        fus_text_append(h, piece, strlen(piece));
    }
    snprintf(piece, sizeof piece, "],\"data_offsets\":[%" PRIu64 ",%" PRIu64 "]}", t->begin,
             t->begin + n_elements(t) * fus_dtype_bytes(t->dtype));
    fus_text_append(h, piece, strlen(piece));
}

static int make_header(struct fus_text_buffer *h, const struct writer *w, const struct fus_safetensors_pair *metadata,
                       size_t n_metadata, struct fus_error *err)
{
    fus_text_printf(h, "{\"__metadata__\":{");
    for (size_t i = 0; i < n_metadata; i++) {
        fus_text_printf(h, "%s", i ? "," : "");
        fus_json_quote(h, metadata[i].key);
        fus_text_printf(h, ":");
        fus_json_quote(h, metadata[i].value);
    }
    fus_text_printf(h, "}");
    for (size_t i = 0; i < w->n; i++)
        add_tensor(h, &w->tensors[i]);
    fus_text_printf(h, "}");
    while (!h->failed && h->n % 8 != 0)
        fus_text_printf(h, " ");
    return h->failed ? fus_base_fail(err, FUS_ENOMEM, "%s: no memory for its header", w->path) : FUS_OK;
}

/* f16 ends at 65504, bf16 little below f32's end. */
static int check_range(const float *values, const struct fus_safetensors_tensor *t, struct fus_error *err)
{
    float largest = t->dtype == FUS_F16    ? 65520.0f
                    : t->dtype == FUS_BF16 ? 3.3961775e38f
                                           : INFINITY; /* from here on they round to infinity */
    size_t n = n_elements(t);
    for (size_t i = 0; i < n && t->dtype != FUS_F32; i++)
        if (fabsf(values[i]) >= largest)
            return fus_base_fail(err, FUS_EFORMAT, "tensor %s: element %zu, %g, is infinity in %s; take --dtype f32%s",
                                 t->name, i, (double)values[i], fus_dtype_name(t->dtype),
                                 t->dtype == FUS_F16 ? " or bf16" : "");
    return FUS_OK;
}

static int write_tensors(struct fus_outfile *f, const struct writer *w, struct fus_error *err)
{
    int code = FUS_OK;
    float *values = fus_base_alloc(w->largest, sizeof *values);
    if (!values)
        return fus_base_fail(err, FUS_ENOMEM, "%s: no memory for a tensor of %zu elements", w->path, w->largest);
    for (size_t bytes = 4; bytes >= 2; bytes /= 2)
        for (size_t i = 0; i < w->n && !code; i++) {
            const struct fus_safetensors_tensor *t = &w->tensors[i];
            if (fus_dtype_bytes(t->dtype) != bytes)
                continue;
            code = w->get(w->context, values, n_elements(t), t->name, err);
            if (!code)
                code = check_range(values, t, err);
            if (!code)
                fus_outfile_write(f, values, fus_dtype_pack(values, n_elements(t), t->dtype));
        }
    fus_base_free(values);
    return code;
}

static int write_file(struct writer *w, const struct fus_text_buffer *header, struct fus_error *err)
{
    struct fus_outfile f;
    uint8_t size[8];
    int code = fus_outfile_open(&f, w->path, err);
    if (code)
        return code;
    for (int i = 0; i < 8; i++)
        size[i] = (uint8_t)((uint64_t)header->n >> 8 * i);
    fus_outfile_write(&f, size, sizeof size);
    fus_outfile_write(&f, header->s, header->n);
    code = write_tensors(&f, w, err);
    if (!code)
        return fus_outfile_commit(&f, err);
    fus_outfile_discard(&f);
    return code;
}

int fus_safetensors_write_tensors(const char *path, struct fus_safetensors_tensor *tensors, size_t n,
                                  const struct fus_safetensors_pair *metadata, size_t n_metadata, fus_weight_fn get,
                                  void *context, struct fus_error *err)
{
    struct writer w = {path, tensors, n, 1, get, context};
    struct fus_text_buffer header = {0};
    for (size_t i = 0; i < n; i++)
        w.largest = n_elements(&tensors[i]) > w.largest ? n_elements(&tensors[i]) : w.largest;
    if (n)
        qsort(tensors, n, sizeof *tensors, by_name);
    place(&w);
    int code = make_header(&header, &w, metadata, n_metadata, err);
    if (!code)
        code = write_file(&w, &header, err);
    fus_text_free(&header);
    return code;
}

/* ---- a network of a file ---- */

struct list {
    struct fus_safetensors_tensor *tensors;
    size_t n, cap;
    enum fus_dtype dtype;
    bool no_memory;
};

static int collect(void *context, const char *name, const int *shape, int n_dims)
{
    struct list *l = context;
    if (l->n == l->cap) {
        size_t cap = l->cap ? 2 * l->cap : 256;
        struct fus_safetensors_tensor *bigger = fus_base_resize(l->tensors, cap, sizeof *bigger);
        l->no_memory = !bigger;
        if (!bigger)
            return FUS_ENOMEM;
        l->tensors = bigger;
        l->cap = cap;
    }
    struct fus_safetensors_tensor *t = &l->tensors[l->n++];
    memset(t, 0, sizeof *t);
    snprintf(t->name, sizeof t->name, "%s", name);
    t->n_dims = n_dims;
    t->dtype = n_dims > 1 ? l->dtype : FUS_F32;
    for (int d = 0; d < n_dims; d++)
        t->shape[d] = shape[d];
    return FUS_OK;
}

static int look_up(void *store, float *out, size_t n, const char *name, struct fus_error *err)
{
    return fus_store_lookup(store, out, n, name, err);
}

int fus_safetensors_write(const char *out_path, struct fus_store *s, const struct fus_net_spec *spec,
                          const struct fus_tower_spec *tower, enum fus_dtype dtype, struct fus_error *err)
{
    struct list l = {.dtype = dtype};
    enum fus_act act = tower ? tower->act : spec->kind == FUS_NET_VIT ? spec->act : FUS_ACT_NONE;
    char sha[FUS_SHA256_HEX], input[16];
    const char *preprocess = NULL;
    int side;
    if (dtype != FUS_F32 && dtype != FUS_F16 && dtype != FUS_BF16)
        return fus_base_fail(err, FUS_EINVAL, "%s: blobs are f32, f16 or bf16, not %s", out_path,
                             fus_dtype_name(dtype));
    if (spec->stem >= FUS_STEM_PIXELS)
        return fus_base_fail(err, FUS_EUNSUPPORTED, "%s: a baseline has no learned weights: nothing to write",
                             out_path);
    int code = fus_arch_parameters(spec, collect, &l, err);
    if (!code && tower)
        code = fus_tower_parameters(tower, collect, &l, err);
    if (!code && tower && fus_store_find(s, "logit_scale"))
        code = collect(&l, "logit_scale", NULL, 0);
    if (l.no_memory)
        code = fus_base_fail(err, FUS_ENOMEM, "%s: no memory for its directory", out_path);
    if (!code)
        code = fus_store_preprocess(s, spec, &side, &preprocess, err);
    if (!code)
        code = fus_store_sha256(s, sha, err);
    if (!code) {
        snprintf(input, sizeof input, "%d", side);
        const struct fus_safetensors_pair metadata[] = {
            {"fusiform.arch", fus_networks_family(spec)},
            {"fusiform.input", input},
            {"fusiform.preprocess", preprocess},
            {"fusiform.source_sha256", sha},
            {"fusiform.version", FUS_VERSION},
            {"fusiform.activation", act == FUS_ACT_QUICKGELU ? "quickgelu" : "gelu"}};
        code = fus_safetensors_write_tensors(out_path, l.tensors, l.n, metadata, act ? 6 : 5, look_up, (void *)s, err);
        if (code == FUS_EFORMAT && err && strncmp(err->msg, "tensor ", 7) == 0)
            fus_base_blame(err, "%s: ", fus_store_path(s));
    }
    fus_base_free(l.tensors);
    return code;
}
