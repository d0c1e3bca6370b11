/* SPDX-License-Identifier: MIT */
/* report.html of a training, in the frame of every page (analysis/report/frame.h): learning
 * curves, the confusion matrix of the held-out pictures, and the pictures with the largest loss. It
 * is drawn from the tables, so a resumed training draws the same. */
#include "analysis/train/work.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/report/axis.h"
#include "analysis/report/frame.h"
#include "nn/base/number.h"
#include "nn/base/outfile.h"

enum { COLUMNS = 13, MAX_WRONG = 24, PER_ROW = 8, THUMB = 64, MAX_MATRIX = 40, MAX_MARKERS = 60 };
enum { HELD_OUT, TRAINING }; /* colour, dash and marker of a curve */
#define WIDTH 340.0
#define HEIGHT 200.0

static const char css[] = "td.d{font-weight:700}.w{display:flex;flex-wrap:wrap;gap:14px}\n"
                          ".w div{width:96px;font-size:.75rem;line-height:1.3}\n"
                          ".w i{display:block;width:64px;height:64px;border-radius:3px;margin-bottom:3px}\n"
                          ".facts td{text-align:left;white-space:normal;overflow-wrap:anywhere}\n";

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

/* "epoch 3, held out: 0.913" */
static void point_text(char *text, size_t bytes, const struct history *h, int row, int column, int look)
{
    char number[FUS_SVG_NUMBER_BYTES];
    fus_svg_number(number, h->rows[row][column], 3);
    snprintf(text, bytes, "epoch %d, %s: %s", (int)h->rows[row][0], look == TRAINING ? "training" : "held out", number);
}

static void draw_line(struct fus_text_buffer *out, const struct history *h, int column, int look,
                      const struct fus_axis *x, const struct fus_axis *y)
{
    char text[FUS_SVG_NUMBER_BYTES + 40];
    bool pen = false;
    if (column < 0)
        return;
    fus_svg_put(out, "<g class=\"ink$d\"><path class=\"ln\"$s d=\"", look, fus_theme_dash(look));
    for (int i = 0; i < h->n; i++) {
        double v = h->rows[i][column];
        if (isfinite(v))
            fus_svg_put(out, "$s$f,$f", pen ? "L" : "M", fus_axis_at(x, h->rows[i][0]), fus_axis_at(y, v));
        pen = isfinite(v);
    }
    fus_svg_put(out, "\"/>\n");
    for (int i = 0; i < h->n && h->n <= MAX_MARKERS; i++)
        if (isfinite(h->rows[i][column])) {
            point_text(text, sizeof text, h, i, column, look);
            fus_theme_marker(out, look, fus_axis_at(x, h->rows[i][0]), fus_axis_at(y, h->rows[i][column]), 2.4, text);
        }
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
                "<svg viewBox=\"0 0 $f $f\" role=\"img\" aria-label=\"$e\"><text class=\"tt\" x=\"$f\" "
                "y=\"14\">$e</text>\n",
                WIDTH, HEIGHT, c->title, x.from, c->title);
    fus_axis_left(out, &y, x.from, x.to, c->axis);
    fus_axis_bottom(out, &x, y.to, y.from, "epoch");
    draw_line(out, h, c->training, TRAINING, &x, &y);
    draw_line(out, h, c->held, HELD_OUT, &x, &y);
    fus_svg_put(out, "</svg>\n");
}

static void put_key(struct fus_text_buffer *out, int look, const char *name)
{
    fus_svg_put(out,
                "<li><svg width=\"34\" height=\"14\" viewBox=\"0 0 34 14\" aria-hidden=\"true\"><g class=\"ink$d\">"
                "<path class=\"ln\"$s d=\"M2,7h30\"/>",
                look, fus_theme_dash(look));
    fus_theme_marker(out, look, 17, 7, 3, NULL);
    fus_svg_put(out, "</g></svg> $s</li>", name);
}

/* With one task the weighted sum of losses is that task's. */
static bool has_language(const struct history *h)
{
    for (int i = 0; i < h->n; i++)
        if (isfinite(h->rows[i][3]) || isfinite(h->rows[i][8]))
            return true;
    return false;
}

static void draw_curves(struct fus_text_buffer *out, const struct history *h)
{
    static const struct curve curves[] = {{"Loss, weighted sum", "loss", 1, 6},
                                          {"Classification loss", "cross-entropy", 2, 7},
                                          {"Language loss", "loss", 3, 8},
                                          {"Accuracy", "share", 4, 9},
                                          {"Cosine with the target", "cosine", 5, 10},
                                          {"Own text first, own picture first (held out)", "share", 11, 12}};
    fus_svg_put(out, "<h2 id=\"learning\">Learning curves</h2>\n<figure id=\"curves\">\n<ul class=\"legend\">");
    put_key(out, HELD_OUT, "held-out pictures");
    put_key(out, TRAINING, "training pictures");
    fus_svg_put(out, "</ul>\n<div class=\"grid\">\n");
    for (size_t i = has_language(h) ? 0 : 1; i < sizeof curves / sizeof *curves; i++)
        draw_curve(out, h, &curves[i]);
    fus_svg_put(out, "</div>\n<figcaption>Training pictures: with the statistics of their batches and as they were "
                     "augmented. Held-out pictures: with the running statistics, as <code>fusiform run</code> sees "
                     "the network.</figcaption>\n<p class=\"files\"><a href=\"epochs.csv\">epochs.csv</a>"
                     "<a href=\"steps.csv\">steps.csv</a></p>\n</figure>\n");
}

/* ---- confusion ---- */

/* counts [n_classes, n_classes] of the held-out pictures, by class and choice; NULL in *counts:
 * there is no classification, or there are too many classes to show. */
static int count_confusion(size_t **counts, const struct fus_work *w, struct fus_error *err)
{
    const struct fus_work_held *p = &w->predictions;
    int n = w->feed.n_classes;
    *counts = NULL;
    if (n > MAX_MATRIX || p->n == 0 || p->chosen[0] < 0)
        return FUS_OK;
    *counts = fus_base_alloc((size_t)n, (size_t)n * sizeof **counts);
    if (!*counts)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for the confusion matrix");
    for (int i = 0; i < p->n; i++)
        if (p->chosen[i] >= 0)
            (*counts)[p->label[i] * n + p->chosen[i]]++;
    return FUS_OK;
}

static void put_confusion(struct fus_text_buffer *out, const struct fus_work *w, const size_t *counts)
{
    int n = w->feed.n_classes;
    fus_svg_put(out, "<h2 id=\"confusion\">What held-out pictures were taken for</h2>\n<div class=\"scroll\" "
                     "tabindex=\"0\"><table><caption>A row a class, a column what was chosen</caption>\n<thead><tr>"
                     "<th scope=\"col\">class</th>");
    for (int c = 0; c < n; c++)
        fus_svg_put(out, "<th scope=\"col\">$e</th>", w->feed.classes[c]);
    fus_svg_put(out, "</tr></thead>\n<tbody>\n");
    for (int r = 0; r < n; r++) {
        fus_svg_put(out, "<tr><th scope=\"row\">$e</th>", w->feed.classes[r]);
        for (int c = 0; c < n; c++)
            fus_svg_put(out, "<td$s>$z</td>", r == c ? " class=\"d\"" : "", counts[r * n + c]);
        fus_svg_put(out, "</tr>\n");
    }
    fus_svg_put(out, "</tbody></table></div>\n<p class=\"files\"><a href=\"confusion.csv\">confusion.csv</a></p>\n");
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
        fus_svg_put(out, "<h2 id=\"wrong\">Held-out pictures it gets most wrong</h2>\n");
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

static void open_page(struct fus_text_buffer *out, const struct fus_work *w)
{
    struct fus_theme theme;
    struct fus_text_buffer title = {0};
    char network[256];
    fus_networks_describe(network, sizeof network, &w->start.spec);
    fus_svg_put(&title, "Training of $e", network);
    fus_theme_create(&theme, NULL, 0, 2);
    fus_frame_open(out, &(struct fus_frame){"Training", title.s ? title.s : "", css, &theme});
    out->failed |= title.failed;
    fus_text_free(&title);
    fus_svg_put(out,
                "<p class=\"meta\">$d training pictures of $d classes \xc2\xb7 $d held out \xc2\xb7 $d epochs of $z "
                "steps",
                w->feed.n_train, w->feed.n_classes, w->predictions.n, w->o->epochs, (size_t)w->steps_per_epoch);
    if (w->has_targets)
        fus_svg_put(out, " \xc2\xb7 targets: $e", w->targets.description);
    fus_svg_put(out, "</p>\n</header>\n");
}

/* The two classes confused most often, the first of equal ones. */
static void say_confused(struct fus_text_buffer *out, const struct fus_work *w, const size_t *counts)
{
    int n = w->feed.n_classes, most = -1;
    size_t of = 0;
    for (int i = 0; i < n * n; i++)
        if (i / n != i % n && counts[i] > 0 && (most < 0 || counts[i] > counts[most]))
            most = i;
    if (most < 0) {
        fus_svg_put(out, "<li><b>No held-out picture is taken for another class.</b></li>\n");
        return;
    }
    for (int c = 0; c < n; c++)
        of += counts[most / n * n + c];
    fus_svg_put(out, "<li><b>$e is taken for $e most often</b>: $z of $z held-out pictures.</li>\n",
                w->feed.classes[most / n], w->feed.classes[most % n], counts[most], of);
}

static void put_lead(struct fus_text_buffer *out, const struct fus_work *w, const struct history *h,
                     const size_t *counts)
{
    double training = h->n ? h->rows[h->n - 1][4] : NAN;
    fus_svg_put(out, "<section class=\"result\" aria-label=\"Result\">\n<ul class=\"lead\">\n");
    if (isfinite(w->held.accuracy)) {
        fus_svg_put(out,
                    "<li><b>$p of the held-out pictures are taken for their class</b> after the last epoch; "
                    "chance gives $p.",
                    w->held.accuracy, 1.0 / w->feed.n_classes);
        if (isfinite(training))
            fus_svg_put(out, " Of the training pictures, as augmented: $p.", training);
        fus_svg_put(out, "</li>\n");
    }
    if (isfinite(w->held.cosine))
        fus_svg_put(out, "<li><b>The mean cosine with the target is $3</b> for held-out pictures.</li>\n",
                    w->held.cosine);
    if (counts)
        say_confused(out, w, counts);
    fus_svg_put(out, "<li><b>Best epoch: $d of $d</b>, by the held-out pictures.</li>\n</ul></section>\n",
                w->best_epoch, w->o->epochs);
}

static void put_contents(struct fus_text_buffer *out, const size_t *counts, bool any_wrong)
{
    fus_svg_put(out, "<nav><a href=\"#learning\">Learning curves</a>$s$s<a href=\"#options\">Options</a></nav>\n",
                counts ? "<a href=\"#confusion\">Confusion</a>" : "",
                any_wrong ? "<a href=\"#wrong\">Most wrong</a>" : "");
}

static void put_options(struct fus_text_buffer *out, const struct fus_work *w)
{
    fus_svg_put(out, "<h2 id=\"options\">Options</h2>\n<div class=\"scroll facts\" tabindex=\"0\"><table><tbody>\n");
    for (int i = 0; i < w->o->n_named; i++)
        fus_svg_put(out, "<tr><th scope=\"row\">$e</th><td>$e</td></tr>\n", w->o->named[i].key, w->o->named[i].value);
    fus_svg_put(out, "</tbody></table></div>\n<p class=\"note\">train.json has these and the digests of the start, "
                     "pictures and targets. With them, the weights are the same bytes on every machine.</p>\n"
                     "<p class=\"files\"><a href=\"train.json\">train.json</a></p>\n");
}

static int put_page(struct fus_text_buffer *out, struct fus_work *w, const struct history *h, const size_t *counts,
                    struct fus_error *err)
{
    int wrong[MAX_WRONG];
    open_page(out, w);
    put_lead(out, w, h, counts);
    put_contents(out, counts, choose_wrong(wrong, &w->predictions) > 0);
    draw_curves(out, h);
    if (counts)
        put_confusion(out, w, counts);
    int code = put_wrong(out, w, err);
    put_options(out, w);
    fus_frame_close(out, FUS_VERSION);
    return code;
}

int fus_train_report_write(struct fus_work *w, struct fus_error *err)
{
    struct fus_text_buffer page = {0};
    struct history h = {0};
    size_t *counts = NULL;
    char path[4096];
    int code = read_history(&h, w, err);
    if (!code)
        code = count_confusion(&counts, w, err);
    if (!code)
        code = put_page(&page, w, &h, counts, err);
    if (!code) {
        fus_work_path(path, w, "report.html");
        code = fus_svg_save(&page, path, err);
    }
    fus_base_free(counts);
    fus_base_free(h.rows);
    fus_text_free(&page);
    return code;
}
