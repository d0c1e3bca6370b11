/* SPDX-License-Identifier: MIT */
/* Functions shared by the steps of a run: see run.h. */
#define _POSIX_C_SOURCE 200809L
#include "analysis/localizer/run.h"

#include <string.h>
#include <time.h>

double fus_run_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void tell(const struct fus_localizer *run, const struct fus_localizer_event *event)
{
    if (run->listener)
        run->listener(run->listener_context, event);
}

void fus_run_say(void *run, const char *line)
{
    tell(run, &(struct fus_localizer_event){.note = line});
}

void fus_run_say_model(const struct fus_localizer *run, int model)
{
    const char *notes = run->models[model].notes;
    if (notes && *notes)
        tell(run, &(struct fus_localizer_event){.note = notes, .of_model = true});
}

void fus_run_progress(const struct fus_localizer *run, const char *what, const char *things, int done, int of,
                      double started)
{
    tell(run, &(struct fus_localizer_event){
                  .what = what, .things = things, .done = done, .of = of, .seconds = fus_run_now() - started});
}

bool fus_run_stopping(const struct fus_localizer *run)
{
    return run->options.stopping ? run->options.stopping() : fus_base_stopping();
}

/* ---- what options ask for ---- */

/* With categories of one size there is nothing to draw. */
static bool draws_equal_n(const struct fus_localizer *run)
{
    const struct fus_set *set = &run->pictures.set;
    long n[FUS_SELECT_CATEGORIES] = {0};
    bool unequal = false;
    for (int i = 0; i < set->n_pictures; i++)
        n[set->pictures[i].category]++;
    for (int c = 1; c < set->n_categories; c++)
        unequal = unequal || n[c] != n[0];
    return unequal && run->options.equal_n;
}

bool fus_run_resamples(const struct fus_localizer *run)
{
    const struct fus_run_options *o = &run->options;
    return o->bootstrap || o->permutations || o->matched || o->subsample || o->consistency;
}

static bool uses_responses(const struct fus_run_options *o)
{
    return o->bootstrap || o->permutations || o->matched || o->subsample || fus_criteria_needs_responses(&o->select);
}

bool fus_run_uses_tap(const struct fus_localizer *run, int model, const struct fus_tap *tap)
{
    const struct fus_run_model *m = &run->models[model];
    return uses_responses(&run->options) || (m->keeps_reference && strcmp(tap->name, m->reference) == 0);
}

bool fus_run_keeps_responses(const struct fus_localizer *run)
{
    return uses_responses(&run->options) || draws_equal_n(run) || run->first;
}

bool fus_run_keeps_tap(const struct fus_localizer *run, int model, const struct fus_tap *tap)
{
    const struct fus_run_model *m = &run->models[model];
    bool reference = m->keeps_reference && strcmp(tap->name, m->reference) == 0;
    if (run->explain) /* keeps what it needs of the others */
        return run->options.select.criterion != FUS_CRITERION_RANKSUM &&
               fus_criteria_needs_responses(&run->options.select);
    return fus_run_keeps_responses(run) || reference;
}

bool fus_run_keeps_third(const struct fus_localizer *run)
{
    const struct fus_run_options *o = &run->options;
    const struct fus_set *set = &run->pictures.set;
    long n[3][FUS_SELECT_CATEGORIES] = {{0}}; /* of both halves, and of all */
    bool needed = false;
    for (int i = 0; i < set->n_pictures; i++) {
        n[set->pictures[i].half ? 1 : 0][set->pictures[i].category]++;
        n[2][set->pictures[i].category]++;
    }
    for (int k = o->halves ? 0 : 2; k < 3; k++)
        needed = needed || fus_select_needs_third(&o->select, n[k], set->n_categories);
    return needed && (o->select.criterion == FUS_CRITERION_IUT || o->sweep || o->full_units);
}

/* p is at least 1 / (m + 1). */
static int check_relabellings(struct fus_localizer *run, const long *n, struct fus_error *err)
{
    const struct fus_select_options *o = &run->options.select;
    double most = (double)o->relabellings + 1;
    if (o->alpha * most < 1)
        fus_note_say(&run->notes,
                     "warning: --permutations %ld: no p is below %.3g, so none reaches --alpha %g and no unit is "
                     "selective",
                     o->relabellings, 1 / most, o->alpha);
    return fus_relabel_check(n, run->pictures.set.n_categories, o->relabellings, err);
}

int fus_run_check_sizes(struct fus_localizer *run, struct fus_error *err)
{
    const struct fus_select_options *o = &run->options.select;
    const struct fus_set *set = &run->pictures.set;
    long n[FUS_SELECT_CATEGORIES] = {0}, least, most;
    if (o->criterion != FUS_CRITERION_IUT || o->test == FUS_TEST_BALANCED)
        return FUS_OK;
    for (int i = 0; i < set->n_pictures; i++)
        n[set->pictures[i].category]++;
    if (o->test == FUS_TEST_PERMUTATION)
        return check_relabellings(run, n, err);
    least = most = n[0];
    for (int c = 1; c < set->n_categories; c++) {
        least = n[c] < least ? n[c] : least;
        most = n[c] > most ? n[c] : most;
    }
    if (5 * most > 6 * least)
        fus_note_say(&run->notes,
                     "warning: categories have %ld to %ld pictures: with unequal numbers --test %s does not hold its "
                     "level for skewed responses; --test balanced does (METHOD.md, \"Skewed responses and unequal "
                     "numbers\")",
                     least, most, fus_select_test_name(o->test));
    return FUS_OK;
}

/* VALUE of NAME=VALUE; NULL: the item is not for this model. */
static const char *value_for(const char *item, const char *name)
{
    size_t n = strlen(name);
    return strncmp(item, name, n) == 0 && item[n] == '=' ? item + n + 1 : NULL;
}

const char *fus_run_for_model(const struct fus_run_per_model *o, const struct fus_localizer *run, const char *name)
{
    const char *all = NULL, *own = NULL;
    for (int i = 0; i < o->n; i++) {
        const char *value = value_for(o->items[i], name);
        bool others = false;
        for (int m = 0; m < run->n_models && !value; m++)
            others = others || value_for(o->items[i], run->models[m].name);
        own = value ? value : own;
        all = value || others ? all : o->items[i];
    }
    return own ? own : all;
}
