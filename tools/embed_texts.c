/* SPDX-License-Identifier: MIT */
/* Embeddings of texts as a file that NumPy opens: see embed_texts.h. */
#include "tools/embed_texts.h"

#include <string.h>

#include "analysis/lsa.h"
#include "analysis/report/report.h"
#include "nn/base/json.h"
#include "nn/base/number.h"
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

/* ---- latent semantic analysis: no model ---- */

bool fus_embed_texts_is_lsa(const char *model)
{
    return strcmp(model, "lsa") == 0 || strncmp(model, "lsa:", 4) == 0;
}

static int write_lsa_record(const char *out, const struct fus_lsa_texts *l, size_t n, struct fus_error *err)
{
    char path[4096];
    struct fus_outfile f;
    if (fus_outfile_is_stream(out))
        return FUS_OK;
    if (snprintf(path, sizeof path, "%s.json", out) >= (int)sizeof path)
        return fus_base_fail(err, FUS_EINVAL, "-o: a path of %zu characters; at most 4000 are possible", strlen(out));
    int code = fus_outfile_open(&f, path, err);
    if (code)
        return code;
    fus_outfile_printf(&f, "{\n");
    put_pair(&f, "version", FUS_VERSION);
    put_pair(&f, "model", "lsa");
    fus_outfile_printf(&f,
                       "  \"words\": %d,\n  \"dimensions\": %d,\n  \"share_of_variance\": %.17g,\n"
                       "  \"unit_length\": true,\n  \"texts\": %zu\n}\n",
                       l->n_words, l->dim, l->share, n);
    return fus_outfile_commit(&f, err);
}

/* The message names the text, or the file of all. */
static int blame(const struct fus_text_job *job, size_t bad, struct fus_error *err)
{
    const char *path = job->path ? job->path : "--text";
    return bad < job->n ? fus_base_blame(err, "%s: %s %d: ", path, job->path ? "line" : "text", job->texts[bad].number)
                        : fus_base_blame(err, "%s: ", path);
}

static int embed_lsa(const char *out, int dim, const struct fus_text_job *job, struct fus_error *err)
{
    struct fus_lsa_texts l;
    const char **texts = fus_base_alloc(job->n + 1, sizeof *texts);
    if (!texts)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for %zu texts", job->n);
    for (size_t i = 0; i < job->n; i++)
        texts[i] = job->texts[i].text;
    int code = fus_lsa_of_texts(&l, texts, job->n, dim, err);
    fus_base_free(texts);
    if (code)
        return blame(job, l.bad, err);
    struct fus_npy_array a = {"texts", "<f4", 2, {job->n, (size_t)l.dim}, l.rows};
    code = fus_npyout_npy(out, &a, err);
    if (!code)
        code = write_lsa_record(out, &l, job->n, err);
    if (!code)
        fus_args_tell("fusiform: LSA of %zu texts: %d words, %d dimensions, %.0f %% of their variance", job->n,
                      l.n_words, l.dim, 100 * l.share);
    fus_base_free(l.rows);
    return code;
}

int fus_embed_texts_lsa(const char *out, const char *model, const struct fus_text_args *args)
{
    struct fus_text_input in;
    struct fus_error err = {0};
    uint64_t dim = 0;
    const char *d = model + strlen("lsa");
    if (*d && !(fus_number_whole(&dim, d + 1, NULL) && dim >= 1 && dim <= FUS_LSA_MAX_WORDS))
        return fus_args_usage("embed", "'%s' found, lsa or lsa:D expected, D from 1 to %d", model, FUS_LSA_MAX_WORDS);
    int code = fus_text_args_read(&in, args, FUS_TEXT_LINES_TEXTS, NULL, &err);
    if (!code) {
        code = embed_lsa(out, (int)dim, &in.job, &err);
        fus_text_args_free(&in);
    }
    return code ? fus_args_failed(&err) : 0;
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
