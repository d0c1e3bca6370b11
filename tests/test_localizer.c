/* SPDX-License-Identifier: MIT */
/* The localizer as a library (analysis/localizer/localizer.c): what it refuses, what it tells, what
 * it gives; its files read back (analysis/run/run_read.c, run_summary.c). */
#define _POSIX_C_SOURCE 200809L
#include "test.h"

#include <unistd.h>

#include "analysis/localizer/localizer.h"
#include "analysis/run/run_read.h"
#include "analysis/run/run_summary.h"

static char folder[] = "/tmp/fusiform-localizer-XXXXXX";

struct heard {
    int notes, progress;
};

static void listen(void *context, const struct fus_localizer_event *e)
{
    struct heard *h = context;
    h->notes += e->note != NULL;
    h->progress += e->note == NULL && e->done <= e->of && e->what && e->things && e->seconds >= 0;
}

static void test_refused(void)
{
    struct fus_run_options o = fus_run_options_defaults;
    struct fus_localizer *run = NULL;
    struct fus_error err = {0};
    o.batch = 257;
    CHECK(fus_localizer_create(&run, &o, &err) == FUS_EINVAL && !run && strstr(err.msg, "257"));
    o.batch = 0;
    CHECK(fus_localizer_create(&run, &o, NULL) == FUS_OK);
    CHECK(fus_localizer_measure(run, NULL, NULL, &err) == FUS_EINVAL && strstr(err.msg, "no model"));
    CHECK(fus_localizer_add_model(run, NULL, "/a/.hidden", &err) == FUS_EINVAL);
    CHECK(fus_localizer_add_model(run, NULL, "/a/net.pth", NULL) == FUS_OK);
    CHECK(fus_localizer_add_model(run, NULL, "/b/net.safetensors", &err) == FUS_EINVAL &&
          strstr(err.msg, "two models are called 'net'"));
    CHECK(fus_localizer_add_model(run, "other", "/b/net.safetensors", NULL) == FUS_OK);
    CHECK(fus_localizer_measure(run, NULL, NULL, &err) != FUS_OK && strstr(err.msg, "net"));
    CHECK(fus_localizer_write(run, folder, NULL) != FUS_OK);
    fus_localizer_destroy(run);
    fus_localizer_destroy(NULL);
}

static void test_read(const char *out, const struct fus_run_summary *s)
{
    struct fus_run_read a, b;
    struct fus_run_summary_file *file;
    struct fus_run_options rule;
    float label[16 * 32 * 32];
    const struct fus_layer_summary *layer = &s->models[0].layers[0];
    CHECK(fus_run_read_open(&a, out, true, NULL) == FUS_OK && fus_run_read_open(&b, out, true, NULL) == FUS_OK);
    CHECK(a.n_models == 1 && strcmp(a.models[0].name, "net") == 0 && a.n_categories == s->n_categories &&
          a.n_pictures == 4 * 10);
    CHECK(strcmp(fus_run_read_option(&a, "criterion"), "\"iut\"") == 0 && !fus_run_read_option(&a, "no such option"));
    CHECK(fus_run_read_rule(&rule, &a, NULL) == FUS_OK && rule.select.criterion == FUS_CRITERION_IUT &&
          rule.select.alpha == 0.05 && !rule.lang_head && !rule.activation);
    a.options[1].value[1] = '?';
    CHECK(strcmp(a.options[1].name, "criterion") == 0 && fus_run_read_rule(&rule, &a, NULL) == FUS_EFORMAT);
    a.options[1].value[1] = 'i';
    CHECK(a.n_rows == s->n_categories * s->models[0].n_layers &&
          a.rows[0].numbers.proportion == layer->categories[0].proportion);
    CHECK(fus_run_read_same_pictures(&a, &b, NULL) == FUS_OK && fus_run_read_same_options(&a, &b, NULL) == FUS_OK);
    b.pictures[3].sha256[0] ^= 1;
    CHECK(fus_run_read_same_pictures(&a, &b, NULL) == FUS_EINVAL);
    CHECK(fus_run_read_labels(label, &a, "net", layer->name, layer->channels, layer->height, layer->width, NULL) ==
          FUS_OK);
    size_t wrong = 0;
    for (size_t u = 0; u < layer->n_units; u++)
        wrong += label[u] != (float)layer->label[u];
    CHECK(wrong == 0);
    CHECK(fus_run_read_labels(label, &a, "net", layer->name, 1, 2, 3, NULL) == FUS_EFORMAT);
    fus_run_read_close(&a);
    fus_run_read_close(&b);
    CHECK(fus_run_summary_open(&file, out, NULL) == FUS_OK);
    const struct fus_run_summary *back = fus_run_summary_get(file);
    CHECK(back->options.alpha == 0.05 && back->n_models == 1 && back->models[0].layers[0].depth == layer->depth);
    CHECK(back->models[0].layers[0].categories[1].csi_mean == layer->categories[1].csi_mean ||
          isnan(layer->categories[1].csi_mean));
    fus_run_summary_close(file);
    CHECK(fus_run_summary_open(&file, "/nowhere/at/all", NULL) != FUS_OK && !file);
}

static void test_run(void)
{
    struct fus_run_options o = fus_run_options_defaults;
    struct fus_localizer *run;
    struct heard heard = {0, 0};
    char out[200];
    int first, end, n;
    o.stimuli = "builtin?per_category=8";
    o.layers = "relu,layer3.0.relu";
    CHECK(fus_localizer_create(&run, &o, NULL) == FUS_OK &&
          fus_localizer_add_model(run, "net", "random:cifar_resnet8?seed=1", NULL) == FUS_OK);
    CHECK(fus_localizer_measure(run, listen, &heard, NULL) == FUS_OK && heard.progress > 0);
    CHECK(fus_localizer_measure(run, NULL, NULL, NULL) == FUS_EINVAL);
    const struct fus_run_summary *s = fus_localizer_summary(run);
    CHECK(s->n_models == 1 && s->models[0].n_layers == 2 && s->n_categories == 5 &&
          !fus_localizer_finished_before(run));
    fus_localizer_shown(&first, &end, &n, run);
    CHECK(first == 0 && end == 40 && n == 40);
    for (int l = 0; l < 2; l++) {
        const struct fus_layer_summary *layer = &s->models[0].layers[l];
        size_t counted[5] = {0};
        for (size_t u = 0; u < layer->n_units; u++)
            if (layer->label[u] >= 0)
                counted[layer->label[u]]++;
        for (int c = 0; c < 5; c++)
            CHECK(counted[c] == layer->categories[c].n_selective);
    }
    snprintf(out, sizeof out, "%s/out", folder);
    CHECK(fus_localizer_write(run, out, NULL) == FUS_OK);
    test_read(out, s);
    fus_localizer_destroy(run);
}

int main(void)
{
    char command[200];
    CHECK(mkdtemp(folder) != NULL);
    test_refused();
    test_run();
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    CHECK(system(command) == 0);
    return test_end();
}
