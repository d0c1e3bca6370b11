/* SPDX-License-Identifier: MIT */
/* Vectors of texts by latent semantic analysis of the same texts: see lsa.h. */
#include "analysis/lsa.h"
#include "stimuli/text/captions.h"

static int embed(struct fus_lsa_texts *out, const struct fus_lsa *l, const struct fus_bags *b, struct fus_error *err)
{
    double *scratch = fus_base_alloc((size_t)l->n_words, sizeof *scratch);
    out->rows = fus_base_alloc(b->n, (size_t)l->dim * sizeof *out->rows);
    int code =
        scratch && out->rows ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "no memory for the vectors of %zu texts", b->n);
    for (size_t i = 0; i < b->n && !code; i++)
        if (!fus_lsa_embed(out->rows + i * (size_t)l->dim, l, b->words + b->start[i], b->start[i + 1] - b->start[i],
                           scratch)) {
            out->bad = i;
            code = fus_base_fail(err, FUS_EINVAL,
                                 "no vector: none of its words stands in %d texts, or all texts are alike",
                                 FUS_LSA_LEAST_TEXTS);
        }
    fus_base_free(scratch);
    if (code) {
        fus_base_free(out->rows);
        out->rows = NULL;
    }
    return code;
}

int fus_lsa_of_texts(struct fus_lsa_texts *out, const char *const *texts, size_t n, int dim, struct fus_error *err)
{
    struct fus_vocabulary v = {0};
    struct fus_bags b = {0};
    struct fus_lsa l = {0};
    *out = (struct fus_lsa_texts){.bad = n};
    int code = fus_vocabulary_count(&v, texts, n, FUS_LSA_LEAST_TEXTS, FUS_LSA_MAX_WORDS, err);
    if (!code && dim <= 0)
        dim = v.n < FUS_LSA_DIM ? v.n : FUS_LSA_DIM;
    if (!code && (v.n < 1 || dim > v.n))
        code = fus_base_fail(err, FUS_EINVAL,
                             "%d words stand in %d texts or more, %d dimensions need as many; try lsa:%d or more texts",
                             v.n, FUS_LSA_LEAST_TEXTS, dim, v.n > 1 ? v.n : 1);
    if (!code)
        code = fus_vocabulary_bags(&b, &v, texts, n, err);
    if (!code)
        code = fus_lsa_fit(&l, b.start, b.words, b.n, v.n, dim, err);
    if (!code)
        code = embed(out, &l, &b, err);
    out->dim = dim;
    out->n_words = v.n;
    out->share = code ? 0 : l.share;
    fus_lsa_free(&l);
    fus_vocabulary_free_bags(&b);
    fus_vocabulary_free(&v);
    return code;
}
