/* SPDX-License-Identifier: MIT */
/* CLIP's text tower in a file: its names, its sizes, its activation (towers.h, weights.h). */
#include "weights/towers.h"

#include <math.h>
#include <string.h>

#include "nn/base/json.h"
#include "weights/derived.h"

/* ---- names ---- */

bool fus_towers_begins(enum fus_scheme_kind *kind, size_t *prefix_bytes, const char *plain)
{
    static const char *const ends[] = {"text_model.embeddings.token_embedding.weight", "token_embedding.weight"};
    size_t n = strlen(plain);
    for (int i = 0; i < 2; i++) {
        size_t m = strlen(ends[i]);
        if (n < m || strcmp(plain + n - m, ends[i]) != 0 || (n > m && plain[n - m - 1] != '.'))
            continue;
        *kind = i == 0 ? FUS_SCHEME_VIT_HUGGING_FACE : FUS_SCHEME_VIT_OPENAI;
        *prefix_bytes = n - m;
        return true;
    }
    return false;
}

bool fus_towers_canonical(char out[FUS_NAME_BYTES], const char *plain, const char *first, size_t n,
                          enum fus_scheme_kind kind)
{
    if (strncmp(plain, first, n) != 0)
        return strcmp(plain, "logit_scale") == 0 && snprintf(out, FUS_NAME_BYTES, "logit_scale");
    const char *rest = plain + n;
    if (strcmp(rest, "logit_scale") == 0)
        return snprintf(out, FUS_NAME_BYTES, "logit_scale") > 0;
    if (kind == FUS_SCHEME_VIT_HUGGING_FACE && !fus_scheme_take(&rest, "text_model.")) {
        snprintf(out, FUS_NAME_BYTES, "text.text_projection.weight");
        return strcmp(rest, "text_projection.weight") == 0;
    }
    return fus_scheme_tokens(out, rest, kind, true);
}

/* ---- the activation ---- */

static enum fus_act act_of(const char *word)
{
    return strcmp(word, "quickgelu") == 0 || strcmp(word, "quick_gelu") == 0 ? FUS_ACT_QUICKGELU
           : strcmp(word, "gelu") == 0                                       ? FUS_ACT_GELU
                                                                             : FUS_ACT_NONE;
}

/* OpenAI's own files carry these three numbers beside the weights. */
static bool is_openai(const struct fus_store *s)
{
    static const char *const names[] = {"input_resolution", "context_length", "vocab_size"};
    int found = strcmp(s->format, "torchscript") == 0 ? 3 : 0;
    for (size_t i = 0; i < s->n_tensors; i++)
        for (int k = 0; k < 3; k++)
            found += strcmp(s->plain[i], names[k]) == 0;
    return found >= 3;
}

/* "hidden_act": "quick_gelu" (config.json) or "quick_gelu": true (open_clip_config.json) at any
 * depth. Two that differ are no answer. */
static void search_config(struct fus_json *j, enum fus_act *act, bool *differ)
{
    for (fus_json_enter(j, '{'); fus_json_next(j);) {
        char key[32];
        enum fus_act here = FUS_ACT_NONE;
        snprintf(key, sizeof key, "%s", fus_json_key(j));
        size_t at = j->b.pos;
        while (at < j->b.n && strchr(" \t\r\n", j->b.data[at]))
            at++;
        char first = at < j->b.n ? (char)j->b.data[at] : '\0';
        if (first == '{' && j->depth + 2 < FUS_JSON_DEPTH) {
            search_config(j, act, differ);
            continue;
        }
        if (first == '"' && strcmp(key, "hidden_act") == 0)
            here = act_of(fus_json_string(j));
        else {
            if (strcmp(key, "quick_gelu") == 0)
                here = first == 't' ? FUS_ACT_QUICKGELU : first == 'f' ? FUS_ACT_GELU : FUS_ACT_NONE;
            fus_json_skip(j);
        }
        *differ = *differ || (here && *act && here != *act);
        *act = here ? here : *act;
    }
}

/* What a configuration beside the weights says; NONE: nothing. */
static enum fus_act act_beside(const struct fus_store *s, const char *name)
{
    enum fus_act act = FUS_ACT_NONE;
    bool differ = false, folder = s->n_shards > 0 && !strstr(s->path, ".json");
    const char *slash = strrchr(s->path, '/');
    char path[1024];
    uint8_t *text = NULL;
    size_t n;
    struct fus_json j;
    if (folder)
        snprintf(path, sizeof path, "%s/%s", s->path, name);
    else
        snprintf(path, sizeof path, "%.*s%s", slash ? (int)(slash - s->path) + 1 : 0, s->path, name);
    if (!fus_open_is_file(s->path) || fus_base_read_file(&text, &n, path, (size_t)1 << 20, NULL))
        return FUS_ACT_NONE;
    fus_json_start(&j, text, n, 0, NULL);
    search_config(&j, &act, &differ);
    int code = fus_json_end(&j);
    fus_base_free(text);
    return code || differ ? FUS_ACT_NONE : act;
}

int fus_names_activation(enum fus_act *act, const struct fus_store *s, const char *given, struct fus_error *err)
{
    const char *metadata = fus_store_metadata(s, "fusiform.activation");
    *act = given ? act_of(given) : metadata ? act_of(metadata) : FUS_ACT_NONE;
    if (given && !*act)
        return fus_base_fail(err, FUS_EINVAL, "--activation %.40s: quickgelu or gelu expected", given);
    if (!*act && is_openai(s))
        *act = FUS_ACT_QUICKGELU;
    if (!*act)
        *act = act_beside(s, "config.json");
    if (!*act)
        *act = act_beside(s, "open_clip_config.json");
    if (*act)
        return FUS_OK;
    return fus_base_fail(
        err, FUS_EUNSUPPORTED,
        "%s: QuickGELU or GELU? the weights do not say: give --activation quickgelu (OpenAI, MetaCLIP, "
        "DFN, LAION-400M B/32) or gelu (LAION-2B, DataComp)",
        s->path);
}

/* ---- sizes ---- */

static int size_of(const struct fus_store *s, const char *name, int d)
{
    int64_t shape[FUS_MAX_DIMS] = {0};
    struct fus_derived t = fus_derived_find(s, name);
    int n = t.n_parts ? fus_derived_shape(shape, &t) : 0;
    return d < n && shape[d] > 0 && shape[d] < (1 << 24) ? (int)shape[d] : 0;
}

static int count_blocks(const struct fus_store *s)
{
    char name[FUS_NAME_BYTES];
    int n = 0;
    for (; n < 1000; n++) {
        snprintf(name, sizeof name, "text.transformer.resblocks.%d.ln_1.weight", n);
        if (!fus_store_find(s, name))
            break;
    }
    return n;
}

static int check_shape(const struct fus_store *s, const char *name, int rows, int columns, struct fus_error *err)
{
    struct fus_derived d = fus_derived_find(s, name);
    int64_t shape[FUS_MAX_DIMS] = {0};
    int n = d.n_parts ? fus_derived_shape(shape, &d) : 0;
    if (!d.n_parts)
        return fus_base_fail(err, FUS_EUNSUPPORTED, "%s: its text tower lacks tensor %s", s->path,
                             name + strlen("text."));
    if (n == (columns ? 2 : 1) && shape[0] == rows && (!columns || shape[1] == columns))
        return FUS_OK;
    return fus_base_fail(err, FUS_EUNSUPPORTED, "%s: tensor %s: %d%s%d elements expected in its text tower", s->path,
                         d.parts[0]->name, rows, columns ? " x " : " of ", columns ? columns : rows);
}

static int check_block(const struct fus_store *s, int block, int width, struct fus_error *err)
{
    const struct {
        const char *name;
        int rows, columns;
    } parts[] = {
        {"ln_1.weight", width, 0},
        {"ln_1.bias", width, 0},
        {"attn.in_proj_weight", 3 * width, width},
        {"attn.in_proj_bias", 3 * width, 0},
        {"attn.out_proj.weight", width, width},
        {"attn.out_proj.bias", width, 0},
        {"ln_2.weight", width, 0},
        {"ln_2.bias", width, 0},
        {"mlp.c_fc.weight", 4 * width, width},
        {"mlp.c_fc.bias", 4 * width, 0},
        {"mlp.c_proj.weight", width, 4 * width},
        {"mlp.c_proj.bias", width, 0},
    };
    char name[FUS_NAME_BYTES];
    int code = FUS_OK;
    for (size_t i = 0; i < sizeof parts / sizeof *parts && !code; i++) {
        snprintf(name, sizeof name, "text.transformer.resblocks.%d.%s", block, parts[i].name);
        code = check_shape(s, name, parts[i].rows, parts[i].columns, err);
    }
    return code;
}

/* What a tower of another kind has: a class token of its own (CoCa), layer scale, SigLIP's bias. */
static int refuse_foreign(const struct fus_store *s, struct fus_error *err)
{
    for (size_t i = 0; i < s->n_tensors; i++) {
        const char *name = s->tensors[i].name, *canonical = s->tensors[i].canonical;
        bool scale = canonical && strncmp(canonical, "text.", 5) == 0 && strstr(canonical, ".ls_");
        if (scale || strstr(name, "cls_emb") || strstr(name, "logit_bias"))
            return fus_base_fail(err, FUS_EUNSUPPORTED, "%s: tensor %s: not part of a text tower that is known",
                                 s->path, name);
    }
    return FUS_OK;
}

static int check_tower(const struct fus_tower_spec *t, const struct fus_store *s, struct fus_error *err)
{
    int code = refuse_foreign(s, err);
    if (!code && !t->heads)
        code = fus_base_fail(err, FUS_EUNSUPPORTED, "%s: a text tower of %d channels; its heads are not known", s->path,
                             t->width);
    if (!code)
        code = check_shape(s, "text.positional_embedding", t->context, t->width, err);
    if (!code)
        code = check_shape(s, "text.ln_final.weight", t->width, 0, err);
    if (!code)
        code = check_shape(s, "text.ln_final.bias", t->width, 0, err);
    if (!code)
        code = check_shape(s, "text.text_projection", t->width, t->dim, err);
    for (int i = 0; i < t->n_blocks && !code; i++)
        code = check_block(s, i, t->width, err);
    return code;
}

int fus_names_tower(struct fus_tower_spec *t, bool *found, struct fus_store *s, const char *activation,
                    struct fus_error *err)
{
    memset(t, 0, sizeof *t);
    *found = fus_store_find(s, "text.token_embedding.weight") != NULL;
    if (!*found)
        return FUS_OK;
    t->n_tokens = size_of(s, "text.token_embedding.weight", 0);
    t->width = size_of(s, "text.token_embedding.weight", 1);
    t->context = size_of(s, "text.positional_embedding", 0);
    t->dim = size_of(s, "text.text_projection", 1);
    t->heads = fus_towers_heads(t->width);
    t->n_blocks = count_blocks(s);
    int code = check_tower(t, s, err);
    return code ? code : fus_names_activation(&t->act, s, activation, err);
}

/* ---- the door ---- */

/* fus_row_fn; context is the store. */
static int read_row(void *context, float *out, size_t row, size_t n, const char *name, struct fus_error *err)
{
    struct fus_store *s = context;
    const struct fus_tensor *t = fus_store_find(s, name);
    if (!t || t->n_dims != 2 || row >= (uint64_t)t->shape[0] || n != (uint64_t)t->shape[1])
        return fus_base_fail(err, FUS_EINVAL, "%s: has no row %zu of tensor %s", s->path, row, name);
    struct fus_tensor view = *t;
    view.shape[0] = 1;
    view.n_elements = n;
    view.offset += (uint64_t)row * (uint64_t)t->stride[0] * fus_dtype_bytes(t->dtype);
    int code = fus_store_read_f32(s, out, &view, err);
    for (size_t i = 0; i < n && !code; i++)
        if (!isfinite(out[i]))
            code = fus_base_fail(err, FUS_EFORMAT, "%s: tensor %s: row %zu is not all numbers", s->path, t->name, row);
    return code;
}

int fus_open_tower(struct fus_tower **tower, struct fus_store *s, const char *activation,
                   const struct fus_tower_options *options, struct fus_error *err)
{
    struct fus_tower_spec spec;
    bool found;
    int code = fus_names_tower(&spec, &found, s, activation, err);
    if (!code && !found)
        code = fus_base_fail(err, FUS_ENOTFOUND, "%s: has no text tower (no token_embedding.weight)", s->path);
    return code ? code : fus_tower_create(tower, &spec, options, fus_store_lookup, read_row, s, err);
}
