/* SPDX-License-Identifier: MIT */
/* Tensors in other forms than the canonical one: see derived.h. */
#include "weights/derived.h"

#include <string.h>

static bool ends_in(const char *s, const char *end)
{
    size_t n = strlen(s), m = strlen(end);
    return n >= m && strcmp(s + n - m, end) == 0;
}

/* X.in_proj_weight -> X.q_proj.weight, X.k_proj.weight, X.v_proj.weight */
static void find_parts(struct fus_derived *d, const struct fus_store *s, const char *canonical)
{
    static const char letters[] = "qkv";
    char name[FUS_NAME_BYTES];
    bool weight = ends_in(canonical, ".in_proj_weight");
    if (!weight && !ends_in(canonical, ".in_proj_bias"))
        return;
    int n = (int)(strlen(canonical) - strlen(weight ? "in_proj_weight" : "in_proj_bias"));
    for (int i = 0; i < 3; i++) {
        snprintf(name, sizeof name, "%.*s%c_proj.%s", n < 80 ? n : 80, canonical, letters[i],
                 weight ? "weight" : "bias");
        d->parts[i] = fus_store_find(s, name);
        if (!d->parts[i])
            return;
    }
    d->n_parts = 3;
}

struct fus_derived fus_derived_find(const struct fus_store *s, const char *canonical)
{
    struct fus_derived d = {{fus_store_find(s, canonical)}, 0, false};
    d.n_parts = d.parts[0] != NULL;
    if (!d.n_parts && (strcmp(canonical, "proj") == 0 || strcmp(canonical, "text.text_projection") == 0)) {
        char name[FUS_NAME_BYTES];
        snprintf(name, sizeof name, "%s.weight", canonical);
        d.parts[0] = fus_store_find(s, name);
        d.transposed = d.parts[0] && d.parts[0]->n_dims == 2;
        d.n_parts = d.transposed;
    }
    if (!d.n_parts)
        find_parts(&d, s, canonical);
    return d;
}

int fus_derived_shape(int64_t shape[FUS_MAX_DIMS], const struct fus_derived *d)
{
    const struct fus_tensor *t = d->parts[0];
    int n = t->n_dims;
    if (n == 0)
        return d->n_parts == 1 ? 0 : -1;
    memcpy(shape, t->shape, (size_t)n * sizeof *shape);
    for (int i = 1; i < d->n_parts; i++)
        if (d->parts[i]->n_dims != t->n_dims || memcmp(d->parts[i]->shape, t->shape, (size_t)n * sizeof *shape) != 0)
            return -1;
    if (d->transposed) {
        shape[0] = t->shape[1];
        shape[1] = t->shape[0];
    }
    shape[0] *= d->n_parts;
    return n;
}

int fus_derived_read(struct fus_store *s, float *out, const struct fus_derived *d, struct fus_error *err)
{
    struct fus_tensor view = *d->parts[0];
    int code = FUS_OK;
    if (d->transposed) {
        view.shape[0] = d->parts[0]->shape[1], view.shape[1] = d->parts[0]->shape[0];
        view.stride[0] = d->parts[0]->stride[1], view.stride[1] = d->parts[0]->stride[0];
        return fus_store_read_f32(s, out, &view, err);
    }
    for (int i = 0; i < d->n_parts && !code; i++) {
        code = fus_store_read_f32(s, out, d->parts[i], err);
        out += d->parts[i]->n_elements;
    }
    return code;
}
