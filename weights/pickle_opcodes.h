/* SPDX-License-Identifier: MIT */
/* Private to pickle_*.c: opcodes, in groups. */
#ifndef FUS_PICKLE_OPCODES_H
#define FUS_PICKLE_OPCODES_H

#include "weights/pickle_machine.h"

struct fus_pickle_opcode {
    int (*run)(struct fus_pickle_machine *m, int arg); /* NULL: no opcode of this group */
    int arg;
};

struct fus_pickle_opcode fus_pickle_scalars_opcode(uint8_t op);
struct fus_pickle_opcode fus_pickle_objects_opcode(uint8_t op);

#endif
