/* SPDX-License-Identifier: MIT */
/* Two-sample t statistics from counts, means and variances. With e = s^2/n per group,
 *   Welch (1947)     t = (mean_a - mean_b) / sqrt(e_a + e_b)
 *                    df = 1 / (r^2/(n_a - 1) + (1-r)^2/(n_b - 1)),   r = e_a / (e_a + e_b)
 *   Student (1908)   s^2 = ((n_a - 1) s_a^2 + (n_b - 1) s_b^2) / df,   df = n_a + n_b - 2
 * Welch's df is Satterthwaite's, divided through by (e_a + e_b)^2 so that tiny variances do not
 * underflow. */
#include <math.h>

#include "analysis/analysis.h"

double fus_ttest_welch(double *df, double mean_a, double var_a, double n_a, double mean_b, double var_b, double n_b)
{
    double e_a = var_a / n_a, e_b = var_b / n_b, e = e_a + e_b;
    if (e == 0) {
        *df = 1;
        return 0;
    }
    double r = e_a / e, s = e_b / e;
    *df = 1 / (r * r / (n_a - 1) + s * s / (n_b - 1));
    return (mean_a - mean_b) / sqrt(e);
}

double fus_ttest_student(double *df, double mean_a, double var_a, double n_a, double mean_b, double var_b, double n_b)
{
    *df = n_a + n_b - 2;
    double pooled = ((n_a - 1) * var_a + (n_b - 1) * var_b) / *df, e = pooled / n_a + pooled / n_b;
    if (e == 0) {
        *df = 1;
        return 0;
    }
    return (mean_a - mean_b) / sqrt(e);
}

double fus_ttest_p(double mean_a, double var_a, double n_a, double mean_b, double var_b, double n_b)
{
    if (var_a == 0 && var_b == 0)
        return 1;
    double df, t = fus_ttest_welch(&df, mean_a, var_a, n_a, mean_b, var_b, n_b);
    return fus_special_t_sf(t, df);
}
