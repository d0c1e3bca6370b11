/* SPDX-License-Identifier: MIT */
/* gunzip.c: files packed in every way that gzip allows, plain ones, and damage. The packed ones are
 * of volume.py. */
#include "weights/gunzip.h"

#include "nn/base/inflate.h"
#include "test.h"

static uint8_t *slurp(const char *path, size_t *n)
{
    uint8_t *data = NULL;
    CHECK_MSG(fus_base_read_file(&data, n, path, 1 << 20, NULL) == 0, "%s", path);
    return data;
}

/* All bytes in pieces of `step`; NULL and *code if it fails. */
static uint8_t *unpack(size_t *n, const uint8_t *packed, size_t packed_n, size_t step, int *code, struct fus_error *err)
{
    static uint8_t out[400000];
    struct fus_gunzip *g;
    uint8_t *copy = malloc(packed_n ? packed_n : 1); /* so that a sanitizer sees its end */
    memcpy(copy, packed, packed_n);
    *code = fus_gunzip_open_bytes(&g, copy, packed_n, err);
    size_t got = step;
    for (*n = 0; !*code && got == step && *n + step <= sizeof out; *n += got)
        *code = fus_gunzip_read(g, out + *n, step, &got, err);
    CHECK(*code || fus_gunzip_position(g) == *n);
    CHECK(*code || fus_gunzip_most(g) >= *n);
    fus_gunzip_close(g);
    free(copy);
    return *code ? NULL : out;
}

/* One file whole, in pieces, through the file system, cut and damaged. */
static void check_file(const char *path, size_t want, bool zeros)
{
    static const size_t steps[] = {1, 77, 100000};
    struct fus_error err = {0, -1, ""};
    size_t n, got;
    int code;
    uint8_t *packed = slurp(path, &n), *out;
    uint32_t crc = 0;
    for (int i = 0; i < 3; i++) {
        out = unpack(&got, packed, n, steps[i], &code, &err);
        CHECK_MSG(out && got == want, "%s: %zu bytes, %s", path, got, err.msg);
        uint32_t again = out ? fus_inflate_crc32(0, out, got) : 0;
        CHECK(i == 0 || again == crc);
        crc = again;
    }
    struct fus_gunzip *g;
    static uint8_t room[400000];
    CHECK(fus_gunzip_open(&g, path, &err) == 0 && fus_gunzip_packed(g));
    CHECK(fus_gunzip_read(g, room, sizeof room, &got, &err) == 0 && got == want &&
          fus_inflate_crc32(0, room, got) == crc);
    fus_gunzip_close(g);
    for (size_t k = 2; k < n - (zeros ? 512 : 0); k += 1 + n / 700) {
        unpack(&got, packed, k, 1000, &code, &err);
        bool members = zeros && code == FUS_OK && got < want; /* it ends where a member ends */
        CHECK_MSG(members || (code == FUS_EFORMAT && err.offset <= (long long)k), "%s: first %zu bytes: %s", path, k,
                  err.msg);
    }
    uint32_t r = 7;
    for (int k = 0; k < 300; k++) { /* a bit: an error, or it is in a name or a date */
        r = r * 1664525u + 1013904223u;
        size_t at = 10 + (size_t)(r >> 8) % (n - 10);
        packed[at] ^= (uint8_t)(1 << k % 8);
        out = unpack(&got, packed, n, 5000, &code, &err);
        CHECK(!out || (got == want && fus_inflate_crc32(0, out, got) == crc));
        packed[at] ^= (uint8_t)(1 << k % 8);
    }
    fus_base_free(packed);
}

static void test_plain(void)
{
    struct fus_gunzip *g;
    struct fus_error err;
    uint8_t bytes[600];
    size_t got;
    CHECK(fus_gunzip_open(&g, "tests/golden/vol_i2.nii", &err) == 0 && !fus_gunzip_packed(g));
    CHECK(fus_gunzip_most(g) == 592);
    CHECK(fus_gunzip_read(g, bytes, 4, &got, &err) == 0 && got == 4 && bytes[0] == 0x5c);
    CHECK(fus_gunzip_read(g, bytes, 600, &got, &err) == 0 && got == 588);
    CHECK(fus_gunzip_read(g, bytes, 600, &got, &err) == 0 && got == 0 && fus_gunzip_position(g) == 592);
    fus_gunzip_close(g);
    CHECK(fus_gunzip_open_bytes(&g, bytes, 0, &err) == 0);
    CHECK(fus_gunzip_read(g, bytes, 1, &got, &err) == 0 && got == 0);
    fus_gunzip_close(g);
    CHECK(fus_gunzip_open(&g, "tests/golden", &err) == FUS_EIO && strstr(err.msg, "tests/golden: "));
    CHECK(fus_gunzip_open(&g, "tests/none.gz", &err) == FUS_EIO);
}

int main(void)
{
    check_file("tests/golden/vol_nan.nii.gz", 352 + 4 * 120, false);
    check_file("tests/golden/vol_members.nii.gz", 352 + 4 * 120, true);
    check_file("tests/golden/vol_big.nii.gz", 352 + 2 * 31 * 29 * 13 * 8, false);
    test_plain();
    return test_end();
}
