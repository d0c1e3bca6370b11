/* Sets of pictures in categories: a folder tree, a manifest, or pictures that the program draws itself.
 *
 * Comes in: a folder with one folder per subcategory (the layout of fLoc: Stigliani, Weiner & Grill-Spector 2015), a
 * text file FILE.tsv, or `builtin`. Goes out: a list of pictures by category, subcategory and natural file order, the same on every machine.
 * First a plan is made, which subcategory belongs to which category; then each subcategory's pictures are listed. */
#define _POSIX_C_SOURCE 200809L
#include "stimuli.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "folder.h"
#include "manifest.h"
#include "nn/number.h"

#define BUILTIN_PER_CATEGORY 24
#define MAX_PER_CATEGORY 1000000
#define LEAST_SIDE 16
#define MOST_SIDE 4096
#define MAX_CATEGORIES 127 /* a unit's label is an int8, -1 for none */

/* ---- the plan ---- */

struct entry {
    const char *category, *subcategory;
};

struct plan {
    int n;
    struct entry *entries; /* a category's entries lie side by side */
    char *text;            /* the mapping's words, cut apart */
    bool floc;
    int max_categories;
};

/* What a set is opened for: as fus_set_open's arguments. */
struct request {
    const char *spec, *categories;
    bool classes; /* every folder is a category, and there may be many */
};

static const struct entry floc[] = {
    {"face", "adult"},  {"face", "child"},     {"body", "body"}, {"body", "limb"},
    {"place", "house"}, {"place", "corridor"}, {"word", "word"}, {"scrambled", "scrambled"},
};
#define N_FLOC ((int)(sizeof floc / sizeof *floc))

static char drawn_names[][12] = {"adult", "child",  "body", "limb",       "house",    "corridor",
                                 "word",  "number", "car",  "instrument", "scrambled"};
#define N_DRAWN ((int)(sizeof drawn_names / sizeof *drawn_names))

/* Text of bounded length for messages and the description; what does not fit becomes "...". */
struct text {
    size_t n;
    char s[1000];
};

static void add_text(struct text *t, const char *fmt, ...) FUS_PRINTF(2, 3);
static void add_text(struct text *t, const char *fmt, ...)
{
    va_list ap;
    if (t->n >= sizeof t->s - 4)
        return;
    va_start(ap, fmt);
    int n = vsnprintf(t->s + t->n, sizeof t->s - t->n, fmt, ap);
    va_end(ap);
    t->n += n > 0 ? (size_t)n : 0;
    if (t->n >= sizeof t->s - 4) {
        t->n = sizeof t->s - 4;
        strcpy(t->s + t->n, "...");
    }
}

static bool has_name(char *const *names, int n, const char *name)
{
    for (int i = 0; i < n; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

/* fLoc, or a part of it: a face, a body and a place folder are there. */
static bool is_floc(char *const *names, int n)
{
    bool there[3] = {false, false, false};
    for (int i = 0; i < 6; i++)
        if (has_name(names, n, floc[i].subcategory))
            there[i / 2] = true;
    return there[0] && there[1] && there[2];
}

static void free_plan(struct plan *p)
{
    fus_base_free(p->entries);
    fus_base_free(p->text);
}

/* each: every folder is a category of its own, fLoc's too. */
static int plan_default(struct plan *p, char *const *names, int n, bool each, struct fus_error *err)
{
    p->floc = !each && is_floc(names, n);
    p->entries = fus_base_alloc((size_t)(p->floc ? N_FLOC : n), sizeof *p->entries);
    if (!p->entries)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for the list of categories");
    for (int i = 0; i < (p->floc ? N_FLOC : n); i++) {
        if (p->floc && !has_name(names, n, floc[i].subcategory))
            continue;
        p->entries[p->n++] = p->floc ? floc[i] : (struct entry){names[i], names[i]};
    }
    return FUS_OK;
}

/* The next word up to one of the characters `ends` (or the text's end), spaces at both sides cut off. *end: what
 * stood there; *at moves behind it. */
static char *next_word(char **at, const char *ends, char *end)
{
    char *word = *at + strspn(*at, " "), *stop = *at + strcspn(*at, ends);
    *end = *stop;
    *at = *stop ? stop + 1 : stop;
    *stop = '\0';
    while (stop > word && stop[-1] == ' ')
        *--stop = '\0';
    return word;
}

static int plan_add(struct plan *p, int first, const char *category, const char *subcategory, struct fus_error *err)
{
    if (!*category || !*subcategory)
        return fus_base_fail(err, FUS_EINVAL,
                             "categories: an empty name; expected e.g. face=adult,child;body=body,limb");
    for (int i = 0; i < p->n; i++) {
        if (i < first && strcmp(p->entries[i].category, category) == 0)
            return fus_base_fail(err, FUS_EINVAL, "categories: %s stands there twice", category);
        if (strcmp(p->entries[i].subcategory, subcategory) == 0)
            return fus_base_fail(err, FUS_EINVAL,
                                 "categories: the folder %s stands in %s and again in %s; a picture belongs "
                                 "to one category",
                                 subcategory, p->entries[i].category, category);
    }
    p->entries[p->n++] = (struct entry){category, subcategory};
    return FUS_OK;
}

/* "face=adult,child;body=body,limb" */
static int plan_parse(struct plan *p, const char *categories, struct fus_error *err)
{
    size_t most = 1;
    for (const char *s = categories; *s; s++)
        most += *s == ',' || *s == ';';
    p->text = fus_base_strdup(categories);
    p->entries = fus_base_alloc(most, sizeof *p->entries);
    if (!p->text || !p->entries || most > FUS_FOLDER_MAX_NAMES)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for the list of categories");
    char *at = p->text;
    while (*at) {
        char end;
        int first = p->n;
        char *category = next_word(&at, "=;,", &end);
        if (!*category && end != '=' && !*at) /* a ; at the end */
            break;
        if (end != '=')
            return fus_base_fail(err, FUS_EINVAL,
                                 "categories: no folders after %s; expected e.g. "
                                 "face=adult,child;body=body,limb",
                                 *category ? category : "a name that is empty");
        do {
            int code = plan_add(p, first, category, next_word(&at, ",;", &end), err);
            if (code)
                return code;
        } while (end == ',');
    }
    return FUS_OK;
}

static bool each_folder(const struct request *q)
{
    return q->categories ? strcmp(q->categories, "all") == 0 : q->classes;
}

static int plan_check(const struct plan *p, const char *spec, char *const *names, int n, struct fus_error *err)
{
    for (int i = 0; i < p->n; i++) {
        if (has_name(names, n, p->entries[i].subcategory))
            continue;
        struct text there = {0};
        for (int k = 0; k < n; k++)
            add_text(&there, "%s%s", k ? ", " : "", names[k]);
        return fus_base_fail(err, FUS_ENOTFOUND,
                             "%s: category %s names the folder %s, which does not exist; there are: %s", spec,
                             p->entries[i].category, p->entries[i].subcategory, there.s);
    }
    return FUS_OK;
}

/* By --categories, or as it is usual. */
static int make_plan(struct plan *p, const struct request *q, char *const *names, int n, struct fus_error *err)
{
    p->max_categories = q->classes ? FUS_SET_MAX_CLASSES : MAX_CATEGORIES;
    if (!q->categories || each_folder(q))
        return plan_default(p, names, n, each_folder(q), err);
    int code = plan_parse(p, q->categories, err);
    return code ? code : plan_check(p, q->spec, names, n, err);
}

/* ---- filling the set ---- */

static int no_memory(struct fus_error *err)
{
    return fus_base_fail(err, FUS_ENOMEM, "no memory for the list of pictures");
}

/* The plan's categories and subcategories into the set, which has no pictures yet. */
static int name_categories(struct fus_set *set, const struct plan *p, struct fus_error *err)
{
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
        if (set->n_categories == p->max_categories)
            return fus_base_fail(err, FUS_ELIMIT, "more than %d categories (%s is one too many)", p->max_categories,
                                 p->entries[i].category);
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
    p->index = last && last->subcategory == subcategory ? last->index + 1 : 0;
    p->half = last && last->category == category ? 1 - last->half : 0;
    set->n_pictures++;
}

static int add_folder(struct fus_set *set, const char *dir, int category, int subcategory, struct fus_error *err)
{
    struct fus_folder f = {0};
    char *path = NULL;
    int code = fus_folder_join(&path, dir, set->subcategories[subcategory], err);
    if (!code)
        code = fus_folder_list(&f, path, FUS_FOLDER_PICTURES, err);
    if (!code && f.n == 0)
        code = fus_base_fail(err, FUS_EINVAL, "%s: no picture in it%s; read are files ending in %s", path,
                             f.n_others ? ", only other files or folders" : "", FUS_FOLDER_ENDINGS);
    if (!code)
        code = make_room(set, f.n, err);
    for (int i = 0; i < f.n && !code; i++) {
        char *file;
        code = fus_folder_join(&file, path, f.names[i], err);
        if (!code)
            add_picture(set, file, category, subcategory);
    }
    fus_folder_free(&f);
    fus_base_free(path);
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

/* per_category 0: the folders of dir; else that many drawn pictures, split evenly over a category's subcategories. */
static int fill(struct fus_set *set, const struct plan *p, const char *dir, int per_category, struct fus_error *err)
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
            code = add_folder(set, dir, category, i, err);
    }
    return code;
}

static int check_counts(const struct fus_set *set, const char *spec, struct fus_error *err)
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
static int describe(struct fus_set *set, const struct plan *p, const char *from, char *const *names, int n,
                    struct fus_error *err)
{
    struct text t = {0};
    add_text(&t, "%.300s, %d pictures: ", from, set->n_pictures);
    for (int i = 0; i < p->n; i++) {
        if (i > 0 && strcmp(p->entries[i].category, p->entries[i - 1].category) == 0)
            add_text(&t, " + %s", p->entries[i].subcategory);
        else
            add_text(&t, "%s%s = %s", i ? "; " : "", p->entries[i].category, p->entries[i].subcategory);
    }
    for (int i = 0, left_out = 0; i < n; i++) {
        bool used = has_name(set->subcategories, set->n_subcategories, names[i]);
        if (!used && left_out++ == 0)
            add_text(&t, " (left out: %s", names[i]);
        else if (!used)
            add_text(&t, ", %s", names[i]);
        if (i == n - 1 && left_out)
            add_text(&t, ")");
    }
    set->description = fus_base_strdup(t.s);
    return set->description ? FUS_OK : no_memory(err);
}

/* ---- opening ---- */

static int open_folder(struct fus_set *set, const struct request *q, struct fus_error *err)
{
    const char *dir = q->spec;
    struct fus_folder f = {0};
    struct plan plan = {0};
    struct text from = {0};
    int code = fus_folder_list(&f, dir, FUS_FOLDER_FOLDERS, err);
    if (code)
        return code;
    if (f.n == 0)
        code = fus_base_fail(err, FUS_EINVAL,
                             "%s: %s; expected one folder of pictures for each category, such as %s/face "
                             "and %s/house",
                             dir, f.n_pictures ? "its pictures lie loose in it" : "no folder in it", dir, dir);
    if (!code)
        code = make_plan(&plan, q, f.names, f.n, err);
    if (!code)
        code = fill(set, &plan, dir, 0, err);
    if (!code)
        code = check_counts(set, dir, err);
    add_text(&from, "%s", plan.floc ? "fLoc folders" : "folders"); /* not where they lie: results do not depend on it */
    if (!code)
        code = describe(set, &plan, from.s, f.names, f.n, err);
    free_plan(&plan);
    fus_folder_free(&f);
    return code;
}

/* The rows' numbers of n pairs (category, subcategory) become entries of a plan that goes by the subcategories alone. */
static int plan_by_names(struct plan *p, struct fus_manifest *m, int n, const struct request *q, struct fus_error *err)
{
    const char **pairs = fus_base_alloc((size_t)n + 1, sizeof *pairs);
    char **names = fus_base_alloc((size_t)n + 1, sizeof *names); /* each once: it may stand in two categories */
    int *entry = fus_base_alloc((size_t)n + 1, sizeof *entry), n_names = 0;
    int code = pairs && names && entry ? FUS_OK : no_memory(err);
    for (int i = 0; i < m->n && !code; i++)
        pairs[m->rows[i].entry] = m->rows[i].subcategory;
    for (int k = 0; k < n && !code; k++)
        if (!has_name(names, n_names, pairs[k]))
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
static int plan_manifest(struct plan *p, struct fus_manifest *m, const struct request *q, struct fus_error *err)
{
    int n, code = fus_manifest_number(m, &n, err);
    if (code)
        return code;
    if (!q->categories && !q->classes) {
        p->max_categories = MAX_CATEGORIES;
        p->entries = fus_base_alloc((size_t)n + 1, sizeof *p->entries);
        if (!p->entries)
            return no_memory(err);
        p->n = n;
        for (int i = 0; i < m->n; i++)
            p->entries[m->rows[i].entry] = (struct entry){m->rows[i].category, m->rows[i].subcategory};
        return FUS_OK;
    }
    return plan_by_names(p, m, n, q, err);
}

/* The rows come by entry; those left out first. */
static int fill_manifest(struct fus_set *set, const struct plan *p, struct fus_manifest *m, struct fus_error *err)
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
        if (row->half >= 0)
            set->pictures[set->n_pictures - 1].half = row->half;
    }
    return code;
}

static int open_manifest(struct fus_set *set, const struct request *q, struct fus_error *err)
{
    const char *path = q->spec;
    struct fus_manifest m = {0};
    struct plan plan = {0};
    int code = fus_manifest_read(&m, path, err);
    if (!code && m.n == 0)
        code = fus_base_fail(err, FUS_EINVAL, "%s: no picture in it; expected lines path<TAB>category", path);
    if (!code)
        code = plan_manifest(&plan, &m, q, err);
    if (!code)
        code = fill_manifest(set, &plan, &m, err);
    if (!code)
        code = check_counts(set, path, err);
    if (!code)
        code = describe(set, &plan, "manifest", NULL, 0, err);
    free_plan(&plan);
    fus_manifest_free(&m);
    return code;
}

static bool is_manifest(const char *spec)
{
    struct stat st;
    size_t n = strlen(spec);
    return n > 4 && strcmp(spec + n - 4, ".tsv") == 0 && !(stat(spec, &st) == 0 && S_ISDIR(st.st_mode));
}

/* "adult,car" -> "adult=adult;car=car": a list of folders without any category. *out in new memory. */
static int spell_out(char **out, const char *list, struct fus_error *err)
{
    size_t n = 2 * strlen(list) + 2;
    for (const char *s = list; *s; s++)
        n += 2 * (*s == ',');
    char *made = fus_base_alloc(n, 1), *to = made;
    if (!made)
        return no_memory(err);
    for (const char *s = list;; s++) {
        size_t length = strcspn(s, ",");
        to += sprintf(to, "%s%.*s=%.*s", to > made ? ";" : "", (int)length, s, (int)length, s);
        s += length;
        if (!*s)
            break;
    }
    *out = made;
    return FUS_OK;
}

enum { PER_CATEGORY, SEED, SIDE, CATEGORIES, N_KEYS };

struct builtin {
    uint64_t number[CATEGORIES];
    char *categories; /* a part of the spec; NULL: not said */
};

static int fail_key(struct fus_error *err, const char *spec, const char *key)
{
    return fus_base_fail(err, FUS_EINVAL,
                         "%s: '%s' is no option; expected builtin?per_category=N&seed=S&side=S&categories=MAP", spec, key);
}

/* What stands behind `builtin`: nothing, or ?key=value&key=value. */
static int parse_builtin(struct builtin *b, const char *spec, char *options, struct fus_error *err)
{
    static const struct {
        const char *key;
        uint64_t least, most;
    } keys[] = {{"per_category", 2, MAX_PER_CATEGORY}, {"seed", 0, UINT64_MAX}, {"side", LEAST_SIDE, MOST_SIDE}, {"categories", 0, 0}};
    bool seen[N_KEYS] = {false};
    char end = '&';
    while (end == '&') {
        char *key = next_word(&options, "&", &end), *value = strchr(key, '=');
        int k = 0;
        if (value)
            *value++ = '\0';
        while (k < N_KEYS && strcmp(key, keys[k].key) != 0)
            k++;
        if (k == N_KEYS || !value)
            return fail_key(err, spec, key);
        if (seen[k])
            return fus_base_fail(err, FUS_EINVAL, "%s: %s stands there twice", spec, key);
        seen[k] = true;
        if (k == CATEGORIES)
            b->categories = value;
        else if (!fus_number_whole(&b->number[k], value, NULL) || b->number[k] < keys[k].least || b->number[k] > keys[k].most)
            return fus_base_fail(err, FUS_EINVAL, "%s: %s=%s: expected a whole number from %" PRIu64 " to %" PRIu64, spec, key, value,
                                 keys[k].least, keys[k].most);
    }
    return FUS_OK;
}

/* The categories of a builtin set: of the call or of the spec. *text: new memory, or NULL. */
static int builtin_categories(struct request *q, char **text, const struct builtin *b, struct fus_error *err)
{
    if (q->categories && b->categories)
        return fus_base_fail(err, FUS_EINVAL, "%s: categories are said here and by --categories; expected once", q->spec);
    if (!b->categories)
        return FUS_OK;
    bool list = !strchr(b->categories, '=') && strcmp(b->categories, "all") != 0;
    int code = list ? spell_out(text, b->categories, err) : FUS_OK;
    q->categories = list ? *text : b->categories;
    return code;
}

static int open_builtin(struct fus_set *set, const struct request *asked, struct fus_error *err)
{
    struct request q = *asked;
    struct plan plan = {0};
    struct text from = {0};
    struct builtin b = {{BUILTIN_PER_CATEGORY, 1, FUS_GENERATE_SIDE}, NULL};
    char *names[N_DRAWN], *options = NULL, *text = NULL;
    int code = FUS_OK;
    for (int i = 0; i < N_DRAWN; i++)
        names[i] = drawn_names[i];
    if (q.spec[strlen("builtin")]) {
        options = fus_base_strdup(q.spec + strlen("builtin?"));
        code = options ? parse_builtin(&b, q.spec, options, err) : no_memory(err);
    }
    set->drawn = true;
    set->seed = b.number[SEED];
    set->side = (int)b.number[SIDE];
    if (!code)
        code = builtin_categories(&q, &text, &b, err);
    if (!code)
        code = make_plan(&plan, &q, names, N_DRAWN, err);
    if (!code)
        code = fill(set, &plan, NULL, (int)b.number[PER_CATEGORY], err);
    if (!code)
        code = check_counts(set, q.spec, err);
    add_text(&from, "drawn by fusiform with seed %" PRIu64, set->seed);
    if (set->side != FUS_GENERATE_SIDE)
        add_text(&from, " at side %d", set->side);
    if (!code)
        code = describe(set, &plan, from.s, NULL, 0, err);
    fus_base_free(options);
    fus_base_free(text);
    free_plan(&plan);
    return code;
}

static int open_request(struct fus_set *set, const struct request *q, struct fus_error *err)
{
    bool builtin = strcmp(q->spec, "builtin") == 0 || strncmp(q->spec, "builtin?", 8) == 0;
    memset(set, 0, sizeof *set);
    if (!*q->spec)
        return fus_base_fail(err, FUS_EINVAL, "the folder of pictures has an empty name");
    int code = builtin                ? open_builtin(set, q, err)
               : is_manifest(q->spec) ? open_manifest(set, q, err)
                                      : open_folder(set, q, err);
    if (code)
        fus_set_close(set);
    return code;
}

int fus_set_open(struct fus_set *set, const char *spec, const char *categories, struct fus_error *err)
{
    return open_request(set, &(struct request){spec, categories, false}, err);
}

int fus_set_open_classes(struct fus_set *set, const char *spec, struct fus_error *err)
{
    return open_request(set, &(struct request){spec, NULL, true}, err);
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
