/* SPDX-License-Identifier: MIT */
/* Foundations that every folder shares: errors, checked sizes, memory, whole files.
 *
 * A function that can fail returns 0 (FUS_OK) or an enum fus_code and describes the failure in its
 * last argument, a struct fus_error that may be NULL. The library never prints, exits or aborts. */
#ifndef FUS_BASE_H
#define FUS_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__TINYC__)
#error "tcc has no atomics and no vector types, which this program needs: build it with gcc or clang"
#endif

#define FUS_VERSION "0.2.0"

enum fus_code {
    FUS_OK = 0,
    FUS_EINVAL,       /* an invalid argument */
    FUS_ENOMEM,       /* malloc failed, or a size does not fit size_t */
    FUS_EIO,          /* the system could not open, read, write or rename */
    FUS_EFORMAT,      /* a file breaks its own format */
    FUS_EUNSUPPORTED, /* a valid file with a feature that is left out on purpose */
    FUS_ENOTFOUND,    /* a named thing (tensor, tap, folder) does not exist */
    FUS_ELIMIT,       /* a documented limit would be passed */
    FUS_ESTOPPED      /* the user asked to stop (Ctrl-C) */
};

#define FUS_MESSAGE_BYTES 2048

struct fus_error {
    int code;         /* enum fus_code */
    long long offset; /* byte in the file, or -1 */
    char msg[FUS_MESSAGE_BYTES];
};

#if defined(__GNUC__)
#define FUS_PRINTF(f, a) __attribute__((format(printf, f, a)))
#else
#define FUS_PRINTF(f, a)
#endif

/* Fill err (NULL allowed) and return code, so that `return fus_base_fail(err, ...)` is one line.
 * The second form starts the message with "byte OFFSET: ". Messages are one line: control
 * characters and invalid UTF-8 (in a file name, for example) are escaped as in utf8.h. */
int fus_base_fail(struct fus_error *err, int code, const char *fmt, ...) FUS_PRINTF(3, 4);
int fus_base_fail_at(struct fus_error *err, int code, long long offset, const char *fmt, ...) FUS_PRINTF(4, 5);

/* Put a prefix, usually "FILE: ", before the message in err; returns err's code. */
int fus_base_blame(struct fus_error *err, const char *fmt, ...) FUS_PRINTF(2, 3);

/* *out = a*b or a+b; false on overflow. */
bool fus_base_mul(size_t *out, size_t a, size_t b);
bool fus_base_add(size_t *out, size_t a, size_t b);

/* All memory of the library comes from here, so that a test can make the n-th allocation fail.
 * alloc: n items of `size` bytes, zeroed; NULL if the product overflows or memory runs out.
 * aligned: like alloc, at a multiple of 64 bytes, NOT zeroed; in huge pages where there are any.
 * streamed: likewise, in pages of the usual size, for what is passed through once or twice:
 * clearing huge pages would cost more than they save. resize: like realloc, new part not zeroed;
 * if it returns NULL, the old block is unchanged. Every block is released with fus_base_free (NULL
 * allowed). */
void *fus_base_alloc(size_t n, size_t size);
void *fus_base_aligned(size_t n, size_t size);
void *fus_base_streamed(size_t n, size_t size);
void *fus_base_resize(void *old, size_t n, size_t size);
void fus_base_free(void *p);
/* The array, with room for item number n: its capacity doubles if *cap == n (64 at first). NULL if
 * memory is out; the old array and *cap are then unchanged. */
void *fus_base_grow(void *items, size_t *cap, size_t n, size_t size);
char *fus_base_strdup(const char *s);
bool fus_base_ends_with(const char *text, const char *end);

/* For tests: the n-th allocation from now (1 = the next) and all later ones fail; 0: none does. */
void fus_base_fail_allocation(long n);

/* Open a regular file for reading, without blocking: a pipe, device, socket or folder is an error
 * (FUS_EIO). NULL on failure. Messages do not name the path: the caller adds it with
 * fus_base_blame. */
FILE *fus_base_open(const char *path, struct fus_error *err);
/* Whether it does: there is such a file, and it may be read. */
bool fus_base_opens(const char *path);

/* The whole file in memory: *data has *n bytes and one more that is 0. FUS_ELIMIT if it is longer
 * than max_bytes; FUS_EIO if it cannot be read or is a folder. Messages do not name the path: the
 * caller adds it with fus_base_blame. */
int fus_base_read_file(uint8_t **data, size_t *n, const char *path, size_t max_bytes, struct fus_error *err);

/* Cooperative cancellation (Ctrl-C): long loops call fus_base_stopping and return FUS_ESTOPPED.
 * request may be called in a signal handler. */
void fus_base_request_stop(void);
bool fus_base_stopping(void);

/* Progress of long work on one file: `what` ("reading"), path, bytes done and in total. Does
 * nothing until a program has set the function that shows it. */
typedef void (*fus_base_progress_fn)(const char *what, const char *path, uint64_t done, uint64_t all);
void fus_base_set_progress(fus_base_progress_fn show); /* NULL: show nothing */
void fus_base_progress(const char *what, const char *path, uint64_t done, uint64_t all);

/* Peak memory of this process, in kB. */
long fus_base_peak_kb(void);

/* The number of threads (--threads). 0: one per core. Always 1 in builds without OpenMP. */
void fus_base_set_threads(int n);
int fus_base_threads(void);

#ifdef __cplusplus
}
#endif

#endif
