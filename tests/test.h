/* SPDX-License-Identifier: MIT */
/* The whole test framework: CHECK records a failure and goes on; a skip is printed
 * and counted as such.
 *
 *     int main(void) { test_this(); test_that(); return test_end(); }
 *
 * Run from the repository's root. Last line: `NAME: N passed, N failed, N skipped`. */
#ifndef FUS_TEST_H
#define FUS_TEST_H

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* With the address sanitizer, memory is no measure. */
#if defined(__SANITIZE_ADDRESS__)
#define TEST_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define TEST_SANITIZED 1
#endif
#endif

/* Files are damaged at every byte; where clang's sanitizers watch, at every seventh, since gcc's
 * watch them all and the fuzz targets run with clang's. */
#if defined(TEST_SANITIZED) && defined(__clang__)
enum { TEST_DAMAGE_STEP = 7 };
#else
enum { TEST_DAMAGE_STEP = 1 };
#endif

static int test_passed, test_failed, test_skipped;

#define CHECK(condition) test_record((condition), __FILE__, __LINE__, #condition)
#define CHECK_MSG(condition, ...)                                        \
    do {                                                                 \
        if (!test_record((condition), __FILE__, __LINE__, #condition)) { \
            fprintf(stderr, "    ");                                     \
            fprintf(stderr, __VA_ARGS__);                                \
            fputc('\n', stderr);                                         \
        }                                                                \
    } while (0)
#define SKIP(why) (test_skipped++, printf("skipped: %s:%d: %s\n", __FILE__, __LINE__, (why)))

static inline bool test_record(bool ok, const char *file, int line, const char *what)
{
    if (ok)
        test_passed++;
    else {
        test_failed++;
        fprintf(stderr, "FAILED %s:%d: %s\n", file, line, what);
    }
    return ok;
}

/* |got - want| <= tolerance * |want|, NaN equal to NaN. */
static inline bool test_close(double got, double want, double tolerance)
{
    if (isnan(got) || isnan(want))
        return isnan(got) && isnan(want);
    return got == want || fabs(got - want) <= tolerance * fabs(want);
}

/* test_close that remembers the largest relative error of each name, for the listing at the end. */
struct test_error {
    const char *name;
    double largest;
    int n;
};
static struct test_error test_largest[32];

static inline bool test_near(const char *name, double got, double want, double tolerance)
{
    struct test_error *e = test_largest;
    while (e->name && strcmp(e->name, name) != 0)
        e++;
    double error = test_close(got, want, 0) ? 0 : fabs(got - want) / fabs(want);
    e->name = name;
    e->largest = error > e->largest ? error : e->largest;
    e->n++;
    return test_close(got, want, tolerance);
}

/* ../shared/data/NAME where it is there, else NULL: tests that want it are skipped. */
static inline const char *test_shared(const char *name)
{
    static char path[1024];
    const char *root = getenv("FUS_SHARED");
    snprintf(path, sizeof path, "%s/%s", root ? root : "../shared/data", name);
    FILE *f = fopen(path, "rb");
    if (!f)
        return NULL;
    fclose(f);
    return path;
}

static inline int test_end(void)
{
    for (const struct test_error *e = test_largest; e->name; e++)
        printf("largest relative error: %-46s %.1e   %d values\n", e->name, e->largest, e->n);
    printf("%d passed, %d failed, %d skipped\n", test_passed, test_failed, test_skipped);
    return test_failed ? 1 : 0;
}

#endif
