/* SPDX-License-Identifier: MIT */
/* Arrays of an .npz of golden values as floats. */
#ifndef FUS_GOLDEN_NPZ_H
#define FUS_GOLDEN_NPZ_H

#include "test.h"
#include "weights/weights.h"

enum { GOLDEN_ARRAYS = 64 };

struct golden {
    struct fus_store *store;
    float *arrays[GOLDEN_ARRAYS];
};

static inline bool golden_open(struct golden *g, const char *path)
{
    memset(g, 0, sizeof *g);
    return fus_open_weights(&g->store, path, NULL) == FUS_OK;
}

static inline void golden_close(struct golden *g)
{
    for (int i = 0; i < GOLDEN_ARRAYS; i++)
        free(g->arrays[i]);
    fus_store_close(g->store);
}

/* The array `name` of n numbers, kept until golden_close. The program ends if it is not there. */
static inline const float *golden_array(const struct golden *constant, const char *name, size_t n)
{
    struct golden *g = (struct golden *)(uintptr_t)constant;
    for (size_t i = 0; i < fus_store_count(g->store) && i < GOLDEN_ARRAYS; i++) {
        const struct fus_tensor *t = fus_store_tensor(g->store, i);
        if (strcmp(t->name, name) != 0)
            continue;
        if (!g->arrays[i] && t->n_elements == n) {
            g->arrays[i] = malloc((n + 1) * sizeof(float));
            if (fus_store_read_f32(g->store, g->arrays[i], t, NULL) != FUS_OK)
                break;
        }
        if (t->n_elements == n && g->arrays[i])
            return g->arrays[i];
    }
    fprintf(stderr, "FAILED: no array %s of %zu numbers\n", name, n);
    exit(1);
}

#endif
