/* SPDX-License-Identifier: MIT */
/* steps.csv, epochs.csv, confusion.csv. The first two are kept as text while training, so that a
 * state and its rows are written together and a resumed training removes the rows after its
 * state. */
#include "analysis/train/work.h"

#include <math.h>
#include <string.h>

#include "analysis/run/csv.h"
#include "nn/base/number.h"
#include "nn/base/outfile.h"

#define MAX_TABLE ((size_t)1 << 30)
#define STEPS "step,epoch,rate,loss,classify,language,gradient_norm\n"
#define EPOCHS                                                                                                      \
    "epoch,loss,classify,language,accuracy,cosine,held_loss,held_classify,held_language,held_accuracy,held_cosine," \
    "held_own_text_first,held_own_picture_first\n"

static void put(struct fus_text_buffer *t, const char *text)
{
    fus_text_append(t, text, strlen(text));
}

static void put_number(struct fus_text_buffer *t, double x)
{
    char text[FUS_NUMBER_BYTES];
    fus_text_append(t, ",", 1);
    if (isfinite(x))
        fus_text_append(t, text, (size_t)fus_number_print(text, x));
}

void fus_tables_step(struct fus_work *w, const struct fus_train_result *r, double rate, double norm)
{
    char begin[64];
    if (!w->steps.n)
        put(&w->steps, STEPS);
    snprintf(begin, sizeof begin, "%ld,%ld", w->step + 1, w->step / w->steps_per_epoch + 1);
    put(&w->steps, begin);
    put_number(&w->steps, rate);
    put_number(&w->steps, r->loss);
    put_number(&w->steps, w->classes ? r->classify : NAN);
    put_number(&w->steps, w->has_targets ? r->language : NAN);
    put_number(&w->steps, norm);
    put(&w->steps, "\n");
}

void fus_tables_epoch(struct fus_work *w)
{
    const struct fus_work_sums *s = &w->sums;
    const struct fus_training_score *h = &w->held;
    double n = (double)s->n;
    char begin[32];
    if (!w->epochs.n)
        put(&w->epochs, EPOCHS);
    snprintf(begin, sizeof begin, "%ld", w->step / w->steps_per_epoch);
    put(&w->epochs, begin);
    put_number(&w->epochs, s->loss / n);
    put_number(&w->epochs, w->classes ? s->classify / n : NAN);
    put_number(&w->epochs, w->has_targets ? s->language / n : NAN);
    put_number(&w->epochs, w->classes || w->o->contrastive ? (double)s->n_correct / n : NAN);
    put_number(&w->epochs, w->has_targets ? s->cosine / n : NAN);
    const double held[] = {h->loss, h->classify, h->language, h->accuracy, h->cosine, h->recall[0], h->recall[1]};
    for (size_t i = 0; i < sizeof held / sizeof *held; i++)
        put_number(&w->epochs, held[i]);
    put(&w->epochs, "\n");
}

static int write_text(const struct fus_work *w, const char *name, const struct fus_text_buffer *t, const char *header,
                      struct fus_error *err)
{
    char path[4096];
    struct fus_outfile f;
    if (t->failed)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for %s", name);
    fus_work_path(path, w, name);
    int code = fus_outfile_open(&f, path, err);
    if (code)
        return code;
    if (t->n)
        fus_outfile_write(&f, t->s, t->n);
    else
        fus_outfile_write(&f, header, strlen(header));
    return fus_outfile_commit(&f, err);
}

int fus_tables_write(const struct fus_work *w, struct fus_error *err)
{
    int code = write_text(w, "steps.csv", &w->steps, STEPS, err);
    return code ? code : write_text(w, "epochs.csv", &w->epochs, EPOCHS, err);
}

/* The header and `rows` rows of OUT/NAME. */
static int read_text(struct fus_text_buffer *t, const struct fus_work *w, const char *name, long rows,
                     const char *header, struct fus_error *err)
{
    char path[4096];
    uint8_t *bytes;
    size_t n, at = 0;
    fus_work_path(path, w, name);
    int code = fus_base_read_file(&bytes, &n, path, MAX_TABLE, err);
    if (code)
        return fus_base_blame(err, "%s: ", path);
    long found = -1;
    if (n >= strlen(header) && memcmp(bytes, header, strlen(header)) == 0)
        for (const uint8_t *end; found < rows && (end = memchr(bytes + at, '\n', n - at)); found++)
            at = (size_t)(end - bytes) + 1;
    if (found < rows)
        code = fus_base_fail(err, FUS_EFORMAT, "%s: %ld rows found, the state has %ld: not written by this training?",
                             path, found < 0 ? 0 : found, rows);
    else
        fus_text_append(t, (const char *)bytes, at);
    fus_base_free(bytes);
    return code;
}

int fus_tables_read(struct fus_work *w, struct fus_error *err)
{
    int code = read_text(&w->steps, w, "steps.csv", w->step, STEPS, err);
    return code ? code : read_text(&w->epochs, w, "epochs.csv", w->step / w->steps_per_epoch, EPOCHS, err);
}

int fus_tables_confusion(const struct fus_work *w, struct fus_error *err)
{
    char path[4096];
    struct fus_outfile f;
    const struct fus_work_held *p = &w->predictions;
    size_t n = (size_t)w->feed.n_classes, *counts = fus_base_alloc(n, n * sizeof *counts);
    if (!counts)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for confusion.csv");
    for (int i = 0; i < p->n; i++)
        if (p->chosen[i] >= 0)
            counts[(size_t)p->label[i] * n + (size_t)p->chosen[i]]++;
    fus_work_path(path, w, "confusion.csv");
    int code = fus_outfile_open(&f, path, err);
    if (!code) {
        fus_outfile_printf(&f, "class");
        for (size_t c = 0; c < n; c++)
            fus_csv_name(&f, ",", w->feed.classes[c]);
        for (size_t r = 0; r < n; r++) {
            fus_csv_name(&f, "\n", w->feed.classes[r]);
            for (size_t c = 0; c < n; c++)
                fus_csv_count(&f, counts[r * n + c]);
        }
        fus_outfile_printf(&f, "\n");
        code = fus_outfile_commit(&f, err);
    }
    fus_base_free(counts);
    return code;
}
