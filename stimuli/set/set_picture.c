/* SPDX-License-Identifier: MIT */
/* One picture of a set: read, drawn or scrambled. */
#include "stimuli/set/set.h"

static int scramble(struct fus_image *image, const struct fus_set *set, int i, struct fus_error *err)
{
    const struct fus_picture *p = &set->pictures[i];
    struct fus_image source = {0};
    int code = fus_set_picture(&source, set, p->source, err);
    if (code)
        return code;
    code = fus_scramble_box(image, &source, FUS_SET_SCRAMBLE_GRID, set->scramble_seed + (uint64_t)p->index, err);
    if (code)
        fus_base_blame(err, "%s: ", set->pictures[p->source].path);
    fus_image_free(&source);
    return code;
}

int fus_set_picture(struct fus_image *image, const struct fus_set *set, int i, struct fus_error *err)
{
    if (i < 0 || i >= set->n_pictures)
        return fus_base_fail(err, FUS_EINVAL, "picture %d of a set of %d", i, set->n_pictures);
    const struct fus_picture *p = set->pictures + i;
    if (p->source >= 0)
        return scramble(image, set, i, err);
    if (!set->drawn)
        return fus_decode_file(image, p->path, err);
    int code = fus_generate_reduced(image, set->subcategories[p->subcategory], p->index, set->seed, set->side, err);
    if (code)
        fus_base_blame(err, "%s: ", p->path);
    return code;
}
