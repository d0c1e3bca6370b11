/* SPDX-License-Identifier: MIT */
/* Ctrl-C and SIGTERM. Half-written files are removed in any case. */
#ifndef FUS_INTERRUPT_H
#define FUS_INTERRUPT_H

#include "nn/base/base.h"

/* The program ends at once. */
void fus_interrupt_catch_end(void);

/* The first signal requests a stop (fus_base_stopping). The program ends at a second signal, or if
 * no code has called fus_base_stopping within 0.4 s. */
void fus_interrupt_catch(void);

/* The first signal sets fus_interrupt_stopping at once, and fus_base_stopping 0.4 s later, so that
 * a batch can still finish. After 0.8 s, or at a second signal, the program ends at once. */
void fus_interrupt_catch_run(void);
bool fus_interrupt_stopping(void);

/* For work in steps: the first signal sets fus_interrupt_stopping alone, with a line that says so,
 * and waits for the step to end; the program ends at a second signal. */
void fus_interrupt_catch_steps(void);

#endif
