/* SPDX-License-Identifier: MIT */
/* Cleaning of a text before it is cut into words, as CLIP's tokenizer does (ftfy, html.unescape
 * twice, white space, lower case): a fixed subset, METHOD.md lists the differences. */
#ifndef FUS_CLEAN_H
#define FUS_CLEAN_H

#include "nn/base/base.h"

#define FUS_CLEAN_MAX_BYTES ((size_t)1 << 20) /* of one text */

/* text [n_bytes] of UTF-8 -> *clean [*n] code points, which the caller frees. FUS_EFORMAT at the
 * first byte (from 0) that is not UTF-8; FUS_ELIMIT for more than FUS_CLEAN_MAX_BYTES. */
int fus_clean_text(uint32_t **clean, size_t *n, const char *text, size_t n_bytes, struct fus_error *err);

/* Whether the text looks like UTF-8 that was read as Latin-1: it has U+0080 to U+009F, or A with
 * tilde or circumflex before U+0080 to U+00BF. */
bool fus_clean_looks_misread(const char *text, size_t n_bytes);

#endif
