/* SPDX-License-Identifier: MIT */
/* Choosing a row of the table of instruction sets: see kernels.h. */
#include "nn/kernel/kernels.h"

#include <stdio.h>
#include <string.h>

#include "nn/base/cpu.h"
#include "nn/kernel/kernel_amx.h"

/* Best first. */
static const struct fus_kernel *const rows[] = {
#if defined(__x86_64__)
    &fus_kernel_avx512, &fus_kernel_avx2,
#endif
#if defined(__aarch64__) && defined(__ARM_NEON)
    &fus_kernel_neon,
#endif
    &fus_kernel_fma,    &fus_kernel_scalar,
};

const struct fus_kernel *fus_kernels_pick(const char *name, struct fus_error *err)
{
    char here[128] = "";
    if (!name)
        name = fus_cpu_isa();
    bool amx = strcmp(name, fus_kernel_amx.name) == 0;
    if (amx && fus_kernel_amx_available())
        name = "avx512"; /* amx is this row, but for products of bf16 numbers */
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (!rows[i]->available())
            continue;
        if (!*name || strcmp(name, rows[i]->name) == 0)
            return rows[i];
        if (strstr(here, rows[i]->name))
            continue; /* scalar has two rows */
        strcat(here, " ");
        strcat(here, rows[i]->name);
    }
    if (!amx && fus_kernel_amx_available())
        strcat(here, " amx");
    fus_base_fail(err, FUS_EUNSUPPORTED, "FUS_ISA: '%s' cannot run here; this build on this CPU has:%s", name, here);
    return NULL;
}

const struct fus_kernel_bf16 *fus_kernels_pick_bf16(const char *name, struct fus_error *err)
{
    const struct fus_kernel *row = fus_kernels_pick(name, err);
    if (!name)
        name = fus_cpu_isa();
    bool amx = strcmp(name, fus_kernel_amx.name) == 0;
    if (!row || !(amx || !*name) || !fus_kernel_amx_available())
        return row ? &row->bf16 : NULL;
    return fus_kernel_amx_test(amx ? err : NULL) ? &fus_kernel_amx : amx ? NULL : &row->bf16;
}

bool fus_kernels_refused(char *text, size_t text_bytes)
{
    struct fus_error err = {0};
    bool refused = !*fus_cpu_isa() && fus_kernel_amx_available() && !fus_kernel_amx_test(&err);
    if (refused)
        snprintf(text, text_bytes, "%s; another row is used", err.msg);
    return refused;
}

const struct fus_kernel *fus_kernels_here(void)
{
    const struct fus_kernel *row = fus_kernels_pick(NULL, NULL);
    return row ? row : &fus_kernel_scalar;
}
