/* SPDX-License-Identifier: MIT */
/* Reading of an open weight file: stretches of bytes, and tensors as f32.
 *
 * Nothing is mapped and no tensor is kept in memory. A tensor in C order goes through a buffer of
 * 64 kB (little-endian f32 on a little-endian host: straight into the caller's memory). A strided
 * tensor is read in the order of the file. A deflated zip member has to be unpacked whole. */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "nn/base/bits.h"
#include "nn/base/inflate.h"
#include "weights/dtype.h"
#include "weights/store.h"

#define CHUNK 8192                      /* elements converted at a time: 64 kB of f64 */
#define READ_AT_ONCE ((size_t)16 << 20) /* bytes between two checks for cancellation */
#define SLOW_BYTES ((uint64_t)64 << 20) /* work on more than this reports progress */
/* larger members are checked only if most of them is read */
#define MAX_UNCHECKED ((uint64_t)256 << 20)

int fus_store_read_at(const struct fus_store *s, void *buf, uint64_t offset, size_t n, struct fus_error *err)
{
    if (n == 0)
        return FUS_OK;
    if (offset > s->file_bytes || n > s->file_bytes - offset)
        return fus_base_fail_at(err, FUS_EFORMAT, (long long)(offset < INT64_MAX ? offset : INT64_MAX),
                                "%zu bytes expected, the file has %" PRIu64 ": truncated copy?", n, s->file_bytes);
    if (s->linked) {
        memcpy(buf, s->linked + offset, n);
        return FUS_OK;
    }
    errno = 0;
    bool ok = fseeko(s->file, (off_t)offset, SEEK_SET) == 0;
    for (size_t at = 0; ok && at < n; at += READ_AT_ONCE) {
        size_t part = n - at < READ_AT_ONCE ? n - at : READ_AT_ONCE;
        if (n > READ_AT_ONCE && fus_base_stopping())
            return fus_base_fail(err, FUS_ESTOPPED, "stopped");
        ok = fread((uint8_t *)buf + at, 1, part, s->file) == part;
    }
    if (!ok)
        return fus_base_fail_at(err, FUS_EIO, (long long)offset, "cannot be read: %s",
                                errno ? strerror(errno) : "the file became shorter meanwhile");
    return FUS_OK;
}

/* Elements from the first to the last that strides reach, both counted; false
 * where that overflows. */
bool fus_store_read_span(size_t *span, const struct fus_tensor *t)
{
    *span = 1;
    for (int d = 0; d < t->n_dims; d++) {
        size_t reach;
        if ((uint64_t)t->stride[d] > SIZE_MAX ||
            !fus_base_mul(&reach, (size_t)(t->shape[d] - 1), (size_t)t->stride[d]) || !fus_base_add(span, *span, reach))
            return false;
    }
    return true;
}

/* Unpack a deflated member into s->unpacked, where it stays until another one is needed. */
static int unpack(struct fus_store *s, uint32_t member, struct fus_error *err)
{
    const struct fus_member *m = &s->members[member];
    size_t produced, consumed;
    if (m->n_stored > SLOW_BYTES)
        fus_base_progress("unpacking", s->path, 0, m->n_bytes);
    if (s->unpacked_member == member)
        return FUS_OK;
    fus_base_free(s->unpacked);
    s->unpacked_member = UINT32_MAX;
    s->unpacked = m->n_bytes < SIZE_MAX ? fus_base_alloc((size_t)m->n_bytes, 1) : NULL;
    uint8_t *packed = m->n_stored < SIZE_MAX ? fus_base_alloc((size_t)m->n_stored, 1) : NULL;
    int code = FUS_OK;
    if (!s->unpacked || !packed)
        code = fus_base_fail(err, FUS_ENOMEM, "no memory to unpack %" PRIu64 " bytes", m->n_bytes);
    if (!code)
        code = fus_store_read_at(s, packed, m->offset, (size_t)m->n_stored, err);
    if (!code)
        code = fus_inflate_raw(s->unpacked, (size_t)m->n_bytes, &produced, packed, (size_t)m->n_stored, &consumed, err);
    if (!code && produced != m->n_bytes)
        code = fus_base_fail(err, FUS_EFORMAT, "member %s: unpacks to %zu bytes, its directory says %" PRIu64, m->name,
                             produced, m->n_bytes);
    if (!code && m->crc && fus_inflate_crc32(0, s->unpacked, produced) != m->crc)
        code = fus_base_fail(err, FUS_EFORMAT, "member %s: checksum differs: damaged copy?", m->name);
    fus_base_free(packed);
    if (!code)
        s->unpacked_member = member;
    return code;
}

/* The checksum of a stored member, once, before the first of its bytes are used. Where only a
 * small part of a very large member is wanted, reading all of it would take longer than the work
 * itself: that one is not checked. */
static int check_stored(const struct fus_store *s, struct fus_member *m, uint64_t wanted, uint8_t *raw,
                        struct fus_error *err)
{
    uint32_t crc = 0;
    if (!m->crc || m->deflated || m->checked || (m->n_bytes > MAX_UNCHECKED && wanted < m->n_bytes / 2))
        return FUS_OK;
    for (uint64_t at = 0; at < m->n_bytes; at += 8 * CHUNK) {
        size_t n = m->n_bytes - at < 8 * CHUNK ? (size_t)(m->n_bytes - at) : 8 * CHUNK;
        if (fus_base_stopping())
            return fus_base_fail(err, FUS_ESTOPPED, "stopped");
        if (m->n_bytes > SLOW_BYTES && at % SLOW_BYTES == 0)
            fus_base_progress("checking", s->path, at, m->n_bytes);
        int code = fus_store_read_at(s, raw, m->offset + at, n, err);
        if (code)
            return code;
        crc = fus_inflate_crc32(crc, raw, n);
    }
    if (crc != m->crc)
        return fus_base_fail_at(err, FUS_EFORMAT, (long long)m->offset,
                                "member %s: its bytes do not have the checksum %08" PRIx32 ": damaged copy?", m->name,
                                m->crc);
    m->checked = true;
    return FUS_OK;
}

/* n raw elements from element `first` on, counted from the tensor's own first in the file. */
static int fetch(const struct fus_store *s, void *raw, const struct fus_tensor *t, size_t first, size_t n,
                 struct fus_error *err)
{
    size_t size = fus_dtype_bytes(t->dtype);
    uint64_t at = t->offset + (uint64_t)first * size;
    const struct fus_member *m = &s->members[t->member];
    if (!m->deflated && !m->memory)
        return fus_store_read_at(s, raw, at, n * size, err);
    memcpy(raw, (m->memory ? m->memory : s->unpacked) + at, n * size);
    return FUS_OK;
}

static bool is_contiguous(const struct fus_tensor *t)
{
    int64_t expected = 1;
    for (int d = t->n_dims - 1; d >= 0; d--) {
        if (t->shape[d] != 1 && t->stride[d] != expected)
            return false;
        expected *= t->shape[d];
    }
    return true;
}

static int read_contiguous(const struct fus_store *s, float *out, const struct fus_tensor *t, uint8_t *raw,
                           struct fus_error *err)
{
    if (t->dtype == FUS_F32 && t->big_endian != fus_bits_little_endian())
        return fetch(s, out, t, 0, t->n_elements, err);
    int code = FUS_OK;
    for (size_t i = 0; !code && i < t->n_elements; i += CHUNK) {
        if (fus_base_stopping())
            return fus_base_fail(err, FUS_ESTOPPED, "stopped");
        size_t n = t->n_elements - i < CHUNK ? t->n_elements - i : CHUNK;
        code = fetch(s, raw, t, i, n, err);
        if (!code)
            fus_dtype_to_f32(out + i, raw, n, t->dtype, t->big_endian);
    }
    return code;
}

/* One dimension of a tensor: how far a step goes in the storage and in the C-ordered output. */
struct axis {
    size_t n, step_in, step_out;
};

/* The tensor's dimensions of more than one index, the longest stride in the storage first, so
 * that walking them reads forwards. */
static int sort_axes(struct axis axes[FUS_MAX_DIMS], const struct fus_tensor *t)
{
    int n = 0;
    size_t step_out = 1;
    for (int d = t->n_dims - 1; d >= 0; d--) {
        struct axis a = {(size_t)t->shape[d], (size_t)t->stride[d], step_out};
        step_out *= a.n;
        if (a.n == 1)
            continue; /* its stride is never used */
        int i = n++;
        for (; i > 0 && axes[i - 1].step_in < a.step_in; i--)
            axes[i] = axes[i - 1];
        axes[i] = a;
    }
    return n;
}

/* Any strides: a window of CHUNK elements slides over the storage, each element goes to its
 * place in out. */
static int read_strided(const struct fus_store *s, float *out, const struct fus_tensor *t, uint8_t *raw,
                        struct fus_error *err)
{
    float window[CHUNK];
    struct axis axes[FUS_MAX_DIMS];
    size_t index[FUS_MAX_DIMS] = {0}, span, at = 0, to = 0, start = 0, filled = 0;
    int n_axes = sort_axes(axes, t), d;
    fus_store_read_span(&span, t);
    size_t want = axes[n_axes - 1].step_in >= CHUNK / 16 ? 1 : CHUNK; /* far apart: one by one */
    do {
        if (at < start || at - start >= filled) {
            start = at;
            filled = span - at < want ? span - at : want;
            int code = fetch(s, raw, t, start, filled, err);
            if (code)
                return code;
            fus_dtype_to_f32(window, raw, filled, t->dtype, t->big_endian);
        }
        out[to] = window[at - start];
        for (d = n_axes - 1; d >= 0; d--) { /* the next index, like an odometer */
            at += axes[d].step_in;
            to += axes[d].step_out;
            if (++index[d] < axes[d].n)
                break;
            at -= axes[d].n * axes[d].step_in;
            to -= axes[d].n * axes[d].step_out;
            index[d] = 0;
        }
    } while (d >= 0);
    return FUS_OK;
}

/* What to do about a tensor of a type that is not read. */
static int refuse_unread(const struct fus_tensor *t, struct fus_error *err)
{
    static const struct {
        const char *label, *is;
    } reasons[] = {
        {"quantized", "is quantized; in Python, save t.dequantize() in its place"},
        {"sparse", "is sparse; in Python, save t.to_dense() in its place"},
        {"nested", "is a nested tensor; in Python, save its parts"},
        {"meta", "has no data (device meta): the file was saved before its weights were loaded"},
        {"subclass", "is of a tensor class of its own; in Python, save its plain tensors (t.dequantize() or t.data)"},
        {"device", "was saved on a device of its own; in Python, save t.cpu() in its place"},
        {"in bytes",
         "was written with pickle.dump; in Python: d = pickle.load(open(FILE, 'rb')); torch.save(d, 'weights.pth')"},
        {"TorchScript 1.2",
         "is in a TorchScript archive of PyTorch before 1.3; in Python, save the state_dict() of torch.jit.load(FILE)"},
        {"complex", "is complex; no network here has complex weights"},
        {"c64", "is complex; no network here has complex weights"},
        {"c128", "is complex; no network here has complex weights"},
    };
    if (strncmp(t->unread, "object:", 7) == 0)
        return fus_base_fail(err, FUS_EUNSUPPORTED,
                             "lies inside an object of %s, which only that class's code can open, and nothing in a "
                             "file is run; in Python, save the plain tensor in its place",
                             t->unread + 7);
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if (strncmp(t->unread, reasons[i].label, strlen(reasons[i].label)) == 0)
            return fus_base_fail(err, FUS_EUNSUPPORTED, "%s", reasons[i].is);
    return fus_base_fail(
        err, FUS_EUNSUPPORTED,
        "has the type %s, which is not read; in Python, save t.to(torch.float32) in its place (times its "
        "scale, where the file has one)",
        t->unread);
}

static int read_from_file(struct fus_store *s, float *out, const struct fus_tensor *t, struct fus_error *err)
{
    struct fus_member *m = &s->members[t->member];
    int code = m->deflated ? unpack(s, t->member, err) : FUS_OK;
    uint8_t *raw = code ? NULL : fus_base_alloc(CHUNK, 8);
    if (!code && !raw)
        code = fus_base_fail(err, FUS_ENOMEM, "no memory for a buffer");
    if (!code)
        code = check_stored(s, m, (uint64_t)t->n_elements * fus_dtype_bytes(t->dtype), raw, err);
    if (!code)
        code = is_contiguous(t) ? read_contiguous(s, out, t, raw, err) : read_strided(s, out, t, raw, err);
    fus_base_free(raw);
    return code;
}

int fus_store_read_f32(struct fus_store *s, float *out, const struct fus_tensor *t, struct fus_error *err)
{
    int code;
    if (t->unread[0])
        code = refuse_unread(t, err);
    else if (t->n_elements == 0)
        return FUS_OK;
    else if (s->n_shards)
        return fus_store_read_f32(s->shards[t->shard], out, t, err); /* which names its own file */
    else
        code = s->generate ? s->generate(s, out, t, err) : read_from_file(s, out, t, err);
    if (code)
        fus_base_blame(err, "%s: tensor %s: ", s->path, t->name);
    return code;
}

/* raw: of CHUNK elements. */
static int read_doubles(struct fus_store *s, double *out, const struct fus_tensor *t, uint8_t *raw,
                        struct fus_error *err)
{
    struct fus_member *m = &s->members[t->member];
    int code = m->deflated ? unpack(s, t->member, err)
                           : check_stored(s, m, (uint64_t)t->n_elements * fus_dtype_bytes(t->dtype), raw, err);
    for (size_t i = 0; !code && i < t->n_elements; i += CHUNK) {
        size_t n = t->n_elements - i < CHUNK ? t->n_elements - i : CHUNK;
        code = fetch(s, raw, t, i, n, err);
        for (size_t k = 0; k < n && !code; k++) {
            uint64_t bits = 0;
            for (int b = 0; b < 8; b++)
                bits = bits << 8 | raw[8 * k + (size_t)(t->big_endian ? b : 7 - b)];
            memcpy(&out[i + k], &bits, 8);
        }
    }
    return code;
}

int fus_store_read_f64(struct fus_store *s, double *out, const struct fus_tensor *t, struct fus_error *err)
{
    uint8_t *raw = fus_base_alloc(CHUNK, 8);
    int code = raw ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "no memory for a buffer");
    if (!code && (t->unread[0] || t->dtype != FUS_F64 || s->n_shards || s->generate || !is_contiguous(t)))
        code = fus_base_fail(err, FUS_EUNSUPPORTED, "f64 in C order expected, %s found",
                             t->unread[0] ? t->unread : fus_dtype_name(t->dtype));
    if (!code && t->n_elements)
        code = read_doubles(s, out, t, raw, err);
    fus_base_free(raw);
    return code ? fus_base_blame(err, "%s: tensor %s: ", s->path, t->name) : code;
}

static int check_members(struct fus_store *s, uint8_t *raw, struct fus_error *err)
{
    int code = FUS_OK;
    for (size_t i = 0; i < s->n_members && !code; i++) {
        struct fus_member *m = &s->members[i];
        code = m->deflated ? unpack(s, (uint32_t)i, err) : check_stored(s, m, m->n_bytes, raw, err);
    }
    return code ? fus_base_blame(err, "%s: ", s->path) : code;
}

int fus_store_check(struct fus_store *store, struct fus_error *err)
{
    uint8_t *raw = fus_base_alloc(CHUNK, 8);
    int code = raw ? check_members(store, raw, err) : fus_base_fail(err, FUS_ENOMEM, "%s: no memory", store->path);
    for (size_t i = 0; i < store->n_shards && !code; i++)
        code = check_members(store->shards[i], raw, err);
    fus_base_free(raw);
    return code;
}
