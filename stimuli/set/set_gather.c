/* SPDX-License-Identifier: MIT */
/* The pictures of several operands as one set: see fus_set_gather in stimuli.h. */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "nn/base/utf8.h"
#include "stimuli/image/kind.h"
#include "stimuli/set/folder.h"
#include "stimuli/set/set.h"
#include "stimuli/set/set_paths.h"

static int no_memory(struct fus_error *err)
{
    return fus_base_fail(err, FUS_ENOMEM, "no memory for the list of pictures");
}

/* Room for n more items. */
static int make_room(void **items, int n_items, int n, size_t size, struct fus_error *err)
{
    if (n > FUS_FOLDER_MAX_NAMES - n_items)
        return fus_base_fail(err, FUS_ELIMIT, "more than %d pictures", FUS_FOLDER_MAX_NAMES);
    void *more = fus_base_resize(*items, (size_t)(n_items + n), size);
    if (!more)
        return no_memory(err);
    *items = more;
    return FUS_OK;
}

static int grow(struct fus_set *set, int n_pictures, int n_categories, int n_subcategories, struct fus_error *err)
{
    void *pictures = set->pictures, *categories = set->categories, *subcategories = set->subcategories;
    int code = make_room(&pictures, set->n_pictures, n_pictures, sizeof *set->pictures, err);
    set->pictures = pictures;
    if (!code)
        code = make_room(&categories, set->n_categories, n_categories, sizeof *set->categories, err);
    set->categories = categories;
    if (!code)
        code = make_room(&subcategories, set->n_subcategories, n_subcategories, sizeof *set->subcategories, err);
    set->subcategories = subcategories;
    return code;
}

/* n files, one after another, of a category and subcategory without names. */
static int add_files(struct fus_set *set, const char *const *paths, int n, struct fus_error *err)
{
    int code = grow(set, n, 1, 1, err);
    char *category = code ? NULL : fus_base_strdup(""), *subcategory = code ? NULL : fus_base_strdup("");
    if (!category || !subcategory) {
        fus_base_free(category);
        fus_base_free(subcategory);
        return code ? code : no_memory(err);
    }
    set->categories[set->n_categories++] = category;
    set->subcategories[set->n_subcategories++] = subcategory;
    for (int i = 0; i < n; i++) {
        char *path = fus_base_strdup(paths[i]);
        if (!path)
            return no_memory(err);
        set->pictures[set->n_pictures++] = (struct fus_picture){.path = path,
                                                                .category = set->n_categories - 1,
                                                                .subcategory = set->n_subcategories - 1,
                                                                .index = i,
                                                                .source = -1};
    }
    return FUS_OK;
}

/* Appends "SPEC: left out: ..." to the present text. */
static int add_left_out(struct fus_set *set, const char *spec, const char *left_out, struct fus_error *err)
{
    const char *before = set->left_out ? set->left_out : "";
    char shown[400];
    fus_utf8_escape(shown, sizeof shown, spec);
    size_t size = strlen(before) + strlen(shown) + strlen(left_out) + 8;
    char *text = fus_base_alloc(size, 1);
    if (!text)
        return no_memory(err);
    snprintf(text, size, "%s%s%s: %s", before, *before ? "; " : "", shown, left_out);
    fus_base_free(set->left_out);
    set->left_out = text;
    return FUS_OK;
}

/* Appends everything of `from` to set; from is emptied. */
static int append(struct fus_set *set, struct fus_set *from, const char *spec, struct fus_error *err)
{
    int code = grow(set, from->n_pictures, from->n_categories, from->n_subcategories, err);
    if (!code && from->left_out)
        code = add_left_out(set, spec, from->left_out, err);
    for (int i = 0; i < from->n_pictures && !code; i++) {
        struct fus_picture p = from->pictures[i];
        p.category += set->n_categories;
        p.subcategory += set->n_subcategories;
        p.line = 0; /* of one list among others */
        set->pictures[set->n_pictures++] = p;
    }
    for (int i = 0; i < from->n_categories && !code; i++)
        set->categories[set->n_categories++] = from->categories[i];
    for (int i = 0; i < from->n_subcategories && !code; i++)
        set->subcategories[set->n_subcategories++] = from->subcategories[i];
    if (!code)
        from->n_pictures = from->n_categories = from->n_subcategories = 0;
    fus_set_close(from);
    return code;
}

/* @FILE, unless a file has this very name. */
static bool is_list(const char *spec)
{
    struct stat st;
    return spec[0] == '@' && stat(spec, &st) != 0;
}

static int add_listed(struct fus_set *set, const char *file, struct fus_error *err)
{
    struct fus_set_paths listed;
    int code = fus_set_paths_read(&listed, file, err);
    if (code)
        return code;
    code = add_files(set, (const char *const *)listed.paths, listed.n, err);
    fus_set_paths_free(&listed);
    return code;
}

int fus_set_gather(struct fus_set *set, const char *const *specs, int n, struct fus_error *err)
{
    int code = FUS_OK;
    memset(set, 0, sizeof *set);
    for (int i = 0, n_files; i < n && !code; i += n_files ? n_files : 1) {
        struct fus_set one;
        for (n_files = 0; i + n_files < n && !is_list(specs[i + n_files]) && fus_set_is_file(specs[i + n_files]);)
            n_files++;
        if (n_files) {
            code = add_files(set, specs + i, n_files, err);
            continue;
        }
        if (is_list(specs[i])) {
            code = add_listed(set, specs[i] + 1, err);
            continue;
        }
        code = fus_set_list(&one, specs[i], NULL, true, err);
        if (code)
            break;
        if (one.drawn && n == 1) {
            *set = one;
            return FUS_OK;
        }
        if (one.drawn) {
            code =
                fus_base_fail(err, FUS_EINVAL, "%s: the pictures that are drawn cannot be mixed with others", specs[i]);
            fus_set_close(&one);
        } else if (one.n_pictures == 0) {
            code = fus_base_fail(err, FUS_EINVAL, "%s: no picture in it%s%s; read are files ending in %s", specs[i],
                                 one.left_out ? "; " : "", one.left_out ? one.left_out : "", FUS_KIND_ENDINGS);
            fus_set_close(&one);
        } else
            code = append(set, &one, specs[i], err);
    }
    if (code)
        fus_set_close(set);
    return code;
}
