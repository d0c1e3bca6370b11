/* SPDX-License-Identifier: MIT */
/* Provenance as text: see provenance.h. */
#include "analysis/localizer/state/provenance.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/localizer/second_set.h"

enum {
    MOST_LINES = 1 << 24,
    PICTURE_FIELDS = 12,
    PICTURE_OWN = 7
}; /* from this field on, only the picture's shard knows the values */

/* ---- writing ---- */

struct text {
    char *s;
    size_t n, room;
    bool failed;
};

static void add_bytes(struct text *t, const char *s, size_t n)
{
    if (!t->failed && t->n + n + 1 > t->room) {
        size_t room = 2 * (t->n + n) + 256;
        char *more = fus_base_resize(t->s, room, 1);
        t->failed = !more;
        t->s = more ? more : t->s;
        t->room = more ? room : t->room;
    }
    if (t->failed)
        return;
    memcpy(t->s + t->n, s, n);
    t->n += n;
    t->s[t->n] = '\0';
}

static void begin_line(struct text *t, const char *what)
{
    add_bytes(t, what, strlen(what));
}

static void add_field(struct text *t, const char *value)
{
    add_bytes(t, "\t", 1);
    for (; *value; value++) {
        const char *escaped = *value == '\t' ? "\\t" : *value == '\n' ? "\\n" : *value == '\\' ? "\\\\" : NULL;
        add_bytes(t, escaped ? escaped : value, escaped ? 2 : 1);
    }
}

static void add_number(struct text *t, const char *fmt, ...) FUS_PRINTF(2, 3);
static void add_number(struct text *t, const char *fmt, ...)
{
    char number[64];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(number, sizeof number, fmt, ap);
    va_end(ap);
    add_field(t, number);
}

static void end_line(struct text *t)
{
    add_bytes(t, "\n", 1);
}

static void add_line(struct text *t, const char *what, const char *value)
{
    begin_line(t, what);
    add_field(t, value);
    end_line(t);
}

static void add_options(struct text *t, const struct fus_run_options *o)
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

static void add_set(struct text *t, const struct fus_set *set)
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

static void add_model(struct text *t, const struct fus_model_summary *m, const struct fus_run_model *r)
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

static void add_grey(struct text *t, const uint8_t *grey)
{
    char hex[2 * FUS_NEAR_BYTES + 1];
    for (int i = 0; i < FUS_NEAR_BYTES; i++) {
        hex[2 * i] = "0123456789abcdef"[grey[i] >> 4];
        hex[2 * i + 1] = "0123456789abcdef"[grey[i] & 15];
    }
    hex[2 * FUS_NEAR_BYTES] = '\0';
    add_field(t, hex);
}

static void add_picture(struct text *t, const struct fus_localizer *run, int i)
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
    struct text t = {0};
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
    fus_base_free(t.s);
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

static bool is(const struct fus_provenance_line *l, const char *what, int n)
{
    return l->n == n && strcmp(l->field[0], what) == 0;
}

static bool number(int *out, const char *s, int least, int most)
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
    p->lines = n < MOST_LINES ? fus_base_alloc(n + 1, sizeof *p->lines) : NULL;
    if (!p->text || !p->lines) {
        fus_provenance_free(p);
        return fus_base_fail(err, FUS_ENOMEM, "no memory for %zu lines", n);
    }
    for (char *at = p->text; at && *at;) {
        struct fus_provenance_line *l = &p->lines[p->n++];
        at = split(l, at);
        bool bad = !at || p->n > (int)n || (p->n == 1 && !is(l, "fusiform", 2));
        if (!bad && is(l, "shard", 3))
            bad = !number(&p->n_shards, l->field[2], 1, 1000000) || !number(&p->shard, l->field[1], 1, p->n_shards);
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
        if (is(&p->lines[i], "option", 3) && strcmp(p->lines[i].field[1], name) == 0)
            return p->lines[i].field[2];
    return NULL;
}

static int same_options(const struct fus_provenance *found, const struct fus_provenance *expected,
                        struct fus_error *err)
{
    for (int turn = 0; turn < 2; turn++) {
        const struct fus_provenance *of = turn ? found : expected;
        for (int i = 0; i < of->n; i++) {
            if (!is(&of->lines[i], "option", 3))
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
    if (strcmp(what, "picture") == 0 && i < PICTURE_FIELDS)
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
        if (!is(l, "option", 3) && !(apart && is(l, "shard", 3)))
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
        code = same_line(a, b, apart && is(a, "picture", PICTURE_FIELDS) ? PICTURE_OWN : n, err);
        if (!code && a->n != b->n)
            code = fus_base_fail(err, FUS_EINVAL, "%s %s: %d fields found, %d expected", a->field[0], a->field[1],
                                 a->n - 1, b->n - 1);
    }
    return code;
}

/* ---- a run as it was ---- */

static int count(const struct fus_provenance *p, const char *what, int n_fields)
{
    int n = 0;
    for (int i = 0; i < p->n; i++)
        n += is(&p->lines[i], what, n_fields);
    return n;
}

static bool copy_text(char **to, const char *text)
{
    return (*to = fus_base_strdup(text)) != NULL;
}

static bool restore_model(struct fus_localizer *run, const struct fus_provenance_line *l, int n_layers)
{
    struct fus_model_summary *m = &run->summary.models[run->summary.n_models++];
    struct fus_run_model *r = &run->models[run->n_models++];
    snprintf(r->name, sizeof r->name, "%s", l->field[1]);
    snprintf(m->sha256, sizeof m->sha256, "%s", l->field[3]);
    r->taps = fus_base_alloc((size_t)n_layers + 1, sizeof *r->taps);
    m->layers = fus_base_alloc((size_t)n_layers + 1, sizeof *m->layers);
    return r->taps && m->layers && copy_text(&m->name, l->field[1]) && copy_text(&m->source, l->field[2]) &&
           copy_text(&m->architecture, l->field[4]) && copy_text(&m->preprocess, l->field[5]);
}

static bool restore_layer(struct fus_localizer *run, const struct fus_provenance_line *l)
{
    if (!run->n_models)
        return false;
    struct fus_run_model *r = &run->models[run->n_models - 1];
    struct fus_tap *tap = &r->taps[r->n_layers++];
    snprintf(tap->name, sizeof tap->name, "%s", l->field[1]);
    tap->depth = strtod(l->field[6], NULL);
    tap->is_signed = l->n > 7;
    return strlen(l->field[1]) < sizeof tap->name && !strchr(l->field[1], '/') &&
           number(&tap->channels, l->field[2], 1, 1 << 20) && number(&tap->height, l->field[3], 1, 1 << 14) &&
           number(&tap->width, l->field[4], 1, 1 << 14) && number(&tap->order, l->field[5], 0, 1 << 20) &&
           tap->depth >= 0 && tap->depth <= 1;
}

static bool restore_picture(struct fus_localizer *run, const struct fus_provenance_line *l)
{
    struct fus_set *set = &run->pictures.set;
    struct fus_picture *p = &set->pictures[set->n_pictures], *last = set->n_pictures ? p - 1 : NULL;
    int numbers[5];
    const int most[] = {set->n_categories - 1, set->n_subcategories - 1, INT32_MAX - 1, 1, INT32_MAX - 1};
    for (int i = 0; i < 5; i++)
        if (!number(&numbers[i], l->field[2 + i], i == 4 ? -1 : 0, most[i]))
            return false;
    if (numbers[0] < (last ? last->category : 0) || !(p->path = fus_base_strdup(l->field[1])))
        return false;
    set->n_pictures++;
    p->category = numbers[0], p->subcategory = numbers[1], p->index = numbers[2], p->half = numbers[3],
    p->source = numbers[4];
    return true;
}

static bool restore_set(struct fus_set *set, const struct fus_provenance_line *l)
{
    int drawn;
    set->seed = strtoull(l->field[3], NULL, 10);
    set->scramble_seed = strtoull(l->field[4], NULL, 10);
    if (set->description || !number(&drawn, l->field[2], 0, 1))
        return false;
    set->drawn = drawn;
    return copy_text(&set->description, l->field[1]);
}

static bool is_layer(const struct fus_provenance_line *l)
{
    return is(l, "layer", 7) || (is(l, "layer", 8) && strcmp(l->field[7], "signed") == 0);
}

static int layers_behind(const struct fus_provenance *p, int model)
{
    int n = 0;
    while (model + 1 + n < p->n && is_layer(&p->lines[model + 1 + n]))
        n++;
    return n;
}

static bool restore_line(struct fus_localizer *run, const struct fus_provenance *p, int i)
{
    const struct fus_provenance_line *l = &p->lines[i];
    if (is(l, "fusiform", 2) || is(l, "shard", 3))
        return true;
    if (is(l, "option", 3))
        return fus_run_options_set(&run->options, l->field[1], l->field[2]);
    if (is(l, "set", 5))
        return restore_set(&run->pictures.set, l);
    if (is(l, "validate", 3)) {
        run->options.validate = l->field[1];
        return true;
    }
    if (is(l, "category", 2))
        return copy_text(&run->pictures.set.categories[run->pictures.set.n_categories], l->field[1]) &&
               ++run->pictures.set.n_categories;
    if (is(l, "subcategory", 2))
        return copy_text(&run->pictures.set.subcategories[run->pictures.set.n_subcategories], l->field[1]) &&
               ++run->pictures.set.n_subcategories;
    if (is(l, "skipped", 2))
        return copy_text(&run->pictures.set.skipped[run->pictures.set.n_skipped], l->field[1]) &&
               ++run->pictures.set.n_skipped;
    if (is(l, "model", 6))
        return strlen(l->field[1]) < sizeof run->models->name && restore_model(run, l, layers_behind(p, i));
    if (is_layer(l))
        return i > 0 && (is_layer(l - 1) || is(l - 1, "model", 6)) && restore_layer(run, l);
    return is(l, "picture", PICTURE_FIELDS) && restore_picture(run, l);
}

int fus_provenance_restore(struct fus_localizer *run, const struct fus_provenance *p, struct fus_error *err)
{
    size_t n_models = (size_t)count(p, "model", 6), n_categories = (size_t)count(p, "category", 2),
           n_pictures = (size_t)count(p, "picture", PICTURE_FIELDS);
    struct fus_set *set = &run->pictures.set;
    if (n_models < 1 || n_models > FUS_RUN_MAX_MODELS || n_categories < 2 || n_categories > 127 || n_pictures < 2)
        return fus_base_fail(err, FUS_EFORMAT, "%zu models, %zu categories, %zu pictures found", n_models, n_categories,
                             n_pictures);
    if (!run->models)
        run->models = fus_base_alloc(FUS_RUN_MAX_MODELS, sizeof *run->models);
    run->summary.models = fus_base_alloc(n_models, sizeof *run->summary.models);
    set->categories = fus_base_alloc(n_categories, sizeof *set->categories);
    set->subcategories = fus_base_alloc((size_t)count(p, "subcategory", 2) + 1, sizeof *set->subcategories);
    set->skipped = fus_base_alloc((size_t)count(p, "skipped", 2) + 1, sizeof *set->skipped);
    set->pictures = fus_base_alloc(n_pictures, sizeof *set->pictures);
    run->pictures.sha256 = fus_base_alloc(n_pictures, sizeof *run->pictures.sha256);
    run->pictures.stats = fus_base_alloc(n_pictures, sizeof *run->pictures.stats);
    if (!run->models || !run->summary.models || !set->categories || !set->subcategories || !set->skipped ||
        !set->pictures || !run->pictures.sha256 || !run->pictures.stats)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for %zu pictures", n_pictures);
    for (int i = 0; i < p->n; i++)
        if (!restore_line(run, p, i))
            return fus_base_fail(err, FUS_EFORMAT, "line %d is not what a run writes", i + 1);
    if (!set->description)
        return fus_base_fail(err, FUS_EFORMAT, "it says nothing about its set");
    for (int i = 0; i < run->n_models; i++)
        if (run->models[i].n_layers == 0)
            return fus_base_fail(err, FUS_EFORMAT, "model %s has no layers", run->models[i].name);
    return fus_run_set_make_grey(&run->pictures, err);
}

static double real(const char *s)
{
    return strcmp(s, "nan") == 0 ? NAN : strtod(s, NULL);
}

static int digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "-" leaves them 0: a picture of one level is like no other. */
static bool read_grey(uint8_t *grey, const char *hex)
{
    if (strcmp(hex, "-") == 0)
        return true;
    if (!grey || strlen(hex) != 2 * FUS_NEAR_BYTES)
        return false;
    for (int i = 0; i < FUS_NEAR_BYTES; i++) {
        int high = digit(hex[2 * i]), low = digit(hex[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        grey[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

int fus_provenance_join(struct fus_localizer *run, const struct fus_provenance *p, struct fus_error *err)
{
    for (int i = 0, k = 0; i < p->n && k < run->pictures.set.n_pictures; i++) {
        const struct fus_provenance_line *l = &p->lines[i];
        if (!is(l, "picture", PICTURE_FIELDS))
            continue;
        const char *hex = l->field[PICTURE_OWN];
        if (strcmp(hex, "-") != 0) {
            if (run->pictures.sha256[k][0] || strlen(hex) != 64)
                return fus_base_fail(err, FUS_EINVAL, "picture %s is another shard's already", l->field[1]);
            memcpy(run->pictures.sha256[k], hex, 65);
            run->pictures.stats[k] = (struct fus_pixelstats){
                real(l->field[PICTURE_OWN + 1]), real(l->field[PICTURE_OWN + 2]), real(l->field[PICTURE_OWN + 3])};
            uint8_t *grey = run->pictures.grey ? run->pictures.grey + (size_t)k * FUS_NEAR_BYTES : NULL;
            if (!read_grey(grey, l->field[PICTURE_OWN + 4]))
                return fus_base_fail(err, FUS_EFORMAT, "picture %s: its grey levels are not %d bytes in hexadecimal",
                                     l->field[1], FUS_NEAR_BYTES);
        }
        k++;
    }
    return FUS_OK;
}
