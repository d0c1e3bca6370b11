/* SPDX-License-Identifier: MIT */
/* A run as it was, from its provenance: see provenance.h. Every field is checked, since the file
 * may be damaged. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/localizer/state/provenance.h"

/* ---- the run ---- */

static int count(const struct fus_provenance *p, const char *what, int n_fields)
{
    int n = 0;
    for (int i = 0; i < p->n; i++)
        n += fus_provenance_is(&p->lines[i], what, n_fields);
    return n;
}

static bool copy_text(char **to, const char *text)
{
    return (*to = fus_base_strdup(text)) != NULL;
}

static bool restore_model(struct fus_localizer *run, const struct fus_provenance_line *l, int n_layers)
{
    struct fus_model_summary *m = &run->summary.models[run->summary.n_models++];
    struct fus_run_model *r = &run->models[run->n_models++];
    snprintf(r->name, sizeof r->name, "%s", l->field[1]);
    snprintf(m->sha256, sizeof m->sha256, "%s", l->field[3]);
    r->taps = fus_base_alloc((size_t)n_layers + 1, sizeof *r->taps);
    m->layers = fus_base_alloc((size_t)n_layers + 1, sizeof *m->layers);
    return r->taps && m->layers && copy_text(&m->name, l->field[1]) && copy_text(&m->source, l->field[2]) &&
           copy_text(&m->architecture, l->field[4]) && copy_text(&m->preprocess, l->field[5]);
}

static bool restore_layer(struct fus_localizer *run, const struct fus_provenance_line *l)
{
    if (!run->n_models)
        return false;
    struct fus_run_model *r = &run->models[run->n_models - 1];
    struct fus_tap *tap = &r->taps[r->n_layers++];
    snprintf(tap->name, sizeof tap->name, "%s", l->field[1]);
    tap->depth = strtod(l->field[6], NULL);
    tap->is_signed = l->n > 7;
    return strlen(l->field[1]) < sizeof tap->name && !strchr(l->field[1], '/') &&
           fus_provenance_number(&tap->channels, l->field[2], 1, 1 << 20) &&
           fus_provenance_number(&tap->height, l->field[3], 1, 1 << 14) &&
           fus_provenance_number(&tap->width, l->field[4], 1, 1 << 14) &&
           fus_provenance_number(&tap->order, l->field[5], 0, 1 << 20) && tap->depth >= 0 && tap->depth <= 1;
}

static bool restore_picture(struct fus_localizer *run, const struct fus_provenance_line *l)
{
    struct fus_set *set = &run->pictures.set;
    struct fus_picture *p = &set->pictures[set->n_pictures], *last = set->n_pictures ? p - 1 : NULL;
    int numbers[5];
    const int most[] = {set->n_categories - 1, set->n_subcategories - 1, INT32_MAX - 1, 1, INT32_MAX - 1};
    for (int i = 0; i < 5; i++)
        if (!fus_provenance_number(&numbers[i], l->field[2 + i], i == 4 ? -1 : 0, most[i]))
            return false;
    if (numbers[0] < (last ? last->category : 0) || !(p->path = fus_base_strdup(l->field[1])))
        return false;
    set->n_pictures++;
    p->category = numbers[0], p->subcategory = numbers[1], p->index = numbers[2], p->half = numbers[3],
    p->source = numbers[4];
    return true;
}

static bool restore_set(struct fus_set *set, const struct fus_provenance_line *l)
{
    int drawn;
    set->seed = strtoull(l->field[3], NULL, 10);
    set->scramble_seed = strtoull(l->field[4], NULL, 10);
    if (set->description || !fus_provenance_number(&drawn, l->field[2], 0, 1))
        return false;
    set->drawn = drawn;
    return copy_text(&set->description, l->field[1]);
}

static bool is_layer(const struct fus_provenance_line *l)
{
    return fus_provenance_is(l, "layer", 7) || (fus_provenance_is(l, "layer", 8) && strcmp(l->field[7], "signed") == 0);
}

static int layers_behind(const struct fus_provenance *p, int model)
{
    int n = 0;
    while (model + 1 + n < p->n && is_layer(&p->lines[model + 1 + n]))
        n++;
    return n;
}

static bool restore_line(struct fus_localizer *run, const struct fus_provenance *p, int i)
{
    const struct fus_provenance_line *l = &p->lines[i];
    if (fus_provenance_is(l, "fusiform", 2) || fus_provenance_is(l, "shard", 3))
        return true;
    if (fus_provenance_is(l, "option", 3))
        return fus_run_options_set(&run->options, l->field[1], l->field[2]);
    if (fus_provenance_is(l, "set", 5))
        return restore_set(&run->pictures.set, l);
    if (fus_provenance_is(l, "validate", 3)) {
        run->options.validate = l->field[1];
        return true;
    }
    if (fus_provenance_is(l, "category", 2))
        return copy_text(&run->pictures.set.categories[run->pictures.set.n_categories], l->field[1]) &&
               ++run->pictures.set.n_categories;
    if (fus_provenance_is(l, "subcategory", 2))
        return copy_text(&run->pictures.set.subcategories[run->pictures.set.n_subcategories], l->field[1]) &&
               ++run->pictures.set.n_subcategories;
    if (fus_provenance_is(l, "skipped", 2))
        return copy_text(&run->pictures.set.skipped[run->pictures.set.n_skipped], l->field[1]) &&
               ++run->pictures.set.n_skipped;
    if (fus_provenance_is(l, "model", 6))
        return strlen(l->field[1]) < sizeof run->models->name && restore_model(run, l, layers_behind(p, i));
    if (is_layer(l))
        return i > 0 && (is_layer(l - 1) || fus_provenance_is(l - 1, "model", 6)) && restore_layer(run, l);
    return fus_provenance_is(l, "picture", FUS_PROVENANCE_PICTURE) && restore_picture(run, l);
}

int fus_provenance_restore(struct fus_localizer *run, const struct fus_provenance *p, struct fus_error *err)
{
    size_t n_models = (size_t)count(p, "model", 6), n_categories = (size_t)count(p, "category", 2),
           n_pictures = (size_t)count(p, "picture", FUS_PROVENANCE_PICTURE);
    struct fus_set *set = &run->pictures.set;
    if (n_models < 1 || n_models > FUS_RUN_MAX_MODELS || n_categories < 2 || n_categories > 127 || n_pictures < 2)
        return fus_base_fail(err, FUS_EFORMAT, "%zu models, %zu categories, %zu pictures found", n_models, n_categories,
                             n_pictures);
    if (!run->models)
        run->models = fus_base_alloc(FUS_RUN_MAX_MODELS, sizeof *run->models);
    run->summary.models = fus_base_alloc(n_models, sizeof *run->summary.models);
    set->categories = fus_base_alloc(n_categories, sizeof *set->categories);
    set->subcategories = fus_base_alloc((size_t)count(p, "subcategory", 2) + 1, sizeof *set->subcategories);
    set->skipped = fus_base_alloc((size_t)count(p, "skipped", 2) + 1, sizeof *set->skipped);
    set->pictures = fus_base_alloc(n_pictures, sizeof *set->pictures);
    run->pictures.sha256 = fus_base_alloc(n_pictures, sizeof *run->pictures.sha256);
    run->pictures.stats = fus_base_alloc(n_pictures, sizeof *run->pictures.stats);
    if (!run->models || !run->summary.models || !set->categories || !set->subcategories || !set->skipped ||
        !set->pictures || !run->pictures.sha256 || !run->pictures.stats)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for %zu pictures", n_pictures);
    for (int i = 0; i < p->n; i++)
        if (!restore_line(run, p, i))
            return fus_base_fail(err, FUS_EFORMAT, "line %d is not what a run writes", i + 1);
    if (!set->description)
        return fus_base_fail(err, FUS_EFORMAT, "it says nothing about its set");
    for (int i = 0; i < run->n_models; i++)
        if (run->models[i].n_layers == 0)
            return fus_base_fail(err, FUS_EFORMAT, "model %s has no layers", run->models[i].name);
    return fus_run_set_make_grey(&run->pictures, err);
}

/* ---- what another shard knows ---- */

static double real(const char *s)
{
    return strcmp(s, "nan") == 0 ? NAN : strtod(s, NULL);
}

static int digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "-" leaves them 0: a picture of one level is like no other. */
static bool read_grey(uint8_t *grey, const char *hex)
{
    if (strcmp(hex, "-") == 0)
        return true;
    if (!grey || strlen(hex) != 2 * FUS_NEAR_BYTES)
        return false;
    for (int i = 0; i < FUS_NEAR_BYTES; i++) {
        int high = digit(hex[2 * i]), low = digit(hex[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        grey[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

int fus_provenance_join(struct fus_localizer *run, const struct fus_provenance *p, struct fus_error *err)
{
    for (int i = 0, k = 0; i < p->n && k < run->pictures.set.n_pictures; i++) {
        const struct fus_provenance_line *l = &p->lines[i];
        if (!fus_provenance_is(l, "picture", FUS_PROVENANCE_PICTURE))
            continue;
        const char *hex = l->field[FUS_PROVENANCE_OWN];
        if (strcmp(hex, "-") != 0) {
            if (run->pictures.sha256[k][0] || strlen(hex) != 64)
                return fus_base_fail(err, FUS_EINVAL, "picture %s is another shard's already", l->field[1]);
            memcpy(run->pictures.sha256[k], hex, 65);
            run->pictures.stats[k] =
                (struct fus_pixelstats){real(l->field[FUS_PROVENANCE_OWN + 1]), real(l->field[FUS_PROVENANCE_OWN + 2]),
                                        real(l->field[FUS_PROVENANCE_OWN + 3])};
            uint8_t *grey = run->pictures.grey ? run->pictures.grey + (size_t)k * FUS_NEAR_BYTES : NULL;
            if (!read_grey(grey, l->field[FUS_PROVENANCE_OWN + 4]))
                return fus_base_fail(err, FUS_EFORMAT, "picture %s: its grey levels are not %d bytes in hexadecimal",
                                     l->field[1], FUS_NEAR_BYTES);
        }
        k++;
    }
    return FUS_OK;
}
