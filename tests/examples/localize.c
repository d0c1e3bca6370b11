/* SPDX-License-Identifier: MIT */
/* localize WEIGHTS PICTURES LAYER [OUT]: the share of the layer's units that is selective for
 * each category. PICTURES has a folder for each category, or is "builtin". OUT gets what
 * `fusiform run` writes. */
#include <stdio.h>

#include "analysis/localizer/localizer.h"
#include "nn/base/number.h"

static void print(const struct fus_run_summary *s, const struct fus_layer_summary *layer)
{
    char share[FUS_NUMBER_BYTES];
    for (int c = 0; c < s->n_categories; c++) {
        fus_number_print(share, layer->categories[c].proportion);
        printf("%s\t%s\n", s->categories[c], share);
    }
}

int main(int argc, char **argv)
{
    struct fus_run_options options = fus_run_options_defaults;
    struct fus_localizer *run = NULL;
    struct fus_error err = {0};
    if (argc < 4)
        return 2;
    options.stimuli = argv[2];
    options.layers = argv[3];
    int code = fus_localizer_create(&run, &options, &err);
    if (!code)
        code = fus_localizer_add_model(run, NULL, argv[1], &err);
    if (!code)
        code = fus_localizer_measure(run, NULL, NULL, &err);
    if (!code)
        print(fus_localizer_summary(run), &fus_localizer_summary(run)->models[0].layers[0]);
    if (!code && argc > 4)
        code = fus_localizer_write(run, argv[4], &err);
    if (code)
        fprintf(stderr, "%s\n", err.msg);
    fus_localizer_destroy(run);
    return code != 0;
}
