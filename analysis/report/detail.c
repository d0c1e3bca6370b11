/* SPDX-License-Identifier: MIT */
/* The numbers behind the figures as HTML tables: see detail.h. Every table scrolls in a box of
 * its own. */
#include "analysis/report/detail.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "analysis/inference.h"
#include "analysis/report/report.h"
#include "analysis/run/tables.h"

void fus_detail_open_table(struct fus_text_buffer *out, const char *caption)
{
    fus_svg_put(out, "<div class=\"scroll\" tabindex=\"0\"><table><caption>$s</caption>\n<thead><tr>", caption);
}

void fus_detail_close_table(struct fus_text_buffer *out)
{
    fus_svg_put(out, "</tbody></table></div>\n");
}

void fus_detail_head(struct fus_text_buffer *out, const char *const *names, int n)
{
    for (int i = 0; i < n; i++)
        fus_svg_put(out, "<th scope=\"col\">$s</th>", names[i]);
    fus_svg_put(out, "</tr></thead><tbody>\n");
}

static void category_head(struct fus_text_buffer *out, const struct fus_view *view)
{
    for (int c = 0; c < view->run->n_categories; c++)
        fus_svg_put(out, "<th scope=\"col\">$e</th>", view->run->categories[c]);
    fus_svg_put(out, "</tr></thead><tbody>\n");
}

void fus_detail_row_start(struct fus_text_buffer *out, const struct fus_view *view, int model, int layer)
{
    fus_svg_put(out, "<tr><td>$e</td><th scope=\"row\">$e</th>", view->run->models[model].name,
                view->run->models[model].layers[layer].name);
}

static void line_cell(struct fus_text_buffer *out, const struct fus_view *view, enum fus_view_quantity quantity,
                      int model, int layer, int category)
{
    struct fus_view_point at = fus_view_at(view, quantity, model, layer, category);
    if (!isfinite(at.value))
        fus_svg_put(out, "<td>\xe2\x80\x93</td>");
    else if (quantity == FUS_VIEW_PROPORTION)
        fus_svg_put(out, "<td>$p</td>", at.value);
    else if (quantity == FUS_VIEW_CSI && isfinite(at.low))
        fus_svg_put(out, "<td>$3 \xc2\xb1 $3</td>", at.value, at.high - at.value);
    else
        fus_svg_put(out, "<td>$3</td>", at.value);
}

void fus_detail_lines(struct fus_text_buffer *out, const struct fus_view *view, enum fus_view_quantity quantity)
{
    static const char *const captions[] = {
        [FUS_VIEW_CSI] = "CSI, mean \xc2\xb1 SEM over the selective units; \xe2\x80\x93 undefined",
        [FUS_VIEW_PROPORTION] = "Selective units, share of the layer",
        [FUS_VIEW_VARIATION] = "Variation over places (CV); \xe2\x80\x93 undefined",
        [FUS_VIEW_MORISITA] = "Morisita\xe2\x80\x99s index, 1 for units placed at random; \xe2\x80\x93 undefined"};
    fus_detail_open_table(out, view->dprime && quantity == FUS_VIEW_CSI
                                   ? "d\xe2\x80\xb2, mean over the selective units; \xe2\x80\x93 undefined"
                                   : captions[quantity]);
    fus_svg_put(out, "<th scope=\"col\">model</th><th scope=\"col\">layer</th>");
    category_head(out, view);
    for (int m = 0; m < view->run->n_models; m++)
        for (int l = 0; l < view->run->models[m].n_layers; l++) {
            fus_detail_row_start(out, view, m, l);
            for (int c = 0; c < view->run->n_categories; c++)
                line_cell(out, view, quantity, m, l, c);
            fus_svg_put(out, "</tr>\n");
        }
    fus_detail_close_table(out);
}

static bool is_compared(const struct fus_view *view, int other, int layer)
{
    for (int c = 0; c < view->run->n_categories; c++)
        if (fus_view_comparison(view, other, layer, c))
            return true;
    return false;
}

void fus_detail_comparison(struct fus_text_buffer *out, const struct fus_view *view)
{
    if (view->n_rows == 0)
        return;
    fus_detail_open_table(out, "Difference of mean CSI, first model minus other; one-sided p of \xe2\x80\x9c"
                               "first greater\xe2\x80\x9d");
    fus_svg_put(out, "<th scope=\"col\">against</th><th scope=\"col\">layer</th>");
    category_head(out, view);
    for (int m = 1; m < view->run->n_models; m++)
        for (int l = 0; l < view->run->models[0].n_layers; l++) {
            if (!is_compared(view, m, l))
                continue;
            fus_svg_put(out, "<tr><td>$e</td><th scope=\"row\">$e</th>", view->run->models[m].name,
                        view->run->models[0].layers[l].name);
            for (int c = 0; c < view->run->n_categories; c++) {
                const struct fus_csi_comparison *row = fus_view_comparison(view, m, l, c);
                if (row && isfinite(row->p))
                    fus_svg_put(out, "<td>$3, p $v$s</td>", row->csi_difference, row->p, row->p < 0.05 ? " *" : "");
                else
                    fus_svg_put(out, "<td>\xe2\x80\x93</td>");
            }
            fus_svg_put(out, "</tr>\n");
        }
    fus_detail_close_table(out);
}

void fus_detail_last(struct fus_text_buffer *out, const struct fus_view *view)
{
    static const char *const names[] = {"model",    "category", "selective",     "of units",     "share",
                                        "interval", "CSI",      "CSI undefined", "d\xe2\x80\xb2"};
    fus_detail_open_table(out, "Last block layer; \xe2\x80\x93 undefined or not computed");
    fus_detail_head(out, names, 9);
    for (int m = 0; m < view->run->n_models; m++)
        for (int c = 0; c < view->run->n_categories; c++) {
            const struct fus_category_summary *s = fus_view_category(view, m, view->last[m], c);
            fus_svg_put(out, "<tr><td>$e</td><th scope=\"row\">$e</th><td>$z</td><td>$z</td><td>$p</td>",
                        view->run->models[m].name, view->run->categories[c], s->n_selective,
                        fus_view_last(view, m)->n_units, s->proportion);
            if (isfinite(s->ci_low) && isfinite(s->ci_high))
                fus_svg_put(out, "<td>$p to $p</td>", s->ci_low, s->ci_high);
            else
                fus_svg_put(out, "<td>\xe2\x80\x93</td>");
            line_cell(out, view, FUS_VIEW_CSI, m, view->last[m], c);
            fus_svg_put(out, "<td>$z</td><td>$2</td></tr>\n", s->n_csi_undefined, s->dprime_mean);
        }
    fus_detail_close_table(out);
}

void fus_detail_maps(struct fus_text_buffer *out, const struct fus_view *view)
{
    static const char *const names[] = {"model", "category",     "mean",           "lowest", "highest", "sd",
                                        "CV",    "CV by chance", "Morisita index", "p",      "Gini",    "entropy"};
    fus_detail_open_table(
        out, "Maps of the last block layer: share of channels over places. By chance, and p: as many units "
             "placed at random; \xe2\x80\x93 undefined");
    fus_detail_head(out, names, 12);
    for (int m = 0; m < view->run->n_models; m++)
        for (int c = 0; c < view->run->n_categories; c++) {
            const struct fus_layer_summary *layer = fus_view_last(view, m);
            const struct fus_category_summary *s = &layer->categories[c];
            size_t n = s->map ? (size_t)layer->height * (size_t)layer->width : 0;
            double least = n ? s->map[0] : NAN, most = least;
            for (size_t i = 1; i < n; i++) {
                least = s->map[i] < least ? s->map[i] : least;
                most = s->map[i] > most ? s->map[i] : most;
            }
            fus_svg_put(out, "<tr><td>$e</td><th scope=\"row\">$e</th><td>$p</td><td>$p</td><td>$p</td><td>$p</td>",
                        view->run->models[m].name, view->run->categories[c], s->proportion, least, most,
                        s->variation_sd);
            fus_svg_put(out, "<td>$3</td><td>$3</td><td>$3</td><td>$v</td><td>$3</td><td>$3</td></tr>\n",
                        s->variation_cv, s->variation_null, s->morisita, s->placement_p, s->gini, s->entropy);
        }
    fus_detail_close_table(out);
}

void fus_detail_power(struct fus_text_buffer *out, const struct fus_view *view)
{
    static const char *const names[] = {"model", "category", "pictures", "alpha",
                                        "share", "CSI",      "CV",       "Morisita index"};
    struct fus_power_plan plan;
    if (!view->run->method || fus_power_parse(&plan, view->run->method->subsample, NULL))
        return;
    fus_detail_open_table(
        out, "The last block layer with fewer pictures of each category (means over draws), and at other levels; "
             "\xe2\x80\x93 undefined");
    fus_detail_head(out, names, 8);
    for (int m = 0; m < view->run->n_models; m++)
        for (int c = 0; c < view->run->n_categories; c++)
            for (int i = 0; i < fus_power_count(&plan) && fus_view_last(view, m)->power; i++) {
                const double *v = fus_view_last(view, m)->power[c * fus_power_count(&plan) + i].mean;
                int pictures = i < plan.n_sizes ? plan.sizes[i] : view->run->n_pictures[c];
                fus_svg_put(out, "<tr><td>$e</td><th scope=\"row\">$e</th><td>$d</td><td>$v</td>",
                            view->run->models[m].name, view->run->categories[c], pictures,
                            i > plan.n_sizes ? fus_power_alpha(&plan, i) : view->run->options.alpha);
                fus_svg_put(out, "<td>$p</td><td>$3</td><td>$3</td><td>$3</td></tr>\n", v[FUS_BOOTSTRAP_PROPORTION],
                            v[FUS_BOOTSTRAP_CSI], v[FUS_BOOTSTRAP_VARIATION], v[FUS_BOOTSTRAP_MORISITA]);
            }
    fus_detail_close_table(out);
}

/* Mean and SD over the pictures of category c of the profile's row. */
static void response_cell(struct fus_text_buffer *out, const struct fus_response_profile *p, const double *response,
                          int c)
{
    double sum = 0, squares = 0;
    int n = 0;
    for (int i = 0; i < p->n_pictures; i++)
        if (p->category[i] == c && isfinite(response[i])) {
            sum += response[i];
            n++;
        }
    for (int i = 0; i < p->n_pictures; i++)
        if (p->category[i] == c && isfinite(response[i]))
            squares += (response[i] - sum / n) * (response[i] - sum / n);
    if (n == 0)
        fus_svg_put(out, "<td>\xe2\x80\x93</td>");
    else if (n == 1)
        fus_svg_put(out, "<td>$r</td>", sum / n);
    else
        fus_svg_put(out, "<td>$r \xc2\xb1 $r</td>", sum / n, sqrt(squares / (n - 1)));
}

void fus_detail_responses(struct fus_text_buffer *out, const struct fus_view *view)
{
    const struct fus_run_summary *run = view->run;
    fus_detail_open_table(
        out, "Mean response of the units selective for a category to the pictures of each, \xc2\xb1 SD over "
             "pictures; \xe2\x80\x93 no unit is selective");
    fus_svg_put(out, "<th scope=\"col\">model</th><th scope=\"col\">units selective for</th>");
    category_head(out, view);
    for (int m = 0; m < run->n_models; m++)
        for (int s = 0; run->profiles[m].n_pictures && s < run->n_categories; s++) {
            const struct fus_response_profile *p = &run->profiles[m];
            fus_svg_put(out, "<tr><td>$e</td><th scope=\"row\">$e</th>", run->models[m].name, run->categories[s]);
            for (int c = 0; c < run->n_categories; c++)
                response_cell(out, p, p->response + (size_t)s * (size_t)p->n_pictures, c);
            fus_svg_put(out, "</tr>\n");
        }
    fus_detail_close_table(out);
}

static void category_start(struct fus_text_buffer *out, const struct fus_view *view, int model, int category)
{
    fus_svg_put(out, "<tr><td>$e</td><th scope=\"row\">$e</th>", view->run->models[model].name,
                view->run->categories[category]);
}

void fus_detail_number_cell(struct fus_text_buffer *out, double v)
{
    fus_svg_put(out, isfinite(v) ? "<td>$3</td>" : "<td>\xe2\x80\x93</td>", v);
}

void fus_detail_reliability(struct fus_text_buffer *out, const struct fus_view *view)
{
    static const char *const names[] = {"model",
                                        "category",
                                        "CSI, all pictures",
                                        "CSI, same half",
                                        "CSI, other half",
                                        "d\xe2\x80\xb2, all pictures",
                                        "d\xe2\x80\xb2, other half",
                                        "selected again",
                                        "Dice",
                                        "r of the t maps"};
    fus_detail_open_table(
        out, "Last block layer. All pictures: units chosen and measured on the same pictures. Same and other "
             "half: chosen in one half, measured there and in the other, mean "
             "of both directions; their difference is what choosing and measuring on the same pictures adds. "
             "Selected again: share of the units chosen in one half that the other half "
             "chooses too; \xe2\x80\x93 nothing was chosen");
    fus_detail_head(out, names, 10);
    for (int m = 0; m < view->run->n_models; m++)
        for (int c = 0; c < view->run->n_categories; c++) {
            const struct fus_category_summary *s = fus_view_category(view, m, view->last[m], c);
            const double row[] = {s->csi_mean,  s->csi_same, s->csi_cv, s->dprime_mean,
                                  s->dprime_cv, s->survival, s->dice,   s->split_half_r};
            category_start(out, view, m, c);
            for (int i = 0; i < 8; i++)
                fus_detail_number_cell(out, row[i]);
            fus_svg_put(out, "</tr>\n");
        }
    fus_detail_close_table(out);
}

static void interval_cell(struct fus_text_buffer *out, const struct fus_interval *x)
{
    if (!isfinite(x->estimate))
        fus_svg_put(out, "<td>\xe2\x80\x93</td>");
    else if (isfinite(x->low) && isfinite(x->high))
        fus_svg_put(out, "<td>$3 ($3 to $3)</td>", x->estimate, x->low, x->high);
    else
        fus_svg_put(out, "<td>$3</td>", x->estimate);
}

static void matched_row(struct fus_text_buffer *out, const struct fus_view *view, const struct fus_matched_row *row)
{
    fus_svg_put(out, "<tr><td>$e</td><th scope=\"row\">$e</th><td>$z</td>", view->run->models[row->model_b].name,
                view->run->categories[row->category], row->k);
    for (int s = 0; s < FUS_MATCHED_STATISTICS; s++) {
        interval_cell(out, &row->a[s]);
        interval_cell(out, &row->b[s]);
        interval_cell(out, &row->difference[s]);
        fus_svg_put(out, "<td>$v</td>", row->difference[s].p);
    }
    fus_svg_put(out, "</tr>\n");
}

void fus_detail_matched(struct fus_text_buffer *out, const struct fus_view *view)
{
    static const char *const names[] = {"against",  "category",     "k",          "CSI", "its CSI", "difference", "p",
                                        "Morisita", "its Morisita", "difference", "p"};
    fus_detail_open_table(
        out, "First model against another in their last block layers, by the k units of largest t of each, chosen "
             "in one half of the pictures, CSI measured in the other, mean of both ways; in brackets intervals");
    fus_detail_head(out, names, 11);
    for (int m = 1; m < view->run->n_models; m++)
        for (size_t i = 0; i < view->run->n_matched; i++) {
            const struct fus_matched_row *row = &view->run->matched[i];
            if (row->model_a == 0 && row->model_b == m && row->layer_a == view->last[0] &&
                row->layer_b == view->last[m])
                matched_row(out, view, row);
        }
    fus_detail_close_table(out);
}

static void group_row(struct fus_text_buffer *out, const struct fus_view *view, const struct fus_group_row *row)
{
    const struct fus_groups *g = &view->run->groups;
    fus_svg_put(out, "<tr><td>$e and $e</td><th scope=\"row\">$e</th><td>$s</td>", g->group[row->a].name,
                g->group[row->b].name, view->run->categories[row->category], fus_group_statistics[row->statistic]);
    interval_cell(out, &(struct fus_interval){row->mean_a, NAN, NAN, NAN});
    interval_cell(out, &(struct fus_interval){row->mean_b, NAN, NAN, NAN});
    interval_cell(out, &(struct fus_interval){row->difference, row->low, row->high, NAN});
    fus_svg_put(out, "<td>$v</td><td>$v</td></tr>\n", row->p, row->p_family);
}

void fus_detail_groups(struct fus_text_buffer *out, const struct fus_view *view)
{
    static const char *const names[] = {"groups",   "category",   "statistic", "mean",
                                        "its mean", "difference", "p",         "p, all layers"};
    if (!view->run->groups.n)
        return;
    fus_detail_open_table(
        out, "Groups of trainings in the last block layer: means over trainings, intervals over trainings and, if "
             "there is a bootstrap, pictures; p over relabelled trainings, and for the largest difference over "
             "all layers; \xe2\x80\x93 undefined. All layers: groups.csv");
    fus_detail_head(out, names, 8);
    for (size_t i = 0; i < view->run->n_group_rows; i++) {
        const struct fus_group_row *row = &view->run->group_rows[i];
        if (row->layer == view->last[view->run->groups.group[row->a].model[0]])
            group_row(out, view, row);
    }
    fus_detail_close_table(out);
}

void fus_detail_chance(struct fus_text_buffer *out, const struct fus_view *view)
{
    static const char *const names[] = {"model",        "category",        "share",         "by chance",
                                        "chance, high", "p (global null)", "t family-wise", "units above it"};
    fus_detail_open_table(
        out, "Last block layer against relabelled pictures. By chance: mean share over the relabellings; high: "
             "what 1 \xe2\x88\x92 \xce\xb1 of them stay below; "
             "p: of the global null that no category differs from any other. Units family-wise respond more to "
             "their category than to each other one, tested by relabelling that pair alone: in at most \xce\xb1 "
             "of such layers any unit passes by chance. t family-wise: the largest of the pairs\xe2\x80\x99 "
             "thresholds; \xe2\x80\x93 undefined");
    fus_detail_head(out, names, 8);
    for (int m = 0; m < view->run->n_models; m++)
        for (int c = 0; fus_view_last(view, m)->permuted && c < view->run->n_categories; c++) {
            const struct fus_permute_category *p = &fus_view_last(view, m)->permuted[c];
            category_start(out, view, m, c);
            fus_svg_put(out, "<td>$p</td><td>$p</td><td>$p</td><td>$v</td>", p->proportion, p->null_mean, p->null_high,
                        p->p_proportion);
            fus_detail_number_cell(out, p->t_critical);
            fus_svg_put(out, "<td>$z</td></tr>\n", p->n_familywise);
        }
    fus_detail_close_table(out);
}

static void consistency_cell(struct fus_text_buffer *out, const double *matrix, size_t n, size_t row, size_t column)
{
    fus_detail_number_cell(out, matrix ? matrix[row * n + column] : NAN);
}

void fus_detail_consistency(struct fus_text_buffer *out, const struct fus_view *view)
{
    static const char *const names[] = {
        "model", "layer", "categories: layer before", "last layer", "pictures: layer before", "last layer"};
    const double *const *matrix = view->run->consistency;
    size_t n = 0, first = 0;
    for (int m = 0; m < view->run->n_models; m++)
        n += (size_t)view->run->models[m].n_layers;
    fus_detail_open_table(
        out, "Each layer with the one before it and with the model\xe2\x80\x99s last; \xe2\x80\x93 undefined, "
             "or single responses were not kept. All pairs: "
             "consistency.csv");
    fus_detail_head(out, names, 6);
    for (int m = 0; m < view->run->n_models; m++) {
        size_t last = first + (size_t)view->run->models[m].n_layers - 1;
        for (size_t i = first; i <= last; i++) {
            fus_detail_row_start(out, view, m, (int)(i - first));
            for (int level = 0; level < 2; level++) {
                consistency_cell(out, i > first ? matrix[level] : NULL, n, i, i - 1);
                consistency_cell(out, matrix[level], n, i, last);
            }
            fus_svg_put(out, "</tr>\n");
        }
        first = last + 1;
    }
    fus_detail_close_table(out);
}
