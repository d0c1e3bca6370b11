/* SPDX-License-Identifier: MIT */
/* stimuli/set/folder.c and left_out.c: the order of names, which of a folder's files are pictures,
 * and what is said of the others. */
#define _POSIX_C_SOURCE 200809L
#include "stimuli/set/folder.h"

#include "set_folders.h"

static void test_natural_order(void)
{
    /* Sorted by Python's key; each line against all later ones. */
    static const char *const sorted[] = {
        "",
        "0",
        "1a",
        "01b",
        "2",
        "10",
        "10.jpg",
        "10a",
        "A",
        "a",
        "a0",
        "a1",
        "a1.jpg",
        "a01x",
        "a2",
        "a2b1",
        "a2b10",
        "a10",
        "a11.jpg",
        "a18446744073709551615",
        "a18446744073709551616",
        "a99999999999999999999999",
        "a-1",
        "a.jpg",
        "ab",
        "b",
        "\xc3\xa9",
        "\xc3\xa9z",
    };
    int n = sizeof sorted / sizeof *sorted;
    for (int i = 0; i < n; i++) {
        CHECK(fus_folder_compare(sorted[i], sorted[i]) == 0);
        for (int k = i + 1; k < n; k++)
            CHECK_MSG(fus_folder_compare(sorted[i], sorted[k]) < 0 && fus_folder_compare(sorted[k], sorted[i]) > 0,
                      "%s and %s", sorted[i], sorted[k]);
    }
    CHECK(fus_folder_compare("a01", "a1") < 0 && fus_folder_compare("a1", "a01") > 0); /* equal numbers: by bytes */
    CHECK(fus_folder_compare("adult-2.jpg", "adult-10.jpg") < 0);
}

static void test_plain_folders(void)
{
    struct fus_set set;
    begin();
    put("zebra/b10.png", 1), put("zebra/b9.PNG", 2), put("zebra/notes.txt", 3), put("zebra/.hidden.png", 4),
        put("zebra/x.jpgx", 5), put("zebra/jpg", 5);
    put("apple/1.jpeg", 6), put("apple/2.jpe", 7), put("apple/3.JFIF", 8), put("apple/4.pgm", 9), put("apple/5.Bmp", 9);
    put(".git/a.png", 1), put("loose.png", 1), put("readme.txt", 1), put("zebra/folder.png/inner.png", 1);
    CHECK(symlink("b9.PNG", in_root("zebra/b11.png")) == 0);
    if (opened(&set, root, NULL)) {
        static const char *const expected[] = {"apple/1.jpeg",  "apple/2.jpe",   "apple/3.JFIF",
                                               "apple/4.pgm",   "apple/5.Bmp",   "zebra/b9.PNG",
                                               "zebra/b10.png", "zebra/b11.png", "zebra/jpg"};
        static const int half[] = {0, 1, 0, 1, 0, 0, 1, 0, 1}, index[] = {0, 1, 2, 3, 4, 0, 1, 2, 3};
        CHECK(set.n_pictures == 9 && set.n_categories == 2 && set.n_subcategories == 2 && !set.drawn);
        CHECK(strcmp(set.categories[0], "apple") == 0 && strcmp(set.subcategories[1], "zebra") == 0);
        for (int i = 0; i < 9 && i < set.n_pictures; i++) {
            CHECK_MSG(strcmp(name_of(&set, i), expected[i]) == 0, "%d: %s", i, name_of(&set, i));
            CHECK(set.pictures[i].category == i / 5 && set.pictures[i].subcategory == i / 5);
            CHECK(set.pictures[i].half == half[i] && set.pictures[i].index == index[i]);
        }
        CHECK(strncmp(set.description, "folders, ", 9) == 0 &&
              strstr(set.description, "9 pictures: apple = apple; zebra = zebra"));
        CHECK_MSG(set.left_out &&
                      strcmp(set.left_out,
                             "7 left out: 2 hidden or system files (.git, zebra/.hidden.png), 1 picture outside the "
                             "folders (loose.png), 3 pictures with another ending (readme.txt, "
                             "zebra/notes.txt, zebra/x.jpgx), 1 sub-folder (zebra/folder.png)") == 0,
                  "%s", set.left_out ? set.left_out : "nothing");
        fus_set_close(&set);
    }
    char slash[700];
    snprintf(slash, sizeof slash, "%s/", root);
    if (opened(&set, slash, "x=zebra;y=apple")) {
        CHECK(strcmp(name_of(&set, 0), "zebra/b9.PNG") == 0 && set.pictures[0].path[strlen(root)] == '/');
        fus_set_close(&set);
    }
    end();
}

/* First bytes decide for files without an ending and with another picture format's; the
 * others are named. */
static void test_left_out(void)
{
    struct fus_set set;
    begin();
    put("a/1.ppm", 1), put("a/2", 2), put("a/3.webp", 3), put("a/2021.04.05", 4), put("a/b.ppm~", 5);
    put_text("a/w.webp", "RIFF....WEBPVP8 "), put_text("a/g.jpg.gif", "GIF89a"), put_text("a/h.heic", "....ftypheic"),
        put_text("a/s.svg", "<?xml?>");
    put_text("a/text", "P5 is a kind of picture"), put_text("a/BMI", "BMI of 20 people"),
        put_text("a/avif", "....ftypavif"), put_text("a/.DS_Store", "x");
    put("b/1.ppm", 6), put("b/2.ppm", 7), put("b/@eaDir/1.ppm", 1), put("__MACOSX/a/._1.ppm", 1),
        put_text("Thumbs.db", "x"), put_text("LICENSE", "x");
    CHECK(mkfifo(in_root("b/pipe"), 0600) == 0);
    for (int i = 0; i < 9; i++) {
        char name[32];
        snprintf(name, sizeof name, "b/t\t%d.tif", i);
        put_text(name, i % 2 ? "II*" : "x");
    }
    if (opened(&set, root, NULL)) {
        static const char *const expected[] = {"a/1.ppm", "a/2", "a/3.webp", "a/2021.04.05", "b/1.ppm", "b/2.ppm"};
        CHECK(set.n_pictures == 6);
        for (int i = 0; i < 6 && i < set.n_pictures; i++)
            CHECK_MSG(strcmp(name_of(&set, i), expected[i]) == 0, "%d: %s", i, name_of(&set, i));
        const char *want =
            "22 left out: 4 hidden or system files (Thumbs.db, __MACOSX, a/.DS_Store, ...), 2 other files (a/BMI, "
            "a/text), "
            "1 AVIF (a/avif), 1 picture with another ending (a/b.ppm~), 1 GIF (a/g.jpg.gif), 1 HEIC (a/h.heic), 1 SVG "
            "(a/s.svg), "
            "1 WebP (a/w.webp), 1 device or pipe (b/pipe), 9 TIFF (b/t\\t0.tif, b/t\\t1.tif, b/t\\t2.tif, ...)";
        CHECK_MSG(set.left_out && strcmp(set.left_out, want) == 0, "%s", set.left_out ? set.left_out : "nothing");
        fus_set_close(&set);
    }
    end();
}

int main(void)
{
    fus_base_set_threads(1);
    test_natural_order();
    test_plain_folders();
    test_left_out();
    return test_end();
}
