/* SPDX-License-Identifier: MIT */
/* weights/store.c: any strides, byte order and dtype against naive indexing; members;
 * preprocessing; foreign paths. */
#define _XOPEN_SOURCE 700
#include "weights_help.h"

#include <time.h>

#include "nn/base/inflate.h"
#include "nn/base/rng.h"

#define N_BYTES 300000

static uint8_t bytes[N_BYTES];

/* Element by element, as the header defines a tensor. */
static void naive(float *out, const struct fus_tensor *t)
{
    for (size_t i = 0; i < t->n_elements; i++) {
        size_t rest = i, at = 0;
        for (int d = t->n_dims - 1; d >= 0; d--) {
            at += rest % (size_t)t->shape[d] * (size_t)t->stride[d];
            rest /= (size_t)t->shape[d];
        }
        fus_dtype_to_f32(&out[i], bytes + t->offset + at * fus_dtype_bytes(t->dtype), 1, t->dtype, t->big_endian);
    }
}

static bool same_bits(const float *a, const float *b, size_t n)
{
    return memcmp(a, b, n * sizeof *a) == 0;
}

static void compare(struct fus_store *s, struct fus_tensor *t)
{
    struct fus_error err = {0};
    if (!HELP_CHECK(fus_store_add(s, t, &err) == 0, "%s", err.msg))
        return;
    const struct fus_tensor *added = &s->tensors[s->n_tensors - 1];
    float *got = fus_base_alloc(added->n_elements + 1, sizeof *got),
          *want = fus_base_alloc(added->n_elements + 1, sizeof *want);
    naive(want, added);
    got[added->n_elements] = 12345;
    CHECK_MSG(fus_store_read_f32(s, got, added, &err) == 0, "%s", err.msg);
    CHECK_MSG(same_bits(got, want, added->n_elements), "%s, %d dims, tensor %zu", fus_dtype_name(t->dtype), t->n_dims,
              s->n_tensors);
    CHECK(got[added->n_elements] == 12345);
    fus_base_free(got);
    fus_base_free(want);
}

static struct fus_store *bytes_store(const char **path)
{
    struct fus_rng rng;
    fus_rng_seed(&rng, 11);
    for (size_t i = 0; i < N_BYTES; i++)
        bytes[i] = (uint8_t)fus_rng_u64(&rng);
    *path = help_path("bytes");
    help_write(*path, bytes, N_BYTES);
    return help_bare_store(*path);
}

static void test_contiguous(void)
{
    const char *path;
    struct fus_store *s = bytes_store(&path);
    for (int dtype = 0; dtype < FUS_N_DTYPES; dtype++)
        for (int big = 0; big < 2; big++) {
            struct fus_tensor t = {.name = "t",
                                   .dtype = (enum fus_dtype)dtype,
                                   .big_endian = big,
                                   .n_dims = 3,
                                   .shape = {3, 5, 2001},
                                   .stride = {10005, 2001, 1},
                                   .offset = 17};
            compare(s, &t);
        }
    fus_store_close(s);
    remove(path);
}

/* Random shapes and strides: transposed, sliced, expanded (stride 0), overlapping,
 * larger than the window. */
static void test_strided(void)
{
    const char *path;
    struct fus_store *s = bytes_store(&path);
    struct fus_rng rng;
    fus_rng_seed(&rng, 12);
    for (int i = 0; i < 600; i++) {
        struct fus_tensor t = {.name = "t",
                               .dtype = (enum fus_dtype)fus_rng_below(&rng, FUS_N_DTYPES),
                               .big_endian = i & 1,
                               .n_dims = (int)fus_rng_below(&rng, 6)};
        size_t span = 1, stride = fus_rng_below(&rng, 3), order[6];
        for (int d = 0; d < t.n_dims; d++) {
            size_t k = fus_rng_below(&rng, (uint64_t)d + 1);
            order[d] = order[k];
            order[k] = (size_t)d;
        }
        for (int k = 0; k < t.n_dims; k++) { /* strides grow along a random order of the dimensions */
            size_t n = 1 + fus_rng_below(&rng, k == 0 ? 300 : 9);
            size_t d = order[k];
            if (span + (n - 1) * stride > N_BYTES / 8 - 100)
                n = 1;
            t.shape[d] = (int64_t)n;
            t.stride[d] = (int64_t)stride;
            span += (n - 1) * stride;
            stride = fus_rng_below(&rng, 8) == 0 ? 0 : stride * n + fus_rng_below(&rng, 2);
        }
        t.offset = fus_rng_below(&rng, N_BYTES - span * 8);
        compare(s, &t);
    }
    struct fus_tensor expanded = {
        .name = "t", .dtype = FUS_F32, .n_dims = 2, .shape = {1000, 1000}, .stride = {0, 1}, .offset = 4};
    compare(s, &expanded);
    struct fus_tensor apart = {
        .name = "t", .dtype = FUS_F16, .n_dims = 2, .shape = {25, 5}, .stride = {1, 30000}, .offset = 1};
    compare(s, &apart);
    fus_store_close(s);
    remove(path);
}

static void test_refused_tensors(void)
{
    static const struct {
        struct fus_tensor t;
        const char *message;
    } wrong[] = {
        {{.n_dims = 9}, "tensor t: has 9 dimensions, at most 8 are read"},
        {{.n_dims = 1, .shape = {-1}, .stride = {1}}, "tensor t: negative size or stride in dimension 0"},
        {{.n_dims = 2, .shape = {1, 2}, .stride = {1, -1}}, "tensor t: negative size or stride in dimension 1"},
        {{.n_dims = 2, .shape = {INT64_MAX, INT64_MAX}, .stride = {1, 1}}, "more elements than memory can"},
        {{.n_dims = 1, .shape = {75001}, .stride = {1}}, "ends behind its storage of 300000 bytes: truncated copy?"},
        {{.n_dims = 1, .shape = {75000}, .stride = {1}, .offset = 1}, "ends behind its storage"},
        {{.n_dims = 1, .shape = {2}, .stride = {75000}}, "ends behind its storage"},
        {{.n_dims = 2, .shape = {2, 3}, .stride = {INT64_MAX, INT64_MAX}}, "ends behind its storage"},
        {{.n_dims = 0, .offset = 299997}, "ends behind its storage"},
        {{.n_dims = 0, .offset = UINT64_MAX}, "ends behind its storage"},
        {{.n_dims = 0, .member = 1}, "lies in member 1 of 1"},
        {{.n_dims = 2, .shape = {5000, 5000}, .stride = {0, 1}},
         "has 25000000 elements in a storage of 5000; at most 16777216 are expanded"},
    };
    const char *path;
    struct fus_store *s = bytes_store(&path);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct fus_tensor t = wrong[i].t;
        struct fus_error err = {0};
        t.name = "t";
        CHECK_MSG(fus_store_add(s, &t, &err) != 0 && strstr(err.msg, wrong[i].message), "%zu: %s", i, err.msg);
    }
    CHECK(s->n_tensors == 0);
    struct fus_tensor t = {.name = "last", .n_dims = 1, .shape = {75000}, .stride = {1}};
    CHECK(fus_store_add(s, &t, NULL) == 0);
    CHECK(truncate(path, 1000) == 0); /* the file shrinks while it is open */
    struct fus_error err = {0};
    float *out = fus_base_alloc(75000, sizeof *out);
    CHECK(fus_store_read_f32(s, out, &s->tensors[0], &err) == FUS_EIO &&
          strstr(err.msg, "tensor last: byte 0: cannot be read: the file became shorter"));
    fus_base_free(out);
    fus_store_close(s);
    remove(path);
}

/* A deflated member (stored blocks, RFC 1951, 3.2.4), read twice, with the right and
 * the wrong checksum. */
static void test_deflated(void)
{
    uint8_t packed[100 + 5 + 7];
    struct fus_error err;
    memset(packed, 0xee, 7); /* something before the member */
    memcpy(packed + 7, "\x01\x64\x00\x9b\xff", 5);
    for (int i = 0; i < 100; i++)
        packed[12 + i] = (uint8_t)i;
    const char *path = help_path("deflated");
    help_write(path, packed, sizeof packed);
    uint32_t crc = fus_inflate_crc32(0, packed + 12, 100);
    for (int i = 0; i < 4; i++) { /* right, unknown, wrong checksum; wrong size */
        struct fus_store *s = help_bare_store(path);
        struct fus_member m = {.offset = 7,
                               .n_stored = 105,
                               .n_bytes = i == 3 ? 101 : 100,
                               .deflated = true,
                               .crc = i == 0 || i == 3 ? crc
                                      : i == 1         ? 0
                                                       : crc ^ 1,
                               .name = fus_base_strdup("data/0")};
        CHECK(fus_store_add_member(s, &m, &err) == 0);
        for (uint64_t offset = 0; offset < 3; offset++) {
            struct fus_tensor t = {
                .name = "t", .dtype = FUS_U8, .n_dims = 1, .shape = {49}, .stride = {2}, .offset = offset, .member = 1};
            float out[49];
            CHECK(fus_store_add(s, &t, &err) == 0);
            int code = fus_store_read_f32(s, out, &s->tensors[offset], &err);
            CHECK(code == (i < 2 ? FUS_OK : FUS_EFORMAT));
            CHECK(code || (out[0] == (float)offset && out[48] == 96 + (float)offset));
        }
        if (i == 2)
            CHECK_MSG(strstr(err.msg, "member data/0: checksum differs"), "%s", err.msg);
        if (i == 3)
            CHECK_MSG(strstr(err.msg, "member data/0: unpacks to 100 bytes, its directory says 101"), "%s", err.msg);
        struct fus_tensor beyond = {
            .name = "t", .dtype = FUS_U8, .n_dims = 1, .shape = {100}, .stride = {1}, .offset = 2, .member = 1};
        CHECK(fus_store_add(s, &beyond, &err) == FUS_EFORMAT);
        fus_store_close(s);
    }
    remove(path);
}

static void test_refused_members(void)
{
    static const struct {
        struct fus_member m;
        const char *message;
    } wrong[] = {
        {{.offset = 299999, .n_stored = 2, .n_bytes = 2}, "2 bytes expected, the file has 300000: truncated copy?"},
        {{.offset = UINT64_MAX, .n_stored = 2, .n_bytes = 2}, "truncated copy?"},
        {{.n_stored = 2, .n_bytes = 3}, "is not compressed, yet has two sizes, 2 and 3"},
        {{.n_stored = 200000, .n_bytes = 100000000, .deflated = true}, "would unpack from 200000 to 100000000 bytes"},
    };
    const char *path;
    struct fus_store *s = bytes_store(&path);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct fus_member m = wrong[i].m;
        struct fus_error err = {0};
        m.name = fus_base_strdup("archive/data/7");
        CHECK_MSG(fus_store_add_member(s, &m, &err) != 0 && strstr(err.msg, wrong[i].message), "%s", err.msg);
    }
    CHECK(s->n_members == 1);
    fus_store_close(s);
    remove(path);
}

static void test_foreign_paths(void)
{
    static const char *const wrong[][2] = {
        {"tests", "tests: is a folder without model.safetensors"},
        {"tests/golden/none.pth", "tests/golden/none.pth: cannot be opened: "},
        {"/dev/null", "/dev/null: is a device, not a file"},
        {"", ": cannot be opened: "},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct fus_store *s = (struct fus_store *)wrong;
        struct fus_error err = {0};
        CHECK(fus_open_weights(&s, wrong[i][0], &err) == FUS_EIO && s == NULL);
        CHECK_MSG(strncmp(err.msg, wrong[i][1], strlen(wrong[i][1])) == 0, "%s", err.msg);
    }
    fus_store_close(NULL);
}

static void test_lookup_and_preprocess(void)
{
    static const char *const cases[][3] = {
        {"tests/golden/weights_basic.safetensors", "224", "torchvision"},
        {"tests/golden/weights_cifar.safetensors", "32", "cifar"},
        {"tests/golden/weights_blob_f16.safetensors", "224", "torchvision"},
        {"tests/golden/weights_clip.safetensors", "64",
         "resize=64,interp=bicubic,crop=64,mean=.48145466/.4578275/.40821073,std=.26862954/.26130258/.27577711"},
        {"random:clip_rn50", "224", "clip"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fus_store *s;
        struct fus_net_spec spec;
        struct fus_error err;
        int side = 0;
        const char *preprocess = "";
        CHECK(fus_open_weights(&s, cases[i][0], &err) == 0 && strcmp(fus_store_path(s), cases[i][0]) == 0);
        CHECK_MSG(fus_names_recognise(&spec, s, NULL, &err) == 0, "%s", err.msg);
        CHECK(fus_store_preprocess(s, &spec, &side, &preprocess, &err) == 0);
        CHECK_MSG(side == atoi(cases[i][1]) && strcmp(preprocess, cases[i][2]) == 0, "%d %s", side, preprocess);
        float out[64];
        CHECK(fus_store_lookup(s, out, 3, "none.weight", &err) == FUS_ENOTFOUND &&
              strstr(err.msg, "has no tensor none.weight"));
        CHECK(fus_store_lookup(s, out, 1, "bn1.weight", &err) == (i == 3 ? FUS_OK : FUS_EFORMAT));
        fus_store_close(s);
    }
}

/* No figure is held against a clock here, but who reads the log sees it: f32 goes at
 * the speed of memory. */
static void test_speed(void)
{
    const char *path = help_path("large");
    struct timespec a, b;
    struct fus_error err;
    help_write(path, "x", 1);
    CHECK(truncate(path, 64 << 20) == 0);
    struct fus_store *s = help_bare_store(path);
    float *out = fus_base_alloc(16 << 20, sizeof *out);
    memset(out, 1, (size_t)64 << 20);
    for (int dtype = FUS_F32; dtype <= FUS_F64; dtype++) {
        int64_t n = (64 << 20) / (int64_t)fus_dtype_bytes((enum fus_dtype)dtype);
        n = n < (16 << 20) ? n : 16 << 20;
        struct fus_tensor t = {.name = "t", .dtype = (enum fus_dtype)dtype, .n_dims = 1, .shape = {n}, .stride = {1}};
        CHECK(fus_store_add(s, &t, &err) == 0);
        fus_store_read_f32(s, out, &s->tensors[s->n_tensors - 1], &err); /* into the system's cache */
        clock_gettime(CLOCK_MONOTONIC, &a);
        CHECK(fus_store_read_f32(s, out, &s->tensors[s->n_tensors - 1], &err) == 0);
        clock_gettime(CLOCK_MONOTONIC, &b);
        printf("%s: %.2f ns an element\n", fus_dtype_name(t.dtype),
               (1e9 * (double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec)) / (double)n);
    }
    fus_base_free(out);
    fus_store_close(s);
    remove(path);
}

int main(void)
{
    test_contiguous();
    test_strided();
    test_refused_tensors();
    test_deflated();
    test_refused_members();
    test_foreign_paths();
    test_lookup_and_preprocess();
    test_speed();
    return test_end();
}
