/* SPDX-License-Identifier: MIT */
/* Options as text: see run_options.h. */
#include "analysis/run/run_options.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "analysis/run/rules.h"
#include "nn/base/number.h"

const struct fus_run_options fus_run_options_defaults = {.stimuli = "builtin",
                                                         .layers = "all",
                                                         .select = {.correction = FUS_BH, .alpha = 0.05},
                                                         .halves = FUS_HALVES_ALTERNATE,
                                                         .max_memory = (size_t)512 << 20,
                                                         .seed = 1,
                                                         .checkpoint = 30};

enum kind { TEXT, WORD, COUNT, SEED, REAL, FLAG };

static const char *halves_word(int i)
{
    static const char *const words[] = {"none", "alternate", "option"};
    return words[i];
}

static const char *conv_word(int i)
{
    return i ? "direct" : "auto";
}

static const char *precision_word(int i)
{
    return fus_net_precision_name((enum fus_precision)i);
}

static const char *units_word(int i)
{
    return i ? "full" : "labels";
}

static const char *test_word(int i)
{
    return fus_select_test_name((enum fus_test)i);
}

static const char *criterion_word(int i)
{
    return fus_criteria_name((enum fus_criterion)i);
}

static const char *correction_word(int i)
{
    return fus_multiple_name((enum fus_correction)i);
}

static const char *interval_word(int i)
{
    return fus_bootstrap_name((enum fus_interval_method)i);
}

static const char *over_word(int i)
{
    return fus_redraw_name((enum fus_redraw_over)i);
}

#define AT(member) offsetof(struct fus_run_options, member)
_Static_assert(sizeof(enum fus_criterion) == sizeof(int) && sizeof(enum fus_run_halves) == sizeof(int),
               "words are read as int");

/* Every option that the result depends on, in the order of run.json; --prefix follows
 * (one for each model). */
static const struct option {
    const char *name;
    enum kind kind;
    size_t at;
    const char *(*word)(int i); /* of a WORD, and of a FLAG that is written as one of two words */
    int n_words;
} options[] = {
    {"preset", TEXT, AT(preset), NULL, 0},
    {"criterion", WORD, AT(select.criterion), criterion_word, FUS_CRITERION_RANKSUM + 1},
    {"test", WORD, AT(select.test), test_word, FUS_TEST_PERMUTATION + 1},
    {"correction", WORD, AT(select.correction), correction_word, FUS_UNCORRECTED + 1},
    {"alpha", REAL, AT(select.alpha), NULL, 0},
    {"halves", WORD, AT(halves), halves_word, 3},
    {"bootstrap", COUNT, AT(bootstrap), NULL, 0},
    {"interval", WORD, AT(interval), interval_word, 3},
    {"bootstrap-over", WORD, AT(over), over_word, 3},
    {"permutations", COUNT, AT(permutations), NULL, 0},
    {"seed", SEED, AT(seed), NULL, 0},
    {"sweep", FLAG, AT(sweep), NULL, 0},
    {"consistency", FLAG, AT(consistency), NULL, 0},
    {"matched", FLAG, AT(matched), NULL, 0},
    {"draws", FLAG, AT(draws), NULL, 0},
    {"group", TEXT, AT(groups), NULL, 0},
    {"sesoi", REAL, AT(sesoi), NULL, 0},
    {"subsample", TEXT, AT(subsample), NULL, 0},
    {"equal-n", FLAG, AT(equal_n), NULL, 0},
    {"layers", TEXT, AT(layers), NULL, 0},
    {"conv", FLAG, AT(direct), conv_word, 2},
    {"precision", WORD, AT(precision), precision_word, FUS_PRECISION_BF16 + 1},
    {"units", FLAG, AT(full_units), units_word, 2},
    {"lang-head", TEXT, AT(lang_head), NULL, 0},
    {"activation", TEXT, AT(activation), NULL, 0},
};
enum { N_OPTIONS = sizeof options / sizeof *options };

/* The value that a criterion prescribes for an option. NULL: the option applies; "": null. */
static const char *fixed_by_criterion(const struct option *option, const struct fus_run_options *o)
{
    bool test = strcmp(option->name, "test") == 0, correction = strcmp(option->name, "correction") == 0;
    if ((!test && !correction) || o->select.criterion == FUS_CRITERION_IUT)
        return NULL;
    if (o->select.criterion != FUS_CRITERION_PRINCE)
        return "";
    return test ? "student" : "by";
}

static void print(struct fus_run_option_text *t, const struct option *option, const struct fus_run_options *o)
{
    const void *value = (const char *)o + option->at;
    const char *fixed = fixed_by_criterion(option, o);
    *t = (struct fus_run_option_text){.name = option->name, .text = t->number};
    t->in_json = option->at != AT(draws); /* its files say so, and change no other */
    t->quoted = option->kind == TEXT || option->word;
    switch (option->kind) {
    case TEXT:
        t->text = *(const char *const *)value;
        break;
    case WORD:
        t->text = option->word(*(const int *)value);
        break;
    case COUNT:
        snprintf(t->number, sizeof t->number, "%d", *(const int *)value);
        break;
    case SEED:
        snprintf(t->number, sizeof t->number, "%" PRIu64, *(const uint64_t *)value);
        break;
    case REAL:
        snprintf(t->number, sizeof t->number, "%.17g", *(const double *)value);
        break;
    case FLAG:
        t->text = option->word ? option->word(*(const bool *)value) : *(const bool *)value ? "true" : "false";
    }
    t->shown = !fixed ? t->text : *fixed ? fixed : "null";
    t->quoted = t->quoted && (!fixed || *fixed);
}

int fus_run_options_list(struct fus_run_option_text *list, const struct fus_run_options *o)
{
    int n = 0;
    for (int i = 0; i < N_OPTIONS; i++) {
        print(&list[n], &options[i], o);
        n += list[n].text != NULL;
    }
    for (int i = 0; i < o->prefixes.n; i++)
        list[n++] = (struct fus_run_option_text){.name = "prefix", .text = o->prefixes.items[i]};
    return n;
}

/* A word's number; -1: there is no such word. */
static int find_word(const struct option *option, const char *text)
{
    for (int i = 0; i < option->n_words; i++)
        if (strcmp(option->word(i), text) == 0)
            return i;
    return -1;
}

static bool read_value(void *value, const struct option *option, const char *text)
{
    int word = option->word                 ? find_word(option, text)
               : strcmp(text, "true") == 0  ? 1
               : strcmp(text, "false") == 0 ? 0
                                            : -1;
    uint64_t whole = 0;
    switch (option->kind) {
    case TEXT:
        *(const char **)value = text;
        return true;
    case WORD:
        *(int *)value = word;
        return word >= 0;
    case COUNT:
        if (!fus_number_whole(&whole, text, NULL) || whole > INT32_MAX)
            return false;
        *(int *)value = (int)whole;
        return true;
    case SEED:
        return fus_number_whole(value, text, NULL);
    case REAL:
        return fus_number_real(value, text, NULL);
    default:
        *(bool *)value = word == 1;
        return word >= 0;
    }
}

static bool add_prefix(struct fus_run_per_model *p, const char *text)
{
    if (p->n == (int)(sizeof p->items / sizeof *p->items))
        return false;
    p->items[p->n++] = text;
    return true;
}

bool fus_run_options_set(struct fus_run_options *o, const char *name, const char *text)
{
    for (int i = 0; i < N_OPTIONS; i++)
        if (strcmp(options[i].name, name) == 0)
            return (strcmp(text, "null") == 0 && options[i].word) ||
                   read_value((char *)o + options[i].at, &options[i], text);
    return strcmp(name, "prefix") == 0 && add_prefix(&o->prefixes, text);
}

void fus_run_options_settle(struct fus_run_options *o)
{
    o->select.relabellings = o->permutations;
    o->select.seed = o->seed;
}

static bool tests_by_permutation(const struct fus_run_options *o)
{
    return o->select.criterion == FUS_CRITERION_IUT && o->select.test == FUS_TEST_PERMUTATION;
}

bool fus_run_options_relabels(const struct fus_run_options *o)
{
    return o->permutations && !tests_by_permutation(o);
}

/* What selects the units again in many draws of pictures does so from moments. */
static int check_permutation(const struct fus_run_options *o, struct fus_error *err)
{
    const char *other = o->bootstrap ? "--bootstrap" : o->subsample ? "--subsample" : o->sweep ? "--sweep" : NULL;
    if (other)
        return fus_base_fail(err, FUS_EINVAL,
                             "--test permutation does not go with %s, which selects units from moments: --test "
                             "balanced expected",
                             other);
    if (o->permutations < 1)
        return fus_base_fail(err, FUS_EINVAL,
                             "--test permutation: a number of relabellings expected (--permutations M)");
    return FUS_OK;
}

int fus_run_options_check(const struct fus_run_options *o, struct fus_error *err)
{
    const struct fus_rules_preset *preset = o->preset ? fus_rules_find(o->preset) : NULL;
    bool resampled = o->bootstrap || o->permutations;
    int code = FUS_OK;
    if (o->preset && !preset)
        return fus_base_fail(err, FUS_EINVAL, "no preset is called '%s'", o->preset);
    if (preset && preset->criterion != o->select.criterion)
        return fus_base_fail(err, FUS_EINVAL, "--preset %s is --criterion %s; '%s' found", o->preset,
                             fus_criteria_name(preset->criterion), fus_criteria_name(o->select.criterion));
    if (!(o->select.alpha > 0 && o->select.alpha < 1))
        return fus_base_fail(err, FUS_EINVAL, "--alpha: a number below 1 expected");
    if (o->select.criterion == FUS_CRITERION_RANKSUM && resampled)
        return fus_base_fail(err, FUS_EINVAL, "--bootstrap and --permutations do not go with --criterion ranksum");
    if (tests_by_permutation(o) && (code = check_permutation(o, err)) != FUS_OK)
        return code;
    if (o->matched && o->halves == FUS_HALVES_NONE)
        return fus_base_fail(err, FUS_EINVAL,
                             "--matched chooses units in one half of the pictures and measures them "
                             "in the other: --halves alternate or option expected");
    if (o->draws && !o->bootstrap && !o->matched)
        return fus_base_fail(err, FUS_EINVAL,
                             "--draws writes what --bootstrap and --matched computed: one of them expected");
    if (o->sesoi > 0 && !o->bootstrap)
        return fus_base_fail(err, FUS_EINVAL, "--sesoi compares intervals, which need --bootstrap");
    if (o->over != FUS_REDRAW_PICTURES && o->interval == FUS_INTERVAL_BCA)
        return fus_base_fail(err, FUS_EINVAL,
                             "--interval bca leaves single pictures out: it does not go with "
                             "--bootstrap-over %s",
                             fus_redraw_name(o->over));
    struct fus_power_plan plan;
    code = o->subsample ? fus_power_parse(&plan, o->subsample, err) : FUS_OK;
    if (code)
        return code;
    if (o->subsample && o->select.criterion == FUS_CRITERION_RANKSUM)
        return fus_base_fail(err, FUS_EINVAL, "--subsample does not go with --criterion ranksum");
    if (o->equal_n && o->select.criterion != FUS_CRITERION_IUT)
        return fus_base_fail(err, FUS_EINVAL,
                             "--equal-n is a median of t tests' p: it goes with --criterion iut, not %s",
                             fus_criteria_name(o->select.criterion));
    if (o->resume && o->force)
        return fus_base_fail(err, FUS_EINVAL,
                             "--resume goes on with what is in DIR, --force begins again: one of them expected");
    if (o->batch > 256)
        return fus_base_fail(err, FUS_EINVAL, "--batch: %d found, at most 256 expected", o->batch);
    if (!o->folder && (o->full_units || o->resume || o->n_shards))
        return fus_base_fail(err, FUS_EINVAL, "full units, --resume and --shard need a folder to write to");
    return FUS_OK;
}
