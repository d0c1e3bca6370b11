/* SPDX-License-Identifier: MIT */
/* The losses of a batch at the network's heads. A picture's loss and gradient depend on that
 * picture alone, except for InfoNCE; sums run over the pictures in order, in double. */
#include <math.h>
#include <string.h>

#include "nn/base/fmath.h"
#include "nn/train/engine.h"

static int dim_of(const struct fus_train *t, int head)
{
    return t->arch.layers[t->heads[head]].channels;
}

static size_t floats_of(const struct fus_train *t, int head)
{
    return fus_layer_floats(&t->arch.layers[t->heads[head]]);
}

/* A row of doubles, its gradient and a target; of a contrastive batch u, v, du, dv
 * and the loss's own. */
size_t fus_heads_doubles(const struct fus_train *t)
{
    size_t most = 0, n = (size_t)t->options.batch;
    for (int i = 0; i < 2; i++)
        if (t->heads[i] >= 0 && (size_t)dim_of(t, i) > most)
            most = (size_t)dim_of(t, i);
    size_t rows = 3 * most;
    bool contrast = t->options.contrastive || t->options.language == FUS_TRAIN_INFONCE;
    return contrast ? rows + 3 * n * n + 6 * n * most : rows;
}

/* ---- checks of the batch ---- */

int fus_heads_check(const struct fus_train *t, const struct fus_train_batch *b, struct fus_error *err)
{
    bool classes = t->heads[FUS_HEAD_CLASSES] >= 0, language = t->heads[FUS_HEAD_LANGUAGE] >= 0;
    if (b->n < 1 || b->n > t->options.batch)
        return fus_base_fail(err, FUS_EINVAL, "a batch of %d pictures; 1 to %d are possible", b->n, t->options.batch);
    if ((classes && !b->label) || (language && !t->options.contrastive && !b->target) ||
        (t->options.contrastive && (!b->words || !b->word_start)))
        return fus_base_fail(err, FUS_EINVAL, "a batch without labels or targets");
    for (int i = 0; classes && i < b->n; i++)
        if (b->label[i] < -1 || b->label[i] >= dim_of(t, FUS_HEAD_CLASSES))
            return fus_base_fail(err, FUS_EINVAL, "label %d of picture %d; there are %d classes", b->label[i], i,
                                 dim_of(t, FUS_HEAD_CLASSES));
    for (int i = 0; t->options.contrastive && i < b->n; i++)
        for (int j = b->word_start[i]; j < b->word_start[i + 1]; j++)
            if (b->words[j] < 0 || b->words[j] >= t->options.n_words)
                return fus_base_fail(err, FUS_EINVAL, "word %d of text %d; there are %d words", b->words[j], i,
                                     t->options.n_words);
    return FUS_OK;
}

/* ---- one picture ---- */

/* Weighted gradient over the pictures of the batch. */
static void store_gradient(float *to, const double *d, int dim, double weight, int n)
{
    for (int j = 0; j < dim; j++)
        to[j] = (float)(weight * (d[j] / n));
}

static void widen(double *to, const float *from, int dim)
{
    for (int j = 0; j < dim; j++)
        to[j] = from[j];
}

static int largest(const double *x, int n)
{
    int at = 0;
    for (int i = 1; i < n; i++)
        at = x[i] > x[at] ? i : at;
    return at;
}

static void classify(struct fus_train *t, struct fus_train_result *r, const struct fus_train_batch *b, int picture)
{
    int dim = dim_of(t, FUS_HEAD_CLASSES);
    size_t at = (size_t)picture * floats_of(t, FUS_HEAD_CLASSES);
    double *logits = t->loss_memory, *d = logits + dim;
    widen(logits, t->head_out[FUS_HEAD_CLASSES] + at, dim);
    r->classify += fus_loss_cross_entropy(d, logits, &b->label[picture], 1, dim, t->options.smooth);
    r->n_correct += largest(logits, dim) == b->label[picture];
    store_gradient(t->head_gradient[FUS_HEAD_CLASSES] + at, d, dim, t->options.classify_weight, b->n);
}

static void tell(struct fus_train *t, struct fus_train_result *r, const struct fus_train_batch *b, int picture)
{
    int dim = dim_of(t, FUS_HEAD_LANGUAGE);
    size_t at = (size_t)picture * floats_of(t, FUS_HEAD_LANGUAGE);
    double *u = t->loss_memory, *d = u + dim, *target = d + dim;
    widen(u, t->head_out[FUS_HEAD_LANGUAGE] + at, dim);
    widen(target, b->target + (size_t)picture * (size_t)dim, dim);
    r->cosine += 1 - fus_loss_cosine(NULL, u, target, 1, dim);
    if (t->options.language == FUS_TRAIN_MSE)
        r->language += fus_loss_mse(d, u, target, 1, dim);
    else
        r->language += fus_loss_cosine(d, u, target, 1, dim);
    store_gradient(t->head_gradient[FUS_HEAD_LANGUAGE] + at, d, dim, t->options.language_weight, b->n);
}

void fus_heads_pictures(struct fus_train *t, struct fus_train_result *r, const struct fus_train_batch *b, int first,
                        int n)
{
    for (int i = first; i < first + n; i++) {
        if (t->heads[FUS_HEAD_CLASSES] >= 0)
            classify(t, r, b, i);
        if (t->heads[FUS_HEAD_LANGUAGE] >= 0 && !t->options.contrastive && t->options.language != FUS_TRAIN_INFONCE)
            tell(t, r, b, i);
    }
}

/* ---- contrastive ---- */

/* v [n, dim]: each text's mean of its words' columns. */
static void embed_texts(double *v, const struct fus_train *t, const struct fus_train_batch *b, int dim)
{
    const float *columns = t->parameters[t->text].tensor[FUS_TRAIN_VALUE];
    for (int i = 0; i < b->n; i++) {
        double *row = v + (size_t)i * (size_t)dim;
        int length = b->word_start[i + 1] - b->word_start[i];
        memset(row, 0, (size_t)dim * sizeof *row);
        for (int w = b->word_start[i]; w < b->word_start[i + 1]; w++)
            for (int j = 0; j < dim; j++)
                row[j] += columns[(size_t)b->words[w] * (size_t)dim + (size_t)j];
        for (int j = 0; length > 0 && j < dim; j++)
            row[j] /= length;
    }
}

/* Each word's column accumulates the gradients of its texts / length: texts in batch order, words
 * in text order. */
static void back_texts(struct fus_train *t, const double *dv, const struct fus_train_batch *b, int dim)
{
    float *gradient = t->parameters[t->text].tensor[FUS_TRAIN_GRADIENT];
    for (int i = 0; gradient && i < b->n; i++) {
        int length = b->word_start[i + 1] - b->word_start[i];
        for (int w = b->word_start[i]; w < b->word_start[i + 1]; w++)
            for (int j = 0; j < dim; j++)
                gradient[(size_t)b->words[w] * (size_t)dim + (size_t)j] +=
                    (float)(t->options.language_weight * dv[(size_t)i * (size_t)dim + (size_t)j] / length);
    }
}

static double cosine_of(const double *u, const double *v, int dim)
{
    return 1 - fus_loss_cosine(NULL, u, v, 1, dim);
}

/* How many pictures have their own text as the nearest, and the mean cosine with it. */
static void rank_texts(struct fus_train_result *r, const double *u, const double *v, int n, int dim)
{
    for (int i = 0; i < n; i++) {
        int first = 0;
        double most = -INFINITY;
        for (int j = 0; j < n; j++) {
            double c = cosine_of(u + (size_t)i * (size_t)dim, v + (size_t)j * (size_t)dim, dim);
            first = c > most ? j : first;
            most = c > most ? c : most;
            r->cosine += i == j ? c : 0;
        }
        r->n_correct += first == i;
    }
}

/* Pictures against texts, or against their targets with a fixed temperature. */
void fus_heads_contrast(struct fus_train *t, struct fus_train_result *r, const struct fus_train_batch *b)
{
    int dim = dim_of(t, FUS_HEAD_LANGUAGE);
    size_t rows = (size_t)b->n * (size_t)dim, floats = floats_of(t, FUS_HEAD_LANGUAGE);
    double *u = t->loss_memory, *v = u + rows, *du = v + rows, *dv = du + rows, *scratch = dv + rows, d_scale = 0;
    const struct fus_train_store *scale = t->log_scale >= 0 ? &t->parameters[t->log_scale] : NULL;
    double log_scale = scale ? scale->tensor[FUS_TRAIN_VALUE][0] : -fus_fmath_log(FUS_LOSS_TEMPERATURE);
    for (int i = 0; i < b->n; i++)
        widen(u + (size_t)i * (size_t)dim, t->head_out[FUS_HEAD_LANGUAGE] + (size_t)i * floats, dim);
    if (scale)
        embed_texts(v, t, b, dim);
    else
        widen(v, b->target, (int)rows);
    r->language = fus_loss_infonce(du, dv, &d_scale, u, v, log_scale, b->n, dim, scratch);
    r->language *= b->n; /* divided again at the batch's end */
    rank_texts(r, u, v, b->n, dim);
    for (int i = 0; i < b->n; i++)
        store_gradient(t->head_gradient[FUS_HEAD_LANGUAGE] + (size_t)i * floats, du + (size_t)i * (size_t)dim, dim,
                       t->options.language_weight, 1);
    if (scale && scale->tensor[FUS_TRAIN_GRADIENT])
        scale->tensor[FUS_TRAIN_GRADIENT][0] = (float)(t->options.language_weight * d_scale);
    if (scale)
        back_texts(t, dv, b, dim);
}

/* ---- a batch ---- */

void fus_heads_start_batch(struct fus_train *t, struct fus_train_result *r)
{
    memset(r, 0, sizeof *r);
    for (int i = 0; i < 2; i++)
        if (t->heads[i] >= 0)
            memset(t->head_gradient[i], 0, (size_t)t->options.batch * floats_of(t, i) * sizeof(float));
}

void fus_heads_end_batch(const struct fus_train *t, struct fus_train_result *r, int n)
{
    r->classify /= n;
    r->language /= n;
    r->cosine /= n;
    r->loss = (t->heads[FUS_HEAD_CLASSES] >= 0 ? t->options.classify_weight * r->classify : 0) +
              (t->heads[FUS_HEAD_LANGUAGE] >= 0 ? t->options.language_weight * r->language : 0);
}
