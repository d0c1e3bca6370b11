/* fusiform activations and embed: the responses of layers to pictures, as files that NumPy opens. */
#include <stdio.h>
#include <string.h>

#include "analysis/report.h"
#include "args.h"
#include "commands.h"
#include "model.h"
#include "nn/outfile.h"

static const char help_activations[] =
    "usage: fusiform activations --model FILE --layer L[,L...]|all IMAGE... -o OUT.npy|OUT.npz [--lang-head PREFIX] [--low-memory]\n\n"
    "Writes f32 [N,C,H,W] for each layer: one array per layer, named as the layer, in an .npz; a single layer in an .npy.\n"
    "`all`: the stem's relu and every block output. An unknown layer prints those there are.\n\n"
    "example: fusiform activations --model resnet50.pth --layer layer4.2.relu,avgpool face.jpg house.jpg -o out.npz\n";

static const char help_embed[] =
    "usage: fusiform embed --model FILE IMAGE... -o OUT.npy [--lang-head PREFIX] [--low-memory]\n\n"
    "Writes f32 [N,D]: the language head's or CLIP's embedding of each picture, of other networks the last pooled features.\n\n"
    "example: fusiform embed --model RN50.pt face.jpg house.jpg -o embeddings.npy\n";

#define MAX_BATCH 4                      /* pictures at a time */
#define HELD_BYTES ((size_t)256 << 20) /* responses kept at a time where several layers of several pictures are asked for */

/* The layers of one round over the pictures. */
struct round {
    const struct fus_model *model;
    float **values;        /* [n_taps] NULL where not of this round; [N, C, H, W], or one picture where streamed */
    struct fus_npz *streamed;
    int batch, first;      /* pictures at a time; number of the first of those that the network sees now */
    struct fus_error *err;
};

static size_t tap_floats(const struct fus_tap *t)
{
    return (size_t)t->channels * (size_t)t->height * (size_t)t->width;
}

static int on_tap(void *context, int tap, int picture, const float *blocked)
{
    struct round *r = context;
    const struct fus_tap *t = fus_net_tap(r->model->net, tap);
    size_t places = (size_t)t->height * (size_t)t->width;
    float *to = r->values[tap] + (r->streamed ? 0 : (size_t)(r->first + picture) * tap_floats(t));
    fus_tensor_unblock(to, blocked, t->channels, places);
    return r->streamed ? fus_npyout_part(r->streamed, to, tap_floats(t) * sizeof *to, r->err) : FUS_OK;
}

static struct fus_npy_array describe(const struct fus_tap *t, int n_pictures)
{
    struct fus_npy_array a = {t->name, "<f4", 4, {(size_t)n_pictures, (size_t)t->channels, (size_t)t->height, (size_t)t->width}, NULL};
    return a;
}

static int see_pictures(struct round *r, const bool *wanted, const struct fus_texts *images)
{
    size_t floats = r->model->input_floats;
    float *input = fus_base_alloc((size_t)r->batch * floats, sizeof *input);
    int code = input ? FUS_OK : fus_base_fail(r->err, FUS_ENOMEM, "no memory for %d pictures", r->batch);
    for (r->first = 0; r->first < images->n && !code; r->first += r->batch) {
        int n = images->n - r->first < r->batch ? images->n - r->first : r->batch;
        for (int i = 0; i < n && !code; i++)
            code = fus_model_input(input + (size_t)i * floats, r->model, images->items[r->first + i], r->err);
        if (!code)
            code = fus_net_forward(r->model->net, input, n, wanted, on_tap, r, r->err);
        if (code == FUS_ESTOPPED)
            fus_base_fail(r->err, FUS_ESTOPPED, "stopped; nothing was written");
    }
    fus_base_free(input);
    return code;
}

/* As many wanted taps from *tap on as HELD_BYTES hold for all pictures; at least one, which is streamed if it is larger. */
static int run_round(struct fus_npz *z, const struct fus_model *m, const bool *wanted, int *tap, int batch,
                     const struct fus_texts *images, struct fus_error *err)
{
    int n_taps = fus_net_n_taps(m->net), code = FUS_OK, first = *tap, n_here = 0;
    size_t held = 0, n = (size_t)images->n;
    struct round r = {.model = m, .batch = batch, .err = err};
    bool *here = fus_base_alloc((size_t)n_taps, sizeof *here);
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
            struct fus_npy_array a = describe(fus_net_tap(m->net, *tap), images->n);
            r.streamed = z;
            code = fus_npyout_begin(z, &a, err);
        }
        r.values[*tap] = fus_base_alloc(r.streamed ? floats : floats * n, sizeof(float));
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
        code = see_pictures(&r, here, images);
    for (int i = first; r.values && i < n_taps; i++) {
        if (!code && here[i] && !r.streamed) {
            struct fus_npy_array a = describe(fus_net_tap(m->net, i), images->n);
            a.data = r.values[i];
            code = fus_npyout_begin(z, &a, err);
        }
        fus_base_free(r.values[i]);
    }
    fus_base_free(r.values);
    fus_base_free(here);
    return code;
}

static int write_npz(const char *out, const struct fus_model *m, const bool *wanted, int batch,
                     const struct fus_texts *images, struct fus_error *err)
{
    struct fus_npz *z = NULL;
    int code = fus_npyout_open(&z, out, err);
    for (int tap = 0; !code && tap < fus_net_n_taps(m->net);)
        code = run_round(z, m, wanted, &tap, batch, images, err);
    if (code) {
        fus_npyout_discard(z);
        return code;
    }
    return fus_npyout_commit(z, err);
}

/* One tap of all pictures in memory -> .npy, [N,C,H,W] or [N,D]. */
static int write_npy(const char *out, const struct fus_model *m, int tap, bool flat, int batch,
                     const struct fus_texts *images, struct fus_error *err)
{
    const struct fus_tap *t = fus_net_tap(m->net, tap);
    size_t n_taps = (size_t)fus_net_n_taps(m->net);
    struct round r = {.model = m, .batch = batch, .err = err};
    bool *wanted = fus_base_alloc(n_taps, sizeof *wanted);
    r.values = fus_base_alloc(n_taps, sizeof *r.values);
    if (r.values)
        r.values[tap] = fus_base_alloc(tap_floats(t) * (size_t)images->n, sizeof(float));
    int code = FUS_OK;
    if (!wanted || !r.values || !r.values[tap])
        code = fus_base_fail(err, FUS_ENOMEM, "no memory for %s of %d pictures; an .npz is written piece by piece", t->name,
                             images->n);
    if (!code) {
        wanted[tap] = true;
        code = see_pictures(&r, wanted, images);
    }
    if (!code) {
        struct fus_npy_array a = describe(t, images->n);
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

/* A few pictures go through the network together, and so need each layer's weights once: no reason to hold them all. */
static void plan_passes(struct fus_net_options *o, int n_pictures)
{
    o->batch = n_pictures < MAX_BATCH ? n_pictures : MAX_BATCH;
    o->low_memory = o->low_memory || n_pictures <= MAX_BATCH;
}

int fus_cmd_activations(int argc, char **argv)
{
    const char *path = NULL, *layers = NULL, *out = NULL, *lang_head = NULL;
    struct fus_net_options options = {0};
    struct fus_texts images = {0};
    const struct fus_arg args[] = {{"--model", FUS_ARG_TEXT, &path},  {"--layer", FUS_ARG_TEXT, &layers},
                                   {"--layers", FUS_ARG_TEXT, &layers}, {"-o", FUS_ARG_TEXT, &out},
                                   {"--lang-head", FUS_ARG_TEXT, &lang_head},
                                   {"--low-memory", FUS_ARG_FLAG, &options.low_memory}, {0}};
    int status = fus_args_parse("activations", help_activations, args, &images, argc, argv);
    if (status)
        return status < 0 ? 0 : status;
    if (!path || !layers || !out || images.n == 0)
        return fus_args_usage("activations", "--model FILE, --layer L, at least one picture and -o OUT expected");
    if (!fus_args_ends_with(out, ".npy") && !fus_args_ends_with(out, ".npz") && !fus_outfile_is_stream(out))
        return fus_args_usage("activations", "-o %s: a name ending in .npy or .npz expected", out);
    struct fus_error err = {0};
    struct fus_model m;
    plan_passes(&options, images.n);
    int code = fus_model_open(&m, path, lang_head, &options, &err);
    if (code)
        return fus_args_failed(&err);
    fus_model_catch_interrupt();
    int n_taps = fus_net_n_taps(m.net), n_wanted = 0, only = -1;
    bool *wanted = fus_base_alloc((size_t)n_taps, sizeof *wanted);
    code = wanted ? fus_model_want(wanted, &m, layers, &err) : fus_base_fail(&err, FUS_ENOMEM, "no memory");
    for (int i = 0; !code && i < n_taps; i++)
        if (wanted[i]) {
            n_wanted++;
            only = i;
        }
    if (!code && !fus_args_ends_with(out, ".npz") && n_wanted > 1)
        code = fus_base_fail(&err, FUS_EINVAL, "%s: an .npy holds one layer, %d were asked for: name it .npz", out, n_wanted);
    else if (!code)
        code = fus_args_ends_with(out, ".npz") ? write_npz(out, &m, wanted, options.batch, &images, &err)
                                      : write_npy(out, &m, only, false, options.batch, &images, &err);
    fus_base_free(wanted);
    fus_model_close(&m);
    return code ? fus_args_failed(&err) : 0;
}

int fus_cmd_embed(int argc, char **argv)
{
    const char *path = NULL, *out = NULL, *lang_head = NULL;
    struct fus_net_options options = {0};
    struct fus_texts images = {0};
    const struct fus_arg args[] = {{"--model", FUS_ARG_TEXT, &path},
                                   {"-o", FUS_ARG_TEXT, &out},
                                   {"--lang-head", FUS_ARG_TEXT, &lang_head},
                                   {"--low-memory", FUS_ARG_FLAG, &options.low_memory},
                                   {0}};
    int status = fus_args_parse("embed", help_embed, args, &images, argc, argv);
    if (status)
        return status < 0 ? 0 : status;
    if (!path || !out || images.n == 0 || (!fus_args_ends_with(out, ".npy") && !fus_outfile_is_stream(out)))
        return fus_args_usage("embed", "--model FILE, at least one picture and -o OUT.npy expected");
    struct fus_error err = {0};
    struct fus_model m;
    plan_passes(&options, images.n);
    int code = fus_model_open(&m, path, lang_head, &options, &err);
    if (code)
        return fus_args_failed(&err);
    fus_model_catch_interrupt();
    code = write_npy(out, &m, fus_net_embedding_tap(m.net), true, options.batch, &images, &err);
    fus_model_close(&m);
    return code ? fus_args_failed(&err) : 0;
}
