/* SPDX-License-Identifier: MIT */
/* One model in several files, as Hugging Face writes it, and the folders it is in.
 *
 *     model.safetensors.index.json, pytorch_model.bin.index.json:
 *     {"metadata": {"total_size": 123}, "weight_map": {"conv1.weight":
 *     "model-00001-of-00002.safetensors", ...}}
 *
 * A file's name is that of a file beside the index: no folder, so that an index reaches no file
 * elsewhere. Each file is opened as any weight file; of its tensors those that the index puts
 * there are taken. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "nn/base/json.h"
#include "weights/formats.h"

#define MAX_SHARDS 512 /* all are open at once; the largest models have 300 */
#define MAX_INDEX ((size_t)64 << 20)
#define MAX_SHARD_NAME 255

struct entry {
    char *tensor;
    uint32_t shard;
};

struct index {
    struct fus_store *s;
    struct fus_json j;
    char *names[MAX_SHARDS];
    size_t n_names;
    struct entry *entries;
    size_t n, cap;
    bool has_map;
};

/* The number of the file of that name; the first time it is noted. */
static uint32_t shard_of(struct index *x, const char *name)
{
    size_t i = x->n_names; /* neighbours in the index are mostly neighbours in a file */
    while (i > 0 && strcmp(x->names[i - 1], name) != 0)
        i--;
    if (i > 0)
        return (uint32_t)(i - 1);
    size_t n = strlen(name);
    if (n == 0 || n > MAX_SHARD_NAME || strchr(name, '/') || strchr(name, '\\') || strcmp(name, ".") == 0 ||
        strcmp(name, "..") == 0)
        fus_json_fail(&x->j, "file '%.300s': the plain name of a file beside the index expected", name);
    else if (n > 5 && strcmp(name + n - 5, ".json") == 0)
        fus_json_fail(&x->j, "file '%s': a weight file expected, not an index", name);
    else if (x->n_names == MAX_SHARDS)
        fus_json_fail(&x->j, "more than %d files", MAX_SHARDS);
    else if ((x->names[x->n_names] = fus_base_strdup(name)) == NULL)
        x->j.code = fus_base_fail(x->j.err, FUS_ENOMEM, "no memory for an index");
    else
        x->n_names++;
    return (uint32_t)(x->n_names - 1);
}

static void read_map(struct index *x)
{
    struct fus_json *j = &x->j;
    if (x->has_map)
        fus_json_fail(j, "weight_map stands there twice");
    x->has_map = true;
    for (fus_json_enter(j, '{'); fus_json_next(j);) {
        struct entry *entries = fus_base_grow(x->entries, &x->cap, x->n, sizeof *entries);
        if (!entries) {
            j->code = fus_base_fail(j->err, FUS_ENOMEM, "no memory for an index");
            return;
        }
        x->entries = entries;
        struct entry *e = &x->entries[x->n];
        e->tensor = fus_base_strdup(fus_json_key(j));
        if (!e->tensor) {
            j->code = j->code ? j->code : fus_base_fail(j->err, FUS_ENOMEM, "no memory for an index");
            return;
        }
        x->n++;
        if (x->n > FUS_MAX_TENSORS)
            fus_json_fail(j, "more than %d tensors", FUS_MAX_TENSORS);
        const char *name = fus_json_string(j);
        if (!j->code)
            e->shard = shard_of(x, name);
    }
}

static int read_index(struct index *x, const char *text, size_t n, struct fus_error *err)
{
    fus_json_start(&x->j, text, n, 0, err);
    for (fus_json_enter(&x->j, '{'); fus_json_next(&x->j);) {
        const char *key = fus_json_key(&x->j);
        if (strcmp(key, "weight_map") == 0)
            read_map(x);
        else
            fus_json_skip(&x->j);
    }
    int code = fus_json_end(&x->j);
    if (!code && !x->has_map)
        code = fus_base_fail(
            err, FUS_EUNSUPPORTED,
            "is JSON without a weight_map, not an index of weight files; give the weight file or its folder");
    if (!code && x->n == 0)
        code = fus_base_fail(err, FUS_EFORMAT, "its weight_map is empty");
    return code;
}

/* folder/name, where folder is that of `path`; NULL: no memory. */
static char *beside(const char *path, const char *name)
{
    const char *slash = strrchr(path, '/');
    size_t folder = slash ? (size_t)(slash - path) + 1 : 0, n = strlen(name);
    char *whole = fus_base_alloc(folder + n + 1, 1);
    if (whole) {
        memcpy(whole, path, folder);
        memcpy(whole + folder, name, n + 1);
    }
    return whole;
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Open each file. In order of their names, so that the digest of all does not depend on the
 * index's order. */
static int open_shards(struct index *x, const char *index_path, fus_shards_open_fn open, struct fus_error *err)
{
    struct fus_store *s = x->s;
    s->shards = fus_base_alloc(x->n_names, sizeof *s->shards);
    int code = s->shards ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "no memory for an index");
    for (size_t i = 0; !code && i < x->n_names; i++) {
        char *path = beside(index_path, x->names[i]);
        struct stat st;
        if (!path)
            return fus_base_fail(err, FUS_ENOMEM, "no memory for a path");
        if (stat(path, &st) != 0)
            code = fus_base_fail(err, FUS_ENOTFOUND, "file %s of the model is missing; its index lists %zu files",
                                 x->names[i], x->n_names);
        else if (S_ISDIR(st.st_mode))
            code = fus_base_fail(err, FUS_EFORMAT, "%s is a folder, a weight file expected", x->names[i]);
        else
            code = open(&s->shards[s->n_shards], path, err);
        s->n_shards += !code;
        fus_base_free(path);
    }
    return code;
}

/* A tensor of a shard as one of the whole. */
static int adopt(struct fus_store *s, size_t shard, const struct fus_tensor *t, struct fus_error *err)
{
    struct fus_tensor copy = *t;
    copy.shard = (uint32_t)shard;
    return fus_store_add(s, &copy, err);
}

struct place {
    const struct fus_tensor *tensor;
};

static int compare_places(const void *a, const void *b)
{
    return strcmp(((const struct place *)a)->tensor->name, ((const struct place *)b)->tensor->name);
}

/* The tensors that the index puts into shard k, in the index's order. */
static int adopt_shard(struct index *x, uint32_t k, struct fus_error *err)
{
    const struct fus_store *shard = x->s->shards[k];
    struct place *places = fus_base_alloc(shard->n_tensors, sizeof *places);
    size_t taken = 0;
    int code = places ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "no memory for a directory");
    for (size_t i = 0; !code && i < shard->n_tensors; i++)
        places[i].tensor = &shard->tensors[i];
    if (!code && shard->n_tensors)
        qsort(places, shard->n_tensors, sizeof *places, compare_places);
    for (size_t i = 0; !code && i < x->n; i++) {
        if (x->entries[i].shard != k)
            continue;
        struct fus_tensor wanted = {.name = x->entries[i].tensor};
        struct place key = {&wanted}, *found = shard->n_tensors
                                                   ? bsearch(&key, places, shard->n_tensors, sizeof key, compare_places)
                                                   : NULL;
        code = found ? adopt(x->s, k, found->tensor, err)
                     : fus_base_fail(err, FUS_EFORMAT,
                                     "file %s lacks tensor %s, which the index puts there: a file of another version?",
                                     x->names[k], wanted.name);
        taken++;
    }
    if (!code && taken < shard->n_tensors)
        fus_store_add_note(x->s, "left out: %zu tensors of %s that the index does not list", shard->n_tensors - taken,
                           x->names[k]);
    for (size_t i = 0; i < shard->n_notes; i++)
        fus_store_add_note(x->s, "%s: %s", x->names[k], shard->notes[i]);
    fus_base_free(places);
    return code;
}

static int compare_entries(const void *a, const void *b)
{
    return strcmp(((const struct entry *)a)->tensor, ((const struct entry *)b)->tensor);
}

/* Names are sorted, so that two entries of one tensor are adjacent; the shards' numbers follow
 * their names' order. */
static int sort_index(struct index *x, struct fus_error *err)
{
    char *old[MAX_SHARDS];
    uint32_t to[MAX_SHARDS];
    memcpy(old, x->names, sizeof old);
    qsort(x->names, x->n_names, sizeof *x->names, compare_texts);
    for (size_t i = 0; i < x->n_names; i++)
        for (size_t k = 0; k < x->n_names; k++)
            if (x->names[k] == old[i])
                to[i] = (uint32_t)k;
    for (size_t i = 0; i < x->n; i++)
        x->entries[i].shard = to[x->entries[i].shard];
    qsort(x->entries, x->n, sizeof *x->entries, compare_entries);
    for (size_t i = 1; i < x->n; i++)
        if (strcmp(x->entries[i - 1].tensor, x->entries[i].tensor) == 0)
            return fus_base_fail(err, FUS_EFORMAT, "the index lists tensor %s twice", x->entries[i].tensor);
    return FUS_OK;
}

static int open_index(struct fus_store *s, const char *path, fus_shards_open_fn open, struct fus_error *err)
{
    uint8_t *text = NULL;
    size_t n;
    struct index *x = fus_base_alloc(1, sizeof *x);
    if (!x)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for an index");
    x->s = s;
    s->format = "shards";
    int code = fus_base_read_file(&text, &n, path, MAX_INDEX, err);
    if (!code)
        code = read_index(x, (const char *)text, n, err);
    if (!code)
        code = sort_index(x, err);
    if (!code)
        code = open_shards(x, path, open, err);
    for (size_t k = 0; !code && k < x->n_names; k++)
        code = adopt_shard(x, (uint32_t)k, err);
    for (size_t i = 0; i < x->n_names; i++)
        fus_base_free(x->names[i]);
    for (size_t i = 0; i < x->n; i++)
        fus_base_free(x->entries[i].tensor);
    fus_base_free(x->entries);
    fus_base_free(text);
    fus_base_free(x);
    return code;
}

int fus_shards_open(struct fus_store *s, fus_shards_open_fn open, struct fus_error *err)
{
    fclose(s->file);
    s->file = NULL;
    return open_index(s, s->path, open, err);
}

/* A folder with its weights in one file. */
static int open_single(struct fus_store *s, const char *path, fus_shards_open_fn open, struct fus_error *err)
{
    s->shards = fus_base_alloc(1, sizeof *s->shards);
    if (!s->shards)
        return fus_base_fail(err, FUS_ENOMEM, "no memory to open it");
    int code = open(&s->shards[0], path, err);
    if (code)
        return code;
    s->n_shards = 1;
    s->format = s->shards[0]->format;
    for (size_t i = 0; !code && i < s->shards[0]->n_tensors; i++)
        code = adopt(s, 0, &s->shards[0]->tensors[i], err);
    for (size_t i = 0; i < s->shards[0]->n_notes; i++)
        fus_store_add_note(s, "%s", s->shards[0]->notes[i]);
    return code;
}

int fus_shards_open_folder(struct fus_store *s, fus_shards_open_fn open, struct fus_error *err)
{
    static const char *const names[] = {"model.safetensors",           "model.safetensors.index.json",
                                        "pytorch_model.bin",           "pytorch_model.bin.index.json",
                                        "open_clip_model.safetensors", "open_clip_pytorch_model.bin"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t n = strlen(s->path) + strlen(names[i]) + 2;
        char *path = fus_base_alloc(n, 1);
        struct stat st;
        if (!path)
            return fus_base_fail(err, FUS_ENOMEM, "no memory for a path");
        snprintf(path, n, "%s/%s", s->path, names[i]);
        bool exists = stat(path, &st) == 0 && !S_ISDIR(st.st_mode);
        int code = !exists                     ? FUS_OK
                   : strstr(names[i], ".json") ? open_index(s, path, open, err)
                                               : open_single(s, path, open, err);
        fus_base_free(path);
        if (exists)
            return code;
    }
    return fus_base_fail(
        err, FUS_EIO,
        "is a folder without model.safetensors, pytorch_model.bin or the index of either; give the weight file itself");
}
