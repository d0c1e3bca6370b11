/* SPDX-License-Identifier: MIT */
/* Reading vectors to cluster: see decoders.h. */
#define _POSIX_C_SOURCE 200809L
#include "analysis/sdc/decoders.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nn/base/json.h"
#include "nn/base/sha256.h"
#include "stimuli/set/folder.h"
#include "weights/weights.h"

enum { MAX_NAME = 200 };

/* ---- one participant ---- */

static const struct fus_tensor *find_array(const struct fus_store *s, const char *name)
{
    for (size_t i = 0; i < fus_store_count(s); i++)
        if (strcmp(fus_store_tensor(s, i)->name, name) == 0)
            return fus_store_tensor(s, i);
    return NULL;
}

/* The array's elements in a larger array of all participants: room for n rows more. */
static int make_room(struct fus_sdc_decoders *d, size_t rows, struct fus_error *err)
{
    size_t n = d->vectors.n + rows, floats;
    if (!fus_base_mul(&floats, n, d->vectors.d))
        return fus_base_fail(err, FUS_ENOMEM, "no memory for %zu vectors", n);
    float *unit = fus_base_resize(d->unit, floats + 1, sizeof *unit);
    if (unit)
        d->unit = unit;
    int32_t *voxel = fus_base_resize(d->voxel, n + 1, sizeof *voxel);
    if (voxel)
        d->voxel = voxel;
    return unit && voxel ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "no memory for %zu vectors", n);
}

/* Rows [n, d] of length 1 from what was read. */
static int take_rows(struct fus_sdc_decoders *d, const float *w, size_t n, bool transposed, struct fus_error *err)
{
    size_t dim = d->vectors.d;
    float *row = fus_base_alloc(dim, sizeof *row);
    int code = row ? make_room(d, n, err) : fus_base_fail(err, FUS_ENOMEM, "no memory for a vector");
    for (size_t i = 0; i < n && !code; i++) {
        float *unit = d->unit + (d->vectors.n + i) * dim;
        for (size_t j = 0; j < dim; j++)
            row[j] = transposed ? w[j * n + i] : w[i * dim + j];
        if (!fus_sdc_unit(unit, row, dim))
            code = fus_base_fail(err, FUS_EFORMAT, "voxel %zu: its vector has values that are no finite numbers", i);
        size_t j = 0;
        while (j < dim && unit[j] == 0)
            j++;
        d->n_zero += j == dim;
        d->voxel[d->vectors.n + i] = (int32_t)i;
    }
    fus_base_free(row);
    if (!code)
        d->vectors.n += n;
    return code;
}

static int read_voxels(struct fus_sdc_decoders *d, struct fus_store *s, size_t first, struct fus_error *err)
{
    const struct fus_tensor *t = find_array(s, "voxel");
    size_t n = d->vectors.n - first;
    if (!t)
        return FUS_OK;
    if (t->n_elements != n)
        return fus_base_fail(err, FUS_EFORMAT, "array voxel has %zu numbers, %zu expected", t->n_elements, n);
    float *x = fus_base_alloc(n + 1, sizeof *x);
    int code = x ? fus_store_read_f32(s, x, t, err) : fus_base_fail(err, FUS_ENOMEM, "no memory for %zu numbers", n);
    for (size_t i = 0; i < n && !code; i++) {
        if (!(x[i] >= 0 && x[i] < 0x1p24f))
            code = fus_base_fail(err, FUS_EFORMAT, "array voxel holds %g, a voxel's number expected", (double)x[i]);
        else
            d->voxel[first + i] = (int32_t)x[i];
    }
    fus_base_free(x);
    return code;
}

/* The layer of a network, which a voxel is a unit of. */
static int read_layer(struct fus_sdc_decoders *d, struct fus_store *s, size_t first, struct fus_error *err)
{
    const struct fus_tensor *t = find_array(s, "layer");
    int32_t *layer = d->layer[d->n - 1];
    float x[3];
    double units = 1;
    if (!t)
        return FUS_OK;
    if (t->n_elements != 3)
        return fus_base_fail(err, FUS_EFORMAT, "array layer has %zu numbers, 3 expected", t->n_elements);
    int code = fus_store_read_f32(s, x, t, err);
    for (int i = 0; i < 3 && !code; i++) {
        if (!(x[i] >= 1 && x[i] < 0x1p24f))
            return fus_base_fail(err, FUS_EFORMAT, "array layer holds %g, channels, height and width expected",
                                 (double)x[i]);
        layer[i] = (int32_t)x[i];
        units *= layer[i];
    }
    for (size_t i = first; i < d->vectors.n && !code; i++)
        if (!(d->voxel[i] < units))
            code = fus_base_fail(err, FUS_EFORMAT, "unit %ld found, a layer of %.0f units expected", (long)d->voxel[i],
                                 units);
    return code;
}

static int check_array(struct fus_sdc_decoders *d, const struct fus_tensor *t, const char *which, bool transposed,
                       struct fus_error *err)
{
    if (!t)
        return fus_base_fail(err, FUS_ENOTFOUND, "no array %s found", which);
    if (t->n_dims != 2)
        return fus_base_fail(err, FUS_EFORMAT, "array of %d dimensions found, %s expected", t->n_dims,
                             transposed ? "[dimensions, voxels]" : "[voxels, dimensions]");
    uint64_t dim = (uint64_t)t->shape[transposed ? 0 : 1], rows = (uint64_t)t->shape[transposed ? 1 : 0];
    if (dim < 1 || dim > FUS_SDC_MAX_DIMENSIONS || rows > INT32_MAX)
        return fus_base_fail(err, FUS_ELIMIT,
                             "vectors of %" PRIu64 " dimensions and %" PRIu64
                             " voxels found, 1 to %d dimensions expected; is it transposed (--transposed)?",
                             dim, rows, FUS_SDC_MAX_DIMENSIONS);
    if (d->vectors.d && d->vectors.d != dim)
        return fus_base_fail(err, FUS_EFORMAT,
                             "vectors of %" PRIu64 " dimensions found, %zu expected, as %s has; is it transposed "
                             "(--transposed)?",
                             dim, d->vectors.d, d->path[0]);
    d->vectors.d = (size_t)dim;
    return FUS_OK;
}

static int read_store(struct fus_sdc_decoders *d, struct fus_store *s, const char *which, bool transposed,
                      struct fus_error *err)
{
    const struct fus_tensor *t = which ? find_array(s, which) : fus_store_tensor(s, 0);
    size_t first = d->vectors.n;
    int code = check_array(d, t, which ? which : "of numbers", transposed, err);
    if (code)
        return code;
    float *w = fus_base_alloc(t->n_elements + 1, sizeof *w);
    code = w ? fus_store_read_f32(s, w, t, err)
             : fus_base_fail(err, FUS_ENOMEM, "no memory for %zu numbers", t->n_elements);
    if (!code)
        code = take_rows(d, w, (size_t)t->shape[transposed ? 1 : 0], transposed, err);
    fus_base_free(w);
    if (!code && which)
        code = read_voxels(d, s, first, err);
    return !code && which ? read_layer(d, s, first, err) : code;
}

static bool names_file(const char *name, size_t n)
{
    if (n < 1 || n > MAX_NAME || name[0] == '.')
        return false;
    for (size_t i = 0; i < n; i++)
        if (name[i] == '/' || (unsigned char)name[i] < ' ' || name[i] == 0x7f)
            return false;
    return true;
}

/* Participant d->n, whose vectors are in the file; which NULL: its first array. */
static int add(struct fus_sdc_decoders *d, const char *name, size_t name_n, const char *path, const char *which,
               bool transposed, struct fus_error *err)
{
    struct fus_store *s = NULL;
    char *copy = fus_base_alloc(name_n + 1, 1), *path_copy = fus_base_strdup(path);
    if (copy)
        memcpy(copy, name, name_n);
    d->name[d->n] = copy, d->path[d->n] = path_copy;
    d->n++;
    if (!copy || !path_copy)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for a name");
    for (int i = 0; i + 1 < d->n; i++)
        if (strcmp(d->name[i], copy) == 0)
            return fus_base_fail(err, FUS_EINVAL, "participant %s is given twice: %s and %s", copy, d->path[i], path);
    int code = fus_open_is_file(path) ? fus_open_weights(&s, path, err)
                                      : fus_base_fail(err, FUS_EINVAL, "%s: a .npy file expected", path);
    if (code)
        return code;
    code = read_store(d, s, which, transposed, err);
    if (!code)
        code = fus_store_sha256(s, d->sha256[d->n - 1], err);
    fus_store_close(s);
    d->first[d->n] = d->vectors.n;
    bool named = code && err && strncmp(err->msg, path, strlen(path)) == 0;
    return code ? fus_base_blame(err, "participant %s: %s%s", copy, named ? "" : path, named ? "" : ": ") : FUS_OK;
}

/* ---- all ---- */

static int start(struct fus_sdc_decoders *d, int n, struct fus_error *err)
{
    *d = (struct fus_sdc_decoders){0};
    if (n < 1 || n > FUS_SDC_MAX_PARTICIPANTS)
        return fus_base_fail(err, FUS_EINVAL, "%d participants found, 1 to %d expected", n, FUS_SDC_MAX_PARTICIPANTS);
    d->name = fus_base_alloc((size_t)n, sizeof *d->name);
    d->path = fus_base_alloc((size_t)n, sizeof *d->path);
    d->sha256 = fus_base_alloc((size_t)n, sizeof *d->sha256);
    d->layer = fus_base_alloc((size_t)n, sizeof *d->layer);
    d->first = fus_base_alloc((size_t)n + 1, sizeof *d->first);
    return d->name && d->path && d->sha256 && d->layer && d->first
               ? FUS_OK
               : fus_base_fail(err, FUS_ENOMEM, "no memory for participants");
}

static void finish(struct fus_sdc_decoders *d)
{
    d->vectors.n_participants = d->n;
    d->vectors.first = d->first;
    d->vectors.unit = d->unit;
}

int fus_sdc_decoders_read(struct fus_sdc_decoders *d, const char *const *specs, int n, bool transposed,
                          struct fus_error *err)
{
    int code = start(d, n, err);
    for (int i = 0; i < n && !code; i++) {
        const char *equals = strchr(specs[i], '=');
        if (!equals || !names_file(specs[i], (size_t)(equals - specs[i])))
            code = fus_base_fail(err, FUS_EINVAL, "--vectors: '%s' found, NAME=FILE.npy expected, NAME without /",
                                 specs[i]);
        else
            code = add(d, specs[i], (size_t)(equals - specs[i]), equals + 1, NULL, transposed, err);
    }
    finish(d);
    return code;
}

static int compare_names(const void *a, const void *b)
{
    return fus_folder_compare(*(char *const *)a, *(char *const *)b);
}

/* names [n] of the files NAME.npz in the folder, without the ending. */
static int list_names(char ***names, size_t *n, const char *folder, struct fus_error *err)
{
    size_t room = 0;
    DIR *dir = opendir(folder);
    int code = FUS_OK;
    if (!dir)
        return fus_base_fail(err, FUS_EIO, "%s: %s; a folder that `fusiform sdc fit` wrote expected", folder,
                             strerror(errno));
    for (struct dirent *e; !code && (e = readdir(dir));) {
        size_t length = strlen(e->d_name);
        if (length < 5 || strcmp(e->d_name + length - 4, ".npz") != 0 || !names_file(e->d_name, length - 4))
            continue;
        char **grown = fus_base_grow(*names, &room, *n, sizeof **names);
        *names = grown ? grown : *names;
        char *name = grown ? fus_base_strdup(e->d_name) : NULL;
        if (!name) {
            code = fus_base_fail(err, FUS_ENOMEM, "no memory for names");
            break;
        }
        name[length - 4] = '\0';
        (*names)[(*n)++] = name;
    }
    closedir(dir);
    if (!code && *n > 1)
        qsort(*names, *n, sizeof **names, compare_names);
    return code;
}

/* The participants in the order of the study, as DIR/sdc.json has them; none: n stays 0. */
static int list_study(char ***names, size_t *n, const char *dir, struct fus_error *err)
{
    char path[4096];
    uint8_t *text = NULL;
    size_t bytes, room = 0;
    struct fus_json j;
    bool memory = true;
    int length = snprintf(path, sizeof path, "%s/sdc.json", dir), code;
    if (length < 0 || (size_t)length >= sizeof path || !fus_base_opens(path))
        return FUS_OK;
    code = fus_base_read_file(&text, &bytes, path, (size_t)1 << 26, err);
    if (code)
        return fus_base_blame(err, "%s: ", path);
    fus_json_start(&j, text, bytes, 0, err);
    j.file_names = true;
    for (fus_json_enter(&j, '{'); fus_json_next(&j);) {
        if (strcmp(fus_json_key(&j), "participants") != 0) {
            fus_json_skip(&j);
            continue;
        }
        for (fus_json_enter(&j, '['); fus_json_next(&j);) {
            const char *name = fus_json_string(&j);
            char **grown = fus_base_grow(*names, &room, *n, sizeof **names);
            *names = grown ? grown : *names;
            char *copy = grown ? fus_base_strdup(name) : NULL;
            if (copy)
                (*names)[(*n)++] = copy;
            memory = memory && copy;
            if (copy && !names_file(copy, strlen(copy)))
                fus_json_fail(&j, "a participant's name, without /, expected");
        }
    }
    code = fus_json_end(&j);
    fus_base_free(text);
    if (!code && !memory)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for names");
    return code ? fus_base_blame(err, "%s: ", path) : FUS_OK;
}

int fus_sdc_decoders_open(struct fus_sdc_decoders *d, const char *dir, const char *which, struct fus_error *err)
{
    char **names = NULL, *folder = NULL;
    size_t n = 0;
    *d = (struct fus_sdc_decoders){0};
    int code = fus_folder_join(&folder, dir, "decoders", err);
    if (!code)
        code = list_study(&names, &n, dir, err);
    if (!code && n == 0)
        code = list_names(&names, &n, folder, err);
    if (!code && n == 0)
        code = fus_base_fail(err, FUS_ENOTFOUND, "%s: no decoders (NAME.npz) found", folder);
    if (!code)
        code = start(d, n > FUS_SDC_MAX_PARTICIPANTS ? FUS_SDC_MAX_PARTICIPANTS + 1 : (int)n, err);
    for (size_t i = 0; i < n && !code; i++) {
        char *path = NULL, file[MAX_NAME + 8];
        snprintf(file, sizeof file, "%s.npz", names[i]);
        code = fus_folder_join(&path, folder, file, err);
        if (!code)
            code = add(d, names[i], strlen(names[i]), path, which, false, err);
        fus_base_free(path);
    }
    for (size_t i = 0; i < n; i++)
        fus_base_free(names[i]);
    fus_base_free(names);
    fus_base_free(folder);
    finish(d);
    return code;
}

int fus_sdc_decoders_run(float *w, bool *found, const struct fus_sdc_decoders *d, int participant, const char *dir,
                         const char *file, const char *which, struct fus_error *err)
{
    char path[4096];
    struct fus_store *s = NULL;
    size_t n = d->first[participant + 1] - d->first[participant];
    int length = snprintf(path, sizeof path, "%s/decoders/%s/%s", dir, d->name[participant], file);
    *found = length > 0 && (size_t)length < sizeof path && fus_base_opens(path);
    if (!*found)
        return FUS_OK;
    int code = fus_open_weights(&s, path, err);
    if (code)
        return code;
    const struct fus_tensor *t = find_array(s, which);
    *found = t != NULL;
    if (t && (t->n_dims != 2 || (uint64_t)t->shape[0] != n || (uint64_t)t->shape[1] != d->vectors.d))
        code = fus_base_fail(err, FUS_EFORMAT, "%s: an array %s of %zu voxels and %zu dimensions expected", path, which,
                             n, d->vectors.d);
    else if (t && w)
        code = fus_store_read_f32(s, w, t, err);
    fus_store_close(s);
    return code;
}

void fus_sdc_decoders_close(struct fus_sdc_decoders *d)
{
    for (int i = 0; i < d->n; i++) {
        fus_base_free(d->name[i]);
        fus_base_free(d->path[i]);
    }
    fus_base_free(d->name);
    fus_base_free(d->path);
    fus_base_free(d->sha256);
    fus_base_free(d->layer);
    fus_base_free(d->first);
    fus_base_free(d->unit);
    fus_base_free(d->voxel);
    *d = (struct fus_sdc_decoders){0};
}
