/* SPDX-License-Identifier: MIT */
/* fusiform report: a finished run's report.html and figures, drawn again. */
#include <stdio.h>

#include "analysis/report/report.h"
#include "analysis/sdc/page.h"
#include "tools/args.h"
#include "tools/commands.h"

static const char help[] = "usage: fusiform report DIR\n\n"
                           "Draws DIR/report.html and DIR/figures/ again from the tables and labels that `fusiform "
                           "run` left in DIR; needs no network and no\n"
                           "picture. Of a folder that `fusiform sdc` wrote: report.html. The same version gives "
                           "the same bytes.\n\n"
                           "example: fusiform report out/mine\n";

int fus_cmd_report(int argc, char **argv)
{
    struct fus_texts runs;
    struct fus_error err = {0};
    const struct fus_arg args[] = {{0}};
    int status = fus_args_parse("report", help, args, &runs, argc, argv);
    if (status)
        return status < 0 ? 0 : status;
    if (runs.n != 1)
        return fus_args_usage("report", "one folder of a finished run expected, %d found", runs.n);
    bool concepts = fus_sdc_page_suits(runs.items[0]);
    if (concepts ? fus_sdc_page_write(runs.items[0], &err) : fus_report_redraw(runs.items[0], &err))
        return fus_args_failed(&err);
    printf("report: %s/report.html\n", runs.items[0]);
    return 0;
}
