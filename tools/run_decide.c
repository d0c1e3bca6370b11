/* One layer, from the moments of its categories' halves to labels, indices and whatever resampling was asked for. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tools/run.h"
#include "tools/tally.h"

bool fus_run_keeps_responses(const struct fus_run *run)
{
    return run->bootstrap || run->permutations || run->select.criterion == FUS_CRITERION_RANKSUM;
}

/* units/MODEL/LAYER.npz: label [C,H,W] int8; with --units full also [category,C,H,W] of what iut decides on. */
static int write_units(const struct fus_run *run, int model, const struct fus_layer_summary *layer,
                       const struct fus_moments *m, struct fus_error *err)
{
    static const char *const names[] = {"mean", "var", "t", "p", "q", "csi"};
    char path[4096];
    fus_run_units_folder(path, sizeof path, run, model);
    size_t used = strlen(path), c = (size_t)layer->channels, h = (size_t)layer->height, w = (size_t)layer->width;
    snprintf(path + used, sizeof path - used, "/%s.npz", layer->name);
    struct fus_npy_array arrays[7] = {{"label", "|i1", 3, {c, h, w}, layer->label}};
    float *tables[6] = {0};
    size_t n = (size_t)layer->n_categories * layer->n_units;
    int code = FUS_OK;
    for (int i = 0; i < 6 && run->full_units && !code; i++) {
        tables[i] = fus_base_alloc(n, sizeof **tables);
        if (!tables[i])
            code = fus_base_fail(err, FUS_ENOMEM, "%s: no memory for --units full", path);
        arrays[1 + i] = (struct fus_npy_array){names[i], "<f4", 4, {(size_t)layer->n_categories, c, h, w}, tables[i]};
    }
    if (run->full_units && !code) {
        struct fus_unit_tables t = {tables[0], tables[1], tables[2], tables[3], tables[4], tables[5]};
        code = fus_select_units(&t, m, &run->select, err);
    }
    if (!code)
        code = fus_npyout_npz(path, arrays, run->full_units ? 7 : 1, err);
    for (int i = 0; i < 6; i++)
        fus_base_free(tables[i]);
    return code;
}

/* Selection and measurement on different halves; nothing with --halves none, where a half has fewer than two pictures of a category, and nothing
 * by ranks, which moments do not have. */
static int cross_validate(struct fus_halves_category *out, const struct fus_run *run, const struct fus_moments *halves,
                          const struct fus_responses *r, const int *half, struct fus_error *err)
{
    bool enough = run->halves && run->select.criterion != FUS_CRITERION_RANKSUM;
    for (int g = 0; g < halves->n_groups; g++)
        enough = enough && halves->n[g] >= 2;
    if (enough)
        return fus_halves_layer(out, halves, r->x || r->read ? r : NULL, half, run->select.criterion, &run->select, err);
    for (int c = 0; c < run->set.n_categories; c++)
        out[c].csi_cross = out[c].dprime_cross = out[c].auc_cross = out[c].survival = out[c].t_correlation = out[c].dice = NAN;
    return FUS_OK;
}

static void set_cross_validated(struct fus_layer_summary *layer, const struct fus_halves_category *halves)
{
    for (int c = 0; c < layer->n_categories; c++) {
        struct fus_category_summary *s = &layer->categories[c];
        s->csi_cv = halves[c].csi_cross;
        s->dprime_cv = halves[c].dprime_cross;
        s->auc_cv = halves[c].auc_cross;
        s->survival = halves[c].survival;
        s->split_half_r = halves[c].t_correlation;
        s->dice = halves[c].dice;
    }
}

struct telling {
    const char *layer, *things;
    double started;
};

static void tell(void *context, size_t done, size_t of)
{
    const struct telling *t = context;
    fus_run_progress(t->layer, t->things, (int)done, (int)of, t->started);
}

/* What needs every single response. */
static int resample(struct fus_layer_summary *layer, struct fus_run_layer *extra, const struct fus_run *run,
                    const struct fus_responses *r, struct fus_error *err)
{
    int code = FUS_OK;
    size_t pairs = r->n_images * (r->n_images - 1) / 2;
    if (run->bootstrap) {
        struct telling t = {layer->name, "resamples", fus_run_now()};
        code = fus_bootstrap_create(&extra->bootstrap, r, (size_t)run->bootstrap, run->interval, run->seed, &run->select,
                                    &(struct fus_progress){tell, &t}, err);
        if (!code)
            code = fus_bootstrap_fill(layer, &extra->bootstrap, run->select.alpha, err);
        layer->bootstrap = &extra->bootstrap;
    }
    if (run->permutations && !code) {
        struct telling t = {layer->name, "relabellings", fus_run_now()};
        struct fus_progress progress = {tell, &t};
        extra->permuted = fus_base_alloc((size_t)r->n_categories, sizeof *extra->permuted);
        code = extra->permuted ? fus_permute_layer(extra->permuted, r, run->permutations, run->seed, &run->select, &progress, err)
                               : fus_base_fail(err, FUS_ENOMEM, "no memory for relabellings");
    }
    if (run->consistency && !code) {
        extra->picture_rdm = fus_base_alloc(pairs, sizeof *extra->picture_rdm);
        code = extra->picture_rdm ? fus_consistency_rdm_images(extra->picture_rdm, r, err)
                                  : fus_base_fail(err, FUS_ENOMEM, "no memory for %zu pairs of pictures", pairs);
    }
    return code;
}

/* What the moments of all pictures suffice for. */
static int tabulate(struct fus_run_layer *extra, const struct fus_run *run, const struct fus_moments *m, struct fus_error *err)
{
    size_t n = (size_t)m->n_groups;
    int code = FUS_OK;
    if (run->sweep) {
        extra->sweep = fus_base_alloc(n, fus_sweep_count() * sizeof *extra->sweep);
        code = extra->sweep ? fus_sweep_layer(extra->sweep, m, &run->select, err)
                            : fus_base_fail(err, FUS_ENOMEM, "no memory for the sweep");
    }
    if (run->consistency && !code) {
        extra->rdm = fus_base_alloc(n * (n - 1) / 2, sizeof *extra->rdm);
        code = extra->rdm ? fus_consistency_rdm_means(extra->rdm, m, err) : fus_base_fail(err, FUS_ENOMEM, "no memory for %zu categories", n);
    }
    return code;
}

int fus_run_decide(struct fus_layer_summary *layer, struct fus_run_layer *extra, const struct fus_run *run, int model,
                   const struct fus_tap *tap, struct fus_moments *moments, struct fus_tally *tally, struct fus_error *err)
{
    int n = run->set.n_categories, n_pictures = run->set.n_pictures;
    struct fus_moments m = run->halves ? fus_halves_view(moments, 0) : *moments;
    struct fus_halves_category *crossed = fus_base_alloc((size_t)n, sizeof *crossed);
    int *numbers = fus_base_alloc((size_t)n_pictures, 3 * sizeof *numbers), *half = numbers ? numbers + 2 * n_pictures : NULL;
    int code = crossed && numbers ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "no memory for %d categories", n);
    for (int i = 0; i < n_pictures && !code; i++) {
        numbers[i] = run->set.pictures[i].category;
        numbers[n_pictures + i] = run->set.pictures[i].subcategory;
        half[i] = run->set.pictures[i].half;
    }
    struct fus_responses r = {.category = numbers, .n_images = (size_t)n_pictures, .n_units = moments->n_units, .n_categories = n,
                                    .channels = tap->channels, .height = tap->height, .width = tap->width,
                                    .stratum = code ? NULL : numbers + n_pictures};
    bool kept = fus_tally_responses(&r, tally);
    if (!code)
        code = cross_validate(crossed, run, moments, &r, half, err);
    if (!code && run->halves)
        code = fus_halves_merge(&m, moments, err); /* into the first half: from here on m is all pictures */
    if (!code && run->select.criterion == FUS_CRITERION_RANKSUM)
        code = fus_criteria_ranksum(layer, &r, tap->name, err);
    else if (!code)
        code = fus_criteria_layer(layer, &m, tap->name, tap->channels, tap->height, tap->width, run->select.criterion, &run->select, err);
    if (!code) {
        layer->order = tap->order;
        layer->depth = tap->depth;
        set_cross_validated(layer, crossed);
    }
    if (!code)
        code = tabulate(extra, run, &m, err);
    if (!code)
        code = write_units(run, model, layer, &m, err);
    if (!code && kept)
        code = fus_run_profile(extra, layer, run, model, &m, &r, err);
    fus_moments_destroy(moments);
    if (!code && fus_run_keeps_responses(run))
        code = resample(layer, extra, run, &r, err);
    if (!code)
        code = fus_tally_check_read(tally, err);
    fus_base_free(layer->label);
    layer->label = NULL;
    fus_base_free(crossed);
    fus_base_free(numbers);
    return code;
}
