/* SPDX-License-Identifier: MIT */
/* The files of a participant's responses: names with `*`, hemispheres side by side, and what their
 * headers say. */
#define _POSIX_C_SOURCE 200809L
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/sdc/study_parts.h"
#include "analysis/sdc/tsv.h"
#include "stimuli/set/folder.h"
#include "weights/volume.h"

/* ---- names with * ---- */

/* Whether the name fits the pattern, in which * is any text. */
static bool fits(const char *pattern, const char *name)
{
    const char *star = NULL, *mark = NULL;
    while (*name) {
        if (*pattern == '*') {
            star = pattern++;
            mark = name;
        } else if (*pattern == *name) {
            pattern++;
            name++;
        } else if (star) { /* the last * takes one character more */
            pattern = star + 1;
            name = ++mark;
        } else
            return false;
    }
    while (*pattern == '*')
        pattern++;
    return !*pattern;
}

static int compare_names(const void *a, const void *b)
{
    return fus_folder_compare(*(char *const *)a, *(char *const *)b);
}

static int add_file(struct fus_sdc_part *p, char *path, struct fus_error *err)
{
    void *more =
        p->n_files < FUS_SDC_MAX_FILES ? fus_base_resize(p->files, (size_t)p->n_files + 1, sizeof *p->files) : NULL;
    if (!more) {
        fus_base_free(path);
        return fus_base_fail(err, FUS_ELIMIT, "more than %d files", p->n_files);
    }
    p->files = more;
    p->files[p->n_files++] = path;
    return FUS_OK;
}

/* All files of an open folder that fit the pattern. */
static int add_matches(struct fus_sdc_part *p, DIR *d, const char *folder, const char *pattern, struct fus_error *err)
{
    int code = FUS_OK;
    const struct dirent *e;
    errno = 0;
    while (!code && (e = readdir(d)) != NULL) {
        char *path;
        if (e->d_name[0] == '.' || !fits(pattern, e->d_name))
            continue;
        code = fus_folder_join(&path, folder, e->d_name, err);
        if (!code)
            code = add_file(p, path, err);
        errno = 0;
    }
    return code || !errno ? code : fus_base_fail(err, FUS_EIO, "%s: cannot be read: %s", folder, strerror(errno));
}

/* The files that `path` stands for: itself, or all that fit its last component. Takes path. */
static int find_files(struct fus_sdc_part *p, char *path, struct fus_error *err)
{
    char *slash = strrchr(path, '/'), *pattern = slash ? slash + 1 : path;
    if (!strchr(path, '*'))
        return add_file(p, path, err);
    const char *folder = !slash ? "." : slash == path ? "/" : path;
    int code = FUS_OK;
    if (slash)
        *slash = 0;
    if (slash && strchr(path, '*'))
        code = fus_base_fail(err, FUS_EINVAL, "%s/%s: `*` in a folder's name, expected in the file's alone", path,
                             pattern);
    DIR *d = code ? NULL : opendir(folder);
    if (!code && !d)
        code = fus_base_fail(err, FUS_EIO, "%s: folder cannot be opened: %s", folder, strerror(errno));
    if (d) {
        code = add_matches(p, d, folder, pattern, err);
        closedir(d);
    }
    if (!code && !p->n_files)
        code = fus_base_fail(err, FUS_ENOTFOUND, "%s/%s: no file has such a name", folder, pattern);
    if (p->n_files)
        qsort(p->files, (size_t)p->n_files, sizeof *p->files, compare_names);
    fus_base_free(path);
    return code;
}

/* ---- parts ---- */

/* Cuts "lh=PATH" after the name; false (and the whole is a path) without one. */
static bool cut_name(char *text, char **path)
{
    size_t n = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-");
    *path = text;
    if (n == 0 || text[n] != '=')
        return false;
    text[n] = 0;
    *path = text + n + 1;
    return true;
}

static struct fus_sdc_part *find_part(struct fus_sdc_source *s, const char *name)
{
    for (int i = 0; i < s->n_parts; i++)
        if (strcmp(s->parts[i].name, name) == 0)
            return &s->parts[i];
    return NULL;
}

static int add_part(struct fus_sdc_source *s, const char *name, const char *path, const char *study_path,
                    struct fus_error *err)
{
    char *full;
    if (find_part(s, name))
        return fus_base_fail(err, FUS_EINVAL, "%s: two files are called `%s`, expected lh=FILE;rh=FILE", s->responses,
                             name);
    void *more = fus_base_resize(s->parts, (size_t)s->n_parts + 1, sizeof *s->parts);
    if (!more)
        return fus_base_fail(err, FUS_ENOMEM, "%s: no memory", path);
    s->parts = more;
    struct fus_sdc_part *p = &s->parts[s->n_parts++];
    *p = (struct fus_sdc_part){.name = fus_base_strdup(name)};
    if (!p->name)
        return fus_base_fail(err, FUS_ENOMEM, "%s: no memory", path);
    int code = fus_sdc_tsv_beside(&full, study_path, path, err);
    return code ? code : find_files(p, full, err);
}

static int add_mask(struct fus_sdc_source *s, const char *name, const char *path, const char *study_path,
                    struct fus_error *err)
{
    struct fus_sdc_part *p = find_part(s, name);
    if (!p || p->mask)
        return fus_base_fail(err, FUS_EINVAL, "mask %s: %s `%s`, expected one mask for each file of %s", s->mask,
                             p ? "two are called" : "no file of responses is called", name, s->responses);
    return fus_sdc_tsv_beside(&p->mask, study_path, path, err);
}

typedef int (*part_fn)(struct fus_sdc_source *s, const char *name, const char *path, const char *study_path,
                       struct fus_error *err);

/* Calls fn for each of "lh=A;rh=B", or once with the name "". */
static int each_part(struct fus_sdc_source *s, const char *text, part_fn fn, const char *study_path,
                     struct fus_error *err)
{
    char *copy = fus_base_strdup(text), *path;
    int code = copy ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "%s: no memory", text);
    for (char *at = copy, *next; !code && at; at = next) {
        next = strchr(at, ';');
        if (next)
            *next++ = 0;
        bool named = cut_name(at, &path);
        if (!*path || (!named && (next || at != copy)))
            code = fus_base_fail(err, FUS_EINVAL, "%s: expected a file, or NAME=FILE;NAME=FILE", text);
        else
            code = fn(s, named ? at : "", path, study_path, err);
    }
    fus_base_free(copy);
    return code;
}

/* ---- headers ---- */

bool fus_sdc_files_grids_differ(const struct fus_volume_space *a, const struct fus_volume_space *b)
{
    return a->format == b->format && memcmp(a->grid, b->grid, sizeof a->grid) != 0;
}

/* "3 x 2 x 2" in text. */
static const char *grid_name(char text[80], const struct fus_volume_info *info)
{
    const size_t *grid = info->space.grid;
    if (info->space.format == FUS_VOLUME_ARRAY)
        snprintf(text, 80, "%zu", info->n_places);
    else
        snprintf(text, 80, "%zu x %zu x %zu", grid[0], grid[1], grid[2]);
    return text;
}

/* Opens file k of a part: its places must be those of the first, its frames those of the first
 * part's file k. */
static int look(struct fus_sdc_source *s, int part, int k, struct fus_error *err)
{
    struct fus_sdc_part *p = &s->parts[part];
    struct fus_volume *v;
    const char *path = p->files[k];
    char grid[80];
    int code = fus_volume_open(&v, path, err);
    if (code)
        return code;
    const struct fus_volume_info *info = fus_volume_info(v);
    if (k == 0) {
        p->n_places = info->n_places;
        p->space = info->space;
    }
    if (info->n_places != p->n_places)
        code = fus_base_fail(err, FUS_EFORMAT, "%s: has %zu voxels, %s has %zu, expected the same", path,
                             info->n_places, p->files[0], p->n_places);
    else if (fus_sdc_files_grids_differ(&info->space, &p->space))
        code = fus_base_fail(err, FUS_EFORMAT, "%s: has %s voxels, %s another grid of as many, expected the same", path,
                             grid_name(grid, info), p->files[0]);
    if (part == 0)
        s->n_frames[k] = info->n_frames;
    if (!code && info->n_frames != s->n_frames[k])
        code = fus_base_fail(err, FUS_EFORMAT, "%s: has %zu trials, %s has %zu, expected the same", path,
                             info->n_frames, s->parts[0].files[k], s->n_frames[k]);
    fus_volume_close(v);
    return code;
}

/* The mask of a part, by its header: one volume in the grid of the responses. */
static int look_at_mask(const struct fus_sdc_part *p, struct fus_error *err)
{
    struct fus_volume *v;
    char grid[80], other[80];
    int code = fus_volume_open(&v, p->mask, err);
    if (code)
        return code;
    const struct fus_volume_info *info = fus_volume_info(v), responses = {.space = p->space, .n_places = p->n_places};
    if (info->n_frames != 1)
        code = fus_base_fail(err, FUS_EFORMAT, "%s: the mask has %zu volumes, expected one", p->mask, info->n_frames);
    else if (info->n_places != p->n_places || fus_sdc_files_grids_differ(&info->space, &p->space))
        code =
            fus_base_fail(err, FUS_EFORMAT, "%s: the mask has %s voxels, the responses %s have %s: expected the same",
                          p->mask, grid_name(grid, info), p->files[0], grid_name(other, &responses));
    fus_volume_close(v);
    return code;
}

static int count_frames(struct fus_sdc_source *s, struct fus_error *err)
{
    int n_files = s->parts[0].n_files, code = FUS_OK;
    s->n_frames = fus_base_alloc((size_t)n_files, sizeof *s->n_frames);
    if (!s->n_frames)
        return fus_base_fail(err, FUS_ENOMEM, "%s: no memory for %d files", s->responses, n_files);
    for (int i = 0; !code && i < s->n_parts; i++) {
        if (s->parts[i].n_files != n_files)
            return fus_base_fail(err, FUS_EFORMAT, "%s: %d files of %s, %d of %s, expected as many", s->responses,
                                 s->parts[i].n_files, s->parts[i].name, n_files, s->parts[0].name);
        for (int k = 0; !code && k < n_files; k++)
            code = look(s, i, k, err);
    }
    for (int k = 0; !code && k < n_files; k++)
        s->n_all += s->n_frames[k];
    if (!code && s->n_all > INT32_MAX / 2)
        code = fus_base_fail(err, FUS_ELIMIT, "%s: holds %zu trials, at most %d are read", s->responses, s->n_all,
                             INT32_MAX / 2);
    return code;
}

int fus_sdc_files_find(struct fus_sdc_source *s, const char *study_path, struct fus_error *err)
{
    int code = each_part(s, s->responses, add_part, study_path, err);
    if (!code && s->mask)
        code = each_part(s, s->mask, add_mask, study_path, err);
    for (int i = 0; !code && s->mask && i < s->n_parts; i++)
        if (!s->parts[i].mask)
            code = fus_base_fail(err, FUS_EINVAL, "mask %s: none for %s, expected one for each file of %s", s->mask,
                                 s->parts[i].name, s->responses);
    if (!code)
        code = count_frames(s, err);
    for (int i = 0; !code && s->mask && i < s->n_parts; i++)
        code = look_at_mask(&s->parts[i], err);
    return code;
}
