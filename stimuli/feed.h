/* SPDX-License-Identifier: MIT */
/* The input of training: the pictures of a set by class, their order in each epoch, batches of
 * input tensors.
 *
 * Classes are the set's subcategories (folders), in natural order of their names; items are its
 * pictures, by class, then natural order of paths: the order of a manifest does not matter. Nothing
 * depends on the number of threads. */
#ifndef FUS_FEED_H
#define FUS_FEED_H

#include "stimuli/augment.h"

struct fus_feed_options {
    struct fus_preprocess preprocess; /* input side = preprocess.crop */
    struct fus_augment augment;
    uint64_t seed; /* of order and augmentation */
    /* drawn sets: epoch e is drawn with the set's seed + e mod n_fresh; 0 or 1: always
     * the same pictures */
    int n_fresh;
    size_t cache_bytes; /* decoded pictures kept, at most */
};

struct fus_feed {
    struct fus_set set;
    struct fus_feed_options options;
    int n_classes, n_items;
    const char **classes; /* [n_classes] */
    int *label;           /* [n_items] */
    int *picture;         /* [n_items] index into set.pictures */
    int n_train, n_held;
    int *train, *held; /* [n_train], [n_held] items, ascending; nothing is held out at first */
    char (*hex)[65];   /* [n_items] fus_feed_check's digests; NULL before */
    struct fus_feed_cache *cache;
};

/* spec: as fus_set_open's; every sub-folder of a folder is a class; `builtin` draws all eleven
 * subcategories, per_category of each, unless categories= selects others. FUS_EINVAL: fewer than
 * two classes, a class of one picture (named). */
int fus_feed_open(struct fus_feed *feed, const char *spec, const struct fus_feed_options *options,
                  struct fus_error *err);
void fus_feed_close(struct fus_feed *feed);

/* Holds out `percent` (1..50) of each class: picture k of a class where floor((k+1) percent / 100)
 * > floor(k percent / 100), with 10 every tenth, from the tenth on. If none of a class would be
 * held out, its last picture is. FUS_EINVAL: a class of which fewer than two pictures remain for
 * training. */
int fus_feed_hold_out(struct fus_feed *feed, int percent, struct fus_error *err);

/* "10%" or "10": *percent; false if text is not a percentage (then it names another set). */
bool fus_feed_parse_percent(int *percent, const char *text);

/* Maps the labels of another feed, for validation, to this feed's classes by name. FUS_ENOTFOUND
 * names a class that this feed does not have. The other feed's label[] is rewritten and its classes
 * become this feed's, which must be closed after it. All its items count as held out. */
int fus_feed_match(struct fus_feed *other, const struct fus_feed *feed, struct fus_error *err);

/* Reads every picture once, in parallel: it is decoded, its digest goes to hex, and it is cached
 * while there is room. Fails with the first picture, in item order, that cannot be read. sha256: of
 * all digests and classes, in item order; NULL allowed. Later reads of a file that has changed
 * since fail. Drawn pictures are digested by their seed, not drawn. */
int fus_feed_check(struct fus_feed *feed, char sha256[65], struct fus_error *err);

/* order [n_train]: the training items of an epoch, Fisher-Yates from (seed, epoch). */
void fus_feed_order(int *order, const struct fus_feed *feed, uint64_t epoch);

/* input [n, 3, side, side] of these items in an epoch, in parallel on the threads of threads.h.
 * augmented: with the options' augmentation; else resized and cropped as in `run`. Messages start
 * with the path. */
int fus_feed_batch(float *input, struct fus_feed *feed, const int *items, int n, uint64_t epoch, bool augmented,
                   struct fus_error *err);

/* The seed with which a drawn set's pictures of an epoch are drawn. */
uint64_t fus_feed_drawing_seed(const struct fus_feed *feed, uint64_t epoch);
const char *fus_feed_path(const struct fus_feed *feed, int item);

#endif
