/* SPDX-License-Identifier: MIT */
/* scores.csv: retrieval by the decoder in every fold, by ridge regression and by decoders of
 * relabelled images in the test fold.
 *
 *   p = (b + 1) / (M + 1), b: permuted decoders that are at least as good (Phipson & Smyth 2010) */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "analysis/inference.h"
#include "analysis/run/csv.h"
#include "analysis/sdc/decode_work.h"
#include "analysis/sdc/noise.h"
#include "analysis/sdc/ridge.h"
#include "analysis/sdc/score.h"
#include "nn/base/rng.h"

static const char *const folds[] = {"train", "val", "test"};
static const char *const kinds[] = {"single", "averaged"};

static const char header[] = "participant,decoder,fold,trials,n_trials,n_images,metric,k,value,low,high,chance,p\n";

/* Values of the permuted decoders: [M] of each metric, by kind of trials. */
struct chance {
    int n;
    double *values[2][FUS_SDC_SCORE_METRICS];
};

static void write_row(struct fus_outfile *f, const struct fus_sdc_work *w, const char *decoder, int fold, int kind,
                      const struct fus_sdc_scores *s, const struct fus_sdc_metric *m, double p)
{
    fus_csv_name(f, "", w->name);
    fus_outfile_printf(f, ",%s,%s,%s", decoder, folds[fold], kinds[kind]);
    fus_csv_count(f, s->n_trials);
    fus_csv_count(f, s->n_images);
    fus_outfile_printf(f, ",%s,", m->name);
    if (m->k)
        fus_outfile_printf(f, "%d", m->k);
    fus_csv_number(f, m->value);
    fus_csv_number(f, m->low);
    fus_csv_number(f, m->high);
    fus_csv_number(f, m->chance);
    fus_csv_number(f, p);
    fus_outfile_printf(f, "\n");
}

/* Of a metric whose permuted values are known; NaN: none are. */
static double p_value(const struct chance *c, int kind, int k, const struct fus_sdc_metric *m)
{
    bool small_is_good = strstr(m->name, "rank") != NULL;
    int as_good = 0;
    if (!c || !c->n)
        return NAN;
    for (int i = 0; i < c->n; i++) {
        double x = c->values[kind][k][i];
        as_good += small_is_good ? x <= m->value : x >= m->value;
    }
    return (as_good + 1.0) / (c->n + 1.0);
}

/* ---- one decoder in one fold ---- */

/* scores [2]: of single trials and of their means. z [n, d], which becomes the means. */
static int score_fold(struct fus_sdc_scores scores[2], const struct fus_sdc_work *w, float *z, int fold, int resamples,
                      struct fus_error *err)
{
    const uint64_t parts[] = {w->o->seed, fus_sdc_noise_name(w->name), (uint64_t)fold};
    uint64_t key = fus_rng_key(parts, 3);
    struct fus_sdc_decoded d = {w->n[fold], w->embedding.d, z, w->image[fold], &w->embedding};
    int32_t *image = fus_base_alloc(d.n + 1, sizeof *image);
    float *means = fus_base_alloc(d.n * d.d + 1, sizeof *means);
    size_t n = 0;
    int code = image && means ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "%s: no memory for scores", w->name);
    if (!code)
        code = fus_sdc_score(&scores[0], &d, resamples, key, err);
    if (!code)
        code = fus_sdc_score_average(&n, means, image, &d, err);
    d.n = n, d.z = means, d.image = image;
    if (!code)
        code = fus_sdc_score(&scores[1], &d, resamples, key, err);
    fus_base_free(image);
    fus_base_free(means);
    return code;
}

static int decode_fold(struct fus_sdc_scores scores[2], const struct fus_sdc_work *w, const float *weight,
                       const float *bias, int fold, int resamples, struct fus_error *err)
{
    const struct fus_sdc_decoder decoder = {w->data->n_voxels, w->embedding.d, weight, bias};
    float *z = fus_base_alloc(w->n[fold] * w->embedding.d + 1, sizeof *z);
    int code = z ? fus_sdc_decoder_apply(z, &decoder, w->data, w->trials[fold], w->n[fold], err)
                 : fus_base_fail(err, FUS_ENOMEM, "%s: no memory for %zu decoded trials", w->name, w->n[fold]);
    if (!code)
        code = score_fold(scores, w, z, fold, resamples, err);
    fus_base_free(z);
    return code;
}

static void write_fold(struct fus_outfile *f, const struct fus_sdc_work *w, const char *decoder, int fold,
                       const struct fus_sdc_scores scores[2], const struct chance *chance)
{
    for (int kind = 0; kind < 2; kind++)
        for (int k = 0; k < scores[kind].n_metrics; k++) {
            const struct fus_sdc_metric *m = &scores[kind].metrics[k];
            write_row(f, w, decoder, fold, kind, &scores[kind], m, p_value(chance, kind, k, m));
        }
}

/* ---- the decoders ---- */

static int open_chance(struct chance *c, const struct fus_sdc_work *w, struct fus_error *err)
{
    size_t m = (size_t)w->o->permutations;
    double *all = fus_base_alloc(2 * FUS_SDC_SCORE_METRICS * m + 1, sizeof *all);
    *c = (struct chance){0};
    if (!all)
        return fus_base_fail(err, FUS_ENOMEM, "%s: no memory for %zu permutations", w->name, m);
    for (int kind = 0; kind < 2; kind++)
        for (int k = 0; k < FUS_SDC_SCORE_METRICS; k++)
            c->values[kind][k] = all + ((size_t)kind * FUS_SDC_SCORE_METRICS + (size_t)k) * m;
    return FUS_OK;
}

/* Scores of the permuted decoders in the test fold: `scores` becomes means and middle 95 %. */
static int score_permuted(struct chance *c, struct fus_sdc_scores scores[2], const struct fus_sdc_work *w,
                          struct fus_error *err)
{
    size_t n = w->data->n_voxels * w->embedding.d;
    float *weight = fus_base_alloc(n + w->embedding.d, sizeof *weight);
    int code = weight ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "%s: no memory for a decoder", w->name);
    for (; c->n < w->o->permutations && !code; c->n += !code) {
        code = fus_sdc_fits_read(weight, weight + n, w, FUS_SDC_PERMUTED, c->n, err);
        if (!code)
            code = decode_fold(scores, w, weight, weight + n, FUS_SDC_TEST, 0, err);
        for (int kind = 0; kind < 2 && !code; kind++)
            for (int k = 0; k < scores[kind].n_metrics; k++)
                c->values[kind][k][c->n] = scores[kind].metrics[k].value;
    }
    for (int kind = 0; kind < 2 && !code; kind++)
        for (int k = 0; k < scores[kind].n_metrics && c->n; k++) {
            struct fus_sdc_metric *m = &scores[kind].metrics[k];
            fus_order_sort(c->values[kind][k], (size_t)c->n);
            m->low = fus_order_quantile(c->values[kind][k], (size_t)c->n, 0.025);
            m->high = fus_order_quantile(c->values[kind][k], (size_t)c->n, 0.975);
            m->value = 0;
            for (int i = 0; i < c->n; i++)
                m->value += c->values[kind][k][i] / c->n;
        }
    fus_base_free(weight);
    return code;
}

static int write_contrastive(struct fus_outfile *f, const struct fus_sdc_work *w, const struct chance *chance,
                             struct fus_error *err)
{
    int code = FUS_OK;
    for (int fold = 0; fold < 3 && !code; fold++) {
        struct fus_sdc_scores scores[2];
        if (!w->n[fold])
            continue;
        code = decode_fold(scores, w, w->w, w->b, fold, FUS_SDC_RESAMPLES, err);
        if (!code)
            write_fold(f, w, "contrastive", fold, scores, fold == FUS_SDC_TEST ? chance : NULL);
    }
    return code;
}

/* The penalty is chosen by top-1 of single validation trials, then top-5, then the larger one. */
static int choose_ridge(float *best, double *alpha, const struct fus_sdc_work *w, struct fus_error *err)
{
    size_t n = w->data->n_voxels * w->embedding.d, bytes = (n + w->embedding.d) * sizeof *best;
    const struct fus_sdc_fit_source source = {w->data, &w->embedding, w->trials[FUS_SDC_TRAIN], w->image[FUS_SDC_TRAIN],
                                              w->n[FUS_SDC_TRAIN]};
    float *one = fus_base_alloc(bytes, 1);
    double top[2] = {-1, -1};
    struct fus_sdc_ridge *r = NULL;
    int code = one ? fus_sdc_ridge_open(&r, &source, err) : fus_base_fail(err, FUS_ENOMEM, "%s: no memory", w->name);
    for (int i = 0; i < w->o->n_alphas && !code; i++) {
        struct fus_sdc_scores scores[2];
        code = fus_sdc_ridge_solve(one, one + n, r, w->o->alphas[i], err);
        if (!code)
            code = decode_fold(scores, w, one, one + n, FUS_SDC_VAL, 0, err);
        if (code)
            break;
        double first = fus_sdc_score_value(&scores[0], "top", 1), fifth = fus_sdc_score_value(&scores[0], "top", 5);
        if (first < top[0] || (first == top[0] && fifth < top[1]))
            continue;
        top[0] = first, top[1] = fifth;
        *alpha = w->o->alphas[i];
        memcpy(best, one, bytes);
    }
    fus_sdc_ridge_close(r);
    fus_base_free(one);
    return code;
}

static int write_ridge(struct fus_outfile *f, const struct fus_sdc_work *w, struct fus_error *err)
{
    size_t n = w->data->n_voxels * w->embedding.d;
    float *best = fus_base_alloc(n + w->embedding.d, sizeof *best);
    struct fus_sdc_metric alpha = {"alpha", 0, NAN, NAN, NAN, NAN};
    struct fus_sdc_scores scores[2] = {{0}};
    int code =
        best ? choose_ridge(best, &alpha.value, w, err) : fus_base_fail(err, FUS_ENOMEM, "%s: no memory", w->name);
    if (!code)
        code = decode_fold(scores, w, best, best + n, FUS_SDC_TEST, FUS_SDC_RESAMPLES, err);
    if (!code) {
        write_row(f, w, "ridge", FUS_SDC_TEST, 0, &scores[0], &alpha, NAN);
        write_fold(f, w, "ridge", FUS_SDC_TEST, scores, NULL);
    }
    fus_base_free(best);
    return code;
}

int fus_sdc_scores_write(struct fus_sdc_work *w, struct fus_error *err)
{
    struct fus_sdc_scores permuted[2] = {{0}};
    struct chance chance;
    struct fus_outfile f;
    char path[FUS_SDC_PATH_BYTES];
    int code = open_chance(&chance, w, err);
    if (code)
        return code;
    fus_sdc_work_path(path, w, "parts/%s-scores.csv", w->name);
    code = fus_outfile_open(&f, path, err);
    if (!code) {
        fus_outfile_printf(&f, "%s", header);
        if (w->n[FUS_SDC_TEST])
            code = score_permuted(&chance, permuted, w, err);
        if (!code)
            code = write_contrastive(&f, w, &chance, err);
        if (!code && w->o->n_alphas && w->n[FUS_SDC_VAL] && w->n[FUS_SDC_TEST])
            code = write_ridge(&f, w, err);
        if (!code && chance.n)
            write_fold(&f, w, "permuted", FUS_SDC_TEST, permuted, NULL);
        if (!code)
            code = fus_outfile_commit(&f, err);
        else
            fus_outfile_discard(&f);
    }
    fus_base_free(chance.values[0][0]);
    return code;
}

/* ---- all participants ---- */

int fus_sdc_scores_join(const struct fus_sdc_work *w, struct fus_error *err)
{
    struct fus_outfile f;
    char path[FUS_SDC_PATH_BYTES];
    fus_sdc_work_path(path, w, "scores.csv");
    int code = fus_outfile_open(&f, path, err);
    if (code)
        return code;
    fus_outfile_printf(&f, "%s", header);
    for (int p = 0; p < w->study->n && !code; p++) {
        uint8_t *text = NULL;
        size_t n;
        fus_sdc_work_path(path, w, "parts/%s-scores.csv", w->study->participants[p].name);
        code = fus_base_read_file(&text, &n, path, (size_t)1 << 30, err);
        if (code)
            fus_base_blame(err, "%s: ", path);
        else if (n >= sizeof header - 1)
            fus_outfile_write(&f, text + sizeof header - 1, n - (sizeof header - 1));
        fus_base_free(text);
    }
    if (!code)
        return fus_outfile_commit(&f, err);
    fus_outfile_discard(&f);
    return code;
}
