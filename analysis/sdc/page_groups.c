/* SPDX-License-Identifier: MIT */
/* Which groups of participants share the clusters: see page.h. */
#include <string.h>

#include "analysis/run/csv.h"
#include "analysis/run/csv_read.h"
#include "analysis/sdc/page.h"

enum { MAX_GROUPS = 32, MAX_ROWS = 60, LEAST_UNITS = 10, MAX_NEAREST = 5, MAX_COUNT = 2000000000 };

/* ---- groups.csv ---- */

static struct fus_sdc_page_group *find_group(struct fus_sdc_page_kind *k, const char *name)
{
    for (int i = 0; i < k->n_groups; i++)
        if (strcmp(k->groups[i].name, name) == 0)
            return &k->groups[i];
    if (k->n_groups == MAX_GROUPS)
        return NULL;
    struct fus_sdc_page_group *g = &k->groups[k->n_groups];
    size_t n = (size_t)k->n_clusters + 1;
    *g = (struct fus_sdc_page_group){fus_base_strdup(name), 0, fus_base_alloc(n, sizeof *g->present),
                                     fus_base_alloc(n, sizeof *g->units)};
    k->n_groups++; /* so that it is freed */
    return g->name && g->present && g->units ? g : NULL;
}

static void read_row(struct fus_sdc_page_kind *k, struct fus_csv_read *t, const int at[5])
{
    char *name = fus_csv_read_name(t, at[1]);
    long c = fus_csv_read_count(t, at[0], k->n_clusters), size = fus_csv_read_count(t, at[2], MAX_COUNT),
         present = fus_csv_read_count(t, at[3], MAX_COUNT), units = fus_csv_read_count(t, at[4], MAX_COUNT);
    struct fus_sdc_page_group *g = name ? find_group(k, name) : NULL;
    if (!g)
        fus_csv_read_fail(t, "no memory, or more than %d groups", MAX_GROUPS);
    else if (c >= 1) {
        g->size = (double)size;
        g->present[c - 1] = (double)present;
        g->units[c - 1] = (double)units;
    }
    fus_base_free(name);
}

int fus_sdc_page_groups_read(struct fus_sdc_page_kind *k, const char *folder, struct fus_error *err)
{
    static const char *const names[] = {"cluster", "group", "n_participants", "n_present", "n_voxels"};
    struct fus_csv_read t;
    bool there;
    int at[5], code = fus_sdc_page_table(&t, &there, folder, "groups.csv", err);
    if (code || !there)
        return code;
    for (int i = 0; i < 5; i++)
        at[i] = fus_csv_read_column(&t, names[i]);
    k->groups = fus_base_alloc(MAX_GROUPS, sizeof *k->groups);
    if (!k->groups)
        fus_csv_read_fail(&t, "no memory");
    while (fus_csv_read_next(&t))
        read_row(k, &t, at);
    return fus_csv_read_close(&t, err);
}

void fus_sdc_page_groups_free(struct fus_sdc_page_kind *k)
{
    for (int i = 0; i < k->n_groups; i++) {
        fus_base_free(k->groups[i].name);
        fus_base_free(k->groups[i].present);
        fus_base_free(k->groups[i].units);
    }
    fus_base_free(k->groups);
}

/* ---- the section ---- */

static bool has(const struct fus_sdc_page_group *g, int c)
{
    return g->size > 0 && 2 * g->present[c] >= g->size;
}

/* The groups of which half or more are in the cluster, a bit each, the first highest. */
static uint32_t sharers(const struct fus_sdc_page_kind *k, int c)
{
    uint32_t set = 0;
    for (int i = 0; i < k->n_groups; i++)
        set = set << 1 | has(&k->groups[i], c);
    return set;
}

static bool stands_before(const struct fus_sdc_page_kind *k, int a, int b)
{
    uint32_t x = sharers(k, a), y = sharers(k, b);
    return x != y ? x > y : k->clusters[a].n_voxels > k->clusters[b].n_voxels;
}

/* order: clusters that count, by the groups that share them, then by size. Returns how many. */
static int order_clusters(int *order, const struct fus_sdc_page_kind *k)
{
    int n = 0;
    for (int c = 0; c < k->n_clusters; c++) {
        if (!(k->clusters[c].n_voxels >= LEAST_UNITS))
            continue;
        int at = n++;
        for (; at > 0 && stands_before(k, c, order[at - 1]); at--)
            order[at] = order[at - 1];
        order[at] = c;
    }
    return n;
}

static void put_set(struct fus_text_buffer *out, const struct fus_sdc_page_kind *k, int c, int n)
{
    int shown = 0;
    fus_svg_put(out, "<li><b>$d</b> ", n);
    for (int i = 0; i < k->n_groups; i++)
        if (has(&k->groups[i], c))
            fus_svg_put(out, "$s$e", shown++ ? ", " : "", k->groups[i].name);
    fus_svg_put(out, "$s</li>\n", shown ? "" : "in fewer than half of every group");
}

/* How many clusters each set of groups shares. */
static void put_sets(struct fus_text_buffer *out, const struct fus_sdc_page_kind *k, const int *order, int n)
{
    fus_svg_put(out, "<p>Clusters of ten $s or more, by the groups of which half or more take part:</p>\n<ul>\n",
                fus_sdc_page_words(k).many);
    for (int first = 0, next; first < n; first = next) {
        for (next = first; next < n && sharers(k, order[next]) == sharers(k, order[first]); next++)
            ;
        put_set(out, k, order[first], next - first);
    }
    fus_svg_put(out, "</ul>\n");
}

/* The images nearest to it. */
static void put_nearest(struct fus_text_buffer *out, const struct fus_sdc_page_kind *k, int c, int number)
{
    const struct fus_sdc_page_image *im = k->images + c * 2 * FUS_SDC_PAGE_IMAGES;
    fus_svg_put(out, "<td><div class=\"strip\">");
    for (int i = 0; i < MAX_NEAREST; i++)
        if (im[i].name)
            fus_sdc_page_thumb(out, number, im[i].name, im[i].place);
    fus_svg_put(out, "</div></td>");
}

static void put_row(struct fus_text_buffer *out, const struct fus_sdc_page_kind *k, int c, int number)
{
    fus_svg_put(out, "<tr><th>");
    fus_sdc_page_name(out, k, c);
    fus_svg_put(out, "</th>");
    if (k->images)
        put_nearest(out, k, c, number);
    for (int i = 0; i < k->n_groups; i++) {
        const struct fus_sdc_page_group *g = &k->groups[i];
        if (g->present[c] > 0)
            fus_svg_put(out, "<td>$d of $d: $d</td>", (int)g->present[c], (int)g->size, (int)g->units[c]);
        else
            fus_svg_put(out, "<td>\xe2\x80\x93</td>");
    }
    const struct fus_sdc_page_met *m = k->met ? &k->met[c] : NULL;
    if (m && m->known && m->category)
        fus_svg_put(out, "<td>$s$e, $d of $d</td>", fus_sdc_page_is_category(m) ? "" : "partly ", m->category,
                    (int)m->n_both, (int)m->n_units);
    else if (m)
        fus_svg_put(out, "<td>$s</td>", m->known ? "missed" : "\xe2\x80\x93");
    fus_svg_put(out, "</tr>\n");
}

void fus_sdc_page_groups(struct fus_text_buffer *out, const struct fus_sdc_page_kind *k, int number)
{
    int *order = fus_base_alloc((size_t)k->n_clusters + 1, sizeof *order);
    if (!order)
        out->failed = true;
    if (!order || !k->n_groups) {
        fus_base_free(order);
        return;
    }
    int n = order_clusters(order, k);
    fus_svg_put(out, "<h3>Which groups share them?</h3>\n");
    put_sets(out, k, order, n);
    fus_svg_put(out, "<div class=\"scroll\"><table class=\"facts groups\">\n<thead><tr><th>cluster</th>$s",
                k->images ? "<th>nearest images</th>" : "");
    for (int i = 0; i < k->n_groups; i++)
        fus_svg_put(out, "<th>$e</th>", k->groups[i].name);
    fus_svg_put(out, "$s</tr></thead>\n<tbody>\n", k->met ? "<th>localizer</th>" : "");
    for (int i = 0; i < n && i < MAX_ROWS; i++)
        put_row(out, k, order[i], number);
    fus_svg_put(
        out,
        "</tbody></table></div>\n<p class=\"meta\">3 of 4: 58 means that three of the group's four participants "
        "are in the cluster, with 58 $s.$s All: groups.csv.</p>\n",
        fus_sdc_page_words(k).many,
        k->met ? " Localizer: the category for which most of the cluster's units are selective, and how many "
                 "of them are; missed: no more than by chance."
               : "");
    fus_base_free(order);
}
