/* SPDX-License-Identifier: MIT */
/* Clusters of an earlier call in the same folder, removed when new ones are there: files of this
 * program's kinds, in folders named by an eps too. Anything else stays. The record goes first: what
 * a killed call left is never taken for a whole. New ones are written beside them and moved to
 * their place at the end, so that a call that fails or is stopped leaves the old ones. */
#define _POSIX_C_SOURCE 200809L
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "analysis/sdc/clusters_write.h"
#include "nn/base/number.h"
#include "stimuli/set/folder.h"

static bool is_ours(const char *name)
{
    static const char *const files[] = {
        "clusters.csv",  "images.csv",       "decodability.csv", "opposites.csv",  "labels.csv",
        "contrasts.csv", "thumbs.csv",       "thumbs.png",       "labels.ctab",    "centroids.npy",
        "overlap.csv",   "rois.csv",         "stability.csv",    "comparison.csv", "comparison_clusters.csv",
        "dice.csv",      "participants.csv", "presence.csv",     "groups.csv",     "categories.csv"};
    static const char *const ends[] = {"_labels.npy",   "_expanded.npy", "_labels.nii",
                                       "_expanded.nii", "_labels.mgh",   "_expanded.mgh"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (strcmp(name, files[i]) == 0)
            return true;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (fus_base_ends_with(name, ends[i]))
            return true;
    return strstr(name, ".tmp-") != NULL; /* half-written, of a killed call */
}

static void empty_folder(const char *folder)
{
    char path[4096];
    DIR *d = opendir(folder);
    if (!d)
        return;
    for (struct dirent *e; (e = readdir(d));) {
        int n = snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        if (is_ours(e->d_name) && n > 0 && (size_t)n < sizeof path)
            unlink(path);
    }
    closedir(d);
    rmdir(folder); /* stays if something else is in it */
}

static void empty_voxels(const char *out)
{
    char folder[4096], path[4096];
    int length = snprintf(folder, sizeof folder, "%s/voxels", out);
    DIR *d = length > 0 && (size_t)length < sizeof folder ? opendir(folder) : NULL;
    if (!d)
        return;
    for (struct dirent *e; (e = readdir(d));) {
        int n = snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        if (fus_base_ends_with(e->d_name, ".csv") && n > 0 && (size_t)n < sizeof path)
            unlink(path);
    }
    closedir(d);
    rmdir(folder);
}

void fus_sdc_clusters_remove(const char *out)
{
    static const char *const files[] = {"cluster.json", "fit.json", "cluster.log", "eps.csv"};
    char path[4096];
    double eps;
    DIR *d = opendir(out);
    if (!d)
        return;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        int n = snprintf(path, sizeof path, "%s/%s", out, files[i]);
        if (n > 0 && (size_t)n < sizeof path)
            unlink(path);
    }
    empty_voxels(out);
    for (struct dirent *e; (e = readdir(d));) {
        int n = snprintf(path, sizeof path, "%s/%s", out, e->d_name);
        if (fus_number_real(&eps, e->d_name, NULL) && n > 0 && (size_t)n < sizeof path)
            empty_folder(path);
    }
    closedir(d);
    rmdir(out);
}

/* ---- new ones to their place ---- */

/* A file, or a folder with all that is in it, to a place where something else may be: folders that
 * are there take the files in. depth: of folders below. */
static int move(const char *from, const char *to, int depth, struct fus_error *err)
{
    if (rename(from, to) == 0)
        return FUS_OK;
    int why = errno;
    DIR *d = depth > 0 ? opendir(from) : NULL;
    if (!d)
        return fus_base_fail(err, FUS_EIO, "%s: cannot be moved to %s: %s", from, to, strerror(why));
    int code = FUS_OK;
    for (struct dirent *e; !code && (e = readdir(d));) {
        char *old = NULL, *new = NULL;
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        code = fus_folder_join(&old, from, e->d_name, err);
        if (!code)
            code = fus_folder_join(&new, to, e->d_name, err);
        if (!code)
            code = move(old, new, depth - 1, err);
        fus_base_free(old);
        fus_base_free(new);
    }
    closedir(d);
    rmdir(from);
    return code;
}

int fus_sdc_clusters_replace(const char *out, const char *fresh, struct fus_error *err)
{
    fus_sdc_clusters_remove(out);
    return move(fresh, out, 2, err);
}
