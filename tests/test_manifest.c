/* SPDX-License-Identifier: MIT */
/* stimuli/set/manifest.c and the sets made of manifests: order, quoting, halves, --categories, and
 * every error with its line. */
#define _POSIX_C_SOURCE 200809L
#include "stimuli/set/manifest.h"

#include <stdarg.h>

#include "set_folders.h"

static const char *list(const char *text)
{
    put_bytes("m.tsv", text, strlen(text));
    return in_root("m.tsv");
}

static void begin_set(void)
{
    static const char *const names[] = {"1.ppm", "2.ppm",       "3.ppm",           "4.ppm",
                                        "5.ppm", "sub/a b.ppm", "sub/#\t\"\n.ppm", "\xc3\xa4.ppm"};
    begin();
    CHECK(mkdir(in_root("sub"), 0777) == 0);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        put_bytes(names[i], "P5 1 1 255\n.", 12);
}

/* The set that the text makes, as one line: "category/subcategory:name,half ..." */
static void makes(const char *text, const char *categories, const char *want)
{
    struct fus_set set;
    char got[2000] = "";
    size_t n = 0;
    int code = fus_set_open(&set, list(text), categories, &err);
    CHECK_MSG(code == FUS_OK, "%s: %s", text, err.msg);
    if (code)
        return;
    for (int i = 0; i < set.n_pictures; i++) {
        const struct fus_picture *p = &set.pictures[i];
        n += (size_t)snprintf(got + n, sizeof got - n, "%s%s/%s:%s,%d", i ? " " : "", set.categories[p->category],
                              set.subcategories[p->subcategory], p->path + strlen(root) + 1, p->half);
    }
    CHECK_MSG(strcmp(got, want) == 0, "%s\n    instead of\n    %s", got, want);
    CHECK(fus_set_check(&set, NULL, NULL, NULL, &err) == FUS_OK);
    fus_set_close(&set);
}

static void test_order(void)
{
    makes("1.ppm\tface\n2.ppm\thouse\n3.ppm\tface\n4.ppm\thouse\n", NULL,
          "face/face:1.ppm,0 face/face:3.ppm,1 house/house:2.ppm,0 house/house:4.ppm,1");
    /* subcategories and categories as they first stand there; the same subcategory
     * in two categories */
    makes("4.ppm\tz\tnew\n1.ppm\ta\told\n2.ppm\tz\told\n3.ppm\ta\tnew\n5.ppm\tz\tnew", NULL,
          "z/new:4.ppm,0 z/new:5.ppm,1 z/old:2.ppm,0 a/old:1.ppm,0 a/new:3.ppm,1");
    makes("2.ppm\tb\tz\n1.ppm\tb\ty\n4.ppm\ta\ty\n3.ppm\ta\tx\n", NULL,
          "b/z:2.ppm,0 b/y:1.ppm,1 a/y:4.ppm,0 a/x:3.ppm,1");
    makes("1.ppm\ta\tx\t1\n2.ppm\ta\tx\t1\n3.ppm\tb\t\t0\n4.ppm\tb\t\t0\n", NULL,
          "a/x:1.ppm,1 a/x:2.ppm,1 b/b:3.ppm,0 b/b:4.ppm,0");
    makes("1.ppm\ta\tx\n2.ppm\ta\ty\n3.ppm\tb\tx\n4.ppm\tb\tz\n5.ppm\tb\tw\n", "first=y,x;second=w,z",
          "first/y:2.ppm,0 first/x:1.ppm,1 first/x:3.ppm,0 second/w:5.ppm,0 second/z:4.ppm,1");
}

static void test_writing(void)
{
    makes(
        "\xef\xbb\xbfpath\tcategory\tsubcategory\r\n# a comment\r\n\r\n1.ppm\ta\r\n\n\"sub/a b.ppm\"\ta\r\n#2.ppm\ta\n"
        "\"sub/#\t\"\"\n.ppm\"\t\"b\"\r\n  \xc3\xa4.ppm \t b \n",
        NULL, "a/a:1.ppm,0 a/a:sub/a b.ppm,1 b/b:sub/#\t\"\n.ppm,0 b/b:\xc3\xa4.ppm,1");
    char text[3000];
    snprintf(text, sizeof text, "%s\ta\n./2.ppm\ta\nsub/../3.ppm\t\"b\"\n4.ppm\tb", in_root("1.ppm"));
    makes(text, NULL, "a/a:1.ppm,0 a/a:./2.ppm,1 b/b:sub/../3.ppm,0 b/b:4.ppm,1");
}

/* ASCII, and one character beyond 16 bits for each '*', as UTF-16. */
static size_t utf16(char *out, const char *text, bool big)
{
    size_t n = 0;
    unsigned units[2000], n_units = 1;
    units[0] = 0xfeff;
    for (; *text; text++) {
        units[n_units++] = *text == '*' ? 0xd83d : (unsigned char)*text;
        if (*text == '*')
            units[n_units++] = 0xde00;
    }
    for (unsigned i = 0; i < n_units; i++) {
        out[n++] = (char)(big ? units[i] >> 8 : units[i] & 255);
        out[n++] = (char)(big ? units[i] & 255 : units[i] >> 8);
    }
    return n;
}

/* What spreadsheets and Windows write. */
static void test_foreign(void)
{
    static const char text[] = "path\tcategory\r\n1.ppm\ta*\r\nsub\\a b.ppm\ta*\r\n3.ppm\tb\r\n.\\4.ppm\tb";
    char bytes[4000];
    for (int big = 0; big < 2; big++) {
        struct fus_set set;
        put_bytes("m.tsv", bytes, utf16(bytes, text, big));
        CHECK_MSG(fus_set_open(&set, in_root("m.tsv"), NULL, &err) == FUS_OK, "%s", err.msg);
        CHECK(set.n_pictures == 4 && strcmp(set.categories[0], "a\xf0\x9f\x98\x80") == 0 &&
              strstr(set.pictures[1].path, "/sub/a b.ppm"));
        fus_set_close(&set);
    }
    char plain[200];
    snprintf(plain, sizeof plain, "%s", text);
    for (char *s; (s = strchr(plain, '*'));)
        memmove(s, s + 1, strlen(s));
    makes(plain, NULL, "a/a:1.ppm,0 a/a:sub/a b.ppm,1 b/b:3.ppm,0 b/b:./4.ppm,1");
}

/* Pictures that are not there are listed with their lines, and left out as others
 * that cannot be read. */
static void test_absent(void)
{
    struct fus_set set;
    struct fus_set_bad bad = {0};
    const struct fus_set_consumers wanted = {.bad = &bad};
    const char *path = list("1.ppm\ta\n8.ppm\ta\n2.ppm\ta\n3.ppm\tb\nsub\tb\n4.ppm\tb\n");
    CHECK_MSG(fus_set_open(&set, path, NULL, &err) == FUS_OK, "%s", err.msg);
    CHECK(fus_set_check_range(&set, 0, set.n_pictures, &wanted, &err) == FUS_OK);
    int first = 0;
    while (first < bad.n && !strstr(bad.items[first].why, "m.tsv: line 2: "))
        first++;
    CHECK(first < bad.n && strstr(bad.items[first].why, "/8.ppm: cannot be opened: No such file"));
    fus_set_bad_free(&bad);
    fus_set_close(&set);
}

static void refused(const char *text, size_t n, const char *categories, ...)
{
    struct fus_set set;
    va_list ap;
    memset(&err, 0, sizeof err);
    put_bytes("m.tsv", text, n);
    CHECK(fus_set_open(&set, in_root("m.tsv"), categories, &err) != FUS_OK && set.n_pictures == 0);
    CHECK(strchr(err.msg, '\n') == NULL && strstr(err.msg, "m.tsv") != NULL);
    va_start(ap, categories);
    for (const char *word; (word = va_arg(ap, const char *));)
        CHECK_MSG(strstr(err.msg, word), "'%s' is not in: %s", word, err.msg);
    va_end(ap);
}

#define REFUSED(text, ...) refused(text, sizeof(text) - 1, NULL, __VA_ARGS__, NULL)

static void test_errors(void)
{
    REFUSED("", "no picture in it");
    REFUSED("# nothing\n\n", "no picture in it");
    REFUSED("1.ppm\ta\n2.ppm a\n", "line 2", "'2.ppm a' alone", "spaces instead of a tab");
    REFUSED("1.ppm\ta\n\n\"2.ppm\"\n", "line 3", "'2.ppm' alone");
    REFUSED("1.ppm\t\n", "line 1", "empty category");
    REFUSED("\ta\n", "line 1", "empty path");
    REFUSED("1.ppm\ta\tb\t0\tc\n", "line 1", "more than 4 fields");
    REFUSED("1.ppm\ta\tb\t2\n", "line 1", "half '2'", "0 or 1");
    REFUSED("1.ppm\ta\n2.ppm\ta\ta\t1\n", "line 2", "found a half, but line 1 has none");
    REFUSED("1.ppm\ta\ta\t1\n2.ppm\ta\n", "line 2", "found no half, but line 1 has one");
    REFUSED("1.ppm\ta\n\"2.ppm\ta\n3.ppm\ta\n", "line 2", "no end of the quoted name");
    REFUSED("\"1\n.ppm\"x\ta\n", "line 2", "'x' behind a quoted name");
    REFUSED("9.ppm\ta\n", "m.tsv: line 1: ", "9.ppm: cannot be opened: No such file");
    REFUSED("sub\ta\n\n9.ppm\ta\n", "none of 2 pictures is there: ", "m.tsv: line 1: ", "sub: is a folder");
    REFUSED("sub\\9.ppm\ta\n", "line 1: ", "nor is it there with / for \\");
    REFUSED("C:\\pictures\\9.ppm\ta\n", "line 1: ", "a path of a Windows machine");
    REFUSED("\xff\xfe\x31", "m.tsv: byte 3: found half a character of UTF-16");
    REFUSED("\xff\xfe\x00\xd8\x31\x00", "m.tsv: byte 2: found d800");
    REFUSED("\xfe\xff\x00\x31\x00\x00", "m.tsv: byte 4: found 0000");
    REFUSED("/dev/null\ta\n", "line 1: /dev/null: is a device");
    REFUSED("1.ppm\ta\0\n", "byte 7", "zero byte", "UTF-16");
    REFUSED("1.ppm\ta\n2.ppm\tb\n3.ppm\tb\n", "category a has 1 picture");
    REFUSED("1.ppm\ta\n2.ppm\ta\n", "only one category");
    static const char four[] = "1.ppm\ta\n2.ppm\ta\n3.ppm\tb\n4.ppm\tb\n";
    refused(four, sizeof four - 1, "x=a;y=c", "category y names the folder c", "there are: a, b", NULL);
    struct fus_set set;
    CHECK(fus_set_open(&set, in_root("none.tsv"), NULL, &err) == FUS_EIO && strstr(err.msg, "none.tsv: "));
    CHECK(mkdir(in_root("folder.tsv"), 0777) == 0);
    CHECK(fus_set_open(&set, in_root("folder.tsv"), NULL, &err) == FUS_EINVAL && strstr(err.msg, "no folder in it"));
    CHECK(fus_set_open(&set, in_root("1.ppm"), NULL, &err) == FUS_EINVAL && strstr(err.msg, "NAME.tsv"));
}

/* Every prefix and many changed bytes of a valid file: an answer, never a crash. */
static void test_damage(void)
{
    static const char text[] =
        "path\tcategory\n\"1.ppm\"\ta\tx\t0\n2.ppm\ta\t\"y\"\"\"\t1\n# c\n3.ppm\tb\tx\t0\r\n\"4.ppm\"\tb\tz\t1\n";
    struct fus_manifest m;
    char changed[sizeof text];
    unsigned state = 1;
    int read = 0;
    for (size_t n = 0; n < sizeof text; n++) {
        put_bytes("m.tsv", text, n);
        if (fus_manifest_read(&m, in_root("m.tsv"), &err) == FUS_OK) {
            read++;
            fus_manifest_free(&m);
        }
    }
    for (int i = 0; i < 2000; i++) {
        memcpy(changed, text, sizeof text);
        for (int k = 0; k < 1 + i % 3; k++) {
            state = state * 1103515245u + 12345u;
            changed[(state >> 16) % (sizeof text - 1)] = "\t\n\"\r# a0"[state >> 8 & 7];
        }
        put_bytes("m.tsv", changed, sizeof text - 1);
        int n, code = fus_manifest_read(&m, in_root("m.tsv"), &err);
        if (code)
            continue;
        CHECK(fus_manifest_number(&m, &n, &err) == FUS_OK && n <= m.n);
        fus_manifest_free(&m);
        read++;
    }
    CHECK(read > 50);
}

static void test_memory(void)
{
    struct fus_set set;
    const char *path = list("1.ppm\ta\tx\n2.ppm\ta\ty\n3.ppm\tb\tx\n4.ppm\tb\tz\n");
    for (int mapped = 0; mapped < 2; mapped++)
        for (long n = 1;; n++) {
            fus_base_fail_allocation(n);
            int code = fus_set_open(&set, path, mapped ? "p=x;q=y,z" : NULL, &err);
            fus_base_fail_allocation(0);
            if (!code) {
                CHECK(n > 10 && set.n_pictures == 4);
                fus_set_close(&set);
                break;
            }
            CHECK_MSG(code == FUS_ENOMEM, "allocation %ld: %s", n, err.msg);
        }
}

int main(void)
{
    fus_base_set_threads(1);
    begin_set();
    test_order();
    test_writing();
    test_foreign();
    test_absent();
    test_errors();
    test_damage();
    test_memory();
    end();
    return test_end();
}
