/* SPDX-License-Identifier: MIT */
/* Opening models: see model.h. */
#include "analysis/localizer/model.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "nn/base/sha256.h"
#include "nn/base/utf8.h"
#include "nn/kernel/kernels.h"

/* torchvision's second weights (V2) need another image size than the first. The files are named
 * NAME-DIGEST.pth, with the first digits of their SHA-256. A renamed file is recognised by its
 * SHA-256; only ResNet-50 and deeper have such weights. */
static bool is_torchvision_v2(const struct fus_model *m)
{
    static const char *const digests[] = {"-11ad3fa6", "-cd907fc2", "-f82ba261", "-9ba9bcbe", "-d733dc28"};
    const struct fus_net_spec *spec = &m->spec;
    const char *path = fus_store_path(m->store), *slash = strrchr(path, '/');
    char hex[FUS_SHA256_HEX] = "";
    if (spec->bottleneck && spec->stem == FUS_STEM_7X7 && spec->n_classes == 1000 &&
        !strncmp(fus_store_format(m->store), "pytorch", 7))
        fus_store_sha256(m->store, hex, NULL);
    for (size_t i = 0; i < sizeof digests / sizeof *digests; i++)
        if (strstr(slash ? slash + 1 : path, digests[i]) || strncmp(hex, digests[i] + 1, 8) == 0)
            return true;
    return false;
}

static void note(struct fus_model *m, const char *fmt, ...) FUS_PRINTF(2, 3);

/* Appends a line, escaped as in utf8.h, if there is room. */
static void note(struct fus_model *m, const char *fmt, ...)
{
    size_t used = strlen(m->notes);
    char text[sizeof m->notes];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (used + 2 >= sizeof m->notes)
        return;
    fus_utf8_escape(m->notes + used, sizeof m->notes - used - 1, text);
    strcat(m->notes, "\n");
}

static bool near(const float a[3], const float b[3])
{
    for (int c = 0; c < 3; c++)
        if (fabsf(a[c] - b[c]) > 0.002f)
            return false;
    return true;
}

/* A note if a normalisation layer in the file differs from the preprocessing used. */
static void note_normalisation(struct fus_model *m)
{
    float mean[3], std[3];
    const struct fus_preprocess *p = &m->preprocess;
    static const float nothing[2][3] = {{0, 0, 0}, {1, 1, 1}};
    if (!fus_names_normalisation(m->store, mean, std) || (near(mean, nothing[0]) && near(std, nothing[1])))
        return;
    if (!(near(mean, p->mean) && near(std, p->std)))
        note(m,
             "%s: a layer in it normalises with mean=%g/%g/%g,std=%g/%g/%g, which is not what preprocessing %s does; "
             "--preprocess "
             "resize=%d,interp=%s,crop=%d,mean=..,std=.. can",
             fus_store_path(m->store), mean[0], mean[1], mean[2], std[0], std[1], std[2], m->preprocess_text, p->resize,
             p->filter == FUS_BICUBIC ? "bicubic" : "bilinear", p->crop);
}

static void take_notes(struct fus_model *m, const struct fus_model_choice *choice)
{
    const char *path = fus_store_path(m->store), *more = fus_names_note(m->store),
               *metadata = fus_store_metadata(m->store, "fusiform.preprocess");
    bool given = choice && choice->preprocess,
         random = strcmp(fus_store_format(m->store), "random") == 0 || m->spec.stem >= FUS_STEM_PIXELS;
    if (more)
        note(m, "%s: %s", path, more);
    if (given && metadata && strcmp(metadata, choice->preprocess) != 0)
        note(m, "%s: its metadata say preprocessing %s, --preprocess %s is done", path, metadata, choice->preprocess);
    if (!given && !metadata && !random)
        note(m, "%s: preprocessing %.160s assumed (--preprocess P)%s", path, m->preprocess_text,
             is_torchvision_v2(m)
                 ? "; by their digest these are torchvision's V2 weights, made for --preprocess torchvision-v2"
                 : "");
    if (!random)
        note_normalisation(m);
}

/* The preprocessing: --preprocess, else the file's metadata, else the default for networks of this
 * kind. */
static int choose_preprocess(struct fus_model *m, const char *given, struct fus_error *err)
{
    int side, code = given ? fus_store_set_preprocess(m->store, given, err) : FUS_OK;
    if (!code)
        code = fus_store_preprocess(m->store, &m->spec, &side, &m->preprocess_text, err);
    if (!code)
        code = fus_preprocess_parse(&m->preprocess, m->preprocess_text, err);
    if (code)
        return code;
    bool vit = m->spec.kind == FUS_NET_VIT;
    if (given && (vit || m->spec.stem == FUS_STEM_CLIP) && m->preprocess.crop != side)
        return fus_base_fail(err, FUS_EINVAL, "--preprocess: crop=%d found; the %s of this network has room for %d",
                             m->preprocess.crop, vit ? "positional embedding" : "attention pool", side);
    if (!given && m->preprocess.crop != side)
        return fus_base_fail(err, FUS_EFORMAT, "its metadata say input %d and preprocessing to %d", side,
                             m->preprocess.crop);
    m->spec.input_side = m->preprocess.crop;
    return FUS_OK;
}

int fus_model_recognise(struct fus_model *m, const char *path, const struct fus_model_choice *choice,
                        struct fus_error *err)
{
    memset(m, 0, sizeof *m);
    int code = fus_open_weights(&m->store, path, err);
    if (!code && choice && choice->prefix)
        code = fus_names_choose(m->store, choice->prefix, err);
    if (!code)
        code = fus_names_recognise(&m->spec, m->store, choice ? choice->lang_head : NULL, err);
    if (!code && m->spec.kind == FUS_NET_VIT && m->spec.vit.clip && (!m->spec.act || (choice && choice->activation)))
        code = fus_names_activation(&m->spec.act, m->store, choice ? choice->activation : NULL, err);
    if (!code) {
        code = choose_preprocess(m, choice ? choice->preprocess : NULL, err);
        if (code)
            fus_base_blame(err, "%s: ", path);
    }
    if (code) {
        fus_model_close(m);
        return code;
    }
    m->input_floats = 3 * (size_t)m->preprocess.crop * (size_t)m->preprocess.crop;
    fus_networks_describe(m->description, sizeof m->description, &m->spec);
    take_notes(m, choice);
    return FUS_OK;
}

int fus_model_open(struct fus_model *m, const char *path, const struct fus_model_choice *choice,
                   const struct fus_net_options *options, struct fus_error *err)
{
    int code = fus_model_recognise(m, path, choice, err);
    if (code)
        return code;
    code = fus_net_create(&m->net, &m->spec, options, fus_store_lookup, m->store, err);
    char refusal[200];
    if (!code && options && options->precision == FUS_PRECISION_BF16 && fus_kernels_refused(refusal, sizeof refusal))
        note(m, "%s: %s", path, refusal);
    if (code) {
        if (strncmp(err->msg, path, strlen(path)) != 0 && strncmp(err->msg, "FUS_ISA", 7) != 0)
            fus_base_blame(err, "%s: ", path);
        fus_model_close(m);
    }
    return code;
}

void fus_model_close(struct fus_model *m)
{
    fus_net_destroy(m->net);
    fus_store_close(m->store);
    memset(m, 0, sizeof *m);
}

int fus_model_want(bool *wanted, const struct fus_model *m, const char *layers, struct fus_error *err)
{
    int n = fus_net_n_taps(m->net);
    memset(wanted, 0, (size_t)n * sizeof *wanted);
    if (strcmp(layers, "all") == 0) {
        for (int i = 0; i < n; i++)
            wanted[i] = fus_net_tap(m->net, i)->in_all;
        return FUS_OK;
    }
    for (const char *name = layers; name;) {
        const char *comma = strchr(name, ',');
        char one[64] = "";
        size_t length = comma ? (size_t)(comma - name) : strlen(name);
        memcpy(one, name, length < sizeof one ? length : sizeof one - 1);
        int tap = fus_net_find_tap(m->net, one, err);
        if (tap < 0)
            return fus_base_blame(err, "%s: ", fus_store_path(m->store));
        wanted[tap] = true;
        name = comma ? comma + 1 : NULL;
    }
    return FUS_OK;
}

static int refuse(const struct fus_model *m, int tap, float value, size_t channel, const char *picture,
                  struct fus_error *err)
{
    return fus_base_fail(
        err, FUS_EFORMAT, "%s: layer %s answers %s with %s (channel %zu): its weights are too large, or damaged",
        fus_store_path(m->store), fus_net_tap(m->net, tap)->name, picture, isnan(value) ? "NaN" : "infinity", channel);
}

int fus_model_check_tap(const struct fus_model *m, int tap, const float *values, const char *picture,
                        struct fus_error *err)
{
    const struct fus_tap *t = fus_net_tap(m->net, tap);
    size_t places = (size_t)t->height * (size_t)t->width, n = (size_t)t->channels * places, i = 0;
    while (i < n && isfinite(values[i]))
        i++;
    return i == n ? FUS_OK : refuse(m, tap, values[i], i / places, picture, err);
}

struct bad_layer_search {
    const struct fus_model *m;
    const char *picture;
    struct fus_error *err;
};

static int check_blocked(void *context, int tap, int picture, const float *blocked)
{
    const struct bad_layer_search *s = context;
    const struct fus_tap *t = fus_net_tap(s->m->net, tap);
    size_t places = (size_t)t->height * (size_t)t->width, n = fus_tensor_blocked_size(t->channels, places), i = 0;
    (void)picture;
    while (i < n && isfinite(blocked[i]))
        i++;
    return i == n ? FUS_OK
                  : refuse(s->m, tap, blocked[i], i / (FUS_LANES * places) * FUS_LANES + i % FUS_LANES, s->picture,
                           s->err);
}

int fus_model_find_bad_layer(struct fus_model *m, const float *input, const char *picture, struct fus_error *err)
{
    struct bad_layer_search s = {m, picture, err};
    size_t n = (size_t)fus_net_n_taps(m->net);
    bool *all = fus_base_alloc(n, sizeof *all);
    if (!all)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for a list of %zu layers", n);
    memset(all, true, n * sizeof *all);
    fus_net_watch(m->net, NULL, NULL);
    int code = fus_net_forward(m->net, input, 1, all, check_blocked, &s, err);
    fus_base_free(all);
    return code;
}
