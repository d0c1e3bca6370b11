/* SPDX-License-Identifier: MIT */
/* Tables of a run as CSV (table.c) and arrays as .npy and .npz (npyout.c). */
#ifndef FUS_TABLES_H
#define FUS_TABLES_H

#include "analysis/run/summary.h"

#ifdef __cplusplus
extern "C" {
#endif

int fus_table_layers(const char *path, const struct fus_run_summary *run, struct fus_error *err);  /* layers.csv */
int fus_table_compare(const char *path, const struct fus_run_summary *run, struct fus_error *err); /* compare.csv */
int fus_table_matched(const char *path, const struct fus_run_summary *run, struct fus_error *err); /* matched.csv */
int fus_table_pixels(const char *path, const struct fus_run_summary *run,
                     struct fus_error *err); /* pixels.csv; run->pixels is there */

/* consistency.csv. */
struct fus_set;
struct fus_run_options;
int fus_consistency_table_write(const char *path, const struct fus_run_summary *run, const struct fus_set *set,
                                const struct fus_run_options *options, struct fus_error *err);

/* validate.csv; every layer has `heldout`. */
int fus_validate_table_write(const char *path, const struct fus_run_summary *run, struct fus_error *err);

/* power.csv. reversed: whether some other model's order with this one in a point's statistic is not
 * that of the whole set. */
int fus_power_table_write(const char *path, const struct fus_run_summary *run, const struct fus_power_plan *plan,
                          struct fus_error *err);
bool fus_power_table_reversed(const struct fus_run_summary *run, const struct fus_power_plan *plan, int model,
                              int layer, int category, int point, int statistic);
int fus_table_groups(const char *path, const struct fus_run_summary *run, const struct fus_groups *groups,
                     uint64_t seed, struct fus_error *err); /* groups.csv */
/* The first two groups, numbers into pair, no layer of which corresponds in all models: groups.csv
 * has no rows of them. */
bool fus_table_groups_apart(int pair[2], const struct fus_run_summary *run, const struct fus_groups *groups);
enum { FUS_GROUP_STATISTICS = 7, FUS_GROUP_NUMBERS = 9 };
extern const char *const fus_group_statistics[FUS_GROUP_STATISTICS], *const fus_group_columns[FUS_GROUP_NUMBERS];
void fus_group_numbers(double *to[FUS_GROUP_NUMBERS], struct fus_group_row *row);

/* The numbers of matched.csv after model_a,model_b,layer,layer_b,category,k. */
enum { FUS_MATCHED_COLUMNS = 20 };
extern const char *const fus_matched_columns[FUS_MATCHED_COLUMNS];
void fus_matched_numbers(double *to[FUS_MATCHED_COLUMNS], struct fus_matched_row *row);

/* dtype: numpy's descr: "<f4", "|i1", "<f8", "<i8". Little-endian C order, version 1.0 header. */
struct fus_npy_array {
    const char *name; /* in the npz, without .npy */
    const char *descr;
    int n_dims;
    size_t shape[8];
    const void *data; /* host order; the writer swaps bytes on big-endian hosts */
};
int fus_npyout_npy(const char *path, const struct fus_npy_array *array, struct fus_error *err);
int fus_npyout_npz(const char *path, const struct fus_npy_array *arrays, int n,
                   struct fus_error *err); /* stored zip, fixed dates, CRCs, zip64 where needed */

/* The same file an array at a time, for many taps that do not fit in memory together. */
struct fus_npz;
int fus_npyout_open(struct fus_npz **z, const char *path, struct fus_error *err);
int fus_npyout_begin(struct fus_npz *z, const struct fus_npy_array *array,
                     struct fus_error *err); /* data may be NULL: it is then written in pieces */
int fus_npyout_part(struct fus_npz *z, const void *data, size_t n_bytes, struct fus_error *err);
int fus_npyout_commit(struct fus_npz *z, struct fus_error *err); /* ends the file; frees z */
void fus_npyout_discard(struct fus_npz *z);                      /* NULL allowed */

#ifdef __cplusplus
}
#endif

#endif
