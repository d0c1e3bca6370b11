/* SPDX-License-Identifier: MIT */
/* Vectors of texts: latent semantic analysis, means of word vectors, rows of a
 * table; see vectors.h. */
#include "analysis/train/vectors.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "analysis/lsa.h"
#include "nn/base/fmath.h"

enum { LSA_DIM = 64, LEAST_TEXTS = 5 };
#define MOST_MISSING 2.0 /* percent of the words */

/* ---- rows ---- */

bool fus_vectors_unit(float *row, int dim)
{
    double sum = 0;
    for (int i = 0; i < dim; i++)
        sum += (double)row[i] * row[i];
    if (!(sum > 0))
        return false;
    for (int i = 0; i < dim; i++)
        row[i] = (float)(row[i] / sqrt(sum));
    return true;
}

/* Unknown rows get the mean of the others, of unit length. */
static void fill_unknown(float *rows, size_t n, int dim, const bool *known)
{
    float *mean = NULL;
    for (size_t i = 0; i < n; i++) {
        if (known[i])
            continue;
        float *row = rows + i * (size_t)dim;
        if (mean) {
            memcpy(row, mean, (size_t)dim * sizeof *row);
            continue;
        }
        for (int d = 0; d < dim; d++) {
            double sum = 0;
            for (size_t k = 0; k < n; k++)
                sum += known[k] ? (double)rows[k * (size_t)dim + (size_t)d] : 0;
            row[d] = (float)sum;
        }
        if (!fus_vectors_unit(row, dim))
            row[0] = 1;
        mean = row;
    }
}

int fus_vectors_room(struct fus_targets_side *s, int dim, struct fus_error *err)
{
    s->rows = fus_base_alloc(s->n_texts, (size_t)dim * sizeof *s->rows);
    return s->rows ? FUS_OK : fus_targets_no_memory(err);
}

/* ---- latent semantic analysis ---- */

static int embed_lsa(struct fus_targets_side *s, const struct fus_lsa *l, const struct fus_vocabulary *v,
                     struct fus_error *err)
{
    struct fus_bags b = {0};
    bool *known = fus_base_alloc(s->n_texts + 1, sizeof *known);
    double *scratch = fus_base_alloc((size_t)v->n, sizeof *scratch);
    int code = known && scratch ? fus_vectors_room(s, l->dim, err) : fus_targets_no_memory(err);
    if (!code)
        code = fus_vocabulary_bags(&b, v, s->texts, s->n_texts, err);
    for (size_t i = 0; i < s->n_texts && !code; i++)
        known[i] =
            fus_lsa_embed(s->rows + i * (size_t)l->dim, l, b.words + b.start[i], b.start[i + 1] - b.start[i], scratch);
    if (!code)
        fill_unknown(s->rows, s->n_texts, l->dim, known);
    fus_vocabulary_free_bags(&b);
    fus_base_free(known);
    fus_base_free(scratch);
    return code;
}

int fus_vectors_lsa(struct fus_targets *t, struct fus_error *err)
{
    const char **texts = NULL;
    size_t n = 0;
    struct fus_bags b = {0};
    struct fus_lsa l = {0};
    int code = fus_targets_list_training(&texts, &n, &t->side[0], err);
    if (!code)
        code = fus_vocabulary_count(&t->vocabulary, texts, n, LEAST_TEXTS, FUS_LSA_MAX_WORDS, err);
    int words = t->vocabulary.n, dim = t->spec.dim ? t->spec.dim : words < LSA_DIM ? words : LSA_DIM;
    if (!code && (words < 1 || dim > words))
        code = fus_base_fail(
            err, FUS_EINVAL,
            "--language lsa: %d words stand in %d captions or more, %d dimensions need as many; try lsa:%d "
            "or more captions",
            words, LEAST_TEXTS, dim, words > 1 ? words : 1);
    if (!code)
        code = fus_vocabulary_bags(&b, &t->vocabulary, texts, n, err);
    if (!code)
        code = fus_lsa_fit(&l, b.start, b.words, b.n, words, dim, err);
    t->dim = dim;
    for (int side = 0; side < 2 && !code; side++)
        if (t->side[side].feed)
            code = embed_lsa(&t->side[side], &l, &t->vocabulary, err);
    if (!code)
        snprintf(t->description, sizeof t->description,
                 "LSA of %zu captions: %d words, %d dimensions, %.0f %% of their variance", n, words, dim,
                 100 * l.share);
    fus_lsa_free(&l);
    fus_vocabulary_free_bags(&b);
    fus_base_free(texts);
    return code;
}

/* ---- word vectors ---- */

static int embed_words(struct fus_targets *t, int side, const struct fus_words *w, const double *idf, bool skip,
                       struct fus_error *err)
{
    struct fus_targets_side *s = &t->side[side];
    struct fus_bags b = {0};
    bool *known = fus_base_alloc(s->n_texts + 1, sizeof *known);
    int code = known ? fus_vectors_room(s, w->dim, err) : fus_targets_no_memory(err);
    if (!code)
        code = fus_vocabulary_bags(&b, &t->vocabulary, s->texts, s->n_texts, err);
    for (size_t i = 0; i < s->n_texts && !code; i++) {
        float *row = s->rows + i * (size_t)w->dim;
        known[i] = fus_words_mean(row, w, b.words + b.start[i], b.start[i + 1] - b.start[i], idf) &&
                   fus_vectors_unit(row, w->dim);
        if (!known[i] && !skip)
            code = fus_base_fail(err, FUS_EINVAL, "%s: no word of '%s' has a vector; --missing skip goes on without",
                                 t->spec.path, s->texts[i]);
    }
    if (!code)
        fill_unknown(s->rows, s->n_texts, w->dim, known);
    fus_vocabulary_free_bags(&b);
    fus_base_free(known);
    return code;
}

/* The words of both sides' texts. */
static int count_words(struct fus_targets *t, struct fus_error *err)
{
    size_t n = t->side[0].n_texts + t->side[1].n_texts;
    const char **texts = fus_base_alloc(n + 1, sizeof *texts);
    if (!texts)
        return fus_targets_no_memory(err);
    memcpy(texts, t->side[0].texts, t->side[0].n_texts * sizeof *texts);
    if (t->side[1].n_texts)
        memcpy(texts + t->side[0].n_texts, t->side[1].texts, t->side[1].n_texts * sizeof *texts);
    int code = fus_vocabulary_count(&t->vocabulary, texts, n, 1, 0, err);
    fus_base_free(texts);
    return code;
}

static int weigh(double **idf, const struct fus_vocabulary *v, struct fus_error *err)
{
    *idf = fus_base_alloc((size_t)v->n + 1, sizeof **idf);
    if (!*idf)
        return fus_targets_no_memory(err);
    for (int i = 0; i < v->n; i++)
        (*idf)[i] = fus_fmath_log((double)v->n_all / v->n_texts[i]);
    return FUS_OK;
}

int fus_vectors_words(struct fus_targets *t, const struct fus_targets_request *r, struct fus_error *err)
{
    struct fus_words w = {0};
    double *idf = NULL;
    int code = count_words(t, err);
    const char *const *wanted = (const char *const *)t->vocabulary.words;
    size_t n = (size_t)t->vocabulary.n;
    if (!code)
        code = fus_words_read(&w, t->spec.path, wanted, n, err);
    if (!code && !r->skip_missing)
        code = fus_words_check(&w, t->spec.path, wanted, MOST_MISSING, err);
    if (!code && r->idf)
        code = weigh(&idf, &t->vocabulary, err);
    t->dim = w.dim;
    for (int side = 0; side < 2 && !code; side++)
        if (t->side[side].feed)
            code = embed_words(t, side, &w, idf, r->skip_missing, err);
    if (!code)
        snprintf(t->description, sizeof t->description, "word vectors (%s): %zu of %zu words, %d dimensions", w.format,
                 w.n_found, n, w.dim);
    fus_base_free(idf);
    fus_words_free(&w);
    return code;
}

/* ---- FILE.npy: a row for each caption, class or picture, depending on its names ---- */

static int read_table(struct fus_words *w, struct fus_targets *t, int side, struct fus_error *err)
{
    const struct fus_targets_side *s = &t->side[side];
    fus_words_free(w);
    memset(w, 0, sizeof *w);
    return fus_words_read(w, t->spec.path, s->texts, s->n_texts, err);
}

static int take_table(struct fus_targets *t, int side, const struct fus_words *w, bool skip, struct fus_error *err)
{
    struct fus_targets_side *s = &t->side[side];
    int code = skip ? FUS_OK : fus_words_check(w, t->spec.path, s->texts, 0, err);
    if (!code)
        code = fus_vectors_room(s, w->dim, err);
    bool *known = code ? NULL : fus_base_alloc(s->n_texts + 1, sizeof *known);
    if (!code && !known)
        code = fus_targets_no_memory(err);
    for (size_t i = 0; i < s->n_texts && !code; i++) {
        float *row = s->rows + i * (size_t)w->dim;
        memcpy(row, w->vectors + i * (size_t)w->dim, (size_t)w->dim * sizeof *row);
        known[i] = w->found[i] && fus_vectors_unit(row, w->dim);
    }
    if (!code)
        fill_unknown(s->rows, s->n_texts, w->dim, known);
    fus_base_free(known);
    return code;
}

int fus_vectors_table(struct fus_targets *t, const struct fus_targets_request *r, bool captions, struct fus_error *err)
{
    static const char *const what[] = {"captions", "classes", "pictures"};
    struct fus_words w = {0};
    int code = FUS_OK, mode = captions ? FUS_TARGETS_CAPTIONS : FUS_TARGETS_CLASS_NAMES;
    for (; mode <= FUS_TARGETS_PATHS && !code; mode++) {
        fus_targets_drop_texts(&t->side[0]);
        code = fus_targets_set_texts(&t->side[0], (enum fus_targets_mode)mode, err);
        if (!code)
            code = read_table(&w, t, 0, err);
        if (code || w.n_found)
            break;
    }
    if (!code && !w.n_found)
        code =
            fus_base_fail(err, FUS_EINVAL, "%s: none of its names is a caption, class or picture here", t->spec.path);
    t->dim = w.dim;
    if (!code)
        code = take_table(t, 0, &w, r->skip_missing, err);
    if (!code)
        snprintf(t->description, sizeof t->description, "rows of a table for %zu of %zu %s, %d dimensions", w.n_found,
                 w.n, what[mode], w.dim);
    if (!code && t->side[1].feed) {
        fus_targets_drop_texts(&t->side[1]);
        code = fus_targets_set_texts(&t->side[1], (enum fus_targets_mode)mode, err);
        if (!code)
            code = read_table(&w, t, 1, err);
        if (!code)
            code = take_table(t, 1, &w, r->skip_missing, err);
    }
    fus_words_free(&w);
    return code;
}
