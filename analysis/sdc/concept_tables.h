/* SPDX-License-Identifier: MIT */
/* Tables of one eps, in its folder: clusters.csv, images.csv, decodability.csv, opposites.csv,
 * contrasts.csv, labels.csv, centroids.npy. Clusters are numbered from 1 there, as in label
 * volumes. */
#ifndef FUS_SDC_CONCEPT_TABLES_H
#define FUS_SDC_CONCEPT_TABLES_H

#include "analysis/sdc/explain.h"
#include "nn/base/outfile.h"

int fus_sdc_concept_tables(const struct fus_sdc_explained *x, const char *folder, struct fus_error *err);

/* thumbs.png, columns of squares, and thumbs.csv. */
enum { FUS_SDC_THUMBS_SIDE = 48, FUS_SDC_THUMBS_COLUMNS = 24, FUS_SDC_THUMBS_MOST = 480, FUS_SDC_THUMBS_SHOWN = 8 };
int fus_sdc_concept_thumbs(const struct fus_sdc_explained *x, const char *folder, struct fus_error *err);

/* presence.csv and participants.csv (presence.c); dice.csv, of a fit's folder where two
 * participants share a space (dice.c). */
int fus_sdc_concept_presence(const struct fus_sdc_explained *x, const char *folder, struct fus_error *err);
int fus_sdc_concept_dice(const struct fus_sdc_explained *x, const char *folder, struct fus_error *err);

/* A table folder/name that begins with head. */
int fus_sdc_concept_table_open(struct fus_outfile *f, const char *folder, const char *name, const char *head,
                               struct fus_error *err);

#endif
