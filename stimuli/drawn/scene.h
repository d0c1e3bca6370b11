/* SPDX-License-Identifier: MIT */
/* Private to stimuli/: common to the drawn kinds: random choices, captions, the place of an
 * object. */
#ifndef FUS_SCENE_H
#define FUS_SCENE_H

#include "stimuli/drawn/draw.h"

struct fus_scene_caption {
    char s[240];
    size_t n;
};

double fus_scene_between(struct fus_rng *rng, double low, double high);
bool fus_scene_chance(struct fus_rng *rng, double p);
int fus_scene_pick(struct fus_rng *rng, int n); /* 0 .. n-1 */

/* Appends to the caption (NULL allowed); what does not fit is cut off. */
void fus_scene_say(struct fus_scene_caption *caption, const char *fmt, ...) FUS_PRINTF(2, 3);

/* The place of an object: its coordinates -1..1 become `size` of the picture's side around (x, y),
 * rotated by `turn` half turns. */
struct fus_scene_place {
    double x, y, size, turn;
    bool mirrored;
};
void fus_scene_put(struct fus_draw *d, const struct fus_scene_place *p);

#endif
