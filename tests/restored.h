/* SPDX-License-Identifier: MIT */
/* What fus_provenance_restore made. */
static void free_restored(struct fus_localizer *run)
{
    for (int i = 0; i < run->n_models; i++)
        fus_base_free(run->models[i].taps);
    for (int i = 0; i < run->summary.n_models; i++)
        fus_summary_free_model(&run->summary.models[i]);
    void *owned[] = {run->models, run->summary.models, run->pictures.sha256, run->pictures.stats, run->pictures.grey};
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++)
        fus_base_free(owned[i]);
    fus_set_close(&run->pictures.set);
}
