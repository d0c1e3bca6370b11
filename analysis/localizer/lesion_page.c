/* SPDX-License-Identifier: MIT */
/* A lesion's table as a page, in the frame of every page: what silencing did to the accuracy for
 * each category, beside equally many other units; of several doses the curve. See lesion_page.h. */
#include "analysis/localizer/lesion_page.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "analysis/report/frame.h"
#include "analysis/run/csv_read.h"

/* ---- the table ---- */

static const char *const columns[] = {"layer",
                                      "silenced",
                                      "mode",
                                      "category",
                                      "readout",
                                      "top",
                                      "n_silenced_0",
                                      "n_silenced_1",
                                      "n_pictures",
                                      "accuracy_intact",
                                      "accuracy_lesion",
                                      "accuracy_random",
                                      "random_low",
                                      "random_high",
                                      "p_random",
                                      "accuracy_matched",
                                      "matched_low",
                                      "matched_high",
                                      "p_matched",
                                      "interaction",
                                      "interaction_random",
                                      "p_interaction_random",
                                      "interaction_matched",
                                      "p_interaction_matched"};
enum { N_COLUMNS = sizeof columns / sizeof *columns };

static void copy(char *to, size_t bytes, struct fus_csv_read *t, int column)
{
    const char *text = fus_csv_read_text(t, column);
    if (strlen(text) >= bytes)
        fus_csv_read_fail(t, "a name of %zu bytes, at most %zu expected", strlen(text), bytes - 1);
    snprintf(to, bytes, "%s", text);
}

static void read_control(struct fus_lesion_page_row *r, int condition, struct fus_csv_read *t, const int *at)
{
    r->accuracy[condition] = fus_csv_read_number(t, at[0]);
    r->low[condition] = fus_csv_read_number(t, at[1]);
    r->high[condition] = fus_csv_read_number(t, at[2]);
    r->p[condition] = fus_csv_read_number(t, at[3]);
}

static void read_row(struct fus_lesion_page *p, struct fus_csv_read *t, const int at[N_COLUMNS])
{
    struct fus_lesion_page_row *r = &p->rows[p->n++];
    copy(p->layer, sizeof p->layer, t, at[0]);
    copy(p->silenced, sizeof p->silenced, t, at[1]);
    copy(p->mode, sizeof p->mode, t, at[2]);
    copy(r->category, sizeof r->category, t, at[3]);
    copy(r->readout, sizeof r->readout, t, at[4]);
    r->top = (size_t)fus_csv_read_count(t, at[5], INT32_MAX);
    for (int half = 0; half < 2; half++)
        r->n_silenced[half] = (size_t)fus_csv_read_count(t, at[6 + half], INT32_MAX);
    r->n_pictures = (size_t)fus_csv_read_count(t, at[8], INT32_MAX);
    for (int k = FUS_LESION_INTACT; k <= FUS_LESION_CHOSEN; k++) {
        r->accuracy[k] = fus_csv_read_number(t, at[9 + k]);
        r->low[k] = r->high[k] = r->p[k] = NAN;
    }
    read_control(r, FUS_LESION_RANDOM, t, at + 11);
    read_control(r, FUS_LESION_MATCHED, t, at + 15);
    r->interaction[FUS_LESION_CHOSEN] = fus_csv_read_number(t, at[19]);
    for (int k = FUS_LESION_RANDOM; k <= FUS_LESION_MATCHED; k++) {
        r->interaction[k] = fus_csv_read_number(t, at[16 + 2 * k]);
        r->p_interaction[k] = fus_csv_read_number(t, at[17 + 2 * k]);
    }
}

static int read_table(struct fus_lesion_page *p, const char *csv, struct fus_error *err)
{
    struct fus_csv_read t;
    int at[N_COLUMNS], code = fus_csv_read_open(&t, csv, err);
    if (code)
        return code;
    for (int i = 0; i < N_COLUMNS; i++)
        at[i] = fus_csv_read_column(&t, columns[i]);
    while (fus_csv_read_next(&t)) {
        if (p->n == FUS_LESION_MAX_ROWS)
            fus_csv_read_fail(&t, "more than %d rows", FUS_LESION_MAX_ROWS);
        else
            read_row(p, &t, at);
    }
    code = fus_csv_read_close(&t, err);
    return code || p->n ? code : fus_base_fail(err, FUS_EFORMAT, "%s: no row in the table", csv);
}

/* ---- the finding ---- */

static void say_units(struct fus_text_buffer *out, const struct fus_lesion_page *p, const struct fus_lesion_page_row *r)
{
    if (r->top)
        fus_svg_put(out, "the $z units of $e with the largest t for $e", r->top, p->layer, p->silenced);
    else
        fus_svg_put(out,
                    "the units of $e that are selective for $e ($z found in one half of the pictures, $z in the other)",
                    p->layer, p->silenced, r->n_silenced[0], r->n_silenced[1]);
}

static void say_accuracy(struct fus_text_buffer *out, const struct fus_lesion_page *p,
                         const struct fus_lesion_page_row *r)
{
    double intact = r->accuracy[FUS_LESION_INTACT], lesion = r->accuracy[FUS_LESION_CHOSEN];
    if (lesion == intact)
        fus_svg_put(out, "<li><strong>The accuracy for $e stays at $p</strong>", p->silenced, intact);
    else
        fus_svg_put(out, "<li><strong>The accuracy for $e $s from $p to $p</strong>", p->silenced,
                    lesion < intact ? "falls" : "rises", intact, lesion);
    fus_svg_put(out, " without ");
    say_units(out, p, r);
    fus_svg_put(
        out,
        ". Without as many other units it is $p (at random, p $v) or $p (matched in mean activation, p $v).</li>\n",
        r->accuracy[FUS_LESION_RANDOM], r->p[FUS_LESION_RANDOM], r->accuracy[FUS_LESION_MATCHED],
        r->p[FUS_LESION_MATCHED]);
}

static void say_interaction(struct fus_text_buffer *out, const struct fus_lesion_page *p,
                            const struct fus_lesion_page_row *r)
{
    fus_svg_put(out, "<li><strong>$e loses $1 points $s than the other categories do</strong> on average", p->silenced,
                fabs(100 * r->interaction[FUS_LESION_CHOSEN]), r->interaction[FUS_LESION_CHOSEN] < 0 ? "less" : "more");
    fus_svg_put(out, "; without other units $1 (at random, p $v) and $1 (matched, p $v).</li>\n",
                100 * r->interaction[FUS_LESION_RANDOM], r->p_interaction[FUS_LESION_RANDOM],
                100 * r->interaction[FUS_LESION_MATCHED], r->p_interaction[FUS_LESION_MATCHED]);
}

/* Of the last dose; of the first read-out. */
static void put_lead(struct fus_text_buffer *out, const struct fus_lesion_page *p)
{
    const struct fus_lesion_page_row *found = NULL;
    for (int i = 0; i < p->n; i += fus_lesion_figures_block(p, i))
        if (strcmp(p->rows[i].readout, p->rows[0].readout) == 0 && fus_lesion_figures_silenced(p, i))
            found = fus_lesion_figures_silenced(p, i);
    fus_svg_put(out, "<section class=\"result\" aria-label=\"Result\">\n<ul class=\"lead\">\n");
    if (found) {
        say_accuracy(out, p, found);
        say_interaction(out, p, found);
    }
    fus_svg_put(out,
                "<li><strong>A fall says that the read-out uses these units</strong>, not that the network would do "
                "without them after further training, nor that nothing else carries the category.</li>\n"
                "</ul></section>\n");
}

/* ---- numbers and methods ---- */

static void put_control_cells(struct fus_text_buffer *out, const struct fus_lesion_page_row *r, int k)
{
    fus_svg_put(out, "<td>$p ($p to $p)</td><td>$v</td><td>$1</td><td>$v</td>", r->accuracy[k], r->low[k], r->high[k],
                r->p[k], 100 * r->interaction[k], r->p_interaction[k]);
}

static void put_table(struct fus_text_buffer *out, const struct fus_lesion_page *p)
{
    static const char *const names[] = {"category", "units",     "read-out",  "pictures",  "intact",
                                        "silenced", "more lost", "at random", "p",         "more lost",
                                        "p",        "matched",   "p",         "more lost", "p"};
    fus_svg_put(
        out,
        "<h2 id=\"numbers\">Numbers</h2>\n<div class=\"scroll\" tabindex=\"0\"><table><caption>More lost: the fall "
        "for this category less the mean fall of the others, in points</caption>\n<thead><tr>");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        fus_svg_put(out, "<th scope=\"col\">$s</th>", names[i]);
    fus_svg_put(out, "</tr></thead><tbody>\n");
    for (int i = 0; i < p->n; i++) {
        const struct fus_lesion_page_row *r = &p->rows[i];
        fus_svg_put(
            out,
            "<tr><th scope=\"row\">$e</th><td>$z and $z</td><td>$e</td><td>$z</td><td>$p</td><td>$p</td><td>$1</td>",
            r->category, r->n_silenced[0], r->n_silenced[1], r->readout, r->n_pictures, r->accuracy[FUS_LESION_INTACT],
            r->accuracy[FUS_LESION_CHOSEN], 100 * r->interaction[FUS_LESION_CHOSEN]);
        put_control_cells(out, r, FUS_LESION_RANDOM);
        put_control_cells(out, r, FUS_LESION_MATCHED);
        fus_svg_put(out, "</tr>\n");
    }
    fus_svg_put(out, "</tbody></table></div>\n");
}

static const char *all_readouts(const struct fus_lesion_page *p)
{
    for (int i = 1; i < p->n; i++)
        if (strcmp(p->rows[i].readout, p->rows[0].readout) != 0)
            return "nearest class mean and ridge regression";
    return fus_lesion_figures_readout(&p->rows[0]);
}

static void put_methods(struct fus_text_buffer *out, const struct fus_lesion_page *p)
{
    fus_svg_put(
        out,
        "<h2 id=\"methods\">Methods</h2>\n<p class=\"quote\" data-copy=\"Copy the text\">In $e, units for $e were "
        "chosen in one half of each category\xe2\x80\x99s pictures ($s); the other half was shown with them set "
        "to $s, and the other way round. ",
        p->layer, p->silenced, p->rows[0].top ? "those of largest t" : "by the rule of the run",
        strcmp(p->mode, "zero") == 0 ? "0" : "their mean");
    fus_svg_put(out,
                "Read-outs of the final features ($s) were fitted to the intact network in the half that chose the "
                "units; categories weigh equally. Controls: equally many other units, at random and matched in mean "
                "activation; p = (b + 1) / (m + 1), b of the m sets doing as badly (Phipson and Smyth, 2010).</p>\n",
                all_readouts(p));
}

static int put_page(struct fus_text_buffer *out, const struct fus_lesion_page *p, struct fus_error *err)
{
    struct fus_text_buffer title = {0};
    struct fus_theme theme;
    fus_theme_create(&theme, NULL, 0, 8);
    fus_svg_put(&title, "Without the units for $e of $e", p->silenced, p->layer);
    fus_frame_open(out, &(struct fus_frame){"Lesion", title.s ? title.s : "", NULL, &theme});
    out->failed |= title.failed;
    fus_text_free(&title);
    fus_svg_put(out, "<p class=\"meta\">$d categories \xc2\xb7 silenced units are set to $s</p>\n</header>\n",
                fus_lesion_figures_block(p, 0), strcmp(p->mode, "zero") == 0 ? "0" : "their mean");
    put_lead(out, p);
    fus_svg_put(
        out,
        "<nav>$s<a href=\"#accuracy\">Accuracy</a><a href=\"#numbers\">Numbers</a><a href=\"#methods\">Methods</a>"
        "</nav>\n",
        fus_lesion_figures_doses(p) > 1 ? "<a href=\"#doses\">Doses</a>" : "");
    int code = fus_lesion_figures_put(out, p, err);
    put_table(out, p);
    put_methods(out, p);
    fus_frame_close(out, FUS_VERSION);
    return code;
}

int fus_lesion_page_write(const char *html, const char *csv, struct fus_error *err)
{
    struct fus_lesion_page p = {.rows = fus_base_alloc(FUS_LESION_MAX_ROWS, sizeof *p.rows)};
    struct fus_text_buffer out = {0};
    int code = p.rows ? read_table(&p, csv, err) : fus_base_fail(err, FUS_ENOMEM, "no memory for the page");
    if (!code)
        code = put_page(&out, &p, err);
    if (!code)
        code = fus_svg_save(&out, html, err);
    fus_text_free(&out);
    fus_base_free(p.rows);
    return code;
}
