/* SPDX-License-Identifier: MIT */
/* The options of the built-in set: see builtin.h. */
#include "stimuli/set/builtin.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "nn/base/number.h"
#include "stimuli/set/categories.h"
#include "stimuli/stimuli.h"

enum { PER_CATEGORY, SEED, SIDE, CATEGORIES, N_KEYS };

static const struct {
    const char *key;
    uint64_t least, most;
} keys[] = {{"per_category", 2, 1000000}, {"seed", 0, UINT64_MAX}, {"side", 16, 4096}, {"categories", 0, 0}};

static int no_memory(struct fus_error *err)
{
    return fus_base_fail(err, FUS_ENOMEM, "no memory for the options of the built-in pictures");
}

/* "adult,car" -> "adult=adult;car=car": a list of folders without any category.
 * *out in new memory. */
static int spell_out(char **out, const char *list, struct fus_error *err)
{
    size_t n = 2 * strlen(list) + 2;
    for (const char *s = list; *s; s++)
        n += 2 * (*s == ',');
    char *made = fus_base_alloc(n, 1), *to = made;
    if (!made)
        return no_memory(err);
    for (const char *s = list;; s++) {
        size_t length = strcspn(s, ",");
        to +=
            snprintf(to, n - (size_t)(to - made), "%s%.*s=%.*s", to > made ? ";" : "", (int)length, s, (int)length, s);
        s += length;
        if (!*s)
            break;
    }
    *out = made;
    return FUS_OK;
}

static int take_categories(struct fus_builtin *b, const char *value, struct fus_error *err)
{
    enum fus_categories_rule rule;
    if (!strchr(value, '=') && !fus_categories_named(&rule, value))
        return spell_out(&b->categories, value, err);
    b->categories = fus_base_strdup(value);
    return b->categories ? FUS_OK : no_memory(err);
}

/* `key=value` at *at, which moves past it and the & that ends it; *end: the character there. */
static int take_option(struct fus_builtin *b, uint64_t numbers[CATEGORIES], bool seen[N_KEYS], char **at, char *end,
                       const char *spec, struct fus_error *err)
{
    char *key = fus_categories_word(at, "&", end), *value = strchr(key, '=');
    int k = 0;
    if (value)
        *value++ = '\0';
    while (k < N_KEYS && strcmp(key, keys[k].key) != 0)
        k++;
    if (k == N_KEYS || !value)
        return fus_base_fail(err, FUS_EINVAL,
                             "%s: '%s' is no option; expected builtin?per_category=N&seed=S&side=S&categories=MAP",
                             spec, key);
    if (seen[k])
        return fus_base_fail(err, FUS_EINVAL, "%s: %s stands there twice", spec, key);
    seen[k] = true;
    if (k == CATEGORIES)
        return take_categories(b, value, err);
    if (!fus_number_whole(&numbers[k], value, NULL) || numbers[k] < keys[k].least || numbers[k] > keys[k].most)
        return fus_base_fail(err, FUS_EINVAL, "%s: %s=%s: expected a whole number from %" PRIu64 " to %" PRIu64, spec,
                             key, value, keys[k].least, keys[k].most);
    return FUS_OK;
}

int fus_builtin_parse(struct fus_builtin *b, const char *spec, struct fus_error *err)
{
    struct fus_builtin made = {0};
    uint64_t numbers[CATEGORIES] = {24, 1, FUS_GENERATE_SIDE};
    bool seen[N_KEYS] = {false};
    const char *options = spec + strlen("builtin");
    char *text = fus_base_strdup(*options ? options + 1 : ""), *at = text, end = *options ? '&' : '\0';
    int code = text ? FUS_OK : no_memory(err);
    while (end == '&' && !code)
        code = take_option(&made, numbers, seen, &at, &end, spec, err);
    fus_base_free(text);
    if (code) {
        fus_builtin_free(&made);
        return code;
    }
    *b = made;
    b->per_category = (int)numbers[PER_CATEGORY];
    b->seed = numbers[SEED];
    b->side = (int)numbers[SIDE];
    return FUS_OK;
}

void fus_builtin_free(struct fus_builtin *b)
{
    fus_base_free(b->categories);
    memset(b, 0, sizeof *b);
}
