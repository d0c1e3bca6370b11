/* Opening models: see model.h. */
#define _POSIX_C_SOURCE 200809L
#include "model.h"

#include <signal.h>
#include <string.h>

int fus_model_recognise(struct fus_model *m, const char *path, const char *lang_head, struct fus_error *err)
{
    memset(m, 0, sizeof *m);
    int side, code = fus_store_open(&m->store, path, err);
    if (code)
        return code;
    code = fus_names_recognise(&m->spec, m->store, lang_head, err);
    if (!code)
        code = fus_store_preprocess(m->store, &m->spec, &side, &m->preprocess_text, err);
    if (!code) {
        m->spec.input_side = side;
        code = fus_preprocess_parse(&m->preprocess, m->preprocess_text, err);
        if (!code && m->preprocess.crop != side)
            code = fus_base_fail(err, FUS_EFORMAT, "its metadata say input %d and preprocessing to %d", side, m->preprocess.crop);
        if (code)
            fus_base_blame(err, "%s: ", path);
    }
    if (code) {
        fus_model_close(m);
        return code;
    }
    m->input_floats = 3 * (size_t)side * (size_t)side;
    fus_networks_describe(m->description, sizeof m->description, &m->spec);
    return FUS_OK;
}

int fus_model_open(struct fus_model *m, const char *path, const char *lang_head, const struct fus_net_options *options,
                   struct fus_error *err)
{
    int code = fus_model_recognise(m, path, lang_head, err);
    if (code)
        return code;
    code = fus_net_create(&m->net, &m->spec, options, fus_store_lookup, m->store, err);
    if (code) {
        if (strncmp(err->msg, path, strlen(path)) != 0 && strncmp(err->msg, "FUS_ISA", 7) != 0)
            fus_base_blame(err, "%s: ", path);
        fus_model_close(m);
    }
    return code;
}

void fus_model_close(struct fus_model *m)
{
    fus_net_destroy(m->net);
    fus_store_close(m->store);
    memset(m, 0, sizeof *m);
}

int fus_model_want(bool *wanted, const struct fus_model *m, const char *layers, struct fus_error *err)
{
    int n = fus_net_n_taps(m->net);
    memset(wanted, 0, (size_t)n * sizeof *wanted);
    if (strcmp(layers, "all") == 0) {
        for (int i = 0; i < n; i++)
            wanted[i] = fus_net_tap(m->net, i)->in_all;
        return FUS_OK;
    }
    for (const char *name = layers; name;) {
        const char *comma = strchr(name, ',');
        char one[64] = "";
        size_t length = comma ? (size_t)(comma - name) : strlen(name);
        memcpy(one, name, length < sizeof one ? length : sizeof one - 1);
        int tap = fus_net_find_tap(m->net, one, err);
        if (tap < 0)
            return fus_base_blame(err, "%s: ", fus_store_path(m->store));
        wanted[tap] = true;
        name = comma ? comma + 1 : NULL;
    }
    return FUS_OK;
}

int fus_model_input(float *input, const struct fus_model *m, const char *path, struct fus_error *err)
{
    struct fus_image image = {0};
    int code = fus_image_read(&image, path, err);
    if (code)
        return code;
    code = fus_preprocess_apply(input, &m->preprocess, &image, err);
    if (code)
        fus_base_blame(err, "%s: ", path);
    fus_image_free(&image);
    return code;
}

static void on_interrupt(int signal_number)
{
    fus_base_request_stop();
    signal(signal_number, SIG_DFL);
}

void fus_model_catch_interrupt(void)
{
    struct sigaction a;
    memset(&a, 0, sizeof a);
    a.sa_handler = on_interrupt;
    sigaction(SIGINT, &a, NULL);
    sigaction(SIGTERM, &a, NULL);
}
