/* SPDX-License-Identifier: MIT */
/* FreeSurfer's MGH (.mgh; gzipped: .mgz): read with its four types, written as int32 labels.
 *
 * Everything is big-endian: i32 version 1, width, height, depth, frames, type (0 u8, 1 i32, 3 f32,
 * 4 i16), degrees of freedom; i16 whether the geometry counts; f32 [15] voxel sizes, directions,
 * centre; zeros to byte 284, then the elements, width fastest. Tags after them are left out. */
#include <string.h>

#include "nn/base/bytes.h"
#include "weights/volume_parts.h"

enum { DATA_AT = 284, TYPE_I32 = 1 };

static int read_type(struct fus_volume *v, uint32_t type, struct fus_error *err)
{
    static const enum fus_dtype known[] = {FUS_U8, FUS_I32, FUS_N_DTYPES, FUS_F32, FUS_I16};
    if (type >= sizeof known / sizeof *known || known[type] == FUS_N_DTYPES)
        return fus_base_fail_at(err, FUS_EUNSUPPORTED, 20,
                                "MGH of type %lu; read are 0 (uint8), 1 (int32), 3 (float32) and 4 (int16)",
                                (unsigned long)type);
    v->dtype = known[type];
    v->big_endian = true;
    v->info.whole = type == 0 || type == 4;
    return FUS_OK;
}

int fus_mgh_open(struct fus_volume *v, const uint8_t head[FUS_VOLUME_HEAD], struct fus_error *err)
{
    uint8_t bytes[DATA_AT];
    int64_t sizes[4];
    struct fus_volume_space *s = &v->info.space;
    memcpy(bytes, head, FUS_VOLUME_HEAD);
    int code = fus_volume_take(v, bytes + FUS_VOLUME_HEAD, DATA_AT - FUS_VOLUME_HEAD, err);
    if (code)
        return code;
    struct fus_bytes b = fus_bytes_of(bytes, DATA_AT);
    fus_bytes_seek(&b, 4);
    for (int i = 0; i < 4; i++) {
        sizes[i] = (int64_t)fus_bytes_u32be(&b);
        if (sizes[i] < 1 || sizes[i] > INT32_MAX)
            return fus_base_fail_at(err, FUS_EFORMAT, 4 + 4 * i, "found an MGH size of %ld, expected 1 or more",
                                    sizes[i] > INT32_MAX ? (long)(sizes[i] - ((int64_t)1 << 32)) : (long)sizes[i]);
    }
    code = read_type(v, fus_bytes_u32be(&b), err);
    if (code)
        return code;
    fus_bytes_seek(&b, 28);
    s->format = FUS_VOLUME_MGH;
    s->ras_good = fus_bytes_u16be(&b);
    for (int i = 0; i < 15; i++)
        s->ras[i] = fus_bytes_u32be(&b);
    return fus_volume_set_size(v, sizes, DATA_AT, err);
}

static void put(uint8_t *bytes, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        bytes[i] = (uint8_t)(value >> (24 - 8 * i));
}

int fus_mgh_write(struct fus_outfile *f, const struct fus_volume_space *space, size_t n_frames, const int32_t *values,
                  struct fus_error *err)
{
    uint8_t head[DATA_AT] = {0}, row[4 * 1024];
    size_t frames = n_frames ? n_frames : 1, n = space->grid[0] * space->grid[1] * space->grid[2] * frames;
    if (frames > INT32_MAX)
        return fus_base_fail(err, FUS_ELIMIT, "%zu volumes, an MGH file holds fewer", frames);
    put(head, 1);
    for (int i = 0; i < 3; i++)
        put(head + 4 + 4 * i, (uint32_t)space->grid[i]);
    put(head + 16, (uint32_t)frames);
    put(head + 20, TYPE_I32);
    head[28] = (uint8_t)(space->ras_good >> 8);
    head[29] = (uint8_t)space->ras_good;
    for (int i = 0; i < 15; i++)
        put(head + 30 + 4 * i, space->ras[i]);
    fus_outfile_write(f, head, sizeof head);
    for (size_t i = 0; i < n; i += 1024) {
        size_t part = n - i < 1024 ? n - i : 1024;
        for (size_t k = 0; k < part; k++)
            put(row + 4 * k, (uint32_t)values[i + k]);
        fus_outfile_write(f, row, 4 * part);
    }
    return FUS_OK;
}
