/* Ctrl-C for runs: see run.h. */
#define _POSIX_C_SOURCE 200809L
#define _DEFAULT_SOURCE
#include <signal.h>
#include <string.h>
#include <sys/time.h>

#include "run.h"

static volatile sig_atomic_t stopping;

static void on_alarm(int signal_number)
{
    (void)signal_number;
    fus_base_request_stop();
}

static void on_interrupt(int signal_number)
{
    const struct itimerval half_a_second = {{0, 0}, {0, 500000}};
    stopping = 1;
    setitimer(ITIMER_REAL, &half_a_second, NULL);
    signal(signal_number, SIG_DFL);
}

void fus_run_catch_interrupt(void)
{
    struct sigaction a;
    memset(&a, 0, sizeof a);
    a.sa_handler = on_interrupt;
    a.sa_flags = SA_RESTART; /* a file being read or written is not disturbed */
    sigaction(SIGINT, &a, NULL);
    sigaction(SIGTERM, &a, NULL);
    a.sa_handler = on_alarm;
    sigaction(SIGALRM, &a, NULL);
}

bool fus_run_stopping(void)
{
    return stopping || fus_base_stopping();
}
