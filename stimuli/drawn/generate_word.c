/* SPDX-License-Identifier: MIT */
/* Words that can be pronounced but (mostly) do not exist, and numbers, in letters made of strokes.
 *
 * A letter is a text of strokes: '-' begins a straight one, '~' a smooth one; two characters
 * (0-9, then a-z = 10-35) are a point. y counts down from the capitals' top (0) by small
 * letters' top (8) and the baseline (o = 24) to the tails (w = 32). */
#include <math.h>
#include <string.h>

#include "stimuli/drawn/generate.h"

static const char *const small_letters[26] = {
    "~cb782a0g2m7ocl-d8do",
    "-000o~1b68badgbm6o1l",
    "~cb782a0g2m7ocl",
    "~cb782a0g2m7ocl-d0do",
    "-0gdg~dgca782a0g2m7ocl",
    "~a160454o-0898",
    "~cb782a0g2m7ocl~d8dqbv6w1u",
    "-000o~0d3978baceco",
    "-080o-0101",
    "~484q2v0w-4141",
    "-000o-b80i-4fbo",
    "-000o",
    "-080o~0d39689aaeao~add9g8jakeko",
    "-080o~0d3978baceco",
    "~782a0g2m7ocmegca78",
    "-080w~1b68badgbm6o1l",
    "~cb782a0g2m7ocl-d8dw",
    "-080o~0e3a6898",
    "~ba681a2e6gaibm6o0m",
    "~424k7oan-0898",
    "~080i2n6oamci-c8co",
    "-086oc8",
    "-085oa8fok8",
    "-08co-c80o",
    "-086o-c83w",
    "-08c80oco",
};

static const char *const capitals[26] = {
    "-0o80go-3gdg",
    "-000o~0080d2e6da8c0c~0c9ceegiem9o0o",
    "~h5e190330c3l9oenhj",
    "-000o~0070d3gcdl7o0o",
    "-e0000oeo-0ccc",
    "-e0000o-0ccc",
    "~h5e190330c3l9oenhj-adhdhj",
    "-000o-g0go-0cgc",
    "-000o",
    "~a0ah8n4o0l",
    "-000o-f00e-5afo",
    "-000oeo",
    "-0o009ii0io",
    "-0o00gog0",
    "~90330c3l9oflicf390",
    "-000o~0090e2f7ec9d0d",
    "~90330c3l9oflicf390-bijq",
    "-000o~0090e2f7ec9d0d-7dfo",
    "~f4b17022163a8cdefidm8o3n0k",
    "-00g0-808o",
    "~000g3m8odmggg0",
    "-008og0",
    "-006oc0ioo0",
    "-00go-g00o",
    "-008cg0-8c8o",
    "-00g00ogo",
};

static const char *const digits[10] = {
    "~70220c2m7ocmecc270",        "-15707o",   "~062270c2d79e0o-0oeo",
    "~1360b2d6ba6c~6cceeicm6o0l", "-bob00hfh", "-d0201b~1b79cbegcm6o0l",
    "~c270260g2m7ocmegca792c0g",  "-00e05o",   "~7022163a7bbad6c270~7b2d0i2m7ocmeicd7b",
    "~2m7ocie8c27022082e7fcce8",
};

enum style { PLAIN, BOLD, SERIF, SLANTED, OUTLINE, PEN, SHADED, TEXTURED, N_STYLES };
static const char *const style_words[N_STYLES] = {"plain",    "bold",         "serif",  "slanted",
                                                  "outlined", "broad-nibbed", "raised", "patterned"};

#define MAX_LETTERS 8

struct writer {
    char text[MAX_LETTERS + 1];
    enum style style;
    bool light;
    double weight, grey, spacing, wave, wave_turn, stretch;
    double rise[MAX_LETTERS], turn[MAX_LETTERS];
    struct fus_scene_place place;
};

static const char *strokes_of(char c)
{
    if (c >= '0' && c <= '9')
        return digits[c - '0'];
    return c >= 'a' ? small_letters[c - 'a'] : capitals[c - 'A'];
}

/* Units are the capitals' height. */
static struct fus_point grid_point(const char *s)
{
    double v[2];
    for (int i = 0; i < 2; i++)
        v[i] = s[i] <= '9' ? s[i] - '0' : s[i] - 'a' + 10;
    return (struct fus_point){v[0] / 24, v[1] / 24};
}

static double width_of(char c)
{
    double width = 0;
    for (const char *s = strokes_of(c); *s;) {
        if (*s == '-' || *s == '~') {
            s++;
            continue;
        }
        double x = grid_point(s).x;
        width = x > width ? x : width;
        s += 2;
    }
    return width;
}

/* A short level bar where an upright stroke ends on one of the lines. */
static void add_serif(struct fus_draw *d, struct fus_point end, struct fus_point before, double w)
{
    static const double lines[] = {0, 8 / 24.0, 1, 32 / 24.0};
    if (fabs(end.y - before.y) < 1.2 * fabs(end.x - before.x))
        return;
    for (int i = 0; i < 4; i++)
        if (fabs(end.y - lines[i]) < 0.01) {
            struct fus_point bar[2] = {{end.x - 0.13, end.y}, {end.x + 0.13, end.y}};
            fus_draw_stroke(d, bar, 2, 0.55 * w, 0.55 * w, false);
        }
}

/* All strokes of a letter into the path, w wide; nib: a pen that is wide in one direction. */
static void add_letter(struct fus_draw *d, char c, double w, bool serifs, double nib)
{
    const char *s = strokes_of(c);
    while (*s) {
        struct fus_point p[16];
        bool smooth = *s++ == '~';
        int n = 0;
        for (; *s && *s != '-' && *s != '~' && n < 16; s += 2)
            p[n++] = grid_point(s);
        for (int k = nib > 0 ? -3 : 0; k <= (nib > 0 ? 3 : 0); k++) {
            struct fus_point q[16];
            for (int i = 0; i < n; i++)
                q[i] = (struct fus_point){p[i].x + nib * k / 3, p[i].y - 0.55 * nib * k / 3};
            fus_draw_stroke(d, q, n, w, w, smooth);
        }
        if (serifs && n > 1) {
            add_serif(d, p[0], p[1], w);
            add_serif(d, p[n - 1], p[n - 2], w);
        }
    }
}

static void draw_letter(struct fus_draw *d, const struct writer *t, char c)
{
    double w = t->weight, far = t->light ? 0.05 : 0.97;
    bool serifs = t->style == SERIF;
    double nib = t->style == PEN ? 0.07 : 0;
    struct fus_paint paint = {.grey = t->grey};
    if (t->style == OUTLINE) {
        add_letter(d, c, w + 0.10, false, 0);
        fus_paint_grey(d, far);
    } else if (t->style == SHADED) {
        struct fus_frame keep = d->frame;
        for (int i = 5; i >= 1; i--) {
            fus_draw_shift(d, 0.016 * i, 0.016 * i);
            add_letter(d, c, w, false, 0);
            d->frame = keep;
        }
        fus_paint_grey(d, far);
        paint.round = 0.08;
    } else if (t->style == TEXTURED) {
        add_letter(d, c, w + 0.06, false, 0);
        fus_paint_grey(d, far);
        paint.grain = 0.30;
        paint.grain_x = 0.09;
        paint.grain_y = 0.05;
        paint.grain_turn = 0.2;
        paint.grey = t->light ? 0.80 : 0.22;
    }
    add_letter(d, c, nib > 0 ? 0.05 : w, serifs, nib);
    fus_paint_fill(d, &paint);
}

static void draw_writing(struct fus_draw *d, const struct writer *t)
{
    double total = 0, at;
    int n = (int)strlen(t->text);
    for (int i = 0; i < n; i++)
        total += width_of(t->text[i]) + (i ? t->spacing : 0);
    fus_scene_put(d, &t->place);
    double scale = 1.9 / (total > 1.6 ? total : 1.6);
    fus_draw_scale(d, scale * t->stretch, scale / t->stretch);
    at = -total / 2;
    for (int i = 0; i < n; i++) {
        struct fus_frame keep = d->frame;
        double w = width_of(t->text[i]), across = (at + w / 2) / total;
        fus_draw_shift(d, at + w / 2, t->rise[i] + t->wave * (across * across * 4 - 0.4));
        fus_draw_turn(d, t->turn[i] + t->wave * across * 0.9);
        fus_draw_shift(d, -w / 2, -0.55);
        if (t->style == SLANTED)
            fus_draw_slant(d, -0.32);
        draw_letter(d, t, t->text[i]);
        d->frame = keep;
        at += w + t->spacing;
    }
}

/* Beginnings, middles and endings that yield no rude word. */
static void pick_word(char text[MAX_LETTERS + 1], struct fus_rng *rng)
{
    static const char *const begin[] = {"bl", "br", "cl", "dr", "fl", "gl", "gr", "pl", "pr",
                                        "sl", "sm", "sn", "sp", "st", "sw", "tr", "tw", "thr"};
    static const char *const end[] = {"b", "d", "l", "m", "n", "p", "lk", "rd", "nd", "th", "rn", "sk"};
    char *s = text;
    if (fus_scene_chance(rng, 0.6)) {
        const char *b = begin[fus_scene_pick(rng, 18)], *e = end[fus_scene_pick(rng, 12)];
        while (*b)
            *s++ = *b++;
        *s++ = "aeiou"[fus_scene_pick(rng, 5)];
        while (*e)
            *s++ = *e++;
    } else {
        *s++ = "bdfklmnprtv"[fus_scene_pick(rng, 11)];
        *s++ = "aeiou"[fus_scene_pick(rng, 5)];
        *s++ = "bdlmrv"[fus_scene_pick(rng, 6)];
        *s++ = "aeio"[fus_scene_pick(rng, 4)];
        *s++ = "lnrkm"[fus_scene_pick(rng, 5)];
    }
    *s = '\0';
    int capital = fus_scene_pick(rng, 4); /* Like this, like this twice, like this, LIKE THIS */
    for (s = text; *s; s++)
        if (capital == 3 || (capital < 2 && s == text))
            *s = (char)(*s - 'a' + 'A');
}

static void pick_number(char text[MAX_LETTERS + 1], struct fus_rng *rng)
{
    int n = 2 + fus_scene_pick(rng, 4);
    for (int i = 0; i < n; i++)
        text[i] = (char)('0' + (i ? fus_scene_pick(rng, 10) : 1 + fus_scene_pick(rng, 9)));
    text[n] = '\0';
}

static void pick_style(struct writer *t, struct fus_rng *rng)
{
    t->style = (enum style)fus_scene_pick(rng, N_STYLES);
    t->light = fus_scene_chance(rng, 0.5);
    t->grey = t->light ? fus_scene_between(rng, 0.86, 1.0) : fus_scene_between(rng, 0.02, 0.14);
    t->weight = fus_scene_between(rng, 0.12, 0.17);
    if (t->style == BOLD || t->style == SHADED || t->style == TEXTURED)
        t->weight = fus_scene_between(rng, 0.19, 0.26);
    t->spacing = t->weight + fus_scene_between(rng, 0.12, 0.22);
    t->wave = fus_scene_chance(rng, 0.5) ? fus_scene_between(rng, -0.25, 0.25) : 0;
    t->stretch = fus_scene_between(rng, 0.84, 1.12);
    bool loose = fus_scene_chance(rng, 0.35);
    for (int i = 0; i < MAX_LETTERS; i++) {
        t->rise[i] = (loose ? 0.16 : 0.02) * fus_scene_between(rng, -1, 1);
        t->turn[i] = (loose ? 0.07 : 0.006) * fus_scene_between(rng, -1, 1);
    }
    t->place = (struct fus_scene_place){fus_scene_between(rng, 0.46, 0.54), fus_scene_between(rng, 0.42, 0.58),
                                        fus_scene_between(rng, 0.30, 0.43), fus_scene_between(rng, -0.13, 0.13), false};
}

void fus_generate_word_word(struct fus_draw *d, struct fus_scene_caption *c, struct fus_rng *rng)
{
    struct writer t = {.light = false};
    pick_word(t.text, rng);
    pick_style(&t, rng);
    fus_scene_say(c, "the made-up word %s in %s %s letters", t.text, style_words[t.style], t.light ? "white" : "black");
    if (d)
        draw_writing(d, &t);
}

void fus_generate_word_number(struct fus_draw *d, struct fus_scene_caption *c, struct fus_rng *rng)
{
    struct writer t = {.light = false};
    pick_number(t.text, rng);
    pick_style(&t, rng);
    fus_scene_say(c, "the number %s in %s %s digits", t.text, style_words[t.style], t.light ? "white" : "black");
    if (d)
        draw_writing(d, &t);
}
