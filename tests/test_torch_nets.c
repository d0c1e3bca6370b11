/* SPDX-License-Identifier: MIT */
/* Whole networks against PyTorch (tests/golden/networks.py): a file of each format and family is
 * opened, recognised and run on pictures; input tensors to the bit, every layer's activations
 * within rounding of PyTorch's in double, with Winograd and without. Then the localizer: the units
 * found, all of them, against NumPy and SciPy. */
#include "analysis/analysis.h"
#include "nn/base/sha256.h"
#include "nn/nn.h"
#include "stimuli/stimuli.h"
#include "test.h"
#include "weights/weights.h"

/* Of a layer's largest |x|. Measured: 4.6e-6 with Winograd, 2.5e-6 without; PyTorch's own float is
 * up to 7.7e-6 off its double. */
#define TOLERANCE 1e-5

#define GOLDEN "tests/golden/"

struct model {
    char name[64];
    struct fus_store *store;
    struct fus_net *net;
    struct fus_preprocess preprocess;
    float *input;                /* [3, side, side] */
    float *values[64];           /* [n_taps] of the last picture, [C, H, W] */
    struct fus_moments *moments; /* of the localizer, [n_taps]; NULL: values are kept instead */
    int category;
    double worst;
    int n_seen; /* taps compared for the last picture */
};

static bool worked(int code, const struct fus_error *err)
{
    CHECK_MSG(code == 0, "%s", err->msg);
    return code == 0;
}

static void close_model(struct model *m)
{
    for (int i = 0; i < 64; i++)
        fus_base_free(m->values[i]);
    fus_base_free(m->input);
    fus_net_destroy(m->net);
    fus_store_close(m->store);
    memset(m, 0, sizeof *m);
}

static bool open_model(struct model *m, const char *name, bool direct)
{
    char path[256];
    struct fus_error err = {0};
    struct fus_net_spec spec;
    struct fus_net_options options = {.direct = direct};
    const char *text = NULL;
    int side = 0;
    memset(m, 0, sizeof *m);
    snprintf(m->name, sizeof m->name, "%s", name);
    snprintf(path, sizeof path, GOLDEN "%s", name);
    int code = fus_open_weights(&m->store, path, &err);
    if (!code)
        code = fus_names_recognise(&spec, m->store, NULL, &err);
    if (!code)
        code = fus_store_preprocess(m->store, &spec, &side, &text, &err);
    if (!code)
        code = fus_preprocess_parse(&m->preprocess, text, &err);
    spec.input_side = side;
    if (!code)
        code = fus_net_create(&m->net, &spec, &options, fus_store_lookup, m->store, &err);
    m->input = fus_base_alloc(3 * (size_t)side * (size_t)side, sizeof *m->input);
    return worked(code, &err) && CHECK(m->input && m->preprocess.crop == side && fus_net_n_taps(m->net) <= 64);
}

static int on_tap(void *context, int tap, int picture, const float *blocked)
{
    struct model *m = context;
    const struct fus_tap *t = fus_net_tap(m->net, tap);
    size_t places = (size_t)t->height * (size_t)t->width;
    (void)picture;
    if (m->moments) {
        fus_moments_add(&m->moments[tap], m->category, blocked);
        return FUS_OK;
    }
    if (!m->values[tap])
        m->values[tap] = fus_base_alloc((size_t)t->channels * places, sizeof(float));
    fus_tensor_unblock(m->values[tap], blocked, t->channels, places);
    return FUS_OK;
}

static void run_model(struct model *m, const struct fus_image *image)
{
    bool all[64];
    struct fus_error err = {0};
    memset(all, 1, sizeof all);
    m->n_seen = 0;
    if (worked(fus_preprocess_apply(m->input, &m->preprocess, image, &err), &err))
        worked(fus_net_forward(m->net, m->input, 1, all, on_tap, m, &err), &err);
}

static void input_sha256(char hex[FUS_SHA256_HEX], const struct model *m)
{
    struct fus_sha256 sha;
    size_t n = 3 * (size_t)m->preprocess.crop * (size_t)m->preprocess.crop;
    fus_sha256_start(&sha);
    for (size_t i = 0; i < n; i++) {
        uint32_t v;
        memcpy(&v, &m->input[i], 4);
        const uint8_t bytes[4] = {(uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16), (uint8_t)(v >> 24)};
        fus_sha256_add(&sha, bytes, 4);
    }
    fus_sha256_hex(&sha, hex);
}

/* "picture FILE SHA256" */
static void see_picture(struct model *m, FILE *f)
{
    char name[64], want[FUS_SHA256_HEX], hex[FUS_SHA256_HEX], path[256];
    struct fus_image image = {0};
    struct fus_error err = {0};
    if (!CHECK(fscanf(f, "%63s %64s", name, want) == 2))
        return;
    snprintf(path, sizeof path, GOLDEN "%s", name);
    if (!worked(fus_decode_file(&image, path, &err), &err))
        return;
    run_model(m, &image);
    fus_image_free(&image);
    input_sha256(hex, m);
    CHECK_MSG(strcmp(hex, want) == 0, "%s: the input tensor of %s differs", m->name, name);
}

/* "tap NAME C H W LARGEST MEAN N", then N times "INDEX VALUE"; mean and largest are of |x|. */
static void compare_tap(struct model *m, FILE *f)
{
    char name[64];
    int c, h, w, n;
    double most, mean, got_most = 0, got_mean = 0, off = 0;
    if (!CHECK(fscanf(f, "%63s %d %d %d %lf %lf %d", name, &c, &h, &w, &most, &mean, &n) == 7))
        return;
    int tap = fus_net_find_tap(m->net, name, NULL);
    const struct fus_tap *t = tap >= 0 ? fus_net_tap(m->net, tap) : NULL;
    bool same =
        t && m->values[tap] && strcmp(t->name, name) == 0 && t->channels == c && t->height == h && t->width == w;
    CHECK_MSG(same, "%s, %s", m->name, name);
    if (!same)
        return;
    size_t units = (size_t)c * (size_t)h * (size_t)w;
    for (size_t i = 0; i < units; i++) {
        double x = fabs((double)m->values[tap][i]);
        got_most = x > got_most ? x : got_most;
        got_mean += x / (double)units;
    }
    off = fmax(fabs(got_most - most), fabs(got_mean - mean));
    for (int i = 0; i < n; i++) {
        size_t at;
        double value;
        if (!CHECK(fscanf(f, "%zu %lf", &at, &value) == 2 && at < units))
            return;
        off = fmax(off, fabs((double)m->values[tap][at] - value));
    }
    m->worst = fmax(m->worst, off / most);
    m->n_seen++;
    CHECK_MSG(off <= TOLERANCE * most, "%s, %s: %.2g of the largest", m->name, name, off / most);
}

static void test_activations(bool direct)
{
    FILE *f = fopen(GOLDEN "net_activations.txt", "r");
    struct model m = {.net = NULL};
    char word[16], name[64];
    int n_networks = 0;
    bool ok = CHECK(f != NULL);
    while (ok && fscanf(f, "%15s", word) == 1) {
        if (strcmp(word, "tap") == 0) {
            compare_tap(&m, f);
            continue;
        }
        CHECK_MSG(!m.net || !m.n_seen || m.n_seen == fus_net_n_taps(m.net), "%s: layers without golden values", m.name);
        if (strcmp(word, "picture") == 0) {
            see_picture(&m, f);
            continue;
        }
        if (m.net)
            printf("%-22s %s: %.1e of a layer's largest\n", m.name, direct ? "direct" : "Winograd", m.worst);
        close_model(&m);
        ok = CHECK(strcmp(word, "network") == 0 && fscanf(f, "%63s", name) == 1) && open_model(&m, name, direct);
        n_networks++;
    }
    if (m.net)
        printf("%-22s %s: %.1e of a layer's largest\n", m.name, direct ? "direct" : "Winograd", m.worst);
    CHECK(n_networks == 6 && m.net && m.n_seen == fus_net_n_taps(m.net));
    close_model(&m);
    if (f)
        fclose(f);
}

/* ---- the localizer ---- */

/* Every picture of the set through the network, every tap into moments, a group a category. */
static bool measure(struct model *m, const struct fus_set *set)
{
    struct fus_error err = {0};
    int n_taps = fus_net_n_taps(m->net);
    bool ok = true;
    m->moments = fus_base_alloc((size_t)n_taps, sizeof *m->moments);
    for (int i = 0; i < n_taps && ok; i++) {
        const struct fus_tap *t = fus_net_tap(m->net, i);
        size_t units = fus_tensor_blocked_size(t->channels, (size_t)t->height * (size_t)t->width);
        ok = worked(fus_moments_create(&m->moments[i], set->n_categories, units, &err), &err);
    }
    for (int i = 0; i < set->n_pictures && ok; i++) {
        struct fus_image image = {0};
        ok = worked(fus_set_picture(&image, set, i, &err), &err);
        m->category = set->pictures[i].category;
        if (ok)
            run_model(m, &image);
        fus_image_free(&image);
    }
    return ok;
}

/* "N CSI CV" for each category; CSI and CV come from activations in float here, in double there:
 * 2e-6 for the CSI (measured 3.8e-7); CV depends on labels alone. */
static void compare_layer(FILE *f, const struct fus_layer_summary *layer, const char *want)
{
    struct fus_sha256 sha;
    char hex[FUS_SHA256_HEX];
    fus_sha256_start(&sha);
    fus_sha256_add(&sha, layer->label, layer->n_units);
    fus_sha256_hex(&sha, hex);
    CHECK_MSG(strcmp(hex, want) == 0, "%s: other units are selective", layer->name);
    for (int c = 0; c < layer->n_categories; c++) {
        const struct fus_category_summary *s = &layer->categories[c];
        size_t n;
        double csi, cv;
        if (!CHECK(fscanf(f, "%zu %lf %lf", &n, &csi, &cv) == 3))
            return;
        CHECK_MSG(s->n_selective == n, "%s, category %d: %zu selective units, %zu expected", layer->name, c,
                  s->n_selective, n);
        CHECK_MSG(test_close(s->csi_mean, csi, 2e-6), "%s, category %d: CSI %.9g, %.9g expected", layer->name, c,
                  s->csi_mean, csi);
        CHECK_MSG(test_close(s->variation_cv, cv, 1e-10), "%s, category %d: CV %.9g, %.9g expected", layer->name, c,
                  s->variation_cv, cv);
    }
}

static void compare_table(struct model *m, FILE *f)
{
    const struct fus_select_options options = {.correction = FUS_BH, .alpha = 0.05};
    struct fus_error err = {0};
    char name[64], want[FUS_SHA256_HEX];
    size_t n_units;
    int n_layers = 0;
    while (fscanf(f, " layer %63s %zu %64s", name, &n_units, want) == 3) {
        int tap = fus_net_find_tap(m->net, name, &err);
        if (!worked(tap < 0, &err))
            return;
        const struct fus_tap *t = fus_net_tap(m->net, tap);
        struct fus_layer_summary layer;
        int code = fus_moments_unblock(&m->moments[tap], t->channels, (size_t)t->height * (size_t)t->width, &err);
        if (!code)
            code = fus_select_layer(&layer, &m->moments[tap], name, t->channels, t->height, t->width, &options, &err);
        if (!worked(code, &err))
            return;
        CHECK(layer.n_units == n_units && t->in_all);
        compare_layer(f, &layer, want);
        fus_select_free(&layer);
        n_layers++;
    }
    CHECK(n_layers == 5 && feof(f));
}

static void test_localizer(bool direct)
{
    FILE *f = fopen(GOLDEN "net_localizer.txt", "r");
    struct fus_error err = {0};
    struct fus_set set = {0};
    struct model m;
    char name[64];
    if (!CHECK(f != NULL) || !worked(fus_set_open(&set, GOLDEN "net_set", NULL, &err), &err))
        return;
    for (int c = 0; c < set.n_categories; c++)
        CHECK(fscanf(f, "%63s", name) == 1 && strcmp(name, set.categories[c]) == 0);
    CHECK(set.n_categories == 3 && set.n_pictures == 18);
    bool opened = open_model(&m, "net_cifar.pth", direct);
    if (opened && measure(&m, &set))
        compare_table(&m, f);
    for (int i = 0; opened && i < fus_net_n_taps(m.net); i++)
        fus_moments_destroy(&m.moments[i]);
    fus_base_free(m.moments);
    close_model(&m);
    fus_set_close(&set);
    fclose(f);
}

int main(void)
{
    for (int direct = 0; direct < 2; direct++) {
        test_activations(direct);
        test_localizer(direct);
    }
    return test_end();
}
