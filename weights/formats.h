/* SPDX-License-Identifier: MIT */
/* Private to weights/: the readers of the formats. open.c picks one by the file's first bytes.
 * Each fills tensors, members and metadata of a store whose file is open. */
#ifndef FUS_FORMATS_H
#define FUS_FORMATS_H

#include "weights/store.h"

int fus_safetensors_open(struct fus_store *s, struct fus_error *err);
/* PyTorch zip, TorchScript, npz */
int fus_torch_open_zip(struct fus_store *s, struct fus_error *err);
int fus_torch_open_legacy(struct fus_store *s, struct fus_error *err);
/* NumPy arrays, pickle.dump */
int fus_torch_open_pickle(struct fus_store *s, struct fus_error *err);
int fus_torch_tar_open(struct fus_store *s, struct fus_error *err); /* PyTorch before 0.1.10 */
int fus_npy_open(struct fus_store *s, struct fus_error *err);
int fus_npy_open_npz(struct fus_store *s, struct fus_error *err);

/* A model in several files: NAME.index.json, or a Hugging Face folder that holds the weights or
 * their index. `open` opens one of the files, without canonical names. */
typedef int (*fus_shards_open_fn)(struct fus_store **store, const char *path, struct fus_error *err);
int fus_shards_open(struct fus_store *s, fus_shards_open_fn open, struct fus_error *err);
int fus_shards_open_folder(struct fus_store *s, fus_shards_open_fn open, struct fus_error *err);

/* `random:...`: the directory of an untrained network. Its tensors are computed when read. */
int fus_random_open(struct fus_store *s, const char *spec, struct fus_error *err);

/* `pixels:32`, `gabor`: no file (baseline.c). */
bool fus_baseline_is(const char *path);
int fus_baseline_open(struct fus_store *s, const char *path, struct fus_error *err);

/* `demo:NAME`: a safetensors file in the program itself (demo.c). */
int fus_demo_open(struct fus_store *s, const char *name, struct fus_error *err);

/* The type that NumPy writes as `<f4`; false for a type that is not read. */
bool fus_npy_dtype(enum fus_dtype *dtype, bool *big_endian, const char *descr);

#endif
