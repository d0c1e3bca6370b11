/* SPDX-License-Identifier: MIT */
/* Private to weights/: common to the readers of PyTorch's containers: the storages of a pickle, and
 * the state of reading one. */
#ifndef FUS_TORCH_STORAGE_H
#define FUS_TORCH_STORAGE_H

#include "weights/pickle.h"
#include "weights/store.h"

/* bytes of a tensor's name; the longest in Hugging Face's ResNets is 70 */
#define FUS_TORCH_MAX_NAME 400

/* A storage that some tensor of the pickle refers to. */
struct fus_torch_storage {
    const uint8_t *key; /* points into the pickle; not ended by 0, contains none */
    size_t key_n;
    enum fus_dtype dtype;
    size_t size;    /* bytes of an element; 0: unknown */
    char label[24]; /* not empty: the name of a type that is not read */
    uint64_t n;     /* elements */
    uint32_t member;
    bool placed; /* the container has found it: `member` is valid */
};

/* The range of a storage's elements that a persistent id refers to. */
struct fus_torch_range {
    struct fus_torch_storage storage;
    uint64_t first, n;
};

/* A tensor that the pickle refers to by a number (the tar format). */
struct fus_torch_ready {
    int64_t key;
    struct fus_tensor tensor; /* all but its name */
};

/* The state of reading one pickle. Set s, err, big_endian; call fus_torch_storage_list; set member
 * and placed of each storage; call fus_torch_tensors_walk; free storages. */
struct fus_torch {
    struct fus_store *s;
    struct fus_error *err;
    struct fus_torch_storage *storages; /* [n_storages] sorted by key */
    size_t n_storages;
    const struct fus_torch_ready *ready; /* [n_ready] sorted by key */
    size_t n_ready;
    bool big_endian;
    bool arrays;          /* the pickle is the whole file: its NumPy arrays are read */
    const uint8_t *bytes; /* [n_bytes] the file, if `arrays` */
    size_t n_bytes;
    /* objects with tensors inside that are left out; class and place of the first: */
    size_t n_objects;
    char object[160], object_at[FUS_TORCH_MAX_NAME + 1];
    size_t n_arrays; /* NumPy arrays that are left out; name of the first: */
    char array[FUS_TORCH_MAX_NAME + 1];
    size_t n_hidden; /* tensors in the store that stand for such objects */
    size_t budget;   /* values that may still be visited: some contain each other */
    char path[FUS_TORCH_MAX_NAME + 1];
    size_t path_n;
};

/* Lists every storage that the pickle refers to, once. Two references to one storage must agree in
 * type and count. Ids of anything else are skipped: they matter only if a tensor refers to them. */
int fus_torch_storage_list(struct fus_torch *w, const struct fus_pickle *pickle);
struct fus_torch_storage *fus_torch_storage_find(const struct fus_torch *w, const uint8_t *key, size_t key_n);

/* Parses one persistent id. */
int fus_torch_storage_read_id(struct fus_torch_range *p, const struct fus_pickle_value *id, struct fus_error *err);

/* The element type of torch.FloatStorage or torch.float32. */
bool fus_torch_storage_dtype(enum fus_dtype *dtype, const struct fus_pickle_value *global, enum fus_pickle_role role);

/* The type of a storage: its dtype, or the label of a type that is not read. False if v is not the
 * class of a storage. */
bool fus_torch_storage_type(struct fus_torch_storage *storage, const struct fus_pickle_value *v);

/* An integer >= 0. */
bool fus_torch_storage_is_count(const struct fus_pickle_value *v);

/* Whether every element of t, starting at element `first`, is one of the n of its storage. */
bool fus_torch_storage_inside(const struct fus_tensor *t, uint64_t first, uint64_t n);

#endif
