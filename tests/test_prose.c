/* SPDX-License-Identifier: MIT */
/* What the report of invented runs says in words: no word that the numbers do not bear out.
 * FUS_KEEP=folder keeps the pages there, to be looked at. */
#define _POSIX_C_SOURCE 200809L
#include "invented.h"

static void test_words(void)
{
    struct plan plan = {.n_models = 1, .n_layers = 17, .n_categories = 5, .names = {"net"}};
    struct fus_run_summary run;
    invent(&run, &plan);
    for (int l = 0; l < 17; l++)
        for (int c = 0; c < 5; c++) {
            struct fus_category_summary *s = &run.models[0].layers[l].categories[c];
            bool word = c == 3 && l == 5;
            if (c == 0)
                continue;
            s->n_selective = word ? 1 : 0;
            s->proportion = word ? 1e-6 : 0;
        }
    run.options.correction = FUS_BONFERRONI;
    run.options.alpha = 0.001;
    make_folder("words");
    char *page = write_and_check(&run, 2000000);
    if (page) {
        CHECK(strstr(page, "of the units of net</strong> are selective for face, none for any other category."));
        CHECK(strstr(page, "All of them are selective for face."));
        CHECK(strstr(page, "the share peaks in layer") && strstr(page, "left aside") && !strstr(page, "word (0.000"));
        CHECK(strstr(page, "Bonferroni") && strstr(page, "q \xe2\x89\xa4 0.001 and"));
    }
    free(page);
    run.criterion = "d' > 1 <Afraz 2015>";
    page = write_and_check(&run, 2000000);
    CHECK(page && strstr(page, "d&#39; &gt; 1 &lt;Afraz 2015&gt;") && !strstr(page, "Intersection-union") &&
          !strstr(page, "respond significantly"));
    free(page);
    remove_folder();
    forget(&run);
}

/* ---- what is said of a pair of models ---- */

static void set_share(struct fus_run_summary *run, int model, int category, double share, double csi)
{
    struct fus_layer_summary *layer = &run->models[model].layers[run->models[model].n_layers - 1];
    struct fus_category_summary *s = &layer->categories[category];
    s->proportion = share;
    s->n_selective = s->n_csi = (size_t)(share * (double)layer->n_units);
    s->csi_mean = csi;
}

/* The list of findings, tags taken out; the caller's. */
static char *lead_of(const struct fus_run_summary *run)
{
    struct fus_error err = {0};
    CHECK_MSG(fus_report_write(folder, run, &err) == FUS_OK, "%s", err.msg);
    char *page = load("report.html"), *start = page ? strstr(page, "<ul class=\"lead\">") : NULL,
         *end = start ? strstr(start, "</ul>") : NULL;
    CHECK(end != NULL);
    if (!end) {
        free(page);
        return copy("");
    }
    *end = '\0';
    char *lead = copy(start + strlen("<ul class=\"lead\">")), *to = lead;
    bool inside = false;
    for (const char *from = lead; *from; from++) {
        inside |= *from == '<';
        if (!inside)
            *to++ = *from;
        inside &= *from != '>';
    }
    *to = '\0';
    free(page);
    return lead;
}

static void check_lead(const struct fus_run_summary *run, const char *has, const char *has_not)
{
    char *lead = lead_of(run);
    CHECK_MSG(strstr(lead, has), "no '%s' in: %s", has, lead);
    CHECK_MSG(!has_not || !strstr(lead, has_not), "'%s' in: %s", has_not, lead);
    CHECK_MSG(!strstr(lead, "significant"), "%s", lead);
    CHECK_MSG(count(lead, "\n") <= 4, "more than three items: %s", lead);
    free(lead);
}

/* Every way in which two models can stand to each other, with and without intervals: no word that
 * the numbers do not bear out. */
static void test_contrasts(void)
{
    struct plan plan = {.n_models = 2, .n_layers = 3, .n_categories = 2, .side = 4, .names = {"one", "two"}};
    struct fus_run_summary run;
    invent(&run, &plan);
    make_folder("contrasts");
    struct fus_model_difference d[2];
    for (int c = 0; c < 2; c++)
        d[c] = (struct fus_model_difference){0,   1,   2,   2,   c,   NAN, NAN, NAN, NAN,
                                             NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN};
    run.differences = d;
    run.n_differences = 2;
    set_share(&run, 0, 0, 0.06, 0.4);
    set_share(&run, 1, 0, 0.03, 0.5);
    set_share(&run, 0, 1, 0.01, 0.3);
    set_share(&run, 1, 1, 0.05, 0.3);
    check_lead(&run,
               "one has 2.0 times the share of face-selective units of two (6.0% against 3.0%; no interval was "
               "computed), with a mean CSI of 0.40 against 0.50.",
               "% interval");
    /* the clearly different one is told, from the larger's side */
    d[1].ratio = 0.2, d[1].ratio_low = 0.1, d[1].ratio_high = 0.5;
    check_lead(&run,
               "two has 5.0 times the share of body-selective units of one (5.0% against 1.0%; 95% interval of the "
               "ratio 2.00 to 10.00)",
               "face-selective");
    d[1].csi_low = -0.2, d[1].csi_high = 0.1;
    check_lead(
        &run,
        "with a mean CSI that does not clearly differ (0.30 against 0.30; 95% interval of the difference \xe2\x88\x92"
        "0.10 to 0.20)",
        "higher");
    d[1].csi_low = 0.1, d[1].csi_high = 0.2; /* of one less two: two's is lower */
    check_lead(&run,
               "with a lower mean CSI (0.30 against 0.30; 95% interval of the difference \xe2\x88\x92"
               "0.20 to \xe2\x88\x92"
               "0.10)",
               "higher");
    d[1].ratio_high = 1.5; /* now it includes 1 */
    d[1].csi_low = -0.1;
    check_lead(&run,
               "No category that both one and two have units for clearly differs in its share: every 95% interval "
               "includes no difference.",
               "times the share");
    d[0].csi_low = -0.2, d[0].csi_high = -0.05;
    check_lead(&run, "But the face-selective units of one have a lower mean CSI than those of two (0.40 against 0.50;",
               "times the share");
    d[0].proportion_low = 0.01, d[0].proportion_high = 0.05; /* no interval of the ratio, as a resample had none */
    check_lead(&run, "(6.0% against 3.0%; 95% interval of the difference 1.00 to 5.00 percentage points), with a lower",
               "of the ratio");
    run.options.alpha = 0.1;
    check_lead(&run, "90% interval of the difference", "95%");
    run.n_differences = 0;
    set_share(&run, 1, 0, 0.059, NAN);
    check_lead(
        &run,
        "one and two have about the same share of face-selective units (6.0% and 5.9%; no interval was computed).",
        "CSI");
    set_share(&run, 1, 0, 0.06, NAN);
    check_lead(&run, "one and two have the same share of face-selective units", "about");
    set_share(&run, 1, 0, 0, NAN); /* a ratio to nothing is none */
    set_share(&run, 1, 1, 0, NAN);
    check_lead(&run, "no unit of two is selective for any category.", "share of");
    set_share(&run, 0, 0, 0, NAN);
    set_share(&run, 0, 1, 0, NAN);
    check_lead(&run, "no unit of one is selective for any category; no unit of two is selective for any category.",
               "share");
    remove_folder();
    forget(&run);
}

/* Three models: shares without the scrambled category; each model has a colour. */
static void test_many(void)
{
    struct plan plan = {.n_models = 3, .n_layers = 2, .n_categories = 5, .side = 4, .names = {"one", "two", "three"}};
    struct fus_run_summary run;
    invent(&run, &plan);
    make_folder("many");
    for (int m = 0; m < 3; m++)
        for (int c = 0; c < 5; c++) {
            struct fus_layer_summary *last = &run.models[m].layers[run.models[m].n_layers - 1];
            last->categories[c].n_selective = (size_t)(c == 4 ? 8 : m);
            last->n_units = 16;
        }
    check_lead(&run,
               "In the last block layer, 0% (one), 25.0% (two) and 50.0% (three) of the units are selective for "
               "face, body, place or word.",
               "scrambled");
    char *page = load("report.html");
    CHECK(page && strstr(page, ".model2{color:#") && strstr(page, "class=\"model2\"") && !strstr(page, ".k0m1{"));
    free(page);
    remove_folder();
    forget(&run);
}

/* Few pictures: what a unit needs; 0.7 and 0.9 are SciPy's t.ppf(.95, 2 n - 2) * (2 / n) ** .5. */
static void test_few_pictures(void)
{
    struct plan plan = {.n_models = 2, .n_layers = 3, .n_categories = 2, .side = 4, .names = {"one", "two"}};
    struct fus_run_summary run;
    struct fus_run_method method = {.near_duplicates = -1};
    invent(&run, &plan);
    make_folder("few");
    check_lead(&run, "A larger share of selective units does not say why", " few:");
    run.n_pictures[1] = 12;
    check_lead(&run,
               "12 pictures of a category are few: to be found, a unit must differ between two such categories by "
               "about 0.7 standard deviations",
               "does not say why");
    run.n_pictures[0] = 8;
    check_lead(&run,
               "8 pictures of a category are few: to be found, a unit must differ between two such categories by "
               "about 0.9 standard deviations",
               "(figure p1)");
    run.criterion = "Another rule.";
    check_lead(&run, "8 pictures of a category are few: Weaker units are missed", "standard deviations");
    method.subsample = "4,6";
    run.method = &method;
    check_lead(&run, "equal numbers (figure p1).", "--subsample");
    remove_folder();
    forget(&run);
}

/* One model: how selective, and what is found again. */
static void test_alone(void)
{
    struct plan plan = {.n_models = 1, .n_layers = 3, .n_categories = 3, .side = 4, .names = {"one"}};
    struct fus_run_summary run;
    invent(&run, &plan);
    make_folder("one");
    set_share(&run, 0, 0, 0.1, 0.4);
    set_share(&run, 0, 1, 0.1, 0.6);
    set_share(&run, 0, 2, 0.1, 0.5);
    check_lead(&run, "The units for body are the most selective, by a mean CSI of 0.60.", "found again");
    struct fus_category_summary *s = run.models[0].layers[2].categories;
    s[1].csi_cv = 0.55, s[0].survival = 0.25, s[1].survival = 0.75;
    check_lead(&run, "0.60 (0.55 if chosen in one half", "one has");
    check_lead(&run, "25.0% to 75.0% of a category\xe2\x80\x99s units are found again", "one has");
    remove_folder();
    forget(&run);
}

int main(void)
{
    test_words();
    test_contrasts();
    test_many();
    test_few_pictures();
    test_alone();
    return test_end();
}
