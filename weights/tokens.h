/* SPDX-License-Identifier: MIT */
/* Texts -> ids of CLIP's vocabulary, equal to OpenAI's clip.tokenize up to the end token. */
#ifndef FUS_TOKENS_H
#define FUS_TOKENS_H

#include "weights/vocab.h"

#ifdef __cplusplus
extern "C" {
#endif

#define FUS_TOKENS_MAX_WORD 4096 /* bytes */

/* text [n_bytes] of UTF-8 -> ids [context]; *n_ids of them, start and end among them. Nothing is
 * padded.
 *
 * FUS_ELIMIT if there are more than `context`, unless truncate keeps the first context - 1 and the
 * end, and if a word is longer than FUS_TOKENS_MAX_WORD; FUS_EFORMAT at the byte that is not
 * UTF-8. */
int fus_tokens_encode(int *ids, int *n_ids, const struct fus_vocab *v, const char *text, size_t n_bytes, int context,
                      bool truncate, struct fus_error *err);

#ifdef __cplusplus
}
#endif

#endif
