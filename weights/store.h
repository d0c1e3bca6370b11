/* Private to weights/: the open file that each format's reader fills. */
#ifndef FUS_STORE_H
#define FUS_STORE_H

#include <stdio.h>

#include "weights/scheme.h"
#include "weights/weights.h"

/* A stretch of the file that tensors lie in: the whole file, or one zip member. */
struct fus_member {
    uint64_t offset;   /* of its (possibly compressed) bytes in the file */
    uint64_t n_stored; /* bytes in the file */
    uint64_t n_bytes;  /* bytes when unpacked */
    uint32_t crc;      /* 0: unknown (some writers leave 0) */
    bool deflated;
    bool checked;      /* its checksum has been compared */
    uint8_t *memory;   /* its bytes where they are not in the file as such; NULL: they are */
    char *name;        /* in the archive; NULL for the whole file */
};

struct fus_pair {
    char *key, *value;
};

struct fus_canonical {
    const char *name; /* the tensor's `canonical` */
    size_t tensor;
};

/* A place in the file where a network begins: its tensors' names are `prefix` and names of one scheme. */
struct fus_root {
    char *prefix;             /* of s->plain: "" or with a dot at its end */
    const char *first;        /* the tensor it was found by, as the file has it */
    struct fus_scheme scheme;
    bool known, average, twin; /* a network that is known; its name says EMA or the like; the tensors of an earlier one */
    uint64_t places;          /* a digest of where its tensors lie */
};

struct fus_store {
    char *path;
    FILE *file;          /* NULL for `random:` */
    uint64_t file_bytes;
    const char *format;
    struct fus_tensor *tensors; /* name and canonical are owned here */
    size_t n_tensors, cap_tensors;
    struct fus_member *members; /* member 0 exists for plain files too */
    size_t n_members, cap_members;
    struct fus_pair *metadata;
    size_t n_metadata;
    char **notes; /* [n_notes], see fus_store_note */
    size_t n_notes;
    struct fus_store **shards; /* [n_shards] of a model in several files; `file` is NULL then */
    size_t n_shards;
    struct fus_canonical *by_canonical; /* sorted by name: names.c makes it, fus_store_find looks in it */
    size_t n_canonical;
    char **plain;              /* [n_tensors] names without what DataParallel, torch.compile and the like put between */
    size_t *by_plain;          /* [n_tensors] sorted by these */
    struct fus_root *roots;    /* in the file's order */
    size_t n_roots;
    const struct fus_root *chosen; /* whose tensors are canonical now; NULL: several are known, and none was chosen */
    char note[600];            /* what else lies in the file that its user should know */
    char *given_preprocess;          /* by fus_store_set_preprocess; NULL: none */
    char preprocess[160];            /* the last answer of fus_store_preprocess that had to be put together */
    struct fus_net_spec random_spec; /* `random:` only */
    uint64_t random_seed;
    bool random_zero;
    uint8_t *unpacked;          /* the deflated member read last, kept because many tensors may share it */
    uint32_t unpacked_member;
};

#define FUS_MAX_TENSORS 100000             /* ResNet-152 has 932; a directory beyond this is hostile */
#define FUS_MAX_ROOTS 64                   /* networks looked at in a file */
#define FUS_MAX_HEADER ((size_t)64 << 20)  /* safetensors JSON or a pickle: those of real files are < 1 MB */

/* n bytes at offset of the file into buf; FUS_EFORMAT "truncated copy?" past the end. */
int fus_store_read_at(const struct fus_store *s, void *buf, uint64_t offset, size_t n, struct fus_error *err);

/* fus_store_open without the canonical names. */
int fus_store_open_unnamed(struct fus_store **store, const char *path, struct fus_error *err);

/* Append a tensor (copied, its name too). n_elements is computed here from the shape; checked are the number of dims, that
 * no size or stride is negative, and that every element lies inside the member. Messages name the tensor. */
int fus_store_add(struct fus_store *s, const struct fus_tensor *t, struct fus_error *err);
int fus_store_add_member(struct fus_store *s, const struct fus_member *m, struct fus_error *err); /* name and memory are taken over, also on failure */
/* One more sentence about what is left out. The first FUS_MAX_NOTES are kept; no memory: it is lost. */
void fus_store_add_note(struct fus_store *s, const char *fmt, ...) FUS_PRINTF(2, 3);
#define FUS_MAX_NOTES 20

/* Each reader fills tensors, members and metadata of a store whose file is open. store.c picks it by the first bytes. */
int fus_safetensors_open(struct fus_store *s, struct fus_error *err);
int fus_torch_open_zip(struct fus_store *s, struct fus_error *err);    /* PyTorch zip and TorchScript */
int fus_torch_open_legacy(struct fus_store *s, struct fus_error *err);
int fus_torch_open_pickle(struct fus_store *s, struct fus_error *err); /* pickle.dump of NumPy arrays */
int fus_torch_tar_open(struct fus_store *s, struct fus_error *err);     /* PyTorch before 0.1.10: resnet50-19c8e357.pth */
int fus_npy_open(struct fus_store *s, struct fus_error *err);
int fus_npy_open_npz(struct fus_store *s, struct fus_error *err);
int fus_shards_open(struct fus_store *s, struct fus_error *err); /* NAME.index.json: one model in several files */
int fus_shards_open_folder(struct fus_store *s, struct fus_error *err); /* of Hugging Face: weights or their index beside config.json */
/* What `random:...` says (random_spec.c). preprocess: "" where the network's own will do. */
struct fus_random_spec {
    struct fus_net_spec net;
    uint64_t seed;
    bool zero;
    char preprocess[120];
};
int fus_random_parse(struct fus_random_spec *r, const char *spec, struct fus_error *err);
int fus_random_open(struct fus_store *s, const char *spec, struct fus_error *err);
int fus_random_read(const struct fus_store *s, float *out, const struct fus_tensor *t, struct fus_error *err);

/* npy.c: what NumPy's `<f4` stands for; false where it is no number that is read. */
bool fus_npy_dtype(enum fus_dtype *dtype, bool *big_endian, const char *descr);

/* dtype.c: n elements as they lie in the file -> floats. */
void fus_dtype_to_f32(float *out, const uint8_t *raw, size_t n, enum fus_dtype t, bool big_endian);
/* n floats -> little-endian f32, f16 or bf16 in the same memory; returns the bytes they take. */
size_t fus_dtype_pack(float *values, size_t n, enum fus_dtype t);
bool fus_dtype_host_is_little(void);
/* Index of the first NaN or infinity, n where there is none. */
size_t fus_dtype_find_not_finite(const float *values, size_t n);

/* Find where networks begin, and where one of them is certain set `canonical` of every tensor that it may ask for, and
 * s->by_canonical (names.c). Two tensors of one canonical name: FUS_EFORMAT, both are named. */
int fus_names_map(struct fus_store *s, struct fus_error *err);
void fus_names_free(struct fus_store *s);

/* mapping.c: this root's tensors, and no others, get canonical names. */
int fus_mapping_root(struct fus_store *s, const struct fus_root *root, struct fus_error *err);
void fus_mapping_forget(struct fus_store *s);
/* The tensors HEAD.weight, HEAD.0.weight, ... get the canonical names lang_head.*, for as long as the file is open. */
int fus_mapping_lang_head(struct fus_store *s, const char *head, struct fus_error *err);
/* The tensor whose name without wrappers is `prefix` (n bytes of it) and `rest`; NULL: none. */
struct fus_tensor *fus_mapping_find(const struct fus_store *s, const char *prefix, size_t n, const char *rest);

/* Which network the tensors with canonical names make up (recognise.c). */
int fus_recognise_mapped(struct fus_net_spec *spec, const struct fus_store *s, struct fus_error *err);

#endif
