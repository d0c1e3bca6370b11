/* SPDX-License-Identifier: MIT */
/* Pickles that follow one another in a file. */
#include "weights/torch_part.h"

void fus_torch_part_free(struct fus_torch_part *part)
{
    fus_pickle_free(&part->pickle);
    fus_base_free(part->bytes);
    part->bytes = NULL;
}

int fus_torch_part_read(struct fus_torch_part *part, const struct fus_store *s, uint64_t *at, uint64_t end,
                        size_t window, struct fus_error *err)
{
    uint64_t left = end - *at, most = left < FUS_PICKLE_MAX_BYTES ? left : FUS_PICKLE_MAX_BYTES;
    int code = FUS_OK;
    for (;; window *= 4) {
        size_t n = window < most ? window : (size_t)most;
        part->bytes = fus_base_alloc(n, 1);
        if (!part->bytes)
            return fus_base_fail(err, FUS_ENOMEM, "no memory for a pickle of %zu bytes", n);
        code = fus_store_read_at(s, part->bytes, *at, n, err);
        if (!code)
            code = fus_pickle_load(&part->pickle, part->bytes, n, (long long)*at, false, err);
        if (!code) {
            *at += part->pickle.n_used;
            return FUS_OK;
        }
        bool early = part->pickle.ends_early;
        fus_torch_part_free(part);
        part->pickle.ends_early = false;
        if (early && n == most && most < left)
            return fus_base_fail_at(err, FUS_ELIMIT, (long long)*at, "a pickle of more than %zu bytes",
                                    FUS_PICKLE_MAX_BYTES);
        if (!early || n == most)
            return code;
    }
}
