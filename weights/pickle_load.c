/* SPDX-License-Identifier: MIT */
/* Pickles as data: bytes -> a graph of values (opcodes: CPython's Lib/pickletools.py; protocols
 * 0 to 5).
 *
 * A pickle is a program for a stack machine that may name any function and call it. This machine
 * has no functions: what would be called is kept as an object with its arguments, state and items.
 * So a file cannot run anything; it builds a graph, which torch_tensors.c walks.
 *
 * Opcodes of numbers and texts are in pickle_scalars.c, those of classes and objects in
 * pickle_objects.c; the rest is here. Nothing recurses. Left out: out-of-band buffers. */
#include <inttypes.h>
#include <string.h>

#include "weights/pickle_opcodes.h"

/* ---- the stack; `arg` is the table's ---- */

static int op_proto(struct fus_pickle_machine *m, int arg)
{
    (void)arg;
    int protocol = fus_bytes_u8(&m->in);
    if (protocol > 5)
        return FAIL(m, FUS_EUNSUPPORTED, "pickle protocol %d; 0 to 5 are known", protocol);
    return FUS_OK;
}

static int op_skip(struct fus_pickle_machine *m, int arg)
{
    fus_bytes_take(&m->in, (size_t)arg);
    return FUS_OK;
}

static int op_stop(struct fus_pickle_machine *m, int arg)
{
    (void)arg;
    int code = fus_pickle_machine_need(m, 1);
    if (!code && m->n_marks)
        code = FAIL(m, FUS_EFORMAT, "pickle stops inside a MARK: damaged copy?");
    if (!code) {
        m->out->root = m->stack[m->depth - 1];
        m->stopped = true;
    }
    return code;
}

static int op_mark(struct fus_pickle_machine *m, int arg)
{
    (void)arg;
    if (m->n_marks >= FUS_MACHINE_MAX_MARKS)
        return FAIL(m, FUS_ELIMIT, "pickle nests more than %d deep", FUS_MACHINE_MAX_MARKS);
    m->marks[m->n_marks++] = m->depth;
    return FUS_OK;
}

static int op_pop(struct fus_pickle_machine *m, int arg)
{
    (void)arg;
    if (m->n_marks && fus_pickle_machine_available(m) == 0) {
        m->n_marks--;
        return FUS_OK;
    }
    int code = fus_pickle_machine_need(m, 1);
    if (!code)
        m->depth--;
    return code;
}

static int op_pop_mark(struct fus_pickle_machine *m, int arg)
{
    struct fus_pickle_value **items;
    size_t n;
    (void)arg;
    return fus_pickle_machine_take_marked(m, &items, &n, 0);
}

static int op_dup(struct fus_pickle_machine *m, int arg)
{
    (void)arg;
    int code = fus_pickle_machine_need(m, 1);
    return code ? code : fus_pickle_machine_push(m, m->stack[m->depth - 1]);
}

/* ---- containers ---- */

/* EMPTY_LIST, EMPTY_DICT, EMPTY_SET, EMPTY_TUPLE. */
static int op_empty(struct fus_pickle_machine *m, int arg)
{
    return fus_pickle_machine_push(m, fus_pickle_machine_make(m, (enum fus_pickle_kind)arg));
}

/* LIST, DICT, FROZENSET: of the values above the mark. */
static int op_marked(struct fus_pickle_machine *m, int arg)
{
    struct fus_pickle_value **items, *v;
    size_t n;
    int code = fus_pickle_machine_take_marked(m, &items, &n, 0);
    if (!code && arg == FUS_PICKLE_DICT && n % 2)
        code = FAIL(m, FUS_EFORMAT, "pickle: a key without its value: damaged copy?");
    if (code)
        return code;
    v = fus_pickle_machine_make(m, (enum fus_pickle_kind)arg);
    if (!v || fus_pickle_machine_append(m, &v->u.container.items, items, n) != FUS_OK)
        return m->failure;
    return fus_pickle_machine_push(m, v);
}

/* TUPLE (arg < 0) and TUPLE1 to 3. */
static int op_tuple(struct fus_pickle_machine *m, int arg)
{
    struct fus_pickle_value **items, *v;
    size_t n = (size_t)arg;
    int code = arg < 0 ? fus_pickle_machine_take_marked(m, &items, &n, 0) : fus_pickle_machine_need(m, n);
    if (code)
        return code;
    if (arg > 0)
        items = m->stack + (m->depth -= n);
    v = fus_pickle_machine_make(m, FUS_PICKLE_TUPLE);
    if (!v)
        return m->failure;
    v->n = (uint32_t)n; /* <= FUS_MACHINE_MAX_STACK */
    m->out->n_values += n;
    v->u.tuple = n ? fus_pickle_machine_allocate(m, n * sizeof *items) : NULL;
    if (n && !v->u.tuple)
        return m->failure;
    if (n)
        memcpy(v->u.tuple, items, n * sizeof *items);
    return fus_pickle_machine_push(m, v);
}

/* APPEND, SETITEM (arg 1, 2: so many values), APPENDS, SETITEMS, ADDITEMS (0: up to the mark) to
 * the container under them. */
static int op_add(struct fus_pickle_machine *m, int arg)
{
    uint8_t op = m->in.data[m->at];
    bool pairs = op == 's' || op == 'u';
    enum fus_pickle_kind wanted = pairs ? FUS_PICKLE_DICT : op == 0x90 ? FUS_PICKLE_SET : FUS_PICKLE_LIST;
    struct fus_pickle_value **values;
    size_t n = (size_t)arg;
    int code = arg ? fus_pickle_machine_need(m, n + 1) : fus_pickle_machine_take_marked(m, &values, &n, 1);
    if (code)
        return code;
    if (arg)
        values = m->stack + (m->depth -= n);
    if (pairs && n % 2)
        return FAIL(m, FUS_EFORMAT, "pickle: a key without its value: damaged copy?");
    struct fus_pickle_value *to = m->stack[m->depth - 1];
    if (to->kind == wanted)
        return fus_pickle_machine_append(m, &to->u.container.items, values, n);
    if (to->kind != FUS_PICKLE_OBJECT)
        return FAIL(m, FUS_EFORMAT, "pickle adds items to a value that holds none: damaged copy?");
    struct fus_pickle_items **items = &to->u.object.items;
    if (!*items && (*items = fus_pickle_machine_allocate(m, 2 * sizeof **items)) == NULL)
        return m->failure;
    return fus_pickle_machine_append(m, *items + pairs, values, n);
}

/* ---- the memo ---- */

/* A memo index: of a line (arg 0) or of `arg` bytes. */
static int memo_index(struct fus_pickle_machine *m, uint64_t *index, int arg)
{
    if (arg) {
        *index = fus_bytes_le(&m->in, arg);
        return FUS_OK;
    }
    const uint8_t *line;
    size_t n;
    *index = 0;
    int code = fus_pickle_machine_take_line(m, &line, &n, FUS_MACHINE_MAX_LINE);
    if (code || !line)
        return code;
    for (size_t i = 0; i < n; i++) {
        if (line[i] < '0' || line[i] > '9' || n > 18)
            return FAIL(m, FUS_EFORMAT, "pickle: memo index is no number: damaged copy?");
        *index = *index * 10 + (uint64_t)(line[i] - '0');
    }
    return FUS_OK;
}

/* PUT, BINPUT, LONG_BINPUT; MEMOIZE (arg < 0) takes the next index. Picklers count up from 0 or
 * 1, so that an index is less than the bytes of the pickle. */
static int op_put(struct fus_pickle_machine *m, int arg)
{
    uint64_t index = m->n_memo;
    int code = arg < 0 ? FUS_OK : memo_index(m, &index, arg);
    if (!code)
        code = fus_pickle_machine_need(m, 1);
    if (code || m->in.overrun)
        return code;
    if (index > m->in.n || index >= FUS_MACHINE_MAX_MEMO)
        return FAIL(m, FUS_ELIMIT, "memo entry %" PRIu64 " in a pickle of %zu bytes: damaged copy?", index, m->in.n);
    code = fus_pickle_machine_reserve(m, &m->memo, &m->cap_memo, (size_t)index + 1);
    if (code)
        return code;
    m->n_memo += !m->memo[index];
    m->memo[index] = m->stack[m->depth - 1];
    return FUS_OK;
}

static int op_get(struct fus_pickle_machine *m, int arg)
{
    uint64_t index;
    int code = memo_index(m, &index, arg);
    if (code || m->in.overrun)
        return code;
    if (index >= m->cap_memo || !m->memo[index])
        return FAIL(m, FUS_EFORMAT, "pickle wants memo entry %" PRIu64 ", which nothing was put in: damaged copy?",
                    index);
    return fus_pickle_machine_push(m, m->memo[index]);
}

/* ---- the machine ---- */

static const struct fus_pickle_opcode opcodes[256] = {
    [0x80] = {op_proto, 0},
    [0x95] = {op_skip, 8}, /* FRAME */
    ['.'] = {op_stop, 0},
    ['('] = {op_mark, 0},
    ['0'] = {op_pop, 0},
    ['1'] = {op_pop_mark, 0},
    ['2'] = {op_dup, 0},
    ['}'] = {op_empty, FUS_PICKLE_DICT},
    [']'] = {op_empty, FUS_PICKLE_LIST},
    [')'] = {op_empty, FUS_PICKLE_TUPLE},
    [0x8f] = {op_empty, FUS_PICKLE_SET},
    ['d'] = {op_marked, FUS_PICKLE_DICT},
    ['l'] = {op_marked, FUS_PICKLE_LIST},
    [0x91] = {op_marked, FUS_PICKLE_SET},
    ['t'] = {op_tuple, -1},
    [0x85] = {op_tuple, 1},
    [0x86] = {op_tuple, 2},
    [0x87] = {op_tuple, 3},
    ['a'] = {op_add, 1},
    ['s'] = {op_add, 2},
    ['e'] = {op_add, 0},
    ['u'] = {op_add, 0},
    [0x90] = {op_add, 0},
    ['p'] = {op_put, 0},
    ['q'] = {op_put, 1},
    ['r'] = {op_put, 4},
    [0x94] = {op_put, -1},
    ['g'] = {op_get, 0},
    ['h'] = {op_get, 1},
    ['j'] = {op_get, 4},
};

static struct fus_pickle_opcode find_opcode(uint8_t op)
{
    if (opcodes[op].run)
        return opcodes[op];
    struct fus_pickle_opcode found = fus_pickle_scalars_opcode(op);
    return found.run ? found : fus_pickle_objects_opcode(op);
}

static int run(struct fus_pickle_machine *m)
{
    while (!m->stopped) {
        m->at = m->in.pos;
        uint8_t op = fus_bytes_u8(&m->in);
        struct fus_pickle_opcode o = find_opcode(op);
        int code = FUS_OK;
        if (!m->in.overrun && !o.run)
            return FAIL(m, FUS_EFORMAT, "0x%02x is no pickle opcode that tensors need: damaged copy?", op);
        if (!m->in.overrun)
            code = o.run(m, o.arg);
        if (m->in.overrun) {
            m->out->ends_early = true;
            return FAIL(m, FUS_EFORMAT, "pickle of %zu bytes ends before its STOP: truncated copy?", m->in.n);
        }
        if (code)
            return code;
    }
    return FUS_OK;
}

int fus_pickle_load(struct fus_pickle *p, const uint8_t *bytes, size_t n, long long base, bool torchscript,
                    struct fus_error *err)
{
    *p = (struct fus_pickle){0};
    /* 10 kB: too much for a small stack */
    struct fus_pickle_machine *m = fus_base_alloc(1, sizeof *m);
    if (!m)
        return fus_base_fail(err, FUS_ENOMEM, "no memory to read a pickle");
    *m = (struct fus_pickle_machine){
        .out = p, .in = fus_bytes_of(bytes, n), .base = base, .torchscript = torchscript, .err = err};
    /* so that there is one to point into */
    int code = fus_pickle_machine_reserve(m, &m->stack, &m->cap_stack, 1);
    if (!code)
        code = run(m);
    p->n_used = m->in.pos;
    struct fus_pickle_value *v = p->first_persistent, *next;
    for (p->first_persistent = NULL; v; v = next) {
        next = v->u.persistent.next;
        v->u.persistent.next = p->first_persistent;
        p->first_persistent = v;
    }
    fus_base_free(m->stack);
    fus_base_free(m->memo);
    fus_base_free(m);
    if (code)
        fus_pickle_free(p);
    return code;
}
