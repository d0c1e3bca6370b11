/* SPDX-License-Identifier: MIT */
/* Which pictures a resample holds: see inference.h. For each place of the list, in order, one
 * picture of the same category, drawn by fus_rng seeded by seed + draw * 0xd1342543de82ef95.
 *
 *   pictures       one of the place's subcategory
 *   subcategories  the places of a subcategory get, together, a subcategory of the same category,
 *                  drawn at random; its pictures in turn, so all of them once where subcategories
 *                  are of one size
 *   both           such a subcategory, and of it a picture drawn for each place
 *
 * The number of pictures of a category is therefore the same in every resample. */
#include <string.h>

#include "analysis/inference.h"
#include "nn/base/rng.h"

static const char *const names[] = {"pictures", "subcategories", "both"};

const char *fus_redraw_name(enum fus_redraw_over over)
{
    return names[over];
}

static const int *strata(const struct fus_responses *r)
{
    return r->stratum ? r->stratum : r->category;
}

/* Pictures in order of their subcategory: members [n_images], those of subcategory s at first[s]
 * .. first[s+1]-1; first [n_images + 1] holds 0 at the start. */
static void sort_strata(size_t *members, size_t *first, const struct fus_responses *r)
{
    const int *stratum = strata(r);
    for (size_t i = 0; i < r->n_images; i++)
        first[stratum[i] + 1]++;
    for (size_t s = 0; s < r->n_images; s++)
        first[s + 1] += first[s];
    for (size_t s = 0, at = 0; s < r->n_images; s++)
        for (size_t i = 0; i < r->n_images && at < first[s + 1]; i++)
            if ((size_t)stratum[i] == s)
                members[at++] = i;
}

static size_t size_of(const struct fus_redraw *d, size_t stratum)
{
    return d->first[stratum + 1] - d->first[stratum];
}

static int category_of(const struct fus_redraw *d, size_t stratum)
{
    return d->r->category[d->members[d->first[stratum]]];
}

int fus_redraw_create(struct fus_redraw *d, const struct fus_responses *r, uint64_t seed, struct fus_error *err)
{
    size_t n = r->n_images;
    *d = (struct fus_redraw){.r = r, .seed = seed, .members = fus_base_alloc(4 * n + 1, sizeof *d->members)};
    if (!d->members)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for %zu pictures' places", n);
    d->first = d->members + n;
    d->drawn = d->first + n + 1;
    d->turn = d->drawn + n;
    sort_strata(d->members, d->first, r);
    return FUS_OK;
}

void fus_redraw_destroy(struct fus_redraw *d)
{
    fus_base_free(d->members);
    memset(d, 0, sizeof *d);
}

/* drawn[s]: the subcategory that stands for s, of the same category. */
static void draw_strata(const struct fus_redraw *d, struct fus_rng *rng)
{
    for (size_t s = 0; s < d->r->n_images; s++) {
        size_t among = 0, chosen = 0;
        if (!size_of(d, s))
            continue;
        for (size_t k = 0; k < d->r->n_images; k++)
            among += size_of(d, k) && category_of(d, k) == category_of(d, s);
        chosen = (size_t)fus_rng_below(rng, among);
        for (size_t k = 0; k < d->r->n_images; k++)
            if (size_of(d, k) && category_of(d, k) == category_of(d, s) && chosen-- == 0) {
                d->drawn[s] = k;
                break;
            }
    }
}

void fus_redraw_places(size_t *place, const struct fus_redraw *d, size_t draw)
{
    struct fus_rng rng;
    bool whole = d->r->over != FUS_REDRAW_PICTURES;
    fus_rng_seed(&rng, d->seed + (uint64_t)draw * 0xd1342543de82ef95u);
    if (whole)
        draw_strata(d, &rng);
    memset(d->turn, 0, d->r->n_images * sizeof *d->turn);
    for (size_t i = 0; i < d->r->n_images; i++) {
        size_t s = (size_t)strata(d->r)[i], from = whole ? d->drawn[s] : s, among = size_of(d, from);
        size_t k = d->r->over == FUS_REDRAW_SUBCATEGORIES ? d->turn[s]++ % among : (size_t)fus_rng_below(&rng, among);
        place[i] = d->members[d->first[from] + k];
    }
}
