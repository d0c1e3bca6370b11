/* The effects of a lesion as CSV and as text: see lesion.h. */
#include <stdio.h>
#include <string.h>

#include "analysis/localizer/lesion.h"
#include "analysis/run/csv.h"

/* sorted [n] is scratch; value i of the n sets is values[i * stride]. */
static void compare_control(struct fus_lesion_control *c, double lesion, const double *values, size_t stride, size_t n,
                            double *sorted)
{
    double sum = 0, as_low = 0;
    for (size_t i = 0; i < n; i++) {
        sorted[i] = values[i * stride];
        sum += sorted[i];
        as_low += sorted[i] <= lesion;
    }
    fus_order_sort(sorted, n);
    *c = (struct fus_lesion_control){sum / (double)n, fus_order_quantile(sorted, n, 0.025),
                                     fus_order_quantile(sorted, n, 0.975), (as_low + 1) / ((double)n + 1)};
}

static double mean_of(const double *values, size_t stride, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += values[i * stride];
    return sum / (double)n;
}

int fus_lesion_compare(struct fus_lesion_row *rows, const double *accuracy, const double *feature_mean,
                       size_t n_categories, size_t n_controls, struct fus_error *err)
{
    size_t n = n_categories, random = 2 * n, matched = (2 + n_controls) * n;
    double *sorted = fus_base_alloc(n_controls, sizeof *sorted);
    if (!sorted)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for %zu controls", n_controls);
    for (size_t c = 0; c < n; c++) {
        struct fus_lesion_row *row = &rows[c];
        row->intact = accuracy[c];
        row->lesion = accuracy[n + c];
        compare_control(&row->random, row->lesion, accuracy + random + c, n, n_controls, sorted);
        compare_control(&row->matched, row->lesion, accuracy + matched + c, n, n_controls, sorted);
        row->feature_intact = feature_mean[c];
        row->feature_lesion = feature_mean[n + c];
        row->feature_random = mean_of(feature_mean + random + c, n, n_controls);
        row->feature_matched = mean_of(feature_mean + matched + c, n, n_controls);
    }
    fus_base_free(sorted);
    return FUS_OK;
}

static size_t count_pictures(const struct fus_set *set, int category)
{
    size_t n = 0;
    for (int i = 0; i < set->n_pictures; i++)
        n += set->pictures[i].category == category;
    return n;
}

/* ---- CSV ---- */

void fus_lesion_write_header(struct fus_outfile *f)
{
    fus_outfile_printf(
        f,
        "layer,silenced,n_silenced,mode,category,n_pictures,accuracy_intact,accuracy_lesion,accuracy_random,random_low,"
        "random_high,p_random,accuracy_matched,matched_low,matched_high,p_matched,feature_intact,feature_lesion,"
        "feature_random,feature_matched,readout\n");
}

void fus_lesion_write(struct fus_outfile *f, const struct fus_lesion_table *t)
{
    for (int c = 0; c < t->set->n_categories; c++) {
        const struct fus_lesion_row *r = &t->rows[c];
        const double numbers[] = {r->intact,         r->lesion,         r->random.mean,    r->random.low,
                                  r->random.high,    r->random.p,       r->matched.mean,   r->matched.low,
                                  r->matched.high,   r->matched.p,      r->feature_intact, r->feature_lesion,
                                  r->feature_random, r->feature_matched};
        fus_csv_name(f, "", t->layer);
        fus_csv_name(f, ",", t->silenced);
        fus_csv_count(f, t->n_silenced);
        fus_csv_name(f, ",", t->mode);
        fus_csv_name(f, ",", t->set->categories[c]);
        fus_csv_count(f, count_pictures(t->set, c));
        for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
            fus_csv_number(f, numbers[i]);
        fus_csv_name(f, ",", t->readout);
        fus_outfile_printf(f, "\n");
    }
}

/* ---- for people ---- */

static void print_control(FILE *f, const struct fus_lesion_control *c)
{
    fprintf(f, "  %6.1f  %5.1f to %5.1f  %5.3f", 100 * c->mean, 100 * c->low, 100 * c->high, c->p);
}

static void print_sentence(FILE *f, const struct fus_lesion_table *t, const struct fus_lesion_row *r)
{
    fprintf(f, "%s: %zu of %zu units are selective for %s. ", t->layer, t->n_silenced, t->n_units, t->silenced);
    if (r->lesion == r->intact)
        fprintf(f, "With them set to %s, the accuracy for %s stays at %.1f %%",
                strcmp(t->mode, "zero") == 0 ? "0" : "their mean", t->silenced, 100 * r->intact);
    else
        fprintf(f, "With them set to %s, the accuracy for %s %s from %.1f %% to %.1f %%",
                strcmp(t->mode, "zero") == 0 ? "0" : "their mean", t->silenced,
                r->lesion < r->intact ? "falls" : "rises", 100 * r->intact, 100 * r->lesion);
    fprintf(f,
            "; with as many other units, it is %.1f %% on average (random, p = %.3f) and %.1f %% (matched in mean "
            "activation, p = %.3f).\n",
            100 * r->random.mean, r->random.p, 100 * r->matched.mean, r->matched.p);
}

void fus_lesion_print(FILE *f, const struct fus_lesion_table *t)
{
    int n = t->set->n_categories, width = 8;
    for (int c = 0; c < n; c++) {
        int length = (int)strlen(t->set->categories[c]);
        width = length > width ? length : width;
        if (strcmp(t->set->categories[c], t->silenced) == 0)
            print_sentence(f, t, &t->rows[c]);
    }
    fprintf(f,
            "Accuracy in %%, read out by %s; controls: %zu sets of each kind, their mean, 95 %% range and p of the "
            "lesion.\n",
            strcmp(t->readout, "ridge") == 0 ? "ridge regression" : "the nearest class mean", t->n_controls);
    fprintf(f, "  %-*s  pictures  intact  lesion  random     95 %% range      p  matched     95 %% range      p\n",
            width, "category");
    for (int c = 0; c < n; c++) {
        const struct fus_lesion_row *r = &t->rows[c];
        fprintf(f, "  %-*s  %8zu  %6.1f  %6.1f", width, t->set->categories[c], count_pictures(t->set, c),
                100 * r->intact, 100 * r->lesion);
        print_control(f, &r->random);
        fputc(' ', f);
        print_control(f, &r->matched);
        fputc('\n', f);
    }
}
