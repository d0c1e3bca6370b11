/* SPDX-License-Identifier: MIT */
/* Word vectors: see words.h. GloVe's and word2vec's files are read in word_formats.c; a .npy [N, D]
 * is read here, its names the lines of the file of the same name that ends in .txt. */
#include "weights/words.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "weights/weights.h"
#include "weights/word_load.h"

enum { MAX_NAMED = 8 };

/* ---- .npy with names ---- */

/* The tensor of `store` that is a table [N, D], or NULL after a message. */
static const struct fus_tensor *find_table(struct fus_store *store, const char *path, struct fus_error *err)
{
    const struct fus_tensor *t = fus_store_count(store) == 1 ? fus_store_tensor(store, 0) : NULL;
    if (t && t->n_dims == 2)
        return t;
    fus_base_fail(err, FUS_EFORMAT, "%s: expected one array [names, dimensions]", path);
    return NULL;
}

/* Reads row `row` into the vector of entry `at`. */
static int take_row(struct fus_word_load *l, struct fus_store *store, const struct fus_tensor *t, uint64_t row,
                    size_t at, struct fus_error *err)
{
    struct fus_tensor one = *t;
    one.shape[0] = 1;
    one.n_elements = (size_t)l->w->dim;
    one.offset += row * (uint64_t)t->stride[0] * fus_dtype_bytes(t->dtype);
    int code = fus_store_read_f32(store, fus_word_load_vector(l, at), &one, err);
    for (int i = 0; i < l->w->dim && !code; i++)
        if (!isfinite(fus_word_load_vector(l, at)[i]))
            code = fus_base_fail(err, FUS_EFORMAT, "%s: row %llu: number %d is not finite", fus_store_path(store),
                                 (unsigned long long)row, i + 1);
    if (!code)
        fus_word_load_keep(l, at);
    return code;
}

/* Reads the rows of the wanted names; there must be as many names as rows. */
static int read_rows(struct fus_word_load *l, struct fus_word_reader *names, struct fus_store *store,
                     const struct fus_tensor *t, struct fus_error *err)
{
    bool more = true;
    uint64_t row = 0;
    int code = FUS_OK;
    while (!code) {
        code = fus_word_reader_line(names, &more, err);
        if (code || !more)
            break;
        size_t at = fus_word_load_find(l, names->line, names->length);
        if (at < l->n && row < (uint64_t)t->shape[0])
            code = take_row(l, store, t, row, at, err);
        row++;
    }
    if (!code && row != (uint64_t)t->shape[0])
        code = fus_base_fail(err, FUS_EFORMAT, "%s: found %llu names, expected one for each of the %lld rows of %s",
                             names->path, (unsigned long long)row, (long long)t->shape[0], fus_store_path(store));
    return code;
}

static int read_npy(struct fus_word_load *l, const char *path, struct fus_error *err)
{
    struct fus_store *store = NULL;
    struct fus_word_reader *names = NULL;
    size_t n = strlen(path);
    char *text = fus_base_strdup(path);
    int code =
        text ? fus_open_weights(&store, path, err) : fus_base_fail(err, FUS_ENOMEM, "%s: no memory for a path", path);
    const struct fus_tensor *t = code ? NULL : find_table(store, path, err);
    code = code || t ? code : FUS_EFORMAT;
    l->w->format = "npy";
    if (!code) {
        memcpy(text + n - 4, ".txt", 4);
        code = fus_word_load_set_dim(l, path, (uint64_t)t->shape[1], err);
    }
    if (!code)
        code = fus_word_reader_open(&names, text, err);
    if (!code)
        code = read_rows(l, names, store, t, err);
    if (names)
        fus_word_reader_close(names);
    fus_store_close(store);
    fus_base_free(text);
    return code;
}

/* ---- all of it ---- */

static int read_path(struct fus_word_load *l, const char *path, struct fus_error *err)
{
    struct fus_word_reader *r;
    size_t n = strlen(path);
    if (n > 4 && strcmp(path + n - 4, ".npy") == 0)
        return read_npy(l, path, err);
    int code = fus_word_reader_open(&r, path, err);
    if (code)
        return code;
    code = fus_word_formats_read(l, r, err);
    fus_word_reader_close(r);
    return code;
}

int fus_words_read(struct fus_words *w, const char *path, const char *const *wanted, size_t n, struct fus_error *err)
{
    struct fus_words made = {.n = n, .found = fus_base_alloc(n + 1, sizeof *made.found)};
    struct fus_word_load l = {&made, fus_base_alloc(n + 1, sizeof *l.wanted), n, n};
    int code = made.found && l.wanted ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "%s: no memory for %zu words", path, n);
    if (!code) {
        fus_word_load_sort(&l, wanted);
        code = read_path(&l, path, err);
    }
    fus_base_free(l.wanted);
    if (code)
        fus_words_free(&made);
    else
        *w = made;
    return code;
}

void fus_words_free(struct fus_words *w)
{
    fus_base_free(w->vectors);
    fus_base_free(w->found);
    memset(w, 0, sizeof *w);
}

int fus_words_check(const struct fus_words *w, const char *path, const char *const *wanted, double most_percent,
                    struct fus_error *err)
{
    size_t missing = w->n - w->n_found;
    double percent = w->n ? 100.0 * (double)missing / (double)w->n : 0;
    char names[600] = "";
    int n_named = 0;
    if (percent <= most_percent)
        return FUS_OK;
    for (size_t i = 0; i < w->n && n_named < MAX_NAMED; i++) {
        size_t n = strlen(names);
        if (!w->found[i])
            snprintf(names + n, sizeof names - n, "%s%.60s", n_named++ ? ", " : "", wanted[i]);
    }
    return fus_base_fail(err, FUS_ENOTFOUND, "%s: %zu of %zu words have no vector (%.1f %%, at most %.0f %% may): %s%s",
                         path, missing, w->n, percent, most_percent, names, missing > MAX_NAMED ? ", ..." : "");
}

/* Coordinate i of the weighted sum of a text's words. */
static double sum_words(const struct fus_words *w, const int *words, size_t n, const double *weight, size_t i)
{
    double sum = 0;
    for (size_t k = 0; k < n; k++)
        if (w->found[words[k]])
            sum = fma(weight ? weight[words[k]] : 1, w->vectors[(size_t)words[k] * (size_t)w->dim + i], sum);
    return sum;
}

bool fus_words_mean(float *out, const struct fus_words *w, const int *words, size_t n, const double *weight)
{
    double squares = 0;
    for (size_t i = 0; i < (size_t)w->dim; i++) {
        double x = sum_words(w, words, n, weight, i);
        squares = fma(x, x, squares);
    }
    for (size_t i = 0; i < (size_t)w->dim; i++)
        out[i] = squares > 0 ? (float)(sum_words(w, words, n, weight, i) / sqrt(squares)) : 0;
    return squares > 0;
}
