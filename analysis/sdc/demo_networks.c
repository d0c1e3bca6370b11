/* SPDX-License-Identifier: MIT */
/* Networks as participants of the demonstration: see demo.h. */
#include <stdio.h>
#include <string.h>

#include "analysis/sdc/demo.h"

void fus_sdc_demo_use_networks(struct fus_sdc_demo *d, bool small)
{
    d->simulate.n_participants = 0;
    d->simulate.n_shared = small ? 300 : 900;
    d->simulate.n_own = 0;
    d->per_category = small ? 10 : 40;
    d->simulate.scatter = 0.2; /* nothing in a picture tells the rest */
    d->fit.split.n_test = small ? 60 : 150;
    d->fit.split.n_val = small ? 30 : 100;
    d->fit.fit.noise = 1; /* a network's responses have none of their own */
    d->cluster.min_others = 1;
}

/* A text before `=` is a name only without / : ? @ */
static size_t name_length(const char *text)
{
    const char *equals = strchr(text, '=');
    size_t n = equals ? (size_t)(equals - text) : 0;
    return strcspn(text, "/:?@") > n ? n : 0;
}

/* The text after "demo:", else the file's name without folders and extension. */
static size_t find_stem(const char **name, const char *file)
{
    const char *slash = strrchr(file, '/'), *dot;
    *name = strncmp(file, "demo:", 5) == 0 ? file + 5 : slash ? slash + 1 : file;
    dot = strrchr(*name, '.');
    return dot && dot > *name ? (size_t)(dot - *name) : strlen(*name);
}

static bool copy(char *to, size_t room, const char *from, size_t n)
{
    if (n == 0 || n >= room)
        return false;
    memcpy(to, from, n);
    to[n] = '\0';
    return true;
}

int fus_sdc_demo_add_model(struct fus_sdc_demo *d, const char *text, struct fus_error *err)
{
    struct fus_sdc_demo_model *m = &d->models[d->n_models];
    size_t n_name = name_length(text);
    const char *file = n_name ? text + n_name + 1 : text, *at = strrchr(file, '@'), *name = text;
    if (d->n_models == FUS_SDC_DEMO_MOST_MODELS)
        return fus_base_fail(err, FUS_ELIMIT, "more than %d models", FUS_SDC_DEMO_MOST_MODELS);
    if (!at || !copy(m->file, sizeof m->file, file, (size_t)(at - file)) ||
        !copy(m->layer, sizeof m->layer, at + 1, strcspn(at + 1, "?")))
        return fus_base_fail(err, FUS_EINVAL, "'%s' found, [NAME=]FILE@LAYER[?units=...] expected", text);
    if (!n_name)
        n_name = find_stem(&name, m->file);
    if (!copy(m->name, sizeof m->name, name, n_name) || strpbrk(m->name, "/:?@,") || m->name[0] == '.')
        return fus_base_fail(err, FUS_EINVAL, "'%s' needs a name of its own: NAME=FILE@LAYER", text);
    for (int i = 0; i < d->n_models; i++)
        if (strcmp(d->models[i].name, m->name) == 0)
            return fus_base_fail(err, FUS_EINVAL, "two models are called '%s': give them names, NAME=FILE@LAYER",
                                 m->name);
    char spec[sizeof m->responses];
    int n = snprintf(spec, sizeof spec, "%s=model:%s", m->name, file);
    if (n < 0 || !copy(m->responses, sizeof m->responses, spec, (size_t)n))
        return fus_base_fail(err, FUS_EINVAL, "'%.60s...' is too long", text);
    d->fit.responses[d->fit.n_responses++] = m->responses;
    d->n_models++;
    return FUS_OK;
}

int fus_sdc_demo_add_networks(struct fus_sdc_demo *d, struct fus_error *err)
{
    static const char *const models[] = {"demo:vision@layer3.1.relu", "demo:control@layer3.1.relu",
                                         "demo:lang@layer3.1.relu", "demo:clip@layer3.1.relu",
                                         "untrained=random:resnet?blocks=2,2,2&width=16&input=64&seed=1@layer3.1.relu"};
    int code = FUS_OK;
    for (size_t i = 0; i < sizeof models / sizeof *models && !code; i++)
        code = fus_sdc_demo_add_model(d, models[i], err);
    return code;
}

/* ---- the localizer ---- */

static int run_localizer(const struct fus_sdc_demo *d, const struct fus_run_options *o,
                         fus_localizer_listener *listener, struct fus_error *err)
{
    struct fus_localizer *run = NULL;
    int code = fus_localizer_create(&run, o, err);
    for (int i = 0; i < d->n_models && !code; i++)
        code = fus_localizer_add_model(run, d->models[i].name, d->models[i].file, err);
    if (!code)
        code = fus_localizer_measure(run, listener, NULL, err);
    if (!code && !fus_localizer_finished_before(run))
        code = fus_localizer_write(run, o->folder, err);
    fus_localizer_destroy(run);
    return code;
}

int fus_sdc_demo_localize(struct fus_sdc_demo *d, bool *done, fus_localizer_listener *listener, struct fus_error *err)
{
    struct fus_run_options o = fus_run_options_defaults;
    *done = d->n_models > 0;
    for (int i = 1; i < d->n_models; i++)
        *done &= strcmp(d->models[i].layer, d->models[0].layer) == 0;
    if (!*done)
        return FUS_OK;
    /* A seed far from the one that drew the pictures of the decoders. */
    snprintf(d->stimuli, sizeof d->stimuli, "builtin?per_category=%d&seed=%llu", d->per_category,
             (unsigned long long)(d->simulate.seed ^ 0x5eed0000u));
    o.stimuli = d->stimuli;
    o.layers = d->models[0].layer;
    o.folder = d->localizer;
    o.force = d->fit.force;
    o.resume = d->fit.resume;
    d->cluster.run = d->localizer;
    d->cluster.layer = d->models[0].layer;
    return run_localizer(d, &o, listener, err);
}
