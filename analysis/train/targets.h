/* SPDX-License-Identifier: MIT */
/* The targets of the language head: a vector for each text, computed before training begins.
 *
 *   lsa[:D]            latent semantic analysis of the training captions (analysis/lsa.h), D = 64
 *   FILE.npy, glove.txt, FILE.vec, FILE.bin   vectors of words (weights/words.h): a text is
 *                                             the mean of its words
 *   clip:FILE          embeddings of the captions by a CLIP file's text tower
 *                      (weights/text_model.h)
 *   class[:SOURCE]     every picture gets the mean of its class's training captions, of unit length
 *   shuffled[:SOURCE]  the training captions of a class change places
 *   random[:D]         every text gets a random vector of unit length
 *
 * SOURCE is one of the first three; default lsa. class, shuffled and random are controls: they keep
 * a second objective but remove the content of the captions. */
#ifndef FUS_TARGETS_H
#define FUS_TARGETS_H

#include "stimuli/feed.h"
#include "stimuli/text/captions.h"
#include "weights/words.h"

enum fus_targets_kind { FUS_TARGETS_NONE, FUS_TARGETS_LSA, FUS_TARGETS_WORDS, FUS_TARGETS_CLIP, FUS_TARGETS_RANDOM };
enum fus_targets_control { FUS_TARGETS_AS_THEY_ARE, FUS_TARGETS_CLASS, FUS_TARGETS_SHUFFLED };

struct fus_targets_spec {
    enum fus_targets_kind kind;
    enum fus_targets_control control;
    int dim;          /* of lsa and random */
    const char *path; /* of word vectors, or of the CLIP file */
};

/* FUS_EINVAL says what is expected. */
int fus_targets_parse(struct fus_targets_spec *spec, const char *text, struct fus_error *err);

/* The source of the texts. */
enum fus_targets_mode { FUS_TARGETS_CAPTIONS, FUS_TARGETS_CLASS_NAMES, FUS_TARGETS_PATHS };

/* The targets of one feed. */
struct fus_targets_side {
    const struct fus_feed *feed;
    enum fus_targets_mode mode;
    struct fus_captions captions;
    char *names; /* of classes, as texts */
    size_t n_texts;
    const char **texts;   /* [n_texts] */
    float *rows;          /* [n_texts, dim] of unit length; NULL: contrastive */
    int *swapped;         /* [n_items] the item whose captions it gets; NULL: its own captions */
    struct fus_bags bags; /* contrastive: the words of each text */
};

struct fus_targets {
    struct fus_targets_spec spec;
    int dim;
    uint64_t seed;
    float *classes; /* [n_classes, dim]; NULL: not FUS_TARGETS_CLASS */
    /* 0: training; 1: the separate validation set, its feed NULL if there is none */
    struct fus_targets_side side[2];
    struct fus_vocabulary vocabulary;
    char sha256[65];       /* of rows and classes, in f32 */
    char model_sha256[65]; /* of the CLIP file; empty: no text tower */
    char vocab_sha256[65]; /* of its vocabulary */
    char description[300]; /* "LSA of 4,400 captions: 185 words, 64 dimensions, 83 % of their variance" */
    bool misread;          /* a text for a text tower looks like UTF-8 read as Latin-1 */
    bool without_held;     /* the validation set has no captions, so no cosine is computed there */
};

struct fus_targets_request {
    const char *captions; /* captions.tsv; NULL: those of drawn pictures, else names of classes */
    bool idf, skip_missing, contrastive;
    uint64_t seed;
    const char *vocab, *activation; /* of clip:FILE; NULL: beside the file, and what it says */
    bool truncate;                  /* captions longer than the text tower takes */
};

/* other: NULL if held-out pictures are from the same feed. FUS_EINVAL: lsa without captions, too
 * few words, words that are missing. Messages are complete. */
int fus_targets_make(struct fus_targets *t, const struct fus_targets_spec *spec,
                     const struct fus_targets_request *request, const struct fus_feed *feed,
                     const struct fus_feed *other, struct fus_error *err);
void fus_targets_free(struct fus_targets *t);

/* The text of an item in an epoch, and its target [dim]. held: of held-out pictures, which keep
 * their own captions. */
size_t fus_targets_text(const struct fus_targets *t, int side, int item, uint64_t epoch, bool held);
const float *fus_targets_row(const struct fus_targets *t, int side, int item, uint64_t epoch, bool held);

#endif
