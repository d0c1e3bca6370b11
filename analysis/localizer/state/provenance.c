/* SPDX-License-Identifier: MIT */
/* Provenance as text: written, split into fields, compared. See provenance.h. */
#include "analysis/localizer/state/provenance.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/localizer/second_set.h"
#include "nn/base/text.h"

enum { MAX_LINES = 1 << 24 };

/* ---- writing ---- */

static void begin_line(struct fus_text_buffer *t, const char *what)
{
    fus_text_append(t, what, strlen(what));
}

static void add_field(struct fus_text_buffer *t, const char *value)
{
    fus_text_append(t, "\t", 1);
    for (; *value; value++) {
        const char *escaped = *value == '\t' ? "\\t" : *value == '\n' ? "\\n" : *value == '\\' ? "\\\\" : NULL;
        fus_text_append(t, escaped ? escaped : value, escaped ? 2 : 1);
    }
}

static void add_number(struct fus_text_buffer *t, const char *fmt, ...) FUS_PRINTF(2, 3);
static void add_number(struct fus_text_buffer *t, const char *fmt, ...)
{
    char number[64];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(number, sizeof number, fmt, ap);
    va_end(ap);
    add_field(t, number);
}

static void end_line(struct fus_text_buffer *t)
{
    fus_text_append(t, "\n", 1);
}

static void add_line(struct fus_text_buffer *t, const char *what, const char *value)
{
    begin_line(t, what);
    add_field(t, value);
    end_line(t);
}

static void add_options(struct fus_text_buffer *t, const struct fus_run_options *o)
{
    struct fus_run_option_text list[FUS_RUN_OPTIONS_TEXTS];
    int n = fus_run_options_list(list, o);
    for (int i = 0; i < n; i++) {
        begin_line(t, "option");
        add_field(t, list[i].name);
        add_field(t, list[i].text);
        end_line(t);
    }
}

static void add_set(struct fus_text_buffer *t, const struct fus_set *set)
{
    begin_line(t, "set");
    add_field(t, set->description);
    add_number(t, "%d", set->drawn);
    add_number(t, "%" PRIu64, set->seed);
    add_number(t, "%" PRIu64, set->scramble_seed);
    end_line(t);
    for (int i = 0; i < set->n_categories; i++)
        add_line(t, "category", set->categories[i]);
    for (int i = 0; i < set->n_subcategories; i++)
        add_line(t, "subcategory", set->subcategories[i]);
    for (int i = 0; i < set->n_skipped; i++)
        add_line(t, "skipped", set->skipped[i]);
}

static void add_model(struct fus_text_buffer *t, const struct fus_model_summary *m, const struct fus_run_model *r)
{
    const char *const fields[] = {m->name, m->source, m->sha256, m->architecture, m->preprocess};
    begin_line(t, "model");
    for (int i = 0; i < 5; i++)
        add_field(t, fields[i]);
    end_line(t);
    for (int i = 0; i < r->n_layers; i++) {
        begin_line(t, "layer");
        add_field(t, r->taps[i].name);
        add_number(t, "%d", r->taps[i].channels);
        add_number(t, "%d", r->taps[i].height);
        add_number(t, "%d", r->taps[i].width);
        add_number(t, "%d", r->taps[i].order);
        add_number(t, "%.17g", r->taps[i].depth);
        if (r->taps[i].is_signed)
            add_field(t, "signed");
        end_line(t);
    }
}

/* The folder of a picture's file is not part of the result. */
static const char *picture_name(const struct fus_set *set, int i)
{
    const char *path = set->pictures[i].path, *slash = set->drawn ? NULL : strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static void add_grey(struct fus_text_buffer *t, const uint8_t *grey)
{
    char hex[2 * FUS_NEAR_BYTES + 1];
    for (int i = 0; i < FUS_NEAR_BYTES; i++) {
        hex[2 * i] = "0123456789abcdef"[grey[i] >> 4];
        hex[2 * i + 1] = "0123456789abcdef"[grey[i] & 15];
    }
    hex[2 * FUS_NEAR_BYTES] = '\0';
    add_field(t, hex);
}

static void add_picture(struct fus_text_buffer *t, const struct fus_localizer *run, int i)
{
    const struct fus_picture *p = &run->pictures.set.pictures[i];
    const struct fus_pixelstats *s = &run->pictures.stats[i];
    const int numbers[] = {p->category, p->subcategory, p->index, p->half, p->source};
    bool known = run->pictures.sha256[i][0] != '\0';
    begin_line(t, "picture");
    add_field(t, picture_name(&run->pictures.set, i));
    for (int k = 0; k < 5; k++)
        add_number(t, "%d", numbers[k]);
    add_field(t, known ? run->pictures.sha256[i] : "-");
    const double values[] = {s->luminance, s->contrast, s->slope};
    for (int k = 0; k < 3; k++)
        if (known && !isnan(values[k]))
            add_number(t, "%a", values[k]);
        else
            add_field(t, known ? "nan" : "-");
    if (known && run->pictures.grey)
        add_grey(t, run->pictures.grey + (size_t)i * FUS_NEAR_BYTES);
    else
        add_field(t, "-");
    end_line(t);
}

int fus_provenance_write(char **text, const struct fus_localizer *run, struct fus_error *err)
{
    struct fus_text_buffer t = {0};
    add_line(&t, "fusiform", FUS_VERSION);
    if (run->options.n_shards) {
        begin_line(&t, "shard");
        add_number(&t, "%d", run->options.shard);
        add_number(&t, "%d", run->options.n_shards);
        end_line(&t);
    }
    add_options(&t, &run->options);
    add_set(&t, &run->pictures.set);
    for (int i = 0; i < run->summary.n_models; i++)
        add_model(&t, &run->summary.models[i], &run->models[i]);
    for (int i = 0; i < run->pictures.set.n_pictures; i++)
        add_picture(&t, run, i);
    if (run->second) {
        char digest[65];
        fus_second_set_digest(digest, run);
        begin_line(&t, "validate");
        add_field(&t, run->second->pictures.set.description);
        add_field(&t, digest);
        end_line(&t);
    }
    *text = t.s;
    if (!t.failed)
        return FUS_OK;
    fus_text_free(&t);
    *text = NULL;
    return fus_base_fail(err, FUS_ENOMEM, "no memory for the provenance of %d pictures", run->pictures.set.n_pictures);
}

/* ---- reading ---- */

/* Splits the line at s into fields, in place. Returns the start of the next line; NULL if there are
 * too many fields. */
static char *split(struct fus_provenance_line *line, char *s)
{
    char *to = s;
    line->n = 0;
    line->field[line->n++] = to;
    for (; *s && *s != '\n'; s++) {
        if (*s == '\t') {
            if (line->n == (int)(sizeof line->field / sizeof *line->field))
                return NULL;
            *to++ = '\0';
            line->field[line->n++] = to;
        } else if (*s == '\\' && s[1]) {
            s++;
            *to++ = *s == 't' ? '\t' : *s == 'n' ? '\n' : *s;
        } else
            *to++ = *s;
    }
    bool more = *s == '\n';
    *to = '\0';
    return s + more;
}

bool fus_provenance_is(const struct fus_provenance_line *l, const char *what, int n)
{
    return l->n == n && strcmp(l->field[0], what) == 0;
}

bool fus_provenance_number(int *out, const char *s, int least, int most)
{
    char *end;
    long v = strtol(s, &end, 10);
    *out = (int)v;
    return end != s && !*end && v >= least && v <= most;
}

int fus_provenance_parse(struct fus_provenance *p, const char *text, struct fus_error *err)
{
    size_t n = 0;
    memset(p, 0, sizeof *p);
    for (const char *s = text; *s; s++)
        n += *s == '\n';
    p->text = fus_base_strdup(text);
    p->lines = n < MAX_LINES ? fus_base_alloc(n + 1, sizeof *p->lines) : NULL;
    if (!p->text || !p->lines) {
        fus_provenance_free(p);
        return fus_base_fail(err, FUS_ENOMEM, "no memory for %zu lines", n);
    }
    for (char *at = p->text; at && *at;) {
        struct fus_provenance_line *l = &p->lines[p->n++];
        at = split(l, at);
        bool bad = !at || p->n > (int)n || (p->n == 1 && !fus_provenance_is(l, "fusiform", 2));
        if (!bad && fus_provenance_is(l, "shard", 3))
            bad = !fus_provenance_number(&p->n_shards, l->field[2], 1, 1000000) ||
                  !fus_provenance_number(&p->shard, l->field[1], 1, p->n_shards);
        if (bad) {
            fus_base_fail(err, FUS_EFORMAT, "line %d is not what a run writes", p->n);
            fus_provenance_free(p);
            return FUS_EFORMAT;
        }
    }
    if (p->n)
        return FUS_OK;
    fus_provenance_free(p);
    return fus_base_fail(err, FUS_EFORMAT, "it is empty");
}

void fus_provenance_free(struct fus_provenance *p)
{
    fus_base_free(p->text);
    fus_base_free(p->lines);
    memset(p, 0, sizeof *p);
}

/* ---- is it the same run? ---- */

/* The value of an option, or NULL. */
static const char *option_value(const struct fus_provenance *p, const char *name)
{
    for (int i = 0; i < p->n; i++)
        if (fus_provenance_is(&p->lines[i], "option", 3) && strcmp(p->lines[i].field[1], name) == 0)
            return p->lines[i].field[2];
    return NULL;
}

static int same_options(const struct fus_provenance *found, const struct fus_provenance *expected,
                        struct fus_error *err)
{
    for (int turn = 0; turn < 2; turn++) {
        const struct fus_provenance *of = turn ? found : expected;
        for (int i = 0; i < of->n; i++) {
            if (!fus_provenance_is(&of->lines[i], "option", 3))
                continue;
            const char *name = of->lines[i].field[1], *a = option_value(found, name), *b = option_value(expected, name);
            const char *quote_a = a ? "'" : "", *quote_b = b ? "'" : "";
            if (!a || !b || strcmp(a, b) != 0)
                return fus_base_fail(err, FUS_EINVAL, "option --%s: %s%s%s found, %s%s%s expected", name, quote_a,
                                     a ? a : "nothing", quote_a, quote_b, b ? b : "nothing", quote_b);
        }
    }
    return FUS_OK;
}

static const char *field_name(const char *what, int i)
{
    static const char *const model[] = {"", "name", "file", "sha256", "architecture", "preprocessing"};
    static const char *const picture[] = {"",       "name",   "category",  "subcategory", "number", "half",
                                          "source", "sha256", "luminance", "contrast",    "slope",  "grey levels"};
    static const char *const layer[] = {"", "name", "channels", "height", "width"};
    if (strcmp(what, "model") == 0 && i < 6)
        return model[i];
    if (strcmp(what, "picture") == 0 && i < FUS_PROVENANCE_PICTURE)
        return picture[i];
    return strcmp(what, "layer") == 0 && i < 5 ? layer[i] : "it is";
}

static int same_line(const struct fus_provenance_line *a, const struct fus_provenance_line *b, int n,
                     struct fus_error *err)
{
    for (int i = 0; i < n; i++)
        if (strcmp(a->field[i], b->field[i]) != 0)
            return i ? fus_base_fail(err, FUS_EINVAL, "%s %s: %s '%s' found, '%s' expected", a->field[0], b->field[1],
                                     field_name(a->field[0], i), a->field[i], b->field[i])
                     : fus_base_fail(err, FUS_EINVAL, "%s %s found, %s %s expected", a->field[0], a->field[1],
                                     b->field[0], b->field[1]);
    return FUS_OK;
}

/* The next line that is not an option or, if apart, the shard's number; NULL at the end. */
static const struct fus_provenance_line *next_line(const struct fus_provenance *p, int *at, bool apart)
{
    while (*at < p->n) {
        const struct fus_provenance_line *l = &p->lines[(*at)++];
        if (!fus_provenance_is(l, "option", 3) && !(apart && fus_provenance_is(l, "shard", 3)))
            return l;
    }
    return NULL;
}

int fus_provenance_same(const struct fus_provenance *found, const struct fus_provenance *expected, bool apart,
                        struct fus_error *err)
{
    int code = same_options(found, expected, err), i = 0, k = 0;
    while (!code) {
        const struct fus_provenance_line *a = next_line(found, &i, apart), *b = next_line(expected, &k, apart);
        if (!a && !b)
            break;
        if (!a || !b)
            return fus_base_fail(err, FUS_EINVAL, "%s%s%s found, %s%s%s expected", a ? a->field[0] : "nothing more",
                                 a ? " " : "", a ? a->field[1] : "", b ? b->field[0] : "nothing more", b ? " " : "",
                                 b ? b->field[1] : "");
        int n = a->n < b->n ? a->n : b->n;
        code = same_line(
            a, b, apart && fus_provenance_is(a, "picture", FUS_PROVENANCE_PICTURE) ? FUS_PROVENANCE_OWN : n, err);
        if (!code && a->n != b->n)
            code = fus_base_fail(err, FUS_EINVAL, "%s %s: %d fields found, %d expected", a->field[0], a->field[1],
                                 a->n - 1, b->n - 1);
    }
    return code;
}
