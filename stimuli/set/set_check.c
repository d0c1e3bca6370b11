/* SPDX-License-Identifier: MIT */
/* Decodes every picture of a set once, in parallel, and feeds its consumers: digests, pixel
 * statistics, the cache, a caller's function. */
#include "stimuli/control/pixelstats.h"
#include "stimuli/set/cache.h"
#include "stimuli/set/set_raster.h"

struct check {
    const struct fus_set *set;
    const struct fus_set_consumers *wanted;
};

static int call_consumer(const struct fus_set_consumers *w, int i, struct fus_raster *reduced, struct fus_error *err)
{
    struct fus_image image = {0};
    int code = fus_raster_image(&image, reduced, err);
    if (!code)
        code = w->consume(w->context, i, &image, err);
    fus_image_free(&image);
    return code;
}

/* Most consumers take the same reduced picture. The full picture is freed before its spectrum is
 * computed, to save memory. */
static int feed_consumers(const struct check *c, int i, struct fus_raster *picture, struct fus_error *err)
{
    const struct fus_set_consumers *w = c->wanted;
    struct fus_raster small = {0};
    int code = fus_pixelstats_reduce(&small, picture, err);
    if (!code && w->cache)
        code = fus_cache_add(w->cache, i, picture, small.pixels ? &small : picture, err);
    if (small.pixels) {
        fus_raster_free(picture);
        *picture = small;
    }
    if (!code && w->stats)
        code = fus_pixelstats_raster(&w->stats[i], picture, err);
    if (!code && w->consume)
        code = call_consumer(w, i, picture, err);
    if (code)
        fus_base_blame(err, "%s: ", c->set->pictures[i].path);
    return code;
}

static int check_picture(void *arg, int i, struct fus_error *err)
{
    const struct check *c = arg;
    const struct fus_set_consumers *w = c->wanted;
    struct fus_raster picture = {0};
    int code = fus_set_raster(&picture, w->hex ? w->hex[i] : NULL, c->set, i, err);
    if (!code && (w->stats || w->cache || w->consume))
        code = feed_consumers(c, i, &picture, err);
    if (code && code != FUS_ESTOPPED && code != FUS_ENOMEM && c->set->pictures[i].line)
        fus_base_blame(err, "%s: line %d: ", c->set->list, c->set->pictures[i].line);
    fus_raster_free(&picture);
    return code;
}

int fus_set_check_range(const struct fus_set *set, int from, int end, const struct fus_set_consumers *wanted,
                        struct fus_error *err)
{
    struct check c = {set, wanted};
    if (wanted->bad)
        return fus_set_bad_each(wanted->bad, from, end, check_picture, &c, err);
    return fus_set_each(from, end, check_picture, &c, err);
}

int fus_set_check(const struct fus_set *set, char (*hex)[65], struct fus_pixelstats *stats, struct fus_cache *cache,
                  struct fus_error *err)
{
    return fus_set_check_range(set, 0, set->n_pictures,
                               &(struct fus_set_consumers){.hex = hex, .stats = stats, .cache = cache}, err);
}
