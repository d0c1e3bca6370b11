/* SPDX-License-Identifier: MIT */
/* The command line of `fusiform run`, and its final output. */
#ifndef FUS_RUN_ARGS_H
#define FUS_RUN_ARGS_H

#include "analysis/localizer/localizer.h"
#include "tools/args.h"

/* A model given by --model; name empty: derived from its file. */
struct fus_run_args_model {
    char name[256];
    const char *file;
};

enum { FUS_RUN_ARGS_GROUPS = 8192 };

struct fus_run_args {
    struct fus_run_options options;
    int n_models;
    struct fus_run_args_model models[FUS_RUN_MAX_MODELS];
    char groups[FUS_RUN_ARGS_GROUPS]; /* --group, all of them: options.groups */
};

/* 0, 2 after a message, -1 after --help. */
int fus_run_args_parse(struct fus_run_args *a, int argc, char **argv);

/* The lists of all --group as one text; NULL: too long, or not of the form NAME=MODEL,... */
const char *fus_run_args_groups(char to[FUS_RUN_ARGS_GROUPS], const struct fus_texts *groups, struct fus_error *err);

/* Prints the path of the report, and for each model the selective units of its last layer with
 * places. */
void fus_run_args_print(const struct fus_run_summary *summary, const char *folder);

#endif
