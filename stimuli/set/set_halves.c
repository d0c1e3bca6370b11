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

int fus_set_halves_by_option(struct fus_set *set, struct fus_error *err)
{
    for (int i = 0; i < set->n_pictures; i++) {
        struct fus_picture *p = &set->pictures[i];
        const char *category = set->categories[p->category], *name = set->subcategories[p->subcategory];
        int half = option_of(name);
        if (half == -2)
            return fus_base_fail(
                err, FUS_EINVAL,
                "%s of category %s is in neither option of fLoc; expected adult, body, house, word, car (option 1), "
                "child, limb, corridor, number, instrument (option 2) or scrambled",
                name, category);
        p->half = half >= 0 ? half : p->half;
    }
    for (int c = 0; c < set->n_categories; c++) {
        bool has_half[2] = {false, false};
        for (int i = 0; i < set->n_pictures; i++)
            if (set->pictures[i].category == c)
                has_half[set->pictures[i].half] = true;
        if (!has_half[0] || !has_half[1])
            return fus_base_fail(
                err, FUS_EINVAL,
                "category %s has pictures of fLoc's option %d alone: one subcategory of each option expected, such as "
                "--categories "
                "\"face=adult,child;body=body,limb;place=house,corridor;word=word,number;scrambled=scrambled\"",
                set->categories[c], has_half[1] + 1);
    }
    return FUS_OK;
}
