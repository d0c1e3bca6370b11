/* SPDX-License-Identifier: MIT */
/* What was counted as files (analysis/localizer/state/state_file.c): what is written is read back,
 * and whatever was changed, cut short or taken from another run is an error. */
#define _POSIX_C_SOURCE 200809L
#include "analysis/localizer/state/state_file.h"

#include <unistd.h>

#include "test.h"

static const char run[] = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
static const char other[] = "ff112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
static const struct fus_note_sink quiet = {0};
static char folder[] = "/tmp/fusiform-files-XXXXXX";

static double value(int layer, size_t i)
{
    return layer * 1000.0 + (double)i / 7;
}

/* Two layers, 5 x 4 and 16 x 1: blocked 64 and 16 units, two halves. */
static int write_file(int first, int end)
{
    struct fus_state_file_layer layers[2] = {{.name = "relu", .channels = 5, .n_places = 4},
                                             {.name = "fc", .channels = 16, .n_places = 1}};
    struct fus_state_file file = {.kind = FUS_STATE_MOMENTS,
                                  .first = first,
                                  .end = end,
                                  .n_halves = 2,
                                  .n_moments = 2,
                                  .n_layers = 2,
                                  .layers = layers};
    struct fus_state_file_out o;
    int code = fus_state_file_begin(&o, folder, run, &file, NULL);
    for (int l = 0; l < 2 && !code; l++) {
        for (size_t i = 0; i < (l ? 64u : 256u); i++) {
            double v = value(l, i);
            fus_state_file_write(&o, &v, sizeof v);
        }
        fus_state_file_end_layer(&o);
    }
    return code ? code : fus_state_file_commit(&o, NULL);
}

static bool layer_is_right(const struct fus_state_file *p, const char *name, int layer, size_t n)
{
    struct fus_state_file_in in;
    double v;
    bool right = true;
    if (fus_state_file_open_layer(&in, p, name, NULL))
        return false;
    for (size_t i = 0; i < n; i++) {
        fus_state_file_read(&in, &v, sizeof v);
        right = right && v == value(layer, i);
    }
    return fus_state_file_close_layer(&in, NULL) == FUS_OK && right;
}

static void test_round_trip(void)
{
    struct fus_state_files list = {0};
    const char *const both[] = {"fc", "relu"}, *const third[] = {"relu", "layer1.0.relu"};
    CHECK(write_file(0, 32) == FUS_OK && write_file(0, 64) == FUS_OK && write_file(64, 70) == FUS_OK);
    CHECK(fus_state_file_scan(&list, folder, run, NULL, NULL) == FUS_OK && list.n == 3);
    int longest = fus_state_file_longest(&list, FUS_STATE_MOMENTS, 0, both, 2);
    CHECK(longest >= 0 && list.items[longest].end == 64 && list.items[longest].n_halves == 2);
    CHECK(fus_state_file_longest(&list, FUS_STATE_MOMENTS, 32, both, 2) < 0);
    CHECK(fus_state_file_longest(&list, FUS_STATE_RESPONSES, 0, both, 2) < 0);
    CHECK(fus_state_file_longest(&list, FUS_STATE_MOMENTS, 0, third, 2) < 0);
    CHECK(layer_is_right(&list.items[longest], "relu", 0, 256) && layer_is_right(&list.items[longest], "fc", 1, 64));
    CHECK(!layer_is_right(&list.items[longest], "fc", 1, 63)); /* not to its end */
    CHECK(!layer_is_right(&list.items[longest], "layer1.0.relu", 1, 64));
    fus_state_file_free(&list);
    CHECK(fus_state_file_scan(&list, folder, other, &quiet, NULL) == FUS_OK && list.n == 0);
    CHECK(fus_state_file_scan(&list, "/nowhere/at/all", run, NULL, NULL) == FUS_OK && list.n == 0);
    fus_state_file_free(&list);
}

/* The only file with this file's bytes [n], byte `flip` changed: whether it can
 * be read to the end. */
static bool readable(const char *bytes, size_t n, size_t flip)
{
    char path[256];
    struct fus_state_files list = {0};
    struct fus_error err = {0};
    fus_state_file_path(path, sizeof path, folder, FUS_STATE_MOMENTS, 0, 32, "relu");
    FILE *f = fopen(path, "wb");
    for (size_t i = 0; i < n; i++)
        fputc(bytes[i] ^ (i == flip ? 0x10 : 0), f);
    fclose(f);
    int code = fus_state_file_scan(&list, folder, run, NULL, &err);
    CHECK((code == FUS_OK) == (list.n == 1) &&
          (code == FUS_OK || (code == FUS_EFORMAT && strstr(err.msg, "moments-0-32-relu: "))));
    bool ok = !code && layer_is_right(&list.items[0], "relu", 0, 256) && layer_is_right(&list.items[0], "fc", 1, 64);
    fus_state_file_free(&list);
    return ok;
}

static void test_damage(void)
{
    static char bytes[8192];
    char path[256];
    fus_state_file_path(path, sizeof path, folder, FUS_STATE_MOMENTS, 0, 64, "relu");
    unlink(path);
    fus_state_file_path(path, sizeof path, folder, FUS_STATE_MOMENTS, 64, 70, "relu");
    unlink(path);
    fus_state_file_path(path, sizeof path, folder, FUS_STATE_MOMENTS, 0, 32, "relu");
    FILE *f = fopen(path, "rb");
    size_t n = fread(bytes, 1, sizeof bytes, f), good = 0;
    fclose(f);
    CHECK(n == 100 + 2 * 60 + 64 + 256 * 8 + 64 + 64 * 8 + 64);
    CHECK(readable(bytes, n, n));
    for (size_t i = 0; i < n; i += i < 300 ? 1 : 13)
        good += readable(bytes, n, i) + readable(bytes, i, n);
    CHECK(good == 0);
    CHECK(!readable(bytes, n + 1, n + 1));
}

static void test_no_memory(void)
{
    struct fus_state_files list = {0};
    CHECK(write_file(0, 32) == FUS_OK);
    for (long n = 1; n < 8; n++) {
        fus_base_fail_allocation(n);
        int code = fus_state_file_scan(&list, folder, run, &quiet, NULL);
        fus_base_fail_allocation(0);
        CHECK(code == FUS_ENOMEM || list.n == 1);
        fus_state_file_free(&list);
    }
}

int main(void)
{
    CHECK(mkdtemp(folder) != NULL);
    test_round_trip();
    test_damage();
    test_no_memory();
    char path[256];
    fus_state_file_path(path, sizeof path, folder, FUS_STATE_MOMENTS, 0, 32, "relu");
    unlink(path);
    CHECK(rmdir(folder) == 0);
    return test_end();
}
