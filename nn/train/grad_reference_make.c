/* SPDX-License-Identifier: MIT */
/* Memory of grad_reference.c: the tensors, by the table's own list of parameters, and the rows'
 * arrays. */
#include <stdio.h>
#include <string.h>

#include "nn/layer/op.h"
#include "nn/train/grad_reference.h"

/* ---- tensors ---- */

static int count_tensors(const struct fus_arch *arch)
{
    struct fus_parameter p;
    int n = 2; /* contrastive: the words and the temperature */
    for (int i = 0; i < arch->n_layers; i++)
        for (int j = 0; fus_op_parameter(&p, &arch->layers[i], j); j++)
            n++;
    return n;
}

/* The next tensor, from its name and shape; its values from the look-up, which gives floats. */
static int append_tensor(struct fus_grad_reference *r, const struct fus_parameter *p, fus_weight_fn get, void *context,
                         struct fus_error *err)
{
    struct fus_grad_tensor *t = &r->tensor[r->n_tensors];
    snprintf(t->name, sizeof t->name, "%s", p->name);
    t->n_dims = p->n_dims;
    t->statistic = p->role == FUS_ROLE_NORM_MEAN || p->role == FUS_ROLE_NORM_VARIANCE;
    t->n = 1;
    for (int i = 0; i < p->n_dims; i++)
        t->n *= (size_t)(t->shape[i] = p->shape[i]);
    t->value = fus_base_alloc(2 * t->n, sizeof *t->value);
    float *read = fus_base_alloc(t->n, sizeof *read);
    r->n_tensors++;
    int code = t->value && read ? get(context, read, t->n, t->name, err)
                                : fus_base_fail(err, FUS_ENOMEM, "no memory for %s", t->name);
    for (size_t i = 0; i < t->n && !code; i++)
        t->value[i] = read[i];
    t->gradient = t->value ? t->value + t->n : NULL;
    fus_base_free(read);
    return code;
}

static int make_tensors(struct fus_grad_reference *r, fus_weight_fn get, void *context, struct fus_error *err)
{
    struct fus_parameter p;
    int code = FUS_OK;
    for (int i = 0; i < r->arch.n_layers && !code; i++) {
        r->row[i].tensor = &r->tensor[r->n_tensors];
        for (int j = 0; !code && fus_op_parameter(&p, &r->arch.layers[i], j); j++)
            code = append_tensor(r, &p, get, context, err);
    }
    if (code || !r->options.contrastive)
        return code;
    struct fus_parameter text = {
        "text.weight", FUS_ROLE_WEIGHT, 2, {r->arch.layers[r->language].channels, r->options.n_words}};
    struct fus_parameter scale = {"logit_scale", FUS_ROLE_BIAS, 0, {0}};
    r->text = &r->tensor[r->n_tensors];
    r->scale = r->text + 1;
    code = append_tensor(r, &text, get, context, err);
    return code ? code : append_tensor(r, &scale, get, context, err);
}

/* ---- rows ---- */

/* z, zhat, a and da of all pictures; mean and variance. */
static int make_row(struct fus_grad_reference *r, int i, struct fus_error *err)
{
    const struct fus_layer *l = &r->arch.layers[i];
    struct fus_grad_row *row = &r->row[i];
    bool conv = l->op == FUS_OP_CONV, attention = l->op == FUS_OP_ATTENTION;
    size_t n = (size_t)r->options.batch * fus_grad_at(l, 1, 0, 0, 0), k = (size_t)l->channels;
    row->layer = l;
    row->frozen = r->options.frozen_norms;
    row->x = l->input < 0 ? r->input : r->row[l->input].a;
    row->dx = l->input < 0 ? NULL : r->row[l->input].da;
    row->s = l->addend < 0 ? NULL : r->row[l->addend].a;
    row->ds = l->addend < 0 ? NULL : r->row[l->addend].da;
    row->a = fus_base_alloc((conv ? 4 : 2) * n + 2 * k + (attention ? fus_grad_reference_attend_scratch(l) : 0),
                            sizeof *row->a);
    if (!row->a)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for the outputs of %s", l->name);
    row->da = row->a + n;
    row->mean = row->da + n;
    row->variance = row->mean + k;
    row->scratch = row->z = row->variance + k;
    row->zhat = conv ? row->z + n : NULL;
    return FUS_OK;
}

static int make_rows(struct fus_grad_reference *r, struct fus_error *err)
{
    size_t side = (size_t)r->arch.layers[0].in_height, batch = (size_t)r->options.batch;
    size_t dim = r->language < 0 ? 0 : (size_t)r->arch.layers[r->language].channels;
    int code = FUS_OK;
    r->input = fus_base_alloc(3 * side * side * batch + 4 * batch * dim + 3 * batch * batch, sizeof *r->input);
    if (!r->input)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for a batch of %d pictures", r->options.batch);
    r->target = r->input + 3 * side * side * batch;
    r->d_target = r->target + batch * dim;
    r->scratch = r->d_target + batch * dim;
    for (int i = 0; i < r->arch.n_layers && !code; i++)
        code = make_row(r, i, err);
    return code;
}

/* ---- the network ---- */

/* Finds the rows of the network's outputs; fails if a loss needs one that does not exist. */
static int find_outputs(struct fus_grad_reference *r, struct fus_error *err)
{
    const struct fus_train_options *o = &r->options;
    r->logits = r->language = -1;
    for (int i = 0; i < r->arch.n_layers; i++) {
        const struct fus_layer *l = &r->arch.layers[i];
        if (l->op == FUS_OP_ACTIVATION)
            return fus_base_fail(err, FUS_EUNSUPPORTED,
                                 "training knows ReLU alone, this network has another activation function");
        if (strcmp(l->tap, "fc") == 0)
            r->logits = i;
        if (strcmp(l->tap, "lang_head") == 0 || strcmp(l->tap, "attnpool") == 0)
            r->language = i;
    }
    if (o->batch < 1 || (o->classify_weight != 0 && r->logits < 0) || (o->language_weight != 0 && r->language < 0) ||
        (o->contrastive && (r->language < 0 || o->n_words < 1)))
        return fus_base_fail(err, FUS_EINVAL, "a loss without its head, or a batch of %d pictures", o->batch);
    return FUS_OK;
}

int fus_grad_reference_create(struct fus_grad_reference **out, const struct fus_net_spec *spec,
                              const struct fus_train_options *options, fus_weight_fn get, void *context,
                              struct fus_error *err)
{
    struct fus_grad_reference *r = fus_base_alloc(1, sizeof *r);
    *out = r;
    if (!r)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for a network");
    r->options = *options;
    int code = fus_arch_build(&r->arch, spec, err);
    if (!code)
        code = find_outputs(r, err);
    if (!code) {
        r->tensor = fus_base_alloc((size_t)count_tensors(&r->arch), sizeof *r->tensor);
        r->row = fus_base_alloc((size_t)r->arch.n_layers, sizeof *r->row);
        if (!r->tensor || !r->row)
            code = fus_base_fail(err, FUS_ENOMEM, "no memory for a network");
    }
    if (!code)
        code = make_rows(r, err);
    if (!code)
        code = make_tensors(r, get, context, err);
    if (code) {
        fus_grad_reference_destroy(r);
        *out = NULL;
    }
    return code;
}

void fus_grad_reference_destroy(struct fus_grad_reference *r)
{
    if (!r)
        return;
    for (int i = 0; i < r->n_tensors; i++)
        fus_base_free(r->tensor[i].value);
    for (int i = 0; r->row && i < r->arch.n_layers; i++)
        fus_base_free(r->row[i].a);
    fus_base_free(r->tensor);
    fus_base_free(r->row);
    fus_base_free(r->input);
    fus_arch_free(&r->arch);
    fus_base_free(r);
}
