/* SPDX-License-Identifier: MIT */
/* weights/safetensors.c: the reader on good, bad, cut and damaged files, the
 * writer byte by byte. */
#define _XOPEN_SOURCE 700
#include "weights_help.h"

#include "nn/base/rng.h"

#define GOLDEN "tests/golden/weights_"

static const char *const good[] = {
    GOLDEN "basic.safetensors",     GOLDEN "basic_f16.safetensors", GOLDEN "basic_bf16.safetensors",
    GOLDEN "basic_f64.safetensors", GOLDEN "blob_f32.safetensors",  GOLDEN "blob_f16.safetensors",
    GOLDEN "blob_bf16.safetensors", GOLDEN "hf.safetensors",        GOLDEN "lang.safetensors",
    GOLDEN "cifar.safetensors",     GOLDEN "clip.safetensors",      GOLDEN "dtypes.safetensors",
};
#define N_GOOD (sizeof good / sizeof *good)

static void test_dtypes(void)
{
    static const char *const names[] = {"f64", "f32", "f16",  "bf16", "i64", "i32", "i16",
                                        "i8",  "u8",  "bool", "u16",  "u32", "u64"};
    struct fus_store *s;
    struct fus_error err;
    float out[105];
    if (!CHECK(fus_open_weights(&s, GOLDEN "dtypes.safetensors", &err) == 0))
        return;
    CHECK(strcmp(fus_store_format(s), "safetensors") == 0);
    CHECK(fus_store_count(s) == 20);
    for (size_t i = 0; i < 13; i++) {
        const struct fus_tensor *t = fus_store_tensor(s, i);
        CHECK(strcmp(t->name, names[i]) == 0 && strcmp(fus_dtype_name(t->dtype), names[i]) == 0);
        CHECK(t->n_dims == 3 && t->shape[0] == 3 && t->shape[1] == 5 && t->shape[2] == 7 && t->n_elements == 105);
        CHECK(t->canonical == NULL);
        CHECK(fus_store_read_f32(s, out, t, &err) == 0);
        bool is_unsigned = names[i][0] == 'u', same = true;
        for (int k = 0; k < 105; k++) {
            int v = k * 37 % 255 - 127;
            v = i == 9 ? abs(v) % 2 : is_unsigned ? abs(v) : v;
            same = same && out[k] == (float)v;
        }
        CHECK_MSG(same, "%s", names[i]);
    }
    static const float f64[] = {INFINITY, 1, 1.00000024f, 0, -0.0f};
    static const float i64[] = {9223372036854775808.0f, -9223372036854775808.0f, 16777216, 16777220, -1};
    const struct fus_tensor *scalar = fus_store_tensor(s, 13), *empty = fus_store_tensor(s, 14);
    CHECK(scalar->n_dims == 0 && scalar->n_elements == 1 && fus_store_read_f32(s, out, scalar, &err) == 0 &&
          out[0] == -2.5f);
    CHECK(empty->n_dims == 3 && empty->n_elements == 0 && fus_store_read_f32(s, out, empty, &err) == 0);
    CHECK(fus_store_read_f32(s, out, fus_store_tensor(s, 15), &err) == 0 && out[0] == INFINITY && out[3] == 1e-45f &&
          signbit(out[4]));
    CHECK(fus_store_read_f32(s, out, fus_store_tensor(s, 16), &err) == 0 && memcmp(out, f64, sizeof f64) == 0);
    CHECK(fus_store_read_f32(s, out, fus_store_tensor(s, 17), &err) == 0 && memcmp(out, i64, sizeof i64) == 0);
    CHECK(fus_store_read_f32(s, out, fus_store_tensor(s, 18), &err) == 0 && out[0] == 18446744073709551616.0f &&
          out[3] == 0);
    CHECK(strcmp(fus_store_tensor(s, 19)->name, "\xce\xa9mega \"quoted\" \\ \n \xf0\x9f\x98\x80") == 0);
    CHECK(fus_store_tensor(s, 20) == NULL);
    CHECK(strcmp(fus_store_metadata(s, "\xd0\xba\xd0\xbb\xd1\x8e\xd1\x87"),
                 "\xd0\xb7\xd0\xbd\xd0\xb0\xd1\x87\xd0\xb5\xd0\xbd\xd0\xb8\xd0\xb5") == 0);
    CHECK(fus_store_metadata(s, "empty")[0] == '\0' && fus_store_metadata(s, "none") == NULL);
    fus_store_close(s);
}

/* Each line of weights_expected.txt: a file in tests/bad, a tab, a part of the message it
 * must be refused with. */
static void test_bad_files(void)
{
    FILE *f = fopen("tests/bad/weights_expected.txt", "r");
    char line[400], path[500];
    int n = 0;
    if (!CHECK(f))
        return;
    while (fgets(line, sizeof line, f)) {
        char *message = strchr(line, '\t');
        struct fus_error err = {0};
        struct fus_store *s = NULL;
        *message++ = '\0';
        message[strcspn(message, "\n")] = '\0';
        snprintf(path, sizeof path, "tests/bad/weights_%s", line);
        CHECK_MSG(fus_open_weights(&s, path, &err) != 0 && s == NULL, "%s was accepted", path);
        CHECK_MSG(strncmp(err.msg, path, strlen(path)) == 0 && strstr(err.msg, message), "%s\n    want %s", err.msg,
                  message);
        n++;
    }
    fclose(f);
    CHECK(n > 30);
}

/* Source -> blob, byte for byte what the independent writer in weights_make.py wrote; a blob stays
 * itself but for its source. */
static void test_convert_golden(void)
{
    static const enum fus_dtype dtypes[] = {FUS_F32, FUS_F16, FUS_BF16};
    struct fus_store *s;
    struct fus_net_spec spec;
    struct fus_error err;
    for (int i = 0; i < 3; i++) {
        const char *out = help_path("blob.safetensors");
        CHECK(fus_open_weights(&s, GOLDEN "basic.safetensors", &err) == 0);
        CHECK(fus_names_recognise(&spec, s, NULL, &err) == 0);
        CHECK_MSG(fus_safetensors_write(out, s, &spec, NULL, dtypes[i], &err) == 0, "%s", err.msg);
        CHECK_MSG(help_same_file(out, good[4 + i]), "%s", good[4 + i]);
        fus_store_close(s);
        remove(out);
    }
}

/* Through a blob nothing changes but the rounding: f16 and bf16 files give the same blob again,
 * f64 rounds to f32. */
static void test_convert_values(void)
{
    static const char *const sources[] = {GOLDEN "lang.safetensors",      GOLDEN "cifar.safetensors",
                                          GOLDEN "clip.safetensors",      GOLDEN "hf.safetensors",
                                          GOLDEN "basic_f16.safetensors", GOLDEN "basic_f64.safetensors"};
    struct fus_store *s, *b;
    struct fus_net_spec spec, again;
    struct fus_error err;
    for (size_t i = 0; i < sizeof sources / sizeof *sources; i++) {
        const char *out = help_path("blob.safetensors");
        CHECK(fus_open_weights(&s, sources[i], &err) == 0);
        CHECK_MSG(fus_names_recognise(&spec, s, NULL, &err) == 0, "%s", err.msg);
        CHECK_MSG(fus_safetensors_write(out, s, &spec, NULL, FUS_F32, &err) == 0, "%s", err.msg);
        CHECK_MSG(fus_open_weights(&b, out, &err) == 0, "%s", err.msg);
        CHECK(fus_names_recognise(&again, b, NULL, &err) == 0 && memcmp(&spec, &again, sizeof spec) == 0);
        CHECK(strcmp(fus_store_metadata(b, "fusiform.arch"), fus_networks_family(&spec)) == 0);
        size_t n_canonical = 0;
        for (size_t k = 0; k < fus_store_count(s); k++) {
            const struct fus_tensor *t = fus_store_tensor(s, k);
            float x[1000], y[1000];
            if (!t->canonical || strncmp(t->canonical, "text.", 5) == 0 || strcmp(t->canonical, "logit_scale") == 0)
                continue;
            n_canonical++;
            CHECK(fus_store_read_f32(s, x, t, &err) == 0 &&
                  fus_store_lookup(b, y, t->n_elements, t->canonical, &err) == 0);
            CHECK_MSG(memcmp(x, y, 4 * t->n_elements) == 0, "%s: %s", sources[i], t->name);
        }
        CHECK(n_canonical == fus_store_count(b));
        fus_store_close(s);
        fus_store_close(b);
        remove(out);
    }
}

static void test_convert_refuses(void)
{
    struct fus_store *s;
    struct fus_net_spec spec;
    struct fus_error err;
    CHECK(fus_open_weights(&s, good[0], &err) == 0 && fus_names_recognise(&spec, s, NULL, &err) == 0);
    CHECK(fus_safetensors_write(help_path("x"), s, &spec, NULL, FUS_F64, &err) == FUS_EINVAL);
    CHECK(fus_safetensors_write("/nonexistent/x", s, &spec, NULL, FUS_F32, &err) == FUS_EIO);
    spec.n_classes = 7; /* not what the file has: nothing may be left behind */
    const char *out = help_path("x");
    CHECK(fus_safetensors_write(out, s, &spec, NULL, FUS_F32, &err) == FUS_EFORMAT);
    CHECK(strstr(err.msg, "tensor fc.") != NULL);
    FILE *f = fopen(out, "rb");
    CHECK(f == NULL);
    fus_store_close(s);
}

/* Every prefix of a valid file is refused; with one byte changed it is refused or
 * read, nothing else. */
static void test_prefixes_and_damage(void)
{
    struct fus_error err;
    struct fus_rng rng;
    fus_rng_seed(&rng, 5);
    const char *path = help_path("damaged.safetensors");
    size_t n_refused = 0;
    for (size_t i = 0; i < N_GOOD; i++) {
        size_t n, accepted = 0;
        uint8_t *data = help_read(good[i], &n);
        help_write(path, data, n);
        for (size_t k = n; k-- > 0;) {
            if (k % TEST_DAMAGE_STEP)
                continue;
            struct fus_store *s = NULL;
            if (truncate(path, (off_t)k) != 0 || fus_open_weights(&s, path, &err) == 0)
                accepted++;
            fus_store_close(s);
        }
        help_write(path, data, n);
        CHECK_MSG(accepted == 0, "%zu prefixes of %s", accepted, good[i]);
        size_t header = 8 + data[0] + 256 * (size_t)data[1];
        for (int k = 0; k < 2000; k += TEST_DAMAGE_STEP) { /* most of them in the header */
            size_t at = fus_rng_below(&rng, k % 8 ? header : n);
            help_poke(path, at, (uint8_t)fus_rng_u64(&rng));
            n_refused += help_read_all(path, &err) != 0;
            help_poke(path, at, data[at]);
        }
        fus_base_free(data);
    }
    CHECK(n_refused > 1000 / TEST_DAMAGE_STEP);
    remove(path);
}

/* Whichever allocation fails first: an error (FUS_ENOMEM, unless a caller of it says so less
 * exactly), and all is released (the address sanitizer looks). */
static void test_no_memory(void)
{
    const char *out = help_path("blob.safetensors");
    int code = FUS_ENOMEM;
    long n = 0;
    while (code != FUS_OK && n < 100000) {
        struct fus_store *s = NULL;
        struct fus_net_spec spec;
        struct fus_error err = {0};
        float *v = calloc(1000, sizeof *v);
        fus_base_fail_allocation(++n);
        code = fus_open_weights(&s, GOLDEN "clip.safetensors", &err);
        if (!code)
            code = fus_names_recognise(&spec, s, NULL, &err);
        if (!code)
            code = fus_store_lookup(s, v, 1 * 3 * 3 * 3, "conv1.weight", &err);
        if (!code)
            code = fus_safetensors_write(out, s, &spec, NULL, FUS_F16, &err);
        fus_base_fail_allocation(0);
        CHECK_MSG(code == FUS_OK || code == err.code, "allocation %ld: code %d, %s", n, code, err.msg);
        fus_store_close(s);
        free(v);
    }
    CHECK_MSG(code == FUS_OK && n > 100, "code %d after %ld", code, n);
    remove(out);
}

/* A header that asks for much from few bytes: tensors, metadata, nesting. */
static void test_memory_is_bounded(void)
{
    const char *path = help_path("many.safetensors");
    size_t n = 8, cap = (size_t)9 << 20;
    char *text = malloc(cap);
    struct fus_error err;
    n += (size_t)sprintf(text + n, "{");
    for (int i = 0; i < 100001; i++)
        n += (size_t)sprintf(text + n, "%s\"%d\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}", i ? "," : "",
                             i);
    n += (size_t)sprintf(text + n, "}");
    for (int i = 0; i < 8; i++)
        text[i] = (char)((uint64_t)(n - 8) >> 8 * i);
    help_write(path, text, n);
    struct fus_store *s = NULL;
    CHECK(fus_open_weights(&s, path, &err) != 0 && strstr(err.msg, "more than 100000 tensors"));
    remove(path);
    free(text);
#if !defined(TEST_SANITIZED)
    long peak = fus_base_peak_kb(); /* of all tests of this file together */
    CHECK_MSG(peak < (64 + 32) * 1024, "%ld kB", peak);
#endif
}

int main(void)
{
    test_dtypes();
    test_bad_files();
    test_convert_golden();
    test_convert_values();
    test_convert_refuses();
    test_prefixes_and_damage();
    test_no_memory();
    test_memory_is_bounded();
    return test_end();
}
