/* The course of `sdc fit`: see decode.h. */
#include "analysis/sdc/decode.h"

#include <math.h>

void fus_sdc_decode_defaults(struct fus_sdc_decode_options *o, bool efird)
{
    *o = (struct fus_sdc_decode_options){
        .split = {.repeats = 3, .n_test = 1000, .n_val = 1000, .seed = 1},
        .data = {.min_nc = 8, .repeats = 3, .scale = 1, .zscore = true},
        .fit = {.iterations = 5001, .batch = 128, .rate = 1e-4, .temperature = 0.03, .noise = 1, .tail = 0.5},
        .seed = 1,
        .reruns = 10,
        .alphas = {1, 10, 100, 1e3, 1e4, 1e5, 1e6},
        .n_alphas = 7,
        .efird = efird,
        .max_memory = (size_t)4 << (sizeof(size_t) > 4 ? 30 : 28)};
    if (efird)
        o->reruns = 50, o->fit.tail = 0;
}
