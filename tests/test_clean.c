/* SPDX-License-Identifier: MIT */
/* weights/clean.c and weights/unicode.c: what becomes of each kind of character, and what stays
 * although Python's ftfy would change it (METHOD.md lists these differences). */
#include "weights/clean.h"

#include "tests/test.h"
#include "weights/unicode.h"

static struct fus_error err;

static size_t encode(char *out, uint32_t c)
{
    if (c < 0x80)
        return (size_t)sprintf(out, "%c", (int)c);
    size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = n; i-- > 1; c >>= 6)
        out[i] = (char)(0x80 | (c & 0x3f));
    out[0] = (char)((n == 2 ? 0xc0 : n == 3 ? 0xe0 : 0xf0) | c);
    return n;
}

/* `text` is cleaned to `want`. */
static void becomes(const char *text, const char *want)
{
    uint32_t *s;
    size_t n, used = 0;
    char got[400] = "";
    int code = fus_clean_text(&s, &n, text, strlen(text), &err);
    for (size_t i = 0; !code && i < n && used < sizeof got - 8; i++)
        used += encode(got + used, s[i]);
    got[used] = 0;
    CHECK_MSG(code == 0 && strcmp(got, want) == 0, "'%s' became '%s', expected '%s'", text, got, want);
    if (!code)
        fus_base_free(s);
}

static void test_steps(void)
{
    becomes("", "");
    becomes(" \t\n\xc2\xa0 ", "");
    becomes("  A  photo\tof\n\na Face ", "a photo of a face");
    becomes("\xef\xbb\xbf"
            "a\x01\x7f"
            "b\xe2\x81\xac",
            "ab"); /* mark, controls, U+206C */
    becomes("&amp;&lt;&gt;&quot;&apos;&nbsp;x", "&<>\"' x");
    becomes("&amp;lt;", "<");        /* twice */
    becomes("&amp;amp;lt;", "&lt;"); /* not three times */
    becomes("&#233; &#xE9; &#Xe9;", "\xc3\xa9 \xc3\xa9 \xc3\xa9");
    becomes("&#31; &#127; &#159; &#xD800; &#x110000; &#; &#x;", "&#31; &#127; &#159; &#xd800; &#x110000; &#; &#x;");
    becomes("&#000000065; &#0000000065;", "a &#0000000065;"); /* at most 12 characters */
    becomes("\xe2\x80\x98t \xca\xbc\xe2\x80\x9b \xe2\x80\x9cq\xe2\x80\x9d", "'t '' \"q\"");
    becomes("\xef\xbc\xa1\xef\xbd\x9e", "a~"); /* full width */
    becomes("\xef\xac\x81sh \xef\xac\x83 \xef\xac\x85 \xef\xac\x86", "fish ffi \xc5\xbft st");
    becomes("\xc4\xb2 \xc5\x89 \xc7\x85 \xc7\x87 \xc7\xb2", "ij 'n d\xc5\xbe lj dz");
    becomes("e\xcc\x81 A\xcc\x8a", "\xc3\xa9 \xc3\xa5");             /* e and accent */
    becomes("\xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab", "\xed\x95\x9c"); /* Hangul from its parts */
    becomes("\xc4\xb0", "i\xcc\x87");
    becomes("\xce\xa3\xce\x9f\xce\xa3 \xce\xa3", "\xcf\x83\xce\xbf\xcf\x82 \xcf\x83"); /* final sigma */
    becomes("\xf0\x90\x90\x80", "\xf0\x90\x90\xa8");                                   /* U+10400 */
}

/* METHOD.md: differences from clip.tokenize. Each text is kept, up to lower case. */
static void test_differences(void)
{
    becomes("caf\xc3\x83\xc2\xa9", "caf\xc3\xa3\xc2\xa9");       /* UTF-8 read as Latin-1 */
    becomes("\xc2\x93quoted\xc2\x94", "\xc2\x93quoted\xc2\x94"); /* Windows-1252's quotes as U+0093 */
    becomes("\xef\xbd\xb1 \xef\xbe\xa1 \xef\xbf\xa5", "\xef\xbd\xb1 \xef\xbe\xa1 \xef\xbf\xa5"); /* half width */
    becomes("&eacute; &amp &#233", "&eacute; &amp &#233");                   /* other entities, no semicolon */
    becomes("a\xcc\xa3\xcc\x82", "\xe1\xba\xad");                            /* canonical order: composes */
    becomes("a\xcc\x82\xcc\xa3", "\xc3\xa2\xcc\xa3");                        /* another order: in part */
    becomes("\xce\x91\xce\xa3\xed\x95\x9c", "\xce\xb1\xcf\x83\xed\x95\x9c"); /* a sigma before a letter without case */
    becomes("\xcd\x80 \xcd\xbe \xce\x87", "\xcd\x80 \xcd\xbe \xce\x87");     /* singletons */
    becomes("\xe1\xbd\xb1", "\xe1\xbd\xb1");                                 /* alpha with oxia */
    becomes("\xef\xa4\x80", "\xef\xa4\x80");                                 /* CJK compatibility */
    becomes("\xe0\xa5\x98", "\xe0\xa5\x98");                                 /* Devanagari qa */
}

static void test_misread(void)
{
    static const char *const misread[] = {"caf\xc3\x83\xc2\xa9", "\xc3\x82\xc2\xa0", "a\xc2\x93"};
    static const char *const fine[] = {"", "caf\xc3\xa9", "\xc3\x83", "\xc3\x83o", "\xff\xc2\x93"};
    for (size_t i = 0; i < 3; i++)
        CHECK(fus_clean_looks_misread(misread[i], strlen(misread[i])));
    for (size_t i = 0; i < 5; i++)
        CHECK(!fus_clean_looks_misread(fine[i], strlen(fine[i])));
}

static void test_tables(void)
{
    int n_letters = 0, n_numbers = 0, n_lower = 0;
    for (uint32_t c = 0; c < 0x110000; c++) {
        bool letter = fus_unicode_is_letter(c), number = fus_unicode_is_number(c);
        CHECK(letter + number + fus_unicode_is_space(c) <= 1);
        n_letters += letter;
        n_numbers += number;
        n_lower += fus_unicode_lower(c) != c;
    }
    /* tests/golden/unicode.py's counts, U+0130 aside, whose lower case is two characters */
    CHECK_MSG(n_letters == 131756 && n_numbers == 1791 && n_lower == 1432, "%d letters, %d numbers, %d capitals",
              n_letters, n_numbers, n_lower);
    CHECK(fus_unicode_compose('a', 0x30a) == 0xe5 && fus_unicode_compose('x', 0x30a) == 0);
    CHECK(fus_unicode_compose(0xac00, 0x11a7) == 0 && fus_unicode_compose(0xac01, 0x11a8) == 0);
    for (size_t i = 0; i < fus_unicode_pairs_n; i++)
        CHECK(fus_unicode_compose(fus_unicode_pairs[i].base, fus_unicode_pairs[i].mark) ==
              fus_unicode_pairs[i].composed);
}

int main(void)
{
    test_steps();
    test_differences();
    test_misread();
    test_tables();
    return test_end();
}
