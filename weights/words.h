/* SPDX-License-Identifier: MIT */
/* Word vectors: GloVe's text, word2vec's .vec and .bin, and FILE.npy [N, D] with one
 * name a line in FILE.txt.
 *
 * Files can have gigabytes. So they are read once, sequentially, and only the vectors of the wanted
 * words are kept. */
#ifndef FUS_WORDS_H
#define FUS_WORDS_H

#include "nn/base/base.h"

#define FUS_WORDS_MAX_DIM 16384

struct fus_words {
    int dim;
    size_t n, n_found;
    float *vectors;     /* [n, dim] in the order of `wanted`; 0 if there is none */
    bool *found;        /* [n] */
    const char *format; /* "GloVe text", "word2vec text", "word2vec binary", "npy" */
};

/* wanted [n]: words, or the names of an .npy (classes, paths, captions). They are compared byte by
 * byte and may repeat. If a word is in the file twice, the first one counts. The dimension of GloVe
 * text comes from the ends of its lines, since words may hold spaces. FUS_EFORMAT names file and
 * line (or byte). w is untouched on failure. */
int fus_words_read(struct fus_words *w, const char *path, const char *const *wanted, size_t n, struct fus_error *err);
void fus_words_free(struct fus_words *w);

/* Fails if more than most_percent of the words are missing. The message gives their number, share
 * and the first names. */
int fus_words_check(const struct fus_words *w, const char *path, const char *const *wanted, double most_percent,
                    struct fus_error *err);

/* out [dim]: sum of weight[k] vector[k] over the words of a text that were found, divided by its
 * length; sums in double in the text's order. words [n]: indices into wanted; weight: by word
 * (idf), NULL: 1. False, and zeros, if no word was found or the sum is 0. */
bool fus_words_mean(float *out, const struct fus_words *w, const int *words, size_t n, const double *weight);

#endif
