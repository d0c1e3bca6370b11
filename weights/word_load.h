/* SPDX-License-Identifier: MIT */
/* Private to weights: the wanted words, and their vectors while a file is read. */
#ifndef FUS_WORD_LOAD_H
#define FUS_WORD_LOAD_H

#include "weights/word_reader.h"
#include "weights/words.h"

struct fus_word_wanted {
    const char *word;
    size_t index;
};

struct fus_word_load {
    struct fus_words *w;
    struct fus_word_wanted *wanted; /* [n] in byte order */
    size_t n, n_missing;            /* n_missing: entries not yet found */
};

/* Sets `wanted` from the n words. */
void fus_word_load_sort(struct fus_word_load *l, const char *const *words);

/* The first entry of word [n] that has no vector yet, or l->n. */
size_t fus_word_load_find(const struct fus_word_load *l, const char *word, size_t n);

/* Marks entry `at` as found and copies its vector to equal entries. */
void fus_word_load_keep(struct fus_word_load *l, size_t at);
float *fus_word_load_vector(const struct fus_word_load *l, size_t at);

/* Room for the vectors, once the dimension is known. */
int fus_word_load_set_dim(struct fus_word_load *l, const char *path, uint64_t dim, struct fus_error *err);

/* word_formats.c: GloVe's text and word2vec's text and binary, recognised by the beginning of the
 * file. */
int fus_word_formats_read(struct fus_word_load *l, struct fus_word_reader *r, struct fus_error *err);

#endif
