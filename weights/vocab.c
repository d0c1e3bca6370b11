/* CLIP's vocabulary from a file: see vocab.h. */
#include "weights/vocab.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "weights/gzip.h"
#include "weights/vocab_load.h"

#define MAX_FILE_BYTES ((size_t)64 << 20)
enum { N_OTHERS = 514, FIRST_MERGE = 512 }; /* ids that are no merges: bytes twice, start and end */

/* ---- the file ---- */

/* The text of the file, unpacked. */
static int read_text(uint8_t **text, size_t *n, const char *path, struct fus_error *err)
{
    uint8_t *bytes;
    int code = fus_base_read_file(&bytes, n, path, MAX_FILE_BYTES, err);
    if (code)
        return code;
    if (!fus_gzip_is(bytes, *n)) {
        *text = bytes;
        return FUS_OK;
    }
    code = fus_gzip_unpack(text, n, bytes, *n, MAX_FILE_BYTES, err);
    fus_base_free(bytes);
    return code;
}

static int read_merges(struct fus_vocab_load *l, const char *path, int n_wanted, struct fus_error *err)
{
    uint8_t *text = NULL;
    size_t n = 0, at = 0;
    int code = read_text(&text, &n, path, err);
    if (code)
        return code;
    while (at < n && (text[at] == ' ' || (text[at] >= '\t' && text[at] <= '\r')))
        at++;
    code = fus_vocab_load_start(l, n_wanted, n, err);
    if (!code && at < n && text[at] == '{')
        code = fus_vocab_forms_json(l, (const char *)text, n, err);
    else if (!code)
        code = fus_vocab_forms_text(l, (const char *)text, n, err);
    fus_base_free(text);
    return code;
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

int fus_vocab_open(struct fus_vocab **v, const char *path, int n_ids, const char *model, struct fus_error *err)
{
    *v = NULL;
    if (n_ids && (n_ids < N_OTHERS || n_ids > FUS_VOCAB_MAX_IDS))
        return fus_base_fail(err, FUS_EUNSUPPORTED,
                             "%s: token_embedding.weight has %d rows; %d to %d expected: no CLIP "
                             "tokenizer?",
                             model ? model : path, n_ids, N_OTHERS, FUS_VOCAB_MAX_IDS);
    struct fus_vocab_load l = {.v = fus_base_alloc(1, sizeof *l.v)};
    int n_wanted = (n_ids ? n_ids : FUS_VOCAB_CLIP_IDS) - N_OTHERS;
    int code = FUS_OK;
    if (l.v)
        l.v->path = fus_base_strdup(path);
    if (!l.v || !l.v->path)
        code = fus_base_fail(err, FUS_ENOMEM, "no memory for a vocabulary");
    if (!code)
        code = read_merges(&l, path, n_wanted, err);
    if (!code)
        code = check_count(&l, n_ids, model, err);
    if (!code)
        code = fus_sha256_file(l.v->sha256, path, err);
    fus_vocab_load_free(&l);
    if (code) {
        fus_vocab_close(l.v);
        if (err)
            fus_base_blame(err, "%s: ", path);
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
