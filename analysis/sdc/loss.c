/* SPDX-License-Identifier: MIT */
/* The objective of a decoder and its gradient, as the formulas are read: see loss.h.
 *
 *   R = softmax of s over j, C = softmax of s over i
 *   G_ij = (R_ij + C_ij - 2 [i = j]) / (2 n tau)            dL / d(p_i . y_j)
 *   dp_i = sum_j G_ij y_j
 *   dz_i = (dp_i - (dp_i . p_i) p_i) / |z_i|                through the unit length
 *   dW = sum_i x_i dz_i',  db = sum_i dz_i */
#include "analysis/sdc/loss.h"

#include <math.h>

#include "nn/base/fmath.h"

static double dot(const double *a, const double *b, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

/* p [n, d], length [n, 1]: the decoded embeddings. */
static void decode(double *p, double *length, const struct fus_sdc_batch *c)
{
    for (size_t i = 0; i < c->n; i++) {
        double *z = p + i * c->d;
        for (size_t j = 0; j < c->d; j++) {
            z[j] = c->b[j];
            for (size_t v = 0; v < c->n_voxels; v++)
                z[j] += c->x[i * c->n_voxels + v] * c->w[v * c->d + j];
        }
        length[i] = sqrt(dot(z, z, c->d));
        for (size_t j = 0; j < c->d; j++)
            z[j] = length[i] > 0 ? z[j] / length[i] : 0;
    }
}

static bool left_out(const struct fus_sdc_batch *c, size_t i, size_t j)
{
    return c->image && i != j && c->image[i] == c->image[j];
}

/* share[k] = softmax of s over k, for n numbers `step` apart, of which those left out are
 * -infinity. Returns log sum e^s. */
static double softmax(double *share, const double *s, size_t n, size_t step)
{
    double largest = -INFINITY, sum = 0;
    for (size_t k = 0; k < n; k++)
        largest = s[k * step] > largest ? s[k * step] : largest;
    for (size_t k = 0; k < n; k++)
        sum += share[k * step] = fus_fmath_exp(s[k * step] - largest);
    for (size_t k = 0; k < n; k++)
        share[k * step] /= sum;
    return fus_fmath_log(sum) + largest;
}

double fus_sdc_loss(double *dw, double *db, const struct fus_sdc_batch *c, double *scratch)
{
    size_t n = c->n, d = c->d;
    double *p = scratch, *dz = p + n * d, *s = dz + n * d, *r = s + n * n, *q = r + n * n, loss = 0;
    double *length = dz; /* of z_i, in the place of dz_i until that is known */
    decode(p, q, c);
    for (size_t i = 0; i < n; i++)
        length[i * d] = q[i];
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++)
            s[i * n + j] = left_out(c, i, j) ? -INFINITY : dot(p + i * d, c->y + j * d, d) / c->temperature;
    for (size_t i = 0; i < n; i++)
        loss += softmax(r + i * n, s + i * n, n, 1) - s[i * n + i];
    for (size_t j = 0; j < n; j++)
        loss += softmax(q + j, s + j, n, n) - s[j * n + j];
    for (size_t i = 0; i < n; i++) {
        double along, size = length[i * d], *dp = dz + i * d;
        for (size_t k = 0; k < d; k++)
            dp[k] = 0;
        for (size_t j = 0; j < n; j++)
            for (size_t k = 0; k < d; k++)
                dp[k] +=
                    (r[i * n + j] + q[i * n + j] - 2 * (i == j)) / (2 * (double)n * c->temperature) * c->y[j * d + k];
        along = dot(dp, p + i * d, d);
        for (size_t k = 0; k < d; k++)
            dp[k] = size > 0 ? (dp[k] - along * p[i * d + k]) / size : 0;
    }
    for (size_t k = 0; dw && k < c->n_voxels * d; k++) {
        dw[k] = 0;
        for (size_t i = 0; i < n; i++)
            dw[k] += c->x[i * c->n_voxels + k / d] * dz[i * d + k % d];
    }
    for (size_t k = 0; db && k < d; k++) {
        db[k] = 0;
        for (size_t i = 0; i < n; i++)
            db[k] += dz[i * d + k];
    }
    return loss / (2 * (double)n);
}
