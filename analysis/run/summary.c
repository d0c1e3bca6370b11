/* SPDX-License-Identifier: MIT */
/* Memory of summaries: see summary.h. */
#include "analysis/run/summary.h"

#include <string.h>

#include "analysis/contrast.h"
#include "nn/base/fmath.h"

const struct fus_layer_summary *fus_summary_last_place_layer(const struct fus_model_summary *m)
{
    for (int i = m->n_layers - 1; i >= 0; i--)
        if (m->layers[i].height * m->layers[i].width > 1)
            return &m->layers[i];
    return m->n_layers ? &m->layers[m->n_layers - 1] : NULL;
}

const char *fus_summary_equivalence(double low, double high, double sesoi)
{
    double factor = fus_fmath_exp(sesoi);
    if (!(sesoi > 0) || !(low > 0) || !(high > 0))
        return "";
    if (low * factor > 1 && high < factor)
        return "equivalent";
    return low > factor || high * factor < 1 ? "different" : "undecided";
}

int fus_summary_groups(struct fus_groups *groups, const struct fus_run_summary *run, const char *text,
                       struct fus_error *err)
{
    const char *names[FUS_GROUPS_MODELS];
    int n = run->n_models < FUS_GROUPS_MODELS ? run->n_models : FUS_GROUPS_MODELS;
    for (int m = 0; m < n; m++)
        names[m] = run->models[m].name;
    return fus_groups_parse(groups, text, names, n, err);
}

void fus_summary_free_layer(struct fus_layer_summary *layer)
{
    if (layer->bootstrap)
        fus_bootstrap_destroy(layer->bootstrap);
    if (layer->matched)
        fus_matched_destroy(layer->matched);
    void *const owned[] = {layer->bootstrap, layer->matched, layer->agreement, layer->permuted,
                           layer->sweep,     layer->power,   layer->rdm,       layer->picture_rdm,
                           layer->profile,   layer->top,     layer->equal_n,   layer->heldout};
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++)
        fus_base_free(owned[i]);
    fus_select_free(layer);
}

void fus_summary_free_model(struct fus_model_summary *model)
{
    for (int i = 0; i < model->n_layers; i++)
        fus_summary_free_layer(&model->layers[i]);
    void *const owned[] = {model->layers, model->name, model->source, model->architecture, model->preprocess};
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++)
        fus_base_free(owned[i]);
    memset(model, 0, sizeof *model);
}
