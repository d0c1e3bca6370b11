/* SPDX-License-Identifier: MIT */
/* A scrambled category for a set that has none: its own pictures, in shuffled boxes, made when
 * they are asked for.
 *
 * As many as the other categories have on average, taken from the categories in turn and evenly
 * spaced within each, so that the scrambled pictures have the set's low-level properties
 * (Grill-Spector et al. 1998). */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "stimuli/set/set.h"
#include "stimuli/set/set_fill.h"

#define NAME "scrambled"

static int no_memory(struct fus_error *err)
{
    return fus_base_fail(err, FUS_ENOMEM, "no memory for the scrambled pictures");
}

static bool has_name(char *const *names, int n)
{
    for (int i = 0; i < n; i++)
        if (strcmp(names[i], NAME) == 0)
            return true;
    return false;
}

/* names[n] = "scrambled"; *n grows. */
static int add_name(char ***names, int *n, struct fus_error *err)
{
    char **more = fus_base_resize(*names, (size_t)*n + 1, sizeof *more);
    if (!more)
        return no_memory(err);
    *names = more;
    more[*n] = fus_base_strdup(NAME);
    if (!more[*n])
        return no_memory(err);
    ++*n;
    return FUS_OK;
}

/* "scrambled/001-adult-adult-1.jpg" */
static char *name_picture(const struct fus_set *set, const struct fus_picture *from, int k)
{
    const char *sub = set->subcategories[from->subcategory], *slash = strrchr(from->path, '/');
    const char *base = slash ? slash + 1 : from->path;
    size_t size = strlen(NAME) + strlen(sub) + strlen(base) + 20;
    char *path = fus_base_alloc(size, 1);
    if (path)
        snprintf(path, size, NAME "/%03d-%s-%s", k + 1, sub, base);
    return path;
}

static int describe(struct fus_set *set, int n, struct fus_error *err)
{
    size_t size = strlen(set->description) + 120;
    char *text = fus_base_alloc(size, 1);
    if (!text)
        return no_memory(err);
    snprintf(text, size, "%s; " NAME " = %d of these in %d x %d shuffled boxes, seed %" PRIu64, set->description, n,
             FUS_SET_SCRAMBLE_GRID, FUS_SET_SCRAMBLE_GRID, set->scramble_seed);
    fus_base_free(set->description);
    set->description = text;
    return FUS_OK;
}

static int add_pictures(struct fus_set *set, int category, int n, struct fus_error *err)
{
    struct fus_picture *more = fus_base_resize(set->pictures, (size_t)set->n_pictures + (size_t)n, sizeof *more);
    if (!more)
        return no_memory(err);
    set->pictures = more;
    int first[FUS_SET_MAX_CATEGORIES] = {0}, count[FUS_SET_MAX_CATEGORIES] = {0}, end = set->n_pictures;
    for (int i = end - 1; i >= 0; i--) {
        first[more[i].category] = i;
        count[more[i].category]++;
    }
    for (int k = 0; k < n; k++) {
        /* from this category, evenly spaced */
        int c = k % category, wanted = (n - c + category - 1) / category;
        int from = first[c] + (int)((long long)(k / category) * count[c] / wanted);
        struct fus_picture p = {
            .category = category, .subcategory = set->n_subcategories - 1, .index = k, .half = k % 2, .source = from};
        p.path = name_picture(set, &set->pictures[from], k);
        if (!p.path)
            return no_memory(err);
        more[end + k] = p;
        set->n_pictures++;
    }
    return FUS_OK;
}

int fus_set_scrambled_add(struct fus_set *set, uint64_t seed, struct fus_error *err)
{
    int category = set->n_categories;
    if (has_name(set->categories, set->n_categories))
        return FUS_OK;
    if (category >= FUS_SET_MAX_CATEGORIES)
        return fus_base_fail(err, FUS_ELIMIT, "more than %d categories (" NAME " is one too many)",
                             FUS_SET_MAX_CATEGORIES);
    int n = (int)((2LL * set->n_pictures + category) / (2LL * category));
    set->scramble_seed = seed;
    int code = add_name(&set->categories, &set->n_categories, err);
    if (!code)
        code = add_name(&set->subcategories, &set->n_subcategories, err);
    if (!code)
        code = add_pictures(set, category, n, err);
    return code ? code : describe(set, n, err);
}
