/* SPDX-License-Identifier: MIT */
/* Paths and their coverage: see draw.h.
 *
 * Curves become short edges in pixels. Each pixel row is cut by SUB scan lines; on a line the
 * crossings are sorted, spans of non-zero winding are found, and each span adds its exact length
 * in every pixel. */
#include "stimuli/drawn/draw.h"

#include <math.h>
#include <string.h>

#include "nn/base/fmath.h"

#define SUB 6 /* lines in a pixel row: seven levels for an almost horizontal edge */

int fus_draw_begin(struct fus_draw *d, int side, struct fus_error *err)
{
    size_t n = (size_t)side * (size_t)side;
    memset(d, 0, sizeof *d);
    d->side = side;
    d->frame = (struct fus_frame){side, 0, 0, 0, side, 0};
    d->light = (struct fus_point){-0.5, -0.6};
    d->pixels = fus_base_alloc(n, sizeof *d->pixels);
    d->mask = fus_base_alloc(n, sizeof *d->mask);
    d->clip = fus_base_alloc(n, sizeof *d->clip);
    d->work = fus_base_alloc(n, 2 * sizeof *d->work);
    d->edges = fus_base_aligned(FUS_DRAW_MAX_EDGES, sizeof *d->edges);
    d->active = fus_base_aligned(FUS_DRAW_MAX_EDGES, sizeof *d->active);
    d->lines = fus_base_alloc((size_t)side, SUB * sizeof *d->lines);
    d->sums = fus_base_alloc((size_t)side + 2, sizeof *d->sums);
    d->grain = fus_base_alloc((size_t)FUS_DRAW_GRAIN * FUS_DRAW_GRAIN, sizeof *d->grain);
    if (!d->pixels || !d->mask || !d->clip || !d->work || !d->edges || !d->active || !d->lines || !d->sums ||
        !d->grain) {
        fus_draw_end(d);
        return fus_base_fail(err, FUS_ENOMEM, "no memory to draw a picture of %d x %d", side, side);
    }
    for (size_t i = 0; i < n; i++)
        d->pixels[i] = 0.5f;
    return FUS_OK;
}

void fus_draw_end(struct fus_draw *d)
{
    fus_base_free(d->pixels);
    fus_base_free(d->mask);
    fus_base_free(d->clip);
    fus_base_free(d->work);
    fus_base_free(d->edges);
    fus_base_free(d->active);
    fus_base_free(d->lines);
    fus_base_free(d->sums);
    fus_base_free(d->grain);
    memset(d, 0, sizeof *d);
}

/* ---- frames ---- */

void fus_draw_shift(struct fus_draw *d, double x, double y)
{
    struct fus_frame *f = &d->frame;
    f->x0 += f->xx * x + f->xy * y;
    f->y0 += f->yx * x + f->yy * y;
}

void fus_draw_map(struct fus_draw *d, double xx, double xy, double yx, double yy)
{
    struct fus_frame f = d->frame;
    d->frame.xx = f.xx * xx + f.xy * yx;
    d->frame.xy = f.xx * xy + f.xy * yy;
    d->frame.yx = f.yx * xx + f.yy * yx;
    d->frame.yy = f.yx * xy + f.yy * yy;
}

void fus_draw_scale(struct fus_draw *d, double x, double y)
{
    fus_draw_map(d, x, 0, 0, y);
}

void fus_draw_turn(struct fus_draw *d, double half_turns)
{
    double s, c;
    fus_fmath_sincospi(&s, &c, half_turns);
    fus_draw_map(d, c, -s, s, c);
}

void fus_draw_slant(struct fus_draw *d, double x_per_y)
{
    fus_draw_map(d, 1, x_per_y, 0, 1);
}

double fus_draw_unit(const struct fus_draw *d)
{
    return sqrt(fabs(d->frame.xx * d->frame.yy - d->frame.xy * d->frame.yx));
}

static struct fus_point to_pixels(const struct fus_draw *d, double x, double y)
{
    const struct fus_frame *f = &d->frame;
    return (struct fus_point){f->xx * x + f->xy * y + f->x0, f->yx * x + f->yy * y + f->y0};
}

/* ---- figures ---- */

static void add_edge(struct fus_draw *d, struct fus_point a, struct fus_point b)
{
    bool down = a.y < b.y;
    struct fus_point p = down ? a : b, q = down ? b : a;
    /* level, outside, or not a number */
    if (!(p.y < q.y) || !(q.y > 0) || !(p.y < d->side) || d->code)
        return;
    if (d->n_edges == FUS_DRAW_MAX_EDGES) {
        d->code = FUS_ELIMIT;
        return;
    }
    d->edges[d->n_edges++] = (struct fus_draw_edge){p.x, p.y, q.y, (q.x - p.x) / (q.y - p.y), down ? 1 : -1, -1};
}

static void close_figure(struct fus_draw *d)
{
    add_edge(d, d->at, d->start);
    d->at = d->start;
}

void fus_draw_move(struct fus_draw *d, double x, double y)
{
    close_figure(d);
    d->at = d->start = to_pixels(d, x, y);
}

static void line_to(struct fus_draw *d, struct fus_point p)
{
    add_edge(d, d->at, p);
    d->at = p;
}

void fus_draw_line(struct fus_draw *d, double x, double y)
{
    line_to(d, to_pixels(d, x, y));
}

/* Steps for a curve about `length` pixels long. */
static int steps_for(double length)
{
    double n = 3 + sqrt(fabs(length)) * 1.2;
    return n < 40 ? (int)n : 40;
}

/* A convex figure in pixels, always drawn the same way round, so that such figures unite. */
static void add_convex(struct fus_draw *d, const struct fus_point *p, int n)
{
    double area = 0;
    for (int i = 0; i < n; i++) {
        const struct fus_point *a = p + i, *b = p + (i + 1) % n;
        area += a->x * b->y - b->x * a->y;
    }
    for (int i = 0; i < n; i++) {
        const struct fus_point *a = p + i, *b = p + (i + 1) % n;
        if (area > 0)
            add_edge(d, *a, *b);
        else
            add_edge(d, *b, *a);
    }
}

/* Whether the points, on the canvas, run the same way round as add_convex's. */
static bool runs_forward(const struct fus_draw *d, const struct fus_point *p, int n)
{
    double area = 0;
    for (int i = 0; i < n; i++) {
        const struct fus_point *a = p + i, *b = p + (i + 1) % n;
        area += a->x * b->y - b->x * a->y;
    }
    return area * (d->frame.xx * d->frame.yy - d->frame.xy * d->frame.yx) > 0;
}

void fus_draw_polygon(struct fus_draw *d, const struct fus_point *p, int n)
{
    bool forward = runs_forward(d, p, n);
    fus_draw_move(d, p[0].x, p[0].y);
    for (int i = 1; i < n; i++) {
        const struct fus_point *q = p + (forward ? i : n - i);
        fus_draw_line(d, q->x, q->y);
    }
    close_figure(d);
}

/* Catmull-Rom: between b and c, with neighbours a and e. */
static struct fus_point spline(struct fus_point a, struct fus_point b, struct fus_point c, struct fus_point e, double t)
{
    double t2 = t * t, t3 = t2 * t;
    double wa = -0.5 * t + t2 - 0.5 * t3, wb = 1 - 2.5 * t2 + 1.5 * t3, wc = 0.5 * t + 2 * t2 - 1.5 * t3,
           we = 0.5 * (t3 - t2);
    return (struct fus_point){wa * a.x + wb * b.x + wc * c.x + we * e.x, wa * a.y + wb * b.y + wc * c.y + we * e.y};
}

void fus_draw_smooth(struct fus_draw *d, const struct fus_point *p, int n)
{
    double unit = fus_draw_unit(d);
    int step = runs_forward(d, p, n) ? 1 : n - 1;
    fus_draw_move(d, p[0].x, p[0].y);
    for (int i = 0, at = 0; i < n; i++, at = (at + step) % n) {
        struct fus_point a = p[(at + n - step) % n], b = p[at], c = p[(at + step) % n], e = p[(at + 2 * step) % n];
        int steps = steps_for((fabs(c.x - b.x) + fabs(c.y - b.y)) * unit);
        for (int k = 1; k <= steps; k++) {
            struct fus_point q = spline(a, b, c, e, (double)k / steps);
            fus_draw_line(d, q.x, q.y);
        }
    }
    close_figure(d);
}

void fus_draw_box(struct fus_draw *d, double x0, double y0, double x1, double y1, double r)
{
    struct fus_point corner[4] = {{x0 + r, y0 + r}, {x1 - r, y0 + r}, {x1 - r, y1 - r}, {x0 + r, y1 - r}}, p[4 * 7];
    int n = 0, steps = r > 0 ? 6 : 0;
    for (int c = 0; c < 4; c++)
        for (int i = 0; i <= steps; i++) {
            double sine, cosine;
            fus_fmath_sincospi(&sine, &cosine, 1 + 0.5 * c + (steps ? 0.5 * i / steps : 0));
            p[n++] = (struct fus_point){corner[c].x + r * cosine, corner[c].y + r * sine};
        }
    fus_draw_polygon(d, p, n);
}

void fus_draw_ellipse(struct fus_draw *d, double x, double y, double rx, double ry, double half_turns)
{
    struct fus_point p[96];
    double st, ct, larger = rx > ry ? rx : ry, steps = 5 + 4 * sqrt(fabs(larger) * fus_draw_unit(d));
    int n = steps < 96 ? (int)steps : 96;
    fus_fmath_sincospi(&st, &ct, half_turns);
    for (int i = 0; i < n; i++) {
        double s, c;
        fus_fmath_sincospi(&s, &c, 2.0 * i / n);
        p[i] = to_pixels(d, x + rx * c * ct - ry * s * st, y + rx * c * st + ry * s * ct);
    }
    add_convex(d, p, n);
}

/* One piece of a thick line: the quadrilateral between two round joints, and the joint at b. */
static void add_piece(struct fus_draw *d, struct fus_point a, double wa, struct fus_point b, double wb)
{
    double dx = b.x - a.x, dy = b.y - a.y, length = sqrt(dx * dx + dy * dy);
    if (length > 0) {
        double nx = -dy / length / 2, ny = dx / length / 2;
        struct fus_point q[4] = {
            to_pixels(d, a.x + nx * wa, a.y + ny * wa),
            to_pixels(d, b.x + nx * wb, b.y + ny * wb),
            to_pixels(d, b.x - nx * wb, b.y - ny * wb),
            to_pixels(d, a.x - nx * wa, a.y - ny * wa),
        };
        add_convex(d, q, 4);
    }
    fus_draw_ellipse(d, b.x, b.y, wb / 2, wb / 2, 0);
}

void fus_draw_stroke(struct fus_draw *d, const struct fus_point *p, int n, double w0, double w1, bool smooth)
{
    double unit = fus_draw_unit(d), w = w0;
    fus_draw_ellipse(d, p[0].x, p[0].y, w0 / 2, w0 / 2, 0);
    for (int i = 0; i + 1 < n; i++) {
        struct fus_point a = p[i ? i - 1 : 0], b = p[i], c = p[i + 1], e = p[i + 2 < n ? i + 2 : n - 1], last = b;
        int steps = smooth && n > 2 ? steps_for((fabs(c.x - b.x) + fabs(c.y - b.y)) * unit) : 1;
        for (int k = 1; k <= steps; k++) {
            double t = (double)k / steps, wt = w0 + (w1 - w0) * (i + t) / (n - 1);
            struct fus_point q = k == steps ? c : spline(a, b, c, e, t);
            add_piece(d, last, w, q, wt);
            last = q;
            w = wt;
        }
    }
}

void fus_draw_arc(struct fus_draw *d, double x, double y, double rx, double ry, double from, double to, double width)
{
    struct fus_point p[33];
    int n = 1 + (int)(4 + fabs(to - from) * 12);
    n = n > 33 ? 33 : n;
    for (int i = 0; i < n; i++) {
        double s, c;
        fus_fmath_sincospi(&s, &c, from + (to - from) * i / (n - 1));
        p[i] = (struct fus_point){x + rx * c, y + ry * s};
    }
    fus_draw_stroke(d, p, n, width, width, true);
}

/* ---- coverage ---- */

static double ceil_of(double x)
{
    return -floor(-x);
}

/* The box around the edges; each edge into the list of the first scan line it crosses. Edges
 * between two lines count for nothing. */
static void sort_lines(struct fus_draw *d)
{
    double left = d->side, top = d->side, right = 0, bottom = 0;
    for (int i = 0; i < d->side * SUB; i++)
        d->lines[i] = -1;
    for (int i = 0; i < d->n_edges; i++) {
        struct fus_draw_edge *e = d->edges + i;
        double first = ceil_of(e->y0 * SUB - 0.5), x1 = e->x0 + (e->y1 - e->y0) * e->slope;
        first = first > 0 ? first : 0;
        if (first >= d->side * SUB || (first + 0.5) / SUB >= e->y1)
            continue;
        left = e->x0 < left ? e->x0 : left;
        left = x1 < left ? x1 : left;
        right = e->x0 > right ? e->x0 : right;
        right = x1 > right ? x1 : right;
        top = e->y0 < top ? e->y0 : top;
        bottom = e->y1 > bottom ? e->y1 : bottom;
        e->next = d->lines[(int)first];
        d->lines[(int)first] = i;
    }
    d->left = left > 0 ? (int)left : 0;
    d->top = top > 0 ? (int)top : 0;
    d->right = right < d->side - 1 ? (int)right + 1 : d->side;
    d->bottom = bottom < d->side - 1 ? (int)bottom + 1 : d->side;
    if (d->left >= d->right || d->top >= d->bottom)
        d->left = d->top = d->right = d->bottom = 0;
}

/* A boundary at x: coverage +w (entering) or -w (leaving) for everything to the right of it. */
static void add_boundary(struct fus_draw *d, double x, double w)
{
    x = x < d->left ? d->left : x > d->right ? d->right : x;
    int i = (int)x;
    double part = x - i;
    d->sums[i] += w * (1 - part);
    d->sums[i + 1] += w * part;
}

/* One scan line: edges that end are dropped, those that begin are added, crossings sorted, and
 * the spans of non-zero winding go into d->sums. Returns the number of active edges. */
static int scan_line(struct fus_draw *d, int n, int line)
{
    double y = (line + 0.5) / SUB;
    int kept = 0, winding = 0;
    for (int i = 0; i < n; i++)
        if (y < d->edges[d->active[i].edge].y1)
            d->active[kept++] = d->active[i];
    for (int i = d->lines[line]; i >= 0; i = d->edges[i].next)
        d->active[kept++].edge = i;
    for (int i = 0; i < kept; i++) {
        struct fus_draw_crossing c = d->active[i];
        const struct fus_draw_edge *e = d->edges + c.edge;
        int k = i;
        c.x = e->x0 + (y - e->y0) * e->slope;
        /* almost sorted already: the line above was */
        for (; k > 0 && d->active[k - 1].x > c.x; k--)
            d->active[k] = d->active[k - 1];
        d->active[k] = c;
    }
    for (int i = 0; i < kept; i++) {
        int before = winding;
        winding += d->edges[d->active[i].edge].winding;
        if (!before)
            add_boundary(d, d->active[i].x, 1.0 / SUB);
        else if (!winding)
            add_boundary(d, d->active[i].x, -1.0 / SUB);
    }
    return kept;
}

void fus_draw_cover(struct fus_draw *d)
{
    int n = 0;
    close_figure(d);
    sort_lines(d);
    for (int y = d->top; y < d->bottom; y++) {
        float *row = d->mask + (size_t)y * (size_t)d->side;
        const float *clip = d->clip + (size_t)y * (size_t)d->side;
        memset(d->sums + d->left, 0, (size_t)(d->right - d->left + 2) * sizeof *d->sums);
        for (int s = 0; s < SUB; s++)
            n = scan_line(d, n, y * SUB + s);
        double sum = 0;
        for (int x = d->left; x < d->right; x++) {
            sum += d->sums[x];
            double c = sum < 1e-6 ? 0 : sum > 1 - 1e-6 ? 1 : sum;
            row[x] = (float)(d->clipped ? c * clip[x] : c);
        }
    }
    d->n_edges = 0;
    d->at = d->start = (struct fus_point){0, 0};
}

void fus_draw_clip(struct fus_draw *d)
{
    fus_draw_cover(d);
    memset(d->clip, 0, (size_t)d->side * (size_t)d->side * sizeof *d->clip);
    for (int y = d->top; y < d->bottom; y++) {
        size_t at = (size_t)y * (size_t)d->side + (size_t)d->left;
        memcpy(d->clip + at, d->mask + at, (size_t)(d->right - d->left) * sizeof *d->clip);
    }
    d->clipped = true;
}

void fus_draw_unclip(struct fus_draw *d)
{
    d->clipped = false;
}
