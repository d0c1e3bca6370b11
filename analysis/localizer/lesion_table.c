/* SPDX-License-Identifier: MIT */
/* The effects of a lesion as CSV and as text: see lesion.h. */
#include <stdio.h>
#include <string.h>

#include "analysis/localizer/lesion.h"
#include "analysis/run/csv.h"

/* Of category c in one condition: the fall of its accuracy minus the mean fall of the others'. */
static double interaction(const double *intact, const double *accuracy, size_t n, size_t c)
{
    double others = 0;
    for (size_t k = 0; k < n; k++)
        others += k == c ? 0 : intact[k] - accuracy[k];
    return intact[c] - accuracy[c] - (n > 1 ? others / (double)(n - 1) : 0);
}

/* Category c of row, with the accuracies [n_sets, n] of one kind of controls; sorted [n_sets] is
 * scratch. */
static void compare_control(struct fus_lesion_control *out, const struct fus_lesion_row *row, const double *intact,
                            const double *sets, size_t n, size_t c, size_t n_sets, double *sorted)
{
    double sum = 0, as_low = 0, moved = 0, as_far = 0;
    for (size_t i = 0; i < n_sets; i++) {
        double fall = interaction(intact, sets + i * n, n, c);
        sorted[i] = sets[i * n + c];
        sum += sorted[i];
        as_low += sorted[i] <= row->lesion;
        moved += fall;
        as_far += fall >= row->interaction;
    }
    double m = (double)n_sets;
    fus_order_sort(sorted, n_sets);
    *out = (struct fus_lesion_control){sum / m,
                                       fus_order_quantile(sorted, n_sets, 0.025),
                                       fus_order_quantile(sorted, n_sets, 0.975),
                                       (as_low + 1) / (m + 1),
                                       moved / m,
                                       (as_far + 1) / (m + 1)};
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
        row->interaction = interaction(accuracy, accuracy + n, n, c);
        compare_control(&row->random, row, accuracy, accuracy + random, n, c, n_controls, sorted);
        compare_control(&row->matched, row, accuracy, accuracy + matched, n, c, n_controls, sorted);
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
        f, "layer,silenced,top,n_silenced_0,n_silenced_1,mode,category,n_pictures,accuracy_intact,accuracy_lesion,"
           "accuracy_random,random_low,"
           "random_high,p_random,accuracy_matched,matched_low,matched_high,p_matched,feature_intact,feature_lesion,"
           "feature_random,feature_matched,interaction,interaction_random,p_interaction_random,interaction_matched,"
           "p_interaction_matched,readout\n");
}

void fus_lesion_write(struct fus_outfile *f, const struct fus_lesion_table *t)
{
    for (int c = 0; c < t->set->n_categories; c++) {
        const struct fus_lesion_row *r = &t->rows[c];
        const double numbers[] = {r->intact,
                                  r->lesion,
                                  r->random.mean,
                                  r->random.low,
                                  r->random.high,
                                  r->random.p,
                                  r->matched.mean,
                                  r->matched.low,
                                  r->matched.high,
                                  r->matched.p,
                                  r->feature_intact,
                                  r->feature_lesion,
                                  r->feature_random,
                                  r->feature_matched,
                                  r->interaction,
                                  r->random.interaction,
                                  r->random.p_interaction,
                                  r->matched.interaction,
                                  r->matched.p_interaction};
        fus_csv_name(f, "", t->layer);
        fus_csv_name(f, ",", t->silenced);
        fus_csv_count(f, t->top);
        fus_csv_count(f, t->n_silenced[0]);
        fus_csv_count(f, t->n_silenced[1]);
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

static void print_choice(FILE *f, const struct fus_lesion_table *t)
{
    fprintf(f, "%s: ", t->layer);
    if (t->top)
        fprintf(f, "in each half of the pictures the %zu of %zu units with the largest t for %s are chosen", t->top,
                t->n_units, t->silenced);
    else
        fprintf(f, "%zu of %zu units are selective for %s in one half of the pictures, %zu in the other",
                t->n_silenced[0], t->n_units, t->silenced, t->n_silenced[1]);
    fprintf(f, "; each half is read with the other's set to %s. ", strcmp(t->mode, "zero") == 0 ? "0" : "their mean");
}

static void print_sentence(FILE *f, const struct fus_lesion_table *t, const struct fus_lesion_row *r)
{
    print_choice(f, t);
    if (r->lesion == r->intact)
        fprintf(f, "The accuracy for %s stays at %.1f %%", t->silenced, 100 * r->intact);
    else
        fprintf(f, "The accuracy for %s %s from %.1f %% to %.1f %%", t->silenced,
                r->lesion < r->intact ? "falls" : "rises", 100 * r->intact, 100 * r->lesion);
    fprintf(f,
            "; with as many other units, it is %.1f %% on average (random, p = %.3f) and %.1f %% (matched in mean "
            "activation, p = %.3f).\n",
            100 * r->random.mean, r->random.p, 100 * r->matched.mean, r->matched.p);
    fprintf(f,
            "Interaction, the fall for %s minus the mean fall of the other categories: %.1f points; with as many other "
            "units %.1f (random, p = %.3f) and %.1f (matched, p = %.3f).\n",
            t->silenced, 100 * r->interaction, 100 * r->random.interaction, r->random.p_interaction,
            100 * r->matched.interaction, r->matched.p_interaction);
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
