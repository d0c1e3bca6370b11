/* SPDX-License-Identifier: MIT */
/* libFuzzer target: any bytes as a pickle, as data.pkl of a zip with one storage and as a
 * legacy or tar file. */
#define _POSIX_C_SOURCE 200809L
#include "torch_files.h"
#include "weights/pickle.h"
#include "zip_builder.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void as_zip(const uint8_t *bytes, size_t n, bool torchscript)
{
    static const uint8_t storage[64];
    struct fus_error err;
    struct zip_file files[] = {{.name = "a/data.pkl", .data = bytes, .n = n, .no_checksum = true},
                               {.name = "a/data/0", .data = storage, .n = sizeof storage},
                               {.name = "a/constants.pkl", .data = "N.", .n = 2},
                               {.name = "a/code/x.py", .data = "", .n = 0}};
    uint8_t *zip = malloc(n + 2048);
    try_bytes(zip, zip_build(zip, files, torchscript ? 4 : 2, "", false), &err);
    free(zip);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct fus_pickle pickle;
    struct fus_error err;
    fus_pickle_load(&pickle, bytes, n, 0, true, &err);
    fus_pickle_free(&pickle);
    as_zip(bytes, n, false);
    as_zip(bytes, n, true);
    try_bytes(bytes, n, &err);
    return 0;
}
