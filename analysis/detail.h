/* The numbers behind the figures as HTML tables. layers.csv and compare.csv hold the same with all their digits. */
#ifndef FUS_DETAIL_H
#define FUS_DETAIL_H

#include "view.h"

void fus_detail_lines(struct fus_svg *out, const struct fus_view *view, enum fus_view_quantity quantity); /* layers x categories */
void fus_detail_comparison(struct fus_svg *out, const struct fus_view *view); /* CSI differences and p; nothing for one model */
void fus_detail_last(struct fus_svg *out, const struct fus_view *view);  /* the last block layer: counts and effect sizes */
void fus_detail_maps(struct fus_svg *out, const struct fus_view *view);  /* the last block layer: spread over places */
void fus_detail_models(struct fus_svg *out, const struct fus_view *view);
void fus_detail_dead(struct fus_svg *out, const struct fus_view *view);  /* units, dead units and undefined CSI per layer */
void fus_detail_pixels(struct fus_svg *out, const struct fus_view *view); /* the pictures before any network; nothing without run->pixels */

#endif
