/* Reading finished runs: see past.h. */
#include "past.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "weights/json.h"

#define MOST_BYTES ((size_t)1 << 28) /* of run.json or layers.csv: a million pictures or rows */
#define MOST_COLUMNS 256

static const char *const option_names[FUS_PAST_OPTIONS] = {"criterion", "test", "correction", "alpha"};

/* One more item at the end of *items [*n], zeroed; room grows by doubling. */
static void *grow(void **items, int *n, size_t size)
{
    if ((*n & (*n - 1)) == 0) {
        void *more = fus_base_resize(*items, *n ? 2 * (size_t)*n : 1, size);
        if (!more)
            return NULL;
        *items = more;
    }
    void *item = (char *)*items + (size_t)(*n)++ * size;
    memset(item, 0, size);
    return item;
}

/* ---- run.json ---- */

static char *copy_raw(struct fus_json *j)
{
    size_t from = j->b.pos;
    fus_json_skip(j);
    size_t n = j->b.pos - from;
    char *text = fus_base_alloc(n + 1, 1);
    if (text)
        memcpy(text, j->b.data + from, n);
    while (text && (*text == ' ' || *text == '\n'))
        memmove(text, text + 1, strlen(text));
    return text;
}

static void read_texts(struct fus_json *j, const char *const *names, char **const *to, int n)
{
    for (fus_json_enter(j, '{'); fus_json_next(j);) {
        const char *key = fus_json_key(j);
        int i = 0;
        while (i < n && strcmp(key, names[i]) != 0)
            i++;
        if (i == n || *to[i])
            fus_json_skip(j);
        else
            *to[i] = fus_base_strdup(fus_json_string(j));
    }
}

static void read_pictures(struct fus_past *p, struct fus_json *j)
{
    static const char *const names[] = {"picture", "category", "sha256"};
    for (fus_json_enter(j, '['); fus_json_next(j);) {
        void *items = p->pictures;
        struct fus_past_picture *one = grow(&items, &p->n_pictures, sizeof *one);
        p->pictures = items;
        if (!one) {
            fus_json_fail(j, "no memory for its pictures");
            return;
        }
        char **const to[] = {&one->name, &one->category, &one->sha256};
        read_texts(j, names, to, 3);
        if (!one->name || !one->category || !one->sha256)
            fus_json_fail(j, "a picture without name, category or sha256");
    }
}

static void read_models(struct fus_past *p, struct fus_json *j)
{
    static const char *const names[] = {"name", "sha256"};
    for (fus_json_enter(j, '['); fus_json_next(j);) {
        if (p->n_models == 64) {
            fus_json_fail(j, "more than 64 models");
            return;
        }
        char **const to[] = {&p->models[p->n_models].name, &p->models[p->n_models].sha256};
        p->n_models++;
        read_texts(j, names, to, 2);
    }
}

static int read_json(struct fus_past *p, struct fus_error *err)
{
    char path[4096];
    uint8_t *data;
    size_t n;
    struct fus_json j;
    snprintf(path, sizeof path, "%s/run.json", p->folder);
    int code = fus_base_read_file(&data, &n, path, MOST_BYTES, err);
    if (code)
        return fus_base_blame(err, "%s: not a finished run: ", path);
    fus_json_start(&j, data, n, 0, err);
    for (fus_json_enter(&j, '{'); fus_json_next(&j);) {
        const char *key = fus_json_key(&j);
        int i = 0;
        while (i < FUS_PAST_OPTIONS && strcmp(key, option_names[i]) != 0)
            i++;
        if (i < FUS_PAST_OPTIONS && !p->options[i])
            p->options[i] = copy_raw(&j);
        else if (strcmp(key, "pictures") == 0)
            read_pictures(p, &j);
        else if (strcmp(key, "models") == 0)
            read_models(p, &j);
        else
            fus_json_skip(&j);
    }
    code = fus_json_end(&j);
    fus_base_free(data);
    if (!code && p->n_pictures == 0)
        code = fus_base_fail(err, FUS_EFORMAT, "it names no pictures");
    return code ? fus_base_blame(err, "%s: ", path) : FUS_OK;
}

/* ---- layers.csv ---- */

/* Fields of the line at *at, in place, quotes taken off; *at moves to the next line. Returns how many. */
static int split_line(char **fields, char **at)
{
    char *from = *at, *to = *at;
    int n = 0;
    bool more = true;
    while (more && n < MOST_COLUMNS) {
        bool quoted = *from == '"';
        fields[n++] = to;
        for (from += quoted; *from && (quoted || !strchr(",\r\n", *from)); from++) {
            if (quoted && *from == '"' && *++from != '"')
                break;
            *to++ = *from;
        }
        while (*from && !strchr(",\n", *from))
            from++;
        more = *from == ',';
        from += *from != '\0';
        *to++ = '\0';
    }
    *at = from;
    return n;
}

static double number_in(char **fields, int n, int column)
{
    char *end;
    if (column < 0 || column >= n || !fields[column][0])
        return NAN;
    double x = strtod(fields[column], &end);
    return *end ? NAN : x;
}

static int read_row(struct fus_past *p, char **fields, int n, const int *column, struct fus_error *err)
{
    void *items = p->rows;
    struct fus_past_row *row = grow(&items, &p->n_rows, sizeof *row);
    p->rows = items;
    if (!row)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for its rows");
    if (column[0] >= n || column[1] >= n || column[2] >= n)
        return fus_base_fail(err, FUS_EFORMAT, "line %d has %d fields", p->n_rows + 1, n);
    row->model = fus_base_strdup(fields[column[0]]);
    row->layer = fus_base_strdup(fields[column[1]]);
    row->category = fus_base_strdup(fields[column[2]]);
    double *const to[] = {&row->n_selective, &row->proportion, &row->csi_mean, &row->csi_sem, &row->csi_undefined, &row->variation_cv};
    for (int i = 0; i < 6; i++)
        *to[i] = number_in(fields, n, column[3 + i]);
    return row->model && row->layer && row->category ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "no memory for its rows");
}

static int read_layers(struct fus_past *p, struct fus_error *err)
{
    static const char *const names[] = {"model", "layer", "category", "n_selective", "proportion", "csi_mean", "csi_sem", "csi_undefined",
                                        "variation_cv"};
    char path[4096], *fields[MOST_COLUMNS];
    int column[9];
    uint8_t *data;
    size_t bytes;
    snprintf(path, sizeof path, "%s/layers.csv", p->folder);
    int code = fus_base_read_file(&data, &bytes, path, MOST_BYTES, err);
    if (code)
        return fus_base_blame(err, "%s: ", path);
    char *at = (char *)data;
    int n = split_line(fields, &at);
    for (int i = 0; i < 9 && !code; i++) {
        column[i] = -1;
        for (int k = 0; k < n; k++)
            if (strcmp(fields[k], names[i]) == 0)
                column[i] = k;
        if (column[i] < 0)
            code = fus_base_fail(err, FUS_EFORMAT, "no column is called %s", names[i]);
    }
    while (*at && !code) {
        n = split_line(fields, &at);
        code = read_row(p, fields, n, column, err);
    }
    fus_base_free(data);
    return code ? fus_base_blame(err, "%s: ", path) : FUS_OK;
}

int fus_past_open(struct fus_past *p, const char *folder, bool with_layers, struct fus_error *err)
{
    memset(p, 0, sizeof *p);
    p->folder = folder;
    if (strlen(folder) > 3000)
        return fus_base_fail(err, FUS_EINVAL, "a path of %zu characters; at most 3000 are possible", strlen(folder));
    int code = read_json(p, err);
    return code || !with_layers ? code : read_layers(p, err);
}

void fus_past_close(struct fus_past *p)
{
    for (int i = 0; i < FUS_PAST_OPTIONS; i++)
        fus_base_free(p->options[i]);
    for (int i = 0; i < p->n_pictures; i++) {
        fus_base_free(p->pictures[i].name);
        fus_base_free(p->pictures[i].category);
        fus_base_free(p->pictures[i].sha256);
    }
    for (int i = 0; i < p->n_rows; i++) {
        fus_base_free(p->rows[i].model);
        fus_base_free(p->rows[i].layer);
        fus_base_free(p->rows[i].category);
    }
    for (int i = 0; i < p->n_models; i++) {
        fus_base_free(p->models[i].name);
        fus_base_free(p->models[i].sha256);
    }
    fus_base_free(p->pictures);
    fus_base_free(p->rows);
    memset(p, 0, sizeof *p);
}

/* ---- may two runs be compared? ---- */

int fus_past_same_pictures(const struct fus_past *a, const struct fus_past *b, struct fus_error *err)
{
    int n = a->n_pictures > b->n_pictures ? a->n_pictures : b->n_pictures;
    for (int i = 0; i < n; i++) {
        if (i >= a->n_pictures || i >= b->n_pictures)
            return fus_base_fail(err, FUS_EINVAL, "%s and %s were not shown the same pictures: %s, the %d. of %s, is not in the other", a->folder,
                                 b->folder, (i < a->n_pictures ? a : b)->pictures[i].name, i + 1, (i < a->n_pictures ? a : b)->folder);
        const struct fus_past_picture *x = &a->pictures[i], *y = &b->pictures[i];
        const char *what = strcmp(x->name, y->name) ? "names" : strcmp(x->category, y->category) ? "categories" : "contents (sha256)";
        if (strcmp(x->name, y->name) || strcmp(x->category, y->category) || strcmp(x->sha256, y->sha256))
            return fus_base_fail(err, FUS_EINVAL, "%s and %s were not shown the same pictures: the %d. is %s (%s) and %s (%s), different %s", a->folder,
                                 b->folder, i + 1, x->name, x->category, y->name, y->category, what);
    }
    return FUS_OK;
}

int fus_past_same_options(const struct fus_past *a, const struct fus_past *b, struct fus_error *err)
{
    for (int i = 0; i < FUS_PAST_OPTIONS; i++) {
        const char *x = a->options[i] ? a->options[i] : "null", *y = b->options[i] ? b->options[i] : "null";
        if (strcmp(x, y) != 0)
            return fus_base_fail(err, FUS_EINVAL, "%s and %s chose units differently: %s is %s and %s", a->folder, b->folder, option_names[i], x, y);
    }
    return FUS_OK;
}

int fus_past_shows(const struct fus_past *p, const struct fus_set *set, const char (*sha256)[65], struct fus_error *err)
{
    for (int i = 0; i < set->n_pictures && i < p->n_pictures; i++)
        if (strcmp(p->pictures[i].sha256, sha256[i]) || strcmp(p->pictures[i].category, set->categories[set->pictures[i].category]))
            return fus_base_fail(err, FUS_EINVAL, "%s was shown other pictures: its %d. is %s, here it is %s", p->folder, i + 1, p->pictures[i].name,
                                 set->pictures[i].path);
    if (set->n_pictures != p->n_pictures)
        return fus_base_fail(err, FUS_EINVAL, "%s was shown %d pictures, here are %d", p->folder, p->n_pictures, set->n_pictures);
    return FUS_OK;
}
