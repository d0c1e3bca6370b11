/* SPDX-License-Identifier: MIT */
/* Building a vocabulary merge by merge; private to vocab*.c. */
#ifndef FUS_VOCAB_LOAD_H
#define FUS_VOCAB_LOAD_H

#include "weights/vocab.h"

/* Pieces are strings only here: afterwards the ids of merges are enough. */
struct fus_vocab_load {
    struct fus_vocab *v;
    char *pool; /* the strings of all ids, one after another */
    size_t pool_n, pool_cap;
    uint32_t *begin;  /* [n + 1] of each id's string in the pool */
    uint32_t *slots;  /* hash table of v->n_slots: id + 1, 0 is empty */
    size_t n_in_file; /* merges in the file, used or not */
    int n_wanted;     /* merges to use; later ones are only counted */
};

/* Room for n_wanted merges, and the strings of single bytes. pool_bytes: at least the bytes of all
 * merges' strings. */
int fus_vocab_load_start(struct fus_vocab_load *l, int n_wanted, size_t pool_bytes, struct fus_error *err);
void fus_vocab_load_free(struct fus_vocab_load *l);

/* The next merge of the file. FUS_EFORMAT if a part is neither a byte nor an earlier result, or if
 * the result exists already; messages start with "merge NUMBER: ". */
int fus_vocab_load_add(struct fus_vocab_load *l, const char *left, size_t n_left, const char *right, size_t n_right,
                       struct fus_error *err);

/* vocab_forms.c: the two forms of a vocabulary; messages do not name the path. */
int fus_vocab_forms_text(struct fus_vocab_load *l, const char *text, size_t n, struct fus_error *err);
int fus_vocab_forms_json(struct fus_vocab_load *l, const char *text, size_t n, struct fus_error *err);

struct fus_vocab_slot { /* rank -1: empty */
    uint16_t left, right;
    int32_t rank;
};
struct fus_vocab {
    int n_merges;
    struct fus_vocab_slot *slots; /* [n_slots] open addressing */
    size_t n_slots;               /* a power of 2, at least twice the number of ids */
    char *path, sha256[FUS_SHA256_HEX];
};

#endif
