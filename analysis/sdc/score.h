/* SPDX-License-Identifier: MIT */
/* How well images are retrieved from decoded embeddings (METHOD.md, "Shared decodable concepts").
 *
 * The candidates of a trial are the images of all trials scored together. Its rank is 1, plus the
 * candidates more similar (cosine) to its decoded embedding than its own image, plus earlier
 * candidates that are equally similar. */
#ifndef FUS_SDC_SCORE_H
#define FUS_SDC_SCORE_H

#include "analysis/sdc/data.h"

#ifdef __cplusplus
extern "C" {
#endif

#define FUS_SDC_SCORE_METRICS 16
#define FUS_SDC_SCORE_AMONG 300 /* candidates of top_1_among, as the literature reports it */
/* numbers of the similarity matrix up to which two_vs_two is computed: 256 MB */
#define FUS_SDC_SCORE_MATRIX ((size_t)1 << 26)

struct fus_sdc_decoded {
    size_t n, d;
    const float *z;       /* [n, d] decoded, of any length */
    const int32_t *image; /* [n] row of the embedding */
    const struct fus_sdc_embedding *embedding;
};

/* NaN: unknown. low and high: 95 % of resamples of the images. */
struct fus_sdc_metric {
    const char *name; /* top, top_1_among, two_vs_two, cosine, mean_rank, median_rank */
    int k;            /* of top and top_1_among; 0: none */
    double value, low, high, chance;
};

struct fus_sdc_scores {
    size_t n_trials, n_images;
    int n_metrics;
    struct fus_sdc_metric metrics[FUS_SDC_SCORE_METRICS];
};

/* top      the share of trials of rank <= k, k = 1, 5, 10, 50, 100, 500 below the number of images
 * top_1_among  the expected share of rank 1 among the own image and k - 1 others at random,
 *          mean of C(n - rank, k - 1) / C(n - 1, k - 1)
 * two_vs_two   the share of pairs of trials of different images with s_ii + s_jj > s_ij + s_ji
 *
 * n_resamples 0: no intervals. key: of their random numbers. */
int fus_sdc_score(struct fus_sdc_scores *out, const struct fus_sdc_decoded *z, int n_resamples, uint64_t key,
                  struct fus_error *err);

/* rank [n], own [n] (the cosine with the own image); NULL: not wanted. */
int fus_sdc_score_ranks(int32_t *rank, double *own, const struct fus_sdc_decoded *z, struct fus_error *err);

/* The means of decoded trials of each image, in order of the image's number: z [n_images, d], image
 * [n_images], both with room for n. */
int fus_sdc_score_average(size_t *n_images, float *z, int32_t *image, const struct fus_sdc_decoded *trials,
                          struct fus_error *err);

/* The value of a metric; NaN: there is none. */
double fus_sdc_score_value(const struct fus_sdc_scores *s, const char *name, int k);

#ifdef __cplusplus
}
#endif

#endif
