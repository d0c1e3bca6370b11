/* The plan of a forward pass: lifetimes, then the lowest free place for each output (first fit). */
#include "plan.h"

#include <string.h>

#include "layers.h"

#define ALIGN_FLOATS 16 /* 64 bytes: a cache line, an AVX-512 vector */
#define STRAND_FLOATS ((size_t)1 << 18) /* 1 MB: half of a second-level cache */
#define MAX_ARENA_FLOATS ((size_t)1 << 34) /* 64 GB: beyond this the spec is hostile */

static size_t aligned(size_t floats)
{
    return (floats + ALIGN_FLOATS - 1) / ALIGN_FLOATS * ALIGN_FLOATS;
}

size_t fus_plan_picture_floats(const struct fus_arch *arch)
{
    const struct fus_layer *stem = &arch->layers[0];
    size_t side = (size_t)(stem->in_side + 2 * stem->padding);
    return side * side * (size_t)stem->in_channels;
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

static size_t activation_floats(const struct fus_layer *l)
{
    return fus_tensor_blocked_size(l->channels, (size_t)l->side * (size_t)l->side);
}

/* Strands by the size of their output; what they read and write lives until the last picture is through. */
static void find_strands(struct fus_plan *plan, const struct fus_arch *arch)
{
    for (int i = 0, end; i < arch->n_layers; i = end + 1) {
        for (end = i; end < arch->n_layers - 1 && !arch->layers[end].in_all; end++)
            ;
        bool large = arch->layers[end].in_all && activation_floats(&arch->layers[end]) > STRAND_FLOATS;
        for (int j = i; j <= end; j++)
            plan->strand_end[j] = large ? end : j;
        for (int j = 0; j <= end && large; j++)
            if (plan->last_use[j] >= i && plan->last_use[j] < end)
                plan->last_use[j] = end;
    }
}

bool fus_plan_inner(const struct fus_plan *plan, int layer)
{
    return plan->strand_end[layer] != layer;
}

/* The lowest offset at which `floats` fit beside everything that is alive while layer i runs. */
static size_t lowest_gap(const struct fus_plan *p, const size_t *floats, int i)
{
    size_t at = 0;
    for (bool moved = true; moved;) {
        moved = false;
        for (int j = 0; j < i; j++)
            if (p->last_use[j] >= i && at < p->output[j] + floats[j] && p->output[j] < at + floats[i]) {
                at = p->output[j] + floats[j];
                moved = true;
            }
    }
    return at;
}

int fus_plan_make(struct fus_plan *plan, const struct fus_arch *arch, int batch, bool strands, size_t scratch_floats,
                  struct fus_error *err)
{
    size_t n = (size_t)arch->n_layers, end = 0;
    memset(plan, 0, sizeof *plan);
    plan->output = fus_base_alloc(n, sizeof *plan->output);
    plan->last_use = fus_base_alloc(n, sizeof *plan->last_use);
    plan->strand_end = fus_base_alloc(n, sizeof *plan->strand_end);
    size_t *floats = fus_base_alloc(n, sizeof *floats);
    int code = plan->output && plan->last_use && plan->strand_end && floats ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "no memory for a plan");
    if (code)
        goto out;
    find_last_uses(plan->last_use, arch);
    for (int i = 0; i < arch->n_layers; i++)
        plan->strand_end[i] = i;
    if (strands && batch > 1)
        find_strands(plan, arch);
    for (int i = 0; i < arch->n_layers; i++) {
        const struct fus_layer *l = &arch->layers[i];
        floats[i] = (fus_plan_inner(plan, i) ? 1 : (size_t)batch) * activation_floats(l);
        if (floats[i] > MAX_ARENA_FLOATS)
            code = fus_base_fail(err, FUS_ELIMIT, "layer %s of a batch of %d needs %zu floats", l->name, batch, floats[i]);
        if (code)
            goto out;
        plan->output[i] = lowest_gap(plan, floats, i);
        if (plan->output[i] + floats[i] > end)
            end = plan->output[i] + floats[i];
    }
    plan->picture = end;
    plan->scratch = aligned(plan->picture + (size_t)batch * fus_plan_picture_floats(arch));
    plan->arena_floats = plan->scratch + scratch_floats;
out:
    fus_base_free(floats);
    if (code)
        fus_plan_free(plan);
    return code;
}

void fus_plan_free(struct fus_plan *plan)
{
    fus_base_free(plan->output);
    fus_base_free(plan->last_use);
    fus_base_free(plan->strand_end);
    memset(plan, 0, sizeof *plan);
}
