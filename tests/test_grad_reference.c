/* SPDX-License-Identifier: MIT */
/* grad_reference.c: losses, gradients and running statistics against PyTorch in double, and each
 * gradient against central differences of its own loss. */
#include "nn/train/grad_reference.h"

#include "nn/base/rng.h"
#include "train_steps.h"

/* PyTorch's values are rounded to 11 digits of the largest. */
#define TORCH_TOLERANCE 1e-10
#define DIFFERENCE_TOLERANCE 1e-7

static struct fus_train_batch batch_of(const struct family_batch *b, int n)
{
    return (struct fus_train_batch){n, b->input, b->label, b->target, b->words, b->word_start};
}

static struct fus_grad_reference *network(const struct family *f)
{
    struct fus_train_options o = family_options(f, false);
    struct fus_grad_reference *r = NULL;
    struct fus_error err = {0};
    int code = fus_grad_reference_create(&r, &f->spec, &o, family_parameter, (void *)(uintptr_t)&f->spec, &err);
    CHECK_MSG(code == FUS_OK, "%s: %s", f->name, err.msg);
    return r;
}

/* ---- against PyTorch ---- */

static void check_losses(const struct family *f, const struct fus_grad_losses *l)
{
    double want[3] = {0};
    CHECK(family_losses(want, f->name));
    CHECK(test_close(l->loss, want[0], 1e-11) && test_close(l->classify, want[1], 1e-11) &&
          test_close(l->language, want[2], 1e-11));
}

static void test_torch(const struct family *f)
{
    static struct family_batch b;
    struct fus_grad_reference *r = network(f);
    double worst = 0;
    if (!r)
        return;
    family_make_batch(&b, f);
    const struct fus_train_batch batch = batch_of(&b, FAMILY_BATCH);
    struct fus_grad_losses l = fus_grad_reference_step(r, &batch);
    check_losses(f, &l);
    for (int i = 0; i < r->n_tensors; i++) {
        const struct fus_grad_tensor *t = &r->tensor[i];
        if (t->statistic && f->frozen_norms)
            continue;
        double off = family_difference(f->name, t->statistic ? "stat" : "grad", t->name,
                                       t->statistic ? t->value : t->gradient, t->n);
        CHECK_MSG(off >= 0 && off <= TORCH_TOLERANCE, "%s: %s: %.1e of the largest value off", f->name, t->name, off);
        worst = off > worst ? off : worst;
    }
    printf("%-10s loss %.12g, %d tensors within %.1e of their largest value\n", f->name, l.loss, r->n_tensors, worst);
    fus_grad_reference_destroy(r);
}

/* ---- against central differences ---- */

static double slope(struct fus_grad_reference *r, const struct fus_train_batch *batch, double *x, double h)
{
    double at = *x;
    *x = at + h;
    double above = fus_grad_reference_loss(r, batch).loss;
    *x = at - h;
    double below = fus_grad_reference_loss(r, batch).loss;
    *x = at;
    return (above - below) / (2 * h);
}

/* A ReLU or a max pool may switch between the two points; then closer ones count. */
static double difference(struct fus_grad_reference *r, const struct fus_train_batch *batch, double *x, double want)
{
    double best = INFINITY;
    for (double h = 1e-5; h > 1e-8 && best > DIFFERENCE_TOLERANCE / 10; h /= 4)
        best = fmin(best, fabs(slope(r, batch, x, h) - want));
    return best;
}

/* Some elements of a tensor, its largest gradient among them. */
static double check_tensor(struct fus_grad_reference *r, const struct fus_train_batch *batch,
                           const struct fus_grad_tensor *t, const double *gradient, struct fus_rng *rng,
                           const char *family)
{
    enum { ELEMENTS = 3 };
    size_t largest = 0;
    double worst = 0;
    for (size_t i = 1; i < t->n; i++)
        largest = fabs(gradient[i]) > fabs(gradient[largest]) ? i : largest;
    double scale = fabs(gradient[largest]);
    scale = scale > 1e-12 ? scale : 1e-3; /* 0 but for rounding: as exact as others */
    for (int k = 0; k < ELEMENTS; k++) {
        size_t i = k ? (size_t)fus_rng_below(rng, t->n) : largest;
        double off = difference(r, batch, &t->value[i], gradient[i]) / scale;
        CHECK_MSG(off <= DIFFERENCE_TOLERANCE, "%s: %s, element %zu: %.12g is %.1e of the largest off", family, t->name,
                  i, gradient[i], off);
        worst = off > worst ? off : worst;
    }
    return worst;
}

/* The gradients, one after the other: the next loss clears them. */
static double *copy_gradients(const struct fus_grad_reference *r)
{
    size_t n = 0;
    for (int i = 0; i < r->n_tensors; i++)
        n += r->tensor[i].n;
    double *all = malloc(n * sizeof *all), *to = all;
    for (int i = 0; all && i < r->n_tensors; to += r->tensor[i++].n)
        memcpy(to, r->tensor[i].gradient, r->tensor[i].n * sizeof *to);
    return all;
}

static void test_differences(const struct family *f)
{
    static struct family_batch b;
    struct fus_grad_reference *r = network(f);
    struct fus_rng rng;
    double worst = 0;
    if (!r)
        return;
    fus_rng_seed(&rng, 1);
    family_make_batch(&b, f);
    b.words[1] = b.words[0]; /* a word that a text has twice */
    const struct fus_train_batch batch = batch_of(&b, 3);
    fus_grad_reference_step(r, &batch);
    double *gradients = copy_gradients(r), *gradient = gradients;
    for (int i = 0; gradients && i < r->n_tensors; gradient += r->tensor[i++].n)
        if (!r->tensor[i].statistic)
            worst = fmax(worst, check_tensor(r, &batch, &r->tensor[i], gradient, &rng, f->name));
    CHECK(gradients && worst > 0);
    printf("%-10s central differences within %.1e\n", f->name, worst);
    free(gradients);
    fus_grad_reference_destroy(r);
}

/* ---- a rule that random numbers do not show ---- */

/* Of equal values the window's first in raster order gets the gradient. */
static void test_equal_maxima(void)
{
    const struct fus_layer l = {.op = FUS_OP_MAXPOOL,
                                .kernel = 3,
                                .stride = 2,
                                .padding = 1,
                                .in_channels = 1,
                                .in_height = 4,
                                .in_width = 4,
                                .channels = 1,
                                .height = 2,
                                .width = 2};
    const double x[16] = {0}, want[16] = {1, 2, 0, 0, 3, 4};
    double da[4] = {1, 2, 3, 4}, dx[16] = {0};
    const struct fus_grad_row row = {.layer = &l, .n = 1, .x = x, .da = da, .dx = dx};
    fus_grad_reference_max_back(&row);
    for (int i = 0; i < 16; i++)
        CHECK(dx[i] == want[i]);
}

/* What cannot be trained is refused in one line. */
static void test_refused(void)
{
    const struct family *f = &families[0];
    struct fus_grad_reference *r = NULL;
    struct fus_error err = {0};
    struct fus_train_options o = family_options(f, false);
    struct fus_net_spec spec = f->spec;
    spec.act = FUS_ACT_SILU;
    CHECK(fus_grad_reference_create(&r, &spec, &o, family_parameter, &spec, &err) == FUS_EUNSUPPORTED && !r);
    spec.act = FUS_ACT_RELU;
    o.language_weight = 1;
    CHECK(fus_grad_reference_create(&r, &spec, &o, family_parameter, &spec, &err) == FUS_EINVAL && !r);
    o = family_options(f, false);
    for (long n = 1; n < 12; n++) {
        fus_base_fail_allocation(n);
        CHECK(fus_grad_reference_create(&r, &spec, &o, family_parameter, &spec, &err) == FUS_ENOMEM && !r);
        fus_base_fail_allocation(0);
    }
}

int main(void)
{
    for (int i = 0; i < N_FAMILIES; i++)
        test_torch(&families[i]);
    for (int i = 0; i < N_FAMILIES; i++)
        test_differences(&families[i]);
    test_equal_maxima();
    test_refused();
    return test_end();
}
