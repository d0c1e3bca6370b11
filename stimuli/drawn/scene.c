/* SPDX-License-Identifier: MIT */
/* What the drawn kinds share: random choices, captions, and the place of an object. */
#include "stimuli/drawn/scene.h"

#include <stdarg.h>
#include <stdio.h>

double fus_scene_between(struct fus_rng *rng, double low, double high)
{
    return low + (high - low) * fus_rng_uniform(rng);
}

bool fus_scene_chance(struct fus_rng *rng, double p)
{
    return fus_rng_uniform(rng) < p;
}

int fus_scene_pick(struct fus_rng *rng, int n)
{
    return (int)fus_rng_below(rng, (uint64_t)n);
}

void fus_scene_say(struct fus_scene_caption *caption, const char *fmt, ...)
{
    va_list ap;
    if (!caption || caption->n + 1 >= sizeof caption->s)
        return;
    va_start(ap, fmt);
    int n = vsnprintf(caption->s + caption->n, sizeof caption->s - caption->n, fmt, ap);
    va_end(ap);
    caption->n += n > 0 ? (size_t)n : 0;
    if (caption->n > sizeof caption->s - 1)
        caption->n = sizeof caption->s - 1;
}

void fus_scene_put(struct fus_draw *d, const struct fus_scene_place *p)
{
    d->frame = (struct fus_frame){d->side, 0, 0, 0, d->side, 0};
    fus_draw_shift(d, p->x, p->y);
    fus_draw_scale(d, p->mirrored ? -p->size : p->size, p->size);
    fus_draw_turn(d, p->turn);
}
