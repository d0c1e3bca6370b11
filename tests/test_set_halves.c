/* SPDX-License-Identifier: MIT */
/* fLoc's options as halves, and the sets that have none. */
#include "stimuli/stimuli.h"

#include "test.h"

static void check(const char *categories, int code, const char *words)
{
    struct fus_set set;
    struct fus_error err = {0};
    CHECK(fus_set_open(&set, "builtin?per_category=6", categories, &err) == 0);
    CHECK_MSG(fus_set_halves_by_option(&set, &err) == code, "%s: %s", categories, err.msg);
    CHECK_MSG(!words || strstr(err.msg, words), "%s: '%s' not in: %s", categories, words, err.msg);
    fus_set_close(&set);
}

static void test_options(void)
{
    struct fus_set set;
    CHECK(fus_set_open(&set, "builtin?per_category=6", "face=adult,child;thing=instrument,car;scrambled=scrambled",
                       NULL) == 0);
    CHECK(fus_set_halves_by_option(&set, NULL) == 0 && set.n_pictures == 18);
    for (int i = 0; i < set.n_pictures; i++) {
        const struct fus_picture *p = &set.pictures[i];
        const char *name = set.subcategories[p->subcategory];
        int want = strcmp(name, "scrambled") == 0 ? p->index % 2
                                                  : strcmp(name, "child") == 0 || strcmp(name, "instrument") == 0;
        CHECK_MSG(p->half == want, "%s has half %d", p->path, p->half);
    }
    fus_set_close(&set);
}

/* Words without numbers keep their turns. */
static void test_one_option(void)
{
    struct fus_set set;
    CHECK(fus_set_open(&set, "builtin?per_category=6", "face=adult,child;word=word", NULL) == 0);
    CHECK(fus_set_halves_has_both(&set, 0) && !fus_set_halves_has_both(&set, 1));
    CHECK(fus_set_halves_by_option(&set, NULL) == 0 && set.n_pictures == 12);
    for (int i = 0; i < set.n_pictures; i++) {
        const struct fus_picture *p = &set.pictures[i];
        CHECK(p->half == (p->category ? p->index % 2 : strcmp(set.subcategories[p->subcategory], "child") == 0));
    }
    fus_set_close(&set);
}

static void test_refusals(void)
{
    check("face=adult;word=word", FUS_EINVAL, "no category has pictures of both of fLoc's options");
    check("face=child;scrambled=scrambled", FUS_EINVAL, "no category has pictures of both");
    check("face=child;word=word,number", FUS_OK, NULL);
    check("face=adult,child;word=word,number", FUS_OK, NULL);
    struct fus_set set;
    struct fus_error err;
    CHECK(fus_set_open(&set, "builtin?per_category=6", NULL, &err) == 0);
    char *body = set.subcategories[2];
    set.subcategories[2] = "torso";
    CHECK(fus_set_halves_by_option(&set, &err) == FUS_EINVAL &&
          strstr(err.msg, "torso of category body is in neither option"));
    set.subcategories[2] = body;
    fus_set_close(&set);
}

int main(void)
{
    test_options();
    test_one_option();
    test_refusals();
    return test_end();
}
