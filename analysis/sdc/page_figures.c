/* SPDX-License-Identifier: MIT */
/* Panels, the sweep over eps, and matrices of clusters: see page.h. */
#include <math.h>
#include <string.h>

#include "analysis/report/panels.h"
#include "analysis/sdc/page.h"

#define WIDTH FUS_SDC_PAGE_WIDTH
enum { MAX_CELLS = FUS_SDC_PAGE_CELLS };

/* ---- panels ---- */

void fus_sdc_page_axes(struct fus_text_buffer *out, struct fus_axis *x, struct fus_axis *y, const char *below,
                       const char *left)
{
    x->from = 52, x->to = WIDTH - 12, y->from = FUS_SDC_PAGE_HEIGHT - 38, y->to = 24;
    fus_axis_left(out, y, x->from, x->to, left);
    if (below)
        fus_axis_bottom(out, x, y->to, y->from, below);
}

static void vertical_line(struct fus_text_buffer *out, double x, const struct fus_axis *y)
{
    fus_svg_put(out, "<path class=\"eb\" stroke-dasharray=\"3 2\" d=\"M$f,$fV$f\"/>", x, y->to, y->from);
}

/* ---- the sweep over eps ---- */

static void sweep_line(struct fus_text_buffer *out, const struct fus_sdc_page_kind *k, const struct fus_axis *x,
                       const struct fus_axis *y, const double *value, int ink)
{
    bool pen = false;
    fus_svg_put(out, "<g class=\"ink0\"><path class=\"ln\"$s d=\"", ink ? " stroke-dasharray=\"4 3\"" : "");
    for (int e = 0; e < k->n_eps; e++) {
        if (isfinite(value[e]))
            fus_svg_put(out, "$s$f,$f", pen ? "L" : "M", fus_axis_at(x, k->eps[e].eps), fus_axis_at(y, value[e]));
        pen = isfinite(value[e]);
    }
    fus_svg_put(out, "\"/>");
    for (int e = 0; e < k->n_eps; e++)
        if (isfinite(value[e]))
            fus_theme_marker(out, ink, fus_axis_at(x, k->eps[e].eps), fus_axis_at(y, value[e]), 2.2, k->eps[e].name);
    fus_svg_put(out, "</g>\n");
}

/* level: a horizontal line, where it is on the scale. */
static void sweep_panel(struct fus_text_buffer *out, const struct fus_sdc_page_kind *k, const char *title,
                        const char *left, const double *value, const double *other, double level)
{
    struct fus_axis x = {0}, y = {0};
    double most = 0, first = k->eps[0].eps, last = k->eps[k->n_eps - 1].eps;
    for (int e = 0; e < k->n_eps; e++) {
        most = value[e] > most ? value[e] : most;
        most = other && other[e] > most ? other[e] : most;
    }
    fus_axis_fit(&y, 0, most > 0 ? most : 1, 4);
    fus_axis_fit(&x, first, last > first ? last : first + 0.1, 5);
    fus_svg_put(out, "<div>");
    fus_sdc_page_panel(out, WIDTH, FUS_SDC_PAGE_HEIGHT, title, 52);
    fus_sdc_page_axes(out, &x, &y, "eps, the largest distance of neighbours", left);
    if (k->shown >= 0) {
        fus_svg_put(out, "<g class=\"ink0\">");
        vertical_line(out, fus_axis_at(&x, k->eps[k->shown].eps), &y);
        fus_svg_put(out, "</g>");
    }
    if (level > 0 && level <= y.hi)
        fus_svg_put(out, "<g class=\"ink0\"><path class=\"eb\" stroke-dasharray=\"1 3\" d=\"M$f,$fH$f\"/></g>", x.from,
                    fus_axis_at(&y, level), x.to);
    if (other)
        sweep_line(out, k, &x, &y, other, 1);
    sweep_line(out, k, &x, &y, value, 0);
    fus_svg_put(out, "</svg></div>\n");
}

void fus_sdc_page_sweep(struct fus_text_buffer *out, const struct fus_sdc_page_kind *k)
{
    double clusters[1000], core[1000], chance[1000], share[1000], q[1000];
    bool judged = false;
    char title[64];
    struct fus_sdc_page_words words = fus_sdc_page_words(k);
    if (k->n_eps < 2)
        return;
    for (int e = 0; e < k->n_eps; e++) {
        clusters[e] = k->eps[e].n_count;
        core[e] = k->eps[e].n_core;
        chance[e] = k->eps[e].null_core;
        share[e] = (k->eps[e].n_core + k->eps[e].n_border) / k->n_voxels;
        q[e] = k->eps[e].q < 1 ? k->eps[e].q : k->eps[e].q >= 1 ? 1 : NAN;
        judged = judged || isfinite(chance[e]);
    }
    fus_svg_put(out, "<figure><div class=\"grid\">");
    sweep_panel(out, k, "Clusters that count", "clusters", clusters, NULL, 0);
    snprintf(title, sizeof title, "Core %s%s", words.many, judged ? ", and by chance" : "");
    sweep_panel(out, k, title, words.many, core, judged ? chance : NULL, 0);
    snprintf(title, sizeof title, "Share of %s in a cluster", words.many);
    if (k->n_voxels > 0)
        sweep_panel(out, k, title, "share", share, NULL, 0);
    if (judged)
        sweep_panel(out, k, "q, the share that chance gives", "q, at most 1", q, NULL, 0.05);
    fus_svg_put(out,
                "</div><figcaption>A cluster counts with ten $s or more, of more participants than "
                "--min-others. $sThe vertical line is the eps described below. All values: "
                "$s/eps.csv.</figcaption></figure>\n",
                words.many, judged ? "Dashed: the mean over draws by chance (Methods). Dotted: q of .05. " : "",
                k->folder);
}

/* ---- matrices ---- */

/* values [participants, clusters shown] of a quantity; returns the largest. */
static double fill(double *values, const struct fus_sdc_page_kind *k, int n, int quantity)
{
    double most = 0;
    for (int s = 0; s < k->n_names; s++)
        for (int c = 0; c < n; c++) {
            const struct fus_sdc_page_decoded *d = k->decoded ? &k->decoded[c * k->n_names + s] : NULL;
            double v = quantity == 0 ? k->clusters[c].voxels[s] : quantity == 1 ? d->r : d->r_left_out;
            values[s * n + c] = v;
            most = v > most ? v : most;
        }
    return most;
}

void fus_sdc_page_matrices(struct fus_text_buffer *out, const struct fus_sdc_page_kind *k)
{
    int n = k->n_clusters < MAX_CELLS ? k->n_clusters : MAX_CELLS;
    double *values = fus_base_alloc((size_t)(k->n_names > n ? k->n_names : n) + 1, ((size_t)n + 1) * sizeof *values);
    if (!values) {
        out->failed = true;
        return;
    }
    struct fus_sdc_page_words words = fus_sdc_page_words(k);
    char title[64], own[64];
    snprintf(title, sizeof title, "%s of each participant", words.Many);
    snprintf(own, sizeof own, "r on test trials, own %s", words.many);
    struct fus_sdc_page_matrix m = {k->n_names, n, values, 0, fill(values, k, n, 0), title, k->names, 0};
    if (n > 0 && k->n_names > 0) {
        fus_svg_put(out, "<figure><div class=\"grid\">");
        fus_sdc_page_matrix(out, &m);
        m.low = 0, m.high = 1, m.decimals = 2;
        for (int quantity = 1; quantity <= 2 && k->decoded; quantity++) {
            fill(values, k, n, quantity);
            m.title = quantity == 1 ? own : "r, participant left out";
            fus_sdc_page_matrix(out, &m);
        }
        for (int i = 0; k->cosine && i < n * n; i++)
            values[i] = k->cosine[i / n * k->n_clusters + i % n];
        m = (struct fus_sdc_page_matrix){n, n, values, -1, 1, "Cosine of centroids", NULL, 2};
        if (k->cosine)
            fus_sdc_page_matrix(out, &m);
        fus_svg_put(out, "</div><figcaption>");
        if (n < k->n_clusters)
            fus_svg_put(out, "The first $d of $d clusters. ", n, k->n_clusters);
        fus_svg_put(out, "Dark: many $s ($d at most in one participant), r of 1, the same direction. ", words.many,
                    (int)fill(values, k, n, 0));
        if (k->decoded)
            fus_svg_put(out,
                        "Left out: the clusters come from the other participants alone, and the participant's "
                        "$s are those nearer than eps to the centroid; open cells have no match or no $s. ",
                        words.many, words.one);
        fus_svg_put(out, "Numbers: clusters.csv$s.</figcaption></figure>\n", k->decoded ? ", decodability.csv" : "");
    }
    fus_base_free(values);
}
