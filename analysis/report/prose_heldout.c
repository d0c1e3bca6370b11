/* SPDX-License-Identifier: MIT */
/* The units in a second set of pictures (--validate): a table and the methods: see prose.h. */
#include <math.h>

#include "analysis/report/prose.h"

bool fus_prose_heldout_any(const struct fus_view *view)
{
    return view->run->method && view->run->method->validate && fus_view_last(view, 0)->heldout;
}

/* "0.61 (0.55 to 0.66)" */
static void cell(struct fus_text_buffer *out, const struct fus_interval *i, bool percent)
{
    if (!isfinite(i->estimate)) {
        fus_svg_put(out, "<td>\xe2\x80\x93</td>");
        return;
    }
    fus_svg_put(out, percent ? "<td>$p" : "<td>$3", i->estimate);
    if (isfinite(i->low) && isfinite(i->high))
        fus_svg_put(out, percent ? " ($p to $p)" : " ($3 to $3)", i->low, i->high);
    fus_svg_put(out, "</td>");
}

static void row(struct fus_text_buffer *out, const struct fus_view *view, int model, int category)
{
    const struct fus_layer_summary *layer = fus_view_last(view, model);
    const struct fus_heldout_category *h = &layer->heldout[category];
    const struct fus_interval first = {layer->categories[category].csi_mean, NAN, NAN, NAN};
    const struct fus_interval dice = {h->dice, NAN, NAN, NAN};
    fus_svg_put(out, "<tr><td>$e</td><th scope=\"row\">$e</th><td>$z</td>", view->run->models[model].name,
                view->run->categories[category], h->n);
    cell(out, &h->value[FUS_HELDOUT_SHARE], true);
    cell(out, &first, false);
    for (int k = FUS_HELDOUT_CSI; k < FUS_HELDOUT_STATISTICS; k++)
        cell(out, &h->value[k], false);
    cell(out, &dice, false);
    fus_svg_put(out, "</tr>\n");
}

void fus_prose_heldout_section(struct fus_text_buffer *out, const struct fus_view *view)
{
    static const char *const names[] = {
        "model",     "category", "units", "prefer it there", "CSI where chosen", "CSI there", "d\xe2\x80\xb2 there",
        "AUC there", "Dice"};
    fus_svg_put(out,
                "<h2 id=\"second-set\">In a second set of pictures</h2>\n<div class=\"scroll\" tabindex=\"0\"><table>"
                "<caption>The units of the last block layer in pictures that had no part in choosing them: $e; "
                "\xe2\x80\x93 undefined</caption>\n<thead><tr>",
                view->run->method->validate);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        fus_svg_put(out, "<th scope=\"col\">$s</th>", names[i]);
    fus_svg_put(out, "</tr></thead><tbody>\n");
    for (int m = 0; m < view->run->n_models; m++)
        for (int c = 0; c < view->run->n_categories && fus_view_last(view, m)->heldout; c++)
            row(out, view, m, c);
    fus_svg_put(out, "</tbody></table></div>\n<p class=\"files\"><a href=\"validate.csv\">validate.csv</a></p>\n");
}

void fus_prose_heldout_methods(struct fus_text_buffer *out, const struct fus_run_method *how)
{
    fus_svg_put(
        out,
        "$e. Categories are matched by name; all categories of this set are rivals in it. Over the units chosen "
        "with the first set: the share whose largest mean response is to the category, mean CSI, mean "
        "d\xe2\x80\xb2, and mean AUC of the category against all other pictures. Dice\xe2\x80\x99s overlap is "
        "that with the units which this set chooses by the same rule. ",
        how->validate);
    if (how->bootstrap)
        fus_svg_put(out, "Intervals: $z resamples of this set\xe2\x80\x99s pictures, the units kept.",
                    (size_t)how->bootstrap);
    else
        fus_svg_put(out, "No intervals were computed (they need --bootstrap).");
}
