/* SPDX-License-Identifier: MIT */
/* The plan of a forward pass: lifetimes, then the lowest free place for each output (first fit). */
#include "nn/plan.h"

#include <inttypes.h>
#include <string.h>

#include "nn/layer/layers.h"
#include "nn/layer/op.h"

#define ALIGN_FLOATS 16               /* 64 bytes: a cache line, an AVX-512 vector */
#define LARGE_BLOCK ((size_t)1 << 18) /* floats: 1 MB, half of a second-level cache */
#define LARGE_LONG ((size_t)1 << 17)  /* less if the next block continues the segment */
#define HEAVY 4                       /* packed weights of a block to its output, in floats */
#if SIZE_MAX > 0xffffffff
#define MAX_ARENA_FLOATS ((uint64_t)1 << 34) /* 64 GB: more than any real network needs */
#else
#define MAX_ARENA_FLOATS ((uint64_t)1 << 26) /* 256 MB: so that sums of outputs that live together fit 32 bits */
#endif

static size_t aligned(size_t floats)
{
    return (floats + ALIGN_FLOATS - 1) / ALIGN_FLOATS * ALIGN_FLOATS;
}

size_t fus_plan_picture_floats(const struct fus_arch *arch)
{
    const struct fus_layer *stem = &arch->layers[0];
    size_t height = (size_t)(stem->in_height + 2 * stem->padding), width = (size_t)(stem->in_width + 2 * stem->padding);
    return height * width * (size_t)stem->in_channels;
}

static void find_last_uses(int *last_use, const struct fus_arch *arch)
{
    for (int i = 0; i < arch->n_layers; i++) {
        const struct fus_layer *l = &arch->layers[i];
        last_use[i] = i;
        if (l->input >= 0)
            last_use[l->input] = i;
        if (l->addend >= 0)
            last_use[l->addend] = i;
    }
}

/* The next block's output from layer i on; -1: none. */
static int block_end(const struct fus_arch *arch, int i)
{
    while (i < arch->n_layers && !arch->layers[i].in_all)
        i++;
    return i < arch->n_layers ? i : -1;
}

/* Whether the block of layers first .. end runs image by image: its output does not stay in cache
 * otherwise, and its weights, which are then loaded for every image, are not much larger. */
static bool is_large(const struct fus_arch *arch, int first, int end, size_t large)
{
    size_t floats = fus_layer_floats(&arch->layers[end]), weights = 0;
    for (int i = first; i <= end; i++) {
        const struct fus_op *op = &fus_op_table[arch->layers[i].op];
        weights += op->packed_floats ? op->packed_floats(&arch->layers[i]) : 0;
    }
    return floats > large && weights / HEAVY <= floats;
}

/* The input of a segment lives until the segment's last image is done. */
static void find_segments(struct fus_plan *plan, const struct fus_arch *arch, enum fus_segments segments)
{
    size_t large = segments == FUS_SEGMENTS_LONG ? LARGE_LONG : LARGE_BLOCK;
    for (int i = 0, end; i >= 0 && i < arch->n_layers; i = end + 1) {
        end = block_end(arch, i);
        if (end < 0 || !is_large(arch, i, end, large))
            return;
        for (int next = block_end(arch, end + 1);
             segments == FUS_SEGMENTS_LONG && next >= 0 && is_large(arch, end + 1, next, large);
             next = block_end(arch, end + 1))
            end = next;
        for (int j = i; j <= end; j++)
            plan->segment_end[j] = end;
        for (int j = 0; j < i; j++)
            if (plan->last_use[j] >= i && plan->last_use[j] < end)
                plan->last_use[j] = end;
    }
}

bool fus_plan_is_inner(const struct fus_plan *plan, int layer)
{
    return plan->segment_end[layer] != layer;
}

/* An output during planning: outputs with overlapping lifetimes must not overlap in memory. */
struct place {
    size_t floats;
    int born; /* the first layer of its lifetime; for a segment's output the segment's first layer */
    bool placed;
};

static bool live_together(const struct fus_plan *p, const struct place *places, int i, int j)
{
    return places[j].born <= p->last_use[i] && places[i].born <= p->last_use[j];
}

/* The lowest offset at which output i does not overlap any output that lives at the same time. */
static size_t lowest_gap(const struct fus_plan *p, const struct place *places, int n, int i)
{
    size_t at = 0;
    for (bool moved = true; moved;) {
        moved = false;
        for (int j = 0; j < n; j++)
            if (places[j].placed && live_together(p, places, i, j) && at < p->output[j] + places[j].floats &&
                p->output[j] < at + places[i].floats) {
                at = p->output[j] + places[j].floats;
                moved = true;
            }
    }
    return at;
}

static int measure(struct place *places, const struct fus_plan *plan, const struct fus_arch *arch, int batch,
                   struct fus_error *err)
{
    for (int i = 0, start = 0; i < arch->n_layers; i++) {
        const struct fus_layer *l = &arch->layers[i];
        if (i > 0 && plan->segment_end[i] != plan->segment_end[i - 1])
            start = i;
        places[i].born = plan->segment_end[i] == i ? start : i;
        uint64_t floats = (fus_plan_is_inner(plan, i) ? 1 : (uint64_t)batch) * fus_layer_floats(l);
        if (floats > MAX_ARENA_FLOATS)
            return fus_base_fail(err, FUS_ELIMIT,
                                 "layer %s of a batch of %d needs %" PRIu64 " floats, at most %" PRIu64
                                 " are possible here",
                                 l->name, batch, floats, MAX_ARENA_FLOATS);
        places[i].floats = (size_t)floats;
    }
    return FUS_OK;
}

int fus_plan_make(struct fus_plan *plan, const struct fus_arch *arch, int batch, enum fus_segments segments,
                  size_t scratch_floats, struct fus_error *err)
{
    int n = arch->n_layers, code = FUS_OK;
    memset(plan, 0, sizeof *plan);
    plan->output = fus_base_alloc((size_t)n, sizeof *plan->output);
    plan->last_use = fus_base_alloc((size_t)n, sizeof *plan->last_use);
    plan->segment_end = fus_base_alloc((size_t)n, sizeof *plan->segment_end);
    struct place *places = fus_base_alloc((size_t)n, sizeof *places);
    if (!plan->output || !plan->last_use || !plan->segment_end || !places)
        code = fus_base_fail(err, FUS_ENOMEM, "no memory for a plan");
    if (!code) {
        find_last_uses(plan->last_use, arch);
        for (int i = 0; i < n; i++)
            plan->segment_end[i] = i;
        if (segments != FUS_SEGMENTS_NONE && batch > 1)
            find_segments(plan, arch, segments);
        code = measure(places, plan, arch, batch, err);
    }
    for (int step = 0; step < n && !code; step++)
        for (int i = 0; i < n; i++)
            if (places[i].born == step && !places[i].placed) {
                plan->output[i] = lowest_gap(plan, places, n, i);
                places[i].placed = true;
                if (plan->output[i] + places[i].floats > plan->picture)
                    plan->picture = plan->output[i] + places[i].floats;
            }
    plan->scratch = aligned(plan->picture + (size_t)batch * fus_plan_picture_floats(arch));
    plan->arena_floats = aligned(plan->scratch + scratch_floats);
    fus_base_free(places);
    if (code)
        fus_plan_free(plan);
    return code;
}

void fus_plan_free(struct fus_plan *plan)
{
    fus_base_free(plan->output);
    fus_base_free(plan->last_use);
    fus_base_free(plan->segment_end);
    memset(plan, 0, sizeof *plan);
}
