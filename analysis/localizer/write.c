/* SPDX-License-Identifier: MIT */
/* Writing a run directory: tables, run.json, figures and report, run.log. */
#include <stdio.h>
#include <string.h>

#include "analysis/localizer/run.h"
#include "analysis/report/report.h"
#include "analysis/run/run_dir.h"
#include "analysis/run/run_write.h"
#include "analysis/run/tables.h"
#include "nn/base/json.h"
#include "nn/base/outfile.h"

static void json_field(struct fus_outfile *f, const char *name, const char *text)
{
    fus_outfile_printf(f, "\"%s\": ", name);
    fus_json_write(f, text);
}

/* The options that the result depends on; null if one does not apply. */
static void json_options(struct fus_outfile *f, const struct fus_localizer *run)
{
    struct fus_run_option_text list[FUS_RUN_OPTIONS_TEXTS];
    int n = fus_run_options_list(list, &run->options);
    fus_outfile_printf(f, "  \"version\": \"%s\",\n  ", FUS_VERSION);
    for (int i = 0; i < n; i++) {
        if (!list[i].in_json)
            continue;
        if (list[i].quoted)
            json_field(f, list[i].name, list[i].shown);
        else
            fus_outfile_printf(f, "\"%s\": %s", list[i].name, list[i].shown);
        fus_outfile_printf(f, ",\n  ");
    }
    if (run->rule[0]) {
        json_field(f, "rule", run->rule);
        fus_outfile_printf(f, ",\n  ");
    }
}

/* The pairs of near-duplicates; null: not looked for. */
static void json_near(struct fus_outfile *f, const struct fus_localizer *run)
{
    const struct fus_run_pictures *p = &run->pictures;
    char name[1024];
    if (p->grey)
        fus_outfile_printf(f, ",\n  \"near_duplicates\": %d", p->n_near);
    else
        fus_outfile_printf(f, ",\n  \"near_duplicates\": null");
    for (int i = 0; i < p->n_near; i++) {
        fus_outfile_printf(f, "%s", i ? ",\n    [" : ",\n  \"near_duplicate_pairs\": [\n    [");
        fus_run_write_picture_name(name, &p->set, p->near[i].a);
        fus_json_write(f, name);
        fus_outfile_printf(f, ", ");
        fus_run_write_picture_name(name, &p->set, p->near[i].b);
        fus_json_write(f, name);
        fus_outfile_printf(f, ", %.17g]", p->near[i].r);
    }
    fus_outfile_printf(f, "%s", p->n_near ? "\n  ]" : "");
}

/* A set's pictures, with their digests. */
static void json_pictures(struct fus_outfile *f, const char *field, const struct fus_localizer *run)
{
    const struct fus_set *set = &run->pictures.set;
    char name[1024];
    fus_outfile_printf(f, "\"%s\": [", field);
    for (int i = 0; i < set->n_pictures; i++) {
        const struct fus_picture *p = &set->pictures[i];
        fus_outfile_printf(f, "%s\n    {", i ? "," : "");
        fus_run_write_picture_name(name, set, i);
        json_field(f, "picture", name);
        fus_outfile_printf(f, ", ");
        json_field(f, "category", set->categories[p->category]);
        fus_outfile_printf(f, ", ");
        json_field(f, "subcategory", set->subcategories[p->subcategory]);
        fus_outfile_printf(f, ", ");
        json_field(f, "sha256", run->pictures.sha256[i]);
        if (run->options.halves)
            fus_outfile_printf(f, ", \"half\": %d", p->half);
        fus_outfile_printf(f, "}");
    }
    fus_outfile_printf(f, "\n  ]");
}

/* run.json: everything that the result depends on, and nothing else. */
static int write_json(const struct fus_localizer *run, const char *folder, struct fus_error *err)
{
    char path[FUS_RUN_DIR_PATH];
    const struct fus_run_summary *s = &run->summary;
    struct fus_outfile f;
    fus_run_dir_path(path, folder, "run.json");
    int code = fus_outfile_open(&f, path, err);
    if (code)
        return code;
    fus_outfile_printf(&f, "{\n");
    json_options(&f, run);
    json_field(&f, "stimuli", s->stimuli);
    fus_outfile_printf(&f, ",\n  \"models\": [");
    for (int i = 0; i < s->n_models; i++) {
        fus_outfile_printf(&f, "%s\n    {", i ? "," : "");
        json_field(&f, "name", s->models[i].name);
        fus_outfile_printf(&f, ", ");
        json_field(&f, "source", s->models[i].source);
        fus_outfile_printf(&f, ", ");
        json_field(&f, "sha256", s->models[i].sha256);
        fus_outfile_printf(&f, ", ");
        json_field(&f, "architecture", s->models[i].architecture);
        fus_outfile_printf(&f, ", ");
        json_field(&f, "preprocess", s->models[i].preprocess);
        const char *prefix = fus_run_for_model(&run->options.prefixes, run, run->models[i].name);
        if (prefix) {
            fus_outfile_printf(&f, ", ");
            json_field(&f, "prefix", prefix);
        }
        fus_outfile_printf(&f, "}");
    }
    fus_outfile_printf(&f, "\n  ],\n  \"categories\": [");
    for (int i = 0; i < s->n_categories; i++) {
        fus_outfile_printf(&f, "%s", i ? ", " : "");
        fus_json_write(&f, s->categories[i]);
    }
    fus_outfile_printf(&f, "],\n  ");
    json_pictures(&f, "pictures", run);
    for (int i = 0; i < run->pictures.set.n_skipped; i++) {
        fus_outfile_printf(&f, i ? ", " : ",\n  \"skipped\": [");
        fus_json_write(&f, run->pictures.set.skipped[i]);
    }
    fus_outfile_printf(&f, run->pictures.set.n_skipped ? "]" : "");
    if (run->second) {
        fus_outfile_printf(&f, ",\n  ");
        json_field(&f, "validate", run->second->summary.stimuli);
        fus_outfile_printf(&f, ",\n  ");
        json_pictures(&f, "validate_pictures", run->second);
    }
    json_near(&f, run);
    fus_outfile_printf(&f, "\n}\n");
    return fus_outfile_commit(&f, err);
}

static int copy_file(const char *to, const char *from, struct fus_error *err)
{
    struct fus_outfile f;
    uint8_t *data;
    size_t n;
    if (fus_base_read_file(&data, &n, from, FUS_IMAGE_MAX_BYTES, err))
        return fus_base_blame(err, "%s: ", from);
    int code = fus_outfile_open(&f, to, err);
    if (!code) {
        fus_outfile_write(&f, data, n);
        code = fus_outfile_commit(&f, err);
    }
    fus_base_free(data);
    return code;
}

static void warn_of_groups(const struct fus_localizer *run)
{
    struct fus_groups groups;
    int apart[2];
    if (fus_summary_groups(&groups, &run->summary, run->options.groups, NULL) == FUS_OK &&
        fus_table_groups_apart(apart, &run->summary, &groups))
        fus_note_say(
            &run->notes,
            "warning: groups %s and %s: no layer corresponds in all their models, so groups.csv has no rows of "
            "them",
            groups.group[apart[0]].name, groups.group[apart[1]].name);
}

static int write_tables(struct fus_localizer *run, const char *folder, struct fus_error *err)
{
    char path[FUS_RUN_DIR_PATH];
    const char *sheet = run->pictures.sheet_file;
    int code = fus_run_write_tables(folder, &run->summary, &run->pictures.set, &run->options, err);
    fus_run_dir_path(path, folder, "pictures.png");
    if (!code)
        code = *sheet ? copy_file(path, sheet, err) : fus_sheet_write(path, run, err);
    if (!code)
        code = write_json(run, folder, err);
    if (!code)
        warn_of_groups(run);
    return code;
}

/* Where the time went: a line for each phase, in order; the last is the time between them. */
static void log_phases(struct fus_outfile *f, const struct fus_localizer *run, double tables, double report,
                       double wall)
{
    const double before[] = {run->models_seconds, run->check_seconds, run->folder_seconds};
    static const char *const names[] = {"open models", "check pictures", "prepare folder"};
    double sum = tables + report;
    for (int i = 0; i < 3; i++) {
        fus_outfile_printf(f, "phase\t%s\t%.3f\n", names[i], before[i]);
        sum += before[i];
    }
    for (int i = 0; i < run->n_models; i++) {
        const struct fus_run_model *m = &run->models[i];
        double rest = m->seconds - m->decode_seconds - m->forward_seconds - m->statistics_seconds - m->decide_seconds;
        fus_outfile_printf(f,
                           "phase\t%s: pictures\t%.3f\nphase\t%s: network\t%.3f\nphase\t%s: "
                           "statistics\t%.3f\nphase\t%s: decide\t%.3f\n"
                           "phase\t%s: open again, save, check weights\t%.3f\n",
                           m->name, m->decode_seconds, m->name, m->forward_seconds, m->name, m->statistics_seconds,
                           m->name, m->decide_seconds, m->name, rest);
        sum += m->seconds;
    }
    if (run->second)
        fus_outfile_printf(f, "phase\tsecond set\t%.3f\n", run->second_seconds);
    sum += run->second_seconds;
    fus_outfile_printf(f, "phase\ttables\t%.3f\nphase\treport\t%.3f\nphase\tbetween phases\t%.3f\n", tables, report,
                       wall - sum);
}

static int write_log(const struct fus_localizer *run, const char *folder, double tables, double report,
                     struct fus_error *err)
{
    char path[FUS_RUN_DIR_PATH];
    struct fus_outfile f;
    fus_run_dir_path(path, folder, "run.log");
    int code = fus_outfile_open(&f, path, err);
    if (code)
        return code;
    fus_outfile_printf(&f, "fusiform %s\nthreads\t%d\nmax_memory_bytes\t%zu\n", FUS_VERSION, fus_base_threads(),
                       run->options.max_memory);
    if (run->state.digest[0])
        fus_outfile_printf(&f, "provenance\t%s\n", run->state.digest);
    fus_outfile_printf(&f, "check_pictures_s\t%.3f\nremembered_pictures_bytes\t%zu\n", run->check_seconds,
                       fus_cache_bytes(run->pictures.cache));
    for (int i = 0; i < run->summary.n_models; i++) {
        const struct fus_run_model *m = &run->models[i];
        fus_outfile_printf(&f,
                           "model\t%s\tisa\t%s\tbatch\t%d\tlow_memory\t%s\tleast_bytes\t%zu\tnet_bytes\t%zu\tscratch_"
                           "bytes\t%zu\tpasses\t%d\tload_s\t%.3f\tdecode_s\t%.3f\t"
                           "forward_s\t%.3f\tstatistics_s\t%.3f\tdecide_s\t%.3f\tall_s\t%.3f\n",
                           m->name, m->isa, m->batch, m->low_memory ? "yes" : "no", m->least_bytes, m->net_bytes,
                           m->scratch_bytes, m->n_passes, m->load_seconds, m->decode_seconds, m->forward_seconds,
                           m->statistics_seconds, m->decide_seconds, m->seconds);
    }
    double wall = fus_run_now() - run->started;
    log_phases(&f, run, tables, report, wall);
    fus_outfile_printf(&f, "wall_s\t%.3f\npeak_memory_kb\t%ld\n", wall, fus_base_peak_kb());
    return fus_outfile_commit(&f, err);
}

int fus_write_run(struct fus_localizer *run, const char *folder, struct fus_error *err)
{
    double start = fus_run_now();
    int code = write_tables(run, folder, err);
    double written = fus_run_now();
    if (!code)
        code = fus_report_redraw(folder, err); /* from these files */
    double drawn = fus_run_now();
    return code ? code : write_log(run, folder, written - start, drawn - written, err);
}
