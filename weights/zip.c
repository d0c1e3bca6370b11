/* SPDX-License-Identifier: MIT */
/* Zip archives: an open file -> its members and the positions of their bytes (PKWARE APPNOTE
 * 6.3.10).
 *
 * A zip is read from its end: the end record (PK 5 6) names the central directory, which lists the
 * members; each member's own local header precedes its bytes, with a name and an extra field of
 * lengths of its own (PyTorch pads there so that tensors begin at multiples of 64 bytes). Sizes are
 * taken from the central directory only: the local ones are 0 where a data descriptor follows, as
 * PyTorch writes it. zip64: end record PK 6 6 behind the locator PK 6 7, extra field 0x0001.
 *
 * Left out: encryption, methods other than 0 (stored) and 8 (deflated), archives in parts, bytes
 * before the first member that shift every offset (self-extracting programs). */
#include "weights/zip.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "nn/base/bytes.h"
#include "nn/base/inflate.h"

#define LOCAL_SIGNATURE 0x04034b50u
#define CENTRAL_SIGNATURE 0x02014b50u
#define END_SIGNATURE 0x06054b50u
#define END64_SIGNATURE 0x06064b50u
#define LOCATOR_SIGNATURE 0x07064b50u

#define LOCAL_BYTES 30   /* fixed part of a local header */
#define CENTRAL_BYTES 46 /* of an entry of the central directory */
#define END_BYTES 22     /* of the end record, before its comment */
#define END64_BYTES 56
#define LOCATOR_BYTES 20
#define MAX_TAIL (LOCATOR_BYTES + END_BYTES + 65535) /* the comment's length has 16 bits */

#define METHOD_STORED 0
#define METHOD_DEFLATED 8
#define FLAG_ENCRYPTED (1u << 0 | 1u << 6)
/* 2 * FUS_MAX_TENSORS entries of 80 bytes; PyTorch's have about 65 */
#define MAX_DIRECTORY ((size_t)16 << 20)
#define MAX_RATIO 1032 /* deflate spends at least 2 bits on a copy of 258 bytes (RFC 1951) */

/* What the end record says. */
struct end {
    uint64_t n_entries, offset, n_bytes; /* of the central directory */
    uint64_t at;                         /* where it has to be finished: the first end record */
};

/* ---- the end record ---- */

static int read_end64(struct end *end, const struct fus_store *s, struct fus_bytes *locator, struct fus_error *err)
{
    uint8_t record[END64_BYTES];
    uint32_t disk = fus_bytes_u32le(locator);
    uint64_t at = fus_bytes_u64le(locator);
    uint32_t n_disks = fus_bytes_u32le(locator);
    if (disk != 0 || n_disks > 1)
        return fus_base_fail_at(err, FUS_EUNSUPPORTED, (long long)(end->at - LOCATOR_BYTES),
                                "is one part of a zip archive in several parts");
    if (at > end->at || end->at - at < END64_BYTES + LOCATOR_BYTES)
        return fus_base_fail_at(err, FUS_EFORMAT, (long long)(end->at - LOCATOR_BYTES),
                                "zip64 end record said to be at %" PRIu64 ", expected before this one: damaged copy?",
                                at);
    int code = fus_store_read_at(s, record, at, sizeof record, err);
    if (code)
        return code;
    struct fus_bytes b = fus_bytes_of(record, sizeof record);
    if (fus_bytes_u32le(&b) != END64_SIGNATURE)
        return fus_base_fail_at(err, FUS_EFORMAT, (long long)at,
                                "no zip64 end record (PK 6 6) where one is announced: damaged copy?");
    fus_bytes_seek(&b, 24);
    uint64_t n_here = fus_bytes_u64le(&b);
    end->n_entries = fus_bytes_u64le(&b);
    end->n_bytes = fus_bytes_u64le(&b);
    end->offset = fus_bytes_u64le(&b);
    end->at = at;
    if (n_here != end->n_entries)
        return fus_base_fail_at(err, FUS_EUNSUPPORTED, (long long)at,
                                "lists %" PRIu64 " of %" PRIu64 " members: an archive in parts?", n_here,
                                end->n_entries);
    return FUS_OK;
}

/* Searches tail, the last n bytes of the file, backwards for the end record. */
static int find_end(struct end *end, const struct fus_store *s, const uint8_t *tail, size_t n, struct fus_error *err)
{
    for (size_t left = END_BYTES; left <= n; left++) {
        size_t at = n - left;
        struct fus_bytes b = fus_bytes_of(tail, n);
        fus_bytes_seek(&b, at);
        if (fus_bytes_u32le(&b) != END_SIGNATURE)
            continue;
        uint32_t disk = fus_bytes_u16le(&b), first_disk = fus_bytes_u16le(&b);
        uint32_t n_here = fus_bytes_u16le(&b);
        end->n_entries = fus_bytes_u16le(&b);
        end->n_bytes = fus_bytes_u32le(&b);
        end->offset = fus_bytes_u32le(&b);
        if (fus_bytes_u16le(&b) != left - END_BYTES)
            continue; /* these four bytes are part of a comment or of data */
        end->at = s->file_bytes - left;
        if (at >= LOCATOR_BYTES) {
            struct fus_bytes locator = fus_bytes_of(tail + at - LOCATOR_BYTES, LOCATOR_BYTES);
            if (fus_bytes_u32le(&locator) == LOCATOR_SIGNATURE)
                return read_end64(end, s, &locator, err);
        }
        if (disk != 0 || first_disk != 0 || n_here != end->n_entries)
            return fus_base_fail_at(err, FUS_EUNSUPPORTED, (long long)end->at,
                                    "is one part of a zip archive in several parts");
        return FUS_OK;
    }
    return fus_base_fail(err, FUS_EFORMAT,
                         "zip archive without its end record (PK 5 6) in the last %zu of %" PRIu64
                         " bytes: truncated copy?",
                         n, s->file_bytes);
}

static int read_end(struct end *end, const struct fus_store *s, struct fus_error *err)
{
    size_t n = s->file_bytes < MAX_TAIL ? (size_t)s->file_bytes : MAX_TAIL;
    uint8_t *tail = fus_base_alloc(n, 1);
    if (!tail)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for the zip archive's last %zu bytes", n);
    int code = fus_store_read_at(s, tail, s->file_bytes - n, n, err);
    if (!code)
        code = find_end(end, s, tail, n, err);
    fus_base_free(tail);
    if (code)
        return code;
    if (end->offset > end->at || end->n_bytes > end->at - end->offset)
        return fus_base_fail_at(err, FUS_EFORMAT, (long long)end->at,
                                "zip directory of %" PRIu64 " bytes at %" PRIu64
                                " expected, it would pass this end record: damaged copy?",
                                end->n_bytes, end->offset);
    if (end->n_entries > end->n_bytes / CENTRAL_BYTES)
        return fus_base_fail_at(err, FUS_EFORMAT, (long long)end->at,
                                "zip directory of %" PRIu64 " bytes cannot list %" PRIu64 " members", end->n_bytes,
                                end->n_entries);
    if (end->n_entries > 2 * (uint64_t)FUS_MAX_TENSORS || end->n_bytes > MAX_DIRECTORY)
        return fus_base_fail_at(err, FUS_ELIMIT, (long long)end->at,
                                "zip directory of %" PRIu64 " bytes lists %" PRIu64 " members, at most %d are read",
                                end->n_bytes, end->n_entries, 2 * FUS_MAX_TENSORS);
    return FUS_OK;
}

/* ---- the central directory ---- */

/* zip64: 8-byte values for those of the three fields that are all ones, in this order. false
 * where one is missing. */
static bool read_extra(struct fus_zip_entry *e, const uint8_t *extra, size_t n)
{
    struct fus_bytes b = fus_bytes_of(extra, n);
    uint64_t *fields[] = {&e->n_bytes, &e->n_stored, &e->header};
    bool needed = e->n_bytes == UINT32_MAX || e->n_stored == UINT32_MAX || e->header == UINT32_MAX;
    while (needed && fus_bytes_left(&b) >= 4) {
        uint16_t id = fus_bytes_u16le(&b), length = fus_bytes_u16le(&b);
        const uint8_t *body = fus_bytes_take(&b, length);
        if (!body)
            break;
        if (id != 0x0001)
            continue;
        struct fus_bytes in = fus_bytes_of(body, length);
        for (int i = 0; i < 3; i++)
            if (*fields[i] == UINT32_MAX)
                *fields[i] = fus_bytes_u64le(&in);
        return !in.overrun;
    }
    return !needed;
}

/* One entry at b; its name is copied to *names, which moves past it. */
static int read_entry(struct fus_zip_entry *e, char **names, struct fus_bytes *b, uint64_t base, struct fus_error *err)
{
    long long at = (long long)(base + b->pos);
    uint32_t signature = fus_bytes_u32le(b);
    fus_bytes_take(b, 4); /* versions */
    e->flags = fus_bytes_u16le(b);
    e->method = fus_bytes_u16le(b);
    fus_bytes_take(b, 4); /* time */
    e->crc = fus_bytes_u32le(b);
    e->n_stored = fus_bytes_u32le(b);
    e->n_bytes = fus_bytes_u32le(b);
    e->name_n = fus_bytes_u16le(b);
    size_t extra_n = fus_bytes_u16le(b), comment_n = fus_bytes_u16le(b);
    fus_bytes_take(b, 8); /* disk, attributes */
    e->header = fus_bytes_u32le(b);
    const uint8_t *name = fus_bytes_take(b, e->name_n), *extra = fus_bytes_take(b, extra_n);
    fus_bytes_take(b, comment_n);
    if (b->overrun || signature != CENTRAL_SIGNATURE)
        return fus_base_fail_at(err, FUS_EFORMAT, at, "zip directory: no whole entry (PK 1 2) here: damaged copy?");
    if (memchr(name, 0, e->name_n))
        return fus_base_fail_at(err, FUS_EFORMAT, at, "zip directory: a member's name has a zero byte");
    memcpy(*names, name, e->name_n);
    e->name = *names;
    *names += e->name_n + 1; /* the 0 is there: the buffer began zeroed */
    if (!read_extra(e, extra, extra_n))
        return fus_base_fail_at(err, FUS_EFORMAT, at, "zip directory: member %s: its zip64 sizes are missing", e->name);
    return FUS_OK;
}

static int compare_headers(const void *a, const void *b)
{
    const struct fus_zip_entry *x = *(struct fus_zip_entry *const *)a, *y = *(struct fus_zip_entry *const *)b;
    return (x->header > y->header) - (x->header < y->header);
}

static int compare_names(const void *a, const void *b)
{
    const struct fus_zip_entry *x = *(struct fus_zip_entry *const *)a, *y = *(struct fus_zip_entry *const *)b;
    return strcmp(x->name, y->name);
}

/* Each member must end before the next one begins; sets `limit`. Uses by_name's room for the
 * order in the file. */
static int check_overlap(struct fus_zip *zip, uint64_t directory, struct fus_error *err)
{
    for (size_t i = 0; i < zip->n; i++)
        if (zip->entries[i].header > directory)
            return fus_base_fail_at(err, FUS_EFORMAT, (long long)directory,
                                    "zip directory: member %s is said to be at %" PRIu64
                                    ", behind this directory: damaged copy?",
                                    zip->entries[i].name, zip->entries[i].header);
    if (zip->n)
        qsort(zip->by_name, zip->n, sizeof *zip->by_name, compare_headers);
    for (size_t i = 0; i < zip->n; i++) {
        struct fus_zip_entry *e = zip->by_name[i];
        e->limit = i + 1 < zip->n ? zip->by_name[i + 1]->header : directory;
        if (e->limit - e->header < LOCAL_BYTES + e->name_n ||
            e->n_stored > e->limit - e->header - LOCAL_BYTES - e->name_n)
            return fus_base_fail_at(err, FUS_EFORMAT, (long long)e->header,
                                    "member %s of %" PRIu64 " bytes runs into what begins at %" PRIu64
                                    ": damaged copy?",
                                    e->name, e->n_stored, e->limit);
    }
    return FUS_OK;
}

static int check_names(struct fus_zip *zip, struct fus_error *err)
{
    if (zip->n)
        qsort(zip->by_name, zip->n, sizeof *zip->by_name, compare_names);
    for (size_t i = 1; i < zip->n; i++)
        if (strcmp(zip->by_name[i - 1]->name, zip->by_name[i]->name) == 0)
            return fus_base_fail(err, FUS_EFORMAT, "zip directory: two members are called %s", zip->by_name[i]->name);
    return FUS_OK;
}

static int read_directory(struct fus_zip *zip, const uint8_t *directory, const struct end *end, struct fus_error *err)
{
    struct fus_bytes b = fus_bytes_of(directory, (size_t)end->n_bytes);
    size_t n = (size_t)end->n_entries;
    zip->entries = fus_base_alloc(n, sizeof *zip->entries);
    zip->by_name = fus_base_alloc(n, sizeof *zip->by_name);
    /* an entry is longer than its name and a 0 */
    zip->names = fus_base_alloc((size_t)end->n_bytes + 1, 1);
    if (!zip->entries || !zip->by_name || !zip->names)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for a zip directory of %zu members", n);
    char *names = zip->names;
    for (; zip->n < n; zip->n++) {
        int code = read_entry(&zip->entries[zip->n], &names, &b, end->offset, err);
        if (code)
            return code;
        zip->by_name[zip->n] = &zip->entries[zip->n];
    }
    int code = check_overlap(zip, end->offset, err);
    return code ? code : check_names(zip, err);
}

int fus_zip_open(struct fus_zip *zip, const struct fus_store *s, struct fus_error *err)
{
    struct end end = {0};
    *zip = (struct fus_zip){0};
    int code = read_end(&end, s, err);
    if (code)
        return code;
    uint8_t *directory = fus_base_alloc((size_t)end.n_bytes, 1);
    if (!directory)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for a zip directory of %" PRIu64 " bytes", end.n_bytes);
    code = fus_store_read_at(s, directory, end.offset, (size_t)end.n_bytes, err);
    if (!code)
        code = read_directory(zip, directory, &end, err);
    fus_base_free(directory);
    if (code)
        fus_zip_close(zip);
    return code;
}

void fus_zip_close(struct fus_zip *zip)
{
    fus_base_free(zip->entries);
    fus_base_free(zip->by_name);
    fus_base_free(zip->names);
    *zip = (struct fus_zip){0};
}

const struct fus_zip_entry *fus_zip_find(const struct fus_zip *zip, const char *name)
{
    size_t low = 0, high = zip->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(name, zip->by_name[middle]->name);
        if (order == 0)
            return zip->by_name[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

/* ---- one member ---- */

static int check_method(const struct fus_zip_entry *e, struct fus_error *err)
{
    long long at = (long long)e->header;
    if (e->flags & FLAG_ENCRYPTED)
        return fus_base_fail_at(err, FUS_EUNSUPPORTED, at, "member %s is encrypted", e->name);
    if (e->method != METHOD_STORED && e->method != METHOD_DEFLATED)
        return fus_base_fail_at(err, FUS_EUNSUPPORTED, at,
                                "member %s is packed with method %d; stored (0) and deflated (8) are read", e->name,
                                e->method);
    if (e->method == METHOD_STORED ? e->n_bytes != e->n_stored : e->n_bytes / MAX_RATIO > e->n_stored)
        return fus_base_fail_at(err, FUS_EFORMAT, at,
                                "member %s: %" PRIu64 " bytes cannot unpack to %" PRIu64 ": damaged copy?", e->name,
                                e->n_stored, e->n_bytes);
    return FUS_OK;
}

int fus_zip_member(struct fus_member *m, const struct fus_store *s, const struct fus_zip_entry *e,
                   struct fus_error *err)
{
    uint8_t header[LOCAL_BYTES + 256]; /* with room for most names */
    int code = check_method(e, err);
    if (code)
        return code;
    size_t whole = LOCAL_BYTES + e->name_n, n = whole < sizeof header ? whole : sizeof header;
    code = fus_store_read_at(s, header, e->header, n, err);
    if (code)
        return code;
    struct fus_bytes b = fus_bytes_of(header, n);
    uint32_t signature = fus_bytes_u32le(&b);
    fus_bytes_seek(&b, 26);
    size_t name_n = fus_bytes_u16le(&b), extra_n = fus_bytes_u16le(&b);
    if (signature != LOCAL_SIGNATURE || name_n != e->name_n ||
        memcmp(header + LOCAL_BYTES, e->name, n - LOCAL_BYTES) != 0)
        return fus_base_fail_at(err, FUS_EFORMAT, (long long)e->header,
                                "no header (PK 3 4) of member %s here: damaged copy?", e->name);
    *m = (struct fus_member){.offset = e->header + whole + extra_n,
                             .n_stored = e->n_stored,
                             .n_bytes = e->n_bytes,
                             .crc = e->crc,
                             .deflated = e->method == METHOD_DEFLATED};
    if (m->offset > e->limit || m->n_stored > e->limit - m->offset)
        return fus_base_fail_at(err, FUS_EFORMAT, (long long)e->header,
                                "member %s: %" PRIu64 " bytes at %" PRIu64 " run into what begins at %" PRIu64
                                ": damaged copy?",
                                e->name, m->n_stored, m->offset, e->limit);
    return FUS_OK;
}

static int unpack(uint8_t *data, const uint8_t *packed, const struct fus_member *m, struct fus_error *err)
{
    size_t produced, consumed;
    int code = fus_inflate_raw(data, (size_t)m->n_bytes, &produced, packed, (size_t)m->n_stored, &consumed, err);
    if (!code && produced != m->n_bytes)
        code =
            fus_base_fail(err, FUS_EFORMAT, "unpacks to %zu bytes, the zip directory says %" PRIu64 ": damaged copy?",
                          produced, m->n_bytes);
    return code;
}

int fus_zip_read(uint8_t **data, size_t *n, const struct fus_store *s, const struct fus_zip_entry *e, size_t max_bytes,
                 struct fus_error *err)
{
    struct fus_member m;
    uint8_t *bytes = NULL, *packed = NULL;
    int code = fus_zip_member(&m, s, e, err);
    if (code)
        return code;
    if (m.n_bytes > max_bytes)
        return fus_base_fail_at(err, FUS_ELIMIT, (long long)m.offset,
                                "member %s has %" PRIu64 " bytes, at most %zu are read", e->name, m.n_bytes, max_bytes);
    bytes = fus_base_alloc((size_t)m.n_bytes, 1);
    if (m.deflated)
        packed = fus_base_alloc((size_t)m.n_stored, 1);
    if (!bytes || (m.deflated && !packed)) {
        code = fus_base_fail(err, FUS_ENOMEM, "no memory for member %s of %" PRIu64 " bytes", e->name, m.n_bytes);
        goto out;
    }
    code = fus_store_read_at(s, m.deflated ? packed : bytes, m.offset, (size_t)m.n_stored, err);
    if (!code && m.deflated && (code = unpack(bytes, packed, &m, err)) != FUS_OK)
        fus_base_blame(err, "member %s: ", e->name);
    if (!code && m.crc && fus_inflate_crc32(0, bytes, (size_t)m.n_bytes) != m.crc)
        code = fus_base_fail_at(err, FUS_EFORMAT, (long long)m.offset,
                                "member %s: its bytes do not have the checksum %08" PRIx32 ": damaged copy?", e->name,
                                m.crc);
out:
    fus_base_free(packed);
    if (code)
        fus_base_free(bytes);
    else {
        *data = bytes;
        *n = (size_t)m.n_bytes;
    }
    return code;
}
