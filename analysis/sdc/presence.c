/* SPDX-License-Identifier: MIT */
/* Who is in the clusters.
 *
 * presence.csv      a row for each set of participants that some cluster has: participants (with
 *                   semicolons), n_participants, n_people, n_networks, n_clusters, n_count (of ten
 *                   voxels or more), n_voxels, clusters (their numbers)
 * participants.csv  participant, kind, n_voxels, n_clustered, n_channels (of those, in a network),
 *                   n_clusters, with_people, with_networks (clusters that hold another) */
#include <string.h>

#include "analysis/run/csv.h"
#include "analysis/sdc/concept_tables.h"
#include "nn/base/text.h"

static const char *const kinds[] = {"person", "network"};

static bool is_in(const struct fus_sdc_explained *x, int cluster, int s)
{
    return x->decoded[cluster * x->p + s].n_voxels > 0;
}

static bool same_set(const struct fus_sdc_explained *x, int a, int b)
{
    for (int s = 0; s < x->p; s++)
        if (is_in(x, a, s) != is_in(x, b, s))
            return false;
    return true;
}

/* set [k]: the number of the first cluster with the same participants; size [k] of each set, at
 * that number. */
static void find_sets(int *set, int *size, const struct fus_sdc_explained *x)
{
    for (int c = 0; c < x->k; c++) {
        set[c] = c;
        for (int b = 0; b < c; b++)
            if (set[b] == b && same_set(x, b, c)) {
                set[c] = b;
                break;
            }
        size[set[c]]++;
    }
}

/* order [..]: sets by falling number of clusters, then by their first cluster. Returns how many. */
static int order_sets(int *order, const int *set, const int *size, int k)
{
    int n = 0;
    for (int c = 0; c < k; c++) {
        if (set[c] != c)
            continue;
        int at = n++;
        for (; at > 0 && size[order[at - 1]] < size[c]; at--)
            order[at] = order[at - 1];
        order[at] = c;
    }
    return n;
}

static void write_set(struct fus_outfile *f, const struct fus_sdc_explained *x, const int *set, int which)
{
    struct fus_text_buffer names = {0};
    int n_kind[FUS_SDC_KINDS] = {0}, n_count = 0, n = 0;
    size_t voxels = 0;
    for (int s = 0; s < x->p; s++)
        if (is_in(x, which, s)) {
            if (names.n)
                fus_text_append(&names, ";", 1);
            fus_text_append(&names, x->c->decoders.name[s], strlen(x->c->decoders.name[s]));
            n_kind[x->c->kind[s]]++;
        }
    for (int c = 0; c < x->k; c++)
        if (set[c] == which) {
            n++;
            voxels += x->fact[c].n_voxels;
            n_count += x->fact[c].n_voxels >= FUS_SDC_LEAST_VOXELS;
        }
    fus_csv_name(f, "", names.s ? names.s : "");
    fus_outfile_printf(f, ",%d,%d,%d,%d,%d,%zu,", n_kind[0] + n_kind[1], n_kind[FUS_SDC_PEOPLE],
                       n_kind[FUS_SDC_NETWORKS], n, n_count, voxels);
    n = 0;
    for (int c = 0; c < x->k; c++)
        if (set[c] == which)
            fus_outfile_printf(f, "%s%d", n++ ? " " : "", c + 1);
    fus_outfile_printf(f, "\n");
    fus_text_free(&names);
}

static int write_presence(const struct fus_sdc_explained *x, const char *folder, struct fus_error *err)
{
    struct fus_outfile f;
    int *set = fus_base_alloc((size_t)x->k + 1, sizeof *set), *order = fus_base_alloc((size_t)x->k + 1, sizeof *order),
        *size = fus_base_alloc((size_t)x->k + 1, sizeof *size);
    int code = set && order && size
                   ? fus_sdc_concept_table_open(&f, folder, "presence.csv",
                                                "participants,n_participants,n_people,n_networks,n_clusters,"
                                                "n_count,n_voxels,clusters\n",
                                                err)
                   : fus_base_fail(err, FUS_ENOMEM, "no memory for %d clusters", x->k);
    if (!code) {
        find_sets(set, size, x);
        int n = order_sets(order, set, size, x->k);
        for (int i = 0; i < n; i++)
            write_set(&f, x, set, order[i]);
        code = fus_outfile_commit(&f, err);
    }
    fus_base_free(set);
    fus_base_free(order);
    fus_base_free(size);
    return code;
}

static void write_participant(struct fus_outfile *f, const struct fus_sdc_explained *x, int s)
{
    const struct fus_sdc_decoders *d = &x->c->decoders;
    size_t clustered = 0, channels = 0, places = (size_t)d->layer[s][1] * (size_t)d->layer[s][2], last = SIZE_MAX;
    int n = 0, with[FUS_SDC_KINDS] = {0};
    for (size_t i = d->first[s]; i < d->first[s + 1]; i++) {
        if (x->label[i] < 0)
            continue;
        clustered++;
        if (places) { /* voxels rise */
            channels += (size_t)d->voxel[i] / places != last;
            last = (size_t)d->voxel[i] / places;
        }
    }
    for (int c = 0; c < x->k; c++) {
        bool other[FUS_SDC_KINDS] = {false};
        if (!is_in(x, c, s))
            continue;
        n++;
        for (int t = 0; t < x->p; t++)
            other[x->c->kind[t]] = other[x->c->kind[t]] || (t != s && is_in(x, c, t));
        for (int k = 0; k < FUS_SDC_KINDS; k++)
            with[k] += other[k];
    }
    fus_csv_name(f, "", d->name[s]);
    fus_outfile_printf(f, ",%s,%zu,%zu,", kinds[x->c->kind[s]], d->first[s + 1] - d->first[s], clustered);
    if (places)
        fus_outfile_printf(f, "%zu", channels);
    fus_outfile_printf(f, ",%d,%d,%d\n", n, with[FUS_SDC_PEOPLE], with[FUS_SDC_NETWORKS]);
}

int fus_sdc_concept_presence(const struct fus_sdc_explained *x, const char *folder, struct fus_error *err)
{
    struct fus_outfile f;
    int code = write_presence(x, folder, err);
    if (!code)
        code = fus_sdc_concept_table_open(
            &f, folder, "participants.csv",
            "participant,kind,n_voxels,n_clustered,n_channels,n_clusters,with_people,with_networks\n", err);
    if (code)
        return code;
    for (int s = 0; s < x->p; s++)
        write_participant(&f, x, s);
    return fus_outfile_commit(&f, err);
}
