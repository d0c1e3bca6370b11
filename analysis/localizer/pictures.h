/* SPDX-License-Identifier: MIT */
/* Notes on sets of pictures: files left out, unreadable pictures, and the list that assigns rows to
 * pictures. */
#ifndef FUS_PICTURES_H
#define FUS_PICTURES_H

#include "analysis/localizer/model.h"
#include "analysis/localizer/note.h"
#include "stimuli/stimuli.h"

/* A note if the set's folder contains other files; spec: NULL if set->left_out names the folder
 * itself. */
void fus_pictures_tell_left_out(const struct fus_set *set, const char *spec, const struct fus_note_sink *notes);

/* A note for each category whose name table readers take for a missing value: NA, None, nan. */
void fus_pictures_tell_names(const struct fus_set *set, const struct fus_note_sink *notes);

/* Reports unreadable pictures as an error. One: err is its message. Several: each message is a
 * note, and err gives their number out of n. None: returns FUS_OK. */
int fus_pictures_refuse(const struct fus_set_bad *bad, int n, const struct fus_note_sink *notes, struct fus_error *err);

/* The same for pictures that are left out: notes only, with their number. */
void fus_pictures_tell_skipped(const struct fus_set_bad *bad, int n, const struct fus_note_sink *notes);

/* --skip-bad: reads every picture; unreadable ones are left out, with notes. spec as in
 * fus_set_bad_leave_out. */
int fus_pictures_skip(struct fus_set *set, const char *spec, const struct fus_note_sink *notes, struct fus_error *err);

/* The pictures given as operands of activations, embed and classify; then those of them that can be
 * read. The cache holds them preprocessed for the model. */
struct fus_pictures {
    struct fus_set set;
    struct fus_cache *cache;
    const struct fus_note_sink *notes;
    bool listed; /* an operand is not a single picture file: the rows need a list */
};
int fus_pictures_open(struct fus_pictures *p, const char *const *operands, int n, const struct fus_note_sink *notes,
                      struct fus_error *err);
int fus_pictures_check(struct fus_pictures *p, const struct fus_model *m, bool skip_bad, struct fus_error *err);
void fus_pictures_close(struct fus_pictures *p);

/* Pictures at a time for a network whose threads share out pictures (nn.h: apart). */
enum { FUS_PICTURES_APART = 64 };

/* Pictures first .. first+n-1 as the model's input: [n, 3, side, side]. */
int fus_pictures_input(float *input, const struct fus_pictures *p, const struct fus_model *m, int first, int n,
                       struct fus_error *err);

/* Writes OUT.tsv if the rows need a list: row, picture, category, subcategory; and a note that
 * names the file. */
int fus_pictures_write_rows(const struct fus_pictures *p, const char *out, struct fus_error *err);

#endif
