/* SPDX-License-Identifier: MIT */
/* Limbs: hands in several gestures with their forearms, bent arms, feet with their legs from the
 * side and the front. Bare skin, cut off by the picture's edge as in fLoc. Units: a hand or a
 * foot is about 1 long; the wrist or ankle is near the origin, and the rest of the limb comes
 * from below (y > 0). */
#include <math.h>

#include "nn/base/fmath.h"
#include "stimuli/drawn/generate.h"

enum kind { HAND, BENT_ARM, FOOT_SIDE, FOOT_FRONT, BENT_LEG, N_KINDS };
enum gesture { OPEN, SPREAD, FIST, POINTING, THUMB_UP, VICTORY, N_GESTURES };
static const char *const gesture_words[N_GESTURES] = {
    "an open hand",    "a hand with spread fingers", "a fist",
    "a pointing hand", "a hand with the thumb up",   "a hand with two fingers up"};

struct limb {
    enum kind kind;
    enum gesture gesture;
    bool palm, bracelet, right, child;
    double skin, thick, splay, bend, light;
    struct fus_scene_place place;
};

/* The index, middle, ring and little finger: where they begin, how long they are,
 * how they fan out. */
static const double finger_x[4] = {-0.215, -0.075, 0.07, 0.20}, finger_y[4] = {-0.36, -0.41, -0.39, -0.30};
static const double finger_length[4] = {0.50, 0.57, 0.52, 0.40}, finger_fan[4] = {-0.035, -0.01, 0.018, 0.05};

static struct fus_paint skin_paint(const struct limb *l, double factor)
{
    return (struct fus_paint){
        .grey = l->skin * factor, .round = 0.075, .gloss = 0.05, .grain = 0.02, .grain_x = 0.03, .grain_y = 0.03};
}

static struct fus_point along(struct fus_point p, double length, double half_turns)
{
    double s, c; /* 0: straight up */
    fus_fmath_sincospi(&s, &c, half_turns);
    return (struct fus_point){p.x + length * s, p.y - length * c};
}

static void nail(struct fus_draw *d, const struct limb *l, struct fus_point at, double size, double turn)
{
    fus_draw_ellipse(d, at.x, at.y, size * 0.72, size, turn);
    fus_paint_fill(d, &(struct fus_paint){.grey = l->skin * 0.82});
    fus_draw_ellipse(d, at.x, at.y, size * 0.60, size * 0.88, turn);
    fus_paint_fill(d, &(struct fus_paint){.grey = l->skin * 0.6 + 0.42, .round = 0.02, .gloss = 0.1});
}

/* Lines across a finger at a joint. */
static void crease(struct fus_draw *d, struct fus_point at, double half_width, double turn)
{
    double s, c;
    fus_fmath_sincospi(&s, &c, turn);
    struct fus_point p[3] = {{at.x - half_width * c, at.y - half_width * s},
                             {at.x + 0.02 * s, at.y - 0.02 * c},
                             {at.x + half_width * c, at.y + half_width * s}};
    fus_draw_stroke(d, p, 3, 0.012, 0.012, true);
}

static void straight_finger(struct fus_draw *d, const struct limb *l, int i)
{
    double turn = finger_fan[i] * l->splay, w = 0.15 * l->thick, length = finger_length[i] * (l->child ? 0.82 : 1);
    struct fus_point p[4] = {{finger_x[i], finger_y[i] + 0.12}, {0, 0}, {0, 0}, {0, 0}};
    p[1] = along(p[0], 0.12 + 0.44 * length, turn);
    p[2] = along(p[1], 0.31 * length, turn + l->bend);
    p[3] = along(p[2], 0.25 * length, turn + 1.6 * l->bend);
    struct fus_paint paint = skin_paint(l, 1.0);
    fus_draw_stroke(d, p, 4, w, w * 0.76, true);
    fus_paint_fill(d, &paint);
    crease(d, p[1], 0.045, turn);
    crease(d, p[2], 0.04, turn);
    fus_paint_fill(d, &(struct fus_paint){.grey = 0.72, .multiply = true, .blur = 0.008});
    if (!l->palm)
        nail(d, l, along(p[3], 0.0, turn), w * 0.34, turn + 1.6 * l->bend);
}

/* A finger folded into the fist: from the back only its knuckle shows, from the palm its end
 * lies on the palm. */
static void folded_finger(struct fus_draw *d, const struct limb *l, int i)
{
    double w = 0.15 * l->thick;
    struct fus_paint paint = skin_paint(l, 1.0);
    struct fus_point p[3] = {{finger_x[i], finger_y[i] + 0.10},
                             {finger_x[i] * 1.04, finger_y[i] - 0.05},
                             {finger_x[i] * 1.02, finger_y[i] + (l->palm ? 0.25 : 0.06)}};
    fus_draw_stroke(d, p + (l->palm ? 1 : 0), 2, w, w, false);
    fus_paint_fill(d, &paint);
    if (l->palm) {
        nail(d, l, p[2], w * 0.30, 1.0);
        crease(d, (struct fus_point){p[1].x, p[1].y + 0.08}, 0.05, 0);
        fus_paint_fill(d, &(struct fus_paint){.grey = 0.72, .multiply = true, .blur = 0.008});
    }
}

static bool is_straight(const struct limb *l, int i)
{
    return l->gesture <= SPREAD || (l->gesture == POINTING && i == 0) || (l->gesture == VICTORY && i < 2);
}

static void thumb(struct fus_draw *d, const struct limb *l)
{
    double w = 0.165 * l->thick;
    struct fus_point p[4] = {{-0.15, 0.02}, {-0.28, -0.16}, {-0.40, -0.32}, {-0.46, -0.50}};
    if (l->gesture == OPEN || l->gesture == POINTING)
        p[2] = (struct fus_point){-0.36, -0.32}, p[3] = (struct fus_point){-0.38, -0.50};
    if (l->gesture == FIST || l->gesture == VICTORY)
        p[1] = (struct fus_point){-0.28, -0.14}, p[2] = (struct fus_point){-0.20, -0.28},
        p[3] = (struct fus_point){l->palm ? 0.04 : -0.12, -0.30};
    if (l->gesture == THUMB_UP)
        p[1] = (struct fus_point){-0.30, -0.20}, p[2] = (struct fus_point){-0.50, -0.28},
        p[3] = (struct fus_point){-0.68, -0.32};
    struct fus_paint paint = skin_paint(l, 1.0);
    fus_draw_stroke(d, p, 4, w * 1.35, w * 0.80, true);
    fus_paint_fill(d, &paint);
    double dx = p[3].x - p[2].x, dy = p[3].y - p[2].y;
    double turn = fabs(dx) > fabs(dy) ? 0.45 * (dx > 0 ? 1 : -1) : 0.12 * dx / fabs(dy);
    crease(d, p[2], 0.05, turn);
    fus_paint_fill(d, &(struct fus_paint){.grey = 0.72, .multiply = true, .blur = 0.008});
    if (!l->palm || l->gesture == FIST)
        nail(d, l, p[3], w * 0.34, turn);
}

/* The palm, painted together with what is in the path already: no seam at the wrist. */
static void palm(struct fus_draw *d, const struct limb *l)
{
    double t = 0.5 + 0.5 * l->thick;
    struct fus_point p[10] = {{-0.17 * t, 0.22}, {-0.23 * t, 0.02}, {-0.29 * t, -0.20}, {-0.275 * t, -0.36},
                              {-0.08, -0.45},    {0.08, -0.44},     {0.25 * t, -0.33},  {0.29 * t, -0.14},
                              {0.24 * t, 0.06},  {0.165 * t, 0.22}};
    struct fus_paint paint = skin_paint(l, l->palm ? 1.04 : 1.0);
    paint.round = 0.10;
    fus_draw_smooth(d, p, 10);
    fus_paint_fill(d, &paint);
    if (l->palm) { /* the lines of the hand */
        struct fus_point life[4] = {{-0.24, -0.24}, {-0.10, -0.18}, {-0.05, 0.0}, {-0.08, 0.16}},
                         head[3] = {{-0.24, -0.23}, {-0.05, -0.20}, {0.16, -0.08}},
                         heart[3] = {{0.25, -0.22}, {0.08, -0.28}, {-0.08, -0.36}};
        fus_draw_stroke(d, life, 4, 0.014, 0.014, true);
        fus_draw_stroke(d, head, 3, 0.014, 0.012, true);
        fus_draw_stroke(d, heart, 3, 0.014, 0.012, true);
        fus_paint_fill(d, &(struct fus_paint){.grey = 0.68, .multiply = true, .blur = 0.008});
    } else
        for (int i = 0; i < 4; i++) { /* tendons and knuckles */
            struct fus_point tendon[2] = {{finger_x[i] * 0.45, 0.08}, {finger_x[i] * 0.92, finger_y[i] + 0.10}};
            fus_draw_stroke(d, tendon, 2, 0.02, 0.035, false);
            fus_paint_fill(d, &(struct fus_paint){.grey = 1.08, .multiply = true, .blur = 0.025});
            fus_draw_ellipse(d, finger_x[i] * 0.96, finger_y[i] + 0.05, 0.05, 0.035, 0);
            fus_paint_fill(d, &(struct fus_paint){.grey = 0.86, .multiply = true, .blur = 0.03});
        }
}

/* The hand on a forearm that goes down to `to`. */
static void hand(struct fus_draw *d, const struct limb *l, struct fus_point to)
{
    struct fus_point arm[2] = {{0, 0.05}, to};
    double w = 0.31 * (0.5 + 0.5 * l->thick);
    if (l->gesture == THUMB_UP || l->gesture == POINTING)
        thumb(d, l);
    for (int i = 3; i >= 0; i--)
        if (is_straight(l, i))
            straight_finger(d, l, i);
        else if (!l->palm)
            folded_finger(d, l, i);
    if (l->gesture <= SPREAD && !l->palm)
        thumb(d, l);
    fus_draw_stroke(d, arm, 2, w, w * 1.8, false);
    palm(d, l);
    for (int i = 3; i >= 0 && l->palm; i--)
        if (!is_straight(l, i))
            folded_finger(d, l, i);
    if (l->palm ? l->gesture <= SPREAD || l->gesture == FIST || l->gesture == VICTORY : false)
        thumb(d, l);
    if (l->bracelet) {
        fus_draw_box(d, -0.20, 0.26, 0.22, 0.34, 0.03);
        fus_paint_fill(d, &(struct fus_paint){.grey = l->skin > 0.6 ? 0.12 : 0.88, .round = 0.03, .gloss = 0.4});
    }
}

/* An upper arm, a bent elbow, a hand. */
static void draw_bent_arm(struct fus_draw *d, const struct limb *l)
{
    struct fus_point upper[2] = {{0.15, 1.25}, {2.4, 1.55}};
    struct fus_paint paint = skin_paint(l, 0.96);
    paint.round = 0.18;
    fus_draw_stroke(d, upper, 2, 0.50 * l->thick, 0.80 * l->thick, false);
    fus_paint_fill(d, &paint);
    struct fus_point inner[2] = {{0.36, 1.02}, {0.62, 1.08}};
    hand(d, l, (struct fus_point){0.12, 1.22});
    fus_draw_stroke(d, inner, 2, 0.03, 0.015, false);
    fus_paint_shadow(d, 0.6, 0.03);
}

static void toes_front(struct fus_draw *d, const struct limb *l)
{
    static const double x[5] = {-0.235, -0.085, 0.03, 0.135, 0.225}, y[5] = {0.60, 0.63, 0.61, 0.565, 0.50},
                        r[5] = {0.105, 0.07, 0.064, 0.06, 0.056};
    struct fus_paint paint = skin_paint(l, 1.02);
    paint.round = 0.05;
    for (int i = 4; i >= 0; i--) {
        struct fus_point p[2] = {{x[i] * 0.9, y[i] - 0.16}, {x[i], y[i]}};
        fus_draw_stroke(d, p, 2, r[i] * 1.8, r[i] * 2, false);
        fus_paint_fill(d, &paint);
        nail(d, l, (struct fus_point){x[i], y[i] + 0.25 * r[i]}, r[i] * 0.5, 0);
    }
}

static void draw_foot_front(struct fus_draw *d, const struct limb *l)
{
    struct fus_point leg[3] = {{0.0, -2.2}, {0.02, -1.0}, {0.0, -0.15}};
    const struct fus_point foot[9] = {{-0.14, -0.25}, {-0.20, 0.0}, {-0.30, 0.30}, {-0.32, 0.50}, {-0.10, 0.58},
                                      {0.22, 0.48},   {0.29, 0.34}, {0.21, 0.05},  {0.15, -0.25}};
    struct fus_paint paint = skin_paint(l, 1.0);
    paint.round = 0.14;
    fus_draw_stroke(d, leg, 2, 0.66 * l->thick, 0.52 * l->thick, false);
    fus_draw_stroke(d, leg + 1, 2, 0.52 * l->thick, 0.30, false);
    fus_draw_smooth(d, foot, 9);
    fus_paint_fill(d, &paint);
    for (int side = -1; side <= 1; side += 2) { /* ankle bones */
        fus_draw_ellipse(d, side * 0.15, -0.14 + 0.04 * side, 0.06, 0.07, 0);
        fus_paint_fill(d, &(struct fus_paint){.grey = 1.12, .multiply = true, .blur = 0.04});
    }
    for (int i = 0; i < 4; i++) {
        struct fus_point p[2] = {{-0.03 + 0.02 * i, -0.05}, {-0.18 + 0.11 * i, 0.40}};
        fus_draw_stroke(d, p, 2, 0.02, 0.03, false);
    }
    fus_paint_fill(d, &(struct fus_paint){.grey = 0.90, .multiply = true, .blur = 0.03});
    toes_front(d, l);
}

/* The foot from its inner side, toes to the right, the ankle at the origin; painted with the leg
 * that is in the path. */
static void foot_side(struct fus_draw *d, const struct limb *l)
{
    const struct fus_point foot[12] = {{-0.16, -0.22}, {-0.21, 0.06}, {-0.27, 0.24}, {-0.20, 0.36},
                                       {0.02, 0.345},  {0.22, 0.29},  {0.45, 0.36},  {0.72, 0.37},
                                       {0.80, 0.24},   {0.55, 0.09},  {0.27, -0.05}, {0.15, -0.22}};
    struct fus_paint paint = skin_paint(l, 1.0);
    paint.round = 0.12;
    fus_draw_smooth(d, foot, 12);
    struct fus_point toe[2] = {{0.58, 0.265}, {0.78, 0.295}};
    fus_draw_stroke(d, toe, 2, 0.17, 0.14, false);
    fus_paint_fill(d, &paint);
    nail(d, l, (struct fus_point){0.80, 0.255}, 0.05, 0.42);
    struct fus_point gap[3] = {{0.60, 0.20}, {0.66, 0.27}, {0.64, 0.34}};
    fus_draw_stroke(d, gap, 3, 0.012, 0.012, true);
    fus_paint_shadow(d, 0.7, 0.012);
    fus_draw_ellipse(d, -0.01, 0.02, 0.075, 0.08, 0);
    fus_paint_fill(d, &(struct fus_paint){.grey = 1.15, .multiply = true, .blur = 0.04});
    fus_draw_arc(d, -0.01, 0.03, 0.09, 0.09, 0.1, 0.9, 0.025);
    fus_paint_shadow(d, 0.72, 0.03);
    struct fus_point arch[3] = {{0.05, 0.30}, {0.24, 0.25}, {0.42, 0.32}};
    fus_draw_stroke(d, arch, 3, 0.04, 0.04, true);
    fus_paint_shadow(d, 0.75, 0.05);
}

static void draw_foot_side(struct fus_draw *d, const struct limb *l)
{
    double t = l->thick;
    const struct fus_point leg[8] = {{-0.15, -0.10},    {-0.17, -0.40},   {-0.38 * t, -0.95}, {-0.40 * t, -1.40},
                                     {-0.34 * t, -2.3}, {0.28 * t, -2.3}, {0.20 * t, -1.2},   {0.13, -0.15}};
    fus_draw_smooth(d, leg, 8);
    foot_side(d, l);
    struct fus_point tendon[2] = {{-0.155, -0.35}, {-0.19, 0.05}};
    fus_draw_stroke(d, tendon, 2, 0.03, 0.04, false);
    fus_paint_fill(d, &(struct fus_paint){.grey = 1.12, .multiply = true, .blur = 0.03});
}

/* A thigh from the left, a bent knee, a shin down to the foot. */
static void draw_bent_leg(struct fus_draw *d, const struct limb *l)
{
    double t = l->thick;
    struct fus_point knee = {0.30, -1.25}, thigh[2] = {{-2.0, -1.05}, knee},
                     shin[3] = {knee, {0.12, -0.75}, {0, -0.05}};
    struct fus_paint paint = skin_paint(l, 1.0);
    paint.round = 0.18;
    fus_draw_stroke(d, thigh, 2, 0.78 * t, 0.46 * t, false);
    fus_paint_fill(d, &paint);
    fus_draw_stroke(d, shin, 2, 0.44 * t, 0.46 * t, false);
    fus_draw_stroke(d, shin + 1, 2, 0.46 * t, 0.29, false);
    foot_side(d, l);
    fus_draw_ellipse(d, knee.x + 0.06, knee.y, 0.15 * t, 0.17 * t, 0);
    fus_paint_fill(d, &(struct fus_paint){.grey = 1.13, .multiply = true, .blur = 0.07});
    struct fus_point back[2] = {{0.0, -0.98}, {0.12, -1.02}};
    fus_draw_stroke(d, back, 2, 0.02, 0.03, false);
    fus_paint_shadow(d, 0.6, 0.03);
}

static void draw_limb(struct fus_draw *d, const struct limb *l)
{
    fus_scene_put(d, &l->place);
    d->light = (struct fus_point){l->light, -0.5};
    switch (l->kind) {
    case HAND:
        hand(d, l, (struct fus_point){0.08, 2.6});
        break;
    case BENT_ARM:
        draw_bent_arm(d, l);
        break;
    case FOOT_SIDE:
        draw_foot_side(d, l);
        break;
    case FOOT_FRONT:
        draw_foot_front(d, l);
        break;
    default:
        draw_bent_leg(d, l);
    }
}

static void pick_limb(struct limb *l, struct fus_rng *rng)
{
    static const enum kind often[] = {HAND, HAND, HAND, BENT_ARM, FOOT_SIDE, FOOT_SIDE, FOOT_FRONT, BENT_LEG};
    static const double low[N_KINDS] = {0.42, 0.27, 0.38, 0.40, 0.26}, high[N_KINDS] = {0.56, 0.33, 0.50, 0.54, 0.32};
    static const double y[N_KINDS] = {0.60, 0.36, 0.50, 0.45, 0.70}, x[N_KINDS] = {0.5, 0.40, 0.40, 0.5, 0.56};
    l->kind = often[fus_scene_pick(rng, 8)];
    l->gesture = (enum gesture)fus_scene_pick(rng, N_GESTURES);
    l->palm = fus_scene_chance(rng, 0.4);
    l->child = fus_scene_chance(rng, 0.3);
    l->bracelet = fus_scene_chance(rng, 0.2);
    l->skin = fus_scene_between(rng, 0.46, 0.95);
    l->thick = fus_scene_between(rng, 0.88, 1.1) * (l->child ? 1.1 : 1);
    l->splay = l->gesture == SPREAD || l->gesture == VICTORY ? fus_scene_between(rng, 2.4, 3.2)
                                                             : fus_scene_between(rng, 0.7, 1.4);
    l->bend = fus_scene_between(rng, -0.02, 0.03);
    l->light = fus_scene_between(rng, 0.25, 0.7) * (fus_scene_chance(rng, 0.5) ? 1 : -1);
    l->right = fus_scene_chance(rng, 0.5);
    double turn = l->kind == HAND ? fus_scene_between(rng, -0.30, 0.30) : fus_scene_between(rng, -0.09, 0.09);
    double cx = x[l->kind];
    l->place = (struct fus_scene_place){(l->right ? 1 - cx : cx) + fus_scene_between(rng, -0.06, 0.06),
                                        y[l->kind] + fus_scene_between(rng, -0.05, 0.05),
                                        fus_scene_between(rng, low[l->kind], high[l->kind]), turn, l->right};
}

void fus_generate_limb_limb(struct fus_draw *d, struct fus_scene_caption *caption, struct fus_rng *rng)
{
    struct limb l = {.right = false};
    pick_limb(&l, rng);
    const char *skin = l.skin < 0.62 ? "dark" : l.skin < 0.8 ? "tanned" : "fair";
    if (l.kind == HAND)
        fus_scene_say(caption, "%s of %s skin, seen from the %s%s", gesture_words[l.gesture], skin,
                      l.palm ? "palm" : "back", l.bracelet ? ", with a bracelet" : "");
    else if (l.kind == BENT_ARM)
        fus_scene_say(caption, "a bent arm of %s skin ending in %s", skin, gesture_words[l.gesture]);
    else if (l.kind == BENT_LEG)
        fus_scene_say(caption, "a bare bent leg of %s skin", skin);
    else
        fus_scene_say(caption, "a bare foot of %s skin seen from the %s", skin, l.kind == FOOT_SIDE ? "side" : "front");
    if (d)
        draw_limb(d, &l);
}
