/* SPDX-License-Identifier: MIT */
/* Lines, words and bytes of a file of word vectors: see word_reader.h. */
#include "weights/word_reader.h"

#include <errno.h>
#include <string.h>

enum { FIRST_LINE = 1 << 12, MAX_LINE = 1 << 20, MAX_WORD = 4096 };

int fus_word_reader_byte(struct fus_word_reader *r)
{
    if (r->at == r->n) {
        r->begin += (long long)r->n;
        r->n = fread(r->chunk, 1, FUS_WORD_READER_CHUNK, r->file);
        r->at = 0;
        r->failed = ferror(r->file);
        if (r->n == 0)
            return -1;
    }
    return r->chunk[r->at++];
}

/* Room for n more bytes of the line. */
static int make_room(struct fus_word_reader *r, size_t n, struct fus_error *err)
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

int fus_word_reader_line(struct fus_word_reader *r, bool *more, struct fus_error *err)
{
    int c = fus_word_reader_byte(r), code = FUS_OK;
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
        ended = end != NULL || fus_word_reader_byte(r) < 0;
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

int fus_word_reader_word(struct fus_word_reader *r, struct fus_error *err)
{
    int c = fus_word_reader_byte(r);
    r->length = 0;
    while (c == '\n')
        c = fus_word_reader_byte(r);
    for (; c >= 0 && c != ' ' && r->length < MAX_WORD; c = fus_word_reader_byte(r)) {
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

bool fus_word_reader_bytes(struct fus_word_reader *r, uint8_t *out, size_t n)
{
    while (n > 0) {
        if (fus_word_reader_byte(r) < 0)
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

int fus_word_reader_open(struct fus_word_reader **out, const char *path, struct fus_error *err)
{
    struct fus_word_reader *r = fus_base_alloc(1, sizeof *r);
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

void fus_word_reader_close(struct fus_word_reader *r)
{
    fclose(r->file);
    fus_base_free(r->line);
    fus_base_free(r);
}

int fus_word_reader_rewind(struct fus_word_reader *r, struct fus_error *err)
{
    if (fseek(r->file, 0, SEEK_SET) != 0)
        return fus_base_fail(err, FUS_EIO, "%s: cannot be read twice: %s; expected a file, not a pipe", r->path,
                             strerror(errno));
    r->at = r->n = 0;
    r->begin = 0;
    r->number = 0;
    return FUS_OK;
}
