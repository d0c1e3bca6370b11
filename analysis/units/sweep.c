/* SPDX-License-Identifier: MIT */
/* How much do the results depend on the threshold? The same moments are tested repeatedly: iut with
 * every correction and several levels, prince with several levels, the other criteria with several
 * cuts. ranksum needs single responses and is left out. */
#include <string.h>

#include "analysis/inference.h"

static const double alphas[] = {0.1, 0.05, 0.01, 0.001, 0.0001};
/* tdann, dprime, ratio */
static const double cuts[3][5] = {{2, 3, 5, 10, 20}, {0.5, 0.75, 1, 1.5, 2}, {0.1, 0.2, 1.0 / 3, 0.5, 0.75}};

enum { N = 5, IUT = 4 * N, PRINCE = IUT + N, ALL = PRINCE + 3 * N };

size_t fus_sweep_count(void)
{
    return ALL;
}

struct fus_sweep_threshold fus_sweep_threshold(size_t i)
{
    if (i < IUT)
        return (struct fus_sweep_threshold){FUS_CRITERION_IUT, (enum fus_correction)(i / N), alphas[i % N]};
    if (i < PRINCE)
        return (struct fus_sweep_threshold){FUS_CRITERION_PRINCE, FUS_BY, alphas[i % N]};
    size_t kind = (i - PRINCE) / N;
    return (struct fus_sweep_threshold){(enum fus_criterion)(FUS_CRITERION_TDANN + kind), FUS_UNCORRECTED,
                                        cuts[kind][i % N]};
}

static int sweep_tests(size_t *selective, const struct fus_moments *m, const struct fus_select_options *options,
                       struct fus_error *err)
{
    int code = FUS_OK;
    for (size_t i = 0; i < PRINCE && !code; i++) {
        struct fus_sweep_threshold t = fus_sweep_threshold(i);
        struct fus_select_options o = {.correction = t.correction, .alpha = t.threshold, .test = options->test};
        struct fus_layer_summary layer;
        code = fus_criteria_layer(&layer, m, "sweep", (int)m->n_units, 1, 1, t.criterion, &o, err);
        if (code)
            break;
        for (int c = 0; c < m->n_groups; c++)
            selective[(size_t)c * ALL + i] = layer.categories[c].n_selective;
        fus_select_free(&layer);
    }
    return code;
}

int fus_sweep_layer(size_t *selective, const struct fus_moments *m, const struct fus_select_options *options,
                    struct fus_error *err)
{
    size_t count[127 * N];
    if (m->n_groups < 2 || m->n_groups > 127 || m->n_units > INT32_MAX)
        return fus_base_fail(err, FUS_EINVAL, "sweep: %d categories of %zu units", m->n_groups, m->n_units);
    int code = sweep_tests(selective, m, options, err);
    for (size_t kind = 0; kind < 3 && !code; kind++) {
        code = fus_criteria_count(count, m, (enum fus_criterion)(FUS_CRITERION_TDANN + kind), cuts[kind], N, err);
        for (size_t c = 0; c < (size_t)m->n_groups && !code; c++)
            memcpy(&selective[c * ALL + PRINCE + kind * N], &count[c * N], N * sizeof *count);
    }
    return code;
}
