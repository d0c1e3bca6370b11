/* SPDX-License-Identifier: MIT */
/* analysis/sdc/stems.c and own.c: which networks of a study are near copies, and which of them made
 * the embedding. */
#define _POSIX_C_SOURCE 200809L
#include <unistd.h>

#include "analysis/localizer/model.h"
#include "analysis/sdc/own.h"
#include "analysis/sdc/stems.h"
#include "test.h"

static struct fus_error err;

static struct fus_sdc_study *make_study(const char *const *models, int n)
{
    struct fus_sdc_study *study = NULL;
    CHECK(fus_sdc_study_create(&study, &err) == 0);
    for (int i = 0; i < n; i++) {
        char name[20], responses[200];
        snprintf(name, sizeof name, "n%d", i);
        snprintf(responses, sizeof responses, "model:%s", models[i]);
        CHECK(fus_sdc_study_add(study, name, responses, "images.tsv", NULL, NULL, &err) == 0);
    }
    return study;
}

static void test_groups(void)
{
    static const char *const models[] = {"random:cifar_resnet8?seed=1@relu",
                                         "demo:lang@relu",
                                         "random:cifar_resnet8?seed=1@layer3.0.relu?units=all",
                                         "random:cifar_resnet8?seed=2@relu",
                                         "pixels:8@pixels",
                                         "demo:vision@relu",
                                         "demo:clip@relu",
                                         "demo:control@relu"};
    static const int group[] = {0, 1, 0, -1, 1, -1, 1}; /* pixels have no convolution */
    struct fus_sdc_study *study = make_study(models, 8);
    struct fus_sdc_stems stems;
    char line[1000];
    CHECK_MSG(fus_sdc_stems_read(&stems, study, &err) == 0, "%s", err.msg);
    CHECK(stems.n == 7 && stems.n_groups == 2);
    for (int i = 0; i < stems.n && stems.n == 7; i++)
        CHECK(stems.stem[i].group == group[i] && strlen(stems.stem[i].sha256) == 64);
    if (stems.n_groups == 2) {
        CHECK(stems.groups[0].same && stems.groups[0].n == 2 && stems.groups[0].low == 1);
        CHECK(!stems.groups[1].same && stems.groups[1].n == 3 && stems.groups[1].low > 0.98);
        fus_sdc_stems_tell(line, &stems, 1, study);
        CHECK(strncmp(line, "n1, n5, n7 have nearly the same first convolution (filters correlate 0.99", 73) == 0);
    }
    fus_sdc_stems_free(&stems);
    fus_sdc_study_close(study);
}

static void test_memory(void)
{
    static const char *const models[] = {"random:cifar_resnet8?seed=1@relu", "random:cifar_resnet8?seed=1@fc"};
    struct fus_sdc_study *study = make_study(models, 2);
    int code = FUS_ENOMEM, tries = 0;
    for (long n = 1; n < 3000 && code; n++, tries++) {
        struct fus_sdc_stems stems;
        fus_base_fail_allocation(n);
        code = fus_sdc_stems_read(&stems, study, &err);
        fus_base_fail_allocation(0);
        CHECK(code == FUS_OK || code == FUS_ENOMEM);
        fus_sdc_stems_free(&stems);
    }
    CHECK(code == FUS_OK && tries > 5);
    fus_sdc_study_close(study);
}

/* ---- own.c ---- */

enum { PICTURES = 5, SIDE = 32, D = 64 };

static char folder[300], *paths[PICTURES];
static float unit[PICTURES * D];
static uint8_t usable[PICTURES] = {1, 1, 1, 1, 1};

static void make_pictures(void)
{
    const char *temporary = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/fusiform-sdc-stems-%ld", temporary ? temporary : "/tmp", (long)getpid());
    for (int i = 0; i < PICTURES; i++) {
        static char path[PICTURES][400];
        snprintf(path[i], sizeof path[i], "%s-%d.ppm", folder, i);
        paths[i] = path[i];
        FILE *f = fopen(path[i], "wb");
        CHECK(f != NULL);
        fprintf(f, "P6 %d %d 255\n", SIDE, SIDE);
        for (int k = 0; k < 3 * SIDE * SIDE; k++)
            fputc((k * (i + 3) / 7 + i * 50 + k % 3 * 40) % 256, f);
        fclose(f);
    }
}

static int take_features(void *to, int tap, int picture, const float *blocked)
{
    (void)tap;
    (void)picture;
    fus_tensor_unblock(to, blocked, D, 1);
    return 0;
}

/* What `embed` writes, brought to length 1. */
static void make_embedding(const char *model)
{
    struct fus_model m = {0};
    CHECK(fus_model_open(&m, model, NULL, NULL, &err) == 0);
    float *input = fus_base_alloc(m.input_floats, sizeof *input);
    bool wanted[64] = {false};
    wanted[fus_net_embedding_tap(m.net)] = true;
    for (int i = 0; i < PICTURES; i++) {
        struct fus_image image = {0};
        double sum = 0;
        float *row = unit + i * D;
        CHECK(fus_decode_file(&image, paths[i], &err) == 0 &&
              fus_preprocess_apply(input, &m.preprocess, &image, &err) == 0 &&
              fus_net_forward(m.net, input, 1, wanted, take_features, row, &err) == 0);
        fus_image_free(&image);
        for (int j = 0; j < D; j++)
            sum += (double)row[j] * row[j];
        for (int j = 0; j < D; j++)
            row[j] = (float)(row[j] / sqrt(sum));
    }
    fus_base_free(input);
    fus_model_close(&m);
}

static void test_own(void)
{
    static const char *const models[] = {"random:cifar_resnet8?seed=1@relu", "random:cifar_resnet8?seed=2@relu",
                                         "random:cifar_resnet8?seed=1@layer1.0.relu"};
    struct fus_sdc_study *study = make_study(models, 3);
    const struct fus_sdc_embedding e = {.n = PICTURES, .d = D, .unit = unit, .usable = usable};
    const struct fus_sdc_images images = {.n = PICTURES, .path = paths};
    struct fus_sdc_own own;
    make_pictures();
    make_embedding("random:cifar_resnet8?seed=1");
    for (int p = 0; p < study->n; p++) {
        study->participants[p].image = fus_base_alloc(PICTURES, sizeof(int32_t));
        study->participants[p].n_trials = PICTURES;
        for (int i = 0; i < PICTURES; i++)
            study->participants[p].image[i] = i;
    }
    CHECK_MSG(fus_sdc_own_find(&own, study, &e, &images, &err) == 0, "%s", err.msg);
    CHECK(own.n == 2 && own.network[0].participant == 0 && own.network[1].participant == 2 &&
          own.network[0].r > 0.9999);
    CHECK(strcmp(own.network[0].layer, "avgpool") == 0);
    CHECK(fus_sdc_own_refuse(&own, study, "e.npy", &err) == FUS_EINVAL && strncmp(err.msg, "n0: e.npy is", 12) == 0);
    fus_sdc_own_free(&own);
    usable[0] = usable[3] = 0; /* three are too few to tell */
    CHECK(fus_sdc_own_find(&own, study, &e, &images, &err) == 0 && own.n == 0);
    fus_sdc_own_free(&own);
    for (int i = 0; i < PICTURES; i++)
        unlink(paths[i]);
    fus_sdc_study_close(study);
}

int main(void)
{
    test_groups();
    test_memory();
    test_own();
    return test_end();
}
