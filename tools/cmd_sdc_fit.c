/* SPDX-License-Identifier: MIT */
/* fusiform sdc fit: responses and an image embedding to decoders (analysis/sdc/decode.h does the
 * work). */
#include "tools/args.h"
#include "tools/commands.h"
#include "tools/sdc_options.h"
#include "tools/sdc_show.h"

int fus_cmd_sdc_fit(int argc, char **argv)
{
    static struct fus_sdc_decode_options o; /* 6 kB */
    struct fus_error err = {0};
    int status = fus_sdc_options_parse(&o, argc, argv);
    if (status)
        return status < 0 ? 0 : status;
    return fus_sdc_show_fit(&o, &err) ? 1 : 0;
}
