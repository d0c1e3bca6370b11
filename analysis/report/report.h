/* From selective units to files: tables, arrays, figures and the report of a whole run.
 *
 * Reading order: summary.h (a run, its models, layers and categories); compare.c (numbers); table.c, npyout.c (files); svg.c, figures.c, report.c (pictures of the numbers). */
#ifndef FUS_REPORT_H
#define FUS_REPORT_H

#include "analysis/run/summary.h"

/* One row of the comparison of the first model with another (compare.c): the paper's own one-sided Welch test of
 * CSI over the selective units ("first greater"), per pair of layers. */
struct fus_csi_comparison {
    int model_a, model_b, layer_a, layer_b, category;
    double proportion_difference, csi_difference, t, df, p; /* NaN where a side has fewer than 2 units */
};
/* The layer of b that a's is compared with, or -1. By name; where the blocks of two networks have other names, so that they differ in
 * depth, block layers are paired that are nearest to each other in relative depth, the last with the last. The pairs are the same for
 * (b, a). */
int fus_compare_layer(const struct fus_model_summary *a, int layer, const struct fus_model_summary *b);
int fus_compare_csi(struct fus_csi_comparison **rows, size_t *n_rows, const struct fus_run_summary *run,
                    struct fus_error *err);

/* ---- files (table.c, npyout.c) ---- */

int fus_table_layers(const char *path, const struct fus_run_summary *run, struct fus_error *err);  /* layers.csv */
int fus_table_compare(const char *path, const struct fus_run_summary *run, struct fus_error *err); /* compare.csv */
int fus_table_pixels(const char *path, const struct fus_run_summary *run, struct fus_error *err);  /* pixels.csv; run->pixels is there */

/* dtype: numpy's descr: "<f4", "|i1", "<f8", "<i8". Little-endian C order, version 1.0 header. */
struct fus_npy_array {
    const char *name; /* in the npz, without .npy */
    const char *descr;
    int n_dims;
    size_t shape[8];
    const void *data; /* host order; the writer swaps where the host is big-endian */
};
int fus_npyout_npy(const char *path, const struct fus_npy_array *array, struct fus_error *err);
int fus_npyout_npz(const char *path, const struct fus_npy_array *arrays, int n, struct fus_error *err); /* stored zip, fixed dates, CRCs, zip64 where needed */

/* The same file an array at a time, for many taps that do not fit in memory together. */
struct fus_npz;
int fus_npyout_open(struct fus_npz **z, const char *path, struct fus_error *err);
int fus_npyout_begin(struct fus_npz *z, const struct fus_npy_array *array, struct fus_error *err); /* data may be NULL: then written by parts */
int fus_npyout_part(struct fus_npz *z, const void *data, size_t n_bytes, struct fus_error *err);
int fus_npyout_commit(struct fus_npz *z, struct fus_error *err); /* ends the file; frees z */
void fus_npyout_discard(struct fus_npz *z);                      /* NULL allowed */

/* ---- the report (svg.c, figures.c, report.c) ---- */

/* The layer that the report calls the last block layer (the paper's layer4.2.relu): by name, else the last with places.
 * Only names and sizes of the layers are read, so that a caller can ask before it runs. */
int fus_report_last_block(const struct fus_model_summary *model);

/* What kind of layer of a block a name says, "relu" of "layer4.2.relu", or NULL: no layer of a block. */
const char *fus_report_block_kind(const char *layer);

/* dir/figures/NAME.svg for the paper's Figs 2A (with profiles), 2B, 3A, 3B, 4A, 4B, 4C, 5A-C (from three models on: the first
 * with each other), and dir/report.html with all of them inline, the pictures (1B), the consistency of layers (v1) and tables.
 * Same bytes on every machine; nothing in it depends on anything but `run`. FUS_EINVAL where `run` contradicts itself. */
int fus_report_write(const char *dir, const struct fus_run_summary *run, struct fus_error *err);

#endif
