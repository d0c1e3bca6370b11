/* SPDX-License-Identifier: MIT */
/* The trials of a participant: which image was seen in which session, one row for each frame of
 * the responses.
 *
 * Columns: `image` (or NSD's `73KID`, counted from 1), `session` (or `SESSION`), `split`; others
 * are left out, so that NSD's responses.tsv works as it is. */
#include <string.h>

#include "analysis/sdc/study_parts.h"
#include "analysis/sdc/tsv.h"
#include "nn/base/number.h"

/* ---- sessions that are used ---- */

int fus_sdc_range_parse(struct fus_sdc_range *r, const char *text, struct fus_error *err)
{
    const char *at = text;
    for (r->n = 0; r->n < 64; at++) {
        uint64_t first, last;
        bool ok = fus_number_whole(&first, at, &at);
        last = first;
        if (ok && *at == '-')
            ok = fus_number_whole(&last, at + 1, &at);
        if (!ok || last < first || (*at && *at != ','))
            break;
        r->item[r->n].first = first;
        r->item[r->n++].last = last;
        if (!*at)
            return FUS_OK;
    }
    return fus_base_fail(err, FUS_EINVAL, "sessions %s: expected numbers such as 1-37 or 1,3,5-8", text);
}

static bool holds(const struct fus_sdc_range *r, uint64_t number)
{
    for (int i = 0; i < r->n; i++)
        if (number >= r->item[i].first && number <= r->item[i].last)
            return true;
    return r->n == 0;
}

/* ---- one table ---- */

struct reading {
    struct fus_sdc_participant *p;
    const struct fus_sdc_source *s;
    const struct fus_sdc_images *images;
    const struct fus_sdc_embedding *e;
    const struct fus_sdc_range *range;
    struct fus_sdc_tsv t;
    int image, session, split; /* columns; -1: none */
    bool from_one;             /* images are counted from 1 */
};

static int find_columns(struct reading *r, struct fus_error *err)
{
    r->image = fus_sdc_tsv_column(&r->t, "image");
    if (r->image < 0) {
        r->image = fus_sdc_tsv_column(&r->t, "73KID");
        r->from_one = r->image >= 0;
    }
    r->session = fus_sdc_tsv_column(&r->t, "session");
    if (r->session < 0)
        r->session = fus_sdc_tsv_column(&r->t, "SESSION");
    r->split = fus_sdc_tsv_column(&r->t, "split");
    if (r->image < 0)
        return fus_base_fail(err, FUS_EFORMAT, "%s: has no column `image` (or 73KID) in its first line", r->t.path);
    if (r->session < 0 && r->range->n && r->p->model)
        return fus_base_fail(err, FUS_EFORMAT, "%s: has no column `session`, which --sessions needs", r->t.path);
    return FUS_OK;
}

static int read_image(int32_t *image, const struct reading *r, size_t row, struct fus_error *err)
{
    const char *text = fus_sdc_tsv_text(&r->t, row, r->image);
    size_t found = 0;
    uint64_t number;
    bool ok;
    if (r->images)
        ok = fus_sdc_images_find(&found, r->images, text);
    else {
        ok = fus_number_whole(&number, text, NULL) && number >= r->from_one && number - r->from_one < r->e->n;
        found = ok ? (size_t)(number - r->from_one) : 0;
    }
    *image = (int32_t)found;
    if (ok)
        return FUS_OK;
    if (r->images)
        return fus_base_fail(err, FUS_EFORMAT,
                             "%s: line %ld: trial %zu: no image is called `%s` in the table of images", r->t.path,
                             r->t.line[row], row + 1, text);
    return fus_base_fail(err, FUS_EFORMAT,
                         "%s: line %ld: trial %zu: found the image `%s`, expected a row of the embedding, %d to %zu",
                         r->t.path, r->t.line[row], row + 1, text, r->from_one, r->e->n - !r->from_one);
}

static int read_split(uint8_t *split, const struct reading *r, size_t row, struct fus_error *err)
{
    static const char *const names[] = {"train", "val", "test", "none"};
    const char *text = fus_sdc_tsv_text(&r->t, row, r->split);
    *split = FUS_SDC_N_SPLITS;
    if (r->split < 0)
        return FUS_OK;
    for (int i = 0; i < FUS_SDC_N_SPLITS; i++)
        if (strcmp(text, names[i]) == 0) {
            *split = (uint8_t)i;
            return FUS_OK;
        }
    return fus_base_fail(err, FUS_EFORMAT, "%s: line %ld: found the split `%s`, expected train, val, test or none",
                         r->t.path, r->t.line[row], text);
}

/* The number of a session by its name, in the order of their first trials. */
static int number_session(int32_t *number, struct fus_sdc_participant *p, const char *name, struct fus_error *err)
{
    for (int i = p->n_sessions - 1; i >= 0; i--)
        if (strcmp(p->session_name[i], name) == 0) {
            *number = i;
            return FUS_OK;
        }
    if (p->n_sessions == FUS_SDC_MAX_SESSIONS)
        return fus_base_fail(err, FUS_ELIMIT, "more than %d sessions", FUS_SDC_MAX_SESSIONS);
    void *more = fus_base_resize(p->session_name, (size_t)p->n_sessions + 1, sizeof *p->session_name);
    char *copy = more ? fus_base_strdup(name) : NULL;
    p->session_name = more ? more : p->session_name;
    if (!copy)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for a session");
    p->session_name[p->n_sessions] = copy;
    *number = p->n_sessions++;
    return FUS_OK;
}

/* The file that frame `row` comes from, and its number from 1. */
static const char *file_of(int *number, const struct fus_sdc_source *s, size_t row)
{
    int k = 0;
    for (size_t end = s->n_frames[0]; row >= end && k + 1 < s->parts[0].n_files; end += s->n_frames[k])
        k++;
    *number = k + 1;
    return s->parts[0].files[k];
}

/* A row's session: its name, and whether it is used. */
static int read_session(const char **name, bool *used, const struct reading *r, size_t row, struct fus_error *err)
{
    int file = 0;
    uint64_t number = 0;
    *used = true;
    if (r->session < 0) {
        *name = r->s->n_parts ? file_of(&file, r->s, row) : "all";
        *used = holds(r->range, (uint64_t)file);
        return FUS_OK;
    }
    *name = fus_sdc_tsv_text(&r->t, row, r->session);
    if (!**name)
        return fus_base_fail(err, FUS_EFORMAT, "%s: line %ld: the session is empty", r->t.path, r->t.line[row]);
    if (!r->range->n)
        return FUS_OK;
    if (!fus_number_whole(&number, *name, NULL))
        return fus_base_fail(err, FUS_EFORMAT, "%s: line %ld: found the session `%s`, expected a number for --sessions",
                             r->t.path, r->t.line[row], *name);
    *used = holds(r->range, number);
    return FUS_OK;
}

static int make_room(struct fus_sdc_participant *p, size_t more, struct fus_error *err)
{
    size_t n = p->n_trials + more;
    void *image = fus_base_resize(p->image, n, sizeof *p->image);
    p->image = image ? image : p->image;
    void *session = fus_base_resize(p->session, n, sizeof *p->session);
    p->session = session ? session : p->session;
    void *split = fus_base_resize(p->split, n, sizeof *p->split);
    p->split = split ? split : p->split;
    return image && session && split ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "no memory for %zu trials", n);
}

static int read_rows(struct reading *r, uint8_t *used, struct fus_error *err)
{
    struct fus_sdc_participant *p = r->p;
    int code = make_room(p, r->t.n_rows + 1, err);
    for (size_t i = 0; !code && i < r->t.n_rows; i++) {
        const char *name;
        bool use;
        size_t k = p->n_trials;
        code = read_session(&name, &use, r, i, err);
        if (code || !(used[i] = use))
            continue;
        if ((code = read_image(&p->image[k], r, i, err)) || (code = read_split(&p->split[k], r, i, err)) ||
            (code = number_session(&p->session[k], p, name, err)))
            continue;
        if (p->split[k] != FUS_SDC_NONE && !r->e->usable[p->image[k]])
            code = fus_base_fail(err, FUS_EFORMAT,
                                 "%s: line %ld: trial %zu: row %ld of the embedding (from 0) is zero or no finite "
                                 "number",
                                 r->t.path, r->t.line[i], i + 1, (long)p->image[k]);
        p->n_trials++;
    }
    return code;
}

/* used [rows of the table] -> used [frames]: all rows have a frame, or the used ones alone. */
static int match_frames(struct fus_sdc_source *s, const struct reading *r, uint8_t *used, struct fus_error *err)
{
    size_t n_rows = r->t.n_rows, n_used = 0;
    for (size_t i = 0; i < n_rows; i++)
        n_used += used[i];
    if (s->n_all != n_rows && s->n_all != n_used)
        return fus_base_fail(err, FUS_EFORMAT,
                             "%s holds %zu trials in %d file%s, %s lists %zu%s: expected as many (--sessions 1-N "
                             "leaves out both)",
                             s->responses, s->n_all, s->parts[0].n_files, s->parts[0].n_files == 1 ? "" : "s",
                             r->t.path, r->range->n ? n_used : n_rows, r->range->n ? " in the sessions wanted" : "");
    s->used = fus_base_alloc(s->n_all, 1);
    if (!s->used)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for %zu trials", s->n_all);
    for (size_t i = 0; i < s->n_all; i++)
        s->used[i] = s->n_all == n_rows ? used[i] : 1;
    return FUS_OK;
}

static int read_source(struct reading *r, struct fus_sdc_source *s, const char *study_path, struct fus_error *err)
{
    if (!s->trials)
        return fus_base_fail(err, FUS_EINVAL, "%s: has no table of trials, expected one with a column `image`",
                             s->responses);
    int code = fus_sdc_tsv_beside(&s->trials_path, study_path, s->trials, err);
    if (!code)
        code = fus_sdc_tsv_open(&r->t, s->trials_path, err);
    if (code)
        return code;
    r->s = s;
    uint8_t *used = fus_base_alloc(r->t.n_rows + 1, 1);
    if (!used)
        code = fus_base_fail(err, FUS_ENOMEM, "%s: no memory", s->trials_path);
    if (!code)
        code = find_columns(r, err);
    bool all = r->session < 0 && s->n_parts && s->n_all != r->t.n_rows;
    if (!code && all) /* without sessions in the table, a frame's file needs a row for each */
        code = fus_base_fail(err, FUS_EFORMAT, "%s holds %zu trials in %d files, %s lists %zu: expected as many",
                             s->responses, s->n_all, s->parts[0].n_files, s->trials_path, r->t.n_rows);
    if (!code)
        code = read_rows(r, used, err);
    if (!code && s->n_parts)
        code = match_frames(s, r, used, err);
    fus_base_free(used);
    fus_sdc_tsv_close(&r->t);
    return code;
}

static int check_sessions(const struct fus_sdc_participant *p, struct fus_error *err)
{
    size_t n[FUS_SDC_MAX_SESSIONS] = {0};
    for (size_t t = 0; t < p->n_trials; t++)
        n[p->session[t]]++;
    for (int s = 0; s < p->n_sessions; s++)
        if (n[s] < 2 && !p->model)
            return fus_base_fail(err, FUS_EFORMAT, "session %s has one trial alone, expected two or more",
                                 p->session_name[s]);
    return p->n_trials ? FUS_OK : fus_base_fail(err, FUS_EFORMAT, "no trials are left");
}

int fus_sdc_trials_read(struct fus_sdc_participant *p, const struct fus_sdc_study *study,
                        const struct fus_sdc_images *images, const struct fus_sdc_embedding *e,
                        const struct fus_sdc_range *range, struct fus_error *err)
{
    struct reading r = {.p = p, .images = images, .e = e};
    int code = FUS_OK;
    for (int i = 0; !code && i < p->n_sources; i++) {
        struct fus_sdc_range own = {0};
        r.from_one = false;
        r.range = p->sources[i].sessions ? &own : range;
        if (p->sources[i].sessions)
            code = fus_sdc_range_parse(&own, p->sources[i].sessions, err);
        if (!code)
            code = read_source(&r, &p->sources[i], study->path, err);
    }
    return code ? code : check_sessions(p, err);
}
