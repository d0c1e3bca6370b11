/* fusiform lesion: are the selective units needed? They are silenced, and so are as many others. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "analysis/inference.h"
#include "analysis/localizer/lesion.h"
#include "analysis/localizer/pictures.h"
#include "analysis/run/run_read.h"
#include "nn/base/number.h"
#include "nn/base/threads.h"
#include "tools/args.h"
#include "tools/commands.h"
#include "tools/interrupt.h"
#include "tools/model_args.h"
#include "tools/progress.h"

static const char help[] =
    "usage: fusiform lesion --model FILE --run DIR --category C --layer L [--mode zero|mean] [options]\n\n"
    "Silences the units of layer L that the finished run DIR found selective for category C and prints, for every "
    "category, how well the\n"
    "pictures are told from the final features: of the intact network, with these units silenced, and with equally "
    "many others silenced,\n"
    "at random and matched in mean activation. Read-outs are fitted to the intact network over one half of the "
    "pictures and read out in\n"
    "the other half, both ways round. p: share of controls that do as badly, (b + 1) / (m + 1).\n\n"
    "  --stimuli S          the pictures of the run (default builtin); others are refused\n"
    "  --categories MAP     as in the run\n"
    "  --skip-bad           leave out pictures that cannot be read, where the run did\n"
    "  --mode zero|mean     silenced units are 0 (default), or their mean over all pictures\n"
    "  --readout R          mean: nearest class mean (default); ridge: regression on the categories, penalty by "
    "generalised\n"
    "                       cross-validation in the half it is fitted to; both: a row of each\n"
    "  --controls M         sets of control units of each kind (default 50)\n"
    "  --seed N             of the choice of controls (default 1)\n"
    "  --batch N            pictures at a time (default 4)\n"
    "  --lang-head PREFIX   name of the language head where it is not lang_head\n"
    "  --prefix P, --preprocess P  as in the run\n"
    "  -o OUT.csv           instead of standard output; then what it says in words goes there, and not to standard "
    "error\n\n"
    "example: fusiform lesion --model resnet50.pth --run out/mine --stimuli fLoc/ --category face --layer "
    "layer4.2.relu\n";

#define CACHE_BYTES ((size_t)64 << 20)

enum { SILENCE_ZERO, SILENCE_MEAN };
static const struct fus_word modes[] = {{"zero", SILENCE_ZERO}, {"mean", SILENCE_MEAN}, {0}};

enum { READ_MEAN, READ_RIDGE, READ_BOTH };
static const struct fus_word readouts[] = {{"mean", READ_MEAN}, {"ridge", READ_RIDGE}, {"both", READ_BOTH}, {0}};

struct lesion {
    const char *model_path, *folder, *category, *layer, *stimuli, *categories, *out;
    struct fus_model_choice choice;
    struct fus_choice mode, readout;
    int controls, batch, wanted_category;
    bool skip_bad;
    uint64_t seed;
    struct fus_run_read past;
    struct fus_set set;
    char (*sha256)[65];
    struct fus_cache *cache;
    struct fus_model model;
    int tap, feature_tap;
    size_t n_places, n_units, blocked_units, n_features;
    float *label; /* [n_units] */
    double *mean; /* [n_units] over all pictures */
    struct fus_lesion_sets sets;
    float *input, *kept, *cut; /* [batch, ...]: pictures; the layer's output as it is, and with silenced units */
    float *features;           /* [n_sets + 1, n_pictures, n_features] */
    bool *wanted;              /* [n_taps] */
    int first;                 /* picture number of the batch's first one */
    size_t condition;          /* being shown */
};

/* ---- what to silence ---- */

static bool same_text(const char *a, const char *b)
{
    return strcmp(a ? a : "", b ? b : "") == 0;
}

/* The run's name for the model with these weights; NULL: none, and err says so. */
static const char *find_name(const struct lesion *l, struct fus_error *err)
{
    char sha256[65];
    const struct fus_run_read_model *like = NULL;
    int code = fus_store_sha256(l->model.store, sha256, err);
    if (code)
        return NULL;
    for (int i = 0; i < l->past.n_models; i++) {
        const struct fus_run_read_model *m = &l->past.models[i];
        if (!m->sha256 || !m->name || strcmp(m->sha256, sha256) != 0)
            continue;
        like = m;
        if (same_text(m->prefix, l->choice.prefix) && same_text(m->preprocess, l->model.preprocess_text))
            return m->name;
    }
    if (!like)
        fus_base_fail(err, FUS_ENOTFOUND, "%s: no model of this run has the weights of %s", l->folder, l->model_path);
    else
        fus_base_fail(err, FUS_EINVAL, "%s: this run took %s with --preprocess %s%s%s; give the same", l->folder,
                      l->model_path, like->preprocess, like->prefix ? " --prefix " : " and without --prefix",
                      like->prefix ? like->prefix : "");
    return NULL;
}

static int fail_empty(const struct lesion *l, struct fus_error *err)
{
    return fus_base_fail(err, FUS_ENOTFOUND, "%s, %s: no unit of this layer is selective for %s: nothing to silence",
                         l->folder, l->layer, l->category);
}

static int read_labels(struct lesion *l, struct fus_error *err)
{
    const struct fus_tap *tap = fus_net_tap(l->model.net, l->tap);
    const char *name = find_name(l, err);
    if (!name)
        return FUS_ENOTFOUND;
    l->label = fus_base_alloc(l->n_units, sizeof *l->label);
    if (!l->label)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for %zu labels", l->n_units);
    int code = fus_run_read_labels(l->label, &l->past, name, tap->name, tap->channels, tap->height, tap->width, err);
    for (size_t u = 0; u < l->n_units && !code; u++)
        if (l->label[u] == (float)l->wanted_category)
            return FUS_OK;
    return code ? code : fail_empty(l, err);
}

/* The category, and whether its rows in layers.csv leave anything to silence: nothing but the
 * finished run has been read yet. */
static int open_run(struct lesion *l, struct fus_error *err)
{
    size_t n_selective = 0;
    int n_rows = 0, code = fus_run_read_open(&l->past, l->folder, true, err);
    if (code)
        return code;
    while (l->wanted_category < l->past.n_categories &&
           strcmp(l->past.categories[l->wanted_category], l->category) != 0)
        l->wanted_category++;
    if (l->wanted_category == l->past.n_categories)
        return fus_base_fail(err, FUS_ENOTFOUND, "%s: no category is called '%s'", l->folder, l->category);
    for (int i = 0; i < l->past.n_rows; i++) {
        const struct fus_run_read_row *row = &l->past.rows[i];
        if (strcmp(row->layer.name, l->layer) == 0 && strcmp(row->category, l->category) == 0) {
            n_rows++;
            n_selective += row->numbers.n_selective;
        }
    }
    return n_rows && n_selective == 0 ? fail_empty(l, err) : FUS_OK;
}

/* The scrambled category of a run with --scrambled auto, made again from its seed. */
static int add_scrambled(struct lesion *l, struct fus_error *err)
{
    const char *text = fus_run_read_option(&l->past, "seed");
    uint64_t seed = 1;
    for (int c = 0; c < l->past.n_categories; c++)
        if (strcmp(l->past.categories[c], "scrambled") == 0 && text && fus_number_whole(&seed, text, NULL))
            return fus_set_scrambled_add(&l->set, seed, err); /* nothing where the set has one */
    return FUS_OK;
}

/* The pictures, which must be the run's. Those that find room in the cache are decoded once. */
static int open_pictures(struct lesion *l, struct fus_error *err)
{
    int code = fus_set_open(&l->set, l->stimuli, l->categories, err);
    if (!code)
        fus_pictures_tell_left_out(&l->set, l->stimuli, &fus_progress_notes);
    if (!code && l->skip_bad)
        code = fus_pictures_skip(&l->set, l->stimuli, &fus_progress_notes, err);
    if (!code)
        code = add_scrambled(l, err);
    if (!code && !(l->sha256 = fus_base_alloc((size_t)l->set.n_pictures, sizeof *l->sha256)))
        code = fus_base_fail(err, FUS_ENOMEM, "no memory for %d pictures", l->set.n_pictures);
    if (!code)
        code = fus_cache_create(&l->cache, l->set.n_pictures, CACHE_BYTES, err);
    if (!code)
        code = fus_cache_want(l->cache, &l->model.preprocess, err);
    if (!code)
        code = fus_set_check(&l->set, l->sha256, NULL, l->cache, err);
    return code ? code : fus_run_read_shows(&l->past, &l->set, (const char(*)[65])l->sha256, err);
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
        return fus_base_fail(
            err, FUS_EINVAL, "%s: layer %s comes after the final features (%s): silencing it changes nothing there",
            l->model_path, l->layer, l->feature_tap < 0 ? "none" : fus_net_tap(net, l->feature_tap)->name);
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
    return l->mean && l->input && l->kept && l->cut && l->wanted
               ? FUS_OK
               : fus_base_fail(err, FUS_ENOMEM, "no memory for layer %s", l->layer);
}

/* ---- the pictures ---- */

static int prepare(void *context, int i, struct fus_error *err)
{
    const struct lesion *l = context;
    return fus_cache_input(l->input + (size_t)(i - l->first) * l->model.input_floats, l->cache, &l->set, i,
                           &l->model.preprocess, (const char(*)[65])l->sha256, err);
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

/* show(l, n) for every batch, decoded into l->input; one team of threads for all that
 * happens to a batch. */
static int each_batch(struct lesion *l, const char *what, int (*show)(struct lesion *l, int n, struct fus_error *err),
                      struct fus_error *err)
{
    int code = FUS_OK;
    double started = fus_progress_now();
    for (l->first = 0; l->first < l->set.n_pictures && !code; l->first += l->batch) {
        int n = l->set.n_pictures - l->first < l->batch ? l->set.n_pictures - l->first : l->batch;
        code = fus_set_each(l->first, l->first + n, prepare, l, err);
        if (!code) {
            struct showing s = {l, n, FUS_OK, show, err};
            fus_threads_run(show_batch, &s);
            code = s.code;
        }
        fus_progress_show(what, "pictures", l->first + n, l->set.n_pictures, started);
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
    bool zero = l->mode.value == SILENCE_ZERO;
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

/* Every response of the layer, and every feature of every condition, is a number. */
static int check_finite(const struct lesion *l, struct fus_error *err)
{
    size_t rows = (l->sets.n_sets + 1) * (size_t)l->set.n_pictures;
    for (size_t i = 0; i < l->n_units; i++)
        if (!isfinite(l->mean[i]))
            return fus_base_fail(
                err, FUS_EFORMAT,
                "%s: layer %s answers with NaN or infinity in channel %zu: its weights are too large, or damaged",
                l->model_path, l->layer, i / l->n_places);
    int code = FUS_OK;
    for (size_t i = 0; l->features && i < rows && !code; i++)
        code = fus_model_check_tap(&l->model, l->feature_tap, l->features + i * l->n_features,
                                   l->set.pictures[i % (size_t)l->set.n_pictures].path, err);
    return code;
}

static int measure(struct lesion *l, struct fus_error *err)
{
    l->wanted[l->tap] = true;
    int code = each_batch(l, "mean activation", show_for_means, err);
    for (size_t i = 0; i < l->n_units; i++)
        l->mean[i] /= l->set.n_pictures;
    if (!code)
        code = check_finite(l, err);
    if (code)
        return code;
    code = fus_lesion_choose(&l->sets, l->label, l->mean, l->n_units, l->wanted_category, (size_t)l->controls, l->seed,
                             err);
    if (code)
        return fus_base_blame(err, "%s, %s: ", l->folder, l->layer);
    size_t rows = (l->sets.n_sets + 1) * (size_t)l->set.n_pictures;
    l->features = fus_base_aligned(rows * l->n_features, sizeof *l->features);
    if (!l->features)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for the features of %zu lesions: fewer --controls need less",
                             l->sets.n_sets);
    l->wanted[l->feature_tap] = true;
    fus_net_watch(l->model.net, change, l);
    code = each_batch(l, "lesions", show_conditions, err);
    return code ? code : check_finite(l, err);
}

/* ---- what is printed ---- */

/* One read-out's rows, to the file and for people; rows [n_categories] and accuracy
 * [n_sets + 1, n_categories] are scratch. */
static int read_by(struct fus_outfile *f, FILE *people, const struct lesion *l, bool ridge, struct fus_lesion_row *rows,
                   double *accuracy, const double *feature_mean, struct fus_error *err)
{
    const struct fus_lesion_readout r = {l->features, &l->set, l->n_features};
    const struct fus_lesion_table table = {.layer = l->layer,
                                           .silenced = l->category,
                                           .mode = modes[l->mode.value].word,
                                           .readout = readouts[ridge ? READ_RIDGE : READ_MEAN].word,
                                           .n_silenced = l->sets.n_chosen,
                                           .n_units = l->n_units,
                                           .n_controls = (size_t)l->controls,
                                           .set = &l->set,
                                           .rows = rows};
    struct fus_readout fits[2];
    int code = fus_lesion_fit(fits, &r, ridge, err);
    for (size_t k = 0; k <= l->sets.n_sets && !code; k++)
        fus_lesion_read(accuracy + k * (size_t)l->set.n_categories, fits, &r, k);
    if (!code)
        code = fus_lesion_compare(rows, accuracy, feature_mean, (size_t)l->set.n_categories, (size_t)l->controls, err);
    if (!code) {
        fus_lesion_write(f, &table);
        fus_lesion_print(people, &table);
    }
    fus_readout_destroy(&fits[0]);
    fus_readout_destroy(&fits[1]);
    return code;
}

/* The table goes into a file and what people read to standard output; without a file, the table
 * does, and the rest to standard error. */
static int read_out(struct lesion *l, struct fus_error *err)
{
    const struct fus_lesion_readout r = {l->features, &l->set, l->n_features};
    size_t n = (size_t)l->set.n_categories, conditions = l->sets.n_sets + 1;
    struct fus_outfile f = {.file = stdout};
    struct fus_lesion_row *rows = fus_base_alloc(n, sizeof *rows);
    double *accuracy = fus_base_alloc(conditions, n * sizeof *accuracy),
           *feature_mean = fus_base_alloc(conditions, n * sizeof *feature_mean);
    int code = rows && accuracy && feature_mean ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "no memory for the table");
    for (size_t k = 0; k < conditions && !code; k++)
        fus_lesion_means(feature_mean + k * n, &r, k);
    if (!code && l->out)
        code = fus_outfile_open(&f, l->out, err);
    bool opened = !code && l->out;
    if (!code)
        fus_lesion_write_header(&f);
    for (int ridge = 0; ridge < 2 && !code; ridge++)
        if (l->readout.value == READ_BOTH || ridge == (l->readout.value == READ_RIDGE))
            code = read_by(&f, l->out ? stdout : stderr, l, ridge, rows, accuracy, feature_mean, err);
    if (!code && opened)
        code = fus_outfile_commit(&f, err);
    else if (opened)
        fus_outfile_discard(&f);
    fus_base_free(rows);
    fus_base_free(accuracy);
    fus_base_free(feature_mean);
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
    fus_cache_free(l->cache);
    fus_model_close(&l->model);
    fus_set_close(&l->set);
    fus_run_read_close(&l->past);
}

int fus_cmd_lesion(int argc, char **argv)
{
    struct lesion l = {.mode = {modes, SILENCE_ZERO},
                       .stimuli = "builtin",
                       .readout = {readouts, READ_MEAN},
                       .controls = 50,
                       .batch = 4,
                       .seed = 1};
    const struct fus_arg args[] = {{"--model", FUS_ARG_TEXT, &l.model_path},
                                   {"--run", FUS_ARG_TEXT, &l.folder},
                                   {"--category", FUS_ARG_TEXT, &l.category},
                                   {"--layer", FUS_ARG_TEXT, &l.layer},
                                   {"--mode", FUS_ARG_CHOICE, &l.mode},
                                   {"--stimuli", FUS_ARG_TEXT, &l.stimuli},
                                   {"--categories", FUS_ARG_TEXT, &l.categories},
                                   {"--controls", FUS_ARG_COUNT, &l.controls},
                                   {"--seed", FUS_ARG_SEED, &l.seed},
                                   {"--readout", FUS_ARG_CHOICE, &l.readout},
                                   {"--skip-bad", FUS_ARG_FLAG, &l.skip_bad},
                                   {"--batch", FUS_ARG_COUNT, &l.batch},
                                   {"--lang-head", FUS_ARG_TEXT, &l.choice.lang_head},
                                   {"-o", FUS_ARG_TEXT, &l.out},
                                   {"--prefix", FUS_ARG_TEXT, &l.choice.prefix},
                                   {"--preprocess", FUS_ARG_TEXT, &l.choice.preprocess},
                                   {0}};
    struct fus_texts none;
    struct fus_error err = {0};
    int status = fus_args_parse("lesion", help, args, &none, argc, argv);
    if (status)
        return status < 0 ? 0 : status;
    if (!l.model_path || !l.folder || !l.category || !l.layer || none.n)
        return fus_args_usage("lesion",
                              "--model FILE, --run DIR, --category C and --layer L expected, and nothing else");
    if (l.categories && fus_set_parse_categories(l.categories, &err))
        return fus_args_usage("lesion", "--%s", err.msg);
    if (l.batch > 256)
        return fus_args_usage("lesion", "--batch: %d found, at most 256 expected", l.batch);
    status = fus_model_args_check("lesion", &l.choice);
    if (status)
        return status;
    fus_interrupt_catch();
    const struct fus_net_options options = {.batch = l.batch};
    int code = open_run(&l, &err);
    if (!code)
        code = fus_model_open(&l.model, l.model_path, &l.choice, &options, &err);
    if (!code)
        code = plan(&l, &err);
    if (!code)
        code = read_labels(&l, &err);
    if (!code)
        code = open_pictures(&l, &err);
    if (!code)
        code = measure(&l, &err);
    if (!code)
        code = read_out(&l, &err);
    if (!code)
        fus_progress_tell_model(&l.model);
    close_all(&l);
    return code ? fus_args_failed(&err) : 0;
}
