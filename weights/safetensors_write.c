/* The safetensors writer: the canonical tensors of a weight file as one blob (format:
 * safetensors.c). Names are sorted. 4-byte tensors come before 2-byte ones, so that every tensor
 * is aligned. The same input gives the same bytes. */
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

struct output {
    char name[128];
    int n_dims;
    int64_t shape[4];
    size_t n_elements;
    enum fus_dtype dtype;
    uint64_t begin;
};

struct writer {
    struct fus_store *s;
    enum fus_dtype dtype;
    struct output *tensors;
    size_t n, cap;
    size_t largest; /* elements */
    bool no_memory;
};

static int collect(void *context, const char *name, const int *shape, int n_dims)
{
    struct writer *w = context;
    struct output *tensors = fus_base_grow(w->tensors, &w->cap, w->n, sizeof *tensors);
    if (!tensors) {
        w->no_memory = true;
        return FUS_ENOMEM;
    }
    w->tensors = tensors;
    struct output *o = &w->tensors[w->n++];
    memset(o, 0, sizeof *o);
    snprintf(o->name, sizeof o->name, "%s", name);
    o->n_dims = n_dims;
    o->n_elements = 1;
    o->dtype = n_dims > 1 ? w->dtype : FUS_F32;
    for (int d = 0; d < n_dims; d++) {
        o->shape[d] = shape[d];
        /* recognised in a file or checked by the table of layers: fits */
        o->n_elements *= (size_t)shape[d];
    }
    if (o->n_elements > w->largest)
        w->largest = o->n_elements;
    return FUS_OK;
}

static int by_output_name(const void *a, const void *b)
{
    return strcmp(((const struct output *)a)->name, ((const struct output *)b)->name);
}

/* Offsets: all 4-byte tensors, then all 2-byte ones, so that each begins at a multiple of its
 * element. */
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

static void add_tensor(struct fus_text_buffer *h, const struct output *o)
{
    const char *label = o->dtype == FUS_F16 ? "F16" : o->dtype == FUS_BF16 ? "BF16" : "F32";
    fus_text_append(h, ",", 1);
    fus_json_quote(h, o->name);
    fus_text_printf(h, ":{\"dtype\":\"%s\",\"shape\":[", label);
    for (int d = 0; d < o->n_dims; d++)
        fus_text_printf(h, "%s%" PRId64, d ? "," : "", o->shape[d]);
    fus_text_printf(h, "],\"data_offsets\":[%" PRIu64 ",%" PRIu64 "]}", o->begin,
                    o->begin + o->n_elements * fus_dtype_bytes(o->dtype));
}

static int make_header(struct fus_text_buffer *h, const struct writer *w, const struct fus_net_spec *spec,
                       struct fus_error *err)
{
    static const char *const keys[] = {"fusiform.arch", "fusiform.input", "fusiform.preprocess",
                                       "fusiform.source_sha256", "fusiform.version"};
    char sha[FUS_SHA256_HEX], input[16];
    const char *values[5] = {fus_networks_family(spec), input, NULL, sha, FUS_VERSION};
    int side, code = fus_store_preprocess(w->s, spec, &side, &values[2], err);
    if (!code)
        code = fus_store_sha256(w->s, sha, err);
    if (code)
        return code;
    snprintf(input, sizeof input, "%d", side);
    fus_text_printf(h, "{\"__metadata__\":{");
    for (int i = 0; i < 5; i++) {
        fus_text_printf(h, "%s", i ? "," : "");
        fus_json_quote(h, keys[i]);
        fus_text_append(h, ":", 1);
        fus_json_quote(h, values[i]);
    }
    fus_text_append(h, "}", 1);
    for (size_t i = 0; i < w->n; i++)
        add_tensor(h, &w->tensors[i]);
    fus_text_append(h, "}", 1);
    while (!h->failed && h->n % 8 != 0)
        fus_text_append(h, " ", 1);
    return h->failed ? fus_base_fail(err, FUS_ENOMEM, "%s: no memory for its header", fus_store_path(w->s)) : FUS_OK;
}

/* f16 ends at 65504, bf16 little below f32's end. */
static int check_range(const struct writer *w, const float *values, const struct output *o, struct fus_error *err)
{
    /* from here on they round to infinity */
    float largest = o->dtype == FUS_F16 ? 65520.0f : o->dtype == FUS_BF16 ? 3.3961775e38f : INFINITY;
    for (size_t i = 0; i < o->n_elements; i++)
        if (fabsf(values[i]) >= largest)
            return fus_base_fail(err, FUS_EFORMAT,
                                 "%s: tensor %s: element %zu, %g, is infinity in %s; take --dtype f32%s",
                                 fus_store_path(w->s), o->name, i, (double)values[i], fus_dtype_name(o->dtype),
                                 o->dtype == FUS_F16 ? " or bf16" : "");
    return FUS_OK;
}

static int write_tensors(struct fus_outfile *f, const struct writer *w, struct fus_error *err)
{
    int code = FUS_OK;
    float *values = fus_base_alloc(w->largest, sizeof *values);
    if (!values)
        return fus_base_fail(err, FUS_ENOMEM, "%s: no memory for a tensor of %zu elements", fus_store_path(w->s),
                             w->largest);
    for (size_t bytes = 4; bytes >= 2; bytes /= 2)
        for (size_t i = 0; i < w->n && !code; i++) {
            const struct output *o = &w->tensors[i];
            if (fus_dtype_bytes(o->dtype) != bytes)
                continue;
            code = fus_store_lookup(w->s, values, o->n_elements, o->name, err);
            if (!code)
                code = check_range(w, values, o, err);
            if (!code)
                fus_outfile_write(f, values, fus_dtype_pack(values, o->n_elements, o->dtype));
        }
    fus_base_free(values);
    return code;
}

int fus_safetensors_write(const char *out_path, struct fus_store *s, const struct fus_net_spec *spec,
                          enum fus_dtype dtype, struct fus_error *err)
{
    struct writer w = {.s = s, .dtype = dtype};
    struct fus_text_buffer header = {0};
    struct fus_outfile f;
    if (dtype != FUS_F32 && dtype != FUS_F16 && dtype != FUS_BF16)
        return fus_base_fail(err, FUS_EINVAL, "%s: blobs are f32, f16 or bf16, not %s", out_path,
                             fus_dtype_name(dtype));
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
    fus_text_free(&header);
    fus_base_free(w.tensors);
    return code;
}
