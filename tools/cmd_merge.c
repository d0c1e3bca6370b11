/* SPDX-License-Identifier: MIT */
/* fusiform merge: merges the shards of a run. */
#include <stdio.h>

#include "analysis/localizer/localizer.h"
#include "tools/args.h"
#include "tools/commands.h"
#include "tools/interrupt.h"
#include "tools/progress.h"
#include "tools/run_args.h"

static const char help[] =
    "usage: fusiform merge PART... --out DIR [--force] [--max-memory 512M]\n\n"
    "PART are the --out folders of `fusiform run --shard I/N` for I = 1 .. N, of one set of pictures, one list of "
    "models and the same\n"
    "options. Writes into DIR what one run over all pictures writes, byte for byte (run.log aside). Neither weights "
    "nor pictures are read.\n\n"
    "  --force              replace the run in DIR as a whole; a folder with other files is refused\n"
    "  --max-memory 512M    of statistics, a layer at a time; what does not fit waits in a scratch file in DIR\n\n"
    "example: fusiform merge out/part-1 out/part-2 out/part-3 --out out/all\n";

/* The method, shards instead of pictures. */
static int merge(struct fus_localizer **run, const struct fus_run_options *options, const struct fus_texts *folders,
                 struct fus_error *err)
{
    int code = fus_localizer_create(run, options, err);
    if (!code)
        code = fus_localizer_merge(*run, folders->items, folders->n, fus_progress_listen, NULL, err);
    return code ? code : fus_localizer_write(*run, options->folder, err);
}

int fus_cmd_merge(int argc, char **argv)
{
    struct fus_run_options options = fus_run_options_defaults;
    struct fus_localizer *run = NULL;
    struct fus_texts folders;
    struct fus_error err = {0};
    const struct fus_arg args[] = {{"--out", FUS_ARG_TEXT, &options.folder},
                                   {"--max-memory", FUS_ARG_BYTES, &options.max_memory},
                                   {"--force", FUS_ARG_FLAG, &options.force},
                                   {0}};
    int status = fus_args_parse("merge", help, args, &folders, argc, argv);
    if (status)
        return status < 0 ? 0 : status;
    if (folders.n == 0 || !options.folder)
        return fus_args_usage("merge", "at least one PART and --out DIR expected");
    fus_interrupt_catch_run();
    options.stopping = fus_interrupt_stopping;
    int code = merge(&run, &options, &folders, &err);
    if (!code)
        fus_run_args_print(fus_localizer_summary(run), options.folder);
    fus_localizer_destroy(run);
    return code ? fus_args_failed(&err) : 0;
}
