/* SPDX-License-Identifier: MIT */
/* The wanted words: see word_load.h. */
#include "weights/word_load.h"

#include <stdlib.h>
#include <string.h>

static int by_word(const void *a, const void *b)
{
    const struct fus_word_wanted *x = a, *y = b;
    int c = strcmp(x->word, y->word);
    return c ? c : (x->index > y->index) - (x->index < y->index);
}

void fus_word_load_sort(struct fus_word_load *l, const char *const *words)
{
    for (size_t i = 0; i < l->n; i++)
        l->wanted[i] = (struct fus_word_wanted){words[i], i};
    qsort(l->wanted, l->n, sizeof *l->wanted, by_word);
}

/* < 0, 0, > 0: word [n] against a text. */
static int compare(const char *word, size_t n, const char *text)
{
    int c = strncmp(word, text, n);
    return c ? c : text[n] ? -1 : 0;
}

size_t fus_word_load_find(const struct fus_word_load *l, const char *word, size_t n)
{
    size_t low = 0, high = l->n;
    if (memchr(word, 0, n))
        return l->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare(word, n, l->wanted[middle].word) > 0)
            low = middle + 1;
        else
            high = middle;
    }
    bool there = low < l->n && compare(word, n, l->wanted[low].word) == 0;
    return there && !l->w->found[l->wanted[low].index] ? low : l->n;
}

void fus_word_load_keep(struct fus_word_load *l, size_t at)
{
    struct fus_words *w = l->w;
    size_t from = l->wanted[at].index, dim = (size_t)w->dim;
    for (size_t k = at; k < l->n && strcmp(l->wanted[k].word, l->wanted[at].word) == 0; k++) {
        size_t to = l->wanted[k].index;
        if (to != from)
            memcpy(w->vectors + to * dim, w->vectors + from * dim, dim * sizeof *w->vectors);
        w->found[to] = true;
        w->n_found++;
        l->n_missing--;
    }
}

float *fus_word_load_vector(const struct fus_word_load *l, size_t at)
{
    return l->w->vectors + l->wanted[at].index * (size_t)l->w->dim;
}

int fus_word_load_set_dim(struct fus_word_load *l, const char *path, uint64_t dim, struct fus_error *err)
{
    size_t n;
    if (dim < 1 || dim > FUS_WORDS_MAX_DIM)
        return fus_base_fail(err, FUS_ELIMIT, "%s: vectors of %llu dimensions; expected 1 to %d", path,
                             (unsigned long long)dim, FUS_WORDS_MAX_DIM);
    l->w->dim = (int)dim;
    l->w->vectors = fus_base_mul(&n, l->n, (size_t)dim) ? fus_base_alloc(n + 1, sizeof *l->w->vectors) : NULL;
    return l->w->vectors
               ? FUS_OK
               : fus_base_fail(err, FUS_ENOMEM, "%s: no memory for %zu vectors of %d numbers", path, l->n, (int)dim);
}
