/* Elementary functions in double, the same bits on every machine: fixed expressions of +, -, *, /, fma, sqrt, floor
 * and exponent arithmetic, nothing from libm that is not correctly rounded. Error bounds stand beside each function,
 * measured in tests/test_fmath.c against long double or SciPy. */
#ifndef FUS_FMATH_H
#define FUS_FMATH_H

double fus_fmath_exp(double x);    /* < 1 ulp; 0 below -745.2, infinity above 709.78, NaN stays NaN */
double fus_fmath_log(double x);    /* < 1 ulp; -infinity at 0, NaN below 0; subnormals too */
double fus_fmath_log1p(double x);  /* < 2 ulp */
double fus_fmath_expm1(double x);  /* < 2 ulp */
double fus_fmath_pow(double x, double y);                   /* x > 0 only: about 1e-14 relative for moderate results */
void fus_fmath_sincospi(double *sin_pix, double *cos_pix, double x); /* of pi*x, |x| < 2^52; < 1 ulp of 1 */

#endif
