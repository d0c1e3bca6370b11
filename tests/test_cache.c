/* SPDX-License-Identifier: MIT */
/* stimuli/set/cache.c: what a network sees is the same whether a picture is remembered or not, and
 * a remembered picture's file is not opened again. */
#define _POSIX_C_SOURCE 200809L
#include <sys/stat.h>
#include <unistd.h>

#include "tests/images.h"

enum { N = 6, LARGEST = 3 * 60 * 60 };

/* smaller, larger than what is reduced */
static const int sizes[N][2] = {{20, 30}, {60, 60}, {300, 290}, {261, 270}, {3, 5}, {256, 280}};
static const char *const specs[] = {
    "resize=256,interp=bilinear,crop=60,mean=0.5,std=0.2", "resize=256,interp=bilinear,crop=60,mean=0,std=1",
    "resize=40,interp=bicubic,crop=50,mean=0.1/0.2/0.3,std=1", "resize=40,interp=bilinear,crop=50,mean=0,std=1"};
enum { N_SPECS = 4, N_CROPS = 3 };

static struct fus_preprocess p[N_SPECS];
static float want[N_SPECS][N][LARGEST];
static char root[600];
static struct fus_set set;

/* Two folders of three pictures; the first three are grey. */
static void make_set(void)
{
    const char *tmp = getenv("TMPDIR");
    snprintf(root, sizeof root, "%s/fusiform-cache-XXXXXX", tmp && strlen(tmp) < 500 ? tmp : "/tmp");
    CHECK(mkdtemp(root) != NULL);
    for (int i = 0; i < N; i++) {
        struct fus_image image = {0};
        struct fus_error err = {0, -1, ""};
        char path[700];
        snprintf(path, sizeof path, "%s/%s", root, i < 3 ? "a" : "b");
        mkdir(path, 0777);
        snprintf(path, sizeof path, "%s/%s/%d.ppm", root, i < 3 ? "a" : "b", i);
        test_noise(&image, sizes[i][0], sizes[i][1], (uint32_t)i);
        for (size_t k = 0; i < 3 && k < 3 * (size_t)image.width * (size_t)image.height; k++)
            image.pixels[k] = image.pixels[k - k % 3];
        CHECK_MSG(fus_pnm_write(path, &image, &err) == 0, "%s", err.msg);
        for (int s = 0; s < N_SPECS; s++) {
            CHECK(fus_preprocess_parse(&p[s], specs[s], NULL) == 0);
            CHECK(fus_preprocess_apply(want[s][i], &p[s], &image, NULL) == 0);
        }
        fus_image_free(&image);
    }
    CHECK(fus_set_open(&set, root, NULL, NULL) == 0 && set.n_pictures == N);
}

static void move_set(const char *from, const char *to)
{
    char a[700], b[700];
    for (int i = 0; i < 2; i++) {
        snprintf(a, sizeof a, "%s/%c%s", root, "ab"[i], from);
        snprintf(b, sizeof b, "%s/%c%s", root, "ab"[i], to);
        CHECK(rename(a, b) == 0);
    }
}

static struct fus_cache *new_cache(size_t max_bytes)
{
    struct fus_cache *cache = NULL;
    CHECK(fus_cache_create(&cache, N, max_bytes, NULL) == 0);
    for (int s = 0; s < N_SPECS && cache; s++)
        CHECK(fus_cache_want(cache, &p[s], NULL) == 0);
    return cache;
}

/* How many inputs come, each equal to what it must be. */
static int inputs(struct fus_cache *cache)
{
    static float got[LARGEST];
    int n = 0;
    for (int s = 0; s < N_SPECS; s++)
        for (int i = 0; i < N; i++) {
            struct fus_error err = {0, -1, ""};
            int code = fus_cache_input(got, cache, &set, i, &p[s], NULL, &err);
            size_t bytes = 3 * (size_t)p[s].crop * (size_t)p[s].crop * sizeof *got;
            CHECK_MSG(code ? strncmp(err.msg, set.pictures[i].path, strlen(set.pictures[i].path)) == 0
                           : memcmp(got, want[s][i], bytes) == 0,
                      "%s, picture %d: %s", specs[s], i, code ? err.msg : "another input");
            n += !code;
        }
    return n;
}

/* With room for all, some or none; filled by the check, or by the first look. */
static void test_room(void)
{
    size_t all = 0;
    for (int s = 1; s < N_SPECS; s++)
        all += (size_t)p[s].crop * (size_t)p[s].crop * (3 * 1 + 3 * 3);
    static const size_t rooms[] = {0, 9999, 40000, 90000, 1 << 20};
    for (int checked = 0; checked < 2; checked++)
        for (int i = 0; i < 5; i++) {
            struct fus_cache *cache = new_cache(rooms[i]);
            struct fus_pixelstats stats[N], plain[N];
            struct fus_error err = {0, -1, ""};
            if (checked) {
                CHECK_MSG(fus_set_check(&set, NULL, stats, cache, &err) == 0 &&
                              fus_set_check(&set, NULL, plain, NULL, &err) == 0,
                          "%s", err.msg);
                for (int k = 0; k < N; k++)
                    CHECK(test_close(stats[k].luminance, plain[k].luminance, 0) &&
                          test_close(stats[k].slope, plain[k].slope, 0));
            }
            CHECK(inputs(cache) == N_SPECS * N && inputs(cache) == N_SPECS * N);
            CHECK_MSG(fus_cache_bytes(cache) <= rooms[i], "%zu bytes", fus_cache_bytes(cache));
            CHECK(rooms[i] < all || fus_cache_bytes(cache) == all); /* of the crop that two share there is one */
            move_set("", ".away");
            int n = inputs(cache);
            CHECK_MSG(rooms[i] >= all ? n == N_SPECS * N
                      : rooms[i]      ? n > 0 && n < N_SPECS * N
                                      : n == 0,
                      "%d of %d", n, N_SPECS * N);
            move_set(".away", "");
            fus_cache_free(cache);
        }
    CHECK(inputs(NULL) == N_SPECS * N && fus_cache_bytes(NULL) == 0);
}

/* Whichever allocation fails: an error, or the right input without the memory of it. */
static void test_memory(void)
{
    static float got[LARGEST];
    int n_ok = 0;
    for (long k = 1; k < 100 && n_ok < 2; k++) {
        struct fus_cache *cache = NULL;
        fus_base_fail_allocation(k);
        int code = fus_cache_create(&cache, N, 1 << 20, NULL);
        for (int s = 0; s < 2 && !code; s++)
            code = fus_cache_want(cache, &p[2 * s], NULL);
        if (!code)
            code = fus_cache_input(got, cache, &set, 3, &p[2], NULL, NULL);
        fus_base_fail_allocation(0);
        CHECK(code ? code == FUS_ENOMEM : memcmp(got, want[2][3], 3 * 50 * 50 * sizeof *got) == 0);
        CHECK(!cache || inputs(cache) == N_SPECS * N);
        n_ok += code == 0;
        fus_cache_free(cache);
    }
    CHECK(n_ok == 2);
    fus_cache_free(NULL);
}

int main(void)
{
    make_set();
    test_room();
    test_memory();
    fus_set_close(&set);
    char command[700];
    snprintf(command, sizeof command, "rm -rf '%s'", root);
    CHECK(system(command) == 0);
    return test_end();
}
