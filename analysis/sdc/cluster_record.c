/* SPDX-License-Identifier: MIT */
/* cluster.json, which says what clusters depend on, and cluster.log: see clusters_write.h. */
#include <stdio.h>
#include <string.h>

#include "analysis/sdc/clusters_write.h"
#include "analysis/sdc/decode_work.h"
#include "nn/base/json.h"
#include "nn/base/number.h"
#include "nn/base/outfile.h"

enum { MAX_RECORD = 1 << 26 }; /* bytes */

static const char *base_name(const char *path)
{
    const char *slash = path ? strrchr(path, '/') : NULL;
    return slash ? slash + 1 : path ? path : "";
}

static void put_text(struct fus_text_buffer *t, const char *name, const char *text)
{
    fus_text_printf(t, "  \"%s\": ", name);
    fus_json_quote(t, text);
    fus_text_printf(t, ",\n");
}

static void put_count(struct fus_text_buffer *t, const char *name, size_t n)
{
    fus_text_printf(t, "  \"%s\": %zu,\n", name, n);
}

static void put_list(struct fus_text_buffer *t, const struct fus_sdc_clustering *c)
{
    fus_text_printf(t, "  \"eps\": \"");
    for (int e = 0; e < c->o->n_eps; e++) {
        char name[32];
        fus_sdc_clustering_name(name, c->eps[e].eps);
        fus_text_printf(t, "%s%s", e ? "," : "", name);
    }
    fus_text_printf(t, "%s\",\n", c->o->n_eps ? "" : "auto");
}

static void put_rule(struct fus_text_buffer *t, const struct fus_sdc_clustering *c)
{
    static const char *const nulls[] = {"rotate", "pairing", "none"};
    const struct fus_sdc_cluster_options *o = c->o;
    put_list(t, c);
    put_count(t, "min_others", (size_t)c->rule.min_others);
    put_count(t, "require_people", (size_t)o->require[FUS_SDC_PEOPLE]);
    put_count(t, "require_networks", (size_t)o->require[FUS_SDC_NETWORKS]);
    put_text(t, "border", o->border == FUS_SDC_LAST ? "last" : "nearest");
    put_text(t, "null", nulls[o->null]);
    put_count(t, "null_replicates", (size_t)o->replicates);
}

static void put_groups(struct fus_text_buffer *t, const struct fus_sdc_cluster_options *o)
{
    fus_text_printf(t, "  \"groups\": [");
    for (int g = 0; g < o->n_groups; g++) {
        fus_text_printf(t, "%s", g ? ", " : "");
        fus_json_quote(t, o->groups[g]);
    }
    fus_text_printf(t, "],\n");
}

static void put_options(struct fus_text_buffer *t, const struct fus_sdc_cluster_options *o)
{
    char expand[FUS_NUMBER_BYTES];
    fus_number_print(expand, o->expand);
    put_count(t, "stability", (size_t)o->stability);
    put_text(t, "compare", o->compare ? "all" : "none");
    put_text(t, "expand", o->expand < 0 ? "none" : o->expand > 0 ? expand : "auto");
    put_text(t, "centroid", o->by_participant ? "participants" : "voxels");
    put_count(t, "top", (size_t)o->top);
    put_text(t, "rois", base_name(o->rois));
    put_groups(t, o);
    put_text(t, "run", base_name(o->run));
    put_text(t, "layer", o->layer ? o->layer : "");
    fus_text_printf(t, "  \"seed\": %llu,\n", (unsigned long long)o->seed);
    put_text(t, "preset", o->preset ? "efird" : "");
}

static void put_inputs(struct fus_text_buffer *t, const struct fus_sdc_clustering *c, const struct fus_sdc_pool *pool)
{
    static const char *const kinds[] = {"person", "network"};
    fus_text_printf(t, "  \"participants\": [");
    for (int s = 0; s < c->decoders.n; s++) {
        fus_text_printf(t, "%s\n    {\"name\": ", s ? "," : "");
        fus_json_quote(t, c->decoders.name[s]);
        fus_text_printf(t, ", \"kind\": \"%s\", \"voxels\": %zu, \"sha256\": \"%s\"}", kinds[c->kind[s]],
                        c->decoders.first[s + 1] - c->decoders.first[s], c->decoders.sha256[s]);
    }
    fus_text_printf(t, "\n  ],\n  \"embedding_sha256\": \"%s\"\n}\n", pool->sha256);
}

int fus_sdc_cluster_record_make(struct fus_text_buffer *record, const struct fus_sdc_clustering *c,
                                const struct fus_sdc_pool *pool, struct fus_error *err)
{
    fus_text_printf(record, "{\n  \"version\": \"" FUS_VERSION "\",\n");
    put_text(record, "vectors", c->which);
    put_count(record, "dimensions", c->decoders.vectors.d);
    put_count(record, "zero_vectors", c->decoders.n_zero);
    put_rule(record, c);
    put_options(record, c->o);
    put_inputs(record, c, pool);
    return record->failed ? fus_base_fail(err, FUS_ENOMEM, "no memory for cluster.json") : FUS_OK;
}

static bool path_of(char path[4096], const char *folder, const char *file)
{
    int n = snprintf(path, 4096, "%s/%s", folder, file);
    return n > 0 && n < 4096;
}

int fus_sdc_cluster_record_check(const struct fus_text_buffer *record, const struct fus_sdc_clustering *c,
                                 struct fus_error *err)
{
    char path[4096];
    FILE *f = path_of(path, c->out, "cluster.json") ? fopen(path, "rb") : NULL;
    if (!f)
        return FUS_OK;
    fclose(f);
    return fus_sdc_record_compare(path, record->s, record->n, "clusters of other options or inputs",
                                  "--force replaces them, another --out keeps them", err);
}

int fus_sdc_cluster_record_write(const struct fus_text_buffer *record, const struct fus_sdc_clustering *c,
                                 struct fus_error *err)
{
    char path[4096];
    struct fus_outfile f;
    int code = path_of(path, c->out, "cluster.json") ? fus_outfile_open(&f, path, err)
                                                     : fus_base_fail(err, FUS_EINVAL, "%s: too long a path", c->out);
    if (code)
        return code;
    fus_outfile_write(&f, record->s, record->n);
    return fus_outfile_commit(&f, err);
}

int fus_sdc_cluster_record_keep_fit(const struct fus_sdc_clustering *c, struct fus_error *err)
{
    const struct fus_sdc_cluster_options *o = c->o;
    char from[4096], to[4096];
    uint8_t *text = NULL;
    size_t n;
    struct fus_outfile f;
    if (!o->folder || !o->out || strcmp(o->folder, o->out) == 0)
        return FUS_OK;
    if (!path_of(from, o->folder, "sdc.json") || !path_of(to, c->out, "fit.json"))
        return fus_base_fail(err, FUS_EINVAL, "%s: too long a path", c->out);
    FILE *there = fopen(from, "rb");
    if (!there)
        return FUS_OK;
    fclose(there);
    int code = fus_base_read_file(&text, &n, from, MAX_RECORD, err);
    if (code)
        return fus_base_blame(err, "%s: ", from);
    code = fus_outfile_open(&f, to, err);
    if (!code) {
        fus_outfile_write(&f, text, n);
        code = fus_outfile_commit(&f, err);
    }
    fus_base_free(text);
    return code;
}

int fus_sdc_cluster_record_log(const struct fus_sdc_phases *phases, const char *folder, const struct fus_sdc_eps *eps,
                               int n_eps, struct fus_error *err)
{
    char path[4096], name[32];
    struct fus_text_buffer more = {0};
    for (int e = 0; e < n_eps; e++) {
        fus_sdc_clustering_name(name, eps[e].eps);
        fus_text_printf(&more, "pairs within 1e-6 of eps\t%s\t%llu\n", name, (unsigned long long)eps[e].near);
    }
    int code = more.failed ? fus_base_fail(err, FUS_ENOMEM, "no memory for cluster.log") : FUS_OK;
    if (!code && !path_of(path, folder, "cluster.log"))
        code = fus_base_fail(err, FUS_EINVAL, "%s: too long a path", folder);
    if (!code)
        code = fus_sdc_phases_write(phases, path, more.s, err);
    fus_text_free(&more);
    return code;
}
