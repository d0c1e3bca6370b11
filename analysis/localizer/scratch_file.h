/* Arrays of moments and responses that exceed --max-memory: two files without names, made in a
 * folder, gone with the program. */
#ifndef FUS_SCRATCH_FILE_H
#define FUS_SCRATCH_FILE_H

#include "nn/base/base.h"

/* One file for means and responses, one for m2, since a file is written by one thread at a time. */
enum fus_scratch_place { FUS_SCRATCH_MEANS, FUS_SCRATCH_M2S, FUS_SCRATCH_FILES };

struct fus_scratch_file {
    const char *folder;
    bool open;
    int fd[FUS_SCRATCH_FILES];
    uint64_t size[FUS_SCRATCH_FILES]; /* bytes reserved */
};

/* An array in memory and where it lies in the file. */
struct fus_scratch_array {
    enum fus_scratch_place file;
    void *bytes;
    size_t n;
    uint64_t at;
};

int fus_scratch_file_open(struct fus_scratch_file *s,
                          struct fus_error *err); /* done by transfer; nothing where it is open */
void fus_scratch_file_close(struct fus_scratch_file *s);

/* Where an array of so many bytes will lie. */
uint64_t fus_scratch_file_reserve(struct fus_scratch_file *s, enum fus_scratch_place file, uint64_t bytes);

/* Arrays [n_arrays] of one size, written or read by all threads. */
int fus_scratch_file_transfer(struct fus_scratch_file *s, bool write, const struct fus_scratch_array *arrays,
                              int n_arrays, struct fus_error *err);

/* n bytes to or from place `at` of an open file, by the calling thread; *failed: errno, else left
 * alone. check: FUS_EIO where any of failed [n] is set. */
void fus_scratch_file_move(int *failed, int fd, bool write, char *bytes, size_t n, uint64_t at);
int fus_scratch_file_check(const struct fus_scratch_file *s, bool write, const int *failed, int n,
                           struct fus_error *err);

#endif
