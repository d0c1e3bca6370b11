/* SPDX-License-Identifier: MIT */
/* The initial network of a training: see start.h. */
#include "analysis/train/start.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void note(const struct fus_training_hooks *h, const char *fmt, ...) FUS_PRINTF(2, 3);

static void note(const struct fus_training_hooks *h, const char *fmt, ...)
{
    char line[FUS_MESSAGE_BYTES];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    if (h->note)
        h->note(h->context, line);
}

static int choose_preprocess(struct fus_start *s, const char *given, struct fus_error *err)
{
    int side, code = given ? fus_store_set_preprocess(s->store, given, err) : FUS_OK;
    if (!code)
        code = fus_store_preprocess(s->store, &s->spec, &side, &s->preprocess_text, err);
    if (!code)
        code = fus_preprocess_parse(&s->preprocess, s->preprocess_text, err);
    if (!code && s->spec.stem == FUS_STEM_CLIP && strcmp(fus_store_format(s->store), "random") == 0 &&
        s->preprocess.crop != side)
        code = fus_base_fail(err, FUS_EINVAL,
                             "--preprocess: crop=%d found; the attention pool of this network has room for %d",
                             s->preprocess.crop, side);
    if (!code)
        s->spec.input_side = s->preprocess.crop;
    return code;
}

int fus_start_open(struct fus_start *s, const struct fus_training_options *o, struct fus_error *err)
{
    memset(s, 0, sizeof *s);
    s->seed = o->seed;
    s->freeze = o->freeze;
    int code = fus_open_weights(&s->store, o->model, err);
    if (!code && o->prefix)
        code = fus_names_choose(s->store, o->prefix, err);
    if (!code)
        code = fus_names_recognise(&s->spec, s->store, o->lang_head, err);
    if (!code && (s->spec.kind != FUS_NET_RESNET || s->spec.groups || s->spec.stem >= FUS_STEM_PIXELS))
        code =
            fus_base_fail(err, FUS_EUNSUPPORTED, "%s: training knows residual networks only, without groups", o->model);
    if (!code && (code = choose_preprocess(s, o->preprocess, err)))
        fus_base_blame(err, "%s: ", o->model);
    if (!code)
        code = fus_store_sha256(s->store, s->sha256, err);
    if (code)
        fus_start_close(s);
    return code;
}

void fus_start_close(struct fus_start *s)
{
    fus_store_close(s->store);
    fus_base_free(s->words);
    memset(s, 0, sizeof *s);
}

/* ---- heads ---- */

static void fit_classes(struct fus_start *s, const struct fus_training_options *o, int n_classes,
                        const struct fus_training_hooks *h)
{
    int found = s->spec.n_classes;
    s->new_classes = n_classes && found != n_classes;
    s->spec.n_classes = n_classes;
    if (!n_classes && found && strcmp(fus_store_format(s->store), "random") != 0)
        note(h, "%s: fc of %d classes is left out: --classify is 0", o->model, found);
    else if (s->new_classes && found && strcmp(fus_store_format(s->store), "random") != 0)
        note(h, "%s: fc of %d classes is replaced by a new one of %d", o->model, found, n_classes);
    else if (s->new_classes && !found)
        note(h, "%s: a new fc of %d classes", o->model, n_classes);
}

static int fit_language(struct fus_start *s, const struct fus_training_options *o, int dim,
                        const struct fus_training_hooks *h, struct fus_error *err)
{
    int found = s->spec.lang_dim, hidden = s->spec.lang_hidden;
    if (s->spec.attn_dim) {
        if (!dim || dim == s->spec.attn_dim)
            return FUS_OK;
        return fus_base_fail(err, FUS_EINVAL, "%s: its embedding has %d dimensions, the targets have %d", o->model,
                             s->spec.attn_dim, dim);
    }
    s->spec.lang_dim = dim;
    s->spec.lang_hidden = dim ? o->lang_hidden : 0;
    s->new_language = dim && (found != dim || hidden != o->lang_hidden);
    if (found && !dim)
        note(h, "%s: its language head is left out: no --language", o->model);
    else if (found && s->new_language)
        note(h, "%s: its language head of %d dimensions is replaced by a new one of %d", o->model, found, dim);
    return FUS_OK;
}

static int join_words(struct fus_start *s, const struct fus_vocabulary *v, struct fus_error *err)
{
    size_t n = 1;
    for (int i = 0; i < v->n; i++)
        n += strlen(v->words[i]) + 1;
    s->words = fus_base_alloc(n, 1);
    if (!s->words)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for a list of %d words", v->n);
    for (int i = 0, at = 0; i < v->n; i++)
        at += sprintf(s->words + at, "%s%s", i ? " " : "", v->words[i]);
    return FUS_OK;
}

int fus_start_fit(struct fus_start *s, const struct fus_training_options *o, int n_classes, const struct fus_targets *t,
                  const struct fus_training_hooks *h, struct fus_error *err)
{
    if (s->spec.attn_dim && n_classes) {
        note(h, "%s: CLIP's networks have no fc: classes are not learned", o->model);
        n_classes = 0;
    }
    fit_classes(s, o, n_classes, h);
    int dim = !t               ? 0
              : o->contrastive ? (s->spec.attn_dim ? s->spec.attn_dim : o->embed)
                               : t->dim,
        code = fit_language(s, o, dim, h, err);
    if (code || !o->contrastive || !t)
        return code;
    s->n_words = t->vocabulary.n;
    code = join_words(s, &t->vocabulary, err);
    const char *words = code ? NULL : fus_store_metadata(s->store, "fusiform.words");
    s->new_text = !words || strcmp(words, s->words) != 0;
    return code;
}

/* ---- weights ---- */

struct search {
    const char *name;
    int64_t shape[4];
    int n_dims;
    bool found;
};

static int match(void *context, const char *name, const int *shape, int n_dims)
{
    struct search *s = context;
    if (strcmp(name, s->name) != 0)
        return 0;
    for (int d = 0; d < n_dims && d < 4; d++)
        s->shape[d] = shape[d];
    s->n_dims = n_dims;
    s->found = true;
    return 0;
}

/* Columns of the matrix that a bias belongs to. */
static int64_t inputs_of(const struct fus_start *s, const char *name)
{
    char weight[128];
    struct search w = {.name = weight};
    size_t n = strlen(name);
    if (n < 5 || strcmp(name + n - 5, ".bias") != 0)
        return 0;
    snprintf(weight, sizeof weight, "%.*sweight", (int)(n - 4), name);
    fus_arch_parameters(&s->spec, match, &w, NULL);
    return w.n_dims == 2 ? w.shape[1] : 0;
}

static bool is_new(const struct fus_start *s, const char *name)
{
    return (s->new_classes && strncmp(name, "fc.", 3) == 0) ||
           (s->new_language && strncmp(name, "lang_head", 9) == 0) || (s->new_text && strncmp(name, "text.", 5) == 0);
}

int fus_start_get(void *start, float *out, size_t n, const char *name, struct fus_error *err)
{
    const struct fus_start *s = start;
    bool text = strcmp(name, "text.weight") == 0, scale = strcmp(name, "logit_scale") == 0;
    if (!is_new(s, name) && (!scale || fus_store_find(s->store, name)))
        return fus_store_lookup(s->store, out, n, name, err);
    struct search found = {.name = name};
    if (text) {
        found.n_dims = 2;
        found.shape[0] = (int64_t)(n / (size_t)s->n_words);
        found.shape[1] = s->n_words;
    } else if (!scale) {
        fus_arch_parameters(&s->spec, match, &found, err);
    }
    fus_random_fill(out, name, found.shape, found.n_dims, inputs_of(s, name), s->seed);
    return FUS_OK;
}

bool fus_start_head(void *start, const char *name)
{
    static const char *const heads[] = {"fc.", "lang_head", "attnpool.c_proj", "text."};
    const struct fus_start *s = start;
    bool drawn = strcmp(fus_store_format(s->store), "random") == 0;
    for (size_t i = 0; drawn && i < sizeof heads / sizeof *heads; i++)
        if (strncmp(name, heads[i], strlen(heads[i])) == 0)
            return true;
    return is_new(s, name);
}

/* ---- what is trained ---- */

static bool begins(const char *name, const char *part, size_t n)
{
    return strncmp(name, part, n) == 0 && (name[n] == '.' || name[n] == '\0');
}

/* conv1, bn1 and CLIP's conv2, bn2, conv3, bn3. */
static bool in_stem(const char *name)
{
    return (strncmp(name, "conv", 4) == 0 && name[4] >= '1' && name[4] <= '3' && name[5] == '.') ||
           (strncmp(name, "bn", 2) == 0 && name[2] >= '1' && name[2] <= '3' && name[3] == '.');
}

static bool is_part(const char *name, const char *part, size_t n)
{
    return n == 4 && strncmp(part, "stem", 4) == 0 ? in_stem(name) : begins(name, part, n);
}

bool fus_start_trained(void *start, const char *name)
{
    const struct fus_start *s = start;
    if (s->heads_only && !is_new(s, name))
        return false;
    for (const char *at = s->freeze; at && *at; at += strcspn(at, ",") + (at[strcspn(at, ",")] == ',')) {
        size_t n = strcspn(at, ",");
        if (n && is_part(name, at, n))
            return false;
    }
    return true;
}

struct checking {
    const char *part;
    size_t n;
    bool found;
};

static int check_part(void *context, const char *name, const int *shape, int n_dims)
{
    struct checking *c = context;
    (void)shape;
    (void)n_dims;
    c->found = c->found || is_part(name, c->part, c->n);
    return 0;
}

int fus_start_check_freeze(const struct fus_start *s, struct fus_error *err)
{
    for (const char *at = s->freeze; at && *at; at += strcspn(at, ",") + (at[strcspn(at, ",")] == ',')) {
        struct checking c = {at, strcspn(at, ","), false};
        int code = fus_arch_parameters(&s->spec, check_part, &c, err);
        if (code)
            return code;
        if (!c.found)
            return fus_base_fail(err, FUS_ENOTFOUND,
                                 "--freeze: '%.*s' is no part of this network; there are stem, layer1 to layer%d, "
                                 "layer1.0 and the like%s",
                                 (int)(c.n < 60 ? c.n : 60), at, s->spec.n_stages, s->spec.n_classes ? ", fc" : "");
    }
    return FUS_OK;
}

int fus_start_last_side(const struct fus_start *s)
{
    int side = s->spec.input_side / (s->spec.stem == FUS_STEM_3X3 ? 1 : 4);
    for (int i = 1; i < s->spec.n_stages; i++)
        side = (side + 1) / 2;
    return side < 1 ? 1 : side;
}
