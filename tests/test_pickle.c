/* SPDX-License-Identifier: MIT */
/* The pickle machine: what each opcode of protocols 0 to 5 builds, shown as text, and what
 * is refused where. */
#include "test.h"

#include <inttypes.h>

#include "nn/base/base.h"
#include "nn/base/rng.h"
#include "weights/pickle.h"

/* ---- a value as text, much like Python's repr ---- */

static char shown[4096];
static size_t shown_n;

static void add(const char *text, size_t n)
{
    if (shown_n + n < sizeof shown) {
        memcpy(shown + shown_n, text, n);
        shown_n += n;
        shown[shown_n] = 0;
    }
}

static void adds(const char *text)
{
    add(text, strlen(text));
}

static void show(const struct fus_pickle_value *v, int depth);

static void show_items(const struct fus_pickle_items *items, bool pairs, int depth)
{
    size_t k = 0;
    for (const struct fus_pickle_item *i = items->first; i; i = i->next, k++) {
        adds(k == 0 ? "" : pairs && k % 2 ? ":" : ",");
        show(i->value, depth + 1);
    }
    CHECK(k == items->n);
}

static void show_text(const struct fus_pickle_value *v, const char *before)
{
    adds(before);
    adds("'");
    add((const char *)v->u.text.bytes, v->u.text.n);
    adds("'");
}

static void show_tuple(const struct fus_pickle_value *v, int depth)
{
    adds("(");
    for (uint32_t i = 0; i < v->n; i++) {
        adds(i ? "," : "");
        show(v->u.tuple[i], depth + 1);
    }
    adds(")");
}

static void show_object(const struct fus_pickle_value *v, int depth)
{
    adds(v->u.object.global->name);
    show_tuple(v->u.object.arguments, depth);
    if (v->u.object.items) {
        adds("+");
        show_items(&v->u.object.items[0], false, depth);
        show_items(&v->u.object.items[1], true, depth);
    }
    if (v->u.object.state) {
        adds("<");
        show(v->u.object.state, depth + 1);
        adds(">");
    }
}

static void show(const struct fus_pickle_value *v, int depth)
{
    char number[64];
    if (depth > 6) {
        adds("...");
        return;
    }
    switch (v->kind) {
    case FUS_PICKLE_NONE:
        adds("None");
        break;
    case FUS_PICKLE_BOOL:
        adds(v->u.integer ? "True" : "False");
        break;
    case FUS_PICKLE_INT:
        snprintf(number, sizeof number, "%" PRId64, v->u.integer), adds(number);
        break;
    case FUS_PICKLE_FLOAT:
        snprintf(number, sizeof number, "%g", v->u.number), adds(number);
        break;
    case FUS_PICKLE_LONG:
        snprintf(number, sizeof number, "long%zu", v->u.text.n), adds(number);
        break;
    case FUS_PICKLE_TEXT:
        show_text(v, "");
        break;
    case FUS_PICKLE_BYTES:
        show_text(v, "b");
        break;
    case FUS_PICKLE_TUPLE:
        show_tuple(v, depth);
        break;
    case FUS_PICKLE_LIST:
        adds("["), show_items(&v->u.container.items, false, depth), adds("]");
        break;
    case FUS_PICKLE_SET:
        adds("set("), show_items(&v->u.container.items, false, depth), adds(")");
        break;
    case FUS_PICKLE_DICT:
        adds("{"), show_items(&v->u.container.items, true, depth), adds("}");
        if (v->u.container.state)
            adds("<"), show(v->u.container.state, depth + 1), adds(">");
        break;
    case FUS_PICKLE_GLOBAL:
        adds(v->u.global->module), adds("."), adds(v->u.global->name);
        break;
    case FUS_PICKLE_OBJECT:
        show_object(v, depth);
        break;
    default:
        adds("@"), show(v->u.persistent.id, depth + 1);
    }
}

/* ---- what is built ---- */

struct case_of {
    const char *pickle;
    size_t n;
    const char *shown; /* or a part of the message */
};
/* clang-format off */
#define CASE(pickle, shown) {pickle, sizeof pickle - 1, shown}
/* clang-format on */

static void check_built(const struct case_of *c)
{
    struct fus_pickle p;
    struct fus_error err = {0};
    int code = fus_pickle_load(&p, (const uint8_t *)c->pickle, c->n, 0, true, &err);
    CHECK_MSG(code == 0, "%s\n    expected %s", err.msg, c->shown);
    if (code)
        return;
    shown_n = 0;
    shown[0] = 0;
    show(p.root, 0);
    CHECK_MSG(strcmp(shown, c->shown) == 0, "%s\n    expected %s", shown, c->shown);
    CHECK(p.n_used == c->n);
    fus_pickle_free(&p);
    CHECK(p.chunks == NULL && p.root == NULL);
}

static const struct case_of built[] = {
    CASE("N.", "None"),
    CASE("\x88.", "True"),
    CASE("\x89.", "False"),
    CASE("\x80\2N.", "None"),
    CASE("\x80\4\x95\1\0\0\0\0\0\0\0N.", "None"),
    /* numbers */
    CASE("K\xff.", "255"),
    CASE("M\xff\xff.", "65535"),
    CASE("J\xfe\xff\xff\xff.", "-2"),
    CASE("J\1\0\0\0.", "1"),
    CASE("\x8a\0.", "0"),
    CASE("\x8a\1\xff.", "-1"),
    CASE("\x8a\2\xff\0.", "255"),
    CASE("\x8a\x08\0\0\0\0\0\0\0\x80.", "-9223372036854775808"),
    CASE("\x8a\x09\0\0\0\0\0\0\0\x80\0.", "long9"),
    CASE("\x8b\2\0\0\0\0\1.", "256"),
    CASE("I12\n.", "12"),
    CASE("I-3\n.", "-3"),
    CASE("I01\n.", "True"),
    CASE("I00\n.", "False"),
    CASE("L5L\n.", "5"),
    CASE("L123456789012345678901L\n.", "long21"),
    CASE("F1.5\n.", "1.5"),
    CASE("F-1e-3\n.", "-0.001"),
    CASE("G?\xf8\0\0\0\0\0\0.", "1.5"),
    /* texts */
    CASE("X\2\0\0\0ab.", "'ab'"),
    CASE("\x8c\1a.", "'a'"),
    CASE("\x8d\1\0\0\0\0\0\0\0a.", "'a'"),
    CASE("X\0\0\0\0.", "''"),
    CASE("T\2\0\0\0ab.", "'ab'"),
    CASE("U\2ab.", "'ab'"),
    CASE("C\2ab.", "b'ab'"),
    CASE("B\2\0\0\0ab.", "b'ab'"),
    CASE("\x8e\1\0\0\0\0\0\0\0a.", "b'a'"),
    CASE("\x96\1\0\0\0\0\0\0\0a.", "b'a'"),
    CASE("S'conv1.weight'\n.", "'conv1.weight'"),
    CASE("S\"it's\"\n.", "'it's'"),
    CASE("S'a\\'b\\\\c\\x41\\q\\'\n.", "'a'b\\cA\\q\\'"),
    CASE("Vabc\n.", "'abc'"),
    CASE("Va\\u00e9\\u20ac\\u0041\n.", "'a\xc3\xa9\xe2\x82\xac"
                                       "A'"),
    CASE("V\\u00g0\\\n.", "'\\u00g0\\'"),
    /* containers */
    CASE(").", "()"),
    CASE("].", "[]"),
    CASE("}.", "{}"),
    CASE("\x8f.", "set()"),
    CASE("K\1\x85.", "(1)"),
    CASE("K\1K\2\x86.", "(1,2)"),
    CASE("K\1K\2K\3\x87.", "(1,2,3)"),
    CASE("(K\1K\2K\3K\4t.", "(1,2,3,4)"),
    CASE("(t.", "()"),
    CASE("(K\1K\2l.", "[1,2]"),
    CASE("(l.", "[]"),
    CASE("(K\1Nd.", "{1:None}"),
    CASE("]K\1a.", "[1]"),
    CASE("](K\1K\2e.", "[1,2]"),
    CASE("](e.", "[]"),
    CASE("}K\1Ns.", "{1:None}"),
    CASE("}(K\1NK\2Nu.", "{1:None,2:None}"),
    CASE("\x8f(K\1K\2\x90.", "set(1,2)"),
    CASE("(K\1K\2\x91.", "set(1,2)"),
    CASE("](](K\1ee.", "[[1]]"),
    /* stack and memo */
    CASE("K\1K\2"
         "0.",
         "1"),
    CASE("K\1(K\2K\3"
         "1.",
         "1"),
    CASE("K\1(0.", "1"),
    CASE("K\1"
         "2\x86.",
         "(1,1)"),
    CASE("K\7q\0"
         "0h\0.",
         "7"),
    CASE("K\7r\5\0\0\0"
         "0j\5\0\0\0.",
         "7"),
    CASE("K\7p0\n0g0\n.", "7"),
    CASE("K\7\x94K\x08\x94\x86h\0h\1\x87.", "((7,8),7,8)"),
    CASE("]q\0h\0a.", "[[[[[[[...]]]]]]]"),
    /* names and calls */
    CASE("ccollections\nOrderedDict\n)R.", "{}"),
    CASE("ccollections\nOrderedDict\n)R}X\1\0\0\0mNsb.", "{}<{'m':None}>"),
    CASE("ccollections\nOrderedDict\n](](U\1aK\1e](U\1bK\2ee\x85R.", "{'a':1,'b':2}"), /* Python 2 */
    CASE("ccollections\nOrderedDict\n]U\1aK\1\x86"
         "a\x85R.",
         "{'a':1}"),
    CASE("ccollections\nCounter\n}K\5K\1s\x85R.", "{5:1}"),
    CASE("ccollections\ndefaultdict\nc__builtin__\nint\n\x85RK\1K\2s.", "{1:2}"),
    CASE("ctorch\nSize\nK\1K\2\x86\x85R.", "Size((1,2))"),
    CASE("\x8c\5torch\x8c\7"
         "float32\x93.",
         "torch.float32"),
    CASE("ctorch\nFloatStorage\n.", "torch.FloatStorage"),
    CASE("ctorch.cuda\nFloatStorage\n.", "torch.FloatStorage"),
    CASE("c__torch__.a.Net\nNet\n)\x81}X\1\0\0\0wK\1sb.", "Net()<{'w':1}>"),
    CASE("cargparse\nNamespace\n)\x81}b.", "Namespace()<{}>"),
    CASE("cargparse\nNamespace\n)}\x92.", "Namespace({})"),
    CASE("cnumpy.core.multiarray\nscalar\n(NC\1at\x52.", "scalar(None,b'a')"),
    CASE("c_codecs\nencode\nX\1\0\0\0aX\6\0\0\0latin1\x86R.", "encode('a','latin1')"),
    CASE("cbuiltins\nset\n]K\1a\x85R.", "set([1])"),
    CASE("ctorch\ndevice\n)RK\1a.", "device()+1"),
    CASE("X\1\0\0\0kQ.", "@'k'"),
    CASE("Pkey\n.", "@'key'"),
    /* opaque things: nothing is run, whatever their names are */
    CASE("cposix\nsystem\n.", "posix.system"),
    CASE("cposix\nsystem\nX\4\0\0\0true\x85R.", "system('true')"),
    CASE("c__builtin__\neval\n.", "__builtin__.eval"),
    CASE("c\n\n.", "."),
    CASE("c__torch__x\nNet\n.", "__torch__x.Net"),
    CASE("ca\nb\n)\x81}K\1K\2sbK\3aK\4K\5s.", "b()+34:5<{1:2}>"),
    CASE("ca\nb\nK\1\x85}K\2K\3s\x92.", "b(1,{2:3})"),
    CASE("ca\nb\n)RK\1\x85R.", "call(1)"),
    CASE("N\x82\1.", "copyreg.extension.1"),
    CASE("\x83\1\2.", "copyreg.extension.513"),
    CASE("\x84\1\0\0\0)R.", "1()"),
    CASE("(K\1i__main__\nx\n.", "x(1)"),
    CASE("(ca\nb\nK\1o.", "b(1)"),
    CASE("(U\6moduleca\nb\nNNtQ)\x81.", "b()"),
    /* protocol 0's ids, as PyTorch's tuple is shown */
    CASE("P('storage', <class 'torch.FloatStorage'>, '0', 'cpu', 294)\n.",
         "@('storage',torch.FloatStorage,'0','cpu',294)"),
    CASE("P('storage', <class 'torch.FloatStorage'>, '0', 'cpu', 294, None)\n.",
         "@('storage',torch.FloatStorage,'0','cpu',294)"),
    CASE("P('storage', <class 'torch.FloatStorage'>, '0', 'cpu', )\n.",
         "@'('storage', <class 'torch.FloatStorage'>, '0', 'cpu', )'"),
    CASE("P('storage', <class 'torch.FloatStorage'>, '0', 'cpu', 29)4)\n.",
         "@'('storage', <class 'torch.FloatStorage'>, '0', 'cpu', 29)4)'"),
};

static const struct case_of refused[] = {
    CASE("", "byte 0: pickle of 0 bytes ends before its STOP"),
    CASE("N", "byte 1: pickle of 1 bytes ends before"),
    CASE("NX\5\0\0\0abcd", "byte 1: pickle of 10 bytes ends before"),
    CASE("I12", "byte 0: pickle of 3 bytes ends"),
    CASE("ctorch\nSize", "byte 0: pickle of 11 bytes ends"),
    CASE("K", "ends before its STOP"),
    CASE("\x8a\xff"
         "a",
         "ends before its STOP"),
    CASE(".", "byte 0: pickle opcode 0x2e needs 1 values, its stack has 0"),
    CASE("(N.", "byte 2: pickle stops inside a MARK"),
    CASE("a.", "needs 2 values"),
    CASE("N(a.", "byte 2: pickle opcode 0x61 needs 2 values, its stack has 0"),
    CASE("Ne.", "0x65 without its MARK"),
    CASE("(e.", "needs 1 values"),
    CASE("}(K\1u.", "a key without its value"),
    CASE("(K\1d.", "a key without its value"),
    CASE("NNa.", "holds none"),
    CASE("]NNs.", "holds none"),
    CASE("}(Ne.", "holds none"),
    CASE("(NNu.", "needs 1 values"),
    CASE("K\1(Nu.", "a key without its value"),
    CASE("0.", "needs 1 values"),
    CASE("2.", "needs 1 values"),
    CASE("1.", "without its MARK"),
    CASE("t.", "without its MARK"),
    CASE("\x85.", "needs 1 values"),
    CASE("K\1\x86.", "needs 2 values"),
    CASE("q\0.", "needs 1 values"),
    CASE("h\0.", "wants memo entry 0"),
    CASE("Nq\0"
         "0h\1.",
         "wants memo entry 1"),
    CASE("gx\n.", "no number"),
    CASE("Np99999\n.", "memo entry 99999 in a pickle of 9 bytes"),
    CASE("Np12345678901234567890\n.", "no number"),
    CASE("Nr\0\0\0\x80.", "memo entry 2147483648"),
    CASE("Ix\n.", "`x` is no number"),
    CASE("I\n.", "is no number"),
    CASE("I1\0\n.", "is no number"),
    CASE("I1 2\n.", "`1 2` is no number"),
    CASE("Sabc\n.", "without its quotes"),
    CASE("S'\n.", "without its quotes"),
    CASE("S'abc\"\n.", "without its quotes"),
    CASE("ctorch\nFloat\0Storage\n.", "zero byte"),
    CASE("NN\x93.", "name is not a text"),
    CASE("X\1\0\0\0aN\x93.", "name is not a text"),
    CASE("N)R.", "calls a value that is no function"),
    CASE("ctorch\nSize\nNR.", "without a tuple"),
    CASE(")R.", "needs 2 values"),
    CASE("ctorch\nSize\n)\x92.", "needs 3 values"),
    CASE("NNb.", "gives a state to a value"),
    CASE("Nb.", "needs 2 values"),
    CASE("Q.", "needs 1 values"),
    CASE("ccollections\nOrderedDict\n]Na\x85R.", "what are no pairs"),
    CASE("\x80\6N.", "protocol 6"),
    CASE("\xff.", "byte 0: 0xff is no pickle opcode"),
    CASE("(o.", "0x6f without its class"),
    CASE("(NNo.", "no class"),
    CASE("i__main__\nx\n.", "without its MARK"),
    CASE("Fabc\n.", "`abc` is no number"),
    CASE("\x97.", "0x97 is no pickle opcode"),
};

static void test_refused(void)
{
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        const struct case_of *c = &refused[i];
        struct fus_pickle p;
        struct fus_error err = {0};
        int code = fus_pickle_load(&p, (const uint8_t *)c->pickle, c->n, 0, true, &err);
        CHECK_MSG(code != 0 && code == err.code && strstr(err.msg, c->shown), "%s\n    expected %s", err.msg, c->shown);
        CHECK(p.chunks == NULL && p.root == NULL);
        CHECK(p.ends_early == (strstr(err.msg, "ends before its STOP") != NULL));
    }
}

/* A prefix ends early and nothing else; a changed byte is refused or read. */
static void test_damage(void)
{
    struct fus_rng rng;
    fus_rng_seed(&rng, 6);
    bool prefixes = true, changes = true;
    for (size_t i = 0; i < sizeof built / sizeof *built; i++) {
        const struct case_of *c = &built[i];
        struct fus_pickle p;
        struct fus_error err;
        for (size_t n = 0; n < c->n; n++) {
            uint8_t *exact = malloc(n + 1);
            memcpy(exact, c->pickle, n);
            int code = fus_pickle_load(&p, exact, n, 0, true, &err);
            prefixes = code == FUS_EFORMAT && p.ends_early && prefixes;
            fus_pickle_free(&p);
            free(exact);
        }
        for (int k = 0; k < 2000; k++) {
            uint8_t *changed = malloc(c->n);
            memcpy(changed, c->pickle, c->n);
            changed[fus_rng_below(&rng, c->n)] = (uint8_t)fus_rng_below(&rng, 256);
            int code = fus_pickle_load(&p, changed, c->n, 0, true, &err);
            changes = (code == 0 || err.msg[0]) && code != FUS_ENOMEM && changes;
            fus_pickle_free(&p);
            free(changed);
        }
    }
    CHECK(prefixes);
    CHECK(changes);
}

/* n times `unit`, then `last`. */
static int load_repeated(const char *unit, size_t n, const char *last, struct fus_error *err)
{
    size_t unit_n = strlen(unit), last_n = strlen(last);
    uint8_t *bytes = malloc(n * unit_n + last_n);
    struct fus_pickle p;
    for (size_t i = 0; i < n; i++)
        memcpy(bytes + i * unit_n, unit, unit_n);
    memcpy(bytes + n * unit_n, last, last_n);
    int code = fus_pickle_load(&p, bytes, n * unit_n + last_n, 0, false, err);
    CHECK(code || p.n_arena < (20u << 20));
    fus_pickle_free(&p);
    free(bytes);
    return code;
}

static void test_limits(void)
{
    struct fus_error err;
    CHECK(load_repeated("N", 1 << 20, "N.", &err) == FUS_ELIMIT && strstr(err.msg, "stacks more than"));
    CHECK(load_repeated("NK\1\x88"
                        "000",
                        1 << 20, "N.", &err) == FUS_OK); /* these are shared */
    CHECK(load_repeated("]0", 1 << 20, "N.", &err) == FUS_ELIMIT && strstr(err.msg, "values of more than"));
    CHECK(load_repeated("(", 1001, "N.", &err) == FUS_ELIMIT && strstr(err.msg, "nests more than 1000"));
    CHECK(load_repeated("(0", 1 << 20, "N.", &err) == FUS_OK);
    CHECK(load_repeated("]", 100000, ".", &err) == FUS_OK); /* 100000 deep: no recursion to free it */
    CHECK(load_repeated("a", 5000, ".", &err) == FUS_EFORMAT);
    char *text = calloc(1, 5010);
    memset(text, 'x', 5000);
    text[0] = 'I';
    strcpy(text + 5000, "\n.");
    CHECK(load_repeated(text, 1, "", &err) == FUS_ELIMIT && strstr(err.msg, "line of 4999 bytes"));
    text[0] = 'V';
    CHECK(load_repeated(text, 1, "", &err) == FUS_OK);
    free(text);
}

static void test_no_memory(void)
{
    static const char pickle[] =
        "\x80\2}q\0(X\1\0\0\0aK\1X\1\0\0\0bccollections\nOrderedDict\n)RX\1\0\0\0cK\1K\2\x86QX\1\0\0\0d](K\5Neu.";
    struct fus_pickle p;
    struct fus_error err;
    int code = FUS_ENOMEM;
    long k = 1;
    for (; code && k < 100; k++) {
        fus_base_fail_allocation(k);
        code = fus_pickle_load(&p, (const uint8_t *)pickle, sizeof pickle - 1, 0, false, &err);
        fus_base_fail_allocation(0);
        CHECK(code == 0 || code == FUS_ENOMEM);
        fus_pickle_free(&p);
    }
    CHECK(k == 6); /* machine, chunk, stack, memo */
}

int main(void)
{
    for (size_t i = 0; i < sizeof built / sizeof *built; i++)
        check_built(&built[i]);
    test_refused();
    test_damage();
    test_limits();
    test_no_memory();
    return test_end();
}
