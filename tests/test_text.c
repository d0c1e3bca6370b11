/* SPDX-License-Identifier: MIT */
/* text.c: what is well-formed UTF-8, and names on one line. */
#include "nn/base/text.h"
#include "nn/base/utf8.h"

#include "test.h"

static void escapes(const char *text, const char *want)
{
    char out[200], twice[200];
    fus_utf8_escape(out, sizeof out, text);
    CHECK_MSG(strcmp(out, want) == 0, "%s", out);
    fus_utf8_escape(twice, sizeof twice, out);
    CHECK(strcmp(twice, out) == 0);
}

static void test_escape(void)
{
    char small[6];
    escapes("face/a b.jpg", "face/a b.jpg");
    escapes("a\tb\nc\rd\x1b[31m\x7f", "a\\tb\\nc\\rd\\x1b[31m\\x7f");
    escapes("caf\xe9 caf\xc3\xa9 \xf0\x9f\x98\x80", "caf\\xe9 caf\xc3\xa9 \xf0\x9f\x98\x80");
    escapes("\xc2\x9b"
            "31m \xc2\xa0",
            "\\xc2\\x9b31m \xc2\xa0"); /* U+009B acts as ESC [ */
    escapes("\xed\xa0\x80\xc0\x80\xf4\x90\x80\x80", "\\xed\\xa0\\x80\\xc0\\x80\\xf4\\x90\\x80\\x80");
    escapes("back\\slash", "back\\slash");
    fus_utf8_escape(small, sizeof small,
                    "ab\x1b"
                    "c");
    CHECK(strcmp(small, "ab") == 0);
    fus_utf8_escape(small, sizeof small, "abc\xf0\x9f\x98\x80");
    CHECK(strcmp(small, "abc") == 0);
    fus_utf8_escape(small, 1, "abc");
    CHECK(strcmp(small, "") == 0);
}

static void test_utf8(void)
{
    CHECK(fus_utf8_valid("") && fus_utf8_valid("a\xc3\xa9\xe2\x82\xac\xf4\x8f\xbf\xbf") &&
          fus_utf8_valid("\xed\x9f\xbf"));
    static const char *const broken[] = {"\x80",         "\xc3",         "\xe2\x82",         "\xc1\xbf",
                                         "\xe0\x9f\xbf", "\xed\xa0\x80", "\xf0\x8f\xbf\xbf", "\xf5\x80\x80\x80",
                                         "a\xff"};
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++)
        CHECK_MSG(!fus_utf8_valid(broken[i]), "%zu", i);
}

static void test_messages(void)
{
    struct fus_error err = {0};
    fus_base_fail(&err, FUS_EIO, "%s: cannot be opened", "a\n\x1b.jpg");
    fus_base_blame(&err, "%s: line %d: ", "m\t.tsv", 3);
    CHECK_MSG(strcmp(err.msg, "m\\t.tsv: line 3: a\\n\\x1b.jpg: cannot be opened") == 0, "%s", err.msg);
}

static void test_bounded(void)
{
    struct fus_text t = {0};
    for (int i = 0; i < 400; i++)
        fus_text_add(&t, "%s%d", "\xe2\x82\xac", i % 10);
    CHECK(strlen(t.s) < sizeof t.s && fus_utf8_valid(t.s) && strcmp(t.s + strlen(t.s) - 3, "...") == 0);
}

static void test_buffer(void)
{
    struct fus_text_buffer t = {0};
    for (int i = 0; i < 1000; i++)
        fus_text_printf(&t, "%d,", i % 10);
    CHECK(!t.failed && t.n == 2000 && t.s[t.n] == '\0' && memcmp(t.s + 1998, "9,", 2) == 0);
    fus_base_fail_allocation(1);
    while (!t.failed && t.n < 1000000)
        fus_text_append(&t, "0123456789", 10);
    fus_base_fail_allocation(0);
    CHECK(t.failed && t.s[0] == '0' && t.s[t.n] == '\0');
    size_t n = t.n;
    fus_text_append(&t, "x", 1);
    CHECK(t.n == n);
    fus_text_free(&t);
    CHECK(!t.s && t.n == 0 && !t.failed);
}

int main(void)
{
    test_escape();
    test_utf8();
    test_messages();
    test_bounded();
    test_buffer();
    return test_end();
}
