/* SPDX-License-Identifier: MIT */
/* Groups of trainings: see contrast.h. */
#include <math.h>
#include <string.h>

#include "analysis/contrast.h"
#include "nn/base/rng.h"

/* Streams of random numbers: fus_rng_seed_counter (seed, purpose, draw). */
enum { RELABELLING = 0x67726f75, RESAMPLING = 0x67726f76 };

/* ---- the list ---- */

static int find_model(const char *name, size_t n, const char *const *names, int n_names)
{
    for (int i = 0; i < n_names; i++)
        if (strlen(names[i]) == n && memcmp(names[i], name, n) == 0)
            return i;
    return -1;
}

static bool is_taken(const struct fus_groups *g, int model)
{
    for (int k = 0; k < g->n; k++)
        for (int i = 0; i < g->group[k].n; i++)
            if (g->group[k].model[i] == model)
                return true;
    return false;
}

/* The models of the last group: text up to `end`. */
static int parse_models(struct fus_groups *out, const char *text, const char *end, const char *const *names,
                        int n_names, struct fus_error *err)
{
    struct fus_group *group = &out->group[out->n - 1];
    while (text <= end) {
        const char *comma = memchr(text, ',', (size_t)(end - text));
        size_t n = (size_t)((comma ? comma : end) - text);
        int model = names ? find_model(text, n, names, n_names) : 0, shown = n < 60 ? (int)n : 60;
        if (model < 0)
            return fus_base_fail(err, FUS_EINVAL, "--group %s: no model is called '%.*s'", group->name, shown, text);
        if (names && is_taken(out, model))
            return fus_base_fail(err, FUS_EINVAL, "--group %s: model '%.*s' is already in a group", group->name, shown,
                                 text);
        if (group->n == FUS_GROUPS_MODELS)
            return fus_base_fail(err, FUS_EINVAL, "--group %s: more than %d models", group->name, FUS_GROUPS_MODELS);
        group->model[group->n++] = model;
        text += n + 1;
    }
    return FUS_OK;
}

/* One group: text up to `end`. */
static int parse_group(struct fus_groups *out, const char *text, const char *end, const char *const *names, int n_names,
                       struct fus_error *err)
{
    const char *equals = memchr(text, '=', (size_t)(end - text));
    size_t n = equals ? (size_t)(equals - text) : 0;
    if (n == 0 || n >= sizeof out->group[0].name)
        return fus_base_fail(err, FUS_EINVAL, "--group: '%.*s' found, NAME=MODEL,MODEL,... expected",
                             end - text < 60 ? (int)(end - text) : 60, text);
    if (out->n == FUS_GROUPS_MAX)
        return fus_base_fail(err, FUS_EINVAL, "--group: more than %d groups", FUS_GROUPS_MAX);
    struct fus_group *group = &out->group[out->n++];
    memset(group, 0, sizeof *group);
    memcpy(group->name, text, n);
    for (int i = 0; i + 1 < out->n; i++)
        if (strcmp(out->group[i].name, group->name) == 0)
            return fus_base_fail(err, FUS_EINVAL, "--group: two groups are called '%s'", group->name);
    return parse_models(out, equals + 1, end, names, n_names, err);
}

int fus_groups_parse(struct fus_groups *out, const char *text, const char *const *names, int n_names,
                     struct fus_error *err)
{
    memset(out, 0, sizeof *out);
    for (const char *at = text; at;) {
        const char *semicolon = strchr(at, ';'), *end = semicolon ? semicolon : at + strlen(at);
        int code = parse_group(out, at, end, names, n_names, err);
        if (code)
            return code;
        at = semicolon ? semicolon + 1 : NULL;
    }
    if (text && out->n < 2)
        return fus_base_fail(err, FUS_EINVAL, "--group: one group found, at least two expected");
    return FUS_OK;
}

/* ---- relabelling ---- */

struct relabelling {
    const double *value; /* [n_layers, n] */
    int n_layers, n, n_a;
    bool *in_first;           /* [n] */
    double *observed, *scale; /* [n_layers] |difference| / sd of the given labels; sd; NaN: not tested */
    double *found;            /* [n_layers] the same under other labels */
    long *reached, *reached_family;
};

/* Of the means of a layer; sums in the order of the models. */
static double difference(const struct relabelling *r, int layer)
{
    double sum[2] = {0, 0};
    for (int i = 0; i < r->n; i++)
        sum[r->in_first[i] ? 0 : 1] += r->value[(size_t)layer * (size_t)r->n + (size_t)i];
    return sum[0] / r->n_a - sum[1] / (r->n - r->n_a);
}

static void start_layer(struct relabelling *r, int layer)
{
    const double *v = r->value + (size_t)layer * (size_t)r->n;
    double sum = 0, squares = 0;
    for (int i = 0; i < r->n; i++)
        sum += v[i];
    for (int i = 0; i < r->n; i++)
        squares += (v[i] - sum / r->n) * (v[i] - sum / r->n);
    r->scale[layer] = sqrt(squares / (r->n - 1));
    r->observed[layer] = r->scale[layer] > 0 ? fabs(difference(r, layer)) / r->scale[layer] : NAN;
}

/* Equal differences may differ by rounding. */
static bool reaches(double found, double observed)
{
    return found >= observed * (1 - 1e-12);
}

static void count(struct relabelling *r)
{
    double most = 0;
    for (int l = 0; l < r->n_layers; l++) {
        r->found[l] = isnan(r->observed[l]) ? 0 : fabs(difference(r, l)) / r->scale[l];
        most = r->found[l] > most ? r->found[l] : most;
    }
    for (int l = 0; l < r->n_layers; l++) {
        r->reached[l] += reaches(r->found[l], r->observed[l]);
        r->reached_family[l] += reaches(most, r->observed[l]);
    }
}

/* The number of ways to choose n_a of n; FUS_GROUPS_EXACT + 1 if there are more. */
static long n_choices(int n, int n_a)
{
    double ways = 1;
    for (int i = 1; i <= n_a && ways <= FUS_GROUPS_EXACT; i++)
        ways = ways * (n - n_a + i) / i;
    return ways <= FUS_GROUPS_EXACT ? (long)(ways + 0.5) : FUS_GROUPS_EXACT + 1;
}

/* The next choice in order; false after the last. */
static bool next_choice(bool *chosen, int n)
{
    int i = n - 1, after = 0;
    while (i >= 0 && chosen[i])
        after++, i--;
    while (i >= 0 && !chosen[i])
        i--;
    if (i < 0)
        return false;
    chosen[i] = false;
    for (int k = i + 1; k < n; k++)
        chosen[k] = k <= i + 1 + after;
    return true;
}

/* The first n_a of a shuffled list, by selection sampling: the i-th is taken with the chance of
 * what is still needed over what is left. */
static void draw_choice(bool *chosen, int n, int n_a, uint64_t seed, uint64_t draw)
{
    struct fus_rng rng;
    fus_rng_seed_counter(&rng, (const uint64_t[]){seed, RELABELLING, draw}, 3);
    for (int i = 0, needed = n_a; i < n; i++) {
        chosen[i] = fus_rng_below(&rng, (uint64_t)(n - i)) < (uint64_t)needed;
        needed -= chosen[i];
    }
}

static long relabel_all(struct relabelling *r, uint64_t seed)
{
    long n = n_choices(r->n, r->n_a);
    if (n <= FUS_GROUPS_EXACT) {
        do
            count(r);
        while (next_choice(r->in_first, r->n));
        return n;
    }
    count(r); /* the given labels */
    for (uint64_t b = 0; b < FUS_GROUPS_DRAWN; b++) {
        draw_choice(r->in_first, r->n, r->n_a, seed, b);
        count(r);
    }
    return -(FUS_GROUPS_DRAWN + 1);
}

long fus_groups_permute(double *p, double *p_family, const double *value, int n_layers, int n_a, int n_b, uint64_t seed)
{
    size_t layers = (size_t)n_layers;
    struct relabelling r = {.value = value, .n_layers = n_layers, .n = n_a + n_b, .n_a = n_a};
    long n = 0;
    r.in_first = fus_base_alloc((size_t)r.n, sizeof *r.in_first);
    r.observed = fus_base_alloc(layers, 3 * sizeof *r.observed);
    r.reached = fus_base_alloc(layers, 2 * sizeof *r.reached);
    if (r.in_first && r.observed && r.reached) {
        r.scale = r.observed + layers;
        r.found = r.scale + layers;
        r.reached_family = r.reached + layers;
        for (int i = 0; i < n_a; i++)
            r.in_first[i] = true;
        for (int l = 0; l < n_layers; l++)
            start_layer(&r, l);
        n = relabel_all(&r, seed);
        double all = (double)(n < 0 ? -n : n);
        for (int l = 0; l < n_layers; l++) {
            p[l] = isnan(r.observed[l]) ? NAN : (double)r.reached[l] / all;
            p_family[l] = isnan(r.observed[l]) ? NAN : (double)r.reached_family[l] / all;
        }
    }
    fus_base_free(r.in_first);
    fus_base_free(r.observed);
    fus_base_free(r.reached);
    return n;
}

/* ---- intervals ---- */

/* The mean of `draws` models of first .. first+n-1, in resample `draw` of the pictures. */
static double draw_mean(struct fus_rng *rng, const struct fus_bootstrap_column *column, int first, int n, size_t draw)
{
    int draws = n > 1 ? n - 1 : 1;
    double sum = 0;
    for (int i = 0; i < draws; i++) {
        const struct fus_bootstrap_column *c = &column[first + (int)fus_rng_below(rng, (uint64_t)n)];
        sum += c->n ? c->resampled[draw % c->n] : c->estimate;
    }
    return sum / draws;
}

static double mean_of(const struct fus_bootstrap_column *column, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += column[i].estimate;
    return sum / n;
}

void fus_groups_interval(struct fus_interval *out, const struct fus_bootstrap_column *column, int n_a, int n_b,
                         size_t n_draws, uint64_t seed, double alpha, double *scratch)
{
    size_t n = 0;
    double mean = 0;
    *out = (struct fus_interval){mean_of(column, n_a) - mean_of(column + n_a, n_b), NAN, NAN, NAN};
    for (size_t b = 0; b < n_draws; b++) {
        struct fus_rng rng;
        fus_rng_seed_counter(&rng, (const uint64_t[]){seed, RESAMPLING, b}, 3);
        double a = draw_mean(&rng, column, 0, n_a, b), d = a - draw_mean(&rng, column, n_a, n_b, b);
        if (!isnan(d))
            scratch[n++] = d;
    }
    if (n < 2 || isnan(out->estimate))
        return;
    for (size_t i = 0; i < n; i++)
        mean += scratch[i] / (double)n;
    fus_order_sort(scratch, n);
    out->low = out->estimate + fus_order_quantile(scratch, n, alpha / 2) - mean;
    out->high = out->estimate + fus_order_quantile(scratch, n, 1 - alpha / 2) - mean;
}
