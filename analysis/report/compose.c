/* SPDX-License-Identifier: MIT */
/* Panels with a legend as one file, or flowing inside the report: see compose.h. */
#include "analysis/report/compose.h"

#include <stdio.h>
#include <string.h>

#include "analysis/report/prose.h"

#define GAP 18.0
#define MARGIN 16.0
#define FONTS "\"Helvetica Neue\",Helvetica,Arial,\"Liberation Sans\",sans-serif"

/* ---- legends ---- */

static void key(struct fus_text_buffer *out, const struct fus_view *view, int model, double x, double y)
{
    fus_svg_put(out, "<g class=\"");
    fus_theme_class(out, &view->theme, -1, model);
    fus_svg_put(out, "\"><path class=\"ln\"$s d=\"M$f,$fh30\"/>", fus_theme_dash(model), x, y);
    fus_theme_marker(out, model, x + 15, y, 3, NULL);
    fus_svg_put(out, "</g>");
}

/* The name of a model's key, or of its group's; false for the others of a group, which have none.
 * Groups are named where the figure shows all models. */
static bool key_name(char name[4 * FUS_PANELS_NAME_CHARS + 48], const struct fus_figures_figure *f,
                     const struct fus_view *view, int model)
{
    const struct fus_group *group = f->n_which == view->run->n_models ? fus_view_group(view, model) : NULL;
    const char *untrained = group ? (fus_view_group_untrained(view, group) ? ", untrained" : "")
                            : fus_view_untrained(view, model) ? " (untrained control)"
                                                              : "";
    fus_svg_shorten(name, group ? group->name : view->run->models[model].name, FUS_PANELS_NAME_CHARS);
    size_t n = strlen(name);
    if (group)
        snprintf(name + n, 48, " (%d trainings%s)", group->n, untrained);
    else
        snprintf(name + n, 48, "%s", untrained);
    return !group || group->model[0] == model;
}

void fus_compose_legend(struct fus_text_buffer *out, const struct fus_figures_figure *f, const struct fus_view *view)
{
    char name[4 * FUS_PANELS_NAME_CHARS + 48];
    fus_svg_put(out, "<ul class=\"legend\">");
    for (int i = 0; i < f->n_which; i++) {
        if (!key_name(name, f, view, f->which[i]))
            continue;
        fus_svg_put(out, "<li><svg width=\"34\" height=\"14\" viewBox=\"0 0 34 14\" aria-hidden=\"true\">");
        key(out, view, fus_view_look(view, f->which[i]), 2, 7);
        fus_svg_put(out, "</svg> $e</li>", name);
    }
    fus_svg_put(out, "</ul>\n");
}

/* The keys in rows no wider than `width`; returns the height used. */
static double draw_keys(struct fus_text_buffer *out, const struct fus_figures_figure *f, const struct fus_view *view,
                        double width, double top)
{
    double x = MARGIN, y = top + 8;
    char name[4 * FUS_PANELS_NAME_CHARS + 48];
    for (int i = 0; i < f->n_which; i++) {
        if (!key_name(name, f, view, f->which[i]))
            continue;
        double w = 38 + fus_svg_width(name, 11) + 16;
        if (x + w > width && x > MARGIN) {
            x = MARGIN;
            y += 18;
        }
        key(out, view, fus_view_look(view, f->which[i]), x, y);
        fus_svg_put(out, "<text class=\"lb\" x=\"$f\" y=\"$f\">$e</text>\n", x + 37, y + 4, name);
        x += w;
    }
    return y + 14 - top;
}

static const char *group_layer(const struct fus_figures_figure *f, const struct fus_view *view, int model)
{
    return view->run->models[model].layers[f->group_layer[model]].name;
}

/* ---- the file ---- */

/* Places of the panels: rows of at most `columns`, a new row and a heading where
 * the group changes. */
struct layout {
    double width, height; /* of the panels together */
};

static struct layout place_panels(struct fus_text_buffer *out, const struct fus_figures_figure *f,
                                  const struct fus_view *view, double top)
{
    struct layout size = {0, 0};
    double x = 0, y = 0, row = 0;
    char name[4 * FUS_PANELS_NAME_CHARS + 1];
    int in_row = 0;
    for (size_t i = 0; i < f->n_panels; i++) {
        const struct fus_figures_panel *panel = &f->panels[i];
        bool new_group = i == 0 || panel->group != f->panels[i - 1].group;
        if (i > 0 && (new_group || in_row == f->columns)) {
            y += row + GAP;
            x = row = 0;
            in_row = 0;
        }
        if (new_group && f->model_groups) {
            fus_svg_shorten(name, view->run->models[panel->group].name, FUS_PANELS_NAME_CHARS);
            if (out)
                fus_svg_put(out, "<text class=\"tt\" x=\"$f\" y=\"$f\">$e: $e</text>\n", MARGIN, top + y + 14, name,
                            group_layer(f, view, panel->group));
            y += 26;
        }
        if (out) {
            fus_svg_put(out, "<g transform=\"translate($f $f)\">", MARGIN + x, top + y);
            fus_text_append(out, f->body.s + panel->start, panel->n);
            fus_svg_put(out, "</g>\n");
        }
        x += panel->width;
        size.width = x > size.width ? x : size.width;
        x += GAP;
        row = panel->height > row ? panel->height : row;
        in_row++;
    }
    size.height = y + row;
    return size;
}

static struct fus_axis heat_scale(const struct fus_figures_figure *f)
{
    struct fus_axis scale = {.percent = f->heat_shares};
    fus_axis_fit(&scale, f->heat_low, f->heat_top, 4);
    return scale;
}

static double draw_head(struct fus_text_buffer *out, const struct fus_figures_figure *f, const struct fus_view *view,
                        double width)
{
    double top = 38;
    fus_svg_put(out, "<text class=\"tt\" x=\"$f\" y=\"24\">$s</text>\n", MARGIN, f->heading);
    if (f->heat_title) {
        struct fus_axis scale = heat_scale(f);
        fus_svg_put(out, "<g transform=\"translate($f $f)\">", MARGIN - 12, top);
        top += fus_panel_map_scale(out, &scale, f->heat_title, 280) + 22;
        fus_svg_put(out, "</g>");
    } else if (!f->model_groups)
        top += draw_keys(out, f, view, width, top) + 8;
    return top;
}

static double at_least(double a, double b)
{
    return a > b ? a : b;
}

/* A line that holds what of the text fits into `width`, up to a space; returns its bytes. */
static size_t fill_line(char line[512], const char *text, double width)
{
    size_t n = 0;
    for (size_t end = 0; text[end] && end < 500;) {
        end += 1 + strcspn(text + end + 1, " ");
        if (end > 500)
            break;
        memcpy(line, text, end);
        line[end] = '\0';
        if (n > 0 && fus_svg_width(line, 11) > width)
            break;
        n = end;
    }
    line[n] = '\0';
    return n;
}

/* Of panels that are not drawn, in lines below `top`; escaped already. Returns the height used. */
static double draw_note(struct fus_text_buffer *out, const struct fus_figures_figure *f, const struct fus_view *view,
                        double width, double top)
{
    struct fus_text_buffer note = {0};
    char line[512];
    double y = top + 6;
    fus_prose_folds(&note, view, f);
    for (const char *at = note.s ? note.s : ""; *at; y += 15) {
        size_t n = fill_line(line, at, width - 2 * MARGIN);
        if (n == 0)
            break;
        fus_svg_put(out, "<text class=\"lb\" x=\"$f\" y=\"$f\">$s</text>\n", MARGIN, y + 10, line + (*line == ' '));
        at += n;
    }
    out->failed |= note.failed;
    fus_text_free(&note);
    return y - top;
}

void fus_compose_standalone(struct fus_text_buffer *out, const struct fus_figures_figure *f,
                            const struct fus_view *view)
{
    struct fus_text_buffer head = {0}, note = {0};
    struct layout size = place_panels(NULL, f, view, 0);
    double width = at_least(size.width + 2 * MARGIN, fus_svg_width(f->heading, 13) + 2 * MARGIN);
    width = at_least(width, f->n_panels ? 0 : 480);
    double top = draw_head(&head, f, view, width), height = top + size.height + MARGIN;
    if (f->n_folds)
        height += draw_note(&note, f, view, width, top + size.height);
    fus_svg_put(out,
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 "
                "$f $f\" width=\"$f\" "
                "height=\"$f\" font-family='$s' role=\"img\">\n<title>$s</title>\n<style>\n",
                width, height, width, height, FONTS, f->heading);
    fus_theme_css(out, &view->theme, FUS_THEME_LIGHT, f->heat_title != NULL);
    fus_svg_put(out, "</style>\n<rect class=\"pg\" width=\"$f\" height=\"$f\"/>\n", width, height);
    if (head.s)
        fus_text_append(out, head.s, head.n);
    place_panels(out, f, view, top);
    if (note.s)
        fus_text_append(out, note.s, note.n);
    fus_svg_put(out, "</svg>\n");
    out->failed |= head.failed | note.failed;
    fus_text_free(&head);
    fus_text_free(&note);
}

/* ---- inside the report ---- */

static void inline_panel(struct fus_text_buffer *out, const struct fus_figures_figure *f,
                         const struct fus_figures_panel *panel)
{
    fus_svg_put(out, "<svg viewBox=\"0 0 $f $f\" role=\"img\" aria-label=\"$e\">", panel->width, panel->height,
                panel->label);
    fus_text_append(out, f->body.s + panel->start, panel->n);
    fus_svg_put(out, "</svg>\n");
}

static void inline_scale(struct fus_text_buffer *out, const struct fus_figures_figure *f)
{
    struct fus_axis scale = heat_scale(f);
    fus_svg_put(out, "<svg class=\"scale\" viewBox=\"0 0 300 50\" role=\"img\" aria-label=\"colour scale\">");
    fus_panel_map_scale(out, &scale, f->heat_title, 300);
    fus_svg_put(out, "</svg>\n");
}

void fus_compose_inline(struct fus_text_buffer *out, const struct fus_figures_figure *f, const struct fus_view *view)
{
    int group = -1;
    if (f->heat_title)
        inline_scale(out, f);
    for (size_t i = 0; i < f->n_panels; i++) {
        if (f->panels[i].group != group) {
            if (group >= 0)
                fus_svg_put(out, "</div>\n");
            group = f->panels[i].group;
            if (f->model_groups)
                fus_svg_put(out, "<h4>$e: $e</h4>\n", view->run->models[group].name, group_layer(f, view, group));
            fus_svg_put(out, "<div class=\"$s\">\n", f->model_groups && f->heat_title ? "maps" : "grid");
        }
        inline_panel(out, f, &f->panels[i]);
    }
    if (f->n_panels == 0)
        fus_svg_put(out, "<div>\n");
}
