/* SPDX-License-Identifier: MIT */
/* fusiform classify: the most probable classes of pictures; zero-shot where the embeddings of class
 * descriptions are given (Radford et al. 2021): softmax over scale * cosine(picture, text). */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "analysis/localizer/model.h"
#include "analysis/localizer/pictures.h"
#include "nn/base/fmath.h"
#include "nn/base/text.h"
#include "nn/base/threads.h"
#include "nn/base/utf8.h"
#include "tools/args.h"
#include "tools/commands.h"
#include "tools/interrupt.h"
#include "tools/model_args.h"
#include "tools/progress.h"
#include "tools/text_args.h"

static const char help[] =
    "usage: fusiform classify --model FILE [--labels FILE] [--top 5] [--text-embeddings FILE.npy] PICTURES...\n"
    "       fusiform classify --model FILE --text-labels FILE [--template T] [--text-model FILE] PICTURES...\n\n"
    "Prints the most probable classes of each picture, tab-separated: image, rank, class, probability.\n"
    "PICTURES: files, folders, lists FILE.tsv as in `fusiform run`, @FILE (a path a line, or a table with a column "
    "path), or\n"
    "builtin. A folder of folders is taken in run's order, a folder of pictures in the order of its names. Names are "
    "printed on one line: a tab as \\t, bytes that are not "
    "UTF-8 as \\xe9.\n"
    "  --labels           a text file with one class name a line; without it classes are numbers from 0\n"
    "  --text-embeddings  zero-shot, for CLIP and language heads: [classes, D], a row for the description of each "
    "class;\n"
    "                     softmax of cosine similarities times the file's logit scale (100 where it has none)\n"
    "  --text-labels FILE zero-shot from one class name a line, by CLIP's text tower; default: --template \"a photo of "
    "a "
    "{}.\"\n"
    "  --text-model FILE  the CLIP file with the text tower (default: the model's), such as the one that a language "
    "head was\n"
    "                     trained with\n" FUS_TEXT_ARGS_HELP
    "  --lang-head PREFIX name of the language head where it is not lang_head\n"
    "  --activation A     quickgelu or gelu, of CLIP's transformers where the file does not say\n"
    "  --prefix P         which of the file's networks, where it holds several: --prefix teacher, model_ema, ...\n"
    "  --preprocess P     how pictures are prepared: torchvision, torchvision-v2, clip, cifar, or\n"
    "                     resize=256,interp=bilinear,crop=224,mean=.485/.456/.406,std=.229/.224/.225\n"
    "  --low-memory       hold one layer's weights at a time: slower, the same bytes\n" FUS_MODEL_ARGS_PRECISION
    "  --skip-bad         leave out pictures that cannot be read; else they are all listed, and nothing is printed\n\n"
    "example: fusiform classify --model resnet50.pth --labels imagenet.txt --top 3 cat.jpg\n"
    "         fusiform classify --model RN50.pt --text-labels animals.txt --template \"a drawing of a {}.\" cat.jpg\n";

struct labels {
    struct fus_text_lines lines;
    const char **names; /* [n_classes]; NULL: classes are numbers */
};

/* The names of the lines; they stay the input's. */
static int name_classes(struct labels *l, const struct fus_text_line *lines, size_t n, struct fus_error *err)
{
    l->names = fus_base_alloc(n + 1, sizeof *l->names);
    if (!l->names)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for the names of classes");
    for (size_t i = 0; i < n; i++)
        l->names[i] = lines[i].text;
    return FUS_OK;
}

static int read_labels(struct labels *l, const char *path, int n_classes, struct fus_error *err)
{
    int code = fus_text_lines_read(&l->lines, path, FUS_TEXT_LINES_ANY, err);
    if (!code && l->lines.n != (size_t)n_classes)
        code = fus_base_fail(err, FUS_EFORMAT, "%s: %zu lines found, the model has %d classes", path, l->lines.n,
                             n_classes);
    return code ? code : name_classes(l, l->lines.lines, l->lines.n, err);
}

struct request {
    const char *labels, *embeddings, *text_model, *prefix, *activation;
    const struct fus_text_args *texts;
    int top;
};

/* What the scores of a picture are made from: a tap of classes, or of an embedding
 * compared with texts. */
struct sight {
    int tap, n, n_classes;
    float *values, *scores; /* [batch, n] the tap; [n_classes] */
    float *texts;           /* [n_classes, n] of length 1; NULL: the tap holds classes */
    double scale;
};

static int on_tap(void *context, int tap, int picture, const float *blocked)
{
    const struct sight *s = context;
    (void)tap;
    fus_tensor_unblock(s->values + (size_t)picture * (size_t)s->n, blocked, s->n, 1);
    return FUS_OK;
}

/* The `top` greatest, ties by class number; scores are spoilt. */
static void print_top(const char *path, float *scores, int n, int top, const struct labels *labels)
{
    char image[FUS_MESSAGE_BYTES];
    fus_utf8_escape(image, sizeof image, path);
    for (int rank = 1; rank <= top && rank <= n; rank++) {
        int best = 0;
        for (int i = 1; i < n; i++)
            if (scores[i] > scores[best])
                best = i;
        printf("%s\t%d\t", image, rank);
        if (labels->names)
            printf("%s", labels->names[best]);
        else
            printf("%d", best);
        printf("\t%.6g\n", (double)scores[best]);
        scores[best] = -1;
    }
}

static double length(const float *v, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += (double)v[i] * v[i];
    return sqrt(sum);
}

/* Logits of a picture; values [n]. */
static void score(struct sight *s, const float *values)
{
    if (!s->texts) {
        memcpy(s->scores, values, (size_t)s->n * sizeof *s->scores);
        return;
    }
    double norm = length(values, s->n);
    for (int c = 0; c < s->n_classes; c++) {
        double dot = 0;
        for (int i = 0; i < s->n; i++)
            dot += (double)values[i] * s->texts[(size_t)c * (size_t)s->n + (size_t)i];
        s->scores[c] = (float)(norm > 0 ? s->scale * dot / norm : 0);
    }
}

/* Text embeddings [classes, D], each brought to length 1. */
static int read_texts(struct sight *s, const char *path, const struct fus_model *m, struct fus_error *err)
{
    struct fus_store *file = NULL;
    int code = fus_open_weights(&file, path, err);
    if (code)
        return code;
    const struct fus_tensor *t = fus_store_count(file) == 1 ? fus_store_tensor(file, 0) : NULL;
    if (!t || t->n_dims != 2 || t->shape[1] != s->n || t->shape[0] < 1 || t->shape[0] > 1000000)
        code = fus_base_fail(err, FUS_EFORMAT,
                             "%s: one array [classes, %d] expected: the model's embedding has %d numbers", path, s->n,
                             s->n);
    if (!code) {
        s->n_classes = (int)t->shape[0];
        s->texts = fus_base_alloc(t->n_elements, sizeof *s->texts);
        code = s->texts ? fus_store_read_f32(file, s->texts, t, err)
                        : fus_base_fail(err, FUS_ENOMEM, "%s: no memory", path);
    }
    for (int c = 0; c < s->n_classes && !code; c++)
        fus_text_model_unit(s->texts + (size_t)c * (size_t)s->n, s->n);
    fus_store_close(file);
    return code ? code : fus_text_model_scale(&s->scale, m->store, err);
}

/* The embeddings of class names by a CLIP file's text tower. */
static int embed_names(struct sight *s, struct labels *labels, const struct request *r, struct fus_text_input *in,
                       const struct fus_model *m, struct fus_error *err)
{
    const char *path = r->text_model ? r->text_model : fus_store_path(m->store);
    struct fus_text_model_choice choice =
        fus_text_args_choice(r->texts, r->text_model ? NULL : r->prefix, r->activation);
    struct fus_text_model *t;
    choice.advice = r->text_model ? NULL : "give --text-model with a CLIP file";
    int code = fus_text_model_open(&t, path, &choice, err);
    if (code)
        return code;
    if (fus_text_model_dim(t) != s->n)
        code = fus_base_fail(err, FUS_EFORMAT, "%s: its embedding has %d numbers, the texts of %s have %d",
                             fus_store_path(m->store), s->n, path, fus_text_model_dim(t));
    if (!code)
        code = fus_text_args_embed(&s->texts, t, in, err);
    if (!code)
        code = fus_text_model_scale(&s->scale, fus_text_model_store(t), err);
    s->n_classes = (int)in->job.n;
    if (!code)
        code = name_classes(labels, in->job.texts, in->job.n, err);
    fus_text_model_close(t);
    return code;
}

/* All pictures, in batches. */
struct looking {
    struct sight *sight;
    struct fus_model *model;
    const struct labels *labels;
    const struct fus_pictures *images;
    int top;
    bool *wanted;
    float *input; /* [batch, 3, side, side] */
    int code;
    struct fus_error *err;
};

/* The n pictures that the network has just seen. */
static int print_batch(struct looking *l, int first, int n)
{
    struct sight *s = l->sight;
    for (int i = 0; i < n; i++) {
        const char *path = l->images->set.pictures[first + i].path;
        const float *values = s->values + (size_t)i * (size_t)s->n;
        if (fus_model_check_tap(l->model, s->tap, values, path, l->err)) {
            int code = fus_model_find_bad_layer(l->model, l->input + (size_t)i * l->model->input_floats, path, l->err);
            return code ? code : FUS_EFORMAT; /* as check_tap says */
        }
        score(s, values);
        fus_softmax_apply(s->scores, (size_t)s->n_classes);
        print_top(path, s->scores, s->n_classes, l->top, l->labels);
    }
    return FUS_OK;
}

static void see_pictures(void *context)
{
    struct looking *l = context;
    int batch = fus_net_batch(l->model->net), n_pictures = l->images->set.n_pictures;
    for (int first = 0, n; first < n_pictures && !l->code; first += n) {
        n = n_pictures - first < batch ? n_pictures - first : batch;
        l->code = fus_pictures_input(l->input, l->images, l->model, first, n, l->err);
        if (!l->code)
            l->code = fus_net_forward(l->model->net, l->input, n, l->wanted, on_tap, l->sight, l->err);
        if (!l->code)
            l->code = print_batch(l, first, n);
        if (l->code == FUS_ESTOPPED || (!l->code && fus_base_stopping()))
            l->code = fus_base_fail(l->err, FUS_ESTOPPED, "stopped after %d of %d pictures",
                                    l->code ? first : first + n, n_pictures);
    }
}

static int look(struct sight *s, struct fus_model *m, const struct labels *labels, int top,
                const struct fus_pictures *images, struct fus_error *err)
{
    size_t n_taps = (size_t)fus_net_n_taps(m->net), batch = (size_t)fus_net_batch(m->net);
    struct looking l = {.sight = s, .model = m, .labels = labels, .images = images, .top = top, .err = err};
    l.wanted = fus_base_alloc(n_taps, sizeof *l.wanted);
    l.input = fus_base_alloc(batch, m->input_floats * sizeof *l.input);
    s->scores = fus_base_alloc((size_t)s->n_classes, sizeof *s->scores);
    s->values = fus_base_alloc(batch, (size_t)s->n * sizeof *s->values);
    if (!l.wanted || !l.input || !s->scores || !s->values)
        l.code = fus_base_fail(err, FUS_ENOMEM, "no memory for a picture");
    else {
        l.wanted[s->tap] = true;
        fus_threads_run(see_pictures, &l); /* one start of the threads for all pictures */
    }
    fus_base_free(l.wanted);
    fus_base_free(l.input);
    fus_base_free(s->scores);
    fus_base_free(s->values);
    return l.code;
}

/* Finds the tap, and makes or reads what it is compared with. */
static int prepare(struct sight *s, struct labels *labels, const struct request *r, struct fus_text_input *in,
                   const struct fus_model *m, struct fus_error *err)
{
    bool zero_shot = r->embeddings || r->texts->file;
    s->tap = zero_shot ? fus_net_embedding_tap(m->net) : fus_net_class_tap(m->net);
    if (s->tap < 0)
        return fus_base_fail(
            err, FUS_ENOTFOUND,
            "%s: %s has no classes (no fc); give --text-labels or --text-embeddings, or take its features with "
            "`fusiform embed`",
            fus_store_path(m->store), m->description);
    s->n = s->n_classes = fus_net_tap(m->net, s->tap)->channels;
    int code = r->texts->file  ? embed_names(s, labels, r, in, m, err)
               : r->embeddings ? read_texts(s, r->embeddings, m, err)
                               : FUS_OK;
    if (!code && r->labels)
        code = read_labels(labels, r->labels, s->n_classes, err);
    return code;
}

static int classify(struct fus_model *m, const struct request *r, const struct fus_pictures *images,
                    struct fus_error *err)
{
    struct labels labels = {0};
    struct fus_text_input in = {0};
    struct sight s = {0};
    int code =
        r->texts->file ? fus_text_args_read(&in, r->texts, FUS_TEXT_LINES_NAMES, "a photo of a {}.", err) : FUS_OK;
    if (!code)
        code = prepare(&s, &labels, r, &in, m, err);
    if (!code)
        code = look(&s, m, &labels, r->top, images, err);
    fus_base_free(s.texts);
    fus_base_free(labels.names);
    fus_text_lines_free(&labels.lines);
    fus_text_args_free(&in);
    return code;
}

/* What does not go together: 0, or 2 after a message. */
static int check(const struct request *r)
{
    const struct fus_text_args *t = r->texts;
    if (t->file && r->labels)
        return fus_args_usage("classify", "--labels and --text-labels found: one of them expected");
    if (t->file && r->embeddings)
        return fus_args_usage("classify", "--text-embeddings and --text-labels found: one of them expected");
    if (!t->file && (fus_text_args_any_option(t) || r->text_model))
        return fus_args_usage("classify", "--template, --templates, --truncate, --vocab and --text-model "
                                          "are of --text-labels, which is not given");
    return fus_text_args_check("classify", t);
}

int fus_cmd_classify(int argc, char **argv)
{
    static struct fus_text_args texts; /* 16 kB */
    const char *path = NULL;
    struct fus_model_choice choice = {0};
    struct request r = {.top = 5, .texts = &texts};
    struct fus_net_options options = {.apart = FUS_PICTURES_APART};
    struct fus_choice precision = {fus_model_args_precisions, FUS_PRECISION_FP32};
    bool skip_bad = false;
    struct fus_texts operands = {0};
    struct fus_pictures images = {0};
    fus_text_args_start(&texts);
    const struct fus_arg args[] = {{"--model", FUS_ARG_TEXT, &path},
                                   {"--labels", FUS_ARG_TEXT, &r.labels},
                                   {"--text-embeddings", FUS_ARG_TEXT, &r.embeddings},
                                   FUS_MODEL_ARGS(choice, options, precision, skip_bad),
                                   {"--top", FUS_ARG_COUNT, &r.top},
                                   {"--text-labels", FUS_ARG_TEXT, &texts.file},
                                   {"--text-model", FUS_ARG_TEXT, &r.text_model},
                                   {"--template", FUS_ARG_LIST, &texts.templates},
                                   {"--templates", FUS_ARG_TEXT, &texts.template_file},
                                   {"--truncate", FUS_ARG_FLAG, &texts.truncate},
                                   {"--vocab", FUS_ARG_TEXT, &texts.vocab},
                                   {0}};
    int status = fus_args_parse("classify", help, args, &operands, argc, argv);
    if (status)
        return status < 0 ? 0 : status;
    if (!path || operands.n == 0)
        return fus_args_usage("classify", "--model FILE and pictures expected");
    status = check(&r);
    if (!status)
        status = fus_model_args_check("classify", &choice);
    if (status)
        return status;
    texts.normalize = true; /* cosines */
    options.precision = texts.precision = (enum fus_precision)precision.value;
    r.prefix = choice.prefix;
    r.activation = choice.activation;
    struct fus_error err = {0};
    struct fus_model m = {0};
    int code = fus_pictures_open(&images, operands.items, operands.n, &fus_progress_notes, &err);
    options.low_memory = options.low_memory || images.set.n_pictures == 1; /* each layer is needed once */
    if (!code)
        code = fus_model_open(&m, path, &choice, &options, &err);
    if (code) {
        fus_pictures_close(&images);
        return fus_args_failed(&err);
    }
    fus_interrupt_catch();
    code = fus_pictures_check(&images, &m, skip_bad, &err);
    if (!code)
        code = classify(&m, &r, &images, &err);
    if (!code)
        fus_progress_tell_model(&m);
    fus_model_close(&m);
    fus_pictures_close(&images);
    return code ? fus_args_failed(&err) : 0;
}
