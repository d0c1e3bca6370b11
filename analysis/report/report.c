/* SPDX-License-Identifier: MIT */
/* One run as a page: figures/NAME.svg and report.html, in the frame of frame.h. */
#include <stdio.h>
#include <string.h>

#include "analysis/report/compose.h"
#include "analysis/report/detail.h"
#include "analysis/report/frame.h"
#include "analysis/report/prose.h"
#include "analysis/run/run_summary.h"
#include "nn/base/outfile.h"

static void head(struct fus_text_buffer *out, const struct fus_view *view)
{
    const struct fus_run_summary *run = view->run;
    struct fus_text_buffer title = {0};
    fus_prose_title(&title, view);
    fus_frame_open(out, &(struct fus_frame){"Functional localizer", title.s ? title.s : "", NULL, &view->theme});
    out->failed |= title.failed;
    fus_text_free(&title);
    fus_svg_put(out, "<p class=\"meta\">$d model$s \xc2\xb7 $d categories", run->n_models,
                run->n_models == 1 ? "" : "s", run->n_categories);
    if (run->stimuli && run->stimuli[0])
        fus_svg_put(out, " \xc2\xb7 $e", run->stimuli);
    fus_svg_put(out, " \xc2\xb7 figures numbered as in arXiv:2502.16456</p>\n</header>\n"
                     "<section class=\"result\" aria-label=\"Result\">\n");
    fus_prose_result(out, view);
    fus_svg_put(out, "</section>\n");
}

/* The numbers of a figure: its table, and the file that has it with all digits. */
static const struct source {
    const char *number, *csv;
    void (*table)(struct fus_text_buffer *out, const struct fus_view *view);
    enum fus_view_quantity quantity; /* of lines, if it has no separate table */
} sources[] = {
    {"2A", "profiles.csv", fus_detail_responses, 0}, {"2B", "layers.csv", NULL, FUS_VIEW_CSI},
    {"3A", "layers.csv", fus_detail_last, 0},        {"3B", "layers.csv", NULL, FUS_VIEW_PROPORTION},
    {"4A", "layers.csv", fus_detail_maps, 0},        {"4B", "layers.csv", fus_detail_maps, 0},
    {"4C", "layers.csv", NULL, FUS_VIEW_VARIATION},  {"2B\xe2\x80\xb2", "layers.csv", fus_detail_reliability, 0},
    {"m1", "matched.csv", fus_detail_matched, 0},    {"v1", "consistency.csv", fus_detail_consistency, 0},
    {"p1", "power.csv", fus_detail_power, 0},        {"5A", "layers.csv", NULL, FUS_VIEW_CSI},
    {"5B", "layers.csv", NULL, FUS_VIEW_PROPORTION}, {"5C", "layers.csv", NULL, FUS_VIEW_VARIATION},
};

static const struct source *source_of(const struct fus_figures_figure *f)
{
    size_t i = 0;
    while (strcmp(sources[i].number, f->number) != 0)
        i++;
    return &sources[i];
}

static void tables_of(struct fus_text_buffer *out, const struct fus_view *view, const struct fus_figures_figure *f)
{
    const struct source *source = source_of(f);
    if (source->table)
        source->table(out, view);
    else
        fus_detail_lines(out, view, source->quantity);
    if (strcmp(f->number, "2B") == 0)
        fus_detail_comparison(out, view);
    if (strcmp(f->number, "4C") == 0)
        fus_detail_lines(out, view, FUS_VIEW_MORISITA);
    if (strcmp(f->number, "3A") == 0 && view->permuted)
        fus_detail_chance(out, view);
    if (strcmp(f->number, "3B") == 0)
        fus_detail_groups(out, view);
}

static void caption(struct fus_text_buffer *out, const struct fus_view *view, const struct fus_figures_figure *f)
{
    if (f->n_folds) {
        fus_svg_put(out, "<p class=\"note\">");
        fus_prose_folds(out, view, f);
        fus_svg_put(out, "</p>\n");
    }
    fus_svg_put(out, "<figcaption>");
    fus_prose_caption(out, view, f);
    fus_svg_put(out, "</figcaption>\n<p class=\"files\"><a href=\"figures/$s.svg\">$s.svg</a><a href=\"$s\">$s</a>",
                f->file, f->file, source_of(f)->csv, source_of(f)->csv);
    if (strcmp(f->number, "2B") == 0 && view->run->n_models > 1)
        fus_svg_put(out, "<a href=\"compare.csv\">compare.csv</a>");
    if (f->number[0] == '3' && view->permuted)
        fus_svg_put(out, "<a href=\"permutations.csv\">permutations.csv</a>");
    if (strcmp(f->number, "m1") == 0)
        fus_svg_put(out, "<a href=\"agreement.csv\">agreement.csv</a>");
    if (strcmp(f->number, "3B") == 0 && view->run->groups.n)
        fus_svg_put(out, "<a href=\"groups.csv\">groups.csv</a>");
    if (f->number[0] == '5')
        fus_svg_put(out, "<a href=\"#$s\">Table of figure $s</a>",
                    f->number[1] == 'A'   ? "fig2b"
                    : f->number[1] == 'B' ? "fig3b"
                                          : "fig4c",
                    f->number[1] == 'A'   ? "2B"
                    : f->number[1] == 'B' ? "3B"
                                          : "4C");
    fus_svg_put(out, "</p>\n");
}

/* Figs 5 show what other tables hold already. */
static bool has_table(const struct fus_figures_figure *f)
{
    return f->number[0] != '5';
}

/* Where the panels leave a cell of their grid empty (three columns, or two), the
 * caption takes it. */
static void figure(struct fus_text_buffer *out, const struct fus_view *view, const struct fus_figures_figure *f)
{
    bool alone = f->n_panels == 1 && !f->model_groups, in_grid = !f->model_groups && f->n_panels % 3 != 0;
    fus_svg_put(out, "<figure id=\"$s\">\n<h3><span class=\"no\">$s</span>$s</h3>\n", f->file, f->number, f->heading);
    if (f->n_panels && !f->model_groups && !f->heat_title && view->run->n_models > 1)
        fus_compose_legend(out, f, view);
    fus_compose_inline(out, f, view);
    fus_svg_put(out, !in_grid ? "</div>\n" : alone ? "<div class=\"text wide\">\n" : "<div class=\"text\">\n");
    caption(out, view, f);
    fus_svg_put(out, in_grid && !alone ? "</div>\n</div>\n" : "");
    bool open = alone && view->run->n_models * view->run->n_categories <= 12;
    if (!has_table(f)) {
        fus_svg_put(out, "</figure>\n");
        return;
    }
    fus_svg_put(out, "<details$s><summary>Table of figure $s</summary>\n", open ? " open=\"\"" : "", f->number);
    tables_of(out, view, f);
    fus_svg_put(out, "</details>\n");
    if (strcmp(f->number, "4A") == 0 && fus_layer_maps_any(view))
        fus_layer_maps_put(out, view);
    fus_svg_put(out, alone ? "</div>\n</div>\n</figure>\n" : "</figure>\n");
}

/* "How many" -> "how-many": the anchor of a part of the report. */
static void anchor(struct fus_text_buffer *out, const char *section)
{
    for (; *section; section++) {
        char c = *section == ' ' ? '-' : *section >= 'A' && *section <= 'Z' ? (char)(*section + 32) : *section;
        fus_text_append(out, &c, 1);
    }
}

static bool begins_section(const struct fus_figures *set, int i)
{
    return i == 0 || strcmp(set->figures[i].section, set->figures[i - 1].section) != 0;
}

static bool has_top(const struct fus_view *view)
{
    for (size_t i = 0; i < view->run->n_top; i++)
        if (view->run->top[i].layer == view->last[view->run->top[i].model])
            return true;
    return false;
}

static void navigation(struct fus_text_buffer *out, const struct fus_view *view, const struct fus_figures *set)
{
    fus_svg_put(out, view->run->sheet_png ? "<nav><a href=\"#pictures\">Pictures</a>" : "<nav>");
    for (int i = 0; i < set->n_figures; i++)
        if (begins_section(set, i)) {
            fus_svg_put(out, "<a href=\"#");
            anchor(out, set->figures[i].section);
            fus_svg_put(out, "\">$s</a>", set->figures[i].section);
        }
    if (fus_prose_heldout_any(view))
        fus_svg_put(out, "<a href=\"#second-set\">Second set</a>");
    if (has_top(view))
        fus_svg_put(out, "<a href=\"#single-units\">Single units</a>");
    fus_svg_put(out, "<a href=\"#methods\">Methods</a><a href=\"layers.csv\">layers.csv</a>");
    fus_svg_put(out, view->run->n_models > 1 ? "<a href=\"compare.csv\">compare.csv</a></nav>\n" : "</nav>\n");
}

/* The sheet of thumbnails, once; single ones are windows on it. */
static void contact_sheet(struct fus_text_buffer *out, const struct fus_view *view)
{
    fus_svg_put(out,
                "<svg class=\"sheet\" width=\"0\" height=\"0\" aria-hidden=\"true\"><defs><image id=\"sheet\" "
                "width=\"$d\" height=\"$d\" "
                "href=\"data:image/png;base64,",
                view->thumbs.width, view->thumbs.height);
    fus_svg_base64(out, view->run->sheet_png, view->run->sheet_bytes);
    fus_svg_put(out, "\"/></defs></svg>\n");
}

#define MAX_EXAMPLES 25 /* of a category: a row on a desk */

static void pictures(struct fus_text_buffer *out, const struct fus_view *view)
{
    const struct fus_thumbs *t = &view->thumbs;
    contact_sheet(out, view);
    fus_svg_put(out, "<h2 id=\"pictures\">Pictures</h2>\n<figure id=\"fig1b\">\n<h3><span class=\"no\">1B</span>The "
                     "pictures of every category</h3>\n");
    for (int c = 0, i = 0; c < view->run->n_categories; c++) {
        int n = 0;
        while (i + n < t->n && t->items[i + n].category == c)
            n++;
        int every = (n + MAX_EXAMPLES - 1) / MAX_EXAMPLES, end = i + n;
        fus_svg_put(out, "<h4>$e: $d", view->run->categories[c], view->run->n_pictures[c]);
        if (n < view->run->n_pictures[c] || every > 1)
            fus_svg_put(out, ", $d of them shown", (n + every - 1) / every);
        fus_svg_put(out, "</h4>\n<div class=\"strip\">");
        for (; i < end; i += every)
            fus_detail_thumb(out, view, t->items[i].picture, "");
        i = end;
        fus_svg_put(out, "</div>\n");
    }
    fus_svg_put(
        out, "<p class=\"files\"><a href=\"pictures.png\">pictures.png</a><a href=\"pixels.csv\">pixels.csv</a></p>\n");
    if (view->run->pixels) {
        fus_svg_put(out, "<details><summary>What tells the categories apart before any network</summary>\n");
        fus_detail_pixels(out, view);
        fus_svg_put(out, "</details>\n");
    }
    fus_svg_put(out, "</figure>\n");
}

static void single_units(struct fus_text_buffer *out, const struct fus_view *view)
{
    fus_svg_put(out, "<h2 id=\"single-units\">Single units</h2>\n<figure id=\"top\">\n<h3>The pictures that drive the "
                     "most selective units</h3>\n");
    for (int m = 0; m < view->run->n_models; m++)
        fus_detail_top(out, view, m);
    fus_svg_put(
        out,
        "<figcaption>Of each category the units of the last block layer that tell it from every other category most "
        "reliably, by the smallest of "
        "their t against the other categories. They are the extremes of many units on these very pictures: examples, "
        "not estimates. "
        "Of pictures that drive a unit alike, often not at all, the first of the list are shown. Row and column count "
        "from 0.</figcaption>\n<p class=\"files\"><a href=\"top_units.csv\">top_units.csv</a></p>\n</figure>\n");
}

static void body(struct fus_text_buffer *out, const struct fus_view *view, const struct fus_figures *set)
{
    navigation(out, view, set);
    if (view->run->sheet_png)
        pictures(out, view);
    for (int i = 0; i < set->n_figures; i++) {
        if (begins_section(set, i)) {
            fus_svg_put(out, "<h2 id=\"");
            anchor(out, set->figures[i].section);
            fus_svg_put(out, "\">$s</h2>\n", set->figures[i].section);
        }
        figure(out, view, &set->figures[i]);
    }
    if (fus_prose_heldout_any(view))
        fus_prose_heldout_section(out, view);
    if (has_top(view))
        single_units(out, view);
}

static void tail(struct fus_text_buffer *out, const struct fus_view *view)
{
    fus_svg_put(out, "<h2 id=\"methods\">Methods</h2>\n<h3>For a paper</h3>\n"
                     "<p class=\"quote\" data-copy=\"Copy the text\">");
    fus_prose_paper(out, view);
    fus_svg_put(out, "</p>\n<pre data-copy=\"Copy the BibTeX\">");
    fus_prose_bibtex(out, view);
    fus_svg_put(out, "</pre>\n<h3>In full</h3>\n");
    fus_prose_methods(out, view);
    if (view->run->pixels && !view->run->sheet_png) {
        fus_svg_put(out, "<h3>Pictures</h3>\n");
        fus_detail_pixels(out, view);
    }
    fus_svg_put(out, "<h3>Models</h3>\n");
    fus_detail_models(out, view);
    fus_svg_put(out, "<details><summary>Units and dead units of every layer</summary>\n");
    fus_detail_dead(out, view);
    fus_svg_put(out, "</details>\n");
    fus_frame_close(out, view->run->version);
}

/* dir/name; *path is the caller's. */
static int join(char **path, const char *dir, const char *name, struct fus_error *err)
{
    size_t n = strlen(dir) + strlen(name) + 2;
    *path = fus_base_alloc(n, 1);
    if (!*path)
        return fus_base_fail(err, FUS_ENOMEM, "%s/%s: no memory for its name", dir, name);
    snprintf(*path, n, "%s/%s", dir, name);
    return FUS_OK;
}

static int save(const struct fus_text_buffer *text, const char *dir, const char *name, struct fus_error *err)
{
    char *path;
    int code = join(&path, dir, name, err);
    if (code == FUS_OK)
        code = fus_svg_save(text, path, err);
    fus_base_free(path);
    return code;
}

static int save_figures(const char *dir, const struct fus_view *view, const struct fus_figures *set,
                        struct fus_error *err)
{
    char *folder;
    int code = join(&folder, dir, "figures", err);
    if (code == FUS_OK)
        code = fus_outfile_mkdirs(folder, err);
    for (int i = 0; code == FUS_OK && i < set->n_figures; i++) {
        struct fus_text_buffer out = {0};
        char name[40];
        snprintf(name, sizeof name, "%s.svg", set->figures[i].file);
        fus_compose_standalone(&out, &set->figures[i], view);
        code = save(&out, folder, name, err);
        fus_text_free(&out);
    }
    fus_base_free(folder);
    return code;
}

int fus_report_write(const char *dir, const struct fus_run_summary *run, struct fus_error *err)
{
    struct fus_view view = {0};
    struct fus_figures set = {0};
    struct fus_text_buffer page = {0};
    int code = fus_view_create(&view, run, err);
    if (code == FUS_OK)
        code = fus_figures_create(&set, &view, err);
    if (code == FUS_OK)
        code = save_figures(dir, &view, &set, err);
    if (code == FUS_OK) {
        head(&page, &view);
        body(&page, &view, &set);
        tail(&page, &view);
        code = save(&page, dir, "report.html", err);
    }
    fus_text_free(&page);
    fus_figures_free(&set);
    fus_view_free(&view);
    return code;
}

int fus_report_redraw(const char *dir, struct fus_error *err)
{
    struct fus_run_summary_file *file;
    int code = fus_run_summary_open(&file, dir, err);
    if (!code)
        code = fus_report_write(dir, fus_run_summary_get(file), err);
    fus_run_summary_close(file);
    return code;
}
