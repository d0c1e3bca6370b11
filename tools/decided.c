/* Decided layers as files: see decided.h. One walk over all that a layer holds, `visit`, serves writing and reading. */
#define _POSIX_C_SOURCE 200809L
#include "tools/decided.h"

#include <stdio.h>
#include <string.h>

#include "tools/keep.h"
#include "nn/base/outfile.h"
#include "nn/base/sha256.h"

#define MAGIC "FUSLAYER1"
enum { DIGEST = FUS_SHA256_HEX - 1, PATH_BYTES = 4096 };

/* A field that is new here must be visited below. */
_Static_assert(sizeof(void *) != 8 || (sizeof(struct fus_layer_summary) == 136 && sizeof(struct fus_category_summary) == 200 &&
               sizeof(struct fus_run_layer) == 112), "does visit know every field?");

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

/* That n is what it was when it was written. */
static void visit_same(struct archive *a, size_t n)
{
    uint64_t there = n;
    visit(a, &there, sizeof there);
    a->failed = a->failed || there != n;
}

/* An array of its own, or NULL. */
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

static void visit_summary(struct archive *a, struct fus_layer_summary *s, const struct fus_run *run, const struct fus_tap *tap)
{
    struct fus_layer_summary plain = *s;
    plain.categories = NULL, plain.label = NULL, plain.bootstrap = NULL, plain.permuted = NULL;
    visit(a, &plain, sizeof plain);
    if (a->reading && !a->failed) {
        bool fits = plain.n_categories == run->set.n_categories && plain.channels == tap->channels && plain.height == tap->height &&
                    plain.width == tap->width;
        plain.categories = s->categories, plain.label = NULL, plain.bootstrap = NULL, plain.permuted = NULL;
        plain.n_categories = 0;
        *s = plain;
        a->failed = !fits;
    }
    s->categories = visit_array(a, s->categories, (size_t)run->set.n_categories, sizeof *s->categories);
    for (int c = 0; s->categories && a->reading && c < run->set.n_categories; c++)
        s->categories[c].map = NULL;
    s->n_categories = s->categories ? run->set.n_categories : 0;
    for (int c = 0; c < s->n_categories; c++)
        s->categories[c].map = visit_array(a, s->categories[c].map, (size_t)tap->height * (size_t)tap->width, sizeof *s->categories[c].map);
}

static void visit_bootstrap(struct archive *a, struct fus_bootstrap *b, const struct fus_run *run)
{
    size_t n = (size_t)run->set.n_categories * FUS_BOOTSTRAP_STATISTICS, draws = (size_t)run->bootstrap;
    if (a->reading)
        *b = (struct fus_bootstrap){.n_categories = run->set.n_categories, .n_resamples = draws, .n_images = (size_t)run->set.n_pictures};
    visit(a, &b->method, sizeof b->method);
    b->estimate = visit_array(a, b->estimate, n, sizeof *b->estimate);
    b->resampled = visit_array(a, b->resampled, n * draws, sizeof *b->resampled);
    b->nested = visit_array(a, b->nested, n * fus_bootstrap_n_nested(draws), sizeof *b->nested);
    b->left_out = visit_array(a, b->left_out, n * b->n_images, sizeof *b->left_out);
}

static void visit_layer(struct archive *a, struct fus_layer_summary *s, struct fus_run_layer *l, const struct fus_run *run, const struct fus_tap *tap)
{
    size_t n = (size_t)run->set.n_categories, n_pictures = (size_t)run->set.n_pictures;
    visit_summary(a, s, run, tap);
    visit_bootstrap(a, &l->bootstrap, run);
    l->permuted = visit_array(a, l->permuted, n, sizeof *l->permuted);
    l->sweep = visit_array(a, l->sweep, n * fus_sweep_count(), sizeof *l->sweep);
    l->rdm = visit_array(a, l->rdm, n * (n - 1) / 2, sizeof *l->rdm);
    l->picture_rdm = visit_array(a, l->picture_rdm, n_pictures * (n_pictures - 1) / 2, sizeof *l->picture_rdm);
    l->profile = visit_array(a, l->profile, n * n_pictures, sizeof *l->profile);
    visit(a, &l->n_top, sizeof l->n_top);
    a->failed = a->failed || l->n_top < 0 || (size_t)l->n_top > n * FUS_TOP_UNITS;
    l->top = visit_array(a, l->top, n * FUS_TOP_UNITS, sizeof *l->top);
    s->bootstrap = l->bootstrap.estimate ? &l->bootstrap : NULL;
}

/* Whose it is, of which program, and which labels belong to it. */
static void visit_header(struct archive *a, const struct fus_run *run, const char *units)
{
    char magic[sizeof MAGIC] = MAGIC, digest[DIGEST], labels[DIGEST];
    memcpy(digest, run->digest, DIGEST);
    memcpy(labels, units, DIGEST);
    visit(a, magic, sizeof magic);
    visit(a, digest, DIGEST);
    visit(a, labels, DIGEST);
    a->failed = a->failed || memcmp(magic, MAGIC, sizeof magic) != 0 || memcmp(digest, run->digest, DIGEST) != 0 || memcmp(labels, units, DIGEST) != 0;
    visit_same(a, sizeof(struct fus_layer_summary));
    visit_same(a, sizeof(struct fus_category_summary));
    visit_same(a, sizeof(struct fus_permute_category));
}

static void layer_paths(char path[PATH_BYTES], char units[PATH_BYTES], const struct fus_run *run, int model, int layer)
{
    const char *name = run->models[model].taps[layer].name;
    fus_keep_folder(path, PATH_BYTES, run, model);
    size_t n = strlen(path);
    snprintf(path + n, PATH_BYTES - n, "/decided-%s", name);
    fus_run_units_folder(units, PATH_BYTES, run, model);
    n = strlen(units);
    snprintf(units + n, PATH_BYTES - n, "/%s.npz", name);
}

int fus_decided_write(const struct fus_run *run, int model, int layer, const struct fus_layer_summary *summary, struct fus_error *err)
{
    char path[PATH_BYTES], units[PATH_BYTES], labels[FUS_SHA256_HEX], hex[FUS_SHA256_HEX];
    struct archive a = {.reading = false};
    struct fus_layer_summary s = *summary;
    layer_paths(path, units, run, model, layer);
    int code = fus_sha256_file(labels, units, err);
    if (!code)
        code = fus_outfile_open(&a.out, path, err);
    if (code)
        return code;
    fus_sha256_start(&a.sha);
    visit_header(&a, run, labels);
    visit_layer(&a, &s, &run->models[model].layers[layer], run, &run->models[model].taps[layer]);
    fus_sha256_hex(&a.sha, hex);
    fus_outfile_write(&a.out, hex, DIGEST);
    return fus_outfile_commit(&a.out, err);
}

static void free_layer(struct fus_layer_summary *s, struct fus_run_layer *l)
{
    fus_select_free(s);
    fus_bootstrap_destroy(&l->bootstrap);
    fus_base_free(l->permuted);
    fus_base_free(l->sweep);
    fus_base_free(l->rdm);
    fus_base_free(l->picture_rdm);
    fus_base_free(l->profile);
    fus_base_free(l->top);
    memset(l, 0, sizeof *l);
}

bool fus_decided_read(struct fus_layer_summary *summary, struct fus_run *run, int model, int layer)
{
    char path[PATH_BYTES], units[PATH_BYTES], labels[FUS_SHA256_HEX], hex[FUS_SHA256_HEX], written[DIGEST];
    struct archive a = {.reading = true};
    struct fus_run_layer *l = &run->models[model].layers[layer];
    layer_paths(path, units, run, model, layer);
    if (fus_sha256_file(labels, units, NULL) != FUS_OK || !(a.in = fus_base_open(path, NULL)))
        return false;
    fus_sha256_start(&a.sha);
    visit_header(&a, run, labels);
    if (!a.failed)
        visit_layer(&a, summary, l, run, &run->models[model].taps[layer]);
    fus_sha256_hex(&a.sha, hex);
    bool whole = !a.failed && fread(written, 1, DIGEST, a.in) == DIGEST && memcmp(written, hex, DIGEST) == 0;
    fclose(a.in);
    if (!whole)
        free_layer(summary, l);
    return whole;
}
