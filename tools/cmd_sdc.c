/* SPDX-License-Identifier: MIT */
/* fusiform sdc: shared decodable concepts. The table of its subcommands. */
#include <stdio.h>
#include <string.h>

#include "tools/args.h"
#include "tools/commands.h"

static const struct subcommand {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *usage, *what;
} subcommands[] = {
    {"demo", fus_cmd_sdc_demo, "[--seed 1] --out DIR",
     "simulated participants, everything, scored against what was planted"},
    {"fit", fus_cmd_sdc_fit, "--study STUDY.tsv --embedding E.npy --out DIR",
     "linear decoders from responses to image embeddings"},
    {"cluster", fus_cmd_sdc_cluster, "DIR | --vectors NAME=W.npy ... --out DIR",
     "shared clusters of the voxels of several participants"},
};

static const char examples[] =
    "\nWhich directions of an image-embedding space can be read from several people's brains, and from which\n"
    "voxels? `fit` trains a linear decoder for each participant; a decoder's weights of one voxel are a vector in\n"
    "the embedding space. Voxels of different people whose vectors are close together are a shared decodable concept\n"
    "(Efird, Murphy, Zylberberg & Fyshe 2025).\n\n"
    "`fusiform sdc COMMAND --help` has each one's options.\n\n"
    "example: fusiform sdc fit --study study.tsv --embedding clip.npy --out out/sdc\n";

static void print_help(void)
{
    puts("usage: fusiform sdc COMMAND ...\n");
    for (size_t i = 0; i < sizeof subcommands / sizeof *subcommands; i++)
        printf("  %-8s %-50s %s\n", subcommands[i].name, subcommands[i].usage, subcommands[i].what);
    fputs(examples, stdout);
}

static int say_unknown(const char *name)
{
    const char *names[sizeof subcommands / sizeof *subcommands], *nearest;
    for (size_t i = 0; i < sizeof subcommands / sizeof *subcommands; i++)
        names[i] = subcommands[i].name;
    nearest = fus_args_nearest(name, names, sizeof names / sizeof *names);
    return fus_args_usage("sdc", "no command is called '%s'%s%s%s", name, nearest ? "; did you mean " : "",
                          nearest ? nearest : "", nearest ? "?" : "");
}

int fus_cmd_sdc(int argc, char **argv)
{
    if (argc == 0)
        return fus_args_usage("sdc", "a command is needed");
    if (strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "-h") == 0) {
        print_help();
        return 0;
    }
    for (size_t i = 0; i < sizeof subcommands / sizeof *subcommands; i++)
        if (strcmp(argv[0], subcommands[i].name) == 0)
            return subcommands[i].run(argc - 1, argv + 1);
    return say_unknown(argv[0]);
}
