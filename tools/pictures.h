/* What commands say about sets of pictures: what is left out, what cannot be read, which row is which picture. */
#ifndef FUS_PICTURES_H
#define FUS_PICTURES_H

#include "tools/args.h"
#include "tools/model.h"
#include "stimuli/stimuli.h"

/* A line on stderr where something lies beside the pictures; spec: NULL where the set says itself what is where. */
void fus_pictures_tell_left_out(const struct fus_set *set, const char *spec);

/* A line on stderr for each category that readers of tables take for a missing value: NA, None, nan. */
void fus_pictures_tell_names(const struct fus_set *set);

/* Pictures that cannot be read: with one, its message; with more, each message is a line on stderr, and err says how many
 * of n there are. Returns FUS_OK where there are none. */
int fus_pictures_refuse(const struct fus_set_bad *bad, int n, struct fus_error *err);

/* The same where they are left out: all lines on stderr, and how many they are. */
void fus_pictures_tell_skipped(const struct fus_set_bad *bad, int n);

/* --skip-bad: every picture is read, and those that cannot be are left out. spec as in fus_set_bad_leave_out. */
int fus_pictures_skip(struct fus_set *set, const char *spec, struct fus_error *err);

/* The operands of activations, embed and classify: what stands there, then what of it can be read. The cache holds what the
 * model wants of them. */
struct fus_pictures {
    struct fus_set set;
    struct fus_cache *cache;
    bool listed; /* an operand is no picture file: rows want a list */
};
int fus_pictures_open(struct fus_pictures *p, const struct fus_texts *operands, struct fus_error *err);
int fus_pictures_check(struct fus_pictures *p, const struct fus_model *m, bool skip_bad, struct fus_error *err);
void fus_pictures_close(struct fus_pictures *p);

/* Picture i as the model's input. */
int fus_pictures_input(float *input, const struct fus_pictures *p, const struct fus_model *m, int i, struct fus_error *err);

/* OUT.tsv where the rows want a list: row, picture, category, subcategory; and a line on stderr that names it. */
int fus_pictures_write_rows(const struct fus_pictures *p, const char *out, struct fus_error *err);

#endif
