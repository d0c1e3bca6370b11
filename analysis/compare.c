/* The first model against each other one, layer by layer: the paper's own one-sided two-sample test of CSI over the units
 * selective for a category (Lu & Wang 2025, Fig 2B). Units share weights and pictures and are no independent samples: METHOD.md
 * says what this p can and cannot tell. */
#include <math.h>
#include <string.h>

#include "report.h"

static int find_layer(const struct fus_model_summary *m, const char *name)
{
    for (int i = 0; i < m->n_layers; i++)
        if (strcmp(m->layers[i].name, name) == 0)
            return i;
    return -1;
}

static void compare_category(struct fus_csi_comparison *row, const struct fus_category_summary *a,
                             const struct fus_category_summary *b)
{
    row->proportion_difference = a->proportion - b->proportion;
    row->csi_difference = row->t = row->df = row->p = NAN;
    if (a->n_csi < 2 || b->n_csi < 2)
        return;
    double var_a = a->csi_sd * a->csi_sd, var_b = b->csi_sd * b->csi_sd, n_a = (double)a->n_csi, n_b = (double)b->n_csi;
    row->csi_difference = a->csi_mean - b->csi_mean;
    row->t = fus_ttest_welch(&row->df, a->csi_mean, var_a, n_a, b->csi_mean, var_b, n_b);
    row->p = fus_ttest_p(a->csi_mean, var_a, n_a, b->csi_mean, var_b, n_b);
}

/* Rows in the order of the other models, of the first model's layers, of the categories. */
int fus_compare_csi(struct fus_csi_comparison **rows, size_t *n_rows, const struct fus_run_summary *run,
                    struct fus_error *err)
{
    size_t room = 1, n = 0, a_layer;
    *rows = NULL;
    *n_rows = 0;
    for (int b = 1; b < run->n_models; b++)
        if (!fus_base_mul(&a_layer, (size_t)run->models[0].n_layers, (size_t)run->n_categories) ||
            !fus_base_add(&room, room, a_layer))
            return fus_base_fail(err, FUS_ENOMEM, "too many layers to compare");
    struct fus_csi_comparison *out = fus_base_alloc(room, sizeof *out);
    if (!out)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for %zu comparisons", room);
    for (int b = 1; b < run->n_models; b++)
        for (int i = 0; i < run->models[0].n_layers; i++) {
            const struct fus_layer_summary *one = &run->models[0].layers[i];
            int j = find_layer(&run->models[b], one->name);
            for (int c = 0; j >= 0 && c < run->n_categories; c++) {
                struct fus_csi_comparison *row = &out[n++];
                row->model_a = 0, row->model_b = b, row->layer_a = i, row->layer_b = j, row->category = c;
                compare_category(row, &one->categories[c], &run->models[b].layers[j].categories[c]);
            }
        }
    *rows = out;
    *n_rows = n;
    return FUS_OK;
}
