/* Targets of the language head: see targets.h. */
#include "analysis/train/targets.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "analysis/lsa.h"
#include "nn/base/fmath.h"
#include "nn/base/number.h"
#include "nn/base/rng.h"
#include "nn/base/sha256.h"

enum { DEFAULT_DIM = 64, MAX_DIM = 16384, LEAST_TEXTS = 5, CLASS_NAME = 128 };
#define MOST_MISSING 2.0 /* percent of the words */

/* Purposes of the counter (seed, a, b, purpose); those of feed.c, augment.c and captions.c are 1 to 3. */
enum { RANDOM_ROW = 7, SWAP = 8 };

/* ---- the option ---- */

static int parse_dim(int *dim, const char *text, struct fus_error *err)
{
    uint64_t n;
    if (!fus_number_whole(&n, text, NULL) || n < 1 || n > MAX_DIM)
        return fus_base_fail(err, FUS_EINVAL, "'%s' found, a number of dimensions from 1 to %d expected", text, MAX_DIM);
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
    if (!names_vectors(text))
        return fus_base_fail(err, FUS_EINVAL, "'%s' found, lsa, lsa:D, FILE.npy, glove.txt, FILE.vec, FILE.bin, class, shuffled or "
                             "random expected", text);
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
    if (strncmp(text, "clip:", 5) == 0)
        return fus_base_fail(err, FUS_EUNSUPPORTED, "%s: CLIP's text tower is not read yet; write its embeddings to FILE.npy, one row a "
                             "line of FILE.txt", text);
    if (strcmp(text, "random") == 0 || strncmp(text, "random:", 7) == 0) {
        s->kind = FUS_TARGETS_RANDOM;
        s->dim = DEFAULT_DIM;
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

static int no_memory(struct fus_error *err)
{
    return fus_base_fail(err, FUS_ENOMEM, "no memory for the targets of the language head");
}

/* Names of classes or paths as texts; those of a side with captions are the captions'. */
static int set_texts(struct fus_targets_side *s, enum fus_targets_mode mode, struct fus_error *err)
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
        return no_memory(err);
    for (size_t i = 0; i < s->n_texts; i++) {
        if (mode == FUS_TARGETS_CLASS_NAMES)
            fus_captions_class(s->names + i * CLASS_NAME, CLASS_NAME, f->classes[i]);
        s->texts[i] = mode == FUS_TARGETS_PATHS ? fus_feed_path(f, (int)i) : s->names + i * CLASS_NAME;
    }
    return FUS_OK;
}

static void drop_texts(struct fus_targets_side *s)
{
    if (s->mode != FUS_TARGETS_CAPTIONS)
        fus_base_free(s->texts);
    fus_base_free(s->names);
    s->texts = NULL;
    s->names = NULL;
    s->n_texts = 0;
}

/* Captions where there are any: named, or those of drawn pictures. */
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
static int list_training(const char ***texts, size_t *n, const struct fus_targets_side *s, struct fus_error *err)
{
    const struct fus_feed *f = s->feed;
    const struct fus_captions *c = &s->captions;
    *n = 0;
    *texts = fus_base_alloc(s->n_texts + 1, sizeof **texts);
    if (!*texts)
        return no_memory(err);
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

/* ---- rows ---- */

static bool make_unit(float *row, int dim)
{
    double sum = 0;
    for (int i = 0; i < dim; i++)
        sum += (double)row[i] * row[i];
    if (!(sum > 0))
        return false;
    for (int i = 0; i < dim; i++)
        row[i] = (float)(row[i] / sqrt(sum));
    return true;
}

/* Rows that nothing is known of get the mean of the others, of unit length. */
static void fill_unknown(float *rows, size_t n, int dim, const bool *known)
{
    float *mean = NULL;
    for (size_t i = 0; i < n; i++) {
        if (known[i])
            continue;
        float *row = rows + i * (size_t)dim;
        if (mean) {
            memcpy(row, mean, (size_t)dim * sizeof *row);
            continue;
        }
        for (int d = 0; d < dim; d++) {
            double sum = 0;
            for (size_t k = 0; k < n; k++)
                sum += known[k] ? (double)rows[k * (size_t)dim + (size_t)d] : 0;
            row[d] = (float)sum;
        }
        if (!make_unit(row, dim))
            row[0] = 1;
        mean = row;
    }
}

static int make_rows(struct fus_targets_side *s, int dim, struct fus_error *err)
{
    s->rows = fus_base_alloc(s->n_texts, (size_t)dim * sizeof *s->rows);
    return s->rows ? FUS_OK : no_memory(err);
}

/* ---- latent semantic analysis ---- */

static int embed_lsa(struct fus_targets_side *s, const struct fus_lsa *l, const struct fus_vocabulary *v, struct fus_error *err)
{
    struct fus_bags b = {0};
    bool *known = fus_base_alloc(s->n_texts + 1, sizeof *known);
    double *scratch = fus_base_alloc((size_t)v->n, sizeof *scratch);
    int code = known && scratch ? make_rows(s, l->dim, err) : no_memory(err);
    if (!code)
        code = fus_vocabulary_bags(&b, v, s->texts, s->n_texts, err);
    for (size_t i = 0; i < s->n_texts && !code; i++)
        known[i] = fus_lsa_embed(s->rows + i * (size_t)l->dim, l, b.words + b.start[i], b.start[i + 1] - b.start[i], scratch);
    if (!code)
        fill_unknown(s->rows, s->n_texts, l->dim, known);
    fus_vocabulary_free_bags(&b);
    fus_base_free(known);
    fus_base_free(scratch);
    return code;
}

static int make_lsa(struct fus_targets *t, struct fus_error *err)
{
    const char **texts = NULL;
    size_t n = 0;
    struct fus_bags b = {0};
    struct fus_lsa l = {0};
    int code = list_training(&texts, &n, &t->side[0], err);
    if (!code)
        code = fus_vocabulary_count(&t->vocabulary, texts, n, LEAST_TEXTS, FUS_LSA_MAX_WORDS, err);
    int words = t->vocabulary.n, dim = t->spec.dim ? t->spec.dim : words < DEFAULT_DIM ? words : DEFAULT_DIM;
    if (!code && (words < 1 || dim > words))
        code = fus_base_fail(err, FUS_EINVAL, "--language lsa: %d words stand in %d captions or more, %d dimensions need as many; try lsa:%d "
                             "or more captions", words, LEAST_TEXTS, dim, words > 1 ? words : 1);
    if (!code)
        code = fus_vocabulary_bags(&b, &t->vocabulary, texts, n, err);
    if (!code)
        code = fus_lsa_fit(&l, b.start, b.words, b.n, words, dim, err);
    t->dim = dim;
    for (int side = 0; side < 2 && !code; side++)
        if (t->side[side].feed)
            code = embed_lsa(&t->side[side], &l, &t->vocabulary, err);
    if (!code)
        snprintf(t->description, sizeof t->description, "LSA of %zu captions: %d words, %d dimensions, %.0f %% of their variance", n, words,
                 dim, 100 * l.share);
    fus_lsa_free(&l);
    fus_vocabulary_free_bags(&b);
    fus_base_free(texts);
    return code;
}

/* ---- word vectors ---- */

static int embed_words(struct fus_targets *t, int side, const struct fus_words *w, const double *idf, bool skip, struct fus_error *err)
{
    struct fus_targets_side *s = &t->side[side];
    struct fus_bags b = {0};
    bool *known = fus_base_alloc(s->n_texts + 1, sizeof *known);
    int code = known ? make_rows(s, w->dim, err) : no_memory(err);
    if (!code)
        code = fus_vocabulary_bags(&b, &t->vocabulary, s->texts, s->n_texts, err);
    for (size_t i = 0; i < s->n_texts && !code; i++) {
        float *row = s->rows + i * (size_t)w->dim;
        known[i] = fus_words_mean(row, w, b.words + b.start[i], b.start[i + 1] - b.start[i], idf) && make_unit(row, w->dim);
        if (!known[i] && !skip)
            code = fus_base_fail(err, FUS_EINVAL, "%s: no word of '%s' has a vector; --missing skip goes on without", t->spec.path, s->texts[i]);
    }
    if (!code)
        fill_unknown(s->rows, s->n_texts, w->dim, known);
    fus_vocabulary_free_bags(&b);
    fus_base_free(known);
    return code;
}

/* The words of both sides' texts. */
static int count_words(struct fus_targets *t, struct fus_error *err)
{
    size_t n = t->side[0].n_texts + t->side[1].n_texts;
    const char **texts = fus_base_alloc(n + 1, sizeof *texts);
    if (!texts)
        return no_memory(err);
    memcpy(texts, t->side[0].texts, t->side[0].n_texts * sizeof *texts);
    if (t->side[1].n_texts)
        memcpy(texts + t->side[0].n_texts, t->side[1].texts, t->side[1].n_texts * sizeof *texts);
    int code = fus_vocabulary_count(&t->vocabulary, texts, n, 1, 0, err);
    fus_base_free(texts);
    return code;
}

static int weigh(double **idf, const struct fus_vocabulary *v, struct fus_error *err)
{
    *idf = fus_base_alloc((size_t)v->n + 1, sizeof **idf);
    if (!*idf)
        return no_memory(err);
    for (int i = 0; i < v->n; i++)
        (*idf)[i] = fus_fmath_log((double)v->n_all / v->n_texts[i]);
    return FUS_OK;
}

static int make_words(struct fus_targets *t, const struct fus_targets_request *r, struct fus_error *err)
{
    struct fus_words w = {0};
    double *idf = NULL;
    int code = count_words(t, err);
    const char *const *wanted = (const char *const *)t->vocabulary.words;
    size_t n = (size_t)t->vocabulary.n;
    if (!code)
        code = fus_words_read(&w, t->spec.path, wanted, n, err);
    if (!code && !r->skip_missing)
        code = fus_words_check(&w, t->spec.path, wanted, MOST_MISSING, err);
    if (!code && r->idf)
        code = weigh(&idf, &t->vocabulary, err);
    t->dim = w.dim;
    for (int side = 0; side < 2 && !code; side++)
        if (t->side[side].feed)
            code = embed_words(t, side, &w, idf, r->skip_missing, err);
    if (!code)
        snprintf(t->description, sizeof t->description, "word vectors (%s): %zu of %zu words, %d dimensions", w.format, w.n_found, n, w.dim);
    fus_base_free(idf);
    fus_words_free(&w);
    return code;
}

/* ---- FILE.npy: a row for each caption, class or picture, whichever its names are ---- */

static int read_table(struct fus_words *w, struct fus_targets *t, int side, struct fus_error *err)
{
    const struct fus_targets_side *s = &t->side[side];
    fus_words_free(w);
    memset(w, 0, sizeof *w);
    return fus_words_read(w, t->spec.path, s->texts, s->n_texts, err);
}

static int take_table(struct fus_targets *t, int side, const struct fus_words *w, bool skip, struct fus_error *err)
{
    struct fus_targets_side *s = &t->side[side];
    int code = skip ? FUS_OK : fus_words_check(w, t->spec.path, s->texts, 0, err);
    if (!code)
        code = make_rows(s, w->dim, err);
    bool *known = code ? NULL : fus_base_alloc(s->n_texts + 1, sizeof *known);
    if (!code && !known)
        code = no_memory(err);
    for (size_t i = 0; i < s->n_texts && !code; i++) {
        float *row = s->rows + i * (size_t)w->dim;
        memcpy(row, w->vectors + i * (size_t)w->dim, (size_t)w->dim * sizeof *row);
        known[i] = w->found[i] && make_unit(row, w->dim);
    }
    if (!code)
        fill_unknown(s->rows, s->n_texts, w->dim, known);
    fus_base_free(known);
    return code;
}

static int make_table(struct fus_targets *t, const struct fus_targets_request *r, bool captions, struct fus_error *err)
{
    static const char *const what[] = {"captions", "classes", "pictures"};
    struct fus_words w = {0};
    int code = FUS_OK, mode = captions ? FUS_TARGETS_CAPTIONS : FUS_TARGETS_CLASS_NAMES;
    for (; mode <= FUS_TARGETS_PATHS && !code; mode++) {
        drop_texts(&t->side[0]);
        code = set_texts(&t->side[0], (enum fus_targets_mode)mode, err);
        if (!code)
            code = read_table(&w, t, 0, err);
        if (code || w.n_found)
            break;
    }
    if (!code && !w.n_found)
        code = fus_base_fail(err, FUS_EINVAL, "%s: none of its names is a caption, class or picture here", t->spec.path);
    t->dim = w.dim;
    if (!code)
        code = take_table(t, 0, &w, r->skip_missing, err);
    if (!code)
        snprintf(t->description, sizeof t->description, "rows of a table for %zu of %zu %s, %d dimensions", w.n_found, w.n, what[mode], w.dim);
    if (!code && t->side[1].feed) {
        drop_texts(&t->side[1]);
        code = set_texts(&t->side[1], (enum fus_targets_mode)mode, err);
        if (!code)
            code = read_table(&w, t, 1, err);
        if (!code)
            code = take_table(t, 1, &w, r->skip_missing, err);
    }
    fus_words_free(&w);
    return code;
}

/* ---- controls ---- */

static int make_random(struct fus_targets *t, struct fus_error *err)
{
    int code = FUS_OK;
    t->dim = t->spec.dim;
    for (int side = 0; side < 2 && !code; side++) {
        struct fus_targets_side *s = &t->side[side];
        code = s->feed ? make_rows(s, t->dim, err) : FUS_OK;
        for (size_t i = 0; s->rows && i < s->n_texts && !code; i++) {
            struct fus_rng rng;
            float *row = s->rows + i * (size_t)t->dim;
            fus_rng_seed_counter(&rng, (const uint64_t[]){t->seed, (uint64_t)side, i, RANDOM_ROW}, 4);
            for (int d = 0; d < t->dim; d++)
                row[d] = (float)fus_rng_normal(&rng);
            if (!make_unit(row, t->dim))
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
        return no_memory(err);
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
        if (!make_unit(t->classes + c * dim, t->dim))
            t->classes[c * dim] = 1;
    }
    fus_base_free(sums);
    return FUS_OK;
}

/* Within each class the training items' captions change places. */
static int swap_captions(struct fus_targets *t, struct fus_error *err)
{
    struct fus_targets_side *s = &t->side[0];
    const struct fus_feed *f = s->feed;
    s->swapped = fus_base_alloc((size_t)f->n_items, sizeof *s->swapped);
    if (!s->swapped)
        return no_memory(err);
    for (int i = 0; i < f->n_items; i++)
        s->swapped[i] = i;
    for (int from = 0, end; from < f->n_train; from = end) {
        struct fus_rng rng;
        int class_of = f->label[f->train[from]];
        for (end = from; end < f->n_train && f->label[f->train[end]] == class_of;)
            end++;
        fus_rng_seed_counter(&rng, (const uint64_t[]){t->seed, (uint64_t)class_of, 0, SWAP}, 4);
        for (int i = end - 1; i > from; i--) {
            int k = from + (int)fus_rng_below(&rng, (uint64_t)(i - from) + 1), a = f->train[i], b = f->train[k], swap = s->swapped[a];
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

/* ---- contrastive: words that are learned ---- */

static int make_bags(struct fus_targets *t, struct fus_error *err)
{
    const char **texts = NULL;
    size_t n = 0;
    int code = list_training(&texts, &n, &t->side[0], err);
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
                code = fus_base_fail(err, FUS_EINVAL, "--contrastive: the text '%s' has no word of the training captions", s->texts[i]);
    }
    snprintf(t->description, sizeof t->description, "%d words, learned", t->vocabulary.n);
    return code;
}

/* ---- all of it ---- */

static void add_floats(struct fus_sha256 *sha, const float *x, size_t n)
{
    for (size_t i = 0; x && i < n; i++) {
        union {
            float f;
            uint32_t u;
        } bits = {x[i]};
        uint8_t bytes[4] = {(uint8_t)bits.u, (uint8_t)(bits.u >> 8), (uint8_t)(bits.u >> 16), (uint8_t)(bits.u >> 24)};
        fus_sha256_add(sha, bytes, 4);
    }
}

static void digest(struct fus_targets *t)
{
    struct fus_sha256 sha;
    fus_sha256_start(&sha);
    for (int side = 0; side < 2; side++) {
        const struct fus_targets_side *s = &t->side[side];
        for (size_t i = 0; i < s->n_texts; i++)
            fus_sha256_add(&sha, s->texts[i], strlen(s->texts[i]) + 1);
        add_floats(&sha, s->rows, s->n_texts * (size_t)t->dim);
        for (int i = 0; s->swapped && i < s->feed->n_items; i++)
            fus_sha256_add(&sha, &(uint8_t[]){(uint8_t)s->swapped[i], (uint8_t)(s->swapped[i] >> 8), (uint8_t)(s->swapped[i] >> 16)}, 3);
    }
    if (t->classes)
        add_floats(&sha, t->classes, (size_t)t->side[0].feed->n_classes * (size_t)t->dim);
    fus_sha256_hex(&sha, t->sha256);
}

static bool is_table(const char *path)
{
    size_t n = path ? strlen(path) : 0;
    return n > 4 && strcmp(path + n - 4, ".npy") == 0;
}

static int make(struct fus_targets *t, const struct fus_targets_request *r, bool captions, struct fus_error *err)
{
    enum fus_targets_mode mode = captions                                ? FUS_TARGETS_CAPTIONS
                                 : t->spec.kind == FUS_TARGETS_RANDOM    ? FUS_TARGETS_PATHS
                                                                         : FUS_TARGETS_CLASS_NAMES;
    int code = FUS_OK;
    if (t->spec.kind == FUS_TARGETS_LSA && !captions)
        return fus_base_fail(err, FUS_EINVAL, "--language %s: these pictures have no captions; --captions FILE.tsv says them, a line path TAB "
                             "caption each", t->spec.control ? "class, shuffled and lsa" : "lsa");
    for (int side = 0; side < 2 && !code; side++)
        if (t->side[side].feed)
            code = set_texts(&t->side[side], mode, err);
    if (code)
        return code;
    if (r->contrastive)
        return make_bags(t, err);
    code = t->spec.kind == FUS_TARGETS_LSA      ? make_lsa(t, err)
           : t->spec.kind == FUS_TARGETS_RANDOM ? make_random(t, err)
           : is_table(t->spec.path)             ? make_table(t, r, captions, err)
                                                : make_words(t, r, err);
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
        drop_texts(s);
        fus_captions_free(&s->captions);
        fus_base_free(s->rows);
        fus_base_free(s->swapped);
        fus_vocabulary_free_bags(&s->bags);
    }
    fus_base_free(t->classes);
    fus_vocabulary_free(&t->vocabulary);
    memset(t, 0, sizeof *t);
}
