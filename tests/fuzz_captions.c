/* SPDX-License-Identifier: MIT */
/* Fuzz target: any bytes as captions of four pictures, and their words. What stands before a zero
 * byte is an augmentation's text. */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "stimuli/text/captions.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static char root[64], list[80];
static struct fus_feed feed;

static void remove_root(void)
{
    char command[100];
    snprintf(command, sizeof command, "rm -rf '%s'", root);
    if (system(command))
        perror(root);
    fus_feed_close(&feed);
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
    struct fus_feed_options o = {.preprocess = {32, FUS_BILINEAR, 32, {0}, {1, 1, 1}}};
    snprintf(root, sizeof root, "/tmp/fusiform-fuzz-XXXXXX");
    if (!mkdtemp(root))
        abort();
    atexit(remove_root);
    for (int i = 0; i < 4; i++) {
        snprintf(path, sizeof path, "%s/%c", root, 'a' + i / 2);
        mkdir(path, 0777);
        snprintf(path, sizeof path, "%s/%c/%d.png", root, 'a' + i / 2, i % 2);
        write_file(path, "", 0);
    }
    snprintf(list, sizeof list, "%s/c.tsv", root);
    if (fus_feed_open(&feed, root, &o, NULL))
        abort();
}

static void read_captions(void)
{
    struct fus_captions c;
    struct fus_vocabulary v;
    struct fus_bags b;
    struct fus_error err = {0, -1, ""};
    if (fus_captions_read(&c, list, &feed, &err)) {
        if (!err.msg[0] || strchr(err.msg, '\n'))
            abort();
        return;
    }
    for (int i = 0; i < 4; i++)
        if (!*fus_captions_text(&c, i, 3, 1))
            abort();
    if (fus_vocabulary_count(&v, c.texts, c.n_texts, 1, 10, NULL) ||
        fus_vocabulary_bags(&b, &v, c.texts, c.n_texts, NULL))
        abort();
    for (size_t i = 0; i < b.start[b.n]; i++)
        if (b.words[i] < 0 || b.words[i] >= v.n)
            abort();
    fus_captions_sides(&c, NULL);
    fus_vocabulary_free_bags(&b);
    fus_vocabulary_free(&v);
    fus_captions_free(&c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct fus_augment a;
    if (!*root)
        make_root();
    const uint8_t *zero = n ? memchr(data, 0, n) : NULL;
    size_t skip = zero ? (size_t)(zero - data) + 1 : 0;
    write_file(list, data + skip, n - skip);
    read_captions();
    if (zero && fus_augment_parse(&a, (const char *)data, NULL) == FUS_OK &&
        (a.shift < 0 || a.jitter < 0 || a.jitter > 1 || a.crop_low > a.crop_high))
        abort();
    return 0;
}
