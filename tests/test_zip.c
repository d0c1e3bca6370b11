/* SPDX-License-Identifier: MIT */
/* Zip archives as PyTorch, NumPy, Info-ZIP and streaming writers make them, and what is refused. */
#define _POSIX_C_SOURCE 200809L
#include "test.h"

#include "torch_files.h"
#include "weights/zip.h"
#include "zip_builder.h"

static uint8_t room[200000];

static int open_zip(struct fus_zip *zip, struct fus_store **s, size_t n, struct fus_error *err)
{
    *s = bytes_store(room, n);
    return fus_zip_open(zip, *s, err);
}

/* Every member has its name, place and bytes. */
static void check_members(const struct zip_file *files, int n_files, const char *comment, bool zip64_end)
{
    struct fus_zip zip;
    struct fus_store *s;
    struct fus_error err;
    size_t n = zip_build(room, files, n_files, comment, zip64_end);
    int code = open_zip(&zip, &s, n, &err);
    CHECK_MSG(code == 0, "%s", err.msg);
    CHECK(zip.n == (size_t)n_files);
    for (int i = 0; !code && i < n_files; i++) {
        const struct fus_zip_entry *e = fus_zip_find(&zip, files[i].name);
        struct fus_member m;
        uint8_t *data = NULL;
        size_t data_n = 0;
        CHECK(e == &zip.entries[i]);
        code = e ? fus_zip_member(&m, s, e, &err) : FUS_ENOTFOUND;
        CHECK_MSG(code == 0, "%s", err.msg);
        if (code)
            break;
        CHECK(m.n_bytes == files[i].n && m.deflated == files[i].deflated && m.name == NULL);
        CHECK(memcmp(room + m.offset + (m.deflated ? 5 : 0), files[i].data, files[i].n) == 0);
        code = fus_zip_read(&data, &data_n, s, e, 100000, &err);
        CHECK_MSG(code == 0, "%s", err.msg);
        CHECK(data_n == files[i].n && (code || memcmp(data, files[i].data, data_n) == 0));
        fus_base_free(data);
        if (files[i].n)
            CHECK(fus_zip_read(&data, &data_n, s, e, files[i].n - 1, &err) == FUS_ELIMIT);
    }
    CHECK(fus_zip_find(&zip, "none") == NULL && fus_zip_find(&zip, "") == NULL && fus_zip_find(&zip, "zzz") == NULL);
    fus_zip_close(&zip);
    fus_store_close(s);
}

static const struct zip_file plain[] = {{.name = "b/two", .data = "second", .n = 6},
                                        {.name = "b/one", .data = "first one", .n = 9, .deflated = true},
                                        {.name = "a", .data = "", .n = 0}};

static void test_writers(void)
{
    static const struct zip_file pytorch[] = {
        {.name = "x/data.pkl", .data = "N.", .n = 2, .descriptor = true, .padding = 22},
        {.name = "x/data/0", .data = "0123456789", .n = 10, .descriptor = true, .padding = 46}};
    static const struct zip_file large[] = {
        {.name = "small", .data = "abc", .n = 3},
        {.name = "large", .data = "defg", .n = 4, .zip64 = true, .no_checksum = true},
        {.name = "packed", .data = "hijkl", .n = 5, .zip64 = true, .deflated = true}};
    check_members(plain, 3, "", false);
    check_members(plain, 3, "a comment", false);
    check_members(plain, 3, "with PK\5\6 in it, and more than twenty-two bytes", false);
    check_members(plain, 3, "", true);
    check_members(pytorch, 2, "", true);
    check_members(large, 3, "", false);
    check_members(large, 3, "zip64", true);
    check_members(plain, 0, "", false);
    char comment[65536];
    memset(comment, 'c', 65535);
    comment[65535] = 0;
    check_members(plain, 3, comment, true);
}

/* Change `n` bytes at the k-th occurrence of a signature, `at` bytes behind it: opening or reading
 * must fail with this text. */
static void check_refused(const char *signature, int k, size_t at, const char *bytes, size_t n, int code,
                          const char *text)
{
    struct fus_zip zip;
    struct fus_store *s;
    struct fus_error err = {0};
    size_t length = zip_build(room, plain, 3, "", false), where = 0;
    for (size_t i = 0; i + 4 <= length; i++)
        if (memcmp(room + i, signature, 4) == 0 && k-- == 0)
            where = i + at;
    memcpy(room + where, bytes, n);
    int got = open_zip(&zip, &s, length, &err);
    for (size_t i = 0; !got && i < zip.n; i++) {
        uint8_t *data = NULL;
        size_t data_n;
        got = fus_zip_read(&data, &data_n, s, &zip.entries[i], 1000, &err);
        if (!got)
            fus_base_free(data);
    }
    CHECK_MSG(got == code && strstr(err.msg, text), "code %d: %s\n    expected %d: %s", got, err.msg, code, text);
    fus_zip_close(&zip);
    fus_store_close(s);
}

static void test_refused(void)
{
    check_refused("PK\1\2", 0, 8, "\1", 1, FUS_EUNSUPPORTED, "member b/two is encrypted");
    check_refused("PK\1\2", 0, 10, "\14", 1, FUS_EUNSUPPORTED, "method 12");
    check_refused("PK\1\2", 0, 16, "\1\2\3\4", 4, FUS_EFORMAT,
                  "member b/two: its bytes do not have the checksum 04030201");
    check_refused("PK\1\2", 0, 20, "\7", 1, FUS_EFORMAT, "member b/two of 7 bytes runs into what begins at 41");
    check_refused("PK\1\2", 0, 24, "\5", 1, FUS_EFORMAT, "6 bytes cannot unpack to 5");
    check_refused("PK\1\2", 0, 20, "\xff\xff\xff\xff", 4, FUS_EFORMAT, "its zip64 sizes are missing");
    check_refused("PK\1\2", 0, 42, "\x7f\x7f\x7f\x7f", 4, FUS_EFORMAT,
                  "b/two is said to be at 2139062143, behind this directory");
    check_refused("PK\1\2", 1, 42, "\0", 1, FUS_EFORMAT, "runs into what begins at 0");
    check_refused("PK\1\2", 1, 24, "\xff\xff\xff\x7f", 4, FUS_EFORMAT, "14 bytes cannot unpack to 2147483647");
    check_refused("PK\1\2", 1, 24, "\12", 1, FUS_EFORMAT,
                  "member b/one: unpacks to 9 bytes, the zip directory says 10");
    check_refused("PK\1\2", 1, 24, "\10", 1, FUS_EFORMAT, "member b/one: ");
    check_refused("PK\1\2", 2, 0, "QK", 2, FUS_EFORMAT, "no whole entry (PK 1 2)");
    check_refused("PK\1\2", 2, 28, "\377\377", 2, FUS_EFORMAT, "no whole entry (PK 1 2)");
    check_refused("PK\1\2", 0, 46, "b/one", 5, FUS_EFORMAT, "two members are called b/one");
    check_refused("PK\1\2", 0, 47, "\0", 1, FUS_EFORMAT, "zero byte");
    check_refused("PK\3\4", 0, 0, "QK", 2, FUS_EFORMAT, "no header (PK 3 4) of member b/two");
    check_refused("PK\3\4", 0, 30, "c", 1, FUS_EFORMAT, "no header (PK 3 4) of member b/two");
    check_refused("PK\3\4", 0, 28, "\1", 1, FUS_EFORMAT, "run into what begins at");
    check_refused("PK\5\6", 0, 0, "QK", 2, FUS_EFORMAT, "without its end record");
    check_refused("PK\5\6", 0, 20, "\1", 1, FUS_EFORMAT, "without its end record");
    check_refused("PK\5\6", 0, 4, "\1", 1, FUS_EUNSUPPORTED, "several parts");
    check_refused("PK\5\6", 0, 8, "\4\0\4\0", 4, FUS_EFORMAT, "zip directory of 149 bytes cannot list 4 members");
    check_refused("PK\5\6", 0, 8, "\xf0\xff\xf0\xff", 4, FUS_EFORMAT, "cannot list 65520 members");
    check_refused("PK\5\6", 0, 12, "\xff\xff\xff\x7f", 4, FUS_EFORMAT, "would pass this end record");
    check_refused("PK\5\6", 0, 16, "\xff\xff\xff\x7f", 4, FUS_EFORMAT, "would pass this end record");
}

static void test_zip64_refused(void)
{
    static const struct {
        size_t at; /* from the zip64 end record on, which has 56 bytes; the locator is behind it */
        uint8_t byte;
        const char *text;
    } cases[] = {{56 + 8 + 1, 200, "zip64 end record said to be at"},
                 {56 + 8, 0, "no zip64 end record (PK 6 6)"},
                 {56 + 4, 1, "in several parts"},
                 {56 + 16, 2, "in several parts"},
                 {24, 9, "lists 9 of 3 members"},
                 {40 + 6, 1, "would pass this end record"},
                 {48 + 6, 1, "would pass this end record"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fus_zip zip;
        struct fus_store *s;
        struct fus_error err = {0};
        size_t n = zip_build(room, plain, 3, "", true);
        room[n - 22 - 20 - 56 + cases[i].at] = cases[i].byte;
        int code = open_zip(&zip, &s, n, &err);
        CHECK_MSG(code != 0 && strstr(err.msg, cases[i].text), "%zu: code %d: %s", i, code, err.msg);
        fus_zip_close(&zip);
        fus_store_close(s);
    }
}

static void test_prefixes(void)
{
    struct fus_zip zip;
    struct fus_store *s;
    struct fus_error err;
    size_t n = zip_build(room, plain, 3, "", true);
    bool refused = true;
    for (size_t k = 0; k < n; k++) {
        refused = open_zip(&zip, &s, k, &err) == FUS_EFORMAT && zip.n == 0 && zip.entries == NULL && refused;
        fus_zip_close(&zip);
        fus_store_close(s);
    }
    CHECK(refused);
}

static void test_no_memory(void)
{
    struct fus_zip zip;
    struct fus_store *s;
    struct fus_error err;
    size_t n = zip_build(room, plain, 3, "", false);
    int code = FUS_ENOMEM;
    long k = 1;
    for (; code && k < 20; k++) {
        s = bytes_store(room, n);
        fus_base_fail_allocation(k);
        code = fus_zip_open(&zip, s, &err);
        uint8_t *data = NULL;
        size_t data_n;
        if (!code)
            code = fus_zip_read(&data, &data_n, s, &zip.entries[1], 1000, &err);
        fus_base_fail_allocation(0);
        CHECK(code == 0 || code == FUS_ENOMEM);
        if (!code)
            fus_base_free(data);
        fus_zip_close(&zip);
        fus_store_close(s);
    }
    CHECK(k == 9); /* the tail, the directory, three lists, the member packed and unpacked */
}

int main(void)
{
    test_writers();
    test_refused();
    test_zip64_refused();
    test_prefixes();
    test_no_memory();
    return test_end();
}
