/* SPDX-License-Identifier: MIT */
/* The explanation of a unit as text: see explain_print.h. */
#include "tools/explain_print.h"

#include <math.h>
#include <string.h>

#include "tools/explain_page.h"

static double mean_of(const struct fus_explain_page *p, int category)
{
    return p->x->moments.mean[category];
}

static double variance_of(const struct fus_explain_page *p, int category)
{
    return p->x->moments.m2[category] / (double)(p->x->moments.n[category] - 1);
}

static double error_of(const struct fus_explain_page *p, int category)
{
    return variance_of(p, category) / (double)p->x->moments.n[category];
}

/* ---- 1, 2: responses and moments ---- */

static void print_responses(struct fus_explain_page *p)
{
    const struct fus_explain *x = p->x;
    enum { PER_LINE = 8 };
    const char *subcategory = "";
    int n = 0;
    fus_explain_page_head(p, FUS_EXPLAIN_RESPONSES, "Its responses, one number a picture, in the order of run.json");
    if (!x->measured)
        fprintf(p->f, "   These are not in the run's files, which hold means and variances: --responses runs the "
                      "network.\n");
    for (int i = 0; i < x->n_pictures && x->measured; i++) {
        const struct fus_run_read_picture *picture = &x->run->pictures[i];
        const char *sub = picture->subcategory ? picture->subcategory : picture->category;
        bool begins = i == 0 || x->category[i] != x->category[i - 1] || strcmp(sub, subcategory) != 0;
        if (begins && strcmp(sub, picture->category) == 0)
            fprintf(p->f, "%s   %s\n", i ? "\n" : "", picture->category);
        else if (begins)
            fprintf(p->f, "%s   %s, %s\n", i ? "\n" : "", picture->category, sub);
        n = begins ? 0 : n + 1;
        fprintf(p->f, "%s%10.5g", n == 0 ? "   " : n % PER_LINE == 0 ? "\n   " : "", (double)x->response[i]);
        subcategory = sub;
    }
    fprintf(p->f, x->measured ? "\n" : "");
}

static void print_moments(struct fus_explain_page *p)
{
    static const char *const names[] = {"n", "mean m", "s^2", "e = s^2/n", NULL};
    fus_explain_page_head(p, FUS_EXPLAIN_MOMENTS, "Number of pictures, mean and variance of each category");
    fus_explain_page_titles(p, names);
    for (int c = 0; c < p->x->n_categories; c++) {
        fus_explain_page_row(p, fus_explain_page_name(p, c));
        fprintf(p->f, "  %10ld", p->x->moments.n[c]);
        fus_explain_page_cell(p, "%.5g", mean_of(p, c));
        fus_explain_page_cell(p, "%.5g", variance_of(p, c));
        fus_explain_page_cell(p, "%.5g", error_of(p, c));
        fprintf(p->f, "\n");
    }
}

/* ---- 8 to 10: indices, map, halves ---- */

static void print_csi(struct fus_explain_page *p)
{
    const struct fus_explain *x = p->x;
    int c = x->decision.category;
    double others = 0;
    for (int o = 0; o < x->n_categories; o++)
        others += o == c ? 0 : mean_of(p, o) / (x->n_categories - 1);
    fus_explain_page_head(p, FUS_EXPLAIN_CSI_STEP,
                          "CSI = (m_c - m_o) / (m_c + m_o), m_o the mean of the other categories' means");
    if (isnan(x->csi))
        fprintf(p->f,
                "   m_c = %.5g, m_o = %.5g: undefined, since responses of this layer can be below 0 or all are 0\n",
                mean_of(p, c), others);
    else
        fprintf(p->f, "   (%.5g - %.5g) / (%.5g + %.5g) = %.5g\n", mean_of(p, c), others, mean_of(p, c), others,
                x->csi);
}

static void print_dprime(struct fus_explain_page *p)
{
    fus_explain_page_head(
        p, FUS_EXPLAIN_DPRIME,
        "d' = (m_c - m_p) / sqrt((s_c^2 + s_p^2) / 2); m_p, s_p^2: of all other pictures; variances divided by n");
    if (isnan(p->x->dprime))
        fprintf(p->f, "   undefined: the unit has no variance\n");
    else
        fprintf(p->f, "   d' = %.5g\n", p->x->dprime);
}

static void print_map(struct fus_explain_page *p)
{
    const struct fus_explain *x = p->x;
    int places = x->height * x->width;
    const char *name = fus_explain_page_name(p, x->decision.category);
    fus_explain_page_head(p, FUS_EXPLAIN_MAP,
                          "Its cell of the map: share of the channels that are selective at its place");
    fprintf(p->f, "   At row %d, column %d, %zu of %d channels are selective for %s: P = %.5g\n", x->y, x->x, x->n_here,
            x->channels, name, (double)x->n_here / x->channels);
    fprintf(p->f, "   Over the %d place%s of the layer the mean is %.5g (%zu of %zu units).\n", places,
            places == 1 ? "" : "s", (double)x->n_selective / (double)x->n_units, x->n_selective, x->n_units);
}

static void print_half(const struct fus_explain_page *p, int h)
{
    const struct fus_explain_half *half = &p->x->halves[h];
    fus_explain_page_row(p, h ? "second half" : "first half");
    fprintf(p->f, "  %10ld", half->moments.n[p->x->decision.category]);
    fus_explain_page_cell(p, "%.4g", half->decision.p);
    fus_explain_page_cell(p, "%.5g", half->csi);
    fus_explain_page_cell(p, "%.5g", half->dprime);
    fus_explain_page_cell(p, "%.4f", half->auc);
    fprintf(p->f, "  %s\n", fus_explain_page_name(p, half->label));
}

static void print_halves(struct fus_explain_page *p)
{
    static const char *const columns[] = {"n", "largest p", "CSI", "d'", "AUC", "selects it for", NULL};
    const struct fus_explain *x = p->x;
    const char *name = fus_explain_page_name(p, x->decision.category);
    int width = p->width, n_chosen = 0;
    fus_explain_page_head(p, FUS_EXPLAIN_HALVES, "Selected in one half of the pictures, measured in the other");
    if (!x->measured || x->no_halves) {
        fprintf(p->f, x->measured ? "   None: %s.\n" : "   The files hold moments of all pictures alone: %s.\n",
                x->measured ? x->no_halves : "--responses runs the network");
        return;
    }
    p->width = width < 12 ? 12 : width;
    fus_explain_page_titles(p, columns);
    for (int h = 0; h < 2; h++)
        print_half(p, h);
    p->width = width;
    for (int h = 0; h < 2; h++) {
        const struct fus_explain_half *other = &x->halves[1 - h];
        if (x->halves[h].label != x->decision.category)
            continue;
        n_chosen++;
        fprintf(p->f, "   The %s half selects it for %s. Measured in the %s half: CSI %.5g, d' %.5g, AUC %.4f.\n",
                h ? "second" : "first", name, h ? "first" : "second", other->csi, other->dprime, other->auc);
    }
    if (n_chosen == 0)
        fprintf(p->f, "   Neither half selects it for %s by itself: it has no part in the cross-validated means.\n",
                name);
}

/* ---- the whole page ---- */

static void print_title(const struct fus_explain_page *p)
{
    const struct fus_explain *x = p->x;
    int c = x->decision.category;
    fprintf(p->f, "Unit %d,%d,%d of layer %s, model %s (%s)\n", x->channel, x->y, x->x, x->layer, x->model->name,
            x->run->folder);
    fprintf(p->f, "channel %d of %d, row %d of %d, column %d of %d, all from 0; one of %zu units\n", x->channel,
            x->channels, x->y, x->height, x->x, x->width, x->n_units);
    if (x->label >= 0)
        fprintf(p->f, "selective for %s", fus_explain_page_name(p, x->label));
    else
        fprintf(p->f, "not selective; it responds most to %s",
                fus_explain_page_name(p, fus_decision_category(&x->moments, 0, &x->options.select)));
    if (c >= 0 && c != x->label && x->label >= 0)
        fprintf(p->f, "; tested here for %s", fus_explain_page_name(p, c));
    fprintf(p->f, ". %s\n",
            x->measured ? "Numbers from the network, which was run again."
                        : "Numbers from the run's files, of 7 digits.");
}

static void print_checks(const struct fus_explain_page *p)
{
    const struct fus_explain *x = p->x;
    const char *files[] = {"units", "top_units.csv", "layers.csv"};
    int n_files = 0;
    if (x->n_differ)
        fprintf(p->f, "\nDISAGREES with the run's files in %zu of %zu numbers:\n", x->n_differ, x->n_checks);
    for (size_t i = 0; i < x->n_checks; i++)
        if (!x->checks[i].same)
            fprintf(p->f, "   %s (%s): %.9g here, %.9g there\n", x->checks[i].what, x->checks[i].file,
                    x->checks[i].here, x->checks[i].there);
    if (x->n_differ)
        return;
    fprintf(p->f, "\nAgrees with the run's files: %zu numbers in ", x->n_checks);
    for (int k = 0; k < 3; k++) {
        bool found = false;
        for (size_t i = 0; i < x->n_checks; i++)
            found = found || strcmp(x->checks[i].file, files[k]) == 0;
        if (found)
            fprintf(p->f, "%s%s", n_files++ ? ", " : "", files[k]);
    }
    fprintf(p->f, "%s.\n", x->measured && x->n_same ? "; so do all labels of the layer" : "");
}

void fus_explain_print_text(FILE *f, const struct fus_explain *x)
{
    struct fus_explain_page p = {.f = f, .x = x};
    for (int c = 0; c < x->n_categories; c++) {
        int n = (int)strlen(x->run->categories[c]);
        p.width = n > p.width ? n : p.width;
    }
    print_title(&p);
    print_responses(&p);
    print_moments(&p);
    if (x->decision.category < 0) {
        fprintf(f, "\nThe unit has a NaN or infinite response: p = 1, never selective.\n");
    } else {
        fus_explain_decision_print(&p);
        print_csi(&p);
        print_dprime(&p);
        print_map(&p);
        print_halves(&p);
    }
    print_checks(&p);
}
