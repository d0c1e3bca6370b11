/* SPDX-License-Identifier: MIT */
/* Kinds of files: see kind.h. Signatures are those of the formats' own specifications; no
 * decoder is tried. */
#include "stimuli/image/kind.h"

#include <stdio.h>
#include <string.h>

static bool has(const uint8_t *bytes, size_t n, size_t at, const char *magic, size_t n_magic)
{
    return n >= at + n_magic && memcmp(bytes + at, magic, n_magic) == 0;
}

/* ISO base media files: the brand gives the format of their contents. */
static const char *brand(const uint8_t *bytes, size_t n)
{
    static const char *const brands[][2] = {{"avif", "AVIF"}, {"avis", "AVIF"},     {"heic", "HEIC"},
                                            {"heix", "HEIC"}, {"hevc", "HEIC"},     {"mif1", "HEIF"},
                                            {"msf1", "HEIF"}, {"qt  ", "QuickTime"}};
    for (size_t i = 0; i < sizeof brands / sizeof *brands; i++)
        if (has(bytes, n, 8, brands[i][0], 4))
            return brands[i][1];
    return "video";
}

/* BM, and two reserved fields that are 0: text may begin with BM too. */
static bool is_bmp(const uint8_t *bytes, size_t n)
{
    return has(bytes, n, 0, "BM", 2) && has(bytes, n, 6, "\0\0\0\0", 4);
}

/* P1 to P6, white space, then a number or a comment: text may begin with P6 too. */
static bool is_pnm(const uint8_t *bytes, size_t n)
{
    size_t i = 2;
    if (n < 4 || bytes[0] != 'P' || bytes[1] < '1' || bytes[1] > '6')
        return false;
    while (i < n && (bytes[i] == ' ' || (bytes[i] >= '\t' && bytes[i] <= '\r')))
        i++;
    return i > 2 && i < n && (bytes[i] == '#' || (bytes[i] >= '0' && bytes[i] <= '9'));
}

static struct fus_kind of_bytes(const uint8_t *bytes, size_t n)
{
    static const struct {
        const char *magic;
        size_t n, at;
        const char *name;
    } others[] = {
        {"GIF8", 4, 0, "GIF"},
        {"II*\0", 4, 0, "TIFF"},
        {"MM\0*", 4, 0, "TIFF"},
        {"II+\0", 4, 0, "TIFF"},
        {"MM\0+", 4, 0, "TIFF"},
        {"WEBP", 4, 8, "WebP"},
        {"8BPS", 4, 0, "PSD"},
        {"%PDF", 4, 0, "PDF"},
        {"\xff\x4f\xff\x51", 4, 0, "JPEG 2000"},
        {"\0\0\0\x0cjP  ", 8, 0, "JPEG 2000"},
        {"\xff\x0a", 2, 0, "JPEG XL"},
        {"\0\0\0\x0cJXL ", 8, 0, "JPEG XL"},
        {"\0\0\1\0", 4, 0, "ICO"},
        {"<svg", 4, 0, "SVG"},
        {"gimp xcf", 8, 0, "XCF"},
        {"#?RADIANCE", 10, 0, "HDR"},
        {"\x76\x2f\x31\x01", 4, 0, "EXR"},
        {"qoif", 4, 0, "QOI"},
    };
    if (has(bytes, n, 0, "\xff\xd8\xff", 3))
        return (struct fus_kind){"JPEG", true};
    if (has(bytes, n, 0, "\x89PNG\r\n\x1a\n", 8))
        return (struct fus_kind){"PNG", true};
    if (is_bmp(bytes, n))
        return (struct fus_kind){"BMP", true};
    if (is_pnm(bytes, n))
        return (struct fus_kind){"PNM", true};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (has(bytes, n, others[i].at, others[i].magic, others[i].n))
            return (struct fus_kind){others[i].name, false};
    return (struct fus_kind){has(bytes, n, 4, "ftyp", 4) ? brand(bytes, n) : NULL, false};
}

struct fus_kind fus_kind_of_file(const char *path)
{
    uint8_t bytes[FUS_KIND_BYTES];
    FILE *f = fus_base_open(path, NULL);
    size_t n = f ? fread(bytes, 1, sizeof bytes, f) : 0;
    if (f)
        fclose(f);
    return of_bytes(bytes, n);
}

/* The ending with its dot in lower case; false if there is none. */
static bool find_ending(char ending[8], const char *name)
{
    const char *dot = strrchr(name, '.');
    size_t n = dot && dot > name ? strlen(dot) : 0;
    bool letters = false;
    if (n < 2 || n > 6)
        return false;
    for (size_t i = 0; i <= n; i++) {
        char c = dot[i] >= 'A' && dot[i] <= 'Z' ? (char)(dot[i] - 'A' + 'a') : dot[i];
        bool letter = (c >= 'a' && c <= 'z') || c == '~', digit = c >= '0' && c <= '9';
        if (i > 0 && i < n && !letter && !digit)
            return false;
        letters = letters || letter;
        ending[i] = c;
    }
    return letters;
}

/* Whether the list of endings, apart by spaces, has it. */
static bool listed(const char *list, const char *ending)
{
    size_t n = strlen(ending);
    const char *at = strstr(list, ending);
    while (at && at[n] != ' ' && at[n] != '\0') /* .jpe is also the beginning of .jpeg */
        at = strstr(at + 1, ending);
    return at != NULL;
}

enum fus_kind_ending fus_kind_of_ending(const char *name, const char **kind)
{
    static const char *const pictures[][2] = {
        {".webp", "WebP"},
        {".gif", "GIF"},
        {".tif .tiff", "TIFF"},
        {".heic .heics .heif", "HEIC"},
        {".avif", "AVIF"},
        {".jxl", "JPEG XL"},
        {".jp2 .j2k .jpx", "JPEG 2000"},
        {".psd .psb", "PSD"},
        {".svg .svgz", "SVG"},
        {".ico", "ICO"},
        {".tga", "TGA"},
        {".pcx", "PCX"},
        {".eps .ps", "PostScript"},
        {".pdf", "PDF"},
        {".xcf", "XCF"},
        {".exr", "EXR"},
        {".hdr", "HDR"},
        {".cr2 .cr3 .nef .arw .dng .orf .rw2 .raf .raw", "camera raw"},
        {".mp4 .mov .avi .mkv .webm", "video"},
    };
    char ending[8];
    *kind = NULL;
    if (!find_ending(ending, name))
        return FUS_KIND_NONE;
    if (listed(FUS_KIND_ENDINGS, ending))
        return FUS_KIND_READ;
    for (size_t i = 0; i < sizeof pictures / sizeof *pictures; i++)
        if (listed(pictures[i][0], ending)) {
            *kind = pictures[i][1];
            return FUS_KIND_PICTURE;
        }
    return FUS_KIND_OTHER;
}

bool fus_kind_is_system(const char *name)
{
    static const char *const names[] = {
        "@eaDir",    "#recycle",    "__MACOSX",    "lost+found", "$RECYCLE.BIN", "System Volume Information",
        "Thumbs.db", "ehthumbs.db", "desktop.ini", "Icon\r"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return name[0] == '.';
}
