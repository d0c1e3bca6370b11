/* SPDX-License-Identifier: MIT */
/* A panel's beginning, and a matrix of shaded cells with clusters as columns: see page.h. */
#include <math.h>
#include <stdio.h>

#include "analysis/sdc/page.h"

enum { NAME_CHARS = 22 };

void fus_sdc_page_panel(struct fus_text_buffer *out, double width, double height, const char *title, double x)
{
    fus_svg_put(out,
                "<svg viewBox=\"0 0 $f $f\" role=\"img\" aria-label=\"$e\"><text class=\"tt\" x=\"$f\" "
                "y=\"14\">$e</text>\n",
                width, height, title, x, title);
}

static int level_of(const struct fus_sdc_page_matrix *m, double v)
{
    int level = isfinite(v) ? (int)floor((v - m->low) / (m->high - m->low) * FUS_THEME_HEAT_LEVELS) : -1;
    return level < 0 ? (isfinite(v) ? 0 : -1) : level >= FUS_THEME_HEAT_LEVELS ? FUS_THEME_HEAT_LEVELS - 1 : level;
}

void fus_sdc_page_matrix(struct fus_text_buffer *out, const struct fus_sdc_page_matrix *m)
{
    double left = 24, top = 26;
    for (int r = 0; r < m->rows && m->row_names; r++) {
        char name[4 * NAME_CHARS + 1];
        fus_svg_shorten(name, m->row_names[r], NAME_CHARS);
        double w = fus_svg_width(name, 9) + 8;
        left = w > left ? w : left;
    }
    double cell = (FUS_SDC_PAGE_WIDTH - left - 6) / m->columns;
    cell = cell > 22 ? 22 : cell;
    double high = cell < 9 ? 9 : cell > 16 ? 16 : cell, height = top + high * m->rows + 30;
    int every = (int)ceil(14 / cell), every_row = m->row_names ? 1 : (int)ceil(10 / high);
    fus_svg_put(out, "<div>");
    fus_sdc_page_panel(out, FUS_SDC_PAGE_WIDTH, height, m->title, 0);
    fus_svg_put(out, "<g class=\"hm\">");
    for (int r = 0; r < m->rows; r++)
        for (int c = 0; c < m->columns; c++) {
            double v = m->values[(size_t)r * (size_t)m->columns + (size_t)c];
            int level = level_of(m, v);
            char number[FUS_SVG_NUMBER_BYTES];
            fus_svg_number(number, v, m->decimals);
            if (level >= 0)
                fus_svg_put(out,
                            "<rect class=\"q$d\" x=\"$f\" y=\"$f\" width=\"$f\" height=\"$f\"><title>$e</title></rect>",
                            level, left + c * cell, top + r * high, cell, high, number);
        }
    fus_svg_put(out, "</g><rect class=\"ax\" x=\"$f\" y=\"$f\" width=\"$f\" height=\"$f\"/>", left, top,
                cell * m->columns, high * m->rows);
    for (int r = 0; r < m->rows; r += every_row) {
        char name[4 * NAME_CHARS + 1];
        if (m->row_names)
            fus_svg_shorten(name, m->row_names[r], NAME_CHARS);
        else
            snprintf(name, sizeof name, "%d", r + 1);
        fus_svg_put(out, "<text class=\"tl tk end\" x=\"$f\" y=\"$f\">$e</text>", left - 5, top + (r + 0.5) * high + 3,
                    name);
    }
    for (int c = 0; c < m->columns; c += every)
        fus_svg_put(out, "<text class=\"tl tk mid\" x=\"$f\" y=\"$f\">$d</text>", left + (c + 0.5) * cell,
                    top + high * m->rows + 11, c + 1);
    fus_svg_put(out, "<text class=\"tk mid\" x=\"$f\" y=\"$f\">cluster</text></svg></div>\n",
                left + cell * m->columns / 2, top + high * m->rows + 24);
}
