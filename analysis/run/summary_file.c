/* SPDX-License-Identifier: MIT */
/* What a run's summary is read with: see summary_file.h. */
#include "analysis/run/summary_file.h"

#include <stdio.h>
#include <string.h>

void *fus_summary_file_own(struct fus_run_summary_file *r, void *p)
{
    if (r->n_owned == r->room) {
        int room = r->room ? 2 * r->room : 64;
        void **more = fus_base_resize(r->owned, (size_t)room, sizeof *more);
        if (!more) {
            fus_base_free(p);
            p = NULL;
        } else {
            r->owned = more;
            r->room = room;
        }
    }
    if (p)
        r->owned[r->n_owned++] = p;
    else if (!r->code)
        r->code = fus_base_fail(r->err, FUS_ENOMEM, "%s: no memory for its summary", r->file.folder);
    return p;
}

void *fus_summary_file_take(struct fus_run_summary_file *r, size_t n, size_t size)
{
    return fus_summary_file_own(r, fus_base_alloc(n ? n : 1, size));
}

bool fus_summary_file_fail(struct fus_run_summary_file *r, const char *file, const char *why)
{
    if (!r->code)
        r->code = fus_base_fail(r->err, FUS_EFORMAT, "%s/%s: %s", r->file.folder, file, why);
    return false;
}

int fus_summary_file_category_named(const struct fus_run_summary_file *r, const char *name)
{
    for (int c = 0; c < r->summary.n_categories; c++)
        if (strcmp(r->summary.categories[c], name) == 0)
            return c;
    return -1;
}

bool fus_summary_file_open_table(struct fus_run_summary_file *r, struct fus_csv_read *t, const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", r->file.folder, name);
    *t = (struct fus_csv_read){0};
    if (!r->code)
        r->code = fus_csv_read_open(t, path, r->err);
    return !r->code;
}

void fus_summary_file_close_table(struct fus_run_summary_file *r, struct fus_csv_read *t)
{
    int code = fus_csv_read_close(t, r->code ? NULL : r->err);
    r->code = r->code ? r->code : code;
}

int fus_summary_file_model_in(struct fus_run_summary_file *r, struct fus_csv_read *t, int column)
{
    for (int m = 0; m < r->summary.n_models; m++)
        if (strcmp(r->summary.models[m].name, fus_csv_read_text(t, column)) == 0)
            return m;
    fus_csv_read_fail(t, "no model of run.json is called '%.60s'", fus_csv_read_text(t, column));
    return 0;
}

int fus_summary_file_category_in(struct fus_run_summary_file *r, struct fus_csv_read *t, int column)
{
    int c = fus_summary_file_category_named(r, fus_csv_read_text(t, column));
    if (c < 0)
        fus_csv_read_fail(t, "no category of run.json is called '%.60s'", fus_csv_read_text(t, column));
    return c < 0 ? 0 : c;
}

int fus_summary_file_layer_in(struct fus_run_summary_file *r, struct fus_csv_read *t, int model, int column)
{
    const struct fus_model_summary *m = &r->summary.models[model];
    for (int l = 0; l < m->n_layers; l++)
        if (strcmp(m->layers[l].name, fus_csv_read_text(t, column)) == 0)
            return l;
    fus_csv_read_fail(t, "no layer of %.60s in layers.csv is called '%.60s'", m->name, fus_csv_read_text(t, column));
    return -1;
}

int fus_summary_file_picture_in(struct fus_run_summary_file *r, struct fus_csv_read *t, int column)
{
    long n = fus_csv_read_count(t, column, r->file.n_pictures);
    if (n == 0)
        fus_csv_read_fail(t, "picture number 0 found; they begin with 1");
    return n ? (int)n - 1 : 0;
}
