/* SPDX-License-Identifier: MIT */
/* fusiform run: the localizer, from pictures and weight files to a report. */
#include <stdio.h>

#include "analysis/localizer/localizer.h"
#include "tools/args.h"
#include "tools/commands.h"
#include "tools/interrupt.h"
#include "tools/progress.h"
#include "tools/run_args.h"

/* The method. Each network sees all pictures and its units' responses are summed up; tests find the
 * selective units; tables, figures and the report show them. A shard leaves what it counted to
 * `fusiform merge`. */
static int localize(struct fus_localizer **run, const struct fus_run_args *a, struct fus_error *err)
{
    const struct fus_run_options *o = &a->options;
    int code = fus_localizer_create(run, o, err);
    for (int i = 0; i < a->n_models && !code; i++)
        code = fus_localizer_add_model(*run, a->models[i].name[0] ? a->models[i].name : NULL, a->models[i].file, err);
    if (!code)
        code = fus_localizer_measure(*run, fus_progress_listen, NULL, err);
    if (!code && !o->n_shards && !fus_localizer_finished_before(*run))
        code = fus_localizer_write(*run, o->folder, err);
    return code;
}

static void print(const struct fus_localizer *run, const struct fus_run_options *o)
{
    int first, end, n;
    fus_localizer_shown(&first, &end, &n, run);
    if (fus_localizer_finished_before(run))
        printf("report: %s/report.html (finished before)\n", o->folder);
    if (o->n_shards)
        printf("shard %d of %d, %d of %d pictures: %s/parts\n", o->shard, o->n_shards, end - first, n, o->folder);
    if (!o->n_shards && !fus_localizer_finished_before(run))
        fus_run_args_print(fus_localizer_summary(run), o->folder);
}

int fus_cmd_run(int argc, char **argv)
{
    static struct fus_run_args a;
    struct fus_localizer *run = NULL;
    struct fus_error err = {0};
    int status = fus_run_args_parse(&a, argc, argv);
    if (status)
        return status < 0 ? 0 : status;
    fus_interrupt_catch_run();
    a.options.stopping = fus_interrupt_stopping;
    int code = localize(&run, &a, &err);
    if (!code)
        print(run, &a.options);
    fus_localizer_destroy(run);
    return code ? fus_args_failed(&err) : 0;
}
