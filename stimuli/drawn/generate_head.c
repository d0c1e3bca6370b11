/* SPDX-License-Identifier: MIT */
/* The shape of a head: its outline, and where a point of the face is in the drawing. */
#include <math.h>

#include "stimuli/drawn/generate_face.h"

struct fus_point fus_generate_head_on(const struct fus_face *f, double u, double v, double out)
{
    double across = u / (f->width * 1.04), down = v / 1.08, left = 1 - across * across - down * down;
    double depth = 0.64 * sqrt(left > 0 ? left : 0) + out;
    double x = u * f->yaw_cos + depth * f->yaw_sin;
    return (struct fus_point){x, v * f->pitch_cos + depth * f->pitch_sin - 0.2 * f->pitch_sin};
}

/* Right half of a head's outline, from crown to chin, as parts of its width; widths from the
 * cheek down follow the jaw. */
static const struct fus_point outline[] = {{0, -1.02},    {0.34, -0.985}, {0.66, -0.83}, {0.90, -0.55}, {1.0, -0.20},
                                           {0.985, 0.12}, {0.92, 0.42},   {0.78, 0.68},  {0.52, 0.89},  {0.24, 0.985}};
#define N_HALF ((int)(sizeof outline / sizeof *outline))

/* From the crown down our right, over the chin at index N_HALF, up again: 2 * N_HALF points. */
static void head_outline(const struct fus_face *f, struct fus_point p[2 * N_HALF], double scale)
{
    for (int i = 0; i < 2 * N_HALF; i++) {
        int k = i <= N_HALF ? i : 2 * N_HALF - i;
        double sign = i < N_HALF ? 1 : -1, v = k < N_HALF ? outline[k].y : 1.0, u = k < N_HALF ? outline[k].x : 0;
        double low = v < 0.1 ? 0 : v - 0.1;
        u *= 1 + (f->jaw - 1) * (low < 0.6 ? low / 0.6 : 1);
        if (v > 0.8)
            u *= f->chin;
        /* the back of the head shows behind the ear */
        double back = sign * f->yaw_sin < 0 ? 0.30 : 0.04;
        if (v > 0.35)
            back *= v > 0.75 ? 0 : (0.75 - v) / 0.4;
        double x = sign * u * f->width * (f->yaw_cos + back * fabs(f->yaw_sin) * 2);
        x += f->yaw_sin * (v > 0 ? 0.34 * v : 0); /* the chin comes forward */
        double thick = v > -0.05 ? 1 : v > -0.5 ? 1 + (scale - 1) * (-0.05 - v) / 0.45 : scale;
        p[i] = (struct fus_point){x * thick, v * thick + 0.10 * f->pitch_sin * (v > 0 ? v : 0)};
    }
}

void fus_generate_head(struct fus_draw *d, const struct fus_face *f, double scale)
{
    struct fus_point p[2 * N_HALF];
    head_outline(f, p, scale);
    fus_draw_smooth(d, p, 2 * N_HALF);
}
