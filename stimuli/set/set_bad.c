/* SPDX-License-Identifier: MIT */
/* Pictures that cannot be read: all of them, not only the first; and a set without them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stimuli/set/set.h"

struct trial {
    int (*visit)(void *arg, int i, struct fus_error *err);
    void *arg;
    struct fus_set_bad *bad;
};

void fus_set_bad_free(struct fus_set_bad *bad)
{
    for (int i = 0; i < bad->n; i++)
        fus_base_free(bad->items[i].why);
    fus_base_free(bad->items);
    memset(bad, 0, sizeof *bad);
}

/* items has room for the next power of 2. */
static int add(struct fus_set_bad *bad, int picture, const char *why, struct fus_error *err)
{
    int code = FUS_OK;
    if ((bad->n & (bad->n - 1)) == 0) {
        void *more = fus_base_resize(bad->items, bad->n ? 2 * (size_t)bad->n : 1, sizeof *bad->items);
        if (more)
            bad->items = more;
        else
            code = FUS_ENOMEM;
    }
    char *copy = code ? NULL : fus_base_strdup(why);
    if (!copy)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for the list of pictures that cannot be read");
    bad->items[bad->n++] = (struct fus_set_bad_picture){picture, copy};
    return FUS_OK;
}

static int try_picture(void *arg, int i, struct fus_error *err)
{
    struct trial *t = arg;
    struct fus_error e = {0};
    int code = t->visit(t->arg, i, &e);
    if (code == FUS_ENOMEM || code == FUS_ESTOPPED) {
        if (err)
            *err = e;
        return code;
    }
    if (!code)
        return FUS_OK;
#ifdef _OPENMP
#pragma omp critical(fus_set_bad)
#endif
    code = add(t->bad, i, e.msg, err);
    return code;
}

static int by_picture(const void *a, const void *b)
{
    int x = ((const struct fus_set_bad_picture *)a)->picture, y = ((const struct fus_set_bad_picture *)b)->picture;
    return (x > y) - (x < y);
}

int fus_set_bad_each(struct fus_set_bad *bad, int from, int end, int (*visit)(void *arg, int i, struct fus_error *err),
                     void *arg, struct fus_error *err)
{
    struct trial t = {visit, arg, bad};
    int code = fus_set_each(from, end, try_picture, &t, err);
    if (bad->n)
        qsort(bad->items, (size_t)bad->n, sizeof *bad->items, by_picture);
    return code;
}

/* ---- a set without them ---- */

/* "face/1.jpg", in new memory: the name that run.json gives pictures. */
static char *short_name(const struct fus_set *set, const struct fus_picture *p)
{
    const char *folder = set->subcategories[p->subcategory], *slash = strrchr(p->path, '/'),
               *base = slash ? slash + 1 : p->path;
    size_t size = strlen(folder) + strlen(base) + 2;
    char *name = fus_base_alloc(size, 1);
    if (name)
        snprintf(name, size, "%s%s%s", folder, *folder ? "/" : "", base);
    return name;
}

/* "folders, 8 pictures: a = a; b = b" -> "folders, 7 pictures: a = a; b = b; 1 that cannot be
 * read is left out" */
static int describe(struct fus_set *set, struct fus_error *err)
{
    const char *old = set->description, *comma = strstr(old, ", "), *rest = comma ? strstr(comma, " pictures: ") : NULL;
    size_t size = strlen(old) + 100;
    if (!rest)
        return FUS_OK;
    char *text = fus_base_alloc(size, 1);
    if (!text)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for the description of the set");
    snprintf(text, size, "%.*s, %d%s; %d that cannot be read %s left out", (int)(comma - old), old, set->n_pictures,
             rest, set->n_skipped, set->n_skipped == 1 ? "is" : "are");
    fus_base_free(set->description);
    set->description = text;
    return FUS_OK;
}

/* The index in its subcategory and the half of the picture that follows `last`. */
static void renumber(const struct fus_set *set, struct fus_picture *p, const struct fus_picture *last)
{
    p->index = last && last->subcategory == p->subcategory ? last->index + 1 : 0;
    if (!set->own_halves)
        p->half = last && last->category == p->category ? 1 - last->half : 0;
}

int fus_set_bad_leave_out(struct fus_set *set, const struct fus_set_bad *bad, const char *spec, struct fus_error *err)
{
    int kept = 0;
    set->skipped = fus_base_alloc((size_t)bad->n + 1, sizeof *set->skipped);
    if (!set->skipped)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for the names of %d pictures", bad->n);
    for (int i = 0, k = 0; i < set->n_pictures; i++) {
        struct fus_picture p = set->pictures[i];
        if (k < bad->n && bad->items[k].picture == i) {
            set->skipped[k] = short_name(set, &p);
            fus_base_free((char *)p.path);
            k++;
            continue;
        }
        renumber(set, &p, kept ? &set->pictures[kept - 1] : NULL);
        set->pictures[kept++] = p;
    }
    set->n_pictures = kept;
    set->n_skipped = bad->n;
    for (int k = 0; k < bad->n; k++)
        if (!set->skipped[k])
            return fus_base_fail(err, FUS_ENOMEM, "no memory for the names of %d pictures", bad->n);
    if (bad->n && set->description && describe(set, err))
        return FUS_ENOMEM;
    if (spec)
        return fus_set_check_counts(set, spec, err);
    return kept ? FUS_OK : fus_base_fail(err, FUS_EINVAL, "no picture is left: none can be read");
}
