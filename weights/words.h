/* Word vectors: GloVe's text, word2vec's .vec and .bin, and FILE.npy [N, D] with one
 * name a line in FILE.txt.
 *
 * Files have gigabytes, so they are read once from the front, and only the vectors of the words
 * that are wanted are kept. */
#ifndef FUS_WORDS_H
#define FUS_WORDS_H

#include "nn/base/base.h"

#define FUS_WORDS_MAX_DIM 16384

struct fus_words {
    int dim;
    size_t n, n_found;
    float *vectors;     /* [n, dim] in the order of `wanted`; 0 where there is none */
    bool *found;        /* [n] */
    const char *format; /* "GloVe text", "word2vec text", "word2vec binary", "npy" */
};

/* wanted [n]: words, or whatever the names of an .npy are (classes, paths, captions); exact bytes,
 * doubled ones allowed. Of a word that stands twice in the file the first counts. The dimension of
 * GloVe text comes from the ends of its lines, since words may hold spaces. FUS_EFORMAT names file
 * and line (or byte). w is untouched on failure. */
int fus_words_read(struct fus_words *w, const char *path, const char *const *wanted, size_t n, struct fus_error *err);
void fus_words_free(struct fus_words *w);

/* Fails where more than most_percent of the words are missing: count, share and the
 * first ones by name. */
int fus_words_check(const struct fus_words *w, const char *path, const char *const *wanted, double most_percent,
                    struct fus_error *err);

/* out [dim]: sum of weight[k] vector[k] over the words of a text that were found, divided by its
 * length; sums in double in the text's order. words [n]: indices into wanted; weight: by word
 * (idf), NULL: 1. False, and zeros, where no word was found or the sum is 0. */
bool fus_words_mean(float *out, const struct fus_words *w, const int *words, size_t n, const double *weight);

#endif
