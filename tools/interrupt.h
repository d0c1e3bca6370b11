/* Ctrl-C and SIGTERM. Half-written files are removed in any case. */
#ifndef FUS_INTERRUPT_H
#define FUS_INTERRUPT_H

#include "nn/base/base.h"

/* The program ends at once. */
void fus_interrupt_catch_end(void);

/* The first asks for a stop (fus_base_stopping), and where nobody has noticed after 0.4 s, or at a
 * second one, the program ends. */
void fus_interrupt_catch(void);

/* fus_interrupt_stopping at once; fus_base_stopping 0.4 s later, so that a batch can still be
 * ended; after 0.8 s, or at a second one, the program ends there and then. */
void fus_interrupt_catch_run(void);
bool fus_interrupt_stopping(void);

#endif
