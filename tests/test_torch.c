/* SPDX-License-Identifier: MIT */
/* PyTorch's and NumPy's files against what PyTorch and NumPy said of them
 * (tests/golden/torch_make.py), hostile ones (tests/golden/torch_bad.py), every prefix of each and
 * changes of single bytes. */
#define _POSIX_C_SOURCE 200809L
#define _DEFAULT_SOURCE
#include "test.h"

#include <inttypes.h>
#include <sys/resource.h>
#include <time.h>

#include "nn/base/rng.h"
#include "nn/base/sha256.h"
#include "torch_files.h"

static const char *const golden[] = {
    "torch_zip.pth",      "torch_deflated.pth",    "torch_legacy.pth",   "torch_protocol4.pth", "torch_bigendian.pth",
    "torch_training.pth", "torch_script.pt",       "torch_tar.pth",      "torch_stored.npz",    "torch_compressed.npz",
    "torch_c.npy",        "torch_fortran_big.npy", "torch_version3.npy", "torch_old.pth",       "torch_new.pth"};
#define N_GOLDEN (sizeof golden / sizeof *golden)

static const char *golden_path(const char *name)
{
    static char path[256];
    snprintf(path, sizeof path, "tests/golden/%s", name);
    return path;
}

static void hash_tensor(char hex[65], struct fus_store *s, const struct fus_tensor *t)
{
    struct fus_sha256 sha;
    float *values = malloc((t->n_elements + 1) * sizeof *values);
    fus_sha256_start(&sha);
    CHECK(fus_store_read_f32(s, values, t, NULL) == 0);
    fus_sha256_add_floats(&sha, values, t->n_elements);
    fus_sha256_hex(&sha, hex);
    free(values);
}

static const struct fus_tensor *find_tensor(const struct fus_store *s, const char *name)
{
    for (size_t i = 0; i < fus_store_count(s); i++)
        if (strcmp(fus_store_tensor(s, i)->name, name) == 0)
            return fus_store_tensor(s, i);
    return NULL;
}

/* Every line of torch_hashes.txt about this file holds, and there are no other tensors. */
static void check_golden(const char *name)
{
    struct fus_store *s;
    struct fus_error err;
    char line[512];
    size_t n = 0;
    FILE *hashes = fopen("tests/golden/torch_hashes.txt", "r");
    if (!CHECK(hashes != NULL))
        return;
    int code = fus_open_weights(&s, golden_path(name), &err);
    CHECK_MSG(code == 0, "%s", err.msg);
    while (!code && fgets(line, sizeof line, hashes)) {
        char *file = strtok(line, "\t\n"), *key = strtok(NULL, "\t\n"), *dtype = strtok(NULL, "\t\n"),
             *shape = strtok(NULL, "\t\n"), *sha = strtok(NULL, "\t\n");
        if (strcmp(file, name) != 0)
            continue;
        n++;
        const struct fus_tensor *t = find_tensor(s, key);
        if (!test_record(t != NULL, __FILE__, __LINE__, key))
            continue;
        char got[128] = "-", hex[65];
        for (int d = 0, at = 0; d < t->n_dims; d++)
            at += snprintf(got + at, sizeof got - (size_t)at, d ? ",%" PRId64 : "%" PRId64, t->shape[d]);
        CHECK_MSG(strcmp(got, shape) == 0, "%s %s: shape %s, expected %s", name, key, got, shape);
        CHECK_MSG(strcmp(fus_dtype_name(t->dtype), dtype) == 0, "%s %s: %s, expected %s", name, key,
                  fus_dtype_name(t->dtype), dtype);
        hash_tensor(hex, s, t);
        CHECK_MSG(strcmp(hex, sha) == 0, "%s %s: values differ", name, key);
    }
    fclose(hashes);
    CHECK(n > 0);
    CHECK_MSG(code || fus_store_count(s) == n, "%s: %zu tensors, expected %zu", name, code ? 0 : fus_store_count(s), n);
    if (!code)
        fus_store_close(s);
}

static void test_formats(void)
{
    static const char *const expected[][2] = {
        {"torch_zip.pth", "pytorch zip"},   {"torch_legacy.pth", "pytorch legacy"},
        {"torch_script.pt", "torchscript"}, {"torch_tar.pth", "pytorch tar"},
        {"torch_stored.npz", "npz"},        {"torch_c.npy", "npy"}};
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        struct fus_store *s;
        if (CHECK(fus_open_weights(&s, golden_path(expected[i][0]), NULL) == 0)) {
            CHECK(strcmp(fus_store_format(s), expected[i][1]) == 0);
            fus_store_close(s);
        }
    }
}

/* Each line of torch_expected.txt: the code, and the message holds the text. */
static void test_bad(void)
{
    char line[512], path[300];
    size_t n = 0;
    FILE *list = fopen("tests/bad/torch_expected.txt", "r");
    if (!CHECK(list != NULL))
        return;
    while (fgets(line, sizeof line, list)) {
        struct fus_store *s;
        struct fus_error err = {0};
        char *name = strtok(line, "\t\n"), *code_text = strtok(NULL, "\t\n"), *part = strtok(NULL, "\t\n");
        snprintf(path, sizeof path, "tests/bad/%s", name);
        int code = fus_open_weights(&s, path, &err);
        /* said before any limit, on 32 bits */
        bool beyond = SIZE_MAX <= UINT32_MAX && strstr(err.msg, "more elements than memory can");
        CHECK_MSG(code == atoi(code_text) || beyond, "%s: code %d, expected %s: %s", name, code, code_text, err.msg);
        if (code) {
            CHECK_MSG(part && strstr(err.msg, part), "%s\n    expected: %s", err.msg, part);
            CHECK_MSG(strncmp(err.msg, path, strlen(path)) == 0, "%s", err.msg);
            CHECK(err.code == code);
        } else {
            fus_store_close(s);
        }
        n++;
    }
    fclose(list);
    CHECK(n > 100);
}

/* ---- damaged files ---- */

/* Memory is limited to what is in use plus 64 MB, so that a file that asks for more gets
 * FUS_ENOMEM. Not under AddressSanitizer, which maps terabytes. */
static struct rlimit limit_memory(void)
{
    struct rlimit old = {RLIM_INFINITY, RLIM_INFINITY};
    unsigned long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (f && fscanf(f, "%lu", &pages) == 1 && getrlimit(RLIMIT_AS, &old) == 0) {
        struct rlimit tight = old;
        tight.rlim_cur = (rlim_t)pages * 4096 + (64u << 20);
#if !defined(TEST_SANITIZED)
        setrlimit(RLIMIT_AS, &tight);
#else
        (void)tight;
#endif
    }
    if (f)
        fclose(f);
    return old;
}

static bool damage_ends_well(const uint8_t *bytes, size_t n, const char *what, size_t place)
{
    struct fus_error err = {0};
    int code = try_bytes(bytes, n, &err);
    bool ok = code >= 0 && code <= FUS_ESTOPPED && code != FUS_ENOMEM && code != FUS_EINVAL &&
              (code == 0 || (err.msg[0] && err.code == code));
    if (!ok)
        fprintf(stderr, "    %s, %zu: code %d: %s\n", what, place, code, err.msg);
    return ok;
}

static void test_damage(void)
{
    struct rlimit old = limit_memory();
    struct timespec start, end;
    clock_gettime(CLOCK_MONOTONIC, &start);
    struct fus_rng rng;
    fus_rng_seed(&rng, 5);
    for (size_t i = 0; i < N_GOLDEN; i++) {
        size_t n;
        uint8_t *bytes = file_bytes(golden_path(golden[i]), &n);
        bool prefixes = true, changes = true;
        for (size_t k = 0; k < n; k++) {
            uint8_t *exact = malloc(k + 1); /* so that a sanitizer sees a read past the end */
            memcpy(exact, bytes, k);
            prefixes = damage_ends_well(exact, k, golden[i], k) && prefixes;
            free(exact);
        }
        for (int k = 0; k < 2000; k++) {
            size_t at = (size_t)fus_rng_below(&rng, n);
            uint8_t was = bytes[at];
            bytes[at] = (uint8_t)fus_rng_below(&rng, 256);
            changes = damage_ends_well(bytes, n, golden[i], at) && changes;
            bytes[at] = was;
        }
        CHECK(prefixes);
        CHECK(changes);
        free(bytes);
    }
    clock_gettime(CLOCK_MONOTONIC, &end);
    setrlimit(RLIMIT_AS, &old);
    CHECK(end.tv_sec - start.tv_sec < 600);
}

static void test_no_memory(void)
{
    for (size_t i = 0; i < N_GOLDEN; i++) {
        size_t n;
        uint8_t *bytes = file_bytes(golden_path(golden[i]), &n);
        bool ok = true;
        long k = 1;
        for (int code = FUS_ENOMEM; code && k < 5000; k++) {
            struct fus_error err = {0};
            fus_base_fail_allocation(k);
            code = try_bytes(bytes, n, &err);
            fus_base_fail_allocation(0);
            ok = ok && (code == 0 || (code == FUS_ENOMEM && err.msg[0]));
            if (!ok) {
                fprintf(stderr, "    %s, allocation %ld: code %d: %s\n", golden[i], k, code, err.msg);
                break;
            }
        }
        CHECK(ok && k > 3 && k < 5000);
        free(bytes);
    }
}

/* Every change must be refused or read with no error argument either. */
static void test_no_error_argument(void)
{
    struct fus_store *s;
    CHECK(fus_open_weights(&s, "tests/bad/torch_pickle_system.pth", NULL) == FUS_EUNSUPPORTED);
    CHECK(fus_open_weights(&s, "tests/bad/torch_tar_outside.pth", NULL) == FUS_EFORMAT);
}

/* ---- real files ---- */

static void test_real(void)
{
    static const struct {
        const char *file;
        size_t n;
        const char *tensor, *sha;
    } real[] = {
        {"weights/cifar_resnet20-12fca82f.th", 97, "state_dict.module.linear.weight",
         "a16928bec91464d4dcc913d19d12e0c0ded575af18a3eaf831b11447064c0ac5"},
        {"weights/cifar_resnet56-4bfd9763.th", 277, "state_dict.module.layer3.8.conv2.weight",
         "b4e2059576bdec67bb4a1170aa72f3b85c639242ed31e8502699527576062eec"},
    };
    for (size_t i = 0; i < sizeof real / sizeof *real; i++) {
        struct fus_store *s;
        const char *path = test_shared(real[i].file);
        if (!path) {
            SKIP("no shared data");
            continue;
        }
        char hex[65];
        if (!CHECK(fus_open_weights(&s, path, NULL) == 0))
            continue;
        const struct fus_tensor *t = find_tensor(s, real[i].tensor);
        CHECK(fus_store_count(s) == real[i].n && strcmp(fus_store_format(s), "pytorch legacy") == 0);
        if (CHECK(t != NULL)) {
            hash_tensor(hex, s, t);
            CHECK_MSG(strcmp(hex, real[i].sha) == 0, "%s", hex);
        }
        fus_store_close(s);
    }
    const char *cut = test_shared("weights/truncated_resnet50-19c8e357.pth");
    if (cut) {
        struct fus_store *s;
        struct fus_error err;
        CHECK(fus_open_weights(&s, cut, &err) == FUS_EFORMAT);
        CHECK_MSG(
            strstr(err.msg, "byte 54021: storage 436660384 needs 9437184 bytes, file ends at 358400: truncated copy?"),
            "%s", err.msg);
    }
}

int main(void)
{
    for (size_t i = 0; i < N_GOLDEN; i++)
        check_golden(golden[i]);
    test_formats();
    test_bad();
    test_no_error_argument();
    test_no_memory();
    test_damage();
    test_real();
    return test_end();
}
