/* SPDX-License-Identifier: MIT */
/* volumes.c: masks and labels of the golden study, read back here and, where it is installed, by
 * nibabel (tests/nibabel_check.py; set KEEP to keep them). */
#define _POSIX_C_SOURCE 200809L
#include "analysis/sdc/volumes.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "analysis/sdc/study.h"
#include "test.h"
#include "weights/volume.h"

static char folder[256];

static struct fus_sdc_study *open_study(struct fus_sdc_embedding *e)
{
    struct fus_sdc_study *study;
    struct fus_sdc_study_options o;
    struct fus_error err = {0, -1, ""};
    fus_sdc_study_defaults(&o);
    o.n_test = 10;
    o.n_val = 4;
    CHECK(fus_sdc_embedding_open(e, "tests/golden/sdc_embedding.npy", &err) == 0);
    CHECK(fus_sdc_study_create(&study, &err) == 0);
    CHECK(fus_sdc_study_read(study, "tests/golden/sdc_study.tsv", &err) == 0);
    CHECK_MSG(fus_sdc_study_load(study, NULL, e, &o, &err) == 0, "%s", err.msg);
    return study;
}

/* Labels k % 4 - 1 and clusters of every second, third and fourth voxel. */
static void write_volumes(const char *name, size_t n, bool expected)
{
    int32_t label[64];
    uint8_t member[3 * 64];
    bool written;
    struct fus_error err = {0, -1, ""};
    for (size_t k = 0; k < n; k++) {
        label[k] = (int32_t)(k % 4) - 1;
        for (size_t c = 0; c < 3; c++)
            member[c * n + k] = k % (c + 2) == 0;
    }
    CHECK(fus_sdc_volumes_write_labels(&written, folder, folder, name, label, n, &err) == 0 && written == expected);
    CHECK(fus_sdc_volumes_write_expanded(&written, folder, folder, name, member, 3, n, &err) == 0 &&
          written == expected);
    CHECK(fus_sdc_volumes_write_expanded(&written, folder, folder, name, member, 0, n, &err) == 0 && !written);
    CHECK(!expected || fus_sdc_volumes_write_labels(&written, folder, folder, name, label, n + 1, &err) == FUS_EFORMAT);
}

static void check_labels(const struct fus_sdc_data *d)
{
    char path[400];
    struct fus_volume *v;
    float x[64];
    snprintf(path, sizeof path, "%s/a_labels.nii", folder);
    CHECK(fus_volume_open(&v, path, NULL) == 0 && fus_volume_info(v)->n_places == 24);
    CHECK(fus_volume_read(v, x, 1, NULL) == 0);
    size_t k = 0;
    for (int i = 0; i < 24; i++) {
        bool kept = k < d->n_voxels && d->voxel[k] == i;
        CHECK(x[i] == (kept ? (float)(k % 4) : 0));
        k += kept;
    }
    fus_volume_close(v);
}

static void test_colours(void)
{
    uint8_t a[3], b[3];
    for (int c = 0; c < 30; c++)
        for (int k = 0; k < c; k++) {
            fus_sdc_volumes_colour(a, c);
            fus_sdc_volumes_colour(b, k);
            CHECK(abs(a[0] - b[0]) + abs(a[1] - b[1]) + abs(a[2] - b[2]) > 20);
        }
    static const char *const names[3] = {"food, red", NULL, "two words"};
    CHECK(fus_sdc_volumes_write_colours(folder, 3, names, NULL) == 0);
}

static void test_nibabel(void)
{
    char command[600];
    snprintf(command, sizeof command, "/usr/bin/python3 tests/nibabel_check.py '%s' >/dev/null", folder);
    int status = access("/usr/bin/python3", X_OK) == 0 ? system(command) : 77 << 8;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
        SKIP("nibabel is not installed");
    else
        CHECK(status == 0);
}

int main(void)
{
    struct fus_sdc_embedding e;
    struct fus_sdc_data_options o;
    const char *temporary = getenv("TMPDIR");
    char command[400];
    snprintf(folder, sizeof folder, "%s/fusiform-sdc-volumes-%ld", temporary ? temporary : "/tmp", (long)getpid());
    CHECK(mkdir(folder, 0700) == 0);
    struct fus_sdc_study *study = open_study(&e);
    fus_sdc_data_defaults(&o);
    o.folder = folder;
    for (int p = 0; p < 3; p++) {
        struct fus_sdc_data *d;
        CHECK(fus_sdc_data_open(&d, study, p, &o, NULL) == 0);
        CHECK(fus_sdc_volumes_write_mask(folder, d, NULL) == 0);
        write_volumes(d->name, d->n_voxels, p != 1); /* b is a plain array */
        if (p == 0)
            check_labels(d);
        fus_sdc_data_close(d);
    }
    test_colours();
    test_nibabel();
    fus_sdc_study_close(study);
    fus_sdc_embedding_close(&e);
    snprintf(command, sizeof command, "rm -r '%s'", folder);
    CHECK(getenv("KEEP") || system(command) == 0);
    return test_end();
}
