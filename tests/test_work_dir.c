/* SPDX-License-Identifier: MIT */
/* The folder of a run at work (analysis/localizer/state/work_dir.c): one process at a time, taken
 * up again by the same run alone. */
#define _POSIX_C_SOURCE 200809L
#include "test.h"

#include <sys/wait.h>

#include "analysis/localizer/state/work_dir.h"
#include "small_run.h"

static bool there(const char *name)
{
    char path[FUS_RUN_DIR_PATH];
    fus_run_dir_state(path, small_folder, name);
    return access(path, F_OK) == 0;
}

static void put(const char *name)
{
    char path[FUS_RUN_DIR_PATH];
    fus_run_dir_path(path, small_folder, name);
    FILE *f = fopen(path, "w");
    CHECK(f && fclose(f) == 0);
}

/* Whether another process would be let in. */
static bool another_is_refused(struct fus_localizer *run)
{
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        struct fus_error err = {0};
        run->state.lock = -1;
        _exit(fus_work_dir_open(run, &err) == FUS_EIO && strstr(err.msg, "another run is at work") ? 7 : 0);
    }
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    return WIFEXITED(status) && WEXITSTATUS(status) == 7;
}

int main(void)
{
    struct fus_localizer run;
    struct fus_error err = {0};
    char *text, digest[65];
    small_run_create(&run);
    CHECK(fus_work_dir_open(&run, NULL) == FUS_OK && there("run.tsv") && there("lock") && there("0"));
    CHECK(fus_work_dir_read(&text, digest, small_folder, NULL) == FUS_OK && strcmp(digest, run.state.digest) == 0 &&
          strncmp(text, "fusiform\t", 9) == 0);
    fus_base_free(text);
    CHECK(another_is_refused(&run));
    fus_work_dir_close(&run);

    put("layers.csv.tmp-123");
    put("parts/0/moments-0-32-relu");
    run.options.resume = true;
    CHECK(fus_work_dir_open(&run, NULL) == FUS_OK && there("0/moments-0-32-relu"));
    CHECK(!there("../layers.csv.tmp-123")); /* what a killed process left half-written is gone */
    fus_work_dir_close(&run);
    run.options.select.alpha = 0.01;
    CHECK(fus_work_dir_open(&run, &err) == FUS_EINVAL && strstr(err.msg, "--alpha"));
    run.options.select.alpha = 0.05;
    fus_work_dir_forget(&run, 0);
    CHECK(!there("0/moments-0-32-relu"));
    fus_work_dir_remove(&run);
    CHECK(!there(NULL));
    small_run_destroy(&run);
    return test_end();
}
