/* SPDX-License-Identifier: MIT */
/* Small transformers whose weights come from a formula: see golden/transformer.py. */
#ifndef TRANSFORMER_H
#define TRANSFORMER_H

#include <stdio.h>
#include <string.h>

#include "nn/nn.h"
#include "nn/tower.h"

enum {
    T_WIDTH = 128,
    T_BLOCKS = 2,
    T_DIM = 24,
    T_TOKENS = 50,
    T_CONTEXT = 20,
    T_PATCH = 8,
    T_SIDE = 24,
    T_CLASSES = 10
};

/* Numbers from .. from+n-1 of the tensor of this name. */
static void transformer_fill(float *out, size_t from, size_t n, const char *name)
{
    uint32_t h = 2166136261u;
    size_t length = strlen(name);
    bool norm = strstr(name, "ln_") && length > 7 && strcmp(name + length - 7, ".weight") == 0,
         embedding = strstr(name, "embedding") != NULL;
    for (const char *s = name; *s; s++)
        h = (h ^ (unsigned char)*s) * 16777619u;
    for (size_t i = 0; i < n; i++) {
        uint32_t x = (uint32_t)(from + i) * 0x9E3779B9u + h;
        x ^= x >> 16;
        x *= 0x85EBCA6Bu;
        x ^= x >> 13;
        x *= 0xC2B2AE35u;
        x ^= x >> 16;
        float v = (float)(x >> 8) / 16777216.0f - 0.5f;
        out[i] = norm ? 1 + v / 4 : embedding ? v : v / 4;
    }
}

static inline int transformer_get(void *context, float *out, size_t n, const char *name, struct fus_error *err)
{
    (void)context, (void)err;
    transformer_fill(out, 0, n, name);
    return FUS_OK;
}

static inline int transformer_row(void *context, float *out, size_t row, size_t n, const char *name,
                                  struct fus_error *err)
{
    (void)context, (void)err;
    transformer_fill(out, row * n, n, name);
    return FUS_OK;
}

static inline struct fus_tower_spec transformer_text(enum fus_act act)
{
    return (struct fus_tower_spec){.n_tokens = T_TOKENS,
                                   .context = T_CONTEXT,
                                   .width = T_WIDTH,
                                   .heads = T_WIDTH / 64,
                                   .n_blocks = T_BLOCKS,
                                   .dim = T_DIM,
                                   .act = act};
}

static inline struct fus_net_spec transformer_image(bool clip, bool scaled)
{
    struct fus_net_spec s = {.kind = FUS_NET_VIT,
                             .input_side = T_SIDE,
                             .act = clip ? FUS_ACT_QUICKGELU : FUS_ACT_GELU,
                             .n_classes = clip ? 0 : T_CLASSES};
    s.vit = (struct fus_vit_spec){.patch = T_PATCH,
                                  .width = T_WIDTH,
                                  .heads = T_WIDTH / 64,
                                  .n_blocks = T_BLOCKS,
                                  .clip = clip,
                                  .layer_scale = scaled,
                                  .dim = clip ? T_DIM : 0};
    return s;
}

/* [3, side, side] */
static inline void transformer_picture(float *out)
{
    transformer_fill(out, 0, 3 * T_SIDE * T_SIDE, "picture_embedding");
    for (int i = 0; i < 3 * T_SIDE * T_SIDE; i++)
        out[i] *= 4;
}

#endif
