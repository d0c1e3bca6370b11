/* SPDX-License-Identifier: MIT */
/* libFuzzer target: any bytes as a zip archive: its directory, every member's place, small members
 * unpacked; then as a file of PyTorch or NumPy. */
#define _POSIX_C_SOURCE 200809L
#include "torch_files.h"
#include "weights/zip.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct fus_zip zip;
    struct fus_error err;
    struct fus_store *s = bytes_store(bytes, n);
    if (fus_zip_open(&zip, s, &err) == 0) {
        for (size_t i = 0; i < zip.n; i++) {
            uint8_t *data;
            size_t data_n;
            if (fus_zip_find(&zip, zip.entries[i].name) != &zip.entries[i])
                abort();
            if (fus_zip_read(&data, &data_n, s, &zip.entries[i], 1 << 20, &err) == 0)
                fus_base_free(data);
        }
        fus_zip_close(&zip);
    }
    fus_store_close(s);
    try_bytes(bytes, n, &err); /* and as a file of PyTorch or NumPy */
    return 0;
}
