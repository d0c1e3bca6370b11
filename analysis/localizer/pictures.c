/* SPDX-License-Identifier: MIT */
/* Sets of pictures as commands take them: see pictures.h. */
#include "analysis/localizer/pictures.h"

#include <stdio.h>
#include <string.h>

#include "analysis/run/csv.h"
#include "nn/base/outfile.h"
#include "nn/base/utf8.h"

#define CACHE_BYTES ((size_t)64 << 20) /* of decoded pictures, between their check and the network */

void fus_pictures_tell_left_out(const struct fus_set *set, const char *spec, const struct fus_note_sink *notes)
{
    char shown[FUS_MESSAGE_BYTES] = "";
    if (!set->left_out)
        return;
    if (spec)
        fus_utf8_escape(shown, sizeof shown, spec);
    fus_note_say(notes, "%s%s%s", shown, spec ? ": " : "", set->left_out);
}

void fus_pictures_tell_names(const struct fus_set *set, const struct fus_note_sink *notes)
{
    /* what pandas.read_csv takes for NaN by default (pandas 3.1) */
    static const char *const words[] = {"#N/A", "#N/A N/A", "#NA",     "-1.#IND", "-1.#QNAN", "-NaN",
                                        "-nan", "1.#IND",   "1.#QNAN", "<NA>",    "N/A",      "NA",
                                        "NULL", "NaN",      "None",    "n/a",     "nan",      "null"};
    for (int c = 0; c < set->n_categories; c++)
        for (size_t i = 0; i < sizeof words / sizeof *words; i++)
            if (strcmp(set->categories[c], words[i]) == 0)
                fus_note_say(notes,
                             "warning: category %s: pandas.read_csv takes the name for a missing value unless "
                             "keep_default_na=False",
                             words[i]);
}

static void list(const struct fus_set_bad *bad, const struct fus_note_sink *notes)
{
    for (int i = 0; i < bad->n; i++)
        fus_note_say(notes, "%s", bad->items[i].why);
}

int fus_pictures_refuse(const struct fus_set_bad *bad, int n, const struct fus_note_sink *notes, struct fus_error *err)
{
    if (bad->n == 0)
        return FUS_OK;
    if (bad->n == 1)
        return fus_base_fail(err, FUS_EFORMAT, "%s%s", bad->items[0].why, n > 1 ? " (--skip-bad leaves it out)" : "");
    list(bad, notes);
    return fus_base_fail(err, FUS_EFORMAT, "%d of %d pictures cannot be read; --skip-bad leaves them out", bad->n, n);
}

void fus_pictures_tell_skipped(const struct fus_set_bad *bad, int n, const struct fus_note_sink *notes)
{
    if (bad->n == 0)
        return;
    list(bad, notes);
    fus_note_say(notes, "--skip-bad: %d of %d pictures left out", bad->n, n);
}

/* Does nothing, but its presence makes fus_set_check_range reduce pictures as in other commands. */
static int ignore(void *context, int i, const struct fus_image *reduced, struct fus_error *err)
{
    (void)context;
    (void)i;
    (void)reduced;
    (void)err;
    return FUS_OK;
}

int fus_pictures_skip(struct fus_set *set, const char *spec, const struct fus_note_sink *notes, struct fus_error *err)
{
    struct fus_set_bad bad = {0};
    const struct fus_set_consumers wanted = {.consume = ignore, .bad = &bad};
    int code = set->drawn ? FUS_OK : fus_set_check_range(set, 0, set->n_pictures, &wanted, err);
    if (!code && bad.n) {
        fus_pictures_tell_skipped(&bad, set->n_pictures, notes);
        code = fus_set_bad_leave_out(set, &bad, spec, err);
    }
    fus_set_bad_free(&bad);
    return code;
}

/* ---- operands ---- */

int fus_pictures_open(struct fus_pictures *p, const char *const *operands, int n, const struct fus_note_sink *notes,
                      struct fus_error *err)
{
    memset(p, 0, sizeof *p);
    p->notes = notes;
    int code = fus_set_gather(&p->set, operands, n, err);
    if (code)
        return code;
    for (int c = 0; c < p->set.n_categories; c++)
        p->listed = p->listed || p->set.categories[c][0];
    fus_pictures_tell_left_out(&p->set, NULL, notes);
    return FUS_OK;
}

int fus_pictures_check(struct fus_pictures *p, const struct fus_model *m, bool skip_bad, struct fus_error *err)
{
    struct fus_set_bad bad = {0};
    int code = skip_bad ? fus_pictures_skip(&p->set, NULL, p->notes, err) : FUS_OK;
    if (!code)
        code = fus_cache_create(&p->cache, p->set.n_pictures, CACHE_BYTES, err);
    if (!code)
        code = fus_cache_want(p->cache, &m->preprocess, err);
    const struct fus_set_consumers wanted = {.cache = p->cache, .bad = &bad};
    if (!code)
        code = fus_set_check_range(&p->set, 0, p->set.n_pictures, &wanted, err);
    if (!code)
        code = fus_pictures_refuse(&bad, p->set.n_pictures, p->notes, err);
    if (code == FUS_ESTOPPED)
        fus_base_fail(err, code, "stopped; nothing was written");
    fus_set_bad_free(&bad);
    return code;
}

void fus_pictures_close(struct fus_pictures *p)
{
    fus_cache_free(p->cache);
    fus_set_close(&p->set);
    memset(p, 0, sizeof *p);
}

struct batch {
    float *input;
    const struct fus_pictures *pictures;
    const struct fus_model *model;
    int first;
};

static int prepare(void *context, int i, struct fus_error *err)
{
    const struct batch *b = context;
    return fus_cache_input(b->input + (size_t)(i - b->first) * b->model->input_floats, b->pictures->cache,
                           &b->pictures->set, i, &b->model->preprocess, NULL, err);
}

int fus_pictures_input(float *input, const struct fus_pictures *p, const struct fus_model *m, int first, int n,
                       struct fus_error *err)
{
    struct batch b = {input, p, m, first};
    return fus_set_each(first, first + n, prepare, &b, err);
}

static void put_name(struct fus_outfile *f, const char *name)
{
    fus_csv_name(f, "\t", name);
}

int fus_pictures_write_rows(const struct fus_pictures *p, const char *out, struct fus_error *err)
{
    char path[4096];
    struct fus_outfile f;
    if (!p->listed || fus_outfile_is_stream(out))
        return FUS_OK;
    if (snprintf(path, sizeof path, "%s.tsv", out) >= (int)sizeof path)
        return fus_base_fail(err, FUS_EINVAL, "-o: a path of %zu characters; at most 4000 are possible", strlen(out));
    int code = fus_outfile_open(&f, path, err);
    if (code)
        return code;
    fus_outfile_printf(&f, "row\tpicture\tcategory\tsubcategory\n");
    for (int i = 0; i < p->set.n_pictures; i++) {
        const struct fus_picture *picture = &p->set.pictures[i];
        fus_outfile_printf(&f, "%d", i);
        put_name(&f, picture->path);
        put_name(&f, p->set.categories[picture->category]);
        put_name(&f, p->set.subcategories[picture->subcategory]);
        fus_outfile_printf(&f, "\n");
    }
    code = fus_outfile_commit(&f, err);
    if (!code)
        fus_note_say(p->notes, "%d pictures; %s says which row is which", p->set.n_pictures, path);
    return code;
}
