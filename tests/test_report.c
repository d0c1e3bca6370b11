/* The report of invented runs: well-formed, complete, escaped, the same twice, and careful with what it says.
 * FUS_KEEP=folder keeps the pages there, to be looked at. */
#define _POSIX_C_SOURCE 200809L
#include "test.h"

#include <ctype.h>
#include <stdint.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "analysis/inference.h"
#include "analysis/report.h"
#include "analysis/thumbs.h"
#include "nn/outfile.h"

/* ---- invented runs ---- */

static uint64_t seed;

static double uniform(void)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (double)(seed >> 11) / 9007199254740992.0;
}

static char *copy(const char *text)
{
    char *s = malloc(strlen(text) + 1);
    return s ? strcpy(s, text) : NULL;
}

struct plan {
    int n_models, n_layers, n_categories, side;
    bool empty;        /* nothing is selective anywhere */
    const char *names[8];
    const char *sources[8];
    int layers_of[8];  /* 0: n_layers */
};

static void invent_category(struct fus_category_summary *s, const struct plan *plan, size_t n_units, int side, int model, int category, double depth)
{
    static const double level[5] = {0.16, 0.07, 0.13, 0.035, 0.05};
    double peak = 0.6 + 0.08 * (category % 5), bump = 1 / (1 + 14 * (depth - peak) * (depth - peak));
    double gain = level[category % 5] * (model == 0 ? 1.15 : model == 1 ? 1.0 : 0.3);
    double p = plan->empty || (category == 3 && depth < 0.3) ? 0 : gain * bump * (0.85 + 0.3 * uniform());
    s->n_selective = (size_t)(p * (double)n_units);
    s->proportion = (double)s->n_selective / (double)n_units;
    s->ci_low = s->ci_high = s->csi_low = s->csi_high = s->variation_low = s->variation_high = NAN;
    s->csi_cv = s->dprime_cv = s->survival = s->split_half_r = s->dice = NAN;
    s->n_csi = s->n_selective;
    s->csi_mean = s->n_csi > 0 ? 0.18 + 0.4 * depth * depth + 0.03 * category - 0.04 * model * depth + 0.02 * uniform() : NAN;
    s->csi_sd = s->n_csi > 1 ? 0.15 : NAN;
    s->csi_sem = s->n_csi > 1 ? 0.15 / sqrt((double)s->n_csi) : NAN;
    s->dprime_mean = s->n_csi > 0 ? 1.2 + depth : NAN;
    double sum = 0, squares = 0;
    int n = side * side;
    for (int i = 0; i < n; i++) {
        double y = i / side - side / 2.0 + 0.5, x = i % side - side / 2.0 + 0.5, far = (x * x + y * y) / (0.18 * n);
        double v = p * (category == 2 ? 0.55 + 0.35 * far : 1.5 / (0.7 + far)) * (0.8 + 0.4 * uniform());
        s->map[i] = (float)v;
        sum += v;
        squares += v * v;
    }
    double mean = sum / n;
    s->variation_sd = sqrt(fmax(0, squares / n - mean * mean));
    s->variation_cv = mean > 0 ? s->variation_sd / mean : NAN;
    s->gini = mean > 0 ? 0.3 : NAN;
    s->entropy = mean > 0 ? 0.9 : NAN;
}

static void invent_layer(struct fus_layer_summary *layer, const struct plan *plan, int model, int l, int n)
{
    static const int blocks[4] = {3, 4, 6, 3};
    int stage = 0, block = l - 1;
    if (plan->side == 0 && n == 17)
        while (stage < 3 && block >= blocks[stage])
            block -= blocks[stage++];
    else if (n > 1 && l > 0) {
        int per_stage = (n - 1 + 2) / 3;
        stage = (l - 1) / per_stage;
        block = (l - 1) % per_stage;
    }
    int side = plan->side ? plan->side : 7 << (3 - stage);
    layer->channels = 256 << stage;
    layer->height = layer->width = side;
    snprintf(layer->name, sizeof layer->name, l == 0 ? "relu" : "layer%d.%d.relu", stage + 1, block);
    layer->n_units = (size_t)layer->channels * (size_t)side * (size_t)side;
    layer->n_dead = layer->n_units / 97;
    layer->n_categories = plan->n_categories;
    layer->categories = calloc((size_t)plan->n_categories, sizeof *layer->categories);
    for (int c = 0; c < plan->n_categories; c++) {
        layer->categories[c].map = calloc((size_t)side * (size_t)side, sizeof(float));
        invent_category(&layer->categories[c], plan, layer->n_units, side, model, c, n > 1 ? (double)l / (n - 1) : 1);
    }
}

static void invent(struct fus_run_summary *run, const struct plan *plan)
{
    static const char *const categories[5] = {"face", "body", "place", "word", "scrambled"};
    memset(run, 0, sizeof *run);
    seed = 7;
    run->version = "0.1.0";
    run->stimuli = copy("fLoc localizer, grey pictures 1024 \xc3\x97 1024");
    run->n_categories = plan->n_categories;
    run->categories = calloc((size_t)plan->n_categories, sizeof *run->categories);
    run->n_pictures = calloc((size_t)plan->n_categories, sizeof *run->n_pictures);
    for (int c = 0; c < plan->n_categories; c++) {
        char name[32];
        snprintf(name, sizeof name, "thing %d", c);
        run->categories[c] = copy(c < 5 ? categories[c] : name);
        run->n_pictures[c] = c % 2 ? 144 : 288;
    }
    run->options.alpha = 0.05;
    run->n_models = plan->n_models;
    run->models = calloc((size_t)plan->n_models, sizeof *run->models);
    for (int m = 0; m < plan->n_models; m++) {
        struct fus_model_summary *model = &run->models[m];
        model->name = copy(plan->names[m] ? plan->names[m] : "model");
        model->source = copy(plan->sources[m] ? plan->sources[m] : "weights/resnet50-0676ba61.pth");
        model->architecture = copy("ResNet-50, 224x224, 1000 classes");
        model->preprocess = copy("torchvision");
        strcpy(model->sha256, "0676ba61b6795bbe1773cffd859882e5e297624d384b6993f7c9e683e722fb8a");
        model->n_layers = plan->layers_of[m] ? plan->layers_of[m] : plan->n_layers;
        model->layers = calloc((size_t)model->n_layers, sizeof *model->layers);
        for (int l = 0; l < model->n_layers; l++)
            invent_layer(&model->layers[l], plan, m, l, model->n_layers);
    }
}

static void forget(struct fus_run_summary *run)
{
    for (int m = 0; m < run->n_models; m++) {
        struct fus_model_summary *model = &run->models[m];
        for (int l = 0; l < model->n_layers; l++) {
            for (int c = 0; c < run->n_categories; c++)
                free(model->layers[l].categories[c].map);
            free(model->layers[l].categories);
        }
        free(model->layers);
        free(model->name);
        free(model->source);
        free(model->architecture);
        free(model->preprocess);
    }
    for (int c = 0; c < run->n_categories; c++)
        free(run->categories[c]);
    free(run->categories);
    free(run->n_pictures);
    free(run->models);
    free(run->stimuli);
}

/* ---- a checker of well-formed XML (the parts that we write) ---- */

static const char *skip_name(const char *p)
{
    while (isalnum((unsigned char)*p) || (*p && strchr("-_:.", *p)))
        p++;
    return p;
}

static bool reference_ok(const char *p)
{
    static const char *const known[] = {"&amp;", "&lt;", "&gt;", "&quot;", "&#39;"};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strncmp(p, known[i], strlen(known[i])) == 0)
            return true;
    return false;
}

/* Past the attributes, at '>' or '/'; NULL where they are malformed. */
static const char *attributes(const char *p)
{
    while (isspace((unsigned char)*p)) {
        while (isspace((unsigned char)*p))
            p++;
        if (*p == '>' || *p == '/')
            break;
        const char *after = skip_name(p);
        if (after == p || after[0] != '=' || (after[1] != '"' && after[1] != '\''))
            return NULL;
        char quote = after[1];
        for (p = after + 2; *p != quote; p++)
            if (*p == '\0' || *p == '<' || (*p == '&' && !reference_ok(p)))
                return NULL;
        p++;
    }
    return p;
}

/* NULL, or where the text stops being XML. */
static const char *xml_fault(const char *text)
{
    const char *open[64], *p = text;
    size_t length[64];
    int depth = 0, roots = 0;
    if (strncmp(p, "<?xml ", 6) == 0 || strncmp(p, "<!DOCTYPE html>", 15) == 0)
        p = strchr(p, '>') + 1;
    for (; *p; p++) {
        if ((*p == '&' && !reference_ok(p)) || ((unsigned char)*p < 0x20 && *p != '\n') || (depth == 0 && *p != '<' && *p != '\n'))
            return p;
        if (*p != '<')
            continue;
        bool closing = p[1] == '/';
        const char *name = p + 1 + closing, *end = skip_name(name), *after = attributes(end);
        if (end == name || !after || depth == 63)
            return p;
        if (closing) {
            if (depth == 0 || length[depth - 1] != (size_t)(end - name) || memcmp(open[depth - 1], name, length[depth - 1]) != 0 || *after != '>')
                return p;
            depth--;
        } else if (*after == '>') {
            roots += depth == 0;
            open[depth] = name;
            length[depth++] = (size_t)(end - name);
        } else if (after[0] != '/' || after[1] != '>')
            return p;
        p = *after == '/' ? after + 1 : after;
    }
    return depth == 0 && roots == 1 ? NULL : p;
}

static void test_checker(void)
{
    CHECK(!xml_fault("<a b=\"1\"><c/>x &amp; y</a>\n"));
    CHECK(xml_fault("<a><b></a></b>"));
    CHECK(xml_fault("<a b=1/>"));
    CHECK(xml_fault("<a>x & y</a>"));
    CHECK(xml_fault("<a/><b/>x"));
    CHECK(xml_fault("<a>"));
}

/* ---- writing and reading back ---- */

static const char *const svg_names[] = {"fig2b", "fig3a", "fig3b", "fig4a", "fig4b", "fig4c"};
#define N_SVG (sizeof svg_names / sizeof *svg_names)

static char folder[512];

static char *load(const char *name)
{
    char path[700];
    uint8_t *data = NULL;
    size_t n;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return fus_base_read_file(&data, &n, path, 100000000, NULL) == FUS_OK ? (char *)data : NULL;
}

static void make_folder(const char *name)
{
    const char *keep = getenv("FUS_KEEP");
    snprintf(folder, sizeof folder, "%s/%s", keep ? keep : "/tmp/fusiform-report", name);
    if (!keep)
        snprintf(folder, sizeof folder, "%s/fusiform-report-%ld-%s", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp", (long)getpid(), name);
    CHECK(fus_outfile_mkdirs(folder, NULL) == FUS_OK);
}

static void remove_folder(void)
{
    char path[700];
    if (getenv("FUS_KEEP"))
        return;
    static const char *const more[] = {"fig2a", "fig2b-crossed", "figv1"};
    for (size_t i = 0; i < sizeof more / sizeof *more; i++) {
        snprintf(path, sizeof path, "%s/figures/%s.svg", folder, more[i]);
        unlink(path);
    }
    for (size_t i = 0; i < N_SVG; i++) {
        snprintf(path, sizeof path, "%s/figures/%s.svg", folder, svg_names[i]);
        unlink(path);
    }
    for (int m = 2; m <= 8; m++)
        for (char part = 'a'; part <= 'c'; part++) {
            snprintf(path, sizeof path, "%s/figures/fig5%c-%d.svg", folder, part, m);
            unlink(path);
        }
    snprintf(path, sizeof path, "%s/figures", folder);
    rmdir(path);
    snprintf(path, sizeof path, "%s/report.html", folder);
    unlink(path);
    rmdir(folder);
}

static size_t count(const char *text, const char *part)
{
    size_t n = 0;
    for (const char *p = text; p && (p = strstr(p, part)) != NULL; p += strlen(part))
        n++;
    return n;
}

static void check_text(const char *name, const char *text)
{
    CHECK_MSG(text != NULL, "%s is missing", name);
    if (!text)
        return;
    const char *fault = xml_fault(text);
    CHECK_MSG(!fault, "%s: byte %zu: not well-formed at: %.60s", name, (size_t)(fault ? fault - text : 0), fault ? fault : "");
    static const char *const never[] = {"nan", "NaN", "inf\"", "inf ", "(null)", "<script", "javascript:", "url(", "@import", "https:"};
    for (size_t i = 0; i < sizeof never / sizeof *never; i++)
        CHECK_MSG(!strstr(text, never[i]), "%s has '%s'", name, never[i]);
    CHECK_MSG(count(text, "src=") == count(text, "src=\"data:image/png;base64,"), "%s loads something", name);
    CHECK_MSG(count(text, "http:") == (strstr(name, ".svg") ? 1u : 0u), "%s names an address", name);
}

/* Writes the report of a run and checks all that holds for every run; returns the page, to be freed. */
static char *write_and_check(const struct fus_run_summary *run, size_t most_bytes)
{
    struct fus_error err = {0};
    int code = fus_report_write(folder, run, &err);
    CHECK_MSG(code == FUS_OK, "%s", err.msg);
    char *page = load("report.html");
    check_text("report.html", page);
    CHECK_MSG(page && strlen(page) < most_bytes, "%zu bytes", page ? strlen(page) : 0);
    for (size_t i = 0; i < N_SVG; i++) {
        char name[40], want[60];
        snprintf(name, sizeof name, "figures/%s.svg", svg_names[i]);
        char *figure = load(name);
        check_text(name, figure);
        free(figure);
        snprintf(want, sizeof want, "<figure id=\"%s\">", svg_names[i]);
        CHECK_MSG(page && strstr(page, want), "no %s in the page", want);
    }
    return page;
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
    struct plan plan = {.n_models = 2, .n_layers = 17, .n_categories = 5,
                        .names = {"<script>alert(1)</script>\"'&", "\xff\xfe\001 a very long name that goes on and on and on and on and on</svg>]]>"},
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
        {.n_models = 2, .n_layers = 10, .n_categories = 5, .side = 8, .names = {"resnet20", "resnet56"}, .layers_of = {10, 28}},
        {.n_models = 3, .n_layers = 55, .n_categories = 20, .side = 40, .names = {"deep a", "deep b", "deep c"}},
        {.n_models = 8, .n_layers = 17, .n_categories = 5, .names = {"a", "b", "c", "d", "e", "f", "g", "h"}},
        {.n_models = 2, .n_layers = 17, .n_categories = 5, .empty = true, .names = {"silent", "mute"}},
        {.n_models = 3, .n_layers = 17, .n_categories = 5, .names = {"resnet50", "clip-rn50", "untrained"}, .sources = {0, 0, "random:resnet50?seed=1"}},
    };
    static const char *const folders[] = {"tiny", "alone", "depths", "deep", "eight", "empty", "three"};
    for (size_t i = 0; i < sizeof plans / sizeof *plans; i++) {
        struct fus_run_summary run;
        invent(&run, &plans[i]);
        make_folder(folders[i]);
        char *page = write_and_check(&run, plans[i].n_categories > 5 ? 8000000 : 2000000);
        if (page) {
            CHECK(!plans[i].empty || (strstr(page, "none of the 100,352 units") && !strstr(page, "largest share")));
            CHECK((strstr(page, "is an untrained control") != NULL) == (plans[i].sources[plans[i].n_models - 1] != NULL));
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

/* What is said when one category alone has selective units, and of a category that hardly has any. */
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
        CHECK(strstr(page, "of the units of net are selective for face, none for any other category."));
        CHECK(strstr(page, "All of them are selective for face."));
        CHECK(strstr(page, "the share peaks in layer") && strstr(page, "left aside") && !strstr(page, "word (0.000"));
        CHECK(strstr(page, "Bonferroni") && strstr(page, "q \xe2\x89\xa4 0.001 and"));
    }
    free(page);
    run.criterion = "d' > 1 <Afraz 2015>";
    page = write_and_check(&run, 2000000);
    CHECK(page && strstr(page, "d&#39; &gt; 1 &lt;Afraz 2015&gt;") && !strstr(page, "Intersection-union") && !strstr(page, "respond significantly"));
    free(page);
    remove_folder();
    forget(&run);
}

/* ---- Figs 1B, 2A and 5 ---- */

/* One grey point. */
static const uint8_t tiny_png[] = {
    0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n', 0, 0, 0, 13, 'I', 'H', 'D', 'R', 0, 0, 0, 1, 0, 0, 0, 1, 8, 0, 0, 0, 0, 0x3a, 0x7e, 0x9b, 0x55,
    0, 0, 0, 10, 'I', 'D', 'A', 'T', 0x78, 0x9c, 0x63, 0x68, 0, 0, 0, 0x82, 0, 0x81, 0x77, 0xcd, 0x72, 0xb6, 0, 0, 0, 0, 'I', 'E', 'N', 'D',
    0xae, 0x42, 0x60, 0x82};

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
    struct plan plan = {.n_models = 3, .n_layers = 17, .n_categories = 5, .names = {"resnet50", "lang-learned", "untrained"},
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
    CHECK(t.items[60].picture == 500 && t.items[120].picture == 1000 && t.items[121].picture == 1001 && !fus_thumbs_find(&t, 5));
    fus_thumbs_free(&t);
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

/* The lead paragraph, tags taken out; the caller's. */
static char *lead_of(const struct fus_run_summary *run)
{
    struct fus_error err = {0};
    CHECK_MSG(fus_report_write(folder, run, &err) == FUS_OK, "%s", err.msg);
    char *page = load("report.html"), *start = page ? strstr(page, "<p class=\"lead\">") : NULL, *end = start ? strstr(start, "</p>") : NULL;
    CHECK(end != NULL);
    if (!end) {
        free(page);
        return copy("");
    }
    *end = '\0';
    char *lead = copy(start + strlen("<p class=\"lead\">"));
    free(page);
    return lead;
}

static void check_lead(const struct fus_run_summary *run, const char *has, const char *has_not)
{
    char *lead = lead_of(run);
    CHECK_MSG(strstr(lead, has), "no '%s' in: %s", has, lead);
    CHECK_MSG(!has_not || !strstr(lead, has_not), "'%s' in: %s", has_not, lead);
    CHECK_MSG(!strstr(lead, "significant"), "%s", lead);
    free(lead);
}

/* Every way in which two models can stand to each other, with and without intervals: no word that the numbers do not bear out. */
static void test_contrasts(void)
{
    struct plan plan = {.n_models = 2, .n_layers = 3, .n_categories = 2, .side = 4, .names = {"one", "two"}};
    struct fus_run_summary run;
    invent(&run, &plan);
    make_folder("contrasts");
    struct fus_model_difference d[2];
    for (int c = 0; c < 2; c++)
        d[c] = (struct fus_model_difference){1, 2, 2, c, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN};
    run.differences = d;
    run.n_differences = 2;
    set_share(&run, 0, 0, 0.06, 0.4);
    set_share(&run, 1, 0, 0.03, 0.5);
    set_share(&run, 0, 1, 0.01, 0.3);
    set_share(&run, 1, 1, 0.05, 0.3);
    check_lead(&run, "one has 2.0 times the share of face-selective units of two (6.0% against 3.0%; no interval was computed), with a mean CSI of 0.40 against 0.50.",
               "% interval");
    d[1].ratio = 0.2, d[1].ratio_low = 0.1, d[1].ratio_high = 0.5; /* the clearly different one is told, from the larger's side */
    check_lead(&run, "two has 5.0 times the share of body-selective units of one (5.0% against 1.0%; 95% interval of the ratio 2.00 to 10.00)", "face-selective");
    d[1].csi_low = -0.2, d[1].csi_high = 0.1;
    check_lead(&run, "with a mean CSI that does not clearly differ (0.30 against 0.30; 95% interval of the difference \xe2\x88\x92" "0.10 to 0.20)", "higher");
    d[1].csi_low = 0.1, d[1].csi_high = 0.2; /* of one less two: two's is lower */
    check_lead(&run, "with a lower mean CSI (0.30 against 0.30; 95% interval of the difference \xe2\x88\x92" "0.20 to \xe2\x88\x92" "0.10)", "higher");
    d[1].ratio_high = 1.5; /* now it includes 1 */
    d[1].csi_low = -0.1;
    check_lead(&run, "No category that both one and two have units for clearly differs in its share: every 95% interval includes no difference.", "times the share");
    d[0].csi_low = -0.2, d[0].csi_high = -0.05;
    check_lead(&run, "But the face-selective units of one have a lower mean CSI than those of two (0.40 against 0.50;", "times the share");
    d[0].proportion_low = 0.01, d[0].proportion_high = 0.05; /* no interval of the ratio, as a resample had none */
    check_lead(&run, "(6.0% against 3.0%; 95% interval of the difference 1.00 to 5.00 percentage points), with a lower", "of the ratio");
    run.options.alpha = 0.1;
    check_lead(&run, "90% interval of the difference", "95%");
    run.n_differences = 0;
    set_share(&run, 1, 0, 0.059, NAN);
    check_lead(&run, "one and two have about the same share of face-selective units (6.0% and 5.9%; no interval was computed).", "CSI");
    set_share(&run, 1, 0, 0.06, NAN);
    check_lead(&run, "one and two have the same share of face-selective units", "about");
    set_share(&run, 1, 0, 0, NAN); /* a ratio to nothing is none */
    set_share(&run, 1, 1, 0, NAN);
    check_lead(&run, "no unit of two is selective for any category.", "share of");
    set_share(&run, 0, 0, 0, NAN);
    set_share(&run, 0, 1, 0, NAN);
    check_lead(&run, "no unit of one is selective for any category; no unit of two is selective for any category.", "share");
    remove_folder();
    forget(&run);
}

/* ---- halves, chance, consistency, single units ---- */

static void test_extras(void)
{
    struct plan plan = {.n_models = 2, .n_layers = 4, .n_categories = 3, .side = 4, .names = {"one", "two"}};
    struct fus_run_summary run;
    struct fus_error err = {0};
    invent(&run, &plan);
    make_folder("extras");
    char *page = write_and_check(&run, 2000000);
    CHECK(page && !strstr(page, "fig2b-crossed") && !strstr(page, "figv1") && !strstr(page, "permutations.csv") && !strstr(page, "single-units"));
    CHECK(page && strstr(page, "No error bars: intervals need --bootstrap."));
    free(page);
    struct fus_permute_category permuted[3] = {{0.16, 0.2, 0.01, 0.02, 0.001, 0.001, 5.5, 7}, {0.07, 0.2, 0.01, 0.2, 0.4, 0.001, INFINITY, 0}, {0, NAN, 0, 0, 1, NAN, NAN, 0}};
    struct fus_run_method method = {.layers = "all", .conv = "auto", .halves = "option", .interval = "centred", .seed = "1", .bootstrap = 50, .permutations = 1000};
    double consistency[64];
    for (int i = 0; i < 64; i++)
        consistency[i] = i % 9 == 0 ? 1 : i == 5 ? NAN : (i % 7) / 3.5 - 1;
    struct fus_top_unit top[2] = {{.model = 0, .layer = 3, .category = 1, .channel = 17, .y = 1, .x = 2, .t = 9.25, .csi = 0.5, .dprime = NAN, .n_pictures = 2,
                                   .most = {300, 0}, .least = {5, 575}}, {.model = 1, .layer = 0}};
    char *names[720];
    for (int i = 0; i < 720; i++)
        names[i] = i == 300 ? "body/<one>.jpg" : "face/other.jpg";
    for (int m = 0; m < 2; m++)
        for (int l = 0; l < 4; l++) {
            struct fus_layer_summary *layer = &run.models[m].layers[l];
            layer->permuted = permuted;
            for (int c = 0; c < 3; c++) {
                struct fus_category_summary *s = &layer->categories[c];
                s->csi_cv = c == 2 ? (double)NAN : 0.25, s->dprime_cv = 0.75, s->survival = 0.5, s->split_half_r = 0.625, s->dice = 0.375;
                s->variation_low = s->variation_cv - 0.1, s->variation_high = s->variation_cv + 0.2;
            }
        }
    run.consistency[0] = consistency;
    run.method = &method;
    run.top = top;
    run.n_top = 2;
    run.pictures = names;
    page = write_and_check(&run, 2000000);
    static const char *const has[] = {"<figure id=\"fig2b-crossed\">", "<figure id=\"figv1\">", "permutations.csv", "17 (1, 2)", "body/&lt;one&gt;.jpg",
                                      "1,000 relabellings of the pictures", "50 resamples of the pictures", "Seed of the random numbers: 1",
                                      "measured in the other is 0.250 for face", " of relabellings of the pictures stay below", "95% intervals of a bootstrap",
                                      "larger than relabelled pictures give for face (p = .001), but not for body (p = .400)", "consistency.csv", "adult and child", "less their mean"};
    for (size_t i = 0; i < sizeof has / sizeof *has; i++)
        CHECK_MSG(page && strstr(page, has[i]), "no '%s'", has[i]);
    char *matrix = load("figures/figv1.svg");
    check_text("figures/figv1.svg", matrix);
    CHECK(count(matrix, "one \xc3\x97 two") == 1 && count(matrix, "by categories") == 3 && !strstr(matrix ? matrix : "", "by pictures"));
    free(matrix);
    free(page);
    top[0].most[1] = 720;
    CHECK(fus_report_write(folder, &run, &err) == FUS_EINVAL && strstr(err.msg, "top unit 0"));
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
        CHECK_MSG(code == FUS_OK || (code == FUS_ENOMEM && err.msg[0]), "allocation %ld: code %d, %s", n, code, err.msg);
    }
    CHECK_MSG(code == FUS_OK && n > 10, "%ld allocations", n);
    remove_folder();
    forget(&run);
}

/* A disk that is full after 4096 bytes: one clear error, and nothing half-written under a final name. */
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
    test_words();
    test_single_pictures();
    test_thumbs();
    test_contrasts();
    test_extras();
    test_failures();
    test_full_disk();
    return test_end();
}
