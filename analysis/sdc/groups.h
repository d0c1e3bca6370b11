/* SPDX-License-Identifier: MIT */
/* Groups of participants, such as networks of one kind of training: who of them is in a cluster.
 *
 *   DIR/clusters/EPS/groups.csv   cluster, group, n_participants (of the group), n_present (of
 *                                 those, in the cluster), n_voxels (theirs in the cluster) */
#ifndef FUS_SDC_GROUPS_H
#define FUS_SDC_GROUPS_H

#include "analysis/sdc/explain.h"

enum { FUS_SDC_MAX_GROUPS = 32 };

/* "NAME=PARTICIPANT,PARTICIPANT,...", n of them; every participant known, in one group at most.
 * group [decoders->n] gets each one's number, -1: none. */
int fus_sdc_groups_find(int *group, const char *const *groups, int n, const struct fus_sdc_decoders *d,
                        struct fus_error *err);

int fus_sdc_groups_write(const struct fus_sdc_explained *x, const char *folder, struct fus_error *err);

#endif
