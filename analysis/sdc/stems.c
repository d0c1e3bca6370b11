/* SPDX-License-Identifier: MIT */
/* Near copies among networks: see stems.h. */
#include "analysis/sdc/stems.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "analysis/localizer/model.h"
#include "analysis/sdc/units.h"
#include "nn/base/json.h"

enum { MAX_STEMS = 500, NAMED = 8 };

/* ---- one network ---- */

/* The first tensor of four dimensions with filters of more than one place is the first
 * convolution's. */
static int take_first(void *context, const char *name, const int *shape, int n_dims)
{
    struct fus_sdc_stem *s = context;
    if (n_dims != 4 || shape[2] * shape[3] < 2)
        return 0;
    snprintf(s->tensor, sizeof s->tensor, "%.63s", name);
    s->n_filters = (size_t)shape[0];
    s->n_weights = (size_t)shape[1] * (size_t)shape[2] * (size_t)shape[3];
    return 1;
}

static void hash(struct fus_sdc_stem *s)
{
    struct fus_sha256 sha;
    fus_sha256_start(&sha);
    fus_sha256_add_floats(&sha, s->filter, s->n_filters * s->n_weights);
    fus_sha256_hex(&sha, s->sha256);
}

/* A filter to mean 0 and length 1; one that does not vary, or is not finite, to 0. */
static void standardise(float *w, size_t n)
{
    double mean = 0, sum = 0;
    for (size_t i = 0; i < n; i++)
        mean += w[i];
    mean /= (double)n;
    for (size_t i = 0; i < n; i++)
        sum += (w[i] - mean) * (w[i] - mean);
    bool varies = sum > 0 && sum < INFINITY;
    for (size_t i = 0; i < n; i++)
        w[i] = varies ? (float)((w[i] - mean) / sqrt(sum)) : 0;
}

static int read_filters(struct fus_sdc_stem *s, struct fus_model *m, struct fus_error *err)
{
    size_t n;
    if (fus_base_mul(&n, s->n_filters, s->n_weights))
        s->filter = fus_base_alloc(n, sizeof *s->filter);
    if (!s->filter)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for the weights of %s", s->tensor);
    int code = fus_store_lookup(m->store, s->filter, n, s->tensor, err);
    if (code)
        return code;
    hash(s);
    for (size_t k = 0; k < s->n_filters; k++)
        standardise(s->filter + k * s->n_weights, s->n_weights);
    return FUS_OK;
}

/* tensor stays "" if the network has no convolution. */
static int read_stem(struct fus_sdc_stem *s, const struct fus_sdc_participant *p, struct fus_error *err)
{
    struct fus_model m = {0};
    char *file = fus_sdc_units_file(p->model);
    int code = file ? fus_model_recognise(&m, file, NULL, err) : fus_base_fail(err, FUS_ENOMEM, "no memory for a name");
    bool open = !code;
    if (!code)
        fus_arch_parameters(&m.spec, take_first, s, NULL);
    if (!code && s->n_filters)
        code = read_filters(s, &m, err);
    if (open)
        fus_model_close(&m);
    fus_base_free(file);
    return code ? fus_base_blame(err, "%s: ", p->name) : FUS_OK;
}

/* ---- pairs ---- */

static double dot(const float *a, const float *b, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)a[i] * b[i];
    return sum;
}

/* The mean correlation of filters of the same number, of those that vary in one of the two; 1: the
 * same bits; -1: other shapes. */
static double correlate(const struct fus_sdc_stem *a, const struct fus_sdc_stem *b)
{
    double sum = 0;
    size_t m = a->n_weights, n = 0;
    if (strcmp(a->sha256, b->sha256) == 0)
        return 1;
    if (a->n_filters != b->n_filters || m != b->n_weights)
        return -1;
    for (size_t k = 0; k < a->n_filters; k++) {
        const float *x = a->filter + k * m, *y = b->filter + k * m;
        bool varies = dot(x, x, m) > 0.5 || dot(y, y, m) > 0.5;
        n += varies;
        sum += varies ? dot(x, y, m) : 0;
    }
    return n ? sum / (double)n : -1;
}

/* The groups of a and b become one, with the smaller number. */
static void join(int *group, int n, int a, int b)
{
    int low = group[a] < group[b] ? group[a] : group[b], high = group[a] + group[b] - low;
    for (int i = 0; i < n; i++)
        if (group[i] == high)
            group[i] = low;
}

/* group [n]: the first network that each is connected to by near pairs. */
static void find_groups(int *group, const struct fus_sdc_stems *stems)
{
    for (int i = 0; i < stems->n; i++)
        group[i] = i;
    for (int b = 1; b < stems->n; b++)
        for (int a = 0; a < b; a++)
            if (group[a] != group[b] && correlate(&stems->stem[a], &stems->stem[b]) >= FUS_SDC_STEMS_NEAR)
                join(group, stems->n, a, b);
}

static void add_to_group(struct fus_sdc_stems *stems, struct fus_sdc_stem_group *g, int number, int i)
{
    struct fus_sdc_stem *s = &stems->stem[i];
    for (int a = 0; a < i; a++)
        if (stems->stem[a].group == number) {
            double r = correlate(&stems->stem[a], s);
            g->same = g->same && strcmp(stems->stem[a].sha256, s->sha256) == 0;
            g->low = r < g->low ? r : g->low;
        }
    s->group = number;
    g->n++;
}

/* Groups of two or more. */
static int make_groups(struct fus_sdc_stems *stems, struct fus_error *err)
{
    int *group = fus_base_alloc((size_t)stems->n + 1, sizeof *group);
    stems->groups = fus_base_alloc((size_t)stems->n + 1, sizeof *stems->groups);
    if (!group || !stems->groups) {
        fus_base_free(group);
        return fus_base_fail(err, FUS_ENOMEM, "no memory for %d networks", stems->n);
    }
    find_groups(group, stems);
    for (int first = 0; first < stems->n; first++) {
        struct fus_sdc_stem_group g = {0, true, 1};
        int number = stems->n_groups;
        for (int i = first; i < stems->n && group[first] == first; i++)
            if (group[i] == first)
                add_to_group(stems, &g, number, i);
        if (g.n == 1)
            stems->stem[first].group = -1;
        else if (g.n > 1)
            stems->groups[stems->n_groups++] = g;
    }
    fus_base_free(group);
    return FUS_OK;
}

int fus_sdc_stems_read(struct fus_sdc_stems *stems, const struct fus_sdc_study *study, struct fus_error *err)
{
    int code = FUS_OK;
    *stems = (struct fus_sdc_stems){0};
    stems->stem = fus_base_alloc((size_t)study->n + 1, sizeof *stems->stem);
    if (!stems->stem)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for %d networks", study->n);
    for (int p = 0; p < study->n && !code && stems->n < MAX_STEMS; p++) {
        struct fus_sdc_stem *s = &stems->stem[stems->n];
        if (!study->participants[p].model)
            continue;
        *s = (struct fus_sdc_stem){.participant = p, .group = -1};
        code = read_stem(s, &study->participants[p], err);
        stems->n += code || s->n_filters > 0; /* what failed is freed with the rest */
    }
    return code ? code : make_groups(stems, err);
}

void fus_sdc_stems_free(struct fus_sdc_stems *stems)
{
    for (int i = 0; i < stems->n; i++)
        fus_base_free(stems->stem[i].filter);
    fus_base_free(stems->stem);
    fus_base_free(stems->groups);
    *stems = (struct fus_sdc_stems){0};
}

/* ---- words ---- */

void fus_sdc_stems_tell(char line[1000], const struct fus_sdc_stems *stems, int group,
                        const struct fus_sdc_study *study)
{
    const struct fus_sdc_stem_group *g = &stems->groups[group];
    size_t used = 0;
    int n = 0;
    for (int i = 0; i < stems->n; i++)
        if (stems->stem[i].group == group && n++ < NAMED)
            used += (size_t)snprintf(line + used, 1000 - used, "%s%.64s", n > 1 ? ", " : "",
                                     study->participants[stems->stem[i].participant].name);
    if (n > NAMED)
        used += (size_t)snprintf(line + used, 1000 - used, " and %d more", n - NAMED);
    if (g->same)
        snprintf(line + used, 1000 - used,
                 " have the same first convolution: copies, or layers of one network, share as copies do");
    else
        snprintf(line + used, 1000 - used,
                 " have nearly the same first convolution (filters correlate %.3f): networks trained on from the same "
                 "weights share as copies do",
                 g->low);
}

static void record_groups(struct fus_text_buffer *t, const struct fus_sdc_stems *stems,
                          const struct fus_sdc_study *study)
{
    for (int g = 0; g < stems->n_groups; g++) {
        bool first = true;
        fus_text_printf(t, "%s\n    {\"same\": %s, \"r\": %.6f, \"networks\": [", g ? "," : "",
                        stems->groups[g].same ? "true" : "false", stems->groups[g].low);
        for (int i = 0; i < stems->n; i++)
            if (stems->stem[i].group == g) {
                fus_text_printf(t, "%s", first ? "" : ", ");
                fus_json_quote(t, study->participants[stems->stem[i].participant].name);
                first = false;
            }
        fus_text_printf(t, "]}");
    }
}

void fus_sdc_stems_record(struct fus_text_buffer *t, const struct fus_sdc_stems *stems,
                          const struct fus_sdc_study *study)
{
    fus_text_printf(t, "  \"stems\": [");
    for (int i = 0; i < stems->n; i++) {
        const struct fus_sdc_stem *s = &stems->stem[i];
        fus_text_printf(t, "%s\n    {\"name\": ", i ? "," : "");
        fus_json_quote(t, study->participants[s->participant].name);
        fus_text_printf(t, ", \"tensor\": \"%s\", \"sha256\": \"%s\"}", s->tensor, s->sha256);
    }
    fus_text_printf(t, "],\n  \"near_copies\": [");
    record_groups(t, stems, study);
    fus_text_printf(t, "],\n");
}
