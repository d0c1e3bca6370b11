/* libFuzzer target: any bytes as a pickle, as data.pkl of a zip with one storage and as a legacy or tar file. */
#define _POSIX_C_SOURCE 200809L
#include "nn/inflate.h"
#include "torch_files.h"
#include "weights/pickle.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void put(uint8_t **to, uint64_t v, int n_bytes)
{
    for (int i = 0; i < n_bytes; i++)
        *(*to)++ = (uint8_t)(v >> 8 * i);
}

/* A local header with its data, and the same member's entry of the directory. */
static void put_member(uint8_t **to, uint8_t **directory, const uint8_t *start, const char *name, const uint8_t *data, size_t n)
{
    size_t at = (size_t)(*to - start);
    put(to, 0x04034b50, 4);
    put(to, 0, 22);
    put(to, strlen(name), 4);
    memcpy(*to, name, strlen(name));
    *to += strlen(name);
    memcpy(*to, data, n);
    *to += n;
    put(directory, 0x02014b50, 4);
    put(directory, 0, 12);
    put(directory, 0, 4); /* checksum unknown */
    put(directory, n, 4);
    put(directory, n, 4);
    put(directory, strlen(name), 2);
    put(directory, 0, 12);
    put(directory, at, 4);
    memcpy(*directory, name, strlen(name));
    *directory += strlen(name);
}

static void as_zip(const uint8_t *bytes, size_t n, bool torchscript)
{
    static const uint8_t storage[64];
    struct fus_error err;
    uint8_t *zip = malloc(n + 2048), *to = zip, directory[1024], *end = directory;
    put_member(&to, &end, zip, "a/data.pkl", bytes, n);
    put_member(&to, &end, zip, "a/data/0", storage, sizeof storage);
    if (torchscript) {
        put_member(&to, &end, zip, "a/constants.pkl", storage, 1);
        put_member(&to, &end, zip, "a/code/x.py", storage, 1);
    }
    size_t at = (size_t)(to - zip), directory_n = (size_t)(end - directory);
    memcpy(to, directory, directory_n);
    to += directory_n;
    put(&to, 0x06054b50, 4);
    put(&to, 0, 4);
    put(&to, torchscript ? 4 : 2, 2);
    put(&to, torchscript ? 4 : 2, 2);
    put(&to, directory_n, 4);
    put(&to, at, 4);
    put(&to, 0, 2);
    try_bytes(zip, (size_t)(to - zip), &err);
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
