/* SPDX-License-Identifier: MIT */
/* The report of invented runs: well-formed, complete, escaped, the same twice. What it says in
 * words is test_prose.c's. FUS_KEEP=folder keeps the pages there, to be looked at. */
#define _POSIX_C_SOURCE 200809L
#include "invented.h"

#include <signal.h>
#include <sys/resource.h>

#include "analysis/report/thumbs.h"

static void test_checker(void)
{
    CHECK(!xml_fault("<a b=\"1\"><c/>x &amp; y</a>\n"));
    CHECK(xml_fault("<a><b></a></b>"));
    CHECK(xml_fault("<a b=1/>"));
    CHECK(xml_fault("<a>x & y</a>"));
    CHECK(xml_fault("<a/><b/>x"));
    CHECK(xml_fault("<a>"));
}

/* ---- the tests ---- */

static void test_two_models(void)
{
    struct plan plan = {.n_models = 2, .n_layers = 17, .n_categories = 5, .names = {"resnet50", "clip-rn50"}};
    struct fus_run_summary run;
    invent(&run, &plan);
    make_folder("two");
    char *page = write_and_check(&run, 2000000), *again;
    if (page) {
        CHECK(strstr(page, "<title>Category-selective units in resnet50 and clip-rn50</title>"));
        CHECK(strstr(page, "100,352 units of the last block layer (layer4.2.relu)"));
        CHECK(strstr(page, "The largest share is selective for "));
        CHECK(strstr(page, "Compared with clip-rn50, resnet50 has"));
        CHECK(!strstr(page, "untrained: random"));
        CHECK(strstr(page, "Benjamini and Hochberg"));
        CHECK(count(page, "0676ba61b6795bbe1773cffd859882e5e297624d384b6993f7c9e683e722fb8a") == 2);
    }
    struct fus_csi_comparison *rows = NULL;
    size_t n_rows = 0, n_stars = 0;
    CHECK(fus_compare_csi(&rows, &n_rows, &run, NULL) == FUS_OK);
    for (size_t i = 0; i < n_rows; i++)
        n_stars += rows[i].p < 0.05;
    fus_base_free(rows);
    CHECK_MSG(count(page, ">*</text>") == n_stars, "%zu asterisks, %zu significant", count(page, ">*</text>"), n_stars);
    CHECK(fus_report_write(folder, &run, NULL) == FUS_OK);
    again = load("report.html");
    CHECK(page && again && strcmp(page, again) == 0);
    free(page);
    free(again);
    remove_folder();
    forget(&run);
}

static void test_hostile_names(void)
{
    struct plan plan = {.n_models = 2,
                        .n_layers = 17,
                        .n_categories = 5,
                        .names = {"<script>alert(1)</script>\"'&",
                                  "\xff\xfe\001 a very long name that goes on and on and on and on and on</svg>]]>"},
                        .sources = {"x\"><img onerror=y>", NULL}};
    struct fus_run_summary run;
    invent(&run, &plan);
    free(run.categories[1]);
    run.categories[1] = copy("<b>&amp;</b>--></style>");
    snprintf(run.models[0].layers[3].name, sizeof run.models[0].layers[3].name, "<l>\"'&");
    snprintf(run.models[1].layers[3].name, sizeof run.models[1].layers[3].name, "<l>\"'&");
    make_folder("hostile");
    char *page = write_and_check(&run, 2000000);
    CHECK(page && strstr(page, "&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;"));
    CHECK(page && !strstr(page, "<img"));
    free(page);
    remove_folder();
    forget(&run);
}

static void test_shapes(void)
{
    static const struct plan plans[] = {
        {.n_models = 1, .n_layers = 1, .n_categories = 2, .side = 1, .names = {"tiny"}},
        {.n_models = 1, .n_layers = 17, .n_categories = 5, .names = {"alone"}, .sources = {"random:resnet50?seed=1"}},
        {.n_models = 2,
         .n_layers = 10,
         .n_categories = 5,
         .side = 8,
         .names = {"resnet20", "resnet56"},
         .layers_of = {10, 28}},
        {.n_models = 3, .n_layers = 55, .n_categories = 20, .side = 40, .names = {"deep a", "deep b", "deep c"}},
        {.n_models = 8, .n_layers = 17, .n_categories = 5, .names = {"a", "b", "c", "d", "e", "f", "g", "h"}},
        {.n_models = 2, .n_layers = 17, .n_categories = 5, .empty = true, .names = {"silent", "mute"}},
        {.n_models = 3,
         .n_layers = 17,
         .n_categories = 5,
         .names = {"resnet50", "clip-rn50", "untrained"},
         .sources = {0, 0, "random:resnet50?seed=1"}},
    };
    static const char *const folders[] = {"tiny", "alone", "depths", "deep", "eight", "empty", "three"};
    for (size_t i = 0; i < sizeof plans / sizeof *plans; i++) {
        struct fus_run_summary run;
        invent(&run, &plans[i]);
        make_folder(folders[i]);
        char *page = write_and_check(&run, plans[i].n_categories > 5 ? 8000000 : 2000000);
        if (page) {
            CHECK(!plans[i].empty || (strstr(page, "none of the 100,352 units") && !strstr(page, "largest share")));
            CHECK((strstr(page, "is an untrained control") != NULL) ==
                  (plans[i].sources[plans[i].n_models - 1] != NULL));
            CHECK((strstr(page, "relative depth in the network") != NULL) == (plans[i].layers_of[0] != 0));
            CHECK((strstr(page, " times the share of ") != NULL) == (plans[i].n_models > 1 && !plans[i].empty));
            CHECK(plans[i].n_models == 1 || plans[i].empty || strstr(page, "no interval was computed"));
            CHECK((strstr(page, "which lie at other depths") != NULL) == (plans[i].layers_of[0] != 0));
            CHECK(plans[i].layers_of[0] == 0 || count(page, ">*</text>") <= 5); /* only the stems correspond */
            CHECK((strstr(page, "compare.csv") != NULL) == (plans[i].n_models > 1));
        }
        free(page);
        remove_folder();
        forget(&run);
    }
}

/* What is said when one category alone has selective units, and of a category
 * that hardly has any. */
/* ---- Figs 1B, 2A and 5 ---- */

/* One grey point. */
static const uint8_t tiny_png[] = {0x89, 'P',  'N',  'G',  '\r', '\n', 0x1a, '\n', 0,    0,    0,    13,   'I',  'H',
                                   'D',  'R',  0,    0,    0,    1,    0,    0,    0,    1,    8,    0,    0,    0,
                                   0,    0x3a, 0x7e, 0x9b, 0x55, 0,    0,    0,    10,   'I',  'D',  'A',  'T',  0x78,
                                   0x9c, 0x63, 0x68, 0,    0,    0,    0x82, 0,    0x81, 0x77, 0xcd, 0x72, 0xb6, 0,
                                   0,    0,    0,    'I',  'E',  'N',  'D',  0xae, 0x42, 0x60, 0x82};

#define N_PICTURES 1152

/* It says that it has the size of the run's sheet. */
static void invent_sheet(uint8_t sheet[sizeof tiny_png], const struct fus_run_summary *run)
{
    struct fus_thumbs plan;
    CHECK(fus_thumbs_plan(&plan, run->n_pictures, run->n_categories, NULL) == FUS_OK);
    memcpy(sheet, tiny_png, sizeof tiny_png);
    sheet[18] = (uint8_t)(plan.width >> 8), sheet[19] = (uint8_t)plan.width;
    sheet[22] = (uint8_t)(plan.height >> 8), sheet[23] = (uint8_t)plan.height;
    fus_thumbs_free(&plan);
}

static struct fus_response_profile invent_profile(const struct fus_run_summary *run, int *category, double *response)
{
    struct fus_response_profile p = {.n_pictures = N_PICTURES, .category = category, .response = response};
    strcpy(p.layer, "layer4.2.relu");
    for (int i = 0; i < N_PICTURES; i++)
        category[i] = i % run->n_categories;
    for (int c = 0; c < run->n_categories; c++)
        for (int i = 0; i < N_PICTURES; i++) {
            double noise = (uniform() + uniform() + uniform() - 1.5) * 0.3;
            double r = (category[i] == c ? 1.4 : 0.35 + 0.05 * category[i]) * exp(noise);
            response[c * N_PICTURES + i] = c == 3 ? (double)NAN : r;
        }
    return p;
}

static void test_single_pictures(void)
{
    struct plan plan = {.n_models = 3,
                        .n_layers = 17,
                        .n_categories = 5,
                        .names = {"resnet50", "lang-learned", "untrained"},
                        .sources = {0, 0, "random:resnet50?seed=1"}};
    struct fus_run_summary run;
    struct fus_error err = {0};
    invent(&run, &plan);
    int *category = calloc(N_PICTURES, sizeof *category);
    double *response = calloc(N_PICTURES * 5, sizeof *response);
    struct fus_response_profile profiles[3];
    for (int m = 0; m < 3; m++)
        profiles[m] = invent_profile(&run, category, response);
    profiles[2].n_pictures = 0;
    run.profiles = profiles;
    uint8_t sheet[sizeof tiny_png];
    invent_sheet(sheet, &run);
    run.sheet_png = sheet;
    run.sheet_bytes = sizeof tiny_png;
    make_folder("everything");
    char *page = write_and_check(&run, 2000000), *dots = load("figures/fig2a.svg"), *pair = load("figures/fig5b-3.svg");
    check_text("figures/fig2a.svg", dots);
    check_text("figures/fig5b-3.svg", pair);
    CHECK(page && strstr(page, "<figure id=\"fig1b\">") && strstr(page, "base64,iVBORw0KGgo"));
    CHECK(page && strstr(page, "<figure id=\"fig2a\">") && strstr(page, "<figure id=\"fig5c-3\">"));
    CHECK_MSG(count(dots, "h0\"") + count(dots, "h0M") == 2 * 4 * (2 * 116 + 3 * 115), "%zu dots", count(dots, "h0"));
    CHECK(dots && strstr(dots, "resnet50: layer4.2.relu") && !strstr(dots, "untrained: "));
    free(page);
    free(dots);
    free(pair);
    strcpy(profiles[1].layer, "layer9");
    CHECK(fus_report_write(folder, &run, &err) == FUS_EINVAL && strstr(err.msg, "layer9"));
    strcpy(profiles[1].layer, "layer4.2.relu");
    category[7] = 5;
    CHECK(fus_report_write(folder, &run, &err) == FUS_EINVAL && strstr(err.msg, "picture 7"));
    category[7] = 0;
    run.sheet_bytes = 20;
    CHECK(fus_report_write(folder, &run, &err) == FUS_EINVAL && strstr(err.msg, "PNG"));
    run.sheet_bytes = sizeof sheet;
    sheet[19]++;
    CHECK(fus_report_write(folder, &run, &err) == FUS_EINVAL && strstr(err.msg, "800 x 600 expected"));
    remove_folder();
    free(category);
    free(response);
    forget(&run);
}

/* ---- thumbnails ---- */

static void test_thumbs(void)
{
    static const int few[3] = {3, 21, 40}, many[2] = {1000, 2};
    struct fus_thumbs t;
    CHECK(fus_thumbs_plan(&t, few, 3, NULL) == FUS_OK && t.n == 64 && t.width == 800 && t.height == 5 * 40);
    for (int i = 0; i < t.n; i++) {
        CHECK(t.items[i].picture == i && fus_thumbs_find(&t, i) == &t.items[i]);
        CHECK(t.items[i].y / 40 == (i < 3 ? 0 : i < 24 ? 1 + (i - 3) / 20 : 3 + (i - 24) / 20));
    }
    CHECK(t.items[23].x == 0 && t.items[63].x == 760 && !fus_thumbs_find(&t, 64) && !fus_thumbs_find(&t, -1));
    fus_thumbs_free(&t);
    CHECK(fus_thumbs_plan(&t, many, 2, NULL) == FUS_OK && t.n == 122);
    CHECK(t.items[60].picture == 500 && t.items[120].picture == 1000 && t.items[121].picture == 1001 &&
          !fus_thumbs_find(&t, 5));
    fus_thumbs_free(&t);
}

/* ---- halves, chance, consistency, single units ---- */

/* A run of two models with everything that options add. */
struct extras {
    struct fus_run_summary run;
    struct fus_permute_category permuted[3];
    struct fus_run_method method;
    double consistency[64];
    struct fus_top_unit top[2];
    char *names[720];
};

static void invent_layers(struct extras *x)
{
    for (int m = 0; m < 2; m++)
        for (int l = 0; l < 4; l++) {
            struct fus_layer_summary *layer = &x->run.models[m].layers[l];
            layer->permuted = x->permuted;
            for (int c = 0; c < 3; c++) {
                struct fus_category_summary *s = &layer->categories[c];
                s->csi_cv = c == 2 ? (double)NAN : 0.25, s->dprime_cv = 0.75, s->survival = 0.5;
                s->split_half_r = 0.625, s->dice = 0.375;
                s->variation_low = s->variation_cv - 0.1, s->variation_high = s->variation_cv + 0.2;
            }
        }
}

static void add_extras(struct extras *x)
{
    static const struct fus_permute_category permuted[3] = {
        {0.16, 0.2, 0.01, 0.02, 0.001, 5.5, 7}, {0.07, 0.2, 0.01, 0.2, 0.4, INFINITY, 0}, {0, NAN, 0, 0, 1, NAN, 0}};
    static const struct fus_top_unit top = {.layer = 3,
                                            .category = 1,
                                            .channel = 17,
                                            .y = 1,
                                            .x = 2,
                                            .t = 9.25,
                                            .csi = 0.5,
                                            .dprime = NAN,
                                            .n_pictures = 2,
                                            .most = {300, 0},
                                            .least = {5, 575}};
    memcpy(x->permuted, permuted, sizeof permuted);
    x->method = (struct fus_run_method){.layers = "all",
                                        .conv = "auto",
                                        .halves = "option",
                                        .interval = "centred",
                                        .seed = "1",
                                        .bootstrap = 50,
                                        .permutations = 1000};
    for (int i = 0; i < 64; i++)
        x->consistency[i] = i % 9 == 0 ? 1 : i == 5 ? NAN : (i % 7) / 3.5 - 1;
    x->top[0] = top;
    x->top[1] = (struct fus_top_unit){.model = 1};
    for (int i = 0; i < 720; i++)
        x->names[i] = i == 300 ? "body/<one>.jpg" : "face/other.jpg";
    invent_layers(x);
    x->run.consistency[0] = x->consistency;
    x->run.method = &x->method;
    x->run.top = x->top;
    x->run.n_top = 2;
    x->run.pictures = x->names;
}

static void check_has(const char *page, const char *const *has, size_t n)
{
    for (size_t i = 0; i < n; i++)
        CHECK_MSG(page && strstr(page, has[i]), "no '%s'", has[i]);
}

static void check_extras(const char *page)
{
    static const char *const has[] = {
        "<figure id=\"fig2b-crossed\">",
        "<figure id=\"figv1\">",
        "permutations.csv",
        "17 (1, 2)",
        "body/&lt;one&gt;.jpg",
        "1,000 relabellings of the pictures",
        "50 resamples of the pictures",
        "Seed of the random numbers: 1",
        "measured in the other is 0.250 for face",
        " of relabellings of the pictures stay below",
        "95% intervals of a bootstrap",
        "larger than relabelled pictures give for face (p = .001), but not for body (p = .400)",
        "consistency.csv",
        "adult and child",
        "less their mean",
        "Intervals come from 50 bootstrap resamples",
        "@book{efron1993,",
        "@article{phipson2010,"};
    check_has(page, has, sizeof has / sizeof *has);
}

static void test_without_extras(void)
{
    struct plan plan = {.n_models = 2, .n_layers = 4, .n_categories = 3, .side = 4, .names = {"one", "two"}};
    struct fus_run_summary run;
    invent(&run, &plan);
    make_folder("plain");
    char *page = write_and_check(&run, 2000000);
    CHECK(page && !strstr(page, "fig2b-crossed") && !strstr(page, "figv1") && !strstr(page, "permutations.csv") &&
          !strstr(page, "single-units") && !strstr(page, "@book"));
    CHECK(page && strstr(page, "No error bars: intervals need --bootstrap."));
    free(page);
    remove_folder();
    forget(&run);
}

static void test_extras(void)
{
    static struct extras x;
    struct plan plan = {.n_models = 2, .n_layers = 4, .n_categories = 3, .side = 4, .names = {"one", "two"}};
    struct fus_error err = {0};
    invent(&x.run, &plan);
    make_folder("extras");
    add_extras(&x);
    char *page = write_and_check(&x.run, 2000000), *matrix = load("figures/figv1.svg");
    check_extras(page);
    check_text("figures/figv1.svg", matrix);
    CHECK(count(matrix, "one \xc3\x97 two") == 1 && count(matrix, "by categories") == 3 &&
          !strstr(matrix ? matrix : "", "by pictures"));
    free(matrix);
    free(page);
    x.top[0].most[1] = 720;
    CHECK(fus_report_write(folder, &x.run, &err) == FUS_EINVAL && strstr(err.msg, "top unit 0"));
    remove_folder();
    forget(&x.run);
}

/* ---- panels that would be empty, values beyond the scale, maps of every layer ---- */

static void silence(struct fus_category_summary *s, size_t n_units, size_t n)
{
    s->n_selective = s->n_csi = n;
    s->proportion = (double)n / (double)n_units;
    s->csi_mean = n ? s->csi_mean : (double)NAN;
    s->variation_cv = n ? s->variation_cv : (double)NAN;
    s->morisita = n > 1 ? 1 : (double)NAN;
}

static void test_folds(void)
{
    struct plan plan = {.n_models = 2, .n_layers = 4, .n_categories = 3, .side = 4, .names = {"one", "two"}};
    struct fus_run_summary run;
    invent(&run, &plan);
    make_folder("folds");
    for (int l = 0; l < 4; l++)
        for (int m = 0; m < 2; m++) {
            struct fus_layer_summary *layer = &run.models[m].layers[l];
            for (int c = 0; c < 3; c++)
                layer->categories[c].morisita = 1.5;
            silence(&layer->categories[2], layer->n_units, 0);
        }
    silence(&run.models[1].layers[3].categories[0], run.models[1].layers[3].n_units, 0);
    char *page = write_and_check(&run, 2000000), *maps = load("figures/fig4a.svg"), *shares = load("figures/fig3b.svg");
    static const char *const has[] = {
        "<p class=\"note\">Not drawn, since no unit of any layer is selective: place.</p>",
        "<p class=\"note\">Not drawn, since no unit of the last block layer is selective there: one, place; two, face "
        "and place.</p>",
        "no layer has two selective units: place."};
    check_has(page, has, sizeof has / sizeof *has);
    CHECK(maps && strstr(maps, ">Not drawn, since ") && count(maps, "<g class=\"hm\"") == 3 + 1);
    CHECK(shares && count(shares, "selective units (% of layer)") == 2);
    free(page);
    free(maps);
    free(shares);
    remove_folder();
    forget(&run);
}

/* A layer of few units does not stretch the scale of figure 4C. */
static void test_beyond(void)
{
    struct plan plan = {.n_models = 1, .n_layers = 4, .n_categories = 2, .side = 4, .names = {"one"}};
    struct fus_run_summary run;
    invent(&run, &plan);
    make_folder("beyond");
    struct fus_category_summary *s = &run.models[0].layers[0].categories[0];
    silence(s, run.models[0].layers[0].n_units, 3);
    s->variation_cv = 90;
    char *page = write_and_check(&run, 2000000), *figure = load("figures/fig4c.svg");
    CHECK(page && strstr(page, "Open triangles at the edge") && strstr(page, "one, relu: 90.000"));
    CHECK(figure && !strstr(figure, ">80</text>") && count(figure, "l3.5,-7 3.5,7z") == 1);
    free(figure);
    free(page);
    s->n_selective = 2000;
    page = write_and_check(&run, 2000000), figure = load("figures/fig4c.svg");
    CHECK(page && !strstr(page, "Open triangles") && figure && strstr(figure, ">80</text>"));
    free(figure);
    free(page);
    remove_folder();
    forget(&run);
}

static void test_layer_maps(void)
{
    struct plan plan = {.n_models = 2, .n_layers = 5, .n_categories = 2, .side = 20, .names = {"one", "two"}};
    struct fus_run_summary run;
    invent(&run, &plan);
    make_folder("layer-maps");
    free(run.models[0].layers[1].categories[0].map);
    free(run.models[0].layers[1].categories[1].map);
    run.models[0].layers[1].categories[0].map = run.models[0].layers[1].categories[1].map = NULL;
    silence(&run.models[1].layers[2].categories[1], 100, 0);
    char *page = write_and_check(&run, 2000000);
    CHECK(page && strstr(page, "<details id=\"every-layer\">") && count(page, "<table class=\"small\">") == 4);
    CHECK_MSG(count(page, "<g class=\"hs\"") == 4 * 4 - 1, "%zu small maps", count(page, "<g class=\"hs\""));
    CHECK(page && count(page, "<span>none</span>") == 1 && strstr(page, "viewBox=\"0 0 16 16\""));
    free(page);
    remove_folder();
    forget(&run);
}

/* ---- what the script needs ---- */

static void test_script(void)
{
    struct plan plan = {.n_models = 1, .n_layers = 4, .n_categories = 3, .side = 4, .names = {"a & b"}};
    struct fus_run_summary run;
    invent(&run, &plan);
    make_folder("script");
    char *page = write_and_check(&run, 2000000);
    CHECK(!strpbrk(fus_frame_script, "<&"));
    CHECK(page && strstr(page, "data-copy=\"Copy the text\"") && strstr(page, "data-copy=\"Copy the BibTeX\""));
    CHECK(page && strstr(page, "1 network (a &amp; b: ResNet-50") && strstr(page, "@article{benjamini1995,"));
    CHECK(page && strstr(page, "<title>a &amp; b, face: ") && strstr(page, "<div class=\"slide\">"));
    free(page);
    remove_folder();
    forget(&run);
}

static void test_failures(void)
{
    struct plan plan = {.n_models = 2, .n_layers = 4, .n_categories = 3, .side = 4, .names = {"a", "b"}};
    struct fus_run_summary run;
    struct fus_error err = {0};
    invent(&run, &plan);
    CHECK(fus_report_write("/dev/null/run", &run, &err) == FUS_EIO);
    CHECK_MSG(strstr(err.msg, "/dev/null"), "%s", err.msg);
    run.models[1].n_layers = 0;
    CHECK(fus_report_write("/tmp", &run, &err) == FUS_EINVAL);
    run.models[1].n_layers = 4;
    make_folder("failing");
    int code = FUS_ENOMEM;
    long n = 1;
    for (; code != FUS_OK && n < 2000; n++) {
        memset(&err, 0, sizeof err);
        fus_base_fail_allocation(n);
        code = fus_report_write(folder, &run, &err);
        fus_base_fail_allocation(0);
        CHECK_MSG(code == FUS_OK || (code == FUS_ENOMEM && err.msg[0]), "allocation %ld: code %d, %s", n, code,
                  err.msg);
    }
    CHECK_MSG(code == FUS_OK && n > 10, "%ld allocations", n);
    remove_folder();
    forget(&run);
}

/* A disk that is full after 4096 bytes: one clear error, and nothing half-written
 * under a final name. */
static void test_full_disk(void)
{
    struct plan plan = {.n_models = 2, .n_layers = 4, .n_categories = 3, .side = 4, .names = {"a", "b"}};
    struct fus_run_summary run;
    struct fus_error err = {0};
    struct rlimit old, small = {4096, RLIM_INFINITY};
    invent(&run, &plan);
    make_folder("full");
    signal(SIGXFSZ, SIG_IGN);
    if (getrlimit(RLIMIT_FSIZE, &old) != 0 || (small.rlim_max = old.rlim_max, setrlimit(RLIMIT_FSIZE, &small)) != 0) {
        SKIP("file sizes cannot be limited here");
    } else {
        int code = fus_report_write(folder, &run, &err);
        setrlimit(RLIMIT_FSIZE, &old);
        CHECK_MSG(code == FUS_EIO && strstr(err.msg, ".svg: cannot be written: "), "code %d: %s", code, err.msg);
        CHECK(!load("report.html") && !load("figures/fig2b.svg"));
    }
    remove_folder();
    CHECK(getenv("FUS_KEEP") || access(folder, F_OK) != 0); /* no temporary file was left */
    forget(&run);
}

int main(void)
{
    test_checker();
    test_two_models();
    test_hostile_names();
    test_shapes();
    test_single_pictures();
    test_thumbs();
    test_without_extras();
    test_extras();
    test_folds();
    test_beyond();
    test_layer_maps();
    test_script();
    test_failures();
    test_full_disk();
    return test_end();
}
