/* fusiform lesion: are the selective units needed? They are silenced, and so are as many others. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "analysis/csv.h"
#include "analysis/inference.h"
#include "args.h"
#include "commands.h"
#include "lesion.h"
#include "nn/team.h"
#include "past.h"
#include "pictures.h"
#include "run.h"

static const char help[] =
    "usage: fusiform lesion --model FILE --run DIR --category C --layer L [--mode zero|mean] [options]\n\n"
    "Silences the units of layer L that the finished run DIR found selective for category C and prints, for every category, how well the\n"
    "pictures are told from the final features: of the intact network, with these units silenced, and with equally many others silenced,\n"
    "at random and matched in mean activation. Read-outs are fitted to the intact network over one half of the pictures and read out in\n"
    "the other half, both ways round. p: share of controls that do as badly, (b + 1) / (m + 1).\n\n"
    "  --stimuli S          the pictures of the run (default builtin); others are refused\n"
    "  --categories MAP     as in the run\n"
    "  --skip-bad           leave out pictures that cannot be read, where the run did\n"
    "  --mode zero|mean     silenced units are 0 (default), or their mean over all pictures\n"
    "  --readout R          mean: nearest class mean (default); ridge: regression on the categories, penalty by generalised\n"
    "                       cross-validation in the half it is fitted to; both: a row of each\n"
    "  --controls M         sets of control units of each kind (default 50)\n"
    "  --seed N             of the choice of controls (default 1)\n"
    "  --batch N            pictures at a time (default 4)\n"
    "  --lang-head PREFIX   name of the language head where it is not lang_head\n"
    "  -o OUT.csv           instead of standard output\n\n"
    "example: fusiform lesion --model resnet50.pth --run out/mine --stimuli fLoc/ --category face --layer layer4.2.relu\n";

struct lesion {
    const char *model_path, *folder, *category, *layer, *mode, *stimuli, *categories, *lang_head, *out, *readout;
    int controls, batch, wanted_category;
    bool skip_bad;
    uint64_t seed;
    struct fus_past past;
    struct fus_set set;
    char (*sha256)[65];
    struct fus_model model;
    int tap, feature_tap;
    size_t n_places, n_units, blocked_units, n_features;
    float *label;              /* [n_units] */
    double *mean;              /* [n_units] over all pictures */
    struct fus_lesion_sets sets;
    float *input, *kept, *cut; /* [batch, ...]: pictures; the layer's output as it is, and with silenced units */
    float *features;           /* [n_sets + 1, n_pictures, n_features] */
    bool *wanted;              /* [n_taps] */
    int first;                 /* picture number of the batch's first one */
    size_t condition;          /* being shown */
};

/* ---- what to silence ---- */

/* The run's name for the model with these weights; NULL: none, and err says so. */
static const char *find_name(const struct lesion *l, struct fus_error *err)
{
    char sha256[65];
    int code = fus_store_sha256(l->model.store, sha256, err);
    for (int i = 0; i < l->past.n_models && !code; i++)
        if (l->past.models[i].sha256 && l->past.models[i].name && strcmp(l->past.models[i].sha256, sha256) == 0)
            return l->past.models[i].name;
    if (!code)
        fus_base_fail(err, FUS_ENOTFOUND, "%s: no model of this run has the weights of %s", l->folder, l->model_path);
    return NULL;
}

static int read_labels(struct lesion *l, struct fus_error *err)
{
    const struct fus_tap *tap = fus_net_tap(l->model.net, l->tap);
    const char *name = find_name(l, err);
    if (!name)
        return FUS_ENOTFOUND;
    l->label = fus_base_alloc(l->n_units, sizeof *l->label);
    return l->label ? fus_past_labels(l->label, &l->past, name, tap->name, tap->channels, tap->height, tap->width, err)
                    : fus_base_fail(err, FUS_ENOMEM, "no memory for %zu labels", l->n_units);
}

static int open_all(struct lesion *l, struct fus_error *err)
{
    struct fus_net_options options = {.batch = l->batch};
    int code = fus_past_open(&l->past, l->folder, false, err);
    if (!code)
        code = fus_set_open(&l->set, l->stimuli, l->categories, err);
    if (!code)
        fus_pictures_tell_left_out(&l->set, l->stimuli);
    if (!code && l->skip_bad)
        code = fus_pictures_skip(&l->set, l->stimuli, err);
    if (!code && !(l->sha256 = fus_base_alloc((size_t)l->set.n_pictures, sizeof *l->sha256)))
        code = fus_base_fail(err, FUS_ENOMEM, "no memory for %d pictures", l->set.n_pictures);
    if (!code)
        code = fus_set_check(&l->set, l->sha256, NULL, NULL, err);
    if (!code)
        code = fus_past_shows(&l->past, &l->set, (const char (*)[65])l->sha256, err);
    for (l->wanted_category = 0; !code && l->wanted_category < l->set.n_categories; l->wanted_category++)
        if (strcmp(l->set.categories[l->wanted_category], l->category) == 0)
            break;
    if (!code && l->wanted_category == l->set.n_categories)
        code = fus_base_fail(err, FUS_ENOTFOUND, "%s: no category is called '%s'", l->folder, l->category);
    if (!code)
        code = fus_model_open(&l->model, l->model_path, l->lang_head, &options, err);
    return code;
}

/* The layer, the features behind it, and memory for everything. */
static int plan(struct lesion *l, struct fus_error *err)
{
    struct fus_net *net = l->model.net;
    l->tap = fus_net_find_tap(net, l->layer, err);
    if (l->tap < 0)
        return fus_base_blame(err, "%s: ", l->model_path);
    l->feature_tap = fus_net_embedding_tap(net);
    if (l->feature_tap < l->tap)
        return fus_base_fail(err, FUS_EINVAL, "%s: layer %s comes after the final features (%s): silencing it changes nothing there", l->model_path,
                             l->layer, l->feature_tap < 0 ? "none" : fus_net_tap(net, l->feature_tap)->name);
    const struct fus_tap *t = fus_net_tap(net, l->tap), *f = fus_net_tap(net, l->feature_tap);
    size_t batch = (size_t)l->batch;
    l->n_places = (size_t)t->height * (size_t)t->width;
    l->n_units = (size_t)t->channels * l->n_places;
    l->blocked_units = fus_tensor_blocked_size(t->channels, l->n_places);
    l->n_features = (size_t)f->channels * (size_t)f->height * (size_t)f->width;
    l->mean = fus_base_alloc(l->blocked_units, sizeof *l->mean);
    l->input = fus_base_aligned(batch * l->model.input_floats, sizeof *l->input);
    l->kept = fus_base_aligned(batch * l->blocked_units, sizeof *l->kept);
    l->cut = fus_base_aligned(batch * l->blocked_units, sizeof *l->cut);
    l->wanted = fus_base_alloc((size_t)fus_net_n_taps(net), sizeof *l->wanted);
    return l->mean && l->input && l->kept && l->cut && l->wanted ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "no memory for layer %s", l->layer);
}

/* ---- the pictures ---- */

static int prepare(void *context, int i, struct fus_error *err)
{
    const struct lesion *l = context;
    struct fus_image image = {0};
    int code = fus_set_picture(&image, &l->set, i, err);
    if (code)
        return code;
    code = fus_preprocess_apply(l->input + (size_t)(i - l->first) * l->model.input_floats, &l->model.preprocess, &image, err);
    if (code)
        fus_base_blame(err, "%s: ", l->set.pictures[i].path);
    fus_image_free(&image);
    return code;
}

struct showing {
    struct lesion *l;
    int n, code;
    int (*show)(struct lesion *l, int n, struct fus_error *err);
    struct fus_error *err;
};

static void show_batch(void *context)
{
    struct showing *s = context;
    s->code = s->show(s->l, s->n, s->err);
}

/* show(l, n) for every batch, decoded into l->input; one team of threads for all that happens to a batch. */
static int each_batch(struct lesion *l, const char *what, int (*show)(struct lesion *l, int n, struct fus_error *err), struct fus_error *err)
{
    int code = FUS_OK;
    double started = fus_run_now();
    for (l->first = 0; l->first < l->set.n_pictures && !code; l->first += l->batch) {
        int n = l->set.n_pictures - l->first < l->batch ? l->set.n_pictures - l->first : l->batch;
        code = fus_set_each(l->first, l->first + n, prepare, l, err);
        if (!code) {
            struct showing s = {l, n, FUS_OK, show, err};
            fus_team_run(show_batch, &s);
            code = s.code;
        }
        fus_run_progress(what, "pictures", l->first + n, l->set.n_pictures, started);
    }
    return code;
}

static size_t blocked_index(const struct lesion *l, size_t unit)
{
    size_t channel = unit / l->n_places, place = unit % l->n_places;
    return (channel / 16 * l->n_places + place) * 16 + channel % 16;
}

static void silence(float *blocked, const struct lesion *l, size_t set, int n)
{
    bool zero = strcmp(l->mode, "zero") == 0;
    for (size_t i = 0; i < l->sets.n_chosen; i++) {
        size_t unit = l->sets.units[set * l->sets.n_chosen + i], at = blocked_index(l, unit);
        for (int p = 0; p < n; p++)
            blocked[(size_t)p * l->blocked_units + at] = zero ? 0 : (float)l->mean[unit];
    }
}

/* During the first forward pass: sums for the means. */
static int add_sums(void *context, int tap, int picture, const float *blocked)
{
    struct lesion *l = context;
    (void)tap, (void)picture;
    for (size_t i = 0; i < l->n_units; i++)
        l->mean[i] += blocked[blocked_index(l, i)];
    return FUS_OK;
}

static int show_for_means(struct lesion *l, int n, struct fus_error *err)
{
    return fus_net_forward(l->model.net, l->input, n, l->wanted, add_sums, l, err);
}

static int keep_features(void *context, int tap, int picture, const float *blocked)
{
    struct lesion *l = context;
    if (tap != l->feature_tap)
        return FUS_OK;
    const struct fus_tap *f = fus_net_tap(l->model.net, tap);
    size_t row = l->condition * (size_t)l->set.n_pictures + (size_t)(l->first + picture);
    fus_tensor_unblock(l->features + row * l->n_features, blocked, f->channels, (size_t)f->height * (size_t)f->width);
    return FUS_OK;
}

/* Where the whole network must run again for each condition, its layer is changed on the way. */
static int change(void *context, int tap, int first, int n, float *blocked)
{
    struct lesion *l = context;
    if (tap == l->tap && l->condition == 0)
        memcpy(l->kept + (size_t)first * l->blocked_units, blocked, (size_t)n * l->blocked_units * sizeof *blocked);
    if (tap == l->tap && l->condition > 0)
        silence(blocked, l, l->condition - 1, n);
    return FUS_OK;
}

static int show_conditions(struct lesion *l, int n, struct fus_error *err)
{
    int code = FUS_OK;
    bool continues = fus_net_can_continue(l->model.net, l->tap);
    for (l->condition = 0; l->condition <= l->sets.n_sets && !code; l->condition++) {
        if (l->condition == 0 || !continues) {
            code = fus_net_forward(l->model.net, l->input, n, l->wanted, keep_features, l, err);
            continue;
        }
        size_t bytes = (size_t)n * l->blocked_units * sizeof *l->cut;
        fus_net_watch(l->model.net, NULL, NULL);
        memcpy(l->cut, l->kept, bytes);
        silence(l->cut, l, l->condition - 1, n);
        code = fus_net_continue(l->model.net, l->tap, l->cut, n, l->wanted, keep_features, l, err);
        fus_net_watch(l->model.net, change, l);
    }
    return code;
}

static int measure(struct lesion *l, struct fus_error *err)
{
    l->wanted[l->tap] = true;
    int code = each_batch(l, "mean activation", show_for_means, err);
    for (size_t i = 0; i < l->n_units; i++)
        l->mean[i] /= l->set.n_pictures;
    if (!code)
        code = fus_lesion_choose(&l->sets, l->label, l->mean, l->n_units, l->wanted_category, (size_t)l->controls, l->seed, err);
    if (code)
        return fus_base_blame(err, "%s, %s: ", l->folder, l->layer);
    size_t rows = (l->sets.n_sets + 1) * (size_t)l->set.n_pictures;
    l->features = fus_base_aligned(rows * l->n_features, sizeof *l->features);
    if (!l->features)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for the features of %zu lesions: fewer --controls need less", l->sets.n_sets);
    l->wanted[l->feature_tap] = true;
    fus_net_watch(l->model.net, change, l);
    return each_batch(l, "lesions", show_conditions, err);
}

/* ---- the table ---- */

/* Mean, quantiles 0.025 and 0.975, and p of the lesion among n controls; values [n] is sorted. */
static void control_columns(struct fus_outfile *f, double lesion, double *values, size_t n)
{
    double sum = 0, as_low = 0;
    for (size_t i = 0; i < n; i++) {
        sum += values[i];
        as_low += values[i] <= lesion;
    }
    fus_order_sort(values, n);
    const double row[] = {sum / (double)n, fus_order_quantile(values, n, 0.025), fus_order_quantile(values, n, 0.975),
                          (as_low + 1) / ((double)n + 1)};
    for (int i = 0; i < 4; i++)
        fus_csv_number(f, row[i]);
}

/* accuracy and feature_mean: [n_sets + 1, n_categories]. column [controls] is scratch. */
static void write_rows(struct fus_outfile *f, const struct lesion *l, const char *readout, const double *accuracy, const double *feature_mean,
                       double *column)
{
    size_t n = (size_t)l->set.n_categories, m = (size_t)l->controls;
    for (size_t c = 0; c < n; c++) {
        size_t pictures = 0;
        double sums[2] = {0};
        for (int i = 0; i < l->set.n_pictures; i++)
            pictures += l->set.pictures[i].category == (int)c;
        fus_csv_name(f, "", l->layer);
        fus_csv_name(f, ",", l->category);
        fus_csv_count(f, l->sets.n_chosen);
        fus_csv_name(f, ",", l->mode);
        fus_csv_name(f, ",", l->set.categories[c]);
        fus_csv_count(f, pictures);
        fus_csv_number(f, accuracy[c]);
        fus_csv_number(f, accuracy[n + c]);
        for (size_t kind = 0; kind < 2; kind++) {
            for (size_t i = 0; i < m; i++) {
                column[i] = accuracy[(2 + kind * m + i) * n + c];
                sums[kind] += feature_mean[(2 + kind * m + i) * n + c];
            }
            control_columns(f, accuracy[n + c], column, m);
        }
        const double features[] = {feature_mean[c], feature_mean[n + c], sums[0] / (double)m, sums[1] / (double)m};
        for (int i = 0; i < 4; i++)
            fus_csv_number(f, features[i]);
        fus_csv_name(f, ",", readout);
        fus_outfile_printf(f, "\n");
    }
}

/* One read-out's rows; accuracy and column are scratch. */
static int read_by(struct fus_outfile *f, const struct lesion *l, bool ridge, double *accuracy, const double *feature_mean, double *column,
                   struct fus_error *err)
{
    const struct fus_lesion_readout r = {l->features, &l->set, l->n_features};
    struct fus_readout fits[2];
    int code = fus_lesion_fit(fits, &r, ridge, err);
    for (size_t k = 0; k <= l->sets.n_sets && !code; k++)
        fus_lesion_read(accuracy + k * (size_t)l->set.n_categories, fits, &r, k);
    if (!code)
        write_rows(f, l, ridge ? "ridge" : "mean", accuracy, feature_mean, column);
    fus_readout_destroy(&fits[0]);
    fus_readout_destroy(&fits[1]);
    return code;
}

static int read_out(struct lesion *l, struct fus_error *err)
{
    const struct fus_lesion_readout r = {l->features, &l->set, l->n_features};
    size_t n = (size_t)l->set.n_categories, conditions = l->sets.n_sets + 1;
    struct fus_outfile f = {.file = stdout};
    double *accuracy = fus_base_alloc(conditions, 2 * n * sizeof *accuracy), *column = fus_base_alloc((size_t)l->controls, sizeof *column);
    double *feature_mean = accuracy + conditions * n;
    int code = accuracy && column ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "no memory for the table");
    for (size_t k = 0; k < conditions && !code; k++)
        fus_lesion_means(feature_mean + k * n, &r, k);
    if (!code && l->out)
        code = fus_outfile_open(&f, l->out, err);
    bool opened = !code && l->out;
    if (!code)
        fus_outfile_printf(&f, "layer,silenced,n_silenced,mode,category,n_pictures,accuracy_intact,accuracy_lesion,accuracy_random,random_low,"
                               "random_high,p_random,accuracy_matched,matched_low,matched_high,p_matched,feature_intact,feature_lesion,"
                               "feature_random,feature_matched,readout\n");
    for (int ridge = 0; ridge < 2 && !code; ridge++)
        if (strcmp(l->readout, "both") == 0 || ridge == (strcmp(l->readout, "ridge") == 0))
            code = read_by(&f, l, ridge, accuracy, feature_mean, column, err);
    if (!code && opened)
        code = fus_outfile_commit(&f, err);
    else if (opened)
        fus_outfile_discard(&f);
    fus_base_free(accuracy);
    fus_base_free(column);
    return code;
}

static void close_all(struct lesion *l)
{
    fus_lesion_free(&l->sets);
    fus_base_free(l->label);
    fus_base_free(l->mean);
    fus_base_free(l->input);
    fus_base_free(l->kept);
    fus_base_free(l->cut);
    fus_base_free(l->wanted);
    fus_base_free(l->features);
    fus_base_free(l->sha256);
    fus_model_close(&l->model);
    fus_set_close(&l->set);
    fus_past_close(&l->past);
}

int fus_cmd_lesion(int argc, char **argv)
{
    struct lesion l = {.mode = "zero", .stimuli = "builtin", .readout = "mean", .controls = 50, .batch = 4, .seed = 1};
    const struct fus_arg args[] = {
        {"--model", FUS_ARG_TEXT, &l.model_path}, {"--run", FUS_ARG_TEXT, &l.folder},       {"--category", FUS_ARG_TEXT, &l.category},
        {"--layer", FUS_ARG_TEXT, &l.layer},      {"--mode", FUS_ARG_TEXT, &l.mode},        {"--stimuli", FUS_ARG_TEXT, &l.stimuli},
        {"--categories", FUS_ARG_TEXT, &l.categories}, {"--controls", FUS_ARG_COUNT, &l.controls}, {"--seed", FUS_ARG_SEED, &l.seed},
        {"--readout", FUS_ARG_TEXT, &l.readout},  {"--skip-bad", FUS_ARG_FLAG, &l.skip_bad},
        {"--batch", FUS_ARG_COUNT, &l.batch},     {"--lang-head", FUS_ARG_TEXT, &l.lang_head}, {"-o", FUS_ARG_TEXT, &l.out},
        {0}};
    struct fus_texts none;
    struct fus_error err = {0};
    int status = fus_args_parse("lesion", help, args, &none, argc, argv);
    if (status)
        return status < 0 ? 0 : status;
    if (!l.model_path || !l.folder || !l.category || !l.layer || none.n)
        return fus_args_usage("lesion", "--model FILE, --run DIR, --category C and --layer L expected, and nothing else");
    if (strcmp(l.mode, "zero") != 0 && strcmp(l.mode, "mean") != 0)
        return fus_args_usage("lesion", "--mode: '%s' found, zero or mean expected", l.mode);
    if (strcmp(l.readout, "mean") != 0 && strcmp(l.readout, "ridge") != 0 && strcmp(l.readout, "both") != 0)
        return fus_args_usage("lesion", "--readout: '%s' found, mean, ridge or both expected", l.readout);
    if (l.categories && fus_set_parse_categories(l.categories, &err))
        return fus_args_usage("lesion", "--%s", err.msg);
    if (l.batch > 256)
        return fus_args_usage("lesion", "--batch: %d found, at most 256 expected", l.batch);
    fus_model_catch_interrupt();
    int code = open_all(&l, &err);
    if (!code)
        code = plan(&l, &err);
    if (!code)
        code = read_labels(&l, &err);
    if (!code)
        code = measure(&l, &err);
    if (!code)
        code = read_out(&l, &err);
    close_all(&l);
    return code ? fus_args_failed(&err) : 0;
}
