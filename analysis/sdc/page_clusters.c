/* SPDX-License-Identifier: MIT */
/* What the clusters are: images, sizes, scores, and what tells two of them apart. See page.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/sdc/concept_tables.h"
#include "analysis/sdc/page.h"

enum { MAX_ROWS = 40 };

void fus_sdc_page_name(struct fus_text_buffer *out, const struct fus_sdc_page_kind *k, int cluster)
{
    fus_svg_put(out, "$d", cluster + 1);
    if (k->clusters[cluster].label[0])
        fus_svg_put(out, ", $e", k->clusters[cluster].label);
}

void fus_sdc_page_thumb(struct fus_text_buffer *out, int number, const char *name, int place)
{
    if (place >= 0)
        fus_svg_put(out, "<i class=\"pic pic$d\" title=\"$e\" style=\"background-position:$dpx $dpx\"></i>", number,
                    name, -(place % FUS_SDC_THUMBS_COLUMNS * FUS_SDC_THUMBS_SIDE),
                    -(place / FUS_SDC_THUMBS_COLUMNS * FUS_SDC_THUMBS_SIDE));
    else
        fus_svg_put(out, "<span class=\"nm\" title=\"$e\">$e</span>", name, name);
}

/* ---- one cluster ---- */

static void put_strip(struct fus_text_buffer *out, const struct fus_sdc_page_kind *k, int cluster, int side, int number)
{
    const struct fus_sdc_page_image *im = k->images + (cluster * 2 + side) * FUS_SDC_PAGE_IMAGES;
    fus_svg_put(out, "<div class=\"strip\">");
    for (int i = 0; i < FUS_SDC_PAGE_IMAGES; i++)
        if (im[i].name)
            fus_sdc_page_thumb(out, number, im[i].name, im[i].place);
    fus_svg_put(out, "</div>");
}

/* A bar for each participant, the largest of the cluster 30 pixels high. */
static void put_bars(struct fus_text_buffer *out, const struct fus_sdc_page_kind *k, int cluster)
{
    const double *n = k->clusters[cluster].voxels;
    double most = 1, step = k->n_names > 12 ? 96.0 / k->n_names : 8;
    for (int s = 0; s < k->n_names; s++)
        most = n[s] > most ? n[s] : most;
    fus_svg_put(
        out,
        "<svg class=\"ink0\" style=\"width:$fpx\" width=\"$f\" height=\"34\" viewBox=\"0 0 $f 34\" role=\"img\" "
        "aria-label=\"$s of each participant\">",
        step * k->n_names, step * k->n_names, step * k->n_names, fus_sdc_page_words(k).many);
    for (int s = 0; s < k->n_names; s++)
        fus_svg_put(out, "<rect class=\"bf\" x=\"$f\" y=\"$f\" width=\"$f\" height=\"$f\"><title>$e: $d</title></rect>",
                    s * step + 0.5, 32 - 30 * n[s] / most, step - 1, 30 * n[s] / most + 1, k->names[s], (int)n[s]);
    fus_svg_put(out, "</svg>");
}

/* Participants in whom the cluster is decoded, and its mean r over those with voxels. */
static double mean_r(int *n_sure, const struct fus_sdc_page_kind *k, int cluster)
{
    double sum = 0;
    int n = 0;
    *n_sure = 0;
    for (int s = 0; s < k->n_names; s++) {
        const struct fus_sdc_page_decoded *d = &k->decoded[cluster * k->n_names + s];
        if (!isfinite(d->r))
            continue;
        sum += d->r;
        n++;
        *n_sure += d->r > 0 && d->q < 0.05;
    }
    return n ? sum / n : NAN;
}

/* Participants whose response to the bottom tenth is below 0 by two standard errors. */
static int count_suppressed(const struct fus_sdc_page_kind *k, int cluster)
{
    int n = 0;
    for (int s = 0; s < k->n_names; s++) {
        const struct fus_sdc_page_decoded *d = &k->decoded[cluster * k->n_names + s];
        n += d->raw[1] + 1.96 * d->sem[1] < 0;
    }
    return n;
}

static void put_facts(struct fus_text_buffer *out, const struct fus_sdc_page_kind *k, int c)
{
    const struct fus_sdc_page_cluster *a = &k->clusters[c];
    int sure;
    fus_svg_put(out, "<td>$d</td><td>$d</td><td>", (int)a->n_voxels, (int)a->n_participants);
    put_bars(out, k, c);
    fus_svg_put(out, "</td><td>$2</td>", a->cohesion);
    if (k->decoded) {
        double r = mean_r(&sure, k, c);
        fus_svg_put(out, "<td>$2</td><td>$d</td>", r, sure);
        if (isfinite(a->replicated_in))
            fus_svg_put(out, "<td>$d</td>", (int)a->replicated_in);
        else
            fus_svg_put(out, "<td>\xe2\x80\x93</td>");
        fus_svg_put(out, "<td>$d</td>", count_suppressed(k, c));
    }
    fus_svg_put(out, "<td>$2</td>", a->jaccard);
    if (isfinite(a->opposite))
        fus_svg_put(out, "<td>$d ($2)</td>", (int)a->opposite, a->opposite_cosine);
    else
        fus_svg_put(out, "<td>\xe2\x80\x93</td>");
}

static void put_row(struct fus_text_buffer *out, const struct fus_sdc_page_kind *k, int c, int number)
{
    const struct fus_sdc_page_cluster *a = &k->clusters[c];
    fus_svg_put(out, "<tr><th>$d", c + 1);
    if (a->label[0])
        fus_svg_put(out, "<br/><b>$e</b><br/><span class=\"meta\">AUC $2</span>", a->label, a->label_auc);
    fus_svg_put(out, "</th>");
    if (k->images) {
        fus_svg_put(out, "<td class=\"pics\">");
        put_strip(out, k, c, 0, number);
        put_strip(out, k, c, 1, number);
        fus_svg_put(out, "</td>");
    }
    put_facts(out, k, c);
    fus_svg_put(out, "</tr>\n");
}

/* ---- all ---- */

static void order_clusters(int *order, const struct fus_sdc_page_kind *k)
{
    for (int c = 0; c < k->n_clusters; c++) { /* insertion by falling size, then by number */
        int at = c;
        for (; at > 0 && k->clusters[order[at - 1]].n_voxels < k->clusters[c].n_voxels; at--)
            order[at] = order[at - 1];
        order[at] = c;
    }
}

void fus_sdc_page_clusters(struct fus_text_buffer *out, const struct fus_sdc_page_kind *k, int number)
{
    int *order = fus_base_alloc((size_t)k->n_clusters + 1, sizeof *order);
    if (!order) {
        out->failed = true;
        return;
    }
    order_clusters(order, k);
    struct fus_sdc_page_words words = fus_sdc_page_words(k);
    fus_svg_put(out,
                "<div class=\"scroll\"><table class=\"concepts\">\n<thead><tr><th>cluster</th>$s<th>$s</th><th>$s"
                "</th><th>by participant</th><th>cohesion</th>",
                k->images ? "<th>most (above) and least associated images</th>" : "", words.many, words.who);
    if (k->decoded)
        fus_svg_put(out, "<th>r</th><th>decoded in</th><th>replicated in</th><th>suppressed in</th>");
    fus_svg_put(out, "<th>Jaccard</th><th>most opposed</th></tr></thead>\n<tbody>\n");
    for (int i = 0; i < k->n_clusters && i < MAX_ROWS; i++)
        put_row(out, k, order[i], number);
    fus_svg_put(out,
                "</tbody></table></div>\n<p class=\"meta\">By size$s. $s: participants with $s in it. "
                "cohesion: mean cosine of its $s with their mean. ",
                k->n_clusters > MAX_ROWS ? "; the largest 40" : "", words.who, words.many, words.many);
    if (k->decoded)
        fus_svg_put(out,
                    "r: correlation of what its $s decode with the image's cosine with the cluster, on test "
                    "trials, mean over participants; decoded in: participants with r &gt; 0 at q &lt; .05; "
                    "replicated in: the same for clusters of the other participants alone; suppressed in: "
                    "participants whose raw response to the least associated tenth of the images is below 0 by "
                    "two standard errors. ",
                    words.many);
    fus_svg_put(out,
                "Jaccard: agreement with clusters of resampled reruns (stable from .75, dissolved below .5). All "
                "numbers: $s/$s/.</p>\n",
                k->folder, k->eps[k->shown].name);
    fus_base_free(order);
}

void fus_sdc_page_contrasts(struct fus_text_buffer *out, const struct fus_sdc_page_kind *k, int number)
{
    if (!k->n_contrasts)
        return;
    fus_svg_put(out,
                "<h3>What tells alike clusters apart</h3>\n<p>Pairs of clusters that share a third or more of their "
                "nearest images. Of these images: the one that is most on the side of the first, and of the "
                "second.</p>\n<div class=\"scroll\"><table>\n<thead><tr><th>first</th><th>its side</th><th>second</th>"
                "<th>its side</th><th>shared</th></tr></thead>\n<tbody>\n");
    for (int i = 0; i < k->n_contrasts; i++) {
        const struct fus_sdc_page_contrast *c = &k->contrasts[i];
        fus_svg_put(out, "<tr><th>");
        fus_sdc_page_name(out, k, c->a);
        fus_svg_put(out, "</th><td>");
        fus_sdc_page_thumb(out, number, c->first ? c->first : "", c->first_place);
        fus_svg_put(out, "</td><td>");
        fus_sdc_page_name(out, k, c->b);
        fus_svg_put(out, "</td><td>");
        fus_sdc_page_thumb(out, number, c->last ? c->last : "", c->last_place);
        fus_svg_put(out, "</td><td>$d of $d</td></tr>\n", c->shared, c->of);
    }
    fus_svg_put(out, "</tbody></table></div>\n<p class=\"meta\">All images in order: contrasts.csv.</p>\n");
}
