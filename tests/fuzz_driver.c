/* SPDX-License-Identifier: MIT */
/* A main() for fuzz targets where no libFuzzer is: runs the target over files, then
 * over mutations of them.
 *
 * usage: fuzz_NAME [-s SECONDS] [-r SEED] FILE...      (default: 10 seconds, seed 1)
 * The input being tried is kept in fuzz-input.tmp-PID when the target crashes: the driver writes
 * it before it dies. */
#define _POSIX_C_SOURCE 200809L
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { MAX_BYTES = 1 << 16 };

static uint8_t *current;
static size_t current_n;
static char crash_path[64];

static void on_crash(int sig)
{
    FILE *f = fopen(crash_path, "wb"); /* not allowed in a handler, but there is nothing left to lose */
    if (f) {
        fwrite(current, 1, current_n, f);
        fclose(f);
        fprintf(stderr, "the input is in %s\n", crash_path);
    }
    signal(sig, SIG_DFL);
    raise(sig);
}

static uint64_t state = 1;

static uint32_t draw(uint32_t n)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((state >> 33) % n);
}

/* The target sees memory of exactly n bytes, so that a sanitizer sees its end. */
static void try_input(const uint8_t *data, size_t n)
{
    current = malloc(n ? n : 1);
    current_n = n;
    memcpy(current, data, n);
    LLVMFuzzerTestOneInput(current, n);
    free(current);
}

static size_t mutate(uint8_t *data, size_t n, const uint8_t *other, size_t other_n)
{
    static const uint8_t interesting[] = {0, 1, 0x7f, 0x80, 0xff, 0xfe, 0x10, 0x20, 0xd9, 0xda};
    for (uint32_t i = 0, times = 1 + draw(6); i < times && n; i++) {
        size_t at = draw((uint32_t)n), length = 1 + draw((uint32_t)(n - at < 32 ? n - at : 32));
        switch (draw(7)) {
        case 0:
            data[at] ^= (uint8_t)(1u << draw(8));
            break;
        case 1:
            data[at] = (uint8_t)draw(256);
            break;
        case 2:
            data[at] = interesting[draw(sizeof interesting)];
            break;
        case 3: /* leave out */
            memmove(data + at, data + at + length, n - at - length);
            n -= length;
            break;
        case 4: /* repeat */
            if (n + length <= MAX_BYTES) {
                memmove(data + at + length, data + at, n - at);
                n += length;
            }
            break;
        case 5: /* cut */
            n = at;
            break;
        default: /* a piece of another file */
            if (other_n) {
                size_t from = draw((uint32_t)other_n), most = other_n - from < n - at ? other_n - from : n - at;
                memcpy(data + at, other + from, most < length ? most : length);
            }
        }
    }
    return n;
}

int main(int argc, char **argv)
{
    double seconds = 10;
    int opt;
    while ((opt = getopt(argc, argv, "s:r:")) != -1) {
        if (opt == 's')
            seconds = atof(optarg);
        else if (opt == 'r')
            state = (uint64_t)atoll(optarg);
        else
            return 2;
    }
    int n_files = 0;
    uint8_t **files = calloc((size_t)argc + 1, sizeof *files), *data = malloc(MAX_BYTES);
    size_t *sizes = calloc((size_t)argc + 1, sizeof *sizes);
    snprintf(crash_path, sizeof crash_path, "fuzz-input.tmp-%ld", (long)getpid());
    signal(SIGSEGV, on_crash);
    signal(SIGABRT, on_crash);
    signal(SIGFPE, on_crash);
    for (int i = optind; i < argc; i++) {
        FILE *f = fopen(argv[i], "rb");
        if (!f) {
            fprintf(stderr, "%s: cannot be opened\n", argv[i]);
            return 1;
        }
        files[n_files] = malloc(MAX_BYTES);
        sizes[n_files] = fread(files[n_files], 1, MAX_BYTES, f);
        fclose(f);
        try_input(files[n_files], sizes[n_files]);
        n_files++;
    }
    if (!n_files)
        files[n_files++] = calloc(1, 1);
    long runs = 0;
    for (time_t start = time(NULL); difftime(time(NULL), start) < seconds; runs++) {
        uint32_t a = draw((uint32_t)n_files), b = draw((uint32_t)n_files);
        memcpy(data, files[a], sizes[a]);
        try_input(data, mutate(data, sizes[a], files[b], sizes[b]));
    }
    printf("%d files and %ld mutations: no failure\n", n_files, runs);
    return 0;
}
