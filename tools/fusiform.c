/* SPDX-License-Identifier: MIT */
/* fusiform: the table of subcommands. */
#define _XOPEN_SOURCE 700
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "analysis/localizer/model.h"
#include "nn/base/base.h"
#include "stimuli/stimuli.h"
#include "tools/args.h"
#include "tools/commands.h"
#include "tools/interrupt.h"
#include "tools/progress.h"

static const struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *what;
} commands[] = {
    {"run", fus_cmd_run, "find the category-selective units of networks and write a report"},
    {"merge", fus_cmd_merge, "the shards of a run, put together"},
    {"report", fus_cmd_report, "draw the report of a finished run again"},
    {"compare", fus_cmd_compare, "two finished runs over the same pictures"},
    {"explain", fus_cmd_explain, "one unit of a finished run, line by line"},
    {"lesion", fus_cmd_lesion, "silence selective units and read the network out"},
    {"train", fus_cmd_train, "train a network on classes and captions, the same bytes everywhere"},
    {"sdc", fus_cmd_sdc, "concepts that can be decoded from several people's responses"},
    {"convert", fus_cmd_convert, "any readable weight file to a safetensors blob"},
    {"inspect", fus_cmd_inspect, "list the tensors of a weight file"},
    {"activations", fus_cmd_activations, "responses of layers to pictures, as .npy or .npz"},
    {"embed", fus_cmd_embed, "final features or embeddings of pictures, as .npy"},
    {"classify", fus_cmd_classify, "most probable classes of pictures"},
    {"tokens", fus_cmd_tokens, "ids of texts in CLIP's vocabulary"},
    {"image", fus_cmd_image, "decode, resize or preprocess one picture"},
    {"stimuli", fus_cmd_stimuli, "draw the built-in pictures, contact sheets"},
    {"bench", fus_cmd_bench, "time a network layer by layer"},
};

static void print_help(void)
{
    puts("fusiform " FUS_VERSION ": a functional localizer for deep networks\n\nusage: fusiform COMMAND ...\n");
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        printf("  %-12s %s\n", commands[i].name, commands[i].what);
    puts("\n`fusiform help COMMAND` has its options and an example. --threads N limits threads; "
         "FUS_ISA=scalar|avx2|avx512|amx|neon picks\n"
         "the instruction set. Results are the same bytes whatever these say. --max-pixels N (default 100M) is the "
         "largest\n"
         "picture that is read. `-o -` is standard output (.npy, .ppm, .csv, .safetensors).\n\n"
         "example: fusiform run --model random:resnet50?seed=1 --stimuli builtin --out out/demo");
}

/* One line for all pictures of 16 bits that use 12 of them or fewer. */
static void tell_dim(void)
{
    const char *first;
    int most, n = fus_image_noted_dim(&first, &most);
    if (n)
        fus_args_tell(
            "fusiform: warning: %s: 16 bits a sample, the largest is %d: nearly black; are these 12-bit values? "
            "Pictures of this kind: %d",
            first, most, n);
}

static const struct command *find(const char *name)
{
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (strcmp(name, commands[i].name) == 0)
            return &commands[i];
    return NULL;
}

static int say_unknown(const char *name)
{
    const char *names[sizeof commands / sizeof *commands + 1] = {"help"}, *nearest;
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        names[i + 1] = commands[i].name;
    nearest = fus_args_nearest(name, names, sizeof names / sizeof *names);
    fus_args_tell("fusiform: no command is called '%s'; %s%s%ssee `fusiform --help`", name,
                  nearest ? "did you mean " : "", nearest ? nearest : "", nearest ? "?; " : "");
    return 2;
}

/* `fusiform help`, `fusiform help COMMAND`: what COMMAND --help prints. */
static int help(int argc, char **argv)
{
    char option[] = "--help", *asked[] = {option, NULL};
    const struct command *c = argc == 1 ? find(argv[0]) : NULL;
    if (argc > 1) {
        fus_args_tell("fusiform help: one command expected, '%s' found behind it; see `fusiform --help`", argv[1]);
        return 2;
    }
    if (argc == 1 && !c && strcmp(argv[0], "help") != 0 && argv[0][0] != '-')
        return say_unknown(argv[0]);
    if (c)
        return c->run(1, asked);
    print_help();
    return 0;
}

static int run(int argc, char **argv)
{
    if (argc == 0) {
        fprintf(stderr, "fusiform: a command is needed; see `fusiform --help`\n");
        return 2;
    }
    if (strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "-h") == 0)
        return help(0, NULL);
    if (strcmp(argv[0], "help") == 0)
        return help(argc - 1, argv + 1);
    if (strcmp(argv[0], "--version") == 0) {
        puts("fusiform " FUS_VERSION);
        return 0;
    }
    if (strcmp(argv[0], "--list-commands") == 0) { /* completion in a shell, manual pages */
        for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
            printf("%s\t%s\n", commands[i].name, commands[i].what);
        return 0;
    }
    const struct command *c = find(argv[0]);
    return c ? c->run(argc - 1, argv + 1) : say_unknown(argv[0]);
}

int main(int argc, char **argv)
{
    signal(SIGXFSZ, SIG_IGN); /* past `ulimit -f` a write fails, and what was begun is removed */
    fus_interrupt_catch_end();
    fus_progress_of_files();
    int status = run(argc > 0 ? argc - 1 : 0, argv + 1);
    tell_dim();
    if (status == 0 && (fflush(stdout) != 0 || ferror(stdout))) {
        fprintf(stderr, "fusiform: standard output: cannot be written\n");
        status = 1;
    }
    return status;
}
