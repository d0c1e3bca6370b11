/* SPDX-License-Identifier: MIT */
/* Files of many frames: which format it is, and its frames as f32. See volume.h. */
#include "weights/volume.h"

#include <inttypes.h>
#include <string.h>

#include "nn/base/bytes.h"
#include "weights/dtype.h"
#include "weights/volume_parts.h"

#define CHUNK 8192 /* elements converted at a time */

/* ---- opening ---- */

int fus_volume_take(struct fus_volume *v, void *bytes, size_t n, struct fus_error *err)
{
    size_t got;
    uint64_t at = fus_gunzip_position(v->stream);
    int code = fus_gunzip_read(v->stream, bytes, n, &got, err);
    if (code)
        return code; /* which starts with the path */
    if (got < n)
        code = fus_base_fail_at(err, FUS_EFORMAT, (long long)(at + got),
                                "found the end of the data, expected %zu bytes more: truncated copy?", n - got);
    if (code && v->path)
        fus_base_blame(err, "%s: ", v->path);
    return code;
}

int fus_volume_set_size(struct fus_volume *v, const int64_t sizes[4], uint64_t start, struct fus_error *err)
{
    uint64_t places = 1, most = fus_gunzip_most(v->stream), size = fus_dtype_bytes(v->dtype);
    for (int i = 0; i < 3; i++) {
        v->info.space.grid[i] = (size_t)sizes[i];
        places = places <= INT32_MAX ? places * (uint64_t)sizes[i] : places;
    }
    v->info.n_frames = (size_t)sizes[3];
    if (places > INT32_MAX)
        return fus_base_fail(err, FUS_ELIMIT,
                             "holds %" PRId64 " x %" PRId64 " x %" PRId64 " places, at most %ld are read", sizes[0],
                             sizes[1], sizes[2], (long)INT32_MAX);
    v->info.n_places = (size_t)places;
    if (most < start || (uint64_t)sizes[3] > (most - start) / (places * size))
        return fus_base_fail(err, FUS_EFORMAT,
                             "%" PRId64 " x %" PRId64 " x %" PRId64 " x %" PRId64 " elements of %" PRIu64
                             " bytes after byte %" PRIu64 " are more than the file %s %" PRIu64
                             " bytes: truncated copy?",
                             sizes[0], sizes[1], sizes[2], sizes[3], size, start,
                             fus_gunzip_packed(v->stream) ? "can unpack to," : "has,", most);
    return FUS_OK;
}

static const char h5_hint[] = "an HDF5 file, which is not read; once: python3 -c \"import h5py, numpy as np; "
                              "np.save('b.npy', h5py.File('FILE')['betas'][...])\" and name b.npy";

/* What the first bytes say of formats that are not read. */
static int refuse(const uint8_t *head, size_t n, struct fus_error *err)
{
    static const struct {
        const char *bytes;
        size_t n;
        const char *is;
    } known[] = {{"\x89HDF", 4, h5_hint},
                 {"MATL", 4, "a MATLAB file, which is not read: save its array as .npy"},
                 {"<?xm", 4, "XML, perhaps GIFTI, which is not read: mri_convert makes an .mgh of it"},
                 {"\x1c\2\0\0", 4, "NIfTI-2, perhaps CIFTI, which is not read: save it as NIfTI-1"},
                 {"\0\0\2\x1c", 4, "NIfTI-2, perhaps CIFTI, which is not read: save it as NIfTI-1"}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (n >= known[i].n && memcmp(head, known[i].bytes, known[i].n) == 0)
            return fus_base_fail(err, FUS_EUNSUPPORTED, "is %s", known[i].is);
    if (!n)
        return fus_base_fail(err, FUS_EFORMAT, "is empty");
    char shown[3 * FUS_VOLUME_HEAD + 1] = "";
    for (size_t i = 0; i < n; i++)
        snprintf(shown + 3 * i, 4, " %02x", head[i]);
    return fus_base_fail_at(err, FUS_EFORMAT, 0,
                            "neither NIfTI, MGH nor NumPy begins with%s; read are .nii, .nii.gz, .mgh, .mgz, .npy, "
                            ".npz",
                            shown);
}

/* NIfTI or MGH by the first bytes; *other: something else, perhaps NumPy's. */
static int open_stream(struct fus_volume *v, bool *other, struct fus_error *err)
{
    uint8_t head[FUS_VOLUME_HEAD] = {0};
    size_t n;
    int code = fus_gunzip_read(v->stream, head, sizeof head, &n, err);
    if (code)
        return code;
    bool numpy =
        !fus_gunzip_packed(v->stream) && v->path && (memcmp(head, "\x93NUM", 4) == 0 || memcmp(head, "PK\3\4", 4) == 0);
    if (numpy) {
        *other = true;
        return FUS_OK;
    }
    if (n == 4 && (memcmp(head, "\x5c\1\0\0", 4) == 0 || memcmp(head, "\0\0\1\x5c", 4) == 0))
        code = fus_nifti_open(v, head, err);
    else if (n == 4 && memcmp(head, "\0\0\0\1", 4) == 0)
        code = fus_mgh_open(v, head, err);
    else
        code = refuse(head, n, err);
    return code;
}

/* The array of an .npz that holds responses. */
static const struct fus_tensor *choose_array(const struct fus_store *s)
{
    const struct fus_tensor *flat = NULL, *only = NULL;
    size_t n = fus_store_count(s), n_flat = 0;
    for (size_t i = 0; i < n; i++) {
        const struct fus_tensor *t = fus_store_tensor(s, i);
        if (strcmp(t->name, "betas") == 0)
            return t;
        only = t;
        n_flat += t->n_dims == 2;
        flat = t->n_dims == 2 ? t : flat;
    }
    return n_flat == 1 ? flat : n == 1 ? only : NULL;
}

static int open_array(struct fus_volume *v, struct fus_error *err)
{
    int code = fus_open_weights(&v->store, v->path, err);
    if (code)
        return code;
    const struct fus_tensor *t = v->array = choose_array(v->store);
    if (!t)
        return fus_base_fail(err, FUS_EFORMAT,
                             "%s: holds %zu arrays, expected one called `betas` or one of two dimensions", v->path,
                             fus_store_count(v->store));
    bool fits = t->n_dims == 1 || t->n_dims == 2;
    for (int i = 0; fits && i < t->n_dims; i++)
        fits = t->shape[i] >= 1 && t->shape[i] <= INT32_MAX;
    if (!fits)
        return fus_base_fail(err, FUS_EFORMAT,
                             "%s: array %s has %d dimensions, expected [trials, voxels] with one or more of each",
                             v->path, t->name, t->n_dims);
    v->info.n_frames = t->n_dims == 2 ? (size_t)t->shape[0] : 1;
    v->info.n_places = (size_t)t->shape[t->n_dims - 1];
    v->info.whole = t->dtype == FUS_I8 || t->dtype == FUS_U8 || t->dtype == FUS_I16 || t->dtype == FUS_BOOL;
    return FUS_OK;
}

static int open_any(struct fus_volume **v, struct fus_volume *made, struct fus_error *err)
{
    bool other = false, named = false;
    struct fus_error e = {0, -1, ""};
    int code = open_stream(made, &other, &e);
    if (other) {
        fus_gunzip_close(made->stream);
        made->stream = NULL;
        code = open_array(made, &e);
        named = true;
    }
    if (!code && made->stream) {
        made->raw = fus_base_alloc(CHUNK, 8);
        if (!made->raw)
            code = fus_base_fail(&e, FUS_ENOMEM, "no memory to read");
    }
    if (!code) {
        *v = made;
        return FUS_OK;
    }
    named = named || (made->path && strncmp(e.msg, made->path, strlen(made->path)) == 0);
    if (made->path && !named)
        fus_base_blame(&e, "%s: ", made->path);
    if (err)
        *err = e;
    fus_volume_close(made);
    return code;
}

int fus_volume_open(struct fus_volume **v, const char *path, struct fus_error *err)
{
    struct fus_volume *made = fus_base_alloc(1, sizeof *made);
    if (made)
        made->path = fus_base_strdup(path);
    if (!made || !made->path) {
        fus_volume_close(made);
        return fus_base_fail(err, FUS_ENOMEM, "%s: no memory to read it", path);
    }
    int code = fus_gunzip_open(&made->stream, path, err);
    if (code) {
        fus_volume_close(made);
        return code;
    }
    return open_any(v, made, err);
}

int fus_volume_open_bytes(struct fus_volume **v, const uint8_t *bytes, size_t n, struct fus_error *err)
{
    struct fus_volume *made = fus_base_alloc(1, sizeof *made);
    int code = made ? fus_gunzip_open_bytes(&made->stream, bytes, n, err)
                    : fus_base_fail(err, FUS_ENOMEM, "no memory to read");
    if (code) {
        fus_volume_close(made);
        return code;
    }
    return open_any(v, made, err);
}

void fus_volume_close(struct fus_volume *v)
{
    if (!v)
        return;
    fus_gunzip_close(v->stream);
    if (v->store)
        fus_store_close(v->store);
    fus_base_free(v->raw);
    fus_base_free(v->path);
    fus_base_free(v);
}

const struct fus_volume_info *fus_volume_info(const struct fus_volume *v)
{
    return &v->info;
}

/* ---- reading ---- */

static double element(const uint8_t *raw, enum fus_dtype dtype, bool big)
{
    int size = (int)fus_dtype_bytes(dtype);
    struct fus_bytes b = fus_bytes_of(raw, (size_t)size);
    uint64_t bits = big ? fus_bytes_be(&b, size) : fus_bytes_le(&b, size);
    uint32_t low = (uint32_t)bits;
    float single;
    double whole;
    switch (dtype) {
    case FUS_F32:
        memcpy(&single, &low, 4);
        return single;
    case FUS_F64:
        memcpy(&whole, &bits, 8);
        return whole;
    case FUS_I8:
        return low < 0x80 ? (double)low : (double)low - 0x100;
    case FUS_I16:
        return low < 0x8000 ? (double)low : (double)low - 0x10000;
    case FUS_I32:
        return low < 0x80000000u ? (double)low : (double)low - 4294967296.0;
    default:
        return (double)low;
    }
}

static void convert(float *out, const struct fus_volume *v, size_t n)
{
    size_t size = fus_dtype_bytes(v->dtype);
    if (!v->scaled)
        fus_dtype_to_f32(out, v->raw, n, v->dtype, v->big_endian);
    for (size_t i = 0; v->scaled && i < n; i++)
        out[i] = (float)(v->slope * element(v->raw + i * size, v->dtype, v->big_endian) + v->inter);
}

/* The rest of a packed file, so that its last checksum is verified. */
static int read_to_end(struct fus_volume *v, struct fus_error *err)
{
    size_t got = CHUNK;
    int code = FUS_OK;
    while (!code && got == CHUNK && fus_gunzip_packed(v->stream))
        code = fus_gunzip_read(v->stream, v->raw, CHUNK, &got, err);
    return code;
}

static int read_frame(struct fus_volume *v, float *out, struct fus_error *err)
{
    int code = FUS_OK;
    size_t n = v->info.n_places, size = fus_dtype_bytes(v->dtype);
    for (size_t i = 0; !code && i < n; i += CHUNK) {
        size_t part = n - i < CHUNK ? n - i : CHUNK;
        code = fus_volume_take(v, v->raw, part * size, err);
        if (!code)
            convert(out + i, v, part);
    }
    if (!code && v->next + 1 == v->info.n_frames)
        code = read_to_end(v, err);
    return code;
}

static int read_rows(struct fus_volume *v, float *out, size_t n, struct fus_error *err)
{
    struct fus_tensor part = *v->array;
    if (part.n_dims == 2) { /* rows next .. next+n-1 of it */
        part.offset += (uint64_t)part.stride[0] * v->next * fus_dtype_bytes(part.dtype);
        part.shape[0] = (int64_t)n;
        part.n_elements = n * v->info.n_places;
    }
    return fus_store_read_f32(v->store, out, &part, err);
}

int fus_volume_read(struct fus_volume *v, float *out, size_t n, struct fus_error *err)
{
    int code = FUS_OK;
    if (n > v->info.n_frames - v->next)
        return fus_base_fail(err, FUS_EINVAL, "%s: %zu frames after %zu of %zu", v->path ? v->path : "", n, v->next,
                             v->info.n_frames);
    if (v->array) {
        code = n ? read_rows(v, out, n, err) : FUS_OK;
        v->next += n;
        return code;
    }
    for (size_t i = 0; !code && i < n; i++, v->next++)
        code = read_frame(v, out + i * v->info.n_places, err);
    return code;
}

/* ---- writing ---- */

int fus_volume_write(const char *path, const struct fus_volume_space *space, size_t n_frames, const int32_t *values,
                     enum fus_volume_intent intent, struct fus_error *err)
{
    struct fus_outfile f;
    if (space->format == FUS_VOLUME_ARRAY)
        return fus_base_fail(err, FUS_EINVAL, "%s: a plain array has no space", path);
    int code = fus_outfile_open(&f, path, err);
    if (code)
        return code;
    code = space->format == FUS_VOLUME_NIFTI ? fus_nifti_write(&f, space, n_frames, values, intent, err)
                                             : fus_mgh_write(&f, space, n_frames, values, err);
    if (!code)
        return fus_outfile_commit(&f, err);
    fus_base_blame(err, "%s: ", path);
    fus_outfile_discard(&f);
    return code;
}
