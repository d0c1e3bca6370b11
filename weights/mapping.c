/* SPDX-License-Identifier: MIT */
/* The tensors of one of a file's networks get their canonical names (scheme.c): body,
 * classifier, language head.
 *
 * The classifier and the language head may be further out than the body, model.fc.weight beside
 * model.backbone.conv1.weight, and be called otherwise: linear, classifier.1, head.fc. */
#include "weights/mapping.h"

#include <stdlib.h>
#include <string.h>

#include "weights/towers.h"

struct fus_tensor *fus_mapping_find(const struct fus_store *s, const char *prefix, size_t n, const char *rest)
{
    for (size_t low = 0, high = s->n_tensors; low < high;) {
        size_t middle = low + (high - low) / 2, i = s->by_plain[middle];
        int order = strncmp(prefix, s->plain[i], n);
        if (order == 0)
            order = strcmp(rest, s->plain[i] + n);
        if (order == 0)
            return &s->tensors[i];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

static int by_canonical(const void *a, const void *b)
{
    const struct fus_canonical *x = a, *y = b;
    int order = strcmp(x->name, y->name);
    return order ? order : x->tensor < y->tensor ? -1 : 1;
}

/* Make s->by_canonical anew; after a failure it is empty. */
static int make_index(struct fus_store *s, struct fus_error *err)
{
    fus_base_free(s->by_canonical);
    s->n_canonical = 0;
    s->by_canonical = fus_base_alloc(s->n_tensors, sizeof *s->by_canonical);
    if (!s->by_canonical)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for its directory");
    size_t n = 0;
    for (size_t i = 0; i < s->n_tensors; i++)
        if (s->tensors[i].canonical)
            s->by_canonical[n++] = (struct fus_canonical){s->tensors[i].canonical, i};
    if (n)
        qsort(s->by_canonical, n, sizeof *s->by_canonical, by_canonical);
    for (size_t i = 1; i < n; i++) {
        const struct fus_canonical *a = &s->by_canonical[i - 1], *b = &s->by_canonical[i];
        if (strcmp(a->name, b->name) == 0)
            return fus_base_fail(err, FUS_EFORMAT, "tensors %s and %s both stand for %s: keep one of the two networks",
                                 s->tensors[a->tensor].name, s->tensors[b->tensor].name, a->name);
    }
    s->n_canonical = n;
    return FUS_OK;
}

static int set_canonical(struct fus_tensor *t, const char *name, struct fus_error *err)
{
    char *copy = name ? fus_base_strdup(name) : NULL;
    fus_base_free((char *)t->canonical);
    t->canonical = copy;
    return copy || !name ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "no memory for its directory");
}

void fus_mapping_forget(struct fus_store *s)
{
    for (size_t i = 0; i < s->n_tensors; i++)
        set_canonical(&s->tensors[i], NULL, NULL);
    s->n_canonical = 0;
    s->chosen = NULL;
}

/* Length of the prefix without its last component; 0 of "a.". */
static size_t parent(const char *prefix, size_t n)
{
    for (n = n ? n - 1 : 0; n && prefix[n - 1] != '.'; n--)
        ;
    return n;
}

/* Columns that a classifier of the mapped body has; its number of stages in *n_stages. */
static int64_t features_of(int *n_stages, const struct fus_store *s)
{
    const struct fus_tensor *last = NULL;
    char name[FUS_NAME_BYTES];
    for (*n_stages = 0; *n_stages < FUS_MAX_STAGES; ++*n_stages) {
        const struct fus_tensor *t = NULL;
        for (int conv = 3; conv >= 2 && !t; conv--) {
            snprintf(name, sizeof name, "layer%d.0.conv%d.weight", *n_stages + 1, conv);
            t = fus_store_find(s, name);
        }
        if (!t)
            break;
        last = t;
    }
    return last && last->n_dims == 4 ? last->shape[0] : 0;
}

/* PREFIX HEAD weight|bias as fc.weight|bias, if it has the columns of a classifier. */
static int take_head(bool *taken, struct fus_store *s, const char *prefix, size_t n, const char *head, int64_t columns,
                     struct fus_error *err)
{
    char weight[FUS_NAME_BYTES], bias[FUS_NAME_BYTES];
    snprintf(weight, sizeof weight, "%sweight", head);
    snprintf(bias, sizeof bias, "%sbias", head);
    struct fus_tensor *w = fus_mapping_find(s, prefix, n, weight), *b = fus_mapping_find(s, prefix, n, bias);
    if (!w || !b || w->canonical || b->canonical || w->n_dims != 2 || w->shape[1] != columns || b->n_dims != 1 ||
        b->shape[0] != w->shape[0])
        return FUS_OK;
    *taken = true;
    int code = set_canonical(w, "fc.weight", err);
    return code ? code : set_canonical(b, "fc.bias", err);
}

/* The classifier under another name than fc, or further out than the body. */
static int map_classifier(struct fus_store *s, const struct fus_root *root, struct fus_error *err)
{
    static const char *const heads[] = {"fc.", "linear.", "classifier.1.", "classifier.", "head.fc."};
    int n_stages, code = FUS_OK;
    bool taken = fus_store_find(s, "fc.weight") || fus_store_find(s, "attnpool.positional_embedding");
    int64_t columns = features_of(&n_stages, s);
    size_t n = strlen(root->prefix);
    bool numbered = root->scheme.kind == FUS_SCHEME_CHILDREN;
    /* after pooling, flattening, dropout */
    for (int i = 0; i < 4 && numbered && !taken && !code; i++) {
        char child[32];
        snprintf(child, sizeof child, "%d.", root->scheme.first_child + n_stages + i);
        code = take_head(&taken, s, root->prefix, n, child, columns, err);
    }
    for (bool outermost = false; !taken && !code && !outermost; n = parent(root->prefix, n)) {
        for (size_t i = 0; i < sizeof heads / sizeof *heads && !taken && !code; i++)
            code = take_head(&taken, s, root->prefix, n, heads[i], columns, err);
        outermost = n == 0;
    }
    return code;
}

/* A language head further out than the body. */
static int map_lang_head(struct fus_store *s, const struct fus_root *root, struct fus_error *err)
{
    static const char *const parts[] = {"weight", "bias", "0.weight", "0.bias", "2.weight", "2.bias"};
    int code = FUS_OK;
    bool taken = fus_store_find(s, "lang_head.weight") || fus_store_find(s, "lang_head.0.weight");
    for (size_t n = strlen(root->prefix); n && !taken && !code;) {
        n = parent(root->prefix, n);
        for (size_t i = 0; i < sizeof parts / sizeof *parts && !code; i++) {
            char name[FUS_NAME_BYTES];
            snprintf(name, sizeof name, "lang_head.%s", parts[i]);
            struct fus_tensor *t = fus_mapping_find(s, root->prefix, n, name);
            taken = taken || t;
            code = t ? set_canonical(t, name, err) : FUS_OK;
        }
    }
    return code;
}

int fus_mapping_same(struct fus_store *s, struct fus_error *err)
{
    int code = FUS_OK;
    for (size_t i = 0; i < s->n_tensors && !code; i++)
        code = set_canonical(&s->tensors[i], s->tensors[i].name, err);
    return code ? code : make_index(s, err);
}

/* ---- CLIP's text tower, and projections beside the image tower ---- */

/* The first tower that the file holds: "text." and OpenAI's names. */
static int map_text(struct fus_store *s, struct fus_error *err)
{
    int code = FUS_OK;
    char name[FUS_NAME_BYTES];
    for (size_t i = 0; i < s->n_tensors && !code; i++) {
        enum fus_scheme_kind kind;
        size_t n;
        if (!fus_towers_begins(&kind, &n, s->plain[i]))
            continue;
        for (size_t k = 0; k < s->n_tensors && !code; k++)
            if (!s->tensors[k].canonical && fus_towers_canonical(name, s->plain[k], s->plain[i], n, kind))
                code = set_canonical(&s->tensors[k], name, err);
        break;
    }
    return code;
}

/* The projection of a vision transformer under another name: Hugging Face's outside vision_model.,
 * timm's head without a bias. */
static int map_projection(struct fus_store *s, const struct fus_root *root, struct fus_error *err)
{
    struct fus_tensor *t = NULL;
    if (root->scheme.kind == FUS_SCHEME_VIT_HUGGING_FACE)
        t = fus_mapping_find(s, root->prefix, parent(root->prefix, strlen(root->prefix)), "visual_projection.weight");
    if (root->scheme.kind == FUS_SCHEME_VIT_TIMM && fus_store_find(s, "ln_pre.weight") && !fus_store_find(s, "fc.bias"))
        t = fus_mapping_find(s, root->prefix, strlen(root->prefix), "head.weight");
    return t ? set_canonical(t, "proj.weight", err) : FUS_OK;
}

int fus_mapping_text(struct fus_store *s, struct fus_error *err)
{
    int code = map_text(s, err);
    return code ? code : make_index(s, err);
}

int fus_mapping_root(struct fus_store *s, const struct fus_root *root, struct fus_error *err)
{
    int code = FUS_OK;
    fus_mapping_forget(s);
    s->chosen = root;
    for (size_t i = 0; i < s->n_tensors && !code; i++) {
        char buf[FUS_NAME_BYTES];
        const char *rest = s->plain[i];
        if (fus_scheme_take(&rest, root->prefix))
            code = set_canonical(&s->tensors[i], fus_scheme_canonical(buf, rest, root->scheme), err);
    }
    if (!code)
        code = make_index(s, err);
    if (!code)
        code = map_classifier(s, root, err);
    if (!code)
        code = map_lang_head(s, root, err);
    if (!code)
        code = map_projection(s, root, err);
    if (!code)
        code = map_text(s, err);
    return code ? code : make_index(s, err);
}

/* ---- the language head by name ---- */

/* What follows `head.` in a tensor's name, which begins with the chosen network's prefix, a part
 * of it, or in full; NULL: another tensor. */
static const char *after_head(const struct fus_store *s, size_t tensor, const char *head)
{
    const char *rest = s->tensors[tensor].name;
    if (fus_scheme_take(&rest, head) && *rest == '.')
        return rest + 1;
    const char *prefix = s->chosen->prefix;
    for (size_t n = strlen(prefix);; n = parent(prefix, n)) {
        rest = s->plain[tensor];
        if (strncmp(rest, prefix, n) == 0) {
            rest += n;
            if (fus_scheme_take(&rest, head) && *rest == '.')
                return rest + 1;
        }
        if (n == 0)
            return NULL;
    }
}

static void list_matrices(char *list, size_t room, const struct fus_store *s)
{
    size_t used = 0;
    snprintf(list, room, "none");
    for (size_t i = 0; i < s->n_tensors && used + 1 < room; i++) {
        const char *rest = s->plain[i];
        if (s->tensors[i].n_dims != 2)
            continue;
        fus_scheme_take(&rest, s->chosen->prefix);
        used += (size_t)snprintf(list + used, room - used, "%s%s", used ? ", " : "", rest);
    }
    if (used >= room)
        memcpy(list + room - 4, "...", 4);
}

int fus_mapping_lang_head(struct fus_store *s, const char *head, struct fus_error *err)
{
    int code = FUS_OK;
    char list[400], name[FUS_NAME_BYTES];
    size_t n = 0;
    for (size_t i = 0; i < s->n_tensors && !code; i++) {
        const char *rest = after_head(s, i, head);
        if (!rest)
            continue;
        if (!fus_scheme_is_lang_head(rest)) {
            code = fus_base_fail(err, FUS_EUNSUPPORTED,
                                 "tensor %s: a language head is one linear layer (%s.weight, %s.bias) or two "
                                 "with a ReLU between them (%s.0.*, %s.2.*)",
                                 s->tensors[i].name, head, head, head, head);
            break;
        }
        snprintf(name, sizeof name, "lang_head.%s", rest);
        code = set_canonical(&s->tensors[i], name, err);
        n++;
    }
    int again = make_index(s, code ? NULL : err);
    list_matrices(list, sizeof list, s);
    if (!code && !again && n == 0)
        return fus_base_fail(err, FUS_ENOTFOUND,
                             "no tensor %s.weight or %s.0.weight for the language head; matrices are: %s", head, head,
                             list);
    return code ? code : again;
}
