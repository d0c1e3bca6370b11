/* What a run's result depends on, as a text that a later run, or `fusiform merge`, can check itself
 * against: parts/run.tsv.
 *
 * A line each, fields apart by a tab (in them \t, \n and \\ stand for tab, end of
 * line and backslash):
 *
 *   fusiform VERSION             shard I N (only of a shard)          option NAME
 *                                VALUE ... (run_options.h)
 *   set DESCRIPTION DRAWN SEED SCRAMBLE_SEED       category NAME ...       subcategory NAME ...
 *   skipped NAME ...             pictures left out by --skip-bad
 *   model NAME SOURCE SHA256 ARCHITECTURE PREPROCESS, behind each its layers:  layer NAME CHANNELS
 *   HEIGHT WIDTH ORDER DEPTH
 *   picture NAME CATEGORY SUBCATEGORY INDEX HALF SOURCE SHA256 LUMINANCE CONTRAST SLOPE      - for
 *   what is another shard's */
#ifndef FUS_PROVENANCE_H
#define FUS_PROVENANCE_H

#include "analysis/localizer/run.h"

/* *text is the caller's. */
int fus_provenance_write(char **text, const struct fus_localizer *run, struct fus_error *err);

struct fus_provenance_line {
    char *field[12]; /* the first says what it is */
    int n;
};
struct fus_provenance {
    char *text;
    int n;
    struct fus_provenance_line *lines;
    int shard, n_shards; /* 0 of 0: a whole run */
};
int fus_provenance_parse(struct fus_provenance *p, const char *text, struct fus_error *err);
void fus_provenance_free(struct fus_provenance *p);

/* FUS_EINVAL that says what differs, "..., A found, B expected"; apart: which shard it is, and what
 * it knows of its own pictures alone. */
int fus_provenance_same(const struct fus_provenance *found, const struct fus_provenance *expected, bool apart,
                        struct fus_error *err);

/* A run as it was: options, set, models with their layers, pictures. What is another shard's stays
 * empty. Texts of options are p's. */
int fus_provenance_restore(struct fus_localizer *run, const struct fus_provenance *p, struct fus_error *err);

/* What a shard knows of its own pictures, into a run that another shard restored: FUS_EINVAL
 * where both know it. */
int fus_provenance_join(struct fus_localizer *run, const struct fus_provenance *p, struct fus_error *err);

#endif
