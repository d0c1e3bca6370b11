/* SPDX-License-Identifier: MIT */
/* SHA-256 against the examples of FIPS 180-4 and RFC 6234, whole and in pieces. */
#include "nn/base/sha256.h"
#include "tests/test.h"

static void digest(char hex[FUS_SHA256_HEX], const void *bytes, size_t n, size_t piece)
{
    struct fus_sha256 s;
    fus_sha256_start(&s);
    for (size_t at = 0; at < n; at += piece)
        fus_sha256_add(&s, (const char *)bytes + at, n - at < piece ? n - at : piece);
    fus_sha256_hex(&s, hex);
}

static void test_examples(void)
{
    static const char *const text[] = {"", "abc", "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"};
    static const char *const want[] = {"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
                                       "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
                                       "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"};
    char hex[FUS_SHA256_HEX];
    for (int i = 0; i < 3; i++) {
        digest(hex, text[i], strlen(text[i]), 1000);
        CHECK(strcmp(hex, want[i]) == 0);
    }
    char *million = malloc(1000000);
    memset(million, 'a', 1000000);
    static const size_t pieces[] = {1, 63, 64, 65, 1000, 1000000};
    for (int i = 0; i < 6; i++) {
        digest(hex, million, 1000000, pieces[i]);
        CHECK(strcmp(hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0") == 0);
    }
    free(million);
}

/* Bits of floats, little-endian on every machine: Python's struct.pack("<3f", 1, -0.0, 1e-45). */
static void test_floats(void)
{
    static const float x[] = {1, -0.0F, 1e-45F};
    struct fus_sha256 s;
    char hex[FUS_SHA256_HEX], expected[FUS_SHA256_HEX];
    fus_sha256_start(&s);
    fus_sha256_add_floats(&s, x, 1);
    fus_sha256_add_floats(&s, x + 1, 2);
    fus_sha256_hex(&s, hex);
    digest(expected, "\0\0\x80\x3f\0\0\0\x80\1\0\0\0", 12, 12);
    CHECK(strcmp(hex, expected) == 0);
}

static void test_missing_file(void)
{
    char hex[FUS_SHA256_HEX];
    struct fus_error err = {0};
    CHECK(fus_sha256_file(hex, "/nowhere/at/all", &err) == FUS_EIO && strstr(err.msg, "/nowhere/at/all"));
}

int main(void)
{
    test_examples();
    test_floats();
    test_missing_file();
    return test_end();
}
