/* What the report says in words. Every sentence is chosen by the numbers of the run; none is there by default. */
#ifndef FUS_PROSE_H
#define FUS_PROSE_H

#include "analysis/report/figures.h"

void fus_prose_title(struct fus_text_buffer *out, const struct fus_view *view);
void fus_prose_result(struct fus_text_buffer *out, const struct fus_view *view);  /* <p>... */
void fus_prose_methods_caption(struct fus_text_buffer *out, const struct fus_view *view, const struct fus_figures_figure *figure);
void fus_prose_methods(struct fus_text_buffer *out, const struct fus_view *view); /* <dl>... */

#endif
