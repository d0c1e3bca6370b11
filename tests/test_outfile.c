/* SPDX-License-Identifier: MIT */
/* nn/base/outfile.c: whole or not at all, links kept, streams written through, devices refused. */
#define _DEFAULT_SOURCE /* mknod */
#define _XOPEN_SOURCE 700
#include "nn/base/outfile.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test.h"

static char work[] = "/tmp/fusiform-outfile-XXXXXX";

static const char *at(const char *name)
{
    static char paths[4][256];
    static int next;
    char *p = paths[next++ % 4];
    snprintf(p, sizeof paths[0], "%s/%s", work, name);
    return p;
}

static int put(const char *path, const char *text, struct fus_error *err)
{
    struct fus_outfile f;
    int code = fus_outfile_open(&f, path, err);
    if (code)
        return code;
    fus_outfile_printf(&f, "%s", text);
    return fus_outfile_commit(&f, err);
}

static bool holds(const char *path, const char *text)
{
    char found[64] = "";
    FILE *f = fopen(path, "rb");
    size_t n = f ? fread(found, 1, sizeof found - 1, f) : 0;
    if (f)
        fclose(f);
    return f && n == strlen(text) && memcmp(found, text, n) == 0;
}

static bool is_link(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0 && S_ISLNK(st.st_mode);
}

static int n_files(void)
{
    int n = 0;
    DIR *d = opendir(work);
    while (d && readdir(d))
        n++;
    if (d)
        closedir(d);
    return n - 2;
}

static void test_files(void)
{
    struct fus_error err;
    struct fus_outfile f;
    CHECK(put(at("a"), "one", &err) == FUS_OK && holds(at("a"), "one"));
    CHECK(fus_outfile_open(&f, at("a"), &err) == FUS_OK);
    fus_outfile_printf(&f, "two");
    CHECK(n_files() == 2 && holds(at("a"), "one"));
    fus_outfile_discard(&f);
    CHECK(n_files() == 1 && holds(at("a"), "one"));
    CHECK(put("", "x", &err) == FUS_EINVAL && strstr(err.msg, "empty name"));
    CHECK(fus_outfile_mkdirs("", &err) == FUS_EINVAL && strstr(err.msg, "empty name"));
    CHECK(put(work, "x", &err) == FUS_EIO && strstr(err.msg, "folder"));
    CHECK(put(at("absent/a"), "x", &err) == FUS_EIO && strstr(err.msg, "No such file"));
    CHECK(n_files() == 1);
    unlink(at("a"));
}

static void test_links(void)
{
    struct fus_error err;
    CHECK(mkdir(at("d"), 0777) == 0 && put(at("d/real"), "old", &err) == FUS_OK);
    CHECK(symlink("d/real", at("relative")) == 0 && symlink(at("relative"), at("absolute")) == 0);
    CHECK(put(at("absolute"), "new", &err) == FUS_OK && holds(at("d/real"), "new"));
    CHECK(is_link(at("absolute")) && is_link(at("relative")) && !is_link(at("d/real")));
    CHECK(symlink("d/later", at("dangling")) == 0);
    CHECK(put(at("dangling"), "made", &err) == FUS_OK && is_link(at("dangling")) && holds(at("d/later"), "made"));
    CHECK(symlink("loop", at("loop")) == 0);
    CHECK(put(at("loop"), "x", &err) == FUS_EIO && is_link(at("loop")));
    CHECK(symlink("/dev/null", at("null")) == 0 && put(at("null"), "x", &err) == FUS_OK && is_link(at("null")));
    const char *const names[] = {"d/real", "d/later", "d", "relative", "absolute", "dangling", "loop", "null"};
    CHECK(n_files() == 6);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        remove(at(names[i]));
    CHECK(n_files() == 0);
}

static void test_streams(void)
{
    struct fus_error err;
    struct stat st;
    char text[8] = "", name[32];
    int ends[2];
    CHECK(put("/dev/null", "x", &err) == FUS_OK && stat("/dev/null", &st) == 0 && S_ISCHR(st.st_mode));
    CHECK(pipe(ends) == 0);
    snprintf(name, sizeof name, "/dev/fd/%d", ends[1]);
    CHECK(fus_outfile_is_stream(name) && put(name, "abc", &err) == FUS_OK);
    CHECK(read(ends[0], text, sizeof text) == 3 && strcmp(text, "abc") == 0);
    close(ends[0]), close(ends[1]);
    CHECK(put("/dev/fd/999999999999", "x", &err) == FUS_EIO);
    CHECK(mkfifo(at("fifo"), 0666) == 0 && put(at("fifo"), "x", &err) == FUS_EIO && strstr(err.msg, "nothing reads"));
    int reader = open(at("fifo"), O_RDONLY | O_NONBLOCK);
    CHECK(fus_outfile_is_stream(at("fifo")) && put(at("fifo"), "abc", &err) == FUS_OK &&
          read(reader, text, sizeof text) == 3);
    close(reader);
    unlink(at("fifo"));
    const char *device =
        stat("/dev/zero", &st) == 0 && S_ISCHR(st.st_mode) && mknod(at("zero"), S_IFCHR | 0666, st.st_rdev) == 0
            ? at("zero")
        : geteuid() != 0 ? "/dev/zero"
                         : NULL; /* root could replace the machine's own */
    if (device)
        CHECK_MSG(put(device, "x", &err) == FUS_EIO && strstr(err.msg, "it is a device"), "%s", err.msg);
    else
        SKIP("no device to try");
    unlink(at("zero"));
    CHECK(fus_outfile_is_stream("-") && !fus_outfile_is_stream(at("none")) && !fus_outfile_is_stream(work));
}

/* What `ulimit -f` says, with its signal ignored as the program does. */
static void test_limit(void)
{
    static const char zeros[1 << 16];
    struct fus_error err;
    struct fus_outfile f;
    struct rlimit old, small;
    signal(SIGXFSZ, SIG_IGN);
    CHECK(getrlimit(RLIMIT_FSIZE, &old) == 0);
    small = old;
    small.rlim_cur = 1000;
    CHECK(setrlimit(RLIMIT_FSIZE, &small) == 0 && fus_outfile_open(&f, at("big"), &err) == FUS_OK);
    fus_outfile_write(&f, zeros, sizeof zeros);
    CHECK_MSG(fus_outfile_commit(&f, &err) == FUS_EIO && strstr(err.msg, strerror(EFBIG)), "%s", err.msg);
    setrlimit(RLIMIT_FSIZE, &old);
    CHECK(n_files() == 0);
}

static void test_memory(void)
{
    struct fus_error err;
    int failures = 0;
    for (long n = 1; n < 20; n++) {
        fus_base_fail_allocation(n);
        failures += put(at("m"), "x", &err) == FUS_ENOMEM;
        fus_base_fail_allocation(0);
        unlink(at("m"));
        CHECK(n_files() == 0);
    }
    CHECK(failures == 3);
}

int main(void)
{
    if (!mkdtemp(work))
        return 1;
    test_files();
    test_links();
    test_streams();
    test_limit();
    test_memory();
    rmdir(work);
    return test_end();
}
