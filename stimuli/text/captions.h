/* SPDX-License-Identifier: MIT */
/* Captions of pictures, and the words in them. */
#ifndef FUS_CAPTIONS_H
#define FUS_CAPTIONS_H

#include "stimuli/feed.h"

#define FUS_CAPTIONS_MAX_BYTES ((size_t)1 << 30)
#define FUS_CAPTIONS_WORD 64 /* bytes of a word with its 0; longer ones are cut */

/* The next word of *text, in lower case, and moves *text past it; false: there is none. Words are
 * runs of letters, digits and `-`; bytes of UTF-8 beyond ASCII count as letters and stay as they
 * are. */
bool fus_captions_word(char word[FUS_CAPTIONS_WORD], const char **text);

struct fus_captions {
    int n_items, n_sets; /* n_sets: drawings of each item (n_fresh of a drawn set), else 1 */
    size_t n_texts;
    const char **texts; /* [n_texts] by set, item, then line of the file */
    size_t *first;      /* [n_sets * n_items + 1] the texts of each */
    size_t n_others;    /* lines of the file that name no picture of the feed */
    char *bytes;
};

/* path NULL: the captions of drawn pictures; FUS_EINVAL for other sets. Else a text file of lines
 * path TAB caption, several lines a picture allowed; the first line may be the header `path TAB
 * caption`. Such a path is equal to the picture's path, or relative to the file's folder, or
 * FOLDER/NAME (the last two components). FUS_EINVAL: pictures without a caption (the message gives
 * their number and the first names); FUS_EFORMAT: a line without a tab or text, or that matches two
 * pictures. c is untouched on failure. */
int fus_captions_read(struct fus_captions *c, const char *path, const struct fus_feed *feed, struct fus_error *err);
void fus_captions_free(struct fus_captions *c);

/* The caption of an item in an epoch. If it has several, one is drawn from (seed, epoch, item). */
size_t fus_captions_pick(const struct fus_captions *c, int item, uint64_t epoch, uint64_t seed); /* index in texts */
const char *fus_captions_text(const struct fus_captions *c, int item, uint64_t epoch, uint64_t seed);

/* How many captions contain "left" or "right", and the first of them: mirroring a picture would
 * make its caption false. */
size_t fus_captions_sides(const struct fus_captions *c, const char **example);

/* ---- words: vocabulary.c ---- */

/* Words in byte order, and how many texts have each. */
struct fus_vocabulary {
    int n;
    char **words;
    int *n_texts; /* [n] */
    size_t n_all; /* texts counted */
};

/* The words of at least `least` texts; if there are more than `most` (0: no limit), the most
 * frequent ones, ties in byte order. */
int fus_vocabulary_count(struct fus_vocabulary *v, const char *const *texts, size_t n, int least, int most,
                         struct fus_error *err);
void fus_vocabulary_free(struct fus_vocabulary *v);
int fus_vocabulary_find(const struct fus_vocabulary *v, const char *word); /* -1: none */

/* Texts as indices of words, in the order of the text, without unknown words. */
struct fus_bags {
    size_t n;      /* texts */
    size_t *start; /* [n + 1] */
    int *words;    /* [start[n]] */
};
int fus_vocabulary_bags(struct fus_bags *b, const struct fus_vocabulary *v, const char *const *texts, size_t n,
                        struct fus_error *err);
void fus_vocabulary_free_bags(struct fus_bags *b);

/* A class name as text: WordNet's first synonym (up to a comma), `_` and `-` as spaces. */
void fus_captions_class(char *text, size_t text_bytes, const char *name);

#endif
