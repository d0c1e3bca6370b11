/* SPDX-License-Identifier: MIT */
/* Private to weights/: naming schemes of other libraries. */
#ifndef FUS_SCHEME_H
#define FUS_SCHEME_H

#include <stdbool.h>
#include <stddef.h>

#define FUS_NAME_BYTES 128 /* canonical names have at most 40 */

enum fus_scheme_kind {
    FUS_SCHEME_TORCHVISION,
    FUS_SCHEME_HUGGING_FACE,
    FUS_SCHEME_CHILDREN,
    FUS_SCHEME_DETECTRON,
    FUS_SCHEME_CONV2_X,
    FUS_SCHEME_LAYER0,
    FUS_SCHEME_FIRSTCONV,
    FUS_SCHEME_CHAIN, /* AlexNet and VGG */
    FUS_SCHEME_CORNET,
    FUS_SCHEME_CONVNEXT,
    FUS_SCHEME_VIT_OPENAI, /* vision transformers from here on */
    FUS_SCHEME_VIT_HUGGING_FACE,
    FUS_SCHEME_VIT_TIMM,
    FUS_SCHEME_VIT_TORCHVISION
};

struct fus_scheme {
    enum fus_scheme_kind kind;
    int first_child; /* of FUS_SCHEME_CHILDREN: which child layer1 is */
};

enum { FUS_N_BEGINNINGS = 17 };
/* Whether `name` ends with the first convolution of the first block in one scheme (which: 0 ..
 * FUS_N_BEGINNINGS-1). *prefix_bytes: the length of the prefix before the network's names. */
bool fus_scheme_begins(struct fus_scheme *scheme, size_t *prefix_bytes, const char *name, int which);
/* The name of the stem's convolution. */
const char *fus_scheme_stem(struct fus_scheme scheme);
/* Name without prefix -> canonical name (name itself or buf); NULL: not of a network. */
const char *fus_scheme_canonical(char buf[FUS_NAME_BYTES], const char *name, struct fus_scheme scheme);
/* The same for transformers (scheme_tokens.c), image tower or text tower; false: not of it. */
bool fus_scheme_tokens(char out[FUS_NAME_BYTES], const char *name, enum fus_scheme_kind kind, bool text);
/* Buffers and the decoder of training, which a vision transformer's answer does not depend on. */
bool fus_scheme_is_ignored(const char *name);
/* Whether the name belongs to the stem, the blocks or a known head, which the network needs. */
bool fus_scheme_is_body(const char *name, struct fus_scheme scheme);
/* Counters that training and profilers save beside layers: num_batches_tracked, total_ops, ... */
bool fus_scheme_is_counter(const char *name);
/* Whether this is the end of a language head's name: weight, 0.bias, ... */
bool fus_scheme_is_lang_head(const char *name);

/* Moves *s past the prefix, if it begins with it; past a number of up to 4 digits (-1: none). */
bool fus_scheme_take(const char **s, const char *prefix);
int fus_scheme_number(const char **s);

#endif
