/* SPDX-License-Identifier: MIT */
/* Command lines (tools/args.c): each kind of value, what is refused and how, and
 * which word was meant. */
#define _POSIX_C_SOURCE 200809L
#include "test.h"

#include <unistd.h>

#include "tools/args.h"

static char message[4096]; /* what the last command line put on stderr */

struct values {
    bool flag;
    const char *text;
    int count, share[2];
    uint64_t seed;
    double real;
    size_t bytes, pixels;
    struct fus_choice choice;
};

static const struct fus_word fruit[] = {{"apple", 3}, {"banana", 4}, {"cherry", 5}, {0}};

/* The status of `test LINE`, whose words blanks separate ('_' stands for a blank within one). */
static int parse(struct values *v, struct fus_texts *operands, const char *line)
{
    static char copy[1024];
    char *argv[32];
    int argc = 0;
    const char *labels[2];
    struct fus_texts list = {labels, 0, 2};
    const struct fus_arg args[] = {{"--flag", FUS_ARG_FLAG, &v->flag},
                                   {"--text", FUS_ARG_TEXT, &v->text},
                                   {"--count", FUS_ARG_COUNT, &v->count},
                                   {"--share", FUS_ARG_SHARE, v->share},
                                   {"--seed", FUS_ARG_SEED, &v->seed},
                                   {"--real", FUS_ARG_REAL, &v->real},
                                   {"--bytes", FUS_ARG_BYTES, &v->bytes},
                                   {"--pixels", FUS_ARG_PIXELS, &v->pixels},
                                   {"--fruit", FUS_ARG_CHOICE, &v->choice},
                                   {"--list", FUS_ARG_LIST, &list},
                                   {0}};
    *v = (struct values){.choice = {fruit, -1}};
    snprintf(copy, sizeof copy, "%s", line);
    for (char *word = strtok(copy, " "); word; word = strtok(NULL, " ")) {
        for (char *c = word; *c; c++)
            *c = *c == '_' ? ' ' : *c;
        argv[argc++] = word;
    }
    FILE *f = tmpfile();
    int kept = dup(2), status;
    if (!f || kept < 0 || dup2(fileno(f), 2) < 0) {
        perror("tmpfile");
        exit(1);
    }
    status = fus_args_parse("test", "", args, operands, argc, argv);
    fflush(stderr);
    dup2(kept, 2);
    close(kept);
    rewind(f);
    message[fread(message, 1, sizeof message - 1, f)] = '\0';
    fclose(f);
    return status;
}

static void test_values(void)
{
    struct values v;
    struct fus_texts o;
    int status = parse(
        &v, &o,
        "a --flag --text=x=y --count 7 b --share 2/7 --seed 18446744073709551615 --real .5 --bytes 2K --pixels 2M "
        "--fruit cherry -- --flag");
    CHECK_MSG(status == 0, "%s", message);
    CHECK(v.flag && strcmp(v.text, "x=y") == 0 && v.count == 7 && v.share[0] == 2 && v.share[1] == 7 &&
          v.seed == UINT64_MAX);
    CHECK(v.real == 0.5 && v.bytes == 2048 && v.pixels == 2000000 && v.choice.value == 5);
    CHECK(o.n == 3 && strcmp(o.items[0], "a") == 0 && strcmp(o.items[1], "b") == 0 &&
          strcmp(o.items[2], "--flag") == 0);
    CHECK(parse(&v, &o, "--list a --list b") == 0 && parse(&v, &o, "--list a --list b --list c") == 2);
    CHECK(parse(&v, &o, "--count 2 --help --frob") == -1 && parse(&v, &o, "-- --help") == 0);
}

/* Whatever is wrong is found with the option's name and the text. */
static void test_refused(void)
{
    static const char *const lines[] = {"--count=_2",
                                        "--count=0",
                                        "--count=1e3",
                                        "--count=+2",
                                        "--count=",
                                        "--count=1000001",
                                        "--real=_0.5",
                                        "--real=0x1p-4",
                                        "--real=1e400",
                                        "--real=nan",
                                        "--real=0.5x",
                                        "--real=0",
                                        "--real=1.5",
                                        "--real=-0.5",
                                        "--seed=-1",
                                        "--seed=18446744073709551616",
                                        "--seed=0x10",
                                        "--share=3/2",
                                        "--share=0/2",
                                        "--share=1/_2",
                                        "--share=1",
                                        "--bytes=0",
                                        "--bytes=2T",
                                        "--bytes=2MB",
                                        "--bytes=_2M",
                                        "--bytes=18014398509481984K",
                                        "--bytes=99999999999G",
                                        "--pixels=3G",
                                        "--pixels=0M",
                                        "--fruit=plum",
                                        "--fruit="};
    struct values v;
    struct fus_texts o;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        char name[32];
        snprintf(name, sizeof name, "test: %.*s: '", (int)strcspn(lines[i], "="), lines[i]);
        CHECK_MSG(parse(&v, &o, lines[i]) == 2 && strstr(message, name) && strstr(message, " expected"), "%s: %s",
                  lines[i], message);
    }
    CHECK(parse(&v, &o, "--flag=1") == 2 && strstr(message, "--flag takes no value"));
    CHECK(parse(&v, &o, "--text") == 2 && strstr(message, "--text needs a value"));
    CHECK(parse(&v, &o, "--threads 1025") == 2 && strstr(message, "1025 found, at most 1024"));
}

static void test_meant(void)
{
    struct values v;
    struct fus_texts o;
    CHECK(parse(&v, &o, "--cuont 2") == 2 &&
          strstr(message, "no option is called '--cuont'; did you mean --count?; see `fusiform test --help`"));
    CHECK(parse(&v, &o, "--thread=2") == 2 && strstr(message, "did you mean --threads?"));
    CHECK(parse(&v, &o, "--pix 2") == 2 && strstr(message, "did you mean --pixels?"));
    CHECK(parse(&v, &o, "--frobnicate 2") == 2 && !strstr(message, "did you mean"));
    CHECK(parse(&v, &o, "-x 2") == 2 && !strstr(message, "did you mean"));
    CHECK(parse(&v, &o, "--fruit bananna") == 2 &&
          strstr(message, "apple, banana or cherry expected; did you mean banana?"));
    CHECK(parse(&v, &o, "--fruit plum") == 2 && !strstr(message, "did you mean"));
}

static void test_nearest(void)
{
    static const char *const words[] = {"run", "report", NULL, "merge", "lesion"};
    static const struct {
        const char *word, *nearest;
    } cases[] = {{"run", "run"},
                 {"rnu", "run"},
                 {"reprot", "report"},
                 {"rep", "report"},
                 {"leison", "lesion"},
                 {"lesions", "lesion"},
                 {"x", NULL},
                 {"", NULL},
                 {"convolution", NULL},
                 {"abc", NULL},
                 {"mergemergemergemergemergemergemergemergemerge", NULL}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *got = fus_args_nearest(cases[i].word, words, sizeof words / sizeof *words);
        CHECK_MSG(cases[i].nearest ? got && strcmp(got, cases[i].nearest) == 0 : !got, "%s: %s", cases[i].word,
                  got ? got : "none");
    }
    static const char *const two[] = {"kitten", "mitten", "sitting"};
    const char *exchanged = fus_args_nearest("kittne", two, 3), *replaced = fus_args_nearest("nitting", two, 3);
    CHECK(exchanged == two[0] && replaced == two[2]);
}

static void test_size(void)
{
    static const char *const bad[] = {"",     "20",   "20x",  "x20", "0x5",       "5x0",    " 5x5",
                                      "5x5 ", "5x-5", "+5x5", "5X5", "1000000x5", "0x10x5", "5x5x5"};
    int w = 1, h = 2;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK_MSG(!fus_args_size(&w, &h, bad[i]) && w == 1 && h == 2, "'%s'", bad[i]);
    CHECK(fus_args_size(&w, &h, "20x30") && w == 20 && h == 30);
}

/* What fus_args_print writes is what fus_args_parse takes. */
static void test_print(void)
{
    int count = 7, none = 0, share[2] = {2, 7};
    uint64_t seed = UINT64_MAX;
    double real = 0.1;
    size_t bytes = 4096;
    bool on = true, off = false, failed = false;
    const char *text = "a b", *empty = "", *missing = NULL;
    struct fus_choice choice = {fruit, 4}, unset = {fruit, -1};
    const struct fus_arg args[] = {
        {"--a", FUS_ARG_COUNT, &count}, {"--b", FUS_ARG_COUNT, &none},   {"--c", FUS_ARG_SHARE, share},
        {"--d", FUS_ARG_SEED, &seed},   {"--e", FUS_ARG_REAL, &real},    {"--f", FUS_ARG_BYTES, &bytes},
        {"--g", FUS_ARG_FLAG, &on},     {"--h", FUS_ARG_FLAG, &off},     {"--i", FUS_ARG_TEXT, &text},
        {"--j", FUS_ARG_TEXT, &empty},  {"--k", FUS_ARG_TEXT, &missing}, {"--l", FUS_ARG_CHOICE, &choice},
        {"--m", FUS_ARG_CHOICE, &unset}};
    static const char *const want[] = {"--a=7",   NULL,       "--c=2/7", "--d=18446744073709551615",
                                       "--e=0.1", "--f=4096", "--g",     NULL,
                                       "--i=a b", NULL,       NULL,      "--l=banana",
                                       NULL};
    for (size_t i = 0; i < sizeof args / sizeof *args; i++) {
        char *got = fus_args_print(&args[i], &failed);
        CHECK_MSG(want[i] ? got && strcmp(got, want[i]) == 0 : !got, "%s: %s", args[i].name, got ? got : "none");
        fus_base_free(got);
    }
    CHECK(!failed);
}

int main(void)
{
    test_values();
    test_refused();
    test_meant();
    test_nearest();
    test_size();
    test_print();
    return test_end();
}
