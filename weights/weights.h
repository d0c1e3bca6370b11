/* Weight files: any file that people have -> named tensors -> the names the networks of nn/ ask for.
 *
 * Reading order: json.c, safetensors.c | zip.c, inflate.c, pickle.c, torch.c | npy.c (formats), then names.c
 * (where networks lie in a file), scheme.c, mapping.c, recognise.c (what their tensors are called elsewhere,
 * which network they make up), random.c (untrained controls), store.c (all of it behind one handle),
 * safetensors_write.c (the writer).
 *
 * Nothing in a file is trusted: every byte through nn/base/bytes.h, every size product checked, every limit named. */
#ifndef FUS_WEIGHTS_H
#define FUS_WEIGHTS_H

#include <stddef.h>
#include <stdint.h>

#include "nn/base/base.h"
#include "nn/nn.h"

enum fus_dtype {
    FUS_F32, FUS_F16, FUS_BF16, FUS_F64,
    FUS_I8, FUS_U8, FUS_I16, FUS_U16, FUS_I32, FUS_U32, FUS_I64, FUS_U64, FUS_BOOL,
    FUS_N_DTYPES
};

#define FUS_MAX_DIMS 8

/* One tensor of an open file. Strides are in elements and may be anything that stays inside the tensor's storage
 * (PyTorch saves views); element (i0, i1, ...) is at offset + dtype size * sum(i_d * stride[d]). */
struct fus_tensor {
    const char *name;      /* as the file has it, wrappers joined by '.': "state_dict.module.conv1.weight" */
    const char *canonical; /* torchvision's or CLIP's name: "conv1.weight"; NULL: not part of a network */
    enum fus_dtype dtype;
    bool big_endian;
    int n_dims;            /* 0 = a scalar */
    int64_t shape[FUS_MAX_DIMS], stride[FUS_MAX_DIMS];
    size_t n_elements;
    uint64_t offset;       /* of element 0, in the file (stored data) or in its member (deflated zip) */
    uint32_t member;       /* format's own business: which zip member holds the storage */
    uint32_t shard;        /* likewise: which file of several */
    char unread[48];       /* not empty: a type that is listed and not read ("f8_e4m3", "sparse"); dtype means nothing then */
};

size_t fus_dtype_bytes(enum fus_dtype t);
const char *fus_dtype_name(enum fus_dtype t); /* "f32", "f16", ... as printed by inspect */
float fus_dtype_f16_to_f32(uint16_t h);
uint16_t fus_dtype_f32_to_f16(float x);  /* nearest even; overflow to infinity, NaN stays NaN */
uint16_t fus_dtype_f32_to_bf16(float x); /* nearest even */

/* An open weight file, or `random:...`. Only header and directory are in memory; tensor data is read when asked for. */
struct fus_store;

/* How a parameter begins before any training (random.c has the rules), from (seed, name) alone. inputs: columns of the matrix
 * that a bias belongs to; 0: it is a batch norm's. */
void fus_random_fill(float *out, const char *name, const int64_t *shape, int n_dims, int64_t inputs, uint64_t seed);

/* path: a file (safetensors; PyTorch zip, legacy, TorchScript; .npz; .npy) or an untrained control:
 * `random:resnet50?seed=1`, random:cifar_resnet20?..., random:lang_resnet50?seed=N&embed=512, random:clip_rn50?...,
 * or one in numbers: random:resnet?stem=7x7&blocks=2,2,2&width=16&input=64&classes=11&seed=1 (random_spec.c).
 * Messages start with the path. What is no weight file is named for what it is: empty, an HTML page, a Git LFS pointer, a tar, a folder. */
int fus_store_open(struct fus_store **store, const char *path, struct fus_error *err);
void fus_store_close(struct fus_store *store); /* NULL allowed */

const char *fus_store_path(const struct fus_store *store);
const char *fus_store_format(const struct fus_store *store); /* "safetensors", "pytorch zip", "pytorch legacy", "pytorch tar", "torchscript", "npz", "npy", "random" */
size_t fus_store_count(const struct fus_store *store);
const struct fus_tensor *fus_store_tensor(const struct fus_store *store, size_t i); /* in the file's own order */
const struct fus_tensor *fus_store_find(const struct fus_store *store, const char *canonical); /* NULL: none */

/* What the file holds and fusiform leaves out, a sentence each: NumPy arrays beside tensors, objects with tensors inside. */
size_t fus_store_n_notes(const struct fus_store *store);
const char *fus_store_note(const struct fus_store *store, size_t i);
const char *fus_store_metadata(const struct fus_store *store, const char *key); /* safetensors' __metadata__; NULL: none */

/* SHA-256 of the whole file; of the text of the spec for `random:`. */
int fus_store_sha256(const struct fus_store *store, char hex[65], struct fus_error *err);

/* The tensor as n_elements floats in C order, whatever its dtype, strides and byte order. f64 and integers are
 * rounded to nearest. Thread-safe for one store read by several threads is NOT promised. */
int fus_store_read_f32(const struct fus_store *store, float *out, const struct fus_tensor *t, struct fus_error *err);

/* Which of the file's networks is meant, where several lie in it under different prefixes (state_dict.module.encoder_q, model_ema):
 * the one whose prefix is, ends with, begins with or has inside it the components of `prefix`. Before fus_names_recognise. */
int fus_names_choose(struct fus_store *store, const char *prefix, struct fus_error *err);
/* What else lies in the file that its user should know: averaged weights, ...; NULL: nothing. */
const char *fus_names_note(const struct fus_store *store);

/* Which network the tensors make up: fills *spec (nn/nn.h) from names and shapes. lang_head: prefix of the language
 * head, NULL for `lang_head`. An unknown network is FUS_EUNSUPPORTED with a message that says what was missing. */
int fus_names_recognise(struct fus_net_spec *spec, const struct fus_store *store, const char *lang_head,
                        struct fus_error *err);

/* nn's look-up (fus_weight_fn): context is a struct fus_store *. Checks n against the tensor's size. */
int fus_store_lookup(void *store, float *out, size_t n, const char *canonical, struct fus_error *err);

/* Input side and preprocessing for an open file: its metadata, else the defaults of the recognised network. */
int fus_store_preprocess(const struct fus_store *store, const struct fus_net_spec *spec, int *input_side,
                         const char **preprocess, struct fus_error *err);

/* Preprocessing that goes before metadata and defaults; `convert` writes it. The text is copied. */
int fus_store_set_preprocess(struct fus_store *store, const char *preprocess, struct fus_error *err);

/* Mean and standard deviation of a layer in the file that normalises pixels from 0 to 1; false: there is none. */
bool fus_names_normalisation(const struct fus_store *store, float mean[3], float std[3]);

/* Writer: tensors [n] of dtype f32, f16 or bf16 with metadata as they come, names sorted (in place). `get` fills one after the
 * other by name, as f32. The same tensors and metadata give the same bytes. */
struct fus_safetensors_tensor {
    char name[128];
    int n_dims;
    int64_t shape[4];
    enum fus_dtype dtype;
    uint64_t begin; /* set by write */
};
struct fus_safetensors_pair {
    const char *key, *value;
};
int fus_safetensors_write(const char *path, struct fus_safetensors_tensor *tensors, size_t n,
                          const struct fus_safetensors_pair *metadata, size_t n_metadata, fus_weight_fn get, void *context,
                          struct fus_error *err);

/* Writer: canonical tensors of `store` as a safetensors blob of dtype f32, f16 or bf16 (1-d tensors stay f32), names
 * sorted, metadata fusiform.arch, input, preprocess, source_sha256, version. The same input gives the same bytes. */
int fus_safetensors_convert(const char *out_path, const struct fus_store *store, const struct fus_net_spec *spec,
                            enum fus_dtype dtype, struct fus_error *err);

#endif
