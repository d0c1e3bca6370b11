/* SPDX-License-Identifier: MIT */
/* Fork and join inside one OpenMP region: see threads.h. */
#include "nn/base/threads.h"

#include <string.h>

#include "nn/base/base.h"

#ifdef _OPENMP
#include <omp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>

#define MAX_THREADS 1024
/* Pauses of some 40 ns before a thread goes to sleep: longer than the gaps
 * within a forward pass. */
#define SPINS 10000

/* The tasks of one thread that are not taken yet: the first in the upper half, the end in the
 * lower. Both are in one word, so a successful compare-and-exchange takes a task of the current
 * job. */
struct share {
    _Alignas(64) _Atomic uint64_t tasks;
};

struct team {
    int n_threads;
    atomic_int n_left, n_asleep, master_asleep, over; /* tasks of the job not done yet */
    fus_threads_task fn;                              /* fn and context are read-only while tasks remain */
    void *context;
    pthread_mutex_t mutex;
    pthread_cond_t work, done;
    struct share shares[MAX_THREADS]; /* [n_threads] */
};

static _Thread_local struct team *current; /* the team of the thread that runs a program */
static _Thread_local bool alone;

static void pause_a_little(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* A thread takes the first task of its own share, and the last of others'; -1: none is left. */
static int take(struct share *s, bool own)
{
    uint64_t tasks = atomic_load(&s->tasks);
    for (;;) {
        uint32_t first = (uint32_t)(tasks >> 32), end = (uint32_t)tasks;
        if (first == end)
            return -1;
        uint64_t rest = own ? (uint64_t)(first + 1) << 32 | end : (uint64_t)first << 32 | (end - 1);
        if (atomic_compare_exchange_weak(&s->tasks, &tasks, rest))
            return (int)(own ? first : end - 1);
    }
}

/* Takes tasks until there are none: first those of its own share, which is the same part of the
 * data in every loop if possible, then those that other threads have not started. */
static void take_tasks(struct team *t, int thread)
{
    for (int i = 0; i < t->n_threads;) {
        int task = take(&t->shares[(thread + i) % t->n_threads], i == 0);
        if (task < 0) {
            i++;
            continue;
        }
        t->fn(t->context, task, thread); /* the job lasts until this task is done */
        if (atomic_fetch_sub(&t->n_left, 1) == 1 && atomic_load(&t->master_asleep)) {
            pthread_mutex_lock(&t->mutex);
            pthread_cond_signal(&t->done);
            pthread_mutex_unlock(&t->mutex);
        }
    }
}

static bool idle(struct team *t)
{
    for (int i = 0; i < t->n_threads; i++) {
        uint64_t tasks = atomic_load(&t->shares[i].tasks);
        if ((uint32_t)(tasks >> 32) != (uint32_t)tasks)
            return false;
    }
    return !atomic_load(&t->over);
}

static void stand_by(struct team *t, int thread)
{
    while (!atomic_load(&t->over)) {
        for (int i = 0; i < SPINS && idle(t); i++)
            pause_a_little();
        if (idle(t)) {
            pthread_mutex_lock(&t->mutex);
            atomic_fetch_add(&t->n_asleep, 1);
            while (idle(t))
                pthread_cond_wait(&t->work, &t->mutex);
            atomic_fetch_sub(&t->n_asleep, 1);
            pthread_mutex_unlock(&t->mutex);
        }
        take_tasks(t, thread);
    }
}

static void wake_sleepers(struct team *t)
{
    if (atomic_load(&t->n_asleep) == 0)
        return;
    pthread_mutex_lock(&t->mutex);
    pthread_cond_broadcast(&t->work);
    pthread_mutex_unlock(&t->mutex);
}

static void join(struct team *t)
{
    for (int i = 0; i < SPINS && atomic_load(&t->n_left) > 0; i++)
        pause_a_little();
    if (atomic_load(&t->n_left) == 0)
        return;
    pthread_mutex_lock(&t->mutex);
    atomic_store(&t->master_asleep, 1);
    while (atomic_load(&t->n_left) > 0)
        pthread_cond_wait(&t->done, &t->mutex);
    atomic_store(&t->master_asleep, 0);
    pthread_mutex_unlock(&t->mutex);
}

void fus_threads_run(void (*program)(void *context), void *context)
{
    int n = fus_base_threads() < MAX_THREADS ? fus_base_threads() : MAX_THREADS;
    if (n == 1 || current || omp_in_parallel()) {
        program(context);
        return;
    }
    struct team t;
    memset(&t, 0, offsetof(struct team, shares) + (size_t)n * sizeof *t.shares);
    t.n_threads = n;
    pthread_mutex_init(&t.mutex, NULL);
    pthread_cond_init(&t.work, NULL);
    pthread_cond_init(&t.done, NULL);
#pragma omp parallel num_threads(n)
    {
        if (omp_get_thread_num() != 0) {
            stand_by(&t, omp_get_thread_num());
        } else {
            current = &t;
            program(context);
            current = NULL;
            atomic_store(&t.over, 1);
            wake_sleepers(&t);
        }
    }
    pthread_cond_destroy(&t.work);
    pthread_cond_destroy(&t.done);
    pthread_mutex_destroy(&t.mutex);
}

void fus_threads_alone(void (*program)(void *context), void *context)
{
    bool before = alone;
    alone = true;
    program(context);
    alone = before;
}

int fus_threads_here(void)
{
    return alone || (!current && omp_in_parallel()) ? 1 : fus_base_threads();
}

struct loop {
    int n_tasks;
    fus_threads_task fn;
    void *context;
};

static void run_loop(void *context)
{
    struct loop *l = context;
    fus_threads_for(l->n_tasks, l->fn, l->context);
}

void fus_threads_for(int n_tasks, fus_threads_task fn, void *context)
{
    struct team *t = current;
    if (n_tasks < 2 || fus_threads_here() == 1) {
        for (int i = 0; i < n_tasks; i++)
            fn(context, i, 0);
        return;
    }
    if (!t) {
        struct loop l = {n_tasks, fn, context};
        fus_threads_run(run_loop, &l);
        return;
    }
    t->fn = fn;
    t->context = context;
    atomic_store(&t->n_left, n_tasks);
    for (int i = 0; i < t->n_threads; i++) {
        uint64_t first = (uint64_t)n_tasks * (uint64_t)i / (uint64_t)t->n_threads;
        uint64_t end = (uint64_t)n_tasks * (uint64_t)(i + 1) / (uint64_t)t->n_threads;
        atomic_store(&t->shares[i].tasks, first << 32 | end);
    }
    wake_sleepers(t);
    current = NULL; /* a loop within a task runs on that thread alone */
    take_tasks(t, 0);
    current = t;
    join(t);
}

#else

void fus_threads_run(void (*program)(void *context), void *context)
{
    program(context);
}

void fus_threads_for(int n_tasks, fus_threads_task fn, void *context)
{
    for (int i = 0; i < n_tasks; i++)
        fn(context, i, 0);
}

void fus_threads_alone(void (*program)(void *context), void *context)
{
    program(context);
}

int fus_threads_here(void)
{
    return 1;
}

#endif
