/* One model over all pictures: responses are streamed into moments, moments are tested, labels are written. */
#include <stdio.h>
#include <string.h>

#include "run.h"

/* The layers of one pass over the pictures: as many as --max-memory allows. */
struct pass {
    const struct fus_run *run;
    struct fus_run_model *log;
    struct fus_model *model;
    bool *wanted;                /* [n_taps] of this pass */
    struct fus_moments *moments; /* [n_taps] */
    float *input;                /* [batch, 3, side, side] */
    int first;                   /* picture number of the batch's first one */
};

static size_t blocked_units(const struct fus_tap *t)
{
    return fus_tensor_blocked_size(t->channels, (size_t)t->height * (size_t)t->width);
}

static int on_tap(void *context, int tap, int picture, const float *blocked)
{
    struct pass *p = context;
    double start = fus_run_now();
    fus_moments_add(&p->moments[tap], p->run->set.pictures[p->first + picture].category, blocked);
    p->log->statistics_seconds += fus_run_now() - start;
    return FUS_OK;
}

/* Picture i, decoded and preprocessed, into its place in the batch. */
static int prepare(void *context, int i, struct fus_error *err)
{
    const struct pass *p = context;
    struct fus_image image = {0};
    int code = fus_set_picture(&image, &p->run->set, i, err);
    if (code)
        return code;
    code = fus_preprocess_apply(p->input + (size_t)(i - p->first) * p->model->input_floats, &p->model->preprocess, &image, err);
    if (code)
        fus_base_blame(err, "%s: ", p->run->set.pictures[i].path);
    fus_image_free(&image);
    return code;
}

static int see_pictures(struct pass *p, int pass_number, struct fus_error *err)
{
    const struct fus_set *set = &p->run->set;
    int code = FUS_OK, batch = p->run->batch;
    char what[192];
    double started = fus_run_now();
    p->input = fus_base_alloc((size_t)batch * p->model->input_floats, sizeof *p->input);
    if (!p->input)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for a batch of %d pictures", batch);
    snprintf(what, sizeof what, "%s, pass %d", p->log->name, pass_number);
    for (p->first = 0; p->first < set->n_pictures && !code; p->first += batch) {
        int n = set->n_pictures - p->first < batch ? set->n_pictures - p->first : batch;
        double start = fus_run_now(), statistics = p->log->statistics_seconds;
        code = fus_set_each(p->first, p->first + n, prepare, p, err);
        double prepared = fus_run_now();
        if (!code)
            code = fus_net_forward(p->model->net, p->input, n, p->wanted, on_tap, p, err);
        p->log->decode_seconds += prepared - start;
        p->log->forward_seconds += fus_run_now() - prepared - (p->log->statistics_seconds - statistics);
        fus_run_progress(p->run, what, p->first + n, set->n_pictures, started);
        if (code == FUS_ESTOPPED)
            fus_base_fail(err, FUS_ESTOPPED, "stopped at picture %d of %d of model %s", p->first + 1, set->n_pictures, p->log->name);
    }
    fus_base_free(p->input);
    return code;
}

/* units/MODEL/LAYER.npz: label [C,H,W] int8; with --units full also [category,C,H,W] of what it was decided on. */
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

/* Moments -> the layer's summary and its file of labels. */
static int decide(struct fus_layer_summary *layer, const struct fus_run *run, int model, const struct fus_tap *t,
                  struct fus_moments *m, struct fus_error *err)
{
    int code = fus_moments_unblock(m, t->channels, (size_t)t->height * (size_t)t->width, err);
    if (!code)
        code = fus_select_layer(layer, m, t->name, t->channels, t->height, t->width, &run->select, err);
    if (!code)
        code = write_units(run, model, layer, m, err);
    fus_base_free(layer->label);
    layer->label = NULL;
    return code;
}

/* Taps from *tap on whose moments fit --max-memory together (one at least); none beyond the last wanted. */
static int fill_pass(struct pass *p, const bool *wanted, int *tap, struct fus_error *err)
{
    int n_taps = fus_net_n_taps(p->model->net), n_here = 0, groups = p->run->set.n_categories;
    size_t used = 0;
    memset(p->wanted, 0, (size_t)n_taps * sizeof *p->wanted);
    for (; *tap < n_taps; ++*tap) {
        size_t units = blocked_units(fus_net_tap(p->model->net, *tap)), bytes = fus_moments_bytes(groups, units);
        if (!wanted[*tap])
            continue;
        if (n_here && (bytes > p->run->max_memory || used > p->run->max_memory - bytes))
            break;
        int code = fus_moments_create(&p->moments[*tap], groups, units, err);
        if (code)
            return code;
        p->wanted[*tap] = true;
        used += bytes;
        n_here++;
    }
    return FUS_OK;
}

static int run_passes(struct pass *p, const bool *wanted, int model, struct fus_model_summary *out, struct fus_error *err)
{
    int n_taps = fus_net_n_taps(p->model->net), code = FUS_OK;
    for (int tap = 0, first = 0; tap < n_taps && !code; first = tap) {
        code = fill_pass(p, wanted, &tap, err);
        bool any = false;
        for (int i = first; i < tap; i++)
            any = any || p->wanted[i];
        if (!code && any)
            code = see_pictures(p, ++p->log->n_passes, err);
        double start = fus_run_now();
        for (int i = first; i < n_taps; i++) {
            if (!code && p->wanted[i])
                code = decide(&out->layers[out->n_layers++], p->run, model, fus_net_tap(p->model->net, i),
                              &p->moments[i], err);
            fus_moments_destroy(&p->moments[i]);
        }
        p->log->statistics_seconds += fus_run_now() - start;
    }
    return code;
}

/* What the tables and the report say about the model itself. */
static int describe(struct fus_model_summary *out, const struct fus_model *m, const struct fus_run_model *named,
                    struct fus_error *err)
{
    out->name = fus_base_strdup(named->name);
    bool random = strncmp(named->path, "random:", 7) == 0; /* else the file's name: where it lies is not part of the result */
    const char *slash = random ? NULL : strrchr(named->path, '/');
    out->source = fus_base_strdup(slash ? slash + 1 : named->path);
    out->architecture = fus_base_strdup(m->description);
    out->preprocess = fus_base_strdup(m->preprocess_text);
    out->layers = fus_base_alloc((size_t)fus_net_n_taps(m->net), sizeof *out->layers);
    if (!out->name || !out->source || !out->architecture || !out->preprocess || !out->layers)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for the summary of %s", named->name);
    return fus_store_sha256(m->store, out->sha256, err);
}

int fus_run_measure_model(struct fus_run *run, int model, struct fus_run_summary *summary, struct fus_error *err)
{
    struct fus_run_model *log = &run->models[model];
    struct fus_model_summary *out = &summary->models[summary->n_models++];
    struct fus_model m;
    double start = fus_run_now();
    struct fus_net_options options = {.batch = run->batch, .direct = run->direct, .low_memory = run->low_memory};
    int code = fus_model_open(&m, log->path, run->lang_head, &options, err);
    if (code)
        return code;
    log->load_seconds = fus_run_now() - start;
    log->net_bytes = fus_net_bytes(m.net);
    snprintf(log->isa, sizeof log->isa, "%s", fus_net_isa(m.net));
    size_t n_taps = (size_t)fus_net_n_taps(m.net);
    struct pass p = {.run = run, .log = log, .model = &m};
    bool *wanted = fus_base_alloc(n_taps, sizeof *wanted);
    p.wanted = fus_base_alloc(n_taps, sizeof *p.wanted);
    p.moments = fus_base_alloc(n_taps, sizeof *p.moments);
    code = wanted && p.wanted && p.moments ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "no memory for the list of layers");
    if (!code)
        code = fus_model_want(wanted, &m, run->layers, err);
    if (!code)
        code = describe(out, &m, log, err);
    if (!code)
        code = run_passes(&p, wanted, model, out, err);
    fus_base_free(wanted);
    fus_base_free(p.wanted);
    fus_base_free(p.moments);
    fus_model_close(&m);
    log->seconds = fus_run_now() - start;
    return code;
}
