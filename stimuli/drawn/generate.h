/* SPDX-License-Identifier: MIT */
/* Private to stimuli/: one function for each subcategory of the built-in pictures.
 *
 * Each function first draws all parameters from rng, then writes the caption and paints the
 * picture. So the caption does not depend on the side of the picture, and needs no picture. */
#ifndef FUS_GENERATE_H
#define FUS_GENERATE_H

#include "stimuli/drawn/scene.h"

/* d NULL: the caption only; caption NULL: the picture only. */
typedef void fus_generate_kind(struct fus_draw *d, struct fus_scene_caption *caption, struct fus_rng *rng);

fus_generate_kind fus_generate_face_adult, fus_generate_face_child; /* generate_face.c */
fus_generate_kind fus_generate_body_body;                           /* generate_body.c */
fus_generate_kind fus_generate_limb_limb;                           /* generate_limb.c */
fus_generate_kind fus_generate_house_house;                         /* generate_house.c */
fus_generate_kind fus_generate_corridor_corridor;                   /* generate_corridor.c */
fus_generate_kind fus_generate_word_word, fus_generate_word_number; /* generate_word.c */
fus_generate_kind fus_generate_car_car;                             /* generate_car.c */
fus_generate_kind fus_generate_instrument_instrument;               /* generate_instrument.c */

#endif
