/* SPDX-License-Identifier: MIT */
/* The map of one category over the places of the last block layer (the paper's Fig 4A): see
 * panels.h. Cells of one colour are one path, runs along a row one rectangle; maps finer than 32
 * x 32 are averaged to that. */
#include <math.h>

#include "analysis/report/panels.h"

#define MAX_SIDE 32
#define SMALL_SIDE 16
#define TOP 24.0
#define BELOW 20.0
#define PLOT 140.0

struct grid {
    int rows, columns; /* at most MAX_SIDE */
    unsigned char level[MAX_SIDE][MAX_SIDE];
    double most;
};

static int cell_level(double v, double top)
{
    double part = v > 0 && top > 0 ? v / top : 0;
    if (part >= 1)
        return FUS_THEME_HEAT_LEVELS - 1;
    int level = (int)floor(part * FUS_THEME_HEAT_LEVELS);
    return part > 0 && level == 0 ? 1 : level; /* something is never drawn as nothing */
}

/* Mean of the map's part that falls into one cell of the grid. */
static double cell_mean(const float *map, int width, int y0, int y1, int x0, int x1)
{
    double sum = 0;
    for (int y = y0; y < y1; y++)
        for (int x = x0; x < x1; x++)
            sum += map[(size_t)y * (size_t)width + (size_t)x];
    return sum / ((double)(y1 - y0) * (x1 - x0));
}

static void fill_grid(struct grid *g, const struct fus_layer_summary *layer, const float *map, double top, int side)
{
    int h = layer->height, w = layer->width;
    g->rows = h < side ? h : side;
    g->columns = w < side ? w : side;
    g->most = 0;
    for (int r = 0; r < g->rows; r++)
        for (int c = 0; c < g->columns; c++) {
            int y0 = (int)((long long)r * h / g->rows), y1 = (int)((long long)(r + 1) * h / g->rows);
            int x0 = (int)((long long)c * w / g->columns), x1 = (int)((long long)(c + 1) * w / g->columns);
            double v = cell_mean(map, w, y0, y1, x0, x1);
            g->level[r][c] = (unsigned char)cell_level(v, top);
            g->most = v > g->most ? v : g->most;
        }
}

/* The cells of a level as one path: rectangles to fill, or strokes as wide as a cell, which take
 * half as many bytes. */
static void draw_level(struct fus_text_buffer *out, const struct grid *g, int level, bool stroked)
{
    bool open = false;
    for (int r = 0; r < g->rows; r++)
        for (int c = 0, end; c < g->columns; c = end) {
            end = c + 1;
            if (g->level[r][c] != level)
                continue;
            while (end < g->columns && g->level[r][end] == level)
                end++;
            if (!open)
                fus_svg_put(out, "<path class=\"q$d\" d=\"", level);
            open = true;
            fus_svg_put(out, "M$d,$dh$d", c, r, end - c);
            if (!stroked)
                fus_svg_put(out, "v1h$dz", c - end);
        }
    if (open)
        fus_svg_put(out, "\"/>");
}

double fus_panel_map(struct fus_text_buffer *out, const struct fus_view *view, int model, int category, double top)
{
    const struct fus_layer_summary *layer = fus_view_last(view, model);
    const float *map = layer->categories[category].map;
    double x0 = (FUS_PANELS_MAP_WIDTH - PLOT) / 2;
    fus_panel_lines_title(out, view, category, x0, 14, PLOT);
    if (!map || layer->height < 1 || layer->width < 1) {
        fus_svg_put(out, "<text class=\"tk mid\" x=\"$f\" y=\"$f\">no map</text>", FUS_PANELS_MAP_WIDTH / 2,
                    TOP + PLOT / 2);
        return TOP + PLOT + BELOW;
    }
    struct grid g;
    fill_grid(&g, layer, map, top, MAX_SIDE);
    int longer = layer->height > layer->width ? layer->height : layer->width;
    double height = PLOT * layer->height / longer, width = PLOT * layer->width / longer;
    double left = x0 + (PLOT - width) / 2, above = TOP + (PLOT - height) / 2;
    fus_svg_put(out, "<g class=\"hm\" transform=\"translate($f $f) scale($4 $4)\">", left, above, width / g.columns,
                height / g.rows);
    for (int level = 0; level < FUS_THEME_HEAT_LEVELS; level++)
        draw_level(out, &g, level, false);
    fus_svg_put(out, "</g><rect class=\"ax\" x=\"$f\" y=\"$f\" width=\"$f\" height=\"$f\"/>", left, above, width,
                height);
    fus_svg_put(out, "<text class=\"tk\" x=\"$f\" y=\"$f\">mean $p, most $p</text>\n", x0, TOP + PLOT + 14,
                layer->categories[category].proportion, g.most);
    return TOP + PLOT + BELOW;
}

void fus_panel_map_small(struct fus_text_buffer *out, const struct fus_layer_summary *layer, int category, double top)
{
    struct grid g;
    fill_grid(&g, layer, layer->categories[category].map, top, SMALL_SIDE);
    fus_svg_put(out, "<svg viewBox=\"0 0 $d $d\" aria-hidden=\"true\"><g class=\"hs\" transform=\"translate(0 .5)\">",
                g.columns, g.rows);
    for (int level = 0; level < FUS_THEME_HEAT_LEVELS; level++)
        draw_level(out, &g, level, true);
    fus_svg_put(out, "</g></svg>");
}

double fus_panel_map_scale(struct fus_text_buffer *out, const struct fus_axis *scale, const char *title, double width)
{
    struct fus_axis x = *scale;
    char text[FUS_SVG_NUMBER_BYTES];
    double step = (width - 24) / FUS_THEME_HEAT_LEVELS;
    x.from = 12;
    x.to = width - 12;
    fus_svg_put(out, "<text class=\"lb mid\" x=\"$f\" y=\"12\">$s</text><g class=\"hm\">", width / 2, title);
    for (int level = 0; level < FUS_THEME_HEAT_LEVELS; level++)
        fus_svg_put(out, "<rect class=\"q$d\" x=\"$f\" y=\"20\" width=\"$f\" height=\"12\"/>", level, 12 + level * step,
                    step + 0.3);
    fus_svg_put(out, "</g><rect class=\"ax\" x=\"12\" y=\"20\" width=\"$f\" height=\"12\"/>", width - 24);
    for (int i = 0; fus_axis_has(&x, i); i++) {
        fus_svg_number(text, fus_axis_tick(&x, i) * (x.percent ? 100 : 1), x.decimals);
        fus_svg_put(out, "<text class=\"tk mid\" x=\"$f\" y=\"45\">$e</text>", fus_axis_at(&x, fus_axis_tick(&x, i)),
                    text);
    }
    fus_svg_put(out, "\n");
    return 50;
}
