/* SPDX-License-Identifier: MIT */
/* CLIP's text side: see text_model.h. */
#include "weights/text_model.h"

#include <math.h>
#include <string.h>

#include "nn/base/fmath.h"
#include "nn/base/text.h"
#include "weights/clean.h"
#include "weights/tokens.h"

enum { CHUNK = 512 /* prompts at a time */, DEFAULT_SCALE = 100 };

struct fus_text_model {
    struct fus_store *store;
    struct fus_vocab *vocab;
    struct fus_tower_spec spec;
    char *activation; /* as given; NULL: the file's */
    enum fus_precision precision;
};

/* ---- opening ---- */

static int open_vocab(struct fus_text_model *m, const char *path, const char *given, struct fus_error *err)
{
    char *found = NULL;
    int code = given ? FUS_OK : fus_vocab_find(&found, path, err);
    if (!code && !given && !found)
        code = fus_vocab_missing(err, path);
    if (!code)
        code = fus_vocab_open(&m->vocab, given ? given : found, m->spec.n_tokens, path, err);
    fus_base_free(found);
    return code;
}

static int read_spec(struct fus_text_model *m, const char *path, const struct fus_text_model_choice *choice,
                     struct fus_error *err)
{
    bool found = false;
    int code = fus_names_tower(&m->spec, &found, m->store, choice->activation, err);
    if (code || found)
        return code;
    return fus_base_fail(err, FUS_ENOTFOUND, "%s: has no text tower (no token_embedding.weight): %s", path,
                         choice->advice ? choice->advice : "a CLIP file with both towers, or its text tower, expected");
}

int fus_text_model_open(struct fus_text_model **out, const char *path, const struct fus_text_model_choice *choice,
                        struct fus_error *err)
{
    struct fus_text_model *m = fus_base_alloc(1, sizeof *m);
    *out = NULL;
    if (!m)
        return fus_base_fail(err, FUS_ENOMEM, "%s: no memory for a text tower", path);
    m->precision = choice->precision;
    int code = fus_open_weights(&m->store, path, err);
    if (!code && choice->prefix)
        code = fus_names_choose(m->store, choice->prefix, err);
    if (!code)
        code = read_spec(m, path, choice, err);
    if (!code && choice->activation) {
        m->activation = fus_base_strdup(choice->activation);
        code = m->activation ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "%s: no memory", path);
    }
    if (!code)
        code = open_vocab(m, path, choice->vocab, err);
    if (code)
        fus_text_model_close(m);
    else
        *out = m;
    return code;
}

void fus_text_model_close(struct fus_text_model *m)
{
    if (!m)
        return;
    fus_vocab_close(m->vocab);
    fus_store_close(m->store);
    fus_base_free(m->activation);
    fus_base_free(m);
}

int fus_text_model_dim(const struct fus_text_model *m)
{
    return m->spec.dim;
}

const char *fus_text_model_activation(const struct fus_text_model *m)
{
    return m->spec.act == FUS_ACT_QUICKGELU ? "quickgelu" : "gelu";
}

enum fus_precision fus_text_model_precision(const struct fus_text_model *m)
{
    return m->precision;
}

const struct fus_vocab *fus_text_model_vocab(const struct fus_text_model *m)
{
    return m->vocab;
}

struct fus_store *fus_text_model_store(const struct fus_text_model *m)
{
    return m->store;
}

int fus_text_model_scale(double *scale, struct fus_store *store, struct fus_error *err)
{
    static const char name[] = "logit_scale";
    *scale = DEFAULT_SCALE;
    for (size_t i = 0; i < fus_store_count(store); i++) {
        const struct fus_tensor *t = fus_store_tensor(store, i);
        size_t n = strlen(t->name), n_name = sizeof name - 1;
        float value;
        if (t->n_elements != 1 || n < n_name || strcmp(t->name + n - n_name, name) != 0)
            continue;
        int code = fus_store_read_f32(store, &value, t, err);
        if (!code)
            *scale = fus_fmath_exp((double)value);
        return code;
    }
    return FUS_OK;
}

/* ---- prompts ---- */

bool fus_text_model_is_template(const char *text, size_t n)
{
    int n_places = 0;
    for (size_t i = 0; i + 1 < n; i++)
        n_places += text[i] == '{' && text[i + 1] == '}';
    return n_places == 1;
}

bool fus_text_model_looks_misread(const struct fus_text_job *job)
{
    for (size_t i = 0; i < job->n; i++)
        if (fus_clean_looks_misread(job->texts[i].text, job->texts[i].n))
            return true;
    return false;
}

/* Ids of all prompts: prompt p is ids[first[p]] .. ids[first[p + 1] - 1]. */
struct prompts {
    int *ids, *first;
    size_t n, n_ids, cap;
    struct fus_text_buffer text; /* of the present one */
};

/* The template with the text in its place; NULL: the text alone. */
static int fill_in(struct fus_text_buffer *to, const char *template, const struct fus_text_line *text,
                   struct fus_error *err)
{
    const char *place = template ? strstr(template, "{}") : NULL;
    to->n = 0;
    if (place)
        fus_text_append(to, template, (size_t)(place - template));
    fus_text_append(to, text->text, text->n);
    if (place)
        fus_text_append(to, place + 2, strlen(place + 2));
    return to->failed ? fus_base_fail(err, FUS_ENOMEM, "no memory for a text") : FUS_OK;
}

static int blame_text(struct fus_error *err, const struct fus_text_job *job, size_t i)
{
    if (!err)
        return FUS_EFORMAT;
    const char *next = err->offset >= 0 ? ", " : ": ";
    return job->path ? fus_base_blame(err, "%s: line %d%s", job->path, job->texts[i].number, next)
                     : fus_base_blame(err, "text %zu%s", i + 1, next);
}

static int room_for(struct prompts *p, size_t n, struct fus_error *err)
{
    if (p->cap - p->n_ids >= n)
        return FUS_OK;
    size_t cap = 2 * p->cap + n;
    int *grown = cap < INT32_MAX ? fus_base_resize(p->ids, cap, sizeof *grown) : NULL;
    if (!grown)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for the ids of the texts");
    p->ids = grown;
    p->cap = cap;
    return FUS_OK;
}

static int encode_all(struct prompts *p, const struct fus_text_model *m, const struct fus_text_job *job,
                      struct fus_error *err)
{
    size_t n_templates = job->n_templates ? (size_t)job->n_templates : 1, n;
    int code = FUS_OK;
    if (!fus_base_mul(&n, job->n, n_templates) || !(p->first = fus_base_alloc(n + 1, sizeof *p->first)))
        return fus_base_fail(err, FUS_ENOMEM, "no memory for %zu texts", job->n);
    for (; p->n < n && !code; p->n++) {
        size_t text = p->n / n_templates;
        const char *template = job->n_templates ? job->templates[p->n % n_templates] : NULL;
        int n_ids = 0;
        code = room_for(p, (size_t)m->spec.context, err);
        if (!code)
            code = fill_in(&p->text, template, &job->texts[text], err);
        if (code)
            break;
        if (err)
            err->offset = -1;
        code = fus_tokens_encode(p->ids + p->n_ids, &n_ids, m->vocab, p->text.s ? p->text.s : "", p->text.n,
                                 m->spec.context, job->truncate, err);
        if (code)
            blame_text(err, job, text);
        p->n_ids += (size_t)n_ids;
        p->first[p->n + 1] = (int)p->n_ids;
    }
    fus_text_free(&p->text);
    return code;
}

/* ---- embeddings ---- */

static double length(const float *v, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += (double)v[i] * v[i];
    return sqrt(sum);
}

void fus_text_model_unit(float *v, int n)
{
    double norm = length(v, n);
    for (int i = 0; i < n; i++)
        v[i] = (float)(norm > 0 ? v[i] / norm : 0);
}

/* The mean of the unit vectors of rows [n, dim], of length 1. */
static void average(float *out, const float *rows, int n, int dim, double *sums)
{
    memset(sums, 0, (size_t)dim * sizeof *sums);
    for (int t = 0; t < n; t++) {
        const float *row = rows + (size_t)t * (size_t)dim;
        double norm = length(row, dim);
        for (int i = 0; i < dim && norm > 0; i++)
            sums[i] += row[i] / norm;
    }
    double square = 0;
    for (int i = 0; i < dim; i++)
        square += sums[i] * sums[i];
    for (int i = 0; i < dim; i++)
        out[i] = (float)(square > 0 ? sums[i] / sqrt(square) : 0);
}

/* Texts `from` to `end` of the job; rows [(end - from) * templates, dim]. */
static int embed_chunk(float *out, struct fus_tower *tower, const struct prompts *p, const struct fus_text_job *job,
                       size_t from, size_t end, float *rows, double *sums, struct fus_error *err)
{
    size_t n_templates = job->n_templates ? (size_t)job->n_templates : 1;
    int dim = fus_tower_spec_of(tower)->dim;
    int code = fus_tower_embed(rows, tower, p->ids, p->first + from * n_templates, (end - from) * n_templates, err);
    for (size_t i = from; i < end && !code; i++) {
        float *row = out + i * (size_t)dim;
        const float *got = rows + (i - from) * n_templates * (size_t)dim;
        if (n_templates > 1) {
            average(row, got, (int)n_templates, dim, sums);
            continue;
        }
        memcpy(row, got, (size_t)dim * sizeof *row);
        if (job->normalize)
            fus_text_model_unit(row, dim);
    }
    return code;
}

static int embed_all(float *out, struct fus_tower *tower, const struct prompts *p, const struct fus_text_job *job,
                     struct fus_error *err)
{
    size_t n_templates = job->n_templates ? (size_t)job->n_templates : 1, dim = (size_t)fus_tower_spec_of(tower)->dim;
    size_t step = n_templates < CHUNK ? CHUNK / n_templates : 1;
    float *rows = fus_base_alloc(step * n_templates, dim * sizeof *rows);
    double *sums = fus_base_alloc(dim, sizeof *sums);
    int code = rows && sums ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "no memory for the embeddings of texts");
    for (size_t from = 0, end; from < job->n && !code; from = end) {
        end = job->n - from < step ? job->n : from + step;
        code = embed_chunk(out, tower, p, job, from, end, rows, sums, err);
        if (!code && end < job->n && fus_base_stopping())
            code = fus_base_fail(err, FUS_ESTOPPED, "stopped after %zu of %zu texts", end, job->n);
        if (!code && job->progress)
            job->progress(job->context, end * n_templates, p->n);
    }
    fus_base_free(rows);
    fus_base_free(sums);
    return code;
}

int fus_text_model_embed(float *out, struct fus_text_model *m, const struct fus_text_job *job, struct fus_error *err)
{
    struct prompts p = {0};
    struct fus_tower *tower = NULL;
    int code = encode_all(&p, m, job, err);
    /* Few prompts go through the tower together and need each block's weights once. */
    const struct fus_tower_options options = {.low_memory = p.n <= CHUNK, .precision = m->precision};
    if (!code)
        code = fus_open_tower(&tower, m->store, m->activation, &options, err);
    if (!code)
        code = embed_all(out, tower, &p, job, err);
    fus_tower_destroy(tower);
    fus_base_free(p.ids);
    fus_base_free(p.first);
    return code;
}
