/* One handle for any weight file: recognises the format by its first bytes, keeps the directory of tensors, and
 * reads a tensor as f32 when it is asked for.
 *
 * Nothing is mapped and no tensor is held: the file stays open, a tensor that lies in C order goes through a buffer of
 * 64 kB at most (f32 of a little-endian host: straight into the caller's memory), a strided one is walked in the order of
 * the file. The exception is a deflated zip member, which has to be unpacked whole. */
#define _POSIX_C_SOURCE 200809L
#include "weights/store.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "nn/base/inflate.h"
#include "nn/base/sha256.h"

#define CHUNK 8192                           /* elements converted at a time: 64 kB of f64 */
#define MAX_EXPANDED ((size_t)1 << 24)       /* elements of a tensor that has more of them than its storage (stride 0) */
#define MAX_UNPACKED ((uint64_t)64 << 20)    /* a deflated member beyond this ... */
#define READ_AT_ONCE ((size_t)16 << 20)      /* bytes between two looks whether the user asks to stop */
#define SLOW_BYTES ((uint64_t)64 << 20)      /* work on more than this tells its progress */
#define MAX_UNCHECKED ((uint64_t)256 << 20)  /* a member beyond this is checked only where most of it is wanted */
#define MAX_RATIO 8                          /* ... may not grow more than this: trained weights shrink by < 2 */

/* ---- opening ---- */

#define SNIFF 512 /* bytes looked at: a tar names itself at 257 */

typedef int (*open_fn)(struct fus_store *s, struct fus_error *err);

/* What a file can be that begins with these bytes: something to open, or something to name. First match counts. */
static const struct signature {
    int at, n;
    const char *bytes;
    open_fn open;
    const char *is; /* where open is NULL: "PATH: is ..." */
} signatures[] = {
    {0, 4, "PK\3\4", fus_torch_open_zip, NULL}, /* .npz as well: it has no data.pkl */
    {0, 4, "PK\5\6", fus_torch_open_zip, NULL},
    {0, 6, "\x93NUMPY", fus_npy_open, NULL},
    /* torch/serialization.py: MAGIC_NUMBER, in a pickle of protocol 2 and of a later one with its frame */
    {2, 12, "\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19", fus_torch_open_legacy, NULL},
    {2, 14, "\x95\x0d\0\0\0\0\0\0\0\x8a\x0a\x6c\xfc\x9c", fus_torch_open_legacy, NULL},
    {0, 42, "version https://git-lfs.github.com/spec/v1", NULL,
     "a Git LFS pointer, not the weights: run `git lfs pull` in its folder"},
    {257, 5, "ustar", fus_torch_tar_open, NULL},
    {0, 2, "\x1f\x8b", NULL, "compressed with gzip: unpack it with `gzip -d` first"},
    {0, 6, "\xfd" "7zXZ\0", NULL, "compressed with xz: unpack it with `xz -d` first"},
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
        return fus_shards_open(s, err);
    if (ends_in(s->path, ".pkl") || ends_in(s->path, ".pickle")) /* protocols 0 and 1 have no mark */
        return fus_torch_open_pickle(s, err);
    if (is_web_page(head, n))
        return fus_base_fail(err, FUS_EFORMAT, "is a web page: an error or log-in page was saved in place of the weights");
    char shown[3 * 8 + 1] = "";
    for (size_t i = 0; i < n && i < 8; i++)
        snprintf(shown + 3 * i, 4, " %02x", head[i]);
    return fus_base_fail_at(err, FUS_EFORMAT, 0,
                            "no known weight file begins with%s; read are safetensors, PyTorch (zip, legacy, tar, "
                            "TorchScript), .npz, .npy and pickles of NumPy arrays", shown);
}

static int open_file(struct fus_store *s, struct fus_error *err)
{
    struct stat st;
    if (stat(s->path, &st) == 0 && S_ISDIR(st.st_mode))
        return fus_shards_open_folder(s, err);
    s->file = fus_base_open(s->path, err);
    if (!s->file)
        return FUS_EIO;
    if (fstat(fileno(s->file), &st) != 0)
        return fus_base_fail(err, FUS_EIO, "cannot be opened: %s", strerror(errno));
    setvbuf(s->file, NULL, _IONBF, 0); /* reads are whole stretches: a buffer would only copy them once more */
    s->file_bytes = (uint64_t)st.st_size;
    return open_by_first_bytes(s, err);
}

int fus_store_open_unnamed(struct fus_store **store, const char *path, struct fus_error *err)
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
    int code = strncmp(path, "random:", 7) == 0 ? fus_random_open(s, path, err) : open_file(s, err);
    if (code) {
        fus_base_blame(err, "%s: ", path);
        fus_store_close(s);
        return code;
    }
    *store = s;
    return FUS_OK;
}

int fus_store_open(struct fus_store **store, const char *path, struct fus_error *err)
{
    int code = fus_store_open_unnamed(store, path, err);
    if (code == FUS_OK && (code = fus_names_map(*store, err)) != FUS_OK) {
        fus_base_blame(err, "%s: ", path);
        fus_store_close(*store);
        *store = NULL;
    }
    return code;
}

void fus_store_close(struct fus_store *s)
{
    if (!s)
        return;
    fus_names_free(s);
    for (size_t i = 0; i < s->n_tensors; i++) {
        fus_base_free((char *)s->tensors[i].name);
        fus_base_free((char *)s->tensors[i].canonical);
    }
    for (size_t i = 0; i < s->n_members; i++) {
        fus_base_free(s->members[i].name);
        fus_base_free(s->members[i].memory);
    }
    for (size_t i = 0; i < s->n_shards; i++)
        fus_store_close(s->shards[i]);
    for (size_t i = 0; i < s->n_notes; i++)
        fus_base_free(s->notes[i]);
    fus_base_free(s->shards);
    fus_base_free(s->notes);
    for (size_t i = 0; i < s->n_metadata; i++) {
        fus_base_free(s->metadata[i].key);
        fus_base_free(s->metadata[i].value);
    }
    fus_base_free(s->tensors);
    fus_base_free(s->members);
    fus_base_free(s->metadata);
    fus_base_free(s->unpacked);
    fus_base_free(s->given_preprocess);
    fus_base_free(s->path);
    if (s->file)
        fclose(s->file);
    fus_base_free(s);
}

/* ---- what is in it ---- */

const char *fus_store_path(const struct fus_store *s)
{
    return s->path;
}

const char *fus_store_format(const struct fus_store *s)
{
    return s->format;
}

size_t fus_store_count(const struct fus_store *s)
{
    return s->n_tensors;
}

const struct fus_tensor *fus_store_tensor(const struct fus_store *s, size_t i)
{
    return i < s->n_tensors ? &s->tensors[i] : NULL;
}

const struct fus_tensor *fus_store_find(const struct fus_store *s, const char *canonical)
{
    size_t low = 0, high = s->n_canonical;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(canonical, s->by_canonical[middle].name);
        if (order == 0)
            return &s->tensors[s->by_canonical[middle].tensor];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

const char *fus_store_metadata(const struct fus_store *s, const char *key)
{
    for (size_t i = 0; i < s->n_metadata; i++)
        if (strcmp(s->metadata[i].key, key) == 0)
            return s->metadata[i].value;
    return s->n_shards ? fus_store_metadata(s->shards[0], key) : NULL;
}

size_t fus_store_n_notes(const struct fus_store *s)
{
    return s->n_notes;
}

const char *fus_store_note(const struct fus_store *s, size_t i)
{
    return i < s->n_notes ? s->notes[i] : NULL;
}

void fus_store_add_note(struct fus_store *s, const char *fmt, ...)
{
    struct fus_error text; /* its message is one line, whatever a file's names hold */
    char line[FUS_MESSAGE_BYTES];
    if (s->n_notes > FUS_MAX_NOTES)
        return;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(line, sizeof line, s->n_notes < FUS_MAX_NOTES ? fmt : "and more like this", ap);
    va_end(ap);
    fus_base_fail(&text, FUS_OK, "%s", line);
    char **bigger = fus_base_resize(s->notes, s->n_notes + 1, sizeof *bigger), *copy = fus_base_strdup(text.msg);
    if (bigger)
        s->notes = bigger;
    if (bigger && copy)
        s->notes[s->n_notes++] = copy;
    else
        fus_base_free(copy);
}

/* Of a model in several files: of their names' and their own digests, a line each. */
static int sha256_of_shards(const struct fus_store *s, char hex[FUS_SHA256_HEX], struct fus_error *err)
{
    struct fus_sha256 sha;
    int code = FUS_OK;
    if (s->n_shards == 1)
        return fus_store_sha256(s->shards[0], hex, err);
    fus_sha256_start(&sha);
    for (size_t i = 0; !code && i < s->n_shards; i++) {
        const char *path = s->shards[i]->path, *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
        code = fus_store_sha256(s->shards[i], hex, err);
        fus_sha256_add(&sha, name, strlen(name));
        fus_sha256_add(&sha, " ", 1);
        fus_sha256_add(&sha, hex, FUS_SHA256_HEX - 1);
        fus_sha256_add(&sha, "\n", 1);
    }
    fus_sha256_hex(&sha, hex);
    return code;
}

int fus_store_sha256(const struct fus_store *s, char hex[FUS_SHA256_HEX], struct fus_error *err)
{
    if (s->n_shards)
        return sha256_of_shards(s, hex, err);
    if (s->file)
        return fus_sha256_file(hex, s->path, err);
    struct fus_sha256 sha;
    fus_sha256_start(&sha);
    fus_sha256_add(&sha, s->path, strlen(s->path));
    fus_sha256_hex(&sha, hex);
    return FUS_OK;
}

/* ---- for the readers of the formats ---- */

int fus_store_read_at(const struct fus_store *s, void *buf, uint64_t offset, size_t n, struct fus_error *err)
{
    if (n == 0)
        return FUS_OK;
    if (offset > s->file_bytes || n > s->file_bytes - offset)
        return fus_base_fail_at(err, FUS_EFORMAT, (long long)(offset < INT64_MAX ? offset : INT64_MAX),
                                "%zu bytes expected, the file has %" PRIu64 ": truncated copy?", n, s->file_bytes);
    errno = 0;
    bool ok = fseeko(s->file, (off_t)offset, SEEK_SET) == 0;
    for (size_t at = 0; ok && at < n; at += READ_AT_ONCE) {
        size_t part = n - at < READ_AT_ONCE ? n - at : READ_AT_ONCE;
        if (n > READ_AT_ONCE && fus_base_stopping())
            return fus_base_fail(err, FUS_ESTOPPED, "stopped");
        ok = fread((uint8_t *)buf + at, 1, part, s->file) == part;
    }
    if (!ok)
        return fus_base_fail_at(err, FUS_EIO, (long long)offset, "cannot be read: %s",
                                errno ? strerror(errno) : "the file became shorter meanwhile");
    return FUS_OK;
}

/* Room for one item more: the array doubles. */
static int grow(void **items, size_t *cap, size_t n, size_t size, struct fus_error *err)
{
    if (n < *cap)
        return FUS_OK;
    size_t bigger = *cap ? 2 * *cap : 64;
    void *p = fus_base_resize(*items, bigger, size);
    if (!p)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for its directory");
    *items = p;
    *cap = bigger;
    return FUS_OK;
}

static int check_member(const struct fus_store *s, const struct fus_member *m, struct fus_error *err)
{
    const char *name = m->name ? m->name : "the file";
    if (s->n_members >= FUS_MAX_TENSORS)
        return fus_base_fail(err, FUS_ELIMIT, "more than %d members", FUS_MAX_TENSORS);
    if (m->memory)
        return FUS_OK;
    if (m->offset > s->file_bytes || m->n_stored > s->file_bytes - m->offset)
        return fus_base_fail_at(err, FUS_EFORMAT, (long long)(m->offset & INT64_MAX),
                                "member %s: %" PRIu64 " bytes expected, the file has %" PRIu64 ": truncated copy?", name,
                                m->n_stored, s->file_bytes);
    if (!m->deflated && m->n_stored != m->n_bytes)
        return fus_base_fail_at(err, FUS_EFORMAT, (long long)m->offset,
                                "member %s: is not compressed, yet has two sizes, %" PRIu64 " and %" PRIu64, name,
                                m->n_stored, m->n_bytes);
    if (m->deflated && m->n_bytes > MAX_UNPACKED && m->n_bytes / MAX_RATIO > m->n_stored)
        return fus_base_fail_at(err, FUS_ELIMIT, (long long)m->offset,
                                "member %s: would unpack from %" PRIu64 " to %" PRIu64 " bytes; above %d MB a factor of %d is allowed",
                                name, m->n_stored, m->n_bytes, (int)(MAX_UNPACKED >> 20), MAX_RATIO);
    return FUS_OK;
}

int fus_store_add_member(struct fus_store *s, const struct fus_member *m, struct fus_error *err)
{
    void *items = s->members;
    int code = check_member(s, m, err);
    if (!code)
        code = grow(&items, &s->cap_members, s->n_members, sizeof *m, err);
    s->members = items;
    if (code) {
        fus_base_free(m->name);
        fus_base_free(m->memory);
    } else
        s->members[s->n_members++] = *m;
    return code;
}

/* Elements from the first to the last that strides reach, both counted; false where that overflows. */
static bool span_of(size_t *span, const struct fus_tensor *t)
{
    *span = 1;
    for (int d = 0; d < t->n_dims; d++) {
        size_t reach;
        if ((uint64_t)t->stride[d] > SIZE_MAX || !fus_base_mul(&reach, (size_t)(t->shape[d] - 1), (size_t)t->stride[d]) ||
            !fus_base_add(span, *span, reach))
            return false;
    }
    return true;
}

static int check_place(const struct fus_store *s, const struct fus_tensor *t, struct fus_error *err)
{
    size_t span, bytes;
    if (t->member >= s->n_members)
        return fus_base_fail(err, FUS_EFORMAT, "tensor %s: lies in member %u of %zu", t->name, (unsigned)t->member, s->n_members);
    const struct fus_member *m = &s->members[t->member];
    uint64_t start = m->deflated || m->memory ? 0 : m->offset, at = (uint64_t)t->offset - start;
    if (!span_of(&span, t) || !fus_base_mul(&bytes, span, fus_dtype_bytes(t->dtype)) || t->offset < start ||
        at > m->n_bytes || bytes > m->n_bytes - at)
        return fus_base_fail_at(err, FUS_EFORMAT, (long long)(t->offset & INT64_MAX),
                                "tensor %s: ends behind its storage of %" PRIu64 " bytes%s", t->name, m->n_bytes,
                                m->name ? "" : ": truncated copy?");
    if (t->n_elements > span && t->n_elements > MAX_EXPANDED)
        return fus_base_fail(err, FUS_ELIMIT, "tensor %s: has %zu elements in a storage of %zu; at most %zu are expanded",
                             t->name, t->n_elements, span, MAX_EXPANDED);
    return FUS_OK;
}

int fus_store_add(struct fus_store *s, const struct fus_tensor *t, struct fus_error *err)
{
    struct fus_tensor copy = *t;
    if (s->n_tensors >= FUS_MAX_TENSORS)
        return fus_base_fail(err, FUS_ELIMIT, "more than %d tensors", FUS_MAX_TENSORS);
    if (t->n_dims < 0 || t->n_dims > FUS_MAX_DIMS)
        return fus_base_fail(err, FUS_ELIMIT, "tensor %s: has %d dimensions, at most %d are read", t->name, t->n_dims, FUS_MAX_DIMS);
    copy.n_elements = 1;
    bool empty = false;
    for (int d = 0; d < t->n_dims; d++) {
        if (t->shape[d] < 0 || t->stride[d] < 0)
            return fus_base_fail(err, FUS_EFORMAT, "tensor %s: negative size or stride in dimension %d", t->name, d);
        if ((uint64_t)t->shape[d] > SIZE_MAX ||
            !fus_base_mul(&copy.n_elements, copy.n_elements, t->shape[d] ? (size_t)t->shape[d] : 1))
            return fus_base_fail(err, FUS_EFORMAT, "tensor %s: its shape has more elements than memory can", t->name);
        empty = empty || t->shape[d] == 0;
    }
    if (empty)
        copy.n_elements = 0;
    int code = s->file && !empty && !t->unread[0] ? check_place(s, &copy, err) : FUS_OK;
    void *items = s->tensors;
    if (!code)
        code = grow(&items, &s->cap_tensors, s->n_tensors, sizeof *t, err);
    s->tensors = items;
    if (code)
        return code;
    copy.canonical = NULL;
    copy.name = fus_base_strdup(t->name);
    if (!copy.name)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for its directory");
    s->tensors[s->n_tensors++] = copy;
    return FUS_OK;
}

/* ---- reading a tensor ---- */

/* Unpack a deflated member into s->unpacked, where it stays until another one is wanted. */
static int unpack(struct fus_store *s, uint32_t member, struct fus_error *err)
{
    const struct fus_member *m = &s->members[member];
    size_t produced, consumed;
    if (m->n_stored > SLOW_BYTES)
        fus_base_progress("unpacking", s->path, 0, m->n_bytes);
    if (s->unpacked_member == member)
        return FUS_OK;
    fus_base_free(s->unpacked);
    s->unpacked_member = UINT32_MAX;
    s->unpacked = m->n_bytes < SIZE_MAX ? fus_base_alloc((size_t)m->n_bytes, 1) : NULL;
    uint8_t *packed = m->n_stored < SIZE_MAX ? fus_base_alloc((size_t)m->n_stored, 1) : NULL;
    int code = FUS_OK;
    if (!s->unpacked || !packed)
        code = fus_base_fail(err, FUS_ENOMEM, "no memory to unpack %" PRIu64 " bytes", m->n_bytes);
    if (!code)
        code = fus_store_read_at(s, packed, m->offset, (size_t)m->n_stored, err);
    if (!code)
        code = fus_inflate_raw(s->unpacked, (size_t)m->n_bytes, &produced, packed, (size_t)m->n_stored, &consumed, err);
    if (!code && produced != m->n_bytes)
        code = fus_base_fail(err, FUS_EFORMAT, "member %s: unpacks to %zu bytes, its directory says %" PRIu64, m->name,
                             produced, m->n_bytes);
    if (!code && m->crc && fus_inflate_crc32(0, s->unpacked, produced) != m->crc)
        code = fus_base_fail(err, FUS_EFORMAT, "member %s: checksum differs: damaged copy?", m->name);
    fus_base_free(packed);
    if (!code)
        s->unpacked_member = member;
    return code;
}

/* The checksum of a stored member, once, before the first of its bytes are used. Where only a small part of a very large member
 * is wanted, reading all of it would take longer than the work itself: that one is not checked. */
static int check_stored(const struct fus_store *s, struct fus_member *m, const struct fus_tensor *t, uint8_t *raw, struct fus_error *err)
{
    uint64_t wanted = (uint64_t)t->n_elements * fus_dtype_bytes(t->dtype);
    uint32_t crc = 0;
    if (!m->crc || m->deflated || m->checked || (m->n_bytes > MAX_UNCHECKED && wanted < m->n_bytes / 2))
        return FUS_OK;
    for (uint64_t at = 0; at < m->n_bytes; at += 8 * CHUNK) {
        size_t n = m->n_bytes - at < 8 * CHUNK ? (size_t)(m->n_bytes - at) : 8 * CHUNK;
        if (fus_base_stopping())
            return fus_base_fail(err, FUS_ESTOPPED, "stopped");
        if (m->n_bytes > SLOW_BYTES && at % SLOW_BYTES == 0)
            fus_base_progress("checking", s->path, at, m->n_bytes);
        int code = fus_store_read_at(s, raw, m->offset + at, n, err);
        if (code)
            return code;
        crc = fus_inflate_crc32(crc, raw, n);
    }
    if (crc != m->crc)
        return fus_base_fail_at(err, FUS_EFORMAT, (long long)m->offset, "member %s: its bytes do not have the checksum %08" PRIx32
                                ": damaged copy?", m->name, m->crc);
    m->checked = true;
    return FUS_OK;
}

/* n raw elements from element `first` on, counted from the tensor's own first in the file. */
static int fetch(const struct fus_store *s, void *raw, const struct fus_tensor *t, size_t first, size_t n, struct fus_error *err)
{
    size_t size = fus_dtype_bytes(t->dtype);
    uint64_t at = t->offset + (uint64_t)first * size;
    const struct fus_member *m = &s->members[t->member];
    if (!m->deflated && !m->memory)
        return fus_store_read_at(s, raw, at, n * size, err);
    memcpy(raw, (m->memory ? m->memory : s->unpacked) + at, n * size);
    return FUS_OK;
}

static bool is_contiguous(const struct fus_tensor *t)
{
    int64_t expected = 1;
    for (int d = t->n_dims - 1; d >= 0; d--) {
        if (t->shape[d] != 1 && t->stride[d] != expected)
            return false;
        expected *= t->shape[d];
    }
    return true;
}

static int read_contiguous(const struct fus_store *s, float *out, const struct fus_tensor *t, uint8_t *raw, struct fus_error *err)
{
    if (t->dtype == FUS_F32 && t->big_endian != fus_dtype_host_is_little())
        return fetch(s, out, t, 0, t->n_elements, err);
    int code = FUS_OK;
    for (size_t i = 0; !code && i < t->n_elements; i += CHUNK) {
        if (fus_base_stopping())
            return fus_base_fail(err, FUS_ESTOPPED, "stopped");
        size_t n = t->n_elements - i < CHUNK ? t->n_elements - i : CHUNK;
        code = fetch(s, raw, t, i, n, err);
        if (!code)
            fus_dtype_to_f32(out + i, raw, n, t->dtype, t->big_endian);
    }
    return code;
}

/* One dimension of a tensor: how far a step goes in the storage and in the C-ordered output. */
struct axis {
    size_t n, step_in, step_out;
};

/* The tensor's dimensions of more than one index, the longest stride in the storage first, so that walking them reads forwards. */
static int sort_axes(struct axis axes[FUS_MAX_DIMS], const struct fus_tensor *t)
{
    int n = 0;
    size_t step_out = 1;
    for (int d = t->n_dims - 1; d >= 0; d--) {
        struct axis a = {(size_t)t->shape[d], (size_t)t->stride[d], step_out};
        step_out *= a.n;
        if (a.n == 1)
            continue; /* its stride is never used */
        int i = n++;
        for (; i > 0 && axes[i - 1].step_in < a.step_in; i--)
            axes[i] = axes[i - 1];
        axes[i] = a;
    }
    return n;
}

/* Any strides: a window of CHUNK elements slides over the storage, each element goes to its place in out. */
static int read_strided(const struct fus_store *s, float *out, const struct fus_tensor *t, uint8_t *raw, struct fus_error *err)
{
    float window[CHUNK];
    struct axis axes[FUS_MAX_DIMS];
    size_t index[FUS_MAX_DIMS] = {0}, span, at = 0, to = 0, start = 0, filled = 0;
    int n_axes = sort_axes(axes, t), d;
    span_of(&span, t);
    size_t want = axes[n_axes - 1].step_in >= CHUNK / 16 ? 1 : CHUNK; /* far apart: one by one */
    do {
        if (at < start || at - start >= filled) {
            start = at;
            filled = span - at < want ? span - at : want;
            int code = fetch(s, raw, t, start, filled, err);
            if (code)
                return code;
            fus_dtype_to_f32(window, raw, filled, t->dtype, t->big_endian);
        }
        out[to] = window[at - start];
        for (d = n_axes - 1; d >= 0; d--) { /* the next index, like an odometer */
            at += axes[d].step_in;
            to += axes[d].step_out;
            if (++index[d] < axes[d].n)
                break;
            at -= axes[d].n * axes[d].step_in;
            to -= axes[d].n * axes[d].step_out;
            index[d] = 0;
        }
    } while (d >= 0);
    return FUS_OK;
}

/* What to do about a tensor of a type that is not read. */
static int refuse_unread(const struct fus_tensor *t, struct fus_error *err)
{
    static const struct {
        const char *label, *is;
    } reasons[] = {
        {"quantized", "is quantized; in Python, save t.dequantize() in its place"},
        {"sparse", "is sparse; in Python, save t.to_dense() in its place"},
        {"nested", "is a nested tensor; in Python, save its parts"},
        {"meta", "has no data (device meta): the file was saved before its weights were loaded"},
        {"subclass", "is of a tensor class of its own; in Python, save its plain tensors (t.dequantize() or t.data)"},
        {"device", "was saved on a device of its own; in Python, save t.cpu() in its place"},
        {"in bytes", "was written with pickle.dump; in Python: d = pickle.load(open(FILE, 'rb')); torch.save(d, 'weights.pth')"},
        {"TorchScript 1.2", "is in a TorchScript archive of PyTorch before 1.3; in Python, save the state_dict() of torch.jit.load(FILE)"},
        {"complex", "is complex; no network here has complex weights"},
        {"c64", "is complex; no network here has complex weights"},
        {"c128", "is complex; no network here has complex weights"},
    };
    if (strncmp(t->unread, "object:", 7) == 0)
        return fus_base_fail(err, FUS_EUNSUPPORTED, "lies inside an object of %s, which only that class's code can open, and nothing in a "
                             "file is run; in Python, save the plain tensor in its place", t->unread + 7);
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if (strncmp(t->unread, reasons[i].label, strlen(reasons[i].label)) == 0)
            return fus_base_fail(err, FUS_EUNSUPPORTED, "%s", reasons[i].is);
    return fus_base_fail(err, FUS_EUNSUPPORTED, "has the type %s, which is not read; in Python, save t.to(torch.float32) in its place (times its "
                         "scale, where the file has one)", t->unread);
}

static int read_from_file(const struct fus_store *s, float *out, const struct fus_tensor *t, struct fus_error *err)
{
    struct fus_member *m = &s->members[t->member];
    int code = m->deflated ? unpack((struct fus_store *)s, t->member, err) : FUS_OK; /* a cache: the handle itself is never const */
    uint8_t *raw = code ? NULL : fus_base_alloc(CHUNK, 8);
    if (!code && !raw)
        code = fus_base_fail(err, FUS_ENOMEM, "no memory for a buffer");
    if (!code)
        code = check_stored(s, m, t, raw, err);
    if (!code)
        code = is_contiguous(t) ? read_contiguous(s, out, t, raw, err) : read_strided(s, out, t, raw, err);
    fus_base_free(raw);
    return code;
}

int fus_store_read_f32(const struct fus_store *s, float *out, const struct fus_tensor *t, struct fus_error *err)
{
    int code;
    if (t->unread[0])
        code = refuse_unread(t, err);
    else if (t->n_elements == 0)
        return FUS_OK;
    else if (s->n_shards)
        return fus_store_read_f32(s->shards[t->shard], out, t, err); /* which names its own file */
    else
        code = s->file ? read_from_file(s, out, t, err) : fus_random_read(s, out, t, err);
    if (code)
        fus_base_blame(err, "%s: tensor %s: ", s->path, t->name);
    return code;
}

/* Networks that diverged have NaN in them, sums in f16 infinity: what such a network answers is no result. */
static int check_values(const struct fus_store *s, const float *values, const struct fus_tensor *t, struct fus_error *err)
{
    const char *dot = strrchr(t->canonical, '.');
    size_t i = fus_dtype_find_not_finite(values, t->n_elements);
    if (i < t->n_elements)
        return fus_base_fail(err, FUS_EFORMAT, "%s: tensor %s: element %zu of %zu is %s%s; numbers expected: training that diverged?", s->path, t->name, i,
                             t->n_elements, isnan(values[i]) ? "NaN" : "infinity", t->dtype == FUS_F64 && isinf(values[i]) ? " in f32" : "");
    if (!dot || strcmp(dot, ".running_var") != 0)
        return FUS_OK;
    for (i = 0; i < t->n_elements; i++)
        if (values[i] < 0)
            return fus_base_fail(err, FUS_EFORMAT, "%s: tensor %s: element %zu is %g; a variance is not negative", s->path, t->name, i, (double)values[i]);
    return FUS_OK;
}

int fus_store_lookup(void *store, float *out, size_t n, const char *canonical, struct fus_error *err)
{
    const struct fus_store *s = store;
    const struct fus_tensor *t = fus_store_find(s, canonical);
    if (!t)
        return fus_base_fail(err, FUS_ENOTFOUND, "%s: has no tensor %s", s->path, canonical);
    if (t->n_elements != n)
        return fus_base_fail(err, FUS_EFORMAT, "%s: tensor %s: %zu elements expected, %zu found", s->path, t->name, n, t->n_elements);
    int code = fus_store_read_f32(s, out, t, err);
    return code ? code : check_values(s, out, t, err);
}

int fus_store_set_preprocess(struct fus_store *s, const char *preprocess, struct fus_error *err)
{
    fus_base_free(s->given_preprocess);
    s->given_preprocess = fus_base_strdup(preprocess);
    return s->given_preprocess ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "no memory for its preprocessing");
}

int fus_store_preprocess(const struct fus_store *store, const struct fus_net_spec *spec, int *input_side, const char **preprocess,
                         struct fus_error *err)
{
    struct fus_store *s = (struct fus_store *)store; /* only for the text's room; the handle itself is never const */
    (void)err;
    *input_side = spec->input_side;
    *preprocess = s->given_preprocess ? s->given_preprocess : fus_store_metadata(s, "fusiform.preprocess");
    if (*preprocess)
        return FUS_OK;
    if (spec->stem == FUS_STEM_CLIP && spec->input_side != 224) { /* RN50x4: 288 */
        snprintf(s->preprocess, sizeof s->preprocess,
                 "resize=%d,interp=bicubic,crop=%d,mean=.48145466/.4578275/.40821073,std=.26862954/.26130258/.27577711",
                 spec->input_side, spec->input_side);
        *preprocess = s->preprocess;
    } else {
        *preprocess = spec->stem == FUS_STEM_CLIP ? "clip" : spec->stem == FUS_STEM_3X3 ? "cifar" : "torchvision";
    }
    return FUS_OK;
}
