/* SPDX-License-Identifier: MIT */
/* stimuli/feed.c: classes and items in an order of their own, held-out pictures, orders of
 * epochs, batches that equal what `run` shows, and the same bytes for any threads, cache and
 * order of a manifest. */
#define _POSIX_C_SOURCE 200809L
#include "stimuli/feed.h"

#include <sys/stat.h>
#include <unistd.h>

#include "tests/images.h"

static struct fus_error err;
static char root[200];

enum { SIDE = 16, INPUT = 3 * SIDE * SIDE };

static const char *in_root(const char *name)
{
    static char path[2][400];
    static int at;
    at = !at;
    snprintf(path[at], sizeof path[at], "%s/%s", root, name);
    return path[at];
}

/* Three folders of 12, 5 and 2 pictures, and manifests of them in two orders. */
static void begin(void)
{
    static const char *const folders[] = {"shoe", "Cup", "tree10"};
    static const int counts[] = {12, 5, 2};
    snprintf(root, sizeof root, "%s/fusiform-feed-XXXXXX",
             getenv("TMPDIR") && strlen(getenv("TMPDIR")) < 100 ? getenv("TMPDIR") : "/tmp");
    CHECK(mkdtemp(root) != NULL);
    FILE *up = fopen(in_root("up.tsv"), "w"), *down = fopen(in_root("down.tsv"), "w");
    CHECK(up && down);
    for (int c = 0; c < 3; c++) {
        CHECK(mkdir(in_root(folders[c]), 0777) == 0);
        for (int i = 0; i < counts[c]; i++) {
            char name[60];
            struct fus_image image = {0};
            snprintf(name, sizeof name, "%s/%d.ppm", folders[c], i);
            test_noise(&image, 20 + i, 24 - c, (uint32_t)(100 * c + i));
            CHECK(fus_pnm_write(in_root(name), &image, &err) == 0);
            fus_image_free(&image);
            fprintf(up, "%s\tthing\t%s\n", name, folders[c]);
        }
    }
    for (int c = 2; c >= 0; c--)
        for (int i = counts[c] - 1; i >= 0; i--)
            fprintf(down, "%s/%d.ppm\t%s\n", folders[c], i, folders[c]);
    fclose(up);
    fclose(down);
}

static void end(void)
{
    char command[300];
    snprintf(command, sizeof command, "rm -rf '%s'", root);
    CHECK(system(command) == 0);
}

static struct fus_feed_options options(const char *augment)
{
    struct fus_feed_options o = {.preprocess = {SIDE, FUS_BILINEAR, SIDE, {.5f, .4f, .3f}, {.25f, .2f, .1f}},
                                 .seed = 7};
    CHECK(fus_augment_parse(&o.augment, augment, &err) == 0);
    return o;
}

static void test_items(void)
{
    struct fus_feed_options o = options("none");
    struct fus_feed f;
    int order[19], again[19], seen[19] = {0};
    CHECK(fus_feed_open(&f, root, &o, &err) == 0);
    CHECK(f.n_classes == 3 && f.n_items == 19 && f.n_train == 19 && f.n_held == 0);
    CHECK(strcmp(f.classes[0], "Cup") == 0 && strcmp(f.classes[1], "shoe") == 0 && strcmp(f.classes[2], "tree10") == 0);
    CHECK(f.label[4] == 0 && f.label[5] == 1 && f.label[18] == 2 &&
          test_ends_with(fus_feed_path(&f, 16), "shoe/11.ppm"));
    CHECK(fus_feed_hold_out(&f, 10, &err) == FUS_EINVAL && strstr(err.msg, "class tree10 has 2 pictures"));
    fus_feed_order(order, &f, 0);
    CHECK(fus_feed_open(&f, in_root("no"), &o, &err) != 0); /* untouched */
    f.n_train = f.n_items;
    for (int i = 0; i < 19; i++)
        f.train[i] = i;
    fus_feed_order(order, &f, 3);
    fus_feed_order(again, &f, 3);
    CHECK(memcmp(order, again, sizeof order) == 0);
    for (int i = 0; i < 19; i++)
        seen[order[i]]++;
    for (int i = 0; i < 19; i++)
        CHECK(seen[i] == 1);
    fus_feed_order(again, &f, 4);
    CHECK(memcmp(order, again, sizeof order) != 0);
    f.options.seed++;
    fus_feed_order(again, &f, 3);
    CHECK(memcmp(order, again, sizeof order) != 0);
    fus_feed_close(&f);
}

/* Each item stands in each place of an order equally often: chi-square of 9 places, p = 1e-4. */
static void test_order(void)
{
    struct fus_feed_options o = options("none");
    struct fus_feed f;
    int count[10] = {0}, order[110];
    CHECK(fus_feed_open(&f, "builtin?per_category=10&side=32", &o, &err) == 0 && f.n_items == 110 && f.n_classes == 11);
    for (uint64_t e = 0; e < 10000; e++) {
        fus_feed_order(order, &f, e);
        for (int i = 0; i < 110; i++)
            if (order[i] == 37)
                count[i / 11]++;
    }
    double sum = 0;
    for (int i = 0; i < 10; i++)
        sum += (count[i] - 1000.0) * (count[i] - 1000.0) / 1000;
    CHECK_MSG(sum < 33.8, "%g", sum);
    CHECK(fus_feed_hold_out(&f, 10, &err) == 0 && f.n_held == 11 && f.n_train == 99);
    for (int i = 0; i < 11; i++)
        CHECK(f.held[i] == 10 * i + 9);
    CHECK(fus_feed_hold_out(&f, 25, &err) == 0 && f.n_held == 22 && f.held[0] == 3 && f.held[1] == 7 &&
          f.held[2] == 13);
    CHECK(fus_feed_hold_out(&f, 5, &err) == 0 && f.n_held == 11 && f.held[0] == 9);
    CHECK(fus_feed_hold_out(&f, 51, &err) == FUS_EINVAL);
    int percent = 0;
    CHECK(fus_feed_parse_percent(&percent, "10%") && percent == 10 && fus_feed_parse_percent(&percent, "50") &&
          percent == 50);
    CHECK(!fus_feed_parse_percent(&percent, "pictures/") && !fus_feed_parse_percent(&percent, "0%") &&
          !fus_feed_parse_percent(&percent, "10%%"));
    fus_feed_close(&f);
}

/* SHA-256 of three epochs' batches with this many threads, bytes of cache, and from this
 * list of pictures. */
static void digest(char hex[FUS_SHA256_HEX], const char *spec, int threads, size_t cache, const char *augment,
                   int fresh)
{
    struct fus_feed_options o = options(augment);
    struct fus_feed f;
    struct fus_sha256 sha;
    int order[200];
    fus_base_set_threads(threads);
    o.cache_bytes = cache;
    o.n_fresh = fresh;
    fus_sha256_start(&sha);
    CHECK(fus_feed_open(&f, spec, &o, &err) == 0 && f.n_items <= 200);
    float *input = malloc((size_t)f.n_items * INPUT * sizeof *input);
    for (uint64_t e = 0; e < 3; e++) {
        fus_feed_order(order, &f, e);
        CHECK_MSG(fus_feed_batch(input, &f, order, f.n_items, e, true, &err) == 0, "%s", err.msg);
        fus_sha256_add(&sha, input, (size_t)f.n_items * INPUT * sizeof *input);
    }
    free(input);
    fus_sha256_hex(&sha, hex);
    fus_feed_close(&f);
    fus_base_set_threads(1);
}

static void test_same_bytes(void)
{
    static const char *const augments[] = {"none", "crop=.2,1,flip", "shift=3,jitter=.4,flip"};
    char first[FUS_SHA256_HEX], hex[FUS_SHA256_HEX], last[FUS_SHA256_HEX] = "";
    for (int a = 0; a < 3; a++) {
        digest(first, root, 1, 0, augments[a], 0);
        digest(hex, root, 3, 1 << 20, augments[a], 0);
        CHECK(strcmp(hex, first) == 0);
        digest(hex, root, 2, 3000, augments[a], 0); /* room for a few */
        CHECK(strcmp(hex, first) == 0);
        digest(hex, in_root("up.tsv"), 1, 0, augments[a], 0);
        CHECK(strcmp(hex, first) == 0);
        digest(hex, in_root("down.tsv"), 1, 0, augments[a], 0);
        CHECK(strcmp(hex, first) == 0);
        CHECK(strcmp(first, last) != 0);
        strcpy(last, first);
    }
    digest(first, "builtin?per_category=2&side=16", 1, 0, "none", 2);
    digest(hex, "builtin?per_category=2&side=16", 3, 1 << 20, "none", 2);
    CHECK(strcmp(hex, first) == 0);
}

/* Without augmentation: what fus_preprocess_apply makes of the file, with crops switched on or
 * not, kept or not. */
static void test_plain(void)
{
    float want[INPUT], got[2 * INPUT];
    for (int which = 0; which < 4; which++) {
        struct fus_feed_options o = options(which & 1 ? "crop" : "shift=2");
        struct fus_feed f;
        const int items[] = {6, 6};
        o.cache_bytes = which & 2 ? 1 << 20 : 0;
        CHECK(fus_feed_open(&f, root, &o, &err) == 0);
        struct fus_image image = {0};
        CHECK(fus_decode_file(&image, fus_feed_path(&f, 6), &err) == 0 &&
              fus_preprocess_apply(want, &o.preprocess, &image, &err) == 0);
        for (int i = 0; i < 2; i++) {
            CHECK(fus_feed_batch(got, &f, items, 2, 1, false, &err) == 0);
            CHECK(memcmp(got, want, sizeof want) == 0 && memcmp(got + INPUT, want, sizeof want) == 0);
        }
        fus_image_free(&image);
        fus_feed_close(&f);
    }
}

/* Fresh drawings come in turn; a folder that stimuli generate --side made gives
 * the same pictures. */
static void test_drawn(void)
{
    struct fus_feed_options o = options("none");
    struct fus_feed f;
    const int item = 3; /* the second body: adult, body, ... by name */
    float input[3][INPUT], want[INPUT];
    o.n_fresh = 2;
    CHECK(fus_feed_open(&f, "builtin?per_category=2&seed=5&side=16", &o, &err) == 0 &&
          strcmp(f.classes[1], "body") == 0);
    for (uint64_t e = 0; e < 3; e++) {
        struct fus_image image = {0};
        CHECK(fus_feed_drawing_seed(&f, e) == 5 + e % 2);
        CHECK(fus_feed_batch(input[e], &f, &item, 1, e, true, &err) == 0);
        CHECK(fus_generate_reduced(&image, "body", 1, 5 + e % 2, 16, &err) == 0);
        fus_preprocess_normalise(want, &o.preprocess, image.pixels, 3);
        CHECK(memcmp(input[e], want, sizeof want) == 0);
        fus_image_free(&image);
    }
    CHECK(memcmp(input[0], input[2], sizeof want) == 0 && memcmp(input[0], input[1], sizeof want) != 0);
    fus_feed_close(&f);
}

static void test_check(void)
{
    struct fus_feed_options o = options("none");
    struct fus_feed f, other;
    char sha[65], again[65], path[400];
    float input[INPUT];
    const int item = 0;
    CHECK(fus_feed_open(&f, root, &o, &err) == 0 && fus_feed_check(&f, sha, &err) == 0);
    CHECK(fus_feed_open(&other, in_root("down.tsv"), &o, &err) == 0 && fus_feed_check(&other, again, &err) == 0);
    CHECK(strcmp(sha, again) == 0);
    fus_feed_close(&other);
    snprintf(path, sizeof path, "%s", fus_feed_path(&f, 0));
    FILE *file = fopen(path, "ab");
    CHECK(file && fputc('x', file) == 'x' && fclose(file) == 0);
    CHECK(fus_feed_batch(input, &f, &item, 1, 0, true, &err) == FUS_EINVAL &&
          strstr(err.msg, "changed since it was checked"));
    CHECK(fus_feed_check(&f, again, &err) == 0 && strcmp(sha, again) != 0);
    file = fopen(path, "wb");
    CHECK(file && fputs("P6 9 9 255\nno", file) >= 0 && fclose(file) == 0);
    CHECK(fus_feed_check(&f, again, &err) != 0 && strncmp(err.msg, path, strlen(path)) == 0);
    fus_feed_close(&f);
}

static void test_match(void)
{
    struct fus_feed_options o = options("none");
    struct fus_feed f, held;
    CHECK(fus_feed_open(&f, root, &o, &err) == 0);
    FILE *list = fopen(in_root("held.tsv"), "w");
    CHECK(list &&
          fputs("tree10/0.ppm\ttree10\nshoe/0.ppm\tshoe\ntree10/1.ppm\ttree10\nshoe/3.ppm\tshoe\n", list) >= 0 &&
          fclose(list) == 0);
    CHECK(fus_feed_open(&held, in_root("held.tsv"), &o, &err) == 0 && fus_feed_match(&held, &f, &err) == 0);
    CHECK(held.n_held == 4 && held.n_train == 0 && held.n_classes == 3 && held.label[0] == 1 && held.label[3] == 2);
    CHECK(fus_feed_match(&f, &held, &err) == 0);
    fus_feed_close(&held);
    CHECK(fus_feed_open(&held, "builtin?per_category=2&side=16", &o, &err) == 0);
    CHECK(fus_feed_match(&held, &f, &err) == FUS_ENOTFOUND && strstr(err.msg, "class adult"));
    fus_feed_close(&held);
    fus_feed_close(&f);
}

static void test_errors(void)
{
    struct fus_feed_options o = options("crop");
    struct fus_feed f;
    CHECK(fus_feed_open(&f, "builtin?per_category=2&side=16&categories=face=adult,child;car=car", &o, &err) ==
          FUS_EINVAL);
    CHECK(strstr(err.msg, "class adult has 1 picture"));
    for (long k = 1; k < 200; k++) {
        const int items[] = {0, 7};
        float input[2 * INPUT];
        fus_base_fail_allocation(k);
        int code = fus_feed_open(&f, root, &o, &err);
        if (!code) {
            code = fus_feed_batch(input, &f, items, 2, 0, true, &err);
            fus_feed_close(&f);
        }
        fus_base_fail_allocation(0);
        if (code == 0)
            break;
        CHECK_MSG(code == FUS_ENOMEM && k < 199, "%ld: %d %s", k, code, err.msg);
    }
}

int main(void)
{
    fus_base_set_threads(1);
    begin();
    test_items();
    test_order();
    test_same_bytes();
    test_plain();
    test_drawn();
    test_match();
    test_errors();
    test_check();
    end();
    return test_end();
}
