/* SPDX-License-Identifier: MIT */
/* fusiform lesion: are the selective units needed? They are silenced, and so are as many others. */
#include <stdio.h>
#include <string.h>

#include "analysis/inference.h"
#include "analysis/localizer/lesion_page.h"
#include "analysis/localizer/pictures.h"
#include "analysis/run/run_options.h"
#include "nn/base/number.h"
#include "tools/commands.h"
#include "tools/interrupt.h"
#include "tools/lesion_pass.h"
#include "tools/progress.h"

static const char help[] =
    "usage: fusiform lesion --model FILE --run DIR --category C --layer L [--mode zero|mean] [options]\n\n"
    "Silences the units of layer L that are selective for category C and prints, for every category, how well the "
    "pictures are told\n"
    "from the final features: of the intact network, with these units silenced, and with equally many others "
    "silenced, at random and\n"
    "matched in mean activation. Units are chosen, by the rule of the finished run DIR, and read-outs fitted to the "
    "intact network, in\n"
    "one half of the pictures; the other half is read, both ways round. Categories weigh equally. p: share of controls "
    "that do as badly,\n"
    "(b + 1) / (m + 1). interaction: the category's fall in accuracy minus the mean fall of the others.\n\n"
    "  --stimuli S          the pictures of the run (default builtin); others are refused\n"
    "  --categories MAP     as in the run\n"
    "  --skip-bad           leave out pictures that cannot be read, where the run did\n"
    "  --mode zero|mean     silenced units are 0 (default), or the mean of their means over the categories\n"
    "  --top K[,K...]       instead of the selective units the K with the largest t for C against every other "
    "category: a dose curve,\n"
    "                       with rows for each K\n"
    "  --readout R          mean: nearest class mean (default); ridge: regression on the categories, penalty by "
    "generalised\n"
    "                       cross-validation in the half it is fitted to; both: a row of each\n"
    "  --controls M         sets of control units of each kind (default 50)\n"
    "  --seed N             of the choice of controls (default 1)\n"
    "  --batch N            pictures at a time (default 4; of networks of short layers 64)\n"
    "  --prefix P, --preprocess P  as in the run\n"
    "  --lang-head PREFIX, --activation A, --precision fp32|bf16  (default: those of the run)\n"
    "  -o OUT.csv           instead of standard output; then what it says in words goes there, and not to standard "
    "error\n"
    "  --report PAGE.html   with -o: the table as a page, with figures\n\n"
    "example: fusiform lesion --model resnet50.pth --run out/mine --stimuli fLoc/ --category face --layer "
    "layer4.2.relu\n";

#define CACHE_BYTES ((size_t)64 << 20)

static const struct fus_word modes[] = {{"zero", FUS_LESION_PASS_ZERO}, {"mean", FUS_LESION_PASS_MEAN}, {0}};

enum { READ_MEAN, READ_RIDGE, READ_BOTH };
static const struct fus_word readouts[] = {{"mean", READ_MEAN}, {"ridge", READ_RIDGE}, {"both", READ_BOTH}, {0}};

/* ---- what to silence ---- */

static bool same_text(const char *a, const char *b)
{
    return strcmp(a ? a : "", b ? b : "") == 0;
}

/* The run's name for the model with these weights; NULL: none, and err says so. */
static const char *find_name(const struct fus_lesion_pass *l, struct fus_error *err)
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

static int fail_empty(const struct fus_lesion_pass *l, struct fus_error *err)
{
    return fus_base_fail(err, FUS_ENOTFOUND, "%s, %s: no unit of this layer is selective for %s: nothing to silence",
                         l->folder, l->layer, l->category);
}

/* The rule of the run, and what its models were opened with, unless options say otherwise. */
static int read_rule(struct fus_lesion_pass *l, struct fus_error *err)
{
    int code = fus_run_read_rule(&l->of_run, &l->past, err);
    l->rule.select = l->of_run.select;
    if (!l->choice.lang_head)
        l->choice.lang_head = l->of_run.lang_head;
    if (!l->choice.activation)
        l->choice.activation = l->of_run.activation;
    return code;
}

/* The category and the rule, and whether the rows in layers.csv leave anything to silence: nothing
 * but the finished run has been read yet. */
static int open_run(struct fus_lesion_pass *l, struct fus_error *err)
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
    return n_rows && n_selective == 0 && !l->n_doses ? fail_empty(l, err) : read_rule(l, err);
}

/* The scrambled category of a run with --scrambled auto, made again from its seed. */
static int add_scrambled(struct fus_lesion_pass *l, struct fus_error *err)
{
    for (int c = 0; c < l->past.n_categories; c++)
        if (strcmp(l->past.categories[c], "scrambled") == 0)
            return fus_set_scrambled_add(&l->set, l->of_run.seed, err); /* nothing if the set has one */
    return FUS_OK;
}

/* Units are chosen in each half by themselves. */
static int check_halves(const struct fus_set *set, struct fus_error *err)
{
    for (int half = 0; half < 2; half++)
        for (int c = 0; c < set->n_categories; c++) {
            int n = 0;
            for (int i = 0; i < set->n_pictures; i++)
                n += set->pictures[i].category == c && set->pictures[i].half == half;
            if (n < 2)
                return fus_base_fail(err, FUS_EINVAL,
                                     "lesion: category %s has %d picture%s in one half of them: 2 or more expected, "
                                     "since units are chosen in each half",
                                     set->categories[c], n, n == 1 ? "" : "s");
        }
    return FUS_OK;
}

/* The pictures, which must be the run's. Those that find room in the cache are decoded once. */
static int open_pictures(struct fus_lesion_pass *l, struct fus_error *err)
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
    if (!code)
        code = check_halves(&l->set, err);
    return code ? code : fus_run_read_shows(&l->past, &l->set, (const char(*)[65])l->sha256, err);
}

/* The layer, the features after it, and memory for everything. */
static int plan(struct fus_lesion_pass *l, struct fus_error *err)
{
    struct fus_net *net = l->model.net;
    l->tap = fus_net_find_tap(net, l->layer, err);
    if (l->tap < 0)
        return fus_base_blame(err, "%s: ", l->model_path);
    if (fus_net_tap(net, l->tap)->is_stream)
        return fus_base_fail(err, FUS_EINVAL,
                             "%s: layer %s is the stream between a transformer's blocks, where 0 is not silence and no "
                             "unit stands alone: take blocks.N.mlp",
                             l->model_path, l->layer);
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
    l->mean[0] = fus_base_alloc(l->n_units, sizeof *l->mean[0]);
    l->mean[1] = fus_base_alloc(l->n_units, sizeof *l->mean[1]);
    l->input = fus_base_aligned(batch * l->model.input_floats, sizeof *l->input);
    l->kept = fus_base_aligned(batch * l->blocked_units, sizeof *l->kept);
    l->cut = fus_base_aligned(batch * l->blocked_units, sizeof *l->cut);
    l->wanted = fus_base_alloc((size_t)fus_net_n_taps(net), sizeof *l->wanted);
    return l->mean[0] && l->mean[1] && l->input && l->kept && l->cut && l->wanted
               ? FUS_OK
               : fus_base_fail(err, FUS_ENOMEM, "no memory for layer %s", l->layer);
}

/* ---- output ---- */

/* One read-out's rows, to the file and for people; rows [n_categories] and accuracy
 * [n_sets + 1, n_categories] are scratch. */
static int read_by(struct fus_outfile *f, FILE *people, const struct fus_lesion_pass *l, bool ridge,
                   struct fus_lesion_row *rows, double *accuracy, const double *feature_mean, struct fus_error *err)
{
    const struct fus_lesion_readout r = {l->features, &l->set, l->n_features};
    const struct fus_lesion_table table = {.layer = l->layer,
                                           .silenced = l->category,
                                           .mode = modes[l->mode.value].word,
                                           .readout = readouts[ridge ? READ_RIDGE : READ_MEAN].word,
                                           .n_silenced = {l->sets[0].n_chosen, l->sets[1].n_chosen},
                                           .top = l->rule.top,
                                           .n_units = l->n_units,
                                           .n_controls = (size_t)l->controls,
                                           .set = &l->set,
                                           .rows = rows};
    struct fus_readout fits[2];
    int code = fus_lesion_fit(fits, &r, ridge, err);
    for (size_t k = 0; k <= l->sets[0].n_sets && !code; k++)
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

/* The rows of one set of silenced units. */
static int read_out(struct fus_outfile *f, struct fus_lesion_pass *l, struct fus_error *err)
{
    const struct fus_lesion_readout r = {l->features, &l->set, l->n_features};
    size_t n = (size_t)l->set.n_categories, conditions = l->sets[0].n_sets + 1;
    struct fus_lesion_row *rows = fus_base_alloc(n, sizeof *rows);
    double *accuracy = fus_base_alloc(conditions, n * sizeof *accuracy),
           *feature_mean = fus_base_alloc(conditions, n * sizeof *feature_mean);
    int code = rows && accuracy && feature_mean ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "no memory for the table");
    for (size_t k = 0; k < conditions && !code; k++)
        fus_lesion_means(feature_mean + k * n, &r, k);
    for (int ridge = 0; ridge < 2 && !code; ridge++)
        if (l->readout.value == READ_BOTH || ridge == (l->readout.value == READ_RIDGE))
            code = read_by(f, l->out ? stdout : stderr, l, ridge, rows, accuracy, feature_mean, err);
    fus_base_free(rows);
    fus_base_free(accuracy);
    fus_base_free(feature_mean);
    return code;
}

/* Measures and writes every dose, or the selective units. The table goes into a file and what
 * people read to standard output; without a file, the table does, and the rest to standard
 * error. */
static int silence_each(struct fus_lesion_pass *l, struct fus_error *err)
{
    struct fus_outfile f = {.file = stdout};
    int code = fus_lesion_pass_look(l, err);
    bool opened = !code && l->out && (code = fus_outfile_open(&f, l->out, err)) == FUS_OK;
    for (int i = 0; i < (l->n_doses ? l->n_doses : 1) && !code; i++) {
        l->rule.top = l->n_doses ? l->doses[i] : 0;
        code = fus_lesion_pass_measure(l, err);
        if (!code && i == 0)
            fus_lesion_write_header(&f);
        if (!code)
            code = read_out(&f, l, err);
    }
    if (!code && opened)
        return fus_outfile_commit(&f, err);
    if (opened)
        fus_outfile_discard(&f);
    return code;
}

static void close_all(struct fus_lesion_pass *l)
{
    fus_moments_destroy(&l->moments);
    for (int half = 0; half < 2; half++) {
        fus_lesion_free(&l->sets[half]);
        fus_base_free(l->mean[half]);
    }
    fus_base_free(l->responses);
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

/* "8,16,32", ascending; 0, or 2 after a message. */
static int parse_doses(struct fus_lesion_pass *l, const char *text)
{
    size_t last = 0;
    while (text) {
        const char *comma = strchr(text, ',');
        size_t length = comma ? (size_t)(comma - text) : strlen(text);
        char one[24] = "";
        uint64_t k = 0;
        memcpy(one, text, length < sizeof one ? length : sizeof one - 1);
        if (l->n_doses == FUS_LESION_PASS_DOSES || !fus_number_whole(&k, one, NULL) || k <= last || k > INT32_MAX)
            return fus_args_usage("lesion", "--top: '%s' found, up to %d ascending whole numbers expected", text,
                                  FUS_LESION_PASS_DOSES);
        l->doses[l->n_doses++] = last = (size_t)k;
        text = comma ? comma + 1 : NULL;
    }
    return 0;
}

int fus_cmd_lesion(int argc, char **argv)
{
    struct fus_lesion_pass l = {.mode = {modes, FUS_LESION_PASS_ZERO},
                                .stimuli = "builtin",
                                .readout = {readouts, READ_MEAN},
                                .controls = 50,
                                .seed = 1};
    struct fus_choice precision = {fus_model_args_precisions, -1};
    const char *top = NULL, *page = NULL;
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
                                   {"--report", FUS_ARG_TEXT, &page},
                                   {"--top", FUS_ARG_TEXT, &top},
                                   {"--prefix", FUS_ARG_TEXT, &l.choice.prefix},
                                   {"--activation", FUS_ARG_TEXT, &l.choice.activation},
                                   {"--preprocess", FUS_ARG_TEXT, &l.choice.preprocess},
                                   {"--precision", FUS_ARG_CHOICE, &precision},
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
    if (page && !l.out)
        return fus_args_usage("lesion", "--report PAGE.html is drawn from the table: -o OUT.csv expected with it");
    status = parse_doses(&l, top);
    if (!status)
        status = fus_model_args_check("lesion", &l.choice);
    if (status)
        return status;
    fus_interrupt_catch();
    struct fus_net_options options = {.batch = l.batch ? l.batch : 4, .apart = l.batch ? l.batch : FUS_PICTURES_APART};
    int code = open_run(&l, &err);
    options.precision = precision.value >= 0 ? (enum fus_precision)precision.value : l.of_run.precision;
    if (!code)
        code = fus_model_open(&l.model, l.model_path, &l.choice, &options, &err);
    if (!code) {
        l.batch = fus_net_batch(l.model.net);
        code = plan(&l, &err);
    }
    if (!code && !find_name(&l, &err))
        code = FUS_ENOTFOUND;
    if (!code)
        code = open_pictures(&l, &err);
    if (!code)
        code = silence_each(&l, &err);
    if (!code && page)
        code = fus_lesion_page_write(page, l.out, &err);
    if (!code)
        fus_progress_tell_model(&l.model);
    close_all(&l);
    return code ? fus_args_failed(&err) : 0;
}
