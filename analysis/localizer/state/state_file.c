/* SPDX-License-Identifier: MIT */
/* State files: see state_file.h. */
#define _POSIX_C_SOURCE 200809L
#include "analysis/localizer/state/state_file.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "nn/base/bits.h"
#include "nn/base/bytes.h"

#define MAGIC "FUSPIECE"
#define VERSION 2u
#define DIGEST (FUS_SHA256_HEX - 1)
#define FIXED_BYTES (8 + 4 + DIGEST + 6 * 4) /* of the header, up to its layers */
#define LAYER_BYTES (48 + 4 + 8)
#define MOST_LAYERS 4096
#define TURNED_BYTES 4096 /* a whole number of items */
#define MOST_SIDE ((uint64_t)1 << 32)

static const char *const kinds[] = {"moments", "responses"};

void fus_state_file_path(char *path, size_t path_bytes, const char *folder, enum fus_state_file_kind kind, int first,
                         int end, const char *layer)
{
    snprintf(path, path_bytes, "%s/%s-%d-%d-%s", folder, kinds[kind], first, end, layer);
}

static uint64_t layer_bytes(const struct fus_state_file *file, int channels, size_t n_places)
{
    if (file->kind == FUS_STATE_MOMENTS)
        return (uint64_t)file->n_halves * (uint64_t)file->n_moments * sizeof(double) *
               fus_tensor_blocked_size(channels, n_places);
    return (uint64_t)(file->end - file->first) * sizeof(float) * (uint64_t)channels * n_places;
}

static size_t item_bytes(enum fus_state_file_kind kind)
{
    return kind == FUS_STATE_MOMENTS ? sizeof(double) : sizeof(float);
}

/* n bytes of numbers of `item` bytes each, in the other byte order. */
static void turn(uint8_t *out, const uint8_t *in, size_t n, size_t item)
{
    for (size_t i = 0; i < n; i++)
        out[i] = in[i / item * item + (item - 1 - i % item)];
}

/* ---- writing ---- */

static void put(struct fus_state_file_out *o, const void *bytes, size_t n)
{
    fus_sha256_add(&o->sha, bytes, n);
    fus_outfile_write(&o->file, bytes, n);
}

static void write_le(struct fus_state_file_out *o, uint64_t v, int n_bytes)
{
    uint8_t bytes[8];
    for (int i = 0; i < n_bytes; i++)
        bytes[i] = (uint8_t)(v >> (8 * i));
    put(o, bytes, (size_t)n_bytes);
}

void fus_state_file_write(struct fus_state_file_out *o, const void *numbers, size_t n)
{
    const uint8_t *from = numbers;
    for (size_t done = 0, here; !fus_bits_little_endian() && done < n; done += here) {
        uint8_t turned[TURNED_BYTES];
        here = n - done < sizeof turned ? n - done : sizeof turned;
        turn(turned, from + done, here, o->item);
        put(o, turned, here);
    }
    if (fus_bits_little_endian())
        put(o, numbers, n);
}

void fus_state_file_end_layer(struct fus_state_file_out *o)
{
    char hex[FUS_SHA256_HEX];
    fus_sha256_hex(&o->sha, hex);
    fus_outfile_write(&o->file, hex, DIGEST);
    fus_sha256_start(&o->sha);
}

int fus_state_file_begin(struct fus_state_file_out *o, const char *folder, const char *run,
                         const struct fus_state_file *file, struct fus_error *err)
{
    char path[4096];
    fus_state_file_path(path, sizeof path, folder, file->kind, file->first, file->end, file->layers[0].name);
    int code = fus_outfile_open(&o->file, path, err);
    if (code)
        return code;
    o->item = item_bytes(file->kind);
    fus_sha256_start(&o->sha);
    put(o, MAGIC, 8);
    write_le(o, VERSION, 4);
    put(o, run, DIGEST);
    const int numbers[] = {(int)file->kind, file->first, file->end, file->n_halves, file->n_moments, file->n_layers};
    for (int i = 0; i < 6; i++)
        write_le(o, (uint64_t)numbers[i], 4);
    for (int i = 0; i < file->n_layers; i++) {
        put(o, file->layers[i].name, 48);
        write_le(o, (uint64_t)file->layers[i].channels, 4);
        write_le(o, file->layers[i].n_places, 8);
    }
    fus_state_file_end_layer(o);
    return FUS_OK;
}

int fus_state_file_commit(struct fus_state_file_out *o, struct fus_error *err)
{
    return fus_outfile_commit(&o->file, err);
}

void fus_state_file_discard(struct fus_state_file_out *o)
{
    fus_outfile_discard(&o->file);
}

/* ---- headers ---- */

static void free_file(struct fus_state_file *p)
{
    fus_base_free(p->path);
    fus_base_free(p->layers);
    memset(p, 0, sizeof *p);
}

/* Reads the layers after the fixed part, and the offsets of their arrays. b: the header without its
 * digest. */
static int read_layers(struct fus_state_file *p, struct fus_bytes *b, uint64_t at, struct fus_error *err)
{
    for (int i = 0; i < p->n_layers; i++) {
        struct fus_state_file_layer *l = &p->layers[i];
        const uint8_t *name = fus_bytes_take(b, sizeof l->name);
        uint32_t channels = fus_bytes_u32le(b);
        uint64_t n_places = fus_bytes_u64le(b);
        if (!name || name[sizeof l->name - 1] || channels < 1 || channels > INT32_MAX / 2 || n_places < 1 ||
            n_places > MOST_SIDE / channels)
            return fus_base_fail(err, FUS_EFORMAT, "layer %d is none", i + 1);
        memcpy(l->name, name, sizeof l->name);
        l->channels = (int)channels;
        l->n_places = (size_t)n_places;
        l->n_bytes = layer_bytes(p, l->channels, l->n_places);
        l->at = at;
        at += l->n_bytes + DIGEST;
    }
    return FUS_OK;
}

static int read_fixed(struct fus_state_file *p, const uint8_t *bytes, const char *run, struct fus_error *err)
{
    struct fus_bytes b = fus_bytes_of(bytes, FIXED_BYTES);
    if (memcmp(fus_bytes_take(&b, 8), MAGIC, 8) != 0)
        return fus_base_fail(err, FUS_EFORMAT, "no piece of a run");
    uint32_t version = fus_bytes_u32le(&b);
    if (version != VERSION)
        return fus_base_fail(err, FUS_EFORMAT, "version %u found, %u expected", version, VERSION);
    if (memcmp(fus_bytes_take(&b, DIGEST), run, DIGEST) != 0)
        return fus_base_fail(err, FUS_EFORMAT, "it belongs to another run");
    uint32_t kind = fus_bytes_u32le(&b), first = fus_bytes_u32le(&b), end = fus_bytes_u32le(&b),
             halves = fus_bytes_u32le(&b), moments = fus_bytes_u32le(&b), n = fus_bytes_u32le(&b);
    if (kind > FUS_STATE_RESPONSES || first >= end || end > INT32_MAX || halves < 1 || halves > 2 || moments < 2 ||
        moments > 3 || n < 1 || n > MOST_LAYERS)
        return fus_base_fail(err, FUS_EFORMAT, "its header makes no sense");
    p->kind = (enum fus_state_file_kind)kind;
    p->first = (int)first, p->end = (int)end, p->n_halves = (int)halves, p->n_moments = (int)moments;
    p->n_layers = (int)n;
    return FUS_OK;
}

static int too_short(struct fus_error *err)
{
    return fus_base_fail(err, FUS_EFORMAT, "cut short");
}

/* Checks magic, run and layers, and that the file's length agrees. */
static int read_header(struct fus_state_file *p, FILE *f, const char *run, struct fus_error *err)
{
    uint8_t fixed[FIXED_BYTES];
    struct stat st;
    if (fread(fixed, 1, FIXED_BYTES, f) != FIXED_BYTES || fstat(fileno(f), &st) != 0)
        return too_short(err);
    int code = read_fixed(p, fixed, run, err);
    if (code)
        return code;
    size_t n = (size_t)p->n_layers * LAYER_BYTES;
    p->layers = fus_base_alloc((size_t)p->n_layers, sizeof *p->layers);
    uint8_t *rest = fus_base_alloc(n + DIGEST, 1);
    char hex[FUS_SHA256_HEX];
    struct fus_sha256 sha;
    if (!p->layers || !rest)
        code = fus_base_fail(err, FUS_ENOMEM, "no memory for a list of %d layers", p->n_layers);
    else if (fread(rest, 1, n + DIGEST, f) != n + DIGEST)
        code = too_short(err);
    if (!code) {
        fus_sha256_start(&sha);
        fus_sha256_add(&sha, fixed, FIXED_BYTES);
        fus_sha256_add(&sha, rest, n);
        fus_sha256_hex(&sha, hex);
        if (memcmp(hex, rest + n, DIGEST) != 0)
            code = fus_base_fail(err, FUS_EFORMAT, "its header is not what was written (SHA-256)");
    }
    struct fus_bytes b = fus_bytes_of(rest, n);
    if (!code)
        code = read_layers(p, &b, FIXED_BYTES + n + DIGEST, err);
    fus_base_free(rest);
    if (code)
        return code;
    const struct fus_state_file_layer *last = &p->layers[p->n_layers - 1];
    uint64_t size = last->at + last->n_bytes + DIGEST;
    if ((uint64_t)st.st_size != size)
        return fus_base_fail(err, FUS_EFORMAT, "%lld bytes found, %llu expected: cut short?", (long long)st.st_size,
                             (unsigned long long)size);
    return FUS_OK;
}

static int open_file(struct fus_state_file *p, const char *folder, const char *name, const char *run,
                     struct fus_error *err)
{
    size_t n = strlen(folder) + strlen(name) + 2;
    memset(p, 0, sizeof *p);
    p->path = fus_base_alloc(n, 1);
    if (!p->path)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for the name of %s", name);
    snprintf(p->path, n, "%s/%s", folder, name);
    FILE *f = fus_base_open(p->path, err);
    if (!f)
        return fus_base_blame(err, "%s: ", p->path);
    int code = read_header(p, f, run, err);
    fclose(f);
    return code ? fus_base_blame(err, "%s: ", p->path) : FUS_OK;
}

static bool is_state_file(const char *name)
{
    return (strncmp(name, "moments-", 8) == 0 || strncmp(name, "responses-", 10) == 0) && !strstr(name, ".tmp-");
}

int fus_state_file_scan(struct fus_state_files *list, const char *folder, const char *run,
                        const struct fus_note_sink *notes, struct fus_error *err)
{
    DIR *d = opendir(folder);
    int code = FUS_OK;
    if (!d)
        return errno == ENOENT ? FUS_OK
                               : fus_base_fail(err, FUS_EIO, "%s: cannot be opened: %s", folder, strerror(errno));
    for (struct dirent *e; !code && (e = readdir(d));) {
        struct fus_state_file file;
        struct fus_error why = {0};
        if (!is_state_file(e->d_name))
            continue;
        struct fus_state_file *more = fus_base_resize(list->items, (size_t)list->n + 1, sizeof *more);
        if (!more) {
            code = fus_base_fail(err, FUS_ENOMEM, "%s: no memory for a list of %d files", folder, list->n + 1);
            break;
        }
        list->items = more;
        int bad = open_file(&file, folder, e->d_name, run, &why);
        if (!bad) {
            more[list->n++] = file;
            continue;
        }
        free_file(&file);
        if (!notes || bad != FUS_EFORMAT)
            code = fus_base_fail(err, bad, "%s", why.msg);
        else
            fus_note_say(notes, "warning: %s; not used", why.msg);
    }
    closedir(d);
    return code;
}

void fus_state_file_drop(struct fus_state_files *list, int i)
{
    free_file(&list->items[i]);
    list->items[i] = list->items[--list->n];
}

void fus_state_file_free(struct fus_state_files *list)
{
    for (int i = 0; i < list->n; i++)
        free_file(&list->items[i]);
    fus_base_free(list->items);
    *list = (struct fus_state_files){0, NULL};
}

/* ---- reading ---- */

static const struct fus_state_file_layer *find_layer(const struct fus_state_file *p, const char *name)
{
    for (int i = 0; i < p->n_layers; i++)
        if (strcmp(p->layers[i].name, name) == 0)
            return &p->layers[i];
    return NULL;
}

int fus_state_file_longest(const struct fus_state_files *list, enum fus_state_file_kind kind, int first,
                           const char *const *layers, int n_layers)
{
    int best = -1;
    for (int i = 0; i < list->n; i++) {
        const struct fus_state_file *p = &list->items[i];
        bool fits = p->kind == kind && p->first == first && (best < 0 || p->end > list->items[best].end);
        for (int k = 0; k < n_layers && fits; k++)
            fits = find_layer(p, layers[k]) != NULL;
        if (fits)
            best = i;
    }
    return best;
}

int fus_state_file_open_layer(struct fus_state_file_in *in, const struct fus_state_file *file, const char *layer,
                              struct fus_error *err)
{
    const struct fus_state_file_layer *l = find_layer(file, layer);
    memset(in, 0, sizeof *in);
    in->from = file;
    if (!l)
        return fus_base_fail(err, FUS_ENOTFOUND, "%s: layer %s is not in it", file->path, layer);
    in->file = fopen(file->path, "rb");
    if (!in->file || fseeko(in->file, (off_t)l->at, SEEK_SET) != 0) {
        int why = errno;
        if (in->file)
            fclose(in->file);
        return fus_base_fail(err, FUS_EIO, "%s: cannot be read: %s", file->path, strerror(why));
    }
    fus_sha256_start(&in->sha);
    return FUS_OK;
}

void fus_state_file_read(struct fus_state_file_in *in, void *numbers, size_t n)
{
    uint8_t *to = numbers, straight[TURNED_BYTES];
    in->failed = in->failed || fread(numbers, 1, n, in->file) != n;
    if (!in->failed)
        fus_sha256_add(&in->sha, numbers, n);
    for (size_t done = 0, here; !in->failed && !fus_bits_little_endian() && done < n; done += here) {
        here = n - done < sizeof straight ? n - done : sizeof straight;
        memcpy(straight, to + done, here);
        turn(to + done, straight, here, item_bytes(in->from->kind));
    }
}

int fus_state_file_close_layer(struct fus_state_file_in *in, struct fus_error *err)
{
    char found[FUS_SHA256_HEX], written[DIGEST];
    bool whole = !in->failed && fread(written, 1, DIGEST, in->file) == DIGEST;
    fclose(in->file);
    fus_sha256_hex(&in->sha, found);
    if (!whole)
        return fus_base_fail(err, FUS_EFORMAT, "%s: cut short", in->from->path);
    if (memcmp(found, written, DIGEST) != 0)
        return fus_base_fail(err, FUS_EFORMAT, "%s: not what was written (SHA-256)", in->from->path);
    return FUS_OK;
}
