/* Effect sizes that stand beside every p (METHOD.md): a p of 1e-30 from 200 pictures says little without them. */
#include <math.h>

#include "inference.h"

double fus_effect_dprime(double mean_a, double var_a, double mean_b, double var_b)
{
    double variance = 0.5 * (var_a + var_b);
    return variance > 0 ? (mean_a - mean_b) / sqrt(variance) : NAN;
}

double fus_effect_cohen(double mean_a, double var_a, double n_a, double mean_b, double var_b, double n_b)
{
    double variance = ((n_a - 1) * var_a + (n_b - 1) * var_b) / (n_a + n_b - 2);
    return variance > 0 ? (mean_a - mean_b) / sqrt(variance) : NAN;
}
