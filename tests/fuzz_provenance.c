/* SPDX-License-Identifier: MIT */
/* Fuzz target: any bytes as what a run says of itself (parts/run.tsv) are taken for a run, or
 * end in a message. */
#include <stdlib.h>
#include <string.h>

#include "analysis/localizer/state/provenance.h"
#include "restored.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check_run(const struct fus_localizer *run)
{
    for (int i = 0; i < run->pictures.set.n_pictures; i++) {
        const struct fus_picture *p = &run->pictures.set.pictures[i];
        if (!p->path || p->category < 0 || p->category >= run->pictures.set.n_categories || p->subcategory < 0 ||
            p->subcategory >= run->pictures.set.n_subcategories || p->half < 0 || p->half > 1 ||
            (i && p->category < p[-1].category))
            abort();
    }
    for (int i = 0; i < run->n_models; i++)
        for (int k = 0; k < run->models[i].n_layers; k++)
            if (run->models[i].taps[k].channels < 1 || strchr(run->models[i].taps[k].name, '/'))
                abort();
}

static void restore(const struct fus_provenance *p)
{
    struct fus_localizer run = {0};
    struct fus_error err = {0, -1, ""};
    int code = fus_provenance_restore(&run, p, &err);
    if (!code) {
        check_run(&run);
        code = fus_provenance_join(&run, p, &err);
    }
    if (code && !err.msg[0])
        abort();
    free_restored(&run);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct fus_provenance p = {0};
    struct fus_error err = {0, -1, ""};
    char *text = malloc(n + 1);
    memcpy(text, data, n);
    text[n] = '\0';
    if (!fus_provenance_parse(&p, text, &err)) {
        if (fus_provenance_same(&p, &p, false, &err))
            abort();
        restore(&p);
    } else if (!err.msg[0])
        abort();
    fus_provenance_free(&p);
    free(text);
    return 0;
}
