/* SPDX-License-Identifier: MIT */
/* Methods of this run as a paragraph for a paper, and what to cite as BibTeX: see prose.h. */
#include <string.h>

#include "analysis/report/prose.h"

static void say_material(struct fus_text_buffer *out, const struct fus_run_summary *run)
{
    size_t total = 0;
    for (int c = 0; c < run->n_categories; c++)
        total += (size_t)(run->n_pictures[c] > 0 ? run->n_pictures[c] : 0);
    fus_svg_put(out, "We looked for category-selective units with a functional localizer for networks (fusiform $e). ",
                run->version ? run->version : "");
    fus_svg_put(out, "$d network$s ", run->n_models, run->n_models == 1 ? "" : "s");
    for (int m = 0; m < run->n_models; m++)
        fus_svg_put(out, "$s$e: $e$s", m ? "; " : "(", run->models[m].name,
                    run->models[m].architecture ? run->models[m].architecture : "architecture not given",
                    m + 1 < run->n_models ? "" : ") ");
    fus_svg_put(out, "saw the same $z pictures of $d categories (", total, run->n_categories);
    for (int c = 0; c < run->n_categories; c++)
        fus_svg_put(out, "$e $d$s", run->categories[c], run->n_pictures[c], c + 1 < run->n_categories ? ", " : "). ");
}

/* "with q <= 0.05 (Benjamini and Hochberg, 1995) over the units of a layer" */
static void say_level(struct fus_text_buffer *out, const struct fus_run_summary *run)
{
    static const char *const names[] = {
        [FUS_BH] = "false discovery rate after Benjamini and Hochberg (1995) over the units of a layer",
        [FUS_BY] = "false discovery rate after Benjamini and Yekutieli (2001) over the units of a layer",
        [FUS_BONFERRONI] = "Bonferroni correction over the units of a layer",
        [FUS_UNCORRECTED] = "not corrected"};
    fus_svg_put(out, "at \xce\xb1 = $t, $s. ", run->options.alpha, names[run->options.correction]);
}

static void say_rule(struct fus_text_buffer *out, const struct fus_view *view)
{
    const struct fus_run_summary *run = view->run;
    fus_svg_put(out, "A unit is one channel at one place of a layer\xe2\x80\x99s output. ");
    if (run->criterion)
        fus_svg_put(out, "Units were selective by this rule: $e ", run->criterion);
    else {
        fus_svg_put(out, "It was selective for a category if it responded more to it than to each other category "
                         "(intersection-union of one-sided tests that hold their level for unequal variances, skewed "
                         "responses and unequal numbers of pictures), ");
        say_level(out, run);
    }
    fus_svg_put(out, view->dprime
                         ? "Selectivity is d\xe2\x80\xb2 of the selective units. "
                         : "The category selectivity index of a unit is (\xce\xbc_c \xe2\x88\x92 \xce\xbc_o) / "
                           "(\xce\xbc_c + \xce\xbc_o), with its mean responses \xce\xbc_c to the category and "
                           "\xce\xbc_o to the others (Lu and Wang, 2025). ");
    if (view->crossed)
        fus_svg_put(out, "To avoid circularity, units were also chosen in one half of the pictures and measured in "
                         "the other. ");
}

void fus_prose_paper(struct fus_text_buffer *out, const struct fus_view *view)
{
    const struct fus_run_method *how = view->run->method;
    say_material(out, view->run);
    say_rule(out, view);
    if (how && how->bootstrap)
        fus_svg_put(out, "Intervals come from $z bootstrap resamples of the pictures, the same for all networks. ",
                    (size_t)how->bootstrap);
    if (how && how->permutations)
        fus_svg_put(out, "Chance levels come from $z relabellings of the pictures. ", (size_t)how->permutations);
    fus_svg_put(out, "The numbers are reproducible to the bit on any machine.");
}

/* ---- BibTeX ---- */

static const char bib_bh[] =
    "@article{benjamini1995,\n  author = {Benjamini, Yoav and Hochberg, Yosef},\n"
    "  title = {Controlling the false discovery rate: a practical and powerful approach to multiple testing},\n"
    "  journal = {Journal of the Royal Statistical Society: Series B},\n"
    "  volume = {57}, number = {1}, pages = {289--300}, year = {1995}\n}\n";

static const char bib_bootstrap[] = "@book{efron1993,\n  author = {Efron, Bradley and Tibshirani, Robert J.},\n"
                                    "  title = {An Introduction to the Bootstrap},\n"
                                    "  publisher = {Chapman and Hall}, year = {1993}\n}\n";

static const char bib_permutations[] =
    "@article{phipson2010,\n  author = {Phipson, Belinda and Smyth, Gordon K.},\n"
    "  title = {Permutation p-values should never be zero: calculating exact p-values when permutations are randomly "
    "drawn},\n"
    "  journal = {Statistical Applications in Genetics and Molecular Biology},\n"
    "  volume = {9}, number = {1}, pages = {Article 39}, year = {2010}\n}\n";

void fus_prose_bibtex(struct fus_text_buffer *out, const struct fus_view *view)
{
    const struct fus_run_method *how = view->run->method;
    fus_svg_put(out,
                "@software{fusiform,\n  author = {{The fusiform authors}},\n"
                "  title = {fusiform: category-selective units in neural networks},\n"
                "  version = {$e}, year = {2026}\n}\n",
                view->run->version ? view->run->version : "");
    fus_svg_put(out, "@misc{lu2025,\n  author = {Lu, Zitong and Wang, Yuxin},\n"
                     "  title = {Language learning shapes visual category-selectivity in deep neural networks},\n"
                     "  year = {2025}, eprint = {2502.16456}, archivePrefix = {arXiv}, primaryClass = {q-bio.NC}\n}\n");
    if (!view->run->criterion && view->run->options.correction == FUS_BH)
        fus_svg_put(out, "$s", bib_bh);
    if (how && how->bootstrap)
        fus_svg_put(out, "$s", bib_bootstrap);
    if (how && how->permutations)
        fus_svg_put(out, "$s", bib_permutations);
}
