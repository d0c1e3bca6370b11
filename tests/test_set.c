/* SPDX-License-Identifier: MIT */
/* stimuli/set/set.c and what it makes sets of: categories, mapping, drawn pictures and every error,
 * on folder trees made here; the real fLoc pictures where they are at hand. */
#define _POSIX_C_SOURCE 200809L
#include <stdarg.h>

#include "nn/base/sha256.h"
#include "set_folders.h"

/* Opening fails, and the message holds each of the words (up to NULL). */
static void refused(const char *spec, const char *categories, int code, ...)
{
    struct fus_set set;
    va_list ap;
    memset(&err, 0, sizeof err);
    int got = fus_set_open(&set, spec, categories, &err);
    CHECK_MSG(got == code, "%s: %d instead of %d (%s)", spec, got, code, err.msg);
    if (!got)
        fus_set_close(&set);
    CHECK(set.n_pictures == 0 && set.pictures == NULL && set.categories == NULL);
    CHECK(strchr(err.msg, '\n') == NULL);
    va_start(ap, code);
    for (const char *word; (word = va_arg(ap, const char *));)
        CHECK_MSG(strstr(err.msg, word), "'%s' is not in: %s", word, err.msg);
    va_end(ap);
}

/* All that cannot be read is listed, in set order, and a set without it is what it would be
 * without the files. */
static void test_bad_pictures(void)
{
    struct fus_set set, other;
    struct fus_set_bad bad = {0};
    const struct fus_set_consumers wanted = {.bad = &bad};
    begin();
    for (int i = 0; i < 40; i++) {
        char name[32];
        snprintf(name, sizeof name, "%c/%d.ppm", i % 2 ? 'a' : 'b', i);
        put(name, i);
        if (i % 5 == 3)
            put_text(name, i % 2 ? "" : "P6 2 2 255 ");
    }
    if (opened(&set, root, NULL)) {
        CHECK(fus_set_check_range(&set, 0, set.n_pictures, &wanted, &err) == FUS_OK && bad.n == 8);
        for (int k = 0; k < bad.n; k++)
            CHECK(strncmp(bad.items[k].why, set.pictures[bad.items[k].picture].path, strlen(root) + 4) == 0 &&
                  (k == 0 || bad.items[k].picture > bad.items[k - 1].picture));
        CHECK(fus_set_bad_leave_out(&set, &bad, root, &err) == FUS_OK && set.n_pictures == 32 && set.n_skipped == 8);
        CHECK(strcmp(set.skipped[0], "a/3.ppm") == 0 && strcmp(set.skipped[7], "b/38.ppm") == 0);
        CHECK(strcmp(set.description, "folders, 32 pictures: a = a; b = b; 8 that cannot be read are left out") == 0);
        for (int i = 3; i < 40; i += 5) {
            char name[32];
            snprintf(name, sizeof name, "%c/%d.ppm", i % 2 ? 'a' : 'b', i);
            CHECK(unlink(in_root(name)) == 0);
        }
        if (opened(&other, root, NULL)) {
            CHECK(other.n_pictures == 32);
            for (int i = 0; i < other.n_pictures && i < set.n_pictures; i++)
                CHECK(strcmp(set.pictures[i].path, other.pictures[i].path) == 0 &&
                      set.pictures[i].half == other.pictures[i].half &&
                      set.pictures[i].index == other.pictures[i].index);
            fus_set_close(&other);
        }
        fus_set_bad_free(&bad);
        bad.items = fus_base_alloc(15, sizeof *bad.items);
        for (bad.n = 0; bad.items && bad.n < 15; bad.n++)
            bad.items[bad.n].picture = bad.n;
        fus_set_close(&set);
        if (opened(&set, root, NULL))
            CHECK(fus_set_bad_leave_out(&set, &bad, root, &err) == FUS_EINVAL &&
                  strstr(err.msg, "category a has 1 picture;"));
        fus_set_bad_free(&bad);
        fus_set_close(&set);
    }
    end();
}

static void test_mapping(void)
{
    struct fus_set set;
    begin();
    for (int i = 0; i < 8; i++) {
        char name[64];
        static const char *const folders[] = {"adult", "child", "house", "cat"};
        snprintf(name, sizeof name, "%s/%d.png", folders[i % 4], i);
        put(name, i);
    }
    if (opened(&set, root, " place = house ; face=child, adult;")) {
        static const char *const expected[] = {"house/2.png", "house/6.png", "child/1.png",
                                               "child/5.png", "adult/0.png", "adult/4.png"};
        CHECK(set.n_categories == 2 && set.n_subcategories == 3 && set.n_pictures == 6);
        CHECK(strcmp(set.categories[0], "place") == 0 && strcmp(set.categories[1], "face") == 0);
        for (int i = 0; i < 6 && i < set.n_pictures; i++)
            CHECK(strcmp(name_of(&set, i), expected[i]) == 0 && set.pictures[i].category == (i > 1) &&
                  set.pictures[i].subcategory == i / 2);
        CHECK(strstr(set.description, "place = house; face = child + adult (left out: cat)") != NULL);
        fus_set_close(&set);
    }
    if (opened(&set, root, NULL)) { /* without a body folder it is not fLoc */
        CHECK(set.n_categories == 4 && strcmp(set.categories[0], "adult") == 0);
        fus_set_close(&set);
    }
    refused(root, "face=adult,chidl;place=house", FUS_ENOTFOUND, root, "chidl", "face", "adult, cat, child, house",
            NULL);
    refused(root, "face=adult;face=child", FUS_EINVAL, "face", "twice", NULL);
    refused(root, "face=adult;place=house,adult", FUS_EINVAL, "adult", "face", "place", NULL);
    refused(root, "face=adult", FUS_EINVAL, root, "only one category", NULL);
    refused(root, "", FUS_EINVAL, "no category", NULL);
    refused(root, "face", FUS_EINVAL, "no folders after face", NULL);
    refused(root, "face=;place=house", FUS_EINVAL, "empty name", NULL);
    refused(root, "=adult;place=house", FUS_EINVAL, "empty name", NULL);
    refused(root, "face=adult,;place=house", FUS_EINVAL, "empty name", NULL);
    refused(root, "face,place=house", FUS_EINVAL, "no folders after face", NULL);
    end();
}

static void test_errors(void)
{
    begin();
    refused(in_root("missing"), NULL, FUS_ENOTFOUND, root, "missing", "No such file", NULL);
    refused("", NULL, FUS_EINVAL, "empty", NULL);
    refused(root, NULL, FUS_EINVAL, root, "no folder in it", "one folder of pictures for each category", NULL);
    put("a.png", 1);
    refused(in_root("a.png"), NULL, FUS_EINVAL, "a.png", "is a file", NULL);
    refused(root, NULL, FUS_EINVAL, root, "loose", "/face", NULL);
    put("face/1.png", 1), put("face/2.png", 1);
    refused(root, NULL, FUS_EINVAL, "only one category", NULL);
    put("house/1.png", 1);
    refused(root, NULL, FUS_EINVAL, root, "house has 1 picture;", "at least 2", NULL);
    put("house/2.png", 1), put_text("empty/notes.txt", "nothing");
    refused(root, NULL, FUS_EINVAL, "/empty: no picture in it; 1 left out: 1 other file (notes.txt)", ".jpg", NULL);
    CHECK(unlink(in_root("empty/notes.txt")) == 0 && rmdir(in_root("empty")) == 0);
    CHECK(symlink("nowhere.png", in_root("house/3.png")) == 0);
    refused(root, NULL, FUS_EIO, "house/3.png", NULL);
    CHECK(unlink(in_root("house/3.png")) == 0 && mkfifo(in_root("house/3.png"), 0666) == 0);
    refused(root, NULL, FUS_EIO, "house/3.png", "pipe", NULL);
    CHECK(unlink(in_root("house/3.png")) == 0 && symlink("gone", in_root("link")) == 0);
    refused(root, NULL, FUS_EIO, "/link", NULL);
    CHECK(unlink(in_root("link")) == 0 && symlink("house", in_root("link")) == 0); /* a linked folder is a folder */
    struct fus_set set;
    if (opened(&set, root, NULL)) {
        CHECK(set.n_categories == 3 && strcmp(set.categories[2], "link") == 0);
        fus_set_close(&set);
    }
    char far[5000];
    memset(far, 'x', sizeof far);
    far[4999] = '\0';
    CHECK(fus_set_open(&set, far, NULL, &err) != FUS_OK);
    end();
}

static void test_check(void)
{
    struct fus_set set;
    char hex[6][65], other[65];
    begin();
    for (int i = 0; i < 6; i++) {
        char name[64];
        snprintf(name, sizeof name, "%s/%d.ppm", i < 3 ? "a" : "b", i);
        put(name, i);
    }
    if (opened(&set, root, NULL)) {
        CHECK(fus_set_check(&set, hex, NULL, NULL, &err) == FUS_OK);
        CHECK(fus_set_check(&set, NULL, NULL, NULL, NULL) == FUS_OK);
        for (int i = 0; i < 6; i++)
            CHECK(fus_sha256_file(other, set.pictures[i].path, &err) == FUS_OK && strcmp(other, hex[i]) == 0);
        struct fus_image image;
        CHECK(fus_set_picture(&image, &set, 4, &err) == FUS_OK && image.width == 2 && image.pixels[0] == 4);
        fus_image_free(&image);
        CHECK(fus_set_picture(&image, &set, 6, &err) == FUS_EINVAL &&
              fus_set_picture(&image, &set, -1, &err) == FUS_EINVAL);
        put_text("b/3.ppm", "P6 2 2 255\nshort"), put_text("b/5.ppm", "nothing"), put_text("a/1.ppm", "");
        for (int threads = 1; threads <= 4; threads++) {
            fus_base_set_threads(threads);
            for (int again = 0; again < 20; again++) {
                memset(&err, 0, sizeof err);
                CHECK(fus_set_check(&set, hex, NULL, NULL, &err) != FUS_OK);
                CHECK_MSG(strstr(err.msg, "/a/1.ppm: "), "%s", err.msg);
            }
        }
        fus_base_set_threads(1);
        CHECK(unlink(in_root("a/1.ppm")) == 0);
        CHECK(fus_set_check(&set, hex, NULL, NULL, &err) == FUS_EIO && strstr(err.msg, "/a/1.ppm"));
        CHECK(fus_set_check(&set, hex, NULL, NULL, NULL) == FUS_EIO);
        fus_set_close(&set);
    }
    end();
}

static void test_builtin(void)
{
    struct fus_set set;
    if (opened(&set, "builtin", NULL)) {
        static const char *const names[] = {"face", "body", "place", "word", "scrambled"};
        CHECK(set.drawn && set.seed == 1 && set.n_pictures == 120 && set.n_categories == 5 && set.n_subcategories == 8);
        for (int i = 0; i < 120; i++)
            CHECK(set.pictures[i].category == i / 24 && set.pictures[i].half == i % 2);
        for (int c = 0; c < 5; c++)
            CHECK(strcmp(set.categories[c], names[c]) == 0);
        CHECK(strcmp(set.pictures[0].path, "builtin/face/adult-001") == 0 &&
              strcmp(set.pictures[12].path, "builtin/face/child-001") == 0);
        CHECK(strcmp(set.pictures[119].path, "builtin/scrambled/scrambled-024") == 0);
        fus_set_close(&set);
    }
    if (opened(&set, "builtin?seed=18446744073709551615&per_category=3", "thing=car,instrument;face=adult,child")) {
        static const char *const paths[] = {"builtin/thing/car-001", "builtin/thing/car-002",
                                            "builtin/thing/instrument-001", "builtin/face/adult-001"};
        CHECK(set.seed == UINT64_MAX && set.n_pictures == 6);
        for (int i = 0; i < 4; i++)
            CHECK(strcmp(set.pictures[i].path, paths[i]) == 0);
        char hex[6][65];
        struct fus_image image;
        CHECK(fus_set_check(&set, hex, NULL, NULL, &err) == FUS_OK && strcmp(hex[0], hex[1]) != 0);
        CHECK(fus_set_picture(&image, &set, 0, &err) == FUS_OK && image.width == 256 && image.height == 256);
        fus_image_free(&image);
        fus_set_close(&set);
    }
    refused("builtin?per_category=1", NULL, FUS_EINVAL, "builtin?per_category=1", "from 2", NULL);
    refused("builtin?per_category=1000001", NULL, FUS_EINVAL, "1000000", NULL);
    refused("builtin?per_category=", NULL, FUS_EINVAL, "whole number", NULL);
    refused("builtin?per_category=-3", NULL, FUS_EINVAL, "whole number", NULL);
    refused("builtin?seed=18446744073709551616", NULL, FUS_EINVAL, "whole number", NULL);
    refused("builtin?seed=99999999999999999999999999", NULL, FUS_EINVAL, "whole number", NULL);
    refused("builtin?seeds=1", NULL, FUS_EINVAL, "'seeds'", "per_category=N&seed=S&side=S&categories=MAP", NULL);
    refused("builtin?seed", NULL, FUS_EINVAL, "'seed'", NULL);
    refused("builtin?", NULL, FUS_EINVAL, "no option", NULL);
    refused("builtin?seed=1&", NULL, FUS_EINVAL, "no option", NULL);
    refused("builtin?seed=1&seed=2", NULL, FUS_EINVAL, "twice", NULL);
    refused("builtin", "face=adult;thing=banana", FUS_ENOTFOUND, "banana", "instrument", NULL);
}

/* Every folder a class: fLoc's eleven too, more than a localizer can have, and a manifest's
 * subcategories by name alone. */
static void test_classes(void)
{
    struct fus_set set;
    begin();
    put("adult/1.ppm", 1), put("adult/2.ppm", 2), put("house/1.ppm", 3), put("house/2.ppm", 4), put("body/1.ppm", 5),
        put("body/2.ppm", 6);
    put("car/1.ppm", 7), put("car/2.ppm", 8);
    if (opened(&set, root, "all")) {
        CHECK(set.n_categories == 4 && set.n_pictures == 8 && strcmp(set.categories[2], "car") == 0 &&
              strncmp(set.description, "folders", 7) == 0);
        fus_set_close(&set);
    }
    CHECK(fus_set_open_classes(&set, root, &err) == FUS_OK && set.n_categories == 4 && set.n_subcategories == 4);
    fus_set_close(&set);
    put_text("m.tsv",
             "adult/1.ppm\tx\tone\nadult/2.ppm\ty\ttwo\nhouse/1.ppm\ty\tone\nbody/1.ppm\tx\ttwo\nbody/2.ppm\tx\tone\n");
    CHECK(fus_set_open_classes(&set, in_root("m.tsv"), &err) == FUS_OK && set.n_categories == 2 && set.n_pictures == 5);
    CHECK(strcmp(set.categories[0], "one") == 0 && set.pictures[2].category == 0 && set.pictures[3].category == 1);
    fus_set_close(&set);
    for (int i = 0; i < 128; i++) {
        char name[40];
        for (int k = 1; k < 3; k++) {
            snprintf(name, sizeof name, "many/%03d/%d.ppm", i, k);
            put(name, i);
        }
    }
    char many[1400];
    snprintf(many, sizeof many, "%s", in_root("many"));
    refused(many, NULL, FUS_ELIMIT, "more than 127 categories (127", NULL);
    refused(many, "all", FUS_ELIMIT, "more than 127 categories", NULL);
    CHECK(fus_set_open_classes(&set, many, &err) == FUS_OK && set.n_categories == 128 && set.n_pictures == 256);
    fus_set_close(&set);
    if (opened(&set, "builtin?categories=car,adult&side=16&per_category=2", NULL)) {
        CHECK(set.n_categories == 2 && set.side == 16 && strcmp(set.categories[0], "car") == 0 &&
              strstr(set.description, "at side 16"));
        fus_set_close(&set);
    }
    CHECK(fus_set_open_classes(&set, "builtin?per_category=3", &err) == FUS_OK && set.n_categories == 11 &&
          set.n_pictures == 33 && set.side == 256);
    fus_set_close(&set);
    CHECK(fus_set_parse_categories("all", &err) == FUS_OK);
    refused("builtin?categories=", NULL, FUS_EINVAL, "empty name", NULL);
    refused("builtin?categories=car", NULL, FUS_EINVAL, "only one category", NULL);
    refused("builtin?categories=car&categories=adult", NULL, FUS_EINVAL, "twice", NULL);
    end();
}

/* Every allocation fails once; nothing crashes or leaks, and a later call succeeds. */
static void test_memory(void)
{
    struct fus_set set;
    begin();
    put("a/1.ppm", 1), put("a/2.ppm", 2), put("b/1.ppm", 3), put("b/2.ppm", 4);
    for (int which = 0; which < 2; which++) {
        long n = 1;
        for (;; n++) {
            fus_base_fail_allocation(n);
            int code = fus_set_open(&set, which ? "builtin?per_category=2" : root, which ? NULL : "x=a;y=b", &err);
            fus_base_fail_allocation(0);
            if (!code)
                break;
            CHECK_MSG(code == FUS_ENOMEM, "allocation %ld: %s", n, err.msg);
        }
        CHECK(n > 10);
        for (long k = 1; k < 40; k++) {
            fus_base_fail_allocation(k);
            int code = fus_set_check(&set, NULL, NULL, NULL, &err);
            fus_base_fail_allocation(0);
            CHECK(code == FUS_OK || code == FUS_ENOMEM);
        }
        fus_set_close(&set);
    }
    end();
}

static void test_floc(void)
{
    struct fus_set set;
    char dir[1024];
    const char *one = test_shared("floc/adult/adult-1.jpg");
    if (!one) {
        SKIP("the fLoc pictures are not here");
        return;
    }
    snprintf(dir, sizeof dir, "%.*s", (int)(strlen(one) - strlen("/adult/adult-1.jpg")), one);
    if (opened(&set, dir, NULL)) { /* objects are rivals by default */
        CHECK(set.n_pictures == 240 && set.n_categories == 6 && strcmp(set.categories[4], "object") == 0 &&
              strcmp(set.categories[5], "scrambled") == 0);
        CHECK(strstr(set.description, "object = car + instrument; scrambled = scrambled (left out: number)") != NULL);
        fus_set_close(&set);
    }
    if (!opened(&set, dir, "no-objects"))
        return;
    static const char *const order[] = {"adult", "child", "body", "limb", "house", "corridor", "word", "scrambled"};
    static const int category[] = {0, 0, 1, 1, 2, 2, 3, 4};
    CHECK(set.n_pictures == 192 && set.n_categories == 5 && set.n_subcategories == 8);
    for (int i = 0; i < 192 && i < set.n_pictures; i++) {
        char want[1200];
        snprintf(want, sizeof want, "%s/%s/%s-%d.jpg", dir, order[i / 24], order[i / 24], i % 24 + 1);
        CHECK_MSG(strcmp(set.pictures[i].path, want) == 0, "%d: %s", i, set.pictures[i].path);
        CHECK(set.pictures[i].category == category[i / 24] && set.pictures[i].subcategory == i / 24 &&
              set.pictures[i].half == i % 2);
    }
    char(*hex)[65] = calloc(192, 65);
    CHECK(hex != NULL);
    if (hex) {
        CHECK_MSG(fus_set_check(&set, hex, NULL, NULL, &err) == FUS_OK, "%s", err.msg);
        CHECK(strlen(hex[0]) == 64 && strlen(hex[191]) == 64);
    }
    free(hex);
    CHECK(strncmp(set.description, "fLoc folders, ", 14) == 0);
    CHECK(strstr(set.description,
                 "192 pictures: face = adult + child; body = body + limb; place = house + corridor; word = word; "
                 "scrambled = scrambled (left out: car, instrument, number)") != NULL);
    fus_set_close(&set);
    if (opened(&set, dir, "thing=car,instrument;number=number")) {
        CHECK(set.n_pictures == 72 && set.n_categories == 2);
        fus_set_close(&set);
    }
}

/* A scrambled category of the others' pictures: as many as they have on average, taken in turn,
 * pixels that are theirs. */
static void test_scrambled(void)
{
    struct fus_set set;
    char(*hex)[65] = calloc(20, 65);
    CHECK(hex != NULL);
    if (!hex || !opened(&set, "builtin?per_category=5", "face=adult,child;place=house"))
        return;
    CHECK(fus_set_scrambled_add(&set, 7, &err) == FUS_OK && set.n_categories == 3 && set.n_subcategories == 4);
    CHECK(set.n_pictures == 15 && strcmp(set.categories[2], "scrambled") == 0);
    static const int from[] = {0, 5, 1, 7, 3};
    for (int k = 0; k < 5; k++) {
        const struct fus_picture *p = &set.pictures[10 + k];
        CHECK(p->category == 2 && p->subcategory == 3 && p->index == k && p->half == k % 2);
        CHECK_MSG(p->source == from[k], "%d: %d", k, p->source);
    }
    CHECK_MSG(strcmp(set.pictures[10].path, "scrambled/001-adult-adult-001") == 0, "%s", set.pictures[10].path);
    CHECK(strstr(set.description, "; scrambled = 5 of these in 16 x 16 shuffled boxes, seed 7") != NULL);
    struct fus_image one = {0}, two = {0};
    CHECK(fus_set_picture(&one, &set, 0, &err) == FUS_OK && fus_set_picture(&two, &set, 10, &err) == FUS_OK);
    if (one.pixels && two.pixels) {
        uint64_t sums[2] = {0, 0};
        for (size_t i = 0; i < 3 * 256 * 256; i++) {
            sums[0] += (uint64_t)one.pixels[i] * one.pixels[i];
            sums[1] += (uint64_t)two.pixels[i] * two.pixels[i];
        }
        CHECK(sums[0] == sums[1] && memcmp(one.pixels, two.pixels, 3 * 256 * 256) != 0);
    }
    fus_image_free(&one), fus_image_free(&two);
    CHECK(fus_set_check(&set, hex, NULL, NULL, &err) == FUS_OK && strlen(hex[14]) == 64 &&
          strcmp(hex[0], hex[10]) != 0);
    CHECK(fus_set_scrambled_add(&set, 7, &err) == FUS_OK && set.n_pictures == 15); /* there already */
    fus_set_close(&set);
    begin();
    put("a/1.ppm", 1), put("a/2.ppm", 2), put("b/1.ppm", 3), put("b/2.ppm", 4);
    if (opened(&set, root, NULL)) {
        CHECK(fus_set_scrambled_add(&set, 1, &err) == FUS_OK && set.n_pictures == 6);
        CHECK(fus_set_check(&set, hex, NULL, NULL, &err) == FUS_EINVAL &&
              strstr(err.msg, "a/1.ppm: found 2 x 2 pixels, expected at least 16 x 16"));
        fus_set_close(&set);
    }
    for (long n = 1; n < 10; n++) {
        if (!opened(&set, root, NULL))
            break;
        fus_base_fail_allocation(n);
        int code = fus_set_scrambled_add(&set, 1, &err);
        fus_base_fail_allocation(0);
        CHECK(code == (n < 9 ? FUS_ENOMEM : FUS_OK));
        fus_set_close(&set);
    }
    end();
    free(hex);
}

int main(void)
{
    fus_base_set_threads(1);
    test_bad_pictures();
    test_mapping();
    test_errors();
    test_check();
    test_builtin();
    test_classes();
    test_memory();
    test_scrambled();
    test_floc();
    return test_end();
}
