/* Comparing models so that neither the number of selective units nor that of trainings speaks for
 * them: count-matched comparison (units/matched.c), groups of trainings (units/groups.c). */
#ifndef FUS_CONTRAST_H
#define FUS_CONTRAST_H

#include "analysis/inference.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- count-matched comparison (matched.c) ----
 *
 * A network with less noise has more units that pass a test, and weaker ones among them. So two
 * models are compared by as many units of each: the k units whose least t over the other categories
 * is largest (Welch's t). They are chosen in one half of the pictures; their mean CSI is measured in the
 * other, Morisita's index from their places. Both ways, averaged. */
#define FUS_MATCHED_STEP 25 /* models are compared at k = 25, 50, 100, ... and at the smaller count */
#define FUS_MATCHED_LEAST 3 /* fewer units are not compared */

enum fus_matched_statistic { FUS_MATCHED_CSI, FUS_MATCHED_MORISITA, FUS_MATCHED_STATISTICS };

/* One layer. The points of category c are first[c] .. first[c+1]-1: k = 3, 6, 12, 25, 50, ...
 * below the count of its selective units, and that count; none if it is below FUS_MATCHED_LEAST. Column 2 * point + statistic of bootstrap, which has
 * estimates alone if there are no resamples. NaN: undefined. */
struct fus_matched {
    int n_categories;
    size_t *first; /* [n_categories + 1] */
    size_t *k;     /* [first[n_categories]] */
    struct fus_bootstrap bootstrap;
};

/* n_selective [n_categories]: the counts of selective units, over all pictures. half [n_images] of
 * the pictures of r; resamples draw within half and subcategory. Intervals of BCa are percentiles
 * here. FUS_EINVAL if a half has fewer than two pictures of a category. */
int fus_matched_create(struct fus_matched *m, const struct fus_responses *r, const int *half, const size_t *n_selective,
                       size_t n_resamples, enum fus_interval_method method, uint64_t seed,
                       const struct fus_progress *progress, struct fus_error *err);
void fus_matched_destroy(struct fus_matched *m);

/* k [returned number, at most FUS_MATCHED_MOST] at which two layers are compared in a category: the
 * multiples of FUS_MATCHED_STEP below the smaller count, and that. */
enum { FUS_MATCHED_MOST = 40 };
int fus_matched_list(size_t k[FUS_MATCHED_MOST], const struct fus_matched *a, const struct fus_matched *b,
                     int category);

/* A statistic at k units, at most the category's count; between two points it is interpolated over
 * log k, resample by resample. values: room for fus_matched_room numbers, which the column points
 * to. */
size_t fus_matched_room(const struct fus_matched *m);
struct fus_bootstrap_column fus_matched_column(double *values, const struct fus_matched *m, int category, size_t k,
                                               enum fus_matched_statistic statistic);

#ifdef __cplusplus
}
#endif

#endif
