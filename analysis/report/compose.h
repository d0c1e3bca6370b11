/* SPDX-License-Identifier: MIT */
/* One complete figure, panels and legend: as a separate file, and inside the report. */
#ifndef FUS_COMPOSE_H
#define FUS_COMPOSE_H

#include "analysis/report/figures.h"

/* The figure as a file: title, legend, panels and a style sheet (light, on white, for papers). */
void fus_compose_standalone(struct fus_text_buffer *out, const struct fus_figures_figure *figure,
                            const struct fus_view *view);

/* The figure's panels as inline <svg> elements in a grid. The caller closes the <div>, so that the
 * caption can take the next cell. */
void fus_compose_inline(struct fus_text_buffer *out, const struct fus_figures_figure *figure,
                        const struct fus_view *view);

/* layer_maps.c: the maps of every layer as <details>; whether there are any beyond figure 4A's. */
bool fus_layer_maps_any(const struct fus_view *view);
void fus_layer_maps_put(struct fus_text_buffer *out, const struct fus_view *view);

/* The keys of the figure's models as an HTML list. */
void fus_compose_legend(struct fus_text_buffer *out, const struct fus_figures_figure *figure,
                        const struct fus_view *view);

#endif
