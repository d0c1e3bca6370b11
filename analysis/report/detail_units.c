/* SPDX-License-Identifier: MIT */
/* Tables of pictures, single units, models and layers: see detail.h. */
#include "analysis/report/detail.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "stimuli/stimuli.h"
#include "weights/weights.h"

/* ---- pictures ---- */

static void picture_title(struct fus_text_buffer *out, const struct fus_view *view, int picture, const char *before)
{
    if (view->run->pictures)
        fus_svg_put(out, "$s$e", before, view->run->pictures[picture]);
    else
        fus_svg_put(out, "$spicture $d", before, picture + 1);
}

void fus_detail_thumb(struct fus_text_buffer *out, const struct fus_view *view, int picture, const char *before)
{
    const struct fus_thumb *at = fus_thumbs_find(&view->thumbs, picture);
    if (!at) {
        const char *name = view->run->pictures ? view->run->pictures[picture] : "", *slash = strrchr(name, '/');
        fus_svg_put(out, "<span class=\"nm\" title=\"");
        picture_title(out, view, picture, before);
        fus_svg_put(out, "\">$e</span>", slash ? slash + 1 : name);
        return;
    }
    fus_svg_put(out, "<svg class=\"th\" viewBox=\"$d $d $d $d\" role=\"img\"><title>", at->x + 1, at->y + 1,
                FUS_THUMBS_SIDE - 2, FUS_THUMBS_SIDE - 2);
    picture_title(out, view, picture, before);
    fus_svg_put(out, "</title><use href=\"#sheet\"/></svg>");
}

static void picture_cell(struct fus_text_buffer *out, const struct fus_view *view, const int *pictures,
                         const double *responses, int n)
{
    char number[FUS_SVG_NUMBER_BYTES], before[FUS_SVG_NUMBER_BYTES + 8];
    fus_svg_put(out, "<td><div class=\"strip\">");
    for (int i = 0; i < n; i++) {
        fus_svg_number(number, responses[i], 3);
        snprintf(before, sizeof before, "%s: ", number);
        fus_detail_thumb(out, view, pictures[i], before);
    }
    fus_svg_put(out, "</div></td>");
}

/* A word of a command: in single quotes unless it is plain. */
static void shell_word(struct fus_text_buffer *out, const char *word)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:=+,-";
    if (*word && word[strspn(word, plain)] == '\0') {
        fus_svg_put(out, " $e", word);
        return;
    }
    fus_svg_put(out, " '");
    while (*word) {
        char part[512]; /* longer than the name of a file or a model */
        size_t n = strcspn(word, "'");
        snprintf(part, sizeof part, "%.*s", (int)n, word);
        fus_svg_put(out, word[n] ? "$e'\\''" : "$e", part);
        word += n + (word[n] != '\0');
    }
    fus_svg_put(out, "'");
}

/* The command that explains a unit, to be given in the folder of the report. */
static void explain_command(struct fus_text_buffer *out, const struct fus_run_summary *run,
                            const struct fus_top_unit *u)
{
    const struct fus_model_summary *model = &run->models[u->model];
    fus_svg_put(out, "fusiform explain .");
    shell_word(out, model->name);
    shell_word(out, model->layers[u->layer].name);
    fus_svg_put(out, " $d,$d,$d", u->channel, u->y, u->x);
    if (model->source && fus_open_is_file(model->source)) {
        fus_svg_put(out, " --model");
        shell_word(out, model->source);
    }
    if (run->stimuli && strncmp(run->stimuli, "drawn by fusiform ", 18) != 0)
        fus_svg_put(out, " --stimuli DIR");
    fus_svg_put(out, "\n");
}

#define SHOWN_TOP_UNITS 3 /* of a category; top_units.csv has all */

void fus_detail_top(struct fus_text_buffer *out, const struct fus_view *view, int model)
{
    static const char *const names[] = {"selective for", "channel (row, column)", "least t", "CSI",
                                        "d\xe2\x80\xb2", "responds most to",      "least to"};
    const struct fus_run_summary *run = view->run;
    struct fus_text_buffer commands = {0};
    bool open = false;
    for (size_t i = 0, rank = 0; i < run->n_top; i++) {
        const struct fus_top_unit *u = &run->top[i];
        if (u->model != model || u->layer != view->last[model])
            continue;
        rank = open && i > 0 && run->top[i - 1].category == u->category ? rank + 1 : 0;
        if (rank >= SHOWN_TOP_UNITS)
            continue;
        if (!open) {
            fus_svg_put(out, "<h4>$e: $e</h4>\n", run->models[model].name, fus_view_last(view, model)->name);
            fus_detail_open_table(
                out, "Units with the largest least t; pictures with the extreme ones first, their responses in "
                     "the tooltips");
            fus_detail_head(out, names, 7);
            open = true;
        }
        fus_svg_put(out, "<tr><th scope=\"row\">$e</th><td>$d ($d, $d)</td>", run->categories[u->category], u->channel,
                    u->y, u->x);
        fus_detail_number_cell(out, u->t);
        fus_detail_number_cell(out, u->csi);
        fus_detail_number_cell(out, u->dprime);
        picture_cell(out, view, u->most, u->most_response, u->n_pictures);
        picture_cell(out, view, u->least, u->least_response, u->n_pictures);
        fus_svg_put(out, "</tr>\n");
        explain_command(&commands, run, u);
    }
    if (open) {
        fus_detail_close_table(out);
        fus_svg_put(out, "<details><summary>Each of these units line by line: commands for the folder of this "
                         "report</summary>\n<div class=\"scroll\" tabindex=\"0\"><pre>");
        fus_text_append(out, commands.s, commands.n);
        fus_svg_put(out, "</pre></div></details>\n");
    }
    out->failed = out->failed || commands.failed;
    fus_text_free(&commands);
}

void fus_detail_models(struct fus_text_buffer *out, const struct fus_view *view)
{
    fus_svg_put(out, "<dl>\n");
    for (int m = 0; m < view->run->n_models; m++) {
        const struct fus_model_summary *model = &view->run->models[m];
        size_t n_units = 0;
        for (int l = 0; l < model->n_layers; l++)
            n_units += model->layers[l].n_units;
        fus_svg_put(out, "<dt>$e</dt><dd>$e$s<br/>Source: $e<br/>", model->name,
                    model->architecture ? model->architecture : "architecture not given",
                    fus_view_untrained(view, m) ? ", untrained: random weights" : "",
                    model->source ? model->source : "not given");
        fus_svg_put(out, "Preparation of pictures: $e. $d layers, $z units.<br/>",
                    model->preprocess ? model->preprocess : "not given", model->n_layers, n_units);
        fus_svg_put(out, "SHA-256: <code>$e</code></dd>\n", model->sha256[0] ? model->sha256 : "none (no file)");
    }
    fus_svg_put(out, "</dl>\n");
}

void fus_detail_dead(struct fus_text_buffer *out, const struct fus_view *view)
{
    static const char *const names[] = {"model", "layer",      "channels",   "places",    "units",
                                        "dead",  "share dead", "not finite", "selective", "CSI undefined"};
    fus_detail_open_table(out, "Units of every layer");
    fus_detail_head(out, names, 10);
    for (int m = 0; m < view->run->n_models; m++)
        for (int l = 0; l < view->run->models[m].n_layers; l++) {
            const struct fus_layer_summary *layer = &view->run->models[m].layers[l];
            size_t n_selective = 0, n_undefined = 0;
            for (int c = 0; c < view->run->n_categories; c++) {
                n_selective += layer->categories[c].n_selective;
                n_undefined += layer->categories[c].n_csi_undefined;
            }
            fus_detail_row_start(out, view, m, l);
            fus_svg_put(out,
                        "<td>$d</td><td>$d \xc3\x97 "
                        "$d</td><td>$z</td><td>$z</td><td>$p</td><td>$z</td><td>$z</td><td>$z</td></tr>\n",
                        layer->channels, layer->height, layer->width, layer->n_units, layer->n_dead,
                        layer->n_units ? (double)layer->n_dead / (double)layer->n_units : 0.0, layer->n_undefined,
                        n_selective, n_undefined);
        }
    fus_detail_close_table(out);
}

static void pixel_cell(struct fus_text_buffer *out, double mean, double sd)
{
    if (isfinite(sd))
        fus_svg_put(out, "<td>$3 \xc2\xb1 $3</td>", mean, sd);
    else
        fus_svg_put(out, "<td>$3</td>", mean);
}

void fus_detail_pixels(struct fus_text_buffer *out, const struct fus_view *view)
{
    static const char *const names[] = {"category", "pictures", "luminance", "contrast", "slope of the spectrum"};
    const struct fus_run_summary *run = view->run;
    if (!run->pixels)
        return;
    fus_detail_open_table(
        out, "Before any network: mean luminance and RMS contrast (of 1), and slope of the log-log power spectrum; "
             "mean \xc2\xb1 SD "
             "over pictures. Categories that differ here can be told apart without seeing what the pictures show.");
    fus_detail_head(out, names, 5);
    for (int c = 0; c < run->n_categories; c++) {
        const struct fus_pixelstats_category *p = &run->pixels[c];
        fus_svg_put(out, "<tr><th scope=\"row\">$e</th><td>$d</td>", run->categories[c], p->n);
        pixel_cell(out, p->luminance_mean, p->luminance_sd);
        pixel_cell(out, p->contrast_mean, p->contrast_sd);
        pixel_cell(out, p->slope_mean, p->slope_sd);
        fus_svg_put(out, "</tr>\n");
    }
    fus_detail_close_table(out);
    fus_svg_put(out, "<p class=\"files\"><a href=\"pixels.csv\">pixels.csv</a></p>\n");
}
