/* Training against PyTorch in double (tests/golden/train_families.py), and the same bits whatever runs it. */
#include "test.h"

#include "nn/train/train.h"

#define MOST_RECORDS 400
#define TOLERANCE 2e-5 /* of each tensor's largest value */
#define BATCH 4

/* ---- files of records ---- */

struct record {
    char name[96];
    const float *values;
    size_t n;
};
struct golden {
    uint8_t *bytes;
    float *floats;
    struct record records[MOST_RECORDS];
    int n;
};

static bool read_golden(struct golden *g, const char *family)
{
    char path[128];
    size_t n_bytes, at = 0, used = 0;
    struct fus_error err;
    snprintf(path, sizeof path, "tests/golden/train_%s.bin", family);
    memset(g, 0, sizeof *g);
    if (fus_base_read_file(&g->bytes, &n_bytes, path, 1 << 22, &err))
        return false;
    g->floats = malloc(n_bytes);
    while (at < n_bytes && g->n < MOST_RECORDS) {
        struct record *r = &g->records[g->n++];
        int length = 0;
        unsigned long count = 0;
        if (sscanf((const char *)g->bytes + at, "%95s %lu%n", r->name, &count, &length) != 2)
            return false;
        at += (size_t)length + 1;
        r->n = count;
        r->values = g->floats + used;
        for (size_t i = 0; i < count; i++, at += 4, used++) {
            uint32_t bits = g->bytes[at] | (uint32_t)g->bytes[at + 1] << 8 | (uint32_t)g->bytes[at + 2] << 16 | (uint32_t)g->bytes[at + 3] << 24;
            memcpy(&g->floats[used], &bits, 4);
        }
    }
    return true;
}

static void free_golden(struct golden *g)
{
    fus_base_free(g->bytes);
    free(g->floats);
}

static const struct record *find(const struct golden *g, const char *prefix, const char *name)
{
    char whole[128];
    snprintf(whole, sizeof whole, "%s%s", prefix, name);
    for (int i = 0; i < g->n; i++)
        if (strcmp(g->records[i].name, whole) == 0)
            return &g->records[i];
    return NULL;
}

/* ---- the same networks and pictures as the script's ---- */

static void noise(float *out, size_t n, const char *name)
{
    uint32_t x = 2166136261u;
    for (; *name; name++)
        x = (x ^ (uint8_t)*name) * 16777619u;
    for (size_t i = 0; i < n; i++) {
        x = 1664525u * x + 1013904223u;
        out[i] = (float)((double)(x >> 12) / 524288 - 1);
    }
}

static bool ends(const char *name, const char *end)
{
    size_t n = strlen(name), m = strlen(end);
    return n >= m && strcmp(name + n - m, end) == 0;
}

static int fan_in(void *context, const char *name, const int *shape, int n_dims)
{
    const void **wanted = context;
    if (strcmp(name, wanted[0]) != 0)
        return 0;
    int fan = 1;
    for (int i = 1; i < n_dims; i++)
        fan *= shape[i];
    *(int *)(uintptr_t)wanted[1] = n_dims > 1 ? fan : 0;
    return 0;
}

struct source {
    const struct fus_net_spec *spec;
    int n_words;
};

static int get(void *context, float *out, size_t n, const char *name, struct fus_error *err)
{
    const struct source *s = context;
    int fan = strcmp(name, "text.weight") == 0 ? s->n_words : 0;
    const void *wanted[2] = {name, &fan};
    double scale = 0.1, around = 0;
    fus_arch_parameters(s->spec, fan_in, wanted, err);
    noise(out, n, name);
    if (ends(name, "positional_embedding"))
        fan = 0;
    if (fan)
        scale = sqrt(2.0 / fan);
    else if (ends(name, ".weight") || ends(name, "running_var"))
        around = 1, scale = 0.2;
    if (strcmp(name, "logit_scale") == 0)
        around = 2.6592600369327779, scale = 1e-12;
    for (size_t i = 0; i < n; i++)
        out[i] = (float)(out[i] * scale + around);
    return FUS_OK;
}

struct fixture {
    struct golden golden;
    struct fus_net_spec spec;
    struct source source;
    struct fus_train_options options;
    struct fus_train_batch batch;
    float *input, target[BATCH * 6];
    int label[BATCH], words[32], starts[BATCH + 1];
};

static int whole(const struct fixture *f, const char *name, int i)
{
    const struct record *r = find(&f->golden, "", name);
    return r && (size_t)i < r->n ? (int)r->values[i] : 0;
}

static void set_spec(struct fixture *f)
{
    struct fus_net_spec *s = &f->spec;
    int n = (int)find(&f->golden, "", "spec")->n, width = whole(f, "spec", 3), classes = whole(f, "spec", 4);
    s->stem = (enum fus_stem)whole(f, "spec", 0);
    s->bottleneck = whole(f, "spec", 1);
    s->pad_shortcut = whole(f, "spec", 2);
    s->input_side = whole(f, "spec", 9);
    s->stem_channels = width;
    s->n_stages = n - 12;
    for (int i = 0; i < s->n_stages; i++) {
        s->n_blocks[i] = whole(f, "spec", 12 + i);
        s->width[i] = width << i;
        s->channels[i] = (width << i) * (s->bottleneck ? 4 : 1);
    }
    s->n_classes = classes;
    s->lang_dim = whole(f, "spec", 5);
    s->lang_hidden = whole(f, "spec", 6);
    if (s->stem == FUS_STEM_CLIP) {
        s->attn_grid = s->input_side / 4 >> (s->n_stages - 1);
        s->attn_heads = width / 2;
        s->attn_dim = whole(f, "spec", 7);
    }
}

static bool set_up(struct fixture *f, const char *family)
{
    memset(f, 0, sizeof *f);
    if (!read_golden(&f->golden, family))
        return false;
    set_spec(f);
    int side = f->spec.input_side;
    f->input = malloc((size_t)(BATCH * 3 * side * side) * sizeof *f->input);
    noise(f->input, (size_t)(BATCH * 3 * side * side), "input");
    for (int i = 0; i < BATCH * 6; i++)
        f->target[i] = find(&f->golden, "", "target")->values[i];
    for (int i = 0; i < BATCH; i++)
        f->label[i] = whole(f, "label", i);
    for (int i = 0; i <= BATCH; i++)
        f->starts[i] = whole(f, "starts", i);
    for (int i = 0; i < f->starts[BATCH]; i++)
        f->words[i] = whole(f, "words", i);
    f->batch = (struct fus_train_batch){BATCH, f->input, f->label, f->target, f->words, f->starts};
    f->options = (struct fus_train_options){.batch = BATCH, .frozen_norms = whole(f, "spec", 10), .smooth = 0.1};
    bool clip = f->spec.stem == FUS_STEM_CLIP;
    f->options.classify_weight = clip ? 0 : 1;
    f->options.language_weight = clip ? 1 : f->spec.lang_dim ? 0.5 : 0;
    f->options.language = whole(f, "spec", 11) ? FUS_TRAIN_MSE : FUS_TRAIN_COSINE;
    f->options.contrastive = clip;
    f->options.n_words = whole(f, "spec", 8);
    f->options.optimise = (struct fus_optimise){.rule = FUS_OPTIMISE_SGD, .nesterov = true, .momentum = 0.9, .decay = 5e-4};
    f->source = (struct source){&f->spec, f->options.n_words};
    return true;
}

static void tear_down(struct fixture *f)
{
    free_golden(&f->golden);
    free(f->input);
}

static struct fus_train *create(struct fixture *f)
{
    struct fus_error err;
    struct fus_train *t = NULL;
    int code = fus_train_create(&t, &f->spec, &f->options, get, &f->source, &err);
    CHECK_MSG(code == FUS_OK, "%s", err.msg);
    return code ? NULL : t;
}

static void gradients(struct fus_train *t, struct fixture *f, struct fus_train_result *r)
{
    struct fus_error err;
    int code = fus_train_gradients(t, r, &f->batch, &err);
    CHECK_MSG(code == FUS_OK, "%s", err.msg);
}

/* ---- against PyTorch ---- */

static double largest_error;

static void compare(struct fus_train *t, const struct golden *g, const char *prefix, enum fus_train_tensor which, const char *family)
{
    for (int i = 0; i < fus_train_n_parameters(t); i++) {
        const struct fus_train_parameter *p = fus_train_parameter(t, i);
        const struct record *r = find(g, prefix, p->name);
        if (!r || !fus_train_has(t, i, which))
            continue;
        float *got = malloc(p->n * sizeof *got);
        double most = 1e-9, error = 0; /* the key bias has no gradient */
        fus_train_get(got, t, i, which);
        size_t step = r->n < p->n ? 7 : 1;
        for (size_t j = 0; j < r->n; j++) {
            most = fmax(most, fabs(r->values[j]));
            error = fmax(error, fabs((double)got[j * step] - r->values[j]));
        }
        CHECK_MSG(error <= TOLERANCE * most, "%s %s%s: error %g of %g", family, prefix, p->name, error, most);
        largest_error = fmax(largest_error, error / most);
        free(got);
    }
}

static void compare_updates(struct fixture *f, enum fus_optimise_rule rule, const char *family)
{
    struct fus_train_result r;
    bool sgd = rule == FUS_OPTIMISE_SGD;
    f->options.optimise = (struct fus_optimise){.rule = rule, .nesterov = true, .momentum = 0.9, .decay = sgd ? 5e-4 : 0.05,
                                                .beta1 = 0.9, .beta2 = 0.98, .epsilon = 1e-6};
    struct fus_train *t = create(f);
    for (int i = 0; t && i < 2; i++) {
        gradients(t, f, &r);
        fus_train_update(t, sgd ? 0.1 : 0.002, sgd ? 0.1 : 0.002);
    }
    if (t)
        compare(t, &f->golden, sgd ? "sgd/" : "adam/", FUS_TRAIN_VALUE, family);
    fus_train_destroy(t);
}

static void test_family(const char *family)
{
    struct fixture f;
    struct fus_train_result r;
    if (!set_up(&f, family)) {
        CHECK_MSG(false, "tests/golden/train_%s.bin", family);
        return;
    }
    struct fus_train *t = create(&f);
    if (t) {
        gradients(t, &f, &r);
        double want = find(&f.golden, "", "loss")->values[0];
        CHECK_MSG(fabs(r.loss - want) <= 2e-6 * want, "%s: loss %.9g, want %.9g", family, r.loss, want);
        compare(t, &f.golden, "g/", FUS_TRAIN_GRADIENT, family);
        compare(t, &f.golden, "s/", FUS_TRAIN_VALUE, family);
    }
    fus_train_destroy(t);
    compare_updates(&f, FUS_OPTIMISE_SGD, family);
    compare_updates(&f, FUS_OPTIMISE_ADAMW, family);
    tear_down(&f);
}

static const char *const families[] = {"basic", "bottleneck", "cifar", "lang", "lang2", "mse", "clip", "frozen"};
#define N_FAMILIES ((int)(sizeof families / sizeof *families))

int main(void)
{
    for (int i = 0; i < N_FAMILIES; i++)
        test_family(families[i]);
    printf("largest error: %.1e of a tensor's largest value\n", largest_error);
    return test_end();
}
