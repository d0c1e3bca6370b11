/* SPDX-License-Identifier: MIT */
/* fusiform activations and embed: the responses of layers to pictures, as files
 * that NumPy opens. */
#include <stdio.h>
#include <string.h>

#include "analysis/localizer/model.h"
#include "analysis/localizer/pictures.h"
#include "analysis/report/report.h"
#include "nn/base/outfile.h"
#include "nn/base/threads.h"
#include "tools/args.h"
#include "tools/commands.h"
#include "tools/embed_texts.h"
#include "tools/interrupt.h"
#include "tools/model_args.h"
#include "tools/progress.h"

#define PICTURES                                                                                                     \
    "PICTURES: files, folders, lists FILE.tsv as in `fusiform run`, @FILE (a path a line, or a table with a column " \
    "path), or\n"                                                                                                    \
    "builtin, in that order. A folder of folders is taken in run's order, a folder of pictures in the order of its " \
    "names.\n"                                                                                                       \
    "Where there is more than files, OUT.npy.tsv says which row is which picture. --skip-bad leaves out pictures "   \
    "that cannot\n"                                                                                                  \
    "be read; else they are all listed, and nothing is written.\n"

#define MODEL_OPTIONS                                                                                               \
    "  --lang-head PREFIX name of the language head where it is not lang_head\n"                                    \
    "  --prefix P         which of the file's networks, where it holds several: --prefix teacher, model_ema, ...\n" \
    "  --activation A     quickgelu or gelu, of CLIP's transformers where the file does not say\n"                  \
    "  --preprocess P     how pictures are prepared: torchvision, torchvision-v2, clip, cifar, or\n"                \
    "                     resize=256,interp=bilinear,crop=224,mean=.485/.456/.406,std=.229/.224/.225\n"             \
    "  --low-memory       hold one layer's weights at a time: slower, the same bytes\n" FUS_MODEL_ARGS_PRECISION

static const char help_activations[] =
    "usage: fusiform activations --model FILE --layer L[,L...]|all PICTURES... -o OUT.npy|OUT.npz [options]\n\n"
    "Writes f32 [N,C,H,W] for each layer: one array per layer, named as the layer, in an .npz; a single layer in an "
    ".npy.\n"
    "`all`: the stem's relu and every block output. An unknown layer prints those there are.\n" PICTURES MODEL_OPTIONS
    "\n"
    "example: fusiform activations --model resnet50.pth --layer layer4.2.relu,avgpool face.jpg house.jpg -o out.npz\n";

static const char help_embed[] =
    "usage: fusiform embed --model FILE PICTURES... -o OUT.npy [options]\n"
    "       fusiform embed --model FILE --text TEXT [--text ...] | --texts FILE -o OUT.npy [options]\n\n"
    "Writes f32 [N,D]: the language head's or CLIP's embedding of each picture, of other networks the last pooled "
    "features.\n" PICTURES MODEL_OPTIONS "\n"
    "Texts go through the text tower of a CLIP file; they are not brought to length 1, as pictures are not. "
    "OUT.npy.json has the\n"
    "digests of the model and the vocabulary.\n"
    "  --text TEXT        may be repeated; the empty text is allowed\n"
    "  --texts FILE       one text a line; where a line has tabs, what follows the last one (captions.tsv)\n"
    "  --model lsa[:D]    no tower: latent semantic analysis of these texts' own words (D 64), of length 1\n"
    "  --normalize        bring each embedding to length 1\n" FUS_TEXT_ARGS_HELP "\n"
    "example: fusiform embed --model RN50.pt face.jpg house.jpg -o embeddings.npy\n"
    "         fusiform embed --model RN50.pt --text \"a photo of a face\" --text \"a house\" -o texts.npy\n"
    "         fusiform embed --model lsa --texts captions.tsv -o captions.npy\n";

#define MAX_BATCH 4                    /* pictures at a time, where threads share out layers */
#define HELD_BYTES ((size_t)256 << 20) /* responses kept at a time for several layers of several pictures */

/* The layers of one round over the pictures. */
struct round {
    const struct fus_model *model;
    float **values; /* [n_taps] NULL where not of this round; [N, C, H, W], or a batch where streamed */
    struct fus_npz *streamed;
    const struct fus_pictures *images;
    const bool *wanted;
    float *input; /* [batch, 3, side, side] */
    int first;    /* number of the first picture that the network sees now */
    int code;
    struct fus_error *err;
};

static size_t tap_floats(const struct fus_tap *t)
{
    return (size_t)t->channels * (size_t)t->height * (size_t)t->width;
}

/* Where a tap's values go, of a picture of the batch. */
static float *values_of(const struct round *r, int tap, int picture)
{
    size_t at = (size_t)(r->streamed ? picture : r->first + picture);
    return r->values[tap] + at * tap_floats(fus_net_tap(r->model->net, tap));
}

static int on_tap(void *context, int tap, int picture, const float *blocked)
{
    const struct round *r = context;
    const struct fus_tap *t = fus_net_tap(r->model->net, tap);
    fus_tensor_unblock(values_of(r, tap, picture), blocked, t->channels, (size_t)t->height * (size_t)t->width);
    return FUS_OK;
}

/* Checks, and streams, what the network has answered to n pictures. */
static int take_values(const struct round *r, int n)
{
    int code = FUS_OK;
    for (int tap = 0; tap < fus_net_n_taps(r->model->net); tap++)
        for (int i = 0; r->wanted[tap] && i < n && !code; i++) {
            const float *values = values_of(r, tap, i);
            code = fus_model_check_tap(r->model, tap, values, r->images->set.pictures[r->first + i].path, r->err);
            if (!code && r->streamed)
                code = fus_npyout_part(r->streamed, values,
                                       tap_floats(fus_net_tap(r->model->net, tap)) * sizeof *values, r->err);
        }
    return code;
}

static struct fus_npy_array describe(const struct fus_tap *t, int n_pictures)
{
    struct fus_npy_array a = {
        t->name, "<f4", 4, {(size_t)n_pictures, (size_t)t->channels, (size_t)t->height, (size_t)t->width}, NULL};
    return a;
}

static void see_batches(void *context)
{
    struct round *r = context;
    int batch = fus_net_batch(r->model->net), n_pictures = r->images->set.n_pictures;
    for (r->first = 0; r->first < n_pictures && !r->code; r->first += batch) {
        int n = n_pictures - r->first < batch ? n_pictures - r->first : batch;
        r->code = fus_pictures_input(r->input, r->images, r->model, r->first, n, r->err);
        if (!r->code)
            r->code = fus_net_forward(r->model->net, r->input, n, r->wanted, on_tap, r, r->err);
        if (!r->code)
            r->code = take_values(r, n);
        if (r->code == FUS_ESTOPPED)
            fus_base_fail(r->err, FUS_ESTOPPED, "stopped; nothing was written");
    }
}

static int see_pictures(struct round *r)
{
    size_t batch = (size_t)fus_net_batch(r->model->net);
    r->input = fus_base_alloc(batch, r->model->input_floats * sizeof *r->input);
    if (!r->input)
        return fus_base_fail(r->err, FUS_ENOMEM, "no memory for %zu pictures", batch);
    fus_threads_run(see_batches, r); /* one start of the threads for all pictures */
    fus_base_free(r->input);
    return r->code;
}

/* As many wanted taps from *tap on as HELD_BYTES hold for all pictures; at least one, which is
 * streamed if it is larger. */
static int run_round(struct fus_npz *z, const struct fus_model *m, const bool *wanted, int *tap,
                     const struct fus_pictures *images, struct fus_error *err)
{
    int n_taps = fus_net_n_taps(m->net), code = FUS_OK, first = *tap, n_here = 0;
    size_t held = 0, n = (size_t)images->set.n_pictures;
    bool *here = fus_base_alloc((size_t)n_taps, sizeof *here);
    struct round r = {.model = m, .images = images, .wanted = here, .err = err};
    r.values = fus_base_alloc((size_t)n_taps, sizeof *r.values);
    if (!here || !r.values)
        code = fus_base_fail(err, FUS_ENOMEM, "no memory for the list of layers");
    for (; !code && *tap < n_taps; ++*tap) {
        size_t floats = tap_floats(fus_net_tap(m->net, *tap));
        if (!wanted[*tap])
            continue;
        if (n_here && floats * n * sizeof(float) > HELD_BYTES - held)
            break;
        if (floats * n * sizeof(float) > HELD_BYTES) {
            struct fus_npy_array a = describe(fus_net_tap(m->net, *tap), images->set.n_pictures);
            r.streamed = z;
            code = fus_npyout_begin(z, &a, err);
        }
        size_t kept = r.streamed && n > (size_t)fus_net_batch(m->net) ? (size_t)fus_net_batch(m->net) : n;
        r.values[*tap] = fus_base_alloc(kept, floats * sizeof(float));
        if (!code && !r.values[*tap])
            code = fus_base_fail(err, FUS_ENOMEM, "no memory for layer %s", fus_net_tap(m->net, *tap)->name);
        here[*tap] = true;
        held += floats * n * sizeof(float);
        n_here++;
        if (r.streamed) {
            ++*tap;
            break;
        }
    }
    if (!code)
        code = see_pictures(&r);
    for (int i = first; r.values && i < n_taps; i++) {
        if (!code && here[i] && !r.streamed) {
            struct fus_npy_array a = describe(fus_net_tap(m->net, i), images->set.n_pictures);
            a.data = r.values[i];
            code = fus_npyout_begin(z, &a, err);
        }
        fus_base_free(r.values[i]);
    }
    fus_base_free(r.values);
    fus_base_free(here);
    return code;
}

static int write_npz(const char *out, const struct fus_model *m, const bool *wanted, const struct fus_pictures *images,
                     struct fus_error *err)
{
    struct fus_npz *z = NULL;
    int code = fus_npyout_open(&z, out, err);
    for (int tap = 0; !code && tap < fus_net_n_taps(m->net);)
        code = run_round(z, m, wanted, &tap, images, err);
    if (code) {
        fus_npyout_discard(z);
        return code;
    }
    return fus_npyout_commit(z, err);
}

/* One tap of all pictures in memory -> .npy, [N,C,H,W] or [N,D]. */
static int write_npy(const char *out, const struct fus_model *m, int tap, bool flat, const struct fus_pictures *images,
                     struct fus_error *err)
{
    const struct fus_tap *t = fus_net_tap(m->net, tap);
    size_t n_taps = (size_t)fus_net_n_taps(m->net);
    bool *wanted = fus_base_alloc(n_taps, sizeof *wanted);
    struct round r = {.model = m, .images = images, .wanted = wanted, .err = err};
    r.values = fus_base_alloc(n_taps, sizeof *r.values);
    if (r.values)
        r.values[tap] = fus_base_alloc(tap_floats(t) * (size_t)images->set.n_pictures, sizeof(float));
    int code = FUS_OK;
    if (!wanted || !r.values || !r.values[tap])
        code = fus_base_fail(err, FUS_ENOMEM, "no memory for %s of %d pictures; an .npz is written piece by piece",
                             t->name, images->set.n_pictures);
    if (!code) {
        wanted[tap] = true;
        code = see_pictures(&r);
    }
    if (!code) {
        struct fus_npy_array a = describe(t, images->set.n_pictures);
        a.n_dims = flat ? 2 : 4;
        a.data = r.values[tap];
        code = fus_npyout_npy(out, &a, err);
    }
    if (r.values)
        fus_base_free(r.values[tap]);
    fus_base_free(r.values);
    fus_base_free(wanted);
    return code;
}

/* A few pictures go through the network together, and so need each layer's weights once: no reason
 * to hold them all. */
static void plan_passes(struct fus_net_options *o, int n_pictures)
{
    o->batch = n_pictures < MAX_BATCH ? n_pictures : MAX_BATCH;
    o->apart = n_pictures < FUS_PICTURES_APART ? n_pictures : FUS_PICTURES_APART;
    o->low_memory = o->low_memory || n_pictures <= MAX_BATCH;
}

/* Opens the pictures and the model that they go through; nothing is open after a failure. */
static int open_both(struct fus_pictures *images, struct fus_model *m, const struct fus_texts *operands,
                     const char *path, const struct fus_model_choice *choice, struct fus_net_options *options,
                     struct fus_error *err)
{
    int code = fus_pictures_open(images, operands->items, operands->n, &fus_progress_notes, err);
    plan_passes(options, images->set.n_pictures);
    if (!code)
        code = fus_model_open(m, path, choice, options, err);
    if (code)
        fus_pictures_close(images);
    else
        fus_interrupt_catch();
    return code;
}

static void close_both(struct fus_pictures *images, struct fus_model *m, int code)
{
    if (!code)
        fus_progress_tell_model(m);
    fus_model_close(m);
    fus_pictures_close(images);
}

int fus_cmd_activations(int argc, char **argv)
{
    const char *path = NULL, *layers = NULL, *out = NULL;
    struct fus_model_choice choice = {0};
    struct fus_net_options options = {0};
    struct fus_choice precision = {fus_model_args_precisions, FUS_PRECISION_FP32};
    bool skip_bad = false;
    struct fus_texts operands = {0};
    struct fus_pictures images = {0};
    const struct fus_arg args[] = {{"--model", FUS_ARG_TEXT, &path},
                                   {"--layer", FUS_ARG_TEXT, &layers},
                                   {"--layers", FUS_ARG_TEXT, &layers},
                                   {"-o", FUS_ARG_TEXT, &out},
                                   FUS_MODEL_ARGS(choice, options, precision, skip_bad),
                                   {0}};
    int status = fus_args_parse("activations", help_activations, args, &operands, argc, argv);
    if (status)
        return status < 0 ? 0 : status;
    if (!path || !layers || !out || operands.n == 0)
        return fus_args_usage("activations", "--model FILE, --layer L, pictures and -o OUT expected");
    if (!fus_base_ends_with(out, ".npy") && !fus_base_ends_with(out, ".npz") && !fus_outfile_is_stream(out))
        return fus_args_usage("activations", "-o %s: a name ending in .npy or .npz expected", out);
    options.precision = (enum fus_precision)precision.value;
    status = fus_model_args_check("activations", &choice);
    if (status)
        return status;
    struct fus_error err = {0};
    struct fus_model m = {0};
    int code = open_both(&images, &m, &operands, path, &choice, &options, &err);
    if (code)
        return fus_args_failed(&err);
    int n_taps = fus_net_n_taps(m.net), n_wanted = 0, only = -1;
    bool *wanted = fus_base_alloc((size_t)n_taps, sizeof *wanted);
    code = wanted ? fus_model_want(wanted, &m, layers, &err) : fus_base_fail(&err, FUS_ENOMEM, "no memory");
    for (int i = 0; !code && i < n_taps; i++)
        if (wanted[i]) {
            n_wanted++;
            only = i;
        }
    if (!code && !fus_base_ends_with(out, ".npz") && n_wanted > 1)
        code = fus_base_fail(&err, FUS_EINVAL, "%s: an .npy holds one layer, %d were asked for: name it .npz", out,
                             n_wanted);
    if (!code)
        code = fus_pictures_check(&images, &m, skip_bad, &err);
    if (!code)
        code = fus_base_ends_with(out, ".npz") ? write_npz(out, &m, wanted, &images, &err)
                                               : write_npy(out, &m, only, false, &images, &err);
    fus_base_free(wanted);
    if (!code)
        code = fus_pictures_write_rows(&images, out, &err);
    close_both(&images, &m, code);
    return code ? fus_args_failed(&err) : 0;
}

/* What does not go together: 0, or 2 after a message. */
static int check_embed(const char *path, const char *out, const struct fus_texts *pictures,
                       const struct fus_text_args *texts)
{
    bool any = texts->texts.n || texts->file;
    if (any && pictures->n)
        return fus_args_usage("embed", "'%s' and texts found: pictures or texts expected", pictures->items[0]);
    if (texts->texts.n && texts->file)
        return fus_args_usage("embed", "--text and --texts found: one of them expected");
    if (!path || !out || (pictures->n == 0 && !any) ||
        (!fus_base_ends_with(out, ".npy") && !fus_outfile_is_stream(out)))
        return fus_args_usage("embed", "--model FILE, pictures or --text, and -o OUT.npy expected");
    if (!any && fus_text_args_any_option(texts))
        return fus_args_usage("embed", "--template, --templates, --normalize, --truncate, and --vocab are "
                                       "of texts: --text or --texts expected");
    if (fus_embed_texts_is_lsa(path) && (!any || fus_text_args_any_option(texts)))
        return fus_args_usage("embed", "--model %s takes --text or --texts, and no options of a text tower", path);
    return fus_text_args_check("embed", texts);
}

static int embed_pictures(const char *path, const char *out, const struct fus_texts *operands,
                          const struct fus_model_choice *choice, struct fus_net_options *options, bool skip_bad)
{
    struct fus_error err = {0};
    struct fus_model m = {0};
    struct fus_pictures images = {0};
    int code = open_both(&images, &m, operands, path, choice, options, &err);
    if (code)
        return fus_args_failed(&err);
    if (fus_net_embedding_tap(m.net) < 0)
        code =
            fus_base_fail(&err, FUS_ENOTFOUND, "%s: %s has no final features; take a layer with `fusiform activations`",
                          fus_store_path(m.store), m.description);
    if (!code)
        code = fus_pictures_check(&images, &m, skip_bad, &err);
    if (!code)
        code = write_npy(out, &m, fus_net_embedding_tap(m.net), true, &images, &err);
    if (!code)
        code = fus_pictures_write_rows(&images, out, &err);
    close_both(&images, &m, code);
    return code ? fus_args_failed(&err) : 0;
}

int fus_cmd_embed(int argc, char **argv)
{
    static struct fus_text_args texts; /* 16 kB */
    const char *path = NULL, *out = NULL;
    struct fus_model_choice choice = {0};
    struct fus_net_options options = {0};
    struct fus_choice precision = {fus_model_args_precisions, FUS_PRECISION_FP32};
    bool skip_bad = false;
    struct fus_texts operands = {0};
    fus_text_args_start(&texts);
    const struct fus_arg args[] = {{"--model", FUS_ARG_TEXT, &path},
                                   {"-o", FUS_ARG_TEXT, &out},
                                   FUS_MODEL_ARGS(choice, options, precision, skip_bad),
                                   {"--text", FUS_ARG_LIST, &texts.texts},
                                   {"--texts", FUS_ARG_TEXT, &texts.file},
                                   {"--template", FUS_ARG_LIST, &texts.templates},
                                   {"--templates", FUS_ARG_TEXT, &texts.template_file},
                                   {"--normalize", FUS_ARG_FLAG, &texts.normalize},
                                   {"--truncate", FUS_ARG_FLAG, &texts.truncate},
                                   {"--vocab", FUS_ARG_TEXT, &texts.vocab},
                                   {0}};
    int status = fus_args_parse("embed", help_embed, args, &operands, argc, argv);
    if (status)
        return status < 0 ? 0 : status;
    status = check_embed(path, out, &operands, &texts);
    if (!status)
        status = fus_model_args_check("embed", &choice);
    if (status)
        return status;
    options.precision = texts.precision = (enum fus_precision)precision.value;
    if (operands.n == 0 && fus_embed_texts_is_lsa(path))
        return fus_embed_texts_lsa(out, path, &texts);
    if (operands.n == 0)
        return fus_embed_texts_run(out, path, &choice, &texts);
    return embed_pictures(path, out, &operands, &choice, &options, skip_bad);
}
