/* SPDX-License-Identifier: MIT */
/* Arrays of moments and responses that exceed --max-memory: unnamed files, created in a
 * folder and removed by the system when the program ends. */
#ifndef FUS_SCRATCH_FILE_H
#define FUS_SCRATCH_FILE_H

#include "nn/base/base.h"

/* A file for each, since the system writes a file by one thread at a time. */
enum fus_scratch_place {
    FUS_SCRATCH_MEANS,
    FUS_SCRATCH_M2S,
    FUS_SCRATCH_M3S,
    FUS_SCRATCH_RESPONSES,
    FUS_SCRATCH_FILES
};

struct fus_scratch_file {
    const char *folder;
    bool open;
    int fd[FUS_SCRATCH_FILES];
    uint64_t size[FUS_SCRATCH_FILES]; /* bytes reserved */
};

/* An array in memory and its offset in the file. */
struct fus_scratch_array {
    enum fus_scratch_place file;
    void *bytes;
    size_t n;
    uint64_t at;
};

int fus_scratch_file_open(struct fus_scratch_file *s,
                          struct fus_error *err); /* called by transfer; does nothing if it is open */
void fus_scratch_file_close(struct fus_scratch_file *s);

/* Reserves so many bytes and returns their offset. */
uint64_t fus_scratch_file_reserve(struct fus_scratch_file *s, enum fus_scratch_place file, uint64_t bytes);

/* Writes or reads arrays [n_arrays] of one size, by all threads. */
int fus_scratch_file_transfer(struct fus_scratch_file *s, bool write, const struct fus_scratch_array *arrays,
                              int n_arrays, struct fus_error *err);

/* Transfers n bytes at offset `at` of an open file, by the calling thread; *failed: errno,
 * unchanged on success. check: FUS_EIO if any of failed [n] is set. */
void fus_scratch_file_move(int *failed, int fd, bool write, char *bytes, size_t n, uint64_t at);
int fus_scratch_file_check(const struct fus_scratch_file *s, bool write, const int *failed, int n,
                           struct fus_error *err);

#endif
