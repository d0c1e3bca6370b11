/* SPDX-License-Identifier: MIT */
/* analysis/sdc/data.c, matrix.c and embedding.c: a participant made of an array, gathering from
 * memory and file, an embedding of any type. */
#define _POSIX_C_SOURCE 200809L
#include "analysis/sdc/data.h"

#include <unistd.h>

#include "analysis/run/tables.h"
#include "analysis/sdc/matrix.h"
#include "test.h"

enum { TRIALS = 37, VOXELS = 21 };

static const char *scratch(const char *name)
{
    static char path[512];
    const char *folder = getenv("TMPDIR");
    snprintf(path, sizeof path, "%s/fusiform-sdc-data-%ld-%s", folder ? folder : "/tmp", (long)getpid(), name);
    return path;
}

static void test_array(void)
{
    float x[TRIALS * VOXELS], got[5 * VOXELS];
    int32_t image[TRIALS], trials[TRIALS];
    uint8_t split[TRIALS];
    struct fus_sdc_data *d = NULL;
    struct fus_error err = {0, -1, ""};
    static const int32_t some[5] = {3, 36, 3, 0, 17};
    for (int i = 0; i < TRIALS * VOXELS; i++)
        x[i] = (float)i * 0.37f - 3;
    for (int t = 0; t < TRIALS; t++) {
        image[t] = t % 9;
        split[t] = (uint8_t)(t % 9 % 3);
    }
    CHECK(fus_sdc_data_of_array(&d, "subj01", x, TRIALS, VOXELS, 9, image, split, &err) == 0);
    CHECK(strcmp(d->name, "subj01") == 0 && d->n_trials == TRIALS && d->n_voxels == VOXELS && d->n_sessions == 1);
    CHECK(fus_sdc_data_gather(got, d, some, 5, &err) == 0);
    for (int i = 0; i < 5; i++)
        CHECK(memcmp(got + i * VOXELS, x + some[i] * VOXELS, sizeof(float) * VOXELS) == 0);
    size_t n = fus_sdc_data_trials(trials, d, FUS_SDC_TEST);
    CHECK(n == 12 && trials[0] == 2 && trials[11] == 35);
    static const int32_t beyond[1] = {TRIALS};
    CHECK(fus_sdc_data_gather(got, d, beyond, 1, &err) == FUS_EINVAL && strstr(err.msg, "subj01: trial 38 of 37"));
    fus_sdc_data_close(d);
    image[4] = 9;
    CHECK(fus_sdc_data_of_array(&d, "subj01", x, TRIALS, VOXELS, 9, image, split, &err) == FUS_EINVAL &&
          strcmp(err.msg, "subj01: trial 5: image 9 of 9") == 0);
}

/* The same numbers from memory and from a file, int16 and f32, in stripes of every width. */
static void test_matrix(void)
{
    float x[TRIALS * VOXELS], buffer[TRIALS * VOXELS];
    for (int i = 0; i < TRIALS * VOXELS; i++)
        x[i] = (float)(i * 91 % 65536 - 32768);
    for (size_t stripe = 1; stripe <= VOXELS + 1; stripe++)
        for (int kind = 0; kind < 4; kind++) {
            struct fus_sdc_matrix m = {TRIALS, VOXELS, stripe, kind & 1, NULL, -1, "/tmp"};
            struct fus_error err;
            CHECK(fus_sdc_matrix_create(&m, kind & 2, &err) == 0);
            CHECK(fus_sdc_matrix_write(&m, x, 0, 5, &err) == 0);
            CHECK(fus_sdc_matrix_write(&m, x + 5 * VOXELS, 5, TRIALS - 5, &err) == 0);
            bool same = true;
            for (size_t s = 0; s < fus_sdc_matrix_stripes(&m); s++) {
                const void *raw;
                size_t width = fus_sdc_matrix_width(&m, s);
                CHECK(fus_sdc_matrix_read(&raw, &m, s, 2, TRIALS - 2, buffer, &err) == 0);
                for (size_t i = 0; i < (TRIALS - 2) * width; i++) {
                    float got = m.integer ? ((const int16_t *)raw)[i] : ((const float *)raw)[i];
                    same = same && got == x[(2 + i / width) * VOXELS + s * stripe + i % width];
                }
            }
            CHECK_MSG(same, "stripe %zu, kind %d", stripe, kind);
            fus_sdc_matrix_close(&m);
        }
}

static void test_embedding(void)
{
    static const double y[4][3] = {{3, 0, 4}, {0, 0, 0}, {1, 1, INFINITY}, {-2, 0, 0}};
    static const float flat[3] = {1, 2, 3};
    const struct fus_npy_array arrays[3] = {
        {"y", "<f8", 2, {4, 3}, y}, {"embedding", "<f8", 2, {4, 3}, y}, {"flat", "<f4", 1, {3}, flat}};
    struct fus_sdc_embedding e;
    struct fus_error err = {0, -1, ""};
    const char *path = scratch("e.npy");
    CHECK(fus_npyout_npy(path, arrays, NULL) == 0);
    CHECK(fus_sdc_embedding_open(&e, path, &err) == 0);
    CHECK(e.n == 4 && e.d == 3 && e.unit[0] == 0.6f && e.unit[2] == 0.8f && e.unit[9] == -1);
    CHECK(e.usable[0] && !e.usable[1] && !e.usable[2] && e.usable[3] && e.unit[8] == 0 && strlen(e.sha256) == 64);
    fus_sdc_embedding_close(&e);
    CHECK(fus_npyout_npz(path, arrays, 3, NULL) == 0);
    CHECK(fus_sdc_embedding_open(&e, path, &err) == 0 && e.n == 4);
    fus_sdc_embedding_close(&e);
    CHECK(fus_npyout_npz(path, arrays + 2, 1, NULL) == 0);
    CHECK(fus_sdc_embedding_open(&e, path, &err) == FUS_EFORMAT && strstr(err.msg, "holds 0 arrays of two dimensions"));
    CHECK(fus_npyout_npy(path, arrays + 2, NULL) == 0);
    CHECK(fus_sdc_embedding_open(&e, path, &err) == FUS_EFORMAT);
    unlink(path);
    CHECK(fus_sdc_embedding_open(&e, path, &err) == FUS_EIO);
}

int main(void)
{
    test_array();
    test_matrix();
    test_embedding();
    return test_end();
}
