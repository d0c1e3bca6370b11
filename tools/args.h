/* SPDX-License-Identifier: MIT */
/* Command lines: a table of options per command. `--opt value` and `--opt=value` both work,
 * anywhere among the operands; `--` ends the options. */
#ifndef FUS_ARGS_H
#define FUS_ARGS_H

#include "nn/base/base.h"

enum fus_arg_kind {
    FUS_ARG_FLAG,   /* bool */
    FUS_ARG_TEXT,   /* const char * */
    FUS_ARG_LIST,   /* struct fus_texts with room: may be given several times */
    FUS_ARG_COUNT,  /* int >= 1 */
    FUS_ARG_SEED,   /* uint64_t */
    FUS_ARG_SHARE,  /* int [2]: 2/7 */
    FUS_ARG_REAL,   /* double in (0, 1] */
    FUS_ARG_BYTES,  /* size_t: 512M, 2G, 65536 */
    FUS_ARG_PIXELS, /* size_t: 100M = 100000000, at most FUS_IMAGE_PIXELS_LIMIT */
    FUS_ARG_CHOICE  /* struct fus_choice: one of a table's words */
};

struct fus_word {
    const char *word; /* NULL ends a table */
    int value;
};

struct fus_choice {
    const struct fus_word *words;
    int value; /* initially the default; a value that belongs to no word if the option is optional */
};

struct fus_arg {
    const char *name; /* "--out" or "-o" */
    enum fus_arg_kind kind;
    void *value;
};

struct fus_texts {
    const char **items;
    int n, room;
};

/* Fills the values and the operands, which are moved to the front of argv. 0; 2 after a message
 * (wrong usage); -1 after help was printed, which --help or -h anywhere before `--` asks for, or
 * the table, which --list-options asks for (completion in a shell: name TAB kind TAB words).
 * `--threads` and `--max-pixels` belong to every command. */
int fus_args_parse(const char *command, const char *help, const struct fus_arg *args, struct fus_texts *operands,
                   int argc, char **argv);

/* "--name=value" as fus_args_parse would read it, from the option's present value; NULL if the
 * value means "not given" (flags that are off, numbers that are 0, no text), and for lists. The
 * caller frees it; *failed: no memory. */
char *fus_args_print(const struct fus_arg *arg, bool *failed);

/* "fusiform: MESSAGE" on stderr; returns the exit status 1. usage: the same with exit status 2, and
 * a line that points to the help. */
int fus_args_failed(const struct fus_error *err);
int fus_args_usage(const char *command, const char *fmt, ...) FUS_PRINTF(2, 3);

/* A line on stderr, with control characters and bytes that are not UTF-8 escaped (text.h). */
void fus_args_tell(const char *fmt, ...) FUS_PRINTF(1, 2);

/* A width and a height such as 224x160, both from 1 to 999999. */
bool fus_args_size(int *width, int *height, const char *text);

/* The word probably meant by a mistyped one: a candidate that begins with it, or else the nearest
 * one within a few edits (a letter inserted, left out, replaced, or two neighbours exchanged).
 * NULL: none is near. candidates [n], NULLs are passed over. */
const char *fus_args_nearest(const char *word, const char *const *candidates, size_t n);

#endif
