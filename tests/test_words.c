/* SPDX-License-Identifier: MIT */
/* weights/words.c: every format, words with spaces, doubled words, and files that
 * are no word vectors. */
#define _POSIX_C_SOURCE 200809L
#include "weights/words.h"

#include <unistd.h>

#include "tests/golden/words_values.inc"
#include "tests/test.h"

static struct fus_error err;

/* Whether vector i of w is golden vector k, exactly or to the five digits of the text files. */
static bool same(const struct fus_words *w, size_t i, int k, bool exact)
{
    for (int d = 0; d < 5; d++)
        if (!(fabs(w->vectors[i * 5 + (size_t)d] - golden_words[k][d]) <= (exact ? 0 : 5.1e-6)))
            return false;
    return w->found[i];
}

static void test_formats(void)
{
    static const char *const wanted[] = {
        "retriever", "the", "absent", "1 2", "golden", "the", ". . .", "caf\xc3\xa9", "at name@domain.com"};
    static const char *const joined[] = {
        "retriever", "the", "absent", "1_2", "golden", "the", "._._.", "caf\xc3\xa9", "at_name@domain.com"};
    static const int golden[] = {5, 0, -1, 3, 4, 0, 2, 6, 7};
    static const struct {
        const char *path, *format;
        bool exact, spaces;
    } files[] = {{"words_glove.txt", "GloVe text", false, true},
                 {"words_text.vec", "word2vec text", false, true},
                 {"words_word2vec.bin", "word2vec binary", true, false},
                 {"words_word2vec_close.bin", "word2vec binary", true, false},
                 {"words_table.npy", "npy", true, true}};
    for (size_t f = 0; f < sizeof files / sizeof *files; f++) {
        struct fus_words w = {0};
        char path[100];
        const char *const *list = files[f].spaces ? wanted : joined;
        snprintf(path, sizeof path, "tests/golden/%s", files[f].path);
        int code = fus_words_read(&w, path, list, 9, &err);
        CHECK_MSG(code == 0 && w.dim == 5 && w.n == 9 && w.n_found == 8, "%s: %s", path, code ? err.msg : "");
        if (code)
            continue;
        CHECK(strcmp(w.format, files[f].format) == 0 && !w.found[2]);
        for (size_t i = 0; i < 9; i++)
            CHECK_MSG(golden[i] < 0 || same(&w, i, golden[i], files[f].exact), "%s: %s", path, list[i]);
        CHECK(fus_words_check(&w, path, list, 12, NULL) == 0);
        CHECK(fus_words_check(&w, path, list, 2, &err) == FUS_ENOTFOUND && strstr(err.msg, "1 of 9") &&
              strstr(err.msg, "absent"));
        fus_words_free(&w);
    }
}

static void test_mean(void)
{
    static const char *const wanted[] = {"absent", "golden", "retriever"};
    static const double weight[] = {5, 2, 1};
    static const int text[] = {1, 0, 2};
    struct fus_words w = {0};
    float out[5];
    CHECK(fus_words_read(&w, "tests/golden/words_word2vec.bin", wanted, 3, &err) == 0);
    CHECK(fus_words_mean(out, &w, text, 3, weight));
    for (int i = 0; i < 5; i++)
        CHECK(fabs(out[i] - golden_mean[i]) < 1e-7);
    CHECK(!fus_words_mean(out, &w, text + 1, 1, NULL) && out[0] == 0);
    CHECK(fus_words_mean(out, &w, text, 1, NULL));
    fus_words_free(&w);
}

static char folder[200];

static const char *written(const char *name, const char *bytes, size_t n)
{
    static char path[300];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "wb");
    CHECK(f && fwrite(bytes, 1, n, f) == n);
    if (f)
        fclose(f);
    return path;
}

/* Reading fails, and the message says the path and `what`. */
static void refused(const char *name, const char *bytes, size_t n, int code, const char *what)
{
    static const char *const wanted[] = {"dog", "zebra"};
    struct fus_words w = {.dim = 77};
    const char *path = written(name, bytes, n);
    memset(&err, 0, sizeof err);
    int got = fus_words_read(&w, path, wanted, 2, &err);
    CHECK_MSG(got == code && strstr(err.msg, what) && strncmp(err.msg, path, strlen(path)) == 0 &&
                  !strchr(err.msg, '\n') && w.dim == 77,
              "%s: %d: %s", name, got, err.msg);
    if (!got)
        fus_words_free(&w);
}
#define TEXT(s) s, sizeof s - 1

static void test_bad(void)
{
    snprintf(folder, sizeof folder, "%s/fusiform-words-XXXXXX",
             getenv("TMPDIR") && strlen(getenv("TMPDIR")) < 150 ? getenv("TMPDIR") : "/tmp");
    CHECK(mkdtemp(folder) != NULL);
    refused("a.txt", TEXT(""), FUS_EFORMAT, "empty");
    refused("a.txt", TEXT("\n\n"), FUS_EFORMAT, "empty");
    refused("a.txt", TEXT("<html>\n<body>\n"), FUS_EFORMAT, "found no words");
    refused("a.txt", TEXT("cat 1 2 3\na 1 2 3\ndog 1 2 nan\n"), FUS_EFORMAT, "line 3: found `nan`");
    refused("a.txt", TEXT("cat 1 2 3\ndog 1 x 3\nzebra 1 2 3\n"), FUS_EFORMAT, "found `x 3`, expected number 2 of 3");
    refused("a.txt", TEXT("cat 1 2 3\ndog 1e39 2 3\n"), FUS_EFORMAT, "found `1e39");
    refused("a.txt", TEXT("\x1f\x8b\x08 something"), FUS_EUNSUPPORTED, "gzip");
    refused("a.zip", TEXT("PK\3\4 something"), FUS_EUNSUPPORTED, "zip");
    refused("a.vec", TEXT("3 2\ncat 1 2\ndog 1 2\n"), FUS_EFORMAT, "found 2 words, its first line says 3");
    refused("a.vec", TEXT("3 2\ncat 1 2\n1 2\n"), FUS_EFORMAT, "line 3: found 1 numbers");
    refused("a.vec", TEXT("3 0\ncat\n"), FUS_ELIMIT, "0 dimensions");
    refused("a.vec", TEXT("3 99999999999\ncat 1\n"), FUS_ELIMIT, "99999999999 dimensions");
    refused("a.bin", TEXT("2 1\ndog \0\0\x80\x7fzebra \0\0\0\0"), FUS_EFORMAT, "not finite");
    refused("a.bin", TEXT("2 1\ncat \0\0\x80\x3fzebra \0\0"), FUS_EFORMAT, "truncated");
    refused("a.bin", TEXT("2 1\ncat \0\0\x80\x3fzeb"), FUS_EFORMAT, "within a word");
    struct fus_words w;
    static const char *const wanted[] = {"dog"};
    CHECK(fus_words_read(&w, folder, wanted, 1, &err) == FUS_EIO);
    CHECK(fus_words_read(&w, "tests/golden/no-such-file", wanted, 1, &err) == FUS_ENOTFOUND);
    char *large = malloc(2 << 20); /* one line of 2 MB */
    memset(large, 'x', 2 << 20);
    refused("large.txt", large, 2 << 20, FUS_ELIMIT, "longer than");
    free(large);
}

/* Names and rows of an .npy that do not fit together. */
static void test_npy(void)
{
    static const char *const wanted[] = {"dog"};
    struct fus_words w;
    char bytes[2000];
    FILE *f = fopen("tests/golden/words_table.npy", "rb");
    size_t n = f ? fread(bytes, 1, sizeof bytes, f) : 0;
    CHECK(n > 0);
    if (f)
        fclose(f);
    char npy[300];
    snprintf(npy, sizeof npy, "%s", written("t.npy", bytes, n));
    CHECK(fus_words_read(&w, npy, wanted, 1, &err) == FUS_ENOTFOUND && strstr(err.msg, "t.txt"));
    written("t.txt", "cat\ndog\n", 8);
    CHECK(fus_words_read(&w, npy, wanted, 1, &err) == FUS_EFORMAT && strstr(err.msg, "found 2 names") &&
          strstr(err.msg, "8 rows"));
    written("t.npy", bytes, n - 5);
    CHECK(fus_words_read(&w, npy, wanted, 1, &err) == FUS_EFORMAT);
    char command[300];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    CHECK(system(command) == 0);
}

static void test_memory(void)
{
    static const char *const files[] = {"tests/golden/words_glove.txt", "tests/golden/words_text.vec",
                                        "tests/golden/words_word2vec.bin", "tests/golden/words_table.npy"};
    static const char *const wanted[] = {"dog", "golden"};
    for (size_t i = 0; i < 4; i++)
        for (long k = 1; k < 100; k++) {
            struct fus_words w;
            fus_base_fail_allocation(k);
            int code = fus_words_read(&w, files[i], wanted, 2, &err);
            fus_base_fail_allocation(0);
            if (code == 0) {
                fus_words_free(&w);
                break;
            }
            CHECK_MSG(code == FUS_ENOMEM && k < 99, "%s: %s", files[i], err.msg);
        }
}

int main(void)
{
    test_formats();
    test_mean();
    test_bad();
    test_npy();
    test_memory();
    return test_end();
}
