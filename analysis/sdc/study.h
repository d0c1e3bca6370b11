/* SPDX-License-Identifier: MIT */
/* A study: participants, their files, their trials, and which images train, validate and test.
 *
 *     code = fus_sdc_study_create(&study, err);
 *     code = fus_sdc_study_read(study, "study.tsv", err);     or _add for each participant
 *     code = fus_sdc_study_load(study, &images, &embedding, &options, err);
 *     fus_sdc_data_open(&d, study, p, ...)
 *     fus_sdc_study_close(study);
 *
 * study.tsv is a table with tabs and a header: participant, responses, and where needed trials,
 * mask, rois, sessions. Paths start at its folder; lines that begin with # are comments; "-" or
 * nothing: none. Several lines of one participant are stacked in order. `*` in a file's name stands
 * for all files that match, in natural order. "lh=A;rh=B" joins files side by side. */
#ifndef FUS_SDC_STUDY_H
#define FUS_SDC_STUDY_H

#include "analysis/sdc/data.h"
#include "analysis/sdc/images.h"
#include "weights/volume.h"

/* Files that stand side by side: a hemisphere, or everything. */
struct fus_sdc_part {
    char *name;   /* "lh"; "": the only part */
    int n_files;  /* in natural order; every part has as many */
    char **files; /* [n_files] */
    char *mask;   /* NULL: none */
    size_t n_places;
    struct fus_volume_space space; /* of the first file */
};

/* One line of the study. */
struct fus_sdc_source {
    char *responses, *trials, *mask; /* as given; NULL: none */
    char *sessions;                  /* "1-37": these alone; NULL: as the option says */
    long line;                       /* in the study's file; 0: command line */

    /* Set by fus_sdc_study_load, of files alone. */
    int n_parts;
    struct fus_sdc_part *parts;
    char *trials_path;
    size_t *n_frames; /* [n_files] trials of each file */
    size_t n_all;     /* of all files */
    uint8_t *used;    /* [n_all] 0: left out by --sessions */
};

struct fus_sdc_participant {
    char *name;
    int n_sources;
    struct fus_sdc_source *sources;
    char *model; /* "FILE@LAYER[?units=...]" of `model:...`, with the study's folder; NULL: files */
    char *rois;  /* "prf=FILE;faces=FILE"; NULL: none */

    /* Set by fus_sdc_study_load. */
    size_t n_files;     /* every file that it stands for */
    const char **files; /* [n_files] of each source: trials, then masks and responses of its parts */
    size_t n_trials;
    int32_t *image;   /* [n_trials] row of the embedding */
    int32_t *session; /* [n_trials] */
    uint8_t *split;   /* [n_trials] enum fus_sdc_split */
    int n_sessions;
    char **session_name; /* [n_sessions] as in the trials, or the file's name */
};

struct fus_sdc_study {
    int n;
    struct fus_sdc_participant *participants; /* in the order of their first line */
    char *path;                               /* study.tsv; NULL: command line */
    size_t n_images;                          /* rows of the embedding */
    size_t n_shared;                          /* images that every participant saw often enough to test */
};

struct fus_sdc_study_options {
    int repeats;          /* trials of an image that can test; 3 */
    size_t n_test, n_val; /* images; 1000, 1000 */
    uint64_t seed;
    const char *sessions; /* "1-37": only these, of responses and trials; NULL: all */
};

void fus_sdc_study_defaults(struct fus_sdc_study_options *o);
int fus_sdc_study_create(struct fus_sdc_study **study, struct fus_error *err);
void fus_sdc_study_close(struct fus_sdc_study *study); /* NULL allowed */

int fus_sdc_study_read(struct fus_sdc_study *study, const char *path, struct fus_error *err);
/* One line from the command line: `subj01=PATH`. mask, trials, rois NULL: none. */
int fus_sdc_study_add(struct fus_sdc_study *study, const char *name, const char *responses, const char *trials,
                      const char *mask, const char *rois, struct fus_error *err);

/* Reads the trials of all participants, opens every file of responses once to check its header,
 * numbers the sessions, and splits by image. images NULL: an image is a row number of the embedding
 * (column 73KID: less 1). */
int fus_sdc_study_load(struct fus_sdc_study *study, const struct fus_sdc_images *images,
                       const struct fus_sdc_embedding *e, const struct fus_sdc_study_options *o, struct fus_error *err);

#endif
