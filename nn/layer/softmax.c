/* SPDX-License-Identifier: MIT */
/* Softmax over classes. */
#include "nn/base/fmath.h"
#include "nn/nn.h"

void fus_softmax_apply(float *x, size_t n)
{
    float most = n ? x[0] : 0;
    double sum = 0;
    for (size_t i = 1; i < n; i++)
        most = x[i] > most ? x[i] : most;
    for (size_t i = 0; i < n; i++)
        sum += fus_fmath_exp((double)x[i] - most);
    for (size_t i = 0; i < n; i++)
        x[i] = (float)(fus_fmath_exp((double)x[i] - most) / sum);
}
