/* SPDX-License-Identifier: MIT */
/* fmath.c against long double libm (64-bit significand), errors counted in units in the last
 * place of the double. */
#include "nn/base/fmath.h"

#include <float.h>

#include "nn/base/bits.h"
#include "nn/base/rng.h"
#include "test.h"

#if LDBL_MANT_DIG >= 64
static double worst[8];

static void count(int which, double got, long double want)
{
    if (isinf((double)want) || want == 0) {
        if (got != (double)want)
            CHECK_MSG(false, "function %d: got %a", which, got);
        return;
    }
    int e;
    frexpl(want, &e);
    long double ulp = ldexpl(1, e - 53 > -1074 ? e - 53 : -1074);
    double error = (double)(fabsl(got - want) / ulp);
    if (!(error <= worst[which]))
        worst[which] = error;
}

static void sweep(struct fus_rng *r)
{
    const int n = 200000;
    for (int i = 0; i < n; i++) {
        double u = 2 * fus_rng_uniform(r) - 1, x = u * 745, small = u,
               tiny = u * fus_fmath_exp(-40 * fus_rng_uniform(r));
        count(0, fus_fmath_exp(x), expl(x));
        count(0, fus_fmath_exp(small), expl(small));
        count(0, fus_fmath_exp(tiny), expl(tiny));
        count(1, fus_fmath_log(fus_fmath_exp(0.99 * x)), logl(fus_fmath_exp(0.99 * x)));
        count(1, fus_fmath_log(1 + 0.5 * u), logl(1 + 0.5 * u));
        count(1, fus_fmath_log(1 + tiny), logl(1 + tiny));
        count(2, fus_fmath_log1p(0.999 * u), log1pl(0.999 * u));
        count(2, fus_fmath_log1p(0.99 * tiny), log1pl(0.99 * tiny));
        count(2, fus_fmath_log1p(fabs(x)), log1pl(fabs(x)));
        count(2, fus_fmath_log1p(fus_fmath_exp(fabs(0.9 * x))), log1pl(fus_fmath_exp(fabs(0.9 * x))));
        count(3, fus_fmath_expm1(x), expm1l(x));
        count(3, fus_fmath_expm1(2 * u), expm1l(2 * u));
        count(3, fus_fmath_expm1(tiny), expm1l(tiny));
    }
}

static void test_accuracy(void)
{
    struct fus_rng r;
    fus_rng_seed(&r, 1);
    sweep(&r);
    printf("ulp: exp %.3f log %.3f log1p %.3f expm1 %.3f\n", worst[0], worst[1], worst[2], worst[3]);
    CHECK(worst[0] < 1);
    CHECK(worst[1] < 1);
    CHECK(worst[2] < 2);
    CHECK(worst[3] < 2);
    double most = 0;
    for (int i = 0; i < 100000; i++) {
        double x = fus_fmath_exp(10 * fus_rng_uniform(&r) - 5), y = 20 * fus_rng_uniform(&r) - 10;
        long double want = powl(x, y);
        most = fmax(most, (double)fabsl((fus_fmath_pow(x, y) - want) / want));
    }
    CHECK_MSG(most < 1e-14, "pow: relative error %g", most);
}

static void test_sincospi(void)
{
    struct fus_rng r;
    fus_rng_seed(&r, 2);
    const long double pi = acosl(-1);
    double most = 0;
    for (int i = 0; i < 200000; i++) {
        double x = 4 * fus_rng_uniform(&r) - 2, s, c;
        fus_fmath_sincospi(&s, &c, x);
        most = fmax(most, (double)fmaxl(fabsl(s - sinl(pi * x)), fabsl(c - cosl(pi * x))));
        double far = x + 0x1p40; /* rounds x to a multiple of 2^-12 that the next two lines share */
        double back = far - 0x1p40, s2, c2;
        fus_fmath_sincospi(&s, &c, far);
        fus_fmath_sincospi(&s2, &c2, back);
        if (s != s2 || c != c2) {
            CHECK_MSG(false, "sincospi(%a): period lost", far);
            break;
        }
    }
    printf("sincospi: %.3f ulp of 1\n", most / DBL_EPSILON);
    CHECK(most < DBL_EPSILON);
}
#endif

static void test_exact(void)
{
    double s, c;
    CHECK(fus_fmath_exp(0) == 1 && fus_fmath_exp(-746) == 0 && isinf(fus_fmath_exp(710)) && isnan(fus_fmath_exp(NAN)));
    CHECK(fus_fmath_exp(-INFINITY) == 0 && isinf(fus_fmath_exp(INFINITY)));
    CHECK(fus_fmath_exp(-745.13) == 0x1p-1074 && isfinite(fus_fmath_exp(709.78)));
    CHECK(fus_fmath_log(1) == 0 && fus_fmath_log(0) == -INFINITY && isnan(fus_fmath_log(-1)) &&
          isnan(fus_fmath_log(NAN)));
    CHECK(isinf(fus_fmath_log(INFINITY)) && test_close(fus_fmath_log(0x1p-1074), -744.44007192138126, 1e-15));
    CHECK(fus_fmath_log1p(-1) == -INFINITY && isnan(fus_fmath_log1p(-2)) && fus_fmath_log1p(1e-300) == 1e-300);
    CHECK(isinf(fus_fmath_log1p(INFINITY)));
    CHECK(fus_fmath_expm1(0) == 0 && fus_fmath_expm1(-1000) == -1 && isinf(fus_fmath_expm1(1000)));
    CHECK(fus_fmath_expm1(1e-300) == 1e-300 && isinf(fus_fmath_expm1(INFINITY)) && isnan(fus_fmath_expm1(NAN)));
    CHECK(fus_fmath_pow(2, 0) == 1 && fus_fmath_pow(1, 1e300) == 1 && test_close(fus_fmath_pow(2, 10), 1024, 1e-15));
    fus_fmath_sincospi(&s, &c, 0);
    CHECK(s == 0 && c == 1);
    fus_fmath_sincospi(&s, &c, 0.5);
    CHECK(s == 1 && c == 0);
    fus_fmath_sincospi(&s, &c, -1);
    CHECK(s == 0 && c == -1);
    fus_fmath_sincospi(&s, &c, 3.5);
    CHECK(s == -1 && c == 0);
    fus_fmath_sincospi(&s, &c, INFINITY);
    CHECK(isnan(s) && isnan(c));
}

/* The bits themselves, folded over a sweep: every compiler, optimisation and machine must
 * give this number. */
static void test_bits(void)
{
    uint64_t hash = 14695981039346656037u;
    struct fus_rng r;
    fus_rng_seed(&r, 3);
    for (int i = 0; i < 100000; i++) {
        double x = fus_rng_uniform(&r), v[8];
        v[0] = fus_fmath_exp(1400 * x - 700);
        v[1] = fus_fmath_log(x);
        v[2] = fus_fmath_log1p(x - 0.5);
        v[3] = fus_fmath_expm1(x - 0.5);
        v[4] = fus_fmath_pow(x, 3.3);
        fus_fmath_sincospi(&v[5], &v[6], 10 * x);
        v[7] = fus_rng_normal(&r);
        for (int k = 0; k < 8; k++) {
            hash = (hash ^ fus_bits_of_double(v[k])) * 1099511628211u;
            hash ^= hash >> 29;
        }
    }
    CHECK_MSG(hash == 0x73d6406cf808023fu, "hash %016llx", (unsigned long long)hash);
}

int main(void)
{
    test_exact();
    test_bits();
#if LDBL_MANT_DIG >= 64
    test_accuracy();
    test_sincospi();
#else
    SKIP("long double is no wider than double here");
#endif
    return test_end();
}
