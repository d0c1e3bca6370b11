/* fusiform classify: the most probable classes of pictures; zero-shot where the embeddings of class
 * descriptions are given (Radford et al. 2021): softmax over scale * cosine(picture, text). */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "analysis/localizer/model.h"
#include "analysis/localizer/pictures.h"
#include "nn/base/fmath.h"
#include "nn/base/text.h"
#include "nn/base/utf8.h"
#include "tools/args.h"
#include "tools/commands.h"
#include "tools/interrupt.h"
#include "tools/model_args.h"
#include "tools/progress.h"

static const char help[] =
    "usage: fusiform classify --model FILE [--labels FILE] [--top 5] [--text-embeddings FILE.npy] PICTURES...\n\n"
    "Prints the most probable classes of each picture, tab-separated: image, rank, class, probability.\n"
    "PICTURES: files, folders, lists FILE.tsv as in `fusiform run`, or builtin. A folder of folders is taken in run's "
    "order, a\n"
    "folder of pictures in the order of its names. Names are printed on one line: a tab as \\t, bytes that are not "
    "UTF-8 as \\xe9.\n"
    "  --labels           a text file with one class name a line; without it classes are numbers from 0\n"
    "  --text-embeddings  zero-shot, for CLIP and language heads: [classes, D], a row for the description of each "
    "class;\n"
    "                     softmax of cosine similarities times the file's logit scale (100 where it has none)\n"
    "  --lang-head PREFIX name of the language head where it is not lang_head\n"
    "  --prefix P         which of the file's networks, where it holds several: --prefix teacher, model_ema, ...\n"
    "  --preprocess P     how pictures are prepared: torchvision, torchvision-v2, clip, cifar, or\n"
    "                     resize=256,interp=bilinear,crop=224,mean=.485/.456/.406,std=.229/.224/.225\n"
    "  --low-memory       hold one layer's weights at a time: slower, the same bytes\n"
    "  --skip-bad         leave out pictures that cannot be read; else they are all listed, and nothing is printed\n\n"
    "example: fusiform classify --model resnet50.pth --labels imagenet.txt --top 3 cat.jpg\n";

#define MAX_LABEL_BYTES ((size_t)64 << 20)

struct labels {
    char *text;
    const char **names;
    int n;
};

/* One name a line; a last line without an end counts, an empty last line does not. */
static int read_labels(struct labels *l, const char *path, int n_classes, struct fus_error *err)
{
    uint8_t *bytes;
    size_t n;
    int code = fus_base_read_file(&bytes, &n, path, MAX_LABEL_BYTES, err);
    if (code)
        return fus_base_blame(err, "%s: ", path);
    l->text = (char *)bytes;
    l->names = fus_base_alloc((size_t)n_classes, sizeof *l->names);
    if (!l->names)
        return fus_base_fail(err, FUS_ENOMEM, "%s: no memory for its names", path);
    for (char *line = l->text; line < l->text + n;) {
        char *end = memchr(line, '\n', (size_t)(l->text + n - line));
        if (!end)
            end = l->text + n;
        *end = '\0';
        if (end > line && end[-1] == '\r')
            end[-1] = '\0';
        if (l->n < n_classes)
            l->names[l->n] = line;
        l->n++;
        line = end + 1;
    }
    if (l->n != n_classes)
        return fus_base_fail(err, FUS_EFORMAT, "%s: %d lines found, the model has %d classes", path, l->n, n_classes);
    return FUS_OK;
}

/* What the scores of a picture are made from: a tap of classes, or of an embedding
 * compared with texts. */
struct sight {
    int tap, n, n_classes;
    float *values, *scores; /* [n] the tap; [n_classes] */
    float *texts;           /* [n_classes, n] of length 1; NULL: the tap holds classes */
    double scale;
};

static int on_tap(void *context, int tap, int picture, const float *blocked)
{
    struct sight *s = context;
    (void)tap;
    (void)picture;
    fus_tensor_unblock(s->values, blocked, s->n, 1);
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

/* Logits of the picture just seen. */
static void score(struct sight *s)
{
    if (!s->texts) {
        memcpy(s->scores, s->values, (size_t)s->n * sizeof *s->scores);
        return;
    }
    double norm = length(s->values, s->n);
    for (int c = 0; c < s->n_classes; c++) {
        double dot = 0;
        for (int i = 0; i < s->n; i++)
            dot += (double)s->values[i] * s->texts[(size_t)c * (size_t)s->n + (size_t)i];
        s->scores[c] = (float)(norm > 0 ? s->scale * dot / norm : 0);
    }
}

/* exp of the checkpoint's `logit_scale`; 100, what OpenAI's models were clipped to, if there is
 * none. */
static int find_scale(double *scale, struct fus_store *store, struct fus_error *err)
{
    *scale = 100;
    for (size_t i = 0; i < fus_store_count(store); i++) {
        const struct fus_tensor *t = fus_store_tensor(store, i);
        size_t n = strlen(t->name);
        float value;
        if (t->n_elements != 1 || n < 11 || strcmp(t->name + n - 11, "logit_scale") != 0)
            continue;
        int code = fus_store_read_f32(store, &value, t, err);
        if (!code)
            *scale = fus_fmath_exp((double)value);
        return code;
    }
    return FUS_OK;
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
    for (int c = 0; c < s->n_classes && !code; c++) {
        float *v = s->texts + (size_t)c * (size_t)s->n;
        double norm = length(v, s->n);
        for (int i = 0; i < s->n; i++)
            v[i] = (float)(norm > 0 ? v[i] / norm : 0);
    }
    fus_store_close(file);
    return code ? code : find_scale(&s->scale, m->store, err);
}

static int look(struct sight *s, struct fus_model *m, const struct labels *labels, int top,
                const struct fus_pictures *images, struct fus_error *err)
{
    int code = FUS_OK;
    size_t n_taps = (size_t)fus_net_n_taps(m->net);
    bool *wanted = fus_base_alloc(n_taps, sizeof *wanted);
    float *input = fus_base_alloc(m->input_floats, sizeof *input);
    s->scores = fus_base_alloc((size_t)s->n_classes, sizeof *s->scores);
    s->values = fus_base_alloc((size_t)s->n, sizeof *s->values);
    if (!wanted || !input || !s->scores || !s->values)
        code = fus_base_fail(err, FUS_ENOMEM, "no memory for a picture");
    else
        wanted[s->tap] = true;
    for (int i = 0; i < images->set.n_pictures && !code; i++) {
        code = fus_pictures_input(input, images, m, i, err);
        if (!code)
            code = fus_net_forward(m->net, input, 1, wanted, on_tap, s, err);
        if (!code && fus_model_check_tap(m, s->tap, s->values, images->set.pictures[i].path, err)) {
            code = fus_model_find_bad_layer(m, input, images->set.pictures[i].path, err);
            code = code ? code : FUS_EFORMAT; /* as check_tap says */
        }
        if (!code) {
            score(s);
            fus_softmax_apply(s->scores, (size_t)s->n_classes);
            print_top(images->set.pictures[i].path, s->scores, s->n_classes, top, labels);
        }
        if (!code && fus_base_stopping())
            code = fus_base_fail(err, FUS_ESTOPPED, "stopped after %d of %d pictures", i + 1, images->set.n_pictures);
    }
    fus_base_free(wanted);
    fus_base_free(input);
    fus_base_free(s->scores);
    fus_base_free(s->values);
    return code;
}

static int classify(struct fus_model *m, const char *label_file, const char *text_file, int top,
                    const struct fus_pictures *images, struct fus_error *err)
{
    struct labels labels = {0};
    struct sight s = {.tap = text_file ? fus_net_embedding_tap(m->net) : fus_net_class_tap(m->net)};
    if (s.tap < 0)
        return fus_base_fail(
            err, FUS_ENOTFOUND,
            "%s: %s has no classes (no fc); give --text-embeddings, or take its features with `fusiform embed`",
            fus_store_path(m->store), m->description);
    s.n = s.n_classes = fus_net_tap(m->net, s.tap)->channels;
    int code = text_file ? read_texts(&s, text_file, m, err) : FUS_OK;
    if (!code && label_file)
        code = read_labels(&labels, label_file, s.n_classes, err);
    if (!code)
        code = look(&s, m, &labels, top, images, err);
    fus_base_free(s.texts);
    fus_base_free(labels.names);
    fus_base_free(labels.text);
    return code;
}

int fus_cmd_classify(int argc, char **argv)
{
    const char *path = NULL, *label_file = NULL, *text_file = NULL;
    struct fus_model_choice choice = {0};
    int top = 5;
    struct fus_net_options options = {0};
    bool skip_bad = false;
    struct fus_texts operands = {0};
    struct fus_pictures images = {0};
    const struct fus_arg args[] = {{"--model", FUS_ARG_TEXT, &path},
                                   {"--labels", FUS_ARG_TEXT, &label_file},
                                   {"--text-embeddings", FUS_ARG_TEXT, &text_file},
                                   {"--lang-head", FUS_ARG_TEXT, &choice.lang_head},
                                   {"--prefix", FUS_ARG_TEXT, &choice.prefix},
                                   {"--preprocess", FUS_ARG_TEXT, &choice.preprocess},
                                   {"--low-memory", FUS_ARG_FLAG, &options.low_memory},
                                   {"--skip-bad", FUS_ARG_FLAG, &skip_bad},
                                   {"--top", FUS_ARG_COUNT, &top},
                                   {0}};
    int status = fus_args_parse("classify", help, args, &operands, argc, argv);
    if (status)
        return status < 0 ? 0 : status;
    if (!path || operands.n == 0)
        return fus_args_usage("classify", "--model FILE and pictures expected");
    status = fus_model_args_check("classify", &choice);
    if (status)
        return status;
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
        code = classify(&m, label_file, text_file, top, &images, &err);
    if (!code)
        fus_progress_tell_model(&m);
    fus_model_close(&m);
    fus_pictures_close(&images);
    return code ? fus_args_failed(&err) : 0;
}
