/* SPDX-License-Identifier: MIT */
/* The distribution of a layer's selective units over the feature map (analysis.h): sd and
 * coefficient of variation as in Lu & Wang 2025, Fig 4; Gini's coefficient and Shannon's entropy
 * beside them. All four are computed from counts of channels; places are summed in row order, for
 * Gini in order of their count. */
#include <math.h>
#include <string.h>

#include "analysis/analysis.h"
#include "nn/base/fmath.h"

/* count [n_places]: channels whose unit there is labelled category. */
static void count_places(uint32_t *count, const int8_t *label, int channels, size_t n_places, int category)
{
    for (size_t i = 0; i < n_places; i++)
        count[i] = 0;
    for (int c = 0; c < channels; c++) {
        const int8_t *first = label + (size_t)c * n_places, *end = first + n_places;
        for (const int8_t *at = first; (at = memchr(at, category, (size_t)(end - at))) != NULL; at++)
            count[at - first]++;
    }
}

/* sum over ranks i = 1 .. n of (2i - n - 1) x_(i) / (n sum x); places of equal count form one
 * run, whose ranks sum to (first + last)(last - first + 1) / 2. histogram [channels + 1]. */
static double gini(uint32_t *histogram, const uint32_t *count, int channels, size_t n_places, double total)
{
    for (int v = 0; v <= channels; v++)
        histogram[v] = 0;
    for (size_t i = 0; i < n_places; i++)
        histogram[count[i]]++;
    double sum = 0, before = 0, n = (double)n_places;
    for (int v = 0; v <= channels; v++) {
        double n_equal = histogram[v];
        sum += v * n_equal * (2 * before + n_equal - n);
        before += n_equal;
    }
    return sum / (n * total);
}

/* -sum p log p / log n, p = count / total; 1 for a single place. */
static double entropy(const uint32_t *count, size_t n_places, double total)
{
    if (n_places == 1)
        return 1;
    double sum = 0;
    for (size_t i = 0; i < n_places; i++)
        if (count[i]) {
            double p = count[i] / total;
            sum -= p * fus_fmath_log(p);
        }
    return sum / fus_fmath_log((double)n_places);
}

int fus_spatial_summarise(struct fus_category_summary *out, const int8_t *label, int channels, size_t n_places,
                          int category, struct fus_error *err)
{
    uint32_t *count = fus_base_alloc(n_places, sizeof *count);
    uint32_t *histogram = fus_base_alloc((size_t)channels + 1, sizeof *histogram);
    int code = FUS_OK;
    if (!count || !histogram) {
        code = fus_base_fail(err, FUS_ENOMEM, "no memory for a map of %zu places", n_places);
        goto out;
    }
    count_places(count, label, channels, n_places, category);
    double total = 0, squares = 0, sum_of_squares = 0, n = (double)n_places;
    for (size_t i = 0; i < n_places; i++) {
        total += count[i];
        sum_of_squares += (double)count[i] * count[i];
        out->map[i] = (float)((double)count[i] / channels);
    }
    out->variation_cv = out->variation_sd = out->gini = out->entropy = NAN;
    out->variation_null = fus_placement_variation((size_t)total, channels, n_places);
    out->placement_p = fus_placement_p(sum_of_squares, (size_t)total, channels, n_places);
    out->morisita = fus_placement_morisita(sum_of_squares, (size_t)total, n_places);
    if (total == 0)
        goto out;
    double mean = total / n;
    for (size_t i = 0; i < n_places; i++)
        squares += (count[i] - mean) * (count[i] - mean);
    double sd = sqrt(squares / n);
    out->variation_sd = sd / channels;
    out->variation_cv = sd / mean;
    out->gini = gini(histogram, count, channels, n_places, total);
    out->entropy = entropy(count, n_places, total);
out:
    fus_base_free(count);
    fus_base_free(histogram);
    return code;
}
