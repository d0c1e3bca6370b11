/* SPDX-License-Identifier: MIT */
/* Fuzz target: any bytes as a CSV table are read line by line, by every column, or
 * end in a message. */
#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include "analysis/run/csv_read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static char path[64];

static void remove_file(void)
{
    unlink(path);
}

static void write_file(const uint8_t *bytes, size_t n)
{
    if (!*path) {
        snprintf(path, sizeof path, "/tmp/fusiform-fuzz-%ld.csv", (long)getpid());
        atexit(remove_file);
    }
    FILE *f = fopen(path, "wb");
    if (!f || (n && fwrite(bytes, 1, n, f) != n) || fclose(f))
        abort();
}

/* Each column in the way its number says: as a text, a number, a count. */
static void read_line(struct fus_csv_read *t)
{
    for (int i = 0; i < t->n_columns; i++) {
        int column = fus_csv_read_column(t, t->names[i]); /* the first of that name */
        if (column > i || !fus_csv_read_text(t, column))
            abort();
        if (i % 3 == 1 && isinf(fus_csv_read_number(t, column)))
            abort();
        long count = i % 3 == 2 ? fus_csv_read_count(t, column, 1000) : 0;
        if (count < 0 || count > 1000)
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct fus_csv_read t;
    struct fus_error err = {0, -1, ""};
    write_file(data, n);
    if (fus_csv_read_open(&t, path, &err))
        abort();
    for (long lines = 0; fus_csv_read_next(&t); lines++) {
        if (lines > (long)n)
            abort();
        read_line(&t);
    }
    if (fus_csv_read_close(&t, &err) && !err.msg[0])
        abort();
    return 0;
}
