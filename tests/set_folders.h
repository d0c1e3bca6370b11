/* SPDX-License-Identifier: MIT */
/* What the tests of picture sets share: a fresh folder under $TMPDIR, and pictures in it. */
#ifndef FUS_TEST_SET_FOLDERS_H
#define FUS_TEST_SET_FOLDERS_H

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "stimuli/stimuli.h"
#include "test.h"

static char root[600]; /* the folder */
static struct fus_error err;

static inline const char *in_root(const char *name)
{
    static char path[4][1400];
    static int at;
    at = (at + 1) % 4;
    snprintf(path[at], sizeof path[at], "%s/%s", root, name);
    return path[at];
}

static inline void begin(void)
{
    const char *tmp = getenv("TMPDIR");
    snprintf(root, sizeof root, "%s/fusiform-set-XXXXXX", tmp && strlen(tmp) < 500 ? tmp : "/tmp");
    CHECK(mkdtemp(root) != NULL);
}

static inline void end(void)
{
    char command[700];
    snprintf(command, sizeof command, "rm -rf '%s'", root);
    CHECK(system(command) == 0);
}

static inline void put_bytes(const char *name, const void *bytes, size_t n)
{
    FILE *f = fopen(in_root(name), "wb");
    CHECK(f && fwrite(bytes, 1, n, f) == n);
    if (f)
        fclose(f);
}

static inline void make_parents(const char *name)
{
    char folder[1400];
    snprintf(folder, sizeof folder, "%s", in_root(name));
    for (char *s = folder + strlen(root) + 1; *s; s++)
        if (*s == '/') {
            *s = '\0';
            CHECK(mkdir(folder, 0777) == 0 || errno == EEXIST);
            *s = '/';
        }
}

/* A P6 picture of 2 x 2 whose bytes depend on `grey`; parents are made. */
static inline void put(const char *name, int grey)
{
    char bytes[] = "P6 2 2 255\n............";
    memset(bytes + 11, grey, 12);
    make_parents(name);
    put_bytes(name, bytes, 23);
}

static inline void put_text(const char *name, const char *text)
{
    make_parents(name);
    put_bytes(name, text, strlen(text));
}

static inline bool opened(struct fus_set *set, const char *spec, const char *categories)
{
    int code = fus_set_open(set, spec, categories, &err);
    CHECK_MSG(code == FUS_OK, "%s: %s", spec, err.msg);
    return code == FUS_OK;
}

static inline const char *name_of(const struct fus_set *set, int i)
{
    return set->pictures[i].path + strlen(root) + 1;
}

#endif
