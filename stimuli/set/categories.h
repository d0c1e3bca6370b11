/* Which subcategories (folders, names of a manifest, drawn kinds) make up which category. Private to stimuli/. */
#ifndef FUS_CATEGORIES_H
#define FUS_CATEGORIES_H

#include "nn/base/base.h"

struct fus_categories_entry {
    const char *category, *subcategory;
};

struct fus_categories {
    int n;
    struct fus_categories_entry *entries; /* a category's entries lie side by side */
    char *text;                           /* the mapping's words, cut apart */
    bool floc;
    bool many;                            /* classes to be learned: more than a localizer can have */
};

/* Of the subcategories names [n]: fLoc's categories where its folders are there and each is false, else each name a category of its
 * own. */
int fus_categories_default(struct fus_categories *c, char *const *names, int n, bool each, struct fus_error *err);

/* "face=adult,child;body=body,limb": FUS_EINVAL for what breaks that grammar, FUS_ENOTFOUND from check where a subcategory
 * does not exist. Messages of check start with spec. */
int fus_categories_parse(struct fus_categories *c, const char *text, struct fus_error *err);
int fus_categories_check(const struct fus_categories *c, const char *spec, char *const *names, int n, struct fus_error *err);
void fus_categories_free(struct fus_categories *c);

bool fus_categories_has(char *const *names, int n, const char *name);

/* The next word up to one of the characters `ends` (or the text's end), spaces at both sides cut off. *end: what
 * stood there; *at moves behind it. */
char *fus_categories_word(char **at, const char *ends, char *end);

#endif
