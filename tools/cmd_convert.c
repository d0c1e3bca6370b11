/* SPDX-License-Identifier: MIT */
/* fusiform convert: any readable weight file -> safetensors with canonical names. */
#include <stdio.h>
#include <string.h>

#include "analysis/localizer/model.h"
#include "tools/args.h"
#include "tools/commands.h"
#include "tools/model_args.h"
#include "tools/progress.h"

static const char help[] =
    "usage: fusiform convert FILE -o OUT.safetensors [--dtype f32|f16|bf16] [options]\n\n"
    "Writes the network in FILE as a safetensors blob: canonical names, what it is in its metadata, batch norm "
    "unfolded.\n"
    "  --dtype T          of weights with two dimensions or more (default f32; f16 and bf16 round to nearest even)\n"
    "  --with-text        CLIP's text tower too, under the names text.*\n"
    "  --arch A           fail unless the file holds this: resnet, lang_resnet, clip_resnet, vit or clip_vit\n"
    "  --activation A     quickgelu or gelu, of CLIP's transformers where the file does not say\n"
    "  --lang-head PREFIX name of the language head where it is not lang_head\n"
    "  --prefix P         which of the file's networks, where it holds several: --prefix teacher, model_ema, ...\n"
    "  --preprocess P     how pictures are prepared, for the metadata: torchvision, torchvision-v2, clip, cifar, or\n"
    "                     resize=256,interp=bilinear,crop=224,mean=.485/.456/.406,std=.229/.224/.225\n\n"
    "example: fusiform convert resnet50-0676ba61.pth -o resnet50.safetensors --dtype f16\n";

static int write(const char *out, const struct fus_model *m, bool with_text, const char *activation,
                 enum fus_dtype dtype, struct fus_error *err)
{
    struct fus_tower_spec tower;
    bool found = false;
    int code = with_text ? fus_names_tower(&tower, &found, m->store, activation, err) : FUS_OK;
    if (!code && with_text && !found)
        code = fus_base_fail(err, FUS_ENOTFOUND, "%s: has no text tower (no token_embedding.weight)",
                             fus_store_path(m->store));
    return code ? code : fus_safetensors_write(out, m->store, &m->spec, found ? &tower : NULL, dtype, err);
}

int fus_cmd_convert(int argc, char **argv)
{
    static const struct fus_word types[] = {{"f32", FUS_F32}, {"f16", FUS_F16}, {"bf16", FUS_BF16}, {0}};
    struct fus_choice dtype = {types, FUS_F32};
    const char *out = NULL, *arch = NULL;
    bool with_text = false;
    struct fus_model_choice choice = {0};
    struct fus_texts files = {0};
    const struct fus_arg args[] = {{"-o", FUS_ARG_TEXT, &out},
                                   {"--dtype", FUS_ARG_CHOICE, &dtype},
                                   {"--arch", FUS_ARG_TEXT, &arch},
                                   {"--lang-head", FUS_ARG_TEXT, &choice.lang_head},
                                   {"--prefix", FUS_ARG_TEXT, &choice.prefix},
                                   {"--preprocess", FUS_ARG_TEXT, &choice.preprocess},
                                   {"--activation", FUS_ARG_TEXT, &choice.activation},
                                   {"--with-text", FUS_ARG_FLAG, &with_text},
                                   {0}};
    int status = fus_args_parse("convert", help, args, &files, argc, argv);
    if (status)
        return status < 0 ? 0 : status;
    if (files.n != 1 || !out)
        return fus_args_usage("convert", "one weight file and -o OUT.safetensors expected");
    status = fus_model_args_check("convert", &choice);
    if (status)
        return status;
    struct fus_error err = {0};
    struct fus_model m;
    int code = fus_model_recognise(&m, files.items[0], &choice, &err);
    if (code)
        return fus_args_failed(&err);
    if (arch && strcmp(arch, fus_networks_family(&m.spec)) != 0)
        code = fus_base_fail(&err, FUS_EUNSUPPORTED, "%s: holds a %s (%s), --arch says %s", files.items[0],
                             fus_networks_family(&m.spec), m.description, arch);
    if (!code)
        code = write(out, &m, with_text, choice.activation, (enum fus_dtype)dtype.value, &err);
    if (!code) {
        fus_args_tell("%s: %s", out, m.description);
        fus_progress_tell_model(&m);
    }
    fus_model_close(&m);
    return code ? fus_args_failed(&err) : 0;
}
