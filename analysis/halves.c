/* Split-half reliability and cross-validated indices. An index measured on the pictures that selected the unit is biased upwards
 * (Kriegeskorte, Simmons, Bellgowan & Baker 2009, Nature Neuroscience 12, 535); measured on the other half it is not. */
#include <math.h>
#include <string.h>

#include "inference.h"

struct fus_moments fus_halves_view(const struct fus_moments *m, int half)
{
    int n = m->n_groups / 2;
    size_t skip = (size_t)(half * n) * m->n_units;
    return (struct fus_moments){n, m->n_units, m->n + half * n, m->mean + skip, m->m2 + skip};
}

/* mean = (n_a mean_a + n_b mean_b) / n,   m2 = m2_a + m2_b + (mean_b - mean_a)^2 n_a n_b / n */
int fus_halves_merge(struct fus_moments *out, const struct fus_moments *m, struct fus_error *err)
{
    if (m->n_groups != 2 * out->n_groups || m->n_units != out->n_units)
        return fus_base_fail(err, FUS_EINVAL, "halves: %d groups of %zu units do not merge into %d of %zu", m->n_groups,
                             m->n_units, out->n_groups, out->n_units);
    struct fus_moments a = fus_halves_view(m, 0), b = fus_halves_view(m, 1);
    for (int g = 0; g < out->n_groups; g++) {
        double n_a = (double)a.n[g], n_b = (double)b.n[g], n = n_a + n_b;
        double share = n > 0 ? n_b / n : 0, weight = n_a * share;
        out->n[g] = a.n[g] + b.n[g];
        for (size_t i = (size_t)g * m->n_units; i < (size_t)(g + 1) * m->n_units; i++) {
            double d = b.mean[i] - a.mean[i];
            out->mean[i] = a.mean[i] + d * share;
            out->m2[i] = a.m2[i] + b.m2[i] + d * d * weight;
        }
    }
    return FUS_OK;
}

/* Mean CSI (where defined) and d' of the units that `label` gives to category, measured in m; NaN for none. */
static void measure(double *csi, double *dprime, const struct fus_moments *m, const int8_t *label, int category)
{
    double csi_sum = 0, dprime_sum = 0;
    size_t n_csi = 0, n_dprime = 0;
    for (size_t u = 0; u < m->n_units; u++) {
        if (label[u] != category || !fus_select_defined(m, u))
            continue;
        double c = fus_csi_unit(m, u, category), d = fus_csi_dprime(m, u, category);
        if (!isnan(c))
            csi_sum += c, n_csi++;
        if (!isnan(d))
            dprime_sum += d, n_dprime++;
    }
    *csi = n_csi ? csi_sum / (double)n_csi : NAN;
    *dprime = n_dprime ? dprime_sum / (double)n_dprime : NAN;
}

/* The mean of two values of which one may be missing. */
static double mean_of_two(double a, double b)
{
    return isnan(a) ? b : isnan(b) ? a : 0.5 * (a + b);
}

/* Pearson's r in two passes over the units whose t is defined in both halves; NaN where one does not vary. */
static double t_correlation(const struct fus_moments halves[2], int category)
{
    double sum[2] = {0}, mean[2], xx = 0, yy = 0, xy = 0, n = 0;
    for (int pass = 0; pass < 2; pass++) {
        for (size_t u = 0; u < halves[0].n_units; u++) {
            double x = fus_select_least_t(&halves[0], u, category), y = fus_select_least_t(&halves[1], u, category);
            if (isnan(x) || isnan(y))
                continue;
            if (pass == 0) {
                sum[0] += x, sum[1] += y, n++;
                continue;
            }
            xx += (x - mean[0]) * (x - mean[0]);
            yy += (y - mean[1]) * (y - mean[1]);
            xy += (x - mean[0]) * (y - mean[1]);
        }
        mean[0] = sum[0] / n, mean[1] = sum[1] / n;
    }
    return xx > 0 && yy > 0 ? xy / sqrt(xx * yy) : NAN;
}

static void summarise(struct fus_halves_category *out, const struct fus_moments halves[2], int8_t *const label[2], int category)
{
    double csi[2][2], dprime[2][2]; /* [half that selected][half that is measured] */
    size_t both = 0, n[2] = {0};
    for (size_t u = 0; u < halves[0].n_units; u++) {
        bool a = label[0][u] == category, b = label[1][u] == category;
        n[0] += a, n[1] += b, both += a && b;
    }
    for (int selected = 0; selected < 2; selected++)
        for (int measured = 0; measured < 2; measured++)
            measure(&csi[selected][measured], &dprime[selected][measured], &halves[measured], label[selected], category);
    out->n_selected[0] = n[0], out->n_selected[1] = n[1];
    out->csi_same = mean_of_two(csi[0][0], csi[1][1]);
    out->csi_cross = mean_of_two(csi[0][1], csi[1][0]);
    out->dprime_same = mean_of_two(dprime[0][0], dprime[1][1]);
    out->dprime_cross = mean_of_two(dprime[0][1], dprime[1][0]);
    out->survival = mean_of_two(n[0] ? (double)both / (double)n[0] : NAN, n[1] ? (double)both / (double)n[1] : NAN);
    out->dice = n[0] + n[1] ? 2 * (double)both / (double)(n[0] + n[1]) : NAN;
    out->t_correlation = t_correlation(halves, category);
}

int fus_halves_layer(struct fus_halves_category *out, const struct fus_moments *m, enum fus_criterion criterion,
                     const struct fus_select_options *options, struct fus_error *err)
{
    if (m->n_groups % 2 || m->n_groups < 4 || m->n_units > INT32_MAX)
        return fus_base_fail(err, FUS_EINVAL, "halves: %d groups of %zu units, expected two per category", m->n_groups,
                             m->n_units);
    struct fus_moments halves[2] = {fus_halves_view(m, 0), fus_halves_view(m, 1)};
    struct fus_layer_summary layer[2] = {{.channels = 0}, {.channels = 0}};
    int code = FUS_OK;
    for (int h = 0; h < 2 && !code; h++)
        code = fus_criteria_layer(&layer[h], &halves[h], "half", (int)m->n_units, 1, 1, criterion, options, err);
    if (!code) {
        int8_t *const label[2] = {layer[0].label, layer[1].label};
        for (int c = 0; c < halves[0].n_groups; c++)
            summarise(&out[c], halves, label, c);
    }
    fus_select_free(&layer[0]);
    fus_select_free(&layer[1]);
    return code;
}
