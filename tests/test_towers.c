/* SPDX-License-Identifier: MIT */
/* towers.c, scheme_tokens.c, derived.c, recognise_tokens.c: one network in the names and forms of
 * four libraries gives the same bytes; what the weights do not say is not guessed; what is unknown
 * is refused. */
#define _POSIX_C_SOURCE 200809L
#include <unistd.h>

#include "tests/test.h"
#include "tests/transformer.h"
#include "weights/weights.h"

enum form { OPENAI, HUGGING_FACE, TIMM, TORCHVISION };

/* A tensor of the file and what of the canonical one it holds. */
struct entry {
    char name[128], canonical[128];
    int third; /* 0, 1, 2: of queries, keys, values; -1: all */
    bool transposed;
    int n_dims, shape[4];
};

struct list {
    struct entry entries[200];
    int n;
    enum form form;
};

/* s with every `from` replaced. */
static void replace(char s[128], const char *from, const char *to)
{
    char *at = strstr(s, from), rest[128];
    if (!at)
        return;
    snprintf(rest, sizeof rest, "%s", at + strlen(from));
    snprintf(at, (size_t)(s + 128 - at), "%s%s", to, rest);
}

static void rename_hugging_face(char s[128], bool text)
{
    static const char *const pairs[][2] = {{"token_embedding", "embeddings.token_embedding"},
                                           {"class_embedding", "embeddings.class_embedding"},
                                           {"positional_embedding", "embeddings.position_embedding.weight"},
                                           {"conv1", "embeddings.patch_embedding"},
                                           {"ln_final", "final_layer_norm"},
                                           {"ln_pre", "pre_layrnorm"},
                                           {"ln_post", "post_layernorm"},
                                           {"transformer.resblocks", "encoder.layers"},
                                           {"ln_1", "layer_norm1"},
                                           {"ln_2", "layer_norm2"},
                                           {"attn", "self_attn"},
                                           {"c_fc", "fc1"},
                                           {"c_proj", "fc2"}};
    char front[128];
    bool projection = strcmp(s, "proj") == 0 || strcmp(s, "text_projection") == 0;
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs && !projection; i++)
        replace(s, pairs[i][0], pairs[i][1]);
    snprintf(front, sizeof front, "%s%.100s",
             projection ? ""
             : text     ? "text_model."
                        : "vision_model.",
             !projection ? s
             : text      ? "text_projection.weight"
                         : "visual_projection.weight");
    snprintf(s, 128, "%s", front);
}

static void rename_plain(char s[128], enum form form)
{
    static const char *const timm[][2] = {{"class_embedding", "cls_token"},
                                          {"positional_embedding", "pos_embed"},
                                          {"conv1", "patch_embed.proj"},
                                          {"ln_post", "norm"},
                                          {"transformer.resblocks", "blocks"},
                                          {"ln_1", "norm1"},
                                          {"ln_2", "norm2"},
                                          {"attn.in_proj_", "attn.qkv."},
                                          {"out_proj", "proj"},
                                          {"c_fc", "fc1"},
                                          {"c_proj", "fc2"},
                                          {"ls_1", "ls1"},
                                          {"ls_2", "ls2"}};
    static const char *const torchvision[][2] = {{"class_embedding", "class_token"},
                                                 {"positional_embedding", "encoder.pos_embedding"},
                                                 {"conv1", "conv_proj"},
                                                 {"ln_post", "encoder.ln"},
                                                 {"transformer.resblocks.", "encoder.layers.encoder_layer_"},
                                                 {"attn", "self_attention"},
                                                 {"c_fc", "0"},
                                                 {"c_proj", "3"}};
    for (size_t i = 0; form == TIMM && i < sizeof timm / sizeof *timm; i++)
        replace(s, timm[i][0], timm[i][1]);
    for (size_t i = 0; form == TORCHVISION && i < sizeof torchvision / sizeof *torchvision; i++)
        replace(s, torchvision[i][0], torchvision[i][1]);
    if (strncmp(s, "fc.", 3) == 0)
        replace(s, "fc.", form == TIMM ? "head." : "heads.head.");
}

static int add(void *context, const char *name, const int *shape, int n_dims)
{
    struct list *l = context;
    bool text = strncmp(name, "text.", 5) == 0, split = l->form == HUGGING_FACE && strstr(name, "in_proj_");
    for (int third = split ? 0 : -1; third < (split ? 3 : 0); third++) {
        struct entry *e = &l->entries[l->n++];
        *e = (struct entry){.third = third, .n_dims = n_dims};
        snprintf(e->canonical, sizeof e->canonical, "%s", name);
        snprintf(e->name, sizeof e->name, "%s%.100s", l->form == OPENAI && !text ? "visual." : "",
                 name + (text ? 5 : 0));
        for (int d = 0; d < n_dims; d++)
            e->shape[d] = shape[d];
        if (split) {
            char part[16];
            snprintf(part, sizeof part, "%c_proj.", "qkv"[third]);
            replace(e->name, "in_proj_", part);
            e->shape[0] /= 3;
        }
        if (l->form == HUGGING_FACE)
            rename_hugging_face(e->name, text);
        else if (l->form != OPENAI)
            rename_plain(e->name, l->form);
        e->transposed = l->form == HUGGING_FACE && strstr(e->name, "_projection.weight");
        if (e->transposed)
            e->shape[0] = shape[1], e->shape[1] = shape[0];
        if (l->form >= TIMM && strstr(name, "embedding")) { /* [1, T, W], [1, 1, W] */
            e->shape[2] = shape[n_dims - 1], e->shape[1] = n_dims > 1 ? shape[0] : 1, e->shape[0] = 1;
            e->n_dims = 3;
        }
    }
    return FUS_OK;
}

static void add_plainly(struct list *l, const char *name, int n)
{
    struct entry *e = &l->entries[l->n++];
    *e = (struct entry){.third = -1, .n_dims = 1, .shape = {n}};
    snprintf(e->name, sizeof e->name, "%s", name);
    snprintf(e->canonical, sizeof e->canonical, "%s", name);
}

static int get(void *context, float *out, size_t n, const char *name, struct fus_error *err)
{
    const struct list *l = context;
    (void)err;
    for (int i = 0; i < l->n; i++) {
        const struct entry *e = &l->entries[i];
        if (strcmp(e->name, name) != 0)
            continue;
        transformer_fill(out, e->third > 0 ? (size_t)e->third * n : 0, n, e->canonical);
        if (e->transposed) {
            float *copy = fus_base_alloc(n, sizeof *copy);
            size_t rows = (size_t)e->shape[1], columns = (size_t)e->shape[0];
            transformer_fill(copy, 0, n, e->canonical);
            for (size_t r = 0; r < rows; r++)
                for (size_t c = 0; c < columns; c++)
                    out[c * rows + r] = copy[r * columns + c];
            fus_base_free(copy);
        }
    }
    return FUS_OK;
}

static char folder[200], path[256];

static void save(const struct list *l)
{
    static struct fus_safetensors_tensor tensors[200];
    struct fus_error err = {0};
    for (int i = 0; i < l->n; i++) {
        tensors[i] = (struct fus_safetensors_tensor){.n_dims = l->entries[i].n_dims, .dtype = FUS_F32};
        memcpy(tensors[i].name, l->entries[i].name, sizeof tensors[i].name);
        for (int d = 0; d < l->entries[i].n_dims; d++)
            tensors[i].shape[d] = l->entries[i].shape[d];
    }
    CHECK_MSG(fus_safetensors_write_tensors(path, tensors, (size_t)l->n, NULL, 0, get, (void *)l, &err) == FUS_OK, "%s",
              err.msg);
}

static void write_config(const char *name, const char *text)
{
    char file[300];
    snprintf(file, sizeof file, "%s/%s", folder, name);
    if (!text) {
        remove(file);
        return;
    }
    FILE *f = fopen(file, "w");
    CHECK(f && fputs(text, f) >= 0 && fclose(f) == 0);
}

static int hold_last(void *context, int tap, int picture, const float *blocked)
{
    (void)tap, (void)picture;
    memcpy(context, blocked, 16 * sizeof *blocked);
    return FUS_OK;
}

/* The first 16 numbers of the last tap. */
static void see(float out[16], const struct fus_net_spec *spec, fus_weight_fn weights, void *context)
{
    struct fus_net *net = NULL;
    struct fus_error err = {0};
    float picture[3 * T_SIDE * T_SIDE];
    bool wanted[64] = {0};
    transformer_picture(picture);
    int code = fus_net_create(&net, spec, NULL, weights, context, &err);
    CHECK_MSG(code == FUS_OK, "%s", err.msg);
    if (code)
        return;
    wanted[fus_net_n_taps(net) - 1] = true;
    CHECK(fus_net_forward(net, picture, 1, wanted, hold_last, out, &err) == FUS_OK);
    fus_net_destroy(net);
}

static const int ids[] = {48, 3, 17, 5, 49}, first[] = {0, 5};

static bool same_network(const struct fus_net_spec *a, const struct fus_net_spec *b)
{
    const struct fus_vit_spec *v = &a->vit, *w = &b->vit;
    return a->kind == b->kind && a->act == b->act && a->input_side == b->input_side && a->n_classes == b->n_classes &&
           v->patch == w->patch && v->width == w->width && v->heads == w->heads && v->n_blocks == w->n_blocks &&
           v->clip == w->clip && v->layer_scale == w->layer_scale && v->dim == w->dim;
}

/* The image tower of the saved file. */
static void check_image(const struct fus_net_spec *want, const char *name)
{
    struct fus_store *s = NULL;
    struct fus_net_spec spec;
    struct fus_error err = {0};
    float got[16] = {0}, expected[16] = {1};
    int code = fus_open_weights(&s, path, &err);
    if (!code)
        code = fus_names_recognise(&spec, s, NULL, &err);
    CHECK_MSG(code == FUS_OK, "%s: %s", name, err.msg);
    if (!code) {
        CHECK(spec.act == (want->vit.clip ? FUS_ACT_NONE : FUS_ACT_GELU));
        spec.act = want->act;
        CHECK_MSG(same_network(&spec, want), "%s: another network was recognised", name);
        see(got, &spec, fus_store_lookup, s);
        see(expected, want, transformer_get, NULL);
        CHECK_MSG(memcmp(got, expected, sizeof got) == 0, "%s: other bytes", name);
    }
    fus_store_close(s);
}

/* The text tower; act: what is expected to be known of it. */
static void check_text(enum fus_act act, const char *name)
{
    struct fus_store *s = NULL;
    struct fus_tower *t = NULL, *plain = NULL;
    struct fus_tower_spec want = transformer_text(act ? act : FUS_ACT_GELU), spec;
    struct fus_error err = {0};
    float got[T_DIM] = {0}, expected[T_DIM] = {1};
    bool found = false;
    CHECK_MSG(fus_open_weights(&s, path, &err) == FUS_OK, "%s: %s", name, err.msg);
    if (!act) {
        CHECK_MSG(fus_names_tower(&spec, &found, s, NULL, &err) == FUS_EUNSUPPORTED && strstr(err.msg, "--activation"),
                  "%s: %s", name, err.msg);
        CHECK(fus_names_tower(&spec, &found, s, "relu", &err) == FUS_EINVAL);
    }
    CHECK_MSG(fus_names_tower(&spec, &found, s, act ? NULL : "gelu", &err) == FUS_OK && found, "%s: %s", name, err.msg);
    CHECK_MSG(memcmp(&spec, &want, sizeof spec) == 0, "%s: another tower was recognised", name);
    CHECK_MSG(fus_open_tower(&t, s, act ? NULL : "gelu", NULL, &err) == FUS_OK, "%s: %s", name, err.msg);
    CHECK(fus_tower_create(&plain, &want, NULL, transformer_get, transformer_row, NULL, &err) == FUS_OK);
    if (t && plain) {
        CHECK_MSG(fus_tower_embed(got, t, ids, first, 1, &err) == FUS_OK, "%s: %s", name, err.msg);
        CHECK(fus_tower_embed(expected, plain, ids, first, 1, &err) == FUS_OK);
        CHECK_MSG(memcmp(got, expected, sizeof got) == 0, "%s: other bytes", name);
    }
    fus_tower_destroy(t);
    fus_tower_destroy(plain);
    fus_store_close(s);
}

static void fill(struct list *l, enum form form, const struct fus_net_spec *image, bool text)
{
    const struct fus_tower_spec tower = transformer_text(FUS_ACT_GELU);
    *l = (struct list){.form = form};
    if (image)
        CHECK(fus_arch_parameters(image, add, l, NULL) == FUS_OK);
    if (text)
        CHECK(fus_tower_parameters(&tower, add, l, NULL) == FUS_OK);
}

static struct list list;

static void test_clip(void)
{
    struct fus_net_spec clip = transformer_image(true, false);
    fill(&list, OPENAI, &clip, true);
    add_plainly(&list, "logit_scale", 1);
    save(&list);
    check_image(&clip, "open_clip");
    check_text(FUS_ACT_NONE, "open_clip");
    write_config("open_clip_config.json", "{\"model_cfg\": {\"embed_dim\": 512, \"quick_gelu\": true}}");
    check_text(FUS_ACT_QUICKGELU, "open_clip_config.json");
    write_config("open_clip_config.json", NULL);
    add_plainly(&list, "input_resolution", 1);
    add_plainly(&list, "context_length", 1);
    add_plainly(&list, "vocab_size", 1);
    save(&list);
    check_image(&clip, "OpenAI");
    check_text(FUS_ACT_QUICKGELU, "OpenAI");
    fill(&list, HUGGING_FACE, &clip, true);
    add_plainly(&list, "text_model.embeddings.position_ids", 20);
    add_plainly(&list, "vision_model.embeddings.position_ids", 10);
    save(&list);
    check_image(&clip, "Hugging Face");
    check_text(FUS_ACT_NONE, "Hugging Face");
    write_config("config.json",
                 "{\"text_config\": {\"hidden_act\": \"gelu\"}, \"n\": [1, {}], \"hidden_act\": \"gelu\"}");
    check_text(FUS_ACT_GELU, "config.json");
    write_config("config.json", "{\"a\": {\"hidden_act\": \"gelu\"}, \"b\": {\"hidden_act\": \"quick_gelu\"}}");
    check_text(FUS_ACT_NONE, "a config that says both");
    write_config("config.json", "{\"hidden_act\": \"gelu\"");
    check_text(FUS_ACT_NONE, "a truncated config");
    write_config("config.json", NULL);
    fill(&list, OPENAI, NULL, true);
    save(&list);
    check_text(FUS_ACT_NONE, "a text tower alone");
}

static void test_plain(void)
{
    struct fus_net_spec plain = transformer_image(false, false), scaled = transformer_image(false, true);
    fill(&list, TORCHVISION, &plain, false);
    save(&list);
    check_image(&plain, "torchvision");
    fill(&list, TIMM, &plain, false);
    add_plainly(&list, "mask_token", 5);
    add_plainly(&list, "decoder_pos_embed", 5);
    save(&list);
    check_image(&plain, "timm");
    fill(&list, TIMM, &scaled, false);
    save(&list);
    check_image(&scaled, "timm with layer scale");
    for (int i = 0; i < list.n; i++) { /* as DINO's checkpoints have it */
        char name[128];
        snprintf(name, sizeof name, "teacher.backbone.%.100s", list.entries[i].name);
        memcpy(list.entries[i].name, name, sizeof name);
    }
    save(&list);
    check_image(&scaled, "DINO");
}

/* our own file: image and text towers again, the same bytes */
static void test_convert(void)
{
    struct fus_net_spec clip = transformer_image(true, false), spec;
    struct fus_tower_spec tower;
    struct fus_store *s = NULL;
    struct fus_error err = {0};
    bool found;
    fill(&list, HUGGING_FACE, &clip, true);
    add_plainly(&list, "logit_scale", 1);
    save(&list);
    CHECK(fus_open_weights(&s, path, &err) == FUS_OK && fus_names_recognise(&spec, s, NULL, &err) == FUS_OK);
    CHECK(fus_names_tower(&tower, &found, s, "quickgelu", &err) == FUS_OK && found);
    spec.act = tower.act;
    char ours[300];
    snprintf(ours, sizeof ours, "%s/ours.safetensors", folder);
    CHECK_MSG(fus_safetensors_write(ours, s, &spec, &tower, FUS_F32, &err) == FUS_OK, "%s", err.msg);
    fus_store_close(s);
    CHECK(rename(ours, path) == 0);
    check_image(&clip, "our own");
    check_text(FUS_ACT_QUICKGELU, "our own");
    CHECK(fus_open_weights(&s, path, &err) == FUS_OK);
    float scale = 0;
    CHECK(fus_store_lookup(s, &scale, 1, "logit_scale", &err) == FUS_OK && scale != 0);
    fus_store_close(s);
}

static void refuse(const char *message, bool text)
{
    struct fus_store *s = NULL;
    struct fus_net_spec spec;
    struct fus_tower_spec tower;
    struct fus_error err = {0};
    bool found = false;
    int code = fus_open_weights(&s, path, &err);
    if (!code)
        code = text ? fus_names_tower(&tower, &found, s, "gelu", &err) : fus_names_recognise(&spec, s, NULL, &err);
    CHECK_MSG(code != FUS_OK && strstr(err.msg, message), "%s, want %s", code ? err.msg : "accepted", message);
    fus_store_close(s);
}

static struct entry *named(const char *name)
{
    for (int i = 0; i < list.n; i++)
        if (strcmp(list.entries[i].name, name) == 0)
            return &list.entries[i];
    CHECK_MSG(false, "%s: not there", name);
    return &list.entries[0];
}

static void test_refusals(void)
{
    static const char *const foreign[] = {"dist_token", "reg_token", "blocks.0.attn.q_norm.weight", "fc_norm.weight",
                                          "attn_pool.latent"};
    struct fus_net_spec plain = transformer_image(false, false), clip = transformer_image(true, false);
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++) {
        fill(&list, TIMM, &plain, false);
        add_plainly(&list, foreign[i], 8);
        save(&list);
        refuse(foreign[i], false);
    }
    fill(&list, TIMM, &plain, false);
    *named("cls_token") = list.entries[--list.n];
    save(&list);
    refuse("class token", false);
    fill(&list, TIMM, &plain, false);
    named("pos_embed")->shape[1] = 9;
    save(&list);
    refuse("a square of patches' positions", false);
    fill(&list, TIMM, &plain, false);
    named("blocks.1.mlp.fc1.weight")->shape[0] = 400;
    save(&list);
    refuse("shape 512x128 expected, 400x128 found", false);
    fill(&list, OPENAI, &clip, true);
    *named("ln_final.bias") = list.entries[--list.n];
    save(&list);
    refuse("lacks tensor ln_final.bias", true);
    check_image(&clip, "a broken text tower"); /* does not matter to the image tower */
    fill(&list, OPENAI, &clip, true);
    named("transformer.resblocks.0.attn.in_proj_weight")->shape[0] = 100;
    save(&list);
    refuse("384 x 128 elements expected", true);
    fill(&list, HUGGING_FACE, &clip, true);
    *named("text_model.encoder.layers.1.self_attn.k_proj.bias") = list.entries[--list.n];
    save(&list);
    refuse("lacks tensor transformer.resblocks.1.attn.in_proj_bias", true);
    fill(&list, OPENAI, &clip, true);
    add_plainly(&list, "text.cls_emb", 8);
    save(&list);
    refuse("cls_emb", true);
}

int main(void)
{
    snprintf(folder, sizeof folder, "%s/fus_towers_XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
    CHECK(mkdtemp(folder) != NULL);
    snprintf(path, sizeof path, "%s/model.safetensors", folder);
    test_clip();
    test_plain();
    test_convert();
    test_refusals();
    remove(path);
    CHECK(rmdir(folder) == 0);
    return test_end();
}
