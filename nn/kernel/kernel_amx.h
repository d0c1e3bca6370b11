/* SPDX-License-Identifier: MIT */
/* Intel's AMX for products of bf16 numbers: see kernel_amx.c. */
#ifndef FUS_KERNEL_AMX_H
#define FUS_KERNEL_AMX_H

#include "nn/kernel/kernels.h"

extern const struct fus_kernel_bf16 fus_kernel_amx;

/* Whether this CPU and this system have it. Asks the system for its registers. */
bool fus_kernel_amx_available(void);

/* Whether 10,000 tiles, computed at the first call, are those of the rule, if it is available;
 * false: err says which is not. */
bool fus_kernel_amx_test(struct fus_error *err);

#endif
