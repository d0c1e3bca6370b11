/* Word vectors: see words.h.
 *
 *   GloVe text (Pennington, Socher & Manning 2014)    a line for each word: WORD x1 ... xD
 *   word2vec text (Mikolov et al. 2013; fastText)     the same behind a first line `N D`
 *   word2vec binary                                   `N D` and a line feed; then N times WORD,
 *                                                     a space, D floats (little-endian), and
 *                                                     perhaps a line feed
 *   .npy [N, D]                                       names: the lines of the file of the same
 *                                                     name that ends in .txt
 *
 * Words of GloVe's largest set hold spaces (". . ."), so D cannot be counted on the first
 * line, where a word such as "1 2" would be taken for numbers: it is how many numbers end
 * most of the first lines. */
#include "weights/words.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nn/base/number.h"
#include "weights/weights.h"

enum { PROBE_LINES = 64, CHUNK = 1 << 16, FIRST_LINE = 1 << 12, MAX_LINE = 1 << 20, MAX_WORD = 4096, MAX_NAMED = 8 };

/* ---- a file read from the front, with a line or a word of it in memory ---- */

struct reader {
    FILE *file;
    const char *path;
    uint8_t chunk[CHUNK];
    size_t at, n;    /* in the chunk */
    long long begin; /* of the chunk in the file */
    char *line;      /* ends with a 0, without its line feed */
    size_t length, room;
    long number; /* of the line, from 1 */
    bool failed; /* to read */
};

static int next_byte(struct reader *r)
{
    if (r->at == r->n) {
        r->begin += (long long)r->n;
        r->n = fread(r->chunk, 1, CHUNK, r->file);
        r->at = 0;
        r->failed = ferror(r->file);
        if (r->n == 0)
            return -1;
    }
    return r->chunk[r->at++];
}

/* Room for n more bytes of the line. */
static int make_room(struct reader *r, size_t n, struct fus_error *err)
{
    size_t want = r->length + n + 1, room = r->room ? r->room : FIRST_LINE;
    if (want <= r->room)
        return FUS_OK;
    if (want > MAX_LINE)
        return fus_base_fail(err, FUS_ELIMIT, "%s: line %ld: longer than %d bytes: no word vectors?", r->path,
                             r->number, MAX_LINE);
    while (room < want)
        room *= 2;
    char *line = fus_base_resize(r->line, room, 1);
    if (!line)
        return fus_base_fail(err, FUS_ENOMEM, "%s: no memory for a line of %zu bytes", r->path, want);
    r->line = line;
    r->room = room;
    return FUS_OK;
}

/* *more: there was a line. Spaces and carriage returns at its end are dropped. */
static int next_line(struct reader *r, bool *more, struct fus_error *err)
{
    int c = next_byte(r), code = FUS_OK;
    r->length = 0;
    r->number++;
    *more = c >= 0;
    if (c >= 0)
        r->at--;
    for (bool ended = c < 0; !ended && !code;) {
        uint8_t *from = r->chunk + r->at, *end = memchr(from, '\n', r->n - r->at);
        size_t n = (end ? (size_t)(end - from) : r->n - r->at);
        code = make_room(r, n, err);
        if (code)
            break;
        memcpy(r->line + r->length, from, n);
        r->length += n;
        r->at += n + (end != NULL);
        ended = end != NULL || next_byte(r) < 0;
        if (!ended)
            r->at--;
    }
    if (!code && !*more)
        code = make_room(r, 0, err);
    if (r->failed)
        return fus_base_fail(err, FUS_EIO, "%s: cannot be read: %s", r->path, strerror(errno));
    while (!code && r->length && strchr(" \t\r", r->line[r->length - 1]))
        r->length--;
    if (!code)
        r->line[r->length] = '\0';
    return code;
}

static int open_reader(struct reader **out, const char *path, struct fus_error *err)
{
    struct reader *r = fus_base_alloc(1, sizeof *r);
    if (!r)
        return fus_base_fail(err, FUS_ENOMEM, "%s: no memory to read it", path);
    r->path = path;
    r->file = fopen(path, "rb");
    if (!r->file) {
        fus_base_free(r);
        return fus_base_fail(err, errno == ENOENT ? FUS_ENOTFOUND : FUS_EIO, "%s: cannot be opened: %s", path,
                             strerror(errno));
    }
    *out = r;
    return FUS_OK;
}

static void close_reader(struct reader *r)
{
    fclose(r->file);
    fus_base_free(r->line);
    fus_base_free(r);
}

/* Back to the file's start. */
static int rewind_reader(struct reader *r, struct fus_error *err)
{
    if (fseek(r->file, 0, SEEK_SET) != 0)
        return fus_base_fail(err, FUS_EIO, "%s: cannot be read twice: %s; expected a file, not a pipe", r->path,
                             strerror(errno));
    r->at = r->n = 0;
    r->begin = 0;
    r->number = 0;
    return FUS_OK;
}

/* ---- the words that are wanted ---- */

struct wanted {
    const char *word;
    size_t index;
};

struct load {
    struct fus_words *w;
    struct wanted *wanted; /* [n] in byte order */
    size_t n, n_missing;   /* n_missing: entries that are still looked for */
};

static int by_word(const void *a, const void *b)
{
    const struct wanted *x = a, *y = b;
    int c = strcmp(x->word, y->word);
    return c ? c : (x->index > y->index) - (x->index < y->index);
}

/* < 0, 0, > 0: word [n] against a text. */
static int compare(const char *word, size_t n, const char *text)
{
    int c = strncmp(word, text, n);
    return c ? c : text[n] ? -1 : 0;
}

/* The first entry of word [n] that has no vector yet, or l->n. */
static size_t find(const struct load *l, const char *word, size_t n)
{
    size_t low = 0, high = l->n;
    if (memchr(word, 0, n))
        return l->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare(word, n, l->wanted[middle].word) > 0)
            low = middle + 1;
        else
            high = middle;
    }
    bool there = low < l->n && compare(word, n, l->wanted[low].word) == 0;
    return there && !l->w->found[l->wanted[low].index] ? low : l->n;
}

/* The vector of entry `at` was read into its first place: doubled entries get copies. */
static void spread(struct load *l, size_t at)
{
    struct fus_words *w = l->w;
    size_t from = l->wanted[at].index, dim = (size_t)w->dim;
    for (size_t k = at; k < l->n && strcmp(l->wanted[k].word, l->wanted[at].word) == 0; k++) {
        size_t to = l->wanted[k].index;
        if (to != from)
            memcpy(w->vectors + to * dim, w->vectors + from * dim, dim * sizeof *w->vectors);
        w->found[to] = true;
        w->n_found++;
        l->n_missing--;
    }
}

static float *vector_of(const struct load *l, size_t at)
{
    return l->w->vectors + l->wanted[at].index * (size_t)l->w->dim;
}

/* Room for the vectors, once the dimension is known. */
static int set_dim(struct load *l, const char *path, uint64_t dim, struct fus_error *err)
{
    size_t n;
    if (dim < 1 || dim > FUS_WORDS_MAX_DIM)
        return fus_base_fail(err, FUS_ELIMIT, "%s: vectors of %llu dimensions; expected 1 to %d", path,
                             (unsigned long long)dim, FUS_WORDS_MAX_DIM);
    l->w->dim = (int)dim;
    l->w->vectors = fus_base_mul(&n, l->n, (size_t)dim) ? fus_base_alloc(n + 1, sizeof *l->w->vectors) : NULL;
    return l->w->vectors
               ? FUS_OK
               : fus_base_fail(err, FUS_ENOMEM, "%s: no memory for %zu vectors of %d numbers", path, l->n, (int)dim);
}

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

/* Where the last dim parts of a line begin; *n_word: the length of what stands before them, 0:
 * there are too few. */
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

static int fail_numbers(const struct reader *r, int dim, struct fus_error *err)
{
    return fus_base_fail(err, FUS_EFORMAT,
                         "%s: line %ld: found %d numbers at its end, expected a word and %d: truncated copy?", r->path,
                         r->number, count_numbers(r->line, r->length), dim);
}

/* The line's numbers into the vector of entry `at`. */
static int take_numbers(struct load *l, const struct reader *r, size_t from, size_t at, struct fus_error *err)
{
    float *to = vector_of(l, at);
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
    spread(l, at);
    return FUS_OK;
}

static int take_line(struct load *l, const struct reader *r, struct fus_error *err)
{
    size_t n_word, from = find_numbers(&n_word, r->line, r->length, l->w->dim);
    if (n_word == 0)
        return fail_numbers(r, l->w->dim, err);
    size_t at = find(l, r->line, n_word);
    return at < l->n ? take_numbers(l, r, from, at, err) : FUS_OK;
}

/* Until nothing is missing, or the file ends. *n_lines: lines read that are not empty. */
static int read_lines(struct load *l, struct reader *r, uint64_t *n_lines, struct fus_error *err)
{
    bool more = true;
    int code = FUS_OK;
    *n_lines = 0;
    while (l->n_missing && !code) {
        code = fus_base_stopping() ? fus_base_fail(err, FUS_ESTOPPED, "stopped") : next_line(r, &more, err);
        if (!code && !more)
            break;
        if (!code && r->length) {
            code = take_line(l, r, err);
            ++*n_lines;
        }
    }
    return code;
}

/* The value that is there most often; of several the smallest. */
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

/* How many numbers end most of the first lines. */
static int probe_dim(int *dim, struct reader *r, struct fus_error *err)
{
    bool more = true;
    int counts[PROBE_LINES], n = 0, code = FUS_OK;
    for (int i = 0; i < PROBE_LINES && more && !code; i++) {
        code = next_line(r, &more, err);
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
    return code ? code : rewind_reader(r, err);
}

static int read_glove(struct load *l, struct reader *r, struct fus_error *err)
{
    uint64_t n_lines;
    int dim, code = rewind_reader(r, err);
    l->w->format = "GloVe text";
    if (!code)
        code = probe_dim(&dim, r, err);
    if (!code)
        code = set_dim(l, r->path, (uint64_t)dim, err);
    return code ? code : read_lines(l, r, &n_lines, err);
}

/* ---- word2vec ---- */

/* The word behind which a space stands, into the line; line feeds before it are passed over. */
static int next_word(struct reader *r, struct fus_error *err)
{
    int c = next_byte(r);
    r->length = 0;
    while (c == '\n')
        c = next_byte(r);
    for (; c >= 0 && c != ' ' && r->length < MAX_WORD; c = next_byte(r)) {
        int code = make_room(r, 1, err);
        if (code)
            return code;
        r->line[r->length++] = (char)c;
    }
    if (c == ' ')
        return FUS_OK;
    return fus_base_fail_at(err, FUS_EFORMAT, r->begin + (long long)r->at, "%s",
                            c < 0 ? "the file ends within a word: truncated copy?"
                                  : "a word of more than 4096 bytes: no word2vec file?");
}

/* n bytes to out, or passed over where out is NULL; false where the file ends before. */
static bool take_bytes(struct reader *r, uint8_t *out, size_t n)
{
    while (n > 0) {
        if (next_byte(r) < 0)
            return false;
        r->at--;
        size_t here = r->n - r->at < n ? r->n - r->at : n;
        if (out) {
            memcpy(out, r->chunk + r->at, here);
            out += here;
        }
        r->at += here;
        n -= here;
    }
    return true;
}

static float little_float(const uint8_t *b)
{
    uint32_t bits = (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* raw [4 * dim]: scratch. */
static int take_binary(struct load *l, struct reader *r, uint8_t *raw, struct fus_error *err)
{
    size_t dim = (size_t)l->w->dim;
    int code = next_word(r, err);
    if (code)
        return code;
    size_t at = find(l, r->line, r->length);
    if (!take_bytes(r, at < l->n ? raw : NULL, 4 * dim))
        return fus_base_fail_at(err, FUS_EFORMAT, r->begin + (long long)r->at,
                                "the file ends within a vector of %zu numbers: truncated copy?", dim);
    for (size_t i = 0; i < dim && at < l->n; i++) {
        float x = little_float(raw + 4 * i);
        if (!isfinite(x))
            return fus_base_fail_at(err, FUS_EFORMAT, r->begin + (long long)r->at,
                                    "number %zu of a vector is not finite", i + 1);
        vector_of(l, at)[i] = x;
    }
    if (at < l->n)
        spread(l, at);
    return FUS_OK;
}

static int read_binary(struct load *l, struct reader *r, uint64_t n_words, struct fus_error *err)
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

/* Whether what follows is no line that ends with dim numbers. Looks, and reads nothing. */
static bool looks_binary(struct reader *r, uint64_t dim)
{
    if (next_byte(r) < 0)
        return false;
    r->at--;
    const char *at = (const char *)r->chunk + r->at, *end = memchr(at, '\n', r->n - r->at);
    size_t n = end ? (size_t)(end - at) : r->n - r->at;
    while (n > 0 && (is_space(at[n - 1]) || at[n - 1] == '\r'))
        n--;
    uint64_t numbers = (uint64_t)count_numbers(at, n);
    /* a line that the chunk cuts ends with numbers, the last aside */
    return end || r->n < CHUNK ? numbers < dim : numbers < 2;
}

/* The first line is read. */
static int read_word2vec(struct load *l, struct reader *r, uint64_t n, uint64_t dim, struct fus_error *err)
{
    uint64_t n_lines;
    int code = set_dim(l, r->path, dim, err);
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

static int read_any(struct load *l, struct reader *r, struct fus_error *err)
{
    static const struct {
        const char *begin, *what;
        size_t n;
    } packed[] = {{"\x1f\x8b", "gzip data: unpack it first (gunzip)", 2},
                  {"PK\3\4", "a zip archive: unpack it first (unzip)", 4}};
    uint64_t n, dim;
    bool more;
    if (next_byte(r) >= 0)
        r->at--;
    for (size_t i = 0; i < sizeof packed / sizeof *packed; i++)
        if (r->n >= packed[i].n && memcmp(r->chunk, packed[i].begin, packed[i].n) == 0)
            return fus_base_fail(err, FUS_EUNSUPPORTED, "%s: is %s; expected word vectors", r->path, packed[i].what);
    int code = next_line(r, &more, err);
    if (code)
        return code;
    return parse_head(&n, &dim, r->line) ? read_word2vec(l, r, n, dim, err) : read_glove(l, r, err);
}

/* ---- .npy with names ---- */

/* The tensor of `store` that is a table [N, D], or NULL after a message. */
static const struct fus_tensor *find_table(struct fus_store *store, const char *path, struct fus_error *err)
{
    const struct fus_tensor *t = fus_store_count(store) == 1 ? fus_store_tensor(store, 0) : NULL;
    if (t && t->n_dims == 2)
        return t;
    fus_base_fail(err, FUS_EFORMAT, "%s: expected one array [names, dimensions]", path);
    return NULL;
}

/* Row `row` into the vector of entry `at`. */
static int take_row(struct load *l, struct fus_store *store, const struct fus_tensor *t, uint64_t row, size_t at,
                    struct fus_error *err)
{
    struct fus_tensor one = *t;
    one.shape[0] = 1;
    one.n_elements = (size_t)l->w->dim;
    one.offset += row * (uint64_t)t->stride[0] * fus_dtype_bytes(t->dtype);
    int code = fus_store_read_f32(store, vector_of(l, at), &one, err);
    for (int i = 0; i < l->w->dim && !code; i++)
        if (!isfinite(vector_of(l, at)[i]))
            code = fus_base_fail(err, FUS_EFORMAT, "%s: row %llu: number %d is not finite", fus_store_path(store),
                                 (unsigned long long)row, i + 1);
    if (!code)
        spread(l, at);
    return code;
}

/* Each name's row, where it is wanted; there must be as many names as rows. */
static int read_rows(struct load *l, struct reader *names, struct fus_store *store, const struct fus_tensor *t,
                     struct fus_error *err)
{
    bool more = true;
    uint64_t row = 0;
    int code = FUS_OK;
    while (!code) {
        code = next_line(names, &more, err);
        if (code || !more)
            break;
        size_t at = find(l, names->line, names->length);
        if (at < l->n && row < (uint64_t)t->shape[0])
            code = take_row(l, store, t, row, at, err);
        row++;
    }
    if (!code && row != (uint64_t)t->shape[0])
        code = fus_base_fail(err, FUS_EFORMAT, "%s: found %llu names, expected one for each of the %lld rows of %s",
                             names->path, (unsigned long long)row, (long long)t->shape[0], fus_store_path(store));
    return code;
}

static int read_npy(struct load *l, const char *path, struct fus_error *err)
{
    struct fus_store *store = NULL;
    struct reader *names = NULL;
    size_t n = strlen(path);
    char *text = fus_base_strdup(path);
    int code =
        text ? fus_open_weights(&store, path, err) : fus_base_fail(err, FUS_ENOMEM, "%s: no memory for a path", path);
    const struct fus_tensor *t = code ? NULL : find_table(store, path, err);
    code = code || t ? code : FUS_EFORMAT;
    l->w->format = "npy";
    if (!code) {
        memcpy(text + n - 4, ".txt", 4);
        code = set_dim(l, path, (uint64_t)t->shape[1], err);
    }
    if (!code)
        code = open_reader(&names, text, err);
    if (!code)
        code = read_rows(l, names, store, t, err);
    if (names)
        close_reader(names);
    fus_store_close(store);
    fus_base_free(text);
    return code;
}

/* ---- all of it ---- */

static int read_path(struct load *l, const char *path, struct fus_error *err)
{
    struct reader *r;
    size_t n = strlen(path);
    if (n > 4 && strcmp(path + n - 4, ".npy") == 0)
        return read_npy(l, path, err);
    int code = open_reader(&r, path, err);
    if (code)
        return code;
    code = read_any(l, r, err);
    close_reader(r);
    return code;
}

int fus_words_read(struct fus_words *w, const char *path, const char *const *wanted, size_t n, struct fus_error *err)
{
    struct fus_words made = {.n = n, .found = fus_base_alloc(n + 1, sizeof *made.found)};
    struct load l = {&made, fus_base_alloc(n + 1, sizeof *l.wanted), n, n};
    int code = made.found && l.wanted ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "%s: no memory for %zu words", path, n);
    for (size_t i = 0; i < n && !code; i++)
        l.wanted[i] = (struct wanted){wanted[i], i};
    if (!code) {
        qsort(l.wanted, n, sizeof *l.wanted, by_word);
        code = read_path(&l, path, err);
    }
    fus_base_free(l.wanted);
    if (code)
        fus_words_free(&made);
    else
        *w = made;
    return code;
}

void fus_words_free(struct fus_words *w)
{
    fus_base_free(w->vectors);
    fus_base_free(w->found);
    memset(w, 0, sizeof *w);
}

int fus_words_check(const struct fus_words *w, const char *path, const char *const *wanted, double most_percent,
                    struct fus_error *err)
{
    size_t missing = w->n - w->n_found;
    double percent = w->n ? 100.0 * (double)missing / (double)w->n : 0;
    char names[600] = "";
    int n_named = 0;
    if (percent <= most_percent)
        return FUS_OK;
    for (size_t i = 0; i < w->n && n_named < MAX_NAMED; i++) {
        size_t n = strlen(names);
        if (!w->found[i])
            snprintf(names + n, sizeof names - n, "%s%.60s", n_named++ ? ", " : "", wanted[i]);
    }
    return fus_base_fail(err, FUS_ENOTFOUND, "%s: %zu of %zu words have no vector (%.1f %%, at most %.0f %% may): %s%s",
                         path, missing, w->n, percent, most_percent, names, missing > MAX_NAMED ? ", ..." : "");
}

/* Coordinate i of the weighted sum of a text's words. */
static double sum_words(const struct fus_words *w, const int *words, size_t n, const double *weight, size_t i)
{
    double sum = 0;
    for (size_t k = 0; k < n; k++)
        if (w->found[words[k]])
            sum = fma(weight ? weight[words[k]] : 1, w->vectors[(size_t)words[k] * (size_t)w->dim + i], sum);
    return sum;
}

bool fus_words_mean(float *out, const struct fus_words *w, const int *words, size_t n, const double *weight)
{
    double squares = 0;
    for (size_t i = 0; i < (size_t)w->dim; i++) {
        double x = sum_words(w, words, n, weight, i);
        squares = fma(x, x, squares);
    }
    for (size_t i = 0; i < (size_t)w->dim; i++)
        out[i] = squares > 0 ? (float)(sum_words(w, words, n, weight, i) / sqrt(squares)) : 0;
    return squares > 0;
}
