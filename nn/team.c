/* Fork and join inside one OpenMP region: see team.h. */
#include "team.h"

#include "base.h"

#ifdef _OPENMP
#include <omp.h>
#include <pthread.h>
#include <stdatomic.h>

#define SPINS 10000 /* pauses of some 40 ns each before a thread goes to sleep: longer than the gaps within a forward pass */

struct team {
    /* Upper half: number of the job; lower half: tasks nobody has taken yet. One word, so that a thread that comes late
     * cannot take a task of a job that is over. */
    _Atomic uint64_t ticket;
    atomic_int n_done, n_asleep, master_asleep, over;
    int n_tasks; /* of the job; these three stand still while it has tasks */
    fus_team_task fn;
    void *context;
    pthread_mutex_t mutex;
    pthread_cond_t work, done;
};

static _Thread_local struct team *current; /* of the thread that runs a program */

static void pause_a_little(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* Take tasks until there are none. */
static void take_tasks(struct team *t, int thread)
{
    uint64_t ticket = atomic_load(&t->ticket);
    while ((uint32_t)ticket != 0) {
        if (!atomic_compare_exchange_weak(&t->ticket, &ticket, ticket - 1))
            continue;
        int n = t->n_tasks; /* the job lasts until this task is done */
        t->fn(t->context, n - (int)(uint32_t)ticket, thread);
        if (atomic_fetch_add(&t->n_done, 1) + 1 == n && atomic_load(&t->master_asleep)) {
            pthread_mutex_lock(&t->mutex);
            pthread_cond_signal(&t->done);
            pthread_mutex_unlock(&t->mutex);
        }
        ticket = atomic_load(&t->ticket);
    }
}

static bool idle(struct team *t)
{
    return (uint32_t)atomic_load(&t->ticket) == 0 && !atomic_load(&t->over);
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
    for (int i = 0; i < SPINS && atomic_load(&t->n_done) < t->n_tasks; i++)
        pause_a_little();
    if (atomic_load(&t->n_done) == t->n_tasks)
        return;
    pthread_mutex_lock(&t->mutex);
    atomic_store(&t->master_asleep, 1);
    while (atomic_load(&t->n_done) < t->n_tasks)
        pthread_cond_wait(&t->done, &t->mutex);
    atomic_store(&t->master_asleep, 0);
    pthread_mutex_unlock(&t->mutex);
}

void fus_team_run(void (*program)(void *context), void *context)
{
    if (fus_base_threads() == 1 || current || omp_in_parallel()) {
        program(context);
        return;
    }
    struct team t = {.mutex = PTHREAD_MUTEX_INITIALIZER, .work = PTHREAD_COND_INITIALIZER, .done = PTHREAD_COND_INITIALIZER};
#pragma omp parallel num_threads(fus_base_threads())
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

struct loop {
    int n_tasks;
    fus_team_task fn;
    void *context;
};

static void run_loop(void *context)
{
    struct loop *l = context;
    fus_team_for(l->n_tasks, l->fn, l->context);
}

void fus_team_for(int n_tasks, fus_team_task fn, void *context)
{
    struct team *t = current;
    if (n_tasks < 2 || fus_base_threads() == 1 || (!t && omp_in_parallel())) {
        for (int i = 0; i < n_tasks; i++)
            fn(context, i, 0);
        return;
    }
    if (!t) {
        struct loop l = {n_tasks, fn, context};
        fus_team_run(run_loop, &l);
        return;
    }
    t->n_tasks = n_tasks;
    t->fn = fn;
    t->context = context;
    atomic_store(&t->n_done, 0);
    uint64_t job = (atomic_load(&t->ticket) >> 32) + 1;
    atomic_store(&t->ticket, job << 32 | (uint32_t)n_tasks);
    wake_sleepers(t);
    current = NULL; /* a loop within a task is the thread's own */
    take_tasks(t, 0);
    current = t;
    join(t);
}

#else

void fus_team_run(void (*program)(void *context), void *context)
{
    program(context);
}

void fus_team_for(int n_tasks, fus_team_task fn, void *context)
{
    for (int i = 0; i < n_tasks; i++)
        fn(context, i, 0);
}

#endif
