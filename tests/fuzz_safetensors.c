/* SPDX-License-Identifier: MIT */
/* libFuzzer target: any bytes as a safetensors file: directory, names, the network,
 * every small tensor. */
#define _POSIX_C_SOURCE 200809L
#include "torch_files.h"
#include "weights/names.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

/* Types that are not read are listed, and refused only when they are wanted. */
static int has_unread(const struct fus_store *s)
{
    for (size_t i = 0; i < fus_store_count(s); i++)
        if (fus_store_tensor(s, i)->unread[0])
            return 1;
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct fus_error err;
    struct fus_net_spec spec;
    struct fus_store *s = bytes_store(bytes, n);
    if (fus_safetensors_open(s, &err) == 0 && fus_names_map(s, &err) == 0) {
        fus_names_recognise(&spec, s, NULL, &err);
        if (read_everything(s, &err) != 0 && !has_unread(s)) /* what was accepted can be read */
            abort();
        fus_names_recognise(&spec, s, "proj", &err);
        if (s->n_tensors && fus_names_choose(s, s->tensors[0].name, &err) == 0)
            fus_names_recognise(&spec, s, NULL, &err);
    }
    fus_store_close(s);
    return 0;
}
