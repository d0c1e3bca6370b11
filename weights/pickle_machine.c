/* SPDX-License-Identifier: MIT */
/* Memory and stack of the pickle machine.
 *
 * Values live in chunks that are freed together and are never more than a multiple of the
 * pickle's own bytes; the stack holds pointers to them. Every pop looks whether there is
 * something above the last mark. */
#include "weights/pickle_machine.h"

#include <string.h>

/* values of a pickle of n bytes take this + ARENA_FACTOR * n bytes at most */
#define ARENA_BASE ((size_t)16 << 20)
#define ARENA_FACTOR 2
#define CHUNK_BYTES ((size_t)16 << 10)

/* ---- memory ---- */

static size_t max_arena(size_t pickle_bytes)
{
    size_t n;
    return fus_base_mul(&n, pickle_bytes, ARENA_FACTOR) && fus_base_add(&n, n, ARENA_BASE) ? n : SIZE_MAX;
}

void *fus_pickle_machine_allocate(struct fus_pickle_machine *m, size_t n)
{
    struct fus_pickle *p = m->out;
    n = (n + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);
    if (!p->chunks || n > p->chunks->n - p->chunks->used) {
        size_t max = max_arena(m->in.n), bytes = p->n_arena / 4 > CHUNK_BYTES ? p->n_arena / 4 : CHUNK_BYTES;
        bytes = n > bytes ? n : bytes;
        if (bytes > max - p->n_arena)
            bytes = n;
        if (n > max - p->n_arena) {
            m->failure = FAIL(m, FUS_ELIMIT, "pickle of %zu bytes builds values of more than %zu bytes", m->in.n, max);
            return NULL;
        }
        struct fus_pickle_chunk *c = fus_base_alloc(1, sizeof *c + bytes);
        if (!c) {
            m->failure = FAIL(m, FUS_ENOMEM, "no memory for a pickle's values, %zu bytes so far", p->n_arena);
            return NULL;
        }
        c->n = bytes;
        c->next = p->chunks;
        p->chunks = c;
        p->n_arena += bytes;
    }
    void *v = (char *)p->chunks->data + p->chunks->used;
    p->chunks->used += n;
    return v;
}

struct fus_pickle_value *fus_pickle_machine_make(struct fus_pickle_machine *m, enum fus_pickle_kind kind)
{
    struct fus_pickle_value *v = fus_pickle_machine_allocate(m, sizeof *v);
    if (v) {
        v->kind = (uint8_t)kind;
        m->out->n_values++;
    }
    return v;
}

/* ---- the stack ---- */

int fus_pickle_machine_reserve(struct fus_pickle_machine *m, struct fus_pickle_value ***array, size_t *cap, size_t n)
{
    if (n <= *cap)
        return FUS_OK;
    size_t bigger = 2 * *cap > 256 ? 2 * *cap : 256;
    bigger = n > bigger ? n : bigger;
    struct fus_pickle_value **p = fus_base_resize(*array, bigger, sizeof *p);
    if (!p)
        return FAIL(m, FUS_ENOMEM, "no memory for a pickle's stack or memo of %zu entries", bigger);
    memset(p + *cap, 0, (bigger - *cap) * sizeof *p);
    *array = p;
    *cap = bigger;
    return FUS_OK;
}

int fus_pickle_machine_push(struct fus_pickle_machine *m, struct fus_pickle_value *v)
{
    if (!v)
        return m->failure; /* already reported by allocate */
    if (m->depth >= FUS_MACHINE_MAX_STACK)
        return FAIL(m, FUS_ELIMIT, "pickle stacks more than %zu values", FUS_MACHINE_MAX_STACK);
    int code = fus_pickle_machine_reserve(m, &m->stack, &m->cap_stack, m->depth + 1);
    if (!code)
        m->stack[m->depth++] = v;
    return code;
}

size_t fus_pickle_machine_available(const struct fus_pickle_machine *m)
{
    return m->depth - (m->n_marks ? m->marks[m->n_marks - 1] : 0);
}

int fus_pickle_machine_need(struct fus_pickle_machine *m, size_t n)
{
    if (fus_pickle_machine_available(m) >= n)
        return FUS_OK;
    return FAIL(m, FUS_EFORMAT, "pickle opcode 0x%02x needs %zu values, its stack has %zu: damaged copy?",
                m->in.data[m->at], n, fus_pickle_machine_available(m));
}

int fus_pickle_machine_take_marked(struct fus_pickle_machine *m, struct fus_pickle_value ***items, size_t *n,
                                   size_t below)
{
    if (m->n_marks == 0)
        return FAIL(m, FUS_EFORMAT, "pickle opcode 0x%02x without its MARK: damaged copy?", m->in.data[m->at]);
    size_t mark = m->marks[--m->n_marks];
    *items = m->stack + mark;
    *n = m->depth - mark;
    m->depth = mark;
    return fus_pickle_machine_need(m, below);
}

int fus_pickle_machine_push_integer(struct fus_pickle_machine *m, enum fus_pickle_kind kind, int64_t integer)
{
    struct fus_pickle_value *fresh = NULL, **shared = &fresh;
    if (kind == FUS_PICKLE_NONE)
        shared = &m->none;
    else if (kind == FUS_PICKLE_BOOL)
        shared = &m->truth[integer != 0];
    else if (integer >= 0 && integer < 256)
        shared = &m->small[integer];
    if (!*shared && (*shared = fus_pickle_machine_make(m, kind)) != NULL)
        (*shared)->u.integer = integer;
    return fus_pickle_machine_push(m, *shared);
}

int fus_pickle_machine_push_text(struct fus_pickle_machine *m, enum fus_pickle_kind kind, const uint8_t *bytes,
                                 size_t n)
{
    struct fus_pickle_value *v = fus_pickle_machine_make(m, kind);
    if (v) {
        v->u.text.bytes = bytes;
        v->u.text.n = n;
    }
    return fus_pickle_machine_push(m, v);
}

/* ---- what several opcodes need ---- */

int fus_pickle_machine_take_line(struct fus_pickle_machine *m, const uint8_t **line, size_t *n, size_t max)
{
    const uint8_t *start = m->in.data + m->in.pos, *end = memchr(start, '\n', fus_bytes_left(&m->in));
    *n = end ? (size_t)(end - start) : fus_bytes_left(&m->in);
    *line = fus_bytes_take(&m->in, *n + 1) ? start : NULL;
    return *n > max ? FAIL(m, FUS_ELIMIT, "pickle line of %zu bytes, at most %zu are read", *n, max) : FUS_OK;
}

int fus_pickle_machine_append(struct fus_pickle_machine *m, struct fus_pickle_items *items,
                              struct fus_pickle_value *const *values, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct fus_pickle_item *item = fus_pickle_machine_allocate(m, sizeof *item);
        if (!item)
            return m->failure;
        item->value = values[i];
        if (items->last)
            items->last->next = item;
        else
            items->first = item;
        items->last = item;
        items->n++;
        m->out->n_values++;
    }
    return FUS_OK;
}

struct fus_pickle_value *fus_pickle_machine_make_tuple(struct fus_pickle_machine *m,
                                                       struct fus_pickle_value *const *values, size_t n)
{
    struct fus_pickle_value *v = fus_pickle_machine_make(m, FUS_PICKLE_TUPLE);
    if (!v || (v->u.tuple = fus_pickle_machine_allocate(m, (n + 1) * sizeof *values)) == NULL)
        return NULL;
    v->n = (uint32_t)n; /* <= FUS_MACHINE_MAX_STACK */
    m->out->n_values += n;
    if (n)
        memcpy(v->u.tuple, values, n * sizeof *values);
    return v;
}
