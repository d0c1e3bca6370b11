/* SPDX-License-Identifier: MIT */
/* What a run depends on as text (analysis/localizer/state/provenance.c): written and read back
 * whatever names hold, and differences told by name. */
#include "test.h"

#include "analysis/localizer/state/provenance.h"
#include "restored.h"

static struct fus_picture pictures[] = {{"x/a\tb.png", 0, 0, 0, 0, -1, 0},
                                        {"line\nend\\.png", 0, 0, 1, 1, -1, 0},
                                        {"c", 1, 1, 0, 0, 0, 0},
                                        {"d", 1, 1, 1, 1, 1, 0}};
static char *categories[] = {"face", "a place"}, *subcategories[] = {"adult", "house\t2"},
            *skipped[] = {"adult/caf\xe9\n.png"};
static struct fus_tap taps[] = {{"relu", 16, 32, 32, true, 0, 0, false, false},
                                {"fc", 10, 1, 1, false, 20, 1.0 / 3, true, false}};
static struct fus_run_model model = {.name = "m\\n", .taps = taps, .n_layers = 2};
static struct fus_model_summary model_summary = {
    .name = "m\\n", .source = "r.pth", .architecture = "ResNet", .preprocess = "cifar", .sha256 = "abc"};
static char sha[4][65];
static struct fus_pixelstats stats[4];

/* Shard 1 of 2 knows the first two pictures, shard 2 the others; shard 0: all of them. */
static struct fus_localizer make_run(int shard)
{
    struct fus_localizer run = {.options = fus_run_options_defaults,
                                .n_models = 1,
                                .models = &model,
                                .summary = {.n_models = 1, .models = &model_summary}};
    run.options.layers = "a=b";
    run.options.shard = shard, run.options.n_shards = shard ? 2 : 0;
    run.pictures.set = (struct fus_set){.n_pictures = 4,
                                        .n_categories = 2,
                                        .n_subcategories = 2,
                                        .pictures = pictures,
                                        .categories = categories,
                                        .subcategories = subcategories,
                                        .skipped = skipped,
                                        .n_skipped = 1,
                                        .description = "a set",
                                        .seed = 7,
                                        .scramble_seed = 18446744073709551615u};
    run.pictures.sha256 = sha;
    run.pictures.stats = stats;
    for (int i = 0; i < 4; i++) {
        bool known = shard == 0 || (shard == 1) == (i < 2);
        memset(sha[i], known ? 'a' + i : 0, 64);
        stats[i] = (struct fus_pixelstats){0.1 * i, i / 3.0, i == 3 ? NAN : -2.5};
    }
    return run;
}

static struct fus_provenance provenance_of(const struct fus_localizer *run)
{
    struct fus_provenance p = {0};
    char *text = NULL;
    CHECK(fus_provenance_write(&text, run, NULL) == FUS_OK);
    CHECK(fus_provenance_parse(&p, text, NULL) == FUS_OK);
    fus_base_free(text);
    return p;
}

static void test_round_trip(void)
{
    struct fus_localizer one = make_run(1), back = {0};
    struct fus_provenance p = provenance_of(&one);
    struct fus_localizer two = make_run(2);
    struct fus_provenance q = provenance_of(&two);
    CHECK(p.shard == 1 && p.n_shards == 2 && q.shard == 2);
    CHECK(fus_provenance_same(&q, &p, true, NULL) == FUS_OK && fus_provenance_same(&q, &p, false, NULL) == FUS_EINVAL);
    CHECK(fus_provenance_restore(&back, &p, NULL) == FUS_OK);
    CHECK(fus_provenance_join(&back, &p, NULL) == FUS_OK && back.pictures.sha256[1][63] == 'b' &&
          !back.pictures.sha256[2][0]);
    CHECK(fus_provenance_join(&back, &q, NULL) == FUS_OK && back.pictures.sha256[3][0] == 'd');
    CHECK(fus_provenance_join(&back, &q, NULL) == FUS_EINVAL);
    CHECK(back.pictures.set.n_pictures == 4 && back.pictures.set.n_categories == 2 &&
          back.pictures.set.n_subcategories == 2 && back.n_models == 1);
    CHECK(strcmp(back.pictures.set.pictures[0].path, "a\tb.png") == 0 &&
          strcmp(back.pictures.set.pictures[1].path, "line\nend\\.png") == 0);
    CHECK(back.pictures.set.pictures[3].half == 1 && back.pictures.set.pictures[3].source == 1 &&
          back.pictures.set.pictures[0].source == -1);
    CHECK(back.pictures.set.n_skipped == 1 && strcmp(back.pictures.set.skipped[0], "adult/caf\xe9\n.png") == 0);
    CHECK(strcmp(back.pictures.set.subcategories[1], "house\t2") == 0 &&
          back.pictures.set.scramble_seed == 18446744073709551615u && back.pictures.set.seed == 7);
    CHECK(!back.pictures.set.drawn && strcmp(back.pictures.set.description, "a set") == 0);
    CHECK(strcmp(back.options.layers, "a=b") == 0 && back.options.select.alpha == 0.05 &&
          back.options.halves == FUS_HALVES_ALTERNATE);
    CHECK(strcmp(back.models[0].name, "m\\n") == 0 && back.models[0].n_layers == 2 &&
          strcmp(back.models[0].taps[1].name, "fc") == 0);
    CHECK(back.pictures.stats[1].contrast == 1 / 3.0 && isnan(back.pictures.stats[3].slope) &&
          back.pictures.stats[2].slope == -2.5);
    free_restored(&back);
    fus_provenance_free(&p);
    fus_provenance_free(&q);
}

/* What is said where field `field` of the first line that begins with `what` reads otherwise. */
static void differs(const char *what, int field, const char *message)
{
    struct fus_localizer run = make_run(0);
    struct fus_provenance p = provenance_of(&run), q = provenance_of(&run);
    struct fus_error err = {0};
    int i = 0;
    CHECK(fus_provenance_same(&p, &q, false, NULL) == FUS_OK);
    while (strcmp(p.lines[i].field[0], what) != 0)
        i++;
    p.lines[i].field[field] = "no";
    CHECK(fus_provenance_same(&p, &q, false, &err) == FUS_EINVAL);
    CHECK_MSG(strcmp(err.msg, message) == 0, "%s", err.msg);
    fus_provenance_free(&p);
    fus_provenance_free(&q);
}

static void test_differences(void)
{
    differs("option", 2, "option --criterion: 'no' found, 'iut' expected");
    differs("option", 1, "option --criterion: nothing found, 'iut' expected");
    differs("model", 3, "model m\\n: sha256 'no' found, 'abc' expected");
    differs("layer", 2, "layer relu: channels 'no' found, '16' expected");
    differs("picture", 2, "picture a\\tb.png: category 'no' found, '0' expected");
    differs("category", 0, "no face found, category face expected");
}

/* No text makes it crash: every cut of a good one, every line twice. */
static void test_hostile(void)
{
    struct fus_localizer run = make_run(0);
    char *text = NULL;
    int good = 0;
    CHECK(fus_provenance_write(&text, &run, NULL) == FUS_OK);
    size_t n = strlen(text);
    char *changed = fus_base_alloc(2 * n + 1, 1);
    for (size_t cut = 0; cut < n; cut++)
        for (int twice = 0; twice < 2; twice++) {
            struct fus_provenance p;
            struct fus_localizer back = {0};
            snprintf(changed, 2 * n + 1, "%.*s%s", (int)cut, text, twice ? text + (cut > 40 ? cut - 40 : 0) : "");
            if (fus_provenance_parse(&p, changed, NULL))
                continue;
            good += fus_provenance_restore(&back, &p, NULL) == FUS_OK && fus_provenance_join(&back, &p, NULL) == FUS_OK;
            free_restored(&back);
            fus_provenance_free(&p);
        }
    CHECK(good < (int)n);
    fus_base_free(changed);
    fus_base_free(text);
}

int main(void)
{
    test_round_trip();
    test_differences();
    test_hostile();
    return test_end();
}
