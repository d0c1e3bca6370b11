/* SPDX-License-Identifier: MIT */
/* NumPy's arrays: .npy and .npz (numpy/lib/format.py, versions 1 to 3).
 *
 * An .npy is the magic "\x93NUMPY", two bytes of version, the length of a header (u16, from
 * version 2 on u32), the header - a Python dictionary of three entries in text - and the
 * elements, in C order or, with fortran_order, the first index fastest. An .npz is a zip of
 * those; its tensors are called as their members without ".npy". The array of a lone .npy is
 * called "array".
 *
 * Left out: texts, dates, complex numbers, records and Python objects: an error in an .npy; an
 * .npz may hold such arrays beside others, there each gets a note. */
#include <inttypes.h>
#include <string.h>

#include "nn/base/bytes.h"
#include "nn/base/inflate.h"
#include "weights/formats.h"
#include "weights/zip.h"

/* a header of numbers is 118 bytes long; longer than version 1 allows are only records */
#define MAX_HEAD 65536
#define FIRST_WINDOW 1024 /* bytes of a member that are looked at first */
#define HEAD_START 12     /* magic, version and the longer of the two lengths */

struct head {
    enum fus_dtype dtype;
    bool big_endian, fortran;
    int n_dims;
    int64_t shape[FUS_MAX_DIMS];
    size_t data; /* where the elements begin */
};

/* ---- the header ---- */

static void skip_space(struct fus_bytes *b)
{
    while (b->pos < b->n && (b->data[b->pos] == ' ' || b->data[b->pos] == '\n'))
        b->pos++;
}

/* Consumes c if it is next, after optional spaces. */
static bool take(struct fus_bytes *b, char c)
{
    skip_space(b);
    if (b->pos >= b->n || b->data[b->pos] != (uint8_t)c)
        return false;
    b->pos++;
    return true;
}

static bool take_word(struct fus_bytes *b, const char *word)
{
    size_t n = strlen(word);
    skip_space(b);
    if (b->n - b->pos < n || memcmp(b->data + b->pos, word, n) != 0)
        return false;
    b->pos += n;
    return true;
}

/* 'text' or "text" without escapes, at most max - 1 characters. */
static bool take_quoted(char *text, size_t max, struct fus_bytes *b)
{
    char quote = take(b, '\'') ? '\'' : take(b, '"') ? '"' : 0;
    size_t n = 0;
    while (quote && b->pos < b->n && b->data[b->pos] != (uint8_t)quote && n + 1 < max)
        text[n++] = (char)b->data[b->pos++];
    text[n] = 0;
    return quote && b->pos < b->n && b->data[b->pos++] == (uint8_t)quote && strlen(text) == n;
}

/* (3,) or (3, 4) or (); Python 2 wrote 3L. More dimensions than there is room for
 * are counted only. */
static bool take_shape(struct head *h, struct fus_bytes *b)
{
    h->n_dims = 0;
    if (!take(b, '('))
        return false;
    while (!take(b, ')')) {
        int64_t value = 0;
        int digits = 0;
        skip_space(b);
        for (; b->pos < b->n && b->data[b->pos] >= '0' && b->data[b->pos] <= '9' && digits < 18; digits++)
            value = value * 10 + (b->data[b->pos++] - '0');
        if (digits == 0)
            return false;
        if (b->pos < b->n && b->data[b->pos] == 'L')
            b->pos++;
        if (h->n_dims < FUS_MAX_DIMS)
            h->shape[h->n_dims] = value;
        h->n_dims++;
        bool comma = take(b, ',');
        skip_space(b);
        bool last = b->pos < b->n && b->data[b->pos] == ')';
        if (!comma && (!last || h->n_dims == 1))
            return false;
    }
    return true;
}

bool fus_npy_dtype(enum fus_dtype *dtype, bool *big_endian, const char *descr)
{
    static const struct {
        const char *code;
        enum fus_dtype dtype;
    } known[] = {{"f2", FUS_F16}, {"f4", FUS_F32}, {"f8", FUS_F64}, {"i1", FUS_I8},  {"i2", FUS_I16}, {"i4", FUS_I32},
                 {"i8", FUS_I64}, {"u1", FUS_U8},  {"u2", FUS_U16}, {"u4", FUS_U32}, {"u8", FUS_U64}, {"b1", FUS_BOOL}};
    char order = descr[0];
    if (order != '<' && order != '>' && order != '|')
        return false;
    *big_endian = order == '>';
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(descr + 1, known[i].code) == 0) {
            *dtype = known[i].dtype;
            return order != '|' || fus_dtype_bytes(*dtype) == 1;
        }
    return false;
}

/* The dictionary: exactly the three keys, in any order. `descr` has room for 16 characters; a
 * record's descr, a list, ends the parse. */
static bool take_dictionary(struct head *h, char descr[16], struct fus_bytes *b)
{
    char key[16];
    int seen = 0;
    if (!take(b, '{'))
        return false;
    while (!take(b, '}')) {
        if (!take_quoted(key, sizeof key, b) || !take(b, ':'))
            return false;
        int bit = strcmp(key, "descr") == 0           ? 1
                  : strcmp(key, "fortran_order") == 0 ? 2
                  : strcmp(key, "shape") == 0         ? 4
                                                      : 0;
        if (bit == 0 || seen & bit)
            return false;
        seen |= bit;
        if (bit == 1 && !take_quoted(descr, 16, b))
            return false;
        if (bit == 2 && !(h->fortran = take_word(b, "True")) && !take_word(b, "False"))
            return false;
        if (bit == 4 && !take_shape(h, b))
            return false;
        if (!take(b, ',') && !(b->pos < b->n && b->data[b->pos] == '}'))
            return false;
    }
    skip_space(b);
    return seen == 7 && b->pos == b->n;
}

/* The header at the start of n bytes, of which more may follow. *wanted: how many bytes the
 * whole header takes; where that is more than n, nothing else is set. Messages count from
 * `base`. */
static int read_head(struct head *h, size_t *wanted, const uint8_t *bytes, size_t n, long long base,
                     struct fus_error *err)
{
    struct fus_bytes b = fus_bytes_of(bytes, n);
    const uint8_t *magic = fus_bytes_take(&b, 6);
    int version = fus_bytes_u8(&b);
    fus_bytes_u8(&b);
    size_t length = version == 1 ? fus_bytes_u16le(&b) : fus_bytes_u32le(&b);
    char descr[16] = "";
    if (b.overrun || memcmp(magic, "\x93NUMPY", 6) != 0)
        return fus_base_fail_at(err, FUS_EFORMAT, base, "no NumPy array (\\x93NUMPY) begins here: damaged copy?");
    if (version < 1 || version > 3)
        return fus_base_fail_at(err, FUS_EUNSUPPORTED, base + 6, "NumPy format version %d; 1 to 3 are known", version);
    if (length > MAX_HEAD)
        return fus_base_fail_at(err, FUS_EUNSUPPORTED, base + 8,
                                "NumPy header of %zu bytes, at most %d are read: an array of records?", length,
                                MAX_HEAD);
    *wanted = b.pos + length;
    if (*wanted > n)
        return FUS_OK;
    *h = (struct head){.data = *wanted};
    struct fus_bytes text = fus_bytes_of(bytes, *wanted);
    fus_bytes_seek(&text, b.pos);
    bool whole = take_dictionary(h, descr, &text);
    if (!whole && !descr[0] && text.pos < text.n && text.data[text.pos] == '[')
        return fus_base_fail_at(err, FUS_EUNSUPPORTED, base + (long long)text.pos,
                                "an array of records is not read; numbers are");
    if (!whole)
        return fus_base_fail_at(
            err, FUS_EFORMAT, base + (long long)text.pos,
            "NumPy header is not {'descr': ..., 'fortran_order': ..., 'shape': ...}: damaged copy?");
    if (!fus_npy_dtype(&h->dtype, &h->big_endian, descr))
        return fus_base_fail_at(err, FUS_EUNSUPPORTED, base,
                                "NumPy type `%s` is not read; f2 f4 f8, i1 to i8, u1 to u8 and b1 are", descr);
    if (h->n_dims > FUS_MAX_DIMS)
        return fus_base_fail_at(err, FUS_ELIMIT, base, "NumPy array of %d dimensions, at most %d are read", h->n_dims,
                                FUS_MAX_DIMS);
    return FUS_OK;
}

/* ---- arrays ---- */

/* Bytes of all elements; false if they are more than memory can address. */
static bool head_bytes(size_t *n, const struct head *h)
{
    *n = fus_dtype_bytes(h->dtype);
    for (int d = 0; d < h->n_dims; d++)
        if ((uint64_t)h->shape[d] > SIZE_MAX || !fus_base_mul(n, *n, (size_t)h->shape[d]))
            return false;
    return true;
}

/* h's array, whose member was added last. `start`: where the member's bytes begin, 0 in a
 * deflated one. */
static int add_array(struct fus_store *s, const struct head *h, const char *name, uint64_t start, struct fus_error *err)
{
    const struct fus_member *m = &s->members[s->n_members - 1];
    size_t n;
    bool fits = head_bytes(&n, h);
    if (!fits || h->data > m->n_bytes || n > m->n_bytes - h->data)
        return fus_base_fail_at(err, FUS_EFORMAT, (long long)(start + h->data),
                                "array `%s` needs %s%zu bytes, it has %" PRIu64 ": truncated copy?", name,
                                fits ? "" : "more than ", fits ? n : SIZE_MAX,
                                m->n_bytes - (h->data < m->n_bytes ? h->data : m->n_bytes));
    struct fus_tensor t = {.name = name,
                           .dtype = h->dtype,
                           .big_endian = h->big_endian,
                           .n_dims = h->n_dims,
                           .offset = start + h->data,
                           .member = (uint32_t)(s->n_members - 1)};
    int64_t stride = 1;
    for (int i = 0; i < h->n_dims; i++) {
        int d = h->fortran ? i : h->n_dims - 1 - i;
        t.shape[d] = h->shape[d];
        t.stride[d] = stride;
        stride *= h->shape[d] ? h->shape[d] : 1; /* with a 0 in the shape: may wrap around unused */
        if (n == 0)
            stride = 1;
    }
    return fus_store_add(s, &t, err);
}

int fus_npy_open(struct fus_store *s, struct fus_error *err)
{
    struct head h;
    size_t n = s->file_bytes < FIRST_WINDOW ? (size_t)s->file_bytes : FIRST_WINDOW, wanted;
    s->format = "npy";
    for (;;) {
        uint8_t *bytes = fus_base_alloc(n, 1);
        if (!bytes)
            return fus_base_fail(err, FUS_ENOMEM, "no memory for a header of %zu bytes", n);
        int code = fus_store_read_at(s, bytes, 0, n, err);
        if (!code)
            code = read_head(&h, &wanted, bytes, n, 0, err);
        fus_base_free(bytes);
        if (code)
            return code;
        if (wanted <= n)
            break;
        if (wanted > s->file_bytes)
            return fus_base_fail_at(err, FUS_EFORMAT, 8,
                                    "NumPy header ends at byte %zu, the file has %" PRIu64 ": truncated copy?", wanted,
                                    s->file_bytes);
        n = wanted;
    }
    struct fus_member m = {.n_stored = s->file_bytes, .n_bytes = s->file_bytes};
    int code = fus_store_add_member(s, &m, err);
    return code ? code : add_array(s, &h, "array", 0, err);
}

/* ---- npz ---- */

/* Unpack until n bytes are there. fus_inflate_raw ends with an error where its room does, and
 * then before the copy (of up to 258 bytes) or the stored block (65535) that did not fit:
 * `slack` is more room for those. */
static int unpack_start(uint8_t *bytes, size_t n, size_t slack, const struct fus_store *s, const struct fus_member *m,
                        struct fus_error *err)
{
    /* enough input: deflate grows nothing by more than its codes and 5 bytes a block */
    size_t room = n + slack, most = 2 * room + 1024;
    size_t packed_n = m->n_stored < most ? (size_t)m->n_stored : most, produced = 0, consumed;
    uint8_t *packed = fus_base_alloc(packed_n, 1), *out = fus_base_alloc(room, 1);
    int code = packed && out ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "no memory to unpack a header");
    if (!code)
        code = fus_store_read_at(s, packed, m->offset, packed_n, err);
    if (!code) {
        code = fus_inflate_raw(out, room, &produced, packed, packed_n, &consumed, err);
        if (!code && produced < n)
            code = fus_base_fail(err, FUS_EFORMAT,
                                 "unpacks to %zu bytes, the zip directory says %" PRIu64 ": damaged copy?", produced,
                                 m->n_bytes);
        if (code == FUS_EFORMAT && produced >= n)
            code = FUS_OK;
    }
    if (!code)
        memcpy(bytes, out, n);
    fus_base_free(packed);
    fus_base_free(out);
    return code;
}

/* The first n bytes of a member. */
static int read_start(uint8_t *bytes, size_t n, const struct fus_store *s, const struct fus_member *m,
                      struct fus_error *err)
{
    if (!m->deflated)
        return fus_store_read_at(s, bytes, m->offset, n, err);
    int code = unpack_start(bytes, n, 258, s, m, err);
    return code == FUS_EFORMAT ? unpack_start(bytes, n, 65536, s, m, err) : code;
}

static int read_member_head(struct head *h, const struct fus_store *s, const struct fus_member *m,
                            struct fus_error *err)
{
    size_t n = m->n_bytes < FIRST_WINDOW ? (size_t)m->n_bytes : FIRST_WINDOW, wanted;
    for (;;) {
        uint8_t *bytes = fus_base_alloc(n, 1);
        if (!bytes)
            return fus_base_fail(err, FUS_ENOMEM, "no memory for a header of %zu bytes", n);
        int code = read_start(bytes, n, s, m, err);
        if (!code)
            code = read_head(h, &wanted, bytes, n, m->deflated ? 0 : (long long)m->offset, err);
        fus_base_free(bytes);
        if (code || wanted <= n)
            return code;
        if (wanted > m->n_bytes)
            return fus_base_fail(err, FUS_EFORMAT, "NumPy header of %zu bytes, %" PRIu64 " are there: damaged copy?",
                                 wanted, m->n_bytes);
        n = wanted;
    }
}

/* *known becomes false, with err filled, a note made and FUS_OK returned, for an array of
 * another type than numbers. */
static int add_member(struct fus_store *s, bool *known, const struct fus_zip_entry *e, struct fus_error *err)
{
    struct fus_member m;
    struct head h;
    int code = fus_zip_member(&m, s, e, err);
    if (code)
        return code;
    code = read_member_head(&h, s, &m, err);
    *known = code != FUS_EUNSUPPORTED;
    if (code) {
        fus_base_blame(err, "member %s: ", e->name);
        if (*known)
            return code;
        fus_store_add_note(s, "left out: %s", err ? err->msg : e->name);
        return FUS_OK;
    }
    char *name = fus_base_strdup(e->name);
    m.name = fus_base_strdup(e->name);
    if (!name || !m.name) {
        fus_base_free(name);
        fus_base_free(m.name);
        return fus_base_fail(err, FUS_ENOMEM, "no memory for a name");
    }
    name[e->name_n - 4] = 0;
    code = fus_store_add_member(s, &m, err);
    if (!code)
        code = add_array(s, &h, name, m.deflated ? 0 : m.offset, err);
    fus_base_free(name);
    return code;
}

int fus_npy_open_npz(struct fus_store *s, struct fus_error *err)
{
    struct fus_zip zip;
    bool all_known = true;
    s->format = "npz";
    int code = fus_zip_open(&zip, s, err);
    for (size_t i = 0; !code && i < zip.n; i++) {
        const struct fus_zip_entry *e = &zip.entries[i];
        bool known = true;
        if (e->name_n > 4 && strcmp(e->name + e->name_n - 4, ".npy") == 0)
            code = add_member(s, &known, e, err);
        all_known = all_known && known;
    }
    fus_zip_close(&zip);
    if (!code && s->n_tensors == 0 && !all_known)
        return FUS_EUNSUPPORTED; /* nothing but texts or the like: err says of which type the last was */
    return code;
}
