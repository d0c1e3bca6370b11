/* SPDX-License-Identifier: MIT */
/* Are the clusters stable, do they need several people, who is in them: see page.h. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "analysis/run/csv.h"
#include "analysis/run/csv_read.h"
#include "analysis/sdc/page.h"

#define WIDTH FUS_SDC_PAGE_WIDTH
enum { MAX_PAIRS = 40, MAX_SETS = 40, MAX_CELLS = FUS_SDC_PAGE_CELLS, NAME_CHARS = 22 };

/* ---- tables ---- */

static int read_agreements(struct fus_sdc_page_kind *k, const char *folder, struct fus_error *err)
{
    struct fus_csv_read t;
    bool there;
    int code = fus_sdc_page_table(&t, &there, folder, "stability.csv", err);
    if (code || !there)
        return code;
    int with = fus_csv_read_column(&t, "compared"), n = fus_csv_read_column(&t, "n"),
        rand = fus_csv_read_column(&t, "rand"), core = fus_csv_read_column(&t, "rand_core");
    while (fus_csv_read_next(&t) && k->n_agreements < FUS_SDC_PAGE_LINES) {
        struct fus_sdc_page_agreement *a = &k->agreement[k->n_agreements++];
        snprintf(a->with, sizeof a->with, "%.59s", fus_csv_read_text(&t, with));
        a->n = (double)fus_csv_read_count(&t, n, 1000000);
        a->rand = fus_csv_read_number(&t, rand);
        a->rand_core = fus_csv_read_number(&t, core);
    }
    return fus_csv_read_close(&t, err);
}

static int read_ways(struct fus_sdc_page_kind *k, const char *folder, struct fus_error *err)
{
    static const char *const names[] = {"n_clusters",   "n_count",          "rand_with_shared",
                                        "n_replicated", "share_replicated", "r_left_out"};
    struct fus_csv_read t;
    bool there;
    int at[6], code = fus_sdc_page_table(&t, &there, folder, "comparison.csv", err);
    if (code || !there)
        return code;
    int way = fus_csv_read_column(&t, "way");
    for (int i = 0; i < 6; i++)
        at[i] = fus_csv_read_column(&t, names[i]);
    while (fus_csv_read_next(&t) && k->n_ways < FUS_SDC_PAGE_LINES) {
        struct fus_sdc_page_way *w = &k->way[k->n_ways++];
        double *to[] = {&w->n_clusters, &w->n_count, &w->rand, &w->n_replicated, &w->share, &w->r};
        snprintf(w->way, sizeof w->way, "%.59s", fus_csv_read_text(&t, way));
        for (int i = 0; i < 6; i++)
            *to[i] =
                i < 2 || i == 3 ? (double)fus_csv_read_count(&t, at[i], 1000000000) : fus_csv_read_number(&t, at[i]);
    }
    return fus_csv_read_close(&t, err);
}

static int read_participants(struct fus_sdc_page_kind *k, const char *folder, struct fus_error *err)
{
    struct fus_csv_read t;
    bool there;
    int n = 0, code = fus_sdc_page_table(&t, &there, folder, "participants.csv", err);
    if (code || !there)
        return code;
    int kind = fus_csv_read_column(&t, "kind"), voxels = fus_csv_read_column(&t, "n_voxels");
    k->network = fus_base_alloc((size_t)k->n_names + 1, sizeof *k->network);
    if (!k->network)
        fus_csv_read_fail(&t, "no memory");
    k->n_voxels = 0;
    for (; fus_csv_read_next(&t) && n < k->n_names; n++) {
        k->network[n] = strcmp(fus_csv_read_text(&t, kind), "network") == 0;
        k->n_voxels += (double)fus_csv_read_count(&t, voxels, 1000000000);
    }
    return fus_csv_read_close(&t, err);
}

static int find_pair(struct fus_sdc_page_kind *k, const char *a, const char *b)
{
    char name[400];
    snprintf(name, sizeof name, "%.190s, %.190s", a, b);
    for (int i = 0; i < k->n_pairs; i++)
        if (strcmp(k->pair_name[i], name) == 0)
            return i;
    if (k->n_pairs == MAX_PAIRS || !(k->pair_name[k->n_pairs] = fus_base_strdup(name)))
        return -1;
    for (int c = 0; c < k->n_clusters; c++)
        k->dice[(size_t)k->n_pairs * (size_t)k->n_clusters + (size_t)c] = NAN;
    return k->n_pairs++;
}

static int read_dice(struct fus_sdc_page_kind *k, const char *folder, struct fus_error *err)
{
    struct fus_csv_read t;
    bool there;
    int code = fus_sdc_page_table(&t, &there, folder, "dice.csv", err);
    if (code || !there)
        return code;
    int cluster = fus_csv_read_column(&t, "cluster"), first = fus_csv_read_column(&t, "participant_a"),
        second = fus_csv_read_column(&t, "participant_b"), dice = fus_csv_read_column(&t, "dice");
    k->pair_name = fus_base_alloc(MAX_PAIRS, sizeof *k->pair_name);
    k->dice = fus_base_alloc(MAX_PAIRS, ((size_t)k->n_clusters + 1) * sizeof *k->dice);
    if (!k->pair_name || !k->dice)
        fus_csv_read_fail(&t, "no memory");
    while (fus_csv_read_next(&t)) {
        char *a = fus_csv_read_name(&t, first), *b = fus_csv_read_name(&t, second);
        long at = fus_csv_read_count(&t, cluster, k->n_clusters);
        int i = a && b && at >= 1 ? find_pair(k, a, b) : -1;
        if (i >= 0)
            k->dice[(size_t)i * (size_t)k->n_clusters + (size_t)at - 1] = fus_csv_read_number(&t, dice);
        fus_base_free(a);
        fus_base_free(b);
    }
    return fus_csv_read_close(&t, err);
}

int fus_sdc_page_judge_read(struct fus_sdc_page_kind *k, const char *folder, struct fus_error *err)
{
    int code = read_agreements(k, folder, err);
    if (!code)
        code = read_ways(k, folder, err);
    if (!code)
        code = read_participants(k, folder, err);
    return code ? code : read_dice(k, folder, err);
}

void fus_sdc_page_judge_free(struct fus_sdc_page_kind *k)
{
    for (int i = 0; i < k->n_pairs; i++)
        fus_base_free(k->pair_name[i]);
    fus_base_free(k->pair_name);
    fus_base_free(k->dice);
    fus_base_free(k->network);
}

/* ---- who is in them ---- */

struct sets {
    int n, most;                        /* sets shown; clusters of the largest */
    int set[MAX_SETS], count[MAX_SETS]; /* its first cluster, its clusters */
    double left, cell, top, high;
};

static bool same_set(const struct fus_sdc_page_kind *k, int a, int b)
{
    for (int s = 0; s < k->n_names; s++)
        if ((k->clusters[a].voxels[s] > 0) != (k->clusters[b].voxels[s] > 0))
            return false;
    return true;
}

/* The sets of participants, of most clusters first; of more than MAX_SETS those that come first. */
static void find_sets(struct sets *f, const struct fus_sdc_page_kind *k)
{
    for (int c = 0; c < k->n_clusters; c++) {
        int i = 0;
        while (i < f->n && !same_set(k, f->set[i], c))
            i++;
        if (i == MAX_SETS)
            continue;
        if (i == f->n) {
            f->set[f->n] = c;
            f->count[f->n++] = 0;
        }
        f->count[i]++;
    }
    for (int i = 1; i < f->n; i++)
        for (int j = i; j > 0 && f->count[j - 1] < f->count[j]; j--) {
            int set = f->set[j], count = f->count[j];
            f->set[j] = f->set[j - 1], f->count[j] = f->count[j - 1];
            f->set[j - 1] = set, f->count[j - 1] = count;
        }
    f->most = f->n ? f->count[0] : 1;
}

static void put_set(struct fus_text_buffer *out, const struct sets *f, const struct fus_sdc_page_kind *k, int i)
{
    double x = f->left + (i + 0.5) * f->cell, bar = 40.0 * f->count[i] / f->most, r = f->cell < 12 ? f->cell / 3 : 4;
    int first = -1, last = -1;
    fus_svg_put(out,
                "<rect class=\"bf\" x=\"$f\" y=\"$f\" width=\"$f\" height=\"$f\"/><text class=\"tk mid\" x=\"$f\" "
                "y=\"$f\">$d</text>",
                x - f->cell * 0.35, f->top - 8 - bar, f->cell * 0.7, bar, x, f->top - 11 - bar, f->count[i]);
    for (int s = 0; s < k->n_names; s++)
        if (k->clusters[f->set[i]].voxels[s] > 0) {
            first = first < 0 ? s : first;
            last = s;
        }
    if (last > first)
        fus_svg_put(out, "<path class=\"eb\" d=\"M$f,$fV$f\"/>", x, f->top + (first + 0.5) * f->high,
                    f->top + (last + 0.5) * f->high);
    for (int s = 0; s < k->n_names; s++)
        fus_svg_put(out, "<circle class=\"$s\" cx=\"$f\" cy=\"$f\" r=\"$f\"/>",
                    k->clusters[f->set[i]].voxels[s] > 0 ? "bf" : "gr", x, f->top + (s + 0.5) * f->high, r);
}

static void put_presence(struct fus_text_buffer *out, const struct sets *f, const struct fus_sdc_page_kind *k)
{
    double right = f->left + f->cell * f->n + 8;
    fus_sdc_page_panel(out, WIDTH, f->top + f->high * k->n_names + 20, "Clusters, by who is in them", 0);
    fus_svg_put(out, "<g class=\"ink0\">");
    for (int i = 0; i < f->n; i++)
        put_set(out, f, k, i);
    fus_svg_put(out, "</g>");
    for (int s = 0; s < k->n_names; s++) {
        char name[4 * NAME_CHARS + 1];
        int n = 0;
        for (int c = 0; c < k->n_clusters; c++)
            n += k->clusters[c].voxels[s] > 0;
        fus_svg_shorten(name, k->names[s], NAME_CHARS);
        fus_svg_put(out,
                    "<text class=\"tl tk end\" x=\"$f\" y=\"$f\">$e$s</text><text class=\"tl tk\" x=\"$f\" "
                    "y=\"$f\">$d</text>\n",
                    f->left - 5, f->top + (s + 0.5) * f->high + 3, name,
                    k->network && k->network[s] ? " \xe2\x97\x87" : "", right, f->top + (s + 0.5) * f->high + 3, n);
    }
    fus_svg_put(out, "<text class=\"tk mid\" x=\"$f\" y=\"$f\">sets of participants</text></svg>\n",
                f->left + f->cell * f->n / 2, f->top + f->high * k->n_names + 14);
}

void fus_sdc_page_presence(struct fus_text_buffer *out, const struct fus_sdc_page_kind *k)
{
    struct sets f = {.top = 90, .left = 24, .high = 14};
    bool networks = false;
    if (!k->n_clusters || k->n_names < 2 || k->n_names > 100)
        return;
    find_sets(&f, k);
    for (int s = 0; s < k->n_names; s++) {
        char name[4 * NAME_CHARS + 1];
        fus_svg_shorten(name, k->names[s], NAME_CHARS);
        double w = fus_svg_width(name, 9) + 18;
        f.left = w > f.left ? w : f.left;
        networks = networks || (k->network && k->network[s]);
    }
    f.cell = (WIDTH - f.left - 34) / f.n;
    f.cell = f.cell > 20 ? 20 : f.cell;
    fus_svg_put(out, "<h3>Who shares them?</h3>\n");
    fus_sdc_page_relations(out, k);
    fus_svg_put(out, "<figure><div class=\"grid\"><div>");
    put_presence(out, &f, k);
    fus_svg_put(out,
                "</div><div class=\"text\"><figcaption>A column is a set of participants, with a filled circle for "
                "each of them; the bar above it is the number of clusters that exactly these share. Right: the "
                "number of clusters of each participant. ");
    if (f.n == MAX_SETS)
        fus_svg_put(out, "Sets of the first clusters; there may be more. ");
    if (networks)
        fus_svg_put(out, "\xe2\x97\x87: a network. What an untrained network shares with the others needs no training: "
                         "look first at the clusters without it. ");
    fus_svg_put(out, "Numbers: presence.csv, participants.csv.</figcaption></div></div></figure>\n");
    fus_sdc_page_sharers(out, k);
}

/* ---- stability ---- */

static void put_stability(struct fus_text_buffer *out, const struct fus_sdc_page_kind *k)
{
    int n = k->n_clusters < MAX_CELLS ? k->n_clusters : MAX_CELLS;
    struct fus_axis x = {0}, y = {0};
    fus_axis_fit(&y, 0, 1, 4);
    x.lo = 0, x.hi = n, x.step = n, x.from = 40, x.to = WIDTH - 8;
    y.from = 150, y.to = 24;
    double cell = (x.to - x.from) / n;
    int every = (int)ceil(14 / cell);
    fus_sdc_page_panel(out, WIDTH, 184, "Does each cluster come again?", 40);
    fus_axis_left(out, &y, x.from, x.to, "best Jaccard index");
    fus_svg_put(out, "<g class=\"ink0\"><path class=\"eb\" stroke-dasharray=\"3 2\" d=\"M$f,$fH$fM$f,$fH$f\"/>", x.from,
                fus_axis_at(&y, 0.75), x.to, x.from, fus_axis_at(&y, 0.5), x.to);
    for (int c = 0; c < n; c++) {
        double at = x.from + (c + 0.5) * cell, v = k->clusters[c].jaccard, h = k->clusters[c].jaccard_halves;
        if (isfinite(v))
            fus_svg_put(out, "<rect class=\"bo\" x=\"$f\" y=\"$f\" width=\"$f\" height=\"$f\"/>", at - cell * 0.35,
                        fus_axis_at(&y, v), cell * 0.7, y.from - fus_axis_at(&y, v));
        if (isfinite(h))
            fus_svg_put(out, "<circle class=\"bf\" cx=\"$f\" cy=\"$f\" r=\"$f\"/>", at, fus_axis_at(&y, h),
                        cell < 10 ? cell / 3 : 3.2);
    }
    fus_svg_put(out, "</g>");
    for (int c = 0; c < n; c += every)
        fus_svg_put(out, "<text class=\"tl tk mid\" x=\"$f\" y=\"163\">$d</text>", x.from + (c + 0.5) * cell, c + 1);
    fus_svg_put(out, "<text class=\"tk mid\" x=\"$f\" y=\"177\">cluster</text></svg>\n", (x.from + x.to) / 2);
}

static void put_agreements(struct fus_text_buffer *out, const struct fus_sdc_page_kind *k)
{
    fus_svg_put(out, "<table><thead><tr><th>clustered again</th><th>times</th><th>adjusted Rand index</th><th>of core "
                     "voxels</th></tr></thead><tbody>\n");
    for (int i = 0; i < k->n_agreements; i++)
        fus_svg_put(out, "<tr><th>$e</th><td>$d</td><td>$2</td><td>$2</td></tr>\n", k->agreement[i].with,
                    (int)k->agreement[i].n, k->agreement[i].rand, k->agreement[i].rand_core);
    fus_svg_put(out, "</tbody></table>");
}

static void put_again(struct fus_text_buffer *out, const struct fus_sdc_page_kind *k)
{
    bool reruns = false, halves = false;
    for (int c = 0; c < k->n_clusters; c++) {
        reruns = reruns || isfinite(k->clusters[c].jaccard);
        halves = halves || isfinite(k->clusters[c].jaccard_halves);
    }
    if (!k->n_agreements)
        return;
    fus_svg_put(out, "<h3>Are they stable?</h3>\n<figure><div class=\"grid\"><div>");
    put_stability(out, k);
    fus_svg_put(out, "</div><div class=\"text\">");
    put_agreements(out, k);
    fus_svg_put(out,
                "<figcaption>$s$sDashed: stable from .75 on, dissolved below .5 (Hennig 2007). Adjusted Rand index: 1 "
                "if all $s are clustered as above, 0 if by chance. Numbers: clusters.csv, "
                "stability.csv.</figcaption></div></div></figure>\n",
                reruns ? "Bars: resampled reruns of the decoders, mean. " : "",
                halves ? "Points: decoders of odd and of even sessions, mean. These have half of the data and are "
                         "noisier, "
                         "and clustered at the eps that gives as many core vectors. "
                       : "",
                fus_sdc_page_words(k).many);
}

/* ---- other ways ---- */

static void put_ways(struct fus_text_buffer *out, const struct fus_sdc_page_kind *k)
{
    if (!k->n_ways)
        return;
    fus_svg_put(out,
                "<h3>Is crossing $s needed?</h3>\n<div class=\"scroll\"><table>\n<thead><tr><th>clusters "
                "by</th><th>clusters</th><th>that count</th><th>replicated</th><th>share</th><th>mean r, left "
                "out</th><th>agreement with the shared</th></tr></thead>\n<tbody>\n",
                fus_sdc_page_words(k).who);
    for (int i = 0; i < k->n_ways; i++) {
        const struct fus_sdc_page_way *w = &k->way[i];
        fus_svg_put(out, "<tr><th>$e</th><td>$d</td><td>$d</td><td>$d</td><td>$p</td><td>$2</td><td>$2</td></tr>\n",
                    w->way, (int)w->n_clusters, (int)w->n_count, (int)w->n_replicated, w->share, w->r, w->rand);
    }
    fus_svg_put(out,
                "</tbody></table></div>\n<p class=\"meta\">shared: the clusters above. within participants: DBSCAN in "
                "each participant alone at the same eps, all participants' clusters counted. k-means: of all "
                "vectors, with as many clusters; it puts every $s into one. Those of ten $s or more are "
                "tested in participants who had no part in them: the share of replicated clusters says whether a "
                "way finds what others have, not whether it finds all. Agreement: adjusted Rand index. Each "
                "cluster: comparison_clusters.csv.</p>\n",
                fus_sdc_page_words(k).one, fus_sdc_page_words(k).many);
}

/* ---- places ---- */

static void put_dice(struct fus_text_buffer *out, const struct fus_sdc_page_kind *k)
{
    int n = k->n_clusters < MAX_CELLS ? k->n_clusters : MAX_CELLS;
    double *values = fus_base_alloc((size_t)k->n_pairs + 1, ((size_t)n + 1) * sizeof *values), most = 0.05;
    if (!values) {
        out->failed = true;
        return;
    }
    for (int i = 0; i < k->n_pairs; i++)
        for (int c = 0; c < n; c++) {
            double v = k->dice[(size_t)i * (size_t)k->n_clusters + (size_t)c];
            values[i * n + c] = v;
            most = v > most ? v : most;
        }
    struct fus_sdc_page_matrix m = {k->n_pairs,   n, values, 0, most, "Dice of two participants' voxels",
                                    k->pair_name, 2};
    if (k->n_pairs && n) {
        fus_svg_put(out, "<h3>Are they in the same places?</h3>\n<figure><div class=\"grid\">");
        fus_sdc_page_matrix(out, &m);
        fus_svg_put(out,
                    "</div><figcaption>Pairs of participants whose volumes share a space$s. No cluster was made from "
                    "places. Dark: a Dice index of $2, the largest; open: not both have the cluster. What voxels "
                    "anywhere would give: dice.csv.</figcaption></figure>\n",
                    k->n_pairs == MAX_PAIRS ? "; the first 40" : "", most);
    }
    fus_base_free(values);
}

void fus_sdc_page_judge(struct fus_text_buffer *out, const struct fus_sdc_page_kind *k)
{
    put_again(out, k);
    put_ways(out, k);
    put_dice(out, k);
}
