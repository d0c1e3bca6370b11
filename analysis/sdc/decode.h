/* SPDX-License-Identifier: MIT */
/* `fusiform sdc fit` as a library call: responses and an image embedding in; decoders, scores and
 * patterns out.
 *
 * DIR/sdc.json                    options, seed, SHA-256 of every input
 * DIR/scores.csv                  retrieval of every decoder
 * DIR/report.html                 the same as curves
 * DIR/voxels/NAME.csv             voxels of the mask: place, noise ceiling, whether it was kept
 * DIR/decoders/NAME.npz           weight [V, d], bias [d], pattern [V, d], voxel [V]; of a network
 *                                 layer [3]: channels, height, width, 1 x 1 of whole channels
 * DIR/decoders/NAME/run-000.npz   weight, bias and pattern of one rerun; permuted-000.npz: weight
 *                                 and bias of a relabelling; odd.npz, even.npz: means of reruns
 *                                 that were trained on half of the sessions
 * DIR/responses/NAME_test.npz     z [trials, V], image, session, mean and sd [sessions, V]
 * DIR/pool.npz                    embedding of the images that validate or test; images.tsv
 * DIR/parts/                      states of unfinished fits, removed at the end */
#ifndef FUS_SDC_DECODE_H
#define FUS_SDC_DECODE_H

#include "analysis/sdc/data.h"
#include "analysis/sdc/fit.h"
#include "analysis/sdc/study.h"

#ifdef __cplusplus
extern "C" {
#endif

#define FUS_SDC_MOST_ALPHAS 16
#define FUS_SDC_MOST_GIVEN 256 /* NAME=FILE of the command line */

struct fus_sdc_decode_options {
    const char *study, *images, *embedding, *out; /* images NULL: an image is a row of the embedding */
    const char *responses[FUS_SDC_MOST_GIVEN], *trials[FUS_SDC_MOST_GIVEN], *masks[FUS_SDC_MOST_GIVEN]; /* NAME=FILE */
    int n_responses, n_trials, n_masks; /* without a study file */
    struct fus_sdc_study_options split;
    struct fus_sdc_data_options data;
    struct fus_sdc_fit_options fit;
    uint64_t seed;
    int reruns, permutations;
    double alphas[FUS_SDC_MOST_ALPHAS]; /* of the ridge baseline */
    int n_alphas;                       /* 0: none */
    int shard, n_shards;                /* 0, 0: all */
    bool own_embedding;                 /* a participant's own embedding is allowed */
    bool halves;                        /* decoders of odd and of even sessions too */
    bool resume, force, efird;          /* efird: for sdc.json */
    size_t max_memory;
    uint64_t checkpoint; /* seconds between states of a fit; 0: after every step */
};

/* efird: the choices of Efird, Murphy, Zylberberg & Fyshe (2025). */
void fus_sdc_decode_defaults(struct fus_sdc_decode_options *o, bool efird);

/* What a run tells while it works. Every member may be NULL. */
struct fus_sdc_decode_progress {
    const char *participant, *what; /* "rerun 3 of 10" */
    int step, n_steps;
    double loss, seconds_left; /* of all fits */
};
struct fus_sdc_decode_hooks {
    void *context;
    void (*note)(void *context, const char *line);
    void (*progress)(void *context, const struct fus_sdc_decode_progress *p);
    bool (*stopping)(void *context); /* asked after every step: FUS_ESTOPPED after a state is written */
};

int fus_sdc_decode_run(const struct fus_sdc_decode_options *o, const struct fus_sdc_decode_hooks *hooks,
                       struct fus_error *err);

#ifdef __cplusplus
}
#endif

#endif
