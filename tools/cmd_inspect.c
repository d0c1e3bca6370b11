/* SPDX-License-Identifier: MIT */
/* fusiform inspect: the tensors of a weight file, in its own order and names. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "nn/base/sha256.h"
#include "tools/args.h"
#include "tools/commands.h"
#include "weights/weights.h"

static const char help[] =
    "usage: fusiform inspect FILE [--sha256] [--prefix P]\n\n"
    "Prints a line for each tensor of a weight file (safetensors, PyTorch, TorchScript, npz, npy, random:..., "
    "demo:...),\n"
    "tab-separated: name, dtype, shape (64x3x7x7; - for a scalar)[, SHA-256 of its little-endian f32 bytes in C "
    "order].\n"
    "Types that are not read are listed too (f8_e4m3, sparse; their digest is -).\n"
    "FILE may be an index.json of several files, or a folder with one. What the file is, and what is left out of it, "
    "goes to\n"
    "standard error. --prefix P: which of several networks in it is described there.\n\n"
    "example: fusiform inspect resnet50-0676ba61.pth --sha256\n";

static int digest(char hex[FUS_SHA256_HEX], struct fus_store *store, const struct fus_tensor *t, struct fus_error *err)
{
    float *values = fus_base_aligned(t->n_elements, sizeof *values);
    if (!values)
        return fus_base_fail(err, FUS_ENOMEM, "%s: no memory for tensor %s", fus_store_path(store), t->name);
    int code = fus_store_read_f32(store, values, t, err);
    if (!code) {
        struct fus_sha256 s;
        fus_sha256_start(&s);
        fus_sha256_add_floats(&s, values, t->n_elements);
        fus_sha256_hex(&s, hex);
    }
    fus_base_free(values);
    return code;
}

static void print_plain(const char *text)
{
    for (; *text; text++)
        putchar((unsigned char)*text < ' ' || *text == 0x7f ? '?' : *text);
}

static int print_tensor(struct fus_store *store, const struct fus_tensor *t, bool with_digest, struct fus_error *err)
{
    char hex[FUS_SHA256_HEX];
    if (with_digest && !t->unread[0]) {
        int code = digest(hex, store, t, err);
        if (code)
            return code;
    }
    print_plain(t->name);
    putchar('\t');
    print_plain(t->unread[0] ? t->unread : fus_dtype_name(t->dtype));
    putchar('\t');
    for (int d = 0; d < t->n_dims; d++)
        printf("%s%" PRId64, d ? "x" : "", t->shape[d]);
    if (t->n_dims == 0)
        putchar('-');
    if (with_digest)
        printf("\t%s", t->unread[0] ? "-" : hex);
    putchar('\n');
    return FUS_OK;
}

static void print_summary(struct fus_store *store)
{
    struct fus_net_spec spec;
    struct fus_error err = {0};
    char text[FUS_MESSAGE_BYTES];
    int code = fus_names_recognise(&spec, store, NULL, &err);
    if (!code)
        fus_networks_describe(text, sizeof text, &spec);
    else if (strstr(err.msg, "holds several networks")) /* and which */
        snprintf(text, sizeof text, "%s", strstr(err.msg, "holds several networks"));
    else
        snprintf(text, sizeof text, "no network that fusiform runs");
    const char *path = fus_store_path(store);
    fus_args_tell("%s: %s, %zu tensors: %s", path, fus_store_format(store), fus_store_count(store), text);
    if (!code && fus_names_note(store))
        fus_args_tell("%s: %s", path, fus_names_note(store));
    for (size_t i = 0; i < fus_store_n_notes(store); i++)
        fus_args_tell("%s: %s", path, fus_store_note(store, i));
}

int fus_cmd_inspect(int argc, char **argv)
{
    bool with_digest = false;
    const char *prefix = NULL;
    struct fus_texts files = {0};
    const struct fus_arg args[] = {{"--sha256", FUS_ARG_FLAG, &with_digest}, {"--prefix", FUS_ARG_TEXT, &prefix}, {0}};
    int status = fus_args_parse("inspect", help, args, &files, argc, argv);
    if (status)
        return status < 0 ? 0 : status;
    if (files.n != 1)
        return fus_args_usage("inspect", "one weight file expected, %d found", files.n);
    struct fus_error err = {0};
    struct fus_store *store = NULL;
    int code = fus_open_weights(&store, files.items[0], &err);
    if (!code && prefix)
        code = fus_names_choose(store, prefix, &err);
    for (size_t i = 0; !code && i < fus_store_count(store); i++)
        code = print_tensor(store, fus_store_tensor(store, i), with_digest, &err);
    if (!code)
        code = fus_store_check(store, &err);
    if (!code)
        print_summary(store); /* at the end, so that a damaged file has the one line that says so */
    fus_store_close(store);
    return code ? fus_args_failed(&err) : 0;
}
