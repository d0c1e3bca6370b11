/* Sets of pictures in categories: a folder tree, a manifest, or pictures that the program draws itself.
 *
 * Comes in: a folder with one folder per subcategory (the layout of fLoc: Stigliani, Weiner & Grill-Spector 2015), a
 * text file FILE.tsv, or `builtin`. Goes out: a list of pictures by category, subcategory and natural file order, the same on every machine.
 * First a plan is made, which subcategory belongs to which category; then each subcategory's pictures are listed. */
#define _POSIX_C_SOURCE 200809L
#include "stimuli/stimuli.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "stimuli/set/builtin.h"
#include "stimuli/set/categories.h"
#include "stimuli/set/folder.h"
#include "stimuli/set/left_out.h"
#include "stimuli/set/manifest.h"
#include "nn/base/text.h"
#include "stimuli/set/set.h"

#define MAX_CATEGORIES 127 /* a unit's label is an int8, -1 for none */

static char drawn_names[][12] = {"adult", "child",  "body", "limb",       "house",    "corridor",
                                 "word",  "number", "car",  "instrument", "scrambled"};
#define N_DRAWN ((int)(sizeof drawn_names / sizeof *drawn_names))

/* What a set is opened for: as fus_set_open's arguments. any: pictures need not make a localizer; classes: every folder is a
 * category, and there may be many. */
struct request {
    const char *spec, *categories;
    bool any, classes;
};

/* ---- filling the set ---- */

/* Where pictures come from, and what was left out there. any: they need not make a localizer. */
struct filling {
    const char *dir;
    bool any;
    struct fus_left_out left;
};

static int no_memory(struct fus_error *err)
{
    return fus_base_fail(err, FUS_ENOMEM, "no memory for the list of pictures");
}

/* The plan's categories and subcategories into the set, which has no pictures yet. */
static int name_categories(struct fus_set *set, const struct fus_categories *p, struct fus_error *err)
{
    int most = p->many ? FUS_SET_MAX_CLASSES : MAX_CATEGORIES;
    set->categories = fus_base_alloc((size_t)p->n, sizeof *set->categories);
    set->subcategories = fus_base_alloc((size_t)p->n, sizeof *set->subcategories);
    if (!set->categories || !set->subcategories)
        return no_memory(err);
    for (int i = 0; i < p->n; i++) {
        set->subcategories[i] = fus_base_strdup(p->entries[i].subcategory);
        if (!set->subcategories[i])
            return no_memory(err);
        set->n_subcategories++;
        if (i > 0 && strcmp(p->entries[i].category, p->entries[i - 1].category) == 0)
            continue;
        if (set->n_categories == most)
            return fus_base_fail(err, FUS_ELIMIT, "more than %d categories (%s is one too many)", most, p->entries[i].category);
        set->categories[set->n_categories] = fus_base_strdup(p->entries[i].category);
        if (!set->categories[set->n_categories])
            return no_memory(err);
        set->n_categories++;
    }
    return FUS_OK;
}

/* Room for n more pictures. */
static int make_room(struct fus_set *set, int n, struct fus_error *err)
{
    if (n > FUS_FOLDER_MAX_NAMES - set->n_pictures)
        return fus_base_fail(err, FUS_ELIMIT, "more than %d pictures", FUS_FOLDER_MAX_NAMES);
    struct fus_picture *more = fus_base_resize(set->pictures, (size_t)(set->n_pictures + n), sizeof *more);
    if (!more)
        return no_memory(err);
    set->pictures = more;
    return FUS_OK;
}

/* Takes path over. Halves alternate through the whole category, so also within each of its subcategories, and a
 * category of two single pictures still has one in each half. */
static void add_picture(struct fus_set *set, char *path, int category, int subcategory)
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
static int add_folder(struct fus_set *set, struct filling *f, const char *name, int category, int subcategory, struct fus_error *err)
{
    struct fus_folder found = {0};
    struct fus_left_out here = {0};
    char *path = NULL, *left = NULL;
    int code = name ? fus_folder_join(&path, f->dir, name, err) : FUS_OK;
    const char *dir = name ? path : f->dir;
    if (!code)
        code = fus_folder_list(&found, dir, FUS_FOLDER_PICTURES, err);
    if (!code && name)
        fus_left_out_add(&f->left, &found, name);
    if (!code && found.n == 0 && !f->any) {
        fus_left_out_add(&here, &found, "");
        left = fus_left_out_text(&here);
        code = fus_base_fail(err, FUS_EINVAL, "%s: no picture in it%s%s; read are files ending in %s", dir, left ? "; " : "", left ? left : "",
                             FUS_FOLDER_ENDINGS);
    }
    if (!code)
        code = make_room(set, found.n, err);
    for (int i = 0; i < found.n && !code; i++) {
        char *file;
        code = fus_folder_join(&file, dir, found.names[i], err);
        if (!code)
            add_picture(set, file, category, subcategory);
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
    int code = make_room(set, n, err);
    for (int i = 0; i < n && !code; i++) {
        char *path = fus_base_alloc(size, 1);
        if (!path)
            return no_memory(err);
        snprintf(path, size, "builtin/%s/%s-%03d", c, s, i + 1);
        add_picture(set, path, category, subcategory);
    }
    return code;
}

/* per_category 0: the folders of f->dir; else that many drawn pictures, split evenly over a category's subcategories. */
static int fill(struct fus_set *set, const struct fus_categories *p, struct filling *f, int per_category, struct fus_error *err)
{
    int code = name_categories(set, p, err), category = -1, begin = 0, n_parts = 0;
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
            code = add_folder(set, f, set->subcategories[i], category, i, err);
    }
    return code;
}

int fus_set_check_counts(const struct fus_set *set, const char *spec, struct fus_error *err)
{
    int *n = fus_base_alloc((size_t)set->n_categories + 1, sizeof *n), few = 0;
    if (!n)
        return no_memory(err);
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

/* "fLoc folders, 192 pictures: face = adult + child; body = ..." */
static int describe(struct fus_set *set, const struct fus_categories *p, const char *from, char *const *names, int n,
                    struct fus_error *err)
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
    return set->description ? FUS_OK : no_memory(err);
}

/* ---- opening ---- */

/* By --categories, or as it is usual. */
static int make_plan(struct fus_categories *p, const struct request *q, char *const *names, int n, struct fus_error *err)
{
    bool each = q->categories ? strcmp(q->categories, "all") == 0 : q->classes;
    p->many = q->classes;
    if (!q->categories || each)
        return fus_categories_default(p, names, n, each, err);
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
static int open_loose(struct fus_set *set, struct filling *f, struct fus_error *err)
{
    char *name = name_of_folder(f->dir);
    struct fus_categories_entry entry = {name, name};
    const struct fus_categories plan = {.n = 1, .entries = &entry};
    int code = name ? name_categories(set, &plan, err) : no_memory(err);
    if (!code)
        code = add_folder(set, f, NULL, 0, 0, err);
    fus_base_free(name);
    return code;
}

static int open_folder(struct fus_set *set, const struct request *q, struct fus_error *err)
{
    const char *dir = q->spec;
    bool any = q->any;
    struct fus_folder f = {0};
    struct fus_categories plan = {0};
    struct filling filling = {.dir = dir, .any = any};
    int code = fus_folder_list(&f, dir, FUS_FOLDER_FOLDERS, err);
    if (code)
        return code;
    fus_left_out_add(&filling.left, &f, "");
    if (f.n == 0 && !any)
        code = fus_base_fail(err, FUS_EINVAL,
                             "%s: %s; expected one folder of pictures for each category, such as %s/face "
                             "and %s/house",
                             dir, f.n_pictures ? "its pictures lie loose in it" : "no folder in it", dir, dir);
    if (!code)
        code = make_plan(&plan, q, f.names, f.n, err);
    if (!code)
        code = fill(set, &plan, &filling, 0, err);
    for (int i = 0; i < f.n && !code && any; i++)
        if (!fus_categories_has(set->subcategories, set->n_subcategories, f.names[i]))
            fus_left_out_name(&filling.left, FUS_LEFT_UNUSED, "", f.names[i]);
    if (!code && any && set->n_pictures == 0) { /* no folders of pictures: those in it */
        fus_set_close(set);
        filling = (struct filling){.dir = dir};
        code = open_loose(set, &filling, err);
    }
    if (!code && !any && !q->classes)
        code = fus_set_check_counts(set, dir, err);
    if (!code)
        code = describe(set, &plan, plan.floc ? "fLoc folders" : "folders", f.names, f.n, err); /* not where they lie */
    if (!code)
        set->left_out = fus_left_out_text(&filling.left);
    fus_categories_free(&plan);
    fus_folder_free(&f);
    return code;
}

/* The rows' numbers of n pairs (category, subcategory) become entries of a plan that goes by the subcategories alone. */
static int plan_by_names(struct fus_categories *p, struct fus_manifest *m, int n, const struct request *q, struct fus_error *err)
{
    const char **pairs = fus_base_alloc((size_t)n + 1, sizeof *pairs);
    char **names = fus_base_alloc((size_t)n + 1, sizeof *names); /* each once: it may stand in two categories */
    int *entry = fus_base_alloc((size_t)n + 1, sizeof *entry), n_names = 0;
    int code = pairs && names && entry ? FUS_OK : no_memory(err);
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
static int plan_manifest(struct fus_categories *p, struct fus_manifest *m, const struct request *q, struct fus_error *err)
{
    int n, code = fus_manifest_number(m, &n, err);
    if (code)
        return code;
    if (q->categories || q->classes)
        return plan_by_names(p, m, n, q, err);
    p->entries = fus_base_alloc((size_t)n + 1, sizeof *p->entries);
    if (!p->entries)
        return no_memory(err);
    p->n = n;
    for (int i = 0; i < m->n; i++)
        p->entries[m->rows[i].entry] = (struct fus_categories_entry){m->rows[i].category, m->rows[i].subcategory};
    return FUS_OK;
}

/* The rows come by entry; those left out first. */
static int fill_manifest(struct fus_set *set, const struct fus_categories *p, struct fus_manifest *m, struct fus_error *err)
{
    int code = name_categories(set, p, err), category = -1, entry = -1;
    if (!code)
        code = make_room(set, m->n, err);
    for (int i = 0; i < m->n && !code; i++) {
        struct fus_manifest_row *row = &m->rows[i];
        if (row->entry < 0)
            continue;
        for (; entry < row->entry; entry++)
            if (entry < 0 || strcmp(p->entries[entry].category, p->entries[entry + 1].category) != 0)
                category++;
        add_picture(set, row->path, category, entry);
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
        code = no_memory(err);
    if (!code)
        code = plan_manifest(&plan, &m, q, err);
    if (!code)
        code = fill_manifest(set, &plan, &m, err);
    if (!code && !q->any && !q->classes)
        code = fus_set_check_counts(set, path, err);
    if (!code)
        code = describe(set, &plan, "manifest", NULL, 0, err);
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
        code = fus_base_fail(err, FUS_EINVAL, "%s: categories are said here and by --categories; expected once", q.spec);
    q.categories = b.categories ? b.categories : q.categories;
    if (!code)
        code = make_plan(&plan, &q, names, N_DRAWN, err);
    if (!code)
        code = fill(set, &plan, NULL, b.per_category, err);
    if (!code)
        code = fus_set_check_counts(set, q.spec, err);
    fus_text_add(&from, "drawn by fusiform with seed %" PRIu64, set->seed);
    if (set->side != FUS_GENERATE_SIDE)
        fus_text_add(&from, " at side %d", set->side);
    if (!code)
        code = describe(set, &plan, from.s, NULL, 0, err);
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
    if (strcmp(categories, "all") == 0)
        return FUS_OK;
    int code = fus_categories_parse(&plan, categories, err);
    if (!code && (plan.n == 0 || strcmp(plan.entries[0].category, plan.entries[plan.n - 1].category) == 0))
        code = fus_base_fail(err, FUS_EINVAL, "categories: %s; at least two expected, e.g. face=adult,child;body=body,limb",
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

/* ---- pictures ---- */

int fus_set_picture(struct fus_image *image, const struct fus_set *set, int i, struct fus_error *err)
{
    if (i < 0 || i >= set->n_pictures)
        return fus_base_fail(err, FUS_EINVAL, "picture %d of a set of %d", i, set->n_pictures);
    const struct fus_picture *p = set->pictures + i;
    if (p->source >= 0)
        return fus_set_scramble(image, set, i, err);
    if (!set->drawn)
        return fus_image_read(image, p->path, err);
    int code = fus_generate_reduced(image, set->subcategories[p->subcategory], p->index, set->seed, set->side, err);
    if (code)
        fus_base_blame(err, "%s: ", p->path);
    return code;
}
