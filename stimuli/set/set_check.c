/* Every picture of a set in parallel: the first failure in set order is the one that is told, whatever the threads do. */
#include <pthread.h>
#include <string.h>

#include "stimuli/set/cache.h"
#include "nn/base/sha256.h"
#include "nn/base/threads.h"

/* What the threads of one fus_set_each share. */
struct each {
    int (*visit)(void *arg, int i, struct fus_error *err);
    void *arg;
    int from;
    pthread_mutex_t mutex;  /* of the rest */
    int bad;                /* the first picture known to be bad; none behind it is visited any more */
    struct fus_error first; /* what is wrong with it */
};

static bool is_wanted(struct each *e, int i)
{
    pthread_mutex_lock(&e->mutex);
    bool wanted = i <= e->bad;
    pthread_mutex_unlock(&e->mutex);
    return wanted;
}

static void report(struct each *e, int i, const struct fus_error *err)
{
    pthread_mutex_lock(&e->mutex);
    if (i < e->bad) {
        e->bad = i;
        e->first = *err;
    }
    pthread_mutex_unlock(&e->mutex);
}

static void visit_one(void *context, int task, int thread)
{
    struct each *e = context;
    struct fus_error err = {0};
    int i = e->from + task;
    (void)thread;
    if (is_wanted(e, i) && (fus_base_stopping() ? fus_base_fail(&err, FUS_ESTOPPED, "stopped") : e->visit(e->arg, i, &err)))
        report(e, i, &err);
}

int fus_set_each(int from, int end, int (*visit)(void *arg, int i, struct fus_error *err), void *arg,
                 struct fus_error *err)
{
    struct each e = {.visit = visit, .arg = arg, .from = from, .bad = end};
    pthread_mutex_init(&e.mutex, NULL);
    fus_threads_for(end - from, visit_one, &e);
    pthread_mutex_destroy(&e.mutex);
    if (e.bad == end)
        return FUS_OK;
    if (err)
        *err = e.first;
    return e.first.code;
}

struct check {
    const struct fus_set *set;
    const struct fus_set_wanted *wanted;
};

/* What the program made itself has no file: its pixels are what is digested. */
static int take_made(struct fus_raster *picture, struct fus_sha256 *sha, const struct fus_set *set, int i, struct fus_error *err)
{
    struct fus_image image = {0};
    int code = fus_set_picture(&image, set, i, err);
    if (code)
        return code;
    *picture = fus_raster_of(&image);
    if (sha)
        fus_sha256_add(sha, image.pixels, (size_t)image.width * (size_t)image.height * 3);
    return FUS_OK;
}

static int take_file(struct fus_raster *picture, struct fus_sha256 *sha, const char *path, struct fus_error *err)
{
    uint8_t *bytes = NULL;
    size_t n = 0;
    int code = fus_base_read_file(&bytes, &n, path, FUS_IMAGE_MAX_BYTES, err);
    if (!code)
        code = fus_raster_decode(picture, bytes, n, err);
    if (code)
        fus_base_blame(err, "%s: ", path);
    else if (sha)
        fus_sha256_add(sha, bytes, n);
    if (!code)
        fus_image_note_dim(path, picture->dim);
    fus_base_free(bytes);
    return code;
}

int fus_set_raster(struct fus_raster *picture, char hex[65], const struct fus_set *set, int i, struct fus_error *err)
{
    struct fus_sha256 digest, *sha = hex ? &digest : NULL;
    const struct fus_picture *p = &set->pictures[i];
    fus_sha256_start(&digest);
    int code = set->drawn || p->source >= 0 ? take_made(picture, sha, set, i, err) : take_file(picture, sha, p->path, err);
    if (!code && hex)
        fus_sha256_hex(sha, hex);
    return code;
}

static int show(const struct fus_set_wanted *w, int i, struct fus_raster *reduced, struct fus_error *err)
{
    struct fus_image image = {0};
    int code = fus_raster_image(&image, reduced, err);
    if (!code)
        code = w->see(w->context, i, &image, err);
    fus_image_free(&image);
    return code;
}

/* All ask for the same reduced picture, as a rule; the picture itself makes room for its spectrum. */
static int hand_round(const struct check *c, int i, struct fus_raster *picture, struct fus_error *err)
{
    const struct fus_set_wanted *w = c->wanted;
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
    if (!code && w->see)
        code = show(w, i, picture, err);
    if (code)
        fus_base_blame(err, "%s: ", c->set->pictures[i].path);
    return code;
}

static int check_picture(void *arg, int i, struct fus_error *err)
{
    const struct check *c = arg;
    const struct fus_set_wanted *w = c->wanted;
    struct fus_raster picture = {0};
    int code = fus_set_raster(&picture, w->hex ? w->hex[i] : NULL, c->set, i, err);
    if (!code && (w->stats || w->cache || w->see))
        code = hand_round(c, i, &picture, err);
    if (code && code != FUS_ESTOPPED && code != FUS_ENOMEM && c->set->pictures[i].line)
        fus_base_blame(err, "%s: line %d: ", c->set->list, c->set->pictures[i].line);
    fus_raster_free(&picture);
    return code;
}

int fus_set_check_some(const struct fus_set *set, int from, int end, const struct fus_set_wanted *wanted, struct fus_error *err)
{
    struct check c = {set, wanted};
    if (wanted->bad)
        return fus_set_each_bad(wanted->bad, from, end, check_picture, &c, err);
    return fus_set_each(from, end, check_picture, &c, err);
}

int fus_set_check(const struct fus_set *set, char (*hex)[65], struct fus_pixelstats *stats, struct fus_cache *cache,
                  struct fus_error *err)
{
    return fus_set_check_some(set, 0, set->n_pictures, &(struct fus_set_wanted){.hex = hex, .stats = stats, .cache = cache}, err);
}
