/* SPDX-License-Identifier: MIT */
/* NumPy's files: .npy version 1.0 (numpy.lib.format) and .npz, which is a zip archive (PKWARE
 * APPNOTE 6.3.9) of stored .npy members. Nothing in them depends on machine or time: little-endian,
 * dates 1980-01-01, sizes known before the data; the CRC-32 of a member is written back into its
 * header when its last byte has passed. zip64 fields are written only if a size, an offset or a
 * count needs them. Left out: Fortran order, structured types, objects, compression. */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>

#include "analysis/run/tables.h"
#include "nn/base/bits.h"
#include "nn/base/inflate.h"
#include "nn/base/outfile.h"

#ifndef ZIP64_FROM
#define ZIP64_FROM 0xffffffffu /* the first size that the 32-bit fields cannot hold; a test lowers it */
#endif
#define DATE_1980 0x0021
#define HEADER_BYTES 512 /* room for a .npy header: 10 + descr + 8 numbers of 20 digits, to a multiple of 64 */
#define NAME_BYTES 65531 /* with ".npy" the most that a zip can hold */

struct member {
    char *name;
    uint64_t size, offset;
    uint32_t crc;
};

struct fus_npz {
    struct fus_outfile file;
    bool zip;         /* or a single bare .npy */
    uint64_t offset;  /* bytes written so far */
    uint64_t missing; /* bytes still to be written to the open member */
    size_t item;      /* bytes of one element of the open member */
    struct member *members;
    size_t n_members, room;
};

static void put16(uint8_t *p, uint64_t v)
{
    p[0] = (uint8_t)v, p[1] = (uint8_t)(v >> 8);
}

static void put32(uint8_t *p, uint64_t v)
{
    put16(p, v), put16(p + 2, v >> 16);
}

static void put64(uint8_t *p, uint64_t v)
{
    put32(p, v), put32(p + 4, v >> 32);
}

static void write_bytes(struct fus_npz *z, const void *bytes, size_t n)
{
    fus_outfile_write(&z->file, bytes, n);
    z->offset += n;
}

/* Bytes of one element of "<f4", "|i1", ...; 0 if the text is not a known type. */
static size_t item_bytes(const char *descr)
{
    if (strlen(descr) != 3 || !strchr("<|", descr[0]) || !strchr("fiub", descr[1]) || !strchr("1248", descr[2]))
        return 0;
    return (size_t)(descr[2] - '0');
}

/* The .npy header: magic, version, length, dictionary, spaces to a multiple of 64, line feed.
 * Returns its length. */
static size_t npy_header(char header[HEADER_BYTES], const struct fus_npy_array *a)
{
    int n = snprintf(header + 10, HEADER_BYTES - 10, "{'descr': '%s', 'fortran_order': False, 'shape': (", a->descr);
    for (int i = 0; i < a->n_dims; i++)
        n += snprintf(header + 10 + n, HEADER_BYTES - 10 - (size_t)n, "%zu%s", a->shape[i],
                      a->n_dims == 1      ? ","
                      : i + 1 < a->n_dims ? ", "
                                          : "");
    n += snprintf(header + 10 + n, HEADER_BYTES - 10 - (size_t)n, "), }");
    size_t used = 10 + (size_t)n, whole = (used + 1 + 63) / 64 * 64;
    memset(header + used, ' ', whole - used - 1);
    header[whole - 1] = '\n';
    memcpy(header, "\x93NUMPY\x01\x00", 8);
    put16((uint8_t *)header + 8, whole - 10);
    return whole;
}

static int data_bytes(size_t *bytes, const struct fus_npy_array *a, struct fus_error *err)
{
    size_t item = a->descr ? item_bytes(a->descr) : 0;
    if (!item || a->n_dims < 0 || a->n_dims > 8)
        return fus_base_fail(err, FUS_EINVAL, "array %s: type %s with %d dimensions cannot be written",
                             a->name ? a->name : "", a->descr ? a->descr : "none", a->n_dims);
    *bytes = item;
    for (int i = 0; i < a->n_dims; i++)
        if (!fus_base_mul(bytes, *bytes, a->shape[i]))
            return fus_base_fail(err, FUS_ELIMIT, "array %s: its size does not fit an address", a->name ? a->name : "");
    return FUS_OK;
}

/* ---- the archive around the arrays ---- */

/* Local file header with the CRC still 0: finish_member writes it at offset + 14. */
static void local_header(struct fus_npz *z, const struct member *m)
{
    uint8_t h[30 + 20] = {0};
    size_t length = strlen(m->name);
    bool large = m->size >= ZIP64_FROM;
    put32(h, 0x04034b50);
    put16(h + 4, large ? 45 : 20);
    put16(h + 12, DATE_1980);
    put32(h + 18, large ? 0xffffffffu : m->size);
    put32(h + 22, large ? 0xffffffffu : m->size);
    put16(h + 26, length);
    put16(h + 28, large ? 20 : 0);
    write_bytes(z, h, 30);
    write_bytes(z, m->name, length);
    if (large) {
        put16(h + 30, 1), put16(h + 32, 16);
        put64(h + 34, m->size), put64(h + 42, m->size);
        write_bytes(z, h + 30, 20);
    }
}

static void central_header(struct fus_npz *z, const struct member *m)
{
    uint8_t h[46] = {0}, extra[28];
    size_t length = strlen(m->name), n_extra = 4;
    bool large = m->size >= ZIP64_FROM, far = m->offset >= ZIP64_FROM;
    if (large)
        put64(extra + 4, m->size), put64(extra + 12, m->size), n_extra += 16;
    if (far)
        put64(extra + n_extra, m->offset), n_extra += 8;
    put16(extra, 1), put16(extra + 2, n_extra - 4);
    if (!large && !far)
        n_extra = 0;
    put32(h, 0x02014b50);
    put16(h + 4, 45), put16(h + 6, n_extra ? 45 : 20);
    put16(h + 14, DATE_1980);
    put32(h + 16, m->crc);
    put32(h + 20, large ? 0xffffffffu : m->size);
    put32(h + 24, large ? 0xffffffffu : m->size);
    put16(h + 28, length), put16(h + 30, n_extra);
    put32(h + 42, far ? 0xffffffffu : m->offset);
    write_bytes(z, h, 46);
    write_bytes(z, m->name, length);
    write_bytes(z, extra, n_extra);
}

/* The central directory and its end, with zip64's end record and locator if the plain record is too
 * narrow. */
static void archive_end(struct fus_npz *z)
{
    uint64_t start = z->offset, n = z->n_members;
    for (size_t i = 0; i < z->n_members; i++)
        central_header(z, &z->members[i]);
    uint64_t size = z->offset - start;
    bool large = n >= 0xffff || size >= ZIP64_FROM || start >= ZIP64_FROM;
    uint8_t e[56 + 20 + 22] = {0};
    put32(e, 0x06064b50), put64(e + 4, 44), put16(e + 12, 45), put16(e + 14, 45);
    put64(e + 24, n), put64(e + 32, n), put64(e + 40, size), put64(e + 48, start);
    put32(e + 56, 0x07064b50), put64(e + 64, z->offset), put32(e + 72, 1);
    put32(e + 76, 0x06054b50);
    put16(e + 84, large ? 0xffff : n), put16(e + 86, large ? 0xffff : n);
    put32(e + 88, large ? 0xffffffffu : size), put32(e + 92, large ? 0xffffffffu : start);
    write_bytes(z, large ? e : e + 76, large ? sizeof e : 22);
}

/* The last member's CRC goes back into its local header. */
static void finish_member(struct fus_npz *z)
{
    if (!z->zip || !z->n_members || z->file.failed)
        return;
    const struct member *m = &z->members[z->n_members - 1];
    uint8_t crc[4];
    put32(crc, m->crc);
    if (fseeko(z->file.file, (off_t)(m->offset + 14), SEEK_SET) != 0) {
        z->file.failed = errno;
        return;
    }
    fus_outfile_write(&z->file, crc, 4);
    if (fseeko(z->file.file, 0, SEEK_END) != 0)
        z->file.failed = errno;
}

/* A new entry "NAME.npy" of the directory. */
static int add_member(struct fus_npz *z, const char *name, struct fus_error *err)
{
    size_t length = name ? strlen(name) : 0;
    if (length == 0 || length > NAME_BYTES)
        return fus_base_fail(err, FUS_EINVAL, "an array's name has %zu bytes, expected 1 to %d", length, NAME_BYTES);
    if (z->n_members == z->room) {
        size_t room = 2 * z->room + 8;
        struct member *more = fus_base_resize(z->members, room, sizeof *more);
        if (!more)
            return fus_base_fail(err, FUS_ENOMEM, "no memory for %zu arrays", room);
        z->members = more, z->room = room;
    }
    char *full = fus_base_alloc(length + 5, 1);
    if (!full)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for the name %s", name);
    memcpy(full, name, length);
    memcpy(full + length, ".npy", 5);
    for (size_t i = 0; i < z->n_members; i++)
        if (strcmp(z->members[i].name, full) == 0) {
            fus_base_free(full);
            return fus_base_fail(err, FUS_EINVAL, "two arrays are named %s", name);
        }
    z->members[z->n_members++] = (struct member){full, 0, z->offset, 0};
    return FUS_OK;
}

static int open_writer(struct fus_npz **out, const char *path, bool zip, struct fus_error *err)
{
    struct fus_npz *z = *out = fus_base_alloc(1, sizeof *z);
    if (!z)
        return fus_base_fail(err, FUS_ENOMEM, "%s: no memory", path);
    z->zip = zip;
    int code = fus_outfile_open(&z->file, path, err);
    if (!code && zip && !z->file.temporary) {
        code = fus_base_fail(err, FUS_EUNSUPPORTED, "%s: an .npz archive is written to a file only; .npy goes anywhere",
                             z->file.path);
        fus_outfile_discard(&z->file);
    }
    if (code) {
        fus_base_free(z);
        *out = NULL;
    }
    return code;
}

/* Everything but the file itself. */
static void release(struct fus_npz *z)
{
    for (size_t i = 0; i < z->n_members; i++)
        fus_base_free(z->members[i].name);
    fus_base_free(z->members);
    fus_base_free(z);
}

int fus_npyout_open(struct fus_npz **z, const char *path, struct fus_error *err)
{
    return open_writer(z, path, true, err);
}

int fus_npyout_begin(struct fus_npz *z, const struct fus_npy_array *array, struct fus_error *err)
{
    char header[HEADER_BYTES];
    size_t bytes;
    int code = data_bytes(&bytes, array, err);
    if (!code && z->missing)
        code = fus_base_fail(err, FUS_EINVAL, "%s: the array before %s still lacks %llu bytes", z->file.path,
                             array->name ? array->name : "", (unsigned long long)z->missing);
    if (!code && z->zip) {
        finish_member(z);
        code = add_member(z, array->name, err);
    }
    if (code)
        return code;
    size_t n_header = npy_header(header, array);
    z->item = item_bytes(array->descr);
    z->missing = bytes;
    if (z->zip) {
        struct member *m = &z->members[z->n_members - 1];
        m->size = (uint64_t)bytes + n_header;
        local_header(z, m);
        m->crc = fus_inflate_crc32(0, header, n_header);
    }
    write_bytes(z, header, n_header);
    return array->data ? fus_npyout_part(z, array->data, bytes, err) : FUS_OK;
}

static void write_data(struct fus_npz *z, const void *data, size_t n_bytes)
{
    if (z->zip) {
        struct member *m = &z->members[z->n_members - 1];
        m->crc = fus_inflate_crc32(m->crc, data, n_bytes);
    }
    write_bytes(z, data, n_bytes);
}

int fus_npyout_part(struct fus_npz *z, const void *data, size_t n_bytes, struct fus_error *err)
{
    if (n_bytes > z->missing || n_bytes % (z->item ? z->item : 1))
        return fus_base_fail(err, FUS_EINVAL, "%s: %zu bytes for an array that lacks %llu, in items of %zu",
                             z->file.path, n_bytes, (unsigned long long)z->missing, z->item);
    z->missing -= n_bytes;
    if (z->item < 2 || fus_bits_little_endian()) {
        write_data(z, data, n_bytes);
        return FUS_OK;
    }
    const uint8_t *from = data;
    while (n_bytes) {
        uint8_t turned[4096]; /* a whole number of items of 2, 4 or 8 bytes */
        size_t here = n_bytes < sizeof turned ? n_bytes : sizeof turned;
        for (size_t i = 0; i < here; i++)
            turned[i] = from[i / z->item * z->item + (z->item - 1 - i % z->item)];
        write_data(z, turned, here);
        from += here, n_bytes -= here;
    }
    return FUS_OK;
}

int fus_npyout_commit(struct fus_npz *z, struct fus_error *err)
{
    int code = FUS_OK;
    if (z->missing) {
        code = fus_base_fail(err, FUS_EINVAL, "%s: the last array lacks %llu bytes", z->file.path,
                             (unsigned long long)z->missing);
        fus_outfile_discard(&z->file);
    } else {
        finish_member(z);
        if (z->zip)
            archive_end(z);
        code = fus_outfile_commit(&z->file, err);
    }
    release(z);
    return code;
}

void fus_npyout_discard(struct fus_npz *z)
{
    if (!z)
        return;
    fus_outfile_discard(&z->file);
    release(z);
}

static int write_arrays(const char *path, bool zip, const struct fus_npy_array *arrays, int n, struct fus_error *err)
{
    struct fus_npz *z;
    int code = open_writer(&z, path, zip, err);
    if (code)
        return code;
    for (int i = 0; i < n && !code; i++)
        code = fus_npyout_begin(z, &arrays[i], err);
    if (!code)
        return fus_npyout_commit(z, err);
    fus_npyout_discard(z);
    return code;
}

int fus_npyout_npy(const char *path, const struct fus_npy_array *array, struct fus_error *err)
{
    return write_arrays(path, false, array, 1, err);
}

int fus_npyout_npz(const char *path, const struct fus_npy_array *arrays, int n, struct fus_error *err)
{
    return write_arrays(path, true, arrays, n, err);
}
