/* SPDX-License-Identifier: MIT */
/* Which subcategory belongs to which category: fLoc's folder names, --categories, or each folder
 * its own; see categories.h. */
#include "stimuli/set/categories.h"

#include <string.h>

#include "nn/base/text.h"
#include "stimuli/set/folder.h"

static const struct fus_categories_entry floc[] = {
    {"face", "adult"},     {"face", "child"}, {"body", "body"},  {"body", "limb"},         {"place", "house"},
    {"place", "corridor"}, {"word", "word"},  {"object", "car"}, {"object", "instrument"}, {"scrambled", "scrambled"},
};
#define N_FLOC ((int)(sizeof floc / sizeof *floc))

bool fus_categories_has(char *const *names, int n, const char *name)
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
        if (fus_categories_has(names, n, floc[i].subcategory))
            there[i / 2] = true;
    return there[0] && there[1] && there[2];
}

void fus_categories_free(struct fus_categories *p)
{
    fus_base_free(p->entries);
    fus_base_free(p->text);
}

bool fus_categories_named(enum fus_categories_rule *rule, const char *text)
{
    static const char *const words[] = {"all", "floc", "no-objects"};
    for (int i = 0; i < 3; i++)
        if (strcmp(text, words[i]) == 0) {
            *rule = (enum fus_categories_rule)i;
            return true;
        }
    return false;
}

int fus_categories_default(struct fus_categories *p, char *const *names, int n, enum fus_categories_rule rule,
                           struct fus_error *err)
{
    p->floc = rule != FUS_CATEGORIES_EACH && is_floc(names, n);
    p->entries = fus_base_alloc((size_t)(p->floc ? N_FLOC : n), sizeof *p->entries);
    if (!p->entries)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for the list of categories");
    for (int i = 0; i < (p->floc ? N_FLOC : n); i++) {
        bool object = p->floc && strcmp(floc[i].category, "object") == 0;
        if (p->floc && (!fus_categories_has(names, n, floc[i].subcategory) || (object && rule == FUS_CATEGORIES_FIVE)))
            continue;
        p->entries[p->n++] = p->floc ? floc[i] : (struct fus_categories_entry){names[i], names[i]};
    }
    return FUS_OK;
}

/* The next word up to one of the characters `ends` (or the text's end), spaces at both sides cut
 * off. *end: the character there; *at moves past it. */
char *fus_categories_word(char **at, const char *ends, char *end)
{
    char *word = *at + strspn(*at, " "), *stop = *at + strcspn(*at, ends);
    *end = *stop;
    *at = *stop ? stop + 1 : stop;
    *stop = '\0';
    while (stop > word && stop[-1] == ' ')
        *--stop = '\0';
    return word;
}

static int plan_add(struct fus_categories *p, int first, const char *category, const char *subcategory,
                    struct fus_error *err)
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
    p->entries[p->n++] = (struct fus_categories_entry){category, subcategory};
    return FUS_OK;
}

/* "face=adult,child;body=body,limb" */
int fus_categories_parse(struct fus_categories *p, const char *categories, struct fus_error *err)
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
        char *category = fus_categories_word(&at, "=;,", &end);
        if (!*category && end != '=' && !*at) /* a ; at the end */
            break;
        if (end != '=')
            return fus_base_fail(err, FUS_EINVAL,
                                 "categories: no folders after %s; expected e.g. "
                                 "face=adult,child;body=body,limb",
                                 *category ? category : "a name that is empty");
        do {
            int code = plan_add(p, first, category, fus_categories_word(&at, ",;", &end), err);
            if (code)
                return code;
        } while (end == ',');
    }
    return FUS_OK;
}

int fus_categories_check(const struct fus_categories *p, const char *spec, char *const *names, int n,
                         struct fus_error *err)
{
    for (int i = 0; i < p->n; i++) {
        if (fus_categories_has(names, n, p->entries[i].subcategory))
            continue;
        struct fus_text there = {0};
        for (int k = 0; k < n; k++)
            fus_text_add(&there, "%s%s", k ? ", " : "", names[k]);
        return fus_base_fail(err, FUS_ENOTFOUND,
                             "%s: category %s names the folder %s, which does not exist; there are: %s", spec,
                             p->entries[i].category, p->entries[i].subcategory, there.s);
    }
    return FUS_OK;
}
