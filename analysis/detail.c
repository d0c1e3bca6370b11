/* The numbers behind the figures as HTML tables: see detail.h. Every table scrolls in a box of its own. */
#include "detail.h"

#include <math.h>

#include "stimuli/stimuli.h"

static void open_table(struct fus_svg *out, const char *caption)
{
    fus_svg_put(out, "<div class=\"scroll\" tabindex=\"0\"><table><caption>$s</caption>\n<thead><tr>", caption);
}

static void close_table(struct fus_svg *out)
{
    fus_svg_put(out, "</tbody></table></div>\n");
}

static void head(struct fus_svg *out, const char *const *names, int n)
{
    for (int i = 0; i < n; i++)
        fus_svg_put(out, "<th scope=\"col\">$s</th>", names[i]);
    fus_svg_put(out, "</tr></thead><tbody>\n");
}

static void category_head(struct fus_svg *out, const struct fus_view *view)
{
    for (int c = 0; c < view->run->n_categories; c++)
        fus_svg_put(out, "<th scope=\"col\">$e</th>", view->run->categories[c]);
    fus_svg_put(out, "</tr></thead><tbody>\n");
}

static void row_start(struct fus_svg *out, const struct fus_view *view, int model, int layer)
{
    fus_svg_put(out, "<tr><td>$e</td><th scope=\"row\">$e</th>", view->run->models[model].name, view->run->models[model].layers[layer].name);
}

static void line_cell(struct fus_svg *out, const struct fus_view *view, enum fus_view_quantity quantity, int model, int layer, int category)
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

void fus_detail_lines(struct fus_svg *out, const struct fus_view *view, enum fus_view_quantity quantity)
{
    static const char *const captions[3] = {"CSI, mean \xc2\xb1 SEM over the selective units; \xe2\x80\x93 undefined", "Selective units, share of the layer",
                                            "Variation over places (CV); \xe2\x80\x93 undefined"};
    open_table(out, captions[quantity]);
    fus_svg_put(out, "<th scope=\"col\">model</th><th scope=\"col\">layer</th>");
    category_head(out, view);
    for (int m = 0; m < view->run->n_models; m++)
        for (int l = 0; l < view->run->models[m].n_layers; l++) {
            row_start(out, view, m, l);
            for (int c = 0; c < view->run->n_categories; c++)
                line_cell(out, view, quantity, m, l, c);
            fus_svg_put(out, "</tr>\n");
        }
    close_table(out);
}

static bool is_compared(const struct fus_view *view, int other, int layer)
{
    for (int c = 0; c < view->run->n_categories; c++)
        if (fus_view_comparison(view, other, layer, c))
            return true;
    return false;
}

void fus_detail_comparison(struct fus_svg *out, const struct fus_view *view)
{
    if (view->n_rows == 0)
        return;
    open_table(out, "Difference of mean CSI, first model minus other; one-sided p of \xe2\x80\x9c" "first greater\xe2\x80\x9d");
    fus_svg_put(out, "<th scope=\"col\">against</th><th scope=\"col\">layer</th>");
    category_head(out, view);
    for (int m = 1; m < view->run->n_models; m++)
        for (int l = 0; l < view->run->models[0].n_layers; l++) {
            if (!is_compared(view, m, l))
                continue;
            fus_svg_put(out, "<tr><td>$e</td><th scope=\"row\">$e</th>", view->run->models[m].name, view->run->models[0].layers[l].name);
            for (int c = 0; c < view->run->n_categories; c++) {
                const struct fus_csi_comparison *row = fus_view_comparison(view, m, l, c);
                if (row && isfinite(row->p))
                    fus_svg_put(out, "<td>$3, p $v$s</td>", row->csi_difference, row->p, row->p < 0.05 ? " *" : "");
                else
                    fus_svg_put(out, "<td>\xe2\x80\x93</td>");
            }
            fus_svg_put(out, "</tr>\n");
        }
    close_table(out);
}

void fus_detail_last(struct fus_svg *out, const struct fus_view *view)
{
    static const char *const names[] = {"model", "category", "selective", "of units", "share", "interval", "CSI", "CSI undefined", "d\xe2\x80\xb2"};
    open_table(out, "Last block layer; \xe2\x80\x93 undefined or not computed");
    head(out, names, 9);
    for (int m = 0; m < view->run->n_models; m++)
        for (int c = 0; c < view->run->n_categories; c++) {
            const struct fus_category_summary *s = fus_view_category(view, m, view->last[m], c);
            fus_svg_put(out, "<tr><td>$e</td><th scope=\"row\">$e</th><td>$z</td><td>$z</td><td>$p</td>", view->run->models[m].name,
                        view->run->categories[c], s->n_selective, fus_view_last(view, m)->n_units, s->proportion);
            if (isfinite(s->ci_low) && isfinite(s->ci_high))
                fus_svg_put(out, "<td>$p to $p</td>", s->ci_low, s->ci_high);
            else
                fus_svg_put(out, "<td>\xe2\x80\x93</td>");
            line_cell(out, view, FUS_VIEW_CSI, m, view->last[m], c);
            fus_svg_put(out, "<td>$z</td><td>$2</td></tr>\n", s->n_csi_undefined, s->dprime_mean);
        }
    close_table(out);
}

void fus_detail_maps(struct fus_svg *out, const struct fus_view *view)
{
    static const char *const names[] = {"model", "category", "mean", "lowest", "highest", "sd", "CV", "Gini", "entropy"};
    open_table(out, "Maps of the last block layer: share of channels over places; \xe2\x80\x93 undefined");
    head(out, names, 9);
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
            fus_svg_put(out, "<tr><td>$e</td><th scope=\"row\">$e</th><td>$p</td><td>$p</td><td>$p</td><td>$p</td>", view->run->models[m].name,
                        view->run->categories[c], s->proportion, least, most, s->variation_sd);
            fus_svg_put(out, "<td>$3</td><td>$3</td><td>$3</td></tr>\n", s->variation_cv, s->gini, s->entropy);
        }
    close_table(out);
}

void fus_detail_models(struct fus_svg *out, const struct fus_view *view)
{
    fus_svg_put(out, "<dl>\n");
    for (int m = 0; m < view->run->n_models; m++) {
        const struct fus_model_summary *model = &view->run->models[m];
        size_t n_units = 0;
        for (int l = 0; l < model->n_layers; l++)
            n_units += model->layers[l].n_units;
        fus_svg_put(out, "<dt>$e</dt><dd>$e$s<br/>Source: $e<br/>", model->name, model->architecture ? model->architecture : "architecture not given",
                    fus_view_untrained(view, m) ? ", untrained: random weights" : "", model->source ? model->source : "not given");
        fus_svg_put(out, "Preparation of pictures: $e. $d layers, $z units.<br/>", model->preprocess ? model->preprocess : "not given", model->n_layers,
                    n_units);
        fus_svg_put(out, "SHA-256: <code>$e</code></dd>\n", model->sha256[0] ? model->sha256 : "none (no file)");
    }
    fus_svg_put(out, "</dl>\n");
}

void fus_detail_dead(struct fus_svg *out, const struct fus_view *view)
{
    static const char *const names[] = {"model", "layer", "channels", "places", "units", "dead", "share dead", "not finite", "selective", "CSI undefined"};
    open_table(out, "Units of every layer");
    head(out, names, 10);
    for (int m = 0; m < view->run->n_models; m++)
        for (int l = 0; l < view->run->models[m].n_layers; l++) {
            const struct fus_layer_summary *layer = &view->run->models[m].layers[l];
            size_t n_selective = 0, n_undefined = 0;
            for (int c = 0; c < view->run->n_categories; c++) {
                n_selective += layer->categories[c].n_selective;
                n_undefined += layer->categories[c].n_csi_undefined;
            }
            row_start(out, view, m, l);
            fus_svg_put(out, "<td>$d</td><td>$d \xc3\x97 $d</td><td>$z</td><td>$z</td><td>$p</td><td>$z</td><td>$z</td><td>$z</td></tr>\n", layer->channels,
                        layer->height, layer->width, layer->n_units, layer->n_dead,
                        layer->n_units ? (double)layer->n_dead / (double)layer->n_units : 0.0, layer->n_undefined, n_selective, n_undefined);
        }
    close_table(out);
}

static void pixel_cell(struct fus_svg *out, double mean, double sd)
{
    if (isfinite(sd))
        fus_svg_put(out, "<td>$3 \xc2\xb1 $3</td>", mean, sd);
    else
        fus_svg_put(out, "<td>$3</td>", mean);
}

void fus_detail_pixels(struct fus_svg *out, const struct fus_view *view)
{
    static const char *const names[] = {"category", "pictures", "luminance", "contrast", "slope of the spectrum"};
    const struct fus_run_summary *run = view->run;
    if (!run->pixels)
        return;
    open_table(out, "Before any network: mean luminance and RMS contrast (of 1), and slope of the log-log power spectrum; mean \xc2\xb1 SD "
                    "over pictures. Categories that differ here can be told apart without seeing what the pictures show.");
    head(out, names, 5);
    for (int c = 0; c < run->n_categories; c++) {
        const struct fus_pixelstats_category *p = &run->pixels[c];
        fus_svg_put(out, "<tr><th scope=\"row\">$e</th><td>$d</td>", run->categories[c], p->n);
        pixel_cell(out, p->luminance_mean, p->luminance_sd);
        pixel_cell(out, p->contrast_mean, p->contrast_sd);
        pixel_cell(out, p->slope_mean, p->slope_sd);
        fus_svg_put(out, "</tr>\n");
    }
    close_table(out);
    fus_svg_put(out, "<p class=\"files\"><a href=\"pixels.csv\">pixels.csv</a></p>\n");
}
