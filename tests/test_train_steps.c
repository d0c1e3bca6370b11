/* SPDX-License-Identifier: MIT */
/* The training engine against PyTorch in double on the networks of train_steps.h: losses, gradients
 * and running statistics of a step, and parameters after two steps of SGD and of AdamW. */
#include "train_steps.h"

#define TOLERANCE 2e-5 /* of each tensor's largest value: float against double through two steps */

/* Every parameter's array `which` against PyTorch's WHAT; statistics only where WHAT is "stat".
 * Returns the worst. */
static double check(struct fus_train *t, const struct family *f, const char *what, enum fus_train_tensor which)
{
    double worst = 0;
    bool statistics = strcmp(what, "stat") == 0;
    for (int i = 0; i < fus_train_n_parameters(t); i++) {
        const struct fus_train_parameter *p = fus_train_parameter(t, i);
        if (p->statistic != statistics || (statistics && f->frozen_norms))
            continue;
        float *x = malloc(p->n * sizeof *x);
        double *wide = malloc(p->n * sizeof *wide);
        fus_train_get(x, t, i, which);
        for (size_t k = 0; k < p->n; k++)
            wide[k] = x[k];
        double off = family_difference(f->name, what, p->name, wide, p->n);
        CHECK_MSG(off >= 0 && off <= TOLERANCE, "%s: %s of %s: %.1e of the largest value off", f->name, what, p->name,
                  off);
        worst = fmax(worst, off);
        free(x);
        free(wide);
    }
    return worst;
}

static void check_losses(const struct family *f, const struct fus_train_result *r)
{
    double want[3] = {0};
    CHECK(family_losses(want, f->name));
    CHECK_MSG(test_close(r->loss, want[0], 1e-6) && test_close(r->classify, want[1], 1e-6) &&
                  test_close(r->language, want[2], 1e-6),
              "%s: losses %.9g, %.9g, %.9g; %.9g, %.9g, %.9g expected", f->name, r->loss, r->classify, r->language,
              want[0], want[1], want[2]);
}

static void test_family(const struct family *f, bool adamw)
{
    static struct family_batch b;
    struct fus_train_options o = family_options(f, adamw);
    struct fus_train *t = NULL;
    struct fus_error err = {0};
    struct fus_train_result r;
    double worst[3] = {0};
    family_make_batch(&b, f);
    const struct fus_train_batch batch = {FAMILY_BATCH, b.input, b.label, b.target, b.words, b.word_start};
    int code = fus_train_create(&t, &f->spec, &o, family_parameter, (void *)(uintptr_t)&f->spec, &err);
    for (int step = 0; step < 2 && !code; step++) {
        code = fus_train_gradients(t, &r, &batch, &err);
        if (!code && step == 0) {
            check_losses(f, &r);
            worst[0] = check(t, f, "grad", FUS_TRAIN_GRADIENT);
            worst[1] = check(t, f, "stat", FUS_TRAIN_VALUE);
        }
        if (!code)
            fus_train_update(t, adamw ? 0.002 : 0.1, adamw ? 0.002 : 0.1);
    }
    CHECK_MSG(code == FUS_OK, "%s: %s", f->name, err.msg);
    if (!code)
        worst[2] = check(t, f, adamw ? "adamw" : "sgd", FUS_TRAIN_VALUE);
    printf("%-10s %-5s gradients %.1e, statistics %.1e, after two steps %.1e\n", f->name, adamw ? "AdamW" : "SGD",
           worst[0], worst[1], worst[2]);
    fus_train_destroy(t);
}

int main(void)
{
    for (int i = 0; i < N_FAMILIES; i++) {
        test_family(&families[i], false);
        test_family(&families[i], true);
    }
    return test_end();
}
