/* How far long work on one file is: after two seconds a line on standard error, and another every five. */
#define _POSIX_C_SOURCE 200809L
#include <inttypes.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "tools/commands.h"
#include "nn/base/base.h"

#define FIRST_AFTER 2 /* seconds */
#define AGAIN_AFTER 5

static void show(const char *what, const char *path, uint64_t done, uint64_t all)
{
    static struct timespec begun, shown;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (done == 0 || begun.tv_sec == 0)
        begun = now;
    if (now.tv_sec - begun.tv_sec < FIRST_AFTER || now.tv_sec - shown.tv_sec < AGAIN_AFTER)
        return;
    shown = now;
    fprintf(stderr, "%s: %s, %d %% of %" PRIu64 " MB\n", path, what, (int)(100.0 * (double)done / (double)all), all >> 20);
}

void fus_cmd_show_progress(void)
{
    fus_base_set_progress(show);
}
