/* SPDX-License-Identifier: MIT */
/* The participants of a study: from a table or the command line. See study.h. */
#include "analysis/sdc/study.h"

#include <stdlib.h>
#include <string.h>

#include "analysis/sdc/study_parts.h"
#include "analysis/sdc/tsv.h"

void fus_sdc_study_defaults(struct fus_sdc_study_options *o)
{
    *o = (struct fus_sdc_study_options){.repeats = 3, .n_test = 1000, .n_val = 1000, .seed = 1};
}

int fus_sdc_study_create(struct fus_sdc_study **study, struct fus_error *err)
{
    *study = fus_base_alloc(1, sizeof **study);
    return *study ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "no memory for a study");
}

/* ---- freeing ---- */

static void free_source(struct fus_sdc_source *s)
{
    for (int i = 0; i < s->n_parts; i++) {
        for (int k = 0; k < s->parts[i].n_files; k++)
            fus_base_free(s->parts[i].files[k]);
        fus_base_free(s->parts[i].files);
        fus_base_free(s->parts[i].name);
        fus_base_free(s->parts[i].mask);
    }
    fus_base_free(s->parts);
    fus_base_free(s->responses);
    fus_base_free(s->trials);
    fus_base_free(s->mask);
    fus_base_free(s->sessions);
    fus_base_free(s->trials_path);
    fus_base_free(s->n_frames);
    fus_base_free(s->used);
}

static void free_participant(struct fus_sdc_participant *p)
{
    for (int i = 0; i < p->n_sources; i++)
        free_source(&p->sources[i]);
    for (int i = 0; i < p->n_sessions; i++)
        fus_base_free(p->session_name[i]);
    fus_base_free(p->sources);
    fus_base_free(p->files);
    fus_base_free(p->session_name);
    fus_base_free(p->name);
    fus_base_free(p->model);
    fus_base_free(p->rois);
    fus_base_free(p->image);
    fus_base_free(p->session);
    fus_base_free(p->split);
}

void fus_sdc_study_close(struct fus_sdc_study *study)
{
    if (!study)
        return;
    for (int i = 0; i < study->n; i++)
        free_participant(&study->participants[i]);
    fus_base_free(study->participants);
    fus_base_free(study->path);
    fus_base_free(study);
}

/* ---- adding ---- */

/* Names become file names and columns: letters, digits and _ - . alone, not beginning with a point.
 */
static bool is_name(const char *name)
{
    size_t n = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.");
    return n > 0 && n <= 64 && !name[n] && name[0] != '.' && name[0] != '-';
}

static bool is_given(const char *text)
{
    return text && *text && strcmp(text, "-") != 0;
}

/* A copy of text where it is given, else NULL; *failed: memory is out. */
static char *copy_given(const char *text, bool *failed)
{
    char *copy = is_given(text) ? fus_base_strdup(text) : NULL;
    *failed = *failed || (is_given(text) && !copy);
    return copy;
}

static int find_participant(struct fus_sdc_participant **found, struct fus_sdc_study *study, const char *name,
                            struct fus_error *err)
{
    for (int i = 0; i < study->n; i++)
        if (strcmp(study->participants[i].name, name) == 0) {
            *found = &study->participants[i];
            return FUS_OK;
        }
    if (study->n == FUS_SDC_MAX_PARTICIPANTS)
        return fus_base_fail(err, FUS_ELIMIT, "more than %d participants", FUS_SDC_MAX_PARTICIPANTS);
    void *more = fus_base_resize(study->participants, (size_t)study->n + 1, sizeof *study->participants);
    char *copy = more ? fus_base_strdup(name) : NULL;
    study->participants = more ? more : study->participants;
    if (!copy)
        return fus_base_fail(err, FUS_ENOMEM, "%s: no memory for a participant", name);
    *found = &study->participants[study->n++];
    **found = (struct fus_sdc_participant){.name = copy};
    return FUS_OK;
}

/* The model of `model:FILE@LAYER`, FILE beside the study unless it names no file. */
static int set_model(struct fus_sdc_participant *p, const struct fus_sdc_study *study, const char *spec,
                     struct fus_error *err)
{
    if (!strchr(spec, '@'))
        return fus_base_fail(err, FUS_EINVAL, "found model:%s, expected model:FILE@LAYER", spec);
    if (p->n_sources)
        return fus_base_fail(err, FUS_EINVAL, "model:%s is a second line of this participant, expected one", spec);
    bool no_file = strncmp(spec, "random:", 7) == 0 || strncmp(spec, "demo:", 5) == 0;
    return fus_sdc_tsv_beside(&p->model, no_file ? NULL : study->path, spec, err);
}

/* text: responses, trials, mask, rois, sessions. */
static int add_source(struct fus_sdc_participant *p, const struct fus_sdc_study *study, const char *const text[5],
                      long line, struct fus_error *err)
{
    bool failed = false;
    const char *responses = text[0], *rois = text[3];
    if (!is_given(responses))
        return fus_base_fail(err, FUS_EINVAL, "has no responses, expected a file");
    if (p->model)
        return fus_base_fail(err, FUS_EINVAL, "has another line after model:%s, expected one", p->model);
    if (strncmp(responses, "model:", 6) == 0) {
        int code = set_model(p, study, responses + 6, err);
        if (code)
            return code;
    }
    void *more = fus_base_resize(p->sources, (size_t)p->n_sources + 1, sizeof *p->sources);
    if (!more)
        return fus_base_fail(err, FUS_ENOMEM, "no memory");
    p->sources = more;
    p->sources[p->n_sources++] = (struct fus_sdc_source){.responses = copy_given(responses, &failed),
                                                         .trials = copy_given(text[1], &failed),
                                                         .mask = copy_given(text[2], &failed),
                                                         .sessions = copy_given(text[4], &failed),
                                                         .line = line};
    if (is_given(rois) && p->rois && strcmp(rois, p->rois) != 0)
        return fus_base_fail(err, FUS_EINVAL, "has the rois %s here and %s in a line before", rois, p->rois);
    if (!p->rois)
        p->rois = copy_given(rois, &failed);
    return failed ? fus_base_fail(err, FUS_ENOMEM, "no memory") : FUS_OK;
}

static int add(struct fus_sdc_study *study, const char *name, const char *const text[5], long line,
               struct fus_error *err)
{
    struct fus_sdc_participant *p = NULL;
    if (!is_name(name))
        return fus_base_fail(err, FUS_EINVAL,
                             "found the participant `%s`, expected a name of at most 64 letters, digits and _ - .",
                             name);
    int code = find_participant(&p, study, name, err);
    if (code)
        return code;
    code = add_source(p, study, text, line, err);
    if (code)
        fus_base_blame(err, "%s: ", name);
    return code;
}

int fus_sdc_study_add(struct fus_sdc_study *study, const char *name, const char *responses, const char *trials,
                      const char *mask, const char *rois, struct fus_error *err)
{
    const char *const text[5] = {responses, trials, mask, rois, NULL};
    return add(study, name, text, 0, err);
}

/* ---- study.tsv ---- */

enum { N_COLUMNS = 6 };

/* column [N_COLUMNS]: participant, responses, trials, mask, rois, sessions; -1: not there. */
static int find_columns(int *column, const struct fus_sdc_tsv *t, struct fus_error *err)
{
    static const char *const known[N_COLUMNS] = {"participant", "responses", "trials", "mask", "rois", "sessions"};
    for (int k = 0; k < N_COLUMNS; k++)
        column[k] = fus_sdc_tsv_column(t, known[k]);
    for (int c = 0; c < t->n_columns; c++) {
        int k = 0;
        while (k < N_COLUMNS && column[k] != c)
            k++;
        if (k == N_COLUMNS && t->names[c][0])
            return fus_base_fail(err, FUS_EFORMAT,
                                 "%s: found a column %s, expected participant, responses, trials, mask, rois, sessions "
                                 "(with tabs between)",
                                 t->path, t->names[c]);
    }
    for (int k = 0; k < 2; k++)
        if (column[k] < 0)
            return fus_base_fail(err, FUS_EFORMAT, "%s: has no column %s in its first line", t->path, known[k]);
    return t->n_rows ? FUS_OK : fus_base_fail(err, FUS_EFORMAT, "%s: has no participant below its header", t->path);
}

int fus_sdc_study_read(struct fus_sdc_study *study, const char *path, struct fus_error *err)
{
    struct fus_sdc_tsv t;
    int column[N_COLUMNS];
    fus_base_free(study->path);
    study->path = fus_base_strdup(path);
    int code = study->path ? fus_sdc_tsv_open(&t, path, err) : fus_base_fail(err, FUS_ENOMEM, "%s: no memory", path);
    if (code)
        return code;
    code = find_columns(column, &t, err);
    for (size_t i = 0; !code && i < t.n_rows; i++) {
        const char *text[N_COLUMNS];
        for (int c = 0; c < N_COLUMNS; c++)
            text[c] = fus_sdc_tsv_text(&t, i, column[c]);
        code = add(study, text[0], text + 1, t.line[i], err);
        if (code)
            fus_base_blame(err, "%s: line %ld: ", path, t.line[i]);
    }
    fus_sdc_tsv_close(&t);
    return code;
}

/* ---- loading ---- */

/* Trials, masks and responses of all sources: into files, or counted alone (files NULL). */
static size_t list_files(const char **files, const struct fus_sdc_participant *p)
{
    size_t n = 0;
    for (int i = 0; i < p->n_sources; i++) {
        const struct fus_sdc_source *s = &p->sources[i];
        for (int k = -1; k < s->n_parts; k++) {
            const char *first = k < 0 ? s->trials_path : s->parts[k].mask;
            if (first && files)
                files[n] = first;
            n += first != NULL;
            for (int f = 0; k >= 0 && f < s->parts[k].n_files; f++, n++)
                if (files)
                    files[n] = s->parts[k].files[f];
        }
    }
    return n;
}

static int compare_paths(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Responses that are stacked twice would count as repeats. */
static int refuse_twice(const struct fus_sdc_participant *p, struct fus_error *err)
{
    size_t n = 0;
    int code = FUS_OK;
    const char **files = fus_base_alloc(p->n_files + 1, sizeof *files);
    if (!files)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for %zu files", p->n_files);
    for (int i = 0; i < p->n_sources; i++)
        for (int k = 0; k < p->sources[i].n_parts; k++)
            for (int f = 0; f < p->sources[i].parts[k].n_files; f++)
                files[n++] = p->sources[i].parts[k].files[f];
    qsort(files, n, sizeof *files, compare_paths);
    for (size_t i = 1; i < n && !code; i++)
        if (strcmp(files[i - 1], files[i]) == 0)
            code =
                fus_base_fail(err, FUS_EINVAL, "the responses %s are given twice, expected each file once", files[i]);
    fus_base_free(files);
    return code;
}

static int load_participant(struct fus_sdc_participant *p, const struct fus_sdc_study *study,
                            const struct fus_sdc_images *images, const struct fus_sdc_embedding *e,
                            const struct fus_sdc_range *range, struct fus_error *err)
{
    int code = FUS_OK;
    for (int i = 0; !code && !p->model && i < p->n_sources; i++)
        code = fus_sdc_files_find(&p->sources[i], study->path, err);
    for (int i = 1; !code && !p->model && i < p->n_sources; i++) {
        const struct fus_sdc_source *a = &p->sources[0], *b = &p->sources[i];
        for (int k = 0; !code && k < a->n_parts; k++)
            if (a->n_parts != b->n_parts || strcmp(a->parts[k].name, b->parts[k].name) != 0 ||
                a->parts[k].n_places != b->parts[k].n_places ||
                fus_sdc_files_grids_differ(&a->parts[k].space, &b->parts[k].space))
                code = fus_base_fail(err, FUS_EFORMAT, "%s has %zu voxels, %s %zu, expected the same grid",
                                     a->parts[k].files[0], a->parts[k].n_places, b->parts[0].files[0],
                                     b->parts[k < b->n_parts ? k : 0].n_places);
    }
    if (!code)
        code = fus_sdc_trials_read(p, study, images, e, range, err);
    if (!code) {
        p->n_files = list_files(NULL, p);
        p->files = fus_base_alloc(p->n_files + 1, sizeof *p->files);
        if (p->files)
            list_files(p->files, p);
        code = p->files ? refuse_twice(p, err) : fus_base_fail(err, FUS_ENOMEM, "no memory for %zu files", p->n_files);
    }
    if (code)
        fus_base_blame(err, "%s: ", p->name);
    return code;
}

int fus_sdc_study_load(struct fus_sdc_study *study, const struct fus_sdc_images *images,
                       const struct fus_sdc_embedding *e, const struct fus_sdc_study_options *o, struct fus_error *err)
{
    struct fus_sdc_range range = {0};
    if (!study->n)
        return fus_base_fail(err, FUS_EINVAL, "a study without participants");
    if (images && images->n != e->n)
        return fus_base_fail(err, FUS_EINVAL,
                             "the embedding has %zu rows, the table of images %zu, expected a row for each image", e->n,
                             images->n);
    study->n_images = e->n;
    int code = o->sessions ? fus_sdc_range_parse(&range, o->sessions, err) : FUS_OK;
    for (int i = 0; !code && i < study->n; i++)
        code = load_participant(&study->participants[i], study, images, e, &range, err);
    return code ? code : fus_sdc_split_images(study, o, err);
}
