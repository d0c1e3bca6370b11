/* SPDX-License-Identifier: MIT */
/* Elementary functions with the same bits on every machine (fmath.h).
 *
 * Each function reduces its argument exactly or with a kept remainder, sums a Taylor series of
 * fixed length by Horner's rule, and puts the leading terms together so that only the last addition
 * rounds at full size. The coefficients are quotients of small integers, which IEEE division rounds
 * the same everywhere; ln 2 is split in two as in fdlibm (Sun Microsystems 1993), whose form of the
 * logarithm's remainder is used too. Left out: signalling NaNs, floating-point flags, rounding
 * modes other than to nearest. */
#include "nn/base/fmath.h"

#include <math.h>
#include <stdint.h>

#include "nn/base/bits.h"

#define LN2_HIGH 0x1.62e42feep-1      /* first 32 bits: k * LN2_HIGH is exact for |k| < 2^21 */
#define LN2_LOW 0x1.a39ef35793c76p-33 /* ln 2 - LN2_HIGH */
#define LOG2_E 0x1.71547652b82fep+0   /* 1 / ln 2 */
#define PI 0x1.921fb54442d18p+1

/* 2^k for -1022 <= k <= 1023. */
static double power_of_two(int k)
{
    return fus_bits_to_double((uint64_t)(k + 1023) << 52);
}

/* x = k ln 2 + *r + *rest with |r| <= 0.35, rest below half an ulp of r; |x| < 1500. Returns k. */
static int reduce_ln2(double *r, double *rest, double x)
{
    double k = floor(x * LOG2_E + 0.5);
    double high = x - k * LN2_HIGH, low = k * LN2_LOW;
    *r = high - low;
    *rest = (high - *r) - low;
    return (int)k;
}

/* e^r - 1 - r = r^2 (1/2 + r/6 + ... + r^12/14!), |r| <= 0.35: the first term left
 * out is below 1e-19. */
static double exp_tail(double r)
{
    double p = 1.0 / 87178291200.0;
    p = p * r + 1.0 / 6227020800.0;
    p = p * r + 1.0 / 479001600.0;
    p = p * r + 1.0 / 39916800.0;
    p = p * r + 1.0 / 3628800.0;
    p = p * r + 1.0 / 362880.0;
    p = p * r + 1.0 / 40320.0;
    p = p * r + 1.0 / 5040.0;
    p = p * r + 1.0 / 720.0;
    p = p * r + 1.0 / 120.0;
    p = p * r + 1.0 / 24.0;
    p = p * r + 1.0 / 6.0;
    p = p * r + 0.5;
    return p * (r * r);
}

double fus_fmath_exp(double x)
{
    if (isnan(x))
        return x;
    if (x > 709.79)
        return INFINITY;
    if (x < -745.2)
        return 0;
    double r, rest;
    int k = reduce_ln2(&r, &rest, x);
    double sum = 1 + r, lost = (1 - sum) + r;
    double y = sum + (lost + (rest + exp_tail(r)));
    if (k > 1000)
        return y * power_of_two(1000) * power_of_two(k - 1000);
    if (k < -1000)
        return y * power_of_two(-1000) * power_of_two(k + 1000);
    return y * power_of_two(k);
}

/* x = 2^k m with m in [sqrt(1/2), sqrt(2)), then with f = m - 1 and s = f / (2 + f)
 *   log(1 + f) = 2 atanh(s) = f - (f^2/2 - s (f^2/2 + R)),   R = 2 (s^2/3 + s^4/5 + ... + s^22/23)
 * (fdlibm's e_log.c; |s| < 0.172, the first term left out is below 1e-19 of the result). */
double fus_fmath_log(double x)
{
    if (isnan(x) || x < 0)
        return NAN;
    if (x == 0)
        return -INFINITY;
    if (x > 0x1.fffffffffffffp+1023)
        return INFINITY;
    int k = 0;
    if (x < 0x1p-1022) {
        x *= 0x1p54;
        k = -54;
    }
    uint64_t u = fus_bits_of_double(x);
    k += (int)(u >> 52) - 1023;
    double m = fus_bits_to_double((u & 0xfffffffffffffu) | (uint64_t)1023 << 52);
    if (m >= 0x1.6a09e667f3bcdp+0) {
        m *= 0.5;
        k++;
    }
    double f = m - 1, s = f / (2 + f), z = s * s, p = 2.0 / 23;
    p = p * z + 2.0 / 21;
    p = p * z + 2.0 / 19;
    p = p * z + 2.0 / 17;
    p = p * z + 2.0 / 15;
    p = p * z + 2.0 / 13;
    p = p * z + 2.0 / 11;
    p = p * z + 2.0 / 9;
    p = p * z + 2.0 / 7;
    p = p * z + 2.0 / 5;
    p = p * z + 2.0 / 3;
    double half = 0.5 * f * f;
    return k * LN2_HIGH - ((half - (s * (half + p * z) + k * LN2_LOW)) - f);
}

/* With u = 1 + x rounded: log(1 + x) = log(u) + (x - (u - 1)) / u to first order, and the
 * second is below 1e-32. */
double fus_fmath_log1p(double x)
{
    if (isnan(x) || x < -1)
        return NAN;
    double u = 1 + x;
    if (u == 1 || x > 0x1p60)
        return u == 1 ? x : fus_fmath_log(x);
    if (u == 0)
        return -INFINITY;
    return fus_fmath_log(u) + (x - (u - 1)) / u;
}

/* 2^k ((1 - 2^-k) + r + tail(r)): the constant is exact for k < 54 and its sum with r
 * keeps what it loses. */
double fus_fmath_expm1(double x)
{
    if (isnan(x))
        return x;
    if (x > 709.79)
        return INFINITY;
    if (x < -40)
        return -1;
    double r, rest;
    int k = reduce_ln2(&r, &rest, x);
    if (k == 0)
        return x + exp_tail(x);
    double one = k < 60 ? 1 - power_of_two(-k) : 1;
    double sum = one + r, lost = (one - sum) + r;
    double y = sum + (lost + (rest + exp_tail(r)));
    if (k > 1000)
        return y * power_of_two(1000) * power_of_two(k - 1000);
    return y * power_of_two(k);
}

double fus_fmath_pow(double x, double y)
{
    if (y == 0 || x == 1)
        return 1;
    return fus_fmath_exp(y * fus_fmath_log(x));
}

/* sin and cos of y, |y| <= pi/4, as 1 - y^2/2 + ...; the first terms left out are below 1e-18. */
static void sincos_small(double *sine, double *cosine, double y)
{
    double z = y * y, s = 1.0 / 355687428096000.0, c = 1.0 / 20922789888000.0;
    s = s * z - 1.0 / 1307674368000.0;
    s = s * z + 1.0 / 6227020800.0;
    s = s * z - 1.0 / 39916800.0;
    s = s * z + 1.0 / 362880.0;
    s = s * z - 1.0 / 5040.0;
    s = s * z + 1.0 / 120.0;
    s = s * z - 1.0 / 6.0;
    c = c * z - 1.0 / 87178291200.0;
    c = c * z + 1.0 / 479001600.0;
    c = c * z - 1.0 / 3628800.0;
    c = c * z + 1.0 / 40320.0;
    c = c * z - 1.0 / 720.0;
    c = c * z + 1.0 / 24.0;
    double half = 0.5 * z, rest = 1 - half;
    *sine = y + y * (z * s);
    *cosine = rest + (((1 - rest) - half) + z * z * c);
}

/* x = n/2 + r exactly with |r| <= 1/4: a quarter turn for each n. */
void fus_fmath_sincospi(double *sin_pix, double *cos_pix, double x)
{
    if (!(fabs(x) < 0x1p52)) {
        *sin_pix = *cos_pix = NAN;
        return;
    }
    double n = floor(2 * x + 0.5), s, c;
    sincos_small(&s, &c, PI * (x - 0.5 * n));
    switch ((int)(n - 4 * floor(n * 0.25))) {
    case 0:
        *sin_pix = s, *cos_pix = c;
        break;
    case 1:
        *sin_pix = c, *cos_pix = -s;
        break;
    case 2:
        *sin_pix = -s, *cos_pix = -c;
        break;
    default:
        *sin_pix = -c, *cos_pix = s;
        break;
    }
}

/* ---- in float ---- */

/* act_tile.h has the same expressions for vectors. */
float fus_fmath_expf(float x)
{
    static const float tail[] = {FUS_FMATH_EXPF_TAIL};
    x = x < FUS_FMATH_EXPF_LOW ? FUS_FMATH_EXPF_LOW : x;
    x = FUS_FMATH_EXPF_HIGH < x ? FUS_FMATH_EXPF_HIGH : x;
    float m = fmaf(x, FUS_FMATH_EXPF_LOG2_E, FUS_FMATH_EXPF_SHIFT), k = m - FUS_FMATH_EXPF_SHIFT;
    float r = fmaf(k, -FUS_FMATH_EXPF_LN2_HIGH, x), p = tail[0];
    r = fmaf(k, -FUS_FMATH_EXPF_LN2_LOW, r);
    for (int i = 1; i < 6; i++)
        p = fmaf(p, r, tail[i]);
    float y = fmaf(r * r, p, r) + 1.0f;
    return y * fus_fmath_power2f(m);
}

float fus_fmath_erff(float x)
{
    static const float near[] = {FUS_FMATH_ERFF_NEAR}, far[] = {FUS_FMATH_ERFF_FAR};
    float z = x < 0 ? 0 - x : x, p = near[6], q = far[9];
    z = 4.0f < z ? 4.0f : z;
    for (int i = 5; i >= 0; i--)
        p = fmaf(p, z * z, near[i]);
    for (int i = 8; i >= 0; i--)
        q = fmaf(q, z, far[i]);
    float y = z < 1.0f ? z * p : 1.0f - fus_fmath_expf(0 - q);
    return x < 0 ? 0 - y : y;
}
