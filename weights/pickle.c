/* Pickles as data: bytes -> a graph of values (opcodes: CPython's Lib/pickletools.py; protocols 0 to 5).
 *
 * A pickle is a program for a small stack machine that may name any function and call it. This machine has no functions: what
 * is "called" is kept as an object with its arguments, state and items. So a file cannot run anything, and what it builds is a
 * graph for checkpoint.c to walk.
 *
 * Values live in chunks that are freed together (machine.c); texts point into the pickle. There is no recursion here.
 *
 * Left out: out-of-band buffers. */
#include "weights/pickle.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "weights/pickle_machine.h"

/* ---- opcodes; `arg` is the table's ---- */

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

/* None, False, True: -1, 0, 1. */
static int op_constant(struct fus_pickle_machine *m, int arg)
{
    return fus_pickle_machine_push_integer(m, arg < 0 ? FUS_PICKLE_NONE : FUS_PICKLE_BOOL, arg);
}

/* Unsigned of `arg` bytes; BININT alone, of four, is signed. */
static int op_int(struct fus_pickle_machine *m, int arg)
{
    uint64_t v = fus_bytes_le(&m->in, arg);
    return fus_pickle_machine_push_integer(m, FUS_PICKLE_INT, arg == 4 ? (int64_t)(int32_t)(uint32_t)v : (int64_t)v);
}

/* LONG1, LONG4: two's complement of a length in `arg` bytes. */
static int op_long(struct fus_pickle_machine *m, int arg)
{
    size_t n = (size_t)fus_bytes_le(&m->in, arg);
    const uint8_t *p = fus_bytes_take(&m->in, n);
    if (!p)
        return FUS_OK; /* the loop finds the overrun */
    if (n > 8)
        return fus_pickle_machine_push_text(m, FUS_PICKLE_LONG, p, n);
    uint64_t v = n && p[n - 1] & 0x80 ? UINT64_MAX : 0;
    for (size_t i = n; i-- > 0;)
        v = v << 8 | p[i];
    return fus_pickle_machine_push_integer(m, FUS_PICKLE_INT, (int64_t)v);
}

static int op_binfloat(struct fus_pickle_machine *m, int arg)
{
    (void)arg;
    uint64_t bits = fus_bytes_be(&m->in, 8);
    struct fus_pickle_value *v = fus_pickle_machine_make(m, FUS_PICKLE_FLOAT);
    if (v)
        memcpy(&v->u.number, &bits, sizeof bits);
    return fus_pickle_machine_push(m, v);
}

/* Texts and bytes after a length in (arg & 15) bytes; arg & 16: bytes. */
static int op_text(struct fus_pickle_machine *m, int arg)
{
    uint64_t n = fus_bytes_le(&m->in, arg & 15);
    const uint8_t *p = fus_bytes_take(&m->in, n > SIZE_MAX ? SIZE_MAX : (size_t)n);
    return p ? fus_pickle_machine_push_text(m, arg & 16 ? FUS_PICKLE_BYTES : FUS_PICKLE_TEXT, p, (size_t)n) : FUS_OK;
}

/* ---- opcodes of protocol 0, which end at a newline ---- */

/* *line is NULL where the bytes end first: the loop finds the overrun. */
static int take_line(struct fus_pickle_machine *m, const uint8_t **line, size_t *n, size_t max)
{
    const uint8_t *start = m->in.data + m->in.pos, *end = memchr(start, '\n', fus_bytes_left(&m->in));
    *n = end ? (size_t)(end - start) : fus_bytes_left(&m->in);
    *line = fus_bytes_take(&m->in, *n + 1) ? start : NULL;
    return *n > max ? FAIL(m, FUS_ELIMIT, "pickle line of %zu bytes, at most %zu are read", *n, max) : FUS_OK;
}

/* INT, LONG, FLOAT ('I', 'L', 'F'). A float's value may depend on the locale's decimal point; nothing uses it. */
static int op_number_line(struct fus_pickle_machine *m, int arg)
{
    const uint8_t *line;
    char digits[64], *end;
    size_t n;
    int code = take_line(m, &line, &n, FUS_MACHINE_MAX_LINE);
    if (code || !line)
        return code;
    if (arg == 'I' && n == 2 && line[0] == '0' && (line[1] == '0' || line[1] == '1'))
        return fus_pickle_machine_push_integer(m, FUS_PICKLE_BOOL, line[1] - '0');
    if (arg == 'L' && n && line[n - 1] == 'L')
        n--;
    if (n >= sizeof digits || (arg != 'F' && n > 18))
        return fus_pickle_machine_push_text(m, FUS_PICKLE_LONG, line, n);
    memcpy(digits, line, n);
    digits[n] = 0;
    double number = 0;
    long long integer = 0;
    if (arg == 'F')
        number = strtod(digits, &end);
    else
        integer = strtoll(digits, &end, 10);
    if (n == 0 || memchr(digits, 0, n))
        return FAIL(m, FUS_EFORMAT, "pickle: `%s` is no number: damaged copy?", digits);
    if (arg == 'F' && *end)
        return FAIL(m, FUS_EFORMAT, "pickle: `%s` is no number: damaged copy?", digits);
    if (arg != 'F')
        return *end ? FAIL(m, FUS_EFORMAT, "pickle: `%s` is no number: damaged copy?", digits) : fus_pickle_machine_push_integer(m, FUS_PICKLE_INT, integer);
    struct fus_pickle_value *v = fus_pickle_machine_make(m, FUS_PICKLE_FLOAT);
    if (v)
        v->u.number = number;
    return fus_pickle_machine_push(m, v);
}

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static uint8_t *put_utf8(uint8_t *to, uint32_t c)
{
    if (c < 0x80) {
        *to++ = (uint8_t)c;
    } else if (c < 0x800) {
        *to++ = (uint8_t)(0xc0 | c >> 6);
        *to++ = (uint8_t)(0x80 | (c & 63));
    } else {
        *to++ = (uint8_t)(0xe0 | c >> 12);
        *to++ = (uint8_t)(0x80 | (c >> 6 & 63));
        *to++ = (uint8_t)(0x80 | (c & 63));
    }
    return to;
}

/* STRING: Python's repr, in quotes; UNICODE: Latin-1 with \uXXXX, which becomes UTF-8. Escapes become the character; an unknown one stays as it is. */
static int op_escaped_line(struct fus_pickle_machine *m, int arg)
{
    const uint8_t *line;
    size_t n;
    int code = take_line(m, &line, &n, m->in.n);
    if (code || !line)
        return code;
    if (arg == 'S') {
        if (n < 2 || (line[0] != '\'' && line[0] != '"') || line[n - 1] != line[0])
            return FAIL(m, FUS_EFORMAT, "pickle: text without its quotes: damaged copy?");
        line++;
        n -= 2;
    }
    uint8_t *text = fus_pickle_machine_allocate(m, arg == 'V' ? 2 * n + 1 : n + 1), *to = text;
    for (size_t i = 0; text && i < n; i++) {
        size_t digits = i + 1 >= n || line[i] != '\\' ? 0 : line[i + 1] == 'u' ? 4 : line[i + 1] == 'x' ? 2 : 0;
        uint32_t c = 0;
        bool hex = digits && i + 1 + digits < n;
        for (size_t k = 0; hex && k < digits; k++) {
            int digit = hex_digit(line[i + 2 + k]);
            hex = digit >= 0;
            c = c << 4 | (uint32_t)(digit & 15);
        }
        if (hex) {
            if (digits == 4)
                to = put_utf8(to, c);
            else
                *to++ = (uint8_t)c;
            i += 1 + digits;
        } else if (arg == 'S' && i + 1 < n && line[i] == '\\' && strchr("\\'\"", line[i + 1]) && line[i + 1]) {
            *to++ = line[++i];
        } else if (arg == 'V') { /* raw-unicode-escape: a byte is a character of Latin-1 */
            to = put_utf8(to, line[i]);
        } else {
            *to++ = line[i];
        }
    }
    return text ? fus_pickle_machine_push_text(m, FUS_PICKLE_TEXT, text, (size_t)(to - text)) : m->failure;
}

/* ---- containers ---- */

/* EMPTY_LIST, EMPTY_DICT, EMPTY_SET, EMPTY_TUPLE. */
static int op_empty(struct fus_pickle_machine *m, int arg)
{
    return fus_pickle_machine_push(m, fus_pickle_machine_make(m, (enum fus_pickle_kind)arg));
}

static int append(struct fus_pickle_machine *m, struct fus_pickle_items *items, struct fus_pickle_value *const *values, size_t n)
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

/* LIST, DICT, FROZENSET: of what stands above the mark. */
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
    if (!v || append(m, &v->u.container.items, items, n) != FUS_OK)
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

/* APPEND, SETITEM (arg 1, 2: so many values), APPENDS, SETITEMS, ADDITEMS (0: up to the mark) to the container under them. */
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
        return append(m, &to->u.container.items, values, n);
    if (to->kind != FUS_PICKLE_OBJECT)
        return FAIL(m, FUS_EFORMAT, "pickle adds items to a value that holds none: damaged copy?");
    struct fus_pickle_items **items = &to->u.object.items;
    if (!*items && (*items = fus_pickle_machine_allocate(m, 2 * sizeof **items)) == NULL)
        return m->failure;
    return append(m, *items + pairs, values, n);
}

/* ---- globals and objects ---- */

/* A name that allow.c does not know: a global of the file's own. NULL: no memory, the error is told. */
static const struct fus_pickle_global *own_global(struct fus_pickle_machine *m, const char *module, const char *name)
{
    bool class = m->torchscript && (strcmp(module, "__torch__") == 0 || strncmp(module, "__torch__.", 10) == 0);
    size_t a = strlen(module) + 1, b = strlen(name) + 1;
    struct fus_pickle_global *g = fus_pickle_machine_allocate(m, sizeof *g);
    char *text = g ? fus_pickle_machine_allocate(m, a + b) : NULL;
    if (!text)
        return NULL;
    memcpy(text, module, a);
    memcpy(text + a, name, b);
    *g = (struct fus_pickle_global){text, text + a, class ? FUS_PICKLE_CLASS : FUS_PICKLE_OPAQUE, NULL};
    return g;
}

static int push_global(struct fus_pickle_machine *m, const uint8_t *module, size_t module_n, const uint8_t *name, size_t name_n)
{
    char a[FUS_MACHINE_MAX_LINE + 1], b[FUS_MACHINE_MAX_LINE + 1];
    const struct fus_pickle_global *found;
    if (module_n > FUS_MACHINE_MAX_LINE || name_n > FUS_MACHINE_MAX_LINE || memchr(module, 0, module_n) || memchr(name, 0, name_n))
        return FAIL(m, FUS_EFORMAT, "pickle names a global of %zu + %zu characters or with a zero byte", module_n, name_n);
    memcpy(a, module, module_n);
    memcpy(b, name, name_n);
    a[module_n] = b[name_n] = 0;
    found = fus_pickle_globals_find(a, b);
    if (!found && (found = own_global(m, a, b)) == NULL)
        return m->failure;
    struct fus_pickle_value *v = fus_pickle_machine_make(m, FUS_PICKLE_GLOBAL);
    if (v)
        v->u.global = found;
    return fus_pickle_machine_push(m, v);
}

static int op_global(struct fus_pickle_machine *m, int arg)
{
    const uint8_t *module, *name;
    size_t module_n, name_n;
    (void)arg;
    int code = take_line(m, &module, &module_n, FUS_MACHINE_MAX_LINE);
    if (!code && module)
        code = take_line(m, &name, &name_n, FUS_MACHINE_MAX_LINE);
    if (code || !module || !name)
        return code;
    return push_global(m, module, module_n, name, name_n);
}

static int op_stack_global(struct fus_pickle_machine *m, int arg)
{
    (void)arg;
    int code = fus_pickle_machine_need(m, 2);
    if (code)
        return code;
    const struct fus_pickle_value *module = m->stack[m->depth - 2], *name = m->stack[m->depth - 1];
    if (module->kind != FUS_PICKLE_TEXT || name->kind != FUS_PICKLE_TEXT)
        return FAIL(m, FUS_EFORMAT, "pickle: a global's name is not a text: damaged copy?");
    m->depth -= 2;
    return push_global(m, module->u.text.bytes, module->u.text.n, name->u.text.bytes, name->u.text.n);
}

/* What OrderedDict(x) holds: Python 2 writes x = [[key, value], ...]; Counter a dict. */
static int fill_mapping(struct fus_pickle_machine *m, struct fus_pickle_value *dict, const struct fus_pickle_value *x)
{
    if (x->kind == FUS_PICKLE_DICT) {
        for (struct fus_pickle_item *i = x->u.container.items.first; i; i = i->next)
            if (append(m, &dict->u.container.items, &i->value, 1) != FUS_OK)
                return m->failure;
        return FUS_OK;
    }
    if (x->kind != FUS_PICKLE_LIST)
        return FUS_OK; /* defaultdict's factory */
    for (struct fus_pickle_item *i = x->u.container.items.first; i; i = i->next) {
        struct fus_pickle_value *pair[2], *v = i->value;
        if (v->kind == FUS_PICKLE_TUPLE && v->n == 2) {
            pair[0] = v->u.tuple[0];
            pair[1] = v->u.tuple[1];
        } else if (v->kind == FUS_PICKLE_LIST && v->u.container.items.n == 2) {
            pair[0] = v->u.container.items.first->value;
            pair[1] = v->u.container.items.last->value;
        } else {
            return FAIL(m, FUS_EFORMAT, "pickle: an OrderedDict of what are no pairs: damaged copy?");
        }
        if (append(m, &dict->u.container.items, pair, 2) != FUS_OK)
            return m->failure;
    }
    return FUS_OK;
}

/* The class or function that a value stands for where it is called; NULL: it cannot be. */
static const struct fus_pickle_global *callable(const struct fus_pickle_value *v)
{
    static const struct fus_pickle_global unnamed = {"an object", "call", FUS_PICKLE_OPAQUE, NULL};
    if (v->kind == FUS_PICKLE_GLOBAL)
        return v->u.global;
    if (v->kind == FUS_PICKLE_PERSISTENT) { /* ("module", class, file, source) of PyTorch before 1.6 */
        const struct fus_pickle_value *id = v->u.persistent.id;
        bool named = id->kind == FUS_PICKLE_TUPLE && id->n >= 2 && id->u.tuple[1]->kind == FUS_PICKLE_GLOBAL;
        return named ? id->u.tuple[1]->u.global : &unnamed;
    }
    return v->kind == FUS_PICKLE_OBJECT ? &unnamed : NULL;
}

/* Push what calling `global` would have made. */
static int push_object(struct fus_pickle_machine *m, const struct fus_pickle_global *global, struct fus_pickle_value *arguments)
{
    bool mapping = global->role == FUS_PICKLE_MAPPING;
    struct fus_pickle_value *v = fus_pickle_machine_make(m, mapping ? FUS_PICKLE_DICT : FUS_PICKLE_OBJECT);
    if (!v)
        return m->failure;
    int code = FUS_OK;
    if (mapping) {
        code = arguments->n ? fill_mapping(m, v, arguments->u.tuple[arguments->n - 1]) : FUS_OK;
    } else {
        v->u.object.global = global;
        v->u.object.arguments = arguments;
    }
    return code ? code : fus_pickle_machine_push(m, v);
}

/* A tuple of the n values, with room for one more. */
static struct fus_pickle_value *make_tuple(struct fus_pickle_machine *m, struct fus_pickle_value *const *values, size_t n)
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

/* REDUCE, NEWOBJ (arg 2: class, arguments) and NEWOBJ_EX (3: and keywords, which become the last argument). */
static int op_call(struct fus_pickle_machine *m, int arg)
{
    int code = fus_pickle_machine_need(m, (size_t)arg);
    if (code)
        return code;
    m->depth -= (size_t)arg;
    struct fus_pickle_value *arguments = m->stack[m->depth + 1], *keywords = arg == 3 ? m->stack[m->depth + 2] : NULL;
    const struct fus_pickle_global *global = callable(m->stack[m->depth]);
    if (!global || arguments->kind != FUS_PICKLE_TUPLE)
        return FAIL(m, FUS_EFORMAT, "pickle calls a value that is no function, or without a tuple of arguments: damaged copy?");
    if (keywords && global->role == FUS_PICKLE_OPAQUE) {
        arguments = make_tuple(m, arguments->u.tuple, arguments->n);
        if (!arguments)
            return m->failure;
        arguments->u.tuple[arguments->n++] = keywords;
    }
    return push_object(m, global, arguments);
}

/* OBJ: the class and its arguments above the mark; INST (arg 1): the class in two lines. Classes of Python 2. */
static int op_instance(struct fus_pickle_machine *m, int arg)
{
    struct fus_pickle_value **values, *class = NULL;
    size_t n;
    if (arg) {
        int code = op_global(m, 0);
        if (code || m->in.overrun)
            return code;
        class = m->stack[--m->depth];
    }
    int code = fus_pickle_machine_take_marked(m, &values, &n, 0);
    if (!code && !arg && n == 0)
        code = FAIL(m, FUS_EFORMAT, "pickle opcode 0x6f without its class: damaged copy?");
    if (code)
        return code;
    if (!arg) {
        class = *values++;
        n--;
    }
    const struct fus_pickle_global *global = callable(class);
    if (!global)
        return FAIL(m, FUS_EFORMAT, "pickle makes an object of a value that is no class: damaged copy?");
    struct fus_pickle_value *arguments = make_tuple(m, values, n);
    return arguments ? push_object(m, global, arguments) : m->failure;
}

/* EXT1, EXT2, EXT4: a class by its number in copyreg's registry, which only the writer has. */
static int op_extension(struct fus_pickle_machine *m, int arg)
{
    char name[24];
    uint64_t number = fus_bytes_le(&m->in, arg);
    if (m->in.overrun)
        return FUS_OK;
    int n = snprintf(name, sizeof name, "%" PRIu64, number);
    return push_global(m, (const uint8_t *)"copyreg.extension", 17, (const uint8_t *)name, (size_t)n);
}

static int op_build(struct fus_pickle_machine *m, int arg)
{
    (void)arg;
    int code = fus_pickle_machine_need(m, 2);
    if (code)
        return code;
    struct fus_pickle_value *state = m->stack[--m->depth], *to = m->stack[m->depth - 1];
    if (to->kind == FUS_PICKLE_OBJECT)
        to->u.object.state = state;
    else if (to->kind == FUS_PICKLE_DICT || to->kind == FUS_PICKLE_LIST || to->kind == FUS_PICKLE_SET)
        to->u.container.state = state; /* a state_dict's _metadata */
    else if (to->kind != FUS_PICKLE_GLOBAL && to->kind != FUS_PICKLE_PERSISTENT) /* dill gives attributes to functions */
        return FAIL(m, FUS_EFORMAT, "pickle gives a state to a value that has none: damaged copy?");
    return FUS_OK;
}

/* ---- persistent ids ---- */

/* Where `text` comes next: move behind it. */
static bool pass(struct fus_bytes *b, const char *text)
{
    size_t n = strlen(text);
    if (fus_bytes_left(b) < n || memcmp(b->data + b->pos, text, n) != 0)
        return false;
    b->pos += n;
    return true;
}

/* The characters up to `end`, and move behind it. */
static bool pass_until(struct fus_bytes *b, const uint8_t **text, size_t *n, char end)
{
    *text = b->data + b->pos;
    const uint8_t *found = memchr(*text, end, fus_bytes_left(b));
    if (!found)
        return false;
    *n = (size_t)(found - *text);
    b->pos += *n + 1;
    return true;
}

/* Protocol 0 knows only texts as ids, and PyTorch's tuple is written as Python shows it:
 *
 *     ('storage', <class 'torch.FloatStorage'>, '0', 'cpu', 294)        in legacy files with `, None` at its end
 *
 * Pushes the tuple; *is is false where the line is something else, and then nothing is pushed. */
static int push_shown_id(struct fus_pickle_machine *m, bool *is, const uint8_t *line, size_t line_n)
{
    struct fus_bytes b = fus_bytes_of(line, line_n);
    const uint8_t *class, *key, *device, *digits;
    size_t class_n, key_n, device_n, digits_n, dot = 0;
    int64_t count = 0;
    *is = pass(&b, "('storage', <class '") && pass_until(&b, &class, &class_n, '\'') && pass(&b, ">, '") &&
          pass_until(&b, &key, &key_n, '\'') && pass(&b, ", '") && pass_until(&b, &device, &device_n, '\'') && pass(&b, ", ") &&
          line[line_n - 1] == ')';
    if (!*is)
        return FUS_OK;
    digits = line + b.pos;
    for (digits_n = 0; digits[digits_n] >= '0' && digits[digits_n] <= '9' && digits_n < 18; digits_n++)
        count = count * 10 + (digits[digits_n] - '0');
    b.pos += digits_n + (digits[digits_n] == 'L');
    for (size_t i = 0; i < class_n; i++)
        dot = class[i] == '.' ? i : dot;
    *is = digits_n && dot && (pass(&b, ")") || pass(&b, ", None)")) && b.pos == b.n;
    if (!*is)
        return FUS_OK;
    int code = fus_pickle_machine_push_text(m, FUS_PICKLE_TEXT, (const uint8_t *)"storage", 7);
    if (!code)
        code = push_global(m, class, dot, class + dot + 1, class_n - dot - 1);
    if (!code)
        code = fus_pickle_machine_push_text(m, FUS_PICKLE_TEXT, key, key_n);
    if (!code)
        code = fus_pickle_machine_push_text(m, FUS_PICKLE_TEXT, device, device_n);
    if (!code)
        code = fus_pickle_machine_push_integer(m, FUS_PICKLE_INT, count);
    if (code)
        return code;
    m->depth -= 5;
    m->out->text_ids = true;
    struct fus_pickle_value *id = make_tuple(m, m->stack + m->depth, 5);
    return fus_pickle_machine_push(m, id);
}

/* BINPERSID takes its id from the stack, PERSID (arg 1) from a line. */
static int op_persistent(struct fus_pickle_machine *m, int arg)
{
    const uint8_t *line;
    size_t n;
    int code = FUS_OK;
    if (arg) {
        code = take_line(m, &line, &n, m->in.n); /* a module's holds its source */
        if (code || !line)
            return code;
        bool shown;
        code = push_shown_id(m, &shown, line, n);
        if (!code && !shown)
            code = fus_pickle_machine_push_text(m, FUS_PICKLE_TEXT, line, n);
    }
    if (!code)
        code = fus_pickle_machine_need(m, 1);
    if (code)
        return code;
    struct fus_pickle_value *id = m->stack[--m->depth], *v = fus_pickle_machine_make(m, FUS_PICKLE_PERSISTENT);
    if (!v)
        return m->failure;
    v->u.persistent.id = id;
    v->u.persistent.next = m->out->first_persistent;
    m->out->first_persistent = v; /* reversed at the end */
    return fus_pickle_machine_push(m, v);
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
    int code = take_line(m, &line, &n, FUS_MACHINE_MAX_LINE);
    if (code || !line)
        return code;
    for (size_t i = 0; i < n; i++) {
        if (line[i] < '0' || line[i] > '9' || n > 18)
            return FAIL(m, FUS_EFORMAT, "pickle: memo index is no number: damaged copy?");
        *index = *index * 10 + (uint64_t)(line[i] - '0');
    }
    return FUS_OK;
}

/* PUT, BINPUT, LONG_BINPUT; MEMOIZE (arg < 0) takes the next index. Picklers count up from 0 or 1, so that an index is less
 * than the bytes of the pickle. */
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
        return FAIL(m, FUS_EFORMAT, "pickle wants memo entry %" PRIu64 ", which nothing was put in: damaged copy?", index);
    return fus_pickle_machine_push(m, m->memo[index]);
}

/* ---- the machine ---- */

static const struct {
    int (*run)(struct fus_pickle_machine *m, int arg);
    int arg;
} opcodes[256] = {
    [0x80] = {op_proto, 0},       [0x95] = {op_skip, 8}, /* FRAME */
    ['.'] = {op_stop, 0},         ['('] = {op_mark, 0},
    ['0'] = {op_pop, 0},          ['1'] = {op_pop_mark, 0},
    ['2'] = {op_dup, 0},
    ['N'] = {op_constant, -1},    [0x88] = {op_constant, 1},
    [0x89] = {op_constant, 0},
    ['K'] = {op_int, 1},          ['M'] = {op_int, 2},
    ['J'] = {op_int, 4},          [0x8a] = {op_long, 1},
    [0x8b] = {op_long, 4},        ['I'] = {op_number_line, 'I'},
    ['L'] = {op_number_line, 'L'}, ['F'] = {op_number_line, 'F'},
    ['G'] = {op_binfloat, 0},
    ['S'] = {op_escaped_line, 'S'}, ['V'] = {op_escaped_line, 'V'},
    ['T'] = {op_text, 4},         ['U'] = {op_text, 1},
    ['X'] = {op_text, 4},         [0x8c] = {op_text, 1},
    [0x8d] = {op_text, 8},        ['B'] = {op_text, 4 | 16},
    ['C'] = {op_text, 1 | 16},    [0x8e] = {op_text, 8 | 16},
    [0x96] = {op_text, 8 | 16}, /* BYTEARRAY8 */
    ['}'] = {op_empty, FUS_PICKLE_DICT},  [']'] = {op_empty, FUS_PICKLE_LIST},
    [')'] = {op_empty, FUS_PICKLE_TUPLE}, [0x8f] = {op_empty, FUS_PICKLE_SET},
    ['d'] = {op_marked, FUS_PICKLE_DICT}, ['l'] = {op_marked, FUS_PICKLE_LIST},
    [0x91] = {op_marked, FUS_PICKLE_SET}, ['t'] = {op_tuple, -1},
    [0x85] = {op_tuple, 1},       [0x86] = {op_tuple, 2},
    [0x87] = {op_tuple, 3},
    ['a'] = {op_add, 1},          ['s'] = {op_add, 2},
    ['e'] = {op_add, 0},          ['u'] = {op_add, 0},
    [0x90] = {op_add, 0},
    ['c'] = {op_global, 0},       [0x93] = {op_stack_global, 0},
    ['R'] = {op_call, 2},         [0x81] = {op_call, 2},
    [0x92] = {op_call, 3},        ['b'] = {op_build, 0},
    ['o'] = {op_instance, 0},     ['i'] = {op_instance, 1},
    [0x82] = {op_extension, 1},   [0x83] = {op_extension, 2},
    [0x84] = {op_extension, 4},
    ['Q'] = {op_persistent, 0},   ['P'] = {op_persistent, 1},
    ['p'] = {op_put, 0},          ['q'] = {op_put, 1},
    ['r'] = {op_put, 4},          [0x94] = {op_put, -1},
    ['g'] = {op_get, 0},          ['h'] = {op_get, 1},
    ['j'] = {op_get, 4},
};

static int run(struct fus_pickle_machine *m)
{
    while (!m->stopped) {
        m->at = m->in.pos;
        uint8_t op = fus_bytes_u8(&m->in);
        int code = FUS_OK;
        if (!m->in.overrun && !opcodes[op].run)
            return FAIL(m, FUS_EFORMAT, "0x%02x is no pickle opcode that tensors need: damaged copy?", op);
        if (!m->in.overrun)
            code = opcodes[op].run(m, opcodes[op].arg);
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
    struct fus_pickle_machine *m = fus_base_alloc(1, sizeof *m); /* 10 kB: too much for a small stack */
    if (!m)
        return fus_base_fail(err, FUS_ENOMEM, "no memory to read a pickle");
    *m = (struct fus_pickle_machine){.out = p, .in = fus_bytes_of(bytes, n), .base = base, .torchscript = torchscript, .err = err};
    int code = fus_pickle_machine_reserve(m, &m->stack, &m->cap_stack, 1); /* so that there is one to point into */
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

bool fus_pickle_is_text(const struct fus_pickle_value *v, const char *s)
{
    return (v->kind == FUS_PICKLE_TEXT || v->kind == FUS_PICKLE_BYTES) && v->u.text.n == strlen(s) &&
           memcmp(v->u.text.bytes, s, v->u.text.n) == 0;
}
