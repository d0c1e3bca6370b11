/* SPDX-License-Identifier: MIT */
/* The images nearest to each centroid and farthest from it: see explain.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/sdc/explain.h"
#include "nn/base/threads.h"

struct place {
    double value;
    uint32_t i;
};

static int compare_places(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    return x->value != y->value ? (x->value > y->value ? -1 : 1) : (x->i > y->i) - (x->i < y->i);
}

struct ordering {
    struct fus_sdc_explained *x;
    struct place **places; /* [threads][pool->n] */
};

static void order_images(void *context, int task, int thread)
{
    const struct ordering *o = context;
    struct fus_sdc_explained *x = o->x;
    size_t n = x->pool->n, d = x->pool->d;
    const double *c = x->centroid + (size_t)task * d;
    struct place *p = o->places[thread];
    for (size_t i = 0; i < n; i++) {
        double sum = 0;
        for (size_t j = 0; j < d; j++)
            sum += c[j] * x->pool->unit[i * d + j];
        x->similarity[(size_t)task * n + i] = sum;
        p[i] = (struct place){sum, (uint32_t)i};
    }
    qsort(p, n, sizeof *p, compare_places);
    for (size_t i = 0; i < n; i++)
        x->order[(size_t)task * n + i] = p[i].i;
}

int fus_sdc_explain_images(struct fus_sdc_explained *x, struct fus_error *err)
{
    int threads = fus_base_threads();
    size_t cells;
    struct ordering o = {x, fus_base_alloc((size_t)threads, sizeof *o.places)};
    if (fus_base_mul(&cells, (size_t)x->k + 1, x->pool->n)) {
        x->similarity = fus_base_alloc(cells, sizeof *x->similarity);
        x->order = fus_base_alloc(cells, sizeof *x->order);
    }
    bool good = o.places && x->similarity && x->order;
    for (int t = 0; good && t < threads; t++)
        good = (o.places[t] = fus_base_alloc(x->pool->n, sizeof **o.places)) != NULL;
    if (good)
        fus_threads_for(x->k, order_images, &o);
    for (int t = 0; o.places && t < threads; t++)
        fus_base_free(o.places[t]);
    fus_base_free(o.places);
    return good ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "no memory for %zu images of %d clusters", x->pool->n, x->k);
}
