/* SPDX-License-Identifier: MIT */
/* The figures of a lesion's page: bars of every category, and, of several doses, the curve. See
 * lesion_page.h. */
#include "analysis/localizer/lesion_page.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "analysis/report/panels.h"

#define WIDTH FUS_PANELS_WIDTH

static const char *const condition_names[] = {"intact", "silenced", "others at random", "others matched"};

/* Rows of one dose and read-out from `first` on. */
int fus_lesion_figures_block(const struct fus_lesion_page *p, int first)
{
    int n = 1;
    while (first + n < p->n && p->rows[first + n].top == p->rows[first].top &&
           strcmp(p->rows[first + n].readout, p->rows[first].readout) == 0)
        n++;
    return n;
}

/* The silenced category's row of the block, or NULL. */
const struct fus_lesion_page_row *fus_lesion_figures_silenced(const struct fus_lesion_page *p, int first)
{
    for (int i = first, end = first + fus_lesion_figures_block(p, first); i < end; i++)
        if (strcmp(p->rows[i].category, p->silenced) == 0)
            return &p->rows[i];
    return NULL;
}

const char *fus_lesion_figures_readout(const struct fus_lesion_page_row *r)
{
    return strcmp(r->readout, "ridge") == 0 ? "ridge regression" : "the nearest class mean";
}

int fus_lesion_figures_doses(const struct fus_lesion_page *p)
{
    int n = 0;
    for (int i = 0; i < p->n; i += fus_lesion_figures_block(p, i))
        n += strcmp(p->rows[i].readout, p->rows[0].readout) == 0;
    return n;
}

/* ---- bars: one block ---- */

static void legend(struct fus_text_buffer *out)
{
    fus_svg_put(out, "<ul class=\"legend\">");
    for (int k = 0; k < FUS_LESION_CONDITIONS; k++) {
        fus_svg_put(out,
                    "<li><svg width=\"34\" height=\"14\" viewBox=\"0 0 34 14\" aria-hidden=\"true\"><g "
                    "class=\"model$d\"><path class=\"ln\"$s d=\"M2,7h30\"/>",
                    k, fus_theme_dash(k));
        fus_theme_marker(out, k, 17, 7, 3, NULL);
        fus_svg_put(out, "</g></svg> $s</li>", condition_names[k]);
    }
    fus_svg_put(out, "</ul>\n");
}

static void put_bar(struct fus_text_buffer *out, const struct fus_lesion_page_row *r, int k, const struct fus_axis *x,
                    double y)
{
    double end = fus_axis_at(x, r->accuracy[k]), after = end, thick = 11;
    fus_svg_put(out,
                "<g class=\"model$d\"><rect class=\"$s\" x=\"$f\" y=\"$f\" width=\"$f\" height=\"$f\"><title>$e, $s: "
                "$p</title></rect></g>",
                k, fus_theme_filled(k) ? "bf" : "bo", x->from, y + 1, end - x->from, thick - 2, r->category,
                condition_names[k], r->accuracy[k]);
    if (isfinite(r->low[k]) && isfinite(r->high[k])) {
        double low = fus_axis_at(x, r->low[k]), high = fus_axis_at(x, r->high[k]), middle = y + thick / 2;
        fus_svg_put(out, "<path class=\"ax\" d=\"M$f,$fH$fM$f,$fv6M$f,$fv6\"/>", low, middle, high, low, middle - 3,
                    high, middle - 3);
        after = high > after ? high : after;
    }
    fus_svg_put(out, "<g class=\"model$d\">", k);
    fus_theme_marker(out, k, after + 8, y + thick / 2, 2.6, NULL);
    fus_svg_put(out, "</g><text class=\"tk\" x=\"$f\" y=\"$f\">$p</text>\n", after + 15, y + thick / 2 + 3.5,
                r->accuracy[k]);
}

static void put_bars(struct fus_text_buffer *out, const struct fus_lesion_page *p, int first)
{
    int n = fus_lesion_figures_block(p, first);
    struct fus_axis x = {.percent = true};
    double top = 32, pitch = FUS_LESION_CONDITIONS * 11 + 10, bottom = top + pitch * n, room = 30;
    char name[4 * 15 + 1];
    for (int i = 0; i < n; i++) {
        fus_svg_shorten(name, p->rows[first + i].category, 15);
        double w = fus_svg_width(name, 11);
        room = w > room ? w : room;
    }
    fus_axis_fit(&x, 0, 1, 4);
    x.from = room + 12, x.to = WIDTH - 52;
    fus_svg_put(out,
                "<svg viewBox=\"0 0 $f $f\" role=\"img\" aria-label=\"accuracy, $s\"><text class=\"tt\" x=\"$f\" "
                "y=\"15\">",
                WIDTH, bottom + 38, fus_lesion_figures_readout(&p->rows[first]), x.from);
    if (p->rows[first].top)
        fus_svg_put(out, "$z units, ", p->rows[first].top);
    fus_svg_put(out, "$s</text>\n", fus_lesion_figures_readout(&p->rows[first]));
    fus_axis_bottom(out, &x, top - 6, bottom, "accuracy (%)");
    for (int i = 0; i < n; i++) {
        const struct fus_lesion_page_row *r = &p->rows[first + i];
        bool silenced = strcmp(r->category, p->silenced) == 0;
        fus_svg_shorten(name, r->category, 15);
        fus_svg_put(out, "<text class=\"lb end\" x=\"$f\" y=\"$f\"$s>$e</text>", x.from - 7,
                    top + (i + 0.5) * pitch + 4, silenced ? " font-weight=\"700\"" : "", name);
        for (int k = 0; k < FUS_LESION_CONDITIONS; k++)
            put_bar(out, r, k, &x, top + i * pitch + 5 + k * 11);
    }
    fus_svg_put(out, "<path class=\"ax\" d=\"M$f,$fV$f\"/></svg>\n", x.from, top - 6, bottom);
}

/* ---- a dose curve: one read-out ---- */

/* The silenced category's rows of a read-out, by dose; returns their number. */
static int dose_rows(const struct fus_lesion_page_row *rows[FUS_LESION_MAX_ROWS], const struct fus_lesion_page *p,
                     const char *readout)
{
    int n = 0;
    for (int i = 0; i < p->n; i += fus_lesion_figures_block(p, i))
        if (strcmp(p->rows[i].readout, readout) == 0 && fus_lesion_figures_silenced(p, i))
            rows[n++] = fus_lesion_figures_silenced(p, i);
    return n;
}

static void put_line(struct fus_text_buffer *out, const struct fus_lesion_page_row *const *rows, int n, int k,
                     const struct fus_axis *x, const struct fus_axis *y)
{
    char text[80], number[FUS_SVG_NUMBER_BYTES];
    fus_svg_put(out, "<g class=\"model$d\"><path class=\"ln\"$s d=\"", k, fus_theme_dash(k));
    for (int i = 0; i < n; i++)
        fus_svg_put(out, "$s$f,$f", i ? "L" : "M", fus_axis_at(x, i), fus_axis_at(y, rows[i]->accuracy[k]));
    fus_svg_put(out, "\"/><path class=\"eb\" d=\"");
    for (int i = 0; i < n; i++)
        if (isfinite(rows[i]->low[k]))
            fus_svg_put(out, "M$f,$fV$f", fus_axis_at(x, i), fus_axis_at(y, rows[i]->low[k]),
                        fus_axis_at(y, rows[i]->high[k]));
    fus_svg_put(out, "\"/>");
    for (int i = 0; i < n; i++) {
        fus_svg_number(number, 100 * rows[i]->accuracy[k], 1);
        snprintf(text, sizeof text, "%zu units, %s: %s%%", rows[i]->top, condition_names[k], number);
        fus_theme_marker(out, k, fus_axis_at(x, i), fus_axis_at(y, rows[i]->accuracy[k]), 2.6, text);
    }
    fus_svg_put(out, "</g>\n");
}

static void put_doses(struct fus_text_buffer *out, const struct fus_lesion_page_row *const *rows, int n)
{
    struct fus_axis x = {.lo = -0.4, .hi = n - 0.6, .step = 1, .from = 52, .to = WIDTH - 12}, y = {.percent = true};
    double last = -100;
    fus_axis_fit(&y, 0, 1, 4);
    y.from = 200, y.to = 30;
    fus_svg_put(out,
                "<svg viewBox=\"0 0 $f 240\" role=\"img\" aria-label=\"dose curve, $s\"><text class=\"tt\" x=\"52\" "
                "y=\"15\">$s</text>\n",
                WIDTH, fus_lesion_figures_readout(rows[0]), fus_lesion_figures_readout(rows[0]));
    fus_axis_left(out, &y, x.from, x.to, "accuracy (%)");
    for (int i = 0; i < n; i++)
        if (fus_axis_at(&x, i) - last > 34) {
            last = fus_axis_at(&x, i);
            fus_svg_put(out, "<text class=\"tk mid\" x=\"$f\" y=\"214\">$z</text>", last, rows[i]->top);
        }
    fus_svg_put(out, "<text class=\"lb mid\" x=\"$f\" y=\"232\">units silenced</text>", (x.from + x.to) / 2);
    for (int k = FUS_LESION_CONDITIONS - 1; k >= 0; k--)
        put_line(out, rows, n, k, &x, &y);
    fus_svg_put(out, "</svg>\n");
}

int fus_lesion_figures_put(struct fus_text_buffer *out, const struct fus_lesion_page *p, struct fus_error *err)
{
    static const char *const readouts[] = {"mean", "ridge"};
    const struct fus_lesion_page_row **rows = fus_base_alloc(FUS_LESION_MAX_ROWS, sizeof *rows);
    if (!rows)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for the page");
    if (fus_lesion_figures_doses(p) > 1) {
        fus_svg_put(out, "<h2 id=\"doses\">More and more units</h2>\n<figure id=\"curve\">\n");
        legend(out);
        fus_svg_put(out, "<div class=\"grid\">\n");
        for (int i = 0; i < 2; i++) {
            int n = dose_rows(rows, p, readouts[i]);
            if (n > 0)
                put_doses(out, rows, n);
        }
        fus_svg_put(out,
                    "</div>\n<figcaption>Accuracy for $e; bars: 95% of the control sets. Numbers of units as asked "
                    "for, evenly spaced.</figcaption></figure>\n",
                    p->silenced);
    }
    fus_base_free(rows);
    fus_svg_put(out, "<h2 id=\"accuracy\">Accuracy for each category</h2>\n<figure id=\"bars\">\n");
    legend(out);
    fus_svg_put(out, "<div class=\"grid\">\n");
    for (int i = 0; i < p->n; i += fus_lesion_figures_block(p, i))
        put_bars(out, p, i);
    fus_svg_put(out,
                "</div>\n<figcaption>Share of a category\xe2\x80\x99s pictures that the read-out of the final features "
                "takes for it: of the intact network, with the chosen units silenced, and with equally many other "
                "units silenced (mean over the sets and 95% of them). In bold the category whose units are "
                "silenced.</figcaption></figure>\n");
    return FUS_OK;
}
