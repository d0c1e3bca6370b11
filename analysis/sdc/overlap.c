/* SPDX-License-Identifier: MIT */
/* See overlap.h. */
#include "analysis/sdc/overlap.h"

#include <math.h>
#include <string.h>

#include "analysis/run/csv.h"
#include "analysis/run/run_read.h"
#include "analysis/sdc/concept_tables.h"
#include "analysis/sdc/overlap_pool.h"
#include "nn/base/fmath.h"

struct row {
    int cluster, participant, category;
    bool channels; /* its units are whole channels */
    size_t n_units, n_channels, n_selective, n_both;
    double dice, log_odds, expected, p, q;
};

/* One participant's layer in the run. */
struct layer {
    int channels, height, width;
    size_t places;      /* 1 where the participant's units are channels */
    uint8_t *selective; /* [n_categories, channels, places] */
    size_t *both;       /* [channels] a cluster's selective units, by shift */
};

struct table {
    const struct fus_sdc_explained *x;
    struct fus_run_read run;
    const char *layer;
    struct row *rows;
    size_t n, room;
    struct fus_sdc_overlap_pool *pool;
};

/* ---- selective units ---- */

static const struct fus_run_read_row *find_layer(const struct table *t, const char *model)
{
    for (int i = 0; i < t->run.n_rows; i++)
        if (strcmp(t->run.rows[i].model, model) == 0 && strcmp(t->run.rows[i].layer.name, t->layer) == 0)
            return &t->run.rows[i];
    return NULL;
}

/* The layer that the fit recorded is the run's. */
static int check_layer(bool *channels, const struct table *t, int s, const struct layer *l, struct fus_error *err)
{
    const int32_t *own = t->x->c->decoders.layer[s];
    *channels = own[1] == 1 && own[2] == 1;
    if (own[0] == l->channels && (*channels || (own[1] == l->height && own[2] == l->width)))
        return FUS_OK;
    return fus_base_fail(err, FUS_EINVAL,
                         "%s: decoders of a layer of %ld x %ld x %ld found, %s is %d x %d x %d in the run %s",
                         t->x->c->decoders.name[s], (long)own[0], (long)own[1], (long)own[2], t->layer, l->channels,
                         l->height, l->width, t->run.folder);
}

/* Of vectors without a record: whether their numbers are channels; an error if they are beyond the
 * layer. */
static int check_units(bool *channels, const struct table *t, int s, const struct layer *l, struct fus_error *err)
{
    const struct fus_sdc_decoders *d = &t->x->c->decoders;
    int64_t largest = -1, all = (int64_t)l->channels * l->height * l->width;
    for (size_t i = d->first[s]; i < d->first[s + 1]; i++)
        largest = d->voxel[i] > largest ? d->voxel[i] : largest;
    *channels = largest < l->channels;
    return largest < all
               ? FUS_OK
               : fus_base_fail(err, FUS_EINVAL,
                               "%s: unit %lld of the decoder found, %s has %lld in the run %s: another layer?",
                               d->name[s], (long long)largest, t->layer, (long long)all, t->run.folder);
}

static void mark(struct layer *l, const float *label, int n_categories, size_t area)
{
    for (int c = 0; c < n_categories; c++)
        for (int k = 0; k < l->channels; k++) {
            size_t n = 0, at = ((size_t)c * (size_t)l->channels + (size_t)k) * l->places;
            for (size_t i = 0; i < area; i++) {
                bool hit = label[(size_t)k * area + i] == (float)c;
                n += hit;
                if (l->places > 1)
                    l->selective[at + i] = hit;
            }
            if (l->places == 1)
                l->selective[at] = 2 * n >= area;
        }
}

static int read_layer(struct layer *l, const struct table *t, int s, const struct fus_run_read_row *row,
                      struct fus_error *err)
{
    size_t area = (size_t)row->layer.height * (size_t)row->layer.width;
    bool channels = false;
    *l = (struct layer){row->layer.channels, row->layer.height, row->layer.width, area, NULL, NULL};
    int code =
        t->x->c->decoders.layer[s][0] ? check_layer(&channels, t, s, l, err) : check_units(&channels, t, s, l, err);
    if (code)
        return code;
    l->places = channels ? 1 : area;
    float *label = fus_base_alloc((size_t)l->channels + 1, area * sizeof *label);
    l->selective = fus_base_alloc((size_t)t->run.n_categories + 1, (size_t)l->channels * l->places);
    l->both = fus_base_alloc((size_t)l->channels + 1, sizeof *l->both);
    code = label && l->selective && l->both
               ? fus_run_read_labels(label, &t->run, t->x->c->decoders.name[s], t->layer, l->channels, l->height,
                                     l->width, err)
               : fus_base_fail(err, FUS_ENOMEM, "no memory for labels of %d channels", l->channels);
    if (!code)
        mark(l, label, t->run.n_categories, area);
    fus_base_free(label);
    return code;
}

/* ---- a cluster and a category ---- */

/* Members whose unit, `shift` channels further, is selective. */
static size_t count_both(const struct table *t, int s, const struct layer *l, int cluster, int category, int shift)
{
    const struct fus_sdc_decoders *d = &t->x->c->decoders;
    const uint8_t *selective = l->selective + (size_t)category * (size_t)l->channels * l->places;
    size_t n = 0;
    for (size_t i = d->first[s]; i < d->first[s + 1]; i++)
        if (t->x->label[i] == cluster) {
            size_t unit = (size_t)d->voxel[i], channel = (unit / l->places + (size_t)shift) % (size_t)l->channels;
            n += selective[channel * l->places + unit % l->places];
        }
    return n;
}

/* Voxels rise, so units of a channel follow one another. */
static size_t count_channels(const struct table *t, int s, const struct layer *l, int cluster)
{
    const struct fus_sdc_decoders *d = &t->x->c->decoders;
    size_t n = 0, last = SIZE_MAX;
    for (size_t i = d->first[s]; i < d->first[s + 1]; i++)
        if (t->x->label[i] == cluster) {
            n += (size_t)d->voxel[i] / l->places != last;
            last = (size_t)d->voxel[i] / l->places;
        }
    return n;
}

static void compare(struct row *r, const struct table *t, const struct layer *l)
{
    const struct fus_sdc_decoders *d = &t->x->c->decoders;
    const uint8_t *selective = l->selective + (size_t)r->category * (size_t)l->channels * l->places;
    int s = r->participant, as_many = 0;
    size_t units = d->first[s + 1] - d->first[s];
    for (size_t i = d->first[s]; i < d->first[s + 1]; i++)
        r->n_selective += selective[d->voxel[i]];
    r->channels = l->places == 1;
    r->n_units = t->x->decoded[r->cluster * t->x->p + s].n_voxels;
    r->n_channels = count_channels(t, s, l, r->cluster);
    for (int shift = 0; shift < l->channels; shift++)
        l->both[shift] = count_both(t, s, l, r->cluster, r->category, shift);
    r->n_both = l->both[0];
    for (int shift = 1; shift < l->channels; shift++) {
        as_many += l->both[shift] >= r->n_both;
        r->expected += (double)l->both[shift] / (l->channels - 1);
    }
    double both = (double)r->n_both, only = (double)r->n_units - both, other = (double)r->n_selective - both,
           none = (double)units - both - only - other;
    r->dice = r->n_units + r->n_selective ? 2 * both / (double)(r->n_units + r->n_selective) : NAN;
    r->log_odds = fus_fmath_log((both + 0.5) * (none + 0.5) / ((only + 0.5) * (other + 0.5)));
    r->p = (1.0 + as_many) / l->channels;
}

static int add_participant(struct table *t, int s, struct fus_error *err)
{
    struct layer l = {0};
    const struct fus_run_read_row *found = find_layer(t, t->x->c->decoders.name[s]);
    int code = found ? read_layer(&l, t, s, found, err) : FUS_OK;
    for (int c = 0; c < t->x->k && found && !code; c++)
        for (int category = 0; category < t->run.n_categories && !code; category++) {
            struct row *grown = fus_base_grow(t->rows, &t->room, t->n, sizeof *grown);
            if (!grown) {
                code = fus_base_fail(err, FUS_ENOMEM, "no memory for overlaps");
                break;
            }
            t->rows = grown;
            t->rows[t->n] = (struct row){.cluster = c, .participant = s, .category = category};
            struct row *r = &t->rows[t->n++];
            compare(r, t, &l);
            if (r->n_units)
                code =
                    fus_sdc_overlap_pool_add(t->pool, c, category, r->n_units, r->n_selective, l.both, l.channels, err);
        }
    fus_base_free(l.selective);
    fus_base_free(l.both);
    return code;
}

/* ---- the table ---- */

static int correct(struct table *t, struct fus_error *err)
{
    double *p = fus_base_alloc(t->n + 1, sizeof *p);
    if (!p)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for %zu tests", t->n);
    for (size_t i = 0; i < t->n; i++)
        p[i] = t->rows[i].p;
    int code = fus_multiple_adjust(p, p, t->n, FUS_BH, err);
    for (size_t i = 0; i < t->n && !code; i++)
        t->rows[i].q = p[i];
    fus_base_free(p);
    return code;
}

static int write_rows(const struct table *t, const char *folder, struct fus_error *err)
{
    struct fus_outfile f;
    int code = fus_sdc_concept_table_open(
        &f, folder, "overlap.csv",
        "cluster,model,layer,units,category,n_units,n_channels,n_selective,n_both,dice,log_odds,expected,p,q\n", err);
    for (size_t i = 0; i < t->n && !code; i++) {
        const struct row *r = &t->rows[i];
        fus_outfile_printf(&f, "%d", r->cluster + 1);
        fus_csv_name(&f, ",", t->x->c->decoders.name[r->participant]);
        fus_csv_name(&f, ",", t->layer);
        fus_outfile_printf(&f, ",%s", r->channels ? "channels" : "single");
        fus_csv_name(&f, ",", t->run.categories[r->category]);
        fus_csv_count(&f, r->n_units);
        fus_csv_count(&f, r->n_channels);
        fus_csv_count(&f, r->n_selective);
        fus_csv_count(&f, r->n_both);
        fus_csv_number(&f, r->dice);
        fus_csv_number(&f, r->log_odds);
        fus_csv_number(&f, r->expected);
        fus_csv_number(&f, r->p);
        fus_csv_number(&f, r->q);
        fus_outfile_printf(&f, "\n");
    }
    return code ? code : fus_outfile_commit(&f, err);
}

int fus_sdc_overlap_write(const struct fus_sdc_explained *x, const char *run, const char *layer, const char *folder,
                          struct fus_error *err)
{
    struct table t = {.x = x, .layer = layer};
    int code = fus_run_read_open(&t.run, run, true, err);
    if (code)
        return code;
    code = fus_sdc_overlap_pool_create(&t.pool, x->k, t.run.n_categories, err);
    for (int s = 0; s < x->p && !code; s++)
        code = add_participant(&t, s, err);
    if (!code && t.n == 0 && x->k)
        code =
            fus_base_fail(err, FUS_ENOTFOUND, "%s: no model of a participant's name with a layer %s found", run, layer);
    if (!code)
        code = correct(&t, err);
    if (!code)
        code = write_rows(&t, folder, err);
    if (!code)
        code = fus_sdc_overlap_pool_write(t.pool, t.run.categories, folder, err);
    fus_sdc_overlap_pool_destroy(t.pool);
    fus_run_read_close(&t.run);
    fus_base_free(t.rows);
    return code;
}
