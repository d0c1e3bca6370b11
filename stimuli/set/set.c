/* SPDX-License-Identifier: MIT */
/* Sets of pictures in categories: a folder tree, a manifest, or pictures that the program draws
 * itself.
 *
 * Comes in: a folder with one folder per subcategory (the layout of fLoc: Stigliani, Weiner &
 * Grill-Spector 2015), a text file FILE.tsv, or `builtin`. Goes out: a list of pictures by
 * category, subcategory and natural file order, the same on every machine. First a plan is made,
 * which subcategory belongs to which category; then each subcategory's pictures are listed. */
#define _POSIX_C_SOURCE 200809L
#include "stimuli/stimuli.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "nn/base/number.h"
#include "nn/base/text.h"
#include "stimuli/set/builtin.h"
#include "stimuli/set/categories.h"
#include "stimuli/set/folder.h"
#include "stimuli/set/left_out.h"
#include "stimuli/set/manifest.h"
#include "stimuli/set/set.h"
#include "stimuli/set/set_fill.h"

static char drawn_names[][12] = {"adult", "child",  "body", "limb",       "house",    "corridor",
                                 "word",  "number", "car",  "instrument", "scrambled"};
#define N_DRAWN ((int)(sizeof drawn_names / sizeof *drawn_names))

/* What a set is opened for: as fus_set_open's arguments. any: pictures need not make a localizer;
 * classes: every folder is a category, and there may be many. */
struct request {
    const char *spec, *categories;
    bool any, classes;
};

int fus_set_check_counts(const struct fus_set *set, const char *spec, struct fus_error *err)
{
    int *n = fus_base_alloc((size_t)set->n_categories + 1, sizeof *n), few = 0;
    if (!n)
        return fus_set_fill_no_memory(err);
    for (int i = 0; i < set->n_pictures; i++)
        n[set->pictures[i].category]++;
    while (few < set->n_categories && n[few] >= 2)
        few++;
    int found = few < set->n_categories ? n[few] : 2;
    fus_base_free(n);
    if (found < 2)
        return fus_base_fail(err, FUS_EINVAL,
                             "%s: category %s has %d picture%s; at least 2 are needed, because a test "
                             "compares means by their variance",
                             spec, set->categories[few], found, found == 1 ? "" : "s");
    if (set->n_categories < 2)
        return fus_base_fail(err, FUS_EINVAL, "%s: %s; at least two categories are needed to compare", spec,
                             set->n_categories ? "only one category" : "no category");
    return FUS_OK;
}

/* ---- opening ---- */

static bool is_builtin(const char *spec)
{
    return strcmp(spec, "builtin") == 0 || strncmp(spec, "builtin?", 8) == 0;
}

/* By --categories, or by default. */
static int make_plan(struct fus_categories *p, const struct request *q, char *const *names, int n,
                     struct fus_error *err)
{
    /* drawn pictures are a demonstration of the paper's five categories */
    enum fus_categories_rule rule = q->classes            ? FUS_CATEGORIES_EACH
                                    : is_builtin(q->spec) ? FUS_CATEGORIES_FIVE
                                                          : FUS_CATEGORIES_OBJECTS;
    p->many = q->classes;
    if (!q->categories || fus_categories_named(&rule, q->categories)) {
        int code = fus_categories_default(p, names, n, rule, err);
        return !code && q->categories && rule != FUS_CATEGORIES_EACH && !p->floc
                   ? fus_base_fail(err, FUS_EINVAL,
                                   "%s: --categories %s is for fLoc's folders (adult, body, house, ...)", q->spec,
                                   q->categories)
                   : code;
    }
    int code = fus_categories_parse(p, q->categories, err);
    return code ? code : fus_categories_check(p, q->spec, names, n, err);
}

/* The last part of the folder's path, for a category that is the folder itself. */
static char *name_of_folder(const char *dir)
{
    size_t end = strlen(dir), begin;
    while (end > 1 && dir[end - 1] == '/')
        end--;
    for (begin = end; begin > 0 && dir[begin - 1] != '/';)
        begin--;
    char *name = fus_base_strdup(dir + begin);
    if (name)
        name[end - begin] = '\0';
    return name;
}

/* The loose pictures of a folder without folders of pictures, as one category. */
static int open_loose(struct fus_set *set, struct fus_set_source *f, struct fus_error *err)
{
    char *name = name_of_folder(f->dir);
    struct fus_categories_entry entry = {name, name};
    const struct fus_categories plan = {.n = 1, .entries = &entry};
    int code = name ? fus_set_fill_categories(set, &plan, err) : fus_set_fill_no_memory(err);
    if (!code)
        code = fus_set_fill_folder(set, f, NULL, 0, 0, err);
    fus_base_free(name);
    return code;
}

static int open_folder(struct fus_set *set, const struct request *q, struct fus_error *err)
{
    const char *dir = q->spec;
    bool any = q->any;
    struct fus_folder f = {0};
    struct fus_categories plan = {0};
    struct fus_set_source source = {.dir = dir, .any = any};
    int code = fus_folder_list(&f, dir, FUS_FOLDER_FOLDERS, err);
    if (code)
        return code;
    fus_left_out_add(&source.left, &f, "");
    if (f.n == 0 && !any)
        code = fus_base_fail(err, FUS_EINVAL,
                             "%s: %s; expected one folder of pictures for each category, such as %s/face "
                             "and %s/house",
                             dir, f.n_pictures ? "its pictures lie loose in it" : "no folder in it", dir, dir);
    if (!code)
        code = make_plan(&plan, q, f.names, f.n, err);
    if (!code)
        code = fus_set_fill(set, &plan, &source, 0, err);
    for (int i = 0; i < f.n && !code && any; i++)
        if (!fus_categories_has(set->subcategories, set->n_subcategories, f.names[i]))
            fus_left_out_name(&source.left, FUS_LEFT_UNUSED, "", f.names[i]);
    if (!code && any && set->n_pictures == 0) { /* no folders of pictures: those in it */
        fus_set_close(set);
        source = (struct fus_set_source){.dir = dir};
        code = open_loose(set, &source, err);
    }
    if (!code && !any && !q->classes)
        code = fus_set_check_counts(set, dir, err);
    if (!code)
        code = fus_set_fill_describe(set, &plan, plan.floc ? "fLoc folders" : "folders", f.names, f.n,
                                     err); /* not where they lie */
    if (!code)
        set->left_out = fus_left_out_text(&source.left);
    fus_categories_free(&plan);
    fus_folder_free(&f);
    return code;
}

/* The rows' numbers of n pairs (category, subcategory) become entries of a plan that goes by the
 * subcategories alone. */
static int plan_by_names(struct fus_categories *p, struct fus_manifest *m, int n, const struct request *q,
                         struct fus_error *err)
{
    const char **pairs = fus_base_alloc((size_t)n + 1, sizeof *pairs);
    char **names = fus_base_alloc((size_t)n + 1, sizeof *names); /* each once: it may stand in two categories */
    int *entry = fus_base_alloc((size_t)n + 1, sizeof *entry), n_names = 0;
    int code = pairs && names && entry ? FUS_OK : fus_set_fill_no_memory(err);
    for (int i = 0; i < m->n && !code; i++)
        pairs[m->rows[i].entry] = m->rows[i].subcategory;
    for (int k = 0; k < n && !code; k++)
        if (!fus_categories_has(names, n_names, pairs[k]))
            names[n_names++] = (char *)pairs[k];
    if (!code)
        code = make_plan(p, q, names, n_names, err);
    for (int k = 0; k < n && !code; k++) {
        entry[k] = p->n - 1;
        while (entry[k] >= 0 && strcmp(p->entries[entry[k]].subcategory, pairs[k]) != 0)
            entry[k]--;
    }
    for (int i = 0; i < m->n && !code; i++)
        m->rows[i].entry = entry[m->rows[i].entry];
    if (!code)
        fus_manifest_sort(m);
    fus_base_free(pairs);
    fus_base_free(names);
    fus_base_free(entry);
    return code;
}

/* Which rows belong to which entry of the plan: by their own words, or by --categories. */
static int plan_manifest(struct fus_categories *p, struct fus_manifest *m, const struct request *q,
                         struct fus_error *err)
{
    int n, code = fus_manifest_number(m, &n, err);
    if (code)
        return code;
    if (q->categories || q->classes)
        return plan_by_names(p, m, n, q, err);
    p->entries = fus_base_alloc((size_t)n + 1, sizeof *p->entries);
    if (!p->entries)
        return fus_set_fill_no_memory(err);
    p->n = n;
    for (int i = 0; i < m->n; i++)
        p->entries[m->rows[i].entry] = (struct fus_categories_entry){m->rows[i].category, m->rows[i].subcategory};
    return FUS_OK;
}

/* The rows come by entry; those left out first. */
static int fill_manifest(struct fus_set *set, const struct fus_categories *p, struct fus_manifest *m,
                         struct fus_error *err)
{
    int code = fus_set_fill_categories(set, p, err), category = -1, entry = -1;
    if (!code)
        code = fus_set_fill_reserve(set, m->n, err);
    for (int i = 0; i < m->n && !code; i++) {
        struct fus_manifest_row *row = &m->rows[i];
        if (row->entry < 0)
            continue;
        for (; entry < row->entry; entry++)
            if (entry < 0 || strcmp(p->entries[entry].category, p->entries[entry + 1].category) != 0)
                category++;
        fus_set_fill_add(set, row->path, category, entry);
        row->path = NULL;
        set->pictures[set->n_pictures - 1].line = row->line;
        if (row->half >= 0) {
            set->pictures[set->n_pictures - 1].half = row->half;
            set->own_halves = true;
        }
    }
    return code;
}

static int open_manifest(struct fus_set *set, const struct request *q, struct fus_error *err)
{
    const char *path = q->spec;
    struct fus_manifest m = {0};
    struct fus_categories plan = {0};
    int code = fus_manifest_read(&m, path, err);
    if (!code && m.n == 0)
        code = fus_base_fail(err, FUS_EINVAL, "%s: no picture in it; expected lines path<TAB>category", path);
    if (!code && !(set->list = fus_base_strdup(path)))
        code = fus_set_fill_no_memory(err);
    if (!code)
        code = plan_manifest(&plan, &m, q, err);
    if (!code)
        code = fill_manifest(set, &plan, &m, err);
    if (!code && !q->any && !q->classes)
        code = fus_set_check_counts(set, path, err);
    if (!code)
        code = fus_set_fill_describe(set, &plan, "manifest", NULL, 0, err);
    fus_categories_free(&plan);
    fus_manifest_free(&m);
    return code;
}

static bool is_manifest(const char *spec)
{
    struct stat st;
    size_t n = strlen(spec);
    return n > 4 && strcmp(spec + n - 4, ".tsv") == 0 && !(stat(spec, &st) == 0 && S_ISDIR(st.st_mode));
}

bool fus_set_is_file(const char *spec)
{
    struct stat st;
    return !is_manifest(spec) && !is_builtin(spec) && !(stat(spec, &st) == 0 && S_ISDIR(st.st_mode));
}

static int open_builtin(struct fus_set *set, const struct request *asked, struct fus_error *err)
{
    struct request q = *asked;
    struct fus_categories plan = {0};
    struct fus_text from = {0};
    struct fus_builtin b = {0};
    char *names[N_DRAWN];
    int code = fus_builtin_parse(&b, q.spec, err);
    for (int i = 0; i < N_DRAWN; i++)
        names[i] = drawn_names[i];
    set->drawn = true;
    set->seed = b.seed;
    set->side = b.side;
    if (!code && q.categories && b.categories)
        code =
            fus_base_fail(err, FUS_EINVAL, "%s: categories are said here and by --categories; expected once", q.spec);
    q.categories = b.categories ? b.categories : q.categories;
    if (!code)
        code = make_plan(&plan, &q, names, N_DRAWN, err);
    if (!code)
        code = fus_set_fill(set, &plan, NULL, b.per_category, err);
    if (!code)
        code = fus_set_check_counts(set, q.spec, err);
    fus_text_add(&from, "drawn by fusiform with seed %" PRIu64, set->seed);
    if (set->side != FUS_GENERATE_SIDE)
        fus_text_add(&from, " at side %d", set->side);
    if (!code)
        code = fus_set_fill_describe(set, &plan, from.s, NULL, 0, err);
    fus_builtin_free(&b);
    fus_categories_free(&plan);
    return code;
}

static int open_request(struct fus_set *set, const struct request *q, struct fus_error *err)
{
    memset(set, 0, sizeof *set);
    if (!*q->spec)
        return fus_base_fail(err, FUS_EINVAL, "the folder of pictures has an empty name");
    int code = is_builtin(q->spec)    ? open_builtin(set, q, err)
               : is_manifest(q->spec) ? open_manifest(set, q, err)
                                      : open_folder(set, q, err);
    if (code)
        fus_set_close(set);
    return code;
}

int fus_set_list(struct fus_set *set, const char *spec, const char *categories, bool any, struct fus_error *err)
{
    return open_request(set, &(struct request){spec, categories, any, false}, err);
}

int fus_set_open_classes(struct fus_set *set, const char *spec, struct fus_error *err)
{
    return open_request(set, &(struct request){spec, NULL, false, true}, err);
}

int fus_set_open(struct fus_set *set, const char *spec, const char *categories, struct fus_error *err)
{
    return fus_set_list(set, spec, categories, false, err);
}

int fus_set_parse_categories(const char *categories, struct fus_error *err)
{
    struct fus_categories plan = {0};
    enum fus_categories_rule rule;
    if (fus_categories_named(&rule, categories))
        return FUS_OK;
    int code = fus_categories_parse(&plan, categories, err);
    if (!code && (plan.n == 0 || strcmp(plan.entries[0].category, plan.entries[plan.n - 1].category) == 0))
        code = fus_base_fail(err, FUS_EINVAL,
                             "categories: %s; at least two expected, e.g. face=adult,child;body=body,limb",
                             plan.n ? "only one category" : "no category");
    fus_categories_free(&plan);
    return code;
}

void fus_set_close(struct fus_set *set)
{
    for (int i = 0; i < set->n_pictures; i++)
        fus_base_free((char *)set->pictures[i].path);
    for (int i = 0; i < set->n_categories; i++)
        fus_base_free(set->categories[i]);
    for (int i = 0; i < set->n_subcategories; i++)
        fus_base_free(set->subcategories[i]);
    fus_base_free(set->pictures);
    fus_base_free(set->categories);
    fus_base_free(set->subcategories);
    for (int i = 0; i < set->n_skipped; i++)
        fus_base_free(set->skipped[i]);
    fus_base_free(set->skipped);
    fus_base_free(set->left_out);
    fus_base_free(set->list);
    fus_base_free(set->description);
    memset(set, 0, sizeof *set);
}
