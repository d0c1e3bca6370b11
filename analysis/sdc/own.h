/* SPDX-License-Identifier: MIT */
/* Private to analysis/sdc: networks whose own embedding the decoders would aim at.
 *
 * A network that is decoded into its own embedding decodes trivially, and every cluster would be
 * one that it defines. Files and names cannot tell: an .npy has no place for the network that made
 * it, and it may come from elsewhere. So the network is shown a few of the images, and its answers
 * are compared with the embedding's rows: every layer with as many channels as the embedding has
 * dimensions, each channel's mean over places, all brought to length 1 and centred; the same
 * network gives a correlation of 1, or nearly 1 where another program prepared the pictures, and
 * others less than FUS_SDC_OWN_NEAR. */
#ifndef FUS_SDC_OWN_H
#define FUS_SDC_OWN_H

#include "analysis/sdc/images.h"
#include "analysis/sdc/study.h"
#include "nn/base/text.h"

#define FUS_SDC_OWN_NEAR 0.99
enum { FUS_SDC_OWN_IMAGES = 8 };

struct fus_sdc_own {
    int n;
    struct fus_sdc_own_network {
        int participant;
        char layer[48];
        double r;
    } * network; /* [n] */
};

/* Finds them. images NULL: none, as networks then have no pictures. */
int fus_sdc_own_find(struct fus_sdc_own *own, const struct fus_sdc_study *study, const struct fus_sdc_embedding *e,
                     const struct fus_sdc_images *images, struct fus_error *err);
void fus_sdc_own_free(struct fus_sdc_own *own);

/* FUS_EINVAL if there is one. embedding: the file's name, for the message. */
int fus_sdc_own_refuse(const struct fus_sdc_own *own, const struct fus_sdc_study *study, const char *embedding,
                       struct fus_error *err);
/* "own_embedding" for sdc.json. */
void fus_sdc_own_record(struct fus_text_buffer *t, const struct fus_sdc_own *own, const struct fus_sdc_study *study);

#endif
