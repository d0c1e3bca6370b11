/* One run as a page: figures/NAME.svg and report.html, which needs no script, no network and no
 * other file. It is XML as well as HTML, follows the reader's light or dark setting, prints in
 * light, and flows down to a phone's width. */
#include <stdio.h>
#include <string.h>

#include "analysis/report/compose.h"
#include "analysis/report/detail.h"
#include "analysis/report/prose.h"
#include "analysis/run/run_summary.h"
#include "nn/base/outfile.h"

static const char page_css[] =
    "*{box-sizing:border-box}html{-webkit-text-size-adjust:100%}\n"
    "body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.55 system-ui,-apple-system,\"Segoe "
    "UI\",Roboto,\"Helvetica Neue\",Arial,"
    "\"Liberation Sans\",sans-serif;overflow-wrap:anywhere}\n"
    "main{max-width:1140px;margin:0 auto;padding:28px 20px 48px}\n"
    "h1{font-size:1.9rem;line-height:1.2;margin:.1em 0 .35em;letter-spacing:-.01em;text-wrap:balance}\n"
    "h2{font-size:1.35rem;margin:2.4em 0 .5em;padding-top:.7em;border-top:1px solid var(--rule)}\n"
    "h3{font-size:1.02rem;margin:0 0 .5em}h4{font-size:.92rem;margin:1em 0 .4em;color:var(--muted);font-weight:600}\n"
    "h3 .no{color:var(--muted);margin-right:.5em;font-weight:600}\n"
    ".kicker,.meta{color:var(--muted);margin:0;font-size:.88rem}.kicker{letter-spacing:.08em;text-transform:uppercase;"
    "font-size:.75rem}\n"
    ".result{margin:1.3em 0;padding:16px 20px;background:var(--card);border-left:4px solid "
    "var(--accent);border-radius:0 6px 6px 0;max-width:80ch}\n"
    ".result p{margin:.6em 0}.result p:first-child{margin-top:0}.result "
    ".lead{font-size:1.05rem;color:var(--ink);margin:0;padding-left:1.1em}.lead li{margin:.35em 0}.result "
    "p{color:var(--muted);font-size:.93rem}.result "
    "b{color:var(--ink)}.result p:last-child{margin-bottom:0}\n"
    "a{color:var(--accent)}nav{font-size:.9rem;margin:1em 0;padding:.5em 0;background:var(--paper)}nav "
    "a{margin-right:1.1em;white-space:nowrap;display:inline-block}\n"
    "figure{margin:1.6em 0 2.2em}svg{display:block;width:100%;height:auto;font-family:inherit}\n"
    ".grid{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,300px),1fr));gap:20px 22px}\n"
    ".maps{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(44%,150px),1fr));gap:14px 18px}.maps "
    "svg{max-width:190px}\n"
    ".sheet{position:absolute}.strip{display:flex;flex-wrap:wrap;gap:2px}td "
    ".strip{flex-wrap:nowrap}.th{width:40px;height:40px;flex:none;border-radius:3px}"
    ".nm{font-size:.7rem;width:64px;height:40px;line-height:40px;padding:0 3px;border:1px solid "
    "var(--rule);border-radius:3px;overflow:hidden;text-overflow:ellipsis}"
    "#top td:nth-last-child(-n+2),#top "
    "th:nth-last-child(-n+2){text-align:left}.scale{max-width:300px;margin-bottom:12px}.text{align-self:center;min-"
    "width:0}@media (min-width:1000px){.text.wide{grid-column:2/-1}}"
    "figcaption{font-size:.88rem;line-height:1.5;color:var(--muted);margin-top:.8em;max-width:85ch}figcaption "
    "b{color:var(--ink)}\n"
    ".legend{list-style:none;display:flex;flex-wrap:wrap;gap:4px 22px;margin:.2em 0 1em;padding:0;font-size:.9rem}\n"
    ".legend li{display:flex;align-items:center;gap:7px;min-width:0}.legend svg{width:34px;height:14px;flex:none}\n"
    ".files{font-size:.85rem;margin:.5em 0}.files a{margin-right:1em}\n"
    "details{font-size:.85rem;margin:.5em 0}summary{cursor:pointer;color:var(--accent)}\n"
    ".scroll{overflow-x:auto;margin:.7em 0;overflow-wrap:normal}\n"
    "table{border-collapse:collapse;font-variant-numeric:tabular-nums;white-space:nowrap;font-size:.82rem}\n"
    "caption{text-align:left;color:var(--muted);padding:0 0 .4em;white-space:normal}\n"
    "th,td{padding:3px 12px 3px 0;text-align:right;border-bottom:1px solid var(--rule)}th{font-weight:600}tbody "
    "th{font-weight:400}\n"
    "th:first-child,td:first-child,tbody th,thead th:nth-child(2){text-align:left}thead th{border-bottom:1.5px solid "
    "var(--muted)}\n"
    "dt{font-weight:600;margin-top:.8em}dd{margin:.1em 0 0;max-width:85ch}code{font-size:.85em}\n"
    "footer{margin-top:3em;color:var(--muted);font-size:.82rem;border-top:1px solid var(--rule);padding-top:.8em}\n"
    "@media screen and (min-width:900px){nav{position:sticky;top:0;z-index:1;border-bottom:1px solid var(--rule)}"
    "h2,h3{scroll-margin-top:3em}}\n"
    "@media (max-width:600px){.th{width:34px;height:34px}}\n"
    "@media "
    "print{@page{margin:14mm}body{font-size:10pt}main{max-width:none;padding:0}nav,.files,details:not([open]){display:"
    "none}"
    "h2,h3,h4,.legend,.scale{break-after:avoid}svg,img,.result "
    "p,tr,dd{break-inside:avoid}.grid{grid-template-columns:repeat(2,1fr);gap:12px "
    "20px}.text.wide{grid-column:auto}.wide details{display:none}"
    ".scroll{overflow:visible}.bf,.bd,.hm path,.hm "
    "rect,.result{print-color-adjust:exact;-webkit-print-color-adjust:exact}}\n";

void fus_report_style(struct fus_text_buffer *out, const struct fus_theme *theme)
{
    fus_svg_put(out, "<style>\n:root{color-scheme:light "
                     "dark;--paper:#ffffff;--ink:#1a1d23;--muted:#565d69;--rule:#dfe2e8;--card:#f5f7fa;"
                     "--accent:#1c6bb5}\n");
    fus_svg_put(out, "$s", page_css);
    fus_theme_css(out, theme, FUS_THEME_LIGHT, true);
    fus_svg_put(out, "@media screen and "
                     "(prefers-color-scheme:dark){\n:root{--paper:#16191f;--ink:#f0f1f4;--muted:#a9b0bc;--rule:#2f353f;"
                     "--card:#1f242c;--accent:#7db9f5}\n");
    fus_theme_css(out, theme, FUS_THEME_DARK, true);
    fus_svg_put(out, "}\n</style>\n");
}

static void head(struct fus_text_buffer *out, const struct fus_view *view)
{
    const struct fus_run_summary *run = view->run;
    fus_svg_put(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"
                     "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n<title>");
    fus_prose_title(out, view);
    fus_svg_put(out, "</title>\n");
    fus_report_style(out, &view->theme);
    fus_svg_put(out, "</head>\n<body>\n<main>\n<header>\n<p class=\"kicker\">Functional localizer</p>\n<h1>");
    fus_prose_title(out, view);
    fus_svg_put(out, "</h1>\n<p class=\"meta\">$d model$s \xc2\xb7 $d categories", run->n_models,
                run->n_models == 1 ? "" : "s", run->n_categories);
    if (run->stimuli && run->stimuli[0])
        fus_svg_put(out, " \xc2\xb7 $e", run->stimuli);
    fus_svg_put(out, " \xc2\xb7 figures numbered as in arXiv:2502.16456");
    fus_svg_put(out, "</p>\n</header>\n<section class=\"result\" aria-label=\"Result\">\n");
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
    fus_svg_put(out, "<figcaption>");
    fus_prose_methods_caption(out, view, f);
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
    bool alone = f->n_panels == 1, in_grid = !f->model_groups && f->n_panels % 3 != 0;
    fus_svg_put(out, "<figure id=\"$s\">\n<h3><span class=\"no\">$s</span>$s</h3>\n", f->file, f->number, f->heading);
    if (!f->model_groups && !f->heat_title && view->run->n_models > 1)
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
    fus_svg_put(out, alone ? "</details>\n</div>\n</div>\n</figure>\n" : "</details>\n</figure>\n");
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
    if (has_top(view))
        single_units(out, view);
}

static void tail(struct fus_text_buffer *out, const struct fus_view *view)
{
    fus_svg_put(out, "<h2 id=\"methods\">Methods</h2>\n");
    fus_prose_methods(out, view);
    if (view->run->pixels && !view->run->sheet_png) {
        fus_svg_put(out, "<h3>Pictures</h3>\n");
        fus_detail_pixels(out, view);
    }
    fus_svg_put(out, "<h3>Models</h3>\n");
    fus_detail_models(out, view);
    fus_svg_put(out, "<details><summary>Units and dead units of every layer</summary>\n");
    fus_detail_dead(out, view);
    fus_svg_put(out, "</details>\n<footer>fusiform $e</footer>\n</main>\n</body>\n</html>\n",
                view->run->version ? view->run->version : "");
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
