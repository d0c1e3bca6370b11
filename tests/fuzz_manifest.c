/* SPDX-License-Identifier: MIT */
/* Fuzz target: any bytes as a list of pictures, where some exist, open as a set or end in a
 * message. What stands before a zero byte is the text of --categories. */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "stimuli/stimuli.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static char root[64], list[80];

static void remove_root(void)
{
    char command[100];
    snprintf(command, sizeof command, "rm -rf '%s'", root);
    if (system(command))
        perror(root);
}

static void write_file(const char *path, const void *bytes, size_t n)
{
    FILE *f = fopen(path, "wb");
    if (!f || (n && fwrite(bytes, 1, n, f) != n) || fclose(f))
        abort();
}

static void make_root(void)
{
    char path[80];
    snprintf(root, sizeof root, "/tmp/fusiform-fuzz-XXXXXX");
    if (!mkdtemp(root))
        abort();
    atexit(remove_root);
    for (int i = 0; i < 4; i++) {
        snprintf(path, sizeof path, "%s/%d", root, i);
        write_file(path, "", 0);
    }
    snprintf(list, sizeof list, "%s/m.tsv", root);
}

static void open_set(const char *categories)
{
    struct fus_set set;
    struct fus_error err = {0, -1, ""};
    if (fus_set_open(&set, list, categories, &err)) {
        if (!err.msg[0] || strchr(err.msg, '\n'))
            abort();
        return;
    }
    int n[127] = {0};
    for (int i = 0; i < set.n_pictures; i++) {
        const struct fus_picture *p = &set.pictures[i];
        if (p->category < 0 || p->category >= set.n_categories || p->subcategory < 0 ||
            p->subcategory >= set.n_subcategories || p->half < 0 || p->half > 1 || !*p->path ||
            (i && p->category < p[-1].category))
            abort();
        n[p->category]++;
    }
    for (int c = 0; c < set.n_categories; c++)
        if (n[c] < 2)
            abort();
    fus_set_close(&set);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (!*root)
        make_root();
    const uint8_t *zero = n ? memchr(data, 0, n) : NULL;
    size_t skip = zero ? (size_t)(zero - data) + 1 : 0;
    write_file(list, data + skip, n - skip);
    open_set(NULL);
    if (zero)
        open_set((const char *)data);
    return 0;
}
