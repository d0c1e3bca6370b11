/* SPDX-License-Identifier: MIT */
/* simulate.c, simulate_person.c, found.c: the same bytes everywhere, what is planted can be
 * measured, and clusters are scored as they deserve. */
#define _POSIX_C_SOURCE 200809L
#include "analysis/sdc/simulate.h"

#include <sys/stat.h>
#include <unistd.h>

#include "analysis/run/csv_read.h"
#include "analysis/run/tables.h"
#include "analysis/sdc/found.h"
#include "analysis/sdc/simulate_parts.h"
#include "analysis/sdc/study.h"
#include "nn/base/outfile.h"
#include "nn/base/sha256.h"
#include "test.h"

enum { MOST = 600 };

static char folder[256];

static const char *in(const char *name)
{
    static char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void small(struct fus_sdc_simulate_options *o)
{
    fus_sdc_simulate_defaults(o);
    o->n_participants = 5;
    o->n_shared = 30;
    o->n_own = 120;
    o->n_sessions = 2;
    o->d = 20;
    o->group = 6;
    o->n_mixed = 5;
    o->n_idle = 6;
}

static void test_axes(void)
{
    static double q[40 * 40], other[40 * 40];
    CHECK(fus_sdc_simulate_axes(q, 40, 1, 0, NULL) == 0 && fus_sdc_simulate_axes(other, 40, 1, 1, NULL) == 0);
    double worst = 0;
    for (int i = 0; i < 40; i++)
        for (int k = 0; k <= i; k++) {
            double sum = 0;
            for (int j = 0; j < 40; j++)
                sum += q[i * 40 + j] * q[k * 40 + j];
            worst = fmax(worst, fabs(sum - (i == k)));
        }
    CHECK(worst < 1e-14);
    CHECK(fabs(q[0] - other[0]) > 1e-6);
}

/* What the captions say is what the embedding holds. */
static void test_pictures(void)
{
    static struct fus_sdc_picture p[700];
    int n[FUS_SDC_N_AXES] = {0}, n_side = 0, n_glasses = 0, paint[3] = {0}, view[3] = {0};
    CHECK(fus_sdc_simulate_pictures(p, 700, 1) == 0);
    for (int i = 0; i < 700; i++) {
        n[p[i].category]++;
        n_side += p[i].side != 0;
        n_glasses += p[i].glasses;
        CHECK(!p[i].glasses || p[i].category == FUS_SDC_AXIS_FACE);
        if (p[i].category == FUS_SDC_AXIS_CAR) {
            paint[p[i].paint + 1]++;
            view[p[i].view + 1]++;
        } else
            CHECK(p[i].paint == 0 && p[i].view == 0);
        for (int k = 0; k < i; k++)
            CHECK(p[i].index != p[k].index || strcmp(p[i].subcategory, p[k].subcategory) != 0);
    }
    for (int c = 0; c < FUS_SDC_N_CATEGORIES; c++)
        CHECK(n[c] > 70 && n[c] < 130);
    for (int k = 0; k < 3; k++)
        CHECK(paint[k] > 15 && view[k] > 15);
    CHECK(n_side > 60 && n_glasses > 10);
}

static void check_sha(const char *name, const char *expected)
{
    char hex[FUS_SHA256_HEX] = "";
    CHECK(fus_sha256_file(hex, in(name), NULL) == 0);
    CHECK_MSG(strncmp(hex, expected, 16) == 0, "%s: %s", name, hex);
}

/* Noise ceilings as planted, from files that a study reads. */
static void test_study(void)
{
    struct fus_sdc_simulate_options o;
    struct fus_sdc_study *study;
    struct fus_sdc_study_options so;
    struct fus_sdc_data_options data;
    struct fus_sdc_embedding e;
    struct fus_sdc_images images;
    struct fus_sdc_data *d;
    struct fus_error err = {0, -1, ""};
    struct fus_csv_read t;
    small(&o);
    CHECK_MSG(fus_sdc_simulate(folder, &o, &err) == 0, "%s", err.msg);
    check_sha("embedding.npy", "0e3968df03d57bd1");
    check_sha("subj02/session2.nii", "1033572ec71062b1");
    check_sha("truth.csv", "19e5a6b54957f42a");
    static uint8_t drawn[30 + 5 * 120] = {1};
    CHECK_MSG(fus_sdc_simulate_images(folder, &o, drawn, &err) == 0, "%s", err.msg);
    check_sha("images.tsv", "be99400392353da0");
    CHECK(fus_sdc_images_open(&images, in("images.tsv"), &err) == 0 && images.n == 630 && images.n_labels == 14);
    CHECK(access(images.path[0], R_OK) == 0 && !images.path[1]);
    fus_sdc_study_defaults(&so);
    so.n_test = 30;
    so.n_val = 10;
    fus_sdc_data_defaults(&data);
    data.folder = folder;
    data.min_nc = NAN;
    CHECK(fus_sdc_embedding_open(&e, in("embedding.npy"), &err) == 0 && e.n == 630 && e.d == 20);
    CHECK(fus_sdc_study_create(&study, &err) == 0 && fus_sdc_study_read(study, in("study.tsv"), &err) == 0);
    CHECK_MSG(fus_sdc_study_load(study, &images, &e, &so, &err) == 0, "%s", err.msg);
    CHECK(study->n_shared == 30);
    CHECK_MSG(fus_sdc_data_open(&d, study, 0, &data, &err) == 0, "%s", err.msg);
    CHECK(d->n_trials == 450 && d->n_sessions == 2 && d->grid[0] == 8);
    double sum = 0, sums = 0;
    size_t k = 0;
    CHECK(fus_csv_read_open(&t, in("truth.csv"), &err) == 0);
    int voxel = fus_csv_read_column(&t, "voxel"), nc = fus_csv_read_column(&t, "nc");
    for (; k < d->n_voxels && fus_csv_read_next(&t); k++) {
        double planted = fus_csv_read_number(&t, nc);
        CHECK(fus_csv_read_number(&t, voxel) == d->voxel[k]);
        sum += fabs(d->nc[k] - planted);
        sums += planted;
    }
    CHECK(k == d->n_voxels && k > 50);
    CHECK_MSG(sum / (double)k < 8 && sums / (double)k > 12, "mean error %.1f of mean %.1f", sum / (double)k,
              sums / (double)k);
    fus_csv_read_close(&t, NULL);
    fus_sdc_data_close(d);
    fus_sdc_study_close(study);
    fus_sdc_embedding_close(&e);
    fus_sdc_images_close(&images);
    o.d = 3;
    CHECK(fus_sdc_simulate(folder, &o, &err) == FUS_EINVAL);
}

/* Decoders that keep every voxel, and labels made of the truth: kind 0 as planted, 1 both cars
 * in one cluster, 2 numbers too. */
static void write_labels(int kind)
{
    struct fus_csv_read t;
    char name[64] = "", path[600];
    int32_t voxel[MOST], label[MOST];
    size_t n = 0;
    CHECK(fus_csv_read_open(&t, in("truth.csv"), NULL) == 0);
    int who = fus_csv_read_column(&t, "participant"), v = fus_csv_read_column(&t, "voxel"),
        c = fus_csv_read_column(&t, "concept");
    for (bool more = fus_csv_read_next(&t);; more = fus_csv_read_next(&t)) {
        if (n && (!more || strcmp(name, fus_csv_read_text(&t, who)) != 0)) {
            const struct fus_npy_array kept = {"voxel", "<i4", 1, {n}, voxel}, labels = {"", "<i4", 1, {n}, label};
            snprintf(path, sizeof path, "%s/decoders/%s.npz", folder, name);
            CHECK(fus_npyout_npz(path, &kept, 1, NULL) == 0);
            snprintf(path, sizeof path, "%s/labels/%s_labels.npy", folder, name);
            CHECK(fus_npyout_npy(path, &labels, NULL) == 0);
            n = 0;
        }
        if (!more)
            break;
        snprintf(name, sizeof name, "%s", fus_csv_read_text(&t, who));
        voxel[n] = (int32_t)fus_csv_read_number(&t, v);
        label[n] = -1;
        for (int k = 0; k < FUS_SDC_N_CONCEPTS; k++)
            if (strcmp(fus_sdc_simulate_name((enum fus_sdc_concept)k), fus_csv_read_text(&t, c)) == 0 &&
                (k < FUS_SDC_N_SHARED || (kind == 2 && k == FUS_SDC_NUMBER)))
                label[n] = kind == 1 && k == FUS_SDC_CAR_VIEW ? FUS_SDC_CAR_PAINT : k;
        n++;
    }
    CHECK(fus_csv_read_close(&t, NULL) == 0);
}

static void test_found(void)
{
    struct fus_sdc_found f[3];
    struct fus_error err = {0, -1, ""};
    char labels[400], truth[400];
    snprintf(labels, sizeof labels, "%s/labels", folder);
    snprintf(truth, sizeof truth, "%s/truth.csv", folder);
    CHECK(mkdir(labels, 0700) == 0 && mkdir(in("decoders"), 0700) == 0);
    for (int kind = 0; kind < 3; kind++) {
        write_labels(kind);
        f[kind] = (struct fus_sdc_found){.vectors = "weight", .eps = 0.5, .q = 0.01};
        CHECK_MSG(fus_sdc_found_score(&f[kind], truth, folder, labels, &err) == 0, "%s", err.msg);
        CHECK(f[kind].n_planted == 8 && f[kind].n_clusters == (kind == 2 ? 9 : 8));
    }
    CHECK(f[0].n_found == 8 && f[0].apart && f[0].n_unwanted == 0 && f[0].rand_planted == 1 && f[0].rand_all == 1);
    CHECK(f[0].concept[FUS_SDC_FACE].jaccard == 1 && f[0].concept[FUS_SDC_GLASSES].cluster == -1);
    CHECK(!f[1].apart && f[1].rand_planted < 0.95 && f[1].concept[FUS_SDC_CAR_VIEW].cluster == FUS_SDC_CAR_PAINT);
    CHECK(f[2].n_found == 8 && f[2].n_unwanted == 1 && f[2].rand_planted == 1 && f[2].rand_all < 1);
    CHECK(fus_sdc_found_write(folder, f, 3, &err) == 0);
    CHECK(access(in("found.csv"), R_OK) == 0 && access(in("demo.csv"), R_OK) == 0);
    unlink(in("decoders/subj02.npz"));
    CHECK(fus_sdc_found_score(&f[0], truth, folder, labels, &err) == FUS_EIO && strstr(err.msg, "subj02.npz"));
}

int main(void)
{
    const char *temporary = getenv("TMPDIR");
    char command[400];
    snprintf(folder, sizeof folder, "%s/fusiform-sdc-simulate-%ld", temporary ? temporary : "/tmp", (long)getpid());
    CHECK(mkdir(folder, 0700) == 0);
    test_axes();
    test_pictures();
    test_study();
    test_found();
    snprintf(command, sizeof command, "rm -r '%s'", folder);
    CHECK(system(command) == 0);
    return test_end();
}
