/* SPDX-License-Identifier: MIT */
/* Embeddings of texts as a file that NumPy opens: see embed_texts.h. */
#include "tools/embed_texts.h"

#include <string.h>

#include "analysis/report/report.h"
#include "nn/base/json.h"
#include "nn/base/outfile.h"
#include "tools/interrupt.h"

static const char *file_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : path;
}

static void put_pair(struct fus_outfile *f, const char *key, const char *value)
{
    fus_outfile_printf(f, "  \"%s\": ", key);
    fus_json_write(f, value);
    fus_outfile_printf(f, ",\n");
}

/* What the numbers depend on. File names have no folders, so that it is the same everywhere. */
static int write_record(const char *out, const struct fus_text_model *m, const struct fus_text_input *in,
                        struct fus_error *err)
{
    char path[4096], sha256[FUS_SHA256_HEX];
    struct fus_outfile f;
    const struct fus_vocab *v = fus_text_model_vocab(m);
    struct fus_store *store = fus_text_model_store(m);
    if (fus_outfile_is_stream(out))
        return FUS_OK;
    if (snprintf(path, sizeof path, "%s.json", out) >= (int)sizeof path)
        return fus_base_fail(err, FUS_EINVAL, "-o: a path of %zu characters; at most 4000 are possible", strlen(out));
    int code = fus_store_sha256(store, sha256, err);
    if (!code)
        code = fus_outfile_open(&f, path, err);
    if (code)
        return code;
    fus_outfile_printf(&f, "{\n");
    put_pair(&f, "version", FUS_VERSION);
    put_pair(&f, "model", file_name(fus_store_path(store)));
    put_pair(&f, "model_sha256", sha256);
    put_pair(&f, "activation", fus_text_model_activation(m));
    put_pair(&f, "precision", fus_net_precision_name(fus_text_model_precision(m)));
    put_pair(&f, "vocabulary", file_name(fus_vocab_path(v)));
    put_pair(&f, "vocabulary_sha256", fus_vocab_sha256(v));
    fus_outfile_printf(&f, "  \"templates\": [");
    for (int i = 0; i < in->job.n_templates; i++) {
        fus_outfile_printf(&f, "%s", i ? ", " : "");
        fus_json_write(&f, in->job.templates[i]);
    }
    bool unit = in->job.normalize || in->job.n_templates > 1;
    fus_outfile_printf(&f, "],\n  \"unit_length\": %s,\n  \"truncated\": %s,\n  \"texts\": %zu\n}\n",
                       unit ? "true" : "false", in->job.truncate ? "true" : "false", in->job.n);
    return fus_outfile_commit(&f, err);
}

static int embed(const char *out, const char *path, const struct fus_text_model_choice *choice,
                 struct fus_text_input *in, struct fus_error *err)
{
    struct fus_text_model *m;
    float *rows = NULL;
    int code = fus_text_model_open(&m, path, choice, err);
    if (code)
        return code;
    code = fus_text_args_embed(&rows, m, in, err);
    if (!code) {
        struct fus_npy_array a = {"texts", "<f4", 2, {in->job.n, (size_t)fus_text_model_dim(m)}, rows};
        code = fus_npyout_npy(out, &a, err);
    }
    if (!code)
        code = write_record(out, m, in, err);
    fus_base_free(rows);
    fus_text_model_close(m);
    return code;
}

int fus_embed_texts_run(const char *out, const char *path, const struct fus_model_choice *model,
                        const struct fus_text_args *args)
{
    struct fus_text_input in;
    struct fus_error err = {0};
    struct fus_text_model_choice choice = fus_text_args_choice(args, model->prefix, model->activation);
    int code = fus_text_args_read(&in, args, FUS_TEXT_LINES_TEXTS, NULL, &err);
    if (!code) {
        fus_interrupt_catch();
        code = embed(out, path, &choice, &in, &err);
        fus_text_args_free(&in);
    }
    return code ? fus_args_failed(&err) : 0;
}
