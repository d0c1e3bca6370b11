/* SPDX-License-Identifier: MIT */
/* Maps against chance (analysis.h): n selective units of a layer placed at random among its
 * C channels x Q places, every choice of n of the C Q positions equally likely. x_i is the number
 * of units at place i, Y = sum x_i (x_i - 1) the number of ordered pairs that share a place.
 *
 * The first three moments of Y follow from the factorial moments of the multivariate
 * hypergeometric distribution, with (x)_r = x (x-1) ... (x-r+1) and N = C Q:
 *
 *   E prod (x_i)_(r_i) = (n)_R / (N)_R prod (C)_(r_i),   R = sum r_i
 *
 * Its distribution is approximated by the gamma distribution of these moments, shifted (Pearson's
 * type III), with half a step of Y, which is even, as continuity correction. Beyond 20 units a
 * place, where the third moment would lose its digits, the skewness is that of the chi-square
 * distribution with Q - 1 degrees of freedom. */
#include <math.h>

#include "analysis/analysis.h"
#include "nn/base/fmath.h"

#define EPSILON 0x1p-53
#define MAX_TURNS 100000
#define LEAST_SKEWNESS 0.01 /* below this the gamma distribution is all but normal */
#define MANY_PER_PLACE 20
#define MANY_UNITS 1000

/* ---- the gamma distribution ---- */

/* x^a e^-x / Gamma(a + 1) */
static double gamma_front(double a, double x)
{
    return fus_fmath_exp(a * fus_fmath_log(x) - x - fus_special_lgamma(a + 1));
}

/* P(a, x) by its series, x < a + 1: NIST DLMF 8.11.4 */
static double gamma_series(double a, double x)
{
    double term = 1, sum = 1;
    for (int k = 1; k < MAX_TURNS && term > sum * EPSILON; k++) {
        term *= x / (a + k);
        sum += term;
    }
    return sum * gamma_front(a, x);
}

/* Q(a, x) by its continued fraction, x >= a + 1, with Lentz's method: NIST DLMF 8.9.2 */
static double gamma_fraction(double a, double x)
{
    double b = x + 1 - a, c = 1e300, d = 1 / b, h = d;
    for (int k = 1; k < MAX_TURNS; k++) {
        double step = -k * (k - a);
        b += 2;
        d = 1 / (step * d + b);
        c = b + step / c;
        h *= c * d;
        if (fabs(c * d - 1) < EPSILON * 4)
            break;
    }
    return h * a * gamma_front(a, x);
}

/* P(X > x) of the gamma distribution with shape a and scale 1. */
static double gamma_sf(double a, double x)
{
    if (x <= 0)
        return 1;
    return x < a + 1 ? 1 - gamma_series(a, x) : gamma_fraction(a, x);
}

/* ---- the distribution of Y ---- */

struct placement {
    double n, channels, places, cells;
    double mean, sd, shape; /* of Y, and of the gamma distribution */
};

/* E (x_1)_a (x_2)_b (x_3)_c of three different places. */
static double factorial_moment(const struct placement *p, int a, int b, int c)
{
    const int powers[3] = {a, b, c};
    double product = 1;
    for (int k = 0, drawn = 0; k < 3; k++)
        for (int i = 0; i < powers[k]; i++, drawn++)
            product *= p->n > drawn ? (p->n - drawn) / (p->cells - drawn) * (p->channels - i) : 0;
    return product;
}

static double skewness_of(const struct placement *p, double variance, double second)
{
    double q = p->places, mean = p->mean;
    double third =
        q * (factorial_moment(p, 6, 0, 0) + 12 * factorial_moment(p, 5, 0, 0) + 38 * factorial_moment(p, 4, 0, 0) +
             32 * factorial_moment(p, 3, 0, 0) + 4 * factorial_moment(p, 2, 0, 0)) +
        3 * q * (q - 1) *
            (factorial_moment(p, 4, 2, 0) + 4 * factorial_moment(p, 3, 2, 0) + 2 * factorial_moment(p, 2, 2, 0)) +
        q * (q - 1) * (q - 2) * factorial_moment(p, 2, 2, 2);
    return (third - 3 * mean * second + 2 * mean * mean * mean) / (variance * sqrt(variance));
}

/* n at most half the positions: sd 0 where every placement gives the same Y. */
static struct placement placement_of(size_t n, int channels, size_t n_places)
{
    struct placement p = {.n = (double)n, .channels = channels, .places = (double)n_places};
    p.cells = p.channels * p.places;
    double q = p.places;
    p.mean = q * factorial_moment(&p, 2, 0, 0);
    double second =
        q * (factorial_moment(&p, 4, 0, 0) + 4 * factorial_moment(&p, 3, 0, 0) + 2 * factorial_moment(&p, 2, 0, 0)) +
        q * (q - 1) * factorial_moment(&p, 2, 2, 0);
    double variance = second - p.mean * p.mean;
    if (n_places < 2 || n < 2 || !(variance > 1e-9 * (1 + p.mean)))
        return p;
    bool many = p.n > MANY_UNITS && p.n > MANY_PER_PLACE * q;
    double skewness = many ? sqrt(8 / (q - 1)) : skewness_of(&p, variance, second);
    skewness = skewness > LEAST_SKEWNESS ? skewness : LEAST_SKEWNESS;
    p.sd = sqrt(variance);
    p.shape = 4 / (skewness * skewness);
    return p;
}

/* P(Y >= y) */
static double upper_tail(const struct placement *p, double y)
{
    return p->sd > 0 ? gamma_sf(p->shape, p->shape + (y - 1 - p->mean) / p->sd * sqrt(p->shape)) : 1;
}

/* The free positions of a layer that is more than half full are placed at random as well: sum x^2
 * of the ones follows from that of the others. */
static size_t rarer(size_t n, int channels, size_t n_places)
{
    size_t free = (size_t)channels * n_places - n;
    return free < n ? free : n;
}

static double squares_of_free(double squares, size_t n, int channels, size_t n_places)
{
    double c = channels;
    return c * c * (double)n_places - 2 * c * (double)n + squares;
}

double fus_placement_p(double squares, size_t n, int channels, size_t n_places)
{
    size_t placed = rarer(n, channels, n_places);
    if (n == 0)
        return NAN;
    struct placement p = placement_of(placed, channels, n_places);
    return upper_tail(&p, (placed < n ? squares_of_free(squares, n, channels, n_places) : squares) - (double)placed);
}

double fus_placement_squares(double share, size_t n, int channels, size_t n_places)
{
    size_t placed = rarer(n, channels, n_places);
    struct placement p = placement_of(placed, channels, n_places);
    double low = p.mean - 10 * p.sd, high = p.mean + 40 * p.sd;
    for (int i = 0; i < 60 && p.sd > 0; i++) { /* P(Y >= y + 1) falls with y */
        double middle = 0.5 * (low + high);
        if (upper_tail(&p, middle + 1) > 1 - share)
            low = middle;
        else
            high = middle;
    }
    double y = low > 0 ? low : 0, squares = y + (double)placed;
    return placed < n ? squares_of_free(squares, placed, channels, n_places) : squares;
}

double fus_placement_variation(size_t n, int channels, size_t n_places)
{
    double p = (double)n / ((double)channels * (double)n_places);
    return n ? sqrt((1 - p) / (p * channels)) : NAN;
}

double fus_placement_cv(double squares, size_t n, size_t n_places)
{
    double v = (double)n_places * squares / ((double)n * (double)n) - 1;
    return n ? sqrt(v > 0 ? v : 0) : NAN;
}

double fus_placement_morisita(double squares, size_t n, size_t n_places)
{
    return n > 1 ? (double)n_places * (squares - (double)n) / ((double)n * ((double)n - 1)) : NAN;
}
