/* The text of the report. Every sentence depends on the numbers of the run. */
#ifndef FUS_PROSE_H
#define FUS_PROSE_H

#include "analysis/report/figures.h"

void fus_prose_title(struct fus_text_buffer *out, const struct fus_view *view);
void fus_prose_result(struct fus_text_buffer *out, const struct fus_view *view); /* <p>... */
void fus_prose_methods_caption(struct fus_text_buffer *out, const struct fus_view *view,
                               const struct fus_figures_figure *figure);
void fus_prose_methods(struct fus_text_buffer *out, const struct fus_view *view); /* <dl>... */

#endif
