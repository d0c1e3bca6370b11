/* Which units are called selective: --preset, --criterion, --test, --correction, --alpha, and what the report says about them. */
#include <stdio.h>
#include <string.h>

#include "tools/args.h"
#include "tools/run.h"

/* A preset stands for a paper. `open`: what its text does not state, so that it is this program's choice. */
static const struct preset {
    const char *name;
    enum fus_criterion criterion;
    const char *paper, *open;
} presets[] = {
    {"lu-wang", FUS_CRITERION_IUT, "Lu & Wang 2025 (arXiv:2502.16456)",
     "the kind of test, the correction over units and its level, and what is done with dead units; it only asks for \"significantly higher "
     "activation for one category compared to all others\""},
    {"prince", FUS_CRITERION_PRINCE, "Prince, Alvarez & Konkle 2024 (Science Advances 10, eadl1776)",
     "that the correction is taken over the units of a layer for each pair of categories apart, and that constant units are never selective"},
    {"tdann", FUS_CRITERION_TDANN, "Margalit et al. 2024 (Neuron 112, 2435)",
     "that the pool of others holds every other category shown here, and which category a unit gets that passes for several (the largest t)"},
    {"baek", FUS_CRITERION_RANKSUM, "Baek et al. 2021 (Nature Communications 12, 7328)",
     "how p is computed with ties and with few pictures (exact where possible, else normal with tie and continuity correction)"},
    {"afraz", FUS_CRITERION_DPRIME, "Afraz, Boyden & DiCarlo 2015 (PNAS 112, 6730)",
     "the criterion is theirs for sites in the brain: that the others are all other categories shown here, their mean unweighted, and which category "
     "a unit gets that passes for several (the largest d')"},
};

static const struct fus_word tests[] = {{"welch", 0}, {"student", 1}, {0}};
static const struct fus_word corrections[] = {{"bh", FUS_BH}, {"by", FUS_BY}, {"bonferroni", FUS_BONFERRONI}, {"none", FUS_UNCORRECTED}, {0}};
static const struct fus_word halves[] = {{"alternate", FUS_HALVES_ALTERNATE}, {"option", FUS_HALVES_OPTION}, {"none", FUS_HALVES_NONE}, {0}};

void fus_run_choices_start(struct fus_run_choices *c)
{
    *c = (struct fus_run_choices){.preset = {c->presets, -1}, .criterion = {c->criteria, -1}, .test = {tests, -1},
                                  .correction = {corrections, -1}, .halves = {halves, FUS_HALVES_ALTERNATE}, .interval = {c->intervals, -1}};
    for (int i = 0; i < (int)(sizeof presets / sizeof *presets); i++)
        c->presets[i] = (struct fus_word){presets[i].name, i};
    for (int i = FUS_CRITERION_IUT; i <= FUS_CRITERION_RANKSUM; i++)
        c->criteria[i] = (struct fus_word){fus_criteria_name((enum fus_criterion)i), i};
    for (int i = 0; i < 3; i++)
        c->intervals[i] = (struct fus_word){fus_bootstrap_name((enum fus_interval_method)i), i};
}

static const char *rule(enum fus_criterion criterion)
{
    switch (criterion) {
    case FUS_CRITERION_IUT:
        break;
    case FUS_CRITERION_PRINCE:
        return "Two-sided Student tests of the category against each other one, each pair of categories corrected over the units of the layer by "
               "Benjamini and Yekutieli (2001); all q at most alpha and all t positive (Prince, Alvarez & Konkle 2024).";
    case FUS_CRITERION_TDANN:
        return "t above 10 of the category against the pool of all other pictures, variances divided by n (Margalit et al. 2024). No p, no correction.";
    case FUS_CRITERION_DPRIME:
        return "d' above 1: difference of the category's mean and the unweighted mean of the others over the root of their mean variance (Afraz, Boyden & "
               "DiCarlo 2015). No p, no correction.";
    case FUS_CRITERION_RATIO:
        return "CSI above 1/3: twice the response of the other categories (Tsao, Freiwald, Tootell & Livingstone 2006). No p, no correction.";
    case FUS_CRITERION_RANKSUM:
        return "The category with the largest mean against each other one by Wilcoxon's rank-sum test, one-sided, the largest p below .001, not corrected "
               "(Baek et al. 2021). Cross-validated columns are empty: they come from moments, which have no ranks.";
    }
    return NULL;
}

/* What the report says; empty for the default, which it explains at length itself. */
static void describe(struct fus_run *run, const struct preset *preset)
{
    static const char *const by[] = {"by Benjamini and Hochberg (1995)", "by Benjamini and Yekutieli (2001)", "by Bonferroni", "not at all"};
    const struct fus_select_options *o = &run->select;
    char *text = run->criterion_text, one[600];
    size_t room = sizeof run->criterion_text, used = 0;
    if (!preset && o->criterion == FUS_CRITERION_IUT && !o->student)
        return;
    if (o->criterion == FUS_CRITERION_IUT)
        snprintf(one, sizeof one, "Intersection-union of one-sided %s tests of the category against each other one; the largest p, corrected over the units of "
                 "the layer %s, is at most %g and all differences of means are positive.",
                 o->student ? "Student (pooled variance)" : "Welch", by[o->correction], o->alpha);
    else if (o->criterion == FUS_CRITERION_PRINCE)
        snprintf(one, sizeof one, "%s alpha = %g.", rule(o->criterion), o->alpha);
    else
        snprintf(one, sizeof one, "%s", rule(o->criterion));
    used = (size_t)snprintf(text, room, "%s", one);
    if (preset)
        snprintf(text + used, room - used, " This is the preset %s, after %s. Not stated there, and chosen here: %s.", preset->name, preset->paper,
                 preset->open);
}

/* What does not go together; 0, or 2 after a message. */
static int check(const struct fus_run *run, const struct fus_run_choices *c, const struct preset *p)
{
    enum fus_criterion criterion = run->select.criterion;
    const char *name = fus_criteria_name(criterion);
    bool resampled = run->bootstrap || run->permutations;
    if (p && criterion != p->criterion)
        return fus_args_usage("run", "--preset %s is --criterion %s; '%s' found", p->name, fus_criteria_name(p->criterion), name);
    if (criterion != FUS_CRITERION_IUT && (c->test.value >= 0 || c->correction.value >= 0))
        return fus_args_usage("run", "%s belongs to --criterion iut; %s says itself what it tests and how it corrects",
                              c->test.value >= 0 ? "--test" : "--correction", name);
    if (c->alpha > 0 && criterion > FUS_CRITERION_PRINCE && !resampled)
        return fus_args_usage("run", "--alpha belongs to --criterion iut and prince, and to intervals; %s has a threshold of its own", name);
    if (c->alpha >= 1)
        return fus_args_usage("run", "--alpha: a number below 1 expected");
    if (criterion == FUS_CRITERION_RANKSUM && resampled)
        return fus_args_usage("run", "--bootstrap and --permutations do not go with --criterion ranksum");
    if (c->interval.value >= 0 && !run->bootstrap)
        return fus_args_usage("run", "--interval says how --bootstrap B makes intervals, which is not there");
    return 0;
}

int fus_run_choose(struct fus_run *run, const struct fus_run_choices *c)
{
    const struct preset *p = c->preset.value >= 0 ? &presets[c->preset.value] : NULL;
    struct fus_select_options *o = &run->select;
    run->preset = p ? p->name : NULL;
    o->criterion = c->criterion.value >= 0 ? (enum fus_criterion)c->criterion.value : p ? p->criterion : FUS_CRITERION_IUT;
    int status = check(run, c, p);
    if (status)
        return status;
    o->student = c->test.value == 1;
    o->alpha = c->alpha > 0 ? c->alpha : 0.05;
    if (c->correction.value >= 0)
        o->correction = (enum fus_correction)c->correction.value;
    if (c->interval.value >= 0)
        run->interval = (enum fus_interval_method)c->interval.value;
    run->halves = (enum fus_run_halves)c->halves.value;
    describe(run, p);
    return 0;
}

/* VALUE of NAME=VALUE; NULL: the item is not for this model. */
static const char *value_for(const char *item, const char *name)
{
    size_t n = strlen(name);
    return strncmp(item, name, n) == 0 && item[n] == '=' ? item + n + 1 : NULL;
}

const char *fus_run_for_model(const struct fus_run_per_model *o, const struct fus_run *run, const char *name)
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

int fus_run_check_per_model(const struct fus_run *run)
{
    int status = 0;
    for (int i = 0; i < run->n_models && !status; i++) {
        struct fus_model_choice choice = {.preprocess = fus_run_for_model(&run->preprocesses, run, run->models[i].name)};
        status = fus_model_check_choice("run", &choice);
    }
    return status;
}
