/* SPDX-License-Identifier: MIT */
/* See groups.h. */
#include "analysis/sdc/groups.h"

#include <string.h>

#include "analysis/run/csv.h"
#include "analysis/sdc/concept_tables.h"

enum { MAX_NAME = 200 }; /* bytes of a group's name */

static int find_participant(const struct fus_sdc_decoders *d, const char *name, size_t n)
{
    for (int s = 0; s < d->n; s++)
        if (strlen(d->name[s]) == n && memcmp(d->name[s], name, n) == 0)
            return s;
    return -1;
}

static int take_group(int *group, int number, const char *text, const struct fus_sdc_decoders *d, struct fus_error *err)
{
    const char *at = strchr(text, '=');
    if (!at || at == text || at - text > MAX_NAME)
        return fus_base_fail(err, FUS_EINVAL, "--group: '%s' found, NAME=PARTICIPANT,PARTICIPANT,... expected", text);
    do {
        size_t n = strcspn(++at, ",");
        int s = find_participant(d, at, n);
        if (s < 0)
            return fus_base_fail(err, FUS_EINVAL, "--group %s: '%.*s' found, a participant's name expected", text,
                                 (int)(n < 200 ? n : 200), at);
        if (group[s] >= 0)
            return fus_base_fail(err, FUS_EINVAL, "--group %s: '%s' is in two places of the groups, one expected", text,
                                 d->name[s]);
        group[s] = number;
        at += n;
    } while (*at == ',');
    return FUS_OK;
}

static bool same_name(const char *a, const char *b)
{
    size_t n = strcspn(a, "=");
    return strcspn(b, "=") == n && memcmp(a, b, n) == 0;
}

int fus_sdc_groups_find(int *group, const char *const *groups, int n, const struct fus_sdc_decoders *d,
                        struct fus_error *err)
{
    int code = FUS_OK;
    for (int s = 0; s < d->n; s++)
        group[s] = -1;
    for (int g = 0; g < n && !code; g++) {
        for (int h = 0; h < g && !code; h++)
            if (same_name(groups[g], groups[h]))
                code = fus_base_fail(err, FUS_EINVAL, "--group: '%.*s' is given twice", (int)strcspn(groups[g], "="),
                                     groups[g]);
        if (!code)
            code = take_group(group, g, groups[g], d, err);
    }
    return code;
}

static void write_group(struct fus_outfile *f, const struct fus_sdc_explained *x, int cluster, int number,
                        const int *group)
{
    const char *text = x->c->o->groups[number];
    char name[MAX_NAME + 1];
    int n = 0, present = 0;
    size_t voxels = 0;
    for (int s = 0; s < x->p; s++)
        if (group[s] == number) {
            size_t own = x->decoded[cluster * x->p + s].n_voxels;
            n++;
            present += own > 0;
            voxels += own;
        }
    snprintf(name, sizeof name, "%.*s", (int)strcspn(text, "="), text);
    fus_outfile_printf(f, "%d", cluster + 1);
    fus_csv_name(f, ",", name);
    fus_outfile_printf(f, ",%d,%d,%zu\n", n, present, voxels);
}

int fus_sdc_groups_write(const struct fus_sdc_explained *x, const char *folder, struct fus_error *err)
{
    const struct fus_sdc_cluster_options *o = x->c->o;
    struct fus_outfile f;
    int *group = fus_base_alloc((size_t)x->p + 1, sizeof *group);
    int code = group ? fus_sdc_groups_find(group, o->groups, o->n_groups, &x->c->decoders, err)
                     : fus_base_fail(err, FUS_ENOMEM, "no memory for %d participants", x->p);
    if (!code)
        code = fus_sdc_concept_table_open(&f, folder, "groups.csv", "cluster,group,n_participants,n_present,n_voxels\n",
                                          err);
    if (!code) {
        for (int c = 0; c < x->k; c++)
            for (int g = 0; g < o->n_groups; g++)
                write_group(&f, x, c, g, group);
        code = fus_outfile_commit(&f, err);
    }
    fus_base_free(group);
    return code;
}
