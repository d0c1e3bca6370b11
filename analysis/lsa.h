/* SPDX-License-Identifier: MIT */
/* Latent semantic analysis of captions (Deerwester, Dumais, Furnas, Landauer & Harshman 1990): a
 * vector for each caption, computed from the captions alone.
 *
 *   m_tw  = count of word w in text t, times idf_w = log(texts / texts with w); each row
 *         divided by its length
 *   C     = sum over texts of (m_t - mean)(m_t - mean)'
 *   axes  = the D leading eigenvectors of C (Jacobi), each with its entry of largest size positive
 *   embedding of a text = (m - mean) axes, divided by its length
 *
 * All sums are single chains in double, in the order of texts or words; the same bits
 * on every machine. */
#ifndef FUS_LSA_H
#define FUS_LSA_H

#include "nn/base/base.h"

#define FUS_LSA_MAX_WORDS 1024 /* Jacobi takes words^3: 185 words need 0.1 s, 512 7 s, 1024 a minute and a half */

struct fus_lsa {
    int n_words, dim;
    double *idf;    /* [n_words] */
    double *mean;   /* [n_words] */
    double *axes;   /* [dim, n_words] */
    double *values; /* [dim] eigenvalues, descending */
    double share;   /* of the trace: the variance that the axes hold */
};

/* start [n_texts + 1], words: indices 0 .. n_words-1 of each text (fus_bags). FUS_EINVAL: dim < 1
 * or > n_words, or fewer than two texts; FUS_ELIMIT: more than FUS_LSA_MAX_WORDS words. l is
 * untouched on failure. */
int fus_lsa_fit(struct fus_lsa *l, const size_t *start, const int *words, size_t n_texts, int n_words, int dim,
                struct fus_error *err);
void fus_lsa_free(struct fus_lsa *l);

/* out [dim], unit length, of a text of n words. scratch [n_words]. False, and zeros, if the text
 * has no known word or its embedding is 0. */
bool fus_lsa_embed(float *out, const struct fus_lsa *l, const int *words, size_t n, double *scratch);

/* lsa_texts.c: vectors of texts from these texts alone. dim <= 0: 64, or the number of words that
 * stand in FUS_LSA_LEAST_TEXTS of them. rows [n, dim], of length 1, are the caller's. FUS_EINVAL:
 * fewer words than dim; or a text without a vector, whose index is then in bad (else n). */
enum { FUS_LSA_DIM = 64, FUS_LSA_LEAST_TEXTS = 5 };
struct fus_lsa_texts {
    float *rows;
    int dim, n_words;
    double share; /* of the variance */
    size_t bad;
};
int fus_lsa_of_texts(struct fus_lsa_texts *out, const char *const *texts, size_t n, int dim, struct fus_error *err);

/* Eigenvalues, descending, and eigenvectors (rows) of a symmetric matrix a [n, n], which is
 * destroyed: cyclic Jacobi rotations until all off-diagonal entries vanish. values [n], vectors [n,
 * n]. */
void fus_lsa_eigen(double *values, double *vectors, double *a, int n);

#endif
