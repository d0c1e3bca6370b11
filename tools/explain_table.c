/* SPDX-License-Identifier: MIT */
/* The numbers of an explanation as a table, not rounded: see explain_print.h. */
#include <math.h>
#include <string.h>

#include "analysis/run/csv.h"
#include "tools/explain_page.h"
#include "tools/explain_print.h"

/* A row; NULL: an empty field. */
struct line {
    enum fus_explain_step step;
    const char *quantity, *category, *rival, *picture;
};

static void put(struct fus_outfile *f, const struct fus_explain *x, struct line line, double value)
{
    static const char *const steps[] = {"responses",  "moments", "pairs",  "largest", "correction", "label",
                                        "familywise", "csi",     "dprime", "map",     "halves"};
    const char *section = strchr(fus_explain_page_section(x, line.step), '"') + 1;
    fus_csv_name(f, "", steps[line.step]);
    fus_outfile_printf(f, ",\"%s,", section); /* a title with its closing quote */
    fus_csv_name(f, "", line.quantity);
    fus_csv_name(f, ",", line.category ? line.category : "");
    fus_csv_name(f, ",", line.rival ? line.rival : "");
    fus_csv_name(f, ",", line.picture ? line.picture : "");
    fus_csv_number(f, value);
    fus_outfile_printf(f, "\n");
}

static void put_moments(struct fus_outfile *f, const struct fus_explain *x)
{
    const struct fus_moments *m = &x->moments;
    for (int c = 0; c < x->n_categories; c++) {
        const char *name = x->run->categories[c];
        put(f, x, (struct line){FUS_EXPLAIN_MOMENTS, "n", name, NULL, NULL}, (double)m->n[c]);
        put(f, x, (struct line){FUS_EXPLAIN_MOMENTS, "mean", name, NULL, NULL}, m->mean[c]);
        put(f, x, (struct line){FUS_EXPLAIN_MOMENTS, "variance", name, NULL, NULL}, m->m2[c] / (double)(m->n[c] - 1));
        if (!isnan(x->decision.statistic[c]))
            put(f, x, (struct line){FUS_EXPLAIN_PAIRS, "statistic", name, NULL, NULL}, x->decision.statistic[c]);
    }
}

static void put_pairs(struct fus_outfile *f, const struct fus_explain *x, const char *category)
{
    static const char *const names[] = {"t",      "df", "p_welch",   "h", "p_hall", "student_t",
                                        "p_perm", "p",  "q_of_pair", "u", "auc"};
    for (int i = 0; i < x->decision.n_pairs; i++) {
        const struct fus_decision_pair *pair = &x->decision.pairs[i];
        const struct fus_balanced_terms *b = &pair->balanced;
        const double values[] = {pair->t,        pair->df, b->welch,     b->h,    b->hall,  b->student_t,
                                 b->permutation, pair->p,  pair->rank.q, pair->u, pair->auc};
        for (size_t k = 0; k < sizeof values / sizeof *values; k++)
            if (!isnan(values[k]))
                put(f, x, (struct line){FUS_EXPLAIN_PAIRS, names[k], category, x->run->categories[pair->rival], NULL},
                    values[k]);
    }
}

static void put_halves(struct fus_outfile *f, const struct fus_explain *x, const char *category)
{
    static const char *const names[][6] = {
        {"n_first", "label_first", "p_first", "csi_first", "dprime_first", "auc_first"},
        {"n_second", "label_second", "p_second", "csi_second", "dprime_second", "auc_second"}};
    for (int h = 0; h < 2 && x->measured && !x->no_halves; h++) {
        const struct fus_explain_half *half = &x->halves[h];
        const double values[] = {(double)half->moments.n[x->decision.category],
                                 half->label,
                                 half->decision.p,
                                 half->csi,
                                 half->dprime,
                                 half->auc};
        for (int k = 0; k < 6; k++)
            put(f, x, (struct line){FUS_EXPLAIN_HALVES, names[h][k], category, NULL, NULL}, values[k]);
    }
}

/* What follows from the tests of the category. */
static void put_decision(struct fus_outfile *f, const struct fus_explain *x, const char *category)
{
    const struct fus_decision *c = &x->decision;
    const struct {
        enum fus_explain_step step;
        const char *quantity;
        double value;
        bool there;
    } lines[] = {
        {FUS_EXPLAIN_LARGEST, "p", c->p, !isnan(c->p)},
        {FUS_EXPLAIN_LARGEST, "least_t", c->least_t, !isnan(c->least_t)},
        {FUS_EXPLAIN_CORRECTION, "units", (double)c->rank.n, c->rank.n > 0},
        {FUS_EXPLAIN_CORRECTION, "rank_first", (double)c->rank.first, c->rank.n > 0},
        {FUS_EXPLAIN_CORRECTION, "rank_last", (double)c->rank.last, c->rank.n > 0},
        {FUS_EXPLAIN_CORRECTION, "q", c->rank.q, c->rank.n > 0},
        {FUS_EXPLAIN_LABEL, "label", c->label, true},
        {FUS_EXPLAIN_FAMILYWISE, "t_critical", x->t_critical, x->n_permutations > 0},
        {FUS_EXPLAIN_CSI_STEP, "csi", x->csi, true},
        {FUS_EXPLAIN_DPRIME, "dprime", x->dprime, true},
        {FUS_EXPLAIN_MAP, "channels_here", (double)x->n_here, true},
        {FUS_EXPLAIN_MAP, "proportion_here", (double)x->n_here / x->channels, true},
        {FUS_EXPLAIN_MAP, "proportion", (double)x->n_selective / (double)x->n_units, true},
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        if (lines[i].there)
            put(f, x, (struct line){lines[i].step, lines[i].quantity, category, NULL, NULL}, lines[i].value);
}

void fus_explain_print_table(struct fus_outfile *f, const struct fus_explain *x)
{
    const char *category = x->decision.category >= 0 ? x->run->categories[x->decision.category] : "";
    fus_outfile_printf(f, "step,section,quantity,category,rival,picture,value\n");
    for (int i = 0; i < x->n_pictures && x->measured; i++)
        put(f, x,
            (struct line){FUS_EXPLAIN_RESPONSES, "response", x->run->categories[x->category[i]], NULL,
                          x->run->pictures[i].name},
            (double)x->response[i]);
    put_moments(f, x);
    if (x->decision.category < 0)
        return;
    put_pairs(f, x, category);
    put_decision(f, x, category);
    put_halves(f, x, category);
}
