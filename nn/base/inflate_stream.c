/* SPDX-License-Identifier: MIT */
/* DEFLATE through a window: see inflate.h. Decoding pauses between two symbols when the window is
 * full, and goes on when its last 32 kB have moved to its beginning. */
#include "nn/base/inflate_state.h"

#include <string.h>

size_t fus_inflate_position(const struct fus_inflate_state *s)
{
    size_t ahead = s->count > 0 ? (size_t)s->count / 8 : 0;
    return s->in_pos - (ahead < s->in_pos ? ahead : s->in_pos);
}

void fus_inflate_more_input(struct fus_inflate_state *s)
{
    if (!s->fill || s->filled)
        return;
    size_t from = s->in_pos > KEPT ? s->in_pos - KEPT : 0;
    memmove(s->buffer, s->buffer + from, s->in_n - from);
    s->base += from;
    s->in_n -= from;
    s->in_pos -= from;
    while (s->in_n - s->in_pos < 8 && !s->filled) {
        size_t n = 0;
        s->fill_code = s->fill(s->context, s->buffer + s->in_n, IN_BYTES - s->in_n, &n, s->err);
        s->filled = s->fill_code || n == 0;
        s->in_n += s->filled ? 0 : n;
    }
}

struct fus_inflate_stream {
    struct fus_inflate_state s;
    size_t given; /* bytes of the window that the caller has */
    uint8_t in[IN_BYTES], window[WINDOW];
};

int fus_inflate_stream_open(struct fus_inflate_stream **stream, fus_inflate_fill fill, void *context,
                            struct fus_error *err)
{
    struct fus_inflate_stream *t = fus_base_alloc(1, sizeof *t);
    if (!t)
        return fus_base_fail(err, FUS_ENOMEM, "no memory to unpack");
    t->s.in = t->s.buffer = t->in;
    t->s.out = t->window;
    t->s.out_n = WINDOW;
    t->s.pause = WINDOW - LONGEST;
    t->s.fill = fill;
    t->s.context = context;
    *stream = t;
    return FUS_OK;
}

void fus_inflate_stream_close(struct fus_inflate_stream *stream)
{
    fus_base_free(stream);
}

uint64_t fus_inflate_stream_position(const struct fus_inflate_stream *stream)
{
    return stream->s.base + fus_inflate_position(&stream->s);
}

int fus_inflate_stream_raw(struct fus_inflate_stream *stream, uint8_t *bytes, size_t n, size_t *got,
                           struct fus_error *err)
{
    struct fus_inflate_state *s = &stream->s;
    s->err = err;
    s->in_pos = fus_inflate_position(s);
    s->bits = 0;
    s->count = 0;
    for (*got = 0; *got < n;) {
        if (s->in_pos == s->in_n)
            fus_inflate_more_input(s);
        size_t ready = s->in_n - s->in_pos, part = n - *got < ready ? n - *got : ready;
        if (!ready)
            return s->fill_code;
        memcpy(bytes + *got, s->in + s->in_pos, part);
        s->in_pos += part;
        *got += part;
    }
    return FUS_OK;
}

void fus_inflate_stream_begin(struct fus_inflate_stream *stream)
{
    stream->s.mode = MODE_BLOCK;
    stream->s.last = false;
    stream->s.out_pos = stream->given = 0;
}

int fus_inflate_stream_read(struct fus_inflate_stream *stream, uint8_t *out, size_t n, size_t *got,
                            struct fus_error *err)
{
    struct fus_inflate_state *s = &stream->s;
    s->err = err;
    *got = 0;
    for (;;) {
        size_t ready = s->out_pos - stream->given, part = n - *got < ready ? n - *got : ready;
        if (part)
            memcpy(out + *got, s->out + stream->given, part);
        stream->given += part;
        *got += part;
        if (*got == n)
            return FUS_OK;
        if (s->out_pos >= s->pause) { /* all of the window is given: its end moves to its beginning */
            memmove(s->out, s->out + s->out_pos - FARTHEST, FARTHEST);
            s->out_pos = stream->given = FARTHEST;
        }
        if (s->mode == MODE_ENDED)
            return FUS_OK;
        int code = fus_inflate_on(s);
        if (code)
            return code;
    }
}
