/* SPDX-License-Identifier: MIT */
/* fusiform image: the output of the decoders and the preprocessing for one picture. */
#include <stdio.h>
#include <string.h>

#include "analysis/report/report.h"
#include "nn/base/outfile.h"
#include "stimuli/stimuli.h"
#include "tools/args.h"
#include "tools/commands.h"

static const char help[] =
    "usage: fusiform image IMAGE -o OUT.ppm|OUT.png [--resize WxH] [--interp bilinear|bicubic] [--exif]\n"
    "       fusiform image IMAGE --preprocess P -o OUT.npy\n\n"
    "Writes the decoded pixels (Pillow's, to the bit), resized if asked, or the input tensor [3,H,W] that a network "
    "sees.\n"
    "--exif turns a photograph upright by what the camera wrote; the networks' usual loaders do not, so it is only "
    "told.\n"
    "--max-pixels N, such as 400M, reads pictures of more than 100 megapixels, or refuses smaller ones.\n"
    "P: torchvision, torchvision-v2, clip, cifar, or resize=256,interp=bilinear,crop=224,mean=.5/.5/.5,std=.5/.5/.5\n\n"
    "example: fusiform image face.jpg --preprocess torchvision -o face.npy\n";

static int write_tensor(const char *out, const struct fus_image *image, const struct fus_preprocess *p,
                        struct fus_error *err)
{
    size_t side = (size_t)p->crop;
    float *input = fus_base_alloc(3 * side * side, sizeof *input);
    if (!input)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for a tensor of side %zu", side);
    int code = fus_preprocess_apply(input, p, image, err);
    struct fus_npy_array array = {.descr = "<f4", .n_dims = 3, .shape = {3, side, side}, .data = input};
    if (!code)
        code = fus_npyout_npy(out, &array, err);
    fus_base_free(input);
    return code;
}

/* width 0: unchanged. */
static int write_pixels(const char *out, const struct fus_image *image, int width, int height, enum fus_filter filter,
                        struct fus_error *err)
{
    struct fus_image resized = {0};
    int code = width ? fus_resize_image(&resized, image, width, height, filter, err) : FUS_OK;
    const struct fus_image *result = width ? &resized : image;
    if (!code)
        code = fus_base_ends_with(out, ".png") ? fus_png_write(out, result, err) : fus_pnm_write(out, result, err);
    fus_image_free(&resized);
    return code;
}

/* The picture, and a line on stderr if its Exif orientation is not upright. */
static int read_picture(struct fus_image *image, const char *path, bool turned, struct fus_error *err)
{
    uint8_t *bytes = NULL;
    size_t n;
    int orientation = 1, code = fus_base_read_file(&bytes, &n, path, FUS_IMAGE_MAX_BYTES, err);
    if (!code) {
        orientation = fus_exif_orientation(bytes, n);
        code = fus_decode_picture(image, bytes, n, err);
    }
    fus_base_free(bytes);
    if (!code)
        fus_image_note_dim(path, image->dim);
    if (!code && turned)
        code = fus_exif_turn(image, orientation, err);
    else if (!code && orientation != 1)
        fus_args_tell("fusiform: warning: %s: Exif orientation %d not applied; --exif applies it", path, orientation);
    if (code)
        fus_base_blame(err, "%s: ", path);
    return code;
}

int fus_cmd_image(int argc, char **argv)
{
    static const struct fus_word filters[] = {{"bilinear", FUS_BILINEAR}, {"bicubic", FUS_BICUBIC}, {0}};
    struct fus_choice interp = {filters, FUS_BILINEAR};
    struct fus_preprocess preprocess;
    struct fus_error err = {0};
    const char *out = NULL, *size = NULL, *preset = NULL;
    int width = 0, height = 0;
    bool turned = false;
    struct fus_texts files = {0};
    const struct fus_arg args[] = {{"-o", FUS_ARG_TEXT, &out},
                                   {"--resize", FUS_ARG_TEXT, &size},
                                   {"--interp", FUS_ARG_CHOICE, &interp},
                                   {"--preprocess", FUS_ARG_TEXT, &preset},
                                   {"--exif", FUS_ARG_FLAG, &turned},
                                   {0}};
    int status = fus_args_parse("image", help, args, &files, argc, argv);
    if (status)
        return status < 0 ? 0 : status;
    if (files.n != 1 || !out)
        return fus_args_usage("image", "one picture and -o OUT expected");
    bool named =
        preset ? fus_base_ends_with(out, ".npy") : fus_base_ends_with(out, ".ppm") || fus_base_ends_with(out, ".png");
    if (!named && !fus_outfile_is_stream(out))
        return fus_args_usage("image", "-o %s: a name ending in %s expected", out, preset ? ".npy" : ".ppm or .png");
    if (preset && size)
        return fus_args_usage("image", "--resize and --preprocess exclude each other");
    if (size && !fus_args_size(&width, &height, size))
        return fus_args_usage("image", "--resize: '%s' found, WIDTHxHEIGHT such as 224x224 expected", size);
    if (preset && fus_preprocess_parse(&preprocess, preset, &err))
        return fus_args_usage("image", "--preprocess: %s", err.msg);
    struct fus_image image = {0};
    int code = read_picture(&image, files.items[0], turned, &err);
    if (!code)
        code = preset ? write_tensor(out, &image, &preprocess, &err)
                      : write_pixels(out, &image, width, height, (enum fus_filter)interp.value, &err);
    fus_image_free(&image);
    return code ? fus_args_failed(&err) : 0;
}
