/* SPDX-License-Identifier: MIT */
/* JPEG (ITU-T T.81): baseline, extended sequential and progressive, 8 bits, Huffman or
 * arithmetic coding -> RGB.
 *
 * This file reads the markers (annex B) and lays out the frame; jpeg_scan.c decodes the
 * entropy-coded data, jpeg_smooth.c, jpeg_idct.c and jpeg_color.c make pixels of it. The result
 * equals, to the bit, what libjpeg-turbo's defaults give: the accurate integer inverse DCT,
 * triangle ("fancy") up-sampling and its integer colour tables. What is missing and forgiven by
 * Pillow is forgiven: an end marker where other bytes follow, scans, and the bits of scans. Left
 * out, with a message that says so: 12 bits, lossless and hierarchical modes, a height given by
 * DNL alone. */
#include "stimuli/image/jpeg.h"

#include <string.h>

#include "nn/base/bytes.h"

const uint8_t fus_jpeg_zigzag[64 + 16] = {
    0,  1,  8,  16, 9,  2,  3,  10, 17, 24, 32, 25, 18, 11, 4,  5,  12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13,
    6,  7,  14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31,
    39, 46, 53, 60, 61, 54, 47, 55, 62, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63};

enum {
    SOF0 = 0xc0,
    SOF1 = 0xc1,
    SOF2 = 0xc2,
    SOF9 = 0xc9,
    SOF10 = 0xca,
    DHT = 0xc4,
    JPG = 0xc8,
    DAC = 0xcc,
    SOI = 0xd8,
    EOI = 0xd9,
    SOS = 0xda,
    DQT = 0xdb,
    DNL = 0xdc,
    DRI = 0xdd,
    APP0 = 0xe0,
    APP14 = 0xee,
    TEM = 0x01
};

/* Bytes that are neither marker nor segment are skipped where some encoder padded; many mean
 * damage. */
enum { MAX_STRAY_BYTES = 16 };

/* Of a picture without an end marker: libjpeg reads so far ahead that with fewer bytes behind
 * the scan it finds no end. */
enum { MIN_BEHIND = 8 };

static int fail_short(struct fus_jpeg *j, const char *expected)
{
    j->ended = true;
    return fus_base_fail_at(j->err, FUS_EFORMAT, (long long)j->n,
                            "found the end of the file, expected %s: truncated copy?", expected);
}

/* The segment after a marker: its body, with j->pos moved past it. */
static int segment(struct fus_jpeg *j, struct fus_bytes *body, int marker)
{
    struct fus_bytes all = fus_bytes_of(j->bytes, j->n);
    fus_bytes_seek(&all, j->pos);
    size_t length = fus_bytes_u16be(&all);
    if (all.overrun)
        return fail_short(j, "the length of a segment");
    if (length < 2)
        return fus_base_fail_at(j->err, FUS_EFORMAT, (long long)j->pos,
                                "found length %zu of segment ff%02x, expected at least 2: damaged file?", length,
                                marker);
    const uint8_t *p = fus_bytes_take(&all, length - 2);
    if (!p)
        return fail_short(j, "the rest of a segment");
    *body = fus_bytes_of(p, length - 2);
    j->pos += length;
    return FUS_OK;
}

static int bad_segment(const struct fus_jpeg *j, const char *name, const char *what)
{
    return fus_base_fail_at(j->err, FUS_EFORMAT, (long long)j->pos, "found %s that ends here with %s: damaged file?",
                            name, what);
}

static int read_quantisation(struct fus_jpeg *j, struct fus_bytes *b)
{
    while (fus_bytes_left(b)) {
        int head = fus_bytes_u8(b), wide = head >> 4, id = head & 15;
        if (wide > 1 || id > 3)
            return bad_segment(j, "a quantisation table", "a number or precision past the limit");
        for (int i = 0; i < 64; i++)
            j->quant[id][i] = wide ? fus_bytes_u16be(b) : fus_bytes_u8(b);
        if (b->overrun)
            return bad_segment(j, "a quantisation table", "too few numbers");
        j->has_quant[id] = true;
    }
    return FUS_OK;
}

static int read_huffman(struct fus_jpeg *j, struct fus_bytes *b)
{
    while (fus_bytes_left(b)) {
        int head = fus_bytes_u8(b), class = head >> 4, id = head & 15;
        uint8_t counts[17] = {0};
        size_t sum = 0;
        for (int i = 1; i <= 16; i++)
            sum += counts[i] = fus_bytes_u8(b);
        const uint8_t *symbols = fus_bytes_take(b, sum);
        if (b->overrun || sum > 256)
            return bad_segment(j, "a Huffman table", "too few or too many symbols");
        if (class > 1 || id > 3)
            return bad_segment(j, "a Huffman table", "a class or number past the limit");
        if (!fus_jpeg_code_build(class ? &j->ac[id] : &j->dc[id], counts, symbols, class == 0))
            return bad_segment(j, "a Huffman table", "lengths or symbols that are no code");
    }
    return FUS_OK;
}

/* Conditioning of arithmetic coding (annex B.2.4.3). */
static int read_conditioning(struct fus_jpeg *j, struct fus_bytes *b)
{
    while (fus_bytes_left(b)) {
        int head = fus_bytes_u8(b), value = fus_bytes_u8(b);
        struct fus_jpeg_conditioning *c = &j->conditioning[head & 15];
        if (b->overrun || head >> 4 > 1)
            return bad_segment(j, "a conditioning table", "a class past the limit or too few bytes");
        if (head >> 4) {
            c->split = (uint8_t)value;
        } else {
            c->low = value & 15;
            c->high = (uint8_t)(value >> 4);
            if (c->low > c->high)
                return bad_segment(j, "a conditioning table", "a lower bound past the upper one");
        }
    }
    return FUS_OK;
}

static void read_application(struct fus_jpeg *j, struct fus_bytes *b, int marker)
{
    if (marker == APP0 && b->n >= 14 && memcmp(b->data, "JFIF", 5) == 0)
        j->saw_jfif = true;
    if (marker == APP14 && b->n >= 12 && memcmp(b->data, "Adobe", 5) == 0) {
        j->saw_adobe = true;
        j->adobe_transform = b->data[11];
    }
}

static int check_components(const struct fus_jpeg *j)
{
    for (int i = 0; i < j->n_components; i++) {
        const struct fus_jpeg_component *c = &j->components[i];
        if (c->h < 1 || c->h > 4 || c->v < 1 || c->v > 4)
            return bad_segment(j, "a frame header", "a sampling factor that is not 1 to 4");
        if (c->table > 3)
            return bad_segment(j, "a frame header", "a quantisation table past 3");
        if (j->max_h % c->h || j->max_v % c->v)
            return fus_base_fail_at(j->err, FUS_EUNSUPPORTED, (long long)j->pos,
                                    "found sampling factors %dx%d beside %dx%d, expected a divisor: not supported",
                                    c->h, c->v, j->max_h, j->max_v);
    }
    return FUS_OK;
}

static int ceil_div(int a, int b)
{
    return (a + b - 1) / b;
}

/* Sizes of every component (annex A.1.1, A.2); j->pos is after the header. */
static int lay_out(struct fus_jpeg *j)
{
    for (int i = 0; i < j->n_components; i++) {
        if (j->components[i].h > j->max_h)
            j->max_h = j->components[i].h;
        if (j->components[i].v > j->max_v)
            j->max_v = j->components[i].v;
    }
    int code = check_components(j);
    if (code)
        return code;
    j->mcus_x = ceil_div(j->width, 8 * j->max_h);
    j->mcus_y = ceil_div(j->height, 8 * j->max_v);
    size_t blocks = 0;
    for (int i = 0; i < j->n_components; i++) {
        struct fus_jpeg_component *c = &j->components[i];
        c->width = ceil_div(j->width * c->h, j->max_h);
        c->height = ceil_div(j->height * c->v, j->max_v);
        c->blocks_x = ceil_div(c->width, 8);
        c->blocks_y = ceil_div(c->height, 8);
        c->padded_x = j->mcus_x * c->h;
        c->padded_y = j->mcus_y * c->v;
        blocks += (size_t)c->blocks_x * (size_t)c->blocks_y;
        memset(c->precision, -1, sizeof c->precision);
    }
    /* a Huffman code has at least one bit: no large memory for small files */
    if (!j->arithmetic && blocks / 8 > j->n)
        return fus_base_fail_at(j->err, FUS_EFORMAT, (long long)j->n,
                                "found the end of the file, expected data of %d x %d pixels: truncated copy?", j->width,
                                j->height);
    return FUS_OK;
}

static int allocate(struct fus_jpeg *j)
{
    for (int i = 0; i < j->n_components; i++) {
        struct fus_jpeg_component *c = &j->components[i];
        size_t n_blocks = (size_t)c->padded_x * (size_t)c->padded_y;
        c->plane = fus_base_aligned(n_blocks, 64); /* the scans fill all of it that is shown */
        if (j->progressive)
            c->coefs = fus_base_alloc(n_blocks, 64 * sizeof *c->coefs);
        if (!c->plane || (j->progressive && !c->coefs))
            return fus_base_fail(j->err, FUS_ENOMEM, "no memory for a picture of %d x %d pixels", j->width, j->height);
    }
    return FUS_OK;
}

static int read_frame(struct fus_jpeg *j, struct fus_bytes *b, int marker)
{
    if (j->has_frame)
        return bad_segment(j, "a second frame header", "one before");
    int bits = fus_bytes_u8(b);
    j->height = fus_bytes_u16be(b);
    j->width = fus_bytes_u16be(b);
    j->n_components = fus_bytes_u8(b);
    j->progressive = marker == SOF2 || marker == SOF10;
    j->arithmetic = marker >= SOF9;
    if (b->overrun || fus_bytes_left(b) != (size_t)j->n_components * 3)
        return bad_segment(j, "a frame header", "a length that does not fit its components");
    if (bits != 8)
        return fus_base_fail_at(j->err, FUS_EUNSUPPORTED, (long long)j->pos,
                                "found %d bits a sample, expected 8: not supported", bits);
    if (j->n_components != 1 && j->n_components != 3 && j->n_components != 4)
        return fus_base_fail_at(j->err, FUS_EUNSUPPORTED, (long long)j->pos,
                                "found %d components, expected 1 (grey), 3 (colour) or 4 (CMYK): not supported",
                                j->n_components);
    if (!j->height || !j->width)
        return fus_base_fail_at(j->err, FUS_EUNSUPPORTED, (long long)j->pos, "found a picture of %d x %d pixels: %s",
                                j->width, j->height,
                                j->width ? "a height given later (DNL) is not supported" : "damaged file?");
    int code = fus_image_check((size_t)j->width, (size_t)j->height, (long long)j->pos, j->err);
    if (code)
        return code;
    for (int i = 0; i < j->n_components; i++) {
        struct fus_jpeg_component *c = &j->components[i];
        c->id = fus_bytes_u8(b);
        int sampling = fus_bytes_u8(b);
        c->h = sampling >> 4;
        c->v = sampling & 15;
        c->table = fus_bytes_u8(b);
    }
    j->has_frame = true;
    code = lay_out(j);
    return code ? code : allocate(j);
}

static int fail_stray(const struct fus_jpeg *j, size_t start)
{
    return fus_base_fail_at(
        j->err, FUS_EFORMAT, (long long)start,
        "found more than %d bytes (%02x ...) that belong to nothing, expected a marker: damaged file?", MAX_STRAY_BYTES,
        j->bytes[start]);
}

/* The next marker: fill bytes and a few stray bytes before it are skipped (annex B.1.1.2).
 * Behind a whole picture any number is, what some cameras append; but not right before an end
 * marker that ends the file, where they are the rest of damaged data. */
static int next_marker(struct fus_jpeg *j, int *marker)
{
    size_t start = j->pos, stray = 0;
    for (;;) {
        if (j->pos >= j->n)
            return fail_short(j, "a marker");
        if (j->bytes[j->pos] != 0xff) {
            j->pos++;
            stray++;
        } else {
            while (j->pos < j->n && j->bytes[j->pos] == 0xff)
                j->pos++;
            if (j->pos >= j->n)
                return fail_short(j, "a marker");
            *marker = j->bytes[j->pos++];
            if (*marker)
                return stray > MAX_STRAY_BYTES && *marker == EOI && j->pos == j->n ? fail_stray(j, start) : FUS_OK;
            stray += 2;
        }
        if (stray > MAX_STRAY_BYTES && !j->whole)
            return fail_stray(j, start);
    }
}

static int unsupported(const struct fus_jpeg *j, int marker)
{
    const char *what = marker == 0xc3 || marker == 0xcb ? "a lossless picture" : "a hierarchical picture";
    return fus_base_fail_at(j->err, FUS_EUNSUPPORTED, (long long)j->pos - 2, "found %s (marker ff%02x): not supported",
                            what, marker);
}

static int read_segment(struct fus_jpeg *j, int marker)
{
    struct fus_bytes b = {0};
    if (marker > SOF2 && marker < DAC && marker != DHT && marker != JPG && marker != SOF9 && marker != SOF10)
        return unsupported(j, marker);
    if (marker > DAC && marker < 0xd0)
        return unsupported(j, marker);
    if (marker < SOF0)
        return fus_base_fail_at(j->err, FUS_EFORMAT, (long long)j->pos - 2,
                                "found marker ff%02x, which is reserved: damaged file?", marker);
    int code = segment(j, &b, marker);
    if (code)
        return code;
    switch (marker) {
    case DQT:
        return read_quantisation(j, &b);
    case DHT:
        return read_huffman(j, &b);
    case SOF0:
    case SOF1:
    case SOF2:
    case SOF9:
    case SOF10:
        return read_frame(j, &b, marker);
    case DAC:
        return read_conditioning(j, &b);
    case DRI:
        if (b.n != 2)
            return bad_segment(j, "a restart interval", "a length that is not 4");
        j->restart_interval = fus_bytes_u16be(&b);
        return FUS_OK;
    default:
        read_application(j, &b, marker);
        return FUS_OK;
    }
}

/* At the end of the image. A component without a scan is grey 128 everywhere, as
 * libjpeg makes it. */
static int check_complete(struct fus_jpeg *j)
{
    int n_seen = 0;
    for (int i = 0; j->has_frame && i < j->n_components; i++) {
        struct fus_jpeg_component *c = &j->components[i];
        n_seen += c->seen;
        if (!c->seen)
            memset(c->plane, 128, (size_t)c->padded_x * (size_t)c->padded_y * 64);
    }
    if (n_seen)
        return FUS_OK;
    return fus_base_fail_at(j->err, FUS_EFORMAT, (long long)j->pos,
                            "found the end of the image, expected a %s: truncated copy?",
                            j->has_frame ? "scan" : "frame header");
}

/* Did one scan code all and only the end marker is missing, with other bytes in its place? Fewer
 * bytes are a truncated copy. */
static bool unended(struct fus_jpeg *j, size_t behind)
{
    if (!j->whole || !j->ended || j->n - behind + (size_t)j->n_behind < MIN_BEHIND)
        return false;
    if (j->err)
        *j->err = (struct fus_error){.offset = -1};
    return true;
}

/* All segments up to the end of the image. */
static int read_all(struct fus_jpeg *j)
{
    size_t behind = 0; /* the last scan */
    for (;;) {
        int marker, code = next_marker(j, &marker);
        if (code && unended(j, behind))
            break;
        if (code)
            return code;
        if (marker == EOI)
            break;
        if (marker == SOI)
            return fus_base_fail_at(j->err, FUS_EFORMAT, (long long)j->pos - 2,
                                    "found a second start of image: damaged file?");
        if ((marker >= 0xd0 && marker <= 0xd7) || marker == TEM)
            continue;
        if (marker == SOS && !j->has_frame)
            return fus_base_fail_at(j->err, FUS_EFORMAT, (long long)j->pos - 2,
                                    "found a scan, expected a frame header: damaged file?");
        code = marker == SOS ? fus_jpeg_scan(j) : read_segment(j, marker);
        if (marker == SOS)
            behind = j->pos;
        else if (code && unended(j, behind))
            break;
        if (code)
            return code;
    }
    return check_complete(j);
}

/* The picture of a file that has been read. A grey one is the plane itself, which changes its
 * owner. */
static int give(struct fus_raster *r, struct fus_jpeg *j)
{
    struct fus_jpeg_component *c = &j->components[0];
    if (j->n_components == 1) {
        *r = (struct fus_raster){c->plane, (size_t)c->padded_x * 8, j->width, j->height, 1, 0};
        c->plane = NULL;
        return FUS_OK;
    }
    struct fus_raster made = {0};
    int code = fus_raster_create(&made, j->width, j->height, 3, j->err);
    if (!code)
        code = fus_jpeg_color(&made, j);
    if (code)
        fus_raster_free(&made);
    else
        *r = made;
    return code;
}

int fus_jpeg_raster(struct fus_raster *r, const uint8_t *bytes, size_t n, struct fus_error *err)
{
    if (n < 2 || bytes[0] != 0xff || bytes[1] != SOI)
        return fus_base_fail_at(err, FUS_EFORMAT, 0, "found no ff d8, expected a JPEG file: another format?");
    struct fus_jpeg *j = fus_base_alloc(1, sizeof *j);
    if (!j)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for the tables of a JPEG file");
    j->bytes = bytes;
    j->n = n;
    j->pos = 2;
    j->err = err;
    j->idct = fus_jpeg_idct_pick();
    for (int i = 0; i < 16; i++)
        j->conditioning[i] = (struct fus_jpeg_conditioning){0, 1, 5};
    int code = read_all(j);
    if (!code && j->progressive)
        code = fus_jpeg_idct_planes(j);
    if (!code)
        code = give(r, j);
    for (int i = 0; i < j->n_components && i < 4; i++) {
        fus_base_free(j->components[i].coefs);
        fus_base_free(j->components[i].plane);
    }
    fus_base_free(j);
    return code;
}

int fus_jpeg_decode(struct fus_image *image, const uint8_t *bytes, size_t n, struct fus_error *err)
{
    struct fus_raster r = {0};
    int code = fus_jpeg_raster(&r, bytes, n, err);
    return code ? code : fus_raster_image(image, &r, err);
}
