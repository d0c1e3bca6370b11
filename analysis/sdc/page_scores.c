/* SPDX-License-Identifier: MIT */
/* Retrieval curves from scores.csv: see page.h. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "analysis/report/panels.h"
#include "analysis/run/csv_read.h"
#include "analysis/sdc/page.h"
#include "nn/base/fmath.h"
#include "nn/base/json.h"
#include "stimuli/set/folder.h"

enum { MAX_POINTS = 4000, MAX_CURVES = 400, MAX_PARTICIPANTS = 16, MAX_PERMUTED = 20 };

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

struct fus_sdc_page_scores {
    int n_points, n_curves, n_participants, n_permuted;
    struct permuted permuted[MAX_PERMUTED];
    struct point *points;
    struct curve *curves;
    char participants[MAX_PARTICIPANTS][100];
};

static int find_participant(struct fus_sdc_page_scores *c, const char *name)
{
    for (int i = 0; i < c->n_participants; i++)
        if (strcmp(c->participants[i], name) == 0)
            return i;
    if (c->n_participants == MAX_PARTICIPANTS)
        return -1;
    snprintf(c->participants[c->n_participants], sizeof c->participants[0], "%.99s", name);
    return c->n_participants++;
}

static int find_curve(struct fus_sdc_page_scores *c, int participant, int kind)
{
    for (int i = 0; i < c->n_curves; i++)
        if (c->curves[i].participant == participant && c->curves[i].kind == kind)
            return i;
    if (c->n_curves == MAX_CURVES)
        return -1;
    c->curves[c->n_curves] = (struct curve){.participant = participant, .kind = kind};
    return c->n_curves++;
}

static void widen_permuted(struct fus_sdc_page_scores *c, double k, double low, double high)
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
static void take_row(struct fus_sdc_page_scores *c, struct fus_csv_read *t, const int at[10])
{
    const char *decoder = fus_csv_read_text(t, at[1]);
    int kind = strcmp(decoder, "contrastive") == 0 ? 0 : strcmp(decoder, "ridge") == 0 ? 1 : -1;
    bool permuted = strcmp(decoder, "permuted") == 0;
    if ((kind < 0 && !permuted) || strcmp(fus_csv_read_text(t, at[2]), "test") != 0 ||
        strcmp(fus_csv_read_text(t, at[3]), "single") != 0 || strcmp(fus_csv_read_text(t, at[4]), "top") != 0)
        return;
    double k = fus_csv_read_number(t, at[5]);
    if (permuted) {
        if (k >= 1 && k <= 1e6)
            widen_permuted(c, k, fus_csv_read_number(t, at[8]), fus_csv_read_number(t, at[9]));
        return;
    }
    int p = find_participant(c, fus_csv_read_text(t, at[0])), curve = p < 0 ? -1 : find_curve(c, p, kind);
    if (curve < 0 || c->n_points == MAX_POINTS || !(k >= 1 && k <= 1e6))
        return;
    c->points[c->n_points++] = (struct point){curve, k, fus_csv_read_number(t, at[6]), fus_csv_read_number(t, at[7])};
}

static int read_curves(struct fus_sdc_page_scores *c, const char *dir, struct fus_error *err)
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

static void draw_permuted(struct fus_text_buffer *out, const struct fus_sdc_page_scores *c, const struct fus_axis *x,
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

static void draw_curve(struct fus_text_buffer *out, const struct fus_sdc_page_scores *c, int curve,
                       const struct fus_axis *x, const struct fus_axis *y)
{
    char text[100 + 2 * FUS_SVG_NUMBER_BYTES], value[FUS_SVG_NUMBER_BYTES];
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
        if (c->points[i].curve == curve && !c->curves[curve].kind) {
            fus_svg_number(value, 100 * c->points[i].value, 1);
            snprintf(text, sizeof text, "%s, first %d: %s%%", c->participants[c->curves[curve].participant],
                     (int)c->points[i].k, value);
            fus_theme_marker(out, model, fus_axis_at(x, fus_fmath_log(c->points[i].k)),
                             fus_axis_at(y, c->points[i].value), 2.6, text);
        }
    fus_svg_put(out, "</g>\n");
}

/* Ticks at the k that are there. */
static void draw_ks(struct fus_text_buffer *out, const struct fus_sdc_page_scores *c, const struct fus_axis *x,
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

static void put_curves(struct fus_text_buffer *out, const struct fus_sdc_page_scores *c)
{
    struct fus_axis x = {0}, y = {.percent = true};
    double most = 0;
    for (int i = 0; i < c->n_points; i++)
        most = c->points[i].k > most ? c->points[i].k : most;
    x.lo = 0, x.hi = fus_fmath_log(most > 1 ? most : 2), x.step = x.hi;
    fus_axis_fit(&y, 0, 1, 4);
    fus_svg_put(out, "<h2 id=\"retrieval\">Are the decoders any good?</h2>\n<figure><div class=\"grid\"><div>");
    fus_sdc_page_panel(out, FUS_PANELS_WIDTH, FUS_SDC_PAGE_HEIGHT, "Right image among the first k", 52);
    fus_sdc_page_axes(out, &x, &y, NULL, "share of test trials");
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

int fus_sdc_page_scores_read(struct fus_sdc_page_scores **scores, const char *dir, struct fus_error *err)
{
    struct fus_sdc_page_scores *c = *scores = fus_base_alloc(1, sizeof *c);
    if (c) {
        c->points = fus_base_alloc(MAX_POINTS, sizeof *c->points);
        c->curves = fus_base_alloc(MAX_CURVES, sizeof *c->curves);
    }
    if (!c || !c->points || !c->curves)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for retrieval curves");
    return read_curves(c, dir, err);
}

void fus_sdc_page_scores_free(struct fus_sdc_page_scores *scores)
{
    if (scores) {
        fus_base_free(scores->points);
        fus_base_free(scores->curves);
    }
    fus_base_free(scores);
}

bool fus_sdc_page_scores_any(const struct fus_sdc_page_scores *scores)
{
    return scores->n_points > 0;
}

/* The share of a participant's test trials whose image is first, by the contrastive decoder. */
static const struct point *first_of(const struct fus_sdc_page_scores *c, int participant)
{
    for (int i = 0; i < c->n_points; i++)
        if (c->curves[c->points[i].curve].participant == participant && !c->curves[c->points[i].curve].kind &&
            c->points[i].k == 1)
            return &c->points[i];
    return NULL;
}

void fus_sdc_page_scores_lead(struct fus_text_buffer *out, const struct fus_sdc_page_scores *c)
{
    double low = INFINITY, high = -INFINITY, chance = NAN;
    int n = 0, above = 0;
    for (int p = 0; p < c->n_participants; p++) {
        const struct point *at = first_of(c, p);
        if (!at || !isfinite(at->value))
            continue;
        n++;
        above += at->value > at->chance;
        low = at->value < low ? at->value : low;
        high = at->value > high ? at->value : high;
        chance = at->chance;
    }
    if (n == 0)
        return;
    fus_svg_put(out, "<li>The decoders name <b>the right one of all test images in $p", low);
    if (high > low)
        fus_svg_put(out, " to $p", high);
    fus_svg_put(
        out, " of single test trials</b>, by participant; chance gives $p. $d of $d participants are above it.</li>\n",
        chance, above, n);
}

void fus_sdc_page_scores_put(struct fus_text_buffer *out, const struct fus_sdc_page_scores *scores)
{
    if (scores->n_points)
        put_curves(out, scores);
}

/* ---- how the decoders were trained ---- */

/* A member as a row: a string, or anything short as it is written; inputs are a list of objects. */
static void put_member(struct fus_text_buffer *out, struct fus_json *j, const char *text)
{
    char key[64], value[200];
    snprintf(key, sizeof key, "%s", fus_json_key(j));
    if (fus_json_starts_with(j, '"'))
        snprintf(value, sizeof value, "%s", fus_json_string(j));
    else {
        size_t from = j->b.pos;
        fus_json_skip(j);
        size_t n = j->b.pos - from;
        if (n >= sizeof value || memchr(text + from, '{', n))
            return;
        memcpy(value, text + from, n);
        value[n] = '\0';
    }
    fus_svg_put(out, "<tr><th scope=\"row\">$e</th><td>$e</td></tr>\n", key, value);
}

static int put_record(struct fus_text_buffer *out, const char *path, struct fus_error *err)
{
    struct fus_json j;
    uint8_t *text = NULL;
    size_t n = 0;
    int code = fus_base_read_file(&text, &n, path, (size_t)1 << 26, err);
    if (code)
        return fus_base_blame(err, "%s: ", path);
    fus_json_start(&j, text, n, 0, err);
    fus_svg_put(out,
                "<h2 id=\"training\">How the decoders were trained</h2>\n<div class=\"scroll facts\" tabindex=\"0\">"
                "<table><tbody>\n");
    for (fus_json_enter(&j, '{'); fus_json_next(&j);)
        put_member(out, &j, (const char *)text);
    fus_svg_put(out,
                "</tbody></table></div>\n<p class=\"note\">sdc.json has these and the digests of every input. Each "
                "participant has a linear decoder from voxels to the image embedding, the mean of the reruns, "
                "trained by a contrastive loss on cosine similarity with noise added to the responses.</p>\n"
                "<p class=\"files\"><a href=\"sdc.json\">sdc.json</a><a href=\"scores.csv\">scores.csv</a></p>\n");
    code = fus_json_end(&j);
    fus_base_free(text);
    return code ? fus_base_blame(err, "%s: ", path) : FUS_OK;
}

int fus_sdc_page_scores_record(struct fus_text_buffer *out, const char *dir, struct fus_error *err)
{
    char *path = NULL;
    int code = fus_folder_join(&path, dir, "sdc.json", err);
    FILE *f = code ? NULL : fopen(path, "rb");
    if (f) {
        fclose(f);
        code = put_record(out, path, err);
    }
    fus_base_free(path);
    return code;
}
