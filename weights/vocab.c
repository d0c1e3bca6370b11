/* SPDX-License-Identifier: MIT */
/* CLIP's vocabulary from a file: see vocab.h. */
#include "weights/vocab.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "weights/gunzip.h"
#include "weights/vocab_load.h"

#define MAX_FILE_BYTES ((size_t)64 << 20)
enum { FIRST_READ = 1 << 16 };
enum { N_OTHERS = 514, FIRST_MERGE = 512 }; /* ids that are no merges: bytes twice, start and end */

/* ---- the file ---- */

/* Everything that g holds, with a 0 after it. */
static int read_all(uint8_t **text, size_t *n, struct fus_gunzip *g, const char *path, struct fus_error *err)
{
    uint64_t most = fus_gunzip_most(g);
    size_t room = most < MAX_FILE_BYTES ? (size_t)most : MAX_FILE_BYTES, got = 0, cap = FIRST_READ;
    *n = 0;
    *text = NULL;
    for (;;) {
        uint8_t *grown = fus_base_resize(*text, cap + 1, 1);
        if (!grown)
            return fus_base_fail(err, FUS_ENOMEM, "%s: no memory for its text", path);
        *text = grown;
        int code = fus_gunzip_read(g, *text + *n, cap - *n, &got, err);
        if (code)
            return code;
        *n += got;
        if (*n < cap)
            break;
        if (cap > room)
            return fus_base_fail(err, FUS_ELIMIT, "%s: more than %zu bytes of text", path, room);
        cap *= 2;
    }
    (*text)[*n] = 0;
    return FUS_OK;
}

/* The text of the file, unpacked; the caller frees it, after a failure too. */
static int read_text(uint8_t **text, size_t *n, const char *path, struct fus_error *err)
{
    struct fus_gunzip *g;
    int code = fus_gunzip_open(&g, path, err);
    if (code)
        return code;
    code = read_all(text, n, g, path, err);
    fus_gunzip_close(g);
    return code;
}

static int read_merges(struct fus_vocab_load *l, const char *text, size_t n, int n_wanted, struct fus_error *err)
{
    size_t at = strspn(text, " \t\r\n");
    int code = fus_vocab_load_start(l, n_wanted, n, err);
    if (code)
        return code;
    return text[at] == '{' ? fus_vocab_forms_json(l, text, n, err) : fus_vocab_forms_text(l, text, n, err);
}

/* A list longer than needed is OpenAI's, whose first merges are CLIP's; of another length it is
 * another tokenizer's. */
static int check_count(const struct fus_vocab_load *l, int n_ids, const char *model, struct fus_error *err)
{
    int n_merges = n_ids - N_OTHERS;
    size_t n = l->n_in_file;
    if (n_ids == 0 || n == (size_t)n_merges || (n_ids == FUS_VOCAB_CLIP_IDS && n > (size_t)n_merges))
        return FUS_OK;
    return fus_base_fail(err, FUS_EFORMAT,
                         "%zu merges, token_embedding.weight%s%s needs %d: a vocabulary of another "
                         "model?",
                         n, model ? " of " : "", model ? model : "", n_merges);
}

/* Messages start with the path. */
static int load(struct fus_vocab_load *l, const char *text, size_t n, int n_ids, const char *model,
                struct fus_error *err)
{
    int n_wanted = (n_ids ? n_ids : FUS_VOCAB_CLIP_IDS) - N_OTHERS;
    int code = read_merges(l, text, n, n_wanted, err);
    if (!code)
        code = check_count(l, n_ids, model, err);
    if (code && err)
        fus_base_blame(err, "%s: ", l->v->path);
    return code ? code : fus_sha256_file(l->v->sha256, l->v->path, err);
}

int fus_vocab_open(struct fus_vocab **v, const char *path, int n_ids, const char *model, struct fus_error *err)
{
    *v = NULL;
    if (n_ids && (n_ids < N_OTHERS || n_ids > FUS_VOCAB_MAX_IDS))
        return fus_base_fail(err, FUS_EUNSUPPORTED,
                             "%s: token_embedding.weight has %d rows; %d to %d expected: no CLIP "
                             "tokenizer?",
                             model ? model : path, n_ids, N_OTHERS, FUS_VOCAB_MAX_IDS);
    struct fus_vocab_load l = {.v = fus_base_alloc(1, sizeof *l.v)};
    uint8_t *text = NULL;
    size_t n = 0;
    if (l.v)
        l.v->path = fus_base_strdup(path);
    int code = l.v && l.v->path ? read_text(&text, &n, path, err)
                                : fus_base_fail(err, FUS_ENOMEM, "%s: no memory for a vocabulary", path);
    if (!code)
        code = load(&l, (const char *)text, n, n_ids, model, err);
    fus_base_free(text);
    fus_vocab_load_free(&l);
    if (code) {
        fus_vocab_close(l.v);
        return code;
    }
    *v = l.v;
    return FUS_OK;
}

void fus_vocab_close(struct fus_vocab *v)
{
    if (!v)
        return;
    fus_base_free(v->slots);
    fus_base_free(v->path);
    fus_base_free(v);
}

int fus_vocab_n_ids(const struct fus_vocab *v)
{
    return v->n_merges + N_OTHERS;
}

int fus_vocab_start(const struct fus_vocab *v)
{
    return FIRST_MERGE + v->n_merges;
}

int fus_vocab_end(const struct fus_vocab *v)
{
    return FIRST_MERGE + v->n_merges + 1;
}

const char *fus_vocab_path(const struct fus_vocab *v)
{
    return v->path;
}

const char *fus_vocab_sha256(const struct fus_vocab *v)
{
    return v->sha256;
}

/* ---- beside the weights ---- */

static bool is_file(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

/* Length of the folder's part of a path, with its slash. */
static size_t folder_length(const char *weights)
{
    const char *slash = strrchr(weights, '/');
    return slash ? (size_t)(slash - weights) + 1 : 0;
}

int fus_vocab_find(char **path, const char *weights, struct fus_error *err)
{
    static const char *const names[] = {"bpe_simple_vocab_16e6.txt.gz", "bpe_simple_vocab_16e6.txt", "merges.txt",
                                        "tokenizer/merges.txt", "tokenizer.json"};
    struct stat st;
    bool is_folder = stat(weights, &st) == 0 && S_ISDIR(st.st_mode);
    size_t n = is_folder ? strlen(weights) : folder_length(weights), room = n + 40;
    char *s = fus_base_alloc(room, 1);
    *path = NULL;
    if (!s)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for a path");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(s, room, "%.*s%s%s", (int)n, weights, is_folder ? "/" : "", names[i]);
        if (is_file(s)) {
            *path = s;
            return FUS_OK;
        }
    }
    fus_base_free(s);
    return FUS_OK;
}

int fus_vocab_missing(struct fus_error *err, const char *weights)
{
    return fus_base_fail(
        err, FUS_ENOTFOUND,
        "%s: texts need CLIP's vocabulary; bpe_simple_vocab_16e6.txt.gz (in Python's clip and open_clip "
        "packages) or a Hugging Face merges.txt or tokenizer.json was not found beside it: give "
        "--vocab FILE",
        weights);
}
