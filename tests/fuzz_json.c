/* SPDX-License-Identifier: MIT */
/* libFuzzer target: any bytes as JSON, once skipped and once asked for by someone who trusts it to
 * be what he wants. Whatever skip accepts must be accepted again with a space around it. */
#include "nn/base/json.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static int skip_all(const uint8_t *bytes, size_t n)
{
    struct fus_json j;
    struct fus_error err;
    fus_json_start(&j, bytes, n, 0, &err);
    fus_json_skip(&j);
    return fus_json_end(&j);
}

static void ask(struct fus_json *j, int depth)
{
    for (fus_json_enter(j, '{'); fus_json_next(j);) {
        char kind = fus_json_key(j)[0];
        if (kind == 'o' && depth < 100)
            ask(j, depth + 1);
        else if (kind == 'a')
            for (fus_json_enter(j, '['); fus_json_next(j);)
                fus_json_u64(j);
        else if (kind == 's')
            fus_json_string(j);
        else
            fus_json_skip(j);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct fus_json j;
    struct fus_error err;
    int code = skip_all(bytes, n);
    uint8_t *padded = malloc(n + 2);
    padded[0] = padded[n + 1] = ' ';
    if (n)
        memcpy(padded + 1, bytes, n);
    if (skip_all(padded, n + 2) != code)
        abort();
    free(padded);
    fus_json_start(&j, bytes, n, 0, &err);
    ask(&j, 0);
    fus_json_end(&j);
    return 0;
}
