/* SPDX-License-Identifier: MIT */
/* npyout.c: the bytes themselves, the same whole or in parts, refusals. The archives whose
 * checksums stand here were opened with numpy.load and `unzip -t` (set KEEP to keep them). */
#define _POSIX_C_SOURCE 200809L
#include "analysis/report/report.h"

#include <unistd.h>

#include "nn/base/inflate.h"
#include "nn/base/outfile.h"
#include "test.h"

static const char *scratch(const char *name)
{
    static char path[512];
    const char *folder = getenv("TMPDIR");
    snprintf(path, sizeof path, "%s/fusiform-npyout-%ld-%s", folder ? folder : "/tmp", (long)getpid(), name);
    return path;
}

static const float ramp[6] = {0, 0.5f, 1, 1.5f, 2, -3};
static const int8_t bytes[5] = {-1, 0, 1, 2, 127};
static const double pi[1] = {3.25};
static const struct fus_npy_array three[3] = {
    {"layer4.2.relu", "<f4", 2, {2, 3}, ramp}, {"label", "|i1", 1, {5}, bytes}, {"scalar", "<f8", 0, {0}, pi}};

static uint8_t *slurp(const char *path, size_t *n)
{
    uint8_t *data = NULL;
    CHECK(fus_base_read_file(&data, n, path, 1 << 20, NULL) == 0);
    return data;
}

static void test_npy(void)
{
    static const char want[] = "\x93NUMPY\x01\x00\x76\x00{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }";
    const char *path = scratch("a.npy");
    size_t n;
    CHECK(fus_npyout_npy(path, &three[0], NULL) == 0);
    uint8_t *data = slurp(path, &n);
    CHECK(n == 128 + 24 && memcmp(data, want, sizeof want - 1) == 0 && data[126] == ' ' && data[127] == '\n');
    CHECK(n == 152 && memcmp(data + 128 + 4, "\x00\x00\x00\x3f", 4) == 0); /* 0.5f, little-endian */
    fus_base_free(data);
    unlink(path);
    CHECK(fus_npyout_npy(path, &three[1], NULL) == 0);
    data = slurp(path, &n);
    CHECK(strstr((char *)data + 10, "'shape': (5,), }"));
    fus_base_free(data);
    CHECK(fus_npyout_npy(path, &three[2], NULL) == 0);
    data = slurp(path, &n);
    CHECK(strstr((char *)data + 10, "'shape': (), }") && n == 136);
    fus_base_free(data);
    unlink(path);
}

static void test_npz(void)
{
    char whole[512];
    size_t n, n_parts;
    struct fus_npz *z;
    snprintf(whole, sizeof whole, "%s", scratch("a.npz"));
    CHECK(fus_npyout_npz(whole, three, 3, NULL) == 0);
    uint8_t *data = slurp(whole, &n);
    CHECK_MSG(fus_inflate_crc32(0, data, n) == 0x92c7b13cu, "the archive's bytes changed: %08x",
              fus_inflate_crc32(0, data, n));
    const char *parts = scratch("b.npz");
    CHECK(fus_npyout_open(&z, parts, NULL) == 0);
    for (int i = 0; i < 3; i++) {
        struct fus_npy_array a = three[i];
        a.data = NULL;
        CHECK(fus_npyout_begin(z, &a, NULL) == 0);
        size_t total = i == 0 ? 24 : i == 1 ? 5 : 8, step = i == 0 ? 4 : i == 1 ? 1 : 8;
        for (size_t at = 0; at < total; at += step)
            CHECK(fus_npyout_part(z, (const uint8_t *)three[i].data + at, step, NULL) == 0);
    }
    CHECK(fus_npyout_commit(z, NULL) == 0);
    uint8_t *again = slurp(parts, &n_parts);
    CHECK(n == n_parts && memcmp(data, again, n) == 0);
    fus_base_free(data);
    fus_base_free(again);
    unlink(parts);
    if (getenv("KEEP"))
        return;
    unlink(whole);
    CHECK(fus_npyout_npz(whole, NULL, 0, NULL) == 0); /* an empty archive is one */
    data = slurp(whole, &n);
    CHECK(n == 22);
    fus_base_free(data);
    unlink(whole);
}

static void test_refusals(void)
{
    struct fus_npz *z;
    struct fus_error err;
    struct fus_npy_array bad = three[0];
    const char *path = scratch("c.npz");
    bad.descr = ">f4";
    CHECK(fus_npyout_npy(path, &bad, &err) == FUS_EINVAL && access(path, F_OK) != 0);
    bad = three[0], bad.n_dims = 9;
    CHECK(fus_npyout_npz(path, &bad, 1, &err) == FUS_EINVAL);
    bad = three[0], bad.shape[0] = bad.shape[1] = (size_t)1 << (4 * sizeof(size_t) - 1);
    CHECK(fus_npyout_npz(path, &bad, 1, &err) == FUS_ELIMIT);
    bad = three[0], bad.name = "";
    CHECK(fus_npyout_npz(path, &bad, 1, &err) == FUS_EINVAL);
    const struct fus_npy_array twice[2] = {three[0], three[0]};
    CHECK(fus_npyout_npz(path, twice, 2, &err) == FUS_EINVAL && strstr(err.msg, "layer4.2.relu"));
    bad = three[0], bad.data = NULL;
    CHECK(fus_npyout_npz(path, &bad, 1, &err) == FUS_EINVAL && access(path, F_OK) != 0); /* data never came */
    CHECK(fus_npyout_open(&z, path, NULL) == 0 && fus_npyout_begin(z, &bad, NULL) == 0);
    CHECK(fus_npyout_part(z, ramp, 6, &err) == FUS_EINVAL && fus_npyout_part(z, ramp, 28, &err) == FUS_EINVAL);
    CHECK(fus_npyout_begin(z, &three[1], &err) == FUS_EINVAL);
    fus_npyout_discard(z);
    fus_npyout_discard(NULL);
    CHECK(access(path, F_OK) != 0 && fus_npyout_open(&z, "/nonexistent/x.npz", &err) == FUS_EIO);
    int code = FUS_ENOMEM;
    long n = 1;
    for (; code == FUS_ENOMEM && n < 50; n++) {
        fus_base_fail_allocation(n);
        code = fus_npyout_npz(path, three, 3, &err);
        fus_base_fail_allocation(0);
    }
    CHECK(code == 0 && n > 5);
    unlink(path);
}

int main(void)
{
    test_npy();
    test_npz();
    test_refusals();
    return test_end();
}
