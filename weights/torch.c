/* SPDX-License-Identifier: MIT */
/* PyTorch's files -> the pickle and the storages inside; checkpoint.c makes tensors of them.
 *
 * Three containers share one kind of pickle (torch/serialization.py; for TorchScript
 * torch/csrc/jit/serialization/pickler.cpp):
 *
 *   zip          PREFIX/data.pkl; storage KEY in the member PREFIX/data/KEY
 *   TorchScript  the same with code beside it; modules are objects whose attributes lead on:
 *                visual.layer1.0.conv1.weight
 *   legacy       pickles of a magic number, 1001, facts about the writer, the object, the list of
 *                storage keys; then for each key an i64 count of elements and the elements
 *
 * Legacy files are little-endian whatever machine wrote them (torch/csrc/serialization.cpp
 * converts), zip files say it in a member `byteorder`. The older tar format is in torchtar.c.
 *
 * A pickle that is the whole file holds NumPy arrays (arrays.c).
 *
 * Left out: constants.pkl of TorchScript (constants of its code); quantized, sparse, complex and
 * float8 tensors are listed only. */
#include <inttypes.h>
#include <string.h>

#include "nn/base/bytes.h"
#include "weights/formats.h"
#include "weights/torch_part.h"
#include "weights/torch_tensors.h"
#include "weights/zip.h"

/* first read of a legacy pickle; a ResNet-50's has 30 kB */
#define FIRST_WINDOW ((size_t)64 << 10)
/* Detectron's largest have 400 MB; it is in memory while it is opened */
#define MAX_PICKLE_FILE ((uint64_t)1 << 30)
/* a packed one may grow by this; real ones grow to < 1 MB */
#define DEFLATED_PICKLE ((size_t)4 << 20)

/* ---- zip and TorchScript ---- */

/* PREFIX/data.pkl, the one nearest the archive's root; NULL: none. */
static const struct fus_zip_entry *find_pickle(const struct fus_zip *zip)
{
    const struct fus_zip_entry *found = NULL;
    for (size_t i = 0; i < zip->n; i++) {
        const struct fus_zip_entry *e = &zip->entries[i];
        size_t n = e->name_n;
        if (n >= 8 && strcmp(e->name + n - 8, "data.pkl") == 0 && (n == 8 || e->name[n - 9] == '/') &&
            (!found || n < found->name_n))
            found = e;
    }
    return found;
}

static bool has_member_in(const struct fus_zip *zip, const char *folder)
{
    for (size_t i = 0; i < zip->n; i++)
        if (strncmp(zip->entries[i].name, folder, strlen(folder)) == 0)
            return true;
    return false;
}

static bool has_arrays(const struct fus_zip *zip)
{
    for (size_t i = 0; i < zip->n; i++)
        if (zip->entries[i].name_n > 4 && strcmp(zip->entries[i].name + zip->entries[i].name_n - 4, ".npy") == 0)
            return true;
    return false;
}

/* The name of `last` beside data.pkl. */
static const char *join(char *name, size_t name_bytes, const struct fus_zip_entry *pickle, const char *last)
{
    snprintf(name, name_bytes, "%.*s%s", (int)(pickle->name_n - 8), pickle->name, last);
    return name;
}

static int read_byteorder(struct fus_torch *w, const struct fus_zip *zip, const char *name)
{
    const struct fus_zip_entry *e = fus_zip_find(zip, name);
    uint8_t *text;
    size_t n;
    if (!e)
        return FUS_OK; /* PyTorch < 2.1, which had no big-endian files of its own */
    int code = fus_zip_read(&text, &n, w->s, e, 64, w->err);
    if (code)
        return code;
    w->big_endian = n >= 3 && memcmp(text, "big", 3) == 0;
    bool known = w->big_endian || (n >= 6 && memcmp(text, "little", 6) == 0);
    fus_base_free(text);
    return known ? FUS_OK : fus_base_fail(w->err, FUS_EFORMAT, "member %s says neither little nor big", name);
}

/* Every storage becomes a member of the store. */
static int place_members(struct fus_torch *w, const struct fus_zip *zip, const struct fus_zip_entry *pickle)
{
    size_t name_bytes = pickle->name_n + FUS_TORCH_MAX_NAME + 8;
    char *name = fus_base_alloc(name_bytes, 1);
    int code = name ? FUS_OK : fus_base_fail(w->err, FUS_ENOMEM, "no memory for a name");
    for (size_t i = 0; !code && i < w->n_storages; i++) {
        struct fus_torch_storage *storage = &w->storages[i];
        struct fus_member m;
        int prefix_n = (int)(pickle->name_n - 8);
        snprintf(name, name_bytes, "%.*sdata/%.*s", prefix_n, pickle->name, (int)storage->key_n,
                 (const char *)storage->key);
        const struct fus_zip_entry *e = fus_zip_find(zip, name);
        if (!e)
            code = fus_base_fail(w->err, FUS_EFORMAT, "member %s, a storage of its tensors, is missing", name);
        if (!code)
            code = fus_zip_member(&m, w->s, e, w->err);
        if (!code && !storage->label[0] && m.n_bytes / storage->size < storage->n)
            code =
                fus_base_fail_at(w->err, FUS_EFORMAT, (long long)m.offset,
                                 "member %s has %" PRIu64 " bytes, %" PRIu64 " elements of %s expected: damaged copy?",
                                 name, m.n_bytes, storage->n, fus_dtype_name(storage->dtype));
        if (!code && (m.name = fus_base_strdup(name)) == NULL)
            code = fus_base_fail(w->err, FUS_ENOMEM, "no memory for a name");
        storage->member = (uint32_t)w->s->n_members;
        if (!code)
            code = fus_store_add_member(w->s, &m, w->err);
        storage->placed = !code;
    }
    fus_base_free(name);
    return code;
}

static int read_zip_pickle(struct fus_torch *w, const struct fus_zip *zip, const struct fus_zip_entry *entry,
                           bool torchscript)
{
    struct fus_pickle pickle = {0};
    uint8_t *bytes;
    size_t n;
    size_t max = entry->n_stored < FUS_PICKLE_MAX_BYTES - DEFLATED_PICKLE ? (size_t)entry->n_stored + DEFLATED_PICKLE
                                                                          : FUS_PICKLE_MAX_BYTES;
    int code = fus_zip_read(&bytes, &n, w->s, entry, max, w->err);
    if (code)
        return code;
    code = fus_pickle_load(&pickle, bytes, n, 0, torchscript, w->err);
    if (!code)
        code = fus_torch_storage_list(w, &pickle);
    if (code)
        fus_base_blame(w->err, "%s: ", entry->name);
    if (!code)
        code = place_members(w, zip, entry);
    if (!code)
        code = fus_torch_tensors_walk(w, &pickle);
    fus_base_free(w->storages);
    fus_pickle_free(&pickle);
    fus_base_free(bytes);
    return code;
}

static int open_pickle_zip(struct fus_store *s, const struct fus_zip *zip, const struct fus_zip_entry *entry,
                           struct fus_error *err)
{
    struct fus_torch w = {.s = s, .err = err};
    size_t name_bytes = entry->name_n + 32;
    char *name = fus_base_alloc(name_bytes, 1);
    if (!name)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for a name");
    bool torchscript = fus_zip_find(zip, join(name, name_bytes, entry, "constants.pkl")) != NULL &&
                       has_member_in(zip, join(name, name_bytes, entry, "code/"));
    s->format = torchscript ? "torchscript" : "pytorch zip";
    int code = read_byteorder(&w, zip, join(name, name_bytes, entry, "byteorder"));
    if (!code)
        code = read_zip_pickle(&w, zip, entry, torchscript);
    fus_base_free(name);
    return code;
}

int fus_torch_open_zip(struct fus_store *s, struct fus_error *err)
{
    struct fus_zip zip;
    int code = fus_zip_open(&zip, s, err);
    if (code)
        return code;
    const struct fus_zip_entry *entry = find_pickle(&zip);
    bool arrays = !entry && has_arrays(&zip);
    if (entry)
        code = open_pickle_zip(s, &zip, entry, err);
    else if (!arrays && zip.n == 0)
        code = fus_base_fail(err, FUS_EUNSUPPORTED, "is an empty zip archive");
    else if (!arrays)
        code = fus_base_fail(
            err, FUS_EUNSUPPORTED,
            "is a zip archive of %zu member%s (%.100s%s) with neither data.pkl of PyTorch nor .npy of NumPy", zip.n,
            zip.n > 1 ? "s" : "", zip.entries[0].name, zip.n > 1 ? ", ..." : "");
    fus_zip_close(&zip);
    return arrays ? fus_npy_open_npz(s, err) : code;
}

/* ---- legacy ---- */

/* The three small pickles at the start. */
static int check_legacy_head(const struct fus_store *s, uint64_t *at, struct fus_error *err)
{
    /* 0x1950a86a20f9469cfc6c */
    static const uint8_t magic[] = {0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19};
    for (int i = 0; i < 3; i++) {
        struct fus_torch_part part = {0};
        uint64_t start = *at;
        int code = fus_torch_part_read(&part, s, at, s->file_bytes, FIRST_WINDOW, err);
        if (code)
            return code;
        const struct fus_pickle_value *v = part.pickle.root;
        bool ok = i == 0 ? v->kind == FUS_PICKLE_LONG &&
                               ((v->u.text.n == sizeof magic && memcmp(v->u.text.bytes, magic, sizeof magic) == 0) ||
                                (v->u.text.n == 24 && memcmp(v->u.text.bytes, "119547037146038801333356", 24) == 0))
                  : i == 1 ? v->kind == FUS_PICKLE_INT && v->u.integer == 1001
                           : v->kind == FUS_PICKLE_DICT;
        fus_torch_part_free(&part);
        if (!ok)
            return fus_base_fail_at(err, i == 1 ? FUS_EUNSUPPORTED : FUS_EFORMAT, (long long)start,
                                    "%s expected, found something else",
                                    i == 0   ? "PyTorch's magic number"
                                    : i == 1 ? "PyTorch's protocol 1001"
                                             : "the writer's sys_info");
    }
    return FUS_OK;
}

/* Storage `key` is at *at: its count, then its elements. */
static int place_storage(struct fus_torch *w, const struct fus_pickle_value *key, uint64_t *at)
{
    uint8_t count[8];
    struct fus_torch_storage *storage =
        key->kind == FUS_PICKLE_TEXT ? fus_torch_storage_find(w, key->u.text.bytes, key->u.text.n) : NULL;
    if (!storage || storage->placed)
        return fus_base_fail_at(w->err, FUS_EFORMAT, (long long)*at, "the list of storages names one %s: damaged copy?",
                                storage ? "twice" : "that no tensor has");
    int key_n = (int)storage->key_n;
    const char *name = (const char *)storage->key;
    if (w->s->file_bytes - *at < sizeof count)
        return fus_base_fail_at(w->err, FUS_EFORMAT, (long long)*at,
                                "storage %.*s expected, file ends: truncated copy?", key_n, name);
    int code = fus_store_read_at(w->s, count, *at, sizeof count, w->err);
    if (code)
        return code;
    struct fus_bytes b = fus_bytes_of(count, sizeof count);
    uint64_t n = fus_bytes_u64le(&b), n_bytes = storage->n * storage->size;
    if (storage->size == 0)
        return fus_base_fail_at(w->err, FUS_EUNSUPPORTED, (long long)*at,
                                "storage %.*s is a %s, whose size is not known", key_n, name, storage->label);
    if (n != storage->n)
        return fus_base_fail_at(w->err, FUS_EFORMAT, (long long)*at,
                                "storage %.*s has %" PRIu64 " elements, its tensors say %" PRIu64 ": damaged copy?",
                                key_n, name, n, storage->n);
    *at += sizeof count;
    if (n_bytes > w->s->file_bytes - *at)
        return fus_base_fail_at(w->err, FUS_EFORMAT, (long long)*at,
                                "storage %.*s needs %" PRIu64 " bytes, file ends at %" PRIu64 ": truncated copy?",
                                key_n, name, n_bytes, w->s->file_bytes);
    struct fus_member m = {
        .offset = *at, .n_stored = n_bytes, .n_bytes = n_bytes, .name = fus_base_alloc(storage->key_n + 9, 1)};
    if (!m.name)
        return fus_base_fail(w->err, FUS_ENOMEM, "no memory for a name");
    snprintf(m.name, storage->key_n + 9, "storage %.*s", key_n, name);
    *at += n_bytes;
    storage->member = (uint32_t)w->s->n_members;
    storage->placed = true;
    return fus_store_add_member(w->s, &m, w->err);
}

int fus_torch_open_legacy(struct fus_store *s, struct fus_error *err)
{
    struct fus_torch_part object = {0}, keys = {0};
    uint64_t at = 0;
    struct fus_torch w = {.s = s, .err = err};
    s->format = "pytorch legacy";
    int code = check_legacy_head(s, &at, err);
    if (!code)
        code = fus_torch_part_read(&object, s, &at, s->file_bytes, FIRST_WINDOW, err);
    if (!code)
        code = fus_torch_storage_list(&w, &object.pickle);
    if (!code)
        code = fus_torch_part_read(&keys, s, &at, s->file_bytes, FIRST_WINDOW, err);
    if (!code && keys.pickle.root->kind != FUS_PICKLE_LIST)
        code = fus_base_fail_at(err, FUS_EFORMAT, (long long)at,
                                "the list of storages expected before this: damaged copy?");
    if (!code)
        for (const struct fus_pickle_item *i = keys.pickle.root->u.container.items.first; !code && i; i = i->next)
            code = place_storage(&w, i->value, &at);
    if (!code)
        code = fus_torch_tensors_walk(&w, &object.pickle);
    fus_torch_part_free(&keys);
    fus_torch_part_free(&object);
    fus_base_free(w.storages);
    return code;
}

/* ---- a pickle alone ---- */

int fus_torch_open_pickle(struct fus_store *s, struct fus_error *err)
{
    struct fus_pickle pickle = {0};
    struct fus_member whole = {.n_stored = s->file_bytes, .n_bytes = s->file_bytes};
    s->format = "pickle";
    if (s->file_bytes > MAX_PICKLE_FILE)
        return fus_base_fail(err, FUS_ELIMIT, "is a pickle of %" PRIu64 " bytes, at most %" PRIu64 " are read",
                             s->file_bytes, MAX_PICKLE_FILE);
    uint8_t *bytes = fus_base_alloc((size_t)s->file_bytes, 1);
    struct fus_torch w = {.s = s, .err = err, .arrays = true, .bytes = bytes, .n_bytes = (size_t)s->file_bytes};
    int code = bytes ? fus_store_add_member(s, &whole, err)
                     : fus_base_fail(err, FUS_ENOMEM, "no memory for a pickle of %" PRIu64 " bytes", s->file_bytes);
    if (!code)
        code = fus_store_read_at(s, bytes, 0, w.n_bytes, err);
    if (!code)
        code = fus_pickle_load(&pickle, bytes, w.n_bytes, 0, false, err);
    if (!code)
        code = fus_torch_tensors_walk(&w, &pickle);
    fus_pickle_free(&pickle);
    fus_base_free(bytes);
    return code;
}
