/* SPDX-License-Identifier: MIT */
/* The networks in a file, and the choice of one of them.
 *
 * Training scripts save more than one network, under prefixes of their own:
 * state_dict.module.encoder_q. beside state_dict.module.encoder_k., model. beside model_ema. A
 * network is looked for wherever a tensor is called like the first convolution of a first block
 * (scheme.c). Exactly one that is known (recognise.c) is taken; averaged weights stand behind
 * the plain ones and are mentioned; else the user chooses by prefix. */
#include "weights/names.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "weights/mapping.h"
#include "weights/recognise.h"
#include "weights/scheme.h"

/* ---- names without wrappers ---- */

/* Bytes of a component that a wrapper put in, its dot included: DataParallel, torch.compile,
 * FSDP, activation checkpoints, Lightning; 0: the component is none of these. */
static size_t wrapper_bytes(const char *component)
{
    static const char *const wrappers[] = {"module.", "_orig_mod.", "_fsdp_wrapped_module.",
                                           "_checkpoint_wrapped_module.", "_forward_module."};
    for (size_t i = 0; i < sizeof wrappers / sizeof *wrappers; i++)
        if (strncmp(component, wrappers[i], strlen(wrappers[i])) == 0)
            return strlen(wrappers[i]);
    return 0;
}

/* A copy of the name without wrappers; NULL: no memory. */
static char *without_wrappers(const char *name)
{
    char *plain = fus_base_alloc(strlen(name) + 1, 1);
    size_t n = 0;
    for (const char *at = name; plain && *at;) {
        size_t skipped = wrapper_bytes(at), component = strcspn(at, ".");
        component += at[component] == '.';
        if (!skipped) {
            memcpy(plain + n, at, component);
            n += component;
        }
        at += skipped ? skipped : component;
    }
    return plain;
}

/* The prefix of a root as the file has it, without the last dot: module.encoder_q for encoder_q. */
static void print_prefix(char *text, size_t room, const struct fus_root *root)
{
    const char *at = root->first, *prefix = root->prefix;
    while (*at) {
        size_t n = wrapper_bytes(at);
        if (!n && !*prefix)
            break;
        if (!n) {
            n = strcspn(at, ".") + 1;
            prefix += n;
        }
        at += n;
    }
    size_t n = (size_t)(at - root->first);
    if (n)
        snprintf(text, room, "%.*s", (int)(n - 1 < 200 ? n - 1 : 200), root->first);
    else
        snprintf(text, room, "\"\"");
}

static int compare_plain(const void *a, const void *b)
{
    const char *const *x = *(const char *const *const *)a, *const *y = *(const char *const *const *)b;
    int order = strcmp(*x, *y);
    return order ? order : x < y ? -1 : x > y;
}

/* s->plain and s->by_plain. */
static int make_plain(struct fus_store *s, struct fus_error *err)
{
    char ***sorted = fus_base_alloc(s->n_tensors, sizeof *sorted);
    s->plain = fus_base_alloc(s->n_tensors, sizeof *s->plain);
    s->by_plain = fus_base_alloc(s->n_tensors, sizeof *s->by_plain);
    bool room = sorted && s->plain && s->by_plain;
    for (size_t i = 0; room && i < s->n_tensors; i++) {
        s->plain[i] = without_wrappers(s->tensors[i].name);
        room = s->plain[i] != NULL;
        sorted[i] = &s->plain[i];
    }
    if (room && s->n_tensors)
        qsort(sorted, s->n_tensors, sizeof *sorted, compare_plain);
    for (size_t i = 0; room && i < s->n_tensors; i++)
        s->by_plain[i] = (size_t)(sorted[i] - s->plain);
    fus_base_free(sorted);
    return room ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "no memory for its directory");
}

/* ---- where networks begin ---- */

/* Whether one of the prefix's components has a word for averaged weights in it: model_ema.,
 * state_dict_ema., swa_model; BYOL's target_encoder, MoCo's momentum_encoder and encoder_k,
 * which follow the network that is trained. */
static bool is_average(const char *prefix)
{
    static const char *const words[] = {"ema",    "swa",    "avg",      "average", "averaged",
                                        "shadow", "polyak", "momentum", "target"};
    const char *key = strstr(prefix, "encoder_k");
    if (key && (key == prefix || key[-1] == '.') && (key[9] == '.' || key[9] == '\0'))
        return true;
    for (const char *at = prefix; *at;) {
        size_t n = strcspn(at, "._");
        for (size_t i = 0; i < sizeof words / sizeof *words; i++)
            if (n == strlen(words[i]) && strncasecmp(at, words[i], n) == 0)
                return true;
        at += n + (at[n] != '\0');
    }
    return false;
}

static int add_root(struct fus_store *s, size_t tensor, size_t prefix_bytes, struct fus_scheme scheme,
                    struct fus_error *err)
{
    struct fus_root *root = &s->roots[s->n_roots];
    root->prefix = fus_base_strdup(s->plain[tensor]);
    if (!root->prefix)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for its directory");
    root->prefix[prefix_bytes] = '\0';
    root->first = s->tensors[tensor].name;
    root->scheme = scheme;
    root->average = is_average(root->prefix);
    s->n_roots++;
    return FUS_OK;
}

/* Where no network begins: names as if one began before the first tensor of a known name, for a
 * message that says what is missing. */
static int add_remains(struct fus_store *s, struct fus_error *err)
{
    const struct fus_scheme scheme = {FUS_SCHEME_TORCHVISION, 0};
    char buf[FUS_NAME_BYTES];
    for (size_t i = 0; i < s->n_tensors; i++)
        for (const char *at = s->plain[i]; at; at = strchr(at, '.') ? strchr(at, '.') + 1 : NULL)
            if (fus_scheme_canonical(buf, at, scheme) &&
                (strncmp(at, "layer", 5) == 0 || (s->tensors[i].n_dims == 4 && s->tensors[i].shape[1] == 3)))
                return add_root(s, i, (size_t)(at - s->plain[i]), scheme, err);
    return s->n_tensors ? add_root(s, 0, 0, scheme, err) : FUS_OK;
}

/* A second tensor may say the same: module.conv1.weight beside conv1.weight. */
static bool has_root(const struct fus_store *s, const char *prefix, size_t n)
{
    for (size_t r = 0; r < s->n_roots; r++)
        if (strlen(s->roots[r].prefix) == n && strncmp(s->roots[r].prefix, prefix, n) == 0)
            return true;
    return false;
}

static int find_roots(struct fus_store *s, struct fus_error *err)
{
    int code = FUS_OK;
    s->roots = fus_base_alloc(FUS_NAMES_MAX_ROOTS, sizeof *s->roots);
    if (!s->roots)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for its directory");
    for (size_t i = 0; i < s->n_tensors && s->n_roots < FUS_NAMES_MAX_ROOTS && !code; i++) {
        struct fus_scheme scheme;
        size_t n;
        for (int k = 0; k < FUS_N_BEGINNINGS && !code; k++)
            if (fus_scheme_begins(&scheme, &n, s->plain[i], k) &&
                fus_mapping_find(s, s->plain[i], n, fus_scheme_stem(scheme)) && !has_root(s, s->plain[i], n)) {
                code = add_root(s, i, n, scheme, err);
                break;
            }
    }
    return !code && s->n_roots == 0 ? add_remains(s, err) : code;
}

/* FNV-1a over names and places of the body's tensors: two roots with one
 * storage have one digest. */
static uint64_t places_of(const struct fus_store *s)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < s->n_canonical; i++) {
        const struct fus_canonical *c = &s->by_canonical[i];
        const struct fus_tensor *t = &s->tensors[c->tensor];
        if (strncmp(c->name, "fc.", 3) == 0 || strncmp(c->name, "lang_head.", 10) == 0 ||
            strncmp(c->name, "text.", 5) == 0)
            continue;
        const uint64_t place[] = {t->offset, t->member, (uint64_t)t->dtype};
        for (const char *p = c->name; *p; p++)
            h = (h ^ (unsigned char)*p) * UINT64_C(0x100000001b3);
        for (size_t k = 0; k < 3; k++)
            for (int b = 0; b < 64; b += 8)
                h = (h ^ (place[k] >> b & 255)) * UINT64_C(0x100000001b3);
    }
    return h;
}

/* Which of the roots are networks that are known. */
static void try_roots(struct fus_store *s)
{
    for (size_t r = 0; r < s->n_roots; r++) {
        struct fus_root *root = &s->roots[r];
        struct fus_net_spec spec;
        root->known = fus_mapping_root(s, root, NULL) == FUS_OK && fus_recognise_mapped(&spec, s, NULL) == FUS_OK;
        root->places = places_of(s);
        for (size_t q = 0; q < r && root->known; q++)
            root->twin = root->twin || (s->roots[q].known && s->roots[q].places == root->places);
    }
}

/* ---- the choice ---- */

/* "a, b, c": prefixes of the known roots; of all roots if none is known. */
static void list_roots(char *text, size_t room, const struct fus_store *s)
{
    size_t used = 0, n_known = 0;
    for (size_t r = 0; r < s->n_roots; r++)
        n_known += s->roots[r].known && !s->roots[r].twin;
    text[0] = '\0';
    for (size_t r = 0; r < s->n_roots && used + 210 < room; r++) {
        char one[208];
        if (n_known && (!s->roots[r].known || s->roots[r].twin))
            continue;
        print_prefix(one, sizeof one, &s->roots[r]);
        used += (size_t)snprintf(text + used, room - used, "%s%s", used ? ", " : "", one);
    }
}

static void say_more(struct fus_store *s, bool by_prefix)
{
    size_t used = 0;
    s->note[0] = '\0';
    for (size_t r = 0; r < s->n_roots && !by_prefix && used + 300 < sizeof s->note; r++) {
        char one[208];
        if (&s->roots[r] == s->chosen || !s->roots[r].known || s->roots[r].twin || !s->roots[r].average)
            continue;
        print_prefix(one, sizeof one, &s->roots[r]);
        used += (size_t)snprintf(s->note + used, sizeof s->note - used, "%s%s",
                                 used ? ", --prefix " : "averaged weights lie beside these: --prefix ", one);
    }
    if (s->chosen && s->chosen->scheme.kind == FUS_SCHEME_DETECTRON && s->n_canonical)
        snprintf(s->note + used, sizeof s->note - used,
                 "%sdetectron2's names: run with torchvision's strides; networks trained with the stride "
                 "in the 1x1 convolution (STRIDE_IN_1X1) or on BGR pictures compute something else",
                 used ? "; " : "");
}

/* How well a root fits what --prefix says: 3 is it, 2 ends with it, 1 begins with it or has it
 * inside, 0 does not. */
static int fit(const char *root, const char *wanted)
{
    size_t n = strlen(root), m = strlen(wanted);
    if (strcmp(root, wanted) == 0)
        return 3;
    if (m == 0)
        return 0;
    if (n > m && strcmp(root + n - m, wanted) == 0 && root[n - m - 1] == '.')
        return 2;
    for (const char *at = root; (at = strstr(at, wanted)) != NULL; at++)
        if (at == root || at[-1] == '.')
            return 1;
    return 0;
}

/* Index of the only candidate, -1: none, -2: several. wanted NULL: any that is known, averages
 * behind the others. */
static int choose(const struct fus_store *s, const char *wanted)
{
    int best = 0, found = -1;
    for (size_t r = 0; r < s->n_roots; r++) {
        const struct fus_root *root = &s->roots[r];
        int value = wanted ? 4 * fit(root->prefix, wanted) : root->known ? 4 : 0;
        value += value ? 2 * root->known + !root->average : 0;
        if (root->twin || value == 0 || value < best)
            continue;
        found = value > best ? (int)r : -2;
        best = value;
    }
    return found;
}

int fus_names_map(struct fus_store *s, struct fus_error *err)
{
    if (s->generate && s->random_spec.stem >= FUS_STEM_PIXELS)
        return fus_mapping_same(s, err);
    int code = make_plain(s, err);
    if (!code)
        code = find_roots(s, err);
    if (code || s->n_roots == 0)
        return code;
    if (s->n_roots > 1)
        try_roots(s);
    int root = s->n_roots > 1 ? choose(s, NULL) : 0;
    if (root == -2) {
        fus_mapping_forget(s);
        return fus_mapping_text(s, err);
    }
    code = fus_mapping_root(s, &s->roots[root < 0 ? 0 : root], err);
    say_more(s, false);
    return code;
}

int fus_names_choose(struct fus_store *s, const char *prefix, struct fus_error *err)
{
    if (s->generate) /* an untrained network has none */
        return FUS_OK;
    size_t n = strlen(prefix);
    char list[1000], *plain = NULL, *dotted = fus_base_alloc(n + 2, 1);
    if (dotted) {
        memcpy(dotted, prefix, n);
        dotted[n] = n && prefix[n - 1] != '.' ? '.' : '\0';
        plain = without_wrappers(dotted);
        fus_base_free(dotted);
    }
    if (!plain)
        return fus_base_fail(err, FUS_ENOMEM, "%s: no memory for a prefix", s->path);
    int root = choose(s, plain);
    fus_base_free(plain);
    list_roots(list, sizeof list, s);
    if (root < 0)
        return fus_base_fail(err, FUS_EUNSUPPORTED, "%s: --prefix %s: %s; networks lie under: %s", s->path, prefix,
                             root == -1 ? "no network lies there" : "several networks fit", *list ? list : "no prefix");
    int code = fus_mapping_root(s, &s->roots[root], err);
    if (code)
        return fus_base_blame(err, "%s: ", s->path);
    say_more(s, true);
    return FUS_OK;
}

const char *fus_names_note(const struct fus_store *s)
{
    return s->note[0] ? s->note : NULL;
}

/* Three numbers of a tensor [3], [3,1,1] or [1,3,1,1]. */
static bool read_three(float out[3], struct fus_store *s, const struct fus_tensor *t)
{
    return t && t->n_elements == 3 && fus_store_read_f32(s, out, t, NULL) == FUS_OK;
}

bool fus_names_normalisation(struct fus_store *s, float mean[3], float std[3])
{
    static const char *const names[][2] = {{"mean", "std"}, {"new_mean", "new_std"}};
    for (size_t i = 0; i < s->n_tensors; i++) {
        const char *plain = s->plain[i], *dot = strrchr(plain, '.'), *last = dot ? dot + 1 : plain;
        for (int k = 0; k < 2; k++)
            if (strcmp(last, names[k][0]) == 0 &&
                read_three(std, s, fus_mapping_find(s, plain, (size_t)(last - plain), names[k][1])) &&
                read_three(mean, s, &s->tensors[i]))
                return true;
    }
    return false;
}

/* ---- which network ---- */

static int recognise(struct fus_net_spec *spec, struct fus_store *s, const char *lang_head, struct fus_error *err)
{
    char list[1000];
    memset(spec, 0, sizeof *spec);
    if (s->generate) {
        *spec = s->random_spec;
        return FUS_OK;
    }
    list_roots(list, sizeof list, s);
    if (!s->chosen && s->n_roots)
        return fus_base_fail(err, FUS_EUNSUPPORTED,
                             "holds several networks: --prefix P chooses one; they lie under: %s", list);
    int code = FUS_OK;
    if (s->chosen && lang_head && strcmp(lang_head, "lang_head") != 0)
        code = fus_mapping_lang_head(s, lang_head, err);
    return code ? code : fus_recognise_mapped(spec, s, err);
}

int fus_names_recognise(struct fus_net_spec *spec, struct fus_store *s, const char *lang_head, struct fus_error *err)
{
    int code = recognise(spec, s, lang_head, err);
    if (code)
        fus_base_blame(err, "%s: ", s->path);
    return code;
}
