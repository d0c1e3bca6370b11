/* Private to weights/: what PyTorch's containers share. A pickle refers to storages; tensors are found by walking its values. */
#ifndef FUS_TORCH_TENSORS_H
#define FUS_TORCH_TENSORS_H

#include "weights/pickle.h"
#include "weights/store.h"

#define FUS_CHECKPOINT_MAX_NAME 400 /* bytes of a tensor's name; the longest in Hugging Face's ResNets is 70 */

/* A storage that some tensor of the pickle refers to. */
struct fus_torch_tensors_storage {
    const uint8_t *key; /* points into the pickle; not ended by 0, holds none */
    size_t key_n;
    enum fus_dtype dtype;
    size_t size;    /* bytes of an element; 0: not known */
    char label[24]; /* not empty: the name of a type that is not read */
    uint64_t n;     /* elements */
    uint32_t member;
    bool placed; /* the container has found it: member counts */
};

/* A tensor that the pickle refers to by a number (the tar format). */
struct fus_torch_tensors_ready {
    int64_t key;
    struct fus_tensor tensor; /* all but its name */
};

/* What the walk carries. Set store, err, big_endian; then list, set member and placed of each storage, walk; free storages. */
struct fus_torch_tensors {
    struct fus_store *s;
    struct fus_error *err;
    struct fus_torch_tensors_storage *storages; /* sorted by key */
    size_t n_storages;
    const struct fus_torch_tensors_ready *ready; /* sorted by key */
    size_t n_ready;
    bool big_endian;
    bool arrays;          /* NumPy arrays are read, not left out: those of a pickle that is the whole file, */
    const uint8_t *bytes; /* [n_bytes] which is here */
    size_t n_bytes;
    size_t n_objects;     /* objects with tensors inside that are left out; the first one's class and place: */
    char object[160], object_at[FUS_CHECKPOINT_MAX_NAME + 1];
    size_t n_arrays;      /* NumPy arrays that are left out, and the first one's name: */
    char array[FUS_CHECKPOINT_MAX_NAME + 1];
    size_t n_hidden;      /* tensors in the store that stand for such objects */
    size_t budget; /* values that may still be visited: some contain each other */
    char path[FUS_CHECKPOINT_MAX_NAME + 1];
    size_t path_n;
};

/* Every storage that the pickle refers to, once. Two references must agree in type and count. Ids of anything else are passed
 * over: they matter only where a tensor refers to them. */
int fus_torch_tensors_list(struct fus_torch_tensors *w, const struct fus_pickle *pickle);
struct fus_torch_tensors_storage *fus_torch_tensors_find(const struct fus_torch_tensors *w, const uint8_t *key, size_t key_n);

/* Add each tensor of the pickle to the store, named by the path of keys that leads to it. An object of a class that is not known
 * is opaque: a module's parameters and the items of a dictionary's or list's subclass are read, tensors elsewhere inside are
 * left out with a note. FUS_EUNSUPPORTED where no tensor is found at all. */
int fus_torch_tensors_walk(struct fus_torch_tensors *w, const struct fus_pickle *pickle);

/* arrays.c: a NumPy array at the walk's path: a tensor where w->arrays, else a note. */
int fus_torch_tensors_add_array(struct fus_torch_tensors *w, const struct fus_pickle_value *v);

/* arrays.c: the tensor t, all but its place, whose storage is an object: the bytes that pickle.dump makes of one. */
int fus_torch_tensors_add_dumped(struct fus_torch_tensors *w, struct fus_tensor *t, const struct fus_pickle_value *storage, uint64_t first);

/* What a torch.FloatStorage or torch.float32 holds. */
bool fus_torch_tensors_dtype(enum fus_dtype *dtype, const struct fus_pickle_value *global, enum fus_pickle_role role);

/* The type of a storage, known or only named; false where v is no storage's class. */
bool fus_torch_tensors_storage_type(struct fus_torch_tensors_storage *storage, const struct fus_pickle_value *v);

/* Whether every element of t, from number `first` on, is one of the n of its storage. */
bool fus_torch_tensors_inside(const struct fus_tensor *t, uint64_t first, uint64_t n);

/* One of the pickles that stand one behind the other, with the bytes it points into. */
struct fus_torch_tensors_part {
    struct fus_pickle pickle;
    uint8_t *bytes;
};

/* Read the pickle at *at and move behind it; it ends before byte `end`. Nothing says how long it is: the stretch that is read begins
 * with `window` bytes and grows until the pickle stops. */
int fus_torch_tensors_read_part(struct fus_torch_tensors_part *part, const struct fus_store *s, uint64_t *at, uint64_t end, size_t window,
                             struct fus_error *err);
void fus_torch_tensors_free_part(struct fus_torch_tensors_part *part);

#endif
