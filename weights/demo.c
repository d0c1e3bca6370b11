/* SPDX-License-Identifier: MIT */
/* The demonstration networks, `demo:NAME`: their safetensors files are linked into the program.
 *
 * The assembler puts weights/demo/NAME.safetensors between two labels, the size before it. The
 * Makefile compiles this file again where one of them changes. */
#include "weights/formats.h"

#include <string.h>

#if !defined __GNUC__
#error "the demonstration networks are linked in with the assembler of gcc or clang"
#endif

#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)
#define PREFIX TEXT(__USER_LABEL_PREFIX__) "fus_demo_"
#if defined __APPLE__
#define READ_ONLY ".section __TEXT,__const\n"
#define HIDDEN ".private_extern "
#else
#define READ_ONLY ".section .rodata\n"
#define HIDDEN ".hidden "
#endif
#define LABEL(name) ".balign 16\n.globl " name "\n" HIDDEN name "\n" name ":\n"
#define BYTES_OF(file) "1:\n.incbin \"" file "\"\n2:\n.balign 16\n"
#define SIZE ".long 2f - 1f\n"

#define LINK(name)                                                                      \
    extern const uint32_t fus_demo_##name##_size __attribute__((visibility("hidden"))); \
    extern const uint8_t fus_demo_##name[] __attribute__((visibility("hidden")));       \
    __asm__(READ_ONLY LABEL(PREFIX #name "_size") SIZE LABEL(PREFIX #name)              \
                BYTES_OF("weights/demo/" #name ".safetensors") ".previous\n")

LINK(vision);
LINK(control);
LINK(lang);
LINK(clip);

static const struct network {
    const char *name;
    const uint8_t *bytes;
    const uint32_t *size;
} networks[] = {
    {"vision", fus_demo_vision, &fus_demo_vision_size},
    {"control", fus_demo_control, &fus_demo_control_size},
    {"lang", fus_demo_lang, &fus_demo_lang_size},
    {"clip", fus_demo_clip, &fus_demo_clip_size},
};

int fus_demo_open(struct fus_store *s, const char *name, struct fus_error *err)
{
    for (size_t i = 0; i < sizeof networks / sizeof *networks; i++)
        if (strcmp(name, networks[i].name) == 0) {
            s->linked = networks[i].bytes;
            s->file_bytes = *networks[i].size;
            return fus_safetensors_open(s, err);
        }
    return fus_base_fail(err, FUS_ENOTFOUND,
                         "no demonstration network has this name; there are demo:vision, demo:control, demo:lang and "
                         "demo:clip");
}
