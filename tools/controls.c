/* SPDX-License-Identifier: MIT */
/* Control pictures as files: see controls.h. */
#include "tools/controls.h"

#include <stdio.h>
#include <string.h>

#include "analysis/localizer/pictures.h"
#include "stimuli/stimuli.h"
#include "tools/progress.h"
#include "tools/tree.h"

struct work {
    const struct fus_controls *o;
    struct fus_tree tree;
    struct fus_shine_light *light; /* [tree.n] */
    struct fus_shine_target target;
    size_t *n_clipped, *n_values; /* [tree.n] */
    int *width, *height;          /* [tree.n] */
};

/* What one picture becomes. */
static int change(struct fus_image *out, size_t *n_clipped, const struct work *w, const struct fus_image *in,
                  struct fus_error *err)
{
    const struct fus_controls *o = w->o;
    if (o->method == FUS_CONTROL_BOX)
        return fus_scramble_box(out, in, o->grid, o->seed, err);
    if (o->method == FUS_CONTROL_PHASE)
        return fus_scramble_phase(out, n_clipped, in, o->seed, err);
    if (o->method == FUS_CONTROL_LUMINANCE)
        return fus_shine_luminance(out, n_clipped, in, &w->target, err);
    return fus_shine_histogram(out, n_clipped, in, &w->target, err);
}

/* The first pass: can it be read, how large is it, and what is its light? */
static int look(void *arg, int i, struct fus_error *err)
{
    struct work *w = arg;
    struct fus_image image = {0};
    int code = fus_decode_file(&image, w->tree.files[i].in, err);
    if (code)
        return code;
    w->width[i] = image.width, w->height[i] = image.height;
    fus_shine_measure(&w->light[i], &image);
    fus_image_free(&image);
    return FUS_OK;
}

/* Whether every picture has as many pixels as the grid has boxes, in both directions. */
static int check_grid(const struct work *w, struct fus_error *err)
{
    int grid = w->o->method == FUS_CONTROL_BOX ? w->o->grid : 0;
    for (int i = 0; i < w->tree.n; i++)
        if (grid > w->width[i] || grid > w->height[i])
            return fus_base_fail(err, FUS_EINVAL,
                                 "%s: found %d x %d pixels, expected at least %d x %d for a grid of as many boxes",
                                 w->tree.files[i].in, w->width[i], w->height[i], grid, grid);
    return FUS_OK;
}

static int make(void *arg, int i, struct fus_error *err)
{
    struct work *w = arg;
    struct fus_image in = {0}, out = {0};
    int code = fus_decode_file(&in, w->tree.files[i].in, err);
    if (code)
        return code;
    code = change(&out, &w->n_clipped[i], w, &in, err);
    if (code)
        fus_base_blame(err, "%s: ", w->tree.files[i].in);
    else
        code = fus_png_write(w->tree.files[i].out, &out, err);
    w->n_values[i] = 3 * (size_t)in.width * (size_t)in.height;
    fus_image_free(&in);
    fus_image_free(&out);
    return code;
}

static void tell(const struct work *w)
{
    size_t clipped = 0, values = 0;
    for (int i = 0; i < w->tree.n; i++) {
        clipped += w->n_clipped[i];
        values += w->n_values[i];
    }
    if (clipped)
        fprintf(stderr, "%.2f %% of the values were clipped to 0..255\n", 100.0 * (double)clipped / (double)values);
    printf("%d picture%s in %s\n", w->tree.n, w->tree.n == 1 ? "" : "s", w->o->out);
}

/* Every picture is read; those that cannot be are left out of the tree, or listed. */
static int look_at_all(struct work *w, struct fus_error *err)
{
    struct fus_set_bad bad = {0};
    int code = fus_set_bad_each(&bad, 0, w->tree.n, look, w, err);
    if (!code && !w->o->skip_bad)
        code = fus_pictures_refuse(&bad, w->tree.n, &fus_progress_notes, err);
    else if (!code)
        fus_pictures_tell_skipped(&bad, w->tree.n, &fus_progress_notes);
    int n = 0;
    for (int i = 0, k = 0; i < w->tree.n && !code; i++) {
        if (k < bad.n && bad.items[k].picture == i) {
            fus_tree_free_file(&w->tree.files[i]);
            k++;
            continue;
        }
        w->light[n] = w->light[i];
        w->width[n] = w->width[i], w->height[n] = w->height[i];
        w->tree.files[n++] = w->tree.files[i];
    }
    w->tree.n = code ? w->tree.n : n;
    if (!code && w->tree.n == 0)
        code = fus_base_fail(err, FUS_EINVAL, "%s: no picture is left: none can be read", w->o->in);
    fus_set_bad_free(&bad);
    return code ? code : check_grid(w, err);
}

int fus_controls_make(const struct fus_controls *o, struct fus_error *err)
{
    struct work w = {.o = o};
    int code = fus_tree_list(&w.tree, o->in, o->out, err);
    if (code)
        return code;
    if (w.tree.left_out)
        fprintf(stderr, "fusiform: %s\n", w.tree.left_out);
    w.light = fus_base_alloc((size_t)w.tree.n, sizeof *w.light);
    w.n_clipped = fus_base_alloc((size_t)w.tree.n, sizeof *w.n_clipped);
    w.n_values = fus_base_alloc((size_t)w.tree.n, sizeof *w.n_values);
    w.width = fus_base_alloc((size_t)w.tree.n, sizeof *w.width);
    w.height = fus_base_alloc((size_t)w.tree.n, sizeof *w.height);
    if (!w.light || !w.n_clipped || !w.n_values || !w.width || !w.height)
        code = fus_base_fail(err, FUS_ENOMEM, "no memory for %d pictures", w.tree.n);
    if (!code)
        code = look_at_all(&w, err);
    if (!code)
        code = fus_tree_make_folders(&w.tree, err);
    if (!code) {
        fus_shine_average(&w.target, w.light, w.tree.n);
        code = fus_set_each(0, w.tree.n, make, &w, err);
    }
    if (!code)
        tell(&w);
    fus_base_free(w.light);
    fus_base_free(w.n_clipped);
    fus_base_free(w.n_values);
    fus_base_free(w.width);
    fus_base_free(w.height);
    fus_tree_free(&w.tree);
    return code;
}
