/* SPDX-License-Identifier: MIT */
/* From the files of a participant to its data: masked responses of all trials, moments of every
 * session, noise ceiling, the voxels that are kept.
 *
 * Every file is read once, frame by frame, into a matrix of masked voxels in memory or in a file;
 * the moments are taken on the way. The noise ceiling reads the matrix stripe by stripe, and the
 * kept voxels are copied out of it. */
#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <string.h>
#include <sys/statvfs.h>

#include "analysis/analysis.h"
#include "analysis/sdc/ceiling.h"
#include "analysis/sdc/store.h"
#include "analysis/sdc/study.h"

#define STRIPE 4096                    /* voxels */
#define CHUNK_BYTES ((size_t)64 << 20) /* of frames read at a time, at most */

struct loading {
    struct fus_sdc_data *d;
    const struct fus_sdc_participant *p;
    const struct fus_sdc_data_options *o;
    uint8_t *in_mask;          /* [n_places] */
    bool whole;                /* all files hold whole numbers of 16 bits */
    struct fus_sdc_matrix all; /* [n_trials, n_masked] */
    struct fus_moments moments;
    size_t next; /* trial to be read */
    struct fus_error *err;
};

static int no_memory(struct loading *l)
{
    return fus_base_fail(l->err, FUS_ENOMEM, "no memory for %zu trials of %zu voxels", l->d->n_trials,
                         l->d->n_masked ? l->d->n_masked : l->d->n_places);
}

/* Trials of so many voxels that are read at a time: two buffers of them take a quarter of the
 * memory. */
static size_t chunk_length(const struct loading *l, size_t n_voxels, size_t n_trials)
{
    size_t bytes = l->o->max_memory / 8 < CHUNK_BYTES ? l->o->max_memory / 8 : CHUNK_BYTES;
    size_t chunk = bytes / sizeof(float) / n_voxels;
    return chunk < 1 ? 1 : chunk > n_trials ? n_trials : chunk;
}

/* ---- trials and parts ---- */

static int copy_trials(struct loading *l)
{
    struct fus_sdc_data *d = l->d;
    const struct fus_sdc_participant *p = l->p;
    const struct fus_sdc_source *s = &p->sources[0];
    size_t n = p->n_trials;
    d->n_trials = n;
    d->n_sessions = p->n_sessions;
    d->n_parts = s->n_parts;
    d->image = fus_sdc_store_copy(d, p->image, n, sizeof *p->image);
    d->session = fus_sdc_store_copy(d, p->session, n, sizeof *p->session);
    d->split = fus_sdc_store_copy(d, p->split, n, 1);
    size_t *first = fus_sdc_store_own(d, (size_t)s->n_parts + 1, sizeof *first);
    const char **names = fus_sdc_store_own(d, (size_t)s->n_parts, sizeof *names);
    d->store->space = fus_sdc_store_own(d, (size_t)s->n_parts, sizeof *d->store->space);
    if (!d->image || !d->session || !d->split || !first || !names || !d->store->space)
        return no_memory(l);
    for (int i = 0; i < s->n_parts; i++) {
        names[i] = fus_sdc_store_copy(d, s->parts[i].name, strlen(s->parts[i].name) + 1, 1);
        first[i + 1] = first[i] + s->parts[i].n_places;
        if (!names[i])
            return no_memory(l);
    }
    d->part_first = first;
    d->part_name = names;
    d->n_places = first[s->n_parts];
    if (d->n_places > INT32_MAX)
        return fus_base_fail(l->err, FUS_ELIMIT, "%zu voxels, at most %ld are read", d->n_places, (long)INT32_MAX);
    return FUS_OK;
}

/* ---- masks ---- */

static int read_mask(struct loading *l, const char *path, int part, struct fus_volume_space *space)
{
    const struct fus_sdc_part *p = &l->p->sources[0].parts[part];
    struct fus_volume *v;
    int code = fus_volume_open(&v, path, l->err);
    if (code)
        return code;
    const struct fus_volume_info *info = fus_volume_info(v);
    if (info->n_places != p->n_places || info->n_frames != 1) /* the study has looked at it before */
        code = fus_base_fail(l->err, FUS_EIO, "%s: changed meanwhile", path);
    float *x = code ? NULL : fus_base_alloc(info->n_places, sizeof *x);
    if (!code && !x)
        code = no_memory(l);
    if (!code)
        code = fus_volume_read(v, x, 1, l->err);
    size_t n = 0;
    for (size_t i = 0; !code && i < info->n_places; i++)
        n += l->in_mask[l->d->part_first[part] + i] = isfinite(x[i]) && x[i] != 0;
    if (!code && !n)
        code = fus_base_fail(l->err, FUS_EFORMAT, "%s: the mask is empty, expected voxels other than 0", path);
    if (!code && info->space.format != FUS_VOLUME_ARRAY)
        *space = info->space;
    fus_base_free(x);
    fus_volume_close(v);
    return code;
}

static bool is_used(const uint8_t *used, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (used[i])
            return true;
    return false;
}

/* in [n] = 1 where a frame of the file differs from x0 [n], the first frame of all files; ends
 * early once every voxel does. */
static int mark_varying(uint8_t *in, float *x0, float *x, bool *first, const char *path, struct loading *l)
{
    struct fus_volume *v;
    int code = fus_volume_open(&v, path, l->err);
    if (code)
        return code;
    size_t n = fus_volume_info(v)->n_places, n_frames = fus_volume_info(v)->n_frames, left = 1;
    for (size_t t = 0; !code && left && t < n_frames; t++) {
        if (fus_base_stopping())
            code = fus_base_fail(l->err, FUS_ESTOPPED, "stopped");
        if (!code)
            code = fus_volume_read(v, *first ? x0 : x, 1, l->err);
        left = 0;
        for (size_t i = 0; !code && !*first && i < n; i++) {
            in[i] |= !(x[i] == x0[i]);
            left += !in[i];
        }
        left += *first;
        *first = false;
    }
    fus_volume_close(v);
    return code;
}

/* Without a mask: the voxels that vary in the files, one trial taking all. */
static int find_varying(struct loading *l, int part)
{
    size_t n = l->p->sources[0].parts[part].n_places;
    uint8_t *in = l->in_mask + l->d->part_first[part];
    float *x0 = fus_base_alloc(n, sizeof *x0), *x = fus_base_alloc(n, sizeof *x);
    bool first = true;
    int code = x0 && x ? FUS_OK : no_memory(l);
    memset(in, l->d->n_trials == 1, n);
    for (int i = 0; !code && i < l->p->n_sources; i++) {
        const struct fus_sdc_source *s = &l->p->sources[i];
        const uint8_t *used = s->used;
        for (int k = 0; !code && k < s->parts[part].n_files; used += s->n_frames[k++])
            if (is_used(used, s->n_frames[k]) && memchr(in, 0, n))
                code = mark_varying(in, x0, x, &first, s->parts[part].files[k], l);
    }
    fus_base_free(x0);
    fus_base_free(x);
    return code;
}

/* The space of a part, and whether its files hold whole numbers, by their headers. */
static int look_at_files(struct loading *l, int part, struct fus_volume_space *space)
{
    int code = FUS_OK;
    for (int i = 0; !code && i < l->p->n_sources; i++) {
        const struct fus_sdc_part *p = &l->p->sources[i].parts[part];
        for (int k = 0; !code && k < p->n_files; k++) {
            struct fus_volume *v;
            code = fus_volume_open(&v, p->files[k], l->err);
            if (code)
                break;
            l->whole = l->whole && fus_volume_info(v)->whole;
            if (i == 0 && k == 0)
                *space = fus_volume_info(v)->space;
            fus_volume_close(v);
        }
    }
    return code;
}

static int check_same_mask(struct loading *l, int part)
{
    const char *mask = l->p->sources[0].parts[part].mask;
    for (int i = 1; i < l->p->n_sources; i++) {
        const char *other = l->p->sources[i].parts[part].mask;
        if ((mask != NULL) != (other != NULL) || (mask && strcmp(mask, other) != 0))
            return fus_base_fail(l->err, FUS_EINVAL, "masks %s and %s: expected the same in all lines",
                                 mask ? mask : "-", other ? other : "-");
    }
    return FUS_OK;
}

static int find_voxels(struct loading *l)
{
    struct fus_sdc_data *d = l->d;
    struct fus_volume_space *space = (struct fus_volume_space *)d->store->space;
    int code = FUS_OK;
    l->in_mask = fus_base_alloc(d->n_places, 1);
    if (!l->in_mask)
        return no_memory(l);
    l->whole = true;
    for (int i = 0; !code && i < d->n_parts; i++) {
        const char *mask = l->p->sources[0].parts[i].mask;
        code = check_same_mask(l, i);
        if (!code)
            code = look_at_files(l, i, &space[i]);
        if (!code)
            code = mask ? read_mask(l, mask, i, &space[i]) : find_varying(l, i);
    }
    if (code)
        return code;
    for (size_t v = 0; v < d->n_places; v++)
        d->n_masked += l->in_mask[v];
    if (!d->n_masked)
        return fus_base_fail(l->err, FUS_EFORMAT, "no voxel varies in %s", l->p->sources[0].parts[0].files[0]);
    int32_t *masked = fus_sdc_store_own(d, d->n_masked, sizeof *masked);
    if (!masked)
        return no_memory(l);
    for (size_t v = 0, k = 0; v < d->n_places; v++)
        if (l->in_mask[v])
            masked[k++] = (int32_t)v;
    d->masked = masked;
    for (int i = 0; i < 3 && d->n_parts == 1; i++)
        d->grid[i] = space[0].grid[i];
    return FUS_OK;
}

/* ---- reading ---- */

/* Whether the file of responses fits where it is to be made. */
static int check_disk(struct loading *l, uint64_t bytes)
{
    struct statvfs fs;
    if (statvfs(l->o->folder, &fs) == 0 && fs.f_bavail < bytes / (fs.f_frsize ? fs.f_frsize : 1))
        return fus_base_fail(l->err, FUS_EIO,
                             "%s: the masked responses need %.1f GB here for a while, %.1f GB are free (a larger "
                             "--max-memory needs no file)",
                             l->o->folder, 1e-9 * (double)bytes, 1e-9 * (double)fs.f_bavail * (double)fs.f_frsize);
    return FUS_OK;
}

static int create_matrix(struct loading *l, struct fus_sdc_matrix *m, size_t n_columns, size_t stripe)
{
    uint64_t bytes;
    *m = (struct fus_sdc_matrix){l->d->n_trials, n_columns, stripe, l->whole, NULL, -1, l->o->folder};
    bool in_memory = fus_sdc_matrix_bytes(&bytes, m->n_rows, n_columns, l->whole) && bytes <= l->o->max_memory / 2;
    int code = in_memory ? FUS_OK : check_disk(l, bytes);
    return code ? code : fus_sdc_matrix_create(m, in_memory, l->err);
}

/* Voxels in a stripe: 4096, or fewer where all trials of them would take an eighth of the memory.
 */
static size_t stripe_width(const struct loading *l)
{
    size_t most = l->o->max_memory / 8 / (l->d->n_trials * sizeof(float));
    return most < 64 ? 64 : most < STRIPE ? most : STRIPE;
}

/* Frames that are used, of n read from one part: to x [rows, n_masked], beside those of the other
 * parts. */
static void pack(float *x, const struct loading *l, int part, const float *frames, size_t n, const uint8_t *used)
{
    const struct fus_sdc_data *d = l->d;
    size_t first = d->part_first[part], end = d->part_first[part + 1], begin = 0, row = 0;
    while (begin < d->n_masked && (size_t)d->masked[begin] < first)
        begin++;
    for (size_t t = 0; t < n; t++) {
        if (!used[t])
            continue;
        float *to = x + row++ * d->n_masked;
        const float *from = frames + t * (end - first);
        for (size_t k = begin; k < d->n_masked && (size_t)d->masked[k] < end; k++)
            to[k] = from[(size_t)d->masked[k] - first];
    }
}

/* Rows x [n, n_masked] of the next trials: to the matrix, and into the moments. */
static int take_rows(struct loading *l, const float *x, size_t n)
{
    int group[64];
    int code = fus_sdc_matrix_write(&l->all, x, l->next, n, l->err);
    for (size_t i = 0; !code && i < n; i += 64) {
        size_t part = n - i < 64 ? n - i : 64;
        for (size_t k = 0; k < part; k++)
            group[k] = (int)l->d->session[l->next + i + k];
        fus_moments_add_rows(&l->moments, x + i * l->d->n_masked, group, NULL, part);
    }
    l->next += n;
    return code;
}

/* File k of all parts of a source, in chunks of frames. */
static int read_chunks(struct loading *l, struct fus_volume **v, const struct fus_sdc_source *s, int k,
                       const uint8_t *used)
{
    const struct fus_sdc_data *d = l->d;
    size_t widest = 1, n_frames = s->n_frames[k];
    for (int i = 0; i < s->n_parts; i++)
        widest = s->parts[i].n_places > widest ? s->parts[i].n_places : widest;
    size_t chunk = chunk_length(l, widest, n_frames);
    float *frames = fus_base_alloc(chunk * widest, sizeof *frames);
    float *x = fus_base_alloc(chunk * d->n_masked, sizeof *x);
    int code = frames && x ? FUS_OK : no_memory(l);
    for (size_t t = 0; !code && t < n_frames; t += chunk) {
        size_t n = n_frames - t < chunk ? n_frames - t : chunk, rows = 0;
        if (fus_base_stopping())
            code = fus_base_fail(l->err, FUS_ESTOPPED, "stopped");
        for (int i = 0; !code && i < s->n_parts; i++) {
            code = fus_volume_read(v[i], frames, n, l->err);
            if (!code)
                pack(x, l, i, frames, n, used + t);
        }
        for (size_t i = 0; i < n; i++)
            rows += used[t + i];
        if (!code)
            code = take_rows(l, x, rows);
    }
    fus_base_free(frames);
    fus_base_free(x);
    return code;
}

static int read_source(struct loading *l, const struct fus_sdc_source *s)
{
    struct fus_volume **v = fus_base_alloc((size_t)s->n_parts, sizeof *v);
    int code = v ? FUS_OK : no_memory(l);
    const uint8_t *used = s->used;
    for (int k = 0; !code && k < s->parts[0].n_files; used += s->n_frames[k++]) {
        if (!is_used(used, s->n_frames[k]))
            continue;
        for (int i = 0; !code && i < s->n_parts; i++)
            code = fus_volume_open(&v[i], s->parts[i].files[k], l->err);
        for (int i = 0; !code && i < s->n_parts; i++) /* the study has looked at it before */
            if (fus_volume_info(v[i])->n_frames != s->n_frames[k] ||
                fus_volume_info(v[i])->n_places != s->parts[i].n_places)
                code = fus_base_fail(l->err, FUS_EIO, "%s: changed meanwhile", s->parts[i].files[k]);
        if (!code)
            code = read_chunks(l, v, s, k, used);
        for (int i = 0; i < s->n_parts; i++) {
            fus_volume_close(v[i]);
            v[i] = NULL;
        }
    }
    fus_base_free(v);
    return code;
}

/* ---- choosing voxels ---- */

/* sd of a session's voxel; the moments are finite. */
static double deviation(const struct fus_moments *m, int session, size_t voxel)
{
    double m2 = m->m2[(size_t)session * m->n_units + voxel];
    return sqrt(m2 / (double)m->n[session]);
}

/* Fates from the moments: undefined, constant in a session, or FUS_SDC_KEPT for now. */
static void judge_moments(struct loading *l, uint8_t *fate)
{
    struct fus_sdc_data *d = l->d;
    for (size_t v = 0; v < d->n_masked; v++) {
        for (int s = 0; s < d->n_sessions && fate[v] != FUS_SDC_UNDEFINED; s++) {
            size_t at = (size_t)s * d->n_masked + v;
            if (!isfinite(l->moments.mean[at]) || !isfinite(l->moments.m2[at]))
                fate[v] = FUS_SDC_UNDEFINED;
            else if (!(deviation(&l->moments, s, v) > 0))
                fate[v] = FUS_SDC_CONSTANT;
        }
        d->n_undefined += fate[v] == FUS_SDC_UNDEFINED;
        d->n_constant += fate[v] == FUS_SDC_CONSTANT;
    }
}

/* centre and factor [n_sessions, n_masked] of all masked voxels, in place of the moments: x = (raw
 * - centre) factor. The moments of voxels that are dropped stay out of use. */
static void make_factors(struct loading *l)
{
    struct fus_moments *m = &l->moments;
    for (int s = 0; s < l->d->n_sessions; s++)
        for (size_t v = 0; v < m->n_units; v++) {
            size_t at = (size_t)s * m->n_units + v;
            m->m2[at] = l->o->zscore ? 1 / deviation(m, s, v) : 1 / l->o->scale;
            m->mean[at] = l->o->zscore ? m->mean[at] : 0;
        }
}

static int choose_voxels(struct loading *l)
{
    struct fus_sdc_data *d = l->d;
    uint8_t *fate = fus_sdc_store_own(d, d->n_masked, 1);
    float *nc = fus_sdc_store_own(d, d->n_masked, sizeof *nc);
    int32_t *voxel = fus_sdc_store_own(d, d->n_masked, sizeof *voxel);
    float *kept_nc = fus_sdc_store_own(d, d->n_masked, sizeof *kept_nc);
    size_t n_images = 0;
    if (!fate || !nc || !voxel || !kept_nc)
        return no_memory(l);
    d->fate = fate;
    d->masked_nc = nc;
    d->voxel = voxel;
    d->nc = kept_nc;
    judge_moments(l, fate);
    make_factors(l);
    int code = fus_sdc_ceiling(nc, &n_images, d, &l->all, l->moments.mean, l->moments.m2, l->o->repeats, l->err);
    if (code)
        return code;
    if (!n_images && !isnan(l->o->min_nc))
        return fus_base_fail(l->err, FUS_EINVAL,
                             "no training image has %d trials, so the noise ceiling is unknown: fewer --repeats, or "
                             "--min-nc none",
                             l->o->repeats);
    for (size_t v = 0; v < d->n_masked; v++) {
        if (fate[v] == FUS_SDC_KEPT && !isnan(l->o->min_nc) && !(nc[v] > l->o->min_nc))
            fate[v] = FUS_SDC_BELOW;
        if (fate[v] != FUS_SDC_KEPT)
            continue;
        voxel[d->n_voxels] = d->masked[v];
        kept_nc[d->n_voxels++] = nc[v];
    }
    if (d->n_voxels)
        return FUS_OK;
    char others[80] = "";
    if (!isnan(l->o->min_nc))
        snprintf(others, sizeof others, ", the others' noise ceiling is not above %g %% (--min-nc)", l->o->min_nc);
    return fus_base_fail(l->err, FUS_EINVAL,
                         "no voxel is kept of %zu: %zu are constant in a session, %zu have values that are no finite "
                         "number%s",
                         d->n_masked, d->n_constant, d->n_undefined, others);
}

/* ---- the kept voxels ---- */

static int copy_moments(struct loading *l)
{
    struct fus_sdc_data *d = l->d;
    size_t n = (size_t)d->n_sessions * d->n_voxels, k = 0;
    double *mean = fus_sdc_store_own(d, n, sizeof *mean), *sd = fus_sdc_store_own(d, n, sizeof *sd);
    double *centre = fus_sdc_store_own(d, n, sizeof *centre), *factor = fus_sdc_store_own(d, n, sizeof *factor);
    if (!mean || !sd || !centre || !factor)
        return no_memory(l);
    for (int s = 0; s < d->n_sessions; s++)
        for (size_t v = 0; v < d->n_masked; v++) {
            if (d->fate[v] != FUS_SDC_KEPT)
                continue;
            size_t at = (size_t)s * d->n_masked + v;
            centre[k] = l->moments.mean[at];
            factor[k] = l->moments.m2[at];
            mean[k] = centre[k] / l->o->scale;
            sd[k] = 1 / factor[k] / l->o->scale;
            k++;
        }
    d->mean = mean;
    d->sd = sd;
    d->store->centre = centre;
    d->store->factor = factor;
    return FUS_OK;
}

/* Kept columns of rows [n] of a stripe. */
static size_t copy_columns(float *x, const struct loading *l, const void *raw, size_t stripe, size_t n, size_t at)
{
    const struct fus_sdc_data *d = l->d;
    size_t width = fus_sdc_matrix_width(&l->all, stripe), kept = 0;
    for (size_t v = 0; v < width; v++) {
        if (d->fate[stripe * l->all.stripe + v] != FUS_SDC_KEPT)
            continue;
        for (size_t r = 0; r < n; r++)
            x[r * d->n_voxels + at + kept] =
                l->whole ? (float)((const int16_t *)raw)[r * width + v] : ((const float *)raw)[r * width + v];
        kept++;
    }
    return kept;
}

static int copy_kept(struct loading *l)
{
    struct fus_sdc_data *d = l->d;
    size_t chunk = chunk_length(l, d->n_voxels, d->n_trials);
    int code = create_matrix(l, &d->store->kept, d->n_voxels, d->n_voxels);
    float *x = fus_base_alloc(chunk * d->n_voxels, sizeof *x);
    void *buffer = l->all.memory ? NULL : fus_base_alloc(chunk * l->all.stripe, sizeof(float));
    if (!code && (!x || (!l->all.memory && !buffer)))
        code = no_memory(l);
    for (size_t t = 0; !code && t < d->n_trials; t += chunk) {
        size_t n = d->n_trials - t < chunk ? d->n_trials - t : chunk, at = 0;
        for (size_t s = 0; !code && s < fus_sdc_matrix_stripes(&l->all); s++) {
            const void *raw;
            code = fus_sdc_matrix_read(&raw, &l->all, s, t, n, buffer, l->err);
            if (!code)
                at += copy_columns(x, l, raw, s, n, at);
        }
        if (!code)
            code = fus_sdc_matrix_write(&d->store->kept, x, t, n, l->err);
    }
    fus_base_free(x);
    fus_base_free(buffer);
    return code;
}

static int load(struct loading *l)
{
    int code = copy_trials(l);
    if (!code)
        code = find_voxels(l);
    if (!code)
        code = create_matrix(l, &l->all, l->d->n_masked, stripe_width(l));
    if (!code)
        code = fus_moments_create(&l->moments, l->d->n_sessions, l->d->n_masked, l->err);
    for (int i = 0; !code && i < l->p->n_sources; i++)
        code = read_source(l, &l->p->sources[i]);
    if (!code)
        code = choose_voxels(l);
    if (!code)
        code = copy_moments(l);
    return code ? code : copy_kept(l);
}

int fus_sdc_data_open(struct fus_sdc_data **d, const struct fus_sdc_study *study, int p,
                      const struct fus_sdc_data_options *o, struct fus_error *err)
{
    struct loading l = {.p = &study->participants[p], .o = o, .err = err};
    l.all.fd = -1;
    if (l.p->model)
        return fus_base_fail(err, FUS_EINVAL, "%s: is a model, expected files of responses", l.p->name);
    if (!(o->scale > 0 && o->scale < INFINITY) || o->repeats < 1)
        return fus_base_fail(err, FUS_EINVAL, "%s: a scale above 0 and one repeat or more are expected", l.p->name);
    if (o->repeats < 2 && !isnan(o->min_nc))
        return fus_base_fail(err, FUS_EINVAL,
                             "%s: --repeats 1: from single trials the noise ceiling is unknown: two or more, or "
                             "--min-nc none",
                             l.p->name);
    int code = fus_sdc_store_create(&l.d, l.p->name, err);
    if (code)
        return code;
    l.d->n_images = study->n_images;
    code = load(&l);
    fus_base_free(l.in_mask);
    fus_sdc_matrix_close(&l.all);
    fus_moments_destroy(&l.moments);
    if (code) {
        fus_base_blame(err, "%s: ", l.p->name);
        fus_sdc_data_close(l.d);
    } else
        *d = l.d;
    return code;
}
