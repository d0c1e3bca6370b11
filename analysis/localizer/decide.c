/* SPDX-License-Identifier: MIT */
/* One layer: from the moments of its categories' halves to labels, indices and the requested
 * resampling. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "analysis/contrast.h"
#include "analysis/localizer/accumulator.h"
#include "analysis/localizer/run.h"
#include "analysis/run/run_dir.h"
#include "analysis/run/tables.h"
#include "nn/base/threads.h"

/* label [C,H,W] int8; with full_units also the statistics of iut, [category,C,H,W]. */
int fus_decide_write_units(const char *folder, const struct fus_localizer *run, int model,
                           const struct fus_layer_summary *layer, const struct fus_moments *m,
                           const struct fus_responses *r, struct fus_error *err)
{
    static const char *const names[] = {"mean", "var", "t", "p", "q", "csi"};
    char path[FUS_RUN_DIR_PATH];
    size_t c = (size_t)layer->channels, h = (size_t)layer->height, w = (size_t)layer->width;
    fus_run_dir_units(path, folder, run->models[model].name, layer->name);
    struct fus_npy_array arrays[7] = {{"label", "|i1", 3, {c, h, w}, layer->label}};
    float *tables[6] = {0};
    size_t n = (size_t)layer->n_categories * layer->n_units;
    int code = FUS_OK;
    for (int i = 0; i < 6 && run->options.full_units && !code; i++) {
        tables[i] = fus_base_alloc(n, sizeof **tables);
        if (!tables[i])
            code = fus_base_fail(err, FUS_ENOMEM, "%s: no memory for the tables of its units", path);
        arrays[1 + i] = (struct fus_npy_array){names[i], "<f4", 4, {(size_t)layer->n_categories, c, h, w}, tables[i]};
    }
    if (run->options.full_units && !code) {
        struct fus_unit_tables t = {tables[0], tables[1], tables[2], tables[3], tables[4], tables[5]};
        bool relabelled =
            run->options.select.criterion == FUS_CRITERION_IUT && fus_criteria_needs_responses(&run->options.select);
        code = relabelled ? fus_relabel_units(&t, m, r, &run->options.select, err)
                          : fus_select_units(&t, m, &run->options.select, err);
    }
    if (!code)
        code = fus_npyout_npz(path, arrays, run->options.full_units ? 7 : 1, err);
    for (int i = 0; i < 6; i++)
        fus_base_free(tables[i]);
    return code;
}

/* Selection and measurement on different halves; does nothing with --halves none, if a half has
 * fewer than two pictures of a category, or for ranksum, which needs more than moments. */
static int cross_validate(struct fus_halves_category *out, const struct fus_localizer *run,
                          const struct fus_moments *halves, const struct fus_responses *r, const int *half,
                          struct fus_error *err)
{
    bool enough = run->options.halves && run->options.select.criterion != FUS_CRITERION_RANKSUM;
    for (int g = 0; g < halves->n_groups; g++)
        enough = enough && halves->n[g] >= 2;
    if (enough)
        return fus_halves_layer(out, halves, r->x || r->read ? r : NULL, half, run->options.select.criterion,
                                &run->options.select, err);
    for (int c = 0; c < run->pictures.set.n_categories; c++)
        out[c].csi_same = out[c].csi_cross = out[c].dprime_cross = out[c].auc_cross = out[c].survival =
            out[c].t_correlation = out[c].dice = NAN;
    return FUS_OK;
}

static void set_cross_validated(struct fus_layer_summary *layer, const struct fus_halves_category *halves)
{
    for (int c = 0; c < layer->n_categories; c++) {
        struct fus_category_summary *s = &layer->categories[c];
        s->csi_same = halves[c].csi_same;
        s->csi_cv = halves[c].csi_cross;
        s->dprime_cv = halves[c].dprime_cross;
        s->auc_cv = halves[c].auc_cross;
        s->survival = halves[c].survival;
        s->split_half_r = halves[c].t_correlation;
        s->dice = halves[c].dice;
    }
}

struct progress_context {
    const struct fus_localizer *run;
    const char *layer, *things;
    double started;
};

static void report_progress(void *context, size_t done, size_t of)
{
    const struct progress_context *t = context;
    fus_run_progress(t->run, t->layer, t->things, (int)done, (int)of, t->started);
}

static int subsample(struct fus_layer_summary *layer, const struct fus_localizer *run, const struct fus_responses *r,
                     struct fus_error *err)
{
    struct progress_context t = {run, layer->name, "draws of fewer pictures", fus_run_now()};
    struct fus_progress progress = {report_progress, &t};
    struct fus_power_plan plan;
    int code = fus_power_parse(&plan, run->options.subsample, err);
    if (code)
        return code;
    layer->power = fus_base_alloc((size_t)r->n_categories * (size_t)fus_power_count(&plan), sizeof *layer->power);
    if (!layer->power)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for draws of fewer pictures");
    return fus_power_layer(layer->power, r, &plan, run->options.seed, &run->options.select, &progress, err);
}

static int match(struct fus_layer_summary *layer, const struct fus_localizer *run, const struct fus_responses *r,
                 const int *half, struct fus_error *err)
{
    struct progress_context t = {run, layer->name, "resamples of halves", fus_run_now()};
    size_t *n = fus_base_alloc((size_t)layer->n_categories, sizeof *n);
    layer->matched = fus_base_alloc(1, sizeof *layer->matched);
    int code =
        n && layer->matched ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "no memory for a count-matched comparison");
    for (int c = 0; c < layer->n_categories && !code; c++)
        n[c] = layer->categories[c].n_selective;
    if (!code)
        code = fus_matched_create(layer->matched, r, half, n, (size_t)run->options.bootstrap, run->options.interval,
                                  run->options.seed, &(struct fus_progress){report_progress, &t}, err);
    layer->agreement = code ? NULL
                            : fus_base_alloc((size_t)layer->n_categories * FUS_AGREEMENT_UNITS,
                                             r->n_images * sizeof *layer->agreement);
    if (!code)
        code = layer->agreement
                   ? fus_agreement_profiles(layer->agreement, layer->matched, r, half, err)
                   : fus_base_fail(err, FUS_ENOMEM, "no memory for the profiles of %zu pictures", r->n_images);
    fus_base_free(n);
    return code;
}

static int select_from_responses(struct fus_layer_summary *layer, const struct fus_localizer *run,
                                 const struct fus_moments *m, const struct fus_responses *r, const char *name,
                                 struct fus_error *err)
{
    struct progress_context t = {run, name, "strips of units, relabelled", fus_run_now()};
    return fus_criteria_responses(layer, m, r, name, &run->options.select, &(struct fus_progress){report_progress, &t},
                                  err);
}

/* m: of all pictures; r without responses if all categories have equally many. */
static int equal_n(struct fus_layer_summary *layer, const struct fus_localizer *run, const struct fus_responses *r,
                   const struct fus_moments *m, struct fus_error *err)
{
    struct progress_context t = {run, layer->name, "strips of units, equal numbers of pictures", fus_run_now()};
    layer->equal_n = fus_base_alloc((size_t)r->n_categories, sizeof *layer->equal_n);
    if (!layer->equal_n)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for draws of equal numbers of pictures");
    return fus_equaln_layer(layer->equal_n, r, layer, m, run->options.seed, &run->options.select,
                            &(struct fus_progress){report_progress, &t}, err);
}

/* The results that need single responses. half [n_images] of each picture. */
static int resample(struct fus_layer_summary *layer, const struct fus_localizer *run, const struct fus_responses *r,
                    const int *half, struct fus_error *err)
{
    int code = FUS_OK;
    size_t pairs = r->n_images * (r->n_images - 1) / 2;
    if (run->options.bootstrap) {
        struct progress_context t = {run, layer->name, "resamples", fus_run_now()};
        layer->bootstrap = fus_base_alloc(1, sizeof *layer->bootstrap);
        if (!layer->bootstrap)
            return fus_base_fail(err, FUS_ENOMEM, "no memory for resamples");
        code = fus_bootstrap_create(layer->bootstrap, r, (size_t)run->options.bootstrap, run->options.interval,
                                    run->options.seed, &run->options.select,
                                    &(struct fus_progress){report_progress, &t}, err);
        if (!code)
            code = fus_bootstrap_fill(layer, layer->bootstrap, run->options.select.alpha, err);
    }
    if (run->options.matched && !code)
        code = match(layer, run, r, half, err);
    if (fus_run_options_relabels(&run->options) && !code) {
        struct progress_context t = {run, layer->name, "relabellings", fus_run_now()};
        struct fus_progress progress = {report_progress, &t};
        layer->permuted = fus_base_alloc((size_t)r->n_categories, sizeof *layer->permuted);
        code = layer->permuted ? fus_permute_layer(layer->permuted, r, run->options.permutations, run->options.seed,
                                                   &run->options.select, &progress, err)
                               : fus_base_fail(err, FUS_ENOMEM, "no memory for relabellings");
    }
    if (run->options.subsample && !code)
        code = subsample(layer, run, r, err);
    if (run->options.consistency && !code) {
        layer->picture_rdm = fus_base_alloc(pairs, sizeof *layer->picture_rdm);
        code = layer->picture_rdm ? fus_consistency_rdm_images(layer->picture_rdm, r, err)
                                  : fus_base_fail(err, FUS_ENOMEM, "no memory for %zu pairs of pictures", pairs);
        if (!code)
            code = fus_similarity_reliability(&layer->reliability, r, run->options.seed, err);
    }
    return code;
}

/* The results that need only the moments of all pictures. */
static int tabulate(struct fus_layer_summary *layer, const struct fus_localizer *run, const struct fus_moments *m,
                    struct fus_error *err)
{
    size_t n = (size_t)m->n_groups;
    int code = FUS_OK;
    if (run->options.sweep) {
        layer->sweep = fus_base_alloc(n, fus_sweep_count() * sizeof *layer->sweep);
        code = layer->sweep ? fus_sweep_layer(layer->sweep, m, &run->options.select, err)
                            : fus_base_fail(err, FUS_ENOMEM, "no memory for the sweep");
    }
    if (run->options.consistency && !code) {
        layer->rdm = fus_base_alloc(n * (n - 1) / 2, sizeof *layer->rdm);
        code = layer->rdm ? fus_consistency_rdm_means(layer->rdm, m, err)
                          : fus_base_fail(err, FUS_ENOMEM, "no memory for %zu categories", n);
    }
    return code;
}

/* Of each picture the category, then of each the subcategory, then of each the half. */
static int *number_pictures(const struct fus_localizer *run, struct fus_error *err)
{
    int n = run->pictures.set.n_pictures;
    int *numbers = fus_base_alloc((size_t)n, 3 * sizeof *numbers);
    if (!numbers)
        fus_base_fail(err, FUS_ENOMEM, "no memory for %d pictures", n);
    for (int i = 0; i < n && numbers; i++) {
        const struct fus_picture *p = &run->pictures.set.pictures[i];
        numbers[i] = p->category;
        numbers[n + i] = p->subcategory;
        numbers[2 * n + i] = p->half;
    }
    return numbers;
}

/* numbers: of number_pictures. The responses themselves are added where they are kept. */
static struct fus_responses responses_of(const struct fus_localizer *run, const struct fus_tap *tap, size_t n_units,
                                         const int *numbers)
{
    return (struct fus_responses){.category = numbers,
                                  .n_images = (size_t)run->pictures.set.n_pictures,
                                  .n_units = n_units,
                                  .n_categories = run->pictures.set.n_categories,
                                  .channels = tap->channels,
                                  .height = tap->height,
                                  .width = tap->width,
                                  .stratum = numbers ? numbers + run->pictures.set.n_pictures : NULL,
                                  .over = run->options.over,
                                  .is_signed = tap->is_signed};
}

/* moments [n_categories without halves, else 2 * n_categories, n_units], destroyed. */
static int decide(struct fus_layer_summary *layer, const struct fus_localizer *run, int model,
                  const struct fus_tap *tap, struct fus_moments *moments, struct fus_accumulator *accumulator,
                  struct fus_error *err)
{
    const char *folder = run->options.folder;
    int n = run->pictures.set.n_categories, n_pictures = run->pictures.set.n_pictures;
    moments->is_signed = tap->is_signed;
    struct fus_moments m = run->options.halves ? fus_halves_view(moments, 0) : *moments;
    struct fus_halves_category *crossed = fus_base_alloc((size_t)n, sizeof *crossed);
    int *numbers = number_pictures(run, err), *half = numbers ? numbers + 2 * n_pictures : NULL;
    int code = numbers ? FUS_OK : FUS_ENOMEM;
    if (!crossed)
        code = fus_base_fail(err, FUS_ENOMEM, "no memory for %d categories", n);
    struct fus_responses r = responses_of(run, tap, moments->n_units, numbers);
    bool kept = fus_accumulator_responses(&r, accumulator);
    struct fus_responses none = {0}; /* --equal-n alone changes no other table */
    bool only_drawn = kept && !fus_run_uses_tap(run, model, tap);
    if (!code)
        code = cross_validate(crossed, run, moments, only_drawn ? &none : &r, half, err);
    if (!code && run->options.halves)
        code = fus_halves_merge(&m, moments, err); /* into the first half; from now on m contains all pictures */
    if (!code && fus_criteria_needs_responses(&run->options.select))
        code = select_from_responses(layer, run, &m, &r, tap->name, err);
    else if (!code)
        code = fus_criteria_layer(layer, &m, tap->name, tap->channels, tap->height, tap->width,
                                  run->options.select.criterion, &run->options.select, err);
    if (!code) {
        layer->order = tap->order;
        layer->depth = tap->depth;
        set_cross_validated(layer, crossed);
    }
    if (!code)
        code = tabulate(layer, run, &m, err);
    if (!code && folder)
        code = fus_decide_write_units(folder, run, model, layer, &m, &r, err);
    layer->dimensions = layer->reliability = NAN;
    if (!code && kept && !only_drawn)
        code = fus_dimensions_layer(&layer->dimensions, &r, err);
    if (!code && kept)
        code = fus_single_units_find(layer, run, model, &m, &r, err);
    if (!code && run->options.equal_n)
        code = equal_n(layer, run, &r, &m, err);
    fus_moments_destroy(moments);
    if (!code && fus_run_keeps_responses(run))
        code = resample(layer, run, &r, half, err);
    if (!code)
        code = fus_accumulator_check_read(accumulator, err);
    if (folder || code) {
        fus_base_free(layer->label);
        layer->label = NULL;
    }
    fus_base_free(crossed);
    fus_base_free(numbers);
    return code;
}

struct decide_context {
    const struct fus_localizer *run;
    struct fus_layer_summary *out;
    struct fus_accumulator *accumulator;
    int model, layer, code;
    struct fus_error *err;
};

static void decide_layer(void *context)
{
    struct decide_context *d = context;
    struct fus_moments m = {0};
    d->code = fus_accumulator_moments(&m, d->accumulator, d->err);
    if (!d->code)
        d->code =
            decide(d->out, d->run, d->model, &d->run->models[d->model].taps[d->layer], &m, d->accumulator, d->err);
    fus_moments_destroy(&m);
}

int fus_decide_layer(struct fus_localizer *run, int model, int layer, struct fus_accumulator *accumulator,
                     struct fus_error *err)
{
    struct decide_context d = {run, &run->summary.models[model].layers[layer], accumulator, model, layer, FUS_OK, err};
    d.code = fus_accumulator_finish(accumulator, err);
    if (!d.code)
        fus_threads_run(decide_layer, &d); /* one start of the threads for all loops of the layer */
    return d.code;
}
