/* One model over all pictures: responses are streamed into the moments of every layer (tally.h), then each layer is decided
 * on (run_decide.c). */
#include <stdio.h>
#include <string.h>

#include "nn/team.h"
#include "run.h"
#include "tally.h"

/* The layers of one pass over the pictures: as many as --max-memory allows. */
struct pass {
    const struct fus_run *run;
    struct fus_run_model *log;
    int number;                /* of the model in the run */
    struct fus_model *model;
    size_t budget;             /* bytes for what is remembered of the pictures */
    bool *wanted;              /* [n_taps] of this pass */
    struct fus_tally *tallies; /* [n_taps] */
    struct fus_scratch scratch;
    float *input;              /* [batch, 3, side, side] */
    float *row;                /* a batch of the largest layer whose responses go to the scratch file */
    int first;                 /* picture number of the batch's first one */
    struct fus_error *err;
};

static int on_batch(void *context, int tap, int first, int n, float *blocked)
{
    struct pass *p = context;
    double start = fus_run_now();
    int code = fus_tally_add(&p->tallies[tap], p->first + first, n, blocked, p->row, p->err);
    p->log->statistics_seconds += fus_run_now() - start;
    return code;
}

/* Picture i, decoded and preprocessed, into its place in the batch. */
static int prepare(void *context, int i, struct fus_error *err)
{
    const struct pass *p = context;
    return fus_cache_input(p->input + (size_t)(i - p->first) * p->model->input_floats, p->run->cache, &p->run->set, i,
                           &p->model->preprocess, err);
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
            code = fus_net_forward(p->model->net, p->input, n, p->wanted, NULL, NULL, err);
        p->log->decode_seconds += prepared - start;
        p->log->forward_seconds += fus_run_now() - prepared - (p->log->statistics_seconds - statistics);
        fus_run_progress(what, "pictures", p->first + n, set->n_pictures, started);
        if (code == FUS_ESTOPPED)
            fus_base_fail(err, FUS_ESTOPPED, "stopped at picture %d of %d of model %s", p->first + 1, set->n_pictures, p->log->name);
    }
    fus_base_free(p->input);
    return code;
}

/* Taps from *tap on that fit the budget together (one at least), none beyond the last wanted: first with the least each needs, then, while
 * there is room, with all categories in memory, then with responses. */
static int fill_pass(struct pass *p, const bool *wanted, int *tap, struct fus_error *err)
{
    int n_taps = fus_net_n_taps(p->model->net), first = *tap, n_here = 0, code = FUS_OK;
    size_t used = 0, row = 0, batch = (size_t)p->run->batch;
    memset(p->wanted, 0, (size_t)n_taps * sizeof *p->wanted);
    p->scratch.size = 0;
    for (; *tap < n_taps; ++*tap) {
        struct fus_tally *t = &p->tallies[*tap];
        if (!wanted[*tap])
            continue;
        const struct fus_tap *layer = fus_net_tap(p->model->net, *tap);
        fus_tally_plan(t, &p->run->set, &p->scratch, layer, p->run->halves, fus_run_keeps_tap(p->run, p->number, layer));
        size_t bytes = fus_tally_least_bytes(t);
        if (n_here && (bytes > p->budget || used > p->budget - bytes))
            break;
        p->wanted[*tap] = true;
        used += bytes;
        n_here++;
    }
    for (int i = first; i < *tap && !code; i++) {
        struct fus_tally *t = &p->tallies[i];
        if (!p->wanted[i])
            continue;
        size_t more = fus_tally_more_bytes(t), kept = fus_tally_response_bytes(t);
        bool all = used < p->budget && more <= p->budget - used;
        used += all ? more : 0;
        bool inside = used < p->budget && kept <= p->budget - used;
        used += inside ? kept : 0;
        row = t->keep && !inside && t->n_units * batch > row ? t->n_units * batch : row;
        code = fus_tally_create(t, all, inside, err);
    }
    if (!code && row && !(p->row = fus_base_aligned(row, sizeof *p->row)))
        code = fus_base_fail(err, FUS_ENOMEM, "no memory for the responses to a batch");
    if (p->scratch.size > p->log->scratch_bytes)
        p->log->scratch_bytes = p->scratch.size;
    return code;
}

/* Where the moments of a layer, all together, do not fit beside what the others hold. */
static int park_all(struct pass *p, int first, int end, struct fus_error *err)
{
    size_t held = 0, largest = 0;
    for (int i = first; i < end; i++)
        if (p->wanted[i]) {
            const struct fus_tally *t = &p->tallies[i];
            size_t all = fus_tally_least_bytes(t) + fus_tally_more_bytes(t);
            held += (t->one_category ? fus_tally_least_bytes(t) : all) + (t->responses ? fus_tally_response_bytes(t) : 0);
            largest = t->one_category && all > largest ? all : largest;
        }
    int code = FUS_OK;
    for (int i = first; i < end && held + largest > p->budget && !code; i++)
        if (p->wanted[i])
            code = fus_tally_park(&p->tallies[i], err);
    return code;
}

struct deciding {
    struct pass *p;
    int model, tap, code;
    struct fus_model_summary *out;
};

static void decide(void *context)
{
    struct deciding *d = context;
    struct pass *p = d->p;
    struct fus_moments m = {0};
    const float *x = NULL;
    d->code = fus_tally_moments(&m, &p->tallies[d->tap], p->err);
    if (!d->code)
        d->code = fus_tally_responses(&x, &p->tallies[d->tap], p->err);
    if (!d->code) {
        struct fus_layer_summary *layer = &d->out->layers[d->out->n_layers++];
        d->code = fus_run_decide(layer, &p->log->layers[p->log->n_layers++], p->run, d->model, fus_net_tap(p->model->net, d->tap), &m,
                                 x, p->err);
    }
    fus_moments_destroy(&m);
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
        if (!code)
            code = park_all(p, first, tap, err);
        for (int i = first; i < tap; i++) {
            if (!code && p->wanted[i]) {
                struct deciding d = {p, model, i, FUS_OK, out};
                fus_team_run(decide, &d); /* one team for all loops of the layer */
                code = d.code;
            }
            fus_tally_destroy(&p->tallies[i]);
        }
        fus_base_free(p->row);
        p->row = NULL;
        p->log->decide_seconds += fus_run_now() - start;
    }
    fus_scratch_close(&p->scratch);
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
    struct fus_net_options options = {.batch = run->batch, .batch_taps = true, .direct = run->direct, .low_memory = run->low_memory};
    int code = fus_model_open(&m, log->path, run->lang_head, &options, err);
    if (code)
        return code;
    log->load_seconds = fus_run_now() - start;
    log->net_bytes = fus_net_bytes(m.net);
    snprintf(log->isa, sizeof log->isa, "%s", fus_net_isa(m.net));
    size_t n_taps = (size_t)fus_net_n_taps(m.net);
    struct pass p = {.run = run, .log = log, .number = model, .model = &m, .err = err, .scratch = {run->out, -1, 0}};
    size_t room = run->max_memory > log->net_bytes ? run->max_memory - log->net_bytes : 0;
    p.budget = room > run->max_memory / 4 ? room : run->max_memory / 4;
    bool *wanted = fus_base_alloc(n_taps, sizeof *wanted);
    p.wanted = fus_base_alloc(n_taps, sizeof *p.wanted);
    p.tallies = fus_base_alloc(n_taps, sizeof *p.tallies);
    log->layers = fus_base_alloc(n_taps, sizeof *log->layers);
    code = wanted && p.wanted && p.tallies && log->layers ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "no memory for the list of layers");
    if (!code)
        code = fus_model_want(wanted, &m, run->layers, err);
    if (!code)
        code = fus_run_choose_reference(log, run, m.net, wanted, err);
    if (!code)
        code = describe(out, &m, log, err);
    fus_net_watch(m.net, on_batch, &p);
    if (!code)
        code = run_passes(&p, wanted, model, out, err);
    fus_base_free(wanted);
    fus_base_free(p.wanted);
    fus_base_free(p.tallies);
    fus_model_close(&m);
    log->seconds = fus_run_now() - start;
    return code;
}
