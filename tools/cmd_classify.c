/* fusiform classify: the most probable classes of pictures. */
#include <stdio.h>
#include <string.h>

#include "args.h"
#include "commands.h"
#include "model.h"

static const char help[] =
    "usage: fusiform classify --model FILE [--labels FILE] [--top 5] IMAGE...\n\n"
    "Prints the most probable classes of each picture, tab-separated: image, rank, class, probability.\n"
    "  --labels  a text file with one class name a line; without it classes are numbers from 0\n\n"
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

struct sight {
    float *scores;
    int n;
};

static int on_tap(void *context, int tap, int picture, const float *blocked)
{
    struct sight *s = context;
    (void)tap;
    (void)picture;
    fus_tensor_unblock(s->scores, blocked, s->n, 1);
    return FUS_OK;
}

/* The `top` greatest, ties by class number; scores are spoilt. */
static void print_top(const char *image, float *scores, int n, int top, const struct labels *labels)
{
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

static int classify(const struct fus_model *m, const struct labels *labels, int top, const struct fus_texts *images,
                    struct fus_error *err)
{
    int tap = fus_net_class_tap(m->net), code = FUS_OK;
    size_t n_taps = (size_t)fus_net_n_taps(m->net);
    struct sight s = {.n = m->spec.n_classes};
    bool *wanted = fus_base_alloc(n_taps, sizeof *wanted);
    float *input = fus_base_alloc(m->input_floats, sizeof *input);
    s.scores = fus_base_alloc((size_t)s.n, sizeof *s.scores);
    if (!wanted || !input || !s.scores)
        code = fus_base_fail(err, FUS_ENOMEM, "no memory for a picture");
    else
        wanted[tap] = true;
    for (int i = 0; i < images->n && !code; i++) {
        code = fus_model_input(input, m, images->items[i], err);
        if (!code)
            code = fus_net_forward(m->net, input, 1, wanted, on_tap, &s, err);
        if (!code) {
            fus_softmax_apply(s.scores, (size_t)s.n);
            print_top(images->items[i], s.scores, s.n, top, labels);
        }
        if (!code && fus_model_stopping())
            code = fus_base_fail(err, FUS_ESTOPPED, "stopped after %d of %d pictures", i + 1, images->n);
    }
    fus_base_free(wanted);
    fus_base_free(input);
    fus_base_free(s.scores);
    return code;
}

int fus_cmd_classify(int argc, char **argv)
{
    const char *path = NULL, *label_file = NULL;
    int top = 5;
    struct fus_texts images = {0};
    const struct fus_arg args[] = {{"--model", FUS_ARG_TEXT, &path},
                                   {"--labels", FUS_ARG_TEXT, &label_file},
                                   {"--top", FUS_ARG_COUNT, &top},
                                   {0}};
    int status = fus_args_parse("classify", help, args, &images, argc, argv);
    if (status)
        return status < 0 ? 0 : status;
    if (!path || images.n == 0)
        return fus_args_usage("classify", "--model FILE and at least one picture expected");
    struct fus_error err = {0};
    struct fus_model m;
    struct labels labels = {0};
    int code = fus_model_open(&m, path, NULL, 1, &err);
    if (code)
        return fus_args_failed(&err);
    fus_model_catch_interrupt();
    if (fus_net_class_tap(m.net) < 0)
        code = fus_base_fail(&err, FUS_ENOTFOUND, "%s: %s has no classes (no fc); `fusiform embed` gives its features", path,
                             m.description);
    if (!code && label_file)
        code = read_labels(&labels, label_file, m.spec.n_classes, &err);
    if (!code)
        code = classify(&m, &labels, top, &images, &err);
    fus_base_free(labels.names);
    fus_base_free(labels.text);
    fus_model_close(&m);
    return code ? fus_args_failed(&err) : 0;
}
