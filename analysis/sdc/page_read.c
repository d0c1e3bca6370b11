/* SPDX-License-Identifier: MIT */
/* The tables of clusters, read back: eps.csv, clusters.csv, the records of the fit and of the
 * clustering; the others by page_meaning.c, page_judge.c and so on. See page.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/run/csv.h"
#include "analysis/run/csv_read.h"
#include "analysis/sdc/page.h"
#include "nn/base/json.h"
#include "stimuli/set/folder.h"
#include "weights/weights.h"

enum { MAX_CLUSTERS = 20000 };
#define MOST_COUNT 1e9

/* folder/a or folder/a/b in new memory. */
static int path_of(char **path, const char *folder, const char *a, const char *b, struct fus_error *err)
{
    char *first = NULL;
    int code = fus_folder_join(&first, folder, a, err);
    if (code || !b) {
        *path = first;
        return code;
    }
    code = fus_folder_join(path, first, b, err);
    fus_base_free(first);
    return code;
}

/* Opens a table; *there: false, and no error, if there is none. */
static int open_table(struct fus_csv_read *t, bool *there, const char *folder, const char *a, const char *b,
                      struct fus_error *err)
{
    char *path = NULL;
    int code = path_of(&path, folder, a, b, err);
    *there = !code && fus_base_opens(path);
    if (*there)
        code = fus_csv_read_open(t, path, err);
    fus_base_free(path);
    return code;
}

/* A count, or a mean of counts; any other number is a failure. NaN: an empty field. */
static double read_amount(struct fus_csv_read *t, int column, double most)
{
    double x = fus_csv_read_number(t, column);
    if (x < 0 || x > most)
        fus_csv_read_fail(t, "%g found, a number from 0 to %g expected", x, most);
    return x < 0 || x > most ? NAN : x;
}

/* The same of a field that is never empty. */
static double read_known(struct fus_csv_read *t, int column, double most)
{
    double x = read_amount(t, column, most);
    if (isnan(x))
        fus_csv_read_fail(t, "nothing found, a number from 0 to %g expected", most);
    return isnan(x) ? 0 : x;
}

/* ---- eps.csv ---- */

static int read_sweep(struct fus_sdc_page_kind *k, const char *dir, struct fus_error *err)
{
    static const char *const names[] = {"n_core", "n_clusters", "n_count", "null_core", "q", "n_border", "largest"};
    struct fus_csv_read t;
    bool there;
    int at[7], code = open_table(&t, &there, dir, k->folder, "eps.csv", err);
    if (code || !there)
        return code;
    int eps = fus_csv_read_column(&t, "eps"), chosen = fus_csv_read_column(&t, "chosen");
    for (int i = 0; i < 7; i++)
        at[i] = fus_csv_read_column(&t, names[i]);
    size_t room = 0;
    while (fus_csv_read_next(&t)) {
        struct fus_sdc_page_eps *grown = fus_base_grow(k->eps, &room, (size_t)k->n_eps, sizeof *k->eps);
        if (!grown || k->n_eps == 1000) {
            fus_csv_read_fail(&t, grown ? "more than 1000 lines" : "no memory");
            break;
        }
        k->eps = grown;
        struct fus_sdc_page_eps *e = &k->eps[k->n_eps++];
        snprintf(e->name, sizeof e->name, "%.30s", fus_csv_read_text(&t, eps));
        e->eps = read_known(&t, eps, 2);
        double *to[] = {&e->n_core, &e->n_clusters, &e->n_count, &e->null_core, &e->q, &e->n_border, &e->largest};
        for (int i = 0; i < 7; i++) /* chance may be empty */
            *to[i] = i < 3 || i > 4 ? read_known(&t, at[i], MOST_COUNT) : read_amount(&t, at[i], MOST_COUNT);
        e->chosen = fus_csv_read_count(&t, chosen, 1) == 1;
    }
    return fus_csv_read_close(&t, err);
}

/* The chosen eps, else of those with tables the one with most clusters that count. */
static int choose(struct fus_sdc_page_kind *k, const char *dir, struct fus_error *err)
{
    k->shown = -1;
    for (int e = 0; e < k->n_eps; e++) {
        char *folder = NULL, *path = NULL;
        int code = path_of(&folder, dir, k->folder, k->eps[e].name, err);
        if (!code)
            code = fus_folder_join(&path, folder, "clusters.csv", err);
        if (!code && fus_base_opens(path) &&
            (k->shown < 0 || k->eps[e].chosen ||
             (!k->eps[k->shown].chosen && k->eps[e].n_count > k->eps[k->shown].n_count)))
            k->shown = e;
        fus_base_free(folder);
        fus_base_free(path);
        if (code)
            return code;
    }
    return FUS_OK;
}

/* ---- clusters.csv ---- */

static int read_names(struct fus_sdc_page_kind *k, struct fus_csv_read *t, int *first)
{
    static const char head[] = "voxels_";
    for (int c = 0; c < t->n_columns; c++) {
        if (strncmp(t->names[c], head, sizeof head - 1) != 0)
            continue;
        if (k->n_names == 0)
            *first = c;
        k->names[k->n_names] = fus_base_strdup(t->names[c] + sizeof head - 1);
        if (!k->names[k->n_names])
            return FUS_ENOMEM;
        fus_csv_unescape(k->names[k->n_names++]);
    }
    return FUS_OK;
}

static void read_cluster(struct fus_sdc_page_kind *k, struct fus_csv_read *t, const int at[10], int label, int first)
{
    struct fus_sdc_page_cluster *c = &k->clusters[k->n_clusters++];
    *c = (struct fus_sdc_page_cluster){0};
    double *to[] = {&c->n_voxels,       &c->n_participants, &c->cohesion, &c->separation,      &c->jaccard,
                    &c->jaccard_halves, &c->replicated_in,  &c->opposite, &c->opposite_cosine, &c->label_auc};
    for (int i = 0; i < 10; i++)
        *to[i] = i < 2 ? read_known(t, at[i], MOST_COUNT) : fus_csv_read_number(t, at[i]);
    if (!(c->replicated_in >= 0 && c->replicated_in <= k->n_names))
        c->replicated_in = NAN;
    c->voxels = fus_base_alloc((size_t)k->n_names + 1, sizeof *c->voxels);
    c->label = fus_csv_read_name(t, label);
    if (!c->voxels || !c->label)
        fus_csv_read_fail(t, "no memory");
    for (int s = 0; s < k->n_names && c->voxels; s++)
        c->voxels[s] = read_known(t, first + s, MOST_COUNT);
}

static int read_clusters(struct fus_sdc_page_kind *k, const char *folder, struct fus_error *err)
{
    static const char *const names[] = {"n_voxels",       "n_participants", "cohesion", "separation",      "jaccard",
                                        "jaccard_halves", "replicated_in",  "opposite", "opposite_cosine", "label_auc"};
    struct fus_csv_read t;
    bool there;
    int at[10], first = 0, code = open_table(&t, &there, folder, "clusters.csv", NULL, err);
    size_t room = 0;
    if (code || !there)
        return code;
    for (int i = 0; i < 10; i++)
        at[i] = fus_csv_read_column(&t, names[i]);
    int label = fus_csv_read_column(&t, "label");
    k->names = fus_base_alloc(FUS_CSV_READ_COLUMNS, sizeof *k->names);
    if (!k->names || read_names(k, &t, &first))
        fus_csv_read_fail(&t, "no memory");
    while (fus_csv_read_next(&t)) {
        struct fus_sdc_page_cluster *grown = fus_base_grow(k->clusters, &room, (size_t)k->n_clusters, sizeof *grown);
        if (!grown || k->n_clusters == MAX_CLUSTERS) {
            fus_csv_read_fail(&t, grown ? "more than 20000 clusters" : "no memory");
            break;
        }
        k->clusters = grown;
        read_cluster(k, &t, at, label, first);
    }
    for (int c = 0; c < k->n_clusters; c++) /* a number of a cluster, or none */
        if (!(k->clusters[c].opposite >= 1 && k->clusters[c].opposite <= k->n_clusters))
            k->clusters[c].opposite = NAN;
    return fus_csv_read_close(&t, err);
}

/* ---- all ---- */

static int read_text(char **text, const char *dir, const char *folder, const char *file, struct fus_error *err)
{
    char *path = NULL;
    size_t n;
    int code = path_of(&path, dir, folder ? folder : file, folder ? file : NULL, err);
    if (!code && fus_base_opens(path))
        code = fus_base_read_file((uint8_t **)text, &n, path, (size_t)1 << 26, err);
    fus_base_free(path);
    return code;
}

static int read_record(struct fus_sdc_page_kind *k, const char *dir, struct fus_error *err)
{
    int code = read_text(&k->record, dir, k->folder, "cluster.json", err);
    if (!code)
        code = read_text(&k->fit_record, dir, k->folder, "fit.json", err);
    return code || k->fit_record ? code : read_text(&k->fit_record, dir, NULL, "sdc.json", err);
}

/* A string, or the text of a number or word. */
static void find_member(char text[128], char *record, const char *key)
{
    struct fus_json j;
    text[0] = '\0';
    if (!record)
        return;
    fus_json_start(&j, record, strlen(record), 0, NULL);
    for (fus_json_enter(&j, '{'); fus_json_next(&j);) {
        bool wanted = strcmp(fus_json_key(&j), key) == 0;
        const char *at = record + j.b.pos;
        at += strspn(at, " \n");
        if (wanted && *at == '"') {
            snprintf(text, 128, "%s", fus_json_string(&j));
            continue;
        }
        if (wanted && *at != '{' && *at != '[')
            snprintf(text, 128, "%.*s", (int)(strcspn(at, ",} \n") < 127 ? strcspn(at, ",} \n") : 127), at);
        fus_json_skip(&j);
    }
    fus_json_end(&j);
}

void fus_sdc_page_member(char text[128], const struct fus_sdc_page_kind *k, const char *key)
{
    find_member(text, k->record, key);
}

void fus_sdc_page_fit_member(char text[128], const struct fus_sdc_page_kind *k, const char *key)
{
    find_member(text, k->fit_record, key);
}

int fus_sdc_page_table(struct fus_csv_read *t, bool *there, const char *folder, const char *name, struct fus_error *err)
{
    return open_table(t, there, folder, name, NULL, err);
}

int fus_sdc_page_read(struct fus_sdc_page_kind *k, const char *dir, const char *folder, const char *which,
                      struct fus_error *err)
{
    static int (*const parts[])(struct fus_sdc_page_kind *, const char *,
                                struct fus_error *) = {read_clusters,
                                                       fus_sdc_page_meaning_read,
                                                       fus_sdc_page_regions_read,
                                                       fus_sdc_page_overlap_read,
                                                       fus_sdc_page_groups_read,
                                                       fus_sdc_page_judge_read};
    char *at = NULL;
    *k = (struct fus_sdc_page_kind){.which = which, .folder = folder, .shown = -1};
    int code = read_sweep(k, dir, err);
    if (!code)
        code = choose(k, dir, err);
    if (!code)
        code = read_record(k, dir, err);
    if (code || k->shown < 0)
        return code;
    char *base = NULL;
    code = path_of(&base, dir, folder, NULL, err);
    if (!code)
        code = fus_folder_join(&at, base, k->eps[k->shown].name, err);
    for (size_t i = 0; i < sizeof parts / sizeof *parts && !code; i++)
        code = parts[i](k, at, err);
    fus_base_free(base);
    fus_base_free(at);
    return code;
}

void fus_sdc_page_free(struct fus_sdc_page_kind *k)
{
    for (int i = 0; k->clusters && i < k->n_clusters; i++) {
        fus_base_free(k->clusters[i].voxels);
        fus_base_free(k->clusters[i].label);
    }
    for (int i = 0; k->images && i < k->n_clusters * 2 * FUS_SDC_PAGE_IMAGES; i++)
        fus_base_free(k->images[i].name);
    for (int i = 0; i < k->n_contrasts; i++) {
        fus_base_free(k->contrasts[i].first);
        fus_base_free(k->contrasts[i].last);
    }
    for (int i = 0; i < k->n_names; i++)
        fus_base_free(k->names[i]);
    for (int i = 0; i < k->n_thumbs; i++)
        fus_base_free(k->thumbs[i]);
    fus_sdc_page_judge_free(k);
    fus_sdc_page_regions_free(k);
    fus_sdc_page_overlap_free(k);
    fus_sdc_page_groups_free(k);
    fus_base_free(k->eps);
    fus_base_free(k->names);
    fus_base_free(k->clusters);
    fus_base_free(k->decoded);
    fus_base_free(k->images);
    fus_base_free(k->cosine);
    fus_base_free(k->contrasts);
    fus_base_free(k->thumbs);
    fus_base_free(k->sheet);
    fus_base_free(k->record);
    fus_base_free(k->fit_record);
    *k = (struct fus_sdc_page_kind){0};
}
