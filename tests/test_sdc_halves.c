/* SPDX-License-Identifier: MIT */
/* analysis/sdc/decode_halves.c: which training trials belong to odd and which to even sessions. */
#include "analysis/sdc/decode_work.h"

#include "tests/test.h"

enum { N = 12, TRAIN = 9 };

static struct fus_error err;

static void check(int n_sessions, const int *odd, int n_odd, const int *even, int n_even)
{
    static const int32_t image[N] = {7, 3, 7, 9, 5, 3, 1, 9, 1, 2, 2, 2},
                         session[N] = {0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 0, 1}, none[N] = {0};
    static int32_t trials[TRAIN] = {0, 1, 2, 3, 4, 5, 6, 7, 8}, of_trial[TRAIN] = {7, 3, 7, 9, 5, 3, 1, 9, 1};
    struct fus_sdc_data data = {.name = "a", .n_trials = N, .n_images = 10, .image = image};
    struct fus_sdc_decode_options o = {.halves = true};
    struct fus_sdc_work w = {.o = &o, .name = "a", .data = &data};
    data.n_sessions = n_sessions, data.session = n_sessions > 1 ? session : none;
    w.trials[FUS_SDC_TRAIN] = trials, w.image[FUS_SDC_TRAIN] = of_trial, w.n[FUS_SDC_TRAIN] = TRAIN;
    CHECK_MSG(fus_sdc_halves_list(&w, &err) == 0, "%s", err.msg);
    CHECK(w.half[0].n == (size_t)n_odd && w.half[1].n == (size_t)n_even);
    for (int i = 0; i < n_odd; i++)
        CHECK(w.half[0].trials[i] == odd[i] && w.half[0].image[i] == image[odd[i]]);
    for (int i = 0; i < n_even; i++)
        CHECK(w.half[1].trials[i] == even[i] && w.half[1].image[i] == image[even[i]]);
    fus_sdc_halves_free(&w);
}

/* All training trials of one session. */
static void test_too_few(void)
{
    static const int32_t session[N] = {2, 2, 2, 2, 2, 2, 2, 2, 2, 0, 1, 1}, image[N] = {0};
    static int32_t trials[TRAIN] = {0, 1, 2, 3, 4, 5, 6, 7, 8}, of_trial[TRAIN] = {0};
    struct fus_sdc_data data = {
        .name = "a", .n_trials = N, .n_images = 1, .image = image, .n_sessions = 3, .session = session};
    struct fus_sdc_decode_options o = {.halves = true};
    struct fus_sdc_work w = {.o = &o, .name = "a", .data = &data};
    w.trials[FUS_SDC_TRAIN] = trials, w.image[FUS_SDC_TRAIN] = of_trial, w.n[FUS_SDC_TRAIN] = TRAIN;
    CHECK(fus_sdc_halves_list(&w, &err) == FUS_EINVAL && strstr(err.msg, "0 training trials in even sessions"));
    fus_sdc_halves_free(&w);
}

int main(void)
{
    check(3, (const int[]){0, 1, 2, 7, 8}, 5, (const int[]){3, 4, 5, 6}, 4);
    /* one session: images 1, 3, 5, 7, 9 in turn */
    check(1, (const int[]){3, 4, 6, 7, 8}, 5, (const int[]){0, 1, 2, 5}, 4);
    test_too_few();
    return test_end();
}
