/* SPDX-License-Identifier: MIT */
/* A layer's moments and responses as arrays of state files: see accumulator.h. */
#include <string.h>

#include "analysis/localizer/accumulator.h"
#include "analysis/localizer/accumulator_parts.h"

#define COPIED ((size_t)2 << 20) /* bytes of the scratch file that are copied at a time */

/* Of the category of the i-th picture shown. */
static int half_of(const struct fus_accumulator *t, int i)
{
    return t->n_halves == 2 ? t->set->pictures[t->blocks->order[i]].half : 0;
}

/* Pictures of a half among those shown as first .. end-1. */
static int count_half(const struct fus_accumulator *t, int first, int end, int half)
{
    int n = 0;
    for (int i = first; i < end; i++)
        n += half_of(t, i) == half;
    return n;
}

int fus_accumulator_count_halves(const struct fus_accumulator *t, int first, int end)
{
    return (count_half(t, first, end, 0) > 0) + (count_half(t, first, end, 1) > 0);
}

/* ---- writing ---- */

static void write_group(const struct fus_moments *m, int group, struct fus_state_file_out *out)
{
    size_t at = (size_t)group * m->n_units, bytes = m->n_units * sizeof *m->mean;
    fus_state_file_write(out, m->mean + at, bytes);
    fus_state_file_write(out, m->m2 + at, bytes);
    if (m->m3)
        fus_state_file_write(out, m->m3 + at, bytes);
}

void fus_accumulator_write_block(const struct fus_accumulator *t, struct fus_state_file_out *out)
{
    write_group(&t->block, 0, out);
    fus_state_file_end_layer(out);
}

/* Copies an array of the scratch file in pieces. */
static int write_scratch(const struct fus_accumulator *t, struct fus_scratch_array a, struct fus_state_file_out *out,
                         struct fus_error *err)
{
    void *buffer = fus_base_aligned(COPIED, 1);
    int code = buffer ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "no memory to copy %zu bytes", COPIED);
    for (size_t done = 0; done < a.n && !code; done += COPIED) {
        const struct fus_scratch_array here = {a.file, buffer, a.n - done < COPIED ? a.n - done : COPIED, a.at + done};
        code = fus_scratch_file_transfer(t->scratch, false, &here, 1, err);
        if (!code)
            fus_state_file_write(out, buffer, here.n);
    }
    fus_base_free(buffer);
    return code;
}

static int write_outside(const struct fus_accumulator *t, int group, struct fus_state_file_out *out,
                         struct fus_error *err)
{
    int code = FUS_OK;
    for (int i = 0; i < t->n_moments && !code; i++)
        code = write_scratch(t, fus_accumulator_array(t, (enum fus_scratch_place)i, group, 0, NULL, t->blocked_units),
                             out, err);
    return code;
}

int fus_accumulator_write_category(const struct fus_accumulator *t, int category, struct fus_state_file_out *out,
                                   struct fus_error *err)
{
    int code = FUS_OK;
    for (int half = 0; half < t->n_halves && !code; half++) {
        int group = half * t->set->n_categories + category;
        if (t->held.n && t->held.n[0] && t->at_hand == group)
            write_group(&t->held, 0, out);
        else if (t->whole.n[group] && t->whole.mean)
            write_group(&t->whole, group, out);
        else if (t->whole.n[group])
            code = write_outside(t, group, out, err);
    }
    fus_state_file_end_layer(out);
    return code;
}

int fus_accumulator_write_responses(const struct fus_accumulator *t, int first, int end, struct fus_state_file_out *out,
                                    struct fus_error *err)
{
    float *row = t->responses ? NULL : fus_base_aligned(t->n_units, sizeof *row);
    int code = t->responses || row ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "no memory for %zu responses", t->n_units);
    for (int i = first; i < end && !code; i++) {
        size_t picture = (size_t)t->blocks->order[i];
        const float *from = t->responses ? t->responses + picture * t->n_units : row;
        if (!t->responses)
            code = fus_accumulator_move_responses(t, false, picture, row, err);
        if (!code)
            fus_state_file_write(out, from, t->n_units * sizeof *from);
    }
    fus_base_free(row);
    fus_state_file_end_layer(out);
    return code;
}

/* ---- reading ---- */

/* Whether the file's layer is this one. */
static int check_file(const struct fus_accumulator *t, const struct fus_state_file *p, const char *layer,
                      struct fus_error *err)
{
    bool fits = p->end <= t->set->n_pictures && p->n_moments == t->n_moments &&
                p->n_halves == fus_accumulator_count_halves(t, p->first, p->end);
    for (int i = 0; i < p->n_layers; i++)
        fits = fits && (strcmp(p->layers[i].name, layer) != 0 ||
                        (p->layers[i].channels == t->channels && p->layers[i].n_places == t->n_places));
    return fits ? FUS_OK : fus_base_fail(err, FUS_EFORMAT, "%s: its layer %s is of another network", p->path, layer);
}

/* A half's moments into `block`. */
static void read_half(struct fus_accumulator *t, struct fus_state_file_in *in)
{
    size_t bytes = t->blocked_units * sizeof(double);
    fus_state_file_read(in, t->block.mean, bytes);
    fus_state_file_read(in, t->block.m2, bytes);
    if (t->block.m3)
        fus_state_file_read(in, t->block.m3, bytes);
}

int fus_accumulator_read_moments(struct fus_accumulator *t, const struct fus_state_file *file, const char *layer,
                                 bool ended, struct fus_error *err)
{
    struct fus_state_file_in in;
    int code = check_file(t, file, layer, err), joined = FUS_OK;
    if (!code && t->by_blocks)
        code = fus_accumulator_create_moments(&t->block, t, 1, t->blocked_units, err);
    if (!code)
        code = fus_state_file_open_layer(&in, file, layer, err);
    if (code) {
        if (t->by_blocks)
            fus_moments_destroy(&t->block);
        return code;
    }
    int category = t->set->pictures[t->blocks->order[file->first]].category;
    for (int half = 0; half < t->n_halves && !joined; half++) {
        t->block.n[0] = count_half(t, file->first, file->end, half);
        if (!t->block.n[0])
            continue;
        read_half(t, &in);
        if (ended)
            joined = fus_accumulator_join_block(t, half * t->set->n_categories + category, err);
        else
            break;
    }
    code = fus_state_file_close_layer(&in, joined ? NULL : err);
    if (t->by_blocks)
        fus_moments_destroy(&t->block);
    return joined ? joined : code;
}

int fus_accumulator_read_responses(struct fus_accumulator *t, const struct fus_state_file *file, const char *layer,
                                   struct fus_error *err)
{
    struct fus_state_file_in in;
    size_t bytes = t->n_units * sizeof(float);
    int code = check_file(t, file, layer, err);
    float *row = t->responses ? NULL : fus_base_aligned(t->n_units, sizeof *row);
    if (!code && !t->responses && !row)
        code = fus_base_fail(err, FUS_ENOMEM, "no memory for %zu responses", t->n_units);
    if (!code)
        code = fus_state_file_open_layer(&in, file, layer, err);
    if (code) {
        fus_base_free(row);
        return code;
    }
    for (int i = file->first; i < file->end && !code; i++) {
        size_t picture = (size_t)t->blocks->order[i];
        float *to = t->responses ? t->responses + picture * t->n_units : row;
        fus_state_file_read(&in, to, bytes);
        if (!t->responses)
            code = fus_accumulator_move_responses(t, true, picture, row, err);
    }
    fus_base_free(row);
    int read = fus_state_file_close_layer(&in, err);
    return code ? code : read;
}
