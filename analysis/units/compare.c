/* SPDX-License-Identifier: MIT */
/* Every pair of models, layer by layer: the paper's own one-sided two-sample test
 * of CSI over the units selective for a category (Lu & Wang 2025, Fig 2B). Units share weights and
 * pictures and are not independent samples. METHOD.md discusses the meaning of this p. */
#include <math.h>
#include <string.h>

#include "analysis/run/summary.h"

/* The kind of a block's layer, "relu" of "layer4.2.relu" or CLIP's "relu3" of "layer4.2.relu3";
 * NULL: not in a block. */
static const char *block_kind(const char *layer)
{
    const char *dot = strchr(layer, '.');
    const char *second = dot ? strchr(dot + 1, '.') : NULL;
    return strncmp(layer, "layer", 5) == 0 && second && strncmp(second + 1, "relu", 4) == 0 ? second + 1 : NULL;
}

int fus_compare_last_block(const struct fus_model_summary *model)
{
    for (int l = model->n_layers - 1; l >= 0; l--)
        if (block_kind(model->layers[l].name))
            return l;
    for (int l = model->n_layers - 1; l >= 0; l--)
        if (model->layers[l].height * model->layers[l].width > 1)
            return l;
    return model->n_layers - 1;
}

static int find_layer(const struct fus_model_summary *m, const char *name)
{
    for (int i = 0; i < m->n_layers; i++)
        if (strcmp(m->layers[i].name, name) == 0)
            return i;
    return -1;
}

/* Whether every block layer of a is also one of b. */
static bool has_blocks_of(const struct fus_model_summary *b, const struct fus_model_summary *a)
{
    for (int i = 0; i < a->n_layers; i++)
        if (block_kind(a->layers[i].name) && find_layer(b, a->layers[i].name) < 0)
            return false;
    return true;
}

/* The block layer of m of that kind whose depth is nearest, the first of equally near ones; not
 * `except`. -1: none. */
static int nearest_layer(const struct fus_model_summary *m, const char *kind, double depth, int except)
{
    int best = -1;
    for (int i = 0; i < m->n_layers; i++) {
        const char *found = block_kind(m->layers[i].name);
        if (i != except && found && strcmp(found, kind) == 0 &&
            (best < 0 || fabs(m->layers[i].depth - depth) < fabs(m->layers[best].depth - depth)))
            best = i;
    }
    return best;
}

int fus_compare_layer(const struct fus_model_summary *a, int layer, const struct fus_model_summary *b)
{
    const char *kind = block_kind(a->layers[layer].name);
    if (!kind || (has_blocks_of(b, a) && has_blocks_of(a, b)))
        return find_layer(b, a->layers[layer].name);
    int last_a = fus_compare_last_block(a), last_b = fus_compare_last_block(b);
    if (layer == last_a)
        return block_kind(b->layers[last_b].name) ? last_b : -1;
    int other = nearest_layer(b, kind, a->layers[layer].depth, last_b);
    return other >= 0 && nearest_layer(a, kind, b->layers[other].depth, last_a) == layer ? other : -1;
}

static void compare_category(struct fus_csi_comparison *row, const struct fus_category_summary *a,
                             const struct fus_category_summary *b)
{
    row->proportion_difference = a->proportion - b->proportion;
    row->csi_difference = a->csi_mean - b->csi_mean;
    row->t = row->df = row->p = NAN;
    if (a->n_csi < 2 || b->n_csi < 2)
        return;
    double var_a = a->csi_sd * a->csi_sd, var_b = b->csi_sd * b->csi_sd, n_a = (double)a->n_csi, n_b = (double)b->n_csi;
    row->t = fus_ttest_welch(&row->df, a->csi_mean, var_a, n_a, b->csi_mean, var_b, n_b);
    row->p = fus_ttest_p(a->csi_mean, var_a, n_a, b->csi_mean, var_b, n_b);
}

/* Rows of one pair of models in the order of the first one's layers, of the categories. */
static struct fus_csi_comparison *compare_pair(struct fus_csi_comparison *out, const struct fus_run_summary *run, int a,
                                               int b)
{
    const struct fus_model_summary *first = &run->models[a], *other = &run->models[b];
    for (int i = 0; i < first->n_layers; i++) {
        int j = fus_compare_layer(first, i, other);
        for (int c = 0; j >= 0 && c < run->n_categories; c++, out++) {
            out->model_a = a, out->model_b = b, out->layer_a = i, out->layer_b = j, out->category = c;
            compare_category(out, &first->layers[i].categories[c], &other->layers[j].categories[c]);
        }
    }
    return out;
}

/* Pairs in the order of the first, then of the other model. */
int fus_compare_csi(struct fus_csi_comparison **rows, size_t *n_rows, const struct fus_run_summary *run,
                    struct fus_error *err)
{
    size_t room = 1, n;
    *rows = NULL;
    *n_rows = 0;
    for (int a = 0; a < run->n_models; a++)
        if (!fus_base_mul(&n, (size_t)run->models[a].n_layers, (size_t)run->n_categories) ||
            !fus_base_mul(&n, n, (size_t)(run->n_models - 1 - a)) || !fus_base_add(&room, room, n))
            return fus_base_fail(err, FUS_ENOMEM, "too many layers to compare");
    struct fus_csi_comparison *out = fus_base_alloc(room, sizeof *out), *end = out;
    if (!out)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for %zu comparisons", room);
    for (int a = 0; a < run->n_models; a++)
        for (int b = a + 1; b < run->n_models; b++)
            end = compare_pair(end, run, a, b);
    *rows = out;
    *n_rows = (size_t)(end - out);
    return FUS_OK;
}
