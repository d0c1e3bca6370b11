/* SPDX-License-Identifier: MIT */
/* The words of many texts, counted, and texts as lists of them: see captions.h. */
#include <stdlib.h>
#include <string.h>

#include "stimuli/text/captions.h"

/* A word while it is counted: open addressing in a table whose size is a power of two. */
struct slot {
    char *word;
    int n_texts;
    size_t last; /* 1 + the text that was counted last */
};

struct table {
    struct slot *slots;
    size_t size, used;
};

enum { FIRST_SIZE = 1024, MAX_WORDS = 20000000 /* word forms of the largest caption sets: two millions */ };

/* FNV-1a */
static uint64_t hash(const char *s)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (; *s; s++)
        h = (h ^ (unsigned char)*s) * 0x100000001b3u;
    return h;
}

static struct slot *place(const struct table *t, const char *word)
{
    size_t at = (size_t)hash(word) & (t->size - 1);
    while (t->slots[at].word && strcmp(t->slots[at].word, word) != 0)
        at = (at + 1) & (t->size - 1);
    return &t->slots[at];
}

static int fail_memory(struct fus_error *err)
{
    return fus_base_fail(err, FUS_ENOMEM, "no memory for the words of the captions");
}

static int grow(struct table *t, struct fus_error *err)
{
    struct table larger = {.size = t->size ? 2 * t->size : FIRST_SIZE, .used = t->used};
    larger.slots = fus_base_alloc(larger.size, sizeof *larger.slots);
    if (!larger.slots)
        return fail_memory(err);
    for (size_t i = 0; i < t->size; i++)
        if (t->slots[i].word)
            *place(&larger, t->slots[i].word) = t->slots[i];
    fus_base_free(t->slots);
    *t = larger;
    return FUS_OK;
}

static int count_word(struct table *t, const char *word, size_t text, struct fus_error *err)
{
    if (2 * t->used >= t->size) {
        int code = t->used >= MAX_WORDS ? fus_base_fail(err, FUS_ELIMIT, "more than %d different words", MAX_WORDS)
                                        : grow(t, err);
        if (code)
            return code;
    }
    struct slot *s = place(t, word);
    if (!s->word) {
        s->word = fus_base_strdup(word);
        if (!s->word)
            return fail_memory(err);
        t->used++;
    }
    s->n_texts += s->last != text + 1;
    s->last = text + 1;
    return FUS_OK;
}

static void free_table(struct table *t)
{
    for (size_t i = 0; i < t->size; i++)
        fus_base_free(t->slots[i].word);
    fus_base_free(t->slots);
}

static int by_count(const void *a, const void *b)
{
    const struct slot *x = a, *y = b;
    return x->n_texts != y->n_texts ? (x->n_texts < y->n_texts ? 1 : -1) : strcmp(x->word, y->word);
}

static int by_word(const void *a, const void *b)
{
    return strcmp(((const struct slot *)a)->word, ((const struct slot *)b)->word);
}

/* The words that are kept come first in the table, in byte order. Returns how many; the table
 * is one no longer. */
static size_t choose(struct table *t, int least, int most)
{
    size_t n = 0;
    for (size_t i = 0; i < t->size; i++) {
        struct slot s = t->slots[i];
        if (!s.word || s.n_texts < least)
            continue;
        t->slots[i] = t->slots[n];
        t->slots[n++] = s;
    }
    if (n == 0)
        return 0;
    qsort(t->slots, n, sizeof *t->slots, by_count);
    if (most > 0 && n > (size_t)most)
        n = (size_t)most;
    qsort(t->slots, n, sizeof *t->slots, by_word);
    return n;
}

int fus_vocabulary_count(struct fus_vocabulary *v, const char *const *texts, size_t n, int least, int most,
                         struct fus_error *err)
{
    struct table t = {0};
    struct fus_vocabulary made = {.n_all = n};
    char word[FUS_CAPTIONS_WORD];
    int code = FUS_OK;
    for (size_t i = 0; i < n && !code; i++)
        for (const char *at = texts[i]; !code && fus_captions_word(word, &at);)
            code = count_word(&t, word, i, err);
    size_t kept = code ? 0 : choose(&t, least, most);
    made.words = fus_base_alloc(kept + 1, sizeof *made.words);
    made.n_texts = fus_base_alloc(kept + 1, sizeof *made.n_texts);
    if (!code && (!made.words || !made.n_texts))
        code = fail_memory(err);
    for (size_t i = 0; i < kept && !code; i++) {
        made.words[i] = t.slots[i].word;
        made.n_texts[i] = t.slots[i].n_texts;
        t.slots[i].word = NULL;
        made.n++;
    }
    free_table(&t);
    if (code)
        fus_vocabulary_free(&made);
    else
        *v = made;
    return code;
}

void fus_vocabulary_free(struct fus_vocabulary *v)
{
    for (int i = 0; i < v->n; i++)
        fus_base_free(v->words[i]);
    fus_base_free(v->words);
    fus_base_free(v->n_texts);
    memset(v, 0, sizeof *v);
}

int fus_vocabulary_find(const struct fus_vocabulary *v, const char *word)
{
    int low = 0, high = v->n - 1;
    while (low <= high) {
        int middle = low + (high - low) / 2, c = strcmp(v->words[middle], word);
        if (c == 0)
            return middle;
        if (c < 0)
            low = middle + 1;
        else
            high = middle - 1;
    }
    return -1;
}

/* The known words of all texts; words NULL: only counted. start [n + 1]. */
static void list_words(int *words, size_t *start, const struct fus_vocabulary *v, const char *const *texts, size_t n)
{
    char word[FUS_CAPTIONS_WORD];
    size_t at = 0;
    for (size_t i = 0; i < n; i++) {
        start[i] = at;
        for (const char *s = texts[i]; fus_captions_word(word, &s);) {
            int k = fus_vocabulary_find(v, word);
            if (k < 0)
                continue;
            if (words)
                words[at] = k;
            at++;
        }
    }
    start[n] = at;
}

int fus_vocabulary_bags(struct fus_bags *b, const struct fus_vocabulary *v, const char *const *texts, size_t n,
                        struct fus_error *err)
{
    struct fus_bags made = {.n = n, .start = fus_base_alloc(n + 1, sizeof *made.start)};
    if (!made.start)
        return fail_memory(err);
    list_words(NULL, made.start, v, texts, n);
    made.words = fus_base_alloc(made.start[n] + 1, sizeof *made.words);
    if (!made.words) {
        fus_vocabulary_free_bags(&made);
        return fail_memory(err);
    }
    list_words(made.words, made.start, v, texts, n);
    *b = made;
    return FUS_OK;
}

void fus_vocabulary_free_bags(struct fus_bags *b)
{
    fus_base_free(b->start);
    fus_base_free(b->words);
    memset(b, 0, sizeof *b);
}
