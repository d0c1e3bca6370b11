/* SPDX-License-Identifier: MIT */
/* The forms of CLIP's vocabulary: merges as text, one a line after a comment, and Hugging Face's
 * tokenizer.json. */
#include <string.h>

#include "nn/base/json.h"
#include "weights/vocab_load.h"

/* ---- text ---- */

static bool is_comment(const char *line, size_t n)
{
    static const char *const begins[] = {"#version", "\"bpe_simple"};
    for (size_t i = 0; i < sizeof begins / sizeof *begins; i++)
        if (n >= strlen(begins[i]) && memcmp(line, begins[i], strlen(begins[i])) == 0)
            return true;
    return false;
}

static int shown(size_t n)
{
    return n < 40 ? (int)n : 40;
}

static int read_line(struct fus_vocab_load *l, const char *line, size_t n, size_t number, struct fus_error *err)
{
    const char *space = memchr(line, ' ', n);
    size_t n_left = space ? (size_t)(space - line) : 0;
    if (!space || n_left == 0 || n_left + 1 == n || memchr(space + 1, ' ', n - n_left - 1))
        return fus_base_fail(err, FUS_EFORMAT, "line %zu: two pieces and a space expected, '%.*s' found", number,
                             shown(n), line);
    if (fus_vocab_load_add(l, line, n_left, space + 1, n - n_left - 1, err)) {
        if (err)
            fus_base_blame(err, "line %zu: ", number);
        return FUS_EFORMAT;
    }
    return FUS_OK;
}

int fus_vocab_forms_text(struct fus_vocab_load *l, const char *text, size_t n, struct fus_error *err)
{
    const char *end = text + n;
    size_t number = 1;
    int code = FUS_OK;
    for (const char *line = text; line < end && !code; number++) {
        const char *newline = memchr(line, '\n', (size_t)(end - line)), *next = newline ? newline + 1 : end;
        size_t length = (size_t)((newline ? newline : end) - line);
        if (length && line[length - 1] == '\r')
            length--;
        if (number == 1 && !is_comment(line, length))
            code = fus_base_fail(err, FUS_EFORMAT,
                                 "line 1: '#version' expected, '%.*s' found: not a list of merges such as "
                                 "bpe_simple_vocab_16e6.txt.gz or merges.txt",
                                 shown(length), line);
        else if (number > 1)
            code = read_line(l, line, length, number, err);
        line = next;
    }
    if (!code && number == 1)
        code = fus_base_fail(err, FUS_EFORMAT, "empty file");
    return code;
}

/* ---- tokenizer.json ---- */

static const char *string_or_none(struct fus_json *j)
{
    if (fus_json_starts_with(j, '"'))
        return fus_json_string(j);
    fus_json_skip(j);
    return "none";
}

/* "a b", or ["a", "b"]. The reader keeps one string at a time: the first is copied. */
static int read_merge(struct fus_vocab_load *l, struct fus_json *j, struct fus_text_buffer *left, struct fus_error *err)
{
    const char *right;
    left->n = 0;
    if (fus_json_starts_with(j, '[')) {
        int n = 0;
        for (fus_json_enter(j, '['); fus_json_next(j); n++) {
            right = fus_json_string(j);
            if (n == 0)
                fus_text_append(left, right, strlen(right));
        }
        right = j->text;
        if (!j->code && n != 2)
            return fus_json_fail(j, "merge %zu: two pieces expected, %d found", l->n_in_file + 1, n);
    } else {
        const char *both = fus_json_string(j), *space = strchr(both, ' ');
        if (!j->code && (!space || strchr(space + 1, ' ')))
            return fus_json_fail(j, "merge %zu: two pieces and a space expected, '%.40s' found", l->n_in_file + 1,
                                 both);
        right = space ? space + 1 : "";
        fus_text_append(left, both, space ? (size_t)(space - both) : 0);
    }
    if (j->code)
        return j->code;
    if (left->failed)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for a merge");
    return fus_vocab_load_add(l, left->s ? left->s : "", left->n, right, strlen(right), err);
}

struct model { /* members of "model" */
    bool found, has_merges, is_bpe, ends_words;
    char type[41], suffix[41];
};

static int check_kind(const struct model *m, struct fus_error *err)
{
    if (!m->is_bpe)
        return fus_base_fail(err, FUS_EFORMAT,
                             "model.type is %s, a BPE with end_of_word_suffix \"</w>\" expected: not CLIP's", m->type);
    if (!m->ends_words)
        return fus_base_fail(err, FUS_EFORMAT,
                             "model.end_of_word_suffix is %s, \"</w>\" expected: a BPE, but not CLIP's", m->suffix);
    return FUS_OK;
}

static int read_model(struct fus_vocab_load *l, struct fus_json *j, struct model *m, struct fus_text_buffer *left,
                      struct fus_error *err)
{
    int code = FUS_OK;
    m->found = true;
    for (fus_json_enter(j, '{'); !code && fus_json_next(j);) {
        const char *key = fus_json_key(j);
        if (strcmp(key, "type") == 0) {
            snprintf(m->type, sizeof m->type, "%s", string_or_none(j));
            m->is_bpe = strcmp(m->type, "BPE") == 0;
        } else if (strcmp(key, "end_of_word_suffix") == 0) {
            snprintf(m->suffix, sizeof m->suffix, "%s", string_or_none(j));
            m->ends_words = strcmp(m->suffix, "</w>") == 0;
        } else if (strcmp(key, "merges") == 0 && !m->has_merges) {
            m->has_merges = true;
            code = check_kind(m, err); /* both are written before the merges */
            if (!code)
                for (fus_json_enter(j, '['); !code && fus_json_next(j);)
                    code = read_merge(l, j, left, err);
        } else
            fus_json_skip(j);
    }
    return code ? code : j->code;
}

int fus_vocab_forms_json(struct fus_vocab_load *l, const char *text, size_t n, struct fus_error *err)
{
    struct fus_json j;
    struct model m = {.type = "none", .suffix = "none"};
    struct fus_text_buffer left = {0};
    int code = FUS_OK;
    fus_json_start(&j, text, n, 0, err);
    for (fus_json_enter(&j, '{'); !code && fus_json_next(&j);) {
        bool is_model = strcmp(fus_json_key(&j), "model") == 0;
        if (is_model && fus_json_starts_with(&j, '{') && !m.found) /* vocab.json has a token `model` */
            code = read_model(l, &j, &m, &left, err);
        else
            fus_json_skip(&j);
    }
    if (code)
        j.code = code;
    code = fus_json_end(&j);
    fus_text_free(&left);
    if (code)
        return code;
    if (!m.found)
        return fus_base_fail(err, FUS_EFORMAT,
                             "no \"model\" found: ids without merges? merges.txt lies beside a vocab.json: give that");
    code = check_kind(&m, err);
    if (!code && !m.has_merges)
        code = fus_base_fail(err, FUS_EFORMAT, "model.merges is missing");
    return code;
}
