/* Curves of retrieval, the sweep over eps, and matrices of clusters: see page.h. */
#include <math.h>
#include <string.h>

#include "analysis/report/panels.h"
#include "analysis/run/csv.h"
#include "analysis/run/csv_read.h"
#include "analysis/sdc/page.h"
#include "nn/base/fmath.h"
#include "stimuli/set/folder.h"

#define WIDTH FUS_SDC_PAGE_WIDTH
#define HEIGHT 210.0
enum { MAX_POINTS = 4000, MAX_CURVES = 400, MAX_PARTICIPANTS = 16, MAX_PERMUTED = 20, MAX_CELLS = FUS_SDC_PAGE_CELLS };

/* ---- panels ---- */

static void vertical_line(struct fus_text_buffer *out, double x, const struct fus_axis *y)
{
    fus_svg_put(out, "<path class=\"eb\" stroke-dasharray=\"3 2\" d=\"M$f,$fV$f\"/>", x, y->to, y->from);
}

static void axes(struct fus_text_buffer *out, struct fus_axis *x, struct fus_axis *y, const char *below,
                 const char *left)
{
    x->from = 52, x->to = WIDTH - 12, y->from = HEIGHT - 38, y->to = 24;
    fus_axis_left(out, y, x->from, x->to, left);
    if (below)
        fus_axis_bottom(out, x, y->to, y->from, below);
}

/* ---- retrieval ---- */

struct point {
    int curve;
    double k, value, chance;
};

/* Of decoders of relabelled images: the lowest and highest of all participants. */
struct permuted {
    double k, low, high;
};

struct curve {
    int participant, kind; /* kind: 0 contrastive, 1 ridge */
    char name[100];
};

struct curves {
    int n_points, n_curves, n_participants, n_permuted;
    struct permuted permuted[MAX_PERMUTED];
    struct point *points;
    struct curve *curves;
    char participants[MAX_PARTICIPANTS][100];
};

static int find_participant(struct curves *c, const char *name)
{
    for (int i = 0; i < c->n_participants; i++)
        if (strcmp(c->participants[i], name) == 0)
            return i;
    if (c->n_participants == MAX_PARTICIPANTS)
        return -1;
    snprintf(c->participants[c->n_participants], sizeof c->participants[0], "%.99s", name);
    return c->n_participants++;
}

static int find_curve(struct curves *c, int participant, int kind)
{
    for (int i = 0; i < c->n_curves; i++)
        if (c->curves[i].participant == participant && c->curves[i].kind == kind)
            return i;
    if (c->n_curves == MAX_CURVES)
        return -1;
    c->curves[c->n_curves] = (struct curve){.participant = participant, .kind = kind};
    return c->n_curves++;
}

static void widen_permuted(struct curves *c, double k, double low, double high)
{
    int i = 0;
    while (i < c->n_permuted && c->permuted[i].k != k)
        i++;
    if (i == MAX_PERMUTED || !isfinite(low) || !isfinite(high))
        return;
    if (i == c->n_permuted)
        c->permuted[c->n_permuted++] = (struct permuted){k, low, high};
    c->permuted[i].low = low < c->permuted[i].low ? low : c->permuted[i].low;
    c->permuted[i].high = high > c->permuted[i].high ? high : c->permuted[i].high;
}

/* Top-k of single test trials. */
static void take_row(struct curves *c, struct fus_csv_read *t, const int at[10])
{
    const char *decoder = fus_csv_read_text(t, at[1]);
    bool permuted = strcmp(decoder, "permuted") == 0;
    int kind = strcmp(decoder, "contrastive") == 0 ? 0 : strcmp(decoder, "ridge") == 0 ? 1 : -1;
    if ((kind < 0 && !permuted) || strcmp(fus_csv_read_text(t, at[2]), "test") != 0 ||
        strcmp(fus_csv_read_text(t, at[3]), "single") != 0 || strcmp(fus_csv_read_text(t, at[4]), "top") != 0)
        return;
    double k = fus_csv_read_number(t, at[5]);
    if (permuted && k >= 1 && k <= 1e6)
        widen_permuted(c, k, fus_csv_read_number(t, at[8]), fus_csv_read_number(t, at[9]));
    if (permuted)
        return;
    int p = find_participant(c, fus_csv_read_text(t, at[0])), curve = p < 0 ? -1 : find_curve(c, p, kind);
    if (curve < 0 || c->n_points == MAX_POINTS || !(k >= 1 && k <= 1e6))
        return;
    c->points[c->n_points++] = (struct point){curve, k, fus_csv_read_number(t, at[6]), fus_csv_read_number(t, at[7])};
}

static int read_curves(struct curves *c, const char *dir, struct fus_error *err)
{
    static const char *const names[] = {"participant", "decoder", "fold",   "trials", "metric",
                                        "k",           "value",   "chance", "low",    "high"};
    struct fus_csv_read t;
    char *path = NULL;
    int at[10], code = fus_folder_join(&path, dir, "scores.csv", err);
    FILE *f = code ? NULL : fopen(path, "rb");
    if (!f) {
        fus_base_free(path);
        return code;
    }
    fclose(f);
    code = fus_csv_read_open(&t, path, err);
    fus_base_free(path);
    if (code)
        return code;
    for (int i = 0; i < 10; i++)
        at[i] = fus_csv_read_column(&t, names[i]);
    while (fus_csv_read_next(&t))
        take_row(c, &t, at);
    return fus_csv_read_close(&t, err);
}

static void draw_curve(struct fus_text_buffer *out, const struct curves *c, int curve, const struct fus_axis *x,
                       const struct fus_axis *y)
{
    bool pen = false;
    int model = c->curves[curve].participant % 8;
    fus_svg_put(out, "<g class=\"model$d\"><path class=\"ln\"$s d=\"", model,
                c->curves[curve].kind ? " stroke-dasharray=\"4 3\" stroke-opacity=\".7\"" : "");
    for (int i = 0; i < c->n_points; i++)
        if (c->points[i].curve == curve) {
            fus_svg_put(out, "$s$f,$f", pen ? "L" : "M", fus_axis_at(x, fus_fmath_log(c->points[i].k)),
                        fus_axis_at(y, c->points[i].value));
            pen = true;
        }
    fus_svg_put(out, "\"/>");
    for (int i = 0; i < c->n_points; i++)
        if (c->points[i].curve == curve && !c->curves[curve].kind)
            fus_theme_marker(out, model, fus_axis_at(x, fus_fmath_log(c->points[i].k)),
                             fus_axis_at(y, c->points[i].value), 2.6, NULL);
    fus_svg_put(out, "</g>\n");
}

static void draw_permuted(struct fus_text_buffer *out, const struct curves *c, const struct fus_axis *x,
                          const struct fus_axis *y)
{
    fus_svg_put(out, "<path class=\"bd\" d=\"");
    for (int i = 0; i < c->n_permuted; i++)
        fus_svg_put(out, "$s$f,$f", i ? "L" : "M", fus_axis_at(x, fus_fmath_log(c->permuted[i].k)),
                    fus_axis_at(y, c->permuted[i].high));
    for (int i = c->n_permuted; i-- > 0;)
        fus_svg_put(out, "L$f,$f", fus_axis_at(x, fus_fmath_log(c->permuted[i].k)), fus_axis_at(y, c->permuted[i].low));
    fus_svg_put(out, "Z\"/>\n");
}

/* Ticks at the k that are there. */
static void draw_ks(struct fus_text_buffer *out, const struct curves *c, const struct fus_axis *x,
                    const struct fus_axis *y)
{
    for (int i = 0; i < c->n_points; i++)
        if (c->points[i].curve == 0) {
            double at = fus_axis_at(x, fus_fmath_log(c->points[i].k));
            fus_svg_put(out, "<path class=\"gr\" d=\"M$f,$fV$f\"/><text class=\"tk mid\" x=\"$f\" y=\"$f\">$d</text>",
                        at, y->to, y->from, at, y->from + 14, (int)c->points[i].k);
        }
    fus_svg_put(out, "<text class=\"tk mid\" x=\"$f\" y=\"$f\">images that may be named</text>\n",
                (x->from + x->to) / 2, y->from + 30);
    fus_svg_put(out, "<path class=\"eb\" stroke-dasharray=\"1 3\" d=\"");
    bool pen = false;
    for (int i = 0; i < c->n_points; i++)
        if (c->points[i].curve == 0) {
            fus_svg_put(out, "$s$f,$f", pen ? "L" : "M", fus_axis_at(x, fus_fmath_log(c->points[i].k)),
                        fus_axis_at(y, c->points[i].chance));
            pen = true;
        }
    fus_svg_put(out, "\"/>\n");
}

static void put_curves(struct fus_text_buffer *out, const struct curves *c)
{
    struct fus_axis x = {0}, y = {.percent = true};
    double most = 0;
    for (int i = 0; i < c->n_points; i++)
        most = c->points[i].k > most ? c->points[i].k : most;
    x.lo = 0, x.hi = fus_fmath_log(most > 1 ? most : 2), x.step = x.hi;
    fus_axis_fit(&y, 0, 1, 4);
    fus_svg_put(out, "<h2 id=\"retrieval\">Are the decoders any good?</h2>\n<figure><div class=\"grid\"><div>");
    fus_sdc_page_panel(out, WIDTH, HEIGHT, "Right image among the first k", 52);
    axes(out, &x, &y, NULL, "share of test trials");
    if (c->n_permuted)
        draw_permuted(out, c, &x, &y);
    draw_ks(out, c, &x, &y);
    for (int i = c->n_curves; i-- > 0;)
        draw_curve(out, c, i, &x, &y);
    fus_svg_put(out, "</svg></div><div class=\"text\"><ul class=\"legend\">");
    for (int p = 0; p < c->n_participants; p++) {
        fus_svg_put(out,
                    "<li><svg width=\"34\" height=\"14\" viewBox=\"0 0 34 14\" aria-hidden=\"true\"><g "
                    "class=\"model$d\"><path class=\"ln\" d=\"M2,7h30\"/>",
                    p % 8);
        fus_theme_marker(out, p % 8, 17, 7, 3, NULL);
        fus_svg_put(out, "</g></svg> $e</li>", c->participants[p]);
    }
    fus_svg_put(out,
                "</ul><figcaption>For every test trial all test images are ordered by their cosine with the decoded "
                "embedding. Solid: the contrastive decoder; dashed: ridge regression; dotted: chance. $sk is on a "
                "logarithmic scale. Numbers with intervals: scores.csv.</figcaption></div></div></figure>\n",
                c->n_permuted ? "Band: decoders of relabelled training images, their middle 95%, the widest of all "
                                "participants. "
                              : "");
}

int fus_sdc_page_scores(struct fus_text_buffer *out, const char *dir, struct fus_error *err)
{
    struct curves *c = fus_base_alloc(1, sizeof *c);
    int code = FUS_OK;
    if (c) {
        c->points = fus_base_alloc(MAX_POINTS, sizeof *c->points);
        c->curves = fus_base_alloc(MAX_CURVES, sizeof *c->curves);
    }
    if (!c || !c->points || !c->curves)
        code = fus_base_fail(err, FUS_ENOMEM, "no memory for retrieval curves");
    if (!code)
        code = read_curves(c, dir, err);
    if (!code && c->n_points)
        put_curves(out, c);
    if (c) {
        fus_base_free(c->points);
        fus_base_free(c->curves);
    }
    fus_base_free(c);
    return code;
}

/* ---- the sweep over eps ---- */

static void sweep_line(struct fus_text_buffer *out, const struct fus_sdc_page_kind *k, const struct fus_axis *x,
                       const struct fus_axis *y, const double *value, int ink)
{
    bool pen = false;
    fus_svg_put(out, "<g class=\"ink0\"><path class=\"ln\"$s d=\"", ink ? " stroke-dasharray=\"4 3\"" : "");
    for (int e = 0; e < k->n_eps; e++) {
        if (isfinite(value[e]))
            fus_svg_put(out, "$s$f,$f", pen ? "L" : "M", fus_axis_at(x, k->eps[e].eps), fus_axis_at(y, value[e]));
        pen = isfinite(value[e]);
    }
    fus_svg_put(out, "\"/>");
    for (int e = 0; e < k->n_eps; e++)
        if (isfinite(value[e]))
            fus_theme_marker(out, ink, fus_axis_at(x, k->eps[e].eps), fus_axis_at(y, value[e]), 2.2, k->eps[e].name);
    fus_svg_put(out, "</g>\n");
}

/* level: a horizontal line, where it is on the scale. */
static void sweep_panel(struct fus_text_buffer *out, const struct fus_sdc_page_kind *k, const char *title,
                        const char *left, const double *value, const double *other, double level)
{
    struct fus_axis x = {0}, y = {0};
    double most = 0, first = k->eps[0].eps, last = k->eps[k->n_eps - 1].eps;
    for (int e = 0; e < k->n_eps; e++) {
        most = value[e] > most ? value[e] : most;
        most = other && other[e] > most ? other[e] : most;
    }
    fus_axis_fit(&y, 0, most > 0 ? most : 1, 4);
    fus_axis_fit(&x, first, last > first ? last : first + 0.1, 5);
    fus_svg_put(out, "<div>");
    fus_sdc_page_panel(out, WIDTH, HEIGHT, title, 52);
    axes(out, &x, &y, "eps, the largest distance of neighbours", left);
    if (k->shown >= 0) {
        fus_svg_put(out, "<g class=\"ink0\">");
        vertical_line(out, fus_axis_at(&x, k->eps[k->shown].eps), &y);
        fus_svg_put(out, "</g>");
    }
    if (level > 0 && level <= y.hi)
        fus_svg_put(out, "<g class=\"ink0\"><path class=\"eb\" stroke-dasharray=\"1 3\" d=\"M$f,$fH$f\"/></g>", x.from,
                    fus_axis_at(&y, level), x.to);
    if (other)
        sweep_line(out, k, &x, &y, other, 1);
    sweep_line(out, k, &x, &y, value, 0);
    fus_svg_put(out, "</svg></div>\n");
}

void fus_sdc_page_sweep(struct fus_text_buffer *out, const struct fus_sdc_page_kind *k)
{
    double clusters[1000], core[1000], chance[1000], share[1000], q[1000];
    bool judged = false;
    if (k->n_eps < 2)
        return;
    for (int e = 0; e < k->n_eps; e++) {
        clusters[e] = k->eps[e].n_count;
        core[e] = k->eps[e].n_core;
        chance[e] = k->eps[e].null_core;
        share[e] = (k->eps[e].n_core + k->eps[e].n_border) / k->n_voxels;
        q[e] = k->eps[e].q < 1 ? k->eps[e].q : k->eps[e].q >= 1 ? 1 : NAN;
        judged = judged || isfinite(chance[e]);
    }
    fus_svg_put(out, "<figure><div class=\"grid\">");
    sweep_panel(out, k, "Clusters that count", "clusters", clusters, NULL, 0);
    sweep_panel(out, k, judged ? "Core voxels, and by chance" : "Core voxels", "voxels", core, judged ? chance : NULL,
                0);
    if (k->n_voxels > 0)
        sweep_panel(out, k, "Share of voxels in a cluster", "share", share, NULL, 0);
    if (judged)
        sweep_panel(out, k, "q, the share that chance gives", "q, at most 1", q, NULL, 0.05);
    fus_svg_put(out,
                "</div><figcaption>A cluster counts with ten voxels or more, of more participants than "
                "--min-others. $sThe vertical line is the eps described below. All values: "
                "$s/eps.csv.</figcaption></figure>\n",
                judged ? "Dashed: the mean over draws by chance (Methods). Dotted: q of .05. " : "", k->folder);
}

/* ---- matrices ---- */

/* values [participants, clusters shown] of a quantity; returns the largest. */
static double fill(double *values, const struct fus_sdc_page_kind *k, int n, int quantity)
{
    double most = 0;
    for (int s = 0; s < k->n_names; s++)
        for (int c = 0; c < n; c++) {
            const struct fus_sdc_page_decoded *d = k->decoded ? &k->decoded[c * k->n_names + s] : NULL;
            double v = quantity == 0 ? k->clusters[c].voxels[s] : quantity == 1 ? d->r : d->r_left_out;
            values[s * n + c] = v;
            most = v > most ? v : most;
        }
    return most;
}

void fus_sdc_page_matrices(struct fus_text_buffer *out, const struct fus_sdc_page_kind *k)
{
    int n = k->n_clusters < MAX_CELLS ? k->n_clusters : MAX_CELLS;
    double *values = fus_base_alloc((size_t)(k->n_names > n ? k->n_names : n) + 1, ((size_t)n + 1) * sizeof *values);
    if (!values) {
        out->failed = true;
        return;
    }
    struct fus_sdc_page_matrix m = {k->n_names, n, values, 0, fill(values, k, n, 0), "Voxels of each participant",
                                    k->names,   0};
    if (n > 0 && k->n_names > 0) {
        fus_svg_put(out, "<figure><div class=\"grid\">");
        fus_sdc_page_matrix(out, &m);
        m.low = 0, m.high = 1, m.decimals = 2;
        for (int quantity = 1; quantity <= 2 && k->decoded; quantity++) {
            fill(values, k, n, quantity);
            m.title = quantity == 1 ? "r on test trials, own voxels" : "r, participant left out";
            fus_sdc_page_matrix(out, &m);
        }
        for (int i = 0; k->cosine && i < n * n; i++)
            values[i] = k->cosine[i / n * k->n_clusters + i % n];
        m = (struct fus_sdc_page_matrix){n, n, values, -1, 1, "Cosine of centroids", NULL, 2};
        if (k->cosine)
            fus_sdc_page_matrix(out, &m);
        fus_svg_put(out, "</div><figcaption>");
        if (n < k->n_clusters)
            fus_svg_put(out, "The first $d of $d clusters. ", n, k->n_clusters);
        fus_svg_put(out, "Dark: many voxels ($d at most in one participant), r of 1, the same direction. ",
                    (int)fill(values, k, n, 0));
        if (k->decoded)
            fus_svg_put(out,
                        "Left out: the clusters come from the other participants alone, and the participant's "
                        "voxels are those nearer than eps to the centroid; open cells have no match or no voxel. ");
        fus_svg_put(out, "Numbers: clusters.csv$s.</figcaption></figure>\n", k->decoded ? ", decodability.csv" : "");
    }
    fus_base_free(values);
}

void fus_sdc_page_overlap(struct fus_text_buffer *out, const struct fus_sdc_page_kind *k)
{
    int n = k->n_clusters < MAX_CELLS ? k->n_clusters : MAX_CELLS;
    double *values = fus_base_alloc((size_t)k->n_overlaps + 1, ((size_t)n + 1) * sizeof *values), most = 0.05;
    if (!values) {
        out->failed = true;
        return;
    }
    for (int i = 0; i < k->n_overlaps; i++)
        for (int c = 0; c < n; c++) {
            double v = k->overlap[(size_t)i * (size_t)k->n_clusters + (size_t)c];
            values[i * n + c] = v;
            most = v > most ? v : most;
        }
    struct fus_sdc_page_matrix m = {k->n_overlaps, n, values, 0, most, "Dice with selective units", k->overlap_name, 2};
    if (k->n_overlaps && n) {
        fus_svg_put(out, "<h3>Are these the localizer's categories?</h3>\n<figure><div class=\"grid\">");
        fus_sdc_page_matrix(out, &m);
        fus_svg_put(out,
                    "</div><figcaption>Rows: units that a localizer with other pictures found selective for a category "
                    "in a network; columns: clusters, made without any label. Dark: a Dice index of $2, the largest. A "
                    "cluster that overlaps with a category is that category found without a localizer; one without a "
                    "row is what a localizer of categories misses. Chance, by labels shifted over channels, and q: "
                    "overlap.csv.</figcaption></figure>\n",
                    most);
    }
    fus_base_free(values);
}
