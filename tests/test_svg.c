/* SPDX-License-Identifier: MIT */
/* The text builder: numbers, escapes, shortening, base64, memory. */
#include "test.h"

#include "analysis/report/axis.h"
#include "analysis/report/svg.h"
#include "analysis/report/theme.h"

static void expect(struct fus_text_buffer *s, const char *want)
{
    CHECK_MSG(!s->failed && s->s && strcmp(s->s, want) == 0, "got '%s', want '%s'", s->s ? s->s : "(nothing)", want);
    fus_text_free(s);
}

static void test_numbers(void)
{
    struct fus_text_buffer s = {0};
    fus_svg_put(&s, "$f $f $f $f $f $f", 1.0, -0.125, 12.345, -0.001, 100.0, (double)NAN);
    expect(&s, "1 -0.13 12.35 0 100 0");
    fus_svg_put(&s, "$0 $1 $2 $3 $3", 2.5, -0.25, 1.005, 0.0005, (double)INFINITY);
    expect(&s, "3 \xe2\x88\x92"
               "0.3 1.00 0.001 \xe2\x80\x93");
    fus_svg_put(&s, "$r $r $r $r $r", 123.4, 12.34, 1.234, 0.1234, 0.0);
    expect(&s, "123 12.3 1.23 0.123 0.000");
    fus_svg_put(&s, "$p $p $p $p $p $p", 0.1234, 0.012, 0.00123, 0.0, 1e-9, (double)NAN);
    expect(&s, "12.3% 1.2% 0.12% 0% &lt; 0.001% \xe2\x80\x93");
    fus_svg_put(&s, "$v $v $v $v", 0.0001, 0.0123, 1.0, (double)NAN);
    expect(&s, "&lt; .001 = .012 = 1.000 undefined");
    fus_svg_put(&s, "$z $z $z $d $$", (size_t)6322176, (size_t)999, (size_t)1000, -3);
    expect(&s, "6,322,176 999 1,000 -3 $");
    fus_svg_put(&s, "$2 $1", 1e300, -12345678901.0);
    expect(&s, "1.0e+300 \xe2\x88\x92"
               "1.2e+10");
}

static void test_escapes(void)
{
    struct fus_text_buffer s = {0};
    fus_svg_put(&s, "$e|$s", "<a href=\"x\">'&'</a>", "<b/>");
    expect(&s, "&lt;a href=&quot;x&quot;&gt;&#39;&amp;&#39;&lt;/a&gt;|<b/>");
    fus_svg_put(&s, "$e", "a\001b\tc\nd\177");
    expect(&s, "a\xef\xbf\xbd"
               "b\xef\xbf\xbd"
               "c\xef\xbf\xbd"
               "d\xef\xbf\xbd");
    fus_svg_put(&s, "$e",
                "Gr\xc3\xb6\xc3\x9f"
                "e \xf0\x9f\x98\x80");
    expect(&s, "Gr\xc3\xb6\xc3\x9f"
               "e \xf0\x9f\x98\x80");
    /* malformed: lone continuation, overlong slash, surrogate, cut short, beyond the last plane */
    fus_svg_put(&s, "$e", "\x80|\xc0\xaf|\xed\xa0\x80|\xe2\x82|\xf4\x90\x80\x80|\xff");
    for (const char *p = s.s; p && *p; p += *p == '|' ? 1 : 3)
        CHECK(*p == '|' || strncmp(p, "\xef\xbf\xbd", 3) == 0);
    fus_text_free(&s);
    fus_svg_put(&s, "$e",
                "abc\xe2\x80\xae"
                "gpj.exe"); /* right-to-left override */
    expect(&s, "abc\xef\xbf\xbd"
               "gpj.exe");
    fus_svg_put(&s, "$e", "\xef\xbf\xbe"); /* U+FFFE is no XML character */
    expect(&s, "\xef\xbf\xbd");
}

static void test_shorten(void)
{
    char out[64];
    fus_svg_shorten(out, "layer1.0.relu", 15);
    CHECK(strcmp(out, "layer1.0.relu") == 0);
    fus_svg_shorten(out, "abcdefghijklmnop", 9);
    CHECK_MSG(strcmp(out, "abcd\xe2\x80\xa6mnop") == 0, "%s", out);
    fus_svg_shorten(out, "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4", 3);
    CHECK_MSG(strcmp(out, "\xc3\xa4\xe2\x80\xa6\xc3\xa4") == 0, "%s", out);
    fus_svg_shorten(out, "", 3);
    CHECK(out[0] == '\0');
    CHECK(fus_svg_width("", 10) == 0 && fus_svg_width("mm", 10) > fus_svg_width("ii", 10));
}

static void test_base64(void)
{
    /* RFC 4648 section 10 */
    static const char *const want[] = {"", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"};
    for (size_t n = 1; n <= 6; n++) {
        struct fus_text_buffer s = {0};
        fus_svg_base64(&s, (const uint8_t *)"foobar", n);
        expect(&s, want[n]);
    }
}

static void test_memory(void)
{
    for (long n = 1; n <= 4; n++) {
        struct fus_text_buffer s = {0};
        fus_base_fail_allocation(n);
        for (int i = 0; i < 2000; i++)
            fus_svg_put(&s, "$e$d", "name", i);
        fus_base_fail_allocation(0);
        CHECK(s.failed);
        struct fus_error err;
        CHECK(fus_svg_save(&s, "/tmp/never", &err) == FUS_ENOMEM);
        fus_text_free(&s);
    }
}

/* Ticks are round, hold the range, and are neither few nor many, over 24 decades. */
static void test_axis(void)
{
    for (int k = 0; k < 480; k++) {
        struct fus_axis a = {.percent = k % 2};
        double hi = (1 + k % 20 * 0.45) * pow(10, k / 20 - 12), lo = k % 3 == 0 ? -hi / 3 : k % 3 == 1 ? 0 : hi * 0.7;
        fus_axis_fit(&a, lo, hi, 5);
        int n = 0;
        while (fus_axis_has(&a, n))
            n++;
        CHECK_MSG(n >= 3 && n <= 9, "%g..%g: %d ticks, step %g", lo, hi, n, a.step);
        CHECK_MSG(a.lo <= lo + a.step * 1e-6 && a.hi >= hi - a.step * 1e-6, "%g..%g in %g..%g", lo, hi, a.lo, a.hi);
    }
    struct fus_axis flat = {0};
    fus_axis_fit(&flat, 0.5, 0.5, 5);
    CHECK(flat.hi > flat.lo && flat.step > 0);
    fus_axis_fit(&flat, 0, 0, 5);
    CHECK(flat.lo == 0 && flat.hi == 1);
}

static void test_theme(void)
{
    char *names[] = {"Face", "bodies", "place", "words", "scrambled_words", "scrambled_places", "car", "tool"};
    struct fus_theme theme;
    fus_theme_create(&theme, names, 8, 2);
    for (int c = 0; c < 5; c++)
        CHECK(theme.hue[c] == c);
    for (int c = 5; c < 8; c++)
        CHECK(theme.hue[c] == c); /* the second scrambled one gets a colour of its own */
    struct fus_text_buffer css = {0};
    fus_theme_css(&css, &theme, FUS_THEME_LIGHT, true);
    CHECK(css.s && strstr(css.s, ".k0m0{color:#1c6bb5}") && strstr(css.s, ".q31{"));
    fus_text_free(&css);
}

int main(void)
{
    test_numbers();
    test_escapes();
    test_shorten();
    test_base64();
    test_memory();
    test_axis();
    test_theme();
    return test_end();
}
