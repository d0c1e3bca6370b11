/* SPDX-License-Identifier: MIT */
/* A linear decoder from responses to image embeddings, trained by symmetric InfoNCE and Adam with
 * noise on the inputs (loss.h has the objective; METHOD.md, "Shared decodable concepts").
 *
 *     code = fus_sdc_fit_create(&f, &source, &options, key, err);
 *     while (fus_sdc_fit_steps(f) < options.iterations && !code)
 *         code = fus_sdc_fit_step(f, &loss, err);
 *     fus_sdc_fit_result(w, b, f);
 *
 * The weights are the same bits for any instruction set and number of threads. The order of every
 * sum: z a float chain over voxels, then + b; |z| a double chain over j, p = float(z / |z|);
 * p . y a float chain over j, times the float 1 / tau; softmax in float as in networks (kernels.h);
 * G rounded to float; dp a float chain over the batch; dp . p in double, dz rounded; dW and db
 * float chains over the batch; Adam in float (nn/train/optimise.h, AdamW without decay). */
#ifndef FUS_SDC_FIT_H
#define FUS_SDC_FIT_H

#include "analysis/sdc/data.h"

#ifdef __cplusplus
extern "C" {
#endif

struct fus_sdc_fit_options {
    int iterations, batch;
    double rate, temperature; /* of Adam; tau of the similarities */
    double noise;             /* sd of what is added to the z-scores in every step */
    double tail;              /* the last share of the iterates is averaged; 0: the last one alone */
    bool mask_same_image;     /* two trials of one image are not each other's negatives */
};

#define FUS_SDC_FIT_BETA1 0.9 /* Kingma & Ba 2015 */
#define FUS_SDC_FIT_BETA2 0.999
#define FUS_SDC_FIT_EPSILON 1e-8

/* Training trials [n] of d, and for each the embedding's row it is to be decoded to. */
struct fus_sdc_fit_source {
    const struct fus_sdc_data *data;
    const struct fus_sdc_embedding *embedding;
    const int32_t *trials, *image;
    size_t n;
};

struct fus_sdc_fit;

/* Initial weights are uniform in +-1 / sqrt(V), as PyTorch's Linear. key: of all random choices,
 * from fus_sdc_fit_key. The arrays of the source must stay. */
int fus_sdc_fit_create(struct fus_sdc_fit **f, const struct fus_sdc_fit_source *source,
                       const struct fus_sdc_fit_options *o, uint64_t key, struct fus_error *err);
void fus_sdc_fit_destroy(struct fus_sdc_fit *f); /* NULL allowed */
uint64_t fus_sdc_fit_key(uint64_t seed, const char *participant, int rerun);
size_t fus_sdc_fit_bytes(const struct fus_sdc_fit_source *source, const struct fus_sdc_fit_options *o);

/* One batch; *loss is its loss before the update. */
int fus_sdc_fit_step(struct fus_sdc_fit *f, double *loss, struct fus_error *err);
int fus_sdc_fit_steps(const struct fus_sdc_fit *f); /* taken so far */

/* Seconds of all steps so far. */
struct fus_sdc_fit_times {
    double batch;  /* trials, noise, layouts */
    double decode; /* the product z = W' x~ */
    double loss;
    double update; /* the product dW with Adam */
};
struct fus_sdc_fit_times fus_sdc_fit_times(const struct fus_sdc_fit *f);

/* The decoder: w [V, d], b [d]. */
void fus_sdc_fit_result(float *w, float *b, const struct fus_sdc_fit *f);

/* The state of an unfinished fit. load: *found is false, and the fit unchanged, if there is no such
 * file, or it is damaged or of another fit. */
int fus_sdc_fit_save(const struct fus_sdc_fit *f, const char *path, struct fus_error *err);
int fus_sdc_fit_load(struct fus_sdc_fit *f, bool *found, const char *path, struct fus_error *err);

#ifdef __cplusplus
}
#endif

#endif
