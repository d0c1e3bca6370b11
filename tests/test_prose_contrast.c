/* SPDX-License-Identifier: MIT */
/* prose_contrast.c, panel_matched.c and groups in figures: what the report says of models by as
 * many units of each, of trainings and of equivalence, and that the page stays well-formed. */
#include <stdlib.h>

#include "invented.h"

static char *page_of(const struct fus_run_summary *run)
{
    struct fus_error err = {0};
    CHECK_MSG(fus_report_write(folder, run, &err) == FUS_OK, "%s", err.msg);
    char *page = load("report.html");
    CHECK(page && !xml_fault(page));
    return page;
}

static void check_has(const struct fus_run_summary *run, const char *has, bool wanted)
{
    char *page = page_of(run);
    CHECK_MSG(page && (strstr(page, has) != NULL) == wanted, "%s: %s", wanted ? "missing" : "found", has);
    free(page);
}

static void set_share(struct fus_run_summary *run, int model, double share)
{
    struct fus_layer_summary *layer = &run->models[model].layers[run->models[model].n_layers - 1];
    layer->categories[0].proportion = share;
    layer->categories[0].n_selective = layer->categories[0].n_csi = (size_t)(share * (double)layer->n_units);
}

static struct fus_matched_row matched_row(size_t k, double low, double high)
{
    struct fus_matched_row row = {.model_a = 0, .model_b = 1, .layer_a = 2, .layer_b = 2, .category = 0, .k = k};
    row.a[0] = (struct fus_interval){0.5, 0.4, 0.6, NAN}, row.b[0] = (struct fus_interval){0.45, 0.4, 0.5, NAN};
    row.difference[0] = (struct fus_interval){0.05, low, high, 0.2};
    row.a[1] = row.b[1] = (struct fus_interval){2, NAN, NAN, NAN};
    row.difference[1] = (struct fus_interval){0, NAN, NAN, NAN};
    return row;
}

int main(void)
{
    struct plan plan = {.n_models = 4,
                        .n_layers = 3,
                        .n_categories = 2,
                        .side = 4,
                        .names = {"one", "two", "u1", "u2"},
                        .sources = {"a.pth", "b.pth", "random:x?seed=1", "random:x?seed=2"}};
    struct fus_run_summary run;
    struct fus_run_method method = {.layers = "all", .halves = "alternate", .interval = "centred", .bootstrap = 9};
    invent(&run, &plan);
    make_folder("contrast");
    run.method = &method;
    set_share(&run, 0, 0.3);
    set_share(&run, 1, 0.1);
    check_has(&run, "As many units of each model (<code>--matched</code>) were not compared. One network", true);
    check_has(&run, "No smallest difference of interest was stated (--sesoi)", true);

    struct fus_matched_row rows[2] = {matched_row(25, -0.1, 0.2), matched_row(40, -0.1, 0.2)};
    run.matched = rows, run.n_matched = 2;
    check_has(
        &run,
        "By as many units of each, the 40 of largest t, chosen in one half of the pictures, the mean CSI in the "
        "other half does not clearly differ between one and two (0.50 against 0.45; 95% interval of the difference",
        true);
    check_has(&run, "As many units of each model (<code>--matched</code>) were not compared", false);
    check_has(&run, "id=\"figm1\"", true);
    rows[1] = matched_row(40, 0.01, 0.2);
    check_has(&run, "the mean CSI in the other half is higher in one than in two", true);
    rows[1] = matched_row(40, NAN, NAN);
    check_has(&run, "of one is compared with that of two (0.50 against 0.45; no interval was computed)", true);
    run.n_matched = 1; /* a single count is drawn as a bar */
    check_has(&run, "id=\"figm1\"", true);

    run.groups = (struct fus_groups){2, {{"trained", 2, {0, 1}}, {"untrained", 2, {2, 3}}}};
    struct fus_group_row group = {0, 1, 2, 0, 0, 0.2, 0.05, 0.1, 0.01, 0.15, 0.05, 0.25, 1.0 / 3, 0.5, 6};
    run.group_rows = &group, run.n_group_rows = 1;
    check_has(
        &run,
        "Over 2 trainings of trained and 2 of untrained the share of face-selective units does not clearly differ",
        true);
    check_has(&run, "with so few trainings no p below 0.33 is possible", true);
    check_has(&run, "trained (2 trainings)", true);
    check_has(&run, "untrained (2 trainings, untrained)", true);
    check_has(&run, "class=\"one\"", true);
    check_has(&run, "were not compared", false);
    group.p = 0.01, group.relabellings = -10000;
    check_has(&run, "no p below", false);

    struct fus_model_difference d = {
        .model_b = 1, .layer_a = 2, .layer_b = 2, .ratio = 3, .equivalence_low = 0.9, .equivalence_high = 1.1};
    d.ratio_low = d.ratio_high = d.proportion_low = d.proportion_high = d.csi_low = d.csi_high = NAN;
    run.differences = &d, run.n_differences = 1, run.sesoi = log(1.25), run.options.alpha = 0.05;
    check_has(&run, "The shares are equivalent for face (0.90 to 1.10), by the 90% interval of their ratio", true);
    d.equivalence_high = 1.3;
    check_has(&run, "The shares are undecided for face (0.90 to 1.30)", true);
    d.equivalence_low = 1.26;
    check_has(&run, "The shares are different by more than that for face", true);
    char command[600];
    snprintf(command, sizeof command, "rm -rf '%s'", folder); /* figures of pairs too */
    CHECK(getenv("FUS_KEEP") || system(command) == 0);
    forget(&run);
    return test_end();
}
