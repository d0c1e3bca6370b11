/* SPDX-License-Identifier: MIT */
/* Scores of the held-out pictures by the inference engine with folded batch norms, as used by
 * `fusiform run`. So a network that works only with batch statistics is noticed at once. */
#include "analysis/train/work.h"

#include <math.h>
#include <string.h>

#include "nn/base/fmath.h"

#define MAX_RECALL 5000 /* held-out pictures whose texts are compared: n^2 cosines */

struct pass {
    struct fus_work *w;
    struct fus_net *net;
    int class_tap, text_tap, n_classes, dim, at; /* at: the batch's first held picture */
    float *logits, *vector;                      /* one picture's */
    float *embeddings;                           /* contrastive: [n, dim]; else NULL */
    double classify, cosine, language;
    int n_correct;
};

static int side_of(const struct fus_work *w)
{
    return w->has_other ? 1 : 0;
}

static struct fus_feed *held_feed(struct fus_work *w)
{
    return w->has_other ? &w->other : &w->feed;
}

/* The cross-entropy of logits against a class; *chosen: the class with the largest logit, of equal
 * ones the first. */
static double cross_entropy(int *chosen, const float *logits, int n, int label)
{
    double sum = 0;
    *chosen = 0;
    for (int c = 1; c < n; c++)
        if (logits[c] > logits[*chosen])
            *chosen = c;
    for (int c = 0; c < n; c++)
        sum += fus_fmath_exp((double)logits[c] - logits[*chosen]);
    return fus_fmath_log(sum) + logits[*chosen] - logits[label];
}

static double cosine(const float *a, const float *b, int n)
{
    double dot = 0, aa = 0, bb = 0;
    for (int i = 0; i < n; i++) {
        dot += (double)a[i] * b[i];
        aa += (double)a[i] * a[i];
        bb += (double)b[i] * b[i];
    }
    return aa > 0 && bb > 0 ? dot / (sqrt(aa) * sqrt(bb)) : 0;
}

static void compare(struct pass *p, int i)
{
    const struct fus_work *w = p->w;
    const float *target = fus_targets_row(&w->targets, side_of(w), w->predictions.item[i], 0, true);
    double c = cosine(p->vector, target, p->dim), squares = 0;
    for (int d = 0; d < p->dim; d++)
        squares += ((double)p->vector[d] - target[d]) * ((double)p->vector[d] - target[d]);
    p->cosine += c;
    p->language += w->o->loss == FUS_TRAIN_MSE ? squares / p->dim : 1 - c;
}

static int on_tap(void *context, int tap, int picture, const float *blocked)
{
    struct pass *p = context;
    struct fus_work_held *h = &p->w->predictions;
    int i = p->at + picture;
    if (tap == p->class_tap) {
        fus_tensor_unblock(p->logits, blocked, p->n_classes, 1);
        h->loss[i] = cross_entropy(&h->chosen[i], p->logits, p->n_classes, h->label[i]);
        p->classify += h->loss[i];
        p->n_correct += h->chosen[i] == h->label[i];
    } else if (p->embeddings) {
        fus_tensor_unblock(p->embeddings + (size_t)i * (size_t)p->dim, blocked, p->dim, 1);
    } else {
        fus_tensor_unblock(p->vector, blocked, p->dim, 1);
        compare(p, i);
    }
    return FUS_OK;
}

static int run_all(struct pass *p, struct fus_error *err)
{
    struct fus_work *w = p->w;
    const struct fus_work_held *h = &w->predictions;
    int batch = w->o->batch, code = FUS_OK;
    bool *wanted = fus_base_alloc((size_t)fus_net_n_taps(p->net), sizeof *wanted);
    if (!wanted)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for the taps");
    if (p->class_tap >= 0)
        wanted[p->class_tap] = true;
    if (p->text_tap >= 0)
        wanted[p->text_tap] = true;
    for (p->at = 0; p->at < h->n && !code; p->at += batch) {
        int n = h->n - p->at < batch ? h->n - p->at : batch;
        code = fus_feed_batch(w->input, held_feed(w), h->item + p->at, n, 0, false, err);
        if (!code)
            code = fus_net_forward(p->net, w->input, n, wanted, on_tap, p, err);
    }
    fus_base_free(wanted);
    return code;
}

/* ---- contrastive ---- */

/* Texts of the held-out pictures, [n, dim] of unit length: the mean of their words' columns of
 * text.weight [dim, words]. */
static int embed_texts(float *out, const struct fus_work *w, int n, int dim, struct fus_error *err)
{
    const struct fus_targets_side *s = &w->targets.side[side_of(w)];
    size_t words = (size_t)w->start.n_words;
    float *columns = fus_base_alloc(words, (size_t)dim * sizeof *columns);
    int code = columns ? fus_outputs_weight((void *)w, columns, words * (size_t)dim, "text.weight", err)
                       : fus_base_fail(err, FUS_ENOMEM, "no memory for %zu words", words);
    for (int i = 0; i < n && !code; i++) {
        size_t text = fus_targets_text(&w->targets, side_of(w), w->predictions.item[i], 0, true);
        for (int d = 0; d < dim; d++) {
            double sum = 0;
            for (size_t k = s->bags.start[text]; k < s->bags.start[text + 1]; k++)
                sum += columns[(size_t)d * words + (size_t)s->bags.words[k]];
            out[(size_t)i * (size_t)dim + (size_t)d] = (float)sum;
        }
    }
    fus_base_free(columns);
    return code;
}

static void make_unit(float *rows, int n, int dim)
{
    for (int i = 0; i < n; i++) {
        float *r = rows + (size_t)i * (size_t)dim;
        double sum = 0;
        for (int d = 0; d < dim; d++)
            sum += (double)r[d] * r[d];
        for (int d = 0; d < dim && sum > 0; d++)
            r[d] = (float)(r[d] / sqrt(sum));
    }
}

static double dot(const float *a, const float *b, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += (double)a[i] * b[i];
    return sum;
}

/* Share of rows of a to which the row of b with the same index is nearer than any other; *own: the
 * mean cosine with it. */
static double recall(double *own, const float *a, const float *b, int n, int dim)
{
    int first = 0;
    *own = 0;
    for (int i = 0; i < n; i++) {
        double mine = dot(a + (size_t)i * (size_t)dim, b + (size_t)i * (size_t)dim, dim);
        bool best = true;
        for (int k = 0; k < n && best; k++)
            best = k == i || dot(a + (size_t)i * (size_t)dim, b + (size_t)k * (size_t)dim, dim) < mine;
        first += best;
        *own += mine;
    }
    *own /= n;
    return (double)first / n;
}

/* The class whose texts' mean is nearest. */
static int choose_classes(struct pass *p, const float *texts, int n, struct fus_error *err)
{
    struct fus_work_held *h = &p->w->predictions;
    size_t classes = (size_t)p->w->feed.n_classes, dim = (size_t)p->dim;
    float *means = fus_base_alloc(classes, dim * sizeof *means);
    if (!means)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for %zu classes", classes);
    for (int i = 0; i < n; i++)
        for (size_t d = 0; d < dim; d++)
            means[(size_t)h->label[i] * dim + d] += texts[(size_t)i * dim + d];
    make_unit(means, (int)classes, p->dim);
    for (int i = 0; i < n; i++) {
        double best = -INFINITY;
        for (size_t c = 0; c < classes; c++) {
            double x = dot(p->embeddings + (size_t)i * dim, means + c * dim, p->dim);
            if (x > best)
                best = x, h->chosen[i] = (int)c;
        }
        h->loss[i] = 1 - dot(p->embeddings + (size_t)i * dim, means + (size_t)h->label[i] * dim, p->dim);
        p->n_correct += h->chosen[i] == h->label[i];
    }
    fus_base_free(means);
    return FUS_OK;
}

static int contrast(struct pass *p, struct fus_training_score *score, struct fus_error *err)
{
    int n = p->w->predictions.n < MAX_RECALL ? p->w->predictions.n : MAX_RECALL;
    float *texts = fus_base_alloc((size_t)n, (size_t)p->dim * sizeof *texts);
    double unused;
    int code =
        texts ? embed_texts(texts, p->w, n, p->dim, err) : fus_base_fail(err, FUS_ENOMEM, "no memory for %d texts", n);
    if (!code) {
        make_unit(texts, n, p->dim);
        make_unit(p->embeddings, n, p->dim);
        score->recall[0] = recall(&score->cosine, p->embeddings, texts, n, p->dim);
        score->recall[1] = recall(&unused, texts, p->embeddings, n, p->dim);
        if (p->class_tap < 0) {
            code = choose_classes(p, texts, n, err);
            score->accuracy = (double)p->n_correct / n;
        }
    }
    fus_base_free(texts);
    return code;
}

/* ---- all ---- */

static int make_room(struct pass *p, struct fus_error *err)
{
    struct fus_work *w = p->w;
    struct fus_work_held *h = &w->predictions;
    const struct fus_feed *f = held_feed(w);
    if (!h->item) {
        h->n = f->n_held;
        h->item = fus_base_alloc((size_t)h->n, sizeof *h->item);
        h->label = fus_base_alloc((size_t)h->n, sizeof *h->label);
        h->chosen = fus_base_alloc((size_t)h->n, sizeof *h->chosen);
        h->loss = fus_base_alloc((size_t)h->n, sizeof *h->loss);
        if (!h->item || !h->label || !h->chosen || !h->loss)
            return fus_base_fail(err, FUS_ENOMEM, "no memory for %d held-out pictures", h->n);
    }
    for (int i = 0; i < h->n; i++) {
        h->item[i] = f->held[i];
        h->label[i] = f->label[f->held[i]];
        h->chosen[i] = -1;
    }
    p->logits = fus_base_alloc((size_t)p->n_classes + 1, sizeof *p->logits);
    p->vector = fus_base_alloc((size_t)p->dim + 1, sizeof *p->vector);
    bool contrastive = w->o->contrastive && p->text_tap >= 0;
    p->embeddings = contrastive ? fus_base_alloc((size_t)h->n, (size_t)p->dim * sizeof *p->embeddings) : NULL;
    return p->logits && p->vector && (p->embeddings || !contrastive)
               ? FUS_OK
               : fus_base_fail(err, FUS_ENOMEM, "no memory for validation");
}

/* Finds the taps of the tasks. */
static int find_taps(struct pass *p, struct fus_error *err)
{
    const struct fus_work *w = p->w;
    bool language = w->has_targets && !(w->has_other && w->targets.without_held);
    p->class_tap = w->classes ? fus_net_class_tap(p->net) : -1;
    p->text_tap = language ? fus_net_find_tap(p->net, w->start.spec.attn_dim ? "attnpool" : "lang_head", err) : -1;
    if (language && p->text_tap < 0)
        return FUS_ENOTFOUND;
    p->n_classes = p->class_tap >= 0 ? w->start.spec.n_classes : 0;
    p->dim = p->text_tap >= 0 ? fus_net_tap(p->net, p->text_tap)->channels : 0;
    return FUS_OK;
}

static void set_score(struct fus_training_score *s, const struct pass *p)
{
    const struct fus_work *w = p->w;
    double n = w->predictions.n;
    if (p->class_tap >= 0) {
        s->classify = p->classify / n;
        s->accuracy = p->n_correct / n;
    }
    if (p->text_tap >= 0 && !p->embeddings) {
        s->language = p->language / n;
        s->cosine = p->cosine / n;
    }
    if (p->class_tap >= 0 || s->language == s->language)
        s->loss = (p->class_tap >= 0 ? w->o->classify * s->classify : 0) +
                  (s->language == s->language ? w->o->weight * s->language : 0);
}

int fus_validate_score(struct fus_work *w, struct fus_error *err)
{
    struct pass p = {.w = w};
    struct fus_training_score s = {NAN, NAN, NAN, NAN, NAN, {NAN, NAN}};
    const struct fus_net_options options = {.batch = w->o->batch, .direct = !w->o->winograd};
    int code = fus_net_create(&p.net, &w->start.spec, &options, fus_outputs_weight, w, err);
    if (!code)
        code = find_taps(&p, err);
    if (!code)
        code = make_room(&p, err);
    if (!code)
        code = run_all(&p, err);
    if (!code)
        set_score(&s, &p);
    if (!code && p.embeddings)
        code = contrast(&p, &s, err);
    w->held = s;
    w->scored = !code;
    fus_net_destroy(p.net);
    fus_base_free(p.logits);
    fus_base_free(p.vector);
    fus_base_free(p.embeddings);
    return code;
}

double fus_validate_value(const struct fus_training_score *s)
{
    return s->recall[0] == s->recall[0] ? s->recall[0] + s->recall[1]
           : s->accuracy == s->accuracy ? s->accuracy
                                        : s->cosine;
}

void fus_validate_free(struct fus_work_held *p)
{
    fus_base_free(p->item);
    fus_base_free(p->label);
    fus_base_free(p->chosen);
    fus_base_free(p->loss);
    memset(p, 0, sizeof *p);
}
