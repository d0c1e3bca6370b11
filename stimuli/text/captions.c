/* SPDX-License-Identifier: MIT */
/* Captions of pictures: see captions.h.
 *
 * A captions file is read whole, its lines sorted by path, and each picture looked up by its own
 * path, by its path from the captions' folder on, and by its last two parts. */
#include "stimuli/text/captions.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nn/base/rng.h"
#include "stimuli/set/folder.h"

enum { PURPOSE = 3 /* of the counter: see feed.c */, MAX_NAMED = 5, DRAWN_BYTES = 240 };

/* ---- words ---- */

static bool in_word(unsigned char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c >= 0x80;
}

bool fus_captions_word(char word[FUS_CAPTIONS_WORD], const char **text)
{
    const unsigned char *s = (const unsigned char *)*text;
    size_t n = 0;
    while (*s && !in_word(*s))
        s++;
    for (; in_word(*s); s++)
        if (n + 1 < FUS_CAPTIONS_WORD)
            word[n++] = (char)(*s >= 'A' && *s <= 'Z' ? *s - 'A' + 'a' : *s);
    word[n] = '\0';
    *text = (const char *)s;
    return n > 0;
}

void fus_captions_class(char *text, size_t text_bytes, const char *name)
{
    size_t n = 0;
    for (; *name && *name != ',' && n + 1 < text_bytes; name++)
        text[n++] = *name == '_' || *name == '-' ? ' ' : *name;
    if (text_bytes)
        text[n] = '\0';
}

/* ---- a file of captions ---- */

struct line {
    const char *path, *text;
    int number, item; /* item: the picture that it was found for, -1: none yet */
};

struct lines {
    struct line *all;
    size_t n;
};

static int by_path(const void *a, const void *b)
{
    const struct line *x = a, *y = b;
    int c = strcmp(x->path, y->path);
    return c ? c : (x->number > y->number) - (x->number < y->number);
}

/* "./a//b" -> "a/b", in place. */
static char *tidy(char *path)
{
    while (path[0] == '.' && path[1] == '/')
        path += 2 + strspn(path + 2, "/");
    char *to = path;
    for (const char *s = path; *s; s++)
        if (!(*s == '/' && s[1] == '/'))
            *to++ = *s;
    *to = '\0';
    return path;
}

static char *trimmed(char *s, char *end)
{
    while (end > s && (end[-1] == ' ' || end[-1] == '\r' || end[-1] == '\t'))
        *--end = '\0';
    return s + strspn(s, " ");
}

/* One line, which ends with a 0; *used: it holds a caption. */
static int parse_line(struct line *out, bool *used, char *s, int number, const char *file, struct fus_error *err)
{
    char *tab = strchr(s, '\t');
    *used = *s && *s != '#' && *s != '\r';
    if (!*used)
        return FUS_OK;
    if (!tab)
        return fus_base_fail(err, FUS_EFORMAT, "%s: line %d: found no tab, expected path<TAB>caption%s", file, number,
                             strchr(s, ' ') ? ": spaces instead of a tab?" : "");
    *tab = '\0';
    *out = (struct line){tidy(trimmed(s, tab)), trimmed(tab + 1, tab + 1 + strlen(tab + 1)), number, -1};
    if (number == 1 && strcmp(out->path, "path") == 0)
        *used = false;
    else if (!*out->path || !*out->text)
        return fus_base_fail(err, FUS_EFORMAT, "%s: line %d: found an empty %s, expected path<TAB>caption", file,
                             number, *out->path ? "caption" : "path");
    return FUS_OK;
}

/* The lines of text, which is cut apart, by path and number. */
static int parse(struct lines *l, char *text, const char *file, struct fus_error *err)
{
    size_t n = 1;
    for (const char *s = text; *s; s++)
        n += *s == '\n';
    if (n > FUS_FOLDER_MAX_NAMES)
        return fus_base_fail(err, FUS_ELIMIT, "%s: more than %d lines", file, FUS_FOLDER_MAX_NAMES);
    l->all = fus_base_alloc(n, sizeof *l->all);
    if (!l->all)
        return fus_base_fail(err, FUS_ENOMEM, "%s: no memory for %zu captions", file, n);
    for (int number = 1; *text; number++) {
        char *end = text + strcspn(text, "\n"), *next = *end ? end + 1 : end;
        bool used;
        *end = '\0';
        int code = parse_line(&l->all[l->n], &used, text, number, file, err);
        if (code)
            return code;
        l->n += used;
        text = next;
    }
    qsort(l->all, l->n, sizeof *l->all, by_path);
    return FUS_OK;
}

/* The first line of a path, or l->n. */
static size_t find(const struct lines *l, const char *path)
{
    size_t low = 0, high = l->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(l->all[middle].path, path) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < l->n && strcmp(l->all[low].path, path) == 0 ? low : l->n;
}

/* The last two parts of a path. */
static const char *last_two(const char *path)
{
    const char *slash = strrchr(path, '/');
    while (slash && slash > path && slash[-1] != '/')
        slash--;
    return slash ? slash : path;
}

/* The first line of a picture, or l->n. folder [n_folder]: the captions', with its slash; 0
 * bytes: the current one. */
static size_t find_picture(const struct lines *l, char *path, const char *folder, size_t n_folder)
{
    path = tidy(path);
    size_t at = find(l, path);
    if (at == l->n && n_folder && strncmp(path, folder, n_folder) == 0)
        at = find(l, path + n_folder);
    return at == l->n ? find(l, last_two(path)) : at;
}

struct missing {
    int n;
    char names[800];
};

static void name_missing(struct missing *m, const char *path)
{
    size_t n = strlen(m->names);
    if (m->n++ < MAX_NAMED)
        snprintf(m->names + n, sizeof m->names - n, "%s%.150s", n ? ", " : "", path);
}

static int fail_missing(const struct missing *m, const char *file, int n_items, struct fus_error *err)
{
    return fus_base_fail(err, FUS_EINVAL, "%s: %d of %d pictures %s no caption: %s%s", file, m->n, n_items,
                         m->n == 1 ? "has" : "have", m->names, m->n > MAX_NAMED ? ", ..." : "");
}

/* Copies the lines of each item into c, whose arrays have room. */
static int fill(struct fus_captions *c, struct lines *l, const char *file, const struct fus_feed *feed,
                struct fus_error *err)
{
    const char *slash = strrchr(file, '/');
    char *folder = fus_base_strdup(file), *dir;
    struct missing missing = {0};
    int code = FUS_OK;
    if (!folder)
        return fus_base_fail(err, FUS_ENOMEM, "%s: no memory for a path", file);
    folder[slash ? slash + 1 - file : 0] = '\0';
    dir = tidy(folder);
    for (int i = 0; i < c->n_items && !code; i++) {
        char path[FUS_FOLDER_MAX_PATH];
        snprintf(path, sizeof path, "%s", fus_feed_path(feed, i));
        size_t at = find_picture(l, path, dir, strlen(dir));
        if (at == l->n)
            name_missing(&missing, fus_feed_path(feed, i));
        else if (l->all[at].item >= 0)
            code = fus_base_fail(err, FUS_EFORMAT, "%s: line %d: %s stands for two pictures, %s and %s", file,
                                 l->all[at].number, l->all[at].path, fus_feed_path(feed, l->all[at].item),
                                 fus_feed_path(feed, i));
        for (size_t k = at; k < l->n && strcmp(l->all[k].path, l->all[at].path) == 0; k++) {
            l->all[k].item = i;
            c->texts[c->n_texts++] = l->all[k].text;
        }
        c->first[i + 1] = c->n_texts;
    }
    fus_base_free(folder);
    c->n_others = l->n - c->n_texts;
    return code || missing.n == 0 ? code : fail_missing(&missing, file, c->n_items, err);
}

static int read_text(char **text, const char *path, struct fus_error *err)
{
    uint8_t *bytes;
    size_t n;
    int code = fus_base_read_file(&bytes, &n, path, FUS_CAPTIONS_MAX_BYTES, err);
    const uint8_t *zero = code ? NULL : memchr(bytes, 0, n);
    if (zero) {
        code = fus_base_fail_at(err, FUS_EFORMAT, (long long)(zero - bytes),
                                "found a zero byte, expected text in UTF-8: UTF-16?");
        fus_base_free(bytes);
    }
    if (code)
        fus_base_blame(err, "%s: ", path);
    else
        *text = (char *)bytes;
    return code;
}

static int read_file(struct fus_captions *c, const char *path, const struct fus_feed *feed, struct fus_error *err)
{
    struct lines l = {0};
    int code = read_text(&c->bytes, path, err);
    if (!code)
        code = parse(&l, c->bytes + (strncmp(c->bytes, "\xef\xbb\xbf", 3) == 0 ? 3 : 0), path, err);
    c->n_sets = 1;
    c->texts = code ? NULL : fus_base_alloc(l.n + 1, sizeof *c->texts);
    c->first = code ? NULL : fus_base_alloc((size_t)c->n_items + 1, sizeof *c->first);
    if (!code && (!c->texts || !c->first))
        code = fus_base_fail(err, FUS_ENOMEM, "%s: no memory for %zu captions", path, l.n);
    if (!code)
        code = fill(c, &l, path, feed, err);
    fus_base_free(l.all);
    return code;
}

/* ---- captions of drawn pictures ---- */

static int make_drawn(struct fus_captions *c, const struct fus_feed *feed, struct fus_error *err)
{
    c->n_sets = feed->options.n_fresh > 1 ? feed->options.n_fresh : 1;
    size_t n;
    bool fits = fus_base_mul(&n, (size_t)c->n_sets, (size_t)c->n_items);
    c->bytes = fits ? fus_base_alloc(n, DRAWN_BYTES) : NULL;
    c->texts = fits ? fus_base_alloc(n, sizeof *c->texts) : NULL;
    c->first = fits ? fus_base_alloc(n + 1, sizeof *c->first) : NULL;
    if (!c->bytes || !c->texts || !c->first)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for the captions of drawn pictures");
    for (size_t k = 0; k < n; k++) {
        const struct fus_picture *p = &feed->set.pictures[feed->picture[k % (size_t)c->n_items]];
        uint64_t seed = fus_feed_drawing_seed(feed, k / (size_t)c->n_items);
        char *text = c->bytes + k * DRAWN_BYTES;
        int code = fus_generate_caption(text, DRAWN_BYTES, feed->set.subcategories[p->subcategory], p->index, seed);
        if (code)
            return fus_base_fail(err, code, "%s: no caption of a picture of this kind", p->path);
        c->texts[k] = text;
        c->first[k + 1] = k + 1;
    }
    c->n_texts = n;
    return FUS_OK;
}

/* ---- in use ---- */

int fus_captions_read(struct fus_captions *c, const char *path, const struct fus_feed *feed, struct fus_error *err)
{
    struct fus_captions made = {.n_items = feed->n_items};
    int code = path ? read_file(&made, path, feed, err)
               : feed->set.drawn
                   ? make_drawn(&made, feed, err)
                   : fus_base_fail(err, FUS_EINVAL,
                                   "captions are needed: a file of lines path<TAB>caption; only drawn pictures "
                                   "come with their own");
    if (code)
        fus_captions_free(&made);
    else
        *c = made;
    return code;
}

void fus_captions_free(struct fus_captions *c)
{
    fus_base_free(c->texts);
    fus_base_free(c->first);
    fus_base_free(c->bytes);
    memset(c, 0, sizeof *c);
}

size_t fus_captions_pick(const struct fus_captions *c, int item, uint64_t epoch, uint64_t seed)
{
    size_t at = (size_t)(epoch % (uint64_t)c->n_sets) * (size_t)c->n_items + (size_t)item;
    size_t n = c->first[at + 1] - c->first[at];
    struct fus_rng rng;
    if (n == 1)
        return c->first[at];
    fus_rng_seed_counter(&rng, (const uint64_t[]){seed, epoch, (uint64_t)item, PURPOSE}, 4);
    return c->first[at] + (size_t)fus_rng_below(&rng, n);
}

const char *fus_captions_text(const struct fus_captions *c, int item, uint64_t epoch, uint64_t seed)
{
    return c->texts[fus_captions_pick(c, item, epoch, seed)];
}

size_t fus_captions_sides(const struct fus_captions *c, const char **example)
{
    char word[FUS_CAPTIONS_WORD];
    size_t n = 0;
    for (size_t i = 0; i < c->n_texts; i++) {
        const char *at = c->texts[i];
        bool says = false;
        while (!says && fus_captions_word(word, &at))
            says = strcmp(word, "left") == 0 || strcmp(word, "right") == 0;
        if (says && n++ == 0 && example)
            *example = c->texts[i];
    }
    return n;
}
