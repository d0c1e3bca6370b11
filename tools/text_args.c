/* SPDX-License-Identifier: MIT */
/* Options of the commands that take texts: see text_args.h. */
#include "tools/text_args.h"

#include <string.h>

#include "tools/progress.h"

void fus_text_args_start(struct fus_text_args *a)
{
    memset(a, 0, sizeof *a);
    a->texts = (struct fus_texts){a->text_items, 0, FUS_TEXT_ARGS_MAX};
    a->templates = (struct fus_texts){a->template_items, 0, FUS_TEXT_ARGS_MAX};
}

bool fus_text_args_any_option(const struct fus_text_args *a)
{
    return a->templates.n || a->template_file || a->vocab || a->truncate || a->normalize;
}

int fus_text_args_check(const char *command, const struct fus_text_args *a)
{
    for (int i = 0; i < a->templates.n; i++)
        if (!fus_text_model_is_template(a->template_items[i], strlen(a->template_items[i])))
            return fus_args_usage(command, "--template '%s': {} expected once, where the text goes",
                                  a->template_items[i]);
    return 0;
}

struct fus_text_model_choice fus_text_args_choice(const struct fus_text_args *a, const char *prefix,
                                                  const char *activation)
{
    return (struct fus_text_model_choice){
        .prefix = prefix, .vocab = a->vocab, .activation = activation, .precision = a->precision};
}

static int take_templates(struct fus_text_input *in, const struct fus_text_args *a, const char *standard,
                          struct fus_error *err)
{
    int code = a->template_file ? fus_text_lines_read(&in->template_file, a->template_file, FUS_TEXT_LINES_NAMES, err)
                                : FUS_OK;
    if (code)
        return code;
    in->templates = fus_base_alloc((size_t)a->templates.n + in->template_file.n + 1, sizeof *in->templates);
    if (!in->templates)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for the templates");
    int n = 0;
    for (; n < a->templates.n; n++)
        in->templates[n] = a->template_items[n];
    for (size_t i = 0; i < in->template_file.n; i++) {
        const struct fus_text_line *line = &in->template_file.lines[i];
        if (!fus_text_model_is_template(line->text, strlen(line->text)))
            return fus_base_fail(err, FUS_EFORMAT, "%s: line %d: {} expected once, where the text goes",
                                 a->template_file, line->number);
        in->templates[n++] = line->text;
    }
    if (n == 0 && standard)
        in->templates[n++] = standard;
    in->job.templates = in->templates;
    in->job.n_templates = n;
    return FUS_OK;
}

static int take_texts(struct fus_text_input *in, const struct fus_text_args *a, enum fus_text_lines_kind kind,
                      struct fus_error *err)
{
    if (a->file) {
        int code = fus_text_lines_read(&in->file, a->file, kind, err);
        in->job.texts = in->file.lines;
        in->job.n = in->file.n;
        in->job.path = a->file;
        return code;
    }
    in->given = fus_base_alloc((size_t)a->texts.n + 1, sizeof *in->given);
    if (!in->given)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for the texts");
    for (int i = 0; i < a->texts.n; i++)
        in->given[i] = (struct fus_text_line){a->text_items[i], strlen(a->text_items[i]), i + 1};
    in->job.texts = in->given;
    in->job.n = (size_t)a->texts.n;
    return FUS_OK;
}

int fus_text_args_read(struct fus_text_input *in, const struct fus_text_args *a, enum fus_text_lines_kind kind,
                       const char *standard, struct fus_error *err)
{
    memset(in, 0, sizeof *in);
    in->job.normalize = a->normalize;
    in->job.truncate = a->truncate;
    int code = take_texts(in, a, kind, err);
    if (!code)
        code = take_templates(in, a, standard, err);
    if (code)
        fus_text_args_free(in);
    return code;
}

void fus_text_args_free(struct fus_text_input *in)
{
    fus_text_lines_free(&in->file);
    fus_text_lines_free(&in->template_file);
    fus_base_free(in->given);
    fus_base_free(in->templates);
    memset(in, 0, sizeof *in);
}

struct course {
    double started;
    bool shown;
};

/* Nothing for texts that go through the tower at once. */
static void show(void *context, size_t done, size_t of)
{
    struct course *c = context;
    c->shown = c->shown || done < of;
    if (c->shown)
        fus_progress_show("embedding", "texts", (int)done, (int)of, c->started);
}

int fus_text_args_embed(float **out, struct fus_text_model *m, struct fus_text_input *in, struct fus_error *err)
{
    struct course course = {fus_progress_now(), false};
    size_t dim = (size_t)fus_text_model_dim(m);
    *out = fus_base_alloc(in->job.n, dim * sizeof **out);
    if (!*out)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for the embeddings of %zu texts", in->job.n);
    in->job.progress = show;
    in->job.context = &course;
    int code = fus_text_model_embed(*out, m, &in->job, err);
    if (code) {
        fus_base_free(*out);
        *out = NULL;
    } else if (fus_text_model_looks_misread(&in->job))
        fus_args_tell("fusiform: a text looks like UTF-8 read as Latin-1; it is taken as it is");
    return code;
}
