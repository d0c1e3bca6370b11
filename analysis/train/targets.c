/* SPDX-License-Identifier: MIT */
/* Targets of the language head: see targets.h. */
#include "analysis/train/vectors.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "nn/base/number.h"
#include "nn/base/rng.h"
#include "nn/base/sha256.h"

enum { RANDOM_DIM = 64, MAX_DIM = 16384, CLASS_NAME = 128 };

/* Purposes of the counter (seed, a, b, purpose); those of feed.c, augment.c and
 * captions.c are 1 to 3. */
enum { RANDOM_ROW = 7, SWAP = 8 };

/* ---- the option ---- */

static int parse_dim(int *dim, const char *text, struct fus_error *err)
{
    uint64_t n;
    if (!fus_number_whole(&n, text, NULL) || n < 1 || n > MAX_DIM)
        return fus_base_fail(err, FUS_EINVAL, "'%s' found, a number of dimensions from 1 to %d expected", text,
                             MAX_DIM);
    *dim = (int)n;
    return FUS_OK;
}

static bool names_vectors(const char *text)
{
    static const char *const endings[] = {".npy", ".txt", ".vec", ".bin"};
    size_t n = strlen(text);
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
        if (n > 4 && strcmp(text + n - 4, endings[i]) == 0)
            return true;
    return false;
}

static int parse_source(struct fus_targets_spec *s, const char *text, struct fus_error *err)
{
    if (strcmp(text, "lsa") == 0 || strncmp(text, "lsa:", 4) == 0) {
        s->kind = FUS_TARGETS_LSA;
        return text[3] ? parse_dim(&s->dim, text + 4, err) : FUS_OK;
    }
    if (strncmp(text, "clip:", 5) == 0 && text[5]) {
        s->kind = FUS_TARGETS_CLIP;
        s->path = text + 5;
        return FUS_OK;
    }
    if (!names_vectors(text))
        return fus_base_fail(err, FUS_EINVAL,
                             "'%s' found, lsa, lsa:D, FILE.npy, glove.txt, FILE.vec, FILE.bin, clip:FILE, class, "
                             "shuffled or random expected",
                             text);
    s->kind = FUS_TARGETS_WORDS;
    s->path = text;
    return FUS_OK;
}

int fus_targets_parse(struct fus_targets_spec *s, const char *text, struct fus_error *err)
{
    static const struct {
        const char *word;
        enum fus_targets_control control;
    } controls[] = {{"class", FUS_TARGETS_CLASS}, {"shuffled", FUS_TARGETS_SHUFFLED}};
    memset(s, 0, sizeof *s);
    if (strcmp(text, "random") == 0 || strncmp(text, "random:", 7) == 0) {
        s->kind = FUS_TARGETS_RANDOM;
        s->dim = RANDOM_DIM;
        return text[6] ? parse_dim(&s->dim, text + 7, err) : FUS_OK;
    }
    for (size_t i = 0; i < sizeof controls / sizeof *controls; i++) {
        size_t n = strlen(controls[i].word);
        if (strncmp(text, controls[i].word, n) != 0 || (text[n] && text[n] != ':'))
            continue;
        s->control = controls[i].control;
        return parse_source(s, text[n] ? text + n + 1 : "lsa", err);
    }
    return parse_source(s, text, err);
}

/* ---- texts ---- */

int fus_targets_no_memory(struct fus_error *err)
{
    return fus_base_fail(err, FUS_ENOMEM, "no memory for the targets of the language head");
}

/* Uses names of classes or paths as texts; a side with captions has the captions as texts. */
int fus_targets_set_texts(struct fus_targets_side *s, enum fus_targets_mode mode, struct fus_error *err)
{
    const struct fus_feed *f = s->feed;
    s->mode = mode;
    if (mode == FUS_TARGETS_CAPTIONS) {
        s->texts = s->captions.texts;
        s->n_texts = s->captions.n_texts;
        return FUS_OK;
    }
    s->n_texts = mode == FUS_TARGETS_PATHS ? (size_t)f->n_items : (size_t)f->n_classes;
    s->texts = fus_base_alloc(s->n_texts, sizeof *s->texts);
    s->names = fus_base_alloc((size_t)f->n_classes, CLASS_NAME);
    if (!s->texts || !s->names)
        return fus_targets_no_memory(err);
    for (size_t i = 0; i < s->n_texts; i++) {
        if (mode == FUS_TARGETS_CLASS_NAMES)
            fus_captions_class(s->names + i * CLASS_NAME, CLASS_NAME, f->classes[i]);
        s->texts[i] = mode == FUS_TARGETS_PATHS ? fus_feed_path(f, (int)i) : s->names + i * CLASS_NAME;
    }
    return FUS_OK;
}

void fus_targets_drop_texts(struct fus_targets_side *s)
{
    if (s->mode != FUS_TARGETS_CAPTIONS)
        fus_base_free(s->texts);
    fus_base_free(s->names);
    s->texts = NULL;
    s->names = NULL;
    s->n_texts = 0;
}

/* Reads captions if there are any: from the given file, or those of drawn pictures. */
static int read_captions(struct fus_targets *t, const struct fus_targets_request *r, bool *found, struct fus_error *err)
{
    *found = r->captions || t->side[0].feed->set.drawn;
    int code = *found ? fus_captions_read(&t->side[0].captions, r->captions, t->side[0].feed, err) : FUS_OK;
    if (code || !t->side[1].feed || !*found)
        return code;
    const char *path = t->side[1].feed->set.drawn ? NULL : r->captions;
    if (!path && !t->side[1].feed->set.drawn)
        t->without_held = true;
    else if (fus_captions_read(&t->side[1].captions, path, t->side[1].feed, err))
        t->without_held = true;
    if (t->without_held)
        t->side[1].feed = NULL;
    return FUS_OK;
}

/* The texts of training pictures alone, in the order of items; the caller frees them. */
int fus_targets_list_training(const char ***texts, size_t *n, const struct fus_targets_side *s, struct fus_error *err)
{
    const struct fus_feed *f = s->feed;
    const struct fus_captions *c = &s->captions;
    *n = 0;
    *texts = fus_base_alloc(s->n_texts + 1, sizeof **texts);
    if (!*texts)
        return fus_targets_no_memory(err);
    if (s->mode == FUS_TARGETS_CLASS_NAMES) {
        memcpy(*texts, s->texts, s->n_texts * sizeof **texts);
        *n = s->n_texts;
        return FUS_OK;
    }
    bool captions = s->mode == FUS_TARGETS_CAPTIONS;
    for (int set = 0; set < (captions ? c->n_sets : 1); set++)
        for (int i = 0; i < f->n_train; i++) {
            size_t slot = (size_t)set * (size_t)f->n_items + (size_t)f->train[i];
            size_t from = captions ? c->first[slot] : slot, end = captions ? c->first[slot + 1] : slot + 1;
            for (; from < end; from++)
                (*texts)[(*n)++] = s->texts[from];
        }
    return FUS_OK;
}

size_t fus_targets_text(const struct fus_targets *t, int side, int item, uint64_t epoch, bool held)
{
    const struct fus_targets_side *s = &t->side[side];
    if (s->mode == FUS_TARGETS_CLASS_NAMES)
        return (size_t)s->feed->label[item];
    if (s->mode == FUS_TARGETS_PATHS)
        return (size_t)(s->swapped && !held ? s->swapped[item] : item);
    return fus_captions_pick(&s->captions, s->swapped && !held ? s->swapped[item] : item, held ? 0 : epoch, t->seed);
}

const float *fus_targets_row(const struct fus_targets *t, int side, int item, uint64_t epoch, bool held)
{
    size_t dim = (size_t)t->dim;
    if (t->classes)
        return t->classes + (size_t)t->side[side].feed->label[item] * dim;
    return t->side[side].rows + fus_targets_text(t, side, item, epoch, held) * dim;
}

/* ---- controls ---- */

static int make_random(struct fus_targets *t, struct fus_error *err)
{
    int code = FUS_OK;
    t->dim = t->spec.dim;
    for (int side = 0; side < 2 && !code; side++) {
        struct fus_targets_side *s = &t->side[side];
        code = s->feed ? fus_vectors_room(s, t->dim, err) : FUS_OK;
        for (size_t i = 0; s->rows && i < s->n_texts && !code; i++) {
            struct fus_rng rng;
            float *row = s->rows + i * (size_t)t->dim;
            fus_rng_seed_counter(&rng, (const uint64_t[]){t->seed, (uint64_t)side, i, RANDOM_ROW}, 4);
            for (int d = 0; d < t->dim; d++)
                row[d] = (float)fus_rng_normal(&rng);
            if (!fus_vectors_unit(row, t->dim))
                row[0] = 1;
        }
    }
    snprintf(t->description, sizeof t->description, "random vectors of %d dimensions", t->dim);
    return code;
}

/* The mean over the training texts of each class. */
static int average_classes(struct fus_targets *t, struct fus_error *err)
{
    const struct fus_targets_side *s = &t->side[0];
    const struct fus_feed *f = s->feed;
    size_t dim = (size_t)t->dim, n = (size_t)f->n_classes;
    double *sums = fus_base_alloc(n, dim * sizeof *sums);
    t->classes = fus_base_alloc(n, dim * sizeof *t->classes);
    if (!sums || !t->classes) {
        fus_base_free(sums);
        return fus_targets_no_memory(err);
    }
    for (int i = 0; i < f->n_train; i++) {
        int item = f->train[i];
        size_t from = fus_targets_text(t, 0, item, 0, true), end = from + 1;
        if (s->mode == FUS_TARGETS_CAPTIONS)
            from = s->captions.first[item], end = s->captions.first[item + 1];
        for (; from < end; from++)
            for (size_t d = 0; d < dim; d++)
                sums[(size_t)f->label[item] * dim + d] += s->rows[from * dim + d];
    }
    for (size_t c = 0; c < n; c++) {
        for (size_t d = 0; d < dim; d++)
            t->classes[c * dim + d] = (float)sums[c * dim + d];
        if (!fus_vectors_unit(t->classes + c * dim, t->dim))
            t->classes[c * dim] = 1;
    }
    fus_base_free(sums);
    return FUS_OK;
}

/* Permutes the captions of the training items within each class. */
static int swap_captions(struct fus_targets *t, struct fus_error *err)
{
    struct fus_targets_side *s = &t->side[0];
    const struct fus_feed *f = s->feed;
    s->swapped = fus_base_alloc((size_t)f->n_items, sizeof *s->swapped);
    if (!s->swapped)
        return fus_targets_no_memory(err);
    for (int i = 0; i < f->n_items; i++)
        s->swapped[i] = i;
    for (int from = 0, end; from < f->n_train; from = end) {
        struct fus_rng rng;
        int class_of = f->label[f->train[from]];
        for (end = from; end < f->n_train && f->label[f->train[end]] == class_of;)
            end++;
        fus_rng_seed_counter(&rng, (const uint64_t[]){t->seed, (uint64_t)class_of, 0, SWAP}, 4);
        for (int i = end - 1; i > from; i--) {
            int k = from + (int)fus_rng_below(&rng, (uint64_t)(i - from) + 1), a = f->train[i], b = f->train[k],
                swap = s->swapped[a];
            s->swapped[a] = s->swapped[b];
            s->swapped[b] = swap;
        }
    }
    return FUS_OK;
}

static int apply_control(struct fus_targets *t, struct fus_error *err)
{
    static const char *const said[] = {"", "; of each class the mean", "; the captions of a class change places"};
    size_t used = strlen(t->description);
    snprintf(t->description + used, sizeof t->description - used, "%s", said[t->spec.control]);
    return t->spec.control == FUS_TARGETS_CLASS      ? average_classes(t, err)
           : t->spec.control == FUS_TARGETS_SHUFFLED ? swap_captions(t, err)
                                                     : FUS_OK;
}

/* ---- contrastive: words with learned vectors ---- */

static int make_bags(struct fus_targets *t, struct fus_error *err)
{
    const char **texts = NULL;
    size_t n = 0;
    int code = fus_targets_list_training(&texts, &n, &t->side[0], err);
    if (!code)
        code = fus_vocabulary_count(&t->vocabulary, texts, n, 1, 0, err);
    fus_base_free(texts);
    for (int side = 0; side < 2 && !code; side++) {
        struct fus_targets_side *s = &t->side[side];
        if (!s->feed)
            continue;
        code = fus_vocabulary_bags(&s->bags, &t->vocabulary, s->texts, s->n_texts, err);
        for (size_t i = 0; i < s->n_texts && !code && side == 0; i++)
            if (s->bags.start[i] == s->bags.start[i + 1])
                code = fus_base_fail(err, FUS_EINVAL,
                                     "--contrastive: the text '%s' has no word of the training captions", s->texts[i]);
    }
    snprintf(t->description, sizeof t->description, "%d words, learned", t->vocabulary.n);
    return code;
}

/* ---- all of it ---- */

static void digest(struct fus_targets *t)
{
    struct fus_sha256 sha;
    fus_sha256_start(&sha);
    for (int side = 0; side < 2; side++) {
        const struct fus_targets_side *s = &t->side[side];
        for (size_t i = 0; i < s->n_texts; i++)
            fus_sha256_add(&sha, s->texts[i], strlen(s->texts[i]) + 1);
        if (s->rows)
            fus_sha256_add_floats(&sha, s->rows, s->n_texts * (size_t)t->dim);
        for (int i = 0; s->swapped && i < s->feed->n_items; i++)
            fus_sha256_add(
                &sha,
                &(uint8_t[]){(uint8_t)s->swapped[i], (uint8_t)(s->swapped[i] >> 8), (uint8_t)(s->swapped[i] >> 16)}, 3);
    }
    if (t->classes)
        fus_sha256_add_floats(&sha, t->classes, (size_t)t->side[0].feed->n_classes * (size_t)t->dim);
    fus_sha256_hex(&sha, t->sha256);
}

static bool is_table(const char *path)
{
    size_t n = path ? strlen(path) : 0;
    return n > 4 && strcmp(path + n - 4, ".npy") == 0;
}

static int make(struct fus_targets *t, const struct fus_targets_request *r, bool captions, struct fus_error *err)
{
    enum fus_targets_mode mode = captions                             ? FUS_TARGETS_CAPTIONS
                                 : t->spec.kind == FUS_TARGETS_RANDOM ? FUS_TARGETS_PATHS
                                                                      : FUS_TARGETS_CLASS_NAMES;
    int code = FUS_OK;
    if (t->spec.kind == FUS_TARGETS_LSA && !captions)
        return fus_base_fail(
            err, FUS_EINVAL,
            "--language %s: these pictures have no captions; --captions FILE.tsv says them, a line path TAB "
            "caption each",
            t->spec.control ? "class, shuffled and lsa" : "lsa");
    for (int side = 0; side < 2 && !code; side++)
        if (t->side[side].feed)
            code = fus_targets_set_texts(&t->side[side], mode, err);
    if (code)
        return code;
    if (r->contrastive)
        return make_bags(t, err);
    code = t->spec.kind == FUS_TARGETS_LSA      ? fus_vectors_lsa(t, err)
           : t->spec.kind == FUS_TARGETS_CLIP   ? fus_clip_targets_make(t, r, err)
           : t->spec.kind == FUS_TARGETS_RANDOM ? make_random(t, err)
           : is_table(t->spec.path)             ? fus_vectors_table(t, r, captions, err)
                                                : fus_vectors_words(t, r, err);
    return code ? code : apply_control(t, err);
}

int fus_targets_make(struct fus_targets *out, const struct fus_targets_spec *spec, const struct fus_targets_request *r,
                     const struct fus_feed *feed, const struct fus_feed *other, struct fus_error *err)
{
    struct fus_targets t = {.spec = *spec, .seed = r->seed};
    bool captions;
    t.side[0].feed = feed;
    t.side[1].feed = other;
    int code = read_captions(&t, r, &captions, err);
    if (!code)
        code = make(&t, r, captions, err);
    if (code)
        fus_targets_free(&t);
    else {
        digest(&t);
        *out = t;
    }
    return code;
}

void fus_targets_free(struct fus_targets *t)
{
    for (int side = 0; side < 2; side++) {
        struct fus_targets_side *s = &t->side[side];
        fus_targets_drop_texts(s);
        fus_captions_free(&s->captions);
        fus_base_free(s->rows);
        fus_base_free(s->swapped);
        fus_vocabulary_free_bags(&s->bags);
    }
    fus_base_free(t->classes);
    fus_vocabulary_free(&t->vocabulary);
    memset(t, 0, sizeof *t);
}
