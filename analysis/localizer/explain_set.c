/* SPDX-License-Identifier: MIT */
/* The pictures of a finished run, found again: run.json names each with its category and
 * subcategory, but not the folder that they lay in, nor --categories. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "analysis/localizer/explain.h"
#include "analysis/run/run_write.h"
#include "nn/base/number.h"
#include "nn/base/text.h"

static const char drawn[] = "drawn by fusiform with seed ",
                  made[] = "; scrambled = ", boxes[] = " shuffled boxes, seed ";

/* The set's one-line description, in new memory; NULL if there is none. */
static char *description_of(const struct fus_run_read *run)
{
    char *text;
    return fus_run_read_text(&text, run, "stimuli", NULL) ? NULL : text;
}

/* Whether the scrambled category was made of the others by --scrambled auto. */
static bool is_made(const char *description)
{
    const char *at = description ? strstr(description, made) : NULL;
    return at && strstr(at, boxes);
}

/* "face=adult,child;body=body" from the pictures' own words; *map stays NULL if a name cannot stand
 * in such a list. */
static int spell_categories(char **map, const struct fus_run_read *run, bool without_scrambled, struct fus_error *err)
{
    struct fus_text_buffer t = {0};
    const char *category = "", *subcategory = "";
    bool plain = true;
    for (int i = 0; i < run->n_pictures; i++) {
        const struct fus_run_read_picture *p = &run->pictures[i];
        bool same = strcmp(p->category, category) == 0;
        plain = plain && p->subcategory && !strpbrk(p->subcategory, "=,;") && !strpbrk(p->category, "=,;");
        if (!plain || (same && strcmp(p->subcategory, subcategory) == 0))
            continue;
        if (without_scrambled && strcmp(p->category, "scrambled") == 0)
            continue;
        const char *before = same ? "," : t.n ? ";" : "";
        fus_text_append(&t, before, strlen(before));
        if (!same)
            fus_text_append(&t, p->category, strlen(p->category)), fus_text_append(&t, "=", 1);
        fus_text_append(&t, p->subcategory, strlen(p->subcategory));
        category = p->category, subcategory = p->subcategory;
    }
    *map = plain && !t.failed ? t.s : NULL;
    if (*map)
        return FUS_OK;
    bool failed = t.failed;
    fus_text_free(&t);
    return failed ? fus_base_fail(err, FUS_ENOMEM, "no memory for the list of categories") : FUS_OK;
}

/* "builtin?per_category=24&seed=1&side=256" from "drawn by fusiform with seed 1 at side 64, 120
 * pictures: ..." */
static char *spell_builtin(const struct fus_run_read *run, const char *description)
{
    uint64_t seed = 0, side = 0;
    const char *rest = description;
    int n = 0;
    fus_number_whole(&seed, description + sizeof drawn - 1, &rest);
    if (strncmp(rest, " at side ", 9) == 0)
        fus_number_whole(&side, rest + 9, &rest);
    for (int i = 0; i < run->n_pictures; i++)
        n += strcmp(run->pictures[i].category, run->pictures[0].category) == 0;
    char *spec = fus_base_alloc(120, 1);
    if (spec && side)
        snprintf(spec, 120, "builtin?per_category=%d&seed=%" PRIu64 "&side=%" PRIu64, n, seed, side);
    else if (spec)
        snprintf(spec, 120, "builtin?per_category=%d&seed=%" PRIu64, n, seed);
    return spec;
}

/* Whether the set has the run's pictures, by their names; err names the first that differs. */
static int compare_names(const struct fus_run_read *run, const struct fus_set *set, const char *spec, bool made_later,
                         struct fus_error *err)
{
    char name[1024];
    int n = 0;
    while (n < run->n_pictures && !(made_later && strcmp(run->pictures[n].category, "scrambled") == 0))
        n++;
    for (int i = 0; i < set->n_pictures && i < n; i++) {
        const struct fus_run_read_picture *p = &run->pictures[i];
        fus_run_write_picture_name(name, set, i);
        if (strcmp(name, p->name) != 0 || strcmp(set->categories[set->pictures[i].category], p->category) != 0)
            return fus_base_fail(
                err, FUS_EINVAL, "%s: these are not the pictures of %s: its %d. is %s (%s), here it is %s (%s)", spec,
                run->folder, i + 1, p->name, p->category, name, set->categories[set->pictures[i].category]);
    }
    return set->n_pictures == n ? FUS_OK
                                : fus_base_fail(err, FUS_EINVAL, "%s: %d pictures in it; %s was shown %d", spec,
                                                set->n_pictures, run->folder, n);
}

/* With these categories, or without. */
static int try_set(const struct fus_run_options *o, const struct fus_run_read *run, const char *map,
                   struct fus_error *err)
{
    struct fus_set set;
    int code = fus_set_open(&set, o->stimuli, map, err);
    if (code)
        return code;
    if (!o->skip_bad) /* else unreadable pictures are still there */
        code = compare_names(run, &set, o->stimuli, o->scrambled, err);
    fus_set_close(&set);
    return code;
}

int fus_explain_find_set(struct fus_run_options *o, char **spec, char **map, const struct fus_run_read *run,
                         const char *stimuli, struct fus_error *err)
{
    char *description = description_of(run);
    bool builtin = description && strncmp(description, drawn, sizeof drawn - 1) == 0;
    int code = FUS_OK;
    *spec = stimuli ? fus_base_strdup(stimuli) : builtin ? spell_builtin(run, description) : NULL;
    *map = NULL;
    if (!*spec)
        code = stimuli || builtin ? fus_base_fail(err, FUS_ENOMEM, "no memory for the name of the pictures")
                                  : fus_base_fail(err, FUS_EINVAL,
                                                  "%s: its pictures are files (%.200s): --stimuli DIR expected, which "
                                                  "says where they are now",
                                                  run->folder, description ? description : "not described");
    o->stimuli = *spec;
    o->scrambled = is_made(description);
    o->skip_bad = fus_run_read_option(run, "skipped") != NULL;
    if (!code)
        code = spell_categories(map, run, o->scrambled, err);
    if (!code && *map && (code = try_set(o, run, *map, err)) != FUS_OK) {
        struct fus_error other;
        fus_base_free(*map);
        *map = NULL;
        code = try_set(o, run, NULL, &other) ? code : FUS_OK; /* a list's own words; the first error is told */
    }
    o->categories = *map;
    fus_base_free(description);
    return code;
}
