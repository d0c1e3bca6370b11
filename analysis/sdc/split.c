/* SPDX-License-Identifier: MIT */
/* Which images train, validate and test.
 *
 *   shared   images that every participant saw at least `repeats` times (once, for networks); the
 *            first n_test of them in a shuffled order where there are more
 *   test     the shared ones, then a participant's own images of as many repeats, up to n_test
 *   val      n_val more of these
 *   train    the rest, images of fewer repeats too
 *
 * A participant's own images are in the order of a Fisher-Yates shuffle by the stream (seed, SPLIT,
 * FNV-1a-64 of its name), starting from rising rows of the embedding. A column `split` wins. */
#include <inttypes.h>
#include <string.h>

#include "analysis/sdc/study_parts.h"
#include "nn/base/rng.h"

enum { STREAM_SPLIT = 7 };

static uint64_t name_word(const char *name)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (; *name; name++)
        h = (h ^ (uint8_t)*name) * 0x100000001b3u;
    return h;
}

static void shuffle(int32_t *items, size_t n, uint64_t seed, uint64_t word)
{
    struct fus_rng rng;
    const uint64_t key[3] = {seed, STREAM_SPLIT, word};
    fus_rng_seed_counter(&rng, key, 3);
    for (size_t i = n; i > 1; i--) {
        size_t j = (size_t)fus_rng_below(&rng, i);
        int32_t swap = items[i - 1];
        items[i - 1] = items[j];
        items[j] = swap;
    }
}

/* How often the participant saw each image: seen [n_images]. */
static void count_seen(uint32_t *seen, size_t n_images, const struct fus_sdc_participant *p)
{
    memset(seen, 0, n_images * sizeof *seen);
    for (size_t t = 0; t < p->n_trials; t++)
        seen[p->image[t]]++;
}

static bool is_often(const uint32_t *seen, size_t image, const struct fus_sdc_participant *p,
                     const struct fus_sdc_study_options *o)
{
    return seen[image] >= (p->model ? 1 : (uint32_t)o->repeats);
}

/* in_test [n_images]: the shared images. */
static void find_shared(uint8_t *in_test, struct fus_sdc_study *study, uint32_t *seen, int32_t *items,
                        const struct fus_sdc_study_options *o)
{
    size_t n = 0;
    memset(in_test, study->n > 1, study->n_images);
    for (int k = 0; k < study->n; k++) {
        count_seen(seen, study->n_images, &study->participants[k]);
        for (size_t i = 0; i < study->n_images; i++)
            in_test[i] = in_test[i] && is_often(seen, i, &study->participants[k], o);
    }
    for (size_t i = 0; i < study->n_images; i++)
        if (in_test[i])
            items[n++] = (int32_t)i;
    study->n_shared = n;
    if (n <= o->n_test)
        return;
    shuffle(items, n, o->seed, 0);
    for (size_t i = o->n_test; i < n; i++)
        in_test[items[i]] = 0;
}

static int check_share(const struct fus_sdc_participant *p, struct fus_error *err)
{
    size_t n[FUS_SDC_N_SPLITS] = {0};
    for (size_t t = 0; t < p->n_trials; t++)
        n[p->split[t]]++;
    size_t used = p->n_trials - n[FUS_SDC_NONE];
    if (n[FUS_SDC_TEST] == 0)
        return fus_base_fail(err, FUS_EINVAL,
                             "%s: no image can test: none was seen often enough (--repeats), or none is in the split "
                             "`test`",
                             p->name);
    if (2 * n[FUS_SDC_TRAIN] < used)
        return fus_base_fail(err, FUS_EINVAL,
                             "%s: %zu of %zu trials are left for training, %zu test and %zu validate: expected at "
                             "least half (--test-images, --val-images)",
                             p->name, n[FUS_SDC_TRAIN], used, n[FUS_SDC_TEST], n[FUS_SDC_VAL]);
    return FUS_OK;
}

/* fold [n_images] of one participant. */
static void split_own(uint8_t *fold, const uint8_t *in_test, const struct fus_sdc_study *study,
                      const struct fus_sdc_participant *p, uint32_t *seen, int32_t *items,
                      const struct fus_sdc_study_options *o)
{
    size_t n = 0, n_shared = 0;
    count_seen(seen, study->n_images, p);
    for (size_t i = 0; i < study->n_images; i++) {
        fold[i] = in_test[i] ? FUS_SDC_TEST : FUS_SDC_TRAIN;
        n_shared += in_test[i];
        if (!in_test[i] && is_often(seen, i, p, o))
            items[n++] = (int32_t)i;
    }
    shuffle(items, n, o->seed, name_word(p->name));
    size_t extra = o->n_test > n_shared ? o->n_test - n_shared : 0;
    for (size_t i = 0; i < n && i < extra + o->n_val; i++)
        fold[items[i]] = i < extra ? FUS_SDC_TEST : FUS_SDC_VAL;
}

/* A split of the table must be one of images: fold [n_images] is scratch. */
static int check_given(uint8_t *fold, const struct fus_sdc_study *study, const struct fus_sdc_participant *p,
                       struct fus_error *err)
{
    memset(fold, FUS_SDC_N_SPLITS, study->n_images);
    for (size_t t = 0; t < p->n_trials; t++) {
        uint8_t *f = &fold[p->image[t]];
        if (*f == FUS_SDC_N_SPLITS)
            *f = p->split[t];
        if (*f != p->split[t])
            return fus_base_fail(
                err, FUS_EFORMAT,
                "%s: trial %zu: its image (row %ld of the embedding) is in another split in an earlier "
                "trial, expected one split for an image",
                p->name, t + 1, (long)p->image[t]);
    }
    return check_share(p, err);
}

/* Whether the trials have a column `split`; all of them or none. */
static int is_given(bool *given, const struct fus_sdc_study *study, struct fus_error *err)
{
    *given = study->participants[0].split[0] != FUS_SDC_N_SPLITS;
    for (int k = 0; k < study->n; k++)
        for (size_t t = 0; t < study->participants[k].n_trials; t++)
            if ((study->participants[k].split[t] != FUS_SDC_N_SPLITS) != *given)
                return fus_base_fail(err, FUS_EFORMAT,
                                     "%s: its trials have %s column `split`, those of %s have %s: expected all or none",
                                     study->participants[k].name, *given ? "no" : "a", study->participants[0].name,
                                     *given ? "one" : "none");
    return FUS_OK;
}

int fus_sdc_split_images(struct fus_sdc_study *study, const struct fus_sdc_study_options *o, struct fus_error *err)
{
    size_t n = study->n_images;
    bool given;
    int code = is_given(&given, study, err);
    if (code)
        return code;
    uint8_t *in_test = fus_base_alloc(n, 1), *fold = fus_base_alloc(n, 1);
    uint32_t *seen = fus_base_alloc(n, sizeof *seen);
    int32_t *items = fus_base_alloc(n, sizeof *items);
    if (!in_test || !fold || !seen || !items)
        code = fus_base_fail(err, FUS_ENOMEM, "no memory to split %zu images", n);
    if (!code)
        find_shared(in_test, study, seen, items, o);
    for (int k = 0; !code && k < study->n; k++) {
        struct fus_sdc_participant *p = &study->participants[k];
        if (given) {
            code = check_given(fold, study, p, err);
            continue;
        }
        split_own(fold, in_test, study, p, seen, items, o);
        for (size_t t = 0; t < p->n_trials; t++)
            p->split[t] = fold[p->image[t]];
        code = check_share(p, err);
    }
    fus_base_free(in_test);
    fus_base_free(fold);
    fus_base_free(seen);
    fus_base_free(items);
    return code;
}
