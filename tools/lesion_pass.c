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
    int n, code;
    int (*show)(struct fus_lesion_pass *l, int n, struct fus_error *err);
    struct fus_error *err;
};

static void show_batch(void *context)
{
    struct showing *s = context;
    s->code = s->show(s->l, s->n, s->err);
}

/* show(l, n) for every batch, decoded into l->input; one team of threads for all that
 * happens to a batch. */
static int each_batch(struct fus_lesion_pass *l, const char *what,
                      int (*show)(struct fus_lesion_pass *l, int n, struct fus_error *err), struct fus_error *err)
{
    int code = FUS_OK;
    double started = fus_progress_now();
    for (l->first = 0; l->first < l->set.n_pictures && !code; l->first += l->batch) {
        int n = l->set.n_pictures - l->first < l->batch ? l->set.n_pictures - l->first : l->batch;
        code = fus_set_each(l->first, l->first + n, prepare, l, err);
        if (!code) {
            struct showing s = {l, n, FUS_OK, show, err};
            fus_threads_run(show_batch, &s);
            code = s.code;
        }
        fus_progress_show(what, "pictures", l->first + n, l->set.n_pictures, started);
    }
    return code;
}

static size_t blocked_index(const struct fus_lesion_pass *l, size_t unit)
{
    size_t channel = unit / l->n_places, place = unit % l->n_places;
    return (channel / 16 * l->n_places + place) * 16 + channel % 16;
}

static void silence(float *blocked, const struct fus_lesion_pass *l, size_t set, int n)
{
    bool zero = l->mode.value == FUS_LESION_PASS_ZERO;
    for (size_t i = 0; i < l->sets.n_chosen; i++) {
        size_t unit = l->sets.units[set * l->sets.n_chosen + i], at = blocked_index(l, unit);
        for (int p = 0; p < n; p++)
            blocked[(size_t)p * l->blocked_units + at] = zero ? 0 : (float)l->mean[unit];
    }
}

/* During the first forward pass: sums for the means. */
static int add_sums(void *context, int tap, int picture, const float *blocked)
{
    struct fus_lesion_pass *l = context;
    (void)tap, (void)picture;
    for (size_t i = 0; i < l->n_units; i++)
        l->mean[i] += blocked[blocked_index(l, i)];
    return FUS_OK;
}

static int show_for_means(struct fus_lesion_pass *l, int n, struct fus_error *err)
{
    return fus_net_forward(l->model.net, l->input, n, l->wanted, add_sums, l, err);
}

static int keep_features(void *context, int tap, int picture, const float *blocked)
{
    struct fus_lesion_pass *l = context;
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
    struct fus_lesion_pass *l = context;
    if (tap == l->tap && l->condition == 0)
        memcpy(l->kept + (size_t)first * l->blocked_units, blocked, (size_t)n * l->blocked_units * sizeof *blocked);
    if (tap == l->tap && l->condition > 0)
        silence(blocked, l, l->condition - 1, n);
    return FUS_OK;
}

static int show_conditions(struct fus_lesion_pass *l, int n, struct fus_error *err)
{
    int code = FUS_OK;
    bool continues = fus_net_can_continue(l->model.net, l->tap);
    for (l->condition = 0; l->condition <= l->sets.n_sets && !code; l->condition++) {
        if (l->condition == 0 || !continues) {
            code = fus_net_forward(l->model.net, l->input, n, l->wanted, keep_features, l, err);
            continue;
        }
        size_t bytes = (size_t)n * l->blocked_units * sizeof *l->cut;
        fus_net_watch(l->model.net, NULL, NULL);
        memcpy(l->cut, l->kept, bytes);
        silence(l->cut, l, l->condition - 1, n);
        code = fus_net_continue(l->model.net, l->tap, l->cut, n, l->wanted, keep_features, l, err);
        fus_net_watch(l->model.net, change, l);
    }
    return code;
}

/* Every response of the layer, and every feature of every condition, is a number. */
static int check_finite(const struct fus_lesion_pass *l, struct fus_error *err)
{
    size_t rows = (l->sets.n_sets + 1) * (size_t)l->set.n_pictures;
    for (size_t i = 0; i < l->n_units; i++)
        if (!isfinite(l->mean[i]))
            return fus_base_fail(
                err, FUS_EFORMAT,
                "%s: layer %s answers with NaN or infinity in channel %zu: its weights are too large, or damaged",
                l->model_path, l->layer, i / l->n_places);
    int code = FUS_OK;
    for (size_t i = 0; l->features && i < rows && !code; i++)
        code = fus_model_check_tap(&l->model, l->feature_tap, l->features + i * l->n_features,
                                   l->set.pictures[i % (size_t)l->set.n_pictures].path, err);
    return code;
}

int fus_lesion_pass_measure(struct fus_lesion_pass *l, struct fus_error *err)
{
    l->wanted[l->tap] = true;
    int code = each_batch(l, "mean activation", show_for_means, err);
    for (size_t i = 0; i < l->n_units; i++)
        l->mean[i] /= l->set.n_pictures;
    if (!code)
        code = check_finite(l, err);
    if (code)
        return code;
    code = fus_lesion_choose(&l->sets, l->label, l->mean, l->n_units, l->wanted_category, (size_t)l->controls, l->seed,
                             err);
    if (code)
        return fus_base_blame(err, "%s, %s: ", l->folder, l->layer);
    size_t rows = (l->sets.n_sets + 1) * (size_t)l->set.n_pictures;
    l->features = fus_base_aligned(rows * l->n_features, sizeof *l->features);
    if (!l->features)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for the features of %zu lesions: fewer --controls need less",
                             l->sets.n_sets);
    l->wanted[l->feature_tap] = true;
    fus_net_watch(l->model.net, change, l);
    code = each_batch(l, "lesions", show_conditions, err);
    return code ? code : check_finite(l, err);
}
