/* SPDX-License-Identifier: MIT */
/* Colours, dashes, markers and the style sheet: see theme.h. All colours are mixed in integers. */
#include "analysis/report/theme.h"

#include <string.h>

#define N_PAPER 5
#define N_HUES 17

/* [hue][mode]: at least 3:1 against the page in its mode; neighbours differ in lightness too. */
static const uint32_t palette[N_HUES][2] = {
    {0x1c6bb5, 0x62adf2}, /* face: blue */
    {0xd9740b, 0xf4a03c}, /* body: orange */
    {0x12805c, 0x41c796}, /* place: green */
    {0xc42d33, 0xf47a72}, /* word: red */
    {0x6a717d, 0xa6adb9}, /* scrambled: grey */
    {0x7a48b8, 0xb692ee}, {0x0b8ba6, 0x4cc6dd}, {0xb83a80, 0xf088bd}, {0x85552a, 0xc99a6b},
    {0x777d0a, 0xc2c74f}, {0x36429c, 0x8d9bf2}, {0x3f7d2c, 0x8acb6e}, {0x9c5a86, 0xd7a3c6},
    {0x4a6a70, 0x92b3ba}, {0xa3671f, 0xdfb06a}, {0x5d4fb0, 0xa89ff0}, {0x98382a, 0xe39483},
};

static const uint32_t ink[2] = {0x1a1d23, 0xf0f1f4}, paper[2] = {0xffffff, 0x16191f}, muted[2] = {0x565d69, 0xa9b0bc},
                      axis[2] = {0x8a919d, 0x6d7581}, grid[2] = {0xe4e7ec, 0x2c313a}, band[2] = {0xf6f7f9, 0x1c2027};

/* Of three models or more, the same in every panel: [model][mode]. Colour-blind readers tell
 * neighbours apart by lightness; the marker and the dash tell all apart. */
static const uint32_t model_colours[8][2] = {
    {0x0f5ea8, 0x6cb4f5}, {0xd9600a, 0xf5a04a}, {0x0a8f6c, 0x3fd0a6}, {0xb0468c, 0xee92cc},
    {0x55585e, 0x8a9099}, {0x2b93c7, 0x9fdcf7}, {0x7a4a1e, 0xd0a070}, {0x857f00, 0xd3cc4a},
};

/* Up to two models have a category's hue. Of 256 parts: positive towards ink, negative towards
 * paper. The marker and the dash tell models apart; this helps. */
static const int shade[8] = {0, 130, -80, 190, -40, 70, -100, 220};

static uint32_t mix(uint32_t a, uint32_t b, int parts)
{
    uint32_t out = 0;
    for (int shift = 0; shift < 24; shift += 8) {
        int from = (int)(a >> shift & 255), to = (int)(b >> shift & 255);
        out |= (uint32_t)((from * (256 - parts) + to * parts) / 256) << shift;
    }
    return out;
}

static bool coloured_models(const struct fus_theme *theme)
{
    return theme->n_models > 2;
}

static uint32_t colour(int hue, int model, enum fus_theme_mode mode)
{
    uint32_t base = hue < 0 ? mix(ink[mode], paper[mode], 40) : palette[hue][mode];
    int parts = shade[model % 8];
    if (hue < 0)
        parts = parts > 0 ? -parts / 2 : parts; /* ink cannot become darker */
    return parts >= 0 ? mix(base, ink[mode], parts) : mix(base, paper[mode], -parts);
}

static bool starts(const char *name, const char *with)
{
    for (; *with; name++, with++)
        if ((*name | 32) != *with)
            return false;
    return true;
}

void fus_theme_create(struct fus_theme *theme, char *const *categories, int n_categories, int n_models)
{
    static const char *const names[N_PAPER] = {"face", "bod", "place", "word", "scramb"};
    bool taken[N_PAPER] = {false};
    int next = N_PAPER;
    memset(theme, 0, sizeof *theme);
    theme->n_categories = n_categories < FUS_THEME_MAX_CATEGORIES ? n_categories : FUS_THEME_MAX_CATEGORIES;
    theme->n_models = n_models;
    for (int c = 0; c < theme->n_categories; c++) {
        int hue = 0;
        while (hue < N_PAPER && (taken[hue] || !starts(categories[c], names[hue])))
            hue++;
        if (hue < N_PAPER)
            taken[hue] = true;
        else {
            hue = next;
            next = next + 1 < N_HUES ? next + 1 : N_PAPER;
        }
        theme->hue[c] = (unsigned char)hue;
    }
}

static void hex(struct fus_text_buffer *out, uint32_t rgb)
{
    static const char digit[] = "0123456789abcdef";
    char text[8] = "#";
    for (int i = 0; i < 6; i++)
        text[1 + i] = digit[rgb >> (20 - 4 * i) & 15];
    fus_svg_put(out, "$s", text);
}

static void rule(struct fus_text_buffer *out, const char *before, uint32_t rgb, const char *after)
{
    fus_svg_put(out, "$s", before);
    hex(out, rgb);
    fus_svg_put(out, "$s", after);
}

/* Nothing is paper, much is ink-like, with hue on the way: 5 anchors, evenly spaced, lightness
 * monotone. */
static uint32_t heat_colour(int level, enum fus_theme_mode mode)
{
    static const uint32_t anchors[2][5] = {{0xf3f4f6, 0xfbc77d, 0xee6a5b, 0x9a2b7c, 0x2a0f4f},
                                           {0x20242c, 0x5a1f78, 0xc03a76, 0xf88a5a, 0xfdf0b5}};
    int at = level * 4 * 256 / (FUS_THEME_HEAT_LEVELS - 1), left = at / 256;
    if (left > 3)
        return anchors[mode][4];
    return mix(anchors[mode][left], anchors[mode][left + 1], at % 256);
}

static void heat_rules(struct fus_text_buffer *out, enum fus_theme_mode mode)
{
    for (int level = 0; level < FUS_THEME_HEAT_LEVELS; level++) {
        fus_svg_put(out, ".q$d", level);
        rule(out, "{color:", heat_colour(level, mode), "}");
    }
    fus_svg_put(out, "\n");
}

/* Rules that no mode changes, then those with colours; in the report the second set comes twice. */
static void shapes(struct fus_text_buffer *out)
{
    fus_svg_put(out,
                ".tt{font-weight:600;font-size:13px}.tk{font-size:10px}.tl{font-size:9px}.lb{font-size:11px}.st{"
                "font-size:13px;font-weight:700}.sm{font-size:8px;font-weight:700}"
                ".mid{text-anchor:middle}.end{text-anchor:end}\n"
                ".ln{fill:none;stroke:currentColor;stroke-width:1.7;stroke-linejoin:round;stroke-linecap:round}"
                ".eb{fill:none;stroke:currentColor;stroke-width:1}.nl{fill:none;stroke:currentColor;stroke-width:"
                "1.4;stroke-dasharray:.1 3;stroke-linecap:round}"
                ".mf,.bf{fill:currentColor}.dot{fill:none;stroke:currentColor;stroke-width:3;stroke-linecap:round;"
                "stroke-opacity:.6}.mean{fill:none;stroke-width:2}.mo{stroke:currentColor;stroke-width:1.4}"
                ".bo{fill:currentColor;fill-opacity:.16;stroke:currentColor;stroke-width:1.1}\n"
                ".one{fill:none;stroke:currentColor;stroke-width:.8;stroke-opacity:.45}.all{stroke-width:2.8}"
                ".ax{fill:none;stroke-width:1}.gr{fill:none;stroke-width:1}.hm,.hs{shape-rendering:crispEdges}"
                ".hm path,.hm rect{fill:currentColor}.hs{fill:none;stroke-width:1}.hs path{stroke:currentColor}\n");
}

void fus_theme_css(struct fus_text_buffer *out, const struct fus_theme *theme, enum fus_theme_mode mode, bool heat)
{
    if (mode == FUS_THEME_LIGHT)
        shapes(out);
    rule(out, ".pg,.mo{fill:", paper[mode], "}");
    rule(out, ".nh{fill:none;stroke-width:3.4;stroke:", paper[mode], "}");
    rule(out, ".tt,.lb,.st,.sm{fill:", ink[mode], "}");
    rule(out, ".tk,.sub{fill:", muted[mode], "}");
    rule(out, ".mean{stroke:", ink[mode], "}");
    rule(out, ".ax{stroke:", axis[mode], "}");
    rule(out, ".gr{stroke:", grid[mode], "}");
    rule(out, ".bd{fill:", band[mode], "}");
    rule(out, ".mf{stroke:", paper[mode], ";stroke-width:.6}\n");
    int n_models = theme->n_models < 8 ? theme->n_models : 8;
    bool done[N_HUES + 1] = {false};
    for (int c = -1; c < theme->n_categories; c++) {
        int hue = c < 0 ? -1 : theme->hue[c];
        if (done[hue + 1])
            continue;
        done[hue + 1] = true;
        for (int m = 0; m < (coloured_models(theme) ? 1 : n_models); m++) {
            fus_svg_put(out, c < 0 ? ".ink$d" : ".k$dm$d", c < 0 ? m : hue, m);
            rule(out, "{color:", colour(hue, m, mode), "}");
        }
        fus_svg_put(out, "\n");
    }
    for (int m = 0; coloured_models(theme) && m < n_models; m++) {
        fus_svg_put(out, ".model$d", m);
        rule(out, "{color:", model_colours[m][mode], "}");
    }
    if (heat)
        heat_rules(out, mode);
}

void fus_theme_class(struct fus_text_buffer *out, const struct fus_theme *theme, int c, int m)
{
    if (coloured_models(theme))
        fus_svg_put(out, "model$d", m % 8);
    else if (c < 0 || c >= theme->n_categories)
        fus_svg_put(out, "ink$d", m % 8);
    else
        fus_svg_put(out, "k$dm$d", (int)theme->hue[c], m % 8);
}

void fus_theme_category_class(struct fus_text_buffer *out, const struct fus_theme *theme, int c)
{
    fus_svg_put(out, "k$dm0", (int)theme->hue[c]);
}

const char *fus_theme_dash(int model)
{
    static const char *const dashes[8] = {"",
                                          " stroke-dasharray=\"5 3\"",
                                          " stroke-dasharray=\"1.2 3.2\"",
                                          " stroke-dasharray=\"8 3 1.5 3\"",
                                          " stroke-dasharray=\"10 4\"",
                                          " stroke-dasharray=\"3 2\"",
                                          " stroke-dasharray=\"8 3 1.5 3 1.5 3\"",
                                          " stroke-dasharray=\"2 5\""};
    return dashes[model % 8];
}

bool fus_theme_filled(int model)
{
    return model % 2 == 0;
}

/* square, triangle, diamond, triangle upside down, hexagon, house, hourglass; model 0 has the
 * circle. In hundredths of r. */
static const struct {
    int n;
    short at[6][2];
} marker_shape[8] = {
    {0, {{0, 0}}},
    {4, {{-100, -100}, {100, -100}, {100, 100}, {-100, 100}}},
    {3, {{0, -130}, {125, 90}, {-125, 90}}},
    {4, {{0, -145}, {145, 0}, {0, 145}, {-145, 0}}},
    {3, {{0, 130}, {125, -90}, {-125, -90}}},
    {6, {{-125, 0}, {-62, -108}, {62, -108}, {125, 0}, {62, 108}, {-62, 108}}},
    {5, {{-105, 105}, {-105, -20}, {0, -130}, {105, -20}, {105, 105}}},
    {4, {{-110, -120}, {110, -120}, {-110, 120}, {110, 120}}},
};

void fus_theme_marker(struct fus_text_buffer *out, int model, double x, double y, double r, const char *title)
{
    const char *class = fus_theme_filled(model) ? "mf" : "mo";
    int shape = model % 8, n = marker_shape[shape].n;
    if (n) {
        fus_svg_put(out, "<polygon class=\"$s\" points=\"", class);
        for (int i = 0; i < n; i++)
            fus_svg_put(out, "$s$f,$f", i ? " " : "", x + r * marker_shape[shape].at[i][0] / 100,
                        y + r * marker_shape[shape].at[i][1] / 100);
        fus_svg_put(out, "\"");
    } else
        fus_svg_put(out, "<circle class=\"$s\" cx=\"$f\" cy=\"$f\" r=\"$f\"", class, x, y, r * 1.1);
    if (title)
        fus_svg_put(out, "><title>$e</title></$s>", title, n ? "polygon" : "circle");
    else
        fus_svg_put(out, "/>");
}
