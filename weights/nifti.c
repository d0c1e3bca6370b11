/* SPDX-License-Identifier: MIT */
/* NIfTI-1 in one file (Cox et al. 2004, nifti1.h): read with any of its common types, written as
 * int16 labels.
 *
 * The header has 348 bytes in either byte order, which the first number (348) tells:
 *
 *      40 i16 dim[8]             70 i16 datatype, 72 bitpix     76 f32 pixdim[8]
 *     108 f32 vox_offset        112 f32 scl_slope, 116 inter   123 u8 units
 *     252 i16 qform_code, 254 sform_code      256 f32 quaternion and offset [6]
 *     280 f32 srow[3][4]        344 "n+1\0"                    348 u8 extension flag [4]
 *
 * Extensions (i32 size, i32 code, bytes; sizes are multiples of 16) are skipped. Left out: pairs
 * .hdr/.img ("ni1"), NIfTI-2, complex, RGB, 64-bit integer and long double types. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "nn/base/bits.h"
#include "nn/base/bytes.h"
#include "weights/volume_parts.h"

enum { HEAD_BYTES = 348, FIRST_OFFSET = 352, MAX_EXTENSIONS = 64 << 20, INTENT_LABEL = 1002, TYPE_I16 = 4 };

/* Numbers of the header in its byte order. */
struct header {
    struct fus_bytes b;
    bool big;
};

static uint32_t number(struct header *h, size_t at, int n_bytes)
{
    fus_bytes_seek(&h->b, at);
    return (uint32_t)(h->big ? fus_bytes_be(&h->b, n_bytes) : fus_bytes_le(&h->b, n_bytes));
}

static int short_at(struct header *h, size_t at)
{
    uint32_t v = number(h, at, 2);
    return v < 32768 ? (int)v : (int)v - 65536;
}

static float float_at(struct header *h, size_t at)
{
    return fus_bits_to_float(number(h, at, 4));
}

/* The types by their numbers in nifti1.h. */
static const struct {
    int number, bits; /* bits 0: not read */
    enum fus_dtype dtype;
    const char *name;
} types[] = {{2, 8, FUS_U8, "uint8"},          {4, 16, FUS_I16, "int16"},      {8, 32, FUS_I32, "int32"},
             {16, 32, FUS_F32, "float32"},     {64, 64, FUS_F64, "float64"},   {256, 8, FUS_I8, "int8"},
             {512, 16, FUS_U16, "uint16"},     {768, 32, FUS_U32, "uint32"},   {1, 0, FUS_BOOL, "binary"},
             {32, 0, FUS_F32, "complex64"},    {128, 0, FUS_U8, "RGB24"},      {1024, 0, FUS_I64, "int64"},
             {1280, 0, FUS_U64, "uint64"},     {1536, 0, FUS_F64, "float128"}, {1792, 0, FUS_F64, "complex128"},
             {2048, 0, FUS_F64, "complex256"}, {2304, 0, FUS_U8, "RGBA32"}};

static int read_type(struct fus_volume *v, struct header *h, struct fus_error *err)
{
    int type = short_at(h, 70), bits = short_at(h, 72);
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (types[i].number != type)
            continue;
        if (!types[i].bits)
            return fus_base_fail_at(err, FUS_EUNSUPPORTED, 70,
                                    "NIfTI of type %s; read are int8, uint8, int16, uint16, int32, uint32, float32 "
                                    "and float64",
                                    types[i].name);
        if (bits != types[i].bits)
            return fus_base_fail_at(err, FUS_EFORMAT, 72, "NIfTI says %d bits a voxel, its type %s has %d", bits,
                                    types[i].name, types[i].bits);
        v->dtype = types[i].dtype;
        v->big_endian = h->big;
        return FUS_OK;
    }
    return fus_base_fail_at(err, FUS_EFORMAT, 70, "found the NIfTI data type %d, which does not exist: damaged copy?",
                            type);
}

static int read_sizes(int64_t sizes[4], struct header *h, struct fus_error *err)
{
    int n_dims = short_at(h, 40);
    if (n_dims < 1 || n_dims > 7)
        return fus_base_fail_at(err, FUS_EFORMAT, 40, "found %d NIfTI dimensions, expected 1 to 7: damaged copy?",
                                n_dims);
    for (int i = 0; i < 4; i++)
        sizes[i] = 1;
    for (int i = 0; i < n_dims; i++) {
        int size = short_at(h, 42 + 2 * (size_t)i);
        if (size < 1)
            return fus_base_fail_at(err, FUS_EFORMAT, 42 + 2 * i, "found a NIfTI dimension of %d, expected 1 or more",
                                    size);
        if (i >= 4 && size > 1)
            return fus_base_fail_at(err, FUS_EUNSUPPORTED, 42 + 2 * i,
                                    "NIfTI with %d along dimension %d; read are x, y, z and trials", size, i + 1);
        if (i < 4)
            sizes[i] = size;
    }
    return FUS_OK;
}

static void read_space(struct fus_volume_space *s, struct header *h)
{
    s->format = FUS_VOLUME_NIFTI;
    for (size_t i = 0; i < 4; i++)
        s->pixdim[i] = number(h, 76 + 4 * i, 4);
    for (size_t i = 0; i < 6; i++)
        s->quatern[i] = number(h, 256 + 4 * i, 4);
    for (size_t i = 0; i < 12; i++)
        s->srow[i] = number(h, 280 + 4 * i, 4);
    s->qform_code = (uint16_t)number(h, 252, 2);
    s->sform_code = (uint16_t)number(h, 254, 2);
    s->units = (uint8_t)number(h, 123, 1);
}

static int read_slope(struct fus_volume *v, struct header *h, struct fus_error *err)
{
    v->slope = float_at(h, 112);
    v->inter = float_at(h, 116);
    v->scaled = isfinite(v->slope) && v->slope != 0;
    if (v->scaled && !isfinite(v->inter))
        return fus_base_fail_at(err, FUS_EFORMAT, 116,
                                "NIfTI has a slope, but an intercept that is no finite number: damaged copy?");
    v->scaled = v->scaled && !(v->slope == 1 && v->inter == 0);
    v->info.whole = !v->scaled && (v->dtype == FUS_U8 || v->dtype == FUS_I8 || v->dtype == FUS_I16);
    return FUS_OK;
}

static int read_offset(uint64_t *offset, struct fus_volume *v, struct header *h, struct fus_error *err)
{
    float x = float_at(h, 108);
    if (!(x >= FIRST_OFFSET && x <= MAX_EXTENSIONS && floorf(x) == x))
        return fus_base_fail_at(err, FUS_EFORMAT, 108,
                                "NIfTI data said to begin at byte %g, expected %d to %d: damaged copy?", x,
                                FIRST_OFFSET, MAX_EXTENSIONS);
    *offset = (uint64_t)x;
    if (*offset > fus_gunzip_most(v->stream))
        return fus_base_fail_at(err, FUS_EFORMAT, 108,
                                "NIfTI data said to begin at byte %" PRIu64
                                ", which is past the end of the file: truncated copy?",
                                *offset);
    return FUS_OK;
}

static int skip(struct fus_volume *v, uint64_t n, struct fus_error *err)
{
    uint8_t bytes[4096];
    int code = FUS_OK;
    for (; !code && n; n -= n < sizeof bytes ? n : sizeof bytes)
        code = fus_volume_take(v, bytes, n < sizeof bytes ? (size_t)n : sizeof bytes, err);
    return code;
}

/* From byte 348 to the data: the flag, and extensions if it is set. */
static int skip_extensions(struct fus_volume *v, bool big, uint64_t offset, struct fus_error *err)
{
    uint8_t flag[4], head[8];
    int code = fus_volume_take(v, flag, 4, err);
    uint64_t at = FIRST_OFFSET;
    while (!code && flag[0] && offset - at >= 16) {
        code = fus_volume_take(v, head, sizeof head, err);
        struct fus_bytes b = fus_bytes_of(head, 4);
        uint32_t size = (uint32_t)(big ? fus_bytes_be(&b, 4) : fus_bytes_le(&b, 4));
        if (!code && !size) { /* zeros fill what is left */
            at += sizeof head;
            break;
        }
        if (!code && (size < 16 || size % 16 || size > offset - at))
            return fus_base_fail_at(err, FUS_EFORMAT, (long long)at,
                                    "NIfTI extension of %" PRIu32 " bytes, expected a multiple of 16 up to %" PRIu64
                                    ": damaged copy?",
                                    size, offset - at);
        if (!code)
            code = skip(v, size - sizeof head, err);
        at += size;
    }
    return code ? code : skip(v, offset - at, err);
}

static int check_magic(struct header *h, struct fus_error *err)
{
    static const char one[4] = {'n', '+', '1', 0}, two[4] = {'n', 'i', '1', 0};
    if (memcmp(h->b.data + 344, two, 4) == 0)
        return fus_base_fail_at(err, FUS_EUNSUPPORTED, 344,
                                "NIfTI header of a pair .hdr/.img, which is not read: save it as one file .nii");
    if (memcmp(h->b.data + 344, one, 4) != 0)
        return fus_base_fail_at(err, FUS_EFORMAT, 344,
                                "no NIfTI mark (n+1) here, perhaps an Analyze 7.5 header: save it as .nii");
    return FUS_OK;
}

int fus_nifti_open(struct fus_volume *v, const uint8_t head[FUS_VOLUME_HEAD], struct fus_error *err)
{
    uint8_t bytes[HEAD_BYTES];
    int64_t sizes[4];
    uint64_t offset = FIRST_OFFSET;
    memcpy(bytes, head, FUS_VOLUME_HEAD);
    int code = fus_volume_take(v, bytes + FUS_VOLUME_HEAD, HEAD_BYTES - FUS_VOLUME_HEAD, err);
    if (code)
        return code;
    struct header h = {fus_bytes_of(bytes, HEAD_BYTES), head[0] == 0};
    if ((code = check_magic(&h, err)) || (code = read_sizes(sizes, &h, err)) || (code = read_type(v, &h, err)) ||
        (code = read_slope(v, &h, err)) || (code = read_offset(&offset, v, &h, err)))
        return code;
    read_space(&v->info.space, &h);
    code = fus_volume_set_size(v, sizes, offset, err);
    return code ? code : skip_extensions(v, h.big, offset, err);
}

/* ---- writing, little-endian ---- */

static void put(uint8_t *head, size_t at, uint32_t value, int n_bytes)
{
    for (int i = 0; i < n_bytes; i++)
        head[at + (size_t)i] = (uint8_t)(value >> 8 * i);
}

static void put_float(uint8_t *head, size_t at, float x)
{
    put(head, at, fus_bits_of_float(x), 4);
}

static void put_header(uint8_t head[FIRST_OFFSET], const struct fus_volume_space *s, size_t n_frames)
{
    put(head, 0, HEAD_BYTES, 4);
    head[38] = 'r'; /* `regular`, as Analyze wanted it */
    put(head, 40, n_frames ? 4 : 3, 2);
    for (size_t i = 0; i < 7; i++)
        put(head, 42 + 2 * i, i < 3 ? (uint32_t)s->grid[i] : i == 3 && n_frames ? (uint32_t)n_frames : 1, 2);
    put(head, 70, TYPE_I16, 2);
    put(head, 72, 16, 2);
    for (size_t i = 0; i < 4; i++)
        put(head, 76 + 4 * i, s->pixdim[i], 4);
    for (size_t i = 4; i < 8; i++)
        put_float(head, 76 + 4 * i, 1);
    put_float(head, 108, FIRST_OFFSET);
    put_float(head, 112, 1);
    put(head, 123, s->units, 1);
    memcpy(head + 148, "fusiform", 8);
    put(head, 252, s->qform_code, 2);
    put(head, 254, s->sform_code, 2);
    for (size_t i = 0; i < 6; i++)
        put(head, 256 + 4 * i, s->quatern[i], 4);
    for (size_t i = 0; i < 12; i++)
        put(head, 280 + 4 * i, s->srow[i], 4);
    memcpy(head + 344, "n+1", 4);
}

int fus_nifti_write(struct fus_outfile *f, const struct fus_volume_space *space, size_t n_frames, const int32_t *values,
                    enum fus_volume_intent intent, struct fus_error *err)
{
    uint8_t head[FIRST_OFFSET] = {0}, row[2 * 1024];
    size_t n = space->grid[0] * space->grid[1] * space->grid[2] * (n_frames ? n_frames : 1);
    int32_t largest = 0;
    for (size_t i = 0; i < n; i++) {
        if (values[i] < INT16_MIN || values[i] > INT16_MAX)
            return fus_base_fail(err, FUS_ELIMIT, "%ld does not fit NIfTI's int16", (long)values[i]);
        largest = values[i] > largest ? values[i] : largest;
    }
    if (n_frames > INT16_MAX)
        return fus_base_fail(err, FUS_ELIMIT, "%zu volumes, a NIfTI file holds at most %d", n_frames, INT16_MAX);
    put_header(head, space, n_frames);
    if (intent == FUS_VOLUME_LABELS) {
        put(head, 68, INTENT_LABEL, 2);
        put_float(head, 124, (float)largest); /* cal_max */
    }
    fus_outfile_write(f, head, sizeof head);
    for (size_t i = 0; i < n; i += 1024) {
        size_t part = n - i < 1024 ? n - i : 1024;
        for (size_t k = 0; k < part; k++)
            put(row, 2 * k, (uint32_t)values[i + k], 2);
        fus_outfile_write(f, row, 2 * part);
    }
    return FUS_OK;
}
