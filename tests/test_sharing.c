/* SPDX-License-Identifier: MIT */
/* Networks of short layers, whose threads share out pictures (sharing.c): every tap the same bits
 * as with one picture and one thread, for any number of pictures and threads; the same after a
 * change of a layer; the first failure is reported. */
#include "nn/base/bits.h"
#include "nn/base/rng.h"
#include "nn/nn.h"
#include "tests/named_weights.h"
#include "tests/test.h"

enum { MOST = 13, TAPS = 64 };

/* A picture's taps, digested: the sum of their bits, times their places. */
struct seen {
    const struct fus_net *net;
    uint64_t digest[MOST][TAPS];
    int base;       /* number of the pass's first picture */
    int tap, layer; /* the tap at which `refuse` fails; whose units `silence` changes */
    float *input;
    float *kept; /* of `keep` */
};

static uint64_t digest(const float *v, size_t n)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < n; i++)
        sum = sum * 1099511628211u + fus_bits_of_float(v[i]);
    return sum;
}

static size_t blocked_floats(const struct fus_net *net, int tap)
{
    const struct fus_tap *t = fus_net_tap(net, tap);
    return fus_tensor_blocked_size(t->channels, (size_t)t->height * (size_t)t->width);
}

static int see(void *context, int tap, int picture, const float *blocked)
{
    struct seen *s = context;
    s->digest[picture][tap] = digest(blocked, blocked_floats(s->net, tap));
    return FUS_OK;
}

static int refuse(void *context, int tap, int picture, const float *blocked)
{
    const struct seen *s = context;
    (void)blocked;
    return tap == s->tap && picture >= 4 ? 100 + picture : FUS_OK;
}

/* Silences units of a tap: another number of them in each picture. */
static int silence(void *context, int tap, int first, int n, float *blocked)
{
    const struct seen *s = context;
    size_t floats = blocked_floats(s->net, tap);
    for (int p = 0; p < n && tap == s->layer; p++)
        memset(blocked + (size_t)p * floats, 0, (size_t)(s->base + first + p + 1) * 16 * sizeof *blocked);
    return FUS_OK;
}

static int keep(void *context, int tap, int picture, const float *blocked)
{
    const struct seen *s = context;
    size_t floats = blocked_floats(s->net, tap);
    if (tap == s->layer)
        memcpy(s->kept + (size_t)picture * floats, blocked, floats * sizeof *blocked);
    return FUS_OK;
}

static struct fus_net *create(const char *name, int threads, int batch, int apart)
{
    struct fus_net_spec spec;
    struct fus_error err = {0};
    struct fus_net *net = NULL;
    const struct fus_net_options options = {.batch = batch, .apart = apart};
    fus_base_set_threads(threads);
    CHECK(fus_networks_named(&spec, name, &err) == FUS_OK);
    CHECK(fus_net_create(&net, &spec, &options, named_weights, NULL, &err) == FUS_OK);
    return net;
}

/* What each picture gives alone, on one thread. */
static void see_alone(struct seen *s, fus_batch_fn watch)
{
    bool all[TAPS];
    memset(all, 1, sizeof all);
    struct fus_net *net = create("cifar_resnet8", 1, 1, MOST);
    s->net = net;
    CHECK(!fus_net_is_apart(net) && fus_net_batch(net) == 1);
    for (int p = 0; p < MOST; p++) {
        struct seen *one = calloc(1, sizeof *one);
        one->net = net;
        one->layer = s->layer;
        one->base = p;
        fus_net_watch(net, watch, one);
        CHECK(fus_net_forward(net, s->input + p * 3 * 32 * 32, 1, all, see, one, NULL) == FUS_OK);
        memcpy(s->digest[p], one->digest[0], sizeof s->digest[p]);
        free(one);
    }
    fus_net_destroy(net);
}

static void check_digests(const struct seen *found, const struct seen *expected, int n, int from, int n_taps)
{
    bool same = true;
    for (int p = 0; p < n; p++)
        for (int tap = from; tap < n_taps; tap++)
            same = same && found->digest[p][tap] == expected->digest[p][tap];
    CHECK(same);
}

static void test_same_bits(const struct seen *expected, fus_batch_fn watch)
{
    static const int numbers[] = {1, 2, 3, 5, 8, MOST};
    bool all[TAPS];
    memset(all, 1, sizeof all);
    for (int threads = 2; threads <= 5; threads++) {
        struct fus_net *net = create("cifar_resnet8", threads, 1, MOST);
        CHECK(fus_net_is_apart(net) == (threads == fus_base_threads()));
        for (size_t i = 0; i < sizeof numbers / sizeof *numbers && fus_net_batch(net) == MOST; i++) {
            struct seen *found = calloc(1, sizeof *found);
            found->net = net;
            found->layer = expected->layer;
            fus_net_watch(net, watch, found);
            CHECK(fus_net_forward(net, expected->input, numbers[i], all, see, found, NULL) == FUS_OK);
            check_digests(found, expected, numbers[i], 0, fus_net_n_taps(net));
            free(found);
        }
        fus_net_destroy(net);
    }
}

/* The layers after a tap alone, from copies of its output. */
static void test_continue(const struct seen *expected)
{
    bool all[TAPS];
    memset(all, 1, sizeof all);
    struct fus_net *net = create("cifar_resnet8", 3, MOST, MOST);
    struct seen *found = calloc(1, sizeof *found);
    int tap = fus_net_find_tap(net, "layer2.0.relu", NULL);
    found->net = net;
    found->layer = tap;
    found->kept = malloc(MOST * blocked_floats(net, tap) * sizeof *found->kept);
    CHECK(fus_net_forward(net, expected->input, MOST, all, keep, found, NULL) == FUS_OK);
    CHECK(fus_net_continue(net, tap, found->kept, MOST, all, see, found, NULL) == FUS_OK);
    check_digests(found, expected, MOST, tap, fus_net_n_taps(net));
    free(found->kept);
    free(found);
    fus_net_destroy(net);
}

/* Of several failures the one of the first pictures; a stop is one, too. */
static void test_failure(const struct seen *expected)
{
    bool all[TAPS];
    struct fus_error err = {0};
    memset(all, 1, sizeof all);
    struct fus_net *net = create("cifar_resnet8", 4, MOST, MOST);
    struct seen found = {.net = net, .tap = 2};
    int code = fus_net_forward(net, expected->input, MOST, all, refuse, &found, &err);
    CHECK(code == 104);
    CHECK(fus_net_forward(net, expected->input, MOST + 1, all, refuse, &found, &err) == FUS_EINVAL);
    fus_net_destroy(net);
}

/* Long layers, one thread and low memory: the threads share out layers. */
static void test_rule(void)
{
    static const struct {
        const char *name;
        bool apart;
    } rule[] = {{"cifar_resnet20", true}, {"cifar_resnet110", true}, {"resnet18", false},
                {"clip_rn50", false},     {"alexnet", false},        {"clip_vit_b32", false}};
    fus_base_set_threads(2);
    for (size_t i = 0; i < sizeof rule / sizeof *rule && fus_base_threads() == 2; i++) {
        struct fus_net_spec spec;
        struct fus_net *net = NULL;
        struct fus_net_options options = {.batch = 2, .apart = 8, .resting = true};
        CHECK(fus_networks_named(&spec, rule[i].name, NULL) == FUS_OK);
        CHECK(fus_net_create(&net, &spec, &options, named_weights, NULL, NULL) == FUS_OK);
        CHECK(fus_net_is_apart(net) == rule[i].apart && fus_net_batch(net) == (rule[i].apart ? 8 : 2));
        fus_net_destroy(net);
        options.low_memory = true;
        CHECK(fus_net_create(&net, &spec, &options, named_weights, NULL, NULL) == FUS_OK);
        CHECK(!fus_net_is_apart(net));
        fus_net_destroy(net);
    }
}

int main(void)
{
    struct seen *plain = calloc(1, sizeof *plain), *changed = calloc(1, sizeof *changed);
    struct fus_rng r;
    fus_rng_seed(&r, 5);
    plain->input = changed->input = malloc(MOST * 3 * 32 * 32 * sizeof(float));
    for (int i = 0; i < MOST * 3 * 32 * 32; i++)
        plain->input[i] = (float)fus_rng_normal(&r);
    changed->layer = 3;
    see_alone(plain, NULL);
    see_alone(changed, silence);
    CHECK(plain->digest[0][3] != changed->digest[0][3] && plain->digest[0][2] == changed->digest[0][2]);
    test_same_bits(plain, NULL);
    test_same_bits(changed, silence);
    test_continue(plain);
    test_failure(plain);
    test_rule();
    free(plain->input);
    free(plain);
    free(changed);
    return test_end();
}
