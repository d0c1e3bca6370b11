/* report.html of a training: learning curves, the confusion matrix of the held-out pictures, and
 * the pictures with the largest loss. One file without scripts or references to other files. It is
 * drawn from the tables, so a resumed training draws the same. */
#include "analysis/train/work.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/report/axis.h"
#include "nn/base/number.h"
#include "nn/base/outfile.h"

enum { COLUMNS = 13, MAX_WRONG = 24, PER_ROW = 8, THUMB = 64, MAX_MATRIX = 40 };
#define WIDTH 340.0
#define HEIGHT 200.0

static const char css[] =
    "*{box-sizing:border-box}body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.55 "
    "system-ui,-apple-system,\"Segoe UI\","
    "Roboto,\"Helvetica Neue\",Arial,\"Liberation Sans\",sans-serif;overflow-wrap:anywhere}\n"
    "main{max-width:1140px;margin:0 auto;padding:28px 20px 48px}h1{font-size:1.9rem;line-height:1.2;margin:.1em 0 "
    ".35em}\n"
    "h2{font-size:1.35rem;margin:2.2em 0 .5em;padding-top:.7em;border-top:1px solid var(--rule)}\n"
    ".kicker,.meta,figcaption{color:var(--muted);margin:0;font-size:.88rem}.kicker{letter-spacing:.08em;text-transform:"
    "uppercase;font-size:.75rem}\n"
    "svg{display:block;width:100%;height:auto;font-family:inherit}.grid{display:grid;grid-template-columns:repeat(auto-"
    "fill,minmax(min(100%,300px),1fr));"
    "gap:20px 22px}\n"
    ".scroll{overflow-x:auto;margin:.7em "
    "0;overflow-wrap:normal}table{border-collapse:collapse;font-variant-numeric:tabular-nums;white-space:nowrap;"
    "font-size:.82rem}\n"
    "th,td{padding:3px 12px 3px 0;text-align:right;border-bottom:1px solid var(--rule)}tbody th,thead "
    "th:first-child{text-align:left}"
    "td.d{font-weight:700}\n"
    ".w{display:flex;flex-wrap:wrap;gap:14px}.w div{width:96px;font-size:.75rem;line-height:1.3}.w "
    "i{display:block;width:64px;height:64px;"
    "border-radius:3px;margin-bottom:3px}\n";

/* ---- the table of epochs ---- */

struct history {
    int n;
    double (*rows)[COLUMNS]; /* as epochs.csv; NaN if a field is empty */
};

static int read_history(struct history *h, const struct fus_work *w, struct fus_error *err)
{
    const char *at = w->epochs.s ? strchr(w->epochs.s, '\n') : NULL;
    h->n = 0;
    h->rows = fus_base_alloc((size_t)(w->o->epochs + 1), sizeof *h->rows);
    if (!h->rows)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for the learning curves");
    for (at = at ? at + 1 : ""; *at && h->n < w->o->epochs; h->n++) {
        for (int c = 0; c < COLUMNS; c++) {
            if (!fus_number_real(&h->rows[h->n][c], at, &at))
                h->rows[h->n][c] = NAN;
            at += *at == ',';
        }
        at += *at == '\n';
    }
    return FUS_OK;
}

/* ---- curves ---- */

struct curve {
    const char *title, *axis;
    int training, held; /* columns of epochs.csv; -1: none */
};

static void draw_line(struct fus_text_buffer *out, const struct history *h, int column, int ink,
                      const struct fus_axis *x, const struct fus_axis *y)
{
    bool pen = false;
    if (column < 0)
        return;
    fus_svg_put(out, "<g class=\"ink$d\"><path fill=\"none\" stroke=\"currentColor\" stroke-width=\"1.8\"$s d=\"", ink,
                ink ? "" : " stroke-dasharray=\"5 3\"");
    for (int i = 0; i < h->n; i++) {
        double v = h->rows[i][column];
        if (isfinite(v))
            fus_svg_put(out, "$s$f,$f", pen ? "L" : "M", fus_axis_at(x, h->rows[i][0]), fus_axis_at(y, v));
        pen = isfinite(v);
    }
    fus_svg_put(out, "\"/>");
    for (int i = 0; i < h->n && h->n <= 60; i++)
        if (isfinite(h->rows[i][column]))
            fus_svg_put(out, "<circle fill=\"currentColor\" r=\"2.2\" cx=\"$f\" cy=\"$f\"/>",
                        fus_axis_at(x, h->rows[i][0]), fus_axis_at(y, h->rows[i][column]));
    fus_svg_put(out, "</g>\n");
}

static bool find_range(double *low, double *high, const struct history *h, const struct curve *c)
{
    *low = INFINITY, *high = -INFINITY;
    for (int i = 0; i < h->n; i++)
        for (int k = 0; k < 2; k++) {
            int column = k ? c->held : c->training;
            double v = column < 0 ? NAN : h->rows[i][column];
            *low = v < *low ? v : *low;
            *high = v > *high ? v : *high;
        }
    if (*low <= *high && *high - *low < 1e-9)
        *high = *low + 1e-3;
    return *low <= *high;
}

static void draw_curve(struct fus_text_buffer *out, const struct history *h, const struct curve *c)
{
    struct fus_axis x = {0}, y = {0};
    double low, high;
    if (!find_range(&low, &high, h, c))
        return;
    fus_axis_fit(&y, low > 0 && low < 0.5 * high ? 0 : low, high, 4);
    fus_axis_fit(&x, h->n > 1 ? 1 : 0, h->n > 1 ? h->n : 1, h->n < 6 ? h->n : 5);
    x.from = 52, x.to = WIDTH - 12, y.from = HEIGHT - 38, y.to = 24;
    fus_svg_put(out,
                "<figure style=\"margin:0\"><svg viewBox=\"0 0 $f $f\" role=\"img\" aria-label=\"$e\"><text "
                "class=\"tt\" x=\"$f\" y=\"14\">$e</text>\n",
                WIDTH, HEIGHT, c->title, x.from, c->title);
    fus_axis_left(out, &y, x.from, x.to, c->axis);
    fus_axis_bottom(out, &x, y.to, y.from, "epoch");
    draw_line(out, h, c->training, 0, &x, &y);
    draw_line(out, h, c->held, 1, &x, &y);
    fus_svg_put(out, "</svg></figure>\n");
}

static void draw_curves(struct fus_text_buffer *out, const struct history *h)
{
    static const struct curve curves[] = {{"Loss, weighted sum", "loss", 1, 6},
                                          {"Classification loss", "cross-entropy", 2, 7},
                                          {"Language loss", "loss", 3, 8},
                                          {"Accuracy", "share", 4, 9},
                                          {"Cosine with the target", "cosine", 5, 10},
                                          {"Own text first, own picture first (held out)", "share", 11, 12}};
    fus_svg_put(out, "<h2>Learning curves</h2>\n<p class=\"meta\">Dashed: training pictures, with the statistics of "
                     "their batches and as they were augmented; "
                     "solid: held-out pictures, with the running statistics, as <code>fusiform run</code> sees the "
                     "network.</p>\n<div class=\"grid\">\n");
    for (size_t i = 0; i < sizeof curves / sizeof *curves; i++)
        draw_curve(out, h, &curves[i]);
    fus_svg_put(out, "</div>\n");
}

/* ---- confusion ---- */

static int put_confusion(struct fus_text_buffer *out, const struct fus_work *w, struct fus_error *err)
{
    const struct fus_work_held *p = &w->predictions;
    int n = w->feed.n_classes;
    if (n > MAX_MATRIX || p->n == 0 || p->chosen[0] < 0)
        return FUS_OK;
    size_t *counts = fus_base_alloc((size_t)n, (size_t)n * sizeof *counts);
    if (!counts)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for the confusion matrix");
    for (int i = 0; i < p->n; i++)
        if (p->chosen[i] >= 0)
            counts[p->label[i] * n + p->chosen[i]]++;
    fus_svg_put(
        out,
        "<h2>What held-out pictures were taken for</h2>\n<div class=\"scroll\"><table>\n<thead><tr><th>class</th>");
    for (int c = 0; c < n; c++)
        fus_svg_put(out, "<th>$e</th>", w->feed.classes[c]);
    fus_svg_put(out, "</tr></thead>\n<tbody>\n");
    for (int r = 0; r < n; r++) {
        fus_svg_put(out, "<tr><th>$e</th>", w->feed.classes[r]);
        for (int c = 0; c < n; c++)
            fus_svg_put(out, "<td$s>$z</td>", r == c ? " class=\"d\"" : "", counts[r * n + c]);
        fus_svg_put(out, "</tr>\n");
    }
    fus_svg_put(out, "</tbody></table></div>\n<p class=\"meta\">A row a class, a column what was chosen; numbers are "
                     "in confusion.csv.</p>\n");
    fus_base_free(counts);
    return FUS_OK;
}

/* ---- wrongly classified pictures ---- */

/* Wrong ones by descending loss, ties in item order; returns how many. */
static int choose_wrong(int wrong[MAX_WRONG], const struct fus_work_held *p)
{
    int n = 0;
    for (int i = 0; i < p->n; i++) {
        int at = n;
        if (p->chosen[i] < 0 || p->chosen[i] == p->label[i])
            continue;
        while (at > 0 && p->loss[i] > p->loss[wrong[at - 1]])
            at--;
        if (at == MAX_WRONG)
            continue;
        n += n < MAX_WRONG;
        for (int k = n - 1; k > at; k--)
            wrong[k] = wrong[k - 1];
        wrong[at] = i;
    }
    return n;
}

static int place_thumb(struct fus_image *sheet, const struct fus_feed *f, int item, int at, struct fus_error *err)
{
    struct fus_image whole = {0}, small = {0};
    int code = fus_set_picture(&whole, &f->set, f->picture[item], err);
    if (!code)
        code = fus_resize_image(&small, &whole, THUMB, THUMB, FUS_BILINEAR, err);
    for (int y = 0; y < THUMB && !code; y++) {
        size_t row = (size_t)(at / PER_ROW * THUMB + y) * (size_t)sheet->width + (size_t)(at % PER_ROW * THUMB);
        memcpy(sheet->pixels + 3 * row, small.pixels + 3 * (size_t)y * THUMB, 3 * THUMB);
    }
    fus_image_free(&whole);
    fus_image_free(&small);
    return code;
}

/* The sheet as a PNG in base64, through a temporary file. */
static int put_sheet(struct fus_text_buffer *out, const struct fus_work *w, const struct fus_image *sheet,
                     struct fus_error *err)
{
    char path[4096];
    uint8_t *bytes = NULL;
    size_t n = 0;
    fus_work_path(path, w, "report.png");
    int code = fus_png_write(path, sheet, err);
    if (!code)
        code = fus_base_read_file(&bytes, &n, path, (size_t)1 << 26, err);
    remove(path);
    if (!code) {
        fus_svg_put(out, "<style>.w i{background-image:url(data:image/png;base64,");
        fus_svg_base64(out, bytes, n);
        fus_svg_put(out, ")}</style>\n");
    }
    fus_base_free(bytes);
    return code;
}

static int put_wrong(struct fus_text_buffer *out, struct fus_work *w, struct fus_error *err)
{
    const struct fus_work_held *p = &w->predictions;
    const struct fus_feed *f = w->has_other ? &w->other : &w->feed;
    int wrong[MAX_WRONG], n = choose_wrong(wrong, p);
    struct fus_image sheet = {0};
    if (n == 0)
        return FUS_OK;
    int code = fus_image_create(&sheet, PER_ROW * THUMB, (n + PER_ROW - 1) / PER_ROW * THUMB, err);
    for (int i = 0; i < n && !code; i++)
        code = place_thumb(&sheet, f, p->item[wrong[i]], i, err);
    if (!code) {
        fus_svg_put(out, "<h2>Held-out pictures it gets most wrong</h2>\n");
        code = put_sheet(out, w, &sheet, err);
    }
    fus_image_free(&sheet);
    if (code)
        return code;
    fus_svg_put(out, "<div class=\"w\">\n");
    for (int i = 0; i < n; i++)
        fus_svg_put(out, "<div><i style=\"background-position:$dpx $dpx\"></i>$e, taken for $e</div>\n",
                    -(i % PER_ROW * THUMB), -(i / PER_ROW * THUMB), w->feed.classes[p->label[wrong[i]]],
                    w->feed.classes[p->chosen[wrong[i]]]);
    fus_svg_put(out, "</div>\n");
    return FUS_OK;
}

/* ---- the page ---- */

static void put_style(struct fus_text_buffer *out)
{
    struct fus_theme theme;
    fus_theme_create(&theme, NULL, 0, 2);
    fus_svg_put(
        out, "<style>\n:root{color-scheme:light dark;--paper:#ffffff;--ink:#1a1d23;--muted:#565d69;--rule:#dfe2e8}\n$s",
        css);
    fus_theme_css(out, &theme, FUS_THEME_LIGHT, false);
    fus_svg_put(out,
                "@media screen and "
                "(prefers-color-scheme:dark){\n:root{--paper:#16191f;--ink:#f0f1f4;--muted:#a9b0bc;--rule:#2f353f}\n");
    fus_theme_css(out, &theme, FUS_THEME_DARK, false);
    fus_svg_put(out, "}\n</style>\n");
}

static void put_head(struct fus_text_buffer *out, const struct fus_work *w)
{
    char network[256];
    fus_networks_describe(network, sizeof network, &w->start.spec);
    fus_svg_put(out,
                "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n<meta name=\"viewport\" "
                "content=\"width=device-width, "
                "initial-scale=1\"/>\n<title>Training of $e</title>\n",
                network);
    put_style(out);
    fus_svg_put(out,
                "</head>\n<body>\n<main>\n<p class=\"kicker\">Training</p>\n<h1>$e</h1>\n<p class=\"meta\">$d training "
                "pictures of $d classes, $d held out; "
                "$d epochs of $z steps",
                network, w->feed.n_train, w->feed.n_classes, w->predictions.n, w->o->epochs,
                (size_t)w->steps_per_epoch);
    if (w->has_targets)
        fus_svg_put(out, "; targets: $e", w->targets.description);
    fus_svg_put(out, "</p>\n<p>Held-out pictures after the last epoch: ");
    if (isfinite(w->held.accuracy))
        fus_svg_put(out, "$p taken for their class", w->held.accuracy);
    if (isfinite(w->held.cosine))
        fus_svg_put(out, "$scosine with the target $3", isfinite(w->held.accuracy) ? ", " : "", w->held.cosine);
    fus_svg_put(out, ". Best epoch: $d.</p>\n", w->best_epoch);
}

static void put_options(struct fus_text_buffer *out, const struct fus_work *w)
{
    fus_svg_put(out, "<h2>Options</h2>\n<div class=\"scroll\"><table><tbody>\n");
    for (int i = 0; i < w->o->n_named; i++)
        fus_svg_put(out, "<tr><th>$e</th><td>$e</td></tr>\n", w->o->named[i].key, w->o->named[i].value);
    fus_svg_put(out, "</tbody></table></div>\n<p class=\"meta\">train.json has these and the digests of the start, "
                     "pictures and targets.</p>\n");
}

int fus_train_report_write(struct fus_work *w, struct fus_error *err)
{
    struct fus_text_buffer page = {0};
    struct history h = {0};
    char path[4096];
    int code = read_history(&h, w, err);
    if (!code) {
        put_head(&page, w);
        draw_curves(&page, &h);
        code = put_confusion(&page, w, err);
    }
    if (!code)
        code = put_wrong(&page, w, err);
    if (!code) {
        put_options(&page, w);
        fus_svg_put(&page, "</main>\n</body>\n</html>\n");
        fus_work_path(path, w, "report.html");
        code = fus_svg_save(&page, path, err);
    }
    fus_base_free(h.rows);
    fus_text_free(&page);
    return code;
}
