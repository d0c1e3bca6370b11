/* SPDX-License-Identifier: MIT */
/* What threads.c and threads_train.c share: the loops of a pass or a training step with the times
 * of their tasks, and the model's law (threads.c). */
#ifndef FUS_THREADS_MODEL_H
#define FUS_THREADS_MODEL_H

#include <stdbool.h>
#include <stddef.h>

#include "nn/base/base.h"

#define MAX_LAYERS 1024

/* A loop, in the order of the pass. */
struct loop_of {
    int layer, n_tasks; /* layer: or phase; -1: not known yet */
    size_t first;       /* of costs */
    double seconds;     /* on one thread, in the last pass */
};

/* How loops run, and what is noted of a pass or step. */
extern struct threads_state {
    enum { LIBRARY, ONE_THREAD, REPLAY } mode;
    int n_threads;             /* that a replay divides for */
    bool within;               /* a task */
    void (*before_loop)(void); /* NULL: nothing is done before a loop */
    bool counts;               /* costs are multiply-adds, not seconds */
    double multiply_adds;
    struct loop_of *loops;
    double *costs; /* of tasks, loop after loop; least of all passes */
    size_t n_loops, n_costs, loops_room, costs_room;
    double between[MAX_LAYERS]; /* seconds outside of loops, least of all passes */
    double in_loops, start;     /* of the layer that runs */
} state;

/* Of each layer: loops, tasks, work and the end of the last thread, both summed over its loops. */
struct layer_cost {
    int layer, n_loops, n_tasks;
    double work, end;
};

struct threads_machine {
    double one, slope, barrier; /* bytes a second of one thread; see the head of threads.c */
};

/* Seconds: outside of loops, work of all threads, ends of the last threads, for bandwidth, in
 * barriers. */
struct threads_cost {
    double between, work, end, slow, barriers;
};

double threads_now(void);
void threads_fail(const struct fus_error *err);
void threads_start_replay(int n_threads);
void threads_sum(struct layer_cost *costs, int n_layers, int n_threads);
double threads_bandwidth(const struct threads_machine *m, int n_threads);
void threads_add(struct threads_cost *sum, const struct layer_cost *c, double between, double bytes,
                 const struct threads_machine *m, int n_threads);
double threads_total(const struct threads_cost *c);
void threads_print(const struct threads_cost *c, int n_threads, int batch, double measured);
void threads_print_head(const char *network, int batch, const char *what, int rounds);

/* A step of training, predicted, and measured if so asked; input: noise, freed here. */
void threads_train(const char *network, int batch, int rounds, const struct threads_machine *m, float *input,
                   int n_threads, bool measured, bool with_phases);

#endif
