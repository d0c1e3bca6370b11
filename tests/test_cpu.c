/* SPDX-License-Identifier: MIT */
/* cpu.c: the instruction set is decided once, and every loop keeps to it. */
#include "nn/base/cpu.h"

#include "nn/kernel/kernels.h"
#include "test.h"

int main(void)
{
    struct fus_error err = {0};
    fus_cpu_set_isa("scalar");
    CHECK(strcmp(fus_kernels_here()->name, "scalar") == 0 && !fus_cpu_has_avx2() && !fus_cpu_has_neon());
    CHECK(fus_kernels_pick(NULL, &err) == fus_kernels_here());
    fus_cpu_set_isa("abacus");
    CHECK(!fus_kernels_pick(NULL, &err) && strstr(err.msg, "'abacus' cannot run here") && strstr(err.msg, " scalar"));
    CHECK(fus_kernels_here() == &fus_kernel_scalar && !fus_cpu_has_avx2() && !fus_cpu_has_neon());
    fus_cpu_set_isa("");
    const struct fus_kernel *best = fus_kernels_here();
    CHECK(fus_cpu_has_avx2() == (strncmp(best->name, "avx", 3) == 0));
    CHECK(fus_cpu_has_neon() == (FUS_CPU_NEON && strcmp(best->name, "neon") == 0));
    CHECK(fus_kernels_pick(best->name, &err) == best);
    return test_end();
}
