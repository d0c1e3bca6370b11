/* SPDX-License-Identifier: MIT */
/* Rules of selectivity as papers state them, and the report's text about the one used. */
#include "analysis/run/rules.h"

#include <stdio.h>
#include <string.h>

static const struct fus_rules_preset presets[] = {
    {"lu-wang", FUS_CRITERION_IUT, "Lu & Wang 2025 (arXiv:2502.16456)",
     "the kind of test, the correction over units and its level, and what is done with dead units; it only asks for "
     "\"significantly higher "
     "activation for one category compared to all others\""},
    {"prince", FUS_CRITERION_PRINCE, "Prince, Alvarez & Konkle 2024 (Science Advances 10, eadl1776)",
     "that the correction is taken over the units of a layer for each pair of categories apart, and that constant "
     "units are never selective"},
    {"tdann", FUS_CRITERION_TDANN, "Margalit et al. 2024 (Neuron 112, 2435)",
     "that the pool of others holds every other category shown here (theirs has objects and no scrambled pictures), "
     "and which category a unit gets that passes for several (the largest t)"},
    {"baek", FUS_CRITERION_RANKSUM, "Baek et al. 2021 (Nature Communications 12, 7328)",
     "how p is computed with ties and with few pictures (exact where possible, else normal with tie and continuity "
     "correction), and that every other category shown here counts (theirs include objects)"},
    {"afraz", FUS_CRITERION_DPRIME, "Afraz, Boyden & DiCarlo 2015 (PNAS 112, 6730)",
     "the criterion is theirs for sites in the brain: that the others are all pictures of the other categories shown "
     "here (Brain-Score's and TDANN's formula, whose sets include objects), and which category a unit gets that passes "
     "for several (the largest d')"},
};

const struct fus_rules_preset *fus_rules_at(size_t i)
{
    return i < sizeof presets / sizeof *presets ? &presets[i] : NULL;
}

const struct fus_rules_preset *fus_rules_find(const char *name)
{
    for (size_t i = 0; i < sizeof presets / sizeof *presets; i++)
        if (strcmp(presets[i].name, name) == 0)
            return &presets[i];
    return NULL;
}

static const char *rule(enum fus_criterion criterion)
{
    switch (criterion) {
    case FUS_CRITERION_IUT:
        break;
    case FUS_CRITERION_PRINCE:
        return "Two-sided Student tests of the category against each other one, each pair of categories corrected over "
               "the units of the layer by "
               "Benjamini and Yekutieli (2001); all q at most alpha and all t positive (Prince, Alvarez & Konkle "
               "2024).";
    case FUS_CRITERION_TDANN:
        return "t above 10 of the category against the pool of all other pictures, variances divided by n (Margalit et "
               "al. 2024). No p, no correction.";
    case FUS_CRITERION_DPRIME:
        return "d' above 1: difference of the category's mean and the mean of all other pictures over the root of "
               "their mean variance (Afraz, Boyden & "
               "DiCarlo 2015). No p, no correction.";
    case FUS_CRITERION_RATIO:
        return "CSI above 1/3: twice the response of the other categories (Tsao, Freiwald, Tootell & Livingstone "
               "2006). No p, no correction.";
    case FUS_CRITERION_RANKSUM:
        return "The category with the largest mean against each other one by Wilcoxon's rank-sum test, two-sided as "
               "Matlab's, the "
               "largest p below .001, not corrected "
               "(Baek et al. 2021). Cross-validated columns are empty: they come from moments, which have no ranks.";
    }
    return NULL;
}

void fus_rules_describe(char *text, size_t room, const struct fus_run_options *options)
{
    const struct fus_rules_preset *preset = options->preset ? fus_rules_find(options->preset) : NULL;
    static const char *const by[] = {"by Benjamini and Hochberg (1995)", "by Benjamini and Yekutieli (2001)",
                                     "by Bonferroni", "not at all"};
    const struct fus_select_options *o = &options->select;
    static const char *const of[] = {"balanced", "Welch", "Student (pooled variance)", "studentised permutation"};
    char one[600];
    size_t used;
    *text = '\0';
    if (!preset && o->criterion == FUS_CRITERION_IUT && o->test == FUS_TEST_BALANCED)
        return;
    if (o->criterion == FUS_CRITERION_IUT)
        snprintf(one, sizeof one,
                 "Intersection-union of one-sided %s tests of the category against each other one; the largest p, "
                 "corrected over the units of "
                 "the layer %s, is at most %g and all differences of means are positive.",
                 of[o->test], by[o->correction], o->alpha);
    if (o->criterion == FUS_CRITERION_IUT && o->test == FUS_TEST_PERMUTATION) {
        size_t n = strlen(one);
        snprintf(one + n, sizeof one - n,
                 " p of two categories: (b + 1) / (m + 1), b of m = %d relabellings of their pictures reaching the "
                 "observed Welch's t (Janssen 1997), so at least %.3g.",
                 options->permutations, 1 / ((double)options->permutations + 1));
    }
    if (o->criterion == FUS_CRITERION_PRINCE)
        snprintf(one, sizeof one, "%s alpha = %g.", rule(o->criterion), o->alpha);
    else if (o->criterion != FUS_CRITERION_IUT)
        snprintf(one, sizeof one, "%s", rule(o->criterion));
    used = (size_t)snprintf(text, room, "%s", one);
    if (preset)
        snprintf(text + used, room - used, " This is the preset %s, after %s. Not stated there, and chosen here: %s.",
                 preset->name, preset->paper, preset->open);
}
