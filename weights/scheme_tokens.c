/* SPDX-License-Identifier: MIT */
/* Transformers' tensor names -> OpenAI's CLIP names, which are canonical: the image tower's without
 * `visual.`, the text tower's with `text.` in front.
 *
 *   OpenAI         and open_clip, and our own files
 *   Hugging Face   CLIPModel: vision_model.*, text_model.*, three tensors for queries, keys, values
 *   timm           and DINO, DeiT, MAE: blocks.N.*
 *   torchvision    encoder.layers.encoder_layer_N.* */
#include <stdio.h>
#include <string.h>

#include "weights/scheme.h"

enum { NO_BLOCK = -1 };

/* theirs -> ours. A name that ends in a dot is followed by weight or bias. */
struct renaming {
    const char *theirs, *ours;
};

static const struct renaming in_block[] = {
    {"ln_1.", "ln_1."},
    {"ln_2.", "ln_2."},
    {"attn.in_proj_weight", "attn.in_proj_weight"},
    {"attn.in_proj_bias", "attn.in_proj_bias"},
    {"attn.out_proj.", "attn.out_proj."},
    {"mlp.c_fc.", "mlp.c_fc."},
    {"mlp.c_proj.", "mlp.c_proj."},
    {"ls_1.gamma", "ls_1.gamma"},
    {"ls_2.gamma", "ls_2.gamma"},
    {"layer_norm1.", "ln_1."},
    {"layer_norm2.", "ln_2."},
    {"self_attn.q_proj.", "attn.q_proj."},
    {"self_attn.k_proj.", "attn.k_proj."},
    {"self_attn.v_proj.", "attn.v_proj."},
    {"self_attn.out_proj.", "attn.out_proj."},
    {"mlp.fc1.", "mlp.c_fc."},
    {"mlp.fc2.", "mlp.c_proj."},
    {"norm1.", "ln_1."},
    {"norm2.", "ln_2."},
    {"attn.qkv.weight", "attn.in_proj_weight"},
    {"attn.qkv.bias", "attn.in_proj_bias"},
    {"attn.proj.", "attn.out_proj."},
    {"ls1.gamma", "ls_1.gamma"},
    {"ls2.gamma", "ls_2.gamma"},
    {"gamma_1", "ls_1.gamma"},
    {"gamma_2", "ls_2.gamma"},
    {"self_attention.in_proj_weight", "attn.in_proj_weight"},
    {"self_attention.in_proj_bias", "attn.in_proj_bias"},
    {"self_attention.out_proj.", "attn.out_proj."},
    {"mlp.0.", "mlp.c_fc."},
    {"mlp.3.", "mlp.c_proj."},
    {"mlp.linear_1.", "mlp.c_fc."}, /* torchvision before 0.13 */
    {"mlp.linear_2.", "mlp.c_proj."},
    {0},
};

static const struct renaming openai[] = {
    {"conv1.", "conv1."},
    {"class_embedding", "class_embedding"},
    {"positional_embedding", "positional_embedding"},
    {"ln_pre.", "ln_pre."},
    {"ln_post.", "ln_post."},
    {"proj", "proj"},
    {"fc.", "fc."},
    {0},
};

static const struct renaming hugging_face[] = {
    {"embeddings.patch_embedding.", "conv1."},
    {"embeddings.class_embedding", "class_embedding"},
    {"embeddings.position_embedding.weight", "positional_embedding"},
    {"pre_layrnorm.", "ln_pre."}, /* so spelt there */
    {"post_layernorm.", "ln_post."},
    {0},
};

static const struct renaming timm[] = {
    {"patch_embed.proj.", "conv1."},
    {"cls_token", "class_embedding"},
    {"pos_embed", "positional_embedding"},
    {"norm_pre.", "ln_pre."},
    {"norm.", "ln_post."},
    {"head.", "fc."},
    {0},
};

static const struct renaming torchvision[] = {
    {"conv_proj.", "conv1."},
    {"class_token", "class_embedding"},
    {"encoder.pos_embedding", "positional_embedding"},
    {"encoder.ln.", "ln_post."},
    {"heads.head.", "fc."},
    {0},
};

static const struct renaming openai_text[] = {
    {"token_embedding.weight", "token_embedding.weight"},
    {"positional_embedding", "positional_embedding"},
    {"ln_final.", "ln_final."},
    {"text_projection", "text_projection"},
    {"text_projection.weight", "text_projection.weight"},
    {0},
};

static const struct renaming hugging_face_text[] = {
    {"embeddings.token_embedding.weight", "token_embedding.weight"},
    {"embeddings.position_embedding.weight", "positional_embedding"},
    {"final_layer_norm.", "ln_final."},
    {0},
};

/* What comes before a block's number. */
static const char *block_prefix(enum fus_scheme_kind kind)
{
    return kind == FUS_SCHEME_VIT_OPENAI         ? "transformer.resblocks."
           : kind == FUS_SCHEME_VIT_HUGGING_FACE ? "encoder.layers."
           : kind == FUS_SCHEME_VIT_TIMM         ? "blocks."
                                                 : "encoder.layers.encoder_layer_";
}

static const struct renaming *outside_blocks(enum fus_scheme_kind kind, bool text)
{
    if (text)
        return kind == FUS_SCHEME_VIT_OPENAI ? openai_text : hugging_face_text;
    return kind == FUS_SCHEME_VIT_OPENAI         ? openai
           : kind == FUS_SCHEME_VIT_HUGGING_FACE ? hugging_face
           : kind == FUS_SCHEME_VIT_TIMM         ? timm
                                                 : torchvision;
}

/* s renamed by the table; block NO_BLOCK: outside blocks. */
static bool rename_by(char out[FUS_NAME_BYTES], const char *s, const struct renaming *table, const char *front,
                      int block)
{
    char at[48] = "";
    if (block != NO_BLOCK)
        snprintf(at, sizeof at, "transformer.resblocks.%d.", block);
    for (; table->theirs; table++) {
        const char *rest = s;
        bool open = table->theirs[strlen(table->theirs) - 1] == '.';
        if (!fus_scheme_take(&rest, table->theirs) ||
            (open ? strcmp(rest, "weight") != 0 && strcmp(rest, "bias") != 0 : *rest != '\0'))
            continue;
        snprintf(out, FUS_NAME_BYTES, "%s%s%s%s", front, at, table->ours, rest);
        return true;
    }
    return false;
}

bool fus_scheme_tokens(char out[FUS_NAME_BYTES], const char *s, enum fus_scheme_kind kind, bool text)
{
    const char *front = text ? "text." : "", *rest = s;
    if (fus_scheme_take(&rest, block_prefix(kind))) {
        int block = fus_scheme_number(&rest);
        return block >= 0 && fus_scheme_take(&rest, ".") && rename_by(out, rest, in_block, front, block);
    }
    return rename_by(out, s, outside_blocks(kind, text), front, NO_BLOCK);
}

bool fus_scheme_is_ignored(const char *s)
{
    static const char *const begins[] = {"decoder_",         "mask_token",     "logit_scale", "text.",
                                         "input_resolution", "context_length", "vocab_size"};
    static const char *const ends[] = {"position_ids", "attn_mask"};
    for (size_t i = 0; i < sizeof begins / sizeof *begins; i++)
        if (strncmp(s, begins[i], strlen(begins[i])) == 0)
            return true;
    const char *dot = strrchr(s, '.'), *last = dot ? dot + 1 : s;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (strcmp(last, ends[i]) == 0)
            return true;
    return false;
}
