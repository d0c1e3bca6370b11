/* SPDX-License-Identifier: MIT */
/* The methods of this very run with every choice and constant: see prose.h. */
#include <math.h>
#include <string.h>

#include "analysis/report/prose.h"

/* "95%" of alpha 0.05. */
static void put_coverage(struct fus_text_buffer *out, const struct fus_view *view)
{
    fus_svg_put(out, "$t%", 100 * (1 - view->run->options.alpha));
}

static void item(struct fus_text_buffer *out, const char *term)
{
    fus_svg_put(out, "</dd>\n<dt>$s</dt><dd>", term);
}

static void say_pictures(struct fus_text_buffer *out, const struct fus_run_summary *run)
{
    size_t total = 0;
    for (int c = 0; c < run->n_categories; c++)
        total += (size_t)(run->n_pictures[c] > 0 ? run->n_pictures[c] : 0);
    fus_svg_put(out, "<dl>\n<dt>Pictures</dt><dd>");
    if (run->stimuli && run->stimuli[0])
        fus_svg_put(out, "$e. ", run->stimuli);
    fus_svg_put(out, "$z pictures in $d categories: ", total, run->n_categories);
    for (int c = 0; c < run->n_categories; c++)
        fus_svg_put(out, "$e $d$s", run->categories[c], run->n_pictures[c], c + 1 < run->n_categories ? ", " : ". ");
    fus_svg_put(out, "Every model saw the same pictures, in the same order, prepared as named with the models below.");
    fus_prose_validity_pictures(out, run);
}

static const char *correction_text(enum fus_correction correction)
{
    switch (correction) {
    case FUS_BH:
        return "by the procedure of Benjamini and Hochberg (1995), which controls the false discovery rate";
    case FUS_BY:
        return "by the procedure of Benjamini and Yekutieli (2001), which controls the false discovery rate under any "
               "dependence";
    case FUS_BONFERRONI:
        return "by Bonferroni\xe2\x80\x99s method, which controls the family-wise error rate";
    case FUS_UNCORRECTED:
        break;
    }
    return NULL;
}

static void say_criterion(struct fus_text_buffer *out, const struct fus_run_summary *run)
{
    item(out, "Selective for a category");
    if (run->criterion) {
        fus_svg_put(out, "$e", run->criterion);
        return;
    }
    fus_svg_put(out,
                "Intersection-union of one-sided tests: the unit\xe2\x80\x99s responses to the pictures of "
                "the category are compared with those "
                "to each other category in turn. With equal numbers of pictures by Welch\xe2\x80\x99s test (1947, "
                "unequal variances, degrees of freedom after Satterthwaite); else by the larger of two p, one from "
                "the skewness of the difference over all relabellings of the two categories\xe2\x80\x99 pictures, "
                "one from Welch\xe2\x80\x99s t or, if larger, Hall\xe2\x80\x99s transformation of it (1992) with "
                "pooled third moments, since Welch\xe2\x80\x99s test alone does not hold its level for skewed "
                "responses and unequal numbers. A unit\xe2\x80\x99s p is the "
                "largest of these p values, so that the unit must respond more to the category than to "
                "<em>every</em> other one.");
    const char *correction = correction_text(run->options.correction);
    item(out, "Correction and level");
    if (correction)
        fus_svg_put(out,
                    "Over the units of a layer, separately for each category, $s; selective where the corrected q "
                    "\xe2\x89\xa4 $t and all differences of "
                    "means are positive. A unit has at most one label.",
                    correction, run->options.alpha);
    else
        fus_svg_put(out,
                    "None: selective where the uncorrected p \xe2\x89\xa4 $t and all differences of means are "
                    "positive. A unit has at most one label.",
                    run->options.alpha);
}

static void say_equal_n(struct fus_text_buffer *out, const struct fus_run_summary *run)
{
    int least = run->n_pictures[0];
    for (int c = 1; c < run->n_categories; c++)
        least = run->n_pictures[c] < least ? run->n_pictures[c] : least;
    item(out, "Equal numbers of pictures");
    fus_svg_put(out,
                "More pictures make more units pass. To compare categories, equal_n.csv has the units selected from $d "
                "pictures of each, as many as the smallest category has: $d draws without replacement, evenly from "
                "the subcategories; the p of two categories is the median over the draws; the rest as above.",
                least, FUS_EQUALN_DRAWS);
}

static void say_units(struct fus_text_buffer *out, const struct fus_view *view)
{
    item(out, "Unit");
    fus_svg_put(out, "One number of a layer\xe2\x80\x99s output: a channel at a place of the feature map.");
    fus_prose_validity_dimensions(out, view);
    say_criterion(out, view->run);
    if (view->run->method && view->run->method->equal_n)
        say_equal_n(out, view->run);
    item(out, "Dead units");
    fus_svg_put(
        out,
        "Units with the same response to every picture. They are never selective, remain in the denominator of every "
        "proportion, and are "
        "counted in the table below. Units with a response that is not finite are treated alike and counted apart.");
}

static bool cross_validated(const struct fus_run_summary *run)
{
    for (int m = 0; m < run->n_models; m++)
        for (int l = 0; l < run->models[m].n_layers; l++)
            for (int c = 0; c < run->n_categories; c++)
                if (isfinite(run->models[m].layers[l].categories[c].csi_cv))
                    return true;
    return false;
}

static void say_indices(struct fus_text_buffer *out, const struct fus_view *view)
{
    if (view->dprime) {
        item(out, "d\xe2\x80\xb2 in place of CSI");
        fus_prose_signed(out);
        fus_svg_put(out, " The channels of a block\xe2\x80\x99s output are no special axes of it; those of an "
                         "MLP\xe2\x80\x99s hidden layer (blocks.N.mlp) are, behind its activation.");
    }
    item(out, "CSI");
    fus_svg_put(out, "(\xce\xbc<sub>c</sub> \xe2\x88\x92 \xce\xbc<sub>o</sub>) / (\xce\xbc<sub>c</sub> + "
                     "\xce\xbc<sub>o</sub>) for each unit selective for category c: "
                     "\xce\xbc<sub>c</sub> is its mean response to the category, \xce\xbc<sub>o</sub> the unweighted "
                     "mean over the other categories\xe2\x80\x99 "
                     "means. Undefined, left out and counted where the denominator is not positive. A "
                     "layer\xe2\x80\x99s value is the mean over its selective "
                     "units. Units are chosen and measured on the same pictures, which raises the CSI of any choice; "
                     "an untrained control shows by how much.");
    if (cross_validated(view->run))
        fus_svg_put(out, " layers.csv also has it cross-validated (csi_cv): units chosen on one half of each "
                         "category\xe2\x80\x99s pictures and measured on "
                         "the other, and the reverse, averaged; csi_same: the same units measured where they were "
                         "chosen.");
    item(out, "Proportion, map, variation");
    fus_svg_put(out,
                "Proportion: selective units over all units of the layer. Map: at each place, the share of "
                "channels selective there. Variation: "
                "standard deviation of the map over places divided by its mean (CV), which follows the number of "
                "units; Morisita\xe2\x80\x99s index (1959) does not: places times \xce\xa3x(x \xe2\x88\x92 1) over "
                "n(n \xe2\x88\x92 1), x of the n units at a place. By chance: n units placed at random.");
    item(out, "Last block layer");
    fus_svg_put(out,
                "The output of the last residual block, $sin a ResNet-50 the "
                "paper\xe2\x80\x99s layer4.2.relu. Here: ",
                view->dprime ? "" : "after addition and ReLU; ");
    for (int m = 0; m < view->run->n_models; m++)
        fus_svg_put(out, "$e of $e$s", fus_view_last(view, m)->name, view->run->models[m].name,
                    m + 1 < view->run->n_models ? ", " : ".");
    if (view->run->n_models < 2)
        return;
    item(out, "Comparison of models");
    fus_svg_put(out, "The paper\xe2\x80\x99s own way: per layer and category, a one-sided two-sample Welch test of the "
                     "CSI of the selective units, first model "
                     "greater, p\xc2\xa0&lt;\xc2\xa0.05, not corrected. Each model\xe2\x80\x99s units are chosen by "
                     "its own responses, so the two samples are different units.");
}

static const char *division(const char *halves)
{
    if (halves && strcmp(halves, "option") == 0)
        return "one option of a category (a folder, such as adult and child) against the other, and "
               "the pictures of a category of which one option was shown in turn";
    return "the pictures of a category in turn, unless a list of pictures says otherwise";
}

static void say_halves(struct fus_text_buffer *out, const struct fus_view *view)
{
    const char *halves = view->run->method->halves;
    item(out, "Halves of the pictures");
    if (!halves || strcmp(halves, "none") == 0)
        fus_svg_put(out, "Not used: units were chosen and measured on the same pictures only.");
    else if (!view->crossed)
        fus_svg_put(out, "No unit that one half of the pictures chose could be measured in the other.");
    else
        fus_svg_put(out,
                    "Units selective in one half of the pictures, by the rule above, are measured in the other half, "
                    "and the other way round; survival, Dice\xe2\x80\x99s "
                    "overlap of the two choices and Pearson\xe2\x80\x99s r of the two maps of least t say how reliable "
                    "the choice is. Division: $s.",
                    division(halves));
}

static const char *interval_text(const char *method)
{
    if (method && strcmp(method, "bca") == 0)
        return "quantiles corrected for bias and skew (Efron 1987), of ratios plain ones";
    if (method && strcmp(method, "percentile") == 0)
        return "quantiles of the resampled values";
    return "the estimate plus the quantiles of the resampled values less their mean, since a selection repeated on "
           "resampled pictures finds more units, with "
           "their spread corrected by that of resamples of resamples (Beran 1987, Hall and Martin 1988); of ratios on "
           "logarithms";
}

/* Resampling, its numbers and its seed. */
static void say_resampling(struct fus_text_buffer *out, const struct fus_view *view)
{
    const struct fus_run_method *how = view->run->method;
    bool tested = view->run->options.test == FUS_TEST_PERMUTATION; /* selectivity */
    item(out, "Intervals");
    if (how->bootstrap) {
        fus_svg_put(out, "$z resamples of the pictures, ", (size_t)how->bootstrap);
        fus_prose_validity_resamples(out, how->over);
        fus_svg_put(out, " (Efron and Tibshirani 1993), the whole selection repeated in each; the same draws for all "
                         "models, so that differences and ratios are paired. Intervals of ");
        put_coverage(out, view);
        fus_svg_put(out, " coverage: $s.", interval_text(how->interval));
    } else
        fus_svg_put(out, "None were computed in this run (they need --bootstrap).");
    item(out, "Chance");
    if (how->permutations)
        fus_svg_put(
            out,
            "$z relabellings of the pictures, the same for all units, the whole selection repeated in each; p "
            "= (b + 1) / (m + 1), b of the m reaching the "
            "observed value (Phipson and Smyth 2010), a test of the global null that no category differs from any "
            "other. Units family-wise: each pair of categories relabelled alone, so that the null is a "
            "category no better than one of the others (the conjunction null: Nichols, Brett, Andersson, Wager "
            "and Poline 2005), thresholds from the largest t of each relabelling (Nichols and Holmes 2002) at "
            "alpha over the number of other categories.",
            (size_t)how->permutations);
    else
        fus_svg_put(out, "Not estimated in this run ($s).",
                    tested ? "the relabellings are those of the test" : "it needs --permutations");
    if (how->bootstrap || how->permutations || tested)
        fus_svg_put(out, " Seed of the random numbers: $e.", how->seed ? how->seed : "not given");
}

static void say_how(struct fus_text_buffer *out, const struct fus_view *view)
{
    const struct fus_run_method *how = view->run->method;
    say_halves(out, view);
    say_resampling(out, view);
    if (view->run->n_models > 1) {
        item(out, "What stands beside a larger share");
        fus_prose_beside(out, view);
    }
    if (how->validate) {
        item(out, "A second set of pictures");
        fus_prose_heldout_methods(out, how);
    }
    if (view->run->n_top) {
        item(out, "Single units");
        fus_svg_put(out,
                    "The $d units of a category with the largest least t (Welch\xe2\x80\x99s, or Student\xe2\x80\x99s "
                    "where that is the rule) against the other categories, "
                    "and the $d pictures that drive each most and least; equal ones in the order of the list.",
                    FUS_TOP_UNITS, FUS_TOP_PICTURES);
    }
    if (view->run->consistency[0]) {
        item(out, "Representational consistency");
        fus_svg_put(out,
                    "Kriegeskorte, Mur and Bandettini (2008): dissimilarity 1 \xe2\x88\x92 r over the units of a "
                    "layer, layers compared by Spearman\xe2\x80\x99s correlation "
                    "over pairs of categories$s.",
                    view->run->consistency[1] ? " and of pictures" : "");
    }
    bool bf16 = how->precision && strcmp(how->precision, "bf16") == 0;
    item(out, "Layers and arithmetic");
    fus_svg_put(out,
                "Layers asked for: $e. Convolutions: $s.$s Activations are 32-bit, every statistic 64-bit floating "
                "point, summed in one fixed order.",
                how->layers ? how->layers : "not given",
                bf16 || (how->conv && strcmp(how->conv, "direct") == 0)
                    ? "direct"
                    : "Winograd\xe2\x80\x99s algorithm for 3 \xc3\x97 3 where it applies, else direct",
                bf16 ? " Precision bf16: convolutions and linear layers multiply weights and inputs rounded to bf16 (8 "
                       "bits of precision), and add the products in 32-bit floating point."
                     : "");
}

static void say_unstated(struct fus_text_buffer *out)
{
    item(out, "What the paper leaves open");
    fus_svg_put(out, "The figures follow Lu and Wang, <cite>Language learning shapes visual category-selectivity in "
                     "deep neural networks</cite>, "
                     "arXiv:2502.16456. Its rule is in words: \xe2\x80\x9csignificantly higher activation for one "
                     "category compared to all "
                     "others\xe2\x80\x9d. The kind of test, the correction over units and its level, dead units, the "
                     "mean over other categories and the "
                     "treatment of undefined CSI are therefore choices of this program, as given above.");
    item(out, "Reproducibility");
    fus_svg_put(out, "The same weights, pictures and options give this file byte for byte on every machine.");
}

void fus_prose_methods(struct fus_text_buffer *out, const struct fus_view *view)
{
    say_pictures(out, view->run);
    say_units(out, view);
    say_indices(out, view);
    if (view->run->method)
        say_how(out, view);
    say_unstated(out);
    fus_svg_put(out, "</dd>\n</dl>\n");
}
