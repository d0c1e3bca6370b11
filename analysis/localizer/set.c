/* SPDX-License-Identifier: MIT */
/* The pictures of a run: opening the set, reading each picture once, finding duplicates. */
#include <stdlib.h>
#include <string.h>

#include "analysis/localizer/pictures.h"
#include "analysis/localizer/run.h"
#include "nn/base/utf8.h"

struct digest {
    const char *hex;
    int picture;
};

static int by_digest(const void *a, const void *b)
{
    const struct digest *x = a, *y = b;
    int c = strcmp(x->hex, y->hex);
    return c ? c : x->picture - y->picture;
}

/* A note for each picture that is identical, byte for byte, to an earlier one: usually a
 * mistake. */
static int warn_of_duplicates(const struct fus_localizer *run, struct fus_error *err)
{
    enum { SHOWN = 10 };
    const struct fus_set *set = &run->pictures.set;
    struct digest *d = fus_base_alloc((size_t)set->n_pictures, sizeof *d);
    int n = 0;
    if (!d)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for %d pictures", set->n_pictures);
    for (int i = 0; i < set->n_pictures; i++)
        d[i] = (struct digest){run->pictures.sha256[i], i};
    qsort(d, (size_t)set->n_pictures, sizeof *d, by_digest);
    for (int i = 1, first = 0; i < set->n_pictures; i++) {
        if (strcmp(d[i].hex, d[first].hex) != 0)
            first = i;
        else if (n++ < SHOWN) {
            char one[FUS_MESSAGE_BYTES], other[FUS_MESSAGE_BYTES];
            fus_utf8_escape(one, sizeof one, set->pictures[d[i].picture].path);
            fus_utf8_escape(other, sizeof other, set->pictures[d[first].picture].path);
            fus_note_say(&run->notes, "warning: %s is the same picture as %s", one, other);
        }
    }
    if (n > SHOWN)
        fus_note_say(&run->notes, "warning: %d more pictures are the same as others", n - SHOWN);
    fus_base_free(d);
    return FUS_OK;
}

int fus_run_set_make_grey(struct fus_run_pictures *p, struct fus_error *err)
{
    if (p->set.n_pictures > FUS_NEAR_PICTURES)
        return FUS_OK;
    p->grey = fus_base_alloc((size_t)p->set.n_pictures, FUS_NEAR_BYTES);
    return p->grey ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "no memory for %d pictures", p->set.n_pictures);
}

/* A note for each pair of near-duplicates (near.h): two views of one thing are no independent
 * samples of their category. */
static int warn_of_near(struct fus_localizer *run, struct fus_error *err)
{
    enum { SHOWN = 5 };
    struct fus_run_pictures *p = &run->pictures;
    int told = 0;
    if (!p->grey) {
        fus_note_say(&run->notes, "%d pictures: near-duplicates are looked for among up to %d", p->set.n_pictures,
                     FUS_NEAR_PICTURES);
        return FUS_OK;
    }
    int code = fus_near_find(&p->near, &p->n_near, p->grey, p->set.n_pictures, FUS_NEAR_R, err);
    for (int i = 0; i < p->n_near && !code; i++) {
        const struct fus_near_pair *pair = &p->near[i];
        if (strcmp(p->sha256[pair->a], p->sha256[pair->b]) == 0 || told++ >= SHOWN)
            continue;
        char one[FUS_MESSAGE_BYTES], other[FUS_MESSAGE_BYTES];
        fus_utf8_escape(one, sizeof one, p->set.pictures[pair->b].path);
        fus_utf8_escape(other, sizeof other, p->set.pictures[pair->a].path);
        fus_note_say(&run->notes, "warning: %s is nearly the same picture as %s (32 x 32 grey levels, r = %.3f)", one,
                     other, pair->r);
    }
    if (told > SHOWN)
        fus_note_say(&run->notes, "warning: %d more pairs of pictures are nearly the same; run.json lists them",
                     told - SHOWN);
    return code;
}

/* For struct fus_set_consumers. */
static int take_picture(void *run, int i, const struct fus_image *picture, struct fus_error *err)
{
    struct fus_run_pictures *p = &((struct fus_localizer *)run)->pictures;
    int code = p->grey ? fus_near_reduce(p->grey + (size_t)i * FUS_NEAR_BYTES, picture, err) : FUS_OK;
    return code ? code : fus_sheet_draw(run, i, picture, err);
}

/* Reads every picture to show: its digest, its pixel statistics, and the preprocessed inputs for
 * the cache. */
static int measure_pictures(struct fus_localizer *run, struct fus_error *err)
{
    int code = fus_cache_create(&run->pictures.cache, run->pictures.set.n_pictures, fus_memory_cache_bytes(run), err);
    struct fus_set_bad bad = {0};
    const struct fus_set_consumers wanted = {
        run->pictures.sha256, run->pictures.stats, run->pictures.cache, take_picture, run, &bad};
    double started = fus_run_now();
    if (!code)
        code = fus_sheet_create(run, err);
    for (int i = 0; i < run->n_models && !code; i++)
        code = fus_cache_want(run->pictures.cache, &run->models[i].preprocess, err);
    for (int i = run->pictures.first, end; i < run->pictures.end && !code; i = end) {
        end = run->pictures.end - i < 256 ? run->pictures.end : i + 256;
        code = fus_set_check_range(&run->pictures.set, i, end, &wanted, err);
        if (!code && run->pictures.end - run->pictures.first > 256)
            fus_run_progress(run, "checking", "pictures", end - run->pictures.first,
                             run->pictures.end - run->pictures.first, started);
    }
    if (!code)
        code = fus_pictures_refuse(&bad, run->pictures.end - run->pictures.first, &run->notes, err);
    fus_set_bad_free(&bad);
    return code;
}

static int count_subcategories(int *n, const struct fus_set *set, struct fus_error *err)
{
    bool *seen = fus_base_alloc((size_t)set->n_categories, (size_t)set->n_subcategories * sizeof *seen);
    if (!seen)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for %d subcategories", set->n_subcategories);
    for (int i = 0; i < set->n_pictures; i++) {
        const struct fus_picture *p = &set->pictures[i];
        bool *one = &seen[(size_t)p->category * (size_t)set->n_subcategories + (size_t)p->subcategory];
        n[p->category] += !*one;
        *one = true;
    }
    fus_base_free(seen);
    return FUS_OK;
}

/* Whether there are enough subcategories for --bootstrap-over, and pictures for --subsample. */
static int check_counts(const struct fus_localizer *run, struct fus_error *err)
{
    const struct fus_run_summary *s = &run->summary;
    for (int c = 0; c < s->n_categories && run->options.over == FUS_REDRAW_SUBCATEGORIES; c++)
        if (s->n_subcategories[c] < 2)
            return fus_base_fail(err, FUS_EINVAL,
                                 "--bootstrap-over subcategories: category %s has one; two or more expected, since "
                                 "one says nothing about others (--bootstrap-over both takes what there is)",
                                 s->categories[c]);
    struct fus_power_plan plan = {0};
    int code = run->options.subsample ? fus_power_parse(&plan, run->options.subsample, err) : FUS_OK;
    for (int c = 0; c < s->n_categories && plan.n_sizes && !code; c++)
        if (plan.sizes[plan.n_sizes - 1] > s->n_pictures[c])
            code = fus_base_fail(err, FUS_EINVAL, "--subsample: %d found; category %s has %d pictures",
                                 plan.sizes[plan.n_sizes - 1], s->categories[c], s->n_pictures[c]);
    if (code)
        return code;
    for (int c = 0; c < s->n_categories && run->options.over == FUS_REDRAW_BOTH; c++)
        if (s->n_subcategories[c] < 2)
            fus_note_say(&run->notes, "warning: category %s has one subcategory: its intervals speak of that one alone",
                         s->categories[c]);
    return FUS_OK;
}

int fus_run_set_describe(struct fus_localizer *run, struct fus_error *err)
{
    const struct fus_set *set = &run->pictures.set;
    run->summary.n_pictures = fus_base_alloc((size_t)set->n_categories, sizeof *run->summary.n_pictures);
    run->summary.n_subcategories = fus_base_alloc((size_t)set->n_categories, sizeof *run->summary.n_subcategories);
    run->summary.stimuli = fus_base_strdup(set->description);
    if (!run->summary.n_pictures || !run->summary.n_subcategories || !run->summary.stimuli)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for %d categories", set->n_categories);
    run->summary.categories = set->categories;
    run->summary.n_categories = set->n_categories;
    run->summary.options = run->options.select;
    run->summary.sesoi = run->options.sesoi;
    run->summary.criterion = run->rule[0] ? run->rule : NULL;
    for (int i = 0; i < set->n_pictures; i++)
        run->summary.n_pictures[set->pictures[i].category]++;
    int code = count_subcategories(run->summary.n_subcategories, set, err);
    if (!code)
        code = check_counts(run, err);
    enum fus_blocks_order order = run->options.halves == FUS_HALVES_NONE             ? FUS_BLOCKS_WHOLE
                                  : run->options.n_shards || run->pictures.of_shards ? FUS_BLOCKS_APART
                                                                                     : FUS_BLOCKS_HALVES;
    return code ? code : fus_blocks_cut(&run->pictures.blocks, set, order, err);
}

int fus_run_set_summarise(struct fus_localizer *run, struct fus_error *err)
{
    run->pictures.pixels = fus_base_alloc((size_t)run->pictures.set.n_categories, sizeof *run->pictures.pixels);
    if (!run->pictures.pixels)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for %d categories", run->pictures.set.n_categories);
    fus_pixelstats_summarise(run->pictures.pixels, &run->pictures.set, run->pictures.stats);
    run->summary.pixels = run->pictures.pixels;
    int code = warn_of_duplicates(run, err);
    return code ? code : warn_of_near(run, err);
}

/* --matched needs variances in both halves, and labels for the halves of the categories. */
static int check_halves(const struct fus_localizer *run, struct fus_error *err)
{
    const struct fus_set *set = &run->pictures.set;
    if (2 * set->n_categories > FUS_SELECT_CATEGORIES)
        return fus_base_fail(err, FUS_EINVAL, "--matched: %d categories found, at most %d expected", set->n_categories,
                             FUS_SELECT_CATEGORIES / 2);
    for (int c = 0; c < set->n_categories; c++) {
        int n[2] = {0, 0};
        for (int i = 0; i < set->n_pictures; i++)
            if (set->pictures[i].category == c)
                n[set->pictures[i].half]++;
        if (n[0] < 2 || n[1] < 2)
            return fus_base_fail(err, FUS_EINVAL,
                                 "--matched: category %s has %d and %d pictures in its halves, at least 2 in each "
                                 "expected",
                                 set->categories[c], n[0], n[1]);
    }
    return FUS_OK;
}

static int halves_by_option(struct fus_localizer *run, struct fus_error *err)
{
    struct fus_set *set = &run->pictures.set;
    int code = fus_set_halves_by_option(set, err);
    if (code)
        fus_base_blame(err, "%s: --halves option: ", run->options.stimuli);
    for (int c = 0; c < set->n_categories && !code; c++)
        if (strcmp(set->categories[c], "scrambled") != 0 && !fus_set_halves_has_both(set, c))
            fus_note_say(&run->notes,
                         "category %s has pictures of one of fLoc's options: its halves are its pictures in turn",
                         set->categories[c]);
    return code;
}

int fus_run_set_list(struct fus_localizer *run, struct fus_error *err)
{
    double start = fus_run_now();
    int code = fus_set_open(&run->pictures.set, run->options.stimuli, run->options.categories, err);
    if (!code) {
        fus_pictures_tell_left_out(&run->pictures.set, run->options.stimuli, &run->notes);
        fus_pictures_tell_names(&run->pictures.set, &run->notes);
    }
    if (!code && run->options.skip_bad) /* reads all pictures, in a shard too: its share depends on the whole set */
        code = fus_pictures_skip(&run->pictures.set, run->options.stimuli, &run->notes, err);
    if (!code && run->options.scrambled)
        code = fus_set_scrambled_add(&run->pictures.set, run->options.seed, err);
    if (!code && run->options.halves == FUS_HALVES_OPTION)
        code = halves_by_option(run, err);
    if (!code && run->options.matched)
        code = check_halves(run, err);
    if (!code)
        code = fus_run_set_describe(run, err);
    if (code)
        return code;
    run->pictures.end = run->pictures.set.n_pictures;
    if (run->options.n_shards)
        fus_blocks_shard(&run->pictures.first, &run->pictures.end, &run->pictures.blocks, run->options.shard,
                         run->options.n_shards);
    run->check_seconds = fus_run_now() - start;
    return FUS_OK;
}

int fus_run_set_read(struct fus_localizer *run, struct fus_error *err)
{
    double start = fus_run_now();
    run->pictures.sha256 = fus_base_alloc((size_t)run->pictures.set.n_pictures, sizeof *run->pictures.sha256);
    run->pictures.stats = fus_base_alloc((size_t)run->pictures.set.n_pictures, sizeof *run->pictures.stats);
    if (!run->pictures.sha256 || !run->pictures.stats)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for %d pictures", run->pictures.set.n_pictures);
    int code = fus_run_set_make_grey(&run->pictures, err);
    if (!code)
        code = measure_pictures(run, err);
    if (!code && !run->options.n_shards)
        code = fus_run_set_summarise(run, err);
    run->check_seconds += fus_run_now() - start;
    return code;
}
