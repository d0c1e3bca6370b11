/* SPDX-License-Identifier: MIT */
/* CLIP's vocabulary: a list of merges from the user's file, and the ids that follow from it.
 *
 * Byte b is id i where ORDER[i] = b (ORDER: 33..126, 161..172, 174..255, then all other bytes,
 * ascending); as the last byte of a word it is 256 + i. Merge number r makes id 512 + r; start and
 * end follow. Files: bpe_simple_vocab_16e6.txt[.gz], Hugging Face's merges.txt and tokenizer.json,
 * recognised by their first bytes. */
#ifndef FUS_VOCAB_H
#define FUS_VOCAB_H

#include "nn/base/base.h"
#include "nn/base/sha256.h"

#ifdef __cplusplus
extern "C" {
#endif

#define FUS_VOCAB_CLIP_IDS 49408 /* rows of token_embedding of every English CLIP */
#define FUS_VOCAB_MAX_IDS 65536
#define FUS_VOCAB_CONTEXT 77 /* rows of their positional_embedding */

struct fus_vocab;

/* n_ids: rows of token_embedding, of the file `model` in messages. A file may hold more merges than
 * n_ids needs only if n_ids is FUS_VOCAB_CLIP_IDS; the first ones are used. 0: CLIP's n_ids if the
 * file holds enough merges, else all of them. Messages start with the path. */
int fus_vocab_open(struct fus_vocab **v, const char *path, int n_ids, const char *model, struct fus_error *err);
void fus_vocab_close(struct fus_vocab *v); /* NULL allowed */

/* The vocabulary beside a weight file, or in a folder of weights: *path is to be freed, NULL if
 * there is none. */
int fus_vocab_find(char **path, const char *weights, struct fus_error *err);
/* The error for a weight file without one; returns FUS_ENOTFOUND. */
int fus_vocab_missing(struct fus_error *err, const char *weights);

int fus_vocab_n_ids(const struct fus_vocab *v);
const char *fus_vocab_path(const struct fus_vocab *v);
const char *fus_vocab_sha256(const struct fus_vocab *v); /* 64 hex digits, of the file */

int fus_vocab_start(const struct fus_vocab *v); /* ids of the start and the end token */
int fus_vocab_end(const struct fus_vocab *v);
int fus_vocab_byte(uint8_t byte); /* id of a byte that is not the last of a word */

/* The number of the merge of two neighbours; a lower one comes first. -1: they do not merge. */
int fus_vocab_rank(const struct fus_vocab *v, int left, int right);

#ifdef __cplusplus
}
#endif

#endif
