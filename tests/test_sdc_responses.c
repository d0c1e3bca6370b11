/* SPDX-License-Identifier: MIT */
/* analysis/sdc: the study of tests/golden/sdc_data.py from its files to z-scores, with every
 * limit of memory; studies that are wrong. */
#define _POSIX_C_SOURCE 200809L
#include "analysis/sdc/study.h"

#include <sys/stat.h>
#include <unistd.h>

#include "analysis/run/tables.h"
#include "nn/base/outfile.h"
#include "nn/base/rng.h"
#include "test.h"

enum { TRIALS = 96, MOST = 30 };

static const struct expected {
    const char *name;
    size_t n_trials;
    int n_sessions;
    size_t n_masked, n_kept;
    uint8_t fate[MOST];
    int32_t voxel[MOST];
    float nc[MOST];
    uint8_t split[TRIALS];
    int32_t session[TRIALS];
    float z[3][MOST];
} expected[] = {
#include "tests/golden/sdc_data.inc"
};

static struct fus_sdc_embedding embedding;
static char folder[256];

static struct fus_sdc_study *load(const char *path, const char *sessions, int *code, struct fus_error *err)
{
    struct fus_sdc_study *study = NULL;
    struct fus_sdc_study_options o;
    fus_sdc_study_defaults(&o);
    o.n_test = 10;
    o.n_val = 4;
    o.sessions = sessions;
    CHECK(fus_sdc_study_create(&study, err) == 0);
    *code = fus_sdc_study_read(study, path, err);
    if (!*code)
        *code = fus_sdc_study_load(study, NULL, &embedding, &o, err);
    return study;
}

static void check_participant(const struct expected *e, const struct fus_sdc_data *d)
{
    static const int32_t trials[3] = {0, 41, TRIALS - 1};
    float x[3 * MOST];
    CHECK(strcmp(d->name, e->name) == 0 && d->n_trials == e->n_trials && d->n_sessions == e->n_sessions);
    CHECK_MSG(d->n_masked == e->n_masked && d->n_voxels == e->n_kept, "%s: %zu masked, %zu kept", e->name, d->n_masked,
              d->n_voxels);
    CHECK(memcmp(d->split, e->split, e->n_trials) == 0);
    CHECK(memcmp(d->session, e->session, e->n_trials * sizeof *d->session) == 0);
    CHECK(memcmp(d->fate, e->fate, e->n_masked) == 0);
    for (size_t k = 0; k < e->n_kept && k < d->n_voxels; k++)
        CHECK_MSG(d->voxel[k] == e->voxel[k] && test_close(d->nc[k], e->nc[k], 2e-6), "%s: voxel %ld, %g, expected %g",
                  e->name, (long)d->voxel[k], d->nc[k], e->nc[k]);
    CHECK(fus_sdc_data_gather(x, d, trials, 3, NULL) == 0);
    for (size_t i = 0; i < 3; i++)
        for (size_t k = 0; k < e->n_kept; k++)
            CHECK(fabsf(x[i * e->n_kept + k] - e->z[i][k]) <= 1e-6f);
}

/* The golden study, the same bits with all memory, with little and without any. */
static void test_golden(void)
{
    static const size_t memories[] = {(size_t)1 << 30, 7000, 0};
    static float x[3][TRIALS * MOST], nc[3][MOST];
    struct fus_error err = {0, -1, ""};
    int code;
    int32_t all[TRIALS];
    struct fus_sdc_study *study = load("tests/golden/sdc_study.tsv", NULL, &code, &err);
    CHECK_MSG(code == 0, "%s", err.msg);
    CHECK(study->n == 3 && study->n_shared == 8 && study->n_images == 100);
    CHECK(study->participants[0].n_files == 4 && study->participants[1].n_files == 2);
    CHECK(study->participants[2].n_files == 5 && strstr(study->participants[2].files[4], "golden/sdc_c_rh_two.mgz"));
    CHECK(strstr(study->participants[0].files[1], "golden/sdc_a_mask.nii.gz"));
    for (int t = 0; t < TRIALS; t++)
        all[t] = t;
    for (int p = 0; p < 3 && !code; p++)
        for (int m = 0; m < 3 && !code; m++) {
            struct fus_sdc_data *d;
            struct fus_sdc_data_options o;
            fus_sdc_data_defaults(&o);
            o.max_memory = memories[m];
            o.folder = folder;
            code = fus_sdc_data_open(&d, study, p, &o, &err);
            CHECK_MSG(code == 0, "%s", err.msg);
            if (code)
                break;
            check_participant(&expected[p], d);
            memset(x[m], 0, sizeof x[m]);
            CHECK(fus_sdc_data_gather(x[m], d, all, TRIALS, &err) == 0);
            memcpy(nc[m], d->nc, d->n_voxels * sizeof *d->nc);
            CHECK(m == 0 || memcmp(x[m], x[0], d->n_voxels * TRIALS * sizeof(float)) == 0);
            CHECK(m == 0 || memcmp(nc[m], nc[0], d->n_voxels * sizeof(float)) == 0);
            fus_sdc_data_close(d);
        }
    fus_sdc_study_close(study);
}

/* Scale divides what is reported, not z; without z-scores x is the response itself. */
static void test_scale(void)
{
    struct fus_error err = {0, -1, ""};
    int code;
    static const int32_t trial[1] = {5};
    float x[MOST], y[MOST], raw[MOST];
    struct fus_sdc_data *one, *scaled, *plain;
    struct fus_sdc_data_options o;
    struct fus_sdc_study *study = load("tests/golden/sdc_study.tsv", NULL, &code, &err);
    fus_sdc_data_defaults(&o);
    o.folder = folder;
    CHECK(fus_sdc_data_open(&one, study, 0, &o, &err) == 0);
    o.scale = 300;
    CHECK(fus_sdc_data_open(&scaled, study, 0, &o, &err) == 0);
    o.zscore = false;
    o.min_nc = NAN;
    CHECK(fus_sdc_data_open(&plain, study, 0, &o, &err) == 0);
    CHECK(one->n_voxels == scaled->n_voxels && plain->n_voxels == plain->n_masked - 1);
    CHECK(fus_sdc_data_gather(x, one, trial, 1, &err) == 0 && fus_sdc_data_gather(y, scaled, trial, 1, &err) == 0);
    CHECK(memcmp(x, y, one->n_voxels * sizeof *x) == 0);
    CHECK(fus_sdc_data_gather(raw, plain, trial, 1, &err) == 0);
    for (size_t v = 0; v < one->n_voxels; v++) {
        double from_z = x[v] * scaled->sd[v] + scaled->mean[v];
        size_t k = 0;
        while (plain->voxel[k] != one->voxel[v])
            k++;
        CHECK(fabs(from_z - raw[k]) < 1e-5 && fabs(one->mean[v] - 300 * scaled->mean[v]) < 1e-9);
    }
    size_t ijk[3];
    fus_sdc_data_place(ijk, one, 23);
    CHECK(ijk[0] == 3 && ijk[1] == 2 && ijk[2] == 1);
    fus_sdc_data_close(one);
    fus_sdc_data_close(scaled);
    fus_sdc_data_close(plain);
    CHECK(fus_sdc_data_open(&one, study, 2, &o, &err) == 0);
    fus_sdc_data_place(ijk, one, 11 + 3);
    CHECK(one->n_parts == 2 && one->part_first[1] == 11 && strcmp(one->part_name[1], "rh") == 0 && ijk[0] == 3);
    fus_sdc_data_close(one);
    o.zscore = true;
    o.min_nc = 99;
    CHECK(fus_sdc_data_open(&one, study, 2, &o, &err) == FUS_EINVAL && strstr(err.msg, "c: no voxel is kept of 25"));
    o.repeats = 4;
    CHECK(fus_sdc_data_open(&one, study, 2, &o, &err) == FUS_EINVAL && strstr(err.msg, "--min-nc none"));
    fus_sdc_study_close(study);
}

/* ---- studies that are wrong ---- */

static const char *write_file(const char *name, const char *text)
{
    static char path[512];
    struct fus_outfile f;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    CHECK(fus_outfile_open(&f, path, NULL) == 0);
    fus_outfile_write(&f, text, strlen(text));
    CHECK(fus_outfile_commit(&f, NULL) == 0);
    return path;
}

static void check_wrong(const char *study_text, const char *expected_text)
{
    struct fus_error err = {0, -1, ""};
    int code;
    struct fus_sdc_study *study = load(write_file("study.tsv", study_text), NULL, &code, &err);
    if (!code) {
        struct fus_sdc_data *d = NULL;
        struct fus_sdc_data_options o;
        fus_sdc_data_defaults(&o);
        o.folder = folder;
        code = fus_sdc_data_open(&d, study, 0, &o, &err);
        fus_sdc_data_close(code ? NULL : d);
    }
    CHECK_MSG(code && strstr(err.msg, expected_text), "code %d, `%s`, expected `%s`", code, err.msg, expected_text);
    fus_sdc_study_close(study);
}

static void write_array(const char *name, size_t trials, size_t voxels)
{
    static int16_t x[40 * 6];
    char path[512];
    struct fus_rng rng;
    fus_rng_seed(&rng, trials);
    for (int i = 0; i < 40 * 6; i++)
        x[i] = (int16_t)(fus_rng_u64(&rng) >> 50);
    const struct fus_npy_array a = {"betas", "<i2", 2, {trials, voxels}, x};
    snprintf(path, sizeof path, "%s/%s", folder, name);
    CHECK(fus_npyout_npy(path, &a, NULL) == 0);
}

/* 40 trials: images 0 to 19 twice, in two sessions, with a split; one line may be another. */
static void write_trials(const char *name, const char *head, int line, const char *instead)
{
    static char text[4000];
    size_t at = (size_t)snprintf(text, sizeof text, "%s\n", head);
    for (int t = 0; t < 40; t++)
        at += t == line ? (size_t)snprintf(text + at, sizeof text - at, "%s\n", instead)
                        : (size_t)snprintf(text + at, sizeof text - at, "%d\t%d\t%s\n", t % 20, t / 20,
                                           t % 20 < 5 ? "test" : "train");
    write_file(name, text);
}

#define HEAD "participant\tresponses\ttrials\n"

static void test_wrong_study(void)
{
    check_wrong("", "study.tsv: is empty");
    check_wrong("participant\tresponses\n", "has no participant below its header");
    check_wrong("participant\tresponse\nA\tx.npy\n", "found a column response, expected participant, responses");
    check_wrong("participant\ttrials\nA\tt.tsv\n", "has no column responses");
    check_wrong("participant\tresponses\tparticipant\n", "two columns are called participant");
    check_wrong("participant\tresponses\nA B\tx.npy\n", "line 2: found the participant `A B`");
    check_wrong("participant\tresponses\nA\t-\n", "line 2: A: has no responses");
    check_wrong("participant\tresponses\nA\tx.npy\n", "A: x.npy: has no table of trials");
    check_wrong("participant\tresponses\nA\tmodel:net.pth\n", "expected model:FILE@LAYER");
    check_wrong(HEAD "A\tno.npy\tt.tsv\n", "no.npy: cannot be opened");
    check_wrong(HEAD "A\tno*.npy\tt.tsv\n", "no*.npy: no file has such a name");
    check_wrong(HEAD "A\t*/x.npy\tt.tsv\n", "`*` in a folder's name");
    check_wrong(HEAD "A\tx.npy\tno.tsv\n", "no.tsv: cannot be opened");
    check_wrong(HEAD "A\tt.tsv\tt.tsv\n", "neither NIfTI, MGH nor NumPy begins with");
    check_wrong(HEAD "A\tz.npy\tt.tsv\n", "A: z.npy holds 39 trials in 1 file, ");
    check_wrong(HEAD "A\tx.npy\tt.tsv\nA\ty.npy\tt.tsv\n", "y.npy 5, expected the same");
    check_wrong(HEAD "A\tlh=x.npy;rh=z.npy\tt.tsv\n", "z.npy: has 39 trials, ");
    check_wrong(HEAD "A\tlh=x.npy;lh=y.npy\tt.tsv\n", "two files are called `lh`");
    check_wrong(HEAD "A\tlh=x.npy;y.npy\tt.tsv\n", "expected a file, or NAME=FILE;NAME=FILE");
    check_wrong("participant\tresponses\ttrials\tmask\nA\tlh=x.npy;rh=y.npy\tt.tsv\tlh=x.npy\n", "none for rh");
    check_wrong("participant\tresponses\ttrials\tmask\nA\tx.npy\tt.tsv\ty.npy\n", "y.npy: the mask has 40 volumes");
    check_wrong("participant\tresponses\ttrials\tsessions\nA\tx.npy\tt.tsv\t1-\n", "sessions 1-: expected numbers");
}

static void test_wrong_trials(void)
{
    write_trials("unknown.tsv", "image\tsession", 3, "100\t0");
    write_trials("word.tsv", "image\tsession", 3, "cat\t0");
    write_trials("kid.tsv", "73KID\tsession", 0, "1\t0");
    write_trials("split.tsv", "image\tsession\tsplit", 7, "7\t0\ttested");
    write_trials("two.tsv", "image\tsession\tsplit", 27, "7\t1\ttest");
    write_trials("plain.tsv", "image\tsession\tother", -1, "");
    write_trials("lone.tsv", "image\tsession\tsplit", 7, "7\t9\ttrain");
    write_trials("empty.tsv", "image\tsession\tsplit", 7, "7\t\ttrain");
    write_trials("none.tsv", "picture\tsession\tsplit", -1, "");
    write_file("long.tsv", "image\tsession\n1\t1\t1\n");
    check_wrong(HEAD "A\tx.npy\tunknown.tsv\n", "unknown.tsv: line 2: more than 2 fields");
    write_trials("unknown.tsv", "image\tsession\tother", 3, "100\t0");
    write_trials("word.tsv", "image\tsession\tother", 3, "cat\t0");
    write_trials("kid.tsv", "73KID\tsession\tother", 0, "1\t0");
    check_wrong(HEAD "A\tx.npy\tunknown.tsv\n",
                "unknown.tsv: line 5: trial 4: found the image `100`, expected a row of the embedding, 0 to 99");
    check_wrong(HEAD "A\tx.npy\tword.tsv\n", "trial 4: found the image `cat`");
    check_wrong(HEAD "A\tx.npy\tkid.tsv\n", "trial 21: found the image `0`, expected a row of the embedding, 1 to 100");
    check_wrong(HEAD "A\tx.npy\tsplit.tsv\n", "line 9: found the split `tested`");
    check_wrong(HEAD "A\tx.npy\ttwo.tsv\n", "A: trial 28: its image (row 7 of the embedding)");
    check_wrong(HEAD "A\tx.npy\tt.tsv\nB\tx.npy\tplain.tsv\n",
                "B: its trials have no column `split`, those of A have one");
    check_wrong(HEAD "A\tx.npy\tplain.tsv\n", "A: no image can test");
    check_wrong(HEAD "A\tx.npy\tlone.tsv\n", "A: session 9 has one trial alone");
    check_wrong(HEAD "A\tx.npy\tempty.tsv\n", "line 9: the session is empty");
    check_wrong(HEAD "A\tx.npy\tnone.tsv\n", "has no column `image` (or 73KID)");
    check_wrong(HEAD "A\tx.npy\tlong.tsv\n", "line 2: more than 2 fields");
    check_wrong(HEAD "A\tx.npy\tt.tsv\n", "no training image has 3 trials");
    embedding.usable[6] = 0;
    check_wrong(HEAD "A\tx.npy\tt.tsv\n",
                "t.tsv: line 8: trial 7: row 6 of the embedding (from 0) is zero or no finite number");
    embedding.usable[6] = 1;
}

/* Sessions cut from responses and trials. */
static void test_sessions(void)
{
    struct fus_error err = {0, -1, ""};
    struct fus_sdc_study *study;
    struct fus_sdc_study_options o;
    char text[300], path[512];
    fus_sdc_study_defaults(&o);
    o.sessions = "1";
    write_array("half.npy", 20, 6);
    for (int kind = 0; kind < 2; kind++) { /* responses of both sessions, or of the wanted one alone */
        snprintf(path, sizeof path, "%s/%s.npy", folder, kind ? "half" : "x");
        CHECK(fus_sdc_study_create(&study, &err) == 0);
        snprintf(text, sizeof text, "%s/t.tsv", folder);
        CHECK(fus_sdc_study_add(study, "A", path, text, "-", "", &err) == 0);
        CHECK_MSG(fus_sdc_study_load(study, NULL, &embedding, &o, &err) == 0, "%s", err.msg);
        const struct fus_sdc_participant *p = &study->participants[0];
        CHECK(p->n_trials == 20 && p->n_sessions == 1 && p->image[3] == 3 && strcmp(p->session_name[0], "1") == 0);
        CHECK(p->sources[0].used[0] == kind && p->sources[0].n_all == (size_t)(kind ? 20 : 40));
        fus_sdc_study_close(study);
    }
}

static void test_images(void)
{
    struct fus_error err = {0, -1, ""};
    struct fus_sdc_study *study;
    struct fus_sdc_images images;
    struct fus_sdc_study_options o;
    char path[512];
    static char table[4000];
    size_t row, at = (size_t)snprintf(table, sizeof table, "image\tpath\tfood\r\n");
    for (int i = 0; i < 100; i++)
        at += (size_t)snprintf(table + at, sizeof table - at, "%d\tp/%d.png\t%d\r\n", 99 - i, i, i % 2);
    CHECK(fus_sdc_images_open(&images, write_file("images.tsv", table), &err) == 0);
    CHECK(images.n == 100 && images.n_labels == 1 && strcmp(images.label[0], "food") == 0);
    CHECK(strcmp(images.value[3], "1") == 0 && fus_sdc_images_find(&row, &images, "97") && row == 2);
    CHECK(!fus_sdc_images_find(&row, &images, "100"));
    snprintf(path, sizeof path, "%s/p/2.png", folder);
    CHECK(strcmp(images.path[2], path) == 0);
    CHECK(fus_sdc_study_create(&study, &err) == 0);
    CHECK(fus_sdc_study_read(study, write_file("study.tsv", HEAD "A\tx.npy\tt.tsv\n"), &err) == 0);
    fus_sdc_study_defaults(&o);
    CHECK_MSG(fus_sdc_study_load(study, &images, &embedding, &o, &err) == 0, "%s", err.msg);
    CHECK(study->participants[0].image[3] == 96);
    fus_sdc_study_close(study);
    fus_sdc_images_close(&images);
    CHECK(fus_sdc_images_open(&images, write_file("images.tsv", "image\na\nb\na\n"), &err) == FUS_EFORMAT &&
          strstr(err.msg, "line 4: image a stands in line 2 too"));
}

/* Memory that runs out anywhere is an error, never a crash. */
static void test_memory(void)
{
    int failures = 0;
    for (long n = 1; n < 2000; n++) {
        struct fus_error err = {0, -1, ""};
        struct fus_sdc_study *study = NULL;
        struct fus_sdc_data *d = NULL;
        struct fus_sdc_study_options so;
        struct fus_sdc_data_options o;
        fus_sdc_study_defaults(&so);
        fus_sdc_data_defaults(&o);
        so.n_test = 10;
        so.n_val = 4;
        o.folder = folder;
        o.max_memory = n % 2 ? o.max_memory : 0;
        fus_base_fail_allocation(n);
        int code = fus_sdc_study_create(&study, &err);
        if (!code)
            code = fus_sdc_study_read(study, "tests/golden/sdc_study.tsv", &err);
        if (!code)
            code = fus_sdc_study_load(study, NULL, &embedding, &so, &err);
        if (!code)
            code = fus_sdc_data_open(&d, study, (int)(n % 3), &o, &err);
        fus_base_fail_allocation(0);
        CHECK(!code || err.msg[0]);
        failures += code != 0;
        fus_sdc_data_close(code ? NULL : d);
        fus_sdc_study_close(study);
        if (!code && n % 3 == 0)
            break;
    }
    CHECK(failures > 100);
}

int main(void)
{
    const char *temporary = getenv("TMPDIR");
    char command[400];
    snprintf(folder, sizeof folder, "%s/fusiform-sdc-responses-%ld", temporary ? temporary : "/tmp", (long)getpid());
    CHECK(mkdir(folder, 0700) == 0);
    CHECK(fus_sdc_embedding_open(&embedding, "tests/golden/sdc_embedding.npy", NULL) == 0);
    write_array("x.npy", 40, 6);
    write_array("y.npy", 40, 5);
    write_array("z.npy", 39, 6);
    write_trials("t.tsv", "image\tsession\tsplit", -1, "");
    test_golden();
    test_scale();
    test_wrong_study();
    test_wrong_trials();
    test_sessions();
    test_images();
    test_memory();
    fus_sdc_embedding_close(&embedding);
    snprintf(command, sizeof command, "rm -r '%s'", folder);
    CHECK(system(command) == 0);
    return test_end();
}
