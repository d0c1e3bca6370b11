/* SPDX-License-Identifier: MIT */
/* DIR/sdc.json, which says what results depend on, and the decision whether DIR is begun, resumed
 * or finished. */
#define _POSIX_C_SOURCE 200809L
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "analysis/sdc/clusters_write.h"
#include "analysis/sdc/decode_work.h"
#include "analysis/sdc/units.h"
#include "nn/base/json.h"
#include "nn/base/number.h"
#include "nn/base/outfile.h"
#include "nn/base/sha256.h"
#include "weights/weights.h"

/* ---- sdc.json ---- */

static void write_number(struct fus_text_buffer *t, const char *name, double x)
{
    char text[FUS_NUMBER_BYTES] = "null";
    if (x - x == 0)
        fus_number_print(text, x);
    fus_text_printf(t, "  \"%s\": %s,\n", name, text);
}

static void write_options(struct fus_text_buffer *t, const struct fus_sdc_decode_options *o)
{
    fus_text_printf(t, "{\n  \"program\": \"fusiform\",\n  \"version\": \"%s\",\n  \"command\": \"sdc fit\",\n",
                    FUS_VERSION);
    fus_text_printf(t, "  \"preset\": %s,\n", o->efird ? "\"efird\"" : "null");
    fus_text_printf(t, "  \"seed\": %llu,\n", (unsigned long long)o->seed);
    write_number(t, "min_nc", o->data.min_nc);
    write_number(t, "repeats", o->data.repeats);
    write_number(t, "scale", o->data.scale);
    fus_text_printf(t, "  \"zscore\": %s,\n", o->data.zscore ? "true" : "false");
    write_number(t, "test_images", (double)o->split.n_test);
    write_number(t, "val_images", (double)o->split.n_val);
    fus_text_append(t, "  \"sessions\": ", 14);
    if (o->split.sessions)
        fus_json_quote(t, o->split.sessions);
    fus_text_printf(t, "%s,\n", o->split.sessions ? "" : "null");
    write_number(t, "iterations", o->fit.iterations);
    write_number(t, "batch", o->fit.batch);
    write_number(t, "lr", o->fit.rate);
    write_number(t, "temperature", o->fit.temperature);
    write_number(t, "noise", o->fit.noise);
    write_number(t, "tail", o->fit.tail);
    write_number(t, "reruns", o->reruns);
    fus_text_printf(t, "  \"same_image\": \"%s\",\n", o->fit.mask_same_image ? "mask" : "keep");
    fus_text_printf(t, "  \"ridge\": [");
    for (int i = 0; i < o->n_alphas; i++)
        fus_text_printf(t, "%s%.15g", i ? ", " : "", o->alphas[i]);
    fus_text_printf(t, "],\n");
    write_number(t, "permutations", o->permutations);
    fus_text_printf(t, "  \"halves\": %s,\n", o->halves ? "true" : "false");
}

/* Files by their names alone, so that a moved study gives the same bytes. */
static int write_file(struct fus_text_buffer *t, const char *what, const char *path, bool *first, struct fus_error *err)
{
    const char *slash = strrchr(path, '/');
    char hex[FUS_SHA256_HEX];
    int code = fus_sha256_file(hex, path, err);
    if (code)
        return code;
    fus_text_printf(t, "%s\n    {\"what\": ", *first ? "" : ",");
    fus_json_quote(t, what);
    fus_text_printf(t, ", \"file\": ");
    fus_json_quote(t, slash ? slash + 1 : path);
    fus_text_printf(t, ", \"sha256\": \"%s\"}", hex);
    *first = false;
    return FUS_OK;
}

/* The file of FILE@LAYER; study.tsv has the rest. */
static int write_model(struct fus_text_buffer *t, const struct fus_sdc_participant *p, bool *first,
                       struct fus_error *err)
{
    char *file = fus_sdc_units_file(p->model);
    if (!file)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for sdc.json");
    int code = fus_open_is_file(file) ? write_file(t, p->name, file, first, err) : FUS_OK;
    fus_base_free(file);
    return code;
}

static int write_participant(struct fus_text_buffer *t, const struct fus_sdc_participant *p, bool *first,
                             struct fus_error *err)
{
    int code = FUS_OK;
    for (size_t i = 0; i < p->n_files && !code; i++)
        code = write_file(t, p->name, p->files[i], first, err);
    if (p->model && !code)
        code = write_model(t, p, first, err);
    return code ? fus_base_blame(err, "%s: ", p->name) : FUS_OK;
}

/* {"name": "r50", "layer": "layer4.2.relu", "units": "channels"} of FILE@LAYER?units=channels. */
static void write_networks(struct fus_text_buffer *t, const struct fus_sdc_study *study)
{
    bool first = true;
    for (int i = 0; i < study->n; i++) {
        const struct fus_sdc_participant *p = &study->participants[i];
        const char *at = p->model ? strrchr(p->model, '@') : NULL, *query = at ? strstr(at, "?units=") : NULL;
        char layer[200];
        if (!at)
            continue;
        snprintf(layer, sizeof layer, "%.*s", query ? (int)(query - at - 1) : 199, at + 1);
        fus_text_printf(t, "%s\n    {\"name\": ", first ? "" : ",");
        fus_json_quote(t, p->name);
        fus_text_printf(t, ", \"layer\": ");
        fus_json_quote(t, layer);
        fus_text_printf(t, ", \"units\": ");
        fus_json_quote(t, query ? query + 7 : "channels");
        fus_text_printf(t, "}");
        first = false;
    }
}

static int make_record(struct fus_sdc_work *w, struct fus_error *err)
{
    struct fus_text_buffer *t = &w->record;
    const struct fus_sdc_decode_options *o = w->o;
    bool first = true;
    write_options(t, o);
    fus_text_printf(t, "  \"participants\": [");
    for (int p = 0; p < w->study->n; p++) {
        fus_text_printf(t, "%s", p ? ", " : "");
        fus_json_quote(t, w->study->participants[p].name);
    }
    fus_text_printf(t, "],\n  \"networks\": [");
    write_networks(t, w->study);
    fus_text_printf(t, "],\n");
    fus_sdc_own_record(t, &w->own, w->study);
    fus_sdc_stems_record(t, &w->stems, w->study);
    fus_text_printf(t, "  \"images\": %zu,\n  \"dimensions\": %zu,\n  \"inputs\": [", w->embedding.n, w->embedding.d);
    int code = write_file(t, "embedding", o->embedding, &first, err);
    if (!code && o->images)
        code = write_file(t, "images", o->images, &first, err);
    if (!code && o->study)
        code = write_file(t, "study", o->study, &first, err);
    for (int p = 0; p < w->study->n && !code; p++)
        code = write_participant(t, &w->study->participants[p], &first, err);
    fus_text_printf(t, "\n  ]\n}\n");
    return !code && t->failed ? fus_base_fail(err, FUS_ENOMEM, "no memory for sdc.json") : code;
}

static int write_record(const struct fus_sdc_work *w, struct fus_error *err)
{
    char path[FUS_SDC_PATH_BYTES];
    struct fus_outfile f;
    fus_sdc_work_path(path, w, "sdc.json");
    int code = fus_outfile_open(&f, path, err);
    if (code)
        return code;
    fus_outfile_write(&f, w->record.s, w->record.n);
    return fus_outfile_commit(&f, err);
}

/* ---- what is in DIR ---- */

/* The line at `at`, without blanks and the comma around it. */
static void copy_line(char out[200], const char *at)
{
    size_t n;
    at += strspn(at, " ");
    n = strcspn(at, "\n");
    n -= n && at[n - 1] == ',';
    snprintf(out, 200, "%.*s", (int)(n < 199 ? n : 199), at);
}

int fus_sdc_record_compare(const char *path, const char *text, size_t n, const char *what, const char *hint,
                           struct fus_error *err)
{
    char found[200], expected[200];
    uint8_t *old = NULL;
    size_t n_old, i = 0, line = 0;
    if (fus_base_read_file(&old, &n_old, path, (size_t)1 << 28, err))
        return fus_base_blame(err, "%s: ", path);
    while (i < n && i < n_old && old[i] == (uint8_t)text[i]) {
        line = old[i] == '\n' ? i + 1 : line;
        i++;
    }
    bool same = i == n && i == n_old;
    if (!same) {
        copy_line(found, (const char *)old + line);
        copy_line(expected, text + line);
        fus_base_fail(err, FUS_EINVAL, "%s: %s: %s found, now %s; %s", path, what, found, expected, hint);
    }
    fus_base_free(old);
    return same ? FUS_OK : FUS_EINVAL;
}

/* The options and inputs of DIR are these. */
static int compare_record(const struct fus_sdc_work *w, struct fus_error *err)
{
    char path[FUS_SDC_PATH_BYTES];
    fus_sdc_work_path(path, w, "sdc.json");
    return fus_sdc_record_compare(path, w->record.s, w->record.n, "begun with other options or inputs",
                                  "--force begins anew", err);
}

/* Removes what is in a folder of ours and the folder itself; two levels are enough. */
static void remove_folder(const char *folder, int depth)
{
    char path[FUS_SDC_PATH_BYTES];
    struct stat st;
    DIR *d = opendir(folder);
    for (struct dirent *e; d && (e = readdir(d));) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 ||
            snprintf(path, sizeof path, "%s/%s", folder, e->d_name) >= (int)sizeof path)
            continue;
        if (lstat(path, &st) == 0 && S_ISDIR(st.st_mode) && depth > 0)
            remove_folder(path, depth - 1);
        else
            unlink(path);
    }
    if (d)
        closedir(d);
    rmdir(folder);
}

static void remove_old(const struct fus_sdc_work *w)
{
    static const char *const folders[] = {"decoders", "responses", "voxels", "parts"};
    static const char *const files[] = {"scores.csv", "pool.npz", "images.tsv", "sdc.log", "report.html", "sdc.json"};
    char path[FUS_SDC_PATH_BYTES];
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        fus_sdc_work_path(path, w, "%s", folders[i]);
        remove_folder(path, 1);
    }
    for (int i = 0; i < 4; i++) {
        fus_sdc_work_path(path, w, "%s%s", i % 2 ? "clusters-pattern" : "clusters", i / 2 ? FUS_SDC_CLUSTERS_NEW : "");
        fus_sdc_clusters_remove(path);
    }
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        fus_sdc_work_path(path, w, "%s", files[i]);
        unlink(path);
    }
}

void fus_sdc_record_remove_parts(const struct fus_sdc_work *w)
{
    char path[FUS_SDC_PATH_BYTES];
    fus_sdc_work_path(path, w, "parts");
    remove_folder(path, 0);
}

void fus_sdc_record_withdraw(const struct fus_sdc_work *w)
{
    static const char *const folders[] = {"decoders", "responses", "voxels", "parts"};
    char path[FUS_SDC_PATH_BYTES];
    bool empty = true;
    for (int p = 0; p < w->study->n; p++) {
        fus_sdc_work_path(path, w, "decoders/%s", w->study->participants[p].name);
        rmdir(path);
    }
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        fus_sdc_work_path(path, w, "%s", folders[i]);
        empty = rmdir(path) == 0 && empty;
    }
    if (!empty)
        return;
    fus_sdc_work_path(path, w, "sdc.json");
    unlink(path);
    rmdir(w->o->out);
}

static int make_folders(const struct fus_sdc_work *w, struct fus_error *err)
{
    static const char *const folders[] = {"decoders", "responses", "voxels", "parts"};
    char path[FUS_SDC_PATH_BYTES];
    int code = FUS_OK;
    for (size_t i = 0; i < sizeof folders / sizeof *folders && !code; i++) {
        fus_sdc_work_path(path, w, "%s", folders[i]);
        code = fus_outfile_mkdirs(path, err);
    }
    for (int p = 0; p < w->study->n && !code; p++) {
        fus_sdc_work_path(path, w, "decoders/%s", w->study->participants[p].name);
        code = fus_outfile_mkdirs(path, err);
    }
    return code;
}

int fus_sdc_record_begin(struct fus_sdc_work *w, bool *finished, struct fus_error *err)
{
    const struct fus_sdc_decode_options *o = w->o;
    bool begun = fus_sdc_work_exists(w, "sdc.json");
    w->begun_here = !begun || o->force;
    *finished = begun && fus_sdc_work_exists(w, "scores.csv") && !o->force;
    if (begun && !o->force && !o->resume && !o->n_shards)
        return fus_base_fail(err, FUS_EINVAL,
                             "%s: holds a fit that was %s; %s--force begins anew, another --out keeps it", o->out,
                             *finished ? "finished" : "begun", *finished ? "" : "--resume goes on, ");
    int code = make_record(w, err);
    if (!code && begun && !o->force)
        code = compare_record(w, err);
    if (!code && begun && o->force)
        remove_old(w);
    if (!code && !*finished)
        code = make_folders(w, err);
    return !code && (!begun || o->force) ? write_record(w, err) : code;
}
