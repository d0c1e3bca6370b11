/* SPDX-License-Identifier: MIT */
/* The choice of an instruction set: see cpu.h. */
#include "nn/base/cpu.h"

#include <stdlib.h>
#include <string.h>

/* NULL: not set yet. If several threads set it at the same time, all write the same value. */
static const char *volatile chosen;

const char *fus_cpu_isa(void)
{
    const char *name = chosen;
    if (!name) {
        name = getenv("FUS_ISA");
        chosen = name = name ? name : "";
    }
    return name;
}

void fus_cpu_set_isa(const char *name)
{
    chosen = name;
}

bool fus_cpu_has_avx2(void)
{
#if defined(__x86_64__)
    const char *isa = fus_cpu_isa();
    bool allowed = !*isa || strcmp(isa, "avx2") == 0 || strcmp(isa, "avx512") == 0 || strcmp(isa, "amx") == 0;
    return allowed && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#else
    return false;
#endif
}

bool fus_cpu_has_neon(void)
{
    const char *isa = fus_cpu_isa();
    return FUS_CPU_NEON && (!*isa || strcmp(isa, "neon") == 0);
}
