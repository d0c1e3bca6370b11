/* SPDX-License-Identifier: MIT */
/* Which AlexNet or VGG the tensors of a file make up: torchvision's module numbers say where the
 * batch norms and pools are. */
#include <string.h>

#include "weights/recognise.h"

enum { MOST_GRID = 7 }; /* as large as a convolution may be */

static const struct fus_tensor *weight_of(const struct fus_store *s, const char *part, int module)
{
    char name[FUS_NAME_BYTES];
    snprintf(name, sizeof name, "%s.%d.weight", part, module);
    return fus_store_find(s, name);
}

static int size_of(const struct fus_tensor *t, int d)
{
    return t && d < t->n_dims && t->shape[d] > 0 && t->shape[d] < (1 << 24) ? (int)t->shape[d] : 0;
}

/* The convolution after `module` and its ReLU comes at once, or one number later, after a pool. */
static int find_convs(struct fus_chain_spec *c, const struct fus_store *s, struct fus_error *err)
{
    int module = 0;
    for (const struct fus_tensor *t = weight_of(s, "features", 0); t; t = weight_of(s, "features", module)) {
        if (c->n_convs == FUS_MOST_CONVS || t->n_dims != 4)
            return fus_base_fail(err, FUS_EUNSUPPORTED, "tensor %s: %s", t->name,
                                 t->n_dims == 4 ? "more convolutions than any VGG has" : "a convolution expected");
        c->channels[c->n_convs] = size_of(t, 0);
        module += c->norm ? 3 : 2;
        const struct fus_tensor *next = weight_of(s, "features", module);
        c->pool[c->n_convs++] = !next;
        module += !next;
    }
    return FUS_OK;
}

/* The side of the grid that the first linear layer reads; 0: not a square. */
static int find_grid(const struct fus_tensor *first, int channels)
{
    int columns = size_of(first, 1), side = 1;
    while (side < MOST_GRID && channels * side * side < columns)
        side++;
    return channels * side * side == columns ? side : 0;
}

static int find_linear(struct fus_net_spec *spec, const struct fus_store *s, struct fus_error *err)
{
    struct fus_chain_spec *c = &spec->chain;
    const struct fus_tensor *first = weight_of(s, "classifier", c->alexnet ? 1 : 0),
                            *second = weight_of(s, "classifier", c->alexnet ? 4 : 3),
                            *third = weight_of(s, "classifier", 6);
    if (!first || !second)
        return fus_base_fail(err, FUS_EUNSUPPORTED, "tensor classifier.%d.weight: missing",
                             first ? (c->alexnet ? 4 : 3) : (c->alexnet ? 1 : 0));
    c->hidden[0] = size_of(first, 0);
    c->hidden[1] = size_of(second, 0);
    spec->n_classes = size_of(third, 0);
    c->grid = find_grid(first, c->channels[c->n_convs - 1]);
    if (!c->grid)
        return fus_base_fail(err, FUS_EUNSUPPORTED, "tensor %s: a square of places of %d channels in each row expected",
                             first->name, c->channels[c->n_convs - 1]);
    return FUS_OK;
}

/* AlexNet's 224; VGG's grid doubled by each pool. Our own files name the side. */
static int find_side(struct fus_net_spec *spec, const struct fus_store *s, struct fus_error *err)
{
    spec->input_side = spec->chain.alexnet ? 224 : spec->chain.grid;
    for (int i = 0; i < spec->chain.n_convs && !spec->chain.alexnet; i++)
        if (spec->chain.pool[i] && spec->input_side < 4096)
            spec->input_side *= 2;
    return fus_recognise_side(spec, s, err);
}

int fus_recognise_chain(struct fus_net_spec *spec, const struct fus_store *s, struct fus_error *err)
{
    struct fus_chain_spec *c = &spec->chain;
    const struct fus_tensor *stem = weight_of(s, "features", 0), *second = weight_of(s, "features", 1);
    spec->kind = FUS_NET_CHAIN;
    if (!stem)
        return fus_base_fail(err, FUS_EUNSUPPORTED, "tensor features.0.weight: missing");
    c->alexnet = size_of(stem, 2) == 11;
    c->norm = second && second->n_dims == 1;
    int code = find_convs(c, s, err);
    if (!code)
        code = find_linear(spec, s, err);
    return code ? code : find_side(spec, s, err);
}
