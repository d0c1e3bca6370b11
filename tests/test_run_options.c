/* SPDX-License-Identifier: MIT */
/* Options as text (analysis/run/run_options.c): written and read back, contradictions refused;
 * rules of papers (rules.c). */
#include "test.h"

#include "analysis/run/rules.h"
#include "analysis/run/run_options.h"

static const struct fus_run_option_text *find(const struct fus_run_option_text *list, int n, const char *name)
{
    for (int i = 0; i < n; i++)
        if (strcmp(list[i].name, name) == 0)
            return &list[i];
    return NULL;
}

static void test_round_trip(void)
{
    struct fus_run_options o = fus_run_options_defaults, back = fus_run_options_defaults;
    struct fus_run_option_text list[FUS_RUN_OPTIONS_TEXTS];
    o.select = (struct fus_select_options){.correction = FUS_BONFERRONI, .alpha = 0.1, .test = FUS_TEST_STUDENT};
    o.halves = FUS_HALVES_OPTION, o.bootstrap = 2000, o.interval = FUS_INTERVAL_BCA, o.seed = UINT64_MAX,
    o.sweep = true;
    o.layers = "a,b=c", o.lang_head = "head", o.direct = true, o.prefixes.items[0] = "x=y", o.prefixes.n = 1;
    int n = fus_run_options_list(list, &o);
    CHECK(!find(list, n, "preset") && strcmp(find(list, n, "alpha")->text, "0.10000000000000001") == 0 &&
          !find(list, n, "alpha")->quoted);
    CHECK(find(list, n, "conv")->quoted && strcmp(find(list, n, "conv")->text, "direct") == 0 &&
          find(list, n, "lang-head")->in_json);
    for (int i = 0; i < n; i++)
        CHECK_MSG(fus_run_options_set(&back, list[i].name, list[i].text), "%s: %s", list[i].name, list[i].text);
    CHECK(back.select.alpha == 0.1 && back.select.test == FUS_TEST_STUDENT &&
          back.select.correction == FUS_BONFERRONI && back.seed == UINT64_MAX && back.sweep);
    CHECK(back.halves == FUS_HALVES_OPTION && back.bootstrap == 2000 && back.interval == FUS_INTERVAL_BCA &&
          back.direct && !back.full_units);
    CHECK(strcmp(back.layers, "a,b=c") == 0 && strcmp(back.lang_head, "head") == 0 && back.prefixes.n == 1);
}

/* What a criterion says itself is not an option: null. */
static void test_null(void)
{
    struct fus_run_options o = fus_run_options_defaults;
    struct fus_run_option_text list[FUS_RUN_OPTIONS_TEXTS];
    o.select.criterion = FUS_CRITERION_TDANN;
    int n = fus_run_options_list(list, &o);
    CHECK(strcmp(find(list, n, "test")->shown, "null") == 0 && !find(list, n, "test")->quoted &&
          fus_run_options_set(&o, "test", "null"));
    o.select.criterion = FUS_CRITERION_PRINCE;
    n = fus_run_options_list(list, &o);
    CHECK(strcmp(find(list, n, "test")->shown, "student") == 0 &&
          strcmp(find(list, n, "correction")->shown, "by") == 0);
    CHECK(strcmp(find(list, n, "test")->text, "balanced") == 0); /* which the sweep goes by */
}

static void test_refused(void)
{
    static const char *const bad[][2] = {
        {"alpha", "x"},   {"alpha", ""},         {"bootstrap", "-1"}, {"bootstrap", "99999999999"},
        {"seed", "1.5"},  {"criterion", "iut2"}, {"halves", "half"},  {"sweep", "yes"},
        {"nothing", "1"}, {"conv", "true"}};
    struct fus_run_options o = fus_run_options_defaults;
    struct fus_error err = {0};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK_MSG(!fus_run_options_set(&o, bad[i][0], bad[i][1]), "%s", bad[i][0]);
    CHECK(fus_run_options_check(&fus_run_options_defaults, NULL) == FUS_OK);
    o = fus_run_options_defaults, o.preset = "prince";
    CHECK(fus_run_options_check(&o, &err) == FUS_EINVAL &&
          strstr(err.msg, "--preset prince is --criterion prince; 'iut' found"));
    o = fus_run_options_defaults, o.select.alpha = NAN;
    CHECK(fus_run_options_check(&o, NULL) == FUS_EINVAL);
    o = fus_run_options_defaults, o.resume = true;
    CHECK(fus_run_options_check(&o, NULL) == FUS_EINVAL); /* without a folder */
    o.folder = "x";
    CHECK(fus_run_options_check(&o, NULL) == FUS_OK);
    o.select.criterion = FUS_CRITERION_RANKSUM, o.bootstrap = 5;
    CHECK(fus_run_options_check(&o, NULL) == FUS_EINVAL);
}

static void test_rules(void)
{
    char text[1200];
    struct fus_run_options o = fus_run_options_defaults;
    fus_rules_describe(text, sizeof text, &o);
    CHECK(!*text);
    o.preset = "tdann", o.select.criterion = FUS_CRITERION_TDANN;
    fus_rules_describe(text, sizeof text, &o);
    CHECK(strstr(text, "t above 10") && strstr(text, "preset tdann, after Margalit et al. 2024"));
    CHECK(fus_rules_find("baek") && !fus_rules_find("nobody") && fus_rules_at(0) && !fus_rules_at(5));
}

int main(void)
{
    test_round_trip();
    test_null();
    test_refused();
    test_rules();
    return test_end();
}
