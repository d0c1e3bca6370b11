/* SPDX-License-Identifier: MIT */
/* The columns of layers.csv: see columns.h. New ones are added at the end, so that existing readers
 * still work. */
#include "analysis/run/columns.h"

#include <limits.h>
#include <stddef.h>

#include "analysis/run/csv.h"

enum owner { LAYER, CATEGORY };
enum kind { SIZE, INT, REAL }; /* size_t, int, double */

#define OF_LAYER(name, kind, member, max)                                  \
    {                                                                      \
        name, LAYER, kind, offsetof(struct fus_layer_summary, member), max \
    }
#define OF_CATEGORY(name, kind, member)                                               \
    {                                                                                 \
        name, CATEGORY, kind, offsetof(struct fus_category_summary, member), LONG_MAX \
    }

static const struct column {
    const char *name;
    enum owner owner;
    enum kind kind;
    size_t at;
    long max; /* of a whole number that is read */
} columns[] = {
    OF_LAYER("n_units", SIZE, n_units, 1L << 28), /* ResNet-50 has 802,816 at most */
    OF_CATEGORY("n_selective", SIZE, n_selective),
    OF_CATEGORY("proportion", REAL, proportion),
    OF_CATEGORY("ci_low", REAL, ci_low),
    OF_CATEGORY("ci_high", REAL, ci_high),
    OF_CATEGORY("csi_mean", REAL, csi_mean),
    OF_CATEGORY("csi_sem", REAL, csi_sem),
    OF_CATEGORY("csi_undefined", SIZE, n_csi_undefined),
    OF_CATEGORY("dprime_mean", REAL, dprime_mean),
    OF_CATEGORY("variation_cv", REAL, variation_cv),
    OF_CATEGORY("variation_sd", REAL, variation_sd),
    OF_CATEGORY("gini", REAL, gini),
    OF_CATEGORY("entropy", REAL, entropy),
    OF_LAYER("n_dead", SIZE, n_dead, LONG_MAX),
    OF_CATEGORY("csi_cv", REAL, csi_cv),
    OF_CATEGORY("dprime_cv", REAL, dprime_cv),
    OF_CATEGORY("survival", REAL, survival),
    OF_CATEGORY("split_half_r", REAL, split_half_r),
    OF_CATEGORY("dice", REAL, dice),
    OF_CATEGORY("csi_low", REAL, csi_low),
    OF_CATEGORY("csi_high", REAL, csi_high),
    OF_CATEGORY("variation_low", REAL, variation_low),
    OF_CATEGORY("variation_high", REAL, variation_high),
    OF_CATEGORY("auc_cv", REAL, auc_cv),
    OF_CATEGORY("csi_sd", REAL, csi_sd),
    OF_LAYER("n_undefined", SIZE, n_undefined, LONG_MAX),
    OF_LAYER("channels", INT, channels, 1 << 20),
    OF_LAYER("height", INT, height, 1 << 16),
    OF_LAYER("width", INT, width, 1 << 16),
    OF_LAYER("depth", REAL, depth, 0),
    OF_LAYER("order", INT, order, 1 << 20),
    OF_CATEGORY("variation_null", REAL, variation_null),
    OF_CATEGORY("placement_p", REAL, placement_p),
    OF_CATEGORY("morisita", REAL, morisita),
    OF_CATEGORY("morisita_low", REAL, morisita_low),
    OF_CATEGORY("morisita_high", REAL, morisita_high),
    OF_CATEGORY("csi_same", REAL, csi_same),
    OF_LAYER("dimensions", REAL, dimensions, 0),
};
enum { N_COLUMNS = sizeof columns / sizeof *columns };
_Static_assert((int)N_COLUMNS <= (int)FUS_COLUMNS_MAX, "room for every column");

void fus_columns_write_header(struct fus_outfile *f)
{
    fus_outfile_printf(f, "model,layer,category");
    for (int i = 0; i < N_COLUMNS; i++)
        fus_outfile_printf(f, ",%s", columns[i].name);
    fus_outfile_printf(f, "\n");
}

void fus_columns_write_row(struct fus_outfile *f, const char *model, const char *category,
                           const struct fus_layer_summary *layer, const struct fus_category_summary *c)
{
    fus_csv_name(f, "", model);
    fus_csv_name(f, ",", layer->name);
    fus_csv_name(f, ",", category);
    for (int i = 0; i < N_COLUMNS; i++) {
        const void *value = (columns[i].owner == LAYER ? (const char *)layer : (const char *)c) + columns[i].at;
        if (columns[i].kind == REAL)
            fus_csv_number(f, *(const double *)value);
        else
            fus_csv_count(f, columns[i].kind == SIZE ? *(const size_t *)value : (size_t) * (const int *)value);
    }
    fus_outfile_printf(f, "\n");
}

void fus_columns_find(struct fus_columns_found *found, struct fus_csv_read *t)
{
    found->model = fus_csv_read_column(t, "model");
    found->layer = fus_csv_read_column(t, "layer");
    found->category = fus_csv_read_column(t, "category");
    for (int i = 0; i < N_COLUMNS; i++)
        found->numbers[i] = fus_csv_read_column(t, columns[i].name);
}

static void read_row(void *to, enum owner owner, struct fus_csv_read *t, const struct fus_columns_found *found)
{
    for (int i = 0; i < N_COLUMNS; i++) {
        void *value = (char *)to + columns[i].at;
        if (columns[i].owner != owner)
            continue;
        if (columns[i].kind == REAL)
            *(double *)value = fus_csv_read_number(t, found->numbers[i]);
        else if (columns[i].kind == SIZE)
            *(size_t *)value = (size_t)fus_csv_read_count(t, found->numbers[i], columns[i].max);
        else
            *(int *)value = (int)fus_csv_read_count(t, found->numbers[i], columns[i].max);
    }
}

void fus_columns_read_layer(struct fus_layer_summary *layer, struct fus_csv_read *t,
                            const struct fus_columns_found *found)
{
    read_row(layer, LAYER, t, found);
}

void fus_columns_read_category(struct fus_category_summary *c, struct fus_csv_read *t,
                               const struct fus_columns_found *found)
{
    read_row(c, CATEGORY, t, found);
    if (c->n_csi_undefined > c->n_selective)
        fus_csv_read_fail(t, "csi_undefined: %zu found, at most n_selective, %zu, expected", c->n_csi_undefined,
                          c->n_selective);
    c->n_csi = c->n_selective - c->n_csi_undefined;
}
