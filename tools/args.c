/* SPDX-License-Identifier: MIT */
/* Command lines: see args.h. */
#include "tools/args.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "nn/base/number.h"
#include "nn/base/utf8.h"
#include "stimuli/stimuli.h"

static void print_escaped(const char *fmt, va_list ap)
{
    char message[4096], shown[4096];
    vsnprintf(message, sizeof message, fmt, ap);
    fus_utf8_escape(shown, sizeof shown, message);
    fputs(shown, stderr);
}

void fus_args_tell(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    print_escaped(fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
}

int fus_args_failed(const struct fus_error *err)
{
    fprintf(stderr, "fusiform: %s\n", err->msg);
    return 1;
}

int fus_args_usage(const char *command, const char *fmt, ...)
{
    va_list ap;
    fprintf(stderr, "fusiform %s: ", command);
    va_start(ap, fmt);
    print_escaped(fmt, ap);
    va_end(ap);
    fprintf(stderr, "; see `fusiform %s --help`\n", command);
    return 2;
}

/* ---- the nearest word ---- */

enum { MAX_WORD = 40 }; /* a longer word is not a typing error */

static int least(int a, int b)
{
    return a < b ? a : b;
}

/* Changes that make b of a (optimal string alignment); both have at most MAX_WORD letters. */
static int distance(const char *a, const char *b)
{
    int rows[3][MAX_WORD + 1], *before = rows[0], *last = rows[1], *row = rows[2], n = (int)strlen(b);
    for (int j = 0; j <= n; j++)
        last[j] = j;
    for (int i = 1; a[i - 1]; i++) {
        row[0] = i;
        for (int j = 1; j <= n; j++) {
            row[j] = least(least(last[j], row[j - 1]) + 1, last[j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = least(row[j], before[j - 2] + 1);
        }
        int *free_row = before;
        before = last, last = row, row = free_row;
    }
    return last[n];
}

const char *fus_args_nearest(const char *word, const char *const *candidates, size_t n)
{
    const char *nearest = NULL;
    size_t length = strlen(word);
    int most = length < 4 ? 1 : length < 9 ? 2 : 3, dashes = (int)strspn(word, "-");
    if (length > MAX_WORD || length < (size_t)dashes + 2)
        return NULL;
    for (size_t i = 0; i < n; i++)
        if (candidates[i] && strncmp(candidates[i], word, length) == 0)
            return candidates[i];
    for (size_t i = 0; i < n; i++) {
        int d = candidates[i] && strlen(candidates[i]) <= MAX_WORD ? distance(word, candidates[i]) : MAX_WORD;
        if (d <= most && d < (int)length - dashes) {
            nearest = candidates[i];
            most = d - 1;
        }
    }
    return nearest;
}

/* ---- values ---- */

struct expectation {
    char text[256]; /* the expected value; empty if the value was accepted */
};

static void expect(struct expectation *e, const char *what)
{
    snprintf(e->text, sizeof e->text, "%s", what);
}

static bool take_count(int *to, const char *text)
{
    uint64_t n;
    if (!fus_number_whole(&n, text, NULL) || n < 1 || n > 1000000)
        return false;
    *to = (int)n;
    return true;
}

static bool take_share(int to[2], const char *text)
{
    uint64_t part, of;
    const char *rest;
    if (!fus_number_whole(&part, text, &rest) || *rest != '/' || !fus_number_whole(&of, rest + 1, NULL) || part < 1 ||
        part > of || of > 1000000)
        return false;
    to[0] = (int)part, to[1] = (int)of;
    return true;
}

/* A whole number with K, M or G behind it or nothing; units of 1,000 or 1,024. */
static bool take_amount(size_t *to, const char *text, uint64_t unit, uint64_t most)
{
    uint64_t n;
    const char *rest, *letters = "KMG", *letter;
    if (!fus_number_whole(&n, text, &rest) || n < 1 || (*rest && rest[1]))
        return false;
    letter = *rest ? strchr(letters, *rest) : NULL;
    if (*rest && !letter)
        return false;
    for (const char *l = letters; letter && l <= letter; l++) {
        if (n > most / unit)
            return false;
        n *= unit;
    }
    if (n > most)
        return false;
    *to = (size_t)n;
    return true;
}

static void take_choice(struct expectation *e, struct fus_choice *choice, const char *text)
{
    const char *words[32];
    size_t n = 0, used = 0;
    for (const struct fus_word *w = choice->words; w->word && n < sizeof words / sizeof *words; w++) {
        if (strcmp(w->word, text) == 0) {
            choice->value = w->value;
            return;
        }
        words[n++] = w->word;
    }
    for (size_t i = 0; i < n && used < sizeof e->text; i++)
        used += (size_t)snprintf(e->text + used, sizeof e->text - used, "%s%s",
                                 i == 0      ? ""
                                 : i + 1 < n ? ", "
                                             : " or ",
                                 words[i]);
}

static void set_value(struct expectation *e, const struct fus_arg *arg, const char *text)
{
    double x;
    e->text[0] = '\0';
    switch (arg->kind) {
    case FUS_ARG_FLAG:
        break;
    case FUS_ARG_TEXT:
        *(const char **)arg->value = text;
        break;
    case FUS_ARG_LIST: {
        struct fus_texts *list = arg->value;
        if (list->n == list->room)
            expect(e, "fewer of this option");
        else
            list->items[list->n++] = text;
        break;
    }
    case FUS_ARG_CHOICE:
        take_choice(e, arg->value, text);
        break;
    case FUS_ARG_COUNT:
        if (!take_count(arg->value, text))
            expect(e, "a whole number from 1 to 1000000");
        break;
    case FUS_ARG_SEED:
        if (!fus_number_whole(arg->value, text, NULL))
            expect(e, "a whole number from 0");
        break;
    case FUS_ARG_SHARE:
        if (!take_share(arg->value, text))
            expect(e, "I/N such as 2/7, I from 1 to N");
        break;
    case FUS_ARG_REAL:
        if (fus_number_real(&x, text, NULL) && x > 0 && x <= 1)
            *(double *)arg->value = x;
        else
            expect(e, "a number above 0, at most 1");
        break;
    case FUS_ARG_BYTES:
        if (!take_amount(arg->value, text, 1024, SIZE_MAX))
            expect(e, "a size such as 512M or 2G");
        break;
    case FUS_ARG_PIXELS:
        if (!take_amount(arg->value, text, 1000, FUS_IMAGE_PIXELS_LIMIT))
            expect(e, SIZE_MAX > 0xffffffff ? "a number of pixels up to 2G, such as 100M"
                                            : "a number of pixels up to 128M, such as 100M");
        break;
    }
}

bool fus_args_size(int *width, int *height, const char *text)
{
    uint64_t w, h;
    const char *rest;
    if (!fus_number_whole(&w, text, &rest) || *rest != 'x' || !fus_number_whole(&h, rest + 1, NULL) || w < 1 || h < 1 ||
        w > 999999 || h > 999999)
        return false;
    *width = (int)w, *height = (int)h;
    return true;
}

/* ---- the command line ---- */

static const struct fus_arg *find(const struct fus_arg *args, const char *name, size_t n)
{
    for (; args->name; args++)
        if (strlen(args->name) == n && strncmp(args->name, name, n) == 0)
            return args;
    return NULL;
}

/* Options that name a file or folder: an empty one, which an unset variable leaves, would
 * mean the root folder. */
static bool names_file(const char *option)
{
    static const char *const names[] = {"-o",
                                        "--out",
                                        "--in",
                                        "--run",
                                        "--stimuli",
                                        "--model",
                                        "--labels",
                                        "--text-embeddings",
                                        "--text-labels",
                                        "--texts",
                                        "--templates",
                                        "--vocab",
                                        "--text-model",
                                        "--csv"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(option, names[i]) == 0)
            return true;
    return false;
}

static int say_unknown(const char *command, const char *name, size_t n, const struct fus_arg *args,
                       const struct fus_arg *common)
{
    const char *names[80] = {"--help"}, *nearest;
    char copy[MAX_WORD + 2];
    size_t n_names = 1;
    for (; args->name && n_names < 70; args++)
        names[n_names++] = args->name;
    for (; common->name; common++)
        names[n_names++] = common->name;
    snprintf(copy, sizeof copy, "%.*s", (int)n, name);
    nearest = fus_args_nearest(copy, names, n_names);
    return nearest ? fus_args_usage(command, "no option is called '%.*s'; did you mean %s?", (int)n, name, nearest)
                   : fus_args_usage(command, "no option is called '%.*s'", (int)n, name);
}

static int say_wrong(const char *command, const struct fus_arg *arg, const char *text, const struct expectation *e)
{
    const char *words[32], *nearest = NULL;
    size_t n = 0;
    if (arg->kind == FUS_ARG_CHOICE) {
        for (const struct fus_word *w = ((const struct fus_choice *)arg->value)->words; w->word && n < 32; w++)
            words[n++] = w->word;
        nearest = fus_args_nearest(text, words, n);
    }
    return nearest ? fus_args_usage(command, "%s: '%s' found, %s expected; did you mean %s?", arg->name, text, e->text,
                                    nearest)
                   : fus_args_usage(command, "%s: '%s' found, %s expected", arg->name, text, e->text);
}

static bool wants_help(int argc, char **argv)
{
    for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return true;
    return false;
}

/* Commands whose operands are texts, which may be empty. */
static bool takes_texts(const char *command)
{
    return strcmp(command, "tokens") == 0;
}

/* One line an option: name TAB flag, value, text or choice, for a choice TAB words. */
static void list_options(const struct fus_arg *args)
{
    for (; args->name; args++) {
        bool text = args->kind == FUS_ARG_TEXT || args->kind == FUS_ARG_LIST;
        printf("%s\t%s", args->name,
               args->kind == FUS_ARG_FLAG     ? "flag"
               : args->kind == FUS_ARG_CHOICE ? "choice"
               : text                         ? "text"
                                              : "value");
        const struct fus_word *w =
            args->kind == FUS_ARG_CHOICE ? ((const struct fus_choice *)args->value)->words : NULL;
        for (const char *between = "\t"; w && w->word; w++, between = " ")
            printf("%s%s", between, w->word);
        putchar('\n');
    }
}

/* 0, or 2 after a message. */
static int check_operands(const char *command, const struct fus_texts *operands)
{
    for (int i = 0; i < operands->n; i++)
        if (!*operands->items[i] && !takes_texts(command))
            return fus_args_usage(command, "an empty argument found, a name expected: an unset variable?");
    return 0;
}

int fus_args_parse(const char *command, const char *help, const struct fus_arg *args, struct fus_texts *operands,
                   int argc, char **argv)
{
    int threads = 0;
    size_t max_pixels = FUS_IMAGE_MAX_PIXELS;
    const struct fus_arg common[] = {
        {"--threads", FUS_ARG_COUNT, &threads}, {"--max-pixels", FUS_ARG_PIXELS, &max_pixels}, {0}};
    bool only_operands = false;
    struct expectation expected;
    *operands = (struct fus_texts){(const char **)argv, 0, argc};
    if (wants_help(argc, argv)) {
        fputs(help, stdout);
        return -1;
    }
    if (argc == 1 && strcmp(argv[0], "--list-options") == 0) {
        list_options(args);
        list_options(common);
        return -1;
    }
    for (int i = 0; i < argc; i++) {
        const char *a = argv[i], *equals = strchr(a, '=');
        if (only_operands || a[0] != '-' || a[1] == '\0') {
            argv[operands->n++] = argv[i];
            continue;
        }
        if (strcmp(a, "--") == 0) {
            only_operands = true;
            continue;
        }
        size_t n = equals ? (size_t)(equals - a) : strlen(a);
        const struct fus_arg *arg = find(args, a, n);
        if (!arg)
            arg = find(common, a, n);
        if (!arg)
            return say_unknown(command, a, n, args, common);
        if (arg->kind == FUS_ARG_FLAG) {
            if (equals)
                return fus_args_usage(command, "%s takes no value", arg->name);
            *(bool *)arg->value = true;
            continue;
        }
        if (!equals && i + 1 == argc)
            return fus_args_usage(command, "%s needs a value", arg->name);
        const char *text = equals ? equals + 1 : argv[++i];
        if (!*text && names_file(arg->name))
            return fus_args_usage(command, "%s: an empty name found: an unset variable?", arg->name);
        set_value(&expected, arg, text);
        if (expected.text[0])
            return say_wrong(command, arg, text, &expected);
    }
    if (threads > 1024)
        return fus_args_usage(command, "--threads: %d found, at most 1024 expected", threads);
    fus_base_set_threads(threads);
    fus_image_set_max_pixels(max_pixels);
    return check_operands(command, operands);
}

/* The number as text; false if the value means "not given". */
static bool print_number(char text[FUS_NUMBER_BYTES], const struct fus_arg *arg)
{
    switch (arg->kind) {
    case FUS_ARG_COUNT:
        snprintf(text, FUS_NUMBER_BYTES, "%d", *(const int *)arg->value);
        return *(const int *)arg->value != 0;
    case FUS_ARG_SEED:
        snprintf(text, FUS_NUMBER_BYTES, "%" PRIu64, *(const uint64_t *)arg->value);
        return true;
    case FUS_ARG_REAL:
        fus_number_print(text, *(const double *)arg->value);
        return *(const double *)arg->value > 0;
    case FUS_ARG_BYTES:
    case FUS_ARG_PIXELS:
        snprintf(text, FUS_NUMBER_BYTES, "%zu", *(const size_t *)arg->value);
        return true;
    case FUS_ARG_SHARE:
        snprintf(text, FUS_NUMBER_BYTES, "%d/%d", ((const int *)arg->value)[0], ((const int *)arg->value)[1]);
        return ((const int *)arg->value)[1] != 0;
    default:
        return false;
    }
}

static const char *chosen_word(const struct fus_choice *choice)
{
    for (const struct fus_word *w = choice->words; w->word; w++)
        if (w->value == choice->value)
            return w->word;
    return NULL;
}

char *fus_args_print(const struct fus_arg *arg, bool *failed)
{
    char number[FUS_NUMBER_BYTES];
    const char *value = NULL;
    bool flag = arg->kind == FUS_ARG_FLAG;
    if (flag)
        value = *(const bool *)arg->value ? "" : NULL;
    else if (arg->kind == FUS_ARG_TEXT)
        value = *(const char *const *)arg->value;
    else if (arg->kind == FUS_ARG_CHOICE)
        value = chosen_word(arg->value);
    else if (print_number(number, arg))
        value = number;
    if (!value || (!flag && !*value))
        return NULL;
    size_t n = strlen(arg->name) + strlen(value) + 2;
    char *text = fus_base_alloc(n, 1);
    *failed = *failed || !text;
    if (text)
        snprintf(text, n, "%s%s%s", arg->name, flag ? "" : "=", value);
    return text;
}
