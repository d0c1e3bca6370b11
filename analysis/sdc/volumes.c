/* SPDX-License-Identifier: MIT */
/* Label volumes in the space of the responses: see volumes.h. The list of a participant's masks,
 * DIR/voxels/NAME_space.txt, has one file name on each line, in the order of the voxels' numbers.
 */
#include "analysis/sdc/volumes.h"

#include <stdio.h>
#include <string.h>

#include "analysis/sdc/store.h"
#include "nn/base/outfile.h"
#include "weights/volume.h"

#define MAX_PARTS 64
#define PATH_BYTES 4096

/* ---- masks ---- */

/* "NAME_lh_mask.mgh", or "NAME_mask.nii" of the only part. */
static void mask_name(char *file, size_t n, const struct fus_sdc_data *d, int part)
{
    const char *name = d->part_name[part];
    const char *ending = d->store->space[part].format == FUS_VOLUME_MGH ? "mgh" : "nii";
    snprintf(file, n, "%s%s%s_mask.%s", d->name, *name ? "_" : "", name, ending);
}

static int write_part(const char *path, const struct fus_sdc_data *d, int part, struct fus_error *err)
{
    size_t first = d->part_first[part], end = d->part_first[part + 1];
    int32_t *kept = fus_base_alloc(end - first, sizeof *kept);
    if (!kept)
        return fus_base_fail(err, FUS_ENOMEM, "%s: no memory for %zu voxels", path, end - first);
    for (size_t v = 0; v < d->n_voxels; v++)
        if ((size_t)d->voxel[v] >= first && (size_t)d->voxel[v] < end)
            kept[(size_t)d->voxel[v] - first] = 1;
    int code = fus_volume_write(path, &d->store->space[part], 0, kept, FUS_VOLUME_LABELS, err);
    fus_base_free(kept);
    return code;
}

int fus_sdc_volumes_write_mask(const char *dir, const struct fus_sdc_data *d, struct fus_error *err)
{
    char path[PATH_BYTES], file[256];
    struct fus_outfile list;
    for (int i = 0; i < d->n_parts; i++)
        if (d->store->space[i].format == FUS_VOLUME_ARRAY)
            return FUS_OK;
    snprintf(path, sizeof path, "%s/voxels", dir);
    int code = fus_outfile_mkdirs(path, err);
    for (int i = 0; !code && i < d->n_parts; i++) {
        mask_name(file, sizeof file, d, i);
        snprintf(path, sizeof path, "%s/voxels/%s", dir, file);
        code = write_part(path, d, i, err);
    }
    snprintf(path, sizeof path, "%s/voxels/%s_space.txt", dir, d->name);
    if (!code)
        code = fus_outfile_open(&list, path, err);
    if (code)
        return code;
    for (int i = 0; i < d->n_parts; i++) {
        mask_name(file, sizeof file, d, i);
        fus_outfile_printf(&list, "%s\n", file);
    }
    return fus_outfile_commit(&list, err);
}

/* ---- labels ---- */

struct space {
    int n;
    struct part {
        char file[256];
        struct fus_volume_space space;
        size_t n_places, n_kept;
        float *kept; /* [n_places] */
    } part[MAX_PARTS];
};

static void close_space(struct space *s)
{
    for (int i = 0; i < s->n; i++)
        fus_base_free(s->part[i].kept);
    fus_base_free(s);
}

/* The mask s->part[i].file, whose other fields are zeros. */
static int open_mask(struct part *p, const char *dir, struct fus_error *err)
{
    char path[PATH_BYTES];
    struct fus_volume *v;
    snprintf(path, sizeof path, "%s/voxels/%s", dir, p->file);
    int code = fus_volume_open(&v, path, err);
    if (code)
        return code;
    p->space = fus_volume_info(v)->space;
    p->n_places = fus_volume_info(v)->n_places;
    if (fus_volume_info(v)->n_frames != 1 || p->space.format == FUS_VOLUME_ARRAY)
        code = fus_base_fail(err, FUS_EFORMAT, "%s: expected one volume", path);
    p->kept = code ? NULL : fus_base_alloc(p->n_places, sizeof *p->kept);
    if (!code && !p->kept)
        code = fus_base_fail(err, FUS_ENOMEM, "%s: no memory for %zu voxels", path, p->n_places);
    if (!code)
        code = fus_volume_read(v, p->kept, 1, err);
    for (size_t i = 0; !code && i < p->n_places; i++)
        p->n_kept += p->kept[i] != 0;
    fus_volume_close(v);
    return code;
}

/* The masks in the list's order. *s stays NULL if there is no list. n: voxels that must be there;
 * SIZE_MAX: any number. */
static int open_space(struct space **s, const char *dir, const char *name, size_t n, struct fus_error *err)
{
    char path[PATH_BYTES], *text;
    uint8_t *bytes;
    size_t n_bytes, n_kept = 0;
    snprintf(path, sizeof path, "%s/voxels/%s_space.txt", dir, name);
    FILE *there = fopen(path, "rb");
    *s = NULL;
    if (!there)
        return FUS_OK;
    fclose(there);
    int code = fus_base_read_file(&bytes, &n_bytes, path, 65536, err);
    if (code) {
        fus_base_blame(err, "%s: ", path);
        return code;
    }
    *s = fus_base_alloc(1, sizeof **s);
    if (!*s)
        code = fus_base_fail(err, FUS_ENOMEM, "%s: no memory", path);
    text = (char *)bytes;
    while (!code && *text) {
        size_t length = strcspn(text, "\n");
        struct part *p = &(*s)->part[(*s)->n];
        if ((*s)->n == MAX_PARTS || length >= sizeof p->file || memchr(text, '/', length)) {
            code = fus_base_fail(err, FUS_EFORMAT, "%s: expected at most %d names of files", path, MAX_PARTS);
            break;
        }
        memcpy(p->file, text, length);
        (*s)->n++;
        text += length + (text[length] == '\n');
        code = open_mask(p, dir, err);
        n_kept += p->n_kept;
    }
    fus_base_free(bytes);
    if (!code && n != SIZE_MAX && n_kept != n)
        code = fus_base_fail(err, FUS_EFORMAT, "%s: its masks hold %zu voxels, expected %zu as in the decoder", path,
                             n_kept, n);
    return code;
}

static bool same_part(const struct fus_volume_space *a, const struct fus_volume_space *b)
{
    return a->format == b->format && memcmp(a->grid, b->grid, sizeof a->grid) == 0 &&
           memcmp(a->pixdim, b->pixdim, sizeof a->pixdim) == 0 && a->qform_code == b->qform_code &&
           memcmp(a->quatern, b->quatern, sizeof a->quatern) == 0 && a->sform_code == b->sform_code &&
           memcmp(a->srow, b->srow, sizeof a->srow) == 0 && a->ras_good == b->ras_good &&
           memcmp(a->ras, b->ras, sizeof a->ras) == 0;
}

int fus_sdc_volumes_same_space(bool *same, const char *dir, const char *a, const char *b, struct fus_error *err)
{
    struct space *first = NULL, *second = NULL;
    int code = open_space(&first, dir, a, SIZE_MAX, err);
    if (!code && first)
        code = open_space(&second, dir, b, SIZE_MAX, err);
    *same = !code && first && second && first->n == second->n;
    for (int i = 0; *same && i < first->n; i++)
        *same = same_part(&first->part[i].space, &second->part[i].space);
    if (first)
        close_space(first);
    if (second)
        close_space(second);
    return code;
}

int fus_sdc_volumes_places(size_t *n, const char *dir, const char *name, struct fus_error *err)
{
    struct space *s = NULL;
    int code = dir ? open_space(&s, dir, name, SIZE_MAX, err) : FUS_OK;
    *n = 0;
    for (int i = 0; s && !code && i < s->n; i++)
        *n += s->part[i].n_places;
    if (s)
        close_space(s);
    return code;
}

/* "OUT/NAME_lh_labels.mgh" of the mask "NAME_lh_mask.mgh". */
static void label_path(char *path, size_t n, const char *out, const struct part *p, const char *what)
{
    const char *mask = strstr(p->file, "_mask."), *next;
    while (mask && (next = strstr(mask + 1, "_mask.")) != NULL)
        mask = next;
    int head = mask ? (int)(mask - p->file) : (int)strlen(p->file);
    snprintf(path, n, "%s/%.*s_%s.%s", out, head, p->file, what, p->space.format == FUS_VOLUME_MGH ? "mgh" : "nii");
}

/* One part's volumes: value of frame f and kept voxel k. label NULL: member [n_frames, n]. */
static int write_values(const char *path, const struct part *p, size_t first, const int32_t *label,
                        const uint8_t *member, size_t n_frames, size_t n, struct fus_error *err)
{
    size_t frames = n_frames ? n_frames : 1, cells;
    int32_t *values = fus_base_mul(&cells, frames, p->n_places) ? fus_base_alloc(cells, sizeof *values) : NULL;
    if (!values)
        return fus_base_fail(err, FUS_ENOMEM, "%s: no memory for %zu volumes of %zu voxels", path, frames, p->n_places);
    for (size_t f = 0; f < frames; f++)
        for (size_t i = 0, k = first; i < p->n_places; i++)
            if (p->kept[i] != 0) {
                values[f * p->n_places + i] = label ? label[k] + 1 : member[f * n + k] != 0;
                k++;
            }
    int code = fus_volume_write(path, &p->space, n_frames, values, FUS_VOLUME_LABELS, err);
    fus_base_free(values);
    return code;
}

static int write_all(bool *written, const char *dir, const char *out, const char *name, const int32_t *label,
                     const uint8_t *member, size_t n_frames, size_t n, struct fus_error *err)
{
    struct space *s;
    char path[PATH_BYTES];
    size_t first = 0;
    int code = open_space(&s, dir, name, n, err);
    *written = s != NULL && !code;
    for (int i = 0; *written && !code && i < s->n; i++) {
        label_path(path, sizeof path, out, &s->part[i], label ? "labels" : "expanded");
        code = write_values(path, &s->part[i], first, label, member, n_frames, n, err);
        first += s->part[i].n_kept;
    }
    if (s)
        close_space(s);
    return code;
}

int fus_sdc_volumes_write_labels(bool *written, const char *dir, const char *out, const char *name,
                                 const int32_t *label, size_t n, struct fus_error *err)
{
    return write_all(written, dir, out, name, label, NULL, 0, n, err);
}

int fus_sdc_volumes_write_expanded(bool *written, const char *dir, const char *out, const char *name,
                                   const uint8_t *member, int n_clusters, size_t n, struct fus_error *err)
{
    *written = false;
    if (n_clusters < 1)
        return FUS_OK;
    return write_all(written, dir, out, name, NULL, member, (size_t)n_clusters, n, err);
}

/* ---- colours ---- */

/* Hues a golden section apart, of three brightnesses. */
void fus_sdc_volumes_colour(uint8_t rgb[3], int c)
{
    unsigned hue = (unsigned)c * 949u % 1536u, sector = hue / 256, rise = hue % 256;
    unsigned high = 255 - 55 * ((unsigned)c / 6 % 3), low = high / 5, span = high - low;
    unsigned up = low + span * rise / 255, down = high - span * rise / 255;
    const unsigned table[6][3] = {{high, up, low},   {down, high, low}, {low, high, up},
                                  {low, down, high}, {up, low, high},   {high, low, down}};
    for (int i = 0; i < 3; i++)
        rgb[i] = (uint8_t)table[sector][i];
}

/* A name is one word in this format: letters, digits and _ - . : stay, other bytes become -. */
static void make_word(char *name)
{
    for (char *s = name; *s; s++)
        if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.:", *s))
            *s = '-';
}

int fus_sdc_volumes_write_colours(const char *out, int n_clusters, const char *const *names, struct fus_error *err)
{
    char path[PATH_BYTES];
    struct fus_outfile f;
    snprintf(path, sizeof path, "%s/labels.ctab", out);
    int code = fus_outfile_open(&f, path, err);
    if (code)
        return code;
    fus_outfile_printf(&f, "%3d  %-40s %3d %3d %3d %3d\n", 0, "none", 0, 0, 0, 0);
    for (int c = 0; c < n_clusters; c++) {
        char name[64];
        uint8_t rgb[3];
        bool called = names && names[c] && *names[c];
        snprintf(name, sizeof name, "sdc-%d%s%.40s", c + 1, called ? "-" : "", called ? names[c] : "");
        make_word(name);
        fus_sdc_volumes_colour(rgb, c);
        fus_outfile_printf(&f, "%3d  %-40s %3d %3d %3d %3d\n", c + 1, name, rgb[0], rgb[1], rgb[2], 0);
    }
    return fus_outfile_commit(&f, err);
}
