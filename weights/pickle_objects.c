/* SPDX-License-Identifier: MIT */
/* Opcodes of pickle that name classes, make objects and refer to PyTorch's storages. Nothing is
 * called: an object keeps its class, arguments, state and items as values. */
#include <inttypes.h>
#include <string.h>

#include "weights/pickle_globals.h"
#include "weights/pickle_opcodes.h"

/* ---- globals ---- */

/* A global that pickle_globals.c does not know. NULL: no memory; the error is filled. */
static const struct fus_pickle_global *unknown_global(struct fus_pickle_machine *m, const char *module,
                                                      const char *name)
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

static int push_global(struct fus_pickle_machine *m, const uint8_t *module, size_t module_n, const uint8_t *name,
                       size_t name_n)
{
    char a[FUS_MACHINE_MAX_LINE + 1], b[FUS_MACHINE_MAX_LINE + 1];
    const struct fus_pickle_global *found;
    if (module_n > FUS_MACHINE_MAX_LINE || name_n > FUS_MACHINE_MAX_LINE || memchr(module, 0, module_n) ||
        memchr(name, 0, name_n))
        return FAIL(m, FUS_EFORMAT, "pickle names a global of %zu + %zu characters or with a zero byte", module_n,
                    name_n);
    memcpy(a, module, module_n);
    memcpy(b, name, name_n);
    a[module_n] = b[name_n] = 0;
    found = fus_pickle_globals_find(a, b);
    if (!found && (found = unknown_global(m, a, b)) == NULL)
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
    int code = fus_pickle_machine_take_line(m, &module, &module_n, FUS_MACHINE_MAX_LINE);
    if (!code && module)
        code = fus_pickle_machine_take_line(m, &name, &name_n, FUS_MACHINE_MAX_LINE);
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
            if (fus_pickle_machine_append(m, &dict->u.container.items, &i->value, 1) != FUS_OK)
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
        if (fus_pickle_machine_append(m, &dict->u.container.items, pair, 2) != FUS_OK)
            return m->failure;
    }
    return FUS_OK;
}

/* The class or function of a value that is called; NULL: it cannot be called. */
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
static int push_object(struct fus_pickle_machine *m, const struct fus_pickle_global *global,
                       struct fus_pickle_value *arguments)
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

/* REDUCE, NEWOBJ (arg 2: class, arguments) and NEWOBJ_EX (3: and keywords, which become the last
 * argument). */
static int op_call(struct fus_pickle_machine *m, int arg)
{
    int code = fus_pickle_machine_need(m, (size_t)arg);
    if (code)
        return code;
    m->depth -= (size_t)arg;
    struct fus_pickle_value *arguments = m->stack[m->depth + 1], *keywords = arg == 3 ? m->stack[m->depth + 2] : NULL;
    const struct fus_pickle_global *global = callable(m->stack[m->depth]);
    if (!global || arguments->kind != FUS_PICKLE_TUPLE)
        return FAIL(m, FUS_EFORMAT,
                    "pickle calls a value that is no function, or without a tuple of arguments: damaged copy?");
    if (keywords && global->role == FUS_PICKLE_OPAQUE) {
        arguments = fus_pickle_machine_make_tuple(m, arguments->u.tuple, arguments->n);
        if (!arguments)
            return m->failure;
        arguments->u.tuple[arguments->n++] = keywords;
    }
    return push_object(m, global, arguments);
}

/* OBJ: the class and its arguments above the mark; INST (arg 1): the class in two lines. Classes
 * of Python 2. */
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
    struct fus_pickle_value *arguments = fus_pickle_machine_make_tuple(m, values, n);
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
    /* dill gives attributes to functions */
    else if (to->kind != FUS_PICKLE_GLOBAL && to->kind != FUS_PICKLE_PERSISTENT)
        return FAIL(m, FUS_EFORMAT, "pickle gives a state to a value that has none: damaged copy?");
    return FUS_OK;
}

/* ---- persistent ids ---- */

/* If `text` is next, moves past it. */
static bool pass(struct fus_bytes *b, const char *text)
{
    size_t n = strlen(text);
    if (fus_bytes_left(b) < n || memcmp(b->data + b->pos, text, n) != 0)
        return false;
    b->pos += n;
    return true;
}

/* The characters up to `end`; moves past it. */
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
 *     ('storage', <class 'torch.FloatStorage'>, '0', 'cpu', 294)        in legacy files
 *     with `, None` at its end
 *
 * Pushes the tuple; *is is false if the line is something else; then nothing is pushed. */
static int push_shown_id(struct fus_pickle_machine *m, bool *is, const uint8_t *line, size_t line_n)
{
    struct fus_bytes b = fus_bytes_of(line, line_n);
    const uint8_t *class, *key, *device, *digits;
    size_t class_n, key_n, device_n, digits_n, dot = 0;
    int64_t count = 0;
    *is = pass(&b, "('storage', <class '") && pass_until(&b, &class, &class_n, '\'') && pass(&b, ">, '") &&
          pass_until(&b, &key, &key_n, '\'') && pass(&b, ", '") && pass_until(&b, &device, &device_n, '\'') &&
          pass(&b, ", ") && line[line_n - 1] == ')';
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
    struct fus_pickle_value *id = fus_pickle_machine_make_tuple(m, m->stack + m->depth, 5);
    return fus_pickle_machine_push(m, id);
}

/* BINPERSID takes its id from the stack, PERSID (arg 1) from a line. */
static int op_persistent(struct fus_pickle_machine *m, int arg)
{
    const uint8_t *line;
    size_t n;
    int code = FUS_OK;
    if (arg) {
        /* a module's holds its source */
        code = fus_pickle_machine_take_line(m, &line, &n, m->in.n);
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

static const struct fus_pickle_opcode opcodes[256] = {
    ['c'] = {op_global, 0},     [0x93] = {op_stack_global, 0}, ['R'] = {op_call, 2},       [0x81] = {op_call, 2},
    [0x92] = {op_call, 3},      ['b'] = {op_build, 0},         ['o'] = {op_instance, 0},   ['i'] = {op_instance, 1},
    [0x82] = {op_extension, 1}, [0x83] = {op_extension, 2},    [0x84] = {op_extension, 4}, ['Q'] = {op_persistent, 0},
    ['P'] = {op_persistent, 1},
};

struct fus_pickle_opcode fus_pickle_objects_opcode(uint8_t op)
{
    return opcodes[op];
}
