/* SPDX-License-Identifier: MIT */
/* Loops over tasks: each task once, whatever the number of threads, short loops one after the
 * other, loops within tasks, and threads that fell asleep between them. */
#define _POSIX_C_SOURCE 200809L
#include <time.h>

#include "nn/base/base.h"
#include "nn/base/threads.h"
#include "tests/test.h"

#define MOST_TASKS 300

static int n_runs[MOST_TASKS]; /* one task, one place: no two threads write the same */
static int n_wrong_threads;

static void count(void *context, int task, int thread)
{
    (void)context;
    n_runs[task]++;
    if (thread < 0 || thread >= fus_base_threads())
        n_wrong_threads++;
}

static void check_counts(int n_tasks, int want)
{
    int wrong = 0;
    for (int i = 0; i < MOST_TASKS; i++)
        wrong += n_runs[i] != (i < n_tasks ? want : 0);
    CHECK_MSG(wrong == 0, "%d of %d tasks did not run %d times, %d threads", wrong, n_tasks, want, fus_base_threads());
    memset(n_runs, 0, sizeof n_runs);
}

static void many_loops(void *context)
{
    const int *n_tasks = context;
    for (int i = 0; i < 2000; i++)
        fus_threads_for(*n_tasks, count, NULL);
}

static void sleepy_loops(void *context)
{
    const int *n_tasks = context;
    for (int i = 0; i < 5; i++) {
        nanosleep(&(struct timespec){.tv_nsec = 3000000}, NULL); /* longer than threads stay awake */
        fus_threads_for(*n_tasks, count, NULL);
    }
}

static int n_inner[2][8];

static void inner(void *context, int task, int thread)
{
    int *row = context;
    (void)thread;
    row[task]++;
}

static void loop_within(void *context, int task, int thread)
{
    (void)context;
    (void)thread;
    fus_threads_for(8, inner, n_inner[task]);
}

static void test_each_task_once(int threads)
{
    static const int sizes[] = {0, 1, 2, 3, 7, 64, MOST_TASKS};
    fus_base_set_threads(threads);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        int n = sizes[i];
        fus_threads_for(n, count, NULL); /* a team for itself */
        check_counts(n, 1);
        fus_threads_run(many_loops, &n);
        check_counts(n, 2000);
        fus_threads_run(sleepy_loops, &n);
        check_counts(n, 5);
    }
}

/* The inner loop runs on the thread that is in it. */
static void test_loop_within_task(void)
{
    fus_base_set_threads(2);
    fus_threads_for(2, loop_within, NULL);
    for (int i = 0; i < 16; i++)
        CHECK(n_inner[i / 8][i % 8] == 1);
}

int main(void)
{
    for (int threads = 1; threads <= 5; threads++)
        test_each_task_once(threads);
    test_loop_within_task();
    CHECK(n_wrong_threads == 0);
    return test_end();
}
