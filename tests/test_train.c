/* SPDX-License-Identifier: MIT */
/* Training gives the same bits whatever runs it; frozen parts, updates, refusals.
 * tests/test_train_steps.c holds its values to PyTorch's. */
#include "train_steps.h"

#include "nn/kernel/kernels.h"
#include "nn/train/train.h"

#define TOLERANCE 2e-5 /* of each tensor's largest value */

struct fixture {
    const struct family *family;
    struct family_batch pictures;
    struct fus_train_options options;
    struct fus_train_batch batch;
};

static const struct fus_optimise sgd = {.rule = FUS_OPTIMISE_SGD, .nesterov = true, .momentum = 0.9, .decay = 5e-4};

static void set_up(struct fixture *f, const char *name)
{
    static const enum fus_train_language language[] = {FUS_TRAIN_COSINE, FUS_TRAIN_COSINE, FUS_TRAIN_MSE,
                                                       FUS_TRAIN_INFONCE, FUS_TRAIN_INFONCE};
    memset(f, 0, sizeof *f);
    for (int i = 0; i < N_FAMILIES; i++)
        if (strcmp(families[i].name, name) == 0)
            f->family = &families[i];
    struct family_batch *b = &f->pictures;
    family_make_batch(b, f->family);
    f->batch = (struct fus_train_batch){FAMILY_BATCH, b->input, b->label, b->target, b->words, b->word_start};
    bool clip = f->family->language == FAMILY_CONTRASTIVE;
    f->options = (struct fus_train_options){.batch = FAMILY_BATCH,
                                            .frozen_norms = f->family->frozen_norms,
                                            .smooth = FAMILY_SMOOTH,
                                            .contrastive = clip,
                                            .n_words = FAMILY_WORDS,
                                            .optimise = sgd};
    f->options.classify_weight = clip ? 0 : 1;
    f->options.language_weight = clip ? 1 : f->family->language == FAMILY_NONE ? 0 : FAMILY_LANGUAGE_WEIGHT;
    f->options.language = language[f->family->language];
}

static struct fus_train *create(struct fixture *f)
{
    struct fus_error err;
    struct fus_train *t = NULL;
    int code = fus_train_create(&t, &f->family->spec, &f->options, family_parameter,
                                (void *)(uintptr_t)&f->family->spec, &err);
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

/* Every parameter that the file knows. */
static void compare(struct fus_train *t, const char *what, enum fus_train_tensor which, const char *family)
{
    int n_compared = 0;
    for (int i = 0; i < fus_train_n_parameters(t); i++) {
        const struct fus_train_parameter *p = fus_train_parameter(t, i);
        if (!fus_train_has(t, i, which) || p->statistic != (strcmp(what, "stat") == 0))
            continue;
        float *got = malloc(p->n * sizeof *got);
        double *x = malloc(p->n * sizeof *x);
        fus_train_get(got, t, i, which);
        for (size_t j = 0; j < p->n; j++)
            x[j] = got[j];
        double error = family_difference(family, what, p->name, x, p->n);
        CHECK_MSG(error <= TOLERANCE, "%s %s %s: error %g", family, what, p->name, error);
        largest_error = fmax(largest_error, error);
        n_compared += error >= 0;
        free(got);
        free(x);
    }
    CHECK_MSG(n_compared > 10 || strcmp(family, "frozen") == 0, "%s %s: %d compared", family, what, n_compared);
}

/* ---- the same bits ---- */

#define MANY 11 /* pictures: more than the 8 chains of a weight's sum */

/* A batch of MANY pictures of the family's network. */
static void enlarge(struct fixture *f)
{
    static float input[MANY * 3 * 32 * 32], target[MANY * FAMILY_LANGUAGE];
    static int label[MANY], words[MANY * 3], starts[MANY + 1];
    for (size_t i = 0; i < sizeof input / sizeof *input; i++)
        input[i] = (float)family_value(77, i);
    for (size_t i = 0; i < MANY * FAMILY_LANGUAGE; i++)
        target[i] = (float)family_value(78, i);
    for (int i = 0; i < MANY; i++) {
        label[i] = i * 3 % FAMILY_CLASSES;
        starts[i + 1] = 3 * (i + 1);
        for (int j = 0; j < 3; j++)
            words[3 * i + j] = (i + j * j) % FAMILY_WORDS;
    }
    f->batch = (struct fus_train_batch){MANY, input, label, target, words, starts};
    f->options.batch = MANY;
}

static uint64_t hash_of(uint64_t h, const void *data, size_t n)
{
    for (size_t i = 0; i < n; i++)
        h = (h ^ ((const uint8_t *)data)[i]) * 1099511628211u;
    return h;
}

/* Of values, gradients and momentum after two steps; 0: could not be made. */
static uint64_t hash_steps(struct fixture *f, int *recomputed, size_t *bytes)
{
    struct fus_train *t = NULL;
    struct fus_train_result r;
    struct fus_error err;
    uint64_t h = 14695981039346656037u;
    if (fus_train_create(&t, &f->family->spec, &f->options, family_parameter, (void *)(uintptr_t)&f->family->spec,
                         &err))
        return 0;
    for (int i = 0; i < 2; i++) {
        gradients(t, f, &r);
        h = hash_of(h, &r.loss, sizeof r.loss);
        fus_train_update(t, 0.05, 0.1);
    }
    for (int i = 0; i < fus_train_n_parameters(t); i++)
        for (int which = FUS_TRAIN_VALUE; which <= FUS_TRAIN_AVERAGE; which++) {
            size_t n = fus_train_parameter(t, i)->n;
            float *got = malloc(n * sizeof *got);
            if (fus_train_has(t, i, (enum fus_train_tensor)which)) {
                fus_train_get(got, t, i, (enum fus_train_tensor)which);
                h = hash_of(h, got, n * sizeof *got);
            }
            free(got);
        }
    if (recomputed)
        *recomputed = fus_train_recomputed_blocks(t);
    if (bytes)
        *bytes = fus_train_bytes(t);
    fus_train_destroy(t);
    return h;
}

static void same_bits_of_isas(struct fixture *f, uint64_t want, const char *family)
{
    static const char *const isas[] = {"scalar", "avx2", "avx512", "neon"};
    for (int i = 0; i < 4; i++) {
        f->options.isa = isas[i];
        if (fus_kernels_pick(isas[i], NULL))
            CHECK_MSG(hash_steps(f, NULL, NULL) == want, "%s: %s", family, isas[i]);
    }
    f->options.isa = NULL;
}

static void same_bits_of_threads(struct fixture *f, uint64_t want, const char *family)
{
    static const int threads[] = {1, 2, 7};
    int before = fus_base_threads();
    for (int i = 0; i < 3; i++) {
        fus_base_set_threads(threads[i]);
        CHECK_MSG(hash_steps(f, NULL, NULL) == want, "%s: %d threads", family, threads[i]);
    }
    fus_base_set_threads(before);
}

static int most_blocks; /* that ran again, of all networks */

/* Less and less memory until training no longer fits. */
static void same_bits_of_memory(struct fixture *f, uint64_t want, size_t bytes, const char *family)
{
    int most = 0, blocks = 0;
    uint64_t h = want;
    for (int i = 0; i < 200 && h; i++) {
        f->options.max_memory = bytes;
        h = hash_steps(f, &blocks, &bytes);
        CHECK_MSG(!h || h == want, "%s: %zu bytes, %d blocks", family, bytes, blocks);
        CHECK(!h || bytes <= f->options.max_memory);
        most = h && blocks > most ? blocks : most;
        bytes -= 1;
    }
    CHECK_MSG(h == 0, "%s: no end of plans", family);
    f->options.max_memory = 0;
    most_blocks = most > most_blocks ? most : most_blocks;
}

static void same_bits_of_parts(struct fixture *f, uint64_t want, const char *family)
{
    static const int parts[] = {1, 3, 8, 10, 64};
    for (int i = 0; i < 5; i++) {
        f->options.micro_batch = parts[i];
        CHECK_MSG(hash_steps(f, NULL, NULL) == want, "%s: %d pictures at a time", family, parts[i]);
    }
    f->options.micro_batch = 0;
}

/* The hashes are those of every machine and compiler. */
static void test_bits(const char *family, uint64_t committed)
{
    struct fixture f;
    size_t bytes = 0;
    set_up(&f, family);
    enlarge(&f);
    uint64_t want = hash_steps(&f, NULL, &bytes);
    CHECK_MSG(want == committed, "%s: 0x%016llxu", family, (unsigned long long)want);
    same_bits_of_isas(&f, want, family);
    same_bits_of_threads(&f, want, family);
    same_bits_of_memory(&f, want, bytes, family);
    f.options.frozen_norms = true;
    same_bits_of_parts(&f, hash_steps(&f, NULL, NULL), family);
}

/* Winograd's algorithm rounds otherwise: gradients are near the direct ones, and have one
 * result everywhere too. */
static void test_winograd(const char *family)
{
    struct fixture f;
    struct fus_train_result r;
    set_up(&f, family);
    f.options.winograd = true;
    struct fus_train *t = create(&f);
    if (t) {
        gradients(t, &f, &r);
        compare(t, "grad", FUS_TRAIN_GRADIENT, family);
    }
    fus_train_destroy(t);
    enlarge(&f);
    size_t bytes;
    uint64_t want = hash_steps(&f, NULL, &bytes);
    f.options.winograd = false;
    CHECK(hash_steps(&f, NULL, NULL) != want);
    f.options.winograd = true;
    same_bits_of_isas(&f, want, family);
    same_bits_of_threads(&f, want, family);
    same_bits_of_memory(&f, want, bytes, family);
}

/* ---- rates, updates, what is refused ---- */

static void test_schedule(void)
{
    struct fus_schedule s = {.kind = FUS_SCHEDULE_COSINE, .rate = 0.4, .warm_up = 4, .n_steps = 20};
    CHECK(fus_schedule_rate(&s, 0) == 0.1 && test_close(fus_schedule_rate(&s, 2), 0.3, 1e-15));
    CHECK(test_close(fus_schedule_rate(&s, 12), 0.2, 1e-15) && fus_schedule_rate(&s, 20) == 0);
    CHECK(test_close(fus_schedule_rate(&s, 8), 0.4 * (1 + sqrt(0.5)) / 2, 1e-15));
    s = (struct fus_schedule){.kind = FUS_SCHEDULE_STEP, .rate = 1, .n_steps = 9, .at = {3, 6}, .n_at = 2};
    CHECK(fus_schedule_rate(&s, 2) == 1 && fus_schedule_rate(&s, 3) == 0.1 &&
          test_close(fus_schedule_rate(&s, 8), 0.01, 1e-15));
    s.kind = FUS_SCHEDULE_CONSTANT;
    CHECK(fus_schedule_rate(&s, 8) == 1);
}

static bool only_heads(void *context, const char *name)
{
    (void)context;
    return strncmp(name, "fc.", 3) == 0 || strncmp(name, "layer2", 6) == 0;
}

static uint64_t hash_value(const struct fus_train *t, int i)
{
    float got[4096];
    CHECK(fus_train_parameter(t, i)->n <= 4096);
    fus_train_get(got, t, i, FUS_TRAIN_VALUE);
    return hash_of(0, got, fus_train_parameter(t, i)->n * sizeof *got);
}

/* What is frozen keeps its bytes, running statistics too; the rest has the gradients
 * that it always has. */
static void test_frozen_part(void)
{
    struct fixture f;
    struct fus_train_result r;
    uint64_t before[200];
    set_up(&f, "bottleneck");
    f.options.trained = only_heads;
    struct fus_train *t = create(&f);
    int n = t ? fus_train_n_parameters(t) : 0;
    for (int i = 0; i < n; i++)
        before[i] = hash_value(t, i);
    if (t)
        gradients(t, &f, &r), fus_train_update(t, 0.1, 0.1);
    for (int i = 0; i < n; i++) {
        const struct fus_train_parameter *p = fus_train_parameter(t, i);
        bool moves = only_heads(NULL, p->name), statistic = p->statistic;
        CHECK_MSG((hash_value(t, i) != before[i]) == moves, "%s", p->name);
        CHECK(p->trained == (moves && !statistic) && fus_train_has(t, i, FUS_TRAIN_GRADIENT) == p->trained);
    }
    fus_train_destroy(t);
}

/* One batch, learned by heart. */
static void test_overfits(void)
{
    struct fixture f;
    struct fus_train_result r = {0};
    set_up(&f, "bottleneck");
    f.options.smooth = 0;
    struct fus_train *t = create(&f);
    for (int i = 0; t && i < 100; i++) {
        gradients(t, &f, &r);
        fus_train_update(t, 0.1, 0.1);
    }
    CHECK_MSG(r.loss < 0.01 && r.n_correct == FAMILY_BATCH, "loss %g, %d right", r.loss, r.n_correct);
    fus_train_destroy(t);
}

/* Clipped gradients have the asked norm; an average follows by 1 - ema; NaN is found. */
static void test_update_options(void)
{
    struct fixture f;
    struct fus_train_result r;
    double worst;
    set_up(&f, "lang");
    f.options.optimise.clip_norm = 0.01;
    f.options.optimise.ema = 0.75;
    struct fus_train *t = create(&f);
    if (!t)
        return;
    gradients(t, &f, &r);
    CHECK(fus_train_norm(t) > 0.1 && fus_train_worst(t, &worst)[0] && worst > 0);
    float before[4096], after[4096], average[4096];
    int i = fus_train_n_parameters(t) - 1;
    fus_train_get(before, t, i, FUS_TRAIN_VALUE);
    fus_train_update(t, 0.1, 0.1);
    CHECK_MSG(test_close(fus_train_norm(t), 0.01, 1e-5), "%g", fus_train_norm(t));
    fus_train_get(after, t, i, FUS_TRAIN_VALUE);
    fus_train_get(average, t, i, FUS_TRAIN_AVERAGE);
    CHECK(average[0] == fmaf(0.25f, after[0] - before[0], before[0]));
    CHECK(fus_train_n_updates(t) == 1);
    f.pictures.input[0] = NAN;
    gradients(t, &f, &r);
    CHECK(isnan(r.loss) && isinf((fus_train_worst(t, &worst), worst)));
    fus_train_destroy(t);
}

static void refused(struct fixture *f, int code, const char *part)
{
    struct fus_error err = {0};
    struct fus_train *t = NULL;
    int got = fus_train_create(&t, &f->family->spec, &f->options, family_parameter, (void *)(uintptr_t)&f->family->spec,
                               &err);
    CHECK_MSG(got == code && strstr(err.msg, part), "%d: %s", got, err.msg);
    fus_train_destroy(t);
}

static void test_refusals(void)
{
    struct fixture f;
    struct fus_train_result r;
    struct fus_error err;
    set_up(&f, "basic");
    f.options.max_memory = 1000;
    refused(&f, FUS_ELIMIT, "1000 are allowed");
    f.options.max_memory = 0;
    f.options.micro_batch = 2;
    refused(&f, FUS_EINVAL, "frozen");
    f.options.micro_batch = 0;
    f.options.classify_weight = 0;
    refused(&f, FUS_EINVAL, "nothing to learn");
    f.options.classify_weight = 1;
    struct fus_train *t = create(&f);
    f.pictures.label[2] = FAMILY_CLASSES;
    CHECK(t && fus_train_gradients(t, &r, &f.batch, &err) == FUS_EINVAL && strstr(err.msg, "label 5 of picture 2"));
    f.batch.n = FAMILY_BATCH + 1;
    CHECK(t && fus_train_gradients(t, &r, &f.batch, &err) == FUS_EINVAL);
    fus_train_destroy(t);
    for (int n = 1; n < 40; n++) {
        struct fus_train *none = NULL;
        fus_base_fail_allocation(n);
        int code = fus_train_create(&none, &f.family->spec, &f.options, family_parameter,
                                    (void *)(uintptr_t)&f.family->spec, &err);
        fus_base_fail_allocation(0);
        CHECK(code == FUS_OK || (code == FUS_ENOMEM && !none));
        fus_train_destroy(none);
    }
}

int main(void)
{
    test_schedule();
    test_frozen_part();
    test_overfits();
    test_update_options();
    test_refusals();
    test_bits("basic", 0x37a09382692e29fbu);
    test_bits("lang2", 0x97b7c09f37fcb80du);
    test_bits("cifar", 0x27f8a24707d4fe80u);
    test_bits("clip", 0x1fa66601a16a700cu);
    test_bits("bottleneck", 0xd4a243a0c55595acu);
    test_bits("infonce", 0x17fb1ea1bdfa2d10u);
    test_winograd("cifar");
    test_winograd("clip");
    CHECK_MSG(most_blocks > 0, "%d blocks", most_blocks);
    printf("largest error: %.1e of a tensor's largest value\n", largest_error);
    return test_end();
}
