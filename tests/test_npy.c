/* SPDX-License-Identifier: MIT */
/* NumPy's headers as NumPy and others write them, Fortran order, byte order, and .npz
 * with packed members. */
#define _POSIX_C_SOURCE 200809L
#include "test.h"

#include "torch_files.h"
#include "zip_builder.h"

static uint8_t room[400000], archive[400000];

/* An .npy of that header at room; its length. */
static size_t build(const char *header, int version, const void *data, size_t n)
{
    uint8_t *to = room;
    size_t length = strlen(header);
    zip_put_bytes(&to, "\x93NUMPY", 6);
    zip_put(&to, (uint64_t)version, 1);
    zip_put(&to, 0, 1);
    zip_put(&to, length, version == 1 ? 2 : 4);
    zip_put_bytes(&to, header, length);
    zip_put_bytes(&to, data, n);
    return (size_t)(to - room);
}

static const float numbers[] = {1, 2, 3, 4, 5, 6};
/* as f4 */
static const uint8_t raw[48] = {0, 0, 128, 63, 0, 0, 0, 64, 0, 0, 64, 64, 0, 0, 128, 64, 0, 0, 160, 64, 0, 0, 192, 64};

static void check_read(const char *header, int version, int n_dims, const int64_t *shape, const float *expected,
                       size_t n)
{
    struct fus_error err = {0};
    float values[8] = {0};
    size_t length = build(header, version, raw, sizeof raw);
    struct fus_store *s = bytes_store(room, length);
    int code = fus_npy_open(s, &err);
    CHECK_MSG(code == 0, "%s: %s", header, err.msg);
    const struct fus_tensor *t = code ? NULL : fus_store_tensor(s, 0);
    if (t) {
        CHECK(strcmp(t->name, "array") == 0 && fus_store_count(s) == 1 && t->n_dims == n_dims && t->n_elements == n);
        for (int d = 0; d < t->n_dims && d < n_dims; d++)
            CHECK(t->shape[d] == shape[d]);
        CHECK(n > 8 || fus_store_read_f32(s, values, t, &err) == 0);
        CHECK(memcmp(values, expected, n * sizeof *values) == 0);
    }
    fus_store_close(s);
}

static void test_headers(void)
{
    static const int64_t one[] = {6}, two[] = {2, 3}, none[] = {0, 3};
    static const float fortran[] = {1, 3, 5, 2, 4, 6}, big[] = {1, 2, 3};
    check_read("{'descr': '<f4', 'fortran_order': False, 'shape': (6,), }\n", 1, 1, one, numbers, 6);
    check_read("{'descr': '<f4', 'fortran_order': False, 'shape': (6,), }      \n", 2, 1, one, numbers, 6);
    check_read("{'descr': '<f4', 'fortran_order': False, 'shape': (6,), }\n", 3, 1, one, numbers, 6);
    check_read("{'shape': (2, 3), 'fortran_order': False, 'descr': '<f4'}", 1, 2, two, numbers, 6);
    check_read("{\"shape\":(2,3),\"fortran_order\":False,\"descr\":\"<f4\"}", 1, 2, two, numbers, 6);
    check_read("  {  'shape' : ( 2 , 3 , ) , 'fortran_order' : True , 'descr' : '<f4' , }  \n", 1, 2, two, fortran, 6);
    check_read("{'descr': '<f4', 'fortran_order': False, 'shape': (2L, 3L), }\n", 1, 2, two, numbers, 6);
    check_read("{'descr': '<f4', 'fortran_order': False, 'shape': (), }\n", 1, 0, NULL, numbers, 1);
    check_read("{'descr': '<f4', 'fortran_order': False, 'shape': (0, 3), }\n", 1, 2, none, numbers, 0);
    check_read("{'descr': '<f4', 'fortran_order': True, 'shape': (0, 3), }\n", 1, 2, none, numbers, 0);
    static const uint8_t swapped[] = {63, 128, 0, 0, 64, 0, 0, 0, 64, 64, 0, 0};
    size_t n = build("{'descr': '>f4', 'fortran_order': False, 'shape': (3,), }\n", 1, swapped, sizeof swapped);
    struct fus_store *s = bytes_store(room, n);
    float values[3] = {0};
    CHECK(fus_npy_open(s, NULL) == 0 && fus_store_read_f32(s, values, fus_store_tensor(s, 0), NULL) == 0);
    CHECK(memcmp(values, big, sizeof big) == 0);
    fus_store_close(s);
}

/* A zero in the shape must not hide sizes that overflow. */
static void test_empty_shapes(void)
{
    struct fus_error err = {0};
    size_t n = build("{'descr': '<f4', 'fortran_order': True, 'shape': (0, 99999999999999999, 99999999999999999), }\n",
                     1, raw, 4);
    struct fus_store *s = bytes_store(room, n);
    int code = fus_npy_open(s, &err);
    CHECK_MSG(code == FUS_EFORMAT || fus_store_tensor(s, 0)->n_elements == 0, "code %d: %s", code, err.msg);
    fus_store_close(s);
}

/* A long header: more than the bytes looked at first. */
static void test_long_header(void)
{
    static const int64_t one[] = {6};
    char header[60000];
    static const char text[] = "{'descr': '<f4', 'fortran_order': False, 'shape': (6,), }";
    memset(header, ' ', sizeof header);
    memcpy(header, text, sizeof text - 1);
    header[sizeof header - 2] = '\n';
    header[sizeof header - 1] = 0;
    check_read(header, 1, 1, one, numbers, 6);
    check_read(header, 2, 1, one, numbers, 6);
    size_t n = build(header, 1, raw, sizeof raw);
    for (int deflated = 0; deflated < 2; deflated++) {
        struct zip_file file = {.name = "long.npy", .data = room, .n = n, .deflated = deflated};
        struct fus_error err = {0};
        size_t length = zip_build(archive, &file, 1, "", false);
        struct fus_store *s = bytes_store(archive, length);
        int code = fus_npy_open_npz(s, &err);
        CHECK_MSG(code == 0 && fus_store_count(s) == 1 && strcmp(fus_store_tensor(s, 0)->name, "long") == 0, "%s",
                  err.msg);
        CHECK(code || read_everything(s, &err) == 0);
        fus_store_close(s);
    }
}

/* A member in one stored block of 60 kB: its header cannot be unpacked into a small room. Texts
 * beside it are passed over. */
static void test_npz(void)
{
    static uint8_t data[60000];
    static const char text[] = "\x93NUMPY\1\0\x38\0{'descr': '<U1', 'fortran_order': False, 'shape': (1,)} \na\0\0\0";
    size_t n = build("{'descr': '<f4', 'fortran_order': False, 'shape': (15000,), }\n", 1, data, sizeof data);
    struct zip_file files[] = {{.name = "labels.npy", .data = text, .n = sizeof text - 1},
                               {.name = "a/b.npy", .data = room, .n = n, .deflated = true},
                               {.name = "readme.txt", .data = "hello", .n = 5}};
    struct fus_error err = {0};
    size_t length = zip_build(archive, files, 3, "", false);
    struct fus_store *s = bytes_store(archive, length);
    int code = fus_torch_open_zip(s, &err); /* which finds no data.pkl */
    CHECK_MSG(code == 0, "%s", err.msg);
    CHECK(fus_store_count(s) == 1 && strcmp(fus_store_format(s), "npz") == 0);
    if (fus_store_count(s) == 1) {
        CHECK(strcmp(fus_store_tensor(s, 0)->name, "a/b") == 0 && fus_store_tensor(s, 0)->n_elements == 15000);
        CHECK(read_everything(s, &err) == 0);
    }
    fus_store_close(s);
    files[1].name = "a/b.txt";
    length = zip_build(archive, files, 3, "", false);
    s = bytes_store(archive, length);
    code = fus_torch_open_zip(s, &err);
    CHECK_MSG(code == FUS_EUNSUPPORTED && strstr(err.msg, "member labels.npy: "), "code %d: %s", code, err.msg);
    fus_store_close(s);
}

/* A packed array that ends before its header says, or that the directory makes
 * longer than it is. */
static void test_short_members(void)
{
    size_t n = build("{'descr': '<f4', 'fortran_order': False, 'shape': (20,), }\n", 1, raw, sizeof raw);
    for (int deflated = 0; deflated < 2; deflated++) {
        struct zip_file file = {.name = "x.npy", .data = room, .n = n, .deflated = deflated};
        struct fus_error err = {0};
        size_t length = zip_build(archive, &file, 1, "", false);
        CHECK(try_bytes(archive, length, &err) == FUS_EFORMAT);
        CHECK_MSG(strstr(err.msg, "array `x` needs 80 bytes, it has 48"), "%s", err.msg);
    }
    struct zip_file file = {.name = "x.npy", .data = room, .n = 40, .deflated = true};
    struct fus_error err = {0};
    size_t length = zip_build(archive, &file, 1, "", false);
    CHECK(try_bytes(archive, length, &err) == FUS_EFORMAT && strstr(err.msg, "member x.npy: "));
}

int main(void)
{
    test_headers();
    test_empty_shapes();
    test_long_header();
    test_npz();
    test_short_members();
    return test_end();
}
