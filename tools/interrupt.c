/* SPDX-License-Identifier: MIT */
/* Ctrl-C and SIGTERM: see interrupt.h. Within a second any command has ended, whatever it is doing,
 * and no half-written file is left. */
#define _POSIX_C_SOURCE 200809L
#define _DEFAULT_SOURCE
#include <signal.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "nn/base/outfile.h"
#include "tools/interrupt.h"

#define GRACE_MICROSECONDS 400000 /* for a batch to be ended; then for everything else to notice */

static volatile sig_atomic_t stopping, graces_left;

static void end_at_once(int signal_number)
{
    fus_outfile_unlink_all();
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

static void start_timer(void)
{
    const struct itimerval grace = {{0, 0}, {0, GRACE_MICROSECONDS}};
    setitimer(ITIMER_REAL, &grace, NULL);
}

static void on_alarm(int signal_number)
{
    static const char said[] = "fusiform: stopped\n";
    (void)signal_number;
    fus_base_request_stop();
    if (graces_left-- > 0) {
        start_timer();
        return;
    }
    fus_outfile_unlink_all();
    if (write(2, said, sizeof said - 1) < 0)
        _exit(1);
    _exit(1);
}

static void on_interrupt(int signal_number)
{
    stopping = 1;
    if (graces_left == 0)
        fus_base_request_stop();
    start_timer();
    signal(signal_number, end_at_once);
}

static void on_interrupt_of_steps(int signal_number)
{
    static const char said[] = "\nfusiform: stopping after this step; once more ends at once\n";
    stopping = 1;
    signal(signal_number, end_at_once);
    if (write(2, said, sizeof said - 1) < 0)
        return;
}

static void catch_with(void (*handler)(int), int graces)
{
    struct sigaction a;
    memset(&a, 0, sizeof a);
    graces_left = graces;
    a.sa_handler = handler;
    a.sa_flags = SA_RESTART; /* a file being read or written is not disturbed */
    sigaction(SIGINT, &a, NULL);
    sigaction(SIGTERM, &a, NULL);
    a.sa_handler = on_alarm;
    sigaction(SIGALRM, &a, NULL);
}

void fus_interrupt_catch_end(void)
{
    catch_with(end_at_once, 0);
}

void fus_interrupt_catch(void)
{
    catch_with(on_interrupt, 0);
}

void fus_interrupt_catch_run(void)
{
    catch_with(on_interrupt, 1);
}

void fus_interrupt_catch_steps(void)
{
    catch_with(on_interrupt_of_steps, 0);
}

bool fus_interrupt_stopping(void)
{
    return stopping || fus_base_stopping();
}
