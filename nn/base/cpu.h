/* SPDX-License-Identifier: MIT */
/* Which instruction set the library uses: decided once, then remembered. */
#ifndef FUS_CPU_H
#define FUS_CPU_H

#include <stdbool.h>

/* The name set by fus_cpu_set_isa, else the value of $FUS_ISA at the first call: scalar, avx2,
 * avx512, amx or neon; "": the best available. fus_kernels_pick checks that this CPU has it. */
const char *fus_cpu_isa(void);

/* Sets the name from now on; NULL: read the environment again. The string must stay valid. Must not
 * be called while other threads use the library. */
void fus_cpu_set_isa(const char *name);

/* For loops outside nn/ that have a version for an instruction set: whether the CPU has it and it
 * may be used. */
bool fus_cpu_has_avx2(void);
bool fus_cpu_has_neon(void);

/* Whether such a version for NEON is in this build. Its order of lanes is that of little-endian
 * memory. */
#if defined(__aarch64__) && defined(__ARM_NEON) && !defined(__AARCH64EB__)
#define FUS_CPU_NEON 1
#else
#define FUS_CPU_NEON 0
#endif

#endif
