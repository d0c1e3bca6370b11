/* SPDX-License-Identifier: MIT */
/* Finished layers as files: see layer_result.h. One function over all fields of a layer, `visit`,
 * is used for writing and reading. */
#define _POSIX_C_SOURCE 200809L
#include "analysis/localizer/state/layer_result.h"

#include <stdio.h>
#include <string.h>

#include "analysis/contrast.h"
#include "analysis/run/run_dir.h"
#include "nn/base/outfile.h"
#include "nn/base/sha256.h"

#define MAGIC "FUSLAYER1"
enum { DIGEST = FUS_SHA256_HEX - 1, PATH_BYTES = FUS_RUN_DIR_PATH };

/* A new field must be added to `visit` below; `heldout` is not in the file, since a second set is
 * shown after all layers are decided on. */
_Static_assert(sizeof(void *) != 8 ||
                   (sizeof(struct fus_layer_summary) == 240 && sizeof(struct fus_category_summary) == 248),
               "does visit know every field?");

struct archive {
    bool reading, failed;
    struct fus_outfile out;
    FILE *in;
    struct fus_sha256 sha;
};

static void visit(struct archive *a, void *bytes, size_t n)
{
    if (a->failed)
        return;
    if (a->reading)
        a->failed = fread(bytes, 1, n, a->in) != n;
    else
        fus_outfile_write(&a->out, bytes, n);
    fus_sha256_add(&a->sha, bytes, n);
}

/* Checks that n has the value written. */
static void visit_same(struct archive *a, size_t n)
{
    uint64_t there = n;
    visit(a, &there, sizeof there);
    a->failed = a->failed || there != n;
}

/* A separate array, or NULL. */
static void *visit_array(struct archive *a, void *array, size_t n, size_t size)
{
    uint8_t there = array != NULL;
    visit(a, &there, 1);
    if (a->reading)
        array = there && !a->failed ? fus_base_alloc(n, size) : NULL;
    a->failed = a->failed || (there && !array);
    if (there && !a->failed)
        visit(a, array, n * size);
    return array;
}

/* The struct without its arrays, which are visited separately. */
static struct fus_layer_summary without_arrays(struct fus_layer_summary s)
{
    s.categories = NULL, s.label = NULL, s.bootstrap = NULL, s.matched = NULL, s.agreement = NULL;
    s.permuted = NULL;
    s.power = NULL, s.equal_n = NULL, s.sweep = NULL, s.rdm = NULL, s.picture_rdm = NULL, s.profile = NULL,
    s.heldout = NULL, s.top = NULL;
    return s;
}

static void visit_numbers(struct archive *a, struct fus_layer_summary *s, const struct fus_localizer *run,
                          const struct fus_tap *tap)
{
    struct fus_layer_summary numbers = without_arrays(*s);
    visit(a, &numbers, sizeof numbers);
    if (!a->reading || a->failed)
        return;
    a->failed = numbers.n_categories != run->pictures.set.n_categories || numbers.channels != tap->channels ||
                numbers.height != tap->height || numbers.width != tap->width || numbers.n_top < 0 ||
                numbers.n_top > numbers.n_categories * FUS_TOP_UNITS;
    *s = without_arrays(numbers);
    s->n_categories = 0;
}

static void visit_categories(struct archive *a, struct fus_layer_summary *s, const struct fus_localizer *run,
                             const struct fus_tap *tap)
{
    int n = run->pictures.set.n_categories;
    s->categories = visit_array(a, s->categories, (size_t)n, sizeof *s->categories);
    for (int c = 0; s->categories && a->reading && c < n; c++)
        s->categories[c].map = NULL;
    s->n_categories = s->categories ? n : 0;
    for (int c = 0; c < s->n_categories; c++)
        s->categories[c].map = visit_array(a, s->categories[c].map, (size_t)tap->height * (size_t)tap->width,
                                           sizeof *s->categories[c].map);
}

static void visit_bootstrap(struct archive *a, struct fus_layer_summary *s, const struct fus_localizer *run)
{
    size_t n = (size_t)run->pictures.set.n_categories * FUS_BOOTSTRAP_STATISTICS,
           draws = (size_t)run->options.bootstrap;
    if (draws == 0)
        return;
    if (a->reading && !(s->bootstrap = fus_base_alloc(1, sizeof *s->bootstrap)))
        a->failed = true;
    struct fus_bootstrap *b = s->bootstrap;
    if (a->failed)
        return;
    if (a->reading)
        *b = (struct fus_bootstrap){.n_categories = run->pictures.set.n_categories,
                                    .n_resamples = draws,
                                    .n_images = (size_t)run->pictures.set.n_pictures};
    visit(a, &b->method, sizeof b->method);
    b->estimate = visit_array(a, b->estimate, n, sizeof *b->estimate);
    b->resampled = visit_array(a, b->resampled, n * draws, sizeof *b->resampled);
    b->nested = visit_array(a, b->nested, n * fus_bootstrap_n_nested(draws), sizeof *b->nested);
    b->left_out = visit_array(a, b->left_out, n * b->n_images, sizeof *b->left_out);
    a->failed = a->failed || !b->estimate;
}

/* Its resamples; the counts before them say how many columns they have. */
static void visit_matched(struct archive *a, struct fus_layer_summary *s, const struct fus_localizer *run)
{
    size_t n = (size_t)run->pictures.set.n_categories, draws = (size_t)run->options.bootstrap;
    s->matched = visit_array(a, s->matched, 1, sizeof *s->matched);
    if (!s->matched || a->failed)
        return;
    if (a->reading)
        *s->matched = (struct fus_matched){.n_categories = (int)n,
                                           .bootstrap = {.n_categories = 2 * (int)n,
                                                         .n_resamples = draws,
                                                         .n_images = (size_t)run->pictures.set.n_pictures}};
    struct fus_matched *m = s->matched;
    m->first = visit_array(a, m->first, n + 1, sizeof *m->first);
    for (size_t c = 0; c < n && !a->failed; c++)
        a->failed = !m->first || m->first[c] > m->first[c + 1] || m->first[c + 1] - m->first[c] > FUS_MATCHED_MOST;
    if (a->failed || m->first[0] != 0) {
        a->failed = true;
        return;
    }
    size_t points = m->first[n], columns = points * FUS_MATCHED_STATISTICS;
    struct fus_bootstrap *b = &m->bootstrap;
    m->k = visit_array(a, m->k, points, sizeof *m->k);
    visit(a, &b->method, sizeof b->method);
    b->estimate = visit_array(a, b->estimate, columns, sizeof *b->estimate);
    b->resampled = visit_array(a, b->resampled, columns * draws, sizeof *b->resampled);
    b->nested = visit_array(a, b->nested, columns * fus_bootstrap_n_nested(draws), sizeof *b->nested);
    a->failed = a->failed || !m->k || !b->estimate || !b->resampled;
}

static void visit_layer(struct archive *a, struct fus_layer_summary *s, const struct fus_localizer *run,
                        const struct fus_tap *tap)
{
    size_t n = (size_t)run->pictures.set.n_categories, n_pictures = (size_t)run->pictures.set.n_pictures;
    visit_numbers(a, s, run, tap);
    if (a->failed)
        return;
    visit_categories(a, s, run, tap);
    visit_bootstrap(a, s, run);
    visit_matched(a, s, run);
    s->agreement = visit_array(a, s->agreement, n * FUS_AGREEMENT_UNITS * n_pictures, sizeof *s->agreement);
    s->permuted = visit_array(a, s->permuted, n, sizeof *s->permuted);
    struct fus_power_plan plan = {0};
    if (run->options.subsample && fus_power_parse(&plan, run->options.subsample, NULL) == FUS_OK)
        s->power = visit_array(a, s->power, n * (size_t)fus_power_count(&plan), sizeof *s->power);
    s->equal_n = visit_array(a, s->equal_n, n, sizeof *s->equal_n);
    s->sweep = visit_array(a, s->sweep, n * fus_sweep_count(), sizeof *s->sweep);
    s->rdm = visit_array(a, s->rdm, n * (n - 1) / 2, sizeof *s->rdm);
    s->picture_rdm = visit_array(a, s->picture_rdm, n_pictures * (n_pictures - 1) / 2, sizeof *s->picture_rdm);
    s->profile = visit_array(a, s->profile, n * n_pictures, sizeof *s->profile);
    s->top = visit_array(a, s->top, n * FUS_TOP_UNITS, sizeof *s->top);
}

/* The header: the run, the program, and the digest of the labels. */
static void visit_header(struct archive *a, const struct fus_localizer *run, const char *units)
{
    char magic[sizeof MAGIC] = MAGIC, digest[DIGEST], labels[DIGEST];
    memcpy(digest, run->state.digest, DIGEST);
    memcpy(labels, units, DIGEST);
    visit(a, magic, sizeof magic);
    visit(a, digest, DIGEST);
    visit(a, labels, DIGEST);
    a->failed = a->failed || memcmp(magic, MAGIC, sizeof magic) != 0 ||
                memcmp(digest, run->state.digest, DIGEST) != 0 || memcmp(labels, units, DIGEST) != 0;
    visit_same(a, sizeof(struct fus_layer_summary));
    visit_same(a, sizeof(struct fus_category_summary));
    visit_same(a, sizeof(struct fus_permute_category));
    visit_same(a, sizeof(struct fus_matched));
    visit_same(a, sizeof(struct fus_equaln_category));
}

static void layer_paths(char path[PATH_BYTES], char units[PATH_BYTES], const struct fus_localizer *run, int model,
                        int layer)
{
    const char *name = run->models[model].taps[layer].name;
    fus_run_dir_model_state(path, run->options.folder, model);
    size_t n = strlen(path);
    snprintf(path + n, PATH_BYTES - n, "/decided-%s", name);
    fus_run_dir_units(units, run->options.folder, run->models[model].name, name);
}

int fus_layer_result_write(const struct fus_localizer *run, int model, int layer, struct fus_error *err)
{
    char path[PATH_BYTES], units[PATH_BYTES], labels[FUS_SHA256_HEX], hex[FUS_SHA256_HEX];
    struct archive a = {.reading = false};
    struct fus_layer_summary s = run->summary.models[model].layers[layer]; /* only read */
    layer_paths(path, units, run, model, layer);
    int code = fus_sha256_file(labels, units, err);
    if (!code)
        code = fus_outfile_open(&a.out, path, err);
    if (code)
        return code;
    fus_sha256_start(&a.sha);
    visit_header(&a, run, labels);
    visit_layer(&a, &s, run, &run->models[model].taps[layer]);
    fus_sha256_hex(&a.sha, hex);
    fus_outfile_write(&a.out, hex, DIGEST);
    return fus_outfile_commit(&a.out, err);
}

bool fus_layer_result_read(struct fus_localizer *run, int model, int layer)
{
    char path[PATH_BYTES], units[PATH_BYTES], labels[FUS_SHA256_HEX], hex[FUS_SHA256_HEX], written[DIGEST];
    struct archive a = {.reading = true};
    struct fus_layer_summary *s = &run->summary.models[model].layers[layer];
    layer_paths(path, units, run, model, layer);
    if (fus_sha256_file(labels, units, NULL) != FUS_OK || !(a.in = fus_base_open(path, NULL)))
        return false;
    fus_sha256_start(&a.sha);
    visit_header(&a, run, labels);
    if (!a.failed)
        visit_layer(&a, s, run, &run->models[model].taps[layer]);
    fus_sha256_hex(&a.sha, hex);
    bool whole = !a.failed && fread(written, 1, DIGEST, a.in) == DIGEST && memcmp(written, hex, DIGEST) == 0;
    fclose(a.in);
    if (!whole)
        fus_summary_free_layer(s);
    return whole;
}
