/* SPDX-License-Identifier: MIT */
/* Agreement of response profiles: see contrast.h. */
#include <math.h>
#include <string.h>

#include "analysis/contrast.h"
#include "nn/base/threads.h"

/* ---- profiles ---- */

struct profiles {
    double *out;
    const struct fus_responses *r;
    const int *half;
    int n_categories;
    const size_t *units[2], *n[2]; /* chosen in half 0, 1 */
    float *rows;                   /* [threads, n_units] */
};

/* One picture: means over the units that the other half chose, added by rank. */
static void profile_picture(void *context, int picture, int thread)
{
    const struct profiles *p = context;
    size_t n_images = p->r->n_images, chosen = (size_t)(1 - p->half[picture]);
    const size_t *units = p->units[chosen];
    float *x = p->rows + (size_t)thread * p->r->n_units;
    fus_responses_row(x, p->r, (size_t)picture, 0, p->r->n_units);
    for (int c = 0; c < p->n_categories; c++) {
        double sum[2] = {0, 0}, n = (double)p->n[chosen][c], even = ceil(n / 2);
        for (size_t i = 0; i < p->n[chosen][c]; i++)
            sum[i % 2] += x[*units++];
        double *to = p->out + (size_t)c * FUS_AGREEMENT_UNITS * n_images + (size_t)picture;
        to[FUS_AGREEMENT_ALL * n_images] = n > 0 ? (sum[0] + sum[1]) / n : NAN;
        to[FUS_AGREEMENT_EVEN * n_images] = n > 1 ? sum[0] / even : NAN;
        to[FUS_AGREEMENT_ODD * n_images] = n > 1 ? sum[1] / (n - even) : NAN;
    }
}

/* The units of both halves, from the moments of all their pictures. row [n_units] is scratch. */
static int choose_both(size_t *units[2], size_t *n[2], const struct fus_matched *m, const struct fus_responses *r,
                       const int *half, float *row, struct fus_error *err)
{
    struct fus_moments all;
    int code = fus_moments_create(&all, 2 * m->n_categories, r->n_units, err);
    for (size_t i = 0; i < r->n_images && !code; i++) {
        fus_responses_row(row, r, i, 0, r->n_units);
        fus_moments_add(&all, half[i] * m->n_categories + r->category[i], row);
    }
    for (int h = 0; h < 2 && !code; h++) {
        struct fus_moments one = fus_halves_view(&all, h);
        code = fus_matched_choose(units[h], n[h], m, &one, r->channels, err);
    }
    fus_moments_destroy(&all);
    return code;
}

int fus_agreement_profiles(double *out, const struct fus_matched *m, const struct fus_responses *r, const int *half,
                           struct fus_error *err)
{
    size_t n = (size_t)m->n_categories, room = 0;
    for (size_t c = 0; c < n; c++)
        room += m->first[c + 1] > m->first[c] ? m->k[m->first[c + 1] - 1] : 0;
    size_t *numbers = fus_base_alloc(room + n, 2 * sizeof *numbers);
    float *rows = fus_base_aligned((size_t)fus_base_threads() * r->n_units, sizeof *rows);
    int code =
        numbers && rows ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "no memory for the profiles of %zu units", room);
    if (!code) {
        size_t *units[2] = {numbers, numbers + room}, *counts[2] = {numbers + 2 * room, numbers + 2 * room + n};
        code = choose_both(units, counts, m, r, half, rows, err);
        if (!code)
            fus_threads_for(
                (int)r->n_images, profile_picture,
                &(struct profiles){out, r, half, m->n_categories, {units[0], units[1]}, {counts[0], counts[1]}, rows});
    }
    fus_base_free(numbers);
    fus_base_free(rows);
    return code;
}

/* ---- two models ---- */

struct pictures {
    const int *category, *half;
    size_t n;
    int n_categories;
    double *x, *y; /* [n] scratch */
};

static double pearson(const double *x, const double *y, size_t n)
{
    double mean_x = 0, mean_y = 0, xx = 0, yy = 0, xy = 0;
    for (size_t i = 0; i < n; i++)
        mean_x += x[i], mean_y += y[i];
    mean_x /= (double)n, mean_y /= (double)n;
    for (size_t i = 0; i < n; i++) {
        xx += (x[i] - mean_x) * (x[i] - mean_x);
        yy += (y[i] - mean_y) * (y[i] - mean_y);
        xy += (x[i] - mean_x) * (y[i] - mean_y);
    }
    return xx > 0 && yy > 0 ? xy / (sqrt(xx) * sqrt(yy)) : NAN;
}

/* Takes the mean of each category away; list [n] are the pictures of v. */
static void centre(double *v, const size_t *list, size_t n, const struct pictures *p)
{
    for (int c = 0; c < p->n_categories; c++) {
        double sum = 0, count = 0;
        for (size_t i = 0; i < n; i++)
            if (p->category[list[i]] == c)
                sum += v[i], count++;
        for (size_t i = 0; i < n; i++)
            if (p->category[list[i]] == c)
                v[i] -= sum / count;
    }
}

/* r of two profiles, mean of both halves. list [n] is scratch. */
static double correlate(const struct pictures *p, const double *a, const double *b, bool within, size_t *list)
{
    double r[2];
    for (int h = 0; h < 2; h++) {
        size_t n = 0;
        for (size_t i = 0; i < p->n; i++)
            if (p->half[i] == h) {
                p->x[n] = a[i], p->y[n] = b[i];
                list[n++] = i;
            }
        if (within) {
            centre(p->x, list, n, p);
            centre(p->y, list, n, p);
        }
        r[h] = pearson(p->x, p->y, n);
    }
    return 0.5 * (r[0] + r[1]);
}

static double reliability(const struct pictures *p, const double *profiles, bool within, size_t *list)
{
    double r = correlate(p, profiles + FUS_AGREEMENT_EVEN * p->n, profiles + FUS_AGREEMENT_ODD * p->n, within, list);
    return r > 0 ? 2 * r / (1 + r) : NAN;
}

int fus_agreement_compare(struct fus_agreement *out, const double *a, const double *b, const int *category,
                          const int *half, size_t n_images, int n_categories, struct fus_error *err)
{
    struct pictures p = {category, half, n_images, n_categories, fus_base_alloc(n_images, 2 * sizeof *p.x), NULL};
    size_t *list = fus_base_alloc(n_images, sizeof *list);
    int code = p.x && list ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "no memory for %zu pictures", n_images);
    if (!code) {
        p.y = p.x + n_images;
        out->r = correlate(&p, a, b, false, list);
        out->ceiling = sqrt(reliability(&p, a, false, list) * reliability(&p, b, false, list));
        out->r_within = correlate(&p, a, b, true, list);
        out->ceiling_within = sqrt(reliability(&p, a, true, list) * reliability(&p, b, true, list));
    }
    fus_base_free(p.x);
    fus_base_free(list);
    return code;
}
