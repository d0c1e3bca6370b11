/* SPDX-License-Identifier: MIT */
/* Which vision transformer the canonical tensors of a file make up: sizes from shapes. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "weights/recognise.h"
#include "weights/towers.h"

#define MOST_BLOCKS 200

int fus_towers_heads(int width)
{
    if (width == 1280) /* 16 heads of 80 */
        return 16;
    return width % 64 || width == 1408 || width == 1664 ? 0 : width / 64;
}

static const struct fus_tensor *find_in_block(const struct fus_store *s, int block, const char *rest)
{
    char name[FUS_NAME_BYTES];
    snprintf(name, sizeof name, "transformer.resblocks.%d.%s", block, rest);
    return fus_store_find(s, name);
}

static int size_of(const struct fus_tensor *t, int d)
{
    return t && d < t->n_dims && t->shape[d] > 0 && t->shape[d] < (1 << 24) ? (int)t->shape[d] : 0;
}

/* Columns of the projection, in either form. */
static int find_dim(const struct fus_store *s)
{
    const struct fus_tensor *openai = fus_store_find(s, "proj"), *linear = fus_store_find(s, "proj.weight");
    return openai ? size_of(openai, 1) : size_of(linear, 0);
}

/* The side of the grid of patches, from the rows of the positional embedding; 0: not a square. */
static int find_grid(const struct fus_tensor *positions, int width)
{
    size_t rows = positions->n_elements / (size_t)width;
    int side = 1;
    while (side < 1024 && (size_t)(side + 1) * (size_t)(side + 1) + 1 <= rows)
        side++;
    return (size_t)side * (size_t)side + 1 == rows && positions->n_elements % (size_t)width == 0 ? side : 0;
}

static int find_sizes(struct fus_net_spec *spec, const struct fus_store *s, struct fus_error *err)
{
    struct fus_vit_spec *v = &spec->vit;
    const struct fus_tensor *conv = fus_store_find(s, "conv1.weight"),
                            *positions = fus_store_find(s, "positional_embedding");
    if (!conv || conv->n_dims != 4 || !positions)
        return fus_base_fail(err, FUS_EUNSUPPORTED, "tensor %s: missing%s",
                             conv ? "positional_embedding" : "conv1.weight",
                             conv && conv->n_dims != 4 ? " as [channels, 3, patch, patch]" : "");
    if (!fus_store_find(s, "class_embedding"))
        return fus_base_fail(err, FUS_EUNSUPPORTED,
                             "a vision transformer without a class token (SigLIP, mean pooling) is not known");
    v->width = size_of(conv, 0);
    v->patch = size_of(conv, 2);
    v->heads = fus_towers_heads(v->width);
    if (!v->heads)
        return fus_base_fail(err, FUS_EUNSUPPORTED,
                             "tensor %s: %d channels; the heads of such a transformer (g/14, bigG/14: 88 or 104 "
                             "channels each) are not known",
                             conv->name, v->width);
    int grid = find_grid(positions, v->width);
    if (!grid)
        return fus_base_fail(err, FUS_EUNSUPPORTED,
                             "tensor %s: the class token's and a square of patches' positions of %d channels expected",
                             positions->name, v->width);
    spec->input_side = grid * v->patch;
    while (v->n_blocks < MOST_BLOCKS && find_in_block(s, v->n_blocks, "ln_1.weight"))
        v->n_blocks++;
    return FUS_OK;
}

/* Our own files name the side; another one would need interpolated positions. */
static int check_side(const struct fus_net_spec *spec, const struct fus_store *s, struct fus_error *err)
{
    const char *text = fus_store_metadata(s, "fusiform.input"), *at = text;
    if (text && (fus_scheme_number(&at) != spec->input_side || *at))
        return fus_base_fail(err, FUS_EFORMAT, "metadata fusiform.input: %d expected for its positions, '%s' found",
                             spec->input_side, text);
    return FUS_OK;
}

int fus_recognise_vit(struct fus_net_spec *spec, const struct fus_store *s, struct fus_error *err)
{
    spec->kind = FUS_NET_VIT;
    int code = find_sizes(spec, s, err);
    if (code)
        return code;
    spec->vit.clip = fus_store_find(s, "ln_pre.weight") != NULL;
    spec->vit.layer_scale = find_in_block(s, 0, "ls_1.gamma") != NULL;
    spec->vit.dim = find_dim(s);
    spec->n_classes = size_of(fus_store_find(s, "fc.weight"), 0);
    spec->act = spec->vit.clip ? FUS_ACT_NONE : FUS_ACT_GELU;
    return check_side(spec, s, err);
}
