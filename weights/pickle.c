/* SPDX-License-Identifier: MIT */
/* The values of a pickle: their memory, and comparison with a text. */
#include "weights/pickle.h"

#include <string.h>

void fus_pickle_free(struct fus_pickle *p)
{
    for (struct fus_pickle_chunk *c = p->chunks, *next; c; c = next) {
        next = c->next;
        fus_base_free(c);
    }
    *p = (struct fus_pickle){.ends_early = p->ends_early};
}

bool fus_pickle_is_text(const struct fus_pickle_value *v, const char *s)
{
    return (v->kind == FUS_PICKLE_TEXT || v->kind == FUS_PICKLE_BYTES) && v->u.text.n == strlen(s) &&
           memcmp(v->u.text.bytes, s, v->u.text.n) == 0;
}
