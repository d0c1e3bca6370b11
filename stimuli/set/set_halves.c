/* SPDX-License-Identifier: MIT */
/* fLoc's own split (Stigliani, Weiner & Grill-Spector 2015): each category in two subcategories,
 * which never share a run of the scanner. What holds from adults to children, from whole bodies
 * to limbs, holds for the category rather than for its examples. */
#include <string.h>

#include "stimuli/stimuli.h"

static const char *const options[2][5] = {
    {"adult", "body", "house", "word", "car"},
    {"child", "limb", "corridor", "number", "instrument"},
};

/* 0 or 1; -1: in both ("scrambled", whose pictures keep the halves that they
 * have); -2: in neither. */
static int option_of(const char *subcategory)
{
    for (int half = 0; half < 2; half++)
        for (int i = 0; i < 5; i++)
            if (strcmp(options[half][i], subcategory) == 0)
                return half;
    return strcmp(subcategory, "scrambled") == 0 ? -1 : -2;
}

bool fus_set_halves_has_both(const struct fus_set *set, int category)
{
    bool has_half[2] = {false, false};
    for (int i = 0; i < set->n_pictures; i++) {
        int half =
            set->pictures[i].category == category ? option_of(set->subcategories[set->pictures[i].subcategory]) : -1;
        if (half >= 0)
            has_half[half] = true;
    }
    return has_half[0] && has_half[1];
}

int fus_set_halves_by_option(struct fus_set *set, struct fus_error *err)
{
    bool any = false;
    for (int i = 0; i < set->n_pictures; i++) {
        const struct fus_picture *p = &set->pictures[i];
        const char *category = set->categories[p->category], *name = set->subcategories[p->subcategory];
        if (option_of(name) == -2)
            return fus_base_fail(
                err, FUS_EINVAL,
                "%s of category %s is in neither option of fLoc; expected adult, body, house, word, car (option 1), "
                "child, limb, corridor, number, instrument (option 2) or scrambled",
                name, category);
    }
    for (int c = 0; c < set->n_categories; c++) {
        bool both = fus_set_halves_has_both(set, c);
        any = any || both;
        for (int i = 0; i < set->n_pictures && both; i++) {
            struct fus_picture *p = &set->pictures[i];
            int half = p->category == c ? option_of(set->subcategories[p->subcategory]) : -1;
            p->half = half >= 0 ? half : p->half;
        }
    }
    return any ? FUS_OK
               : fus_base_fail(err, FUS_EINVAL,
                               "no category has pictures of both of fLoc's options: one subcategory of each expected, "
                               "such as --categories "
                               "\"face=adult,child;body=body,limb;place=house,corridor;word=word,number;"
                               "scrambled=scrambled\"");
}
