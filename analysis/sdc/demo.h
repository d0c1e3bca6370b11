/* SPDX-License-Identifier: MIT */
/* The demonstration of shared decodable concepts as library calls: simulated participants
 * (simulate.h) go through what a lab's own data go through (decode.h, clustering.h), and what is
 * found is compared with what was planted (found.h).
 *
 *     fus_sdc_demo_defaults(&d, false);
 *     d.out = "out/sdc";
 *     fus_sdc_demo_prepare(&d);                              after the options are set
 *     code = fus_sdc_demo_simulate(&d, true, err);
 *     code = fus_sdc_decode_run(&d.fit, &hooks, err);
 *     code = fus_sdc_cluster_folder(&d.cluster, &result, err);
 *     code = fus_sdc_demo_score(found, &result, &d, err);
 *
 * Settings that differ from those of `sdc fit`, as participants have 400 voxels and 3,150 trials
 * in place of 15,000 and 30,000: 150 test and 100 validation images, 1,000 steps of 1e-3, and
 * the noise (METHOD.md, "Simulated participants"). */
#ifndef FUS_SDC_DEMO_H
#define FUS_SDC_DEMO_H

#include "analysis/localizer/localizer.h"
#include "analysis/sdc/clustering.h"
#include "analysis/sdc/decode.h"
#include "analysis/sdc/found.h"

enum { FUS_SDC_DEMO_PATH_BYTES = 4096, FUS_SDC_DEMO_MOST_OUT = 2000 };

enum { FUS_SDC_DEMO_MOST_MODELS = 16 };

/* A network as a participant. responses: "NAME=model:FILE@LAYER?units=..." */
struct fus_sdc_demo_model {
    char name[64], file[1024], layer[128], responses[1400];
    char trials[FUS_SDC_DEMO_PATH_BYTES + 64]; /* NAME=OUT/data/images.tsv: every image once */
};

struct fus_sdc_demo {
    const char *out; /* at most FUS_SDC_DEMO_MOST_OUT bytes */
    char data[FUS_SDC_DEMO_PATH_BYTES - 64];
    char study[FUS_SDC_DEMO_PATH_BYTES], embedding[FUS_SDC_DEMO_PATH_BYTES], images[FUS_SDC_DEMO_PATH_BYTES];
    struct fus_sdc_simulate_options simulate;
    struct fus_sdc_decode_options fit;
    struct fus_sdc_cluster_options cluster;
    struct fus_sdc_demo_model models[FUS_SDC_DEMO_MOST_MODELS]; /* in place of people */
    int n_models, per_category;                                 /* per_category: pictures of the localizer, 40 */
    char localizer[FUS_SDC_DEMO_PATH_BYTES - 64], stimuli[64];
};

/* small: five people, a third of the pictures, few steps, one fit a person, no ridge regression. */
void fus_sdc_demo_defaults(struct fus_sdc_demo *d, bool small);

/* Folders, files and seeds of all parts, from out and simulate.seed. */
void fus_sdc_demo_prepare(struct fus_sdc_demo *d);

/* OUT/data; drawn: with the pictures that test or validate for anyone, which the report shows, and
 * with images.tsv. */
int fus_sdc_demo_simulate(struct fus_sdc_demo *d, bool drawn, struct fus_error *err);

/* ---- networks as participants (demo_networks.c) ---- */

/* After _defaults: 900 drawn pictures, whose embedding is what their captions say, seen by networks
 * in place of people. */
void fus_sdc_demo_use_networks(struct fus_sdc_demo *d, bool small);
/* "[NAME=]FILE@LAYER[?units=...]"; name: the file's stem, or NAME of demo:NAME. */
int fus_sdc_demo_add_model(struct fus_sdc_demo *d, const char *text, struct fus_error *err);
/* The networks linked into the program, and an untrained one of their architecture. */
int fus_sdc_demo_add_networks(struct fus_sdc_demo *d, struct fus_error *err);

/* If all models are read at one layer: OUT/localizer, a localizer with other pictures, with whose
 * selective units the clusters will be compared. *done: whether they will be. */
int fus_sdc_demo_localize(struct fus_sdc_demo *d, bool *done, fus_localizer_listener *listener, struct fus_error *err);

/* ---- the end ---- */

/* found [result->n], and found.csv and demo.csv in OUT. */
int fus_sdc_demo_score(struct fus_sdc_found *found, const struct fus_sdc_cluster_result *result,
                       const struct fus_sdc_demo *d, struct fus_error *err);

#endif
