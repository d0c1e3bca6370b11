/* Loops over independent tasks, shared out among threads.
 *
 * OpenMP supplies the threads; what it does not supply is a barrier that behaves beside other busy processes (its own
 * spins for milliseconds, and a network has a hundred barriers a picture). So a whole forward pass is one parallel region:
 * thread 0 walks through the layers, the others stand by and take tasks, waiting for a short while awake and then asleep.
 *
 * Each thread has its part of the tasks, the first the first ones, and takes others' when it is through with it: so a thread finds in its cache
 * what it wrote a layer before, and a slow one holds up nobody. Tasks may run in any order and on any thread: nothing may depend on it. */
#ifndef FUS_TEAM_H
#define FUS_TEAM_H

typedef void (*fus_team_task)(void *context, int task, int thread);

/* Run program(context) on this thread with a team standing by for the fus_team_for in it. */
void fus_team_run(void (*program)(void *context), void *context);

/* Run tasks 0 .. n_tasks-1, each once; back when all are done. thread: 0 .. fus_base_threads()-1. Outside fus_team_run it
 * opens a team for itself; within a task the thread runs the whole loop alone. */
void fus_team_for(int n_tasks, fus_team_task fn, void *context);

#endif
