/* SPDX-License-Identifier: MIT */
/* fusiform tokens: the ids that CLIP's tokenizer gives texts. */
#include <stdio.h>
#include <string.h>

#include "tools/args.h"
#include "tools/commands.h"
#include "weights/clean.h"
#include "weights/text_lines.h"
#include "weights/tokens.h"

static const char help[] =
    "usage: fusiform tokens --vocab FILE TEXT... [--texts FILE] [--truncate]\n"
    "       fusiform tokens --model FILE TEXT...\n\n"
    "Prints the ids that CLIP's tokenizer gives each text, one line a text: start, pieces, end, without padding. They\n"
    "equal clip.tokenize of OpenAI's package (and open_clip's).\n"
    "  --vocab FILE  CLIP's vocabulary: bpe_simple_vocab_16e6.txt.gz (it comes with Python's clip and open_clip "
    "packages),\n"
    "                or merges.txt or tokenizer.json of a CLIP on Hugging Face\n"
    "  --model FILE  the vocabulary that lies beside this weight file\n"
    "  --texts FILE  one text a line; where a line has tabs, what follows the last one\n"
    "  --truncate    cut texts of more than 77 tokens; else they are an error\n\n"
    "example: fusiform tokens --vocab bpe_simple_vocab_16e6.txt.gz \"a photo of a face\"\n";

struct printer {
    const struct fus_vocab *v;
    bool truncate, told;
};

static int print_ids(struct printer *p, const char *text, size_t n_bytes, struct fus_error *err)
{
    int ids[FUS_VOCAB_CONTEXT], n;
    int code = fus_tokens_encode(ids, &n, p->v, text, n_bytes, FUS_VOCAB_CONTEXT, p->truncate, err);
    for (int i = 0; i < n && !code; i++)
        printf("%d%c", ids[i], i + 1 < n ? ' ' : '\n');
    if (!code && !p->told && fus_clean_looks_misread(text, n_bytes)) {
        fus_args_tell("fusiform: a text looks like UTF-8 read as Latin-1; it is taken as it is");
        p->told = true;
    }
    return code;
}

static int print_file(struct printer *p, const char *path, struct fus_error *err)
{
    struct fus_text_lines l;
    int code = fus_text_lines_read(&l, path, FUS_TEXT_LINES_TEXTS, err);
    if (code)
        return code;
    for (size_t i = 0; i < l.n && !code; i++) {
        code = print_ids(p, l.lines[i].text, l.lines[i].n, err);
        if (code)
            fus_base_blame(err, "%s: line %d%s", path, l.lines[i].number, err->offset >= 0 ? ", " : ": ");
    }
    fus_text_lines_free(&l);
    return code;
}

/* The file of --vocab, or the one beside the model. */
static int open_vocab(struct fus_vocab **v, const char *vocab, const char *model, struct fus_error *err)
{
    char *found = NULL;
    int code = vocab ? FUS_OK : fus_vocab_find(&found, model, err);
    if (!code && !vocab && !found)
        code = fus_vocab_missing(err, model);
    if (!code)
        code = fus_vocab_open(v, vocab ? vocab : found, 0, NULL, err);
    fus_base_free(found);
    return code;
}

int fus_cmd_tokens(int argc, char **argv)
{
    const char *vocab = NULL, *model = NULL, *file = NULL;
    struct printer p = {0};
    struct fus_vocab *v = NULL;
    struct fus_texts operands = {0};
    struct fus_error err = {0};
    const struct fus_arg args[] = {{"--vocab", FUS_ARG_TEXT, &vocab},
                                   {"--model", FUS_ARG_TEXT, &model},
                                   {"--texts", FUS_ARG_TEXT, &file},
                                   {"--truncate", FUS_ARG_FLAG, &p.truncate},
                                   {0}};
    int status = fus_args_parse("tokens", help, args, &operands, argc, argv);
    if (status)
        return status < 0 ? 0 : status;
    if ((!vocab && !model) || (operands.n == 0 && !file))
        return fus_args_usage("tokens", "--vocab FILE, or --model FILE, and texts expected");
    int code = open_vocab(&v, vocab, model, &err);
    p.v = v;
    for (int i = 0; i < operands.n && !code; i++) {
        code = print_ids(&p, operands.items[i], strlen(operands.items[i]), &err);
        if (code)
            fus_base_blame(&err, "text %d%s", i + 1, err.offset >= 0 ? ", " : ": ");
    }
    if (!code && file)
        code = print_file(&p, file, &err);
    fus_vocab_close(v);
    return code ? fus_args_failed(&err) : 0;
}
