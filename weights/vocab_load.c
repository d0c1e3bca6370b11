/* SPDX-License-Identifier: MIT */
/* Building a vocabulary: the strings of ids in a pool, found by hash. See vocab_load.h. */
#include "weights/vocab_load.h"

#include <string.h>

static const char word_end[] = "</w>";
enum { N_BYTES = 256, FIRST_MERGE = 2 * N_BYTES, N_PRINTABLE = 188, MAX_BYTE_STRING = 2 + sizeof word_end };

/* The byte whose id is i: Latin-1's printable characters first, then the others. */
static int byte_of(int i)
{
    if (i < 94)
        return 33 + i;
    if (i < 106)
        return 161 + (i - 94);
    if (i < N_PRINTABLE)
        return 174 + (i - 106);
    i -= N_PRINTABLE;
    return i < 33 ? i : i < 67 ? 127 + (i - 33) : 173;
}

int fus_vocab_byte(uint8_t byte)
{
    return byte < 33     ? N_PRINTABLE + byte
           : byte < 127  ? byte - 33
           : byte < 161  ? 221 + (byte - 127)
           : byte < 173  ? 94 + (byte - 161)
           : byte == 173 ? 255
                         : 106 + (byte - 174);
}

/* ---- the table of pairs ---- */

static size_t pair_slot(const struct fus_vocab *v, int left, int right)
{
    uint32_t h = (uint32_t)left * 0x9e3779b1u ^ (uint32_t)right * 0x85ebca6bu;
    return (h ^ h >> 15) & (v->n_slots - 1);
}

static void put_pair(struct fus_vocab *v, int left, int right, int rank)
{
    size_t at = pair_slot(v, left, right);
    while (v->slots[at].rank >= 0)
        at = (at + 1) & (v->n_slots - 1);
    v->slots[at] = (struct fus_vocab_slot){(uint16_t)left, (uint16_t)right, rank};
}

int fus_vocab_rank(const struct fus_vocab *v, int left, int right)
{
    size_t at = pair_slot(v, left, right);
    while (v->slots[at].rank >= 0 && (v->slots[at].left != left || v->slots[at].right != right))
        at = (at + 1) & (v->n_slots - 1);
    return v->slots[at].rank;
}

/* ---- strings ---- */

/* The slot of a string, or the empty one where it belongs. */
static uint32_t *find(const struct fus_vocab_load *l, const char *s, size_t n)
{
    uint64_t h = 14695981039346656037u; /* FNV-1a */
    for (size_t i = 0; i < n; i++)
        h = (h ^ (uint8_t)s[i]) * 1099511628211u;
    size_t at = (size_t)(h ^ h >> 32) & (l->v->n_slots - 1);
    for (; l->slots[at]; at = (at + 1) & (l->v->n_slots - 1)) {
        uint32_t id = l->slots[at] - 1, begin = l->begin[id];
        if (l->begin[id + 1] - begin == n && memcmp(l->pool + begin, s, n) == 0)
            break;
    }
    return l->slots + at;
}

static void append(struct fus_vocab_load *l, const char *s, size_t n)
{
    memcpy(l->pool + l->pool_n, s, n);
    l->pool_n += n;
}

/* The string that was appended to the pool after the last one becomes that of `id`. */
static void close_string(struct fus_vocab_load *l, uint32_t id)
{
    l->begin[id + 1] = (uint32_t)l->pool_n;
    *find(l, l->pool + l->begin[id], l->pool_n - l->begin[id]) = id + 1;
}

/* Vocabulary files write a byte as one character. */
static void append_byte(struct fus_vocab_load *l, int i)
{
    int c = i < N_PRINTABLE ? byte_of(i) : 0x100 + (i - N_PRINTABLE);
    char text[2] = {(char)c, 0};
    if (c >= 0x80) {
        text[0] = (char)(0xc0 | c >> 6);
        text[1] = (char)(0x80 | (c & 0x3f));
    }
    append(l, text, c >= 0x80 ? 2 : 1);
}

int fus_vocab_load_start(struct fus_vocab_load *l, int n_wanted, size_t pool_bytes, struct fus_error *err)
{
    size_t n_ids = FIRST_MERGE + (size_t)n_wanted, n_slots = 1;
    while (n_slots < 2 * n_ids)
        n_slots *= 2;
    l->n_wanted = n_wanted;
    l->v->n_slots = n_slots;
    l->pool_cap = FIRST_MERGE * MAX_BYTE_STRING + pool_bytes;
    l->pool = fus_base_alloc(l->pool_cap, 1);
    l->begin = fus_base_alloc(n_ids + 1, sizeof *l->begin);
    l->slots = fus_base_alloc(n_slots, sizeof *l->slots);
    l->v->slots = fus_base_alloc(n_slots, sizeof *l->v->slots);
    if (!l->pool || !l->begin || !l->slots || !l->v->slots)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for a vocabulary");
    for (size_t i = 0; i < n_slots; i++)
        l->v->slots[i].rank = -1;
    for (int i = 0; i < FIRST_MERGE; i++) {
        append_byte(l, i % N_BYTES);
        if (i >= N_BYTES)
            append(l, word_end, sizeof word_end - 1);
        close_string(l, (uint32_t)i);
    }
    return FUS_OK;
}

void fus_vocab_load_free(struct fus_vocab_load *l)
{
    fus_base_free(l->pool);
    fus_base_free(l->begin);
    fus_base_free(l->slots);
}

static int refuse_piece(const struct fus_vocab_load *l, const char *s, size_t n, struct fus_error *err)
{
    return fus_base_fail(err, FUS_EFORMAT, "merge %zu: '%.*s' is made by no earlier merge", l->n_in_file,
                         (int)(n < 40 ? n : 40), s);
}

int fus_vocab_load_add(struct fus_vocab_load *l, const char *left, size_t n_left, const char *right, size_t n_right,
                       struct fus_error *err)
{
    struct fus_vocab *v = l->v;
    l->n_in_file++;
    if (v->n_merges == l->n_wanted)
        return FUS_OK;
    uint32_t a = *find(l, left, n_left), b = *find(l, right, n_right);
    if (!a || !b)
        return a ? refuse_piece(l, right, n_right, err) : refuse_piece(l, left, n_left, err);
    if (n_left + n_right > l->pool_cap - l->pool_n)
        return fus_base_fail(err, FUS_ELIMIT, "merge %zu: longer than the file", l->n_in_file);
    append(l, left, n_left);
    append(l, right, n_right);
    uint32_t id = FIRST_MERGE + (uint32_t)v->n_merges;
    if (*find(l, l->pool + l->begin[id], n_left + n_right))
        return fus_base_fail(err, FUS_EFORMAT, "merge %zu: '%.*s' and '%.*s' give a string that exists already",
                             l->n_in_file, (int)(n_left < 40 ? n_left : 40), left, (int)(n_right < 40 ? n_right : 40),
                             right);
    close_string(l, id);
    put_pair(v, (int)a - 1, (int)b - 1, v->n_merges);
    v->n_merges++;
    return FUS_OK;
}
