/* What fus_provenance_restore made; fus_run_free, which also closes files and models, is in another file than the one under test. */
#include "tools/run.h"

static void free_restored(struct fus_run *run, struct fus_run_summary *s)
{
    for (int i = 0; i < run->n_models; i++) {
        struct fus_model_summary *m = &s->models[i];
        void *blocks[] = {run->models[i].taps, run->models[i].layers, m->layers, m->name, m->source, m->architecture, m->preprocess};
        for (size_t k = 0; k < sizeof blocks / sizeof *blocks; k++)
            fus_base_free(blocks[k]);
    }
    void *blocks[] = {run->models, s->models, run->picture_sha256, run->pixel_stats};
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
        fus_base_free(blocks[i]);
    fus_set_close(&run->set);
}
