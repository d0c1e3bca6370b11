/* SPDX-License-Identifier: MIT */
/* The choice of units to silence, and the read-out of the lesioned network: see lesion.h. */
#include "analysis/localizer/lesion.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MATCH 100 /* candidates for the control of one unit */

/* ---- which are chosen ---- */

struct ranked {
    double t;
    size_t unit;
};

static int by_t(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    if (x->t != y->t)
        return x->t > y->t ? -1 : 1;
    return x->unit < y->unit ? -1 : x->unit > y->unit;
}

static int label_top(int8_t *label, const struct fus_moments *m, int category, const struct fus_lesion_rule *rule,
                     struct fus_error *err)
{
    struct ranked *units = fus_base_alloc(m->n_units, sizeof *units);
    if (!units)
        return fus_base_fail(err, FUS_ENOMEM, "no memory to rank %zu units", m->n_units);
    for (size_t u = 0; u < m->n_units; u++) {
        double t = fus_select_least_t(m, u, category, rule->select.test == FUS_TEST_STUDENT);
        units[u] = (struct ranked){isnan(t) ? -INFINITY : t, u};
    }
    qsort(units, m->n_units, sizeof *units, by_t);
    for (size_t i = 0; i < m->n_units; i++)
        label[units[i].unit] = (int8_t)(i < rule->top ? category : -1);
    fus_base_free(units);
    return FUS_OK;
}

int fus_lesion_label(int8_t *label, const struct fus_moments *m, const struct fus_responses *r,
                     const struct fus_tap *tap, int category, const struct fus_lesion_rule *rule, struct fus_error *err)
{
    struct fus_layer_summary layer = {0};
    enum fus_criterion criterion = rule->select.criterion;
    int code = fus_select_check(m, &rule->select, err);
    if (code)
        return code;
    if (rule->top)
        return label_top(label, m, category, rule, err);
    code = fus_criteria_needs_responses(&rule->select)
               ? fus_criteria_responses(&layer, m, r, tap->name, &rule->select, NULL, err)
               : fus_criteria_label(&layer, m, tap->name, tap->channels, tap->height, tap->width, criterion,
                                    &rule->select, err);
    if (!code)
        memcpy(label, layer.label, m->n_units * sizeof *label);
    fus_select_free(&layer);
    return code;
}

void fus_lesion_unit_means(double *mean, const struct fus_moments *m)
{
    for (size_t u = 0; u < m->n_units; u++) {
        double sum = 0;
        for (int g = 0; g < m->n_groups; g++)
            sum += m->mean[(size_t)g * m->n_units + u];
        mean[u] = sum / m->n_groups;
    }
}

/* ---- sets of units ---- */

struct candidate {
    double mean;
    size_t unit;
};

static int by_mean(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    if (x->mean != y->mean)
        return x->mean < y->mean ? -1 : 1;
    return x->unit < y->unit ? -1 : x->unit > y->unit;
}

/* The first of n_chosen after a shuffle that begins at the front. others [n]: units in
 * order of their mean. */
static void draw_random(size_t *to, size_t n_chosen, const struct candidate *others, size_t n, size_t *scratch,
                        struct fus_rng *rng)
{
    for (size_t i = 0; i < n; i++)
        scratch[i] = i;
    for (size_t i = 0; i < n_chosen; i++) {
        size_t j = i + (size_t)fus_rng_below(rng, n - i), swap = scratch[i];
        scratch[i] = scratch[j];
        scratch[j] = swap;
        to[i] = others[scratch[i]].unit;
    }
}

static size_t first_not_below(const struct candidate *others, size_t n, double mean)
{
    size_t low = 0, high = n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (others[middle].mean < mean)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The unused index nearest to `at`, of two the lower one. At least one is unused. */
static size_t nearest_free(const bool *taken, size_t n, size_t at)
{
    for (size_t far = 0;; far++) {
        if (at >= far && !taken[at - far])
            return at - far;
        if (n - at > far && !taken[at + far])
            return at + far;
    }
}

static void draw_matched(size_t *to, const size_t *chosen, size_t n_chosen, const double *mean,
                         const struct candidate *others, size_t n, bool *taken, struct fus_rng *rng)
{
    memset(taken, 0, n * sizeof *taken);
    for (size_t i = 0; i < n_chosen; i++) {
        size_t at = first_not_below(others, n, mean[chosen[i]]), window = n < MATCH ? n : MATCH;
        size_t from = at < window / 2 ? 0 : at - window / 2;
        from = from > n - window ? n - window : from;
        size_t k = nearest_free(taken, n, from + (size_t)fus_rng_below(rng, window));
        taken[k] = true;
        to[i] = others[k].unit;
    }
}

static void draw_sets(struct fus_lesion_sets *s, const double *mean, const struct candidate *others, size_t n,
                      size_t n_controls, size_t *scratch, bool *taken, uint64_t seed)
{
    struct fus_rng rng;
    fus_rng_seed(&rng, seed);
    for (size_t i = 0; i < n_controls; i++)
        draw_random(s->units + (1 + i) * s->n_chosen, s->n_chosen, others, n, scratch, &rng);
    for (size_t i = 0; i < n_controls; i++)
        draw_matched(s->units + (1 + n_controls + i) * s->n_chosen, s->units, s->n_chosen, mean, others, n, taken,
                     &rng);
}

int fus_lesion_choose(struct fus_lesion_sets *sets, const int8_t *label, const double *mean, size_t n_units,
                      int category, size_t n_controls, uint64_t seed, struct fus_error *err)
{
    size_t n = 0, n_others = 0, values;
    memset(sets, 0, sizeof *sets);
    for (size_t u = 0; u < n_units; u++)
        n += label[u] == category;
    if (n == 0)
        return fus_base_fail(
            err, FUS_ENOTFOUND,
            "no unit of this layer is selective for the category in one half of the pictures: nothing to "
            "silence (--top K silences the K most selective ones)");
    if (n_units - n < n)
        return fus_base_fail(err, FUS_ELIMIT,
                             "%zu of %zu units are selective: there are not as many others for controls", n, n_units);
    if (!fus_base_mul(&values, 1 + 2 * n_controls, n))
        return fus_base_fail(err, FUS_ENOMEM, "too many controls");
    sets->n_sets = 1 + 2 * n_controls;
    sets->n_chosen = n;
    sets->units = fus_base_alloc(values, sizeof *sets->units);
    struct candidate *others = fus_base_alloc(n_units, sizeof *others);
    size_t *scratch = fus_base_alloc(n_units, sizeof *scratch);
    bool *taken = fus_base_alloc(n_units, sizeof *taken);
    int code = sets->units && others && scratch && taken
                   ? FUS_OK
                   : fus_base_fail(err, FUS_ENOMEM, "no memory for %zu sets of units", sets->n_sets);
    for (size_t u = 0, k = 0; u < n_units && !code; u++)
        if (label[u] == category)
            sets->units[k++] = u;
        else
            others[n_others++] = (struct candidate){isfinite(mean[u]) ? mean[u] : INFINITY, u};
    if (!code) {
        qsort(others, n_others, sizeof *others, by_mean);
        draw_sets(sets, mean, others, n_others, n_controls, scratch, taken, seed);
    }
    fus_base_free(others);
    fus_base_free(scratch);
    fus_base_free(taken);
    if (code)
        fus_lesion_free(sets);
    return code;
}

void fus_lesion_free(struct fus_lesion_sets *sets)
{
    fus_base_free(sets->units);
    memset(sets, 0, sizeof *sets);
}

/* ---- read-out ---- */

int fus_lesion_fit(struct fus_readout fits[2], const struct fus_lesion_readout *r, bool ridge, struct fus_error *err)
{
    size_t n = (size_t)r->set->n_pictures;
    size_t *rows = fus_base_alloc(n, sizeof *rows);
    int *category = fus_base_alloc(n, sizeof *category), code = FUS_OK;
    memset(fits, 0, 2 * sizeof *fits);
    if (!rows || !category)
        code = fus_base_fail(err, FUS_ENOMEM, "no memory for %zu pictures", n);
    for (int half = 0; half < 2 && !code; half++) {
        struct fus_readout_data d = {r->features, category, rows, 0, r->n_features, r->set->n_categories};
        for (size_t i = 0; i < n; i++) {
            category[i] = r->set->pictures[i].category;
            if (r->set->pictures[i].half == half)
                rows[d.n++] = i;
        }
        code = (ridge ? fus_readout_ridge : fus_readout_mean)(&fits[half], &d, err);
    }
    fus_base_free(rows);
    fus_base_free(category);
    return code;
}

void fus_lesion_read(double *accuracy, const struct fus_readout fits[2], const struct fus_lesion_readout *r,
                     size_t condition)
{
    const float *features = r->features + condition * (size_t)r->set->n_pictures * r->n_features;
    for (int c = 0; c < r->set->n_categories; c++) {
        double right = 0, count = 0;
        for (int i = 0; i < r->set->n_pictures; i++) {
            const struct fus_picture *p = &r->set->pictures[i];
            if (p->category != c)
                continue;
            right += fus_readout_predict(&fits[1 - p->half], features + (size_t)i * r->n_features) == c;
            count++;
        }
        accuracy[c] = right / count;
    }
}

void fus_lesion_means(double *feature_mean, const struct fus_lesion_readout *r, size_t condition)
{
    const float *features = r->features + condition * (size_t)r->set->n_pictures * r->n_features;
    for (int c = 0; c < r->set->n_categories; c++) {
        double sum = 0, count = 0;
        for (int i = 0; i < r->set->n_pictures; i++)
            if (r->set->pictures[i].category == c) {
                count++;
                for (size_t f = 0; f < r->n_features; f++)
                    sum += features[(size_t)i * r->n_features + f];
            }
        feature_mean[c] = sum / (count * (double)r->n_features);
    }
}
