/* Command lines: see args.h. */
#include "args.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stimuli/stimuli.h"

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
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fprintf(stderr, "; see `fusiform %s --help`\n", command);
    return 2;
}

static bool whole_number(unsigned long long *out, const char *text, const char **rest)
{
    char *end;
    if (text[0] < '0' || text[0] > '9')
        return false;
    errno = 0;
    *out = strtoull(text, &end, 10);
    *rest = end;
    return errno == 0;
}

/* What is expected instead, or NULL where the value was taken. */
static const char *set_value(const struct fus_arg *arg, const char *text)
{
    unsigned long long n;
    const char *rest = "";
    char *end;
    switch (arg->kind) {
    case FUS_ARG_TEXT:
        *(const char **)arg->value = text;
        return NULL;
    case FUS_ARG_LIST: {
        struct fus_texts *list = arg->value;
        if (list->n == list->room)
            return "fewer of this option";
        list->items[list->n++] = text;
        return NULL;
    }
    case FUS_ARG_COUNT:
        if (!whole_number(&n, text, &rest) || *rest || n < 1 || n > 1000000)
            return "a whole number from 1 to 1000000";
        *(int *)arg->value = (int)n;
        return NULL;
    case FUS_ARG_SEED:
        if (!whole_number(&n, text, &rest) || *rest)
            return "a whole number from 0";
        *(uint64_t *)arg->value = n;
        return NULL;
    case FUS_ARG_SHARE: {
        unsigned long long of = 0;
        bool ok = whole_number(&n, text, &rest) && *rest == '/' && whole_number(&of, rest + 1, &rest) && !*rest;
        if (!ok || n < 1 || n > of || of > 1000000)
            return "I/N such as 2/7, I from 1 to N";
        ((int *)arg->value)[0] = (int)n;
        ((int *)arg->value)[1] = (int)of;
        return NULL;
    }
    case FUS_ARG_REAL: {
        double x = strtod(text, &end);
        if (end == text || *end || !(x > 0 && x <= 1))
            return "a number above 0, at most 1";
        *(double *)arg->value = x;
        return NULL;
    }
    case FUS_ARG_BYTES: {
        bool ok = whole_number(&n, text, &rest) && n > 0;
        int shift = ok && *rest == 'K' ? 10 : ok && *rest == 'M' ? 20 : ok && *rest == 'G' ? 30 : 0;
        if (!ok || strlen(rest) > 1 || (*rest && !shift) || n > SIZE_MAX >> shift)
            return "a size such as 512M or 2G";
        *(size_t *)arg->value = (size_t)n << shift;
        return NULL;
    }
    case FUS_ARG_PIXELS: {
        bool ok = whole_number(&n, text, &rest) && n > 0;
        unsigned long long unit = ok && *rest == 'K' ? 1000 : ok && *rest == 'M' ? 1000000 : ok && *rest == 'G' ? 1000000000 : 1;
        if (!ok || strlen(rest) > 1 || (*rest && unit == 1) || n > FUS_IMAGE_MOST_PIXELS / unit)
            return "a number of pixels up to 2G, such as 100M";
        *(size_t *)arg->value = (size_t)(n * unit);
        return NULL;
    }
    case FUS_ARG_FLAG:
        break;
    }
    return NULL;
}

static const struct fus_arg *find(const struct fus_arg *args, const char *name, size_t n)
{
    for (; args->name; args++)
        if (strlen(args->name) == n && strncmp(args->name, name, n) == 0)
            return args;
    return NULL;
}

/* Options that name a file or folder: an empty one, which an unset variable leaves, would mean the root folder. */
static bool names_file(const char *option)
{
    static const char *const names[] = {"-o", "--out", "--in", "--run", "--stimuli", "--model", "--labels",
                                         "--text-embeddings"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(option, names[i]) == 0)
            return true;
    return false;
}

/* 0, or 2 after a message. */
static int check_operands(const char *command, const struct fus_texts *operands)
{
    for (int i = 0; i < operands->n; i++)
        if (!*operands->items[i])
            return fus_args_usage(command, "an empty argument found, a name expected: an unset variable?");
    return 0;
}

int fus_args_parse(const char *command, const char *help, const struct fus_arg *args, struct fus_texts *operands, int argc,
                   char **argv)
{
    int threads = 0;
    size_t max_pixels = FUS_IMAGE_MAX_PIXELS;
    const struct fus_arg common[] = {{"--threads", FUS_ARG_COUNT, &threads}, {"--max-pixels", FUS_ARG_PIXELS, &max_pixels}, {0}};
    bool only_operands = false;
    *operands = (struct fus_texts){(const char **)argv, 0, argc};
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
        if (strcmp(a, "--help") == 0 || strcmp(a, "-h") == 0) {
            fputs(help, stdout);
            return -1;
        }
        size_t n = equals ? (size_t)(equals - a) : strlen(a);
        const struct fus_arg *arg = find(args, a, n);
        if (!arg)
            arg = find(common, a, n);
        if (!arg)
            return fus_args_usage(command, "no option is called '%.*s'", (int)n, a);
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
        const char *expected = set_value(arg, text);
        if (expected)
            return fus_args_usage(command, "%s: '%s' found, %s expected", arg->name, text, expected);
    }
    if (threads > 1024)
        return fus_args_usage(command, "--threads: %d found, at most 1024 expected", threads);
    fus_base_set_threads(threads);
    fus_image_set_max_pixels(max_pixels);
    return check_operands(command, operands);
}

/* The value as text; false where it is as if not given. */
static bool value_text(char *text, size_t text_bytes, const struct fus_arg *arg)
{
    switch (arg->kind) {
    case FUS_ARG_COUNT:
        snprintf(text, text_bytes, "%d", *(const int *)arg->value);
        return *(const int *)arg->value != 0;
    case FUS_ARG_SEED:
        snprintf(text, text_bytes, "%llu", (unsigned long long)*(const uint64_t *)arg->value);
        return true;
    case FUS_ARG_REAL:
        snprintf(text, text_bytes, "%.15g", *(const double *)arg->value); /* 0.1 rather than 0.10000000000000001, where that is it */
        if (strtod(text, NULL) != *(const double *)arg->value)
            snprintf(text, text_bytes, "%.17g", *(const double *)arg->value);
        return *(const double *)arg->value > 0;
    case FUS_ARG_BYTES:
        snprintf(text, text_bytes, "%zu", *(const size_t *)arg->value);
        return true;
    case FUS_ARG_SHARE:
        snprintf(text, text_bytes, "%d/%d", ((const int *)arg->value)[0], ((const int *)arg->value)[1]);
        return ((const int *)arg->value)[1] != 0;
    default:
        return false;
    }
}

char *fus_args_print(const struct fus_arg *arg, bool *failed)
{
    char number[64];
    const char *value = number;
    bool flag = arg->kind == FUS_ARG_FLAG && *(const bool *)arg->value;
    if (arg->kind == FUS_ARG_TEXT) {
        value = *(const char *const *)arg->value;
        value = value && *value ? value : NULL;
    } else if (!flag && !value_text(number, sizeof number, arg))
        value = NULL;
    if (!value)
        return NULL;
    size_t n = strlen(arg->name) + strlen(flag ? "" : value) + 2;
    char *text = fus_base_alloc(n, 1);
    *failed = *failed || !text;
    if (text)
        snprintf(text, n, flag ? "%s" : "%s=%s", arg->name, value);
    return text;
}

char *fus_args_next(char **rest)
{
    if (!*rest)
        return NULL;
    char *part = *rest, *comma = strchr(part, ',');
    if (comma)
        *comma = '\0';
    *rest = comma ? comma + 1 : NULL;
    return part;
}

bool fus_args_ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), k = strlen(end);
    return n >= k && strcmp(text + n - k, end) == 0;
}
