/* SPDX-License-Identifier: MIT */
/* Batches of training pictures: see feed.h. The cache keeps the input of a picture's augmentation:
 * with crops the decoded picture, else the resized and cropped one; 8 bits a value, one channel if
 * it is grey. */
#include "stimuli/feed.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nn/base/number.h"
#include "nn/base/rng.h"
#include "nn/base/sha256.h"
#include "stimuli/set/folder.h"
#include "stimuli/set/set_raster.h"

/* Purposes of the counter (seed, epoch, item, purpose). */
enum { ORDER = 1 /* augment.c: 2, text/captions.c: 3 */ };

struct kept {
    struct fus_raster raster; /* its pixels follow the struct */
};

struct fus_feed_cache {
    atomic_size_t bytes;
    size_t n_slots;
    _Atomic(struct kept *) slots[]; /* [n_sets, n_items] */
};

/* ---- opening ---- */

static int n_sets(const struct fus_feed *f)
{
    return f->set.drawn && f->options.n_fresh > 1 ? f->options.n_fresh : 1;
}

uint64_t fus_feed_drawing_seed(const struct fus_feed *f, uint64_t epoch)
{
    return f->set.seed + epoch % (uint64_t)n_sets(f);
}

const char *fus_feed_path(const struct fus_feed *f, int item)
{
    return f->set.pictures[f->picture[item]].path;
}

struct entry {
    const char *class_name, *path;
    int picture;
};

static int by_class_and_path(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    int c = x->class_name == y->class_name ? 0 : fus_folder_compare(x->class_name, y->class_name);
    c = c ? c : fus_folder_compare(x->path, y->path);
    return c ? c : (x->picture > y->picture) - (x->picture < y->picture);
}

static int no_memory(struct fus_error *err)
{
    return fus_base_fail(err, FUS_ENOMEM, "no memory for the list of training pictures");
}

/* Items and classes from entries [n_items] in order. */
static void take_entries(struct fus_feed *f, const struct entry *e)
{
    for (int i = 0; i < f->n_items; i++) {
        if (i == 0 || e[i].class_name != e[i - 1].class_name)
            f->classes[f->n_classes++] = e[i].class_name;
        f->label[i] = f->n_classes - 1;
        f->picture[i] = e[i].picture;
        f->train[i] = i;
    }
    f->n_train = f->n_items;
}

static int list_items(struct fus_feed *f, struct fus_error *err)
{
    size_t n = (size_t)f->set.n_pictures;
    struct entry *entries = fus_base_alloc(n, sizeof *entries);
    f->classes = fus_base_alloc((size_t)f->set.n_subcategories, sizeof *f->classes);
    f->label = fus_base_alloc(n, sizeof *f->label);
    f->picture = fus_base_alloc(n, sizeof *f->picture);
    f->train = fus_base_alloc(n, sizeof *f->train);
    f->held = fus_base_alloc(n, sizeof *f->held);
    bool fits = entries && f->classes && f->label && f->picture && f->train && f->held;
    f->n_items = f->set.n_pictures;
    for (int i = 0; i < f->n_items && fits; i++) {
        const struct fus_picture *p = &f->set.pictures[i];
        entries[i] = (struct entry){f->set.subcategories[p->subcategory], p->path, i};
    }
    if (fits) {
        qsort(entries, n, sizeof *entries, by_class_and_path);
        take_entries(f, entries);
    }
    fus_base_free(entries);
    return fits ? FUS_OK : no_memory(err);
}

static int create_cache(struct fus_feed *f, struct fus_error *err)
{
    size_t slots, bytes;
    bool fits = fus_base_mul(&slots, (size_t)f->n_items, (size_t)n_sets(f)) &&
                fus_base_mul(&bytes, slots, sizeof(struct kept *)) && fus_base_add(&bytes, bytes, sizeof *f->cache);
    f->cache = fits ? fus_base_alloc(1, bytes) : NULL;
    if (!f->cache)
        return no_memory(err);
    f->cache->n_slots = slots;
    return FUS_OK;
}

static int check_classes(const struct fus_feed *f, const char *spec, struct fus_error *err)
{
    if (f->n_classes < 2)
        return fus_base_fail(err, FUS_EINVAL, "%s: %s; at least two classes (folders) are needed to tell apart", spec,
                             f->n_classes ? "only one class" : "no class");
    for (int i = 0, n = 1; i < f->n_items; i++, n++) {
        if (i + 1 < f->n_items && f->label[i + 1] == f->label[i])
            continue;
        if (n < 2)
            return fus_base_fail(err, FUS_EINVAL, "%s: class %s has 1 picture; at least 2 are needed to learn it", spec,
                                 f->classes[f->label[i]]);
        n = 0;
    }
    return FUS_OK;
}

int fus_feed_open(struct fus_feed *feed, const char *spec, const struct fus_feed_options *options,
                  struct fus_error *err)
{
    struct fus_feed f = {.options = *options};
    int code = fus_set_open_classes(&f.set, spec, err);
    if (code)
        return code;
    code = list_items(&f, err);
    if (!code)
        code = check_classes(&f, spec, err);
    if (!code)
        code = create_cache(&f, err);
    if (code)
        fus_feed_close(&f);
    else
        *feed = f;
    return code;
}

void fus_feed_close(struct fus_feed *f)
{
    for (size_t i = 0; f->cache && i < f->cache->n_slots; i++)
        fus_base_free(atomic_load(&f->cache->slots[i]));
    fus_base_free(f->cache);
    fus_base_free(f->classes);
    fus_base_free(f->label);
    fus_base_free(f->picture);
    fus_base_free(f->train);
    fus_base_free(f->held);
    fus_base_free(f->hex);
    fus_set_close(&f->set);
    memset(f, 0, sizeof *f);
}

/* ---- held-out pictures ---- */

bool fus_feed_parse_percent(int *percent, const char *text)
{
    uint64_t n;
    const char *rest;
    if (!fus_number_whole(&n, text, &rest) || (*rest && strcmp(rest, "%") != 0) || n < 1 || n > 50)
        return false;
    *percent = (int)n;
    return true;
}

int fus_feed_hold_out(struct fus_feed *f, int percent, struct fus_error *err)
{
    if (percent < 1 || percent > 50)
        return fus_base_fail(err, FUS_EINVAL, "%d %% of the pictures held out; expected 1 to 50", percent);
    f->n_train = f->n_held = 0;
    for (int i = 0, k = 0; i < f->n_items; i++, k++) {
        k = i > 0 && f->label[i] != f->label[i - 1] ? 0 : k;
        bool last = i + 1 == f->n_items || f->label[i + 1] != f->label[i];
        bool held = (k + 1) * (long long)percent / 100 > k * (long long)percent / 100;
        held = held || (last && (k + 1) * (long long)percent < 100);
        if (held)
            f->held[f->n_held++] = i;
        else
            f->train[f->n_train++] = i;
        if (last && k < 2)
            return fus_base_fail(err, FUS_EINVAL,
                                 "class %s has %d pictures: one held out leaves %d; expected at least 2 to learn from",
                                 f->classes[f->label[i]], k + 1, k);
    }
    return FUS_OK;
}

static int find_class(const struct fus_feed *f, const char *name)
{
    int c = f->n_classes - 1;
    while (c >= 0 && strcmp(f->classes[c], name) != 0)
        c--;
    return c;
}

int fus_feed_match(struct fus_feed *other, const struct fus_feed *feed, struct fus_error *err)
{
    const char **classes = fus_base_alloc((size_t)feed->n_classes, sizeof *classes);
    int *map = fus_base_alloc((size_t)other->n_classes, sizeof *map);
    int code = classes && map ? FUS_OK : no_memory(err);
    for (int c = 0; c < other->n_classes && !code; c++) {
        map[c] = find_class(feed, other->classes[c]);
        if (map[c] < 0)
            code = fus_base_fail(
                err, FUS_ENOTFOUND,
                "class %s of the pictures to be validated on is not among the %d classes of the training pictures",
                other->classes[c], feed->n_classes);
    }
    if (!code) {
        memcpy(classes, feed->classes, (size_t)feed->n_classes * sizeof *classes);
        for (int i = 0; i < other->n_items; i++) {
            other->label[i] = map[other->label[i]];
            other->held[i] = i;
        }
        fus_base_free(other->classes);
        other->classes = classes;
        other->n_classes = feed->n_classes;
        other->n_train = 0;
        other->n_held = other->n_items;
        classes = NULL;
    }
    fus_base_free(classes);
    fus_base_free(map);
    return code;
}

/* ---- order ---- */

void fus_feed_order(int *order, const struct fus_feed *f, uint64_t epoch)
{
    struct fus_rng rng;
    fus_rng_seed_counter(&rng, (const uint64_t[]){f->options.seed, epoch, 0, ORDER}, 4);
    memcpy(order, f->train, (size_t)f->n_train * sizeof *order);
    for (int i = f->n_train - 1; i > 0; i--) {
        int k = (int)fus_rng_below(&rng, (uint64_t)i + 1), swap = order[i];
        order[i] = order[k];
        order[k] = swap;
    }
}

/* ---- pictures ---- */

/* The picture of an item, decoded or drawn, checked against its digest. */
static int decode(struct fus_raster *out, const struct fus_feed *f, int item, uint64_t epoch, struct fus_error *err)
{
    const struct fus_picture *p = &f->set.pictures[f->picture[item]];
    if (f->set.drawn && p->source < 0) {
        struct fus_image image = {0};
        int code = fus_generate_reduced(&image, f->set.subcategories[p->subcategory], p->index,
                                        fus_feed_drawing_seed(f, epoch), f->set.side, err);
        if (!code)
            *out = fus_raster_of(&image);
        return code;
    }
    char found[65];
    int code = fus_set_raster(out, f->hex ? found : NULL, &f->set, f->picture[item], err);
    if (!code && f->hex && strcmp(found, f->hex[item]) != 0)
        code = fus_base_fail(err, FUS_EINVAL, "%s: changed since it was checked: SHA-256 %s found, %s expected",
                             p->path, found, f->hex[item]);
    return code;
}

/* The input of an item's augmentation, from the decoded picture, which is freed or moved. */
static int begin(struct fus_raster *out, const struct fus_feed *f, struct fus_raster *decoded, struct fus_error *err)
{
    struct fus_raster grey = {0}, made = {0};
    int code = fus_raster_grey(&grey, decoded, err);
    const struct fus_raster *small = grey.pixels ? &grey : decoded;
    if (!code && !f->options.augment.crop)
        code = fus_preprocess_raster(&made, &f->options.preprocess, small, err);
    else if (!code) {
        made = *small;
        *(grey.pixels ? &grey : decoded) = (struct fus_raster){0};
    }
    fus_raster_free(&grey);
    fus_raster_free(decoded);
    if (!code)
        *out = made;
    return code;
}

/* Keeps a copy of r for later epochs if there is room. */
static void keep(struct fus_feed *f, size_t slot, const struct fus_raster *r)
{
    struct fus_feed_cache *c = f->cache;
    size_t row = (size_t)r->width * (size_t)r->channels, n = row * (size_t)r->height + sizeof(struct kept);
    struct kept *k = NULL, *none = NULL;
    if (atomic_fetch_add(&c->bytes, n) + n <= f->options.cache_bytes)
        k = fus_base_alloc(1, n);
    if (k) {
        k->raster = (struct fus_raster){(uint8_t *)(k + 1), row, r->width, r->height, r->channels, r->dim};
        for (size_t y = 0; y < (size_t)r->height; y++)
            memcpy(k->raster.pixels + y * row, r->pixels + y * r->stride, row);
        if (atomic_compare_exchange_strong(&c->slots[slot], &none, k))
            return;
    }
    fus_base_free(k);
    atomic_fetch_sub(&c->bytes, n);
}

/* *own: what must be freed; *r: the picture, kept or own. */
static int get_begin(struct fus_raster *r, struct fus_raster *own, struct fus_feed *f, int item, uint64_t epoch,
                     struct fus_error *err)
{
    size_t slot = (size_t)(epoch % (uint64_t)n_sets(f)) * (size_t)f->n_items + (size_t)item;
    struct kept *k = atomic_load(&f->cache->slots[slot]);
    struct fus_raster decoded = {0};
    *own = (struct fus_raster){0};
    if (k) {
        *r = k->raster;
        return FUS_OK;
    }
    int code = decode(&decoded, f, item, epoch, err);
    if (code) {
        fus_raster_free(&decoded);
        return code;
    }
    code = begin(own, f, &decoded, err);
    if (code)
        fus_base_blame(err, "%s: ", fus_feed_path(f, item));
    else
        keep(f, slot, own);
    *r = *own;
    return code;
}

/* out [3, side, side] of an item. */
static int prepare(float *out, struct fus_feed *f, int item, uint64_t epoch, bool augmented, struct fus_error *err)
{
    const struct fus_preprocess *p = &f->options.preprocess;
    const struct fus_augment *a = &f->options.augment;
    struct fus_raster first = {0}, own = {0}, cut = {0};
    struct fus_augment_choice c = {.contrast = 1};
    int code = get_begin(&first, &own, f, item, epoch, err);
    if (!code && augmented)
        fus_augment_choose(&c, a, first.width, first.height, f->options.seed, epoch, (uint64_t)item);
    if (!code && a->crop)
        code = augmented ? fus_augment_crop(&cut, &first, &c, p->crop, p->filter, err)
                         : fus_preprocess_raster(&cut, p, &first, err);
    if (!code)
        fus_augment_apply(out, &c, p, cut.pixels ? &cut : &first);
    fus_raster_free(&cut);
    fus_raster_free(&own);
    return code;
}

struct batch {
    float *input;
    struct fus_feed *feed;
    const int *items;
    uint64_t epoch;
    bool augmented;
};

static int prepare_one(void *arg, int i, struct fus_error *err)
{
    const struct batch *b = arg;
    size_t side = (size_t)b->feed->options.preprocess.crop;
    return prepare(b->input + (size_t)i * 3 * side * side, b->feed, b->items[i], b->epoch, b->augmented, err);
}

int fus_feed_batch(float *input, struct fus_feed *feed, const int *items, int n, uint64_t epoch, bool augmented,
                   struct fus_error *err)
{
    struct batch b = {input, feed, items, epoch, augmented};
    return fus_set_each(0, n, prepare_one, &b, err);
}

/* ---- the check ---- */

struct check {
    struct fus_feed *feed;
    char (*hex)[65];
};

static int check_one(void *arg, int item, struct fus_error *err)
{
    const struct check *c = arg;
    struct fus_raster decoded = {0}, first = {0};
    int code = fus_set_raster(&decoded, c->hex[item], &c->feed->set, c->feed->picture[item], err);
    if (code) {
        fus_raster_free(&decoded);
        return code;
    }
    code = begin(&first, c->feed, &decoded, err);
    if (code)
        fus_base_blame(err, "%s: ", fus_feed_path(c->feed, item));
    else
        keep(c->feed, (size_t)item, &first);
    fus_raster_free(&first);
    return code;
}

static void digest(char sha256[65], const struct fus_feed *f)
{
    struct fus_sha256 sha;
    char text[128];
    fus_sha256_start(&sha);
    if (f->set.drawn) {
        snprintf(text, sizeof text, "drawn seed=%" PRIu64 " sets=%d side=%d\n", f->set.seed, n_sets(f), f->set.side);
        fus_sha256_add(&sha, text, strlen(text));
    }
    for (int i = 0; i < f->n_items; i++) {
        const char *name = f->classes[f->label[i]], *hex = f->hex ? f->hex[i] : "";
        fus_sha256_add(&sha, name, strlen(name) + 1);
        fus_sha256_add(&sha, hex, strlen(hex) + 1);
    }
    fus_sha256_hex(&sha, sha256);
}

int fus_feed_check(struct fus_feed *f, char sha256[65], struct fus_error *err)
{
    struct check c = {f, f->set.drawn ? NULL : fus_base_alloc((size_t)f->n_items, sizeof *c.hex)};
    if (!f->set.drawn && !c.hex)
        return no_memory(err);
    int code = f->set.drawn ? FUS_OK : fus_set_each(0, f->n_items, check_one, &c, err);
    if (code) {
        fus_base_free(c.hex);
        return code;
    }
    fus_base_free(f->hex);
    f->hex = c.hex;
    if (sha256)
        digest(sha256, f);
    return FUS_OK;
}
