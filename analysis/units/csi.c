/* SPDX-License-Identifier: MIT */
/* The selectivity indices of single units and their summary over a layer's selective units
 * (analysis.h, METHOD.md): CSI as in Lu & Wang 2025 (arXiv 2502.16456), d' as in Afraz, Boyden &
 * DiCarlo 2015, by the formula of Brain-Score and TDANN, which pool the other pictures and divide
 * variances by n. Sums run over units in the order of their index. */
#include <math.h>
#include <string.h>

#include "analysis/analysis.h"

/* The unweighted mean of the other categories' means, added in the categories' order. */
static double mean_of_others(const struct fus_moments *m, size_t unit, int category)
{
    double sum = 0;
    for (int o = 0; o < m->n_groups; o++)
        if (o != category)
            sum += m->mean[(size_t)o * m->n_units + unit];
    return sum / (m->n_groups - 1);
}

double fus_csi_unit(const struct fus_moments *m, size_t unit, int category)
{
    double preferred = m->mean[(size_t)category * m->n_units + unit], others = mean_of_others(m, unit, category);
    if (m->is_signed) /* the sum says nothing about the size of the responses */
        return NAN;
    return preferred + others > 0 ? (preferred - others) / (preferred + others) : NAN;
}

/* Mean and variance of all pictures of the other categories, pooled: squared deviations within each
 * category, and of the categories' means from the mean. */
static double pool_others(double *variance, const struct fus_moments *m, size_t unit, int category)
{
    double n = 0, sum = 0, squares = 0;
    for (int o = 0; o < m->n_groups; o++)
        if (o != category) {
            n += (double)m->n[o];
            sum += (double)m->n[o] * m->mean[(size_t)o * m->n_units + unit];
        }
    for (int o = 0; o < m->n_groups; o++)
        if (o != category) {
            double d = m->mean[(size_t)o * m->n_units + unit] - sum / n;
            squares += m->m2[(size_t)o * m->n_units + unit] + (double)m->n[o] * d * d;
        }
    *variance = squares / n;
    return sum / n;
}

double fus_csi_dprime(const struct fus_moments *m, size_t unit, int category)
{
    size_t preferred = (size_t)category * m->n_units + unit;
    double of_others, mean = pool_others(&of_others, m, unit, category),
                      variance = m->m2[preferred] / (double)m->n[category] + of_others;
    return variance > 0 ? (m->mean[preferred] - mean) / sqrt(0.5 * variance) : NAN;
}

int fus_csi_summarise(struct fus_category_summary *out, const struct fus_moments *m, const int8_t *label, int category,
                      struct fus_error *err)
{
    size_t n = 0, n_csi = 0;
    const int8_t *end = label + m->n_units;
    for (const int8_t *at = label; (at = memchr(at, category, (size_t)(end - at))) != NULL; at++)
        n++;
    double *csi = fus_base_aligned(n + 1, sizeof *csi);
    if (!csi)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for the indices of %zu units", n);
    double sum = 0, dprime = 0, squares = 0;
    for (const int8_t *at = label; (at = memchr(at, category, (size_t)(end - at))) != NULL; at++) {
        size_t u = (size_t)(at - label);
        double value = fus_csi_unit(m, u, category);
        dprime += fus_csi_dprime(m, u, category);
        if (!isnan(value))
            sum += csi[n_csi++] = value;
    }
    double mean = sum / (double)n_csi;
    for (size_t i = 0; i < n_csi; i++)
        squares += (csi[i] - mean) * (csi[i] - mean);
    out->n_selective = n;
    out->proportion = (double)n / (double)m->n_units;
    out->n_csi = n_csi;
    out->n_csi_undefined = n - n_csi;
    out->csi_mean = n_csi ? mean : NAN;
    out->csi_sd = n_csi > 1 ? sqrt(squares / (double)(n_csi - 1)) : NAN;
    out->csi_sem = n_csi > 1 ? out->csi_sd / sqrt((double)n_csi) : NAN;
    out->dprime_mean = n ? dprime / (double)n : NAN;
    fus_base_free(csi);
    return FUS_OK;
}
