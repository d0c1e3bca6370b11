/* What the figures look like: colours of categories, shades, dashes and markers of models, and the style sheet that
 * the report and every figure file carry. A panel only names classes, so that light, dark and print share its bytes.
 *
 * A category is told by its hue and its panel's title; a model by marker, dash and lightness, never by hue alone. */
#ifndef FUS_THEME_H
#define FUS_THEME_H

#include "analysis/report/svg.h"

#define FUS_THEME_MAX_CATEGORIES 128 /* labels are int8 */
#define FUS_THEME_HEAT_LEVELS 32

struct fus_theme {
    int n_categories, n_models;
    unsigned char hue[FUS_THEME_MAX_CATEGORIES]; /* row of the palette */
};

/* The paper's colours by name (face blue, body orange, place green, word red, scrambled grey), others from a list
 * that is safe for the colour-blind. */
void fus_theme_create(struct fus_theme *theme, char *const *categories, int n_categories, int n_models);

enum fus_theme_mode { FUS_THEME_LIGHT, FUS_THEME_DARK };

/* The rules for all classes that panels use; `heat` adds the colour scale of the maps. */
void fus_theme_css(struct fus_text_buffer *out, const struct fus_theme *theme, enum fus_theme_mode mode, bool heat);

/* The class of category c (-1: no category, plain ink) drawn for model m: sets `color`, for currentColor. */
void fus_theme_class(struct fus_text_buffer *out, const struct fus_theme *theme, int c, int m);

/* A model's dash pattern (" stroke-dasharray=..." or nothing) and whether its markers and bars are filled. */
const char *fus_theme_dash(int model);
bool fus_theme_filled(int model);

/* A model's marker around (x, y), `r` its size. The element is left open for a <title>: `title` (escaped here) or NULL. */
void fus_theme_marker(struct fus_text_buffer *out, int model, double x, double y, double r, const char *title);

#endif
