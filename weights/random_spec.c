/* SPDX-License-Identifier: MIT */
/* The text of an untrained network: `random:NAME?KEY=VALUE&...`.
 *
 * NAME is a published network (networks.c), or a kind whose sizes follow: resnet,
 * lang_resnet, clip_resnet, vit, clip_vit.
 *
 *   seed=N             of the weights (0)
 *   input=64           side of the picture
 *   classes=11         rows of fc
 *   embed=512          dimensions of a language head, or of CLIP's embedding
 *   zero=1             weight 0 in each block's last batch norm: a start for training
 * and for a kind
 *   stem=7x7 | 3x3     torchvision's with a max pool, or CIFAR's (clip_resnet has its own)
 *   block=bottleneck | basic
 *   blocks=2,2,2       blocks of each stage, 3 or 4 stages
 *   width=16           channels of the stem and inside the first stage's blocks
 *   hidden=N           of a language head of two layers
 * of a vit or clip_vit
 *   patch=8            pixels of a patch's side
 *   blocks=2
 *   width=64           channels, a multiple of 64
 *
 * Pictures of another side than the published network's are reduced to it, with mean .5 and
 * standard deviation .25. */
#include "weights/random_spec.h"

#include <stdio.h>
#include <string.h>

#include "nn/base/number.h"

enum { MAX_EMBED = 65536, MAX_CLASSES = 100000, MAX_SIDE = 4096, MAX_WIDTH = 512, MAX_BLOCKS = 100 };

struct parsing {
    struct fus_random_spec *r;
    bool kind;  /* sizes are free */
    bool input; /* was said */
    const char *key;
    int key_n;
    const char *value;
    int value_n;
    struct fus_error *err;
};

/* How much of a wrong text a message repeats. */
static int shown(int n)
{
    return n < 60 ? n : 60;
}

static bool number(uint64_t *v, const char *s, int n, uint64_t least, uint64_t most)
{
    const char *rest;
    return fus_number_whole(v, s, &rest) && rest == s + n && *v >= least && *v <= most;
}

static int wrong(const struct parsing *p, const char *expected)
{
    return fus_base_fail(p->err, FUS_EINVAL, "%.*s=%.*s: %s expected", p->key_n, p->key, shown(p->value_n), p->value,
                         expected);
}

static int take_whole(int *to, const struct parsing *p, int least, int most)
{
    uint64_t v;
    char expected[80];
    snprintf(expected, sizeof expected, "a whole number from %d to %d", least, most);
    if (!number(&v, p->value, p->value_n, (uint64_t)least, (uint64_t)most))
        return wrong(p, expected);
    *to = (int)v;
    return FUS_OK;
}

static bool value_is(const struct parsing *p, const char *word)
{
    return (int)strlen(word) == p->value_n && memcmp(word, p->value, (size_t)p->value_n) == 0;
}

static int take_seed(struct parsing *p)
{
    return number(&p->r->seed, p->value, p->value_n, 0, UINT64_MAX) ? FUS_OK
                                                                    : wrong(p, "a whole number from 0 to 2^64-1");
}

static int take_embed(struct parsing *p)
{
    struct fus_net_spec *s = &p->r->net;
    if (s->vit.dim)
        return take_whole(&s->vit.dim, p, 1, MAX_EMBED);
    if (!s->lang_dim && !s->attn_dim)
        return fus_base_fail(p->err, FUS_EINVAL,
                             "embed is for networks with a language head (lang_resnet50) and for CLIP's");
    return take_whole(s->attn_dim ? &s->attn_dim : &s->lang_dim, p, 1, MAX_EMBED);
}

static int take_hidden(struct parsing *p)
{
    if (!p->r->net.lang_dim)
        return fus_base_fail(p->err, FUS_EINVAL, "hidden is for networks with a language head (lang_resnet)");
    return take_whole(&p->r->net.lang_hidden, p, 1, MAX_EMBED);
}

static int take_classes(struct parsing *p)
{
    if (p->r->net.attn_dim || p->r->net.vit.dim)
        return fus_base_fail(p->err, FUS_EINVAL, "classes are for networks with fc; CLIP's have an embedding");
    return take_whole(&p->r->net.n_classes, p, 1, MAX_CLASSES);
}

static int take_input(struct parsing *p)
{
    p->input = true;
    return take_whole(&p->r->net.input_side, p, 8, MAX_SIDE);
}

static int take_patch(struct parsing *p)
{
    return take_whole(&p->r->net.vit.patch, p, 1, 64);
}

static int take_zero(struct parsing *p)
{
    if (p->r->net.kind != FUS_NET_RESNET)
        return fus_base_fail(p->err, FUS_EINVAL, "zero is for residual networks");
    p->r->zero = value_is(p, "1");
    return p->r->zero || value_is(p, "0") ? FUS_OK : wrong(p, "0 or 1");
}

static int take_stem(struct parsing *p)
{
    struct fus_net_spec *s = &p->r->net;
    if (s->stem == FUS_STEM_CLIP)
        return value_is(p, "clip") ? FUS_OK : wrong(p, "clip");
    s->stem = value_is(p, "3x3") ? FUS_STEM_3X3 : FUS_STEM_7X7;
    return value_is(p, "3x3") || value_is(p, "7x7") ? FUS_OK : wrong(p, "7x7 or 3x3");
}

static int take_block(struct parsing *p)
{
    p->r->net.bottleneck = value_is(p, "bottleneck");
    if (!p->r->net.bottleneck && !value_is(p, "basic"))
        return wrong(p, "bottleneck or basic");
    return p->r->net.attn_dim && !p->r->net.bottleneck ? wrong(p, "for CLIP bottleneck") : FUS_OK;
}

static int take_blocks(struct parsing *p)
{
    struct fus_net_spec *s = &p->r->net;
    const char *at = p->value, *end = p->value + p->value_n;
    if (s->kind == FUS_NET_VIT)
        return take_whole(&s->vit.n_blocks, p, 1, MAX_BLOCKS);
    for (s->n_stages = 0; s->n_stages < FUS_MAX_STAGES && at <= end; at++) {
        uint64_t v;
        if (!fus_number_whole(&v, at, &at) || v < 1 || v > MAX_BLOCKS || (at < end && *at != ','))
            return wrong(p, "numbers such as 2,2,2 or 3,4,6,3");
        s->n_blocks[s->n_stages++] = (int)v;
        if (at >= end)
            break;
    }
    return at == end && s->n_stages >= 3 ? FUS_OK : wrong(p, "numbers such as 2,2,2 or 3,4,6,3");
}

static int take_width(struct parsing *p)
{
    if (p->r->net.kind == FUS_NET_VIT) {
        int vit = take_whole(&p->r->net.vit.width, p, 64, 2048);
        p->r->net.vit.heads = p->r->net.vit.width / 64;
        return !vit && p->r->net.vit.width % 64 ? wrong(p, "a multiple of 64") : vit;
    }
    int code = take_whole(&p->r->net.stem_channels, p, 1, MAX_WIDTH);
    if (!code && p->r->net.stem == FUS_STEM_CLIP && p->r->net.stem_channels % 2)
        code = wrong(p, "an even number for CLIP");
    return code;
}

enum { RESNET = 1 << FUS_NET_RESNET, VIT = 1 << FUS_NET_VIT };

static const struct key {
    const char *name;
    int (*take)(struct parsing *p);
    int kinds; /* for these alone, if their sizes are free; 0: for every network */
} keys[] = {
    {"seed", take_seed, 0},
    {"embed", take_embed, 0},
    {"classes", take_classes, 0},
    {"input", take_input, 0},
    {"zero", take_zero, 0},
    {"stem", take_stem, RESNET},
    {"block", take_block, RESNET},
    {"blocks", take_blocks, RESNET | VIT},
    {"width", take_width, RESNET | VIT},
    {"hidden", take_hidden, RESNET},
    {"patch", take_patch, VIT},
};

static int take_option(struct parsing *p, const char *text, int n)
{
    const char *equals = memchr(text, '=', (size_t)n);
    p->key = text;
    p->key_n = equals ? (int)(equals - text) : n;
    p->value = equals ? equals + 1 : "";
    p->value_n = equals ? n - p->key_n - 1 : 0;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        if ((int)strlen(keys[i].name) != p->key_n || memcmp(keys[i].name, text, (size_t)p->key_n) != 0)
            continue;
        if (keys[i].kinds && (!p->kind || !(keys[i].kinds & 1 << p->r->net.kind)))
            return fus_base_fail(p->err, FUS_EINVAL, "%s is for %s; this network has %s", keys[i].name,
                                 keys[i].kinds == VIT ? "random:vit and clip_vit"
                                 : keys[i].kinds == RESNET
                                     ? "random:resnet, lang_resnet and clip_resnet"
                                     : "random:resnet, lang_resnet, clip_resnet, vit and clip_vit",
                                 p->kind ? "none" : "its own");
        return keys[i].take(p);
    }
    return fus_base_fail(
        p->err, FUS_EINVAL,
        "no option is called '%.*s'; there are seed=N, embed=N, classes=N, input=N, zero=1, "
        "and for resnet stem, block, blocks, width, as in random:resnet?blocks=2,2,2&width=16&input=64&seed=1",
        shown(p->key_n), text);
}

/* "vit", "clip_vit" with sizes of their own. */
static bool start_vit(struct fus_net_spec *s, const char *name)
{
    bool clip = strcmp(name, "clip_vit") == 0;
    if (!clip && strcmp(name, "vit") != 0)
        return false;
    memset(s, 0, sizeof *s);
    s->kind = FUS_NET_VIT;
    s->act = clip ? FUS_ACT_QUICKGELU : FUS_ACT_GELU;
    s->input_side = 64;
    s->n_classes = clip ? 0 : 10;
    s->vit =
        (struct fus_vit_spec){.patch = 8, .width = 64, .heads = 1, .n_blocks = 2, .clip = clip, .dim = clip ? 64 : 0};
    return true;
}

/* "resnet", "lang_resnet", "clip_resnet" with sizes of their own. */
static bool start_kind(struct fus_net_spec *s, const char *name)
{
    if (start_vit(s, name))
        return true;
    bool lang = strcmp(name, "lang_resnet") == 0, clip = strcmp(name, "clip_resnet") == 0;
    if (!lang && !clip && strcmp(name, "resnet") != 0)
        return false;
    memset(s, 0, sizeof *s);
    s->stem = clip ? FUS_STEM_CLIP : FUS_STEM_7X7;
    s->bottleneck = true;
    s->input_side = 64;
    s->stem_channels = 16;
    s->n_stages = 3;
    for (int i = 0; i < s->n_stages; i++)
        s->n_blocks[i] = 2;
    s->n_classes = clip ? 0 : 10;
    s->lang_dim = lang ? 64 : 0;
    s->attn_dim = clip ? 64 : 0;
    return true;
}

static int finish_kind(struct fus_net_spec *s, struct fus_error *err)
{
    if (s->kind == FUS_NET_VIT)
        return FUS_OK;
    int step = 4 << (s->n_stages - 1); /* pixels of the picture to a place of the last stage */
    for (int i = 0; i < s->n_stages; i++) {
        s->width[i] = s->stem_channels << i;
        s->channels[i] = s->width[i] * (s->bottleneck ? 4 : 1);
    }
    if (s->stem != FUS_STEM_CLIP)
        return FUS_OK;
    s->attn_heads = s->stem_channels / 2;
    s->attn_grid = s->input_side / step;
    if (s->input_side % step)
        return fus_base_fail(err, FUS_EINVAL, "input=%d: a multiple of %d expected for CLIP with %d stages",
                             s->input_side, step, s->n_stages);
    return FUS_OK;
}

int fus_random_parse(struct fus_random_spec *r, const char *spec, struct fus_error *err)
{
    char name[64];
    const char *at = spec + strlen("random:");
    size_t n = strcspn(at, "?");
    memset(r, 0, sizeof *r);
    snprintf(name, sizeof name, "%.*s", (int)(n < sizeof name ? n : sizeof name - 1), at);
    struct parsing p = {.r = r, .kind = start_kind(&r->net, name), .err = err};
    int code = p.kind ? FUS_OK : fus_networks_named(&r->net, name, err), side = r->net.input_side;
    if (!code && at[n] == '?')
        for (at += n + 1; !code; at += n + 1) {
            n = strcspn(at, "&");
            code = take_option(&p, at, (int)(n < 10000 ? n : 10000));
            if (at[n] == '\0')
                break;
        }
    if (!code && p.kind)
        code = finish_kind(&r->net, err);
    if (!code && !p.kind && r->net.stem == FUS_STEM_CLIP && r->net.input_side != side)
        code = fus_base_fail(err, FUS_EINVAL,
                             "input=%d: this network's attention pool has room for %d; random:clip_resnet has any side",
                             r->net.input_side, side);
    if (!code && r->net.kind == FUS_NET_VIT && r->net.input_side % r->net.vit.patch)
        code = fus_base_fail(err, FUS_EINVAL, "input=%d: a multiple of the patches' side, %d, expected",
                             r->net.input_side, r->net.vit.patch);
    if (!code && (p.kind || r->net.input_side != side))
        snprintf(r->preprocess, sizeof r->preprocess, "resize=%d,interp=bilinear,crop=%d,mean=.5/.5/.5,std=.25/.25/.25",
                 r->net.input_side, r->net.input_side);
    return code;
}
