/* SPDX-License-Identifier: MIT */
/* Private to weights/: an open weight file. A format's reader fills it; store.c keeps the directory
 * of tensors, store_read.c reads them. */
#ifndef FUS_STORE_H
#define FUS_STORE_H

#include <stdio.h>

#include "weights/scheme.h"
#include "weights/weights.h"

/* A byte range that holds tensors: the whole file, or one zip member. */
struct fus_member {
    uint64_t offset;   /* of its (possibly compressed) bytes in the file */
    uint64_t n_stored; /* bytes in the file */
    uint64_t n_bytes;  /* bytes when unpacked */
    uint32_t crc;      /* 0: unknown (some writers leave 0) */
    bool deflated;
    bool checked;    /* its checksum has been verified */
    uint8_t *memory; /* its bytes, if they had to be decoded; NULL: they are in the file */
    char *name;      /* in the archive; NULL for the whole file */
};

struct fus_pair {
    char *key, *value;
};

struct fus_canonical {
    const char *name; /* the tensor's `canonical` */
    size_t tensor;
};

/* A network of the file: its tensors' names are `prefix` followed by names of one scheme. */
struct fus_root {
    char *prefix;      /* as in s->plain: "" or ending in a dot */
    const char *first; /* full name of the tensor it was found by */
    struct fus_scheme scheme;
    bool known;      /* its architecture is recognised */
    bool average;    /* its prefix says averaged weights: EMA, SWA, ... */
    bool twin;       /* it has the same tensors as an earlier root */
    uint64_t places; /* a digest of where its tensors are */
};

struct fus_store {
    char *path;
    FILE *file;            /* NULL for `random:`, `demo:` and for several files */
    const uint8_t *linked; /* [file_bytes] `demo:` only: the file, in the program */
    uint64_t file_bytes;
    const char *format;
    struct fus_tensor *tensors; /* owns `name` and `canonical` */
    size_t n_tensors, cap_tensors;
    struct fus_member *members; /* plain files have member 0 too */
    size_t n_members, cap_members;
    struct fus_pair *metadata;
    size_t n_metadata;
    char **notes; /* [n_notes], see fus_store_note */
    size_t n_notes;
    struct fus_store **shards; /* [n_shards] of a model in several files */
    size_t n_shards;

    /* Canonical names (names.c, mapping.c). */
    struct fus_canonical *by_canonical; /* [n_canonical] sorted by name, for fus_store_find */
    size_t n_canonical;
    char **plain;           /* [n_tensors] names without wrappers such as `module.` */
    size_t *by_plain;       /* [n_tensors] indices, sorted by these names */
    struct fus_root *roots; /* [n_roots] in the file's order */
    size_t n_roots;
    /* the root with canonical names; NULL: none chosen among several */
    const struct fus_root *chosen;
    char note[600]; /* see fus_names_note */

    char *given_preprocess; /* by fus_store_set_preprocess; NULL: none */
    char preprocess[160];   /* text that fus_store_preprocess composed */

    /* `random:` only: computes a tensor in place of reading it. NULL: a file. */
    int (*generate)(const struct fus_store *s, float *out, const struct fus_tensor *t, struct fus_error *err);
    struct fus_net_spec random_spec;
    uint64_t random_seed;
    bool random_zero;

    /* the last deflated member read, kept for other tensors of the same member */
    uint8_t *unpacked;
    uint32_t unpacked_member;
};

#define FUS_MAX_TENSORS 100000            /* a ResNet-152 has 932 */
#define FUS_MAX_HEADER ((size_t)64 << 20) /* safetensors JSON or a pickle; real ones are < 1 MB */
#define FUS_MAX_NOTES 20

/* n bytes at `offset` of the file. FUS_EFORMAT past its end. */
int fus_store_read_at(const struct fus_store *s, void *buf, uint64_t offset, size_t n, struct fus_error *err);

/* Elements from the first to the last that the strides reach, both included; false on overflow. */
bool fus_store_read_span(size_t *span, const struct fus_tensor *t);

/* Append a copy of the tensor. Computes n_elements from the shape. Checks the number of dimensions,
 * that no size or stride is negative, and that every element is inside the member. */
int fus_store_add(struct fus_store *s, const struct fus_tensor *t, struct fus_error *err);

/* For fus_arch_parameters: adds an f32 tensor of this shape, whose values are generated. context:
 * struct fus_store_adder. */
struct fus_store_adder {
    struct fus_store *store;
    struct fus_error *err;
};
int fus_store_add_parameter(void *context, const char *name, const int *shape, int n_dims);
/* Takes ownership of name and memory, also on failure. */
int fus_store_add_member(struct fus_store *s, const struct fus_member *m, struct fus_error *err);
/* Append a sentence about something left out of the store. Only the first FUS_MAX_NOTES are kept; a
 * note is lost if memory runs out. */
void fus_store_add_note(struct fus_store *s, const char *fmt, ...) FUS_PRINTF(2, 3);

#endif
