/* SPDX-License-Identifier: MIT */
/* unit_grid RUN MODEL LAYER OUT.svg: draws every unit of a layer of a finished run. Each channel is
 * a small grid of its places; a square is a unit in the colour of the category for which it is
 * selective. Below, for each category: how many channels are selective at each place (its map). */
#include <stdio.h>
#include <string.h>

#include "analysis/report/theme.h"
#include "analysis/run/run_read.h"

enum { MARGIN = 16, CELL = 6, GAP = 4, LARGE = 34, TOP = 66, MAX_SIDE = 12, MAX_CHANNELS = 1024 };

struct grid {
    const char *layer;
    char *const *categories;
    int n_categories, channels, height, width, columns;
    float *label; /* [channels, height, width]: -1 or a category */
    struct fus_theme theme;
    struct fus_text_buffer svg;
};

static int label_at(const struct grid *g, int channel, int y, int x)
{
    return (int)g->label[((size_t)channel * (size_t)g->height + (size_t)y) * (size_t)g->width + (size_t)x];
}

static void square(struct grid *g, int category, double x, double y, double side)
{
    fus_svg_put(&g->svg, "<rect x=\"$f\" y=\"$f\" width=\"$f\" height=\"$f\" ", x, y, side - 1, side - 1);
    if (category < 0)
        fus_svg_put(&g->svg, "fill=\"#e4e7ec\"/>\n");
    else {
        fus_svg_put(&g->svg, "fill=\"currentColor\" class=\"");
        fus_theme_category_class(&g->svg, &g->theme, category);
        fus_svg_put(&g->svg, "\"/>\n");
    }
}

static int count(const struct grid *g, int category, int y, int x)
{
    int n = 0;
    for (int c = 0; c < g->channels; c++)
        n += label_at(g, c, y, x) == category;
    return n;
}

static void draw_key(struct grid *g)
{
    double x = MARGIN;
    fus_svg_put(&g->svg, "<text class=\"tt\" x=\"$f\" y=\"24\">$e: $d channels of $d × $d units</text>\n", x, g->layer,
                g->channels, g->height, g->width);
    for (int k = -1; k < g->n_categories; k++) {
        const char *name = k < 0 ? "not selective" : g->categories[k];
        square(g, k, x, 38, 12);
        fus_svg_put(&g->svg, "<text class=\"lb\" x=\"$f\" y=\"48\">$e</text>\n", x + 16, name);
        x += 34 + fus_svg_width(name, 11);
    }
}

/* Grey squares for all channels: one channel as a pattern, whole rows of channels and the rest. */
static void draw_ground(struct grid *g, double left)
{
    int w = g->width * CELL + GAP, h = g->height * CELL + GAP, rows = g->channels / g->columns;
    fus_svg_put(&g->svg,
                "<pattern id=\"c\" width=\"$d\" height=\"$d\" x=\"$f\" y=\"$d\" patternUnits=\"userSpaceOnUse\">", w, h,
                left, TOP + 18);
    for (int y = 0; y < g->height; y++)
        fus_svg_put(&g->svg, "<path d=\"M0,$fh$d\" stroke=\"#e4e7ec\" stroke-width=\"$d\" stroke-dasharray=\"$d 1\"/>",
                    y * CELL + (CELL - 1) / 2.0, g->width * CELL - 1, CELL - 1, CELL - 1);
    fus_svg_put(&g->svg, "</pattern>\n<rect x=\"$f\" y=\"$d\" width=\"$d\" height=\"$d\" fill=\"url(#c)\"/>\n", left,
                TOP + 18, g->columns * w, rows * h);
    fus_svg_put(&g->svg, "<rect x=\"$f\" y=\"$d\" width=\"$d\" height=\"$d\" fill=\"url(#c)\"/>\n", left,
                TOP + 18 + rows * h, g->channels % g->columns * w, h);
}

/* Squares of one category are one path; dashes cut a run along a row into squares. */
static void draw_board(struct grid *g, int category, double left)
{
    fus_svg_put(&g->svg,
                "<path fill=\"none\" stroke=\"currentColor\" stroke-width=\"$d\" stroke-dasharray=\"$d 1\" class=\"",
                CELL - 1, CELL - 1);
    fus_theme_category_class(&g->svg, &g->theme, category);
    fus_svg_put(&g->svg, "\" d=\"");
    for (int c = 0; c < g->channels; c++)
        for (int y = 0; y < g->height; y++)
            for (int x = 0, end; x < g->width; x = end) {
                for (end = x; end < g->width && label_at(g, c, y, end) == category;)
                    end++;
                if (end > x)
                    fus_svg_put(&g->svg, "M$f,$fh$d", left + c % g->columns * (g->width * CELL + GAP) + x * CELL,
                                TOP + 18 + (CELL - 1) / 2.0 + c / g->columns * (g->height * CELL + GAP) + y * CELL,
                                (end - x) * CELL - 1);
                end += end == x;
            }
    fus_svg_put(&g->svg, "\"/>\n");
}

/* The first channel with units of the most categories. */
static int varied_channel(const struct grid *g)
{
    int best = 0, most = -1;
    for (int c = 0; c < g->channels; c++) {
        int n = 0;
        for (int k = 0; k < g->n_categories; k++) {
            bool found = false;
            for (int i = 0; i < g->height * g->width; i++)
                found |= label_at(g, c, i / g->width, i % g->width) == k;
            n += found;
        }
        if (n > most) {
            most = n;
            best = c;
        }
    }
    return best;
}

static void draw_channel(struct grid *g, int channel)
{
    fus_svg_put(&g->svg, "<text class=\"lb\" x=\"$d\" y=\"$d\">channel $d, enlarged</text>\n", MARGIN, TOP + 10,
                channel);
    for (int y = 0; y < g->height; y++)
        for (int x = 0; x < g->width; x++)
            square(g, label_at(g, channel, y, x), MARGIN + 26 + x * LARGE, TOP + 36 + y * LARGE, LARGE);
    for (int x = 0; x < g->width; x++)
        fus_svg_put(&g->svg, "<text class=\"tk mid\" x=\"$d\" y=\"$d\">w = $d</text>\n", MARGIN + 42 + x * LARGE,
                    TOP + 30, x);
    for (int y = 0; y < g->height; y++)
        fus_svg_put(&g->svg, "<text class=\"tk\" x=\"$d\" y=\"$d\">h = $d</text>\n", MARGIN - 6, TOP + 56 + y * LARGE,
                    y);
}

static int largest_count(const struct grid *g)
{
    int most = 1;
    for (int i = 0; i < g->n_categories * g->height * g->width; i++) {
        int place = i % (g->height * g->width),
            n = count(g, i / (g->height * g->width), place / g->width, place % g->width);
        most = n > most ? n : most;
    }
    return most;
}

static void draw_map(struct grid *g, int category, int most, double left, double top)
{
    fus_svg_put(&g->svg, "<text class=\"lb\" x=\"$f\" y=\"$f\">$e</text>\n", left, top, g->categories[category]);
    for (int y = 0; y < g->height; y++)
        for (int x = 0; x < g->width; x++) {
            int n = count(g, category, y, x);
            fus_svg_put(
                &g->svg,
                "<rect x=\"$f\" y=\"$f\" width=\"$d\" height=\"$d\" fill=\"currentColor\" fill-opacity=\"$f\" class=\"",
                left + x * LARGE, top + 8 + y * LARGE, LARGE - 1, LARGE - 1, 0.06 + 0.6 * n / most);
            fus_theme_category_class(&g->svg, &g->theme, category);
            fus_svg_put(&g->svg, "\"/><text class=\"lb mid\" x=\"$f\" y=\"$f\">$d</text>\n", left + (x + 0.5) * LARGE,
                        top + 12 + (y + 0.5) * LARGE, n);
        }
}

static void draw(struct grid *g)
{
    double board = MARGIN + 26 + g->width * LARGE + 28, map = g->width * LARGE + 14;
    int rows = (g->channels + g->columns - 1) / g->columns;
    double below = TOP + 20 + rows * (g->height * CELL + GAP) + 40;
    double width = board + g->columns * (g->width * CELL + GAP), maps = MARGIN + g->n_categories * map;
    int most = largest_count(g);
    width = (width > maps ? width : maps) + MARGIN;
    double height = below + 8 + g->height * LARGE + MARGIN;
    fus_svg_put(&g->svg,
                "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 $f $f\" width=\"$f\" height=\"$f\" "
                "font-family='Helvetica,Arial,\"Liberation Sans\",sans-serif' role=\"img\">\n<style>\n",
                width, height, width, height);
    fus_theme_css(&g->svg, &g->theme, FUS_THEME_LIGHT, false);
    fus_svg_put(&g->svg, "</style>\n<rect class=\"pg\" width=\"$f\" height=\"$f\"/>\n", width, height);
    draw_key(g);
    draw_channel(g, varied_channel(g));
    fus_svg_put(&g->svg, "<text class=\"lb\" x=\"$f\" y=\"$d\">all channels, 0 to $d, row by row</text>\n", board,
                TOP + 10, g->channels - 1);
    draw_ground(g, board);
    for (int k = 0; k < g->n_categories; k++)
        draw_board(g, k, board);
    fus_svg_put(
        &g->svg,
        "<text class=\"lb\" x=\"$d\" y=\"$f\">maps: in how many channels the unit at a place is selective</text>\n",
        MARGIN, below - 22);
    for (int k = 0; k < g->n_categories; k++)
        draw_map(g, k, most, MARGIN + k * map, below);
    fus_svg_put(&g->svg, "</svg>\n");
}

/* The layer's shape and labels. */
static int read_layer(struct grid *g, const struct fus_run_read *run, const char *model, struct fus_error *err)
{
    const struct fus_layer_summary *layer = NULL;
    for (int i = 0; i < run->n_rows && !layer; i++)
        if (!strcmp(run->rows[i].model, model) && !strcmp(run->rows[i].layer.name, g->layer))
            layer = &run->rows[i].layer;
    if (!layer)
        return fus_base_fail(err, FUS_EINVAL, "%s: no layer %s of a model %s", run->folder, g->layer, model);
    if (layer->channels > MAX_CHANNELS || layer->height > MAX_SIDE || layer->width > MAX_SIDE)
        return fus_base_fail(err, FUS_EINVAL, "%s: %d channels of %d x %d units; at most %d of %d x %d are drawn",
                             g->layer, layer->channels, layer->height, layer->width, MAX_CHANNELS, MAX_SIDE, MAX_SIDE);
    g->channels = layer->channels;
    g->height = layer->height;
    g->width = layer->width;
    while (g->columns * g->columns < g->channels)
        g->columns++;
    g->label = fus_base_alloc((size_t)g->channels * (size_t)(g->height * g->width), sizeof *g->label);
    if (!g->label)
        return fus_base_fail(err, FUS_ENOMEM, "no memory");
    return fus_run_read_labels(g->label, run, model, g->layer, g->channels, g->height, g->width, err);
}

int main(int argc, char **argv)
{
    struct fus_run_read run = {0};
    struct fus_error err = {0};
    struct grid g = {.columns = 1};
    if (argc != 5)
        return 2;
    g.layer = argv[3];
    int code = fus_run_read_open(&run, argv[1], true, &err);
    if (!code)
        code = read_layer(&g, &run, argv[2], &err);
    if (!code) {
        g.categories = run.categories;
        g.n_categories = run.n_categories;
        fus_theme_create(&g.theme, run.categories, run.n_categories, 1);
        draw(&g);
        code = fus_svg_save(&g.svg, argv[4], &err);
    }
    if (code)
        fprintf(stderr, "%s\n", err.msg);
    fus_text_free(&g.svg);
    fus_base_free(g.label);
    fus_run_read_close(&run);
    return code != 0;
}
