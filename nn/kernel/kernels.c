/* Choosing a row of the table of instruction sets: see kernels.h. */
#include "nn/kernel/kernels.h"

#include <string.h>

#include "nn/base/cpu.h"

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
    fus_base_fail(err, FUS_EUNSUPPORTED, "FUS_ISA: '%s' cannot run here; this build on this CPU has:%s", name, here);
    return NULL;
}

const struct fus_kernel_bf16 *fus_kernels_pick_bf16(const char *name, struct fus_error *err)
{
    const struct fus_kernel *row = fus_kernels_pick(name, err);
    return row ? &row->bf16 : NULL;
}

const struct fus_kernel *fus_kernels_here(void)
{
    const struct fus_kernel *row = fus_kernels_pick(NULL, NULL);
    return row ? row : &fus_kernel_scalar;
}
