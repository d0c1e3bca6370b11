/* SPDX-License-Identifier: MIT */
/* Fills a set: its categories, and the pictures of folders or of the built-in set. */
#include "stimuli/set/set_fill.h"

#include <stdio.h>
#include <string.h>

#include "nn/base/text.h"
#include "stimuli/image/kind.h"

int fus_set_fill_no_memory(struct fus_error *err)
{
    return fus_base_fail(err, FUS_ENOMEM, "no memory for the list of pictures");
}

/* The plan's categories and subcategories into the set, which has no pictures yet. */
int fus_set_fill_categories(struct fus_set *set, const struct fus_categories *p, struct fus_error *err)
{
    int most = p->many ? FUS_SET_MAX_CLASSES : FUS_SET_MAX_CATEGORIES;
    set->categories = fus_base_alloc((size_t)p->n, sizeof *set->categories);
    set->subcategories = fus_base_alloc((size_t)p->n, sizeof *set->subcategories);
    if (!set->categories || !set->subcategories)
        return fus_set_fill_no_memory(err);
    for (int i = 0; i < p->n; i++) {
        set->subcategories[i] = fus_base_strdup(p->entries[i].subcategory);
        if (!set->subcategories[i])
            return fus_set_fill_no_memory(err);
        set->n_subcategories++;
        if (i > 0 && strcmp(p->entries[i].category, p->entries[i - 1].category) == 0)
            continue;
        if (set->n_categories == most)
            return fus_base_fail(err, FUS_ELIMIT, "more than %d categories (%s is one too many)", most,
                                 p->entries[i].category);
        set->categories[set->n_categories] = fus_base_strdup(p->entries[i].category);
        if (!set->categories[set->n_categories])
            return fus_set_fill_no_memory(err);
        set->n_categories++;
    }
    return FUS_OK;
}

/* Room for n more pictures. */
int fus_set_fill_reserve(struct fus_set *set, int n, struct fus_error *err)
{
    if (n > FUS_FOLDER_MAX_NAMES - set->n_pictures)
        return fus_base_fail(err, FUS_ELIMIT, "more than %d pictures", FUS_FOLDER_MAX_NAMES);
    struct fus_picture *more = fus_base_resize(set->pictures, (size_t)(set->n_pictures + n), sizeof *more);
    if (!more)
        return fus_set_fill_no_memory(err);
    set->pictures = more;
    return FUS_OK;
}

/* Takes path over. Halves alternate through the whole category, so also within each of its
 * subcategories, and a category of two single pictures still has one in each half. */
void fus_set_fill_add(struct fus_set *set, char *path, int category, int subcategory)
{
    struct fus_picture *p = set->pictures + set->n_pictures;
    const struct fus_picture *last = set->n_pictures ? p - 1 : NULL;
    p->path = path;
    p->category = category;
    p->subcategory = subcategory;
    p->source = -1;
    p->line = 0;
    p->index = last && last->subcategory == subcategory ? last->index + 1 : 0;
    p->half = last && last->category == category ? 1 - last->half : 0;
    set->n_pictures++;
}

/* The pictures of a folder. name: its folder in `dir`; NULL: dir itself. */
int fus_set_fill_folder(struct fus_set *set, struct fus_set_source *f, const char *name, int category, int subcategory,
                        struct fus_error *err)
{
    struct fus_folder found = {0};
    struct fus_left_out left_out = {0};
    char *path = NULL, *left = NULL;
    int code = name ? fus_folder_join(&path, f->dir, name, err) : FUS_OK;
    const char *dir = name ? path : f->dir;
    if (!code)
        code = fus_folder_list(&found, dir, FUS_FOLDER_PICTURES, err);
    if (!code && name)
        fus_left_out_add(&f->left, &found, name);
    if (!code && found.n == 0 && !f->any) {
        fus_left_out_add(&left_out, &found, "");
        left = fus_left_out_text(&left_out);
        code = fus_base_fail(err, FUS_EINVAL, "%s: no picture in it%s%s; read are files ending in %s", dir,
                             left ? "; " : "", left ? left : "", FUS_KIND_ENDINGS);
    }
    if (!code)
        code = fus_set_fill_reserve(set, found.n, err);
    for (int i = 0; i < found.n && !code; i++) {
        char *file;
        code = fus_folder_join(&file, dir, found.names[i], err);
        if (!code)
            fus_set_fill_add(set, file, category, subcategory);
    }
    fus_folder_free(&found);
    fus_base_free(path);
    fus_base_free(left);
    return code;
}

static int add_drawn(struct fus_set *set, int n, int category, int subcategory, struct fus_error *err)
{
    const char *c = set->categories[category], *s = set->subcategories[subcategory];
    size_t size = strlen(c) + strlen(s) + 32;
    int code = fus_set_fill_reserve(set, n, err);
    for (int i = 0; i < n && !code; i++) {
        char *path = fus_base_alloc(size, 1);
        if (!path)
            return fus_set_fill_no_memory(err);
        snprintf(path, size, "builtin/%s/%s-%03d", c, s, i + 1);
        fus_set_fill_add(set, path, category, subcategory);
    }
    return code;
}

/* per_category 0: the folders of f->dir; else that many drawn pictures, split evenly over a
 * category's subcategories. */
int fus_set_fill(struct fus_set *set, const struct fus_categories *p, struct fus_set_source *f, int per_category,
                 struct fus_error *err)
{
    int code = fus_set_fill_categories(set, p, err), category = -1, begin = 0, n_parts = 0;
    for (int i = 0; i < p->n && !code; i++) {
        if (i == 0 || strcmp(p->entries[i].category, p->entries[i - 1].category) != 0) {
            category++;
            begin = i;
            for (n_parts = 1; i + n_parts < p->n && !strcmp(p->entries[i + n_parts].category, p->entries[i].category);)
                n_parts++;
        }
        if (per_category)
            code = add_drawn(set, (per_category + n_parts - 1 - (i - begin)) / n_parts, category, i, err);
        else
            code = fus_set_fill_folder(set, f, set->subcategories[i], category, i, err);
    }
    return code;
}

/* "fLoc folders, 192 pictures: face = adult + child; body = ..." */
int fus_set_fill_describe(struct fus_set *set, const struct fus_categories *p, const char *from, char *const *names,
                          int n, struct fus_error *err)
{
    struct fus_text t = {0};
    fus_text_add(&t, "%.300s, %d pictures: ", from, set->n_pictures);
    for (int i = 0; i < p->n; i++) {
        if (i > 0 && strcmp(p->entries[i].category, p->entries[i - 1].category) == 0)
            fus_text_add(&t, " + %s", p->entries[i].subcategory);
        else
            fus_text_add(&t, "%s%s = %s", i ? "; " : "", p->entries[i].category, p->entries[i].subcategory);
    }
    for (int i = 0, left_out = 0; i < n; i++) {
        bool used = fus_categories_has(set->subcategories, set->n_subcategories, names[i]);
        if (!used && left_out++ == 0)
            fus_text_add(&t, " (left out: %s", names[i]);
        else if (!used)
            fus_text_add(&t, ", %s", names[i]);
        if (i == n - 1 && left_out)
            fus_text_add(&t, ")");
    }
    set->description = fus_base_strdup(t.s);
    return set->description ? FUS_OK : fus_set_fill_no_memory(err);
}
