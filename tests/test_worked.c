/* SPDX-License-Identifier: MIT */
/* The worked numbers of METHOD.md and the answers to its exercises by hand: each is computed by the
 * functions of the program, printed as the text prints it, and must stand there. */
#include <stdarg.h>

#include "analysis/inference.h"
#include "nn/arch.h"
#include "nn/kernel/kernels.h"
#include "nn/layer/layers.h"
#include "nn/train/grad_reference.h"
#include "nn/train/loss.h"
#include "nn/train/optimise.h"
#include "test.h"

enum { TEXT_BYTES = 1 << 20 };
static char text[TEXT_BYTES];

/* METHOD.md with every run of white space as one space. */
static void read_text(void)
{
    FILE *f = fopen("METHOD.md", "rb");
    size_t n = 0;
    bool space = false;
    CHECK(f);
    for (int c; f && (c = fgetc(f)) != EOF && n + 2 < TEXT_BYTES;) {
        bool white = c == ' ' || c == '\n' || c == '\r' || c == '\t';
        if (!white && space)
            text[n++] = ' ';
        if (!white)
            text[n++] = (char)c;
        space = white;
    }
    if (f)
        fclose(f);
}

/* The text says this. -0 is 0; a minus sign is U+2212, as in the text. */
static void says(const char *format, ...)
{
    char line[400], out[600];
    size_t n = 0;
    va_list list;
    va_start(list, format);
    vsnprintf(line, sizeof line, format, list);
    va_end(list);
    for (const char *s = line; *s && n + 4 < sizeof out; s++) {
        bool minus = *s == '-' && s[1] >= '0' && s[1] <= '9';
        if (minus && (s[1] != '0' || s[2] == '.'))
            n += (size_t)snprintf(out + n, 4, "\xe2\x88\x92");
        else if (!minus)
            out[n++] = *s;
    }
    out[n] = 0;
    CHECK_MSG(strstr(text, out), "METHOD.md does not say: %s", out);
}

/* ---- "Units and their moments" ---- */

static const float unit[3][4] = {{4, 6, 5, 7}, {1, 2, 3, 2}, {3, 3, 5, 4}};

static void test_welford(void)
{
    struct fus_moments m;
    CHECK(fus_moments_create(&m, 1, 1, NULL) == 0);
    for (int i = 0; i < 4; i++) {
        fus_moments_add(&m, 0, &unit[0][i]);
        says("| %d | %g | %g | %g |", i + 1, (double)unit[0][i], m.mean[0], m.m2[0]);
    }
    says("s² = M2 / (n − 1) = %g / 3 = %.4f", m.m2[0], m.m2[0] / 3);
    fus_moments_destroy(&m);
}

/* ---- "Many units: Benjamini and Hochberg" ---- */

static int count_at_most(const double *x, int n, double level)
{
    int count = 0;
    for (int i = 0; i < n; i++)
        count += x[i] <= level;
    return count;
}

static void test_benjamini_hochberg(void)
{
    static const double p[10] = {.001, .004, .012, .015, .021, .029, .045, .12, .4, .8};
    static const char *const words[] = {"none", "one", "two", "three", "four", "five", "six", "seven"};
    double q[10], bonferroni[10], by[10];
    CHECK(fus_multiple_adjust(q, p, 10, FUS_BH, NULL) == 0 &&
          fus_multiple_adjust(bonferroni, p, 10, FUS_BONFERRONI, NULL) == 0 &&
          fus_multiple_adjust(by, p, 10, FUS_BY, NULL) == 0);
    for (int i = 0; i < 10; i++)
        says("| %d | %.3f | %.4f | %.4f | %s |", i + 1, p[i], p[i] * 10 / (i + 1), q[i], q[i] <= .05 ? "yes" : "no");
    says("By Benjamini and Hochberg %s are selective, without correction %s, by Bonferroni %s, by Benjamini-Yekutieli "
         "%s.",
         words[count_at_most(q, 10, .05)], words[count_at_most(p, 10, .05)], words[count_at_most(bonferroni, 10, .05)],
         words[count_at_most(by, 10, .05)]);
}

static void test_exercise_correction(void)
{
    double p[5] = {.008, .019, .028, .038, .049}, q[5];
    CHECK(fus_multiple_adjust(q, p, 5, FUS_BH, NULL) == 0);
    says("q = %.4f, %.4f, %.4f, %.4f, %.4f", q[0], q[1], q[2], q[3], q[4]);
    CHECK(count_at_most(q, 5, .05) == 5);
    p[4] = .2;
    CHECK(fus_multiple_adjust(q, p, 5, FUS_BH, NULL) == 0 && count_at_most(q, 5, .05) == 4);
    CHECK(fus_multiple_adjust(q, p, 5, FUS_BONFERRONI, NULL) == 0 && count_at_most(q, 5, .05) == 1);
}

/* ---- "A unit worked through", and the exercise like it ---- */

static void fill(struct fus_moments *m, const float (*x)[4], int categories)
{
    CHECK(fus_moments_create(m, categories, 1, NULL) == 0);
    for (int c = 0; c < categories; c++)
        for (int i = 0; i < 4; i++)
            fus_moments_add(m, c, &x[c][i]);
}

static void test_exercise_unit(void)
{
    static const float x[3][4] = {{3, 5, 4, 4}, {1, 3, 2, 2}, {2, 2, 4, 0}};
    static const char *const names[3] = {"", "bodies", "places"};
    struct fus_moments m;
    fill(&m, x, 3);
    for (int k = 1; k < 3; k++) {
        double df, t = fus_select_pair_t(&df, &m, 0, 0, k, false);
        says("against %s t = %.3f, df = %.3f, p = %.4f", names[k], t, df,
             fus_select_pair_p(&m, 0, 0, k, FUS_TEST_WELCH));
    }
    says("CSI = %.3f", fus_csi_unit(&m, 0, 0));
    fus_moments_destroy(&m);
}

/* ---- "Where: maps and their variation" ---- */

enum { MOST_PLACES = 16 };

static void map_of(struct fus_category_summary *out, const int *x, size_t places, int channels)
{
    static float map[MOST_PLACES];
    int8_t label[4096];
    CHECK(places * (size_t)channels <= sizeof label);
    for (int c = 0; c < channels; c++)
        for (size_t i = 0; i < places; i++)
            label[(size_t)c * places + i] = c < x[i] ? 0 : -1;
    memset(out, 0, sizeof *out);
    out->map = map;
    CHECK(fus_spatial_summarise(out, label, channels, places, 0, NULL) == 0);
}

static void test_map(void)
{
    static const int x[9] = {4, 2, 0, 2, 1, 0, 1, 0, 0};
    struct fus_category_summary s;
    double squares = 0;
    for (int i = 0; i < 9; i++)
        squares += x[i] * x[i];
    map_of(&s, x, 9, 8);
    says("CV = %.4f / %.4f = %.3f", s.variation_sd * 8, 10.0 / 9, s.variation_cv);
    says("CV₀ = √((1 − 10/72) / (10/72 · 8)) = %.3f", s.variation_null);
    says("morisita = 9 · (12 + 2 + 2) / (10 · 9) = %.1f", fus_placement_morisita(squares, 10, 9));
    says("G = (2·1 + 4·2 + 6·2 + 8·4) / (9 · 10) = %.1f", s.gini);
    says("entropy = 1.4708 / 2.1972 = %.4f", s.entropy);
    says("placement_p = %.3f", s.placement_p);
}

/* ---- "Intervals from resampled pictures" ---- */

enum { SEED = 3 };

static int mean_of_faces(void *context, double *to, size_t stride, const struct fus_moments *m, struct fus_error *err)
{
    (void)context;
    (void)stride;
    (void)err;
    to[0] = m->mean[0];
    return FUS_OK;
}

/* The standard deviation of the mean over all 256 equally likely resamples. */
static double spread_of_all(const float *x)
{
    double sum = 0, squares = 0;
    for (int i = 0; i < 256; i++) {
        double mean = (double)(x[i & 3] + x[i >> 2 & 3] + x[i >> 4 & 3] + x[i >> 6 & 3]) / 4;
        sum += mean;
        squares += mean * mean;
    }
    return sqrt(squares / 256 - sum / 256 * sum / 256);
}

static void test_draws(const struct fus_responses *r)
{
    struct fus_redraw d;
    size_t place[8];
    CHECK(fus_redraw_create(&d, r, SEED, NULL) == 0);
    for (size_t draw = 1; draw <= 5; draw++) {
        double sum = 0;
        fus_redraw_places(place, &d, draw);
        for (int i = 0; i < 4; i++)
            sum += (double)r->x[place[i]];
        says("| %d | %g, %g, %g, %g | %g |", (int)draw, (double)r->x[place[0]], (double)r->x[place[1]],
             (double)r->x[place[2]], (double)r->x[place[3]], sum / 4);
    }
    fus_redraw_destroy(&d);
}

static void test_bootstrap(void)
{
    static const int category[8] = {0, 0, 0, 0, 1, 1, 1, 1}; /* four faces, four bodies */
    struct fus_responses r = {.x = unit[0],
                              .category = category,
                              .n_images = 8,
                              .n_units = 1,
                              .n_categories = 2,
                              .channels = 1,
                              .height = 1,
                              .width = 1};
    struct fus_bootstrap_statistics mean = {.n_columns = 1, .measure = mean_of_faces};
    struct fus_bootstrap b;
    struct fus_interval percentile, centred;
    static double scratch[2000];
    test_draws(&r);
    says("√(1.25 / 4) = %.3f", spread_of_all(unit[0]));
    says("s / √4 = %.3f", sqrt(5.0 / 3 / 4));
    CHECK(fus_bootstrap_run(&b, &r, &mean, 2000, FUS_INTERVAL_CENTRED, SEED, NULL, NULL) == 0);
    struct fus_bootstrap_column c = fus_bootstrap_column(&b, 0);
    fus_bootstrap_interval(&centred, &c, FUS_INTERVAL_CENTRED, .05, scratch);
    fus_bootstrap_interval(&percentile, &c, FUS_INTERVAL_PERCENTILE, .05, scratch);
    says("percentiles %.2f to %.2f, the centred interval %.2f to %.2f", percentile.low, percentile.high, centred.low,
         centred.high);
    fus_bootstrap_destroy(&b);
    double low = 0, high = 10; /* 1 - .025 quantile of Student's t with 3 degrees of freedom */
    while (high - low > 1e-9)
        *(fus_special_t_sf((low + high) / 2, 3) > .025 ? &low : &high) = (low + high) / 2;
    says("Student's interval is %.1f to %.1f", 5.5 - low * sqrt(5.0 / 3 / 4), 5.5 + low * sqrt(5.0 / 3 / 4));
}

/* ---- "Convolution as a matrix product" and "Winograd's algorithm" ---- */

static const double patch[16] = {1, 2, 0, 1, 0, 1, 3, 1, 2, 1, 0, 0, 1, 0, 1, 2},
                    kernel[9] = {1, 0, 1, 0, 2, 0, 1, 0, -1};

static void test_convolution(void)
{
    static double bias = -2, z[4], a[4];
    struct fus_layer l = {.op = FUS_OP_CONV,
                          .addend = -1,
                          .kernel = 3,
                          .stride = 1,
                          .act = FUS_ACT_RELU,
                          .in_channels = 1,
                          .in_height = 4,
                          .in_width = 4,
                          .channels = 1,
                          .height = 2,
                          .width = 2};
    double weights[9];
    memcpy(weights, kernel, sizeof weights);
    struct fus_grad_tensor tensor[2] = {{.n = 9, .value = weights}, {.n = 1, .value = &bias}};
    struct fus_grad_row row = {.layer = &l, .n = 1, .tensor = tensor, .x = patch, .z = z, .a = a};
    fus_grad_reference_convolve(&row);
    says("out = relu(5 − 2), relu(10 − 2), relu(5 − 2), relu(0 − 2) = %g, %g, %g, %g", a[0], a[1], a[2], a[3]);
    bias = 0;
    fus_grad_reference_convolve(&row);
    CHECK(a[0] == 5 && a[1] == 10 && a[2] == 5 && a[3] == 0);
}

/* U = G g G'. */
static void transform_kernel(double u[16])
{
    static const double G[4][3] = {{1, 0, 0}, {.5, .5, .5}, {.5, -.5, .5}, {0, 0, 1}};
    for (int i = 0; i < 16; i++) {
        u[i] = 0;
        for (int r = 0; r < 3; r++)
            for (int s = 0; s < 3; s++)
                u[i] += G[i / 4][r] * kernel[3 * r + s] * G[i % 4][s];
    }
}

/* The engine's transforms of one tile, in one of their sixteen channels. */
static void test_winograd(void)
{
    const struct fus_kernel *k = fus_kernels_pick(NULL, NULL);
    static float plane[16 * FUS_LANES], v[16 * FUS_LANES], m[16 * FUS_LANES], out[4 * FUS_LANES], zero[FUS_LANES];
    double u[16];
    transform_kernel(u);
    for (int i = 0; i < 16; i++)
        plane[i * FUS_LANES] = (float)patch[i];
    k->winograd_in[0](v, FUS_LANES, plane, 4, 0, 0);
    for (int i = 0; i < 16; i++)
        m[i * FUS_LANES] = (float)(u[i] * (double)v[i * FUS_LANES]);
    k->winograd_out[0](out, m, FUS_LANES, zero, NULL, false, 2, 0, 0);
    for (int r = 0; r < 4; r++) {
        char line[400] = "";
        for (int s = 0; s < 16; s++) {
            int i = 4 * r + s % 4;
            double x = s < 4 ? patch[i] : s < 8 ? (double)v[i * FUS_LANES] : s < 12 ? u[i] : (double)m[i * FUS_LANES];
            snprintf(line + strlen(line), 24, "%g%s", x, s == 15 ? "" : s % 4 == 3 ? " | " : " ");
        }
        says("%s", line);
    }
    says("Y = %g %g / %g %g", (double)out[0], (double)out[FUS_LANES], (double)out[2 * FUS_LANES],
         (double)out[3 * FUS_LANES]);
}

/* ---- "A step by hand" ---- */

struct net {
    double w, x, h, l[2], dh, dw; /* h = relu(w x), l = (h, -h) */
    double loss, dl[2], p[2];
};

static void forward_and_back(struct net *n)
{
    static const int label = 1;
    double zero[2] = {0, 0}, second[2] = {1, -1}, d_bias[2], d_second[2], z[2];
    struct fus_layer first = {.op = FUS_OP_CONV,
                              .addend = -1,
                              .kernel = 1,
                              .stride = 1,
                              .act = FUS_ACT_RELU,
                              .in_channels = 1,
                              .in_height = 1,
                              .in_width = 1,
                              .channels = 1,
                              .height = 1,
                              .width = 1};
    struct fus_layer last = first;
    last.act = FUS_ACT_NONE;
    last.channels = 2;
    struct fus_grad_tensor t1[2] = {{.n = 1, .value = &n->w, .gradient = &n->dw},
                                    {.n = 1, .value = zero, .gradient = d_bias}};
    struct fus_grad_tensor t2[2] = {{.n = 2, .value = second, .gradient = d_second},
                                    {.n = 2, .value = zero, .gradient = d_bias}};
    n->dh = 0;
    struct fus_grad_row a = {.layer = &first, .n = 1, .tensor = t1, .x = &n->x, .z = z, .a = &n->h, .da = &n->dh};
    struct fus_grad_row b = {
        .layer = &last, .n = 1, .tensor = t2, .x = &n->h, .z = z, .a = n->l, .da = n->dl, .dx = &n->dh};
    fus_grad_reference_convolve(&a);
    fus_grad_reference_convolve(&b);
    n->loss = fus_loss_cross_entropy(n->dl, n->l, &label, 1, 2, 0);
    n->p[0] = n->dl[0];
    n->p[1] = n->dl[1] + 1;
    double dl[2] = {n->dl[0], n->dl[1]};
    fus_grad_reference_convolve_back(&b);
    n->dl[0] = dl[0];
    n->dl[1] = dl[1];
    double dh = n->dh; /* backward turns it into the gradient before the ReLU */
    fus_grad_reference_convolve_back(&a);
    n->dh = dh;
}

static double loss_at(double w)
{
    struct net n = {.w = w, .x = 2};
    forward_and_back(&n);
    return n.loss;
}

/* w - rate dw, by the engine's update rule. */
static double updated(double w, double dw, double rate)
{
    struct fus_optimise o = {.rule = FUS_OPTIMISE_SGD};
    float x[16] = {(float)w}, momentum[16] = {0}, g[16] = {(float)dw};
    struct fus_optimise_arrays p = {.w = x, .m = momentum, .g = g, .n_floats = 16};
    fus_optimise_update(&o, &p, rate, 1, fus_kernels_pick(NULL, NULL));
    return (double)x[0];
}

static void test_backward(void)
{
    struct net n = {.w = .5, .x = 2};
    forward_and_back(&n);
    says("p = (%.4f, %.4f)", n.p[0], n.p[1]);
    says("L = −log %.4f = %.4f", n.p[1], n.loss);
    says("dl = (%.4f, %.4f)", n.dl[0], n.dl[1]);
    says("dh = 1 · %.4f + (−1) · (%.4f) = %.4f", n.dl[0], n.dl[1], n.dh);
    says("dw = %.4f · 2 = %.4f", n.dh, n.dw);
    double w = updated(n.w, n.dw, .1);
    says("w = 0.5 − 0.1 · %.4f = %.4f", n.dw, w);
    says("the loss is %.4f", loss_at(w));
    double slope = (loss_at(.501) - loss_at(.499)) / .002;
    says("(%.6f − %.6f) / 0.002 = %.4f", loss_at(.501), loss_at(.499), slope);
    struct net dead = {.w = -.5, .x = 2};
    forward_and_back(&dead);
    says("w = −0.5: h = 0, L = log 2 = %.4f and dw = %g", dead.loss, dead.dw);
}

/* ---- the other exercises by hand ---- */

static void test_exercises(void)
{
    const int places = 16 * 16, channels = 64;
    struct fus_layer l = {.op = FUS_OP_CONV,
                          .addend = -1,
                          .kernel = 3,
                          .stride = 1,
                          .padding = 1,
                          .in_channels = channels,
                          .in_height = 16,
                          .in_width = 16,
                          .channels = channels,
                          .height = 16,
                          .width = 16};
    CHECK(fus_winograd_fits(&l));
    says("9 · 64 · 64 · 256 = %d", 9 * channels * channels * places);
    says("36 · 16 · 64 · 64 = %d", 36 * (places / 16) * channels * channels);
    says("%.3f and %.3f", fus_placement_variation(200, 256, 16), fus_placement_variation(100, 256, 16));
    CHECK(fus_moments_bytes(5, 4096, false) - fus_moments_bytes(5, 0, false) == 16 * 4096 * 5);
    says("16 · 4096 · 5 = %d bytes", 16 * 4096 * 5);
}

int main(void)
{
    read_text();
    test_welford();
    test_benjamini_hochberg();
    test_exercise_correction();
    test_exercise_unit();
    test_map();
    test_bootstrap();
    test_convolution();
    test_winograd();
    test_backward();
    test_exercises();
    return test_end();
}
