/* SPDX-License-Identifier: MIT */
/* Clusters against regions of interest, from rois.csv: see page.h. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "analysis/run/csv.h"
#include "analysis/run/csv_read.h"
#include "analysis/sdc/page.h"

enum { MAX_REGIONS = 2000, MAX_SETS = 200, MAX_ROWS = FUS_SDC_PAGE_CELLS };

/* ---- rois.csv ---- */

struct columns {
    int cluster, participant, set, roi, name, both, dice;
};

/* The number of a set; -1: too many, or no memory. */
static int find_set(struct fus_sdc_page_kind *k, const char *name)
{
    struct fus_sdc_page_regions *r = k->regions;
    for (int i = 0; i < r->n_sets; i++)
        if (strcmp(r->set[i], name) == 0)
            return i;
    if (r->n_sets == MAX_SETS || !(r->set[r->n_sets] = fus_base_strdup(name)))
        return -1;
    return r->n_sets++;
}

/* The region of this set and name; without a name, of this number. -1: too many, or no memory. */
static int find_region(struct fus_sdc_page_kind *k, int set, long number, const char *name)
{
    struct fus_sdc_page_regions *r = k->regions;
    char text[300];
    if (*name)
        snprintf(text, sizeof text, "%.120s: %.120s", r->set[set], name);
    else
        snprintf(text, sizeof text, "%.120s: %ld", r->set[set], number);
    for (int i = 0; i < r->n; i++)
        if (strcmp(r->region[i].name, text) == 0)
            return i;
    if (r->n == MAX_REGIONS || !(r->region[r->n].name = fus_base_strdup(text)))
        return -1;
    r->region[r->n].set = set;
    r->region[r->n].number = number;
    return r->n++;
}

static int find_participant(const struct fus_sdc_page_kind *k, const char *name)
{
    int s = 0;
    while (s < k->n_names && strcmp(k->names[s], name) != 0)
        s++;
    return s < k->n_names ? s : -1;
}

static void read_row(struct fus_sdc_page_kind *k, struct fus_csv_read *t, const struct columns *at)
{
    struct fus_sdc_page_regions *r = k->regions;
    char *who = fus_csv_read_name(t, at->participant), *set = fus_csv_read_name(t, at->set),
         *name = fus_csv_read_name(t, at->name);
    long c = fus_csv_read_count(t, at->cluster, k->n_clusters), roi = fus_csv_read_count(t, at->roi, 1000000000);
    double both = fus_csv_read_number(t, at->both), dice = fus_csv_read_number(t, at->dice);
    int s = who ? find_participant(k, who) : -1;
    if (!who || !set || !name)
        fus_csv_read_fail(t, "no memory");
    else if (c < 1 || s < 0 || !(both >= 0 && both <= k->clusters[c - 1].voxels[s]) || !(dice >= 0 && dice <= 1))
        fus_csv_read_fail(t, "a cluster, participant and count of voxels as in clusters.csv, a Dice index of 0 to 1 "
                             "expected");
    else {
        int i = find_set(k, set), region = i >= 0 ? find_region(k, i, roi, name) : -1;
        size_t cell = (size_t)region * (size_t)k->n_clusters + (size_t)c - 1;
        if (i >= 0)
            r->has[i * k->n_names + s] = 1;
        if (region >= 0) {
            r->share[cell] += both;
            r->dice[cell] += dice;
        }
    }
    fus_base_free(who);
    fus_base_free(set);
    fus_base_free(name);
}

/* Counts of both to shares of the cluster, sums of Dice to means, of participants with the set. */
static void finish(struct fus_sdc_page_kind *k)
{
    struct fus_sdc_page_regions *r = k->regions;
    for (int i = 0; i < r->n; i++)
        for (int c = 0; c < k->n_clusters; c++) {
            size_t cell = (size_t)i * (size_t)k->n_clusters + (size_t)c;
            double voxels = 0, people = 0;
            for (int s = 0; s < k->n_names; s++)
                if (r->has[r->region[i].set * k->n_names + s]) {
                    voxels += k->clusters[c].voxels[s];
                    people++;
                }
            r->share[cell] = voxels > 0 ? r->share[cell] / voxels : NAN;
            r->dice[cell] = voxels > 0 ? r->dice[cell] / people : NAN;
        }
}

static bool make_room(struct fus_sdc_page_kind *k)
{
    struct fus_sdc_page_regions *r = k->regions = fus_base_alloc(1, sizeof *r);
    size_t cells;
    if (!r || !fus_base_mul(&cells, MAX_REGIONS, (size_t)k->n_clusters + 1))
        return false;
    r->region = fus_base_alloc(MAX_REGIONS, sizeof *r->region);
    r->set = fus_base_alloc(MAX_SETS, sizeof *r->set);
    r->has = fus_base_alloc((size_t)k->n_names + 1, MAX_SETS);
    r->share = fus_base_alloc(cells, sizeof *r->share);
    r->dice = fus_base_alloc(cells, sizeof *r->dice);
    return r->region && r->set && r->has && r->share && r->dice;
}

int fus_sdc_page_regions_read(struct fus_sdc_page_kind *k, const char *folder, struct fus_error *err)
{
    struct fus_csv_read t;
    bool there;
    int code = fus_sdc_page_table(&t, &there, folder, "rois.csv", err);
    if (code || !there)
        return code;
    const struct columns at = {fus_csv_read_column(&t, "cluster"), fus_csv_read_column(&t, "participant"),
                               fus_csv_read_column(&t, "set"),     fus_csv_read_column(&t, "roi"),
                               fus_csv_read_column(&t, "name"),    fus_csv_read_column(&t, "n_both"),
                               fus_csv_read_column(&t, "dice")};
    if (!make_room(k))
        fus_csv_read_fail(&t, "no memory");
    while (fus_csv_read_next(&t))
        read_row(k, &t, &at);
    code = fus_csv_read_close(&t, err);
    if (!code)
        finish(k);
    return code;
}

void fus_sdc_page_regions_free(struct fus_sdc_page_kind *k)
{
    struct fus_sdc_page_regions *r = k->regions;
    if (!r)
        return;
    for (int i = 0; i < r->n; i++)
        fus_base_free(r->region[i].name);
    for (int i = 0; i < r->n_sets; i++)
        fus_base_free(r->set[i]);
    fus_base_free(r->region);
    fus_base_free(r->set);
    fus_base_free(r->has);
    fus_base_free(r->share);
    fus_base_free(r->dice);
    fus_base_free(r);
}

/* ---- the figure ---- */

static double largest_share(const struct fus_sdc_page_kind *k, int region)
{
    double most = 0;
    for (int c = 0; c < k->n_clusters; c++) {
        double v = k->regions->share[(size_t)region * (size_t)k->n_clusters + (size_t)c];
        most = v > most ? v : most;
    }
    return most;
}

static bool stands_before(const struct fus_sdc_page_region *a, const struct fus_sdc_page_region *b)
{
    return a->set != b->set ? a->set < b->set : a->number < b->number;
}

/* Regions in the order of sets and numbers; of more than MAX_ROWS those with the largest shares.
 * Returns their number. */
static int choose_rows(int row[MAX_ROWS], const struct fus_sdc_page_kind *k)
{
    const struct fus_sdc_page_regions *r = k->regions;
    double most[MAX_ROWS];
    int n = 0;
    for (int i = 0; i < r->n; i++) { /* by falling share */
        double share = largest_share(k, i);
        int at = n < MAX_ROWS ? n++ : MAX_ROWS;
        for (; at > 0 && share > most[at - 1]; at--)
            if (at < MAX_ROWS) {
                most[at] = most[at - 1];
                row[at] = row[at - 1];
            }
        if (at < MAX_ROWS) {
            most[at] = share;
            row[at] = i;
        }
    }
    for (int i = 1; i < n; i++)
        for (int at = i; at > 0 && stands_before(&r->region[row[at]], &r->region[row[at - 1]]); at--) {
            int moved = row[at];
            row[at] = row[at - 1], row[at - 1] = moved;
        }
    return n;
}

/* Rows of `from` [regions, clusters]; returns the largest value. */
static double fill(double *values, const struct fus_sdc_page_kind *k, const double *from, const int *row, int rows,
                   int columns)
{
    double most = 0;
    for (int i = 0; i < rows; i++)
        for (int c = 0; c < columns; c++) {
            double v = from[(size_t)row[i] * (size_t)k->n_clusters + (size_t)c];
            values[i * columns + c] = v;
            most = v > most ? v : most;
        }
    return most;
}

static void put_regions(struct fus_text_buffer *out, const struct fus_sdc_page_kind *k, double *values, const int *row,
                        int rows, int columns)
{
    char *names[MAX_ROWS];
    for (int i = 0; i < rows; i++)
        names[i] = k->regions->region[row[i]].name;
    fus_svg_put(out, "<h3>In which regions?</h3>\n<figure><div class=\"grid\">");
    double share = fill(values, k, k->regions->share, row, rows, columns);
    struct fus_sdc_page_matrix m = {
        rows, columns, values, 0, share > 0.05 ? share : 0.05, "Share of the cluster in the region", names, 2};
    fus_sdc_page_matrix(out, &m);
    double dice = fill(values, k, k->regions->dice, row, rows, columns);
    m.high = dice > 0.05 ? dice : 0.05, m.title = "Dice of cluster and region";
    fus_sdc_page_matrix(out, &m);
    fus_svg_put(out, "</div><figcaption>");
    if (rows < k->regions->n)
        fus_svg_put(out, "The $d of $d regions with the largest shares. ", rows, k->regions->n);
    fus_svg_put(
        out,
        "Rows: regions of interest; no cluster was made from them. Left: the share of the cluster's voxels that "
        "lie in the region, all participants with these regions together; dark: $2, the largest. Right: the "
        "Dice index of cluster and region, mean over these participants; dark: $2. Open: they do not have the "
        "cluster. Only voxels that were kept are counted. Each participant, log odds: rois.csv."
        "</figcaption></figure>\n",
        share, dice);
}

void fus_sdc_page_regions(struct fus_text_buffer *out, const struct fus_sdc_page_kind *k)
{
    int row[MAX_ROWS], columns = k->n_clusters < FUS_SDC_PAGE_CELLS ? k->n_clusters : FUS_SDC_PAGE_CELLS,
                       rows = k->regions ? choose_rows(row, k) : 0;
    double *values = fus_base_alloc(MAX_ROWS, ((size_t)columns + 1) * sizeof *values);
    if (!values)
        out->failed = true;
    else if (rows && columns)
        put_regions(out, k, values, row, rows, columns);
    fus_base_free(values);
}
