/* SPDX-License-Identifier: MIT */
/* Word vectors as text and as binary:
 *
 *   GloVe text (Pennington, Socher & Manning 2014)    a line for each word: WORD x1 ... xD
 *   word2vec text (Mikolov et al. 2013; fastText)     the same after a first line `N D`
 *   word2vec binary                                   `N D` and a line feed; then N times WORD,
 *                                                     a space, D floats (little-endian), and
 *                                                     perhaps a line feed
 *
 * Words of GloVe's largest set contain spaces (". . ."), so D cannot be counted on the first line:
 * there a word such as "1 2" would be taken for numbers. D is the most frequent count of numbers at
 * the end of the first lines. */
#include <math.h>
#include <string.h>

#include "nn/base/bits.h"
#include "nn/base/number.h"
#include "weights/word_load.h"

enum { PROBE_LINES = 64 };

/* ---- text ---- */

static bool is_space(char c)
{
    return c == ' ' || c == '\t';
}

/* How many numbers end the line, its first part not counted. */
static int count_numbers(const char *line, size_t n)
{
    int count = 0;
    for (size_t end = n; end > 0;) {
        size_t begin = end;
        while (begin > 0 && !is_space(line[begin - 1]))
            begin--;
        char text[FUS_NUMBER_BYTES];
        double x;
        size_t length = end - begin;
        if (begin == 0 || length >= sizeof text)
            break;
        memcpy(text, line + begin, length);
        text[length] = '\0';
        if (!fus_number_real(&x, text, NULL))
            break;
        count++;
        for (end = begin; end > 0 && is_space(line[end - 1]);)
            end--;
    }
    return count;
}

/* Start of the last dim fields of a line; *n_word: the length of the text before them, 0: there are
 * too few. */
static size_t find_numbers(size_t *n_word, const char *line, size_t n, int dim)
{
    size_t at = n;
    *n_word = 0;
    for (int i = 0; i < dim; i++) {
        while (at > 0 && is_space(line[at - 1]))
            at--;
        while (at > 0 && !is_space(line[at - 1]))
            at--;
    }
    size_t end = at;
    while (end > 0 && is_space(line[end - 1]))
        end--;
    *n_word = end;
    return at;
}

static int fail_numbers(const struct fus_word_reader *r, int dim, struct fus_error *err)
{
    return fus_base_fail(err, FUS_EFORMAT,
                         "%s: line %ld: found %d numbers at its end, expected a word and %d: truncated copy?", r->path,
                         r->number, count_numbers(r->line, r->length), dim);
}

/* Parses the line's numbers into the vector of entry `at`. */
static int take_numbers(struct fus_word_load *l, const struct fus_word_reader *r, size_t from, size_t at,
                        struct fus_error *err)
{
    float *to = fus_word_load_vector(l, at);
    const char *s = r->line + from;
    for (int i = 0; i < l->w->dim; i++) {
        double x;
        const char *rest = s;
        bool number = fus_number_real(&x, s, &rest) && (!*rest || is_space(*rest)) && fabs(x) <= 3.4e38;
        if (!number)
            return fus_base_fail(err, FUS_EFORMAT, "%s: line %ld: found `%.20s`, expected number %d of %d", r->path,
                                 r->number, s, i + 1, l->w->dim);
        to[i] = (float)x;
        s = rest + strspn(rest, " \t");
    }
    fus_word_load_keep(l, at);
    return FUS_OK;
}

static int take_line(struct fus_word_load *l, const struct fus_word_reader *r, struct fus_error *err)
{
    size_t n_word, from = find_numbers(&n_word, r->line, r->length, l->w->dim);
    if (n_word == 0)
        return fail_numbers(r, l->w->dim, err);
    size_t at = fus_word_load_find(l, r->line, n_word);
    return at < l->n ? take_numbers(l, r, from, at, err) : FUS_OK;
}

/* Until nothing is missing, or the file ends. *n_lines: lines read that are not empty. */
static int read_lines(struct fus_word_load *l, struct fus_word_reader *r, uint64_t *n_lines, struct fus_error *err)
{
    bool more = true;
    int code = FUS_OK;
    *n_lines = 0;
    while (l->n_missing && !code) {
        code = fus_base_stopping() ? fus_base_fail(err, FUS_ESTOPPED, "stopped") : fus_word_reader_line(r, &more, err);
        if (!code && !more)
            break;
        if (!code && r->length) {
            code = take_line(l, r, err);
            ++*n_lines;
        }
    }
    return code;
}

/* The most frequent value; of several the smallest. */
static int most_frequent(const int *values, int n)
{
    int best = -1, best_count = 0;
    for (int i = 0; i < n; i++) {
        int count = 0;
        for (int k = 0; k < n; k++)
            count += values[k] == values[i];
        if (count > best_count || (count == best_count && values[i] < best)) {
            best = values[i];
            best_count = count;
        }
    }
    return best;
}

/* The most frequent count of numbers at the end of the first lines. */
static int probe_dim(int *dim, struct fus_word_reader *r, struct fus_error *err)
{
    bool more = true;
    int counts[PROBE_LINES], n = 0, code = FUS_OK;
    for (int i = 0; i < PROBE_LINES && more && !code; i++) {
        code = fus_word_reader_line(r, &more, err);
        if (!code && more && r->length)
            counts[n++] = count_numbers(r->line, r->length);
    }
    *dim = most_frequent(counts, n);
    if (!code && n == 0)
        code = fus_base_fail(err, FUS_EFORMAT, "%s: is empty; expected word vectors", r->path);
    if (!code && *dim == 0)
        code = fus_base_fail(err, FUS_EFORMAT,
                             "%s: found no words with numbers behind them in the first %d lines; expected GloVe's or "
                             "word2vec's vectors (text, .bin), or "
                             ".npy",
                             r->path, n);
    return code ? code : fus_word_reader_rewind(r, err);
}

static int read_glove(struct fus_word_load *l, struct fus_word_reader *r, struct fus_error *err)
{
    uint64_t n_lines;
    int dim, code = fus_word_reader_rewind(r, err);
    l->w->format = "GloVe text";
    if (!code)
        code = probe_dim(&dim, r, err);
    if (!code)
        code = fus_word_load_set_dim(l, r->path, (uint64_t)dim, err);
    return code ? code : read_lines(l, r, &n_lines, err);
}

/* ---- word2vec ---- */

static float little_float(const uint8_t *b)
{
    return fus_bits_to_float((uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24);
}

/* raw [4 * dim]: scratch. */
static int take_binary(struct fus_word_load *l, struct fus_word_reader *r, uint8_t *raw, struct fus_error *err)
{
    size_t dim = (size_t)l->w->dim;
    int code = fus_word_reader_word(r, err);
    if (code)
        return code;
    size_t at = fus_word_load_find(l, r->line, r->length);
    if (!fus_word_reader_bytes(r, at < l->n ? raw : NULL, 4 * dim))
        return fus_base_fail_at(err, FUS_EFORMAT, r->begin + (long long)r->at,
                                "the file ends within a vector of %zu numbers: truncated copy?", dim);
    for (size_t i = 0; i < dim && at < l->n; i++) {
        float x = little_float(raw + 4 * i);
        if (!isfinite(x))
            return fus_base_fail_at(err, FUS_EFORMAT, r->begin + (long long)r->at,
                                    "number %zu of a vector is not finite", i + 1);
        fus_word_load_vector(l, at)[i] = x;
    }
    if (at < l->n)
        fus_word_load_keep(l, at);
    return FUS_OK;
}

static int read_binary(struct fus_word_load *l, struct fus_word_reader *r, uint64_t n_words, struct fus_error *err)
{
    uint8_t *raw = fus_base_alloc((size_t)l->w->dim, 4);
    int code = raw ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "%s: no memory for a vector", r->path);
    l->w->format = "word2vec binary";
    for (uint64_t i = 0; i < n_words && l->n_missing && !code; i++) {
        code = fus_base_stopping() ? fus_base_fail(err, FUS_ESTOPPED, "stopped") : take_binary(l, r, raw, err);
        if (code && code != FUS_ENOMEM && code != FUS_ESTOPPED)
            fus_base_blame(err, "%s: ", r->path);
    }
    fus_base_free(raw);
    return code;
}

/* "N D" and nothing else. */
static bool parse_head(uint64_t *n, uint64_t *dim, const char *line)
{
    const char *at;
    if (!fus_number_whole(n, line, &at) || !is_space(*at))
        return false;
    at += strspn(at, " \t");
    return fus_number_whole(dim, at, NULL);
}

/* Whether the next bytes are not a line that ends with dim numbers. Does not consume them. */
static bool looks_binary(struct fus_word_reader *r, uint64_t dim)
{
    if (fus_word_reader_byte(r) < 0)
        return false;
    r->at--;
    const char *at = (const char *)r->chunk + r->at, *end = memchr(at, '\n', r->n - r->at);
    size_t n = end ? (size_t)(end - at) : r->n - r->at;
    while (n > 0 && (is_space(at[n - 1]) || at[n - 1] == '\r'))
        n--;
    uint64_t numbers = (uint64_t)count_numbers(at, n);
    /* a line cut by the chunk ends with numbers, except the last field */
    return end || r->n < FUS_WORD_READER_CHUNK ? numbers < dim : numbers < 2;
}

/* The first line is read. */
static int read_word2vec(struct fus_word_load *l, struct fus_word_reader *r, uint64_t n, uint64_t dim,
                         struct fus_error *err)
{
    uint64_t n_lines;
    int code = fus_word_load_set_dim(l, r->path, dim, err);
    if (code)
        return code;
    if (looks_binary(r, dim))
        return read_binary(l, r, n, err);
    l->w->format = "word2vec text";
    code = read_lines(l, r, &n_lines, err);
    if (!code && l->n_missing && n_lines < n)
        code = fus_base_fail(err, FUS_EFORMAT, "%s: found %llu words, its first line says %llu: truncated copy?",
                             r->path, (unsigned long long)n_lines, (unsigned long long)n);
    return code;
}

int fus_word_formats_read(struct fus_word_load *l, struct fus_word_reader *r, struct fus_error *err)
{
    static const struct {
        const char *begin, *what;
        size_t n;
    } packed[] = {{"\x1f\x8b", "gzip data: unpack it first (gunzip)", 2},
                  {"PK\3\4", "a zip archive: unpack it first (unzip)", 4}};
    uint64_t n, dim;
    bool more;
    if (fus_word_reader_byte(r) >= 0)
        r->at--;
    for (size_t i = 0; i < sizeof packed / sizeof *packed; i++)
        if (r->n >= packed[i].n && memcmp(r->chunk, packed[i].begin, packed[i].n) == 0)
            return fus_base_fail(err, FUS_EUNSUPPORTED, "%s: is %s; expected word vectors", r->path, packed[i].what);
    int code = fus_word_reader_line(r, &more, err);
    if (code)
        return code;
    return parse_head(&n, &dim, r->line) ? read_word2vec(l, r, n, dim, err) : read_glove(l, r, err);
}
