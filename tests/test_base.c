/* SPDX-License-Identifier: MIT */
/* nn/base/base.c: opening files. What is no regular file is refused for what it is,
 * and nothing blocks. */
#define _DEFAULT_SOURCE
#define _POSIX_C_SOURCE 200809L
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "nn/base/base.h"
#include "test.h"
#include "weights_help.h"

static void refuses(const char *path, const char *words)
{
    struct fus_error err = {0};
    FILE *f = fus_base_open(path, &err);
    CHECK(!f && err.code == FUS_EIO);
    CHECK_MSG(strstr(err.msg, words) != NULL, "%s: '%s' expected in: %s", path, words, err.msg);
    if (f)
        fclose(f);
    uint8_t *data = NULL;
    size_t n;
    CHECK(fus_base_read_file(&data, &n, path, 100, &err) == FUS_EIO && strstr(err.msg, words));
}

static void test_open(void)
{
    const char *file = help_path("file"), *fifo = help_path("fifo"), *place = help_path("socket");
    struct fus_error err = {0};
    help_write(file, "abc", 3);
    FILE *f = fus_base_open(file, &err);
    CHECK(f && fgetc(f) == 'a' && (fcntl(fileno(f), F_GETFL) & O_NONBLOCK) == 0);
    if (f)
        fclose(f);
    CHECK(mkfifo(fifo, 0600) == 0);
    refuses(fifo, "is a pipe, not a file");
    refuses("/dev/null", "is a device, not a file");
    refuses("/", "is a folder, not a file");
    refuses(help_path("nothing"), "cannot be opened: ");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int s = socket(AF_UNIX, SOCK_STREAM, 0);
    snprintf(address.sun_path, sizeof address.sun_path, "%.100s", place);
    if (s >= 0 && bind(s, (struct sockaddr *)&address, sizeof address) == 0)
        refuses(place, "a socket");
    close(s);
    unlink(place);
    unlink(file);
    unlink(fifo);
}

int main(void)
{
    test_open();
    return test_end();
}
