/* SPDX-License-Identifier: MIT */
/* The files of a clustering: see clustering.h. */
#ifndef FUS_SDC_CLUSTERS_WRITE_H
#define FUS_SDC_CLUSTERS_WRITE_H

#include "analysis/sdc/explain.h"

/* All but the record and the log. */
int fus_sdc_clusters_write(const struct fus_sdc_clustering *c, const struct fus_sdc_pool *pool, struct fus_error *err);

/* Removes what an earlier call wrote, and the folder if nothing else is in it. */
void fus_sdc_clusters_remove(const char *out);
/* Removes the clusters in the folder out and moves those of the folder fresh there. */
int fus_sdc_clusters_replace(const char *out, const char *fresh, struct fus_error *err);
/* The end of the name of the folder in which new ones are written first. */
#define FUS_SDC_CLUSTERS_NEW ".new"

/* cluster.json: options and SHA-256 of the inputs (cluster_record.c). make: its text. check: an
 * error if the folder has clusters of other options or inputs. */
int fus_sdc_cluster_record_make(struct fus_text_buffer *record, const struct fus_sdc_clustering *c,
                                const struct fus_sdc_pool *pool, struct fus_error *err);
int fus_sdc_cluster_record_check(const struct fus_text_buffer *record, const struct fus_sdc_clustering *c,
                                 struct fus_error *err);
int fus_sdc_cluster_record_write(const struct fus_text_buffer *record, const struct fus_sdc_clustering *c,
                                 struct fus_error *err);
/* fit.json: sdc.json of the fit, where the clusters do not stand in the fit's folder. The page says
 * from it how the decoders were trained and which networks are near copies. */
int fus_sdc_cluster_record_keep_fit(const struct fus_sdc_clustering *c, struct fus_error *err);
/* cluster.log: the machine, where the time went, pairs so near to eps that another rounding could
 * decide otherwise. */
int fus_sdc_cluster_record_log(const struct fus_sdc_phases *phases, const char *folder, const struct fus_sdc_eps *eps,
                               int n_eps, struct fus_error *err);

#endif
