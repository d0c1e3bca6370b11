/* SPDX-License-Identifier: MIT */
/* Invented runs for the tests of the report and of its prose, a checker of what is written, and
 * where it is written. FUS_KEEP=folder keeps the pages there, to be looked at. */
#ifndef FUS_TEST_INVENTED_H
#define FUS_TEST_INVENTED_H

#include <ctype.h>
#include <stdint.h>
#include <unistd.h>

#include "analysis/inference.h"
#include "analysis/report/frame.h"
#include "analysis/report/report.h"
#include "nn/base/outfile.h"
#include "test.h"

/* ---- invented runs ---- */

static uint64_t seed;

static inline double uniform(void)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (double)(seed >> 11) / 9007199254740992.0;
}

static inline char *copy(const char *text)
{
    char *s = malloc(strlen(text) + 1);
    return s ? strcpy(s, text) : NULL;
}

struct plan {
    int n_models, n_layers, n_categories, side;
    bool empty; /* nothing is selective anywhere */
    const char *names[8];
    const char *sources[8];
    int layers_of[8]; /* 0: n_layers */
};

static inline void invent_category(struct fus_category_summary *s, const struct plan *plan, size_t n_units, int side,
                                   int model, int category, double depth)
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
    s->csi_mean =
        s->n_csi > 0 ? 0.18 + 0.4 * depth * depth + 0.03 * category - 0.04 * model * depth + 0.02 * uniform() : NAN;
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

static inline void invent_layer(struct fus_layer_summary *layer, const struct plan *plan, int model, int l, int n)
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

static inline void invent(struct fus_run_summary *run, const struct plan *plan)
{
    static const char *const categories[5] = {"face", "body", "place", "word", "scrambled"};
    memset(run, 0, sizeof *run);
    seed = 7;
    run->version = "0.2.0";
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

static inline void forget(struct fus_run_summary *run)
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

static inline bool reference_ok(const char *p)
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
        if ((*p == '&' && !reference_ok(p)) || ((unsigned char)*p < 0x20 && *p != '\n') ||
            (depth == 0 && *p != '<' && *p != '\n'))
            return p;
        if (*p != '<')
            continue;
        bool closing = p[1] == '/';
        const char *name = p + 1 + closing, *end = skip_name(name), *after = attributes(end);
        if (end == name || !after || depth == 63)
            return p;
        if (closing) {
            if (depth == 0 || length[depth - 1] != (size_t)(end - name) ||
                memcmp(open[depth - 1], name, length[depth - 1]) != 0 || *after != '>')
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

/* ---- writing and reading back ---- */

static const char *const svg_names[] = {"fig2b", "fig3a", "fig3b", "fig4a", "fig4b", "fig4c"};
#define N_SVG (sizeof svg_names / sizeof *svg_names)

static char folder[512];

static inline char *load(const char *name)
{
    char path[700];
    uint8_t *data = NULL;
    size_t n;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return fus_base_read_file(&data, &n, path, 100000000, NULL) == FUS_OK ? (char *)data : NULL;
}

static inline void make_folder(const char *name)
{
    const char *keep = getenv("FUS_KEEP");
    snprintf(folder, sizeof folder, "%s/%s", keep ? keep : "/tmp/fusiform-report", name);
    if (!keep)
        snprintf(folder, sizeof folder, "%s/fusiform-report-%ld-%s", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp",
                 (long)getpid(), name);
    CHECK(fus_outfile_mkdirs(folder, NULL) == FUS_OK);
}

static inline void remove_folder(void)
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

static inline size_t count(const char *text, const char *part)
{
    size_t n = 0;
    for (const char *p = text; p && (p = strstr(p, part)) != NULL; p += strlen(part))
        n++;
    return n;
}

static inline void check_text(const char *name, const char *text)
{
    CHECK_MSG(text != NULL, "%s is missing", name);
    if (!text)
        return;
    const char *fault = xml_fault(text);
    CHECK_MSG(!fault, "%s: byte %zu: not well-formed at: %.60s", name, (size_t)(fault ? fault - text : 0),
              fault ? fault : "");
    static const char *const never[] = {"nan",         "NaN",  "inf\"",   "inf ",  "(null)",
                                        "javascript:", "url(", "@import", "https:"};
    for (size_t i = 0; i < sizeof never / sizeof *never; i++)
        CHECK_MSG(!strstr(text, never[i]), "%s has '%s'", name, never[i]);
    bool page = strstr(name, ".html") != NULL; /* the page's own script, and no other */
    CHECK_MSG(count(text, "<script") == page && (!page || strstr(text, fus_frame_script)), "%s has another script",
              name);
    CHECK_MSG(count(text, "src=") == count(text, "src=\"data:image/png;base64,"), "%s loads something", name);
    CHECK_MSG(count(text, "http:") == (strstr(name, ".svg") ? 1u : 0u), "%s names an address", name);
}

/* Writes the report of a run and checks all that holds for every run; returns the
 * page, to be freed. */
static inline char *write_and_check(const struct fus_run_summary *run, size_t most_bytes)
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

#endif
