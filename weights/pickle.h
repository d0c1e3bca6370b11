/* SPDX-License-Identifier: MIT */
/* Private to weights/: a pickle as data. Nothing in it is run: a call is kept as an object with the
 * name of the function and its arguments. */
#ifndef FUS_PICKLE_H
#define FUS_PICKLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nn/base/base.h"

#define FUS_PICKLE_MAX_BYTES ((size_t)16 << 20) /* 80,000 tensors */

enum fus_pickle_kind {
    FUS_PICKLE_NONE,
    FUS_PICKLE_BOOL, /* integer is 0 or 1 */
    FUS_PICKLE_INT,  /* integer */
    /* text: more than 64 bits, little-endian two's complement (or digits, from protocol 0) */
    FUS_PICKLE_LONG,
    FUS_PICKLE_FLOAT, /* number */
    FUS_PICKLE_TEXT,  /* text: str in UTF-8, Python 2's str as it is */
    FUS_PICKLE_BYTES, /* text */
    FUS_PICKLE_TUPLE, /* tuple */
    FUS_PICKLE_LIST,  /* items */
    /* items: key, value, key, value, ...; `state` too if BUILD gave it attributes */
    FUS_PICKLE_DICT,
    FUS_PICKLE_SET,       /* items */
    FUS_PICKLE_GLOBAL,    /* global: a class or function by name */
    FUS_PICKLE_OBJECT,    /* object: the result of a call, not executed */
    FUS_PICKLE_PERSISTENT /* persistent: PyTorch's tuple that names a storage */
};

/* The meaning of a global. */
enum fus_pickle_role {
    FUS_PICKLE_OPAQUE,  /* any other class or function: only its arguments are known */
    FUS_PICKLE_MAPPING, /* collections.OrderedDict and its like: called, it becomes a DICT */
    FUS_PICKLE_DTYPE,   /* torch.float32: `detail` is its letter code, below */
    FUS_PICKLE_STORAGE, /* torch.FloatStorage: `detail` likewise */
    /* torch._utils._rebuild_tensor, _v2: storage, offset, size, stride, ... */
    FUS_PICKLE_TENSOR,
    FUS_PICKLE_TENSOR_DTYPE, /* _rebuild_tensor_v3: the same with the dtype as 7th argument */
    FUS_PICKLE_WRAPPER,      /* _rebuild_parameter and its like: the tensor is the first argument */
    FUS_PICKLE_TYPED,        /* _rebuild_from_type_v2(function, class, arguments, state) */
    FUS_PICKLE_SIZE,         /* torch.Size(tuple) */
    FUS_PICKLE_CLASS,        /* __torch__.*: a TorchScript module, its attributes in `state` */
    FUS_PICKLE_UNREAD,       /* makes a tensor of a kind that is not read, named by `detail` */
    /* numpy's _reconstruct: an array, filled by BUILD(version, shape, dtype, fortran, bytes) */
    FUS_PICKLE_ARRAY,
    FUS_PICKLE_BUFFER,      /* numpy's _frombuffer(bytes, dtype, shape, order) */
    FUS_PICKLE_ARRAY_DTYPE, /* numpy.dtype(descr, ...) and BUILD(version, byte order, ...) */
    FUS_PICKLE_ENCODE,      /* _codecs.encode(text, "latin1"): Python 3's bytes in protocols 0 to 2 */
    /* copyreg._reconstructor(class, base, state): an object in protocols 0 and 1 */
    FUS_PICKLE_RECONSTRUCT
};

struct fus_pickle_global {
    const char *module, *name;
    enum fus_pickle_role role;
    /* storages and dtypes: f32 f16 bf16 f64 i64 i32 i16 i8 u8 bool u16 u32 u64 */
    const char *detail;
};

struct fus_pickle_item {
    struct fus_pickle_value *value;
    struct fus_pickle_item *next;
};

struct fus_pickle_items {
    struct fus_pickle_item *first, *last;
    size_t n;
};

struct fus_pickle_value {
    uint8_t kind; /* enum fus_pickle_kind */
    bool on_path; /* for the walker: guards against a list that contains itself */
    bool seen;    /* likewise: already searched for tensors */
    uint32_t n;   /* items of the tuple */
    union {
        int64_t integer;
        double number;
        struct {
            const uint8_t *bytes; /* not ended by 0 */
            size_t n;
        } text;
        struct fus_pickle_value **tuple; /* [n] */
        struct {
            struct fus_pickle_items items;
            struct fus_pickle_value *state; /* BUILD; NULL: none */
        } container;                        /* LIST, DICT, SET */
        const struct fus_pickle_global *global;
        struct {
            const struct fus_pickle_global *global;
            struct fus_pickle_value *arguments; /* a TUPLE */
            /* [2] APPEND on it, and SETITEM: key, value, ...; NULL: none */
            struct fus_pickle_items *items;
            struct fus_pickle_value *state; /* BUILD; NULL: none */
        } object;
        struct {
            struct fus_pickle_value *id;
            struct fus_pickle_value *next; /* all of a pickle make a list, in its order */
        } persistent;
    } u;
};

/* Memory of values. */
struct fus_pickle_chunk {
    struct fus_pickle_chunk *next;
    size_t n, used;
    max_align_t data[];
};

struct fus_pickle {
    struct fus_pickle_value *root;
    struct fus_pickle_value *first_persistent;
    size_t n_used;                   /* bytes up to and with STOP */
    size_t n_values;                 /* values and items of containers: a bound for walkers */
    bool ends_early;                 /* on failure: more bytes might have made it succeed */
    bool text_ids;                   /* persistent ids were texts (protocol 0) */
    struct fus_pickle_chunk *chunks; /* all memory of the values */
    size_t n_arena;
};

/* Interpret the n bytes at `bytes`. Values point into them, so they must outlive the pickle.
 * Messages count bytes from `base`. torchscript: classes __torch__.* are plain objects. Every
 * global that is not in the table of pickle_globals.c is FUS_PICKLE_OPAQUE. On failure the
 * pickle is empty except for ends_early; fus_pickle_free is allowed in any case. */
int fus_pickle_load(struct fus_pickle *p, const uint8_t *bytes, size_t n, long long base, bool torchscript,
                    struct fus_error *err);
void fus_pickle_free(struct fus_pickle *p);

/* Whether the value is the text s (or bytes: Python 2). */
bool fus_pickle_is_text(const struct fus_pickle_value *v, const char *s);

#endif
