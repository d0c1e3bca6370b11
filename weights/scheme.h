/* Private to weights/: how one tensor is called elsewhere. */
#ifndef FUS_SCHEME_H
#define FUS_SCHEME_H

#include <stdbool.h>
#include <stddef.h>

#define FUS_NAME_BYTES 128 /* canonical names have at most 40 */

enum fus_scheme_kind { FUS_SCHEME_TORCHVISION, FUS_SCHEME_HUGGING_FACE, FUS_SCHEME_CHILDREN, FUS_SCHEME_DETECTRON, FUS_SCHEME_CONV2_X,
                       FUS_SCHEME_LAYER0, FUS_SCHEME_FIRSTCONV };

struct fus_scheme {
    enum fus_scheme_kind kind;
    int first_child; /* of FUS_SCHEME_CHILDREN: which child layer1 is */
};

enum { FUS_N_BEGINNINGS = 9 };
/* Whether a network that names its tensors in one scheme (which: 0 .. FUS_N_BEGINNINGS-1) may begin before `name`: it ends with
 * the first convolution of the first block. *prefix_bytes: what comes before the network's own part. */
bool fus_scheme_begins(struct fus_scheme *scheme, size_t *prefix_bytes, const char *name, int which);
/* What the stem's convolution is called. */
const char *fus_scheme_stem(struct fus_scheme scheme);
/* Name without prefix -> canonical name (name itself or buf); NULL: not part of a network. */
const char *fus_scheme_canonical(char buf[FUS_NAME_BYTES], const char *name, struct fus_scheme scheme);
/* Whether the name lies inside stem, blocks or known heads, so that the network would compute something with it. */
bool fus_scheme_is_body(const char *name, struct fus_scheme scheme);
/* Counters that training and profilers leave beside layers: num_batches_tracked, total_ops, ... */
bool fus_scheme_is_counter(const char *name);
/* The rest of a language head's names: weight, 0.bias, ... */
bool fus_scheme_is_lang_head(const char *name);

/* Text at *s: past the prefix, where it has it; a number of up to 4 digits, -1 where there is none. */
bool fus_scheme_take(const char **s, const char *prefix);
int fus_scheme_number(const char **s);

#endif
