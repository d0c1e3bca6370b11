/* SPDX-License-Identifier: MIT */
/* train.json: everything that the result of a training depends on, one item a line, so that a
 * resumed training can name a difference. */
#include "analysis/train/work.h"

#include <string.h>

#include "nn/base/sha256.h"
#include "nn/base/utf8.h"

#define MAX_RECORD ((size_t)64 << 20)

/* The text in quotes; bytes that are not UTF-8 as in json.h. */
static void put_quoted(struct fus_text_buffer *out, const char *text)
{
    char piece[8];
    size_t left = strlen(text);
    fus_text_append(out, "\"", 1);
    while (left > 0) {
        size_t n = fus_utf8_length(text, left);
        unsigned char c = (unsigned char)*text;
        int length = n == 0                  ? snprintf(piece, sizeof piece, "\\udc%02x", c)
                     : c == '"' || c == '\\' ? snprintf(piece, sizeof piece, "\\%c", c)
                     : c < 0x20              ? snprintf(piece, sizeof piece, "\\u%04x", c)
                                             : 0;
        if (length)
            fus_text_append(out, piece, (size_t)length);
        else
            fus_text_append(out, text, n);
        n = n ? n : 1;
        text += n;
        left -= n;
    }
    fus_text_append(out, "\"", 1);
}

static void put(struct fus_text_buffer *out, const char *text)
{
    fus_text_append(out, text, strlen(text));
}

static void put_pair(struct fus_text_buffer *out, const char *indent, const char *key, const char *value,
                     const char *end)
{
    put(out, indent);
    put_quoted(out, key);
    put(out, ": ");
    put_quoted(out, value);
    put(out, end);
}

static void put_count(struct fus_text_buffer *out, const char *key, int n)
{
    char line[80];
    snprintf(line, sizeof line, "  \"%s\": %d,\n", key, n);
    put(out, line);
}

/* The initial network: the text of a random one; name and digest of a file, without its folder. */
static void put_start(struct fus_work *w)
{
    const char *slash = fus_open_is_file(w->o->model) ? strrchr(w->o->model, '/') : NULL;
    char text[256];
    fus_networks_describe(text, sizeof text, &w->start.spec);
    put_pair(&w->record, "  ", "model", slash ? slash + 1 : w->o->model, ",\n");
    put_pair(&w->record, "  ", "model_sha256", w->start.sha256, ",\n");
    put_pair(&w->record, "  ", "network", text, ",\n");
    put_pair(&w->record, "  ", "preprocess", w->start.preprocess_text, ",\n");
}

static int put_captions(struct fus_work *w, struct fus_error *err)
{
    char sha[65];
    int code = w->o->captions ? fus_sha256_file(sha, w->o->captions, err) : FUS_OK;
    if (code)
        return code;
    if (w->o->captions)
        put_pair(&w->record, "  ", "captions_sha256", sha, ",\n");
    if (w->has_targets) {
        put_pair(&w->record, "  ", "targets", w->targets.description, ",\n");
        put_pair(&w->record, "  ", "targets_sha256", w->targets.sha256, ",\n");
    }
    if (w->has_targets && w->targets.model_sha256[0]) {
        put_pair(&w->record, "  ", "text_model_sha256", w->targets.model_sha256, ",\n");
        put_pair(&w->record, "  ", "vocabulary_sha256", w->targets.vocab_sha256, ",\n");
    }
    return FUS_OK;
}

int fus_record_make(struct fus_work *w, const char pictures[65], const char validated[65], struct fus_error *err)
{
    struct fus_text_buffer *r = &w->record;
    put(r, "{\n");
    put_pair(r, "  ", "version", FUS_VERSION, ",\n");
    put_start(w);
    put_pair(r, "  ", "pictures_sha256", pictures, ",\n");
    if (validated)
        put_pair(r, "  ", "validate_sha256", validated, ",\n");
    put_count(r, "training_pictures", w->feed.n_train);
    put_count(r, "held_out_pictures", w->has_other ? w->other.n_held : w->feed.n_held);
    int code = put_captions(w, err);
    if (code)
        return code;
    put(r, "  \"options\": {\n");
    for (int i = 0; i < w->o->n_named; i++)
        put_pair(r, "    ", w->o->named[i].key, w->o->named[i].value, i + 1 < w->o->n_named ? ",\n" : "\n");
    put(r, "  },\n  \"classes\": [");
    for (int c = 0; c < w->feed.n_classes; c++) {
        put(r, c ? ", " : "");
        put_quoted(r, w->feed.classes[c]);
    }
    put(r, "]\n}\n");
    if (r->failed)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for train.json");
    struct fus_sha256 sha;
    fus_sha256_start(&sha);
    fus_sha256_add(&sha, r->s, r->n);
    fus_sha256_hex(&sha, w->record_sha256);
    return FUS_OK;
}

/* ---- the same training? ---- */

/* A line without its indent and comma. */
static int trimmed(const char **line, const char *text)
{
    *line = text + strspn(text, " ");
    int n = (int)strcspn(*line, "\n");
    while (n > 0 && (*line)[n - 1] == ',')
        n--;
    return n < 200 ? n : 200;
}

int fus_record_compare(const struct fus_work *w, struct fus_error *err)
{
    char path[4096];
    uint8_t *bytes;
    size_t n;
    fus_work_path(path, w, "train.json");
    int code = fus_base_read_file(&bytes, &n, path, MAX_RECORD, err);
    if (code)
        return fus_base_blame(err, "%s: ", path);
    const char *there = (const char *)bytes, *here = w->record.s;
    while (*there && *here && strcspn(there, "\n") == strcspn(here, "\n") &&
           strncmp(there, here, strcspn(here, "\n")) == 0) {
        there += strcspn(there, "\n") + (there[strcspn(there, "\n")] == '\n');
        here += strcspn(here, "\n") + (here[strcspn(here, "\n")] == '\n');
    }
    if (*there || *here) {
        const char *a, *b;
        int a_n = trimmed(&a, there), b_n = trimmed(&b, here);
        code = fus_base_fail(err, FUS_EINVAL,
                             "%s: began with %.*s, found now is %.*s: --resume needs the same start, pictures and "
                             "options; --force begins anew",
                             w->o->out, a_n, a, b_n, b);
    }
    fus_base_free(bytes);
    return code;
}
