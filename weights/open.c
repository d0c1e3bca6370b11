/* SPDX-License-Identifier: MIT */
/* Opens a weight file: the first bytes say its format, the format's reader fills the store, and the
 * tensors of a network that is known get their canonical names. */
#define _POSIX_C_SOURCE 200809L
#include "weights/weights.h"

#include <errno.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "weights/formats.h"
#include "weights/names.h"

static int open_unnamed(struct fus_store **store, const char *path, struct fus_error *err);

#define SNIFF 512 /* bytes looked at: a tar names itself at 257 */

typedef int (*open_fn)(struct fus_store *s, struct fus_error *err);

/* What a file can be that begins with these bytes: something to open, or something to name.
 * First match counts. */
static const struct signature {
    int at, n;
    const char *bytes;
    open_fn open;
    const char *is; /* where open is NULL: "PATH: is ..." */
} signatures[] = {
    {0, 4, "PK\3\4", fus_torch_open_zip, NULL}, /* .npz as well: it has no data.pkl */
    {0, 4, "PK\5\6", fus_torch_open_zip, NULL},
    {0, 6, "\x93NUMPY", fus_npy_open, NULL},
    /* torch/serialization.py: MAGIC_NUMBER, in a pickle of protocol 2 and of a later one with
     * its frame */
    {2, 12, "\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19", fus_torch_open_legacy, NULL},
    {2, 14, "\x95\x0d\0\0\0\0\0\0\0\x8a\x0a\x6c\xfc\x9c", fus_torch_open_legacy, NULL},
    {0, 42, "version https://git-lfs.github.com/spec/v1", NULL,
     "a Git LFS pointer, not the weights: run `git lfs pull` in its folder"},
    {257, 5, "ustar", fus_torch_tar_open, NULL},
    {0, 2, "\x1f\x8b", NULL, "compressed with gzip: unpack it with `gzip -d` first"},
    {0, 6,
     "\xfd"
     "7zXZ\0",
     NULL, "compressed with xz: unpack it with `xz -d` first"},
    {0, 4, "\x28\xb5\x2f\xfd", NULL, "compressed with zstd: unpack it with `zstd -d` first"},
    {0, 3, "BZh", NULL, "compressed with bzip2: unpack it with `bzip2 -d` first"},
    {0, 4, "\x89HDF", NULL, "an HDF5 file (Keras?): save its tensors as .npz or safetensors"},
    {0, 4, "GGUF", NULL, "a GGUF file: save its tensors as safetensors"},
    {0, 25, "L119547037146038801333356", fus_torch_open_legacy, NULL}, /* protocols 0 and 1 */
    {0, 2, "\x80\2", fus_torch_open_pickle, NULL},
    {0, 2, "\x80\3", fus_torch_open_pickle, NULL},
    {0, 2, "\x80\4", fus_torch_open_pickle, NULL},
    {0, 2, "\x80\5", fus_torch_open_pickle, NULL},
    {0, 16, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", NULL, "all zeros at its start: an interrupted download?"},
};

static bool is_web_page(const uint8_t *head, size_t n)
{
    static const char *const starts[] = {"<!doctype", "<html", "<head", "<?xml", "<!--"};
    size_t at = n >= 3 && memcmp(head, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    while (at < n && (head[at] == ' ' || (head[at] >= '\t' && head[at] <= '\r')))
        at++;
    for (size_t i = 0; i < sizeof starts / sizeof *starts; i++) {
        size_t want = strlen(starts[i]);
        if (n - at >= want && strncasecmp((const char *)head + at, starts[i], want) == 0)
            return true;
    }
    return false;
}

static bool ends_in(const char *path, const char *ending)
{
    size_t n = strlen(path), m = strlen(ending);
    return n >= m && strcmp(path + n - m, ending) == 0;
}

static int open_by_first_bytes(struct fus_store *s, struct fus_error *err)
{
    uint8_t head[SNIFF];
    size_t n = s->file_bytes < SNIFF ? (size_t)s->file_bytes : SNIFF;
    if (n == 0)
        return fus_base_fail(err, FUS_EFORMAT, "is empty: an interrupted download?");
    int code = fus_store_read_at(s, head, 0, n, err);
    if (code)
        return code;
    for (size_t i = 0; i < sizeof signatures / sizeof *signatures; i++) {
        const struct signature *g = &signatures[i];
        if (n < (size_t)(g->at + g->n) || memcmp(head + g->at, g->bytes, (size_t)g->n) != 0)
            continue;
        return g->open ? g->open(s, err) : fus_base_fail(err, FUS_EUNSUPPORTED, "is %s", g->is);
    }
    if (n > 8 && head[8] == '{')
        return fus_safetensors_open(s, err);
    if (head[0] == '{' && ends_in(s->path, ".json"))
        return fus_shards_open(s, open_unnamed, err);
    /* protocols 0 and 1 have no mark */
    if (ends_in(s->path, ".pkl") || ends_in(s->path, ".pickle"))
        return fus_torch_open_pickle(s, err);
    if (is_web_page(head, n))
        return fus_base_fail(err, FUS_EFORMAT,
                             "is a web page: an error or log-in page was saved in place of the weights");
    char shown[3 * 8 + 1] = "";
    for (size_t i = 0; i < n && i < 8; i++)
        snprintf(shown + 3 * i, 4, " %02x", head[i]);
    return fus_base_fail_at(err, FUS_EFORMAT, 0,
                            "no known weight file begins with%s; read are safetensors, PyTorch (zip, legacy, tar, "
                            "TorchScript), .npz, .npy and pickles of NumPy arrays",
                            shown);
}

static int open_file(struct fus_store *s, struct fus_error *err)
{
    struct stat st;
    if (stat(s->path, &st) == 0 && S_ISDIR(st.st_mode))
        return fus_shards_open_folder(s, open_unnamed, err);
    s->file = fus_base_open(s->path, err);
    if (!s->file)
        return FUS_EIO;
    if (fstat(fileno(s->file), &st) != 0)
        return fus_base_fail(err, FUS_EIO, "cannot be opened: %s", strerror(errno));
    /* reads are whole stretches: a buffer would only copy them once more */
    setvbuf(s->file, NULL, _IONBF, 0);
    s->file_bytes = (uint64_t)st.st_size;
    return open_by_first_bytes(s, err);
}

static bool is_random(const char *path)
{
    return strncmp(path, "random:", 7) == 0;
}

static bool is_demo(const char *path)
{
    return strncmp(path, "demo:", 5) == 0;
}

bool fus_open_is_file(const char *path)
{
    return !is_random(path) && !is_demo(path) && !fus_baseline_is(path);
}

static int open_unnamed(struct fus_store **store, const char *path, struct fus_error *err)
{
    *store = NULL;
    struct fus_store *s = fus_base_alloc(1, sizeof *s);
    if (s)
        s->path = fus_base_strdup(path);
    if (!s || !s->path) {
        fus_base_free(s);
        return fus_base_fail(err, FUS_ENOMEM, "%s: no memory to open it", path);
    }
    s->unpacked_member = UINT32_MAX;
    int code = is_random(path)         ? fus_random_open(s, path, err)
               : is_demo(path)         ? fus_demo_open(s, path + strlen("demo:"), err)
               : fus_baseline_is(path) ? fus_baseline_open(s, path, err)
                                       : open_file(s, err);
    if (code) {
        fus_base_blame(err, "%s: ", path);
        fus_store_close(s);
        return code;
    }
    *store = s;
    return FUS_OK;
}

int fus_open_weights(struct fus_store **store, const char *path, struct fus_error *err)
{
    int code = open_unnamed(store, path, err);
    if (code == FUS_OK && (code = fus_names_map(*store, err)) != FUS_OK) {
        fus_base_blame(err, "%s: ", path);
        fus_store_close(*store);
        *store = NULL;
    }
    return code;
}
