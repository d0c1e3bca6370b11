/* SPDX-License-Identifier: MIT */
/* Weight files: any common file -> named tensors -> the names that the networks of nn/ ask for.
 *
 * Reading order: open.c (recognises the format); safetensors.c | zip.c, pickle.c, pickle_load.c,
 * torch.c, torch_tensors.c | npy.c | shards.c | random.c | demo.c | baseline.c (formats); store.c,
 * store_read.c (directory and reading), derived.c (tensors in other forms); names.c, scheme.c,
 * scheme_tokens.c, mapping.c, recognise.c, recognise_tokens.c, recognise_chain.c,
 * recognise_cornet.c, recognise_convnext.c (which network it is), towers.c (CLIP's text tower);
 * safetensors_write.c.
 *
 * Nothing in a file is trusted: every byte is read through nn/base/bytes.h, every product of
 * sizes is checked, every limit is a named constant. */
#ifndef FUS_WEIGHTS_H
#define FUS_WEIGHTS_H

#include <stddef.h>
#include <stdint.h>

#include "nn/base/base.h"
#include "nn/nn.h"
#include "nn/tower.h"

#ifdef __cplusplus
extern "C" {
#endif

enum fus_dtype {
    FUS_F32,
    FUS_F16,
    FUS_BF16,
    FUS_F64,
    FUS_I8,
    FUS_U8,
    FUS_I16,
    FUS_U16,
    FUS_I32,
    FUS_U32,
    FUS_I64,
    FUS_U64,
    FUS_BOOL,
    FUS_N_DTYPES
};

#define FUS_MAX_DIMS 8

/* One tensor of an open file. Strides are in elements and may be anything inside the tensor's
 * storage (PyTorch saves views). Element (i0, i1, ...) is at offset + dtype size * sum(i_d *
 * stride[d]). */
struct fus_tensor {
    const char *name;      /* as in the file, keys joined by '.': "state_dict.module.conv1.weight" */
    const char *canonical; /* torchvision's or CLIP's name: "conv1.weight"; NULL: not of a network */
    enum fus_dtype dtype;
    bool big_endian;
    int n_dims; /* 0: a scalar */
    int64_t shape[FUS_MAX_DIMS], stride[FUS_MAX_DIMS];
    size_t n_elements;
    uint64_t offset; /* of element 0, in the file (stored data) or in its member (deflated zip) */
    uint32_t member; /* private to the format: the zip member that holds the storage */
    uint32_t shard;  /* likewise: the file, if there are several */
    char unread[48]; /* not empty: a type that is listed but not read ("f8_e4m3", "sparse") */
};

size_t fus_dtype_bytes(enum fus_dtype t);
const char *fus_dtype_name(enum fus_dtype t); /* "f32", "f16", ... as printed by inspect */
float fus_dtype_f16_to_f32(uint16_t h);
/* Round to nearest even. f16: overflow to infinity, NaN stays NaN. */
uint16_t fus_dtype_f32_to_f16(float x);
uint16_t fus_dtype_f32_to_bf16(float x);

/* An open weight file, or `random:...`. Only the header and the directory are in memory; tensors
 * are read on demand. Reading changes the store, so one store must not be read by several
 * threads. */
struct fus_store;

/* path: a file (safetensors; PyTorch zip, legacy, tar, TorchScript; .npz; .npy; a pickle of NumPy
 * arrays), an index of several files, a folder with one of these, or an untrained control:
 * `random:resnet50?seed=1`, random:cifar_resnet20?..., random:lang_resnet50?seed=N&embed=512,
 * random:clip_rn50?..., random:clip_vit_b32?..., random:vit_b_16?..., random:alexnet?...,
 * random:vgg16_bn?..., random:cornet_s?..., random:convnext_tiny?..., or in numbers
 * (random_spec.c):
 * random:resnet?stem=7x7&blocks=2,2,2&width=16&input=64&classes=11&seed=1
 * Or a demonstration network, whose file is part of the program: demo:vision, demo:control,
 * demo:lang, demo:clip. Or a baseline that is no network (baseline.c): pixels:32, gabor.
 *
 * Messages start with the path. For a file without weights they name its kind: empty, an HTML page,
 * a Git LFS pointer, ... */
int fus_open_weights(struct fus_store **store, const char *path, struct fus_error *err);
void fus_store_close(struct fus_store *store); /* NULL allowed */
/* Whether the path is one in the file system: not `random:`, `demo:` or a baseline. */
bool fus_open_is_file(const char *path);

const char *fus_store_path(const struct fus_store *store);
/* "safetensors", "pytorch zip", "pytorch legacy", "pytorch tar", "torchscript", "npz", "npy",
 * "pickle", "shards", "random", "baseline" */
const char *fus_store_format(const struct fus_store *store);
size_t fus_store_count(const struct fus_store *store);
/* In the file's order; NULL past the end. */
const struct fus_tensor *fus_store_tensor(const struct fus_store *store, size_t i);
/* By canonical name; NULL: none. */
const struct fus_tensor *fus_store_find(const struct fus_store *store, const char *canonical);

/* Notes on contents that fusiform leaves out, one sentence each: NumPy arrays beside tensors,
 * objects with tensors inside. */
size_t fus_store_n_notes(const struct fus_store *store);
const char *fus_store_note(const struct fus_store *store, size_t i);
/* An entry of safetensors' __metadata__; NULL: none. */
const char *fus_store_metadata(const struct fus_store *store, const char *key);

/* SHA-256 of the whole file; of the spec for `random:`. */
int fus_store_sha256(const struct fus_store *store, char hex[65], struct fus_error *err);

/* Verifies the checksum of every part of a file that has checksums (zip archives). FUS_EFORMAT that
 * names the part. */
int fus_store_check(struct fus_store *store, struct fus_error *err);

/* The tensor as n_elements floats in C order, whatever its dtype, strides and byte order. f64 and
 * integers are rounded to nearest. */
int fus_store_read_f32(struct fus_store *store, float *out, const struct fus_tensor *t, struct fus_error *err);

/* A tensor of f64, of n_elements doubles; FUS_EUNSUPPORTED if it is of another dtype or not
 * contiguous. */
int fus_store_read_f64(struct fus_store *store, double *out, const struct fus_tensor *t, struct fus_error *err);

/* Selects one of several networks in the file by its prefix (state_dict.module.encoder_q,
 * model_ema): the network whose prefix equals, ends with, begins with or contains the components of
 * `prefix`. Call it before fus_names_recognise. */
int fus_names_choose(struct fus_store *store, const char *prefix, struct fus_error *err);
/* A note for the user, for example on averaged weights in the same file; NULL: none. */
const char *fus_names_note(const struct fus_store *store);

/* Recognises the network: fills *spec (nn/nn.h) from the names and shapes of the tensors.
 * lang_head: prefix of the language head; NULL: `lang_head`. Any other prefix renames PREFIX.*
 * to lang_head.* in the store, permanently. FUS_EUNSUPPORTED for an unknown network; the message
 * says what is missing. */
int fus_names_recognise(struct fus_net_spec *spec, struct fus_store *store, const char *lang_head,
                        struct fus_error *err);

/* The text tower in a CLIP file: its dimensions; false in *found, and FUS_OK: the file has none.
 * activation: "quickgelu" or "gelu", as --activation says; NULL: what the file says
 * (OpenAI's names, fusiform.activation, config.json or open_clip_config.json in its folder).
 * QuickGELU or GELU cannot be seen in the weights, so a file that does not say is an error. */
int fus_names_tower(struct fus_tower_spec *spec, bool *found, struct fus_store *store, const char *activation,
                    struct fus_error *err);

/* The activation of CLIP's transformers in the file, as above. */
int fus_names_activation(enum fus_act *act, const struct fus_store *store, const char *given, struct fus_error *err);

/* The text tower of an open file, ready to embed texts; the store must stay open. FUS_ENOTFOUND if
 * it has none. Its logit scale is the tensor `logit_scale` (fus_store_find). */
int fus_open_tower(struct fus_tower **tower, struct fus_store *store, const char *activation,
                   const struct fus_tower_options *options, struct fus_error *err);

/* The look-up of nn (fus_weight_fn); store is a struct fus_store *. Checks n against the tensor's
 * size. */
int fus_store_lookup(void *store, float *out, size_t n, const char *canonical, struct fus_error *err);

/* Side of the input and preprocessing: the text that was set, else the file's metadata, else the
 * default of the recognised network. */
int fus_store_preprocess(struct fus_store *store, const struct fus_net_spec *spec, int *input_side,
                         const char **preprocess, struct fus_error *err);

/* Sets the preprocessing (copied), which then overrides metadata and defaults;
 * `convert` writes it. */
int fus_store_set_preprocess(struct fus_store *store, const char *preprocess, struct fus_error *err);

/* Mean and standard deviation of a layer in the file that normalises pixels in 0..1; false:
 * there is none. */
bool fus_names_normalisation(struct fus_store *store, float mean[3], float std[3]);

/* Writes the network of `store` as a safetensors file of dtype f32, f16 or bf16 (1-d tensors stay
 * f32): names sorted; metadata fusiform.arch, input, preprocess, source_sha256, version, and for a
 * transformer activation. tower: the text tower too, under text.; NULL: not. The same input gives
 * the same bytes. */
int fus_safetensors_write(const char *out_path, struct fus_store *store, const struct fus_net_spec *spec,
                          const struct fus_tower_spec *tower, enum fus_dtype dtype, struct fus_error *err);

/* Writes tensors [n] of dtype f32, f16 or bf16 with metadata in the given order; names are sorted
 * in place. `get` is called once for each tensor, by name, and fills it as f32. The same tensors
 * give the same bytes. */
struct fus_safetensors_tensor {
    char name[128];
    int n_dims;
    int64_t shape[4];
    enum fus_dtype dtype;
    uint64_t begin; /* set by the writer */
};
struct fus_safetensors_pair {
    const char *key, *value;
};
int fus_safetensors_write_tensors(const char *path, struct fus_safetensors_tensor *tensors, size_t n,
                                  const struct fus_safetensors_pair *metadata, size_t n_metadata, fus_weight_fn get,
                                  void *context, struct fus_error *err);

/* The initial value of a parameter before training (rules: random.c); it depends on (seed, name)
 * alone. inputs: for a bias, the columns of its matrix; 0: the bias of a batch norm. */
void fus_random_fill(float *out, const char *name, const int64_t *shape, int n_dims, int64_t inputs, uint64_t seed);

#ifdef __cplusplus
}
#endif

#endif
