/* SPDX-License-Identifier: MIT */
/* Everything that a run's result depends on, as text: parts/run.tsv. A resumed run and
 * `fusiform merge` compare theirs with it.
 *
 * One record a line, fields separated by tabs (\t, \n and \\ in a field stand for tab, end of line
 * and backslash):
 *
 *   fusiform VERSION
 *   shard I N                    only of a shard
 *   option NAME VALUE ...        run_options.h
 *   set DESCRIPTION DRAWN SEED SCRAMBLE_SEED
 *   category NAME ...
 *   subcategory NAME ...
 *   skipped NAME ...             pictures left out by --skip-bad
 *   model NAME SOURCE SHA256 ARCHITECTURE PREPROCESS, followed by its layers:
 *   layer NAME CHANNELS HEIGHT WIDTH ORDER DEPTH
 *   picture NAME CATEGORY SUBCATEGORY INDEX HALF SOURCE SHA256 LUMINANCE CONTRAST SLOPE GREY
 *   validate DESCRIPTION DIGEST  the set of --validate (second_set.h)
 *
 * A field that only another shard knows is `-`. GREY: FUS_NEAR_BYTES bytes (near.h) in
 * hexadecimal. */
#ifndef FUS_PROVENANCE_H
#define FUS_PROVENANCE_H

#include "analysis/localizer/run.h"

/* *text is the caller's. */
int fus_provenance_write(char **text, const struct fus_localizer *run, struct fus_error *err);

struct fus_provenance_line {
    char *field[12]; /* the first is the kind of record */
    int n;
};
enum {
    FUS_PROVENANCE_PICTURE = 12, /* fields of a picture's line */
    FUS_PROVENANCE_OWN = 7       /* from this one on, only the picture's shard knows the values */
};
struct fus_provenance {
    char *text;
    int n;
    struct fus_provenance_line *lines;
    int shard, n_shards; /* 0 of 0: a whole run */
};
int fus_provenance_parse(struct fus_provenance *p, const char *text, struct fus_error *err);
void fus_provenance_free(struct fus_provenance *p);

/* Whether a line is a record of this kind with n fields in all. */
bool fus_provenance_is(const struct fus_provenance_line *l, const char *what, int n);
/* A whole number in decimal digits; false if it is none, or not within these bounds. */
bool fus_provenance_number(int *out, const char *s, int least, int most);

/* FUS_EINVAL names the difference, "..., A found, B expected". apart: ignore the shard's number and
 * the fields that only one shard knows. */
int fus_provenance_same(const struct fus_provenance *found, const struct fus_provenance *expected, bool apart,
                        struct fus_error *err);

/* ---- a run as it was: provenance_restore.c ---- */

/* Restores a run: options, set, models with their layers, pictures; options.validate is the second
 * set's description. Fields that only another shard knows stay empty. Texts of options are owned
 * by p. */
int fus_provenance_restore(struct fus_localizer *run, const struct fus_provenance *p, struct fus_error *err);

/* Adds the fields of a shard's pictures to a run restored from another shard. FUS_EINVAL if both
 * have them. */
int fus_provenance_join(struct fus_localizer *run, const struct fus_provenance *p, struct fus_error *err);

#endif
