/* SPDX-License-Identifier: MIT */
/* Losses of a batch and their gradients (loss.h has the formulas). Everything is double; sums run
 * in index order, over the pictures of the batch in their order. Each formula is held to central
 * differences by tests/test_loss.c. */
#include "nn/train/loss.h"

#include <math.h>
#include <string.h>

#include "nn/base/fmath.h"

/* p [n] = softmax(l); returns log(sum exp(l)). l and p may be strided: element i is at i * step. */
static double softmax(double *p, const double *l, int n, size_t step)
{
    double most = l[0], sum = 0;
    for (int i = 1; i < n; i++)
        most = l[(size_t)i * step] > most ? l[(size_t)i * step] : most;
    for (int i = 0; i < n; i++) {
        p[(size_t)i * step] = fus_fmath_exp(l[(size_t)i * step] - most);
        sum += p[(size_t)i * step];
    }
    for (int i = 0; i < n; i++)
        p[(size_t)i * step] /= sum;
    return most + fus_fmath_log(sum);
}

/* One picture: -sum q (l - log sum exp l); d = (p - q) / n_batch, unless NULL. p is scratch
 * [n_classes]. */
static double cross_entropy_of(double *d, const double *l, int label, int n_classes, double smooth, int n_batch)
{
    double off = smooth / n_classes, on = 1 - smooth + off, loss = 0, most = l[0], sum = 0;
    for (int c = 1; c < n_classes; c++)
        most = l[c] > most ? l[c] : most;
    for (int c = 0; c < n_classes; c++)
        sum += fus_fmath_exp(l[c] - most);
    double log_sum = most + fus_fmath_log(sum);
    for (int c = 0; c < n_classes; c++) {
        double q = c == label ? on : off;
        loss -= q * (l[c] - log_sum);
        if (d)
            d[c] = (fus_fmath_exp(l[c] - most) / sum - q) / n_batch;
    }
    return loss;
}

double fus_loss_cross_entropy(double *d_logits, const double *logits, const int *label, int n, int n_classes,
                              double smooth)
{
    double loss = 0;
    for (int i = 0; i < n; i++) {
        size_t at = (size_t)i * (size_t)n_classes;
        if (label[i] >= 0)
            loss += cross_entropy_of(d_logits ? d_logits + at : NULL, logits + at, label[i], n_classes, smooth, n);
        else if (d_logits)
            memset(d_logits + at, 0, (size_t)n_classes * sizeof *d_logits);
    }
    return loss / n;
}

/* unit [dim] = u / |u|, 0 where u is 0; returns |u|. */
static double unit_length(double *unit, const double *u, int dim)
{
    double sum = 0;
    for (int j = 0; j < dim; j++)
        sum = fma(u[j], u[j], sum);
    double length = sqrt(sum);
    for (int j = 0; j < dim; j++)
        unit[j] = length > 0 ? u[j] / length : 0;
    return length;
}

static double dot(const double *a, const double *b, int dim)
{
    double sum = 0;
    for (int j = 0; j < dim; j++)
        sum = fma(a[j], b[j], sum);
    return sum;
}

/* Through u^ = u / |u|:  du = (g - u^ (u^ . g)) / |u|, where g = dL/du^. du may be
 *                        g. 0 where u is 0. */
static void back_through_unit_length(double *du, const double *g, const double *unit, double length, int dim)
{
    double along = dot(unit, g, dim);
    for (int j = 0; j < dim; j++)
        du[j] = length > 0 ? (g[j] - unit[j] * along) / length : 0;
}

/* The picture's 1 - u^ . t^; du = -(t^ - u^ (u^ . t^)) / |u| / n without storing u^. */
static double cosine_of(double *du, const double *u, const double *t, int dim, int n)
{
    double length = sqrt(dot(u, u, dim)), target = sqrt(dot(t, t, dim));
    double along = length > 0 && target > 0 ? dot(u, t, dim) / (length * target) : 0;
    for (int j = 0; du && j < dim; j++)
        du[j] = length > 0 && target > 0 ? -(t[j] / target - u[j] / length * along) / length / n : 0;
    return 1 - along;
}

double fus_loss_cosine(double *du, const double *u, const double *target, int n, int dim)
{
    double loss = 0;
    for (int i = 0; i < n; i++) {
        size_t at = (size_t)i * (size_t)dim;
        loss += cosine_of(du ? du + at : NULL, u + at, target + at, dim, n);
    }
    return loss / n;
}

double fus_loss_mse(double *du, const double *u, const double *target, int n, int dim)
{
    double loss = 0, scale = 2.0 / ((double)n * dim);
    for (int i = 0; i < n; i++) {
        double sum = 0;
        for (int j = 0; j < dim; j++) {
            size_t at = (size_t)i * (size_t)dim + (size_t)j;
            double d = u[at] - target[at];
            sum = fma(d, d, sum);
            if (du)
                du[at] = scale * d;
        }
        loss += sum / dim;
    }
    return loss / n;
}

/* Logits s E F' [n, n] -> (softmax of rows + softmax of columns) / 2 - I, over n, in `d`;
 * returns the loss. */
static double infonce_logits(double *d, const double *logits, double *column, int n)
{
    double loss = 0;
    size_t width = (size_t)n;
    for (int i = 0; i < n; i++)
        loss += softmax(d + (size_t)i * width, logits + (size_t)i * width, n, 1) - logits[(size_t)i * (width + 1)];
    for (int j = 0; j < n; j++) {
        loss += softmax(column + j, logits + j, n, width) - logits[(size_t)j * (width + 1)];
        for (int i = 0; i < n; i++) {
            size_t at = (size_t)i * width + (size_t)j;
            d[at] = ((d[at] + column[at]) / 2 - (i == j)) / n;
        }
    }
    return loss / 2 / n;
}

/* g [n, dim] = s D F (rows of D), or with `turned` s D' F (columns of D); then back
 * through unit length. */
static void infonce_back(double *g, const double *d, const double *other, const double *unit, const double *raw,
                         double s, bool turned, int n, int dim)
{
    for (int i = 0; i < n; i++) {
        double *row = g + (size_t)i * (size_t)dim;
        memset(row, 0, (size_t)dim * sizeof *row);
        for (int k = 0; k < n; k++) {
            double weight = s * d[turned ? (size_t)k * (size_t)n + (size_t)i : (size_t)i * (size_t)n + (size_t)k];
            for (int j = 0; j < dim; j++)
                row[j] = fma(weight, other[(size_t)k * (size_t)dim + (size_t)j], row[j]);
        }
        const double *u = raw + (size_t)i * (size_t)dim;
        back_through_unit_length(row, row, unit + (size_t)i * (size_t)dim, sqrt(dot(u, u, dim)), dim);
    }
}

double fus_loss_infonce(double *du, double *dv, double *d_scale, const double *u, const double *v, double scale, int n,
                        int dim, double *scratch)
{
    size_t square = (size_t)n * (size_t)n, rows = (size_t)n * (size_t)dim;
    double *logits = scratch, *d = logits + square, *column = d + square, *e = column + square, *f = e + rows,
           s = fus_fmath_exp(scale), sum = 0;
    for (int i = 0; i < n; i++) {
        unit_length(e + (size_t)i * (size_t)dim, u + (size_t)i * (size_t)dim, dim);
        unit_length(f + (size_t)i * (size_t)dim, v + (size_t)i * (size_t)dim, dim);
    }
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++)
            logits[(size_t)i * (size_t)n + (size_t)j] =
                s * dot(e + (size_t)i * (size_t)dim, f + (size_t)j * (size_t)dim, dim);
    double loss = infonce_logits(d, logits, column, n);
    for (size_t i = 0; i < square; i++)
        sum += d[i] * logits[i];
    if (d_scale)
        *d_scale = sum;
    if (du)
        infonce_back(du, d, f, e, u, s, false, n, dim);
    if (dv)
        infonce_back(dv, d, e, f, v, s, true, n, dim);
    return loss;
}
