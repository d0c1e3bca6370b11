/* SPDX-License-Identifier: MIT */
/* Where two participants' responses lie in one space: do a cluster's voxels lie in the same places?
 * No cluster is made from places. dice.csv: cluster, participant_a, participant_b, n_a, n_b (voxels
 * of the cluster), n_both, dice, n_common (voxels kept in both), expected (of n_both, if the
 * cluster's voxels among those lay anywhere). */
#include <math.h>

#include "analysis/run/csv.h"
#include "analysis/sdc/concept_tables.h"
#include "analysis/sdc/volumes.h"

struct pair {
    int a, b;
    size_t n_common;
    size_t *both, *in_a, *in_b; /* [k]; in_a, in_b: of the common voxels */
};

/* Voxels of both rise. */
static void count(struct pair *p, const struct fus_sdc_explained *x)
{
    const struct fus_sdc_decoders *d = &x->c->decoders;
    size_t i = d->first[p->a], j = d->first[p->b];
    while (i < d->first[p->a + 1] && j < d->first[p->b + 1]) {
        if (d->voxel[i] != d->voxel[j]) {
            *(d->voxel[i] < d->voxel[j] ? &i : &j) += 1;
            continue;
        }
        int32_t first = x->label[i++], second = x->label[j++];
        p->n_common++;
        if (first >= 0)
            p->in_a[first]++;
        if (second >= 0)
            p->in_b[second]++;
        if (first >= 0 && first == second)
            p->both[first]++;
    }
}

static void write_pair(struct fus_outfile *f, const struct fus_sdc_explained *x, const struct pair *p)
{
    for (int c = 0; c < x->k; c++) {
        size_t a = x->decoded[c * x->p + p->a].n_voxels, b = x->decoded[c * x->p + p->b].n_voxels;
        if (!a || !b)
            continue;
        fus_outfile_printf(f, "%d", c + 1);
        fus_csv_name(f, ",", x->c->decoders.name[p->a]);
        fus_csv_name(f, ",", x->c->decoders.name[p->b]);
        fus_outfile_printf(f, ",%zu,%zu,%zu", a, b, p->both[c]);
        fus_csv_number(f, 2 * (double)p->both[c] / (double)(a + b));
        fus_csv_count(f, p->n_common);
        fus_csv_number(f, p->n_common ? (double)p->in_a[c] * (double)p->in_b[c] / (double)p->n_common : NAN);
        fus_outfile_printf(f, "\n");
    }
}

static int add_pair(struct fus_outfile *f, bool *open, const struct fus_sdc_explained *x, int a, int b,
                    const char *folder, struct fus_error *err)
{
    size_t k = (size_t)x->k, *counts = fus_base_alloc(3 * k + 1, sizeof *counts);
    struct pair p = {a, b, 0, counts, counts ? counts + k : NULL, counts ? counts + 2 * k : NULL};
    int code = counts ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "no memory for %d clusters", x->k);
    if (!code && !*open) {
        code = fus_sdc_concept_table_open(
            f, folder, "dice.csv", "cluster,participant_a,participant_b,n_a,n_b,n_both,dice,n_common,expected\n", err);
        *open = !code;
    }
    if (!code) {
        count(&p, x);
        write_pair(f, x, &p);
    }
    fus_base_free(counts);
    return code;
}

int fus_sdc_concept_dice(const struct fus_sdc_explained *x, const char *folder, struct fus_error *err)
{
    struct fus_outfile f;
    bool open = false, same;
    int code = FUS_OK;
    for (int a = 0; a < x->p && !code; a++)
        for (int b = a + 1; b < x->p && !code; b++) {
            code =
                fus_sdc_volumes_same_space(&same, x->c->o->folder, x->c->decoders.name[a], x->c->decoders.name[b], err);
            if (!code && same)
                code = add_pair(&f, &open, x, a, b, folder, err);
        }
    if (open && code)
        fus_outfile_discard(&f);
    return open && !code ? fus_outfile_commit(&f, err) : code;
}
