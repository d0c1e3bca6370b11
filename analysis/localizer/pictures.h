/* What is said about sets of pictures: what is left out, what cannot be read, which row
 * is which picture. */
#ifndef FUS_PICTURES_H
#define FUS_PICTURES_H

#include "analysis/localizer/model.h"
#include "analysis/localizer/note.h"
#include "stimuli/stimuli.h"

/* A note where something lies beside the pictures; spec: NULL where the set says
 * itself what is where. */
void fus_pictures_tell_left_out(const struct fus_set *set, const char *spec, const struct fus_note_sink *notes);

/* A note for each category that readers of tables take for a missing value: NA, None, nan. */
void fus_pictures_tell_names(const struct fus_set *set, const struct fus_note_sink *notes);

/* Pictures that cannot be read: with one, its message; with more, each message is a note, and err
 * says how many of n there are. Returns FUS_OK where there are none. */
int fus_pictures_refuse(const struct fus_set_bad *bad, int n, const struct fus_note_sink *notes, struct fus_error *err);

/* The same where they are left out: all as notes, and how many they are. */
void fus_pictures_tell_skipped(const struct fus_set_bad *bad, int n, const struct fus_note_sink *notes);

/* --skip-bad: every picture is read, and those that cannot be are left out, with notes. spec as in
 * fus_set_bad_leave_out. */
int fus_pictures_skip(struct fus_set *set, const char *spec, const struct fus_note_sink *notes, struct fus_error *err);

/* The operands of activations, embed and classify: what stands there, then what of it can be read.
 * The cache holds what the model wants of them. */
struct fus_pictures {
    struct fus_set set;
    struct fus_cache *cache;
    const struct fus_note_sink *notes;
    bool listed; /* an operand is no picture file: rows want a list */
};
int fus_pictures_open(struct fus_pictures *p, const char *const *operands, int n, const struct fus_note_sink *notes,
                      struct fus_error *err);
int fus_pictures_check(struct fus_pictures *p, const struct fus_model *m, bool skip_bad, struct fus_error *err);
void fus_pictures_close(struct fus_pictures *p);

/* Picture i as the model's input. */
int fus_pictures_input(float *input, const struct fus_pictures *p, const struct fus_model *m, int i,
                       struct fus_error *err);

/* OUT.tsv where the rows want a list: row, picture, category, subcategory; and a
 * note that names it. */
int fus_pictures_write_rows(const struct fus_pictures *p, const char *out, struct fus_error *err);

#endif
