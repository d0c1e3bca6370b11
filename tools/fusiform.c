/* fusiform: the table of subcommands. */
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "model.h"
#include "nn/base.h"

static const struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *what;
} commands[] = {
    {"run", fus_cmd_run, "find the category-selective units of networks and write a report"},
    {"merge", fus_cmd_merge, "the shards of a run, put together"},
    {"report", fus_cmd_report, "draw the report of a finished run again"},
    {"compare", fus_cmd_compare, "two finished runs over the same pictures"},
    {"lesion", fus_cmd_lesion, "silence selective units and read the network out"},
    {"convert", fus_cmd_convert, "any readable weight file to a safetensors blob"},
    {"inspect", fus_cmd_inspect, "list the tensors of a weight file"},
    {"activations", fus_cmd_activations, "responses of layers to pictures, as .npy or .npz"},
    {"embed", fus_cmd_embed, "final features or embeddings of pictures, as .npy"},
    {"classify", fus_cmd_classify, "most probable classes of pictures"},
    {"image", fus_cmd_image, "decode, resize or preprocess one picture"},
    {"stimuli", fus_cmd_stimuli, "draw the built-in pictures, contact sheets"},
    {"bench", fus_cmd_bench, "time a network layer by layer"},
};

static void print_help(void)
{
    puts("fusiform " FUS_VERSION ": a functional localizer for deep networks\n\nusage: fusiform COMMAND ...\n");
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        printf("  %-12s %s\n", commands[i].name, commands[i].what);
    puts("\nEvery command has --help with an example. --threads N limits threads; FUS_ISA=scalar|avx2|avx512|neon picks\n"
         "the instruction set. Results are the same bytes whatever these say. --max-pixels N (default 100M) is the largest\n"
         "picture that is read.\n\n"
         "example: fusiform run --model random:resnet50?seed=1 --stimuli builtin --out out/demo");
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "fusiform: a command is needed; see `fusiform --help`\n");
        return 2;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
        print_help();
        return 0;
    }
    if (strcmp(argv[1], "--version") == 0) {
        puts("fusiform " FUS_VERSION);
        return 0;
    }
    fus_model_catch_end();
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (strcmp(argv[1], commands[i].name) == 0) {
            int status = commands[i].run(argc - 2, argv + 2);
            if (status == 0 && (fflush(stdout) != 0 || ferror(stdout))) {
                fprintf(stderr, "fusiform: standard output: cannot be written\n");
                status = 1;
            }
            return status;
        }
    fprintf(stderr, "fusiform: no command is called '%s'; see `fusiform --help`\n", argv[1]);
    return 2;
}
