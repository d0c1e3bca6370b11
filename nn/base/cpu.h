/* Which instruction set the library uses: decided once, then remembered. */
#ifndef FUS_CPU_H
#define FUS_CPU_H

#include <stdbool.h>

/* The name that $FUS_ISA had when it was first asked for, or that fus_cpu_set_isa gave: scalar,
 * avx2, avx512 or neon; "": the best there is. Whether this CPU has it, fus_kernels_pick says. */
const char *fus_cpu_isa(void);

/* From now on this one; NULL: ask the environment again. The string must stay. Not while other
 * threads use the library. */
void fus_cpu_set_isa(const char *name);

/* Loops outside nn/ that have one fast form: AVX2 is there and allowed. */
bool fus_cpu_has_avx2(void);

#endif
