/* Private to nn/: CLIP's attention pooling. */
#ifndef FUS_ATTNPOOL_H
#define FUS_ATTNPOOL_H

#include "layers.h"

/* Its weights, packed: panels as in gemm.c; key is transposed ([in blocks, rows of k_proj, 16]). */
struct fus_attnpool {
    const struct fus_layer *layer;
    int heads;
    float *positions;                    /* [places + 1, C] */
    float *query, *key, *value, *output; /* panels */
    float *query_bias, *value_bias, *output_bias;
};

size_t fus_attnpool_weight_floats(const struct fus_layer *l);
size_t fus_attnpool_scratch_floats(const struct fus_layer *l, int heads);

/* Fills a from the look-up into weights [fus_attnpool_weight_floats]; raw: room for C * C floats. */
int fus_attnpool_load(struct fus_attnpool *a, float *weights, float *raw, fus_weight_fn get, void *context,
                      struct fus_error *err);

/* One picture: in [C/16, places, 16] -> out [attn_dim/16, 16]. */
void fus_attnpool_run(const struct fus_attnpool *a, float *out, const float *in, float *scratch,
                      const struct fus_kernel *kernel);

#endif
