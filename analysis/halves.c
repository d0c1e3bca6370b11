/* Split-half reliability and cross-validated indices. An index measured on the pictures that selected the unit is biased upwards
 * (Kriegeskorte, Simmons, Bellgowan & Baker 2009, Nature Neuroscience 12, 535); measured on the other half it is not. */
#include <math.h>
#include <string.h>

#include "inference.h"
#include "nn/team.h"

#define LANES 8    /* units whose t are computed side by side */
#define CHUNK 1024 /* units a thread takes at a time */

struct fus_moments fus_halves_view(const struct fus_moments *m, int half)
{
    int n = m->n_groups / 2;
    size_t skip = (size_t)(half * n) * m->n_units;
    return (struct fus_moments){n, m->n_units, m->n + half * n, m->mean + skip, m->m2 + skip};
}

int fus_halves_merge(struct fus_moments *out, const struct fus_moments *m, struct fus_error *err)
{
    if (m->n_groups != 2 * out->n_groups || m->n_units != out->n_units)
        return fus_base_fail(err, FUS_EINVAL, "halves: %d groups of %zu units do not merge into %d of %zu", m->n_groups,
                             m->n_units, out->n_groups, out->n_units);
    for (int g = 0; g < out->n_groups; g++) {
        if (out->mean != m->mean)
            out->n[g] = 0, fus_moments_merge_group(out, g, m, g);
        fus_moments_merge_group(out, g, m, out->n_groups + g);
    }
    return FUS_OK;
}

/* Mean CSI (where defined) and d' of the units [n] in list, measured in m; NaN for none. */
static void measure(double *csi, double *dprime, const struct fus_moments *m, const size_t *list, size_t n, int category)
{
    double csi_sum = 0, dprime_sum = 0;
    size_t n_csi = 0, n_dprime = 0;
    for (size_t i = 0; i < n; i++) {
        if (!fus_select_defined(m, list[i]))
            continue;
        double c = fus_csi_unit(m, list[i], category), d = fus_csi_dprime(m, list[i], category);
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

/* least [n_categories, LANES]: fus_select_least_t of LANES units side by side, each pair once, as t(b, a) = -t(a, b). The least of t |t| =
 * d |d| / e is found first: no root but the last, and what is left can run in vectors. */
static void least_t(double *least, const struct fus_moments *m, size_t from, bool student)
{
    for (int i = 0; i < m->n_groups * LANES; i++)
        least[i] = INFINITY;
    for (int a = 0; a < m->n_groups; a++)
        for (int b = a + 1; b < m->n_groups; b++) {
            const double *mean_a = m->mean + (size_t)a * m->n_units + from, *mean_b = m->mean + (size_t)b * m->n_units + from;
            const double *m2_a = m->m2 + (size_t)a * m->n_units + from, *m2_b = m->m2 + (size_t)b * m->n_units + from;
            double n_a = (double)m->n[a], n_b = (double)m->n[b], pool = (1 / n_a + 1 / n_b) / (n_a + n_b - 2);
            double w_a = student ? pool : 1 / (n_a * (n_a - 1)), w_b = student ? pool : 1 / (n_b * (n_b - 1));
            double *of_a = &least[a * LANES], *of_b = &least[b * LANES], t[LANES];
            for (int i = 0; i < LANES; i++) {
                double d = mean_a[i] - mean_b[i], e = m2_a[i] * w_a + m2_b[i] * w_b;
                t[i] = d * fabs(d) / (e > 0 ? e : INFINITY);
            }
            for (int i = 0; i < LANES; i++) {
                of_a[i] = t[i] < of_a[i] ? t[i] : of_a[i];
                of_b[i] = -t[i] < of_b[i] ? -t[i] : of_b[i];
            }
        }
    for (int i = 0; i < m->n_groups * LANES; i++)
        least[i] = copysign(sqrt(fabs(least[i])), least[i]);
}

/* Sums of x and y and of products of their deviations from the means, over n units. */
struct sums {
    double n, x, y, xx, yy, xy;
};

/* The chunk's least t of both halves: t [2, n_categories, CHUNK]; units not defined in both, and places past the end, NaN. */
static void chunk_t(double *t, const struct fus_moments halves[2], size_t from, size_t count, bool student)
{
    int n = halves[0].n_groups;
    double least[127 * LANES];
    for (int h = 0; h < 2; h++)
        for (size_t u = 0; u < count; u += LANES) {
            bool whole = count - u >= LANES;
            if (whole)
                least_t(least, &halves[h], from + u, student);
            for (int c = 0; c < n; c++)
                for (size_t i = 0; i < LANES && u + i < count; i++)
                    t[((size_t)(h * n + c)) * CHUNK + u + i] = whole ? least[(size_t)c * LANES + i]
                                                                    : fus_select_least_t(&halves[h], from + u + i, c, student);
        }
    for (size_t u = 0; u < count; u++)
        if (!fus_select_defined(&halves[0], from + u) || !fus_select_defined(&halves[1], from + u))
            for (int c = 0; c < n; c++)
                t[(size_t)c * CHUNK + u] = NAN;
}

/* In two passes over the chunk. */
static struct sums sum_chunk(const double *x, const double *y, size_t count)
{
    struct sums s = {0};
    for (size_t u = 0; u < count; u++)
        if (!isnan(x[u]))
            s.n++, s.x += x[u], s.y += y[u];
    double mean_x = s.x / s.n, mean_y = s.y / s.n;
    for (size_t u = 0; u < count; u++)
        if (!isnan(x[u])) {
            s.xx += (x[u] - mean_x) * (x[u] - mean_x);
            s.yy += (y[u] - mean_y) * (y[u] - mean_y);
            s.xy += (x[u] - mean_x) * (y[u] - mean_y);
        }
    return s;
}

struct correlating {
    const struct fus_moments *halves;
    bool student;
    double *t;         /* [threads, 2, n_categories, CHUNK] */
    struct sums *sums; /* [chunks, n_categories] */
};

static void correlate_chunk(void *context, int chunk, int thread)
{
    const struct correlating *a = context;
    size_t n = (size_t)a->halves[0].n_groups, from = (size_t)chunk * CHUNK, rest = a->halves[0].n_units - from;
    size_t count = rest < CHUNK ? rest : CHUNK;
    double *t = a->t + (size_t)thread * 2 * n * CHUNK;
    chunk_t(t, a->halves, from, count, a->student);
    for (size_t c = 0; c < n; c++)
        a->sums[(size_t)chunk * n + c] = sum_chunk(t + c * CHUNK, t + (n + c) * CHUNK, count);
}

/* Chunks in their order, merged as halves are. */
static double correlation(const struct sums *sums, size_t n_chunks, size_t stride)
{
    struct sums s = {0};
    for (size_t i = 0; i < n_chunks; i++) {
        const struct sums *k = &sums[i * stride];
        if (k->n == 0)
            continue;
        double dx = s.n > 0 ? k->x / k->n - s.x / s.n : 0, dy = s.n > 0 ? k->y / k->n - s.y / s.n : 0;
        double weight = s.n * k->n / (s.n + k->n);
        s.xx += k->xx + dx * dx * weight;
        s.yy += k->yy + dy * dy * weight;
        s.xy += k->xy + dx * dy * weight;
        s.n += k->n, s.x += k->x, s.y += k->y;
    }
    return s.xx > 0 && s.yy > 0 ? s.xy / (sqrt(s.xx) * sqrt(s.yy)) : NAN;
}

/* Pearson's r over the units defined in both halves; NaN where one does not vary. */
static int correlate_t(struct fus_halves_category *out, const struct fus_moments halves[2], bool student, struct fus_error *err)
{
    size_t n = (size_t)halves[0].n_groups, n_chunks = (halves[0].n_units + CHUNK - 1) / CHUNK;
    struct correlating a = {halves, student, NULL, NULL};
    a.t = fus_base_alloc((size_t)fus_base_threads() * 2 * n, CHUNK * sizeof *a.t);
    a.sums = fus_base_alloc(n_chunks, n * sizeof *a.sums);
    int code = a.t && a.sums ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "no memory for the t values of two halves");
    if (!code) {
        fus_team_for((int)n_chunks, correlate_chunk, &a);
        for (size_t c = 0; c < n; c++)
            out[c].t_correlation = correlation(a.sums + c, n_chunks, n);
    }
    fus_base_free(a.t);
    fus_base_free(a.sums);
    return code;
}

/* list [n_units]: scratch */
static void summarise(struct fus_halves_category *out, const struct fus_moments halves[2], int8_t *const label[2], int category,
                      size_t *list)
{
    double csi[2][2], dprime[2][2]; /* [half that selected][half that is measured] */
    size_t both = 0, n[2] = {0};
    for (int selected = 0; selected < 2; selected++) {
        for (size_t u = 0; u < halves[0].n_units; u++)
            if (label[selected][u] == category)
                list[n[selected]++] = u;
        for (int measured = 0; measured < 2; measured++)
            measure(&csi[selected][measured], &dprime[selected][measured], &halves[measured], list, n[selected], category);
    }
    for (size_t i = 0; i < n[1]; i++)
        both += label[0][list[i]] == category;
    out->n_selected[0] = n[0], out->n_selected[1] = n[1];
    out->csi_same = mean_of_two(csi[0][0], csi[1][1]);
    out->csi_cross = mean_of_two(csi[0][1], csi[1][0]);
    out->dprime_same = mean_of_two(dprime[0][0], dprime[1][1]);
    out->dprime_cross = mean_of_two(dprime[0][1], dprime[1][0]);
    out->survival = mean_of_two(n[0] ? (double)both / (double)n[0] : NAN, n[1] ? (double)both / (double)n[1] : NAN);
    out->dice = n[0] + n[1] ? 2 * (double)both / (double)(n[0] + n[1]) : NAN;
}

int fus_halves_layer(struct fus_halves_category *out, const struct fus_moments *m, enum fus_criterion criterion,
                     const struct fus_select_options *options, struct fus_error *err)
{
    if (m->n_groups % 2 || m->n_groups < 4 || m->n_units > INT32_MAX)
        return fus_base_fail(err, FUS_EINVAL, "halves: %d groups of %zu units, expected two per category", m->n_groups,
                             m->n_units);
    struct fus_moments halves[2] = {fus_halves_view(m, 0), fus_halves_view(m, 1)};
    struct fus_layer_summary layer[2] = {{.channels = 0}, {.channels = 0}};
    size_t *list = fus_base_alloc(m->n_units, sizeof *list);
    int code = list ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "no memory for a list of %zu units", m->n_units);
    for (int h = 0; h < 2 && !code; h++)
        code = fus_criteria_label(&layer[h], &halves[h], "half", (int)m->n_units, 1, 1, criterion, options, err);
    if (!code) {
        int8_t *const label[2] = {layer[0].label, layer[1].label};
        for (int c = 0; c < halves[0].n_groups; c++)
            summarise(&out[c], halves, label, c, list);
        code = correlate_t(out, halves, options->student, err);
    }
    fus_base_free(list);
    fus_select_free(&layer[0]);
    fus_select_free(&layer[1]);
    return code;
}
