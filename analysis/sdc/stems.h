/* SPDX-License-Identifier: MIT */
/* Private to analysis/sdc: networks of a study that come from the same weights.
 *
 * Networks trained on from one another, as a language-learned one from a vision network, share as
 * copies do: their units correspond one by one, which networks of different seeds never show. The
 * first convolution tells, since training on changes it least: its weights are the same to the
 * bit, or each filter correlates with the filter of the same number. Independent networks give a
 * mean correlation of about 0. */
#ifndef FUS_SDC_STEMS_H
#define FUS_SDC_STEMS_H

#include "analysis/sdc/study.h"
#include "nn/base/sha256.h"
#include "nn/base/text.h"

#define FUS_SDC_STEMS_NEAR 0.9 /* mean correlation of the filters from which networks are near copies */

struct fus_sdc_stem {
    int participant;
    char tensor[64]; /* "conv1.weight" */
    char sha256[FUS_SHA256_HEX];
    size_t n_filters, n_weights; /* of a filter */
    float *filter;               /* [n_filters, n_weights] each of mean 0 and length 1, or all 0 */
    int group;                   /* of near copies; -1: none */
};

struct fus_sdc_stem_group {
    int n;      /* networks */
    bool same;  /* to the bit */
    double low; /* the smallest mean correlation of two of them */
};

struct fus_sdc_stems {
    int n, n_groups;
    struct fus_sdc_stem *stem;         /* [n] of the participants that are networks and have one */
    struct fus_sdc_stem_group *groups; /* [n_groups] by their first network */
};

/* Reads the first convolution of every network of the study and compares all pairs. */
int fus_sdc_stems_read(struct fus_sdc_stems *stems, const struct fus_sdc_study *study, struct fus_error *err);
void fus_sdc_stems_free(struct fus_sdc_stems *stems);

/* "vision, control and lang have nearly the same first convolution ...": a group as a line. */
void fus_sdc_stems_tell(char line[1000], const struct fus_sdc_stems *stems, int group,
                        const struct fus_sdc_study *study);
/* "stems" and "near_copies" for sdc.json. */
void fus_sdc_stems_record(struct fus_text_buffer *t, const struct fus_sdc_stems *stems,
                          const struct fus_sdc_study *study);

#endif
