/* Private to analysis/sdc: what `sdc fit` holds while it works.
 *
 * decode.c (course), decode_record.c (sdc.json, resuming), decode_fits.c (reruns and permutations),
 * decode_scores.c (scores.csv), decode_write.c (arrays and tables of a participant) */
#ifndef FUS_SDC_DECODE_WORK_H
#define FUS_SDC_DECODE_WORK_H

#include <stdatomic.h>

#include "analysis/sdc/decode.h"
#include "analysis/sdc/decoder.h"
#include "analysis/sdc/images.h"
#include "nn/base/text.h"

#define FUS_SDC_PATH_BYTES 4096
#define FUS_SDC_RESAMPLES 2000 /* of the images, for the intervals of scores */

struct fus_sdc_work {
    const struct fus_sdc_decode_options *o;
    const struct fus_sdc_decode_hooks *hooks;
    struct fus_sdc_embedding embedding;
    struct fus_sdc_images images;
    struct fus_sdc_study *study;
    struct fus_text_buffer record; /* sdc.json */

    /* The participant at work. */
    int p;
    const char *name;
    struct fus_sdc_data *data;
    int32_t *trials[3], *image[3]; /* by enum fus_sdc_split, and the image of each */
    size_t n[3];
    float *w, *b, *pattern; /* the mean of the reruns */

    double started; /* time of the first step */
    atomic_long steps_done, steps_left;
};

/* DIR/... in path. */
void fus_sdc_work_path(char path[FUS_SDC_PATH_BYTES], const struct fus_sdc_work *w, const char *fmt, ...)
    FUS_PRINTF(3, 4);
bool fus_sdc_work_exists(const struct fus_sdc_work *w, const char *relative);
double fus_sdc_work_now(void);
void fus_sdc_work_note(const struct fus_sdc_work *w, const char *fmt, ...) FUS_PRINTF(2, 3);

/* Makes DIR, or checks that what is in it is of the same options and inputs. *finished: nothing is
 * left to do. */
int fus_sdc_record_begin(struct fus_sdc_work *w, bool *finished, struct fus_error *err);
void fus_sdc_record_remove_parts(const struct fus_sdc_work *w); /* DIR/parts with all that is in it */

/* The fits of the participant at work that belong to this shard and are not there yet. */
int fus_sdc_fits_run(struct fus_sdc_work *w, struct fus_error *err);
bool fus_sdc_fits_here(const struct fus_sdc_work *w, int p, int i); /* whether fit i belongs to this shard */
/* How many fits participant p has left in this shard. */
int fus_sdc_fits_left(struct fus_sdc_work *w, int p);
/* w, b: of one finished fit. */
int fus_sdc_fits_read(float *weight, float *bias, const struct fus_sdc_work *w, bool permuted, int number,
                      struct fus_error *err);
/* The mean of the reruns in double, in order, rounded: w->w, w->b. */
int fus_sdc_fits_average(struct fus_sdc_work *w, struct fus_error *err);

/* parts/NAME-scores.csv, and scores.csv of all participants. */
int fus_sdc_scores_write(struct fus_sdc_work *w, struct fus_error *err);
int fus_sdc_scores_join(const struct fus_sdc_work *w, struct fus_error *err);

/* pool.npz and images.tsv. */
int fus_sdc_pool_write(const struct fus_sdc_work *w, struct fus_error *err);

/* voxels/NAME.csv, decoders/NAME.npz and responses/NAME_test.npz. */
int fus_sdc_write_all(struct fus_sdc_work *w, struct fus_error *err);

#endif
