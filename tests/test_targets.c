/* SPDX-License-Identifier: MIT */
/* analysis/train/targets.c: what --language can say; vectors of unit length from training captions
 * alone; controls that keep what they should: one vector a class, a permutation inside each class,
 * held-out pictures with their own captions. */
#include "analysis/train/targets.h"

#include "tests/test.h"

static struct fus_error err;
static const char set[] = "builtin?per_category=20&seed=3&side=32&categories=adult,car,word";

static void test_parse(void)
{
    struct fus_targets_spec s;
    CHECK(fus_targets_parse(&s, "lsa", &err) == 0 && s.kind == FUS_TARGETS_LSA && s.dim == 0 && !s.control);
    CHECK(fus_targets_parse(&s, "class:lsa:7", &err) == 0 && s.dim == 7 && s.control == FUS_TARGETS_CLASS);
    CHECK(fus_targets_parse(&s, "shuffled", &err) == 0 && s.kind == FUS_TARGETS_LSA &&
          s.control == FUS_TARGETS_SHUFFLED);
    CHECK(fus_targets_parse(&s, "shuffled:a/b.vec", &err) == 0 && strcmp(s.path, "a/b.vec") == 0);
    CHECK(fus_targets_parse(&s, "random:3", &err) == 0 && s.kind == FUS_TARGETS_RANDOM && s.dim == 3);
    CHECK(fus_targets_parse(&s, "clip:RN50.pt", &err) == 0 && s.kind == FUS_TARGETS_CLIP &&
          strcmp(s.path, "RN50.pt") == 0 && s.control == FUS_TARGETS_AS_THEY_ARE);
    CHECK(fus_targets_parse(&s, "class:clip:a/b.pt", &err) == 0 && s.kind == FUS_TARGETS_CLIP &&
          strcmp(s.path, "a/b.pt") == 0 && s.control == FUS_TARGETS_CLASS);
    CHECK(fus_targets_parse(&s, "shuffled:clip:b.pt", &err) == 0 && s.control == FUS_TARGETS_SHUFFLED);
    CHECK(fus_targets_parse(&s, "clip:", &err) == FUS_EINVAL);
    static const char *const wrong[] = {"",       "lsa:",         "lsa:0",          "lsa:x", "random:20000",
                                        "class:", "class:random", "shuffled:class", "glove", ".txt",
                                        "lsax",   "classes"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        CHECK_MSG(fus_targets_parse(&s, wrong[i], &err) == FUS_EINVAL, "%s", wrong[i]);
}

static bool open_feed(struct fus_feed *f)
{
    struct fus_feed_options o = {.seed = 1, .n_fresh = 2};
    CHECK(fus_preprocess_parse(&o.preprocess, "resize=32,interp=bilinear,crop=32,mean=.5/.5/.5,std=.25/.25/.25",
                               &err) == 0);
    CHECK(fus_augment_parse(&o.augment, "none", &err) == 0);
    return fus_feed_open(f, set, &o, &err) == 0 && fus_feed_hold_out(f, 10, &err) == 0;
}

static bool make(struct fus_targets *t, const struct fus_feed *f, const char *language)
{
    struct fus_targets_spec spec;
    const struct fus_targets_request r = {.seed = 5};
    bool made = fus_targets_parse(&spec, language, &err) == 0 && fus_targets_make(t, &spec, &r, f, NULL, &err) == 0;
    CHECK_MSG(made, "%s: %s", language, err.msg);
    return made;
}

static void check_unit(const float *row, int dim)
{
    double sum = 0;
    for (int d = 0; d < dim; d++)
        sum += (double)row[d] * row[d];
    CHECK(fabs(sum - 1) < 1e-6);
}

static void test_lsa(const struct fus_feed *f)
{
    struct fus_targets t;
    if (!make(&t, f, "lsa:4"))
        return;
    CHECK(t.dim == 4 && t.side[0].n_texts == 2 * (size_t)f->n_items);
    for (int i = 0; i < f->n_items; i++) {
        check_unit(fus_targets_row(&t, 0, i, 0, false), t.dim);
        CHECK(fus_targets_text(&t, 0, i, 0, false) != fus_targets_text(&t, 0, i, 1, false)); /* drawn anew */
        CHECK(fus_targets_text(&t, 0, i, 2, false) == fus_targets_text(&t, 0, i, 0, false));
        CHECK(fus_targets_text(&t, 0, i, 1, true) == fus_targets_text(&t, 0, i, 0, true));
    }
    fus_targets_free(&t);
}

static void test_class(const struct fus_feed *f)
{
    struct fus_targets t;
    if (!make(&t, f, "class:lsa:4"))
        return;
    for (int c = 0; c < f->n_classes; c++)
        check_unit(t.classes + 4 * c, 4);
    for (int i = 0; i < f->n_items; i++)
        CHECK(fus_targets_row(&t, 0, i, (uint64_t)i, false) == t.classes + 4 * f->label[i]);
    fus_targets_free(&t);
}

static void test_shuffled(const struct fus_feed *f)
{
    struct fus_targets t, plain;
    bool seen[60] = {false};
    int moved = 0;
    if (!make(&t, f, "shuffled:lsa:4") || !make(&plain, f, "lsa:4"))
        return;
    for (int i = 0; i < f->n_train; i++) {
        int item = f->train[i], from = t.side[0].swapped[item];
        CHECK(!seen[from] && f->label[from] == f->label[item]);
        seen[from] = true;
        moved += from != item;
    }
    CHECK(moved > f->n_train / 2);
    for (int i = 0; i < f->n_held; i++) {
        CHECK(!seen[f->held[i]]);
        CHECK(memcmp(fus_targets_row(&t, 0, f->held[i], 0, true), fus_targets_row(&plain, 0, f->held[i], 0, true),
                     4 * sizeof(float)) == 0);
    }
    CHECK(strcmp(t.sha256, plain.sha256) != 0);
    fus_targets_free(&t);
    fus_targets_free(&plain);
}

static void test_random(const struct fus_feed *f)
{
    struct fus_targets a, b;
    if (!make(&a, f, "random:9") || !make(&b, f, "random:9"))
        return;
    CHECK(strcmp(a.sha256, b.sha256) == 0);
    check_unit(fus_targets_row(&a, 0, 7, 0, false), 9);
    CHECK(fus_targets_row(&a, 0, 7, 0, false)[0] != fus_targets_row(&a, 0, 8, 0, false)[0]);
    fus_targets_free(&a);
    fus_targets_free(&b);
}

/* Words that are learned: those of training captions. */
static void test_contrastive(const struct fus_feed *f)
{
    struct fus_targets t;
    const struct fus_targets_spec none = {0};
    const struct fus_targets_request r = {.seed = 5, .contrastive = true};
    CHECK(fus_targets_make(&t, &none, &r, f, NULL, &err) == 0);
    for (int i = 0; i < f->n_train; i++) {
        size_t text = fus_targets_text(&t, 0, f->train[i], 0, false);
        CHECK(t.side[0].bags.start[text] < t.side[0].bags.start[text + 1]);
    }
    CHECK(fus_vocabulary_find(&t.vocabulary, "car") >= 0 && !t.side[0].rows);
    fus_targets_free(&t);
}

static void test_memory(const struct fus_feed *f)
{
    struct fus_targets t;
    struct fus_targets_spec spec;
    const struct fus_targets_request r = {.seed = 5};
    int code = FUS_ENOMEM;
    CHECK(fus_targets_parse(&spec, "class:lsa:2", &err) == 0);
    for (long n = 1; code && n < 20000; n += n < 40 ? 1 : n / 7) {
        fus_base_fail_allocation(n);
        code = fus_targets_make(&t, &spec, &r, f, NULL, &err);
        fus_base_fail_allocation(0);
        CHECK(!code || code == FUS_ENOMEM);
    }
    CHECK(!code);
    if (!code)
        fus_targets_free(&t);
}

int main(void)
{
    struct fus_feed f;
    test_parse();
    if (open_feed(&f)) {
        test_lsa(&f);
        test_class(&f);
        test_shuffled(&f);
        test_random(&f);
        test_contrastive(&f);
        test_memory(&f);
        fus_feed_close(&f);
    } else
        CHECK_MSG(false, "%s", err.msg);
    return test_end();
}
