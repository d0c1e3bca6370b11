/* SPDX-License-Identifier: MIT */
/* npyout.c compiled with zip64 from 150 bytes on, so that a small file has every zip64
 * field. The archive whose checksum stands here was opened with numpy.load and `unzip -t`
 * (set KEEP to keep it). */
#define ZIP64_FROM 150
#include "analysis/run/npyout.c"

#include <unistd.h>

#include "test.h"

int main(void)
{
    static const float a[2] = {1, 2}, b[40] = {3};
    const struct fus_npy_array arrays[3] = {{"a", "<f4", 1, {2}, a}, {"b", "<f4", 1, {40}, b}, {"c", "<f4", 1, {2}, a}};
    char path[512];
    size_t n = 0;
    uint8_t *data = NULL;
    const char *folder = getenv("TMPDIR");
    snprintf(path, sizeof path, "%s/fusiform-zip64-%ld.npz", folder ? folder : "/tmp", (long)getpid());
    CHECK(fus_npyout_npz(path, arrays, 3, NULL) == 0);
    CHECK(fus_base_read_file(&data, &n, path, 1 << 20, NULL) == 0);
    CHECK_MSG(n == 976 && fus_inflate_crc32(0, data, n) == 0xe72647e6u, "%zu bytes, checksum %08x", n,
              fus_inflate_crc32(0, data, n));
    fus_base_free(data);
    if (!getenv("KEEP"))
        unlink(path);
    return test_end();
}
