/* SPDX-License-Identifier: MIT */
/* See rois.h. */
#include "analysis/sdc/rois.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/run/csv.h"
#include "analysis/sdc/concept_tables.h"
#include "analysis/sdc/roi_names.h"
#include "analysis/sdc/study.h"
#include "analysis/sdc/tsv.h"
#include "analysis/sdc/volumes.h"
#include "nn/base/fmath.h"
#include "weights/volume.h"

enum { MAX_ROIS = 1000, MAX_SET = 100, MAX_FILES = 64 };

/* One file of a participant. */
struct label_image {
    char set[MAX_SET + 1];
    char *path, *names; /* names NULL: not given */
    bool taken;
};

/* One set of regions of one participant. */
struct regions {
    const char *set;
    int32_t *roi; /* of each voxel; 0: none */
    int n_values;
    int32_t values[MAX_ROIS]; /* rising, without 0 */
    struct fus_sdc_roi_names names;
};

/* ---- what is asked for ---- */

static bool is_table(const char *text, size_t n)
{
    static const char *const endings[] = {".ctab", ".tsv", ".txt"};
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        size_t m = strlen(endings[i]);
        if (n > m && memcmp(text + n - m, endings[i], m) == 0)
            return true;
    }
    return false;
}

/* The text [n] as a path beside the study. */
static int take_path(char **path, const char *text, size_t n, const char *study, struct fus_error *err)
{
    char *copy = fus_base_alloc(n + 1, 1);
    if (!copy)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for a path of %zu bytes", n);
    memcpy(copy, text, n);
    int code = fus_sdc_tsv_beside(path, study, copy, err);
    fus_base_free(copy);
    return code;
}

/* SET=FILE or SET=FILE:NAMES, the text [n]. */
static int take_image(struct label_image *image, const char *text, size_t n, const char *study, struct fus_error *err)
{
    size_t name = strcspn(text, "=;"), colon = n;
    if (name == 0 || name + 1 >= n || name > MAX_SET)
        return fus_base_fail(err, FUS_EINVAL, "rois: '%.*s' found, SET=FILE or SET=FILE:NAMES expected",
                             (int)(n < 200 ? n : 200), text);
    memcpy(image->set, text, name);
    while (colon > name && text[colon - 1] != ':')
        colon--;
    bool named = colon > name + 2 && is_table(text + colon, n - colon);
    size_t end = named ? colon - 1 : n;
    int code = take_path(&image->path, text + name + 1, end - name - 1, study, err);
    return code || !named ? code : take_path(&image->names, text + colon, n - colon, study, err);
}

/* images [MAX_FILES] of "SET=FILE;SET=FILE". */
static int take_images(struct label_image *images, int *n, const char *text, const char *study, struct fus_error *err)
{
    int code = FUS_OK;
    *n = 0;
    while (*text && !code) {
        size_t length = strcspn(text, ";");
        if (*n == MAX_FILES)
            return fus_base_fail(err, FUS_ELIMIT, "rois: more than %d files", MAX_FILES);
        code = take_image(&images[(*n)++], text, length, study, err);
        text += length + (text[length] == ';');
    }
    return code;
}

static void free_images(struct label_image *images, int n)
{
    for (int i = 0; i < n; i++) {
        fus_base_free(images[i].path);
        fus_base_free(images[i].names);
    }
}

/* ---- reading ---- */

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

/* A voxel's number of the decoder lies in the image of `places` voxels after `first` others: its
 * region. */
static int take_values(struct regions *r, const float *x, size_t first, size_t places, const char *path,
                       const int32_t *voxel, size_t n, struct fus_error *err)
{
    for (size_t i = 0; i < n; i++) {
        size_t at = (size_t)voxel[i] - first;
        if ((size_t)voxel[i] < first || at >= places)
            continue;
        if (!(fabsf(x[at]) < 1e9f) || x[at] != floorf(x[at]))
            return fus_base_fail(err, FUS_EFORMAT, "%s: voxel %zu: %g found, a whole number expected", path, at,
                                 (double)x[at]);
        r->roi[i] = x[at] > 0 ? (int32_t)x[at] : 0;
    }
    return FUS_OK;
}

/* The image's value at each voxel [n] of the decoder. *first: voxels of the files before, to which
 * this one's are added. */
static int read_image(struct regions *r, size_t *first, const char *path, const int32_t *voxel, size_t n,
                      struct fus_error *err)
{
    struct fus_volume *v = NULL;
    int code = fus_volume_open(&v, path, err);
    if (code)
        return code;
    size_t places = fus_volume_info(v)->n_places, frames = fus_volume_info(v)->n_frames;
    if (frames != 1) {
        fus_volume_close(v);
        return fus_base_fail(err, FUS_EINVAL, "%s: %zu volumes found, one of labels expected", path, frames);
    }
    float *x = fus_base_alloc(places, sizeof *x);
    code = x ? fus_volume_read(v, x, 1, err)
             : fus_base_fail(err, FUS_ENOMEM, "%s: no memory for %zu voxels", path, places);
    if (!code)
        code = take_values(r, x, *first, places, path, voxel, n, err);
    *first += places;
    fus_base_free(x);
    fus_volume_close(v);
    return code;
}

/* Names as given with one of the set's files, else beside one of them. */
static int read_names(struct regions *r, const struct label_image *images, int n, struct fus_error *err)
{
    const char *given = NULL;
    char *beside = NULL;
    int code = FUS_OK;
    for (int i = 0; i < n && !code; i++) {
        if (strcmp(images[i].set, r->set) != 0 || !images[i].names)
            continue;
        if (given && strcmp(given, images[i].names) != 0)
            code = fus_base_fail(err, FUS_EINVAL, "rois: %s has the names %s and %s, one table expected", r->set, given,
                                 images[i].names);
        given = images[i].names;
    }
    for (int i = 0; i < n && !code && !given && !beside; i++)
        if (strcmp(images[i].set, r->set) == 0)
            code = fus_sdc_roi_names_beside(&beside, images[i].path, err);
    if (!code && (given || beside))
        code = fus_sdc_roi_names_read(&r->names, given ? given : beside, err);
    fus_base_free(beside);
    return code;
}

/* Whether the files of a set hold the voxels of the responses. */
static int check_places(size_t places, const char *path, const struct fus_sdc_clustering *c, int s,
                        struct fus_error *err)
{
    const struct fus_sdc_decoders *d = &c->decoders;
    size_t expected;
    int code = fus_sdc_volumes_places(&expected, c->o->folder, d->name[s], err);
    if (code)
        return code;
    if (expected && expected != places)
        return fus_base_fail(err, FUS_EINVAL, "%s: %zu voxels found, the responses have %zu: another grid?", path,
                             places, expected);
    for (size_t i = d->first[s]; i < d->first[s + 1]; i++)
        if ((size_t)d->voxel[i] >= places)
            return fus_base_fail(err, FUS_EINVAL, "%s: %zu voxels found, the decoder has number %ld: another grid?",
                                 path, places, (long)d->voxel[i]);
    return FUS_OK;
}

/* The set of images[first]: its files side by side. */
static int read_set(struct regions *r, struct label_image *images, int first, int n, const struct fus_sdc_clustering *c,
                    int s, struct fus_error *err)
{
    const struct fus_sdc_decoders *d = &c->decoders;
    const char *last = NULL;
    size_t voxels = d->first[s + 1] - d->first[s], places = 0;
    r->set = images[first].set;
    r->roi = fus_base_alloc(voxels + 1, sizeof *r->roi);
    int code = r->roi ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "no memory for %zu voxels", voxels);
    for (int i = first; i < n && !code; i++)
        if (strcmp(images[i].set, r->set) == 0) {
            images[i].taken = true;
            last = images[i].path;
            code = read_image(r, &places, last, d->voxel + d->first[s], voxels, err);
        }
    if (!code)
        code = check_places(places, last, c, s, err);
    if (!code && list_values(r, voxels, err))
        code = fus_base_blame(err, "%s: ", last);
    return code ? code : read_names(r, images, n, err);
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
    fus_outfile_printf(f, ",%ld", (long)value);
    fus_csv_name(f, ",", fus_sdc_roi_names_of(&r->names, value));
    fus_outfile_printf(f, ",%zu,%zu,%zu", in_cluster, in_roi, both);
    fus_csv_number(f, a / (double)in_cluster);
    fus_csv_number(f, a / (double)in_roi);
    fus_csv_number(f, 2 * a / (double)(in_cluster + in_roi));
    fus_csv_number(f, fus_fmath_log((a + 0.5) * (rest + 0.5) / ((b + 0.5) * (c + 0.5))));
    fus_outfile_printf(f, "\n");
}

/* f NULL: the files are read and checked, no more; x may then be NULL. */
static int write_participant(struct fus_outfile *f, const struct fus_sdc_explained *x,
                             const struct fus_sdc_clustering *c, int s, const char *rois, const char *study,
                             struct fus_error *err)
{
    struct label_image *images = fus_base_alloc(MAX_FILES, sizeof *images);
    int n = 0, code = images ? take_images(images, &n, rois, study, err) : fus_base_fail(err, FUS_ENOMEM, "no memory");
    for (int first = 0; first < n && !code; first++) {
        struct regions r = {.roi = NULL};
        if (images[first].taken)
            continue;
        code = read_set(&r, images, first, n, c, s, err);
        for (int k = 0; f && k < x->k && !code; k++)
            for (int i = 0; i < r.n_values; i++)
                write_row(f, x, s, &r, k, r.values[i]);
        fus_base_free(r.roi);
        fus_sdc_roi_names_free(&r.names);
    }
    free_images(images, n);
    fus_base_free(images);
    return code ? fus_base_blame(err, "participant %s: ", c->decoders.name[s]) : FUS_OK;
}

static int open_study(struct fus_sdc_study **study, const char *path, struct fus_error *err)
{
    int any = 0, code = fus_sdc_study_create(study, err);
    if (!code)
        code = fus_sdc_study_read(*study, path, err);
    for (int i = 0; i < (code ? 0 : (*study)->n); i++)
        any += (*study)->participants[i].rois != NULL;
    return !code && !any ? fus_base_fail(err, FUS_ENOTFOUND, "%s: no participant has rois", path) : code;
}

static int write_all(struct fus_outfile *f, const struct fus_sdc_explained *x, const struct fus_sdc_clustering *c,
                     const struct fus_sdc_study *study, struct fus_error *err)
{
    int code = FUS_OK;
    for (int s = 0; s < c->decoders.n && !code; s++)
        for (int i = 0; i < study->n && !code; i++)
            if (study->participants[i].rois && strcmp(study->participants[i].name, c->decoders.name[s]) == 0)
                code = write_participant(f, x, c, s, study->participants[i].rois, study->path, err);
    return code;
}

int fus_sdc_rois_check(const struct fus_sdc_clustering *c, const char *study, struct fus_error *err)
{
    struct fus_sdc_study *read = NULL;
    int code = open_study(&read, study, err);
    if (!code)
        code = write_all(NULL, NULL, c, read, err);
    fus_sdc_study_close(read);
    return code;
}

int fus_sdc_rois_write(const struct fus_sdc_explained *x, const char *study, const char *folder, struct fus_error *err)
{
    struct fus_sdc_study *read = NULL;
    struct fus_outfile f;
    int code = open_study(&read, study, err);
    if (!code)
        code = fus_sdc_concept_table_open(
            &f, folder, "rois.csv",
            "cluster,participant,set,roi,name,n_voxels,n_roi,n_both,share_cluster,share_roi,dice,log_odds\n", err);
    bool open = !code;
    if (open)
        code = write_all(&f, x, x->c, read, err);
    fus_sdc_study_close(read);
    if (open && code)
        fus_outfile_discard(&f);
    return open && !code ? fus_outfile_commit(&f, err) : code;
}
