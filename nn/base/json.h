/* SPDX-License-Identifier: MIT */
/* A strict, bounded pull reader for JSON (RFC 8259): the caller requests one value after another.
 *
 *     fus_json_start(&j, text, n, base, err);
 *     for (fus_json_enter(&j, '{'); fus_json_next(&j);) {
 *         key = fus_json_key(&j);
 *         if (it is wanted) v = fus_json_u64(&j); else fus_json_skip(&j);
 *     }
 *     code = fus_json_end(&j);
 *
 * The first failure is kept in j.code and in err; from then on next() is false, strings are "" and
 * numbers 0, so one check at the end is enough. Only the last string read is kept in memory: a
 * header of 64 MB needs no more than its text. Keys are not compared: the caller checks for
 * duplicates (safetensors.c does). */
#ifndef FUS_JSON_H
#define FUS_JSON_H

#include "nn/base/base.h"
#include "nn/base/bytes.h"
#include "nn/base/outfile.h"
#include "nn/base/text.h"

#define FUS_JSON_DEPTH 32 /* a safetensors header needs 3; each level of skip() costs stack */

struct fus_json {
    struct fus_bytes b;
    size_t base; /* offset of the text in its file, for messages */
    struct fus_error *err;
    int code;
    /* decode U+DC80 to U+DCFF as the bytes 0x80 to 0xff, as fus_json_write encodes them */
    bool file_names;
    int depth;
    char closer[FUS_JSON_DEPTH];
    bool fresh[FUS_JSON_DEPTH]; /* nothing read in this container yet */
    char *text;                 /* the string read last, decoded to UTF-8 and ended by 0 */
    size_t cap;
};

/* text [n] stays the caller's. Messages begin with "byte base+position: ". */
void fus_json_start(struct fus_json *j, const void *text, size_t n, size_t base, struct fus_error *err);

/* '{' or '['; anything else there is an error */
void fus_json_enter(struct fus_json *j, char open);
/* one more member? consumes commas and the closing bracket */
bool fus_json_next(struct fus_json *j);
const char *fus_json_key(struct fus_json *j); /* "key" and ':'; valid until the next string */
/* FUS_EFORMAT for \u0000, lone surrogates, broken UTF-8 */
const char *fus_json_string(struct fus_json *j);
/* digits only: no sign, fraction, exponent or leading zero */
uint64_t fus_json_u64(struct fus_json *j);
/* Whether the next value begins with this character: '"', '[', '{', 'n' (null), ... */
bool fus_json_starts_with(struct fus_json *j, char c);
void fus_json_skip(struct fus_json *j); /* any value, its grammar checked */

/* Reports an error that the caller found: "byte N: ..." at the value read last. */
int fus_json_fail(struct fus_json *j, const char *fmt, ...) FUS_PRINTF(2, 3);

/* Only white space may follow. Releases the memory; returns the first failure. Must be called
 * after every start. */
int fus_json_end(struct fus_json *j);

/* "text" in quotes. A file name may be any bytes: a byte that is not UTF-8 becomes \udc80 to
 * \udcff, as in Python. There os.fsencode(json.load(f)[...]) gives the name back (PEP 383,
 * surrogateescape). */
void fus_json_write(struct fus_outfile *f, const char *text);
void fus_json_quote(struct fus_text_buffer *t, const char *text);

#endif
