/* SPDX-License-Identifier: MIT */
/* See rois.h. */
#include "analysis/sdc/rois.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/run/csv.h"
#include "analysis/sdc/concept_tables.h"
#include "analysis/sdc/study.h"
#include "nn/base/fmath.h"
#include "weights/volume.h"

enum { MAX_ROIS = 1000, MAX_PATH = 4096, MAX_SET = 100 };

/* One label image of one participant. */
struct regions {
    char set[MAX_SET + 1];
    int32_t *roi; /* of each voxel; 0: none */
    int n_values;
    int32_t values[MAX_ROIS]; /* rising, without 0 */
};

/* ---- reading ---- */

/* "SET=FILE" at *text, which moves past the semicolon; path: with the study's folder. */
static int next_set(char set[MAX_SET + 1], char path[MAX_PATH], const char **text, const char *study,
                    struct fus_error *err)
{
    size_t n = strcspn(*text, ";"), name = strcspn(*text, "=;");
    const char *slash = strrchr(study, '/'), *file = *text + name + 1;
    if (name == 0 || name >= n || name > MAX_SET)
        return fus_base_fail(err, FUS_EINVAL, "rois: '%.*s' found, SET=FILE expected", (int)(n < 200 ? n : 200), *text);
    int folder = slash && *file != '/' ? (int)(slash - study + 1) : 0;
    snprintf(set, MAX_SET + 1, "%.*s", (int)name, *text);
    int length = snprintf(path, MAX_PATH, "%.*s%.*s", folder, study, (int)(n - name - 1), file);
    if (length < 0 || length >= MAX_PATH)
        return fus_base_fail(err, FUS_ELIMIT, "rois: a path of %d bytes found, less than %d expected", length,
                             MAX_PATH);
    *text += n + ((*text)[n] == ';');
    return FUS_OK;
}

static int compare_numbers(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

static int list_values(struct regions *r, size_t n, struct fus_error *err)
{
    int32_t *sorted = fus_base_alloc(n + 1, sizeof *sorted);
    if (!sorted)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for %zu voxels", n);
    memcpy(sorted, r->roi, n * sizeof *sorted);
    if (n > 1)
        qsort(sorted, n, sizeof *sorted, compare_numbers);
    int code = FUS_OK;
    for (size_t i = 0; i < n && !code; i++) {
        if (sorted[i] == 0 || (r->n_values && sorted[i] == r->values[r->n_values - 1]))
            continue;
        if (r->n_values == MAX_ROIS)
            code = fus_base_fail(err, FUS_ELIMIT, "more than %d regions: is it a label image?", MAX_ROIS);
        else
            r->values[r->n_values++] = sorted[i];
    }
    fus_base_free(sorted);
    return code;
}

/* The image's value at each voxel [n] of the decoder. */
static int read_regions(struct regions *r, const char *path, const int32_t *voxel, size_t n, struct fus_error *err)
{
    struct fus_volume *v = NULL;
    float *x = NULL;
    int code = fus_volume_open(&v, path, err);
    if (code)
        return code;
    size_t places = fus_volume_info(v)->n_places;
    x = fus_base_alloc(places, sizeof *x);
    r->roi = fus_base_alloc(n + 1, sizeof *r->roi);
    code = x && r->roi ? fus_volume_read(v, x, 1, err)
                       : fus_base_fail(err, FUS_ENOMEM, "%s: no memory for %zu voxels", path, places);
    for (size_t i = 0; i < n && !code; i++) {
        float value = (size_t)voxel[i] < places ? x[voxel[i]] : NAN;
        if ((size_t)voxel[i] >= places)
            code = fus_base_fail(err, FUS_EINVAL, "%s: %zu voxels found, the decoder has number %ld: another grid?",
                                 path, places, (long)voxel[i]);
        else if (!(fabsf(value) < 1e9f) || value != floorf(value))
            code = fus_base_fail(err, FUS_EFORMAT, "%s: voxel %ld: %g found, a whole number expected", path,
                                 (long)voxel[i], (double)value);
        else
            r->roi[i] = (int32_t)value;
    }
    fus_base_free(x);
    fus_volume_close(v);
    if (!code && list_values(r, n, err))
        code = fus_base_blame(err, "%s: ", path);
    return code;
}

/* ---- writing ---- */

static void write_row(struct fus_outfile *f, const struct fus_sdc_explained *x, int s, const struct regions *r,
                      int cluster, int32_t value)
{
    const struct fus_sdc_decoders *d = &x->c->decoders;
    size_t n = d->first[s + 1] - d->first[s], both = 0, in_roi = 0,
           in_cluster = x->decoded[cluster * x->p + s].n_voxels;
    for (size_t i = 0; i < n; i++) {
        in_roi += r->roi[i] == value;
        both += r->roi[i] == value && x->label[d->first[s] + i] == cluster;
    }
    if (both == 0)
        return;
    double a = (double)both, b = (double)(in_cluster - both), c = (double)(in_roi - both), rest = (double)n - a - b - c;
    fus_outfile_printf(f, "%d", cluster + 1);
    fus_csv_name(f, ",", d->name[s]);
    fus_csv_name(f, ",", r->set);
    fus_outfile_printf(f, ",%ld,%zu,%zu,%zu", (long)value, in_cluster, in_roi, both);
    fus_csv_number(f, a / (double)in_cluster);
    fus_csv_number(f, a / (double)in_roi);
    fus_csv_number(f, 2 * a / (double)(in_cluster + in_roi));
    fus_csv_number(f, fus_fmath_log((a + 0.5) * (rest + 0.5) / ((b + 0.5) * (c + 0.5))));
    fus_outfile_printf(f, "\n");
}

static int write_participant(struct fus_outfile *f, const struct fus_sdc_explained *x, int s, const char *rois,
                             const char *study, struct fus_error *err)
{
    const struct fus_sdc_decoders *d = &x->c->decoders;
    char path[MAX_PATH];
    int code = FUS_OK;
    while (*rois && !code) {
        struct regions r = {.roi = NULL};
        code = next_set(r.set, path, &rois, study, err);
        if (!code)
            code = read_regions(&r, path, d->voxel + d->first[s], d->first[s + 1] - d->first[s], err);
        for (int c = 0; c < x->k && !code; c++)
            for (int i = 0; i < r.n_values; i++)
                write_row(f, x, s, &r, c, r.values[i]);
        fus_base_free(r.roi);
    }
    return code ? fus_base_blame(err, "participant %s: ", d->name[s]) : FUS_OK;
}

int fus_sdc_rois_write(const struct fus_sdc_explained *x, const char *study, const char *folder, struct fus_error *err)
{
    struct fus_sdc_study *read = NULL;
    struct fus_outfile f;
    int any = 0, code = fus_sdc_study_create(&read, err);
    if (!code)
        code = fus_sdc_study_read(read, study, err);
    for (int i = 0; i < (code ? 0 : read->n); i++)
        any += read->participants[i].rois != NULL;
    if (!code && !any)
        code = fus_base_fail(err, FUS_ENOTFOUND, "%s: no participant has rois", study);
    if (!code)
        code = fus_sdc_concept_table_open(
            &f, folder, "rois.csv",
            "cluster,participant,set,roi,n_voxels,n_roi,n_both,share_cluster,share_roi,dice,log_odds\n", err);
    bool open = !code;
    for (int s = 0; s < x->p && !code; s++)
        for (int i = 0; i < read->n && !code; i++)
            if (read->participants[i].rois && strcmp(read->participants[i].name, x->c->decoders.name[s]) == 0)
                code = write_participant(&f, x, s, read->participants[i].rois, study, err);
    fus_sdc_study_close(read);
    if (open && code)
        fus_outfile_discard(&f);
    return open && !code ? fus_outfile_commit(&f, err) : code;
}
