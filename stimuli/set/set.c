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
#include "stimuli/set/categories.h"
#include "stimuli/set/folder.h"
#include "stimuli/set/left_out.h"
#include "stimuli/set/manifest.h"
#include "stimuli/set/set.h"
#include "stimuli/set/set_fill.h"

#define BUILTIN_PER_CATEGORY 24
#define MAX_PER_CATEGORY 1000000

static char drawn_names[][12] = {"adult", "child",  "body", "limb",       "house",    "corridor",
                                 "word",  "number", "car",  "instrument", "scrambled"};
#define N_DRAWN ((int)(sizeof drawn_names / sizeof *drawn_names))

int fus_set_check_counts(const struct fus_set *set, const char *spec, struct fus_error *err)
{
    int n[FUS_SET_MAX_CATEGORIES] = {0};
    for (int i = 0; i < set->n_pictures; i++)
        n[set->pictures[i].category]++;
    for (int c = 0; c < set->n_categories; c++)
        if (n[c] < 2)
            return fus_base_fail(err, FUS_EINVAL,
                                 "%s: category %s has %d picture%s; at least 2 are needed, because a test "
                                 "compares means by their variance",
                                 spec, set->categories[c], n[c], n[c] == 1 ? "" : "s");
    if (set->n_categories < 2)
        return fus_base_fail(err, FUS_EINVAL, "%s: %s; at least two categories are needed to compare", spec,
                             set->n_categories ? "only one category" : "no category");
    return FUS_OK;
}

/* ---- opening ---- */

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

static int open_folder(struct fus_set *set, const char *dir, const char *categories, bool any, struct fus_error *err)
{
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
        code = categories ? fus_categories_parse(&plan, categories, err)
                          : fus_categories_default(&plan, f.names, f.n, err);
    if (!code && categories)
        code = fus_categories_check(&plan, dir, f.names, f.n, err);
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
    if (!code && !any)
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

/* Which rows belong to which entry of the plan: by their own words, or by --categories. */
static int plan_manifest(struct fus_categories *p, struct fus_manifest *m, const char *spec, const char *categories,
                         struct fus_error *err)
{
    int n, code = fus_manifest_number(m, &n, err);
    if (code)
        return code;
    if (!categories) {
        p->entries = fus_base_alloc((size_t)n + 1, sizeof *p->entries);
        if (!p->entries)
            return fus_set_fill_no_memory(err);
        p->n = n;
        for (int i = 0; i < m->n; i++)
            p->entries[m->rows[i].entry] = (struct fus_categories_entry){m->rows[i].category, m->rows[i].subcategory};
        return FUS_OK;
    }
    /* of subcategories; one may stand in two categories */
    char **names = fus_base_alloc((size_t)n + 1, sizeof *names);
    if (!names)
        return fus_set_fill_no_memory(err);
    for (int i = 0; i < m->n; i++)
        names[m->rows[i].entry] = (char *)m->rows[i].subcategory;
    code = fus_categories_parse(p, categories, err);
    if (!code)
        code = fus_categories_check(p, spec, names, n, err);
    for (int i = 0; i < m->n && !code; i++) {
        m->rows[i].entry = -1;
        for (int k = 0; k < p->n; k++)
            if (strcmp(p->entries[k].subcategory, m->rows[i].subcategory) == 0)
                m->rows[i].entry = k;
    }
    fus_manifest_sort(m);
    fus_base_free(names);
    return code;
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

static int open_manifest(struct fus_set *set, const char *path, const char *categories, bool any, struct fus_error *err)
{
    struct fus_manifest m = {0};
    struct fus_categories plan = {0};
    int code = fus_manifest_read(&m, path, err);
    if (!code && m.n == 0)
        code = fus_base_fail(err, FUS_EINVAL, "%s: no picture in it; expected lines path<TAB>category", path);
    if (!code && !(set->list = fus_base_strdup(path)))
        code = fus_set_fill_no_memory(err);
    if (!code)
        code = plan_manifest(&plan, &m, path, categories, err);
    if (!code)
        code = fill_manifest(set, &plan, &m, err);
    if (!code && !any)
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

static bool is_builtin(const char *spec)
{
    return strcmp(spec, "builtin") == 0 || strncmp(spec, "builtin?", 8) == 0;
}

bool fus_set_is_file(const char *spec)
{
    struct stat st;
    return !is_manifest(spec) && !is_builtin(spec) && !(stat(spec, &st) == 0 && S_ISDIR(st.st_mode));
}

/* Decimal digits and nothing else, at most `most`. */
static bool parse_number(uint64_t *out, const char *s, uint64_t most)
{
    return fus_number_whole(out, s, NULL) && *out <= most;
}

/* What stands behind `builtin`: nothing, or ?key=value&key=value. */
static int parse_builtin(int *per_category, uint64_t *seed, const char *spec, char *options, struct fus_error *err)
{
    bool seen[2] = {false, false};
    char end = '&';
    while (end == '&') {
        char *key = fus_categories_word(&options, "&", &end), *value = strchr(key, '=');
        if (value)
            *value++ = '\0';
        int which = strcmp(key, "per_category") == 0 ? 0 : strcmp(key, "seed") == 0 ? 1 : -1;
        uint64_t n;
        if (which < 0 || !value)
            return fus_base_fail(err, FUS_EINVAL, "%s: '%s' is no option; expected builtin?per_category=N&seed=S", spec,
                                 key);
        if (seen[which])
            return fus_base_fail(err, FUS_EINVAL, "%s: %s stands there twice", spec, key);
        seen[which] = true;
        if (!parse_number(&n, value, which ? UINT64_MAX : MAX_PER_CATEGORY) || (which == 0 && n < 2))
            return fus_base_fail(err, FUS_EINVAL, "%s: %s=%s: expected a whole number from %s", spec, key, value,
                                 which ? "0 to 18446744073709551615" : "2 to 1000000");
        if (which)
            *seed = n;
        else
            *per_category = (int)n;
    }
    return FUS_OK;
}

static int open_builtin(struct fus_set *set, const char *spec, const char *categories, struct fus_error *err)
{
    struct fus_categories plan = {0};
    struct fus_text from = {0};
    char *names[N_DRAWN], *options = NULL;
    int per_category = BUILTIN_PER_CATEGORY, code = FUS_OK;
    for (int i = 0; i < N_DRAWN; i++)
        names[i] = drawn_names[i];
    set->drawn = true;
    set->seed = 1;
    if (spec[strlen("builtin")]) {
        options = fus_base_strdup(spec + strlen("builtin?"));
        code = options ? parse_builtin(&per_category, &set->seed, spec, options, err) : fus_set_fill_no_memory(err);
    }
    if (!code)
        code = categories ? fus_categories_parse(&plan, categories, err)
                          : fus_categories_default(&plan, names, N_DRAWN, err);
    if (!code && categories)
        code = fus_categories_check(&plan, spec, names, N_DRAWN, err);
    if (!code)
        code = fus_set_fill(set, &plan, NULL, per_category, err);
    if (!code)
        code = fus_set_check_counts(set, spec, err);
    fus_text_add(&from, "drawn by fusiform with seed %" PRIu64, set->seed);
    if (!code)
        code = fus_set_fill_describe(set, &plan, from.s, NULL, 0, err);
    fus_base_free(options);
    fus_categories_free(&plan);
    return code;
}

int fus_set_list(struct fus_set *set, const char *spec, const char *categories, bool any, struct fus_error *err)
{
    memset(set, 0, sizeof *set);
    if (!*spec)
        return fus_base_fail(err, FUS_EINVAL, "the folder of pictures has an empty name");
    int code = is_builtin(spec)    ? open_builtin(set, spec, categories, err)
               : is_manifest(spec) ? open_manifest(set, spec, categories, any, err)
                                   : open_folder(set, spec, categories, any, err);
    if (code)
        fus_set_close(set);
    return code;
}

int fus_set_open(struct fus_set *set, const char *spec, const char *categories, struct fus_error *err)
{
    return fus_set_list(set, spec, categories, false, err);
}

int fus_set_parse_categories(const char *categories, struct fus_error *err)
{
    struct fus_categories plan = {0};
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
