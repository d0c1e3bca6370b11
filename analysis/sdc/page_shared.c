/* SPDX-License-Identifier: MIT */
/* Clusters of networks' units against the localizer's selective units, and by who shares them: see
 * page.h. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "analysis/run/csv.h"
#include "analysis/run/csv_read.h"
#include "analysis/sdc/page.h"
#include "nn/base/json.h"

enum { MAX_OVERLAPS = 200, MAX_NAMED = 12, MAX_SETS = 40, MAX_LISTED = 60, MAX_UNITS = 2000000000 };

/* ---- overlap.csv ---- */

static int find_overlap(struct fus_sdc_page_kind *k, const char *model, const char *category)
{
    char name[400];
    snprintf(name, sizeof name, "%.190s, %.190s", category, model);
    for (int i = 0; i < k->n_overlaps; i++)
        if (strcmp(k->overlap_name[i], name) == 0)
            return i;
    if (k->n_overlaps == MAX_OVERLAPS || !(k->overlap_name[k->n_overlaps] = fus_base_strdup(name)))
        return -1;
    return k->n_overlaps++;
}

static void read_row(struct fus_sdc_page_kind *k, struct fus_csv_read *t, const int at[4])
{
    char *model = fus_csv_read_name(t, at[1]), *category = fus_csv_read_name(t, at[2]);
    long c = fus_csv_read_count(t, at[0], k->n_clusters);
    if (!model || !category)
        fus_csv_read_fail(t, "no memory");
    if (model && category && c >= 1) {
        int i = find_overlap(k, model, category);
        if (i >= 0)
            k->overlap[(size_t)i * (size_t)k->n_clusters + (size_t)c - 1] = fus_csv_read_number(t, at[3]);
    }
    fus_base_free(model);
    fus_base_free(category);
}

static int read_overlaps(struct fus_sdc_page_kind *k, const char *folder, struct fus_error *err)
{
    static const char *const names[] = {"cluster", "model", "category", "dice"};
    struct fus_csv_read t;
    bool there;
    int at[4], code = fus_sdc_page_table(&t, &there, folder, "overlap.csv", err);
    if (code || !there)
        return code;
    for (int i = 0; i < 4; i++)
        at[i] = fus_csv_read_column(&t, names[i]);
    k->overlap_name = fus_base_alloc(MAX_OVERLAPS, sizeof *k->overlap_name);
    k->overlap = fus_base_alloc(MAX_OVERLAPS, ((size_t)k->n_clusters + 1) * sizeof *k->overlap);
    if (!k->overlap_name || !k->overlap)
        fus_csv_read_fail(&t, "no memory");
    while (fus_csv_read_next(&t))
        read_row(k, &t, at);
    return fus_csv_read_close(&t, err);
}

/* A row of categories.csv. */
static void read_category(struct fus_sdc_page_kind *k, struct fus_csv_read *t, const int at[5])
{
    long c = fus_csv_read_count(t, at[0], k->n_clusters);
    long units = fus_csv_read_count(t, at[2], MAX_UNITS), both = fus_csv_read_count(t, at[3], MAX_UNITS);
    double q = fus_csv_read_number(t, at[4]);
    if (c < 1)
        return;
    struct fus_sdc_page_met *m = &k->met[c - 1];
    m->known = true;
    m->n_units = (double)units;
    if (!((double)both > m->n_both && q < 0.05))
        return;
    fus_base_free(m->category);
    m->category = fus_csv_read_name(t, at[1]);
    m->n_both = (double)both;
    if (!m->category)
        fus_csv_read_fail(t, "no memory");
}

static int read_categories(struct fus_sdc_page_kind *k, const char *folder, struct fus_error *err)
{
    static const char *const names[] = {"cluster", "category", "n_units", "n_both", "q"};
    struct fus_csv_read t;
    bool there;
    int at[5], code = fus_sdc_page_table(&t, &there, folder, "categories.csv", err);
    if (code || !there)
        return code;
    for (int i = 0; i < 5; i++)
        at[i] = fus_csv_read_column(&t, names[i]);
    k->met = fus_base_alloc((size_t)k->n_clusters + 1, sizeof *k->met);
    if (!k->met)
        fus_csv_read_fail(&t, "no memory");
    while (fus_csv_read_next(&t))
        read_category(k, &t, at);
    return fus_csv_read_close(&t, err);
}

int fus_sdc_page_overlap_read(struct fus_sdc_page_kind *k, const char *folder, struct fus_error *err)
{
    int code = read_overlaps(k, folder, err);
    return code ? code : read_categories(k, folder, err);
}

void fus_sdc_page_overlap_free(struct fus_sdc_page_kind *k)
{
    for (int i = 0; i < k->n_overlaps; i++)
        fus_base_free(k->overlap_name[i]);
    for (int c = 0; k->met && c < k->n_clusters; c++)
        fus_base_free(k->met[c].category);
    fus_base_free(k->overlap_name);
    fus_base_free(k->overlap);
    fus_base_free(k->met);
}

/* ---- words ---- */

struct fus_sdc_page_words fus_sdc_page_words(const struct fus_sdc_page_kind *k)
{
    int networks = 0;
    for (int s = 0; k->network && s < k->n_names; s++)
        networks += k->network[s];
    if (networks == 0)
        return (struct fus_sdc_page_words){"voxel", "voxels", "Voxels", "people"};
    if (networks == k->n_names)
        return (struct fus_sdc_page_words){"unit", "units", "Units", "networks"};
    return (struct fus_sdc_page_words){"voxel or unit", "voxels and units", "Voxels and units", "people and networks"};
}

/* ---- which categories ---- */

enum meeting { IS, SHARES, MISSED, MEETINGS };

bool fus_sdc_page_is_category(const struct fus_sdc_page_met *m)
{
    return m->category && 2 * m->n_both >= m->n_units;
}

static enum meeting meeting_of(const struct fus_sdc_page_met *m)
{
    return fus_sdc_page_is_category(m) ? IS : m->category ? SHARES : MISSED;
}

static void put_list(struct fus_text_buffer *out, const struct fus_sdc_page_kind *k, enum meeting which)
{
    int n = 0;
    for (int c = 0; c < k->n_clusters; c++) {
        const struct fus_sdc_page_met *m = &k->met[c];
        if (!m->known || meeting_of(m) != which || ++n > MAX_LISTED)
            continue;
        fus_svg_put(out, n > 1 ? "; " : "");
        fus_sdc_page_name(out, k, c);
        if (m->category)
            fus_svg_put(out, " ($e, $d of $d units)", m->category, (int)m->n_both, (int)m->n_units);
    }
    if (n > MAX_LISTED)
        fus_svg_put(out, "; $d more", n - MAX_LISTED);
}

static void put_met(struct fus_text_buffer *out, const struct fus_sdc_page_kind *k)
{
    static const char *const says[] = {
        "are a category: half of their units or more are selective for it. A localizer finds them too",
        "share units with a category, fewer than half of their own",
        "have no more selective units than chance gives, of any category: a category localizer misses them"};
    int count[MEETINGS] = {0};
    if (!k->met)
        return;
    for (int c = 0; c < k->n_clusters; c++)
        count[meeting_of(&k->met[c])] += k->met[c].known;
    fus_svg_put(out, "<h3>What does a category localizer miss?</h3>\n<ul>\n");
    for (enum meeting i = IS; i < MEETINGS; i++) {
        fus_svg_put(out, "<li><b>$d</b> $s$s", count[i], says[i], count[i] ? ": clusters " : ".");
        put_list(out, k, i);
        fus_svg_put(out, count[i] ? ".</li>\n" : "</li>\n");
    }
    fus_svg_put(out,
                "</ul>\n<p class=\"meta\">Units of a cluster in all its networks, against labels shifted over channels "
                "in each network by a number of its own; q &lt; .05 over clusters and categories. Numbers: "
                "categories.csv; each network alone: overlap.csv.</p>\n");
}

void fus_sdc_page_overlap(struct fus_text_buffer *out, const struct fus_sdc_page_kind *k)
{
    int n = k->n_clusters < FUS_SDC_PAGE_CELLS ? k->n_clusters : FUS_SDC_PAGE_CELLS;
    double *values = fus_base_alloc((size_t)k->n_overlaps + 1, ((size_t)n + 1) * sizeof *values), most = 0.05;
    if (!values) {
        out->failed = true;
        return;
    }
    for (int i = 0; i < k->n_overlaps; i++)
        for (int c = 0; c < n; c++) {
            double v = k->overlap[(size_t)i * (size_t)k->n_clusters + (size_t)c];
            values[i * n + c] = v;
            most = v > most ? v : most;
        }
    struct fus_sdc_page_matrix m = {k->n_overlaps, n, values, 0, most, "Dice with selective units", k->overlap_name, 2};
    if (k->n_overlaps && n) {
        fus_svg_put(out, "<h3>Are these the localizer's categories?</h3>\n<figure><div class=\"grid\">");
        fus_sdc_page_matrix(out, &m);
        fus_svg_put(out,
                    "</div><figcaption>Rows: units that a localizer with other pictures found selective for a category "
                    "in a network; columns: clusters, made without any label. Dark: a Dice index of $2, the largest. A "
                    "cluster that overlaps with a category is that category found without a localizer; one without a "
                    "row is what a localizer of categories misses. Chance, by labels shifted over channels: "
                    "overlap.csv.</figcaption></figure>\n",
                    most);
    }
    fus_base_free(values);
    put_met(out, k);
}

/* ---- what networks have in common beforehand ---- */

/* A list of names, with commas; returns their number. */
static int put_names(struct fus_text_buffer *out, struct fus_json *j)
{
    int n = 0;
    for (fus_json_enter(j, '['); fus_json_next(j);)
        fus_svg_put(out, "$s$e", n++ ? ", " : "", fus_json_string(j));
    return n;
}

/* {"same": false, "r": 0.99, "networks": ["a", "b"]} as sdc.json has it. */
static void put_copies(struct fus_text_buffer *out, struct fus_json *j, const char *record)
{
    char r[32] = "";
    bool same = false;
    for (fus_json_enter(j, '{'); fus_json_next(j);) {
        const char *key = fus_json_key(j), *at = record + j->b.pos;
        at += strspn(at, " \n");
        if (strcmp(key, "networks") == 0) {
            fus_svg_put(out, "<p><b>");
            put_names(out, j);
            fus_svg_put(out, "</b> have $sthe same first convolution", same ? "" : "nearly ");
            if (!same)
                fus_svg_put(out, " (their filters correlate $e)", r);
            fus_svg_put(out, ": copies, layers of one network, and networks trained on from the same weights share "
                             "units one by one. What these alone share needs no other explanation.</p>\n");
            continue;
        }
        if (strcmp(key, "same") == 0)
            same = *at == 't';
        else if (strcmp(key, "r") == 0)
            snprintf(r, sizeof r, "%.*s", (int)(strspn(at, "0123456789.") < 5 ? strspn(at, "0123456789.") : 5), at);
        fus_json_skip(j);
    }
}

static void put_own(struct fus_text_buffer *out, struct fus_json *j)
{
    struct fus_text_buffer names = {0};
    int n = put_names(&names, j);
    if (n)
        fus_svg_put(out,
                    "<p><b>$s</b>: the embedding is this participant's own. It is decoded from itself, and every "
                    "cluster is one of directions that it defines.</p>\n",
                    names.s ? names.s : "");
    out->failed |= names.failed;
    fus_text_free(&names);
}

void fus_sdc_page_relations(struct fus_text_buffer *out, const struct fus_sdc_page_kind *k)
{
    struct fus_json j;
    if (!k->fit_record)
        return;
    fus_json_start(&j, k->fit_record, strlen(k->fit_record), 0, NULL);
    for (fus_json_enter(&j, '{'); fus_json_next(&j);) {
        const char *key = fus_json_key(&j);
        if (strcmp(key, "own_embedding") == 0)
            put_own(out, &j);
        else if (strcmp(key, "near_copies") == 0)
            for (fus_json_enter(&j, '['); fus_json_next(&j);)
                put_copies(out, &j, k->fit_record);
        else
            fus_json_skip(&j);
    }
    fus_json_end(&j);
}

/* ---- who shares them ---- */

static bool same_set(const struct fus_sdc_page_kind *k, int a, int b)
{
    for (int s = 0; s < k->n_names; s++)
        if ((k->clusters[a].voxels[s] > 0) != (k->clusters[b].voxels[s] > 0))
            return false;
    return true;
}

/* Whether no cluster before it has the same participants. */
static bool is_first(const struct fus_sdc_page_kind *k, int c)
{
    for (int b = 0; b < c; b++)
        if (same_set(k, b, c))
            return false;
    return true;
}

static void put_set(struct fus_text_buffer *out, const struct fus_sdc_page_kind *k, int first)
{
    int n = 0, size = 0;
    fus_svg_put(out, "<tr><th>");
    for (int s = 0; s < k->n_names; s++)
        if (k->clusters[first].voxels[s] > 0)
            fus_svg_put(out, "$s$e$s", n++ ? ", " : "", k->names[s],
                        k->network && k->network[s] ? " \xe2\x97\x87" : "");
    for (int c = first; c < k->n_clusters; c++)
        size += same_set(k, first, c);
    fus_svg_put(out, "</th><td>$d</td><td>$d</td><td class=\"clusters\">", n, size);
    n = 0;
    for (int c = first; c < k->n_clusters; c++)
        if (same_set(k, first, c) && n++ < MAX_NAMED) {
            fus_svg_put(out, n > 1 ? "; " : "");
            fus_sdc_page_name(out, k, c);
        }
    if (n > MAX_NAMED)
        fus_svg_put(out, "; $d more", n - MAX_NAMED);
    fus_svg_put(out, "</td></tr>\n");
}

void fus_sdc_page_sharers(struct fus_text_buffer *out, const struct fus_sdc_page_kind *k)
{
    int shown = 0;
    fus_svg_put(out, "<div class=\"scroll\"><table class=\"facts sharers\">\n<thead><tr><th>shared by</th>"
                     "<th>participants</th><th>clusters</th><th>which</th></tr></thead>\n<tbody>\n");
    for (int c = 0; c < k->n_clusters && shown < MAX_SETS; c++)
        if (is_first(k, c)) {
            put_set(out, k, c);
            shown++;
        }
    fus_svg_put(out,
                "</tbody></table></div>\n<p class=\"meta\">A row lists the clusters that exactly these "
                "participants share, with their label, in the order of the first of them$s. All: "
                "presence.csv.</p>\n",
                shown == MAX_SETS ? "; at most 40 rows" : "");
}
