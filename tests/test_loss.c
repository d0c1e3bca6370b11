/* SPDX-License-Identifier: MIT */
/* Every gradient of loss.c against central differences of its loss, and losses
 * whose value is known. */
#include "nn/train/loss.h"

#include "nn/base/rng.h"
#include "test.h"

enum { N = 6, DIM = 7, CLASSES = 5, WORST = N * DIM };
#define STEP 1e-4

static double target[N * DIM], other[N * DIM], scratch[3 * N * N + 2 * N * DIM];
static const int label[N] = {0, 3, 1, 4, 3, -1};

static double cross_entropy(double *d, const double *x)
{
    return fus_loss_cross_entropy(d, x, label, N, CLASSES, 0.1);
}
static double cosine(double *d, const double *x)
{
    return fus_loss_cosine(d, x, target, N, DIM);
}
static double mse(double *d, const double *x)
{
    return fus_loss_mse(d, x, target, N, DIM);
}
static double infonce_images(double *d, const double *x)
{
    return fus_loss_infonce(d, NULL, NULL, x, other, 1.3, N, DIM, scratch);
}
static double infonce_texts(double *d, const double *x)
{
    return fus_loss_infonce(NULL, d, NULL, other, x, 1.3, N, DIM, scratch);
}
static double infonce_scale(double *d, const double *x)
{
    return fus_loss_infonce(NULL, NULL, d, other, target, x[0], N, DIM, scratch);
}

static void fill(double *x, int n, struct fus_rng *rng)
{
    for (int i = 0; i < n; i++)
        x[i] = 2 * fus_rng_uniform(rng) - 1;
}

/* d against (L(x + h) - L(x - h)) / 2h extrapolated from h and h / 2, within 1e-7 of the
 * largest derivative. */
static void check_gradient(const char *name, double (*loss)(double *, const double *), int n, struct fus_rng *rng)
{
    double x[WORST], d[WORST], largest = 0;
    fill(x, n, rng);
    loss(d, x);
    for (int i = 0; i < n; i++)
        largest = fabs(d[i]) > largest ? fabs(d[i]) : largest;
    for (int i = 0; i < n; i++) {
        double at = x[i], slope[2];
        for (int k = 0; k < 2; k++) {
            double h = STEP / (1 << k);
            x[i] = at + h;
            double above = loss(NULL, x);
            x[i] = at - h;
            slope[k] = (above - loss(NULL, x)) / (2 * h);
        }
        x[i] = at;
        double want = (4 * slope[1] - slope[0]) / 3;
        CHECK_MSG(fabs(d[i] - want) <= 1e-7 * largest, "%s: element %d: %.12g, %.12g expected", name, i, d[i], want);
    }
}

static void test_known_values(void)
{
    double equal[N * CLASSES] = {0}, d[N * DIM], doubled[N * DIM];
    int first[N] = {0};
    CHECK(test_close(fus_loss_cross_entropy(NULL, equal, first, N, CLASSES, 0), log(CLASSES), 1e-15));
    for (int i = 0; i < N * DIM; i++)
        doubled[i] = 2 * target[i];
    CHECK(fabs(fus_loss_cosine(d, doubled, target, N, DIM)) < 1e-15); /* of one direction: 0, whatever the length */
    for (int i = 0; i < N * DIM; i++)
        CHECK(fabs(d[i]) < 1e-15);
    CHECK(fus_loss_mse(d, target, target, N, DIM) == 0);
    double zero[N * DIM] = {0};
    CHECK(fus_loss_cosine(d, zero, target, N, DIM) == 1); /* no direction: a finite loss and no gradient */
    for (int i = 0; i < N * DIM; i++)
        CHECK(d[i] == 0);
    double far[2] = {800, -800};
    int second[1] = {1};
    CHECK(fus_loss_cross_entropy(d, far, second, 1, 2, 0) == 1600 && d[0] == 1 && d[1] == -1); /* no overflow */
}

int main(void)
{
    struct fus_rng rng;
    fus_rng_seed(&rng, 5);
    fill(target, N * DIM, &rng);
    fill(other, N * DIM, &rng);
    test_known_values();
    check_gradient("cross-entropy", cross_entropy, N * CLASSES, &rng);
    check_gradient("cosine", cosine, N * DIM, &rng);
    check_gradient("MSE", mse, N * DIM, &rng);
    check_gradient("InfoNCE, images", infonce_images, N * DIM, &rng);
    check_gradient("InfoNCE, texts", infonce_texts, N * DIM, &rng);
    check_gradient("InfoNCE, scale", infonce_scale, 1, &rng);
    return test_end();
}
