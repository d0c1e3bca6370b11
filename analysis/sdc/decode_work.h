/* SPDX-License-Identifier: MIT */
/* Private to analysis/sdc: what `sdc fit` holds while it works.
 *
 * decode.c (course), decode_record.c (sdc.json, resuming), decode_fits.c (reruns and permutations),
 * decode_halves.c (odd and even sessions), decode_scores.c (scores.csv), decode_write.c (arrays and
 * tables of a participant) */
#ifndef FUS_SDC_DECODE_WORK_H
#define FUS_SDC_DECODE_WORK_H

#include <stdatomic.h>

#include "analysis/sdc/decode.h"
#include "analysis/sdc/decoder.h"
#include "analysis/sdc/images.h"
#include "analysis/sdc/own.h"
#include "analysis/sdc/phases.h"
#include "analysis/sdc/stems.h"
#include "nn/base/text.h"

#define FUS_SDC_PATH_BYTES 4096
#define FUS_SDC_RESAMPLES 2000 /* of the images, for the intervals of scores */

/* What a fit is trained on: all training trials, the same with images exchanged, those of odd or
 * of even sessions. */
enum fus_sdc_fit_kind { FUS_SDC_RERUN, FUS_SDC_PERMUTED, FUS_SDC_ODD, FUS_SDC_EVEN };

struct fus_sdc_half {
    int32_t *trials, *image; /* [n] */
    size_t n;
};

struct fus_sdc_work {
    const struct fus_sdc_decode_options *o;
    const struct fus_sdc_decode_hooks *hooks;
    struct fus_sdc_embedding embedding;
    struct fus_sdc_images images;
    struct fus_sdc_study *study;
    struct fus_sdc_own own;        /* networks whose embedding this is */
    struct fus_sdc_stems stems;    /* near copies among networks */
    struct fus_text_buffer record; /* sdc.json */
    bool begun_here;               /* DIR holds nothing of an earlier call */

    /* The participant at work. */
    int p;
    const char *name;
    struct fus_sdc_data *data;
    int32_t *trials[3], *image[3]; /* by enum fus_sdc_split, and the image of each */
    size_t n[3];
    struct fus_sdc_half half[2]; /* odd, even; n = 0 without --halves */
    float *w, *b, *pattern;      /* the mean of the reruns */

    struct fus_sdc_phases phases;
    double started; /* time of the first step */
    atomic_long steps_done, steps_left;
};

/* DIR/... in path. */
void fus_sdc_work_path(char path[FUS_SDC_PATH_BYTES], const struct fus_sdc_work *w, const char *fmt, ...)
    FUS_PRINTF(3, 4);
bool fus_sdc_work_exists(const struct fus_sdc_work *w, const char *relative);
void fus_sdc_work_note(const struct fus_sdc_work *w, const char *fmt, ...) FUS_PRINTF(2, 3);

/* Makes DIR, or checks that what is in it is of the same options and inputs. *finished: nothing is
 * left to do. */
int fus_sdc_record_begin(struct fus_sdc_work *w, bool *finished, struct fus_error *err);
/* Removes sdc.json and the folders where nothing has been written into them: what failed at once
 * leaves no DIR that is begun. */
void fus_sdc_record_withdraw(const struct fus_sdc_work *w);
/* Whether the text [n] is what the file at path holds; if not, an error that shows the first line
 * that differs: "PATH: WHAT: ... found, now ...; HINT". */
int fus_sdc_record_compare(const char *path, const char *text, size_t n, const char *what, const char *hint,
                           struct fus_error *err);
void fus_sdc_record_remove_parts(const struct fus_sdc_work *w); /* DIR/parts with all that is in it */

/* The fits of the participant at work that belong to this shard and are not there yet. */
int fus_sdc_fits_run(struct fus_sdc_work *w, struct fus_error *err);
bool fus_sdc_fits_here(const struct fus_sdc_work *w, int p, int i); /* whether fit i belongs to this shard */
/* How many fits participant p has left in this shard. */
int fus_sdc_fits_left(struct fus_sdc_work *w, int p);
/* weight [V, d], bias [d] of one finished fit. */
int fus_sdc_fits_read(float *weight, float *bias, const struct fus_sdc_work *w, enum fus_sdc_fit_kind kind, int number,
                      struct fus_error *err);
/* The mean of the reruns of a kind in double, in order, rounded. */
int fus_sdc_fits_average(float *weight, float *bias, const struct fus_sdc_work *w, enum fus_sdc_fit_kind kind,
                         struct fus_error *err);
/* pattern [V, d] of a decoder over trials [n]. */
int fus_sdc_fits_pattern(float *pattern, const float *weight, const float *bias, const struct fus_sdc_work *w,
                         const int32_t *trials, size_t n, struct fus_error *err);

/* Training trials of odd and of even sessions, the first session being odd; of a participant with
 * one session, of odd and of even images. */
int fus_sdc_halves_list(struct fus_sdc_work *w, struct fus_error *err);
void fus_sdc_halves_free(struct fus_sdc_work *w);
/* decoders/NAME/odd.npz and even.npz: weight, bias, pattern. */
int fus_sdc_halves_write(const struct fus_sdc_work *w, struct fus_error *err);

/* parts/NAME-scores.csv, and scores.csv of all participants. */
int fus_sdc_scores_write(struct fus_sdc_work *w, struct fus_error *err);
int fus_sdc_scores_join(const struct fus_sdc_work *w, struct fus_error *err);

/* pool.npz and images.tsv. */
int fus_sdc_pool_write(const struct fus_sdc_work *w, struct fus_error *err);

/* voxels/NAME.csv, decoders/NAME.npz and responses/NAME_test.npz. */
int fus_sdc_write_all(struct fus_sdc_work *w, struct fus_error *err);

#endif
