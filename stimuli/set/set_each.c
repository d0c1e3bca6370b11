/* SPDX-License-Identifier: MIT */
/* A function for every picture of a set, in parallel. The failure reported is the first in the
 * order of the set, independent of the threads. */
#include <pthread.h>

#include "nn/base/threads.h"
#include "stimuli/stimuli.h"

/* What the threads of one fus_set_each share. */
struct each {
    int (*visit)(void *arg, int i, struct fus_error *err);
    void *arg;
    int from;
    pthread_mutex_t mutex; /* of the rest */
    /* the first picture known to be bad; no later one is visited */
    int bad;
    struct fus_error first; /* its message */
};

static bool is_wanted(struct each *e, int i)
{
    pthread_mutex_lock(&e->mutex);
    bool wanted = i <= e->bad;
    pthread_mutex_unlock(&e->mutex);
    return wanted;
}

static void report(struct each *e, int i, const struct fus_error *err)
{
    pthread_mutex_lock(&e->mutex);
    if (i < e->bad) {
        e->bad = i;
        e->first = *err;
    }
    pthread_mutex_unlock(&e->mutex);
}

static void visit_one(void *context, int task, int thread)
{
    struct each *e = context;
    struct fus_error err = {0};
    int i = e->from + task;
    (void)thread;
    if (is_wanted(e, i) &&
        (fus_base_stopping() ? fus_base_fail(&err, FUS_ESTOPPED, "stopped") : e->visit(e->arg, i, &err)))
        report(e, i, &err);
}

int fus_set_each(int from, int end, int (*visit)(void *arg, int i, struct fus_error *err), void *arg,
                 struct fus_error *err)
{
    struct each e = {.visit = visit, .arg = arg, .from = from, .bad = end};
    pthread_mutex_init(&e.mutex, NULL);
    fus_threads_for(end - from, visit_one, &e);
    pthread_mutex_destroy(&e.mutex);
    if (e.bad == end)
        return FUS_OK;
    if (err)
        *err = e.first;
    return e.first.code;
}
