/* SPDX-License-Identifier: MIT */
/* The text of the report. Every sentence depends on the numbers of the run. */
#ifndef FUS_PROSE_H
#define FUS_PROSE_H

#include "analysis/report/figures.h"

void fus_prose_title(struct fus_text_buffer *out, const struct fus_view *view);
void fus_prose_result(struct fus_text_buffer *out, const struct fus_view *view); /* <p>... */

/* prose_lead.c: <ul class="lead">... Returns the model that it compares the first with; 0: none. */
int fus_prose_lead(struct fus_text_buffer *out, const struct fus_view *view);

/* prose_contrast.c: a sentence on the first model and another by as many units of each; what was
 * not done to explain a larger share. */
void fus_prose_matched(struct fus_text_buffer *out, const struct fus_view *view, int other, int category);
void fus_prose_equivalence(struct fus_text_buffer *out, const struct fus_view *view, int other); /* with --sesoi */
void fus_prose_beside(struct fus_text_buffer *out, const struct fus_view *view); /* for the methods: what was run */
/* the pair of groups whose shares differ most reliably, <li>...; false: there is none */
bool fus_prose_groups(struct fus_text_buffer *out, const struct fus_view *view);
void fus_prose_not_compared(struct fus_text_buffer *out, const struct fus_view *view);

/* Between the i-th and the next of n items. */
const char *fus_prose_separator(int i, int n);

/* "face and body (12.3% each)": the categories of one model's last layer whose share is `v`. */
void fus_prose_categories(struct fus_text_buffer *out, const struct fus_view *view, int model, double v);

/* prose_captions.c: what a figure shows; one line on panels that would have been empty, and why (as
 * text without tags); why d' takes the place of CSI. */
void fus_prose_caption(struct fus_text_buffer *out, const struct fus_view *view,
                       const struct fus_figures_figure *figure);
void fus_prose_folds(struct fus_text_buffer *out, const struct fus_view *view, const struct fus_figures_figure *figure);
void fus_prose_signed(struct fus_text_buffer *out);

/* prose_validity.c: whether pictures are few, and what that means, <li>...; of the methods,
 * subcategories and near-duplicates; what a resample draws. */
bool fus_prose_validity_few(const struct fus_view *view);
void fus_prose_validity_hint(struct fus_text_buffer *out, const struct fus_view *view);
void fus_prose_validity_pictures(struct fus_text_buffer *out, const struct fus_run_summary *run);
void fus_prose_validity_power(struct fus_text_buffer *out);
void fus_prose_validity_dimensions(struct fus_text_buffer *out, const struct fus_view *view);
void fus_prose_validity_resamples(struct fus_text_buffer *out, const char *over);

/* prose_paper.c: the methods as a paragraph for a paper, without tags; what to cite, as BibTeX. */
void fus_prose_paper(struct fus_text_buffer *out, const struct fus_view *view);
void fus_prose_bibtex(struct fus_text_buffer *out, const struct fus_view *view);

/* prose_heldout.c: the units in the set of --validate; <h2>... and table, and for the methods. */
bool fus_prose_heldout_any(const struct fus_view *view);
void fus_prose_heldout_section(struct fus_text_buffer *out, const struct fus_view *view);
void fus_prose_heldout_methods(struct fus_text_buffer *out, const struct fus_run_method *how);

void fus_prose_methods(struct fus_text_buffer *out, const struct fus_view *view); /* <dl>... */

#endif
