/* The files of a clustering: see clustering.h. */
#ifndef FUS_SDC_CLUSTERS_WRITE_H
#define FUS_SDC_CLUSTERS_WRITE_H

#include "analysis/sdc/explain.h"

int fus_sdc_clusters_write(const struct fus_sdc_clustering *c, const struct fus_sdc_pool *pool, struct fus_error *err);

/* Removes what an earlier call wrote for other values of eps. */
void fus_sdc_clusters_remove(const char *out);

#endif
