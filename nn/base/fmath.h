/* SPDX-License-Identifier: MIT */
/* Elementary functions in double, the same bits on every machine: fixed expressions of +, -, *, /,
 * fma, sqrt, floor and exponent arithmetic, nothing from libm that is not correctly rounded. The
 * error bound is given beside each function, measured in tests/test_fmath.c against long double or
 * SciPy. */
#ifndef FUS_FMATH_H
#define FUS_FMATH_H

double fus_fmath_exp(double x);           /* < 1 ulp; 0 below -745.2, infinity above 709.78, NaN stays NaN */
double fus_fmath_log(double x);           /* < 1 ulp; -infinity at 0, NaN below 0; subnormals too */
double fus_fmath_log1p(double x);         /* < 2 ulp */
double fus_fmath_expm1(double x);         /* < 2 ulp */
double fus_fmath_pow(double x, double y); /* x > 0 only: about 1e-14 relative for moderate results */
void fus_fmath_sincospi(double *sin_pix, double *cos_pix, double x); /* of pi*x, |x| < 2^52; < 1 ulp of 1 */

/* ---- in float, for activations ---- */

#include <stdint.h>
#include <string.h>

/* e^x as 2^k e^r, |r| <= ln 2 / 2, with Taylor's series of r; x is clamped to LOW .. HIGH first. */
#define FUS_FMATH_EXPF_LOW (-87.0f)
#define FUS_FMATH_EXPF_HIGH 88.0f
#define FUS_FMATH_EXPF_SHIFT 12582912.0f /* 1.5 * 2^23: a sum with it is rounded to a whole number */
#define FUS_FMATH_EXPF_LOG2_E 1.44269504f
#define FUS_FMATH_EXPF_LN2_HIGH 0.693145751953125f
#define FUS_FMATH_EXPF_LN2_LOW 1.42860677e-6f
#define FUS_FMATH_EXPF_TAIL 1.0f / 5040, 1.0f / 720, 1.0f / 120, 1.0f / 24, 1.0f / 6, 0.5f

/* erf z = z NEAR(z^2) for z < 1, else 1 - exp(-FAR(z)), the constant term first; fits at
 * Chebyshev's points (tests/golden/activation.py). */
#define FUS_FMATH_ERFF_NEAR \
    0x1.20dd74p+0f, -0x1.81273ep-2f, 0x1.ce2d18p-4f, -0x1.b7fb38p-6f, 0x1.541636p-8f, -0x1.a46b4p-11f, 0x1.4a9dacp-14f
#define FUS_FMATH_ERFF_FAR                                                                             \
    -0x1.a3f48ap-12f, 0x1.216f4cp+0f, 0x1.431e14p-1f, 0x1.c646dcp-4f, -0x1.ba5c1ap-6f, 0x1.490f28p-8f, \
        -0x1.6105d6p-11f, 0x1.f7e4c4p-15f, -0x1.9f6e7p-19f, 0x1.1abb4ep-24f
#define FUS_FMATH_ROOT_HALF 0.70710678f
#define FUS_FMATH_QUICKGELU_SLOPE 1.702f

/* 2^k for m = EXPF_SHIFT + k, -126 <= k <= 127. */
static inline float fus_fmath_power2f(float m)
{
    uint32_t bits;
    memcpy(&bits, &m, sizeof bits);
    bits = (bits - 0x4b400000u + 127u) << 23;
    memcpy(&m, &bits, sizeof m);
    return m;
}

float fus_fmath_expf(float x); /* < 1.1 ulp between -87 and 88, their values beyond; NaN stays NaN */
float fus_fmath_erff(float x); /* absolute error < 1.5e-7 */

#endif
