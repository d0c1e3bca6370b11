/* SPDX-License-Identifier: MIT */
/* The pictures shown to the intact network and with units silenced: see lesion_pass.h. */
#include "tools/lesion_pass.h"

#include <math.h>
#include <string.h>

#include "analysis/localizer/pictures.h"
#include "nn/base/threads.h"
#include "tools/progress.h"

static int prepare(void *context, int i, struct fus_error *err)
{
    const struct fus_lesion_pass *l = context;
    return fus_cache_input(l->input + (size_t)(i - l->first) * l->model.input_floats, l->cache, &l->set, i,
                           &l->model.preprocess, (const char(*)[65])l->sha256, err);
}

struct showing {
    struct fus_lesion_pass *l;
    const char *what;
    int (*show)(struct fus_lesion_pass *l, int n, struct fus_error *err);
    int code;
    struct fus_error *err;
};

static void show_batches(void *context)
{
    struct showing *s = context;
    struct fus_lesion_pass *l = s->l;
    double started = fus_progress_now();
    for (l->first = 0; l->first < l->set.n_pictures && !s->code; l->first += l->batch) {
        int n = l->set.n_pictures - l->first < l->batch ? l->set.n_pictures - l->first : l->batch;
        s->code = fus_set_each(l->first, l->first + n, prepare, l, s->err);
        if (!s->code)
            s->code = s->show(l, n, s->err);
        fus_progress_show(s->what, "pictures", l->first + n, l->set.n_pictures, started);
    }
}

/* show(l, n) for every batch, decoded into l->input; one start of the threads for all of them. */
static int each_batch(struct fus_lesion_pass *l, const char *what,
                      int (*show)(struct fus_lesion_pass *l, int n, struct fus_error *err), struct fus_error *err)
{
    struct showing s = {l, what, show, FUS_OK, err};
    fus_threads_run(show_batches, &s);
    return s.code;
}

static size_t blocked_index(const struct fus_lesion_pass *l, size_t unit)
{
    size_t channel = unit / l->n_places, place = unit % l->n_places;
    return (channel / 16 * l->n_places + place) * 16 + channel % 16;
}

static int half_of(const struct fus_lesion_pass *l, int picture)
{
    return l->set.pictures[l->first + picture].half;
}

/* Of pictures first .. first+n-1 of the batch; blocked [n, blocked_units]. */
static void silence(float *blocked, const struct fus_lesion_pass *l, size_t set, int first, int n)
{
    bool zero = l->mode.value == FUS_LESION_PASS_ZERO;
    for (int p = 0; p < n; p++) {
        int chosen = 1 - half_of(l, first + p);
        const struct fus_lesion_sets *s = &l->sets[chosen];
        for (size_t i = 0; i < s->n_chosen; i++) {
            size_t unit = s->units[set * s->n_chosen + i];
            blocked[(size_t)p * l->blocked_units + blocked_index(l, unit)] = zero ? 0 : (float)l->mean[chosen][unit];
        }
    }
}

/* During the first forward pass. */
static int keep_layer(void *context, int tap, int picture, const float *blocked)
{
    const struct fus_lesion_pass *l = context;
    (void)tap;
    memcpy(l->kept + (size_t)picture * l->blocked_units, blocked, l->blocked_units * sizeof *blocked);
    return FUS_OK;
}

static void add_moments(struct fus_lesion_pass *l, int picture)
{
    const float *kept = l->kept + (size_t)picture * l->blocked_units;
    size_t i = (size_t)(l->first + picture);
    fus_moments_add(&l->moments, half_of(l, picture) * l->set.n_categories + l->set.pictures[i].category, kept);
    if (l->responses)
        fus_tensor_unblock(l->responses + i * l->n_units, kept, fus_net_tap(l->model.net, l->tap)->channels,
                           l->n_places);
}

static int show_for_moments(struct fus_lesion_pass *l, int n, struct fus_error *err)
{
    int code = fus_net_forward(l->model.net, l->input, n, l->wanted, keep_layer, l, err);
    for (int i = 0; i < n && !code; i++)
        add_moments(l, i);
    return code;
}

static int keep_features(void *context, int tap, int picture, const float *blocked)
{
    const struct fus_lesion_pass *l = context;
    if (tap != l->feature_tap)
        return FUS_OK;
    const struct fus_tap *f = fus_net_tap(l->model.net, tap);
    size_t row = l->condition * (size_t)l->set.n_pictures + (size_t)(l->first + picture);
    fus_tensor_unblock(l->features + row * l->n_features, blocked, f->channels, (size_t)f->height * (size_t)f->width);
    return FUS_OK;
}

/* Where the whole network must run again for each condition, its layer is changed on the way. */
static int change(void *context, int tap, int first, int n, float *blocked)
{
    const struct fus_lesion_pass *l = context;
    if (tap == l->tap && l->condition == 0)
        memcpy(l->kept + (size_t)first * l->blocked_units, blocked, (size_t)n * l->blocked_units * sizeof *blocked);
    if (tap == l->tap && l->condition > 0)
        silence(blocked, l, l->condition - 1, first, n);
    return FUS_OK;
}

static int show_conditions(struct fus_lesion_pass *l, int n, struct fus_error *err)
{
    int code = FUS_OK;
    bool continues = fus_net_can_continue(l->model.net, l->tap);
    for (l->condition = 0; l->condition <= l->sets[0].n_sets && !code; l->condition++) {
        if (l->condition == 0 || !continues) {
            code = fus_net_forward(l->model.net, l->input, n, l->wanted, keep_features, l, err);
            continue;
        }
        size_t bytes = (size_t)n * l->blocked_units * sizeof *l->cut;
        fus_net_watch(l->model.net, NULL, NULL);
        memcpy(l->cut, l->kept, bytes);
        silence(l->cut, l, l->condition - 1, 0, n);
        code = fus_net_continue(l->model.net, l->tap, l->cut, n, l->wanted, keep_features, l, err);
        fus_net_watch(l->model.net, change, l);
    }
    return code;
}

/* Every response of the layer is a number. */
static int check_moments(const struct fus_lesion_pass *l, struct fus_error *err)
{
    for (size_t i = 0; i < (size_t)l->moments.n_groups * l->n_units; i++)
        if (l->moments.n[i / l->n_units] && !isfinite(l->moments.mean[i]))
            return fus_base_fail(
                err, FUS_EFORMAT,
                "%s: layer %s answers with NaN or infinity in channel %zu: its weights are too large, or damaged",
                l->model_path, l->layer, i % l->n_units / l->n_places);
    return FUS_OK;
}

/* So is every feature of every condition. */
static int check_features(const struct fus_lesion_pass *l, struct fus_error *err)
{
    size_t rows = (l->sets[0].n_sets + 1) * (size_t)l->set.n_pictures;
    int code = FUS_OK;
    for (size_t i = 0; i < rows && !code; i++)
        code = fus_model_check_tap(&l->model, l->feature_tap, l->features + i * l->n_features,
                                   l->set.pictures[i % (size_t)l->set.n_pictures].path, err);
    return code;
}

int fus_lesion_pass_look(struct fus_lesion_pass *l, struct fus_error *err)
{
    int code = fus_moments_create(&l->moments, 2 * l->set.n_categories, l->blocked_units, err);
    if (!code && l->rule.select.criterion == FUS_CRITERION_IUT && l->rule.select.test == FUS_TEST_BALANCED)
        code = fus_moments_keep_third(&l->moments, err);
    if (!code && fus_criteria_needs_responses(&l->rule.select) &&
        !(l->responses = fus_base_aligned((size_t)l->set.n_pictures * l->n_units, sizeof *l->responses)))
        code = fus_base_fail(err, FUS_ENOMEM, "no memory for %d responses of %zu units", l->set.n_pictures, l->n_units);
    l->wanted[l->tap] = true;
    if (!code)
        code = each_batch(l, "units of each half", show_for_moments, err);
    if (!code)
        code = fus_moments_unblock(&l->moments, fus_net_tap(l->model.net, l->tap)->channels, l->n_places, err);
    return code ? code : check_moments(l, err);
}

/* The pictures of one half as a layer's responses (inference.h). */
struct half_rows {
    const struct fus_lesion_pass *l;
    size_t *picture; /* [n] */
    int *category;   /* [n] */
    size_t n;
};

static void read_row(void *context, float *to, size_t image, size_t first, size_t n)
{
    const struct half_rows *h = context;
    memcpy(to, h->l->responses + h->picture[image] * h->l->n_units + first, n * sizeof *to);
}

static int list_half(struct half_rows *h, const struct fus_lesion_pass *l, int half, struct fus_error *err)
{
    size_t n = (size_t)l->set.n_pictures;
    *h = (struct half_rows){l, fus_base_alloc(n, sizeof *h->picture), fus_base_alloc(n, sizeof *h->category), 0};
    if (!h->picture || !h->category)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for %zu pictures", n);
    for (size_t i = 0; i < n; i++)
        if (l->set.pictures[i].half == half) {
            h->category[h->n] = l->set.pictures[i].category;
            h->picture[h->n++] = i;
        }
    return FUS_OK;
}

/* The units of one half and their controls; label [n_units] is scratch. */
static int choose_in_half(struct fus_lesion_pass *l, int half, int8_t *label, struct fus_error *err)
{
    const struct fus_tap *tap = fus_net_tap(l->model.net, l->tap);
    struct fus_moments m = fus_halves_view(&l->moments, half);
    struct half_rows rows;
    int code = list_half(&rows, l, half, err);
    struct fus_responses r = {.category = rows.category,
                              .n_images = rows.n,
                              .n_units = l->n_units,
                              .n_categories = l->set.n_categories,
                              .channels = tap->channels,
                              .height = tap->height,
                              .width = tap->width,
                              .read = read_row,
                              .context = &rows};
    if (!code)
        code = fus_lesion_label(label, &m, &r, tap, l->wanted_category, &l->rule, err);
    if (!code) {
        fus_lesion_unit_means(l->mean[half], &m);
        code = fus_lesion_choose(&l->sets[half], label, l->mean[half], l->n_units, l->wanted_category,
                                 (size_t)l->controls, l->seed, err);
    }
    fus_base_free(rows.picture);
    fus_base_free(rows.category);
    return code;
}

static int choose_units(struct fus_lesion_pass *l, struct fus_error *err)
{
    int8_t *label = fus_base_alloc(l->n_units, sizeof *label);
    int code = label ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "no memory for %zu labels", l->n_units);
    for (int half = 0; half < 2 && !code; half++) {
        fus_lesion_free(&l->sets[half]);
        code = choose_in_half(l, half, label, err);
    }
    fus_base_free(label);
    return code ? fus_base_blame(err, "%s, %s: ", l->folder, l->layer) : FUS_OK;
}

int fus_lesion_pass_measure(struct fus_lesion_pass *l, struct fus_error *err)
{
    int code = choose_units(l, err);
    size_t rows = (l->sets[0].n_sets + 1) * (size_t)l->set.n_pictures;
    if (!code && !l->features) {
        l->features = fus_base_aligned(rows * l->n_features, sizeof *l->features);
        if (!l->features)
            code =
                fus_base_fail(err, FUS_ENOMEM, "no memory for the features of %zu lesions: fewer --controls need less",
                              l->sets[0].n_sets);
    }
    if (code)
        return code;
    l->wanted[l->feature_tap] = true;
    fus_net_watch(l->model.net, change, l);
    code = each_batch(l, "lesions", show_conditions, err);
    return code ? code : check_features(l, err);
}
