/* SPDX-License-Identifier: MIT */
/* Fuzz target: any bytes as a text give ids of the vocabulary, or one line. */
#include <stdlib.h>
#include <string.h>

#include "weights/clean.h"
#include "weights/tokens.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static struct fus_vocab *v;
    struct fus_error err = {0, -1, ""};
    int ids[77], n_ids = 0;
    const char *text = (const char *)data;
    if (!v && fus_vocab_open(&v, "tests/golden/tokens_merges.txt", 0, NULL, &err))
        abort();
    fus_clean_looks_misread(text, n);
    bool truncate = n % 2;
    if (fus_tokens_encode(ids, &n_ids, v, text, n, 77, truncate, &err)) {
        if (!err.msg[0] || strchr(err.msg, '\n'))
            abort();
        return 0;
    }
    if (n_ids < 2 || n_ids > 77 || ids[0] != fus_vocab_start(v) || ids[n_ids - 1] != fus_vocab_end(v))
        abort();
    for (int i = 0; i < n_ids; i++)
        if (ids[i] < 0 || ids[i] >= fus_vocab_n_ids(v))
            abort();
    return 0;
}
