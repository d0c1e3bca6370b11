/* SPDX-License-Identifier: MIT */
/* Texts -> ids: cleaning, words, merges of byte pairs. See tokens.h.
 *
 * Words are cut as by CLIP's pattern: the two special tokens, endings after an apostrophe, runs of
 * letters, single numbers, runs of anything else that is not white space. */
#include "weights/tokens.h"

#include <limits.h>
#include <string.h>

#include "weights/clean.h"
#include "weights/unicode.h"

static const char *const special_texts[2] = {"<|startoftext|>", "<|endoftext|>"};

enum kind { LETTER, NUMBER, SPACE, OTHER };

static enum kind kind_of(uint32_t c)
{
    return fus_unicode_is_letter(c)   ? LETTER
           : fus_unicode_is_number(c) ? NUMBER
           : fus_unicode_is_space(c)  ? SPACE
                                      : OTHER;
}

/* Length of `text` if s begins with it, else 0. */
static size_t begins_with(const uint32_t *s, size_t n, const char *text)
{
    size_t i = 0;
    while (text[i] && i < n && s[i] == (uint32_t)text[i])
        i++;
    return text[i] ? 0 : i;
}

/* 0 or 1: the special token that s begins with; -1: none. */
static int find_special(const uint32_t *s, size_t n, size_t *length)
{
    for (int i = 0; i < 2; i++) {
        *length = begins_with(s, n, special_texts[i]);
        if (*length)
            return i;
    }
    return -1;
}

/* 's 't 're 've 'm 'll 'd; a long s counts as s. */
static size_t ending_length(const uint32_t *s, size_t n)
{
    static const char *const endings[] = {"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"};
    if (n > 1 && s[0] == '\'' && s[1] == 0x17f)
        return 2;
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
        if (begins_with(s, n, endings[i]))
            return strlen(endings[i]);
    return 0;
}

static size_t word_length(const uint32_t *s, size_t n)
{
    size_t length = ending_length(s, n);
    enum kind kind = kind_of(s[0]);
    if (length || kind == NUMBER)
        return length ? length : 1;
    for (length = 1; length < n && kind_of(s[length]) == kind;)
        length++;
    return length;
}

/* ---- merges ---- */

/* One word: its ids, and the rank of each id's merge with the next one. */
struct word {
    int n;
    int ids[FUS_TOKENS_MAX_WORD], ranks[FUS_TOKENS_MAX_WORD];
};

static int encode_character(uint8_t out[4], uint32_t c)
{
    static const uint8_t first[5] = {0, 0, 0xc0, 0xe0, 0xf0};
    int n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (int i = n - 1; i > 0; i--, c >>= 6)
        out[i] = (uint8_t)(0x80 | (c & 0x3f));
    out[0] = (uint8_t)(first[n] | c);
    return n;
}

static int start_word(struct word *w, const uint32_t *s, size_t n, struct fus_error *err)
{
    w->n = 0;
    for (size_t i = 0; i < n; i++) {
        uint8_t bytes[4];
        int length = encode_character(bytes, s[i]);
        if (w->n + length > FUS_TOKENS_MAX_WORD)
            return fus_base_fail(err, FUS_ELIMIT, "a word of more than %d bytes", FUS_TOKENS_MAX_WORD);
        for (int k = 0; k < length; k++)
            w->ids[w->n++] = fus_vocab_byte(bytes[k]);
    }
    w->ids[w->n - 1] += 256;
    return FUS_OK;
}

static void rank_at(struct word *w, const struct fus_vocab *v, int i)
{
    if (i >= 0 && i < w->n) {
        int rank = i + 1 < w->n ? fus_vocab_rank(v, w->ids[i], w->ids[i + 1]) : -1;
        w->ranks[i] = rank < 0 ? INT_MAX : rank;
    }
}

/* The pair of lowest rank becomes one id, of equal ones the leftmost, until none is known. */
static void merge(struct word *w, const struct fus_vocab *v)
{
    for (int i = 0; i < w->n; i++)
        rank_at(w, v, i);
    for (;;) {
        int best = 0;
        for (int i = 1; i < w->n; i++)
            if (w->ranks[i] < w->ranks[best])
                best = i;
        if (w->ranks[best] == INT_MAX)
            return;
        w->ids[best] = 512 + w->ranks[best];
        int n_behind = w->n - best - 2;
        memmove(w->ids + best + 1, w->ids + best + 2, (size_t)n_behind * sizeof *w->ids);
        memmove(w->ranks + best + 1, w->ranks + best + 2, (size_t)n_behind * sizeof *w->ranks);
        w->n--;
        rank_at(w, v, best - 1);
        rank_at(w, v, best);
    }
}

/* ---- texts ---- */

/* Ids beyond `room` are counted but not kept. */
struct list {
    int *ids, room;
    size_t n;
};

static void add(struct list *l, int id)
{
    if (l->n < (size_t)l->room)
        l->ids[l->n] = id;
    l->n++;
}

static int encode_words(struct list *l, struct word *w, const struct fus_vocab *v, const uint32_t *s, size_t n,
                        struct fus_error *err)
{
    for (size_t at = 0, length; at < n; at += length) {
        int special = find_special(s + at, n - at, &length);
        if (special >= 0) {
            add(l, special ? fus_vocab_end(v) : fus_vocab_start(v));
            continue;
        }
        length = word_length(s + at, n - at);
        if (kind_of(s[at]) == SPACE)
            continue;
        int code = start_word(w, s + at, length, err);
        if (code)
            return code;
        merge(w, v);
        for (int i = 0; i < w->n; i++)
            add(l, w->ids[i]);
    }
    return FUS_OK;
}

int fus_tokens_encode(int *ids, int *n_ids, const struct fus_vocab *v, const char *text, size_t n_bytes, int context,
                      bool truncate, struct fus_error *err)
{
    uint32_t *clean;
    size_t n;
    struct list l = {ids, context - 1, 0};
    if (context < 2)
        return fus_base_fail(err, FUS_EINVAL, "a context of %d tokens, at least 2 expected", context);
    int code = fus_clean_text(&clean, &n, text, n_bytes, err);
    if (code)
        return code;
    struct word *w = fus_base_alloc(1, sizeof *w);
    add(&l, fus_vocab_start(v));
    code = w ? encode_words(&l, w, v, clean, n, err) : fus_base_fail(err, FUS_ENOMEM, "no memory for a word");
    fus_base_free(w);
    fus_base_free(clean);
    if (!code && l.n > (size_t)l.room && !truncate)
        code = fus_base_fail(err, FUS_ELIMIT, "%zu tokens, the model takes %d: shorten it or give --truncate", l.n + 1,
                             context);
    if (code)
        return code;
    *n_ids = l.n < (size_t)l.room ? (int)l.n : l.room;
    ids[(*n_ids)++] = fus_vocab_end(v);
    return FUS_OK;
}
