/* SPDX-License-Identifier: MIT */
/* stimuli/set/set_gather.c: pictures of several operands as one set. */
#define _POSIX_C_SOURCE 200809L
#include "set_folders.h"

/* Operands of activations: files, folders, lists, in their order, of any number. */
static void test_gather(void)
{
    struct fus_set set;
    begin();
    put("set/b/2.ppm", 1), put("set/b/10.ppm", 1), put("set/a/1.ppm", 1), put("set/loose.ppm", 1), put("flat/y.ppm", 1),
        put("flat/x", 1), put("none/empty/.x", 1);
    put_text("m.tsv", "flat/y.ppm\tq\nset/loose.ppm\tp\n");
    char paths[5][700];
    static const char *const names[] = {"flat/y.ppm", "set", "flat", "m.tsv", "none"};
    for (int i = 0; i < 5; i++)
        snprintf(paths[i], sizeof paths[i], "%s/%s", root, names[i]);
    const char *all[] = {paths[0], paths[1], paths[2], paths[3]}, *drawn[] = {"builtin?per_category=2", paths[0]},
               *none = paths[4];
    CHECK_MSG(fus_set_gather(&set, all, 4, &err) == FUS_OK, "%s", err.msg);
    static const char *const expected[] = {"flat/y.ppm", "set/a/1.ppm", "set/b/2.ppm", "set/b/10.ppm",
                                           "flat/x",     "flat/y.ppm",  "flat/y.ppm",  "set/loose.ppm"};
    static const char *const category[] = {"", "a", "b", "b", "flat", "flat", "q", "p"};
    CHECK(set.n_pictures == 8);
    for (int i = 0; i < 8 && i < set.n_pictures; i++)
        CHECK_MSG(strcmp(name_of(&set, i), expected[i]) == 0 &&
                      strcmp(set.categories[set.pictures[i].category], category[i]) == 0,
                  "%d: %s, %s", i, name_of(&set, i), set.categories[set.pictures[i].category]);
    CHECK(set.left_out && strstr(set.left_out, "set: 1 left out: 1 picture outside the folders (loose.ppm)"));
    fus_set_close(&set);
    CHECK(fus_set_gather(&set, drawn, 1, &err) == FUS_OK && set.drawn && set.n_pictures == 10);
    fus_set_close(&set);
    CHECK(fus_set_gather(&set, drawn, 2, &err) == FUS_EINVAL && strstr(err.msg, "cannot be mixed"));
    CHECK(fus_set_gather(&set, &none, 1, &err) == FUS_EINVAL && strstr(err.msg, "none: no picture in it"));
    for (long n = 1; n < 200; n++) {
        fus_base_fail_allocation(n);
        int code = fus_set_gather(&set, all, 4, &err);
        fus_base_fail_allocation(0);
        if (!code) {
            fus_set_close(&set);
            break;
        }
        CHECK_MSG(code == FUS_ENOMEM, "%ld: %d %s", n, code, err.msg);
    }
    end();
}

int main(void)
{
    fus_base_set_threads(1);
    test_gather();
    return test_end();
}
