/* SPDX-License-Identifier: MIT */
/* volume.c, nifti.c, mgh.c: files that tests/golden/volume.py wrote, against what it says they
 * hold; cut, damaged and hostile ones; arrays of NumPy's; what is written, read back. */
#define _POSIX_C_SOURCE 200809L
#include "weights/volume.h"

#include <unistd.h>

#include "analysis/run/tables.h"
#include "nn/base/bits.h"
#include "nn/base/inflate.h"
#include "test.h"

static const struct golden {
    const char *name;
    size_t grid[3], frames;
    bool whole;
    uint32_t crc; /* of the values as little-endian f32 */
    float first[8];
} golden[] = {
#include "tests/golden/volume.inc"
};

static const char *scratch(const char *name)
{
    static char path[512];
    const char *folder = getenv("TMPDIR");
    snprintf(path, sizeof path, "%s/fusiform-volume-%ld-%s", folder ? folder : "/tmp", (long)getpid(), name);
    return path;
}

static uint32_t digest(const float *x, size_t n)
{
    uint32_t crc = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t bits = fus_bits_of_float(x[i]);
        uint8_t le[4] = {(uint8_t)bits, (uint8_t)(bits >> 8), (uint8_t)(bits >> 16), (uint8_t)(bits >> 24)};
        crc = fus_inflate_crc32(crc, le, 4);
    }
    return crc;
}

/* Reads everything; x is NULL where that fails. */
static float *read_all(struct fus_volume *v, size_t step, int *code, struct fus_error *err)
{
    const struct fus_volume_info *info = fus_volume_info(v);
    float *x = malloc(info->n_places * info->n_frames * sizeof *x + 1);
    *code = 0;
    for (size_t t = 0; !*code && t < info->n_frames; t += step) {
        size_t n = info->n_frames - t < step ? info->n_frames - t : step;
        *code = fus_volume_read(v, x + t * info->n_places, n, err);
    }
    if (*code) {
        free(x);
        return NULL;
    }
    return x;
}

static void check_golden(const struct golden *g, const char *path)
{
    struct fus_volume *v = NULL;
    struct fus_error err = {0, -1, ""};
    int code;
    code = fus_volume_open(&v, path, &err);
    CHECK_MSG(code == 0, "%s", err.msg);
    if (code)
        return;
    const struct fus_volume_info *info = fus_volume_info(v);
    CHECK(info->space.grid[0] == g->grid[0] && info->space.grid[1] == g->grid[1] && info->space.grid[2] == g->grid[2]);
    CHECK(info->n_frames == g->frames && info->n_places == g->grid[0] * g->grid[1] * g->grid[2]);
    CHECK(info->whole == g->whole);
    float *x = read_all(v, 2, &code, &err);
    CHECK_MSG(x && digest(x, info->n_places * info->n_frames) == g->crc, "%s: %s", path, err.msg);
    for (int i = 0; x && i < 8 && (size_t)i < info->n_places * info->n_frames; i++)
        CHECK(x[i] == g->first[i] || (isnan(x[i]) && isnan(g->first[i])));
    CHECK(fus_volume_read(v, NULL, 1, &err) == FUS_EINVAL);
    free(x);
    fus_volume_close(v);
}

static int try_bytes(const uint8_t *bytes, size_t n, struct fus_error *err)
{
    struct fus_volume *v;
    uint8_t *copy = malloc(n ? n : 1);
    memcpy(copy, bytes, n);
    int code = fus_volume_open_bytes(&v, copy, n, err);
    if (!code) {
        free(read_all(v, 1, &code, err));
        fus_volume_close(v);
    }
    free(copy);
    return code;
}

/* Every prefix is an error; any byte may change without a crash. */
static void check_damage(const struct golden *g, const char *path)
{
    uint8_t *data = NULL;
    size_t n;
    struct fus_error err = {0, -1, ""};
    CHECK(fus_base_read_file(&data, &n, path, 1 << 20, NULL) == 0);
    size_t last = strcmp(g->name, "vol_members.nii.gz") == 0 ? n - 512 : n; /* zeros may be missing */
    for (size_t k = 0; k < last; k += 1 + n / 1000)
        CHECK_MSG(try_bytes(data, k, &err) == FUS_EFORMAT, "%s: first %zu bytes", g->name, k);
    uint32_t r = 3;
    for (int k = 0; k < 200; k++) {
        r = r * 1664525u + 1013904223u;
        size_t at = (size_t)(r >> 8) % (n < 360 ? n : 360);
        uint8_t old = data[at];
        data[at] = (uint8_t)(r >> 5);
        try_bytes(data, n, &err);
        data[at] = old;
    }
    fus_base_free(data);
}

static void test_bad(void)
{
    char line[512], path[600];
    int n = 0;
    FILE *f = fopen("tests/bad/vol_list.txt", "r");
    CHECK(f != NULL);
    for (; f && fgets(line, sizeof line, f); n++) {
        struct fus_volume *v;
        struct fus_error err = {0, -1, ""};
        char *tab = strchr(line, '\t');
        line[strcspn(line, "\n")] = 0;
        *tab = 0;
        snprintf(path, sizeof path, "tests/bad/%s", line);
        int code = fus_volume_open(&v, path, &err);
        if (!code) {
            free(read_all(v, 1, &code, &err));
            fus_volume_close(v);
        }
        CHECK_MSG(code && strstr(err.msg, tab + 1), "%s: code %d, `%s`, expected `%s`", path, code, err.msg, tab + 1);
        CHECK_MSG(strncmp(err.msg, path, strlen(path)) == 0 && !strstr(err.msg + 1, path), "%s", err.msg);
    }
    CHECK(n > 40);
    if (f)
        fclose(f);
}

/* [5, 3] in C and Fortran order, alone and in archives; a flat mask. */
static void test_arrays(void)
{
    static const int16_t c[15] = {0, 1, 2, 10, 11, 12, 20, 21, 22, 30, 31, 32, 40, 41, 42};
    static const double d[4] = {0.5, 1, 2, 3};
    const struct fus_npy_array arrays[3] = {
        {"betas", "<i2", 2, {5, 3}, c}, {"other", "<i2", 2, {3, 5}, c}, {"mask", "<f8", 1, {4}, d}};
    struct fus_volume *v;
    struct fus_error err = {0, -1, ""};
    int code;
    const char *path = scratch("a.npy");
    for (int kind = 0; kind < 4; kind++) {
        CHECK((kind == 0   ? fus_npyout_npy(path, arrays, NULL)
               : kind == 1 ? fus_npyout_npz(path, arrays, 3, NULL)
               : kind == 2 ? fus_npyout_npy(path, arrays + 2, NULL)
                           : fus_npyout_npz(path, arrays + 1, 2, NULL)) == 0);
        CHECK_MSG(fus_volume_open(&v, path, &err) == 0, "%s", err.msg);
        const struct fus_volume_info *info = fus_volume_info(v);
        CHECK(info->space.format == FUS_VOLUME_ARRAY && info->whole == (kind != 2));
        CHECK(info->n_frames == (kind == 2   ? 1
                                 : kind == 3 ? 3
                                             : 5) &&
              info->n_places == (kind == 2   ? 4
                                 : kind == 3 ? 5
                                             : 3));
        float *x = read_all(v, 2, &code, &err);
        for (int i = 0; x && i < 15 && kind != 2; i++)
            CHECK(x[i] == c[i]);
        CHECK(x && (kind != 2 || (x[0] == 0.5f && x[3] == 3)));
        free(x);
        fus_volume_close(v);
    }
    unlink(path);
    /* what Python wrote: Fortran order, and int16 of the other byte order
     * (tests/golden/formats_make.py has more) */
    CHECK(fus_volume_open(&v, "tests/golden/vol_fortran.npy", &err) == 0);
    float *x = read_all(v, 2, &code, &err);
    for (int i = 0; x && i < 15; i++)
        CHECK(x[i] == (float)c[i]);
    CHECK(x != NULL);
    free(x);
    fus_volume_close(v);
    CHECK(fus_volume_open(&v, "tests/golden/vol_packed.npz", &err) == 0);
    x = read_all(v, 1, &code, &err);
    for (int i = 0; x && i < 15; i++)
        CHECK(x[i] == (float)c[i]);
    CHECK(x != NULL);
    free(x);
    fus_volume_close(v);
}

/* Labels in the space of a file read, and back: the same grid, geometry and values. */
static void check_written(const char *source, const char *name, size_t n_frames)
{
    struct fus_volume *v, *w;
    struct fus_error err = {0, -1, ""};
    int code;
    char path[512];
    int32_t labels[24 * 3];
    snprintf(path, sizeof path, "%s", scratch(name));
    CHECK(fus_volume_open(&v, source, &err) == 0);
    const struct fus_volume_info *info = fus_volume_info(v);
    size_t n = info->n_places * (n_frames ? n_frames : 1);
    for (size_t i = 0; i < n; i++)
        labels[i] = (int32_t)(i * 7 % 12);
    labels[2] = -1;
    labels[3] = 32767;
    CHECK_MSG(fus_volume_write(path, &info->space, n_frames, labels, FUS_VOLUME_LABELS, &err) == 0, "%s", err.msg);
    CHECK_MSG(fus_volume_open(&w, path, &err) == 0, "%s", err.msg);
    const struct fus_volume_info *back = fus_volume_info(w);
    CHECK(memcmp(&back->space, &info->space, sizeof back->space) == 0);
    CHECK(back->n_frames == (n_frames ? n_frames : 1));
    float *x = read_all(w, 1, &code, &err);
    for (size_t i = 0; x && i < n; i++)
        CHECK(x[i] == (float)labels[i]);
    CHECK(x != NULL);
    free(x);
    labels[0] = 40000;
    CHECK(fus_volume_write(path, &info->space, 0, labels, FUS_VOLUME_LABELS, &err) ==
          (info->space.format == FUS_VOLUME_NIFTI ? FUS_ELIMIT : 0));
    fus_volume_close(v);
    fus_volume_close(w);
    unlink(path);
}

static void test_memory(void)
{
    static const char *const names[] = {"vol_big.nii.gz", "vol_tags.mgz", "vol_packed.npz", "vol_f8.nii"};
    for (int i = 0; i < 4; i++)
        for (long n = 1;; n++) {
            char path[256];
            struct fus_volume *v = NULL;
            struct fus_error err = {0, -1, ""};
            snprintf(path, sizeof path, "tests/golden/%s", names[i]);
            fus_base_fail_allocation(n);
            int code = fus_volume_open(&v, path, &err), opened = !code;
            if (!code)
                free(read_all(v, 1, &code, &err));
            fus_base_fail_allocation(0);
            if (opened)
                fus_volume_close(v);
            if (!code)
                break;
            CHECK_MSG(code == FUS_ENOMEM || code == FUS_EIO, "%s: allocation %ld: code %d, %s", names[i], n, code,
                      err.msg);
        }
}

int main(void)
{
    char path[256];
    for (size_t i = 0; i < sizeof golden / sizeof *golden; i++) {
        snprintf(path, sizeof path, "tests/golden/%s", golden[i].name);
        check_golden(&golden[i], path);
        check_damage(&golden[i], path);
    }
    test_bad();
    test_arrays();
    test_memory();
    check_written("tests/golden/vol_i2be.nii", "a.nii", 0);
    check_written("tests/golden/vol_f4.nii", "b.nii", 3);
    check_written("tests/golden/vol_f4.mgh", "a.mgh", 0);
    check_written("tests/golden/vol_i2.mgh", "b.mgh", 2);
    struct fus_volume *v;
    CHECK(fus_volume_open(&v, "tests/golden/none.nii", NULL) == FUS_EIO);
    return test_end();
}
