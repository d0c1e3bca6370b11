/* SPDX-License-Identifier: MIT */
/* A training step as naive loops in double; reading order: grad_reference.h.
 *
 *   forward    each row's output from the outputs of the rows that it reads, first row to last
 *   losses     L, and dL/da of the network's outputs
 *   backward   last row to first: from dL/da of a row, dL/da of what it read and dL/dw of its
 *              parameters (the chain rule; Rumelhart, Hinton & Williams 1986). A row that several
 *              others read gets the sum
 *
 * This file knows two functions of each layer, its formula and that formula's derivative. */
#include "nn/train/grad_reference.h"

#include <string.h>

#include "nn/base/fmath.h"

static const struct row_functions {
    void (*forward)(const struct fus_grad_row *row);
    void (*backward)(const struct fus_grad_row *row);
} functions[FUS_OP_KINDS] = {
    [FUS_OP_CONV] = {fus_grad_reference_convolve, fus_grad_reference_convolve_back},
    [FUS_OP_MAXPOOL] = {fus_grad_reference_max, fus_grad_reference_max_back},
    [FUS_OP_AVGPOOL] = {fus_grad_reference_average, fus_grad_reference_average_back},
    [FUS_OP_MEAN] = {fus_grad_reference_average, fus_grad_reference_average_back},
    [FUS_OP_PAD] = {fus_grad_reference_pad, fus_grad_reference_pad_back},
    [FUS_OP_ATTENTION] = {fus_grad_reference_attend, fus_grad_reference_attend_back},
};

static size_t volume(const struct fus_grad_row *row)
{
    return (size_t)row->n * fus_grad_at(row->layer, 1, 0, 0, 0);
}

/* ---- forward and backward ---- */

static void forward(struct fus_grad_reference *r, const struct fus_train_batch *batch)
{
    size_t n_input = (size_t)batch->n * fus_grad_in_at(r->row[0].layer, 1, 0, 0, 0);
    for (size_t i = 0; i < n_input; i++)
        r->input[i] = batch->input[i];
    for (int i = 0; i < r->arch.n_layers; i++) {
        r->row[i].n = batch->n;
        functions[r->row[i].layer->op].forward(&r->row[i]);
    }
}

/* The da of the network's outputs are set, all others 0. */
static void backward(struct fus_grad_reference *r)
{
    for (int i = r->arch.n_layers - 1; i >= 0; i--)
        functions[r->row[i].layer->op].backward(&r->row[i]);
}

/* ---- texts: the mean of their words' vectors ---- */

/* t = sum over the text's words w of V[:, w] / length;  V = text.weight [dim, words]. */
static void embed_texts(struct fus_grad_reference *r, const struct fus_train_batch *batch)
{
    size_t dim = (size_t)r->text->shape[0], n_words = (size_t)r->text->shape[1];
    memset(r->target, 0, (size_t)batch->n * dim * sizeof *r->target);
    for (int n = 0; n < batch->n; n++)
        for (int w = batch->word_start[n]; w < batch->word_start[n + 1]; w++)
            for (size_t j = 0; j < dim; j++)
                r->target[(size_t)n * dim + j] += r->text->value[j * n_words + (size_t)batch->words[w]] /
                                                  (batch->word_start[n + 1] - batch->word_start[n]);
}

/* dV[:, w] = sum of dt / length over all occurrences of w in the texts. */
static void embed_texts_back(struct fus_grad_reference *r, const struct fus_train_batch *batch)
{
    size_t dim = (size_t)r->text->shape[0], n_words = (size_t)r->text->shape[1];
    for (int n = 0; n < batch->n; n++)
        for (int w = batch->word_start[n]; w < batch->word_start[n + 1]; w++)
            for (size_t j = 0; j < dim; j++)
                r->text->gradient[j * n_words + (size_t)batch->words[w]] +=
                    r->d_target[(size_t)n * dim + j] / (batch->word_start[n + 1] - batch->word_start[n]);
}

/* ---- losses ---- */

/* d *= weight, the loss's share of L. */
static void weigh(double *d, size_t n, double weight)
{
    for (size_t i = 0; i < n; i++)
        d[i] *= weight;
}

static double classify(struct fus_grad_reference *r, const struct fus_train_batch *batch)
{
    struct fus_grad_row *row = &r->row[r->logits];
    double loss =
        fus_loss_cross_entropy(row->da, row->a, batch->label, batch->n, row->layer->channels, r->options.smooth);
    weigh(row->da, volume(row), r->options.classify_weight);
    return loss;
}

/* The language head against the given targets; the temperature of InfoNCE is fixed. */
static double speak(struct fus_grad_reference *r, const struct fus_train_batch *batch)
{
    struct fus_grad_row *row = &r->row[r->language];
    int n = batch->n, dim = row->layer->channels;
    double loss = 0;
    for (size_t i = 0; i < volume(row); i++)
        r->target[i] = batch->target[i];
    switch (r->options.language) {
    case FUS_TRAIN_COSINE:
        loss = fus_loss_cosine(row->da, row->a, r->target, n, dim);
        break;
    case FUS_TRAIN_MSE:
        loss = fus_loss_mse(row->da, row->a, r->target, n, dim);
        break;
    case FUS_TRAIN_INFONCE:
        loss = fus_loss_infonce(row->da, NULL, NULL, row->a, r->target, -fus_fmath_log(FUS_LOSS_TEMPERATURE), n, dim,
                                r->scratch);
    }
    weigh(row->da, volume(row), r->options.language_weight);
    return loss;
}

/* Pictures against texts: the texts' vectors and the temperature are learned too. */
static double contrast(struct fus_grad_reference *r, const struct fus_train_batch *batch)
{
    struct fus_grad_row *row = &r->row[r->language];
    embed_texts(r, batch);
    double loss = fus_loss_infonce(row->da, r->d_target, r->scale->gradient, row->a, r->target, r->scale->value[0],
                                   batch->n, row->layer->channels, r->scratch);
    weigh(row->da, volume(row), r->options.language_weight);
    weigh(r->d_target, volume(row), r->options.language_weight);
    weigh(r->scale->gradient, 1, r->options.language_weight);
    embed_texts_back(r, batch);
    return loss;
}

/* L = classify_weight * classification + language_weight * language. */
static struct fus_grad_losses losses(struct fus_grad_reference *r, const struct fus_train_batch *batch)
{
    struct fus_grad_losses l = {0};
    if (r->options.classify_weight != 0)
        l.classify = classify(r, batch);
    if (r->options.language_weight != 0)
        l.language = r->options.contrastive ? contrast(r, batch) : speak(r, batch);
    l.loss = r->options.classify_weight * l.classify + r->options.language_weight * l.language;
    return l;
}

/* ---- a step ---- */

static void clear_gradients(struct fus_grad_reference *r)
{
    for (int i = 0; i < r->arch.n_layers; i++)
        memset(r->row[i].da, 0, volume(&r->row[i]) * sizeof *r->row[i].da);
    for (int i = 0; i < r->n_tensors; i++)
        memset(r->tensor[i].gradient, 0, r->tensor[i].n * sizeof *r->tensor[i].gradient);
}

struct fus_grad_losses fus_grad_reference_loss(struct fus_grad_reference *r, const struct fus_train_batch *batch)
{
    forward(r, batch);
    clear_gradients(r);
    return losses(r, batch);
}

struct fus_grad_losses fus_grad_reference_step(struct fus_grad_reference *r, const struct fus_train_batch *batch)
{
    struct fus_grad_losses l = fus_grad_reference_loss(r, batch);
    backward(r);
    for (int i = 0; i < r->arch.n_layers; i++)
        fus_grad_reference_run_statistics(&r->row[i]);
    return l;
}
