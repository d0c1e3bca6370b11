/* SPDX-License-Identifier: MIT */
/* weights/text_model.c: embeddings of texts against PyTorch, templates, order, and files that are
 * not CLIP's. */
#include "weights/text_model.h"

#include "tests/test.h"

#define CLIP "tests/golden/text_clip.safetensors"
#define VOCAB "tests/golden/tokens_merges.txt"
enum { N = 6, DIM = 24 };

static struct fus_error err;
static const struct fus_text_model_choice choice = {.vocab = VOCAB, .activation = "quickgelu"};

static struct fus_text_model *opened(void)
{
    struct fus_text_model *m;
    int code = fus_text_model_open(&m, CLIP, &choice, &err);
    CHECK_MSG(code == 0 && fus_text_model_dim(m) == DIM, "%s", code ? err.msg : "other dimensions");
    return m;
}

static void read_expected(float *out)
{
    struct fus_store *s;
    CHECK(fus_open_weights(&s, "tests/golden/text_expected.npy", &err) == 0);
    const struct fus_tensor *t = fus_store_tensor(s, 0);
    CHECK(t->n_elements == N * DIM && fus_store_read_f32(s, out, t, &err) == 0);
    fus_store_close(s);
}

static double largest(const float *x, const float *y, int n)
{
    double most = 0;
    for (int i = 0; i < n; i++) {
        double d = fabs((double)x[i] - (y ? y[i] : 0));
        most = d > most ? d : most;
    }
    return most;
}

/* The tower is float, PyTorch computed in double: 2e-6 of the largest number. */
static void test_golden(struct fus_text_model *m, const struct fus_text_lines *l)
{
    float got[N * DIM], want[N * DIM], some[N * DIM];
    struct fus_text_job job = {.texts = l->lines, .n = N};
    read_expected(want);
    CHECK(fus_text_model_embed(got, m, &job, &err) == 0);
    CHECK_MSG(largest(got, want, N * DIM) <= 2e-6 * largest(want, NULL, N * DIM), "%g", largest(got, want, N * DIM));
    for (int i = 0; i < N; i++) { /* a text alone, and in the other order */
        job.texts = l->lines + i;
        job.n = 1;
        CHECK(fus_text_model_embed(some, m, &job, &err) == 0 && memcmp(some, got + i * DIM, DIM * sizeof *got) == 0);
    }
    struct fus_text_line turned[N];
    for (int i = 0; i < N; i++)
        turned[i] = l->lines[N - 1 - i];
    job = (struct fus_text_job){.texts = turned, .n = N};
    CHECK(fus_text_model_embed(some, m, &job, &err) == 0);
    for (int i = 0; i < N; i++)
        CHECK(memcmp(some + i * DIM, got + (N - 1 - i) * DIM, DIM * sizeof *got) == 0);
}

/* More texts than go through the tower at once: the same bits. */
static void test_many(struct fus_text_model *m, const struct fus_text_lines *l)
{
    enum { MANY = 1100 };
    struct fus_text_line *lines = calloc(MANY, sizeof *lines);
    float *got = calloc((size_t)MANY * DIM, sizeof *got), six[N * DIM];
    struct fus_text_job job = {.texts = l->lines, .n = N};
    CHECK(fus_text_model_embed(six, m, &job, &err) == 0);
    for (int i = 0; i < MANY; i++)
        lines[i] = l->lines[i % N];
    job = (struct fus_text_job){.texts = lines, .n = MANY};
    CHECK(fus_text_model_embed(got, m, &job, &err) == 0);
    int n_other = 0;
    for (int i = 0; i < MANY; i++)
        n_other += memcmp(got + (size_t)i * DIM, six + i % N * DIM, DIM * sizeof *got) != 0;
    CHECK(n_other == 0);
    free(lines);
    free(got);
}

static double norm(const float *v)
{
    double sum = 0;
    for (int i = 0; i < DIM; i++)
        sum += (double)v[i] * v[i];
    return sqrt(sum);
}

static void test_templates(struct fus_text_model *m)
{
    static const char *const templates[] = {"a photo of a {}.", "{}", "the {} is a house"};
    static const struct fus_text_line face = {"face", 4, 1}, filled[] = {{"a photo of a face.", 18, 1},
                                                                         {"face", 4, 2},
                                                                         {"the face is a house", 19, 3}};
    float each[3 * DIM], got[DIM];
    struct fus_text_job job = {.texts = filled, .n = 3};
    CHECK(fus_text_model_embed(each, m, &job, &err) == 0);
    job = (struct fus_text_job){.texts = &face, .n = 1, .templates = templates, .n_templates = 1};
    CHECK(fus_text_model_embed(got, m, &job, &err) == 0 && memcmp(got, each, sizeof got) == 0);
    job.normalize = true;
    CHECK(fus_text_model_embed(got, m, &job, &err) == 0 && fabs(norm(got) - 1) < 1e-6);
    for (int i = 0; i < DIM; i++)
        CHECK(fabs(got[i] - each[i] / norm(each)) < 1e-6);
    job.n_templates = 3;
    job.normalize = false;
    CHECK(fus_text_model_embed(got, m, &job, &err) == 0 && fabs(norm(got) - 1) < 1e-6);
    double mean[DIM], square = 0;
    for (int i = 0; i < DIM; i++) {
        mean[i] = each[i] / norm(each) + each[DIM + i] / norm(each + DIM) + each[2 * DIM + i] / norm(each + 2 * DIM);
        square += mean[i] * mean[i];
    }
    for (int i = 0; i < DIM; i++)
        CHECK(fabs(got[i] - mean[i] / sqrt(square)) < 1e-6);
    CHECK(fus_text_model_is_template("a {}.", 5) && fus_text_model_is_template("{}", 2));
    CHECK(!fus_text_model_is_template("a {.", 4) && !fus_text_model_is_template("{} {}", 5) &&
          !fus_text_model_is_template("", 0));
}

static void test_bad(struct fus_text_model *m)
{
    struct fus_text_model *none;
    float out[DIM];
    char text[400] = "";
    for (int i = 0; i < 60; i++)
        strcat(text, "zq ");
    struct fus_text_line line = {text, strlen(text), 7};
    struct fus_text_job job = {.texts = &line, .n = 1, .path = "captions.txt"};
    CHECK(fus_text_model_embed(out, m, &job, &err) == FUS_ELIMIT);
    CHECK_MSG(strcmp(err.msg, "captions.txt: line 7: 122 tokens, the model takes 77: shorten it or give --truncate") ==
                  0,
              "%s", err.msg);
    job.truncate = true;
    CHECK(fus_text_model_embed(out, m, &job, &err) == 0);
    line = (struct fus_text_line){"caf\xe9", 4, 3};
    CHECK(fus_text_model_embed(out, m, &job, &err) == FUS_EFORMAT);
    CHECK_MSG(strcmp(err.msg, "captions.txt: line 3, byte 3: not UTF-8: saved as Latin-1?") == 0, "%s", err.msg);
    job.path = NULL;
    CHECK(fus_text_model_embed(out, m, &job, &err) == FUS_EFORMAT && strncmp(err.msg, "text 1, byte 3: ", 16) == 0);
    CHECK(fus_text_model_open(&none, "tests/golden/net_cifar.pth", &choice, &err) == FUS_ENOTFOUND && !none &&
          strstr(err.msg, "net_cifar.pth: has no text tower"));
    struct fus_text_model_choice other = {.vocab = VOCAB};
    CHECK(fus_text_model_open(&none, CLIP, &other, &err) != 0 && strstr(err.msg, "QuickGELU or GELU?"));
    other = (struct fus_text_model_choice){.activation = "gelu"};
    CHECK(fus_text_model_open(&none, CLIP, &other, &err) == FUS_ENOTFOUND && strstr(err.msg, "give --vocab FILE"));
}

static void test_memory(void)
{
    static const struct fus_text_line line = {"a photo", 7, 1};
    const struct fus_text_job job = {.texts = &line, .n = 1, .normalize = true};
    float out[DIM];
    int n_failed = 0;
    for (long k = 1; k < 3000; k += k < 200 ? 7 : 41) {
        struct fus_text_model *m;
        fus_base_fail_allocation(k);
        int code = fus_text_model_open(&m, CLIP, &choice, &err);
        if (!code)
            code = fus_text_model_embed(out, m, &job, &err);
        fus_base_fail_allocation(0);
        fus_text_model_close(m);
        CHECK_MSG(code == 0 || code == FUS_ENOMEM, "%ld: %d %s", k, code, err.msg);
        n_failed += code != 0;
        if (code == 0)
            break;
    }
    CHECK(n_failed > 10);
}

int main(void)
{
    struct fus_text_lines l;
    struct fus_text_model *m = opened();
    CHECK(fus_text_lines_read(&l, "tests/golden/text_list.txt", FUS_TEXT_LINES_TEXTS, &err) == 0 && l.n == N);
    if (!m)
        return test_end();
    double scale;
    CHECK(fus_text_model_scale(&scale, fus_text_model_store(m), &err) == 0 && fabs(scale - exp(3)) < 1e-6);
    CHECK(strcmp(fus_text_model_activation(m), "quickgelu") == 0);
    test_golden(m, &l);
    test_many(m, &l);
    test_templates(m);
    test_bad(m);
    test_memory();
    fus_text_model_close(m);
    fus_text_lines_free(&l);
    return test_end();
}
