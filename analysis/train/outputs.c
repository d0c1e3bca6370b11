/* SPDX-License-Identifier: MIT */
/* The network as a safetensors file with torchvision's names; text.* and logit_scale after a
 * contrastive training. */
#include "analysis/train/work.h"

#include <string.h>

static int find(const struct fus_train *t, const char *name)
{
    int i = fus_train_n_parameters(t) - 1;
    while (i >= 0 && strcmp(fus_train_parameter(t, i)->name, name) != 0)
        i--;
    return i;
}

int fus_outputs_weight(void *work, float *out, size_t n, const char *name, struct fus_error *err)
{
    const struct fus_work *w = work;
    int i = find(w->net, name);
    if (i < 0)
        return fus_base_fail(err, FUS_ENOTFOUND, "no parameter %s in training", name);
    if (fus_train_parameter(w->net, i)->n != n)
        return fus_base_fail(err, FUS_EFORMAT, "parameter %s: %zu numbers found, %zu expected", name,
                             fus_train_parameter(w->net, i)->n, n);
    fus_train_get(out, w->net, i, fus_train_has(w->net, i, FUS_TRAIN_AVERAGE) ? FUS_TRAIN_AVERAGE : FUS_TRAIN_VALUE);
    return FUS_OK;
}

static void list_tensors(struct fus_safetensors_tensor *out, const struct fus_work *w)
{
    for (int i = 0; i < fus_train_n_parameters(w->net); i++) {
        const struct fus_train_parameter *p = fus_train_parameter(w->net, i);
        snprintf(out[i].name, sizeof out[i].name, "%s", p->name);
        out[i].n_dims = p->n_dims;
        out[i].dtype = p->n_dims > 1 ? w->o->dtype : FUS_F32;
        for (int d = 0; d < p->n_dims; d++)
            out[i].shape[d] = p->shape[d];
    }
}

int fus_outputs_model(const struct fus_work *w, const char *name, struct fus_error *err)
{
    size_t n = (size_t)fus_train_n_parameters(w->net);
    char input[16], path[4096];
    struct fus_safetensors_tensor *tensors = fus_base_alloc(n, sizeof *tensors);
    if (!tensors)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for the list of %zu tensors", n);
    list_tensors(tensors, w);
    snprintf(input, sizeof input, "%d", w->start.spec.input_side);
    const struct fus_safetensors_pair metadata[] = {{"fusiform.arch", fus_networks_family(&w->start.spec)},
                                                    {"fusiform.input", input},
                                                    {"fusiform.preprocess", w->start.preprocess_text},
                                                    {"fusiform.train", w->record_sha256},
                                                    {"fusiform.version", FUS_VERSION},
                                                    {"fusiform.words", w->start.words}};
    fus_work_path(path, w, name);
    int code = fus_safetensors_write_tensors(path, tensors, n, metadata, w->start.words ? 6 : 5, fus_outputs_weight,
                                             (void *)w, err);
    fus_base_free(tensors);
    return code;
}
