/* SPDX-License-Identifier: MIT */
/* Private to stimuli/: the subcategories (folders, names in a list, drawn kinds)
 * of each category. */
#ifndef FUS_CATEGORIES_H
#define FUS_CATEGORIES_H

#include "nn/base/base.h"

struct fus_categories_entry {
    const char *category, *subcategory;
};

struct fus_categories {
    int n;
    struct fus_categories_entry *entries; /* entries of one category are adjacent */
    char *text;                           /* the mapping's words */
    bool floc;
    bool many; /* classes of a training set, which may be more than a localizer's categories */
};

/* fLoc's categories, or one for each subcategory. OBJECTS: of fLoc, with car and instrument as
 * "object"; FIVE: without them. */
enum fus_categories_rule { FUS_CATEGORIES_EACH, FUS_CATEGORIES_OBJECTS, FUS_CATEGORIES_FIVE };

/* --categories all, floc or no-objects; false: another text. */
bool fus_categories_named(enum fus_categories_rule *rule, const char *text);

/* The categories for the subcategories names [n]: fLoc's if its folders are among them and the rule
 * allows it, otherwise one category for each name. */
int fus_categories_default(struct fus_categories *c, char *const *names, int n, enum fus_categories_rule rule,
                           struct fus_error *err);

/* parse: "face=adult,child;body=body,limb"; FUS_EINVAL for a syntax error. check: FUS_ENOTFOUND
 * if a subcategory does not exist; messages start with spec. */
int fus_categories_parse(struct fus_categories *c, const char *text, struct fus_error *err);
int fus_categories_check(const struct fus_categories *c, const char *spec, char *const *names, int n,
                         struct fus_error *err);
void fus_categories_free(struct fus_categories *c);

bool fus_categories_has(char *const *names, int n, const char *name);

/* The next word, up to one of the characters `ends` or the end of the text, without spaces around
 * it. *end: the character that ended it; *at moves past it. */
char *fus_categories_word(char **at, const char *ends, char *end);

#endif
