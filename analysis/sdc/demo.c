/* SPDX-License-Identifier: MIT */
/* The demonstration of shared decodable concepts: see demo.h. */
#include "analysis/sdc/demo.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { N_TEST = 150, N_VAL = 100 };

static void make_small(struct fus_sdc_demo *d)
{
    d->simulate.n_own = 300;
    d->fit.split.n_val = 33;
    d->fit.fit.iterations = 200;
    d->fit.fit.noise = 2; /* one fit of few steps does not average more of it away */
    d->fit.reruns = 1;
    d->fit.n_alphas = 0;
    d->cluster.stability = 0;
    d->simulate.n_participants = 5;
}

void fus_sdc_demo_defaults(struct fus_sdc_demo *d, bool small)
{
    d->out = NULL;
    d->n_models = 0;
    fus_sdc_simulate_defaults(&d->simulate);
    fus_sdc_decode_defaults(&d->fit, false);
    fus_sdc_cluster_defaults(&d->cluster);
    d->fit.split.n_test = N_TEST;
    d->fit.split.n_val = N_VAL;
    d->fit.data.scale = 300;
    d->fit.fit.iterations = 1000;
    d->fit.fit.rate = 1e-3;
    d->fit.fit.noise = 4; /* see demo.h */
    d->fit.fit.tail = 0.5;
    d->cluster.of = FUS_SDC_BOTH;
    if (small)
        make_small(d);
}

/* NAME=IMAGES, from a copy of the name: compilers warn of texts within the struct being written. */
static void name_trials(struct fus_sdc_demo_model *m, const char *images)
{
    char name[sizeof m->name];
    memcpy(name, m->name, sizeof name);
    snprintf(m->trials, sizeof m->trials, "%s=%s", name, images);
}

void fus_sdc_demo_prepare(struct fus_sdc_demo *d)
{
    snprintf(d->data, sizeof d->data, "%s/data", d->out);
    snprintf(d->study, sizeof d->study, "%s/study.tsv", d->data);
    snprintf(d->embedding, sizeof d->embedding, "%s/embedding.npy", d->data);
    snprintf(d->images, sizeof d->images, "%s/images.tsv", d->data);
    snprintf(d->localizer, sizeof d->localizer, "%s/localizer", d->out);
    for (int i = 0; i < d->n_models; i++) {
        name_trials(&d->models[i], d->images);
        d->fit.trials[i] = d->models[i].trials;
    }
    d->fit.n_trials = d->n_models;
    d->fit.study = d->n_models ? NULL : d->study;
    d->fit.embedding = d->embedding;
    d->fit.out = d->cluster.folder = d->out;
    d->fit.seed = d->fit.split.seed = d->cluster.seed = d->simulate.seed;
}

/* Which pictures are drawn: those that test or validate for anyone, whose copies stand in the
 * report. */
static int find_drawn(uint8_t **drawn, const struct fus_sdc_demo *d, struct fus_error *err)
{
    struct fus_sdc_embedding e;
    struct fus_sdc_study *study = NULL;
    int code = fus_sdc_embedding_open(&e, d->embedding, err);
    if (code)
        return code;
    code = fus_sdc_study_create(&study, err);
    if (!code)
        code = fus_sdc_study_read(study, d->study, err);
    if (!code)
        code = fus_sdc_study_load(study, NULL, &e, &d->fit.split, err);
    *drawn = code ? NULL : fus_base_alloc(e.n, 1);
    if (!code && !*drawn)
        code = fus_base_fail(err, FUS_ENOMEM, "no memory for %zu images", e.n);
    for (int p = 0; !code && p < study->n; p++)
        for (size_t t = 0; t < study->participants[p].n_trials; t++)
            if (study->participants[p].split[t] != FUS_SDC_TRAIN)
                (*drawn)[study->participants[p].image[t]] = 1;
    fus_sdc_study_close(study);
    fus_sdc_embedding_close(&e);
    return code;
}

/* Networks look at every picture. */
static int take_all(uint8_t **drawn, const struct fus_sdc_demo *d, struct fus_error *err)
{
    *drawn = fus_base_alloc(d->simulate.n_shared, 1);
    if (!*drawn)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for %zu images", d->simulate.n_shared);
    memset(*drawn, 1, d->simulate.n_shared);
    return FUS_OK;
}

int fus_sdc_demo_simulate(struct fus_sdc_demo *d, bool drawn, struct fus_error *err)
{
    uint8_t *which = NULL;
    int code = fus_sdc_simulate(d->data, &d->simulate, err);
    d->fit.images = drawn ? d->images : NULL;
    if (!code && drawn)
        code = d->n_models ? take_all(&which, d, err) : find_drawn(&which, d, err);
    if (!code && drawn)
        code = fus_sdc_simulate_images(d->data, &d->simulate, which, err);
    fus_base_free(which);
    return code;
}

int fus_sdc_demo_score(struct fus_sdc_found *found, const struct fus_sdc_cluster_result *r,
                       const struct fus_sdc_demo *d, struct fus_error *err)
{
    char truth[FUS_SDC_DEMO_PATH_BYTES], labels[FUS_SDC_DEMO_PATH_BYTES], eps[32];
    int code = FUS_OK;
    snprintf(truth, sizeof truth, "%s/truth.csv", d->data);
    for (int i = 0; !code && i < r->n; i++) {
        int chosen = r->of[i].chosen;
        found[i] = (struct fus_sdc_found){
            .vectors = r->of[i].which, .eps = NAN, .q = NAN, .rand_planted = NAN, .rand_all = NAN};
        if (chosen < 0)
            continue;
        found[i].eps = r->of[i].eps[chosen].eps;
        found[i].q = r->of[i].eps[chosen].q;
        fus_sdc_clustering_name(eps, found[i].eps);
        snprintf(labels, sizeof labels, "%s/clusters%s/%s", d->out,
                 strcmp(r->of[i].which, "pattern") == 0 ? "-pattern" : "", eps);
        code = fus_sdc_found_score(&found[i], truth, d->out, labels, err);
    }
    return code ? code : fus_sdc_found_write(d->out, found, r->n, err);
}
