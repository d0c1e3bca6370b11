/* SPDX-License-Identifier: MIT */
/* Opcodes of pickle that push numbers, texts and bytes (CPython's Lib/pickletools.py). Protocol 0
 * writes them as text that ends at a newline, later protocols in binary. */
#include <stdlib.h>
#include <string.h>

#include "nn/base/bits.h"
#include "weights/pickle_opcodes.h"

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
        v->u.number = fus_bits_to_double(bits);
    return fus_pickle_machine_push(m, v);
}

/* Texts and bytes after a length in (arg & 15) bytes; arg & 16: bytes. */
static int op_text(struct fus_pickle_machine *m, int arg)
{
    uint64_t n = fus_bytes_le(&m->in, arg & 15);
    const uint8_t *p = fus_bytes_take(&m->in, n > SIZE_MAX ? SIZE_MAX : (size_t)n);
    return p ? fus_pickle_machine_push_text(m, arg & 16 ? FUS_PICKLE_BYTES : FUS_PICKLE_TEXT, p, (size_t)n) : FUS_OK;
}
/* ---- protocol 0 ---- */

/* INT, LONG, FLOAT ('I', 'L', 'F'). A float's value may depend on the locale's decimal point;
 * nothing uses it. */
static int op_number_line(struct fus_pickle_machine *m, int arg)
{
    const uint8_t *line;
    char digits[64], *end;
    size_t n;
    int code = fus_pickle_machine_take_line(m, &line, &n, FUS_MACHINE_MAX_LINE);
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
        return *end ? FAIL(m, FUS_EFORMAT, "pickle: `%s` is no number: damaged copy?", digits)
                    : fus_pickle_machine_push_integer(m, FUS_PICKLE_INT, integer);
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

/* STRING: Python's repr, in quotes; UNICODE: Latin-1 with \uXXXX, which becomes UTF-8. Escapes
 * become the character; an unknown one stays as it is. */
static int op_escaped_line(struct fus_pickle_machine *m, int arg)
{
    const uint8_t *line;
    size_t n;
    int code = fus_pickle_machine_take_line(m, &line, &n, m->in.n);
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

static const struct fus_pickle_opcode opcodes[256] = {
    ['N'] = {op_constant, -1},
    [0x88] = {op_constant, 1},
    [0x89] = {op_constant, 0},
    ['K'] = {op_int, 1},
    ['M'] = {op_int, 2},
    ['J'] = {op_int, 4},
    [0x8a] = {op_long, 1},
    [0x8b] = {op_long, 4},
    ['I'] = {op_number_line, 'I'},
    ['L'] = {op_number_line, 'L'},
    ['F'] = {op_number_line, 'F'},
    ['G'] = {op_binfloat, 0},
    ['S'] = {op_escaped_line, 'S'},
    ['V'] = {op_escaped_line, 'V'},
    ['T'] = {op_text, 4},
    ['U'] = {op_text, 1},
    ['X'] = {op_text, 4},
    [0x8c] = {op_text, 1},
    [0x8d] = {op_text, 8},
    ['B'] = {op_text, 4 | 16},
    ['C'] = {op_text, 1 | 16},
    [0x8e] = {op_text, 8 | 16},
    [0x96] = {op_text, 8 | 16}, /* BYTEARRAY8 */
};

struct fus_pickle_opcode fus_pickle_scalars_opcode(uint8_t op)
{
    return opcodes[op];
}
