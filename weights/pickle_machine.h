/* SPDX-License-Identifier: MIT */
/* Private to pickle_*.c: the stack machine that runs a pickle, without its opcodes. */
#ifndef FUS_PICKLE_MACHINE_H
#define FUS_PICKLE_MACHINE_H

#include "nn/base/bytes.h"
#include "weights/pickle.h"

/* Limits. A tensor takes about 200 bytes of pickle and 700 bytes of values; a
 * ResNet-152 has 932. */
/* TorchScript puts whole lists on the stack; Python's pickler 1000 items */
#define FUS_MACHINE_MAX_STACK ((size_t)1 << 19)
/* Python's pickler nests less than its recursion limit, 1000 */
#define FUS_MACHINE_MAX_MARKS 1000
#define FUS_MACHINE_MAX_MEMO ((size_t)1 << 20) /* 10 for each of FUS_MAX_TENSORS */
/* of a number or name in text: names of Python have < 200 characters */
#define FUS_MACHINE_MAX_LINE 4096

struct fus_pickle_machine {
    struct fus_pickle *out;
    struct fus_bytes in;
    long long base;
    size_t at; /* of the current opcode */
    bool torchscript, stopped;
    int failure; /* code of an allocation that failed */
    struct fus_error *err;
    struct fus_pickle_value **stack, **memo;
    size_t depth, cap_stack, n_memo, cap_memo; /* n_memo counts entries, cap_memo slots */
    size_t n_marks, marks[FUS_MACHINE_MAX_MARKS];
    /* integers of one byte, shared: sizes and strides are mostly these */
    struct fus_pickle_value *small[256];
    struct fus_pickle_value *none, *truth[2];
};

/* Fill the machine's error at its current opcode; gives the code. */
#define FAIL(m, code, ...) fus_base_fail_at((m)->err, code, (m)->base + (long long)(m)->at, __VA_ARGS__)

/* n zeroed bytes that live as long as the pickle. On failure NULL; the error is filled and its
 * code is in m->failure. */
void *fus_pickle_machine_allocate(struct fus_pickle_machine *m, size_t n);
struct fus_pickle_value *fus_pickle_machine_make(struct fus_pickle_machine *m, enum fus_pickle_kind kind);

/* Room for n entries in an array of pointers, which doubles; new entries are NULL. */
int fus_pickle_machine_reserve(struct fus_pickle_machine *m, struct fus_pickle_value ***array, size_t *cap, size_t n);

/* Push a value. If v is NULL (fus_pickle_machine_make failed), returns the code of that failure.
 * None, booleans and integers from 0 to 255 are shared. */
int fus_pickle_machine_push(struct fus_pickle_machine *m, struct fus_pickle_value *v);
int fus_pickle_machine_push_integer(struct fus_pickle_machine *m, enum fus_pickle_kind kind, int64_t integer);
int fus_pickle_machine_push_text(struct fus_pickle_machine *m, enum fus_pickle_kind kind, const uint8_t *bytes,
                                 size_t n);

/* Entries above the last mark. need: an error if there are fewer than n. */
size_t fus_pickle_machine_available(const struct fus_pickle_machine *m);
int fus_pickle_machine_need(struct fus_pickle_machine *m, size_t n);

/* Pop the last mark and the values above it, which stay readable until the next push. At least
 * `below` values must be under the mark. */
int fus_pickle_machine_take_marked(struct fus_pickle_machine *m, struct fus_pickle_value ***items, size_t *n,
                                   size_t below);

/* A line that ends at a newline, without it. *line is NULL if the bytes end first: the machine's
 * loop finds the overrun. FUS_ELIMIT past max bytes. */
int fus_pickle_machine_take_line(struct fus_pickle_machine *m, const uint8_t **line, size_t *n, size_t max);
int fus_pickle_machine_append(struct fus_pickle_machine *m, struct fus_pickle_items *items,
                              struct fus_pickle_value *const *values, size_t n);
/* A tuple of the n values, with room for one more. */
struct fus_pickle_value *fus_pickle_machine_make_tuple(struct fus_pickle_machine *m,
                                                       struct fus_pickle_value *const *values, size_t n);

#endif
