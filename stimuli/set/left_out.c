/* SPDX-License-Identifier: MIT */
/* Names that are not taken: see left_out.h. */
#include "stimuli/set/left_out.h"

#include <stdio.h>
#include <string.h>

#include "nn/base/text.h"
#include "nn/base/utf8.h"

enum { MAX_KINDS = 16, MAX_NAMES = 3 };

static int find_kind(struct fus_left_out *l, const char *kind)
{
    int k = 0;
    while (k < l->n_kinds && strcmp(l->kinds[k].kind, kind) != 0)
        k++;
    if (k == l->n_kinds && k < MAX_KINDS)
        l->kinds[l->n_kinds++].kind = k == MAX_KINDS - 1 ? "" : kind;
    return k < MAX_KINDS ? k : MAX_KINDS - 1;
}

/* The first names of a kind are shown, then "..." once. */
void fus_left_out_name(struct fus_left_out *l, const char *kind, const char *folder, const char *name)
{
    int k = find_kind(l, kind);
    char shown[200], path[600], *names = l->kinds[k].names;
    size_t n = strlen(names), room = sizeof l->kinds[k].names - n;
    l->n++;
    l->kinds[k].n++;
    if (l->kinds[k].n > MAX_NAMES + 1 || (n > 3 && strcmp(names + n - 3, "...") == 0))
        return;
    snprintf(path, sizeof path, "%.290s%s%.290s", folder, *folder ? "/" : "", name);
    fus_utf8_escape(shown, sizeof shown, path);
    bool fits = l->kinds[k].n <= MAX_NAMES && strlen(shown) + 8 < room;
    snprintf(names + n, room, "%s%s", n ? ", " : "", fits ? shown : "...");
}

void fus_left_out_add(struct fus_left_out *l, const struct fus_folder *f, const char *shown)
{
    for (int i = 0; i < f->n_left; i++)
        fus_left_out_name(l, f->left[i].kind, shown, f->left[i].name);
}

static const char *plural_of(const char *kind)
{
    static const char *const plurals[][2] = {{FUS_LEFT_FOLDER, "sub-folders"},
                                             {FUS_LEFT_LOOSE, "pictures outside the folders"},
                                             {FUS_LEFT_SYSTEM, "hidden or system files"},
                                             {FUS_LEFT_OTHER, "other files"},
                                             {FUS_LEFT_DEVICE, "devices or pipes"},
                                             {FUS_LEFT_RENAMED, "pictures with another ending"},
                                             {FUS_LEFT_UNUSED, "folders of no category"}};
    for (size_t i = 0; i < sizeof plurals / sizeof *plurals; i++)
        if (strcmp(plurals[i][0], kind) == 0)
            return plurals[i][1];
    return kind;
}

char *fus_left_out_text(const struct fus_left_out *l)
{
    struct fus_text t = {0};
    if (l->n == 0)
        return NULL;
    fus_text_add(&t, "%d left out: ", l->n);
    for (int k = 0; k < l->n_kinds; k++) {
        const char *kind = *l->kinds[k].kind ? l->kinds[k].kind : "of further kinds";
        fus_text_add(&t, "%s%d %s (%s)", k ? ", " : "", l->kinds[k].n, l->kinds[k].n > 1 ? plural_of(kind) : kind,
                     l->kinds[k].names);
    }
    return fus_base_strdup(t.s);
}
