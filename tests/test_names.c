/* SPDX-License-Identifier: MIT */
/* weights/names.c: real networks by their names and shapes alone, wrappers, and
 * what must be refused.
 *
 * Networks come from tests/golden/weights_names.txt (torchvision, transformers' and OpenAI's
 * naming; weights_make.py) and from nn's own tables. A file with their names and shapes is made of
 * holes: it takes no room on the disk. */
#define _XOPEN_SOURCE 700
#include "weights_help.h"

struct entry {
    char name[160];
    char shape[40]; /* "64,3,7,7" */
    size_t n;
};

struct list {
    struct entry e[2000];
    size_t n;
};

static struct list list;

static void add(const char *name, const char *shape)
{
    struct entry *e = &list.e[list.n++];
    snprintf(e->name, sizeof e->name, "%s", name);
    snprintf(e->shape, sizeof e->shape, "%s", strcmp(shape, "scalar") == 0 ? "" : shape);
    e->n = 1;
    for (char *p = e->shape; *p; p++)
        if (*p == 'x')
            *p = ',';
    for (const char *p = e->shape; *p; p += strcspn(p, ",") + (strchr(p, ',') != NULL))
        e->n *= (size_t)atol(p);
}

static int add_parameter(void *context, const char *name, const int *shape, int n_dims)
{
    char text[40] = "";
    (void)context;
    for (int d = 0; d < n_dims; d++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%d", d ? "x" : "", shape[d]);
    add(name, text);
    return 0;
}

/* The section "# NETWORK" of the golden list. */
static void load(const char *network)
{
    char line[300], name[200], shape[60];
    bool inside = false;
    FILE *f = fopen("tests/golden/weights_names.txt", "r");
    list.n = 0;
    while (f && fgets(line, sizeof line, f)) {
        line[strcspn(line, "\n")] = '\0';
        if (line[0] == '#')
            inside = strcmp(line + 2, network) == 0;
        else if (inside && sscanf(line, "%199s %59s", name, shape) == 2)
            add(name, shape);
    }
    if (f)
        fclose(f);
    CHECK_MSG(list.n > 0, "%s", network);
}

static void from_spec(const struct fus_net_spec *spec)
{
    struct fus_error err;
    list.n = 0;
    CHECK(fus_arch_parameters(spec, add_parameter, NULL, &err) == 0);
}

static struct entry *named(const char *name)
{
    for (size_t i = 0; i < list.n; i++)
        if (strcmp(list.e[i].name, name) == 0)
            return &list.e[i];
    fprintf(stderr, "the list has no %s\n", name);
    exit(1);
}

static void drop(const char *name)
{
    struct entry *e = named(name);
    memmove(e, e + 1, (size_t)(&list.e[--list.n] - e) * sizeof *e);
}

/* The list as a safetensors file of U8; every name with the prefix. */
static const char *save(const char *prefix, const char *metadata)
{
    static char text[400000];
    const char *path = help_path("names.safetensors");
    size_t n = 8, at = 0;
    n += (size_t)sprintf(text + n, "{\"__metadata__\":{%s}", metadata);
    for (size_t i = 0; i < list.n; i++) {
        n += (size_t)sprintf(text + n, ",\"%s%s\":{\"dtype\":\"U8\",\"shape\":[%s],\"data_offsets\":[%zu,%zu]}", prefix,
                             list.e[i].name, list.e[i].shape, at, at + list.e[i].n);
        at += list.e[i].n;
    }
    text[n++] = '}';
    for (int i = 0; i < 8; i++)
        text[i] = (char)((uint64_t)(n - 8) >> 8 * i);
    help_write(path, text, n);
    CHECK(truncate(path, (off_t)(n + at)) == 0);
    return path;
}

/* Recognise the list; code and err as from fus_open_weights or fus_names_recognise,
 * whichever fails first. */
static int recognise(struct fus_net_spec *spec, const char *prefix, const char *lang_head, const char *metadata,
                     struct fus_error *err)
{
    struct fus_store *s;
    const char *path = save(prefix, metadata);
    int code = fus_open_weights(&s, path, err);
    if (!code) {
        code = fus_names_recognise(spec, s, lang_head, err);
        fus_store_close(s);
    }
    if (code) { /* the message without the name of the temporary file */
        CHECK_MSG(strncmp(err->msg, path, strlen(path)) == 0, "%s", err->msg);
        memmove(err->msg, err->msg + strlen(path), strlen(err->msg + strlen(path)) + 1);
    }
    remove(path);
    return code;
}

static void expect(const struct fus_net_spec *want, const char *prefix)
{
    struct fus_net_spec got;
    struct fus_error err;
    char a[200], b[200];
    if (!HELP_CHECK(recognise(&got, prefix, NULL, "", &err) == 0, "%s", err.msg))
        return;
    fus_networks_describe(a, sizeof a, &got);
    fus_networks_describe(b, sizeof b, want);
    CHECK_MSG(memcmp(&got, want, sizeof got) == 0, "%s, want %s", a, b);
}

static void expect_refusal(const char *message)
{
    struct fus_net_spec spec;
    struct fus_error err = {0};
    CHECK_MSG(recognise(&spec, "", NULL, "", &err) != 0, "accepted, want %s", message);
    CHECK_MSG(strstr(err.msg, message), "%s\n    want %s", err.msg, message);
}

static void test_own_tables(void)
{
    static const char *const names[] = {"resnet18",   "resnet34",       "resnet50",       "resnet101",
                                        "resnet152",  "lang_resnet18",  "lang_resnet50",  "clip_rn50",
                                        "clip_rn101", "cifar_resnet20", "cifar_resnet110"};
    static const char *const prefixes[] = {
        "", "module.", "state_dict.module.", "model.backbone.", "model_state_dict.", "model.module.visual."};
    struct fus_net_spec want;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        CHECK(fus_networks_named(&want, names[i], NULL) == 0);
        from_spec(&want);
        expect(&want, prefixes[i % 6]);
    }
    CHECK(fus_networks_named(&want, "resnet50", NULL) == 0);
    from_spec(&want);
    drop("fc.weight");
    drop("fc.bias");
    want.n_classes = 0;
    expect(&want, "");
}

static void test_published_names(void)
{
    struct fus_net_spec want;
    CHECK(fus_networks_named(&want, "resnet18", NULL) == 0);
    load("resnet18");
    expect(&want, "");
    CHECK(fus_networks_named(&want, "resnet50", NULL) == 0);
    load("resnet50");
    expect(&want, "state_dict.");
    load("hf_resnet50");
    expect(&want, "");
    for (int i = 0; i < 4; i++)
        want.width[i] *= 2;
    load("wide_resnet50_2");
    expect(&want, "");
    CHECK(fus_networks_named(&want, "clip_rn50", NULL) == 0);
    load("clip_RN50");
    expect(&want, "");
    static const int blocks[] = {4, 6, 10, 6};
    want.stem_channels = 80;
    want.input_side = 288;
    want.attn_grid = 9;
    want.attn_heads = 40;
    want.attn_dim = 640;
    for (int i = 0; i < 4; i++) {
        want.n_blocks[i] = blocks[i];
        want.width[i] = 80 << i;
        want.channels[i] = 320 << i;
    }
    load("clip_RN50x4");
    expect(&want, "");
    CHECK(fus_networks_named(&want, "alexnet", NULL) == 0);
    load("alexnet");
    expect(&want, "module.");
    CHECK(fus_networks_named(&want, "resnext50_32x4d", NULL) == 0);
    load("resnext50_32x4d");
    expect(&want, "");
    CHECK(fus_networks_named(&want, "wide_resnet50_2", NULL) == 0);
    load("wide_resnet50_2");
    expect(&want, "");
    static const char *const chains[] = {"vgg11",    "vgg13_bn",         "vgg16",        "vgg19_bn", "cornet_s",
                                         "cornet_z", "resnext101_64x4d", "convnext_tiny"};
    for (int i = 0; i < 8; i++) {
        CHECK(fus_networks_named(&want, chains[i], NULL) == 0);
        from_spec(&want);
        expect(&want, "");
    }
}

static void test_language_heads(void)
{
    struct fus_net_spec want, got;
    struct fus_error err;
    CHECK(fus_networks_named(&want, "lang_resnet18", NULL) == 0);
    want.lang_dim = 300;
    want.lang_hidden = 77;
    from_spec(&want);
    expect(&want, "module.");
    for (size_t i = 0; i < list.n; i++)
        if (strncmp(list.e[i].name, "lang_head.", 10) == 0)
            memcpy(list.e[i].name, "text_proj.", 10);
    CHECK_MSG(recognise(&got, "module.", "text_proj", "", &err) == 0 && memcmp(&got, &want, sizeof got) == 0, "%s",
              err.msg);
    CHECK(recognise(&got, "model.", "head", "", &err) == FUS_ENOTFOUND);
    CHECK_MSG(strstr(err.msg, "no tensor head.weight or head.0.weight for the language head; matrices are: fc.weight, "
                              "text_proj.0.weight"),
              "%s", err.msg);
    add("text_proj.1.weight", "77");
    CHECK(recognise(&got, "", "text_proj", "", &err) == FUS_EUNSUPPORTED);
    CHECK_MSG(strstr(err.msg, "tensor text_proj.1.weight: a language head is one linear layer"), "%s", err.msg);
    want.n_classes = 0; /* a network that has nothing but its embedding, called fc */
    want.lang_hidden = 0;
    from_spec(&want);
    for (size_t i = 0; i < list.n; i++)
        if (strncmp(list.e[i].name, "lang_head.", 10) == 0)
            snprintf(list.e[i].name, sizeof list.e[i].name, "fc.%s",
                     strcmp(list.e[i].name, "lang_head.bias") ? "weight" : "bias");
    CHECK_MSG(recognise(&got, "", "fc", "", &err) == 0 && memcmp(&got, &want, sizeof got) == 0, "%s", err.msg);
}

/* The text tower of a CLIP file, optimisers and averages do not disturb; two whole networks do. */
static void test_neighbours(void)
{
    struct fus_net_spec want;
    CHECK(fus_networks_named(&want, "clip_rn50", NULL) == 0);
    load("clip_RN50");
    add("positional_embedding", "77x512");
    add("transformer.resblocks.0.attn.in_proj_weight", "1536x512");
    add("conv1.weight", "1x1"); /* without `visual.` not the image tower's */
    add("layer1.0.strange", "3");
    add("logit_scale", "scalar");
    expect(&want, "");
    CHECK(fus_networks_named(&want, "cifar_resnet20", NULL) == 0);
    from_spec(&want);
    for (int i = 0; i < 2; i++)
        snprintf(named(i ? "fc.bias" : "fc.weight")->name, 160, "linear.%s", i ? "bias" : "weight");
    add("optimizer.state.layer1.0.conv1.weight", "16x16x3x3");
    add("model_ema.conv1.weight", "16x3x3x3");
    expect(&want, "");
    add("module.layer1.2.bn1.bias", "16");
    expect_refusal("tensors layer1.2.bn1.bias and module.layer1.2.bn1.bias both stand for layer1.2.bn1.bias");
}

/* The list once more, its names behind `prefix`; the first network's are behind `first`. */
static void double_list(const char *first, const char *prefix)
{
    size_t n = list.n;
    char name[160];
    for (size_t i = 0; i < n; i++) {
        struct entry *e = &list.e[list.n++];
        *e = list.e[i];
        snprintf(e->name, sizeof e->name, "%s%.100s", prefix, list.e[i].name);
        snprintf(name, sizeof name, "%s%.100s", first, list.e[i].name);
        memcpy(list.e[i].name, name, sizeof name);
    }
}

/* What --prefix PREFIX says: 0 and the canonical stem's own name, or what is wrong. */
static void expect_choice(const char *prefix, const char *stem, const char *message)
{
    struct fus_store *s;
    struct fus_error err = {0};
    const char *path = save("", "");
    if (!HELP_CHECK(fus_open_weights(&s, path, &err) == 0, "%s", err.msg))
        return;
    int code = fus_names_choose(s, prefix, &err);
    const struct fus_tensor *t = fus_store_find(s, "conv1.weight");
    CHECK_MSG((code == 0) == (stem != NULL), "%s: %s", prefix, err.msg);
    if (stem)
        CHECK_MSG(t && strcmp(t->name, stem) == 0, "%s: %s, want %s", prefix, t ? t->name : "none", stem);
    else
        CHECK_MSG(strstr(err.msg, message), "%s\n    want %s", err.msg, message);
    fus_store_close(s);
    remove(path);
}

static void expect_note(const char *want, const char *stem)
{
    struct fus_store *s;
    struct fus_error err = {0};
    const char *path = save("", "");
    if (!HELP_CHECK(fus_open_weights(&s, path, &err) == 0, "%s", err.msg))
        return;
    const char *note = fus_names_note(s);
    const struct fus_tensor *t = fus_store_find(s, "conv1.weight");
    CHECK_MSG(want ? note && strstr(note, want) : !note, "%s, want %s", note ? note : "no note", want ? want : "none");
    CHECK_MSG(t && strcmp(t->name, stem) == 0, "%s, want %s", t ? t->name : "none", stem);
    fus_store_close(s);
    remove(path);
}

/* Two networks in a file: one line that lists them, --prefix, averages behind plain weights. */
static void test_choice(void)
{
    struct fus_net_spec spec;
    CHECK(fus_networks_named(&spec, "cifar_resnet8", NULL) == 0);
    from_spec(&spec);
    double_list("module.encoder_q.", "module.encoder_k.");
    expect_note("averaged weights lie beside these: --prefix module.encoder_k", "module.encoder_q.conv1.weight");
    expect_choice("encoder_q", "module.encoder_q.conv1.weight", NULL);
    expect_choice("module.encoder_k.", "module.encoder_k.conv1.weight", NULL);
    expect_choice("encoder", NULL,
                  "--prefix encoder: no network lies there; networks lie under: module.encoder_q, module.encoder_k");
    expect_choice("", NULL, "no network lies there");
    from_spec(&spec);
    double_list("", "module.teacher._orig_mod.");
    expect_refusal("they lie under: \"\", module.teacher");
    expect_choice("", "conv1.weight", NULL);
    expect_choice("module", "conv1.weight", NULL);
    expect_choice("teacher", "module.teacher._orig_mod.conv1.weight", NULL);
    from_spec(&spec);
    double_list("state_dict.net.", "state_dict_ema.net.");
    expect_note("--prefix state_dict_ema.net", "state_dict.net.conv1.weight");
    expect_choice("net", "state_dict.net.conv1.weight", NULL);
    expect_choice("state_dict_ema", "state_dict_ema.net.conv1.weight", NULL);
    drop("state_dict_ema.net.layer1.0.conv2.weight"); /* not whole: no network */
    expect_note(NULL, "state_dict.net.conv1.weight");
    from_spec(&spec);
    double_list("cinema.", "system.");
    expect_refusal("they lie under: cinema, system");
    list.n = 0;
    for (int i = 0; i < 80; i++) { /* more beginnings than are looked at */
        char name[160];
        snprintf(name, sizeof name, "n%d.conv1.weight", i);
        add(name, "4x3x3x3");
        snprintf(name, sizeof name, "n%d.layer1.0.conv1.weight", i);
        add(name, "4x4x3x3");
    }
    expect_refusal("missing");
    expect_choice("n70", NULL, "no network lies there");
}

static void test_refusals(void)
{
    struct fus_net_spec spec;
    struct entry *e;
    load("resnext50_32x4d");
    e = named("layer3.0.conv2.weight");
    e->n /= 2;
    strcpy(e->shape, "512,8,3,3");
    expect_refusal("tensor layer3.0.conv2.weight: a convolution in groups of 8 channels; known are as many groups");
    load("resnext50_32x4d");
    e = named("layer1.0.conv2.weight");
    e->n = e->n / 4 * 3;
    strcpy(e->shape, "96,3,3,3");
    expect_refusal("layer1.0.conv2.weight: ");
    load("densenet121");
    expect_refusal("holds no network that is known: a DenseNet?; a ResNet (torchvision, CIFAR, CLIP, language head) "
                   "has conv1.weight");
    load("vit_b_16");
    expect_refusal("missing");
    load("alexnet");
    drop("classifier.6.weight");
    expect_refusal("AlexNet, VGG or one of that kind?");
    load("alexnet");
    drop("features.8.bias");
    expect_refusal(": tensor features.8.bias: missing");
    load("alexnet");
    drop("classifier.4.weight");
    expect_refusal(": tensor classifier.4.weight: missing");
    load("alexnet");
    add("features.9.weight", "256");
    expect_refusal("features.9.weight: the network that the others make up has no such layer");
    load("alexnet");
    e = named("classifier.1.weight");
    e->n /= 2;
    strcpy(e->shape, "4096,4608");
    expect_refusal(": tensor classifier.1.weight: a square of places of 256 channels in each row expected");
    load("resnet18");
    drop("layer3.0.downsample.1.running_var");
    expect_refusal(": tensor layer3.0.downsample.1.running_var: missing");
    load("resnet18");
    e = named("layer3.1.conv2.weight");
    e->n /= 2;
    strcpy(e->shape, "256,128,3,3");
    expect_refusal(": tensor layer3.1.conv2.weight: shape 256x256x3x3 expected, 256x128x3x3 found");
    load("resnet50");
    add("layer1.0.se.fc1.weight", "16x256");
    expect_refusal("tensor layer1.0.se.fc1.weight: not part of a ResNet that is known");
    load("resnet50");
    add("layer1.0.conv1.bias", "64");
    expect_refusal("tensor layer1.0.conv1.bias: not part of a ResNet that is known");
    load("resnet18");
    add("layer2.0.bn3.weight", "128");
    expect_refusal("tensor layer2.0.bn3.weight: the network that the others make up has no such layer");
    load("resnet18");
    add("layer5.0.conv1.weight", "512x512x3x3");
    expect_refusal("tensor layer5.0.conv1.weight: not part of a ResNet that is known");
    load("resnet18");
    e = named("conv1.weight");
    strcpy(e->shape, "64,3,5,5");
    e->n = 64 * 3 * 25;
    expect_refusal("tensor conv1.weight: Kx3x7x7 or Kx3x3x3 expected, 64x3x5x5 found");
    load("clip_RN50");
    drop("visual.attnpool.c_proj.weight");
    expect_refusal("tensor attnpool.c_proj.weight: missing");
    CHECK(fus_networks_named(&spec, "cifar_resnet20", NULL) == 0);
    from_spec(&spec);
    drop("layer1.0.conv2.weight");
    expect_refusal("tensor layer1.0.conv2.weight: missing");
    list.n = 0;
    expect_refusal("its 0 tensors are none");
}

static void test_input_side(void)
{
    struct fus_net_spec spec;
    struct fus_error err;
    load("resnet18");
    CHECK(recognise(&spec, "", NULL, "\"fusiform.input\":\"192\"", &err) == 0 && spec.input_side == 192);
    CHECK(recognise(&spec, "", NULL, "\"fusiform.input\":\"192px\"", &err) == FUS_EFORMAT);
    CHECK(strstr(err.msg, "metadata fusiform.input: a number of pixels expected, '192px' found"));
    load("clip_RN50");
    CHECK(recognise(&spec, "", NULL, "\"fusiform.input\":\"288\"", &err) == FUS_EUNSUPPORTED);
}

int main(void)
{
    test_own_tables();
    test_published_names();
    test_language_heads();
    test_neighbours();
    test_choice();
    test_refusals();
    test_input_side();
    return test_end();
}
