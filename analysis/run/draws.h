/* SPDX-License-Identifier: MIT */
/* draws/MODEL/LAYER.npz: a layer's statistics in every resample of the pictures, of --bootstrap and
 * of --matched. Models of several finished runs are compared from these files (joint.h).
 *
 * Arrays of f64, absent where the run has none; statistics in the order of struct fus_bootstrap and
 * struct fus_matched:
 *   bootstrap_estimate [n_categories * 4]    bootstrap_resampled [.., resamples]
 *   bootstrap_nested [.., n_nested]          bootstrap_left_out [.., pictures]
 *   matched_first [n_categories + 1]         matched_k [points]
 *   matched_estimate [points * 2]            matched_resampled, matched_nested */
#ifndef FUS_DRAWS_H
#define FUS_DRAWS_H

#include "analysis/run/summary.h"

/* What the files of a run hold. */
struct fus_draws_shape {
    size_t n_categories, n_resamples, n_images;
    enum fus_interval_method method;
    bool matched;
};

/* Creates draws/ in the folder, and in it the file of every layer. */
int fus_draws_write(const char *folder, const struct fus_run_summary *run, struct fus_error *err);

bool fus_draws_exist(const char *folder, const char *model, const char *layer);

/* Sets layer->bootstrap and layer->matched, which fus_draws_free frees again. FUS_EFORMAT if the
 * file holds something else. */
int fus_draws_read(struct fus_layer_summary *layer, const char *folder, const char *model,
                   const struct fus_draws_shape *shape, struct fus_error *err);
void fus_draws_free(struct fus_layer_summary *layer);

#endif
