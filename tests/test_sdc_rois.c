/* SPDX-License-Identifier: MIT */
/* analysis/sdc/roi_names.c: both kinds of tables, every beginning of each, allocations that fail,
 * the table beside an image. */
#define _POSIX_C_SOURCE 200809L
#include <unistd.h>

#include "analysis/sdc/roi_names.h"
#include "test.h"

static char folder[400];

static const char *write_file(const char *name, const char *text, size_t n)
{
    static char path[500];
    snprintf(path, sizeof path, "%s-%s", folder, name);
    FILE *f = fopen(path, "wb");
    CHECK(f != NULL);
    if (f) {
        CHECK(fwrite(text, 1, n, f) == n);
        fclose(f);
    }
    return path;
}

static const char colours[] =
    "#No. Label Name:\r\n  0 Unknown 0 0 0 0\n 12\tV1v  120 18 134 0\r\n3 V2d\n\n  7 hV4 1 2 3\n";
static const char table[] = "name\tindex\tcolor\nfusiform face area\t12\t#ff0000\n# a comment\nplaces\t3\n";

static void check_all(const char *path, const char *of_3, const char *of_12)
{
    struct fus_sdc_roi_names names;
    struct fus_error err = {0};
    CHECK_MSG(fus_sdc_roi_names_read(&names, path, &err) == 0, "%s", err.msg);
    CHECK(strcmp(fus_sdc_roi_names_of(&names, 3), of_3) == 0 && strcmp(fus_sdc_roi_names_of(&names, 12), of_12) == 0);
    CHECK(*fus_sdc_roi_names_of(&names, 4) == 0 && *fus_sdc_roi_names_of(&names, 1000) == 0);
    CHECK(*fus_sdc_roi_names_of(&names, -1) == 0);
    fus_sdc_roi_names_free(&names);
}

/* Each beginning is read, or refused with one line. */
static void check_beginnings(const char *name, const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct fus_sdc_roi_names names;
        struct fus_error err = {0};
        const char *path = write_file(name, text, i);
        if (fus_sdc_roi_names_read(&names, path, &err) == 0)
            CHECK(names.n > 0);
        else
            CHECK(names.n == 0 && strstr(err.msg, path) && !strchr(err.msg, '\n'));
        fus_sdc_roi_names_free(&names);
    }
}

static void check_memory(const char *path)
{
    int code = FUS_ENOMEM;
    for (long n = 1; n < 100 && code; n++) {
        struct fus_sdc_roi_names names;
        struct fus_error err = {0};
        fus_base_fail_allocation(n);
        code = fus_sdc_roi_names_read(&names, path, &err);
        fus_base_fail_allocation(0);
        CHECK(code == FUS_OK || code == FUS_ENOMEM);
        fus_sdc_roi_names_free(&names);
    }
    CHECK(code == FUS_OK);
}

static void test_tables(void)
{
    check_all(write_file("a.ctab", colours, sizeof colours - 1), "V2d", "V1v");
    check_memory(write_file("a.ctab", colours, sizeof colours - 1));
    check_beginnings("a.ctab", colours, sizeof colours - 1);
    check_all(write_file("a.tsv", table, sizeof table - 1), "places", "fusiform face area");
    check_memory(write_file("a.tsv", table, sizeof table - 1));
    check_beginnings("a.tsv", table, sizeof table - 1);
}

static void check_beside(const char *image, const char *expected)
{
    char path[500], want[500], *found = NULL;
    snprintf(path, sizeof path, "%s-%s", folder, image);
    snprintf(want, sizeof want, "%s-%s", folder, expected);
    CHECK(fus_sdc_roi_names_beside(&found, path, NULL) == 0);
    CHECK(*expected ? found && strcmp(found, want) == 0 : !found);
    fus_base_free(found);
}

static void test_beside(void)
{
    char path[500];
    check_beside("a.nii.gz", "a.ctab"); /* the table of colours before the other */
    check_beside("a.mgz", "a.ctab");
    check_beside("a", "a.ctab");
    check_beside("b.nii", "");
    snprintf(path, sizeof path, "%s-a.ctab", folder);
    unlink(path);
    check_beside("a.npy", "a.tsv");
    snprintf(path, sizeof path, "%s-a.tsv", folder);
    unlink(path);
    check_beside("a.npy", "");
}

int main(void)
{
    const char *temporary = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/fusiform-sdc-rois-%ld", temporary ? temporary : "/tmp", (long)getpid());
    test_tables();
    test_beside();
    return test_end();
}
