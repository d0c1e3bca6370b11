/* SPDX-License-Identifier: MIT */
/* Private to weights/: the directory of a zip archive (PKWARE APPNOTE 6.3.10; zip64 too). */
#ifndef FUS_ZIP_H
#define FUS_ZIP_H

#include "weights/store.h"

struct fus_zip_entry {
    const char *name; /* ends in 0, holds no other 0; owned by the struct fus_zip */
    size_t name_n;
    uint64_t header;   /* offset of its local header in the file */
    uint64_t limit;    /* its bytes end before this offset: the next header, or the directory */
    uint64_t n_stored; /* bytes in the file */
    uint64_t n_bytes;  /* bytes when unpacked */
    uint32_t crc;
    uint16_t method, flags;
};

struct fus_zip {
    struct fus_zip_entry *entries; /* in the directory's order */
    size_t n;
    struct fus_zip_entry **by_name; /* sorted, for fus_zip_find */
    char *names;
};

/* Read the directory of an open file. Rejected: a directory that is not where its end record
 * says, members that overlap or reach outside the file, two members of one name, archives in
 * several parts. On failure zip is empty; fus_zip_close is allowed in any case. */
int fus_zip_open(struct fus_zip *zip, const struct fus_store *s, struct fus_error *err);
void fus_zip_close(struct fus_zip *zip);

/* The member of that name, or NULL. */
const struct fus_zip_entry *fus_zip_find(const struct fus_zip *zip, const char *name);

/* Reads the member's local header to find its bytes. m->name is NULL: the caller sets it.
 * FUS_EUNSUPPORTED for an encrypted member or a method other than stored and deflated. */
int fus_zip_member(struct fus_member *m, const struct fus_store *s, const struct fus_zip_entry *e,
                   struct fus_error *err);

/* The whole member, unpacked, its checksum verified: *data has *n bytes and is released with
 * fus_base_free. FUS_ELIMIT past max_bytes. */
int fus_zip_read(uint8_t **data, size_t *n, const struct fus_store *s, const struct fus_zip_entry *e, size_t max_bytes,
                 struct fus_error *err);

#endif
