/* SPDX-License-Identifier: MIT */
/* number.c: what is a number and what is not, the ends of the ranges, and the locale. */
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nn/base/number.h"
#include "test.h"

static void test_whole(void)
{
    static const char *const bad[] = {
        "", " 2", "2 ", "+2", "-2", "2.0", "2e3", "0x10", "two", "18446744073709551616", "99999999999999999999"};
    uint64_t n = 7;
    const char *rest;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK_MSG(!fus_number_whole(&n, bad[i], NULL) && n == 7, "'%s'", bad[i]);
    CHECK(fus_number_whole(&n, "18446744073709551615", NULL) && n == UINT64_MAX);
    CHECK(fus_number_whole(&n, "007", NULL) && n == 7);
    CHECK(fus_number_whole(&n, "20x30", &rest) && n == 20 && strcmp(rest, "x30") == 0);
    CHECK(!fus_number_whole(&n, "x30", &rest));
}

static void test_real(void)
{
    static const char *const bad[] = {"",       " 2",  "2 ",  "\t2",   "+2",       "--2",   "0x1p-4", "0x10", "1e400",
                                      "-1e400", "nan", "inf", "-inf",  "infinity", ".",     "-",      "-.",   "e5",
                                      "1e",     "1e+", "1,5", "1.5.2", "1.5f",     "1_000", "NAN(1)"};
    double x = 7;
    const char *rest;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK_MSG(!fus_number_real(&x, bad[i], NULL) && x == 7, "'%s'", bad[i]);
    static const struct {
        const char *text;
        double x;
    } good[] = {{"0", 0},
                {"-0.5", -0.5},
                {".5", 0.5},
                {"5.", 5},
                {"1e3", 1000},
                {"1E-3", 0.001},
                {"2.5e+1", 25},
                {"0.1", 0.1},
                {"1.7976931348623157e308", 0x1.fffffffffffffp1023},
                {"4.9406564584124654e-324", 0x1p-1074},
                {"1e-400", 0},
                {"0.00000000000000000000000000000000000000000000000000000001", 1e-56}};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        CHECK_MSG(fus_number_real(&x, good[i].text, NULL) && x == good[i].x, "'%s': %.17g", good[i].text, x);
    CHECK(fus_number_real(&x, ".485/.456", &rest) && x == .485 && strcmp(rest, "/.456") == 0);
    CHECK(fus_number_real(&x, "1ex", &rest) && x == 1 && strcmp(rest, "ex") == 0);
}

static void test_long(void)
{
    char text[2 * FUS_NUMBER_BYTES];
    double x;
    memset(text, '1', sizeof text);
    text[300] = '\0';
    CHECK(fus_number_real(&x, text, NULL) && x > 1e299 && x < 1e300);
    text[300] = '1';
    text[sizeof text - 1] = '\0';
    CHECK(!fus_number_real(&x, text, NULL));
    memset(text, '0', sizeof text - 1);
    CHECK(!fus_number_real(&x, text, NULL));
}

static void test_print(void)
{
    static const struct {
        double x;
        const char *text;
    } cases[] = {
        {0.1, "0.1"},      {0.05, "0.05"}, {1.0 / 3, "0.3333333333333333"},     {0.1 + 0.2, "0.30000000000000004"},
        {1e300, "1e+300"}, {-2, "-2"},     {0x1p-1074, "4.94065645841247e-324"}};
    char text[FUS_NUMBER_BYTES];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int n = fus_number_print(text, cases[i].x);
        CHECK_MSG(strcmp(text, cases[i].text) == 0 && (size_t)n == strlen(text), "'%s', not '%s'", text, cases[i].text);
    }
}

/* Doubles of every size go out and come back. */
static void test_round_trip(void)
{
    uint64_t state = 1;
    char text[FUS_NUMBER_BYTES];
    for (int i = 0; i < 20000; i++) {
        double x, y = 0;
        state = state * 6364136223846793005u + 1442695040888963407u;
        memcpy(&x, &state, sizeof x);
        if (!isfinite(x))
            continue;
        fus_number_print(text, x);
        CHECK_MSG(fus_number_real(&y, text, NULL) && x == y, "%a: '%s' gives %a", x, text, y);
    }
}

/* Where the caller's locale writes a comma, nothing changes. Machines without such a
 * locale skip this. */
static void test_locale(void)
{
    static const char *const names[] = {"de_DE.UTF-8", "de_DE.utf8", "de_DE", "fr_FR.UTF-8"};
    size_t i = 0;
    while (i < sizeof names / sizeof *names && !setlocale(LC_NUMERIC, names[i]))
        i++;
    if (i == sizeof names / sizeof *names) {
        SKIP("no locale with a decimal comma");
        return;
    }
    test_real();
    test_print();
    setlocale(LC_NUMERIC, "C");
}

int main(void)
{
    test_whole();
    test_real();
    test_long();
    test_print();
    test_round_trip();
    test_locale();
    return test_end();
}
