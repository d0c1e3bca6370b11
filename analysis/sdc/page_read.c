/* SPDX-License-Identifier: MIT */
/* The tables of clusters, read back: see page.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/run/csv.h"
#include "analysis/run/csv_read.h"
#include "analysis/sdc/page.h"
#include "nn/base/json.h"
#include "stimuli/set/folder.h"
#include "weights/weights.h"

enum { MAX_CLUSTERS = 20000, MAX_CONTRASTS = 30 };
#define MOST_COUNT 1e9

static bool exists(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (f)
        fclose(f);
    return f != NULL;
}

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
    *there = !code && exists(path);
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
        if (!code && exists(path) &&
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

/* ---- what explains them ---- */

static int read_decoded(struct fus_sdc_page_kind *k, const char *folder, struct fus_error *err)
{
    static const char *const names[] = {"n_voxels",   "r",       "q",       "r_all",      "r_left_out",
                                        "q_left_out", "raw_top", "sem_top", "raw_bottom", "sem_bottom"};
    struct fus_csv_read t;
    bool there;
    int at[10], i = 0, n = k->n_clusters * k->n_names,
                code = open_table(&t, &there, folder, "decodability.csv", NULL, err);
    if (code || !there)
        return code;
    for (int c = 0; c < 10; c++)
        at[c] = fus_csv_read_column(&t, names[c]);
    k->decoded = fus_base_alloc((size_t)n + 1, sizeof *k->decoded);
    if (!k->decoded)
        fus_csv_read_fail(&t, "no memory");
    while (fus_csv_read_next(&t)) {
        if (i == n) {
            fus_csv_read_fail(&t, "more lines than clusters and participants");
            break;
        }
        struct fus_sdc_page_decoded *d = &k->decoded[i++];
        double *to[] = {&d->n_voxels,   &d->r,      &d->q,      &d->r_all,  &d->r_left_out,
                        &d->q_left_out, &d->raw[0], &d->sem[0], &d->raw[1], &d->sem[1]};
        for (int c = 0; c < 10; c++)
            *to[c] = fus_csv_read_number(&t, at[c]);
    }
    code = fus_csv_read_close(&t, err);
    if (!code && i != n)
        code = fus_base_fail(err, FUS_EFORMAT, "%s/decodability.csv: %d lines found, %d expected", folder, i, n);
    return code;
}

static int find_thumb(const struct fus_sdc_page_kind *k, const char *name)
{
    for (int i = 0; i < k->n_thumbs; i++)
        if (strcmp(k->thumbs[i], name) == 0)
            return i;
    return -1;
}

static int read_thumbs(struct fus_sdc_page_kind *k, const char *folder, struct fus_error *err)
{
    struct fus_csv_read t;
    bool there;
    char *path = NULL;
    size_t room = 0;
    int code = open_table(&t, &there, folder, "thumbs.csv", NULL, err);
    if (code || !there)
        return code;
    int image = fus_csv_read_column(&t, "image");
    while (fus_csv_read_next(&t) && k->n_thumbs < 10000) {
        char **grown = fus_base_grow(k->thumbs, &room, (size_t)k->n_thumbs, sizeof *grown);
        k->thumbs = grown ? grown : k->thumbs;
        char *name = grown ? fus_csv_read_name(&t, image) : NULL;
        if (!name) {
            fus_csv_read_fail(&t, "no memory");
            break;
        }
        k->thumbs[k->n_thumbs++] = name;
    }
    code = fus_csv_read_close(&t, err);
    if (!code)
        code = fus_folder_join(&path, folder, "thumbs.png", err);
    if (!code && exists(path))
        code = fus_base_read_file(&k->sheet, &k->sheet_n, path, (size_t)1 << 28, err);
    fus_base_free(path);
    return code;
}

static int read_images(struct fus_sdc_page_kind *k, const char *folder, struct fus_error *err)
{
    struct fus_csv_read t;
    bool there;
    int code = open_table(&t, &there, folder, "images.csv", NULL, err);
    if (code || !there)
        return code;
    int cluster = fus_csv_read_column(&t, "cluster"), side = fus_csv_read_column(&t, "side"),
        rank = fus_csv_read_column(&t, "rank"), image = fus_csv_read_column(&t, "image"),
        similarity = fus_csv_read_column(&t, "similarity");
    k->images = fus_base_alloc((size_t)k->n_clusters * 2 * FUS_SDC_PAGE_IMAGES + 1, sizeof *k->images);
    if (!k->images)
        fus_csv_read_fail(&t, "no memory");
    while (fus_csv_read_next(&t)) {
        long c = fus_csv_read_count(&t, cluster, k->n_clusters), r = fus_csv_read_count(&t, rank, 1000000);
        if (c < 1 || r < 1 || r > FUS_SDC_PAGE_IMAGES)
            continue;
        bool least = strcmp(fus_csv_read_text(&t, side), "least") == 0;
        struct fus_sdc_page_image *to = &k->images[((c - 1) * 2 + least) * FUS_SDC_PAGE_IMAGES + r - 1];
        if (to->name)
            continue;
        to->name = fus_csv_read_name(&t, image);
        to->similarity = fus_csv_read_number(&t, similarity);
        to->place = to->name ? find_thumb(k, to->name) : -1;
    }
    return fus_csv_read_close(&t, err);
}

static int read_contrasts(struct fus_sdc_page_kind *k, const char *folder, struct fus_error *err)
{
    struct fus_csv_read t;
    bool there;
    int code = open_table(&t, &there, folder, "contrasts.csv", NULL, err);
    if (code || !there)
        return code;
    int a = fus_csv_read_column(&t, "cluster_a"), b = fus_csv_read_column(&t, "cluster_b"),
        shared = fus_csv_read_column(&t, "shared"), of = fus_csv_read_column(&t, "of"),
        image = fus_csv_read_column(&t, "image");
    k->contrasts = fus_base_alloc(MAX_CONTRASTS, sizeof *k->contrasts);
    if (!k->contrasts)
        fus_csv_read_fail(&t, "no memory");
    while (fus_csv_read_next(&t)) {
        int ca = (int)fus_csv_read_count(&t, a, k->n_clusters), cb = (int)fus_csv_read_count(&t, b, k->n_clusters);
        struct fus_sdc_page_contrast *last = k->n_contrasts ? &k->contrasts[k->n_contrasts - 1] : NULL;
        if (ca < 1 || cb < 1)
            continue;
        if (!last || last->a != ca - 1 || last->b != cb - 1) {
            if (k->n_contrasts == MAX_CONTRASTS)
                break;
            last = &k->contrasts[k->n_contrasts++];
            *last = (struct fus_sdc_page_contrast){.a = ca - 1,
                                                   .b = cb - 1,
                                                   .shared = (int)fus_csv_read_count(&t, shared, 1000000),
                                                   .of = (int)fus_csv_read_count(&t, of, 1000000),
                                                   .first = fus_csv_read_name(&t, image)};
            last->first_place = last->first ? find_thumb(k, last->first) : -1;
        }
        fus_base_free(last->last);
        last->last = fus_csv_read_name(&t, image);
        last->last_place = last->last ? find_thumb(k, last->last) : -1;
    }
    return fus_csv_read_close(&t, err);
}

static int read_cosines(struct fus_sdc_page_kind *k, const char *folder, struct fus_error *err)
{
    struct fus_store *s = NULL;
    char *path = NULL;
    float *x = NULL;
    size_t n = (size_t)k->n_clusters;
    int code = fus_folder_join(&path, folder, "centroids.npy", err);
    if (!code && exists(path) && n && n <= 200)
        code = fus_open_weights(&s, path, err);
    fus_base_free(path);
    const struct fus_tensor *t = s ? fus_store_tensor(s, 0) : NULL;
    if (t && t->n_dims == 2 && (uint64_t)t->shape[0] == n) {
        size_t d = (size_t)t->shape[1];
        x = fus_base_alloc(t->n_elements + 1, sizeof *x);
        k->cosine = fus_base_alloc(n, n * sizeof *k->cosine);
        code = x && k->cosine ? fus_store_read_f32(s, x, t, err)
                              : fus_base_fail(err, FUS_ENOMEM, "no memory for centroids");
        for (size_t i = 0; i < n * n && !code; i++)
            for (size_t j = 0; j < d; j++)
                k->cosine[i] += (double)x[i / n * d + j] * x[i % n * d + j];
    }
    fus_base_free(x);
    fus_store_close(s);
    return code;
}

/* ---- all ---- */

static int read_text(char **text, const char *dir, const char *folder, const char *file, struct fus_error *err)
{
    char *path = NULL;
    size_t n;
    int code = path_of(&path, dir, folder ? folder : file, folder ? file : NULL, err);
    if (!code && exists(path))
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
                                                       read_decoded,
                                                       read_thumbs,
                                                       read_images,
                                                       read_contrasts,
                                                       read_cosines,
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
