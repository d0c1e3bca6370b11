/* What surrounds the measurement: checks before it, tables and logs after it. */
#define _POSIX_C_SOURCE 200809L
#define _DARWIN_C_SOURCE /* st_mtimespec */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "nn/base/outfile.h"
#include "nn/base/utf8.h"
#include "tools/pictures.h"
#include "tools/redraw.h"
#include "tools/run.h"
#include "nn/base/json.h"

double fus_run_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void fus_run_progress(const char *what, const char *things, int done, int of, double started)
{
    static double last;
    double t = fus_run_now(), rate = done / (t - started + 1e-9);
    bool terminal = isatty(2), ended = done == of;
    if (terminal ? !ended && t - last < 0.1 : ended ? t - started < 1 : t - (last > started ? last : started) < 10)
        return;
    last = t;
    fprintf(stderr, "%s%s: %d of %d %s, %.1f a second, %.0f s left%s", terminal ? "\r\033[K" : "", what, done, of, things,
            rate, (of - done) / rate, terminal && !ended ? "" : "\n");
}

/* ---- before ---- */

struct digest {
    const char *hex;
    int picture;
};

static int by_digest(const void *a, const void *b)
{
    const struct digest *x = a, *y = b;
    int c = strcmp(x->hex, y->hex);
    return c ? c : x->picture - y->picture;
}

/* A line on stderr for each picture that is the same, byte for byte, as an earlier one: a mistake more often than not. */
static int warn_of_duplicates(const struct fus_run *run, struct fus_error *err)
{
    enum { SHOWN = 10 };
    const struct fus_set *set = &run->set;
    struct digest *d = fus_base_alloc((size_t)set->n_pictures, sizeof *d);
    int n = 0;
    if (!d)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for %d pictures", set->n_pictures);
    for (int i = 0; i < set->n_pictures; i++)
        d[i] = (struct digest){run->picture_sha256[i], i};
    qsort(d, (size_t)set->n_pictures, sizeof *d, by_digest);
    for (int i = 1, first = 0; i < set->n_pictures; i++) {
        if (strcmp(d[i].hex, d[first].hex) != 0)
            first = i;
        else if (n++ < SHOWN) {
            char one[FUS_MESSAGE_BYTES], other[FUS_MESSAGE_BYTES];
            fus_utf8_escape(one, sizeof one, set->pictures[d[i].picture].path);
            fus_utf8_escape(other, sizeof other, set->pictures[d[first].picture].path);
            fprintf(stderr, "fusiform: warning: %s is the same picture as %s\n", one, other);
        }
    }
    if (n > SHOWN)
        fprintf(stderr, "fusiform: warning: %d more pictures are the same as others\n", n - SHOWN);
    fus_base_free(d);
    return FUS_OK;
}

/* Every picture to be shown is read: its digest, what it is before any network sees it, and what the networks will see. */
static int measure_pictures(struct fus_run *run, struct fus_error *err)
{
    int code = fus_cache_create(&run->cache, run->set.n_pictures, fus_run_cache_bytes(run), err);
    struct fus_set_bad bad = {0};
    const struct fus_set_consumers wanted = {run->picture_sha256, run->pixel_stats, run->cache, fus_run_sheet_draw, run, &bad};
    double started = fus_run_now();
    if (!code)
        code = fus_run_sheet_create(run, err);
    for (int i = 0; i < run->n_models && !code; i++)
        code = fus_cache_want(run->cache, &run->models[i].preprocess, err);
    for (int i = run->first, end; i < run->end && !code; i = end) {
        end = run->end - i < 256 ? run->end : i + 256;
        code = fus_set_check_range(&run->set, i, end, &wanted, err);
        if (!code && run->end - run->first > 256)
            fus_run_progress("checking", "pictures", end - run->first, run->end - run->first, started);
    }
    if (!code)
        code = fus_pictures_refuse(&bad, run->end - run->first, err);
    fus_set_bad_free(&bad);
    return code;
}

int fus_run_describe_set(struct fus_run *run, struct fus_run_summary *summary, struct fus_error *err)
{
    const struct fus_set *set = &run->set;
    summary->n_pictures = fus_base_alloc((size_t)set->n_categories, sizeof *summary->n_pictures);
    summary->stimuli = fus_base_strdup(set->description);
    if (!summary->n_pictures || !summary->stimuli)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for %d categories", set->n_categories);
    summary->categories = set->categories;
    summary->n_categories = set->n_categories;
    summary->options = run->select;
    summary->criterion = run->criterion_text[0] ? run->criterion_text : NULL;
    for (int i = 0; i < set->n_pictures; i++)
        summary->n_pictures[set->pictures[i].category]++;
    return fus_parts_cut(&run->parts, set, err);
}

int fus_run_summarise_pixels(struct fus_run *run, struct fus_run_summary *summary, struct fus_error *err)
{
    run->pixels = fus_base_alloc((size_t)run->set.n_categories, sizeof *run->pixels);
    if (!run->pixels)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for %d categories", run->set.n_categories);
    fus_pixelstats_summarise(run->pixels, &run->set, run->pixel_stats);
    summary->pixels = run->pixels;
    return warn_of_duplicates(run, err);
}

int fus_run_open_stimuli(struct fus_run *run, struct fus_run_summary *summary, struct fus_error *err)
{
    double start = fus_run_now();
    int code = fus_set_open(&run->set, run->stimuli, run->categories, err);
    if (!code) {
        fus_pictures_tell_left_out(&run->set, run->stimuli);
        fus_pictures_tell_names(&run->set);
    }
    if (!code && run->skip_bad) /* all of them, in a shard too: its pictures follow from the whole set */
        code = fus_pictures_skip(&run->set, run->stimuli, err);
    if (!code && run->scrambled)
        code = fus_set_scrambled_add(&run->set, run->seed, err);
    if (!code && run->halves == FUS_HALVES_OPTION && (code = fus_set_halves_by_option(&run->set, err)) != FUS_OK)
        fus_base_blame(err, "%s: --halves option: ", run->stimuli);
    if (!code)
        code = fus_run_describe_set(run, summary, err);
    if (code)
        return code;
    run->end = run->set.n_pictures;
    if (run->n_shards)
        fus_parts_shard(&run->first, &run->end, &run->parts, run->shard, run->n_shards);
    run->picture_sha256 = fus_base_alloc((size_t)run->set.n_pictures, sizeof *run->picture_sha256);
    run->pixel_stats = fus_base_alloc((size_t)run->set.n_pictures, sizeof *run->pixel_stats);
    if (!run->picture_sha256 || !run->pixel_stats)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for %d pictures", run->set.n_pictures);
    code = measure_pictures(run, err);
    if (!code && !run->n_shards)
        code = fus_run_summarise_pixels(run, summary, err);
    run->check_seconds = fus_run_now() - start;
    return code;
}

/* ---- models ---- */

static int ignore(void *context, int tap, int picture, const float *blocked)
{
    (void)context;
    (void)tap;
    (void)picture;
    (void)blocked;
    return FUS_OK;
}

/* One pass over an empty picture: with --low-memory this is when weights are read. */
static int try_pass(const struct fus_run *run, const struct fus_run_model *named, const struct fus_model *m, struct fus_error *err)
{
    bool *wanted = fus_base_alloc((size_t)fus_net_n_taps(m->net), sizeof *wanted);
    float *input = fus_base_alloc(m->input_floats, sizeof *input);
    int code = wanted && input ? fus_model_want(wanted, m, run->layers, err) : fus_base_fail(err, FUS_ENOMEM, "no memory");
    if (!code && named->low_memory)
        code = fus_net_forward(m->net, input, 1, wanted, ignore, NULL, err);
    fus_base_free(wanted);
    fus_base_free(input);
    return code;
}

/* What the tables and the report say about the model itself. */
static int describe(struct fus_model_summary *out, const struct fus_model *m, const struct fus_run_model *named,
                    struct fus_error *err)
{
    out->name = fus_base_strdup(named->name);
    bool random = strncmp(named->path, "random:", 7) == 0; /* else the file's name: where it lies is not part of the result */
    const char *slash = random ? NULL : strrchr(named->path, '/');
    out->source = fus_base_strdup(slash ? slash + 1 : named->path);
    out->architecture = fus_base_strdup(m->description);
    out->preprocess = fus_base_strdup(m->preprocess_text);
    if (!out->name || !out->source || !out->architecture || !out->preprocess)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for the summary of %s", named->name);
    return FUS_OK;
}

/* Of what is there now, before anything of it is used. */
static int take_digest(char hex[65], const char *path, struct fus_error *err)
{
    struct fus_store *store;
    int code = fus_open_weights(&store, path, err);
    if (code)
        return code;
    code = fus_store_sha256(store, hex, err);
    fus_store_close(store);
    return code;
}

int fus_run_check_unchanged(const struct fus_run *run, int model, const struct fus_run_summary *summary, struct fus_error *err)
{
    const char *expected = summary->models[model].sha256;
    char found[65];
    int code = take_digest(found, run->models[model].path, err);
    if (!code && strcmp(found, expected) != 0)
        code = fus_base_fail(err, FUS_EINVAL, "%s: changed while the run was at work: SHA-256 %s found, %s expected; what was counted of it is not used",
                             run->models[model].path, found, expected);
    return code;
}

static int list_layers(struct fus_run_model *r, struct fus_model_summary *out, const struct fus_run *run, const struct fus_model *m,
                       struct fus_error *err)
{
    size_t n = (size_t)fus_net_n_taps(m->net);
    bool *wanted = fus_base_alloc(n, sizeof *wanted);
    r->taps = fus_base_alloc(n, sizeof *r->taps);
    r->layers = fus_base_alloc(n, sizeof *r->layers);
    out->layers = fus_base_alloc(n, sizeof *out->layers);
    int code = wanted && r->taps && r->layers && out->layers ? fus_model_want(wanted, m, run->layers, err)
                                                             : fus_base_fail(err, FUS_ENOMEM, "no memory for the list of layers");
    for (size_t i = 0; i < n && !code; i++)
        if (wanted[i])
            r->taps[r->n_layers++] = *fus_net_tap(m->net, (int)i);
    fus_base_free(wanted);
    return code;
}

/* Size and time of a model's file, which change with it; 0 for what is no file. */
static void stamp_file(long long *bytes, long long *time, const char *path)
{
    struct stat st;
    bool there = strncmp(path, "random:", 7) != 0 && stat(path, &st) == 0;
    *bytes = there ? (long long)st.st_size : 0;
#if defined(__APPLE__)
    const struct timespec changed = st.st_mtimespec;
#else
    const struct timespec changed = st.st_mtim;
#endif
    *time = there ? (long long)changed.tv_sec * 1000000000 + changed.tv_nsec : 0;
}

static int open_model(struct fus_model **m, const struct fus_run *run, int model, struct fus_error *err)
{
    const struct fus_run_model *r = &run->models[model];
    struct fus_net_options options = {.batch = r->batch, .batch_taps = true, .direct = run->direct, .low_memory = r->low_memory, .resting = !r->batch};
    *m = fus_base_alloc(1, sizeof **m);
    if (!*m)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for a model");
    const char *name = run->models[model].name;
    const struct fus_model_choice choice = {run->lang_head, fus_run_for_model(&run->prefixes, run, name), fus_run_for_model(&run->preprocesses, run, name)};
    int code = fus_model_open(*m, run->models[model].path, &choice, &options, err);
    if (code) {
        fus_base_free(*m);
        *m = NULL;
    }
    return code;
}

static void close_model(struct fus_model **m)
{
    if (*m)
        fus_model_close(*m);
    fus_base_free(*m);
    *m = NULL;
}

/* A resting network gets its batch, and all its weights unless they are to be held a layer at a time. */
static int settle_model(struct fus_run_model *r, const struct fus_run *run, struct fus_error *err)
{
    struct fus_net_options options = {.batch_taps = true, .direct = run->direct};
    struct fus_model *m = r->open;
    int code = fus_run_choose_memory(r, run, m, &options, err);
    if (!code) {
        fus_net_destroy(m->net);
        m->net = NULL;
        code = fus_net_create(&m->net, &m->spec, &options, fus_store_lookup, m->store, err);
    }
    return code && strncmp(err->msg, r->path, strlen(r->path)) != 0 ? fus_base_blame(err, "%s: ", r->path) : code;
}

int fus_run_check_models(struct fus_run *run, struct fus_run_summary *summary, struct fus_error *err)
{
    summary->models = fus_base_alloc((size_t)run->n_models, sizeof *summary->models);
    int code = summary->models ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "no memory for %d models", run->n_models);
    summary->n_models = summary->models ? run->n_models : 0;
    for (int i = run->n_models - 1; i >= 0 && !code; i--) { /* the first one last: it stays open */
        struct fus_run_model *r = &run->models[i];
        double start = fus_run_now();
        stamp_file(&r->file_bytes, &r->file_time, r->path);
        code = take_digest(summary->models[i].sha256, r->path, err);
        if (!code)
            code = open_model(&r->open, run, i, err);
        if (!code)
            r->preprocess = r->open->preprocess;
        if (!code && !(r->notes = fus_base_strdup(r->open->notes)))
            code = fus_base_fail(err, FUS_ENOMEM, "no memory for a model");
        if (!code)
            code = list_layers(r, &summary->models[i], run, r->open, err);
        if (!code)
            code = settle_model(r, run, err);
        if (!code)
            code = try_pass(run, r, r->open, err);
        if (!code)
            code = describe(&summary->models[i], r->open, r, err);
        if (i > 0)
            close_model(&r->open);
        r->load_seconds = fus_run_now() - start;
    }
    return code;
}

int fus_run_open_model(struct fus_model **m, struct fus_run *run, int model, const struct fus_run_summary *summary, struct fus_error *err)
{
    struct fus_run_model *r = &run->models[model];
    const char *expected = summary->models[model].sha256;
    char found[65];
    long long bytes, time;
    *m = r->open;
    r->open = NULL;
    if (*m)
        return FUS_OK;
    double start = fus_run_now();
    stamp_file(&bytes, &time, r->path);
    int code = open_model(m, run, model, err);
    if (!code && (bytes != r->file_bytes || time != r->file_time)) {
        code = fus_store_sha256((*m)->store, found, err);
        if (!code && strcmp(found, expected) != 0)
            code = fus_base_fail(err, FUS_EINVAL, "%s: changed since the run began: SHA-256 %s found, %s expected", r->path, found, expected);
        if (code)
            close_model(m);
    }
    r->load_seconds += fus_run_now() - start;
    return code;
}

void fus_run_units_folder(char *path, size_t path_bytes, const struct fus_run *run, int model)
{
    int used = snprintf(path, path_bytes, "%s/units/", run->out);
    for (const char *s = run->models[model].name; *s && (size_t)used + 1 < path_bytes; s++) {
        bool plain = (*s >= '0' && *s <= '9') || (*s >= 'A' && *s <= 'Z') || (*s >= 'a' && *s <= 'z') ||
                     strchr("._-+=?", *s) || (unsigned char)*s >= 0x80;
        path[used++] = plain ? *s : '_';
    }
    path[used] = '\0';
}

int fus_run_check_folders(const struct fus_run *run, struct fus_error *err)
{
    char path[4000], other[4000];
    if (strlen(run->out) > 3000)
        return fus_base_fail(err, FUS_EINVAL, "--out: a path of %zu characters; at most 3000 are possible", strlen(run->out));
    for (int i = 0; i < run->n_models; i++) {
        fus_run_units_folder(path, sizeof path, run, i);
        for (int j = 0; j < i; j++) {
            fus_run_units_folder(other, sizeof other, run, j);
            if (strcmp(path, other) == 0)
                return fus_base_fail(err, FUS_EINVAL, "models '%s' and '%s' would share the folder %s: rename one",
                                     run->models[j].name, run->models[i].name, path);
        }
    }
    return FUS_OK;
}

int fus_run_make_folders(struct fus_run *run, struct fus_error *err)
{
    char path[4000];
    int code = FUS_OK;
    for (int i = 0; i < run->n_models && !run->n_shards && !code; i++) {
        fus_run_units_folder(path, sizeof path, run, i);
        code = fus_outfile_mkdirs(path, err);
    }
    snprintf(path, sizeof path, "%s%s", run->out, run->n_shards ? "" : "/figures");
    return code ? code : fus_outfile_mkdirs(path, err);
}

/* ---- after ---- */

static void json_field(struct fus_outfile *f, const char *name, const char *text)
{
    fus_outfile_printf(f, "\"%s\": ", name);
    fus_json_write(f, text);
}

/* The options that matter to the result; what does not apply is null. */
static void json_options(struct fus_outfile *f, const struct fus_run *run)
{
    static const char *const correction[] = {"\"bh\"", "\"by\"", "\"bonferroni\"", "\"none\""};
    const struct fus_select_options *o = &run->select;
    static const char *const halves[] = {"none", "alternate", "option"};
    bool iut = o->criterion == FUS_CRITERION_IUT, prince = o->criterion == FUS_CRITERION_PRINCE;
    fus_outfile_printf(f, "  \"version\": \"%s\",\n  ", FUS_VERSION);
    if (run->preset) {
        json_field(f, "preset", run->preset);
        fus_outfile_printf(f, ",\n  ");
    }
    fus_outfile_printf(f, "\"criterion\": \"%s\",\n  \"test\": %s,\n  \"correction\": %s,\n", fus_criteria_name(o->criterion),
                       prince || (iut && o->student) ? "\"student\"" : iut ? "\"welch\"" : "null",
                       iut ? correction[o->correction] : prince ? "\"by\"" : "null");
    fus_outfile_printf(f, "  \"alpha\": %.17g,\n  \"halves\": \"%s\",\n  \"bootstrap\": %d,\n  \"interval\": \"%s\",\n  \"permutations\": %d,\n  \"seed\": %llu,\n  ", o->alpha,
                       halves[run->halves], run->bootstrap, fus_bootstrap_name(run->interval), run->permutations, (unsigned long long)run->seed);
    fus_outfile_printf(f, "\"sweep\": %s,\n  \"consistency\": %s,\n  ", run->sweep ? "true" : "false", run->consistency ? "true" : "false");
    json_field(f, "layers", run->layers);
    fus_outfile_printf(f, ",\n  \"conv\": \"%s\",\n  \"units\": \"%s\",\n  ", run->direct ? "direct" : "auto",
                       run->full_units ? "full" : "labels");
    if (run->criterion_text[0]) {
        json_field(f, "rule", run->criterion_text);
        fus_outfile_printf(f, ",\n  ");
    }
}

/* run.json: what the result depends on, and nothing else. */
static int write_json(const struct fus_run *run, const struct fus_run_summary *s, struct fus_error *err)
{
    char path[4096];
    struct fus_outfile f;
    snprintf(path, sizeof path, "%s/run.json", run->out);
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
        const char *prefix = fus_run_for_model(&run->prefixes, run, run->models[i].name);
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
    fus_outfile_printf(&f, "],\n  \"pictures\": [");
    for (int i = 0; i < run->set.n_pictures; i++) {
        const struct fus_picture *p = &run->set.pictures[i];
        fus_outfile_printf(&f, "%s\n    {", i ? "," : "");
        char name[1024];
        fus_run_picture_name(name, &run->set, i);
        json_field(&f, "picture", name);
        fus_outfile_printf(&f, ", ");
        json_field(&f, "category", s->categories[p->category]);
        fus_outfile_printf(&f, ", ");
        json_field(&f, "subcategory", run->set.subcategories[p->subcategory]);
        fus_outfile_printf(&f, ", ");
        json_field(&f, "sha256", run->picture_sha256[i]);
        if (run->halves)
            fus_outfile_printf(&f, ", \"half\": %d", p->half);
        fus_outfile_printf(&f, "}");
    }
    fus_outfile_printf(&f, "\n  ]");
    for (int i = 0; i < run->set.n_skipped; i++) {
        fus_outfile_printf(&f, i ? ", " : ",\n  \"skipped\": [");
        fus_json_write(&f, run->set.skipped[i]);
    }
    fus_outfile_printf(&f, "%s\n}\n", run->set.n_skipped ? "]" : "");
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

static int write_tables(struct fus_run *run, const struct fus_run_summary *summary, struct fus_error *err)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/layers.csv", run->out);
    int code = fus_table_layers(path, summary, err);
    snprintf(path, sizeof path, "%s/pixels.csv", run->out);
    if (!code)
        code = fus_table_pixels(path, summary, err);
    snprintf(path, sizeof path, "%s/compare.csv", run->out);
    if (!code)
        code = fus_table_compare(path, summary, err);
    if (!code)
        code = fus_run_write_more(run, summary, err);
    if (!code)
        code = fus_run_write_profiles(run, summary, err);
    snprintf(path, sizeof path, "%s/pictures.png", run->out);
    if (!code)
        code = run->sheet ? copy_file(path, run->sheet, err) : fus_run_sheet_write(path, run, err);
    return code ? code : write_json(run, summary, err);
}

/* Where the time went: a line for each phase, in their order, and their sum. */
static void log_phases(struct fus_outfile *f, const struct fus_run *run, double tables, double report)
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
        fus_outfile_printf(f, "phase\t%s: pictures\t%.3f\nphase\t%s: network\t%.3f\nphase\t%s: statistics\t%.3f\nphase\t%s: decide\t%.3f\n"
                              "phase\t%s: open again, save, check weights\t%.3f\n", m->name, m->decode_seconds, m->name, m->forward_seconds,
                           m->name, m->statistics_seconds, m->name, m->decide_seconds, m->name, rest);
        sum += m->seconds;
    }
    fus_outfile_printf(f, "phase\ttables\t%.3f\nphase\treport\t%.3f\nall_phases_s\t%.3f\n", tables, report, sum);
}

static int write_log(const struct fus_run *run, const struct fus_run_summary *summary, double tables, double report, struct fus_error *err)
{
    char path[4096];
    struct fus_outfile f;
    snprintf(path, sizeof path, "%s/run.log", run->out);
    int code = fus_outfile_open(&f, path, err);
    if (code)
        return code;
    fus_outfile_printf(&f, "fusiform %s\nthreads\t%d\nmax_memory_bytes\t%zu\n", FUS_VERSION, fus_base_threads(),
                       run->max_memory);
    if (run->digest[0])
        fus_outfile_printf(&f, "provenance\t%s\n", run->digest);
    fus_outfile_printf(&f, "check_pictures_s\t%.3f\nremembered_pictures_bytes\t%zu\n", run->check_seconds, fus_cache_bytes(run->cache));
    for (int i = 0; i < summary->n_models; i++) {
        const struct fus_run_model *m = &run->models[i];
        fus_outfile_printf(&f, "model\t%s\tisa\t%s\tbatch\t%d\tlow_memory\t%s\tleast_bytes\t%zu\tnet_bytes\t%zu\tscratch_bytes\t%zu\tpasses\t%d\tload_s\t%.3f\tdecode_s\t%.3f\t"
                               "forward_s\t%.3f\tstatistics_s\t%.3f\tdecide_s\t%.3f\tall_s\t%.3f\n",
                           m->name, m->isa, m->batch, m->low_memory ? "yes" : "no", m->least_bytes, m->net_bytes, m->scratch_bytes, m->n_passes, m->load_seconds, m->decode_seconds,
                           m->forward_seconds, m->statistics_seconds, m->decide_seconds, m->seconds);
    }
    log_phases(&f, run, tables, report);
    fus_outfile_printf(&f, "wall_s\t%.3f\npeak_memory_kb\t%ld\n", fus_run_now() - run->started, fus_base_peak_kb());
    return fus_outfile_commit(&f, err);
}

int fus_run_write_all(struct fus_run *run, const struct fus_run_summary *summary, struct fus_error *err)
{
    double start = fus_run_now();
    int code = write_tables(run, summary, err);
    double written = fus_run_now();
    if (!code)
        code = fus_redraw(run->out, err); /* from these files */
    double drawn = fus_run_now();
    return code ? code : write_log(run, summary, written - start, drawn - written, err);
}

const struct fus_layer_summary *fus_run_last_place_layer(const struct fus_model_summary *m)
{
    for (int i = m->n_layers - 1; i >= 0; i--)
        if (m->layers[i].height * m->layers[i].width > 1)
            return &m->layers[i];
    return m->n_layers ? &m->layers[m->n_layers - 1] : NULL;
}

static void free_layers(struct fus_run_model *m)
{
    for (int i = 0; m->layers && i < m->n_layers; i++) {
        fus_bootstrap_destroy(&m->layers[i].bootstrap);
        fus_base_free(m->layers[i].permuted);
        fus_base_free(m->layers[i].sweep);
        fus_base_free(m->layers[i].rdm);
        fus_base_free(m->layers[i].picture_rdm);
        fus_base_free(m->layers[i].profile);
        fus_base_free(m->layers[i].top);
    }
    fus_base_free(m->layers);
    fus_base_free(m->taps);
    fus_base_free(m->notes);
    close_model(&m->open);
}

void fus_run_free(struct fus_run *run, struct fus_run_summary *summary)
{
    for (int i = 0; i < summary->n_models; i++) {
        struct fus_model_summary *m = &summary->models[i];
        for (int j = 0; j < m->n_layers; j++)
            fus_select_free(&m->layers[j]);
        fus_base_free(m->layers);
        fus_base_free(m->name);
        fus_base_free(m->source);
        fus_base_free(m->architecture);
        fus_base_free(m->preprocess);
    }
    for (int i = 0; i < run->n_models; i++)
        free_layers(&run->models[i]);
    fus_base_free(summary->models);
    fus_base_free(summary->n_pictures);
    fus_base_free(summary->stimuli);
    fus_base_free(run->models);
    for (int i = 0; i < run->n_options; i++)
        fus_base_free(run->options[i]);
    fus_base_free(run->options);
    fus_base_free(run->picture_sha256);
    fus_base_free(run->pixel_stats);
    fus_base_free(run->pixels);
    fus_cache_free(run->cache);
    fus_run_sheet_free(run);
    fus_parts_free(&run->parts);
    fus_set_close(&run->set);
}
