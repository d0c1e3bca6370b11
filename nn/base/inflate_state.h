/* SPDX-License-Identifier: MIT */
/* Private to nn/base: the state of a decompression, shared by inflate.c and inflate_stream.c. */
#ifndef FUS_INFLATE_STATE_H
#define FUS_INFLATE_STATE_H

#include "nn/base/inflate.h"

enum { ROOT_BITS = 10, MAX_BITS = 15, N_LITLEN = 288, N_DIST = 32, N_CODELEN = 19 };

/* Streams: bytes of input buffered, of them kept before the current one; the farthest copy and the
 * longest (RFC 1951), and the window of output. */
enum { IN_BYTES = 65536, KEPT = 16, FARTHEST = 32768, LONGEST = 258, WINDOW = 4 * FARTHEST };

struct fus_inflate_code {
    uint32_t root[1 << ROOT_BITS]; /* by the next ROOT_BITS bits; 0 if the code is longer or does not exist */
    uint32_t sorted[N_LITLEN];     /* entries in canonical order */
    uint16_t count[MAX_BITS + 1];  /* number of codes of each length */
};

/* What comes next in the data. */
enum fus_inflate_mode { MODE_BLOCK, MODE_STORED, MODE_CODES, MODE_ENDED };

struct fus_inflate_state {
    const uint8_t *in;
    size_t in_n, in_pos;
    uint64_t bits; /* the next bits, least significant first */
    int count;     /* how many of them; negative: that many were used past the end */
    uint8_t *out;
    size_t out_n, out_pos;
    size_t pause; /* decoding stops between symbols when this much output is there */
    enum fus_inflate_mode mode;
    bool last;     /* the current block is the last one */
    size_t stored; /* bytes left of a stored block */
    struct fus_inflate_code litlen, dist;
    struct fus_error *err;
    /* Streams alone: `in` is their buffer. */
    fus_inflate_fill fill;
    void *context;
    uint8_t *buffer;
    uint64_t base; /* bytes of the input before the buffer */
    bool filled;   /* there is no more input */
    int fill_code; /* failure of fill */
};

/* Offset in `in` of the byte that holds the next unread bit. */
size_t fus_inflate_position(const struct fus_inflate_state *s);
/* Fills a stream's buffer. The bytes that `bits` may hold stay before in_pos. */
void fus_inflate_more_input(struct fus_inflate_state *s);
/* Decodes until the stream ends or `pause` is reached. */
int fus_inflate_on(struct fus_inflate_state *s);

#endif
