/* SPDX-License-Identifier: MIT */
/* The style of the figures: colours of categories; shades, dashes and markers of models; the
 * style sheet of the report and of every figure file. Panels only name classes, so light, dark
 * and print versions have the same panels.
 *
 * Categories differ in hue and panel title. Models differ in marker and dash; besides, two models
 * differ in the lightness of a category's hue, three or more each have a colour of their own. */
#ifndef FUS_THEME_H
#define FUS_THEME_H

#include "analysis/report/svg.h"

#define FUS_THEME_MAX_CATEGORIES 128 /* labels are int8 */
#define FUS_THEME_HEAT_LEVELS 32

struct fus_theme {
    int n_categories, n_models;
    unsigned char hue[FUS_THEME_MAX_CATEGORIES]; /* row of the palette */
};

/* The paper's colours by name (face blue, body orange, place green, word red, scrambled grey);
 * others from a palette that is safe for colour-blind readers. */
void fus_theme_create(struct fus_theme *theme, char *const *categories, int n_categories, int n_models);

enum fus_theme_mode { FUS_THEME_LIGHT, FUS_THEME_DARK };

/* The rules for all classes that panels use; `heat` adds the colour scale of the maps. */
void fus_theme_css(struct fus_text_buffer *out, const struct fus_theme *theme, enum fus_theme_mode mode, bool heat);

/* The class of category c (-1: no category, plain ink) drawn for model m, and that of a category
 * whatever the model: sets `color`, for currentColor. */
void fus_theme_class(struct fus_text_buffer *out, const struct fus_theme *theme, int c, int m);
void fus_theme_category_class(struct fus_text_buffer *out, const struct fus_theme *theme, int c);

/* A model's dash pattern (" stroke-dasharray=..." or nothing) and whether its markers and bars
 * are filled. */
const char *fus_theme_dash(int model);
bool fus_theme_filled(int model);

/* A model's marker around (x, y), `r` its size. The element is left open for a <title>: `title`
 * (escaped here) or NULL. */
void fus_theme_marker(struct fus_text_buffer *out, int model, double x, double y, double r, const char *title);

#endif
