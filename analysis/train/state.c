/* SPDX-License-Identifier: MIT */
/* OUT/state.safetensors: everything that a training needs to resume with the same result.
 *
 *   value.NAME, momentum.NAME, squares.NAME, average.NAME   of every parameter that has one
 *   metadata: step, updates, the sums of the epoch so far, the best epoch; train:
 *   SHA-256 of train.json
 *
 * Random choices need no state: they are drawn from counters (seed, epoch, picture). The rows of
 * steps.csv and epochs.csv are written first: a process killed in between leaves extra rows, which
 * a resumed training removes. */
#include "analysis/train/work.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "nn/base/number.h"

static const char *const arrays[] = {"value.", "", "momentum.", "squares.",
                                     "average."}; /* by enum fus_train_tensor; no gradient */
enum { N_ARRAYS = 5, N_SUMS = 12, N_PAIRS = 5 + N_SUMS, PAIR_BYTES = 400 };

/* Every double of a state, in one order. */
static void list_sums(double *out[N_SUMS], struct fus_work *w)
{
    double *const all[N_SUMS] = {&w->sums.loss,     &w->sums.classify, &w->sums.language,  &w->sums.cosine,
                                 &w->best_value,    &w->best.loss,     &w->best.classify,  &w->best.language,
                                 &w->best.accuracy, &w->best.cosine,   &w->best.recall[0], &w->best.recall[1]};
    memcpy(out, all, sizeof all);
}

static const char *const sum_names[N_SUMS] = {
    "sum.loss",      "sum.classify",  "sum.language",  "sum.cosine",  "best.value",          "best.loss",
    "best.classify", "best.language", "best.accuracy", "best.cosine", "best.own_text_first", "best.own_picture_first"};

/* ---- writing ---- */

/* "momentum.layer1.0.conv1.weight": the parameter and the array. */
static int find(const struct fus_train *t, const char *name, int *which)
{
    for (*which = 0; *which < N_ARRAYS; ++*which) {
        size_t n = strlen(arrays[*which]);
        if (!n || strncmp(name, arrays[*which], n) != 0)
            continue;
        for (int i = 0; i < fus_train_n_parameters(t); i++)
            if (strcmp(fus_train_parameter(t, i)->name, name + n) == 0)
                return i;
    }
    return -1;
}

static int get(void *context, float *out, size_t n, const char *name, struct fus_error *err)
{
    const struct fus_work *w = context;
    int which, i = find(w->net, name, &which);
    if (i < 0 || fus_train_parameter(w->net, i)->n != n)
        return fus_base_fail(err, FUS_ENOTFOUND, "no tensor %s in training", name);
    fus_train_get(out, w->net, i, (enum fus_train_tensor)which);
    return FUS_OK;
}

static int list_tensors(struct fus_safetensors_tensor **out, size_t *n, const struct fus_train *t,
                        struct fus_error *err)
{
    int parameters = fus_train_n_parameters(t);
    *n = 0;
    *out = fus_base_alloc((size_t)parameters * N_ARRAYS, sizeof **out);
    if (!*out)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for the list of a state's tensors");
    for (int i = 0; i < parameters; i++)
        for (int which = 0; which < N_ARRAYS; which++) {
            const struct fus_train_parameter *p = fus_train_parameter(t, i);
            if (!arrays[which][0] || !fus_train_has(t, i, (enum fus_train_tensor)which))
                continue;
            struct fus_safetensors_tensor *o = &(*out)[(*n)++];
            snprintf(o->name, sizeof o->name, "%s%s", arrays[which], p->name);
            o->n_dims = p->n_dims;
            o->dtype = FUS_F32;
            for (int d = 0; d < p->n_dims; d++)
                o->shape[d] = p->shape[d];
        }
    return FUS_OK;
}

static void list_metadata(struct fus_safetensors_pair *pairs, char (*values)[PAIR_BYTES], struct fus_work *w)
{
    const long whole[] = {w->step, fus_train_n_updates(w->net), w->sums.n_correct, w->sums.n, w->best_epoch};
    static const char *const names[] = {"step", "updates", "sum.correct", "sum.pictures", "best.epoch"};
    double *sums[N_SUMS];
    list_sums(sums, w);
    for (int i = 0; i < 5; i++) {
        snprintf(values[i], PAIR_BYTES, "%ld", whole[i]);
        pairs[i] = (struct fus_safetensors_pair){names[i], values[i]};
    }
    for (int i = 0; i < N_SUMS; i++) {
        values[5 + i][0] = '\0';
        if (*sums[i] == *sums[i])
            fus_number_print(values[5 + i], *sums[i]);
        pairs[5 + i] = (struct fus_safetensors_pair){sum_names[i], values[5 + i]};
    }
    pairs[N_PAIRS] = (struct fus_safetensors_pair){"train", w->record_sha256};
}

int fus_state_save(struct fus_work *w, struct fus_error *err)
{
    struct fus_safetensors_tensor *tensors = NULL;
    struct fus_safetensors_pair pairs[N_PAIRS + 1];
    char values[N_PAIRS][PAIR_BYTES], path[4096];
    size_t n = 0;
    int code = fus_tables_write(w, err);
    if (!code)
        code = list_tensors(&tensors, &n, w->net, err);
    if (!code) {
        list_metadata(pairs, values, w);
        fus_work_path(path, w, "state.safetensors");
        code = fus_safetensors_write_tensors(path, tensors, n, pairs, N_PAIRS + 1, get, w, err);
    }
    fus_base_free(tensors);
    w->saved = fus_work_now();
    return code;
}

/* ---- reading ---- */

static const struct fus_tensor *find_tensor(const struct fus_store *s, const char *name)
{
    for (size_t i = 0; i < fus_store_count(s); i++)
        if (strcmp(fus_store_tensor(s, i)->name, name) == 0)
            return fus_store_tensor(s, i);
    return NULL;
}

static int missing(const struct fus_store *s, const char *what, struct fus_error *err)
{
    return fus_base_fail(err, FUS_EFORMAT, "%s: has no %s: not a state of this training", fus_store_path(s), what);
}

static int read_whole(long *to, const struct fus_store *s, const char *key, struct fus_error *err)
{
    uint64_t v;
    const char *text = fus_store_metadata(s, key);
    if (!text || !fus_number_whole(&v, text, NULL) || v > 1000000000000)
        return missing(s, key, err);
    *to = (long)v;
    return FUS_OK;
}

static int read_metadata(struct fus_work *w, struct fus_store *s, long *updates, struct fus_error *err)
{
    const char *train = fus_store_metadata(s, "train");
    double *sums[N_SUMS];
    long best = 0;
    list_sums(sums, w);
    if (!train || strcmp(train, w->record_sha256) != 0)
        return fus_base_fail(err, FUS_EFORMAT, "%s: is not of the training that train.json is of", fus_store_path(s));
    int code = read_whole(&w->step, s, "step", err);
    if (!code)
        code = read_whole(updates, s, "updates", err);
    if (!code)
        code = read_whole(&w->sums.n_correct, s, "sum.correct", err);
    if (!code)
        code = read_whole(&w->sums.n, s, "sum.pictures", err);
    if (!code)
        code = read_whole(&best, s, "best.epoch", err);
    for (int i = 0; i < N_SUMS && !code; i++) {
        const char *text = fus_store_metadata(s, sum_names[i]);
        if (text && !*text)
            *sums[i] = 0.0 / 0.0;
        else if (!text || !fus_number_real(sums[i], text, NULL))
            code = missing(s, sum_names[i], err);
    }
    w->best_epoch = (int)best;
    if (!code && w->step > w->n_steps)
        code = fus_base_fail(err, FUS_EFORMAT, "%s: step %ld found, at most %ld expected", fus_store_path(s), w->step,
                             w->n_steps);
    return code;
}

static int read_tensors(struct fus_work *w, struct fus_store *s, struct fus_error *err)
{
    int code = FUS_OK;
    for (int i = 0; i < fus_train_n_parameters(w->net) && !code; i++) {
        const struct fus_train_parameter *p = fus_train_parameter(w->net, i);
        float *values = fus_base_alloc(p->n, sizeof *values);
        if (!values)
            return fus_base_fail(err, FUS_ENOMEM, "no memory for %s", p->name);
        for (int which = 0; which < N_ARRAYS && !code; which++) {
            char name[128];
            snprintf(name, sizeof name, "%s%s", arrays[which], p->name);
            const struct fus_tensor *t = arrays[which][0] && fus_train_has(w->net, i, (enum fus_train_tensor)which)
                                             ? find_tensor(s, name)
                                             : NULL;
            if (!t && which == FUS_TRAIN_VALUE)
                code = missing(s, name, err);
            if (!t)
                continue;
            code = t->n_elements == p->n ? fus_store_read_f32(s, values, t, err) : missing(s, name, err);
            if (!code)
                fus_train_set(w->net, i, (enum fus_train_tensor)which, values);
        }
        fus_base_free(values);
    }
    return code;
}

int fus_state_load(struct fus_work *w, struct fus_error *err)
{
    struct fus_store *s;
    char path[4096];
    long updates = 0;
    fus_work_path(path, w, "state.safetensors");
    int code = fus_open_weights(&s, path, err);
    if (code)
        return code;
    code = read_metadata(w, s, &updates, err);
    if (!code)
        code = fus_prepare_remake(w, err);
    if (!code)
        code = read_tensors(w, s, err);
    if (!code) {
        fus_train_set_n_updates(w->net, updates);
        code = fus_tables_read(w, err);
    }
    fus_store_close(s);
    return code;
}

int fus_state_carry(struct fus_train *to, const struct fus_train *from, struct fus_error *err)
{
    for (int i = 0; i < fus_train_n_parameters(to); i++) { /* the same network: the same list */
        float *values = fus_base_alloc(fus_train_parameter(to, i)->n, sizeof *values);
        if (!values)
            return fus_base_fail(err, FUS_ENOMEM, "no memory for %s", fus_train_parameter(to, i)->name);
        for (int which = 0; which < N_ARRAYS; which++)
            if (arrays[which][0] && fus_train_has(to, i, (enum fus_train_tensor)which) &&
                fus_train_has(from, i, (enum fus_train_tensor)which)) {
                fus_train_get(values, from, i, (enum fus_train_tensor)which);
                fus_train_set(to, i, (enum fus_train_tensor)which, values);
            }
        fus_base_free(values);
    }
    fus_train_set_n_updates(to, fus_train_n_updates(from));
    return FUS_OK;
}
