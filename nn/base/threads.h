/* SPDX-License-Identifier: MIT */
/* Loops over independent tasks, divided among threads.
 *
 * OpenMP supplies the threads. Its barriers spin for milliseconds when other processes are
 * busy, and a network has a hundred barriers per image. So a whole forward pass is one parallel
 * region: thread 0 walks through the layers, the other threads wait for tasks, spinning for a
 * short while and then sleeping.
 *
 * Each thread starts with a fixed share of the tasks, so that its cache still holds what it wrote
 * in the previous layer. A thread that has finished takes tasks from slower threads. Tasks run in
 * any order on any thread: no result may depend on it. */
#ifndef FUS_THREADS_H
#define FUS_THREADS_H

typedef void (*fus_threads_task)(void *context, int task, int thread);

/* Runs program(context) on this thread; the other threads wait for its calls of fus_threads_for. */
void fus_threads_run(void (*program)(void *context), void *context);

/* Runs tasks 0 .. n_tasks-1, each once, and returns when all are done. thread: 0 ..
 * fus_base_threads()-1. Outside fus_threads_run it starts threads itself. Called within a task, it
 * runs the whole loop on that thread. */
void fus_threads_for(int n_tasks, fus_threads_task fn, void *context);

/* Runs program(context) with loops that run on this thread alone. */
void fus_threads_alone(void (*program)(void *context), void *context);

/* How many threads a loop that starts now is divided among: 1 within a task. */
int fus_threads_here(void);

#endif
