/* SPDX-License-Identifier: MIT */
/* The numbers of the figures as HTML tables. layers.csv and compare.csv have the same numbers with
 * all digits. */
#ifndef FUS_DETAIL_H
#define FUS_DETAIL_H

#include "analysis/report/view.h"

/* layers x categories */
void fus_detail_lines(struct fus_text_buffer *out, const struct fus_view *view, enum fus_view_quantity quantity);
/* CSI differences and p; nothing for one model */
void fus_detail_comparison(struct fus_text_buffer *out, const struct fus_view *view);
/* the last block layer: counts and effect sizes */
void fus_detail_last(struct fus_text_buffer *out, const struct fus_view *view);
/* the last block layer: spread over places */
void fus_detail_maps(struct fus_text_buffer *out, const struct fus_view *view);
/* Fig 2A: means over the pictures of a category */
void fus_detail_responses(struct fus_text_buffer *out, const struct fus_view *view);
/* the last block layer: halves of the pictures */
void fus_detail_reliability(struct fus_text_buffer *out, const struct fus_view *view);
/* the last block layer: as many units of each model */
void fus_detail_matched(struct fus_text_buffer *out, const struct fus_view *view);
/* the last block layer: groups of trainings; nothing without groups */
void fus_detail_groups(struct fus_text_buffer *out, const struct fus_view *view);
/* the last block layer: relabelled pictures */
void fus_detail_chance(struct fus_text_buffer *out, const struct fus_view *view);
/* the last block layer: fewer pictures, other levels */
void fus_detail_power(struct fus_text_buffer *out, const struct fus_view *view);
/* each layer with the one before and with the last */
void fus_detail_consistency(struct fus_text_buffer *out, const struct fus_view *view);
/* units with their pictures; nothing if the model has none */
void fus_detail_top(struct fus_text_buffer *out, const struct fus_view *view, int model);
/* the thumbnail of a picture, or its name if it has none */
void fus_detail_thumb(struct fus_text_buffer *out, const struct fus_view *view, int picture, const char *before);
void fus_detail_models(struct fus_text_buffer *out, const struct fus_view *view);
/* units, dead units and undefined CSI per layer */
void fus_detail_dead(struct fus_text_buffer *out, const struct fus_view *view);
/* the pictures before any network; nothing without run->pixels */
void fus_detail_pixels(struct fus_text_buffer *out, const struct fus_view *view);

/* ---- private: parts of a table, which scrolls in a box of its own ---- */

void fus_detail_open_table(struct fus_text_buffer *out, const char *caption);
void fus_detail_close_table(struct fus_text_buffer *out);
void fus_detail_head(struct fus_text_buffer *out, const char *const *names, int n);
void fus_detail_row_start(struct fus_text_buffer *out, const struct fus_view *view, int model, int layer);
void fus_detail_number_cell(struct fus_text_buffer *out, double v);

#endif
