/* SPDX-License-Identifier: MIT */
/* Private to weights: a file of word vectors read sequentially, with one line or word in memory. */
#ifndef FUS_WORD_READER_H
#define FUS_WORD_READER_H

#include <stdio.h>

#include "nn/base/base.h"

enum { FUS_WORD_READER_CHUNK = 1 << 16 };

struct fus_word_reader {
    FILE *file;
    const char *path;
    uint8_t chunk[FUS_WORD_READER_CHUNK];
    size_t at, n;    /* in the chunk */
    long long begin; /* of the chunk in the file */
    char *line;      /* ends with a 0, without its line feed */
    size_t length, room;
    long number; /* of the line, from 1 */
    bool failed; /* to read */
};

int fus_word_reader_open(struct fus_word_reader **out, const char *path, struct fus_error *err);
void fus_word_reader_close(struct fus_word_reader *r);

/* Back to the file's start. */
int fus_word_reader_rewind(struct fus_word_reader *r, struct fus_error *err);

/* -1 at the end of the file. */
int fus_word_reader_byte(struct fus_word_reader *r);

/* *more: there was a line. Spaces and carriage returns at its end are dropped. */
int fus_word_reader_line(struct fus_word_reader *r, bool *more, struct fus_error *err);

/* Reads a word that ends at a space into the line; line feeds before it are skipped. */
int fus_word_reader_word(struct fus_word_reader *r, struct fus_error *err);

/* Reads n bytes to out, or skips them if out is NULL; false if the file ends before. */
bool fus_word_reader_bytes(struct fus_word_reader *r, uint8_t *out, size_t n);

#endif
