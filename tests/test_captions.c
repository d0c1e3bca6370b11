/* SPDX-License-Identifier: MIT */
/* stimuli/text: captions found by path, several a picture, missing ones named; words, vocabularies;
 * captions of drawn pictures. */
#define _POSIX_C_SOURCE 200809L
#include "stimuli/text/captions.h"

#include <sys/stat.h>
#include <unistd.h>

#include "tests/test.h"

static struct fus_error err;
static char root[200];

static void put(const char *name, const char *text)
{
    char path[400];
    snprintf(path, sizeof path, "%s/%s", root, name);
    FILE *f = fopen(path, "wb");
    CHECK(f && fputs(text, f) >= 0);
    if (f)
        fclose(f);
}

static void begin(struct fus_feed *feed)
{
    struct fus_feed_options o = {.preprocess = {32, FUS_BILINEAR, 32, {0}, {1, 1, 1}}};
    char path[300];
    snprintf(root, sizeof root, "%s/fusiform-captions-XXXXXX",
             getenv("TMPDIR") && strlen(getenv("TMPDIR")) < 100 ? getenv("TMPDIR") : "/tmp");
    CHECK(mkdtemp(root) != NULL);
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%s", root, i ? "house" : "face");
        CHECK(mkdir(path, 0777) == 0);
    }
    put("face/1.ppm", "P6 1 1 255\nabc"), put("face/2.ppm", "P6 1 1 255\nabc");
    put("house/1.ppm", "P6 1 1 255\nabc"), put("house/10.ppm", "P6 1 1 255\nabc");
    CHECK(fus_feed_open(feed, root, &o, &err) == 0);
}

static void end(struct fus_feed *feed)
{
    char command[300];
    fus_feed_close(feed);
    snprintf(command, sizeof command, "rm -rf '%s'", root);
    CHECK(system(command) == 0);
}

static const char *in_root(const char *name)
{
    static char path[400];
    snprintf(path, sizeof path, "%s/%s", root, name);
    return path;
}

static void test_words(void)
{
    char word[FUS_CAPTIONS_WORD], all[300] = "", text[40];
    const char *at = " A Woman's long-haired CAF\xc3\x89, 42 (times)!";
    while (fus_captions_word(word, &at))
        sprintf(all + strlen(all), "[%s]", word);
    CHECK_MSG(strcmp(all, "[a][woman][s][long-haired][caf\xc3\x89][42][times]") == 0, "%s", all);
    char longer[200];
    memset(longer, 'q', 199);
    longer[199] = '\0';
    at = longer;
    CHECK(fus_captions_word(word, &at) && strlen(word) == FUS_CAPTIONS_WORD - 1 && !*at &&
          !fus_captions_word(word, &at));
    fus_captions_class(text, sizeof text, "golden_retriever, Goldie");
    CHECK(strcmp(text, "golden retriever") == 0);
    fus_captions_class(text, 4, "jack-o'-lantern");
    CHECK(strcmp(text, "jac") == 0);
}

static void test_file(void)
{
    struct fus_feed feed;
    struct fus_captions c;
    const char *example = NULL;
    begin(&feed);
    char full[1000];
    snprintf(full, sizeof full,
             "path\tcaption\r\n# a remark\nhouse/10.ppm\tten \r\n./face//1.ppm\tone\n%s/face/2.ppm\tlooks to the "
             "Right\n\nhouse/1.ppm\tfirst\n"
             "house/1.ppm\tsecond\twith a tab\nhouse/1.ppm\tthird\nhouse/7.ppm\tnot there",
             root);
    put("c.tsv", full);
    CHECK(fus_captions_read(&c, in_root("c.tsv"), &feed, &err) == 0);
    CHECK(c.n_texts == 6 && c.n_others == 1 && c.n_items == 4 && c.n_sets == 1);
    CHECK(strcmp(fus_captions_text(&c, 0, 5, 1), "one") == 0 &&
          strcmp(fus_captions_text(&c, 1, 6, 1), "looks to the Right") == 0);
    CHECK(strcmp(fus_captions_text(&c, 3, 5, 1), "ten") == 0 && fus_captions_sides(&c, &example) == 1 &&
          example == c.texts[1]);
    int counts[3] = {0};
    for (uint64_t e = 0; e < 3000; e++) {
        size_t k = fus_captions_pick(&c, 2, e, 1);
        CHECK(k >= 2 && k < 5 && k == fus_captions_pick(&c, 2, e, 1));
        counts[k - 2]++;
    }
    CHECK(strcmp(c.texts[2], "first") == 0 && strcmp(c.texts[3], "second\twith a tab") == 0);
    for (int i = 0; i < 3; i++)
        CHECK(counts[i] > 880 && counts[i] < 1120); /* 1000 +- 4.6 SD */
    fus_captions_free(&c);
    end(&feed);
}

static void test_bad(void)
{
    static const struct {
        const char *text;
        int code;
        const char *what;
    } bad[] = {{"", FUS_EINVAL, "4 of 4 pictures have no caption: "},
               {"face/1.ppm\ta\nface/2.ppm\tb\nhouse/1.ppm\tc\n", FUS_EINVAL, "1 of 4 pictures has no caption: "},
               {"face/1.ppm a\n", FUS_EFORMAT, "line 1: found no tab, expected path<TAB>caption: spaces"},
               {"x\ty\n\nface/1.ppm\t \n", FUS_EFORMAT, "line 3: found an empty caption"},
               {"\ta\n", FUS_EFORMAT, "line 1: found an empty path"}};
    struct fus_feed feed;
    struct fus_captions c = {.n_items = 77};
    begin(&feed);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        put("c.tsv", bad[i].text);
        CHECK_MSG(fus_captions_read(&c, in_root("c.tsv"), &feed, &err) == bad[i].code && strstr(err.msg, bad[i].what) &&
                      c.n_items == 77,
                  "%s", err.msg);
    }
    CHECK(fus_captions_read(&c, NULL, &feed, &err) == FUS_EINVAL && strstr(err.msg, "path<TAB>caption"));
    CHECK(fus_captions_read(&c, in_root("none.tsv"), &feed, &err) == FUS_EIO || err.code == FUS_ENOTFOUND);
    put("c.tsv", "face/1.ppm\ta\nface/2.ppm\tb\nhouse/1.ppm\tc\nhouse/10.ppm\td\n");
    for (long k = 1; k < 40; k++) {
        fus_base_fail_allocation(k);
        int code = fus_captions_read(&c, in_root("c.tsv"), &feed, &err);
        fus_base_fail_allocation(0);
        if (code == 0)
            break;
        CHECK(code == FUS_ENOMEM && k < 39);
    }
    fus_captions_free(&c);
    end(&feed);
}

static void test_vocabulary(void)
{
    static const char *const texts[] = {"the cat the dog", "a dog", "The DOG, a mouse", ""};
    struct fus_vocabulary v;
    struct fus_bags b;
    CHECK(fus_vocabulary_count(&v, texts, 4, 2, 0, &err) == 0 && v.n == 3 && v.n_all == 4);
    CHECK(strcmp(v.words[0], "a") == 0 && strcmp(v.words[1], "dog") == 0 && strcmp(v.words[2], "the") == 0);
    CHECK(v.n_texts[0] == 2 && v.n_texts[1] == 3 && v.n_texts[2] == 2);
    CHECK(fus_vocabulary_find(&v, "dog") == 1 && fus_vocabulary_find(&v, "cat") < 0);
    CHECK(fus_vocabulary_bags(&b, &v, texts, 4, &err) == 0 && b.start[1] == 3 && b.start[2] == 5 && b.start[3] == 8 &&
          b.start[4] == 8);
    CHECK(b.words[0] == 2 && b.words[1] == 2 && b.words[2] == 1 && b.words[3] == 0 && b.words[7] == 0);
    fus_vocabulary_free_bags(&b);
    fus_vocabulary_free(&v);
    CHECK(fus_vocabulary_count(&v, texts, 4, 1, 2, &err) == 0 && v.n == 2 && strcmp(v.words[0], "a") == 0 &&
          strcmp(v.words[1], "dog") == 0);
    fus_vocabulary_free(&v);
    for (long k = 1; k < 40; k++) {
        fus_base_fail_allocation(k);
        int code = fus_vocabulary_count(&v, texts, 4, 1, 0, &err);
        fus_base_fail_allocation(0);
        if (code == 0)
            break;
        CHECK(code == FUS_ENOMEM && k < 39);
    }
    CHECK(v.n == 5);
    fus_vocabulary_free(&v);
}

/* Drawn pictures' captions: of each drawing seed its own, and those that
 * stimuli generate writes. */
static void test_drawn(void)
{
    struct fus_feed_options o = {.preprocess = {32, FUS_BILINEAR, 32, {0}, {1, 1, 1}}, .n_fresh = 3};
    struct fus_feed feed;
    struct fus_captions c;
    char text[240];
    CHECK(fus_feed_open(&feed, "builtin?per_category=3&seed=101&side=32", &o, &err) == 0);
    CHECK(fus_captions_read(&c, NULL, &feed, &err) == 0 && c.n_sets == 3 && c.n_texts == 99);
    for (uint64_t e = 0; e < 4; e++) {
        const char *name = feed.classes[feed.label[7]];
        CHECK(fus_generate_caption(text, sizeof text, name, 1, 101 + e % 3) == 0);
        CHECK_MSG(strcmp(text, fus_captions_text(&c, 7, e, 1)) == 0, "%s: %s: %s", name, text,
                  fus_captions_text(&c, 7, e, 1));
    }
    CHECK(strcmp(fus_captions_text(&c, 7, 0, 1), fus_captions_text(&c, 7, 1, 1)) != 0);
    fus_captions_free(&c);
    fus_feed_close(&feed);
}

int main(void)
{
    test_words();
    test_file();
    test_bad();
    test_vocabulary();
    test_drawn();
    return test_end();
}
